"""Asks under which name a search is kept."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QVBoxLayout, QWidget

from c4t_desktop.gallery.results_model import shown
from c4t_desktop.messages import plain_label
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
        px = theme.px
        title = plain_label(self.tr("Save this search as a scenario"))
        title.setProperty("kind", "subtitle")
        what = plain_label(
            self.tr(
                "It is listed on the left and run again whenever frames are added: "
                "what is new since you last looked is counted."
            ),
            wrap=True,
        )
        what.setProperty("kind", "muted")
        images = (term.image for term in question.images if term.image)
        words = [question.text.strip(), *(shown(image.name) for image in images)]
        proposal = " ".join(word for word in words if word)
        self._name = QLineEdit(proposal[:1].upper() + proposal[1:])
        self._name.setObjectName("scenarioName")
        self._name.setAccessibleName(self.tr("Name"))
        self._name.selectAll()
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        )
        self._save = buttons.button(QDialogButtonBox.StandardButton.Save)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self._name.textChanged.connect(self._named)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(24), px(24), px(24), px(16))
        column.setSpacing(px(12))
        for part in (title, what, self._name, buttons):
            column.addWidget(part)
        self.resize(px(440), self.sizeHint().height())

    @Slot(str)
    def _named(self, name: str) -> None:
        self._save.setEnabled(bool(name.strip()))

    @Slot()
    def accept(self) -> None:  # noqa: D102 - Qt's
        name = self._name.text().strip()
        if name:
            self.named.emit(name, self._question)
            super().accept()
