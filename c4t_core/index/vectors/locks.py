"""One writer at a time: a lock file that says who holds it.

The operating system releases the lock when its holder dies, however it dies, so a lock file
left by a killed process never stands in the way.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from c4t_core.errors import BusyError, CatalogueError

_ATTEMPTS = 4

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)  # beyond the text, which stays readable
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def writer_lock(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file ``path`` while the block runs.

    Args:
        path: the lock file; it stays behind, empty of meaning, when the block ends.
        what: what is being written, for the message, such as ``'"drives"'``.

    Raises:
        BusyError: if another process, or another run in this one, holds it; says which.
        CatalogueError: if the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise CatalogueError(
            f'"{path.parent}" may not be written ({error.strerror}); make it writable, or set '
            "C4T_DATA_DIR to another folder."
        ) from error
    try:
        _lock_patiently(descriptor, path, what)
        note = {"pid": os.getpid(), "host": _host(), "since": time.time()}
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(note).encode())
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def free_lock(path: Path) -> Iterator[bool]:
    """Hold a lock file while the block runs if nobody holds it; tell whether that is so."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError:  # a disk that may not be written
        yield False
        return
    try:
        try:
            _lock(descriptor)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _lock_patiently(descriptor: int, path: Path, what: str) -> None:
    """Try a few times: somebody may just be looking at who holds it (:func:`holder`)."""
    for attempt in range(_ATTEMPTS):
        try:
            _lock(descriptor)
        except OSError as error:
            if attempt + 1 == _ATTEMPTS:
                who = read_holder(path) or "another program"
                raise BusyError(
                    f"{what} is being indexed by {who}; "
                    "wait for it to finish, or stop it, and start again."
                ) from error
            time.sleep(0.05)
        else:
            return


def holder(path: Path) -> str | None:
    """Return who holds a lock, in words, or None when it is free."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        _lock(descriptor)
    except OSError:
        return read_holder(path) or "another program"
    finally:
        os.close(descriptor)
    return None


def _host() -> str:
    import socket  # takes milliseconds, and whoever only searches holds no lock

    return socket.gethostname()


def read_holder(path: Path) -> str | None:
    """Return who wrote a lock file, in words, or None if it does not say."""
    try:
        note = json.loads(path.read_text("utf-8"))
        since = time.strftime("%H:%M", time.localtime(float(note["since"])))
        where = "" if note["host"] == _host() else f" on {note['host']}"
        if note["pid"] == os.getpid() and not where:
            return f"this program (since {since})"
        return f"process {int(note['pid'])}{where} (since {since})"
    except (OSError, ValueError, KeyError, TypeError):
        return None
