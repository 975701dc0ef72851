"""What was done by mistake is taken back, and done again, with all that belonged to it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QLineEdit, QMenu, QPushButton, QWidget

from c4t_core.index.store.user_data import UserData
from tests.helpers import hands
from tests.helpers.window import busy, child, names, search, side_row, until, wait_rows

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def kept(table):
    data = UserData()
    try:
        return sorted(data.rows(table), key=lambda row: tuple(map(str, row.values())))
    finally:
        data.close()


@pytest.fixture
def asked(qtbot, window):
    """The window with the hits of a query, the keys in the grid."""
    search(qtbot, window, "truck")
    window.view.setFocus()
    return window


def chip_in_sight(window):
    return [chip for chip in window.findChildren(QWidget, "refineChip") if chip.isVisible()]


def settle(qtbot, window):
    until(qtbot, lambda: not busy(window))


def test_marks_are_taken_back_as_they_were_and_set_again(qtbot, asked):
    marks, undo = asked.desktop.context.marks, asked.desktop.context.undo
    first, second = (row.hit.path for row in asked.model.rows[:2])
    qtbot.keyClick(asked.view, Qt.Key.Key_R)
    settle(qtbot, asked)
    right = kept("marks")
    qtbot.keyClick(asked.view, Qt.Key.Key_Right, SHIFT)
    qtbot.keyClick(asked.view, Qt.Key.Key_X)
    settle(qtbot, asked)
    wrong = kept("marks")
    assert marks.marks == {first: "wrong", second: "wrong"}
    undo.undo()
    assert marks.marks == {first: "right"}
    settle(qtbot, asked)
    assert kept("marks") == right
    undo.undo()
    undo.redo()
    undo.redo()
    settle(qtbot, asked)
    assert marks.marks == {first: "wrong", second: "wrong"}
    assert kept("marks") == wrong
    marks.clear_marks()
    settle(qtbot, asked)
    assert kept("marks") == []
    search(qtbot, asked, "snow")
    until(qtbot, lambda: asked.desktop.context.finder.found.question.text == "snow")
    undo.undo()
    settle(qtbot, asked)
    assert not marks.marks  # they are those of another query
    assert kept("marks") == wrong


def test_refining_is_shown_counted_everywhere_and_ends_with_its_query(qtbot, asked):
    context, action = asked.desktop.context, asked.action("refineAction")
    finder, marks = context.finder, context.marks
    shown = names(asked)
    qtbot.keyClick(asked.view, Qt.Key.Key_R)
    qtbot.keyClick(asked.view, Qt.Key.Key_Right)
    qtbot.keyClick(asked.view, Qt.Key.Key_X)
    finder.set_cut(0.45)
    until(qtbot, lambda: asked.header.findChild(QLabel, "matchCount").text().startswith("6 "))
    qtbot.keyClick(asked, Qt.Key.Key_M, CTRL)
    wait_rows(qtbot, asked, 11)
    assert finder.order.cut is None  # it was one of other scores
    assert names(asked) == [shown[0], *shown[2:]]
    (chip,) = chip_in_sight(asked)
    assert "1 right, 1 wrong" in chip.accessibleName()
    assert asked.header.findChild(QLabel, "matchCount").text().startswith("11 ")
    assert len(finder.found.histogram.values) == 11
    qtbot.keyClick(asked, Qt.Key.Key_S, CTRL)
    dialog = child(asked, QDialog, "saveSearchDialog")
    qtbot.keyClick(child(dialog, QLineEdit, "scenarioName"), Qt.Key.Key_Return)
    until(qtbot, lambda: marks.saved and marks.saved[0].matches == 11 and not busy(asked))
    context.undo.undo()  # the saving
    context.undo.undo()  # the wrong mark: with it the frame is among the hits again
    wait_rows(qtbot, asked, 12)
    assert "1 right, 0 wrong" in chip.accessibleName()
    context.undo.redo()
    context.undo.redo()
    wait_rows(qtbot, asked, 11)
    until(qtbot, lambda: marks.saved and marks.saved[0].matches == 11)
    search(qtbot, asked, "snow")
    wait_rows(qtbot, asked, 12)
    assert not action.isChecked()
    assert not chip_in_sight(asked)
    answers = []
    finder.answered.connect(lambda found: answers.append(len(found.hits)))
    qtbot.mouseClick(side_row(qtbot, asked, "Truck"), Qt.MouseButton.LeftButton)
    wait_rows(qtbot, asked, 11)
    assert set(answers) == {11}  # the first one knows the marks
    assert action.isChecked()
    qtbot.keyClick(chip_in_sight(asked)[0], Qt.Key.Key_Delete)
    wait_rows(qtbot, asked, 12)
    assert not chip_in_sight(asked)
    assert not action.isChecked()


def scenario_names(window):
    return [saved.name for saved in window.desktop.context.marks.saved]


def menu_of(window, row):
    spot = row.rect().center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, spot, row.mapToGlobal(spot))
    QApplication.sendEvent(row, event)
    menu = [menu for menu in window.findChildren(QMenu, "scenarioMenu") if menu.isVisible()][-1]
    return menu, {action.text(): action for action in menu.actions() if action.text()}


def press(menu, action):
    QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())


def test_scenarios_are_ordered_renamed_and_deleted_and_all_of_it_comes_back(qtbot, asked):
    context = asked.desktop.context
    marks, notice = context.marks, child(asked, QLabel, "undoNotice")
    for name in ("Anton", "Berta", "Caesar"):
        marks.save(name, context.finder.question, None)
    until(qtbot, lambda: [saved.matches for saved in marks.saved] == [12] * 3 and not busy(asked))
    rows = kept("scenarios")
    row = side_row(qtbot, asked, "Anton")
    row.setFocus()
    qtbot.keyClick(row, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    until(qtbot, lambda: scenario_names(asked) == ["Berta", "Anton", "Caesar"])
    until(qtbot, lambda: QApplication.focusWidget() is side_row(qtbot, asked, "Anton"))
    menu, acts = menu_of(asked, side_row(qtbot, asked, "Caesar"))
    assert not acts["Move down"].isEnabled()
    press(menu, acts["Move up"])
    until(qtbot, lambda: scenario_names(asked) == ["Berta", "Caesar", "Anton"])
    press(*menu_of_text(asked, side_row(qtbot, asked, "Berta"), "Copy the query"))
    assert QGuiApplication.clipboard().text() == "truck"
    qtbot.keyClick(side_row(qtbot, asked, "Berta"), Qt.Key.Key_F2)
    dialog = child(asked, QDialog, "renameDialog")
    field = child(dialog, QLineEdit, "scenarioName")
    field.setText("Anton")  # taken: Enter does nothing
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert "of this name" in child(dialog, QLabel, "nameHint").text()
    field.setText("Dora & <b>")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    until(qtbot, lambda: scenario_names(asked) == ["Dora & <b>", "Caesar", "Anton"])
    settle(qtbot, asked)
    assert not notice.isVisible()
    qtbot.keyClick(side_row(qtbot, asked, "Dora"), Qt.Key.Key_Delete)
    until(qtbot, lambda: scenario_names(asked) == ["Caesar", "Anton"])
    assert notice.isVisible()
    assert "Dora & <b>" in notice.text()
    qtbot.mouseClick(child(asked, QPushButton, "undoButton"), Qt.MouseButton.LeftButton)
    until(qtbot, lambda: scenario_names(asked) == ["Dora & <b>", "Caesar", "Anton"])
    assert not notice.isVisible()
    assert "Dora && <b>" in asked.action("redoAction").text()
    asked.activateWindow()  # a closed dialog leaves it behind without a window manager
    asked.view.setFocus()
    until(qtbot, asked.view.hasFocus)
    for _ in range(3):
        qtbot.keyClick(asked, Qt.Key.Key_Z, CTRL)
    until(qtbot, lambda: scenario_names(asked) == ["Anton", "Berta", "Caesar"])
    settle(qtbot, asked)
    assert kept("scenarios") == rows
    for _ in range(4):
        qtbot.keyClick(asked, Qt.Key.Key_Z, CTRL | SHIFT)
    until(qtbot, lambda: scenario_names(asked) == ["Caesar", "Anton"])
    assert not asked.action("redoAction").isEnabled()


def drag_row(window, row, over, *, let_go=True):
    """Drag a row of the side panel beyond the middle of another one."""
    hands.press(row)
    way = over.mapTo(window, over.rect().center()) - row.mapTo(window, row.rect().center())
    way.setY(way.y() + (5 if way.y() > 0 else -5))
    for part in (0.2, 0.6, 1.0):
        hands.move(row, row.rect().center() + way * part)
    if let_go:
        hands.release(row, row.rect().center() + way)


def test_a_scenario_is_dragged_to_its_place_and_back_by_undo(qtbot, asked):
    context = asked.desktop.context
    marks, line = context.marks, child(asked, QWidget, "dropLine")
    for name in ("Anton", "Berta", "Caesar"):
        marks.save(name, context.finder.question, None)
    until(qtbot, lambda: [saved.matches for saved in marks.saved] == [12] * 3 and not busy(asked))
    rows = [side_row(qtbot, asked, name) for name in scenario_names(asked)]
    with qtbot.assertNotEmitted(asked.sidebar.scenarios.chosen):
        drag_row(asked, rows[0], rows[2], let_go=False)
        assert line.isVisible()
        assert line.y() > rows[2].y(), "below the last"
        asked.sidebar.scenarios.show_saved(marks.saved)  # counted anew meanwhile
        assert asked.sidebar.scenarios.rows == rows
        qtbot.keyClick(rows[0], Qt.Key.Key_Escape)
        assert not line.isVisible()
        rows = [side_row(qtbot, asked, name) for name in scenario_names(asked)]
        assert scenario_names(asked) == ["Anton", "Berta", "Caesar"]
        settle(qtbot, asked)
        drag_row(asked, rows[0], rows[2])
        until(qtbot, lambda: scenario_names(asked) == ["Berta", "Caesar", "Anton"])
    assert not line.isVisible()
    settle(qtbot, asked)  # they are counted again, and their rows made anew
    drag_row(asked, side_row(qtbot, asked, "Anton"), side_row(qtbot, asked, "Caesar"))
    until(qtbot, lambda: scenario_names(asked) == ["Berta", "Anton", "Caesar"])
    for expected in (["Berta", "Caesar", "Anton"], ["Anton", "Berta", "Caesar"]):
        asked.action("undoAction").trigger()
        until(qtbot, lambda expected=expected: scenario_names(asked) == expected)
    settle(qtbot, asked)
    hands.click(side_row(qtbot, asked, "Berta"))
    until(qtbot, lambda: not busy(asked))
    assert asked.search.field.text() == "truck"


def menu_of_text(window, row, text):
    menu, acts = menu_of(window, row)
    return menu, acts[text]


def test_a_cleared_search_comes_back_while_the_field_has_the_keys(qtbot, asked):
    field = asked.search.field
    field.setFocus()
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert not asked.desktop.context.finder.question.text
    qtbot.keyClick(field, Qt.Key.Key_Z, CTRL)
    assert field.text() == "truck"
    wait_rows(qtbot, asked, 12)
    qtbot.keyClicks(field, "s")
    qtbot.keyClick(field, Qt.Key.Key_Z, CTRL)  # what is typed is the field's own
    assert field.text() == "truck"
