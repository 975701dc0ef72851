"""How fast: indexing against the common CLIP loop, the window, first hits, memory.

    python -m benchmarks.speed [--images FOLDER] [--rounds N] [--output FOLDER] [--only PART]...

Runs are paired and alternate (C4T, CLIP, C4T, CLIP, ...), each in a process of its own, and the
ratio is the median over pairs, so that a busy machine slows both sides alike. Results go to
``speed.json`` and ``speed.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.speed.images import frames_to_time, many_small
from c4t_core import __version__
from c4t_core.devices import available_threads

PARTS = ("jpeg", "png", "window", "search")
COUNTS = {"jpeg": 122, "png": 40}
AIMS = {"jpeg": 5.0, "png": 2.5}
MANY = 10_000
QUERY = "a truck in the snow"


def worker(*words: str | Path, **variables: str) -> dict[str, Any]:
    """Run one measurement in a fresh process."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HF_HUB_OFFLINE": "1", **variables}
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


def indexing(kind: str, rounds: int, base: Path, images: Path | None) -> dict[str, Any]:
    """Measure images per second of C4T and of the CLIP loop on the same images."""
    folder = base / kind
    folder.mkdir()
    words = frames_to_time(kind, COUNTS[kind], folder, images)
    runs: list[dict[str, float]] = []
    memory = {"c4t": 0.0, "clip": 0.0}
    for number in range(rounds):
        rates = {}
        for who in ("c4t", "clip") if number % 2 == 0 else ("clip", "c4t"):
            found = worker(who, folder)
            rates[who] = found["images"] / found["seconds"]
            memory[who] = max(memory[who], found["peak_mb"])
        runs.append({**rates, "ratio": rates["c4t"] / rates["clip"]})
        print(f"{kind} {number + 1}/{rounds}: {describe(runs[-1])}", flush=True)
    middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    return {
        "images": words,
        "count": COUNTS[kind],
        "c4t_images_per_s": middle["c4t"],
        "clip_images_per_s": middle["clip"],
        "ratio": middle["ratio"],
        "aim": AIMS[kind],
        "peak_mb": memory,
        "runs": runs,
    }


def describe(run: dict[str, float]) -> str:
    """Write one pair of runs."""
    return f"C4T {run['c4t']:.1f}/s, CLIP loop {run['clip']:.1f}/s, ratio {run['ratio']:.2f}"


def window(rounds: int) -> dict[str, Any]:
    """Measure the time from process start to a painted window, with no folder."""
    with tempfile.TemporaryDirectory() as data:
        found = [worker("window", C4T_DATA_DIR=data) for _ in range(rounds + 1)][1:]
    return {
        "window_s": statistics.median(run["window_s"] for run in found),
        "peak_mb": max(run["peak_mb"] for run in found),
    }


def search(rounds: int, base: Path, count: int = MANY) -> dict[str, Any]:
    """Measure first hits of a large indexed folder, in the window and on the command line."""
    folder, data = base / "many", base / "data"
    folder.mkdir()
    many_small(count, folder)
    variables = {"C4T_DATA_DIR": str(data)}
    environment = {**os.environ, **variables}
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
        "aim_s": 3.0,
        "peak_mb": max(run["peak_mb"] for run in shown),
    }


def markdown(report: dict[str, Any]) -> str:
    """Write the report for people."""
    machine = report["machine"]
    lines = [
        "# Speed",
        "",
        f"C4T {machine['c4t']}, {machine['threads']} CPU threads, {machine['system']}, "
        f"Python {machine['python']}. Written by `make bench`.",
        "",
    ]
    rows = [(kind, report[kind]) for kind in ("jpeg", "png") if kind in report]
    if rows:
        lines += [
            "| images | C4T, images/s | CLIP loop, images/s | ratio | aim | memory, MB |",
            "|---|---|---|---|---|---|",
        ]
        for _, row in rows:
            memory = row["peak_mb"]
            lines.append(
                f"| {row['count']} {row['images']} | {row['c4t_images_per_s']:.1f} | "
                f"{row['clip_images_per_s']:.1f} | {row['ratio']:.1f} | {row['aim']:.1f} | "
                f"{memory['c4t']:.0f} (CLIP loop {memory['clip']:.0f}) |"
            )
        lines += [
            "",
            "The CLIP loop is open_clip ViT-B-32 with its own preprocessing, Pillow and batches "
            "of 8; its weights do not matter for time. Ratios are medians over paired runs.",
            "",
        ]
    if "window" in report:
        part = report["window"]
        lines.append(
            f"- From process start to the painted window: {part['window_s']:.2f} s "
            f"({part['peak_mb']:.0f} MB)."
        )
    if "search" in report:
        part = report["search"]
        lines.append(
            f"- {part['count']:,} images, indexed before: `c4t search` takes "
            f"{part['command_line_s']:.2f} s from start to end."
        )
        if part["window_first_hits_s"] is not None:
            lines.append(
                f"- From process start to the first hits in the window: "
                f"{part['window_first_hits_s']:.2f} s ({part['peak_mb']:.0f} MB)."
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, help="time these images instead of the usual ones")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of runs (default: 3)")
    parser.add_argument("--many", type=int, default=MANY, help="images of the large folder")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure only this part")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"))
    chosen = parser.parse_args()
    parts = chosen.only or list(PARTS)
    report: dict[str, Any] = {
        "machine": {
            "c4t": __version__,
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "threads": available_threads(),
            "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        }
    }
    base = Path(tempfile.mkdtemp(prefix="c4t-speed-"))
    try:
        for kind in ("jpeg", "png"):
            if kind in parts:
                report[kind] = indexing(kind, chosen.rounds, base, chosen.images)
        if "window" in parts:
            report["window"] = window(chosen.rounds)
        if "search" in parts:
            report["search"] = search(chosen.rounds, base, chosen.many)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    chosen.output.mkdir(parents=True, exist_ok=True)
    (chosen.output / "speed.json").write_text(json.dumps(report, indent=2) + "\n")
    text = markdown(report)
    (chosen.output / "speed.md").write_text(text)
    print("\n" + text)


if __name__ == "__main__":
    main()
