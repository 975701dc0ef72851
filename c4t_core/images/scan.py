"""Find the image files below a folder, and tell what changed since the last time.

Names are kept as bytes (``os.fsencode``), relative to the root and "/"-separated, so that any
name a disk can hold is indexed. Nothing is opened here: a file is known by size and time.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

from c4t_core.images.decode import SUFFIXES

_SUFFIX_BYTES = tuple(os.fsencode(suffix) for suffix in SUFFIXES)


@dataclass(frozen=True)
class ExcludeRules:
    """What is left out of a folder: patterns with ``*`` and ``?``, upper and lower case alike.

    The rules hold for what lies below the chosen folder, never for the folder itself.

    Attributes:
        folders: names of folders that are not entered.
        files: names of files that are no camera frames.
        hidden: whether folders whose name begins with a dot are left out.
    """

    folders: tuple[str, ...] = (
        *("label*", "mask*", "depth*", "lidar*"),  # A2D2, BDD100K, home-made sets
        *("gtFine*", "gtCoarse*", "disparity*"),  # Cityscapes
        *("semantic*", "instance*"),  # KITTI
        *("@eaDir", "__MACOSX"),  # thumbnails of network drives, and what macOS leaves
    )
    files: tuple[str, ...] = (
        *("*_label_*", "*_label3D_*", "*_lidar_*"),  # A2D2
        *("*_gtFine_*", "*_gtCoarse_*", "*_labelIds.*", "*_labelTrainIds.*"),  # Cityscapes
        *("*_instanceIds.*", "*_disparity.*"),
        "*_drivable_id.*",  # BDD100K
        "._*",  # what macOS leaves on foreign disks
    )
    hidden: bool = True

    def leaves_out_folder(self, name: str) -> bool:
        """Tell whether a folder of this name is not entered."""
        if self.hidden and name.startswith(".") and name not in {".", ".."}:
            return True
        return self._folders.match(name) is not None

    def leaves_out_file(self, name: str) -> bool:
        """Tell whether a file of this name is no camera frame."""
        return self._files.match(name) is not None

    @cached_property
    def _folders(self) -> re.Pattern[str]:
        return _any_of(self.folders)

    @cached_property
    def _files(self) -> re.Pattern[str]:
        return _any_of(self.files)

    def to_json(self) -> str:
        """Return the rules as text for the catalogue."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ExcludeRules:
        """Read what :meth:`to_json` wrote."""
        data = json.loads(text)
        return cls(tuple(data["folders"]), tuple(data["files"]), bool(data["hidden"]))


NO_RULES = ExcludeRules(folders=(), files=(), hidden=False)


def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    joined = "|".join(fnmatch.translate(pattern) for pattern in patterns) or r"(?!)"
    return re.compile(joined, re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Skipped:
    """A file (or folder) that was left out, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class FileState:
    """Size in bytes and modification time in nanoseconds: what tells a changed file."""

    size: int
    mtime_ns: int


@dataclass
class Scan:
    """What one walk found.

    Attributes:
        files: relative name -> state, of every image file that the rules leave in.
        odd: relative name -> reason, of things named like images that are none
            (pipes, broken links).
        unreadable: relative folder -> reason; what lies below is unknown, not gone.
        left_out: number of files and folders that the rules left out.
        missing: whether the root itself is not there.
        base: the root.
        below: the folder that was walked, relative to the root.
    """

    files: dict[bytes, FileState] = field(default_factory=dict)
    odd: dict[bytes, str] = field(default_factory=dict)
    unreadable: dict[bytes, str] = field(default_factory=dict)
    left_out: int = 0
    missing: bool = False
    base: bytes = b""
    below: bytes = b""

    def exists(self, name: bytes) -> bool:
        """Tell whether something of this name is on the disk, left out or not."""
        return os.path.lexists(os.path.join(self.base, name))


def scan(
    root: str | bytes,
    rules: ExcludeRules,
    below: bytes = b"",
    check: Callable[[int], None] = lambda found: None,
) -> Scan:
    """Walk a folder and everything below it; links are followed, each folder entered once.

    Args:
        root: the chosen folder.
        rules: what to leave out below the root.
        below: only this sub-folder (relative); the rules do not hold for its own name.
        check: called with the number of files found, after every folder; may raise to stop.
    """
    base = os.fsencode(root)
    result = Scan(base=base, below=below)
    start = os.path.join(base, below) if below else base
    try:
        seen = {_identity(os.stat(start))}
    except OSError:
        result.missing = True
        return result
    waiting: list[bytes] = [below]
    links: list[bytes] = []  # entered last, so that the real name of a folder wins
    while waiting or links:
        folder = waiting.pop() if waiting else links.pop()
        if folder != below and not _first_visit(os.path.join(base, folder), seen):
            continue
        for entry in _entries(base, folder, result):
            _sort_entry(entry, folder, rules, result, waiting, links)
        check(len(result.files))
    return result


def _identity(state: os.stat_result) -> tuple[int, int]:
    return state.st_dev, state.st_ino


def _first_visit(path: bytes, seen: set[tuple[int, int]]) -> bool:
    try:
        state = os.stat(path)
    except OSError:
        return True  # reading it will say why
    identity = _identity(state)
    if state.st_ino and identity in seen:
        return False
    seen.add(identity)
    return True


def _entries(base: bytes, folder: bytes, result: Scan) -> Iterator[os.DirEntry[bytes]]:
    try:
        with os.scandir(os.path.join(base, folder) if folder else base) as listing:
            yield from sorted(listing, key=lambda entry: entry.name, reverse=True)
    except FileNotFoundError:
        result.missing = result.missing or not folder  # a folder deleted meanwhile is just gone
    except OSError as error:
        result.unreadable[folder] = f"the folder cannot be read ({error.strerror or error})"


def _sort_entry(
    entry: os.DirEntry[bytes],
    folder: bytes,
    rules: ExcludeRules,
    result: Scan,
    waiting: list[bytes],
    links: list[bytes],
) -> None:
    """Put one entry where it belongs: to enter, to index, odd, or left out."""
    relative = folder + b"/" + entry.name if folder else entry.name
    name = os.fsdecode(entry.name)
    try:
        if entry.is_dir():
            if rules.leaves_out_folder(name):
                result.left_out += 1
            else:
                (links if entry.is_symlink() else waiting).append(relative)
            return
        if not entry.name.lower().endswith(_SUFFIX_BYTES):
            return
        if rules.leaves_out_file(name):
            result.left_out += 1
            return
        state = entry.stat()
    except OSError as error:
        if entry.name.lower().endswith(_SUFFIX_BYTES):
            broken = entry.is_symlink()
            reason = "a link to nothing" if broken else f"cannot be read ({error.strerror})"
            result.odd[relative] = reason
        return
    if stat.S_ISREG(state.st_mode):
        result.files[relative] = FileState(state.st_size, state.st_mtime_ns)
    else:
        result.odd[relative] = "not a regular file (a pipe, socket or device)"


@dataclass(frozen=True)
class Diff:
    """How a scan differs from the catalogue: relative names, each list sorted.

    Attributes:
        unchanged: files that are as they were.
        gone: files that are not there any more.
        offline: files of which nothing is known now.
        renamed: files that lie elsewhere in the folder now, by their old name.
    """

    unchanged: list[bytes]
    gone: list[bytes]
    offline: list[bytes]
    renamed: dict[bytes, bytes]


def compare(found: Scan, known: Mapping[bytes, FileState]) -> Diff:
    """Compare a scan with what the catalogue knows of the same folder.

    A folder that is missing or cannot be read, or of whose files suddenly none is there, is taken
    for a disk that is not plugged in: its files are offline, not gone. Only where about as many
    new files have taken their place, or where they are there and merely left out by a rule, they
    are gone.

    Args:
        found: what is there.
        known: what was there.
    """
    if found.missing:
        return Diff([], [], sorted(known), {})
    renamed = _renamed(found, known)
    absent = sorted(known.keys() - found.files.keys() - renamed.keys())
    new = found.files.keys() - known.keys() - set(renamed.values())
    alive = _with_parents({_folder(name) for name in known.keys() - set(absent)} if absent else ())
    lost: dict[bytes, list[bytes]] = {}
    for name in absent:
        folder = _unread(name, found) if found.unreadable else None
        if folder is None:
            folder = _outermost_dead(name, found.below, alive)
        if folder is not None:
            lost.setdefault(folder, []).append(name)
    offline = sorted(
        name
        for folder, names in lost.items()
        if folder in found.unreadable
        or not (found.exists(names[0]) or _replaced(folder, names, new))
        for name in names
    )
    return Diff(
        unchanged=sorted(name for name, state in known.items() if found.files.get(name) == state),
        gone=sorted(set(absent) - set(offline)),
        offline=offline,
        renamed=renamed,
    )


def _renamed(found: Scan, known: Mapping[bytes, FileState]) -> dict[bytes, bytes]:
    """Return the files that moved to another folder, by their old name.

    A file is known again by its own name, size and time of change, where only one fits.
    """
    places: dict[tuple[bytes, FileState], list[bytes]] = {}
    for name in found.files.keys() - known.keys():
        places.setdefault((name.rpartition(b"/")[2], found.files[name]), []).append(name)
    missing: dict[tuple[bytes, FileState], list[bytes]] = {}
    if places:
        for name in known.keys() - found.files.keys():
            missing.setdefault((name.rpartition(b"/")[2], known[name]), []).append(name)
    return {
        names[0]: places[key][0]
        for key, names in missing.items()
        if len(names) == 1 and len(places.get(key, ())) == 1
    }


def _folder(name: bytes) -> bytes:
    return name.rpartition(b"/")[0]


def _with_parents(folders: Iterable[bytes]) -> set[bytes]:
    """Return some folders and all that hold them, the root b"" included."""
    result: set[bytes] = set()
    for folder in folders:
        while folder not in result:
            result.add(folder)
            folder = _folder(folder)  # noqa: PLW2901 - up to the root, which holds itself
    return result


def _unread(name: bytes, found: Scan) -> bytes | None:
    """Return the unreadable folder that a file lies in."""
    return next((f for f in found.unreadable if not f or name.startswith(f + b"/")), None)


def _outermost_dead(name: bytes, below: bytes, alive: set[bytes]) -> bytes | None:
    """Return the outermost folder around a file, from ``below`` on, that has no known file left."""
    parts = name.split(b"/")[:-1]
    first = len(below.split(b"/")) if below else 0
    folders = (b"/".join(parts[:depth]) for depth in range(first, len(parts) + 1))
    return next((folder for folder in folders if folder not in alive), None)


def _replaced(folder: bytes, names: Sequence[bytes], new: Iterable[bytes]) -> bool:
    """Tell whether new files have taken the place of those that are lost."""
    there = sum(not folder or name.startswith(folder + b"/") for name in new)
    return 2 * there >= len(names)
