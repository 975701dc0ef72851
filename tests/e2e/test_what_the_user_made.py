"""Marks and saved searches outlive the catalogue, a moved folder and a new version (fault 7).

The real window on the real core: the shipped model and some frames of the drawn sample drive.
"""

from __future__ import annotations

import shutil
import sqlite3

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFileDialog, QLineEdit

from c4t_core import paths
from c4t_core.index import user_store

SLOW = 120_000  # ms; a busy machine takes its time


pytestmark = pytest.mark.usefixtures("shipped_model")


@pytest.fixture
def drive(tmp_path):
    folder = tmp_path / "winter drive"
    folder.mkdir()
    sample = paths.resource("sample", "drives")
    for number, source in enumerate(sorted(sample.rglob("camera/**/*.jpg"))):
        if number % 5 == 0:
            shutil.copy(source, folder / source.name)
    return folder


@pytest.fixture
def open_real(qtbot):
    from c4t_desktop.app import create_application

    made = []

    def build(folder):
        _, window = create_application(["c4t-desktop", str(folder)])
        qtbot.addWidget(window)
        made.append(window)
        library = window.desktop.context.library
        qtbot.waitUntil(
            lambda: library.opened_now is not None and not library.is_indexing, timeout=SLOW
        )
        settled(qtbot, window)
        return window

    yield build
    for window in made:
        end(window)


def end(window):
    window.close()
    window.desktop.shutdown()


def settled(qtbot, window):
    qtbot.waitUntil(lambda: not window.desktop.runner.busy, timeout=SLOW)


def search(qtbot, window):
    field = window.findChild(QLineEdit, "searchField")
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, "truck in snow")
    finder = window.desktop.context.finder
    qtbot.waitUntil(
        lambda: finder.found is not None and finder.found.ask.text == "truck in snow", timeout=SLOW
    )
    qtbot.waitUntil(lambda: window.model.rowCount() > 1, timeout=SLOW)
    settled(qtbot, window)


def make_things(qtbot, window):
    """Mark two hits and save the search; return the marks by file name."""
    search(qtbot, window)
    window.view.setFocus()
    window.view.setCurrentIndex(window.model.index(0))
    qtbot.keyClick(window.view, Qt.Key.Key_R)
    qtbot.keyClick(window.view, Qt.Key.Key_Right)
    qtbot.keyClick(window.view, Qt.Key.Key_X)
    qtbot.keyClick(window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    dialog = window.findChild(QDialog, "saveSearchDialog")
    qtbot.keyClick(dialog.findChild(QLineEdit, "scenarioName"), Qt.Key.Key_Return)
    settled(qtbot, window)
    return marks_of(window)


def marks_of(window):
    return {path.name: mark for path, mark in window.desktop.context.marks.marks.items()}


def test_marks_and_searches_survive_a_lost_catalogue_and_a_moved_folder(
    qtbot, open_real, drive, tmp_path
):
    window = open_real(drive)
    made = make_things(qtbot, window)
    assert sorted(made.values()) == ["right", "wrong"]
    end(window)

    for file in paths.data_dir().glob("catalogue*"):
        file.unlink()
    moved = tmp_path / "archive" / "2026 winter"
    moved.parent.mkdir()
    drive.rename(moved)

    again = open_real(moved)
    search(qtbot, again)
    qtbot.waitUntil(lambda: marks_of(again) == made, timeout=SLOW)
    assert all(path.parent == moved for path in again.desktop.context.marks.marks)
    assert [saved.name for saved in again.desktop.context.marks.saved] == ["Truck in snow"]


def test_a_folder_that_moved_is_pointed_at_and_nothing_is_embedded_again(
    qtbot, open_real, drive, tmp_path, monkeypatch
):
    window = open_real(drive)
    made = make_things(qtbot, window)
    moved = tmp_path / "elsewhere"
    drive.rename(moved)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(moved))
    reports = []
    library = window.desktop.context.library
    library.index_ended.connect(reports.append)
    window.folder_commands.moved(drive)
    qtbot.waitUntil(lambda: library.folders == (moved,) and bool(reports), timeout=SLOW)
    settled(qtbot, window)
    assert reports[-1].embedded == 0
    assert reports[-1].unchanged == len(list(moved.iterdir()))
    search(qtbot, window)
    qtbot.waitUntil(lambda: marks_of(window) == made, timeout=SLOW)
    # What was in sight when the search was saved is no news, wherever it lies now.
    qtbot.waitUntil(lambda: bool(window.desktop.context.marks.saved[0].matches), timeout=SLOW)
    assert window.desktop.context.marks.saved[0].fresh == 0


def test_a_new_version_backs_the_file_up_and_keeps_everything(qtbot, open_real, drive, monkeypatch):
    window = open_real(drive)
    made = make_things(qtbot, window)
    end(window)
    monkeypatch.setattr(user_store, "SCHEMA_VERSION", user_store.SCHEMA_VERSION + 1)
    monkeypatch.setitem(
        user_store.MIGRATIONS,
        user_store.SCHEMA_VERSION - 1,
        lambda db: db.execute("ALTER TABLE marks ADD COLUMN note TEXT"),
    )
    again = open_real(drive)
    search(qtbot, again)
    qtbot.waitUntil(lambda: marks_of(again) == made, timeout=SLOW)
    assert [saved.name for saved in again.desktop.context.marks.saved] == ["Truck in snow"]
    backup = next(paths.data_dir().glob("user.sqlite.backup-*"))
    with sqlite3.connect(backup) as db:
        assert db.execute("SELECT COUNT(*) FROM marks").fetchone() == (2,)
    db.close()
