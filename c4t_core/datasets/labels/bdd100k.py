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

from c4t_core.datasets.labels.image_finder import ImageFinder
from c4t_core.datasets.labels.layout import Reading, Tally, image_size, json_files
from c4t_core.datasets.labels.objects import Gathered
from c4t_core.datasets.scene import Scene, Thing, is_true, number, unit_box
from c4t_core.errors import DataError

_FACTS = {"weather": "weather", "place": "scene", "time_of_day": "timeofday"}
# What is a single thing by its nature, also where it is outlined and not boxed.
_OBJECTS = frozenset(
    {
        *("person", "pedestrian", "rider", "other person", "car", "truck", "bus", "train"),
        *("motor", "motorcycle", "bike", "bicycle", "trailer", "caravan", "other vehicle"),
        *("traffic light", "traffic sign"),
    }
)
# Of a group, and of what is too far off or hidden to be told, the number is not known.
_CROWDS = ("crowd", "iscrowd", "ignored")


def read(reading: Reading) -> Iterator[Scene]:
    """Yield a scene per labelled image, however many files label it.

    Raises:
        DataError: if the source holds no such labels.
    """
    finder = ImageFinder(reading, unique=True)  # names are ids
    gathered = Gathered("bdd100k")
    seen = False
    for path, data in json_files(reading):
        rows = _rows(data)
        if rows is None:
            reading.report("this is no BDD100K label file", path)
            continue
        seen = True
        tally = Tally()
        again = sum(
            _add(reading, path, f"image {number}", row, finder, gathered, tally)
            for number, row in enumerate(rows, start=1)
        )
        tally.report(reading, path)
        if again:
            reading.report(
                f"images that were read before: {again}; what is labelled twice counts once", path
            )
    if not seen:
        raise DataError(
            f"{reading.source} holds no BDD100K labels; name det_train.json or a folder of them",
            reading.source,
        )
    yield from gathered.scenes()


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


def _add(
    reading: Reading,
    path: Path,
    where: str,
    row: Any,
    finder: ImageFinder,
    gathered: Gathered,
    tally: Tally,
) -> bool:
    """Add what a file says of one image; return True if another spoke of it before."""
    name = row.get("name") if isinstance(row, dict) else None
    if not isinstance(name, str) or not name:
        tally.add("image", "without a name", where)
        return False
    image = finder.find(name, path, tally)
    if image is None:
        return False
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
    crowds: list[str] = []
    if isinstance(labels, list) and labels:
        try:
            size = image_size(image)
        except ValueError as error:
            reading.report(str(error), image)
            return False
        for position, item in enumerate(labels, start=1):
            try:
                thing, crowd = _thing(item, size)
            except ValueError as error:
                tally.add("label", str(error), f"label {position} of {name}")
            except LookupError:
                tally.add("label", "without a box, as lanes and areas are", item["category"])
            else:
                (crowds.append(thing.label) if crowd else things.append(thing))
    return gathered.add(reading.relative(image), things, crowds, facts)


def _thing(item: Any, size: tuple[int, int]) -> tuple[Thing, bool]:
    """Return an object, and if it stands for several.

    Raises:
        ValueError: with the reason, if it cannot be read.
        LookupError: if it has no box and is no object.
    """
    label = item.get("category") if isinstance(item, Mapping) else None
    if not isinstance(label, str) or not label:
        raise ValueError("without a category")
    if _is_crowd(item) or _is_crowd(item.get("attributes")):
        return Thing(label), True
    box = item.get("box2d")
    if box is None and label not in _OBJECTS:
        raise LookupError
    try:
        corners = _outline(item) if box is None else [box.get(s) for s in ("x1", "y1", "x2", "y2")]
        return Thing(label, unit_box(corners, *size) if corners else None), False
    except (ValueError, AttributeError, TypeError, KeyError) as error:
        raise ValueError("with a box that is none or holds no pixel of its image") from error


def _is_crowd(attributes: Any) -> bool:
    """Tell whether a label, or what it is said to be, stands for several; "Crowd" is one too."""
    return isinstance(attributes, Mapping) and any(
        is_true(value) for key, value in attributes.items() if str(key).lower() in _CROWDS
    )


def _outline(item: Mapping[str, Any]) -> list[float]:
    """Return the corners of an outlined object; none where only a mask tells its place."""
    points = [point for part in item.get("poly2d") or () for point in part["vertices"]]
    if not points:
        return []
    across, down = zip(*((number("x", x), number("y", y)) for x, y in points), strict=True)
    return [min(across), min(down), max(across), max(down)]
