"""What a collection of many rows costs: first hits, warm answers, filters, memory, disk.

    python -m benchmarks.scale --rows N --json FILE [--keep DIR] [--without hnsw]
    python -m benchmarks.scale --sizes 10000 100000 1000000 --json FILE --plot FILE.png

Makes N synthetic rows (drives, cameras, near-duplicates in time order) through the product's own
store and measures in new processes, through the command line and the workspace. With ``--keep`` the
data folder and the empty root stay in DIR, and are used again when they hold N rows.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.scale.report import draw, markdown

QUERY = "a truck in the snow"
ROUNDS = 3


class Collection:
    """The rows on the disk, and processes that work on them.

    Args:
        base: holds the data folder and the empty root.
        rows: how many.
    """

    def __init__(self, base: Path, rows: int) -> None:
        """Make the folders."""
        self.base, self.rows = base.resolve(), rows
        self.root, self.data = self.base / "root", self.base / "data"
        self.root.mkdir(parents=True, exist_ok=True)
        own = {"C4T_DATA_DIR": str(self.data), "HF_HUB_OFFLINE": "1"}
        self._environment = {**machine.as_installed(), **own}

    def worker(self, what: str) -> dict[str, Any]:
        """Run one measurement in a new process."""
        words = [sys.executable, "-m", "benchmarks.scale.worker", what, self.root, str(self.rows)]
        done = subprocess.run(
            words, capture_output=True, text=True, env=self._environment, check=False
        )
        if done.returncode != 0:
            sys.exit(f"{what}: {done.stderr}")
        result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return result

    def command(self, *options: str) -> tuple[float, float]:
        """Run ``c4t search``; return its seconds from start to end and its memory in MB."""
        words = [sys.executable, "-m", "c4t_core", "search", self.root, QUERY, "--json", *options]
        started = time.perf_counter()
        with subprocess.Popen(
            words, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"c4t search ended with {process.returncode}")
        return seconds, machine.resident_megabytes(usage.ru_maxrss)

    def files(self) -> list[Path]:
        """Return the files of the data folder."""
        return [path for path in self.data.rglob("*") if path.is_file()]

    def stored(self) -> dict[str, Any]:
        """Make the rows, unless they are there already; return what that took."""
        note = self.base / "rows.json"
        if note.exists():
            found: dict[str, Any] = json.loads(note.read_text("utf-8"))
            if found["rows"] == self.rows:
                return found
        shutil.rmtree(self.data, ignore_errors=True)
        found = {"rows": self.rows, **self.worker("store")}
        note.write_text(json.dumps(found), encoding="utf-8")
        return found

    def disk(self) -> dict[str, float]:
        """Return the bytes a row that each kind of file takes; networks go by models, not rows."""
        sizes = {"catalogue": 0, "cache": 0, "hnsw": 0}
        networks = self.data / "cache" / "networks"
        for path in self.files():
            if networks not in path.parents:
                sizes[kind_of(path)] += path.stat().st_size
        return {kind: size / self.rows for kind, size in sizes.items()}


def kind_of(path: Path) -> str:
    """Tell what a file of the data folder is part of."""
    if path.name.startswith("catalogue.sqlite"):
        return "catalogue"
    # the approximate index, its groups and its facts share a stem
    return "hnsw" if path.with_name(f"{path.name.split('.')[0]}.hnsw").exists() else "cache"


def first_hits(collection: Collection, *options: str) -> dict[str, Any]:
    """Time a new ``c4t search``, with the files in the system's cache and without."""
    made = collection.command(*options)[0]  # may make a cache that was not there
    warm = [collection.command(*options) for _ in range(ROUNDS)]
    cold = None
    if machine.forget_pages(collection.files()):
        cold = collection.command(*options)[0]
    return {
        "first_s": made,
        "warm_s": statistics.median(seconds for seconds, _ in warm),
        "cold_s": cold,
        "peak_mb": max(peak for _, peak in warm),
    }


def measure(base: Path, count: int, without: Sequence[str] = ()) -> dict[str, Any]:
    """Make so many rows in a folder and measure everything; see the module."""
    collection = Collection(base, count)
    report: dict[str, Any] = {"rows": count, "machine": machine.describe()}
    report["without"] = list(without)
    report["store"] = collection.stored()
    print(f"{count:,} rows stored; now first hits", flush=True)
    report["exact"] = first_hits(collection, "--exact")
    print(f"first hits {report['exact']}; now warm answers", flush=True)
    report["warm"] = collection.worker("warm")
    if "hnsw" not in without:
        print(f"warm {report['warm']['answer_ms']}; now the approximate index", flush=True)
        report["hnsw"] = collection.worker("hnsw")
        report["approximate"] = first_hits(collection)
        report["recall"] = collection.worker("recall")
    parts = collection.disk()
    usual = report.get("approximate", report["exact"])
    return {
        "rows": count,
        "first_hits_s": usual["warm_s"],
        "first_hits_cold_s": usual["cold_s"],
        "first_hits_exact_s": report["exact"]["warm_s"],
        "warm_p95_ms": report["warm"]["answer_ms"]["p95"],
        "filter_p95_ms": report["warm"]["filter_ms"]["p95"],
        "memory_mb": max(report["warm"]["peak_mb"], report["exact"]["peak_mb"]),
        "disk_bytes_per_row": sum(parts.values()),
        "disk_parts_bytes_per_row": parts,
        "recall_at_50": report.get("recall", {}).get("recall_at_50"),
        "details": report,
    }


@contextlib.contextmanager
def folder_for(keep: Path | None) -> Iterator[Path]:
    """Lend a folder that stays, or one that goes."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="c4t-scale-", ignore_cleanup_errors=True) as base:
        yield Path(base)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--rows", type=int, default=10_000, help="how many (default: 10,000)")
    sizes.add_argument("--sizes", type=int, nargs="+", help="several runs, one a size")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--keep", type=Path, help="the data folder and the root stay in here")
    parser.add_argument("--plot", type=Path, help="draw time and memory over rows, as PNG")
    parser.add_argument("--without", action="append", default=[], choices=["hnsw"])
    chosen = parser.parse_args()
    runs = []
    for count in chosen.sizes or [chosen.rows]:
        keep = chosen.keep and (chosen.keep / str(count) if chosen.sizes else chosen.keep)
        with folder_for(keep) as base:
            runs.append(measure(base, count, chosen.without))
        if keep is not None:
            data, root = base.resolve() / "data", base.resolve() / "root"
            print(f'kept: C4T_DATA_DIR="{data}" c4t search "{root}" "{QUERY}"', flush=True)
        if chosen.json is not None:  # after each size: the next takes longer
            report = runs[0] if not chosen.sizes else {"runs": runs}
            chosen.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        print("\n" + markdown(runs), flush=True)
    if chosen.plot is not None:
        draw(runs, chosen.plot)


if __name__ == "__main__":
    main()
