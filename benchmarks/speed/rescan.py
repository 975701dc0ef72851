"""Re-scanning a folder in which nothing changed, beside ``find`` that only looks at each file.

    python -m benchmarks.speed.rescan [--files 200000] [--rounds 5] [--keep FOLDER]

The files are empty of content (nothing opens them): names of drives and cameras, each with a size
and a time of its own. Both programs run in turns, after a first look that fills the caches.
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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.scale import rows

FILES = 200_000
AIM = 3.0  # times find


def make_tree(root: Path, count: int) -> list[bytes]:
    """Make so many files, 2,000 a drive; return their names, relative to the root."""
    base, names = os.fsencode(root), []
    for number in range(count):
        name = rows.name(number)
        path = os.path.join(base, name)
        if number % (rows.PER_DRIVE // len(rows.CAMERAS)) == 0:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.truncate(180_000 + number)
        names.append(name)
    return names


def fill(root: Path, names: Sequence[bytes]) -> None:
    """Note the files in the catalogue of this data folder as an index run leaves them."""
    from c4t_core.images.scan import ExcludeRules, FileState
    from c4t_core.index.store.catalogue import Catalogue, catalogue_path
    from c4t_core.index.store.ledger import Ledger, Stored
    from c4t_core.workspace import open_workspace

    with open_workspace(root) as workspace:
        fingerprint, dim = workspace.model_fingerprint, workspace._model.dim
    vector = np.zeros(dim, np.float32)
    vector[0] = 1
    base = os.fsencode(root)
    with contextlib.closing(Catalogue(catalogue_path())) as catalogue:
        model_id = catalogue.add_model(fingerprint, "c4t", dim)
        known = catalogue.add_root(str(root), ExcludeRules())
        ledger = Ledger(catalogue, known, model_id)
        for start in range(0, len(names), 5_000):
            stored = [
                Stored(name, FileState.of(os.stat(os.path.join(base, name))), vector)
                for name in names[start : start + 5_000]
            ]
            ledger.store(stored, [])
        catalogue.finish_run(known.id, model_id)


def run_once(words: Sequence[str | Path], **variables: str) -> tuple[float, float]:
    """Run a program; return the seconds it took and the CPU time it used."""
    with subprocess.Popen(
        words, env={**machine.as_installed(), **variables}, stdout=subprocess.DEVNULL
    ) as process:
        started = time.perf_counter()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{words} ended with {process.returncode}")
    return seconds, usage.ru_utime + usage.ru_stime


def measure(rounds: int, count: int = FILES, keep: Path | None = None) -> dict[str, Any]:
    """Compare ``c4t index`` of an unchanged tree with ``find``; ratios are of neighbours in time.

    ``count`` files are made; those of ``keep`` are used again where it has them.
    """
    base = Path(tempfile.mkdtemp(prefix="c4t-rescan-")) if keep is None else keep
    root, data = base / "root", base / "data"
    if not root.exists():
        names = make_tree(root, count)
        os.environ["C4T_DATA_DIR"] = str(data)
        fill(root.resolve(), names)
    try:
        index = [sys.executable, "-m", "c4t_core", "index", root, "--json"]
        find = ["find", root, "-printf", "%s %T@\\n"]
        variables = {"C4T_DATA_DIR": str(data), "HF_HUB_OFFLINE": "1"}
        run_once(index, **variables), run_once(find)
        runs = [(run_once(find), run_once(index, **variables)) for _ in range(rounds)]
    finally:
        if keep is None:
            shutil.rmtree(base, ignore_errors=True)
    return {
        "files": count,
        "find_s": min(found[0] for found, _ in runs),
        "index_s": min(indexed[0] for _, indexed in runs),
        "ratio": statistics.median(indexed[0] / found[0] for found, indexed in runs),
        "cpu_ratio": statistics.median(indexed[1] / found[1] for found, indexed in runs),
        "runs": runs,
        "aim": AIM,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="the tree and its catalogue stay in here")
    chosen = parser.parse_args()
    print(json.dumps(measure(chosen.rounds, chosen.files, chosen.keep), indent=1))


if __name__ == "__main__":
    main()
