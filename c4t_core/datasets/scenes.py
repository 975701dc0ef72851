"""Scenes as JSON lines, and one way to read every data set's labels into them.

A scenes file holds one object a line, as :func:`c4t_core.datasets.scene.scene_to_dict` writes
it. A second shape is read too, the manifests that many small data sets come with: ``file``,
``fraction`` (class -> share of the pixels), ``boxes`` (``[class, x0, y0, x1, y1]`` in pixels),
``counts``, ``weather``, ``road``, ``time_of_day``, ``drive``, ``duplicate_group``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from c4t_core.datasets.labels import bdd100k, cityscapes, coco, kitti, masks
from c4t_core.datasets.labels.layout import Reading, Tally, image_size, start_reading
from c4t_core.datasets.scene import (
    Problem,
    Scene,
    Thing,
    count,
    numbers,
    scene_from_dict,
    share,
    text,
    unit_box,
)
from c4t_core.errors import DataError
from c4t_core.files import open_bytes

__all__ = ["KINDS", "Problem", "Scene", "Thing", "load_scenes", "read_scenes"]

_NATIVE = ("weather", "time_of_day", "road", "place", "drive", "split")


KINDS: dict[str, Callable[[Reading], Iterator[Scene]]] = {
    "a2d2": partial(masks.read, kind="a2d2"),
    "tju-dhd": partial(coco.read, kind="tju-dhd"),
    "coco": coco.read,
    "cityscapes": cityscapes.read,
    "bdd100k": bdd100k.read,
    "kitti": kitti.read,
    "masks": masks.read,
}
"""Data sets that are read below ``source``; ``scenes`` is a file and comes beside them."""


def read_scenes(
    kind: str,
    source: Path | str,
    *,
    images: Path | None = None,
    classes: Path | None = None,
    problems: list[Problem] | None = None,
) -> Iterator[Scene]:
    """Yield the scenes of a data set, whatever form its labels have.

    Args:
        kind: one of ``KINDS``, or ``"scenes"``.
        source: file or folder of the labels.
        images: folder that image paths are relative to; default is the source's folder.
        classes: class list, where label images need one and none lies beside them.
        problems: what is left out is added here; the rest goes on.

    Raises:
        DataError: if there is nothing to read.
    """
    problems = [] if problems is None else problems
    if kind == "scenes":
        yield from load_scenes(source, problems, images)
        return
    if kind not in KINDS:
        raise DataError(f"{kind} is not a kind of labels; choose {', '.join(KINDS)} or scenes")
    reading = start_reading(Path(source), images, classes, problems)
    tally = Tally()
    yield from _once(KINDS[kind](reading), tally)
    tally.report(reading, reading.source)


def load_scenes(
    path: Path | str, problems: list[Problem] | None = None, images: Path | str | None = None
) -> Iterator[Scene]:
    """Yield the scenes of a JSON-lines file, or of every ``manifest.jsonl`` right in a folder.

    Args:
        path: the file; for a folder, its ``scenes.jsonl`` or ``manifest.jsonl``.
        problems: lines that cannot be used are added here and left out; without it the first
            one is raised.
        images: folder that the image paths are relative to, needed for boxes in pixels;
            default is the folder of the file.

    Raises:
        DataError: if the file cannot be read, or (without ``problems``) on the first bad line.
    """
    file = _scenes_file(Path(path))
    root = Path(images) if images is not None else file.parent
    tally = Tally()
    with open_bytes(file) as lines:
        yield from _once(_read_lines(lines, file, root, problems), tally)
    if problems is not None:
        problems += [Problem(None, sentence, file) for sentence in tally.sentences()]


def _once(scenes: Iterable[Scene], tally: Tally) -> Iterator[Scene]:
    """Yield the first scene of each image: what is labelled twice must not count twice."""
    seen: set[str] = set()
    for scene in scenes:
        if scene.image in seen:
            tally.add("scene", "of an image that had one before", scene.image)
        else:
            seen.add(scene.image)
            yield scene


def _read_lines(
    lines: BinaryIO, file: Path, root: Path, problems: list[Problem] | None
) -> Iterator[Scene]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        report = partial(_report, problems, file, number)
        try:
            yield _parse(line, root, report)
        except ValueError as error:
            report(str(error))


def _report(problems: list[Problem] | None, file: Path, line: int, message: str) -> None:
    """Add a problem of one line to the list, or raise it where there is no list."""
    if problems is None:
        raise DataError(f"{file}:{line}: {message}; mend or remove the line", file, line)
    problems.append(Problem(line, message, file))


def _scenes_file(path: Path) -> Path:
    if path.is_dir():
        for name in ("scenes.jsonl", "manifest.jsonl"):
            if (path / name).is_file():
                return path / name
    return path


def _parse(line: bytes, root: Path, report: Callable[[str], None]) -> Scene:
    try:
        row = json.loads(line.decode("utf-8-sig", errors="surrogateescape"))
    except json.JSONDecodeError as error:
        raise ValueError(f"this is not JSON ({error.msg.lower()})") from error
    except RecursionError as error:
        raise ValueError("this is nested too deeply") from error
    if isinstance(row, dict) and "file" in row and "image" not in row:
        return _native(row, root, report)
    return scene_from_dict(row)


def _native(row: Mapping[str, Any], root: Path, report: Callable[[str], None]) -> Scene:
    """Read one line of a manifest: boxes in pixels, shares as ``fraction``."""
    image = text(row, "file")
    if image is None:
        raise ValueError("there is no file")
    boxes = row.get("boxes") or []
    if not isinstance(boxes, list):
        raise ValueError("boxes is not a list")  # noqa: TRY004 - bad data, not a bug
    things = _boxed(boxes, root / image, report) if boxes else ()
    counts = numbers(row, "counts", count)
    if not counts:
        for thing in things:
            counts[thing.label] = counts.get(thing.label, 0) + 1
    facts = {name: text(row, name) for name in _NATIVE}
    return Scene(
        image=image.replace("\\", "/"),
        things=things,
        shares=numbers(row, "fraction", share),
        counts=counts,
        group=text(row, "duplicate_group"),
        source="scenes",
        **facts,
    )


def _boxed(boxes: list[Any], image: Path, report: Callable[[str], None]) -> tuple[Thing, ...]:
    """Return the boxes as things; without the image's size only their classes are known."""
    try:
        width, height = image_size(image)
    except ValueError:
        report(f"{image} cannot be opened, so the places of its boxes are not known")
        width = height = 0
    things = []
    for item in boxes:
        if not isinstance(item, list) or len(item) != 5 or not isinstance(item[0], str):
            report("a box is not [class, x0, y0, x1, y1]")
            continue
        try:
            box = unit_box(item[1:], width, height) if width else None
        except ValueError as error:
            report(str(error))
            box = None
        things.append(Thing(item[0], box))
    return tuple(things)
