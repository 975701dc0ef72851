"""Asks which model is to be added: a C4T folder or a CLIP checkpoint."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QLineEdit,
    QWidget,
)

from c4t_desktop.panels.parts import column, label, named, push_button, row
from c4t_desktop.services.models import ARCHITECTURES
from c4t_desktop.theme import Theme


def suggest_name(place: Path) -> str:
    """Return a name for a model from where it lies.

    >>> suggest_name(Path("/models/winter drives (2)"))
    'winter-drives-2'
    """
    stem = place.name if place.is_dir() else place.stem
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:64]


class AddModelDialog(QDialog):
    """One place, a name, and for a checkpoint its architecture.

    Signals:
        folder_wanted: a C4T model folder (Path) and its name (str).
        checkpoint_wanted: a checkpoint (Path), its name and architecture (str, "" to guess).
    """

    folder_wanted = Signal(object, str)
    checkpoint_wanted = Signal(object, str, str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Ask for a place."""
        super().__init__(parent)
        self.setObjectName("addModelDialog")
        self.setWindowTitle(self.tr("Add a model"))
        self._theme = theme
        self._suggested = ""
        self.place = named(QLineEdit(), "addModelPlace", self.tr("Folder or file of the model"))
        self.name = named(QLineEdit(), "addModelName", self.tr("Name"))
        architecture = self.tr("Architecture of the checkpoint")
        self.architecture = named(QComboBox(), "addModelArchitecture", architecture)
        self.architecture.setEditable(True)
        self.architecture.addItem(self.tr("by its weights"), "")
        for name in ARCHITECTURES:
            self.architecture.addItem(name, name)
        self.hint = label(kind="muted", name="addModelHint", wrap=True)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setText(self.tr("Add"))
        self.buttons.button(QDialogButtonBox.StandardButton.Cancel).setText(self.tr("Cancel"))
        self._place()
        self.place.textChanged.connect(self._changed)
        self.name.textChanged.connect(self._update)
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        self._update()

    def _place(self) -> None:
        theme = self._theme
        folder = push_button(self.tr("Folder…"), theme=theme)
        folder.clicked.connect(self._choose_folder)
        file = push_button(self.tr("File…"), theme=theme)
        file.clicked.connect(self._choose_file)
        self._form = QFormLayout()
        self._form.setSpacing(theme.px(10))
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._form.addRow(self.tr("Model"), row(theme, self.place, folder, file, wide=self.place))
        self._form.addRow(self.tr("Name"), self.name)
        self._form.addRow(self.tr("Architecture"), self.architecture)
        column(
            theme,
            self._form,
            self.hint,
            None,
            self.buttons,
            margins=(24, 20, 24, 20),
            gap=16,
            parent=self,
        )
        self.setMinimumWidth(theme.px(560))

    def _where(self) -> Path:
        return Path(self.place.text().strip()).expanduser()

    @Slot()
    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, self.tr("Folder of a C4T model"))
        if name:
            self.place.setText(name)

    @Slot()
    def _choose_file(self) -> None:
        kinds = self.tr("Checkpoints (*.safetensors *.pt *.bin);;All files (*)")
        name, _ = QFileDialog.getOpenFileName(self, self.tr("CLIP checkpoint"), "", kinds)
        if name:
            self.place.setText(name)

    @Slot()
    def _changed(self) -> None:
        if self.name.text() == self._suggested:
            text = self.place.text().strip()
            self._suggested = suggest_name(self._where()) if text else ""
            self.name.setText(self._suggested)
        self._update()

    @Slot()
    def _update(self) -> None:
        text, where = self.place.text().strip(), self._where()
        folder, file = where.is_dir() and bool(text), where.is_file()
        self._form.setRowVisible(self.architecture, file)
        if folder:
            hint = self.tr("It is checked and copied; the folder stays as it is.")
        elif file:
            hint = self.tr(
                "An open_clip checkpoint: safetensors, or a file that holds weights only."
            )
        elif text:
            hint = self.tr("There is nothing at this place.")
        else:
            hint = self.tr("A folder of a C4T model, or a file with weights of CLIP.")
        self.hint.setText(hint)
        ready = (folder or file) and bool(self.name.text().strip())
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(ready)

    @Slot()
    def _accept(self) -> None:
        where, name = self._where(), self.name.text().strip()
        if where.is_dir():
            self.folder_wanted.emit(where, name)
        else:
            at = self.architecture.currentIndex()
            typed = self.architecture.currentText().strip()
            known = at >= 0 and typed == self.architecture.itemText(at)
            chosen = str(self.architecture.itemData(at)) if known else typed
            self.checkpoint_wanted.emit(where, name, chosen)
        self.accept()
