"""What a sentence may say about a scene: one :class:`Fact` per kind of thing.

Instances are merged here ("Car 1" and "Car 2" are cars), names of other data sets brought to
one noun, and counts, near and far, left and right read off boxes, distances and shares.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import field

from c4t_core.datasets.scene import Box, Scene, Thing
from c4t_core.datasets.words import WORDS, Noun, class_of, concept, with_article
from c4t_core.records import dataclass

# A box of height h (part of the image) of something H metres tall is about 1.5 * H / h metres
# away: pinhole cameras of cars have focal lengths of 1.3 to 2 image heights.
_FOCAL = 1.5
NEAR_METRES = 12.0
FAR_METRES = 40.0
LEFT_UNTIL = 0.36
RIGHT_FROM = 0.64
# Regions smaller than this part of the pixels are not worth a word: 460 pixels of 1920 x 1208.
LEAST_SHARE = 0.0002

# Seen in a mask, without a count, these are one more often than several.
_MOSTLY_ONE = frozenset(WORDS["mostly one"])
# Adjectives, and phrases.
_WEATHER: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = WORDS["weather"]
_SAME_WEATHER: dict[str, str] = WORDS["same weather"]
_TIME: dict[str, tuple[str, ...]] = WORDS["time"]
_SAME_TIME: dict[str, str] = WORDS["same time"]
_DARK = frozenset({"night", "dusk", "dawn", "dawn dusk", "evening"})
# The preposition that leads to the place, and noun phrases.
_PLACES: dict[str, tuple[str, tuple[str, ...]]] = WORDS["places"]
_SILENT = frozenset({"", "undefined", "unknown", "other", "none"})


@dataclass(frozen=True)
class Fact:
    """One kind of thing in the scene.

    Attributes:
        noun: how sentences call it.
        count: how many there are; None where they were not counted.
        plural: True if the noun stands in the plural.
        share: part of the pixels, or None where no mask says so.
        depths: of the things measured, how many are ``"near"``, ``"middle"`` and ``"far"``.
        sides: of the things located, how many are ``"left"``, ``"ahead"``, ``"right"``, and
            ``"across"`` the view.
    """

    noun: Noun
    count: int | None
    plural: bool
    share: float | None
    depths: Counter[str] = field(default_factory=Counter)
    sides: Counter[str] = field(default_factory=Counter)

    @property
    def amount(self) -> str:
        """``"little"``, ``"some"`` or ``"much"`` of it by pixels; ``"some"`` if unknown."""
        if self.share is None:
            return "some"
        low, high = self.noun.amounts
        return "little" if self.share < low else "much" if self.share >= high else "some"

    @property
    def side(self) -> str | None:
        """The side that all of it is on, or None."""
        side = _only(self.sides, self.count)
        return None if side == "across" else side

    @property
    def depth(self) -> str | None:
        """``"near"`` or ``"far"`` if all of it is, else None."""
        known = _only(self.depths, self.count)
        if self.depths or not self.noun.is_object or self.share is None:
            return None if known == "middle" else known
        return {"little": "far", "much": "near"}.get(self.amount)


def facts_of(scene: Scene, min_share: float = 0.0) -> list[Fact]:
    """Return what the scene holds, the most of it first.

    Args:
        scene: the ground truth of one image.
        min_share: classes with a smaller share of the pixels are left out.
    """
    labels: dict[str, tuple[Noun, list[str]]] = {}
    for label in _labels(scene, min_share):
        noun = concept(label)
        if noun is not None:
            labels.setdefault(noun.key, (noun, []))[1].append(label)
    facts = [_fact(scene, noun, set(names)) for noun, names in labels.values()]
    worth = [f for f in facts if f.count != 0 and (f.share is None or f.share >= LEAST_SHARE)]
    chosen = worth or [f for f in facts if f.count != 0]
    return sorted(chosen, key=lambda f: (-(f.share or 0.0), -(f.count or 0), f.noun.one))


def class_counts(scene: Scene) -> dict[str, int]:
    """Return class name -> number of objects: as counted, else as many as there are boxes."""
    if scene.counts:
        return dict(scene.counts)
    return dict(Counter(t.label for t in scene.things if t.share is None and t.box is not None))


def depth_of(thing: Thing, height: float) -> str | None:
    """Return ``"near"``, ``"middle"`` or ``"far"``; None where nothing tells.

    Args:
        thing: with a distance, or with a box.
        height: metres, of such things.
    """
    metres = thing.distance
    if metres is None and thing.box is not None and height > 0:
        metres = _FOCAL * height / (thing.box[3] - thing.box[1])
    if metres is None:
        return None
    return "near" if metres < NEAR_METRES else "far" if metres > FAR_METRES else "middle"


def side_of(box: Box) -> str | None:
    """Return ``"left"``, ``"ahead"`` or ``"right"``; None for what reaches across."""
    if box[2] - box[0] > 0.6:
        return None
    centre = (box[0] + box[2]) / 2
    return "left" if centre < LEFT_UNTIL else "right" if centre > RIGHT_FROM else "ahead"


def _labels(scene: Scene, min_share: float) -> Iterable[str]:
    """Yield every label of the scene once, in a fixed order."""
    seen = [*scene.shares, *scene.counts, *(t.label for t in scene.things)]
    small = {name for name, part in scene.shares.items() if part < min_share or part <= 0}
    small -= {name for name in small if scene.shares[name] <= 0 < scene.counts.get(name, 0)}
    few = {class_of(n) for n in small} - {class_of(n) for n in scene.shares if n not in small}
    for label in dict.fromkeys(seen):
        if label not in small and not (label in few and label not in scene.counts):
            yield label


def _fact(scene: Scene, noun: Noun, names: set[str]) -> Fact:
    classes = {class_of(name) for name in names}
    things = [t for t in scene.things if (t.instance or t.label) in names or t.label in names]
    counts = class_counts(scene)
    counted = [counts[name] for name in sorted(names | classes) if name in counts]
    count = sum(counted) if counted else None
    parts = [part for name in sorted(names) if (part := scene.shares.get(name, 0.0)) > 0]
    numbered = {name for name in names if class_of(name) != name}
    return Fact(
        noun=noun,
        count=count,
        plural=noun.many is not None and _plural(noun, count, numbered),
        share=min(1.0, sum(parts)) if parts else None,
        depths=_tally(depth_of(t, noun.height) for t in things if t.share is None),
        sides=_tally(side_of(t.box) or "across" for t in things if t.box),
    )


def _plural(noun: Noun, count: int | None, numbered: set[str]) -> bool:
    if count is not None:
        return count != 1
    if numbered:
        return len(numbered) > 1
    return noun.one not in _MOSTLY_ONE


def _tally(values: Iterable[str | None]) -> Counter[str]:
    return Counter(value for value in values if value is not None)


def _only(tally: Counter[str], count: int | None) -> str | None:
    if len(tally) != 1:
        return None
    ((value, times),) = tally.items()
    return value if count is None or times == count else None


@dataclass(frozen=True)
class Surroundings:
    """Phrases that may be said; each tuple holds alternatives, empty where nothing is known.

    Attributes:
        subjects: what the image shows as a whole, such as ``"gravel road"``, without an article.
        where: such as ``"on a gravel road"``.
        adjectives: of the weather, such as ``"foggy"``.
        weather: such as ``"in the fog"``.
        time: such as ``"at dusk"``.
    """

    subjects: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    adjectives: tuple[str, ...] = ()
    weather: tuple[str, ...] = ()
    time: tuple[str, ...] = ()


def surroundings_of(scene: Scene) -> Surroundings:
    """Return what may be said about where and when the scene is."""
    hour = _key(scene.time_of_day)
    hour = _SAME_TIME.get(hour, hour)
    sky = _key(scene.weather)
    sky = _SAME_WEATHER.get(sky, sky)
    place = _key(scene.place)
    road = _key(scene.road)
    preposition, subjects = _place(place if place not in _SILENT else road)
    if place not in _SILENT and road not in _SILENT and road != place:
        subjects = _join(road, subjects)
    adjectives, weather = _weather(sky, hour)
    return Surroundings(
        subjects=subjects,
        where=tuple(f"{preposition} {with_article(subject)}" for subject in subjects),
        adjectives=adjectives,
        weather=weather,
        time=() if hour in _SILENT else _TIME.get(hour, (f"at {hour}",)),
    )


def _key(value: str | None) -> str:
    return " ".join((value or "").lower().replace("/", " ").replace("_", " ").split())


def _place(name: str) -> tuple[str, tuple[str, ...]]:
    if name in _SILENT:
        return "on", ()
    known = _PLACES.get(name)
    if known:
        return known
    return "on", (name if name.endswith(("road", "street", "track")) else f"{name} road",)


def _join(road: str, subjects: tuple[str, ...]) -> tuple[str, ...]:
    """Put the surface before the place: "wet" and "city street" -> "wet city street"."""
    words = {"rainy": "wet", "snowy": "snow-covered"}
    adjective = words.get(road, road)
    return tuple(f"{adjective} {s}" for s in subjects if adjective not in s) or subjects


def _weather(sky: str, hour: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if sky in _SILENT:
        return (), ()
    adjectives, phrases = _WEATHER.get(sky, ((sky,), (f"in {sky} weather",)))
    if hour == "night":
        nights = tuple(f"on {with_article(a)} night" for a in adjectives)
        return adjectives, (*phrases, *nights)
    if hour not in _DARK:
        days = tuple(f"on {with_article(a)} day" for a in adjectives)
        return adjectives, (*phrases, *days)
    return adjectives, phrases
