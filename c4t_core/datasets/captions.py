"""Scene -> captions: the original's keyword lists, and sentences in plain English.

``keywords`` gives the captions of the first CLIP4Traffic experiments, so that results can be
set beside theirs: for A2D2 the names of the commonest label colours, with and without what
nearly every image holds; for TJU-DHD three ways to count. ``sentence`` gives several varied
sentences per image. Everything here is a pure function of its arguments.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Literal

from c4t_core.datasets.facts import Fact, Surroundings, class_counts, facts_of, surroundings_of
from c4t_core.datasets.scene import Scene, uncounted
from c4t_core.datasets.words import WORDS, in_words, is_silent, plain_name, with_article

Style = Literal["keywords", "sentence", "both"]
STYLES: tuple[Style, ...] = ("keywords", "sentence", "both")

TJU_CLASSES = ("pedestrian", "cyclist", "car", "truck", "van")
COMMONEST = 11
SHORTENED = {
    "Obstacles / trash": "Obstacles",
    "Painted driv. instr.": "Driving instructions",
    "Traffic guide obj.": "Traffic guide object",
}
_NEVER = frozenset({"Irrelevant signs"})
_EVERYWHERE = frozenset({"RD normal street", "Nature object", "Sky", "Buildings"})
_WORD = re.compile(r"[^\W\d_]+")
# Words that may come back: grammar and numbers carry no content of their own.
_FREE = frozenset(WORDS["free words"])
_NEAR = ("up close", "nearby", "near the camera")
_FAR = ("in the distance", "far away", "far off")
_SIDES = {
    "left": ("on the left", "to the left"),
    "right": ("on the right", "to the right"),
    "ahead": ("ahead", "straight ahead", "in front"),
}
# How amounts of what cannot be counted are said: little, some, much.
_MASS: dict[str, tuple[Sequence[str], Sequence[str], Sequence[str]]] = WORDS["amounts"]
_MOST_KINDS = 4


def sentences(scene: Scene, seed: int, count: int, min_share: float = 0.0) -> list[str]:
    """Return up to ``count`` different sentences; the first says the most.

    Args:
        scene: the ground truth of one image.
        seed: the same seed gives the same sentences.
        count: how many, at most; simple scenes may have fewer.
        min_share: classes with a smaller share of the pixels are not spoken of.
    """
    facts = facts_of(scene, min_share)
    around = surroundings_of(scene)
    if not facts and not any((around.subjects, around.weather, around.time)):
        return []
    rng = random.Random(f"{seed} {scene.image}")  # noqa: S311 - variety, not secrecy
    found: dict[str, None] = {}
    for attempt in range(4 * count):
        if len(found) == count:
            break
        sentence = _sentence(facts, around, rng, full=attempt == 0)
        if sentence:
            found.setdefault(sentence)
    return list(found)


class _Writer:
    """Keeps the content words that a sentence has used."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._used: set[str] = set()

    def say(self, options: Iterable[str]) -> str:
        """Return one of the phrases whose words are all new, or an empty string."""
        choices = list(options)
        self.rng.shuffle(choices)
        for phrase in choices:
            words = _content(phrase)
            if phrase and len(words) == len(set(words)) and not self._used & set(words):
                self._used |= set(words)
                return phrase
        return ""


def _content(phrase: str) -> list[str]:
    words = (w for w in _WORD.findall(phrase.lower()) if w not in _FREE)
    return [w[:-1] if w.endswith("s") and len(w) > 3 else w for w in words]


def _sentence(
    facts: Sequence[Fact], around: Surroundings, rng: random.Random, *, full: bool
) -> str:
    writer = _Writer(rng)
    chosen = _choose(facts, rng, full=full)
    if not chosen:
        return _finish(_bare(writer, around, full=full))
    if rng.random() < 0.35 and (around.subjects or around.adjectives):
        whole = _whole(writer, around, full=full)
        things, _ = _list(writer, chosen)
        return _finish(f"{whole} with {things}" if whole and things else whole or things)
    first = rng.random() < 0.3
    setting = _setting(writer, around, full=full) if first else ""
    things, plural = _list(writer, chosen)
    setting = setting or _setting(writer, around, full=full)
    verb = "are" if plural else "is"
    if not things:
        return _finish(setting or _bare(writer, around, full=full))
    if first and setting:
        return _finish(f"{setting}, there {verb} {things}")
    forms = (
        f"{things} {setting}",
        f"there {verb} {things} {setting}",
        f"a view of {things} {setting}",
        f"a driving scene with {things} {setting}",
    )
    return _finish(rng.choices(forms, weights=(4, 3, 1, 1))[0])


def _choose(facts: Sequence[Fact], rng: random.Random, *, full: bool) -> list[Fact]:
    """Choose what to speak of: objects before surroundings, much before little."""
    if not facts:
        return []
    kinds = _MOST_KINDS if full else rng.randint(min(2, len(facts)), min(_MOST_KINDS, len(facts)))
    amounts = {"little": 0.5, "some": 1.0, "much": 2.0}
    remaining = list(facts)
    chosen: list[Fact] = []
    while remaining and len(chosen) < kinds:
        weights = [(3.0 if f.noun.is_object else 1.0) * amounts[f.amount] for f in remaining]
        if full:
            index = max(range(len(weights)), key=weights.__getitem__)
        else:
            index = rng.choices(range(len(weights)), weights=weights)[0]
        chosen.append(remaining.pop(index))
    return sorted(chosen, key=lambda f: not f.noun.is_object)


def _list(writer: _Writer, facts: Sequence[Fact]) -> tuple[str, bool]:
    """Return the things joined by commas and "and", and whether a verb before them is plural."""
    phrases: list[str] = []
    plural = False
    for fact in facts:
        phrase = writer.say(_quantities(fact, writer.rng))
        if phrase:
            if not phrases:
                plural = fact.plural
            where = _where(writer, fact, exact=not phrase.startswith(("many", "several")))
            phrases.append(f"{phrase} {where}" if where else phrase)
    if len(phrases) < 2:
        return "".join(phrases), plural
    return f"{', '.join(phrases[:-1])} and {phrases[-1]}", plural


def _quantities(fact: Fact, rng: random.Random) -> list[str]:
    """Return ways to say how much of it there is."""
    names = [(fact.noun.one, fact.noun.many), *fact.noun.others]
    if rng.random() < 0.7:  # the plain word most of the time; a synonym if it must be
        names = [*names[:1], *([] if rng.random() < 0.5 else names[1:])]
    if fact.noun.many is None:
        return _mass(fact, [one for one, _ in names])
    return [phrase for one, many in names for phrase in _countable(fact, one, many or one, rng)]


def _countable(fact: Fact, one: str, many: str, rng: random.Random) -> list[str]:
    if not fact.plural:
        return [with_article(one)]
    if fact.count is not None:
        if fact.count > 3 and rng.random() < 0.35:
            return [f"{'several' if fact.count < 8 else 'many'} {many}"]
        return [f"{in_words(fact.count)} {many}"]
    if fact.noun.is_object:
        return [many, f"some {many}"]
    return {
        "little": [f"a few {many}", f"some {many}"],
        "some": [many],
        "much": [f"many {many}", f"plenty of {many}", f"lots of {many}"],
    }[fact.amount]


def _mass(fact: Fact, names: Sequence[str]) -> list[str]:
    level = ("little", "some", "much").index(fact.amount)
    known = _MASS.get(fact.noun.one)
    if known:
        return list(known[level])
    return [
        phrase
        for name in names
        for phrase in ((f"a little {name}",), (name, f"some {name}"), (f"a lot of {name}",))[level]
    ]


def _where(writer: _Writer, fact: Fact, *, exact: bool) -> str:
    """Return where the things are: some sentences say the side, some how far, some neither."""
    roll = writer.rng.random()
    if fact.side and roll < 0.4:
        return writer.say(_SIDES[fact.side])
    if not fact.noun.is_object or roll > 0.85:
        return ""
    if fact.depth:
        return writer.say(_NEAR if fact.depth == "near" else _FAR)
    return writer.say(_partly(fact)) if exact else ""


def _partly(fact: Fact) -> list[str]:
    """Say how many of several are near, or far: "(two of them far away)"."""
    if fact.count is None or fact.count < 2 or sum(fact.depths.values()) != fact.count:
        return []
    options = []
    for depth, words in (("near", _NEAR), ("far", _FAR)):
        number = fact.depths[depth]
        if 0 < number < fact.count:
            options += [f"({in_words(number)} of them {word})" for word in words]
    return options


def _setting(writer: _Writer, around: Surroundings, *, full: bool) -> str:
    """Return place, weather and time, each said or left out by chance."""
    parts = []
    for options in (around.where, around.weather, around.time):
        if options and (full or writer.rng.random() < 0.75):
            parts.append(writer.say(options))
    return " ".join(part for part in parts if part)


def _whole(writer: _Writer, around: Surroundings, *, full: bool) -> str:
    """Return the scene as a noun: "a foggy road at dusk"."""
    subjects = list(around.subjects) or ["traffic scene", "driving scene"]
    adjectives = list(around.adjectives)
    parts = []
    if adjectives and writer.rng.random() < 0.5:
        adjective = writer.say(adjectives)
        subject = writer.say(subjects)
        if subject:
            parts.append(with_article(f"{adjective} {subject}".strip()))
    else:
        parts.append(with_article(writer.say(subjects)))
        parts.append(writer.say(around.weather))
    if full or writer.rng.random() < 0.75:
        parts.append(writer.say(around.time))
    return " ".join(part for part in parts if part)


def _bare(writer: _Writer, around: Surroundings, *, full: bool) -> str:
    """Return the scene where nothing in it is known: "driving on a foggy road at dusk"."""
    roll = writer.rng.random()
    if roll < 0.25:
        setting = _setting(writer, around, full=True)
        return f"driving {setting}" if setting else _whole(writer, around, full=full)
    whole = _whole(writer, around, full=full)
    return f"a view of {whole}" if roll < 0.45 else whole


def _finish(sentence: str) -> str:
    text = " ".join(sentence.split()).strip(" ,")
    return f"{text[0].upper()}{text[1:]}." if text else ""


def captions(
    scene: Scene,
    style: Style = "both",
    seed: int = 0,
    *,
    per_image: int = 3,
    min_share: float = 0.0,
) -> list[str]:
    """Return the captions of a scene; none if nothing is known about it.

    Args:
        scene: the ground truth of one image.
        style: ``"keywords"``, ``"sentence"`` or ``"both"`` (keywords first).
        seed: of the choice of words; the same seed gives the same captions.
        per_image: how many different sentences, at most.
        min_share: classes with a smaller share of the pixels (0..1) are left out.

    >>> captions(Scene("a.png", shares={"Sky": 0.6, "Car 1": 0.4}, source="a2d2"), "keywords")
    ['Sky, Car 1', 'Car 1']
    """
    if style not in STYLES:
        raise ValueError(f"style is {style!r}, not one of {', '.join(STYLES)}")
    out = [] if style == "sentence" else _keywords(scene, min_share)
    if style != "keywords":
        out += sentences(scene, seed, per_image, min_share)
    return [caption for caption in out if caption]


def _keywords(scene: Scene, min_share: float) -> list[str]:
    if scene.source == "tju-dhd":
        return tju_captions(scene)
    if scene.source == "a2d2":
        return list(a2d2_captions(scene.shares, min_share))
    return [_plain_keywords(scene, min_share)]


def a2d2_captions(shares: Mapping[str, float], min_share: float = 0.0) -> tuple[str, str]:
    """Return both captions of the original for an A2D2 label image.

    The first holds the names of the 11 commonest colours, most pixels first (ties by name),
    without "Irrelevant signs"; the second leaves out road, nature, sky and buildings too.
    Instances ("Car 1", "Car 2") stay separate.

    Args:
        shares: class name -> part of the pixels.
        min_share: classes below it are left out.
    """
    ranked = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    names = [name for name, part in ranked if part > 0 and part >= min_share][:COMMONEST]
    shown = [name for name in names if name not in _NEVER]
    rare = [name for name in shown if name not in _EVERYWHERE]
    return _join(shown), _join(rare)


def tju_captions(scene: Scene) -> list[str]:
    """Return the original's captions for a TJU-DHD image: basic, advanced and clean.

    *Basic* counts every class, zero included. *Advanced* adds, for a class with several boxes,
    how many are close (box area at least the mean area of that class in the image) and how
    many far off. *Clean* names only the classes present. Nouns stay singular. A class of which
    there is a crowd has no number, so none of the three speaks of it.
    """
    counts = class_counts(scene)
    names = [name for name in TJU_CLASSES if name not in uncounted(scene)]
    basic = [f"{in_words(counts.get(name, 0))} {name}" for name in names]
    advanced = [
        phrase + _close_and_far(scene, name) for phrase, name in zip(basic, names, strict=True)
    ]
    present = [phrase for phrase, name in zip(basic, names, strict=True) if counts.get(name, 0)]
    clean = f"There is {', '.join(present)}" if present else ""
    return [", ".join(basic), ", ".join(advanced), clean]


def _close_and_far(scene: Scene, name: str) -> str:
    boxes = [t.box for t in scene.things if t.label == name and t.box is not None]
    if len(boxes) < 2:
        return ""
    areas = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes]
    mean = fmean(areas)
    # A mean of equal areas may come out a rounding above them; they are close all the same.
    close = sum(area >= mean * (1 - 1e-9) for area in areas)
    return f" with {in_words(close)} close and {in_words(len(areas) - close)} far off"


def _plain_keywords(scene: Scene, min_share: float) -> str:
    """Return class names, the most pixels or objects first, then the conditions.

    Names that say nothing ("void", "unlabelled", a bare number) are left out. Codes ("pl80") stay
    as they are; paths ("vehicle.car") are said as people would.
    """
    shares = sorted(scene.shares.items(), key=lambda item: (-item[1], item[0]))
    names = [name for name, part in shares if part > 0 and part >= min_share]
    counted = sorted(class_counts(scene).items(), key=lambda item: (-item[1], item[0]))
    names += [name for name, number in counted if number > 0 and name not in scene.shares]
    names += uncounted(scene)
    facts = (scene.weather, scene.time_of_day, scene.road, scene.place)
    words = [
        *(plain_name(name) for name in names if not is_silent(name)),
        *(fact.replace("_", " ") for fact in facts if fact),
    ]
    return ", ".join(dict.fromkeys(words))


def _join(names: list[str]) -> str:
    return ", ".join(SHORTENED.get(name, name) for name in names)
