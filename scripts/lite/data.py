"""The driving images with labels that the shipped model learns from, and how they are split.

The folder holds sub-folders with a ``manifest.jsonl`` each, and a ``teacher.jsonl`` with what
detectors see in its images; its layout and its traps are described in ``docs/model-runs.md``.
Importing this module loads neither torch nor Pillow, so that benchmarks share the very same split.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from c4t_core.errors import DataError

SOURCES = (
    "camvid",
    "idd_lite",
    "dawn",
    "roads",
    "highway",
    "vehicles",
    "signs",
    "night",
    "boston",
)
PARTS = ("train", "validation", "test")

TEST_SHARE = 0.28  # of the drives or duplicate groups of a source
VALIDATION_SHARE = 0.14
_SALT = "c4t-split-1"
# CamVid has three drives only, so they are dealt out by hand; the one at dusk validates.
_BY_HAND = {
    "camvid": {"0016E5": "train", "0001TP": "validation", "0006R0": "test"},
    # blocks of one drive: one by day, two by night, two at dusk
    "night": {
        "block_2": "train",
        "block_5": "train",
        "block_6": "train",
        "block_3": "test",
        "block_4": "test",
    },
    "boston": {"boston": "validation"},
}

SEARCHED: dict[str, tuple[str, ...]] = {
    "dawn": ("person", "bicycle", "motorcycle", "car", "bus", "truck"),
    "highway": ("person", "motorcycle", "car", "bus", "truck"),
    "vehicles": ("ambulance",),
    "signs": ("traffic light", "stop sign", "crosswalk sign", "speed limit sign"),
}
"""Source -> classes that every one of its images was searched for: without a box there is none."""

BOXED: dict[str, tuple[str, ...]] = {"vehicles": ("motorcycle", "car", "bus", "truck")}
"""Source -> classes of which not every object has a box: without one nothing is known.

The boxes of ``boston`` do not lie on what its frames show (looked at: they are of other moments),
so they are not read.
"""

_GUESSED = {
    **{name: name for name in ("person", "bicycle", "motorcycle", "car", "bus", "truck", "train")},
    **{name: name for name in ("traffic light", "stop sign")},
    **dict.fromkeys(
        ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"),
        "animal",
    ),
}
_ALSO = {"pedestrian": "person"}

Parsed = TypeVar("Parsed")


@dataclass(frozen=True)
class Box:
    """An object in an image; sides are shares of the image, 0..1 from its left upper corner."""

    label: str
    left: float
    top: float
    right: float
    bottom: float
    score: float = 1.0  # of the detector, 1 for a label
    by: str = ""  # the detector, empty for a label

    @property
    def area(self) -> float:
        """Share of the image that it covers."""
        return (self.right - self.left) * (self.bottom - self.top)

    @property
    def height(self) -> float:
        """Share of the image's height."""
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        """Where its middle lies between the image's left (0) and right (1) side."""
        return (self.left + self.right) / 2

    def overlap(self, other: Box) -> float:
        """Return the intersection over union of both."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        both = max(0.0, width) * max(0.0, height)
        return both / max(self.area + other.area - both, 1e-12)


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
        boxes: the labelled objects.
        guesses: what detectors see, with scores from .25 on; an opinion and no truth.
        weather: DAWN's label, else None.
        road: the label of the road pictures, else None.
        time_of_day: CamVid's and that of ``night``, else None.
        mask: the file of its mask, if its source has masks.
        brightness: of the frame or its upper third, whichever is brighter, 0..1; None if it was
            not measured (:func:`scripts.lite.features.brightness`).
        drawn: name of the set of copies that it is one of, if it is a copy
            (:mod:`scripts.lite.copies`): where weather is drawn over it, ``weather`` is that.
    """

    path: Path
    source: str
    group: str
    part: str
    shares: Mapping[str, float] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    boxes: tuple[Box, ...] = ()
    guesses: tuple[Box, ...] = ()
    weather: str | None = None
    road: str | None = None
    time_of_day: str | None = None
    mask: Path | None = None
    brightness: float | None = None
    drawn: str = ""


def part_of(source: str, group: str) -> str:
    """Return the part that a drive or duplicate group belongs to; the same on every machine.

    The SHA-256 sum of source and group, read as a number in 0..1, is compared with the shares.

    Args:
        source: one of :data:`SOURCES`.
        group: drive or duplicate group, as text.
    """
    if source in _BY_HAND:
        return _BY_HAND[source].get(group, "train")
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
    folder = data / source
    guesses: dict[str, list[Any]] = {}
    if (folder / "teacher.jsonl").exists():
        guesses = dict(_parsed(folder / "teacher.jsonl", _guesses))
    frame = functools.partial(_frame, folder, guesses)
    return list(_parsed(folder / "manifest.jsonl", frame))


def _parsed(manifest: Path, parse: Callable[[Mapping[str, Any]], Parsed]) -> Iterator[Parsed]:
    source = manifest.parent.name
    try:
        lines = manifest.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(
            f'"{manifest}" cannot be read ({error.strerror or error}); give the folder that holds '
            f"{source}, or leave it out with --without {source}."
        ) from error
    for number, line in enumerate(lines, start=1):
        try:
            parsed = parse(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f'Line {number} of "{manifest}" is broken ({error}); mend or remove it.'
            ) from error
        yield parsed


def _guesses(row: Mapping[str, Any]) -> tuple[str, list[Any]]:
    return str(row["file"]), list(row["boxes"])


def _frame(folder: Path, guesses: Mapping[str, list[Any]], row: Mapping[str, Any]) -> Frame:
    source, path = folder.name, folder / str(row["file"])
    group = str(row["drive"] if "drive" in row else row["duplicate_group"])
    labelled = row.get("boxes", ()) if source in SEARCHED else ()
    seen = [guess for guess in guesses.get(str(row["file"]), ()) if guess[0] in _GUESSED]
    size = _size(path) if labelled or seen else (1, 1)
    return Frame(
        path=path,
        source=source,
        group=f"{source}:{group}",
        part=part_of(source, group),
        shares=dict(row.get("fraction", {})),
        counts=dict(row.get("counts", {})),
        boxes=tuple(_box(size, _ALSO.get(label, label), sides) for label, *sides in labelled),
        guesses=tuple(
            _box(size, _GUESSED[label], sides, float(score), str(by))
            for label, score, *sides, by in seen
        ),
        weather=row.get("weather"),
        road=row.get("road"),
        time_of_day=row.get("time_of_day"),
        mask=folder / str(row["mask"]) if "mask" in row else None,
    )


def _size(path: Path) -> tuple[int, int]:
    """Return width and height of an image; boxes are in its pixels."""
    from PIL import Image

    with Image.open(path) as image:
        return image.size


def _box(
    size: tuple[int, int], label: str, sides: Sequence[float], score: float = 1.0, by: str = ""
) -> Box:
    (width, height), (left, top, right, bottom) = size, sides
    return Box(label, left / width, top / height, right / width, bottom / height, score, by)
