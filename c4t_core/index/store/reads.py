"""What searching reads from the catalogue: vectors by the block, rows by the handful."""

from __future__ import annotations

import contextlib
import math
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.errors import CatalogueError
from c4t_core.images.frame_names import FIRST_DATE, natural_key
from c4t_core.index.objects import Seen
from c4t_core.index.store import database
from c4t_core.index.store.catalogue import Catalogue, Cell, note_drops
from c4t_core.index.store.naming import below_range, may_hold
from c4t_core.records import dataclass

Ids = NDArray[np.int64]  # (n,)
Rows = NDArray[np.float32]  # (n, d), unit length
Facts = NDArray[np.float16]  # (n, c, 6), see c4t_core.models.protocol.Facts
Halves = NDArray[np.float16]  # (n, d), about unit length: rounded

BLOCK = 4096  # vectors read at once; 4 MB at 512 dimensions
MANY = 65_536  # other rows read at once
_VARIABLES = 500  # values in one IN (...)
_COLUMNS = "id, root_id, path, at_ns, size, mtime_ns, drive, camera, frame, time, first_seen"
_OF_FRAMES = (
    "v.id, f.id, f.time, f.at_ns / 1e9, COALESCE(f.frame, -1), f.drive_id, f.camera"  # of `Columns`
)
# What frames are grouped by: a column, the day of a time that is more than a clock, or the folder
# right below one.
_PLACE = "SELECT COALESCE(place, path) FROM roots LEFT JOIN shared_roots ON root_id = id"
_GROUPS = {
    "camera": "camera",
    "day": f"CASE WHEN time > {FIRST_DATE} THEN date(time, 'unixepoch') END",
    "folder": "substr(path, {skip}, NULLIF(instr(substr(path, {skip}), X'2F'), 0) - 1)",
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
        seen: what a model saw in it, where one did and it was asked for.
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
    seen: Seen | None = field(default=None, compare=False, repr=False)

    @property
    def at(self) -> float | None:
        """Seconds from the start of a recording; None for a picture."""
        return None if self.at_ns is None else self.at_ns / 1e9


@dataclass(frozen=True)
class Moment:
    """A state of the vectors of one root and model.

    Attributes:
        generation: grows with every change; -1 without any run.
        drops: differs between two states unless all that came between them is more rows.
        newest: highest number of a row of vectors, of whatever root and model.
    """

    generation: int
    drops: int
    newest: int = field(default=0, compare=False)

    def may_follow(self, other: Moment) -> bool:
        """Tell whether it may be a later state of the same runs, and not of some begun anew."""
        return self.generation >= other.generation and self.drops >> 16 == other.drops >> 16


@dataclass(frozen=True)
class Columns:
    """What is known of frames beside their vectors; arrays of one length n.

    Attributes:
        vectors: int64, the number of each one's row of vectors.
        ids: int64, numbers of the frames.
        times: float64, seconds since 1970 UTC, NaN where the name tells none.
        moments: float64, seconds from the start of a recording, NaN for a picture.
        frames: int64, numbers within the drive, -1 where the name tells none.
        drives: int32, numbers of the drives.
        cameras: names, None where the name tells none.
    """

    vectors: Ids
    ids: Ids
    times: NDArray[np.float64]
    moments: NDArray[np.float64]
    frames: Ids
    drives: NDArray[np.int32]
    cameras: list[str | None]

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """All but the cameras, by name."""
        return {name: values for name, values in vars(self).items() if name != "cameras"}

    def some(self, positions: Ids) -> Columns:
        """Return those at some positions."""
        cameras = [self.cameras[position] for position in positions.tolist()]
        kept: dict[str, Any] = {name: array[positions] for name, array in self.arrays.items()}
        return Columns(**kept, cameras=cameras)


@dataclass(frozen=True)
class SeenBy:
    """The model whose facts on objects are asked in one root.

    Attributes:
        model_id: its number.
        fingerprint: its identity.
        classes: what its facts are of, in their order.
    """

    model_id: int
    fingerprint: str
    classes: tuple[str, ...]


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


class Lookup:
    """The reader's view of one root.

    Args:
        catalogue: an open catalogue.
        root_id: number of the root.
    """

    def __init__(self, catalogue: Catalogue, root_id: int) -> None:
        """Keep what all reads have in common."""
        self._catalogue = catalogue
        self.catalogue = catalogue.identity
        self.root_id = root_id

    def rows(self, image_ids: Sequence[int] | Ids) -> dict[int, ImageRow]:
        """Return the rows of some frames by id; ids that are gone are left out."""
        result: dict[int, ImageRow] = {}
        with self._catalogue.reading() as db:
            for part in _parts(image_ids):
                marks = ",".join("?" * len(part))
                rows = db.execute(f"SELECT {_COLUMNS} FROM images WHERE id IN ({marks})", part)
                result.update((row.id, row) for row in _with_seen(db, rows.fetchall()))
        return result

    def newer(self, image_ids: Sequence[int] | Ids, since: float) -> int:
        """Return how many of some frames were first indexed after a time (seconds since 1970)."""
        found = 0
        with self._catalogue.reading() as db:
            if len(image_ids) > MANY:  # then one look at all frames is sooner done
                rows = db.execute("SELECT id FROM frames WHERE first_seen > ?", (since,))
                new = np.array([row[0] for row in rows.fetchall()], dtype=np.int64)
                return int(np.isin(image_ids, new).sum())
            for part in _parts(image_ids):
                marks = ",".join("?" * len(part))
                found += db.execute(
                    f"SELECT COUNT(*) FROM frames WHERE id IN ({marks}) AND first_seen > ?",
                    (*part, since),
                ).fetchone()[0]
        return found

    def by_path(self, path: bytes, at: float | None = None) -> ImageRow | None:
        """Return the row of one picture of this root, or of a moment of a recording.

        Args:
            path: of the file, relative to the root.
            at: seconds from the start of a recording, to the millisecond; None for a picture.
        """
        where, values = "at_ns IS NULL", []
        if at is not None:
            values = [round(at * 1e9)] * 2
            where = "ABS(at_ns - ?) <= 500000 ORDER BY ABS(at_ns - ?)"
        with self._catalogue.reading() as db:
            row = db.execute(
                f"SELECT {_COLUMNS} FROM images WHERE root_id = ? AND path = ? AND {where} LIMIT 1",
                (self.root_id, path, *values),
            ).fetchall()
            return next(iter(_with_seen(db, row)), None)

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

    def seen_by(self) -> SeenBy | None:
        """Return whose facts on objects are asked here, None if no model saw any.

        It is the model whose first run came to its end last; one that never did, if none did.
        """
        with self._catalogue.reading() as db:
            return _seen_by(db, self.root_id)

    def facts_after(self, seen: SeenBy, after: int) -> tuple[Ids, Facts, int]:
        """Return facts of all roots, of rows with a higher number than ``after``, in their order.

        Numbers are never given again, and what a model sees in a frame never changes, so what was
        read stays right, unless an older catalogue was put back: then the last number is lower.

        Returns:
            ids of frames, int64 (n,); facts, float16 (n, c, 6); the last number given.
        """
        with self._catalogue.reading() as db, database.snapshot(db):
            row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'objects'").fetchone()
            rows = db.execute(
                "SELECT frame_id, facts FROM objects WHERE id > ? AND +model_id = ? ORDER BY id",
                (after, seen.model_id),
            )
            width = len(seen.classes)
            parts = [_facts(part, width) for part in iter(lambda: rows.fetchmany(MANY), [])]
        ids, facts = zip(*(parts or [_facts([], width)]), strict=True)
        return np.concatenate(ids), np.concatenate(facts), int(row[0]) if row else 0

    def place_of(self, image_id: int) -> tuple[bytes, int] | None:
        """Return (path, time in a recording in ns or -1) of a frame; frames are in their order."""
        with self._catalogue.reading() as db:
            row = db.execute(
                "SELECT s.path, COALESCE(f.at_ns, -1) FROM frames f"
                " JOIN sources s ON s.id = f.source_id WHERE f.id = ?",
                (image_id,),
            ).fetchone()
        return None if row is None else (row[0], row[1])

    def drive_numbers(self) -> dict[str, int]:
        """Return the numbers of all drives, by identity."""
        with self._catalogue.reading() as db:
            rows = db.execute("SELECT path, id FROM drives").fetchall()
        return {os.fsdecode(path): int(number) for path, number in rows}

    def drives(self, below: bytes = b"") -> dict[str, tuple[int, float | None, float | None]]:
        """Return by identity of the drives (number of frames, first, last of their dates)."""
        where, values = below_range(below)
        dated = f"CASE WHEN f.time > {FIRST_DATE} THEN f.time END"
        with self._catalogue.reading() as db:
            rows = db.execute(
                "SELECT d.path, n, first, last FROM drives d JOIN (SELECT f.drive_id, COUNT(*) AS n"
                f", MIN({dated}) AS first, MAX({dated}) AS last"
                " FROM frames f JOIN sources s ON s.id = f.source_id"
                f" WHERE s.root_id = ?{where} GROUP BY f.drive_id) ON drive_id = d.id",
                (self.root_id, *values),
            )
            return {os.fsdecode(path): (n, *dates) for path, n, *dates in rows.fetchall()}

    def drive_names(self, below: bytes = b"") -> list[str]:
        """Return the identities of the drives, without counting their frames."""
        where, values = below_range(below)
        with self._catalogue.reading() as db:
            root = db.execute(f"{_PLACE} WHERE id = ?", (self.root_id,)).fetchone()
            near = [
                drive
                for drive in db.execute("SELECT id, path FROM drives").fetchall()
                if root is not None and may_hold(drive[1], root[0])
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
        """Return (name, number of images) of every "camera", "day" or sub-"folder", by name.

        A day is written ``2026-10-14`` and is that of UTC; frames whose time is only a clock, or
        is not known, belong to none.
        """
        where, values = below_range(below)
        column = _GROUPS[column].format(skip=len(below) + 2 if below else 1)
        with self._catalogue.reading() as db:
            rows = db.execute(
                f"SELECT {column} AS part, COUNT(*) FROM images WHERE root_id = ?"
                f" AND part IS NOT NULL{where} GROUP BY part",
                (self.root_id, *values),
            )
            found = [(os.fsdecode(name), int(count)) for name, count in rows.fetchall()]
        return sorted(found, key=lambda group: natural_key(group[0]))

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

    def frames(self, below: bytes = b"") -> int:
        """Return the number of frames."""
        return self._count(
            "SELECT COUNT(*) FROM sources CROSS JOIN frames f ON f.source_id = sources.id", below
        )

    def embedded(self, model_id: int | None, below: bytes = b"") -> int:
        """Return the number of frames with a vector of a model."""
        return self._count(
            "SELECT COUNT(*) FROM images CROSS JOIN vectors v ON v.model_id = ?"
            " AND v.frame_id = images.id",
            below,
            model_id,
        )

    def failed(self, model_id: int | None, below: bytes = b"") -> int:
        """Return the number of files that could not be embedded."""
        return self._count(
            "SELECT COUNT(*) FROM (SELECT * FROM failures WHERE model_id = ?)", below, model_id
        )

    def offline(self, below: bytes = b"") -> int:
        """Return the number of frames whose files could not be reached at the last run."""
        return self._count(
            "SELECT COUNT(*) FROM sources s CROSS JOIN frames f"
            " ON f.source_id = s.id AND s.offline",
            below,
        )

    def _count(self, statement: str, below: bytes, *values: int | None) -> int:
        where, bounds = below_range(below)
        with self._catalogue.reading() as db:
            statement += f" WHERE root_id = ?{where}"
            return int(db.execute(statement, (*values, self.root_id, *bounds)).fetchone()[0])


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
        self.model_id = model_id
        self.fingerprint = fingerprint
        self.dim = dim

    def moment(self) -> Moment:
        """Return the present state."""
        with self._catalogue.reading() as db:
            row = db.execute(
                "SELECT generation, drops, (SELECT MAX(id) FROM vectors) FROM runs"
                " WHERE root_id = ? AND model_id = ?",
                (self.root_id, self.model_id),
            ).fetchone()
        return Moment(-1, 0) if row is None else Moment(int(row[0]), int(row[1]), row[2] or 0)

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Moment]:
        """Have all reads of the block see one state, which is given."""
        with self._catalogue.reading() as db, database.snapshot(db):
            yield self.moment()

    def columns(self) -> Columns:
        """Return all frames with a vector, in the order of their paths and times."""
        with self._catalogue.reading() as db:
            rows = db.execute(
                f"SELECT {_OF_FRAMES} FROM sources s"
                " CROSS JOIN frames f ON f.source_id = s.id CROSS JOIN vectors v"
                " ON v.model_id = ? AND v.frame_id = f.id WHERE s.root_id = ?"
                " ORDER BY s.path, f.at_ns",
                (self.model_id, self.root_id),
            )
            parts = [_columns(part) for part in iter(lambda: rows.fetchmany(MANY), [])]
        return _joined(parts)

    def added(self, after: int) -> tuple[Columns, list[tuple[bytes, int]], Halves]:
        """Return the frames whose row of vectors has a higher number, in the order of the rows.

        Returns:
            columns; (path, time in a recording in ns or -1) of each; vectors as they are stored.
        """
        with self._catalogue.reading() as db:
            rows = db.execute(
                f"SELECT {_OF_FRAMES}, s.path, COALESCE(f.at_ns, -1), v.vector"
                " FROM vectors v CROSS JOIN frames f ON f.id = v.frame_id"
                " CROSS JOIN sources s ON s.id = f.source_id"
                " WHERE v.id > ? AND +v.model_id = ? AND s.root_id = ? ORDER BY v.id",
                (after, self.model_id, self.root_id),
            ).fetchall()
        places = [(row[-3], row[-2]) for row in rows]
        return _columns(rows), places, self._halves([row[-1] for row in rows])

    def stored(self, columns: Columns) -> Iterator[Halves]:
        """Yield the vectors of some frames, in the order of their rows, as they are stored.

        Args:
            columns: the frames, sorted by ``vectors``. A row that is not there any more is zero.
        """
        empty = bytes(2 * self.dim)
        for start in range(0, len(columns.ids), BLOCK):
            numbers = columns.vectors[start : start + BLOCK]
            frames = columns.ids[start : start + BLOCK]
            with self._catalogue.reading() as db:
                rows = db.execute(
                    "SELECT id, frame_id, vector FROM vectors"
                    " WHERE id BETWEEN ? AND ? AND +model_id = ?",
                    (int(numbers[0]), int(numbers[-1]), self.model_id),
                )
                found = {number: (frame, blob) for number, frame, blob in rows}
            pairs = zip(numbers.tolist(), frames.tolist(), strict=True)
            there = ((found.get(number), frame) for number, frame in pairs)
            yield self._halves([f[1] if f and f[0] == frame else empty for f, frame in there])

    def _halves(self, blobs: Sequence[bytes]) -> Halves:
        width = 2 * self.dim
        whole = b"".join(blob if len(blob) == width else bytes(width) for blob in blobs)
        return np.frombuffer(whole, dtype="<f2").reshape(len(blobs), self.dim)

    def drop(self, damaged: Ids) -> None:
        """Take damaged vectors out of the catalogue, so that the next run embeds them again."""
        with contextlib.suppress(CatalogueError), self._catalogue.writing() as db:
            for part in _parts(damaged):
                db.execute(
                    f"DELETE FROM vectors WHERE model_id = ?"
                    f" AND frame_id IN ({','.join('?' * len(part))})",
                    (self.model_id, *part),
                )
            note_drops(db, self.root_id)


def _seen_by(db: sqlite3.Connection, root_id: int) -> SeenBy | None:
    row = db.execute(
        "SELECT m.id, m.fingerprint, c.names FROM object_classes c"
        " JOIN models m ON m.id = c.model_id JOIN runs r ON r.model_id = m.id"
        " WHERE r.root_id = ? ORDER BY r.finished IS NULL, r.finished DESC, m.id DESC",
        (root_id,),
    ).fetchone()
    return None if row is None else SeenBy(row[0], row[1], tuple(row[2].split("\n")))


def _with_seen(db: sqlite3.Connection, lines: Sequence[tuple[Any, ...]]) -> list[ImageRow]:
    """Return lines of ``_COLUMNS`` as rows with what was seen in their frames."""
    seen: dict[int, Seen] = {}
    for root_id in {line[1] for line in lines}:
        by = _seen_by(db, root_id)
        ids = [line[0] for line in lines if line[1] == root_id] if by else []
        for part in _parts(ids):
            assert by is not None
            rows = db.execute(
                "SELECT frame_id, facts FROM objects WHERE model_id = ?"
                f" AND frame_id IN ({','.join('?' * len(part))}) AND length(facts) = ?",
                (by.model_id, *part, 12 * len(by.classes)),
            )
            seen.update((frame, Seen(by.classes, facts)) for frame, facts in rows)
    return [_row(line, seen.get(line[0])) for line in lines]


def _facts(rows: Sequence[tuple[int, bytes]], classes: int) -> tuple[Ids, Facts]:
    """Return rows of the table ``objects`` as arrays; those of another width are left out."""
    whole = [row for row in rows if len(row[1]) == 12 * classes]
    facts = np.frombuffer(b"".join([row[1] for row in whole]), dtype="<f2")
    return np.array([row[0] for row in whole], dtype=np.int64), facts.reshape(-1, classes, 6)


def _columns(rows: Sequence[tuple[Any, ...]]) -> Columns:
    """Return rows that begin with ``_OF_FRAMES`` as columns."""
    vectors, ids, frames, drives = (
        np.array([row[i] for row in rows], dtype=np.int64) for i in (0, 1, 4, 5)
    )
    times, moments = (
        np.array([math.nan if row[i] is None else row[i] for row in rows], dtype=np.float64)
        for i in (2, 3)
    )
    cameras = [row[6] for row in rows]
    return Columns(vectors, ids, times, moments, frames, drives.astype(np.int32), cameras)


def _joined(parts: Sequence[Columns]) -> Columns:
    several = [part.arrays for part in parts or [_columns(())]]
    joined: dict[str, Any] = {n: np.concatenate([some[n] for some in several]) for n in several[0]}
    return Columns(**joined, cameras=[name for part in parts for name in part.cameras])


def _row(line: tuple[Any, ...], seen: Seen | None = None) -> ImageRow:
    """Return a line of ``_COLUMNS`` as a row."""
    values = list(line)
    values[6] = os.fsdecode(values[6])
    return ImageRow(*values, *[seen])


def _parts(ids: Iterable[Any]) -> Iterator[list[int]]:
    listed = [int(i) for i in ids]
    for start in range(0, len(listed), _VARIABLES):
        yield listed[start : start + _VARIABLES]
