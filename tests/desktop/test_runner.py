"""The job runner: results on the GUI thread, once, in order; faults never get away."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from functools import partial

import pytest
from PySide6.QtCore import QObject, Signal, Slot
from shiboken6 import delete

from c4t_core.errors import Cancelled
from c4t_desktop.jobs.runner import JobRunner, OneJob


@pytest.fixture
def runner(qtbot):
    made = JobRunner()
    yield made
    assert made.shutdown(5)


class Log:
    """Notes what the callbacks were called with, and on which thread."""

    def __init__(self):
        self.calls = []
        self.threads = set()

    def __getattr__(self, name):
        def note(*values):
            self.threads.add(threading.current_thread())
            self.calls.append((name, *values))

        return note

    def names(self):
        return [call[0] for call in self.calls]


def submit(runner, log, work, **more):
    return runner.submit(
        work,
        **{"lane": "work", **more},
        done=log.done,
        failed=log.failed,
        progress=log.progress,
        finished=log.finished,
    )


def test_a_value_comes_back_on_the_gui_thread(qtbot, runner):
    log = Log()
    submit(runner, log, lambda job: threading.current_thread().name)
    qtbot.waitUntil(lambda: "finished" in log.names())
    assert log.calls == [("done", "c4t-work"), ("finished",)]
    assert log.threads == {threading.main_thread()}


@pytest.mark.parametrize(
    "error",
    [RuntimeError("CUDA out of memory"), ValueError("x"), MemoryError(), OSError(28, "full")],
)
def test_errors_come_back_and_the_lane_lives_on(qtbot, runner, error):
    def work(job):
        raise error

    log = Log()
    submit(runner, log, work)
    submit(runner, log, lambda job: "next")
    qtbot.waitUntil(lambda: log.names().count("finished") == 2)
    assert log.calls == [("failed", error), ("finished",), ("done", "next"), ("finished",)]


def test_even_system_exit_in_a_worker_is_reported(qtbot, runner):
    def work(job):
        raise SystemExit(3)

    log = Log()
    submit(runner, log, work)
    qtbot.waitUntil(lambda: "finished" in log.names())
    assert log.names() == ["failed", "finished"]
    assert isinstance(log.calls[0][1], RuntimeError)


def test_an_error_nobody_takes_is_announced(qtbot, runner):
    with qtbot.waitSignal(runner.crashed) as caught:
        runner.submit(lambda job: 1 / 0, lane="work")
    assert isinstance(caught.args[0], ZeroDivisionError)


def test_finished_comes_exactly_once_however_a_job_ends(qtbot, runner):
    gate = threading.Event()
    log = Log()
    submit(runner, log, lambda job: gate.wait(5))
    waiting = submit(runner, log, lambda job: "never")
    runner.cancel(waiting)
    runner.cancel(waiting)
    gate.set()
    qtbot.waitUntil(lambda: not runner.busy)
    assert log.names().count("finished") == 2
    assert ("done", "never") not in log.calls


def test_a_later_job_with_the_same_key_makes_the_earlier_one_stale(qtbot, runner):
    gate = threading.Event()
    log = Log()
    submit(runner, log, lambda job: gate.wait(5) and "old", key="search")
    submit(runner, log, lambda job: "dropped unseen", key="search")
    submit(runner, log, lambda job: "new", key="search")
    gate.set()
    qtbot.waitUntil(lambda: not runner.busy)
    assert [call for call in log.calls if call[0] == "done"] == [("done", "new")]
    assert log.names().count("finished") == 3


def test_a_stale_error_is_not_shown(qtbot, runner):
    gate = threading.Event()

    def fails(job):
        gate.wait(5)
        raise ValueError("old")

    log = Log()
    submit(runner, log, fails, key="search")
    submit(runner, log, lambda job: "new", key="search")
    gate.set()
    qtbot.waitUntil(lambda: not runner.busy)
    assert "failed" not in log.names()


def test_lanes_do_not_wait_for_each_other(qtbot, runner):
    gate = threading.Event()
    log = Log()
    submit(runner, log, lambda job: gate.wait(10), lane="work")
    submit(runner, log, lambda job: "hits", lane="search")
    qtbot.waitUntil(lambda: ("done", "hits") in log.calls)
    gate.set()
    qtbot.waitUntil(lambda: not runner.busy)


def test_progress_pauses_and_cancels(qtbot, runner):
    log, seen = Log(), []

    def work(job):
        for done in range(1_000_000):
            seen.append(done)
            job.progress(done, 1_000_000)
            time.sleep(0.001)

    job = submit(runner, log, work)
    qtbot.waitUntil(lambda: "progress" in log.names())
    job.pause()
    assert job.paused
    qtbot.wait(60)
    held = len(seen)
    qtbot.wait(60)
    assert len(seen) == held
    job.resume()
    qtbot.waitUntil(lambda: len(seen) > held)
    job.pause()
    runner.cancel(job)
    qtbot.waitUntil(lambda: "finished" in log.names())
    assert "done" not in log.names()
    assert "failed" not in log.names()


def test_progress_is_thinned_out_but_the_end_is_told(qtbot, runner):
    log = Log()

    def work(job):
        for done in range(1, 5001):
            job.progress(done, 5000)

    submit(runner, log, work)
    qtbot.waitUntil(lambda: "finished" in log.names())
    told = [call[1] for call in log.calls if call[0] == "progress"]
    assert told[-1] == (5000, 5000)
    assert len(told) < 100


def test_a_callback_that_fails_does_not_lose_finished(qtbot, runner):
    log = Log()

    def done(value):
        raise ValueError("in a slot")

    with qtbot.captureExceptions() as caught:
        runner.submit(lambda job: 1, lane="work", done=done, finished=log.finished)
        qtbot.waitUntil(lambda: "finished" in log.names())
    assert caught
    assert not runner.busy


def test_shutdown_ends_paused_and_waiting_work(qtbot):
    runner = JobRunner()
    log = Log()

    def work(job):
        while True:
            job.progress(0, 1)
            time.sleep(0.005)

    job = submit(runner, log, work)
    submit(runner, log, lambda job: "never")
    qtbot.waitUntil(lambda: "progress" in log.names())
    job.pause()
    assert runner.shutdown(5)
    qtbot.waitUntil(lambda: not runner.busy)
    assert log.names().count("finished") == 2
    late = Log()
    submit(runner, late, lambda job: "too late")
    qtbot.waitUntil(lambda: late.names() == ["finished"])


def test_shutdown_does_not_wait_for_work_that_will_not_end(qtbot):
    runner = JobRunner()
    gate = threading.Event()
    runner.submit(lambda job: gate.wait(30), lane="work")
    qtbot.wait(20)
    begun = time.monotonic()
    assert not runner.shutdown(0.2)
    assert time.monotonic() - begun < 2
    gate.set()


def test_cancelled_raised_by_core_work_is_no_error(qtbot, runner):
    def work(job):
        raise Cancelled

    log = Log()
    submit(runner, log, work)
    qtbot.waitUntil(lambda: "finished" in log.names())
    assert log.names() == ["finished"]


class Emitter(QObject):
    """Sends and receives objects through a queue, as the runner does."""

    sent = Signal(object)

    def __init__(self):
        super().__init__()
        self.received = 0
        self.sent.connect(self.take)

    @Slot(object)
    def take(self, value):
        assert value is None
        self.received += 1


def test_none_can_be_emitted_twenty_thousand_times(qtbot):
    # PySide6 6.12.0 on Python 3.11 loses a reference to None each time and aborts after a while.
    emitter = Emitter()
    for _ in range(20_000):
        emitter.sent.emit(None)
    assert emitter.received == 20_000


class Heavy:
    """Stands for a workspace: it must go as soon as nobody needs it."""


def test_an_ended_job_keeps_nothing_alive_even_where_a_callback_names_it(qtbot, runner):
    heavy = Heavy()
    gone = weakref.ref(heavy)
    ended = []
    gc.disable()  # a ring would only be found by the collector
    try:

        def start(thing):
            job = runner.submit(
                lambda _: thing is not None, lane="work", finished=lambda: ended.append(job.number)
            )

        start(heavy)
        del heavy
        qtbot.waitUntil(lambda: bool(ended))
        assert gone() is None
    finally:
        gc.enable()


def test_nobody_is_called_for_a_panel_that_was_deleted(qtbot, runner):
    log, panel, go = Log(), QObject(), threading.Event()

    def work(job):
        job.report("half")
        return go.wait(10)

    submit(runner, log, work, owner=panel)
    delete(panel)
    go.set()
    qtbot.waitUntil(lambda: not runner.busy)
    assert log.calls == []


class Panel(QObject):
    """Shows an answer, as long as it is there."""

    def __init__(self, shown):
        super().__init__()
        self.shown = shown

    def show(self, *values):
        self.shown.append((self.objectName(), *values))


def test_an_answer_for_a_method_of_what_was_deleted_is_dropped(qtbot, runner):
    shown, go = [], threading.Event()
    gone, kept = Panel(shown), Panel(shown)
    for panel in (gone, kept):
        runner.submit(lambda _: go.wait(10), lane="work", done=panel.show)
        runner.submit(lambda _: go.wait(10), lane="look", done=partial(panel.show, "of", "it"))
    delete(gone)
    go.set()
    qtbot.waitUntil(lambda: not runner.busy)
    assert sorted(shown, key=len) == [("", True), ("", "of", "it", True)]


def test_one_job_at_a_time_and_told_once_it_has_ended(qtbot, runner):
    log, one, go = Log(), OneJob(runner, "work"), threading.Event()

    def begin(work):
        return one.start(
            work,
            done=lambda value: log.done(value, one.running),
            failed=log.failed,
            stopped=log.stopped,
            ended=log.ended,
        )

    def held(job):
        while True:
            go.wait(0.01)
            job.check()

    error = ValueError("x")
    assert begin(lambda _: go.wait(5) and "first")
    assert one.running
    assert not begin(lambda _: "second")
    go.set()
    qtbot.waitUntil(lambda: not one.running)
    assert begin(held)
    one.pause(True)
    assert one.paused
    one.cancel()
    assert not one.paused
    qtbot.waitUntil(lambda: not one.running)

    def fail(_):
        raise error

    assert begin(fail)
    qtbot.waitUntil(lambda: not one.running)
    ended = ("ended",)
    assert log.calls == [
        ended,
        ("done", "first", False),
        ended,
        ("stopped",),
        ended,
        ("failed", error),
    ]


def test_what_waits_for_jobs_comes_after_them_and_not_after_later_ones(qtbot, runner):
    first, later, log = threading.Event(), threading.Event(), Log()
    runner.after(lambda job: job.lane == "a", log.at_once)
    assert log.names() == ["at_once"]
    for lane in ("a", "b"):
        submit(runner, log, lambda _: first.wait(20), lane=lane)
    submit(runner, log, lambda _: later.wait(20), lane="c")
    runner.after(lambda job: job.lane != "c", log.then)
    submit(runner, log, lambda _: later.wait(20), lane="a")
    first.set()
    qtbot.waitUntil(lambda: "then" in log.names())
    assert log.names() == ["at_once", "done", "finished", "done", "finished", "then"]
    later.set()
    qtbot.waitUntil(lambda: not runner.busy)


def test_work_begins_after_the_jobs_it_was_told_of_and_can_be_cancelled_before(qtbot, runner):
    first, log, order = threading.Event(), Log(), []
    submit(runner, log, lambda _: (first.wait(20), order.append("first")), lane="a")
    for lane in ("b", "c"):
        job = submit(
            runner, log, lambda _, lane=lane: order.append(lane), lane=lane, after=lambda job: True
        )
    qtbot.wait(100)
    assert order == []
    runner.cancel(job)
    qtbot.waitUntil(lambda: log.names() == ["finished"])
    first.set()
    qtbot.waitUntil(lambda: not runner.busy)
    assert order == ["first", "b"]
