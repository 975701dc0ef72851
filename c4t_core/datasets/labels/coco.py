"""COCO's JSON, and TJU-DHD's, which follows it.

Several files may speak of the same images (``instances_*``, ``person_keypoints_*``,
``panoptic_*``): their boxes are put together, and what two files hold counts once.

Sources: Lin et al., "Microsoft COCO", arXiv 1405.0312; Kirillov et al., "Panoptic
segmentation", arXiv 1801.00868; Pang et al., "TJU-DHD", arXiv 2011.09170.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from c4t_core.datasets.captions import TJU_CLASSES
from c4t_core.datasets.labels.image_finder import ImageFinder
from c4t_core.datasets.labels.layout import Reading, Tally, image_size, json_files
from c4t_core.datasets.labels.objects import Gathered
from c4t_core.datasets.scene import Scene, Thing, is_true, number, unit_box
from c4t_core.errors import DataError
from c4t_core.records import dataclass

_WHOLE = re.compile(r"^(-?(?:0|[1-9]\d*))\.0+$")


@dataclass
class _Labels:
    """What a file says of one image.

    Attributes:
        boxes: (which annotation, class, corners in pixels) of each object; no corners where only
            a mask tells its place.
        crowds: the class of each annotation that stands for several objects.
        stuff: classes that are not counted: sky, road.
    """

    boxes: list[tuple[str, str, list[float] | None]] = field(default_factory=list)
    crowds: list[str] = field(default_factory=list)
    stuff: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Categories:
    """Category id -> class name; for the other ids, why they have none."""

    names: Mapping[str, str]
    stuff: frozenset[str]
    wrong: Mapping[str, str]


def read(reading: Reading, kind: str = "coco") -> Iterator[Scene]:
    """Yield a scene per image of the COCO JSON file, or of all such files of a folder.

    TJU-DHD's five categories are known by their ids.

    Raises:
        DataError: if no such file is there.
    """
    finder = ImageFinder(reading)
    gathered = Gathered(kind)
    seen = False
    for path, data in json_files(reading):
        complaint = _something_else(data)
        if complaint is None:
            seen = True
            _read_file(reading, path, data, kind, finder, gathered)
        elif reading.source.is_file():
            raise DataError(f"{path} {complaint}", path)
        else:
            reading.report(f"this file {complaint}", path)
    if not seen:
        raise DataError(f"{reading.source} holds no COCO annotations; check the path")
    yield from gathered.scenes()


def _something_else(data: Any) -> str | None:
    """Return what a file is that holds no boxes of COCO's form, and what it may be good for."""
    if isinstance(data, list) and data and isinstance(data[0], dict) and "image_id" in data[0]:
        return "is no COCO file: it lists detections without images and categories"
    if not isinstance(data, dict) or not isinstance(data.get("images"), list):
        return "is no COCO file: it has no list of images; name the file with the annotations"
    listed = data.get("annotations")
    if not isinstance(listed, list):
        return "has no list of annotations, so nothing is known of its images; name another file"
    rows = [item for item in listed if isinstance(item, dict)]
    if rows and all("caption" in row and row.get("category_id") is None for row in rows):
        return "holds captions, not boxes; it can be used as pairs as it is"
    return None


def _read_file(
    reading: Reading,
    path: Path,
    data: Mapping[str, Any],
    kind: str,
    finder: ImageFinder,
    gathered: Gathered,
) -> None:
    """Add what one file says; what of it cannot be used is reported, a sentence for each reason."""
    tally = Tally()
    labels = _labels(data, _categories(data, kind), tally)
    images = _images(path, data["images"], finder, tally)
    for image_id, found in labels.items():
        if image_id not in images:
            for where in [*(where for where, _, _ in found.boxes), *found.crowds, *found.stuff]:
                tally.add("annotation", "of no image of the list", where)
    again = 0
    for image_id, entry in images.items():
        if entry is None:
            continue
        image, item = entry
        found = labels.get(image_id, _Labels())
        try:
            things = list(_things(found, _size(item, image), tally))
        except ValueError as error:
            tally.add("image", "whose size is not known", f"{image.name}: {error}")
            continue
        unknown = [*found.crowds, *found.stuff]
        again += gathered.add(reading.relative(image), things, unknown)
    tally.report(reading, path)
    crowds = sum(len(found.crowds) for found in labels.values())
    if crowds:
        reading.report(
            f"crowd annotations (iscrowd): {crowds}; they say that a class is there, not how many",
            path,
        )
    if again:
        reading.report(
            f"images that were read before: {again}; what is labelled twice counts once", path
        )


def _things(found: _Labels, size: tuple[float, float], tally: Tally) -> Iterator[Thing]:
    for where, label, corners in found.boxes:
        try:
            yield Thing(label, None if corners is None else unit_box(corners, *size))
        except ValueError:
            tally.add("annotation", "with a box that holds no pixel of its image", where)


def _images(
    path: Path, listed: list[Any], finder: ImageFinder, tally: Tally
) -> dict[str, tuple[Path, Mapping[str, Any]] | None]:
    """Return image id -> the image and its entry, or None for one that is left out."""
    entries: dict[str, dict[str, Mapping[str, Any]]] = {}
    for position, item in enumerate(listed, start=1):
        name = _file_name(item) if isinstance(item, dict) else None
        image_id = _id(item.get("id")) if isinstance(item, dict) else None
        if name is not None and image_id is not None:
            entries.setdefault(image_id, {}).setdefault(name, item)
        else:
            tally.add("image", "without a file_name or an id", f"image {position}")
    out: dict[str, tuple[Path, Mapping[str, Any]] | None] = {}
    for image_id, by_name in entries.items():
        found = {name: finder.find(name, path, tally) for name in by_name}
        images = {image or name for name, image in found.items()}
        if len(images) > 1:  # whose the annotations are cannot be told
            for name in by_name:
                tally.add("image", "with the same id as another image", f"{name}: {image_id}")
        name, image = next(iter(found.items()))
        out[image_id] = (image, by_name[name]) if image is not None and len(images) == 1 else None
    return out


def _file_name(item: Mapping[str, Any]) -> str | None:
    """Return where an image is said to be; tools leave empty what they do not use."""
    places = (item.get(key) for key in ("file_name", "coco_url", "path", "flickr_url"))
    return next((place for place in places if isinstance(place, str) and place.strip()), None)


def _categories(data: Mapping[str, Any], kind: str) -> _Categories:
    if kind == "tju-dhd":
        names = {str(n): name for n, name in enumerate(TJU_CLASSES, start=1)}
        return _Categories(names, frozenset(), {})
    listed = data.get("categories")
    names = {}
    wrong: dict[str, str] = {}
    stuff = set()
    for item in listed if isinstance(listed, list) else ():
        category = _id(item.get("id")) if isinstance(item, dict) else None
        if category is None:
            continue
        name = _name(item.get("name"))
        if name is None:
            wrong[category] = "whose category has no name"
        elif names.setdefault(category, name) != name:
            wrong[category] = "whose category id has several names"
        if item.get("isthing") == 0:
            stuff.add(category)
    right = {category: name for category, name in names.items() if category not in wrong}
    return _Categories(right, frozenset(stuff), wrong)


def _labels(data: Mapping[str, Any], categories: _Categories, tally: Tally) -> dict[str, _Labels]:
    """Return image id -> what the annotations say of it."""
    out: dict[str, _Labels] = {}
    seen = set()
    for where, item in _annotations(data["annotations"]):
        if not isinstance(item, Mapping) or is_true(item.get("deleted")):
            other = not isinstance(item, Mapping)
            reason = "in another form than an object" if other else "marked as deleted"
            tally.add("annotation", reason, where)
            continue
        category = _id(item.get("category_id")) or ""
        label = categories.names.get(category)
        if label is None:
            reason = categories.wrong.get(category, "whose category the file does not list")
            tally.add("annotation", reason, where)
            continue
        found = out.setdefault(_id(item.get("image_id")) or "", _Labels())
        if category in categories.stuff:
            found.stuff.append(label)
            continue
        if is_true(item.get("iscrowd")):
            found.crowds.append(label)
            continue
        try:
            corners = _corners(item)
        except (ValueError, TypeError):
            tally.add("annotation", "without a bbox of four numbers", where)
            continue
        same = (_id(item.get("id")), _id(item.get("image_id")), category, *(corners or ()))
        if same[0] is not None and same in seen:
            tally.add("annotation", "listed before under the same id", where)
            continue
        seen.add(same)
        found.boxes.append((where, label, corners))
    return out


def _corners(item: Mapping[str, Any]) -> list[float] | None:
    """Return the corners of an object's box, or of its outline; None where it has only a mask.

    Raises:
        ValueError: if it has none of the three.
        TypeError: if they are no lists of numbers.
    """
    shape = item.get("segmentation")
    if item.get("bbox") or not shape:
        x, y, width, height = (number("bbox", v) for v in item.get("bbox") or ())
        return [x, y, x + width, y + height]
    if isinstance(shape, Mapping):
        return None
    across = [number("x", x) for part in shape for x in part[::2]]
    down = [number("y", y) for part in shape for y in part[1::2]]
    return [min(across), min(down), max(across), max(down)]


def _annotations(listed: list[Any]) -> Iterator[tuple[str, Any]]:
    """Yield (which it is, annotation); the segments of a panoptic one are yielded each."""
    for position, item in enumerate(listed, start=1):
        segments = item.get("segments_info") if isinstance(item, dict) else None
        if not isinstance(segments, list):
            yield f"annotation {position}", item
            continue
        for segment in segments:
            one = {**segment, "image_id": item.get("image_id")} if isinstance(segment, dict) else 0
            yield f"annotation {position}", one


def _id(value: Any) -> str | None:
    """Return an id as text: 1, 1.0 and "1" are one id, as for pandas and pycocotools."""
    if value is None or isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()
    return _WHOLE.sub(r"\1", text) or None


def _name(value: Any) -> str | None:
    """Return the name of a category; a number is a name too."""
    return _id(value) if not isinstance(value, str) else value.strip() or None


def _size(item: Mapping[str, Any], image: Path) -> tuple[float, float]:
    """Return (width, height) as the file has them, else as the image's head has.

    Raises:
        ValueError: if the image cannot be opened.
    """
    width, height = item.get("width"), item.get("height")
    if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
        return width, height
    return image_size(image)
