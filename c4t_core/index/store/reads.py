"""What searching reads from the catalogue: vectors by the block, rows by the handful."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.images.frame_names import same_drive
from c4t_core.index.store import database
from c4t_core.index.store.catalogue import Catalogue, below_range

Ids = NDArray[np.int64]  # (n,)
Rows = NDArray[np.float32]  # (n, d), unit length

_BLOCK = 4096  # rows read at once; 4 MB of half floats at 512 dimensions
_VARIABLES = 500  # values in one IN (...)
_COLUMNS = "id, root_id, path, size, mtime_ns, drive, camera, frame, time"
# What images are grouped by: a column, or the day of a time that is more than a clock.
_GROUPS = {
    "drive": "drive",
    "camera": "camera",
    "day": f"CASE WHEN time > {366 * 86_400} THEN date(time, 'unixepoch') END",
}


@dataclass(frozen=True)
class ImageRow:
    """One image as the catalogue knows it."""

    id: int
    root_id: int
    path: bytes  # relative to the root, "/"-separated
    size: int
    mtime_ns: int
    drive: str | None
    camera: str | None
    frame: int | None
    time: float | None


@dataclass(frozen=True)
class Matrix:
    """All vectors of one moment; never changed.

    Attributes:
        generation: of the vectors when they were read.
        ids: int64 (n,), in the order of the paths.
        rows: float32 (n, d), unit length.
    """

    generation: int
    ids: Ids
    rows: Rows


@dataclass(frozen=True)
class Selection:
    """Which images of one root a search is restricted to; empty fields restrict nothing."""

    below: tuple[bytes, ...] = ()  # sub-folders, relative to the root
    drives: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None

    @property
    def everything(self) -> bool:
        """Whether nothing is restricted."""
        return self == Selection()

    def passes(self, image: ImageRow) -> bool:
        """Tell whether one image is let through; :meth:`Lookup.select` asks SQL the same."""
        inside = not self.below or any(
            not folder or image.path.startswith(folder + b"/") for folder in self.below
        )
        known = image.drive or ""
        return (
            inside
            and (not self.drives or any(same_drive(known, drive) for drive in self.drives))
            and (not self.cameras or image.camera in self.cameras)
            and (self.since is None or (image.time is not None and image.time >= self.since))
            and (self.until is None or (image.time is not None and image.time < self.until))
        )


class Lookup:
    """The reader's view of one root.

    Args:
        catalogue: an open catalogue.
        root_id: number of the root.
    """

    def __init__(self, catalogue: Catalogue, root_id: int) -> None:
        """Keep what all reads have in common."""
        self._catalogue = catalogue
        self.root_id = root_id

    def rows(self, image_ids: Sequence[int] | Ids) -> dict[int, ImageRow]:
        """Return the rows of some images by id; ids that are gone are left out."""
        result: dict[int, ImageRow] = {}
        with self._catalogue.reading() as db:
            for part in _parts(image_ids):
                marks = ",".join("?" * len(part))
                rows = db.execute(f"SELECT {_COLUMNS} FROM images WHERE id IN ({marks})", part)
                result.update((row[0], ImageRow(*row)) for row in rows)
        return result

    def by_path(self, path: bytes) -> ImageRow | None:
        """Return the row of one file of this root."""
        with self._catalogue.reading() as db:
            row = db.execute(
                f"SELECT {_COLUMNS} FROM images WHERE root_id = ? AND path = ?",
                (self.root_id, path),
            ).fetchone()
        return None if row is None else ImageRow(*row)

    def files_of_size(self, size: int) -> list[ImageRow]:
        """Return the images whose file has this size: where a moved file may be found."""
        with self._catalogue.reading() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM images WHERE root_id = ? AND size = ?",
                (self.root_id, size),
            )
            return [ImageRow(*row) for row in rows.fetchall()]

    def select(self, selection: Selection) -> Ids:
        """Return the ids that a restriction lets through, sorted."""
        where, values = self._conditions(selection)
        with self._catalogue.reading() as db:
            rows = db.execute(f"SELECT id FROM images WHERE root_id = ?{where}", values)
            return np.sort(np.fromiter((i for (i,) in rows), dtype=np.int64))

    def _conditions(self, selection: Selection) -> tuple[str, list[Any]]:
        where = ""
        values: list[Any] = [self.root_id]
        if selection.below:
            ranges = [below_range(folder) for folder in selection.below]
            if all(condition for condition, _ in ranges):
                where += " AND (" + " OR ".join(c.removeprefix(" AND ") for c, _ in ranges) + ")"
                values += [value for _, pair in ranges for value in pair]
        if selection.drives:
            names = [
                name
                for name, _ in self.groups("drive")
                if any(same_drive(name, drive) for drive in selection.drives)
            ]
            where += f" AND drive IN ({','.join('?' * len(names))})"
            values += names
        if selection.cameras:
            where += f" AND camera IN ({','.join('?' * len(selection.cameras))})"
            values += selection.cameras
        for bound, operator in ((selection.since, ">="), (selection.until, "<")):
            if bound is not None:
                where += f" AND time {operator} ?"
                values.append(bound)
        return where, values

    def groups(self, column: str, below: bytes = b"") -> list[tuple[str, int]]:
        """Return (name, number of images) of every "drive", "camera" or "day", by name.

        A day is written ``2026-10-14`` and is that of UTC; frames whose time is only a clock, or
        is not known, belong to none.
        """
        where, values = below_range(below)
        column = _GROUPS[column]
        with self._catalogue.reading() as db:
            rows = db.execute(
                f"SELECT {column} AS part, COUNT(*) FROM images WHERE root_id = ?"
                f" AND part IS NOT NULL{where} GROUP BY part ORDER BY part",
                (self.root_id, *values),
            )
            return [(str(name), int(count)) for name, count in rows.fetchall()]

    def neighbours(self, row: ImageRow, before: int, after: int) -> list[ImageRow]:
        """Return the frames around one, of its drive and camera, in time order, with itself."""
        here = (row.time or 0, row.frame or 0, row.path)
        sides: list[list[ImageRow]] = []
        with self._catalogue.reading() as db:
            for operator, way, count in (("<", "DESC", before), (">", "ASC", after)):
                lines = db.execute(
                    f"SELECT {_COLUMNS} FROM images WHERE root_id = ? AND drive IS ?"
                    " AND camera IS ?"
                    f" AND (COALESCE(time, 0), COALESCE(frame, 0), path) {operator} (?, ?, ?)"
                    f" ORDER BY COALESCE(time, 0) {way}, COALESCE(frame, 0) {way}, path {way}"
                    " LIMIT ?",
                    (self.root_id, row.drive, row.camera, *here, max(0, count)),
                )
                sides.append([ImageRow(*line) for line in lines.fetchall()])
        return [*reversed(sides[0]), row, *sides[1]]

    def counts(self, model_id: int | None, below: bytes = b"") -> tuple[int, int, int]:
        """Return the numbers of (images, images with a vector, failed files)."""
        where, values = below_range(below)
        with self._catalogue.reading() as db:
            total = db.execute(
                f"SELECT COUNT(*) FROM images WHERE root_id = ?{where}", (self.root_id, *values)
            ).fetchone()[0]
            if model_id is None:
                return int(total), 0, 0
            embedded = db.execute(
                "SELECT COUNT(*) FROM images CROSS JOIN vectors v ON v.model_id = ?"
                f" AND v.image_id = images.id WHERE root_id = ?{where}",
                (model_id, self.root_id, *values),
            ).fetchone()[0]
            failed = db.execute(
                f"SELECT COUNT(*) FROM failures WHERE root_id = ? AND model_id = ?{where}",
                (self.root_id, model_id, *values),
            ).fetchone()[0]
        return int(total), int(embedded), int(failed)


class StoredVectors(Lookup):
    """The vectors of one root and model in the catalogue.

    Args:
        catalogue: an open catalogue.
        root_id: number of the root.
        model_id: number of the model.
        fingerprint: identity of the model.
        dim: width of a vector.
    """

    def __init__(
        self, catalogue: Catalogue, root_id: int, *, model_id: int, fingerprint: str, dim: int
    ) -> None:
        """Read nothing yet."""
        super().__init__(catalogue, root_id)
        self.catalogue = catalogue.identity
        self.model_id = model_id
        self.fingerprint = fingerprint
        self.dim = dim

    def generation(self) -> int:
        """Return what grows with every change of the vectors; -1 without any run."""
        with self._catalogue.reading() as db:
            row = db.execute(
                "SELECT generation FROM runs WHERE root_id = ? AND model_id = ?",
                (self.root_id, self.model_id),
            ).fetchone()
        return -1 if row is None else int(row[0])

    def matrix(self) -> Matrix:
        """Return all vectors of one moment."""
        with self._catalogue.reading() as db, database.snapshot(db):
            generation = self.generation()
            ids = self.ids()
            rows = np.empty((len(ids), self.dim), dtype=np.float32)
            order = np.argsort(ids, kind="stable")
            for block_ids, block in self._stored_blocks(db, ids[order]):
                rows[order[np.searchsorted(ids, block_ids, sorter=order)]] = block
        return Matrix(generation, ids, rows)

    def _stored_blocks(self, db: sqlite3.Connection, requested: Ids) -> Iterator[tuple[Ids, Rows]]:
        """Yield the vectors of some images, ids sorted, blockwise, in the order of the file."""
        if not len(requested):
            return
        cursor = db.execute(
            "SELECT image_id, vector FROM vectors WHERE model_id = ? AND image_id BETWEEN ? AND ?",
            (self.model_id, int(requested[0]), int(requested[-1])),
        )
        while stored := cursor.fetchmany(_BLOCK):
            ids, block = self._decoded(stored)
            positions = np.minimum(np.searchsorted(requested, ids), len(requested) - 1)
            ours = requested[positions] == ids
            yield ids[ours], block[ours]

    def _decoded(self, stored: Sequence[tuple[int, bytes]]) -> tuple[Ids, Rows]:
        """Return the ids, and the half floats of the file as unit rows."""
        ids = np.fromiter((i for i, _ in stored), dtype=np.int64, count=len(stored))
        halves = np.frombuffer(b"".join(blob for _, blob in stored), dtype="<f2")
        rows = halves.reshape(len(stored), self.dim).astype(np.float32)
        norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        rows /= np.maximum(norms, 1e-12)[:, None]
        return ids, rows

    def ids(self) -> Ids:
        """Return the ids of all images with a vector, ordered by path."""
        with self._catalogue.reading() as db:
            rows = db.execute(
                "SELECT i.id FROM images i CROSS JOIN vectors v"
                " ON v.model_id = ? AND v.image_id = i.id WHERE i.root_id = ? ORDER BY i.path",
                (self.model_id, self.root_id),
            )
            return np.fromiter((i for (i,) in rows), dtype=np.int64)

    def embeddings(self, image_ids: Ids) -> tuple[Ids, Rows]:
        """Return (ids, unit rows) of some images, those without a vector left out, any order."""
        stored: list[tuple[int, bytes]] = []
        with self._catalogue.reading() as db:
            for part in _parts(image_ids):
                stored += db.execute(
                    "SELECT image_id, vector FROM vectors WHERE model_id = ?"
                    f" AND image_id IN ({','.join('?' * len(part))})",
                    (self.model_id, *part),
                )
        return self._decoded(stored)

    def blocks(self, ids: Ids) -> Iterator[tuple[Ids, Rows]]:
        """Yield (ids, unit rows) in the given order; little is in memory at once."""
        for start in range(0, len(ids), _BLOCK):
            requested = ids[start : start + _BLOCK]
            there, rows = self.embeddings(requested)
            order = np.argsort(there)
            present = requested[np.isin(requested, there)]
            yield present, rows[order[np.searchsorted(there, present, sorter=order)]]


def _parts(ids: Iterable[Any]) -> Iterator[list[int]]:
    listed = [int(i) for i in ids]
    for start in range(0, len(listed), _VARIABLES):
        yield listed[start : start + _VARIABLES]
