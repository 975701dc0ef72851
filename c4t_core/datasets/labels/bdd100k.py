"""BDD100K detection labels: objects, and the weather, kind of scene and time of day.

Read are the list files (``det_train.json``, ``bdd100k_labels_images_train.json``), one JSON
file per image (``labels/100k/train/NAME.json``), and Scalabel's ``{"frames": [...]}``.

Source: Yu et al., "BDD100K: a diverse driving dataset for heterogeneous multitask learning",
arXiv 1805.04687.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from c4t_core.datasets.labels.boxes import boxed_scene, json_files
from c4t_core.datasets.labels.layout import ImageFinder, Reading, image_size
from c4t_core.datasets.scene import Scene, Thing, unit_box
from c4t_core.errors import DataError

_FACTS = {"weather": "weather", "place": "scene", "time_of_day": "timeofday"}


def read(reading: Reading) -> Iterator[Scene]:
    """Yield a scene per labelled image.

    Raises:
        DataError: if the source holds no such labels.
    """
    finder = ImageFinder(reading, unique=True)  # names are ids
    seen = False
    for path, data in json_files(reading):
        rows = _rows(data)
        if rows is None:
            reading.report("this is no BDD100K label file", path)
            continue
        seen = True
        for number, row in enumerate(rows, start=1):
            scene = _scene(reading, path, f"image {number}", row, finder)
            if scene is not None:
                yield scene
    if not seen:
        raise DataError(
            f"{reading.source} holds no BDD100K labels; name det_train.json or a folder of them",
            reading.source,
        )


def _rows(data: Any) -> list[Any] | None:
    """Return one object per image, whichever of the three forms it is; None if it is none."""
    if isinstance(data, list):
        return data
    if not isinstance(data, dict):
        return None
    frames = data.get("frames")
    if isinstance(frames, list) and "name" in data:  # one file per image
        objects = frames[0].get("objects") if frames and isinstance(frames[0], dict) else []
        return [{**data, "labels": objects}]
    if isinstance(frames, list):
        return frames
    return [data] if "name" in data else None


def _scene(reading: Reading, path: Path, where: str, row: Any, finder: ImageFinder) -> Scene | None:
    name = row.get("name") if isinstance(row, dict) else None
    if not isinstance(name, str) or not name:
        reading.report(f"{where} has no name", path)
        return None
    image = finder.find(name)
    if image is None:
        reading.report(f"the image {name} is not below {reading.root}", path)
        return None
    attributes = row.get("attributes")
    facts = {
        key: value
        for key, name_there in _FACTS.items()
        if isinstance(attributes, Mapping)
        and isinstance(value := attributes.get(name_there), str)
        and value != "undefined"
    }
    labels = row.get("labels")
    things: list[Thing] = []
    if isinstance(labels, list) and labels:
        try:
            size = image_size(image)
        except ValueError as error:
            reading.report(str(error), image)
            return None
        things = list(_things(reading, path, name, labels, size))
    return boxed_scene(reading.relative(image), things, "bdd100k", **facts)


def _things(
    reading: Reading, path: Path, name: str, labels: list[Any], size: tuple[int, int]
) -> Iterator[Thing]:
    for number, item in enumerate(labels, start=1):
        if not isinstance(item, Mapping) or not isinstance(item.get("category"), str):
            reading.report(f"label {number} of {name} has no category", path)
            continue
        box = item.get("box2d")
        if box is None:  # lanes and drivable areas are polygons, not objects
            continue
        try:
            corners = [box.get(side) for side in ("x1", "y1", "x2", "y2")]
            yield Thing(item["category"], unit_box(corners, *size))
        except (ValueError, AttributeError) as error:
            reading.report(f"label {number} of {name}: {error}", path)
