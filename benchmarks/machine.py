"""What a figure depends on: the processor and what else it does; the memory of a process."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from c4t_core import __version__
from c4t_core.devices import available_threads

FLAGS = ("avx2", "avx_vnni", "avx512", "vnni", "bf16", "amx")  # what speeds networks up


def describe() -> dict[str, Any]:
    """Return the processor's name, the flags that matter here, and how busy the machine is."""
    return {
        "c4t": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "flags": flags(),
        "threads": available_threads(),
        "load": round(load(), 2),
    }


def as_installed() -> dict[str, str]:
    """Return the environment for processes that are timed.

    An installation has its bytecode. Where Python is told to keep none, each process would be
    timed with the compiling of all modules in it.
    """
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "c4t-bytecode")}


def sentence(machine: dict[str, Any]) -> str:
    """Write what :func:`describe` found."""
    flags_ = ", ".join(machine["flags"]) or "none of AVX2, AVX-512, VNNI, BF16"
    return (
        f"C4T {machine['c4t']}, {machine['processor']} ({flags_}), {machine['threads']} CPU "
        f"threads, {machine['system']}, Python {machine['python']}; load before {machine['load']}"
    )


def load() -> float:
    """Return how many processes wanted to run over the last minute; 0 where none can tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def idle_seconds() -> float:
    """Return for how long cores had nothing to do since the system started; 0 where unknown."""
    try:
        fields = Path("/proc/stat").read_text(encoding="ascii").split(maxsplit=6)
    except OSError:
        return 0.0
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")  # idle, waiting for disks


def processor() -> str:
    """Return the processor's name."""
    for line in _cpuinfo():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def flags() -> list[str]:
    """Return which of the instructions that speed networks up the processor has."""
    for line in _cpuinfo():
        if line.startswith("flags"):
            return sorted({flag for flag in line.split() if any(part in flag for part in FLAGS)})
    return []


def _cpuinfo() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []


def peak_megabytes() -> float:
    """Return the most memory this process ever had resident, in MB."""
    import resource

    return resident_megabytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def resident_megabytes(peak: int) -> float:
    """Return a ``ru_maxrss`` in MB."""
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def private_megabytes() -> float | None:
    """Return what this process holds that is no part of a file, in MB; None where unknown."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    held = [int(line.split()[1]) for line in lines if line.startswith("RssAnon")]
    return held[0] * 1024 / 1e6 if held else None


def forget_pages(files: Iterable[Path]) -> bool:
    """Have the system drop what it keeps of some files; return whether it can be asked to."""
    if not hasattr(os, "posix_fadvise"):
        return False
    for path in files:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)  # what is not written yet is not dropped
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)
    return True


def table(rows: Iterable[tuple[str, str, str]]) -> str:
    """Write (what, target, result) as a table for people."""
    lines = ["| | target | result |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {what} | {aim} | {found} |" for what, aim, found in rows)])


def resident() -> float:
    """Return the resident size of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class _MallInfo(ctypes.Structure):
    # arena, ordblks, smblks, hblks, then what counts here, and what can be given back.
    _fields_ = [
        *((f"_{number}", ctypes.c_size_t) for number in range(4)),
        ("hblkhd", ctypes.c_size_t),
        *((f"_{number}", ctypes.c_size_t) for number in (5, 6)),
        ("uordblks", ctypes.c_size_t),
        *((f"_{number}", ctypes.c_size_t) for number in (8, 9)),
    ]


def allocated() -> float:
    """Return what native code holds of the heaps, in MB; 0 where glibc cannot tell.

    Beside the resident size it tells what is kept from what is merely not given back.
    """
    try:
        told = ctypes.CDLL("libc.so.6").mallinfo2
    except (OSError, AttributeError):
        return 0.0
    told.restype = _MallInfo
    info = told()
    return float(info.uordblks + info.hblkhd) / 1e6
