"""What is asked and what was found: the query, the filters, the cut, the order."""

from __future__ import annotations

import calendar
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from c4t_core.errors import NotIndexedError
from c4t_desktop.jobs.runner import Job
from c4t_desktop.services.arrange import Arrangement, Histogram, above, arrange, make_histogram
from c4t_desktop.services.library import SEARCH, Library, Opened

if TYPE_CHECKING:
    from c4t_core.index.query import Hit, Query
    from c4t_core.workspace import Filters as CoreFilters
    from c4t_core.workspace import QueryLike
    from c4t_desktop.services.workspace import WorkspaceLike


FIRST = 400  # hits fetched at least
NEAREST = 60  # hits shown where nothing stands out


@dataclass(frozen=True)
class Chip:
    """One term of the query: words or an image, and its weight (negative for "not")."""

    text: str = ""
    image: Path | None = None
    weight: float = 1.0


@dataclass(frozen=True)
class Filters:
    """What the hits are restricted to; empty values restrict nothing."""

    within: tuple[str, ...] = ()
    drive: str | None = None
    camera: str | None = None
    day: str | None = None  # "2026-10-14", UTC
    marked: str = ""  # "right", "wrong", "any" or ""
    among: frozenset[int] | None = None  # ids of images, such as the hits of an earlier question
    among_name: str = ""  # what the user calls those

    @property
    def active(self) -> bool:
        """Whether anything is restricted."""
        return self != Filters()


@dataclass(frozen=True)
class Ask:
    """A question: terms, what the user is typing, and filters."""

    chips: tuple[Chip, ...] = ()
    text: str = ""
    filters: Filters = field(default_factory=Filters)
    refine: bool = False  # move the query by the marks

    @property
    def empty(self) -> bool:
        """Whether nothing is asked."""
        return not self.chips and not self.text.strip()


@dataclass(frozen=True)
class Found:
    """The answer to a question.

    Attributes:
        ask: the question.
        model: the model that answered.
        hits: the best ones, best first.
        complete: whether there are no more hits than these.
        histogram: of the scores of all frames.
        automatic: the cut that the scores suggest, None if they suggest none.
        seconds: what it took.
    """

    ask: Ask
    model: str = ""
    hits: tuple[Hit, ...] = ()
    complete: bool = True
    histogram: Histogram = field(default_factory=Histogram)
    automatic: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Order:
    """How the hits are laid out.

    Attributes:
        sort: ``"score"``, ``"time"`` or ``"drive"``.
        fold: one card per event.
        cut: the least score shown, set by the user; None leaves it to the scores.
        show_all: show everything, whatever it scores.
        unfolded: events whose frames are all shown.
    """

    sort: str = "score"
    fold: bool = False
    cut: float | None = None
    show_all: bool = False
    unfolded: frozenset[int] = frozenset()

    def limit(self, found: Found) -> int | None:
        """Return how many to show where the scores suggest no cut; None for all."""
        undecided = self.cut is None and found.automatic is None and not self.show_all
        return NEAREST if undecided else None

    def least(self, found: Found) -> float | None:
        """Return the least score to show; None for all."""
        if self.show_all:
            return None
        return self.cut if self.cut is not None else found.automatic


def build_query(ask: Ask) -> Query:
    """Return the core's query for a question; runs on a worker thread.

    Raises:
        QueryError: if the typed part cannot be read.
    """
    from c4t_core.index.query import Query, Term, parse_query

    terms = [
        Term(text=chip.text or None, image=chip.image, weight=chip.weight) for chip in ask.chips
    ]
    if ask.text.strip():
        terms.extend(parse_query(ask.text).terms)
    return Query(tuple(terms))


def answer(workspace: WorkspaceLike, ask: Ask, order: Order, marks: dict[Path, str]) -> Found:
    """Answer a question; runs on a worker thread."""
    begun = time.perf_counter()
    query: QueryLike = build_query(ask)
    if ask.refine and marks:
        query = _refined(workspace, query, marks)
    filters = core_filters(ask.filters)
    ranking = workspace.ranking(query, filters=filters)
    ids, scores = ranking.image_ids, ranking.scores
    histogram = make_histogram(scores)
    automatic = workspace.threshold(query, filters=filters) if len(scores) else None
    if ask.filters.marked:
        every = workspace.hits(ids.tolist(), scores.tolist())
        hits = _with_mark(every, ask.filters.marked, marks)
        histogram = make_histogram([hit.score for hit in hits])
        count = len(hits)
    else:
        count = _wanted(order, histogram, automatic)
        hits = workspace.hits(ids[:count].tolist(), scores[:count].tolist())
    seconds = time.perf_counter() - begun
    complete = count >= len(histogram.values)
    return Found(ask, "", tuple(hits), complete, histogram, automatic, seconds)


def _refined(workspace: WorkspaceLike, query: QueryLike, marks: dict[Path, str]) -> QueryLike:
    """Return the query moved towards what is marked right and away from what is wrong."""
    ids: dict[str, list[int]] = {"right": [], "wrong": []}
    for path, mark in marks.items():
        frame = workspace.frame(path)
        if frame is not None:
            ids[mark].append(frame.image_id)
    return workspace.refine(query, ids["right"], ids["wrong"])


def core_filters(filters: Filters) -> CoreFilters:
    """Return the core's filters; runs on a worker thread."""
    from c4t_core.workspace import Filters as CoreFilters

    since = until = None
    if filters.day:
        since = float(calendar.timegm(time.strptime(filters.day, "%Y-%m-%d")))
        until = since + 86_400
    return CoreFilters(
        within=filters.within,
        drives=(filters.drive,) if filters.drive else (),
        cameras=(filters.camera,) if filters.camera else (),
        since=since,
        until=until,
        only=filters.among,
    )


def _wanted(order: Order, histogram: Histogram, automatic: float | None) -> int:
    """Return how many hits to fetch: those above the cut, and some in reserve."""
    found = Found(Ask(), histogram=histogram, automatic=automatic)
    if order.limit(found) is not None:
        return FIRST
    least = order.least(found)
    return max(FIRST, histogram.above(least) + FIRST // 2)


def _with_mark(hits: Sequence[Hit], wanted: str, marks: dict[Path, str]) -> list[Hit]:
    """Keep the hits that carry a mark."""
    found = [(hit, marks.get(hit.path, "")) for hit in hits]
    return [hit for hit, mark in found if mark and wanted in ("any", mark)]


def lay_out(found: Found, order: Order) -> Arrangement:
    """Sort, cut and fold; runs on a worker thread."""
    least, limit = order.least(found), order.limit(found)
    events = None
    if order.fold:
        from c4t_core.index.events import fold_events

        folded = fold_events(above(found.hits, least, limit))
        events = [
            (event.best, *(hit for hit in event.hits if hit is not event.best)) for event in folded
        ]
    return arrange(
        found.hits,
        cut=least,
        limit=limit,
        sort=order.sort,
        events=events,
        unfolded=order.unfolded,
    )


__all__ = [
    "NEAREST",
    "Ask",
    "Chip",
    "Filters",
    "Finder",
    "Found",
    "Order",
    "build_query",
    "core_filters",
]

_AGAIN = 1500  # ms between two answers to the same query while the index grows


class Finder(QObject):
    """Asks the library and lays the answer out.

    Attributes:
        ask: the question asked last.
        found: the answer shown.
        order: how it is laid out.
        marks: right and wrong marks by path, as the mark book last told.

    Signals:
        searching: a search began (True) or ended (False).
        answered: a new answer is there (Found).
        laid_out: what the grid shows (Arrangement).
        failed: the question cannot be answered (Exception).
        cleared: nothing is asked.
        order_changed: sort, fold or cut changed (Order).
        filters_changed: the hits are restricted in another way (Filters).
    """

    searching = Signal(bool)
    answered = Signal(object)
    laid_out = Signal(object)
    failed = Signal(object)
    cleared = Signal()
    order_changed = Signal(object)
    filters_changed = Signal(object)

    def __init__(self, library: Library, parent: QObject | None = None) -> None:
        """Ask nothing yet."""
        super().__init__(parent)
        self._library = library
        self.ask = Ask()
        self.found: Found | None = None
        self.order = Order()
        self.marks: dict[Path, str] = {}
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(_AGAIN)
        self._again.timeout.connect(self.refresh)
        library.opened.connect(self._opened)
        library.closed.connect(self.clear)
        library.committed.connect(self._grown)
        library.index_ended.connect(self.refresh)

    def search(self, ask: Ask) -> None:
        """Ask something; an earlier question that is not answered yet is dropped."""
        same_terms = (ask.chips, ask.text) == (self.ask.chips, self.ask.text)
        other_filters = ask.filters != self.ask.filters
        self.ask = ask
        if other_filters:
            self.filters_changed.emit(ask.filters)
        if not same_terms:
            # A cut belongs to one query's scores.
            self._set_order(replace(self.order, cut=None, show_all=False, unfolded=frozenset()))
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Ask the same again: the frames, the model or the marks have changed."""
        opened = self._library.opened_now
        if self.ask.empty:
            self.clear()
            return
        if opened is None:
            return
        ask, order, marks = self.ask, self.order, dict(self.marks)

        def work(_: Job) -> Found:
            return replace(answer(opened.workspace, ask, order, marks), model=opened.model)

        self.searching.emit(True)
        self._library.runner.submit(
            work,
            lane=SEARCH,
            key="search",
            done=self._answered,
            failed=self._failed,
        )

    @Slot()
    def clear(self) -> None:
        """Ask nothing."""
        self._library.runner.cancel_key("search")
        self._library.runner.cancel_key("arrange")
        self.ask = Ask(filters=self.ask.filters, refine=self.ask.refine)
        self.found = None
        self.searching.emit(False)
        self.cleared.emit()

    def set_filters(self, filters: Filters) -> None:
        """Restrict the hits."""
        if filters != self.ask.filters:
            if self.ask.filters.among and not filters.among:
                self._set_order(replace(self.order, show_all=False))
            self.ask = replace(self.ask, filters=filters)
            self.filters_changed.emit(filters)
            self.refresh()

    def search_within(self) -> bool:
        """Restrict the next questions to the hits shown now; False if there are none."""
        found = self.found
        if found is None:
            return False
        hits = above(found.hits, self.order.least(found), self.order.limit(found))
        if not hits:
            return False
        name = found.ask.text.strip() or "…"
        among = frozenset(hit.image_id for hit in hits)
        # The hits stay as they are until something else is asked: a cut among hits cuts hits.
        self._set_order(replace(self.order, cut=None, show_all=True))
        self.set_filters(replace(self.ask.filters, among=among, among_name=name))
        return True

    def set_refine(self, refine: bool) -> None:
        """Let right and wrong marks move the query, or not."""
        if refine != self.ask.refine:
            self.ask = replace(self.ask, refine=refine)
            self.refresh()

    def set_marks(self, marks: dict[Path, str]) -> None:
        """Take note of other marks."""
        changed = marks != self.marks
        self.marks = marks
        if changed and (self.ask.refine or self.ask.filters.marked):
            self.refresh()

    def set_sort(self, sort: str) -> None:
        """Sort by score, time or drive."""
        self._change(replace(self.order, sort=sort))

    def set_fold(self, fold: bool) -> None:
        """Fold hits that follow each other into events, or not."""
        self._change(replace(self.order, fold=fold, unfolded=frozenset()))

    def set_cut(self, cut: float | None) -> None:
        """Show hits from this score on; None goes back to the automatic cut."""
        self._change(replace(self.order, cut=cut, show_all=False))

    def show_all(self) -> None:
        """Show every frame, best first, whatever it scores."""
        self._change(replace(self.order, cut=None, show_all=True))

    def toggle_event(self, event: int) -> None:
        """Show all frames of an event, or its best only."""
        self._change(replace(self.order, unfolded=self.order.unfolded ^ {event}))

    def _change(self, order: Order) -> None:
        if order == self.order:
            return
        self._set_order(order)
        found = self.found
        if found is None:
            return
        least, limit = order.least(found), order.limit(found)
        wanted = limit if limit is not None else found.histogram.above(least)
        if found.complete or wanted <= len(found.hits):
            self._lay_out()
        else:
            self.refresh()

    def _set_order(self, order: Order) -> None:
        if order != self.order:
            self.order = order
            self.order_changed.emit(order)

    def _answered(self, found: Found) -> None:
        self.searching.emit(False)
        self.found = found
        self.answered.emit(found)
        self._lay_out()

    def _lay_out(self) -> None:
        found, order = self.found, self.order
        if found is not None:
            self._library.runner.submit(
                lambda _: lay_out(found, order),
                lane=SEARCH,
                key="arrange",
                done=self.laid_out.emit,
                failed=self._failed,
            )

    def _failed(self, error: Exception) -> None:
        self.searching.emit(False)
        if isinstance(error, NotIndexedError):
            # The first frames are on their way: no answer yet, and no mistake either.
            self._answered(Found(self.ask, self._library.model))
        else:
            self.failed.emit(error)

    @Slot(object)
    def _opened(self, opened: Opened) -> None:
        self.refresh()

    @Slot()
    def _grown(self) -> None:
        if not self.ask.empty and not self._again.isActive():
            self._again.start()
