"""Folders that are addresses: what a storage lists, and its files, lent while they are read."""

from __future__ import annotations

import contextlib
import datetime
import errno
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

from c4t_core.addresses import is_below, is_remote, shown
from c4t_core.errors import FolderError, ImageError, MissingExtraError
from c4t_core.files import sha256
from c4t_core.images.decode import MAX_BYTES
from c4t_core.images.kinds import SUFFIXES
from c4t_core.images.scan import (
    COUNTED_EACH,
    Entry,
    ExcludeRules,
    FileState,
    Scan,
    Walk,
    scan,
)
from c4t_core.records import dataclass


@dataclass(frozen=True)
class _Listed:
    """An entry of a listing; without a state it is a folder."""

    name: str
    state: FileState | None

    def is_dir(self) -> bool:
        return self.state is None

    def is_symlink(self) -> bool:
        return False

    def stat(self) -> _Stat:
        size, time_ns = self.state or (0, 0)
        return _Stat(stat.S_IFREG if self.state else stat.S_IFDIR, size, time_ns)


class _Stat(NamedTuple):
    st_mode: int
    st_size: int
    st_mtime_ns: int


class _ListedWalk(Walk):
    """A walk over what a storage listed: the same rules, and nothing of this machine."""

    def __init__(self, files: Mapping[str, FileState], rules: ExcludeRules, below: bytes) -> None:
        super().__init__(b"", rules, below)
        self._tree: dict[bytes, list[Entry]] = {b"": []}
        for name, state in files.items():
            folder, _, last = os.fsencode(name).rpartition(b"/")
            self._folder(folder).append(_Listed(os.fsdecode(last), state))

    def _folder(self, folder: bytes) -> list[Entry]:
        if folder not in self._tree:
            self._tree[folder] = []
            above, _, last = folder.rpartition(b"/")
            self._folder(above).append(_Listed(os.fsdecode(last), None))
        return self._tree[folder]

    def begin(self) -> bool:
        self._result.missing = not self._tree.get(self._below)
        return not self._result.missing

    def to_enter(self, folder: bytes) -> bool:
        return True

    def entries(self, folder: bytes) -> AbstractContextManager[list[Entry]]:
        return contextlib.nullcontext(self._tree[folder])

    def folders_in(self, folder: bytes) -> list[str]:
        return [one.name for one in self._tree[folder][:COUNTED_EACH] if one.is_dir()]

    def count(self, folder: bytes) -> tuple[int, bool]:
        start = folder + b"/"
        inside = (held for name, held in self._tree.items() if (name + b"/").startswith(start))
        names = (one.name.lower() for held in inside for one in held if not one.is_dir())
        return sum(name.endswith(tuple(SUFFIXES)) for name in names), False


def look_at(
    root: str, rules: ExcludeRules, below: bytes, check: Callable[[int], None] = lambda found: None
) -> Scan:
    """Walk a folder of this machine, or a listing of an address, by the same rules.

    Raises:
        FolderError: if the storage does not answer.
        MissingExtraError: if its package is not installed.
    """
    if not is_remote(root):
        return scan(root, rules, below, check)
    files, odd = _listing(f"{root}/{os.fsdecode(below)}" if below else root, root)
    found = _ListedWalk(files, rules, below).run(check)
    found.odd.update(odd)
    return found


def _listing(start: str, root: str) -> tuple[dict[str, FileState], dict[bytes, str]]:
    """Return the files below an address, relative to its root, and what cannot be used."""
    system, place = _storage(start)
    base = _storage(root)[1].rstrip("/") + "/"
    try:
        told = system.find(place, detail=True)
    except FileNotFoundError:
        told = {}
    except Exception as error:  # noqa: BLE001 - each storage raises its own
        raise _unreachable(start, error) from None
    files: dict[str, FileState] = {}
    odd: dict[bytes, str] = {}
    for path, info in told.items():
        name = path.removeprefix(base)
        if name.endswith("/") or not name.lower().endswith(tuple(SUFFIXES)):
            files.update({name: _state(info)} if is_below(name) else {})
        elif not is_below(name):
            odd[os.fsencode(name)] = "its name leaves the folder"
        elif info["size"] > MAX_BYTES:
            limit = f"{MAX_BYTES // 1_000_000} million bytes"
            odd[os.fsencode(name)] = f"too large: files of up to {limit} are fetched"
        else:
            files[name] = _state(info)
    return files, odd


def _state(info: Mapping[str, Any]) -> FileState:
    """Return what tells a changed file; where there is no time, its mark stands for it."""
    names = ("LastModified", "mtime", "last_modified", "updated", "created")
    moment = next((info[name] for name in names if info.get(name) is not None), None)
    if isinstance(moment, str):
        moment = datetime.datetime.fromisoformat(moment)
    if isinstance(moment, datetime.datetime):
        moment = moment.timestamp()
    if moment is None:
        mark = str(info.get("ETag") or info.get("etag") or "")
        return FileState(int(info["size"]), int(sha256(mark.encode())[:8], 16))
    return FileState(int(info["size"]), round(float(moment) * 1e6) * 1_000)


def _storage(address: str) -> tuple[Any, str]:
    """Return the file system of an address, and where in it that lies."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingExtraError("Reading pictures from an address", "cluster") from error
    try:
        system, place = url_to_fs(address)
    except (ImportError, ValueError):
        kind = address.partition(":")[0]
        raise FolderError(
            f'Addresses that begin with "{kind}:" need a package of their own, such as s3fs for '
            '"s3:" and gcsfs for "gs:"; install it, and check the address.'
        ) from None
    except Exception as error:  # noqa: BLE001 - each storage raises its own
        raise _unreachable(address, error) from None
    return system, str(place)


def _unreachable(address: str, error: Exception) -> FolderError:
    """Return a sentence without the storage's own words, which may hold what is secret."""
    return FolderError(
        f'"{shown(address)}" cannot be read ({type(error).__name__}); check the address, the '
        "network and your credentials."
    )


class Fetching:
    """Lends files of an address as files of this machine, with the size and time of its listing.

    Args:
        root: the address.
        states: size and time by address; of others the storage is asked.
    """

    def __init__(self, root: str, states: Mapping[str, FileState]) -> None:
        """Fetch nothing yet."""
        self._root, self._states = root, states

    @contextlib.contextmanager
    def __call__(self, path: str | Path | bytes) -> Iterator[str]:
        """Lend one; see :data:`c4t_core.index.embed.Fetch`."""
        address = os.fsdecode(path)
        known = self._states[address]
        data = self._read(address, known.size)
        if len(data) > MAX_BYTES:
            raise ImageError("too large: it grew since it was listed")
        with tempfile.TemporaryDirectory(prefix="c4t-") as folder:
            file = os.path.join(folder, "picture")
            with open(file, "wb") as out:
                out.write(data)
            os.utime(file, ns=(known.mtime_ns, known.mtime_ns))
            yield file

    def _read(self, address: str, size: int) -> bytes:
        if not size:  # a storage has no range of nothing
            return b""
        try:
            system, place = _storage(address)
            return bytes(system.cat_file(place, start=0, end=MAX_BYTES + 1))
        except FileNotFoundError:
            raise
        except Exception as error:  # noqa: BLE001 - each storage raises its own
            if not self.there():
                raise FileNotFoundError(errno.ENOENT, "the storage does not answer") from None
            why = f"it cannot be fetched: {type(error).__name__}"
            raise OSError(errno.EIO, why) from None

    def there(self) -> bool:
        """Tell whether the address answers, and holds anything."""
        try:
            system, place = _storage(self._root)
            return bool(system.exists(place))
        except Exception:  # noqa: BLE001 - whatever it raises, it does not answer
            return False
