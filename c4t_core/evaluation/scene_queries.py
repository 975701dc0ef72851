"""Queries from ground truth: classes, rare classes, combinations, counts, conditions.

Scenes know more than captions: how many of a thing there are, how much of the image it fills,
the weather, the hour, the road. So relevance is graded (a scene full of trucks is a better
answer to "trucks" than one with a truck far off), and where nearly every image holds a class,
its amount decides.

An image answers a query only if its labels could have named what is asked for: images of a
source that does not label weather are left out of the ranking of "driving in the fog".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from c4t_core.datasets.facts import Fact, class_counts, facts_of, surroundings_of
from c4t_core.datasets.scene import Scene, uncounted
from c4t_core.datasets.words import Noun, in_words, with_article
from c4t_core.evaluation.collection import Collection
from c4t_core.evaluation.queries import (
    LEAST_RELEVANT,
    RARE_SHARE,
    LabelledQuery,
    make_query,
    most_asked,
)
from c4t_core.index.objects import CLASSES, PROBABLE, ObjectFact, object_class
from c4t_core.models.protocol import Facts
from c4t_core.records import dataclass

COMMON_SHARE = 0.5
"""Where more than this part of the labelled images holds a class, its amount is asked for."""
MANY = 6
"""From this many things on, a scene has "many" of them."""

# Labels of people who ride stand for two classes: riders are persons, and what they ride is there.
_RIDERS = {"cyclist": ("person", "bicycle"), "motorcyclist": ("person", "motorcycle")}

Grades = dict[int, float]  # position of an image -> its grade


@dataclass(frozen=True)
class _Known:
    """What some images have in common: a text to ask with, grades, and who could have it."""

    text: str
    grades: Grades
    pool: frozenset[int]


@dataclass
class _Noun:
    """One class over all images."""

    noun: Noun
    facts: dict[int, Fact] = field(default_factory=dict)
    pool: set[int] = field(default_factory=set)
    counted: set[int] = field(default_factory=set)  # of the pool, where things were counted


def from_scenes(collection: Collection, scenes: Mapping[str, Scene]) -> list[LabelledQuery]:
    """Return the queries that the ground truth can answer.

    Kinds: ``single``, ``rare`` (at most 5 % of the images), ``amount`` (much of what nearly
    every image holds), ``count``, ``weather``, ``time``, ``road``, ``multi`` (two classes) and
    ``combined`` (a class under a condition).

    Args:
        collection: the images that are searched.
        scenes: ground truth by image id; images without any are in no query's ranking.
    """
    known = {
        collection.positions[name]: scene
        for name, scene in sorted(scenes.items())
        if name in collection.positions
    }
    nouns = _nouns(known)
    classes = {
        name: entry for name, entry in ((n, _presence(e)) for n, e in nouns.items()) if entry
    }
    conditions = _conditions(known)
    queries = [_class_query(name, nouns[name], entry) for name, entry in classes.items()]
    queries += [q for name in classes for q in _count_queries(name, nouns[name])]
    for kind, entries in conditions.items():
        queries += [_query(entry, kind, (name,)) for name, entry in entries.items()]
    queries += most_asked(list(_pairs(classes)), "multi")
    everything = {name: e for entries in conditions.values() for name, e in entries.items()}
    queries += most_asked(list(_under_conditions(classes, everything)), "combined")
    return [query for query in queries if query is not None]


def _nouns(known: Mapping[int, Scene]) -> dict[str, _Noun]:
    """Gather each noun's facts, and the images whose labels could have named it.

    Images of one source that are labelled in one way share a vocabulary. An image without any
    label belongs to the counted ones of its source: nothing was there to be counted.
    """
    nouns: dict[str, _Noun] = {}
    alike: dict[tuple[str, bool, bool], set[int]] = defaultdict(set)
    words: dict[tuple[str, bool, bool], set[str]] = defaultdict(set)
    for index, scene in known.items():
        labelled = bool(scene.shares or scene.counts or scene.things)
        if not labelled and not scene.source:
            continue
        objects = class_counts(scene) or uncounted(scene)
        way = (scene.source, bool(scene.shares), bool(objects) or not labelled)
        alike[way].add(index)
        for fact in facts_of(scene):
            entry = nouns.setdefault(fact.noun.one, _Noun(fact.noun))
            entry.facts[index] = fact
            words[way].add(fact.noun.one)
    for way, indices in alike.items():
        for word in words[way]:
            nouns[word].pool |= indices
            nouns[word].counted |= indices if way[2] else set()
    for entry in nouns.values():  # of a crowd nobody can say that it is not two, or three
        entry.counted -= {index for index, fact in entry.facts.items() if fact.count is None}
    return dict(sorted(nouns.items()))


@dataclass(frozen=True)
class ObjectFigures:
    """How right a model's facts on one class of objects are.

    Attributes:
        label: the class.
        images: how many could have been labelled with it.
        positives: of them, how many are.
        precision: share of labelled ones among those where it is believed to be there; None
            where it is nowhere.
        recall: share of those among the labelled ones.
        count_error: mean difference of the numbers shown and labelled, over the images in which
            objects were counted; None without any.
    """

    label: str
    images: int
    positives: int
    precision: float | None
    recall: float
    count_error: float | None


def object_figures(
    classes: Sequence[str],
    facts: Facts,
    collection: Collection,
    scenes: Mapping[str, Scene],
) -> tuple[ObjectFigures, ...]:
    """Return the figures of each class that some images are labelled with.

    Args:
        classes: c names, in the order of the facts.
        facts: float32 (n, c, 6), one an image of the collection.
        collection: n images.
        scenes: ground truth by image id.
    """
    known = {
        collection.positions[name]: scene
        for name, scene in scenes.items()
        if name in collection.positions
    }
    named: dict[str, list[_Noun]] = defaultdict(list)
    for name, entry in _nouns(known).items():
        for label in _RIDERS.get(name, (object_class(name),)):
            named[label].append(entry)
    labels = [label for label in CLASSES if label in classes and label in named]
    return tuple(_figures(label, facts[:, classes.index(label)], named[label]) for label in labels)


def _figures(label: str, facts: Facts, entries: Sequence[_Noun]) -> ObjectFigures:
    pool = sorted(set().union(*(entry.pool for entry in entries)))
    there = np.array([any(i in entry.facts for entry in entries) for i in pool])
    believed = facts[pool, 0] >= PROBABLE
    apart = [
        abs(_number(facts[i]) - sum(e.facts[i].count or 0 for e in entries if i in e.facts))
        for i in pool
        if all(i in entry.counted for entry in entries if i in entry.pool)
    ]
    return ObjectFigures(
        label,
        images=len(pool),
        positives=int(there.sum()),
        precision=float(there[believed].mean()) if believed.any() else None,
        recall=float(believed[there].mean()),
        count_error=float(np.mean(apart)) if apart else None,
    )


def _number(fact: NDArray[np.float32]) -> int:
    return ObjectFact("", *map(float, fact)).number


def _presence(entry: _Noun) -> _Known | None:
    """Return who holds the class, or holds much of it; None where that asks for nothing."""
    name = entry.noun.many or entry.noun.one
    grades = {index: _grade(fact) for index, fact in entry.facts.items()}
    if len(grades) <= COMMON_SHARE * len(entry.pool):
        return _Known(name, grades, frozenset(entry.pool))
    grades = {index: 1.0 for index, fact in entry.facts.items() if _much(fact)}
    if not 0 < len(grades) <= COMMON_SHARE * len(entry.pool):
        return None
    text = f"many {entry.noun.many}" if entry.noun.many else f"a lot of {entry.noun.one}"
    return _Known(text, grades, frozenset(entry.pool))


def _grade(fact: Fact) -> float:
    """Return 1, 2 or 3: by the count where there is one, else by the share of the pixels."""
    if fact.count is not None:
        return 1.0 if fact.count < 2 else 2.0 if fact.count < 4 else 3.0
    return {"little": 1.0, "some": 2.0, "much": 3.0}[fact.amount] if fact.share else 1.0


def _much(fact: Fact) -> bool:
    return fact.count >= MANY if fact.count is not None else fact.amount == "much"


def _class_query(name: str, entry: _Noun, known: _Known) -> LabelledQuery | None:
    if len(entry.facts) > COMMON_SHARE * len(entry.pool):
        kind = "amount"
    else:
        kind = "rare" if len(known.grades) <= RARE_SHARE * len(known.pool) else "single"
    return _query(known, kind, (name,))


def _count_queries(name: str, entry: _Noun) -> Iterable[LabelledQuery | None]:
    """Ask for exactly one, two, three of a countable thing."""
    counted = {index: fact.count for index, fact in entry.facts.items() if fact.count is not None}
    pool = frozenset(entry.counted)
    if not counted or entry.noun.many is None:
        return
    for number in (1, 2, 3):
        indices = [index for index, count in counted.items() if count == number]
        if len(indices) >= LEAST_RELEVANT:
            thing = entry.noun.one if number == 1 else entry.noun.many
            grades = dict.fromkeys(indices, 1.0)
            yield _query(_Known(f"{in_words(number)} {thing}", grades, pool), "count", (name,))


def _conditions(known: Mapping[int, Scene]) -> dict[str, dict[str, _Known]]:
    """Return kind -> name -> the images under each weather, at each hour, on each road."""
    out: dict[str, dict[str, _Known]] = {}
    readers: dict[str, tuple[Callable[[Scene], str | None], Callable[[Scene], tuple[str, ...]]]]
    readers = {
        "weather": (lambda s: s.weather, lambda s: surroundings_of(s).weather),
        "time": (lambda s: s.time_of_day, lambda s: surroundings_of(s).time),
        "road": (lambda s: s.road, lambda s: surroundings_of(s).subjects),
        "place": (lambda s: s.place, lambda s: surroundings_of(s).subjects),
    }
    for kind, (value_of, phrases) in readers.items():
        indices: dict[str, list[int]] = defaultdict(list)
        texts: dict[str, str] = {}
        for index, scene in known.items():
            value = value_of(scene)
            found = phrases(_only(scene, kind)) if value else ()
            if value and found:
                indices[value].append(index)
                texts[value] = with_article(found[0]) if kind in ("road", "place") else found[0]
        pool = frozenset(p for some in indices.values() for p in some)
        if len(indices) < 2:
            continue
        out[kind] = {
            value: _Known(
                texts[value] if kind in ("road", "place") else f"driving {texts[value]}",
                dict.fromkeys(indices[value], 1.0),
                pool,
            )
            for value in sorted(indices)
        }
    return out


def _only(scene: Scene, kind: str) -> Scene:
    """Return a scene that knows this one condition, so that its phrase speaks of nothing else."""
    return Scene(
        image=scene.image,
        weather=scene.weather if kind == "weather" else None,
        time_of_day=scene.time_of_day if kind == "time" else None,
        road=scene.road if kind == "road" else None,
        place=scene.place if kind == "place" else None,
    )


def _pairs(classes: Mapping[str, _Known]) -> Iterable[LabelledQuery]:
    names = list(classes)
    for index, first in enumerate(names):
        for second in names[index + 1 :]:
            query = _both(classes, first, second, "multi", " and ")
            if query is not None:
                yield query


def _under_conditions(
    classes: Mapping[str, _Known], conditions: Mapping[str, _Known]
) -> Iterable[LabelledQuery]:
    everything = {**classes, **conditions}
    for first in classes:
        for second, condition in conditions.items():
            phrase = condition.text.removeprefix("driving ")
            joint = " " if condition.text.startswith("driving ") else " on "
            query = _both(everything, first, second, "combined", joint, phrase)
            if query is not None:
                yield query


def _both(
    known: Mapping[str, _Known],
    first: str,
    second: str,
    kind: str,
    joint: str,
    phrase: str | None = None,
) -> LabelledQuery | None:
    """Ask for two things at once; None where too few images, or only the same ones, hold both."""
    one, two = known[first], known[second]
    shared = one.grades.keys() & two.grades.keys()
    pool = one.pool & two.pool
    fewest = min(len(one.grades.keys() & pool), len(two.grades.keys() & pool))
    if not LEAST_RELEVANT <= len(shared) < fewest:
        return None
    text = f"{one.text}{joint}{phrase or two.text}"
    grades = {index: min(one.grades[index], two.grades[index]) for index in shared}
    return _query(_Known(text, grades, pool), kind, (first, second))


def _query(known: _Known, kind: str, classes: tuple[str, ...]) -> LabelledQuery | None:
    """Return the query, or None where nothing or everything would be relevant."""
    if not 0 < len(known.grades) < len(known.pool):
        return None
    return make_query(
        known.text,
        kind,
        known.grades.keys(),
        classes=classes,
        grades=list(known.grades.values()),
        pool=np.array(sorted(known.pool), dtype=np.int64),
    )
