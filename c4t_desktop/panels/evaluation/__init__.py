"""The evaluation panel: what is measured, how far it is, what came out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from c4t_desktop.context import Context


def create(context: Context, parent: QWidget) -> QWidget:
    """Return a panel over the window's one evaluation, which may be running already."""
    from c4t_desktop.context import Window
    from c4t_desktop.panels.evaluation.panel import EvaluationPanel
    from c4t_desktop.services.evaluation import Evaluation

    there = parent.findChild(Evaluation)
    evaluation = there if there is not None else Evaluation(context.library, parent)
    panel = EvaluationPanel(context, evaluation, parent)
    if isinstance(parent, Window):
        panel.result.queries.hit_chosen.connect(parent.details.show_hit)
    return panel
