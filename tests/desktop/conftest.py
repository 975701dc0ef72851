"""The window with a fake core; leaked threads and timers fail."""

from __future__ import annotations

import threading
import time

import pytest

from tests.helpers.fake_core import FakeCore, make_frames


@pytest.fixture(autouse=True)
def no_leaked_threads():
    before = set(threading.enumerate())
    yield
    end = time.monotonic() + 5
    left = []
    while time.monotonic() < end:
        left = [thread for thread in threading.enumerate() if thread not in before]
        if not left:
            break
        time.sleep(0.01)
    assert not left, f"threads left behind: {left}"


@pytest.fixture
def core(monkeypatch):
    made = FakeCore()
    monkeypatch.setattr("c4t_core.workspace.open_workspace", made.open_workspace)
    monkeypatch.setattr("c4t_core.workspace.forget_folders", made.forget_folders)
    monkeypatch.setattr("c4t_core.workspace.count_indexed", made.count_indexed)
    monkeypatch.setattr("c4t_core.models.registry.list_models", made.list_models)
    return made


@pytest.fixture
def frames(tmp_path):
    folder = tmp_path / "drive one"
    make_frames(folder, 12)
    return folder


@pytest.fixture
def open_window(qtbot, core):
    """Return a function that opens the window, as the command line would."""
    from c4t_desktop.app import create_application

    made = []

    def build(*folders):
        _, window = create_application(["c4t-desktop", *map(str, folders)])
        room = window.screen().availableGeometry().size()
        assert window.size().boundedTo(room) == window.size(), "it is larger than the screen"
        window.resize(1400, 850)
        qtbot.addWidget(window)
        made.append(window)
        return window

    yield build
    for window in made:
        window.close()
        window.desktop.shutdown()
        window.desktop.deleteLater()


@pytest.fixture
def window(qtbot, open_window, frames):
    """The window with a folder of twelve frames, indexed."""
    made = open_window(frames)
    library = made.desktop.context.library
    qtbot.waitUntil(
        lambda: library.opened_now is not None and not library.is_indexing, timeout=20_000
    )
    return made
