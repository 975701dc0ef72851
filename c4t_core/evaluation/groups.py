"""Which images belong together: slices (weather, hour, drive, ...), and moments of a drive.

Near-identical frames of one moment are one event; figures are given over events too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from c4t_core.datasets.facts import class_counts
from c4t_core.datasets.scene import Scene
from c4t_core.evaluation.collection import Collection
from c4t_core.images.frame_names import parse_frame_name

ASKED = {
    "weather": "weather asked for",
    "time": "time of day asked for",
    "road": "road asked for",
    "place": "place asked for",
}
"""Kinds of queries that ask for no class -> the dimension of slices of such queries."""
LEAST_IMAGES = 20
"""A slice with fewer images says nothing."""
MOST_VALUES = 12
"""Of each dimension the largest slices are taken; a data set may have hundreds of drives."""
EVENT_SECONDS = 5.0
"""An event spans at most this long, where the names tell the time."""
EVENT_FRAMES = 50
"""... or this many frame numbers where they do not: 5 s at 10 Hz, under 2 s at 30 Hz."""


@dataclass(frozen=True, eq=False)
class Slice:
    """Images that have one thing in common.

    Attributes:
        dimension: such as ``"weather"``.
        value: such as ``"fog"``.
        inside: bool (n,), its images.
    """

    dimension: str
    value: str
    inside: NDArray[np.bool_]


def image_slices(collection: Collection, scenes: Mapping[str, Scene]) -> list[Slice]:
    """Return the slices by weather, time of day, road, place, number of objects and drive.

    A dimension with only one value, or a slice of all images, tells nothing and is left out.
    """
    readers: dict[str, Callable[[Scene], str | None]] = {
        "weather": lambda scene: scene.weather,
        "time of day": lambda scene: scene.time_of_day,
        "road": lambda scene: scene.road,
        "place": lambda scene: scene.place,
        "objects": _object_count,
    }
    found: dict[str, dict[str, list[int]]] = {name: defaultdict(list) for name in readers}
    found["drive"] = defaultdict(list)
    for index, name in enumerate(collection.names):
        scene = scenes.get(name)
        drive = collection.drives[index] or (scene.drive if scene else None)
        if drive:
            found["drive"][drive].append(index)
        if scene is None:
            continue
        for dimension, read in readers.items():
            value = read(scene)
            if value:
                found[dimension][value].append(index)
    out = []
    for dimension, values in found.items():
        large = {v: indices for v, indices in values.items() if len(indices) >= LEAST_IMAGES}
        if len(values) < 2:
            continue
        chosen = sorted(large, key=lambda v: (-len(large[v]), v))[:MOST_VALUES]
        for value in sorted(chosen):
            inside = np.zeros(len(collection), dtype=bool)
            inside[large[value]] = True
            out.append(Slice(dimension, value, inside))
    return out


def _object_count(scene: Scene) -> str | None:
    counts = class_counts(scene)
    if not counts:
        return None
    total = sum(counts.values())
    for most, name in ((0, "none"), (3, "1 to 3"), (8, "4 to 8"), (15, "9 to 15")):
        if total <= most:
            return name
    return "16 and more"


def moments(collection: Collection, groups: Mapping[str, str] | None = None) -> NDArray[np.int64]:
    """Return which moment each image belongs to, int64 (n,), numbered from 0.

    These are not the events that hits are folded into (:mod:`c4t_core.index.events`): those ask
    the model which frames are alike, and models are compared here, which needs one unit for all.
    Without vectors a chain of close frames would be a whole drive, so a moment has a fixed span.

    Args:
        collection: the images.
        groups: image id -> the data set's own group of duplicates, where it has them.
    """
    groups = groups or {}
    keys: list[object] = list(range(len(collection)))
    drives: dict[tuple[str, str], list[tuple[float, int]]] = defaultdict(list)
    spans: dict[tuple[str, str], float] = {}
    for index, name in enumerate(collection.names):
        if name in groups:
            keys[index] = ("group", groups[name])
            continue
        frame = parse_frame_name(name)
        drive = collection.drives[index] or frame.drive
        instant = frame.time if frame.time is not None else frame.frame
        if drive is None or instant is None:
            continue
        timed = frame.time is not None
        lane = (f"{drive}|{timed}", frame.camera or "")
        drives[lane].append((float(instant), index))
        spans[lane] = EVENT_SECONDS if timed else EVENT_FRAMES
    for lane, frames in drives.items():
        start = None
        for instant, index in sorted(frames):
            if start is None or instant - start > spans[lane]:
                start = instant
            keys[index] = (lane, start)
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def fold(
    order: NDArray[np.int64], gains: NDArray[np.float64], moment: NDArray[np.int64]
) -> tuple[NDArray[np.float64], int]:
    """Keep the first hit of each event of one ranked list.

    Args:
        order: int64 (n,), all images from best to worst.
        gains: float64 (n,), worth of each hit, in that order.
        moment: int64 (n,), moment of each image, by position in the collection.

    Returns:
        the gains of the events in order of their first hits, float64 (events,), and how many
        of the events are relevant.
    """
    event = moment[order] * 2 + (gains > 0)
    ranks = np.arange(len(order))
    first = np.zeros(2 * (int(moment.max(initial=0)) + 1), dtype=np.int64)
    first[event[::-1]] = ranks[::-1]  # of equal targets the last written stays: the best rank
    folded = gains[first[event] == ranks]
    return folded, int((folded > 0).sum())
