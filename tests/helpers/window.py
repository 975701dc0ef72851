"""What tests of the window do over and over: find a part of it, search, wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from c4t_desktop.app import Desktop
from c4t_desktop.main_window import MainWindow
from c4t_desktop.panels.bars.choosers import Chooser
from c4t_desktop.panels.results.empty_state import EmptyState
from c4t_desktop.services.library import EDITS, LOOK, SEARCH
from tests.helpers.fake_core import FakeCore

T = TypeVar("T", bound=QObject)


def until(qtbot: QtBot, condition: Callable[[], object], timeout: int = 20_000) -> None:
    """Wait for a condition; CI machines are slow, so the limit is far away."""
    qtbot.waitUntil(lambda: bool(condition()), timeout=timeout)


def child(widget: QWidget, kind: type[T], name: str) -> T:
    found = widget.findChild(kind, name)
    assert found is not None, name
    return found


def search(qtbot: QtBot, window: MainWindow, text: str) -> None:
    field = child(window, QLineEdit, "searchField")
    QTest.mouseClick(field, Qt.MouseButton.LeftButton)
    field.selectAll()
    QTest.keyClicks(field, text)
    answered(qtbot, window)
    wait_rows(qtbot, window)
    until(qtbot, lambda: window.view.at_rest)  # the details have come beside it


def answered(qtbot: QtBot, window: MainWindow) -> None:
    """Wait until what stands in the search bar is answered."""
    assert isinstance(window.desktop, Desktop)
    finder = window.desktop.context.finder
    until(qtbot, lambda: finder.found and finder.found.question == window.search.question())


def wait_rows(qtbot: QtBot, window: MainWindow, count: int | None = None) -> None:
    def there() -> bool:
        rows = window.model.rowCount()
        return rows > 0 if count is None else rows == count

    until(qtbot, there)
    until(qtbot, lambda: not busy(window))


def busy(window: MainWindow) -> bool:
    assert isinstance(window.desktop, Desktop)
    return window.desktop.runner.busy


def drain(qtbot: QtBot, window: MainWindow) -> None:
    """Wait for what was asked before in lanes of short jobs, whatever goes on in others."""
    assert isinstance(window.desktop, Desktop)
    for lane in (SEARCH, EDITS, LOOK) * 2:
        done = threading.Event()
        window.desktop.runner.submit(lambda _: None, lane=lane, finished=done.set)
        until(qtbot, done.is_set)


def names(window: MainWindow) -> list[str]:
    model = child(window, QAbstractItemView, "resultsView").model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def ready(qtbot: QtBot, window: MainWindow, core: FakeCore) -> None:
    """Wait until what was opened is indexed."""
    until(qtbot, lambda: core.opened and core.last.indexed.is_set() and not busy(window))


def side_row(qtbot: QtBot, window: MainWindow, name: str) -> QPushButton:
    """Wait for the row of the side panel whose name begins so."""
    panel = child(window, QScrollArea, "sidePanel")

    def shown() -> list[QPushButton]:
        rows = panel.findChildren(QPushButton)
        return [r for r in rows if r.isVisible() and r.accessibleName().startswith(name)]

    until(qtbot, shown)
    return shown()[0]


def choose_drives(qtbot: QtBot, window: MainWindow, *names: str) -> None:
    """Check drives, or uncheck them: open the list, type each name, press Enter, leave it."""
    chooser = child(window, Chooser, "driveFilter")
    until(qtbot, lambda: chooser.isVisible() and chooser.offered)
    chooser.setFocus()
    QTest.keyClick(chooser, Qt.Key.Key_Down)
    assert chooser.popup.isVisible()
    field = child(chooser.popup, QLineEdit, "driveFilterText")
    for name in names:
        field.selectAll()
        QTest.keyClicks(field, name)
        QTest.keyClick(field, Qt.Key.Key_Return)
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert not chooser.popup.isVisible()
    until(qtbot, window.isActiveWindow)


def tool_button(widget: QWidget, name: str) -> QToolButton:
    """Return the tool button whose name begins so."""
    buttons = widget.findChildren(QToolButton)
    (found,) = (b for b in buttons if b.accessibleName().startswith(name))
    return found


def nothing_matches(qtbot: QtBot, window: MainWindow) -> EmptyState:
    """Wait for the page that says so."""
    pages = window.results.findChildren(EmptyState)

    def shown() -> list[EmptyState]:
        return [p for p in pages if p.isVisible() and p.page.title == "Nothing matches"]

    until(qtbot, shown)
    return shown()[0]
