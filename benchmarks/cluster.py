"""Indexing into a shared table against `c4t index`: frames a second, and CPU time a frame.

    python -m benchmarks.cluster FOLDER [--files 400] [--rounds 3]

Three ways take turns over the same copy of some files, each in a process of its own: the index of
this machine, a table without Ray, and a table on two workers of Ray. Counted is from the first
batch that came to the last, so that no way pays for its start; all use all cores. CPU time is that
of the process and of all below it. Printed is each round, and the median of the ratios to the
first way.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import as_installed, describe
from c4t_core.images.kinds import SUFFIXES

WORKERS = 2
WAYS = ("index", "table", "ray")


class Clock:
    """Notes time and CPU time with each batch; called as a Progress."""

    def __init__(self) -> None:
        """Note nothing yet."""
        self.seen: list[tuple[int, float, float]] = []

    def __call__(self, done: int, total: int, /) -> None:
        """Note the state of the work."""
        if done and (not self.seen or done > self.seen[-1][0]):
            self.seen.append((done, time.perf_counter(), cpu_below(os.getpid())))

    def told(self) -> dict[str, float]:
        """Return frames a second, and milliseconds of CPU time a frame."""
        (done0, at0, cpu0), (done1, at1, cpu1) = self.seen[0], self.seen[-1]
        frames = done1 - done0
        return {"rate": frames / (at1 - at0), "cpu_ms": 1000 * (cpu1 - cpu0) / frames}


def cpu_below(top: int) -> float:
    """Return the CPU seconds of a process and of all below it that still run."""
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            told = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(folder.name)] = int(told[1])
        used[int(folder.name)] = (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")
    below, size = {top}, 0
    while size != len(below):
        size = len(below)
        below |= {number for number, parent in parents.items() if parent in below}
    return sum(used.get(number, 0.0) for number in below)


def one(way: str, folder: Path, out: Path) -> dict[str, float]:
    """Index a folder one way; return what it took."""
    clock = Clock()
    if way == "index":
        from c4t_core.workspace import open_workspace

        with open_workspace(folder) as workspace:
            workspace.index(clock)
    elif way == "table":
        from c4t_core.cluster.writing import Writing

        Writing([folder], out / "t.lance", "c4t")(progress=clock)
    else:
        from c4t_core.cluster.ray_runner import cluster
        from c4t_core.cluster.writing import Writing

        with cluster(None, WORKERS) as embed:
            Writing([folder], out / "t.lance", "c4t")(embed, clock)
    return clock.told()


def in_turn(folder: Path, rounds: int) -> list[dict[str, dict[str, float]]]:
    """Run all ways in turn, each in a new process and with a data folder of its own."""
    results = []
    for number in range(rounds):
        order = WAYS[number % 3 :] + WAYS[: number % 3]
        told: dict[str, Any] = {}
        for way in order:
            with tempfile.TemporaryDirectory() as data:
                done = subprocess.run(
                    [sys.executable, "-m", "benchmarks.cluster", str(folder), "--one", way, data],
                    env={**as_installed(), "C4T_DATA_DIR": data},
                    stdout=subprocess.PIPE,
                    check=True,
                )
            told[way] = json.loads(done.stdout.splitlines()[-1])
        results.append(told)
        rows = (f"{way} {told[way]['rate']:.1f}/s {told[way]['cpu_ms']:.0f} ms" for way in WAYS)
        print("; ".join(rows), flush=True)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(one(args.one[0], args.folder, Path(args.one[1]))))
        return
    files = sorted(p for p in args.folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    files = [path for path in files if "label" not in str(path) and "mask" not in str(path)]
    drawn = random.Random(0).sample(files, min(args.files, len(files)))
    print(json.dumps(describe()), f"{len(drawn)} files", flush=True)
    with tempfile.TemporaryDirectory() as copy:
        for number, path in enumerate(drawn):
            shutil.copyfile(path, Path(copy) / f"{number:06d}{path.suffix}")
        results = in_turn(Path(copy), args.rounds)
    for way in WAYS[1:]:
        for what in ("rate", "cpu_ms"):
            ratios = [told[way][what] / told["index"][what] for told in results]
            print(f"{way}: {what} {statistics.median(ratios):.2f} times that of index", end="; ")
            print(f"{min(ratios):.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    main()
