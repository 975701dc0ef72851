"""The panel itself: asks, shows how far it is, shows the result; holds no figures."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QDesktopServices, QKeyEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from c4t_core.errors import ColumnsError
from c4t_core.progress import RateMeter, format_duration
from c4t_desktop.context import Context, InPlaceOfGrid
from c4t_desktop.gallery.results_model import file_url, shown
from c4t_desktop.messages import count_text, describe, plain_label
from c4t_desktop.panels.bars.top_bar import title_of
from c4t_desktop.panels.evaluation import figures
from c4t_desktop.panels.evaluation.result_page import ResultPage
from c4t_desktop.panels.evaluation.setup_page import SetupPage
from c4t_desktop.panels.parts import named
from c4t_desktop.services.evaluation import Evaluation, Plan
from c4t_desktop.services.pairs import MadePairs

if TYPE_CHECKING:
    from c4t_core.models.protocol import ModelInfo

SETUP, RUN, RESULT = range(3)


class EvaluationPanel(InPlaceOfGrid):
    """Evaluates models and shows what came out; what runs goes on when it is closed."""

    def __init__(self, context: Context, evaluation: Evaluation) -> None:
        """Show where the evaluation stands."""
        super().__init__()
        self.setObjectName("evaluationPanel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._context, self._evaluation = context, evaluation
        self._meter = RateMeter()
        self._stage = ""
        self._folder: Path | None = None
        self.setup = SetupPage(context)
        self.result = ResultPage(context)
        self.pages = QStackedWidget()
        self.title = plain_label(wrap=True, name="evaluationTitle", kind="subtitle")
        self.status = plain_label(wrap=True, name="evaluationSaid", kind="muted")
        self.again = named(QPushButton(self.tr("New evaluation")), "evaluateAgainButton")
        self.write = QPushButton(self.tr("Export the report…"))
        context.theme.dress(self.write, "export")
        self.write.setObjectName("exportReportButton")
        self.show_report = QPushButton(self.tr("Open the report"))
        context.theme.dress(self.show_report, "open")
        self.show_report.setObjectName("openReportButton")
        self.stage = plain_label(wrap=True, name="evaluationStage", kind="subtitle")
        self.counts = plain_label(name="evaluationCounts", kind="muted")
        self.bar = QProgressBar()
        self.bar.setObjectName("evaluationProgress")
        self.bar.setAccessibleName(self.tr("Progress of the evaluation"))
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(context.theme.px(6))
        self.cancel = named(QPushButton(self.tr("Cancel")), "evaluationCancelButton")
        self._place()
        self._wire()
        if evaluation.form is not None:
            self.setup.fill(evaluation.form)
        self._resume()

    # layout ---------------------------------------------------------------------------------

    def _place(self) -> None:
        px = self._context.theme.px
        self.back = QToolButton()
        self.back.setObjectName("evaluationCloseButton")
        self._context.theme.dress(self.back, "close")
        self.back.setIconSize(QSize(px(16), px(16)))
        self.back.setToolTip(self.tr("Back to the hits (Esc)"))
        self.back.setAccessibleName(self.back.toolTip())
        titles = QVBoxLayout()
        titles.setSpacing(px(2))
        titles.setContentsMargins(0, px(6), 0, 0)  # in line with the buttons
        titles.addWidget(self.title)
        titles.addWidget(self.status)
        top = QHBoxLayout()
        top.setContentsMargins(px(16), px(12), px(12), px(4))
        top.setSpacing(px(8))
        top.addLayout(titles, 1)
        for part in (self.again, self.write, self.show_report, self.back):
            top.addWidget(part, 0, Qt.AlignmentFlag.AlignTop)
        for page in (self.setup, self._run_page(), self.result):
            self.pages.addWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(4))
        column.addLayout(top)
        column.addWidget(self.pages, 1)

    def _run_page(self) -> QWidget:
        px = self._context.theme.px
        page = QWidget()
        outer = QHBoxLayout(page)
        holder = QWidget()
        holder.setMaximumWidth(px(560))
        column = QVBoxLayout(holder)
        column.setSpacing(px(12))
        column.addStretch(1)
        for part in (self.stage, self.bar, self.counts):
            column.addWidget(part)
        hint = plain_label(
            self.tr("You can go back to searching; this goes on, and waits here when it is done."),
            wrap=True,
            kind="muted",
        )
        column.addWidget(hint)
        column.addWidget(self.cancel, 0, Qt.AlignmentFlag.AlignRight)
        column.addStretch(2)
        outer.addStretch(1)
        outer.addWidget(holder, 20)
        outer.addStretch(1)
        return page

    def _wire(self) -> None:
        evaluation = self._evaluation
        self.back.clicked.connect(self.close_panel)
        self.setup.wanted.connect(self._start)
        self.setup.labels_wanted.connect(self._make_from_labels)
        self.cancel.clicked.connect(self._cancel)
        self.again.clicked.connect(self._again)
        self.write.clicked.connect(self._export)
        self.show_report.clicked.connect(self._open_report)
        evaluation.advanced.connect(self._advanced)
        evaluation.done.connect(self._show_result)
        evaluation.failed.connect(self._failed)
        evaluation.stopped.connect(self._stopped)
        evaluation.written.connect(self._written)
        evaluation.write_failed.connect(self._write_failed)
        evaluation.marks_counted.connect(self.setup.show_marked)
        self.setup.marks.keep_wanted.connect(evaluation.keep_marks)
        self.setup.marks.drop_wanted.connect(evaluation.drop_test_set)
        evaluation.labels_made.connect(self._labels_made)
        evaluation.searchad_found.connect(self.setup.show_searchad)
        self._context.library.models_listed.connect(self._models_listed)

    def _resume(self) -> None:
        """Show what is going on, or what came out last."""
        self._evaluation.count_marks()
        self._evaluation.look_for_searchad()
        if self._evaluation.running:
            self._show(RUN)
            self._advanced()
        elif self._evaluation.report is not None:
            self._show_result()
        else:
            self._show(SETUP)

    def _show(self, page: int) -> None:
        self.pages.setCurrentIndex(page)
        for button in (self.again, self.write):
            button.setVisible(page == RESULT)
        self.show_report.setVisible(page == RESULT and self._folder is not None)
        self.status.setText("")
        if page != RESULT:
            self.title.setText(self.tr("Evaluate models"))

    # asking ---------------------------------------------------------------------------------

    @Slot(object)
    def _models_listed(self, infos: Sequence[ModelInfo]) -> None:
        self.setup.show_models(infos, self._context.library.model)

    @Slot(object)
    def _start(self, plan: Plan) -> None:
        if plan.pairs is not None:
            self._context.details.captions.add(plan.pairs, plan.images)
        self._begin_run()
        self._evaluation.start(plan)

    @Slot(str, object)
    def _make_from_labels(self, kind: str, source: Path) -> None:
        self._begin_run()
        self._evaluation.make_from_labels(kind, source)

    def _begin_run(self) -> None:
        self._folder = None
        self._stage = ""
        self.cancel.setEnabled(True)
        self.bar.setRange(0, 0)
        self._show(RUN)

    @Slot()
    def _cancel(self) -> None:
        self.cancel.setEnabled(False)
        self.stage.setText(self.tr("Stopping…"))
        self._evaluation.cancel()

    @Slot()
    def _again(self) -> None:
        self._evaluation.forget()
        self._show(SETUP)

    # what the run tells ---------------------------------------------------------------------

    @Slot()
    def _advanced(self) -> None:
        if not self.cancel.isEnabled():
            return
        stage, (done, total) = self._evaluation.stage, self._evaluation.counts
        if stage != self._stage:
            self._stage, self._meter = stage, RateMeter()
        self.stage.setText(self._stage_text(stage))
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        text = ""
        if total:
            self._meter.update(done, total)
            text = self.tr("{0} of {1}").format(count_text(done), count_text(total))
            left = self._meter.seconds_left
            if left is not None and done < total:
                text += " · " + self.tr("{0} left").format(format_duration(left))
        elif done:
            text = count_text(done)
        self.counts.setText(text)
        if self.pages.currentIndex() == RESULT:
            self.status.setText(f"{self.stage.text()} {text}".strip())

    def _stage_text(self, stage: str) -> str:
        """Say in the user's language what the core says it does."""
        for start, text in (
            ("reading the pairs", self.tr("Reading the pairs…")),
            ("reading the marks", self.tr("Reading the marks…")),
            ("reading", self.tr("Reading the images…")),
            ("leaving out", self.tr("{0} is missing and left out…")),
            ("embedding for", self.tr("Looking at the images with {0}…")),
            ("ranking for", self.tr("Ranking for {0}…")),
            ("comparing", self.tr("Comparing…")),
            ("drawing", self.tr("Writing the report…")),
        ):
            if stage.startswith(start):
                return text.format(title_of(stage.removeprefix(start).strip()))
        return stage or self.tr("Reading the labels…")

    @Slot()
    def _show_result(self) -> None:
        report = self._evaluation.report
        assert report is not None  # the evaluation is done
        self.result.show_report(report)
        self._show(RESULT)
        images = len(report.collection)
        self.title.setText(figures.scope(report.overall.queries, images, report.moments))

    @Slot(object)
    def _failed(self, error: Exception) -> None:
        self._show(SETUP)
        header = error.header if isinstance(error, ColumnsError) else ()
        self.setup.say(describe(error).sentence, header)

    @Slot()
    def _stopped(self) -> None:
        if self._evaluation.report is not None:
            self._show(RESULT)
            self.status.setText(self.tr("Stopped; the report is not written."))
        else:
            self._show(SETUP)
        self.cancel.setEnabled(True)

    @Slot(object)
    def _labels_made(self, made: MadePairs) -> None:
        self._show(SETUP)
        self.setup.labels_made(made)

    # the report -----------------------------------------------------------------------------

    @Slot()
    def _export(self) -> None:
        start = str(self._context.settings.recall("report_place", str(Path.home())))
        title = self.tr("Choose where the report's folder is made")
        name = QFileDialog.getExistingDirectory(self, title, start)
        if name and not self._evaluation.running:
            self._context.settings.remember("report_place", name)
            self.write.setEnabled(False)
            self._evaluation.write(Path(name) / self._folder_name())

    def _folder_name(self) -> str:
        plan = self._evaluation.plan
        stem = "marks" if plan is None else plan.stem
        plain = re.sub(r"[^\w-]+", "-", shown(stem))[:40].strip("-")
        return f"c4t-evaluation-{plain}-{time.strftime('%Y%m%d-%H%M%S')}"

    @Slot(object)
    def _written(self, folder: Path) -> None:
        self._folder = folder
        self.write.setEnabled(True)
        self.show_report.setVisible(True)
        self.status.setText(self.tr("The report lies in {0}.").format(shown(str(folder))))

    @Slot(object)
    def _write_failed(self, error: Exception) -> None:
        self.write.setEnabled(True)
        self.status.setText(describe(error).sentence)

    @Slot()
    def _open_report(self) -> None:
        if self._folder is not None:
            QDesktopServices.openUrl(file_url(self._folder / "report.html"))

    # leaving --------------------------------------------------------------------------------

    def release(self) -> None:
        """Keep what is filled in, unless it has led to the result that is shown."""
        used = self.pages.currentIndex() == RESULT
        self._evaluation.keep_form(None if used else self.setup.form())

    @Slot()
    def close_panel(self) -> None:
        """Go back to the grid; what runs goes on."""
        self.closed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Go back to the grid by Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self.close_panel()
        else:
            super().keyPressEvent(event)
