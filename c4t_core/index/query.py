"""The plain values of a search: queries and their terms, filters, hits, how scores spread.

Importing this module loads neither numpy nor Pillow, so that the window can edit them.

A query is a list of terms joined by ``+`` and ``-``, which stand between spaces, so that
``t-junction`` stays a word. A term may carry a weight (``2:truck``) and may be an image
(``@PATH``, with quotes where the path holds spaces next to an operator). Conditions on objects
(``person>=3``) may stand anywhere; they are no terms, see :mod:`c4t_core.index.objects`.
"""

from __future__ import annotations

import bisect
import calendar
import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from c4t_core.errors import DataError, QueryError
from c4t_core.index.objects import (
    ObjectCondition,
    ObjectFact,
    Seen,
    parse_condition,
    take_conditions,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BINS = 48  # bars of a histogram
_DAY = 86_400  # seconds
_SETTINGS = frozenset({"filters", "refine"})  # of a saved search
_FILTERS = frozenset({"within", "drive", "camera", "day", "marked", "objects"})
_OPERATOR = re.compile(r"(?:^|(?<=\s))([+-])(?=\s|$)")
_AT = re.compile(r"(.*)#t=([0-9]+\.[0-9]{3})", re.DOTALL)
_WEIGHT = re.compile(r"(\d+(?:\.\d+)?|\.\d+):(?!\d)")


@dataclass(frozen=True)
class Hit:
    """One frame that answers a query.

    Attributes:
        path: absolute path of the image file.
        score: cosine of the image's and the query's embedding, -1 to 1.
        rank: position in the list, from 1.
        root: the folder that was opened.
        relative: path below ``root``, "/"-separated.
        drive: recording the frame belongs to: the last part of its folder (with a prefix or
            stamp of the name), and as many parents as tell it apart from the others opened.
        camera: camera that took it, where its name tells.
        frame: number of the frame within its drive, where its name tells.
        time: seconds since 1970 UTC, where its name tells.
        image_id: number of the image in the catalogue; valid until the catalogue is rebuilt.
        at: seconds from the start of the recording that the frame lies in, None for a picture.
        first_seen: when it was first indexed, seconds since 1970; 0 where that is not known.
        seen: what a model saw in it, see ``objects``.
    """

    path: Path
    score: float
    rank: int
    root: Path
    relative: str
    drive: str | None = None
    camera: str | None = None
    frame: int | None = None
    time: float | None = None
    image_id: int = field(default=0, compare=False)
    at: float | None = None
    first_seen: float = field(default=0.0, compare=False)
    seen: Seen | None = field(default=None, compare=False, repr=False)

    @property
    def objects(self) -> tuple[ObjectFact, ...]:
        """What is believed to be there, the most probable class first.

        It is what the model saw whose first index run over the folder ended last among those that
        see objects; nothing where none did.
        """
        return () if self.seen is None else self.seen.facts()

    @property
    def believed(self) -> list[dict[str, Any]] | None:
        """Those objects that are probable, as plain JSON data; None if nothing is known."""
        return None if self.seen is None else [f.plain() for f in self.objects if f.number]


def frame_name(relative: str, at: float | None) -> str:
    """Return how a frame is written: a picture as its path, one of a recording with its time.

    >>> frame_name("day/clip.mp4", 12.5), frame_name("a.png", None)
    ('day/clip.mp4#t=12.500', 'a.png')
    """
    return relative if at is None else f"{relative}#t={at:.3f}"


def split_frame_name(name: str) -> tuple[str, float | None]:
    """Undo :func:`frame_name`, to the millisecond.

    >>> split_frame_name("day/clip.mp4#t=12.500"), split_frame_name("a#t=1.png")
    (('day/clip.mp4', 12.5), ('a#t=1.png', None))
    """
    match = _AT.fullmatch(name)
    return (match.group(1), float(match.group(2))) if match else (name, None)


@dataclass(frozen=True)
class Term:
    """One part of a query: words or an image, with a weight (negative for ``-``)."""

    text: str | None = None
    image: Path | None = None
    weight: float = 1.0


@dataclass(frozen=True)
class Query:
    """What to look for: at least one term, or conditions on objects alone.

    Attributes:
        terms: their weighted sum ranks.
        objects: what must be believed of a frame besides; they restrict as those of filters do.
    """

    terms: tuple[Term, ...]
    objects: tuple[ObjectCondition, ...] = ()

    @property
    def is_words_only(self) -> bool:
        """Whether all its terms are words: none is an image."""
        return all(term.image is None for term in self.terms)


class ImageIds(Collection[int]):
    """Ids of images, sorted: eight bytes each, where a set takes sixty.

    Attributes:
        array: int64 (n,), ascending.
    """

    def __init__(self, image_ids: Iterable[int] | NDArray[np.int64]) -> None:
        """Sort them; what occurs twice is kept once."""
        import numpy as np

        array = isinstance(image_ids, np.ndarray)
        self.array = np.unique(np.asarray(image_ids if array else list(image_ids), dtype=np.int64))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.array)

    def __iter__(self) -> Iterator[int]:
        """Go through them, ascending."""
        return iter(self.array.tolist())

    def __contains__(self, image_id: object) -> bool:
        """Tell whether an image is among them."""
        at = bisect.bisect_left(self.array, image_id) if isinstance(image_id, int) else len(self)
        return at < len(self) and bool(self.array[at] == image_id)

    def __eq__(self, other: object) -> bool:
        """Tell whether they are the same."""
        return isinstance(other, ImageIds) and self.array.tobytes() == other.array.tobytes()

    def __hash__(self) -> int:
        """Return a number of their bytes."""
        return hash(self.array.tobytes())


@dataclass(frozen=True)
class Filters:
    """What a search is restricted to; empty fields restrict nothing."""

    within: tuple[str | Path, ...] = ()  # sub-folders, relative to an opened folder or absolute
    drives: tuple[str, ...] = ()  # as they are shown, trailing parts of them, or patterns
    cameras: tuple[str, ...] = ()
    since: float | None = None  # seconds since 1970 UTC, inclusive
    until: float | None = None  # exclusive
    only: ImageIds | frozenset[int] | None = None  # such as the hits of an earlier search
    without: frozenset[int] = frozenset()
    objects: tuple[ObjectCondition, ...] = ()  # all must be believed of a frame

    def asking(self, objects: Sequence[ObjectCondition]) -> Filters:
        """Return these filters with more conditions on objects, each once."""
        return replace(self, objects=tuple(dict.fromkeys((*self.objects, *objects))))

    def narrowed(self, within: Sequence[str | Path], drive: str | None) -> Filters:
        """Return these filters with more sub-folders and another drive to choose from."""
        drives = self.drives if drive is None else (*self.drives, drive)
        return replace(self, within=(*self.within, *within), drives=drives)


NO_FILTERS = Filters()


def saved_filters(settings: Mapping[str, object]) -> tuple[Filters, str, bool]:
    """Return (filters, "right", "wrong" or "any" of marked hits, whether marks move the query).

    Args:
        settings: plain data of a saved search: "refine", and "filters" with "within" (list of
            folders), "drive", "camera", "day" (``"2026-10-14"``, UTC), "marked" and "objects" (list
            of conditions as they are typed); what is missing or None restricts nothing.

    Raises:
        DataError: if they hold what this version does not know; the search would be another one.
    """
    kept = settings.get("filters") or {}
    if not isinstance(kept, Mapping):
        raise DataError("Its filters cannot be read; save the search again, or remove it.")
    unknown = sorted({*settings} - _SETTINGS | {*kept} - _FILTERS)
    if unknown:
        raise DataError(
            f'It is restricted by "{unknown[0]}", which this version does not know; update this '
            "program to run the search."
        )
    within, drive, camera = kept.get("within"), kept.get("drive"), kept.get("camera")
    since, until = day_bounds(kept.get("day"))
    filters = Filters(
        within=tuple(map(str, within)) if isinstance(within, list) else (),
        drives=(str(drive),) if drive else (),
        cameras=(str(camera),) if camera else (),
        since=since,
        until=until,
        objects=_saved_conditions(kept.get("objects")),
    )
    return filters, str(kept.get("marked") or ""), bool(settings.get("refine"))


def _saved_conditions(saved: object) -> tuple[ObjectCondition, ...]:
    try:
        return tuple(parse_condition(str(text)) for text in (saved or ()))  # type: ignore[attr-defined]
    except (QueryError, TypeError) as error:
        raise DataError(
            "Its filters cannot be read; save the search again, or remove it."
        ) from error


def plain_filters(filters: Filters) -> dict[str, object]:
    """Return filters as plain data, as scenarios and exports keep them.

    Ids of images are left out: they do not outlive the catalogue.
    """
    plain: dict[str, object] = {
        "within": [str(folder) for folder in filters.within],
        "drive": next(iter(filters.drives), None),
        "camera": next(iter(filters.cameras), None),
        "day": day_of(filters),
    }
    if filters.objects:  # earlier versions refuse the name, so it stands only where it is used
        plain["objects"] = [str(condition) for condition in filters.objects]
    return plain


def day_bounds(day: object) -> tuple[float | None, float | None]:
    """Return when a day such as ``"2026-10-14"`` (UTC) begins and ends; no bounds without one.

    Raises:
        DataError: if it is no day.
    """
    if not isinstance(day, str) or not day:
        return None, None
    try:
        since = float(calendar.timegm(time.strptime(day, "%Y-%m-%d")))
    except ValueError as error:
        raise DataError(f'"{day}" is no date such as 2026-10-14; choose another.') from error
    return since, since + _DAY


def day_of(filters: Filters) -> str | None:
    """Return the day that filters are restricted to."""
    return None if filters.since is None else time.strftime("%Y-%m-%d", time.gmtime(filters.since))


@dataclass(frozen=True)
class Histogram:
    """How the scores of all frames spread.

    Attributes:
        low: left end of the first bar.
        high: right end of the last bar.
        counts: frames per bar.
        values: all scores, ascending, to count what is above a cut.
    """

    low: float = 0.0
    high: float = 1.0
    counts: tuple[int, ...] = ()
    values: Sequence[float] | NDArray[np.floating[Any]] = ()

    @classmethod
    def of(cls, scores: Sequence[float] | NDArray[np.float32]) -> Histogram:
        """Count scores (n,), in any order, into bars."""
        import numpy as np

        if len(scores) == 0:
            return cls()
        values = np.asarray(scores)[::-1]  # those of a ranking are then ascending
        if not (values[:-1] <= values[1:]).all():
            values = np.sort(values)
        low, high = float(values[0]), float(values[-1])
        if high - low < 1e-6:
            low, high = low - 0.05, high + 0.05
        edges = np.linspace(low, high, BINS + 1)[1:-1].astype(values.dtype)
        counts = np.diff(np.searchsorted(values, edges), prepend=0, append=len(values))
        return cls(low, high, tuple(counts.tolist()), values)

    def least_of(self, count: int) -> float | None:
        """Return the least score of so many frames, the best; None for all of them."""
        return float(self.values[-max(1, count)]) if count < len(self.values) else None

    def above(self, cut: float | None) -> int:
        """Return how many frames score at least ``cut``; all of them for None."""
        if cut is None:
            return len(self.values)
        return len(self.values) - bisect.bisect_left(self.values, cut)


def parse_query(text: str) -> Query:
    """Read a query as the user types it.

    >>> [(t.text, t.weight) for t in parse_query("snow + 2:truck - t-junction").terms]
    [('snow', 1.0), ('truck', 2.0), ('t-junction', -1.0)]

    Raises:
        QueryError: if it is empty, an operator lacks a term, a weight is zero, or a condition on
            objects cannot be read.
    """
    if not text.strip():
        raise QueryError('The query is empty; describe what to look for, such as "truck in snow".')
    words, objects = take_conditions(text)
    pieces = _split(words) if words or not objects else ()
    return Query(tuple(_term(sign, body) for sign, body in pieces), objects)


def _split(text: str) -> list[tuple[str, str]]:
    """Cut at the operators that stand between spaces and outside the quotes of an image."""
    pieces: list[tuple[str, str]] = []
    sign, start = "+", 0
    quoted = [match.span() for match in re.finditer(r"""@(?:"[^"]*"|'[^']*')""", text)]
    for match in _OPERATOR.finditer(text):
        if any(a <= match.start() < b for a, b in quoted):
            continue
        body = text[start : match.start()].strip()
        if body or start:
            pieces.append((sign, body))
        sign, start = match.group(1), match.end()
    pieces.append((sign, text[start:].strip()))
    return pieces


def _term(sign: str, body: str) -> Term:
    weight = 1.0
    match = _WEIGHT.match(body)
    if match:
        weight, body = float(match.group(1)), body[match.end() :].strip()
        if not 0 < weight < 1e6:
            raise QueryError("A weight must be above zero, such as 2:truck or 0.5:rain.")
    if not body:
        raise QueryError('A term of the query has no words; write one after each "+" and "-".')
    weight = -weight if sign == "-" else weight
    if not body.startswith("@"):
        return Term(text=" ".join(body.split()), weight=weight)
    name = body[1:].strip()
    if len(name) >= 2 and name[0] == name[-1] and name[0] in "\"'":
        name = name[1:-1]
    if not name or "\0" in name:
        raise QueryError('"@" must be followed by the path of an image, such as @frame.jpg.')
    return Term(image=Path(name).expanduser(), weight=weight)
