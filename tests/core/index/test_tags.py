"""Tags of frames in a real catalogue: counted, searched, following their files."""

from __future__ import annotations

import csv
import json
import os
import pickle
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from c4t_core import workspace as facade
from c4t_core.cli import main
from c4t_core.errors import DataError, QueryError
from c4t_core.index.exports import Provenance, write_csv, write_jsonl
from c4t_core.index.query import Filters, plain_filters, saved_filters
from c4t_core.index.store import tags
from c4t_core.index.store.user_data import ImageKey, Scenario, UserData
from c4t_core.workspace import Workspace
from tests.helpers.toy_model import COLOURS, ToyModel, save_picture

Open = Callable[..., Workspace]
RAIN, NIGHT = "rain", "to label"


@pytest.fixture
def ws(open_: Open, drive: Path) -> Workspace:
    workspace = open_(drive)
    workspace.index()
    return workspace


def pictures(folder: Path, part: str) -> set[Path]:
    """Find frames without the product: by their names on the disk."""
    return {path for path in folder.rglob("drive*/*.png") if part in path.name}


def found(ws: Workspace, *tags: str, marked: str = "", **more) -> set[Path]:
    filters = Filters(tags=tags, marked=marked, **more)
    return {hit.path for hit in ws.search("red", None, filters=filters)}


def rows(data: UserData) -> dict[str, list[str]]:
    return {table: sorted(map(repr, rows)) for table, rows in data.everything().items()}


def mark(hits: list[Path], drive: Path, query: str, good: bool) -> None:
    with closing(UserData()) as data:
        keys = [ImageKey.of(drive, path.relative_to(drive).as_posix()) for path in hits]
        data.mark(query, keys, good)


def test_frames_are_found_by_all_of_their_tags_and_counted(ws: Workspace, drive: Path) -> None:
    first, second = pictures(drive, "_000001"), pictures(drive, "red")
    change = ws.own.tag(first, [RAIN])
    ws.own.tag(second, [NIGHT, "RAIN"])
    assert ws.own.tags() == [(RAIN, len(first | second)), (NIGHT, len(second))]
    assert found(ws, RAIN) == first | second
    assert found(ws, RAIN, "To Label") == second
    assert found(ws, NIGHT, within=("drive0",)) == {p for p in second if "drive0" in str(p)}
    (one, *others) = sorted(first)
    alike = ws.similar(one, None, filters=Filters(tags=(RAIN,)))
    assert {hit.path for hit in alike} == second.union(others) - {one}
    assert ws.answer("red", filters=Filters(tags=(NIGHT,))).scope.filters.tags == (NIGHT,)
    with pytest.raises(QueryError, match=r'no tag "snow" here; there are: rain, to label\.'):
        found(ws, "snow")
    ws.own.apply(change.reverse())
    assert found(ws, RAIN) == second - first  # as if it had never been
    ws.own.apply(change)
    assert found(ws, RAIN) == first | second


def test_frames_are_found_by_the_marks_of_the_query_asked(ws: Workspace, drive: Path) -> None:
    red, blue = sorted(pictures(drive, "red")), sorted(pictures(drive, "blue"))
    mark(red, drive, "red", True)
    mark(blue[:1], drive, "red", False)
    mark(blue, drive, "blue", True)
    assert found(ws, marked="right") == set(red)
    assert found(ws, marked="wrong") == set(blue[:1])
    assert found(ws, marked="any") == {*red, blue[0]}
    ws.own.tag(red[:2], [RAIN])
    assert found(ws, RAIN, marked="any") == set(red[:2])
    with pytest.raises(QueryError, match="right, wrong or any"):
        found(ws, marked="good")
    assert set(ws.own.marks()) == set(ws.own.ids([*red, *blue]))


def test_tags_stay_with_files_that_are_renamed_and_moved(
    open_: Open, ws: Workspace, drive: Path, tmp_path: Path
) -> None:
    ws.own.tag(pictures(drive, "_000001"), [RAIN])
    for path in pictures(drive, "red"):
        path.rename(path.with_name(f"x{path.name}"))
    (drive / "drive1").rename(drive / "drive9")
    ws.index()
    expected = pictures(drive, "_000001")
    assert any(path.name.startswith("xred") for path in expected)
    assert any("drive9" in str(path) for path in expected)
    assert found(ws, RAIN) == expected
    ws.close()
    moved = tmp_path / "moved"
    shutil.move(drive, moved)
    elsewhere = open_(moved)
    elsewhere.index()  # nobody said that it was moved
    assert found(elsewhere, RAIN) == pictures(moved, "_000001")
    with closing(UserData()) as data:  # and from now on they are known to be here
        assert {one.image.path for one in tags.tagged(data)} == pictures(moved, "_000001")
    inside = open_(moved / "drive2")
    assert found(inside, RAIN) == {p for p in pictures(moved, "_000001") if "drive2" in str(p)}
    assert inside.own.tags() == [(RAIN, 2)]


def test_tags_outlive_a_forgotten_folder_and_a_lost_catalogue(
    open_: Open, ws: Workspace, drive: Path, data_dir: Path
) -> None:
    ws.own.tag(pictures(drive, "red"), [RAIN])
    ws.forget(drive)
    assert ws.own.tags() == []
    ws.index()
    assert found(ws, RAIN) == pictures(drive, "red")
    ws.close()
    for path in data_dir.glob("catalogue.sqlite*"):
        path.unlink()
    again = open_(drive)
    again.index()
    assert found(again, RAIN) == pictures(drive, "red")


def test_what_another_program_tags_is_seen_at_once(open_: Open, ws: Workspace, drive: Path) -> None:
    other = open_(drive)
    for name in ("red", "blue"):
        ws.own.tag(pictures(drive, name), [RAIN])
        assert found(other, RAIN) == found(ws, RAIN)
    assert len(found(other, RAIN)) == 6


def test_exports_tell_mark_tags_and_event(ws: Workspace, drive: Path, tmp_path: Path) -> None:
    red = sorted(pictures(drive, "red"))
    ws.own.tag(red[:2], [RAIN, NIGHT])
    mark(red[:1], drive, "red", True)
    mark(red[2:], drive, "red", False)
    hits = ws.search("red", 6)
    noted = ws.noted([hit.image_id for hit in hits], "red")
    events = {hit.path: n for n, one in enumerate(ws.events(hits), 1) for hit in one.hits}
    assert len(set(events.values())) < len(hits)  # something is folded
    tagged = [*noted.tags]
    assert ws.noted(tagged[:1]).tags == {tagged[0]: noted.tags[tagged[0]]}
    where = Provenance("toy", ws.model_fingerprint, "red")
    write_csv(hits, where, tmp_path / "hits.csv", noted=noted)
    write_jsonl(hits, where, tmp_path / "hits.jsonl", noted=noted)
    with (tmp_path / "hits.csv").open(encoding="utf-8", newline="") as lines:
        rows = {Path(row["path"]): row for row in csv.DictReader(lines)}
    assert {path: int(row["event"]) for path, row in rows.items()} == events
    assert [rows[path]["mark"] for path in red] == ["right", "", "wrong"]
    assert [rows[path]["tags"] for path in red] == ["rain, to label", "rain, to label", ""]
    plain = [json.loads(line) for line in (tmp_path / "hits.jsonl").read_text().splitlines()]
    told = {Path(row["path"]): (row["mark"], row["tags"], row["event"]) for row in plain}
    assert told[red[0]] == ("right", [RAIN, NIGHT], events[red[0]])
    assert told[red[2]][:2] == ("wrong", [])
    pytest.importorskip("pandas")
    table = hits[:6].to_pandas().set_index("path")
    assert table["event"].to_dict() == {str(path): number for path, number in events.items()}
    assert table["mark"].to_dict() == {str(path): row["mark"] for path, row in rows.items()}
    assert table["tags"].to_dict() == {str(path): row["tags"] for path, row in rows.items()}
    ws.close()
    assert hits.to_pandas()["tags"].isna().all()
    assert pickle.loads(pickle.dumps(hits)) == hits


def test_saved_searches_keep_tags() -> None:
    filters = Filters(tags=(RAIN, NIGHT), cameras=("front",))
    assert saved_filters({"filters": plain_filters(filters)}) == (filters, "", False)
    assert "tags" not in plain_filters(Filters())  # earlier versions refuse what they do not know


def test_the_command_gives_takes_lists_and_searches(
    ws: Workspace,
    model: ToyModel,
    drive: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def asked(*words: str, code: int = 0) -> tuple[str, str]:
        assert main([*words]) == code
        return capsys.readouterr()

    opened = facade.open_workspace
    monkeypatch.setattr(
        facade, "open_workspace", lambda folder, model, **more: opened(folder, toy, **more)
    )
    toy = model
    red = sorted(map(str, pictures(drive, "red")))
    assert "No frame has a tag" in asked("tag", str(drive)).err
    out = asked("tag", str(drive), *red, "drive2/blue_000000.png", "--add", RAIN, "--add", "night")
    assert out.out == "8 tags given, 0 tags taken away.\n"
    monkeypatch.chdir(drive / "drive0")
    told = json.loads(asked("tag", str(drive), "red_000001.png", "--remove", "Night", "--json").out)
    assert told == {"added": 0, "removed": 1}
    assert asked("tag", str(drive)).out == "night: 3 frames\nrain: 4 frames\n"
    listed = json.loads(asked("tag", str(drive / "drive0"), "--json").out)
    assert listed == [{"tag": "night", "frames": 2}, {"tag": RAIN, "frames": 3}]
    assert asked("tag", str(drive), red[1]).out == f"{red[1]}: rain\n"
    found = json.loads(asked("search", str(drive), "red", "--tag", RAIN, "--json").out)
    assert sorted(hit["path"] for hit in found if "red" in hit["path"]) == red
    assert len(found) == 4
    assert [hit["tags"] for hit in found if hit["path"] == red[1]] == [[RAIN]]
    mark([Path(red[2])], drive, "red", False)
    lines = asked("search", str(drive), "red", "--tag", RAIN, "--tag", "night",
                  "--marked", "wrong").out  # fmt: skip
    assert lines.split()[1:] == [os.path.relpath(red[2])]
    assert (
        'no tag "snow" here; there are: night, rain.'
        in asked("search", str(drive), "red", "--tag", "snow", code=1).err
    )
    assert (
        "there are: night, rain"
        in asked("tag", str(drive), red[0], "--add", "new", "--remove", "snow", code=1).err
    )
    assert (
        "is no frame of the index"
        in asked("tag", str(drive), red[0], "other.png", "--add", "new", code=1).err
    )
    assert "new" not in asked("tag", str(drive)).out
    with pytest.raises(SystemExit, match="2"):
        main(["tag", str(drive), "--add", "new"])


def test_a_tag_is_renamed_everywhere_joined_and_renamed_back(
    ws: Workspace, drive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    red, blue = pictures(drive, "red"), pictures(drive, "blue")
    ws.own.tag(red, ["Regen"])
    ws.own.tag({*sorted(blue)[:1], *sorted(red)[:1]}, [RAIN])
    with closing(UserData()) as data:
        elsewhere = ImageKey(drive.parent / "closed", "a.png", "", 0)
        tags.change(data, [elsewhere], ["Regen"])
        filters = plain_filters(Filters(tags=("regen", NIGHT, RAIN), drives=("red",)))
        data.save_scenario(Scenario("wet", "red", {"filters": filters, "refine": True}))
        data.save_scenario(Scenario("dry", "red", {"filters": plain_filters(Filters())}))
        before = rows(data)
        with pytest.raises(DataError, match=r'no tag "snow" here; there are: rain, Regen\.'):
            tags.rename(data, "snow", "ice")
        with pytest.raises(DataError, match="commas"):
            tags.rename(data, "regen", "a, b")
        assert rows(data) == before
        done = tags.rename(data, "REGEN", "Rain")
        assert (done.tag, done.frames, done.joined) == (RAIN, 4, 2)
        assert {(one.tag, one.image) for one in tags.tagged(data)} == {
            (RAIN, image)
            for image in (elsewhere, *ws.own.keys(red), *ws.own.keys(sorted(blue)[:1]))
        }
        kept = {one.name: saved_filters(one.settings)[0] for one in data.scenarios()}
        assert kept["wet"] == Filters(tags=(RAIN, NIGHT), drives=("red",))
        assert kept["dry"] == Filters()
        tags.apply(data, done.change.reverse())
        assert rows(data) == before
        tags.apply(data, done.change)
        assert {one.tag for one in tags.tagged(data)} == {RAIN}
    assert found(ws, RAIN) == red | set(sorted(blue)[:1])
    assert main(["tag", "--rename", "rain", "RAIN", "--json"]) == 0  # only its letters
    told = json.loads(capsys.readouterr().out)
    assert told == {"tag": "RAIN", "frames": 5, "joined": 0, "scenarios": 1}
    assert ws.own.tags() == [("RAIN", 4)]
    ws.own.tag(sorted(blue)[1:2], ["snow"])
    assert main(["tag", "--rename", "rain", "Snow"]) == 0
    said = capsys.readouterr()
    assert said.out == '"rain" is "snow" now, on 5 frames, and in 1 saved search.\n'
    assert said.err == '1 frame had "snow" before; the two tags are one now.\n'
    for wrong in (["tag", "--rename", "snow", "ice", "--add", "x"], ["tag", "--add", "x"], ["tag"]):
        with pytest.raises(SystemExit) as stopped:
            main(wrong)
        assert stopped.value.code == 2


def test_a_word_that_is_no_tag_is_told(ws: Workspace, drive: Path) -> None:
    save_picture(drive / "drive0" / "late.png", COLOURS["red"])
    with pytest.raises(DataError, match=r"late\.png\" is no frame of the index"):
        ws.own.tag([drive / "drive0" / "late.png"], [RAIN])
    with pytest.raises(DataError, match="commas"):
        ws.own.tag(pictures(drive, "red"), ["a,b"])
    assert ws.own.tags() == []
