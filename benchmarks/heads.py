"""How long the heads take to train on 10,000 pairs once features are kept.

``python -m benchmarks.heads [--pairs 10000] [--fine-tune] [--threads N]``

Features are drawn at random, as wide as those of ``lite``; a fifth more images are held out and
searched after every epoch. What is timed is the product's own loop with its logs and checkpoints,
all epochs (no early stop), on the wall and in CPU seconds of all threads: on a busy machine the
second is the one to compare. Reading the images once comes on top: the command also times the
encoders on a few of them and says what the features of so many images and captions cost.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from c4t_core.devices import available_threads
from c4t_core.models.config import LITE
from c4t_core.models.folder import TOKENIZER
from c4t_core.models.network import DualEncoder
from c4t_core.models.pretrained import tokenizer_files
from c4t_core.training.data import Sample
from c4t_core.training.losses import Criterion
from c4t_core.training.request import FINE_TUNE_OPTIONS, LITE_OPTIONS, TrainingOptions
from c4t_core.training.run import make_accelerator
from c4t_core.training.sources import ImageSource, RowStore
from c4t_core.training.steps import Material
from c4t_core.training.towers import Captions, Towers, freeze
from c4t_core.training.trainer import Trainer

CAPTIONS = 2500  # different ones: captions made from labels repeat
TIMED = 64  # images and captions that the encoders are timed on


def drawn_material(
    model: DualEncoder, tokenizer: bytes, pairs: int, folder: Path, options: TrainingOptions
) -> Material:
    """Return pairs of drawn rows, one caption an image, a fifth more of them held out.

    Rows are features of what ``options.freeze`` keeps still, else pixels and tokens.
    """
    rng = np.random.default_rng(7)
    count = pairs + pairs // 5
    texts = [f"caption number {n}" for n in range(CAPTIONS)]
    varied = options.augment == "light"
    whole = options.freeze == "encoders" and not varied
    size = model.config.preprocess.size
    shape = (model.image_encoder.width,) if whole else (size, size, 3)
    store = RowStore(folder, "images", "drawn", count, shape, np.float32 if whole else np.uint8)

    def draw(rows: list[int]) -> tuple[NDArray[Any], dict[int, str]]:
        if whole:
            return rng.standard_normal((len(rows), *shape), np.float32), {}
        return rng.integers(0, 256, (len(rows), *shape), np.uint8), {}

    store.fill(draw, 1024 if whole else 64)
    samples = [
        Sample(Path(f"{n}.jpg"), f"{n}.jpg", (texts[rng.integers(CAPTIONS)],), str(n // 50))
        for n in range(count)
    ]
    captions = Captions(texts, tokenizer, model.config.text.max_length)
    if options.freeze in ("text", "encoders", "partial"):
        drawn = rng.standard_normal((CAPTIONS, model.text_encoder.width), np.float32)
        captions.features = torch.from_numpy(drawn)
    paths = [sample.image for sample in samples]
    return Material(samples, pairs, ImageSource(store, paths, None, augment=varied), captions)


def _heads(
    model: DualEncoder, tokenizer: bytes, options: TrainingOptions, pairs: int
) -> dict[str, float]:
    """Return the seconds of a whole run on kept features, on the wall and of the CPU."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        material = drawn_material(model, tokenizer, pairs, folder / "cache", options)
        towers = Towers(model, Criterion(options.loss), options.text_noise)
        freeze(towers.model, options.freeze)
        begun, used = time.perf_counter(), time.process_time()
        Trainer(
            make_accelerator("cpu", "no"),
            towers,
            options,
            material,
            folder,
            "benchmark",
            lambda event: None,
            lambda done, total: None,
        ).run()
        wall, cpu = time.perf_counter() - begun, time.process_time() - used
        return {"heads_s": round(wall, 1), "heads_cpu_s": round(cpu, 1)}


def _features(model: DualEncoder, pairs: int) -> dict[str, float]:
    """Return what the features of so many images and captions cost, decoding left out."""
    size = model.config.preprocess.size
    pixels = torch.zeros(TIMED, size, size, 3, dtype=torch.uint8)
    ids = torch.randint(1000, 20000, (TIMED, 16))
    seconds = {}
    model.eval()
    with torch.no_grad():
        for name, run in (
            ("image_features_s", lambda: model.image_encoder(pixels)),
            ("text_features_s", lambda: model.text_encoder(ids, torch.ones_like(ids))),
        ):
            run()
            begun = time.perf_counter()
            run()
            seconds[name] = round((time.perf_counter() - begun) * pairs / TIMED, 1)
    return seconds


def main() -> None:
    """Train heads on drawn features and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--fine-tune", action="store_true", help="the options of --from")
    parser.add_argument("--threads", type=int, default=available_threads())
    given = parser.parse_args()
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    torch.set_num_threads(given.threads)
    chosen = FINE_TUNE_OPTIONS if given.fine_tune else LITE_OPTIONS
    options = dataclasses.replace(chosen, early_stop=0)
    model = DualEncoder(LITE)
    tokenizer = tokenizer_files()[TOKENIZER]
    features = _features(model, given.pairs)
    seconds = _heads(model, tokenizer, options, given.pairs)
    print(
        json.dumps(
            {
                "pairs": given.pairs,
                "options": "fine-tune" if given.fine_tune else "lite",
                "epochs": options.epochs,
                "batch": options.batch,
                "threads": given.threads,
                **seconds,
                **features,
            }
        )
    )


if __name__ == "__main__":
    main()
