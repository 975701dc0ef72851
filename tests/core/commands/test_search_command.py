"""``c4t search`` and ``c4t drives``: the window's answers, dates, events, streams."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from c4t_core.cli import main
from c4t_core.index.query import Filters, Term
from c4t_core.index.store.user_data import ImageKey, UserData
from c4t_core.workspace import Answer, Scope, open_workspace
from c4t_desktop.services.finder import ask, lay_out
from c4t_desktop.services.question import NEAREST, Order, Question
from tests.helpers.toy_model import save_picture

DAY = 1_791_936_000.0  # 2026-10-14, UTC
COLOURS = [(200, 40, 40), (40, 160, 60), (50, 60, 200), (230, 230, 230)]


@pytest.fixture
def drives(tmp_path: Path) -> Path:
    """Two drives of 40 frames, two hours on two days; every tenth frame the scene changes."""
    folder = tmp_path / "drives"
    for day in (14, 15):
        for number in range(40):
            name = f"202610{day}_08{number // 10:02d}{number % 10:02d}.png"
            save_picture(folder / f"drive{day}" / name, COLOURS[number // 10], number)
    return folder


@pytest.fixture
def call(drives: Path, tiny_model_folder: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    model = ["--model", str(tiny_model_folder)]

    def run(*words: str | Path, code: int = 0) -> Any:
        assert main([*map(str, words), *model]) == code
        return capsys.readouterr()

    run("index", drives)
    return run


def as_shown(
    folder: Path, model: str, question: Question, order: Order
) -> list[tuple[str, int, float, int]]:
    """Return (path, rank, score, frames) of the cards that the window's grid shows."""
    with open_workspace(folder, model) as workspace:
        rows = lay_out(ask(workspace, question, {}), order).rows
        return [(str(r.hit.path), r.hit.rank, r.hit.score, r.count) for r in rows]


def test_the_answers_are_those_of_the_window(
    call: Callable[..., Any], drives: Path, tiny_model_folder: Path
) -> None:
    model = str(tiny_model_folder)
    frame = drives / "drive14" / "20261014_080105.png"
    image = (Term(image=frame),)
    one, day = Filters(drives=("drive15",)), Filters(since=DAY, until=DAY + 86_400)
    hour = Filters(("drive14",), ("drive15", "drive14"), since=DAY + 8 * 3600 + 60)
    with open_workspace(drives, model) as workspace:
        middle = float(workspace.answer("red car").scores[30])
    asked: list[tuple[Sequence[str], Question, Order]] = [
        (["red car", "--cut", "auto"], Question(text="red car"), Order()),
        (["red car", "--fold"], Question(text="red car"), Order(fold=True)),
        (["red - car", "--cut", f"{middle}"], Question(text="red - car"), Order(cut=middle)),
        (["--like", str(frame), "--fold"], Question(image), Order(fold=True)),
        (["snow", "--like", str(frame), "--cut=-1"], Question(image, "snow"), Order(show_all=True)),
        (["car", "--drive", "drive15", "--cut", "auto"], Question((), "car", one), Order()),
        (["car", "--since", "2026-10-14", "--until", "2026-10-14", "--fold", "--cut", f"{middle}"],
         Question((), "car", day), Order(fold=True, cut=middle)),
        (["car", "--in", "drive14", "--drive", "drive14", "--drive", "drive15", "--cut=-1",
          "--since", "2026-10-14T10:01:00+02:00"], Question((), "car", hour), Order(cut=-1)),
    ]  # fmt: skip
    lengths = set()
    for words, question, order in asked:
        out = call("search", drives, *words, "--limit", "0", "--ndjson").out
        lines = [json.loads(line) for line in out.splitlines()]
        got = [(x["path"], x["rank"], x["score"], x.get("count", 1)) for x in lines]
        assert got == as_shown(drives, model, question, order), words
        assert [("count" in line) for line in lines] == [order.fold] * len(lines)
        whole = json.loads(call("search", drives, *words, "--limit", "0", "--json").out)
        assert whole == lines
        first = json.loads(call("search", drives, *words, "-k", "3", "--json").out)
        assert first == lines[:3]
        lengths.add(len(lines))
    assert len(lengths) > 3
    assert min(lengths) > 1
    said = call("search", drives, "car", "--cut=-1", "-k", "2")
    assert (said.out.count("\n"), said.err) == (2, "2 of 80 frames; --limit 0 lists all.\n")
    single = ("--since", "2026-10-14T08:00:05", "--until", "2026-10-14T08:00:06")
    said = call("search", drives, "red - car", "--cut", "auto", *single)
    assert said.out.count("\n") == 1
    assert said.err == "Nothing stands out; these are the nearest.\n"


def test_where_nothing_stands_out_the_nearest_are_hits() -> None:
    ids, scores = np.arange(100), np.full(100, 0.25, dtype=np.float32)
    answer = Answer(Scope(()), np.ones(1, dtype=np.float32), ids, scores)
    assert (answer.cut, answer.matches(), answer.matches(0.25)) == (None, NEAREST, 100)
    assert replace(answer, by_objects=True).matches() == 100


def test_dates_are_read_or_refused_in_a_sentence(
    call: Callable[..., Any], drives: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def found(*words: str) -> int:
        return call("search", drives, "car", "--limit", "0", *words).out.count("\n")

    assert found("--since", "2026-10-15") == 40
    assert found("--until", "2026-10-14") == 40  # the whole day
    assert found("--until", "2026-10-14T08:01Z") == 10  # up to it
    assert found("--since", "2026-10-14T08:01", "--until", "2026-10-15T08:00:01") == 31
    for words, said in (
        (["--since", "yesterday"], '"yesterday" is no date such as 2026-10-14'),
        (["--until", "2026-13-01"], '"2026-13-01" is no date'),
        (["--since", "2026-10-15", "--until", "2026-10-14"], "--until is before --since; swap"),
        (["--cut", "high"], '"high" is neither "auto" nor a score'),
        (["--json", "--ndjson"], "not allowed with"),
        (["--limit", "-1"], '"-1" is not a whole number'),
    ):
        with pytest.raises(SystemExit) as stopped:
            main(["search", str(drives), "car", *words])
        assert stopped.value.code == 2
        assert said in capsys.readouterr().err
    save_picture(tmp_path / "undated" / "a.png", COLOURS[0])
    call("index", tmp_path / "undated")
    said = call("search", tmp_path / "undated", "car", "--until", "2030-01-01").err
    assert said.startswith("No frame here has a date in its name")
    assert "Traceback" not in said


def test_without_a_query_the_frames_are_listed_in_time_order(
    call: Callable[..., Any], drives: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = sorted(str(path) for path in drives.glob("drive*/*.png"))
    lines = call("search", drives, "--since", "2026-10-01", "--limit", "0", "--ndjson").out
    listed = [json.loads(line) for line in lines.splitlines()]
    assert [line["path"] for line in listed] == frames
    assert {line["score"] for line in listed} == {None}
    said = call("search", drives, "--drive", "drive14", "-k", "1")
    assert (said.out, said.err) == (f"{frames[0]}\n", "1 of 40 frames; --limit 0 lists all.\n")
    said = call("search", drives, "--in", "drive15", "--fold", "--until", "2026-10-15T08:01:01")
    assert said.out.splitlines() == [f"{frames[40]}  (10 frames)", f"{frames[50]}  (1 frame)"]
    for words in ([], ["--drive", "drive14", "--cut", "auto"]):
        with pytest.raises(SystemExit) as stopped:
            main(["search", str(drives), *words])
        assert stopped.value.code == 2
        assert "look for, in words or by --like FILE" in capsys.readouterr().err


def test_tags_and_marks_restrict_what_is_listed_and_are_told(
    call: Callable[..., Any], drives: Path
) -> None:
    frames = sorted(drives.glob("drive14/*.png"))[:4]
    call("tag", drives, *frames[:3], "--add", "to label")
    key = f'snow + @"{frames[0]}"'  # as the window names it
    with closing(UserData()) as data:
        data.mark(key, [ImageKey.of(drives, f"drive14/{frames[0].name}")], True)
    listed = json.loads(call("search", drives, "--tag", "to label", "--json").out)
    assert [(line["path"], line["tags"]) for line in listed] == [
        (str(frame), ["to label"]) for frame in frames[:3]
    ]
    asked = ("snow", "--like", frames[0], "--marked", "right", "--ndjson")
    (line,) = map(json.loads, call("search", drives, *asked).out.splitlines())
    assert (line["path"], line["mark"]) == (str(frames[0]), "right")
    assert call("search", drives, "--marked", "any").out == f"{frames[0]}\n"
    assert call("search", drives, "car", "--marked", "any").out == ""
    unknown = call("search", drives, "car", "--tag", "absent", code=1).err
    assert "absent" in unknown
    assert "to label" in unknown


def test_an_event_is_one_row_with_its_frames(call: Callable[..., Any], drives: Path) -> None:
    frame = drives / "drive14" / "20261014_080105.png"
    lines = call("search", drives, "--like", frame, "--fold", "-k", "1").out.splitlines()
    assert lines == [f"1.0000  {frame}  (10 frames)"]


def test_saved_embeddings_are_cut_alike_and_tell_no_events(
    call: Callable[..., Any], drives: Path, tmp_path: Path
) -> None:
    saved = tmp_path / "x.npz"
    call("embed", "images", drives, "-o", saved)
    words = ("search", drives, "red car", "--cut", "auto", "--limit", "0", "--json")
    ours, theirs = (json.loads(call(*words, *more).out) for more in ((), ("--embeddings", saved)))
    assert [hit["path"] for hit in ours] == [hit["path"] for hit in theirs]
    said = call("search", drives, "car", "--fold", "--embeddings", saved, code=1).err
    assert "Saved embeddings tell no events" in said


def test_drives_are_listed_with_their_frames_and_dates(
    call: Callable[..., Any], drives: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_picture(drives / "clips" / "000001.png", COLOURS[0])
    call("index", drives)

    def said(*words: str | Path, code: int = 0) -> Any:
        assert main(["drives", *map(str, words)]) == code
        return capsys.readouterr()

    listed = json.loads(said(drives, "--json").out)
    day = "2026-10-14T08:0"
    assert {line["drive"]: line for line in listed}["drive14"] == {
        "drive": "drive14", "frames": 40, "first": f"{day}0:00.000Z", "last": f"{day}3:09.000Z"
    }  # fmt: skip
    assert [(line["drive"], line["frames"], line["first"] is None) for line in listed] == [
        ("clips", 1, True), ("drive14", 40, False), ("drive15", 40, False),
    ]  # fmt: skip
    assert said(drives / "drive14").out == f"drive14       40 frames  {day}0:00Z to {day}3:09Z\n"
    for line in listed:  # what is listed is what a search takes
        found = call("search", drives, "--drive", line["drive"], "--limit", "0").out
        assert found.count("\n") == line["frames"]
    assert "is not indexed yet; run: c4t index" in said(tmp_path, code=1).err
    unknown = call("search", drives, "car", "--drive", "absent", code=1).err
    assert unknown == (
        'c4t: There is no drive "absent" here; there are: clips, drive14, drive15.\n'
    )
