"""Random use of the window for a long time: what breaks, what grows, what stutters.

    QT_QPA_PLATFORM=offscreen python -m benchmarks.soak [--minutes 30] [--seed 1] [--output FILE]

Drives the real window with real key and mouse events on a copy of the sample drive: queries,
scrolling, marks, sorting, two models, new and vanishing files, every panel and dialog. Counts
exceptions and Qt's warnings, measures how the memory grows after the warm-up (a straight line
through the resident size, MB a minute) and the heartbeat of the GUI thread, beside that of a bare
Qt window that runs at the same time. Exit status 1 if a bound of the project is broken.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

QUERIES = (
    "truck in snow", "snow + truck - people", "cyclist on a rainy street", "night", "2:red car",
    "pedestrian crossing at night", "road", "traffic sign - trees", "snow +", "zzzz", "ein Lkw",
)  # fmt: skip
PANELS = ("compareAction", "evaluateAction")
DIALOGS = (
    "settingsAction", "shortcutsAction", "aboutAction", "modelsAction", "exportAction",
    "trainAction", "saveSearchAction", "skippedAction",
)  # fmt: skip
WARM_UP = 0.2  # of the time, five minutes at the most
BOUNDS = {"mb_per_minute": 1.0, "heartbeat_ms": 16.0}


def resident() -> float:
    """Return the resident size of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def living() -> dict[str, int]:
    """Count what lives: widgets, Python's objects, networks in memory."""
    from PySide6.QtWidgets import QApplication

    gc.collect()
    objects = gc.get_objects()
    networks = sum(type(thing).__name__ == "InferenceSession" for thing in objects)
    return {
        "widgets": len(QApplication.allWidgets()),
        "objects": len(objects),
        "networks": networks,
    }


def slope(points: list[tuple[float, float]]) -> float:
    """Return the slope of the straight line through points (least squares)."""
    if len(points) < 3:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


def second_model(folder: Path) -> Path:
    """Copy the shipped model under another name: its own fingerprint, so its own index."""
    from c4t_core import paths
    from c4t_core.models.checkpoints import write_manifest

    shutil.copytree(paths.resource("models", "lite"), folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["name"] = "second"
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    write_manifest(folder)
    return folder


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


class Monkey:
    """Does something at random every now and then.

    Attributes:
        done: how often each action was done.
    """

    def __init__(self, window: Any, folder: Path, seed: int) -> None:
        """Drive a window that has this folder open."""
        from PySide6.QtTest import QTest

        self.test = QTest
        self.window = window
        self.folder = folder
        self.random = random.Random(seed)
        self.done: Counter[str] = Counter()
        self._copies: list[Path] = []
        self._originals = sorted(folder.rglob("camera/**/*.jpg"))
        self._acts: tuple[tuple[Callable[[], None], int], ...] = (
            (self.type, 8), (self.scroll, 14), (self.keys, 14), (self.marks, 4),
            (self.order, 4), (self.cut, 3), (self.frame, 5), (self.switch_model, 2),
            (self.files, 3), (self.panel, 2), (self.dialog, 4), (self.looks, 2),
            (self.like, 3), (self.hover, 4), (self.filters, 2), (self.scenario, 1),
        )  # fmt: skip

    def act(self) -> None:
        """Do one thing."""
        act = self.random.choices([a for a, _ in self._acts], [w for _, w in self._acts])[0]
        self.done[act.__name__] += 1
        act()

    def close_dialogs(self) -> None:
        """Close what is open, as Esc does."""
        from PySide6.QtWidgets import QApplication, QDialog

        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, QDialog) and widget.isVisible():
                widget.close()

    def _key(self, widget: Any, key: Any, modifier: Any = None) -> None:
        from PySide6.QtCore import Qt

        self.test.keyClick(widget, key, modifier or Qt.KeyboardModifier.NoModifier)

    def type(self) -> None:
        """Type a query, or a part of one."""
        from PySide6.QtCore import Qt

        field = self.window.search.field
        text = self.random.choice(QUERIES)
        field.setFocus()
        field.selectAll()
        self.test.keyClicks(field, text[: self.random.randint(2, len(text))])
        if self.random.random() < 0.6:
            self._key(field, self.random.choice([Qt.Key.Key_Return, Qt.Key.Key_Down]))
        elif self.random.random() < 0.1:
            self._key(field, Qt.Key.Key_Escape)

    def scroll(self) -> None:
        """Scroll by some way."""
        bar = self.window.view.verticalScrollBar()
        bar.setValue(bar.value() + self.random.randint(-900, 1200))

    def keys(self) -> None:
        """Move among the hits."""
        from PySide6.QtCore import Qt

        k = Qt.Key
        keys = [k.Key_Left, k.Key_Right, k.Key_Up, k.Key_Down, k.Key_End, k.Key_Home,
                k.Key_PageDown, k.Key_E]  # fmt: skip
        self._key(self.window.view, self.random.choice(keys))

    def marks(self) -> None:
        """Mark the current hit."""
        from PySide6.QtCore import Qt

        keys = [Qt.Key.Key_Space, Qt.Key.Key_R, Qt.Key.Key_X]
        self._key(self.window.view, self.random.choice(keys))
        if self.random.random() < 0.2:
            self.window.action("refineAction").trigger()

    def order(self) -> None:
        """Sort or fold."""
        header = self.window.header
        if self.random.random() < 0.5:
            header._fold.click()
        else:
            header._sort.setCurrentIndex(self.random.randrange(header._sort.count()))

    def cut(self) -> None:
        """Move the cut, or give it back."""
        from PySide6.QtCore import Qt

        slider = self.window.header.slider
        keys = [Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_PageUp, Qt.Key.Key_Home]
        if self.random.random() < 0.4:
            slider.automatic_wanted.emit()
        else:
            self._key(slider, self.random.choice(keys))

    def frame(self) -> None:
        """Look at a frame, step, play, zoom, go back."""
        from PySide6.QtCore import Qt

        if not self.window.results.shows_frame:
            self._key(self.window.view, Qt.Key.Key_Return)
        else:
            k = Qt.Key
            keys = [k.Key_Right, k.Key_Period, k.Key_P, k.Key_Plus, k.Key_1, k.Key_Escape]
            self._key(self.window.viewer.view, self.random.choice(keys))

    def switch_model(self) -> None:
        """Choose another model."""
        chooser = self.window.chooser
        names = [chooser.itemData(place) for place in range(chooser.count())]
        usable = [place for place, name in enumerate(names) if name.startswith("c4t")]
        chooser.setCurrentIndex(self.random.choice(usable))

    def files(self) -> None:
        """Let files come and go, and look for them."""
        if self._copies and self.random.random() < 0.5:
            self._copies.pop(self.random.randrange(len(self._copies))).unlink()
        else:
            source = self.random.choice(self._originals)
            copy = source.with_name(f"{source.stem[:-4]}9{self.random.randrange(999):03d}.jpg")
            if copy not in self._originals and not copy.exists():
                shutil.copy(source, copy)
                self._copies.append(copy)
        self.window.action("indexAction").trigger()

    def panel(self) -> None:
        """Open a panel in the place of the grid, or leave it."""
        if self.random.random() < 0.5:
            self.window.action(self.random.choice(PANELS)).trigger()
        else:
            self.window.results.leave_panel()

    def dialog(self) -> None:
        """Open a dialog; it is closed before the next action."""
        self.window.action(self.random.choice(DIALOGS)).trigger()

    def looks(self) -> None:
        """Change colours, size, side panels."""
        from c4t_desktop.settings import COLOURS

        what = self.random.randrange(3)
        if what == 0:
            self.window.desktop.settings.set(COLOURS, self.random.choice(["light", "dark"]))
        elif what == 1:
            self.window.resize(self.random.randint(800, 1700), self.random.randint(500, 1000))
        else:
            self.window.action(self.random.choice(["sidebarAction", "detailsAction"])).trigger()

    def like(self) -> None:
        """More like this."""
        if self.window.model.rowCount() and not self.window.results.shows_frame:
            self.window.selection.more_like_this()

    def hover(self) -> None:
        """Move the mouse over the cards."""
        from PySide6.QtCore import QPoint

        port = self.window.view.viewport()
        spot = QPoint(
            self.random.randrange(max(1, port.width())),
            self.random.randrange(max(1, port.height())),
        )
        self.test.mouseMove(port, spot)

    def filters(self) -> None:
        """Choose a drive, or any."""
        chooser = self.window.sidebar._filters._choosers["drive"]
        if chooser.count():
            place = self.random.choice([0, 0, self.random.randrange(chooser.count())])
            chooser.setCurrentIndex(place)
            chooser.activated.emit(place)

    def scenario(self) -> None:
        """Keep a search, or forget one."""
        marks = self.window.desktop.context.marks
        if len(marks.saved) > 4:
            marks.forget(marks.saved[0].name)
        elif not self.window.search.is_empty():
            marks.save(f"scenario {self.random.randrange(6)}", self.window.search.ask())


def run(minutes: float, seed: int, base: Path, output: Path | None) -> dict[str, Any]:
    """Use the window for so long; return what was measured.

    What is known so far is written to ``output`` every minute.
    """
    from benchmarks.heartbeat import BareWindow, Heartbeat
    from c4t_core import paths
    from c4t_core.models.registry import register
    from c4t_desktop.app import create_application

    folder = base / "drives"
    shutil.copytree(paths.resource("sample", "drives"), folder)
    (folder / "broken.jpg").write_bytes(b"not an image")
    register(second_model(base / "second"), "second")
    app, window = create_application(["c4t-desktop", str(folder)])
    window.resize(1440, 860)
    faults = Faults()
    from PySide6.QtCore import QTimer

    monkey = Monkey(window, folder, seed)
    heart, bare = Heartbeat(window), BareWindow()
    started = time.monotonic()
    warm = min(300.0, minutes * 60 * WARM_UP)
    memory: list[tuple[float, float]] = []
    alive: dict[str, dict[str, int]] = {}

    def step() -> None:
        try:
            monkey.close_dialogs()
            monkey.act()
        except Exception:  # noqa: BLE001 - whatever it is, it is counted and the run goes on
            faults.catch(*sys.exc_info())
        if time.monotonic() - started < minutes * 60:
            timer.start(monkey.random.randint(40, 500))
        else:
            app.quit()

    def weigh() -> None:
        memory.append(((time.monotonic() - started) / 60, resident()))
        if output is not None and len(memory) % 30 == 0:
            output.write_text(json.dumps(so_far(), indent=1), encoding="utf-8")

    def so_far() -> dict[str, Any]:
        late = [(when, size) for when, size in memory if when * 60 >= warm]
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
            "memory": [(round(when, 2), round(size, 1)) for when, size in memory[::15]],
            "alive": alive,
            "window": heart.summary(),
        }

    def warmed() -> None:
        alive["warm"] = living()
        heart.begin()
        bare.begin()

    timer, scale = QTimer(), QTimer()
    timer.setSingleShot(True)
    timer.timeout.connect(step)
    timer.start(1500)
    scale.timeout.connect(weigh)
    scale.start(2000)
    QTimer.singleShot(round(warm * 1000), warmed)
    app.exec()
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
    sys.exit(main())
