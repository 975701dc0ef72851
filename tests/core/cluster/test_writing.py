"""A table holds what an index of the same folders holds, whoever wrote it and however it ended."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from c4t_core import cli
from c4t_core.cluster.planning import estimate
from c4t_core.cluster.table import open_table
from c4t_core.cluster.writing import Writing
from c4t_core.errors import BusyError, Cancelled, DataError, FolderError
from c4t_core.index.store.catalogue import catalogue_path, lock_path
from c4t_core.index.vectors.locks import writer_lock
from c4t_core.workspace import open_workspace
from tests.helpers.toy_model import ToyModel, save_picture

pytest.importorskip("lancedb")
ROOT = Path(__file__).parents[3]
Told = dict[str, tuple[Any, ...]]


@pytest.fixture
def drives(tmp_path: Path) -> Path:
    """Two drives of 40 pictures, two of them bad, with labels that are left out."""
    folder = tmp_path / "frames"
    rng = random.Random(3)
    for number in range(38):
        place = folder / f"d{number % 2}" / "cam_front" / f"{number:06d}.png"
        save_picture(place, (rng.randrange(256), rng.randrange(256), 90), number)
        save_picture(folder / "labels" / f"{number}.png", (9, 9, 9))
    (folder / "d0" / "cam_front" / "000100.png").write_bytes(b"no picture")
    (folder / "d1" / "cam_front" / "000101.jpg").write_bytes(b"")
    (folder / "d1" / "it's \\ odd.png").write_bytes(
        (folder / "d0/cam_front/000000.png").read_bytes()
    )
    (folder / "d1" / "drive.mp4").write_bytes(b"film")
    return folder


def of_table(address: Path, root: Path | str) -> tuple[Told, dict[str, np.ndarray]]:
    """What a table says of each file, and the vectors."""
    table = open_table(address)
    rows = list(table.rows([one.number for one in table.known().values()]))
    assert len(rows) == len(table)
    assert {row.root for row in rows} <= {str(root)}
    told = {
        os.fsdecode(r.path): (r.drive, r.camera, r.frame, r.time, r.size, r.mtime_ns, r.reason)
        for r in rows
        if r.reason is None
    }
    return told, {os.fsdecode(r.path): r.vector for r in rows if r.vector is not None}


def of_index() -> tuple[Told, dict[str, np.ndarray]]:
    """The same of a catalogue."""
    with sqlite3.connect(catalogue_path()) as db:
        found = db.execute(
            "SELECT s.path, d.path, f.camera, f.frame, f.time, s.size, s.mtime_ns, v.vector"
            " FROM sources s JOIN frames f ON f.source_id = s.id JOIN drives d ON d.id = f.drive_id"
            " JOIN vectors v ON v.frame_id = f.id"
        ).fetchall()
    told = {os.fsdecode(name): (os.fsdecode(drive), *more, None) for name, drive, *more, _ in found}
    return told, {os.fsdecode(line[0]): np.frombuffer(line[-1], "<f2") for line in found}


def assert_equal(ours: tuple[Told, dict[str, np.ndarray]], theirs: Any) -> None:
    assert ours[0] == theirs[0]
    assert ours[1].keys() == theirs[1].keys()
    for name, vector in ours[1].items():
        assert vector.astype(float) @ theirs[1][name].astype(float) >= 0.999_99 * (
            np.linalg.norm(vector.astype(float)) * np.linalg.norm(theirs[1][name].astype(float))
        )


def assert_indexed(drives: Path, table: Path) -> None:
    """The table holds what an index of the folder as it is now holds."""
    with open_workspace(drives, ToyModel()) as workspace:
        workspace.index()
    assert_equal(of_table(table, drives), of_index())


def test_a_table_holds_what_an_index_holds(drives: Path, tmp_path: Path) -> None:
    table = tmp_path / "team.lance"
    report = Writing([drives], table, ToyModel())()
    with open_workspace(drives, ToyModel()) as workspace:
        assert report == workspace.index()
    assert_equal(of_table(table, drives), of_index())
    shared = open_table(table)
    failed = [row for row in shared.rows([k.number for k in shared.known().values()]) if row.reason]
    assert {os.fsdecode(row.path)[-10:] for row in failed} == {"000100.png", "000101.jpg"}
    assert all(row.vector is None for row in failed)
    assert shared.header.fingerprint == ToyModel().fingerprint


def test_another_run_does_only_what_is_new(drives: Path, tmp_path: Path) -> None:
    table = tmp_path / "team.lance"
    Writing([drives], table, ToyModel())()
    before, version = of_table(table, drives), open_table(table).version
    model = ToyModel()
    assert Writing([drives], table, model)().embedded == 0
    assert not model.calls
    assert open_table(table).version == version  # not even a version
    seen = {k: r.first_seen for k, r in open_table(table).known().items()}

    camera = drives / "d0" / "cam_front"
    save_picture(camera / "000000.png", (1, 2, 3), 5)  # changed
    save_picture(drives / "d2" / "000007.png", (1, 2, 3), 5)  # new
    save_picture(camera / "000100.png", (3, 2, 1), 5)  # no longer bad
    (camera / "000002.png").write_bytes(b"now bad")
    (camera / "000004.png").unlink()
    (camera / "it's gone.png").write_bytes(b"")
    os.rename(drives / "d1" / "it's \\ odd.png", camera / "it's \\ odd.png")
    report = Writing([drives], table, model)()
    assert (report.embedded, report.gone, sum(model.calls)) == (3, 1, 3)
    assert_indexed(drives, table)
    after = of_table(table, drives)
    assert (
        after[1]["d0/cam_front/it's \\ odd.png"].tobytes()
        == before[1]["d1/it's \\ odd.png"].tobytes()
    )
    changed = open_table(table).known()[str(drives), b"d0/cam_front/000000.png", -1]
    assert changed.first_seen == seen[str(drives), b"d0/cam_front/000000.png", -1]


def test_what_is_not_there_now_is_kept(drives: Path, tmp_path: Path) -> None:
    table = tmp_path / "team.lance"
    Writing([drives], table, ToyModel())()
    before = of_table(table, drives)
    shutil.move(drives, tmp_path / "elsewhere")
    assert Writing([drives], table, ToyModel())().offline == 39
    drives.mkdir()  # an empty mount point
    assert Writing([drives], table, ToyModel())().offline == 39
    assert_equal(of_table(table, drives), before)
    drives.rmdir()
    shutil.move(tmp_path / "elsewhere", drives)
    part = Writing([drives / "d0"], table, ToyModel())()
    assert (part.total, part.unchanged) == (20, 19)
    shutil.rmtree(drives / "d1")
    report = Writing([drives], table, ToyModel(), forget_missing=True)()
    assert report.gone == 20
    assert_indexed(drives, table)


def test_what_was_embedded_before_a_stop_is_kept(drives: Path, tmp_path: Path) -> None:
    table = tmp_path / "team.lance"

    def stop(done: int, total: int, /) -> None:
        if done:
            raise Cancelled

    with pytest.raises(Cancelled):
        Writing([drives], table, ToyModel())(progress=stop)
    kept = len(of_table(table, drives)[1])
    assert kept
    report = Writing([drives], table, ToyModel())()
    assert report.unchanged == kept
    assert_indexed(drives, table)


def test_what_two_machines_wrote_at_once_is_there_once(drives: Path, tmp_path: Path) -> None:
    table = tmp_path / "team.lance"
    Writing([drives], table, ToyModel())()
    shared = open_table(table)
    rows = list(shared.rows([one.number for one in shared.known().values()]))
    shared.commit(rows[:9])
    save_picture(drives / "d0" / "new.png", (4, 5, 6))
    Writing([drives], table, ToyModel())()
    assert len(open_table(table)) == len(rows) + 1
    assert_indexed(drives, table)


def test_what_cannot_be_written_is_said(drives: Path, tmp_path: Path) -> None:
    table = tmp_path / "team.lance"
    with pytest.raises(FolderError, match="does not exist"):
        Writing([tmp_path / "typo"], table, ToyModel())()
    assert not table.exists()
    Writing([drives / "d0"], table, ToyModel())()
    with pytest.raises(DataError, match=r'another model \("toy"\)'):
        Writing([drives / "d0"], table, ToyModel("other"))()
    with pytest.raises(FolderError, match="a folder of its own"):
        Writing([drives], table, ToyModel())()
    with (
        writer_lock(lock_path(str(table), "table"), "it"),
        pytest.raises(BusyError, match=r"team.lance"),
    ):
        Writing([drives / "d0"], table, ToyModel())()


SCRIPT = """
import sys, time
from tests.helpers.toy_model import ToyModel
from c4t_core.cluster import writing
writing.ROWS = 4
here = lambda job: writing.embed_stream(job.paths(), ToyModel(), batch_size=2)
tell = lambda done, total: print(done, flush=True) or time.sleep(0.005)
writing.Writing([sys.argv[1]], sys.argv[2], ToyModel())(here, tell)
"""


def killed(drives: Path, table: Path, after: int) -> None:
    """Write a table in a process that is killed once so many files are done."""
    words = [sys.executable, "-c", SCRIPT, str(drives), str(table)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= after:
                break
        process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize(
    "kills", [1, pytest.param(12, marks=[pytest.mark.long, pytest.mark.timeout(600)])]
)
def test_killed_at_any_moment_it_goes_on(drives: Path, tmp_path: Path, kills: int) -> None:
    rng = random.Random(kills)
    table, halfway = tmp_path / "team.lance", 0
    for _ in range(kills):
        if kills > 1:
            shutil.rmtree(table, ignore_errors=True)
        killed(drives, table, rng.randrange(38))
        if table.exists():
            try:
                halfway += 0 < len(of_table(table, drives)[1]) < 39
            except FolderError:  # killed while the table was made
                shutil.rmtree(table)
        Writing([drives], table, ToyModel())()
        assert_indexed(drives, table)
    assert halfway or kills == 1


def test_the_command_writes_a_table(
    drives: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2, 36):
        (drives / f"d{number % 2}" / "cam_front" / f"{number:06d}.png").unlink()
    table = tmp_path / "team.lance"
    command = ["index", str(drives), "--to", str(table), "--json", "--exclude", "odd*"]
    assert cli.main(command) == 0
    told = json.loads(capsys.readouterr().out)
    with_catalogue = ["index", str(drives), "--json", "--exclude", "odd*"]
    assert cli.main(with_catalogue) == 0
    assert json.loads(capsys.readouterr().out) == told
    assert_equal(of_table(table, drives), of_index())
    for wrong in (["--reindex", "--to", "x.lance"], ["--workers", "2"], ["--runner", "ray"]):
        assert cli.main(["index", str(drives), *wrong]) != 0
        assert "--to" in capsys.readouterr().err


def test_a_plan_measures_and_writes_nothing(
    drives: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "team.lance"
    Writing([drives / "d1"], table, ToyModel())()
    version = open_table(table).version
    told = estimate([drives / "d0", drives / "d1"], table, ToyModel(), machines=(1, 4), sample=7)
    assert open_table(table).version == version
    new = [path for path in (drives / "d0").rglob("*.*") if path.suffix in (".png", ".jpg")]
    assert (told.frames, told.unchanged, told.sample) == (len(new), 20, 7)
    assert told.bytes == sum(path.stat().st_size for path in new)
    assert told.hours[1] == pytest.approx(told.frames / told.rate / 3600)
    assert told.hours[4] == pytest.approx(told.hours[1] / 4)
    assert told.bytes_per_row > 2 * ToyModel().dim  # the vector and more
    assert told.table_bytes == round(told.bytes_per_row * told.frames)


@pytest.fixture
def bucket(drives: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The drives as they lie in a storage like S3."""
    server = pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    started = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    started.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://{}:{}".format(*started.get_host_and_port()))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENTITY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "verysecret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    storage = s3fs.S3FileSystem()
    if storage.exists("team"):  # of another test: the storage is one of this process
        storage.rm("team", recursive=True)
    storage.mkdir("team")
    for path in drives.rglob("*"):
        if path.is_file():
            storage.pipe_file(f"team/drives/{path.relative_to(drives)}", path.read_bytes())
    storage.invalidate_cache()
    yield "s3://team/drives"
    started.stop()
    s3fs.S3FileSystem.clear_instance_cache()


def test_pictures_of_an_address(
    drives: Path, bucket: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = tmp_path / "team.lance"
    report = Writing([bucket], table, ToyModel())()
    local = tmp_path / "local.lance"
    theirs = Writing([drives], local, ToyModel())()
    assert (report.total, report.embedded) == (theirs.total, theirs.embedded) == (41, 39)
    assert report.recordings == theirs.recordings == {".mp4": 1}
    assert [vars(one) | {"examples": 0} for one in report.left_out] == [
        vars(one) | {"examples": 0} for one in theirs.left_out
    ]
    (told, rows), (near, expected) = of_table(table, bucket), of_table(local, drives)
    assert {name: vector.tobytes() for name, vector in rows.items()} == {
        name: vector.tobytes() for name, vector in expected.items()
    }
    camera = [told[name][1:5] for name in sorted(told)]
    assert camera == [near[name][1:5] for name in sorted(near)]
    again = ToyModel()
    assert Writing([bucket], table, again)().unchanged == 39
    assert not again.calls

    import s3fs

    storage = s3fs.S3FileSystem()
    storage.rm_file("team/drives/d0/cam_front/000004.png")
    storage.pipe_file("team/drives/d2/new.png", (drives / "d0/cam_front/000002.png").read_bytes())
    report = Writing([bucket], table, again)()
    assert (report.embedded, report.gone) == (1, 1)
    with pytest.raises(FolderError, match="Nothing is found") as error:
        Writing(["s3://nobody/drives"], tmp_path / "other.lance", again)()
    written = b"".join(path.read_bytes() for path in table.rglob("*") if path.is_file())
    for secret in ("verysecret", "AKIDENTITY"):
        assert secret.encode() not in written
        assert secret not in caplog.text + str(error.value)


def test_a_storage_that_goes_away_costs_nothing(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "team.lance"
    Writing([bucket + "/d0"], table, ToyModel())()
    before = of_table(table, bucket + "/d0")
    import s3fs

    storage = s3fs.S3FileSystem()
    storage.pipe_file("team/drives/d0/new.png", b"x")

    def cut_off(done: int, total: int, /) -> None:
        if total:  # it was listed, and nothing is fetched yet
            monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
            monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
            monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
            s3fs.S3FileSystem.clear_instance_cache()

    report = Writing([bucket + "/d0"], table, ToyModel())(progress=cut_off)
    assert (report.gone, report.offline, report.skipped[0].path.name) == (0, 1, "000100.png")
    assert_equal(of_table(table, bucket + "/d0"), before)
