"""Answers over all opened folders: one ranking, whatever roots they lie in."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from c4t_core.errors import FolderError, NotIndexedError
from c4t_core.index.folders import Target, relative_to, resolve
from c4t_core.index.query import Hit, ModelHandle
from c4t_core.index.store.catalogue import Catalogue, Root
from c4t_core.index.store.reads import ImageRow, Lookup, Selection
from c4t_core.index.vectors import hnsw, locks
from c4t_core.index.vectors.vectors import ANN_THRESHOLD, VectorSearch


@dataclass(frozen=True)
class Frame:
    """One image of the catalogue, without a score (see :class:`Hit` for the fields)."""

    path: Path
    root: Path
    relative: str
    drive: str | None
    camera: str | None
    frame: int | None
    time: float | None
    image_id: int
    size: int  # bytes
    mtime: float  # seconds since 1970


@dataclass(frozen=True)
class Ranking:
    """Hits as numbers only, best first: for views that load rows when they are shown."""

    image_ids: NDArray[np.int64]  # (n,)
    scores: NDArray[np.float32]  # (n,)


@dataclass(frozen=True)
class Filters:
    """What a search is restricted to; empty fields restrict nothing."""

    within: tuple[str | Path, ...] = ()  # sub-folders, relative to an opened folder or absolute
    drives: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    since: float | None = None  # seconds since 1970 UTC, inclusive
    until: float | None = None  # exclusive
    only: frozenset[int] | None = None  # image ids, such as the hits of an earlier search
    without: frozenset[int] = frozenset()

    def narrowed(self, within: Sequence[str | Path], drive: str | None) -> Filters:
        """Return these filters with more sub-folders and another drive to choose from."""
        drives = self.drives if drive is None else (*self.drives, drive)
        return replace(self, within=(*self.within, *within), drives=drives)


NO_FILTERS = Filters()


class Searcher:
    """Reads vectors and rows for some opened folders and one model.

    Args:
        catalogue: a connection for reading.
        folders: opened folders, none inside another.
        model: which vectors to use.
        cache: where index files lie.
        threshold: number of vectors from which the approximate index is used.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        folders: Sequence[Path],
        model: ModelHandle,
        cache: Path,
        threshold: int = ANN_THRESHOLD,
    ) -> None:
        """Read nothing yet."""
        self._catalogue = catalogue
        self._folders = tuple(folders)
        self._model = model
        self._cache = cache
        self._threshold = threshold
        self._lock = threading.Lock()
        self._searches: dict[tuple[int, int], VectorSearch] = {}
        self._allowed: dict[tuple[int, int, Selection], NDArray[np.int64]] = {}

    def targets(self) -> list[Target]:
        """Return the opened folders with the roots they lie in now."""
        return [resolve(self._catalogue, folder) for folder in self._folders]

    def lookup(self, target: Target) -> Lookup | None:
        """Return the reader of a folder's root, None before it was ever indexed."""
        return None if target.root is None else Lookup(self._catalogue, target.root.id)

    def vectors(self, root: Root, model_id: int) -> VectorSearch:
        """Return the (cached) vector search of a root."""
        with self._lock:
            key = (root.id, model_id)
            if key not in self._searches:
                source = hnsw.Source(
                    Lookup(self._catalogue, root.id),
                    self._catalogue.identity,
                    model_id,
                    self._model.fingerprint,
                    self._model.dim,
                )
                self._searches[key] = VectorSearch(source, self._cache, self._threshold)
            return self._searches[key]

    def indexed(self) -> list[tuple[Target, Root, VectorSearch]]:
        """Return the folders that can be searched.

        Raises:
            NotIndexedError: if none of them was indexed with this model.
        """
        model_id = self._catalogue.model_id(self._model.fingerprint)
        targets = self.targets()
        found: list[tuple[Target, Root, VectorSearch]] = []
        for target in targets:
            root = target.root
            if root is None or model_id is None or self._catalogue.run(root.id, model_id) is None:
                continue
            found.append((target, root, self.vectors(root, model_id)))
        if not found:
            raise NotIndexedError(self._not_indexed(targets[0]))
        return found

    def _not_indexed(self, target: Target) -> str:
        name = self._model.name
        command = f'c4t index "{target.folder}"' + ("" if name == "c4t" else f" --model {name}")
        others = [] if target.root is None else self._catalogue.models_of(target.root.id)
        if any(other == name for other, _, _ in others):
            return (
                f'The index of "{target.folder}" was made with another version of the model '
                f'"{name}"; make a new one with: {command} (the old one is kept).'
            )
        if others:
            return f'"{target.folder}" is not indexed with the model "{name}" yet; run: {command}'
        return f'"{target.folder}" is not indexed yet; run: {command}'

    def ranked(
        self,
        direction: NDArray[np.float32],
        k: int | None,
        filters: Filters = NO_FILTERS,
        *,
        exact: bool = False,
    ) -> Ranking:
        """Return the k best images over all folders, best first, ties by path."""
        ids: list[NDArray[np.int64]] = []
        scores: list[NDArray[np.float32]] = []
        for (_, _, vectors), allowed in self._restricted(filters):
            part = vectors.search(direction, k, allowed, exact=exact)
            ids.append(part[0])
            scores.append(part[1])
        all_ids, all_scores = np.concatenate(ids), np.concatenate(scores)
        if len(ids) > 1:  # parts are sorted, and folders come in the order of their paths
            order = np.argsort(-all_scores, kind="stable")[:k]
            all_ids, all_scores = all_ids[order], all_scores[order]
        return Ranking(all_ids, all_scores)

    def scores(
        self, direction: NDArray[np.float32], filters: Filters = NO_FILTERS
    ) -> NDArray[np.float32]:
        """Return the cosines of all images that the filters let through, (n,)."""
        return np.concatenate(
            [
                vectors.scores(direction, allowed)
                for (_, _, vectors), allowed in self._restricted(filters)
            ]
        )

    def best(
        self, directions: NDArray[np.float32], filters: Filters, most: int
    ) -> NDArray[np.float32]:
        """Return the best cosine of each direction (m, d) with any image, float32 (m,).

        Of more than ``most`` images in a folder, an even sample is looked at. -1 without images.
        """
        found = np.full(len(directions), -1.0, dtype=np.float32)
        for (_, _, vectors), allowed in self._restricted(filters):
            rows = vectors.rows(allowed)
            rows = rows[:: -(-len(rows) // most) or 1]
            if len(rows):
                found = np.maximum(found, (rows @ directions.T).max(axis=0))
        return found

    def generations(self) -> tuple[int, ...]:
        """Return what changes with every commit of an index run, one number per folder."""
        return tuple(vectors.matrix().generation for _, _, vectors in self.indexed())

    def _restricted(
        self, filters: Filters
    ) -> list[tuple[tuple[Target, Root, VectorSearch], NDArray[np.int64] | None]]:
        found = self.indexed()
        within = self._within(filters.within, [target for target, _, _ in found])
        return [
            (entry, self._allowed_ids(entry[0], entry[1], filters, within[place]))
            for place, entry in enumerate(found)
        ]

    def _allowed_ids(
        self, target: Target, root: Root, filters: Filters, within: tuple[bytes, ...] | None
    ) -> NDArray[np.int64] | None:
        """Return the ids that may be hits, sorted; None for all of the root."""
        if within is None:
            return np.empty(0, dtype=np.int64)
        below = within or ((target.below,) if target.below else ())
        selection = Selection(below, filters.drives, filters.cameras, filters.since, filters.until)
        allowed = None if selection.everything else self._select(root, selection)
        if filters.only is not None:
            only = np.asarray(sorted(filters.only), dtype=np.int64)
            allowed = only if allowed is None else np.intersect1d(allowed, only)
        if filters.without:
            if allowed is None:
                allowed = self._select(root, Selection())
            allowed = np.setdiff1d(allowed, np.asarray(sorted(filters.without), dtype=np.int64))
        return allowed

    def _select(self, root: Root, selection: Selection) -> NDArray[np.int64]:
        """Select with a small cache: typing a query asks for one restriction again and again."""
        lookup = Lookup(self._catalogue, root.id)
        model_id = self._catalogue.model_id(self._model.fingerprint) or 0
        key = (root.id, lookup.generation(model_id), selection)
        with self._lock:
            if key in self._allowed:
                return self._allowed[key]
        found = lookup.select(selection)
        with self._lock:
            if len(self._allowed) > 16:
                self._allowed.clear()
            self._allowed[key] = found
        return found

    def _within(
        self, folders: Sequence[str | Path], targets: Sequence[Target]
    ) -> list[tuple[bytes, ...] | None]:
        """Return, for each target, the sub-folders it is restricted to; None for nothing at all.

        Raises:
            FolderError: if a folder lies in none of the opened ones.
        """
        if not folders:
            return [()] * len(targets)
        chosen: list[list[bytes]] = [[] for _ in targets]
        for folder in folders:
            found = False
            for place, target in enumerate(targets):
                below = _below_target(target, folder)
                if below is not None:
                    chosen[place].append(below)
                    found = True
            if not found:
                raise FolderError(
                    f'There is no folder "{folder}" in the opened folders; name one inside '
                    f'"{targets[0].folder}".',
                    Path(folder),
                )
        result: list[tuple[bytes, ...] | None] = []
        for target, names in zip(targets, chosen, strict=True):
            whole = target.below in names  # the opened folder itself restricts nothing further
            result.append((() if whole else tuple(names)) if names else None)
        return result

    def hits(self, image_ids: Sequence[int], scores: Sequence[float], first: int = 1) -> list[Hit]:
        """Return hits for ids of a ranking, ranks counted from ``first``; gone ones left out."""
        by_root: dict[int, list[Target]] = {}  # several opened folders may lie in one root
        for target in self.targets():
            if target.root is not None:
                by_root.setdefault(target.root.id, []).append(target)
        rows: dict[int, ImageRow] = {}
        if by_root:
            rows = Lookup(self._catalogue, next(iter(by_root))).rows(image_ids)
        result: list[Hit] = []
        for place, (image_id, score) in enumerate(zip(image_ids, scores, strict=True)):
            row = rows.get(int(image_id))
            if row is None:
                continue
            holders = (t for t in by_root.get(row.root_id, ()) if t.holds(row.path))
            holder = next(holders, None)
            if holder is None:
                continue
            relative = holder.shown(row.path)
            result.append(
                Hit(
                    Path(os.path.join(holder.folder, relative)),
                    float(score),
                    first + place,
                    holder.folder,
                    relative,
                    row.drive,
                    row.camera,
                    row.frame,
                    row.time,
                    row.id,
                )
            )
        return result

    def find(self, image: int | str | Path) -> tuple[Target, ImageRow] | None:
        """Return an image's row by its id or path, None if it is not in the opened folders."""
        for target in self.targets():
            lookup = self.lookup(target)
            if lookup is None or target.root is None:
                continue
            row: ImageRow | None = None
            if isinstance(image, (str, Path)):
                name = _name_in(target, image)
                row = lookup.by_path(name) if name else None
            else:
                row = lookup.rows([int(image)]).get(int(image))
            if row is not None and row.root_id == target.root.id and target.holds(row.path):
                return target, row
        return None

    def groups(self, column: str) -> list[tuple[str, int]]:
        """Return (name, number of images) of every "drive", "camera" or "day" that is open."""
        total: dict[str, int] = {}
        for target in self.targets():
            lookup = self.lookup(target)
            for name, count in lookup.groups(column, target.below) if lookup else ():
                total[name] = total.get(name, 0) + count
        return sorted(total.items())

    def files_of_size(self, size: int) -> list[Path]:
        """Return the catalogued files of a size, as they were opened."""
        found: list[Path] = []
        for target in self.targets():
            lookup = self.lookup(target)
            rows = lookup.of_size(size) if lookup else ()
            found += [self.frame(target, row).path for row in rows if target.holds(row.path)]
        return found

    def frame(self, target: Target, row: ImageRow) -> Frame:
        """Return a row as the outside sees it."""
        relative = target.shown(row.path)
        return Frame(
            Path(os.path.join(target.folder, relative)),
            target.folder,
            relative,
            row.drive,
            row.camera,
            row.frame,
            row.time,
            row.id,
            row.size,
            row.mtime_ns / 1e9,
        )


def _name_in(target: Target, image: str | Path) -> bytes | None:
    """Return a file's name relative to the root of a target, by either name of the folder."""
    path = os.path.abspath(image)
    inner = relative_to(path, str(target.folder))
    if inner is None:
        inner = relative_to(path, target.real)
    if inner is None:
        return None
    return target.below + b"/" + inner if target.below else inner


def _below_target(target: Target, folder: str | Path) -> bytes | None:
    """Return a sub-folder relative to the target's root, None if it is not in the target.

    A relative name is meant below the opened folder; if there is none, from where we are.
    """
    for candidate in (os.path.join(target.folder, folder), os.path.abspath(folder)):
        real = os.path.realpath(candidate)
        inner = relative_to(real, target.real)
        if inner is not None and (os.path.isdir(real) or not os.path.isdir(target.real)):
            return target.below + b"/" + inner if target.below and inner else inner or target.below
    return None


@dataclass(frozen=True)
class FolderStatus:
    """One opened folder: what is known of it without touching the disk it lies on."""

    folder: Path
    total: int  # images in the catalogue
    embedded: int  # of them, with a vector of this model
    skipped: int
    offline: bool  # not there at the last run
    scanned: float | None  # when a run for this model last finished, seconds since 1970
    busy: str | None  # who is indexing it now, in words
    search: str  # what answers: "exact" or "hnsw"


@dataclass(frozen=True)
class WorkspaceStatus:
    """All opened folders together."""

    total: int
    embedded: int
    offline: int  # images in folders that are not there
    skipped: int
    folders: tuple[FolderStatus, ...]


def of(searcher: Searcher, catalogue: Catalogue, model: ModelHandle) -> WorkspaceStatus:
    """Return the status of all folders of a searcher."""
    model_id = catalogue.model_id(model.fingerprint)
    folders = tuple(
        _folder_status(searcher, catalogue, target, model, model_id)
        for target in searcher.targets()
    )
    return WorkspaceStatus(
        sum(folder.total for folder in folders),
        sum(folder.embedded for folder in folders),
        sum(folder.total for folder in folders if folder.offline),
        sum(folder.skipped for folder in folders),
        folders,
    )


def _folder_status(
    searcher: Searcher,
    catalogue: Catalogue,
    target: Target,
    model: ModelHandle,
    model_id: int | None,
) -> FolderStatus:
    busy = locks.holder(target.lock_path(model.fingerprint))
    root, lookup = target.root, searcher.lookup(target)
    if root is None or lookup is None:
        return FolderStatus(target.folder, 0, 0, 0, False, None, busy, "exact")
    total, embedded, failed = lookup.counts(model_id, target.below)
    run = None if model_id is None else catalogue.run(root.id, model_id)
    serving = "exact"
    if run is not None and model_id is not None:
        serving = searcher.vectors(root, model_id).serving()
    scanned = run[0] if run else None
    return FolderStatus(
        target.folder, total, embedded, failed, root.offline, scanned, busy, serving
    )
