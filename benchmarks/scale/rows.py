"""Synthetic rows with the structure of drives, stored as an index run stores them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.images.scan import ExcludeRules, FileState
from c4t_core.index.store.catalogue import Catalogue, catalogue_path
from c4t_core.index.store.ledger import Ledger, Stored

PER_DRIVE = 2_000  # 500 drives in a million rows
CAMERAS = ("frontcenter", "rearcenter", "sideleft", "sideright")
BLOCK = PER_DRIVE  # rows of one commit, and of one draw of vectors
DAY = 86_400
START = 1_767_225_600  # 2026-01-01 UTC; five drives a day from then on
_STEP = 6  # A2D2 counts 30 frames a second; five of them are kept


def drive_name(number: int) -> str:
    """Return the folder of a drive, which A2D2 calls after the time of its start."""
    return time.strftime("%Y%m%d_%H%M%S", time.gmtime(drive_start(number)))


def drive_start(number: int) -> int:
    """Return when a drive begins, seconds since 1970 UTC."""
    return START + number // 5 * DAY + (7 + 2 * (number % 5)) * 3600 + 37 * number % 3600


def name(row: int) -> bytes:
    """Return the name of a row's frame, relative to the root."""
    drive, inside = drive_name(row // PER_DRIVE), row % PER_DRIVE
    camera = CAMERAS[inside * len(CAMERAS) // PER_DRIVE]
    number = inside % (PER_DRIVE // len(CAMERAS)) * _STEP
    folder = f"{drive}/camera/cam_{camera}"
    file = f"{drive.replace('_', '')}_camera_{camera}_{number:09d}.jpg"
    return f"{folder}/{file}".encode()


def vectors(block: int, dim: int) -> NDArray[np.float32]:
    """Return the unit vectors of one block of rows, (BLOCK, dim).

    In time order: scenes of some 30 frames that hardly differ, the hard case of approximate search.
    """
    rng = np.random.default_rng(block)
    scenes = rng.standard_normal((BLOCK // 30 + 1, dim), dtype=np.float32)
    rows = np.repeat(scenes, 30, axis=0)[:BLOCK]
    rows += 0.2 * rng.standard_normal(rows.shape, dtype=np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def moved(rows: NDArray[np.float32], seed: int = 3) -> NDArray[np.float32]:
    """Return rows (n, d) moved a little, as an image is that was not indexed; unit length."""
    noise = np.random.default_rng(seed).standard_normal(rows.shape, dtype=np.float32)
    near = rows + 0.5 * noise / np.sqrt(rows.shape[1], dtype=np.float32)
    return np.asarray(near / np.linalg.norm(near, axis=1, keepdims=True), dtype=np.float32)


def blocks(count: int, dim: int) -> Iterator[list[Stored]]:
    """Yield the rows, a commit at a time."""
    for start in range(0, count, BLOCK):
        rows = vectors(start // BLOCK, dim)[: count - start]
        yield [
            Stored(name(start + i), FileState(180_000 + i, (START + start + i) * 10**9), row)
            for i, row in enumerate(rows)
        ]


def store(root: Path, count: int) -> dict[str, Any]:
    """Fill the catalogue of this data folder for the shipped model; return what it took."""
    from c4t_core.workspace import open_workspace

    with open_workspace(root) as workspace:
        fingerprint, dim = workspace.model_fingerprint, workspace._model.dim
    spent = 0.0
    started = time.perf_counter()
    with contextlib.closing(Catalogue(catalogue_path())) as catalogue:
        model_id = catalogue.add_model(fingerprint, "c4t", dim)
        known = catalogue.add_root(str(root), ExcludeRules())
        ledger = Ledger(catalogue, known, model_id)
        for block in blocks(count, dim):
            before = time.perf_counter()
            ledger.store(block, [])
            spent += time.perf_counter() - before
        catalogue.finish_run(known.id, model_id)
    whole = time.perf_counter() - started
    return {"store_s": spent, "made_s": whole, "dim": dim, "rows_per_s": count / spent}
