"""Opening SQLite files so that a kill, a full disk or a damaged file never loses anything.

The journal is WAL with ``synchronous = NORMAL`` where a real write proves that it works, and
``DELETE`` where it does not (network file systems). A damaged file is moved aside.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

from c4t_core.errors import BusyError, CatalogueError
from c4t_core.paths import keep_private

_BUSY_SECONDS = 30.0


class Database:
    """One SQLite file; safe to share between threads.

    Attributes:
        path: the file.
        notice: a sentence for the user if the file was damaged and a new one begun.
    """

    SCHEMA: ClassVar[str]  # the file of its tables, in this folder
    VERSION: ClassVar[int] = 1
    MIGRATIONS: ClassVar[dict[int, Callable[[sqlite3.Connection], None]]] = {}
    """From each older version, what brings the file to the next one."""
    PAGE_SIZE: ClassVar[int] = 4096
    WHEN_NEWER: ClassVar[str]  # what to do about a file of a newer version

    def __init__(self, path: Path) -> None:
        """Open or make the file.

        Raises:
            CatalogueError: if it cannot be opened, or is of a newer version.
        """
        self.path = path
        self.notice: str | None = None
        self._lock = threading.RLock()
        with plain_errors(path):
            self._db = self._open_sound()
            self._bring_up_to_date()

    def _open_sound(self) -> sqlite3.Connection:
        try:
            connection = connect(self.path, page_size=self.PAGE_SIZE)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            return self._start_anew()
        if is_sound(connection, self.path):
            return connection
        connection.close()
        return self._start_anew()

    def _start_anew(self) -> sqlite3.Connection:
        self.notice = self._damaged(move_aside(self.path))
        return connect(self.path, page_size=self.PAGE_SIZE)

    def _damaged(self, aside: Path) -> str:
        """Return the notice that the file was damaged and lies aside."""
        raise NotImplementedError

    def _bring_up_to_date(self) -> None:
        version = self._version()
        if version > self.VERSION:
            self._db.close()
            raise CatalogueError(
                f'"{self.path}" was written by a newer version of this program; {self.WHEN_NEWER}'
            )
        if version == self.VERSION:
            return
        if version:
            self._back_up(version)
        with transaction(self._db):
            version = self._version()  # another process may have been faster
            if version == 0:
                schema = Path(__file__).with_name(self.SCHEMA).read_text("utf-8")
                for statement in schema.split(";"):
                    self._db.execute(statement)
            else:
                for step in range(version, self.VERSION):
                    self.MIGRATIONS[step](self._db)
            self._db.execute(f"PRAGMA user_version = {self.VERSION}")
            self._tables_changed()

    def _tables_changed(self) -> None:
        """Do what must be in the transaction that made or migrated the tables; here nothing."""

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def _back_up(self, version: int) -> None:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        target = self.path.with_name(f"{self.path.name}.backup-{version}-{stamp}")
        with contextlib.closing(sqlite3.connect(target)) as copy:
            self._db.backup(copy)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for reads; errors come out as sentences."""
        with self._lock, plain_errors(self.path):
            yield self._db

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for one transaction; errors come out as sentences."""
        with self._lock, plain_errors(self.path), transaction(self._db):
            yield self._db

    def close(self) -> None:
        """Close the file; closing twice is allowed."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._db.close()
            note_sound(self.path)


def connect(path: Path, *, page_size: int) -> sqlite3.Connection:
    """Open (or make) a database with transactions under our own control.

    Raises:
        CatalogueError: if it cannot be opened, read or written.
        sqlite3.DatabaseError: if the file is damaged.
    """
    keep_private(path)
    try:
        connection = sqlite3.connect(
            path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
    except sqlite3.OperationalError as error:
        raise CatalogueError(
            f'"{path}" cannot be opened ({error}); check that its folder is there and may be '
            "written, or set C4T_DATA_DIR to another folder."
        ) from error
    try:
        connection.execute(f"PRAGMA page_size = {page_size}")
        _choose_journal(connection)
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _choose_journal(connection: sqlite3.Connection) -> None:
    """Use WAL if a write through it succeeds here, else DELETE; a read-only folder has neither."""
    try:
        before = connection.execute("PRAGMA journal_mode").fetchone()[0]
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode == "wal":
            if before != "wal":
                _probe(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            return
    except sqlite3.OperationalError as error:
        if _is_busy(error):
            return  # somebody else is writing through it right now: it works
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA synchronous = FULL")


def _probe(connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(f"PRAGMA user_version = {int(version)}")
    finally:
        connection.execute("COMMIT")


def _is_busy(error: sqlite3.Error) -> bool:
    return "locked" in str(error) or "busy" in str(error)


@contextlib.contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says about disks and locks into sentences with a remedy.

    Raises:
        CatalogueError: disk full, read-only, damaged.
        BusyError: another process holds the file for longer than we wait.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if _is_busy(error):
            raise BusyError(
                f'"{path}" is in use by another program; wait for it to finish and try again.'
            ) from error
        if "full" in text:
            raise CatalogueError(
                f'The disk that holds "{path}" is full; free some space and start again: '
                "everything done so far is kept."
            ) from error
        if "readonly" in text or "read-only" in text:
            raise CatalogueError(
                f'"{path}" may not be written; make its folder writable, or set C4T_DATA_DIR to '
                "another folder: everything done so far is kept."
            ) from error
        raise CatalogueError(
            f'"{path}" cannot be used ({text}); check the disk and start again: everything done '
            "so far is kept."
        ) from error
    except sqlite3.IntegrityError as error:
        raise BusyError(
            f'"{path}" was changed by another run at the same time; start again: everything done '
            "so far is kept."
        ) from error
    except sqlite3.DatabaseError as error:
        forget_check(path)
        raise CatalogueError(
            f'"{path}" is damaged ({error}); open the folder again, and it is set right.'
        ) from error


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run a block as one write: all of it is kept, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    try:
        connection.execute("COMMIT")
    except sqlite3.Error:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Run a block of reads on one state of the database, whatever is written meanwhile."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("COMMIT")


def is_sound(connection: sqlite3.Connection, path: Path) -> bool:
    """Run ``quick_check``, unless this very state of the file has passed it before."""
    stamp = _stamp(path)
    note = _note(path)
    with contextlib.suppress(OSError, ValueError):
        if json.loads(note.read_text("utf-8")) == stamp:
            return True
    try:
        answer = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if _is_busy(error):
            return True
        raise
    except sqlite3.DatabaseError:
        return False
    if answer is None or answer[0] != "ok":
        return False
    note_sound(path)
    return True


def note_sound(path: Path) -> None:
    """Remember that the file is sound as it is now: after a check, or a clean closing."""
    with contextlib.suppress(OSError):
        _note(path).write_text(json.dumps(_stamp(path)), "utf-8")


def forget_check(path: Path) -> None:
    """Have the next opening check the file again."""
    with contextlib.suppress(OSError):
        _note(path).unlink()


def _note(path: Path) -> Path:
    return path.with_name(path.name + ".checked")


def _stamp(path: Path) -> list[list[int]]:
    states = []
    for name in (path, path.with_name(path.name + "-wal")):
        with contextlib.suppress(OSError):
            state = os.stat(name)
            if state.st_size:
                states.append([state.st_size, state.st_mtime_ns])
    return states


def move_aside(path: Path) -> Path:
    """Give a damaged file (and its journals) another name, and return it."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    target = path.with_name(f"{path.name}.damaged-{stamp}")
    number = 1
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
    os.replace(path, target)
    for ending in ("-wal", "-shm", "-journal"):
        with contextlib.suppress(FileNotFoundError):
            os.replace(path.with_name(path.name + ending), target.with_name(target.name + ending))
    forget_check(path)
    return target
