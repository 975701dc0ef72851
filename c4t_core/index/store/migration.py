"""From older tables to those of today; nothing that was embedded is lost."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from c4t_core.index.store.naming import Drives, name_columns

_SCHEMA = Path(__file__).with_name("catalogue.sql")
_OLD = ("vectors", "failures", "runs", "images", "models", "roots", "meta")  # children first
_COPIES = (
    "INSERT INTO roots SELECT id, path, rules FROM old_roots",
    "INSERT INTO models SELECT id, fingerprint, name, dim FROM old_models",
    "INSERT INTO sources (id, root_id, path, size, mtime_ns, offline)"
    " SELECT i.id, i.root_id, i.path, i.size, i.mtime_ns, r.offline"
    " FROM old_images i JOIN old_roots r ON r.id = i.root_id",
    # Such pictures were often read as dark or grey sheets: noted as changed, they are read again.
    "UPDATE sources SET mtime_ns = mtime_ns - 1 WHERE lower(CAST(path AS TEXT)) LIKE '%.tif'"
    " OR lower(CAST(path AS TEXT)) LIKE '%.tiff' OR lower(CAST(path AS TEXT)) LIKE '%.bmp'",
)
_COPIES_OF_WHAT_NAMES_FRAMES = (
    "INSERT INTO vectors SELECT id, model_id, image_id, vector FROM old_vectors ORDER BY id",
    "INSERT INTO runs (root_id, model_id, finished, generation)"
    " SELECT root_id, model_id, finished, generation FROM old_runs",
    # An id is never given twice, not even that of an image that was dropped before.
    "INSERT OR REPLACE INTO sqlite_sequence (rowid, name, seq) SELECT"
    " (SELECT rowid FROM sqlite_sequence WHERE name = 'frames'), 'frames', MAX(seq)"
    " FROM sqlite_sequence WHERE name IN ('frames', 'old_images')",
)


def to_sources_and_frames(db: sqlite3.Connection) -> None:
    """Bring a catalogue from its first version to the second, within one transaction.

    Each image becomes a source with one frame of the same id, so that what is cached by id stays
    valid; its drive is found anew from its absolute folder. When it was first seen is not known
    any more: the beginning of time, so that it is news to nobody. Failures are tried again: more
    kinds of pictures are read now.
    """
    identity = db.execute("SELECT identity FROM meta").fetchone()[0]
    for table in _OLD:
        db.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    db.execute("DROP INDEX images_drive")
    db.execute("DROP INDEX vectors_image")
    for statement in _SCHEMA.read_text("utf-8").split(";"):
        db.execute(statement)
    db.execute("UPDATE meta SET identity = ?", (identity,))
    for statement in _COPIES:
        db.execute(statement)
    db.executemany(
        "INSERT INTO frames (id, source_id, drive_id, camera, frame, time, first_seen)"
        " VALUES (?, ?, ?, ?, ?, ?, 0)",
        _frames(db),
    )
    for statement in _COPIES_OF_WHAT_NAMES_FRAMES:
        db.execute(statement)
    for table in _OLD:
        db.execute(f"DROP TABLE old_{table}")


def to_counted_drops(db: sqlite3.Connection) -> None:
    """Bring a catalogue from its second version to the third: runs count what was dropped."""
    columns = [row[1] for row in db.execute("PRAGMA table_info(runs)")]
    if "drops" not in columns:  # made by the step before from the tables of today
        db.execute("ALTER TABLE runs ADD COLUMN drops INTEGER NOT NULL DEFAULT 0")


def to_objects(db: sqlite3.Connection) -> None:
    """Bring a catalogue from its third version to the fourth: it may know of objects."""
    _make(db, "object_classes", "objects")


def to_shared_tables(db: sqlite3.Connection) -> None:
    """Bring a catalogue from its fourth version to the fifth: it may hold copies of tables."""
    _make(db, "copies", "shared_roots")


def _make(db: sqlite3.Connection, *tables: str) -> None:
    """Make tables as they are today, but those that an earlier step made of today's schema."""
    there = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
    for statement in _SCHEMA.read_text("utf-8").split(";"):
        made = statement.split("(")[0].split()[-1:]  # CREATE TABLE name
        if made and made[0] in tables and made[0] not in there:
            db.execute(statement)


def _frames(db: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Yield (id, source, drive, camera, frame number, time) of every image."""
    drives = Drives(db)
    images = db.execute(
        "SELECT i.id, r.path, i.path FROM old_images i JOIN old_roots r ON r.id = i.root_id"
        " ORDER BY i.id"
    ).fetchall()
    for image_id, root, name in images:
        yield (image_id, image_id, *name_columns(drives, os.fsdecode(root), name))
