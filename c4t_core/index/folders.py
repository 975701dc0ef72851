"""From a folder that the user names to the root that holds it in the catalogue.

A folder inside an indexed root is a restriction of it; a folder that holds indexed roots
takes over their rows. So no image is ever embedded twice.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from c4t_core.addresses import as_path, is_table, plain
from c4t_core.errors import FolderError, NotIndexedError
from c4t_core.images import fetched
from c4t_core.images.frame_names import natural_key, shown_drives
from c4t_core.images.scan import ExcludeRules
from c4t_core.index.store import catalogue as store_catalogue
from c4t_core.index.store.catalogue import Catalogue, Root, cache_folders
from c4t_core.index.store.reads import Lookup
from c4t_core.models.protocol import PLAIN
from c4t_core.progress import Progress
from c4t_core.records import dataclass

if TYPE_CHECKING:
    from c4t_core.index.indexer import IndexReport


@dataclass(frozen=True)
class Target:
    """A folder that the user opened.

    Attributes:
        folder: absolute, as the user named it.
        real: the same with links resolved.
        root: the root that holds it, None before it was ever indexed.
        below: where it lies in the root, b"" for the root itself.
    """

    folder: Path
    real: str
    root: Root | None = None
    below: bytes = b""

    @property
    def is_shared(self) -> bool:
        """Whether it is a folder of a shared table, or a table that was never copied."""
        return is_table(self.folder) if self.root is None else bool(self.root.shared)

    def lock_path(self, fingerprint: str) -> Path:
        """Return the writers' lock file for a model."""
        return store_catalogue.lock_path(self.root.path if self.root else self.real, fingerprint)

    def shown(self, name: bytes) -> str:
        """Return a file's path below the opened folder, "/"-separated."""
        return os.fsdecode(name[len(self.below) + 1 :] if self.below else name)

    def holds(self, name: bytes) -> bool:
        """Tell whether a file of the root lies in the opened folder."""
        return not self.below or name.startswith(self.below + b"/")


def resolve(roots: Iterable[Root], folder: Path) -> Target:
    """Find the root of a folder, without looking at the disk beyond its links."""
    real = os.path.realpath(folder)
    best = Target(folder, real)
    for root in roots:
        below = None if root.shared else relative_to(real, root.path)
        if below is None or (below and _left_out(below, root.rules)):
            continue
        if best.root is None or len(root.path) > len(best.root.path):
            best = replace(best, root=root, below=below)
    return best


def targets_of(roots: Sequence[Root], opened: Path) -> list[Target]:
    """Return what an opened folder stands for: itself, or the folders of a shared table."""
    if not is_table(opened):
        return [resolve(roots, opened)]
    address = plain(opened)
    copied = [root for root in roots if root.shared == address]
    if not copied:
        return [Target(opened, address)]
    return [Target(as_path(root.place), root.place, root) for root in copied]


def _left_out(below: bytes, rules: ExcludeRules) -> bool:
    """Tell whether the rules of a root leave out a folder in it: it is then a root of its own."""
    return any(rules.leaves_out_folder(os.fsdecode(part)) for part in below.split(b"/"))


def relative_to(path: str, base: str) -> bytes | None:
    """Return ``path`` below ``base``, "/"-separated; b"" if equal, None if outside.

    >>> relative_to("/data/a/b", "/data")
    b'a/b'
    """
    start = base.rstrip(os.sep) + os.sep
    if path == base:
        return b""
    if not path.startswith(start):
        return None
    return os.fsencode(path[len(start) :]).replace(os.fsencode(os.sep), b"/")


def claim(catalogue: Catalogue, target: Target, rules: ExcludeRules | None) -> Target:
    """Make sure that a folder has a root to be indexed in; rows of roots inside are taken over.

    Raises:
        FolderError: if the folder is not there and never was.
    """
    target = resolve(catalogue.roots(), target.folder)
    if target.root is None:
        check_folder(target.folder)
        root = catalogue.add_root(target.real, rules or ExcludeRules())
        target = replace(target, root=root)
    elif rules is not None and not target.below and rules != target.root.rules:
        catalogue.set_rules(target.root.id, rules)
        target = replace(target, root=replace(target.root, rules=rules))
    assert target.root is not None
    for inner in catalogue.roots():
        below = None if inner.shared else relative_to(inner.path, target.root.path)
        if below and not _left_out(below, target.root.rules):
            catalogue.move(inner, b"", target.root, below)
    return target


def check_folder(folder: Path) -> None:
    """Make sure that a folder can be read.

    Raises:
        FolderError: if it is missing, a file, or not readable.
    """
    try:
        with os.scandir(folder):
            return
    except FileNotFoundError as error:
        message = f'The folder "{folder}" does not exist; check the path.'
        raise FolderError(message, folder) from error
    except NotADirectoryError as error:
        message = f'"{folder}" is a file; choose the folder that holds the images.'
        raise FolderError(message, folder) from error
    except OSError as error:
        message = f'The folder "{folder}" cannot be read ({error.strerror}); check its permissions.'
        raise FolderError(message, folder) from error


def opened(folders: str | Path | Sequence[str | Path]) -> list[Path]:
    """Return the named folders, absolute, sorted, without those inside another of them.

    Raises:
        FolderError: if there are none.
    """
    named = [folders] if isinstance(folders, (str, Path)) else list(folders)
    if not named:
        raise FolderError("No folder was named; choose one that holds images.")
    named_paths = sorted({as_path(plain(name)) for name in named})
    real = {path: str(path) if is_table(path) else os.path.realpath(path) for path in named_paths}
    outer: list[Path] = []
    for path in sorted(named_paths, key=lambda p: len(real[p])):
        if all(relative_to(real[path], real[other]) is None for other in outer):
            outer.append(path)
    return sorted(outer, key=lambda p: os.fsencode(p) + b"/")


def check_known(catalogue: Catalogue, folder: Path) -> None:
    """Make sure that a folder is there, or was indexed earlier and is merely unplugged.

    Raises:
        FolderError: if it is neither.
    """
    if is_table(folder):
        return  # whoever reads it says what is wrong with it
    if resolve(catalogue.roots(), folder).root is None or folder.exists():
        check_folder(folder)


@dataclass(frozen=True)
class Drive:
    """One recording.

    Attributes:
        name: as it is shown, and asked for.
        frames: how many there are in the catalogue.
        first: the first date in the name of one, seconds since 1970; None where none has any.
        last: the last.
    """

    name: str
    frames: int
    first: float | None
    last: float | None


def drives_in(catalogue: Catalogue, folder: Path) -> list[Drive]:
    """Return the drives of a folder by name, with those of no model's index.

    Raises:
        FolderError: if the folder is neither there nor known from earlier.
        NotIndexedError: if nothing of it was ever indexed.
    """
    check_known(catalogue, folder)
    told: dict[str, tuple[int, float | None, float | None]] = {}
    for target in targets_of(catalogue.roots(), folder):
        if target.root is None and target.is_shared:
            there = plain(folder)
            raise NotIndexedError(
                f'"{there}" was never opened on this machine; run: c4t search "{there}"'
            )
        if target.root is None:
            raise NotIndexedError(f'"{folder}" is not indexed yet; run: c4t index "{folder}"')
        told |= Lookup(catalogue, target.root.id).drives(target.below)
    shown = shown_drives(told)
    return sorted(
        (Drive(shown[drive], *about) for drive, about in told.items()),
        key=lambda one: natural_key(one.name),
    )


class Tables(Protocol):
    """What reads shared tables, given from above; see :mod:`c4t_core.cluster.opening`."""

    def bring(
        self, catalogue: Catalogue, address: str, progress: Progress
    ) -> tuple[IndexReport, str]:
        """Copy what a table has that the catalogue has not; return a sentence to be told, too."""
        ...

    def close(self) -> None:
        """Let none of their pictures be looked at any more."""
        ...


@dataclass(frozen=True)
class FolderStatus:
    """One opened folder: what is known of it without touching the disk it lies on."""

    folder: Path
    total: int = 0  # images in the catalogue
    embedded: int = 0  # of them, with a vector of this model
    skipped: int = 0
    offline: int = 0  # images in folders that were not there at the last run
    busy: str | None = None  # who is indexing it now, in words
    search: str = "exact"  # what answers: "exact" or "hnsw"
    graph: str = PLAIN  # the image graph that its vectors are of
    best_graph: str = PLAIN  # the one that a new index would be made with
    shared: str = ""  # address of the table that it is a folder of
    updated: int | None = None  # where an earlier model's index answers: images in the new one


@dataclass(frozen=True)
class WorkspaceStatus:
    """All opened folders together."""

    total: int
    embedded: int
    offline: int  # images in folders that are not there
    skipped: int
    folders: tuple[FolderStatus, ...]
    objects: tuple[str, ...] = ()  # classes that something is known of, see `index.objects`

    @property
    def updated(self) -> int | None:
        """Where an earlier model's index answers: how many images the new one has by now."""
        known = [folder.updated for folder in self.folders if folder.updated is not None]
        return sum(known) if known else None


@dataclass(frozen=True)
class Space:
    """Bytes on disk, and what of them cleaning gives back."""

    catalogue: int  # rows and vectors
    indexes: int  # vector caches and approximate indexes; made again at need
    damaged: int  # damaged catalogues that were set aside
    files: int = 0  # number of the files of vector caches and approximate indexes; no empty ones
    frames: int = 0  # number of frames with vectors that better ones have replaced
    replaced: int = 0  # of the catalogue: those vectors, and the facts on objects beside them
    free: int = 0  # of the catalogue: what frames that are gone or changed left empty
    pictures: int = 0  # number of copies of pictures at addresses
    fetched: int = 0  # those copies; fetched again when they are looked at

    @property
    def removable(self) -> int:
        """What cleaning gives back at least: pages that are partly empty are not counted."""
        return self.replaced + self.free + self.indexes + self.damaged + self.fetched


def forget(catalogue: Catalogue, folder: Path) -> None:
    """Drop a folder with its rows and vectors, be it a root or inside one.

    Raises:
        FolderError: if the catalogue knows nothing of the folder.
    """
    if is_table(folder):
        catalogue.note_copied(plain(folder), None)
    for target in targets_of(catalogue.roots(), folder):
        if target.root is None or (target.below and not _holds_any(catalogue, target)):
            raise _unknown(folder)
        catalogue.forget(target.root.id, target.below)
        if not target.below:
            stem = f"{catalogue.identity[:8]}-{target.root.id}-*"
            for path in [path for caches in cache_folders() for path in caches.glob(stem)]:
                with contextlib.suppress(OSError):
                    path.unlink()


def relocate(catalogue: Catalogue, old: Path, new: Path) -> None:
    """Note that a folder lies elsewhere now, be it a root, inside one, or above some.

    Rows and vectors are kept; what the catalogue knew of the new place makes way for them.

    Raises:
        FolderError: if the catalogue knows nothing of the old folder, or the new one is missing.
    """
    check_folder(new)
    to = os.path.realpath(new)
    for source in dict.fromkeys((os.path.realpath(old), os.path.abspath(old))):
        if source == to:
            raise FolderError(f'"{old}" and "{new}" are the same folder; name two.', new)
        moved = [_move(catalogue, root, source, to) for root in catalogue.roots()]
        if any(moved):
            return
    raise _unknown(old)


def _move(catalogue: Catalogue, root: Root, old: str, new: str) -> bool:
    """Move what one root has of a folder; tell whether that was anything."""
    if root.shared:  # its table says where its files lie
        return False
    inner = relative_to(root.path, old)
    below = b"" if inner is not None else relative_to(old, root.path)
    if below is None or (below and not _holds_any(catalogue, Target(Path(old), old, root, below))):
        return False
    place = os.path.join(new, os.fsdecode(inner)) if inner else new
    others = [other for other in catalogue.roots() if below or other.id != root.id]
    target = resolve(others, Path(place))
    if target.root is not None:
        catalogue.move(root, below, target.root, target.below)
    elif below:
        catalogue.move(root, below, catalogue.add_root(place, root.rules), b"")
    else:
        catalogue.rename_root(root.id, place)
    return True


def _holds_any(catalogue: Catalogue, target: Target) -> bool:
    assert target.root is not None
    return Lookup(catalogue, target.root.id).frames(target.below) > 0


def _unknown(folder: Path) -> FolderError:
    return FolderError(
        f'The catalogue knows no folder "{folder}"; name one that was indexed, or one in it.',
        folder,
    )


def space(catalogue: Catalogue, indexes: Sequence[Path], replaced: Sequence[str] = ()) -> Space:
    """Return what is used on disk, and what :func:`clean` would give back of it."""
    base, files = catalogue.path, list(filter(None, map(_size, _files(indexes))))
    pictures = fetched.kept()
    return Space(
        sum(_size(base.with_name(base.name + ending)) for ending in ("", "-wal", "-shm")),
        sum(files),
        sum(map(_size, _damaged(base))),
        len(files),
        *catalogue.removable(replaced),
        len(pictures),
        sum(pictures.values()),
    )


def clean(
    catalogue: Catalogue,
    indexes: Sequence[Path],
    keep_models: Sequence[str] | None,
    replaced: Sequence[str] = (),
) -> int:
    """Drop what is not needed and give the space back; return the number of bytes.

    Dropped are vectors of models other than ``keep_models`` (None keeps all) and of those that were
    ``replaced``, the files of ``indexes``, which can be made again, copies of pictures at addresses
    and damaged catalogues that were set aside.
    """
    before = space(catalogue, indexes)
    catalogue.drop_models(replaced)
    if keep_models is not None:
        catalogue.drop_models(keep_models, others=True)
    for path in [*_files(indexes), *_damaged(catalogue.path)]:
        with contextlib.suppress(OSError):
            path.unlink()
    fetched.drop_kept()
    catalogue.compact()
    return max(0, _used(before) - _used(space(catalogue, indexes)))


def _used(space: Space) -> int:
    return space.catalogue + space.indexes + space.damaged + space.fetched


def _files(folders: Iterable[Path]) -> list[Path]:
    return [path for folder in folders for path in folder.glob("*")]


def _damaged(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.damaged-*"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
