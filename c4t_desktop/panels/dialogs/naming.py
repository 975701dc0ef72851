"""Small dialogs that ask for one name."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QWidget

from c4t_core.addresses import ENDING, is_remote, is_table, plain
from c4t_core.errors import DataError
from c4t_desktop.messages import said
from c4t_desktop.panels.parts import column, label, named
from c4t_desktop.theme import Theme


class AddressDialog(QDialog):
    """Asks for the address of a shared table.

    Signals:
        wanted: the address, whole and without a password (str).
    """

    wanted = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Ask for one."""
        super().__init__(parent)
        self.setObjectName("addressDialog")
        title = self.tr("Open an address")
        self.setWindowTitle(title)
        self._field = named(QLineEdit(), "addressField", self.tr("Address of a table"))
        self._field.setPlaceholderText(f"s3://team/frames{ENDING}")
        self._hint = label("", "warn", "addressHint", wrap=True)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel
        )
        self._open = buttons.button(QDialogButtonBox.StandardButton.Open)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self._field.textChanged.connect(self._typed)
        about = self.tr(
            "A table that others have filled. It is reached over the network, with the "
            "credentials of this machine; what you search for and mark stays here."
        )
        column(
            theme, label(title, "subtitle"), label(about, "muted", wrap=True), self._field,
            self._hint, buttons, margins=(24, 24, 24, 16), gap=12, parent=self,
        )  # fmt: skip
        self.resize(theme.px(520), 0)
        self._typed("")

    @Slot(str)
    def _typed(self, _: str) -> None:
        text = self._field.text().strip()
        hint = self._why_not(text) if text else ""
        self._hint.setText(hint)
        self._open.setEnabled(bool(text) and not hint)
        self.resize(self.width(), max(self.height(), self.heightForWidth(self.width())))

    def _why_not(self, text: str) -> str:
        """Return what is wrong with an address, "" for nothing."""
        if not is_remote(text):
            return self.tr("An address begins with its kind, such as s3://.")
        try:
            plain(text)
        except DataError as error:
            return said(str(error))
        if not is_table(text):
            return self.tr("The address of a table ends in {0}.").format(ENDING)
        return ""

    @Slot()
    def accept(self) -> None:
        """Close with an address; without one that can be opened, stay."""
        if self._open.isEnabled():
            self.wanted.emit(plain(self._field.text().strip()))
            super().accept()


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
