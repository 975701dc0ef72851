"""Sums over what the user made, so that no bit of it changes and no row is lost unnoticed.

Every row holds a sum of its values and types, and every table has a seal: how many rows there
are, and the sum of their sums. Triggers keep both, whoever writes and in the same transaction;
they belong to the connection, so that the file itself is a plain one that any tool opens. They
also refuse to change a row that no longer fits its sum, which would seal the damage.

A journal of lines that the file is built from would tell the same, but needs a second file kept
in step with the first on every write; with sums one file proves itself, and so does each row that
is left of a damaged one.
"""

from __future__ import annotations

import contextlib
import math
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import cast

from c4t_core.files import digest
from c4t_core.index.store.database import leave_wal
from c4t_core.index.store.soundness import is_busy
from c4t_core.records import dataclass

Value = str | bytes | int | float | None
Row = dict[str, Value]

DAMAGED_ROW = "a row does not fit its sum"
_MASK = (1 << 60) - 1  # sums of 60 bits add up without leaving SQLite's whole numbers
_BUSY_SECONDS = 30.0
# What SQLite says about the disk, the rights and other programs; all else is the file's fault.
_NOT_THE_FILE = (
    "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY",
    "SQLITE_FULL", "SQLITE_PERM", "SQLITE_NOMEM", "SQLITE_INTERRUPT", "SQLITE_PROTOCOL",
)  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A sealed table.

    Attributes:
        name: of the table.
        columns: their types, in the order in which they are summed; a later version adds at the
            end. A column whose type is followed by None may be empty.
        key: the columns that tell two rows apart.
        absent: what a file of an older version means where it lacks a column.
        since: the first version that had the table; a file of an older one means an empty one.
    """

    name: str
    columns: Mapping[str, tuple[type | None, ...]]
    key: tuple[str, ...]
    absent: Mapping[str, Value]
    since: int = 1

    def key_of(self, row: Row) -> tuple[Value, ...]:
        """Return what tells a row from others."""
        return tuple(row[name] for name in self.key)

    def trouble(self, row: Mapping[str, Value]) -> str:
        """Return which column has a value of the wrong kind; "" if all are as they must be."""
        return next((name for name in self.columns if not self._fits(name, row.get(name))), "")

    def _fits(self, name: str, value: Value) -> bool:
        kinds = self.columns[name]
        if value is None:
            return None in kinds
        if type(value) not in kinds:
            return False
        if isinstance(value, float):
            return math.isfinite(value)
        if isinstance(value, int):
            return -(1 << 63) <= value < 1 << 63
        return isinstance(value, bytes) or _encodable(value)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_TEXT, _BLOB, _INTEGER, _REAL, _PERHAPS = (str,), (bytes,), (int,), (float,), (float, None)
_IMAGE = {"root": _BLOB, "path": _BLOB, "at_ns": _INTEGER, "digest": _TEXT, "size": _INTEGER}

TABLES: dict[str, Table] = {
    table.name: table
    for table in (  # what others refer to comes first
        Table(
            "marks",
            {"query": _TEXT, **_IMAGE, "good": _INTEGER, "made": _REAL},
            ("query", "root", "path", "at_ns"),
            {"at_ns": -1},
        ),
        Table(
            "scenarios",
            {
                "name": _TEXT,
                "query": _TEXT,
                "settings": _TEXT,
                "made": _REAL,
                "checked": _PERHAPS,
                "model": _TEXT,
                "fingerprint": _TEXT,
                "cut": _PERHAPS,
                "place": _INTEGER,
            },  # fmt: skip
            ("name",),
            {"model": "", "fingerprint": "", "cut": None, "place": 0},
        ),
        Table("history", {"query": _TEXT, "used": _REAL, "times": _INTEGER}, ("query",), {}),
        Table("test_sets", {"name": _TEXT, "made": _REAL}, ("name",), {}),
        Table(
            "test_items",
            {"test_set": _TEXT, "query": _TEXT, **_IMAGE, "good": _INTEGER},
            ("test_set", "query", "root", "path", "at_ns"),
            {"at_ns": -1},
        ),
        Table(
            "tags", {"tag": _TEXT, **_IMAGE, "made": _REAL}, ("tag", "root", "path", "at_ns"), {}, 3
        ),
    )
}


class DamagedError(Exception):
    """The file is missing, empty, or not what was written; the message says how that shows."""


@dataclass
class Found:
    """What is left of one table.

    Attributes:
        rows: those that can be read and fit their sums, by key.
        seal: number of rows and sum of sums as they were written; None where that is damaged.
        whole: all rows could be read and fit their sums.
        sealed: the rows had sums; those of version 0.1.0 had none.
        doubtful: rows that do not fit their sums; either may be what is damaged.
        columns: those that the file has, which its sums are of.
    """

    rows: dict[tuple[Value, ...], Row]
    seal: tuple[int, int] | None = None
    whole: bool = True
    sealed: bool = True
    doubtful: list[Row] = field(default_factory=list)
    columns: tuple[str, ...] = ()


def row_sum(table: str, *values: Value) -> int:
    """Return the sum of a row's values: 60 bits that depend on each bit and type of them.

    >>> row_sum("marks", "1") == row_sum("marks", 1)
    False
    """
    return int(digest([table, *map(_tagged, values)])[:15], 16)


def _tagged(value: Value) -> bytes:
    if isinstance(value, bytes):
        return b"b" + value
    if isinstance(value, str):
        return b"t" + value.encode("utf-8", "surrogateescape")
    if isinstance(value, float):
        return b"f" + value.hex().encode()
    return b"n" if value is None else b"i%d" % value


def seal_of(table: str, rows: Iterable[Row], names: Sequence[str]) -> tuple[int, int]:
    """Return what the seal of a table with these rows and columns says: number, sum of sums."""
    sums = [row_sum(table, *(row[name] for name in names)) for row in rows]
    return len(sums), sum(sums) & _MASK


def connect(path: Path) -> sqlite3.Connection:
    """Open a file that is there, without WAL.

    In WAL mode a flipped bit in the log drops the last changes without a word, and what was
    written last may be lost with the power; writes by hand are few, and each is made to last.

    Raises:
        sqlite3.DatabaseError: if it is no database, or cannot be opened.
    """
    connection = _opened(path)
    try:
        with _reading_what_is_said():
            try:
                mode = connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
            except sqlite3.OperationalError as error:
                if is_busy(error):
                    raise
                connection.close()  # of version 0.1.0, and WAL's shared memory fails here
                leave_wal(path)
                connection = _opened(path)
            else:
                if mode == "wal":
                    raise sqlite3.OperationalError("database is locked")
            for pragma in ("synchronous = FULL", "foreign_keys = ON", "recursive_triggers = ON"):
                connection.execute(f"PRAGMA {pragma}")
            connection.create_function("row_sum", -1, row_sum, deterministic=True)
            if "seals" in _tables(connection):
                _add_triggers(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        path.absolute().as_uri() + "?mode=rw",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


def is_the_files_fault(error: sqlite3.Error) -> bool:
    """Whether an error says that the file is damaged, and nothing about disks and locks."""
    if DAMAGED_ROW in str(error) or "user-defined function" in str(error):
        return True
    if isinstance(error, (sqlite3.IntegrityError, sqlite3.ProgrammingError)):
        return False
    name = getattr(error, "sqlite_errorname", None)
    return "locked" not in str(error) if name is None else not name.startswith(_NOT_THE_FILE)


@contextlib.contextmanager
def _reading_what_is_said() -> Iterator[None]:
    """Let an error be one of SQLite's where its very message quotes damaged text.

    Raises:
        sqlite3.DatabaseError: in the place of a UnicodeDecodeError.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        raise sqlite3.DatabaseError("its text is damaged") from error


def _tables(db: sqlite3.Connection) -> set[str]:
    return {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _columns(db: sqlite3.Connection, table: str) -> list[str]:
    """Return the columns of a table that are summed in this file, in their order."""
    there = {row[1] for row in db.execute(f"PRAGMA main.table_info({table})")}
    return [name for name in TABLES[table].columns if name in there]


def _add_triggers(db: sqlite3.Connection) -> None:
    for table in TABLES:
        columns = _columns(db, table)
        for statement in _triggers(table, columns) if columns else ():
            db.execute(statement)
    fits = "row_sum('seals', OLD.name, OLD.count, OLD.total)"
    db.execute(
        "CREATE TEMP TRIGGER seals_before BEFORE UPDATE OF count, total ON main.seals BEGIN"
        f" SELECT RAISE(ABORT, '{DAMAGED_ROW}') WHERE OLD.sum <> {fits}; END"
    )
    db.execute(
        "CREATE TEMP TRIGGER seals_after AFTER UPDATE OF count, total ON main.seals BEGIN"
        " UPDATE seals SET sum = row_sum('seals', name, count, total) WHERE name = NEW.name; END"
    )


def _triggers(table: str, columns: list[str]) -> Iterator[str]:
    names, old = ", ".join(columns), ", ".join(f"OLD.{name}" for name in columns)
    check = f"SELECT RAISE(ABORT, '{DAMAGED_ROW}') WHERE OLD.sum <> row_sum('{table}', {old});"
    update = f"UPDATE {table} SET sum = row_sum('{table}', {names}) WHERE rowid = NEW.rowid;"
    count = f"UPDATE seals SET count = count %s WHERE name = '{table}';"
    total = f"UPDATE seals SET total = (total %s) & {_MASK} WHERE name = '{table}';"
    events = (
        ("AFTER INSERT", (count % "+ 1", update)),
        (f"BEFORE UPDATE OF {names}", (check,)),
        (f"AFTER UPDATE OF {names}", (update,)),
        ("AFTER UPDATE OF sum", (total % "- OLD.sum + NEW.sum",)),
        ("BEFORE DELETE", (check,)),
        ("AFTER DELETE", (count % "- 1", total % "- OLD.sum")),
    )
    for number, (event, actions) in enumerate(events):
        name = f"{table}_{number}"
        yield f"CREATE TEMP TRIGGER {name} {event} ON main.{table} BEGIN {' '.join(actions)} END"


def seal(db: sqlite3.Connection, version: int) -> None:
    """Seal all rows as they are; for tables just made or migrated, inside that transaction."""
    triggers = db.execute("SELECT name FROM temp.sqlite_master WHERE type = 'trigger'").fetchall()
    for (name,) in triggers:
        db.execute(f"DROP TRIGGER temp.{name}")
    db.execute("DELETE FROM seals")
    seals = {"version": (version, 0), "schema": (0, _schema_sum(db))}
    for table in TABLES:
        names = ", ".join(_columns(db, table))
        db.execute(f"UPDATE {table} SET sum = row_sum('{table}', {names})")
        sums = [number for (number,) in db.execute(f"SELECT sum FROM {table}")]
        seals[table] = len(sums), sum(sums) & _MASK
    for name, (count, total) in seals.items():
        row = (name, count, total, row_sum("seals", name, count, total))
        db.execute("INSERT INTO seals VALUES (?, ?, ?, ?)", row)
    _add_triggers(db)


def _schema_sum(db: sqlite3.Connection) -> int:
    rows = db.execute(
        "SELECT type, name, tbl_name, sql FROM main.sqlite_master WHERE sql NOT NULL ORDER BY name"
    )
    return row_sum("schema", *(value for row in rows.fetchall() for value in row))


@contextlib.contextmanager
def _any_text(db: sqlite3.Connection) -> Iterator[None]:
    """Let text that is no UTF-8 any more be read all the same."""
    db.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        db.text_factory = str


def check(db: sqlite3.Connection, newest: int) -> None:
    """See that a file is whole: SQLite's structures, every row, every table.

    A file of a later version than ``newest`` is left to that version, one of version 0.1.0 has
    no sums; of both only the structures are looked at.

    Raises:
        DamagedError: if it is not.
        sqlite3.OperationalError: if it cannot be read for another reason.
    """
    try:
        with _reading_what_is_said(), _any_text(db):
            db.execute("BEGIN")
            try:
                _check(db, newest)
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")
    except sqlite3.Error as error:
        if is_the_files_fault(error):
            raise DamagedError(str(error)) from error
        raise


def _check(db: sqlite3.Connection, newest: int) -> None:
    answer = db.execute("PRAGMA integrity_check(1)").fetchone()
    if answer is None or answer[0] != "ok":
        raise DamagedError(str(answer))
    version, seals = version_of(db), _seals(db)
    if not seals:
        first = {name for name, table in TABLES.items() if table.since == 1}
        if version <= newest and (version != 1 or not first <= _tables(db)):
            raise DamagedError("it lacks tables")
        return
    written = seals.get("version", (0, 0))[0]
    if version > newest and (version ^ written).bit_count() != 1:  # one bit is a flipped one
        return
    if version != written or seals.get("schema", (0, 0))[1] != _schema_sum(db):
        raise DamagedError("version or tables do not fit their seals")
    for table in TABLES:
        found = _read(db, table)
        if not found.whole or found.seal is None or not _fits(found):
            raise DamagedError(f"{table} does not fit its seal")


def check_writable(db: sqlite3.Connection, path: Path) -> None:
    """See that the file's own header does not forbid writing; the disk may.

    Raises:
        DamagedError: if it does.
    """
    try:
        db.execute("BEGIN IMMEDIATE")
        db.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        may = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
        if "readonly" in str(error) and may:
            raise DamagedError(str(error)) from error


def version_of(db: sqlite3.Connection) -> int:
    """Return the version of the tables as SQLite's header has it."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _seals(db: sqlite3.Connection) -> dict[str, tuple[int, int]]:
    """Return the seals that fit their own sums."""
    if "seals" not in _tables(db):
        return {}
    rows = db.execute("SELECT name, count, total, sum FROM seals").fetchall()
    good = {name: (count, total) for name, count, total, own in rows
            if own == row_sum("seals", name, count, total)}  # fmt: skip
    if not good:
        raise DamagedError("the seals are damaged")
    return good


def _fits(found: Found) -> bool:
    total = sum(int(row["sum"] or 0) for row in found.rows.values()) & _MASK
    return found.seal == (len(found.rows), total)


def _came_later(db: sqlite3.Connection, table: str) -> bool:
    """Whether a file neither has a table nor says that it had: it is of a version without it."""
    if TABLES[table].since == 1 or table in _tables(db):
        return False
    try:
        return table not in _seals(db)
    except DamagedError:
        return False


def _read(db: sqlite3.Connection, table: str) -> Found:
    """Read what can be read of one table, and keep what fits its sum; ``sum`` is among a row."""
    if _came_later(db, table):
        return Found({}, seal=(0, 0))
    spec, columns = TABLES[table], _columns(db, table)
    sealed = any(row[1] == "sum" for row in db.execute(f"PRAGMA main.table_info({table})"))
    names = ", ".join([*columns, "sum" if sealed else "0"])
    found = Found({}, sealed=sealed, columns=tuple(columns))
    both_ways = ("ORDER BY rowid", "ORDER BY rowid DESC")  # each up to where the damage is
    for order in both_ways:
        try:
            for *values, own in db.execute(f"SELECT {names} FROM {table} NOT INDEXED {order}"):
                row: Row = {**spec.absent, **dict(zip(columns, values, strict=True)), "sum": own}
                if spec.trouble(row):
                    found.whole = False
                elif sealed and own != row_sum(table, *values):
                    found.whole = False
                    found.doubtful.append(row)
                else:
                    found.rows.setdefault(spec.key_of(row), row)
        except sqlite3.Error as error:
            if not is_the_files_fault(error):
                raise
            found.whole = False
        if found.whole:
            break
    with contextlib.suppress(sqlite3.Error, DamagedError):
        found.seal = _seals(db).get(table)
    return found


def salvage(db: sqlite3.Connection) -> dict[str, Found]:
    """Return what is left of each table of a damaged file; rows without their sums."""
    left = {}
    with _any_text(db):
        for table in TABLES:
            try:
                with _reading_what_is_said():
                    found = _read(db, table)
            except sqlite3.Error as error:
                if not is_the_files_fault(error):
                    raise
                continue
            for row in (*found.rows.values(), *found.doubtful):
                row.pop("sum", None)
            left[table] = found
    return left


def rows_of(
    db: sqlite3.Connection, table: str, where: str = "", values: tuple[Value, ...] = (),
) -> list[Row]:  # fmt: skip
    """Return rows of a table, each seen to fit its sum.

    Args:
        db: the connection.
        table: its name.
        where: the end of the statement, from ``WHERE`` on.
        values: what stands for its question marks.

    Raises:
        sqlite3.DatabaseError: if one does not.
    """
    columns = list(TABLES[table].columns)
    found = db.execute(f"SELECT {', '.join(columns)}, sum FROM {table} {where}", values)
    rows = []
    for *row, own in found.fetchall():
        if own != row_sum(table, *row):
            raise sqlite3.DatabaseError(DAMAGED_ROW)
        rows.append(dict(zip(columns, row, strict=True)))
    return rows


def insert(db: sqlite3.Connection, table: str, row: Row) -> None:
    """Put a row into a table; it takes the place of one with the same key."""
    spec = TABLES[table]
    names = list(spec.columns)
    others = ", ".join(f"{name} = excluded.{name}" for name in names if name not in spec.key)
    done = f"UPDATE SET {others}" if others else "NOTHING"
    db.execute(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        f" ON CONFLICT ({', '.join(spec.key)}) DO {done}",
        [row[name] for name in names],
    )


def remove(db: sqlite3.Connection, table: str, row: Row) -> bool:
    """Take the row with the key of this one out of a table; False if there was none."""
    spec = TABLES[table]
    where = " AND ".join(f"{name} = ?" for name in spec.key)
    return db.execute(f"DELETE FROM {table} WHERE {where}", spec.key_of(row)).rowcount > 0


def put_newer(db: sqlite3.Connection, table: str, row: Row) -> None:
    """Put a row into a table unless one of the same key is newer; without times, the last wins."""
    spec = TABLES[table]
    where = " AND ".join(f"{name} = ?" for name in spec.key)
    there = rows_of(db, table, f"WHERE {where}", spec.key_of(row))
    if there:
        row = newer(there[0], row)
    if [row] != there:
        insert(db, table, row)


def newer(old: Row, new: Row) -> Row:
    """Return the newer of two rows; counts and the time of the last look never go back.

    >>> newer({"used": 2.0, "times": 1}, {"used": 1.0, "times": 5})
    {'used': 2.0, 'times': 5}
    """
    when = next((name for name in ("made", "used") if name in new), None)
    kept = old if when and cast(float, old[when]) >= cast(float, new[when]) else new
    for name in ("times", "checked"):
        if name in new:
            kept = {**kept, name: max(old[name], new[name], key=lambda value: value or 0)}
    return kept
