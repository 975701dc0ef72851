"""The list of files that were skipped or left out, with reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QHeaderView,
    QTableView,
    QWidget,
)

from c4t_core.records import dataclass
from c4t_desktop.gallery.results_model import plain_tip, shown
from c4t_desktop.messages import count_text, plural
from c4t_desktop.panels.parts import close_buttons, column, label, push_button
from c4t_desktop.theme import Theme

if TYPE_CHECKING:
    from c4t_core.index.indexer import IndexReport
    from c4t_core.workspace import LeftOut, Skipped

_ROOT = QModelIndex()
Index = QModelIndex | QPersistentModelIndex


def _tr(text: str) -> str:
    return QCoreApplication.translate("SkippedDialog", text)


@dataclass(frozen=True)
class Row:
    """One line of the list.

    Attributes:
        name: what it is about, in short: a file, a folder, an ending.
        whole: the same in full.
        reason: why it is not indexed.
    """

    name: str
    whole: str
    reason: str


def rows_of(skipped: Sequence[Skipped], report: IndexReport | None) -> list[Row]:
    """Return what was skipped, then what was left out, each with its reason.

    Args:
        skipped: the files that cannot be used.
        report: of the last run; None before its end.
    """
    rows = [Row(entry.path.name, str(entry.path), entry.reason) for entry in skipped]
    if report is None:
        return rows
    rows += [_left_out(left) for left in report.left_out]
    unread = _tr("{0} files, of a format that is not read")
    rows += [
        _ending(*item, _tr("1 file, of a format that is not read"), unread)
        for item in report.unread.items()
    ]
    recordings = _tr("{0} recordings; they are not read yet")
    rows += [
        _ending(*item, _tr("1 recording; it is not read yet"), recordings)
        for item in report.recordings.items()
    ]
    return rows


def _left_out(left: LeftOut) -> Row:
    name = left.examples[0].name + (" …" if left.files > 1 or left.more else "")
    whole = ", ".join(str(path) for path in left.examples)
    form = _tr("more than {0} images") if left.more else _tr("{0} images")
    number = _tr("1 image") if left.files == 1 and not left.more else form
    text = _tr("{0} left out by the rule “{1}”")
    return Row(
        name, whole, text.format(number.format(count_text(left.files)), _rule_text(left.rule))
    )


def _rule_text(rule: str) -> str:
    from c4t_core.images.exclude import LABELS, OWN

    return {LABELS: _tr("label pictures"), OWN: _tr("the application’s own data")}.get(rule, rule)


def _ending(ending: str, count: int, one: str, many: str) -> Row:
    return Row(f"*{ending}", f"*{ending}", plural(count, one, many))


class SkippedModel(QAbstractTableModel):
    """Files and reasons."""

    def __init__(self, rows: Sequence[Row], parent: QWidget) -> None:
        """Show a list of rows."""
        super().__init__(parent)
        self._rows = list(rows)

    def rowCount(self, parent: Index = _ROOT) -> int:  # noqa: N802
        """Return how many files there are."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _ROOT) -> int:  # noqa: N802
        """Return two: file and reason."""
        return 0 if parent.isValid() else 2

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return the text of a cell in one line, or whole as a tooltip."""
        entry = self._rows[index.row()]
        text = shown(entry.name) if index.column() == 0 else shown(entry.reason)
        if role == Qt.ItemDataRole.DisplayRole:
            return text.replace("\n", "⏎")
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(entry.whole if index.column() == 0 else entry.reason)
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
        return "\n".join(f"{shown(row.whole)}\t{row.reason}" for row in self._rows)


class SkippedDialog(QDialog):
    """Shows what was skipped and why.

    Signals:
        retry_wanted: try these files again.
    """

    retry_wanted = Signal()

    def __init__(
        self,
        skipped: Sequence[Skipped],
        report: IndexReport | None,
        theme: Theme,
        parent: QWidget | None = None,
    ) -> None:
        """Show what was skipped, and what the last run left out."""
        super().__init__(parent)
        self.setObjectName("skippedDialog")
        self.setWindowTitle(self.tr("Skipped files"))
        self.resize(theme.px(760), theme.px(460))
        self._model = SkippedModel(rows_of(skipped, report), self)
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
        left_out = report.omitted if report is not None else 0
        if left_out:
            more = self.tr("{0} left out, by rules or for their format").format(
                count_text(left_out)
            )
            title = f"{title} · {more}" if skipped else more
            told = self.tr("“c4t index --exclude-nothing” takes in what the rules leave out.")
            hint = f"{hint} {told}" if skipped else told
        copy = push_button(self.tr("Copy the list"), icon="copy", theme=theme)
        retry = push_button(self.tr("Try again now"), "retryButton", "refresh", theme=theme)
        copy.clicked.connect(self._copy)
        retry.clicked.connect(self._retry)
        column(
            theme,
            label(title, "subtitle"),
            label(hint, "muted", wrap=True),
            table,
            close_buttons(self, copy, *([retry] if skipped else [])),
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
