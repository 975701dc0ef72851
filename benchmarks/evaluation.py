"""How long an evaluation takes once everything is embedded, and how much memory.

``python -m benchmarks.evaluation [--images 100000] [--queries 200] [--models 1]``

Embeddings are drawn at random (seeded) and queries are given a few hundred to a few thousand
relevant images, some graded; what is timed is everything from scores to report.json.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from c4t_core.devices import available_threads
from c4t_core.evaluation.collection import Collection, cache_folder
from c4t_core.evaluation.evaluate import evaluate
from c4t_core.evaluation.queries import make_query
from c4t_core.evaluation.report import write_json


class _Drawn:
    """A model whose image embeddings are already in the cache."""

    min_side = 224

    def __init__(self, number: int, dim: int) -> None:
        self.name, self.dim, self.fingerprint = f"drawn-{number}", dim, f"{number:064x}"
        self._rng = np.random.default_rng(number)

    def encode_texts(self, texts):
        return _unit(self._rng.standard_normal((len(texts), self.dim), dtype=np.float32))

    def encode_images(self, images):
        raise AssertionError("everything should come from the cache")

    prepare = encode_pixels = encode_images


def _unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--models", type=int, default=1)
    parser.add_argument("--dim", type=int, default=512)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["C4T_DATA_DIR"] = scratch
        _run(options, Path(scratch))


def _run(options: argparse.Namespace, scratch: Path) -> None:
    rng = np.random.default_rng(0)
    collection = _files(options.images, scratch / "frames")
    contents = np.frombuffer(rng.bytes(32 * options.images), np.uint8).reshape(-1, 32)
    memo = {}
    for path, digest in zip(collection.paths, contents, strict=True):
        facts = path.stat()
        memo[str(path)] = [facts.st_size, facts.st_mtime_ns, digest.tobytes().hex()]
    (cache_folder() / "contents.json").write_text(json.dumps(memo))
    models = [_Drawn(number, options.dim) for number in range(1, options.models + 1)]
    for model in models:
        rows = _unit(rng.standard_normal((options.images, options.dim), dtype=np.float32))
        with (cache_folder() / f"{model.fingerprint[:40]}.npz").open("wb") as out:
            np.savez(out, hashes=contents, embeddings=rows)
    del rows, memo
    queries = []
    for number in range(options.queries):
        share = (0.002, 0.01, 0.05, 0.2)[number % 4]
        places = np.flatnonzero(rng.random(options.images) < share)
        grades = rng.integers(1, 4, len(places))
        queries.append(make_query(f"query {number}", "single", places, grades=grades))
    started = time.perf_counter()
    report = evaluate(collection, queries, models)
    write_json(report, scratch / "report.json")
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"{options.images} images x {options.queries} queries x {options.models} models: "
        f"{seconds:.1f} s on {available_threads()} threads, peak {peak:.2f} GiB"
    )


def _files(number: int, folder: Path) -> Collection:
    """Return a collection of empty files in drives of 500 frames: only their names are used."""
    names = [f"drive{i // 500:04d}/{i % 500:06d}.jpg" for i in range(number)]
    for place in range(0, number, 500):
        (folder / names[place]).parent.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    none: tuple[str, ...] = ()
    return Collection(
        tuple(names),
        tuple(folder / name for name in names),
        (none,) * number,
        tuple(name.split("/")[0] for name in names),
    )


if __name__ == "__main__":
    main()
