"""The training wizard: pairs, model, run, result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Signal, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from c4t_core.training.events import Event, TrainingResult
from c4t_core.training.request import TrainingRequest
from c4t_desktop.jobs.training_process import TrainingProcess
from c4t_desktop.messages import plain_label
from c4t_desktop.panels.parts import fit_screen, named, set_kind
from c4t_desktop.panels.training.model_page import ModelPage
from c4t_desktop.panels.training.pairs_page import PairsPage
from c4t_desktop.panels.training.plan import read_outcome
from c4t_desktop.panels.training.result_page import ResultPage
from c4t_desktop.panels.training.run_page import RunPage
from c4t_desktop.services.library import Library
from c4t_desktop.services.pairs import MadePairs
from c4t_desktop.theme import Theme

if TYPE_CHECKING:
    from c4t_core.models.protocol import ModelInfo

PAIRS, MODEL, RUN, RESULT = range(4)


class TrainingWizard(QDialog):
    """Leads from pairs to a model of the user's own; does not block the main window.

    The run is a process of its own. Closing the wizard hides it and lets the run go on.

    Attributes:
        request: the run that was started last, None before the first.

    Signals:
        model_ready: a new model was registered (its name, ``c4t:NAME``).
        use_wanted: the user wants to search with it now (its name).
        pairs_read: a pairs file was read well (Path) with the folder of its images (Path).
    """

    model_ready = Signal(str)
    use_wanted = Signal(str)
    pairs_read = Signal(object, object)

    def __init__(
        self,
        library: Library,
        process: TrainingProcess,
        theme: Theme,
        marks: Callable[[], MadePairs] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """Start at the first page."""
        super().__init__(parent)
        self.setObjectName("trainingWizard")
        self.setWindowTitle(self.tr("Train a model"))
        self._library, self._process, self._theme = library, process, theme
        self.request: TrainingRequest | None = None
        self._done: TrainingResult | None = None
        self._cancelled = False
        self.pairs = PairsPage(library.runner, theme, marks)
        self.model = ModelPage(theme)
        self.run = RunPage(theme)
        self.result_page = ResultPage(theme)
        self.pages = QStackedWidget()
        for page in (self.pairs, self.model, self.run, self.result_page):
            self.pages.addWidget(page)
        self._steps = [
            plain_label(text)
            for text in (
                self.tr("1  Pairs"),
                self.tr("2  Model"),
                self.tr("3  Training"),
                self.tr("4  Result"),
            )
        ]
        self.message = plain_label(wrap=True, name="wizardMessage")
        self.back = named(QPushButton(self.tr("Back")), "wizardBackButton")
        self.next = named(QPushButton(self.tr("Next")), "wizardNextButton")
        self.start = named(QPushButton(self.tr("Start training")), "startButton", kind="primary")
        self._place()
        self._wire()
        self.model.set_models(library.models)
        self.show_page(PAIRS)

    def _place(self) -> None:
        px = self._theme.px
        steps = QHBoxLayout()
        steps.setSpacing(px(24))
        for step in self._steps:
            steps.addWidget(step)
        steps.addStretch(1)
        footer = QHBoxLayout()
        footer.setSpacing(px(8))
        footer.addWidget(self.message, 1)
        for button in (self.back, self.next, self.start):
            button.setAutoDefault(False)
            footer.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(24), px(20), px(24), px(20))
        column.setSpacing(px(16))
        column.addLayout(steps)
        column.addWidget(self.pages, 1)
        column.addLayout(footer)
        fit_screen(self, QSize(px(860), px(600)))

    def _wire(self) -> None:
        self.back.clicked.connect(self._go_back)
        self.next.clicked.connect(self._go_next)
        self.start.clicked.connect(self.start_training)
        self.pairs.changed.connect(self._pairs_changed)
        self.model.changed.connect(self._update)
        self.run.pause_wanted.connect(self._pause)
        self.run.resume_wanted.connect(self._resume)
        self.run.cancel_wanted.connect(self._cancel)
        self.result_page.use_wanted.connect(self._use)
        self._process.reported.connect(self._reported)
        self._process.ended.connect(self._ended)
        self._library.models_listed.connect(self._models_listed)

    # pages ----------------------------------------------------------------------------------

    def show_page(self, page: int) -> None:
        """Go to a page."""
        self.pages.setCurrentIndex(page)
        for index, step in enumerate(self._steps):
            set_kind(step, "strong" if index == page else "muted")
        self._update()

    @Slot()
    def _go_back(self) -> None:
        page = self.pages.currentIndex()
        self.show_page(PAIRS if page == RESULT else max(PAIRS, page - 1))

    @Slot()
    def _go_next(self) -> None:
        self.show_page(MODEL)

    @Slot()
    def _pairs_changed(self) -> None:
        checked = self.pairs.checked
        if checked is not None:
            self.pairs_read.emit(checked.path, checked.images)
            self.model.suggest(checked.path)
        self._update()

    @Slot(object)
    def _models_listed(self, models: Sequence[ModelInfo]) -> None:
        if not self._process.running:
            self.model.set_models(models)

    @Slot()
    def _update(self) -> None:
        page = self.pages.currentIndex()
        asking = page in (PAIRS, MODEL)
        problem = (self.pairs.problem() or self.model.problem()) if asking else ""
        if asking and not problem and self._process.running:
            problem = self.tr("A training is going on; wait for its end, or cancel it.")
        self.message.setText(problem)
        self.message.setProperty("kind", "muted")
        self.back.setVisible(page in (MODEL, RESULT))
        self.back.setText(self.tr("Train another") if page == RESULT else self.tr("Back"))
        self.next.setVisible(page == PAIRS)
        self.next.setEnabled(not self.pairs.problem())
        self.start.setVisible(asking)
        for button, its in ((self.next, PAIRS), (self.start, MODEL)):  # one leads on
            set_kind(button, "primary" if page == its else "")
        self.start.setEnabled(not problem)
        self.start.setToolTip(problem)
        self.next.setToolTip(self.pairs.problem() if page == PAIRS else "")

    def _say(self, sentence: str) -> None:
        self.message.setText(sentence)
        set_kind(self.message, "bad")

    # the run --------------------------------------------------------------------------------

    @Slot()
    def start_training(self) -> None:
        """Start the run that the first two pages describe."""
        checked = self.pairs.checked
        if checked is None or self._process.running:
            return
        columns = {"image": checked.image_column, "caption": checked.caption_column}
        self.request = self.model.request(checked.path, checked.images, columns)
        self._run(resumed=False)

    def _run(self, *, resumed: bool) -> None:
        if self.request is None:
            return
        self._done, self._cancelled = None, False
        self.run.begin(self.request.name or "", resumed=resumed)
        self._process.start(self.request)
        self.show_page(RUN)

    @Slot()
    def _pause(self) -> None:
        self.run.stopping()
        self._process.stop()

    @Slot()
    def _resume(self) -> None:
        self._run(resumed=True)

    @Slot()
    def _cancel(self) -> None:
        self._cancelled = True
        if self._process.running:
            self.run.stopping()
            self._process.stop()
        else:
            self.show_page(MODEL)

    @Slot(object)
    def _reported(self, event: Event) -> None:
        if isinstance(event, TrainingResult):
            self._done = event
        self.run.apply(event)

    @Slot(bool, str)
    def _ended(self, good: bool, sentence: str) -> None:
        if good and self._done is not None:
            outcome = read_outcome(self._done)
            self.result_page.show_outcome(outcome)
            self.show_page(RESULT)
            self._library.list_models()
            if outcome.name:
                self.model_ready.emit(outcome.name)
        elif sentence or self._cancelled:
            self.show_page(MODEL)
            self._say(sentence)
        else:
            self.run.set_paused(True)

    @Slot()
    def _use(self) -> None:
        if self.request is not None:
            self.use_wanted.emit(f"c4t:{self.request.name}")
        self.hide()

    def open(self) -> None:
        """Show the wizard beside the main window, which stays usable."""
        self.show()
        self.raise_()
        self.activateWindow()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Hide; a run goes on and can be looked at again."""
        event.ignore()
        self.hide()
