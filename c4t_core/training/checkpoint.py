"""What a run keeps on disk so that a kill costs nothing but time: checkpoints, and its logs.

``checkpoint.pt`` holds what learns (weights, running statistics, loss), AdamW's and the
schedule's state, the moving average, the position in the epoch and the history. What is frozen
is not in it: it comes from the start again, whose digest is compared. Neither are random
states: order, captions, dropout and augmentation are pure functions of (seed, epoch, step).

Written beside and renamed; read with ``torch.load(weights_only=True)`` only, so that a file
from somewhere else cannot run code. A digest of the content goes with it: torch checks no sums,
and a flipped bit would go on as another model.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from c4t_core.errors import TrainingError
from c4t_core.files import atomic_file, digest, write_whole
from c4t_core.records import dataclass

FORMAT = 2
_WITHOUT_SUM = 1  # of version 0.1, whose runs go on
_SUM = "sum"
CHECKPOINT = "checkpoint.pt"
BEST = "best.pt"
CSV_LOG = "training.csv"
JSON_LOG = "training.jsonl"


@dataclass
class Position:
    """Where a run is."""

    epoch: int = 0  # the one that is running, from 0
    step: int = 0  # optimiser steps done in it
    total: int = 0  # optimiser steps done in all
    loss_sum: float = 0.0  # of the epoch so far
    loss_count: int = 0
    halvings: int = 0  # how often a batch was halved for memory
    best_key: list[float] = field(default_factory=list)  # what the best checkpoint scored
    best_epoch: int = -1  # -1: none yet
    since_best: int = 0  # epochs without a better one
    finished: bool = False
    seconds: float = 0.0  # of work in all sittings
    history: list[dict[str, Any]] = field(default_factory=list)  # one row per epoch


def learning(module: nn.Module) -> dict[str, Tensor]:
    """Return what training changes, by name: learning parameters, and buffers; no copies."""
    fixed = {name for name, parameter in module.named_parameters() if not parameter.requires_grad}
    return {name: tensor for name, tensor in module.state_dict().items() if name not in fixed}


def learning_state(module: nn.Module) -> dict[str, Tensor]:
    """Return copies on the CPU of what training changes."""
    return {name: tensor.detach().cpu().clone() for name, tensor in learning(module).items()}


def load_learning_state(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Put back what :func:`learning_state` gave.

    Raises:
        TrainingError: if it belongs to something else.
    """
    own = module.state_dict()
    fits = state.keys() == learning(module).keys() and all(
        own[name].shape == tensor.shape for name, tensor in state.items()
    )
    if not fits:
        raise TrainingError(
            "The checkpoint does not fit this model; choose another output folder, or remove "
            "this one to start again."
        )
    module.load_state_dict(dict(state), strict=False)


def state_digest(module: nn.Module) -> str:
    """Return a hex digest over all weights of a module."""
    parts: list[str | bytes] = []
    for name, tensor in sorted(module.state_dict().items()):
        parts += [name, _raw(tensor)]
    return digest(parts)


def _raw(tensor: Tensor) -> bytes:
    flat_bytes = tensor.detach().cpu().contiguous().view(-1).view(torch.uint8)
    raw: bytes = flat_bytes.numpy().tobytes()
    return raw


def _parts(value: object) -> Iterator[str | bytes]:
    """Yield all that a checkpoint says, in order, for its digest."""
    if isinstance(value, Tensor):
        yield f"tensor {value.dtype} {tuple(value.shape)}"
        yield _raw(value)
    elif isinstance(value, Mapping):
        yield f"mapping {len(value)}"
        for key, item in value.items():
            yield repr(key)
            yield from _parts(item)
    elif isinstance(value, (list, tuple)):
        yield f"sequence {len(value)}"
        for item in value:
            yield from _parts(item)
    else:
        yield repr(value)


def save_atomically(path: Path, data: Mapping[str, Any]) -> None:
    """Write tensors and plain data; the file is the old one or the new one at any moment.

    Raises:
        TrainingError: if the disk does not take it; the old file stays.
    """
    try:
        with atomic_file(path) as out:
            torch.save({**data, _SUM: digest(_parts(data))}, out)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TrainingError(
            f"The checkpoint {path} could not be written ({reason}); free some space and run "
            "the same command again, it goes on from the checkpoint before."
        ) from error


def load_safely(path: Path) -> dict[str, Any]:
    """Read what :func:`save_atomically` wrote; never unpickles anything but tensors and data.

    Raises:
        TrainingError: if it is missing, damaged, of another version, or holds anything else.
    """
    again = f"remove {CHECKPOINT} and {BEST} from its folder to start this run again"
    damaged = TrainingError(
        f"The checkpoint {path} is damaged, missing, or was not written by this application, so it "
        f"is not loaded; {again}."
    )
    try:
        data = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 - what a damaged file raises shares no other base
        raise damaged from error
    known = data.get("format") if isinstance(data, dict) else None
    if known not in (FORMAT, _WITHOUT_SUM):
        raise TrainingError(f"The checkpoint {path} was written by another version; {again}.")
    found: dict[str, Any] = data
    if known == FORMAT and found.pop(_SUM, None) != digest(_parts(found)):
        raise damaged
    return found


def flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one, names joined by ``/``.

    >>> flat({"a": {"b": 1}, "c": 2})
    {'a/b': 1, 'c': 2}
    """
    out: dict[str, Any] = {}
    for key, value in data.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            out.update(flat(value, f"{name}/"))
        else:
            out[name] = value
    return out


def write_history(folder: Path, history: Sequence[Mapping[str, Any]]) -> None:
    """Write one row per epoch to both files, whole, so that a resumed run has no row twice."""
    rows = [flat(row) for row in history]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = io.StringIO()
    writer = csv.DictWriter(table, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(folder / CSV_LOG, table.getvalue())
    write_whole(folder / JSON_LOG, "".join(json.dumps(dict(row)) + "\n" for row in history))


class Board:
    """TensorBoard curves; silent where tensorboard is not installed.

    Args:
        folder: of the event files.
        step: the step a resumed run goes on from; later points of a killed run are dropped.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self._writer: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        self._writer = SummaryWriter(str(folder), purge_step=step)

    def add(self, values: Mapping[str, Any], step: int) -> None:
        """Add the numbers among ``values`` at a step."""
        if self._writer is None:
            return
        for name, value in flat(values).items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write out what is left."""
        if self._writer is not None:
            self._writer.close()
