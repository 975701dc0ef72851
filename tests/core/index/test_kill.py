"""kill -9 at any moment loses at most what was not told as done (faults 1 and 2).

Five kills by default; ``C4T_KILLS=50`` for the full number.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from c4t_core.index.store.catalogue import Catalogue
from c4t_core.index.store.user_data import UserData
from c4t_core.workspace import Workspace, open_workspace
from tests.helpers.toy_model import ToyModel, save_picture

ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("C4T_KILLS", "5"))
SCRIPT = """
import sys, time
from tests.helpers.toy_model import ToyModel
from c4t_core.index.vectors.vectors import VectorSearch
VectorSearch.__init__.__defaults__ = (None, None, 60)  # with an approximate index
from c4t_core.workspace import open_workspace
with open_workspace(sys.argv[1], ToyModel()) as ws:
    print("go", flush=True)
    ws.index(lambda done, total: time.sleep(0.002), batch_size=3)
print("done", flush=True)
"""


def contents(workspace: Workspace) -> tuple[list[tuple[str, float]], dict[str, bytes]]:
    hits = workspace.search("green + blue", None, exact=True)
    rows = workspace.vectors([hit.image_id for hit in hits])
    return (
        [(hit.relative, hit.score) for hit in hits],
        {hit.relative: rows[hit.image_id].tobytes() for hit in hits},
    )


@pytest.mark.timeout(120 + 60 * KILLS)
def test_kill_at_random_moments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_: Callable[..., Workspace]
) -> None:
    folder = tmp_path / "frames"
    rng = random.Random(1)
    for number in range(150):
        save_picture(
            folder / f"d{number % 4}" / f"{number:06d}.png",
            (rng.randrange(256), rng.randrange(256), rng.randrange(256)),
            number,
        )
    monkeypatch.setenv("C4T_DATA_DIR", str(tmp_path / "undisturbed"))
    with open_workspace(folder, ToyModel()) as ws:
        ws.index()
        expected = contents(ws)
    interrupted = finished = 0
    round_ = 0
    while interrupted < KILLS:
        round_ += 1
        assert finished < 5 * KILLS
        data = tmp_path / f"killed{round_}"
        environment = {**os.environ, "C4T_DATA_DIR": str(data)}
        monkeypatch.setenv("C4T_DATA_DIR", str(data))
        for _ in range(rng.randint(1, 3)):
            process = subprocess.Popen(
                [sys.executable, "-c", SCRIPT, str(folder)],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert process.stdout is not None
            assert process.stdout.readline() == "go\n"
            time.sleep(rng.random() * 0.35)
            process.send_signal(signal.SIGKILL)
            ended, _ = process.communicate()
            finished += "done" in ended
            interrupted += "done" not in ended
        database = sqlite3.connect(data / "catalogue.sqlite")
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        orphans = "SELECT COUNT(*) FROM frames WHERE id NOT IN (SELECT frame_id FROM vectors)"
        if database.execute("PRAGMA user_version").fetchone() != (0,):  # not before its tables
            assert database.execute(orphans).fetchone() == (0,)
        database.close()
        with open_workspace(folder, ToyModel()) as ws:
            assert ws.notices == []
            report = ws.index()
            assert report.embedded + report.unchanged == 150
            assert contents(ws) == expected


# Each writes one thing after the other, and tells what is done.
WRITERS = {
    "marks": """
data = UserData()
for number in range(10_000):
    data.mark("snow", [ImageKey(Path("/d"), f"{number}.png")], True)
    print(number, flush=True)
""",
    "searches": """
data = UserData()
for number in range(10_000):
    data.save_scenario(Scenario(f"{number:05d}", "snow", {}, cut=0.5))
    data.look_at_scenario(f"{number:05d}", 1.0 + number)
    print(number, flush=True)
""",
    "import": """
data = UserData()
for number in range(10_000):
    other = UserData(Path(sys.argv[1]) / f"other{number}.sqlite")
    other.mark("snow", [ImageKey(Path("/d"), f"{n}.png") for n in range(number + 1)], True)
    exchange.join(data, other.everything())
    print(number, flush=True)
""",
}
FIRST = """
import sys
from pathlib import Path
from c4t_core.index.store import exchange
from c4t_core.index.store.user_data import ImageKey, Scenario, UserData
"""


def killed(script: str, *arguments: Path | str, data: Path, after: float) -> list[str]:
    """Run a script and kill it; return the whole lines that it wrote."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "C4T_DATA_DIR": str(data)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    return [line for line in (first + rest).split("\n")[:-1] if line]


@pytest.mark.timeout(120 + 60 * KILLS)
@pytest.mark.parametrize("writer", WRITERS)
def test_what_the_user_made_survives_a_kill(tmp_path: Path, writer: str) -> None:
    rng = random.Random(writer)
    for round_ in range(-(-KILLS // 5)):
        data = tmp_path / f"{writer}{round_}"
        data.mkdir()
        told = killed(FIRST + WRITERS[writer], data, data=data, after=rng.random() * 0.3)
        with contextlib.closing(UserData(data / "user.sqlite")) as left:
            assert left.take_notice() is None
            if writer == "searches":
                numbers = [int(scenario.name) for scenario in left.scenarios()]
            else:
                numbers = [int(mark.image.relative.removesuffix(".png")) for mark in left.marks()]
        assert told
        assert sorted(numbers) == list(range(len(numbers)))
        assert len(told) <= len(numbers) <= len(told) + 1


MOVER = """
import sys
from pathlib import Path
from tests.helpers.toy_model import ToyModel
from c4t_core.workspace import open_workspace
ways = [Path(sys.argv[1]), Path(sys.argv[2])]
with open_workspace(ways[0].parent, ToyModel()) as ws:
    for number in range(10_000):
        ws.relocate(ways[number % 2], ways[1 - number % 2])
        print(number, flush=True)
"""


@pytest.mark.timeout(120 + 60 * KILLS)
def test_a_move_that_is_killed_has_moved_all_or_nothing(
    tmp_path: Path, open_: Callable[..., Workspace]
) -> None:
    rng = random.Random(3)
    one, other = tmp_path / "all" / "one", tmp_path / "all" / "other"
    other.mkdir(parents=True)
    for number in range(60):
        save_picture(one / f"d{number % 3}" / f"{number:06d}.png", (number, 9, 9), number)
    ws = open_(tmp_path / "all")
    ws.index()
    data = Path(os.environ["C4T_DATA_DIR"])
    for _ in range(-(-KILLS // 5)):
        assert killed(MOVER, one, other, data=data, after=rng.random() * 0.3)
        parts = [hit.relative.split("/")[0] for hit in ws.search("red", None)]
        assert len(parts) == 60
        assert len(set(parts)) == 1
        if parts[0] == "other":
            ws.relocate(other, one)


MIGRATION = """
print("go", flush=True)
from c4t_core.index.store.catalogue import Catalogue, catalogue_path
from c4t_core.index.store.user_data import UserData
Catalogue(catalogue_path()).close()
UserData().close()
"""
OLD = ROOT / "tests" / "made_by_0_1" / "data"


@pytest.mark.timeout(120 + 60 * KILLS)
def test_a_migration_that_is_killed_is_done_again(tmp_path: Path) -> None:
    rng = random.Random(4)
    for round_ in range(-(-KILLS // 5)):
        data = tmp_path / f"data{round_}"
        data.mkdir()
        for name in ("catalogue.sqlite", "user.sqlite"):
            shutil.copyfile(OLD / name, data / name)
        with contextlib.closing(sqlite3.connect(OLD / "catalogue.sqlite")) as old:
            vectors = old.execute("SELECT image_id, vector FROM vectors ORDER BY 1").fetchall()
        killed(MIGRATION, data=data, after=0.1 + rng.random() * 0.4)
        with contextlib.closing(Catalogue(data / "catalogue.sqlite")) as catalogue:
            assert catalogue.notice is None
            with catalogue.reading() as db:
                found = db.execute("SELECT frame_id, vector FROM vectors ORDER BY 1").fetchall()
        assert found == vectors
        with contextlib.closing(UserData(data / "user.sqlite")) as user:
            assert user.take_notice() is None
            assert user.marks()
            assert user.scenarios()
