"""Saved searches: what matches, what is new, and that a plain run changes nothing."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from c4t_core.cli import main
from c4t_core.errors import DataError
from c4t_core.index import scenarios
from c4t_core.index.query import Filters, plain_filters
from c4t_core.index.store.user_data import ImageKey, Scenario, UserData
from c4t_core.workspace import Workspace
from tests.helpers.toy_model import COLOURS, ToyModel, save_picture

Open = Callable[..., Workspace]


@pytest.fixture
def ws(open_: Open, drive: Path) -> Workspace:
    workspace = open_(drive)
    workspace.index()
    return workspace


@pytest.fixture
def data(tmp_path: Path) -> Iterator[UserData]:
    with closing(UserData(tmp_path / "user.sqlite")) as opened:
        yield opened


def saved(ws: Workspace, query: str, cut: float | None = 0.9, **settings: Any) -> Scenario:
    scenario = Scenario(query, query, settings)
    return scenarios.with_cut(ws, scenario, {}, ws.model_name, cut)


def test_matches_events_and_news(
    ws: Workspace, drive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reds = saved(ws, "red")
    counted = scenarios.count(ws, reds, {})
    assert (counted.matches, counted.events, counted.new, counted.cut) == (3, 1, 0, 0.9)
    save_picture(drive / "drive0" / "red_000003.png", COLOURS["red"], 3)
    save_picture(drive / "late" / "red_000000.png", COLOURS["red"])
    save_picture(drive / "late" / "blue_000000.png", COLOURS["blue"])
    ws.index()
    counted = scenarios.count(ws, reds, {})
    assert (counted.matches, counted.events, counted.new) == (5, 2, 2)
    assert scenarios.count(ws, reds, {}) == counted  # counting is not looking
    monkeypatch.setattr(Workspace, "events", None)  # nothing is folded that is not asked for
    assert scenarios.count(ws, reds, {}, fold=False) == dataclasses.replace(counted, events=0)


def test_what_matches_nothing_counts_nothing_until_something_comes(
    ws: Workspace, drive: Path
) -> None:
    for picture in drive.glob("drive*/*.png"):
        if not picture.name.startswith("blue"):
            picture.unlink()
    ws.index(forget_missing=True)
    reds = saved(ws, "red", None)
    assert ws.answer("red").cut is None
    counted = scenarios.count(ws, reds, {})
    assert (counted.matches, counted.events, counted.new) == (0, 0, 0)
    save_picture(drive / "late" / "red_000000.png", COLOURS["red"])
    ws.index()
    counted = scenarios.count(ws, reds, {})
    assert (counted.matches, counted.new, counted.cut) == (1, 1, reds.cut)


def test_the_cut_stays_while_the_collection_grows(ws: Workspace, drive: Path) -> None:
    found = saved(ws, "red", None)
    for number in range(30):
        save_picture(drive / "more" / f"{number:06d}.png", (200, number, number), number)
    ws.index()
    assert ws.answer("red").cut != found.cut
    assert scenarios.count(ws, found, {}).cut == found.cut


def test_embedding_again_moving_or_another_model_make_nothing_new(
    ws: Workspace, open_: Open, drive: Path, tmp_path: Path
) -> None:
    reds = saved(ws, "red")
    save_picture(drive / "drive0" / "red_000000.png", COLOURS["red"], 9)  # embedded again
    (drive / "drive0" / "red_000001.png").rename(drive / "drive1" / "red_000001.png")
    ws.index()
    open_(drive, with_model=ToyModel("other")).index()
    counted = scenarios.count(ws, reds, {})
    assert (counted.matches, counted.new) == (3, 0)
    new = tmp_path / "moved"
    drive.rename(new)
    ws.relocate(drive, new)
    moved = open_(new)
    moved.index()
    counted = scenarios.count(moved, reds, {})
    assert (counted.matches, counted.new) == (3, 0)


def test_of_another_model_nothing_is_new_until_the_cut_is_found_again(
    ws: Workspace, open_: Open, drive: Path
) -> None:
    reds = saved(ws, "red")
    other = open_(drive, with_model=ToyModel("other"))
    other.index()
    save_picture(drive / "late" / "red_000000.png", COLOURS["red"])
    other.index()
    counted = scenarios.count(other, reds, {})
    assert not counted.same_model
    assert (counted.matches > 0, counted.new) == (True, 0)
    again = scenarios.with_cut(other, reds, {}, "other")
    assert again.fingerprint == other.model_fingerprint
    assert scenarios.count(other, again, {}).same_model


def test_filters_marks_and_refinement_are_those_of_the_search(ws: Workspace, drive: Path) -> None:
    kept = plain_filters(Filters(drives=("red",)))
    assert scenarios.count(ws, saved(ws, "white", -1.0, filters=kept), {}).matches == 3
    marks = {drive / "drive0" / "red_000000.png": True, drive / "drive0" / "red_000001.png": False}
    for side, matches in (("right", 1), ("wrong", 1), ("any", 2)):
        marked = saved(ws, "red", -1.0, filters={"marked": side})
        assert scenarios.count(ws, marked, marks).matches == matches
        both = saved(ws, "red", -1.0, refine=True, filters={"marked": side})
        assert scenarios.count(ws, both, marks).matches == matches
    plain, refined = saved(ws, "white", -1.0), saved(ws, "white", -1.0, refine=True)
    assert scenarios.count(ws, refined, marks).matches == scenarios.count(ws, plain, {}).matches - 1
    assert ws.answer("white").scores.tolist() == scenarios.ask(ws, plain, marks).scores.tolist()
    assert ws.answer("white").scores.tolist() != scenarios.ask(ws, refined, marks).scores.tolist()


def test_a_collection_needs_no_query(ws: Workspace, drive: Path) -> None:
    red = sorted(drive.glob("drive*/red*.png"))
    ws.own.tag(red, ["rain"])
    filters = plain_filters(Filters(tags=("rain",)))
    rain = scenarios.with_cut(ws, Scenario("Rain", "", {"filters": filters}), {}, "toy")
    assert scenarios.count(ws, rain, {}).matches == len(red)
    assert (rain.cut, rain.fingerprint) == (0.0, "")  # it is of no model
    ws.own.tag(red[:1], remove=["rain"])
    late = save_picture(drive / "late" / "blue_000000.png", COLOURS["blue"])
    ws.index()
    ws.own.tag([late], ["rain"])
    counted = scenarios.count(ws, rain, {})
    assert (counted.matches, counted.events, counted.new) == (len(red), 2, 1)


def test_unknown_settings_are_refused_not_ignored(ws: Workspace) -> None:
    later = Scenario("red", "red", {"filters": {"weather": "snow"}}, cut=0.5)
    with pytest.raises(DataError, match='"weather", which this version does not know'):
        scenarios.count(ws, later, {})


def test_looking_moves_the_time_and_finds_a_first_cut_only(
    ws: Workspace, data: UserData, drive: Path
) -> None:
    data.save_scenario(Scenario("reds", "red", made=time.time()))  # as version 0.1 kept it
    (scenario,) = data.scenarios()
    save_picture(drive / "late" / "red_000000.png", COLOURS["red"])
    ws.index()
    counted = scenarios.count(ws, scenario, {})
    assert counted.new == 1
    scenarios.look(data, ws, scenario, counted, time.time())
    (looked,) = data.scenarios()
    assert (looked.cut, looked.fingerprint) == (counted.cut, ws.model_fingerprint)
    assert scenarios.count(ws, looked, {}).new == 0
    scenarios.look(data, ws, looked, dataclasses.replace(counted, cut=0.1), time.time())
    assert data.scenarios()[0].cut == counted.cut


def test_marks_are_found_where_the_files_are_now(data: UserData, tmp_path: Path) -> None:
    old = save_picture(tmp_path / "a" / "x.png", COLOURS["red"])
    data.mark("red", [ImageKey.of(tmp_path / "a", "x.png")], True)
    assert scenarios.located(data, "red", lambda size: ()) == {old: True}
    new = tmp_path / "b.png"
    old.rename(new)
    assert scenarios.located(data, "red", lambda size: [new]) == {new: True}


# The command


@pytest.fixture
def call(
    drive: Path, tiny_model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    def run(*words: str, code: int = 0) -> Any:
        model = ["--model", str(tiny_model_folder)] if words[1] in ("save", "run") else []
        if words[0] == "index":
            model = ["--model", str(tiny_model_folder)]
        capsys.readouterr()
        assert main([*words, *model]) == code
        out = capsys.readouterr()
        return json.loads(out.out) if "--json" in words else out

    run("index", str(drive))
    return run


def test_save_run_see_rename_and_remove(call: Callable[..., Any], drive: Path) -> None:
    folder = str(drive)
    (kept,) = call("scenarios", "save", folder, "reds", "--query", "red", "--cut=-1", "--json")
    assert kept | {"events": 0, "model": ""} == {
        "name": "reds", "matches": 18, "events": 0, "new": 0, "cut": -1.0, "model": "",
    }  # fmt: skip
    save_picture(drive / "late" / "red_000000.png", COLOURS["red"])
    call("index", folder)
    for _ in range(2):  # a plain run changes nothing
        (counted,) = call("scenarios", "run", folder, "--json")
        assert set(counted) == {"name", "matches", "events", "new", "cut", "model"}
        assert (counted["matches"], counted["new"]) == (19, 1)
    call("scenarios", "run", folder, "reds", "--fail-if-new", code=3)
    call("scenarios", "run", folder, "reds", "--seen", "--fail-if-new", code=3)
    call("scenarios", "run", folder, "reds", "--fail-if-new")
    call("scenarios", "rename", folder, "reds", "crimson")
    assert [entry["name"] for entry in call("scenarios", "list", folder, "--json")] == ["crimson"]
    said = call("scenarios", "run", folder, "reds", code=1).err
    assert 'no saved search "reds"; there are "crimson".' in said
    call("tag", folder, *map(str, drive.glob("drive*/red*.png")), "--add", "rain")
    (kept,) = call("scenarios", "save", folder, "wet", "--tag", "Rain", "--json")
    assert kept["matches"] == 3
    assert "wet: Rain\n" in call("scenarios", "list", folder).out
    call("scenarios", "remove", folder, "wet")
    call("scenarios", "remove", folder, "crimson")
    assert call("scenarios", "run", folder, "--json") == []
    call("scenarios", "rename", folder, "crimson", "x", code=1)


def test_one_is_saved_and_listed_with_several_drives_and_a_span(
    call: Callable[..., Any], drive: Path
) -> None:
    folder = str(drive)
    for day in (14, 15, 16):
        save_picture(drive / "dated" / f"cam0_2026-10-{day}-08-30-00.png", COLOURS["red"])
    call("index", folder)
    words = ["scenarios", "save", folder]
    (kept,) = call(*words, "two", "--drive", "red", "--drive", "blue", "--json")
    assert kept["matches"] == 6
    span = ["--since", "2026-10-15", "--until", "2026-10-15T12:00"]
    (kept,) = call(*words, "day", "--query", "red", "--cut=-1", *span, "--json")
    assert kept["matches"] == 1
    (counted, _) = call("scenarios", "run", folder, "day", "two", "--json")
    assert counted["matches"] == 1
    listed = call("scenarios", "list", folder).out
    assert "day: red (since 2026-10-15; until 2026-10-15T12:00:00)" in listed
    assert "two: drive red, blue\n" in listed
    with pytest.raises(SystemExit) as stopped:
        main([*words, "never", "--since", "2026-10-15", "--until", "2026-10-14"])
    assert stopped.value.code == 2


def test_one_that_cannot_be_run_does_not_hide_the_others(
    call: Callable[..., Any], drive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(drive)
    call("scenarios", "save", folder, "a", "--query", "red", "--cut=-1")
    with closing(UserData()) as data:
        data.save_scenario(Scenario("b", "red", {"filters": {"drive": "absent"}}, cut=0.0))
    out = call("scenarios", "run", folder, code=1)
    assert "a: 18 matches" in out.out
    assert 'b: There is no drive "absent" here' in out.err


def test_a_cut_is_a_score_or_auto(call: Callable[..., Any], drive: Path) -> None:
    words = ["scenarios", "save", str(drive), "a", "--query", "red", "--cut", "high"]
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2


def test_the_situations_of_searchad_are_added_once_and_removed_together(
    data: UserData, ws: Workspace
) -> None:
    data.save_scenario(Scenario("SearchAD: mine", "red"))
    assert scenarios.add_pack(data) == 90
    fire = {entry.name: entry for entry in data.scenarios()}["SearchAD: Vehicle-Duty-Fire"]
    assert (fire.query, fire.cut, fire.fingerprint) == ("a fire engine", None, "")
    counted = scenarios.count(ws, fire, {})
    assert counted.same_model  # whichever model that is
    scenarios.look(data, ws, fire, counted, time.time())
    kept = data.scenarios()
    assert scenarios.add_pack(data) == 0
    assert data.scenarios() == kept  # the cut that was found stays
    data.delete_scenario("SearchAD: Scene-Fog")
    assert scenarios.add_pack(data) == 1
    assert scenarios.remove_pack(data) == 90
    assert [entry.name for entry in data.scenarios()] == ["SearchAD: mine"]


def test_the_pack_by_the_command_line(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*arguments: str) -> str:
        assert main(["scenarios", *arguments]) == 0
        return capsys.readouterr().out

    assert said("pack", "searchad") == "90 saved searches added.\n"
    assert json.loads(said("pack", "searchad", "--json")) == {"added": 0}
    assert "SearchAD: Animal-Real-Cat: a cat on the road" in said("list")
    assert said("pack", "searchad", "--remove") == "90 saved searches removed.\n"
    assert json.loads(said("list", "--json")) == []
