"""The training wizard and its pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from c4t_desktop.context import Context


def create(context: Context, parent: QWidget) -> QWidget:
    """Return the window's wizard: the one that is there, since a run may be going on in it."""
    from c4t_desktop.context import Window
    from c4t_desktop.jobs.training_process import TrainingProcess
    from c4t_desktop.panels.training.wizard import TrainingWizard
    from c4t_desktop.services.pairs import pairs_from_my_marks

    there = parent.findChild(TrainingWizard)
    if there is not None:
        return there
    process, library = TrainingProcess(), context.library
    wizard = TrainingWizard(
        library,
        process,
        context.theme,
        lambda: pairs_from_my_marks(library.files_of_size()),
        parent=parent,
    )
    wizard.pairs_read.connect(context.details.captions.add)
    process.setParent(wizard)
    wizard.use_wanted.connect(library.use_model)
    assert isinstance(parent, Window)  # the run must end with it
    parent.closing.connect(process.shutdown)
    return wizard
