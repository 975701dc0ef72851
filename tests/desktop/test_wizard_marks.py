"""From marks made while searching to pairs in the wizard, and to captions in the details."""

from __future__ import annotations

import importlib.util

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QPushButton

from c4t_desktop.panels.training.wizard import MODEL, TrainingWizard
from tests.helpers import hands
from tests.helpers.fake_core import make_frames
from tests.helpers.window import busy, child, ready, search, until

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture(autouse=True)
def torch_is_there(monkeypatch):
    """Let the wizard open where the extra for training is not installed: nothing is trained."""
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: name == "torch" or real(name, *rest)
    )


def mark(qtbot, window, query, keys):
    """Search, then press a key on each hit from the first on; a space leaves one out."""
    search(qtbot, window, query)
    until(qtbot, lambda: window.desktop.context.finder.found.question.text == query)
    until(qtbot, lambda: not busy(window))
    qtbot.keyClick(window.search.field, Qt.Key.Key_Down)
    qtbot.keyClick(window.view, Qt.Key.Key_Home)
    for key in keys:
        if key != " ":
            qtbot.keyClick(window.view, key)
        qtbot.keyClick(window.view, Qt.Key.Key_Right)
    until(qtbot, lambda: not busy(window))
    return [row.hit.path for row in window.model.rows]


def open_wizard(qtbot, window):
    qtbot.keyClick(window, Qt.Key.Key_T, CTRL)
    until(qtbot, lambda: window.findChild(TrainingWizard) is not None)
    return window.findChild(TrainingWizard)


def use_marks(qtbot, wizard):
    button = next(b for b in wizard.findChildren(QPushButton) if b.text() == "Use my marks")
    hands.click(button)


def rows_of(wizard):
    table = wizard.pairs.table
    return [
        tuple(table.item(row, column).text() for column in range(3))
        for row in range(table.rowCount())
    ]


def close(qtbot, window, wizard):
    wizard.close()
    until(qtbot, lambda: not busy(window))


def test_right_marks_become_pairs_and_wrong_ones_what_is_not_shown(qtbot, window):
    trucks = mark(qtbot, window, "truck in snow", "rx r")
    buses = mark(qtbot, window, "a red bus", "r")
    mark(qtbot, window, "fog", "xx")
    wizard = open_wizard(qtbot, window)
    use_marks(qtbot, wizard)
    until(qtbot, lambda: wizard.pairs.checked is not None)
    expected = [
        (trucks[0].name, "truck in snow"),
        (trucks[3].name, "truck in snow"),
        (buses[0].name, "a red bus"),
    ]
    assert [row[:2] for row in rows_of(wizard)] == expected
    summary = child(wizard, QLabel, "pairsSummary").text()
    assert "3 pairs of 2 images" in summary
    assert summary.endswith("; 1 row says what an image does not show")
    said = [wizard.pairs.problems.item(n).text() for n in range(wizard.pairs.problems.count())]
    assert any(line.startswith("Only 2 frames are marked as right; mark 30 or") for line in said)
    assert any(line.startswith("2 of your marks say wrong and are not used") for line in said)
    assert child(wizard, QLineEdit, "pairsImagesField").text() == str(trucks[0].parent)
    hands.click(child(wizard, QPushButton, "wizardNextButton"))
    assert wizard.pages.currentIndex() == MODEL
    assert child(wizard, QPushButton, "startButton").isEnabled()
    close(qtbot, window, wizard)


def test_a_mark_that_was_taken_back_is_no_pair(qtbot, window):
    paths = mark(qtbot, window, "truck", "rrr")
    qtbot.keyClick(window.view, Qt.Key.Key_Home)
    qtbot.keyClick(window.view, Qt.Key.Key_X)
    qtbot.keyClick(window.view, Qt.Key.Key_Right)
    for _ in range(2):  # from right to wrong to none
        qtbot.keyClick(window.view, Qt.Key.Key_Space)
    mark(qtbot, window, "bus", "r")
    wizard = open_wizard(qtbot, window)
    use_marks(qtbot, wizard)
    until(qtbot, lambda: wizard.pairs.checked is not None)
    expected = [(paths[2].name, "truck"), (paths[0].name, "bus")]
    assert [row[:2] for row in rows_of(wizard)] == expected
    close(qtbot, window, wizard)


def test_a_query_that_says_what_is_not_wanted_makes_no_caption_and_that_is_said(qtbot, window):
    mark(qtbot, window, "truck + snow", "rr")
    mark(qtbot, window, "bus - people", "r")
    wizard = open_wizard(qtbot, window)
    use_marks(qtbot, wizard)
    until(qtbot, lambda: wizard.pairs.checked is not None)
    assert {row[1] for row in rows_of(wizard)} == {"truck snow"}
    said = wizard.pairs.problems
    assert said.isVisible()
    lines = [said.item(place).text() for place in range(said.count())]
    assert any('"bus - people" is no caption' in line for line in lines), lines
    close(qtbot, window, wizard)


def test_no_marks_is_one_sentence_and_nothing_can_start(qtbot, window):
    mark(qtbot, window, "truck", "x")
    wizard = open_wizard(qtbot, window)
    use_marks(qtbot, wizard)
    summary = child(wizard, QLabel, "pairsSummary")
    until(qtbot, lambda: "mark some hits with R first" in summary.text())
    assert not child(wizard, QPushButton, "wizardNextButton").isEnabled()
    button = child(wizard, QPushButton, "startButton")
    assert not button.isEnabled()
    assert button.toolTip() == wizard.message.text() == "Choose the pairs to learn from."
    close(qtbot, window, wizard)


def test_marks_of_two_drives_keep_their_drives_apart(qtbot, open_window, core, tmp_path):
    for name in ("20260118", "20260119"):
        for path in make_frames(tmp_path / "fleet" / name, 2):
            path.rename(path.with_name(path.name.replace("20260118", name)))
    window = open_window(tmp_path / "fleet")
    ready(qtbot, window, core)
    paths = mark(qtbot, window, "truck", "rrrr")
    wizard = open_wizard(qtbot, window)
    use_marks(qtbot, wizard)
    until(qtbot, lambda: wizard.pairs.checked is not None)
    rows = rows_of(wizard)
    fleet = tmp_path / "fleet"
    assert {row[0] for row in rows} == {path.relative_to(fleet).as_posix() for path in paths}
    assert len({row[2] for row in rows}) == 2
    close(qtbot, window, wizard)


# captions -----------------------------------------------------------------------------------


def test_captions_of_a_pairs_file_read_in_the_wizard_show_in_the_details(
    qtbot, window, frames, tmp_path
):
    paths = mark(qtbot, window, "truck", "")
    captions = child(window, QLabel, "captionsText")
    file = tmp_path / "pairs.csv"
    lines = [f"{path.name},A truck no. {number}." for number, path in enumerate(paths[:2])]
    lines.append(f"{paths[0].name},A lorry.")
    file.write_text("\n".join(["image,caption", *lines]) + "\n")
    wizard = open_wizard(qtbot, window)
    qtbot.keyClicks(child(wizard, QLineEdit, "pairsImagesField"), str(frames))
    qtbot.keyClicks(child(wizard, QLineEdit, "pairsField"), str(file))
    until(qtbot, lambda: wizard.pairs.checked is not None)
    close(qtbot, window, wizard)
    for row, text in ((1, "A truck no. 1."), (0, "• A truck no. 0.\n• A lorry.")):
        hands.click(window.view.viewport(), hands.card(window.view, row))
        until(qtbot, lambda text=text: captions.isVisible() and captions.text() == text)
    hands.click(window.view.viewport(), hands.card(window.view, 2))
    until(qtbot, lambda: not busy(window))
    assert not captions.isVisible()


def test_own_marks_show_as_captions_once_they_are_pairs(qtbot, window):
    paths = mark(qtbot, window, "truck in snow", "rr")
    captions = child(window, QLabel, "captionsText")
    wizard = open_wizard(qtbot, window)
    use_marks(qtbot, wizard)
    until(qtbot, lambda: wizard.pairs.checked is not None)
    close(qtbot, window, wizard)
    hands.click(window.view.viewport(), hands.card(window.view, 1))
    until(qtbot, lambda: window.details.path == paths[1] and captions.isVisible())
    assert captions.text() == "truck in snow"


# other ways to pairs ------------------------------------------------------------------------


def test_another_column_is_chosen_for_the_captions(qtbot, window, frames, tmp_path):
    first, second = sorted(frames.iterdir())[:2]
    file = tmp_path / "two.csv"
    file.write_text(
        "image,caption,note\n"
        f"{first.name},A truck.,Seen by Ann.\n{second.name},A bus.,Seen by Bob.\n"
    )
    wizard = open_wizard(qtbot, window)
    qtbot.keyClicks(child(wizard, QLineEdit, "pairsImagesField"), str(frames))
    qtbot.keyClicks(child(wizard, QLineEdit, "pairsField"), str(file))
    until(qtbot, lambda: wizard.pairs.checked is not None)
    assert [row[1] for row in rows_of(wizard)] == ["A truck.", "A bus."]
    chooser = wizard.pairs.caption_column
    place = chooser.findText("note")
    chooser.setFocus()
    qtbot.keyClick(chooser, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    while chooser.view().currentIndex().row() < place:
        qtbot.keyClick(chooser.view(), Qt.Key.Key_Down)
    qtbot.keyClick(chooser.view(), Qt.Key.Key_Return)
    until(qtbot, lambda: [row[1] for row in rows_of(wizard)] == ["Seen by Ann.", "Seen by Bob."])
    close(qtbot, window, wizard)


def test_columns_of_unknown_names_are_chosen(qtbot, window, frames, tmp_path):
    first, second = sorted(frames.iterdir())[:2]
    file = tmp_path / "two.csv"
    file.write_text(f"bild,bildtext\n{first.name},A truck.\n{second.name},A bus.\n")
    wizard = open_wizard(qtbot, window)
    qtbot.keyClicks(child(wizard, QLineEdit, "pairsImagesField"), str(frames))
    qtbot.keyClicks(child(wizard, QLineEdit, "pairsField"), str(file))
    until(qtbot, lambda: "hold the caption" in wizard.pairs.summary.text())
    chooser = wizard.pairs.caption_column
    until(qtbot, chooser.isVisible)
    assert [chooser.itemText(n) for n in range(chooser.count())] == ["", "bild", "bildtext"]
    chooser.setFocus()
    qtbot.keyClick(chooser, Qt.Key.Key_End)
    until(qtbot, lambda: [row[1] for row in rows_of(wizard)] == ["A truck.", "A bus."])
    assert wizard.pairs.image_column.currentText() == "bild"
    close(qtbot, window, wizard)


def test_captions_are_made_from_labels_chosen_in_the_dialog(qtbot, window, frames, tmp_path):
    first, second = sorted(frames.iterdir())[:2]
    scenes = tmp_path / "scenes.jsonl"
    scenes.write_text(
        f'{{"image": "{first.name}", "counts": {{"truck": 1}}}}\n'
        f'{{"image": "{second.name}", "counts": {{"car": 2}}}}\n'
    )
    wizard = open_wizard(qtbot, window)
    button = next(b for b in wizard.findChildren(QPushButton) if b.text() == "Make from labels…")
    hands.click(button)
    kind = child(wizard, QComboBox, "labelsKindChooser")
    hands.pick(kind, "scenes")
    qtbot.keyClicks(child(wizard, QLineEdit, "labelsSourceField"), str(scenes))
    accept = next(b for b in wizard.findChildren(QPushButton) if b.text() == "Make captions")
    hands.click(accept)
    images = child(wizard, QLineEdit, "pairsImagesField")
    until(qtbot, lambda: images.text() != "")
    images.selectAll()
    qtbot.keyClicks(images, str(frames))
    until(qtbot, lambda: wizard.pairs.checked is not None and wizard.pairs.checked.pairs >= 2)
    by_image = {row[0]: row[1].lower() for row in rows_of(wizard)}
    assert "truck" in by_image[first.name]
    assert "car" in by_image[second.name]
    close(qtbot, window, wizard)


def test_escape_hides_the_wizard_and_a_run_in_it_goes_on(qtbot, window):
    wizard = open_wizard(qtbot, window)
    qtbot.keyClick(wizard, Qt.Key.Key_Escape)
    assert not wizard.isVisible()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert open_wizard(qtbot, window) is wizard
    assert wizard.isVisible()
    close(qtbot, window, wizard)
