"""What is on the road, in words and in truths: each kind of thing, how many, how near, where.

A concept is a thing and what is said of it, as in ``truck:near``; the bare name says that there
is one. Truths come from boxes: those of the labels, or else what the detectors agree on
(:func:`scripts.lite.objects.known`). Words of the queries in ``benchmarks/quality`` are kept out,
as they are in ``words.py``.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scripts.lite.concepts import ramp
from scripts.lite.data import Box, Frame
from scripts.lite.objects import CLASSES, Known, known
from scripts.lite.words import DATA


@dataclass(frozen=True)
class Thing:
    """Words for one kind of thing, and the classes that are such a thing.

    Attributes:
        classes: of the object branch.
        one: noun phrases for one of them.
        more: for several.
        also: like ``one``, in words that the queries of ``benchmarks/quality`` use.
        also_more: like ``more``, likewise.
    """

    classes: tuple[str, ...]
    one: tuple[str, ...]
    more: tuple[str, ...]
    also: tuple[str, ...] = ()
    also_more: tuple[str, ...] = ()


THINGS: dict[str, Thing] = {
    name: Thing(**{part: tuple(texts) for part, texts in given.items()})
    for name, given in DATA["things"].items()
}
"""What is on the road, in words; compared with what a dictionary lists below each class."""

SAID: dict[str, tuple[str, ...]] = {said: tuple(forms) for said, forms in DATA["said"].items()}
"""What may be said of a thing, and how; {a}: with its article, {one}: without, {more}: several."""

ALSO_SAID: dict[str, tuple[str, ...]] = {k: tuple(v) for k, v in DATA["also_said"].items()}
"""Likewise, in words that the queries of ``benchmarks/quality`` use."""

_NUMBERS = {"single": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_SIDES = {"left": (0.0, 0.36), "ahead": (0.36, 0.64), "right": (0.64, 1.01)}
_LARGE = ("car", "bus", "truck", "ambulance", "vehicle", "heavy vehicle")
_SHARE = {
    "person": ("pedestrian", 0.001, 0.008),
    "bicycle": ("bicyclist", 0.0, 0.006),
    "cyclist": ("bicyclist", 0.0, 0.006),
}
_RIDDEN = ("cyclist",)
_ON_IT = 0.1  # overlap of somebody's box with that of what they ride, at the least
_MOST = 40  # phrases of one concept of which something is said
_SHORT = 4  # words, from which on a phrase says too much for more to be said of it


def phrases(concept: str, rng: random.Random, *, every: bool = False) -> list[str]:
    """Return phrases that mean a concept.

    Args:
        concept: a thing, or a thing and what is said of it.
        rng: chooses among them where something is said.
        every: also those in words that the queries of ``benchmarks/quality`` use.

    Raises:
        KeyError: if there is no such concept.
    """
    name, _, said = concept.partition(":")
    thing = THINGS[name]
    one, more = thing.one, thing.more
    if every:
        one, more = one + thing.also, more + thing.also_more
    bare = [text.split(" ", 1)[1] for text in one if text.split(" ")[0] in ("a", "an")]
    if not said:
        return list(dict.fromkeys([*one, *more, *bare]))
    forms = SAID[said] + (ALSO_SAID.get(said, ()) if every else ())
    short = [text for text in bare if len(text.split()) < _SHORT]
    articled = [text for text in one if len(text.split()) <= _SHORT]
    brief = [text for text in more if len(text.split()) < _SHORT]
    made = [
        form.format(a=rng.choice(articled), one=rng.choice(short), more=rng.choice(brief))
        for form in forms * _MOST
    ]
    rng.shuffle(made)
    return list(dict.fromkeys(made))[:_MOST]


def fits(frames: Sequence[Frame]) -> dict[str, NDArray[np.float32]]:
    """Return how well each concept fits each of n images.

    Returns:
        Name -> float32 (n,) in 0..1, NaN where neither labels nor detectors say.
    """
    seen = [{label: known(frame, label) for label in CLASSES} for frame in frames]
    table: dict[str, NDArray[np.float32]] = {}
    for name, thing in THINGS.items():
        columns = {said: np.full(len(frames), np.nan, np.float32) for said in ("", *SAID)}
        for index, (frame, classes) in enumerate(zip(frames, seen, strict=True)):
            what = _joined([classes[label] for label in thing.classes])
            if name in _RIDDEN:
                what = _ridden(what, classes["person"])
            for said, value in _values(name, what, frame).items():
                columns[said][index] = value
        table |= {f"{name}:{said}" if said else name: c for said, c in columns.items()}
    return table


def _joined(parts: Sequence[Known]) -> Known:
    """Return what is known of several classes together."""
    boxes = tuple(box for part in parts for box in part.boxes)
    if any(np.isnan(part.present) for part in parts):
        return Known(boxes, 1.0 if boxes else float("nan"))
    return Known(
        boxes, max(part.present for part in parts), counted=all(part.counted for part in parts)
    )


def _ridden(vehicles: Known, people: Known) -> Known:
    """Return what is known of vehicles with somebody on them."""
    if np.isnan(people.present) and vehicles.present:
        return Known()
    boxes = tuple(
        box for box in vehicles.boxes if any(box.overlap(p) >= _ON_IT for p in people.boxes)
    )
    present = vehicles.present if np.isnan(vehicles.present) else float(bool(boxes))
    return Known(boxes, present, counted=vehicles.counted and people.counted)


def _values(name: str, what: Known, frame: Frame) -> dict[str, float]:
    """Return how true what may be said of a thing is of a frame; what is unknown is missing."""
    if frame.source == "camvid" and name in _SHARE:  # its masks tell, and no detector
        label, low, high = _SHARE[name]
        share = ramp(frame.shares.get(label, 0.0), low, high)
        return {"": share, "none": 1.0 - share, **(_places(name, what.boxes) if share else {})}
    if np.isnan(what.present):
        return {}
    number = len(what.boxes)
    values = {"": what.present, "none": 1.0 - what.present}
    if what.counted:
        for said, wanted in _NUMBERS.items():
            off = abs(number - wanted)
            values[said] = 1.0 if not off else 0.3 if number and off == 1 and wanted > 2 else 0.0
        values["two"] = max(values["two"], 0.4 if number > 2 else 0.0)
        values["several"] = 1.0 if number >= 3 else 0.6 if number == 2 else 0.0
        values["many"] = ramp(number, 2.5, 6.0)
    elif number >= 2:
        values["several"] = 1.0 if number >= 3 else 0.6
    if not what.present:
        return {**values, **dict.fromkeys(("near", "far", *_SIDES), 0.0)}
    return {**values, **_places(name, what.boxes)}


def _places(name: str, boxes: Sequence[Box]) -> dict[str, float]:
    if not boxes:
        return {}
    highest = max(box.height for box in boxes)
    low, high = (0.25, 0.55) if name in _LARGE else (0.3, 0.6)
    values = {"near": ramp(highest, low, high), "far": 1.0 - ramp(highest, 0.08, 0.22)}
    for said, (start, end) in _SIDES.items():
        values[said] = float(any(start <= box.middle < end for box in boxes))
    return values
