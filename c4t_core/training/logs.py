"""What a run writes for people and plots: events, CSV, JSON lines, TensorBoard."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CSV_LOG = "training.csv"
JSON_LOG = "training.jsonl"


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
    replace_text(folder / CSV_LOG, table.getvalue())
    replace_text(folder / JSON_LOG, "".join(json.dumps(dict(row)) + "\n" for row in history))


def replace_text(path: Path, text: str) -> None:
    """Write a file beside and rename it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


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
