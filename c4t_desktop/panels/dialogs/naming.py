"""Small dialogs that ask for one name."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QWidget

from c4t_desktop.panels.parts import column, label, named
from c4t_desktop.theme import Theme


class NameDialog(QDialog):
    """Asks for the name of a saved search.

    Signals:
        named: what it is to be called (str).
    """

    named = Signal(str)

    def __init__(
        self,
        title: str,
        about: str,
        proposal: str,
        theme: Theme,
        parent: QWidget | None = None,
        *,
        taken: Sequence[str] = (),
        replaces: bool = False,
    ) -> None:
        """Propose a name.

        Args:
            title: of the dialog.
            about: what becomes of the name, in a sentence.
            proposal: a name.
            theme: colours and lengths.
            parent: the window.
            taken: the names of others.
            replaces: whether one of these may be replaced.
        """
        super().__init__(parent)
        self._taken, self._replaces = frozenset(taken), replaces
        self.setObjectName("nameDialog")
        self.setWindowTitle(title)
        self._name = named(QLineEdit(proposal), "scenarioName", self.tr("Name"))
        self._name.selectAll()
        self._hint = label("", "warn", "nameHint", wrap=True)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        )
        self._save = buttons.button(QDialogButtonBox.StandardButton.Save)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self._name.textChanged.connect(self._typed)
        column(
            theme, label(title, "subtitle"), label(about, "muted", wrap=True), self._name,
            self._hint, buttons, margins=(24, 24, 24, 16), gap=12, parent=self,
        )  # fmt: skip
        self._typed(proposal)
        self.resize(theme.px(440), self.sizeHint().height())

    @property
    def _wanted(self) -> str:
        return self._name.text().strip()

    @Slot(str)
    def _typed(self, _: str) -> None:
        there = self._wanted in self._taken
        replaced = self.tr("It takes the place of the scenario of this name.")
        refused = self.tr("There is a scenario of this name; choose another name.")
        self._hint.setText((replaced if self._replaces else refused) if there else "")
        self._save.setEnabled(bool(self._wanted) and (self._replaces or not there))

    @Slot()
    def accept(self) -> None:
        """Close with a name; without one that can be used, stay."""
        if self._save.isEnabled():
            self.named.emit(self._wanted)
            super().accept()
