"""Find the image files below a folder.

Names are kept as bytes (``os.fsencode``), relative to the root and "/"-separated, so that any
name a disk can hold is indexed. Nothing is opened here: a file is known by size and time.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from pathlib import Path
from typing import NamedTuple, Protocol

from c4t_core import paths
from c4t_core.files import Digest
from c4t_core.images.exclude import (
    DIGITS_ALIKE,
    LABELS,
    NO_RULES,
    OWN,
    ExcludeRules,
    is_a_set,
)
from c4t_core.images.kinds import SUFFIXES
from c4t_core.records import dataclass

__all__ = [
    "NO_RULES",
    "ExcludeRules",
    "FileState",
    "LeftOut",
    "Omitted",
    "Scan",
    "Skipped",
    "scan",
]

_SUFFIX_BYTES = tuple(os.fsencode(suffix) for suffix in SUFFIXES)
# Known by name, counted and said: pictures of other formats, and what holds many pictures.
_FORMATS = {
    *(".ppm", ".pgm", ".pbm", ".pnm", ".pam", ".pfm", ".exr", ".hdr", ".tga", ".sgi", ".ras"),
    *(".pcx", ".dds", ".gif", ".psd", ".heic", ".heif", ".hif", ".avif", ".jxl", ".jxr", ".jp2"),
    *(".j2k", ".j2c", ".jpf", ".jpx", ".jls", ".fits", ".raw", ".bayer", ".yuv", ".nv12", ".dng"),
    *(".gpr", ".nef", ".nrw", ".cr2", ".cr3", ".crw", ".arw", ".srf", ".sr2", ".orf", ".rw2"),
    *(".rwl", ".raf", ".pef", ".srw", ".x3f", ".3fr", ".fff", ".iiq", ".erf", ".kdc", ".dcr"),
    *(".mrw", ".mos", ".mef", ".icb", ".vda", ".vst", ".rgb", ".rgba", ".bw", ".qoi", ".bpg"),
    *(".flif", ".dpx", ".cin", ".xcf", ".dib", ".apng", ".mpo", ".jif", ".jfi"),
    *(".jps", ".pns", ".heics", ".heifs", ".hej2", ".wdp", ".hdp", ".y16", ".uyvy"),
} - SUFFIXES
_RECORDINGS = {
    *(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".wmv", ".flv", ".mpg", ".mpeg", ".3gp"),
    *(".mts", ".m2ts", ".mxf", ".ogv", ".h264", ".h265", ".hevc", ".mjpeg", ".mjpg", ".insv"),
    *(".264", ".265", ".asf", ".vob", ".y4m", ".mpv", ".tod", ".lrv", ".360", ".svo", ".svo2"),
    *(".bag", ".mcap", ".db3", ".rrec", ".mf4", ".tfrecord"),
}
_OTHER_BYTES = tuple(os.fsencode(suffix) for suffix in _FORMATS | _RECORDINGS)
_CATALOGUE = "catalogue.sqlite"  # what tells a data folder of this application
_CACHE = b"cache"
_EXAMPLES = 3
COUNTED_EACH = 5_000  # entries looked at in a folder that is left out,
COUNTED = 20_000  # and in all of them: counting must not take longer than indexing
_TICKS = 2**63 - 1  # of a file's clock, in nanoseconds: what the catalogue holds
_BY_HANDLE = os.scandir in os.supports_fd  # a file is then looked up in its folder, not from "/"
_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()


class Info(Protocol):
    """What is looked at of what `os.stat` tells."""

    @property
    def st_mode(self) -> int:
        """Kind of the entry."""

    @property
    def st_size(self) -> int:
        """Bytes."""

    @property
    def st_mtime_ns(self) -> int:
        """Time of change."""


class Entry(Protocol):
    """What a folder holds, as `os.scandir` tells it."""

    @property
    def name(self) -> str:
        """Without its folder."""

    def is_dir(self) -> bool:
        """Tell whether it is a folder."""

    def is_symlink(self) -> bool:
        """Tell whether it is a link."""

    def stat(self) -> Info:
        """Look it up."""


@dataclass(frozen=True)
class Skipped:
    """A file (or folder) that was left out, and why."""

    path: Path
    reason: str


class FileState(NamedTuple):
    """Size in bytes and modification time in nanoseconds: what tells a changed file."""

    size: int
    mtime_ns: int

    @classmethod
    def of(cls, info: Info) -> FileState:
        """Return the state of a file as the catalogue can hold it.

        A clock outside the years 1678 to 2262 is held at that end of them; its low digits are
        kept, so that a change is still seen.
        """
        ticks = info.st_mtime_ns
        if not -_TICKS <= ticks <= _TICKS:
            ticks = _TICKS - ticks % 2**32 if ticks > 0 else ticks % 2**32 - _TICKS
        return cls(min(info.st_size, _TICKS), ticks)


@dataclass
class LeftOut:
    """What one rule left out.

    Attributes:
        rule: a pattern, or what the rule is called.
        folders: number of folders that hold pictures and were not entered.
        files: number of pictures, in those folders and elsewhere.
        more: whether there are more than ``files``: big folders are not counted to their end.
        examples: a few of those folders and files; relative to the root in a :class:`Scan`.
    """

    rule: str
    folders: int = 0
    files: int = 0
    more: bool = False
    examples: list[Path] = field(default_factory=list)

    def add(self, other: LeftOut) -> None:
        """Add what the same rule left out elsewhere."""
        self.folders += other.folders
        self.files += other.files
        self.more = self.more or other.more
        self.examples = [*self.examples, *other.examples][:_EXAMPLES]


@dataclass
class Omitted:
    """What of a folder is not indexed though it may hold pictures; no trouble, but to be said.

    Attributes:
        rules: what each rule left out, by rule.
        unread: number of pictures of formats that are not read, by ending.
        recordings: number of videos and bags, by ending.
    """

    rules: dict[str, LeftOut] = field(default_factory=dict)
    unread: dict[str, int] = field(default_factory=dict)
    recordings: dict[str, int] = field(default_factory=dict)

    def add(self, more: LeftOut) -> None:
        """Add what a rule left out."""
        self.rules.setdefault(more.rule, LeftOut(more.rule)).add(more)

    def add_other(self, suffix: str) -> None:
        """Count a file that is not read."""
        counts = self.recordings if suffix in _RECORDINGS else self.unread
        counts[suffix] = counts.get(suffix, 0) + 1


Part = tuple[bytes, list[bytes], list[int], list[int]]
"""A folder with its "/", and names, sizes and times of image files in it."""


@dataclass
class Scan:
    """What one walk found.

    Attributes:
        count: number of image files that the rules leave in.
        odd: relative name -> reason, of things named like images that are none
            (pipes, broken links).
        unreadable: relative folder -> reason; what lies below is unknown, not gone.
        excluded: relative names of the folders and files that the rules left out.
        omitted: what these hold, and what is of no format that is read.
        missing: whether the root itself is not there.
        below: the folder that was walked, relative to the root.
    """

    count: int = 0
    odd: dict[bytes, str] = field(default_factory=dict)
    unreadable: dict[bytes, str] = field(default_factory=dict)
    excluded: set[bytes] = field(default_factory=set)
    omitted: Omitted = field(default_factory=Omitted)
    missing: bool = False
    below: bytes = b""
    _files: dict[bytes, tuple[int, int]] = field(default_factory=dict, repr=False)
    _parts: list[Part] = field(default_factory=list, repr=False)
    _digest: Digest = field(default_factory=Digest, repr=False)

    @property
    def files(self) -> dict[bytes, tuple[int, int]]:
        """Size and time (see `FileState`), by relative name, of those image files."""
        parts, self._parts = self._parts, []
        for folder, names, sizes, times in parts:
            states = zip(sizes, times, strict=True)
            self._files.update(zip(map(folder.__add__, names), states, strict=True))
        return self._files

    @property
    def digest(self) -> str:
        """Tells whether another walk found the same, in the same order: hex."""
        return str(self._digest)

    def add(self, folder: bytes, names: list[bytes], sizes: list[int], times: list[int]) -> None:
        """Take in image files of a folder, which ends in "/"; sizes and times have 63 bits."""
        self._parts.append((folder, names, sizes, times))
        self.count += len(names)
        numbers = (array("q", sizes).tobytes(), array("q", times).tobytes())
        self._digest.add(folder, b"\n".join(names), *numbers)

    @property
    def left_out(self) -> int:
        """Number of folders and files that the rules left out."""
        return len(self.excluded)


def scan(
    root: str | bytes,
    rules: ExcludeRules,
    below: bytes = b"",
    check: Callable[[int], None] = lambda found: None,
) -> Scan:
    """Walk a folder and everything below it; links are followed, each folder entered once.

    The application's own data are never taken for frames, whatever the rules say.

    Args:
        root: the chosen folder.
        rules: what to leave out below the root.
        below: only this sub-folder (relative); the rules do not hold for its own name.
        check: called with the number of files found, after every folder; may raise to stop.
    """
    return Walk(os.fsencode(root), rules, below).run(check)


class Walk:
    """One walk over a folder; what is no folder of this machine overrides what is looked up."""

    def __init__(self, base: bytes, rules: ExcludeRules, below: bytes) -> None:
        self._base = base
        self._rules = rules
        self._below = below
        self._result = Scan(below=below)
        self._waiting: list[bytes] = [below]
        self._links: list[bytes] = []  # entered last, so that the real name of a folder wins
        self._seen: set[tuple[int, int]] = set()
        self._own = _own_folders()
        self._to_count = COUNTED

    def run(self, check: Callable[[int], None]) -> Scan:
        """Do it."""
        result = self._result
        if not self.begin():
            return result
        while self._waiting or self._links:
            folder = self._waiting.pop() if self._waiting else self._links.pop()
            if folder == self._below or self.to_enter(folder):
                self._enter(folder)
                check(result.count)
        return result

    def begin(self) -> bool:
        """Tell whether there is anything to walk over."""
        start = self._path(self._below)
        try:
            self._seen.add(_identity(os.stat(start)))
        except OSError:
            self._result.missing = True
            return False
        if _in_own_cache(start):
            self._leave_out_folder(self._below, OWN)
            return False
        return True

    def _path(self, relative: bytes) -> bytes:
        return os.path.join(self._base, relative) if relative else self._base

    def to_enter(self, folder: bytes) -> bool:
        """Tell whether a folder is to be entered: not for the second time, and not our own."""
        try:
            identity = _identity(os.stat(self._path(folder)))
        except OSError:
            return True  # reading it will say why
        if not identity[1]:  # a file system that numbers nothing
            return True
        if identity in self._seen:
            return False
        self._seen.add(identity)
        if identity in self._own:
            self._leave_out_folder(folder, OWN)
            return False
        return True

    def _enter(self, folder: bytes) -> None:
        with self.entries(folder) as entries:
            left = self._take_plain(entries, folder)
            if left:
                self._take_others(left, folder, [entry.name for entry in entries])

    def entries(self, folder: bytes) -> contextlib.AbstractContextManager[list[Entry]]:
        """Lend what a folder holds, while it is open."""
        return _entries(self._path(folder), folder, self._result)

    def _take_plain(self, entries: list[Entry], folder: bytes) -> list[Entry]:
        """Note the pictures that no rule can concern, all at once; return the other entries.

        What is said of one name would take most of the time of scanning again a folder in which
        nothing changed, so what is said here is said of all names of a folder.
        """
        text = _encoded("\n".join(entry.name for entry in entries))
        names = text.split(b"\n")
        if len(names) != len(entries) or not text.isascii():
            return entries
        lower = text.lower()
        pictures, left = entries, list[Entry]()
        shapes = {*lower.translate(DIGITS_ALIKE).split(b"\n")}
        if not all(shape.endswith(_SUFFIX_BYTES) for shape in shapes):
            read = [name.endswith(_SUFFIX_BYTES) for name in lower.split(b"\n")]
            pictures = [entry for entry, picture in zip(entries, read, strict=True) if picture]
            left = [entry for entry, picture in zip(entries, read, strict=True) if not picture]
            names = [name for name, picture in zip(names, read, strict=True) if picture]
            shapes = {shape for shape in shapes if shape.endswith(_SUFFIX_BYTES)}
        if not pictures or self._rules.may_leave_out_files(b"\n".join(shapes)):
            return entries
        try:
            infos = [entry.stat() for entry in pictures]
        except OSError:
            return entries
        if not all(map(stat.S_ISREG, {info.st_mode for info in infos})):
            return entries
        sizes, times = [info.st_size for info in infos], [info.st_mtime_ns for info in infos]
        if min(times) < -_TICKS or max(times) > _TICKS:
            states = [FileState.of(info) for info in infos]
            sizes, times = [one.size for one in states], [one.mtime_ns for one in states]
        self._result.add(folder + b"/" if folder else b"", names, sizes, times)
        return left

    def _take_others(self, entries: list[Entry], folder: bytes, names: Sequence[str]) -> None:
        """Look at some entries of a folder one by one; ``names`` are those of all."""
        beside = {
            name.rpartition(".")[0].lower()
            for name in names
            if _encoded(name).lower().endswith(_SUFFIX_BYTES)
        }
        around = {name.lower() for name in names if "." not in name}
        prefix = folder + b"/" if folder else b""
        by_name = {_encoded(entry.name): entry for entry in entries}
        for name, entry in sorted(by_name.items(), reverse=True):
            relative = prefix + name
            try:
                if not entry.is_dir():
                    self._take_file(entry, name, relative, beside)
                elif name == _CACHE and _CATALOGUE in names:
                    self._leave_out_folder(relative, OWN)
                else:
                    self._take_folder(entry, relative, around)
            except OSError as error:
                if name.lower().endswith(_SUFFIX_BYTES):
                    broken = entry.is_symlink()
                    reason = "a link to nothing" if broken else f"cannot be read ({error.strerror})"
                    self._result.odd[relative] = reason

    def _take_folder(self, entry: Entry, relative: bytes, around: set[str]) -> None:
        rule = self._rules.folder_rule(entry.name, around)
        if rule is None or (rule == LABELS and is_a_set(self.folders_in(relative))):
            (self._links if entry.is_symlink() else self._waiting).append(relative)
        else:
            self._leave_out_folder(relative, rule)

    def _take_file(self, entry: Entry, name: bytes, relative: bytes, beside: set[str]) -> None:
        lower = name.lower()
        read = lower.endswith(_SUFFIX_BYTES)
        if not read and not lower.endswith(_OTHER_BYTES):
            return
        rule = self._rules.file_rule(entry.name, beside)
        if not read:
            if rule is None:
                self._result.omitted.add_other(os.fsdecode(os.path.splitext(lower)[1]))
            return
        if rule is not None:
            self._result.excluded.add(relative)
            self._result.omitted.add(LeftOut(rule, 0, 1, False, [Path(os.fsdecode(relative))]))
            return
        state = entry.stat()
        if stat.S_ISREG(state.st_mode):
            size, time = FileState.of(state)
            self._result.add(b"", [relative], [size], [time])
        else:
            self._result.odd[relative] = "not a regular file (a pipe, socket or device)"

    def _leave_out_folder(self, relative: bytes, rule: str) -> None:
        """Note a folder that is not entered, and how many pictures it holds."""
        self._result.excluded.add(relative)
        pictures, more = self.count(relative)
        if pictures or more:
            example = Path(os.fsdecode(relative))
            self._result.omitted.add(LeftOut(rule, 1, pictures, more, [example]))

    def folders_in(self, folder: bytes) -> list[str]:
        """Return the names of the folders in a folder; of a big one only of its beginning."""
        return _folders_in(self._path(folder))

    def count(self, folder: bytes) -> tuple[int, bool]:
        """Return the number of pictures below a folder, and whether there may be more.

        No link is followed, nothing is opened; after so many entries it is left at that.
        """
        pictures = 0
        limit = min(COUNTED_EACH, self._to_count)
        left = limit
        waiting = [self._path(folder)]
        while waiting and left > 0:
            try:
                with os.scandir(waiting.pop()) as listing:
                    for entry in listing:
                        left -= 1
                        if left < 0:
                            break
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
                        elif entry.name.lower().endswith(_SUFFIX_BYTES):
                            pictures += 1
            except OSError:
                continue
        self._to_count -= limit - max(left, 0)
        return pictures, left < 0 or bool(waiting)


def _identity(state: os.stat_result) -> tuple[int, int]:
    return state.st_dev, state.st_ino


def _own_folders() -> set[tuple[int, int]]:
    found = set()
    for folder in paths.own_folders():
        try:
            found.add(_identity(os.stat(folder)))
        except OSError:
            continue
    return found


def _in_own_cache(start: bytes) -> bool:
    """Tell whether a folder is the application's cache, of any of its data folders, or in it."""
    path = Path(os.fsdecode(os.path.realpath(start)))
    caches = {Path(os.path.realpath(folder)) for folder in paths.own_folders(caches=True)}
    return any(
        folder in caches
        or (folder.name == os.fsdecode(_CACHE) and (folder.parent / _CATALOGUE).is_file())
        for folder in (path, *path.parents)
    )


def _folders_in(path: bytes) -> list[str]:
    names = []
    try:
        with os.scandir(path) as listing:
            for _, entry in zip(range(COUNTED_EACH), listing, strict=False):
                if entry.is_dir():
                    names.append(os.fsdecode(entry.name))
    except OSError:
        return []
    return names


def _encoded(name: str) -> bytes:
    return name.encode(_ENCODING, _ERRORS)  # what os.fsencode does, without its checks


@contextlib.contextmanager
def _entries(path: bytes, folder: bytes, result: Scan) -> Iterator[list[Entry]]:
    """Lend what a folder holds, while it is open; nothing where it cannot be read."""
    entries: list[Entry] = []
    with contextlib.ExitStack() as stack:
        try:
            start: int | str = os.fsdecode(path)
            if _BY_HANDLE:
                start = os.open(path, os.O_RDONLY)
                stack.callback(os.close, start)
            with os.scandir(start) as listing:
                entries = list(listing)
        except FileNotFoundError:
            result.missing = result.missing or not folder  # one deleted meanwhile is just gone
        except OSError as error:
            result.unreadable[folder] = f"the folder cannot be read ({error.strerror or error})"
        yield entries
