"""Queries, saved searches, models and export, with the mouse and the keys alone."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QToolButton,
    QWidget,
)

from c4t_core.index.directions import word_hints
from c4t_core.models.c4t import Tokens
from c4t_core.models.protocol import CutText, ModelInfo
from c4t_core.paths import resource
from c4t_desktop.panels.compare import ComparePanel
from c4t_desktop.panels.dialogs.export import ExportDialog
from c4t_desktop.panels.dialogs.models import ModelsDialog
from tests.helpers import hands
from tests.helpers.fake_core import FakeWorkspace, make_frames
from tests.helpers.window import (
    answered,
    busy,
    child,
    nothing_matches,
    search,
    side_row,
    tool_button,
    until,
    wait_rows,
)

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def test_a_query_that_is_cut_short_is_told_beside_the_field(qtbot, window, core, monkeypatch):
    cut = CutText(0, "a truck and much more", "a truck")
    told = window.search.findChild(QLabel, "tooLong")
    answer = FakeWorkspace.answer

    def cut_short(self, query, **how):
        return replace(answer(self, query, **how), cut_terms=(cut,))

    search(qtbot, window, "bicycle")
    assert not told.isVisible()
    with monkeypatch.context() as patch:
        patch.setattr(FakeWorkspace, "answer", cut_short)
        search(qtbot, window, "truck")
        qtbot.waitUntil(told.isVisible)
        assert "a truck" in told.toolTip()
    search(qtbot, window, "bicycle")
    qtbot.waitUntil(lambda: not told.isVisible())


def test_words_that_the_model_does_not_know_are_told_with_what_to_ask(qtbot, window, monkeypatch):
    answer = FakeWorkspace.answer
    tokens = Tokens(resource("models", "lite", "tokenizer.json").read_bytes(), 64)

    def hinting(self, query, **how):
        return replace(answer(self, query, **how), word_hints=word_hints(query, tokens))

    monkeypatch.setattr(FakeWorkspace, "answer", hinting)
    told, ask = child(window, QLabel, "wordHint"), child(window, QPushButton, "askInstead")
    search(qtbot, window, "trafic jamm")
    until(qtbot, told.isVisible)
    assert told.text() == "The model may not know “trafic”, “jamm”."
    assert ask.text() == "Search for “traffic jam”"
    hands.click(ask)
    until(qtbot, lambda: not told.isVisible())
    assert window.search.field.text() == "traffic jam"
    search(qtbot, window, "Schnee")
    until(qtbot, told.isVisible)
    assert "reads English" in told.text()
    assert not ask.isVisible()
    search(qtbot, window, "truck -people")
    until(qtbot, lambda: ask.isVisible() and ask.text() == "Exclude “people”")
    hands.click(ask)
    until(qtbot, lambda: not told.isVisible())
    assert window.search.field.text() == "truck - people"


def terms(core):
    return [(t.text, t.image, t.weight) for t in core.last.queries[-1].terms]


# terms --------------------------------------------------------------------------------------


def test_signs_and_weights_that_are_typed_reach_the_core(qtbot, window, core):
    search(qtbot, window, "2: truck + snow - people")
    until(qtbot, lambda: not busy(window))
    assert terms(core) == [("truck", None, 2.0), ("snow", None, 1.0), ("people", None, -1.0)]


def test_an_image_term_is_turned_round_and_removed(qtbot, window, core, tmp_path):
    image = make_frames(tmp_path / "else", 1)[0]
    search(qtbot, window, "truck")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(image))])

    def signs():
        return [weight for _, path, weight in terms(core) if path == image]

    assert hands.drop(window.search.field, data)
    until(qtbot, lambda: signs() == [1.0])
    chip = child(window, QWidget, "imageChip")
    until(qtbot, lambda: chip.isVisible() and chip.x() > 0)  # it has its place
    hands.click(chip, QPoint(8, chip.height() // 2))
    until(qtbot, lambda: signs() == [-1.0])
    assert "not like" in chip.accessibleName()
    chip.setFocus()
    qtbot.keyClick(chip, Qt.Key.Key_Space)
    until(qtbot, lambda: signs() == [1.0])
    hands.click(chip, QPoint(chip.width() - 12, chip.height() // 2))
    until(qtbot, lambda: signs() == [] and not busy(window))
    assert hands.drop(window.search.field, data)
    until(qtbot, lambda: signs() == [1.0])
    chip = child(window, QWidget, "imageChip")
    chip.setFocus()
    qtbot.keyClick(chip, Qt.Key.Key_Delete)
    until(qtbot, lambda: signs() == [] and not busy(window))


def test_an_example_is_asked_by_a_click_while_the_first_frames_are_indexed(
    qtbot, open_window, core, frames
):
    go_on = threading.Event()

    class Waiting(FakeWorkspace):
        def index(self, *how, **more):
            go_on.wait(30)
            return super().index(*how, **more)

    core.workspace = Waiting
    try:
        window = open_window(frames)
        page = child(window, QWidget, "emptyState")
        until(qtbot, lambda: page.page.title == "Getting drive one ready")
        text = page.page.chips[0]
        qtbot.wait(50)  # the page may be built anew; let the old one go
        (button,) = [b for b in page.findChildren(QPushButton) if b.text() == text]
        until(qtbot, lambda: button.isVisible() and button.parentWidget().y() > 0)
        hands.click(button)
    finally:
        go_on.set()
    answered(qtbot, window)
    wait_rows(qtbot, window)
    assert window.search.field.text() == text


def test_the_cross_in_the_search_bar_clears_it(qtbot, window):
    search(qtbot, window, "truck")
    hands.click(tool_button(window.search, "Clear"))
    answered(qtbot, window)
    assert window.search.field.text() == ""


def test_the_nearest_are_shown_by_the_button_where_nothing_matches(qtbot, window, core):
    core.last.cut = 0.9
    qtbot.keyClicks(window.search.field, "bottom")
    hands.click(nothing_matches(qtbot, window).findChild(QPushButton))
    wait_rows(qtbot, window, 12)


def test_events_are_folded_by_key_and_unfolded_from_the_menu(qtbot, window):
    search(qtbot, window, "truck")
    box = child(window, QCheckBox, "foldEvents")
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Space)
    wait_rows(qtbot, window, 1)
    port, spot = window.view.viewport(), hands.card(window.view, 0)
    hands.choose(hands.menu_of(port, spot)["Unfold or fold the event (E)"])
    wait_rows(qtbot, window, 12)


# saved searches -----------------------------------------------------------------------------


def test_a_saved_search_is_named_by_hand_and_tells_what_is_new(qtbot, window, core, frames):
    search(qtbot, window, "truck")
    hands.click(tool_button(window.search, "Save"))
    dialog = child(window, QDialog, "saveSearchDialog")
    name = child(dialog, QLineEdit, "scenarioName")
    name.selectAll()
    qtbot.keyClicks(name, "Lorries")
    qtbot.keyClick(name, Qt.Key.Key_Return)
    marks = window.desktop.context.marks
    until(qtbot, lambda: marks.saved and marks.saved[0].matches == 12 and not busy(window))
    last = sorted(frames.iterdir())[-1]
    for number in (98, 99):
        shutil.copy(last, last.with_name(f"20260118091500_camera_frontcenter_{number:09d}.png"))
    core.last.files = sorted(frames.iterdir())
    hands.click(tool_button(window.search, "Clear"))
    window.activateWindow()
    until(qtbot, window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_F5)
    until(qtbot, lambda: marks.saved[0].fresh == 2 and not busy(window))
    row = side_row(qtbot, window, "Lorries")
    assert row.accessibleName() == "Lorries, +2 new"
    row.setFocus()
    qtbot.keyClick(row, Qt.Key.Key_Space)  # a button is pressed by it
    wait_rows(qtbot, window, 14)
    assert window.search.field.text() == "truck"
    until(qtbot, lambda: marks.saved[0].fresh == 0 and not busy(window))
    assert side_row(qtbot, window, "Lorries").accessibleName() == "Lorries, 14"


# models -------------------------------------------------------------------------------------


@pytest.fixture
def three(qtbot, window, core):
    """The window with two usable models and one that is not here yet."""
    core.models = (core.models[0], ModelInfo("c4t:night", "c4t", Path("x")), core.models[1])
    window.desktop.context.library.list_models()
    until(qtbot, lambda: window.chooser.count() == 3)
    return window


def settled(qtbot, window, core, model):
    until(qtbot, lambda: core.last.model_name == model and core.last.indexed.is_set())
    until(qtbot, lambda: not busy(window))


def test_a_model_is_chosen_with_the_arrow_keys_and_from_the_list(qtbot, three, core):
    chooser = child(three, QComboBox, "modelChooser")
    chooser.setFocus()
    qtbot.keyClick(chooser, Qt.Key.Key_Down)
    settled(qtbot, three, core, "c4t:night")
    opener = QPoint(chooser.width() - 12, chooser.height() // 2)
    hands.pick_by_mouse(qtbot, chooser, "c4t", at=opener)
    settled(qtbot, three, core, "c4t")


def test_a_model_that_is_not_here_opens_the_models_and_stays_unchosen(qtbot, three, core):
    chooser = child(three, QComboBox, "modelChooser")
    hands.pick(chooser, "clip")
    until(qtbot, lambda: three.findChildren(ModelsDialog) != [])
    assert chooser.currentData() == "c4t"
    for dialog in three.findChildren(ModelsDialog):
        dialog.reject()
    until(qtbot, lambda: not busy(three))


class Backwards(FakeWorkspace):
    """A model that ranks the other way round."""

    def score(self, number, query):
        return 0.3 + 0.01 * number


def test_two_models_are_compared_by_one_key_and_chosen_on_each_side(qtbot, three, core):
    core.workspace = Backwards
    search(qtbot, three, "truck")
    qtbot.keyClick(three, Qt.Key.Key_D, CTRL)
    panel = three.findChild(ComparePanel)
    assert panel.isVisible()
    left = child(panel, QComboBox, "leftModelChooser")
    right = child(panel, QComboBox, "rightModelChooser")
    assert (left.currentData(), right.currentData()) == ("c4t", "c4t:night")
    summary = child(panel, QLabel, "compareSummary")
    until(qtbot, lambda: panel.sides[0].model.rowCount() == 12)
    hands.pick(right, "c4t")
    until(qtbot, lambda: "Choose another model" in summary.text())
    hands.pick_by_mouse(qtbot, left, "c4t:night")
    button = child(panel, QPushButton, "leftIndexButton")
    until(qtbot, button.isVisible)
    hands.click(button)
    until(qtbot, lambda: "12 shared" in summary.text())
    best = panel.sides[0].model.rows[0]
    assert (best.hit.path.name[-7:], best.other) == ("011.png", 12)
    three.activateWindow()
    until(qtbot, three.isActiveWindow)
    hands.click(panel.sides[0].view.viewport(), hands.card(panel.sides[0].view, 0))
    until(qtbot, lambda: panel.sides[1].view.current_path() == best.hit.path)
    qtbot.keyClick(panel.sides[0].view, Qt.Key.Key_X)
    assert three.desktop.context.marks.marks == {best.hit.path: "wrong"}
    until(qtbot, lambda: not busy(three))
    qtbot.keyClick(panel, Qt.Key.Key_Escape)
    until(qtbot, lambda: three.findChild(ComparePanel) is None and not busy(three))
    assert three.results.shows_grid


def test_tools_are_reached_with_the_mouse(qtbot, three):
    search(qtbot, three, "truck")
    for text, panel in (("Compare", "comparePanel"), ("Evaluate", "evaluationPanel")):
        (button,) = [b for b in three.bar.findChildren(QToolButton) if b.text() == text]
        hands.click(button)
        made = child(three, QWidget, panel)
        assert made.isVisible()
        qtbot.keyClick(made, Qt.Key.Key_Escape)
        until(qtbot, lambda panel=panel: three.findChild(QWidget, panel) is None)
        until(qtbot, lambda: not busy(three))


# out ----------------------------------------------------------------------------------------


def test_export_opens_by_key_and_a_contact_sheet_is_chosen_with_the_arrows(
    qtbot, window, tmp_path, monkeypatch
):
    place = tmp_path / "sheet.pdf"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(place), ""))
    search(qtbot, window, "truck")
    qtbot.keyClick(window, Qt.Key.Key_E, CTRL)
    dialog = window.findChild(ExportDialog)
    first = child(dialog, QRadioButton, "exportKind_csv")
    until(qtbot, dialog.isActiveWindow)
    first.setFocus()
    for kind in ("jsonl", "copy", "png", "pdf"):
        qtbot.keyClick(dialog.focusWidget(), Qt.Key.Key_Down)
        assert child(dialog, QRadioButton, f"exportKind_{kind}").isChecked()
    qtbot.keyClick(dialog.focusWidget(), Qt.Key.Key_Return)
    until(qtbot, lambda: place.exists() and dialog.state.text() != "" and not busy(window))
    assert place.read_bytes().startswith(b"%PDF")
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_paths_of_a_selection_made_with_the_mouse_are_copied_by_key(qtbot, window):
    search(qtbot, window, "truck")
    port = window.view.viewport()
    hands.click(port, hands.card(window.view, 1))
    hands.click(port, hands.card(window.view, 3), CTRL)
    qtbot.keyClick(window.view, Qt.Key.Key_C, CTRL)
    wanted = [str(window.model.rows[row].hit.path) for row in (1, 3)]
    assert QGuiApplication.clipboard().text().splitlines() == wanted
