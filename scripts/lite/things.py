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


@dataclass(frozen=True)
class Thing:
    """Words for one kind of thing, and the classes that are such a thing."""

    classes: tuple[str, ...]
    one: tuple[str, ...]
    more: tuple[str, ...]


def _thing(classes: str, one: str, more: str) -> Thing:
    return Thing(tuple(classes.split("|")), tuple(one.split("|")), tuple(more.split("|")))


THINGS: dict[str, Thing] = {
    "person": _thing(
        "person",
        "a person|a pedestrian|someone walking|someone on foot|a human|an adult on the pavement|"
        "a child|a pedestrian crossing the street|a jaywalker|a passer-by|a worker on the road",
        "people|pedestrians|persons|passers-by|humans|children|people on foot",
    ),
    "bicycle": _thing(
        "bicycle",
        "a bicycle|a cyclist|a bike|a person riding a bicycle|a push bike|someone cycling|a pedal "
        "cycle",
        "bicycles|cyclists|bikes",
    ),
    "motorcycle": _thing(
        "motorcycle",
        "a motorcycle|a motorbike|a motorcyclist|a biker|a two-wheeler with an engine|a person "
        "riding a motorbike|a motorised two-wheeler",
        "motorcycles|motorbikes|motorcyclists|bikers|two-wheelers",
    ),
    "car": _thing(
        "car",
        "a car|a private car|a hatchback|an SUV|a taxi|a small vehicle|a station wagon|a motor car",
        "cars|private cars|motor cars|taxis",
    ),
    "bus": _thing(
        "bus",
        "a bus|a coach|a city bus|a tour bus|a school bus|a minibus|an intercity bus|a shuttle "
        "bus|a long-distance coach",
        "buses|coaches|city buses|minibuses|tour buses",
    ),
    "truck": _thing(
        "truck",
        "a truck|a heavy truck|a cargo truck|a delivery truck|a heavy goods vehicle|a dump "
        "truck|a tanker|a pickup truck|a box truck|a trailer truck|a semi|a big rig|a "
        "tractor-trailer|a container truck",
        "trucks|heavy trucks|cargo trucks|heavy goods vehicles|big rigs|delivery trucks|semis",
    ),
    "ambulance": _thing(
        "ambulance",
        "an ambulance|an emergency ambulance|an emergency medical vehicle|a rescue vehicle|a "
        "hospital vehicle|an emergency vehicle",
        "ambulances|emergency vehicles|rescue vehicles",
    ),
    "traffic light": _thing(
        "traffic light",
        "a traffic light|a traffic signal|a red light|a green light|lights at a junction|a red "
        "traffic light|a signal head|an intersection with lights|a semaphore",
        "traffic lights|traffic signals|signal heads",
    ),
    "stop sign": _thing(
        "stop sign",
        "a stop sign|a red sign with eight corners|a sign that says stop|a red stop sign|an "
        "all-way stop",
        "stop signs",
    ),
    "crosswalk sign": _thing(
        "crosswalk sign",
        "a crosswalk sign|a pedestrian crossing sign|a blue sign of a pedestrian crossing|a sign "
        "for a crossing|a sign with a walking figure|a crossing sign",
        "crosswalk signs|pedestrian crossing signs",
    ),
    "speed limit sign": _thing(
        "speed limit sign",
        "a speed limit sign|a speed sign|a round sign with a red border and a number|a limit of "
        "fifty|a sign for the speed limit|a thirty sign|a maximum speed sign",
        "speed limit signs|speed signs",
    ),
    "train": _thing(
        "train",
        "a train|a tram|a locomotive|a railway train|a streetcar",
        "trains|trams",
    ),
    "animal": _thing(
        "animal",
        "an animal|a dog|a cow on the road|a horse|livestock|cattle",
        "animals|cows|dogs|horses",
    ),
    "vehicle": _thing(
        "car|bus|truck|motorcycle",
        "a vehicle|a motor vehicle",
        "vehicles|motor vehicles",
    ),
    "heavy vehicle": _thing(
        "bus|truck",
        "a heavy vehicle|a large vehicle|a big vehicle|a commercial vehicle",
        "heavy vehicles|large vehicles|big vehicles",
    ),
    "two-wheeler": _thing("bicycle|motorcycle", "a two-wheeler|a bike", "two-wheelers|bikes"),
    "vulnerable road user": _thing(
        "person|bicycle|motorcycle",
        "a vulnerable road user",
        "vulnerable road users",
    ),
    "sign": _thing(
        "stop sign|crosswalk sign|speed limit sign",
        "a traffic sign|a road sign|a sign",
        "traffic signs|road signs|signs",
    ),
}

# {a}: with its article, {one}: without it, {more}: several
SAID: dict[str, tuple[str, ...]] = {
    "none": (
        "no {more}",
        "without {more}",
        "a road without {more}",
        "no {one} in sight",
        "free of {more}",
    ),
    "single": ("one {one}", "a single {one}", "only one {one}", "a lone {one}"),
    "two": ("two {more}", "2 {more}", "a pair of {more}", "a couple of {more}"),
    "three": ("three {more}", "3 {more}"),
    "four": ("four {more}", "4 {more}"),
    "five": ("five {more}", "5 {more}"),
    "several": (
        "several {more}",
        "a few {more}",
        "some {more}",
        "multiple {more}",
        "a group of {more}",
    ),
    "many": ("many {more}", "a lot of {more}", "lots of {more}", "numerous {more}"),
    "near": (
        "{a} close ahead",
        "{a} right in front of us",
        "{a} very near",
        "a close {one}",
        "{a} close to the camera",
        "a large {one} filling the view",
        "a near {one}",
    ),
    "far": (
        "{a} far away",
        "{a} in the distance",
        "a distant {one}",
        "{a} far ahead",
        "a small {one} far off",
    ),
    "left": ("{a} on the left", "{a} at the left side", "on the left {a}", "{a} to our left"),
    "ahead": ("{a} ahead", "{a} straight ahead", "{a} in the middle", "{a} directly ahead"),
    "right": ("{a} on the right", "{a} at the right side", "on the right {a}", "{a} to our right"),
}
"""What may be said of a thing, and how."""

_NUMBERS = {"single": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_SIDES = {"left": (0.0, 0.36), "ahead": (0.36, 0.64), "right": (0.64, 1.01)}
_LARGE = ("car", "bus", "truck", "ambulance", "vehicle", "heavy vehicle")
_SHARE = {"person": ("pedestrian", 0.001, 0.008), "bicycle": ("bicyclist", 0.0, 0.006)}
_MOST = 12  # phrases of one concept


def phrases(concept: str, rng: random.Random) -> list[str]:
    """Return phrases that mean a concept.

    Raises:
        KeyError: if there is no such concept.
    """
    name, _, said = concept.partition(":")
    thing = THINGS[name]
    bare = {one: one.split(" ", 1)[1] for one in thing.one if one.split(" ")[0] in ("a", "an")}
    if not said:
        return list(dict.fromkeys([*thing.one, *thing.more, *bare.values()]))
    short = [word for word in bare.values() if len(word.split()) < 4]
    made = [
        form.format(a=rng.choice(thing.one), one=rng.choice(short), more=rng.choice(thing.more))
        for form in SAID[said] * _MOST
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
