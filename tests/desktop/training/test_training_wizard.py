"""The wizard as a user goes through it; the run is played by a script that speaks like it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QLocale, Qt
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QProgressBar, QPushButton

from c4t_core.models.protocol import ModelInfo
from c4t_core.training import events
from c4t_core.training.request import CLIP_OPTIONS, TrainingRequest
from c4t_desktop.jobs.runner import JobRunner
from c4t_desktop.jobs.training_process import TrainingProcess
from c4t_desktop.messages import use_language
from c4t_desktop.panels.training.plan import read_outcome
from c4t_desktop.panels.training.result_page import ResultPage
from c4t_desktop.panels.training.run_page import LinePlot, RunPage, nice_step
from c4t_desktop.panels.training.wizard import MODEL, RESULT, RUN, TrainingWizard
from c4t_desktop.services.library import Library
from c4t_desktop.theme import Theme


def validated(step: int) -> events.Validated:
    return events.Validated(
        epoch=step // 2 - 1,
        step=step,
        train_loss=1.0,
        validation_loss=0.9 / step,
        text_map=0.1 * step,
        image_map=0.12 * step,
        best=True,
    )


def result(**how) -> events.TrainingResult:
    known = {
        "output": Path("out"),
        "model": Path("out/model"),
        "name": "c4t:mine",
        "epochs": 2,
        "steps": 4,
        "seconds": 1.0,
        "best_epoch": 1,
        "best": events.EpochFigures(epoch=1, step=4, train_loss=1.0, best=True),
        "guard": None,
        "skipped": (),
        "warnings": (),
        "resumed": False,
    }
    return events.TrainingResult(**{**known, **how})


BEFORE = events.Figures(0.0, events.Retrieval(2, 2, 0.2, 0.3, {}, {}), None, 0.9, 1.0)
AFTER = events.Figures(1.0, events.Retrieval(2, 2, 0.5, 0.4, {}, {}), None, 0.9, 0.8)
RUNNING = [
    events.Estimate(63, 15, 4, "about a minute"),
    events.Started(0, 4, 0, 2, False, "cpu", 1, 8),
    *(events.Step(step, 4, step // 3, 1.0 / step, 0.1, 4 - step) for step in (1, 2)),
    validated(2),
    *(events.Step(step, 4, step // 3, 1.0 / step, 0.1, 4 - step) for step in (3, 4)),
    validated(4),
]
DONE = result(guard=events.Guarded(BEFORE, AFTER, AFTER, (BEFORE, AFTER), (), (0.1, 0.3)))
FULL = events.Failed("TrainingError", "The disk is full; free some space and start again.")

PLAYER = f"""
import json, os, signal, sys, time, pathlib
def say(*lines):
    for line in lines:
        print(line, flush=True)
def stop(*_):
    say({events.to_line(events.Stopped("Training stopped."))!r})
    sys.exit(130)
signal.signal(signal.SIGTERM, stop)
command, option, file, *rest = sys.argv[1:]
assert (command, option, rest) == ("train", "--request", ["--progress", "json"])
text = pathlib.Path(file).read_text()
pairs = pathlib.Path(json.loads(text)["pairs"])
pathlib.Path(str(pairs) + ".seen").write_text(text)
pathlib.Path(str(pairs) + ".file").write_text(file)
pairs.with_suffix(".pid").write_text(str(os.getpid()))
mode = pairs.with_suffix(".mode").read_text()
if mode == "fail":
    say({events.to_line(FULL)!r})
    print({FULL.message!r}, file=sys.stderr)
    sys.exit(1)
print("a line that is no event")
say(*{[events.to_line(event) for event in RUNNING]!r})
if mode == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode in ("wait", "deaf"):
    time.sleep(60)
say({events.to_line(DONE)!r})
"""


class Harness:
    """A wizard over a pairs file and a player in place of ``c4t``."""

    def __init__(self, folder: Path, theme: Theme) -> None:
        self.runner = JobRunner()
        self.library = Library(self.runner, list_models=lambda: [])
        script = folder / "player.py"
        script.write_text(PLAYER)
        self.process = TrainingProcess([sys.executable, str(script)])
        self.wizard = TrainingWizard(self.library, self.process, theme)
        self.pairs = folder / "pairs.csv"
        for name in ("a.jpg", "b.jpg"):
            Image.new("RGB", (8, 8)).save(folder / name)
        self.pairs.write_text(
            "\ufeffimage;caption;drive\na.jpg;A car.;1\nb.jpg;A truck.;2\n../x.jpg;A bus.;2\n",
            encoding="utf-8",
        )
        self.mode("good")

    def mode(self, mode: str) -> None:
        self.pairs.with_suffix(".mode").write_text(mode)

    def child(self, kind: type, name: str):  # noqa: ANN201 - the kind asked for
        found = self.wizard.findChild(kind, name)
        assert found is not None, name
        return found


@pytest.fixture
def theme(qapp):
    made = Theme(qapp)
    made.apply("light", 100)
    yield made
    made.deleteLater()


@pytest.fixture
def harness(qtbot, tmp_path, theme):
    made = Harness(tmp_path, theme)
    qtbot.addWidget(made.wizard)
    made.wizard.open()
    yield made
    made.process.shutdown()
    made.wizard.hide()
    assert made.runner.shutdown()


def fill(harness: Harness, qtbot) -> None:
    field = harness.child(QLineEdit, "pairsField")
    qtbot.keyClicks(field, str(harness.pairs))
    qtbot.waitUntil(lambda: harness.wizard.pairs.checked is not None)


def test_pairs_are_previewed_and_problems_named(harness, qtbot):
    fill(harness, qtbot)
    page = harness.wizard.pairs
    assert page.table.rowCount() == 2
    assert page.table.item(1, 1).text() == "A truck."
    problems = [page.problems.item(at).text() for at in range(page.problems.count())]
    assert any("Line 4" in text and "leaves" in text for text in problems), problems
    assert "2 pairs" in page.summary.text()
    assert page.caption_column.currentText() == "caption"


def test_what_is_wrong_with_pairs_is_said_in_german(harness, qtbot):
    before = QLocale()
    use_language("de")
    try:
        fill(harness, qtbot)
    finally:
        use_language("en")
        QLocale.setDefault(before)
    page = harness.wizard.pairs
    problems = [page.problems.item(at).text() for at in range(page.problems.count())]
    assert any("Zeile 4" in text or "Line 4" in text for text in problems)
    assert not any("leaves the images" in text for text in problems), problems
    assert "(CSV, UTF-8-SIG, ;)" in page.summary.text() or "(CSV, UTF-8, ;)" in page.summary.text()
    assert page.table.item(0, 0).toolTip()  # what is left out of the middle


def test_what_a_run_warns_of_is_said_in_german(qapp):
    before = QLocale()
    unseen = (
        "The image encoder itself learned, and the real frames that came with the model are kept "
        "as what the old one saw in them: what was forgotten of weather, roads, night and the "
        "like, was not measured and not rehearsed. Give photographs of your own with --general, "
        "or keep the encoders with --freeze encoders."
    )
    blend = (
        "The new weights alone did not help on the held-out drives: 0.300 before, 0.200 after. "
        "A blend with 50% of the new weights is kept, which scores 0.310."
    )
    use_language("de")
    try:
        verdict = read_outcome(result(warnings=(unseen, blend))).verdict
    finally:
        use_language("en")
        QLocale.setDefault(before)
    assert not {"learned", "weights", "held-out", "--general"} & {*verdict.split()}
    assert {"0.300", "0.200", "50%", "0.310."} <= {*verdict.split()}


def test_a_missing_file_is_said_and_nothing_can_start(harness, qtbot):
    field = harness.child(QLineEdit, "pairsField")
    qtbot.keyClicks(field, str(harness.pairs.with_name("none.csv")))
    qtbot.waitUntil(lambda: "none.csv" in harness.wizard.pairs.summary.text())
    assert not harness.child(QPushButton, "startButton").isEnabled()
    assert not harness.child(QPushButton, "wizardNextButton").isEnabled()


def test_from_pairs_to_a_model(harness, qtbot):
    fill(harness, qtbot)
    qtbot.mouseClick(harness.child(QPushButton, "wizardNextButton"), Qt.MouseButton.LeftButton)
    assert harness.wizard.pages.currentIndex() == MODEL
    name = harness.child(QLineEdit, "modelNameField")
    assert name.text() == "pairs"
    name.selectAll()
    qtbot.keyClicks(name, "mine")
    assert harness.child(QComboBox, "baseModelChooser").currentData() == "c4t"
    with qtbot.waitSignal(harness.wizard.model_ready) as ready:
        qtbot.mouseClick(harness.child(QPushButton, "startButton"), Qt.MouseButton.LeftButton)
        assert harness.wizard.pages.currentIndex() == RUN
    assert ready.args == ["c4t:mine"]
    assert harness.wizard.pages.currentIndex() == RESULT
    handed = TrainingRequest.from_json(json.loads(Path(f"{harness.pairs}.seen").read_text()))
    assert handed == harness.wizard.request
    assert (handed.pairs, handed.base, handed.name) == (harness.pairs, "c4t", "mine")
    assert handed.columns == {"image": "image", "caption": "caption"}
    assert not Path(Path(f"{harness.pairs}.file").read_text()).exists()
    assert len(harness.wizard.run.loss.curves["training"]) == 4
    table = harness.wizard.result_page.table
    assert table.item(0, 3).text() == "+0.300"
    with qtbot.waitSignal(harness.wizard.use_wanted) as use:
        qtbot.mouseClick(harness.child(QPushButton, "useModelButton"), Qt.MouseButton.LeftButton)
    assert use.args == ["c4t:mine"]


def start(harness, qtbot) -> None:
    fill(harness, qtbot)
    qtbot.mouseClick(harness.child(QPushButton, "startButton"), Qt.MouseButton.LeftButton)


def test_a_run_that_fails_says_why_and_can_be_started_again(harness, qtbot):
    harness.mode("fail")
    with qtbot.waitSignal(harness.process.ended):
        start(harness, qtbot)
    assert "disk is full" in harness.wizard.message.text()
    assert harness.wizard.pages.currentIndex() == MODEL
    assert harness.child(QPushButton, "startButton").isEnabled()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no gentle end of a process")
def test_pause_keeps_the_run_and_going_on_hands_over_the_same(harness, qtbot):
    harness.mode("wait")
    start(harness, qtbot)
    bar = harness.child(QProgressBar, "trainingProgress")
    qtbot.waitUntil(lambda: bar.value() == 4)
    pause = harness.child(QPushButton, "trainingPauseButton")
    with qtbot.waitSignal(harness.process.ended):
        qtbot.mouseClick(pause, Qt.MouseButton.LeftButton)
    assert "Paused" in harness.wizard.run.state.text()
    first = Path(f"{harness.pairs}.seen").read_text()
    harness.mode("good")
    with qtbot.waitSignal(harness.wizard.model_ready):
        qtbot.mouseClick(pause, Qt.MouseButton.LeftButton)
    assert Path(f"{harness.pairs}.seen").read_text() == first


def test_cancel_goes_back_without_a_word(harness, qtbot):
    harness.mode("wait")
    start(harness, qtbot)
    qtbot.waitUntil(lambda: bool(harness.wizard.run.loss.curves))
    cancel = harness.child(QPushButton, "trainingCancelButton")
    with qtbot.waitSignal(harness.process.ended):
        qtbot.mouseClick(cancel, Qt.MouseButton.LeftButton)
    assert harness.wizard.pages.currentIndex() == MODEL
    assert harness.wizard.message.text() == ""


def test_a_bad_name_is_refused(harness, qtbot):
    fill(harness, qtbot)
    name = harness.child(QLineEdit, "modelNameField")
    name.setText("../evil")
    button = harness.child(QPushButton, "startButton")
    assert not button.isEnabled()
    assert button.toolTip() == harness.wizard.message.text() != ""  # and says why, on every page
    assert "letters" in harness.wizard.model.name_hint.text()


def test_of_clip_only_heads_learn(harness, qtbot):
    """Clip itself, a model that was made on it, and what is not here yet."""
    harness.wizard.model.set_models(
        [
            ModelInfo("c4t", "c4t", Path("lite")),
            ModelInfo("c4t:mine", "c4t", Path("mine"), on_clip=True),
            ModelInfo("clip", "clip", None, False, "Download it first.", 605_000_000),
            ModelInfo("clip:tiny", "clip", Path("tiny")),
        ]
    )
    fill(harness, qtbot)
    qtbot.mouseClick(harness.child(QPushButton, "wizardNextButton"), Qt.MouseButton.LeftButton)
    base = harness.child(QComboBox, "baseModelChooser")
    extent = harness.child(QComboBox, "extentChooser")
    button = harness.child(QPushButton, "startButton")
    page = harness.wizard.model
    for name, heads in (("clip:tiny", True), ("c4t", False), ("c4t:mine", True)):
        base.setCurrentIndex(base.findData(name))
        assert (extent.currentData() == "encoders", extent.isEnabled()) == (heads, not heads)
        assert ("CLIP's own terms" in page.base_hint.text()) == heads
        assert button.isEnabled()
    base.setCurrentIndex(base.findData("clip"))
    assert not button.isEnabled()
    said = harness.child(QLabel, "wizardMessage").text()
    assert "605 MB" in said or "Download it first" in said
    base.setCurrentIndex(base.findData("clip:tiny"))
    assert base.currentText() == "tiny: new heads on its encoders"
    with qtbot.waitSignal(harness.wizard.model_ready):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    handed = TrainingRequest.from_json(json.loads(Path(f"{harness.pairs}.seen").read_text()))
    assert (handed.base, handed.options) == ("clip:tiny", CLIP_OPTIONS)


def test_closing_hides_and_the_run_goes_on(harness, qtbot):
    harness.mode("wait")
    start(harness, qtbot)
    qtbot.waitUntil(lambda: bool(harness.wizard.run.loss.curves))
    harness.wizard.close()
    assert harness.process.running
    assert not harness.wizard.isVisible()


@pytest.mark.parametrize("mode", ["wait", "deaf"])
def test_the_end_of_the_application_ends_the_run(harness, qtbot, mode):
    harness.mode(mode)
    start(harness, qtbot)
    qtbot.waitUntil(lambda: bool(harness.wizard.run.loss.curves))
    pid = int(harness.pairs.with_suffix(".pid").read_text())
    with qtbot.waitSignal(harness.process.ended) as ended:
        harness.process.shutdown()
    assert ended.args == [False, ""]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_program_that_cannot_start_is_told(qtbot):
    process = TrainingProcess(["/nonexistent/python"])
    with qtbot.waitSignal(process.ended) as ended:
        process.start(TrainingRequest(Path("pairs.csv"), Path("out")))
    assert ended.args[0] is False
    assert "cannot be started" in ended.args[1]


def test_outcome_of_a_new_model_has_no_before():
    outcome = read_outcome(result(best=validated(5)))
    assert outcome.rows[0][1:] == (None, 0.5)


def test_kinds_of_real_photographs_are_shown_before_and_after():
    states = [
        events.Figures(mix, None, None, 0.9, 1.0, {"night": night, "tunnels": 0.5})
        for mix, night in ((0.0, 0.57), (1.0, 0.415), (0.2, 0.566))
    ]
    before, after, chosen = states
    told = events.Guarded(before, after, chosen, tuple(states), ())
    rows = {title: figures for title, *figures in read_outcome(result(guard=told)).rows}
    assert rows["Photographs that came with the model: night (mAP)"] == [0.57, 0.566]
    assert rows["Photographs that came with the model: tunnels (mAP)"] == [0.5, 0.5]


@pytest.mark.parametrize(("span", "step"), [(0.7, 0.2), (1, 0.5), (170, 50), (0.001, 0.0005)])
def test_steps_of_axes_are_round(span, step):
    assert nice_step(span) == pytest.approx(step)


def test_a_plot_leaves_out_what_is_not_finite(qtbot, theme):
    plot = LinePlot("Loss", theme)
    qtbot.addWidget(plot)
    plot.add("a", 1, float("nan"))
    plot.add("a", 1, 2.0)
    plot.resize(300, 200)
    assert plot.curves == {"a": [(1, 2.0)]}
    assert not plot.grab().isNull()


def test_names_of_curves_stand_below_a_title_that_they_would_cover(qtbot, theme):
    plot = LinePlot("Retrieval (mAP)", theme)
    qtbot.addWidget(plot)
    for name in ("captions find images", "images find captions"):
        plot.add(name, 1, 2.0)
    plot.resize(700, 200)
    assert plot.legend_line() == 0
    plot.resize(360, 200)
    assert plot.legend_line() > 0
    assert not plot.grab().isNull()


@pytest.mark.parametrize(
    ("gained", "words"),
    [((0.1, 0.3), "It got better"), ((-0.1, 0.3), "No clear difference"), (None, "too few")],
)
def test_a_gain_counts_only_where_chance_does_not_explain_it(qapp, gained, words):
    guard = events.Guarded(BEFORE, AFTER, AFTER, (BEFORE, AFTER), (), gained)
    outcome = read_outcome(result(guard=guard, warnings=("Captions are long.",)))
    assert words in outcome.verdict
    assert outcome.verdict.endswith("Captions are long.")
    assert outcome.coloured == ("got better" in outcome.verdict) == (words == "It got better")


def test_images_that_cannot_be_read_are_named(qtbot, qapp):
    theme = Theme(qapp)
    run, page = RunPage(theme), ResultPage(theme)
    qtbot.addWidget(run)
    qtbot.addWidget(page)
    run.begin("mine")
    assert run.skipped.isHidden()
    bad = [(f"d/{n}.png", "is cut off") for n in range(5)]
    run.apply(events.ImagesSkipped(tuple(events.UnreadableImage(*one) for one in bad)))
    run.apply(events.Estimate(63, 15, 4, "about a minute"))
    said = run.skipped.text()
    assert said.startswith("5 images cannot be read and are left out: d/0.png, d/1.png, d/2.png")
    assert not run.skipped.isHidden()
    assert "d/4.png: is cut off" in run.skipped.toolTip()

    page.show_outcome(read_outcome(result(skipped=tuple(bad))))
    assert page.skipped.text() == "5 images could not be read"
    assert page.skipped_list.isHidden()
    page.skipped.click()
    assert not page.skipped_list.isHidden()
    rows = [page.skipped_list.item(row).text() for row in range(page.skipped_list.count())]
    assert rows == [f"{path}: {why}" for path, why in bad]
    page.show_outcome(read_outcome(result()))
    assert page.skipped.isHidden()
