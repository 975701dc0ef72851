"""What a program does below Python: its system calls, by ``strace``, for tests.

A patched ``socket`` or an audit hook does not see what native code does; the kernel does.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_CALLS = (
    "socket,connect,sendto,sendmsg,sendmmsg,bind,"
    "?open,openat,?openat2,?creat,?mkdir,mkdirat,?rename,?renameat,renameat2,?link,linkat,"
    "?symlink,symlinkat,?unlink,unlinkat,?rmdir,truncate,?mknod,mknodat"
)
_WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC")
_NAME = re.compile(
    r'(?:AT_FDCWD(?:<[^>]*>)?|\d+<(?P<at>[^>]*)>)?(?:, )?"(?P<name>(?:[^"\\]|\\.)*)"'
)


def why_not() -> str:
    """Return why nothing can be traced here, "" if it can."""
    program = shutil.which("strace")
    if program is None:
        return "strace is not installed"
    done = subprocess.run(
        [program, "-f", "--seccomp-bpf", "-o", os.devnull, "true"], capture_output=True
    )
    return "" if done.returncode == 0 else "strace may not trace here"


@dataclass(frozen=True)
class Trace:
    """What a program did.

    Attributes:
        code: its exit code.
        output: what it printed.
        network: system calls that name an address of the internet, as strace shows them.
        written: files and folders that it made, changed, renamed or removed, absolute.
    """

    code: int
    output: str
    network: tuple[str, ...]
    written: frozenset[str]

    def outside(self, *allowed: str | Path) -> set[str]:
        """Return what was written that does not lie in one of these folders."""
        folders = [os.path.realpath(folder) for folder in allowed]
        return {
            path
            for path in self.written
            if not any(path == folder or path.startswith(folder + "/") for folder in folders)
        }


def trace(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Trace:
    """Run a program to its end with all its threads and children."""
    log = folder.with_name(f"{folder.name}.strace")
    done = subprocess.run(
        [
            "strace",
            "-f",
            "--seccomp-bpf",
            "-qq",
            "-y",
            "-s",
            "4096",
            "-e",
            f"trace={_CALLS}",
            "-o",
            log,
            *command,
        ],
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    network, written = [], set()
    for call in _calls(log):
        name = call.partition("(")[0]
        if name in {"socket", "connect", "sendto", "sendmsg", "sendmmsg", "bind"}:
            if "AF_INET" in call:
                network.append(call)
        elif not re.search(r"= -1 E", call) and (
            not name.startswith("open") or _WRITING.search(call)
        ):
            written |= set(_paths(call, folder))
    log.unlink()
    return Trace(done.returncode, done.stdout, tuple(_leaving(network)), frozenset(written))


_OWN_PORT = re.compile(r'bind\(\d+<(socket:\[\d+\])>, .*port=htons\(0\).*"(?:::1|127\.0\.0\.1)"')


def _leaving(calls: list[str]) -> list[str]:
    """Return calls without those by which urllib3 looks whether this machine speaks IPv6.

    It binds a socket to the machine itself and closes it, wherever something imports it, as
    accelerate does where boto3 is installed. A socket that is used for anything else stays.
    """
    looked = {found[1] for call in calls if (found := _OWN_PORT.search(call))}
    used: dict[str, int] = {}
    for call in calls:
        for name in looked:
            used[name] = used.get(name, 0) + (name in call)
    only = {name for name, count in used.items() if count == 2}  # made and bound
    return [call for call in calls if not any(name in call for name in only)]


def _calls(log: Path) -> Iterator[str]:
    """Yield whole calls; strace splits those during which another thread makes one."""
    begun: dict[str, str] = {}
    for line in log.read_text("utf-8", "replace").splitlines():
        process, _, call = line.partition(" ")
        call = call.lstrip()
        if call.endswith("<unfinished ...>"):
            begun[process] = call.removesuffix("<unfinished ...>")
        elif call.startswith("<... "):
            yield begun.pop(process, "") + call.partition(" resumed>")[2]
        else:
            yield call


def _paths(call: str, folder: Path) -> Iterator[str]:
    """Yield the paths that a call names, absolute, links in their folders followed."""
    opened = re.search(r"= \d+<([^>]*)>$", call)
    if opened:
        yield opened[1].removesuffix("(deleted)")
        return
    names = list(_NAME.finditer(call.partition("(")[2]))
    for found in names[1:] if "link" in call[:7] and len(names) == 2 else names:
        path = os.path.join(found["at"] or folder, found["name"])
        yield os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
