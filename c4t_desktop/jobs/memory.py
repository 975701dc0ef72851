"""Give memory that is free inside the process back to the system.

Every index run and every model leaves hundreds of megabytes of freed blocks in the heaps that glibc
keeps per thread. It reuses them badly (a window used for half an hour grew by 200 MB, all of it
free), so they are handed back when work has ended. Elsewhere the allocator does this on its own.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Slot

from c4t_desktop.jobs.runner import Job, JobRunner

LANE = "memory"
_EVERY = 10_000  # ms between the end of work and the trimming, and so between two of them


def trimmer() -> Callable[[int], int] | None:
    """Return glibc's ``malloc_trim``, None where there is no glibc."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        found = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # musl has none
        return None
    found.argtypes, found.restype = [ctypes.c_size_t], ctypes.c_int
    return found


class MemoryKeeper(QObject):
    """Trims the heaps some seconds after work has ended, on a thread of its own.

    Attributes:
        trims: how often that was done.
    """

    def __init__(self, runner: JobRunner, parent: QObject | None = None) -> None:
        """Watch a runner; without glibc nothing is ever done."""
        super().__init__(parent)
        self._runner = runner
        self._trim = trimmer()
        self._own = False
        self.trims = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_EVERY)
        self._timer.timeout.connect(self._give_back)
        if self._trim is not None:
            runner.idle.connect(self._worked)

    @Slot()
    def _worked(self) -> None:
        if self._own:  # that was the trimming itself
            self._own = False
            return
        if not self._timer.isActive():  # somebody who goes on working must not put it off
            self._timer.start()

    @Slot()
    def _give_back(self) -> None:
        self._own = True
        self.trims += 1
        self._runner.submit(self._work, lane=LANE, key=LANE)

    def _work(self, _: Job) -> int:
        return self._trim(0) if self._trim is not None else 0
