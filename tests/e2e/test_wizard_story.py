"""The whole story with everything real: search, fine-tune in the wizard, search with the result.

The shipped model, the drawn sample drive, the training process as a user starts it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLineEdit, QPushButton

from c4t_core import paths
from c4t_core.datasets.make_pairs import PairsRequest, make_pairs

pytest.importorskip("torch", reason="training needs the extra train")
SLOW = 240_000  # ms; a busy machine takes its time


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("shipped_model")
def test_from_a_csv_to_hits_of_the_new_model(qtbot, tmp_path):
    from c4t_desktop.app import create_application
    from c4t_desktop.panels.training.wizard import TrainingWizard

    sample = paths.resource("sample", "drives")
    pairs = tmp_path / "my pairs.csv"
    request = PairsRequest("a2d2", sample, pairs, per_image=1, style="sentence")
    make_pairs(request)
    header, *rows = pairs.read_text("utf-8").splitlines()
    pairs.write_text("\n".join([header, *rows[::3]]) + "\n", "utf-8")  # of all drives: time

    _, window = create_application(["c4t-desktop", str(sample)])
    qtbot.addWidget(window)
    library = window.desktop.context.library
    try:
        qtbot.waitUntil(
            lambda: library.opened_now is not None and not library.is_indexing, timeout=SLOW
        )
        field = window.findChild(QLineEdit, "searchField")
        qtbot.mouseClick(field, Qt.MouseButton.LeftButton)
        qtbot.keyClicks(field, "a snowy road")
        finder = window.desktop.context.finder
        qtbot.waitUntil(
            lambda: finder.found is not None and finder.found.question.text == "a snowy road",
            timeout=SLOW,
        )
        assert window.model.rowCount() > 0
        assert finder.found.model == "c4t"

        window.action("trainAction").trigger()
        wizard = window.findChild(TrainingWizard)
        wizard.findChild(QLineEdit, "pairsImagesField").setText(str(request.root))
        qtbot.keyClicks(wizard.findChild(QLineEdit, "pairsField"), str(pairs))
        qtbot.waitUntil(lambda: wizard.pairs.checked is not None, timeout=SLOW)
        assert wizard.pairs.checked.drives > 1
        qtbot.mouseClick(
            wizard.findChild(QPushButton, "wizardNextButton"), Qt.MouseButton.LeftButton
        )
        extent = wizard.findChild(QComboBox, "extentChooser")
        extent.setCurrentIndex(extent.findData("encoders"))
        wizard.model.epochs.setValue(1)
        name = wizard.findChild(QLineEdit, "modelNameField")
        name.clear()
        qtbot.keyClicks(name, "mine")
        with qtbot.waitSignal(wizard.model_ready, timeout=2 * SLOW):
            qtbot.mouseClick(
                wizard.findChild(QPushButton, "startButton"), Qt.MouseButton.LeftButton
            )
        assert wizard.result_page.table.rowCount() >= 2
        qtbot.mouseClick(wizard.findChild(QPushButton, "useModelButton"), Qt.MouseButton.LeftButton)

        def answered_by_the_new_one():
            found = window.desktop.context.finder.found
            return found is not None and found.model == "c4t:mine" and bool(found.hits)

        qtbot.waitUntil(answered_by_the_new_one, timeout=SLOW)
        chooser = window.findChild(QComboBox, "modelChooser")
        assert chooser.currentData() == "c4t:mine"
        assert (paths.models_dir() / "mine" / "image.onnx").is_file()
        assert Path(window.desktop.context.finder.found.hits[0].path).is_file()
    finally:
        window.close()
        window.desktop.shutdown()
        window.desktop.deleteLater()
