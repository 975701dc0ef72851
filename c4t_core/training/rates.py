"""Learning rates over time, and the moving average of weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from c4t_core.training.config import TrainingOptions


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
        module: its learning parameters and buffers are averaged.
        decay: per step.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._decay = decay
        self.state: dict[str, Tensor] = {
            name: tensor.detach().clone() for name, tensor in _learning(module).items()
        }

    def update(self, module: nn.Module, step: int) -> None:
        """Take in the weights after step ``step``, counted from 1."""
        decay = min(self._decay, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, tensor in _learning(module).items():
                kept = self.state[name]
                if kept.is_floating_point():
                    kept.lerp_(tensor, 1 - decay)
                else:
                    kept.copy_(tensor)


def _learning(module: nn.Module) -> dict[str, Tensor]:
    fixed = {name for name, parameter in module.named_parameters() if not parameter.requires_grad}
    return {name: tensor for name, tensor in module.state_dict().items() if name not in fixed}
