"""The window on a shared table: opened, searched, its pictures fetched once that is agreed to."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QToolButton,
    QWidget,
)

from c4t_core.cluster import copying, opening
from c4t_core.cluster.table import Header, Row, SharedTable, create_table, open_table
from c4t_core.workspace import open_workspace
from tests.helpers import hands
from tests.helpers.served import served
from tests.helpers.toy_model import COLOURS, ToyModel, save_picture
from tests.helpers.window import busy, child, names, search, side_row, until

pytest.importorskip("lancedb")
pytest.importorskip("fsspec.asyn").get_loop()  # its thread stays: before threads are counted
pytest.importorskip("aiohttp")
CTRL = Qt.KeyboardModifier.ControlModifier
MODEL = ToyModel()
FAR = {"yellow_000000.png", "black_000001.png", "white_000002.png"}  # at an address


def rows(root: str, folder: Path, names: list[str]) -> list[Row]:
    """Rows of pictures in a folder, under another root."""
    made = []
    for name in names:
        with Image.open(folder / name) as image:
            vector = MODEL.encode_images([image.convert("RGB")])[0].astype(np.float16)
        info = (folder / name).stat()
        made.append(Row(root, os.fsencode(name), info.st_size, info.st_mtime_ns, vector=vector))
    return made


def fill(shared: SharedTable, root: str, folder: Path, colours: list[str]) -> None:
    for number, colour in enumerate(colours):
        save_picture(folder / f"{colour}_{number:06d}.png", COLOURS[colour], number)
    shared.commit(rows(root, folder, sorted(os.listdir(folder))))


@pytest.fixture
def there(tmp_path):
    """What lies at an address: three pictures, served."""
    (tmp_path / "there").mkdir()
    with served(tmp_path / "there") as server:
        yield server


@pytest.fixture
def team(tmp_path, there):
    """A table of frames in a folder and at an address."""
    header = Header(MODEL.name, MODEL.fingerprint, MODEL.dim)
    shared = create_table(tmp_path / "team.lance", header)
    fill(shared, str(tmp_path / "near"), tmp_path / "near", ["red", "green", "blue"])
    fill(shared, there.address, tmp_path / "there", ["yellow", "black", "white"])
    return Path(shared.address)


@pytest.fixture
def open_window(open_window, monkeypatch):
    """Open a window that reads tables with the core itself, and a toy model."""
    monkeypatch.setattr("c4t_core.workspace.open_workspace", open_workspace)
    real = opening.open_workspace
    monkeypatch.setattr(
        opening, "open_workspace", lambda folders, _, **more: real(folders, MODEL, **more)
    )
    return open_window


def fetch_box(window):
    return window.findChild(QMessageBox, "fetchDialog")


def choose(qtbot, monkeypatch, window, folder):
    """Open a folder as one does: Ctrl+O, and choose it."""
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    until(qtbot, window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_O, CTRL)
    until(qtbot, lambda: window.desktop.context.library.opened_now is not None)


def reasons(window):
    """Why cards have no picture."""
    cache = window.desktop.context.cache
    return {cache.reason(path) for path in shown_paths(window)} - {""}


def shown_paths(window):
    """Files of the cards."""
    model = window.view.model()
    found = [model.row_at(model.index(row, 0)) for row in range(model.rowCount())]
    return [row.hit.path for row in found if row is not None]


def pictures(window):
    """Names of the files whose card has its picture."""
    cache = window.desktop.context.cache
    return {p.name for p in shown_paths(window) if cache.get(p, 256, ask=False) is not None}


def test_a_table_is_searched_and_its_pictures_come_when_they_are_wanted(
    qtbot, open_window, monkeypatch, team, there
):
    window = open_window()
    choose(qtbot, monkeypatch, window, team)
    until(qtbot, lambda: fetch_box(window) is not None)
    box = fetch_box(window)
    assert there.address in box.informativeText()
    until(qtbot, lambda: pictures(window) or reasons(window))
    assert there.asked == []
    there.go.clear()
    qtbot.keyClick(box.button(QMessageBox.StandardButton.Ok), Qt.Key.Key_Space)
    search(qtbot, window, "yellow")
    until(qtbot, lambda: there.asked)

    search(qtbot, window, "red")  # answered while every fetch waits
    assert names(window)[0] == "red_000000.png"
    assert not pictures(window) & FAR
    assert window.status.findChild(QToolButton, "indexButton").text() == "Look for a newer version"
    there.go.set()
    search(qtbot, window, "yellow")
    until(qtbot, lambda: "yellow_000000.png" in pictures(window))
    assert sorted(there.asked) == sorted(set(there.asked))

    row = side_row(qtbot, window, there.address.rpartition("/")[2])
    hands.click(row)
    until(qtbot, lambda: {path.name for path in shown_paths(window)} <= FAR)
    qtbot.keyClick(row, Qt.Key.Key_Delete)  # the table goes with it
    until(qtbot, lambda: window.desktop.context.library.folders == () and not busy(window))

    again = open_window(team)  # what was agreed to is not asked again
    until(qtbot, lambda: pictures(again))
    assert fetch_box(again) is None


def test_a_table_that_is_dropped_on_the_window_opens_and_how_far_it_is_read_is_said(
    qtbot, open_window, monkeypatch, team
):
    monkeypatch.setattr(copying, "AT_ONCE", 2)
    window = open_window()
    library, said = window.desktop.context.library, []
    text, far = (child(window.status, QLabel, name) for name in ("statusText", "indexRate"))
    bar = child(window.status, QProgressBar, "indexProgress")

    def note(_):
        assert far.isVisible()
        said.append((text.text(), far.text(), bar.value(), bar.maximum()))

    library.reading.connect(note)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(team))])
    assert hands.drop(child(window, QWidget, "emptyState"), data)
    until(qtbot, lambda: library.opened_now is not None)
    assert library.only_tables
    assert said[-1] == ("Reading the table", "6 of 6", 6, 6)
    assert {one[0] for one in said} == {"Reading the table"}
    until(qtbot, lambda: window.view.model().rowCount() == 6 and not busy(window))
    assert not far.isVisible()
    assert "6 frames ready" in text.text()
    assert names(window)
    assert child(window, QToolButton, "folderButton").text() == "team.lance"
    fetch_box(window).reject()


def test_details_of_a_frame_at_an_address(qtbot, open_window, team, there):
    window = open_window(team)
    until(qtbot, lambda: fetch_box(window) is not None)
    fetch_box(window).accept()
    search(qtbot, window, "white")
    window.activateWindow()
    until(qtbot, window.isActiveWindow)
    panel = window.details
    until(qtbot, lambda: panel.path is not None and panel.path.name == "white_000002.png")
    until(qtbot, lambda: "white_000002.png" in pictures(window))
    assert not child(panel, QPushButton, "revealButton").isVisibleTo(panel)
    qtbot.keyClick(window, Qt.Key.Key_C, CTRL)
    assert QGuiApplication.clipboard().text() == f"{there.address}/white_000002.png"
    qtbot.keyClick(window, Qt.Key.Key_R, CTRL)
    until(qtbot, lambda: "lies at an address" in child(window, QLabel, "statusText").text())


def test_a_newer_version_waits_until_it_is_wanted(qtbot, open_window, team, tmp_path):
    window = open_window(team)
    until(qtbot, lambda: window.view.model().rowCount() == 6 and not busy(window))
    fetch_box(window).reject()
    until(qtbot, lambda: window.desktop.watch.watched == 1)
    save_picture(tmp_path / "near" / "red_000009.png", COLOURS["red"], 9)
    new = rows(str(tmp_path / "near"), tmp_path / "near", ["red_000009.png"])
    open_table(team).commit(new)
    button = child(window.status, QToolButton, "indexButton")
    until(qtbot, lambda: button.text() == "Switch to it")
    assert window.view.model().rowCount() == 6
    text, said = child(window, QLabel, "statusText"), []
    assert "newer version" in text.text()
    window.desktop.context.library.indexing.connect(lambda _: said.append(text.text()))
    hands.click(button)
    until(qtbot, lambda: window.view.model().rowCount() == 7)
    assert {*said} <= {"Looking through team.lance…", "Reading team.lance"}
    assert said[-1] == "Reading team.lance"
    until(qtbot, lambda: button.isVisible() and button.text() == "Look for a newer version")


def test_beside_folders_a_newer_version_waits_though_files_are_looked_for(
    qtbot, open_window, team, tmp_path
):
    own = tmp_path / "own"
    save_picture(own / "red_000100.png", COLOURS["red"], 100)
    window = open_window(team, own)
    assert window.action("indexAction").text() == "Look for new files"
    until(qtbot, lambda: window.view.model().rowCount() == 7 and not busy(window))
    fetch_box(window).reject()
    save_picture(tmp_path / "near" / "red_000009.png", COLOURS["red"], 9)
    open_table(team).commit(rows(str(tmp_path / "near"), tmp_path / "near", ["red_000009.png"]))
    save_picture(own / "red_000101.png", COLOURS["red"], 101)
    window.activateWindow()
    until(qtbot, window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_F5)
    button = child(window.status, QToolButton, "indexButton")
    until(qtbot, lambda: "red_000101.png" in names(window) and not busy(window))
    until(qtbot, lambda: button.isVisible() and button.text() == "Switch to it")
    assert "red_000009.png" not in names(window)
    qtbot.keyClick(window, Qt.Key.Key_F5)  # another look takes the offer not away
    until(qtbot, lambda: not busy(window) and not window.desktop.context.library.is_indexing)
    assert button.text() == "Switch to it"
    hands.click(button)
    until(qtbot, lambda: "red_000009.png" in names(window))
    until(qtbot, lambda: button.isVisible() and button.text() == "Look for new files")


def test_the_menu_says_what_is_looked_for(qtbot, open_window, team, tmp_path):
    (tmp_path / "own").mkdir()
    window = open_window(team)
    action = window.action("indexAction")
    until(qtbot, lambda: fetch_box(window) is not None and not busy(window))
    assert action.text() == "Look for a newer version"
    fetch_box(window).reject()
    window.folder_commands.open_folders([tmp_path / "own"])
    assert action.text() == "Look for new files"
    until(qtbot, lambda: not busy(window))


def test_nothing_of_a_table_is_offered_that_would_write(qtbot, open_window, team):
    window = open_window(team)
    row = side_row(qtbot, window, "near")
    fetch_box(window).reject()
    assert [*hands.menu_of(row, row.rect().center())] == [
        "Close this table",
        "Forget what was read of it",
    ]
    assert not window.action("reindexAction").isVisible()


def test_an_address_that_cannot_be_opened_is_said_as_it_is_typed(qtbot, open_window):
    window = open_window()
    until(qtbot, window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_O, CTRL | Qt.KeyboardModifier.AltModifier)
    until(qtbot, lambda: window.findChild(QLineEdit, "addressField") is not None)
    field = child(window, QLineEdit, "addressField")
    opens = field.window().findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Open)
    for typed, says in (
        ("/data/team.lance", "begins with its kind"),
        ("s3://team/frames", "ends in .lance"),
        ("s3://me:secret@team/frames.lance", "AWS_ACCESS_KEY_ID"),
        ("s3://team/frames.lance?sig=secret", "AWS_ACCESS_KEY_ID"),
    ):
        field.selectAll()
        qtbot.keyClicks(field, typed)
        hint = child(window, QLabel, "addressHint").text()
        assert says in hint
        assert "secret" not in hint
        assert not opens.isEnabled()
        qtbot.keyClick(field, Qt.Key.Key_Return)
        assert field.isVisible()
    assert window.desktop.context.library.folders == ()
    field.selectAll()
    qtbot.keyClicks(field, "s3://team/frames.lance/")
    assert opens.isEnabled()
    opened = []
    window.desktop.context.library.opening.connect(lambda folders, _: opened.append(folders))
    window.desktop.runner.shutdown(1)  # nothing is asked of the network here
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert opened == [(Path("s3:/team/frames.lance"),)]
