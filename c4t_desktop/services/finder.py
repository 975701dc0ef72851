"""What is asked and what was found: the question, the answer and its arrangement."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from c4t_core.errors import NotIndexedError
from c4t_core.index.query import NO_FILTERS, Filters, Histogram, Hit
from c4t_desktop.jobs.runner import Job
from c4t_desktop.services.arrange import Arrangement, above, arrange
from c4t_desktop.services.library import SEARCH, Library, Opened
from c4t_desktop.services.question import Order, Question

if TYPE_CHECKING:
    from c4t_core.models.protocol import CutText
    from c4t_desktop.services.workspace import WorkspaceLike

FIRST = 400  # hits fetched at least
_AGAIN = 1500  # ms between two answers to the same query while the index grows


@dataclass(frozen=True)
class Found:
    """The answer to a question.

    Attributes:
        question: what was asked.
        model: the model that answered.
        hits: the best ones, best first.
        complete: whether there are no more hits than these.
        histogram: of the scores of all frames.
        automatic: the cut that the scores suggest, None if they suggest none.
        seconds: what it took.
        cut_terms: terms in words that the model does not read whole.
    """

    question: Question
    model: str = ""
    hits: tuple[Hit, ...] = ()
    complete: bool = True
    histogram: Histogram = field(default_factory=Histogram)
    automatic: float | None = None
    seconds: float = 0.0
    cut_terms: tuple[CutText, ...] = ()


def ask(
    workspace: WorkspaceLike, question: Question, order: Order, marks: Mapping[Path, str]
) -> Found:
    """Answer a question; runs on a worker thread."""
    begun = time.perf_counter()
    refining = marks.items() if question.refine else ()
    right = [path for path, mark in refining if mark == "right"]
    wrong = [path for path, mark in refining if mark == "wrong"]
    answer = workspace.answer(question.query(), filters=question.filters, right=right, wrong=wrong)
    histogram, automatic = answer.histogram, answer.cut
    if question.marked:
        hits = [hit for hit in answer.hits() if _has_mark(marks.get(hit.path), question.marked)]
        histogram = Histogram.of([hit.score for hit in hits])
        count = len(hits)
    else:
        count = FIRST
        if order.limit(automatic) is None:  # those above the cut, and some in reserve
            count = max(FIRST, histogram.above(order.least(automatic)) + FIRST // 2)
        hits = answer.hits(count)
    complete = count >= len(histogram.values)
    seconds = time.perf_counter() - begun
    return Found(
        question, "", tuple(hits), complete, histogram, automatic, seconds, answer.cut_terms
    )


def _has_mark(mark: str | None, wanted: str) -> bool:
    return bool(mark) and wanted in ("any", mark)


def lay_out(workspace: WorkspaceLike | None, found: Found, order: Order) -> Arrangement:
    """Sort, cut and fold; runs on a worker thread."""
    least, limit = order.least(found.automatic), order.limit(found.automatic)
    events = None
    if order.fold and workspace is not None:
        events = [
            (event.best, *(hit for hit in event.hits if hit is not event.best))
            for event in workspace.events(above(found.hits, least, limit))
        ]
    return arrange(
        found.hits,
        cut=least,
        limit=limit,
        sort=order.sort,
        events=events,
        unfolded=order.unfolded,
    )


class Finder(QObject):
    """Asks the library and lays the answer out.

    Attributes:
        question: the one asked last.
        found: the answer shown.
        order: how it is laid out.
        marks: right and wrong marks by path, as the mark book last told.

    Signals:
        answered: a new answer is there (Found).
        laid_out: what the grid shows (Arrangement).
        failed: the question cannot be answered (Exception).
        cleared: nothing is asked.
        order_changed: sort, fold or cut changed (Order).
        filters_changed: the hits are restricted in another way (Question).
    """

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
        self.question = Question()
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

    def search(self, question: Question) -> None:
        """Ask something; an earlier question that is not answered yet is dropped."""
        before, self.question = self.question, question
        self._tell_filters(before)
        if question.terms != before.terms:
            # A cut belongs to one query's scores.
            self._set_order(replace(self.order, cut=None, show_all=False, unfolded=frozenset()))
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Ask the same again: the frames, the model or the marks have changed."""
        opened = self._library.opened_now
        if self.question.empty:
            self.clear()
            return
        if opened is None:
            return
        question, order, marks = self.question, self.order, dict(self.marks)

        def work(_: Job) -> tuple[Found, Order, Arrangement]:
            found = replace(ask(opened.workspace, question, order, marks), model=opened.model)
            return found, order, lay_out(opened.workspace, found, order)

        self._library.runner.submit(
            work, lane=SEARCH, key="search", done=self._answered, failed=self._failed
        )

    @Slot()
    def clear(self) -> None:
        """Ask nothing."""
        self._library.runner.cancel_key("search")
        self._library.runner.cancel_key("arrange")
        self.question = replace(self.question, images=(), text="")
        self.found = None
        self.cleared.emit()

    def set_filters(self, filters: Filters, marked: str | None = None) -> None:
        """Restrict the hits; ``marked`` None keeps the restriction to marks as it is."""
        now = self.question
        if now.filters.only and not filters.only:
            self._set_order(replace(self.order, show_all=False))
        self._ask(
            replace(
                now,
                filters=filters,
                marked=now.marked if marked is None else marked,
                hits_of=now.hits_of if filters.only else "",
            )
        )

    def clear_filters(self) -> None:
        """Restrict nothing."""
        self.set_filters(NO_FILTERS, marked="")

    def search_within(self) -> bool:
        """Restrict the next questions to the hits shown now; False if there are none."""
        found = self.found
        if found is None:
            return False
        automatic = found.automatic
        hits = above(found.hits, self.order.least(automatic), self.order.limit(automatic))
        if not hits:
            return False
        only = frozenset(hit.image_id for hit in hits)
        # The hits stay as they are until something else is asked: a cut among hits cuts hits.
        self._set_order(replace(self.order, cut=None, show_all=True))
        name = found.question.text.strip() or "…"
        filters = replace(self.question.filters, only=only)
        self._ask(replace(self.question, filters=filters, hits_of=name))
        return True

    def set_refine(self, refine: bool) -> None:
        """Let right and wrong marks move the query, or not."""
        self._ask(replace(self.question, refine=refine))

    def _ask(self, question: Question) -> None:
        """Ask the same terms in another way."""
        before, self.question = self.question, question
        if question != before:
            self._tell_filters(before)
            self.refresh()

    def _tell_filters(self, before: Question) -> None:
        now = self.question
        if (now.filters, now.marked) != (before.filters, before.marked):
            self.filters_changed.emit(now)

    def set_marks(self, marks: dict[Path, str]) -> None:
        """Take note of other marks."""
        changed = marks != self.marks
        self.marks = marks
        if changed and (self.question.refine or self.question.marked):
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
        least, limit = order.least(found.automatic), order.limit(found.automatic)
        wanted = limit if limit is not None else found.histogram.above(least)
        if found.complete or wanted <= len(found.hits):
            self._lay_out()
        else:
            self.refresh()

    def _set_order(self, order: Order) -> None:
        if order != self.order:
            self.order = order
            self.order_changed.emit(order)

    def _answered(self, answer: tuple[Found, Order, Arrangement]) -> None:
        self.found, order, arrangement = answer
        self.answered.emit(self.found)
        if order == self.order:
            self.laid_out.emit(arrangement)
        else:  # another order was chosen meanwhile
            self._lay_out()

    def _lay_out(self) -> None:
        found, order, opened = self.found, self.order, self._library.opened_now
        workspace = opened.workspace if opened is not None else None
        if found is not None:
            self._library.runner.submit(
                lambda _: lay_out(workspace, found, order),
                lane=SEARCH,
                key="arrange",
                done=self.laid_out.emit,
                failed=self._failed,
            )

    def _failed(self, error: Exception) -> None:
        if isinstance(error, NotIndexedError):
            # The first frames are on their way: no answer yet, and no mistake either.
            found = Found(self.question, self._library.model)
            self._answered((found, self.order, Arrangement()))
        else:
            self.failed.emit(error)

    @Slot(object)
    def _opened(self, opened: Opened) -> None:
        self.refresh()

    @Slot()
    def _grown(self) -> None:
        if not self.question.empty and not self._again.isActive():
            self._again.start()
