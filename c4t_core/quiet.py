"""Nothing is sent and nothing is written elsewhere: what the libraries have to be told first.

Importing :mod:`c4t_core` switches off what reports usage, since most of it is decided when a
library is imported. Programs also have the libraries keep their caches in ours. What the user set
stays as it is; downloads are not concerned: none happens unasked (see ``models.download``).
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import cast

# Looked through were all packages that an installation brings. Of them onnxruntime reports (from
# 1.29 on, by itself, to its maker), openvino (when it is imported, by a package made for that),
# huggingface_hub where it downloads, and ray where it starts.
REPORTING = {
    "ORT_DISABLE_TELEMETRY": "1",
    "ORT_TELEMETRY_DISABLED": "1",  # its name in some builds
    "HF_HUB_DISABLE_TELEMETRY": "1",  # transformers, timm and open_clip ask there
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "DO_NOT_TRACK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}
# Threads of numpy's BLAS spin for 2^26 cycles after each product, and after their start, before
# they sleep: on a core that others of ours need. 4 is the least it takes.
WAITING = {"OPENBLAS_THREAD_TIMEOUT": "4"}
CACHES = {
    "MPLCONFIGDIR": "matplotlib",
    "TORCHINDUCTOR_CACHE_DIR": "torch/inductor",
    "PYTORCH_KERNEL_CACHE_PATH": "torch/kernels",
    "TRITON_CACHE_DIR": "torch/triton",
    "CUDA_CACHE_PATH": "cuda",
    "NUMBA_CACHE_DIR": "numba",
}
_FONTS = "/etc/fonts/fonts.conf"
_FONTS_TOO = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <cachedir>{folder}</cachedir>
  <include ignore_missing="yes">{system}</include>
</fontconfig>
"""


def report_nothing() -> None:
    """Have no library report its use, and no thread spin; what is imported already is not told."""
    for name, value in (REPORTING | WAITING).items():
        os.environ.setdefault(name, value)
    # It has no switch; openvino goes on without the package that reports.
    sys.modules.setdefault("openvino_telemetry", cast(ModuleType, None))


def keep_caches_inside() -> None:
    """Have the libraries keep their caches below ours; call it before they are imported."""
    from c4t_core.paths import cache_dir

    folder = cache_dir()
    for name, below in CACHES.items():
        os.environ.setdefault(name, str(folder / below))
    if os.path.exists(_FONTS) and "FONTCONFIG_FILE" not in os.environ:
        with contextlib.suppress(OSError, UnicodeError):
            os.environ["FONTCONFIG_FILE"] = str(_font_settings(folder / "fonts"))


def _escaped(text: str) -> str:
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, written)
    return text


def _font_settings(folder: Path) -> Path:
    """Write settings that add to the system's a folder to which the list of fonts is written."""
    path = folder / "fonts.conf"
    text = _FONTS_TOO.format(folder=_escaped(str(folder)), system=_FONTS)
    if not path.is_file() or path.read_text("utf-8") != text:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return path
