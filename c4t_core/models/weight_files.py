"""Weight files from elsewhere: read without ever running what is in them, fetched when asked.

A pickle can carry code. So safetensors files are preferred; ``.pth`` and ``.bin`` files go through
``torch.load(weights_only=True)`` of a torch that is known to be safe there; TorchScript archives
are refused.
"""

from __future__ import annotations

import os
import socket
import threading
import urllib.request
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from c4t_core.errors import DownloadError, MissingExtraError, ModelError

if TYPE_CHECKING:
    from torch import Tensor

SAFE_TORCH = (2, 10)  # the first torch whose weights_only is relied on here


def is_torchscript(path: Path) -> bool:
    """Tell whether a file is a TorchScript archive (a zip with code in it)."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False
    return any(name.endswith("constants.pkl") or name.split("/")[1:2] == ["code"] for name in names)


def read_state(path: Path, safe_source: str) -> dict[str, Tensor]:
    """Read a state dictionary from a safetensors or a PyTorch file.

    Args:
        path: the file; what it is is told by its content, not by its name.
        safe_source: where the same weights are to be had as safetensors, named in refusals.

    Returns:
        ``name -> tensor`` on the CPU; an outer ``state_dict`` is opened, ``module.`` is dropped.

    Raises:
        ModelError: if the file is missing, a TorchScript archive, needs unpickling of more than
            tensors, or holds no tensors.
    """
    if not path.is_file():
        raise ModelError(f'There is no weight file "{path}"; check the path.')
    if _is_safetensors(path):
        data = _read_safetensors(path)
    elif is_torchscript(path):
        raise ModelError(
            f'"{path}" is a TorchScript archive, which can carry code, and is refused; '
            f"use the safetensors file of these weights instead: {safe_source}."
        )
    else:
        data = _read_pickled(path, safe_source)
    return _tensors(data, path, safe_source)


def _is_safetensors(path: Path) -> bool:
    # eight bytes of header length, then JSON
    with path.open("rb") as stream:
        head = stream.read(9)
    return len(head) == 9 and head[8:9] == b"{"


def _read_safetensors(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise ModelError(f'The weight file "{path}" is damaged ({error}); get it again.') from error


def _read_pickled(path: Path, safe_source: str) -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("Reading PyTorch weight files", "train") from error
    import pickle

    version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    if version < SAFE_TORCH:
        raise ModelError(
            f'"{path}" can only be read safely with torch {SAFE_TORCH[0]}.{SAFE_TORCH[1]} or '
            f"newer; update torch, or use the safetensors file: {safe_source}."
        )
    try:
        # from a stream: given a name, torch goes by its ending
        with path.open("rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about unusual pickle protocols, which are refused
            return torch.load(stream, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise ModelError(
            f'"{path}" is not a plain weight file, or is damaged, and is refused; use the '
            f"safetensors file of these weights instead: {safe_source}."
        ) from error


def _tensors(data: Any, path: Path, safe_source: str) -> dict[str, Tensor]:
    import torch

    if isinstance(data, dict) and isinstance(data.get("state_dict"), dict):
        data = data["state_dict"]
    if not isinstance(data, dict) or not data:
        data = {}
    state = {
        str(name).removeprefix("module."): value
        for name, value in data.items()
        if isinstance(value, torch.Tensor)
    }
    if not state:
        raise ModelError(
            f'"{path}" holds no weights; use the safetensors file of the model: {safe_source}.'
        )
    return state


def require_network(host: str, seconds: float = 1.0) -> None:
    """Return if ``host`` answers, else say so at once instead of hanging in retries.

    Raises:
        DownloadError: if ``HF_HUB_OFFLINE`` is set or the host cannot be reached in time.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").strip().upper() in ("1", "TRUE", "YES", "ON"):
        raise DownloadError(
            "Downloads are switched off (HF_HUB_OFFLINE is set); unset it, or give a local file."
        )
    if urllib.request.getproxies().get("https"):
        return  # only the proxy can tell
    reached = threading.Event()

    def knock() -> None:
        # in a thread because looking a name up has no time limit of its own
        try:
            socket.create_connection((host, 443), timeout=seconds).close()
            reached.set()
        except OSError:
            pass

    thread = threading.Thread(target=knock, name="c4t-knock", daemon=True)
    thread.start()
    thread.join(seconds)
    if not reached.is_set():
        raise DownloadError(
            f"{host} cannot be reached, so nothing was downloaded; connect to the internet, or "
            "give a local file."
        )
