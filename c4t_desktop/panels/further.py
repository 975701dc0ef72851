"""The panels beside searching; each is imported when it is first asked for."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, SignalInstance, Slot
from PySide6.QtWidgets import QWidget

from c4t_core.errors import MissingExtraError
from c4t_desktop.context import Context
from c4t_desktop.gallery.view import ResultsView
from c4t_desktop.messages import Problem, describe, show_problem
from c4t_desktop.panels.commands import Commands
from c4t_desktop.panels.parts import open_dialog

if TYPE_CHECKING:
    from c4t_core.models.protocol import ModelInfo
    from c4t_desktop.jobs.training_process import TrainingProcess
    from c4t_desktop.panels.training.wizard import TrainingWizard
    from c4t_desktop.services.evaluation import Evaluation
    from c4t_desktop.services.models import ModelStore


class FurtherPanels(Commands):
    """Opens them, and keeps what goes on while they are closed.

    Signals:
        panel_made: a panel takes the place of the grid (InPlaceOfGrid).
        hit_chosen: a hit (Path, Hit) and the model that found it (str); None where none is left.
    """

    panel_made = Signal(object)
    hit_chosen = Signal(object, object, str)

    def __init__(self, context: Context, view: ResultsView, window: QWidget) -> None:
        """Open none yet; ``view`` has the hits that are selected."""
        super().__init__(context, window)
        self._view = view
        self._evaluation: Evaluation | None = None
        self._models: ModelStore | None = None
        self._wizard: TrainingWizard | None = None
        self._process: TrainingProcess | None = None

    @Slot()
    def compare(self) -> None:
        """Show two models side by side."""
        from c4t_desktop.panels.compare import ComparePanel

        panel = ComparePanel(self._context)
        panel.hit_chosen.connect(self.hit_chosen)
        self.panel_made.emit(panel)

    @Slot()
    def evaluate(self) -> None:
        """Measure models; an evaluation may be running already."""
        from c4t_desktop.panels.evaluation.panel import EvaluationPanel
        from c4t_desktop.services.evaluation import Evaluation

        if self._evaluation is None:
            self._evaluation = made = Evaluation(self._context.library, self)
            quiet = (made.stopped, made.written, made.write_failed, made.labels_made)
            ends: tuple[tuple[SignalInstance, Callable[..., str]], ...] = (
                (made.done, lambda: self.tr("The evaluation is done.")),
                (made.failed, lambda error: describe(error).sentence),
                *((signal, _nothing) for signal in quiet),
            )
            self._context.ends.watch("evaluation", made.advanced, ends)
        panel = EvaluationPanel(self._context, self._evaluation)
        panel.result.queries.hit_chosen.connect(self.hit_chosen)
        self.panel_made.emit(panel)

    @Slot()
    def train(self) -> None:
        """Open the training wizard, or say what it needs; a run may be going on in it."""
        if importlib.util.find_spec("torch") is None:
            self.tell(MissingExtraError(self.tr("Training"), "train"))
            return
        if self._wizard is None:
            self._wizard = self._made_wizard()
        self._wizard.open()

    def _made_wizard(self) -> TrainingWizard:
        from c4t_desktop.jobs.training_process import TrainingProcess
        from c4t_desktop.panels.training.wizard import TrainingWizard
        from c4t_desktop.services.pairs import pairs_from_my_marks

        library = self._context.library
        self._process = process = TrainingProcess(parent=self)
        done = self.tr("The training is done.")
        ends = ((process.ended, lambda good, sentence: done if good else sentence),)
        self._context.ends.watch("training", process.reported, ends)

        def drive_of(image: Path) -> str | None:
            workspace = library.workspace
            frame = workspace.frame(image) if workspace is not None else None
            return frame.drive if frame is not None else None

        wizard = TrainingWizard(
            library,
            self._process,
            self._context.theme,
            lambda: pairs_from_my_marks(library.files_of_size(), drive_of),
            self._window,
        )
        wizard.pairs_read.connect(self._context.details.captions.add)
        wizard.use_wanted.connect(library.use_model)
        return wizard

    @Slot()
    def end(self) -> None:
        """End a training that runs; the window is about to close."""
        if self._process is not None:
            self._process.shutdown()

    @Slot()
    def export(self) -> None:
        """Export the hits shown, or those selected."""
        from c4t_desktop.panels.dialogs.export import ExportDialog
        from c4t_desktop.services.export import wanted_of

        finder, opened = self._context.finder, self._context.library.opened_now
        workspace = opened.workspace if opened is not None else None
        query = finder.found.question.key() if finder.found is not None else ""
        wanted = replace(wanted_of(finder, query, workspace), hits=finder.shown())
        selected = self._view.selected_hits()
        dialog = ExportDialog(wanted, selected, self._context, self._window)
        dialog.message.connect(self.message)
        open_dialog(dialog)

    @Slot()
    def manage_models(self) -> None:
        """Add, download and remove models; a download that began earlier goes on."""
        from c4t_desktop.panels.dialogs.models import ModelsDialog
        from c4t_desktop.services.models import ModelStore

        if self._models is None:
            self._models = ModelStore(self._context.runner, self)
        open_dialog(ModelsDialog(self._context, self._models, self._window))

    @Slot(object)
    def explain_model(self, info: ModelInfo) -> None:
        """Say what to do so that a model can be used."""
        if info.path is None:
            self.manage_models()
        elif info.kind == "clip" and importlib.util.find_spec("open_clip") is None:
            self.tell(MissingExtraError("CLIP", "clip"))
        else:
            title = self.tr("This model is not here yet")
            show_problem(self._window, Problem(title, info.reason))


def _nothing(*_: object) -> str:
    return ""
