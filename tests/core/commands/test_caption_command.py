"""``c4t caption`` from end to end, on data sets drawn here."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from c4t_core.commands import caption
from c4t_core.datasets.pairs import read_pairs
from c4t_core.errors import DataError


def _run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    caption.add_arguments(parser)
    args = parser.parse_args(list(map(str, arguments)))
    return caption.run(args)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two A2D2 frames of two drives, one label without its frame."""
    root = tmp_path / "a2d2"
    (root / "images").mkdir(parents=True)
    (root / "labels").mkdir()
    picture = np.zeros((10, 20, 3), dtype=np.uint8)
    picture[:5] = (135, 206, 255)
    picture[5:] = (255, 0, 255)
    picture[6:8, :4] = (255, 0, 0)
    for number, stamp in enumerate(("20180807145028", "20180810142822", "20181107132730")):
        label = root / "labels" / f"{stamp}_label_frontcenter_00000000{number}.png"
        Image.fromarray(picture).save(label)
        if number < 2:
            image = root / "images" / f"{stamp}_camera_frontcenter_00000000{number}.png"
            Image.new("RGB", (20, 10)).save(image)
    classes = {"#ff0000": "Car 1", "#87ceff": "Sky", "#ff00ff": "RD normal street"}
    (root / "class_list.json").write_text(json.dumps(classes), encoding="utf-8")
    return root


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_keywords_of_a2d2(source: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "new" / "pairs.csv"
    assert _run("a2d2", source, "-o", out, "--style", "keywords") == 0
    image = "images/20180807145028_camera_frontcenter_000000000.png"
    rows = _rows(out)
    assert rows[0] == ["image", "caption", "drive"]
    assert rows[1:3] == [
        [image, "Sky, RD normal street, Car 1", "20180807145028"],
        [image, "Car 1", "20180807145028"],
    ]
    assert len(rows) == 5
    said = capsys.readouterr()
    assert "4 captions of 2 images" in said.out
    assert str(source) in said.out
    assert "20181107132730_label_frontcenter_000000002.png: this label has no image" in said.err
    assert read_pairs(out, source).drives == 2


def test_the_report_as_json_and_the_scenes_beside(source: Path, tmp_path: Path, capsys) -> None:
    out, scenes, plot = tmp_path / "p.csv", tmp_path / "s.jsonl", tmp_path / "plots" / "p.png"
    options = ("--json", "--scenes", scenes, "--plot", plot, "--seed", 3, "--per-image", 2)
    assert _run("a2d2", source, "-o", out, *options) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["images"], report["captions"]) == (2, 8)
    assert report["images_root"] == str(source)
    assert report["problems"][0]["message"] == "this label has no image"
    table = {row["name"]: row for row in report["classes"]}
    assert table["Car 1"] == {"name": "Car 1", "images": 2, "objects": 0, "mean_share": 0.04}
    with Image.open(plot) as drawn:
        assert drawn.width > 500
    again = tmp_path / "again.csv"
    # scenes keep what the labels said, so captions come out the same without the labels
    assert _run("scenes", scenes, "-o", again, "--seed", 3, "--per-image", 2) == 0
    assert again.read_text(encoding="utf-8") == out.read_text(encoding="utf-8")


def test_what_was_left_out_is_said_once_with_its_number(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    label = next((source / "labels").iterdir())
    for number in range(40):
        stamp = f"2019010112{number:02d}00"
        copy = label.with_name(f"{stamp}_label_frontcenter_000000009.png")
        copy.write_bytes(label.read_bytes())
    (source / "labels" / "20190101120000_label_frontcenter_000000010.png").touch()
    (source / "images" / "20190101120000_camera_frontcenter_000000010.png").touch()
    _run("a2d2", source, "-o", tmp_path / "p.csv")
    said = capsys.readouterr()
    assert said.err.count("this label has no image") == 1
    assert "this label has no image (and 40 more like it)" in said.err
    assert "this label is left out: an empty file" in said.err
    assert "Problems: 42; see above." in said.out
    _run("a2d2", source, "-o", tmp_path / "p.csv", "--json")
    assert len(json.loads(capsys.readouterr().out)["problems"]) == 42


def test_seeds_and_least_shares(source: Path, tmp_path: Path) -> None:
    def made(*options: object) -> list[list[str]]:
        assert _run("a2d2", source, "-o", tmp_path / "p.csv", *options) == 0
        return _rows(tmp_path / "p.csv")

    assert made("--seed", 1) == made("--seed", 1) != made("--seed", 2)
    assert not any("ar" in row[1] for row in made("--min-share", 0.1, "--style", "keywords")[1:])


def test_splits_of_the_data_are_kept(tmp_path: Path) -> None:
    scenes = tmp_path / "s.jsonl"
    rows = [{"image": f"{n}.png", "weather": "fog", "split": "val", "group": n} for n in range(2)]
    scenes.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    _run("scenes", scenes, "-o", tmp_path / "p.csv", "--style", "keywords")
    assert _rows(tmp_path / "p.csv") == [
        ["image", "caption", "drive", "split"],
        ["0.png", "fog", "group-0", "val"],
        ["1.png", "fog", "group-1", "val"],
    ]


def test_nothing_to_say_writes_nothing(tmp_path: Path, source: Path, capsys) -> None:
    scenes = tmp_path / "s.jsonl"
    scenes.write_text('{"image": "a.png"}\n{broken\n', encoding="utf-8")
    with pytest.raises(DataError, match="no image of .* got a caption"):
        _run("scenes", scenes, "-o", tmp_path / "p.csv")
    assert f"{scenes}:2: " in capsys.readouterr().err
    with pytest.raises(DataError, match="not there"):
        _run("coco", tmp_path / "nowhere", "-o", tmp_path / "p.csv")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be written"):
        _run("a2d2", source, "-o", tmp_path / "file" / "p.csv")
    with pytest.raises(DataError, match="plot"):
        _run("a2d2", source, "-o", tmp_path / "q.csv", "--plot", tmp_path / "file" / "p.png")
    assert not list(tmp_path.glob(".*.part"))
    assert not (tmp_path / "p.csv").exists()


@pytest.mark.parametrize(
    "options", [("--min-share", "2"), ("--per-image", "0"), ("--style", "poem"), ("--seed", "x")]
)
def test_wrong_usage_exits_2(
    source: Path, tmp_path: Path, options: tuple[str, str], capsys
) -> None:
    with pytest.raises(SystemExit) as caught:
        _run("a2d2", source, "-o", tmp_path / "p.csv", *options)
    assert caught.value.code == 2
    assert options[0] in capsys.readouterr().err


def test_the_sample_drive_is_read(tmp_path: Path, capsys) -> None:
    from c4t_core.paths import resource

    root = resource("sample", "drives")
    assert _run("a2d2", root, "-o", tmp_path / "p.csv", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    found = read_pairs(tmp_path / "p.csv", root)
    assert report["problems"] == found.problems == []
    assert found.images == report["images"] >= 20
    assert found.drives > 1


def test_real_a2d2(drive_data: Path, tmp_path: Path, capsys) -> None:
    assert _run("a2d2", drive_data / "a2d2", "-o", tmp_path / "p.csv", "--style", "keywords") == 0
    rows = _rows(tmp_path / "p.csv")
    assert rows[1][1] == (
        "Nature object, Sky, RD normal street, Car 1, Sidewalk, Buildings, Curbstone, Poles, "
        "Driving instructions, Car 3"
    )
    assert rows[2][1] == "Car 1, Sidewalk, Curbstone, Poles, Driving instructions, Car 3"
    assert len({row[2] for row in rows[1:]}) == 5
