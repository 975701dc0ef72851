"""Hands of a user: input that goes through the window, as it comes from a screen.

``qtbot`` sends an event straight to a widget. These go to the window, which finds out by itself
what lies under the mouse, what it left, and who takes what is dropped.
"""

from __future__ import annotations

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import (
    QAction,
    QContextMenuEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView, QApplication, QComboBox, QMenu, QWidget
from pytestqt.qtbot import QtBot

Keys = Qt.KeyboardModifier
Entry = tuple[QMenu, QAction]
LEFT, NO_KEYS = Qt.MouseButton.LeftButton, Keys.NoModifier


def place(widget: QWidget, spot: QPoint | None = None) -> QPoint:
    """Return a spot of a widget as the window's, its centre if none is given."""
    return widget.mapTo(widget.window(), widget.rect().center() if spot is None else spot)


def move(widget: QWidget, spot: QPoint | None = None) -> None:
    """Move the mouse to a spot."""
    QTest.mouseMove(widget.window().windowHandle(), place(widget, spot))


def press(widget: QWidget, spot: QPoint | None = None, keys: Keys = NO_KEYS) -> None:
    """Press the left button."""
    QTest.mousePress(widget.window().windowHandle(), LEFT, keys, place(widget, spot))


def release(widget: QWidget, spot: QPoint | None = None, keys: Keys = NO_KEYS) -> None:
    """Let the left button go."""
    QTest.mouseRelease(widget.window().windowHandle(), LEFT, keys, place(widget, spot))


def click(widget: QWidget, spot: QPoint | None = None, keys: Keys = NO_KEYS) -> None:
    """Move to a spot and click."""
    move(widget, spot)
    press(widget, spot, keys)
    release(widget, spot, keys)


def turn_wheel(widget: QWidget, steps: int, keys: Keys = NO_KEYS) -> None:
    """Turn the wheel over a widget; away from the user is positive."""
    handle = widget.window().windowHandle()
    where = QPointF(place(widget))
    QTest.wheelEvent(handle, where, QPoint(0, 120 * steps), QPoint(), keys)


def card(view: QAbstractItemView, row: int) -> QPoint:
    """Return where a card is in the viewport of a grid."""
    return view.visualRect(view.model().index(row, 0)).center()


def drag(
    widget: QWidget, data: QMimeData, actions: Qt.DropAction = Qt.DropAction.CopyAction
) -> Qt.DropAction | None:
    """Drag data over a widget; return what a drop would do there, None for nothing."""
    handle, spot = widget.window().windowHandle(), place(widget)
    rest = (actions, data, LEFT, NO_KEYS)
    enter = QDragEnterEvent(spot, *rest)
    QApplication.sendEvent(handle, enter)
    over = QDragMoveEvent(spot, *rest)
    over.setAccepted(enter.isAccepted())  # as Qt does: who took the entry need not take each move
    QApplication.sendEvent(handle, over)
    if not over.isAccepted():
        QApplication.sendEvent(handle, QDragLeaveEvent())
        return None
    return over.dropAction()


def drop(
    widget: QWidget, data: QMimeData, actions: Qt.DropAction = Qt.DropAction.CopyAction
) -> bool:
    """Drag data onto a widget and drop them; tell whether something took them as a copy."""
    if drag(widget, data, actions) is None:
        return False
    dropped = QDropEvent(QPointF(place(widget)), actions, data, LEFT, NO_KEYS)
    QApplication.sendEvent(widget.window().windowHandle(), dropped)
    return dropped.isAccepted() and dropped.dropAction() == Qt.DropAction.CopyAction


def pick(chooser: QComboBox, value: object) -> None:
    """Open a chooser with the keys, go to an entry and take it."""
    place_of = chooser.findData(value)
    assert place_of >= 0, value
    chooser.setFocus()
    QTest.keyClick(chooser, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    popup = chooser.view()
    assert popup.isVisible()
    while popup.currentIndex().row() != place_of:
        down = popup.currentIndex().row() < place_of
        before = popup.currentIndex().row()
        QTest.keyClick(popup, Qt.Key.Key_Down if down else Qt.Key.Key_Up)
        assert popup.currentIndex().row() != before, "the list does not move"
    QTest.keyClick(popup, Qt.Key.Key_Return)
    assert not popup.isVisible()


def pick_by_mouse(
    qtbot: QtBot, chooser: QComboBox, value: object, at: QPoint | None = None
) -> None:
    """Open a chooser with a click and click an entry of its list."""
    click(chooser, at)
    popup = chooser.view()
    assert popup.isVisible()
    # Qt takes a release that follows at once for the end of the click that opened the list.
    qtbot.wait(QApplication.doubleClickInterval() + 20)
    spot = popup.visualRect(popup.model().index(chooser.findData(value), 0)).center()
    # Straight to the list: its window is made anew each time it opens.
    QTest.mouseMove(popup.viewport(), spot)
    QTest.mouseClick(popup.viewport(), LEFT, NO_KEYS, spot)
    qtbot.waitUntil(lambda: not popup.isVisible())


def menu_of(widget: QWidget, spot: QPoint) -> dict[str, Entry]:
    """Press the right button at a spot; return the menu that comes, by its texts."""
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, spot, widget.mapToGlobal(spot))
    QApplication.sendEvent(widget, event)
    return entries(QApplication.activePopupWidget())


def entries(menu: QWidget | None) -> dict[str, Entry]:
    """Return the entries in sight of a menu that is open, by their texts."""
    assert isinstance(menu, QMenu)
    assert menu.isVisible()
    return {action.text(): (menu, action) for action in menu.actions() if action.isVisible()}


def choose(entry: Entry) -> None:
    """Click an entry of a menu that is open."""
    menu, action = entry
    click(menu, menu.actionGeometry(action).center())
