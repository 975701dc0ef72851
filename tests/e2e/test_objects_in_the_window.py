"""Objects as facts, from pixels to chips: the real window on the real core, a tiny model."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from c4t_core.index.objects import take_conditions
from c4t_core.models.registry import register
from c4t_core.workspace import open_workspace
from c4t_desktop.settings import Settings
from tests.helpers.window import busy, until

MODEL = "c4t:seeing"
SLOW = 120_000  # ms; a busy machine takes its time


@pytest.fixture
def drive(tmp_path):
    """Pictures of 24 colours and grains; the model sees this in some and that in others."""
    rng = np.random.default_rng(12)
    folder = tmp_path / "drive"
    folder.mkdir()
    for number in range(24):
        grains = rng.integers(0, 200, 3) + rng.integers(0, 56, (60, 90, 3))
        Image.fromarray(grains.astype(np.uint8)).save(folder / f"cam_{number:06d}.png")
    return folder


@pytest.fixture
def window(qtbot, drive, tmp_path):
    pytest.importorskip("timm")
    from c4t_desktop.app import create_application
    from tests.helpers.tiny_model import SEEING, make_tiny_model

    register(make_tiny_model(tmp_path / "seeing", config=SEEING), "seeing")
    settings = Settings()
    settings.remember("model", MODEL)
    settings.sync()
    _, made = create_application(["c4t-desktop", str(drive)])
    made.resize(1400, 850)
    qtbot.addWidget(made)
    library = made.desktop.context.library
    until(qtbot, lambda: library.opened_now is not None and not library.is_indexing, SLOW)
    until(qtbot, lambda: not busy(made), SLOW)
    yield made
    made.close()
    made.desktop.shutdown()
    made.desktop.deleteLater()


@pytest.mark.parametrize("asked", ["person>=1", "person>=2 no:car", "car:far a red road"])
def test_what_is_typed_gives_the_frames_that_the_core_gives(qtbot, window, drive, asked):
    words, conditions = take_conditions(asked)
    finder = window.desktop.context.finder
    QTest.keyClicks(window.search.field, asked)
    QTest.keyClick(window.search.field, Qt.Key.Key_Return)
    assert window.search.field.text() == words
    until(qtbot, lambda: finder.found is not None and not busy(window), SLOW)
    with open_workspace(drive, MODEL) as workspace:
        expected = workspace.search(asked, k=None)
        seen = workspace.frame(expected[0].path).objects
        total = workspace.status().total
    assert 0 < len(expected) < total
    assert finder.question.filters.objects == conditions
    assert [(hit.path, hit.score) for hit in finder.found.hits] == [
        (hit.path, hit.score) for hit in expected
    ]
    assert finder.found.known == (total, total)
    if not words:  # there is no cut, and the first is shown
        assert window.model.rowCount() == len(expected)
    listed = window.details.objects
    until(qtbot, listed.isVisible, SLOW)
    believed = [fact for fact in seen if fact.number]
    lines = [name for name in listed.findChildren(QLabel, "objectName") if name.isVisible()]
    assert [line.text().split()[0] for line in lines] == [str(fact.number) for fact in believed]


def test_a_class_that_the_model_does_not_know_is_said_with_the_remedy(qtbot, window):
    QTest.keyClicks(window.search.field, "bus:near ")

    def told():
        labels = window.results.findChildren(QLabel, "pageSentence")
        return [label.text() for label in labels if label.isVisible()]

    until(qtbot, lambda: told() and told()[0].startswith("Bus near: no model"), SLOW)
