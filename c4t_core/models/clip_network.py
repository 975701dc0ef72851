"""open_clip's networks from a folder, in torch and as two ONNX graphs kept in the cache."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.errors import MissingExtraError, ModelError
from c4t_core.files import atomic_folder
from c4t_core.models.preprocess import ClipPreprocess
from c4t_core.paths import cache_dir

if TYPE_CHECKING:
    from torch import Tensor, nn

OPSET = 17
_GRAPHS = ("image.onnx", "text.onnx")
_ERRORS_ONLY = 3  # ONNX Runtime's log severity


def check_installed() -> None:
    """Make sure that open_clip is installed, without the seconds that importing it takes.

    Raises:
        MissingExtraError: if it is not.
    """
    if find_spec("open_clip") is None:
        raise MissingExtraError("CLIP", "clip")


def open_clip() -> Any:
    """Import open_clip so that it never touches the network.

    Whatever may be fetched is fetched by :mod:`c4t_core.models.download`; without this
    setting, made before the import, a machine without a network waits for 46 s of retries.

    Raises:
        MissingExtraError: if it is not installed.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        import open_clip as module
    except ImportError as error:
        raise MissingExtraError("CLIP", "clip") from error
    return module


def build(folder: Path) -> Any:
    """Return the network of a folder with its weights, float32, on the CPU, in eval mode.

    Raises:
        ModelError: if the weights do not fit the architecture; never a network without weights.
        MissingExtraError: if open_clip is not installed.
    """
    module = open_clip()
    try:
        # require_pretrained: without weights open_clip makes random ones and only logs it.
        network = module.create_model(
            f"local-dir:{folder}", require_pretrained=True, weights_only=True, pretrained_text=False
        )
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelError(
            f'The weights in "{folder}" do not fit their architecture ({first[:200]}); add the '
            "checkpoint again and name its architecture."
        ) from error
    return network.float().eval()


def tokenizer(folder: Path) -> Callable[[Sequence[str]], NDArray[np.int64]]:
    """Return what turns texts into ids, int64 (n, context).

    Raises:
        ModelError: if the architecture needs tokenizer files that cannot be had offline.
    """
    module = open_clip()
    try:
        tokens = module.get_tokenizer(f"local-dir:{folder}")
    except (OSError, ValueError, ImportError) as error:
        raise ModelError(
            f'The CLIP model in "{folder}" needs a tokenizer that is not on this machine; choose '
            'one with CLIP\'s own tokenizer, such as "clip" (ViT-B-32).'
        ) from error

    def ids(texts: Sequence[str]) -> NDArray[np.int64]:
        return np.asarray(tokens(list(texts)).numpy(), dtype=np.int64)

    return ids


class TorchTowers:
    """Both towers run by torch."""

    def __init__(self, folder: Path, preprocess: ClipPreprocess, device: str) -> None:
        self._device = device
        self._image, self._text = (part.to(device) for part in _parts(build(folder), preprocess))
        self._running = threading.Lock()

    def image(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (n, size, size, 3) -> float32 (n, d), unit rows."""
        return self._run(self._image, pixels)

    def text(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """int64 (n, context) -> float32 (n, d), unit rows."""
        return self._run(self._text, ids)

    def _run(self, part: nn.Module, data: NDArray[Any]) -> NDArray[np.float32]:
        import torch

        with self._running, torch.inference_mode():
            rows = part(torch.from_numpy(np.ascontiguousarray(data)).to(self._device))
            return np.asarray(rows.float().cpu().numpy(), dtype=np.float32)


class OnnxTowers:
    """Both towers run by ONNX Runtime on the CPU; each is opened at its first use."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._folder = folder
        self._threads = threads
        self._sessions: dict[str, Any] = {}
        self._lock = threading.Lock()

    def image(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (n, size, size, 3) -> float32 (n, d), unit rows."""
        return self._run("image.onnx", pixels)

    def text(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """int64 (n, context) -> float32 (n, d), unit rows."""
        return self._run("text.onnx", ids)

    def _run(self, name: str, data: NDArray[Any]) -> NDArray[np.float32]:
        session = self._session(name)
        (rows,) = session.run(["embeddings"], {"inputs": np.ascontiguousarray(data)})
        return np.asarray(rows, dtype=np.float32)

    def _session(self, name: str) -> Any:
        import onnxruntime

        with self._lock:
            if name not in self._sessions:
                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = self._threads
                options.inter_op_num_threads = 1
                options.log_severity_level = _ERRORS_ONLY
                options.add_session_config_entry("session.intra_op.allow_spinning", "0")
                try:
                    self._sessions[name] = onnxruntime.InferenceSession(
                        str(self._folder / name), options, providers=["CPUExecutionProvider"]
                    )
                except Exception as error:  # noqa: BLE001 - its errors share no base but Exception
                    raise ModelError(
                        "A cached copy of the CLIP model cannot be opened; delete "
                        f'"{self._folder}" and try again, it is made anew.'
                    ) from error
            return self._sessions[name]


def graphs_folder(fingerprint: str) -> Path:
    """Return where the graphs of a model are kept; they can be deleted at any time."""
    return cache_dir() / "clip" / fingerprint[:40]


def have_graphs(fingerprint: str) -> bool:
    """Tell whether the graphs of a model are in the cache."""
    return all((graphs_folder(fingerprint) / name).is_file() for name in _GRAPHS)


def export(folder: Path, preprocess: ClipPreprocess, fingerprint: str) -> Path:
    """Write both graphs into the cache, if they are not there, and return their folder.

    Raises:
        MissingExtraError: if open_clip or what exports graphs is not installed.
        ModelError: if the weights do not fit, or this architecture cannot be exported.
    """
    target = graphs_folder(fingerprint)
    if have_graphs(fingerprint):
        return target
    open_clip()
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("Writing CLIP for ONNX Runtime", "clip") from error
    import torch

    size = preprocess.size
    inputs = (
        torch.zeros((2, size, size, 3), dtype=torch.uint8),
        torch.from_numpy(tokenizer(folder)(["a truck", "snow"])),
    )
    with atomic_folder(target, replace=True) as graphs:
        for name, part, example in zip(
            _GRAPHS, _parts(build(folder), preprocess), inputs, strict=True
        ):
            _trace(part, example, graphs / name)
    return target


def _trace(part: nn.Module, example: Tensor, path: Path) -> None:
    import torch

    fast = torch.backends.mha.get_fastpath_enabled()
    with warnings.catch_warnings(), torch.no_grad():
        # The tracing exporter keeps what is constant here constant; its warnings are about that.
        warnings.simplefilter("ignore")
        torch.backends.mha.set_fastpath_enabled(False)  # one fused operator that ONNX lacks
        try:
            torch.onnx.export(
                part,
                (example,),
                str(path),
                dynamo=False,
                input_names=["inputs"],
                output_names=["embeddings"],
                dynamic_axes={"inputs": {0: "n"}, "embeddings": {0: "n"}},
                opset_version=OPSET,
            )
        except (RuntimeError, ValueError, TypeError) as error:
            raise ModelError(
                "This CLIP architecture cannot be written for ONNX Runtime; use the torch engine."
            ) from error
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)


def _parts(network: Any, preprocess: ClipPreprocess) -> tuple[nn.Module, nn.Module]:
    """Return modules that take uint8 pixels, or ids, and give unit rows."""
    import torch
    from torch.nn import functional

    mean = torch.tensor(preprocess.mean).view(1, 3, 1, 1) * 255
    std = torch.tensor(preprocess.std).view(1, 3, 1, 1) * 255

    class Image(torch.nn.Module):
        mean: Tensor
        std: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.network = network
            self.register_buffer("mean", mean)
            self.register_buffer("std", std)

        def forward(self, inputs: Tensor) -> Tensor:
            images = (inputs.permute(0, 3, 1, 2).float() - self.mean) / self.std
            return functional.normalize(self.network.encode_image(images), dim=-1)

    class Text(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, inputs: Tensor) -> Tensor:
            return functional.normalize(self.network.encode_text(inputs), dim=-1)

    return Image().eval(), Text().eval()
