"""A view of equal cells in rows, however many: where a cell lies is computed, never laid out.

Qt's own list view keeps the place of every item: a million take it seconds whenever they change,
and selecting them all takes longer still. What is shown here is one all the same, so that screen
readers take it for a list; all that would lay items out or ask where one lies is replaced.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QHoverEvent, QPainter, QPaintEvent, QPalette, QRegion, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyleOptionViewItem,
    QWidget,
)

_ACTION = QAbstractItemView.CursorAction
_HINT = QAbstractItemView.ScrollHint
_FLAG = QStyle.StateFlag
_MANY = 1000  # items
Index = QModelIndex | QPersistentModelIndex


class GridView(QListView):
    """Shows a flat model in cells of one size, from left to right and from top to bottom.

    Where the layout direction is mirrored, so are the rows of cells. Sections begin a new row of
    cells each, below a heading that a subclass paints.

    Attributes:
        columns: cells in a row.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        """Start with cells of a usual size."""
        super().__init__(parent)
        self._cell = QSize(200, 180)
        self._hovered = -1
        self._anchor = 0  # the first row in sight, which stays there when the columns change
        self._fitting_now = False
        self._sections: Sequence[int] = ()
        self._heading = 0  # pixels
        self._starts = [0]  # the first row of the model in each section
        self._lines = [0]  # rows of cells before each section; the last one: in all
        self.columns = 1
        # Qt's own would be unknown to PySide, which makes its 150 kinds of widgets to find one
        port = QWidget()
        port.setBackgroundRole(QPalette.ColorRole.Base)
        port.setAutoFillBackground(True)
        self.setViewport(port)
        port.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)

    # geometry -------------------------------------------------------------------------------

    def gridSize(self) -> QSize:  # noqa: N802
        """Return the size of a cell in pixels."""
        return self._cell

    def setGridSize(self, size: QSize) -> None:  # noqa: N802
        """Make cells of another size; the first card in sight stays in sight."""
        if size != self._cell:
            self._cell = size
            self._fit(anchored=True)
            self.viewport().update()

    @property
    def room(self) -> int:
        """Pixels that a row of cells may take."""
        return max(1, self.viewport().width() - 1)

    def set_sections(self, starts: Sequence[int], heading: int) -> None:
        """Begin sections at some rows of the model, ascending from 0; none for no headings.

        Args:
            starts: the first row of each.
            heading: height of what stands above each, in pixels.
        """
        self._sections, self._heading = starts, heading if starts else 0
        self._fit()
        self.viewport().update()

    def _fit(self, *, anchored: bool = False) -> None:
        """Fit the scroll bar to the number of cells."""
        count, height = self._count(), self._cell.height()
        columns = max(1, self.room // max(1, self._cell.width()))
        anchored = anchored or columns != self.columns
        self.columns = columns
        self._starts = [start for start in self._sections if start < count] or [0]
        ends = pairwise([*self._starts, count])
        lines = (-(-(end - start) // columns) for start, end in ends)
        self._lines = list(accumulate(lines, initial=0))
        bar, seen = self.verticalScrollBar(), self.viewport().height()
        self._fitting_now = True
        whole = self._lines[-1] * height + len(self._starts) * self._heading
        bar.setRange(0, max(0, whole - seen))
        bar.setPageStep(seen)
        if anchored:
            bar.setValue(self._top_of(self._anchor))
        self._fitting_now = False

    def _section_of(self, row: int) -> int:
        return bisect_right(self._starts, row) - 1

    def _end_of(self, section: int) -> int:
        """Return the row of the model after the last of a section."""
        last = section + 1 == len(self._starts)
        return self._count() if last else self._starts[section + 1]

    def _line_of(self, row: int) -> int:
        """Return which row of cells a row of the model is in, counted over all sections."""
        section = self._section_of(row)
        return self._lines[section] + (row - self._starts[section]) // self.columns

    def _first_in(self, line: int) -> int:
        """Return the row of the model at the beginning of a row of cells."""
        section = bisect_right(self._lines, line, hi=len(self._starts)) - 1
        return self._starts[section] + (line - self._lines[section]) * self.columns

    def _top_of(self, row: int) -> int:
        """Return where the row of cells of a row of the model begins, with its heading if any."""
        section, line = self._section_of(row), self._line_of(row)
        headings = section + (line > self._lines[section])
        return line * self._cell.height() + headings * self._heading

    def _line_at(self, y: int) -> tuple[int, bool]:
        """Return the row of cells at a height, and whether the heading above it is there."""
        height = max(1, self._cell.height())
        if not self._heading:
            return max(0, y) // height, False

        def top_of(section: int) -> int:
            return self._lines[section] * height + section * self._heading

        section = max(0, bisect_right(range(len(self._starts)), y, key=top_of) - 1)
        inside = y - top_of(section) - self._heading
        return self._lines[section] + max(0, inside) // height, inside < 0

    def _count(self) -> int:
        model = self.model()
        return 0 if model is None else model.rowCount(self.rootIndex())

    def rows_in_sight(self) -> range:
        """Return the rows of the model of which something is in sight."""
        return self._rows_in(self.viewport().rect())

    def _rows_in(self, area: QRect) -> range:
        """Return the rows of the model between the top and the bottom of an area."""
        offset = self.verticalOffset()
        first, _ = self._line_at(area.top() + offset)
        last, above = self._line_at(area.bottom() + offset)
        most = self._lines[-1]
        end = last if above else last + 1  # of a heading, the cells below are not in the area
        stop = self._count() if end >= most else self._first_in(end)
        return range(min(self._count(), self._first_in(min(first, most))), max(0, stop))

    def _cell_at(self, row: int) -> QRect:
        section = self._section_of(row)
        line, column = divmod(row - self._starts[section], self.columns)
        left = column * self._cell.width()
        if self.isRightToLeft():
            left = self.viewport().width() - left - self._cell.width()
        top = (self._lines[section] + line) * self._cell.height() + (section + 1) * self._heading
        return QRect(QPoint(left, top - self.verticalOffset()), self._cell)

    def _near(self, spot: QPoint) -> int:
        """Return the row of the model whose cell is nearest; -1 without any."""
        if not self._count():
            return -1
        x = self.viewport().width() - 1 - spot.x() if self.isRightToLeft() else spot.x()
        line, _ = self._line_at(spot.y() + self.verticalOffset())
        column = min(max(0, x // max(1, self._cell.width())), self.columns - 1)
        return self._row_in(min(line, self._lines[-1] - 1), column)

    def _row_in(self, line: int, column: int) -> int:
        """Return the row of the model in a row of cells, the last one where it is shorter."""
        first = self._first_in(line)
        return min(first + column, self._end_of(self._section_of(first)) - 1)

    # what Qt asks of a view -----------------------------------------------------------------

    def visualRect(self, index: Index) -> QRect:  # noqa: N802
        """Return where the cell of an index is, in the viewport."""
        return self._cell_at(index.row()) if index.isValid() else QRect()

    def indexAt(self, point: QPoint) -> QModelIndex:  # noqa: N802
        """Return the index whose cell is at a point, invalid between and after the cells."""
        row = self._near(point)
        if row < 0 or not self._cell_at(row).contains(point):
            return QModelIndex()
        return self.model().index(row, 0, self.rootIndex())

    def scrollTo(  # noqa: N802
        self, index: Index, hint: QAbstractItemView.ScrollHint = _HINT.EnsureVisible
    ) -> None:
        """Bring a cell into sight."""
        if not index.isValid():
            return
        cell, height, bar = (
            self.visualRect(index),
            self.viewport().height(),
            self.verticalScrollBar(),
        )
        above = self._top_of(index.row()) - self.verticalOffset()
        below = cell.bottom() + 1 - height
        if hint == _HINT.PositionAtCenter:
            bar.setValue(bar.value() + (above + below) // 2)
        elif hint == _HINT.PositionAtTop or (hint == _HINT.EnsureVisible and above < 0):
            bar.setValue(bar.value() + above)
        elif hint == _HINT.PositionAtBottom or (hint == _HINT.EnsureVisible and below > 0):
            bar.setValue(bar.value() + min(above, below))

    def moveCursor(  # noqa: N802
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        """Return where a key leads from the current index."""
        count, now = self._count(), self.currentIndex().row()
        if not count:
            return QModelIndex()
        if now < 0:
            return self.model().index(0, 0, self.rootIndex())
        page = max(1, self.viewport().height() // max(1, self._cell.height()))
        lines = {
            _ACTION.MoveUp: -1,
            _ACTION.MoveDown: 1,
            _ACTION.MovePageUp: -page,
            _ACTION.MovePageDown: page,
        }
        if action in lines:
            return self.model().index(self._lines_away(now, lines[action]), 0, self.rootIndex())
        aside = -1 if self.isRightToLeft() else 1
        step = {
            _ACTION.MoveLeft: -aside,
            _ACTION.MoveRight: aside,
            _ACTION.MoveHome: -count,
            _ACTION.MoveEnd: count,
            _ACTION.MoveNext: 1,
            _ACTION.MovePrevious: -1,
        }[action]
        return self.model().index(min(max(0, now + step), count - 1), 0, self.rootIndex())

    def _lines_away(self, row: int, by: int) -> int:
        """Return the row of the model so many rows of cells below one; the ends end it."""
        line, last = self._line_of(row), self._lines[-1] - 1
        column = row - self._first_in(line)
        if abs(by) == 1:
            return row if not 0 <= line + by <= last else self._row_in(line + by, column)
        if line + by < 0:
            return 0
        return self._count() - 1 if line + by > last else self._row_in(line + by, column)

    def horizontalOffset(self) -> int:  # noqa: N802
        """Return 0: rows are never wider than the view."""
        return 0

    def verticalOffset(self) -> int:  # noqa: N802
        """Return how far the view is scrolled, in pixels."""
        return self.verticalScrollBar().value()

    def isIndexHidden(self, index: Index) -> bool:  # noqa: N802
        """Return False: no cell is hidden."""
        return False

    def setSelection(  # noqa: N802
        self, rect: QRect, command: QItemSelectionModel.SelectionFlag
    ) -> None:
        """Select from the cell at one corner to that at the other, in reading order."""
        ends = (rect.topLeft(), rect.bottomRight())
        chosen = QItemSelection()
        if self._count() and (rect.width() > 1 or rect.height() > 1 or self._on_cell(ends[0])):
            first, last = sorted(self._near(spot) for spot in ends)
            model, root = self.model(), self.rootIndex()
            chosen.select(model.index(first, 0, root), model.index(last, 0, root))
        self.selectionModel().select(chosen, command)

    def selectAll(self) -> None:  # noqa: N802
        """Select everything as one run."""
        if self._count():
            model, root = self.model(), self.rootIndex()
            every = QItemSelection(model.index(0, 0, root), model.index(self._count() - 1, 0, root))
            flag = QItemSelectionModel.SelectionFlag
            self.selectionModel().select(every, flag.ClearAndSelect)

    def _on_cell(self, spot: QPoint) -> bool:
        return self.indexAt(spot).isValid()

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:  # noqa: N802
        """Return where selected cells are in sight."""
        region, seen = QRegion(), self.rows_in_sight()
        for chosen in _spans(selection):
            for row in range(max(chosen.start, seen.start), min(chosen.stop, seen.stop)):
                region |= QRegion(self._cell_at(row))
        return region

    def selected_ranges(self) -> list[range]:
        """Return the rows selected, in the order shown, without touching each of them."""
        return sorted(_spans(self.selectionModel().selection()), key=lambda span: span.start)

    def reset(self) -> None:
        """Show another list from where the view is scrolled to."""
        super().reset()
        self._hovered = -1
        self._fit()

    def updateGeometries(self) -> None:  # noqa: N802
        """Fit the scroll bar to the size of the view."""
        self._fit()

    def doItemsLayout(self) -> None:  # noqa: N802
        """Lay nothing out."""
        QAbstractItemView.doItemsLayout(self)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Fit the scroll bar."""
        QAbstractItemView.resizeEvent(self, event)
        self._fit()

    def selectionChanged(  # noqa: N802
        self, selected: QItemSelection, deselected: QItemSelection
    ) -> None:
        """Paint what changed; of very many items Qt would list each for a screen reader."""
        if any(len(span) > _MANY for some in (selected, deselected) for span in _spans(some)):
            self.viewport().update()
        else:
            super().selectionChanged(selected, deselected)

    def scrollContentsBy(self, dx: int, dy: int) -> None:  # noqa: N802
        """Move what is painted; only what comes into sight is painted anew."""
        if not self._fitting_now:
            self._anchor = self.rows_in_sight().start
        self.viewport().scroll(dx, dy)

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802
        """Note which cell the mouse is over."""
        if isinstance(event, QHoverEvent):
            leaves = event.type() == QEvent.Type.HoverLeave
            self._hovered = -1 if leaves else self.indexAt(event.position().toPoint()).row()
        return super().viewportEvent(event)

    # painting -------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the cells of which something is to be painted."""
        if not self._count():
            return
        model, root = self.model(), self.rootIndex()
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        plain, chosen = option.state, self.selectionModel()
        current = self.currentIndex().row() if self.hasFocus() else -1
        painter, delegate = QPainter(self.viewport()), self.itemDelegate()
        for row in self._rows_in(event.rect()):
            index = model.index(row, 0, root)
            option.rect = self._cell_at(row)
            option.state = plain
            if chosen.isSelected(index):
                option.state |= _FLAG.State_Selected
            if row == current:
                option.state |= _FLAG.State_HasFocus
            if row == self._hovered:
                option.state |= _FLAG.State_MouseOver
            delegate.paint(painter, option, index)
        if self._heading:
            self._paint_headings(painter, event.rect())
        painter.end()

    def _paint_headings(self, painter: QPainter, area: QRect) -> None:
        """Paint the headings in an area."""
        rows, height = self._rows_in(area), self._cell.height()
        for section in range(self._section_of(rows.start), len(self._starts)):
            top = self._lines[section] * height + section * self._heading - self.verticalOffset()
            if top > area.bottom():
                return
            where = QRect(0, top, self.room, self._heading)
            if where.intersects(area):
                self.paint_heading(painter, where, section)

    def paint_heading(self, painter: QPainter, where: QRect, section: int) -> None:
        """Paint what stands above a section; nothing, but for a subclass."""


def _spans(selection: QItemSelection) -> list[range]:
    found = (selection.at(number) for number in range(selection.count()))
    return [range(span.top(), span.bottom() + 1) for span in found]
