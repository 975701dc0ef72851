"""One measurement of many rows in a process of its own: prints one line of JSON.

    python -m benchmarks.scale.worker store|warm|hnsw|recall ROOT ROWS

Everything is asked through the workspace, as the window and the command line ask.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.machine import peak_megabytes, private_megabytes
from benchmarks.scale import rows

if TYPE_CHECKING:
    from c4t_core.workspace import Workspace

ASKED = 60  # different queries; p95 is the fourth-longest
WINDOW = 200  # hits that a window shows at first
DRAWN = 100  # directions of each kind that recall is taken over
K = 50
_TIE = 1e-5  # of two ways to round

SUBJECTS = ("a truck", "a cyclist", "pedestrians", "a red car", "road works", "a bus", "a tram")
PLACES = ("in snow", "at night", "in a tunnel", "on a motorway", "at a crossing", "in the rain")
MORE = ("", " on the left", " far away", " + fog", " seen from behind", " - people")


def queries() -> Iterator[str]:
    """Yield different queries, as somebody types them."""
    for more, place, subject in itertools.product(MORE, PLACES, SUBJECTS):
        yield f"{subject} {place}{more}"


def milliseconds(times: list[float]) -> dict[str, float]:
    """Return the median, p95 and longest of some seconds, in ms."""
    shares = {"median": 0.5, "p95": 0.95, "max": 1.0}
    return {key: round(1000 * float(np.quantile(times, share)), 2) for key, share in shares.items()}


def timed(calls: Iterator[Callable[[], Any]], count: int) -> list[float]:
    """Return the seconds of each of so many calls."""
    times = []
    for call in itertools.islice(calls, count):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return times


def whole(workspace: Workspace, query: Any, **options: Any) -> Any:
    """Ask for what the window shows of a letter: ranking, cut and histogram."""
    answer = workspace.answer(query, **options)
    return answer, answer.cut, answer.histogram


def warm(root: Path, count: int) -> dict[str, Any]:
    """Time what one open workspace answers once it has answered before."""
    from c4t_core.index.query import Filters
    from c4t_core.workspace import open_workspace

    asked = queries()
    result: dict[str, Any] = {}
    started = time.perf_counter()
    with open_workspace(root) as workspace:
        result["open_s"] = time.perf_counter() - started
        whole(workspace, next(asked))
        result["first_answer_s"] = time.perf_counter() - started
        for query in itertools.islice(asked, 3):
            whole(workspace, query)
        result["answer_ms"] = milliseconds(
            timed((lambda q=q: whole(workspace, q) for q in asked), ASKED)
        )
        directions = unit_rows(len(workspace.answer("a truck", k=1).direction), ASKED)
        result["ranking_ms"] = milliseconds(
            timed((lambda d=d: workspace.answer(d, exact=True) for d in directions), ASKED // 3)
        )
        result["best_50_ms"] = milliseconds(
            timed((lambda d=d: workspace.answer(d, k=K, exact=True) for d in directions), ASKED)
        )
        drives = max(1, count // rows.PER_DRIVE)
        chosen = [7 * number % drives for number in range(ASKED)]
        spans = [rows.START + number // 5 * rows.DAY for number in chosen]
        dates = [
            Filters(since=day, until=day + rows.DAY * (1 + i % 9)) for i, day in enumerate(spans)
        ]
        names = [Filters(drives=(rows.drive_name(number),)) for number in chosen]
        kinds = {"date": dates, "drive": names}
        times = {}
        for kind, filters in kinds.items():
            calls = (
                lambda f=f, q=q: whole(workspace, q, filters=f)
                for f, q in zip(filters, asked, strict=False)
            )
            times[kind] = timed(calls, ASKED)
            result[f"{kind}_filter_ms"] = milliseconds(times[kind])
        result["filter_ms"] = milliseconds([*times["date"], *times["drive"]])
        result["peak_mb"], result["private_mb"] = peak_megabytes(), private_megabytes()
        result["reads"] = reads(workspace)
        result["peak_after_reads_mb"] = peak_megabytes()
    return result


def reads(workspace: Workspace) -> dict[str, float]:
    """Time what else a window reads, in ms: lists, a page of hits, events, a scenario."""
    from c4t_core.index import scenarios
    from c4t_core.index.store.user_data import Scenario

    answer = workspace.answer("a bicycle near a kerb")
    hits = answer.hits(WINDOW)
    middle = len(answer.image_ids) // 2
    far = answer.image_ids[middle : middle + WINDOW].tolist()
    calls: dict[str, Callable[[], Any]] = {
        "everything, browsed": workspace.browse,
        "drives list": workspace.drives,
        "cameras list": lambda: workspace.groups("camera"),
        "days list": lambda: workspace.groups("day"),
        "status": workspace.status,
        f"first {WINDOW} hits": lambda: answer.hits(WINDOW),
        f"{WINDOW} hits in the middle": lambda: answer.scope.hits(far, [0.0] * len(far)),
        f"events of {WINDOW} hits": lambda: workspace.events(hits),
        "one frame": lambda: workspace.frame(hits[0].image_id),
        "frames around one": lambda: workspace.neighbours(hits[0].image_id),
        "more like this": lambda: workspace.similar(hits[0].image_id),
        "hits kept of a search": lambda: answer.only(set(far)),
        "a scenario counted": lambda: scenarios.count(
            workspace, Scenario("trucks", "a truck in snow", cut=float(answer.scores[WINDOW])), {}
        ),
    }
    return {name: round(1000 * min(timed(iter([call] * 3), 3)), 2) for name, call in calls.items()}


def unit_rows(dim: int, count: int) -> np.ndarray:
    """Return directions as images have them: stored ones, moved a little."""
    return rows.moved(rows.vectors(0, dim)[: count * 7 : 7])


def hnsw(root: Path, count: int) -> dict[str, Any]:
    """Build the approximate index as an index run does at its end."""
    from c4t_core.index.cut import EVERY
    from c4t_core.workspace import open_workspace

    with open_workspace(root) as workspace:
        searcher, model = workspace._searcher, workspace._model
        asked = model.get().encode_texts(EVERY)
        before = peak_megabytes()
        started, spent = time.perf_counter(), time.process_time()
        (target,) = searcher.targets()
        run = searcher.run(target)
        assert target.root is not None
        assert run is not None
        search = searcher.vectors(target.root, run.model_id, run.fingerprint)
        search._threshold = 0  # the product makes none of so few
        facts = search.maintain(asked)
        seconds, cpu = time.perf_counter() - started, time.process_time() - spent
    result = {"build_s": seconds, "build_cpu_s": cpu, "peak_mb": peak_megabytes()}
    if facts is not None:
        result |= {"audit_recall": facts.recall, "audit_worst": facts.worst, "ef": facts.ef}
    return {**result, "before_mb": before, "serves": facts is not None and facts.serves}


def recall(root: Path, count: int) -> dict[str, Any]:
    """Compare the approximate path with the exact one on images that are nearly alike."""
    from c4t_core.workspace import open_workspace

    rng = np.random.default_rng(5)
    with open_workspace(root) as workspace:
        served = workspace.status().folders[0].search
        model = workspace._model.get()
        sentences = model.encode_texts(list(itertools.islice(queries(), DRAWN)))
        drawn = rng.integers(0, max(1, count // rows.BLOCK), DRAWN)
        images = np.stack(
            [rows.vectors(int(b), model.dim)[int(rng.integers(rows.BLOCK))] for b in drawn]
        )
        kinds = {"image-like": rows.moved(images), "sentence-like": sentences}
        result: dict[str, Any] = {"served_by": served}
        found: dict[str, list[np.ndarray]] = {}
        for kind, directions in kinds.items():
            times = []
            for direction in directions:
                started = time.perf_counter()
                found.setdefault(kind, []).append(workspace.answer(direction, k=K).scores)
                times.append(time.perf_counter() - started)
            result[f"{kind} ms"] = milliseconds(times)
        result["peak_mb"] = peak_megabytes()
        shares = []
        for kind, directions in kinds.items():
            best = [workspace.answer(d, k=K, exact=True).scores for d in directions]
            pairs = zip(found[kind], best, strict=True)
            kept = [float((near >= exact[-1] - _TIE).mean()) for near, exact in pairs]
            result[kind] = {"mean": float(np.mean(kept)), "worst": min(kept)}
            shares += kept
        result["recall_at_50"] = float(np.mean(shares))
    return result


def main() -> None:
    """Measure one thing."""
    what, root, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if what == "store":
        result = {**rows.store(root, count), "peak_mb": peak_megabytes()}
    else:
        result = {"warm": warm, "hnsw": hnsw, "recall": recall}[what](root, count)
    print(json.dumps(result), flush=True)
    os._exit(0)  # the measurement is over; tearing down is not part of it


if __name__ == "__main__":
    main()
