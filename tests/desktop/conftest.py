"""The window with a fake core; leaked threads and timers fail."""

from __future__ import annotations

import threading
import time

import pytest
from fake_core import FakeWorkspace, fake_models, make_frames


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


class Core:
    """Stands for the core: what the window opens, and what it was asked."""

    def __init__(self):
        self.opened = []
        self.options = {}
        self.models = fake_models()
        self.fail_open = None

    def open_workspace(self, folders, model, excludes):
        if self.fail_open is not None:
            raise self.fail_open
        workspace = FakeWorkspace(folders, model, **self.options)
        self.opened.append(workspace)
        return workspace

    def list_models(self):
        return self.models

    @property
    def last(self):
        return self.opened[-1]


@pytest.fixture
def core(monkeypatch):
    made = Core()
    monkeypatch.setattr("c4t_desktop.services.library._open_workspace", made.open_workspace)
    monkeypatch.setattr("c4t_desktop.services.library._list_models", made.list_models)
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
