"""Small windows, large text, and languages that read from right to left."""

from __future__ import annotations

from itertools import pairwise

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QScrollArea, QToolButton, QWidget

from c4t_desktop.messages import use_language
from c4t_desktop.panels.chips import ObjectChip
from c4t_desktop.settings import LANGUAGE, TEXT_SCALE, Settings
from tests.helpers.window import busy, child, search, until


def buttons(window):
    names = ("compareAction", "evaluateAction", "trainAction")
    return [
        button
        for button in window.bar.findChildren(QToolButton)
        if button.defaultAction() is not None and button.defaultAction().objectName() in names
    ]


def test_the_query_keeps_its_room_and_the_panels_go_to_the_menu(qtbot, window):
    assert all(button.isVisible() for button in buttons(window))
    window.resize(760, 520)
    qtbot.wait(20)
    assert not any(button.isVisible() for button in buttons(window))
    assert window.search.width() >= 300
    menu = {
        action.objectName() for action in child(window, QToolButton, "menuButton").menu().actions()
    }
    assert menu >= {"compareAction", "evaluateAction", "trainAction", "settingsAction"}
    qtbot.keyClick(window, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    until(qtbot, lambda: window.findChild(QWidget, "comparePanel") is not None)
    window.results.leave_panel()
    window.resize(1400, 850)
    qtbot.wait(20)
    assert all(button.isVisible() for button in buttons(window))


def test_large_text_leaves_the_query_room(qtbot, window):
    window.desktop.settings.set(TEXT_SCALE, 200)
    qtbot.wait(50)
    assert window.search.width() >= 400
    qtbot.keyClicks(window.search.field, "person>=2 truck:near car=0 snow")
    until(qtbot, lambda: not busy(window))
    px = window.desktop.theme.px
    for width in (1000, 1400):
        window.resize(width, 850)
        qtbot.wait(20)
        seen = [chip for chip in window.search.findChildren(ObjectChip) if chip.isVisible()]
        bar = [*seen, window.search.field]
        spots = [part.geometry() for part in bar]
        assert all(window.search.rect().contains(spot) for spot in spots)
        assert not any(a.intersects(b) for a, b in pairwise(spots))
        assert min(spot.width() for spot in spots) >= px(60), "its cross would cover its text"
        rest = child(window.search, QLabel, "moreChips")
        assert rest.text() == f"+{3 - len(seen)}"
        assert rest.isVisible() == (len(seen) < 3)
    window.desktop.settings.set(TEXT_SCALE, 300)
    window.help_commands.show_settings()
    dialog = child(window, QDialog, "settingsDialog")
    room = window.screen().availableGeometry().size()
    assert dialog.size().boundedTo(room) == dialog.size()
    dialog.close()
    until(qtbot, lambda: not busy(window))


@pytest.fixture
def mirrored(qtbot):
    app = QApplication.instance() or QApplication([])
    app.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    yield
    app.setLayoutDirection(Qt.LayoutDirection.LeftToRight)


def test_from_right_to_left_the_window_is_mirrored_and_names_are_not(qtbot, mirrored, window):
    height = window.bar.height()
    search(qtbot, window, "truck")
    assert window.bar.height() == height, "what is below would jump"
    until(qtbot, window.details.isVisible)
    assert window.sidebar.x() > window.results.x() > window.details.x()
    label = child(window, QLabel, "detailsName")
    assert label.layoutDirection() == Qt.LayoutDirection.LeftToRight
    assert label.alignment() & Qt.AlignmentFlag.AlignRight
    qtbot.keyClick(window.search.field, Qt.Key.Key_Down)
    qtbot.keyClick(window.view, Qt.Key.Key_Return)
    assert window.results.shows_frame
    earlier, later = (
        next(
            button for button in window.viewer.findChildren(QToolButton) if name in button.toolTip()
        )
        for name in ("Earlier", "Later")
    )
    assert earlier.x() < later.x() < window.viewer.strip.x(), "as time runs in the strip"


@pytest.fixture
def german(qapp):
    before = QLocale()
    Settings().set(LANGUAGE, "de")
    yield
    use_language("en")
    QLocale.setDefault(before)


def test_in_german_no_dialog_cuts_off_what_it_says(qtbot, german, window):
    opened = window.help_commands
    assert window.action("trainAction").text().startswith("Trainieren")
    for show, name in ((opened.show_settings, "settings"), (opened.show_shortcuts, "shortcuts")):
        show()
        dialog = child(window, QDialog, f"{name}Dialog")
        until(qtbot, dialog.isVisible)
        scroll = dialog.findChild(QScrollArea)
        content = scroll.widget()
        if name == "settings":
            assert content.minimumSizeHint().width() <= scroll.viewport().width()
        for part in content.findChildren(QLabel):
            assert part.wordWrap() or part.width() >= part.sizeHint().width(), part.text()
        dialog.close()
    until(qtbot, lambda: not busy(window))


def test_the_side_panel_grows_with_the_text(window):
    theme, panel = window.desktop.theme, window.sidebar
    theme.apply("light", 200)
    try:
        assert panel.minimumWidth() == theme.px(204)
        assert panel.minimumWidth() >= panel.widget().minimumSizeHint().width()
    finally:
        theme.apply("light", 100)
