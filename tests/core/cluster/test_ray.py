"""On a Ray of this machine: what two workers write is what one process writes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from c4t_core.cluster.table import open_table
from c4t_core.cluster.writing import Writing

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


def test_two_workers_write_what_one_process_writes(frames: Path, tmp_path: Path) -> None:
    process = command(frames, tmp_path / "ray.lance")
    report, told = process.communicate(timeout=170)
    assert process.returncode == 0, told
    assert '"embedded": 24' in report
    assert told == ""  # nothing of Ray's own words
    Writing([frames], tmp_path / "one.lance", "c4t")()
    assert_equal(tmp_path / "ray.lance", tmp_path / "one.lance")
