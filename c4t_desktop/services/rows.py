"""Hits by the page: ids and scores of all of them, the rest of those that are looked at.

A million hits are twelve megabytes of numbers, and a gigabyte once each of them is loaded with its
path and its drive. So the numbers are kept, and what a card shows is loaded around what is in
sight.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, overload

from PySide6.QtCore import QObject, Signal

from c4t_core.index.query import Hit
from c4t_core.records import dataclass
from c4t_desktop.jobs.runner import Job, JobRunner, ignore
from c4t_desktop.services.library import ROWS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PAGE = 100  # rows loaded at once
MOST_AT_ONCE = 10_000  # selected hits that are marked or copied at once
KEPT = 100  # pages kept
WAITING = 8  # pages that may wait; while the scroll bar is dragged only the last ones matter
_BLOCK = 2000  # hits loaded at once where all of them are wanted


@dataclass(frozen=True)
class Row:
    """One card.

    Attributes:
        hit: the frame shown.
        event: names the event it belongs to; -1 when nothing is folded.
        count: frames in the event, if this card stands for all of them, else 1.
        member: True for a card of an unfolded event other than its best.
    """

    hit: Hit
    event: int = -1
    count: int = 1
    member: bool = False


def _none(_ids: Sequence[int], _scores: Sequence[float]) -> Sequence[Hit]:
    return ()


@dataclass(frozen=True, eq=False)
class HitList(Sequence[Hit]):
    """Hits that are loaded when they are asked for; for worker threads, except for its length.

    A hit whose frame has gone meanwhile is passed over where one goes through all of them.

    Attributes:
        ids: of the images, int64 (n,).
        scores: float32 (n,).
        load: returns the hits of some ids and scores; those that are gone are left out.
        ranks: their ranks, int64 (n,); None for 1, 2, 3 and so on.
    """

    ids: NDArray[np.int64] | Sequence[int] = ()
    scores: NDArray[np.float32] | Sequence[float] = ()
    load: Callable[[Sequence[int], Sequence[float]], Sequence[Hit]] = _none
    ranks: NDArray[np.int64] | Sequence[int] | None = None

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.ids)

    def __iter__(self) -> Iterator[Hit]:
        """Load all of them, block by block."""
        for first in range(0, len(self), _BLOCK):
            yield from self.block(first, first + _BLOCK).values()

    @overload
    def __getitem__(self, index: int) -> Hit: ...
    @overload
    def __getitem__(self, index: slice) -> HitList: ...
    def __getitem__(self, index: int | slice) -> Hit | HitList:
        """Load one hit, or return some of them as such a list."""
        positions = range(len(self))[index]
        if isinstance(positions, int):
            return self.block(positions, positions + 1)[positions]
        if positions.step == 1 and not positions.start and self.ranks is None:
            end = positions.stop
            return HitList(self.ids[:end], self.scores[:end], self.load)
        return self.at([positions])

    def block(self, first: int, end: int) -> dict[int, Hit]:
        """Load some hits that follow each other, by position; those that are gone are left out."""
        ids, scores = _plain(self.ids[first:end]), _plain(self.scores[first:end])
        ranks = range(first + 1, first + 1 + len(ids))
        known = ranks if self.ranks is None else _plain(self.ranks[first:end])
        numbers = {image_id: number for number, image_id in enumerate(ids)}
        found: dict[int, Hit] = {}
        for hit in self.load(ids, scores):
            number = numbers[hit.image_id]
            same = hit.rank == known[number]
            found[first + number] = hit if same else replace(hit, rank=known[number])
        return found

    def at(self, ranges: Sequence[range]) -> HitList:
        """Return the hits in some ranges of positions as such a list, with their ranks here."""
        import numpy as np

        return self.picked(np.concatenate([np.arange(r.start, r.stop, r.step) for r in ranges]))

    def picked(self, chosen: NDArray[np.int64]) -> HitList:
        """Return the hits at some positions (m,), in their order, with their ranks here."""
        import numpy as np

        ranks = chosen + 1 if self.ranks is None else np.asarray(self.ranks)[chosen]
        ids, scores = np.asarray(self.ids), np.asarray(self.scores)
        return HitList(ids[chosen], scores[chosen], self.load, ranks)

    def image_ids(self) -> list[int]:
        """Return the ids of the images."""
        return _plain(self.ids)

    def positions_of(self, image_ids: Sequence[int]) -> list[int]:
        """Return where some images are, ascending; those that are not among them left out."""
        import numpy as np

        found: list[int] = np.flatnonzero(np.isin(np.asarray(self.ids), image_ids)).tolist()
        return found


def _plain(values: NDArray[Any] | Sequence[Any]) -> list[Any]:
    """Return numbers as Python's own, which a database takes."""
    return list(values) if isinstance(values, Sequence) else list(values.tolist())


@dataclass(frozen=True, eq=False)
class Cards:
    """What the cards of events tell beside their hits: `Row`'s values, arrays (n,)."""

    events: NDArray[np.int64]
    counts: NDArray[np.int64]
    members: NDArray[np.bool_]


class PagedRows(Sequence[Row]):
    """The cards of hits; for the GUI thread.

    Args:
        hits: what the cards show.
        loaded: those that are loaded already, by position.
        cards: of which events; None for single frames.
    """

    def __init__(
        self,
        hits: HitList,
        loaded: Mapping[int, Hit] = MappingProxyType({}),
        cards: Cards | None = None,
    ) -> None:
        """Know nothing but what is loaded."""
        self.hits = hits
        self._cards = cards
        self._pages: OrderedDict[int, dict[int, Row]] = OrderedDict()
        self._positions: dict[Path, int] = {}
        for first in range(0, min(len(hits), max(loaded, default=-1) + 1), PAGE):
            page = range(first, first + PAGE)
            self.keep(first // PAGE, {at: loaded[at] for at in page if at in loaded})

    def __len__(self) -> int:
        """Return how many cards there are."""
        return len(self.hits)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        """Return cards, loading what is missing here and now: the GUI uses :meth:`peek`."""
        if isinstance(index, slice):
            return [self._row(at, hit) for at, hit in self._load(range(len(self))[index])]
        position = range(len(self))[index]
        return self.peek(position) or self._row(position, self.hits[position])

    def __iter__(self) -> Iterator[Row]:
        """Load all of them, block by block; those that are gone are left out."""
        return (self._row(at, hit) for at, hit in self._load(range(len(self))))

    def _load(self, positions: range) -> Iterator[tuple[int, Hit]]:
        for first in range(0, len(positions), _BLOCK):
            some = positions[first : first + _BLOCK]
            found = self.hits.at([some]).block(0, len(some))
            yield from ((some[at], hit) for at, hit in found.items())

    def _row(self, position: int, hit: Hit) -> Row:
        cards = self._cards
        if cards is None:
            return Row(hit)
        event, count = int(cards.events[position]), int(cards.counts[position])
        return Row(hit, event, count, bool(cards.members[position]))

    def peek(self, position: int) -> Row | None:
        """Return a card if it is loaded."""
        page = self._pages.get(position // PAGE)
        return None if page is None else page.get(position)

    def has_page(self, page: int) -> bool:
        """Whether a page is loaded; a card of it that is missing has gone."""
        return page in self._pages

    def keep(self, page: int, hits: Mapping[int, Hit]) -> None:
        """Take the hits of a page, by position; pages that were not loaded for long go."""
        self._pages[page] = {at: self._row(at, hit) for at, hit in hits.items()}
        self._positions.update((hit.path, position) for position, hit in hits.items())
        while len(self._pages) > KEPT:
            for row in self._pages.popitem(last=False)[1].values():
                self._positions.pop(row.hit.path, None)

    def position_of(self, path: Path) -> int | None:
        """Return where a file is among the cards that are loaded."""
        return self._positions.get(path)

    def chosen(self, ranges: Sequence[range]) -> Sequence[Hit]:
        """Return the hits of some ranges of cards; where not all are loaded, as a HitList."""
        count = sum(map(len, ranges))
        if count <= MOST_AT_ONCE:
            rows = [row for row in map(self.peek, chain.from_iterable(ranges)) if row is not None]
            if len(rows) == count:
                return tuple(row.hit for row in rows)
        return self.hits.at(ranges)


class RowLoader(QObject):
    """Loads the pages that are looked at, the last ones first, one job at a time.

    Signals:
        loaded: cards can be shown now (PagedRows, first and last position).
    """

    loaded = Signal(object, object, object)

    def __init__(self, runner: JobRunner, parent: QObject | None = None) -> None:
        """Load nothing yet."""
        super().__init__(parent)
        self._runner = runner
        self._rows: PagedRows | None = None
        self._waiting: OrderedDict[int, None] = OrderedDict()
        self._running = False

    @property
    def waiting(self) -> tuple[int, ...]:
        """The pages that wait, the next one last."""
        return tuple(self._waiting)

    def want(self, rows: PagedRows, position: int) -> None:
        """Have the page of a card loaded, before those wanted earlier."""
        page = position // PAGE
        if rows is not self._rows:
            self._rows = rows
            self._waiting.clear()
        if rows.has_page(page):
            return
        self._waiting[page] = None
        self._waiting.move_to_end(page)
        while len(self._waiting) > WAITING:
            self._waiting.popitem(last=False)
        self._next()

    def _next(self) -> None:
        rows = self._rows
        if self._running or rows is None or not self._waiting:
            return
        page, _ = self._waiting.popitem(last=True)
        first, hits = page * PAGE, rows.hits
        self._running = True

        def done(found: dict[int, Hit]) -> None:
            rows.keep(page, found)
            self._waiting.pop(page, None)
            if rows is self._rows:
                self.loaded.emit(rows, first, min(first + PAGE, len(rows)) - 1)

        self._runner.submit(
            lambda _: hits.block(first, first + PAGE),
            lane=ROWS,
            done=done,
            failed=ignore,  # such as that the folder was closed meanwhile; it is asked for again
            finished=self._ended,
        )

    def _ended(self) -> None:
        self._running = False
        self._next()

    def fetch(self, hits: Sequence[Hit], done: Callable[[tuple[Hit, ...]], None]) -> None:
        """Load hits and hand them on; at once where they are loaded already."""
        if not isinstance(hits, HitList):
            done(tuple(hits))
            return
        self._runner.submit(
            lambda job: tuple(_watched(hits, job)),
            lane=ROWS,
            done=done,
            failed=ignore,
        )


def _watched(hits: Iterable[Hit], job: Job) -> Iterator[Hit]:
    for hit in hits:
        job.check()
        yield hit
