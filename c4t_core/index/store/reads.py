"""What searching reads from the catalogue: vectors by the block, rows by the handful."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.errors import CatalogueError
from c4t_core.index.store import database
from c4t_core.index.store.catalogue import Catalogue, Cell, below_range, bump

Ids = NDArray[np.int64]  # (n,)
Rows = NDArray[np.float32]  # (n, d), unit length

_BLOCK = 4096  # rows read at once; 4 MB of half floats at 512 dimensions
_VARIABLES = 500  # values in one IN (...)
_COLUMNS = "id, root_id, path, at_ns, size, mtime_ns, drive, camera, frame, time, first_seen"
_OFF_UNIT = 0.002  # a stored vector whose length is further from 1 was damaged; rounding: 0.0005
# What frames are grouped by: a column, or the day of a time that is more than a clock.
_GROUPS = {
    "camera": "camera",
    "day": f"CASE WHEN time > {366 * 86_400} THEN date(time, 'unixepoch') END",
}


@dataclass(frozen=True)
class ImageRow:
    """One frame as the catalogue knows it.

    Attributes:
        id: its number.
        root_id: number of the root.
        path: of its file, relative to the root, "/"-separated.
        at_ns: nanoseconds from the start of a recording; None for a picture.
        size: of the file, bytes.
        mtime_ns: of the file, nanoseconds since 1970.
        drive: identity of the drive (see `c4t_core.images.frame_names.recording`).
        camera: where the name tells.
        frame: number within the drive, where the name tells.
        time: seconds since 1970 UTC, where the name tells.
        first_seen: when it was first indexed, seconds since 1970; 0 for before that was noted.
    """

    id: int
    root_id: int
    path: bytes
    at_ns: int | None
    size: int
    mtime_ns: int
    drive: str
    camera: str | None
    frame: int | None
    time: float | None
    first_seen: float = 0.0

    @property
    def at(self) -> float | None:
        """Seconds from the start of a recording; None for a picture."""
        return None if self.at_ns is None else self.at_ns / 1e9


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
    """Which frames of one root a search is restricted to; empty fields restrict nothing."""

    below: tuple[bytes, ...] = ()  # sub-folders, relative to the root
    drives: tuple[str, ...] = ()  # their identities
    cameras: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None

    @property
    def everything(self) -> bool:
        """Whether nothing is restricted."""
        return self == Selection()

    def passes(self, image: ImageRow) -> bool:
        """Tell whether one frame is let through; :meth:`Lookup.select` asks SQL the same."""
        inside = not self.below or any(
            not folder or image.path.startswith(folder + b"/") for folder in self.below
        )
        return (
            inside
            and (not self.drives or image.drive in self.drives)
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
        """Return the rows of some frames by id; ids that are gone are left out."""
        result: dict[int, ImageRow] = {}
        with self._catalogue.reading() as db:
            for part in _parts(image_ids):
                marks = ",".join("?" * len(part))
                rows = db.execute(f"SELECT {_COLUMNS} FROM images WHERE id IN ({marks})", part)
                result.update((row[0], _row(row)) for row in rows)
        return result

    def by_path(self, path: bytes, at: float | None = None) -> ImageRow | None:
        """Return the row of one picture of this root, or of a moment of a recording.

        Args:
            path: of the file, relative to the root.
            at: seconds from the start of a recording, to the millisecond; None for a picture.
        """
        where, values = "at_ns IS NULL", []
        if at is not None:
            where, values = (
                "ABS(at_ns - ?) <= 500000 ORDER BY ABS(at_ns - ?)",
                [round(at * 1e9)] * 2,
            )
        with self._catalogue.reading() as db:
            row = db.execute(
                f"SELECT {_COLUMNS} FROM images WHERE root_id = ? AND path = ? AND {where} LIMIT 1",
                (self.root_id, path, *values),
            ).fetchone()
        return None if row is None else _row(row)

    def files_of_size(self, size: int) -> list[ImageRow]:
        """Return the frames whose file has this size: where a moved file may be found."""
        with self._catalogue.reading() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM images WHERE root_id = ? AND size = ?",
                (self.root_id, size),
            )
            return [_row(row) for row in rows.fetchall()]

    def cells(self, column: str, image_ids: Sequence[int] | Ids) -> dict[int, Cell]:
        """Return what a column says of some frames, by id; those it says nothing of left out."""
        result: dict[int, Cell] = {}
        with self._catalogue.reading() as db:
            for part in _parts(image_ids):
                rows = db.execute(
                    "SELECT frame_id, value FROM cells JOIN columns c ON c.id = column_id"
                    f" WHERE c.name = ? AND frame_id IN ({','.join('?' * len(part))})",
                    (column, *part),
                )
                result.update(rows.fetchall())
        return result

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
            where += f" AND drive IN ({','.join('?' * len(selection.drives))})"
            values += [os.fsencode(drive) for drive in selection.drives]
        if selection.cameras:
            where += f" AND camera IN ({','.join('?' * len(selection.cameras))})"
            values += selection.cameras
        for bound, operator in ((selection.since, ">="), (selection.until, "<")):
            if bound is not None:
                where += f" AND time {operator} ?"
                values.append(bound)
        return where, values

    def drives(self, below: bytes = b"") -> dict[str, int]:
        """Return the identities of the drives and their number of frames."""
        where, values = below_range(below)
        with self._catalogue.reading() as db:
            rows = db.execute(
                "SELECT d.path, n FROM drives d JOIN (SELECT f.drive_id, COUNT(*) AS n"
                " FROM frames f JOIN sources s ON s.id = f.source_id"
                f" WHERE s.root_id = ?{where} GROUP BY f.drive_id) ON drive_id = d.id",
                (self.root_id, *values),
            )
            return {os.fsdecode(path): int(count) for path, count in rows.fetchall()}

    def drive_names(self, below: bytes = b"") -> list[str]:
        """Return the identities of the drives, without counting their frames."""
        where, values = below_range(below)
        with self._catalogue.reading() as db:
            root = db.execute("SELECT path FROM roots WHERE id = ?", (self.root_id,)).fetchone()
            near = [
                drive
                for drive in db.execute("SELECT id, path FROM drives").fetchall()
                if root is not None and _may_hold(drive[1], root[0])
            ]
            return [
                os.fsdecode(path)
                for drive_id, path in near
                if db.execute(
                    "SELECT 1 FROM frames f CROSS JOIN sources s ON s.id = f.source_id"
                    f" WHERE f.drive_id = ? AND s.root_id = ?{where} LIMIT 1",
                    (drive_id, self.root_id, *values),
                ).fetchone()
            ]

    def groups(self, column: str, below: bytes = b"") -> list[tuple[str, int]]:
        """Return (name, number of images) of every "camera" or "day", by name.

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
        here = (row.time or 0, row.frame or 0, row.path, -1 if row.at_ns is None else row.at_ns)
        order = ("COALESCE(time, 0)", "COALESCE(frame, 0)", "path", "COALESCE(at_ns, -1)")
        sides: list[list[ImageRow]] = []
        with self._catalogue.reading() as db:
            for operator, way, count in (("<", "DESC", before), (">", "ASC", after)):
                lines = db.execute(
                    f"SELECT {_COLUMNS} FROM images WHERE root_id = ? AND drive = ?"
                    f" AND camera IS ? AND ({', '.join(order)}) {operator} (?, ?, ?, ?)"
                    f" ORDER BY {', '.join(f'{column} {way}' for column in order)} LIMIT ?",
                    (self.root_id, os.fsencode(row.drive), row.camera, *here, max(0, count)),
                )
                sides.append([_row(line) for line in lines.fetchall()])
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
                f" AND v.frame_id = images.id WHERE root_id = ?{where}",
                (model_id, self.root_id, *values),
            ).fetchone()[0]
            failed = db.execute(
                f"SELECT COUNT(*) FROM failures WHERE root_id = ? AND model_id = ?{where}",
                (self.root_id, model_id, *values),
            ).fetchone()[0]
        return int(total), int(embedded), int(failed)

    def offline(self, below: bytes = b"") -> int:
        """Return the number of frames whose files could not be reached at the last run."""
        where, values = below_range(below)
        with self._catalogue.reading() as db:
            row = db.execute(
                "SELECT COUNT(*) FROM sources s CROSS JOIN frames f ON f.source_id = s.id"
                f" WHERE s.root_id = ? AND s.offline{where}",
                (self.root_id, *values),
            ).fetchone()
        return int(row[0])


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
        """Return all vectors of one moment; those that were damaged on the disk are dropped."""
        with self._catalogue.reading() as db, database.snapshot(db):
            generation = self.generation()
            ids = self.ids()
            rows = np.empty((len(ids), self.dim), dtype=np.float32)
            order = np.argsort(ids, kind="stable")
            for block_ids, block in self._stored_blocks(db, ids[order]):
                rows[order[np.searchsorted(ids, block_ids, sorter=order)]] = block
        sound = np.isfinite(rows[:, :1]).all(axis=1)
        if not sound.all():
            self._drop(ids[~sound])
            ids, rows = ids[sound], rows[sound]
        return Matrix(generation, ids, rows)

    def _drop(self, damaged: Ids) -> None:
        """Take damaged vectors out of the catalogue, so that the next run embeds them again."""
        with contextlib.suppress(CatalogueError), self._catalogue.writing() as db:
            for part in _parts(damaged):
                db.execute(
                    f"DELETE FROM vectors WHERE model_id = ?"
                    f" AND frame_id IN ({','.join('?' * len(part))})",
                    (self.model_id, *part),
                )
            bump(db, self.root_id, self.model_id)

    def _stored_blocks(self, db: sqlite3.Connection, requested: Ids) -> Iterator[tuple[Ids, Rows]]:
        """Yield the vectors of some images, ids sorted, blockwise, in the order of the file."""
        if not len(requested):
            return
        cursor = db.execute(
            "SELECT frame_id, vector FROM vectors WHERE model_id = ? AND frame_id BETWEEN ? AND ?",
            (self.model_id, int(requested[0]), int(requested[-1])),
        )
        while stored := cursor.fetchmany(_BLOCK):
            ids, block = self._decoded(stored)
            positions = np.minimum(np.searchsorted(requested, ids), len(requested) - 1)
            ours = requested[positions] == ids
            yield ids[ours], block[ours]

    def _decoded(self, stored: Sequence[tuple[int, bytes]]) -> tuple[Ids, Rows]:
        """Return the ids, and the half floats of the file as unit rows; damaged ones are NaN."""
        ids = np.fromiter((i for i, _ in stored), dtype=np.int64, count=len(stored))
        width = 2 * self.dim
        whole = (blob if len(blob) == width else bytes(width) for _, blob in stored)
        halves = np.frombuffer(b"".join(whole), dtype="<f2")
        rows = halves.reshape(len(stored), self.dim).astype(np.float32)
        with np.errstate(invalid="ignore", over="ignore"):
            norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
            rows /= np.maximum(norms, 1e-12)[:, None]
        rows[~(np.abs(norms - 1.0) < _OFF_UNIT)] = np.nan
        return ids, rows

    def ids(self) -> Ids:
        """Return the ids of all images with a vector, ordered by path."""
        with self._catalogue.reading() as db:
            rows = db.execute(
                "SELECT i.id FROM images i CROSS JOIN vectors v"
                " ON v.model_id = ? AND v.frame_id = i.id WHERE i.root_id = ?"
                " ORDER BY i.path, i.at_ns",
                (self.model_id, self.root_id),
            )
            return np.fromiter((i for (i,) in rows), dtype=np.int64)

    def embeddings(self, image_ids: Ids) -> tuple[Ids, Rows]:
        """Return (ids, unit rows) of some images, those without a vector left out, any order."""
        stored: list[tuple[int, bytes]] = []
        with self._catalogue.reading() as db:
            for part in _parts(image_ids):
                stored += db.execute(
                    "SELECT frame_id, vector FROM vectors WHERE model_id = ?"
                    f" AND frame_id IN ({','.join('?' * len(part))})",
                    (self.model_id, *part),
                ).fetchall()
        ids, rows = self._decoded(stored)
        sound = np.isfinite(rows[:, :1]).all(axis=1)
        return ids[sound], rows[sound]

    def blocks(self, ids: Ids) -> Iterator[tuple[Ids, Rows]]:
        """Yield (ids, unit rows) in the given order; little is in memory at once."""
        for start in range(0, len(ids), _BLOCK):
            requested = ids[start : start + _BLOCK]
            there, rows = self.embeddings(requested)
            order = np.argsort(there)
            present = requested[np.isin(requested, there)]
            yield present, rows[order[np.searchsorted(there, present, sorter=order)]]


def _row(line: tuple[Any, ...]) -> ImageRow:
    """Return a line of ``_COLUMNS`` as a row."""
    values = list(line)
    values[6] = os.fsdecode(values[6])
    return ImageRow(*values)


def _may_hold(drive: bytes, root: bytes) -> bool:
    """Tell whether a drive may have frames in a root: one of their folders holds the other.

    The last part of a drive may be a prefix of names, and no folder.
    """
    inner, folder = root.rstrip(b"/") + b"/", drive.rpartition(b"/")[0].rstrip(b"/") + b"/"
    return folder.startswith(inner) or inner.startswith(folder)


def _parts(ids: Iterable[Any]) -> Iterator[list[int]]:
    listed = [int(i) for i in ids]
    for start in range(0, len(listed), _VARIABLES):
        yield listed[start : start + _VARIABLES]
