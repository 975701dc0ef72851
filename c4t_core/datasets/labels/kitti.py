"""KITTI's objects: one text file per image, with boxes and distances.

Source: Geiger et al., "Are we ready for autonomous driving? The KITTI vision benchmark suite",
CVPR 2012.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from c4t_core.datasets.labels.image_finder import ImageFinder
from c4t_core.datasets.labels.layout import Reading, files_below, image_size
from c4t_core.datasets.labels.objects import boxed_scene
from c4t_core.datasets.scene import Scene, Thing, number, unit_box
from c4t_core.errors import DataError
from c4t_core.files import read_text_any

_FIELDS = 15
_SILENT = frozenset({"DontCare"})


def read(reading: Reading) -> Iterator[Scene]:
    """Yield a scene per file of ``label_2``; the distance of an object is its location's z.

    Raises:
        DataError: if there are no label files.
    """
    files = [reading.source] if reading.source.is_file() else _label_files(reading.source)
    if not files:
        raise DataError(
            f"{reading.source} holds no label_2/*.txt; name KITTI's training folder", reading.source
        )
    finder = ImageFinder(reading)
    for path in files:
        image = _beside(reading, path) or finder.find(path.stem, label=path)
        if image is None:
            reading.report("this label has no image", path)
            continue
        try:
            size = image_size(image)
        except ValueError as error:
            reading.report(str(error), image)
            continue
        things = list(_things(reading, path, size))
        yield boxed_scene(reading.relative(image), things, "kitti")


def _label_files(source: Path) -> list[Path]:
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


def _things(reading: Reading, path: Path, size: tuple[int, int]) -> Iterator[Thing]:
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
            yield _thing(fields, size)
        except ValueError as error:
            reading.report(f"this object is left out: {error}", path, line)


def _thing(fields: list[str], size: tuple[int, int]) -> Thing:
    """Read ``type truncated occluded alpha x0 y0 x1 y1 h w l x y z rotation``.

    Raises:
        ValueError: if these are not so many numbers.
    """
    if len(fields) < _FIELDS:
        raise ValueError(f"it has {len(fields)} values, not {_FIELDS}")
    values = [number("a value", float(field)) for field in fields[1:_FIELDS]]
    distance = values[12]
    return Thing(
        fields[0], unit_box(values[3:7], *size), distance=distance if distance > 0 else None
    )
