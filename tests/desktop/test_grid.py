"""Where the cells of the grid lie, against a slow reckoning; keys and selection in it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QAccessible, QPainter
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyledItemDelegate

from c4t_desktop.gallery.grid import GridView

HINT = QAbstractItemView.ScrollHint
SELECT = QItemSelectionModel.SelectionFlag.ClearAndSelect


class Numbers(QAbstractListModel):
    def __init__(self, count):
        super().__init__()
        self.count = count
        self.read = self.counted = 0

    def rowCount(self, parent=QModelIndex()):  # noqa: B008, N802
        self.counted += 1
        return 0 if parent.isValid() else self.count

    def data(self, index, role=Qt.ItemDataRole.DisplayRole):
        self.read += 1
        return str(index.row()) if role == Qt.ItemDataRole.DisplayRole else None

    def reset(self, count):
        self.beginResetModel()
        self.count = count
        self.endResetModel()


class Painted(QStyledItemDelegate):
    def __init__(self, parent):
        super().__init__(parent)
        self.rows, self.states = [], {}

    def paint(self, painter: QPainter, option, index):
        self.rows.append(index.row())
        self.states[index.row()] = option.state


@pytest.fixture(params=["left to right", "right to left"])
def grid(qtbot, request):
    """Twenty-three cells, four in a row."""
    view, model = GridView(), Numbers(23)
    if request.param == "right to left":
        view.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    view.setFrameShape(GridView.Shape.NoFrame)
    view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setGridSize(QSize(100, 80))
    view.setModel(model)
    view.setItemDelegate(Painted(view))
    view.resize(420, 250)
    qtbot.addWidget(view)
    view.show()
    frame = view.size() - view.viewport().size()  # a style may put an edge around the cells
    view.resize(QSize(420, 250) + frame)
    view.setFocus()
    view.viewport().repaint()
    return view


def index(view, row):
    return view.model().index(row)


def test_every_cell_lies_where_it_is_found(grid):
    assert grid.columns == 4
    for row in range(23):
        cell = grid.visualRect(index(grid, row))
        left = row % 4 * 100
        if grid.isRightToLeft():
            left = 420 - 100 - left
        assert cell == QRect(left, row // 4 * 80, 100, 80)
        for spot in (cell.topLeft(), cell.center(), cell.bottomRight()):
            assert grid.indexAt(spot).row() == row
    beside = QPoint(10 if grid.isRightToLeft() else 410, 10)
    assert not grid.indexAt(beside).isValid()
    last = grid.visualRect(index(grid, 22))
    after = last.center() + QPoint(-100 if grid.isRightToLeft() else 100, 0)
    assert not grid.indexAt(after).isValid()
    assert not grid.indexAt(QPoint(50, -5)).isValid()
    assert grid.visualRect(QModelIndex()) == QRect()


def test_the_bar_reaches_the_last_row_and_no_further(grid):
    bar = grid.verticalScrollBar()
    assert bar.maximum() == 6 * 80 - 250
    grid.model().reset(4)
    assert bar.maximum() == 0
    grid.model().reset(0)
    assert bar.maximum() == 0
    assert not grid.indexAt(QPoint(5, 5)).isValid()
    grid.viewport().repaint()


def test_only_what_is_in_sight_is_painted(grid):
    delegate = grid.itemDelegate()
    delegate.rows.clear()
    grid.viewport().repaint()
    assert delegate.rows == [*range(16)]
    grid.verticalScrollBar().setValue(80)
    delegate.rows.clear()
    grid.viewport().repaint()
    assert delegate.rows == [*range(4, 20)]


def test_a_million_cells_are_selected_and_scrolled_without_touching_them(grid):
    model = grid.model()
    model.reset(1_000_000)
    model.read = model.counted = 0
    grid.selectAll()
    assert grid.selected_ranges() == [range(1_000_000)]
    grid.scrollTo(index(grid, 999_999))
    grid.viewport().repaint()
    assert grid.visualRect(index(grid, 999_999)).bottom() == 249
    assert max(grid.itemDelegate().rows) == 999_999
    assert model.read < 100
    assert model.counted < 1000  # nobody went through them


def test_a_screen_reader_finds_a_list(grid):
    found = QAccessible.queryAccessibleInterface(grid)
    assert found.role() == QAccessible.Role.List
    assert found.childCount() == 23
    fifth = found.child(5)
    assert fifth.role() == QAccessible.Role.ListItem
    assert fifth.text(QAccessible.Text.Name) == "5"
    assert fifth.rect().size() == QSize(100, 80)


def test_scrolling_to_a_cell_moves_no_further_than_needed(grid):
    bar = grid.verticalScrollBar()
    for row, hint, value in (
        (0, HINT.EnsureVisible, 0),
        (17, HINT.EnsureVisible, 5 * 80 - 250),
        (12, HINT.EnsureVisible, 5 * 80 - 250),
        (4, HINT.EnsureVisible, 80),
        (8, HINT.PositionAtTop, 160),
        (12, HINT.PositionAtBottom, 4 * 80 - 250),
        (12, HINT.PositionAtCenter, 3 * 80 + 40 - 125),
    ):
        grid.scrollTo(index(grid, row), hint)
        assert abs(bar.value() - value) <= 1, (row, hint)
    grid.scrollTo(QModelIndex())
    assert abs(bar.value() - (3 * 80 + 40 - 125)) <= 1


def test_keys_go_where_they_say(qtbot, grid):
    key = Qt.Key
    ahead, back = (
        (key.Key_Left, key.Key_Right) if grid.isRightToLeft() else (key.Key_Right, key.Key_Left)
    )
    qtbot.keyClick(grid, key.Key_Home)
    for pressed, row in (
        (ahead, 1),
        (ahead, 2),
        (back, 1),
        (key.Key_Down, 5),
        (key.Key_Down, 9),
        (key.Key_Up, 5),
        (key.Key_PageDown, 17),
        (key.Key_PageDown, 22),
        (key.Key_PageUp, 10),
        (key.Key_End, 22),
        (ahead, 22),
        (key.Key_Down, 22),
        (key.Key_Home, 0),
        (back, 0),
        (key.Key_Up, 0),
    ):
        qtbot.keyClick(grid, pressed)
        assert grid.currentIndex().row() == row, pressed
    grid.setCurrentIndex(index(grid, 19))  # nothing lies below it
    qtbot.keyClick(grid, key.Key_Down)
    assert grid.currentIndex().row() == 22


def test_a_click_selects_one_and_shift_the_run_to_it(qtbot, grid):
    left, shift = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier

    def click(row, modifier=Qt.KeyboardModifier.NoModifier):
        spot = grid.visualRect(index(grid, row)).center()
        qtbot.mouseClick(grid.viewport(), left, modifier, spot)

    click(2)
    assert grid.selected_ranges() == [range(2, 3)]
    click(9, shift)
    assert grid.selected_ranges() == [range(2, 10)]
    click(1, shift)
    assert grid.selected_ranges() == [range(1, 3)]
    click(6, Qt.KeyboardModifier.ControlModifier)
    assert grid.selected_ranges() == [range(1, 3), range(6, 7)]
    grid.verticalScrollBar().setValue(1000)
    last = grid.visualRect(index(grid, 22))
    after = last.center() + QPoint(-100 if grid.isRightToLeft() else 100, 0)
    qtbot.mouseClick(grid.viewport(), left, Qt.KeyboardModifier.NoModifier, after)
    assert grid.selected_ranges() == []


def test_the_region_of_a_selection_is_what_is_seen_of_it(grid):
    grid.setSelection(QRect(grid.visualRect(index(grid, 1)).center(), QSize(1, 1)), SELECT)
    region = grid.visualRegionForSelection(grid.selectionModel().selection())
    assert region.boundingRect() == grid.visualRect(index(grid, 1))


def test_the_state_of_a_cell_is_painted(qtbot, grid):
    flag, states = QStyle.StateFlag, grid.itemDelegate().states
    grid.setCurrentIndex(index(grid, 3))
    qtbot.mouseMove(grid.viewport(), grid.visualRect(index(grid, 5)).center())
    qtbot.waitUntil(lambda: grid.hasFocus())

    def painted():
        grid.viewport().repaint()
        return bool(states[5] & flag.State_MouseOver)

    qtbot.waitUntil(painted)
    assert states[3] & flag.State_Selected
    assert states[3] & flag.State_HasFocus
    assert not states[4] & (flag.State_Selected | flag.State_HasFocus | flag.State_MouseOver)


def test_what_is_in_sight_stays_when_cells_or_the_view_change(grid):
    grid.model().reset(2000)
    bar = grid.verticalScrollBar()
    bar.setValue(80 * 100)  # the first in sight is 400
    for width in (500, 730, 333, 420):
        grid.resize(width, 250)
        assert 400 in grid.rows_in_sight()
        assert grid.rows_in_sight().start <= 400 < grid.rows_in_sight().start + grid.columns
    for size in (QSize(60, 50), QSize(200, 160), QSize(100, 80)):
        grid.setGridSize(size)
        assert grid.rows_in_sight().start <= 400 < grid.rows_in_sight().start + grid.columns
    assert bar.value() == 80 * 100


def test_sections_begin_a_row_of_their_own_below_a_heading(grid):
    starts, heading = [0, 5, 6, 14], 30
    grid.set_sections(starts, heading)
    rows, y = [], 0  # laid out slowly: (top, rows of the model)
    for start, end in zip(starts, [*starts[1:], 23], strict=True):
        y += heading
        for first in range(start, end, 4):
            rows.append((y, [*range(first, min(first + 4, end))]))
            y += 80
    bar = grid.verticalScrollBar()
    assert bar.maximum() == y - 250
    for value in (0, 111, bar.maximum()):
        bar.setValue(value)
        for top, line in rows:
            for column, row in enumerate(line):
                cell = grid.visualRect(index(grid, row))
                left = 420 - 100 - column * 100 if grid.isRightToLeft() else column * 100
                assert cell == QRect(left, top - value, 100, 80)
                assert grid.indexAt(cell.center()).row() == row
        delegate = grid.itemDelegate()
        delegate.rows.clear()
        grid.viewport().repaint()
        seen = {row for top, line in rows if top - value < 250 and top + 80 > value for row in line}
        assert seen == {*delegate.rows}
        assert {*grid.rows_in_sight()} == seen
    for top, _ in rows[:1]:
        assert not grid.indexAt(QPoint(50, top - 10 - bar.value())).isValid()
    column_of = {row: line.index(row) for _, line in rows for row in line}
    where = {row: at for at, (_, line) in enumerate(rows) for row in line}
    action, none = QAbstractItemView.CursorAction, Qt.KeyboardModifier.NoModifier
    for row in range(23):
        grid.setCurrentIndex(index(grid, row))
        for way, by in ((action.MoveUp, -1), (action.MoveDown, 1)):
            line = rows[where[row] + by][1] if 0 <= where[row] + by < len(rows) else None
            to = row if line is None else line[min(column_of[row], len(line) - 1)]
            assert grid.moveCursor(way, none).row() == to
    grid.scrollTo(index(grid, 0))
    assert bar.value() == 0  # with the heading above it
    grid.set_sections((), heading)
    assert bar.maximum() == 6 * 80 - 250
