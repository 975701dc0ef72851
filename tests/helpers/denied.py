"""What Linux can deny a process, to act a disk that lacks something: tests run a child with it.

``python -m tests.helpers.denied KIND[,KIND] MODULE WORDS...`` denies itself system calls by a
seccomp filter (with the error that such a disk gives) and then runs the module.

- ``shared_memory``: a network disk; files cannot be mapped for sharing.
- ``writing``: a disk that is mounted read-only.
- ``space``: a disk that is full; no file can grow, here by a limit of the process.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import runpy
import struct
import subprocess
import sys
from typing import NamedTuple

_NUMBERS = {  # of system calls
    "x86_64": {
        "mmap": 9,
        "open": 2,
        "openat": 257,
        "mkdir": 83,
        "mkdirat": 258,
        "rename": 82,
        "renameat": 264,
        "renameat2": 316,
        "unlink": 87,
        "unlinkat": 263,
    },
    "aarch64": {"mmap": 222, "openat": 56, "mkdirat": 34, "renameat2": 276, "unlinkat": 35},
}
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2
_LOAD, _AND, _EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x06
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000


class Rule(NamedTuple):
    """A system call is denied where an argument, masked, has a value; always without a mask."""

    call: str
    error: int
    argument: int = 0
    mask: int = 0
    value: int = 0


def _rules(kind: str) -> list[Rule]:
    if kind == "shared_memory":
        return [Rule("mmap", errno.ENODEV, 3, 3, 1)]  # MAP_SHARED; programs are mapped privately
    if kind == "writing":
        opening = [
            Rule(call, errno.EROFS, argument, flag, flag)
            for call, argument in (("open", 1), ("openat", 2))
            for flag in (os.O_WRONLY, os.O_RDWR, os.O_CREAT)
        ]
        calls = ("mkdir", "mkdirat", "rename", "renameat", "renameat2", "unlink", "unlinkat")
        return opening + [Rule(call, errno.EROFS) for call in calls]
    raise ValueError(kind)


def _program(kinds: list[str]) -> list[bytes]:
    numbers = _NUMBERS[platform.machine()]
    steps: list[tuple[int, int, int, int]] = []
    for rule in [rule for kind in kinds for rule in _rules(kind) if rule.call in numbers]:
        verdict = (_RETURN, 0, 0, _ERROR | rule.error)
        test = [verdict]
        if rule.mask:
            low = 16 + 8 * rule.argument  # the low half of an argument
            test = [
                (_LOAD, 0, 0, low),
                (_AND, 0, 0, rule.mask),
                (_EQUAL, 0, 1, rule.value),
                verdict,
            ]
        steps += [(_LOAD, 0, 0, 0), (_EQUAL, 0, len(test), numbers[rule.call]), *test]
    steps.append((_RETURN, 0, 0, _ALLOW))
    return [struct.pack("HBBI", *step) for step in steps]


def deny(*kinds: str) -> None:
    """Deny this process, for good, what the kinds name.

    Raises:
        OSError: if the system has no seccomp filters.
    """
    if "space" in kinds:
        import resource  # which not every system has

        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    calls = [kind for kind in kinds if kind != "space"]
    if not calls:
        return
    steps = b"".join(_program(calls))
    memory = ctypes.create_string_buffer(steps, len(steps))
    program = struct.pack("HxxxxxxP", len(steps) // 8, ctypes.addressof(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(_SET_SECCOMP, _FILTER, program):
        raise OSError(ctypes.get_errno(), "no seccomp filter")


def why_not() -> str:
    """Return why nothing can be denied here, "" if it can."""
    if sys.platform != "linux" or platform.machine() not in _NUMBERS:
        return "needs Linux on x86-64 or ARM"
    tried = subprocess.run([sys.executable, __file__, "writing", "platform"], capture_output=True)
    return "" if tried.returncode == 0 else "this system has no seccomp filters"


if __name__ == "__main__":
    sys.argv = sys.argv[1:]
    deny(*sys.argv[0].split(","))
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
