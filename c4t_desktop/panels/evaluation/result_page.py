"""What an evaluation gave: figures, charts, parts, and each query with its hits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from c4t_desktop.gallery.delegate import VerdictDelegate
from c4t_desktop.gallery.results_model import ResultsModel, shown
from c4t_desktop.gallery.view import ResultsView
from c4t_desktop.messages import button_text, plain_label, quoted
from c4t_desktop.panels.bars.top_bar import title_of
from c4t_desktop.panels.evaluation import figures
from c4t_desktop.panels.evaluation.charts import BarChart, Chart
from c4t_desktop.panels.parts import named
from c4t_desktop.services.evaluation import hits_of
from c4t_desktop.theme import Theme

if TYPE_CHECKING:
    from c4t_core.evaluation.summary import Report
    from c4t_desktop.context import Context
import math

from PySide6.QtCore import (
    QAbstractTableModel,
    QPersistentModelIndex,
    QSortFilterProxyModel,
)
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from c4t_desktop.gallery.results_model import plain_tip
from c4t_desktop.panels.evaluation.figures import Cell, Table

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

    def rowCount(self, parent: Index = _ROOT) -> int:  # noqa: N802
        """Return the number of rows of the table."""
        return 0 if parent.isValid() else len(self._table.rows)

    def columnCount(self, parent: Index = _ROOT) -> int:  # noqa: N802
        """Return the number of columns of the table."""
        return 0 if parent.isValid() else len(self._table.header)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return the text, tip, sort key, ink, font or alignment of a cell."""
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

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return the title, tip or alignment of a column; rows have no header."""
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

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Fit the columns to the new width; scroll where they cannot."""
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


class Overview(QScrollArea):
    """The figures of all models, how they compare, and four charts."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Show nothing yet."""
        super().__init__(parent)
        self._theme = theme
        self.table = CellsTable("overallTable", self.tr("Figures"), theme, sortable=False)
        self.table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verdict = plain_label(wrap=True, name="differenceSentence", kind="strong")
        self.precision = Chart(self.tr("Precision of the first n hits"), theme)
        self.recall = Chart(self.tr("Recall of the first n hits"), theme)
        self.curve = Chart(self.tr("Precision at each recall"), theme)
        self.bars = BarChart(self.tr("mAP by kind of query, 95 % intervals"), theme)
        self.notes = plain_label(wrap=True, name="evaluationNotes")
        self._place()

    def _place(self) -> None:
        px = self._theme.px
        page = QWidget()
        page.setProperty("kind", "page")
        column = QVBoxLayout(page)
        column.setContentsMargins(px(16), px(16), px(16), px(16))
        column.setSpacing(px(12))
        charts = QGridLayout()
        charts.setSpacing(px(12))
        for index, chart in enumerate((self.precision, self.recall, self.curve, self.bars)):
            charts.addWidget(chart, *divmod(index, 2))
        column.addWidget(self.table)
        column.addWidget(self.verdict)
        column.addLayout(charts, 1)
        column.addWidget(self.notes)
        self.setWidget(page)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def show_report(self, report: Report) -> None:
        """Show a report."""
        from c4t_core.evaluation import figures as described  # needs numpy, as every report does

        self.table.show_table(figures.overall(report))
        self.verdict.setText(figures.difference(report.comparisons))
        self.verdict.setVisible(bool(self.verdict.text()))
        for chart, figure in (
            (self.precision, described.over_cutoffs(report, "precision")),
            (self.recall, described.over_cutoffs(report, "recall")),
            (self.curve, described.precision_recall(report)),
            (self.bars, described.by_kind(report)),
        ):
            chart.show_figure(figures.titled(figure))
        self.notes.setText("\n".join(map(shown, figures.notes(report))))
        self.notes.setVisible(bool(self.notes.text()))


class QueriesPage(QWidget):
    """Each query with its figures; the hits of the one chosen, right and wrong.

    Signals:
        hit_chosen: a hit (Path, Hit) and the model that found it (str).
    """

    hit_chosen = Signal(object, object, str)

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        """Show nothing yet."""
        super().__init__(parent)
        theme, px = context.theme, context.theme.px
        self._report: Report | None = None
        self._query = -1
        self.table = CellsTable("evaluationQueries", self.tr("Queries"), theme)
        self.title = plain_label(name="evaluationQueryTitle", kind="subtitle")
        self.models = QButtonGroup(self)
        self._model_row = QHBoxLayout()
        self._model_row.setSpacing(px(8))
        self.model = ResultsModel(self)
        self.view = ResultsView(self.model, context.cache, theme)
        self.view.setObjectName("evaluationHits")
        self.view.setAccessibleName(self.tr("Hits of the query"))
        self.view.use_delegate(VerdictDelegate(context.cache, theme, self.view))
        self.view.set_card_width(150)
        top = QHBoxLayout()
        top.setContentsMargins(px(16), px(8), px(16), 0)
        top.addWidget(self.title, 1)
        top.addLayout(self._model_row)
        lower = QWidget()
        hits = QVBoxLayout(lower)
        hits.setContentsMargins(0, 0, 0, 0)
        hits.addLayout(top)
        hits.addWidget(self.view, 1)
        upper = QWidget()
        holder = QVBoxLayout(upper)
        holder.setContentsMargins(px(16), px(16), px(16), px(8))
        holder.addWidget(self.table)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(upper)
        split.addWidget(lower)
        split.setSizes([px(260), px(360)])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(split)
        self.table.row_chosen.connect(self._choose)
        self.models.idClicked.connect(self._show_hits)
        self.view.selectionModel().currentChanged.connect(self._hit_chosen)

    def show_report(self, report: Report) -> None:
        """Show a report, its first query chosen."""
        self._report, self._query = report, -1
        for button in self.models.buttons():
            self.models.removeButton(button)
            self._model_row.removeWidget(button)
            button.deleteLater()
        for number, name in enumerate(report.models):
            button = named(QPushButton(button_text(title_of(name))), f"hitsOf_{name}")
            button.setCheckable(True)
            button.setChecked(number == 0)
            self.models.addButton(button, number)
            self._model_row.addWidget(button)
        self.table.show_table(figures.queries(report))
        self.table.choose_first()

    @Slot(int)
    def _choose(self, query: int) -> None:
        self._query = query
        self._show_hits()

    @property
    def model_name(self) -> str:
        """The model whose hits are shown."""
        assert self._report is not None  # there are no hits before
        return self._report.models[max(0, self.models.checkedId())]

    @Slot(QModelIndex, QModelIndex)
    def _hit_chosen(self, now: QModelIndex, _: QModelIndex) -> None:
        row = self.model.row_at(now)
        if row is not None:
            self.hit_chosen.emit(row.hit.path, row.hit, self.model_name)

    @Slot()
    def _show_hits(self) -> None:
        if self._report is None or self._query < 0:
            return
        found = hits_of(self._report, self._query, self.model_name)
        scores = [row.hit.score for row in found.rows] or [0.0]
        self.model.set_rows(found.rows, low=min(scores) - 0.02, best=max(scores))
        self.model.set_marks(found.marks or {})
        self.view.scrollToTop()
        text = self.tr("{query}: {right} of the first {count} are right, {relevant} in all")
        query = self._report.queries[self._query].query.text
        self.title.setText(
            text.format(
                query=quoted(shown(query)),
                right=found.right,
                count=len(found.rows),
                relevant=found.relevant,
            )
        )


class ResultPage(QTabWidget):
    """Overview, queries, parts."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        """Show nothing yet."""
        super().__init__(parent)
        px = context.theme.px
        self.setObjectName("evaluationResult")
        self.setDocumentMode(True)
        self.overview = Overview(context.theme)
        self.queries = QueriesPage(context)
        self.slices = CellsTable("evaluationSlices", self.tr("Parts"), context.theme)
        parts = QWidget()
        column = QVBoxLayout(parts)
        column.setContentsMargins(px(16), px(16), px(16), px(16))
        hint = plain_label(
            self.tr("The same queries on parts of the frames, and by what they ask for."),
            wrap=True,
            kind="muted",
        )
        column.addWidget(hint)
        column.addWidget(self.slices)
        self.addTab(self.overview, self.tr("Overview"))
        self.addTab(self.queries, self.tr("Queries"))
        self.addTab(parts, self.tr("Parts"))

    def show_report(self, report: Report) -> None:
        """Show a report."""
        self.overview.show_report(report)
        self.queries.show_report(report)
        self.slices.show_table(figures.slices(report))
        self.setTabVisible(2, bool(report.slices))
