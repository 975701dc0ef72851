"""The training loop: short, resumable to the bit, and the same on one process or several.

Everything random is a pure function of (seed, epoch, step), so a resumed run needs only its
position, weights, and the optimiser's state to end as an uninterrupted one.
"""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from c4t_core.errors import Cancelled, TrainingError
from c4t_core.progress import Progress, RateMeter, format_duration
from c4t_core.training.checkpoint import (
    BEST,
    CHECKPOINT,
    FORMAT,
    Board,
    Position,
    learning_state,
    load_learning_state,
    load_safely,
    save_atomically,
    write_history,
)
from c4t_core.training.data import prefetched, steps_per_epoch
from c4t_core.training.events import (
    CheckpointSaved,
    Emit,
    EpochDone,
    EpochFigures,
    Estimate,
    Started,
    Step,
    StoppedEarly,
    Validated,
)
from c4t_core.training.request import TrainingOptions, to_plain
from c4t_core.training.steps import Material, Rates, Stepper
from c4t_core.training.towers import Towers, set_training
from c4t_core.training.validation import Measured, measure

_EVENT_GAP = 0.2  # seconds between events of steps, and between points of their curves, at least
_EPOCH_GAP = 10.0  # seconds between checkpoints after epochs that are shorter than that


class Trainer:
    """Trains towers on material and keeps the best of them.

    Args:
        accelerator: of the package accelerate: device, precision, processes.
        towers: model and loss; what is frozen is frozen already. Trained in place.
        options: how.
        material: on what.
        folder: for checkpoint and logs.
        identity: digest of request and start; a checkpoint of another one is refused.
        emit: takes events.
        progress: called after each step with steps done and in all; Cancelled stops the run.
        checkpoint_seconds: between checkpoints inside an epoch.

    Attributes:
        position: where the run is.
        resumed: whether it went on from a checkpoint.
        steps: of the whole run.
    """

    def __init__(
        self,
        accelerator: Any,
        towers: Towers,
        options: TrainingOptions,
        material: Material,
        folder: Path,
        identity: str,
        emit: Emit,
        progress: Progress,
        checkpoint_seconds: float = 60.0,
    ) -> None:
        self.position = Position()
        self.resumed = False
        self._acc, self._towers, self._options = accelerator, towers, options
        self._material, self._folder, self._identity = material, folder, identity
        self._emit, self._progress = emit, progress
        self._checkpoint_seconds = checkpoint_seconds
        self._best: dict[str, Tensor] | None = None  # waits for the next checkpoint
        self._meter, self._told, self._saved = RateMeter(), 0.0, time.monotonic()
        self._per_epoch = steps_per_epoch(material.samples[: material.train], options)
        self.steps = self._per_epoch * options.epochs
        self._stepper = Stepper(accelerator, towers, options, material, emit)
        self._rates = Rates(self._stepper.optimizer, options, self.steps)

    # --- the run ------------------------------------------------------------------------

    def run(self) -> Position:
        """Train to the end, or on from the checkpoint in the folder.

        Raises:
            Cancelled: from ``progress``, after a checkpoint was written.
            TrainingError: if the loss is not finite, memory runs out for two pairs, or the
                disk does not take the checkpoint.
        """
        self.resumed = self._resume()
        board = Board(self._folder / "tensorboard", self.position.total) if self._main else None
        try:
            if not self.position.finished:
                self._begin()
            while not self.position.finished:
                self._epoch(board)
        except Cancelled:
            self._checkpoint()
            raise
        finally:
            if board is not None:
                board.close()
        return self.position

    @property
    def _main(self) -> bool:
        return bool(self._acc.is_main_process)

    def _begin(self) -> None:
        per_step = self._stepper.seconds_per_step(self.position)
        left = self.steps - self.position.total
        looked_at = min(len(self._material.validation), self._options.validation_limit)
        per_image = per_step / (self._options.batch * self._options.accumulate) / 3
        epochs_left = self._options.epochs - self.position.epoch
        # of a few pairs it would say 0 s
        seconds = max(1.0, per_step * left + per_image * looked_at * epochs_left)
        text = f"about {format_duration(seconds)} for {left} steps"
        self._emit(Estimate(seconds, per_step, left, text))
        self._emit(
            Started(
                step=self.position.total,
                steps=self.steps,
                epoch=self.position.epoch,
                epochs=self._options.epochs,
                resumed=self.resumed,
                device=str(self._acc.device),
                processes=self._acc.num_processes,
                batch=self._options.batch,
            )
        )

    def _epoch(self, board: Board | None) -> None:
        load = self._stepper.loader(self.position.epoch)
        set_training(self._towers.model, self._options.frozen_norm)
        begun = time.monotonic()
        for batch in prefetched(load, self.position.step, self._per_epoch):
            self._rates.before_step(self.position.total)
            loss = self._stepper.step(batch, self.position)
            self.position.step += 1
            self.position.total += 1
            self.position.loss_sum += loss
            self.position.loss_count += 1
            now = time.monotonic()
            self.position.seconds += now - begun
            begun = now
            self._meter.update(self.position.total, self.steps)
            if now - self._told >= _EVENT_GAP or self.position.total == self.steps:
                self._told = now
                self._emit(self._step_event(loss))
                if board is not None:
                    rates = {"train/loss": loss, "train/rate": self._rates.current[-1]}
                    board.add(rates, self.position.total)
            if now - self._saved >= self._checkpoint_seconds:
                self._checkpoint()
            self._progress(self.position.total, self.steps)
        self._end_epoch(board, begun)

    def _step_event(self, loss: float) -> Step:
        return Step(
            step=self.position.total,
            steps=self.steps,
            epoch=self.position.epoch,
            loss=loss,
            rate=self._rates.current[0],
            seconds_left=self._meter.seconds_left,
        )

    # --- after an epoch -----------------------------------------------------------------

    def _end_epoch(self, board: Board | None, begun: float) -> None:
        loss = self.position.loss_sum / max(1, self.position.loss_count)
        measured = self._validate()
        self._rates.after_epoch(measured.loss if measured is not None else loss)
        key = self._key(loss, measured)
        better = not self.position.best_key or key > self.position.best_key
        known: dict[str, Any] = {
            "epoch": self.position.epoch,
            "step": self.position.total,
            "train_loss": loss,
        }
        known["best"] = better
        if measured is not None:
            known |= {"validation_loss": measured.loss, **to_plain(measured.retrieval)}
            self._emit(Validated(**known))
        figures = EpochFigures(**known, rate=self._rates.current[0])
        row = to_plain(figures)
        self.position.history.append(row)
        self.position.since_best = 0 if better else self.position.since_best + 1
        if better:
            self.position.best_key, self.position.best_epoch = key, self.position.epoch
            self._best = self._kept_weights() if self._main else None
        self._emit(EpochDone(**vars(figures), epochs=self._options.epochs))
        if board is not None:
            board.add({f"epoch/{name}": value for name, value in row.items()}, self.position.total)
        self.position = replace(
            self.position, epoch=self.position.epoch + 1, step=0, loss_sum=0.0, loss_count=0
        )
        stale = 0 < self._options.early_stop <= self.position.since_best
        enough = stale and measured is not None  # a training loss alone says nothing
        self.position.finished = enough or self.position.epoch >= self._options.epochs
        self.position.seconds += time.monotonic() - begun
        gap = min(self._checkpoint_seconds, _EPOCH_GAP)
        if self.position.finished or time.monotonic() - self._saved >= gap:
            self._checkpoint()
        if enough:
            text = f"no better for {self.position.since_best} epochs"
            self._emit(StoppedEarly(self.position.epoch, text))

    def _validate(self) -> Measured | None:
        """Measure on the main process and tell the others; None without validation images."""
        if not len(self._material.validation):
            return None
        shared: list[Any] = [None]
        if self._main:
            weights = self._kept_weights()
            current = learning_state(self._towers) if self._stepper.average is not None else None
            if current is not None:
                load_learning_state(self._towers, weights)
            with self._acc.autocast():
                held_out = self._material.validation
                shared = [measure(self._towers, self._material, held_out, self._options)]
            if current is not None:
                load_learning_state(self._towers, current)
        if self._acc.num_processes > 1:
            from accelerate.utils import broadcast_object_list

            broadcast_object_list(shared)
        measured: Measured = shared[0]
        return measured

    def _key(self, loss: float, measured: Measured | None) -> list[float]:
        """Return what checkpoints are compared by: more is better, entry by entry."""
        if measured is None:
            return [-loss]
        if self._options.monitor == "loss":
            return [-measured.loss]
        return [measured.retrieval.score, -measured.loss]

    # --- checkpoints --------------------------------------------------------------------

    def _kept_weights(self) -> dict[str, Tensor]:
        if self._stepper.average is not None:
            return {
                name: tensor.cpu().clone() for name, tensor in self._stepper.average.state.items()
            }
        return learning_state(self._towers)

    def _save_best(self) -> None:
        """Write the best weights so far, if they are new since the last checkpoint."""
        if self._best is not None:
            data = {
                "format": FORMAT,
                "identity": self._identity,
                "epoch": self.position.best_epoch,
                "state": self._best,
            }
            save_atomically(self._folder / BEST, data)
            self._best = None

    def _checkpoint(self) -> None:
        if not self._main:
            return
        self._save_best()  # before the position that counts on it
        scaler = getattr(self._acc, "scaler", None)
        data = {
            "format": FORMAT,
            "identity": self._identity,
            "position": asdict(self.position),
            "state": learning_state(self._towers),
            "optimizer": self._stepper.optimizer.state_dict(),
            "rates": self._rates.state_dict(),
            "scaler": scaler.state_dict() if scaler is not None else None,
            "average": self._stepper.average.state if self._stepper.average is not None else None,
        }
        path = self._folder / CHECKPOINT
        save_atomically(path, data)
        write_history(self._folder, self.position.history)
        self._saved = time.monotonic()
        self._emit(CheckpointSaved(str(path), self.position.total))

    def _resume(self) -> bool:
        path = self._folder / CHECKPOINT
        self._acc.wait_for_everyone()
        if not path.is_file():
            return False
        data = load_safely(path)
        check_identity(data, self._identity, self._folder)
        self.position = Position(**data["position"])
        if self.position.best_epoch >= 0:
            self._read_best()  # hours later would be too late to say that it is damaged
        load_learning_state(self._towers, data["state"])
        self._stepper.optimizer.load_state_dict(data["optimizer"])
        self._rates.load_state_dict(data["rates"])
        scaler = getattr(self._acc, "scaler", None)
        if scaler is not None and data["scaler"] is not None:
            scaler.load_state_dict(data["scaler"])
        if self._stepper.average is not None and data["average"] is not None:
            for name, tensor in data["average"].items():
                self._stepper.average.state[name].copy_(tensor)
        return True

    def load_best(self) -> None:
        """Put the best weights into the towers.

        Raises:
            TrainingError: if they cannot be read.
        """
        load_learning_state(self._towers, self._read_best()["state"])

    def _read_best(self) -> dict[str, Any]:
        data = load_safely(self._folder / BEST)
        check_identity(data, self._identity, self._folder)
        return data


def check_identity(data: dict[str, Any], identity: str, folder: Path) -> None:
    """Refuse the checkpoint of another run.

    Raises:
        TrainingError: with what to do.
    """
    if data.get("identity") != identity:
        raise TrainingError(
            f"{folder} holds the checkpoint of another training run; choose another --output, "
            "or remove that folder first."
        )
