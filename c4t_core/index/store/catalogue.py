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

import contextlib
import os
import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from c4t_core import paths
from c4t_core.files import sha256
from c4t_core.images.scan import ExcludeRules
from c4t_core.index.store.database import Database
from c4t_core.index.store.migration import (
    to_counted_drops,
    to_objects,
    to_shared_tables,
    to_sources_and_frames,
)
from c4t_core.index.store.naming import Drives, below_range, name_columns
from c4t_core.records import dataclass

Cell = float | int | str | None
"""What a column may hold of a frame."""


@dataclass(frozen=True)
class Root:
    """A folder that was indexed as a whole.

    Attributes:
        id: its number.
        path: absolute, links resolved; of a folder of a shared table what names it there.
        rules: what is left out of it.
        shared: address of the shared table that its rows were copied from, "" for a folder that
            was indexed here.
        place: where its files lie, a folder or an address; of a folder that was indexed its path.
    """

    id: int
    path: str
    rules: ExcludeRules
    shared: str = ""
    place: str = ""

    @property
    def name(self) -> str:
        """What its shared table calls it; of a folder that was indexed its path."""
        return self.path.removeprefix(f"{self.shared}#")


@dataclass(frozen=True)
class Copy:
    """What was copied of a shared table.

    Attributes:
        identity: of the table.
        version: that was copied whole; 0 before any was.
        stamp: what differs when there is another version, "" where that is not to be told.
    """

    identity: str
    version: int
    stamp: str = ""


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
    VERSION = 5
    MIGRATIONS: ClassVar = {
        1: to_sources_and_frames,
        2: to_counted_drops,
        3: to_objects,
        4: to_shared_tables,
    }
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
            return _roots(db)

    def add_root(self, path: str, rules: ExcludeRules, shared: str = "") -> Root:
        """Return the root at ``path``, made if it is not there.

        Args:
            path: the folder, or a folder or address of a shared table.
            rules: what is left out.
            shared: address of the table, "" for none.
        """
        key = f"{shared}#{path}" if shared else path
        with self.writing() as db:
            db.execute(
                "INSERT OR IGNORE INTO roots (path, rules) VALUES (?, ?)",
                (os.fsencode(key), rules.to_json()),
            )
            if shared:
                db.execute(
                    "INSERT OR IGNORE INTO shared_roots SELECT id, ?, ? FROM roots WHERE path = ?",
                    (shared, os.fsencode(path), os.fsencode(key)),
                )
        return next(root for root in self.roots() if root.path == key)

    def copied(self, address: str) -> Copy | None:
        """Return what was copied of a shared table, None where nothing was."""
        with self.reading() as db:
            row = db.execute(
                "SELECT identity, version, stamp FROM copies WHERE address = ?", (address,)
            ).fetchone()
        return None if row is None else Copy(str(row[0]), int(row[1]), str(row[2]))

    def note_copied(self, address: str, copy: Copy | None) -> None:
        """Note what was copied of a shared table; None for nothing any more."""
        with self.writing() as db:
            db.execute("DELETE FROM copies WHERE address = ?", (address,))
            if copy is not None:
                line = (address, copy.identity, copy.version, copy.stamp)
                db.execute("INSERT INTO copies VALUES (?, ?, ?, ?)", line)

    def set_place(self, root: Root, place: str) -> None:
        """Note where the files of a folder of a shared table lie on this machine."""
        with self.writing() as db:
            line = (os.fsencode(place), root.id)
            db.execute("UPDATE shared_roots SET place = ? WHERE root_id = ?", line)
            _name_again(db, root.id, place, b"")
            note_drops(db, root.id)

    def set_rules(self, root_id: int, rules: ExcludeRules) -> None:
        """Change what is left out of a root; the next run acts on it."""
        with self.writing() as db:
            db.execute("UPDATE roots SET rules = ? WHERE id = ?", (rules.to_json(), root_id))

    def rename_root(self, root_id: int, path: str) -> None:
        """Note that a root now lies elsewhere; drives are named after their new folders."""
        with self.writing() as db:
            db.execute("UPDATE roots SET path = ? WHERE id = ?", (os.fsencode(path), root_id))
            db.execute("UPDATE sources SET offline = 0 WHERE root_id = ? AND offline", (root_id,))
            _name_again(db, root_id, path, b"")
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
                _name_again(db, into.id, into.path, at)
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


def _name_again(db: sqlite3.Connection, root_id: int, root: str, below: bytes) -> None:
    """Read the drives and cameras of a folder again, which lies elsewhere now.

    Frames of one drive and camera stay together, so one name tells for all of them.
    """
    where, values = below_range(below)
    drives = Drives(db)
    groups = db.execute(
        "SELECT drive_id, camera, MIN(s.path) FROM frames f JOIN sources s ON s.id = f.source_id"
        f" WHERE s.root_id = ?{where} GROUP BY drive_id, camera",
        (root_id, *values),
    )
    changed = [
        (*now, *before)
        for *before, name in groups.fetchall()
        if (now := name_columns(drives, root, name)[:2]) != tuple(before)
    ]
    db.executemany(
        "UPDATE frames SET drive_id = ?, camera = ? WHERE drive_id = ? AND camera IS ?"
        f" AND source_id IN (SELECT id FROM sources WHERE root_id = ?{where})",
        [(*line, root_id, *values) for line in changed],
    )


def _roots(db: sqlite3.Connection) -> list[Root]:
    rows = db.execute(
        "SELECT id, path, rules, address, place FROM roots"
        " LEFT JOIN shared_roots ON root_id = id ORDER BY path"
    ).fetchall()
    return [
        Root(i, os.fsdecode(path), ExcludeRules.from_json(rules), shared or "",
             os.fsdecode(path if place is None else place))
        for i, path, rules, shared, place in rows
    ]  # fmt: skip


def known_roots() -> list[Root]:
    """Return all roots without checking, mending or making the catalogue; none if it is unread."""
    try:
        address = f"{catalogue_path().absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as db:
            return _roots(db)
    except sqlite3.Error:
        return []


def catalogue_path() -> Path:
    """Return the catalogue's file."""
    return paths.data_dir() / "catalogue.sqlite"


def cache_folders() -> tuple[Path, Path]:
    """Return the folders of vector caches and approximate indexes; both can be made again."""
    return paths.cache_dir() / "vectors", paths.cache_dir() / "hnsw"


def lock_path(root: str, fingerprint: str) -> Path:
    """Return the writers' lock file of a root and a model."""
    return paths.data_dir() / "locks" / f"{sha256(os.fsencode(root))[:16]}-{fingerprint[:16]}.lock"
