"""No bit of what the user made changes unnoticed: every damage is repaired, refused, or harmless.

``C4T_FLIPS=1000`` flips that many bits in each of the three states of the backups, and
``--log-cli-level=INFO`` tells how they ended.
"""

from __future__ import annotations

import logging
import os
import random
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from c4t_core import paths
from c4t_core.errors import CatalogueError
from c4t_core.files import sha256
from c4t_core.index.store import seals, tags
from c4t_core.index.store.catalogue import Catalogue
from c4t_core.index.store.user_data import ImageKey, Scenario, UserData

FLIPS = int(os.environ.get("C4T_FLIPS", "40"))
FORMAT = time.strftime
ALL_BACK = "all of it was restored"


def key(name: str, at: float | None = None) -> ImageKey:
    return ImageKey(Path("/drives/2026 winter"), name, "abc", 3, at)


def fill(data: UserData, start: int = 0) -> None:
    """Make something of every kind."""
    for number in range(start, start + 4):
        query = f"truck in snow {number}"
        images = [key(f"cam/{number}-{i}.png") for i in range(12)]
        data.mark(query, [*images, key("clip.mp4", 12.5 + number)], number % 2 == 0)
        data.save_scenario(
            Scenario(f"Winter {number}", query, {"filters": {"day": None}}, model="c4t", cut=0.25)
        )
        data.look_at_scenario(f"Winter {number}", 1.5 + number)
        data.remember(query)
        marks = data.marks(query)
        data.save_test_set(f"set {number}", marks)
        tags.change(data, images[:5], ["to label", f"drive {number}"])


@pytest.fixture(params=["backup of now", "backup of before", "no backup"])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with a filled file, and with a backup that has all of it, some of it, or none."""
    folder = tmp_path / "filled"
    folder.mkdir()
    path = folder / "user.sqlite"
    with closing(UserData(path)) as data:
        fill(data)
    if request.param != "backup of now":
        backups = {file: file.read_bytes() for file in folder.glob("*.daily-*")}
        with closing(UserData(path)) as data:
            fill(data, 3)
            data.mark("truck in snow 1", [key("cam/1-1.png")], None)
            data.delete_scenario("Winter 0")
        for file in folder.glob("*.daily-*"):
            file.unlink()
        for file, content in backups.items() if request.param == "backup of before" else ():
            file.write_bytes(content)
    return folder


def rows_of(path: Path) -> set[tuple[object, ...]]:
    with closing(UserData(path)) as data:
        return flat(data)


def flat(data: UserData) -> set[tuple[object, ...]]:
    tables = data.everything()
    return {(table, *row.values()) for table, rows in tables.items() for row in rows}


@pytest.mark.timeout(0)  # a thousand take minutes
def test_no_flipped_bit_alters_anything_silently(filled: Path, tmp_path: Path) -> None:
    made = rows_of(filled / "user.sqlite")
    ever = set(made)
    for backup in filled.glob("*.daily-*"):
        shutil.copy(backup, tmp_path / "older.sqlite")
        ever |= rows_of(tmp_path / "older.sqlite")
    content = (filled / "user.sqlite").read_bytes()
    assert not list(filled.glob("user.sqlite-*"))  # no log whose flips drop what was written last
    draw = random.Random(1)
    outcomes: Counter[str] = Counter()
    for _ in range(FLIPS):
        bit = draw.randrange(8 * len(content))
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        folder = shutil.copytree(filled, tmp_path / "flipped")
        (folder / "user.sqlite").write_bytes(flipped)
        outcomes[outcome(folder / "user.sqlite", made, ever, bit)] += 1
        shutil.rmtree(folder)
    logging.getLogger(__name__).info("%s flips: %s", FLIPS, dict(outcomes))
    assert outcomes["silent"] == outcomes["no sentence"] == 0


def outcome(
    path: Path, made: set[tuple[object, ...]], ever: set[tuple[object, ...]], bit: int
) -> str:
    try:
        data = UserData(path)
    except CatalogueError as error:
        return "refused" if str(error).endswith(".") else "no sentence"
    with closing(data):
        now, notice = flat(data), data.notice
        data.mark("still", [key("works.png")], True)
    assert now - ever - {row for row in now if row[0] == "test_sets"} == set(), bit
    if notice is None:
        return "harmless" if now == made else "silent"
    if ALL_BACK in notice:
        return "repaired" if now == made else "silent"
    return "repaired but for what the notice names"


# what became of the file as a whole ---------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that was filled, closed and so backed up."""
    file = tmp_path / "data" / "user.sqlite"
    file.parent.mkdir()
    with closing(UserData(file)) as data:
        fill(data)
    return file


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def deleted(file: Path) -> None:
    file.unlink()


def garbage(file: Path) -> None:
    file.write_bytes(b"garbage\n" * 1000)


def truncated(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


@pytest.mark.parametrize("spoil", [emptied, deleted, garbage, truncated])
def test_a_spoilt_file_comes_back_from_its_backup_with_a_sentence(
    path: Path, spoil: Callable[[Path], None]
) -> None:
    made = rows_of(path)
    spoil(path)
    left = path.read_bytes() if path.exists() else None
    with closing(UserData(path)) as data:
        assert flat(data) == made
        assert data.notice is not None
        assert "restored" in data.notice
    asides = [file.read_bytes() for file in path.parent.glob("*.damaged-*")]
    assert asides == ([] if left is None else [left])
    with closing(UserData(path)) as again:
        assert again.notice is None
        assert again.take_notice() == data.notice  # nobody had shown it yet
        assert again.take_notice() is None


def test_without_a_backup_an_emptied_file_is_no_silent_new_start(path: Path) -> None:
    for backup in path.parent.glob("*.daily-*"):
        backup.unlink()
    emptied(path)
    with closing(UserData(path)) as data:
        assert data.notice is not None
        assert "empty" in data.notice
        assert data.marks() == []


def test_the_newest_good_backup_serves_and_a_flipped_one_is_left_alone(path: Path) -> None:
    made = rows_of(path)
    (backup,) = path.parent.glob("*.daily-*")
    content = bytearray(backup.read_bytes())
    content[-100] ^= 1
    newer = backup.with_name(backup.name.replace("daily-3-20", "daily-3-21"))
    newer.write_bytes(content)
    emptied(path)
    assert rows_of(path) == made
    assert newer.read_bytes() == content


def test_a_backup_without_sums_in_it_is_proven_by_its_name(path: Path) -> None:
    (daily,) = path.parent.glob("*.daily-*")
    daily.unlink()
    content = OLD.read_bytes()
    then = old_rows(OLD)["history"]
    proof = sha256(content)[:16]
    altered = content.replace(b"snow", b"snou")
    for stamp, copy in (("20250101-120000", content), ("20250102-120000", altered)):
        path.with_name(f"user.sqlite.backup-1-{stamp}-{proof}").write_bytes(copy)
    garbage(path)
    with closing(UserData(path)) as data:
        assert data.history() == [query for query, *_ in then]
        assert "2025-01-01 12:00" in str(data.notice)


def test_a_damaged_index_hides_no_row(path: Path) -> None:
    asked = b"truck in snow 1"
    content = path.read_bytes()
    size = int.from_bytes(content[16:18], "big")
    pages = [content[at : at + size] for at in range(0, len(content), size)]
    of_index = (page for page in pages if page[:1] == b"\x0a" and page.count(asked) > 10)
    (page,) = (page for page in of_index if b"set 1" not in page)
    path.write_bytes(content.replace(page, page.replace(asked, b"truck in snou 1")))
    with closing(UserData(path)) as data:
        assert ALL_BACK in str(data.notice)
        assert len(data.marks(asked.decode())) == 13


def test_a_good_backup_is_never_replaced_by_a_bad_one(path: Path) -> None:
    (backup,) = path.parent.glob("*.daily-*")
    data = UserData(path)
    data.mark("more", [key("m.png")], True)
    spoil_a_row(path)
    data.close()  # would have backed up
    assert list(path.parent.glob("*.daily-*")) == [backup]
    with closing(UserData(path)) as again:
        assert again.notice is not None
        assert ALL_BACK in again.notice
        assert [mark.image.relative for mark in again.marks("more")] == ["m.png"]


def spoil_a_row(path: Path) -> None:
    """Change one value as a flipped bit would: below everything that keeps sums."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE marks SET good = 1 - good WHERE rowid = 3")


def test_one_backup_a_day_and_the_last_seven_days_are_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_800_000_000.0
    for day in range(10):
        for hour in (0.0, 2.0, 4.0):
            moment = now + day * 86_400 + hour * 3600
            monkeypatch.setattr("time.time", lambda moment=moment: moment)
            local = time.localtime(moment)
            monkeypatch.setattr("time.strftime", lambda form, now=local: FORMAT(form, now))
            with closing(UserData(path)) as data:
                data.remember(f"query {day} {hour}")
    found = sorted(file.name.split("-")[2] for file in path.parent.glob("*.daily-*"))
    assert len(found) == len(set(found)) == 7


def test_an_opening_backs_up_what_a_killed_program_left(path: Path) -> None:
    (backup,) = path.parent.glob("*.daily-*")
    backup.unlink()
    data = UserData(path)  # never closed: killed
    assert len(list(path.parent.glob("*.daily-*"))) == 1
    assert data.notice is None


# while it is open ---------------------------------------------------------------------------


def test_a_row_that_changes_while_the_file_is_open_is_refused_then_repaired(path: Path) -> None:
    with closing(UserData(path)) as data:
        made = flat(data)
        spoil_a_row(path)
        with pytest.raises(CatalogueError, match="damaged"):
            data.marks()
        assert flat(data) == made
        assert ALL_BACK in str(data.take_notice())


def test_a_damaged_row_is_not_sealed_by_a_change_of_it(path: Path) -> None:
    with closing(UserData(path)) as data:
        made = {row for row in flat(data) if row[0] == "marks"}
        spoil_a_row(path)
        with pytest.raises(CatalogueError, match="damaged"), data.writing() as db:
            db.execute("UPDATE marks SET made = made + 1")
        assert {row for row in flat(data) if row[0] == "marks"} == made


def test_a_lost_row_is_noticed(path: Path) -> None:
    made = rows_of(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM history WHERE rowid = 2")
    with closing(UserData(path)) as data:
        assert ALL_BACK in str(data.notice)
        assert flat(data) == made


def test_a_file_repaired_by_another_program_is_followed(path: Path) -> None:
    with closing(UserData(path)) as window:
        made = flat(window)
        garbage(path)
        assert rows_of(path) == made  # the command line
        window.mark("later", [key("l.png")], True)
    with closing(UserData(path)) as data:
        assert flat(data) > made
        assert len(data.marks("later")) == 1


@pytest.mark.parametrize("way", ["replace", "upsert", "cascade", "rename"])
def test_seals_hold_however_rows_are_written(path: Path, way: str) -> None:
    with closing(UserData(path)) as data, data.writing() as db:
        if way == "replace":
            db.execute("INSERT OR REPLACE INTO history (query, used, times) VALUES ('a', 1.5, 2)")
            db.execute("INSERT OR REPLACE INTO history (query, used, times) VALUES ('a', 2.5, 3)")
        elif way == "upsert":
            row: seals.Row = {"query": "a", "used": 1.5, "times": 1}
            seals.insert(db, "history", row)
            seals.insert(db, "history", {**row, "times": 2})
        elif way == "cascade":
            db.execute("DELETE FROM scenarios WHERE name = 'Winter 1'")
        else:
            db.execute("UPDATE scenarios SET name = 'Summer' WHERE name = 'Winter 1'")
    with closing(UserData(path)) as again:
        assert again.notice is None


# of version 0.1.0 ---------------------------------------------------------------------------

OLD = Path(__file__).resolve().parents[2] / "made_by_0_1" / "data" / "user.sqlite"


def old_rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as db:
        first = [name for name, table in seals.TABLES.items() if table.since == 1]
        return {table: db.execute(f"SELECT * FROM {table}").fetchall() for table in first}


def test_everything_of_version_0_1_survives_and_is_backed_up_before(tmp_path: Path) -> None:
    path = Path(shutil.copy(OLD, tmp_path / "user.sqlite"))
    then = old_rows(path)
    with closing(UserData(path)) as data:
        assert data.notice is None
        now = data.everything()
    for table, rows in then.items():
        names = {"marks": ("query", "root", "path", "digest", "size", "good", "made")}.get(table)
        spec = seals.TABLES[table]
        names = names or tuple(n for n in spec.columns if n not in {"at_ns", *spec.absent})
        assert sorted(rows) == sorted(tuple(row[name] for name in names) for row in now[table])
        assert rows
    (backup,) = tmp_path.glob("user.sqlite.backup-1-*")
    assert old_rows(backup) == then


SECOND = Path(__file__).with_name("user_data_2.sql")


@pytest.mark.parametrize("damaged", [False, True])
def test_what_the_second_version_wrote_gets_tags_and_an_order_and_keeps_all(
    tmp_path: Path, damaged: bool
) -> None:
    path = tmp_path / "user.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(SECOND.read_text("utf-8"))
        then = {
            (table, *row[:-1])  # but for its sum
            for table, spec in seals.TABLES.items()
            if spec.since < 3
            for row in db.execute(
                f"SELECT {', '.join(spec.columns)}, sum FROM {table}".replace("place", "0")
            )
        }
        if damaged:
            db.execute("UPDATE seals SET count = 7 WHERE name = 'marks'")
            db.commit()
    with closing(UserData(path)) as data:
        assert flat(data) == then
        assert (ALL_BACK in str(data.notice)) == damaged
        tags.change(data, [key("a.png")], ["rain"])
        last = [scenario.name for scenario in data.scenarios()][-1]
        data.place_scenarios({last: 1})
    with closing(UserData(path)) as data:
        assert [one.tag for one in tags.tagged(data)] == ["rain"]
        assert data.scenarios()[0].name == last
        data.place_scenarios({last: 0})
        assert flat(data) > then
    backups = list(tmp_path.glob("user.sqlite.backup-2-*"))
    assert len(backups) == (not damaged)  # a repaired one lies beside it, damaged
    for backup in backups:
        with closing(sqlite3.connect(backup)) as db:
            assert db.execute("SELECT COUNT(*) FROM marks").fetchone() == (4,)


def test_a_file_left_in_wal_mode_where_its_shared_memory_fails_opens(tmp_path: Path) -> None:
    path = Path(shutil.copy(OLD, tmp_path / "user.sqlite"))
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    (tmp_path / "user.sqlite-shm").mkdir()
    with closing(UserData(path)) as data:
        assert len(data.marks()) == 6


def test_rows_of_version_0_1_that_are_of_the_wrong_kind_are_told_and_hide_no_other(
    tmp_path: Path,
) -> None:
    path = Path(shutil.copy(OLD, tmp_path / "user.sqlite"))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE marks SET query = CAST(query AS BLOB) WHERE rowid = 1")
    with closing(UserData(path)) as data:
        assert len(data.marks()) == 5
        assert "could not be read" in str(data.take_notice())


# rights -------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="rights of another kind")
def test_nobody_else_may_read_what_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "new"
    monkeypatch.setenv("C4T_DATA_DIR", str(folder))
    paths.data_dir()
    path = Path(shutil.copy(OLD, folder / "user.sqlite"))
    path.chmod(0o644)
    with closing(UserData()) as data:
        data.mark("snow", [key("a.png")], True)
    emptied(path)
    UserData().close()
    with closing(Catalogue(folder / "catalogue.sqlite")) as catalogue:
        catalogue.roots()
        known = (".lock", ".checked")  # they tell nothing
        files = [file for file in folder.iterdir() if not file.name.endswith(known)]
        assert {file.name: oct(file.stat().st_mode & 0o077) for file in files} == {
            file.name: "0o0" for file in files
        }
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(files) > 5


@pytest.mark.skipif(os.name != "posix", reason="rights of another kind")
def test_a_folder_of_the_users_own_keeps_its_rights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.setenv("C4T_DATA_DIR", str(tmp_path))
    assert paths.data_dir() == tmp_path
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    assert paths.models_dir().stat().st_mode & 0o777 == 0o700
