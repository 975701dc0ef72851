"""What the user made survives everything (fault 7)."""

from __future__ import annotations

import dataclasses
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from c4t_core.errors import CatalogueError, DataError
from c4t_core.files import content_digest
from c4t_core.index.store import tags
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


def test_tags_are_given_taken_and_given_back(user: UserData) -> None:
    def now() -> set[tuple[str, str]]:
        return {(one.tag, one.image.name) for one in tags.tagged(user)}

    frames = [key("a.png"), key("b\udcff.png"), dataclasses.replace(key("c.mp4"), at=1.5)]
    first = tags.change(user, [*frames, frames[0]], [" to  label", "Straße"])
    assert len(first.added) == 6
    assert not tags.change(user, frames, ["TO LABEL"])  # the same tag, as it was first written
    before = now()
    assert before == {(t, f.name) for t in ("to label", "Straße") for f in frames}
    second = tags.change(user, frames[:2], ["new"], ["strasse"])
    assert {one.tag for one in second.added} == {"new"}
    assert now() == before - {("Straße", f.name) for f in frames[:2]} | {
        ("new", f.name) for f in frames[:2]
    }
    given = {one.image.name: one.made for one in tags.tagged(user) if one.tag == "to label"}
    tags.apply(user, second.reverse())
    assert now() == before
    tags.apply(user, second)
    tags.apply(user, second)
    assert ("new", "a.png") in now()
    tags.apply(user, second.reverse())
    tags.apply(user, first.reverse())
    assert now() == set()
    tags.apply(user, first)
    assert {o.image.name: o.made for o in tags.tagged(user) if o.tag == "to label"} == given


@pytest.mark.parametrize("tag", ["", "  ", "a,b", "a\0b", "x" * 101])
def test_what_is_no_tag_changes_nothing(user: UserData, tag: str) -> None:
    with pytest.raises(DataError):
        tags.change(user, [key("a.png")], ["fine", tag])
    with pytest.raises(DataError, match='no tag "rain" here; no frame has a tag'):
        tags.change(user, [key("a.png")], ["fine"], ["rain"])
    assert tags.tagged(user) == []


def test_scenarios_are_kept_replaced_renamed_and_looked_at(user: UserData) -> None:
    user.save_scenario(Scenario("Winter", "snow + truck", {"threshold": 0.3}))
    assert user.scenarios()[0].settings == {"threshold": 0.3}
    assert user.scenarios()[0].checked is None
    user.look_at_scenario("Winter", 12.5)
    assert user.scenarios()[0].checked == 12.5
    user.save_scenario(Scenario("Winter", "snow", {}, cut=0.25, model="c4t", fingerprint="abc"))
    (winter,) = user.scenarios()
    assert (winter.query, winter.checked, winter.cut) == ("snow", 12.5, 0.25)
    user.save_scenario(Scenario("Other", "x"))
    with pytest.raises(DataError, match='a saved search "Other" already'):
        user.rename_scenario("Winter", "Other")
    with pytest.raises(DataError, match='no saved search "absent"; there are "Other", "Winter"'):
        user.rename_scenario("absent", "x")
    user.rename_scenario("Winter", "Ice")
    assert user.scenarios()[0] == dataclasses.replace(winter, name="Ice")
    user.save_scenario(Scenario("a new one", "y"))
    user.place_scenarios({"Other": 1, "Ice": 2})
    assert [s.name for s in user.scenarios()] == ["Other", "Ice", "a new one"]
    user.save_scenario(Scenario("Other", "z"))
    assert [s.place for s in user.scenarios()] == [1, 2, 0]
    user.delete_scenarios(["Ice", "a new one"])
    assert [s.name for s in user.scenarios()] == ["Other"]


def test_a_frame_of_a_recording_is_known_by_its_time(user: UserData) -> None:
    times = (None, 0.0, 12.5, 12.500000001)
    clip = [ImageKey(Path("/drives"), "clip.mp4", at=at) for at in times]
    user.mark("snow", clip, True)
    user.mark("snow", [clip[2]], False)
    marks = user.marks("snow")
    assert {mark.image.at: mark.good for mark in marks} == dict(
        zip(times, (True, True, False, True), strict=True)
    )
    assert {mark.image.name for mark in marks} == {
        "clip.mp4", "clip.mp4#t=0.000", "clip.mp4#t=12.500",
    }  # fmt: skip
    assert {mark.image.path for mark in marks} == {Path("/drives/clip.mp4")}
    user.save_test_set("mine", marks)
    assert user.test_sets() == [("mine", 4)]
    assert {mark.image for mark in user.test_set("mine")} == set(clip)
    user.mark("snow", [clip[0]], None)
    assert len(user.marks()) == 3


def test_one_unreadable_search_hides_no_other(user: UserData) -> None:
    for number in range(3):
        user.save_scenario(Scenario(f"s{number}", "snow", model="c4t", fingerprint="f", cut=0.3))
    with user.writing() as db:
        db.execute("UPDATE scenarios SET settings = '{\"a\": ' WHERE name = 's1'")
    found = user.scenarios()
    assert [scenario.name for scenario in found] == ["s0", "s1", "s2"]
    assert [bool(scenario.problem) for scenario in found] == [False, True, False]
    assert (found[0].model, found[0].fingerprint, found[0].cut) == ("c4t", "f", 0.3)


def test_move_root_follows_folders_at_any_level(user: UserData) -> None:
    def marks_after(old: str, new: str, *keys: ImageKey) -> set[tuple[str, str]]:
        user.mark("q", [mark.image for mark in user.marks()], None)
        user.mark("q", keys, True)
        user.move_root(Path(old), Path(new))
        return {(str(mark.image.root), mark.image.relative) for mark in user.marks()}

    a, b = ImageKey(Path("/d/a"), "x/1.png"), ImageKey(Path("/d/ab"), "x/1.png")
    below = ImageKey(Path("/d"), "a/x/1.png")
    assert marks_after("/d/a", "/e", a, b) == {("/e", "x/1.png"), ("/d/ab", "x/1.png")}
    assert marks_after("/d", "/e/f", a, b) == {("/e/f/a", "x/1.png"), ("/e/f/ab", "x/1.png")}
    assert marks_after("/d/a", "/d/c", below) == {("/d", "c/x/1.png")}
    assert marks_after("/d/a/x", "/e", a) == {("/e", "1.png")}
    assert marks_after("/d/a", "/d/a/b", a, ImageKey(Path("/d/a"), "b/x/1.png")) == {
        ("/d/a/b", "x/1.png"), ("/d/a/b", "b/x/1.png"),
    }  # fmt: skip


@pytest.mark.parametrize("moved_is_newer", [True, False])
def test_of_two_marks_for_one_moved_file_the_newer_is_kept(
    user: UserData, moved_is_newer: bool
) -> None:
    keys = [key("1.png", "/old"), key("1.png", "/new")]
    for image in keys if not moved_is_newer else reversed(keys):
        user.mark("q", [image], image.root == Path("/old"))
    user.move_root(Path("/old"), Path("/new"))
    assert [(mark.image, mark.good) for mark in user.marks()] == [(keys[1], moved_is_newer)]


def test_tags_follow_a_moved_folder_and_files_found_elsewhere(user: UserData) -> None:
    a, b, moved = key("a.png"), key("b.png"), key("x/a.png", "/new")
    tags.change(user, [a, b], ["rain"])
    tags.change(user, [moved], ["rain", "night"])
    tags.follow(user, {a: moved})
    user.move_root(Path("/drives"), Path("/away"))
    assert sorted((one.tag, str(one.image.path)) for one in tags.tagged(user)) == [
        ("night", "/new/x/a.png"), ("rain", "/away/b.png"), ("rain", "/new/x/a.png"),
    ]  # fmt: skip


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
    user.mark("red", [ImageKey.of(hit.root, hit.relative, hit.at)], True)
    user.save_scenario(Scenario("Reds", "red"))
    ws.close()
    for path in data_dir.glob("catalogue.sqlite*"):
        path.unlink()
    again = open_(drive)
    again.index()
    assert user.marks("red")[0].image.path == hit.path
    moved = tmp_path / "moved"
    shutil.move(drive, moved)
    elsewhere = open_(moved)
    elsewhere.index()  # the user did not say that it was moved
    found = locate(user.marks("red")[0].image, elsewhere.files_of_size)
    assert found == moved / hit.relative
    user.move_root(drive, moved)
    assert user.marks("red")[0].image.path == moved / hit.relative
    assert [scenario.name for scenario in user.scenarios()] == ["Reds"]
    user.close()


def test_of_copies_the_one_of_the_same_name_is_found(tmp_path: Path) -> None:
    copies = [tmp_path / name for name in ("x.png", "a.png", "z.png")]
    for path in copies:
        path.write_bytes(b"abc")
    gone = ImageKey(tmp_path / "away", "cam/a.png", *content_digest(copies[0]))
    assert locate(gone, lambda size: copies) == copies[1]


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
    assert [mark.image for mark in again.marks()] == [key("a.png")]  # from the backup
    again.mark("snow", [key("a.png")], False)
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
    version = UserData.VERSION
    monkeypatch.setattr(UserData, "VERSION", version + 1)

    def fails(db: sqlite3.Connection) -> None:
        db.execute("DELETE FROM marks")
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setitem(UserData.MIGRATIONS, version, fails)
    with pytest.raises(CatalogueError, match="full"):
        UserData(path)
    monkeypatch.setitem(
        UserData.MIGRATIONS,
        version,
        lambda db: db.execute("ALTER TABLE marks ADD COLUMN note TEXT"),
    )
    new = UserData(path)
    assert [mark.image.relative for mark in new.marks()] == ["a.png"]
    new.close()
    backups = sorted(tmp_path.glob(f"user.sqlite.backup-{version}-*"))
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
