"""The list of files that were skipped, with reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QHeaderView,
    QTableView,
    QWidget,
)

from c4t_desktop.gallery.results_model import plain_tip, shown
from c4t_desktop.messages import plural
from c4t_desktop.panels.parts import close_buttons, column, label, push_button
from c4t_desktop.theme import Theme

if TYPE_CHECKING:
    from c4t_core.workspace import Skipped

_ROOT = QModelIndex()
Index = QModelIndex | QPersistentModelIndex


class SkippedModel(QAbstractTableModel):
    """Files and reasons."""

    def __init__(self, skipped: Sequence[Skipped], parent: QWidget) -> None:
        """Show a list of Skipped."""
        super().__init__(parent)
        self._skipped = list(skipped)

    def rowCount(self, parent: Index = _ROOT) -> int:  # noqa: N802
        """Return how many files there are."""
        return 0 if parent.isValid() else len(self._skipped)

    def columnCount(self, parent: Index = _ROOT) -> int:  # noqa: N802
        """Return two: file and reason."""
        return 0 if parent.isValid() else 2

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return the text of a cell in one line, or whole as a tooltip."""
        entry = self._skipped[index.row()]
        text = shown(entry.path.name) if index.column() == 0 else entry.reason
        if role == Qt.ItemDataRole.DisplayRole:
            return text.replace("\n", "⏎")
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(str(entry.path) if index.column() == 0 else entry.reason)
        return None

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return the titles of the columns."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (self.tr("File"), self.tr("Reason"))[section]
        return None

    def as_text(self) -> str:
        """Return the list as one file and reason a line."""
        return "\n".join(f"{shown(str(entry.path))}\t{entry.reason}" for entry in self._skipped)


class SkippedDialog(QDialog):
    """Shows what was skipped and why.

    Signals:
        retry_wanted: try these files again.
    """

    retry_wanted = Signal()

    def __init__(
        self, skipped: Sequence[Skipped], theme: Theme, parent: QWidget | None = None
    ) -> None:
        """Show a list of Skipped."""
        super().__init__(parent)
        self.setObjectName("skippedDialog")
        self.setWindowTitle(self.tr("Skipped files"))
        self.resize(theme.px(760), theme.px(460))
        self._model = SkippedModel(skipped, self)
        table = QTableView()
        table.setModel(self._model)
        table.setShowGrid(False)
        table.setAlternatingRowColors(True)
        table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        table.setWordWrap(False)
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(theme.px(28))
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        table.horizontalHeader().setStretchLastSection(True)
        table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        table.setColumnWidth(0, theme.px(300))
        title = plural(
            len(skipped),
            self.tr("{0} file could not be used"),
            self.tr("{0} files could not be used"),
        )
        hint = self.tr("They are left alone, and tried again when they change.")
        copy = push_button(self.tr("Copy the list"), icon="copy", theme=theme)
        retry = push_button(self.tr("Try again now"), "retryButton", "refresh", theme=theme)
        copy.clicked.connect(self._copy)
        retry.clicked.connect(self._retry)
        column(
            theme,
            label(title, "subtitle"),
            label(hint, "muted", wrap=True),
            table,
            close_buttons(self, copy, retry),
            margins=(20, 20, 20, 16),
            gap=8,
            parent=self,
        )

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._model.as_text())

    @Slot()
    def _retry(self) -> None:
        self.retry_wanted.emit()
        self.accept()
