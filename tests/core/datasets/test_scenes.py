"""The one form of all annotations, and its file."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from c4t_core.datasets.scene import Problem, Scene, Thing, scene_from_dict, scene_to_dict
from c4t_core.datasets.scenes import load_scenes, read_scenes
from c4t_core.errors import DataError
from c4t_core.files import atomic_text

_unit = st.floats(0, 1, allow_nan=False)
_name = st.text(min_size=1, max_size=12)
_maybe = st.none() | _name


@st.composite
def _boxes(draw: st.DrawFn) -> tuple[float, float, float, float]:
    x0, x1 = sorted(draw(st.lists(_unit, min_size=2, max_size=2, unique=True)))
    y0, y1 = sorted(draw(st.lists(_unit, min_size=2, max_size=2, unique=True)))
    return x0, y0, x1, y1


_things = st.builds(
    Thing,
    label=_name,
    box=st.none() | _boxes(),
    distance=st.none() | st.floats(-5, 500),
    share=st.none() | _unit,
    instance=_maybe,
)
_scenes = st.builds(
    Scene,
    image=_name,
    things=st.lists(_things, max_size=4).map(tuple),
    shares=st.dictionaries(_name, _unit, max_size=4),
    counts=st.dictionaries(_name, st.integers(0, 99), max_size=4),
    weather=_maybe,
    time_of_day=_maybe,
    road=_maybe,
    place=_maybe,
    drive=_maybe,
    group=_maybe,
    split=_maybe,
    source=st.text(max_size=8),
)


@given(_scenes)
def test_a_scene_survives_json(scene: Scene) -> None:
    assert scene_from_dict(json.loads(json.dumps(scene_to_dict(scene)))) == scene


def _write(path: Path, scenes: list[Scene]) -> None:
    with atomic_text(path) as out:
        out.writelines(
            json.dumps(scene_to_dict(scene), ensure_ascii=False) + "\n" for scene in scenes
        )


@given(st.lists(_scenes, max_size=4, unique_by=lambda scene: scene.image))
def test_scenes_survive_a_file(
    tmp_path_factory: pytest.TempPathFactory, scenes: list[Scene]
) -> None:
    path = tmp_path_factory.mktemp("scenes") / "s.jsonl"
    _write(path, scenes)
    assert list(load_scenes(path)) == scenes


def test_a_second_line_about_an_image_is_left_out_and_said(tmp_path: Path) -> None:
    scenes = [Scene("a.png", weather="fog"), Scene("b.png"), Scene("a.png", counts={"car": 1})]
    _write(tmp_path / "s.jsonl", scenes)
    problems: list[Problem] = []
    assert list(load_scenes(tmp_path / "s.jsonl", problems)) == scenes[:2]
    said = "left out: 1 scene of an image that had one before (a.png)"
    assert problems == [Problem(None, said, tmp_path / "s.jsonl")]


def test_scenes_that_gzip_packed_are_read(tmp_path: Path) -> None:
    _write(tmp_path / "s.jsonl", [Scene("a.png", weather="fog")])
    packed = tmp_path / "s.jsonl.gz"
    packed.write_bytes(gzip.compress((tmp_path / "s.jsonl").read_bytes()))
    assert list(load_scenes(packed)) == [Scene("a.png", weather="fog")]


def test_a_name_with_undecodable_bytes_survives(tmp_path: Path) -> None:
    scene = Scene("frame\udcff.png", weather="fog")
    _write(tmp_path / "s.jsonl", [scene])
    assert list(load_scenes(tmp_path / "s.jsonl")) == [scene]


def test_bad_lines_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(
        '{"image": "a.png", "weather": "fog"}\n'
        "{broken\n"
        "\n"
        '{"weather": "fog"}\n'
        '{"image": "b.png", "shares": {"sky": 1.5}}\n'
        '{"image": "c.png", "counts": {"car": -1}}\n'
        '{"image": "d.png", "things": [{"label": "car", "box": [0.5, 0, 0.5, 1]}]}\n'
        "[1, 2]\n"
        '{"image": "e.png", "things": [{"box": [0, 0, 1, 1]}]}\n'
        '{"image": "f.png", "counts": {"car": 2}}\n',
        encoding="utf-8",
    )
    problems: list[Problem] = []
    assert [s.image for s in load_scenes(path, problems)] == ["a.png", "f.png"]
    assert [p.line for p in problems] == [2, 4, 5, 6, 7, 8, 9]
    assert all(p.path == path for p in problems)
    assert str(problems[0]).startswith(f"{path}:2: ")
    with pytest.raises(DataError, match=r"s\.jsonl:2: .*mend") as caught:
        list(load_scenes(path))
    assert caught.value.line == 2


def test_a_missing_file_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        list(load_scenes(tmp_path / "none.jsonl"))
    with pytest.raises(DataError, match="not a kind"):
        list(read_scenes("kitty", tmp_path))


def test_a_manifest_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (200, 100)).save(tmp_path / "images" / "1.jpg")
    rows = [
        {
            "file": "images/1.jpg",
            "weather": "fog",
            "boxes": [["car", 50, 25, 100, 50], ["car", 150, 0, 250, 100], ["truck", 1, 1, 1, 5]],
            "duplicate_group": 0,
        },
        {
            "file": "images/2.jpg",
            "mask": "masks/2.png",
            "drive": "7",
            "time_of_day": "dusk",
            "fraction": {"sky": 0.25},
        },
        {"file": "images/3.jpg", "boxes": [["bus", 0, 0, 9, 9]], "counts": {"bus": 1}},
        {"file": "images/4.jpg", "road": "gravel", "duplicate_group": 12},
    ]
    path = tmp_path / "manifest.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    problems: list[Problem] = []
    first, second, third, fourth = read_scenes("scenes", tmp_path, problems=problems)
    assert first.things[0] == Thing("car", (0.25, 0.25, 0.5, 0.5))
    assert first.things[1].box == (0.75, 0.0, 1.0, 1.0)
    assert first.counts == {"car": 2, "truck": 1}
    assert first.group == "0"
    assert (second.shares, second.drive, second.time_of_day) == ({"sky": 0.25}, "7", "dusk")
    assert third.things == (Thing("bus"),)
    assert (fourth.road, fourth.group) == ("gravel", "12")
    assert [p.line for p in problems] == [1, 3]


def test_the_real_manifests_are_read_whole(drive_data: Path) -> None:
    problems: list[Problem] = []
    numbers = {
        name: sum(1 for _ in read_scenes("scenes", drive_data / name, problems=problems))
        for name in ("camvid", "idd_lite", "dawn", "roads")
    }
    assert numbers == {"camvid": 530, "idd_lite": 1403, "dawn": 718, "roads": 3145}
    assert problems == []
