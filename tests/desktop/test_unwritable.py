"""A data folder in which nothing can be kept, and caches that are emptied or damaged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QMessageBox, QWidget

from c4t_core.images.thumbnails import ThumbnailStore
from c4t_desktop.jobs.thumbnails import Request, make_picture
from c4t_desktop.theme import icons
from tests.helpers.denied import why_not

ROOT = Path(__file__).parents[2]
WHY_NOT = why_not()
WINDOW = """
import sys, time
from c4t_desktop.app import create_application, start_log
from PySide6.QtWidgets import QMessageBox, QWidget
start_log()
app, window = create_application(["c4t-desktop", *sys.argv[1:]])
sys.excepthook = window.desktop.caught
library = window.desktop.context.library
def until(what):
    while not what():
        app.processEvents()
        time.sleep(0.01)
until(lambda: library.opened_now is not None)
until(lambda: not library.is_indexing)
window.findChild(QWidget, "searchField").setText("red")
finder = window.desktop.context.finder
until(lambda: finder.found is not None and finder.found.question.text == "red")
until(lambda: window.view.model().rowCount() > 0)
until(lambda: window.desktop.context.cache.bytes_used)
for box in window.findChildren(QMessageBox):
    print(box.text(), "|", box.informativeText())
window.close()
window.desktop.shutdown()
"""


def boxes(window: QWidget) -> list[QMessageBox]:
    return window.findChildren(QMessageBox, "problemDialog")


def test_a_window_and_one_sentence(qtbot, open_window, frames, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("C4T_DATA_DIR", str(tmp_path / "file" / "data"))
    window = open_window(frames)
    qtbot.waitUntil(lambda: bool(boxes(window)), timeout=20_000)
    library = window.desktop.context.library
    qtbot.waitUntil(lambda: library.opened_now is not None and not library.is_indexing)
    window.search.field.setText("snow")
    qtbot.waitUntil(lambda: window.view.model().rowCount() > 0, timeout=20_000)
    (box,) = boxes(window)
    assert "C4T_DATA_DIR" in box.informativeText()
    assert str(tmp_path / "file" / "data") in box.informativeText()
    icon = window.action("settingsAction").icon()
    assert not icon.pixmap(QSize(20, 20)).toImage().isNull()  # drawn without files
    box.close()


@pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
@pytest.mark.timeout(300)
@pytest.mark.parametrize("lack", ["writing", "space"])
def test_a_read_only_or_full_folder(lack, tmp_path, shipped_model, data_dir):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(4):
        Image.new("RGB", (64, 48), (60 * number, 0, 0)).save(pictures / f"{number}.png")
    (tmp_path / "window.py").write_text(WINDOW, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-B", "-m", *words, str(pictures)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    assert run("c4t_core", "index").returncode == 0
    before = {path: path.stat().st_mtime_ns for path in data_dir.rglob("*") if path.is_file()}
    done = run("tests.helpers.denied", lack, "window")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("|") == 1, done.stdout
    assert str(data_dir) in done.stdout
    assert "C4T_DATA_DIR" in done.stdout
    assert "Traceback" not in done.stderr
    if lack == "writing":
        now = {path: path.stat().st_mtime_ns for path in data_dir.rglob("*") if path.is_file()}
        assert now == before


@pytest.mark.parametrize("content", [b"", b"<svg", b"\0" * 300], ids=["empty", "cut", "rotten"])
def test_an_icon_file_is_made_again(qapp, content):
    path = icons.file("search", "#123456")
    whole = path.read_bytes()
    assert b"#123456" in whole
    path.write_bytes(content)
    assert icons.file("search", "#123456").read_bytes() == whole


@pytest.mark.parametrize("harm", ["empty", "cut", "other"])
def test_a_thumbnail_is_made_again(tmp_path, harm):
    source = tmp_path / "a.png"
    Image.new("RGB", (300, 200), (200, 10, 10)).save(source)
    store, request = ThumbnailStore(tmp_path / "kept"), Request(source, 256)
    assert make_picture(request, store).image is not None
    (kept,) = (tmp_path / "kept").rglob("*.jpg")
    whole = kept.read_bytes()
    kept.write_bytes({"empty": b"", "cut": whole[:200], "other": b"no picture"}[harm])
    made = make_picture(request, store)
    assert made.image is not None
    assert made.reason == ""
    assert kept.read_bytes() == whole


def test_an_emptied_note_of_a_failure_says_nothing(tmp_path):
    source = tmp_path / "a.png"
    source.write_bytes(b"no picture")
    store, request = ThumbnailStore(tmp_path / "kept"), Request(source, 256)
    reason = make_picture(request, store).reason
    assert reason
    (note,) = (tmp_path / "kept").rglob("*.failed")
    note.write_bytes(b"")
    assert make_picture(request, store).reason == reason
    assert note.read_text("utf-8") == reason
