"""The window with 100,000 frames: time to the hits, and frame times while scrolling.

    QT_QPA_PLATFORM=offscreen python -m benchmarks.window [--rows N] [--output FILE]

The rows are synthetic: links to the sample drive's frames under other names, with random vectors.
A bare Qt list of as many rows is scrolled by the same steps in the same run, in turns, so that
whatever else the machine does slows both. A frame time is from the moment the scroll bar moves to
the end of the repaint, plus what the event loop did before the next step.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.heartbeat import percentile
from benchmarks.soak import resident

ROWS = 100_000
ROUNDS = 2
STEPS = 150
FRAME = 1 / 60


def make_folder(folder: Path, count: int) -> list[Path]:
    """Link the sample's frames under ``count`` names, 2,000 a drive."""
    from c4t_core import paths

    sources = sorted(paths.resource("sample", "drives").rglob("camera/**/*.jpg"))
    base = folder.parent / "sources"
    base.mkdir()
    copies = []
    for source in sources:
        copy = base / source.name
        copy.write_bytes(source.read_bytes())
        copies.append(copy)
    made = []
    for number in range(count):
        drive = f"2026{1 + number // 2000 % 12:02d}{1 + number // 24_000:02d}_{number // 2000:06d}"
        place = folder / drive / "camera" / "cam_front_center"
        if number % 2000 == 0:
            place.mkdir(parents=True)
        name = f"{drive.replace('_', '')}_camera_frontcenter_{number % 2000:09d}.jpg"
        os.link(copies[number % len(copies)], place / name)
        made.append(place / name)
    return made


def fill_catalogue(folder: Path, files: list[Path]) -> None:
    """Store a random unit vector for each file, as an index run would."""
    import contextlib

    import numpy as np

    from c4t_core import load_model, paths
    from c4t_core.images.scan import ExcludeRules, FileState
    from c4t_core.index.store.catalogue import Catalogue, Ledger, Stored

    model = load_model("c4t")
    rng = np.random.default_rng(1)
    with contextlib.closing(Catalogue(paths.data_dir() / "catalogue.sqlite")) as catalogue:
        root = catalogue.add_root(os.path.realpath(folder), ExcludeRules())
        ledger = Ledger(catalogue, root, catalogue.add_model(model.fingerprint, "c4t", model.dim))
        for start in range(0, len(files), 2000):
            part = files[start : start + 2000]
            vectors = rng.standard_normal((len(part), model.dim)).astype(np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            rows = []
            for path, vector in zip(part, vectors, strict=True):
                info = path.stat()
                state = FileState(info.st_size, info.st_mtime_ns)
                rows.append(Stored(os.fsencode(path.relative_to(folder)), state, vector))
            ledger.store(rows, [])
        catalogue.finish_run(root.id, ledger.model_id)


def steps(kind: str, view: Any, seed: int) -> Iterator[int]:
    """Yield scroll positions: ``"smooth"`` as a wheel makes them, ``"jumps"`` anywhere."""
    rng = random.Random(seed)
    bar = view.verticalScrollBar()
    here = rng.randrange(max(1, bar.maximum() // 2))
    for _ in range(STEPS):
        here = here + 60 if kind == "smooth" else rng.randrange(max(1, bar.maximum()))
        yield min(here, bar.maximum())


def scroll(app: Any, view: Any, kind: str, seed: int) -> list[float]:
    """Scroll a view; return the frame times in ms."""
    times = []
    for value in steps(kind, view, seed):
        started = time.perf_counter()
        view.verticalScrollBar().setValue(value)
        view.viewport().repaint()
        app.processEvents()
        spent = time.perf_counter() - started
        times.append(spent * 1000)
        end = started + FRAME
        while time.perf_counter() < end:
            time.sleep(0.001)
    return times


def bare_list(count: int, size: Any) -> Any:
    """Return a bare Qt list of as many rows."""
    from PySide6.QtCore import QStringListModel
    from PySide6.QtWidgets import QListView

    view = QListView()
    view.setUniformItemSizes(True)
    view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
    view.setModel(QStringListModel([f"frame {number}" for number in range(count)], view))
    view.resize(size)
    view.show()
    return view


def summary(times: list[float]) -> dict[str, float]:
    """Return percentiles in ms, and the share of frames longer than a screen's."""
    late = sum(value > FRAME * 1000 for value in times) / len(times)
    return {
        "p50_ms": round(percentile(times, 0.5), 2),
        "p95_ms": round(percentile(times, 0.95), 2),
        "p99_ms": round(percentile(times, 0.99), 2),
        "max_ms": round(max(times), 1),
        "over_16_7_ms": round(late, 4),
    }


def run(count: int, base: Path) -> dict[str, Any]:
    """Make the rows, open the window, search, scroll."""
    from c4t_desktop.app import create_application
    from c4t_desktop.settings import INDEX_AT_OPENING, WATCH, Settings

    folder = base / "drives"
    folder.mkdir()
    fill_catalogue(folder, make_folder(folder, count))
    settings = Settings()
    settings.set(INDEX_AT_OPENING, False)
    settings.set(WATCH, False)
    settings.sync()
    app, window = create_application(["c4t-desktop", str(folder)])
    window.resize(1440, 860)
    finder, library = window.desktop.context.finder, window.desktop.context.library

    def until(condition: Callable[[], bool], seconds: float = 300) -> float:
        started = time.perf_counter()
        while not condition() and time.perf_counter() - started < seconds:
            app.processEvents()
            time.sleep(0.001)
        return time.perf_counter() - started

    report: dict[str, Any] = {"rows": count}
    report["opened_s"] = round(until(lambda: library.opened_now is not None), 2)
    for name, query in (("first_query_s", "truck in snow"), ("next_query_s", "red car at night")):
        window.search.field.setText(query)
        window.search.field.entered.emit()
        took = until(
            lambda query=query: finder.found is not None and finder.found.question.text == query
        )
        report[name] = round(took, 3)
    until(lambda: not window.desktop.runner.busy)
    finder.show_all()
    report["show_all_s"] = round(until(lambda: window.model.rowCount() == count), 2)
    until(lambda: not window.desktop.runner.busy)
    bare = bare_list(count, window.view.size())
    frames: dict[str, list[float]] = {}
    for seed in range(ROUNDS):
        for kind in ("smooth", "jumps"):
            for who, view in (("window", window.view), ("bare", bare)):
                frames.setdefault(f"{who}_{kind}", []).extend(scroll(app, view, kind, seed))
    report |= {name: summary(times) for name, times in frames.items()}
    report["resident_mb"] = round(resident())
    bare.close()
    window.close()
    return report


def main() -> int:
    """Run it and print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--output", type=Path, help="write the report here as JSON")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as base:
        os.environ["C4T_DATA_DIR"] = str(Path(base) / "data")
        report = run(args.rows, Path(base))
    text = json.dumps(report, indent=1)
    if args.output is not None:
        args.output.write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)
