"""On a Ray of this machine: what two workers write is what one process writes."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from c4t_core.cluster.ray_runner import DRIVER_LOCK, remove_left
from c4t_core.cluster.table import open_table
from c4t_core.cluster.writing import Writing
from c4t_core.errors import FolderError
from c4t_core.index.vectors.locks import free_lock

pytest.importorskip("ray")
ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "resources" / "sample" / "drives"


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """A drive of the sample, and two files that are no pictures."""
    folder = tmp_path / "frames"
    for drive in sorted(path for path in SAMPLE.iterdir() if path.is_dir())[:2]:
        shutil.copytree(drive, folder / drive.name)
    (folder / "bad.png").write_bytes(b"no picture")
    (folder / "empty.jpg").write_bytes(b"")
    return folder


def command(frames: Path, table: Path, *more: str) -> subprocess.Popen[str]:
    """Write a table on two workers, in a process of its own as users do."""
    return subprocess.Popen(
        [sys.executable, "-m", "c4t_core", "index", str(frames), "--to", str(table), "--json",
         "--runner", "ray", "--workers", "2", *more],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def assert_equal(one: Path, other: Path) -> None:
    tables = [open_table(path) for path in (one, other)]
    rows = [
        {row.key: row for row in t.rows([k.number for k in t.known().values()])} for t in tables
    ]
    assert len(rows[0]) == len(tables[0])
    assert rows[0].keys() == rows[1].keys()
    for key, ours in rows[0].items():
        theirs = rows[1][key]
        for name in ("size", "mtime_ns", "drive", "camera", "frame", "time", "reason"):
            assert getattr(ours, name) == getattr(theirs, name)
        assert (ours.vector is None) == (theirs.vector is None)
        if ours.vector is not None and theirs.vector is not None:
            a, b = ours.vector.astype(float), theirs.vector.astype(float)
            assert a @ b >= 0.999_99 * np.linalg.norm(a) * np.linalg.norm(b)
            assert ours.facts is not None
            assert theirs.facts is not None
            assert np.allclose(ours.facts.astype(float), theirs.facts.astype(float), atol=2e-3)


def test_what_a_killed_driver_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    place, other = tmp_path / "temporary", tmp_path / "c4t-ray-of-the-user"
    names = ("c4t-ray-left", "c4t-ray-runs", "c4t-ray-young", "ray-other")
    for folder in (*(place / name for name in names), other):
        (folder / "session").mkdir(parents=True)
    for folder in (place / "c4t-ray-left", place / "ray-other", other):
        with free_lock(folder / DRIVER_LOCK):
            pass
    (place / "c4t-ray-link").symlink_to(other)
    with free_lock(place / "c4t-ray-runs" / DRIVER_LOCK):
        remove_left(place)
    kept = {"c4t-ray-runs", "c4t-ray-young", "c4t-ray-link", "ray-other"}
    assert {path.name for path in place.iterdir()} == kept
    assert (other / "session").is_dir()
    remove_left(tmp_path / "nowhere")


@pytest.mark.timeout(500)  # Ray starts a dozen processes
def test_two_workers_write_what_one_process_writes(frames: Path, tmp_path: Path) -> None:
    process = command(frames, tmp_path / "ray.lance")
    report, told = process.communicate(timeout=400)
    assert process.returncode == 0, told
    assert '"embedded": 24' in report
    assert told == ""  # nothing of Ray's own words
    Writing([frames], tmp_path / "one.lance", "c4t")()
    assert_equal(tmp_path / "ray.lance", tmp_path / "one.lance")


SCRIPT = """
import sys
from c4t_core.cluster import ray_runner, writing
writing.ROWS = ray_runner.FILES = 16  # many commits
with ray_runner.cluster(None, 2) as embed:
    print(writing.Writing([sys.argv[1]], sys.argv[2], "c4t")(embed).embedded, flush=True)
"""


@contextlib.contextmanager
def started(frames: Path, table: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(frames), str(table)], cwd=ROOT,
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def workers_of(driver: int) -> list[int]:
    """The processes of the pool of a driver, by their number."""
    parents, names = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            number = int(folder.name)
            parents[number] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            names[number] = (folder / "cmdline").read_text()

    def ours(number: int) -> bool:
        while number not in (0, 1, driver):
            number = parents.get(number, 0)
        return number == driver

    return sorted(n for n, name in names.items() if "ray::MapWorker" in name and ours(n))


def committed(table: Path) -> int:
    try:
        return len(open_table(table))
    except FolderError:
        return 0


def many(frames: Path) -> int:
    """Make more of some frames; return how many there are."""
    for path in [*frames.rglob("camera/**/*.*")]:
        for number in range(5):
            shutil.copy2(path, path.with_name(f"{path.stem}_{number}{path.suffix}"))
    return sum(path.is_file() for path in frames.rglob("camera/**/*.*"))


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.skipif(sys.platform != "linux", reason="finds processes by /proc")
@pytest.mark.parametrize("whom", ["a worker", "the driver"])
def test_whoever_is_killed_it_goes_on(frames: Path, tmp_path: Path, whom: str) -> None:
    rng = random.Random(whom)
    table, number = tmp_path / "ray.lance", many(frames)
    with started(frames, table) as process:
        until(lambda: committed(table) > 0 or process.poll() is not None)
        until(lambda: len(workers_of(process.pid)) == 2 or process.poll() is not None)
        time.sleep(rng.uniform(0, 1))
        pool = workers_of(process.pid)
        os.kill(rng.choice(pool) if whom == "a worker" else process.pid, signal.SIGKILL)
        there = committed(table)
        assert there < number  # it was not done by then
        told, _ = process.communicate(timeout=900)
    if whom == "a worker":
        assert told == f"{number}\n"
    else:
        until(lambda: not any(Path(f"/proc/{one}").exists() for one in pool))
        kept = committed(table)
        assert kept >= there
        with started(frames, table) as again:
            assert int(again.communicate(timeout=900)[0]) <= number + 2 - kept
    Writing([frames], tmp_path / "one.lance", "c4t")()
    assert_equal(table, tmp_path / "one.lance")


def until(holds: Callable[[], bool], seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
