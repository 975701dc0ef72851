"""The plain values of a search: queries, filters, frames and hits, how scores spread.

Importing this module loads neither numpy nor Pillow, so that the window can edit them.

A query is a list of terms joined by ``+`` and ``-``, which stand between spaces, so that
``t-junction`` stays a word. A term may carry a weight (``2:truck``) and may be an image
(``@PATH``, with quotes where the path holds spaces next to an operator). Conditions on objects
(``person>=3``) may stand anywhere; they are no terms, see :mod:`c4t_core.index.objects`.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import UTC, datetime, timedelta
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
from c4t_core.records import dataclass

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BINS = 48  # bars of a histogram
NEAREST = 60  # hits where nothing stands out
_DAY = 86_400  # seconds
_SETTINGS = frozenset({"filters", "refine"})  # of a saved search
_FILTERS = frozenset({"within", "drive", "drives", "camera", "cameras", "day", "since", "until"})
_FILTERS |= {"marked", "objects", "tags"}
_OPERATOR = re.compile(r"(?:^|(?<=\s))([+-])(?=\s|$)")
_DAY_ALONE = re.compile(r"\d{4}-?\d{2}-?\d{2}|\d{4}-?W\d{2}-?\d")
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


@dataclass(frozen=True)
class Frame:
    """One image of the catalogue, without a score (see :class:`Hit` for the fields)."""

    path: Path
    root: Path
    relative: str
    drive: str | None
    camera: str | None
    frame: int | None
    time: float | None
    image_id: int
    size: int  # bytes
    mtime: float  # seconds since 1970
    at: float | None = None
    first_seen: float = 0.0  # when it was first indexed, seconds since 1970; 0 if not known
    seen: Seen | None = field(default=None, compare=False, repr=False)

    @property
    def objects(self) -> tuple[ObjectFact, ...]:
        """As of :class:`Hit`; of neighbours nothing is known."""
        return () if self.seen is None else self.seen.facts()


@dataclass(frozen=True)
class Noted:
    """What is known of frames besides the catalogue, by their ids.

    Attributes:
        marks: "right" or "wrong", of those marked for the query.
        tags: by name, of those that have any.
        events: which of a list of hits are one event, numbered from 1 in the order of its best.
    """

    marks: Mapping[int, str] = field(default_factory=dict)
    tags: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    events: Mapping[int, int] = field(default_factory=dict)


NOTHING_NOTED = Noted()


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
    tags: tuple[str, ...] = ()  # a frame must have all of them
    marked: str = ""  # only frames marked "right", "wrong" or "any" for the query; "" for all

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
            folders), "drive" or "drives" (list), "camera" or "cameras", "day" or "since" and
            "until" (see :func:`time_bounds`), "marked", "tags" (list) and "objects" (list of
            conditions as they are typed); what is missing or None restricts nothing.

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
    day = kept.get("day")
    since, until = time_bounds(kept.get("since") or day, kept.get("until") or day)
    filters = Filters(
        within=_names(kept.get("within")),
        drives=_names(kept.get("drive")) or _names(kept.get("drives")),
        cameras=_names(kept.get("camera")) or _names(kept.get("cameras")),
        since=since,
        until=until,
        objects=_saved_conditions(kept.get("objects")),
        tags=tuple(map(str, tags)) if isinstance(tags := kept.get("tags"), list) else (),
    )
    return filters, str(kept.get("marked") or ""), bool(settings.get("refine"))


def _names(saved: object) -> tuple[str, ...]:
    """Return one name or a list of them as a tuple."""
    return tuple(map(str, saved)) if isinstance(saved, list) else (str(saved),) if saved else ()


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
    since, until = time_text(filters.since), time_text(filters.until, end=True)
    day = since if since == until and since is not None and "T" not in since else None
    one_drive, one_camera = (len(names) < 2 for names in (filters.drives, filters.cameras))
    plain: dict[str, object] = {
        "within": [str(folder) for folder in filters.within],
        "drive": next(iter(filters.drives), None) if one_drive else None,
        "camera": next(iter(filters.cameras), None) if one_camera else None,
        "day": day,
    }
    # Earlier versions refuse these names, so they stand only where they are used.
    newer: dict[str, object] = {
        "drives": [] if one_drive else [*filters.drives],
        "cameras": [] if one_camera else [*filters.cameras],
        "since": None if day else since,
        "until": None if day else until,
        "objects": [str(condition) for condition in filters.objects],
        "tags": [*filters.tags],
    }
    return plain | {name: value for name, value in newer.items() if value}


def time_bounds(since: object, until: object) -> tuple[float | None, float | None]:
    """Return (since, until), seconds since 1970, of two moments as text; None for no bound.

    A moment is a day (``"2026-10-14"``) or has a time too (``"2026-10-14T09:30:15"``), in UTC
    unless an offset follows. A day as the end is in: the bound returned is the next midnight.

    >>> time_bounds("1970-01-02", "1970-01-02"), time_bounds(None, "1970-01-01T00:01")
    ((86400.0, 172800.0), (None, 60.0))

    Raises:
        DataError: if one of them is no such moment.
    """
    return _moment(since, end=False), _moment(until, end=True)


def _moment(text: object, *, end: bool) -> float | None:
    if not isinstance(text, str) or not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment += timedelta(days=end and _DAY_ALONE.fullmatch(text) is not None)
    except (ValueError, OverflowError) as error:
        raise DataError(
            f'"{text}" is no date such as 2026-10-14 or 2026-10-14T09:30; choose another.'
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def time_text(moment: float | None, *, end: bool = False) -> str | None:
    """Return a bound as :func:`time_bounds` reads it, a day where it is one; None for no bound.

    >>> time_text(86_400.0), time_text(86_400.0, end=True), time_text(60.5)
    ('1970-01-02', '1970-01-01', '1970-01-01T00:01:00.500000')
    """
    if moment is None:
        return None
    whole = moment % _DAY == 0
    at = datetime.fromtimestamp(moment - (_DAY if whole and end else 0), UTC)
    return str(at.date()) if whole else at.replace(tzinfo=None).isoformat()


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


def marks_key(text: str) -> str:
    """Return what names a query in the user's marks: its terms, else its conditions on objects.

    >>> marks_key(" person>=3 in the rain "), marks_key("person>=3")
    ('in the rain', 'person>=3')
    """
    words, objects = take_conditions(text)
    return words.strip() or " ".join(map(str, objects))


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
