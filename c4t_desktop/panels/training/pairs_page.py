"""Wizard page one: which pairs of image and caption to learn from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QListWidget,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from c4t_core.errors import ColumnsError
from c4t_desktop.gallery.results_model import plain_tip, shown
from c4t_desktop.jobs.runner import Job, JobRunner
from c4t_desktop.messages import count_text, describe, plain_label, plural, said
from c4t_desktop.panels.parts import set_kind, text_field
from c4t_desktop.panels.training.pairs_parts import ColumnsRow
from c4t_desktop.services.pairs import (
    PROBLEMS,
    CheckedPairs,
    MadePairs,
    check_pairs,
    pairs_from_labels,
)
from c4t_desktop.theme import Theme

T = TypeVar("T")
_LANE = "look"
_FILES = "Pairs (*.csv *.tsv *.txt *.jsonl *.json *.gz);;All files (*)"


class PairsPage(QWidget):
    """Asks for pairs, previews them and lists what is wrong with them.

    Attributes:
        checked: the pairs as read, None until a file was read.

    Signals:
        changed: :attr:`checked` is another one.
    """

    changed = Signal()

    def __init__(
        self,
        runner: JobRunner,
        theme: Theme,
        marks: Callable[[], MadePairs] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """Wait for a file; ``marks`` writes the user's own marks as pairs (MadePairs)."""
        super().__init__(parent)
        self._runner, self._theme, self._marks = runner, theme, marks
        self.checked: CheckedPairs | None = None
        self._left_out: tuple[str, ...] = ()  # what went into no pair when they were made
        self.file = text_field(
            "pairsField",
            self.tr("Pairs file"),
            self.tr("A CSV, TSV or JSON file with images and captions"),
        )
        self.images = text_field(
            "pairsImagesField",
            self.tr("Folder of the images"),
            self.tr("The folder of the pairs file"),
        )
        self.columns = ColumnsRow(theme)
        self.image_column, self.caption_column = self.columns.image, self.columns.caption
        self.summary = plain_label(wrap=True, name="pairsSummary")
        self.table = QTableWidget(0, 3)
        self.problems = QListWidget()
        self.problems.setObjectName("pairsProblems")
        self.problems.setAccessibleName(self.tr("Problems in the pairs"))
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(250)
        self._wait.timeout.connect(self._check)
        self._place()
        self._wire()
        self._show(None)

    def _place(self) -> None:
        px = self._theme.px
        grid = QGridLayout()
        grid.setHorizontalSpacing(px(8))
        grid.setVerticalSpacing(px(8))
        self._browse_file = QPushButton(self.tr("Choose…"))
        self._browse_images = QPushButton(self.tr("Choose…"))
        self._from_labels = QPushButton(self.tr("Make from labels…"))
        self._from_marks = QPushButton(self.tr("Use my marks"))
        self._from_marks.setVisible(self._marks is not None)
        for row, (title, field, *buttons) in enumerate(
            (
                (self.tr("Pairs"), self.file, self._browse_file),
                (self.tr("Images"), self.images, self._browse_images),
            )
        ):
            label = plain_label(title)
            label.setBuddy(field)
            grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignRight)
            grid.addWidget(field, row, 1)
            for column, button in enumerate(buttons, start=2):
                grid.addWidget(button, row, column)
        columns = QHBoxLayout()
        columns.setSpacing(px(8))
        columns.addWidget(self.columns)
        columns.addStretch(1)
        columns.addWidget(self._from_labels)
        columns.addWidget(self._from_marks)
        grid.addLayout(columns, 2, 1, 1, 2)
        header = [self.tr("Image"), self.tr("Caption"), self.tr("Drive")]
        self.table.setHorizontalHeaderLabels(header)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(px(30))
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setAccessibleName(self.tr("First pairs"))
        sizes = self.table.horizontalHeader()
        sizes.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        sizes.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        sizes.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.table.setColumnWidth(0, px(190))
        self.table.setColumnWidth(2, px(140))
        # The ends are what tells frames and drives apart.
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.problems.setMaximumHeight(px(110))
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(px(12))
        rows.addLayout(grid)
        rows.addWidget(self.summary)
        rows.addWidget(self.table, 1)
        rows.addWidget(self.problems)

    def _wire(self) -> None:
        self.file.textChanged.connect(self._typed)
        self.images.textChanged.connect(self._typed)
        self.columns.changed.connect(self._check)
        self._browse_file.clicked.connect(self._choose_file)
        self._browse_images.clicked.connect(self._choose_images)
        self._from_labels.clicked.connect(self._choose_labels)
        self._from_marks.clicked.connect(self._use_marks)

    # asking ---------------------------------------------------------------------------------

    @Slot()
    def _choose_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, self.tr("Pairs"), self.file.text(), _FILES)
        if name:
            self.file.setText(name)

    @Slot()
    def _choose_images(self) -> None:
        name = QFileDialog.getExistingDirectory(self, self.tr("Folder of the images"))
        if name:
            self.images.setText(name)

    @Slot()
    def _choose_labels(self) -> None:
        from c4t_desktop.panels.training.pairs_parts import LabelsDialog

        dialog = LabelsDialog(self._theme, self)
        dialog.chosen.connect(self.make_from_labels)
        dialog.open()

    @Slot(str, object)
    def make_from_labels(self, kind: str, source: Path) -> None:
        """Make captions from labels in the background, then show them."""
        self.summary.setText(self.tr("Reading the labels…"))
        self._submit(lambda _: pairs_from_labels(kind, source), self._made)

    @Slot()
    def _use_marks(self) -> None:
        marks = self._marks
        if marks is not None:
            self._submit(lambda _: marks(), self._made)

    def _made(self, made: MadePairs) -> None:
        self.images.setText(str(made.images))
        self.file.setText(str(made.path))
        self._wait.stop()
        self._left_out = made.problems
        self._check()

    # checking -------------------------------------------------------------------------------

    @Slot()
    def _typed(self) -> None:
        self.columns.clear()
        self._left_out = ()
        self._show(None)
        self._wait.start()

    @Slot()
    def _check(self) -> None:
        text = self.file.text().strip()
        if not text:
            self._show(None)
            return
        path, folder = Path(text).expanduser(), self.images.text().strip()
        images = Path(folder).expanduser() if folder else None
        columns = self.columns.chosen
        self.summary.setText(self.tr("Reading…"))
        self._submit(lambda _: check_pairs(path, images, columns), self._show)

    def _submit(self, work: Callable[[Job], T], done: Callable[[T], None]) -> None:
        """Do it in the background; what was asked before and is not done yet is dropped."""
        self._runner.submit(
            work, lane=_LANE, key="wizard-pairs", done=done, failed=self._failed, owner=self
        )

    def _failed(self, error: Exception) -> None:
        self._show(None)
        self.summary.setText(describe(error).sentence)
        set_kind(self.summary, "bad")
        if isinstance(error, ColumnsError):
            self.columns.offer(error.header, None, None)

    def _show(self, checked: CheckedPairs | None) -> None:
        self.checked = checked
        set_kind(self.summary, "muted" if checked is None else "strong")
        self.table.setRowCount(0)
        self.columns.setVisible(checked is not None)
        self.problems.clear()
        self.problems.setVisible(
            checked is not None and bool(checked.problems + checked.warnings + self._left_out)
        )
        if checked is None:
            self.summary.setText(
                self.tr(
                    "Pairs may come from a file of yours, from the labels of a data set, or from "
                    "the frames you marked."
                )
            )
        else:
            self._fill(checked)
        self.changed.emit()

    def _fill(self, checked: CheckedPairs) -> None:
        text = self.tr("{pairs} of {images} from {drives} ({form})").format(
            pairs=plural(checked.pairs, self.tr("{0} pair"), self.tr("{0} pairs")),
            images=plural(checked.pictures, self.tr("{0} image"), self.tr("{0} images")),
            drives=plural(checked.drives, self.tr("{0} drive"), self.tr("{0} drives")),
            form=checked.form,
        )
        if checked.wrong:
            one = self.tr("{0} row says what an image does not show")
            many = self.tr("{0} rows say what an image does not show")
            text = f"{text}; {plural(checked.wrong, one, many)}"
        self.summary.setText(text)
        self.table.setRowCount(len(checked.rows))
        for index, row in enumerate(checked.rows):
            for column, value in enumerate(row):
                item = QTableWidgetItem(shown(value))
                item.setToolTip(plain_tip(value))
                self.table.setItem(index, column, item)
        self.problems.addItems(list(map(said, checked.warnings)))
        for line, message in checked.problems:
            where = self.tr("Line {line}: ").format(line=line) if line is not None else ""
            self.problems.addItem(where + said(message))
        self.problems.addItems(list(map(said, self._left_out[:PROBLEMS])))
        more = checked.problem_count - len(checked.problems)
        more += max(0, len(self._left_out) - PROBLEMS)
        if more > 0:
            self.problems.addItem(self.tr("and {count} more").format(count=count_text(more)))
        self.columns.offer(checked.header, checked.image_column, checked.caption_column)

    def problem(self) -> str:
        """Return what must be changed before the training can start, or ""."""
        if self.checked is None:
            return self.tr("Choose the pairs to learn from.")
        if self.checked.pairs < 2:
            return self.tr("There are no usable pairs; mend the lines listed, or choose others.")
        return ""
