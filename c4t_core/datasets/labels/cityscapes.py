"""Cityscapes, gtFine: polygons (with counted objects) or label ids.

``leftImg8bit/SPLIT/CITY/CITY_SEQUENCE_FRAME_leftImg8bit.png`` belongs to
``gtFine/SPLIT/CITY/CITY_SEQUENCE_FRAME_gtFine_polygons.json`` or ``..._labelIds.png``, and so do
the same frame's pictures with rain or fog, ``..._leftImg8bit_rain_alpha_...`` or ``..._foggy_...``.

Source: Cordts et al., "The Cityscapes dataset for semantic urban scene understanding",
arXiv 1604.01685.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from c4t_core.datasets.labels.image_finder import ImageFinder
from c4t_core.datasets.labels.layout import Reading, files_below, frame_key, load_or_report
from c4t_core.datasets.labels.masks import Palette, read_label, regions, scene_of
from c4t_core.datasets.scene import Scene, Thing, count, is_true, number, unit_box
from c4t_core.errors import DataError
from c4t_core.images.kinds import SUFFIXES

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
_WEATHER = {"rain": "rain", "foggy": "fog"}  # as the sets' names say it -> as a scene does


def read(reading: Reading) -> Iterator[Scene]:
    """Yield a scene per frame; polygons are preferred to ids where both are there.

    Raises:
        DataError: if there is neither.
    """
    labels: dict[Path, Path] = {}
    for path in files_below(reading.source, {".json", ".png"}):
        key = path.parent / frame_key(path)  # another folder may have frames of the same name
        if path.stem.endswith(_POLYGONS):
            labels[key] = path
        elif path.stem.endswith(_IDS) and path.suffix == ".png":
            labels.setdefault(key, path)
    if not labels:
        raise DataError(
            f"{reading.source} holds no *_gtFine_polygons.json or *_gtFine_labelIds.png; "
            "name the folder above gtFine and leftImg8bit",
            reading.source,
        )
    finder, in_weather = ImageFinder(reading), _in_weather(reading.root)
    palette = Palette(dict(enumerate(NAMES)))
    for key, path in labels.items():
        name = key.as_posix()
        image = finder.find(f"{name}_leftImg8bit", path) or finder.find(name, path)
        images = [*([] if image is None else [(image, None)]), *in_weather.get(key.name, [])]
        if not images:
            reading.report("this label has no image", path)
            continue
        scene = _scene(reading, path, reading.relative(images[0][0]), palette)
        if scene is not None:
            scene = replace(scene, drive=key.name.split("_")[0], split=_split(path))
            for image, weather in images:
                yield replace(scene, image=reading.relative(image), weather=weather)


def _in_weather(root: Path) -> dict[str, list[tuple[Path, str | None]]]:
    """Return the pictures with rain or fog, and which of both, by CITY_SEQUENCE_FRAME."""
    found: dict[str, list[tuple[Path, str | None]]] = defaultdict(list)
    for path in files_below(root, SUFFIXES):
        key, _, drawn = path.stem.partition("_leftImg8bit_")
        weather = _WEATHER.get(drawn.partition("_")[0])
        if weather is not None:
            found[key].append((path, weather))
    return found


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
        if isinstance(item, Mapping) and _is_not_drawn(item):
            continue
        try:
            label, points = _polygon(item)
            box = unit_box(_corners(points), width, height)
        except ValueError as error:
            report(f"object {position} is left out: {error}")
            continue
        group = label.endswith("group") and label not in ("polegroup", "pole group")
        label = label.removesuffix("group").rstrip(" _-") if group else label
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


def _is_not_drawn(item: Mapping[str, Any]) -> bool:
    """True for what is in no label image of the data set: deleted objects and license plates."""
    words = re.sub(r"[\W_]+", "", str(item.get("label"))).lower()
    return is_true(item.get("deleted")) or words == "licenseplate"


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
