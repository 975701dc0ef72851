"""What can be asked and how it is answered: frozen values, and functions for worker threads."""

from __future__ import annotations

import calendar
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from c4t_desktop.jobs.arrange import Arrangement, Histogram, above, arrange, make_histogram

if TYPE_CHECKING:
    from c4t_core.index.query import Hit, Query
    from c4t_core.workspace import Filters as CoreFilters
    from c4t_core.workspace import QueryLike
    from c4t_desktop.jobs.workspace import WorkspaceLike

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
