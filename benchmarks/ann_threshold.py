"""From how many vectors does the approximate index pay? Prints the table behind ANN_THRESHOLD.

    python -m benchmarks.ann_threshold [--dim 512] [--sizes 5000 10000 20000 50000]

For synthetic frames in time order (near-duplicates, the hard case): milliseconds of an exact
and of an approximate search of the 50 best, seconds to build the index, recall@50 of the audit.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from c4t_core.images.scan import ExcludeRules, FileState
from c4t_core.index.store.catalogue import Catalogue, Ledger, Stored
from c4t_core.index.store.reads import StoredVectors
from c4t_core.index.vectors.vectors import VectorSearch


def frames(count: int, dim: int, seed: int = 0) -> np.ndarray:
    """Return unit rows in time order: scenes of some 30 frames that hardly differ."""
    rng = np.random.default_rng(seed)
    scenes = rng.standard_normal((count // 30 + 1, dim), dtype=np.float32)
    rows = np.repeat(scenes, 30, axis=0)[:count]
    rows += 0.2 * rng.standard_normal(rows.shape, dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def measure(count: int, dim: int) -> tuple[float, float, float, float, float, int, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        catalogue = Catalogue(folder / "catalogue.sqlite")
        root = catalogue.add_root("/frames", ExcludeRules())
        model_id = catalogue.add_model("f" * 64, "bench", dim)
        ledger = Ledger(catalogue, root, model_id)
        rows = frames(count, dim)
        for start in range(0, count, 5000):
            part = rows[start : start + 5000]
            ledger.store(
                [
                    Stored(b"%08d.jpg" % (start + i), FileState(1, 1), row)
                    for i, row in enumerate(part)
                ],
                [],
            )
        source = StoredVectors(catalogue, root.id, model_id=model_id, fingerprint="f" * 64, dim=dim)
        started = time.perf_counter()
        facts = VectorSearch(source, folder=folder, threshold=1).maintain()
        build = time.perf_counter() - started
        assert facts is not None
        queries = frames(300, dim, seed=1)[::6]
        times = []
        for exact in (True, False):
            search = VectorSearch(source, folder=folder, threshold=1)
            started = time.perf_counter()
            table = search.table()
            if not exact:
                search.load_index(table)
            search.ranking(table, queries[0], 50, exact=exact)
            first = time.perf_counter() - started
            started = time.perf_counter()
            for query in queries:
                search.ranking(table, query, 50, exact=exact)
            times.append((first, (time.perf_counter() - started) / len(queries)))
        catalogue.close()
    (exact_first, exact_time), (ann_first, ann_time) = times
    return exact_time, ann_time, exact_first, ann_first, build, facts.ef, facts.recall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--sizes", type=int, nargs="+", default=[5_000, 10_000, 20_000, 50_000])
    options = parser.parse_args()
    print("vectors   exact ms  approx ms  first exact ms  first approx ms  build s  ef   recall@50")
    for count in options.sizes:
        exact, approx, exact_first, ann_first, build, ef, recall = measure(count, options.dim)
        print(
            f"{count:7,}  {exact * 1e3:9.2f}  {approx * 1e3:9.2f}  {exact_first * 1e3:14.0f}  "
            f"{ann_first * 1e3:15.0f}  {build:7.1f}  {ef:3}  {recall:.4f}"
        )


if __name__ == "__main__":
    main()
