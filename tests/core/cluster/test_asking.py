"""Shared tables asked in place, brought together and tidied: the same hits, bits and figures."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from c4t_core import cli
from c4t_core.cluster import asking, keeping
from c4t_core.cluster.table import Header, Row, SharedTable, create_table, open_table
from c4t_core.errors import DataError, FolderError, ModelError, NotIndexedError, QueryError
from c4t_core.images.frame_names import parse_frame_name, recording, shown_drives
from c4t_core.index.directions import ModelHandle
from c4t_core.index.folders import Target
from c4t_core.index.query import Filters, Hit, parse_query
from c4t_core.index.scope import Part, Scope
from c4t_core.index.search import answer
from c4t_core.index.vectors.embeddings_file import SavedVectors
from c4t_core.index.vectors.objects import weighed
from c4t_core.index.vectors.vectors import VectorSearch
from c4t_core.workspace import open_workspace
from tests.helpers.toy_model import COLOURS, ToyModel, save_picture

pytest.importorskip("lancedb")
CLASSES = ("person", "car")
ROOT = "/data/team"
DRIVES = ("20260101_070000", "20260102_070500", "bob's night", "100%_rain")
COUNT = 3_000


def names() -> list[str]:
    found = []
    for number in range(COUNT):
        drive, camera = DRIVES[number // 750], ("frontcenter", "rearcenter")[number % 2]
        file = f"{drive.replace('_', '')}_camera_{camera}_{number:09d}.jpg"
        if number >= 1_500:  # drives whose names are no times
            file, camera = f"{number:06d}.jpg", ("front", "rear")[number % 2]
        found.append(f"{drive}/camera/cam_{camera}/{file}")
    return found


class World:
    """The same frames as a table and as what the ordinary search is put to."""

    def __init__(self, folder: Path) -> None:
        self.toy = ToyModel()
        self.model = ModelHandle(self.toy)
        rng = np.random.default_rng(5)
        scenes = np.repeat(rng.standard_normal((COUNT // 30, self.toy.dim)), 30, axis=0)
        rows = scenes + 0.3 * rng.standard_normal(scenes.shape)
        self.vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("f2")
        self.facts = rng.random((COUNT, len(CLASSES), 6)).astype("f2")
        self.facts[:, :, 1] *= 5
        self.header = Header(self.toy.name, self.toy.fingerprint, self.toy.dim, CLASSES)
        self.names = names()
        self.table = create_table(folder / "team.lance", self.header)
        self.table.commit([self.row(number) for number in range(COUNT)])
        self.table.commit([Row(ROOT, b"100%_rain/bad.png", 1, 2, reason="not an image")])
        saved = SavedVectors(ROOT, self.names, self.vectors.astype("f4"))
        self._search = VectorSearch(saved, saved)
        part = Part(Target(Path(ROOT), ROOT), self._search, self._search.table())
        self._scope = Scope((part,), shown_drives(saved.drive_numbers()))
        self._facts = saved.objects(CLASSES, self.facts.astype("f4"))

    def row(self, number: int) -> Row:
        name = self.names[number]
        told = parse_frame_name(name)
        return Row(
            root=ROOT,
            path=name.encode(),
            size=10,
            mtime_ns=20,
            drive=recording(f"{ROOT}/{name}"),
            camera=told.camera,
            frame=told.frame,
            time=told.time,
            first_seen=100.0,
            vector=self.vectors[number],
            facts=self.facts[number],
        )

    def ordinary(self, text: str, filters: Filters, k: int) -> list[Hit]:
        query = parse_query(text)
        scope = self._scope.restricted(
            filters.asking(query.objects),
            lambda part, chosen: self._search.select(part.table, chosen),
            lambda part, asked: weighed(
                self._facts, part.table.find(self._facts.ids), len(part.table.ids), asked
            ),
        )
        return answer(scope, query, self.model, exact=True).hits(k)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("tables"))


DAY = 86_400.0
SECOND = 1_767_312_000.0  # 2026-01-02
ASKED: list[tuple[str, Filters]] = [
    ("red", Filters()),
    ("a tram in the rain + 2:snow - blue", Filters()),
    ("green", Filters(drives=("bob's night",))),
    ("yellow", Filters(drives=("20260101*", "100%_rain"))),
    ("white", Filters(cameras=("cam_rear",), within=("bob's night",))),
    ("black", Filters(within=(f"{ROOT}/100%_rain/camera/cam_front",))),
    ("blue", Filters(since=SECOND, until=SECOND + DAY)),
    ("person>=3 on the road", Filters()),
    ("no:car at night", Filters(drives=("bob's night",), cameras=("cam_front",))),
    ("person:left car>=4 person<2 fog", Filters(within=("100%_rain",))),
]


@pytest.mark.parametrize(("text", "filters"), ASKED)
def test_a_table_in_place_answers_as_the_ordinary_search(
    world: World, text: str, filters: Filters
) -> None:
    expected = world.ordinary(text, filters, 40)
    found = asking.ask(world.table, text, world.model, k=40, filters=filters)
    assert len(expected) > 1
    assert [hit.path for hit in found] == [hit.path for hit in expected]
    for here, there in zip(found, expected, strict=True):
        assert here.score == pytest.approx(there.score, abs=1e-4)
        for name in ("rank", "relative", "drive", "camera", "frame", "time"):
            assert getattr(here, name) == getattr(there, name)
    assert all(hit.seen is not None for hit in found)


def test_of_equal_frames_the_first_by_path_are_hits(world: World, tmp_path: Path) -> None:
    table = create_table(tmp_path / "still.lance", world.header)
    still = world.vectors[0]
    rows = [replace(world.row(n), vector=still) for n in range(400)]
    table.commit(rows[::-1])
    found = asking.ask(table, "red", world.model, k=30)
    assert [hit.path for hit in found] == sorted(hit.path for hit in found)
    assert found[0].relative == min(world.names[:400])


@pytest.mark.parametrize("name", ["' OR '1'='1", "x') OR (root = '" + ROOT, "'; --"])
def test_names_are_no_conditions(world: World, name: str) -> None:
    with pytest.raises(QueryError, match="no drive"):
        asking.ask(world.table, "red", world.model, filters=Filters(drives=(name,)))
    with pytest.raises(FolderError, match="lies in a folder"):
        asking.ask(world.table, "red", world.model, filters=Filters(within=(name,)))
    assert not asking.ask(world.table, "red", world.model, filters=Filters(cameras=(name,)))


@pytest.mark.parametrize("folder", ["../team2", "/data", "bob", "100", "/etc", "s3://bucket/x"])
def test_folders_of_which_the_table_has_nothing_are_said(world: World, folder: str) -> None:
    with pytest.raises(FolderError, match="lies in a folder"):
        asking.ask(world.table, "red", world.model, filters=Filters(within=(folder,)))


def test_what_a_table_in_place_cannot_tell_is_said(world: World, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="add words"):
        asking.ask(world.table, "person>=3", world.model)
    with pytest.raises(QueryError, match="Tags, marks"):
        asking.ask(world.table, "red", world.model, filters=Filters(tags=("nice",)))
    with pytest.raises(NotIndexedError, match="Nothing is known"):
        asking.ask(world.table, "truck:near red", world.model)
    with pytest.raises(ModelError, match="choose that model"):
        asking.ask(world.table, "red", ModelHandle(ToyModel("other")))
    empty = create_table(tmp_path / "empty.lance", world.header)
    with pytest.raises(NotIndexedError, match="holds no frame yet"):
        asking.ask(empty, "red", world.model)
    empty.commit([replace(world.row(0), path=b"../outside.png")])
    with pytest.raises(DataError, match="outside its roots"):
        asking.ask(empty, "red", world.model)


# Brought together


def everything(table: SharedTable) -> dict[tuple[str, bytes, int], Row]:
    known = table.known()
    assert len(known) == len(table), "a frame is there twice"
    return {row.key: row for row in table.rows([one.number for one in known.values()])}


def same(one: Row, other: Row) -> bool:
    def plain(row: Row) -> dict[str, Any]:
        arrays = {"vector": row.vector, "facts": row.facts}
        return {**vars(row), **{n: None if a is None else a.tobytes() for n, a in arrays.items()}}

    return plain(one) == plain(other)


def test_tables_become_one_bit_for_bit_and_the_later_of_two_rows_counts(
    world: World, tmp_path: Path
) -> None:
    rows = [world.row(number) for number in range(300)]
    newer = replace(rows[150], mtime_ns=21, vector=world.vectors[9])
    seen_later = replace(rows[151], first_seen=101.0, vector=world.vectors[10])
    mended = Row(ROOT, rows[152].path, 10, 99, reason="was broken then")
    odd = replace(rows[299], path=b"d/\xff.png")
    one, two = (create_table(tmp_path / f"{name}.lance", world.header) for name in "ab")
    one.commit([*rows[:160], odd])
    two.commit([newer, seen_later, mended, *rows[153:299]])
    done = keeping.merge([one.address, two.address], tmp_path / "all.lance")
    expected = {row.key: row for row in [*rows[:299], odd, newer, seen_later]}
    found = everything(open_table(tmp_path / "all.lance"))
    assert found.keys() == expected.keys()
    assert all(same(found[key], expected[key]) for key in expected)
    assert (done.rows, done.added, done.both) == (300, 300, 10)

    again = keeping.merge([two.address, one.address], tmp_path / "all.lance")
    assert (again.rows, again.added, again.replaced) == (300, 0, 0)
    last = replace(rows[0], mtime_ns=50, vector=world.vectors[20])
    one.commit([last])
    more = keeping.merge([one.address], tmp_path / "all.lance")
    assert (more.rows, more.replaced) == (300, 1)
    assert same(everything(open_table(tmp_path / "all.lance"))[last.key], last)


def test_tables_of_two_models_stay_apart(world: World, tmp_path: Path) -> None:
    other = create_table(tmp_path / "other.lance", replace(world.header, fingerprint="another"))
    blind = create_table(tmp_path / "blind.lance", replace(world.header, classes=()))
    for table, why in ((other, "another model"), (blind, "other objects")):
        with pytest.raises(DataError, match=why):
            keeping.merge([world.table.address, table.address], tmp_path / "all.lance")
    assert not (tmp_path / "all.lance").exists()


# Tidied, indexed, described, by the command


def test_the_command_tidies_audits_and_searches_in_place(
    world: World,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    goal = str(tmp_path / "team.lance")
    assert cli.main(["table", "merge", world.table.address, "--to", goal]) == 0
    assert capsys.readouterr().out == "Added 3,001 rows from 1 table.\n"
    twice = open_table(goal)
    twice.commit([replace(world.row(7), mtime_ns=21)])
    monkeypatch.setattr(keeping, "DRAWN", 20)
    assert cli.main(["table", "optimize", goal, "--index", "ivf-rq"]) == 0
    told = capsys.readouterr()
    assert "Dropped 1 row of frames" in told.out
    assert "of the 50 best (worst query" in told.out
    assert "only frames are asked" in told.err  # the toy is no model that has a name
    audit = asking.kept_audit(open_table(goal))
    assert audit is not None
    assert audit.serves
    assert audit.queries == 20

    assert cli.main(["table", "info", goal, "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert (info["rows"], info["frames"], info["bad_files"]) == (COUNT + 1, COUNT, 1)
    assert info["roots"] == {ROOT: COUNT + 1}
    assert info["drives"] == len(DRIVES)
    vectors = next(one for one in info["indexes"] if one["column"] == "vector")
    assert vectors["kind"] == "ivf-rq"
    assert vectors["audit"]["recall"] == audit.recall
    assert cli.main(["table", "info", goal]) == 0
    assert str(audit) in capsys.readouterr().out

    monkeypatch.setattr(asking, "ModelHandle", lambda name: world.model)
    monkeypatch.setattr(asking, "FEW", 0)  # however few there are
    words = ["search", goal, "person>=3", "red", "--in-place", "--json", "-k", "50"]
    assert cli.main(words) == 0
    told = capsys.readouterr()
    assert str(audit) in told.err
    indexed = [one["path"] for one in json.loads(told.out)]
    assert cli.main([*words, "--exact"]) == 0
    exact = [one["path"] for one in json.loads(capsys.readouterr().out)]
    assert exact[0].startswith(ROOT)
    assert len(set(indexed) & set(exact)) >= 47

    assert cli.main(["table", "optimize", goal, "--index", "none"]) == 0
    assert asking.kept_audit(open_table(goal)) is None
    assert keeping.kept_index(open_table(goal)) is None


@pytest.mark.parametrize("words", [["--cut", "auto"], ["--fold"], ["--limit", "0"], ["--tag", "x"]])
def test_options_that_need_all_scores_are_refused_in_place(
    world: World, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["search", world.table.address, "red", "--in-place", *words])
    assert "--in-place" in capsys.readouterr().err


def test_bad_files_are_no_hits_and_an_index_that_finds_too_little_does_not_answer(
    world: World, tmp_path: Path
) -> None:
    keeping.merge([world.table.address], tmp_path / "team.lance")
    table = open_table(tmp_path / "team.lance")
    with pytest.raises(DataError, match="fewer than"):
        keeping.optimize(create_table(tmp_path / "few.lance", world.header), "ivf-rq")
    broken = create_table(tmp_path / "broken.lance", world.header)
    broken.commit([Row(ROOT, b"bad.png", 1, 2, reason="not an image")])
    assert asking.ask(broken, "red", world.model, filters=Filters(cameras=("x",))) == []
    broken.commit([world.row(0)])
    assert len(asking.ask(broken, "red", world.model)) == 1
    bad = asking.Audit("ivf-rq", COUNT, 50, 100, "frames", 0.97, 0.4, 20, 4)
    asking.keep_audit(table, bad)
    assert asking.kept_audit(open_table(table.address)) == bad
    assert asking.InPlace(open_table(table.address), world.model).audit is None
    assert os.path.isdir(table.address)


def test_a_local_index_becomes_a_table_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drives, goal = tmp_path / "drives", str(tmp_path / "team.lance")
    for number, name in enumerate(("red", "green", "blue")):
        save_picture(drives / "d" / f"{number:06d}.png", COLOURS[name], number)
    toy = ToyModel()
    with open_workspace(drives, toy) as workspace:
        workspace.index()
    monkeypatch.setattr("c4t_core.index.directions.ModelHandle", lambda name: ModelHandle(toy))
    words = ["table", "from-workspace", str(drives), "--to", goal]
    assert cli.main(words) == 0
    assert capsys.readouterr().out == "Wrote 3 frames; 3 are there.\n"
    assert cli.main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["new"] == 0
    written = everything(open_table(goal))

    monkeypatch.setenv("C4T_DATA_DIR", str(tmp_path / "another machine"))
    assert cli.main(["table", "to-workspace", goal]) == 0
    assert capsys.readouterr().out == "Took in 3 frames; 3 are there.\n"
    second = str(tmp_path / "second.lance")
    assert cli.main(["table", "from-workspace", str(drives), "--to", second]) == 0
    back = everything(open_table(second))
    assert written.keys() == back.keys()
    for key, row in written.items():
        assert row.vector is not None
        assert row.vector.tobytes() == np.asarray(back[key].vector).tobytes()
