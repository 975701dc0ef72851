"""What the rules leave out is said in the window, too."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QAbstractItemView, QDialog, QPushButton, QWidget

from c4t_core.workspace import LeftOut
from c4t_desktop.services.details import changed_text
from c4t_desktop.settings import INDEX_AT_OPENING
from tests.helpers import hands
from tests.helpers.fake_core import Skipped
from tests.helpers.window import busy, child, until


def omitted(folder):
    return {
        "left_out": [
            LeftOut("label pictures", 1, 8, more=True, examples=[folder / "masks"]),
            LeftOut("night*.jpg", 0, 1, examples=[folder / "night_1.jpg"]),
        ],
        "unread": {".heic": 2},
        "recordings": {".mp4": 1},
    }


def dialog_of(qtbot, window):
    until(qtbot, lambda: not busy(window))
    window.action("skippedAction").trigger()
    until(qtbot, lambda: window.findChild(QDialog, "skippedDialog") is not None)
    return window.findChild(QDialog, "skippedDialog")


def lines(dialog):
    model = dialog.findChild(QAbstractItemView).model()
    return [tuple(model.index(row, at).data() for at in (0, 1)) for row in range(model.rowCount())]


def test_what_was_left_out_is_counted_in_the_status_line_and_listed(
    qtbot, open_window, core, frames
):
    torn = Skipped(frames / "torn.png", "the file is cut short")
    core.options = {"skipped": [torn], "omitted": omitted(frames)}
    window = open_window(frames)
    action = window.action("skippedAction")
    until(qtbot, lambda: action.isVisible() and action.text() == "1 file skipped · 12 left out")
    dialog = dialog_of(qtbot, window)
    assert lines(dialog) == [
        ("torn.png", "the file is cut short"),
        ("masks …", "more than 8 images left out by the rule “label pictures”"),
        ("night_1.jpg", "1 image left out by the rule “night*.jpg”"),
        ("*.heic", "2 files, of a format that is not read"),
        ("*.mp4", "1 recording; it is not read yet"),
    ]
    assert child(dialog, QPushButton, "retryButton").isVisible()
    dialog.close()
    window.folder_commands.close_folders()
    until(qtbot, lambda: not action.isVisible())


def test_where_everything_was_left_out_the_page_offers_to_show_it(
    qtbot, open_window, core, tmp_path
):
    (tmp_path / "empty").mkdir()
    core.options = {"omitted": omitted(tmp_path)}
    window = open_window(tmp_path / "empty")
    page = child(window, QWidget, "emptyState")
    until(qtbot, lambda: "12 files in this folder or below it were left out" in page.page.sentence)
    until(qtbot, lambda: not busy(window))
    button = next(b for b in page.findChildren(QPushButton) if b.text() == "Show what was left out")
    hands.click(button)
    until(qtbot, lambda: window.findChild(QDialog, "skippedDialog") is not None)
    dialog = window.findChild(QDialog, "skippedDialog")
    assert len(lines(dialog)) == 4
    assert dialog.findChild(QPushButton, "retryButton") is None  # there is nothing to try again


def test_another_folder_does_not_inherit_what_was_left_out(qtbot, open_window, core, frames):
    core.options = {"omitted": omitted(frames)}
    window = open_window(frames)
    action = window.action("skippedAction")
    until(qtbot, lambda: action.text() == "12 left out" and not busy(window))
    window.desktop.settings.set(INDEX_AT_OPENING, False)
    window.folder_commands.open_folders([frames.parent])
    until(qtbot, lambda: len(core.opened) > 1 and not busy(window))
    until(qtbot, lambda: not action.isVisible())


@pytest.mark.parametrize("seconds", [1e17, -1e17, 1e19, -1e19, float("inf")])
def test_a_clock_that_no_calendar_holds_is_left_empty(seconds):
    assert changed_text(seconds) == ""
