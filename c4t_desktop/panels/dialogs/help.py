"""What explains the window: what it is and under which terms, and every key."""

from __future__ import annotations

import platform
from collections.abc import Sequence

from PySide6.QtCore import Qt, Slot, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QGridLayout,
    QLabel,
    QPlainTextEdit,
    QScrollArea,
    QTabWidget,
    QWidget,
)

from c4t_core import __version__, paths
from c4t_desktop.panels.parts import close_buttons, column, label, named, push_button, row
from c4t_desktop.theme import Theme

_Groups = dict[str, tuple[tuple[str, str], ...]]  # by title: keys, and what they do
_PACKAGES = (
    "PySide6-Essentials",
    "numpy",
    "pillow",
    "imagecodecs",
    "numkong",
    "onnxruntime",
    "openvino",
    "tokenizers",
    "hnswlib",
    "torch",
    "open_clip_torch",
)


def versions() -> str:
    """Return the versions of what is installed, one a line."""
    from importlib.metadata import PackageNotFoundError, version

    lines = [
        f"CLIP4Traffic {__version__}",
        f"Python {platform.python_version()}",
        f"Qt {qVersion()}",
        platform.platform(),
    ]
    for name in _PACKAGES:
        try:
            lines.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            lines.append(f"{name} -")
    lines.append(str(paths.data_dir()))
    return "\n".join(lines)


def licences() -> str:
    """Return the terms of what ships: model card, fonts, libraries."""
    parts = []
    for where in (("models", "lite", "model_card.md"), ("sample", "drives", "README.txt")):
        try:
            parts.append(paths.resource(*where).read_text("utf-8").strip())
        except (FileNotFoundError, OSError):
            continue
    try:
        folder = paths.resource("licences")
        parts.extend(file.read_text("utf-8").strip() for file in sorted(folder.glob("*.txt")))
    except (FileNotFoundError, OSError):
        pass
    return ("\n\n" + "─" * 40 + "\n\n").join(parts)


class AboutDialog(QDialog):
    """Says what this is."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Gather versions and terms."""
        super().__init__(parent)
        self.setObjectName("aboutDialog")
        self.setWindowTitle(self.tr("About CLIP4Traffic"))
        self.resize(theme.px(620), theme.px(500))
        logo = QLabel()
        logo.setPixmap(theme.pixmap("app", 56))
        logo.setAlignment(Qt.AlignmentFlag.AlignTop)
        what = self.tr(
            "Finds driving situations in folders of camera frames by describing them. "
            "Everything happens on this machine. The application is under the MIT licence; "
            "the images its model learned from are for research only or of unknown terms, "
            "as the model card below says."
        )
        title = label(f"CLIP4Traffic {__version__}", "title")
        beside = column(theme, title, label(what, "muted", wrap=True))
        head = row(theme, logo, beside, wide=beside, gap=16)
        tabs = QTabWidget()
        tabs.setDocumentMode(True)
        tabs.addTab(_page(versions(), self.tr("Versions")), self.tr("Versions"))
        tabs.addTab(_page(licences(), self.tr("Licences")), self.tr("Model and licences"))
        copy = push_button(self.tr("Copy versions"), icon="copy", theme=theme)
        copy.clicked.connect(self._copy)
        buttons = close_buttons(self, copy)
        column(theme, head, tabs, buttons, wide=tabs, margins=(24, 24, 24, 16), gap=16, parent=self)

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(versions())


def _page(text: str, name: str) -> QPlainTextEdit:
    page = QPlainTextEdit()
    page.setReadOnly(True)
    page.setPlainText(text)
    page.setAccessibleName(name)
    page.setTabChangesFocus(True)
    return page


class ShortcutsDialog(QDialog):
    """Lists every key of the window."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Make the list."""
        super().__init__(parent)
        self.setObjectName("shortcutsDialog")
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        px = theme.px
        columns = [
            column(
                theme, *[_group(title, keys, theme) for title, keys in groups.items()], None, gap=16
            )
            for groups in self._columns()
        ]
        content = named(QWidget(), "", kind="page")
        content.setLayout(row(theme, *columns, gap=40))
        scroll = QScrollArea()
        scroll.setWidget(content)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        buttons = close_buttons(self)
        column(theme, scroll, buttons, wide=scroll, margins=(24, 24, 24, 16), gap=16, parent=self)
        hint = content.sizeHint()
        self.resize(min(hint.width() + px(72), 1400), min(hint.height() + px(110), 900))

    def _columns(self) -> tuple[_Groups, _Groups]:
        tr = self.tr
        left = {
            tr("Search"): (
                ("Ctrl+F  /", tr("type a query")),
                ("+  −", tr("between spaces: add, exclude a term")),
                ("2:", tr("before a term: its weight")),
                ("person>=2", tr("so many, or = <= and a number; a condition on what is seen")),
                ("truck:near", tr("or :far :left :ahead :right")),
                ("no:car", tr("none of them")),
                ("↓", tr("to the results; in the empty field: earlier queries")),
                ("Ctrl+V", tr("search by an image in the clipboard")),
                ("Ctrl+S", tr("save the search as a scenario")),
                ("Ctrl+Shift+F", tr("search within these results")),
                ("F2  Alt+↑ ↓  Del", tr("in the list of scenarios: rename, move, delete")),
                ("F2", tr("in the list of tags: rename")),
                ("Ctrl+M", tr("refine by right and wrong marks")),
                ("Esc", tr("clear the search")),
            ),
            tr("Library"): (
                ("Ctrl+O", tr("open a folder")),
                ("Ctrl+Shift+O", tr("add a folder")),
                ("Ctrl+W", tr("close the folder")),
                ("F5", tr("look for new files")),
            ),
            tr("Window"): (
                ("F1", tr("this list")),
                ("Ctrl+Z  Ctrl+Shift+Z", tr("undo, redo: marks, scenarios, forgetting, clearing")),
                ("F7  F8", tr("whole pictures; drive and time on the cards")),
                ("F9  F10", tr("folders and filters; details")),
                ("Ctrl+D", tr("compare two models")),
                ("Ctrl+T", tr("train a model")),
                ("Ctrl+,", tr("settings")),
                ("Ctrl+Q", tr("quit")),
            ),
        }
        right = {
            tr("Results"): (
                ("← ↑ ↓ →", tr("move")),
                ("Home  End", tr("first, last")),
                ("Shift, Ctrl", tr("with arrows or mouse: select several")),
                ("Enter", tr("show the frame large")),
                ("Space", tr("mark: right, wrong, none")),
                ("R  X", tr("mark as right, as wrong")),
                ("T", tr("tag the selected frames, or a whole event")),
                ("E", tr("unfold or fold an event")),
                ("Ctrl+L", tr("more like this")),
                ("Ctrl+C", tr("copy paths")),
                ("Ctrl+E", tr("export")),
                ("Ctrl+R", tr("show in the file manager")),
                ("Ctrl+wheel", tr("size of the pictures")),
            ),
            tr("Large frame"): (
                ("←  →", tr("previous, next hit")),
                (",  .", tr("earlier, later in time")),
                ("P", tr("play the drive")),
                ("+  −  0  1", tr("zoom in, out, fit, every pixel")),
                ("Esc", tr("back to the results")),
            ),
        }
        return left, right


def _group(title: str, keys: Sequence[tuple[str, str]], theme: Theme) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(theme.px(16))
    grid.setVerticalSpacing(theme.px(6))
    grid.addWidget(label(title, "subtitle"), 0, 0, 1, 2)
    for line, (key, text) in enumerate(keys, 1):
        grid.addWidget(label(key, "strong"), line, 0, Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(label(text, "muted"), line, 1)
    grid.setColumnMinimumWidth(0, theme.px(104))
    grid.setColumnStretch(1, 1)
    return grid
