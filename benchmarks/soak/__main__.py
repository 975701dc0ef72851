"""Random use of the window for a long time: what breaks, what grows, what stutters.

    QT_QPA_PLATFORM=offscreen python -m benchmarks.soak [--minutes 30] [--seed 1] [--output FILE]

Drives the real window with real key and mouse events on copies of the sample drive: queries,
scrolling, marks, sorting, two models, new and vanishing files, every panel and dialog. Counts
exceptions and Qt's warnings, measures how the memory grows after the warm-up (a straight line
through the resident size, MB a minute) and the heartbeat of the GUI thread, beside that of a bare
Qt window that runs at the same time. Exit status 1 if a bound of the project is broken.

The warm-up begins with a look at every frame, as the bounded cache of pictures must be full before
growth means anything; what it holds is reported beside the memory.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.machine import allocated, resident
from benchmarks.soak.monkey import Monkey

COPIES = 16  # of the sample drive: enough pictures to fill the cache
WARM_UP = 0.2  # of the time, five minutes at the most
BOUNDS = {"mb_per_minute": 1.0, "heartbeat_ms": 16.0}


NETWORKS = ("InferenceSession", "CompiledModel")
GROWN = 20  # kinds of objects, and places, that are named


def living() -> Counter[str]:
    """Count what lives: widgets, and Python's objects by kind."""
    from PySide6.QtWidgets import QApplication

    gc.collect()
    kinds = Counter(type(thing).__qualname__ for thing in gc.get_objects())
    return Counter({**kinds, "widgets": len(QApplication.allWidgets())})


def told(living: Counter[str]) -> dict[str, int]:
    """Return the few numbers of what lives that a report begins with."""
    return {
        "widgets": living["widgets"],
        "objects": living.total() - living["widgets"],
        "networks": sum(living[kind] for kind in NETWORKS),
        "workspaces": living["Workspace"],
    }


def slope(points: list[tuple[float, float]]) -> float:
    """Return the slope of the straight line through points (least squares)."""
    if len(points) < 3:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


def least(points: list[tuple[float, float]], minutes: float = 2.0) -> list[tuple[float, float]]:
    """Return the lowest point of each so many minutes: what stays when nothing is being done."""
    lowest: dict[int, tuple[float, float]] = {}
    for when, size in points:
        part = int(when / minutes)
        lowest[part] = min(lowest.get(part, (when, size)), (when, size), key=lambda one: one[1])
    return [lowest[part] for part in sorted(lowest)]


def second_model(folder: Path) -> Path:
    """Copy the shipped model under another name: its own fingerprint, so its own index."""
    from c4t_core import paths
    from c4t_core.models.folder import write_manifest

    shutil.copytree(paths.resource("models", "lite"), folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["name"] = "second"
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    write_manifest(folder)
    return folder


def make_folder(folder: Path) -> None:
    """Copy the sample drive under several names, and add a file that is no image."""
    from c4t_core import paths

    for number in range(COPIES):
        shutil.copytree(paths.resource("sample", "drives"), folder / f"week {number + 1}")
    (folder / "broken.jpg").write_bytes(b"not an image")


class Faults:
    """Whatever should not have happened, by its text."""

    def __init__(self) -> None:
        """Listen to Python's hooks and to Qt's messages."""
        from PySide6.QtCore import QtMsgType, qInstallMessageHandler

        self.exceptions: Counter[str] = Counter()
        self.warnings: Counter[str] = Counter()
        bad = (QtMsgType.QtWarningMsg, QtMsgType.QtCriticalMsg, QtMsgType.QtFatalMsg)

        def hear(kind: QtMsgType, _: Any, text: str) -> None:
            # What the offscreen platform says of itself is no fault of the window.
            if kind in bad and not text.startswith("This plugin does not support"):
                self.warnings[text] += 1

        qInstallMessageHandler(hear)
        sys.excepthook = self.catch
        threading.excepthook = lambda args: self.catch(
            args.exc_type, args.exc_value, args.exc_traceback
        )

    def catch(self, kind: Any, error: Any, trace: Any) -> None:
        """Be ``sys.excepthook``."""
        self.exceptions["".join(traceback.format_exception(kind, error, trace))] += 1


def run(minutes: float, seed: int, base: Path, output: Path | None) -> dict[str, Any]:
    """Use the window for so long; return what was measured.

    What is known so far is written to ``output`` every minute.
    """
    from benchmarks.soak.heartbeat import BareWindow, Heartbeat, Stuck
    from c4t_core.models.registry import register
    from c4t_desktop.app import create_application

    folder = base / "drives"
    make_folder(folder)
    register(second_model(base / "second"), "second")
    app, window = create_application(["c4t-desktop", str(folder)])
    window.resize(1440, 860)
    faults = Faults()
    from PySide6.QtCore import QTimer

    monkey = Monkey(window, folder, seed)
    heart, bare = Heartbeat(window), BareWindow()
    stuck = Stuck(heart)
    started = time.monotonic()
    warm = min(300.0, minutes * 60 * WARM_UP)
    # Minutes, MB resident, MB of pictures, MB that native code holds.
    memory: list[tuple[float, float, float, float]] = []
    cache = window.desktop.context.cache
    alive: dict[str, Counter[str]] = {}

    def step() -> None:
        try:
            monkey.close_dialogs()
            if not monkey.look_at_all():
                monkey.act()
        except Exception:  # noqa: BLE001 - whatever it is, it is counted and the run goes on
            faults.catch(*sys.exc_info())
        if time.monotonic() - started < minutes * 60:
            timer.start(monkey.random.randint(40, 500))
        else:
            app.quit()

    def weigh() -> None:
        when = (time.monotonic() - started) / 60
        memory.append((when, resident(), cache.bytes_used / 1e6, allocated()))
        if output is not None and len(memory) % 30 == 0:
            output.write_text(json.dumps(so_far(), indent=1), encoding="utf-8")

    def so_far() -> dict[str, Any]:
        late = [(when, size) for when, size, *_ in memory if when * 60 >= warm]
        held = [(when, size) for when, *_, size in memory if when * 60 >= warm]
        return {
            "minutes": minutes,
            "ran_minutes": round(memory[-1][0], 1),
            "seed": seed,
            "actions": dict(monkey.done),
            "exceptions": dict(faults.exceptions),
            "qt_warnings": dict(faults.warnings),
            "mb_at_warm": round(late[0][1], 1) if late else None,
            "mb_at_end": round(memory[-1][1], 1),
            "mb_per_minute": round(slope(late), 3),
            "least_mb_per_minute": round(slope(least(late)), 3),
            "held_mb_per_minute": round(slope(least(held)), 3),
            "memory": [tuple(round(value, 1) for value in row) for row in memory[::15]],
            "trims": window.desktop.memory.trims,
            "alive": {when: told(kinds) for when, kinds in alive.items()},
            "grown": dict((alive["end"] - alive["warm"]).most_common(GROWN))
            if "end" in alive
            else {},
            "window": heart.summary(),
            "stuck": dict(stuck.seen.most_common(GROWN)),
        }

    def warmed() -> None:
        alive["warm"] = living()
        heart.begin()
        bare.begin()
        stuck.start()

    timer, scale = QTimer(), QTimer()
    timer.setSingleShot(True)
    timer.timeout.connect(step)
    timer.start(1500)
    scale.timeout.connect(weigh)
    scale.start(2000)
    QTimer.singleShot(round(warm * 1000), warmed)
    app.exec()
    stuck.over.set()
    beside = bare.end()
    monkey.close_dialogs()
    app.processEvents()
    alive["end"] = living()
    report = so_far()
    closing = time.monotonic()
    window.close()
    return {**report, "bare_window": beside, "closed_s": round(time.monotonic() - closing, 2)}


def main() -> int:
    """Run it and say whether the bounds hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, help="write the report here as JSON")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as base:
        os.environ["C4T_DATA_DIR"] = str(Path(base) / "data")
        report = run(args.minutes, args.seed, Path(base), args.output)
    text = json.dumps(report, indent=1)
    if args.output is not None:
        args.output.write_text(text, encoding="utf-8")
    print(text)
    slower = report["window"]["p99_ms"] - report["bare_window"]["p99_ms"]
    good = (
        not report["exceptions"]
        and not report["qt_warnings"]
        and report["mb_per_minute"] < BOUNDS["mb_per_minute"]
        and slower <= BOUNDS["heartbeat_ms"]
    )
    print(f"p99 {slower:+.1f} ms beside the bare window; {'good' if good else 'BOUND BROKEN'}")
    return 0 if good else 1


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # as the application does: threads of native code may not have ended
