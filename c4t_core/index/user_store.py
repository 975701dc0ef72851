"""Opening, backing up and migrating the file of what the user made."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from c4t_core import paths
from c4t_core.errors import CatalogueError
from c4t_core.index import database

SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE marks (
    query TEXT NOT NULL, root BLOB NOT NULL, path BLOB NOT NULL,
    digest TEXT NOT NULL, size INTEGER NOT NULL, good INTEGER NOT NULL, made REAL NOT NULL,
    PRIMARY KEY (query, root, path)
);
CREATE INDEX marks_digest ON marks (digest);
CREATE TABLE scenarios (
    name TEXT PRIMARY KEY, query TEXT NOT NULL, settings TEXT NOT NULL,
    made REAL NOT NULL, checked REAL
);
CREATE TABLE seen (
    scenario TEXT NOT NULL REFERENCES scenarios(name) ON DELETE CASCADE ON UPDATE CASCADE,
    root BLOB NOT NULL, path BLOB NOT NULL,
    PRIMARY KEY (scenario, root, path)
) WITHOUT ROWID;
CREATE TABLE history (query TEXT PRIMARY KEY, used REAL NOT NULL, times INTEGER NOT NULL);
CREATE TABLE test_sets (name TEXT PRIMARY KEY, made REAL NOT NULL);
CREATE TABLE test_items (
    test_set TEXT NOT NULL REFERENCES test_sets(name) ON DELETE CASCADE ON UPDATE CASCADE,
    query TEXT NOT NULL, root BLOB NOT NULL, path BLOB NOT NULL,
    digest TEXT NOT NULL, size INTEGER NOT NULL, good INTEGER NOT NULL,
    PRIMARY KEY (test_set, query, root, path)
);
"""

Migration = Callable[[sqlite3.Connection], None]
MIGRATIONS: dict[int, Migration] = {}
"""From each older version, what brings the file to the next one."""


class UserStore:
    """The opened file; safe to share between threads.

    Attributes:
        path: the file.
        notice: a sentence for the user if a damaged file was set aside.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Open or make the file (by default the one of this user).

        Raises:
            CatalogueError: if it cannot be opened, or is of a newer version.
        """
        self.path = path or paths.data_dir() / "user.sqlite"
        self.notice: str | None = None
        self._lock = threading.RLock()
        with database.plain_errors(self.path):
            self._db = self._open()
            self._bring_up_to_date()

    def _open(self) -> sqlite3.Connection:
        try:
            connection = database.connect(self.path, page_size=4096)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            return self._set_aside()
        if database.is_sound(connection, self.path):
            return connection
        connection.close()
        return self._set_aside()

    def _set_aside(self) -> sqlite3.Connection:
        aside = database.move_aside(self.path)
        backups = sorted(self.path.parent.glob(f"{self.path.name}.backup-*"))
        kept = f', and a backup is kept as "{backups[-1].name}"' if backups else ""
        self.notice = (
            f'The file of your marks and saved searches was damaged; it is kept as "{aside}"'
            f"{kept}; a new one was begun."
        )
        return database.connect(self.path, page_size=4096)

    def _bring_up_to_date(self) -> None:
        version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if version > SCHEMA_VERSION:
            self._db.close()
            raise CatalogueError(
                f'"{self.path}" was written by a newer version of this program; update it to use '
                "your marks and saved searches."
            )
        if version == SCHEMA_VERSION:
            return
        if version:
            self._back_up(version)
        with database.transaction(self._db):
            if version == 0:
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
            else:
                for step in range(version, SCHEMA_VERSION):
                    MIGRATIONS[step](self._db)
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _back_up(self, version: int) -> None:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        target = self.path.with_name(f"{self.path.name}.backup-{version}-{stamp}")
        with contextlib.closing(sqlite3.connect(target)) as copy:
            self._db.backup(copy)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for reads; errors come out as sentences."""
        with self._lock, database.plain_errors(self.path):
            yield self._db

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for one transaction; errors come out as sentences."""
        with self._lock, database.plain_errors(self.path), database.transaction(self._db):
            yield self._db

    def close(self) -> None:
        """Close the file; closing twice is allowed."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._db.close()
            database.note_sound(self.path)
