"""What the user made: marks, tags, scenarios, history, test sets. Never rebuilt or thrown away.

It lies in a file of its own, with the tables of ``user_data.sql``, each row under a sum
(:mod:`~c4t_core.index.store.seals`). Every opening checks all of it; a damaged file is put together
again, with a sentence (:mod:`~c4t_core.index.store.backups`). An image is known by root, relative
path and content hash, so that what was said about it survives a rebuilt catalogue, a moved folder
and a new version.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, ClassVar, cast

from c4t_core import paths
from c4t_core.errors import CatalogueError, DataError
from c4t_core.files import atomic_path, write_whole
from c4t_core.index.store import backups, seals
from c4t_core.index.store.database import Database, plain_errors, snapshot, transaction
from c4t_core.index.store.image_key import ImageKey, image_columns, image_of, locate, moved_to
from c4t_core.index.store.seals import TABLES, DamagedError, Row, Value
from c4t_core.records import dataclass

__all__ = [
    "ImageKey",
    "Mark",
    "Scenario",
    "UserData",
    "locate",
    "marks_among",
    "no_scenario",
    "prune_history",
]

_HISTORY = 500  # queries that are kept


@dataclass(frozen=True)
class Mark:
    """The user said whether an image shows what a query asks for."""

    query: str
    image: ImageKey
    good: bool
    made: float = 0.0  # seconds since 1970


@dataclass(frozen=True)
class Scenario:
    """A saved search.

    Attributes:
        name: unique.
        query: as typed.
        settings: filters, cut-off and whatever else belongs to it, plain JSON data.
        made: when it was last saved, seconds since 1970.
        checked: when its hits were last looked at, None for never.
        model: name of the model that it was saved with, "" where that is not known.
        fingerprint: of that model.
        cut: least score that counts as a match, None while none was found.
        place: where the user put it among the others, from 1; 0 for behind them, by name.
        problem: why it cannot be run, "" if it can; such a one is kept as it is.
    """

    name: str
    query: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    made: float = 0.0
    checked: float | None = None
    model: str = ""
    fingerprint: str = ""
    cut: float | None = None
    place: int = 0
    problem: str = field(default="", compare=False)


def _to_2(db: sqlite3.Connection) -> None:
    """Bring the tables of version 0.1.0 to those with sums, times and cuts.

    Which hits of a search had been seen is not kept: news are told by when a frame came.
    """
    left = seals.salvage(db)
    for table in ("seen", *reversed(TABLES)):
        db.execute(f"DROP TABLE IF EXISTS {table}")
    _fill(db, {table: list(found.rows.values()) for table, found in left.items()})


def _to_3(db: sqlite3.Connection) -> None:
    """Bring the tables of the second version to those with tags, and an order of scenarios."""
    if "place" not in {row[1] for row in db.execute("PRAGMA table_info(scenarios)")}:
        db.execute("ALTER TABLE scenarios ADD COLUMN place INTEGER NOT NULL DEFAULT 0")
    there = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
    for statement in _statements():
        if "CREATE TABLE tags (" in statement and "tags" not in there:
            db.execute(statement)


def _statements() -> list[str]:
    return Path(__file__).with_name(UserData.SCHEMA).read_text("utf-8").split(";")


def _fill(db: sqlite3.Connection, rows: backups.Rows) -> None:
    for statement in _statements():
        db.execute(statement)
    for table in TABLES:
        for row in rows.get(table, ()):
            seals.insert(db, table, row)


class UserData(Database):
    """Marks, tags, scenarios, history and test sets.

    What is done with tags is in :mod:`~c4t_core.index.store.tags`.

    Attributes:
        notice: a sentence for the user if the file was damaged and this very opening repaired it;
            whoever talks to the user asks :meth:`take_notice`.
    """

    SCHEMA = "user_data.sql"
    VERSION = 3
    MIGRATIONS: ClassVar[dict[int, Callable[[sqlite3.Connection], None]]] = {1: _to_2, 2: _to_3}
    WHEN_NEWER = "update it to use your marks and saved searches."

    def __init__(self, path: Path | None = None) -> None:
        """Open or make the file (by default the one of this user), check and repair it.

        Once a day it is backed up.

        Raises:
            CatalogueError: if it cannot be opened, or is of a newer version.
        """
        self._identity: tuple[int, int] | None = None
        self._changed = False
        super().__init__(path or paths.data_dir() / "user.sqlite")
        if backups.is_due(self.path, self.VERSION):
            with contextlib.suppress(CatalogueError, sqlite3.Error):  # a full disk, say
                self._back_up_daily()

    # Opening, checking, repairing

    def _open_sound(self) -> sqlite3.Connection:
        try:
            return self._opened()
        except DamagedError:
            with backups.alone(self.path):
                try:  # somebody else may have been faster
                    return self._opened()
                except DamagedError:
                    self._renew()
                try:
                    return self._opened()
                except DamagedError as error:
                    raise self._irreparable() from error

    def _opened(self) -> sqlite3.Connection:
        """Open the file if all of it is as it was written.

        Raises:
            DamagedError: if it is not, or not there.
        """
        self._identity = _identity(self.path)
        if self._identity is None:
            raise DamagedError("it is not there")
        paths.keep_private(self.path)
        try:
            connection = seals.connect(self.path)
        except sqlite3.Error as error:
            if seals.is_the_files_fault(error):
                raise DamagedError(str(error)) from error
            raise
        try:
            seals.check(connection, self.VERSION)
            seals.check_writable(connection, self.path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _renew(self) -> None:
        """Put a damaged file together again; begin one where none ever was."""
        if self.path.exists() or backups.backups_of(self.path):
            try:
                self._tell(backups.repair(self.path, self._write_new))
            except OSError as error:
                raise self._irreparable() from error
        else:
            with atomic_path(self.path) as part:
                self._write_new(part, {})

    def _write_new(self, path: Path, rows: backups.Rows) -> None:
        paths.keep_private(path)
        with contextlib.closing(seals.connect(path)) as db, transaction(db):
            _fill(db, rows)
            db.execute(f"PRAGMA user_version = {self.VERSION}")
            seals.seal(db, self.VERSION)

    def _tell(self, sentence: str) -> None:
        """Keep a sentence beside the file until somebody shows it, who may be another program."""
        self.notice = f"{self.notice} {sentence}" if self.notice else sentence
        kept, earlier = self._kept_notice, ""
        with contextlib.suppress(OSError):
            earlier = kept.read_text("utf-8", "replace") + " "
        with contextlib.suppress(OSError, UnicodeEncodeError):  # a folder whose name is no text
            write_whole(kept, earlier + sentence)
            paths.keep_private(kept)

    def take_notice(self) -> str | None:
        """Return what the user must be told of repairs since it was last asked, once."""
        with self._lock:
            notice, self.notice = self.notice, None
            with contextlib.suppress(OSError):
                notice = self._kept_notice.read_text("utf-8", "replace")
                self._kept_notice.unlink()
            return notice

    @property
    def _kept_notice(self) -> Path:
        return self.path.with_name(f"{self.path.name}.notice")

    def _bring_up_to_date(self) -> None:
        if seals.version_of(self._db) == 1:
            left = seals.salvage(self._db)
            if not all(found.whole for found in left.values()):
                self._tell(
                    "Some of your marks and saved searches could not be read and were left out; "
                    f'they are still in the backup beside "{self.path}".'
                )
        super()._bring_up_to_date()

    def _tables_changed(self) -> None:
        seals.seal(self._db, self.VERSION)

    def _back_up(self, version: int) -> None:
        backups.back_up(self._db, self.path, version, backups.KEPT)

    def _back_up_daily(self) -> None:
        if any(self.counts().values()):
            backups.back_up(self._db, self.path, self.VERSION, backups.DAILY)

    def _irreparable(self) -> CatalogueError:
        return CatalogueError(
            f'"{self.path}", the file of your marks and saved searches, is damaged and cannot be '
            "repaired where it is; check its disk, make its folder writable, or set C4T_DATA_DIR "
            "to another folder."
        )

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for reads; errors come out as sentences."""
        with self._lock, plain_errors(self.path), self._finding_damage():
            self._follow()
            yield self._db

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for one transaction; errors come out as sentences."""
        with self._lock, plain_errors(self.path), self._finding_damage():
            self._follow()
            self._changed = True
            with transaction(self._db):
                yield self._db

    def _follow(self) -> None:
        """Open the file anew if it was repaired or replaced by another program meanwhile."""
        if self._db.in_transaction or self._identity == _identity(self.path):
            return
        with contextlib.suppress(sqlite3.Error):
            self._db.close()
        self._db = self._open_sound()
        self._bring_up_to_date()

    @contextlib.contextmanager
    def _finding_damage(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if not seals.is_the_files_fault(error):
                raise
            self._identity = None  # have the next use check, and repair
            raise CatalogueError(
                f'"{self.path}", the file of your marks and saved searches, is damaged; try '
                "again, and it is repaired from what is sound in it and from its backup."
            ) from error

    def close(self) -> None:
        """Close the file, with a backup of what was changed; closing twice is allowed."""
        with self._lock:
            if self._changed:
                with contextlib.suppress(CatalogueError, sqlite3.Error):
                    self._back_up_daily()
            self._changed = False
            self._closed = True
            self._use.users.discard(self)
            with contextlib.suppress(sqlite3.Error):
                self._db.close()

    def counts(self) -> dict[str, int]:
        """Return how many rows each table has."""
        with self.reading() as db:
            return {
                table: int(db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])
                for table in TABLES
            }

    def everything(self) -> dict[str, list[Row]]:
        """Return all rows of all tables, in one state of the file."""
        with self.reading() as db, snapshot(db):
            return {table: seals.rows_of(db, table) for table in TABLES}

    # Marks

    def mark(self, query: str, images: Iterable[ImageKey], good: bool | None) -> None:
        """Note whether images show what a query asks for; None takes the marks back."""
        with self.writing() as db:
            for image in images:
                row: Row = {"query": query, **image_columns(image), "good": int(bool(good))}
                row["made"] = time.time()
                (seals.remove if good is None else seals.insert)(db, "marks", row)

    def marks(
        self, query: str | None = None, among: Sequence[ImageKey] | None = None
    ) -> list[Mark]:
        """Return the marks of a query, or all, oldest first; ``among`` as in `marks_among`."""
        where: str = "" if query is None else "WHERE query = ?"
        values: tuple[Value, ...] = () if query is None else (query,)
        if query is not None and among is not None:
            where, values = marks_among(query, among)
        order = f"{where} ORDER BY made, query, root, path, at_ns"
        return [_mark(row, cast(float, row["made"])) for row in self.rows("marks", order, values)]

    def rows(self, table: str, where: str = "", values: tuple[Value, ...] = ()) -> list[Row]:
        """Return rows of a table; ``where`` is the end of the statement."""
        with self.reading() as db:
            return seals.rows_of(db, table, where, values)

    def swap(self, table: str, out: Iterable[Row], into: Iterable[Row]) -> None:
        """Take rows out and put others in, all or none: how a change is taken back."""
        with self.writing() as db:
            for row in out:
                seals.remove(db, table, row)
            for row in into:
                seals.insert(db, table, row)

    # Scenarios

    def save_scenario(self, scenario: Scenario) -> None:
        """Keep a search under its name, in the place of one of the same name.

        When that was looked at, and its place, are kept.
        """
        self.save_scenarios([scenario])

    def save_scenarios(self, scenarios: Iterable[Scenario]) -> None:
        """Keep several searches, all or none; see :meth:`save_scenario`."""
        with self.writing() as db:
            for scenario in scenarios:
                old = seals.rows_of(db, "scenarios", "WHERE name = ?", (scenario.name,))
                row: Row = {
                    "name": scenario.name,
                    "query": scenario.query,
                    "settings": json.dumps(dict(scenario.settings), sort_keys=True),
                    "made": scenario.made or time.time(),
                    "checked": old[0]["checked"] if old else None,
                    "model": scenario.model,
                    "fingerprint": scenario.fingerprint,
                    "cut": scenario.cut,
                    "place": old[0]["place"] if old else scenario.place,
                }
                seals.insert(db, "scenarios", row)

    def scenarios(self) -> list[Scenario]:
        """Return the saved searches in their order; one that cannot be read says so itself."""
        rows = self.rows("scenarios", "ORDER BY place = 0, place, name COLLATE NOCASE, name")
        return [_scenario(row) for row in rows]

    def delete_scenario(self, name: str) -> None:
        """Drop a saved search."""
        self.delete_scenarios([name])

    def delete_scenarios(self, names: Iterable[str]) -> None:
        """Drop several saved searches, all or none."""
        with self.writing() as db:
            db.executemany("DELETE FROM scenarios WHERE name = ?", [(name,) for name in names])

    def rename_scenario(self, name: str, new: str) -> None:
        """Give a saved search another name.

        Raises:
            DataError: if there is none of that name, or the new one is taken.
        """
        with self.writing() as db:
            names = {str(row["name"]) for row in seals.rows_of(db, "scenarios", "")}
            if name not in names:
                raise no_scenario(name, names)
            if new in names and new != name:
                raise DataError(
                    f'There is a saved search "{new}" already; choose another name, or remove it.'
                )
            db.execute("UPDATE scenarios SET name = ? WHERE name = ?", (new, name))

    def place_scenarios(self, places: Mapping[str, int]) -> None:
        """Put saved searches into another order: the place of each, see :class:`Scenario`."""
        with self.writing() as db:
            for name, place in places.items():
                db.execute("UPDATE scenarios SET place = ? WHERE name = ?", (place, name))

    def look_at_scenario(self, name: str, when: float) -> None:
        """Note that what a saved search finds was looked at; what is indexed later is new.

        Args:
            name: of the search.
            when: seconds since 1970.
        """
        with self.writing() as db:
            db.execute("UPDATE scenarios SET checked = ? WHERE name = ?", (when, name))

    # History

    def remember(self, query: str) -> None:
        """Note that a query was used; only the last few hundred are kept."""
        with self.writing() as db:
            db.execute(
                "INSERT INTO history (query, used, times) VALUES (?, ?, 1) ON CONFLICT (query)"
                " DO UPDATE SET used = excluded.used, times = times + 1",
                (query, time.time()),
            )
            prune_history(db)

    def history(self, limit: int = 50) -> list[str]:
        """Return recent queries, the last one first."""
        rows = self.rows("history", "ORDER BY used DESC, rowid DESC LIMIT ?", (limit,))
        return [cast(str, row["query"]) for row in rows]

    # Test sets

    def save_test_set(self, name: str, marks: Iterable[Mark]) -> None:
        """Keep marks as a test set; one of the same name is replaced."""
        with self.writing() as db:
            db.execute("DELETE FROM test_sets WHERE name = ?", (name,))
            seals.insert(db, "test_sets", {"name": name, "made": time.time()})
            for mark in marks:
                item: Row = {"test_set": name, "query": mark.query, "good": int(mark.good)}
                seals.insert(db, "test_items", {**item, **image_columns(mark.image)})

    def test_sets(self) -> list[tuple[str, int]]:
        """Return (name, number of marks) of the test sets, by name."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT name, (SELECT COUNT(*) FROM test_items WHERE test_set = name)"
                " FROM test_sets ORDER BY name COLLATE NOCASE, name"
            )
            return [(str(name), int(count)) for name, count in rows.fetchall()]

    def test_set(self, name: str) -> list[Mark]:
        """Return the marks of a test set."""
        order = "WHERE test_set = ? ORDER BY query, root, path, at_ns"
        return [_mark(row) for row in self.rows("test_items", order, (name,))]

    def delete_test_set(self, name: str) -> None:
        """Drop a test set."""
        with self.writing() as db:
            db.execute("DELETE FROM test_sets WHERE name = ?", (name,))

    # Moved folders

    def move_root(self, old: Path, new: Path) -> None:
        """Follow a folder that was moved or renamed, whether roots lie in it or it in a root.

        Where both an old and a new key stand for one file afterwards, the newer is kept.
        """
        with self.writing() as db:
            for table in ("marks", "test_items", "tags"):
                moved = []
                for row in seals.rows_of(db, table, "ORDER BY rowid"):
                    place = moved_to(cast(bytes, row["root"]), cast(bytes, row["path"]), old, new)
                    if place is not None:
                        moved.append((row, place))
                for row, _ in moved:
                    seals.remove(db, table, row)
                for row, (root, path) in moved:
                    seals.put_newer(db, table, {**row, "root": root, "path": path})


def marks_among(query: str, images: Sequence[ImageKey]) -> tuple[str, tuple[Value, ...]]:
    """Return the end of a statement that reads the marks of some images, wherever they lay.

    Returns:
        What follows the table's name, and what stands for its question marks; see
        :meth:`UserData.rows`. It may find a few marks of others.
    """
    columns = [image_columns(image) for image in images]
    digests = [row["digest"] for row in columns if row["digest"]]
    names = [row["path"] for row in columns]
    one_of = (",".join("?" * len(values)) for values in (digests, names))
    where = "WHERE query = ? AND (digest IN ({}) OR path IN ({}))".format(*one_of)
    return where, (query, *digests, *names)


def no_scenario(name: str, names: Iterable[str]) -> DataError:
    """Return the sentence that there is no such saved search, and which there are."""
    there = ", ".join(f'"{known}"' for known in sorted(names, key=str.casefold))
    remedy = f"there are {there}" if there else 'save one with "c4t scenarios save"'
    return DataError(f'There is no saved search "{name}"; {remedy}.')


def prune_history(db: sqlite3.Connection) -> None:
    """Drop the queries used longest ago, beyond the last few hundred."""
    db.execute(
        "DELETE FROM history WHERE query NOT IN"
        " (SELECT query FROM history ORDER BY used DESC LIMIT ?)",
        (_HISTORY,),
    )


def _scenario(row: Row) -> Scenario:
    values: Any = row
    settings, problem = read_settings(values["settings"])
    return Scenario(**{**values, "settings": settings}, problem=problem)


def read_settings(text: str) -> tuple[dict[str, Any], str]:
    """Return the settings of a saved search, and why they cannot be read ("" if they can)."""
    try:
        settings = json.loads(text)
    except (ValueError, RecursionError):
        settings = None
    if isinstance(settings, dict):
        return settings, ""
    return {}, "Its settings cannot be read; save the search again, or remove it."


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another of its name, None if there is none."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino


def _mark(row: Row, made: float = 0.0) -> Mark:
    return Mark(cast(str, row["query"]), image_of(row), bool(row["good"]), made)
