"""kill -9 at any moment of indexing loses at most the running batch (faults 1 and 2).

Five kills by default; ``C4T_KILLS=50`` for the full number.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from c4t_core.workspace import Workspace, open_workspace
from tests.helpers.toy_model import ToyModel, save_picture

ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("C4T_KILLS", "5"))
SCRIPT = """
import sys, time
from tests.helpers.toy_model import ToyModel
from c4t_core.index import vectors
vectors.ANN_THRESHOLD = 60
from c4t_core.index import search as searcher
searcher.Searcher.__init__.__defaults__ = (60,)
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
        if database.execute("PRAGMA user_version").fetchone() == (1,):
            assert database.execute(orphans).fetchone() == (0,)
        database.close()
        with open_workspace(folder, ToyModel()) as ws:
            assert ws.notices == []
            report = ws.index()
            assert report.embedded + report.unchanged == 150
            assert contents(ws) == expected
