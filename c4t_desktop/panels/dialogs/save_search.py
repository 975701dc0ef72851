"""Asks under which name a search is kept."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QWidget

from c4t_desktop.gallery.results_model import shown
from c4t_desktop.panels.parts import column, label, named
from c4t_desktop.services.question import Question
from c4t_desktop.theme import Theme


class SaveSearchDialog(QDialog):
    """Asks for a name.

    Signals:
        named: the search is to be kept (name, Question).
    """

    named = Signal(str, object)

    def __init__(self, question: Question, theme: Theme, parent: QWidget | None = None) -> None:
        """Propose a name made from the question."""
        super().__init__(parent)
        self._question = question
        self.setObjectName("saveSearchDialog")
        self.setWindowTitle(self.tr("Save this search"))
        title = label(self.tr("Save this search as a scenario"), "subtitle")
        what = self.tr(
            "It is listed on the left and run again whenever frames are added: "
            "what is new since you last looked is counted."
        )
        images = (term.image for term in question.images if term.image)
        words = [question.text.strip(), *(shown(image.name) for image in images)]
        proposal = " ".join(word for word in words if word)
        field = QLineEdit(proposal[:1].upper() + proposal[1:])
        self._name = named(field, "scenarioName", self.tr("Name"))
        self._name.selectAll()
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        )
        self._save = buttons.button(QDialogButtonBox.StandardButton.Save)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self._name.textChanged.connect(self._named)
        about = label(what, "muted", wrap=True)
        column(
            theme, title, about, self._name, buttons, margins=(24, 24, 24, 16), gap=12, parent=self
        )
        self.resize(theme.px(440), self.sizeHint().height())

    @Slot(str)
    def _named(self, name: str) -> None:
        self._save.setEnabled(bool(name.strip()))

    @Slot()
    def accept(self) -> None:
        """Close with a name; without one, stay."""
        name = self._name.text().strip()
        if name:
            self.named.emit(name, self._question)
            super().accept()
