"""Tags by keys and mouse: given to a selection or an event, seen, filtered by, taken back."""

from __future__ import annotations

import csv
import gc
import threading
import weakref
from contextlib import closing
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QToolButton,
    QWidget,
)

from c4t_core.index.store import tags
from c4t_core.index.store.user_data import UserData
from c4t_desktop.services.export import CSV, export, wanted_of
from c4t_desktop.services.library import EDITS, LOOK, SEARCH
from tests.helpers.fake_core import FakeOwn
from tests.helpers.window import busy, child, names, search, side_row, until, wait_rows

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def kept() -> set[tuple[str, str]]:
    """Read what the user's file holds, past the window."""
    with closing(UserData()) as data:
        return {(one.tag, one.image.path.name) for one in tags.tagged(data)}


def settle(qtbot, window):
    until(qtbot, lambda: not busy(window))


def chips(window) -> list[str]:
    panel = window.details.findChildren(QWidget, "tagChip")
    return [chip.accessibleName() for chip in panel if chip.isVisible()]


def give(qtbot, window, text):
    """Type tags into the dialog that a T has opened, and press Enter."""
    dialog = child(window, QDialog, "tagDialog")
    settle(qtbot, window)
    title = dialog.findChildren(QLabel)[0].text()
    field = child(dialog, QLineEdit, "tagField")
    QTest.keyClicks(field, text)
    if field.completer().popup().isVisible():
        qtbot.keyClick(field.completer().popup(), Qt.Key.Key_Escape)
    qtbot.keyClick(field, Qt.Key.Key_Return)
    until(qtbot, lambda: window.findChild(QDialog, "tagDialog") is None)
    window.activateWindow()  # which this platform leaves to us
    settle(qtbot, window)
    return title


def signs(window):
    """Whether each of the first cards bears the sign of a tag."""
    picture = window.view.viewport().grab().toImage()
    ground, side = QColor(window.desktop.theme.colours.shade), window.desktop.theme.px(24)
    spots = [window.view.visualRect(window.model.index(row)).topLeft() for row in range(6)]
    return [
        any(
            picture.pixelColor(spot.x() + x, spot.y() + y) == ground
            for x in range(4, 2 * side)
            for y in range(4, 2 * side)
        )
        for spot in spots
    ]


def test_tags_are_given_seen_filtered_by_kept_in_scenarios_and_taken_back(qtbot, window, tmp_path):
    context = window.desktop.context
    search(qtbot, window, "truck")
    shown, view = names(window), window.view
    view.setFocus()
    view.setCurrentIndex(window.model.index(0))
    qtbot.keyClick(view, Qt.Key.Key_Right, SHIFT)
    qtbot.keyClick(view, Qt.Key.Key_T)
    assert give(qtbot, window, "rain,  to   label") == "Tag 2 frames"
    both = {(tag, name) for tag in ("rain", "to label") for name in shown[:2]}
    assert kept() == both
    assert chips(window) == ["rain", "to label"]
    until(qtbot, lambda: signs(window) == [True, True, *[False] * 4])
    spoken = Qt.ItemDataRole.AccessibleTextRole
    assert window.model.index(1).data(spoken).endswith(", rain, to label")
    view.setCurrentIndex(window.model.index(5))
    settle(qtbot, window)
    assert chips(window) == []
    qtbot.mouseClick(child(window.details, QPushButton, "addTagButton"), Qt.MouseButton.LeftButton)
    assert give(qtbot, window, "RAIN") == "Tag 1 frame"
    assert kept() == both | {("rain", shown[5])}

    row = side_row(qtbot, window, "rain")
    assert row.accessibleName() == "rain, 3"
    qtbot.mouseClick(row, Qt.MouseButton.LeftButton)
    wait_rows(qtbot, window, 3)
    assert names(window) == [*shown[:2], shown[5]]
    qtbot.mouseClick(side_row(qtbot, window, "to label"), Qt.MouseButton.LeftButton)
    wait_rows(qtbot, window, 2)
    qtbot.keyClick(window, Qt.Key.Key_S, CTRL)
    dialog = child(window, QDialog, "saveSearchDialog")
    qtbot.keyClick(child(dialog, QLineEdit, "scenarioName"), Qt.Key.Key_Return)
    until(qtbot, lambda: context.marks.saved and context.marks.saved[0].matches == 2)

    view.setCurrentIndex(window.model.index(0))
    settle(qtbot, window)
    chip = window.details.findChildren(QWidget, "tagChip")[-1]
    chip.setFocus()
    qtbot.keyClick(chip, Qt.Key.Key_Delete)
    wait_rows(qtbot, window, 1)
    assert kept() == (both | {("rain", shown[5])}) - {("to label", shown[0])}
    context.undo.undo()
    wait_rows(qtbot, window, 2)
    context.undo.redo()
    wait_rows(qtbot, window, 1)
    context.undo.undo()
    context.undo.undo()  # the scenario
    context.undo.undo()  # the third frame's
    context.undo.undo()  # nothing has a tag now, so nothing is filtered by one
    wait_rows(qtbot, window, 12)
    assert kept() == set()
    until(qtbot, lambda: not any(signs(window)))
    assert not context.finder.question.filters.tags
    for _ in range(3):
        context.undo.redo()
    settle(qtbot, window)
    assert kept() == both | {("rain", shown[5])}

    qtbot.mouseClick(side_row(qtbot, window, "Truck"), Qt.MouseButton.LeftButton)
    wait_rows(qtbot, window, 2)
    assert context.finder.question.filters.tags == ("rain", "to label")
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_R)
    settle(qtbot, window)
    finder, library = context.finder, context.library
    wanted = wanted_of(finder, "truck", library.workspace)
    target = tmp_path / "hits.csv"
    wanted, done = replace(wanted, hits=finder.shown()), []
    window.desktop.runner.submit(
        lambda job: export(wanted, CSV, target, job), lane="export", done=done.append
    )
    until(qtbot, lambda: done)
    with target.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    marks = {path.name: mark for path, mark in context.marks.marks.items()}
    assert [row["mark"] for row in rows] == [marks.get(row["file"], "") for row in rows]
    assert set(marks.values()) == {"right"}
    assert [(row["tags"], row["event"]) for row in rows] == [("rain, to label", "1")] * 2


def test_a_collection_is_kept_without_a_query(qtbot, window):
    wait_rows(qtbot, window, 12)
    context, shown = window.desktop.context, names(window)
    save = [b for b in window.search.findChildren(QToolButton) if "Ctrl+S" in b.toolTip()][0]
    assert not save.isVisible()
    window.view.setCurrentIndex(window.model.index(2))
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_T)
    give(qtbot, window, "rain, ice")
    qtbot.mouseClick(side_row(qtbot, window, "ice"), Qt.MouseButton.LeftButton)
    wait_rows(qtbot, window, 1)
    qtbot.mouseClick(save, Qt.MouseButton.LeftButton)
    field = child(window, QLineEdit, "scenarioName")
    assert field.text() == "Ice"
    qtbot.keyClick(field, Qt.Key.Key_Return)
    until(qtbot, lambda: context.marks.saved and context.marks.saved[0].matches == 1)
    chip = child(window, QWidget, "filterChip")  # it says so above the frames
    assert chip.accessibleName() == "ice"
    qtbot.keyClick(chip, Qt.Key.Key_Delete)
    wait_rows(qtbot, window, 12)
    qtbot.mouseClick(side_row(qtbot, window, "Ice"), Qt.MouseButton.LeftButton)
    wait_rows(qtbot, window, 1)
    assert names(window) == [shown[2]]
    window.view.setCurrentIndex(window.model.index(0))
    qtbot.keyClick(window.view, Qt.Key.Key_Return)
    until(qtbot, lambda: window.results.shows_frame)
    settle(qtbot, window)
    qtbot.keyClick(window.viewer, Qt.Key.Key_T)
    assert give(qtbot, window, "large") == "Tag 1 frame"
    assert ("large", shown[2]) in kept()


def test_a_tag_is_renamed_from_its_menu_joined_with_another_and_taken_back(qtbot, window):
    wait_rows(qtbot, window, 12)
    context, shown, view = window.desktop.context, names(window), window.view
    for row, text in enumerate(("fog", "rain", "rain, fog")):
        view.setFocus()
        view.setCurrentIndex(window.model.index(row))
        qtbot.keyClick(view, Qt.Key.Key_T)
        give(qtbot, window, text)
    before = kept()
    qtbot.mouseClick(side_row(qtbot, window, "fog"), Qt.MouseButton.LeftButton)
    wait_rows(qtbot, window, 2)
    context.marks.save("Foggy", context.finder.question, None)
    until(qtbot, lambda: context.marks.saved and context.marks.saved[0].matches == 2)
    row = side_row(qtbot, window, "fog")
    qtbot.keyClick(row, Qt.Key.Key_F2)
    dialog = child(window, QDialog, "renameTagDialog")
    field, hint = child(dialog, QLineEdit, "scenarioName"), child(dialog, QLabel, "nameHint")
    for text, says in (("a, b", "commas"), ("RAIN", "become one"), ("mist", "")):
        field.setText(text)
        assert (says in hint.text()) if says else not hint.text()
    qtbot.keyClick(field, Qt.Key.Key_Return)
    until(qtbot, lambda: kept() == {("mist" if t == "fog" else t, name) for t, name in before})
    until(qtbot, lambda: context.finder.question.filters.tags == ("mist",))
    until(qtbot, lambda: context.marks.saved[0].question.filters.tags == ("mist",))
    wait_rows(qtbot, window, 2)
    context.undo.undo()
    until(qtbot, lambda: kept() == before)
    until(qtbot, lambda: context.finder.question.filters.tags == ("fog",))
    row = side_row(qtbot, window, "fog")
    row.customContextMenuRequested.emit(row.rect().center())
    menu = child(window, QMenu, "tagMenu")
    QTest.mouseClick(
        menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(menu.actions()[0]).center()
    )
    dialog = window.findChildren(QDialog, "renameTagDialog")[-1]
    field = child(dialog, QLineEdit, "scenarioName")
    field.setText("rain")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    until(qtbot, lambda: kept() == {("rain", name) for name in shown[:3]})
    wait_rows(qtbot, window, 3)  # what was filtered by goes on under its new name
    assert child(window, QLabel, "undoNotice").isVisible()
    context.undo.undo()
    until(qtbot, lambda: kept() == before)
    settle(qtbot, window)


def test_a_card_that_stands_for_an_event_means_all_of_it(qtbot, window):
    search(qtbot, window, "truck")
    shown = names(window)
    qtbot.mouseClick(child(window.header, QCheckBox, "foldEvents"), Qt.MouseButton.LeftButton)
    wait_rows(qtbot, window, 1)
    window.view.setCurrentIndex(window.model.index(0))
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_T)
    assert give(qtbot, window, "tunnel") == "Tag 12 frames"
    assert kept() == {("tunnel", name) for name in shown}
    assert side_row(qtbot, window, "tunnel").accessibleName() == "tunnel, 12"
    qtbot.keyClick(window.view, Qt.Key.Key_E)
    wait_rows(qtbot, window, 12)
    qtbot.keyClick(window.view, Qt.Key.Key_T)
    assert give(qtbot, window, "a, b") == "Tag 1 frame"
    qtbot.keyClick(window.view, Qt.Key.Key_T)
    dialog = child(window, QDialog, "tagDialog")
    field = child(dialog, QLineEdit, "tagField")
    QTest.keyClicks(field, "x" * 101)
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert "at most 100" in child(dialog, QLabel, "tagProblem").text()
    field.clear()
    QTest.keyClicks(field, "new, tu")
    completer = field.completer()
    assert completer.completionCount() == 1
    assert completer.currentCompletion() == "new, tunnel"
    qtbot.keyClick(completer.popup(), Qt.Key.Key_Escape)
    settle(qtbot, window)
    (chip,) = [c for c in dialog.findChildren(QWidget, "tagChip") if c.accessibleName() == "a"]
    cross = QPoint(chip.width() - 12, chip.height() // 2)
    qtbot.mouseClick(chip, Qt.MouseButton.LeftButton, pos=cross)
    until(qtbot, lambda: not any(tag == "a" for tag, _ in kept()))
    dialog.reject()
    settle(qtbot, window)


def test_tags_are_asked_of_by_a_dialog_that_is_closed_before_they_are_known(qtbot, window):
    search(qtbot, window, "truck")
    go = threading.Event()
    window.desktop.runner.submit(lambda _: go.wait(20), lane="details")
    window.view.setCurrentIndex(window.model.index(0))
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_T)
    child(window, QDialog, "tagDialog").reject()
    until(qtbot, lambda: window.findChild(QDialog, "tagDialog") is None)
    go.set()
    settle(qtbot, window)  # an exception on the way fails the test


def test_what_is_tagged_is_kept_though_another_model_is_chosen_meanwhile(
    qtbot, window, core, monkeypatch
):
    context, runner, go = window.desktop.context, window.desktop.runner, threading.Event()
    context.marks.failed.connect(lambda error: pytest.fail(str(error)))
    search(qtbot, window, "truck")
    shown, left = names(window), weakref.ref(core.last)

    def keys(own, images):
        assert own is left().own
        assert not left().closed
        return asked(own, images)

    asked = FakeOwn.keys
    monkeypatch.setattr(FakeOwn, "keys", keys)
    for lane in (LOOK, EDITS):
        runner.submit(lambda _: go.wait(20), lane=lane)
    window.view.setCurrentIndex(window.model.index(0))
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_R)
    qtbot.keyClick(window.view, Qt.Key.Key_T)
    QTest.keyClicks(child(window, QLineEdit, "tagField"), "rain")
    qtbot.keyClick(child(window, QLineEdit, "tagField"), Qt.Key.Key_Return)
    context.library.use_model("c4t:winter")
    until(
        qtbot, lambda: context.library.workspace is not left() and not context.library.is_indexing
    )
    done = []
    runner.submit(lambda _: None, lane=SEARCH, done=done.append)
    until(qtbot, lambda: done)  # no query runs in it any more
    go.set()
    settle(qtbot, window)
    assert kept() == {("rain", shown[0])}
    assert left().closed
    assert left().rested
    context.undo.undo()
    settle(qtbot, window)
    assert kept() == set()
    context.undo.redo()
    settle(qtbot, window)
    assert kept() == {("rain", shown[0])}
    core.opened.pop(0)
    gc.collect()
    assert left() is None  # what can be taken back keeps no workspace
