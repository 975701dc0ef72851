"""Choose a device, count threads, set seeds."""

from __future__ import annotations

import functools
import os
import random
import re
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.errors import ModelError

if TYPE_CHECKING:
    import torch

_OUT_OF_MEMORY = re.compile(
    r"(?i)out of memory|not enough memory|bad.alloc|(?:failed to|cannot|can't) allocate"
)
_NVCUDA = os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "nvcuda.dll")
# what a driver of a GPU leaves on a system; on others (macOS) torch is asked
_SIGNS = {"linux": ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg", "/dev/kfd"), "win32": (_NVCUDA,)}


def available_threads() -> int:
    """Return how many CPU threads this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def out_of_memory(error: Exception) -> bool:
    """Tell whether an engine ran out of memory: most have no error of their own for it."""
    return isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error)) is not None


def may_have_gpu() -> bool:
    """Tell whether torch may find something faster than the CPU; loads no torch."""
    if find_spec("torch") is None:
        return False
    signs = _SIGNS.get(sys.platform)
    return signs is None or any(os.path.exists(sign) for sign in signs)


@functools.cache
def multiplies_bfloat16() -> bool:
    """Tell whether this processor multiplies whole tiles of bfloat16 numbers (AMX).

    That takes a third of the time of single floats. Those that have only the instructions of
    AVX-512 for them gain nothing; systems other than Linux do not tell.
    """
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
            flags = next((line for line in lines if line.startswith("flags")), "")
    except OSError:
        return False
    return "amx_bf16" in flags.split()


def bfloat16_pays() -> bool:
    """Tell whether products of bfloat16 numbers are the fastest that this machine has for us.

    Only OpenVINO makes them; and a GPU may be faster still, in float32. Loads neither.
    """
    there = multiplies_bfloat16() and find_spec("openvino") is not None
    return there and not may_have_gpu()


def choose_device(requested: str | None) -> str:
    """Return ``"cuda"``, ``"mps"`` or ``"cpu"``: the one asked for, or the fastest there is.

    Imports torch, so call it only where torch is used anyway.

    Raises:
        ModelError: if the device asked for is not there.
    """
    import torch

    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if requested is None:
        return next(name for name, present in there.items() if present)
    if not there.get(requested.split(":")[0], False):
        raise ModelError(f'The device "{requested}" is not available here; use "cpu" instead.')
    return requested


def to_device(rows: NDArray[Any], device: torch.device | str) -> torch.Tensor:
    """Return an array as a tensor on a device; a CUDA device copies it while others compute.

    The memory that is copied from is page-locked there, which such a copy needs.
    """
    import torch

    tensor = torch.from_numpy(np.require(rows, None, ["C", "W"]))
    if torch.device(device).type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def seed_everything(seed: int) -> None:
    """Seed Python's, numpy's and torch's generators."""
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
