"""A view of equal cells in rows, however many: where a cell lies is computed, never laid out.

Qt's own list view keeps the place of every item: a million take it seconds whenever they change,
and selecting them all takes longer still. What is shown here is one all the same, so that screen
readers take it for a list; all that would lay items out or ask where one lies is replaced.
"""

from __future__ import annotations

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
from PySide6.QtGui import QHoverEvent, QPainter, QPaintEvent, QRegion, QResizeEvent
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

    Where the layout direction is mirrored, so are the rows of cells.

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
        self.columns = 1
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_Hover)
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

    def _fit(self, *, anchored: bool = False) -> None:
        """Fit the scroll bar to the number of cells."""
        columns, height = max(1, self.room // max(1, self._cell.width())), self._cell.height()
        anchored = anchored or columns != self.columns
        self.columns = columns
        bar, seen = self.verticalScrollBar(), self.viewport().height()
        self._fitting_now = True
        bar.setRange(0, max(0, -(-self._count() // columns) * height - seen))
        bar.setPageStep(seen)
        if anchored:
            bar.setValue(self._anchor // columns * height)
        self._fitting_now = False

    def _count(self) -> int:
        model = self.model()
        return 0 if model is None else model.rowCount(self.rootIndex())

    def rows_in_sight(self) -> range:
        """Return the rows of the model of which something is in sight."""
        return self._rows_in(self.viewport().rect())

    def _rows_in(self, area: QRect) -> range:
        """Return the rows of the model between the top and the bottom of an area."""
        height, columns = max(1, self._cell.height()), self.columns
        top = max(0, (area.top() + self.verticalOffset()) // height)
        bottom = (area.bottom() + self.verticalOffset()) // height
        return range(top * columns, min(self._count(), (bottom + 1) * columns))

    def _cell_at(self, row: int) -> QRect:
        line, column = divmod(row, self.columns)
        left = column * self._cell.width()
        if self.isRightToLeft():
            left = self.viewport().width() - left - self._cell.width()
        return QRect(QPoint(left, line * self._cell.height() - self.verticalOffset()), self._cell)

    def _near(self, spot: QPoint) -> int:
        """Return the row of the model whose cell is nearest; -1 without any."""
        x = self.viewport().width() - 1 - spot.x() if self.isRightToLeft() else spot.x()
        line = max(0, (spot.y() + self.verticalOffset()) // max(1, self._cell.height()))
        column = min(max(0, x // max(1, self._cell.width())), self.columns - 1)
        return min(line * self.columns + column, self._count() - 1)

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
        above, below = cell.top(), cell.bottom() + 1 - height
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
        page = max(1, self.viewport().height() // max(1, self._cell.height())) * self.columns
        aside = -1 if self.isRightToLeft() else 1
        step = {
            _ACTION.MoveLeft: -aside,
            _ACTION.MoveRight: aside,
            _ACTION.MoveUp: -self.columns,
            _ACTION.MoveDown: self.columns,
            _ACTION.MovePageUp: -page,
            _ACTION.MovePageDown: page,
            _ACTION.MoveHome: -count,
            _ACTION.MoveEnd: count,
            _ACTION.MoveNext: 1,
            _ACTION.MovePrevious: -1,
        }[action]
        to = now + step
        if action in (_ACTION.MoveUp, _ACTION.MoveDown) and not 0 <= to < count:
            last_line = now // self.columns < (count - 1) // self.columns
            to = count - 1 if action == _ACTION.MoveDown and last_line else now
        return self.model().index(min(max(0, to), count - 1), 0, self.rootIndex())

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
            self._anchor = self.verticalOffset() // max(1, self._cell.height()) * self.columns
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
        painter.end()


def _spans(selection: QItemSelection) -> list[range]:
    found = (selection.at(number) for number in range(selection.count()))
    return [range(span.top(), span.bottom() + 1) for span in found]
