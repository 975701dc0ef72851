"""Wizard page four: what the training gave, honestly."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QListWidget,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from c4t_core.records import dataclass
from c4t_desktop.messages import plain_label, plural
from c4t_desktop.panels.parts import named, set_kind
from c4t_desktop.theme import Theme

_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class Outcome:
    """What the wizard shows of a finished run.

    Attributes:
        name: the new model, ``c4t:NAME``; "" if it was not registered.
        rows: what was measured, before and after; None where there is no figure.
        verdict: the guards' sentence.
        warned: whether the verdict is a warning.
        skipped: path and reason of each image that could not be read.
        coloured: whether changes are more than chance, and may be green.
    """

    name: str
    rows: Sequence[tuple[str, float | None, float | None]]
    verdict: str
    warned: bool = False
    skipped: Sequence[tuple[str, str]] = ()
    coloured: bool = True


class ResultPage(QWidget):
    """Before and after, the guards' verdict, and what to do next.

    Signals:
        use_wanted: the new model is to be used now.
    """

    use_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Wait for an outcome."""
        super().__init__(parent)
        self._theme = theme
        self.headline = plain_label(wrap=True, kind="subtitle")
        self.verdict = plain_label(wrap=True, name="trainingVerdict")
        self.table = QTableWidget(0, 4)
        self.table.setObjectName("beforeAfterTable")
        self.table.setAccessibleName(self.tr("Before and after"))
        self.use = named(QPushButton(self.tr("Use it now")), "useModelButton", kind="primary")
        self.use.clicked.connect(self.use_wanted)
        self.hint = plain_label(
            self.tr(
                "Using it makes an index of its own in the background; the old model, and its "
                "index, stay as they are."
            ),
            wrap=True,
            kind="muted",
        )
        self.skipped = named(QPushButton(), "skippedImagesButton")
        self.skipped.setCheckable(True)
        self.skipped_list = QListWidget()
        self.skipped_list.setObjectName("skippedImages")
        self.skipped_list.setAccessibleName(self.tr("Images that cannot be read"))
        self.skipped_list.setMaximumHeight(theme.px(110))
        self.skipped.toggled.connect(self.skipped_list.setVisible)
        self._outcome: Outcome | None = None
        self._place()
        theme.changed.connect(self._restyle)

    def _place(self) -> None:
        px = self._theme.px
        titles = [self.tr("Measured on"), self.tr("Before"), self.tr("After"), self.tr("Change")]
        self.table.setHorizontalHeaderLabels(titles)
        for column in range(len(titles)):
            title = self.table.horizontalHeaderItem(column)
            assert title is not None  # made from the titles above
            title.setTextAlignment(_RIGHT if column else _LEFT)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(px(30))
        self.table.setShowGrid(False)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        row = QHBoxLayout()
        row.addWidget(self.use)
        row.addWidget(self.hint, 1)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(px(12))
        rows.addWidget(self.headline)
        rows.addWidget(self.verdict)
        rows.addWidget(self.table, 1)
        rows.addWidget(self.skipped, 0, Qt.AlignmentFlag.AlignLeft)
        rows.addWidget(self.skipped_list)
        rows.addLayout(row)

    def show_outcome(self, outcome: Outcome) -> None:
        """Show the outcome of a run."""
        self._outcome = outcome
        colours = self._theme.colours
        self.headline.setText(
            self.tr("{name} is ready").format(name=outcome.name)
            if outcome.name
            else self.tr("The training is done")
        )
        self.verdict.setText(outcome.verdict)
        set_kind(self.verdict, "warn" if outcome.warned else "")
        self.use.setEnabled(bool(outcome.name))
        self.skipped.setText(
            plural(
                len(outcome.skipped),
                self.tr("{0} image could not be read"),
                self.tr("{0} images could not be read"),
            )
        )
        self.skipped.setVisible(bool(outcome.skipped))
        self.skipped_list.clear()
        self.skipped_list.addItems([f"{path}: {why}" for path, why in outcome.skipped])
        self.skipped_list.setVisible(bool(outcome.skipped) and self.skipped.isChecked())
        self.table.setRowCount(len(outcome.rows))
        for index, (title, before, after) in enumerate(outcome.rows):
            self.table.setItem(index, 0, QTableWidgetItem(title))
            for column, text in enumerate(_cells(before, after), start=1):
                item = QTableWidgetItem(text)
                item.setTextAlignment(_RIGHT)
                if column == 3 and before is not None and after is not None:
                    change = round(after - before, 3)  # as it is shown
                    if change and outcome.coloured:
                        item.setForeground(QColor(colours.good if change > 0 else colours.bad))
                self.table.setItem(index, column, item)

    @Slot()
    def _restyle(self) -> None:
        """Colour the changes anew; a cell keeps the ink it was given."""
        self.table.verticalHeader().setDefaultSectionSize(self._theme.px(30))
        if self._outcome is not None:
            self.show_outcome(self._outcome)


def _cells(before: float | None, after: float | None) -> tuple[str, str, str]:
    """Return before, after and change as text.

    >>> _cells(0.5, 0.55)
    ('0.500', '0.550', '+0.050')
    >>> _cells(None, 0.55)
    ('—', '0.550', '')
    """
    shown = tuple("—" if value is None else f"{value:.3f}" for value in (before, after))
    change = f"{after - before:+.3f}" if before is not None and after is not None else ""
    return shown[0], shown[1], change
