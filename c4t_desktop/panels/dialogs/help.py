"""What this is, which versions, under which terms."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from PySide6.QtCore import Qt, Slot, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from c4t_core import __version__, paths
from c4t_desktop.messages import plain_label
from c4t_desktop.theme import Theme

_PACKAGES = (
    "PySide6-Essentials",
    "numpy",
    "pillow",
    "onnxruntime",
    "tokenizers",
    "hnswlib",
    "torch",
    "open_clip_torch",
)


def versions() -> str:
    """Return the versions of what is installed, one a line."""
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
        px = theme.px
        self.resize(px(620), px(500))
        logo = QLabel()
        logo.setPixmap(theme.pixmap("app", 56))
        title = plain_label(f"CLIP4Traffic {__version__}")
        title.setProperty("kind", "title")
        what = plain_label(
            self.tr(
                "Finds driving situations in folders of camera frames by describing them. "
                "Everything happens on this machine. The application is under the MIT licence; "
                "the images its model learned from are for research only or of unknown terms, "
                "as the model card below says."
            ),
            wrap=True,
        )
        what.setProperty("kind", "muted")
        beside = QVBoxLayout()
        beside.addWidget(title)
        beside.addWidget(what)
        head = QHBoxLayout()
        head.setSpacing(px(16))
        head.addWidget(logo, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(beside, 1)
        tabs = QTabWidget()
        tabs.setDocumentMode(True)
        tabs.addTab(_page(versions(), self.tr("Versions")), self.tr("Versions"))
        tabs.addTab(_page(licences(), self.tr("Licences")), self.tr("Model and licences"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = QPushButton(self.tr("Copy versions"))
        theme.dress(copy, "copy")
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(self._copy)
        for button in buttons.findChildren(QPushButton):
            button.setAutoDefault(False)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(24), px(24), px(24), px(16))
        column.setSpacing(px(16))
        column.addLayout(head)
        column.addWidget(tabs, 1)
        column.addWidget(buttons)

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
        columns = QHBoxLayout()
        columns.setSpacing(px(40))
        for groups in self._columns():
            column = QVBoxLayout()
            column.setSpacing(px(16))
            for title, keys in groups:
                column.addLayout(_group(title, keys, theme))
            column.addStretch(1)
            columns.addLayout(column)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        for button in buttons.findChildren(QPushButton):
            button.setAutoDefault(False)
        buttons.rejected.connect(self.reject)
        content = QWidget()
        content.setProperty("kind", "page")
        content.setLayout(columns)
        scroll = QScrollArea()
        scroll.setWidget(content)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(px(24), px(24), px(24), px(16))
        whole.setSpacing(px(16))
        whole.addWidget(scroll, 1)
        whole.addWidget(buttons)
        hint = content.sizeHint()
        self.resize(min(hint.width() + px(72), 1400), min(hint.height() + px(110), 900))

    def _columns(self) -> tuple[tuple[tuple[str, tuple[tuple[str, str], ...]], ...], ...]:
        tr = self.tr
        return (
            (
                (
                    tr("Search"),
                    (
                        ("Ctrl+F  /", tr("type a query")),
                        ("+  −", tr("between spaces: add, exclude a term")),
                        ("2:", tr("before a term: its weight")),
                        ("↓", tr("to the results; in the empty field: earlier queries")),
                        ("Ctrl+V", tr("search by an image in the clipboard")),
                        ("Ctrl+S", tr("save the search as a scenario")),
                        ("Ctrl+Shift+F", tr("search within these results")),
                        ("Ctrl+M", tr("refine by right and wrong marks")),
                        ("Esc", tr("clear the search")),
                    ),
                ),
                (
                    tr("Library"),
                    (
                        ("Ctrl+O", tr("open a folder")),
                        ("Ctrl+Shift+O", tr("add a folder")),
                        ("Ctrl+W", tr("close the folder")),
                        ("F5", tr("look for new files")),
                    ),
                ),
                (
                    tr("Window"),
                    (
                        ("F1", tr("this list")),
                        ("F9  F10", tr("folders and filters; details")),
                        ("Ctrl+D", tr("compare two models")),
                        ("Ctrl+T", tr("train a model")),
                        ("Ctrl+,", tr("settings")),
                        ("Ctrl+Q", tr("quit")),
                    ),
                ),
            ),
            (
                (
                    tr("Results"),
                    (
                        ("← ↑ ↓ →", tr("move")),
                        ("Home  End", tr("first, last")),
                        ("Shift, Ctrl", tr("with arrows or mouse: select several")),
                        ("Enter", tr("show the frame large")),
                        ("Space", tr("mark: right, wrong, none")),
                        ("R  X", tr("mark as right, as wrong")),
                        ("E", tr("unfold or fold an event")),
                        ("Ctrl+L", tr("more like this")),
                        ("Ctrl+C", tr("copy paths")),
                        ("Ctrl+E", tr("export")),
                        ("Ctrl+R", tr("show in the file manager")),
                        ("Ctrl+wheel", tr("size of the pictures")),
                    ),
                ),
                (
                    tr("Large frame"),
                    (
                        ("←  →", tr("previous, next hit")),
                        (",  .", tr("earlier, later in time")),
                        ("P", tr("play the drive")),
                        ("+  −  0  1", tr("zoom in, out, fit, every pixel")),
                        ("Esc", tr("back to the results")),
                    ),
                ),
            ),
        )


def _group(title: str, keys: tuple[tuple[str, str], ...], theme: Theme) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(theme.px(16))
    grid.setVerticalSpacing(theme.px(6))
    heading = plain_label(title)
    heading.setProperty("kind", "subtitle")
    grid.addWidget(heading, 0, 0, 1, 2)
    for line, (key, text) in enumerate(keys, 1):
        name = plain_label(key)
        name.setProperty("kind", "strong")
        name.setMinimumWidth(theme.px(104))
        what = plain_label(text)
        what.setProperty("kind", "muted")
        grid.addWidget(name, line, 0, Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(what, line, 1)
    grid.setColumnStretch(1, 1)
    return grid
