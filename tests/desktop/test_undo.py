"""What was done by mistake is taken back, and done again, with all that belonged to it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from c4t_core.index.store.user_data import UserData
from tests.helpers.window import busy, search, until

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
