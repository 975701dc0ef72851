"""Managing models as a user does it; what reaches the network or disk is played."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QComboBox,
    QDialogButtonBox,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QTreeWidget,
)

from c4t_core.errors import DownloadError, ModelError
from c4t_core.models.protocol import ModelInfo
from c4t_desktop.panels.bars.top_bar import ModelChooser
from c4t_desktop.panels.dialogs.add_model import AddModelDialog, DownloadDialog, suggest_name
from c4t_desktop.panels.dialogs.models import ModelsDialog


def child(dialog, kind, name):
    found = dialog.findChild(kind, name)
    assert found is not None, name
    return found


def click(qtbot, dialog, name):
    qtbot.mouseClick(child(dialog, QPushButton, name), Qt.MouseButton.LeftButton)


def choose(dialog, name):
    tree = child(dialog, QTreeWidget, "modelsList")
    items = [tree.topLevelItem(place) for place in range(tree.topLevelItemCount())]
    (item,) = (item for item in items if item.data(0, Qt.ItemDataRole.UserRole) == name)
    tree.setCurrentItem(item)
    return item


def answer(qtbot, dialog, name, which):
    box = dialog.findChild(QMessageBox, name)
    qtbot.mouseClick(box.button(which), Qt.MouseButton.LeftButton)
    return box


@pytest.fixture
def dialog(qtbot, window):
    window.action("modelsAction").trigger()
    made = window.findChildren(ModelsDialog)[-1]
    qtbot.waitUntil(lambda: child(made, QTreeWidget, "modelsList").topLevelItemCount() > 0)
    qtbot.waitUntil(lambda: not window.desktop.runner.busy)
    yield made
    for dialog in window.findChildren(ModelsDialog):
        dialog.reject()


def test_models_that_cannot_be_used_say_why(dialog):
    tree = child(dialog, QTreeWidget, "modelsList")
    rows = [[tree.topLevelItem(r).text(c) for c in (0, 2, 4)] for r in range(2)]
    assert rows == [["C4T", "55.0 MB", "in use"], ["CLIP", "605 MB", "not downloaded"]]
    choose(dialog, "clip")
    assert "can download them (605 MB)" in child(dialog, QLabel, "modelAbout").text()
    assert not child(dialog, QPushButton, "removeModelButton").isEnabled()
    assert not child(dialog, QPushButton, "useModelButton").isEnabled()


def test_models_are_plain_names_with_what_they_are_and_their_index(qtbot, dialog, core):
    names = [f"c4t:winter-{number}" for number in range(3)]
    own = [ModelInfo(name, "c4t", Path("w"), fingerprint="f" * 64) for name in names]
    core.models = (*core.models, *own)
    dialog.show_models(core.models)
    item = choose(dialog, names[0])
    qtbot.waitUntil(lambda: item.text(3) != "")
    assert [item.text(c) for c in (0, 1, 3)] == ["winter-0", "your own C4T model", "none yet"]
    assert "12 frames it lacks" in child(dialog, QLabel, "modelWhen").text()
    assert choose(dialog, "c4t").text(3) == "all 12 frames"
    assert child(dialog, QLabel, "modelWhen").text() == "It answers every search."
    tree = child(dialog, QTreeWidget, "modelsList")
    item = choose(dialog, names[-1])
    said = [label.text() for label in dialog.findChildren(QLabel) if label.isVisible()]
    said += [item.text(c) for c in range(tree.columnCount())]
    for raw in (names[-1], "f" * 12):  # what only commands and files call it by
        assert not any(raw in text for text in said)
        assert raw in item.toolTip(0)
    void = tree.viewport().height() - tree.visualItemRect(item).bottom()
    assert void < tree.visualItemRect(item).height()
    assert dialog.height() <= dialog.layout().totalHeightForWidth(dialog.width()) + 20


def test_the_shipped_model_cannot_be_removed(dialog):
    choose(dialog, "c4t")
    assert not child(dialog, QPushButton, "removeModelButton").isEnabled()


def test_a_download_says_its_size_first_and_can_be_cancelled(qtbot, dialog, monkeypatch):
    begun, pause = [], threading.Event()

    def download(name, progress):
        begun.append(name)
        while True:
            progress(300_000_000, 605_000_000)
            pause.wait(0.01)

    monkeypatch.setattr("c4t_core.models.clip.download_size", lambda name: 605_157_884)
    monkeypatch.setattr("c4t_core.models.clip.download", download)
    choose(dialog, "clip")
    click(qtbot, dialog, "downloadModelButton")
    qtbot.waitUntil(lambda: dialog.findChild(QMessageBox, "downloadQuestion") is not None)
    assert "605 MB" in dialog.findChild(QMessageBox, "downloadQuestion").text()
    assert begun == []
    answer(qtbot, dialog, "downloadQuestion", QMessageBox.StandardButton.Ok)
    qtbot.waitUntil(lambda: "300 MB of 605 MB" in child(dialog, QLabel, "modelsState").text())
    assert begun == ["clip"]
    click(qtbot, dialog, "modelsCancelButton")
    qtbot.waitUntil(lambda: "goes on from here" in child(dialog, QLabel, "modelsState").text())
    assert child(dialog, QPushButton, "downloadModelButton").isEnabled()


def test_offline_is_one_sentence(qtbot, dialog, monkeypatch):
    def offline(name):
        raise DownloadError("There is no network; connect to the internet, or add a file.")

    monkeypatch.setattr("c4t_core.models.clip.download_size", offline)
    choose(dialog, "clip")
    click(qtbot, dialog, "downloadModelButton")
    state = child(dialog, QLabel, "modelsState")
    qtbot.waitUntil(lambda: "There is no network" in state.text())
    assert dialog.findChild(QMessageBox, "downloadQuestion") is None


def test_a_folder_is_added_under_a_name(qtbot, window, dialog, core, tmp_path, monkeypatch):
    added = []

    def add(folder, name):
        added.append((folder, name))
        core.models = (
            *core.models,
            ModelInfo("c4t:winter", "c4t", folder, size_bytes=1_000_000, description="Mine."),
        )
        return "c4t:winter"

    monkeypatch.setattr("c4t_core.models.registry.register", add)
    folder = tmp_path / "winter drives"
    folder.mkdir()
    click(qtbot, dialog, "addModelButton")
    question = dialog.findChild(AddModelDialog)
    ok = question.buttons.button(QDialogButtonBox.StandardButton.Ok)
    assert not ok.isEnabled()
    qtbot.keyClicks(child(question, QLineEdit, "addModelPlace"), str(folder))
    assert child(question, QLineEdit, "addModelName").text() == "winter-drives"
    assert not child(question, QComboBox, "addModelArchitecture").isVisible()
    qtbot.mouseClick(ok, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.current == "c4t:winter")
    assert added == [(folder, "winter-drives")]
    assert "winter is here now" in child(dialog, QLabel, "modelsState").text()
    assert "c4t:winter" in [info.name for info in window.desktop.context.library.models]


def test_a_checkpoint_gets_its_architecture(qtbot, dialog, tmp_path, monkeypatch):
    added = []
    monkeypatch.setattr(
        "c4t_core.models.clip.add_checkpoint",
        lambda *what: added.append(what) or "clip:mine",
    )
    file = tmp_path / "mine.safetensors"
    file.write_bytes(b"")
    click(qtbot, dialog, "addModelButton")
    question = dialog.findChild(AddModelDialog)
    qtbot.keyClicks(child(question, QLineEdit, "addModelPlace"), str(file))
    chooser = child(question, QComboBox, "addModelArchitecture")
    assert chooser.isVisible()
    chooser.lineEdit().selectAll()
    qtbot.keyClicks(chooser.lineEdit(), "ViT-B-32")
    qtbot.mouseClick(
        question.buttons.button(QDialogButtonBox.StandardButton.Ok), Qt.MouseButton.LeftButton
    )
    qtbot.waitUntil(lambda: added == [(file, "mine", "ViT-B-32")])


def test_rubbish_is_a_sentence_and_what_was_typed_stays(qtbot, dialog, tmp_path):
    pytest.importorskip("torch")
    file = tmp_path / "junk.safetensors"
    file.write_text("junk\n")
    click(qtbot, dialog, "addModelButton")
    question = dialog.findChild(AddModelDialog)
    qtbot.keyClicks(child(question, QLineEdit, "addModelPlace"), str(file))
    child(question, QLineEdit, "addModelName").setText("mine")
    chooser = child(question, QComboBox, "addModelArchitecture")
    chooser.setEditText("ViT-B-99")
    ok = question.buttons.button(QDialogButtonBox.StandardButton.Ok)
    qtbot.mouseClick(ok, Qt.MouseButton.LeftButton)
    hint = child(question, QLabel, "addModelHint")
    qtbot.waitUntil(lambda: "is not a plain weight file" in hint.text(), timeout=60_000)
    qtbot.waitUntil(ok.isEnabled)
    assert question.isVisible()
    assert child(question, QLineEdit, "addModelPlace").text() == str(file)
    assert child(question, QLineEdit, "addModelName").text() == "mine"
    assert chooser.currentText() == "ViT-B-99"
    question.reject()


def test_what_can_be_downloaded_is_chosen_or_typed(qtbot, dialog, monkeypatch):
    asked = []

    def size(name):
        asked.append(name)
        if name == "clip:no@such":
            raise ModelError("open_clip has no such weights; take another.")
        return 349_123_456

    monkeypatch.setattr("c4t_core.models.clip.download_size", size)
    choose(dialog, "c4t")
    click(qtbot, dialog, "downloadModelButton")
    chooser = dialog.findChild(DownloadDialog)
    rows = child(chooser, QTreeWidget, "downloadList")
    texts = [[rows.topLevelItem(r).text(c) for c in range(4)] for r in range(5)]
    assert texts[1][:3] == ["pe-core-s", "349 MB", "Apache-2.0"]
    assert texts[4][:3] == ["mobileclip2-s0", "299 MB", "research only"]
    assert all(row[3] for row in texts)
    ok = chooser.buttons.button(QDialogButtonBox.StandardButton.Ok)
    other = child(chooser, QLineEdit, "downloadName")
    qtbot.keyClicks(other, "no/such")
    hint = child(chooser, QLabel, "downloadHint")
    assert "licence" in hint.text()
    qtbot.mouseClick(ok, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "no such weights" in hint.text())
    qtbot.waitUntil(ok.isEnabled)
    assert other.text() == "no/such"
    other.clear()
    rows.setCurrentItem(rows.topLevelItem(1))
    qtbot.mouseClick(ok, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.findChild(QMessageBox, "downloadQuestion") is not None)
    assert asked == ["clip:no@such", "clip:pe-core-s"]
    assert "349 MB" in dialog.findChild(QMessageBox, "downloadQuestion").text()
    answer(qtbot, dialog, "downloadQuestion", QMessageBox.StandardButton.Cancel)


def test_a_clip_from_a_file_answers_the_toggle(qtbot, window, core):
    chooser = window.findChild(ModelChooser)
    before = chooser.sizeHint().width()
    models = (*core.models, ModelInfo("clip:ViT-B-16-of-mine", "clip", Path("mine")))
    chooser.show_models(models, "c4t")
    assert chooser.sizeHint().width() > before
    with qtbot.waitSignal(chooser.chosen) as chosen:
        second = chooser.rect().center()
        qtbot.mouseClick(chooser, Qt.MouseButton.LeftButton, pos=second)
    assert chosen.args == ["clip:ViT-B-16-of-mine"]


def test_removing_asks_and_an_error_is_one_sentence(qtbot, dialog, core, window, monkeypatch):
    core.models = (*core.models, ModelInfo("c4t:old", "c4t", Path("old")))
    dialog.show_models(core.models)
    choose(dialog, "c4t:old")
    removed = []

    def remove(name):
        removed.append(name)
        raise ModelError("It is in use; close what uses it and try again.")

    monkeypatch.setattr("c4t_core.models.registry.remove", remove)
    click(qtbot, dialog, "removeModelButton")
    answer(qtbot, dialog, "removeQuestion", QMessageBox.StandardButton.Cancel)
    assert removed == []
    qtbot.waitUntil(lambda: dialog.findChild(QMessageBox, "removeQuestion") is None)
    click(qtbot, dialog, "removeModelButton")
    answer(qtbot, dialog, "removeQuestion", QMessageBox.StandardButton.Ok)
    state = child(dialog, QLabel, "modelsState")
    qtbot.waitUntil(lambda: "close what uses it" in state.text())
    assert removed == ["c4t:old"]


def test_a_model_is_used_from_here(qtbot, window, dialog, core):
    core.models = (*core.models, ModelInfo("c4t:mine", "c4t", Path("mine")))
    dialog.show_models(core.models)
    choose(dialog, "c4t:mine")
    click(qtbot, dialog, "useModelButton")
    qtbot.waitUntil(lambda: core.last.model_name == "c4t:mine")


def test_missing_packages_are_named_with_the_command(qtbot, window, monkeypatch):
    monkeypatch.setattr("c4t_desktop.services.models.importlib.util.find_spec", lambda _: None)
    window.action("modelsAction").trigger()
    dialog = window.findChildren(ModelsDialog)[-1]
    texts = [label.text() for label in dialog.findChildren(QLabel)]
    assert any("Training needs more packages (about 6 GB)" in text for text in texts)
    click(qtbot, dialog, "copyExtra_clip")
    assert QGuiApplication.clipboard().text() == 'pip install "c4t-desktop[clip]"'
    dialog.reject()


@pytest.mark.parametrize(
    ("place", "name"),
    [("a b.safetensors", "a-b"), ("ö/..", ""), ("-x-", "x"), ("x" * 99, "x" * 64)],
)
def test_names_suggested_for_models(place, name):
    assert suggest_name(Path("/nowhere") / place) == name
