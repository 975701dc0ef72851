"""What the user made: marks, scenarios, history, test sets. Never rebuilt, never thrown away.

It lies in a file of its own, with the tables of ``user_data.sql``. An image is
known by root, relative path and content hash, so that what was said about it survives a rebuilt
catalogue, a moved folder and a new version.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from c4t_core import paths
from c4t_core.files import content_digest
from c4t_core.index.store.database import Database

_HISTORY = 500  # queries that are kept


@dataclass(frozen=True)
class ImageKey:
    """An image as the user's data know it.

    Attributes:
        root: the folder it was found in.
        relative: path below it, "/"-separated.
        digest: BLAKE2b of the content, hex, empty if the file could not be read.
        size: of the file, bytes, -1 if it could not be read.
    """

    root: Path
    relative: str
    digest: str = field(default="", compare=False)
    size: int = field(default=-1, compare=False)

    @property
    def path(self) -> Path:
        """The file, where it was when it was noted."""
        return self.root / self.relative

    @classmethod
    def of(cls, root: Path, relative: str) -> ImageKey:
        """Return the key of a file, its content hashed if it can be read."""
        return cls(root, relative, *content_digest(root / relative))


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
        made: when, seconds since 1970.
        checked: when its hits were last looked at, None for never.
    """

    name: str
    query: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    made: float = 0.0
    checked: float | None = None


class UserData(Database):
    """Marks, scenarios, history and test sets."""

    SCHEMA = "user_data.sql"
    WHEN_NEWER = "update it to use your marks and saved searches."

    def __init__(self, path: Path | None = None) -> None:
        """Open or make the file (by default the one of this user).

        Raises:
            CatalogueError: if it cannot be opened, or is of a newer version.
        """
        super().__init__(path or paths.data_dir() / "user.sqlite")

    def _damaged(self, aside: Path) -> str:
        backups = sorted(self.path.parent.glob(f"{self.path.name}.backup-*"))
        kept = f', and a backup is kept as "{backups[-1].name}"' if backups else ""
        return (
            f'The file of your marks and saved searches was damaged; it is kept as "{aside}"'
            f"{kept}; a new one was begun."
        )

    # Marks

    def mark(self, query: str, images: Iterable[ImageKey], good: bool | None) -> None:
        """Note whether images show what a query asks for; None takes the marks back."""
        with self.writing() as db:
            for image in images:
                key = (query, *_columns(image))
                if good is None:
                    db.execute("DELETE FROM marks WHERE query=? AND root=? AND path=?", key)
                    continue
                db.execute(
                    "INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (*key, image.digest, image.size, int(good), time.time()),
                )

    def marks(self, query: str | None = None) -> list[Mark]:
        """Return the marks of a query, or all, oldest first."""
        where, values = ("", ()) if query is None else (" WHERE query = ?", (query,))
        with self.reading() as db:
            rows = db.execute(
                f"SELECT query, root, path, digest, size, good, made FROM marks{where}"
                " ORDER BY made, query, root, path",
                values,
            ).fetchall()
        return [Mark(row[0], _key(*row[1:5]), bool(row[5]), row[6]) for row in rows]

    # Scenarios

    def save_scenario(self, scenario: Scenario) -> None:
        """Keep a search under its name; one of the same name is replaced, its seen hits kept."""
        settings = json.dumps(dict(scenario.settings), sort_keys=True)
        with self.writing() as db:
            db.execute(
                "INSERT INTO scenarios (name, query, settings, made) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET query = excluded.query,"
                " settings = excluded.settings",
                (scenario.name, scenario.query, settings, scenario.made or time.time()),
            )

    def scenarios(self) -> list[Scenario]:
        """Return the saved searches, by name."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT name, query, settings, made, checked FROM scenarios"
                " ORDER BY name COLLATE NOCASE, name"
            ).fetchall()
        return [
            Scenario(name, query, json.loads(settings), made=made, checked=checked)
            for name, query, settings, made, checked in rows
        ]

    def delete_scenario(self, name: str) -> None:
        """Drop a saved search."""
        with self.writing() as db:
            db.execute("DELETE FROM scenarios WHERE name = ?", (name,))

    def unseen(self, name: str, images: Iterable[ImageKey]) -> list[ImageKey]:
        """Return those of a saved search's hits that were not there when it was last checked."""
        with self.reading() as db:
            rows = db.execute("SELECT root, path FROM seen WHERE scenario = ?", (name,))
            # Whole paths: one image may be noted under a folder and under one inside it.
            seen = {os.path.join(root, path) for root, path in rows.fetchall()}
        return [image for image in images if os.fsencode(image.path) not in seen]

    def mark_seen(self, name: str, images: Iterable[ImageKey]) -> None:
        """Note that these hits of a saved search were looked at."""
        with self.writing() as db:
            db.executemany(
                "INSERT OR IGNORE INTO seen VALUES (?, ?, ?)",
                [(name, *_columns(image)) for image in images],
            )
            db.execute("UPDATE scenarios SET checked = ? WHERE name = ?", (time.time(), name))

    # History

    def remember(self, query: str) -> None:
        """Note that a query was used; only the last few hundred are kept."""
        with self.writing() as db:
            db.execute(
                "INSERT INTO history VALUES (?, ?, 1) ON CONFLICT (query)"
                " DO UPDATE SET used = excluded.used, times = times + 1",
                (query, time.time()),
            )
            db.execute(
                "DELETE FROM history WHERE query NOT IN"
                " (SELECT query FROM history ORDER BY used DESC LIMIT ?)",
                (_HISTORY,),
            )

    def history(self, limit: int = 50) -> list[str]:
        """Return recent queries, the last one first."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT query FROM history ORDER BY used DESC, rowid DESC LIMIT ?", (limit,)
            )
            return [query for (query,) in rows.fetchall()]

    # Test sets

    def save_test_set(self, name: str, marks: Iterable[Mark]) -> None:
        """Keep marks as a test set; one of the same name is replaced."""
        with self.writing() as db:
            db.execute("DELETE FROM test_sets WHERE name = ?", (name,))
            db.execute("INSERT INTO test_sets VALUES (?, ?)", (name, time.time()))
            for mark in marks:
                db.execute(
                    "INSERT OR REPLACE INTO test_items VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        *(name, mark.query, *_columns(mark.image)),
                        *(mark.image.digest, mark.image.size, int(mark.good)),
                    ),
                )

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
        with self.reading() as db:
            rows = db.execute(
                "SELECT query, root, path, digest, size, good FROM test_items"
                " WHERE test_set = ? ORDER BY query, root, path",
                (name,),
            ).fetchall()
        return [Mark(row[0], _key(*row[1:5]), bool(row[5])) for row in rows]

    def delete_test_set(self, name: str) -> None:
        """Drop a test set."""
        with self.writing() as db:
            db.execute("DELETE FROM test_sets WHERE name = ?", (name,))

    # Moved folders

    def move_root(self, old: Path, new: Path) -> None:
        """Follow a folder that was moved or renamed."""
        with self.writing() as db:
            for table in ("marks", "seen", "test_items"):
                db.execute(
                    f"UPDATE OR REPLACE {table} SET root = ? WHERE root = ?",
                    (os.fsencode(new), os.fsencode(old)),
                )


def locate(image: ImageKey, files_of_size: Callable[[int], Iterable[Path]]) -> Path | None:
    """Find an image's file where it is now: at its path, else by its content.

    Args:
        image: as it was noted.
        files_of_size: the known files of a size (`Workspace.files_of_size`).
    """
    if image.path.is_file():
        return image.path
    if not image.digest:
        return None
    for candidate in files_of_size(image.size):
        if content_digest(candidate)[0] == image.digest:
            return candidate
    return None


def _key(root: bytes, path: bytes, digest: str, size: int) -> ImageKey:
    return ImageKey(Path(os.fsdecode(root)), os.fsdecode(path), digest, size)


def _columns(image: ImageKey) -> tuple[bytes, bytes]:
    return os.fsencode(image.root), os.fsencode(image.relative)
