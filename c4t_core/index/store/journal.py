"""Opening a SQLite file with the journal that its disk can bear.

WAL with ``synchronous = NORMAL`` where a scratch file beside the database proves that it works.
Where its shared memory does not (network disks), ``DELETE`` with ``FULL``, and a file that is
WAL already is switched back. On a disk that may not be written, reading goes on.
"""

from __future__ import annotations

import contextlib
import sqlite3
import uuid
from pathlib import Path

from c4t_core.errors import CatalogueError
from c4t_core.files import why_unwritable
from c4t_core.index.store.soundness import is_busy
from c4t_core.paths import keep_private

_BUSY_SECONDS = 30.0


def connect(path: Path, *, page_size: int) -> sqlite3.Connection:
    """Open (or make) a database with transactions under our own control.

    Raises:
        CatalogueError: if it cannot be opened, or its disk bears no journal.
        sqlite3.DatabaseError: if the file is damaged, in use, or cannot be read.
    """
    keep_private(path)
    connection = _opened(path)
    try:
        connection.execute(f"PRAGMA page_size = {page_size}")
        connection = _with_journal(connection, path)
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _opened(path: Path, options: str = "") -> sqlite3.Connection:
    try:
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?{options}" if options else path,
            uri=bool(options),
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
    except sqlite3.OperationalError as error:
        raise CatalogueError(
            f'"{path}" cannot be opened ({error}); check that its folder is there and may be '
            "written, or set C4T_DATA_DIR to another folder."
        ) from error


def _with_journal(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """Return the connection, or another in its place, with a journal that works."""
    try:
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
        _read(connection)
    except sqlite3.OperationalError as error:
        if is_busy(error):
            raise
        connection.close()
        return _without_shared_memory(path, error)
    try:
        if mode != "wal" and wal_works(path):
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    except sqlite3.OperationalError as error:
        if not is_busy(error):  # else somebody has it open as it is
            raise
    connection.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")
    return connection


def wal_works(path: Path) -> bool:
    """Try WAL with a scratch file in the folder of a database, and remove it again.

    A database that was switched to WAL where its shared memory does not work can be opened by
    no plain connection again: so the switch is not what tries it.
    """
    scratch = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}")
    try:
        with contextlib.closing(sqlite3.connect(scratch, isolation_level=None)) as one:
            one.execute("PRAGMA synchronous = OFF")
            one.execute("PRAGMA journal_mode = WAL")
            one.execute("BEGIN IMMEDIATE")
            one.execute("CREATE TABLE probe (value INTEGER)")
            one.execute("INSERT INTO probe VALUES (1)")
            one.execute("COMMIT")
            with contextlib.closing(sqlite3.connect(scratch)) as other:
                return other.execute("SELECT value FROM probe").fetchall() == [(1,)]
    except sqlite3.Error:
        return False
    finally:
        for ending in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(OSError):
                scratch.with_name(scratch.name + ending).unlink()


def leave_wal(path: Path) -> None:
    """Switch a file out of WAL mode by a connection of its own, which needs no shared memory.

    It must be exclusive before its first look at the file: one that failed without stays failed.

    Raises:
        sqlite3.OperationalError: if somebody uses the file, or it may not be written.
    """
    with contextlib.closing(_opened(path)) as alone:
        alone.execute("PRAGMA locking_mode = EXCLUSIVE")  # keeps the WAL's index to itself
        alone.execute("PRAGMA journal_mode = DELETE")


def _without_shared_memory(path: Path, why: sqlite3.OperationalError) -> sqlite3.Connection:
    """Switch a WAL file back on a disk without shared memory, or open it for reading only.

    Raises:
        CatalogueError: if neither is possible.
    """
    with contextlib.suppress(sqlite3.OperationalError):
        leave_wal(path)
        connection = _opened(path)
        connection.execute("PRAGMA synchronous = FULL")
        _read(connection)
        return connection
    log = path.with_name(path.name + "-wal")
    if why_unwritable(path.parent) and not (log.exists() and log.stat().st_size):
        connection = _opened(path, "immutable=1")
        _read(connection)
        return connection
    raise CatalogueError(
        f'"{path}" cannot be used on this disk ({why}); close every other program that uses it, '
        "see that its folder may be written and its disk is not full, or copy the folder to a "
        "local disk and set C4T_DATA_DIR to it: everything done so far is kept."
    ) from why


def _read(connection: sqlite3.Connection) -> None:
    """Read something, for which a WAL file maps its shared memory."""
    connection.execute("BEGIN")
    connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    connection.execute("COMMIT")
