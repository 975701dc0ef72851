"""Wizard page two: what is trained, from where, under which name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QVBoxLayout,
    QWidget,
)

from c4t_core.training.request import TrainingRequest, default_options, with_changes
from c4t_desktop.messages import plain_label, why_unusable
from c4t_desktop.panels.bars.top_bar import title_of
from c4t_desktop.panels.parts import text_field
from c4t_desktop.panels.training.plan import good_name, output_of, suggest_name
from c4t_desktop.theme import Theme
from c4t_desktop.theme.manager import number_field

if TYPE_CHECKING:
    from c4t_core.models.protocol import ModelInfo

_NEW = "new:"
_CLIP = "clip"
_DEFAULT_EPOCHS = {"": 6, _CLIP: 20, "lite": 30, "reference": 6}


class ModelPage(QWidget):
    """Asks for base model, extent, epochs and name.

    Signals:
        changed: something was chosen; :meth:`problem` may have another answer.
    """

    changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Offer the shipped model until others are known."""
        super().__init__(parent)
        self._theme = theme
        self._infos: dict[str, ModelInfo] = {}
        self._taken: set[str] = set()
        self._suggested = ""
        self.base = QComboBox()
        self.base.setObjectName("baseModelChooser")
        self.base.setAccessibleName(self.tr("Base model"))
        self.base_hint = plain_label(wrap=True, kind="muted")
        self.extent = QComboBox()
        self.extent.setObjectName("extentChooser")
        self.extent.setAccessibleName(self.tr("What learns"))
        for value, title in (
            ("partial", self.tr("Heads and the last part of the image encoder (recommended)")),
            ("encoders", self.tr("Heads only: the fastest, a minute or two")),
            ("text", self.tr("Heads and the whole image encoder: slow without a GPU")),
            ("none", self.tr("Everything: for many pairs and a GPU")),
        ):
            self.extent.addItem(title, value)
        self.epochs = number_field(theme, 1, 1000)
        self.epochs.setAccessibleName(self.tr("Epochs"))
        self.epochs.setMaximumWidth(theme.px(110))
        self.name = text_field("modelNameField", self.tr("Name of the new model"))
        self.name_hint = plain_label(wrap=True, kind="muted")
        self.download = QCheckBox(self.tr("Download missing pretrained weights"))
        self._place()
        self.set_models(())
        self.base.currentIndexChanged.connect(self._base_changed)
        self.extent.currentIndexChanged.connect(self.changed)
        self.name.textChanged.connect(self._name_changed)

    def _place(self) -> None:
        px = self._theme.px
        form = QFormLayout()
        form.setSpacing(px(8))
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        form.addRow(self.tr("Start from"), self.base)
        form.addRow("", self.base_hint)
        form.addRow(self.tr("What learns"), self.extent)
        form.addRow(self.tr("Epochs"), self.epochs)
        form.addRow("", self.download)
        form.addRow(self.tr("Name"), self.name)
        form.addRow("", self.name_hint)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(form)
        column.addStretch(1)

    def set_models(self, infos: Sequence[ModelInfo]) -> None:
        """Offer these models (ModelInfo) to start from, and new ones."""
        wanted = self.base.currentData() or "c4t"
        self._taken = {info.name.removeprefix("c4t:") for info in infos if ":" in info.name}
        self._infos = {info.name: info for info in infos}
        own = [info.name for info in infos if info.kind == "c4t" and info.available]
        self.base.blockSignals(True)
        self.base.clear()
        for name in own or ["c4t"]:
            title = self.tr("C4T, as it ships") if name == "c4t" else name
            self.base.addItem(title, name)
        for info in infos:
            if info.kind == _CLIP:
                title = self.tr("{0}: new heads on its encoders").format(title_of(info.name))
                self.base.addItem(title, info.name)
        self.base.addItem(self.tr("A new model: lite, small and fast"), f"{_NEW}lite")
        self.base.addItem(
            self.tr("A new model: reference, ResNet-50 and DistilBERT"), f"{_NEW}reference"
        )
        self.base.setCurrentIndex(max(0, self.base.findData(wanted)))
        self.base.blockSignals(False)
        self._base_changed()
        self._name_changed()

    def suggest(self, pairs: Path) -> None:
        """Suggest a name made from the pairs file's, unless the user gave one."""
        if self.name.text() in ("", self._suggested):
            self._suggested = suggest_name(pairs, self._taken)
            self.name.setText(self._suggested)

    def problem(self) -> str:
        """Return what must be changed before the training can start, or ""."""
        base = self._infos.get(str(self.base.currentData()))
        if base is not None and not base.available:
            return why_unusable(base)
        return self._name_problem()

    def _name_problem(self) -> str:
        name = self.name.text().strip()
        if not name:
            return self.tr("Give the new model a name.")
        if not good_name(name):
            return self.tr(
                "A name is made of letters, digits, dots, dashes and underscores; change it."
            )
        if name in self._taken:
            return self.tr("There is a model of this name; choose another one.")
        return ""

    def request(self, pairs: Path, images: Path, columns: Mapping[str, str]) -> TrainingRequest:
        """Return the run that this page asks for.

        Args:
            pairs: the pairs file.
            images: root of its image paths.
            columns: role, ``"image"`` or ``"caption"`` -> column.
        """
        chosen = str(self.base.currentData())
        new = chosen.startswith(_NEW)
        base, preset = (None, chosen.removeprefix(_NEW)) if new else (chosen, "lite")
        name = self.name.text().strip()
        changes = {"epochs": self.epochs.value(), "freeze": str(self.extent.currentData())}
        return TrainingRequest(
            pairs=pairs,
            output=output_of(name),
            images=images,
            preset=preset,
            base=base,
            name=name,
            download=new and self.download.isChecked(),
            columns=columns,
            options=with_changes(default_options(preset, base), changes),
        )

    @Slot()
    def _base_changed(self) -> None:
        chosen = str(self.base.currentData())
        preset = chosen.removeprefix(_NEW) if chosen.startswith(_NEW) else ""
        self.download.setVisible(bool(preset))
        info = self._infos.get(chosen)
        on_clip = info is not None and (info.on_clip or info.kind == _CLIP)
        made = _CLIP if on_clip else preset
        self.epochs.setValue(_DEFAULT_EPOCHS[made])
        wanted = {"": "partial", _CLIP: "encoders", "lite": "encoders", "reference": "none"}[made]
        self.extent.setCurrentIndex(max(0, self.extent.findData(wanted)))
        self.extent.setEnabled(not on_clip)
        self.base_hint.setText(
            {
                _CLIP: self.tr(
                    "Only heads learn; CLIP's encoders stay as they are, and the new model keeps a "
                    "copy of them, which is under CLIP's own terms. Before and after are "
                    "measured, and where it forgot, CLIP and what was learnt are blended."
                ),
                "": self.tr(
                    "Learns from your pairs and keeps what it knows: before and after are "
                    "measured, and where it forgot, old and new weights are blended."
                ),
                "lite": self.tr("Pretrained encoders, new heads; needs a thousand pairs or more."),
                "reference": self.tr(
                    "91.8 million parameters; needs tens of thousands of pairs, and a GPU."
                ),
            }[made]
        )
        self.changed.emit()

    @Slot()
    def _name_changed(self) -> None:
        problem = self._name_problem()
        name = self.name.text().strip()
        self.name_hint.setText(
            problem or self.tr("It will be listed as c4t:{name}.").format(name=name)
        )
        self.changed.emit()
