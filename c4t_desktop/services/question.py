"""What is asked, and how the answer is to be laid out: plain values of the core, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from c4t_core.errors import DataError, QueryError
from c4t_core.index.objects import take_conditions
from c4t_core.index.query import (
    NEAREST,
    NO_FILTERS,
    Filters,
    Query,
    Term,
    parse_query,
    plain_filters,
    saved_filters,
)
from c4t_core.records import dataclass
from c4t_desktop.messages import condition_text


@dataclass(frozen=True)
class Question:
    """A query as it is edited, and what its hits are restricted to.

    Attributes:
        images: the terms that are images.
        text: what the user is typing, without conditions on objects.
        filters: the core's restrictions; conditions on objects are asked with them, and alone too.
        marked: only hits marked "right", "wrong" or "any"; "" for all.
        hits_of: what the user calls the hits that ``filters.only`` restricts to.
        refine: move the query by the marks.
    """

    images: tuple[Term, ...] = ()
    text: str = ""
    filters: Filters = field(default=NO_FILTERS)
    marked: str = ""
    hits_of: str = ""
    refine: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing is asked: all frames are browsed then."""
        return not self.filters.objects and not self._ranks

    @property
    def unscored(self) -> bool:
        """Whether no term says what is more alike, so that there is nothing to cut at."""
        return not self._ranks

    @property
    def _ranks(self) -> bool:
        return bool(self.images) or bool(self.text.strip())

    @property
    def restricted(self) -> bool:
        """Whether the hits are restricted."""
        return self.filters != NO_FILTERS or bool(self.marked)

    @property
    def lasting(self) -> bool:
        """Whether it can be kept: something is asked, or frames are chosen by what lasts."""
        return not self.empty or any(self.restrictions().values())

    @property
    def by_marks(self) -> bool:
        """Whether marks of this query move it, or choose its hits."""
        return self.refine or bool(self.marked)

    @property
    def terms(self) -> tuple[object, ...]:
        """What is looked for, whatever it is restricted to."""
        return self.images, self.text

    def query(self) -> Query:
        """Return the query.

        Raises:
            QueryError: if the typed part cannot be read.
        """
        typed = parse_query(self.text) if self.text.strip() else Query(())
        return Query((*self.images, *typed.terms), typed.objects)

    def key(self) -> str:
        """Return the terms as one text, which names the query in what the user makes.

        Conditions on objects restrict its hits as other filters do; where they are all that is
        asked, they name it.

        >>> Question((Term(image=Path("/d/a.png"), weight=-1.0),), "snow").key()
        'snow - @"/d/a.png"'
        """
        parts = [self.text.strip()] if self.text.strip() else []
        for term in self.images:
            sign = "- " if term.weight < 0 else "+ " if parts else ""
            parts.append(f'{sign}@"{term.image}"')
        return " ".join(parts or map(str, self.filters.objects))

    def title(self) -> str:
        """Return what is asked as the user would read it: words, conditions, names of images."""
        conditions = ", ".join(map(condition_text, self.filters.objects))
        images = (term.image.name for term in self.images if term.image)
        title = " ".join(part for part in (self.text.strip(), conditions, *images) if part)
        return title or ", ".join((*self.filters.tags, *self.filters.drives))

    def restrictions(self) -> dict[str, object]:
        """Return what is restricted as plain data, as scenarios and exports keep it.

        Ids of images are left out: they do not outlive the catalogue.
        """
        return {**plain_filters(self.filters), "marked": self.marked}


def saved_question(text: str, settings: Mapping[str, object]) -> Question:
    """Return the question of a saved scenario, from its terms and its plain settings.

    Raises:
        DataError: if they hold what this version does not know; the search would be another one.
    """
    filters, marked, refine = saved_filters(settings)
    try:
        text, objects = take_conditions(text)
    except QueryError as error:
        raise DataError(str(error)) from error
    return Question((), text, filters.asking(objects), marked, refine=refine)


@dataclass(frozen=True)
class Order:
    """How the hits are laid out.

    Attributes:
        sort: ``"score"``, ``"time"`` or ``"drive"``; by score, what is browsed stays as it is:
            drive by drive, each in time order.
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

    @property
    def chosen_cut(self) -> float | None:
        """The least score that the user chose to see, -1 for everything; None for automatic."""
        return -1.0 if self.show_all else self.cut

    def limit(self, automatic: float | None) -> int | None:
        """Return how many to show where the scores suggest no cut; None for all."""
        undecided = self.cut is None and automatic is None and not self.show_all
        return NEAREST if undecided else None

    def least(self, automatic: float | None) -> float | None:
        """Return the least score to show; None for all."""
        if self.show_all:
            return None
        return self.cut if self.cut is not None else automatic
