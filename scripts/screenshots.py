"""Render every screen of the window without a display, light and dark, at 1x and 2x.

``make screenshots`` writes into ``screenshots/``, which is ignored. Frames come from the sample
drive, whose pictures are drawn, or from ``--images FOLDER``. Besides light and dark, 1x and 2x it
shows German, a window that reads from right to left, text at 200 % and a small window; ``--quick``
leaves out the fine-tuning and the evaluation, which take minutes. ``--docs`` makes the pictures of
``docs/tutorials.md`` again, of the sample drive and in few colours, and nothing else.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from c4t_desktop.panels.training.wizard import TrainingWizard

PATIENCE = 400  # seconds for a run of one epoch on a busy machine


def take(gallery: Gallery, sample: Path, work: Path, *, trained: bool = True) -> None:
    """Take the pictures of wizard and evaluation of labels; ``work`` is a folder for files."""
    from c4t_core.datasets.make_pairs import PairsRequest, make_pairs

    pairs, scenes = work / "pairs.csv", work / "scenes.jsonl"
    request = PairsRequest("a2d2", sample, pairs, scenes=scenes, per_image=2)
    make_pairs(request)
    if importlib.util.find_spec("torch") is not None:
        wizard = _wizard(gallery, pairs, request.root)
        if trained:
            _train(gallery, pairs, wizard)
            _compare(gallery)
        else:
            wizard.hide()
    _evaluation(gallery, pairs, request.root, scenes)


def _wizard(gallery: Gallery, pairs: Path, root: Path) -> TrainingWizard:
    from c4t_desktop.panels.training.wizard import TrainingWizard

    gallery.window.action("trainAction").trigger()
    wizard = gallery.window.findChild(TrainingWizard)
    gallery.settle()
    wizard.pairs.images.setText(str(root))
    wizard.pairs.file.setText(str(pairs))
    gallery.wait(lambda: wizard.pairs.checked is not None, 60)
    gallery.both("wizard-1-pairs", wizard)
    return wizard


def _train(gallery: Gallery, pairs: Path, wizard: TrainingWizard) -> None:
    from PySide6.QtWidgets import QLineEdit

    broken = pairs.with_name("with problems.csv")
    text = pairs.read_text(encoding="utf-8")
    broken.write_text(text + "gone.jpg,A car that is not there.,,\n../up.jpg,Outside.,,\n", "utf-8")
    wizard.pairs.file.setText(str(broken))
    gallery.wait(lambda: wizard.pairs.checked is not None, 60)
    gallery.both("wizard-1-problems", wizard)
    wizard.pairs.file.setText(str(pairs))
    gallery.wait(lambda: wizard.pairs.checked is not None, 60)
    wizard.next.click()
    gallery.settle()
    gallery.both("wizard-2-model", wizard)
    wizard.model.epochs.setValue(6)
    wizard.findChild(QLineEdit, "modelNameField").setText("sample")
    ready: list[str] = []
    wizard.model_ready.connect(ready.append)
    wizard.start.click()
    points = wizard.run.retrieval.curves
    gallery.wait(lambda: max(map(len, points.values()), default=0) > 3 or bool(ready), PATIENCE)
    gallery.both("wizard-3-training", wizard)
    gallery.wait(lambda: bool(ready), PATIENCE)
    gallery.wait(lambda: False, 0.5)
    gallery.both("wizard-4-result", wizard)
    wizard.hide()
    gallery.library.list_models()
    gallery.settle()


def _compare(gallery: Gallery) -> None:
    gallery.ask("truck in snow")
    gallery.window.action("compareAction").trigger()
    gallery.settle()
    gallery.both("compare-needs-index")
    for button in gallery.window.results.currentWidget().findChildren(_button()):
        if button.isVisible() and button.objectName().endswith("IndexButton"):
            button.click()
            gallery.settle()
    gallery.both("compare-models")
    gallery.window.results.leave_panel()


def _button() -> type:
    from PySide6.QtWidgets import QPushButton

    return QPushButton


def _evaluation(gallery: Gallery, pairs: Path, root: Path, scenes: Path) -> None:
    from PySide6.QtWidgets import QCheckBox

    from c4t_desktop.panels.evaluation.panel import RESULT, EvaluationPanel

    gallery.window.action("evaluateAction").trigger()
    panel = gallery.window.findChildren(EvaluationPanel)[-1]
    gallery.settle()
    for field, text in (("pairs", pairs), ("images", root), ("scenes", scenes)):
        getattr(panel.setup, field).setText(str(text))
    for box in panel.findChildren(QCheckBox):
        if box.objectName() == "evaluateModel_c4t:sample" and not box.isChecked():
            box.click()
    gallery.settle()
    gallery.both("evaluation-filled")
    panel.setup.start.click()
    gallery.wait(lambda: panel.pages.currentIndex() == RESULT, PATIENCE)
    gallery.settle()
    gallery.both("evaluation-result")
    panel.result.setCurrentIndex(1)
    gallery.settle()
    gallery.both("evaluation-queries")
    gallery.window.results.leave_panel()


QUERIES = {"results": "truck in snow", "terms": "snow + truck - people", "folded": "rainy street"}
EXTRAS = {  # more runs at 1x, each with a few screens only
    "de": ("--language", "de"),
    "rtl": ("--rtl",),
    "200": ("--text", "200"),
    "small": ("--size", "760x520"),
}
FEW = ("empty", "indexing", "ready", "results", "no-match", "settings", "shortcuts", "export",
       "models", "compare", "evaluation", "training", "no-images", "about")  # fmt: skip
TUTORIALS = {  # screens of docs/tutorials.md, and what their pictures are called
    "folded": "tutorial-search",
    "scenarios": "tutorial-scenarios",
    "wizard-1-pairs": "tutorial-pairs",
    "evaluation-result": "tutorial-figures",
}
TUTORIALS_SIZE = "1100x700"
_COLOURS_KEPT = 96
_DEFERRED_DELETE = 52  # QEvent.DeferredDelete; processEvents leaves it to a loop that runs
DIALOGS = {
    "settings": "settingsAction",
    "about": "aboutAction",
    "shortcuts": "shortcutsAction",
    "save-search": "saveSearchAction",
    "skipped": "skippedAction",
}
PANELS = {
    "compare": "compareAction",
    "evaluation": "evaluateAction",
    "training": "trainAction",
    "export": "exportAction",
    "models": "modelsAction",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, help="frames to show (default: the sample drive)")
    parser.add_argument("--out", type=Path, default=Path("screenshots"))
    parser.add_argument("--only", nargs="*", default=[], help="names of screens")
    parser.add_argument("--scales", nargs="*", type=int, default=[1, 2])
    parser.add_argument("--colours", nargs="*", default=["light", "dark"])
    parser.add_argument("--text", type=int, default=100, help="text size in percent")
    parser.add_argument("--size", default="1440x860")
    parser.add_argument("--language", default="en")
    parser.add_argument("--rtl", action="store_true", help="read from right to left")
    parser.add_argument("--quick", action="store_true", help="no fine-tuning, no evaluation")
    parser.add_argument("--tag", default="", help="put into the names of the pictures")
    parser.add_argument("--docs", action="store_true", help="the pictures of the tutorials")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.docs:
        args.out, args.scales, args.tag = Path("docs"), [1], "docs"
        args.colours, args.size = ["light"], TUTORIALS_SIZE
    if args.child:
        return Gallery(args).run()
    status = 0
    runs: list[tuple[int, list[str]]] = [(scale, []) for scale in args.scales]
    if not (args.only or args.tag):
        few = ["--quick", "--colours", "light", "--only", *FEW]
        runs += [(1, [*words, "--tag", tag, *few]) for tag, words in EXTRAS.items()]
    for scale, words in runs:
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": str(scale)}
        with tempfile.TemporaryDirectory() as data:
            environment["C4T_DATA_DIR"] = data
            command = [sys.executable, "-m", "scripts.screenshots", *sys.argv[1:], *words]
            done = subprocess.run([*command, "--child", str(scale)], env=environment, check=False)
            status = status or done.returncode
    return status


class Gallery:
    """Takes the pictures, one screen after the other."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.out = args.out
        self.out.mkdir(parents=True, exist_ok=True)
        self.taken = 0

    def run(self) -> int:
        """Open the window, go through the screens, close it."""
        from PySide6.QtCore import Qt
        from PySide6.QtWidgets import QApplication

        from c4t_desktop.app import create_application
        from c4t_desktop.settings import LANGUAGE, Settings

        Settings().set(LANGUAGE, self.args.language)
        if self.args.rtl:
            QApplication([]).setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        self.app, self.window = create_application(["c4t-desktop"])
        width, height = map(int, self.args.size.split("x"))
        self.window.resize(width, height)
        context = self.window.desktop.context
        self.library, self.finder = context.library, context.finder
        settings = context.settings
        from c4t_desktop.settings import COLOURS, TEXT_SCALE

        settings.set(TEXT_SCALE, self.args.text)
        settings.set(COLOURS, self.args.colours[0])
        self.both = lambda name, widget=None: self._both(name, settings, COLOURS, widget)
        self._tutorials() if self.args.docs else self._screens()
        self.window.close()
        print(f"{self.taken} pictures in {self.out}")
        return 0

    def _screens(self) -> None:
        images = self.args.images or self.window.folder_commands.sample_folder()
        self.wait(lambda: False, 0.4)
        self.both("empty")
        self.window.folder_commands.open_folders([images / "no such folder"])
        self.wait(lambda: bool(self.library.folders) and not self._busy())
        self.both("error-missing-folder")
        bad = self.with_bad_files(images)
        self.window.folder_commands.open_folders([bad])
        self.wait(lambda: self.library._last[0] > 0, 60)
        self.both("indexing")
        self.wait(lambda: not self._busy(), 600)
        self.both("ready")
        for name, query in QUERIES.items():
            self.ask(query)
            if name == "folded":
                self.finder.set_fold(True)
                self.settle()
            if name == "results":
                self._mark_some()
            self.both(name)
        self.finder.set_fold(False)
        self.ask(QUERIES["results"])
        self._large()
        self._hover()
        self._within()
        self._no_match()
        self.ask("snow +")
        self.both("not-understood")
        self.ask(QUERIES["results"])
        for name, action in DIALOGS.items():
            self._dialog(name, action)
        for name, action in PANELS.items():
            if self.window.action(action).isVisible():
                self._panel(name, action)
        if not self.args.quick:
            with tempfile.TemporaryDirectory() as work:
                take(self, self.window.folder_commands.sample_folder(), Path(work))
        self._offline(bad)
        empty = Path(tempfile.mkdtemp())
        self.window.search.clear()
        self.window.folder_commands.open_folders([empty])
        self.wait(lambda: not self._busy(), 60)
        self.both("no-images")
        shutil.rmtree(bad.parent)
        shutil.rmtree(empty)

    def _tutorials(self) -> None:
        folders, marks = self.window.folder_commands, self.window._context.marks
        work = Path(tempfile.gettempdir()) / "tutorials"  # a short path, which the pictures show
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(folders.sample_folder(), work / "drives")
        folders.open_folders([work / "drives"])
        self.wait(lambda: bool(self.library.folders) and not self._busy(), 600)
        self.finder.set_fold(True)
        for query in ("rain at night", "people on a crossing", "truck in snow"):
            self.ask(query)
            marks.save(query.capitalize(), self.finder.question, None)
        self.settle()
        self.both("folded")
        self.both("scenarios", self.window.sidebar)
        take(self, work / "drives", work, trained=False)
        shutil.rmtree(work)

    def with_bad_files(self, images: Path) -> Path:
        """Return a folder of these images and of some that cannot be read."""
        base = Path(tempfile.mkdtemp()) / "Munich–Stuttgart, October"
        base.mkdir()
        files = [path for path in sorted(images.rglob("*")) if path.suffix in (".png", ".jpg")]
        for path in files:
            place = base / path.relative_to(images)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(path.resolve())
        (base / "broken-0001.jpg").write_bytes(b"not an image")
        (base / "<img src=x> empty.png").write_bytes(b"")
        return base

    def ask(self, query: str) -> None:
        """Search, and wait for the answer and its pictures."""
        self.window.search.field.setText(query)
        self.window.search.field.entered.emit()
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is on its way."""
        self.wait(lambda: False, 0.25)
        self.wait(lambda: not self._busy() and not self.window._context.thumbnails.waiting, 60)
        self.wait(lambda: False, 0.4)

    def _busy(self) -> bool:
        return self.window.desktop.runner.busy

    def _mark_some(self) -> None:
        rows = self.window.model.rows
        marks = self.window._context.marks
        marks.mark([row.hit.path for row in rows[:3:2]], "right")
        marks.mark([row.hit.path for row in rows[4:5]], "wrong")
        marks.save("Truck in snow", self.finder.question, None)
        self.settle()

    def _large(self) -> None:
        if self.window.model.rows:
            self.window.results.open_frame(self.window.model.rows[0].hit.path)
            self.settle()
            self.both("frame")
            self.window.results.close_frame()

    def _hover(self) -> None:
        if self.window.model.rowCount() > 1:
            self.window.view.entered.emit(self.window.model.index(1))
            self.wait(self.window.preview.isVisible, 3)
            self.settle()
            self.both("hover")
            self.window.preview.leave()

    def _within(self) -> None:
        self.window.search.search_within()
        self.ask("blue car")
        self.both("within")
        self.window.sidebar._filters.clear()

    def _offline(self, folder: Path) -> None:
        """Take the disk away."""
        away = folder.with_name("unplugged")
        self.ask(QUERIES["results"])
        self.window._context.thumbnails.forget_waiting()
        folder.rename(away)
        self.window.action("indexAction").trigger()
        self.settle()
        self.both("offline-results")
        self.window.search.clear()
        self.settle()
        self.both("offline")
        away.rename(folder)

    def _no_match(self) -> None:
        self.ask("elephants in a swimming pool")
        self.finder.set_cut(2.0)
        self.settle()
        self.both("no-match")
        self.finder.set_cut(None)

    def _dialog(self, name: str, action: str) -> None:
        before = set(self.app.topLevelWidgets())
        self.window.action(action).trigger()
        self.settle()
        for opened in set(self.app.topLevelWidgets()) - before:
            if opened.isVisible():
                self.both(name, opened)
                opened.close()
        self.settle()

    def _panel(self, name: str, action: str) -> None:
        before = set(self.app.topLevelWidgets())
        self.window.action(action).trigger()
        self.settle()
        opened = [w for w in set(self.app.topLevelWidgets()) - before if w.isVisible()]
        self.both(name, opened[0] if opened else None)
        for dialog in opened:
            dialog.close()
        if not opened:
            self.window.results.leave_panel()
        self.settle()

    def _both(self, name: str, settings: object, colours: object, widget: object = None) -> None:
        if self.args.only and name not in self.args.only:
            return
        if self.args.docs:
            self._small(name, widget or self.window)
            return
        for wanted in self.args.colours:
            settings.set(colours, wanted)
            self.wait(lambda: False, 0.15)
            tag = f"-{self.args.tag}" if self.args.tag else ""
            file = self.out / f"{name}-{wanted}-{self.args.child}x{tag}.png"
            (widget or self.window).grab().save(str(file))
            self.taken += 1

    def _small(self, name: str, widget: QWidget) -> None:
        """Write a picture of the tutorials in few colours."""
        from PIL import Image

        if name not in TUTORIALS:
            return
        file = self.out / f"{TUTORIALS[name]}.png"
        widget.grab().save(str(file))
        with Image.open(file) as whole:
            whole.convert("RGB").quantize(_COLOURS_KEPT).save(file, optimize=True)
        self.taken += 1

    def wait(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        """Let the window live until a condition holds, so many seconds at the most."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not condition():
            self.app.processEvents()
            self.app.sendPostedEvents(None, _DEFERRED_DELETE)
            time.sleep(0.005)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.exit(status)
