"""Label images with a class list: CamVid, IDD, and whatever else is drawn that way.

Labels hold class ids or colours; the class list says which. Image and label share a name, but
for the endings that data sets add ("_L", "_gtFine_labelids").
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from c4t_core.datasets.classlist import NAMES, find_class_list, read_class_list
from c4t_core.datasets.labelimage import Palette, Region, open_label, regions
from c4t_core.datasets.layout import Reading, pair_by_name
from c4t_core.datasets.scene import Scene, Thing
from c4t_core.datasets.words import class_of
from c4t_core.errors import DataError

Measured = tuple[list[Region], list[str]]

_INSTANCES = re.compile(r"instance_?(ids|trainids)?$", re.IGNORECASE)
_IDS = re.compile(r"(label(level\d)?_?ids|label(level\d)?|trainids)$", re.IGNORECASE)
_COLOURS = re.compile(r"colou?r$", re.IGNORECASE)


def read(reading: Reading) -> Iterator[Scene]:
    """Yield a scene per pair of image and label.

    Raises:
        DataError: if there is no class list, or there are no labels.
    """
    palette = palette_of(reading)
    yield from read_with(reading, palette, "masks")


def palette_of(reading: Reading) -> Palette:
    """Return the palette of the class list the user named, or of the one beside the labels.

    Raises:
        DataError: if there is none.
    """
    folders = (reading.source, reading.source.parent, reading.root)
    path = reading.classes or next(filter(None, map(find_class_list, folders)), None)
    if path is None:
        raise DataError(
            f"{reading.source} has no class list ({', '.join(NAMES)}); name one with --classes",
            reading.source,
        )
    return Palette(read_class_list(path, reading.problems))


def read_with(reading: Reading, palette: Palette, kind: str) -> Iterator[Scene]:
    """Yield a scene per pair of image and label, read with a palette that is known."""
    wrong = _IDS if palette.colours else _COLOURS

    def wanted(path: Path) -> bool:
        return not _INSTANCES.search(path.stem) and not wrong.search(path.stem)

    pairs = pair_by_name(reading, wanted)
    for image, label, (found, messages) in _measured(pairs, palette):
        for message in messages:
            reading.report(message, label)
        if found:
            yield scene_of(reading.relative(image), found, kind)


def _measured(
    pairs: Iterator[tuple[Path, Path]], palette: Palette
) -> Iterator[tuple[Path, Path, Measured]]:
    """Measure labels in threads, a few ahead of whoever asks; decoding lets threads run."""
    workers = min(4, os.cpu_count() or 1)
    waiting: deque[tuple[Path, Path, Future[Measured]]] = deque()
    with ThreadPoolExecutor(workers, "c4t-labels") as pool:
        try:
            for image, label in pairs:
                waiting.append((image, label, pool.submit(measure_label, label, palette)))
                if len(waiting) > 2 * workers:
                    first = waiting.popleft()
                    yield first[0], first[1], first[2].result()
            for ahead in waiting:
                yield ahead[0], ahead[1], ahead[2].result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def read_label(reading: Reading, label: Path, palette: Palette) -> list[Region]:
    """Return the classes of one label image; what is wrong with it is reported."""
    found, messages = measure_label(label, palette)
    for message in messages:
        reading.report(message, label)
    return found


def measure_label(label: Path, palette: Palette) -> Measured:
    """Return the classes of one label image, and what is wrong with it."""
    try:
        found, unknown = regions(open_label(label), palette)
    except ValueError as error:
        return [], [f"this label is left out: {error}"]
    messages = []
    if unknown:
        worst = sorted(unknown.items(), key=lambda item: (-item[1], item[0]))
        named = ", ".join(f"{code} ({pixels} pixels)" for code, pixels in worst[:3])
        more = f" and {len(worst) - 3} more" if len(worst) > 3 else ""
        what = "colours" if palette.colours else "ids"
        messages.append(f"{what} that the class list does not have: {named}{more}")
    if not found:
        messages.append("this label is empty: it holds no class of the class list")
    return found, messages


def scene_of(image: str, found: list[Region], kind: str) -> Scene:
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
            for region in found
        ),
        shares={region.name: region.share for region in found},
        source=kind,
    )
