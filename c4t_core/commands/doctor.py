"""``c4t doctor``: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import argparse
import contextlib
import ctypes.util
import os
import platform
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from itertools import groupby
from pathlib import Path

from c4t_core import __version__, paths
from c4t_core.commands.console import print_json, printable
from c4t_core.devices import available_threads
from c4t_core.records import dataclass

_MARKS = {"ok": "  ", "note": "- ", "missing": "! "}
_PATIENCE = 90  # seconds for a package to load
_LOW_DISK = 2_000_000_000  # bytes

# What Qt needs on a bare Debian or Ubuntu: shared library -> package.
QT_LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3",
}
SCREEN_LIBRARIES = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
_BASE = (
    *("numpy", "pillow", "imagecodecs", "numkong", "onnxruntime", "openvino", "tokenizers"),
    *("safetensors", "PySide6-Essentials"),
)
_EXTRAS = {
    "train": ("training", "torch", "torchvision", "transformers", "timm", "accelerate", "onnx"),
    "clip": ("CLIP", "torch", "torchvision", "open_clip_torch"),
}


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        name: what was looked at.
        state: ``ok``, ``note`` (good to know, nothing is broken) or ``missing``.
        value: what was found.
        remedy: what to do, where something is to be done.
        group: heading it stands under.
    """

    name: str
    state: str
    value: str
    remedy: str = ""
    group: str = ""


def examine() -> list[Finding]:
    """Look at everything."""
    groups = {
        "Versions": _versions(),
        "Window": _window(),
        "Search": _search(),
        "Devices": _devices(),
        "Data": _folders(),
        "Models": _models(),
    }
    return [replace(item, group=group) for group, found in groups.items() for item in found]


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _versions() -> Iterator[Finding]:
    system = f"{platform.system()} {platform.release()}, {platform.machine()}"
    yield Finding("C4T", "ok", __version__)
    yield Finding("Python", "ok", f"{platform.python_version()}, {system}")
    yield Finding("SQLite", "ok", sqlite3.sqlite_version)
    for name in _BASE:
        version = _version(name)
        if version is None:
            yield Finding(name, "missing", "not installed", f'pip install "{name}"')
        else:
            yield Finding(name, "ok", version)
    for extra, (purpose, *names) in _EXTRAS.items():
        versions = {name: _version(name) for name in names}
        lacking = [name for name in names if versions[name] is None]
        if lacking:
            remedy = f'only for {purpose}: pip install "c4t-desktop[{extra}]"'
            value = f"not installed: {', '.join(lacking)}"
            yield Finding(f"extra {extra}", "note", value, remedy)
        else:
            value = ", ".join(f"{name} {version}" for name, version in versions.items())
            yield Finding(f"extra {extra}", "ok", value)


def try_in_process(code: str, **variables: str) -> str | None:
    """Run Python code in a process of its own; return None if well, else what went wrong."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            env={**os.environ, **variables},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_PATIENCE} s"
    except OSError as error:
        return str(error)
    if done.returncode == 0:
        return None
    if done.returncode < 0:
        return f"it crashed (signal {-done.returncode})"
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"


def missing_library(message: str) -> str | None:
    """Return the shared library that a failed import names.

    >>> missing_library("ImportError: libEGL.so.1: cannot open shared object file: No such ...")
    'libEGL.so.1'
    """
    match = re.search(r"(lib[\w.+-]+\.so[.\d]*): cannot open shared object", message)
    return match.group(1) if match else None


def _window() -> Iterator[Finding]:
    trouble = try_in_process(
        "from PySide6 import QtCore, QtGui, QtWidgets, QtSvg; QtWidgets.QApplication([])",
        QT_QPA_PLATFORM="offscreen",
    )
    if trouble is None:
        yield Finding("Qt", "ok", "loads")
    else:
        yield Finding("Qt", "missing", trouble, qt_remedy(trouble))
    if platform.system() != "Linux":
        return
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        remedy = "the command line works; for the window start a desktop session or ssh -X"
        yield Finding("screen", "note", "none", remedy)
        return
    packages = sorted({p for lib, p in SCREEN_LIBRARIES.items() if not _has_library(lib)})
    if packages:
        remedy = f"on Debian and Ubuntu: sudo apt install {' '.join(packages)}"
        yield Finding("screen", "missing", "system libraries are missing", remedy)
    else:
        yield Finding("screen", "ok", "system libraries are there")


def _has_library(soname: str) -> bool:
    stem = soname.removeprefix("lib").partition(".so")[0]
    return ctypes.util.find_library(stem) is not None


def qt_remedy(trouble: str) -> str:
    """Return how to get what Qt lacks; all that is missing at once."""
    library = missing_library(trouble)
    if library is None:
        if "No module named" in trouble:
            return 'pip install "PySide6-Essentials>=6.8,<6.12"; the command line works without'
        return 'pip install --force-reinstall "PySide6-Essentials>=6.8,<6.12"'
    packages = {p for lib, p in QT_LIBRARIES.items() if not _has_library(lib)}
    packages.add(QT_LIBRARIES.get(library, library))
    return f"on Debian and Ubuntu: sudo apt install {' '.join(sorted(packages))}"


def _search() -> Iterator[Finding]:
    trouble = try_in_process("import onnxruntime, tokenizers")
    if trouble is not None:
        remedy = "pip install --force-reinstall onnxruntime tokenizers"
        yield Finding("model engine", "missing", trouble, remedy)
    else:
        yield Finding("model engine", "ok", "ONNX Runtime loads")
    trouble = try_in_process("import c4t_core, openvino; openvino.Core()")  # ours keeps it quiet
    if trouble is None:
        yield Finding("OpenVINO", "ok", _version("openvino") or "loads")
    else:
        value = f"does not load ({trouble}); ONNX Runtime serves, indexing is slower"
        yield Finding("OpenVINO", "note", value, "pip install --force-reinstall openvino")
    trouble = try_in_process("import hnswlib; hnswlib.Index(space='ip', dim=2)")
    if trouble is None:
        yield Finding("hnswlib", "ok", _version("hnswlib") or "loads")
        return
    value = "not installed; exact search serves, large folders are slower"
    if "No module named" not in trouble:
        value = f"does not load ({trouble}); exact search serves"
    yield Finding("hnswlib", "note", value, hnswlib_remedy())


def hnswlib_remedy() -> str:
    """Return how to get hnswlib, which is compiled where it is installed."""
    command = "HNSWLIB_NO_NATIVE=1 pip install --no-cache-dir --force-reinstall --no-deps hnswlib"
    if any(shutil.which(name) for name in ("c++", "g++", "clang++", "cl")):
        return command
    system = platform.system()
    if system == "Windows":
        return 'install the "C++ build tools" of Visual Studio, then: pip install hnswlib'
    if system == "Darwin":
        return f"xcode-select --install, then: {command}"
    return f"a C++ compiler first (Debian and Ubuntu: sudo apt install g++), then: {command}"


def _devices() -> Iterator[Finding]:
    yield Finding("CPU", "ok", f"{available_threads()} threads")
    if _version("torch") is None:
        return
    code = (
        "import sys, torch\n"
        "cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()\n"
        "sys.exit(torch.cuda.get_device_name(0) if cuda else 'Apple GPU' if mps else 'none')"
    )
    found = try_in_process(code) or "none"
    remedy = "" if found != "none" else "everything runs on the CPU; training is slower there"
    yield Finding("GPU", "note" if remedy else "ok", found, remedy)


def _folders() -> Iterator[Finding]:
    for name, make in (
        ("data", paths.data_dir),
        ("cache", paths.cache_dir),
        ("own models", paths.models_dir),
        ("logs", paths.log_dir),
    ):
        try:
            folder = make()
            with tempfile.TemporaryFile(dir=folder) as probe:
                probe.write(b"\0")
        except OSError as error:
            remedy = "make it writable, or choose another with C4T_DATA_DIR"
            yield Finding(name, "missing", f"cannot be written: {error}", remedy)
            continue
        yield Finding(name, "ok", f"{folder} ({size_in_words(folder_size(folder))})")
    yield from _disk()


def _disk() -> Iterator[Finding]:
    try:
        free = shutil.disk_usage(paths.data_dir()).free
    except OSError:
        return
    low = free < _LOW_DISK
    remedy = "make room, or choose another disk with C4T_DATA_DIR" if low else ""
    state = "missing" if low else "ok"
    yield Finding("free disk", state, size_in_words(free), remedy)


def folder_size(folder: Path) -> int:
    """Return the bytes of all files below a folder; links are not followed."""
    total = 0
    for base, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(base, name)).st_size
    return total


def size_in_words(size: int) -> str:
    """Write a number of bytes.

    >>> size_in_words(999), size_in_words(54_600_000), size_in_words(7_300_000_000)
    ('999 bytes', '54.6 MB', '7.3 GB')
    """
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= limit:
            return f"{size / limit:.1f} {unit}"
    return f"{size} bytes"


def _models() -> Iterator[Finding]:
    try:
        from c4t_core.models.registry import list_models

        models = list_models()
    except Exception as error:  # noqa: BLE001 - the doctor goes on whatever it finds
        yield Finding("models", "missing", str(error), "install C4T again")
        return
    for model in models:
        if model.available:
            yield Finding(model.name, "ok", size_in_words(model.size_bytes))
        else:
            state = "missing" if model.name == "c4t" else "note"
            yield Finding(model.name, state, "not available", model.reason)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = (
        "Show versions, devices, data folders and models, name the system parts that are missing, "
        "and say how to get them. Nothing is changed."
    )
    parser.add_argument("--json", action="store_true", help="print the findings as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Print the findings; 0 however they turn out, for the report itself succeeded."""
    findings = examine()
    missing = [finding for finding in findings if finding.state == "missing"]
    if args.json:
        print_json({"ok": not missing, "findings": [vars(finding) for finding in findings]})
        return 0
    _print(findings)
    if missing:
        print(f"\n{len(missing)} to mend: {', '.join(f.name for f in missing)}.")
    else:
        print("\nAll that indexing and searching need is there.")
    return 0


def _print(findings: list[Finding]) -> None:
    width = max(len(finding.name) for finding in findings) + 2
    for group, found in groupby(findings, lambda finding: finding.group):
        print(f"\n{group}")
        for finding in found:
            mark = _MARKS[finding.state]
            print(f"{mark}{finding.name:<{width}}{printable(finding.value)}".rstrip())
            if finding.remedy:
                print(f"{' ' * (width + 2)}-> {printable(finding.remedy)}")
