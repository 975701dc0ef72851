"""Tell what changed in a folder since the last time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from c4t_core.images.scan import Scan
from c4t_core.records import dataclass


@dataclass(frozen=True)
class Diff:
    """How a scan differs from the catalogue: relative names, each list sorted.

    Attributes:
        unchanged: files that are as they were.
        gone: files that are not there any more.
        offline: files of which nothing is known now.
        renamed: files that lie elsewhere in the folder now, by their old name.
        same: whether all is as it was; the unchanged files need not be listed then.
    """

    unchanged: list[bytes] = field(default_factory=list)
    gone: list[bytes] = field(default_factory=list)
    offline: list[bytes] = field(default_factory=list)
    renamed: dict[bytes, bytes] = field(default_factory=dict)
    same: bool = False


def compare(found: Scan, known: Mapping[bytes, tuple[int, int]]) -> Diff:
    """Compare a scan with what the catalogue knows of the same folder.

    A folder that is missing or cannot be read, or of whose files suddenly none is there, is taken
    for a disk that is not plugged in: its files are offline, not gone. Only where about as many
    new files have taken their place, or where they are there and merely left out by a rule, they
    are gone.

    Args:
        found: what is there.
        known: what was there, name -> size and time.
    """
    if found.missing:
        return Diff(offline=sorted(known))
    if found.files == known:  # as it mostly is
        return Diff(sorted(known), same=True)
    renamed = _renamed(found, known)
    absent = sorted(known.keys() - found.files.keys() - renamed.keys())
    new = found.files.keys() - known.keys() - set(renamed.values())
    alive = _with_parents({_folder(name) for name in known.keys() - set(absent)} if absent else ())
    lost: dict[bytes, list[bytes]] = {}
    for name in absent:
        if _left_out(name, found):
            continue
        folder = _unread(name, found) if found.unreadable else None
        if folder is None:
            folder = _outermost_dead(name, found.below, alive)
        if folder is not None:
            lost.setdefault(folder, []).append(name)
    offline = sorted(
        name
        for folder, names in lost.items()
        if folder in found.unreadable or not _replaced(folder, names, new)
        for name in names
    )
    return Diff(
        unchanged=sorted(name for name, state in known.items() if found.files.get(name) == state),
        gone=sorted(set(absent) - set(offline)),
        offline=offline,
        renamed=renamed,
    )


def _renamed(found: Scan, known: Mapping[bytes, tuple[int, int]]) -> dict[bytes, bytes]:
    """Return the files that moved to another folder, by their old name.

    A file is known again by its own name, size and time of change, where only one fits.
    """
    places: dict[tuple[bytes, tuple[int, int]], list[bytes]] = {}
    for name in found.files.keys() - known.keys():
        places.setdefault((name.rpartition(b"/")[2], found.files[name]), []).append(name)
    missing: dict[tuple[bytes, tuple[int, int]], list[bytes]] = {}
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


def _left_out(name: bytes, found: Scan) -> bool:
    """Tell whether a file is there, and merely left out by a rule."""
    return not found.excluded.isdisjoint((name, *_with_parents([_folder(name)])))


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
