"""The screens that need work done first: the wizard with a real run, two models, an evaluation.

A short fine-tuning on the drawn sample drive, only so that there is something to show; it says
nothing about quality.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scripts.screenshots import Gallery

PATIENCE = 400  # seconds for a run of one epoch on a busy machine


def take(gallery: Gallery, images: Path, work: Path) -> None:
    """Take the pictures; ``images`` is the open folder, ``work`` a folder for files."""
    from c4t_core.datasets.make_pairs import PairsRequest, make_pairs

    pairs, scenes = work / "pairs.csv", work / "scenes.jsonl"
    sample = gallery.window.folder_commands.sample_folder()
    request = PairsRequest("a2d2", sample, pairs, scenes=scenes, per_image=2)
    make_pairs(request)
    if importlib.util.find_spec("torch") is not None:
        _wizard(gallery, pairs, request.root)
        _compare(gallery)
    _evaluation(gallery, pairs, request.root, scenes)


def _wizard(gallery: Gallery, pairs: Path, root: Path) -> None:
    from PySide6.QtWidgets import QLineEdit

    from c4t_desktop.panels.training.wizard import TrainingWizard

    gallery.window.action("trainAction").trigger()
    wizard = gallery.window.findChild(TrainingWizard)
    gallery.settle()
    wizard.pairs.images.setText(str(root))
    wizard.pairs.file.setText(str(pairs))
    gallery.wait(lambda: wizard.pairs.checked is not None, 60)
    gallery.both("wizard-1-pairs", wizard)
    broken = pairs.with_name("with problems.csv")
    text = pairs.read_text(encoding="utf-8")
    broken.write_text(text + "gone.jpg,A car that is not there.,,\n../up.jpg,Outside.,,\n", "utf-8")
    wizard.pairs.file.setText(str(broken))
    gallery.wait(lambda: wizard.pairs.checked is not None, 60)
    gallery.both("wizard-1-problems", wizard)
    wizard.pairs.file.setText(str(pairs))
    gallery.wait(lambda: wizard.pairs.checked is not None, 60)
    wizard.next.click()
    gallery.settle()
    gallery.both("wizard-2-model", wizard)
    wizard.model.epochs.setValue(6)
    wizard.findChild(QLineEdit, "modelNameField").setText("sample")
    ready: list[str] = []
    wizard.model_ready.connect(ready.append)
    wizard.start.click()
    points = wizard.run.retrieval.curves
    gallery.wait(lambda: max(map(len, points.values()), default=0) > 3 or bool(ready), PATIENCE)
    gallery.both("wizard-3-training", wizard)
    gallery.wait(lambda: bool(ready), PATIENCE)
    gallery.wait(lambda: False, 0.5)
    gallery.both("wizard-4-result", wizard)
    wizard.hide()
    gallery.library.list_models()
    gallery.settle()


def _compare(gallery: Gallery) -> None:
    gallery.ask("truck in snow")
    gallery.window.action("compareAction").trigger()
    gallery.settle()
    gallery.both("compare-needs-index")
    for button in gallery.window.results.currentWidget().findChildren(_button()):
        if button.isVisible() and button.objectName().endswith("IndexButton"):
            button.click()
            gallery.settle()
    gallery.both("compare-models")
    gallery.window.results.leave_panel()


def _button() -> type:
    from PySide6.QtWidgets import QPushButton

    return QPushButton


def _evaluation(gallery: Gallery, pairs: Path, root: Path, scenes: Path) -> None:
    from PySide6.QtWidgets import QCheckBox

    from c4t_desktop.panels.evaluation.panel import RESULT, EvaluationPanel

    gallery.window.action("evaluateAction").trigger()
    panel = gallery.window.findChildren(EvaluationPanel)[-1]
    gallery.settle()
    for field, text in (("pairs", pairs), ("images", root), ("scenes", scenes)):
        getattr(panel.setup, field).setText(str(text))
    for box in panel.findChildren(QCheckBox):
        if box.objectName() == "evaluateModel_c4t:sample" and not box.isChecked():
            box.click()
    gallery.settle()
    gallery.both("evaluation-filled")
    panel.setup.start.click()
    gallery.wait(lambda: panel.pages.currentIndex() == RESULT, PATIENCE)
    gallery.settle()
    gallery.both("evaluation-result")
    panel.result.setCurrentIndex(1)
    gallery.settle()
    gallery.both("evaluation-queries")
    gallery.window.results.leave_panel()
