"""Objects as facts: what a model believes is on the road in a frame, and what is asked of it.

A fact is a belief about one class in one frame; a condition is a part of a query that a fact
fulfils or does not. Conditions restrict the hits and are no term of the score::

    person>=3   person>3   person=3   person<3   person<=3   person:3+   person:3   no:person
    truck:near   truck:far   truck:left   truck:ahead   truck:right

A class of several words is written ``traffic-light``, ``traffic_light``, ``"traffic light"`` or
as it is. Importing this module loads no numpy, so that the window can edit conditions.
"""

from __future__ import annotations

import functools
import re
import struct
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from c4t_core.errors import QueryError
from c4t_core.records import dataclass

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PROBABLE = 0.5  # from this probability on something is there
SIDES = ("left", "ahead", "right")
PLACES = ("near", "far", *SIDES)
LARGEST = 60_000  # of a number of objects; a half float holds it
VALUES = 6  # numbers of a fact: probability, count, height, left, ahead, right

# Heights of the nearest one, in heights of the frame: near from the first on, far below the second.
_LARGE, _CAR, _UPRIGHT, _SIGN = (0.40, 0.15), (0.30, 0.10), (0.45, 0.15), (0.15, 0.05)
NEAR_AND_FAR = {
    "person": _UPRIGHT,
    "bicycle": _UPRIGHT,
    "motorcycle": _UPRIGHT,
    "car": _CAR,
    "truck": _LARGE,
    "bus": _LARGE,
    "ambulance": _LARGE,
    "traffic light": _SIGN,
    "stop sign": _SIGN,
    "crosswalk sign": _SIGN,
    "speed limit sign": _SIGN,
}
CLASSES = tuple(NEAR_AND_FAR)
"""What can be asked for: the classes whose facts are measured on labelled frames."""

_SYNONYMS = {
    "person": "people|pedestrian|rider",
    "bicycle": "bike|cyclist|bicyclist|cycle|pushbike",
    "motorcycle": "motorbike|motorcyclist|biker|moped|scooter",
    "car": "automobile|auto",
    "truck": "lorry|lorries|hgv",
    "bus": "buses|coach|coaches|minibus|minibuses",
    "ambulance": "",
    "traffic light": "traffic signal|stoplight",
    "stop sign": "",
    "crosswalk sign": "crossing sign|pedestrian crossing sign|zebra crossing sign",
    "speed limit sign": "speed limit|speed sign|limit sign",
}


@dataclass(frozen=True)
class ObjectFact:
    """What a model believes about one class in one frame.

    Attributes:
        label: one of :data:`CLASSES`.
        confidence: probability that there is one, 0 to 1.
        count: how many; no whole number, see ``number``.
        height: of the nearest one, in heights of the frame, 0 to 1.
        left: probability that there is one in the left third, 0 to 1.
        ahead: likewise in the middle.
        right: likewise in the right third.
    """

    label: str
    confidence: float
    count: float
    height: float
    left: float
    ahead: float
    right: float

    @property
    def number(self) -> int:
        """How many there are as it is shown; 0 where none is probable."""
        return max(1, int(self.count + 0.5)) if self.confidence >= PROBABLE else 0

    @property
    def places(self) -> tuple[str, ...]:
        """Which of :data:`PLACES` it is in; none where none is probable."""
        if not self.number:
            return ()
        near, far = NEAR_AND_FAR[self.label]
        distance = ("near",) if self.height >= near else ("far",) if self.height < far else ()
        return *distance, *(side for side in SIDES if getattr(self, side) >= PROBABLE)

    def plain(self) -> dict[str, Any]:
        """Return what is shown of it as plain JSON data."""
        return {
            "label": self.label,
            "confidence": round(self.confidence, 3),
            "count": self.number,
            "height": round(self.height, 3),
            "places": list(self.places),
        }


@dataclass(frozen=True)
class ObjectCondition:
    """What is asked of one class.

    Attributes:
        label: one of :data:`CLASSES`.
        relation: ``">="``, ``"="`` or ``"<="`` a number, or one of :data:`PLACES`.
        count: the number; 1 for a place.
    """

    label: str
    relation: str = ">="
    count: int = 1

    def __str__(self) -> str:
        """Return it as it is typed; :func:`take_conditions` reads the same again."""
        name = self.label.replace(" ", "-")
        if self.relation in PLACES:
            return f"{name}:{self.relation}"
        if (self.relation, self.count) == ("=", 0):
            return f"no:{name}"
        return f"{name}{self.relation}{self.count}"

    def weigh(self, facts: NDArray[Any]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Return for which frames it holds, and with which probability of what it rests on.

        Args:
            facts: of its class, floating (n, :data:`VALUES`).

        Returns:
            bool (n,) and float32 (n,); the latter says something where it holds.
        """
        import numpy as np

        there = facts[:, 0].astype(np.float32)
        probable = there >= PROBABLE
        if self.relation in SIDES:
            side = facts[:, 3 + SIDES.index(self.relation)].astype(np.float32)
            return probable & (side >= PROBABLE), np.minimum(side, there)
        if self.relation in PLACES:
            near, far = NEAR_AND_FAR[self.label]
            height = facts[:, 2]
            return probable & (height >= near if self.relation == "near" else height < far), there
        number = np.floor(facts[:, 1].astype(np.float32) + np.float32(0.5))
        number = np.where(probable, np.maximum(number, 1), 0)
        holds = _COMPARISONS[self.relation](number, self.count)
        return holds, np.where(probable, there, 1 - there)


_COMPARISONS: dict[str, Any] = {
    ">=": lambda numbers, n: numbers >= n,
    "=": lambda numbers, n: numbers == n,
    "<=": lambda numbers, n: numbers <= n,
}


@dataclass(frozen=True)
class Seen:
    """What a model saw in one frame, as the catalogue keeps it.

    Attributes:
        classes: c names.
        packed: half floats (c, :data:`VALUES`), little-endian.
    """

    classes: tuple[str, ...]
    packed: bytes

    def facts(self) -> tuple[ObjectFact, ...]:
        """Return it as facts, the most probable first; classes not offered are left out."""
        numbers = struct.unpack(f"<{len(self.classes) * VALUES}e", self.packed)
        rows = zip(*[iter(numbers)] * VALUES, strict=True)
        facts = [
            ObjectFact(label, *row)
            for label, row in zip(self.classes, rows, strict=True)
            if label in NEAR_AND_FAR
        ]
        return tuple(sorted(facts, key=lambda fact: -fact.confidence))


_SIGN_OF_ONE = re.compile("[:<>=≥≤]")
_NOT_TAKEN_AWAY = 'A condition cannot be taken away; write "no:car", or "person<3".'


def take_conditions(
    text: str, classes: Collection[str] = CLASSES
) -> tuple[str, tuple[ObjectCondition, ...]]:
    """Return a query without the conditions in it, and these, each once.

    Weights (``2:truck``) and pictures (``@a:left.png``) stay as they are.

    >>> take_conditions("person>=3 in the rain + no:car")
    ('in the rain', (ObjectCondition(label='person', relation='>=', count=3), \
ObjectCondition(label='car', relation='=', count=0)))

    Raises:
        QueryError: if a condition cannot be read, or its class is not among ``classes``.
    """
    if not _SIGN_OF_ONE.search(text):
        return text, ()
    names = _names()
    found: list[ObjectCondition] = []

    def take(match: re.Match[str]) -> str:
        if match["picture"]:
            return match[0]
        found.append(_condition(match, names, classes))
        return _TAKEN

    left = _grammar().sub(take, text)
    return (_mended(left) if found else text), tuple(dict.fromkeys(found))


def parse_condition(text: str) -> ObjectCondition:
    """Return the one condition that a text is.

    Raises:
        QueryError: if it is none, or more than that.
    """
    left, found = take_conditions(text)
    if left or len(found) != 1:
        raise QueryError(f'"{text}" is no condition such as person>=3, truck:near or no:car.')
    return found[0]


def _condition(
    match: re.Match[str], names: dict[str, str], classes: Collection[str]
) -> ObjectCondition:
    typed = match[0].strip()
    name = (match["absent"] or match["name"] or match["broken"]).strip("\"'")
    label = names.get(_plain(name), "")
    if name.startswith("-"):
        raise QueryError(_NOT_TAKEN_AWAY)
    if label not in classes:
        raise QueryError(
            f'No objects "{name}" are known ("{typed}"); known are: {", ".join(classes)}.'
        )
    if match["broken"]:
        raise QueryError(
            f'"{typed}" cannot be read; write a whole number, such as {label.replace(" ", "-")}>=2,'
            f" or a place: {', '.join(PLACES)}."
        )
    if match["weight"]:
        raise QueryError(f'"{typed}" restricts the hits and takes no weight; leave it out.')
    if match["absent"]:
        return ObjectCondition(label, "=", 0)
    if match["place"]:
        return ObjectCondition(label, match["place"].lower())
    sign, count = match["sign"], int(match["number"] or match["short"])
    if match["short"]:
        sign = ">=" if match["more"] else "="
    sign = {"≥": ">=", "≤": "<=", "==": "="}.get(sign, sign)
    count, sign = {">": (count + 1, ">="), "<": (count - 1, "<=")}.get(sign, (count, sign))
    if count < 0 or (sign, count) == (">=", 0):
        raise QueryError(f'"{typed}" holds for all frames or for none; write another number.')
    return ObjectCondition(label, "=" if count == 0 else sign, count)


_TAKEN = "\ue000"  # stands where a condition stood; of no language
_JOINED = re.compile(
    rf"(?:,|\b(?:and|with)\b|\()?\s*{_TAKEN}(?:[\s,;)]*(?:\band\b)?\s*{_TAKEN})*"
    r"(?:\s*(?:[,;)]|\band\b))*",
    re.IGNORECASE,
)
_OPERATOR = re.compile(r"((?:^|(?<=\s))[+-](?=\s|$))")


def _mended(text: str) -> str:
    """Return a query without what joined the conditions to the words around them.

    Raises:
        QueryError: if a term that is taken away is nothing but conditions.
    """
    pieces = ["+", *_OPERATOR.split(text)]  # an operator before each term
    kept: list[str] = []
    for operator, piece in zip(pieces[::2], pieces[1::2], strict=True):
        words = " ".join(_JOINED.sub(" ", piece).split()) if _TAKEN in piece else piece.strip()
        if _TAKEN in piece and not re.search(r"\w", words):
            if operator == "-":
                raise QueryError(_NOT_TAKEN_AWAY)
        elif piece is not pieces[1] or words:
            kept += [operator, words]
    return " ".join(kept[1:] if kept[:1] == ["+"] else kept).strip()


def _plain(name: str) -> str:
    return " ".join(re.split(r"[-_\s]+", name.lower())).strip()


def object_class(name: str) -> str:
    """Return the class that a name means, "" if it is none of :data:`CLASSES`.

    >>> object_class("Lorries"), object_class("crossing sign"), object_class("van")
    ('truck', 'crosswalk sign', '')
    """
    return _names().get(_plain(name), "")


@functools.cache
def _names() -> dict[str, str]:
    """Return every way to name a class, in lower case with single spaces, and the class."""
    return {
        name: label
        for label, synonyms in _SYNONYMS.items()
        for name in _with_plurals((label, *filter(None, synonyms.split("|"))))
    }


def _with_plurals(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        yield name
        if not name.endswith(("s", "people", "ch")):
            yield f"{name}s"


@functools.cache
def _grammar() -> re.Pattern[str]:
    """Return what finds conditions, and the pictures that look like some."""
    known = "|".join(
        r"[-_\s]+".join(map(re.escape, name.split(" ")))
        for name in sorted(_names(), key=len, reverse=True)
    )
    known = rf"""(?:{known})|"(?:{known})"|'(?:{known})'"""
    other = r"""(?=\S*[^\W\d])[^\s"':<>=≥≤,;@()+]+|"[^"]+"|'[^']+'"""
    sign = r">=|<=|==|=|>|<|≥|≤"
    end = r"(?=[\s,;)]|[.?!](?:\s|$)|$)"
    return re.compile(
        rf"""(?P<picture>@"[^"]*"|@'[^']*'|@\S+)|"""
        rf"""(?<![^\s,;(])(?:"""
        rf"""(?P<weight>(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+):)?(?:no:(?P<absent>{known}|{other})|"""
        rf"""(?P<name>{known}|{other})(?:\s*(?P<sign>{sign})\s*(?P<number>[0-9]{{1,4}})|"""
        rf""":(?P<short>[0-9]{{1,4}})(?P<more>\+)?|:(?P<place>{"|".join(PLACES)}))){end}|"""
        rf"""(?P<broken>{known})(?:\s*(?:{sign})|:(?=\S))\S*)""",
        re.IGNORECASE,
    )
