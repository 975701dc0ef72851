"""The only place that runs core work off the GUI thread.

Work runs in *lanes*: one thread each, so that work of one kind never overlaps (the model and
the index in ``"work"``, queries in ``"search"``, small reads in ``"look"``) while different
kinds do. A job gets its inputs when it is made and returns a value; only the GUI thread sees
the value, in the callbacks given to :meth:`JobRunner.submit`.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import field
from functools import partial
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot
from shiboken6 import isValid

from c4t_core.errors import C4TError, Cancelled
from c4t_core.records import dataclass

LOG = logging.getLogger(__name__)
T = TypeVar("T")  # what a piece of work returns
_LOOK_EVERY = 0.05  # seconds between two looks whether a job that waits is cancelled
_REPORT_EVERY = 0.1  # seconds between two progress reports of one job


def _nothing(*_: object) -> None:
    """Stand in for a callback that nobody gave, or for work that has ended."""


def _none(_: Job) -> bool:
    return False


def owner_of(callback: Callable[..., object]) -> QObject | None:
    """Return whom a callback belongs to: the object of a method, with arguments set or not."""
    while isinstance(callback, partial):
        callback = callback.func
    owner = getattr(callback, "__self__", None)
    return owner if isinstance(owner, QObject) else None


def ignore(_: Exception) -> None:
    """Drop an error that the user need not hear of: the runner has logged it."""


@dataclass(frozen=True)
class Callbacks:
    """What the GUI thread calls: progress*, then done, failed or stopped, then finished.

    Jobs of all types wait in one queue; :meth:`JobRunner.submit` sees that ``done`` fits the work.
    """

    done: Callable[[Any], None] = _nothing
    failed: Callable[[Exception], None] | None = None
    stopped: Callable[[], None] = _nothing
    progress: Callable[[Any], None] = _nothing
    finished: Callable[[], None] = _nothing


@dataclass(eq=False)
class Job:
    """One piece of work: what its thread asks, and what others may ask of it.

    Attributes:
        number: grows by one with each job; a later job with the same key makes this one stale.
        lane: the name of the lane it runs in.
        key: jobs with the same key replace each other; None replaces nothing.
        owner: whom the callbacks belong to; once it is deleted nobody is called any more.
        may_begin: set once the jobs have ended that it comes after.
    """

    number: int
    lane: str
    key: str | None
    work: Callable[[Job], object]
    callbacks: Callbacks
    _post: Callable[[_Event], None]
    owner: QObject | None = None
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _running_allowed: threading.Event = field(default_factory=threading.Event)
    may_begin: threading.Event = field(default_factory=threading.Event)
    _reported: float = 0.0
    stale: bool = False
    ended: bool = False

    def __post_init__(self) -> None:
        """Start allowed to run."""
        self._running_allowed.set()

    def cancel(self) -> None:
        """Ask the work to stop at its next report of progress."""
        self._cancelled.set()
        self._running_allowed.set()

    def pause(self) -> None:
        """Hold the work at its next report of progress."""
        if not self._cancelled.is_set():
            self._running_allowed.clear()

    def resume(self) -> None:
        """Let paused work go on."""
        self._running_allowed.set()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked the work to stop."""
        return self._cancelled.is_set()

    @property
    def paused(self) -> bool:
        """Whether the work is held."""
        return not self._running_allowed.is_set()

    def check(self) -> None:
        """Wait while paused; to be called by the work.

        Raises:
            Cancelled: if somebody asked the work to stop.
        """
        self._running_allowed.wait()
        if self._cancelled.is_set():
            raise Cancelled

    def progress(self, done: int, total: int, /) -> None:
        """Be the progress callable of core work: report now and then, pause, cancel."""
        now = time.monotonic()
        if now - self._reported >= _REPORT_EVERY or done >= total:
            self._reported = now
            self.report((done, total))
        self.check()

    def report(self, value: object) -> None:
        """Hand an intermediate value to the GUI thread."""
        self._post(_Event(self, "progress", value))

    @property
    def orphaned(self) -> bool:
        """Whether the panel that asked for it has been closed and deleted."""
        return self.owner is not None and not isValid(self.owner)

    def let_go(self) -> None:
        """Drop what the work and its callbacks hold on to.

        A callback often names its own job; such a ring would keep a closed workspace, with its
        model's hundred megabytes, until Python looks for rings the next time.
        """
        self.work, self.callbacks, self.owner = _nothing, Callbacks(), None


@dataclass(frozen=True)
class _Event:
    """Something a lane has to tell the GUI thread."""

    job: Job
    kind: str  # "progress", "done", "failed" or "cancelled"
    value: object = None


class _Lane:
    """One daemon thread and its queue; the thread starts with the first job."""

    def __init__(self, name: str, post: Callable[[_Event], None]) -> None:
        self.name = name
        self._post = post
        self._queue: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def put(self, job: Job) -> None:
        with self._changed:
            self._queue.append(job)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name=f"c4t-{self.name}", daemon=True
                )
                self._thread.start()
            self._changed.notify()

    def drop(self, job: Job) -> bool:
        """Take a waiting job out of the queue; False if it has started."""
        with self._changed:
            if job in self._queue:
                self._queue.remove(job)
                return True
            return False

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    def join(self, timeout: float) -> bool:
        if self._thread is None:
            return True
        self._thread.join(max(0.0, timeout))
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._closed:
                    self._changed.wait()
                if not self._queue:
                    return
                job = self._queue.popleft()
            self._post(_perform(job))
            del job  # a waiting thread keeps no result alive


def _perform(job: Job) -> _Event:
    """Run one job and say how it ended; nothing that the work raises gets away."""
    try:
        job.check()
        while not job.may_begin.wait(_LOOK_EVERY):
            job.check()
        return _Event(job, "done", job.work(job))
    except Cancelled:
        return _Event(job, "cancelled")
    except Exception as error:  # noqa: BLE001 - whatever it is, the GUI thread reports it
        return _Event(job, "failed", error)
    except BaseException as error:  # noqa: BLE001 - SystemExit and the like must not kill a lane
        return _Event(job, "failed", RuntimeError(f"The work was ended by {error!r}."))


class JobRunner(QObject):
    """Runs jobs in lanes and brings their results back to the GUI thread.

    Signals:
        crashed: an exception that no ``failed`` callback took (Exception).
        idle: the last job has ended.
    """

    crashed = Signal(object)
    idle = Signal()
    _arrived = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        """Start without threads; a lane gets its thread with its first job."""
        super().__init__(parent)
        self._numbers = itertools.count(1)
        self._lanes: dict[str, _Lane] = {}
        self._latest: dict[str, Job] = {}
        self._alive: set[Job] = set()
        self._awaited: list[tuple[set[Job], Callable[[], None]]] = []
        self._closed = False
        # A queued connection to a method of a QObject that lives in the GUI thread: the one
        # way in which a result may come back.
        self._arrived.connect(self._apply, Qt.ConnectionType.QueuedConnection)

    def submit(
        self,
        work: Callable[[Job], T],
        *,
        lane: str,
        key: str | None = None,
        done: Callable[[T], None] = _nothing,
        failed: Callable[[Exception], None] | None = None,
        stopped: Callable[[], None] = _nothing,
        progress: Callable[[Any], None] = _nothing,
        finished: Callable[[], None] = _nothing,
        owner: QObject | None = None,
        after: Callable[[Job], bool] | None = None,
    ) -> Job:
        """Run ``work(job)`` in a lane.

        Args:
            work: called on the lane's thread; must not touch widgets.
            lane: jobs of one lane run one after the other.
            key: a running or waiting job with the same key becomes stale: it is cancelled, and
                neither its value nor its error is applied.
            done: called on the GUI thread with the value.
            failed: called on the GUI thread with the exception; else :attr:`crashed` tells.
            stopped: called on the GUI thread if it was cancelled.
            progress: called on the GUI thread with each reported value.
            finished: called on the GUI thread exactly once, however the job ended.
            owner: a panel that may be deleted before the job ends; nobody is called then. None for
                the one whose method ``done`` is.
            after: tells of a job that is there now whether this one's work begins after it.
        """
        owner = owner or owner_of(done)
        callbacks = Callbacks(done, failed, stopped, progress, finished)
        job = Job(next(self._numbers), lane, key, work, callbacks, self._post, owner)
        self.after(after or _none, job.may_begin.set)
        self._alive.add(job)
        if self._closed:
            job.cancel()
            self._post(_Event(job, "cancelled"))
            return job
        if key is not None:
            earlier = self._latest.get(key)
            if earlier is not None:
                earlier.stale = True
                self.cancel(earlier)
            self._latest[key] = job
        if lane not in self._lanes:
            self._lanes[lane] = _Lane(lane, self._post)
        self._lanes[lane].put(job)
        return job

    def cancel(self, job: Job) -> None:
        """Stop a job; one that has not started never will."""
        job.cancel()
        lane = self._lanes.get(job.lane)
        if lane is not None and lane.drop(job):
            self._post(_Event(job, "cancelled"))

    def cancel_key(self, key: str) -> None:
        """Stop the latest job with this key and drop its answer."""
        job = self._latest.get(key)
        if job is not None:
            job.stale = True
            self.cancel(job)

    def after(self, among: Callable[[Job], bool], then: Callable[[], None]) -> None:
        """Call something on the GUI thread once jobs that are there now have ended.

        Args:
            among: tells of a job whether it is waited for; later jobs are not.
            then: is called after all that those jobs have told.
        """
        jobs = set(filter(among, self._alive))
        if jobs:
            self._awaited.append((jobs, then))
        else:
            then()

    @property
    def busy(self) -> bool:
        """Whether any job has not ended."""
        return bool(self._alive)

    def shutdown(self, timeout: float = 4.0) -> bool:
        """Cancel everything and wait for the threads.

        Args:
            timeout: seconds to wait in all.

        Returns:
            Whether every thread has ended; those that have not are daemons and die with us.
        """
        self._closed = True
        for job in list(self._alive):
            self.cancel(job)
        for lane in self._lanes.values():
            lane.close()
        deadline = time.monotonic() + timeout
        return all([lane.join(deadline - time.monotonic()) for lane in self._lanes.values()])

    def _post(self, event: _Event) -> None:
        try:
            self._arrived.emit(event)
        except RuntimeError:  # the runner's QObject is gone: the application has ended
            LOG.debug("a job ended after the application")

    @Slot(object)
    def _apply(self, event: _Event) -> None:
        """Apply what a lane has told; runs on the GUI thread."""
        job = event.job
        if job.ended:
            return
        if event.kind == "progress":
            if not (job.stale or job.cancelled or job.orphaned):
                job.callbacks.progress(event.value)
            return
        job.ended = True
        self._alive.discard(job)
        if job.key is not None and self._latest.get(job.key) is job:
            del self._latest[job.key]
        orphaned = job.orphaned
        try:
            if not (job.stale or orphaned):
                self._deliver(event)
        finally:
            if not orphaned:
                job.callbacks.finished()
            job.let_go()
            self._go_on_after(job)
            if not self._alive:
                self.idle.emit()

    def _go_on_after(self, job: Job) -> None:
        for jobs, _ in self._awaited:
            jobs.discard(job)
        ready = [then for jobs, then in self._awaited if not jobs]
        self._awaited = [one for one in self._awaited if one[0]]
        for then in ready:
            then()

    def _deliver(self, event: _Event) -> None:
        callbacks = event.job.callbacks
        if event.kind == "done":
            callbacks.done(event.value)
        elif isinstance(event.value, Exception):
            # What the user can mend is said in the window; only a fault of ours needs a traceback.
            expected = isinstance(event.value, C4TError)
            LOG.info("job failed: %s", event.value, exc_info=None if expected else event.value)
            if callbacks.failed is not None:
                callbacks.failed(event.value)
            else:
                self.crashed.emit(event.value)
        else:
            callbacks.stopped()


class OneJob:
    """One job at a time: while it runs, nothing else is begun.

    Attributes:
        running: whether it goes on; not so any more for whoever is told how it ended.
        paused: whether it is held.
    """

    def __init__(self, runner: JobRunner, lane: str, owner: QObject | None = None) -> None:
        """Begin nothing yet; ``lane`` and ``owner`` are those of :meth:`JobRunner.submit`."""
        self._runner, self._lane, self._owner = runner, lane, owner
        self._job: Job | None = None

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self._job is not None and not self._job.ended

    @property
    def paused(self) -> bool:
        """Whether it is held."""
        return self._job is not None and self._job.paused

    def goes_on_as(self, job: Job) -> bool:
        """Whether this is the job, and nobody has asked it to stop."""
        return self._job is job and not job.cancelled

    def start(
        self,
        work: Callable[[Job], T],
        *,
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
        stopped: Callable[[], None] = _nothing,
        progress: Callable[[Any], None] = _nothing,
        ended: Callable[[], None] = _nothing,
        after: Callable[[Job], bool] | None = None,
    ) -> bool:
        """Begin, as :meth:`JobRunner.submit` does; False if something goes on.

        ``ended`` is called right before ``done``, ``failed`` or ``stopped``.
        """
        if self.running:
            return False

        def then(tell: Callable[..., None]) -> Callable[..., None]:
            def apply(*value: object) -> None:
                ended()
                tell(*value)

            return apply

        self._job = self._runner.submit(
            work,
            lane=self._lane,
            done=then(done),
            failed=then(failed),
            stopped=then(stopped),
            progress=progress,
            owner=self._owner,
            after=after,
        )
        return True

    def pause(self, paused: bool) -> None:
        """Hold what goes on, or let it go on."""
        if self._job is not None:
            self._job.pause() if paused else self._job.resume()

    def cancel(self) -> None:
        """Stop what goes on, at its next report of progress."""
        if self._job is not None:
            self._runner.cancel(self._job)
