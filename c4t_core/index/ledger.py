"""What indexing reads from and writes to the catalogue: batches of rows with their vectors."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from c4t_core.index.catalogue import Catalogue, Root, below_range, bump, name_columns
from c4t_core.index.scan import FileState


@dataclass(frozen=True)
class Stored:
    """One image to be stored with its vector."""

    path: bytes
    state: FileState
    vector: NDArray[np.float32]


@dataclass(frozen=True)
class Failure:
    """One file that could not be embedded; ``state`` is None where it is to be tried again."""

    path: bytes
    state: FileState | None
    reason: str


class Ledger:
    """The writer's view of one root and one model.

    Args:
        catalogue: an open catalogue.
        root: the root that is indexed.
        model_id: number of the model.
        below: only this sub-folder, relative to the root.
    """

    def __init__(self, catalogue: Catalogue, root: Root, model_id: int, below: bytes = b"") -> None:
        """Keep what all reads and writes have in common."""
        self._catalogue = catalogue
        self.root = root
        self.model_id = model_id
        self.below = below

    def known(self) -> dict[bytes, FileState]:
        """Return what is known of a root's files (or those of a sub-folder)."""
        where, values = below_range(self.below)
        with self._catalogue.reading() as db:
            rows = db.execute(
                f"SELECT path, size, mtime_ns FROM images WHERE root_id = ?{where}",
                (self.root.id, *values),
            )
            return {path: FileState(size, mtime) for path, size, mtime in rows.fetchall()}

    def embedded(self) -> set[bytes]:
        """Return the files that have a vector of this model."""
        where, values = below_range(self.below)
        with self._catalogue.reading() as db:
            rows = db.execute(
                "SELECT i.path FROM images i JOIN vectors v ON v.image_id = i.id"
                f" WHERE v.model_id = ? AND i.root_id = ?{where}",
                (self.model_id, self.root.id, *values),
            )
            return {path for (path,) in rows.fetchall()}

    def failures(self) -> dict[bytes, Failure]:
        """Return the files that failed, as they were then."""
        where, values = below_range(self.below)
        with self._catalogue.reading() as db:
            rows = db.execute(
                "SELECT path, size, mtime_ns, reason FROM failures"
                f" WHERE model_id = ? AND root_id = ?{where} ORDER BY path",
                (self.model_id, self.root.id, *values),
            ).fetchall()
        return {
            path: Failure(path, FileState(size, mtime) if size >= 0 else None, reason)
            for path, size, mtime, reason in rows
        }

    def store(self, good: Sequence[Stored], bad: Sequence[Failure]) -> None:
        """Write one batch, rows and vectors together.

        A file that changed loses its vectors of all models: they show what is no longer there.
        """
        if not good and not bad:
            return
        with self._catalogue.writing() as db:
            for item in good:
                image_id = _put_image(db, self.root, item.path, item.state)
                db.execute(
                    "INSERT OR REPLACE INTO vectors (model_id, image_id, vector) VALUES (?, ?, ?)",
                    (self.model_id, image_id, item.vector.astype("<f2").tobytes()),
                )
                db.execute(
                    "DELETE FROM failures WHERE root_id = ? AND model_id = ? AND path = ?",
                    (self.root.id, self.model_id, item.path),
                )
            dropped = _store_failures(db, self.root.id, self.model_id, bad)
            bump(db, self.root.id, self.model_id, step=1 if good else 0)
            if dropped:
                _bump_all(db, self.root.id)

    def remove(self, paths: Iterable[bytes]) -> None:
        """Drop rows (and failures) of files that are gone."""
        names = [(self.root.id, path) for path in paths]
        if not names:
            return
        with self._catalogue.writing() as db:
            done = db.executemany("DELETE FROM images WHERE root_id = ? AND path = ?", names)
            if done.rowcount:
                _bump_all(db, self.root.id)
            db.executemany("DELETE FROM failures WHERE root_id = ? AND path = ?", names)

    def clear_failures(self) -> int:
        """Forget why files failed; return how many there were."""
        where, values = below_range(self.below)
        with self._catalogue.writing() as db:
            done = db.execute(
                f"DELETE FROM failures WHERE root_id = ? AND model_id = ?{where}",
                (self.root.id, self.model_id, *values),
            )
            return done.rowcount


def _bump_all(db: sqlite3.Connection, root_id: int) -> None:
    db.execute("UPDATE runs SET generation = generation + 1 WHERE root_id = ?", (root_id,))


def _store_failures(
    db: sqlite3.Connection, root_id: int, model_id: int, bad: Iterable[Failure]
) -> int:
    """Write failures; return how many rows were dropped because their picture is no more."""
    dropped = 0
    for item in bad:
        state = item.state or FileState(-1, -1)
        db.execute(
            "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?, ?)",
            (root_id, model_id, item.path, state.size, state.mtime_ns, item.reason),
        )
        if item.state is not None:
            dropped += db.execute(
                "DELETE FROM images WHERE root_id = ? AND path = ?"
                " AND NOT (size = ? AND mtime_ns = ?)",
                (root_id, item.path, state.size, state.mtime_ns),
            ).rowcount
    return dropped


def _put_image(db: sqlite3.Connection, root: Root, path: bytes, state: FileState) -> int:
    """Return the id of an image's row; a changed file gets a new row, and so a new id.

    Caches know images by id: an id must never come to mean another picture.
    """
    row = db.execute(
        "SELECT id, size, mtime_ns FROM images WHERE root_id = ? AND path = ?", (root.id, path)
    ).fetchone()
    if row is not None:
        if (row[1], row[2]) == (state.size, state.mtime_ns):
            return int(row[0])
        db.execute("DELETE FROM images WHERE id = ?", (row[0],))
        _bump_all(db, root.id)
    columns = (root.id, path, state.size, state.mtime_ns, *name_columns(path, root.path))
    done = db.execute(
        "INSERT INTO images (root_id, path, size, mtime_ns, drive, camera, frame, time)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        columns,
    )
    return int(done.lastrowid or 0)
