"""One optimiser step: parts, precision, processes, memory; and its rates and averaged weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from c4t_core.devices import out_of_memory
from c4t_core.errors import TrainingError
from c4t_core.records import dataclass
from c4t_core.training.checkpoint import Position, learning
from c4t_core.training.data import Sample, epoch_rows
from c4t_core.training.events import BatchHalved, Emit
from c4t_core.training.examples import Rehearsal
from c4t_core.training.request import TrainingOptions
from c4t_core.training.sources import ImageSource
from c4t_core.training.towers import Captions, Towers, parameter_groups


def cosine_factor(step: int, total: int, warmup: float) -> float:
    """Return what the rates are multiplied by before step ``step`` (from 0) of ``total``.

    Rises in a line over the first ``warmup`` share of the steps, then falls as
    ``(1 + cos(pi x)) / 2`` (Loshchilov and Hutter, SGDR, arXiv 1608.03983, equation 5 with one
    period) and reaches 0 after the last step.

    >>> [round(cosine_factor(step, 4, 0.0), 3) for step in range(4)]
    [1.0, 0.854, 0.5, 0.146]
    """
    rising = math.ceil(warmup * total)
    if step < rising:
        return (step + 1) / rising
    done = (step - rising) / max(1, total - rising)
    return (1 + math.cos(math.pi * min(1.0, done))) / 2


class Rates:
    """Sets the learning rates of an optimiser as the options say.

    Args:
        optimizer: its groups hold the full rates now.
        options: schedule, warm-up, patience, factor.
        total: optimiser steps of the whole run.
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, options: TrainingOptions, total: int
    ) -> None:
        self._optimizer, self._options, self._total = optimizer, options, total
        self._full = [float(group["lr"]) for group in optimizer.param_groups]
        self._plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, mode="min", factor=options.factor, patience=options.patience
        )

    def before_step(self, step: int) -> None:
        """Set the rates of optimiser step ``step``, counted from 0 over the run."""
        if self._options.schedule == "cosine":
            factor = cosine_factor(step, self._total, self._options.warmup)
            for group, rate in zip(self._optimizer.param_groups, self._full, strict=True):
                group["lr"] = rate * factor

    def after_epoch(self, loss: float) -> None:
        """Lower the rates where the schedule is ``plateau`` and the loss stopped falling."""
        if self._options.schedule == "plateau":
            self._plateau.step(loss)

    @property
    def current(self) -> list[float]:
        """The rate of each group."""
        return [float(group["lr"]) for group in self._optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Return plain data for the checkpoint; rates themselves are in the optimiser's."""
        return {
            key: value
            for key, value in self._plateau.state_dict().items()
            if isinstance(value, (int, float, str, bool, list))
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what :meth:`state_dict` gave."""
        self._plateau.load_state_dict(dict(state))


class Average:
    """Exponential moving average of what learns: ``a <- decay a + (1 - decay) w``.

    The decay of early steps is ``min(decay, (1 + t) / (10 + t))``, so that the start is soon
    forgotten. Integers (counters) are copied.

    Args:
        module: its learning parameters and buffers are averaged; they must stay the same tensors,
            whatever their values.
        decay: per step.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._decay = decay
        # looked up once: to walk through a module costs as much as the rest of a step on heads
        current = {name: tensor.detach() for name, tensor in learning(module).items()}
        self.state = {name: tensor.clone() for name, tensor in current.items()}
        real = [name for name, tensor in current.items() if tensor.is_floating_point()]
        self._kept = [self.state[name] for name in real]
        self._real = [current[name] for name in real]
        self._counters = [(self.state[name], current[name]) for name in current if name not in real]

    def update(self, step: int) -> None:
        """Take in the weights after step ``step``, counted from 1."""
        decay = min(self._decay, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(self._kept, self._real, 1 - decay)
            for kept, counter in self._counters:
                kept.copy_(counter)


@dataclass(frozen=True)
class Material:
    """What is trained on: samples by number, and where their rows come from."""

    samples: Sequence[Sample]  # training first, then validation, then those without captions
    train: int  # how many of them are for training
    images: ImageSource
    captions: Captions
    rehearsal: Rehearsal | None = None  # what the model knew, mixed into each step
    further: int = 0  # at the end: images that are known only for what they do not show

    @property
    def validation(self) -> range:
        """Numbers of the samples that are kept apart."""
        return range(self.train, len(self.samples) - self.further)

    @cached_property
    def wrong(self) -> dict[int, list[int]]:
        """Position of a caption -> numbers of the samples known not to show it."""
        found: dict[int, list[int]] = {}
        numbers = [*range(self.train), *range(self.validation.stop, len(self.samples))]
        for number in numbers:
            for text in self.samples[number].wrong:
                if text in self.captions.positions:  # else those that showed it cannot be read
                    found.setdefault(self.captions.positions[text], []).append(number)
        return found


@dataclass(frozen=True)
class Batch:
    """One optimiser step's worth of rows, on the CPU."""

    images: Tensor  # float32 (k + e, width) features, or pixels (k + e, S, S, 3)
    captions: list[int]  # positions of the captions, k of them
    numbers: list[int]  # of the images: those of the captions, then e that do not show some of them


class Stepper:
    """Takes optimiser steps.

    Args:
        accelerator: of the package accelerate: device, precision, processes.
        towers: model and loss, trained in place.
        options: how.
        material: on what.
        emit: takes the event ``memory``.

    Attributes:
        optimizer: AdamW over what learns.
        average: moving average of the weights, None where it is off.
    """

    def __init__(
        self,
        accelerator: Any,
        towers: Towers,
        options: TrainingOptions,
        material: Material,
        emit: Emit,
    ) -> None:
        self._acc, self._towers, self._options = accelerator, towers, options
        self._material, self._emit = material, emit
        self._train = material.samples[: material.train]
        self._device: torch.device = accelerator.device
        towers.to(self._device)
        # one pass over memory instead of a dozen: on a CPU that is a third of a step on the heads
        fused = self._device.type == "cpu"
        self.optimizer: Any = accelerator.prepare_optimizer(
            torch.optim.AdamW(parameter_groups(towers, options), fused=fused)
        )
        self.average = Average(towers, options.ema) if options.ema else None
        self._wrapped: Any = accelerator.prepare_model(towers)
        self._rehearse = (options.rehearse or 0.0) if material.rehearsal is not None else 0.0
        self._learning = [weight for weight in towers.parameters() if weight.requires_grad]

    def loader(self, epoch: int) -> Callable[[int], Batch]:
        """Return a function from the step in an epoch to its rows."""
        seed, size = self._options.seed, self._options.batch * self._options.accumulate
        varied = self._options.augment != "none"
        rows = epoch_rows(self._train, self._options.captions, seed, epoch)  # (m, 2)

        def load(step: int) -> Batch:
            chosen = rows[step * size : (step + 1) * size]  # (k, 2)
            numbers = chosen[:, 0].tolist()
            seeds = [_mixed(seed, epoch, *pair) for pair in chosen.tolist()] if varied else None
            texts = [self._train[number].captions[which] for number, which in chosen.tolist()]
            positions = [self._material.captions.positions[text] for text in texts]
            for number in drawn_wrong(self._material.wrong, positions, numbers, seed, epoch, step):
                numbers.append(number)
                if seeds is not None:
                    seeds.append(_mixed(seed, epoch, number, step, 1))
            images = self._material.images.batch(numbers, seeds)
            # page-locked, here in the thread that loads: the copy to a GPU need not be waited for
            locked = images.pin_memory() if self._device.type == "cuda" else images
            return Batch(locked, positions, numbers)

        return load

    def step(self, batch: Batch, position: Position) -> float:
        """Take one optimiser step and return the loss of its pairs.

        If memory runs out the batch is halved, for this step and all that follow; the step
        still sees all its rows, in more parts.

        Raises:
            TrainingError: if the loss is not finite or memory runs out for two pairs.
        """
        while True:
            try:
                return self._try_step(batch, position)
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                self._halve(position, error)

    def _halve(self, position: Position, error: Exception) -> None:
        part = (self._options.batch >> position.halvings) // 2
        if part < 2 or self._acc.num_processes > 1:
            raise TrainingError(
                "There is not enough memory for this batch; use a smaller --batch, freeze an "
                "encoder with --freeze, or train on the CPU with --device cpu."
            ) from error
        position.halvings += 1
        self.optimizer.zero_grad(set_to_none=True)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        self._emit(BatchHalved(part, f"batch halved to {part}"))

    def _try_step(self, batch: Batch, position: Position) -> float:
        total = 0.0
        seed = _mixed(
            self._options.seed, position.total, self._acc.process_index, position.halvings
        )
        torch.manual_seed(seed)  # dropout; on every device
        self._backward_rehearsal(position.total)
        parts = list(_parts(len(batch.captions), self._options.batch >> position.halvings))
        for number, part in enumerate(parts):
            with self._syncing(last=number == len(parts) - 1):
                loss = self._part_loss(batch, part)
                weight = (1 - self._rehearse) * len(part) / len(batch.captions)
                self._acc.backward(loss * weight)
            total += float(loss.detach()) * len(part) / len(batch.captions)
        if not math.isfinite(total):
            raise TrainingError(
                f"The loss is no number any more at step {position.total + 1}; lower the learning "
                "rates and train again into another output folder."
            )
        if self._options.clip_norm:
            self._acc.clip_grad_norm_(self._learning, self._options.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.update(position.total + 1)
        return total

    def _backward_rehearsal(self, step: int) -> None:
        """Add the gradient of what is rehearsed; the same on every process, so it needs no sync."""
        if self._material.rehearsal is not None and self._rehearse:
            with self._syncing(last=False):
                loss = self._material.rehearsal.loss(self._towers, step)
                self._acc.backward(loss * self._rehearse)

    def _part_loss(self, batch: Batch, part: range) -> Tensor:
        """Return the loss () of one part over all processes, each of which takes a slice."""
        processes = self._acc.num_processes
        share = len(part) // processes  # rows that do not divide are left out
        if share == 0:
            raise TrainingError("The batch is smaller than the number of processes; raise --batch.")
        first = part.start + self._acc.process_index * share
        mine = slice(first, first + share)
        texts = self._material.captions.batch(batch.captions[mine]).to(self._device)
        images = batch.images[mine].to(self._device, non_blocking=True)
        further, wrong = self._against(batch, part.start, share * processes)
        if further:
            images = torch.cat([images, batch.images[further].to(self._device)])
        loss: Tensor = self._wrapped(images, texts, wrong)
        return loss

    def _against(self, batch: Batch, first: int, count: int) -> tuple[list[int], Tensor | None]:
        """Return further rows of a batch for so many of its pairs, and what is known to be wrong.

        Every process takes all of the further rows: they are few.

        Returns:
            At most ``count`` rows, and bool (count + rows, count): which image does not show which
            caption; None where none is known.
        """
        if not self._material.wrong:
            return [], None
        captions = batch.captions[first : first + count]
        own = batch.numbers[first : first + count]
        rows = np.arange(len(batch.captions), len(batch.numbers))
        numbers = np.array([*own, *batch.numbers[len(batch.captions) :]])
        wrong = known_wrong(self._material.wrong, captions, numbers)  # (count + e, count)
        kept = np.flatnonzero(wrong[count:].any(axis=1))[:count]
        wrong = np.concatenate([wrong[:count], wrong[count:][kept]])
        found = torch.from_numpy(wrong).to(self._device) if wrong.any() else None
        return rows[kept].tolist(), found

    def _syncing(self, last: bool) -> AbstractContextManager[Any]:
        if last or self._acc.num_processes == 1:
            return nullcontext()
        quiet: AbstractContextManager[Any] = self._acc.no_sync(self._wrapped)
        return quiet

    def seconds_per_step(self, position: Position) -> float:
        """Measure with two passes that change nothing of the run."""
        batch = self.loader(position.epoch)(0)
        part = next(_parts(len(batch.captions), self._options.batch >> position.halvings))
        self._towers.eval()  # no dropout, no running statistics: the run itself is not touched
        seconds = []
        for _ in range(2):
            begun = time.monotonic()
            try:
                self._backward_rehearsal(position.total)
                self._acc.backward(self._part_loss(batch, part))
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                self._halve(position, error)
                return self.seconds_per_step(position)
            seconds.append(time.monotonic() - begun)
        self.optimizer.zero_grad(set_to_none=True)
        return min(seconds) * len(batch.captions) / len(part)


def drawn_wrong(
    wrong: Mapping[int, Sequence[int]],
    captions: Sequence[int],
    numbers: Sequence[int],
    seed: int,
    epoch: int,
    step: int,
) -> list[int]:
    """Draw one image that does not show it for each caption of a step; those of the step left out.

    Args:
        wrong: position of a caption -> numbers of images that do not show it.
        captions: positions of those of the step.
        numbers: of the images of the step.
        seed: of the run; with epoch and step, all that the draw depends on.
        epoch: counted from 0.
        step: in the epoch.

    Returns:
        Numbers of images, each once.
    """
    asked = [wrong[position] for position in captions if position in wrong]
    if not asked:
        return []
    generator = np.random.default_rng((seed, epoch, step, len(asked)))
    places = generator.random(len(asked))
    found = [images[int(place * len(images))] for images, place in zip(asked, places, strict=True)]
    return [number for number in dict.fromkeys(found) if number not in set(numbers)]


def known_wrong(
    wrong: Mapping[int, Sequence[int]], captions: Sequence[int], numbers: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Tell which images are known not to show which captions.

    Args:
        wrong: as of :func:`drawn_wrong`.
        captions: n positions.
        numbers: int64 (m,), of images.

    Returns:
        bool (m, n).
    """
    found = np.zeros((len(numbers), len(captions)), np.bool_)
    columns: dict[int, NDArray[np.bool_]] = {}
    for column, position in enumerate(captions):
        if position in wrong:
            if position not in columns:
                columns[position] = np.isin(numbers, wrong[position])
            found[:, column] = columns[position]
    return found


def _parts(rows: int, size: int) -> Iterator[range]:
    """Split rows into parts of a size; a last lone row joins the part before it.

    >>> list(_parts(5, 2))
    [range(0, 2), range(2, 5)]
    """
    starts = list(range(0, rows, size))
    if len(starts) > 1 and rows - starts[-1] < 2:
        starts.pop()
    for start, end in zip(starts, [*starts[1:], rows], strict=True):
        yield range(start, end)


def _mixed(*numbers: int) -> int:
    """Return a seed of 63 bits that depends on every number."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]) >> 1
