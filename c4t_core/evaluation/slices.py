"""Parts of the collection that are looked at by themselves: weather, hour, drive, ..."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from c4t_core.datasets.facts import class_counts
from c4t_core.datasets.scene import Scene
from c4t_core.evaluation.collection import Collection

LEAST_IMAGES = 20
"""A slice with fewer images says nothing."""
MOST_VALUES = 12
"""Of each dimension the largest slices are taken; a data set may have hundreds of drives."""


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
    for place, name in enumerate(collection.names):
        scene = scenes.get(name)
        drive = collection.drives[place] or (scene.drive if scene else None)
        if drive:
            found["drive"][drive].append(place)
        if scene is None:
            continue
        for dimension, read in readers.items():
            value = read(scene)
            if value:
                found[dimension][value].append(place)
    out = []
    for dimension, values in found.items():
        large = {v: places for v, places in values.items() if len(places) >= LEAST_IMAGES}
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
