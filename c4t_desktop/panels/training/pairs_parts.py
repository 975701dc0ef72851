"""What asks about pairs: the columns of a file, and the labels captions are to be made from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from c4t_desktop.messages import plain_label
from c4t_desktop.panels.parts import text_field
from c4t_desktop.theme import Theme


class LabelsDialog(QDialog):
    """One kind of labels and where they lie.

    Signals:
        chosen: kind (str) and file or folder (Path).
    """

    chosen = Signal(str, object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Offer the kinds that the core reads."""
        super().__init__(parent)
        self.setWindowTitle(self.tr("Make captions from labels"))
        self.kind = QComboBox()
        self.kind.setObjectName("labelsKindChooser")
        self.kind.setAccessibleName(self.tr("Kind of labels"))
        for kind, title in (
            ("a2d2", self.tr("A2D2: label images and class_list.json")),
            ("bdd100k", self.tr("BDD100K: detection JSON")),
            ("cityscapes", self.tr("Cityscapes: gtFine")),
            ("coco", self.tr("COCO: JSON with boxes")),
            ("kitti", self.tr("KITTI: label_2")),
            ("masks", self.tr("Masks with a class list (CamVid, IDD)")),
            ("scenes", self.tr("Scenes: JSON lines")),
            ("tju-dhd", self.tr("TJU-DHD: JSON with boxes")),
        ):
            self.kind.addItem(title, kind)
        self.source = text_field("labelsSourceField", self.tr("File or folder of the labels"))
        folder = QPushButton(self.tr("Folder…"))
        file = QPushButton(self.tr("File…"))
        folder.clicked.connect(self._choose_folder)
        file.clicked.connect(self._choose_file)
        row = QHBoxLayout()
        row.addWidget(self.source, 1)
        row.addWidget(folder)
        row.addWidget(file)
        form = QFormLayout()
        form.setSpacing(theme.px(8))
        form.addRow(self.tr("Kind"), self.kind)
        form.addRow(self.tr("Labels"), row)
        hint = plain_label(
            self.tr("Nothing is written beside your images; the pairs go to C4T's own folder."),
            wrap=True,
            kind="muted",
        )
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.button(QDialogButtonBox.StandardButton.Ok).setText(self.tr("Make captions"))
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[theme.px(20)] * 4)
        column.setSpacing(theme.px(16))
        column.addLayout(form)
        column.addWidget(hint)
        column.addWidget(buttons)
        self.resize(theme.px(560), self.sizeHint().height())

    @Slot()
    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, self.tr("Folder of the labels"))
        if name:
            self.source.setText(name)

    @Slot()
    def _choose_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, self.tr("File of the labels"))
        if name:
            self.source.setText(name)

    @Slot()
    def _accept(self) -> None:
        text = self.source.text().strip()
        if text:
            self.chosen.emit(str(self.kind.currentData()), Path(text).expanduser())
            self.accept()
        else:
            self.source.setFocus()


class ColumnsRow(QWidget):
    """Two choosers of columns; empty ones leave it to the core to find them.

    Signals:
        changed: the user has chosen another column.
    """

    changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Offer nothing until the columns of a file are known."""
        super().__init__(parent)
        self.image, self.caption = QComboBox(), QComboBox()
        self.image.setAccessibleName(self.tr("Column of the image"))
        self.caption.setAccessibleName(self.tr("Column of the caption"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.px(8))
        for title, chooser in (
            (self.tr("Image column"), self.image),
            (self.tr("Caption column"), self.caption),
        ):
            chooser.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            chooser.activated.connect(self.changed)
            row.addWidget(plain_label(title))
            row.addWidget(chooser)
        self.clear()

    @property
    def chosen(self) -> dict[str, str]:
        """Role -> column; "" where none is chosen."""
        return {"image": self.image.currentText(), "caption": self.caption.currentText()}

    @property
    def header(self) -> tuple[str, ...]:
        """The columns that are offered."""
        names = map(self.image.itemText, range(self.image.count()))
        return tuple(name for name in names if name)

    def clear(self) -> None:
        """Forget the columns: another file is meant."""
        self.image.clear()
        self.caption.clear()
        self.hide()

    def offer(self, header: Sequence[str], image: str | None, caption: str | None) -> None:
        """Let the user choose among the columns of a file.

        Args:
            header: the columns; what is offered already stays.
            image: the column that was taken for the image, None to leave the choice as it is.
            caption: the same for the caption.
        """
        for chooser, name in ((self.image, image), (self.caption, caption)):
            if not chooser.count():
                chooser.addItems(["", *header] if name is None else list(header))
            if name is not None:
                chooser.setCurrentText(name)
        self.show()
