"""The catalogue: one SQLite file that knows every image, and its vectors.

Its tables are those of ``catalogue.sql``, beside it.

A vector is written in the same transaction as its image's row, so a kill at any moment leaves
a sound catalogue that resumes exactly. Everything else (matrix, approximate index) is a cache
of it, made again at need and valid for one generation number.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c4t_core import paths
from c4t_core.errors import CatalogueError
from c4t_core.files import sha256
from c4t_core.images.frame_names import parse_frame_name
from c4t_core.images.scan import ExcludeRules, FileState
from c4t_core.index.store.database import Database


@dataclass(frozen=True)
class Root:
    """A folder that was indexed as a whole."""

    id: int
    path: str  # absolute, links resolved
    rules: ExcludeRules
    offline: bool


@dataclass(frozen=True)
class Run:
    """What is known of the index runs over one root with one model."""

    finished: float | None  # seconds since 1970; None before the first that came to its end
    generation: int  # grows with every change of the vectors


@dataclass(frozen=True)
class Indexed:
    """What was indexed with one model."""

    model_id: int | None  # None before anything was
    runs: dict[int, Run]  # by root


class Catalogue(Database):
    """One connection to the catalogue.

    Attributes:
        identity: drawn when the file was made; what is cached of another file is not of this.
    """

    SCHEMA = "catalogue.sql"
    PAGE_SIZE = 8192  # vectors of a kilobyte then waste little of their page
    WHEN_NEWER = "update it, or set C4T_DATA_DIR to another folder."

    def __init__(self, path: Path) -> None:
        """Open or make the catalogue.

        Raises:
            CatalogueError: if it cannot be opened, or was written by a newer version.
        """
        super().__init__(path)
        with self.reading() as db:
            self.identity = str(db.execute("SELECT identity FROM meta").fetchone()[0])

    def _damaged(self, aside: Path) -> str:
        return (
            f'The catalogue was damaged; it was set aside as "{aside.name}" and is built again '
            "when a folder is indexed. Your images were not touched."
        )

    def roots(self) -> list[Root]:
        """Return all roots, by path."""
        with self.reading() as db:
            rows = db.execute("SELECT id, path, rules, offline FROM roots ORDER BY path").fetchall()
        return [
            Root(i, os.fsdecode(path), ExcludeRules.from_json(rules), bool(offline))
            for i, path, rules, offline in rows
        ]

    def add_root(self, path: str, rules: ExcludeRules) -> Root:
        """Return the root at ``path``, made if it is not there."""
        with self.writing() as db:
            db.execute(
                "INSERT OR IGNORE INTO roots (path, rules) VALUES (?, ?)",
                (os.fsencode(path), rules.to_json()),
            )
        return next(root for root in self.roots() if root.path == path)

    def set_rules(self, root_id: int, rules: ExcludeRules) -> None:
        """Change what is left out of a root; the next run acts on it."""
        with self.writing() as db:
            db.execute("UPDATE roots SET rules = ? WHERE id = ?", (rules.to_json(), root_id))

    def set_offline(self, root_id: int, offline: bool) -> None:
        """Note whether a root was there when last looked at."""
        with self.writing() as db:
            db.execute("UPDATE roots SET offline = ? WHERE id = ?", (int(offline), root_id))

    def move_root(self, root_id: int, path: str) -> None:
        """Note that a root now lies elsewhere; drives named after the folder follow."""
        with self.writing() as db:
            db.execute("UPDATE roots SET path = ? WHERE id = ?", (os.fsencode(path), root_id))
            rows = db.execute("SELECT id, path FROM images WHERE root_id = ?", (root_id,))
            named = [(*name_columns(name, path), i) for i, name in rows.fetchall()]
            db.executemany(
                "UPDATE images SET drive = ?, camera = ?, frame = ?, time = ? WHERE id = ?", named
            )

    def forget_root(self, root_id: int) -> None:
        """Drop a root with its rows and vectors."""
        with self.writing() as db:
            db.execute("DELETE FROM roots WHERE id = ?", (root_id,))

    def absorb_root(self, inner: Root, outer: Root) -> None:
        """Move the rows of a root into one that holds it; vectors are kept."""
        prefix = os.fsencode(os.path.relpath(inner.path, outer.path)).replace(
            os.fsencode(os.sep), b"/"
        )
        with self.writing() as db:
            rows = db.execute("SELECT id, path FROM images WHERE root_id = ?", (inner.id,))
            for image_id, name in rows.fetchall():
                full = prefix + b"/" + name
                db.execute(
                    "UPDATE OR IGNORE images SET root_id = ?, path = ?, drive = ?, camera = ?,"
                    " frame = ?, time = ? WHERE id = ?",
                    (outer.id, full, *name_columns(full, outer.path), image_id),
                )
            models = db.execute("SELECT model_id FROM runs WHERE root_id = ?", (inner.id,))
            for (model_id,) in models.fetchall():
                bump(db, outer.id, model_id)
            db.execute("DELETE FROM roots WHERE id = ?", (inner.id,))

    def add_model(self, fingerprint: str, name: str, dim: int) -> int:
        """Return the number of a model, made if it is not there."""
        with self.writing() as db:
            db.execute(
                "INSERT INTO models (fingerprint, name, dim) VALUES (?, ?, ?)"
                " ON CONFLICT (fingerprint) DO UPDATE SET name = excluded.name",
                (fingerprint, name, dim),
            )
            row = db.execute("SELECT id FROM models WHERE fingerprint = ?", (fingerprint,))
            return int(row.fetchone()[0])

    def models_of(self, root_id: int) -> list[str]:
        """Return the names of the models that a root was indexed with."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT name FROM models m JOIN runs r ON r.model_id = m.id WHERE r.root_id = ?",
                (root_id,),
            )
            return [str(name) for (name,) in rows]

    def compact(self) -> None:
        """Give the space of dropped rows back to the disk."""
        with self.reading() as db:
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def keep_models(self, fingerprints: Sequence[str]) -> None:
        """Drop all vectors of other models."""
        with self.writing() as db:
            marks = ",".join("?" * len(fingerprints))
            db.execute(f"DELETE FROM models WHERE fingerprint NOT IN ({marks})", fingerprints)

    def finish_run(self, root_id: int, model_id: int) -> None:
        """Note that a run came to its end."""
        with self.writing() as db:
            bump(db, root_id, model_id, step=0)
            db.execute(
                "UPDATE runs SET finished = ? WHERE root_id = ? AND model_id = ?",
                (time.time(), root_id, model_id),
            )

    def indexed(self, fingerprint: str) -> Indexed:
        """Return what was indexed with a model."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT m.id, r.root_id, r.finished, r.generation FROM models m"
                " LEFT JOIN runs r ON r.model_id = m.id WHERE m.fingerprint = ?",
                (fingerprint,),
            ).fetchall()
        runs = {root: Run(finished, generation) for _, root, finished, generation in rows}
        return Indexed(int(rows[0][0]) if rows else None, runs)

    def stamp(self) -> tuple[int, int]:
        """Return what differs after any change of the catalogue, by us or another process."""
        with self.reading() as db:
            return int(db.execute("PRAGMA data_version").fetchone()[0]), db.total_changes


def below_range(folder: bytes) -> tuple[str, tuple[Any, ...]]:
    """Return the condition for files below a sub-folder, as a range that an index serves."""
    if not folder:
        return "", ()
    start = folder.rstrip(b"/") + b"/"
    return " AND path >= ? AND path < ?", (start, start[:-1] + b"0")  # "0" follows "/"


def name_columns(name: bytes, root: str) -> tuple[str | None, str | None, int | None, float | None]:
    """Return drive, camera, frame and time by a file's name; plain frames are of their root."""
    told = parse_frame_name(name.decode("utf-8", "replace"))
    drive = told.drive
    if drive is None and (told.frame is not None or told.time is not None):
        drive = os.path.basename(root).encode("utf-8", "replace").decode("utf-8") or None
    return drive, told.camera, told.frame, told.time


def bump(db: sqlite3.Connection, root_id: int, model_id: int, step: int = 1) -> None:
    """Raise the generation of a root and model: what was made from it is out of date."""
    db.execute(
        "INSERT INTO runs (root_id, model_id, generation) VALUES (?, ?, ?)"
        " ON CONFLICT (root_id, model_id) DO UPDATE SET generation = generation + ?",
        (root_id, model_id, step, step),
    )


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
        self._where, self._values = below_range(below)

    def known(self) -> dict[bytes, FileState]:
        """Return what is known of a root's files (or those of a sub-folder)."""
        with self._catalogue.reading() as db:
            rows = db.execute(
                f"SELECT path, size, mtime_ns FROM images WHERE root_id = ?{self._where}",
                (self.root.id, *self._values),
            )
            return {path: FileState(size, mtime) for path, size, mtime in rows.fetchall()}

    def embedded(self) -> set[bytes]:
        """Return the files that have a vector of this model."""
        with self._catalogue.reading() as db:
            rows = db.execute(
                "SELECT i.path FROM images i JOIN vectors v ON v.image_id = i.id"
                f" WHERE v.model_id = ? AND i.root_id = ?{self._where}",
                (self.model_id, self.root.id, *self._values),
            )
            return {path for (path,) in rows.fetchall()}

    def failures(self) -> dict[bytes, Failure]:
        """Return the files that failed, as they were then."""
        with self._catalogue.reading() as db:
            rows = db.execute(
                "SELECT path, size, mtime_ns, reason FROM failures"
                f" WHERE model_id = ? AND root_id = ?{self._where} ORDER BY path",
                (self.model_id, self.root.id, *self._values),
            )
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
        with self._catalogue.writing() as db:
            done = db.execute(
                f"DELETE FROM failures WHERE root_id = ? AND model_id = ?{self._where}",
                (self.root.id, self.model_id, *self._values),
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


def catalogue_path() -> Path:
    """Return the catalogue's file.

    Raises:
        CatalogueError: if the data folder cannot be made.
    """
    try:
        return paths.data_dir() / "catalogue.sqlite"
    except OSError as error:
        raise CatalogueError(
            f"The data folder cannot be made ({error}); set C4T_DATA_DIR to a folder that may be "
            "written."
        ) from error


def index_folder() -> Path:
    """Return the folder of approximate indexes; they can be made again at any time."""
    return paths.cache_dir() / "hnsw"


def lock_path(root: str, fingerprint: str) -> Path:
    """Return the writers' lock file of a root and a model."""
    return paths.data_dir() / "locks" / f"{sha256(os.fsencode(root))[:16]}-{fingerprint[:16]}.lock"
