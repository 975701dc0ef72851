"""Cityscapes, gtFine: polygons (with counted objects) or label ids.

``leftImg8bit/SPLIT/CITY/CITY_SEQUENCE_FRAME_leftImg8bit.png`` belongs to
``gtFine/SPLIT/CITY/CITY_SEQUENCE_FRAME_gtFine_polygons.json`` or ``..._labelIds.png``.

Source: Cordts et al., "The Cityscapes dataset for semantic urban scene understanding",
arXiv 1604.01685.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from c4t_core.datasets.labels.boxes import load_or_report
from c4t_core.datasets.labels.layout import ImageFinder, Reading, files_below, frame_key
from c4t_core.datasets.labels.masks import Palette, read_label, regions, scene_of
from c4t_core.datasets.scene import Scene, Thing, count, number, unit_box
from c4t_core.errors import DataError

NAMES = (
    *("unlabeled", "ego vehicle", "rectification border", "out of roi", "static", "dynamic"),
    *("ground", "road", "sidewalk", "parking", "rail track", "building", "wall", "fence"),
    *("guard rail", "bridge", "tunnel", "pole", "polegroup", "traffic light", "traffic sign"),
    *("vegetation", "terrain", "sky", "person", "rider", "car", "truck", "bus", "caravan"),
    *("trailer", "train", "motorcycle", "bicycle"),
)
COUNTED = frozenset(NAMES[24:])
_POLYGONS = "_gtFine_polygons"
_IDS = "_gtFine_labelIds"
_MOST_SIDE = 20_000


def read(reading: Reading) -> Iterator[Scene]:
    """Yield a scene per frame; polygons are preferred to ids where both are there.

    Raises:
        DataError: if there is neither.
    """
    labels: dict[str, Path] = {}
    for path in files_below(reading.source, {".json", ".png"}):
        if path.stem.endswith(_POLYGONS):
            labels[frame_key(path)] = path
        elif path.stem.endswith(_IDS) and path.suffix == ".png":
            labels.setdefault(frame_key(path), path)
    if not labels:
        raise DataError(
            f"{reading.source} holds no *_gtFine_polygons.json or *_gtFine_labelIds.png; "
            "name the folder above gtFine and leftImg8bit",
            reading.source,
        )
    finder = ImageFinder(reading)
    palette = Palette(dict(enumerate(NAMES)))
    for key, path in labels.items():
        image = finder.find(f"{key}_leftImg8bit") or finder.find(key)
        if image is None:
            reading.report("this label has no image", path)
            continue
        scene = _scene(reading, path, reading.relative(image), palette)
        if scene is not None:
            yield replace(scene, drive=key.split("_")[0], split=_split(path))


def _scene(reading: Reading, path: Path, image: str, palette: Palette) -> Scene | None:
    if path.suffix == ".png":
        classes = read_label(reading, path, palette)
        return scene_of(image, classes, "cityscapes") if classes else None
    data = load_or_report(reading, path)
    if data is None:
        return None
    try:
        return polygons(data, image, lambda message: reading.report(message, path))
    except ValueError as error:
        reading.report(f"this label is left out: {error}", path)
        return None


def polygons(data: Any, image: str, report: Any) -> Scene:
    """Draw the polygons in their order, later ones over earlier ones, and count the objects.

    Raises:
        ValueError: if it is no such file or holds no polygon.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("objects"), list):
        raise ValueError("it has no list of objects")  # noqa: TRY004 - bad data, not a bug
    width, height = (count(name, data.get(name)) for name in ("imgWidth", "imgHeight"))
    if not (0 < width <= _MOST_SIDE and 0 < height <= _MOST_SIDE):
        raise ValueError(f"its size of {width} x {height} pixels cannot be")
    names = ["unlabeled"]
    canvas = Image.new("I;16", (width, height))
    drawing = ImageDraw.Draw(canvas)
    things: list[Thing] = []
    groups: set[str] = set()
    for position, item in enumerate(data["objects"], start=1):
        try:
            label, points = _polygon(item)
            box = unit_box(_corners(points), width, height)
        except ValueError as error:
            report(f"object {position} is left out: {error}")
            continue
        group = label.endswith("group") and label != "polegroup"
        label = label.removesuffix("group") if group else label
        if label not in names:
            names.append(label)
        drawing.polygon(points, fill=names.index(label))
        if group:
            groups.add(label)
        elif label in COUNTED:
            things.append(Thing(label, box))
    if len(names) == 1:
        raise ValueError("it is empty: it holds no polygon")
    classes, _ = regions(canvas, Palette(dict(enumerate(names))))
    scene = scene_of(image, [r for r in classes if r.name != "unlabeled"], "cityscapes")
    # a group is of unknown size, so its class is known by its pixels only
    things = [thing for thing in things if thing.label not in groups]
    counts = Counter(thing.label for thing in things)
    return replace(
        scene,
        things=(*(t for t in scene.things if t.label not in counts), *things),
        counts=dict(counts),
    )


def _polygon(item: Any) -> tuple[str, list[tuple[float, float]]]:
    if not isinstance(item, Mapping) or not isinstance(item.get("label"), str):
        raise ValueError("it has no label")  # noqa: TRY004 - bad data, not a bug
    raw = item.get("polygon")
    if not isinstance(raw, list) or len(raw) < 3:
        raise ValueError("its polygon has fewer than three points")
    try:
        points = [(number("x", x), number("y", y)) for x, y in raw]
    except TypeError as error:
        raise ValueError("its polygon is not a list of points") from error
    return item["label"], points


def _corners(points: list[tuple[float, float]]) -> list[float]:
    across, down = zip(*points, strict=True)
    return [min(across), min(down), max(across) + 1, max(down) + 1]


def _split(path: Path) -> str | None:
    parts = [part.lower() for part in path.parts]
    return next((part for part in parts if part in ("train", "val", "test")), None)
