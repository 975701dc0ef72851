"""Which of the user's marks an evaluation asks, and keeping them as a test set."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QInputDialog,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from c4t_desktop.gallery.results_model import shown
from c4t_desktop.jobs.evaluation import Marked
from c4t_desktop.messages import count_text, plain_label
from c4t_desktop.theme import Theme


class MarksRow(QWidget):
    """Chooses all marks or a test set; keeps the marks of today as one, or drops one.

    Marks go on changing while one searches. A test set stays as it was kept, so that models can be
    compared on it next month.

    Signals:
        keep_wanted: all marks are to be kept as a test set of this name.
        drop_wanted: the test set of this name is to be removed; the marks stay.
    """

    keep_wanted = Signal(str)
    drop_wanted = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Offer nothing yet."""
        super().__init__(parent)
        px = theme.px
        self.test_set = QComboBox()
        self.test_set.setObjectName("evaluationTestSet")
        self.test_set.setAccessibleName(self.tr("Marks to evaluate on"))
        # Names come later: the width at the first show would cut them off.
        self.test_set.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.test_set.currentIndexChanged.connect(self._enable)
        self.keep = QPushButton(self.tr("Keep as a test set…"))
        self.keep.setObjectName("keepTestSetButton")
        self.keep.setToolTip(self.tr("Later marks do not change it; models stay comparable"))
        self.keep.clicked.connect(self._ask_name)
        self.drop = QPushButton(self.tr("Remove"))
        self.drop.setObjectName("dropTestSetButton")
        self.drop.setToolTip(self.tr("Remove this test set; the marks stay"))
        self.drop.clicked.connect(self._drop)
        hint = plain_label(
            self.tr("Each query ranks the frames that you marked for it, right and wrong."),
            wrap=True,
        )
        hint.setProperty("kind", "muted")
        row = QHBoxLayout()
        row.setSpacing(px(8))
        for part in (self.test_set, self.keep, self.drop):
            row.addWidget(part)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(24), 0, 0, 0)
        column.setSpacing(px(8))
        column.addLayout(row)
        column.addWidget(hint)
        self._marked = Marked()
        self._wish = ""
        self.show_marked(self._marked)

    def show_marked(self, marked: Marked) -> None:
        """Offer what there is; what was chosen, or has just been kept, stays chosen."""
        self._marked = marked
        wish = self._wish or self.chosen
        self.test_set.clear()
        self.test_set.addItem(self.tr("All marks"), "")
        for name, count in marked.test_sets:
            self.test_set.addItem(f"{shown(name)} ({count_text(count)})", name)
        place = self.test_set.findData(wish)
        if place >= 0:
            self._wish = ""
        self.test_set.setCurrentIndex(max(0, place))
        self._enable()

    @property
    def chosen(self) -> str:
        """The test set chosen, "" for all marks."""
        return str(self.test_set.currentData() or "")

    @Slot()
    def _enable(self) -> None:
        self.keep.setEnabled(bool(self._marked.queries) and not self.chosen)
        self.drop.setEnabled(bool(self.chosen))

    @Slot()
    def _ask_name(self) -> None:
        dialog = QInputDialog(self)
        dialog.setObjectName("testSetNameDialog")
        dialog.setWindowTitle(self.tr("Keep as a test set"))
        dialog.setLabelText(self.tr("Name of the test set; one of the same name is replaced:"))
        dialog.textValueSelected.connect(self._named)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(str)
    def _named(self, name: str) -> None:
        name = name.strip()
        if name:
            self._wish = name
            self.keep_wanted.emit(name)

    @Slot()
    def _drop(self) -> None:
        if self.chosen:
            self.drop_wanted.emit(self.chosen)
