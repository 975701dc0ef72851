"""A miniature of SearchAD: a few hundred drawn frames over its sources, and a model of colours."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from c4t_core.datasets.searchad import LABELS, Split, sentences
from tests.helpers.toy_model import SIDE, ToyModel

SIZE = (48, 32)
USED = LABELS[::5]  # what is drawn; of the others no image is relevant
ONLY_SMALL = LABELS[1]  # has no box that counts
FOLDERS = {
    "acdc": "rgb_anon/fog/{split}",
    "bdd100k_images_100k": "images/100k/{split}",
    "cityscapes": "leftImg8bit/{split}/aachen",
    "ECP": "ECP/day/img/{split}/berlin",
    "IDD_Segmentation": "leftImg8bit/{split}/5",
    "kitti": "training/image_2",
    "lostandfound": "leftImg8bit/{split}/01",
    "mapillary_sign": "images",
    "mapillary_vistas": "{split}/images",
    "nuscenes": "samples/CAM_FRONT",
    "wd_both02": "images",
    "wd_publicv2p0": "images",
}
_EVERYWHERE = (
    *("acdc", "bdd100k_images_100k", "cityscapes", "ECP", "IDD_Segmentation"),
    *("mapillary_sign", "mapillary_vistas", "nuscenes"),
)
SPLIT_SOURCES: dict[Split, tuple[str, ...]] = {  # which ones each split has images of
    "train": (*_EVERYWHERE, "kitti", "lostandfound", "wd_publicv2p0"),
    "val": (*_EVERYWHERE, "wd_publicv2p0"),
    "test": (*_EVERYWHERE, "kitti", "lostandfound", "wd_both02"),
}
Box = dict[str, Any]
_TEXTS = {text: label for label, text in sentences().items()}
_TEXTS |= {f"a photo of {label}": label for label in LABELS}
_TEXTS |= {f"{label} in traffic": label for label in LABELS}


class LabelModel(ToyModel):
    """Takes a text for the colour of its label; ``blur`` makes a worse model of it."""

    def __init__(self, name: str = "toy", blur: float = 0.0) -> None:
        super().__init__(name)
        self.blur = blur
        self.fingerprint = hashlib.sha256(f"labels {name} {blur}".encode()).hexdigest()

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        labels = [_TEXTS.get(text, text) for text in texts]
        tones = np.array([colour_of(label) for label in labels])
        others = np.array([colour_of(label[::-1]) for label in labels])
        mixed = ((1 - self.blur) * tones + self.blur * others).astype(int)
        return self.encode_images(
            [Image.new("RGB", (SIDE, SIDE), tuple(tone)) for tone in mixed.tolist()]
        )


def colour_of(label: str) -> tuple[int, int, int]:
    digest = hashlib.sha256(label.encode()).digest()
    return digest[0], digest[1], digest[2]


def draw_searchad(folder: Path, val: int = 216, train: int = 44, test: int = 44) -> Path:
    """Draw a SearchAD folder with all its sources; the same one each time."""
    rng = random.Random(5)
    marked: dict[str, dict[str, list[Box]]] = {}
    shares: tuple[tuple[Split, int], ...] = (("train", train), ("val", val))
    for split, number in shares:
        sources = SPLIT_SOURCES[split]
        marked[split] = {}
        for place in range(number):
            name = _name(sources[place % len(sources)], split, place)
            boxes = _boxes(rng, place)
            marked[split][name] = boxes
            _draw(folder / name, boxes, rng.randrange(40))
        file = folder / f"searchad_annotations_{split}.json"
        file.write_text(json.dumps(marked[split]))
    # two pictures that are one: only their paths can order them
    first, second = (n for n in list(marked["val"])[:2])
    (folder / second).write_bytes((folder / first).read_bytes())
    ids = {}
    for place in range(test):
        name = _name(SPLIT_SOURCES["test"][place % 11], "test", place)
        ids[str(1000 + 7 * place)] = name
        _draw(folder / name, _boxes(rng, place), place)
    (folder / "searchad_test_mapping_id_to_imagepath.json").write_text(json.dumps(ids))
    _queries(folder, list(marked["train"]))
    _draw(folder / "nuscenes/samples/CAM_LEFT/not_of_it.png", [], 3)
    return folder


def _name(source: str, split: str, place: int) -> str:
    return f"{source}/{FOLDERS[source].format(split=split)}/{split}_{place:06d}.png"


def _boxes(rng: random.Random, place: int) -> list[Box]:
    boxes = []
    for label in rng.sample(USED, rng.choice([0, 1, 1, 2, 3])):
        x, y = rng.randrange(0, 24), rng.randrange(0, 16)
        width, height = rng.choice([(24, 16), (10, 5), (7, 7), (4, 12.25)])
        boxes.append({"label": label, "bbox": [x, y, x + width, y + height]})
    if place % 9 == 0:
        boxes.append({"label": "Animal-Real-Other", "bbox": [0, 0, 20, 20]})
    if place % 31 == 0:
        boxes.append({"label": ONLY_SMALL, "bbox": [3, 3, 9, 9]})
    if boxes and place % 5 == 0:  # a label again: small beside large
        boxes.append({"label": boxes[0]["label"], "bbox": [1, 1, 3, 3]})
    return boxes


def _draw(path: Path, boxes: list[Box], shade: int) -> None:
    picture = Image.new("RGB", SIZE, (100 + shade, 110, 120))
    for box in boxes:
        x0, y0, x1, y1 = map(int, box["bbox"])
        picture.paste(colour_of(box["label"]), (x0, y0, x1, y1))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def _queries(folder: Path, images: list[str]) -> None:
    (folder / "default_queries").mkdir()
    for row, label in enumerate(LABELS):
        vision = {}
        for image in (images[row % len(images)], images[(row + 7) % len(images)]):
            with Image.open(folder / image) as picture:
                drawn = picture.copy()
            x = 2 * (row % 8)
            drawn.paste(colour_of(label), (x, 4, x + 12, 16))
            drawn.save(folder / image)
            box = {"min_x": x, "min_y": 4, "max_x": x + 12, "max_y": 16}
            vision[image] = [{"bbox": box, "label": label}]
        texts = {"en": [f"a photo of {label}", f"{label} in traffic"]}
        data = {"supportsets": {"vision": vision, "language": texts}, "version": 2}
        (folder / "default_queries" / f"{label}.json").write_text(json.dumps(data))
