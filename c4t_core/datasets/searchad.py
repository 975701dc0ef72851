"""SearchAD: rare images to be found among the frames of eleven data sets, under 90 labels.

A SearchAD folder holds the annotations, the test images' ids, one default query a label, and a
folder for each source, which is fetched by hand from whoever publishes it. Image paths in all
files are relative to the SearchAD folder, ``/``-separated, and begin with their source.

An image is *relevant* to a label if a box of that label has at least :data:`MIN_AREA` square
pixels; if it has only smaller ones it is *ignored* for that label.

``searchad_labels.json`` beside this module has for each label one sentence to ask with, and
paraphrases of two kinds: ``taught`` ones may be used to train a text side, ``held`` ones never, so
that one can ask how many of them find their own label (``python -m benchmarks.searchad_words``).

Source: Embacher, Uhrig, Cordts, Enzweiler, "SearchAD: Large-Scale Rare Image Retrieval Dataset
for Autonomous Driving", CVPR 2026, arXiv 2604.08008.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple

from c4t_core.datasets.scene import Box, number
from c4t_core.errors import DataError
from c4t_core.files import read_json
from c4t_core.records import dataclass

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("val", "train", "test")

MIN_AREA = 50.0
"""Square pixels from which on a box makes its image relevant."""
ANNOTATIONS = "searchad_annotations_{split}.json"
TEST_IMAGES = "searchad_test_mapping_id_to_imagepath.json"
QUERIES = "default_queries"
PACK = "SearchAD: "
"""What the names of the saved searches begin with that ask for the labels."""


class Source(NamedTuple):
    """Who publishes a source's images, and which of its files SearchAD means."""

    name: str
    page: str
    files: str


_WILDDASH = ("WildDash 2", "wilddash.cc/download")
SOURCES = {
    "acdc": Source("ACDC", "acdc.vision.ee.ethz.ch/download", "rgb_anon_trainvaltest.zip"),
    "bdd100k_images_100k": Source("BDD100K", "bdd-data.berkeley.edu/download.html", "100K Images"),
    "cityscapes": Source(
        "Cityscapes",
        "cityscapes-dataset.com/downloads",
        "leftImg8bit_trainvaltest.zip and leftImg8bit_trainextra.zip",
    ),
    "ECP": Source(
        "EuroCity Persons",
        "eurocity-dataset.tudelft.nl/eval/downloads/detection",
        "day and night, train, val and test",
    ),
    "IDD_Segmentation": Source(
        "India Driving Dataset",
        "idd.insaan.iiit.ac.in/dataset/download",
        "IDD Segmentation (IDD 20k Part I)",
    ),
    "kitti": Source(
        "KITTI",
        "cvlibs.net/datasets/kitti/eval_object.php?obj_benchmark=2d",
        "left color images of the object data set",
    ),
    "lostandfound": Source(
        "Lost and Found",
        "wwwlehre.dhbw-stuttgart.de/~sgehrig/lostAndFoundDataset/index.html",
        "leftImg8bit",
    ),
    "mapillary_sign": Source(
        "Mapillary Traffic Sign", "mapillary.com/dataset/trafficsign", "the data set"
    ),
    "mapillary_vistas": Source(
        "Mapillary Vistas",
        "mapillary.com/dataset/vistas",
        "mapillary-vistas-dataset_public_v2.0.zip",
    ),
    "nuscenes": Source("nuScenes", "nuscenes.org/nuscenes#download", "Trainval and Test"),
    "wd_both02": Source(*_WILDDASH, "wd_both_02.zip"),
    "wd_publicv2p0": Source(*_WILDDASH, "wd_public_v2p0.zip"),
}
"""Folder -> where its images come from."""

_OF_CATEGORY = {
    "Animal": "Real-Cat Real-Cow Real-Deer Real-Dog Real-Donkey Real-Wildlife Real-Horse "
    "Real-Sheep Statue-Cow Statue-Deer Statue-Elephant Statue-Horse Statue-Lion",
    "Human": "Construction-Worker Firefighter Medical On-Loading-Area Police Refuse-Collector "
    "With-Sticks-or-Crutches",
    "Marking": "Bicycle-Symbol Bus-Text Stop-Text Temporarily-Invalidated Yellow-Lane-Arrow",
    "Object": "Ball Beacon Euro-Pallet Hand-Dolly Hydrant Office-Chair Pallet-Truck "
    "Platform-Truck Rollator Shopping-Cart Shopping-Trolley Suitcase-Trolley Traffic-Cone "
    "Trash-Bin Wheelbarrow",
    "Rideable": "Cityscooter Police-Motorcycle Quad Segway Skateboard Skates Ski Stroller "
    "Three-Wheeler Toy-Car Wheelchair",
    "Scene": "Active-Amber-Lights Active-Emergency-Lights Fog Open-Door Open-Hood Open-Trunk "
    "Snow Tunnel",
    "Sign": "Animal-Sign Road-Bumper-Sign Temporarily-Invalidated-Sign Train-Sign Warning-Triangle",
    "Trailer": "Agricultural-Trailer Bicycle-Trailer Boat-Trailer Car-Trailer Caravan-Trailer "
    "Carriage Warning-Trailer",
    "Vehicle": "Construction-Concrete-Mixer Construction-Excavator Construction-Forklift "
    "Construction-Harvester Construction-Loader Construction-Steamroller Construction-Tractor "
    "Construction-Truck-Crane Duty-Fire Duty-Garbage Duty-Medical Duty-Military Duty-Police "
    "Duty-Winter Special-Bicycle-On-Back Special-Bicycle-On-Roof Special-Car-Truck "
    "Special-Recreational Special-Train",
}
CATEGORIES = tuple(_OF_CATEGORY)
LABELS = tuple(
    f"{category}-{rest}" for category, names in _OF_CATEGORY.items() for rest in names.split()
)
"""The 90 labels, by category. Others, such as ``Animal-Real-Other``, are no part of the task."""
_KNOWN = frozenset(LABELS)


def category_of(label: str) -> str:
    """Return the category of one of :data:`LABELS`: the first part of its name.

    >>> category_of("Sign-Animal-Sign")
    'Sign'
    """
    return label.partition("-")[0]


def source_of(image: str) -> str:
    """Return the source of an image: the first folder of its path.

    >>> source_of("acdc/rgb_anon/fog/train/a.png")
    'acdc'
    """
    return image.partition("/")[0]


@dataclass(frozen=True, slots=True)
class LabelledBox:
    """A box of one of the 90 labels.

    Attributes:
        label: one of :data:`LABELS`.
        corners: ``(x0, y0, x1, y1)`` in pixels.
    """

    label: str
    corners: Box

    @property
    def area(self) -> float:
        """Square pixels."""
        x0, y0, x1, y1 = self.corners
        return (x1 - x0) * (y1 - y0)


@dataclass(frozen=True, slots=True)
class Frame:
    """One image of a split, with its boxes of the 90 labels; most images have none.

    Attributes:
        image: path relative to the SearchAD folder.
        boxes: in the file's order.
    """

    image: str
    boxes: tuple[LabelledBox, ...] = ()

    def relevance(self) -> dict[str, bool]:
        """Return label -> True if the image is relevant to it, False if it is ignored."""
        found: dict[str, bool] = {}
        for box in self.boxes:
            found[box.label] = found.get(box.label, False) or box.area >= MIN_AREA
        return found


@dataclass(frozen=True)
class Annotations:
    """What is labelled in a split.

    Attributes:
        split: ``"train"`` or ``"val"``.
        frames: every image of the split, in the file's order.
        left_out: labels that are none of the 90 -> number of their boxes.
    """

    split: Split
    frames: tuple[Frame, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)

    def relevance(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """Return label -> relevant images, and label -> ignored images; all 90 are in both."""
        relevant: dict[str, list[str]] = {label: [] for label in LABELS}
        ignored: dict[str, list[str]] = {label: [] for label in LABELS}
        for frame in self.frames:
            for label, counts in frame.relevance().items():
                (relevant if counts else ignored)[label].append(frame.image)
        return relevant, ignored


@dataclass(frozen=True)
class DefaultQuery:
    """What ``default_queries/LABEL.json`` asks with.

    Attributes:
        texts: the text queries; none where the file has none.
        crops: (image, ``(x0, y0, x1, y1)`` in pixels) of the image queries.
        not_understood: keys of the file that are neither.
    """

    texts: tuple[str, ...]
    crops: tuple[tuple[str, Box], ...]
    not_understood: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceImages:
    """How many of a source's images are in the folder.

    Attributes:
        source: the folder, a key of :data:`SOURCES`.
        wanted: number of images that a split names.
        missing: those that are not there.
    """

    source: str
    wanted: int
    missing: tuple[str, ...]

    def __str__(self) -> str:
        """Say what is missing, and from whom it is to be had; "" where nothing is."""
        if not self.missing:
            return ""
        who = SOURCES[self.source]
        lacking = len(self.missing)
        what = (
            f"none of its {self.wanted:,} images is there"
            if lacking == self.wanted
            else f"{lacking:,} of its {self.wanted:,} images are missing, such as {self.missing[0]}"
        )
        return f"{self.source}: {what}; {who.name} has them ({who.files}) at {who.page}"


def is_searchad(folder: Path) -> bool:
    """Tell whether a folder is one of SearchAD: whether any of its files lies there."""
    splits: tuple[Split, ...] = ("val", "train")
    return (
        any((folder / ANNOTATIONS.format(split=split)).is_file() for split in splits)
        or (folder / TEST_IMAGES).is_file()
    )


def read_annotations(folder: Path, split: Split) -> Annotations:
    """Read what is labelled in ``"train"`` or ``"val"``.

    Raises:
        DataError: if the file is not there, or is not as SearchAD writes it; names the image.
    """
    path = _file_of(folder, ANNOTATIONS.format(split=split))
    left_out: Counter[str] = Counter()
    frames = []
    for image, items in _object(path, "image paths with their boxes").items():
        _check_image(image, path)
        try:
            frames.append(Frame(image, tuple(_boxes(items, left_out))))
        except ValueError as error:
            raise DataError(f'"{path}", {image}: {error}; get the file again.', path) from error
    if not frames:
        raise DataError(f'"{path}" names no image; get it again.', path)
    return Annotations(split, tuple(frames), dict(left_out))


def read_test_images(folder: Path) -> dict[str, int]:
    """Return image path -> id of every image of the test split, in the file's order.

    Raises:
        DataError: if the file is not there, or is not as SearchAD writes it; names the entry.
    """
    path = _file_of(folder, TEST_IMAGES)
    ids: dict[str, int] = {}
    for number_, image in _object(path, "ids with their image paths").items():
        if not number_.isascii() or not number_.isdigit():
            raise DataError(f'"{path}": "{number_}" is not an id; get the file again.', path)
        if not isinstance(image, str):
            raise DataError(f'"{path}": id {number_} has no image path; get it again.', path)
        _check_image(image, path)
        if image in ids:
            raise DataError(f'"{path}" has two ids for {image}; get the file again.', path)
        ids[image] = int(number_)
    if not ids or len(set(ids.values())) != len(ids):
        what = "has an id twice" if ids else "names no image"
        raise DataError(f'"{path}" {what}; get it again.', path)
    return ids


def read_default_query(folder: Path, label: str) -> DefaultQuery:
    """Read what a label is asked with by default.

    Texts may stand anywhere beside the image queries, as a text, a list or an object of texts,
    under a name that tells of them, such as ``language`` or ``text``.

    Raises:
        DataError: if the file is not there, or a box of an image query cannot be used.
    """
    path = _file_of(folder, f"{QUERIES}/{label}.json")
    data = _object(path, "the queries of a label")
    sets = data.get("supportsets", {})
    if not isinstance(sets, dict):
        raise DataError(f'"{path}": supportsets is not an object; get the file again.', path)
    vision = sets.get("vision", {})
    if not isinstance(vision, dict):
        raise DataError(f'"{path}": vision is not an object; get the file again.', path)
    crops = tuple(_crops(vision, path))
    texts: list[str] = []
    odd: list[str] = []
    beside = {f"supportsets.{key}": value for key, value in sets.items() if key != "vision"}
    for key, value in ({k: v for k, v in data.items() if k != "supportsets"} | beside).items():
        if key.rpartition(".")[2].lower() not in _TEXT_KEYS:
            odd.append(key)
        else:
            found = list(_texts(value))
            texts += found
            odd += [] if found else [key]
    return DefaultQuery(tuple(dict.fromkeys(texts)), crops, tuple(odd))


def missing_images(folder: Path, images: Iterable[str]) -> list[SourceImages]:
    """Return, for each source of the images, in order of name, what of it is not in the folder.

    Each folder is listed once, as asking for files one by one is slow on a network disk.
    """
    wanted: Counter[str] = Counter()
    missing: dict[str, list[str]] = {}
    there: dict[str, frozenset[str]] = {}
    for image in images:
        source = source_of(image)
        wanted[source] += 1
        where, _, name = image.rpartition("/")
        if where not in there:
            there[where] = _names(folder / where)
        if name not in there[where]:
            missing.setdefault(source, []).append(image)
    return [
        SourceImages(source, wanted[source], tuple(missing.get(source, ())))
        for source in sorted(wanted, key=str.lower)
    ]


_TEXT_KEYS = frozenset(
    {
        *("language", "text", "texts", "textual", "query", "queries", "prompt", "prompts"),
        *("text_query", "text_queries", "caption", "captions", "description", "descriptions"),
    }
)


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts at the ends of lists and objects."""
    if isinstance(value, str):
        if text := " ".join(value.split()):
            yield text
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _crops(vision: Mapping[str, Any], path: Path) -> Iterator[tuple[str, Box]]:
    for image, items in vision.items():
        _check_image(image, path)
        for item in items if isinstance(items, list) else [items]:
            try:
                yield image, _crop(item.get("bbox") if isinstance(item, dict) else None)
            except ValueError as error:
                raise DataError(f'"{path}", {image}: {error}; get the file again.', path) from error


def _crop(box: Any) -> Box:
    """Return the corners of an image query.

    Raises:
        ValueError: with the reason, if it has none that hold a pixel.
    """
    if not isinstance(box, dict):
        raise ValueError("an image query has no box")  # noqa: TRY004 - bad data, not a bug
    x0, y0, x1, y1 = (number(name, box.get(name)) for name in ("min_x", "min_y", "max_x", "max_y"))
    if x1 <= x0 or y1 <= y0:
        raise ValueError(f"the box {x0:g} {y0:g} {x1:g} {y1:g} holds no pixel")
    return x0, y0, x1, y1


def _boxes(items: Any, left_out: Counter[str]) -> Iterator[LabelledBox]:
    """Yield the boxes of the 90 labels; count the others.

    Raises:
        ValueError: with the reason, if one cannot be read.
    """
    if not isinstance(items, list):
        raise ValueError("its boxes are not a list")  # noqa: TRY004 - bad data, not a bug
    for item in items:
        label = item.get("label") if isinstance(item, dict) else None
        if not isinstance(label, str) or not label:
            raise ValueError("a box has no label")
        if label not in _KNOWN:
            left_out[label] += 1
            continue
        box = item.get("bbox")
        if not isinstance(box, list) or len(box) != 4:
            raise ValueError(f"the box of {label} is not four numbers")
        x0, y0, x1, y1 = (number(f"a side of the box of {label}", side) for side in box)
        yield LabelledBox(label, (x0, y0, x1, y1))


def _file_of(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise DataError(
            f'"{folder}" has no {name}; it comes with SearchAD\'s archive of annotations, which '
            "is to be unpacked there.",
            path,
        )
    return path


def _object(path: Path, what: str) -> dict[str, Any]:
    data = read_json(path)
    if not isinstance(data, dict):
        raise DataError(f'"{path}" is not an object of {what}; get it again.', path)
    return data


def _check_image(image: str, path: Path) -> None:
    """Raise DataError for a path that SearchAD would not write, such as one that leads outside."""
    parts = PurePosixPath(image).parts
    if len(parts) < 2 or parts[0] not in SOURCES or ".." in parts or "\\" in image:
        raise DataError(
            f'"{path}" names the image "{image}", which lies in none of the sources\' folders '
            f"({', '.join(SOURCES)}); get the file again.",
            path,
        )


def _names(folder: Path) -> frozenset[str]:
    """Return the names of the files in a folder, none if it is not there."""
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries if entry.is_file())
    except OSError:
        return frozenset()


@dataclass(frozen=True)
class Label:
    """What a label is called in sentences.

    Attributes:
        name: of the label, such as "Vehicle-Duty-Fire".
        ask: the sentence to search with.
        taught: paraphrases that a training may use.
        held: paraphrases that no training may use.
    """

    name: str
    ask: str
    taught: tuple[str, ...]
    held: tuple[str, ...]

    @property
    def category(self) -> str:
        """First part of the name: one of nine."""
        return category_of(self.name)


@lru_cache(maxsize=1)
def labels() -> dict[str, Label]:
    """Return all 90 labels by name, in the benchmark's order."""
    text = Path(__file__).with_name("searchad_labels.json").read_text("utf-8")
    return {
        name: Label(name, said["ask"], tuple(said["taught"]), tuple(said["held"]))
        for name, said in json.loads(text).items()
    }


def sentences() -> dict[str, str]:
    """Return the sentence to ask with of each of the 90 labels."""
    return {name: label.ask for name, label in labels().items()}
