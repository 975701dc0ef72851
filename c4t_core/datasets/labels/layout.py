"""Finding the files of a data set: walking, pairing labels with images, reporting what lacks.

Nothing here knows a label format. Paths of images are always given relative to one root, so
that the captions written from them can be used wherever the images lie.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import field
from pathlib import Path
from typing import Any

from c4t_core.datasets.scene import Problem
from c4t_core.errors import DataError, ImageError
from c4t_core.files import read_json
from c4t_core.images.decode import read_header
from c4t_core.images.kinds import SUFFIXES
from c4t_core.records import dataclass

IMAGE_FOLDERS = frozenset(
    {
        *("images", "image", "image_2", "img", "camera", "leftimg8bit", "jpegimages"),
        "701_stillsraw_full",
    }
)
LABEL_FOLDERS = frozenset(
    {
        *("labels", "label", "label_2", "masks", "mask", "annotations", "gtfine"),
        *("segmentationclass", "segmentationclasspng", "segmentationobject"),
        *("masks_machine", "masks_human", "labeledapproved_full"),
    }
)
_EXAMPLES = 5  # of what is left out for one reason
# What data sets put behind the part of the name that image and label share.
_ENDINGS = re.compile(
    r"(_leftImg8bit|_image|_img|_gtFine_\w+|_labelids|_label_?ids|_labels?|_mask|_color|_L)$",
    re.IGNORECASE,
)
_A2D2 = re.compile(r"^(?P<stamp>\d{14})_(?P<what>camera|label)_(?P<camera>[a-z]+)_(?P<frame>\d+)$")


@dataclass
class Reading:
    """One run over a data set's labels: where to look, and what went wrong so far.

    Attributes:
        source: file or folder that the user named.
        root: folder that image paths are relative to.
        classes: class list that the user named, if any.
        problems: what was left out, in the order found.
    """

    source: Path
    root: Path
    classes: Path | None = None
    problems: list[Problem] = field(default_factory=list)

    def report(self, message: str, path: Path | None = None, line: int | None = None) -> None:
        """Note that something is left out."""
        self.problems.append(Problem(line, message, path))

    def relative(self, path: Path) -> str:
        """Return a path below the root as it is written into captions files."""
        return path.relative_to(self.root).as_posix()


class Tally:
    """Counts what a file holds and no reader can use, so that each reason becomes one sentence."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._examples: dict[tuple[str, str], list[str]] = {}

    def add(self, noun: str, reason: str, example: str) -> None:
        """Count one thing that is left out.

        Args:
            noun: what it is, in the singular: ``"annotation"``.
            reason: what tells it from the others: ``"without a box"``.
            example: how the user finds it; the first few are named.
        """
        self._counts[noun, reason] += 1
        examples = self._examples.setdefault((noun, reason), [])
        if len(examples) <= _EXAMPLES and example not in examples:
            examples.append(example)

    def sentences(self) -> Iterator[str]:
        """Yield how many of each were left out, a sentence for each reason."""
        for (noun, reason), count in self._counts.items():
            examples = self._examples[noun, reason]
            named = ", ".join(examples[:_EXAMPLES])
            more = ", and more" if len(examples) > _EXAMPLES else ""
            nouns = noun if count == 1 else f"{noun}s"
            yield f"left out: {count} {nouns} {reason} ({named}{more})"

    def report(self, reading: Reading, path: Path) -> None:
        """Report the sentences as problems of a file."""
        for sentence in self.sentences():
            reading.report(sentence, path)


def start_reading(
    source: Path, images: Path | None, classes: Path | None, problems: list[Problem]
) -> Reading:
    """Check what the user named and settle the images' root.

    Raises:
        DataError: if the source or the images' folder is not there.
    """
    if not source.exists():
        raise DataError(f"{source} is not there; check the path of the labels", source)
    root = images or default_root(source)
    if not root.is_dir():
        raise DataError(f"{root} is not a folder; name the folder of the images", root)
    if classes is not None and not classes.is_file():
        raise DataError(f"{classes} is not there; check the path of the class list", classes)
    return Reading(source, root, classes, problems)


def default_root(source: Path) -> Path:
    """Return the folder that images are looked for in if the user names none."""
    folder = source if source.is_dir() else source.parent
    while folder.name.lower() in LABEL_FOLDERS and folder.parent != folder:
        folder = folder.parent
    return folder


def files_below(folder: Path, suffixes: Collection[str]) -> Iterator[Path]:
    """Yield the files with one of the suffixes by name; links to folders are not followed."""
    for where, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name[:1] != "." and os.path.splitext(name)[1].lower() in suffixes:
                yield Path(where, name)


def frame_key(path: Path) -> str:
    """Return what a label and its image have in common.

    A2D2's names give drive stamp, camera and frame; others the name without its ending.

    >>> frame_key(Path("a/20180807145028_label_frontcenter_000006882.png"))
    '20180807145028_frontcenter_000006882'
    >>> frame_key(Path("gtFine/aachen_000000_000019_gtFine_labelIds.png"))
    'aachen_000000_000019'
    """
    match = _A2D2.match(path.stem)
    if match:
        return "_".join(match.group("stamp", "camera", "frame"))
    stem = path.stem
    while (shorter := _ENDINGS.sub("", stem)) != stem and shorter:
        stem = shorter
    return stem


def is_label(path: Path, root: Path) -> bool | None:
    """Return True for a label, False for an image, None if neither name nor folder tells."""
    match = _A2D2.match(path.stem)
    if match:
        return match.group("what") == "label"
    for part in reversed(path.relative_to(root).parts[:-1]):
        name = part.lower()
        if name in LABEL_FOLDERS or name.endswith(("_labels", "_masks", "annot")):
            return True
        if name in IMAGE_FOLDERS:
            return False
    return None


def pair_by_name(reading: Reading, is_read: Callable[[Path], bool]) -> Iterator[tuple[Path, Path]]:
    """Yield (image, label) for every label image; what has no partner is reported.

    Args:
        reading: its source holds the labels, its root the images.
        is_read: says of a label whether it is of the kind to be read.
    """
    labels: dict[tuple[str, ...], Path] = {}
    base = default_root(reading.source)  # where names begin to count: a source may be labels/
    for path in files_below(reading.source, SUFFIXES):
        if is_label(path, base) and is_read(path):
            key = _pair_key(path, base)
            if key in labels:
                reading.report(f"{path.name} labels the same image as {labels[key].name}", path)
            else:
                labels[key] = path
    if not labels:
        raise DataError(
            f"{reading.source} holds no label images; name the folder above images/ and labels/",
            reading.source,
        )
    images = _images_of(reading)
    by_frame: dict[str, list[tuple[str, ...]]] = {}
    for key in images:
        by_frame.setdefault(key[-1], []).append(key)
    pairs: list[tuple[Path, Path]] = []
    for key, label in labels.items():
        alike = by_frame.get(key[-1], [])
        image = images.pop(key if key in images else alike[0] if len(alike) == 1 else (), None)
        if image is None:
            reading.report("this label has no image", label)
        else:
            pairs.append((image, label))
    for image in images.values():
        reading.report("this image has no label", image)
    yield from pairs


def _images_of(reading: Reading) -> dict[tuple[str, ...], Path]:
    """Return every image below the root by its key; without telling names, all non-labels."""
    files = [(path, is_label(path, reading.root)) for path in files_below(reading.root, SUFFIXES)]
    images_are_named = any(label is False for _, label in files)
    images: dict[tuple[str, ...], Path] = {}
    for path, label in files:
        if label is False or (label is None and not images_are_named):
            images.setdefault(_pair_key(path, reading.root), path)
    return images


def _pair_key(path: Path, root: Path) -> tuple[str, ...]:
    """Return folders between the root and the file that image and label share, and the frame."""
    key = frame_key(path)
    if _A2D2.match(path.stem):
        return (key,)
    folders = []
    for part in path.relative_to(root).parts[:-1]:
        name = re.sub(r"(_labels|_masks|annot)$", "", part.lower())
        if name not in IMAGE_FOLDERS and name not in LABEL_FOLDERS:
            folders.append(name)
    return (*folders, key)


def image_size(path: Path) -> tuple[int, int]:
    """Return (width, height) from the header of an image.

    Raises:
        ValueError: if it cannot be opened.
    """
    try:
        return read_header(path)[:2]
    except ImageError as error:
        raise ValueError(f"{path.name} cannot be opened as an image") from error


def json_files(reading: Reading) -> Iterator[tuple[Path, Any]]:
    """Yield the JSON files of the source and what they hold; one that is broken is reported.

    Raises:
        DataError: if there is none.
    """
    source = reading.source
    found = [source] if source.is_file() else files_below(source, {".json", ".gz"})
    files = [path for path in found if path == source or ".json" in path.suffixes]
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
