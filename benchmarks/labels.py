"""How long one label image takes, from the file to its keyword captions.

``python -m benchmarks.labels [--labels FOLDER] [--repeat 20]``

Real A2D2 labels (1920x1208 PNG) where there are some, else one label drawn with 40 regions. One
thread; decoding, counting and wording are timed apart, each as the median of all passes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.speed.images import real_folder
from c4t_core.datasets.captions import captions
from c4t_core.datasets.labels.classlist import find_class_list, read_class_list
from c4t_core.datasets.labels.masks import Palette, regions, scene_of
from c4t_core.images.decode import open_labels

SIZE = (1920, 1208)
REGIONS = 40


def _drawn(folder: Path) -> tuple[list[Path], Palette]:
    """Draw one label of overlapping rectangles in as many colours."""
    rng = np.random.default_rng(3)
    colours = [tuple(int(c) for c in rng.integers(0, 256, 3)) for _ in range(REGIONS)]
    image = Image.new("RGB", SIZE, colours[0])
    pencil = ImageDraw.Draw(image)
    for colour in colours[1:]:
        left, top = rng.integers(0, SIZE[0] - 200), rng.integers(0, SIZE[1] - 200)
        wide, tall = rng.integers(20, 800), rng.integers(20, 500)
        pencil.rectangle((int(left), int(top), int(left + wide), int(top + tall)), fill=colour)
    path = folder / "drawn.png"
    image.save(path)
    return [path], Palette({colour: f"Class {n}" for n, colour in enumerate(colours)})


def _labels(given: Path | None, scratch: Path) -> tuple[list[Path], Palette, str]:
    folder = given or real_folder("a2d2", "labels")
    found = sorted(folder.rglob("*.png")) if folder else []
    listed = folder and (find_class_list(folder) or find_class_list(folder.parent))
    if found and listed:
        return found, Palette(read_class_list(listed, [])), f"{len(found)} labels of {folder.name}"
    return (*_drawn(scratch), "one drawn label")


def main() -> None:
    """Time labels and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=Path, help="folder of label PNGs beside a class list")
    parser.add_argument("--repeat", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        paths, palette, what = _labels(options.labels, Path(scratch))
        passes = []
        for path in paths * options.repeat:
            begun = time.perf_counter()
            image = open_labels(path)
            decoded = time.perf_counter()
            found, _ = regions(image, palette)
            counted = time.perf_counter()
            captions(scene_of(path.name, found, "a2d2"), "keywords")
            done = time.perf_counter()
            passes.append((decoded - begun, counted - decoded, done - counted, done - begun))
    names = ("decode_ms", "count_ms", "caption_ms", "total_ms")
    report = {
        name: round(1e3 * statistics.median(column), 2)
        for name, column in zip(names, zip(*passes, strict=True), strict=True)
    }
    slowest = round(1e3 * max(row[3] for row in passes), 2)
    print(json.dumps({"labels": what, "passes": len(passes), **report, "slowest_ms": slowest}))


if __name__ == "__main__":
    main()
