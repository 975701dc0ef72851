"""What training costs over the bare forward and backward passes.

``python -m benchmarks.training [--steps 60] [--deep-steps 6] [--threads N] [--json FILE]``

The product's own loop (rows from the cache, rates, bound of the gradient, averaged weights, log,
checkpoints) takes its steps in turn with a bare one: forward, backward and AdamW on tensors that
lie ready, with nothing else. Both have copies of the same weights, so each pair of steps does the
same arithmetic at the same moment on the same machine. ``loop`` is the median over the steps of
ours divided by the bare one's; ``whole`` is a whole run, with the retrieval on a fifth more pairs
after each epoch, the estimate before and all checkpoints, divided by as many bare steps. Both in
CPU seconds of all threads; ``loop_wall`` is by the clock, where loading overlaps. ``loop_asked``
is over a bare step with what the options ask for on top: the bound of the gradient's length and the
averaged weights, each a pass over memory.

``--pairs N`` times a whole run of the heads on N pairs in place of that, with its logs and
checkpoints and a fifth more pairs held out, all epochs (no early stop), on the wall and in CPU
seconds of all threads, and says what the features of so many images and captions cost.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from c4t_core.devices import available_threads
from c4t_core.models.c4t import tokens_of
from c4t_core.models.config import LITE
from c4t_core.models.folder import TOKENIZER
from c4t_core.models.network import DualEncoder
from c4t_core.models.pretrained import tokenizer_files
from c4t_core.training.data import Sample
from c4t_core.training.losses import Criterion
from c4t_core.training.request import FINE_TUNE_OPTIONS, LITE_OPTIONS, TrainingOptions
from c4t_core.training.run import make_accelerator
from c4t_core.training.sources import FrozenImages, ImageSource, RowStore
from c4t_core.training.steps import Material
from c4t_core.training.towers import (
    Captions,
    TextBatch,
    Towers,
    freeze,
    parameter_groups,
    set_training,
)
from c4t_core.training.trainer import Trainer

CASES = {
    "heads": LITE_OPTIONS,
    "heads of a base": FINE_TUNE_OPTIONS,
    "partial": dataclasses.replace(FINE_TUNE_OPTIONS, freeze="partial"),
    "partial, varied": dataclasses.replace(FINE_TUNE_OPTIONS, freeze="partial", augment="light"),
    "all": dataclasses.replace(FINE_TUNE_OPTIONS, freeze="none"),
    "all, varied": dataclasses.replace(FINE_TUNE_OPTIONS, freeze="none", augment="light"),
}
CAPTIONS = 2500  # different ones: captions made from labels repeat
TIMED = 64  # images and captions that the encoders are timed on
READY = 4  # batches that lie ready for the bare loop

Clocks = tuple[float, float]


def _clocks() -> Clocks:
    return time.process_time(), time.perf_counter()


def _since(begun: Clocks) -> Clocks:
    cpu, wall = _clocks()
    return cpu - begun[0], wall - begun[1]


class Bare:
    """Forward, backward and optimiser on tensors that lie ready.

    Attributes:
        asked: CPU seconds of what the options ask for on top, of the last step; it is no part of
            the seconds that :meth:`step` returns.
    """

    def __init__(self, towers: Towers, options: TrainingOptions, material: Material) -> None:
        self._towers = copy.deepcopy(towers)
        set_training(self._towers.model, options.frozen_norm)
        groups = parameter_groups(self._towers, options)
        self._optimizer = torch.optim.AdamW(groups, fused=True)
        self._weights = [weight for group in groups for weight in group["params"]]
        self._clip = options.clip_norm
        self._averages = [w.detach().clone() for w in self._weights] if options.ema else []
        self.asked = 0.0
        rng = np.random.default_rng(1)
        self._ready: list[tuple[Tensor, TextBatch]] = []
        for _ in range(READY):
            numbers = rng.integers(material.train, size=options.batch).tolist()
            captions = rng.integers(CAPTIONS, size=options.batch).tolist()
            images = material.images.batch(numbers)
            self._ready.append((images, material.captions.batch(captions)))
        self._taken = 0

    def step(self) -> Clocks:
        """Take a step and return its seconds, of the CPU and on the wall."""
        images, texts = self._ready[self._taken % READY]
        self._taken += 1
        begun = _clocks()
        self._towers(images, texts).backward()
        passes = _since(begun)
        begun = _clocks()
        if self._clip:
            torch.nn.utils.clip_grad_norm_(self._weights, self._clip)
        asked = _since(begun)[0]
        begun = _clocks()
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        update = _since(begun)
        begun = _clocks()
        if self._averages:
            torch._foreach_lerp_(self._averages, [w.detach() for w in self._weights], 0.05)
        self.asked = asked + _since(begun)[0]
        return passes[0] + update[0], passes[1] + update[1]


class InTurn:
    """Takes a bare step after each of the product's and notes what both took."""

    def __init__(self, bare: Bare, per_epoch: int) -> None:
        self._bare, self._per_epoch = bare, per_epoch
        self.pairs: list[tuple[Clocks, Clocks]] = []  # ours, bare: of steps inside an epoch
        self.asked: list[float] = []  # CPU seconds that such a step has to take on top
        self.bare_cpu = 0.0
        self._begun = _clocks()

    def __call__(self, done: int, total: int) -> None:
        """Be the run's progress."""
        ours = _since(self._begun)
        bare = self._bare.step()
        self.bare_cpu += bare[0]
        if (done - 1) % self._per_epoch:  # the first of an epoch waits for its rows
            self.pairs.append((ours, bare))
            self.asked.append(self._bare.asked)
        self._begun = _clocks()

    def ratio(self, clock: int) -> float:
        """Return the median of ours over bare; clock 0: CPU, 1: wall."""
        return statistics.median(ours[clock] / bare[clock] for ours, bare in self.pairs)

    def ratio_asked(self) -> float:
        """Return the same of CPU seconds over bare steps with what the options ask for."""
        both = zip(self.pairs, self.asked, strict=True)
        return statistics.median(ours[0] / (bare[0] + asked) for (ours, bare), asked in both)


def measure(
    model: DualEncoder, options: TrainingOptions, material: Material, folder: Path
) -> dict[str, Any]:
    """Train in turn with the bare loop and return both ratios."""
    freeze(model, options.freeze)
    towers = Towers(model, Criterion(options.loss), options.text_noise)
    bare = Bare(towers, options, material)
    for _ in range(2):
        bare.step()
    turn = InTurn(bare, material.train // options.batch)
    accelerator = make_accelerator("cpu", "no")
    begun = _clocks()
    silent: Callable[[Any], None] = lambda event: None  # noqa: E731 - a type for mypy
    run = Trainer(accelerator, towers, options, material, folder, "benchmark", silent, turn)
    run.run()
    cpu = _since(begun)[0] - turn.bare_cpu
    milliseconds = 1000 / options.batch
    return {
        "batch": options.batch,
        "steps": run.steps,
        "bare_ms": round(statistics.median(b[0] for _, b in turn.pairs) * milliseconds, 3),
        "ours_ms": round(statistics.median(o[0] for o, _ in turn.pairs) * milliseconds, 3),
        "loop": round(turn.ratio(0), 3),
        "loop_wall": round(turn.ratio(1), 3),
        "loop_asked": round(turn.ratio_asked(), 3),
        "whole": round(cpu / turn.bare_cpu, 3),
    }


def _drawn(
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
    shape = (model.image_encoder.width,) if whole else (*model.config.preprocess.shape, 3)
    store = RowStore(folder, "images", "drawn", count, shape, np.float32 if whole else np.uint8)

    def draw(rows: list[int]) -> tuple[NDArray[Any], dict[int, str]]:
        if whole:
            return rng.standard_normal((len(rows), *shape), np.float32), {}
        return rng.integers(0, 256, (len(rows), *shape), np.uint8), {}

    store.fill(lambda blocks: (draw(rows) for rows in blocks), 1024 if whole else 64)
    samples = [
        Sample(Path(f"{n}.jpg"), f"{n}.jpg", (texts[rng.integers(CAPTIONS)],), str(n // 50))
        for n in range(count)
    ]
    captions = Captions(texts, tokens_of(model.config, tokenizer))
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
        material = _drawn(model, tokenizer, pairs, folder / "cache", options)
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
    """Return the CPU seconds of the features of so many images and captions, without decoding."""
    shape = (TIMED, *model.config.preprocess.shape, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    images = FrozenImages(model, torch.device("cpu"), pairs)
    ids = torch.randint(1000, 20000, (TIMED, 16))
    seconds = {}
    model.eval()
    with torch.no_grad():
        for name, run in (
            ("image_features_s", lambda: images.encode_pixels(pixels)),
            ("text_features_s", lambda: model.text_encoder(ids, torch.ones_like(ids))),
        ):
            run()
            begun = time.process_time()
            run()
            seconds[name] = round((time.process_time() - begun) * pairs / TIMED, 1)
    return seconds


def case(name: str, steps: int, deep_steps: int, batch: int) -> dict[str, Any]:
    """Measure one of :data:`CASES` in two epochs of so many steps in all."""
    options = dataclasses.replace(CASES[name], early_stop=0, epochs=2)
    deep = options.freeze != "encoders"
    options = dataclasses.replace(options, batch=batch if deep else options.batch)
    model = DualEncoder(LITE)
    with tempfile.TemporaryDirectory() as scratch:
        pairs = (deep_steps if deep else steps) // options.epochs * options.batch
        tokenizer = tokenizer_files()[TOKENIZER]
        material = _drawn(model, tokenizer, pairs, Path(scratch) / "cache", options)
        return measure(model, options, material, Path(scratch))


def whole_run(pairs: int, fine_tune: bool, threads: int) -> dict[str, Any]:
    """Return the seconds of all epochs of the heads, and of the features before."""
    chosen = FINE_TUNE_OPTIONS if fine_tune else LITE_OPTIONS
    options = dataclasses.replace(chosen, early_stop=0)
    model = DualEncoder(LITE)
    tokenizer = tokenizer_files()[TOKENIZER]
    features = _features(model, pairs)
    return {
        "pairs": pairs,
        "options": "fine-tune" if fine_tune else "lite",
        "epochs": options.epochs,
        "batch": options.batch,
        "threads": threads,
        **_heads(model, tokenizer, options, pairs),
        **features,
    }


def main() -> None:
    """Measure every case and print a line of JSON for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=120, help="on the heads alone")
    parser.add_argument("--deep-steps", type=int, default=8, help="through the encoders")
    parser.add_argument("--deep-batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=available_threads())
    parser.add_argument("--case", choices=CASES, action="append")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--pairs", type=int, help="time a whole run of the heads")
    parser.add_argument("--fine-tune", action="store_true", help="of the heads of a base")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.pairs is not None:
        print(json.dumps(whole_run(given.pairs, given.fine_tune, given.threads)))
        return
    results = {}
    for name in given.case or CASES:
        results[name] = case(name, given.steps, given.deep_steps, given.deep_batch)
        print(json.dumps({"case": name, "threads": given.threads, **results[name]}), flush=True)
    if given.json is not None:
        given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
