"""What a shared table costs over its rows: writing, disk, index, answers in place, recall.

    python -m benchmarks.tables --sizes 10000 30000 100000 --json FILE --plot docs/tables.png
    python -m benchmarks.tables --sizes 1000000 --indexes ivf-rq --json FILE --keep DIR

Rows are those of ``benchmarks.scale``: drives, cameras, near-duplicates in time order. One table
grows from size to size. Times are CPU seconds of all threads, so that other work on the machine
counts for little; waiting is given beside answers, as somebody who searches feels it. An index is
built in a process of its own, whose peak of memory is given. ``--json`` adds to what the file has.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.scale import rows as scale
from c4t_core.cluster import asking, keeping
from c4t_core.cluster.copying import bring
from c4t_core.cluster.table import Header, Row, SharedTable, create_table, exists, open_table
from c4t_core.images.frame_names import parse_frame_name, recording
from c4t_core.index.store.catalogue import Catalogue

DIM = 512
CLASSES = 11  # as many as the shipped model tells
ROOT = "/data/team"
COMMIT = 20_000  # rows
ASKED = 20
K = 50
COLOURS = {"exact": "#444444", "ivf-rq": "#1f77b4", "ivf-pq": "#d62728", "hnsw": "#2ca02c"}


def written(block: int) -> Iterator[Row]:
    """Yield the rows of one block of the generator, with facts as the shipped model has them."""
    vectors = scale.vectors(block, DIM).astype(np.float16)
    rng = np.random.default_rng(block)
    facts = rng.random((len(vectors), CLASSES, 6), dtype=np.float32).astype(np.float16)
    for place, vector in enumerate(vectors):
        number = block * scale.BLOCK + place
        name = scale.name(number)
        told = parse_frame_name(name.decode())
        yield Row(
            root=ROOT,
            path=name,
            size=180_000 + place,
            mtime_ns=(scale.START + number) * 10**9,
            drive=recording(f"{ROOT}/{name.decode()}"),
            camera=told.camera,
            frame=told.frame,
            time=told.time,
            first_seen=float(scale.START),
            vector=vector,
            facts=facts[place],
        )


def grow(table: SharedTable, count: int) -> dict[str, Any]:
    """Write rows until there are so many; return the CPU time of writing a thousand."""
    spent, start = 0.0, len(table)
    for first in range(start, count, COMMIT):
        blocks = range(first // scale.BLOCK, min(first + COMMIT, count) // scale.BLOCK)
        rows = [row for block in blocks for row in written(block)]
        before = time.process_time()
        table.commit(rows)
        spent += time.process_time() - before
    added = len(table) - start
    return {"write_ms_per_1000": round(spent * 1e6 / added, 1)} if added else {}


def directions(count: int) -> np.ndarray:
    """Return directions near some frames, and as many that are near none, float32 (n, d)."""
    blocks = np.linspace(0, count // scale.BLOCK - 1, ASKED // 2).astype(int)
    near = scale.moved(np.stack([scale.vectors(int(block), DIM)[7] for block in blocks]))
    far = np.random.default_rng(9).standard_normal(near.shape, dtype=np.float32)
    return np.concatenate([near, far / np.linalg.norm(far, axis=1, keepdims=True)])


def answers(table: SharedTable, audit: asking.Audit | None) -> tuple[list[list[str]], Any]:
    """Return the paths of the best of each direction, and what an answer took, in ms."""
    asked, frames = directions(len(table)), len(table)
    asking.Search(table, asked[0], "", (), audit).best(K, frames)  # opens what it needs
    found, cpu, wall = [], [], []
    for direction in asked:
        before = time.process_time(), time.perf_counter()
        best = asking.Search(table, direction, "", (), audit).best(K, frames)
        cpu.append(1000 * (time.process_time() - before[0]))
        wall.append(1000 * (time.perf_counter() - before[1]))
        found.append([one.key[1].decode() for one in best])
    middle = {"cpu_ms": statistics.median(cpu), "wall_ms": statistics.median(wall)}
    return found, {name: round(value, 1) for name, value in middle.items()}


def copied(table: SharedTable, folder: Path) -> dict[str, float]:
    """Copy a table into a new catalogue, as opening it does; return what a thousand rows took."""
    with contextlib.closing(Catalogue(folder / f"{len(table)}.sqlite")) as catalogue:
        before = time.process_time()
        bring(catalogue, table.address)
        spent = time.process_time() - before
    size = sum(path.stat().st_size for path in folder.glob(f"{len(table)}.sqlite*"))
    return {
        "copy_ms_per_1000": round(spent * 1e6 / len(table), 1),
        "copy_bytes_per_row": round(size / len(table)),
    }


def built(address: str, kind: str) -> dict[str, Any]:
    """Build an index in a process of its own; return what it took."""
    words = [sys.executable, "-m", "benchmarks.tables", "--build", address, kind]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def build(address: str, kind: str) -> dict[str, Any]:
    """Build an index in this process."""
    table = open_table(address)
    started, before = time.perf_counter(), time.process_time()
    keeping.build_index(table, kind)
    return {
        "build_cpu_s": round(time.process_time() - before, 2),
        "build_wall_s": round(time.perf_counter() - started, 2),
        "peak_mb": round(machine.peak_megabytes()),
        "index_bytes_per_row": next(
            round(one.size_bytes / len(table), 1)
            for one in table.raw.list_indices()
            if one.name == asking.VECTOR_INDEX
        ),
    }


def measured(table: SharedTable, kinds: Sequence[str], grown: dict[str, Any]) -> dict[str, Any]:
    """Measure a table as it stands, with each kind of index."""
    rows = len(table)
    data = table.raw.list_versions()[-1]["metadata"]["total_files_size"]
    run: dict[str, Any] = {"rows": rows, **grown, "bytes_per_row": round(int(data) / rows)}
    exact, run["exact"] = answers(table, None)
    print(json.dumps(run), file=sys.stderr, flush=True)
    for kind in kinds:
        told = built(table.address, kind)
        table.pin()
        before = time.process_time()
        audit = keeping.audited(table, kind)
        told["audit_cpu_s"] = round(time.process_time() - before, 1)
        found, took = answers(table, audit)
        shares = [len(set(a) & set(b)) / K for a, b in zip(exact, found, strict=True)]
        told |= {**took, "recall": round(audit.recall, 4), "worst": round(audit.worst, 3)}
        told |= {"probes": audit.probes, "breadth": audit.breadth}
        told["recall_asked"] = round(float(np.mean(shares)), 4)
        run[kind] = told
        print(kind, json.dumps(told), file=sys.stderr, flush=True)
    return run


def draw(runs: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw answers, recall and the building of the index over the number of rows."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    panels: list[tuple[Any, str, str, Callable[[Any], Any]]] = [
        (axes[0], "an answer in place, CPU ms", "log", lambda told: told.get("cpu_ms")),
        (axes[1], f"share of the {K} best, worst query", "linear", lambda told: told.get("worst")),
        (axes[2], "building the index, CPU s", "log", lambda told: told.get("build_cpu_s")),
    ]
    for axis, title, scale_, value in panels:
        for kind, colour in COLOURS.items():
            points = [(run["rows"], value(run[kind])) for run in runs if kind in run]
            points = [(rows, found) for rows, found in points if found is not None]
            if points:
                axis.plot(*zip(*points, strict=True), marker="o", color=colour, label=kind)
        axis.set(title=title, xscale="log", yscale=scale_, xlabel="rows")
        axis.grid(alpha=0.3)
    axes[1].set_ylim(0.9, 1.005)
    axes[0].legend()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[])
    parser.add_argument("--indexes", nargs="*", default=list(keeping.INDEXES))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path, help="the table stays here, and grows the next time")
    parser.add_argument("--copy", action="store_true", help="copy it into a catalogue too")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--build", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.build:
        print(json.dumps(build(*args.build)))
        return
    known = json.loads(args.json.read_text()) if args.json and args.json.exists() else {"runs": []}
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["C4T_DATA_DIR"] = scratch  # where locks lie
        name = (args.keep or Path(scratch)) / "bench.lance"
        name.parent.mkdir(parents=True, exist_ok=True)
        header = Header("c4t", "benchmark", DIM, tuple(map(str, range(CLASSES))))
        table = open_table(name) if exists(name) else create_table(name, header)
        for size in sorted(args.sizes):
            run = measured(table, args.indexes, grow(table, size))
            if args.copy:
                run |= copied(table, Path(scratch))
            old = next((one for one in known["runs"] if one["rows"] == run["rows"]), {})
            known["runs"] = [one for one in known["runs"] if one is not old] + [{**old, **run}]
            known["machine"] = machine.describe()
            if args.json:
                args.json.write_text(json.dumps(known, indent=1))
    if args.plot:
        draw(sorted(known["runs"], key=lambda one: one["rows"]), args.plot)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
