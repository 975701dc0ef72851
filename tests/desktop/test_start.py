"""Starting: without a screen a plain sentence instead of Qt's abort; twice, one."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from PySide6.QtWidgets import QApplication

from c4t_desktop.__main__ import main, no_screen
from c4t_desktop.main_window import MainWindow
from c4t_desktop.panels.evaluation.panel import EvaluationPanel
from c4t_desktop.services.library import Library
from tests.helpers.fake_core import FakeWorkspace


def absent(name):
    raise OSError(name)


@pytest.mark.parametrize(
    ("environment", "platform", "load", "says"),
    [
        ({}, "linux", str, "no screen"),
        ({"DISPLAY": ":0"}, "linux", absent, "libxcb-cursor0"),
        ({"DISPLAY": ":0", "QT_QPA_PLATFORM": "xcb"}, "linux", absent, "libxcb-cursor0"),
        ({"DISPLAY": ":0"}, "linux", str, ""),
        ({"QT_QPA_PLATFORM": "offscreen"}, "linux", absent, ""),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", absent, ""),
        ({}, "darwin", absent, ""),
        ({}, "win32", absent, ""),
    ],
)
def test_what_is_missing_for_the_screen(environment, platform, load, says):
    sentence = no_screen(environment, platform, load)
    assert says in sentence
    assert bool(sentence) == bool(says)


def test_without_a_screen_it_says_so_and_ends(monkeypatch, capsys):
    for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("c4t_desktop.__main__.no_screen.__defaults__", ("linux", str))
    assert main(["c4t-desktop"]) == 1
    assert "no screen" in capsys.readouterr().err


def test_a_second_start_brings_the_first_window_to_the_front(
    qtbot, open_window, frames, tmp_path, monkeypatch
):
    window = open_window()
    window.desktop.listen()
    window.showMinimized()
    library = window.desktop.context.library

    def second_start(call: str) -> int:
        code = f"import sys; from c4t_desktop import app; sys.exit({call})"
        process = subprocess.Popen([sys.executable, "-c", code, str(frames)])
        try:
            qtbot.waitUntil(lambda: process.poll() is not None, timeout=30_000)
        finally:
            process.kill()
        return process.returncode

    assert second_start("app.run(['c4t-desktop', sys.argv[1]])") == 0
    assert not window.isMinimized()
    qtbot.waitUntil(lambda: library.opened_now is not None and not library.is_indexing)
    assert [str(folder) for folder in library.folders] == [str(frames)]
    monkeypatch.setenv("C4T_DATA_DIR", str(tmp_path / "other data"))
    assert second_start("app.call_first_window([])") == 0  # False: other data, another window


def test_the_first_paint_is_styled_and_waits_for_no_work(qtbot, open_window, monkeypatch):
    happened = []
    paint, work = MainWindow.paintEvent, Library.list_models

    def painted(window, event):
        happened.append(("painted", bool(QApplication.instance().styleSheet())))
        paint(window, event)

    def worked(library):
        happened.append(("worked", True))
        work(library)

    QApplication.instance().setStyleSheet("")
    monkeypatch.setattr(MainWindow, "paintEvent", painted)
    monkeypatch.setattr(Library, "list_models", worked)
    open_window()
    qtbot.waitUntil(lambda: ("worked", True) in happened)
    assert happened[0] == ("painted", True)


@pytest.fixture
def asked(core):
    """Set to have the first answer given; until then it takes long."""
    told = threading.Event()

    class Slow(FakeWorkspace):
        def browse(self, **wanted):
            told.wait(20)
            return super().browse(**wanted)

    core.workspace = Slow
    yield told
    told.set()


def test_the_first_answer_goes_before_the_index(qtbot, open_window, frames, core, asked):
    library = open_window(frames).desktop.context.library
    qtbot.waitUntil(lambda: library.is_indexing)
    qtbot.wait(200)
    assert core.last.runs == 0
    asked.set()
    qtbot.waitUntil(lambda: core.last.runs == 1 and not library.is_indexing)


def test_a_panel_stays_while_nothing_is_browsed_yet(qtbot, open_window, frames, asked):
    window = open_window(frames)
    library = window.desktop.context.library
    qtbot.waitUntil(lambda: library.is_indexing)
    window.action("evaluateAction").trigger()
    with qtbot.waitSignal(library.status_changed):
        library.refresh_status()
    (panel,) = window.findChildren(EvaluationPanel)
    assert panel.isVisible()
    asked.set()
    qtbot.waitUntil(lambda: library.report is not None)
    assert panel.isVisible()
