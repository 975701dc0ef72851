"""What the user made survives everything (fault 7)."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from c4t_core.errors import CatalogueError
from c4t_core.files import content_digest
from c4t_core.index.store.user_data import (
    ImageKey,
    Mark,
    Scenario,
    UserData,
    locate,
)
from c4t_core.workspace import Workspace

Open = Callable[..., Workspace]


@pytest.fixture
def user(tmp_path: Path):  # type: ignore[no-untyped-def]
    data = UserData(tmp_path / "user.sqlite")
    yield data
    data.close()


def key(name: str, root: str = "/drives") -> ImageKey:
    return ImageKey(Path(root), name, "abc", 3)


def test_marks(user: UserData) -> None:
    user.mark("snow", [key("a.png"), key("b\udcff.png")], True)
    user.mark("snow", [key("c.png")], False)
    user.mark("rain", [key("a.png")], False)
    assert [(m.image.relative, m.good) for m in user.marks("snow")] == [
        ("a.png", True),
        ("b\udcff.png", True),
        ("c.png", False),
    ]
    assert user.marks("snow")[0].image.digest == "abc"
    user.mark("snow", [key("a.png")], False)
    user.mark("snow", [key("c.png")], None)
    assert {(m.image.relative, m.good) for m in user.marks("snow")} == {
        ("a.png", False),
        ("b\udcff.png", True),
    }
    assert len(user.marks()) == 3


def test_scenarios_and_new_since_last_time(user: UserData) -> None:
    user.save_scenario(Scenario("Winter", "snow + truck", {"threshold": 0.3}))
    assert user.scenarios()[0].settings == {"threshold": 0.3}
    assert user.scenarios()[0].checked is None
    first = [key("a.png"), key("b.png")]
    assert user.unseen("Winter", first) == first
    user.mark_seen("Winter", first)
    assert user.scenarios()[0].checked
    assert user.unseen("Winter", [*first, key("c.png")]) == [key("c.png")]
    inside = ImageKey(Path("/drives/x"), "d.png")
    user.mark_seen("Winter", [key("x/d.png")])
    assert user.unseen("Winter", [inside]) == []  # one file, opened by a folder inside
    user.save_scenario(Scenario("Winter", "snow", {}))
    assert user.scenarios()[0].query == "snow"
    assert user.unseen("Winter", first) == []
    user.save_scenario(Scenario("Other", "x"))
    user.delete_scenario("Winter")
    assert [s.name for s in user.scenarios()] == ["Other"]
    assert user.unseen("Winter", first) == first


def test_history(user: UserData) -> None:
    for query in ("a", "b", "a"):
        user.remember(query)
    assert user.history() == ["a", "b"]
    assert user.history(1) == ["a"]


def test_test_sets(user: UserData) -> None:
    marks = [Mark("snow", key("a.png"), True), Mark("snow", key("b.png"), False)]
    user.save_test_set("mine", marks)
    assert user.test_sets() == [("mine", 2)]
    assert user.test_set("mine") == marks
    user.save_test_set("mine", marks[:1])
    assert user.test_sets() == [("mine", 1)]
    user.delete_test_set("mine")
    assert user.test_sets() == []


def test_everything_survives_a_rebuilt_catalogue_and_a_moved_folder(
    open_: Open, drive: Path, data_dir: Path, tmp_path: Path
) -> None:
    ws = open_(drive)
    ws.index()
    user = UserData()
    hit = ws.search("red", 1)[0]
    user.mark("red", [ws.key(hit)], True)
    user.save_scenario(Scenario("Reds", "red"))
    user.mark_seen("Reds", [ws.key(h) for h in ws.search("red", 3)])
    ws.close()
    for path in data_dir.glob("catalogue.sqlite*"):
        path.unlink()
    again = open_(drive)
    again.index()
    assert user.marks("red")[0].image.path == hit.path
    assert user.unseen("Reds", [again.key(h) for h in again.search("red", 3)]) == []
    moved = tmp_path / "moved"
    shutil.move(drive, moved)
    elsewhere = open_(moved)
    elsewhere.index()  # the user did not say that it was moved
    found = locate(user.marks("red")[0].image, elsewhere.files_of_size)
    assert found == moved / hit.relative
    user.move_root(drive, moved)
    assert user.marks("red")[0].image.path == moved / hit.relative
    assert user.unseen("Reds", [elsewhere.key(h) for h in elsewhere.search("red", 3)]) == []
    user.close()


def test_absent_images_are_not_found(tmp_path: Path) -> None:
    assert locate(key("a.png"), lambda size: []) is None
    other = tmp_path / "other.png"
    other.write_bytes(b"abc")
    assert locate(key("a.png"), lambda size: [other]) is None
    assert content_digest(tmp_path / "absent") == ("", -1)


def test_damaged_file_is_set_aside_never_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "user.sqlite"
    with_marks = UserData(path)
    with_marks.mark("snow", [key("a.png")], True)
    with_marks.close()
    content = path.read_bytes()
    path.write_bytes(bytes(100) + content[100:])
    again = UserData(path)
    assert again.notice
    assert "marks" in again.notice
    (aside,) = tmp_path.glob("user.sqlite.damaged-*")
    assert aside.read_bytes() == bytes(100) + content[100:]
    assert again.marks() == []
    again.mark("snow", [key("a.png")], True)
    again.close()
    third = UserData(path)
    assert third.notice is None
    assert len(third.marks()) == 1
    third.close()


def test_backed_up_before_a_migration_and_kept_if_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "user.sqlite"
    old = UserData(path)
    old.mark("snow", [key("a.png")], True)
    old.close()
    monkeypatch.setattr(UserData, "VERSION", 2)

    def fails(db: sqlite3.Connection) -> None:
        db.execute("DELETE FROM marks")
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setitem(UserData.MIGRATIONS, 1, fails)
    with pytest.raises(CatalogueError, match="full"):
        UserData(path)
    monkeypatch.setitem(
        UserData.MIGRATIONS, 1, lambda db: db.execute("ALTER TABLE marks ADD COLUMN note TEXT")
    )
    new = UserData(path)
    assert [mark.image.relative for mark in new.marks()] == ["a.png"]
    new.close()
    backups = sorted(tmp_path.glob("user.sqlite.backup-1-*"))
    assert backups
    kept = sqlite3.connect(backups[0])
    assert kept.execute("SELECT COUNT(*) FROM marks").fetchone() == (1,)
    kept.close()


def test_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "user.sqlite"
    UserData(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.commit()
    db.close()
    with pytest.raises(CatalogueError, match="newer version"):
        UserData(path)
