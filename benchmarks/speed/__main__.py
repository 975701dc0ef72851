"""How fast: indexing against the common CLIP loop and its bound, the window, re-scanning.

    python -m benchmarks.speed [--images FOLDER] [--rounds N] [--output FOLDER] [--only PART]...

Runs are paired and alternate (C4T, CLIP, C4T, CLIP, ...), each in a process of its own, and the
ratio is the median over pairs, so that a busy machine slows both sides alike. Results go to
``speed.json`` and ``speed.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.speed import report, rescan
from benchmarks.speed.images import frames_to_time, many_small
from benchmarks.speed.worker import OWN_CLIP
from c4t_core.devices import available_threads

PARTS = ("jpeg", "png", "network", "clip", "window", "search", "rescan")
COUNTS = {"jpeg": 240, "png": 60, "clip": 66}
MANY = 10_000
QUERY = "a truck in the snow"


def worker(*words: str | Path, **variables: str) -> dict[str, Any]:
    """Run one measurement in a fresh process."""
    environment = {**machine.as_installed(), **variables}
    environment |= {"QT_QPA_PLATFORM": "offscreen", "HF_HUB_OFFLINE": "1"}
    environment["C4T_BENCH_STARTED"] = repr(time.time())
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed.worker", *map(str, words)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{words}: {done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def indexing(
    kind: str, rounds: int, base: Path, images: Path | None, model: str = "c4t"
) -> dict[str, Any]:
    """Measure images per second of C4T and of the CLIP loop on the same images, and the bound.

    The bound is what all cores would do if nothing but decoding and the network took time: the
    sum of the CPU seconds that these two take by themselves, before and after each run, as a
    machine may be half as fast a minute later. Where other work is on it the bound cannot be had;
    so its share of the CPU seconds that indexing used, and of those that were left idle meanwhile,
    is told beside it. With ``OMP_NUM_THREADS=1``
    so is the ratio of the CPU seconds of both, which other work moves less, and which is in the
    loop's favour: with more threads some of its cores wait while it decodes, or spin.
    """
    folder = base / kind
    folder.mkdir()
    words = frames_to_time("png" if kind == "png" else "jpeg", COUNTS[kind], folder, images)
    runs: list[dict[str, float]] = []
    memory = {"c4t": 0.0, "clip": 0.0}
    pure: list[dict[str, float]] = []
    for number in range(rounds):
        rates, spent, alone = {}, {}, []
        for who in ("c4t", "clip") if number % 2 == 0 else ("clip", "c4t"):
            if who == "c4t":
                alone.append(worker("pure", folder, model))
                found = worker(who, folder, model)
                alone.append(worker("pure", folder, model))
            else:
                found = worker(who, folder)
            rates[who] = found["images"] / found["seconds"]
            memory[who] = max(memory[who], found["peak_mb"])
            spent[who] = {key: found[key] / found["images"] for key in ("cpu_s", "idle_s")}
        pure += alone
        least = statistics.mean(one["decode_s"] + one["encode_s"] for one in alone)
        shares = {
            "share_of_bound": rates["c4t"] * least / available_threads(),
            "share_of_cpu": least / (spent["c4t"]["cpu_s"] + spent["c4t"]["idle_s"]),
        }
        less = spent["clip"]["cpu_s"] / spent["c4t"]["cpu_s"]
        ratios = {"ratio": rates["c4t"] / rates["clip"], "cpu_ratio": less}
        runs.append({**rates, **ratios, **shares, **spent["c4t"]})
        print(f"{kind} {number + 1}/{rounds}: {describe(runs[-1])}", flush=True)
    middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    usual = {key: statistics.median(one[key] for one in pure) for key in pure[0]}
    return {
        "images": words,
        "count": COUNTS[kind],
        "c4t_images_per_s": middle["c4t"],
        "clip_images_per_s": middle["clip"],
        "ratio": middle["ratio"],
        "cpu_ratio": middle["cpu_ratio"] if os.environ.get("OMP_NUM_THREADS") == "1" else None,
        "bound_images_per_s": available_threads() / sum(usual.values()),
        "share_of_bound": middle["share_of_bound"],
        "share_of_cpu": middle["share_of_cpu"],
        **usual,
        "peak_mb": memory,
        "runs": runs,
    }


def describe(run: dict[str, float]) -> str:
    """Write one pair of runs."""
    return f"C4T {run['c4t']:.1f}/s, CLIP loop {run['clip']:.1f}/s, ratio {run['ratio']:.2f}"


def network(base: Path, images: Path | None) -> dict[str, Any]:
    """Measure the image network against its plain fp32 graph."""
    folder = base / "network"
    folder.mkdir()
    frames_to_time("jpeg", 24, folder, images)
    return worker("network", folder)


def clip(rounds: int, base: Path, images: Path | None) -> dict[str, Any]:
    """Measure CLIP itself through our engine against the loop around open_clip."""
    data = base / "clip-data"
    data.mkdir()
    os.environ["C4T_DATA_DIR"] = str(data)
    worker("make-clip", data)
    return indexing("clip", rounds, base, images, OWN_CLIP)


def window(rounds: int) -> dict[str, Any]:
    """Measure the time from process start to a painted window, with no folder, and a bare one."""
    with tempfile.TemporaryDirectory() as data:
        pairs = [(worker("window", C4T_DATA_DIR=data), worker("bare")) for _ in range(rounds + 1)][
            1:
        ]
    return {
        "window_s": statistics.median(ours["window_s"] for ours, _ in pairs),
        "bare_s": statistics.median(bare["window_s"] for _, bare in pairs),
        "more_s": statistics.median(ours["window_s"] - bare["window_s"] for ours, bare in pairs),
        "peak_mb": max(ours["peak_mb"] for ours, _ in pairs),
    }


def search(rounds: int, base: Path, count: int = MANY) -> dict[str, Any]:
    """Measure first hits of a large indexed folder, in the window and on the command line."""
    folder, data = base / "many", base / "data"
    folder.mkdir()
    many_small(count, folder)
    variables = {"C4T_DATA_DIR": str(data)}
    environment = {**machine.as_installed(), **variables}
    command = [sys.executable, "-m", "c4t_core"]
    started = time.perf_counter()
    subprocess.run(
        [*command, "index", str(folder), "--json"],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    indexed = time.perf_counter() - started
    times = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        subprocess.run(
            [*command, "search", str(folder), QUERY, "--json"],
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        times.append(time.perf_counter() - started)
    shown = [worker("window", folder, QUERY, **variables) for _ in range(rounds)]
    hits = [run["hits_s"] for run in shown if run["hits_s"] is not None]
    return {
        "count": count,
        "index_s": indexed,
        "command_line_s": statistics.median(times[1:]),
        "window_first_hits_s": statistics.median(hits) if len(hits) == len(shown) else None,
        "peak_mb": max(run["peak_mb"] for run in shown),
    }


def measure(
    parts: list[str], rounds: int, images: Path | None = None, many: int = MANY
) -> dict[str, Any]:
    """Measure some parts; return their figures by part, with the machine's."""
    found: dict[str, Any] = {"machine": machine.describe()}
    before = os.environ.get("C4T_DATA_DIR")
    base = Path(tempfile.mkdtemp(prefix="c4t-speed-"))
    calls: dict[str, Callable[[], dict[str, Any]]] = {
        "jpeg": lambda: indexing("jpeg", rounds, base, images),
        "png": lambda: indexing("png", rounds, base, images),
        "network": lambda: network(base, images),
        "clip": lambda: clip(rounds, base, images),
        "window": lambda: window(rounds),
        "search": lambda: search(rounds, base, many),
        "rescan": lambda: rescan.measure(rounds),
    }
    try:
        for part in PARTS:
            if part in parts:
                found[part] = calls[part]()
                print(f"{part}: done, load {machine.load():.1f}", flush=True)
            if before is None:
                os.environ.pop("C4T_DATA_DIR", None)
            else:
                os.environ["C4T_DATA_DIR"] = before
    finally:
        shutil.rmtree(base, ignore_errors=True)
    return found


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=Path, help="time these images instead of the usual ones")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of runs (default: 3)")
    parser.add_argument("--many", type=int, default=MANY, help="images of the large folder")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure only this part")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"))
    chosen = parser.parse_args()
    found = measure(chosen.only or list(PARTS), chosen.rounds, chosen.images, chosen.many)
    chosen.output.mkdir(parents=True, exist_ok=True)
    (chosen.output / "speed.json").write_text(json.dumps(found, indent=2) + "\n")
    text = report.markdown(found)
    (chosen.output / "speed.md").write_text(text)
    print("\n" + text)


if __name__ == "__main__":
    main()
