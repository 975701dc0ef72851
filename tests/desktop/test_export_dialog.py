"""Exporting hits as a user does it: from the menu to files on disk."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QLabel,
    QListWidget,
    QPushButton,
    QRadioButton,
)

from c4t_desktop.panels.dialogs.export import ExportDialog, file_stem
from tests.helpers.window import answered, until, wait_rows
from tests.helpers.window import search as find


@pytest.fixture
def ask(qtbot, window):
    """Search, open the dialog, choose a kind and a place."""

    def search(text="truck in snow"):
        find(qtbot, window, text)

    def opened():
        window.action("exportAction").trigger()
        dialogs = window.findChildren(ExportDialog)
        assert dialogs
        return dialogs[-1]

    return search, opened


def child(dialog, kind, name):
    found = dialog.findChild(kind, name)
    assert found is not None, name
    return found


def export(qtbot, dialog, kind, place, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(place), ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(place))
    qtbot.mouseClick(child(dialog, QRadioButton, f"exportKind_{kind}"), Qt.MouseButton.LeftButton)
    button = child(dialog, QPushButton, "exportButton")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: button.isEnabled() and dialog.state.text() != "")
    return child(dialog, QLabel, "exportState").text()


def test_all_hits_become_a_table_with_provenance(qtbot, window, ask, tmp_path, monkeypatch):
    search, opened = ask
    search()
    dialog = opened()
    place = tmp_path / "hits.csv"
    said = export(qtbot, dialog, "csv", place, monkeypatch)
    with place.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == window.model.rowCount()
    assert f"{len(rows)} hits" in said
    assert {row["query"] for row in rows} == {"truck in snow"}
    assert {float(row["threshold"]) for row in rows} == {0.35}
    assert [int(row["rank"]) for row in rows] == list(range(1, len(rows) + 1))
    dialog.reject()


def test_the_selected_hits_become_json_lines(qtbot, window, ask, tmp_path, monkeypatch):
    search, opened = ask
    search()
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_Home)
    qtbot.keyClick(window.view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    chosen = window.view.selected_paths()
    assert len(chosen) == 2
    dialog = opened()
    assert child(dialog, QRadioButton, "exportSelectedChoice").isChecked()
    place = tmp_path / "hits.jsonl"
    export(qtbot, dialog, "jsonl", place, monkeypatch)
    rows = [json.loads(line) for line in place.read_text().splitlines()]
    assert [Path(row["path"]) for row in rows] == chosen
    dialog.reject()


def test_copies_list_what_is_gone(qtbot, window, ask, tmp_path, monkeypatch):
    search, opened = ask
    search()
    gone = window.model.rows[0].hit.path
    dialog = opened()
    gone.unlink()
    out = tmp_path / "out"
    export(qtbot, dialog, "copy", out, monkeypatch)
    failures = child(dialog, QListWidget, "exportFailures")
    assert failures.isVisible()
    assert gone.name in failures.item(0).text()
    assert len(list(out.iterdir())) == window.model.rowCount() - 1
    dialog.reject()


def test_copies_never_go_into_the_image_folder(qtbot, window, ask, frames, monkeypatch):
    search, opened = ask
    search()
    dialog = opened()
    said = export(qtbot, dialog, "copy", frames / "copies", monkeypatch)
    assert "choose another folder" in said
    assert not (frames / "copies").exists()
    dialog.reject()


def test_no_line_is_cut_off_with_large_text(qtbot, window, ask):
    search, opened = ask
    window.desktop.theme.apply("dark", 150)
    try:
        search()
        dialog = opened()
        qtbot.waitUntil(dialog.isVisible)
        QApplication.processEvents()
        for label in dialog.findChildren(QLabel):
            if label.isVisible() and label.wordWrap() and label.text():
                assert label.height() >= label.heightForWidth(label.width()), label.text()
        dialog.reject()
    finally:
        window.desktop.theme.apply("light", 100)


def test_contact_sheets(qtbot, window, ask, tmp_path, monkeypatch):
    search, opened = ask
    search("<img src=x> + snow")
    dialog = opened()
    export(qtbot, dialog, "png", tmp_path / "sheet.png", monkeypatch)
    sheet = QImage(str(tmp_path / "sheet.png"))
    assert sheet.width() == 1560
    colours = {sheet.pixelColor(x, y).name() for x in range(30, 1500, 40) for y in (120, 130)}
    assert len(colours) > 4  # the frames are drawn
    export(qtbot, dialog, "pdf", tmp_path / "sheet.pdf", monkeypatch)
    data = (tmp_path / "sheet.pdf").read_bytes()
    assert data.startswith(b"%PDF")
    assert not list(tmp_path.glob(".*.part"))
    dialog.reject()


def test_paths_go_to_the_clipboard(qtbot, window, ask):
    search, opened = ask
    search()
    dialog = opened()
    button = child(dialog, QPushButton, "exportCopyPathsButton")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    expected = [str(row.hit.path) for row in window.model.rows]
    until(qtbot, lambda: QGuiApplication.clipboard().text().splitlines() == expected)
    dialog.reject()


def test_cancelling_stops_and_says_so(qtbot, window, ask, tmp_path, monkeypatch):
    search, opened = ask
    search()
    dialog = opened()

    def slow(_, __, target, job):
        target.write_text("")
        while True:
            job.progress(1, 3)
            qtbot_wait.wait(0.01)

    import threading

    qtbot_wait = threading.Event()
    monkeypatch.setattr("c4t_desktop.services.export.export", slow)
    place = tmp_path / "hits.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(place), ""))
    qtbot.mouseClick(child(dialog, QPushButton, "exportButton"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "1 of 3" in dialog.state.text())
    assert dialog.bar.isVisible()
    qtbot.mouseClick(child(dialog, QPushButton, "exportCancelButton"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Stopped" in dialog.state.text())
    assert not dialog.bar.isVisible()
    assert child(dialog, QPushButton, "exportButton").isEnabled()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_what_is_browsed_is_exported_without_a_query_or_a_cut(
    qtbot, window, ask, tmp_path, monkeypatch
):
    _, opened = ask
    answered(qtbot, window)
    wait_rows(qtbot, window, 12)
    dialog = opened()
    assert "All frames" in [part.text() for part in dialog.findChildren(QLabel)]
    export(qtbot, dialog, "csv", tmp_path / "all.csv", monkeypatch)
    with (tmp_path / "all.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["query"], row["threshold"]) for row in rows] == [("", "")] * 12
    dialog.reject()


def test_nothing_shown_nothing_to_export(qtbot, window, ask):
    _, opened = ask
    window.desktop.context.library.close()
    until(qtbot, lambda: not window.model.rowCount())
    dialog = opened()
    assert not child(dialog, QPushButton, "exportButton").isEnabled()
    assert not child(dialog, QPushButton, "exportCopyPathsButton").isEnabled()
    dialog.reject()


@pytest.mark.parametrize(
    ("query", "stem"),
    [
        ("truck in snow", "truck-in-snow"),
        ("../../etc/passwd", "etc-passwd"),
        ("snow - <b>people</b>\n", "snow-b-people-b"),
        ("=1+1", "1-1"),
        ("***", "hits"),
        ("雪 Straße", "雪-Straße"),
    ],
)
def test_names_suggested_for_files(query, stem):
    assert file_stem(query) == stem
