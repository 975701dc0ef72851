"""What is asked and what was found: the query, the filters, the cut, the order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from c4t_core.errors import NotIndexedError
from c4t_desktop.jobs.arrange import above
from c4t_desktop.jobs.library import SEARCH, Library, Opened
from c4t_desktop.jobs.questions import (
    NEAREST,
    Ask,
    Chip,
    Filters,
    Found,
    Order,
    answer,
    build_query,
    core_filters,
    lay_out,
)
from c4t_desktop.jobs.runner import Job

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
