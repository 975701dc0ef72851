"""The keys, on one page."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from c4t_desktop.messages import plain_label
from c4t_desktop.theme import Theme


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
