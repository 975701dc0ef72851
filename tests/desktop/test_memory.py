"""Freed memory is given back to the system after work."""

from __future__ import annotations

import sys

import pytest

from c4t_desktop.jobs.runner import JobRunner
from c4t_desktop.services import watching
from c4t_desktop.services.watching import MemoryKeeper


@pytest.fixture
def runner(qtbot):
    made = JobRunner()
    yield made
    made.shutdown(2)


@pytest.fixture
def trimmed(monkeypatch):
    calls = []
    monkeypatch.setattr(watching, "trimmer", lambda: lambda keep: calls.append(keep) or 1)
    monkeypatch.setattr(watching, "_EVERY", 20)
    return calls


def test_memory_is_given_back_once_after_work(qtbot, runner, trimmed):
    keeper = MemoryKeeper(runner)
    qtbot.wait(60)
    assert not trimmed  # no work, no trimming
    for _ in range(3):
        runner.submit(lambda job: None, lane="work")
    qtbot.waitUntil(lambda: trimmed == [0])
    qtbot.waitUntil(lambda: not runner.busy)
    qtbot.wait(100)  # its own end is no reason for another
    assert trimmed == [0]
    assert keeper.trims == 1
    runner.submit(lambda job: None, lane="work")
    qtbot.waitUntil(lambda: trimmed == [0, 0])
    qtbot.waitUntil(lambda: not runner.busy)


def test_without_glibc_nothing_is_done(qtbot, runner, monkeypatch):
    monkeypatch.setattr(watching.sys, "platform", "darwin")
    assert watching.trimmer() is None
    keeper = MemoryKeeper(runner)
    runner.submit(lambda job: None, lane="work")
    qtbot.waitUntil(lambda: not runner.busy)
    assert not keeper._timer.isActive()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's own")
def test_the_real_one_can_be_called():
    trim = watching.trimmer()
    assert trim is None or trim(0) in (0, 1)  # None on musl


def test_the_networks_are_given_back_after_a_while_without_work(
    qtbot, open_window, core, frames, monkeypatch
):
    monkeypatch.setattr(watching, "_REST", 20)
    window = open_window(frames)
    qtbot.waitUntil(lambda: bool(core.opened) and core.last.rested > 0, timeout=20_000)
    qtbot.waitUntil(lambda: not window.desktop.runner.busy, timeout=20_000)
    before = core.last.rested
    qtbot.wait(100)
    assert core.last.rested == before  # its own end is no reason for another
    window.search.field.setText("truck")
    qtbot.waitUntil(lambda: core.last.rested > before, timeout=20_000)
    qtbot.waitUntil(lambda: not window.desktop.runner.busy, timeout=20_000)
