"""What the catalogue notes of a frame's name: its drive, camera, number and time."""

from __future__ import annotations

import os
import sqlite3
from typing import Any

from c4t_core.images.frame_names import parse_frame_name, recording


class Drives:
    """The numbers of drives, by their identity; a new one gets a number.

    Args:
        db: a connection within a writing transaction.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        """Look nothing up yet."""
        self._db = db
        self._known: dict[str, int] = {}

    def number(self, drive: str) -> int:
        """Return the number of a drive (see :func:`~c4t_core.images.frame_names.recording`)."""
        known = self._known.get(drive)
        if known is not None:
            return known
        path = os.fsencode(drive)
        self._db.execute("INSERT OR IGNORE INTO drives (path) VALUES (?)", (path,))
        row = self._db.execute("SELECT id FROM drives WHERE path = ?", (path,)).fetchone()
        self._known[drive] = int(row[0])
        return self._known[drive]


Told = tuple[str, str | None, int | None, float | None]
"""What a name tells: the identity of the drive, camera, frame number, seconds since 1970."""


def told_by_name(root: str, name: bytes) -> Told:
    """Return the identity of the drive, camera, frame number and time of a file.

    Args:
        root: the absolute folder that the name is relative to.
        name: "/"-separated.
    """
    told = parse_frame_name(name.decode("utf-8", "replace"))
    base = root.rstrip("/") if os.sep == "/" else root.replace(os.sep, "/").rstrip("/")
    return recording(f"{base}/{os.fsdecode(name)}"), told.camera, told.frame, told.time


def name_columns(
    drives: Drives, root: str, name: bytes
) -> tuple[int, str | None, int | None, float | None]:
    """Return what :func:`told_by_name` does, with the number of the drive."""
    drive, camera, frame, time = told_by_name(root, name)
    return drives.number(drive), camera, frame, time


def below_range(folder: bytes) -> tuple[str, tuple[Any, ...]]:
    """Return the condition for files below a sub-folder, as a range that an index serves."""
    if not folder:
        return "", ()
    start = folder.rstrip(b"/") + b"/"
    return " AND path >= ? AND path < ?", (start, start[:-1] + b"0")  # "0" follows "/"


def may_hold(drive: bytes, root: bytes) -> bool:
    """Tell whether a drive may have frames in a root: one of their folders holds the other.

    The last part of a drive may be a prefix of names, and no folder.
    """
    inner, folder = root.rstrip(b"/") + b"/", drive.rpartition(b"/")[0].rstrip(b"/") + b"/"
    return folder.startswith(inner) or inner.startswith(folder)
