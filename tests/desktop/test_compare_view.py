"""Two models side by side, as a user sees them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDialog, QLabel, QLineEdit, QPushButton, QToolButton

from c4t_core.index.query import Hit
from c4t_core.models.protocol import ModelInfo
from c4t_desktop.gallery.delegate import CompareDelegate
from c4t_desktop.panels.compare import ComparePanel
from c4t_desktop.services.comparison import ComparedRow, Comparison, compare_hits
from tests.helpers.fake_core import FakeWorkspace, fake_models
from tests.helpers.window import drain, search, until


class Backwards(FakeWorkspace):
    """A model that ranks the other way round; its index is made on demand."""

    def score(self, number, query):
        return 0.3 + 0.01 * number


@pytest.fixture
def core(core):
    """The core with a second model that can be used."""
    core.models = fake_models(ModelInfo("c4t:winter", "c4t", Path("winter")))
    return core


def hit(path, score):
    return Hit(path, score, 1, path.parent, path.name, None, None, None, None, 1)


def test_rows_know_their_rank_with_the_other_model(tmp_path):
    a, b, c = (tmp_path / name for name in "abc")
    compared = compare_hits([hit(a, 0.9), hit(b, 0.8)], [hit(b, 0.4), hit(c, 0.3)])
    assert compared.shared == 1
    left, right = compared.rows
    assert [(row.rank, row.other) for row in left] == [(1, None), (2, 1)]
    assert [(row.rank, row.other) for row in right] == [(1, 2), (2, None)]
    assert compared.best == (0.9, 0.4)


def test_two_empty_rankings_are_no_division_by_zero():
    assert compare_hits([], []).rows == ((), ())


def test_ranks_are_left_out_where_they_say_nothing(tmp_path):
    found = [hit(tmp_path / "a", 0.9)]
    for compared in (compare_hits(found, None), compare_hits(found, found, ranks=False)):
        assert not any(isinstance(row, ComparedRow) for row in compared.rows[0])
    assert compare_hits(found, None).unknown == (False, True)


@pytest.mark.parametrize(
    ("rank", "other", "text", "colour"),
    [(1, None, "only here", "accent"), (2, 2, "same rank", "muted"),
     (1, 6, "▲ 5", "good"), (9, 2, "▼ 7", "bad")],
)  # fmt: skip
def test_the_badge_says_how_a_frame_fared(qtbot, window, tmp_path, rank, other, text, colour):
    context = window.desktop.context
    delegate = CompareDelegate(context.cache, context.theme)
    row = ComparedRow(hit(tmp_path / "a", 0.5), rank=rank, other=other)
    assert delegate.verdict(row) == (text, colour)


def test_compare_indexes_on_demand_marks_and_goes_back(qtbot, window, core):
    core.workspace = Backwards
    window.search.field.setText("a truck")
    qtbot.waitUntil(lambda: window.model.rowCount() > 0)
    window.action("compareAction").trigger()
    panel = window.findChild(ComparePanel)
    assert panel is not None
    left, right = panel.sides
    second = "c4t:winter"
    right.chooser.setCurrentIndex(right.chooser.findData(second))
    right.chooser.activated.emit(right.chooser.currentIndex())
    button = panel.findChild(QPushButton, "rightIndexButton")
    qtbot.waitUntil(lambda: not button.isHidden())
    assert "12 frames" in right.note.text()
    qtbot.waitUntil(lambda: left.model.rowCount() == 12)
    assert right.model.rowCount() == 0
    text = panel.findChild(QLabel, "compareSummary").text()
    assert text.startswith("winter has not seen these frames yet")
    assert not isinstance(left.model.rows[0], ComparedRow)  # nothing to be "only here" beside
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: right.model.rowCount() == 12)
    assert button.isHidden()
    summary = panel.findChild(QLabel, "compareSummary").text()
    assert summary.startswith("Of the first 12 hits: 12 shared")
    assert left.model.rows[0].other == 12
    right.view.setFocus()
    right.view.setCurrentIndex(right.model.index(0))
    qtbot.keyClick(right.view, Qt.Key.Key_R)
    path = right.model.rows[0].hit.path
    qtbot.waitUntil(lambda: window.desktop.context.marks.marks.get(path) == "right")
    qtbot.keyClick(right.view, Qt.Key.Key_T)
    field = window.findChild(QLineEdit, "tagField")
    qtbot.keyClicks(field, "odd")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.desktop.context.tags.known == (("odd", 1),))
    qtbot.waitUntil(lambda: window.findChild(QDialog, "tagDialog") is None)
    window.activateWindow()  # which this platform leaves to us
    qtbot.waitUntil(window.isActiveWindow)
    before = right.view.grab().toImage()
    for key, name in ((Qt.Key.Key_F7, "whole"), (Qt.Key.Key_F8, "dated")):
        qtbot.keyClick(window, key)  # as in the grid
        assert [getattr(side.delegate, name) for side in panel.sides] == [True, True]
    assert right.view.grab().toImage() != before
    assert panel.findChild(QComboBox, "leftModelChooser").currentData() == "c4t"
    back = panel.findChild(QToolButton, "compareCloseButton")
    with qtbot.waitSignal(panel.closed):
        qtbot.mouseClick(back, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.desktop.runner.busy, timeout=20_000)
    assert [workspace.closed for workspace in core.opened] == [False, True]


def test_what_is_chosen_on_a_side_fills_the_details(qtbot, window, core):
    core.options["embedded"] = 12
    core.workspace = Backwards
    search(qtbot, window, "a truck")
    window.action("compareAction").trigger()
    panel = window.findChild(ComparePanel)
    sides = panel.sides
    until(qtbot, lambda: all(side.model.rowCount() == 12 for side in sides))
    until(qtbot, lambda: not window.desktop.runner.busy)
    details, told = window.details, []
    window.further.hit_chosen.connect(lambda *hit: told.append(hit))
    assert not details.isVisible()
    for number, rank in ((0, 2), (1, 3)):
        sides[number].view.setFocus()
        sides[number].view.setCurrentIndex(sides[number].model.index(rank - 1))
        chosen = sides[number].model.rows[rank - 1].hit
        assert told.pop() == (chosen.path, chosen, sides[number].model_name)
        assert details.path == chosen.path
        assert details.isVisible()
    qtbot.keyClick(sides[1].view, Qt.Key.Key_R)
    assert details.findChild(QPushButton, "markRightButton").isChecked()
    core.opened[-1].files.reverse()  # another order: it is still a hit, with another rank
    panel.findChild(Comparison).refresh()
    until(qtbot, lambda: told and told[-1][1].rank == 10)
    assert sides[1].view.current_path() == details.path == chosen.path
    neighbour = core.opened[0].files[5]
    details.frame_wanted.emit(neighbour)
    assert details.path == neighbour
    window.results.leave_panel()
    assert details.path == window.view.current_path() != neighbour
    until(qtbot, lambda: not window.desktop.runner.busy)


def test_a_workspace_is_closed_after_the_index_that_is_being_stopped(qtbot, window, core):
    entered, go, seen = threading.Event(), threading.Event(), []

    class Slow(Backwards):
        def index(self, *args, **more):
            entered.set()
            go.wait(20)
            seen.append(self.closed)

    core.workspace = Slow
    window.search.field.setText("a truck")
    until(qtbot, lambda: window.model.rowCount())
    window.action("compareAction").trigger()
    button = window.findChild(QPushButton, "rightIndexButton")
    until(qtbot, lambda: not button.isHidden())
    button.click()
    until(qtbot, entered.is_set)
    window.results.leave_panel()
    drain(qtbot, window)
    go.set()
    until(qtbot, lambda: not window.desktop.runner.busy)
    assert seen == [False]
    assert core.last.closed


def test_without_another_model_compare_says_so_rather_than_to_choose_one(qtbot, window, core):
    core.models = fake_models()
    window.desktop.context.library.list_models()
    qtbot.waitUntil(lambda: not window.desktop.runner.busy)
    window.search.field.setText("a truck")
    window.action("compareAction").trigger()
    summary = window.findChild(QLabel, "compareSummary")
    qtbot.waitUntil(lambda: "no other model" in summary.text())
    window.results.leave_panel()
    qtbot.waitUntil(lambda: not window.desktop.runner.busy)


def test_a_model_that_the_window_leaves_is_opened_anew_for_comparing(qtbot, window, core):
    core.options["embedded"] = 12
    asked = []

    class Open(Backwards):
        def answer(self, *args, **more):
            asked.append((self.model_name, self.closed))
            return super().answer(*args, **more)

    core.workspace = Open
    library, runner = window.desktop.context.library, window.desktop.runner
    window.search.field.setText("a truck")
    qtbot.waitUntil(lambda: window.model.rowCount() > 0, timeout=20_000)
    window.action("compareAction").trigger()
    comparison = window.findChild(Comparison)
    qtbot.waitUntil(lambda: not runner.busy, timeout=20_000)
    both = {("c4t", False), ("c4t:winter", False)}
    for model in ("c4t:winter", "c4t"):
        library.use_model(model)
        qtbot.waitUntil(lambda: library.opened_now.model == library.model, timeout=20_000)
        qtbot.waitUntil(lambda: not runner.busy, timeout=20_000)
        asked.clear()
        comparison.refresh()  # the window may ask as well: it has another model
        qtbot.waitUntil(lambda: {*asked} >= both and not runner.busy, timeout=20_000)
        assert {*asked} == both
    window.results.leave_panel()
    qtbot.waitUntil(lambda: not runner.busy, timeout=20_000)
    assert [one for one in core.opened if not one.closed] == [library.workspace]
