"""The catalogue of version 0.1 becomes one of today, and loses nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from c4t_core.errors import CatalogueError
from c4t_core.images.frame_names import recording
from c4t_core.images.scan import FileState
from c4t_core.index.store.catalogue import Catalogue
from c4t_core.index.store.ledger import Ledger, Stored
from c4t_core.index.store.reads import StoredVectors
from c4t_core.index.vectors.vectors import VectorSearch

SECOND = Path(__file__).with_name("catalogue_2.sql")
THIRD = Path(__file__).with_name("catalogue_3.sql")
OLD = Path(__file__).parents[2] / "made_by_0_1" / "data" / "catalogue.sqlite"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    (tmp_path / "old").mkdir()
    return Path(shutil.copyfile(OLD, tmp_path / "old" / "catalogue.sqlite"))


def lines(file: Path, statement: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(file) as db:
        return db.execute(statement).fetchall()


def test_every_row_and_vector_is_kept_under_its_number(old: Path) -> None:
    vectors = "SELECT model_id, {} , vector FROM vectors ORDER BY id"
    images = "SELECT id, root_id, path, size, mtime_ns, camera, frame, time FROM images ORDER BY id"
    runs = "SELECT root_id, model_id, finished, generation FROM runs"
    kept = [images, runs, "SELECT * FROM models"]
    before = [lines(old, vectors.format("image_id")), *(lines(old, each) for each in kept)]
    identity = lines(old, "SELECT identity FROM meta")
    Catalogue(old).close()
    assert [lines(old, vectors.format("frame_id")), *(lines(old, each) for each in kept)] == before
    assert lines(old, "SELECT identity FROM meta") == identity
    assert lines(old, "PRAGMA foreign_key_check") == []
    assert lines(old, "PRAGMA integrity_check") == [("ok",)]
    assert not lines(old, "SELECT name FROM sqlite_master WHERE name LIKE 'old_%'")
    assert lines(
        old, "SELECT DISTINCT kind, at_ns, first_seen FROM frames JOIN sources USING (id)"
    ) == [("picture", None, 0.0)]


def test_the_tables_are_those_of_a_new_catalogue(old: Path, tmp_path: Path) -> None:
    Catalogue(old).close()
    Catalogue(tmp_path / "new.sqlite").close()
    schema = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
    assert lines(old, schema) == lines(tmp_path / "new.sqlite", schema)


def test_drives_are_named_by_their_absolute_folders(old: Path) -> None:
    Catalogue(old).close()
    rows = lines(
        old, "SELECT r.path, i.path, i.drive FROM images i JOIN roots r ON r.id = i.root_id"
    )
    assert rows
    for root, name, drive in rows:
        assert isinstance(root, bytes)
        assert isinstance(name, bytes)
        assert isinstance(drive, bytes)
        assert os.fsdecode(drive) == recording(f"{os.fsdecode(root)}/{os.fsdecode(name)}")


def test_offline_roots_and_dropped_numbers_are_remembered(old: Path) -> None:
    with sqlite3.connect(old) as db:
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("UPDATE roots SET offline = 1")
        last = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'images'").fetchone()[0]
        db.execute("DELETE FROM images WHERE id = ?", (last,))
    Catalogue(old).close()
    assert lines(old, "SELECT DISTINCT offline FROM sources") == [(1,)]
    assert lines(old, "SELECT seq FROM sqlite_sequence WHERE name = 'frames'") == [(last,)]


def test_a_backup_is_made_before(old: Path) -> None:
    content = lines(old, "SELECT * FROM vectors")
    Catalogue(old).close()
    backup = next(old.parent.glob("catalogue.sqlite.backup-1-*"))
    assert lines(backup, "SELECT * FROM vectors") == content


def test_a_failed_migration_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = lines(old, "SELECT * FROM vectors")

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("c4t_core.index.store.migration.Drives.number", full)
        with pytest.raises(CatalogueError, match="full"):
            Catalogue(old)
    assert lines(old, "PRAGMA user_version") == [(1,)]
    assert lines(old, "SELECT * FROM vectors") == before
    Catalogue(old).close()
    assert lines(old, "PRAGMA user_version") == [(Catalogue.VERSION,)]


def test_what_was_read_wrongly_or_not_at_all_is_read_again(old: Path) -> None:
    def times() -> dict[object, object]:
        return dict(lines(old, "SELECT id, mtime_ns FROM images"))

    with sqlite3.connect(old) as db:
        first, second = (i for (i,) in db.execute("SELECT id FROM images ORDER BY id LIMIT 2"))
        db.execute("UPDATE images SET path = ? WHERE id = ?", (b"a/\xff.TIFF", first))
        root, model = db.execute("SELECT root_id, model_id FROM runs").fetchone()
        db.execute("INSERT INTO failures VALUES (?, ?, 'x.png', 1, 1, 'damaged')", (root, model))
    before = times()
    Catalogue(old).close()
    after = times()
    assert after[first] == before[first] - 1  # type: ignore[operator]
    assert after[second] == before[second]
    assert lines(old, "SELECT * FROM failures") == []


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """A catalogue of the second version: eleven frames, a failure, a finished run."""
    with contextlib.closing(sqlite3.connect(tmp_path / "catalogue.sqlite")) as db:
        db.executescript(SECOND.read_text("utf-8"))
    return tmp_path / "catalogue.sqlite"


def test_the_second_version_keeps_all_it_has_and_counts_drops_from_then_on(second: Path) -> None:
    tables = ("meta", "roots", "models", "drives", "sources", "frames", "vectors", "failures")
    before = {table: lines(second, f"SELECT * FROM {table}") for table in tables}
    (run,) = lines(second, "SELECT * FROM runs")
    assert len(before["vectors"]) == 11
    with contextlib.closing(Catalogue(second)) as catalogue:
        assert {table: lines(second, f"SELECT * FROM {table}") for table in tables} == before
        assert lines(second, "SELECT * FROM runs") == [(*run, 0)]
        root = catalogue.roots()[0]
        source = StoredVectors(catalogue, root.id, model_id=1, fingerprint="f" * 64, dim=8)
        search = VectorSearch(source, folder=second.parent)
        assert len(search.table()) == 11
        Ledger(catalogue, root, 1).remove([b"drive0/cam0_000000.jpg"])
        assert (source.moment().generation, source.moment().drops) == (run[3] + 1, 1)
        assert len(search.table()) == 10
    assert next(second.parent.glob("catalogue.sqlite.backup-2-*"))


@pytest.fixture
def third(tmp_path: Path) -> Path:
    """A catalogue of the third version: five frames of six, a failure, a finished run."""
    (tmp_path / "third").mkdir()
    with contextlib.closing(sqlite3.connect(tmp_path / "third" / "catalogue.sqlite")) as db:
        db.executescript(THIRD.read_text("utf-8"))
    return tmp_path / "third" / "catalogue.sqlite"


def test_the_third_version_gets_tables_of_objects_and_nothing_else_changes(third: Path) -> None:
    named = "SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE TABLE%'"
    tables = [name for (name,) in lines(third, named)]
    before = {table: lines(third, f"SELECT * FROM {table}") for table in tables}
    schema = "SELECT type, name, sql FROM sqlite_master ORDER BY name"
    shape = lines(third, schema)
    assert len(before["vectors"]) == 5
    Catalogue(third).close()
    assert {table: lines(third, f"SELECT * FROM {table}") for table in tables} == before
    new = [line for line in lines(third, schema) if line not in shape]
    assert [line for line in lines(third, schema) if line in shape] == shape
    assert {line[1] for line in new} == {
        *("objects", "object_classes", "sqlite_autoindex_objects_1"),
        *("copies", "shared_roots", "sqlite_autoindex_copies_1"),
    }
    assert next(third.parent.glob("catalogue.sqlite.backup-3-*"))
    with contextlib.closing(Catalogue(third)) as catalogue:  # and it can be written
        root = catalogue.roots()[0]
        ledger = Ledger(catalogue, root, 1)
        ledger.note_classes(["car"])
        assert ledger.failures().keys() == {b"bad.jpg"}
        vector, facts = np.ones(8, np.float32), np.full((1, 6), 0.5, np.float32)
        ledger.store([Stored(b"new.jpg", FileState(1, 1), vector, facts)], [])
        source = StoredVectors(catalogue, root.id, model_id=1, fingerprint="f" * 64, dim=8)
        (row,) = [row for row in source.rows(range(20)).values() if row.seen is not None]
        assert (row.path, row.seen.facts()[0].confidence) == (b"new.jpg", 0.5)


def test_all_older_versions_end_with_the_same_tables(second: Path, third: Path, old: Path) -> None:
    def columns(file: Path) -> list[tuple[object, ...]]:
        names = 'SELECT m.name, c.name, c.type, c."notnull", c.dflt_value, c.pk'
        return lines(
            file, f"{names} FROM sqlite_master m, pragma_table_info(m.name) c ORDER BY 1, 2"
        )

    for file in (second, third, old):
        Catalogue(file).close()
    assert columns(second) == columns(third) == columns(old)
