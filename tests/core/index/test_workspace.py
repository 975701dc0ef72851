"""The facade: searching, restricting, looking around, several folders, keeping in order."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from c4t_core.errors import FolderError, ModelError, NotIndexedError, QueryError
from c4t_core.index.query import ImageIds
from c4t_core.models.protocol import Earlier, ModelInfo
from c4t_core.workspace import (
    Filters,
    Workspace,
    count_indexed,
    forget_folders,
    open_workspace,
)
from tests.helpers.toy_model import COLOURS, ToyModel, save_picture

Open = Callable[..., Workspace]


def relatives(hits) -> list[str]:  # type: ignore[no-untyped-def]
    return [hit.relative for hit in hits]


@pytest.fixture
def ws(open_: Open, drive: Path) -> Workspace:
    workspace = open_(drive)
    workspace.index()
    return workspace


def test_hits_tell_where_they_are(ws: Workspace, drive: Path) -> None:
    hits = ws.search("white", k=4)
    assert [hit.rank for hit in hits] == [1, 2, 3, 4]
    first = hits[0]
    assert first.path == drive / first.relative
    assert first.root == drive
    assert first.relative.startswith("drive0/white")
    assert (first.drive, first.frame) == ("white", int(first.relative[-10:-4]))
    assert 0.9 < first.score <= 1.0001
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert isinstance(first.score, float)


def test_equal_pictures_come_by_path(open_: Open, tmp_path: Path) -> None:
    for name in ("b/2.png", "a/3.png", "c.png", "a/1.png", "a-b/1.png"):
        save_picture(tmp_path / "same" / name, COLOURS["red"])
    ws = open_(tmp_path / "same")
    ws.index(batch_size=2)
    hits = ws.search("red", None)
    assert len({hit.score for hit in hits}) == 1
    assert relatives(hits) == sorted(relatives(hits))
    assert relatives(ws.search("red", 3)) == relatives(hits)[:3]


def test_queries_with_operators_and_images(ws: Workspace, drive: Path) -> None:
    red = ws.search(f"@{drive / 'drive0' / 'red_000001.png'}", 1)
    assert red[0].relative == "drive0/red_000001.png"
    assert red[0].score > 0.999
    without = ws.search("white - red", None)
    assert relatives(without)[-1].split("/")[1].startswith("red")
    direction = ws.answer("white").direction
    assert relatives(ws.search(direction, 5)) == relatives(ws.search("white", 5))


@pytest.mark.parametrize("query", ["", "   ", "snow +", "@/nowhere/x.png", "red - red"])
def test_bad_queries_are_plain_sentences(ws: Workspace, query: str) -> None:
    with pytest.raises(QueryError, match=r"\.$"):
        ws.search(query)


def test_not_indexed_says_what_to_do(open_: Open, drive: Path) -> None:
    fresh = open_(drive)
    with pytest.raises(NotIndexedError, match=r"c4t index"):
        fresh.search("red")
    with pytest.raises(QueryError):
        fresh.search("")
    fresh.index()
    other = open_(drive, with_model=ToyModel("other"))
    with pytest.raises(NotIndexedError, match="--model other"):
        other.search("red")
    newer = open_(drive, with_model=ToyModel("toy", dim=40))
    with pytest.raises(NotIndexedError, match="another version"):
        newer.search("red")
    newer.index()
    assert len(newer.search("red", None)) == 18
    assert len(fresh.search("red", None)) == 18  # the old index is kept


def test_unknown_model_is_named(drive: Path) -> None:
    with pytest.raises(ModelError, match="no-such-model"):
        open_workspace(drive, "no-such-model")


def test_k_of_any_size_and_a_cut(ws: Workspace) -> None:
    assert ws.search("red", 0) == []
    assert len(ws.search("red", 10_000)) == 18
    everything = ws.search("red", None)
    cut = everything[6].score
    assert relatives(ws.search("red", None, above=cut)) == relatives(everything[:7])
    assert ws.search("red", None, above=2.0) == []


def test_restricting_to_folders_drives_and_ids(ws: Workspace, drive: Path) -> None:
    in_one = ws.search("red", None, within=["drive1"])
    assert {hit.relative.split("/")[0] for hit in in_one} == {"drive1"}
    assert len(in_one) == 6
    assert relatives(ws.search("red", None, within=[drive / "drive1"])) == relatives(in_one)
    both = ws.search("red", None, within=["drive1", "drive2"])
    assert len(both) == 12
    assert len(ws.search("red", None, within=[drive])) == 18
    for bad in ("../elsewhere", "/", "absent"):
        with pytest.raises(FolderError, match="no folder"):
            ws.search("red", within=[bad])
    assert len(ws.search("red", None, drive="drive0/red")) == 3
    assert len(ws.search("red", None, drive="red")) == 3
    with pytest.raises(QueryError, match='no drive "absent" here; there are: black, blue'):
        ws.search("red", None, drive="absent")
    ids = frozenset(hit.image_id for hit in both[:5])
    again = ws.search("white", None, filters=Filters(only=ids))
    assert {hit.image_id for hit in again} == ids
    rest = ws.search("red", None, filters=Filters(without=ids))
    assert len(rest) == 13
    assert len(ws.answer("red", filters=Filters(within=("drive1",))).scores) == 6


def test_hits_of_an_earlier_search_restrict_as_a_set_and_as_an_array(ws: Workspace) -> None:
    found = ws.answer("red").image_ids[3:9]
    ids = ImageIds(found)
    assert [*ids] == sorted(found.tolist())
    assert ids == ImageIds(set(found.tolist()))
    assert hash(ids) == hash(ImageIds([*found.tolist()] * 2))
    assert ids != ImageIds(found[1:])
    assert int(found[0]) in ids
    assert 10**9 not in ids
    as_set = Filters(only=frozenset(found.tolist()))
    kept = ws.answer("white", filters=Filters(only=ids)).image_ids
    assert kept.tolist() == ws.answer("white", filters=as_set).image_ids.tolist()
    assert len(kept) == 6


def test_restricting_to_cameras_and_times(open_: Open, tmp_path: Path) -> None:
    names = [
        f"{camera}/n015-2018-07-24-11-22-45+0800__{camera}__15324029{second:02d}000000.jpg"
        for camera in ("CAM_FRONT", "CAM_BACK")
        for second in range(0, 50, 10)
    ]
    for name in names:
        save_picture(tmp_path / "n" / name, COLOURS["red"])
    ws = open_(tmp_path / "n")
    ws.index()
    assert ws.groups("camera") == [("CAM_BACK", 5), ("CAM_FRONT", 5)]
    assert ws.drives() == [("n015-2018-07-24-11-22-45+0800", 10)]
    front = ws.search("red", None, filters=Filters(cameras=("CAM_FRONT",)))
    assert len(front) == 5
    later = ws.search("red", None, filters=Filters(since=1532402920.0, until=1532402940.0))
    assert len(later) == 4
    near = ws.neighbours(front[2].path, before=1, after=9)
    assert all(frame.camera == "CAM_FRONT" for frame in near)
    assert [frame.time for frame in near] == sorted(frame.time for frame in near)


def test_similar_and_neighbours(ws: Workspace, drive: Path, tmp_path: Path) -> None:
    image = drive / "drive0" / "red_000001.png"
    near = ws.similar(image, 2)
    assert {hit.path.name for hit in near} == {"red_000000.png", "red_000002.png"}
    assert [hit.rank for hit in near] == [1, 2]
    by_id = ws.similar(ws.frame(image).image_id, 2)
    assert by_id == near
    outside = save_picture(tmp_path / "outside.png", COLOURS["white"])
    assert all("white" in hit.relative for hit in ws.similar(outside, 3))
    row = ws.neighbours(image, before=5, after=5)
    assert [frame.path.name for frame in row] == [f"red_00000{i}.png" for i in range(3)]
    assert ws.neighbours(drive / "absent.png") == []
    assert ws.frame(drive / "absent.png") is None
    assert ws.frame(10**9) is None


def test_refining_by_marks_moves_the_query(ws: Workspace) -> None:
    blue, white = ws.search("blue", 3), ws.search("white", 3)
    only = Filters(only=frozenset(hit.image_id for hit in blue))
    before = ws.answer("white", filters=only)
    right, wrong = ([hit.path for hit in hits] for hits in (blue, white))
    after = ws.answer("white", filters=only, right=right, wrong=wrong)
    np.testing.assert_allclose(np.linalg.norm(after.direction), 1, atol=1e-5)
    assert after.scores.mean() > before.scores.mean() + 0.1
    absent = [drive_file.with_name("absent.png") for drive_file in right]
    gone = ws.answer("white", right=absent)
    np.testing.assert_allclose(gone.direction, before.direction, atol=1e-6)


def test_events_of_hits(ws: Workspace) -> None:
    events = ws.events(ws.search("red", 3))
    assert len(events) == 1
    assert len(events[0].hits) == 3
    assert events[0].best.rank == 1
    assert len(ws.events(ws.search("red", None))) == 6


def test_a_folder_inside_an_indexed_one_is_a_restriction(
    ws: Workspace, open_: Open, drive: Path, model: ToyModel
) -> None:
    model.calls.clear()
    inner = open_(drive / "drive1")
    assert len(inner.search("red", None)) == 6
    hit = inner.search("red", 1)[0]
    assert hit.root == drive / "drive1"
    assert hit.path == drive / "drive1" / hit.relative
    assert inner.index().unchanged == 6
    assert model.calls.count(0) == 0
    assert inner.status().total == 6
    assert inner.drives() == [("black", 3), ("green", 3)]
    assert {len(frames) for frames in [inner.neighbours(hit.path, 9, 9)]} == {3}
    assert inner.frame(drive / "drive0" / "red_000000.png") is None
    assert len(ws.search("red", None)) == 18


def test_two_folders_of_one_root(ws: Workspace, open_: Open, drive: Path) -> None:
    pair = open_(drive / "drive0", drive / "drive2")
    assert pair.index().unchanged == 12
    hits = pair.search("red", None)
    assert len(hits) == 12
    assert {hit.root.name for hit in hits} == {"drive0", "drive2"}
    assert all(hit.path.exists() for hit in hits)


def test_a_folder_that_holds_indexed_ones_takes_them_over(
    open_: Open, drive: Path, model: ToyModel
) -> None:
    inner = open_(drive / "drive1")
    inner.index()
    model.calls.clear()
    outer = open_(drive)
    assert outer.index().embedded == 12
    assert sum(model.calls) == 12
    assert len(outer.search("red", None)) == 18
    assert len(inner.search("red", None)) == 6
    assert inner.index().unchanged == 6


def test_several_folders_are_one_ranking(open_: Open, drive: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    save_picture(other / "red_000000.png", COLOURS["red"], 0)
    ws = open_(drive, other)
    report = ws.index()
    assert (report.total, report.embedded) == (19, 19)
    hits = ws.search("red", 4)
    assert {hit.root for hit in hits} == {drive, other}
    same = [hit for hit in ws.search("red", None) if hit.path.name == "red_000000.png"]
    assert same[0].score == same[1].score
    assert [hit.path for hit in same] == sorted(hit.path for hit in same)
    assert open_(drive, drive / "drive1", drive).roots == (drive,)
    third = tmp_path / "third"
    third.mkdir()
    assert len(open_(drive, third).search("red", None)) == 18  # the other is not indexed yet


def test_links_to_a_folder_are_that_folder(ws: Workspace, open_: Open, drive: Path) -> None:
    link = drive.with_name("link")
    link.symlink_to(drive)
    linked = open_(link)
    assert linked.index().unchanged == 18
    assert linked.search("red", 1)[0].path.parent.parent == link


def test_moved_folder_is_told_and_nothing_is_embedded_again(
    ws: Workspace, open_: Open, drive: Path, model: ToyModel, tmp_path: Path
) -> None:
    new = tmp_path / "renamed"
    drive.rename(new)
    with pytest.raises(FolderError, match="knows no folder"):
        ws.relocate(tmp_path / "absent", new)
    with pytest.raises(FolderError, match="does not exist"):
        ws.relocate(drive, tmp_path / "absent")
    ws.relocate(drive, new)
    moved = open_(new)
    assert moved.index().unchanged == 18
    assert moved.search("red", 1)[0].path.exists()


def test_how_far_each_index_is(ws: Workspace, open_: Open, drive: Path) -> None:
    other, made = ToyModel("other"), ws.model_fingerprint
    earlier = (Earlier((("plain", made),), 4, 0.9),)
    part = drive / "drive0"
    open_(part, with_model=other).index()
    infos = [
        ModelInfo("c4t", "c4t", graphs=(("int8", "unused"), ("plain", made))),
        ModelInfo("c4t:other", "c4t", fingerprint=other.fingerprint),
        ModelInfo("c4t:next", "c4t", fingerprint="n", earlier=earlier),
        ModelInfo("clip", "clip"),
    ]
    whole, some = (18, 18), (6, 18)
    assert count_indexed([drive], infos) == {
        "c4t": whole, "c4t:other": some, "c4t:next": whole, "clip": (0, 18),
    }  # fmt: skip
    assert count_indexed([part], infos[:2]) == {"c4t": (6, 6), "c4t:other": (6, 6)}
    assert count_indexed([drive / "unknown"], infos[:1]) == {"c4t": (0, 0)}


def test_forget_and_clean(ws: Workspace, open_: Open, drive: Path) -> None:
    open_(drive, with_model=ToyModel("other")).index()
    assert ws.clean(keep_models=[ws.model_fingerprint]) >= 0
    with pytest.raises(NotIndexedError):
        open_(drive, with_model=ToyModel("other")).search("red")
    assert len(ws.search("red", None)) == 18
    ws.forget(drive)
    with pytest.raises(NotIndexedError):
        ws.search("red")
    assert (drive / "drive0" / "red_000000.png").exists()
    assert ws.index().embedded == 18
    forget_folders([drive, drive / "unknown"])  # which need not be open
    with pytest.raises(NotIndexedError):
        ws.search("red")


def test_searching_while_another_thread_indexes(open_: Open, tmp_path: Path) -> None:
    for number in range(120):
        save_picture(tmp_path / "d" / f"{number:06d}.png", (number * 2, 90, 255 - number), number)
    ws = open_(tmp_path / "d")
    problems: list[BaseException] = []
    seen: list[list[int]] = [[], []]
    first_commit, finished = threading.Event(), threading.Event()

    def look(counts: list[int]) -> None:
        first_commit.wait(30)
        while not finished.is_set():
            try:
                hits = ws.search("blue", None)
                scores = [hit.score for hit in hits]
                assert scores == sorted(scores, reverse=True)
                assert len({hit.path for hit in hits}) == len(hits)
                counts.append(len(hits))
            except BaseException as error:  # noqa: BLE001
                problems.append(error)
                return

    threads = [threading.Thread(target=look, args=(counts,)) for counts in seen]
    for thread in threads:
        thread.start()
    committed: list[int] = []

    def on_commit() -> None:
        first_commit.set()
        committed.append(len(ws.search("blue", None)))

    ws.index(on_commit=on_commit, batch_size=8)
    finished.set()
    for thread in threads:
        thread.join()
    assert problems == []
    assert committed == [*range(8, 121, 8)]
    assert any(seen)
    assert seen == [sorted(counts) for counts in seen]  # to no reader do hits get lost


def test_catalogue_falls_back_where_wal_does_not_work(
    open_: Open, drive: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NetworkDrive(sqlite3.Connection):
        """Lets WAL be switched on, and then cannot write through it."""

        def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:
            if sql.startswith("BEGIN"):
                (mode,) = super().execute("PRAGMA journal_mode").fetchone()
                if mode == "wal":
                    raise sqlite3.OperationalError("disk I/O error")
            return super().execute(sql, *more)

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=NetworkDrive))
    ws = open_(drive)
    assert ws.index().embedded == 18
    assert len(ws.search("red", None)) == 18
    with contextlib.closing(sqlite3.connect(data_dir / "catalogue.sqlite")) as database:
        assert database.execute("PRAGMA journal_mode").fetchone()[0] == "delete"


def test_nothing_is_written_into_the_image_folder(ws: Workspace, drive: Path) -> None:
    before = {path: os.stat(path).st_mtime_ns for path in [drive, *drive.rglob("*")]}
    ws.index()
    ws.search("red")
    ws.search(f"@{next(drive.rglob('*.png'))}")
    after = {path: os.stat(path).st_mtime_ns for path in [drive, *drive.rglob("*")]}
    assert after == before


def test_indexing_and_searching_load_nothing_heavy(drive: Path, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from tests.helpers.toy_model import ToyModel\n"
        "import c4t_core\n"
        "with c4t_core.open_workspace(sys.argv[1], ToyModel()) as ws:\n"
        "    ws.index(); assert len(ws.search('red', 5)) == 5\n"
        "heavy = {'torch', 'transformers', 'timm', 'open_clip', 'PySide6', 'matplotlib'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(drive)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
