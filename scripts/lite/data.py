"""The driving images with labels that the shipped model learns from, and how they are split.

The folder holds sub-folders with a ``manifest.jsonl`` each (CamVid, IDD-Lite, DAWN, roads); its
layout and its traps are described in ``docs/model-runs.md``. Importing this module loads
neither torch nor Pillow, so that benchmarks share the very same split.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from c4t_core.errors import DataError

SOURCES = ("camvid", "idd_lite", "dawn", "roads")
PARTS = ("train", "validation", "test")

TEST_SHARE = 0.28  # of the drives or duplicate groups of a source
VALIDATION_SHARE = 0.14
_SALT = "c4t-split-1"
# CamVid has three drives only, so they are dealt out by hand; the one at dusk validates.
_CAMVID = {"0016E5": "train", "0001TP": "validation", "0006R0": "test"}


@dataclass(frozen=True)
class Frame:
    """One labelled image.

    Attributes:
        path: the image file.
        source: which sub-folder it is from, one of :data:`SOURCES`.
        group: drive or duplicate group; images of one group look alike and stay together.
        part: ``"train"``, ``"validation"`` or ``"test"``.
        shares: class name -> share of the pixels, 0..1; classes not seen are absent.
        counts: class name -> number of boxes.
        boxes: label and part of the image's area (0..1) of each box.
        weather: DAWN's label, else None.
        road: the label of the road pictures, else None.
        time_of_day: CamVid's, else None.
        brightness: of the frame or its upper third, whichever is brighter, 0..1; None if it was
            not measured (:func:`scripts.lite.features.brightness`).
    """

    path: Path
    source: str
    group: str
    part: str
    shares: Mapping[str, float] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    boxes: tuple[tuple[str, float], ...] = ()
    weather: str | None = None
    road: str | None = None
    time_of_day: str | None = None
    brightness: float | None = None


def part_of(source: str, group: str) -> str:
    """Return the part that a drive or duplicate group belongs to; the same on every machine.

    The SHA-256 sum of source and group, read as a number in 0..1, is compared with the shares.

    Args:
        source: one of :data:`SOURCES`.
        group: drive or duplicate group, as text.
    """
    if source == "camvid":
        return _CAMVID.get(group, "train")
    digest = hashlib.sha256(f"{_SALT}:{source}:{group}".encode()).hexdigest()
    place = int(digest[:8], 16) / 2**32
    if place < TEST_SHARE:
        return "test"
    return "validation" if place < TEST_SHARE + VALIDATION_SHARE else "train"


def read_frames(data: Path, without: Iterable[str] = ()) -> list[Frame]:
    """Read the labelled images of a folder, sources and lines in a fixed order.

    Args:
        data: the folder with the sources as sub-folders.
        without: sources to leave out.

    Raises:
        DataError: if a source is unknown or missing, or a line of a manifest is broken.
    """
    left_out = set(without)
    unknown = sorted(left_out.difference(SOURCES))
    if unknown:
        raise DataError(f'There is no source "{unknown[0]}"; the sources are {", ".join(SOURCES)}.')
    frames = []
    for source in SOURCES:
        if source not in left_out:
            frames += _read_source(data, source)
    return frames


def _read_source(data: Path, source: str) -> list[Frame]:
    manifest = data / source / "manifest.jsonl"
    try:
        lines = manifest.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(
            f'"{manifest}" cannot be read ({error.strerror or error}); give the folder that holds '
            f"{source}, or leave it out with --without {source}."
        ) from error
    frames = []
    for number, line in enumerate(lines, start=1):
        try:
            frames.append(_frame(data / source, source, json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f'Line {number} of "{manifest}" is broken ({error}); mend or remove it.'
            ) from error
    return frames


def _frame(folder: Path, source: str, row: Mapping[str, Any]) -> Frame:
    group = str(row["drive"] if "drive" in row else row["duplicate_group"])
    side = 300.0  # DAWN's boxes are in pixels of its squashed 300x300 images
    boxes = tuple(
        (str(label), (x1 - x0) * (y1 - y0) / side**2)
        for label, x0, y0, x1, y1 in row.get("boxes", ())
    )
    return Frame(
        path=folder / str(row["file"]),
        source=source,
        group=f"{source}:{group}",
        part=part_of(source, group),
        shares=dict(row.get("fraction", {})),
        counts=dict(row.get("counts", {})),
        boxes=boxes,
        weather=row.get("weather"),
        road=row.get("road"),
        time_of_day=row.get("time_of_day"),
    )
