"""Folders, filters, skipped files and settings, with the mouse and the keys alone."""

from __future__ import annotations

import dataclasses
import threading

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QToolButton,
    QWidget,
)

from c4t_core.workspace import FolderStatus
from c4t_desktop.panels.bars.widgets import SideRow
from c4t_desktop.settings import HOVER_PREVIEW
from tests.helpers import hands
from tests.helpers.fake_core import FakeWorkspace, Skipped, make_frames
from tests.helpers.window import (
    busy,
    child,
    choose_drives,
    drain,
    names,
    ready,
    search,
    side_row,
    until,
    wait_rows,
)

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def menu(window, name):
    """Open the menu of a button with a click; return its entries."""
    made = child(window, QToolButton, name).menu()
    made.popup(window.mapToGlobal(window.rect().center()))
    return hands.entries(made)


# folders ------------------------------------------------------------------------------------


def test_a_folder_is_opened_by_key_another_added_and_one_closed(
    qtbot, open_window, core, tmp_path, monkeypatch
):
    a, b = tmp_path / "a", tmp_path / "b"
    make_frames(a, 2)
    make_frames(b, 3)
    window = open_window()
    answers = [str(a), str(b)]
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: answers.pop(0))
    until(qtbot, window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_O, CTRL)
    ready(qtbot, window, core)
    assert core.last.roots == (a,)
    hands.click(child(window, QPushButton, "addFolderButton"))
    until(qtbot, lambda: core.last.roots == (a, b))
    ready(qtbot, window, core)
    qtbot.keyClick(side_row(qtbot, window, "a, "), Qt.Key.Key_Delete)
    until(qtbot, lambda: core.last.roots == (b,))
    ready(qtbot, window, core)
    qtbot.keyClick(window, Qt.Key.Key_W, CTRL)
    until(qtbot, lambda: window.desktop.context.library.folders == () and not busy(window))
    assert child(window, QWidget, "emptyState").isVisible()


def test_opened_folders_are_listed_as_people_count(qtbot, open_window, core, tmp_path):
    folders = [tmp_path / f"week {number}" for number in (10, 9)]
    for folder in folders:
        make_frames(folder, 1)
    window = open_window(*folders)
    ready(qtbot, window, core)
    rows = [row.stands_for for row in window.sidebar.findChildren(SideRow) if row.isVisible()]
    assert [row for row in rows if row in folders] == [*reversed(folders)]


def test_a_folder_opened_before_is_opened_again_by_a_click(qtbot, open_window, core, tmp_path):
    for name in ("autumn", "winter"):
        make_frames(tmp_path / name, 2)
    window = open_window(tmp_path / "autumn")
    ready(qtbot, window, core)
    window.folder_commands.open_folders([tmp_path / "winter"])
    until(qtbot, lambda: core.last.roots == (tmp_path / "winter",))
    ready(qtbot, window, core)
    hands.click(side_row(qtbot, window, "autumn"))
    until(qtbot, lambda: core.last.roots == (tmp_path / "autumn",))
    ready(qtbot, window, core)
    window.folder_commands.open_beside([tmp_path / "winter"])
    until(qtbot, lambda: len(core.last.roots) == 2)
    ready(qtbot, window, core)
    before = [row.stands_for for row in window.sidebar.findChildren(SideRow) if row.isVisible()]
    folders = [tmp_path / "autumn", tmp_path / "winter"]
    assert before == [None, *folders]  # none of those open again below
    window.folder_commands.close_folders()
    window.folder_commands.open_folders([tmp_path / "winter"])
    ready(qtbot, window, core)
    row = side_row(qtbot, window, "autumn +1")
    hands.choose(hands.menu_of(row, row.rect().center())["Take off this list"])
    hands.choose(
        hands.menu_of(row := side_row(qtbot, window, "autumn"), row.rect().center())["Open"]
    )
    until(qtbot, lambda: core.last.roots == (tmp_path / "autumn",))
    ready(qtbot, window, core)
    assert [set(entry) for entry in window.desktop.settings.recent()] == [
        {str(tmp_path / "autumn")}, {str(tmp_path / "winter")},
    ]  # fmt: skip


def test_new_files_are_looked_for_by_the_button_below(qtbot, window, core):
    until(qtbot, lambda: not busy(window))
    runs = core.last.runs
    hands.click(child(window, QToolButton, "indexButton"))
    until(qtbot, lambda: core.last.runs > runs and not busy(window))


class Offline(FakeWorkspace):
    """A workspace whose folders are not connected any more."""

    def __init__(self, folders, model, **options):
        super().__init__(folders, model, **options)
        for root in self.roots:
            root.rename(root.with_name("away"))

    def status(self):
        status = super().status()
        folders = tuple(dataclasses.replace(entry, offline=entry.total) for entry in status.folders)
        assert all(isinstance(entry, FolderStatus) for entry in folders)
        return dataclasses.replace(status, offline=status.total, folders=folders)


def test_an_offline_folder_is_browsed_and_searched_and_looked_for_again(
    qtbot, open_window, core, frames
):
    core.workspace = Offline
    window = open_window(frames)
    ready(qtbot, window, core)
    wait_rows(qtbot, window, 12)
    assert window.results.shows_grid
    notice = child(window, QLabel, "offlineNotice")
    assert notice.isVisible()
    assert "can be browsed and searched" in notice.text()
    assert side_row(qtbot, window, "drive one").accessibleName() == "drive one, offline"
    assert "12 offline" in child(window, QLabel, "statusText").text()
    runs = core.last.runs
    hands.click(child(window, QPushButton, "lookAgain"))
    until(qtbot, lambda: core.last.runs > runs and not busy(window))
    cache, shown = window.desktop.context.cache, window.model.rows[0].hit.path
    until(qtbot, lambda: cache.get(shown, 180) is None and cache.reason(shown) == "not there now")
    wait_rows(qtbot, window, 12)
    search(qtbot, window, "truck")  # what was indexed is still found
    wait_rows(qtbot, window, 12)
    assert notice.isVisible()


@pytest.mark.parametrize("lane", ["details", "export", "rows", "evaluate"])
def test_a_model_that_is_left_is_closed_after_what_was_asked_of_it(qtbot, window, core, lane):
    library, old, go, seen = window.desktop.context.library, core.last, threading.Event(), []
    runner = window.desktop.runner
    runner.submit(lambda _: go.wait(20), lane=lane)
    runner.submit(lambda _: old.closed, lane=lane, done=seen.append)
    library.use_model("c4t:winter")
    until(qtbot, lambda: library.workspace not in (old, None) and not library.is_indexing)
    drain(qtbot, window)
    assert old.rested  # its networks need not wait
    go.set()
    until(qtbot, lambda: not busy(window))
    assert seen == [False]
    assert old.closed


@pytest.mark.parametrize("text", ["", "truck"])
def test_folders_that_are_left_are_closed(qtbot, window, core, tmp_path, text):
    if text:
        search(qtbot, window, text)
        wait_rows(qtbot, window, 12)
    for name in ("two", "three"):
        make_frames(tmp_path / name, 3)
        window.folder_commands.open_folders([tmp_path / name])
        assert window.desktop.context.library.opened_now is None
    ready(qtbot, window, core)
    until(qtbot, lambda: core.last.roots == (tmp_path / "three",) and not busy(window))
    assert [workspace.closed for workspace in core.opened[:-1]] == [True] * (len(core.opened) - 1)
    assert not core.last.closed
    window.close()
    assert core.last.closed


# indexing -----------------------------------------------------------------------------------


def test_indexing_is_paused_and_goes_on_by_the_keyboard(qtbot, open_window, core, tmp_path):
    make_frames(tmp_path / "many", 40, size=(16, 10))
    core.options = {"step": 0.02}
    window = open_window(tmp_path / "many")
    library = window.desktop.context.library
    until(qtbot, lambda: library.is_indexing and core.opened and core.last.embedded > 0)
    pause = child(window, QToolButton, "pauseButton")
    until(qtbot, pause.isVisible)
    pause.setFocus()
    qtbot.keyClick(pause, Qt.Key.Key_Space)
    assert library.is_paused
    until(qtbot, lambda: "paused" in child(window, QLabel, "indexRate").text())
    qtbot.keyClick(pause, Qt.Key.Key_Space)
    assert not library.is_paused
    until(qtbot, lambda: core.last.indexed.is_set() and not busy(window))
    assert core.last.embedded == 40


def test_skipped_files_are_opened_from_the_status_line_copied_and_tried_again(
    qtbot, open_window, core, frames
):
    core.options = {"skipped": [Skipped(frames / "torn.png", "the file is cut short")]}
    window = open_window(frames)
    ready(qtbot, window, core)
    button = next(b for b in window.status.findChildren(QToolButton) if "skipped" in b.text())
    until(qtbot, button.isVisible)
    hands.click(button)
    until(qtbot, lambda: window.findChild(QDialog, "skippedDialog") is not None)
    dialog = window.findChild(QDialog, "skippedDialog")
    copy = next(b for b in dialog.findChildren(QPushButton) if b.text() == "Copy the list")
    hands.click(copy)
    said = QGuiApplication.clipboard().text()
    assert said == f"{frames / 'torn.png'}\tthe file is cut short"
    hands.click(child(dialog, QPushButton, "retryButton"))
    until(qtbot, lambda: not button.isVisible() and not busy(window))
    assert core.last.skipped() == []


# filters ------------------------------------------------------------------------------------


class TwoCameras(FakeWorkspace):
    """A workspace in which every second frame is the rear camera's."""

    def frame_at(self, number):
        frame = super().frame_at(number)
        return dataclasses.replace(frame, camera="rear") if number % 2 else frame


def test_a_camera_is_chosen_by_mouse_and_taken_away_by_keys(qtbot, open_window, core, frames):
    core.workspace = TwoCameras
    window = open_window(frames)
    ready(qtbot, window, core)
    search(qtbot, window, "truck")
    chooser = child(window, QComboBox, "cameraFilter")
    until(qtbot, lambda: chooser.isVisible() and chooser.count() == 3)
    hands.pick_by_mouse(qtbot, chooser, "rear")
    wait_rows(qtbot, window, 6)
    assert {row.hit.camera for row in window.model.rows} == {"rear"}
    hands.pick(chooser, None)
    wait_rows(qtbot, window, 12)


def test_drive_and_marks_filter_by_the_keys_of_their_lists(qtbot, open_window, core, tmp_path):
    for name in ("a", "b"):
        make_frames(tmp_path / "both" / name, 3)
    window = open_window(tmp_path / "both")
    ready(qtbot, window, core)
    search(qtbot, window, "truck")
    wait_rows(qtbot, window, 6)
    choose_drives(qtbot, window, "b")
    wait_rows(qtbot, window, 3)
    hands.click(window.view.viewport(), hands.card(window.view, 1))
    qtbot.keyClick(window.view, Qt.Key.Key_R)
    marked = window.model.rows[1].hit.path.name
    until(qtbot, lambda: not busy(window))
    hands.pick(child(window, QComboBox, "markedFilter"), "right")
    wait_rows(qtbot, window, 1)
    assert names(window) == [marked]
    hands.click(child(window, QPushButton, "clearFilters"))
    wait_rows(qtbot, window, 6)


def test_a_search_within_hits_hides_none_of_them_until_something_else_is_asked(qtbot, window, core):
    core.last.cut = all_frames = 0.35
    search(qtbot, window, "truck")
    before = names(window)
    assert before
    # Among hits the scores suggest another cut, above most of them.
    core.last.cut = 0.999
    qtbot.keyClick(window, Qt.Key.Key_F, CTRL | SHIFT)
    until(qtbot, lambda: not busy(window))
    assert names(window) == before
    core.last.cut = all_frames
    hands.click(child(window, QWidget, "amongFilter"))
    until(qtbot, lambda: not busy(window))
    assert names(window) == before


def test_a_search_within_a_search_is_left_by_its_row(qtbot, window):
    search(qtbot, window, "truck")
    qtbot.keyClick(window, Qt.Key.Key_F, CTRL | SHIFT)
    row = child(window, QWidget, "amongFilter")
    assert row.isVisible()
    row.setFocus()
    qtbot.keyClick(row, Qt.Key.Key_Delete)
    until(qtbot, lambda: not row.isVisible() and not busy(window))


# settings -----------------------------------------------------------------------------------


@pytest.fixture
def settings(qtbot, window):
    qtbot.keyClick(window, Qt.Key.Key_Comma, CTRL)
    dialog = child(window, QDialog, "settingsDialog")
    until(qtbot, lambda: not busy(window))
    yield dialog
    dialog.close()
    until(qtbot, lambda: not busy(window))


def test_folders_to_leave_out_are_typed_into_the_settings(qtbot, window, core, settings):
    before = len(core.opened)
    field = child(settings, QLineEdit, "setting_index_excludes")
    settings.findChild(QScrollArea).ensureWidgetVisible(field)
    hands.click(field)
    qtbot.keyClicks(field, "rear*, test")
    assert len(core.opened) == before  # not at each letter
    qtbot.keyClick(field, Qt.Key.Key_Return)
    until(qtbot, lambda: len(core.opened) == before + 1 and not busy(window))
    assert core.excludes[-1][-2:] == ("rear*", "test")
    assert settings.isVisible()


def test_colours_text_size_and_a_switch_are_set_by_hand(qtbot, window, settings):
    hands.pick(child(settings, QComboBox, "setting_appearance_colours"), "dark")
    assert window.desktop.theme.colours.dark
    size = child(settings, QWidget, "setting_appearance_text_scale")
    before = window.font().pixelSize()
    size.setFocus()
    for _ in range(5):
        qtbot.keyClick(size, Qt.Key.Key_Up)
    assert window.font().pixelSize() > before
    box = child(settings, QWidget, "setting_results_hover_preview")
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Space)
    assert not window.desktop.settings.value(HOVER_PREVIEW)
    search(qtbot, window, "truck")
    hands.move(window.view.viewport(), hands.card(window.view, 0))
    assert not any(timer.isActive() for timer in window.preview.findChildren(QTimer))


def test_about_and_the_keys_are_reached_from_the_menu(qtbot, window):
    for text, name in (("About", "aboutDialog"), ("Keyboard shortcuts", "shortcutsDialog")):
        hands.choose(menu(window, "menuButton")[text])
        dialog = child(window, QDialog, name)
        assert dialog.isVisible()
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
        assert not dialog.isVisible()
    until(qtbot, lambda: not busy(window))
