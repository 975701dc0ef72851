"""A shared table answers as the folder it was made of, and follows it; nothing else is read."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from c4t_core.cli import main
from c4t_core.cluster import copying
from c4t_core.cluster.opening import newer_tables
from c4t_core.cluster.table import Header, Row, create_table, open_table
from c4t_core.errors import Cancelled, DataError, FolderError, NotIndexedError
from c4t_core.index.query import Filters, Hit
from c4t_core.index.store.catalogue import Catalogue, catalogue_path
from c4t_core.workspace import Workspace
from tests.helpers.toy_model import COLOURS, ToyModel, save_picture

pytest.importorskip("lancedb")
Open = Callable[..., Workspace]
Share = Callable[[Sequence[Path], Path], copying.Brought]
FILTERS = (
    Filters(),
    Filters(drives=("drive1",)),
    Filters(drives=("drive0", "drive2")),
    Filters(since=1_791_563_999.0, until=1_791_564_002.0),
)


def told(hits: Sequence[Hit]) -> list[tuple[object, ...]]:
    return [(h.path, h.score, h.drive, h.camera, h.frame, h.time, h.rank) for h in hits]


@pytest.fixture
def team(drive: Path, tmp_path: Path, open_: Open, share: Share) -> Path:
    """A table of a folder with one file that cannot be used."""
    (drive / "drive0" / "bad.png").write_bytes(b"not a picture")
    open_(drive).index()
    share([drive], tmp_path / "team.lance")
    return tmp_path / "team.lance"


def vectors(*addresses: Path | str) -> dict[object, bytes]:
    """Return the vectors in the catalogue below some roots, by drive and name."""
    with contextlib.closing(Catalogue(catalogue_path())) as catalogue, catalogue.reading() as db:
        rows = db.execute("SELECT root_id, path, vector FROM vectors JOIN images i ON i.id"
                          " = frame_id").fetchall()  # fmt: skip
        chosen = {root.id for root in catalogue.roots() if {root.shared or root.path}
                  & set(map(str, addresses))}  # fmt: skip
    return {path: bytes(vector) for root, path, vector in rows if root in chosen}


def test_a_table_answers_as_its_folder_does(drive: Path, team: Path, open_: Open) -> None:
    folder, shared = open_(drive), open_(team)
    assert shared.drives() == folder.drives()
    assert [(one.path, one.reason) for one in shared.skipped()] == [
        (one.path, one.reason) for one in folder.skipped()
    ]
    for query in (*COLOURS, "red + blue", "2:green - red"):
        for filters in FILTERS:
            expected = told(folder.search(query, None, filters=filters))
            assert told(shared.search(query, None, filters=filters)) == expected
    assert len(expected) == 12
    assert vectors(team) == vectors(drive)
    assert len(vectors(team)) == 18


def test_what_is_new_changed_and_gone_is_followed(
    drive: Path, team: Path, open_: Open, share: Share
) -> None:
    before = open_(team)
    files = sorted(drive.rglob("red*.png"))
    files[0].unlink()
    save_picture(files[1], COLOURS["blue"], 9)
    save_picture(drive / "drive9" / "new.png", COLOURS["red"], 1)
    (drive / "drive0" / "bad.png").unlink()
    folder = open_(drive)
    folder.index()
    brought = share([drive], team)
    assert (brought.new, brought.gone, brought.there) == (2, 2, 18)
    assert newer_tables(before) == (str(team),)
    assert files[0] in {
        hit.path for hit in before.search("red", None)
    }  # the version that was opened
    report = before.index()
    assert (report.embedded, report.gone, report.unchanged) == (2, 1, 16)
    assert not newer_tables(before)
    assert told(before.search("red", None)) == told(folder.search("red", None))
    assert not before.skipped()
    assert share([drive], team).new == 0


def test_the_tables_folders_need_not_be_there(
    drive: Path, team: Path, open_: Open, tmp_path: Path
) -> None:
    drive.rename(tmp_path / "elsewhere")
    assert len(open_(team).search("red", None)) == 18


def test_its_folders_may_lie_elsewhere_on_this_machine(
    drive: Path, team: Path, open_: Open, tmp_path: Path
) -> None:
    expected = [(hit.relative, hit.score) for hit in open_(drive).search("red", None)]
    open_(team)
    drive.rename(tmp_path / "mounted")
    assert main(["table", "place", str(team), str(drive), str(tmp_path / "mounted")]) == 0
    workspace = open_(team)
    hits = workspace.search("red", None)
    assert [(hit.relative, hit.score) for hit in hits] == expected
    assert all(hit.path.is_file() for hit in hits)
    assert all(str(drive) not in name for name, _ in workspace.drives())
    assert main(["table", "place", str(team), "/nowhere", str(tmp_path)]) == 1
    assert main(["table", "place", str(team), str(drive), str(tmp_path / "not there")]) == 1


def test_without_its_table_what_was_copied_answers(team: Path, open_: Open) -> None:
    open_(team)
    team.rename(team.with_name("away.lance"))
    workspace = open_(team)
    assert "no table" in workspace.notices[-1]
    assert len(workspace.search("red", None)) == 18
    with pytest.raises(FolderError, match="no table"):
        open_(team.with_name("never.lance"))


def test_a_stopped_copy_goes_on(team: Path, open_: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "AT_ONCE", 5)

    def stop(done: int, total: int) -> None:
        if done >= 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        open_(team, progress=stop)
    assert len(vectors(team)) == 5
    seen: list[tuple[int, int]] = []
    assert len(open_(team, progress=lambda *of: seen.append(of)).search("red", None)) == 18
    assert seen[-1] == (14, 14)  # what was there is not read again


def test_another_table_of_the_same_name_is_no_mixture(
    team: Path, drive: Path, open_: Open, tmp_path: Path, share: Share
) -> None:
    open_(team)
    save_picture(tmp_path / "other" / "1.png", COLOURS["red"], 1)
    open_(tmp_path / "other").index()
    share([tmp_path / "other"], tmp_path / "second.lance")
    team.rename(tmp_path / "first.lance")
    (tmp_path / "second.lance").rename(team)
    assert [hit.relative for hit in open_(team).search("red", None)] == ["1.png"]


def test_names_outside_the_roots_are_left_out_and_said(
    tmp_path: Path, open_: Open, model: ToyModel
) -> None:
    shared = create_table(tmp_path / "evil.lance", Header("toy", model.fingerprint, model.dim))
    vector = np.eye(model.dim, dtype=np.float16)[0]
    names = [b"../../etc/passwd", b"/etc/passwd", b"a/../../x.png", b"sound.png"]
    shared.commit([Row(str(tmp_path / "d"), name, 1, 1, vector=vector) for name in names])
    shared.commit([Row("/", b"etc/passwd", 1, 1, vector=vector)])
    shared.commit([Row("relative", b"x.png", 1, 1, vector=vector)])
    shared.commit([Row("s3://me:secret@bucket", b"x.png", 1, 1, vector=vector)])
    workspace = open_(tmp_path / "evil.lance")
    assert [hit.relative for hit in workspace.search(vector.astype(np.float32))] == ["sound.png"]
    assert any("6 rows" in notice for notice in workspace.notices)
    assert "secret" not in "".join(workspace.notices)


def test_the_drives_of_a_table_that_was_never_opened(
    drive: Path, tmp_path: Path, model: ToyModel, capsys: pytest.CaptureFixture[str], open_: Open
) -> None:
    shared = create_table(tmp_path / "team.lance", Header("toy", model.fingerprint, model.dim))
    shared.commit([Row(str(drive), b"a/1.png", 1, 1, vector=np.ones(model.dim, np.float16))])
    assert main(["drives", shared.address]) == 1
    assert "c4t search" in capsys.readouterr().err
    open_(shared.address)
    assert main(["drives", shared.address]) == 0


def test_a_table_of_another_model_says_so(tmp_path: Path, open_: Open) -> None:
    shared = create_table(tmp_path / "team.lance", Header("c4t:night", "another", 4))
    shared.commit([Row(str(tmp_path), b"1.png", 1, 1, vector=np.ones(4, np.float16))])
    with pytest.raises(NotIndexedError, match='made with "c4t:night"'):
        open_(tmp_path / "team.lance").search("red")


def test_of_another_network_nothing_is_written_into_a_table(
    tmp_path: Path, drive: Path, open_: Open, share: Share
) -> None:
    create_table(tmp_path / "team.lance", Header("toy", "another", 4))
    open_(drive).index()
    with pytest.raises(DataError, match="do not mix"):
        share([drive], tmp_path / "team.lance")
    with pytest.raises(NotIndexedError, match="index it first"):
        share([tmp_path], tmp_path / "new.lance")


def test_from_a_table_back_into_a_workspace_bit_for_bit(
    drive: Path, team: Path, open_: Open, data_dir: Path, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    expected = vectors(drive)
    monkeypatch.setenv("C4T_DATA_DIR", str(tmp_path / "another machine"))
    save_picture(drive / "drive0" / "own.png", COLOURS["red"], 5)
    with contextlib.closing(Catalogue(catalogue_path())) as catalogue:
        brought = copying.to_workspace(str(team), catalogue)
    assert (brought.new, brought.gone) == (18, 0)
    assert vectors(drive) == expected
    report = open_(drive).index()
    assert (report.embedded, report.unchanged, len(report.skipped)) == (1, 18, 1)


def test_facts_come_along(tmp_path: Path, open_: Open, model: ToyModel) -> None:
    header = Header("toy", model.fingerprint, model.dim, ("car", "person"))
    shared = create_table(tmp_path / "team.lance", header)
    facts = np.zeros((2, 6), np.float16)
    facts[1] = (0.9, 0.8, 0.7, 0.1, 0.0, 2.0)
    vector = np.eye(model.dim, dtype=np.float16)[0]
    shared.commit([Row(str(tmp_path), b"1.png", 1, 1, vector=vector, facts=facts),
                   Row(str(tmp_path), b"2.png", 1, 1, vector=vector)])  # fmt: skip
    workspace = open_(tmp_path / "team.lance")
    hits = {hit.relative: hit for hit in workspace.search(vector.astype(np.float32))}
    assert hits["2.png"].seen is None
    seen = hits["1.png"].seen
    assert seen is not None
    assert np.frombuffer(seen.packed, "<f2").reshape(2, 6).tobytes() == facts.tobytes()


def test_drives_at_an_address_are_named_and_found_as_those_in_folders(
    drive: Path, team: Path, open_: Open
) -> None:
    near = open_(team)
    expected = [(hit.relative, hit.drive) for hit in near.search("red", None)]
    known = open_table(team)
    rows = [replace(row, root="s3://bucket/drives", drive=row.drive.replace(str(drive), place, 1))
            for number, row in enumerate(known.rows([k.number for k in known.known().values()]))
            for place in ["s3:/bucket/drives" if number % 2 else "s3://bucket/drives"]]  # fmt: skip
    create_table(team.with_name("far.lance"), known.header).commit(rows)
    far = open_(team.with_name("far.lance"))
    assert [(hit.relative, hit.drive) for hit in far.search("red", None)] == expected
    assert far.drives() == near.drives()
    for asked in ("drive1", "s3://bucket/drives/drive1", "s3:/bucket/drives/drive1", "drives/*1"):
        assert {hit.drive for hit in far.search("red", None, drive=asked)} == {"drive1"}
    both = open_(team, team.with_name("far.lance")).drives()
    assert [name for name, _ in both if name.startswith("bucket")] == [
        f"bucket/drives/drive{number}" for number in range(3)
    ]
    for within in ("s3://bucket/drives/drive1", "s3:/bucket/drives/drive1/", "drive1"):
        assert {hit.drive for hit in far.search("red", None, within=[within])} == {"drive1"}
    assert far.frame(f"s3://bucket/drives/{expected[0][0]}") is not None
    with pytest.raises(FolderError):
        near.search("red", None, within=["s3://bucket/drives"])


def test_a_table_is_forgotten_with_all_its_folders(team: Path, open_: Open) -> None:
    workspace = open_(team)
    workspace.forget(team)
    with contextlib.closing(Catalogue(catalogue_path())) as catalogue:
        assert not [root for root in catalogue.roots() if root.shared]
        assert catalogue.copied(str(team)) is None
    assert os.path.isdir(team)


def test_a_folder_that_holds_a_table_is_no_part_of_it(
    drive: Path, team: Path, open_: Open, tmp_path: Path
) -> None:
    open_(team)
    around = open_(tmp_path)
    around.index()  # takes over the folder in it, not the table's rows
    assert len(around.search("red", None)) == 18
    assert len(open_(team).search("red", None)) == 18


def test_what_did_not_change_is_told_without_lance(
    team: Path, open_: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_(team)
    monkeypatch.setitem(sys.modules, "lancedb", None)
    workspace = open_(team)
    assert not newer_tables(workspace)
    monkeypatch.undo()
    shared = open_table(team)
    shared.commit([Row("/data", b"1.png", 1, 1, reason="bad")])
    assert newer_tables(workspace)
