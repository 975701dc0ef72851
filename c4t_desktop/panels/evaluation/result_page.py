"""What an evaluation gave: figures, charts, parts, and each query with its hits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QGridLayout,
    QHBoxLayout,
    QListWidget,
    QScrollArea,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from c4t_desktop.gallery.compare_delegate import VerdictDelegate
from c4t_desktop.gallery.results_model import ResultsModel, shown
from c4t_desktop.gallery.view import ResultsView
from c4t_desktop.messages import plain_label
from c4t_desktop.panels.bars.top_bar import title_of
from c4t_desktop.panels.evaluation import figures
from c4t_desktop.panels.evaluation.charts import BarChart, Chart
from c4t_desktop.panels.evaluation.table import CellsTable
from c4t_desktop.services.evaluation import hits_of
from c4t_desktop.theme import Theme
from c4t_desktop.theme.manager import push_button

if TYPE_CHECKING:
    from c4t_core.evaluation.summary import Report
    from c4t_desktop.context import Context


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
        self.notes = QListWidget()
        self.notes.setObjectName("evaluationNotes")
        self.notes.setAccessibleName(self.tr("What else to know"))
        self.notes.setWordWrap(True)
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
        self.notes.clear()
        for note in figures.notes(report):
            self.notes.addItem(shown(note))
        self.notes.setVisible(bool(self.notes.count()))
        self.notes.setFixedHeight(self._theme.px(min(4, self.notes.count() + 1) * 26 + 8))


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
            button = push_button(title_of(name), f"hitsOf_{name}")
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
                query=f"“{shown(query)}”",
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
