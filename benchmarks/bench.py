"""Everything that is measured of speed, in one run: one JSON, one table of targets and results.

    python -m benchmarks.bench [--only PART]... [--sizes N ...] [--output FOLDER]

Parts are those of ``benchmarks.speed``, ``scroll`` (the window with many rows) and ``scale`` (many
rows, a plot over their number). Results go to ``bench.json``, ``bench.md``, ``scale.png``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.scale import report as of_scale
from benchmarks.scale.__main__ import folder_for
from benchmarks.scale.__main__ import measure as measure_scale
from benchmarks.speed import report as of_speed
from benchmarks.speed.__main__ import PARTS as SPEED
from benchmarks.speed.__main__ import measure as measure_speed

PARTS = (*SPEED, "scroll", "scale")
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
ROWS = 1_000_000


def scroll(rows: int) -> dict[str, Any]:
    """Scroll the window and a bare list over many rows; see ``benchmarks.window``."""
    environment = {**machine.as_installed(), "QT_QPA_PLATFORM": "offscreen", "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryDirectory() as base:
        out = Path(base) / "window.json"
        words = ["-m", "benchmarks.window", "--rows", str(rows), "--output", str(out)]
        subprocess.run(
            [sys.executable, *words], check=True, env=environment, stdout=subprocess.DEVNULL
        )
        found: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return found


def scroll_lines(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield (what, target, result) of scrolling."""
    for kind in ("smooth", "jumps"):
        ours, bare = found[f"window_{kind}"], found[f"bare_{kind}"]
        yield (
            f"{found['rows']:,} rows, scrolling ({kind}): frames over 16.7 ms",
            f"<= {100 * bare['over_16_7_ms']:.1f} %, as a bare list",
            f"{100 * ours['over_16_7_ms']:.1f} % (longest {ours['max_ms']:.0f} ms, bare "
            f"{bare['max_ms']:.0f})",
        )


def markdown(found: dict[str, Any]) -> str:
    """Write all targets and results."""
    rows = [*of_speed.lines(found)]
    rows += [line for run in found.get("scale", ()) for line in of_scale.lines(run)]
    rows += scroll_lines(found["scroll"]) if "scroll" in found else ()
    left = ", ".join(found["left_out"]) or "none"
    about = f"{machine.sentence(found['machine'])}, after {found['load_after']}."
    return f"# Speed\n\n{about} Parts left out: {left}.\n\n{machine.table(rows)}\n"


def main() -> None:
    """Measure, print and write, after each part: some take long."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", action="append", choices=PARTS, help="measure only this part")
    parser.add_argument("--images", type=Path, help="time these images instead of the usual ones")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of runs (default: 3)")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="rows of the scale")
    parser.add_argument("--without", action="append", default=[], choices=["hnsw"])
    parser.add_argument("--scroll-rows", type=int, default=ROWS)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"))
    chosen = parser.parse_args()
    parts = chosen.only or list(PARTS)
    found: dict[str, Any] = {"machine": machine.describe()}
    found["left_out"] = [part for part in PARTS if part not in parts] + chosen.without
    chosen.output.mkdir(parents=True, exist_ok=True)

    def write() -> None:
        found["load_after"] = round(machine.load(), 2)
        (chosen.output / "bench.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
        (chosen.output / "bench.md").write_text(markdown(found), "utf-8")

    for part in (part for part in SPEED if part in parts):
        measured = measure_speed([part], chosen.rounds, chosen.images)
        found[part] = measured[part]
        write()
    if "scroll" in parts:
        found["scroll"] = scroll(chosen.scroll_rows)
        write()
    for rows in chosen.sizes if "scale" in parts else ():  # the longest last
        with folder_for(None) as base:
            found.setdefault("scale", []).append(measure_scale(base, rows, chosen.without))
        of_scale.draw(found["scale"], chosen.output / "scale.png")
        write()
    print("\n" + markdown(found))


if __name__ == "__main__":
    main()
