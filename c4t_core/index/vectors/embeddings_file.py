"""Files of embeddings: written by ``c4t embed``, searched by ``c4t search --embeddings``."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.errors import DataError
from c4t_core.files import atomic_file
from c4t_core.images.frame_names import parse_frame_name, recording
from c4t_core.index.objects import LARGEST, VALUES
from c4t_core.index.store.reads import Columns, Ids, ImageRow, Moment
from c4t_core.index.vectors.objects import ObjectTable
from c4t_core.index.vectors.table import Table
from c4t_core.models.protocol import Facts, Model, classes_of


def check_output(path: Path) -> None:
    """Refuse an output path before the work rather than after it.

    Raises:
        DataError: if the folder is missing or the path is a folder.
    """
    if path.is_dir():
        raise DataError(f'"{path}" is a folder; give -o the name of a file, such as out.npz.', path)
    if not path.absolute().parent.is_dir():
        raise DataError(f'There is no folder "{path.absolute().parent}"; make it first.', path)


def save_embeddings(
    path: Path,
    kind: str,
    labels: Sequence[str],
    embeddings: NDArray[np.float32],
    model: Model,
    facts: Facts | None = None,
) -> None:
    """Write ``names`` or ``texts`` beside ``embeddings``; the old file stays until all is written.

    Args:
        path: the .npz file.
        kind: ``"names"`` or ``"texts"``.
        labels: one per row.
        embeddings: float32 (n, d), unit rows.
        model: whose embeddings they are; its name and fingerprint are written too.
        facts: on objects, float32 (n, c, 6), written with the ``classes`` of the model.
    """
    arrays: dict[str, Any] = {
        kind: np.array(list(labels), dtype=np.str_),
        "embeddings": np.ascontiguousarray(embeddings, dtype=np.float32),
        "model": np.array(model.name),
        "fingerprint": np.array(model.fingerprint),
    }
    if facts is not None:
        arrays["classes"] = np.array(classes_of(model), dtype=np.str_)
        arrays["facts"] = np.ascontiguousarray(facts, dtype=np.float32)
    try:
        with atomic_file(path) as out:
            np.savez(out, **arrays)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f'"{path}" cannot be written ({reason}); choose another place.') from error


def load_embeddings(path: Path) -> tuple[list[str], NDArray[np.float32], str, str]:
    """Read names (n), embeddings float32 (n, d), model name and fingerprint ("" where unknown).

    Raises:
        DataError: if the file is missing or is not what ``c4t embed images`` writes.
    """
    wrong = f'"{path}" is not a file of image embeddings; make one with "c4t embed images".'
    if not path.is_file():
        raise DataError(f'There is no file "{path}"; make one with "c4t embed images".', path)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            names, rows = data["names"], data["embeddings"]
            model = str(data["model"]) if "model" in data else ""
            fingerprint = str(data["fingerprint"]) if "fingerprint" in data else ""
    except (
        *(ValueError, KeyError, OSError, EOFError, IndexError),
        *(zipfile.BadZipFile, RuntimeError),  # the latter of methods and ciphers it does not know
    ) as error:
        raise DataError(wrong, path) from error
    if names.ndim != 1 or rows.ndim != 2 or len(names) != len(rows) or rows.dtype.kind != "f":
        raise DataError(wrong, path)
    if not np.isfinite(rows).all():
        raise DataError(f'"{path}" holds values that are not finite; make it again.', path)
    return [str(name) for name in names], rows.astype(np.float32), model, fingerprint


def load_facts(path: Path) -> tuple[tuple[str, ...], Facts] | None:
    """Read classes (c) and facts on objects, float32 (n, c, 6), of a file of embeddings.

    Returns:
        None if the file has none.

    Raises:
        DataError: if they do not fit.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            if "facts" not in data or "classes" not in data:
                return None
            count, names, facts = len(data["names"]), data["classes"], data["facts"]
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, RuntimeError) as error:
        raise DataError(f'"{path}" cannot be read; make it again.', path) from error
    if facts.dtype.kind != "f" or facts.shape != (count, names.size, VALUES):
        raise DataError(f'The facts in "{path}" do not fit its names; make it again.', path)
    return tuple(str(name) for name in names), facts.astype(np.float32)


class SavedVectors:
    """The vectors of a file, as a source that is searched like an indexed folder.

    Args:
        folder: absolute.
        names: (n,), relative to the folder, "/"-separated.
        rows: float32 (n, d).
    """

    root_id = 0

    def __init__(self, folder: str, names: Sequence[str], rows: NDArray[np.float32]) -> None:
        """Read drive, camera, frame and time off the names."""
        order = sorted(range(len(names)), key=lambda i: os.fsencode(names[i]))
        self._order = np.array(order, dtype=np.int64)
        self._images = [_image_row(i, folder, names[at]) for i, at in enumerate(order)]
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        unit = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
        names_of_drives = dict.fromkeys(image.drive for image in self._images)
        self._drives = {name: number for number, name in enumerate(names_of_drives)}
        numbers = np.arange(len(order), dtype=np.int64)
        times = [np.nan if image.time is None else image.time for image in self._images]
        columns = Columns(
            vectors=numbers,
            ids=numbers,
            times=np.array(times, dtype=np.float64),
            moments=np.full(len(order), np.nan),
            frames=np.array([-1 if i.frame is None else i.frame for i in self._images], np.int64),
            drives=np.array([self._drives[i.drive] for i in self._images], dtype=np.int32),
            cameras=[image.camera for image in self._images],
        )
        table = Table.empty(rows.shape[1]).extended(columns, np.ones(len(order), np.float32))
        self._table = replace(
            table,
            moment=Moment(0, 0),
            order=numbers.astype(np.int32),
            blocks=(np.ascontiguousarray(unit[order], dtype=np.float32),),
        )

    def objects(self, classes: tuple[str, ...], facts: Facts) -> ObjectTable:
        """Return facts (n, c, 6), one a name, as a table; those that are not finite left out."""
        rows = facts[self._order]
        ids = np.flatnonzero(np.isfinite(rows).all(axis=(1, 2)))
        clipped = np.clip(rows[ids], 0, LARGEST).astype(np.float16)
        return ObjectTable.empty(classes).with_more(ids, clipped, 0)

    def is_near(self) -> bool:
        """Return True: all of it is in memory."""
        return True

    def newest(self, held: Table | None = None, *, keep: bool = False) -> Table:
        """Return all vectors; a file does not change while it is searched."""
        return self._table

    def rows(self, image_ids: Sequence[int] | Ids) -> dict[int, ImageRow]:
        """Return what their names tell of some images, by id."""
        return {int(i): self._images[int(i)] for i in image_ids}

    def newer(self, image_ids: Sequence[int] | Ids, since: float) -> int:
        """Return 0: a file does not tell when its images were first indexed."""
        return 0

    def by_path(self, name: bytes) -> ImageRow | None:
        """Return what is known of a file."""
        return next((image for image in self._images if image.path == name), None)

    def place_of(self, image_id: int) -> tuple[bytes, int] | None:
        """Return (path, -1) of an image."""
        return self._images[image_id].path, -1

    def drive_numbers(self) -> dict[str, int]:
        """Return the numbers of the drives by identity."""
        return self._drives


def _image_row(image_id: int, folder: str, name: str) -> ImageRow:
    told = parse_frame_name(name)
    return ImageRow(
        id=image_id,
        root_id=SavedVectors.root_id,
        path=os.fsencode(name),
        at_ns=None,
        size=0,
        mtime_ns=0,
        drive=recording(f"{folder.rstrip('/')}/{name}"),
        camera=told.camera,
        frame=told.frame,
        time=told.time,
    )
