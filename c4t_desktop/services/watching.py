"""Watches the open folders for new files, and the work for its end: to tell, to free memory.

Qt's watcher tells that a folder changed, not what; a change only starts the ordinary run, which
compares sizes and times with the catalogue. Where a network drive tells nothing, or there are
more folders than the system can watch, F5 is still there.
"""

from __future__ import annotations

import ctypes
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, SignalInstance, Slot

from c4t_core.addresses import is_remote, is_table
from c4t_desktop.jobs import desktop
from c4t_desktop.jobs.runner import Job, JobRunner, ignore
from c4t_desktop.services.library import Library, Opened

LANE = "watch"
MOST = 2000  # folders; inotify allows 8,192 for all programs of a user where it allows least
SETTLE = 2500  # ms without a change: a recording or a copy that is written is left in peace
_NEWER = 60_000  # ms between two questions whether a table has a newer version
_VERSIONS = "_versions"  # the folder of a Lance table that gets a file with each
_PATIENCE = 20_000  # ms after which a folder that never comes to rest is looked at anyway


def folders_below(roots: Sequence[Path], job: Job, most: int = MOST) -> list[str]:
    """Return the roots and the folders below them, at most so many; runs on a worker thread."""
    found: list[str] = []
    for folder in _walk(roots):
        job.check()
        found.append(folder)
        if len(found) >= most:
            break
    return found


def _walk(roots: Sequence[Path]) -> Iterator[str]:
    """Yield folders level by level: the ones that are new in a drive lie near the top."""
    level = [str(root) for root in roots if root.is_dir()]
    while level:
        below: list[str] = []
        for folder in level:
            yield folder
            try:
                with os.scandir(folder) as entries:
                    below += sorted(
                        entry.path
                        for entry in entries
                        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
                    )
            except OSError:
                continue  # gone or forbidden meanwhile; the index says so
        level = below


class FolderWatch(QObject):
    """Starts the index when something changes in an open folder.

    Attributes:
        watched: how many folders are watched.
    """

    def __init__(self, library: Library, *, allowed: bool, parent: QObject | None = None) -> None:
        """Watch what the library opens, if that is allowed."""
        super().__init__(parent)
        self._library = library
        self._allowed = allowed
        self._watcher = QFileSystemWatcher(self)
        self._settle, self._patience = QTimer(self), QTimer(self)
        for timer, wait in ((self._settle, SETTLE), (self._patience, _PATIENCE)):
            timer.setSingleShot(True)
            timer.setInterval(wait)
            timer.timeout.connect(self._look)
        self._watcher.directoryChanged.connect(self._changed)
        self._ask = QTimer(self)
        self._ask.setInterval(_NEWER)
        self._ask.timeout.connect(library.look_for_newer)
        library.opened.connect(self._opened)
        library.closed.connect(self.stop)
        library.open_failed.connect(self.stop)
        library.index_ended.connect(self._ended)

    @property
    def watched(self) -> int:
        """How many folders are watched."""
        return len(self._watcher.directories())

    @Slot()
    def stop(self) -> None:
        """Watch nothing."""
        for timer in (self._settle, self._patience, self._ask):
            timer.stop()
        self._library.runner.cancel_key("watch")
        if self._watcher.directories():
            self._watcher.removePaths(self._watcher.directories())

    @Slot(object)
    def _opened(self, _: Opened) -> None:
        self.stop()
        self._begin()

    @Slot(object)
    def _ended(self, report: object) -> None:
        """Watch the folders that are new; none after the user stopped the run."""
        if report is not None:
            self._begin()

    def allow(self, allowed: bool) -> None:
        """Watch from now on, or not."""
        self._allowed = allowed
        self._begin() if allowed else self.stop()

    def _begin(self) -> None:
        opened = self._library.opened_now
        if opened is None or not self._allowed:
            return
        tables = [folder for folder in opened.folders if is_table(folder)]
        roots = [folder for folder in opened.folders if folder not in tables]
        if tables:
            self._ask.start()
            self._watch([str(table / _VERSIONS) for table in tables if not is_remote(table)])
        self._library.runner.submit(
            lambda job: folders_below(roots, job),
            lane=LANE,
            key="watch",
            done=self._watch,
            failed=ignore,
            owner=self,
        )

    def _watch(self, folders: list[str]) -> None:
        known = set(self._watcher.directories())
        fresh = [folder for folder in folders if folder not in known]
        if fresh:
            self._watcher.addPaths(fresh)  # what cannot be watched is left out

    @Slot(str)
    def _changed(self, folder: str) -> None:
        if os.path.basename(folder) == _VERSIONS:  # of a table: the user says when to switch
            self._library.look_for_newer()
            return
        self._settle.start()
        if not self._patience.isActive():
            self._patience.start()

    @Slot()
    def _look(self) -> None:
        self._settle.stop()
        self._patience.stop()
        if self._library.is_indexing:
            self._settle.start()  # what came after its scan is looked for when it has ended
        elif self._allowed:
            self._library.index()


_MEMORY = "memory"
_REST = 180_000  # ms without work after which the networks of the model are given back
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

    After some minutes without any, what is open gives back the networks of its model as well.

    Attributes:
        trims: how often that was done.
    """

    def __init__(
        self, runner: JobRunner, parent: QObject | None = None, library: Library | None = None
    ) -> None:
        """Watch a runner; without glibc nothing is ever trimmed."""
        super().__init__(parent)
        self._runner = runner
        self._trim = trimmer()
        self._own = False
        self.trims = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_EVERY)
        self._timer.timeout.connect(self._give_back)
        self._library = library
        self._resting = QTimer(self)
        self._resting.setSingleShot(True)
        self._resting.setInterval(_REST)
        self._resting.timeout.connect(self._rest)
        if self._trim is not None or library is not None:
            runner.idle.connect(self._worked)

    @Slot()
    def _worked(self) -> None:
        if self._own:  # that was the trimming itself
            self._own = False
            return
        if not self._timer.isActive() and self._trim is not None:  # going on must not put it off
            self._timer.start()
        if self._library is not None:
            self._resting.start()

    @Slot()
    def _give_back(self) -> None:
        self._own = True
        self.trims += 1
        self._runner.submit(self._work, lane=_MEMORY, key=_MEMORY)

    @Slot()
    def _rest(self) -> None:
        workspace = self._library.workspace if self._library is not None else None
        if workspace is None or self._runner.busy:
            return
        self._own = True

        def work(job: Job) -> int:
            workspace.rest()
            return self._work(job)

        self._runner.submit(work, lane=_MEMORY, key=_MEMORY, failed=ignore)

    def _work(self, _: Job) -> int:
        return self._trim(0) if self._trim is not None else 0


LONG = 30.0  # seconds after which work is long enough for its end to be told of
Says = Callable[..., str]


class EndOfWork(QObject):
    """Tells on the desktop that long work has ended while the window is not in front."""

    def __init__(
        self, runner: JobRunner, allowed: Callable[[], bool], parent: QObject | None = None
    ) -> None:
        """Watch nothing yet; ``allowed`` is what the user has set."""
        super().__init__(parent)
        self._runner, self._allowed = runner, allowed
        self._begun: dict[str, float] = {}

    def watch(
        self, work: str, goes_on: SignalInstance, ends: Sequence[tuple[SignalInstance, Says]]
    ) -> None:
        """Watch work of a kind.

        Args:
            work: names the kind.
            goes_on: tells, once or often, that it is being done.
            ends: each way in which it ends, with what makes a sentence of what the signal
                carries; an empty sentence where nothing is to be told, as of what the user stopped.
        """

        def end_by(says: Says) -> Callable[..., None]:
            return lambda *values: self.end(work, says(*values))

        goes_on.connect(lambda *_: self.begin(work))
        for signal, says in ends:
            signal.connect(end_by(says))

    def begin(self, work: str) -> None:
        """Note that work is being done."""
        self._begun.setdefault(work, time.monotonic())

    def end(self, work: str, sentence: str) -> None:
        """Tell of its end, if it was long, the user looks elsewhere and wants to be told."""
        took = time.monotonic() - self._begun.pop(work, math.inf)
        if sentence and took >= LONG and self._allowed() and not desktop.in_front():
            desktop.notify(self._runner, sentence, self)
