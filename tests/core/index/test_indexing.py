"""Indexing: what is new or changed is embedded once, and nothing is ever lost or shifted."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from c4t_core.errors import BusyError, C4TError, Cancelled, CatalogueError, FolderError
from c4t_core.images.decode import open_image
from c4t_core.images.scan import NO_RULES
from c4t_core.index.embed import embed_images, embed_stream
from c4t_core.index.store import catalogue
from c4t_core.workspace import Workspace, open_workspace
from tests.helpers.toy_model import COLOURS, ToyModel, save_picture

Open = Callable[..., Workspace]


def all_vectors(workspace: Workspace) -> dict[str, bytes]:
    hits = workspace.search("white", k=None)
    rows = workspace.vectors([hit.image_id for hit in hits])
    return {hit.relative: rows[hit.image_id].tobytes() for hit in hits}


def counts(workspace: Workspace, **more) -> tuple[int, int, int, int, int, int]:
    r = workspace.index(**more)
    return r.total, r.embedded, r.unchanged, r.gone, r.offline, len(r.skipped)


def test_first_run_second_run_and_changes(open_: Open, drive: Path, model: ToyModel) -> None:
    ws = open_(drive)
    assert counts(ws) == (18, 18, 0, 0, 0, 0)
    model.calls.clear()
    assert counts(ws) == (18, 0, 18, 0, 0, 0)
    assert model.calls == []
    save_picture(drive / "drive0" / "red_000000.png", COLOURS["blue"])
    (drive / "drive0" / "red_000001.png").unlink()
    save_picture(drive / "drive9" / "new1.png", COLOURS["green"])
    os.utime(drive / "drive0" / "red_000000.png", ns=(5, 5))
    assert counts(ws) == (18, 2, 16, 1, 0, 0)
    reds = [hit.relative for hit in ws.search("red", 3)]
    assert "drive0/red_000000.png" not in reds
    assert "drive0/red_000001.png" not in [hit.relative for hit in ws.search("red", None)]


def test_only_the_files_asked_for_are_embedded_and_the_rest_is_due_later(
    open_: Open, drive: Path, model: ToyModel
) -> None:
    ws = open_(drive)
    asked = [drive / "drive0" / f"red_{number:06d}.png" for number in range(3)]
    assert counts(ws, only=asked) == (3, 3, 0, 0, 0, 0)
    assert sum(model.calls) == 3
    assert counts(ws, only=asked) == (3, 0, 3, 0, 0, 0)
    assert sum(model.calls) == 3
    found = ws.vectors([*asked, drive / "drive1" / "green_000000.png"])
    assert list(found) == asked
    wanted = model.encode_images([open_image(asked[1], model.min_side)])[0]
    assert np.allclose(found[asked[1]], wanted, atol=1e-3)  # kept in half precision
    assert counts(ws) == (18, 15, 3, 0, 0, 0)


def test_vectors_are_those_of_the_files(open_: Open, drive: Path, model: ToyModel) -> None:
    ws = open_(drive)
    ws.index(batch_size=4)
    for hit in ws.search("red", None):
        wanted = model.encode_images([open_image(hit.path, model.min_side)])[0]
        stored = ws.vectors([hit.image_id])[hit.image_id]
        np.testing.assert_allclose(stored, wanted, atol=1e-3)
        np.testing.assert_allclose(np.linalg.norm(stored), 1, atol=1e-5)


def test_one_bad_file_shifts_no_row(open_: Open, drive: Path) -> None:
    (drive / "drive0" / "black0_cut.png").write_bytes(b"\x89PNG\r\n\x1a\n junk")
    (drive / "drive0" / "zzz.jpg").write_text("text")
    (drive / "drive1" / "empty.png").write_bytes(b"")
    os.mkfifo(drive / "pipe.png")
    ws = open_(drive)
    report = ws.index(batch_size=5)
    assert (report.total, report.embedded, len(report.skipped)) == (22, 18, 4)
    assert {entry.path.name for entry in report.skipped} == {
        "black0_cut.png",
        "zzz.jpg",
        "empty.png",
        "pipe.png",
    }
    assert all(entry.reason for entry in report.skipped)
    for name in COLOURS:
        top = ws.search(name, 3)
        assert {hit.path.name[: len(name)] for hit in top} == {name}
    assert counts(ws) == (22, 0, 18, 0, 0, 4)
    assert len(ws.skipped()) == 4
    save_picture(drive / "drive0" / "zzz.jpg", COLOURS["red"])
    assert counts(ws) == (22, 1, 18, 0, 0, 3)
    assert ws.retry_skipped() == 3
    (drive / "drive1" / "empty.png").unlink()
    assert counts(ws) == (21, 0, 19, 0, 0, 2)


def test_rows_without_numbers_fail_with_a_reason(
    open_: Open, drive: Path, model: ToyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = model.encode_pixels

    def sometimes(pixels: np.ndarray) -> np.ndarray:
        rows = real(pixels)
        rows[pixels[:, 8, 8, 0] > 235] = np.nan  # the white ones
        rows[(pixels[:, 8, 8, 1] > 190) & (pixels[:, 8, 8, 0] < 50), 0] = np.inf  # the green ones
        return rows

    monkeypatch.setattr(model, "encode_pixels", sometimes)
    ws = open_(drive)
    report = ws.index()
    assert (report.embedded, len(report.skipped)) == (12, 6)
    assert all("no usable numbers" in entry.reason for entry in report.skipped)
    monkeypatch.setattr(model, "encode_pixels", real)
    assert np.isfinite(ws.answer("red").scores).all()
    assert len(ws.answer("red").scores) == 12


def test_batch_is_halved_when_memory_runs_out(
    drive: Path, model: ToyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = sorted(drive.rglob("drive*/*.png"))
    plain, _, _ = embed_images(paths, model)
    real = model.encode_pixels
    sizes: list[int] = []

    def tight(pixels: np.ndarray) -> np.ndarray:
        sizes.append(len(pixels))
        if len(pixels) > 3:
            raise RuntimeError("Failed to allocate memory for requested buffer")
        return real(pixels)

    monkeypatch.setattr(model, "encode_pixels", tight)
    rows, good, skipped = embed_images(paths, model, batch_size=16)
    np.testing.assert_array_equal(rows, plain)
    assert good == list(range(18))
    assert not skipped
    assert sizes[:3] == [16, 8, 4]
    assert max(sizes[4:]) <= 3 or max(sizes[3:]) <= 4

    def never(pixels: np.ndarray) -> np.ndarray:
        raise MemoryError

    monkeypatch.setattr(model, "encode_pixels", never)
    with pytest.raises(C4TError, match="memory"):
        embed_images(paths, model)

    def broken(pixels: np.ndarray) -> np.ndarray:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(model, "encode_pixels", broken)
    with pytest.raises(RuntimeError, match="ours"):
        embed_images(paths, model)


def test_pipeline_is_bounded_and_ordered(drive: Path, model: ToyModel) -> None:
    paths = sorted(drive.rglob("drive*/*.png")) * 10
    prepared: list[int] = []
    real = model.prepare
    model.prepare = lambda image: (prepared.append(1), real(image))[1]  # type: ignore[method-assign]
    taken: list[int] = []
    for batch in embed_stream(paths, model, batch_size=4, threads=3):
        taken += [item.index for item in batch.good]
        assert len(prepared) <= len(taken) + 4 * 4 + 2 * 3
    assert taken == list(range(len(paths)))
    assert not [t for t in threading.enumerate() if t.name.startswith("c4t-decode")]


def test_cancel_keeps_what_is_done_and_resumes(open_: Open, drive: Path, model: ToyModel) -> None:
    ws = open_(drive)
    seen: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        seen.append((done, total))
        if done >= 8:
            raise Cancelled

    with pytest.raises(Cancelled):
        ws.index(stop, batch_size=4)
    assert seen[-1] == (8, 18)
    assert (0, 18) in seen
    assert len(ws.search("red", None)) == 8
    assert counts(ws) == (18, 10, 8, 0, 0, 0)
    fresh = all_vectors(ws)
    shutil.rmtree(catalogue.catalogue_path().parent)
    again = open_(drive)
    again.index(batch_size=7)
    assert all_vectors(again) == fresh


def test_a_second_writer_is_told_who_holds_the_folder(open_: Open, drive: Path) -> None:
    first, second = open_(drive), open_(drive)

    def meanwhile(done: int, total: int) -> None:
        if done == 4:
            assert "this program" in (second.status().folders[0].busy or "")
            with pytest.raises(BusyError, match="this program"):
                second.index()
            other = open_(drive, with_model=ToyModel("other"))
            assert other.index().embedded == 18  # one writer per folder *and model*
            assert second.search("red", 1)  # readers are never blocked

    first.index(meanwhile, batch_size=4)
    assert second.status().folders[0].busy is None
    assert second.index().unchanged == 18


def test_a_lock_left_behind_is_no_obstacle(open_: Open, drive: Path, data_dir: Path) -> None:
    ws = open_(drive)
    ws.index()
    (lock,) = (data_dir / "locks").iterdir()
    lock.write_text('{"pid": 1, "host": "elsewhere", "since": 1}')
    assert ws.status().folders[0].busy is None
    assert ws.index().unchanged == 18


def test_unplugged_folder_is_offline_and_comes_back(open_: Open, drive: Path) -> None:
    ws = open_(drive)
    ws.index()
    before = [hit.path for hit in ws.search("red", None)]
    away = drive.with_name("away")
    drive.rename(away)
    assert counts(ws) == (18, 0, 0, 0, 18, 0)
    status = ws.status()
    assert status.folders[0].offline
    assert status.offline == 18
    assert [hit.path for hit in ws.search("red", None)] == before
    drive.mkdir()  # an empty mount point
    assert counts(ws) == (18, 0, 0, 0, 18, 0)
    reopened = open_(drive)
    assert len(reopened.search("red", None)) == 18
    drive.rmdir()
    assert open_(drive).status().offline == 18  # known, though not there
    away.rename(drive)
    assert counts(ws) == (18, 0, 18, 0, 0, 0)
    assert not ws.status().folders[0].offline


def test_folder_deleted_while_indexed_stops_cleanly(open_: Open, drive: Path) -> None:
    ws = open_(drive)

    def delete(done: int, total: int) -> None:
        if done == 4:
            shutil.rmtree(drive)

    report = ws.index(delete, batch_size=2)
    assert report.embedded >= 4
    assert report.gone == 0
    assert report.embedded + report.offline == 18
    assert len(ws.search("red", None)) == report.embedded


def test_file_deleted_or_replaced_while_indexed(open_: Open, drive: Path) -> None:
    ws = open_(drive)
    last = sorted(drive.rglob("drive2/*.png"))[-1]
    other = sorted(drive.rglob("drive2/*.png"))[-2]

    def change(done: int, total: int) -> None:
        if done == 2:
            last.unlink()
            save_picture(other, COLOURS["green"])
            os.utime(other, ns=(7, 7))

    report = ws.index(change, batch_size=1)
    assert (report.embedded, report.gone, report.skipped) == (17, 1, [])
    assert ws.search("green", 4)[3].relative == other.relative_to(drive).as_posix()
    assert counts(ws) == (17, 0, 17, 0, 0, 0)


def test_file_that_changes_while_it_is_read(
    open_: Open, drive: Path, model: ToyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = drive / "drive0" / "red_000000.png"
    real = model.prepare
    done: list[int] = []

    def meddle(image: Image.Image) -> np.ndarray:
        if not done:
            done.append(1)
            for path in drive.rglob("drive0/*.png"):
                os.utime(path, ns=(9, 9))
        return real(image)

    monkeypatch.setattr(model, "prepare", meddle)
    report = open_(drive).index()
    assert any("changed while" in entry.reason for entry in report.skipped)
    assert open_(drive).index().skipped == []
    assert target.exists()


def test_full_disk_pauses_with_a_message_and_loses_nothing(
    open_: Open, drive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws = open_(drive)
    real = sqlite3.connect

    class Full(sqlite3.Connection):
        def execute(self, sql, *more):  # type: ignore[no-untyped-def]
            if sql.startswith("INSERT INTO vectors"):
                Full.left -= 1
                if Full.left < 0:
                    raise sqlite3.OperationalError("database or disk is full")
            return super().execute(sql, *more)

        left = 10

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", lambda *a, **k: real(*a, **{**k, "factory": Full}))
        with pytest.raises(CatalogueError, match=r"full; free some space"):
            ws.index(batch_size=4)
    assert len(ws.search("red", None)) == 8
    assert counts(ws) == (18, 10, 8, 0, 0, 0)


def test_read_only_data_folder_is_said(
    open_: Open, drive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws = open_(drive)
    ws.index()
    (drive / "drive0" / "red_000000.png").unlink()
    real = sqlite3.connect

    class ReadOnly(sqlite3.Connection):
        def execute(self, sql, *more):  # type: ignore[no-untyped-def]
            if sql.startswith("BEGIN IMMEDIATE"):
                raise sqlite3.OperationalError("attempt to write a readonly database")
            return super().execute(sql, *more)

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", lambda *a, **k: real(*a, **{**k, "factory": ReadOnly}))
        with pytest.raises(CatalogueError, match="C4T_DATA_DIR"):
            ws.index()
        assert len(open_(drive).search("red", None)) == 18  # searching needs no writing
    assert counts(ws) == (17, 0, 17, 1, 0, 0)


def test_data_folder_that_cannot_be_made(
    drive: Path, model: ToyModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("C4T_DATA_DIR", str(tmp_path / "file" / "data"))
    with pytest.raises(CatalogueError, match="C4T_DATA_DIR"):
        open_workspace(drive, model)


@pytest.mark.parametrize("harm", ["header", "middle", "cut", "text"])
def test_damaged_catalogue_is_set_aside_and_said(
    open_: Open, drive: Path, data_dir: Path, harm: str
) -> None:
    ws = open_(drive)
    ws.index()
    fresh = all_vectors(ws)
    ws.close()
    path = data_dir / "catalogue.sqlite"
    content = bytearray(path.read_bytes())
    if harm == "header":
        content[:100] = bytes(100)
    elif harm == "middle":
        page = int.from_bytes(content[16:18], "big")
        for start in range(page, len(content) - page // 2, page):
            content[start : start + 200] = b"\xff" * 200
    elif harm == "cut":
        del content[len(content) // 2 :]
    else:
        content = bytearray(b"this is no database, however long it may be" * 100)
    path.write_bytes(content)
    again = open_(drive)
    assert len(again.notices) == 1
    assert "set aside" in again.notices[0]
    assert len(list(data_dir.glob("catalogue.sqlite.damaged-*"))) >= 1
    again.index()
    assert all_vectors(again) == fresh
    assert open_(drive).notices == []
    assert again.space().damaged > 0
    assert again.clean() > 0
    assert again.space().damaged == 0


def test_catalogue_of_a_newer_version_is_left_alone(
    open_: Open, drive: Path, data_dir: Path
) -> None:
    open_(drive).close()
    with sqlite3.connect(data_dir / "catalogue.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(CatalogueError, match="newer version"):
        open_(drive)


def test_labels_are_left_out_and_rules_can_be_changed(open_: Open, drive: Path) -> None:
    ws = open_(drive)
    assert ws.index().total == 18
    ws.set_exclude_rules(NO_RULES)
    assert ws.index().embedded == 18
    assert len(ws.search("red", None)) == 36
    assert open_(drive).exclude_rules() == NO_RULES
    only = open_(drive / "labels")  # a chosen folder is never left out
    only.index()
    assert len(only.search("red", None)) == 18


def test_excluded_folder_opened_itself_is_a_root(open_: Open, drive: Path) -> None:
    ws = open_(drive)
    ws.index()
    labels = open_(drive / "labels")
    assert labels.index().total == 18
    assert len(labels.search("red", None)) == 18
    assert ws.index().total == 18  # and it is still left out of the other


def test_unreadable_missing_and_wrong_folders(open_: Open, tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="does not exist"):
        open_(tmp_path / "absent")
    (tmp_path / "file.png").write_bytes(b"x")
    with pytest.raises(FolderError, match="is a file"):
        open_(tmp_path / "file.png")
    (tmp_path / "empty").mkdir()
    ws = open_(tmp_path / "empty")
    assert counts(ws) == (0, 0, 0, 0, 0, 0)
    assert ws.search("red") == []
    assert ws.status().total == 0


def test_odd_names_are_indexed_and_found(open_: Open, tmp_path: Path) -> None:
    folder = tmp_path / "od\nd"
    folder.mkdir()
    odd = [b"a\nb.png", b"\xff\xfe\x80.png", "\N{PILE OF POO}.png".encode(), b"-rf.png", b"<b>.png"]
    for name in odd:
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:
            Image.new("RGB", (8, 8), COLOURS["red"]).save(file, "PNG")
    ws = open_(folder)
    assert ws.index().embedded == 5
    hits = ws.search("red", None)
    assert {os.fsencode(hit.path.name) for hit in hits} == set(odd)
    assert all(hit.path.exists() for hit in hits)
    assert all(ws.frame(hit.path) is not None for hit in hits)


def test_all_odd_images_get_through(open_: Open, odd_images: Path) -> None:
    ws = open_(odd_images)
    report = ws.index()
    assert report.total == report.embedded + len(report.skipped)
    assert report.embedded > 200
    assert 10 <= len(report.skipped) < 40
    assert all(entry.reason for entry in report.skipped)
    assert ws.index().embedded == 0


def test_a_vector_that_is_missing_is_made_again_whoever_else_has_all(
    open_: Open, drive: Path, data_dir: Path
) -> None:
    ws = open_(drive)
    total = ws.index().total
    ws.close()
    with contextlib.closing(sqlite3.connect(data_dir / "catalogue.sqlite")) as db, db:
        db.execute("DELETE FROM vectors WHERE id = (SELECT MIN(id) FROM vectors)")
    again = open_(drive).index()
    assert (again.embedded, again.unchanged, again.total) == (1, total - 1, total)
