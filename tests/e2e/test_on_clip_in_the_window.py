"""Heads on CLIP as a user gets and uses them: wizard, toggle, compare view, evaluation; all real.

The CLIP is a small one with random weights, so what is found means nothing.
"""

from __future__ import annotations

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QPushButton, QToolButton

pytest.importorskip("torch", reason="training needs the extra train")
pytest.importorskip("open_clip")

from c4t_core import paths  # noqa: E402
from c4t_core.models.clip import add_checkpoint  # noqa: E402
from c4t_desktop.panels.compare import ComparePanel  # noqa: E402
from c4t_desktop.panels.evaluation.panel import RESULT, EvaluationPanel  # noqa: E402
from c4t_desktop.panels.training.wizard import TrainingWizard  # noqa: E402
from tests.helpers.tiny_model import make_tiny_clip  # noqa: E402
from tests.helpers.window import child, search, until  # noqa: E402

SLOW = 240_000  # ms; a busy machine takes its time


@pytest.fixture
def pairs(tmp_path):
    """24 frames of four drives with a caption each, and a small CLIP by the name of CLIP."""
    add_checkpoint(make_tiny_clip(tmp_path / "weights"), "clip")
    frames = tmp_path / "frames"
    lines = ["image,caption,drive"]
    for number in range(24):
        name = f"drive{number % 4}/frame_{number:03d}.png"
        (frames / name).parent.mkdir(parents=True, exist_ok=True)
        colour = ("red", "green", "blue")[number % 3]
        Image.new("RGB", (96, 72), colour).save(frames / name)
        lines.append(f"{name},a {colour} car,drive{number % 4}")
    (frames / "pairs.csv").write_text("\n".join(lines) + "\n")
    return frames / "pairs.csv"


@pytest.fixture
def window(qtbot, pairs):
    from c4t_desktop.app import create_application

    _, made = create_application(["c4t-desktop", str(pairs.parent)])
    qtbot.addWidget(made)
    made.show()
    library = made.desktop.context.library
    until(qtbot, lambda: library.opened_now is not None and not library.is_indexing, SLOW)
    yield made
    made.close()
    made.desktop.shutdown()
    made.desktop.deleteLater()


def click(qtbot, where, name):
    qtbot.mouseClick(child(where, QPushButton, name), Qt.MouseButton.LeftButton)


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("shipped_model")
@pytest.mark.long
def test_taught_in_the_wizard_and_found_everywhere(qtbot, window, pairs):
    search(qtbot, window, "a red car")
    window.action("trainAction").trigger()
    wizard = window.findChild(TrainingWizard)
    qtbot.keyClicks(child(wizard, QLineEdit, "pairsField"), str(pairs))
    until(qtbot, lambda: wizard.pairs.checked is not None, SLOW)
    click(qtbot, wizard, "wizardNextButton")
    base = child(wizard, QComboBox, "baseModelChooser")
    base.setCurrentIndex(base.findData("clip"))
    name = child(wizard, QLineEdit, "modelNameField")
    name.clear()
    qtbot.keyClicks(name, "mine")
    with qtbot.waitSignal(wizard.model_ready, timeout=SLOW):
        click(qtbot, wizard, "startButton")
    table = wizard.result_page.table
    titles = [table.item(row, 0).text() for row in range(table.rowCount())]
    assert any(title.startswith("Drives kept apart") for title in titles), titles
    assert any(title.startswith("General images") for title in titles), titles
    click(qtbot, wizard, "useModelButton")

    finder = window.desktop.context.finder
    chooser = child(window, QComboBox, "modelChooser")
    for model in ("c4t:mine", "clip", "c4t:mine"):  # there and back with the toggle
        chooser.setCurrentIndex(chooser.findData(model))
        until(
            qtbot,
            lambda model=model: (
                finder.found is not None and finder.found.model == model and bool(finder.found.hits)
            ),
            SLOW,
        )
    assert (paths.models_dir() / "mine" / "image.onnx").is_file()

    window.action("compareAction").trigger()
    panel = window.findChild(ComparePanel)
    left, right = panel.sides
    for side, model in ((left, "c4t:mine"), (right, "clip")):
        side.chooser.setCurrentIndex(side.chooser.findData(model))
        side.chooser.activated.emit(side.chooser.currentIndex())
    until(qtbot, lambda: left.model.rowCount() == right.model.rowCount() == 24, SLOW)
    summary = child(panel, QLabel, "compareSummary")
    until(qtbot, lambda: "24 shared" in summary.text(), SLOW)
    with qtbot.waitSignal(panel.closed):
        back = child(panel, QToolButton, "compareCloseButton")
        qtbot.mouseClick(back, Qt.MouseButton.LeftButton)

    window.action("evaluateAction").trigger()
    evaluation = window.findChildren(EvaluationPanel)[-1]
    for model, wanted in (("c4t:mine", True), ("clip", True), ("c4t", False)):
        until(qtbot, lambda m=model: evaluation.findChild(QCheckBox, f"evaluateModel_{m}"), SLOW)
        child(evaluation, QCheckBox, f"evaluateModel_{model}").setChecked(wanted)
    qtbot.keyClicks(child(evaluation, QLineEdit, "evaluationPairsField"), str(pairs))
    click(qtbot, evaluation, "evaluateStartButton")
    until(qtbot, lambda: evaluation.pages.currentIndex() == RESULT, SLOW)
    until(qtbot, lambda: not window.desktop.runner.busy, SLOW)
