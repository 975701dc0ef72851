"""The heartbeat of a GUI: how late a 16 ms timer fires; alone it measures a bare Qt window.

python -m benchmarks.soak.heartbeat   runs a bare window until its standard input is closed, then
prints one line of JSON. A benchmark runs it beside what it measures, so that whatever else the
machine does slows both alike.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Slot
from PySide6.QtWidgets import QApplication, QLabel, QMainWindow

INTERVAL = 16  # ms


def percentile(values: list[float], share: float) -> float:
    """Return the value that a share of the values does not exceed; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class Heartbeat(QObject):
    """Notes the time between two ticks, in ms.

    Attributes:
        gaps: the times, in order.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        """Begin to tick."""
        super().__init__(parent)
        self.gaps: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(INTERVAL)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    @Slot()
    def _tick(self) -> None:
        now = time.perf_counter()
        self.gaps.append((now - self._last) * 1000)
        self._last = now

    def begin(self) -> None:
        """Forget what was measured so far."""
        self.gaps.clear()

    def since(self) -> float:
        """Return the seconds since the last tick."""
        return time.perf_counter() - self._last

    def summary(self) -> dict[str, float]:
        """Return p50, p99 and the longest gap in ms, and how many there were."""
        gaps = self.gaps
        return {
            "p50_ms": round(percentile(gaps, 0.5), 2),
            "p99_ms": round(percentile(gaps, 0.99), 2),
            "max_ms": round(max(gaps, default=0.0), 1),
            "ticks": len(gaps),
        }


class Stuck(threading.Thread):
    """Looks where the GUI thread is, whenever it has not come back to its events for a while.

    Attributes:
        seen: how often it was found in each place (file, line, function), inside the project.
        over: set to end it.
    """

    LATE = 0.15  # s
    LOOK = 0.03  # s between two looks

    def __init__(self, heart: Heartbeat) -> None:
        """Watch the heart of the thread that makes this."""
        super().__init__(daemon=True)
        self.seen: Counter[str] = Counter()
        self.over = threading.Event()
        self._heart = heart
        self._thread = threading.get_ident()

    def run(self) -> None:
        """Look until it is over."""
        while not self.over.wait(self.LOOK):
            if self._heart.since() > self.LATE:
                stack = traceback.extract_stack(sys._current_frames()[self._thread])
                own = [one for one in stack if "/c4t_" in one.filename] or stack[-1:]
                last = own[-1]
                self.seen[f"{Path(last.filename).name}:{last.lineno} {last.name}"] += 1


class BareWindow:
    """A bare Qt window in a process of its own, beating beside what is measured."""

    def __init__(self) -> None:
        """Open it."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.soak.heartbeat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self) -> None:
        """Have it forget what it measured so far."""
        if self._process.stdin is not None:
            self._process.stdin.write("begin\n")
            self._process.stdin.flush()

    def end(self) -> dict[str, Any]:
        """Close it and return its summary."""
        out, _ = self._process.communicate(timeout=30)
        summary: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
        return summary


def main() -> int:
    """Beat until the standard input ends."""
    app = QApplication(sys.argv[:1])
    window = QMainWindow()
    window.setCentralWidget(QLabel("bare"))
    window.resize(1440, 860)
    window.show()
    heart = Heartbeat()
    ended = threading.Event()
    started_anew = threading.Event()

    def listen() -> None:
        for _ in sys.stdin:
            started_anew.set()
        ended.set()

    threading.Thread(target=listen, daemon=True).start()

    def look() -> None:
        if started_anew.is_set():
            started_anew.clear()
            heart.begin()
        if ended.is_set():
            app.quit()

    watch = QTimer()
    watch.timeout.connect(look)
    watch.start(200)
    app.exec()
    print(json.dumps(heart.summary()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
