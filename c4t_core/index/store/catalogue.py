"""The catalogue: one SQLite file that knows every image, and its vectors.

Its tables are those of ``catalogue.sql``, beside it. A source is a file, a frame is one moment of
it: a picture has one frame, a recording will have many, each known by its time ``at_ns``. Columns
and their cells hold whatever else is known of frames.

A vector is written in the same transaction as its image's row, so a kill at any moment leaves
a sound catalogue that resumes exactly. A run that finds nothing new writes nothing: the file is
as it was checked, and need not be again. Everything else (vector cache, approximate index) is
made from it at need. A run's ``generation`` grows with every change of its vectors; its ``drops``
only where rows go, move or get other names, so that who made something from it knows whether all
that came since is more rows.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from c4t_core import paths
from c4t_core.files import sha256
from c4t_core.images.scan import ExcludeRules, FileState
from c4t_core.index.objects import LARGEST
from c4t_core.index.store.database import Database
from c4t_core.index.store.migration import to_counted_drops, to_objects, to_sources_and_frames
from c4t_core.index.store.naming import Drives, below_range, name_again, name_columns, name_file

Cell = float | int | str | None
"""What a column may hold of a frame."""


@dataclass(frozen=True)
class Root:
    """A folder that was indexed as a whole.

    Attributes:
        id: its number.
        path: absolute, links resolved.
        rules: what is left out of it.
    """

    id: int
    path: str
    rules: ExcludeRules


@dataclass(frozen=True)
class Run:
    """What is known of the index runs over one root with one model."""

    model_id: int
    fingerprint: str  # of the vectors
    finished: float | None  # when the first came to its end, seconds since 1970; None before
    generation: int  # grows with every change of the vectors


class Catalogue(Database):
    """One connection to the catalogue.

    Attributes:
        identity: drawn when the file was made; what is cached of another file is not of this.
    """

    SCHEMA = "catalogue.sql"
    VERSION = 4
    MIGRATIONS: ClassVar = {1: to_sources_and_frames, 2: to_counted_drops, 3: to_objects}
    PAGE_SIZE = 16_384  # vectors of a kilobyte then waste little of their page; older files: 8,192
    WHEN_NEWER = "update it, or set C4T_DATA_DIR to another folder."

    def __init__(self, path: Path) -> None:
        """Open or make the catalogue.

        Raises:
            CatalogueError: if it cannot be opened, or was written by a newer version.
        """
        super().__init__(path)
        if self.notice:  # what it knew is lost: what is found again is news to nobody
            with self.writing() as db:
                db.execute("UPDATE meta SET rebuilt = ?", (time.time(),))
        with self.reading() as db:
            row = db.execute("SELECT identity FROM meta").fetchone()
        if row is None:  # lost with a damaged page: another one, so that no old cache is used
            with self.writing() as db:
                db.execute("INSERT INTO meta (identity) VALUES (lower(hex(randomblob(16))))")
                row = db.execute("SELECT identity FROM meta").fetchone()
        self.identity = str(row[0])

    def _damaged(self, aside: Path) -> str:
        return (
            f'The catalogue was damaged; it was set aside as "{aside.name}" and is built again '
            "when a folder is indexed. Your images were not touched."
        )

    def roots(self) -> list[Root]:
        """Return all roots, by path."""
        with self.reading() as db:
            rows = db.execute("SELECT id, path, rules FROM roots ORDER BY path").fetchall()
        return [
            Root(i, os.fsdecode(path), ExcludeRules.from_json(rules)) for i, path, rules in rows
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

    def rename_root(self, root_id: int, path: str) -> None:
        """Note that a root now lies elsewhere; drives are named after their new folders."""
        with self.writing() as db:
            db.execute("UPDATE roots SET path = ? WHERE id = ?", (os.fsencode(path), root_id))
            db.execute("UPDATE sources SET offline = 0 WHERE root_id = ? AND offline", (root_id,))
            name_again(db, root_id, path, b"")
            note_drops(db, root_id)

    def move(self, root: Root, below: bytes, into: Root, at: bytes) -> int:
        """Move the rows of a folder to another place; vectors are kept.

        Args:
            root: where the rows are.
            below: the folder, relative to ``root``; b"" is the root itself, which is dropped then.
            into: the root that holds the new place.
            at: the new place, relative to ``into``.

        Returns:
            the number of files.
        """
        there = at + b"/" if at else b""
        name = "CAST(? || substr(path, ?) AS BLOB)"  # || makes text of blobs, of the same bytes
        new_name = (there, len(below) + 2 if below else 1)
        where, values = below_range(below)
        with self.writing() as db:
            db.execute(
                f"DELETE FROM sources WHERE root_id = ? AND path IN"
                f" (SELECT {name} FROM sources WHERE root_id = ?{where})"
                + (f" AND NOT (TRUE{where})" if root.id == into.id else ""),
                (into.id, *new_name, root.id, *values, *(values if root.id == into.id else ())),
            )
            moved = db.execute(
                f"UPDATE sources SET root_id = ?, path = {name} WHERE root_id = ?{where}",
                (into.id, *new_name, root.id, *values),
            ).rowcount
            if _joined(root.path, below) != _joined(into.path, at):
                there_now, inside = below_range(at)
                db.execute(
                    f"UPDATE sources SET offline = 0 WHERE root_id = ? AND offline{there_now}",
                    (into.id, *inside),
                )
                name_again(db, into.id, into.path, at)
            db.execute(f"DELETE FROM failures WHERE root_id = ?{where}", (root.id, *values))
            models = db.execute("SELECT model_id FROM runs WHERE root_id = ?", (root.id,))
            for (model_id,) in models.fetchall():
                bump(db, into.id, model_id)
            note_drops(db, into.id)
            note_drops(db, root.id)
            if not below and root.id != into.id:
                db.execute("DELETE FROM roots WHERE id = ?", (root.id,))
        return moved

    def forget(self, root_id: int, below: bytes = b"") -> int:
        """Drop a root, or a folder of it, with its rows and vectors; return how many files."""
        where, values = below_range(below)
        with self.writing() as db:
            dropped = db.execute(
                f"DELETE FROM sources WHERE root_id = ?{where}", (root_id, *values)
            ).rowcount
            db.execute(f"DELETE FROM failures WHERE root_id = ?{where}", (root_id, *values))
            note_drops(db, root_id)
            if not below:
                db.execute("DELETE FROM roots WHERE id = ?", (root_id,))
        return dropped

    def put_cells(self, column: str, cells: Mapping[int, Cell]) -> None:
        """Note what a column says of some frames, by frame id; None takes it back."""
        with self.writing() as db:
            db.execute("INSERT OR IGNORE INTO columns (name) VALUES (?)", (column,))
            row = db.execute("SELECT id FROM columns WHERE name = ?", (column,)).fetchone()
            for frame_id, value in cells.items():
                if value is None:
                    db.execute(
                        "DELETE FROM cells WHERE column_id = ? AND frame_id = ?", (row[0], frame_id)
                    )
                else:
                    db.execute(
                        "INSERT OR REPLACE INTO cells VALUES (?, ?, ?)", (row[0], frame_id, value)
                    )

    def add_model(self, fingerprint: str, name: str, dim: int) -> int:
        """Return the number of a model, made if it is not there."""
        find = "SELECT id FROM models WHERE fingerprint = ? AND name = ?"
        with self.reading() as db:
            row = db.execute(find, (fingerprint, name)).fetchone()
        if row is None:
            with self.writing() as db:
                db.execute(
                    "INSERT INTO models (fingerprint, name, dim) VALUES (?, ?, ?)"
                    " ON CONFLICT (fingerprint) DO UPDATE SET name = excluded.name",
                    (fingerprint, name, dim),
                )
                row = db.execute(find, (fingerprint, name)).fetchone()
        return int(row[0])

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
        with self.writing() as db:
            db.execute("DELETE FROM drives WHERE id NOT IN (SELECT drive_id FROM frames)")
        with self.reading() as db:
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def drop_models(self, fingerprints: Sequence[str], *, others: bool = False) -> None:
        """Drop all vectors of some models, or of all ``others``."""
        among = f"{'NOT ' if others else ''}IN ({','.join('?' * len(fingerprints))})"
        with self.writing() as db:
            db.execute(f"DELETE FROM models WHERE fingerprint {among}", fingerprints)

    def removable(self, fingerprints: Sequence[str]) -> tuple[int, int, int]:
        """Return how many frames have vectors of some models, their bytes, and of free pages."""
        marks = ",".join("?" * len(fingerprints))
        of_these = f"JOIN models m ON m.id = model_id WHERE fingerprint IN ({marks})"
        with self.reading() as db:
            frames, vectors = db.execute(
                f"SELECT COUNT(DISTINCT frame_id), TOTAL(2 * dim) FROM vectors {of_these}",
                fingerprints,
            ).fetchone()
            facts = db.execute(f"SELECT TOTAL(LENGTH(facts)) FROM objects {of_these}", fingerprints)
            size = vectors + facts.fetchone()[0]
            pages = db.execute(
                "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size"
            )
            return frames, int(size), pages.fetchone()[0]

    def finish_run(self, root_id: int, model_id: int) -> None:
        """Note that a run came to its end, if none had before."""
        where, key = "root_id = ? AND model_id = ?", (root_id, model_id)
        with self.reading() as db:
            row = db.execute(f"SELECT finished FROM runs WHERE {where}", key).fetchone()
        if row is None or row[0] is None:
            with self.writing() as db:
                bump(db, *key, step=0)
                db.execute(f"UPDATE runs SET finished = ? WHERE {where}", (time.time(), *key))

    def runs(self, fingerprints: Sequence[str]) -> dict[int, Run]:
        """Return, by root, what was indexed with a model.

        Args:
            fingerprints: of all the vectors that the model makes, the better ones first. A root
                goes on with those it was indexed with, until a run with better ones has finished.
        """
        with self.reading() as db:
            marks = ",".join("?" * len(fingerprints))
            rows = db.execute(
                "SELECT r.root_id, m.id, m.fingerprint, r.finished, r.generation FROM models m"
                f" JOIN runs r ON r.model_id = m.id WHERE m.fingerprint IN ({marks})",
                fingerprints,
            ).fetchall()
        runs = [(root, Run(*columns)) for root, *columns in rows]
        runs.sort(key=lambda r: (r[1].finished is None, fingerprints.index(r[1].fingerprint)))
        return dict(reversed(runs))

    def stamp(self) -> tuple[int, int]:
        """Return what differs after any change of the catalogue, by us or another process."""
        with self.reading() as db:
            return int(db.execute("PRAGMA data_version").fetchone()[0]), db.total_changes


def _joined(root: str, below: bytes) -> bytes:
    return os.path.join(os.fsencode(root), below) if below else os.fsencode(root)


def bump(db: sqlite3.Connection, root_id: int, model_id: int, step: int = 1) -> None:
    """Raise the generation of a root and model: what was made from it is out of date.

    Numbers of roots and models are given again once they are free, so a new run counts its drops
    from a number that no earlier one had.
    """
    db.execute(
        "INSERT INTO runs (root_id, model_id, generation, drops)"
        " VALUES (?, ?, ?, random() >> 24 << 16)"
        " ON CONFLICT (root_id, model_id) DO UPDATE SET generation = generation + ?",
        (root_id, model_id, step, step),
    )


def note_drops(db: sqlite3.Connection, root_id: int) -> None:
    """Note that rows of a root went, moved, or are named or numbered otherwise."""
    db.execute(
        "UPDATE runs SET generation = generation + 1, drops = drops + 1 WHERE root_id = ?",
        (root_id,),
    )


@dataclass(frozen=True)
class Stored:
    """One image to be stored with its vector."""

    path: bytes
    state: FileState
    vector: NDArray[np.float32]
    facts: NDArray[np.float32] | None = None  # (c, 6), see c4t_core.models.protocol.Facts


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

    def known(self) -> dict[bytes, tuple[int, int]]:
        """Return size and time of a root's files (or those of a sub-folder), in their order."""
        with self._catalogue.reading() as db:
            rows = db.execute(
                f"SELECT path, size, mtime_ns FROM sources WHERE root_id = ?{self._where}"
                " ORDER BY path",
                (self.root.id, *self._values),
            )
            return {path: (size, mtime) for path, size, mtime in rows.fetchall()}

    def without_vector(self) -> set[bytes]:
        """Return the files that have no vector of this model: mostly few, all are a lot to read."""
        with self._catalogue.reading() as db:
            row = db.execute(
                "SELECT (SELECT COUNT(*) FROM frames)"
                " = (SELECT COUNT(*) FROM vectors WHERE model_id = ?)",
                (self.model_id,),
            ).fetchone()
            if row[0]:  # every frame of the catalogue has one, which is soon told
                return set()
            rows = db.execute(
                f"SELECT path FROM sources s WHERE root_id = ?{self._where} AND NOT EXISTS"
                " (SELECT 1 FROM frames f JOIN vectors v ON v.model_id = ? AND v.frame_id = f.id"
                " WHERE f.source_id = s.id)",
                (self.root.id, *self._values, self.model_id),
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
            drives = Drives(db)
            now, replaced = time.time(), 0
            known_until = _known_until(db, self.root.id)
            for item in good:
                first_seen = 0.0 if item.state.mtime_ns < known_until else now
                frame_id = _put_picture(db, drives, self.root, item.path, item.state, first_seen)
                replaced += db.execute(
                    "DELETE FROM vectors WHERE model_id = ? AND frame_id = ?",
                    (self.model_id, frame_id),
                ).rowcount
                db.execute(
                    "INSERT INTO vectors (model_id, frame_id, vector) VALUES (?, ?, ?)",
                    (self.model_id, frame_id, item.vector.astype("<f2").tobytes()),
                )
                if item.facts is not None:
                    facts = np.clip(item.facts, 0, LARGEST).astype("<f2").tobytes()
                    db.execute(
                        "INSERT OR REPLACE INTO objects (frame_id, model_id, facts)"
                        " VALUES (?, ?, ?)",
                        (frame_id, self.model_id, facts),
                    )
                db.execute(
                    "DELETE FROM failures WHERE root_id = ? AND model_id = ? AND path = ?",
                    (self.root.id, self.model_id, item.path),
                )
            dropped = _store_failures(db, self.root.id, self.model_id, bad)
            bump(db, self.root.id, self.model_id, step=1 if good else 0)
            if dropped or replaced:
                note_drops(db, self.root.id)

    def note_classes(self, classes: Sequence[str]) -> None:
        """Note which classes of objects the facts of the model are of, in their order."""
        if classes:
            with self._catalogue.writing() as db:
                line = (self.model_id, "\n".join(classes))
                db.execute("INSERT OR IGNORE INTO object_classes VALUES (?, ?)", line)

    def remove(self, paths: Iterable[bytes]) -> None:
        """Drop rows (and failures) of files that are gone."""
        names = [(self.root.id, path) for path in paths]
        if not names:
            return
        with self._catalogue.writing() as db:
            done = db.executemany("DELETE FROM sources WHERE root_id = ? AND path = ?", names)
            if done.rowcount:
                note_drops(db, self.root.id)
            db.executemany("DELETE FROM failures WHERE root_id = ? AND path = ?", names)

    def set_offline(self, names: Collection[bytes] | None) -> None:
        """Note which files cannot be reached now, and that the others can; None for all."""
        where, values = f"root_id = ?{self._where}", (self.root.id, *self._values)
        with self._catalogue.reading() as db:
            noted = db.execute(f"SELECT path FROM sources WHERE {where} AND offline", values)
            if names is not None and {path for (path,) in noted} == {*names}:
                return
        with self._catalogue.writing() as db:
            if names is None:
                db.execute(f"UPDATE sources SET offline = 1 WHERE {where} AND NOT offline", values)
                return
            db.execute(f"UPDATE sources SET offline = 0 WHERE {where} AND offline", values)
            db.executemany(
                "UPDATE sources SET offline = 1 WHERE root_id = ? AND path = ?",
                [(self.root.id, name) for name in names],
            )

    def follow(self, renamed: Mapping[bytes, bytes]) -> None:
        """Note that files lie elsewhere in the root now; their vectors are kept."""
        if not renamed:
            return
        with self._catalogue.writing() as db:
            drives = Drives(db)
            for old, new in renamed.items():
                row = db.execute(
                    "UPDATE sources SET path = ? WHERE root_id = ? AND path = ? RETURNING id",
                    (new, self.root.id, old),
                ).fetchone()
                if row is not None:
                    name_file(db, drives, self.root.path, row[0], new)
            note_drops(db, self.root.id)

    def clear_failures(self) -> int:
        """Forget why files failed; return how many there were."""
        with self._catalogue.writing() as db:
            done = db.execute(
                f"DELETE FROM failures WHERE root_id = ? AND model_id = ?{self._where}",
                (self.root.id, self.model_id, *self._values),
            )
            return done.rowcount


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
                "DELETE FROM sources WHERE root_id = ? AND path = ?"
                " AND NOT (size = ? AND mtime_ns = ?)",
                (root_id, item.path, state.size, state.mtime_ns),
            ).rowcount
    return dropped


def _known_until(db: sqlite3.Connection, root_id: int) -> float:
    """Return the time (ns) of a rebuilt catalogue, while a root is found again; else -inf.

    Files that are older than that were known before the damage, and are no news.
    """
    row = db.execute(
        "SELECT rebuilt FROM meta WHERE rebuilt > 0 AND NOT EXISTS"
        " (SELECT 1 FROM runs WHERE root_id = ? AND finished IS NOT NULL)",
        (root_id,),
    ).fetchone()
    return float("-inf") if row is None else float(row[0]) * 1e9


def _put_picture(
    db: sqlite3.Connection,
    drives: Drives,
    root: Root,
    path: bytes,
    state: FileState,
    first_seen: float,
) -> int:
    """Return the id of a picture's frame; a changed file gets a new one.

    Caches know frames by id: an id must never come to mean another picture. What was there
    before, under whatever content, is no news.
    """
    row = db.execute(
        "SELECT f.id, s.size, s.mtime_ns, f.first_seen, s.id FROM sources s"
        " JOIN frames f ON f.source_id = s.id WHERE s.root_id = ? AND s.path = ?",
        (root.id, path),
    ).fetchone()
    if row is not None:
        if (row[1], row[2]) == (state.size, state.mtime_ns):
            return int(row[0])
        first_seen = row[3]
        db.execute("DELETE FROM sources WHERE id = ?", (row[4],))
        note_drops(db, root.id)
    source = db.execute(
        "INSERT INTO sources (root_id, path, size, mtime_ns) VALUES (?, ?, ?, ?)",
        (root.id, path, state.size, state.mtime_ns),
    ).lastrowid
    frame = db.execute(
        "INSERT INTO frames (source_id, drive_id, camera, frame, time, first_seen)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (source, *name_columns(drives, root.path, path), first_seen),
    )
    return int(frame.lastrowid or 0)


def catalogue_path() -> Path:
    """Return the catalogue's file."""
    return paths.data_dir() / "catalogue.sqlite"


def cache_folders() -> tuple[Path, Path]:
    """Return the folders of vector caches and approximate indexes; both can be made again."""
    return paths.cache_dir() / "vectors", paths.cache_dir() / "hnsw"


def lock_path(root: str, fingerprint: str) -> Path:
    """Return the writers' lock file of a root and a model."""
    return paths.data_dir() / "locks" / f"{sha256(os.fsencode(root))[:16]}-{fingerprint[:16]}.lock"
