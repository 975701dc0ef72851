"""What is said of a table's frames reaches all who opened it, wherever these lie for each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from c4t_core.cli import main
from c4t_core.cluster.table import Header, Row, create_table
from c4t_core.images import fetched
from c4t_core.index.store.user_data import Scenario, UserData
from c4t_core.workspace import Workspace
from tests.helpers.toy_model import ToyModel

pytest.importorskip("lancedb")
Open = Callable[..., Workspace]
THERE = "s3://bucket/drives"


@pytest.fixture
def team(drive: Path, tmp_path: Path, model: ToyModel) -> Path:
    """A table of frames at an address, of which a folder of this machine is a copy."""
    shared = create_table(tmp_path / "team.lance", Header(model.name, model.fingerprint, model.dim))
    vector = np.eye(model.dim, dtype=np.float16)[0]
    files = sorted(drive.rglob("*.png"))
    names = [file.relative_to(drive).as_posix().encode() for file in files]
    shared.commit([Row(THERE, name, file.stat().st_size, 1, vector=vector)
                   for name, file in zip(names, files, strict=True)])  # fmt: skip
    return tmp_path / "team.lance"


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Sit down at the machine of somebody; return a file to carry things away in."""

    def sit(who: str) -> Path:
        monkeypatch.setenv("C4T_DATA_DIR", str(tmp_path / who))
        return tmp_path / f"{who}.jsonl"

    return sit


def say(workspace: Workspace, query: str, number: int, tag: str) -> None:
    """Mark and tag one of the frames, and save a search."""
    ids = sorted(hit.image_id for hit in workspace.browse().hits())
    with contextlib.closing(UserData()) as data:
        data.mark(query, workspace.own.keys([ids[number]]), good=True)
        data.save_scenario(Scenario(f"of {tag}", query))
    workspace.own.tag([ids[number]], add=[tag])


def said(workspace: Workspace, query: str) -> tuple[list[str], list[tuple[str, int]]]:
    frames = [workspace.frame(number) for number in workspace.own.marks(query)]
    return sorted(frame.relative for frame in frames if frame), workspace.own.tags()


def carried(file: Path, into: Callable[[], Path]) -> bytes:
    """Take what was written to a file to another machine, twice; return what it has then."""
    there = into()
    for _ in range(2):
        assert main(["userdata", "import", "--merge", str(file)]) == 0
    assert main(["userdata", "export", str(there)]) == 0
    return there.read_bytes()


def test_marks_tags_and_searches_of_two_who_have_the_files_elsewhere(
    drive: Path, team: Path, at: Callable[[str], Path], open_: Open
) -> None:
    mine = at("me")
    open_(team)
    assert main(["table", "place", str(team), THERE, str(drive)]) == 0
    here = open_(team)
    say(here, "red", 0, "wet")
    before = said(here, "red")
    assert main(["userdata", "export", str(mine)]) == 0
    assert carried(mine, lambda: at("me")) == mine.read_bytes()
    assert said(here, "red") == before

    at("other")
    there = open_(team)
    say(there, "red", 5, "Wet")
    other = carried(mine, lambda: at("other"))
    names, tags = said(there, "red")
    assert len(names) == 2
    assert set(before[0]) < set(names)
    assert [(tag.casefold(), count) for tag, count in tags] == [("wet", 2)]

    mine.with_name("back.jsonl").write_bytes(other)
    carried(mine.with_name("back.jsonl"), lambda: at("me"))
    assert said(here, "red")[0] == names
    with contextlib.closing(UserData()) as data:
        assert [one.name for one in data.scenarios()] == ["of Wet", "of wet"]
        assert {mark.image.root for mark in data.marks()} == {drive}


def test_what_was_said_before_follows_to_where_the_files_are_found(
    drive: Path, team: Path, at: Callable[[str], Path], open_: Open
) -> None:
    at("me")
    first = open_(team)
    say(first, "red", 3, "wet")
    before = said(first, "red")
    assert main(["table", "place", str(team), THERE, str(drive)]) == 0
    now = open_(team)
    assert said(now, "red") == before
    assert now.own.tag(sorted(now.own.tagged()), remove=["wet"]).removed


def test_who_closes_a_table_first_takes_nothing_from_the_other(
    drive: Path, team: Path, open_: Open
) -> None:
    name = next(drive.rglob("*.png")).relative_to(drive).as_posix()
    first, second = open_(team), open_(team)
    known = fetched.state(f"{THERE}/{name}")
    assert known == ((drive / name).stat().st_size, 1)
    second.close()
    assert fetched.state(f"{THERE}/{name}") == known
    first.close()
    assert fetched.state(f"{THERE}/{name}") == (-1, 0)
