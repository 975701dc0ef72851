"""The window with a million frames: letters, filters, the cut, scrolling, memory, the start.

    QT_QPA_PLATFORM=offscreen python -m benchmarks.window
        [--rows N] [--output FILE] [--keep DIR] [--table]

The rows are synthetic: names like those of drives, random vectors, through the product's own store,
below a folder without files. So the cards show no pictures; a smaller part of real files, links to
the sample drive's frames, is scrolled as well (``real_``). With ``--table`` the rows are opened as
a shared table too, by a user who had none of them, in turn with the folder: the report has ratios.
A bare Qt list of as many rows is scrolled by the same steps in the same run, in turns, so that
whatever else the machine does slows both. A frame time is from the moment the scroll bar moves to
the end of the repaint, plus what the event loop did before the next step; ``cpu`` is what of it the
GUI thread worked, which does not hang on what else runs. A turn is what the GUI thread worked
before it came back to its events.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.machine import resident
from benchmarks.soak.heartbeat import percentile

ROWS = 100_000
REAL = 2_000  # rows with files
DRIVE = 2_000  # frames of a drive
ROUNDS = 2
STEPS = 150
FRAME = 1 / 60
TYPED = ("truck in snow", "red car at night", "people at a crossing", "wet road", "tunnel")
LETTERS = 200  # typed for the memory, after a tenth of them

_BARE = """
import time; begun, worked = time.perf_counter(), time.process_time()
from PySide6.QtWidgets import QApplication, QMainWindow
app = QApplication([]); window = QMainWindow(); window.resize(1440, 860); window.show()
app.processEvents(); window.repaint()
print(time.perf_counter() - begun, time.process_time() - worked, flush=True)
import os; os._exit(0)
"""
_WINDOW = """
import time; begun, worked = time.perf_counter(), time.process_time()
from c4t_desktop.app import create_application
app, window = create_application(["c4t-desktop"])
app.processEvents(); window.repaint()
print(time.perf_counter() - begun, time.process_time() - worked, flush=True)
import os; os._exit(0)
"""


def name_of(number: int) -> str:
    """Return the name of a synthetic frame, relative to its folder."""
    drive = number // DRIVE
    stamp = f"2026{1 + drive % 12:02d}{1 + drive // 12 % 28:02d}_{drive:06d}"
    frame = f"{stamp.replace('_', '')}_camera_frontcenter_{number % DRIVE:09d}.jpg"
    return f"{stamp}/camera/cam_front_center/{frame}"


def link_files(folder: Path, count: int) -> None:
    """Link the sample's frames under the first names."""
    from c4t_core import paths

    copies = []
    base = folder.parent / "sources"
    base.mkdir(parents=True)
    for source in sorted(paths.resource("sample", "drives").rglob("camera/**/*.jpg")):
        copies.append(base / source.name)
        copies[-1].write_bytes(source.read_bytes())
    for number in range(count):
        file = folder / name_of(number)
        file.parent.mkdir(parents=True, exist_ok=True)
        os.link(copies[number % len(copies)], file)


def fill_catalogue(folder: Path, count: int) -> None:
    """Store a random unit vector for each frame, as an index run would."""
    import contextlib

    import numpy as np

    from c4t_core import load_model, paths
    from c4t_core.images.scan import ExcludeRules, FileState
    from c4t_core.index.store.catalogue import Catalogue
    from c4t_core.index.store.ledger import Ledger, Stored

    folder.mkdir(parents=True, exist_ok=True)
    model = load_model("c4t")
    rng = np.random.default_rng(1)
    with contextlib.closing(Catalogue(paths.data_dir() / "catalogue.sqlite")) as catalogue:
        root = catalogue.add_root(os.path.realpath(folder), ExcludeRules())
        ledger = Ledger(catalogue, root, catalogue.add_model(model.fingerprint, "c4t", model.dim))
        for start in range(0, count, DRIVE):
            vectors = rng.standard_normal((min(DRIVE, count - start), model.dim), np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            names = (os.fsencode(name_of(number)) for number in range(start, start + len(vectors)))
            state = FileState(100_000, 1)
            ledger.store([Stored(n, state, v) for n, v in zip(names, vectors, strict=True)], [])
        catalogue.finish_run(root.id, ledger.model_id)


def steps(kind: str, view: Any, seed: int) -> Iterator[int]:
    """Yield scroll positions: ``"smooth"`` as a wheel makes them, ``"jumps"`` anywhere."""
    rng = random.Random(seed)
    bar = view.verticalScrollBar()
    here = rng.randrange(max(1, bar.maximum() // 2))
    for _ in range(STEPS):
        here = here + 60 if kind == "smooth" else rng.randrange(max(1, bar.maximum()))
        yield min(here, bar.maximum())


def scroll(app: Any, view: Any, kind: str, seed: int) -> list[tuple[float, float]]:
    """Scroll a view; return the frame times and their CPU times in ms."""
    times = []
    for value in steps(kind, view, seed):
        started, worked = time.perf_counter(), time.thread_time()
        view.verticalScrollBar().setValue(value)
        view.viewport().repaint()
        app.processEvents()
        spent = time.perf_counter() - started
        times.append((spent * 1000, (time.thread_time() - worked) * 1000))
        end = started + FRAME
        while time.perf_counter() < end:
            time.sleep(0.001)
            app.processEvents()
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


def summary(frames: list[tuple[float, float]]) -> dict[str, float]:
    """Return percentiles in ms, and the share of frames longer than a screen's."""
    times, worked = ([frame[part] for frame in frames] for part in (0, 1))
    return {
        "p50_ms": round(percentile(times, 0.5), 2),
        "p95_ms": round(percentile(times, 0.95), 2),
        "p99_ms": round(percentile(times, 0.99), 2),
        "max_ms": round(max(times), 1),
        "over_16_7_ms": round(sum(value > FRAME * 1000 for value in times) / len(times), 4),
        "cpu_p50_ms": round(percentile(worked, 0.5), 2),
        "cpu_p95_ms": round(percentile(worked, 0.95), 2),
        "cpu_max_ms": round(max(worked), 1),
        "cpu_over_16_7_ms": round(sum(value > FRAME * 1000 for value in worked) / len(worked), 4),
    }


class Driver:
    """Drives the window and watches what the GUI thread does between two looks at its events."""

    def __init__(self, folder: Path) -> None:
        """Open the window on a folder, without looking for new files."""
        from c4t_desktop.app import create_application
        from c4t_desktop.settings import INDEX_AT_OPENING, WATCH, Settings

        settings = Settings()
        settings.set(INDEX_AT_OPENING, False)
        settings.set(WATCH, False)
        settings.sync()
        self.app, self.window = create_application(["c4t-desktop", str(folder)])
        self.window.resize(1440, 860)
        context = self.window.desktop.context
        self.finder, self.library = context.finder, context.library
        self.laid_out = 0
        self.finder.laid_out.connect(self._laid_out)
        self.turn = 0.0

    def _laid_out(self, _: object) -> None:
        self.laid_out += 1

    def until(self, condition: Callable[[], bool], seconds: float = 300) -> float:
        """Run the event loop until a condition holds; return the seconds it took."""
        started = time.perf_counter()
        while not condition() and time.perf_counter() - started < seconds:
            self.turned(self.app.processEvents)
            time.sleep(0.0005)
        return time.perf_counter() - started

    def turned(self, act: Callable[[], object]) -> None:
        """Do something on the GUI thread, and note how long it worked."""
        begun = time.thread_time()
        act()
        self.turn = max(self.turn, (time.thread_time() - begun) * 1000)

    def calm(self) -> None:
        """Wait until no job runs."""
        self.until(lambda: not self.window.desktop.runner.busy)

    def timed(self, act: Callable[[], object]) -> dict[str, float]:
        """Do something that lays the hits out anew; return ms to that, and the longest turn."""
        self.calm()
        before, self.turn = self.laid_out, 0.0
        started = time.perf_counter()
        self.turned(act)
        self.until(lambda: self.laid_out > before)
        self.turned(self.window.view.viewport().repaint)
        took = time.perf_counter() - started
        self.calm()
        return {"laid_out_ms": round(took * 1000, 1), "turn_ms": round(self.turn, 1)}

    def answers(self, text: str) -> bool:
        """Whether what is shown answers this text."""
        return self.finder.found is not None and self.finder.found.question.text == text

    def letters(self, text: str) -> list[dict[str, float]]:
        """Type a text letter by letter, each after the one before has been laid out."""
        from PySide6.QtTest import QTest

        field = self.window.search.field
        field.clear()
        self.calm()
        made = []
        for letter in text:
            if letter != " ":  # "snow " is the same question as "snow"
                made.append(self.timed(lambda letter=letter: QTest.keyClicks(field, letter)))
            else:
                QTest.keyClicks(field, letter)
        return made

    def rush(self, text: str) -> float:
        """Type a text at once; return ms from the last letter to its answer."""
        from PySide6.QtTest import QTest

        field = self.window.search.field
        field.clear()
        self.calm()
        QTest.keyClicks(field, text, delay=30)
        started = time.perf_counter()
        self.until(
            lambda: self.finder.found is not None and self.finder.found.question.text == text
        )
        return round((time.perf_counter() - started) * 1000, 1)


def spread(made: list[dict[str, float]]) -> dict[str, float]:
    """Return percentiles of what was timed."""
    took, turns = ([one[name] for one in made] for name in ("laid_out_ms", "turn_ms"))
    return {
        "p50_ms": round(percentile(took, 0.5), 1),
        "p95_ms": round(percentile(took, 0.95), 1),
        "turn_p95_ms": round(percentile(turns, 0.95), 1),
        "turn_max_ms": round(max(turns), 1),
    }


def orders(driver: Driver, count: int) -> dict[str, Any]:
    """Show all, move the cut, sort, fold, filter, select all; return what each took."""
    finder, window = driver.finder, driver.window
    made: dict[str, Any] = {"show_all": driver.timed(finder.show_all)}
    assert window.model.rowCount() == count
    slider = window.header.slider
    cuts = [driver.timed(lambda to=to: slider.setValue(to)) for to in range(45, 900, 45)]
    made["cut_moved"] = spread(cuts)
    finder.show_all()
    driver.calm()
    for name, act in (
        ("sort_time", lambda: finder.set_sort("time")),
        ("sort_drive", lambda: finder.set_sort("drive")),
        ("sort_score", lambda: finder.set_sort("score")),
        ("fold", lambda: finder.set_fold(True)),
        ("unfold", lambda: finder.set_fold(False)),
    ):
        made[name] = driver.timed(act)
    chooser = window.sidebar.findChild(type(window.header._sort), "driveFilter")
    drives, picked = [value for value, _, _ in chooser.offered], []
    for some in (drives[:1], drives[1:2], []):
        picked.append(driver.timed(lambda some=some: chooser.chosen.emit(tuple(some))))
    made["drive_filter"] = spread(picked)
    finder.show_all()
    driver.calm()
    driver.turn = 0.0
    driver.turned(window.view.selectAll)
    driver.turned(driver.app.processEvents)
    made["select_all_turn_ms"] = round(driver.turn, 1)
    window.view.clearSelection()
    return made


def run(count: int, folder: Path, real: Path | None) -> dict[str, Any]:
    """Open the window, type, arrange, scroll."""
    driver = Driver(folder)
    window, finder = driver.window, driver.finder
    report: dict[str, Any] = {"rows": count}
    report["opened_s"] = round(driver.until(lambda: driver.library.opened_now is not None), 2)
    window.search.field.setText("truck")
    first = driver.until(lambda: driver.answers("truck"))
    report["first_query_s"] = round(first, 3)
    driver.calm()
    report["letters"] = spread([one for text in TYPED[:3] for one in driver.letters(text)])
    report["rushed_ms"] = statistics.median(driver.rush(text) for text in TYPED[:3])
    report["orders"] = orders(driver, count)
    bare = bare_list(count, window.view.size())
    frames: dict[str, list[tuple[float, float]]] = {}
    for seed in range(ROUNDS):
        for kind in ("smooth", "jumps"):
            for who, view in (("window", window.view), ("bare", bare)):
                frames.setdefault(f"{who}_{kind}", []).extend(scroll(driver.app, view, kind, seed))
    bare.close()
    bare.deleteLater()
    report |= {name: summary(times) for name, times in frames.items()}
    report["memory"] = memory(driver)
    if real is not None:
        window.folder_commands.open_folders([real])
        driver.until(lambda: driver.library.opened_now is not None)
        driver.letters("road")
        finder.show_all()
        driver.calm()
        report["real_smooth"] = summary(scroll(driver.app, window.view, "smooth", 0))
    window.close()
    return report


def memory(driver: Driver) -> dict[str, float]:
    """Return the megabytes held before and after many letters."""

    def typed(count: int) -> None:
        done = 0
        while done < count:
            for text in TYPED:
                done += len(driver.letters(text))

    typed(LETTERS // 10)
    before = resident()
    typed(LETTERS)
    return {"before_mb": round(before), "after_mb": round(resident()), "letters": LETTERS}


def start_times(times: int = 7) -> dict[str, float]:
    """Return how long the window and a bare Qt window take to stand, in new processes, in turns.

    Seconds are from the first line of Python; the CPU time does not hang on what else runs.
    """
    got: dict[str, list[tuple[float, float]]] = {"bare": [], "window": []}
    with tempfile.TemporaryDirectory() as data:
        for _ in range(times):
            for name, code in (("bare", _BARE), ("window", _WINDOW)):
                made = subprocess.run(
                    [sys.executable, "-c", code],
                    env={**machine.as_installed(), "C4T_DATA_DIR": data},
                    capture_output=True,
                    text=True,
                    check=True,
                )
                wall, worked = made.stdout.split()[-2:]
                got[name].append((float(wall), float(worked)))
    middle = {
        name: [statistics.median(values) for values in zip(*pairs, strict=True)]
        for name, pairs in got.items()
    }
    return {
        "bare_s": round(middle["bare"][0], 3),
        "window_s": round(middle["window"][0], 3),
        "more_s": round(middle["window"][0] - middle["bare"][0], 3),
        "more_cpu_s": round(middle["window"][1] - middle["bare"][1], 3),
    }


RATIOS = (
    ("first_query_s",),
    ("letters", "p50_ms"),
    ("letters", "p95_ms"),
    ("letters", "turn_p95_ms"),
    ("rushed_ms",),
    ("orders", "cut_moved", "p95_ms"),
    ("orders", "drive_filter", "p95_ms"),
    ("orders", "sort_time", "laid_out_ms"),
    ("window_smooth", "cpu_p95_ms"),
    ("window_jumps", "cpu_p95_ms"),
    ("memory", "after_mb"),
)


def prepare(base: Path, rows: int) -> None:
    """Fill the catalogue of ``base``, once."""
    os.environ["C4T_DATA_DIR"] = str(base / "data")
    if not (base / "data" / "catalogue.sqlite").exists():
        fill_catalogue(base / "drives", rows)
        link_files(base / "real", REAL)
        fill_catalogue(base / "real", REAL)


def share(base: Path) -> Path:
    """Write the rows of ``base`` into a table, once, and copy it as somebody who opens it does."""
    import contextlib

    from c4t_core import paths
    from c4t_core.cluster.copying import bring, from_workspace
    from c4t_core.cluster.table import exists
    from c4t_core.index.directions import ModelHandle
    from c4t_core.index.store.catalogue import Catalogue

    table = base / "team.lance"
    if not exists(table):
        with contextlib.closing(Catalogue(paths.data_dir() / "catalogue.sqlite")) as catalogue:
            from_workspace([base / "drives"], ModelHandle("c4t"), str(table), catalogue)
    os.environ["C4T_DATA_DIR"] = str(base / "reader")
    with contextlib.closing(Catalogue(paths.data_dir() / "catalogue.sqlite")) as catalogue:
        bring(catalogue, str(table))
    return table


def in_a_process(opened: Path, data: Path, rows: int) -> dict[str, Any]:
    """Run the window on what is opened in a process of its own."""
    environment = {**os.environ, "C4T_DATA_DIR": str(data)}
    search = [sys.executable, "-m", "c4t_core", "search", str(opened), "road", "-k", "1"]
    window = [sys.executable, "-m", "benchmarks.window", "--rows", str(rows), "--open", str(opened)]
    for words in (search, window):  # a search makes the vector cache
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
    report: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{\n") :])
    return report


def beside_a_table(base: Path, rows: int) -> dict[str, Any]:
    """Measure the window on a folder and on a table of the same rows."""
    table = share(base)
    runs: dict[str, list[dict[str, Any]]] = {"folder": [], "table": []}
    for _ in range(ROUNDS):
        runs["folder"].append(in_a_process(base / "drives", base / "data", rows))
        runs["table"].append(in_a_process(table, base / "reader", rows))

    def least(reports: list[Any], names: tuple[str, ...]) -> float:
        for name in names:
            reports = [report[name] for report in reports]
        return max(min(map(float, reports)), 1e-9)

    ratios = {
        ".".join(names): round(least(runs["table"], names) / least(runs["folder"], names), 2)
        for names in RATIOS
    }
    return {**runs, "table_over_folder": ratios}


def main() -> int:
    """Run it and print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--output", type=Path, help="write the report here as JSON")
    parser.add_argument("--keep", type=Path, help="keep the data here, and use what is kept")
    parser.add_argument("--table", action="store_true", help="open them as a shared table as well")
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        base = (args.keep or Path(scratch)).absolute()
        if args.open is not None:
            report = run(args.rows, args.open, None)
        elif args.table:
            prepare(base, args.rows)
            report = beside_a_table(base, args.rows)
        else:
            prepare(base, args.rows)
            real = base / "real"
            report = run(args.rows, base / "drives", real if real.is_dir() else None)
            report["start"] = start_times()
    text = json.dumps(report, indent=1)
    if args.output is not None:
        args.output.write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)
