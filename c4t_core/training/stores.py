"""Rows computed once and kept on disk: prepared pixels, and features of frozen encoders.

A store is a ``.npy`` file that is mapped into memory and a state byte per row. A row is
written before its state, block by block, so that a killed run goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.errors import TrainingError
from c4t_core.progress import Progress, ignore

MISSING, GOOD, BAD = 0, 1, 2

_SPARE_BYTES = 200_000_000  # left for checkpoints and the finished model

Rows = NDArray[Any]
Compute = Callable[[list[int]], tuple[Rows, dict[int, str]]]
"""Row numbers -> their rows in that order (those of bad ones are not looked at), and why
a row is bad, by its number."""


class RowStore:
    """A fixed number of equal rows on disk, filled in blocks.

    Args:
        folder: where the files lie, made if needed.
        name: of the files, ``NAME-KEY.npy`` and ``NAME-KEY.state``.
        key: hex digest of all that the rows depend on; another key is another store, and
            stores of the same name with other keys are removed.
        count: number of rows.
        shape: of one row.
        dtype: of the rows.

    Attributes:
        rows: the mapped array, (count, *shape).
        state: uint8 (count,), one of MISSING, GOOD, BAD.
        reasons: why rows are bad, by row number.

    Raises:
        TrainingError: if the disk has no room for it.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        key: str,
        count: int,
        shape: tuple[int, ...],
        dtype: np.dtype[Any] | type,
        *,
        writable: bool = True,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        stem = f"{name}-{key[:16]}"
        self._reasons_path = folder / f"{stem}.reasons.jsonl"
        data, state = folder / f"{stem}.npy", folder / f"{stem}.state"
        self.reasons: dict[int, str] = {}
        if not _fits(data, state, (count, *shape), np.dtype(dtype)):
            if not writable:
                raise TrainingError(f"The cache {data} is not there; start the training again.")
            for old in folder.glob(f"{name}-*"):
                old.unlink()
            _allocate(data, state, (count, *shape), np.dtype(dtype))
        mode: Any = "r+" if writable else "r"
        self.rows: Rows = (
            np.lib.format.open_memmap(data, mode=mode) if count else np.empty((0, *shape), dtype)
        )
        self.state: Rows = (
            np.memmap(state, np.uint8, mode=mode, shape=(count,))
            if count
            else np.zeros(0, np.uint8)
        )
        self._read_reasons()

    def _read_reasons(self) -> None:
        if self._reasons_path.is_file():
            for line in self._reasons_path.read_text(encoding="utf-8").splitlines():
                row, reason = json.loads(line)
                self.reasons[int(row)] = str(reason)

    def fill(
        self,
        compute: Compute,
        block: int,
        progress: Progress = ignore,
        on_block: Callable[[int, int, float], None] | None = None,
    ) -> None:
        """Compute what is missing.

        Args:
            compute: gives the rows of one block.
            block: rows per block; blocks lie at fixed places, so that resuming computes the
                same batches as a run that was never stopped.
            progress: called after each block with rows done and rows in all.
            on_block: called after each block with rows done, rows in all and seconds left.

        Raises:
            Cancelled: from ``progress``; what is done stays.
        """
        total = len(self.state)
        begun, new = time.monotonic(), 0
        for start in range(0, total, block):
            numbers = list(range(start, min(start + block, total)))
            if np.all(self.state[numbers] != MISSING):
                continue
            rows, reasons = compute(numbers)
            self._keep(numbers, rows, reasons)
            new += len(numbers)
            done = int(np.count_nonzero(self.state))
            left = (time.monotonic() - begun) / new * (total - done)
            if on_block is not None:
                on_block(done, total, left)
            progress(done, total)

    def _keep(self, numbers: Sequence[int], rows: Rows, reasons: dict[int, str]) -> None:
        good = [number for number in numbers if number not in reasons]
        places = [place for place, number in enumerate(numbers) if number not in reasons]
        self.rows[good] = rows[places]
        if isinstance(self.rows, np.memmap):
            self.rows.flush()
        if reasons:
            with self._reasons_path.open("a", encoding="utf-8") as out:
                for number, reason in reasons.items():
                    out.write(json.dumps([number, reason]) + "\n")
            self.reasons.update(reasons)
        state = np.full(len(numbers), GOOD, np.uint8)
        state[[number in reasons for number in numbers]] = BAD
        self.state[list(numbers)] = state
        if isinstance(self.state, np.memmap):
            self.state.flush()


def _fits(data: Path, state: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    if not shape[0]:
        return True
    if not (data.is_file() and state.is_file() and state.stat().st_size == shape[0]):
        return False
    try:
        found = np.lib.format.open_memmap(data, mode="r")
    except (ValueError, OSError):
        return False
    return found.shape == shape and found.dtype == dtype


def _allocate(data: Path, state: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    wanted = math.prod(shape) * dtype.itemsize + shape[0]
    free = shutil.disk_usage(data.parent).free
    if free < wanted + _SPARE_BYTES:  # a mapped file that outgrows its disk kills the process
        raise TrainingError(
            f"The cache of this run needs {wanted / 1e9:.1f} GB but {data.parent} has "
            f"{free / 1e9:.1f} GB free; free some space or choose another output folder."
        )
    try:
        mapped = np.lib.format.open_memmap(data, mode="w+", dtype=dtype, shape=shape)
        mapped.flush()
        state.write_bytes(bytes(shape[0]))
    except OSError as error:
        raise TrainingError(
            f"There is no room for the cache {data} ({error.strerror}); free some space or "
            "choose another output folder."
        ) from error


def digest(parts: Iterable[str | bytes]) -> str:
    """Return the SHA-256 of parts, as hex; their borders count."""
    whole = hashlib.sha256()
    for part in parts:
        raw = part if isinstance(part, bytes) else part.encode("utf-8", "surrogateescape")
        whole.update(len(raw).to_bytes(8, "big"))
        whole.update(raw)
    return whole.hexdigest()


def file_key(path: Path) -> str:
    """Return path, size and time of change of a file, as one string."""
    try:
        info = path.stat()
    except OSError:
        return f"{path}|gone"
    return f"{path}|{info.st_size}|{info.st_mtime_ns}"
