"""The figures of many rows for people: a table with targets, a plot over the number of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import table

Run = dict[str, Any]
# For so many rows: first hits in seconds, and a warm answer in ms (p95).
TARGETS = {10_000: (0.6, 15), 100_000: (0.8, 40), 1_000_000: (1.5, 120)}
MEMORY, FILTER, RECALL = 1_500, 100, 0.98
DISK = {"catalogue": 1_500, "cache": 1_100, "hnsw": 2_300}
SERIES = {
    "first hits, new process": ("first_hits_s", 1000),
    "first hits, exact": ("first_hits_exact_s", 1000),
    "warm answer, p95": ("warm_p95_ms", 1),
    "filtered answer, p95": ("filter_p95_ms", 1),
}


def lines(run: Run) -> Iterator[tuple[str, str, str]]:
    """Yield (what, target, result) of one run."""
    rows, details = run["rows"], run["details"]
    aims = TARGETS.get(rows)
    of = f"{rows:,} rows: "
    cold = run["first_hits_cold_s"]
    cold = "" if cold is None else f" (cold {cold:.2f} s)"
    exact = f"; --exact {run['first_hits_exact_s']:.2f} s"
    yield (
        of + "first hits, new process",
        f"< {aims[0]} s" if aims else "",
        f"{run['first_hits_s']:.2f} s{cold}{exact}",
    )
    yield (
        of + "warm answer with cut and histogram, p95",
        f"< {aims[1]} ms" if aims else "",
        f"{run['warm_p95_ms']:.0f} ms (median {details['warm']['answer_ms']['median']:.0f})",
    )
    warm = details["warm"]
    yield (
        of + "date or drive filter, p95",
        f"< {FILTER} ms",
        f"{run['filter_p95_ms']:.0f} ms (date {warm['date_filter_ms']['p95']:.0f}, "
        f"drive {warm['drive_filter_ms']['p95']:.0f})",
    )
    private = warm["private_mb"]
    beside = "" if private is None else f", {private:.0f} of them its own"
    yield (
        of + "memory of the exact path, peak",
        f"< {MEMORY:,} MB" if rows == 1_000_000 else "",
        f"{run['memory_mb']:.0f} MB{beside}",
    )
    for kind, size in run["disk_parts_bytes_per_row"].items():
        if kind == "hnsw" and not size:
            continue
        yield of + f"disk a row, {kind}", f"<= {DISK[kind]:,} B", f"{size:,.0f} B"
    if "recall" in details and "ef" in details["hnsw"]:  # there are enough rows for an index
        found, built = details["recall"], details["hnsw"]
        spent = f"{built['build_s']:.0f} s ({built['build_cpu_s']:.0f} s CPU)"
        served = "" if found["served_by"] == "hnsw" else f" (served by {found['served_by']} search)"
        yield (
            of + "recall@50 on near-duplicates",
            f">= {RECALL}",
            f"{run['recall_at_50']:.4f}{served}",
        )
        yield (
            of + "building the approximate index",
            "stated",
            f"{spent}, {built['peak_mb']:.0f} MB",
        )
    yield of + "storing", "stated", f"{details['store']['rows_per_s']:,.0f} rows/s"
    for what, milliseconds in warm["reads"].items():
        yield of + what, "stated", f"{milliseconds:.1f} ms"


def markdown(runs: Sequence[Run]) -> str:
    """Write the targets and results of some runs."""
    return table(line for run in runs for line in lines(run)) + "\n"


def draw(runs: Sequence[Run], into: Path) -> None:
    """Draw time and memory over the number of rows, as PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    rows = [run["rows"] for run in runs]
    figure, (times, memory) = pyplot.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for label, (key, factor) in SERIES.items():
        times.plot(rows, [run[key] * factor for run in runs], marker="o", label=label)
    times.set(xscale="log", yscale="log", xlabel="rows", ylabel="ms")
    of_process = {
        "exact path, peak": [run["memory_mb"] for run in runs],
        "its own, without files": [run["details"]["warm"]["private_mb"] or 0 for run in runs],
    }
    for label, values in of_process.items():
        memory.plot(rows, values, marker="o", label=label)
    memory.set(xscale="log", xlabel="rows", ylabel="MB", ylim=(0, None))
    for axes in (times, memory):
        axes.grid(visible=True, alpha=0.3)
        axes.legend()
    into.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(into, dpi=130)
    pyplot.close(figure)
