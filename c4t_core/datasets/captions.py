"""Scene -> captions: the original's keyword lists, and sentences in plain English.

``keywords`` gives the captions of the first CLIP4Traffic experiments, so that results can be
set beside theirs: for A2D2 the names of the commonest label colours, with and without what
nearly every image holds; for TJU-DHD three ways to count. ``sentence`` gives several varied
sentences per image. Everything here is a pure function of its arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Literal

from c4t_core.datasets.facts import class_counts
from c4t_core.datasets.scene import Scene
from c4t_core.datasets.sentences import sentences
from c4t_core.datasets.words import concept, in_words

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
        per_image: how many different sentences are wanted at most.
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
    many far off. *Clean* names only the classes present. Nouns stay singular.
    """
    counts = class_counts(scene)
    basic = [f"{in_words(counts.get(name, 0))} {name}" for name in TJU_CLASSES]
    advanced = [
        phrase + _close_and_far(scene, name)
        for phrase, name in zip(basic, TJU_CLASSES, strict=True)
    ]
    present = [
        phrase for phrase, name in zip(basic, TJU_CLASSES, strict=True) if counts.get(name, 0)
    ]
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

    Names that say nothing ("void", "unlabelled", a bare number) are left out.
    """
    shares = sorted(scene.shares.items(), key=lambda item: (-item[1], item[0]))
    names = [name for name, part in shares if part > 0 and part >= min_share]
    counted = sorted(class_counts(scene).items(), key=lambda item: (-item[1], item[0]))
    names += [name for name, number in counted if number > 0 and name not in scene.shares]
    facts = (scene.weather, scene.time_of_day, scene.road, scene.place)
    words = [
        *(name for name in names if concept(name) is not None),
        *(fact for fact in facts if fact),
    ]
    return ", ".join(dict.fromkeys(word.replace("_", " ") for word in words))


def _join(names: list[str]) -> str:
    return ", ".join(SHORTENED.get(name, name) for name in names)
