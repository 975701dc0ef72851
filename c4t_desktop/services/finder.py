"""What is asked and what was found: the question, the answer and its arrangement."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from c4t_core.errors import NotIndexedError
from c4t_core.index.query import NO_FILTERS, Filters, Histogram, ImageIds
from c4t_core.records import dataclass
from c4t_desktop.jobs.runner import Job
from c4t_desktop.services.library import ROWS, SEARCH, Library, Opened
from c4t_desktop.services.question import Order, Question
from c4t_desktop.services.rows import (
    MOST_AT_ONCE,
    Cards,
    HitList,
    PagedRows,
    Row,
    RowLoader,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from c4t_core.index.directions import WordHint
    from c4t_core.index.events import Folded
    from c4t_core.models.protocol import CutText
    from c4t_core.workspace import Answer, Scope
    from c4t_desktop.services.workspace import WorkspaceLike

ReadMarks = Callable[["WorkspaceLike", str], Mapping[Path, str]]
FIRST = 200  # hits loaded with the answer: what a large screen shows
_AGAIN = 1500  # ms between two answers to the same query while the index grows


@dataclass(frozen=True)
class Found:
    """The answer to a question.

    Attributes:
        question: what was asked.
        model: the model that answered.
        hits: all of them, best first.
        histogram: of the scores of all frames.
        automatic: the cut that the scores suggest, None if they suggest none.
        seconds: what it took.
        cut_terms: terms in words that the model does not read whole.
        word_hints: what is odd about the words of the question.
        known: where conditions on objects are asked, of how many frames it is known what is in
            them, and how many are asked.
        marks: those of the query that it was asked with, "right" or "wrong" by path.
        answer: sorts and folds the hits; None where there are none.
    """

    question: Question
    model: str = ""
    hits: HitList = field(default_factory=HitList)
    histogram: Histogram = field(default_factory=Histogram)
    automatic: float | None = None
    seconds: float = 0.0
    cut_terms: tuple[CutText, ...] = ()
    word_hints: tuple[WordHint, ...] = ()
    known: tuple[int, int] = (0, 0)
    marks: Mapping[Path, str] = field(default_factory=dict)
    answer: Answer | None = field(default=None, repr=False, compare=False)

    def limit(self, order: Order) -> int | None:
        """Return how many to show where the scores suggest no cut; None for all."""
        return order.limit(self.automatic) if self.hits and not self.question.unscored else None

    def least(self, order: Order) -> float | None:
        """Return the least score to show; None for all, as where there are no scores."""
        return None if self.question.unscored else order.least(self.automatic)

    def shown(self, order: Order) -> int:
        """Return how many of the hits, the best, are shown in an order."""
        limit = self.limit(order)
        if limit is not None:
            return min(limit, len(self.hits))
        return min(self.histogram.above(self.least(order)), len(self.hits))


def ask(workspace: WorkspaceLike, question: Question, marks: Mapping[Path, str]) -> Found:
    """Answer a question; runs on a worker thread."""
    from c4t_core.index.scenarios import answered

    begun = time.perf_counter()
    good = {path: mark == "right" for path, mark in marks.items()}
    if question.empty:
        answer = workspace.browse(filters=replace(question.filters, marked=question.marked))
    else:
        answer = answered(
            workspace,
            question.query(),
            question.filters,
            good,
            marked=question.marked,
            refine=question.refine,
        )
    return Found(
        question,
        hits=HitList(answer.image_ids, answer.scores, answer.scope.hits),
        histogram=answer.histogram,
        automatic=answer.cut,
        seconds=time.perf_counter() - begun,
        cut_terms=answer.cut_terms,
        word_hints=answer.word_hints,
        known=answer.scope.known,
        marks=marks,
        answer=answer,
    )


SORTS = ("score", "time", "drive")


@dataclass(frozen=True)
class Section:
    """The cards of one drive, one after the other.

    Attributes:
        start: the first of them.
        drive: their drive, None where it is not known.
        time: of the first one, seconds since 1970 UTC, where it is known.
        frames: how many frames they stand for.
    """

    start: int
    drive: str | None
    time: float | None
    frames: int


@dataclass(frozen=True)
class Arrangement:
    """What the grid shows.

    Attributes:
        rows: the cards in order.
        matches: how many hits are above the cut.
        events: how many events they make, None when nothing is folded.
        best: greatest score shown.
        least: least score shown.
        drives: how many drives they are of, where that was counted.
        sections: the drives, where the cards are in their order.
    """

    rows: Sequence[Row] = ()
    matches: int = 0
    events: int | None = None
    best: float = 1.0
    least: float = 0.0
    drives: int = 0
    sections: tuple[Section, ...] = ()


def lay_out(found: Found, order: Order, check: Callable[[], None] = lambda: None) -> Arrangement:
    """Sort, cut and fold; runs on a worker thread.

    Args:
        found: what is laid out.
        order: how.
        check: raises where the layout is not wanted any more.
    """
    import numpy as np

    count = found.shown(order)
    if not count:
        return Arrangement()
    ids = np.asarray(found.hits.ids[:count])
    answer, hits, cards, events = found.answer, found.hits[:count], None, None
    best, least = float(hits.scores[0]), float(hits.scores[-1])
    if answer is not None and answer.fold is not None and order.fold:
        folded = answer.fold(answer.scope, ids)
        check()
        events = len(folded)
        hits, cards = _folded(answer.scope, hits, ids, folded, order)
    elif answer is not None and order.sort != "score":
        hits = hits.picked(answer.scope.order(ids, order.sort))
    check()
    browsed = found.question.empty
    by_drive = order.sort == "drive" or (browsed and order.sort == "score")
    drives, sections = 0, tuple[Section, ...]()
    if answer is not None and (browsed or by_drive):
        numbers = answer.scope.facts(np.asarray(hits.ids)).drives
        drives = len(np.unique(numbers))
        check()
        if by_drive:
            sections = _sections(hits, numbers, cards)
    rows = PagedRows(hits, hits.block(0, FIRST), cards)
    return Arrangement(rows, count, events, best, least, drives, sections)


def _sections(hits: HitList, drives: NDArray[np.int64], cards: Cards | None) -> tuple[Section, ...]:
    """Return where the cards of each drive begin; ``drives`` are their numbers (n,)."""
    import numpy as np

    starts = np.flatnonzero(np.diff(drives, prepend=drives[0] - 1))
    counts = np.ones(len(drives), dtype=np.int64)
    if cards is not None:  # an unfolded event is counted with its best frame
        counts = np.where(cards.members, 0, cards.counts)
    frames = np.add.reduceat(counts, starts).tolist()
    first = hits.picked(starts).block(0, len(starts))
    shown = map(first.get, range(len(starts)))
    named = [(None, None) if hit is None else (hit.drive, hit.time) for hit in shown]
    return tuple(
        Section(start, drive, seconds, count)
        for start, (drive, seconds), count in zip(starts.tolist(), named, frames, strict=True)
    )


def members(found: Found, order: Order, cards: NDArray[np.int64] | Sequence[int]) -> list[int]:
    """Return the frames that cards stand for: all of an event that is folded behind one.

    Runs on a worker thread.

    Args:
        found: the answer shown.
        order: how it is laid out.
        cards: ids of the frames on the cards.
    """
    import numpy as np

    answer, chosen = found.answer, list(map(int, cards))
    if answer is None or answer.fold is None or not order.fold:
        return chosen
    ids = np.asarray(found.hits.ids[: found.shown(order)])
    folded, closed = answer.fold(answer.scope, ids), {*chosen} - order.unfolded
    best = ids[folded.best]
    events = np.flatnonzero(np.isin(best, sorted(closed))).tolist()
    whole = {int(best[event]): ids[folded.of(event)].tolist() for event in events}
    return list(dict.fromkeys(one for n in chosen for one in whole.get(n, [n])))


def _folded(
    scope: Scope, hits: HitList, ids: NDArray[np.int64], folded: Folded, order: Order
) -> tuple[HitList, Cards]:
    """Return the cards of events in an order: the best of each, and all of those unfolded."""
    import numpy as np

    events = scope.order(ids[folded.best], order.sort)
    best, counts = folded.best[events], folded.counts[events]
    named = ids[best]
    pieces, whole = [], np.flatnonzero(np.isin(named, list(order.unfolded)))
    for at in whole.tolist():
        rest = np.sort(folded.of(int(events[at])))
        rest = rest[rest != best[at]]
        pieces.append(rest[scope.order(ids[rest], "time")])
    lengths = [len(piece) for piece in pieces]
    places = np.repeat(whole + 1, lengths)
    rest = np.concatenate([best[:0], *pieces])
    cards = Cards(
        events=np.insert(named, places, np.repeat(named[whole], lengths)),
        counts=np.insert(counts, places, 1),
        members=np.insert(np.zeros(len(best), dtype=bool), places, True),
    )
    return hits.picked(np.insert(best, places, rest)), cards


class Finder(QObject):
    """Asks the library and lays the answer out.

    Attributes:
        question: the one asked last.
        found: the answer shown.
        order: how it is laid out.
        rows: loads the cards of hits that are looked at.
        marks: right and wrong marks of a query by path, as the mark book last told.

    Signals:
        answered: a new answer is there (Found).
        laid_out: what the grid shows (Arrangement).
        failed: the question cannot be answered (Exception).
        cleared: nothing is open, and nothing asked.
        order_changed: sort, fold or cut changed (Order).
        filters_changed: the hits are restricted in another way, or refined, or not (Question).
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
        self.rows = RowLoader(library.runner, self)
        self.marks: dict[Path, str] = {}
        self._marks_of = ""  # the query that has them
        self._asked: Mapping[Path, str] = {}  # the marks that were last asked with
        self._read_marks: ReadMarks = lambda *_: {}
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
        if (question.terms, question.refine) != (before.terms, before.refine):
            # A cut belongs to one query's scores.
            self._set_order(replace(self.order, cut=None, show_all=False, unfolded=frozenset()))
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Ask the same again: the frames, the model or the marks have changed."""
        self._again.stop()  # what was committed before is asked now
        opened = self._library.opened_now
        if opened is None:
            return
        question, order, read = self.question, self.order, self._read_marks
        known = self.marks if question.key() == self._marks_of else None
        self._asked = marks = dict(known or {}) if question.by_marks else {}

        def work(job: Job) -> tuple[Found, Order, Arrangement]:
            if question.by_marks and known is None:
                marks.update(read(opened.workspace, question.key()))
            found = replace(ask(opened.workspace, question, marks), model=opened.model)
            job.check()
            return found, order, lay_out(found, order, job.check)

        self._library.runner.submit(
            work, lane=SEARCH, key="search", done=self._answered, failed=self._failed
        )

    @Slot()
    def clear(self) -> None:
        """Ask nothing, and show nothing: what was open is closed."""
        self._library.runner.cancel_key("search")
        self._library.runner.cancel_key("arrange")
        self._library.runner.cancel_key("within")
        before, filters = self.question, replace(self.question.filters, objects=())
        self.question = replace(before, images=(), text="", filters=filters, refine=False)
        self._tell_filters(before)
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
        hits, found = self.shown(), self.found
        if found is None or not hits:
            return False

        def done(only: ImageIds) -> None:
            if self.found is found:
                self._restrict_to(only, found.question.title() or "…")

        if len(hits) <= MOST_AT_ONCE:
            done(ImageIds(hits.ids))
        else:
            self._library.runner.submit(
                lambda _: ImageIds(hits.ids), lane=SEARCH, key="within", done=done
            )
        return True

    def _restrict_to(self, only: ImageIds, name: str) -> None:
        # The hits stay as they are until something else is asked: a cut among hits cuts hits.
        self._set_order(replace(self.order, cut=None, show_all=True))
        filters = replace(self.question.filters, only=only)
        self._ask(replace(self.question, filters=filters, hits_of=name))

    def shown(self) -> HitList:
        """Return all hits that the grid stands for, folded ones included."""
        found = self.found
        return HitList() if found is None else found.hits[: found.shown(self.order)]

    def locate(self, path: Path, done: Callable[[int | None], None]) -> None:
        """Tell the id of a frame of the open folders by its path, None if it is none."""

        def read(workspace: WorkspaceLike) -> int | None:
            frame = workspace.frame(path)
            return None if frame is None else frame.image_id

        self._library.look(read, key="locate", done=done, lane=ROWS)

    def set_refine(self, refine: bool) -> None:
        """Let right and wrong marks of the query move it, or not.

        It holds for this query until it is switched off: its filters may change meanwhile. Other
        words or images are another query, with marks of its own, which begins without; a saved
        search comes back as it was saved.
        """
        if refine != self.question.refine:
            self.search(replace(self.question, refine=refine))

    def _ask(self, question: Question) -> None:
        """Ask the same terms in another way."""
        before, self.question = self.question, question
        if question != before:
            self._tell_filters(before)
            self.refresh()

    def _tell_filters(self, before: Question) -> None:
        now = self.question
        if (now.filters, now.marked, now.refine) != (before.filters, before.marked, before.refine):
            self.filters_changed.emit(now)

    def read_marks_by(self, read: ReadMarks) -> None:
        """Have marks read, in the job that asks, where those of a query are not told yet."""
        self._read_marks = read

    def set_marks(self, query: str, marks: dict[Path, str]) -> None:
        """Take note of the marks that a query has now."""
        self.marks, self._marks_of = marks, query
        if self.question.by_marks and query == self.question.key() and marks != self._asked:
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

    def show_best(self, count: int) -> None:
        """Show so many hits, the best, and those that score as much as the last of them."""
        if self.found is not None:
            cut = self.found.histogram.least_of(count)
            if cut is None:
                self.show_all()
            else:
                self.set_cut(cut)

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
        self._lay_out()

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
        found, order = self.found, self.order
        if found is not None:
            self._library.runner.submit(
                lambda job: lay_out(found, order, job.check),
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
        if not self._again.isActive():
            self._again.start()
