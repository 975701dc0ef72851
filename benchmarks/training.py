"""What training costs over the bare forward and backward passes.

``python -m benchmarks.training [--steps 60] [--deep-steps 6] [--threads N] [--json FILE]``

The product's own loop (rows from the cache, rates, bound of the gradient, averaged weights, log,
checkpoints) takes its steps in turn with a bare one: forward, backward and AdamW on tensors that
lie ready, with nothing else. Both have copies of the same weights, so each pair of steps does the
same arithmetic at the same moment on the same machine. ``loop`` is the median over the steps of
ours divided by the bare one's; ``whole`` is a whole run, with the retrieval on a fifth more pairs
after each epoch, the estimate before and all checkpoints, divided by as many bare steps. Both in
CPU seconds of all threads; ``loop_wall`` is by the clock, where loading overlaps.
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
from torch import Tensor

from benchmarks.heads import CAPTIONS, drawn_material
from c4t_core.devices import available_threads
from c4t_core.models.config import LITE
from c4t_core.models.folder import TOKENIZER
from c4t_core.models.network import DualEncoder
from c4t_core.models.pretrained import tokenizer_files
from c4t_core.training.losses import Criterion
from c4t_core.training.request import FINE_TUNE_OPTIONS, LITE_OPTIONS, TrainingOptions
from c4t_core.training.run import make_accelerator
from c4t_core.training.steps import Material
from c4t_core.training.towers import TextBatch, Towers, freeze, parameter_groups, set_training
from c4t_core.training.trainer import Trainer

CASES = {
    "heads": LITE_OPTIONS,
    "heads of a base": FINE_TUNE_OPTIONS,
    "partial": dataclasses.replace(FINE_TUNE_OPTIONS, freeze="partial"),
    "partial, varied": dataclasses.replace(FINE_TUNE_OPTIONS, freeze="partial", augment="light"),
    "all": dataclasses.replace(FINE_TUNE_OPTIONS, freeze="none"),
    "all, varied": dataclasses.replace(FINE_TUNE_OPTIONS, freeze="none", augment="light"),
}
READY = 4  # batches that lie ready for the bare loop

Clocks = tuple[float, float]


def _clocks() -> Clocks:
    return time.process_time(), time.perf_counter()


def _since(begun: Clocks) -> Clocks:
    cpu, wall = _clocks()
    return cpu - begun[0], wall - begun[1]


class Bare:
    """Forward, backward and optimiser on tensors that lie ready."""

    def __init__(self, towers: Towers, options: TrainingOptions, material: Material) -> None:
        self._towers = copy.deepcopy(towers)
        set_training(self._towers.model, options.frozen_norm)
        groups = parameter_groups(self._towers, options)
        self._optimizer = torch.optim.AdamW(groups, fused=True)
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
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return _since(begun)


class InTurn:
    """Takes a bare step after each of the product's and notes what both took."""

    def __init__(self, bare: Bare, per_epoch: int) -> None:
        self._bare, self._per_epoch = bare, per_epoch
        self.pairs: list[tuple[Clocks, Clocks]] = []  # ours, bare: of steps inside an epoch
        self.bare_cpu = 0.0
        self._begun = _clocks()

    def __call__(self, done: int, total: int) -> None:
        """Be the run's progress."""
        ours = _since(self._begun)
        bare = self._bare.step()
        self.bare_cpu += bare[0]
        if (done - 1) % self._per_epoch:  # the first of an epoch waits for its rows
            self.pairs.append((ours, bare))
        self._begun = _clocks()

    def ratio(self, clock: int) -> float:
        """Return the median of ours over bare; clock 0: CPU, 1: wall."""
        return statistics.median(ours[clock] / bare[clock] for ours, bare in self.pairs)


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
        "whole": round(cpu / turn.bare_cpu, 3),
    }


def case(name: str, steps: int, deep_steps: int, batch: int) -> dict[str, Any]:
    """Measure one of :data:`CASES` in two epochs of so many steps in all."""
    options = dataclasses.replace(CASES[name], early_stop=0, epochs=2)
    deep = options.freeze != "encoders"
    options = dataclasses.replace(options, batch=batch if deep else options.batch)
    model = DualEncoder(LITE)
    with tempfile.TemporaryDirectory() as scratch:
        pairs = (deep_steps if deep else steps) // options.epochs * options.batch
        tokenizer = tokenizer_files()[TOKENIZER]
        material = drawn_material(model, tokenizer, pairs, Path(scratch) / "cache", options)
        return measure(model, options, material, Path(scratch))


def main() -> None:
    """Measure every case and print a line of JSON for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=120, help="on the heads alone")
    parser.add_argument("--deep-steps", type=int, default=8, help="through the encoders")
    parser.add_argument("--deep-batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=available_threads())
    parser.add_argument("--case", choices=CASES, action="append")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    results = {}
    for name in given.case or CASES:
        results[name] = case(name, given.steps, given.deep_steps, given.deep_batch)
        print(json.dumps({"case": name, "threads": given.threads, **results[name]}), flush=True)
    if given.json is not None:
        given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
