"""Which columns of a pairs file hold the images and the captions."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from c4t_desktop.messages import plain_label
from c4t_desktop.theme import Theme


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
