"""Evaluating as a user does it; one real evaluation with a tiny model."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QLocale, QPoint, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QToolButton,
)

from c4t_core.datasets.searchad import LABELS
from c4t_core.evaluation.summary import Comparison, Means
from c4t_core.models.protocol import ModelInfo
from c4t_core.workspace import open_workspace
from c4t_desktop.gallery.results_model import MarkRole
from c4t_desktop.messages import use_language
from c4t_desktop.panels.evaluation import figures
from c4t_desktop.panels.evaluation.panel import RESULT, RUN, SETUP, EvaluationPanel
from c4t_desktop.panels.evaluation.result_page import CellsTable
from c4t_desktop.panels.evaluation.setup_page import MarksRow
from c4t_desktop.services.evaluation import Marked, holds_scenes
from c4t_desktop.services.pairs import MadePairs
from c4t_desktop.theme import Theme
from tests.helpers.searchad import draw_searchad
from tests.helpers.window import answered, search, until

COLOURS = {"truck": (200, 30, 30), "bicycle": (30, 200, 30), "bus": (30, 30, 200)}


def child(panel, kind, name):
    found = panel.findChild(kind, name)
    assert found is not None, name
    return found


def click(qtbot, panel, name, kind=QPushButton):
    qtbot.mouseClick(child(panel, kind, name), Qt.MouseButton.LeftButton)


@pytest.fixture
def opened(window):
    def build():
        window.action("evaluateAction").trigger()
        return window.findChildren(EvaluationPanel)[-1]

    return build


@pytest.fixture
def pairs(tmp_path):
    """Twelve frames with captions of three kinds."""
    lines = ["image,caption,drive"]
    for number in range(12):
        thing = list(COLOURS)[number % 3]
        red, green, blue = COLOURS[thing]
        name = f"{thing}-{number:02d}.png"
        Image.new("RGB", (80, 60), (red, green, blue + number)).save(tmp_path / name)
        lines.append(f"{name},A {thing} on a road.,drive-{number % 4}")
    path = tmp_path / "pairs.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def fill(qtbot, panel, pairs):
    qtbot.keyClicks(child(panel, QLineEdit, "evaluationPairsField"), str(pairs))


def column(table, index):
    model = table.model()
    return [model.index(row, index).data() for row in range(model.rowCount())]


def notes_of(panel):
    return panel.result.overview.notes.text().splitlines()


def in_german(panel, opened):
    """Close the panel and open it in German: no note of the result may be as in English."""
    english, before = notes_of(panel), QLocale()
    panel.close_panel()
    use_language("de")
    try:
        again = opened()
    finally:
        use_language("en")
        QLocale.setDefault(before)
    assert len(notes_of(again)) == len(english) > 0
    assert not set(notes_of(again)) & set(english)
    return again


def test_the_empty_panel_says_what_to_do(qtbot, opened, window):
    panel = opened()
    assert panel.pages.currentIndex() == SETUP
    assert not child(panel, QPushButton, "evaluateStartButton").isEnabled()
    assert "Choose a pairs file" in child(panel, QLabel, "evaluationMessage").text()
    clip = child(panel, QCheckBox, "evaluateModel_clip")
    assert not clip.isEnabled()
    assert "can download them (605 MB)" in clip.accessibleDescription()
    assert child(panel, QCheckBox, "evaluateModel_c4t").isChecked()
    qtbot.waitUntil(lambda: not window.desktop.runner.busy)
    assert not child(panel, QRadioButton, "evaluationFromMarks").isEnabled()
    qtbot.keyClick(panel, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.findChildren(EvaluationPanel))


def test_one_of_each_is_said_as_one():
    assert figures.scope(1, 1, 1) == "1 query on 1 frame of 1 moment"
    assert figures.scope(2, 4, 3) == "2 queries on 4 frames of 3 moments"


def test_the_name_of_a_test_set_is_not_cut_off(qtbot, qapp):
    row = MarksRow(Theme(qapp))
    qtbot.addWidget(row)
    row.resize(900, 120)  # as in its page: a window of its own keeps the width it began with
    row.show()
    row.show_marked(Marked(1, 4, test_sets=(("Winter on the pass road", 4),)))
    row.test_set.setCurrentIndex(1)
    qtbot.waitUntil(lambda: row.test_set.width() >= row.test_set.sizeHint().width())
    text = row.test_set.fontMetrics().horizontalAdvance(row.test_set.currentText())
    assert row.test_set.width() > text


def test_no_model_is_no_evaluation(qtbot, opened, pairs):
    panel = opened()
    fill(qtbot, panel, pairs)
    assert child(panel, QPushButton, "evaluateStartButton").isEnabled()
    child(panel, QCheckBox, "evaluateModel_c4t").click()
    assert not child(panel, QPushButton, "evaluateStartButton").isEnabled()
    assert "at least one model" in child(panel, QLabel, "evaluationMessage").text()


def test_a_half_filled_form_waits_until_it_is_used(qtbot, opened, window, pairs, tmp_path):
    search(qtbot, window, "truck")
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_R)
    until(qtbot, lambda: not window.desktop.runner.busy)
    panel = opened()
    fill(qtbot, panel, pairs)
    qtbot.keyClicks(child(panel, QLineEdit, "evaluationImagesField"), str(tmp_path))
    panel.setup.say("These columns are unknown.", ["bild", "bildtext", "fahrt"])
    panel.setup.columns.caption.setCurrentText("bildtext")
    child(panel, QCheckBox, "evaluateModel_c4t").click()
    left = panel.setup.form()
    assert not left.models
    search(qtbot, window, "road")  # which leaves it
    until(qtbot, lambda: not window.findChildren(EvaluationPanel))
    panel = opened()
    assert panel.setup.form() == left
    assert left.columns == {"image": "", "caption": "bildtext"}
    assert panel.setup.columns.isVisible()
    until(qtbot, panel.setup.from_marks.isEnabled)
    panel.setup.from_marks.click()
    panel.close_panel()
    again = opened()
    assert again.setup.form().source == "marks"
    until(qtbot, again.setup.from_marks.isChecked)
    again.setup.from_file.click()
    again.close_panel()
    assert opened().setup.from_file.isChecked()


def test_pairs_made_from_labels_wait_in_the_form(qtbot, opened, window, tmp_path, monkeypatch):
    go_on, files = threading.Event(), [tmp_path / name for name in ("a.csv", "frames", "a.jsonl")]

    def made(*_, **__):
        go_on.wait(20)
        return MadePairs(files[0], files[1], scenes=files[2])

    monkeypatch.setattr("c4t_desktop.services.evaluation.pairs_from_labels", made)
    panel = opened()
    panel.setup.labels_wanted.emit("coco", tmp_path)
    panel.close_panel()
    go_on.set()
    until(qtbot, lambda: not window.desktop.runner.busy)
    assert opened().setup.form().texts == tuple(map(str, files))


def test_columns_of_unknown_names_are_chosen(
    qtbot, opened, window, core, pairs, tiny_model_folder, monkeypatch
):
    core.models = (ModelInfo(str(tiny_model_folder), "c4t", tiny_model_folder),)
    window.desktop.context.library.list_models()
    pairs.write_text(pairs.read_text().replace("image,caption", "bild,bildtext"))
    panel = opened()
    box = f"evaluateModel_{tiny_model_folder}"
    qtbot.waitUntil(lambda: panel.findChild(QCheckBox, box) is not None)
    child(panel, QCheckBox, box).click()
    fill(qtbot, panel, pairs)
    columns = panel.setup.columns
    assert not columns.isVisible()
    click(qtbot, panel, "evaluateStartButton")
    qtbot.waitUntil(lambda: panel.pages.currentIndex() == SETUP)
    assert "hold the caption" in child(panel, QLabel, "evaluationMessage").text()
    assert columns.isVisible()
    columns.caption.setFocus()
    qtbot.keyClick(columns.caption, Qt.Key.Key_Down)
    qtbot.keyClick(columns.caption, Qt.Key.Key_Down)
    assert columns.caption.currentText() == "bildtext"
    click(qtbot, panel, "evaluateStartButton")
    qtbot.waitUntil(lambda: panel.pages.currentIndex() == RESULT, timeout=20_000)
    panel.setup.pairs.setText("another.csv")
    assert columns.chosen == {"image": "", "caption": ""}


def test_from_pairs_to_a_report(
    qtbot, opened, window, core, pairs, tiny_model_folder, tmp_path, monkeypatch
):
    core.models = (ModelInfo(str(tiny_model_folder), "c4t", tiny_model_folder),)
    window.desktop.context.library.list_models()
    panel = opened()
    box = f"evaluateModel_{tiny_model_folder}"
    qtbot.waitUntil(lambda: panel.findChild(QCheckBox, box) is not None)
    child(panel, QCheckBox, box).click()
    fill(qtbot, panel, pairs)
    with pairs.open("a") as more:
        more.write("\ngone.png,A tram on a road.,drive-1\n")
    click(qtbot, panel, "evaluateStartButton")
    assert panel.pages.currentIndex() == RUN
    qtbot.waitUntil(lambda: panel.pages.currentIndex() == RESULT, timeout=60_000)
    assert "12 frames" in child(panel, QLabel, "evaluationTitle").text()
    overview, queries = panel.result.overview, panel.result.queries
    assert column(overview.table, 0)[-1] == "Chance"
    assert 0 <= float(column(overview.table, 1)[0]) <= 1
    assert [one.name for one in overview.precision.series][-1] == "chance"
    assert overview.bars.series[0].points

    panel.result.setCurrentIndex(1)
    asked = column(queries.table, 0)
    assert set(asked) >= {"trucks", "bicycles", "buses"}
    row = asked.index("trucks")
    index = queries.table.model().index(row, 0)
    qtbot.mouseClick(
        queries.table.viewport(),
        Qt.MouseButton.LeftButton,
        pos=queries.table.visualRect(index).center(),
    )
    assert "“trucks”" in child(panel, QLabel, "evaluationQueryTitle").text()
    hits = [queries.model.index(place) for place in range(queries.model.rowCount())]
    assert len(hits) == 12
    for hit in hits:
        assert hit.data(MarkRole) == ("right" if hit.data().startswith("truck") else "wrong")

    header = queries.table.horizontalHeader()
    spot = header.sectionViewportPosition(3) + header.sectionSize(3) // 2
    middle = QPoint(spot, header.height() // 2)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    values = [float(text) for text in column(queries.table, 3)]
    assert values in (sorted(values), sorted(values, reverse=True))

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    click(qtbot, panel, "exportReportButton")
    button = child(panel, QPushButton, "openReportButton")
    qtbot.waitUntil(button.isVisible, timeout=60_000)
    (folder,) = tmp_path.glob("c4t-evaluation-pairs-*")
    assert (folder / "report.html").is_file()
    assert json.loads((folder / "report.json").read_text())["images"] == 12

    again = in_german(panel, opened)
    assert again.pages.currentIndex() == RESULT
    click(qtbot, again, "evaluateAgainButton")
    assert again.pages.currentIndex() == SETUP
    qtbot.waitUntil(lambda: not window.desktop.runner.busy)


def test_what_does_not_work_is_one_sentence(qtbot, opened, tmp_path, window):
    panel = opened()
    bad = tmp_path / "bad.csv"
    bad.write_text("image,caption\nnone.png,A car.\n")
    fill(qtbot, panel, bad)
    click(qtbot, panel, "evaluateStartButton")
    message = child(panel, QLabel, "evaluationMessage")
    qtbot.waitUntil(lambda: message.property("kind") == "bad", timeout=30_000)
    assert message.text()
    assert "Traceback" not in message.text()
    assert panel.pages.currentIndex() == SETUP
    qtbot.waitUntil(lambda: not window.desktop.runner.busy)


@pytest.fixture
def endless(monkeypatch):
    """An evaluation that goes on until it is stopped."""
    pause = threading.Event()

    def evaluate(plan, job, of_size):
        job.report("embedding for c4t")
        while True:
            job.progress(5, 20)
            pause.wait(0.01)

    monkeypatch.setattr("c4t_desktop.services.evaluation.evaluate", evaluate)


def test_stages_are_shown_and_cancel_goes_back(qtbot, opened, pairs, endless, window):
    panel = opened()
    fill(qtbot, panel, pairs)
    click(qtbot, panel, "evaluateStartButton")
    stage = child(panel, QLabel, "evaluationStage")
    qtbot.waitUntil(lambda: stage.text() == "Looking at the images with C4T…")
    qtbot.waitUntil(lambda: panel.bar.value() == 5)
    assert panel.bar.maximum() == 20
    click(qtbot, panel, "evaluationCancelButton")
    qtbot.waitUntil(lambda: panel.pages.currentIndex() == SETUP)
    # the panel goes back at once, the worker at its next look at the button
    qtbot.waitUntil(lambda: not window.desktop.runner.busy)


def test_an_evaluation_goes_on_while_one_searches(qtbot, opened, pairs, endless, window):
    panel = opened()
    fill(qtbot, panel, pairs)
    click(qtbot, panel, "evaluateStartButton")
    click(qtbot, panel, "evaluationCloseButton", QToolButton)
    qtbot.waitUntil(lambda: not window.findChildren(EvaluationPanel))
    qtbot.keyClicks(window.search.field, "truck")
    answered(qtbot, window)
    again = opened()
    assert again.pages.currentIndex() == RUN
    qtbot.waitUntil(lambda: again.bar.value() == 5)
    click(qtbot, again, "evaluationCancelButton")
    qtbot.waitUntil(lambda: again.pages.currentIndex() == SETUP)


def test_asking_leads_to_the_hits_and_escape_too(qtbot, opened, window):
    search(qtbot, window, "truck")
    until(qtbot, window.details.isVisible)
    panel = opened()
    assert not window.details.isVisible(), "the details are of a hit that is out of sight"
    frame = window.model.rows[1].hit.path
    window.results.open_frame(frame)
    qtbot.keyClick(window.viewer.view, Qt.Key.Key_Escape)
    assert window.results.currentWidget() is panel, "the frame was opened from it"
    window.search.field.setFocus()
    qtbot.keyClick(window.search.field, Qt.Key.Key_Escape)
    until(qtbot, lambda: not window.findChildren(EvaluationPanel))
    assert window.search.field.text() == "truck"
    assert window.results.shows_grid
    assert window.details.isVisible()
    opened()
    window.search.field.setFocus()
    qtbot.keyClicks(window.search.field, " in snow")
    until(qtbot, lambda: not window.findChildren(EvaluationPanel))
    assert window.results.shows_grid
    assert window.focusWidget() is window.search.field
    until(qtbot, lambda: not window.desktop.runner.busy)


def test_own_marks_are_a_test_set(qtbot, opened, window, core, tiny_model_folder):
    core.models = (ModelInfo(str(tiny_model_folder), "c4t", tiny_model_folder),)
    window.desktop.context.library.list_models()
    search(qtbot, window, "truck")
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_Home)
    for key in (Qt.Key.Key_R, Qt.Key.Key_X, Qt.Key.Key_X):
        qtbot.keyClick(window.view, key)
        qtbot.keyClick(window.view, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: not window.desktop.runner.busy)
    panel = opened()
    marks = child(panel, QRadioButton, "evaluationFromMarks")
    qtbot.waitUntil(marks.isEnabled)
    assert "queries: 1, frames: 3" in marks.text()
    marks.click()
    child(panel, QCheckBox, f"evaluateModel_{tiny_model_folder}").click()
    click(qtbot, panel, "evaluateStartButton")
    qtbot.waitUntil(lambda: panel.pages.currentIndex() == RESULT, timeout=60_000)
    assert column(panel.result.queries.table, 0) == ["truck"]
    assert column(panel.result.queries.table, 2) == ["1"]
    assert panel.result.queries.model.rowCount() == 3
    qtbot.waitUntil(lambda: not window.desktop.runner.busy)


@pytest.mark.long
def test_searchad_is_offered_where_it_is_open_and_measured(
    qtbot, opened, window, core, tiny_model_folder, tmp_path, monkeypatch
):
    panel = opened()
    qtbot.waitUntil(lambda: not window.desktop.runner.busy)
    offer = child(panel, QRadioButton, "evaluationFromSearchAD")
    assert not offer.isVisible()
    core.models = (ModelInfo(str(tiny_model_folder), "c4t", tiny_model_folder),)
    library = window.desktop.context.library
    library.list_models()
    folder = draw_searchad(tmp_path / "SearchAD", val=90)
    shutil.rmtree(folder / "ECP")
    library.open([folder])
    qtbot.waitUntil(lambda: not window.desktop.runner.busy)
    panel = opened()
    offer = child(panel, QRadioButton, "evaluationFromSearchAD")
    qtbot.waitUntil(offer.isVisible, timeout=20_000)
    assert offer.text() == "The public benchmark SearchAD, in SearchAD"
    qtbot.waitUntil(lambda: not window.desktop.runner.busy)
    child(panel, QCheckBox, f"evaluateModel_{tiny_model_folder}").click()
    offer.click()
    mode, words = (child(panel, QComboBox, f"searchad{part}") for part in ("Mode", "Queries"))
    assert child(panel, QComboBox, "searchadSplit").currentData() == "val"
    mode.setCurrentIndex(1)
    assert not words.isEnabled()
    mode.setCurrentIndex(0)
    words.setCurrentIndex(1)
    monkeypatch.setattr("c4t_core.workspace.open_workspace", open_workspace)
    click(qtbot, panel, "evaluateStartButton")
    qtbot.waitUntil(lambda: panel.pages.currentIndex() == RESULT, timeout=60_000)
    assert set(column(panel.result.queries.table, 0)) == set(LABELS)
    assert "Vehicle" in column(panel.result.queries.table, 1)
    said = "\n".join(notes_of(panel))
    assert "80 of 90 images of 8 sources, asked with C4T's own sentences" in said
    assert "EuroCity Persons has them" in said
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    click(qtbot, panel, "exportReportButton")
    qtbot.waitUntil(child(panel, QPushButton, "openReportButton").isVisible, timeout=60_000)
    (written,) = tmp_path.glob("c4t-evaluation-searchad-val-*")
    scores = json.loads((written / "scores.json").read_text())
    (figures_,) = scores["models"].values()
    shown = float(column(panel.result.overview.table, 1)[0])
    assert shown == pytest.approx(figures_["overall"]["AP"], abs=6e-4)
    assert len(list(written.glob("predictions-*.json"))) == 1
    qtbot.waitUntil(lambda: not window.desktop.runner.busy)
    in_german(panel, opened)


def test_ground_truth_is_told_from_captions(tmp_path):
    scenes, captions = tmp_path / "scenes.jsonl", tmp_path / "captions.jsonl"
    scenes.write_text('{"image": "a.png", "counts": {"car": 1}}\n')
    captions.write_text('{"image": "a.png", "caption": "A car.", "weather": "fog"}\n')
    (tmp_path / "broken.jsonl").write_bytes(b"\xff{")
    assert holds_scenes(scenes)
    assert not holds_scenes(captions)
    assert not holds_scenes(tmp_path / "broken.jsonl")
    assert not holds_scenes(tmp_path / "none.jsonl")
    assert not holds_scenes(Path("pairs.csv"))


def compared(delta, low, high, a="c4t", b="clip"):
    return Comparison(a, b, 5, Means({"ap": delta}, {"ap": (low, high)}), 3, 2)


@pytest.mark.parametrize(
    ("comparisons", "words"),
    [
        ([compared(0.2, 0.1, 0.3)], ["C4T finds more than CLIP", "+0.200", "3 of 5"]),
        ([compared(-0.2, -0.3, -0.1)], ["CLIP finds more than C4T", "+0.100 to +0.300", "2 of 5"]),
        ([compared(0.1, -0.1, 0.3)], ["No clear difference", "holds 0"]),
        ([compared(-0.1, -0.3, 0.1)], ["No clear difference between CLIP and C4T"]),
        ([], [""]),
    ],
)
def test_the_difference_is_one_honest_sentence(comparisons, words):
    sentence = figures.difference(comparisons)
    for part in words:
        assert part in sentence


def test_the_first_model_is_compared_with_each_other_one():
    pairs = [("c4t", "clip"), ("c4t", "c4t:mine"), ("clip", "c4t:mine")]
    comparisons = [compared(0.2, 0.1, 0.3, a, b) for a, b in pairs]
    lines = figures.difference(comparisons).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "C4T finds more than CLIP",
        "C4T finds more than mine",
    ]


@pytest.mark.long
def test_the_figures_scroll_rather_than_hide_rows_or_names_in_large_text(qtbot, qapp):
    theme = Theme(qapp)
    theme.apply("light", 100)
    table = CellsTable("figures", "Figures", theme, sortable=False)
    qtbot.addWidget(table)
    table.resize(700, 200)
    table.show()
    titles = ("Model", "mAP", "95 % interval", "P@10", "R@100", "nDCG@10")
    name = figures.Cell("a model with a long name")
    rows = tuple((name, *(figures.Cell("0.123"),) * 5) for _ in range(3))
    table.show_table(figures.Table(titles, rows))
    assert not table.horizontalScrollBar().maximum()
    theme.apply("light", 200)
    qtbot.waitUntil(lambda: table.horizontalScrollBar().maximum() > 0)
    assert table.columnWidth(0) >= table.sizeHintForColumn(0)
    last = table.visualRect(table.model().index(2, 1))
    assert last.bottom() <= table.viewport().height()
    theme.apply("light", 100)
    qtbot.waitUntil(lambda: not table.horizontalScrollBar().maximum())
