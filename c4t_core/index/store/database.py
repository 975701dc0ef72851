"""SQLite files that a kill, a full disk or a damaged file never makes lose anything.

``soundness`` says before the opening whether a file is as it was left. A damaged file is moved
aside: when it is opened, or, where damage shows only in use, when it is opened the next time.

The journal is the one that the disk can bear (:func:`connect`): WAL with ``synchronous = NORMAL``
where a scratch file beside the database proves that it works. Where its shared memory does not
(network disks), ``DELETE`` with ``FULL``, and a file that is WAL already is switched back. On a
disk that may not be written, reading goes on.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

from c4t_core.errors import BusyError, CatalogueError
from c4t_core.files import why_unwritable
from c4t_core.index.store.soundness import (
    Content,
    Verdict,
    is_busy,
    is_noted,
    judge,
    move_aside,
    note_changing,
    note_checked,
    note_damaged,
    note_sound,
    passes_check,
    shows_damage,
    use_of,
)
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
        self._use = use_of(path)
        self._closed = False
        self._failed = False  # an error came up: closing does not vouch for the file
        self._broken: CatalogueError | None = None
        with self._use.lock, plain_errors(path):
            self._db = self._open_sound()
            try:
                self._bring_up_to_date()
            except BaseException:
                self._db.close()
                raise
            self._use.users.add(self)

    def _open_sound(self) -> sqlite3.Connection:
        if self._use.users:  # it was checked for them, and is not read past SQLite now
            return connect(self.path, page_size=self.PAGE_SIZE)
        verdict, content = judge(self.path)
        if verdict is Verdict.DAMAGED:
            return self._start_anew()
        connection = self._connected(verdict, content)
        return self._start_anew() if connection is None else connection

    def _connected(self, verdict: Verdict, content: Content | None) -> sqlite3.Connection | None:
        """Return a connection to a file that is whole, None if it is not."""
        if verdict is Verdict.SOUND and not is_noted(self.path):
            note_sound(self.path, content)  # a copy: the same content at another time
        try:
            connection = connect(self.path, page_size=self.PAGE_SIZE)
        except sqlite3.DatabaseError as error:
            if shows_damage(error):
                return None
            raise
        try:
            if verdict is Verdict.SOUND or passes_check(connection):
                return connection
        except sqlite3.OperationalError as error:
            if is_busy(error):  # somebody else has opened and checked it
                return connection
            connection.close()
            raise
        connection.close()
        return None

    def _start_anew(self) -> sqlite3.Connection:
        self.notice = self._damaged(move_aside(self.path))
        return connect(self.path, page_size=self.PAGE_SIZE)

    def _damaged(self, aside: Path) -> str:
        """Return the notice that the file was damaged and lies aside."""
        raise NotImplementedError

    def _bring_up_to_date(self) -> None:
        version = self._version()
        if version > self.VERSION:
            raise CatalogueError(
                f'"{self.path}" was written by a newer version of this program; {self.WHEN_NEWER}'
            )
        if version == self.VERSION:
            return
        if version:
            self._back_up(version)
        with transaction(self._db):
            note_changing(self.path)
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
        with self._lock, self._minding_errors():
            yield self._db

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for one transaction; errors come out as sentences."""
        with self._lock, self._minding_errors(), transaction(self._db):
            note_changing(self.path)
            yield self._db

    @contextlib.contextmanager
    def _minding_errors(self) -> Iterator[None]:
        """Remember an error; of a file that showed damage nothing more is read or written."""
        if self._broken is not None:
            raise self._broken
        try:
            with plain_errors(self.path):
                yield
        except CatalogueError as error:
            cause = error.__cause__
            if isinstance(cause, sqlite3.Error) and not isinstance(error, BusyError):
                self._failed = True
                if shows_damage(cause):
                    self._broken = CatalogueError(str(error))
                    self._use.users.discard(self)  # whoever opens it now gets a new one
            raise

    def close(self) -> None:
        """Close the file; closing twice is allowed.

        What was written is checked and noted, unless an error came up or it is still open.
        """
        with self._use.lock, self._lock, contextlib.suppress(sqlite3.Error):
            if self._closed:
                return
            self._closed = True
            self._use.users.discard(self)
            self._db.close()
            changed = not is_noted(self.path)
            if changed or self._failed:
                note_changing(self.path)
            if changed and not (self._failed or self._use.users):
                note_checked(self.path)


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
        if shows_damage(error):
            raise _damaged(path, error) from error
        if is_busy(error):
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
                f'"{path}" may not be written; make its folder writable, see that its disk is not '
                "full, or set C4T_DATA_DIR to another folder: everything done so far is kept."
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
    except sqlite3.ProgrammingError as error:  # a fault of ours, or of who closed it meanwhile
        if "closed" not in str(error):
            raise
        raise CatalogueError(
            "The folder was closed meanwhile; open it and do this again."
        ) from error
    except sqlite3.DatabaseError as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: sqlite3.Error) -> CatalogueError:
    """Have the next opening set a file aside; return the sentence that says so."""
    note_damaged(path, str(error))
    return CatalogueError(f'"{path}" is damaged ({error}); start again, and it is set right.')


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
