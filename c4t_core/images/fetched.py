"""Pictures at an address: fetched when they are looked at, and kept for a while.

Only what lies below an address or folder that was opened (:func:`allow`) is read, and nothing is
fetched unless its pixels are asked for. What a storage says of a failure may hold credentials, so
none of it is told on.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from c4t_core.addresses import is_below, is_remote, spelled
from c4t_core.errors import ImageError, MissingExtraError
from c4t_core.files import atomic_path, short_digest, trim_folder
from c4t_core.paths import cache_dir

SPACE = 2_000_000_000  # bytes of fetched pictures that are kept on the disk
SCHEMES = frozenset(
    {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss", "http", "https"}
    | {"webdav", "webhdfs", "hdfs", "sftp", "ssh", "smb"}
)
"""Kinds of addresses that pictures are fetched from: those that lead to one other machine. Others
that fsspec knows lead to files of this one, or through one address to another."""

_CONNECT = 10  # seconds until a storage must answer
_STALL = 30  # seconds without a byte
_LONGEST = 300  # seconds that one picture may take
_PIECE = 1 << 20  # bytes read at once
_TRIMMED = 0.9  # share of the space that is left when it is full
_WEB = frozenset({"http", "https"})

State = tuple[int, int]
"""Size in bytes and time of change in nanoseconds, as the table has them."""
StateOf = Callable[[str], State | None]
"""Tells the state of a file by its path below its root, "/"-separated."""


_ROOTS: dict[str, tuple[StateOf | None, ...]] = {}
"""What each opening of a root told of its files; replaced at a change, so reading needs no lock."""
_CHANGING = threading.Lock()
_AGREED: Callable[[str], bool] | None = None


def allow(root: str, state: StateOf | None = None) -> None:
    """Let pictures below the root of an opened table be read.

    Below an address nothing is fetched before; below a folder of this machine links that lead
    out of it are refused from now on.

    Args:
        root: address or folder, see :func:`c4t_core.addresses.plain`.
        state: what its table says of a file; with it, a file that has changed is fetched anew.
    """
    global _ROOTS
    with _CHANGING:
        _ROOTS = {**_ROOTS, root: (*_ROOTS.get(root, ()), state)}


def withdraw(root: str, state: StateOf | None = None) -> None:
    """Take back one :func:`allow`, made with the same state: the table was closed."""
    global _ROOTS
    with _CHANGING:
        states = list(_ROOTS.get(root, ()))
        if state in states:
            states.remove(state)
        left = {name: one for name, one in _ROOTS.items() if name != root}
        _ROOTS = {**left, root: tuple(states)} if states else left


def ask_first(agreed: Callable[[str], bool] | None) -> None:
    """Fetch only below addresses that somebody has agreed to; None where opening is enough.

    Args:
        agreed: tells it of the root of an opened table; any thread calls it.
    """
    global _AGREED
    _AGREED = agreed


def state(path: Path | str | bytes) -> State:
    """Return what its table says of a picture at an address; (-1, 0) where nothing is known."""
    address = spelled(os.fsdecode(path))
    for root, states in _ROOTS.items():
        if address.startswith(root + "/"):
            told = (one(address[len(root) + 1 :]) for one in reversed(states) if one is not None)
            known = next((one for one in told if one is not None), None)
            if known is not None:
                return known
    return -1, 0


def local(path: Path | str | bytes, most: int) -> str:
    """Return the name of a file of this machine that has a picture's bytes.

    For a file that is the file, for an address a copy, fetched unless it is kept.

    Args:
        path: the picture.
        most: bytes of the largest file that is fetched.

    Raises:
        ImageError: if it may not be read or cannot be fetched, with the reason; its cause has an
            errno where another try may go well.
        MissingExtraError: if what fetches is not installed.
    """
    name = os.fsdecode(path)
    if is_remote(name):
        return _FETCHER.copy(spelled(name), most)
    return _confined(name) if _ROOTS else name


def is_kept(path: Path | str | bytes) -> bool:
    """Tell whether a picture at an address can be read without asking its storage."""
    return _FETCHER.place(spelled(os.fsdecode(path))).exists()


def kept() -> dict[Path, int]:
    """Return the copies of pictures at addresses that :func:`drop_kept` removes, with bytes."""
    return _FETCHER.kept()


def drop_kept() -> None:
    """Remove the copies of pictures at addresses; those looked at next are fetched again."""
    _FETCHER.clear()


def _confined(name: str) -> str:
    """Return a file's real name if it lies in a table's folder; else it is as it was.

    Raises:
        ImageError: if it leads out of the folder.
    """
    inside = [root for root in _ROOTS if not is_remote(root) and _is_in(name, root)]
    if not inside:
        return name
    real = os.path.realpath(name)
    if not any(_is_in(real, os.path.realpath(root)) for root in inside):
        raise _refused("a link that leads out of the folder of its table, so it is not read")
    return real


def _is_in(name: str, root: str) -> bool:
    return name.startswith(root.rstrip(os.sep) + os.sep)


class Fetcher:
    """Copies of pictures at addresses, on the disk; those used last stay. Any thread may ask."""

    def __init__(self, folder: Path | None = None, limit: int = SPACE) -> None:
        """Keep at most ``limit`` bytes in a folder; by default in the application's own."""
        self._folder = folder
        self._limit = limit
        self._used: int | None = None  # bytes; None while not counted
        self._running: set[Path] = set()
        self._changed = threading.Condition()

    def copy(self, address: str, most: int) -> str:
        """Return the file that has a picture's bytes, see :func:`local`."""
        root = _root_of(address)
        copy = self.place(address)
        with self._alone(copy):
            try:
                os.utime(copy)  # it was used last
            except OSError:
                _fetch(root, address, copy, most)
                self._keep_within(copy)
        return str(copy)

    def place(self, address: str) -> Path:
        """Return where a picture is kept, or would be."""
        key = short_digest(f"{address}|{state(address)}".encode("utf-8", "surrogateescape"))
        return self._home / key[:2] / key

    def kept(self) -> dict[Path, int]:
        """Return the files of the folder with their bytes; none that is being written."""
        found = {}
        for file in self._home.glob("*/*"):
            with contextlib.suppress(OSError):
                info = file.stat()
                if not file.name.startswith(".") or time.time() - info.st_mtime > _LONGEST:
                    found[file] = info.st_size
        return found

    def clear(self) -> None:
        """Remove the copies, but for those that are being fetched."""
        with self._changed:
            for file in self.kept():
                with contextlib.suppress(OSError):
                    if file not in self._running:
                        file.unlink()
            self._used = None

    @property
    def _home(self) -> Path:
        return self._folder or cache_dir() / "fetched"

    @contextlib.contextmanager
    def _alone(self, copy: Path) -> Iterator[None]:
        """Have others that want the same picture wait, so that it is fetched once."""
        with self._changed:
            self._changed.wait_for(lambda: copy not in self._running)
            self._running.add(copy)
        try:
            yield
        finally:
            with self._changed:
                self._running.discard(copy)
                self._changed.notify_all()

    def _keep_within(self, copy: Path) -> None:
        with self._changed:
            if self._used is None:
                self._used = trim_folder(self._home, self._limit)
            else:
                self._used += copy.stat().st_size
            if self._used > self._limit:
                self._used = trim_folder(self._home, _TRIMMED * self._limit)


_FETCHER = Fetcher()


def _root_of(address: str) -> str:
    """Return the opened root that an address lies below.

    Raises:
        ImageError: if there is none.
    """
    scheme = address.partition(":")[0]
    if scheme not in SCHEMES:
        raise _refused(f'pictures are not fetched from an address that begins with "{scheme}:"')
    for root in _ROOTS:
        if address.startswith(root + "/") and is_below(address[len(root) + 1 :]):
            if _AGREED is not None and not _AGREED(root):
                raise _refused("not fetched, as you have not agreed to it yet")
            return root
    raise _refused("not below an address that was opened, so it is not fetched")


def _refused(reason: str) -> ImageError:
    """Return a refusal; what it says of the file passes: another time it may be allowed."""
    error = ImageError(reason)
    error.__cause__ = PermissionError(errno.EPERM, os.strerror(errno.EPERM))
    return error


def _fetch(root: str, address: str, copy: Path, most: int) -> None:
    """Write what lies at an address to a file.

    Raises: as :func:`local`.
    """
    try:
        with (
            atomic_path(copy, sync=False) as part,
            _source(root, address) as source,
            part.open("wb") as out,
        ):
            _write(source, out, most)
    except (ImageError, MissingExtraError):
        raise
    except Exception as error:  # noqa: BLE001 - each storage raises errors of its own
        reason, number = _why(error)
        passing = FileNotFoundError if number == errno.ENOENT else OSError
        raise ImageError(reason) from passing(number, os.strerror(number))


def _write(source: IO[bytes], out: IO[bytes], most: int) -> None:
    ends = time.monotonic() + _LONGEST
    size = 0
    while piece := source.read(_PIECE):
        size += len(piece)
        if size > most:
            raise ImageError(f"too large to be fetched; up to {most >> 20} MB are")
        if time.monotonic() > ends:
            raise TimeoutError
        out.write(piece)


def _source(root: str, address: str) -> IO[bytes]:
    """Open what lies at an address.

    The storage is made of the address's root, and the rest is a name in it: nothing in that
    name leads to another storage, as it could in an address that fsspec takes apart.
    """
    try:
        import fsspec

        scheme = address.partition(":")[0]
        kind = fsspec.get_filesystem_class(scheme)
        options = {**kind._get_kwargs_from_urls(root), **_patience(scheme)}
    except ImportError as error:
        if "fsspec" in str(error) or address.startswith(("s3", "http")):
            raise MissingExtraError("A picture at an address", "cluster") from error
        raise ImageError(str(error)) from error  # names the package that brings this storage
    storage = kind(**options)
    if scheme in _WEB:  # one request, where the size would be asked for first
        place, how = root + quote(address[len(root) :]), {"block_size": 0, "size": 1}
    else:
        place, how = address, {}
    opened: IO[bytes] = storage.open(place, "rb", **how)
    return opened


@functools.cache
def _patience(scheme: str) -> dict[str, Any]:
    """Return what has a storage give up after a while; a server may not send elsewhere."""
    if scheme in _WEB:
        import aiohttp

        async def refuse(*_: object) -> None:
            raise ImageError("its server sends on to another address, so it is not fetched")

        tracing = aiohttp.TraceConfig()
        tracing.on_request_redirect.append(refuse)
        waits = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=_STALL)
        return {"client_kwargs": {"timeout": waits, "trace_configs": [tracing]}}
    if scheme.startswith("s3"):
        waits = {"connect_timeout": _CONNECT, "read_timeout": _STALL}
        return {"config_kwargs": {**waits, "retries": {"max_attempts": 2}}}
    return {}


def _why(error: Exception) -> tuple[str, int]:
    """Return why a picture was not fetched, and the number of the kind of error."""
    status = getattr(error, "status", None)  # of an answer in the web
    kind = type(error).__name__
    if isinstance(error, FileNotFoundError) or status == 404:
        return "there is nothing at its address any more", errno.ENOENT
    if (
        isinstance(error, PermissionError)
        or status in {401, 403}
        or "Credentials" in repr(type(error))
    ):
        return "access to its address was denied; check your credentials", errno.EACCES
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "it cannot be kept, as the disk is full; make room", errno.ENOSPC
    if isinstance(error, TimeoutError) or "Timeout" in kind:
        return "its address took too long to answer; try again later", errno.ETIMEDOUT
    return "its address cannot be reached; check the connection", errno.EIO
