"""What the user made, seen in the window: repairs are told, one bad search hides no other."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QLabel,
    QMessageBox,
    QPushButton,
    QScrollArea,
)

from c4t_core.index.store.user_data import ImageKey, Scenario, UserData
from c4t_desktop.panels.bars.widgets import SideRow
from tests.helpers import hands
from tests.helpers.window import busy, child, side_row, until


def test_a_repaired_file_is_told_in_a_dialog_and_what_was_made_is_there(
    qtbot, open_window, frames, data_dir
):
    with closing(UserData()) as data:
        data.save_scenario(Scenario("Trucks", "truck"))
    (data_dir / "user.sqlite").write_bytes(b"")
    window = open_window(frames)
    until(qtbot, lambda: window.desktop.context.marks.saved and not busy(window))
    box = child(window, QMessageBox, "problemDialog")
    assert "restored" in box.informativeText()
    box.close()
    assert [saved.name for saved in window.desktop.context.marks.saved] == ["Trucks"]


def test_a_repair_by_a_program_without_a_reader_is_told_at_the_next_start(
    qtbot, open_window, frames, data_dir
):
    with closing(UserData()) as data:
        data.remember("truck")
    (data_dir / "user.sqlite").write_bytes(b"")
    UserData().close()
    window = open_window(frames)
    until(qtbot, lambda: window.findChild(QMessageBox, "problemDialog") is not None)
    child(window, QMessageBox, "problemDialog").close()
    until(qtbot, lambda: not busy(window))


@pytest.mark.parametrize(
    "settings", ['{"filters": ', "[]", '{"filters": {"tag": "x"}}', '{"filters": {"day": "x"}}']
)
def test_one_unreadable_search_is_listed_and_the_others_work(qtbot, open_window, frames, settings):
    with closing(UserData()) as data:
        for name in ("a", "b", "c"):
            data.save_scenario(Scenario(name, "truck"))
        with data.writing() as db:
            db.execute("UPDATE scenarios SET settings = ? WHERE name = 'b'", (settings,))
    window = open_window(frames)
    marks = window.desktop.context.marks
    until(qtbot, lambda: marks.saved and marks.saved[2].matches == 12 and not busy(window))
    assert [saved.matches for saved in marks.saved] == [12, None, 12]

    def rows_shown():
        rows = [row for row in window.sidebar.findChildren(SideRow) if row.isVisible()]
        return [row for row in rows if row.stands_for in marks.saved]

    until(qtbot, lambda: len(rows_shown()) == 3)
    rows = rows_shown()
    hands.click(rows[1])
    box = child(window, QMessageBox, "problemDialog")
    assert marks.saved[1].problem in box.informativeText()
    box.close()
    rows[1].setFocus()
    qtbot.keyClick(rows[1], Qt.Key.Key_Delete)
    until(qtbot, lambda: [saved.name for saved in marks.saved] == ["a", "c"])
    until(qtbot, lambda: not busy(window))


def test_what_was_made_goes_out_and_comes_in_by_the_settings(qtbot, window, tmp_path, monkeypatch):
    with closing(UserData()) as data:
        data.mark("truck", [ImageKey(Path("/drives"), "a.png")], True)
        data.save_scenario(Scenario("Trucks", "truck"))
    file = tmp_path / "out.jsonl"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    qtbot.keyClick(window, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
    dialog = child(window, QDialog, "settingsDialog")
    told = child(dialog, QLabel, "userDataResult")
    child(dialog, QPushButton, "exportUserDataButton").click()
    until(qtbot, lambda: "out.jsonl" in told.text())
    assert json.loads(file.read_text("utf-8").splitlines()[0])["marks"] == 1
    with closing(UserData()) as data:
        data.delete_scenario("Trucks")
    child(dialog, QPushButton, "importUserDataButton").click()
    marks = window.desktop.context.marks
    until(qtbot, lambda: [saved.name for saved in marks.saved] == ["Trucks"])
    until(qtbot, lambda: "1 saved" in told.text() or "1 marks" in told.text())
    file.write_text('{"kind": "mark"}\n')
    child(dialog, QPushButton, "importUserDataButton").click()
    until(qtbot, lambda: window.findChild(QMessageBox, "problemDialog") is not None)
    box = child(window, QMessageBox, "problemDialog")
    assert "out.jsonl:1" in box.informativeText()
    box.close()
    dialog.close()
    until(qtbot, lambda: not busy(window))


def test_the_situations_of_searchad_come_and_go_together(qtbot, window):
    with closing(UserData()) as data:
        data.save_scenario(Scenario("SearchAD: mine", "truck"))
    marks = window.desktop.context.marks
    marks.load()
    qtbot.keyClick(window, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
    dialog = child(window, QDialog, "settingsDialog")
    button = child(dialog, QPushButton, "packButton")
    assert button.text() == "Add"
    button.click()
    until(qtbot, lambda: len(marks.saved) == 91 and button.text() == "Remove")
    dialog.close()
    pack = side_row(qtbot, window, "▸ SearchAD, 90")
    panel = child(window, QScrollArea, "sidePanel")

    def names():
        return [row.accessibleName().partition(",")[0] for row in panel.findChildren(SideRow)]

    assert "SearchAD: mine" in names()
    assert "Vehicle-Duty-Fire" not in names()
    qtbot.mouseClick(pack, Qt.MouseButton.LeftButton)
    fire = side_row(qtbot, window, "Vehicle-Duty-Fire")
    until(qtbot, lambda: all(saved.matches is not None for saved in marks.saved))
    fire = side_row(qtbot, window, "Vehicle-Duty-Fire")
    qtbot.mouseClick(fire, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: window.search.field.text() == "a fire engine" and not busy(window))
    qtbot.keyClick(side_row(qtbot, window, "Vehicle-Duty-Fire"), Qt.Key.Key_Delete)
    until(qtbot, lambda: len(marks.saved) == 90)
    qtbot.keyClick(side_row(qtbot, window, "▾ SearchAD, 89"), Qt.Key.Key_Delete)
    until(qtbot, lambda: [saved.name for saved in marks.saved] == ["SearchAD: mine"])
    until(qtbot, lambda: not busy(window))
