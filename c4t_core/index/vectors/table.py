"""The vectors of one root and model at one moment as arrays, their filters, scores and ranking.

A slot is where a vector stands; slots are never moved, so that vectors can be added to a file. A
place is a position in the order of the paths, which decides between equal scores. Slots without a
place are dead: their frames are gone.

The rows are half floats, as the catalogue stores them. A direction is taken as the sum of two
half floats, which gives the cosines of float32 without converting a million rows, in one pass over
them. A row's score depends on nothing but the row, so ties are real.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numkong
import numpy as np
from numpy.typing import NDArray

from c4t_core.devices import available_threads
from c4t_core.images.frame_names import FIRST_DATE
from c4t_core.index.store.reads import Columns, Halves, Ids, Moment, Rows
from c4t_core.records import dataclass

Slots = NDArray[np.int64]  # (n,)
Scores = NDArray[np.float32]  # (n,)
Keys = NDArray[np.uint64]  # (n,): a score and a place, in the order of a ranking

_CHUNK = 16_384  # rows scored at once by one thread
_MANY = 200_000  # keys that are worth sorting by several threads
_UNPACKED = 65_536  # keys read at once by one thread
ROUGH = 1e-3  # twice what a rough cosine may be off by: half floats have 11 bits
_PIECE = 4_096  # rows held against many directions at once by one thread
_OFF_UNIT = 0.002  # a vector whose length is further from 1 was damaged; rounding: 0.0005
_SECOND = np.float32(2048.0)  # what the second half is scaled by
_DAY = 86_400  # seconds
_LAST_DATE = 253_402_300_800  # the year 10000, which SQLite does not write
_NOWHERE = np.uint64(0xFFFF_FFFF_FFFF_FFFF)  # the key of a dead slot
_PLACE = np.uint64(0xFFFF_FFFF)
_SCORE = np.uint64(32)

PlaceOf = Callable[[int], tuple[bytes, int] | None]
"""Tells (path, time in a recording) of an image by id, None if it is gone."""


@dataclass(frozen=True)
class Table:
    """All vectors of one moment, and what is known of their frames; never changed.

    Attributes:
        moment: the state of the catalogue it holds.
        last: the highest number of a row of vectors in it.
        ids: int64 (n,), images by slot.
        times: float64 (n,), seconds since 1970 UTC, NaN where not known.
        moments: float64 (n,), seconds from the start of a recording, NaN for pictures.
        frames: int64 (n,), numbers within the drive, -1 where not known.
        scales: float32 (n,), one over the length of the vector; 0 for what is dead.
        drives: int32 (n,), numbers of drives.
        cameras: int16 (n,), positions in ``names``.
        names: of the cameras, None for frames whose name tells none.
        order: int32 (m,), slots in the order of the paths.
        blocks: the vectors, one after the other: float16 (or float32) (n, d) in all.
        file: name of the file that the first block is mapped from, "" if it is in memory.
    """

    moment: Moment
    last: int
    ids: Ids
    times: NDArray[np.float64]
    moments: NDArray[np.float64]
    frames: Ids
    scales: NDArray[np.float32]
    drives: NDArray[np.int32]
    cameras: NDArray[np.int16]
    names: tuple[str | None, ...]
    order: NDArray[np.int32]
    blocks: tuple[NDArray[Any], ...]
    file: str = ""

    @classmethod
    def empty(cls, dim: int) -> Table:
        """Return a table of no moment without vectors."""
        none = np.empty(0)
        return cls(
            *(Moment(-1, 0), 0, none.astype(np.int64), none, none, none.astype(np.int64)),
            none.astype(np.float32),
            *(none.astype(np.int32), none.astype(np.int16), (), none.astype(np.int32)),
            (np.empty((0, dim), dtype=np.float16),),
        )

    def __len__(self) -> int:
        """Return the number of images, without the dead."""
        return len(self.order)

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return int(self.blocks[0].shape[1])

    @cached_property
    def places(self) -> NDArray[np.int32]:
        """Places by slot, int32 (n,); -1 for the dead."""
        places = np.full(len(self.ids), -1, dtype=np.int32)
        places[self.order] = np.arange(len(self.order), dtype=np.int32)
        return places

    @cached_property
    def in_order(self) -> Ids:
        """Images by place, int64 (m,)."""
        return self.ids[self.order]

    @property
    def dated(self) -> bool:
        """Whether the name of any image tells a date."""
        return bool((self.times > FIRST_DATE).any())

    @cached_property
    def _slot_by_id(self) -> tuple[int, NDArray[np.int32]] | None:
        """The lowest id, and slots by how far an id is from it; None where ids lie far apart."""
        if not len(self.ids) or int(np.ptp(self.ids)) > 4 * len(self.ids):
            return None
        least = int(self.ids.min())
        slots = np.full(int(self.ids.max()) - least + 1, -1, dtype=np.int32)
        slots[self.ids - least] = np.arange(len(self.ids), dtype=np.int32)  # of an image, the last
        return least, slots

    @cached_property
    def _by_id(self) -> tuple[Ids, Slots | None]:
        if len(self.ids) < 2 or bool((self.ids[1:] >= self.ids[:-1]).all()):
            return self.ids, None
        order = np.argsort(self.ids, kind="stable")
        return self.ids[order], order

    def find(self, image_ids: Ids) -> Slots:
        """Return the slot of each of some images, int64 (m,); -1 for those without any."""
        if self._slot_by_id is not None:
            least, by_id = self._slot_by_id
            at = image_ids - least
            there = (at >= 0) & (at < len(by_id))
            return np.where(there, by_id[np.where(there, at, 0)], -1).astype(np.int64)
        every, slots = self._by_id
        if not len(every):
            return np.full(len(image_ids), -1, dtype=np.int64)
        at = np.searchsorted(every, image_ids, side="right") - 1  # of an image, the last
        there = (at >= 0) & (every[at] == image_ids)
        return np.where(there, at if slots is None else slots[at], -1)

    def slots_of(self, image_ids: Collection[int] | Ids) -> Slots:
        """Return the slots of some images, ascending; those without a vector are left out."""
        wanted = image_ids
        if not isinstance(wanted, np.ndarray):
            wanted = np.fromiter(image_ids, dtype=np.int64, count=len(image_ids))
        slots = np.unique(self.find(wanted))
        return slots[(slots >= 0) & (self.places[slots] >= 0)]

    def rows(self, slots: Slots) -> Rows:
        """Return unit vectors, float32 (m, d)."""
        rows = self.gathered(slots)
        if rows.dtype == np.float32:
            return rows
        return normalised(rows)[0]

    def cosines_one_by_one(self, slots: Slots, table: Table, others: Slots) -> Scores:
        """Return the cosines of vectors with those of a table, one by one, float32 (m,)."""
        cosines = np.empty(len(slots), dtype=np.float32)

        def compare(start: int) -> None:
            one, other = slots[start : start + _CHUNK], others[start : start + _CHUNK]
            products = numkong.inner(self._scattered(one), table._scattered(other))
            scales = self.scales[one] * table.scales[other]
            cosines[start : start + _CHUNK] = np.asarray(products) * scales

        _share_out(compare, range(0, len(slots), _CHUNK))
        return cosines

    def _scattered(self, slots: Slots) -> NDArray[Any]:
        """Return the vectors of slots in any order as they are kept."""
        if slots.max(initial=0) < len(self.blocks[0]):
            return self.blocks[0][slots]
        ascending, back = np.unique(slots, return_inverse=True)
        return self.gathered(ascending)[back]

    def gathered(self, slots: Slots) -> NDArray[Any]:
        """Return the vectors of ascending slots as they are kept; a stretch is not copied."""
        first = self.blocks[0]
        if len(slots) and slots[-1] < len(first):
            if int(slots[-1] - slots[0]) + 1 == len(slots):
                return first[slots[0] : slots[-1] + 1]
            return first[slots]
        parts, start = [], 0
        for block in self.blocks:
            here = slots[(slots >= start) & (slots < start + len(block))]
            parts.append(block[here - start])
            start += len(block)
        return np.concatenate(parts)

    # What is chosen

    def select(
        self,
        *,
        drives: Collection[int] | None = None,
        cameras: Collection[str] = (),
        since: float | None = None,
        until: float | None = None,
        stretches: Sequence[tuple[int, int]] | None = None,
    ) -> Slots:
        """Return the slots that pass, ascending.

        Args:
            drives: numbers; None for all.
            cameras: names; empty for all.
            since: seconds since 1970, inclusive; frames without a time do not pass.
            until: exclusive; where it is a date, times of a clock alone do not pass either.
            stretches: (first, end) places, of which one holds what passes; None for all.
        """
        passes = self.places >= 0
        if stretches is not None:
            inside = np.zeros(len(passes), dtype=bool)
            for first, end in stretches:
                inside[self.order[first:end]] = True
            passes &= inside
        if drives is not None:
            passes &= np.isin(self.drives, np.fromiter(drives, dtype=np.int32, count=len(drives)))
        if cameras:
            numbers = [number for number, name in enumerate(self.names) if name in cameras]
            passes &= np.isin(self.cameras, np.array(numbers, dtype=np.int16))
        if since is not None:
            passes &= self.times >= since
        if until is not None:
            passes &= self.times < until
            if until > FIRST_DATE:
                passes &= self.times > FIRST_DATE
        return np.flatnonzero(passes)

    def stretch(self, folder: bytes, place_of: PlaceOf) -> tuple[int, int]:
        """Return the (first, end) places of a sub-folder; b"" is everything."""
        if not folder:
            return 0, len(self.order)
        start = folder.rstrip(b"/") + b"/"
        first = self._bisect((start, -1), place_of)
        return first, self._bisect((start[:-1] + b"0", -1), place_of, first)  # "0" follows "/"

    def _bisect(self, key: tuple[bytes, int], place_of: PlaceOf, low: int = 0) -> int:
        """Return how many images are before a path; those that are gone count with the next."""
        high = len(self.order)
        while low < high:
            middle = probe = (low + high) // 2
            found = None
            while probe < high and (found := place_of(int(self.ids[self.order[probe]]))) is None:
                probe += 1
            if found is not None and found < key:
                low = probe + 1
            else:
                high = middle
        return low

    def drive_counts(self, slots: Slots) -> dict[int, int]:
        """Return how many of some images each drive has, by its number."""
        counts = np.bincount(self.drives[slots])
        numbers = np.flatnonzero(counts)
        return dict(zip(numbers.tolist(), counts[numbers].tolist(), strict=True))

    def groups(self, column: str, slots: Slots) -> list[tuple[str, int]]:
        """Return (name, number of images) of every "camera" or "day" of some images.

        What a day is says :meth:`~c4t_core.index.store.reads.Lookup.groups`.
        """
        if column == "camera":
            counts = np.bincount(self.cameras[slots], minlength=len(self.names)).tolist()
            named = zip(self.names, counts, strict=True)
            return [(name, n) for name, n in named if name is not None and n]
        times = self.times[slots]
        with np.errstate(invalid="ignore"):
            dated = times[(times > FIRST_DATE) & (times < _LAST_DATE)]
        counts = np.bincount((dated / _DAY).astype(np.int64))  # at most three million days
        days = np.flatnonzero(counts).tolist()
        return [(time.strftime("%Y-%m-%d", time.gmtime(d * _DAY)), int(counts[d])) for d in days]

    # What is found

    def cosines(self, direction: NDArray[np.float32], slots: Slots) -> Scores:
        """Return the cosines of some vectors with a unit direction (d,), float32 (m,)."""
        halves = _Halves(direction[None])
        parts = [
            halves.cosines(self.gathered(part), self.scales[part])[:, 0]
            for part in (slots[i : i + _CHUNK] for i in range(0, len(slots), _CHUNK))
        ]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)

    def cosines_with(
        self, directions: NDArray[np.float32], slots: Slots, *, rough: bool = False
    ) -> NDArray[np.float32]:
        """Return the cosines of some vectors with many unit directions (m, d), float32 (n, m).

        Rough ones take half the time, and are off by less than half of :data:`ROUGH`.
        """
        found = np.empty((len(slots), len(directions)), dtype=np.float32)
        halves = _Halves(directions, rough=rough)

        def score(start: int) -> None:
            some = slots[start : start + _PIECE]
            found[start : start + _PIECE] = halves.cosines(self.gathered(some), self.scales[some])

        _share_out(score, range(0, len(slots), _PIECE))
        return found

    def ranking(
        self, direction: NDArray[np.float32], k: int | None = None, slots: Slots | None = None
    ) -> tuple[Ids, Scores]:
        """Return (image ids, cosines) of the k best (None: all), best first, ties by path.

        Args:
            direction: unit vector (d,).
            k: how many.
            slots: only these, ascending.
        """
        count = len(self.order) if slots is None else len(slots)
        most = count if k is None else max(0, min(k, count))
        if not most:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        return self._found(_first(self._keys(_Halves(direction[None]), slots), most))

    def _found(self, keys: Keys) -> tuple[Ids, Scores]:
        """Return (image ids, cosines) of keys."""
        ids, scores = np.empty(len(keys), np.int64), np.empty(len(keys), np.float32)
        in_order = self.in_order

        def unpack(start: int) -> None:
            part = slice(start, start + _UNPACKED)
            places = (keys[part] & _PLACE).view(np.int64)
            np.take(in_order, places, out=ids[part], mode="clip")  # which checks no place
            scores[part] = _scores(keys[part])

        _share_out(unpack, range(0, len(keys), _UNPACKED))
        return ids, scores

    def _keys(self, halves: _Halves, slots: Slots | None) -> Keys:
        """Return the keys of all slots, or of some."""
        keys = np.empty(len(self.ids) if slots is None else len(slots), dtype=np.uint64)

        some_dead = slots is None and len(self.order) < len(self.ids)

        def score(piece: tuple[int, int]) -> None:
            start, end = piece
            if slots is None:
                rows, places = self._stretch_of_rows(start, end), self.places[start:end]
                scales = self.scales[start:end]
            else:
                rows, places = self.gathered(slots[start:end]), self.places[slots[start:end]]
                scales = self.scales[slots[start:end]]
            scores = halves.cosines(rows, scales)[:, 0]
            found = _key(scores, places)
            keys[start:end] = np.where(places < 0, _NOWHERE, found) if some_dead else found

        pieces = [(i, min(i + _CHUNK, len(keys))) for i in range(0, len(keys), _CHUNK)]
        _ = self.places  # made once, and not by two threads
        _share_out(score, pieces)
        return keys

    def _stretch_of_rows(self, start: int, end: int) -> NDArray[Any]:
        first = self.blocks[0]
        if end <= len(first):
            return first[start:end]
        return self.gathered(np.arange(start, end))

    # What changes

    def with_more(
        self,
        moment: Moment,
        columns: Columns,
        places: Sequence[tuple[bytes, int]],
        halves: Halves,
        place_of: PlaceOf,
    ) -> Table:
        """Return this table with images that it does not have yet.

        Args:
            moment: the state it is brought to.
            columns: what is known of them.
            places: path and time in a recording of each.
            halves: their vectors.
            place_of: tells the path of an image that is there.
        """
        scales = scales_of(halves)
        positions, slots, low = [], [], 0
        for i in sorted(range(len(places)), key=places.__getitem__):
            if scales[i]:
                low = self._bisect_near(places[i], place_of, low)
                positions.append(low)
                slots.append(len(self.ids) + i)
        table = self.extended(columns, scales)
        return replace(
            table,
            moment=moment,
            order=np.insert(self.order, positions, slots).astype(np.int32),
            blocks=(self.blocks[0], np.concatenate([*self.blocks[1:], halves])),
        )

    def _bisect_near(self, key: tuple[bytes, int], place_of: PlaceOf, low: int) -> int:
        """Search from ``low`` on, first where new images mostly are: there, or at the very end."""
        if low < len(self.order):
            last = place_of(int(self.ids[self.order[-1]]))
            if last is not None and last < key:
                return len(self.order)
            here = place_of(int(self.ids[self.order[low]]))
            if here is not None and here >= key:
                return low
        return self._bisect(key, place_of, low)

    def some(self, slots: Slots) -> Table:
        """Return the columns of some slots, which get new numbers; without order and vectors."""
        return replace(
            self,
            ids=self.ids[slots],
            times=self.times[slots],
            moments=self.moments[slots],
            frames=self.frames[slots],
            scales=self.scales[slots],
            drives=self.drives[slots],
            cameras=self.cameras[slots],
            order=self.order[:0],
            blocks=(self.blocks[0][:0],),
            file="",
        )

    def renamed(self, columns: Columns, slots: Slots) -> Table:
        """Return this table with what is known of frames in some slots as columns tell it."""
        names, numbers = self._numbered(columns.cameras)
        told = {
            "times": columns.times,
            "moments": columns.moments,
            "frames": columns.frames,
            "drives": columns.drives,
            "cameras": numbers,
        }
        changed = {name: getattr(self, name).copy() for name in told}
        for name, values in told.items():
            changed[name][slots] = values
        return replace(self, names=names, **changed)

    def extended(self, columns: Columns, scales: NDArray[np.float32]) -> Table:
        """Return this table with more slots, which have neither vectors nor places yet."""
        names, cameras = self._numbered(columns.cameras)
        return replace(
            self,
            last=max(self.last, int(columns.vectors.max(initial=0))),
            ids=np.concatenate([self.ids, columns.ids]),
            times=np.concatenate([self.times, columns.times]),
            moments=np.concatenate([self.moments, columns.moments]),
            frames=np.concatenate([self.frames, columns.frames]),
            scales=np.concatenate([self.scales, scales]),
            drives=np.concatenate([self.drives, columns.drives]),
            cameras=np.concatenate([self.cameras, cameras]),
            names=names,
        )

    def _numbered(
        self, cameras: Sequence[str | None]
    ) -> tuple[tuple[str | None, ...], NDArray[np.int16]]:
        """Return the names with those of some cameras, and the numbers of these."""
        numbers = {name: number for number, name in enumerate(self.names)}
        for name in dict.fromkeys(cameras):
            numbers.setdefault(name, len(numbers))
        return tuple(numbers), np.array([numbers[name] for name in cameras], dtype=np.int16)


class _Halves:
    """Directions (m, d), each the sum of two half floats, the second of them scaled.

    Rough ones are the first half alone.
    """

    def __init__(self, directions: NDArray[np.float32], *, rough: bool = False) -> None:
        whole = np.ascontiguousarray(directions, dtype=np.float32)
        first = whole.astype(np.float16)
        rest = (whole - first.astype(np.float32)) * _SECOND
        parts = [first] if rough else [first, rest.astype(np.float16)]
        self._count = len(whole)
        self._whole = numkong.dots_pack(whole, "float32")
        self._halves = numkong.dots_pack(np.concatenate(parts), "float16")

    def cosines(self, rows: NDArray[Any], scales: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the cosines with rows (n, d) of the given scales, float32 (n, m)."""
        if not len(rows):
            return np.empty((0, self._count), dtype=np.float32)
        packed = self._whole if rows.dtype == np.float32 else self._halves
        found = np.asarray(numkong.dots_packed(rows, packed), np.float32)
        if found.shape[1] > self._count:
            found = found[:, : self._count] + found[:, self._count :] / _SECOND
        return np.asarray(found * scales[:, None])


def _share_out(work: Callable[[Any], None], pieces: Sequence[Any]) -> None:
    """Do the pieces of some work in threads; a single one is done here."""
    if len(pieces) < 2:
        for piece in pieces:
            work(piece)
        return
    from concurrent.futures import ThreadPoolExecutor  # which brings logging

    with ThreadPoolExecutor(available_threads()) as pool:
        list(pool.map(work, pieces))


def normalised(halves: NDArray[np.float16]) -> tuple[Rows, NDArray[np.float32]]:
    """Return half floats as unit rows float32 (n, d), and the lengths they had (n,)."""
    rows = halves.astype(np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        rows /= np.maximum(lengths, 1e-12)[:, None]
    return rows, lengths


def scales_of(halves: NDArray[np.float16]) -> NDArray[np.float32]:
    """Return one over the length of each row, float32 (n,); 0 for those that were damaged."""
    lengths = normalised(halves)[1]
    sound = np.abs(lengths - 1.0) < _OFF_UNIT  # False for NaN
    return np.where(sound, 1 / np.where(sound, lengths, 1.0), 0.0).astype(np.float32)


def _flipped(bits: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Turn the bits of float32 into numbers that fall as they grow, or back."""
    positive = np.uint32(0x7FFF_FFFF) & ~(bits.view(np.int32) >> 31).view(np.uint32)
    flipped: NDArray[np.uint32] = bits ^ positive
    return flipped


def _key(scores: Scores, places: NDArray[Any]) -> Keys:
    """Return numbers that sort as (score, best first; place)."""
    bits = (scores + np.float32(0.0)).view(np.uint32)  # which has no -0
    return (_flipped(bits).astype(np.uint64) << _SCORE) | places.astype(np.uint64)


def _scores(keys: Keys) -> Scores:
    """Return the scores in keys."""
    return _flipped((keys >> _SCORE).astype(np.uint32)).view(np.float32)


def _first(keys: Keys, most: int) -> Keys:
    """Return the smallest keys, sorted."""
    if most < len(keys) // 4:
        keys = np.partition(keys, most - 1)[:most]
    _sort(keys)
    return keys[:most]


def _sort(keys: Keys) -> None:
    """Sort keys, many of them by a part in each thread: what is lower than the next is apart."""
    threads = available_threads() if len(keys) >= _MANY else 1
    bounds = [len(keys) * i // threads for i in range(threads + 1)]
    if threads > 1:
        keys.partition(bounds[1:-1])
    _share_out(lambda part: keys[part].sort(), [slice(*pair) for pair in pairwise(bounds)])


def merged(rankings: Sequence[tuple[Ids, Scores]], k: int | None) -> tuple[Ids, Scores]:
    """Return sorted rankings as one, the k best; ties in the order they are given in."""
    if len(rankings) == 1:
        return rankings[0]
    ids, scores = (np.concatenate(column) for column in zip(*rankings, strict=True))
    keys = np.sort(_key(scores, np.arange(len(scores))))[:k]
    return ids[(keys & _PLACE).astype(np.int64)], _scores(keys)
