"""What a model comes from: a folder, a file, or a name to download; kept until it went well."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from c4t_desktop.gallery.results_model import plain_tip
from c4t_desktop.messages import describe, size_text
from c4t_desktop.panels.parts import column, label, named, push_button, row, set_kind
from c4t_desktop.services.models import ARCHITECTURES, ModelStore
from c4t_desktop.theme import Theme


def suggest_name(place: Path) -> str:
    """Return a name for a model from where it lies.

    >>> suggest_name(Path("/models/winter drives (2)"))
    'winter-drives-2'
    """
    if place.is_file():
        from c4t_core.models.clip_folder import name_for

        return name_for(place)
    stem = place.name if place.is_dir() else place.stem
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:64]


class AddModelDialog(QDialog):
    """One place, a name, and for a checkpoint its architecture.

    It stays with all that was typed until the model is here, and says what is wrong.
    """

    def __init__(self, theme: Theme, store: ModelStore, parent: QWidget | None = None) -> None:
        """Ask for a place."""
        super().__init__(parent)
        self.setObjectName("addModelDialog")
        self.setWindowTitle(self.tr("Add a model"))
        self._theme, self._store = theme, store
        self._suggested = ""
        self.place = named(QLineEdit(), "addModelPlace", self.tr("Folder or file of the model"))
        self.name = named(QLineEdit(), "addModelName", self.tr("Name"))
        architecture = self.tr("Architecture of the checkpoint")
        self.architecture = named(QComboBox(), "addModelArchitecture", architecture)
        self.architecture.setEditable(True)
        self.architecture.addItem(self.tr("by its name and weights"), "")
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
        self.architecture.editTextChanged.connect(self._update)
        store.failed.connect(self._failed)
        store.changed.connect(self._done)
        store.ended.connect(self._enable)
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
        set_kind(self.hint, "muted")
        self.hint.setText(hint)
        self._grow()
        self._enable()

    @Slot()
    def _enable(self) -> None:
        there = bool(self.place.text().strip()) and self._where().exists()
        ready = there and bool(self.name.text().strip()) and not self._store.doing
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(ready)

    @Slot()
    def _accept(self) -> None:
        where, name = self._where(), self.name.text().strip()
        if where.is_dir():
            self._store.add_folder(where, name)
        else:
            at = self.architecture.currentIndex()
            typed = self.architecture.currentText().strip()
            known = at >= 0 and typed == self.architecture.itemText(at)
            chosen = str(self.architecture.itemData(at)) if known else typed
            self._store.add_checkpoint(where, name, chosen)
        set_kind(self.hint, "muted")
        self.hint.setText(self.tr("Checking and copying the model…"))
        self._enable()

    @Slot(object)
    def _failed(self, error: Exception) -> None:
        set_kind(self.hint, "bad")
        self.hint.setText(describe(error).sentence)
        self._grow()

    def _grow(self) -> None:
        """Give a long sentence its lines; the fields keep their height."""
        layout = self.layout()
        if layout is not None and self.isVisible():
            layout.activate()
            self.resize(self.width(), max(self.height(), layout.totalHeightForWidth(self.width())))

    @Slot(str, str)
    def _done(self, doing: str, _: str) -> None:
        if doing == "add":
            self.accept()


class DownloadDialog(QDialog):
    """What can be downloaded: size, licence and use of each, or a name of open_clip's.

    It stays with all that was typed until the size of the download is known.
    """

    def __init__(self, theme: Theme, store: ModelStore, parent: QWidget | None = None) -> None:
        """List what there is."""
        super().__init__(parent)
        self.setObjectName("downloadDialog")
        self.setWindowTitle(self.tr("Download a model"))
        self._store = store
        self.list = named(QTreeWidget(), "downloadList", self.tr("Models to download"))
        self.other = named(QLineEdit(), "downloadName", self.tr("Another model of open_clip"))
        self.other.setPlaceholderText(self.tr("another one: ARCHITECTURE/PRETRAINED of open_clip"))
        self.hint = label(kind="muted", name="downloadHint", wrap=True)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setText(self.tr("Download…"))
        self.buttons.button(QDialogButtonBox.StandardButton.Cancel).setText(self.tr("Cancel"))
        self._fill()
        column(
            theme, self.list, self.other, self.hint, self.buttons,
            wide=self.list, margins=(24, 20, 24, 20), gap=12, parent=self,
        )  # fmt: skip
        self.resize(theme.px(760), theme.px(360))
        self.list.itemSelectionChanged.connect(self._update)
        self.other.textChanged.connect(self._typed)
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        store.failed.connect(self._failed)
        store.ended.connect(self._enable)
        store.size_known.connect(self.accept)
        self._update()

    def _fill(self) -> None:
        from c4t_core.models.clip_folder import OFFERS, RESEARCH

        uses = {
            "clip": self.tr("the yardstick that others compare with"),
            "pe-core-s": self.tr("small things: it sees 384 pixels a side"),
            "siglip2-b32": self.tr("questions in many languages"),
            "datacomp-b32": self.tr("the yardstick's network, taught on more pictures"),
            "mobileclip2-s0": self.tr("slow machines; non-commercial research only"),
        }
        self.list.setHeaderLabels(
            [self.tr("Model"), self.tr("Size"), self.tr("Licence"), self.tr("Good for")]
        )
        self.list.setRootIsDecorated(False)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setAllColumnsShowFocus(True)
        for offer in OFFERS:
            licence = self.tr("research only") if offer.licence == RESEARCH else offer.licence
            size, use = size_text(offer.size_bytes), uses.get(offer.name, offer.good_for)
            item = QTreeWidgetItem([offer.name, size, licence, use])
            item.setToolTip(3, plain_tip(use))
            self.list.addTopLevelItem(item)
        self.list.setCurrentIndex(self.list.model().index(0, 0))
        header = self.list.header()
        for narrow in range(3):
            header.setSectionResizeMode(narrow, QHeaderView.ResizeMode.ResizeToContents)

    @property
    def wanted(self) -> str:
        """Name that is typed, or else chosen in the list."""
        item = self.list.currentItem()
        return self.other.text().strip() or (item.text(0) if item is not None else "")

    @Slot()
    def _typed(self) -> None:
        self.list.setEnabled(not self.other.text().strip())
        self._update()

    @Slot()
    def _update(self) -> None:
        hint = self.tr("The exact size is shown before anything is fetched.")
        if self.other.text().strip():
            hint = self.tr(
                "The licence of this one is not known here; its page on Hugging Face tells it."
            )
        set_kind(self.hint, "muted")
        self.hint.setText(hint)
        self._enable()

    @Slot()
    def _enable(self) -> None:
        ready = bool(self.wanted) and not self._store.doing
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(ready)

    @Slot()
    def _accept(self) -> None:
        bare = self.wanted.removeprefix("clip:").replace("/", "@", 1)
        self._store.ask_size(bare if bare == "clip" else f"clip:{bare}")
        self._enable()

    @Slot(object)
    def _failed(self, error: Exception) -> None:
        set_kind(self.hint, "bad")
        self.hint.setText(describe(error).sentence)
