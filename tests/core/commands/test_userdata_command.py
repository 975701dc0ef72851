"""``c4t userdata``: out to plain text and back, whole or not at all."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from c4t_core.cli import main
from c4t_core.datasets.pairs import read_pairs
from c4t_core.index.own import pairs_of_marks
from c4t_core.index.store import tags
from c4t_core.index.store.user_data import ImageKey, Mark, Scenario, UserData


def key(name: str, at: float | None = None) -> ImageKey:
    return ImageKey(Path("/drives"), name, "abc", 3, at)


@pytest.fixture
def filled() -> None:
    with closing(UserData()) as data:
        fill(data)


def fill(data: UserData) -> None:
    names = ["a.png", "b\udcff.png", "ü.png", "x#t=1.500", 'q"\n.png']
    data.mark("snow", [key(name) for name in names], True)
    data.mark("snow", [key("clip.mp4", 12.5), key("clip.mp4", 12.500000001)], False)
    settings = {"filters": {"within": ["a"], "drive": None}, "refine": True}
    data.save_scenario(Scenario("Winter", "snow - rain", settings, cut=0.1 + 0.2))
    data.save_scenario(Scenario("Broken", "rain"))
    with data.writing() as db:
        db.execute("UPDATE scenarios SET settings = '{\"a\": ' WHERE name = 'Broken'")
    data.look_at_scenario("Winter", 12.5)
    data.remember("snow")
    data.save_test_set("first", data.marks())
    tags.change(data, [key("ü.png"), key("clip.mp4", 12.5)], ["to label", "Schnee"])


def test_marks_are_written_as_pairs(tmp_path, capsys):
    images = tmp_path / "images"
    names = ["trip/cam_front/0001.jpg", "a/snowy/0002.jpg", "b/snowy/0003.jpg", "clip.mp4"]
    for name in names:
        (images / name).parent.mkdir(parents=True, exist_ok=True)
        (images / name).touch()
    keys = [ImageKey(images, name) for name in names]
    with closing(UserData()) as data:
        data.mark("a car", keys[:2], True)
        data.mark("a car", keys[2:3], False)
        data.mark("a + lorry", keys[1:2], True)
        data.mark("fog", keys[:1], False)
        data.mark("fog", [ImageKey(images, "clip.mp4", at=2.0), ImageKey(images, "gone.jpg")], True)
        data.mark("a car - a bus", keys[:1], True)
    file = tmp_path / "pairs.csv"
    assert main(["userdata", "pairs", str(file), "--json"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    counts = {name: told[name] for name in ("right", "images", "wrong", "idle", "missing")}
    assert counts == {"right": 3, "images": 2, "wrong": 1, "idle": 1, "missing": 2}
    assert told["no_caption"] == ["a car - a bus"]
    assert told["root"] == str(images)
    for said in ('"a car - a bus" is no caption', "1 of your marks say wrong", "2 of your marks"):
        assert said in err
    assert sorted(file.read_text().splitlines()[1:]) == [
        "a/snowy/0002.jpg,a car,a/snowy,1",
        "a/snowy/0002.jpg,a lorry,a/snowy,1",
        "b/snowy/0003.jpg,a car,b/snowy,0",
        "trip/cam_front/0001.jpg,a car,trip,1",
    ]
    found = read_pairs(file, images)
    assert (len(found.pairs), len(found.wrong), found.problems) == (3, 1, [])


def test_no_right_mark_makes_no_file_of_pairs(tmp_path, capsys):
    with closing(UserData()) as data:
        data.mark("fog", [ImageKey(tmp_path, "a.jpg")], False)
    assert main(["userdata", "pairs", str(tmp_path / "pairs.csv")]) == 1
    assert "mark some hits with R first" in capsys.readouterr().err
    assert not (tmp_path / "pairs.csv").exists()


def test_drives_of_marked_frames_are_what_the_index_knows(tmp_path):
    for name in ("trip/0001.jpg", "trip/beach.jpg", "trip/sea.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    marks = [
        Mark("a car", ImageKey(tmp_path, f"trip/{name}.jpg"), True)
        for name in ("0001", "beach", "sea")
    ]
    known = {tmp_path / "trip" / "beach.jpg": (tmp_path / "trip").as_posix()}.get
    assert pairs_of_marks(tmp_path / "p.csv", marks, drive_of=known).root == tmp_path / "trip"
    drives = [line.split(",")[2] for line in (tmp_path / "p.csv").read_text().splitlines()[1:]]
    assert drives == ["trip", "trip", ""]  # of a photograph nothing is known


def everything() -> dict[str, list[object]]:
    with closing(UserData()) as data:
        return {
            table: sorted(rows, key=lambda row: str(tuple(row.values())))
            for table, rows in data.everything().items()
        }


def exported(tmp_path: Path) -> Path:
    file = tmp_path / "out.jsonl"
    assert main(["userdata", "export", str(file)]) == 0
    return file


def test_nothing_is_exported_with_exit_0(tmp_path, capsys):
    file = tmp_path / "out.jsonl"
    assert main(["userdata", "export", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["marks"] == told["searches"] == 0
    assert told["file"] == str(file)
    assert main(["userdata", "import", str(file)]) == 0


@pytest.mark.usefixtures("filled")
def test_what_is_exported_comes_back_equal_byte_for_byte(tmp_path, monkeypatch, capsys):
    made, file = everything(), exported(tmp_path)
    assert (
        "7 marks, 4 tags, 2 saved searches, 1 test set, 1 earlier query" in capsys.readouterr().out
    )
    monkeypatch.setenv("C4T_DATA_DIR", str(tmp_path / "elsewhere"))
    assert main(["userdata", "import", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["marks"], told["searches"], told["backup"]) == (7, 2, None)
    assert everything() == made
    again = exported(tmp_path / "again")
    assert again.read_bytes() == file.read_bytes()
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    images = {line["image"] for line in lines if line.get("kind") == "mark"}
    assert {"clip.mp4#t=12.500", "x#t=1.500", "b\udcff.png"} <= images


@pytest.mark.usefixtures("filled")
def test_the_standard_streams_serve_as_files(tmp_path, monkeypatch, capfdbinary):
    made = everything()
    assert main(["userdata", "export", "-"]) == 0
    content = capfdbinary.readouterr().out
    monkeypatch.setenv("C4T_DATA_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert main(["userdata", "import", "-"]) == 0
    assert everything() == made


def cut_short(lines: list[str]) -> int:
    lines[2] = lines[2][:-10]
    return 3


def of_another_kind(lines: list[str]) -> int:
    lines.insert(4, '{"kind": "colour"}')
    return 5


def of_the_wrong_type(lines: list[str]) -> int:
    lines[1] = lines[1].replace('"made": ', '"made": "x')[:-1] + '"}'
    return 2


def with_an_unknown_field(lines: list[str]) -> int:
    lines[3] = lines[3][:-1] + ', "colour": 1}'
    return 4


def not_finite(lines: list[str]) -> int:
    line = json.loads(lines[1])
    lines[1] = json.dumps({**line, "made": float("nan")})
    return 2


def from_the_future(lines: list[str]) -> int:
    lines[0] = lines[0].replace('"format": 1', '"format": 2')
    return 1


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("merge", [[], ["--merge"]])
@pytest.mark.parametrize(
    "spoil",
    [cut_short, of_another_kind, of_the_wrong_type, with_an_unknown_field, not_finite,
     from_the_future],
)  # fmt: skip
def test_a_broken_line_is_named_and_nothing_is_half_imported(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[list[str]], int],
    merge: list[str],
) -> None:
    file = exported(tmp_path)
    lines = file.read_text("utf-8", "surrogateescape").splitlines()
    number = spoil(lines)
    file.write_text("\n".join(lines), "utf-8")
    with closing(UserData()) as data:
        data.mark("other", [key("o.png")], True)
    made = everything()
    assert main(["userdata", "import", str(file), *merge]) == 1
    assert f"out.jsonl:{number} " in capsys.readouterr().err
    assert everything() == made


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("lines", [-1, 1])
def test_a_file_that_broke_off_is_refused(tmp_path, capsys, lines):
    file = exported(tmp_path)
    content = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(content[:lines]))
    made = everything()
    assert main(["userdata", "import", str(file)]) == 1
    assert "should hold" in capsys.readouterr().err
    file.write_bytes(b"")
    assert main(["userdata", "import", str(file)]) == 1
    assert "holds no user data" in capsys.readouterr().err
    assert everything() == made


@pytest.mark.usefixtures("filled")
def test_replacing_keeps_what_was_there_and_says_where(tmp_path, monkeypatch, capsys):
    file = exported(tmp_path)
    with closing(UserData()) as data:
        data.mark("other", [key("o.png")], True)
    made = everything()
    assert main(["userdata", "import", str(file)]) == 0
    (kept,) = Path(os.environ["C4T_DATA_DIR"]).glob("user.sqlite.backup-3-*")
    assert kept.name in capsys.readouterr().err
    assert len(everything()["marks"]) == 7
    monkeypatch.setenv("C4T_DATA_DIR", str(tmp_path / "elsewhere"))
    (tmp_path / "elsewhere").mkdir()
    kept.rename(tmp_path / "elsewhere" / kept.name)
    assert everything() == made


def test_of_two_the_later_wins_and_merging_twice_changes_nothing(tmp_path, monkeypatch):
    with closing(UserData()) as data:
        data.mark("snow", [key("a.png"), key("b.png")], True)
        data.save_scenario(Scenario("Winter", "snow", made=1.0))
        data.save_test_set("first", data.marks())
        tags.change(data, [key("a.png")], ["Rain"])
    file = exported(tmp_path)
    monkeypatch.setenv("C4T_DATA_DIR", str(tmp_path / "elsewhere"))
    with closing(UserData()) as data:
        data.mark("snow", [key("b.png")], False)  # later
        data.save_scenario(Scenario("Winter", "rain", made=2.0))
        data.save_scenario(Scenario("Own", "night"))
        tags.change(data, [key("b.png")], ["rain", "own"])
        data.save_test_set("first", data.marks())
    states = []
    for _ in range(2):
        assert main(["userdata", "import", str(file), "--merge"]) == 0
        with closing(UserData()) as data:
            marks = {mark.image.relative: mark.good for mark in data.marks()}
            assert marks == {"a.png": True, "b.png": False}
            found = {scenario.name: scenario.query for scenario in data.scenarios()}
            assert found == {"Winter": "rain", "Own": "night"}
            assert [mark.good for mark in data.test_set("first")] == [False]
            given = {(one.tag, one.image.relative) for one in tags.tagged(data)}
            assert given == {("rain", "a.png"), ("rain", "b.png"), ("own", "b.png")}
        states.append(everything())
    assert states[0] == states[1]


@pytest.mark.usefixtures("filled")
def test_a_damaged_file_is_repaired_and_stderr_says_so(data_dir, capsys):
    made = everything()
    (data_dir / "user.sqlite").write_bytes(b"")
    assert main(["userdata", "export", "-"]) == 0
    told = capsys.readouterr().err
    assert "was empty" in told
    assert "backup of" in told
    assert main(["userdata", "export", "-"]) == 0
    assert capsys.readouterr().err == ""
    assert everything() == made
