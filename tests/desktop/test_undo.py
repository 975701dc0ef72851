"""What was done by mistake is taken back, and done again, with all that belonged to it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QLabel, QLineEdit, QWidget

from c4t_core.index.store.user_data import UserData
from tests.helpers.window import busy, child, names, search, side_row, until, wait_rows

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def kept(table):
    data = UserData()
    try:
        return data.rows(table)
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
    assert answers == [11]  # the first one knows the marks
    assert action.isChecked()
    qtbot.keyClick(chip_in_sight(asked)[0], Qt.Key.Key_Delete)
    wait_rows(qtbot, asked, 12)
    assert not chip_in_sight(asked)
    assert not action.isChecked()
