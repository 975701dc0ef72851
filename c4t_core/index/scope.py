"""Scopes: what one question is asked of, resolved once, and the rankings over it.

A question goes to some opened folders, restricted by filters. Which roots hold them, what was
indexed with the model and which images the filters let through is found out when the scope is
made; everything that searches takes the scope and looks none of it up again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from c4t_core.errors import FolderError, QueryError
from c4t_core.images.frame_names import matches_drive
from c4t_core.index.folders import Target, relative_to
from c4t_core.index.hits import Hits
from c4t_core.index.query import NO_FILTERS, Filters, Hit
from c4t_core.index.store.reads import Ids, ImageRow, Selection, StoredVectors
from c4t_core.index.vectors.table import Slots, Table, merged
from c4t_core.index.vectors.vectors import VectorSearch

_LISTED = 20  # drives that a sentence names


@dataclass(frozen=True)
class Part:
    """One opened folder and the vectors in it.

    Attributes:
        target: the folder, and where it lies in the root that holds it.
        vectors: search over the whole root.
        table: all its vectors when the scope was made.
        slots: of the images that may be hits, ascending; None for all of the root.
    """

    target: Target
    vectors: VectorSearch
    table: Table
    slots: Slots | None = None

    @property
    def images(self) -> int:
        """How many images may be hits."""
        return len(self.table) if self.slots is None else len(self.slots)


@dataclass(frozen=True)
class Scope:
    """What one question is asked of.

    Attributes:
        parts: the opened folders.
        drives: identity -> how it is shown, of all their drives.
        filters: what it is restricted to.
    """

    parts: tuple[Part, ...]
    drives: Mapping[str, str] = field(default_factory=dict)
    filters: Filters = NO_FILTERS

    def restricted(self, filters: Filters, select: Callable[[Part, Selection], Slots]) -> Scope:
        """Return this scope with only what the filters let through.

        Args:
            filters: the restrictions.
            select: returns the slots that a selection lets through in a part, ascending.

        Raises:
            FolderError: if a folder of ``filters.within`` lies in none of the opened ones.
            QueryError: if a drive of the filters is in none of them.
        """
        within = _subfolders(filters.within, [part.target for part in self.parts])
        drives = _chosen(filters.drives, self.drives)
        parts = [
            replace(part, slots=_allowed(part, filters, within.get(part.target), drives, select))
            for part in self.parts
        ]
        return replace(self, parts=tuple(parts), filters=filters)

    @property
    def fingerprint(self) -> str:
        """Of the vectors of the first folder, "" where they are of no index."""
        source = self.parts[0].vectors.source
        return source.fingerprint if isinstance(source, StoredVectors) else ""

    @property
    def generations(self) -> tuple[int, ...]:
        """What changes with every commit of an index run, one number per folder."""
        return tuple(part.table.moment.generation for part in self.parts)

    def ranking(
        self, direction: NDArray[np.float32], k: int | None, *, exact: bool = False
    ) -> tuple[Ids, NDArray[np.float32]]:
        """Return (ids, scores) of the k best images (None: all), best first, ties by path."""
        rankings = [
            part.vectors.ranking(part.table, direction, k, part.slots, exact=exact)
            for part in self.parts
        ]
        return merged(rankings, k)  # folders come in the order of their paths

    def embeddings(self, image_ids: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """Return unit embeddings (d,) by image id; images without one are left out."""
        found: dict[int, NDArray[np.float32]] = {}
        for part in self.parts:
            missing = [image_id for image_id in image_ids if image_id not in found]
            if missing:
                slots = part.table.slots_of(missing)
                ids = part.table.ids[slots].tolist()
                found.update(zip(ids, part.table.rows(slots), strict=True))
        return found

    def find(self, paths: Iterable[Path]) -> dict[Path, int]:
        """Return the ids of images by path; those that are not in the scope are left out."""
        found = {}
        for path in paths:
            for part in self.parts:
                name = name_in(part.target, path)
                row = part.vectors.source.by_path(name) if name else None
                if row is not None:
                    found[path] = row.id
                    break
        return found

    def hits(self, image_ids: Sequence[int], scores: Sequence[float], first: int = 1) -> Hits:
        """Return hits for ids of a ranking, of which the first has a rank; those gone left out."""
        holders: dict[int, list[Part]] = {}  # several opened folders may lie in one root
        for part in self.parts:
            holders.setdefault(part.vectors.source.root_id, []).append(part)
        rows = self.parts[0].vectors.source.rows(image_ids)  # ids are unique over all roots
        hits = Hits()
        for rank, (image_id, score) in enumerate(zip(image_ids, scores, strict=True), first):
            row = rows.get(int(image_id))
            near = () if row is None else holders.get(row.root_id, ())
            holder = next((p.target for p in near if row and p.target.holds(row.path)), None)
            if row is not None and holder is not None:
                drive = self.drives.get(row.drive, row.drive)
                hits.append(_hit(holder, row, drive, (float(score), rank)))
        return hits


def _hit(target: Target, row: ImageRow, drive: str, ranked: tuple[float, int]) -> Hit:
    relative = target.shown(row.path)
    return Hit(
        path=Path(os.path.join(target.folder, relative)),
        score=ranked[0],
        rank=ranked[1],
        root=target.folder,
        relative=relative,
        drive=drive,
        camera=row.camera,
        frame=row.frame,
        time=row.time,
        image_id=row.id,
        at=row.at,
        first_seen=row.first_seen,
    )


def _chosen(requested: Sequence[str], drives: Mapping[str, str]) -> tuple[str, ...]:
    """Return the identities of the requested drives.

    Raises:
        QueryError: if one of them is none of the drives.
    """
    chosen: dict[str, None] = {}
    for name in requested:
        exact = [drive for drive, shown in drives.items() if name in (drive, shown)]
        found = exact or [drive for drive in drives if matches_drive(drive, name)]
        if not found:
            raise QueryError(f'There is no drive "{name}" here; {_there_are(drives.values())}')
        chosen.update(dict.fromkeys(found))
    return tuple(chosen)


def _there_are(shown: Iterable[str]) -> str:
    names = sorted(shown)
    listed = ", ".join(names[:_LISTED])
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return f"there are: {listed}{more}."


def _allowed(
    part: Part,
    filters: Filters,
    within: Sequence[bytes] | None,
    drives: tuple[str, ...],
    select: Callable[[Part, Selection], Slots],
) -> Slots | None:
    """Return the slots of the images that may be hits, ascending; None for all of the root."""
    if filters.within and within is None:
        return np.empty(0, dtype=np.int64)
    own = part.target.below
    below = tuple(within or ())
    if not below or own in below:  # the opened folder itself restricts nothing further
        below = (own,) if own else ()
    selection = Selection(
        below,
        drives=drives,
        cameras=filters.cameras,
        since=filters.since,
        until=filters.until,
    )
    allowed = None if selection.everything else select(part, selection)
    if filters.only is not None:
        only = part.table.slots_of(filters.only)
        allowed = only if allowed is None else np.intersect1d(allowed, only, assume_unique=True)
    if filters.without:
        every = select(part, Selection()) if allowed is None else allowed
        without = part.table.slots_of(filters.without)
        allowed = np.setdiff1d(every, without, assume_unique=True)
    return allowed


def _subfolders(
    folders: Sequence[str | Path], targets: Sequence[Target]
) -> dict[Target, list[bytes]]:
    """Return, by target, the sub-folders that lie in it; a target without any is left out.

    Raises:
        FolderError: if a folder lies in none of the targets.
    """
    chosen: dict[Target, list[bytes]] = {}
    for folder in folders:
        found = {target: _below(target, folder) for target in targets}
        if all(below is None for below in found.values()):
            raise FolderError(
                f'There is no folder "{folder}" in the opened folders; name one inside '
                f'"{targets[0].folder}".',
                Path(folder),
            )
        for target, below in found.items():
            if below is not None:
                chosen.setdefault(target, []).append(below)
    return chosen


def name_in(target: Target, image: str | Path) -> bytes | None:
    """Return a file's name relative to the root of a target, by either name of the folder."""
    path = os.path.abspath(image)
    inner = relative_to(path, str(target.folder))
    if inner is None:
        inner = relative_to(path, target.real)
    if inner is None:
        return None
    return target.below + b"/" + inner if target.below else inner


def _below(target: Target, folder: str | Path) -> bytes | None:
    """Return a sub-folder relative to the target's root, None if it is not in the target.

    A relative name is meant below the opened folder; if there is none, from where we are.
    """
    for candidate in (os.path.join(target.folder, folder), os.path.abspath(folder)):
        real = os.path.realpath(candidate)
        inner = relative_to(real, target.real)
        if inner is not None and (os.path.isdir(real) or not os.path.isdir(target.real)):
            return target.below + b"/" + inner if target.below and inner else inner or target.below
    return None
