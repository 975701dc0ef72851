"""A quiet, sortable table of cells."""

from __future__ import annotations

import math

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from c4t_desktop.gallery.results_model import plain_tip, shown
from c4t_desktop.panels.evaluation.figures import Cell, Table
from c4t_desktop.theme import Theme

_ROOT = QModelIndex()
_SORT = Qt.ItemDataRole.UserRole
Index = QModelIndex | QPersistentModelIndex


class CellsModel(QAbstractTableModel):
    """The cells of a table."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        """Start empty."""
        super().__init__(parent)
        self._theme = theme
        self._table = Table()

    def show(self, table: Table) -> None:
        """Show another table."""
        self.beginResetModel()
        self._table = table
        self.endResetModel()

    def rowCount(self, parent: Index = _ROOT) -> int:  # noqa: N802, D102
        return 0 if parent.isValid() else len(self._table.rows)

    def columnCount(self, parent: Index = _ROOT) -> int:  # noqa: N802, D102
        return 0 if parent.isValid() else len(self._table.header)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:  # noqa: D102
        cell = self._table.rows[index.row()][index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return shown(cell.text).replace("\n", "⏎")
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(cell.text) if index.column() == 0 else None
        if role == _SORT:
            return _sortable(cell)
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._ink(cell.tone)
        if role == Qt.ItemDataRole.FontRole and cell.tone == "strong":
            return self._theme.font(strong=True)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._alignment(index.column())
        return None

    def headerData(  # noqa: N802, D102
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._table.header[section]
        if role == Qt.ItemDataRole.ToolTipRole and section in self._table.tips:
            return plain_tip(self._table.tips[section])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._alignment(section)
        return None

    def _ink(self, tone: str) -> QColor | None:
        colours = self._theme.colours
        found = {"muted": colours.muted, "good": colours.good, "bad": colours.bad}.get(tone)
        return QColor(found) if found else None

    def _alignment(self, column: int) -> Qt.AlignmentFlag:
        """Put words to the left and figures to the right."""
        rows = self._table.rows
        words = bool(rows) and isinstance(rows[0][column].value, str)
        side = Qt.AlignmentFlag.AlignLeft if words or not column else Qt.AlignmentFlag.AlignRight
        return side | Qt.AlignmentFlag.AlignVCenter


def _sortable(cell: Cell) -> float | str:
    """Return what sorts a cell; what is not known is below everything."""
    if isinstance(cell.value, str):
        return cell.value.casefold()
    return -math.inf if cell.value is None else float(cell.value)


class CellsTable(QTableView):
    """Shows a table; a click on a title sorts by it.

    Signals:
        row_chosen: index of the row in the table as it was given (int).
    """

    row_chosen = Signal(int)

    def __init__(
        self,
        name: str,
        title: str,
        theme: Theme,
        *,
        sortable: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        """Start empty; ``title`` is what screen readers say.

        A table that cannot be sorted is as high as its rows.
        """
        super().__init__(parent)
        self._theme = theme
        self._cells = CellsModel(theme, self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self._cells)
        self._sorted.setSortRole(_SORT)
        self.setModel(self._sorted)
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setProperty("kind", "cells")
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSortingEnabled(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self._sortable = sortable
        if not sortable:
            self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
            self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.selectionModel().currentRowChanged.connect(self._chosen)
        theme.changed.connect(self._resize)

    def show_table(self, table: Table) -> None:
        """Show another table, in the order given."""
        self.setSortingEnabled(False)
        self._sorted.sort(-1)
        self._cells.show(table)
        self.setSortingEnabled(self._sortable)
        self.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self._resize()

    @Slot()
    def _resize(self) -> None:
        px, header = self._theme.px, self.horizontalHeader()
        self.verticalHeader().setDefaultSectionSize(px(30))
        header.setHighlightSections(False)
        header.setMinimumSectionSize(px(48))
        for column in range(self._cells.columnCount()):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Let the first column take what room is left; where there is none, scroll instead."""
        header, columns = self.horizontalHeader(), range(self._cells.columnCount())
        if not columns:
            return
        needed = sum(max(self.sizeHintForColumn(c), header.sectionSizeHint(c)) for c in columns)
        mode = QHeaderView.ResizeMode
        fits = needed <= self.viewport().width()
        header.setSectionResizeMode(0, mode.Stretch if fits else mode.ResizeToContents)
        if not self._sortable:
            self.setFixedHeight(self._height_of_all(scrolls=not fits))

    def _height_of_all(self, *, scrolls: bool) -> int:
        rows = self._sorted.rowCount() * self.verticalHeader().defaultSectionSize()
        bar = self.horizontalScrollBar().sizeHint().height() if scrolls else 0
        return rows + self.horizontalHeader().sizeHint().height() + 2 * self.frameWidth() + bar

    def choose_first(self) -> None:
        """Choose the row on top."""
        if self._sorted.rowCount():
            self.setCurrentIndex(self._sorted.index(0, 0))

    @Slot(QModelIndex, QModelIndex)
    def _chosen(self, now: QModelIndex, _: QModelIndex) -> None:
        if now.isValid():
            self.row_chosen.emit(self._sorted.mapToSource(now).row())
