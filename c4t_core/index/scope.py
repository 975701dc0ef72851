"""Scopes: what one question is asked of, resolved once, and the rankings over it.

A question goes to some opened folders, restricted by filters. Which roots hold them, what was
indexed with the model and which images the filters let through is found out when the scope is
made; everything that searches takes the scope and looks none of it up again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.addresses import is_remote
from c4t_core.errors import FolderError, ModelError, NotIndexedError, QueryError
from c4t_core.images.frame_names import matches_drive, natural_key, shown_drives
from c4t_core.index.directions import ModelHandle
from c4t_core.index.exports import Hits
from c4t_core.index.folders import Target, relative_to
from c4t_core.index.objects import ObjectCondition
from c4t_core.index.query import NO_FILTERS, Filters, Hit, ImageIds
from c4t_core.index.store.reads import Ids, ImageRow, Selection, StoredVectors
from c4t_core.index.vectors.objects import Believed, weighed
from c4t_core.index.vectors.table import Keys, Scores, Slots, Table, merged
from c4t_core.index.vectors.vectors import VectorSearch
from c4t_core.records import dataclass

_LISTED = 20  # drives that a sentence names


@dataclass(frozen=True)
class Part:
    """One opened folder and the vectors in it.

    Attributes:
        target: the folder, and where it lies in the root that holds it.
        vectors: search over the whole root.
        table: all its vectors when the scope was made.
        slots: of the images that may be hits, ascending; None for all of the root.
        confidences: float32, by ``slots``: how probable it is that the conditions on objects hold;
            None where there are none.
        known: of how many images it is known whether they hold.
        asked: of how many images they were asked.
    """

    target: Target
    vectors: VectorSearch
    table: Table
    slots: Slots | None = None
    confidences: Scores | None = None
    known: int = 0
    asked: int = 0

    @property
    def images(self) -> int:
        """How many images may be hits."""
        return len(self.table) if self.slots is None else len(self.slots)

    @property
    def in_order(self) -> Ids:
        """The images that may be hits, int64 (n,), in the order of their paths."""
        order = self.table.in_order
        return order if self.slots is None else order[np.sort(self.table.places[self.slots])]


Believe = Callable[[Part, tuple[ObjectCondition, ...]], Believed]
"""Tells what is believed of the images of a part, by slot of its table."""


@dataclass(frozen=True, eq=False)
class FrameFacts:
    """What frames are sorted and folded by; arrays of one length n.

    Attributes:
        drives: int64, numbers in the order of the names as they are listed (see
            :func:`~c4t_core.images.frame_names.natural_key`), -1 where not known.
        cameras: int64, likewise.
        times: float64, seconds since 1970 UTC, NaN where not known.
        moments: float64, seconds from the start of a recording, NaN for pictures.
        frames: int64, numbers within the drive, -1 where not known.
        places: int64, which sort as the paths do.
    """

    drives: NDArray[np.int64]
    cameras: NDArray[np.int64]
    times: NDArray[np.float64]
    moments: NDArray[np.float64]
    frames: NDArray[np.int64]
    places: NDArray[np.int64]

    @classmethod
    def unknown(cls, count: int) -> FrameFacts:
        """Return those of frames of which nothing is known."""
        numbers = (np.full(count, -1) for _ in range(4))
        return cls(next(numbers), next(numbers), *np.full((2, count), np.nan), *numbers)

    def order(self, by: str) -> NDArray[np.int64]:
        """Return the positions (n,) by ``"time"`` or ``"drive"``; ties stay as they are.

        Times that are equal are parted by drives and frame numbers, drives by times and frame
        numbers. What is not known comes last by time and by drive, and first in frame numbers.
        """
        if by == "time":
            return sorted_by(np.nan_to_num(self.times, nan=np.inf), self.drives, self.frames)
        unknown = (self.drives < 0).astype(np.int64)
        seconds = np.where(np.isnan(self.times), self.moments, self.times)
        return sorted_by(unknown, self.drives, np.nan_to_num(seconds, nan=np.inf), self.frames)


def sorted_by(*columns: NDArray[Any]) -> NDArray[np.int64]:
    """Return positions (n,) in the order of columns (n,), the first one first; ties as they are.

    They are packed into one number each: NumPy sorts these five times as fast as it sorts by the
    columns in turn.
    """
    count = len(columns[0])
    if not count:
        return np.empty(0, dtype=np.int64)
    positions = np.arange(count, dtype=np.uint64)
    key = _counted(columns[0])
    for column in (*columns[1:], positions):
        least = _counted(column)
        if _bits(key) + _bits(least) > 64:
            key = _dense(key)
        if _bits(key) + _bits(least) > 64:
            least = _dense(least)
        key = (key << np.uint64(_bits(least))) | least
    key.sort()
    return (key & np.uint64((1 << _bits(positions)) - 1)).astype(np.int64)


def _bits(values: Keys) -> int:
    return int(values.max()).bit_length()


def _counted(values: NDArray[Any]) -> Keys:
    """Return numbers from 0 on that sort as some values do."""
    if values.dtype.kind == "f":
        return _dense(values)
    numbers: Keys = values.astype(np.uint64) - values.min().astype(np.uint64)  # which wraps
    return numbers


def _dense(values: NDArray[Any]) -> Keys:
    """Return values numbered in their order, equal ones alike."""
    order = np.argsort(values)
    ascending = values[order]
    numbers = np.empty(len(values), dtype=np.uint64)
    numbers[order[:1]] = 0
    numbers[order[1:]] = np.cumsum(ascending[1:] != ascending[:-1])
    return numbers


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

    def restricted(
        self, filters: Filters, select: Callable[[Part, Selection], Slots], believe: Believe
    ) -> Scope:
        """Return this scope with only what the filters let through.

        Args:
            filters: the restrictions.
            select: returns the slots that a selection lets through in a part, ascending.
            believe: is asked where the filters hold conditions on objects.

        Raises:
            NotIndexedError: if of none of the images anything is known of the objects asked for.
            FolderError: if a folder of ``filters.within`` lies in none of the opened ones.
            QueryError: if a drive of the filters is in none of them.
        """
        within = _subfolders(filters.within, [part.target for part in self.parts])
        drives = chosen_drives(filters.drives, self.drives)
        parts = [
            replace(part, slots=_allowed(part, filters, within.get(part.target), drives, select))
            for part in self.parts
        ]
        if filters.objects:
            parts = [_believed(part, filters.objects, select, believe) for part in parts]
        scope = replace(self, parts=tuple(parts), filters=filters)
        known, asked = scope.known
        if asked and not known:
            raise NotIndexedError(_unknown(filters.objects, asked))
        return scope

    @property
    def known(self) -> tuple[int, int]:
        """Of how many images it is known whether conditions on objects hold, of how many asked."""
        return sum(part.known for part in self.parts), sum(part.asked for part in self.parts)

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

    def by_objects(self, k: int | None) -> tuple[Ids, Scores]:
        """Return (ids, probabilities) of the k images for which the conditions on objects hold.

        The probability is the lowest among the conditions; best first, ties by path.
        """
        rankings = []
        for part in self.parts:
            if part.slots is not None and part.confidences is not None:
                order = np.lexsort((part.table.places[part.slots], -part.confidences))[:k]
                rankings.append((part.table.ids[part.slots[order]], part.confidences[order]))
        return merged(rankings, k)

    def course(self) -> Ids:
        """Return all images (n,), drive by drive as they are shown, each in time order."""
        ids = np.concatenate([part.in_order for part in self.parts])
        return ids[self.facts(ids).order("drive")]

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

    def _held(self, image_ids: Ids) -> Iterator[tuple[Part, Ids, Slots]]:
        """Yield each table, by a part, with the positions of the images it has, and their slots."""
        missing = np.arange(len(image_ids))
        for part in {id(part.table): part for part in self.parts}.values():
            slots = part.table.find(image_ids[missing])
            there = slots >= 0
            yield part, missing[there], slots[there]
            missing = missing[~there]

    def facts(self, image_ids: Ids) -> FrameFacts:
        """Return what images (n,) are sorted and folded by; drives go by how they are shown."""
        facts = FrameFacts.unknown(len(image_ids))
        held = list(self._held(image_ids))
        names = [part.vectors.source.drive_numbers() for part, _, _ in held]
        shown = [{n: self.drives.get(name, name) for name, n in some.items()} for some in names]
        cameras = [dict(enumerate(part.table.names)) for part, _, _ in held]
        before = 0
        for number, (part, positions, slots) in enumerate(held):
            table = part.table
            facts.drives[positions] = _ranks(shown, number)[table.drives[slots]]
            facts.cameras[positions] = _ranks(cameras, number)[table.cameras[slots]]
            facts.times[positions] = table.times[slots]
            facts.moments[positions] = table.moments[slots]
            facts.frames[positions] = table.frames[slots]
            facts.places[positions] = before + table.places[slots]
            before += len(table)
        return facts

    def order(self, image_ids: Ids, by: str) -> Ids:
        """Return the positions (n,) of images by ``"score"`` (as they are) or as frames are.

        What parts equal ones says :meth:`FrameFacts.order`.
        """
        return np.arange(len(image_ids)) if by == "score" else self.facts(image_ids).order(by)

    def newer(self, image_ids: Ids, since: float) -> int:
        """Return how many of some images were first indexed after a time (seconds since 1970)."""
        return self.parts[0].vectors.source.newer(image_ids, since)  # ids are unique over roots

    def cosines(self, image_ids: Ids) -> Callable[[Ids, Ids], NDArray[np.float32]]:
        """Return what tells the cosines (m,) of images at some positions with those at others.

        It tells NaN for images without a vector.
        """
        held = list(self._held(image_ids))
        part_of, slot_of = np.full(len(image_ids), -1), np.zeros(len(image_ids), dtype=np.int64)
        for number, (_, positions, slots) in enumerate(held):
            part_of[positions], slot_of[positions] = number, slots

        def cosines(some: Ids, others: Ids) -> NDArray[np.float32]:
            found = np.full(len(some), np.nan, dtype=np.float32)
            for one, other in product(range(len(held)), repeat=2):
                here = np.flatnonzero((part_of[some] == one) & (part_of[others] == other))
                table, beside = held[one][0].table, held[other][0].table
                slots, near = slot_of[some[here]], slot_of[others[here]]
                found[here] = table.cosines_one_by_one(slots, beside, near)
            return found

        return cosines

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

    def stored(self, paths: Sequence[Path]) -> dict[Path, NDArray[np.float32]]:
        """Return unit embeddings (d,) of images by path; those not in the scope are left out."""
        ids = self.find(paths)
        rows = self.embeddings(list(ids.values()))
        return {path: rows[number] for path, number in ids.items() if number in rows}

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


def _ranks(named: Sequence[Mapping[int, str | None]], own: int) -> Ids:
    """Return for each number of one mapping where its name is among those of all, -1 for None."""
    every = {name for some in named for name in some.values() if name is not None}
    ranks = {name: rank for rank, name in enumerate(sorted(every, key=natural_key))}
    found = np.full(max(named[own], default=-1) + 1, -1)
    for number, name in named[own].items():
        found[number] = -1 if name is None else ranks[name]
    return found


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
        seen=row.seen,
    )


def chosen_drives(requested: Sequence[str], drives: Mapping[str, str]) -> tuple[str, ...]:
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
    names = sorted(shown, key=natural_key)
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
        chosen = filters.only
        only = part.table.slots_of(chosen.array if isinstance(chosen, ImageIds) else chosen)
        allowed = only if allowed is None else np.intersect1d(allowed, only, assume_unique=True)
    if filters.without:
        every = select(part, Selection()) if allowed is None else allowed
        without = part.table.slots_of(filters.without)
        allowed = np.setdiff1d(every, without, assume_unique=True)
    return allowed


def _believed(
    part: Part,
    conditions: tuple[ObjectCondition, ...],
    select: Callable[[Part, Selection], Slots],
    believe: Believe,
) -> Part:
    """Return a part with only the images for which conditions on objects hold."""
    slots = select(part, Selection()) if part.slots is None else part.slots
    found = believe(part, conditions)
    kept = slots[found.holds[slots]]
    return replace(
        part,
        slots=kept,
        confidences=found.confidences[kept],
        known=int(found.known[slots].sum()),
        asked=len(slots),
    )


def _unknown(conditions: Sequence[ObjectCondition], count: int) -> str:
    labels = " and ".join(dict.fromkeys(f'"{condition.label}"' for condition in conditions))
    return (
        f"Nothing is known of {labels} in these {count:,} frames, which no model has seen that "
        'tells it; index the folder with one, such as "c4t", by "c4t index FOLDER".'
    )


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
    path = str(Path(image)) if is_remote(image) else os.path.abspath(image)
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
    if is_remote(folder):
        inner = relative_to(str(Path(folder)), str(target.folder))
        return None if inner is None else b"/".join(filter(None, (target.below, inner)))
    for candidate in (os.path.join(target.folder, folder), os.path.abspath(folder)):
        if is_remote(target.folder):
            real = os.path.join(target.folder, folder)
            inner = relative_to(real.rstrip("/"), str(target.folder))
        else:
            real = os.path.realpath(candidate)
            inner = relative_to(real, target.real)
        if inner is not None and (os.path.isdir(real) or not os.path.isdir(target.real)):
            return target.below + b"/" + inner if target.below and inner else inner or target.below
    return None


def saved_scope(path: Path, folder: str | Path, model: ModelHandle, filters: Filters) -> Scope:
    """Return saved embeddings as a scope that can be searched.

    Args:
        path: a file written by ``c4t embed images``.
        folder: what the names in it are relative to.
        model: the model of the query; the file must be of the same one.
        filters: what the search is restricted to.

    Raises:
        DataError, FolderError, ModelError, NotIndexedError: with what to do.
    """
    from c4t_core.index.vectors.embeddings_file import SavedVectors, load_embeddings, load_facts

    names, rows, made_by, fingerprint = load_embeddings(path)
    if rows.shape[1] != model.dim or (fingerprint and fingerprint not in model.fingerprints):
        other = f'"{made_by}"' if made_by else "another model"
        raise ModelError(
            f'"{path}" was made with {other}, not with "{model.name}" as it is now; '
            'make it again with "c4t embed images", or choose its model with --model.'
        )
    root = Path(os.path.abspath(folder))
    saved = SavedVectors(os.path.realpath(root), names, rows)
    vectors = VectorSearch(saved, saved)
    part = Part(Target(root, os.path.realpath(root)), vectors, vectors.table())
    scope = Scope((part,), shown_drives(saved.drive_numbers()))

    def believe(part: Part, conditions: tuple[ObjectCondition, ...]) -> Believed:
        known = load_facts(path)
        if known is None:
            raise NotIndexedError(
                f'"{path}" holds no facts on objects; make it with "c4t embed images --objects".'
            )
        facts = saved.objects(*known)
        return weighed(facts, part.table.find(facts.ids), len(part.table.ids), conditions)

    return scope.restricted(
        filters, lambda part, chosen: vectors.select(part.table, chosen), believe
    )
