"""Boxes: COCO's JSON (and TJU-DHD, which follows it) and KITTI's objects.

Sources: Lin et al., "Microsoft COCO", arXiv 1405.0312; Pang et al., "TJU-DHD", arXiv
2011.09170; Geiger et al., "Are we ready for autonomous driving? The KITTI vision benchmark
suite", CVPR 2012.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from c4t_core.datasets.captions import TJU_CLASSES
from c4t_core.datasets.labels.layout import ImageFinder, Reading, files_below, image_size
from c4t_core.datasets.scene import Scene, Thing, number, unit_box
from c4t_core.errors import DataError
from c4t_core.files import read_json, read_text_any

_KITTI_FIELDS = 15
_SILENT = frozenset({"DontCare"})


def json_files(reading: Reading) -> Iterator[tuple[Path, Any]]:
    """Yield the JSON files of the source and what they hold; one that is broken is reported.

    Raises:
        DataError: if there is none.
    """
    source = reading.source
    files = [source] if source.is_file() else list(files_below(source, {".json"}))
    if not files:
        raise DataError(
            f"{source} holds no JSON file; name the annotation file or its folder", source
        )
    for path in files:
        data = load_or_report(reading, path)
        if data is not None:
            yield path, data


def load_or_report(reading: Reading, path: Path) -> Any:
    """Return what a JSON file holds, or None with a report."""
    try:
        return read_json(path)
    except DataError as error:
        if reading.source.is_file():
            raise
        reading.report(str(error), path, error.line)
        return None


def read_coco(reading: Reading, kind: str = "coco") -> Iterator[Scene]:
    """Yield a scene per image of the COCO JSON file, or of all such files of a folder.

    TJU-DHD's five categories are known by their ids.

    Raises:
        DataError: if no such file is there.
    """
    finder = ImageFinder(reading)
    seen = False
    for path, data in json_files(reading):
        if isinstance(data, dict) and isinstance(data.get("images"), list):
            seen = True
            yield from _coco_file(reading, path, data, finder, kind)
        else:
            reading.report("this is no COCO file: it has no list of images", path)
    if not seen:
        raise DataError(f"{reading.source} holds no COCO annotations; check the path")


def _coco_file(
    reading: Reading, path: Path, data: Mapping[str, Any], finder: ImageFinder, kind: str
) -> Iterator[Scene]:
    names = _categories(data, kind)
    by_image = _annotations(reading, path, data, names)
    _report_orphans(reading, path, data["images"], by_image)
    for position, item in enumerate(data["images"], start=1):
        name = item.get("file_name") if isinstance(item, dict) else None
        if not isinstance(name, str) or "id" not in item:
            reading.report(f"image {position} of the list has no file_name or no id", path)
            continue
        image = finder.find(name)
        if image is None:
            reading.report(f"the image {name} is not below {reading.root}", path)
            continue
        try:
            size = _coco_size(item, image)
        except ValueError as error:
            reading.report(f"the size of {name} is not known: {error}", path)
            continue
        things = []
        for where, label, corners in by_image.get(str(item["id"]), ()):
            try:
                things.append(Thing(label, unit_box(corners, *size)))
            except ValueError as error:
                reading.report(f"{where} on {name}: {error}", path)
        yield boxed_scene(reading.relative(image), things, kind)


def _report_orphans(
    reading: Reading,
    path: Path,
    images: list[Any],
    by_image: Mapping[str, list[tuple[str, str, list[float]]]],
) -> None:
    """Name the annotations whose image the file does not list."""
    listed = {str(item.get("id")) for item in images if isinstance(item, dict)}
    for image_id, boxes in by_image.items():
        for where, _, _ in boxes if image_id not in listed else ():
            reading.report(f"{where} belongs to no image of the list", path)


def boxed_scene(image: str, things: list[Thing], kind: str, **facts: str | None) -> Scene:
    """Return a scene of boxes, each thing counted."""
    return Scene(
        image=image,
        things=tuple(things),
        counts=dict(Counter(thing.label for thing in things)),
        source=kind,
        **facts,  # type: ignore[arg-type]
    )


def _categories(data: Mapping[str, Any], kind: str) -> dict[Any, str]:
    if kind == "tju-dhd":
        return dict(enumerate(TJU_CLASSES, start=1))
    listed = data.get("categories")
    return {
        c["id"]: c["name"]
        for c in (listed if isinstance(listed, list) else ())
        if isinstance(c, dict) and isinstance(c.get("name"), str) and c["name"] and "id" in c
    }


def _annotations(
    reading: Reading, path: Path, data: Mapping[str, Any], names: Mapping[Any, str]
) -> dict[str, list[tuple[str, str, list[float]]]]:
    """Return image id -> (which annotation, class, corners in pixels) of each box."""
    out: dict[str, list[tuple[str, str, list[float]]]] = {}
    listed = data.get("annotations")
    if not isinstance(listed, list):
        reading.report("there is no list of annotations", path)
        listed = []
    for position, item in enumerate(listed, start=1):
        where = f"annotation {position}"
        if not isinstance(item, dict):
            reading.report(f"{where} is not an object", path)
            continue
        label = _hashed(names, item.get("category_id"))
        if label is None:
            reading.report(f"{where} has a category that the file does not list", path)
            continue
        try:
            x, y, width, height = (number("bbox", v) for v in item.get("bbox") or ())
        except (ValueError, TypeError):
            reading.report(f"{where} has no bbox of four numbers", path)
            continue
        if not item.get("iscrowd"):
            corners = [x, y, x + width, y + height]
            out.setdefault(str(item.get("image_id")), []).append((where, label, corners))
    return out


def _hashed(names: Mapping[Any, str], key: Any) -> str | None:
    return names.get(key) if isinstance(key, int | str) else None


def _coco_size(item: Mapping[str, Any], image: Path) -> tuple[float, float]:
    width, height = item.get("width"), item.get("height")
    if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
        return width, height
    return image_size(image)


def read_kitti(reading: Reading) -> Iterator[Scene]:
    """Yield a scene per file of ``label_2``; the distance of an object is its location's z.

    Raises:
        DataError: if there are no label files.
    """
    files = [reading.source] if reading.source.is_file() else _kitti_files(reading.source)
    if not files:
        raise DataError(
            f"{reading.source} holds no label_2/*.txt; name KITTI's training folder", reading.source
        )
    finder = ImageFinder(reading)
    for path in files:
        image = _beside(reading, path) or finder.find(path.stem)
        if image is None:
            reading.report("this label has no image", path)
            continue
        try:
            size = image_size(image)
        except ValueError as error:
            reading.report(str(error), image)
            continue
        things = list(_kitti_things(reading, path, size))
        yield boxed_scene(reading.relative(image), things, "kitti")


def _kitti_files(source: Path) -> list[Path]:
    files = list(files_below(source, {".txt"}))
    return [
        f for f in files if f.parent == source or f.parent.name.lower() in ("label_2", "labels")
    ]


def _beside(reading: Reading, label: Path) -> Path | None:
    """Return the left colour image: training and testing, left and right share their names."""
    folder = label.parent.parent / "image_2"
    if not folder.is_relative_to(reading.root):
        return None
    candidates = (folder / f"{label.stem}{suffix}" for suffix in (".png", ".jpg"))
    return next((path for path in candidates if path.is_file()), None)


def _kitti_things(reading: Reading, path: Path, size: tuple[int, int]) -> Iterator[Thing]:
    try:
        lines = read_text_any(path).splitlines()
    except DataError as error:
        reading.report(str(error), path)
        return
    if not any(line.strip() for line in lines):
        reading.report("this label is empty", path)
    for line, row in enumerate(lines, start=1):
        fields = row.split()
        if not fields or fields[0] in _SILENT:
            continue
        try:
            yield _kitti_thing(fields, size)
        except ValueError as error:
            reading.report(f"this object is left out: {error}", path, line)


def _kitti_thing(fields: list[str], size: tuple[int, int]) -> Thing:
    """Read ``type truncated occluded alpha x0 y0 x1 y1 h w l x y z rotation``.

    Raises:
        ValueError: if these are not so many numbers.
    """
    if len(fields) < _KITTI_FIELDS:
        raise ValueError(f"it has {len(fields)} values, not {_KITTI_FIELDS}")
    values = [number("a value", float(field)) for field in fields[1:_KITTI_FIELDS]]
    distance = values[12]
    return Thing(
        fields[0], unit_box(values[3:7], *size), distance=distance if distance > 0 else None
    )
