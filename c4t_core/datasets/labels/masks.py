"""Label images with a class list: A2D2, CamVid, IDD, and whatever else is drawn that way.

Labels hold class ids or colours; the class list says which. Image and label share a name, but
for the endings that data sets add ("_L", "_gtFine_labelids").
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from c4t_core.datasets.labels.classlist import NAMES, Key, find_class_list, read_class_list
from c4t_core.datasets.labels.layout import Reading, pair_by_name
from c4t_core.datasets.scene import Box, Scene, Thing
from c4t_core.datasets.words import class_of
from c4t_core.errors import DataError, ImageError
from c4t_core.images.decode import open_labels
from c4t_core.records import dataclass

_INSTANCES = re.compile(r"instance_?(ids|trainids)?$", re.IGNORECASE)
_IDS = re.compile(r"(label(level\d)?_?ids|label(level\d)?|trainids)$", re.IGNORECASE)
_COLOURS = re.compile(r"colou?r$", re.IGNORECASE)
_INSTANCE_FOLDERS = frozenset({"segmentationobject", "instance", "instances"})
# Places are measured on every fourth pixel of every fourth row; a tail of stray pixels this
# thin on each side does not stretch a box.
_STEP = 4
_TAIL = 0.01


@dataclass(frozen=True)
class Region:
    """What one class covers of one label image.

    Attributes:
        name: the class.
        pixels: how many pixels it has.
        share: the same as part of all pixels, 0..1.
        box: where all but its outermost 1 % lie, in 0..1; None if it is too small to place.
    """

    name: str
    pixels: int
    share: float
    box: Box | None


class Palette:
    """Turns pixels into class numbers.

    Args:
        names: colour ``(r, g, b)`` or id -> class name; all keys of one kind.

    Attributes:
        names: the class names, by class number; several keys may share one.
        colours: True if the keys are colours.
    """

    def __init__(self, names: Mapping[Key, str]) -> None:
        self.colours = any(isinstance(key, tuple) for key in names)
        self.names = list(dict.fromkeys(names.values()))
        numbers = {name: number for number, name in enumerate(self.names)}
        unknown = len(self.names)
        kind = np.uint8 if unknown < 256 else np.uint16
        self._table = np.full(1 << 24 if self.colours else 1 << 16, unknown, dtype=kind)
        for key, name in names.items():
            code = key[0] | key[1] << 8 | key[2] << 16 if isinstance(key, tuple) else key
            self._table[code] = numbers[name]

    def look_up(self, image: Image.Image) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return (codes, class numbers), both (height, width); unknown codes get len(names)."""
        codes = _colour_codes(image) if self.colours else _id_codes(image)
        return codes, self._table.take(codes)

    def code_name(self, code: int) -> str:
        """Return a code as people write it: ``#rrggbb`` or the id."""
        if not self.colours:
            return str(code)
        return f"#{code & 255:02x}{code >> 8 & 255:02x}{code >> 16 & 255:02x}"


class Palettes:
    """The palette of a class list, or two: some lists give each class an id and a colour.

    Args:
        names: colour or id -> class name.
    """

    def __init__(self, names: Mapping[Key, str]) -> None:
        self._colours: dict[Key, str] = {k: n for k, n in names.items() if isinstance(k, tuple)}
        ids: dict[Key, str] = {k: n for k, n in names.items() if not isinstance(k, tuple)}
        self._by_colour = Palette(self._colours) if self._colours else None
        self._by_id = Palette(ids) if ids or not self._colours else None

    @property
    def colours_only(self) -> bool:
        """True if no class has an id."""
        return self._by_id is None

    @property
    def ids_only(self) -> bool:
        """True if no class has a colour."""
        return self._by_colour is None

    def fitting(self, image: Image.Image) -> Palette:
        """Return the palette that a label image is drawn with."""
        if self._by_id is None or self._by_colour is None:
            return self._by_id or self._by_colour or Palette({})
        coloured = image.mode not in ("L", "P", "1", "I;16", "I")
        return self._by_colour if coloured or self._knows_colours(image) else self._by_id

    def _knows_colours(self, image: Image.Image) -> bool:
        """True if all colours that an image with a palette uses are in the class list."""
        raw = image.getpalette() if image.mode == "P" else None
        used = image.getcolors(256) if raw else None
        if not raw or not used:
            return False
        places = [int(index) for _, index in used if isinstance(index, int)]
        return all(tuple(raw[3 * i : 3 * i + 3]) in self._colours for i in places)


def regions(image: Image.Image, palette: Palette) -> tuple[list[Region], dict[str, int]]:
    """Count the pixels of each class.

    Args:
        image: colours or ids, any size.
        palette: what they mean.

    Returns:
        The classes present, most pixels first (ties by name), and unknown colour or id ->
        number of its pixels.
    """
    codes, numbers = palette.look_up(image)  # (h, w) each
    known = len(palette.names)
    pixels = _histogram(numbers, known + 1)
    boxes = _boxes(numbers[::_STEP, ::_STEP], known + 1)
    unknown: dict[str, int] = {}
    if pixels[known]:
        strange, times = np.unique(codes[numbers == known], return_counts=True)
        unknown = {palette.code_name(int(c)): int(n) for c, n in zip(strange, times, strict=True)}
    total = numbers.size
    out = [
        Region(name, int(pixels[n]), int(pixels[n]) / total, boxes[n])
        for n, name in enumerate(palette.names)
        if pixels[n]
    ]
    return sorted(out, key=lambda region: (-region.pixels, region.name)), unknown


def _histogram(numbers: NDArray[Any], known: int) -> NDArray[Any]:
    """Count each class number; Pillow does bytes three times as fast as numpy."""
    if numbers.dtype == np.uint8:
        return np.array(Image.fromarray(numbers).histogram()[:known])
    return np.bincount(numbers.ravel(), minlength=known)


def _colour_codes(image: Image.Image) -> NDArray[np.uint32]:
    """Return r + 256 g + 65536 b of each pixel, (h, w) uint32."""
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    packed = np.frombuffer(rgb.tobytes("raw", "RGBX"), dtype="<u4")  # the X byte is 255
    return (packed & np.uint32(0xFFFFFF)).reshape(image.height, image.width)


def _id_codes(image: Image.Image) -> NDArray[Any]:
    """Return the id of each pixel, (h, w)."""
    if image.mode in ("L", "P", "1", "I;16"):
        ids: NDArray[Any] = np.asarray(image.convert("L") if image.mode == "1" else image)
        return ids
    if image.mode == "I":
        wide: NDArray[Any] = np.asarray(image)
        return wide.clip(0, 65535).astype(np.uint16)
    raise ValueError(f"it holds colours ({image.mode}), but the class list gives ids")


def _boxes(numbers: NDArray[Any], known: int) -> list[Box | None]:
    """Return for each class number where its pixels lie, from a coarse (h, w) map."""
    height, width = numbers.shape
    wide = numbers.astype(np.intp)
    columns = np.bincount((wide * width + np.arange(width)).ravel(), minlength=known * width)
    rows = np.bincount(
        (wide * height + np.arange(height)[:, None]).ravel(), minlength=known * height
    )
    out: list[Box | None] = []
    for across, down in zip(
        columns.reshape(known, width), rows.reshape(known, height), strict=True
    ):
        if not across.any():
            out.append(None)
            continue
        (x0, x1), (y0, y1) = _span(across), _span(down)
        out.append((x0 / width, y0 / height, x1 / width, y1 / height))
    return out


def _span(histogram: NDArray[Any]) -> tuple[int, int]:
    """Return from where to where all but the outermost pixels lie; the end is exclusive."""
    sums = np.cumsum(histogram)
    tail = sums[-1] * _TAIL
    first = int(np.searchsorted(sums, tail, side="right"))
    last = int(np.searchsorted(sums, sums[-1] - tail, side="left"))
    return first, max(first, last) + 1


Measured = tuple[list[Region], list[str]]
Fitting = Callable[[Image.Image], Palette]


def read(reading: Reading, kind: str = "masks") -> Iterator[Scene]:
    """Yield a scene per pair of image and label.

    Raises:
        DataError: if there is no class list, or there are no labels.
    """
    palettes = palettes_of(reading)
    wrong = _IDS if palettes.colours_only else _COLOURS if palettes.ids_only else None

    def is_read(path: Path) -> bool:
        instances = _INSTANCES.search(path.stem) or path.parent.name.lower() in _INSTANCE_FOLDERS
        return not instances and not (wrong and wrong.search(path.stem))

    for image, label, measured in _measured(pair_by_name(reading, is_read), palettes.fitting):
        classes = _reported(reading, label, measured)
        if classes:
            yield scene_of(reading.relative(image), classes, kind)


def palettes_of(reading: Reading) -> Palettes:
    """Return what the class list says that the user named, or the one beside the labels.

    Raises:
        DataError: if there is none.
    """
    folders = (reading.source, reading.source.parent, reading.root)
    path = reading.classes or next(filter(None, map(find_class_list, folders)), None)
    if path is None:
        raise DataError(
            f"{reading.source} has no class list ({', '.join(NAMES[:6])}, labelmap.txt or the "
            "like); name one with --classes",
            reading.source,
        )
    return Palettes(read_class_list(path, reading.problems))


def _measured(
    pairs: Iterator[tuple[Path, Path]], fitting: Fitting
) -> Iterator[tuple[Path, Path, Measured]]:
    """Measure labels in threads, a few ahead of whoever asks; decoding lets threads run."""
    workers = min(4, os.cpu_count() or 1)
    waiting: deque[tuple[Path, Path, Future[Measured]]] = deque()
    with ThreadPoolExecutor(workers, "c4t-labels") as pool:
        try:
            for image, label in pairs:
                waiting.append((image, label, pool.submit(_measure, label, fitting)))
                if len(waiting) > 2 * workers:
                    first = waiting.popleft()
                    yield first[0], first[1], first[2].result()
            for ahead in waiting:
                yield ahead[0], ahead[1], ahead[2].result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def read_label(reading: Reading, label: Path, palette: Palette) -> list[Region]:
    """Return the classes of one label image; what is wrong with it is reported."""
    return _reported(reading, label, _measure(label, lambda _: palette))


def _reported(reading: Reading, label: Path, measured: Measured) -> list[Region]:
    classes, messages = measured
    for message in messages:
        reading.report(message, label)
    return classes


def _measure(label: Path, fitting: Fitting) -> Measured:
    """Return the classes of one label image, and what is wrong with it."""
    try:
        image = open_labels(label)
        palette = fitting(image)
        classes, unknown = regions(image, palette)
    except (ImageError, ValueError) as error:
        return [], [f"this label is left out: {error}"]
    messages = []
    if unknown:
        worst = sorted(unknown.items(), key=lambda item: (-item[1], item[0]))
        named = ", ".join(f"{code} ({pixels} pixels)" for code, pixels in worst[:3])
        more = f" and {len(worst) - 3} more" if len(worst) > 3 else ""
        what = "colours" if palette.colours else "ids"
        messages.append(f"{what} that the class list does not have: {named}{more}")
    if not classes:
        messages.append("this label is empty: it holds no class of the class list")
    return classes, messages


def scene_of(image: str, classes: list[Region], kind: str) -> Scene:
    """Return the scene of one label image."""
    return Scene(
        image=image,
        things=tuple(
            Thing(
                class_of(region.name),
                region.box,
                share=region.share,
                instance=region.name if class_of(region.name) != region.name else None,
            )
            for region in classes
        ),
        shares={region.name: region.share for region in classes},
        source=kind,
    )
