"""The lines of the side panel: a name, a value, what they stand for; a condition to be added."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QWidget,
)

from c4t_core.index.objects import CLASSES, PLACES, ObjectCondition
from c4t_desktop.gallery.results_model import shown
from c4t_desktop.messages import object_name, place_name
from c4t_desktop.panels.parts import column, discard, label, named, row, set_kind
from c4t_desktop.theme import Theme


class SideRow(QPushButton):
    """One line: a name on the left, a count or a word on the right.

    Signals:
        chosen: it was pressed; carries what it stands for.
        removed: Delete was pressed on it; carries what it stands for.
        menu_wanted: what can be done with it is asked for; where, and what it stands for.
    """

    chosen = Signal(object)
    removed = Signal(object)
    menu_wanted = Signal(object, object)

    def __init__(self, name: str, value: str, stands_for: object, theme: Theme) -> None:
        """Show a name and a value."""
        super().__init__()
        self._theme = theme
        self.stands_for = stands_for
        self.setCheckable(True)
        self.setProperty("kind", "side")
        self._name = label()
        self._value = label(kind="muted")
        for part in (self._name, self._value):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        # The name takes what is left; it must not ask for its whole width.
        self._name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row(theme, self._name, self._value, wide=self._name, margins=(8, 0, 8, 0), parent=self)
        self.setMinimumHeight(theme.px(30))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.clicked.connect(self._go)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._ask_menu)
        self.toggled.connect(self._show_chosen)
        self._value.setText(value)
        self.set_name(name)

    @Slot(bool)
    def _show_chosen(self, chosen: bool) -> None:
        set_kind(self._name, "chosen" if chosen else "plain")
        set_kind(self._value, "chosen" if chosen else "muted")

    def set_name(self, name: str) -> None:
        """Show another name."""
        self._whole = shown(name).replace("\n", "⏎")
        self.set_value(self._value.text())

    def set_value(self, value: str) -> None:
        """Show another value."""
        self._value.setText(value)
        self._elide()
        self.setAccessibleName(f"{self._whole}, {value}" if value else self._whole)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Shorten the name to the new width."""
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        room = self.width() - self._value.sizeHint().width() - self._theme.px(26)
        mode = Qt.TextElideMode.ElideMiddle
        self._name.setText(self._name.fontMetrics().elidedText(self._whole, mode, max(20, room)))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Ask by Delete for what the row stands for to be removed."""
        if event.key() == Qt.Key.Key_Delete:
            self.removed.emit(self.stands_for)
        else:
            super().keyPressEvent(event)

    @Slot()
    def _go(self) -> None:
        self.chosen.emit(self.stands_for)

    @Slot(QPoint)
    def _ask_menu(self, spot: QPoint) -> None:
        self.menu_wanted.emit(self.mapToGlobal(spot), self.stands_for)


class Section(QWidget):
    """A titled list of rows, hidden while it is empty."""

    def __init__(self, title: str, theme: Theme) -> None:
        """Start without rows."""
        super().__init__()
        self._theme = theme
        heading = label(title, "section")
        heading.setContentsMargins(theme.px(8), 0, 0, theme.px(4))
        self._column = column(theme, heading, margins=(0, 0, 0, 12), gap=2, parent=self)
        self.rows: list[QWidget] = []
        self.hide()

    def show_rows(self, rows: Sequence[QWidget]) -> None:
        """Show other rows."""
        for old in self.rows:
            discard(self._column, old)
        self.rows = list(rows)
        for new in rows:
            self._column.addWidget(new)
        self.setVisible(bool(rows))


def flat_chooser(name: str, says: str) -> QComboBox:
    """Return a chooser without a frame that takes the room there is."""
    chooser = named(QComboBox(), name, says, kind="flat")
    chooser.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    chooser.setMinimumContentsLength(6)
    chooser.setMaxVisibleItems(12)  # the kinds of objects, without scrolling
    chooser.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return chooser


def titled(title: str, part: QWidget, theme: Theme) -> QWidget:
    """Put a title before a part."""
    name, holder = label(title), QWidget()
    name.setMinimumWidth(theme.px(56))
    row(theme, name, part, wide=part, margins=(8, 0, 0, 0), parent=holder)
    return holder


_NUMBERS = (">=", "=", "<=")
_NONE = "none"
_MOST = 99


class ObjectRow(QWidget):
    """Chooses a class, and how many of it or where, as a condition to be added.

    Signals:
        added: the condition is wanted (ObjectCondition).
    """

    added = Signal(object)

    def __init__(self, theme: Theme) -> None:
        """Offer what can be asked."""
        super().__init__()
        self._class = flat_chooser("objectClass", self.tr("Objects"))
        self.show_classes(())
        self._relation = flat_chooser("objectRelation", self.tr("How many, or where"))
        self._relation.setMinimumContentsLength(4)
        numbers = (self.tr("at least"), self.tr("exactly"), self.tr("at most"))
        for text, relation in zip(numbers, _NUMBERS, strict=True):
            self._relation.addItem(text, relation)
        self._relation.addItem(self.tr("none"), _NONE)
        for place in PLACES:
            self._relation.addItem(place_name(place), place)
        self._count = named(QSpinBox(), "objectCount", self.tr("Number"))
        self._count.setRange(1, _MOST)
        self._count.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._count.setFixedWidth(theme.px(48))
        says = self.tr("Add this condition")
        self._add = named(QToolButton(), "addObjectCondition", says)
        self._add.setToolTip(says)
        theme.dress(self._add, "plus", "muted")
        line = row(
            theme, self._relation, self._count, self._add,
            wide=self._relation, margins=(2, 0, 0, 0), gap=4,
        )  # fmt: skip
        first = titled(self.tr("Objects"), self._class, theme)
        column(theme, first, line, margins=(0, 4, 0, 4), gap=2, parent=self)
        self._relation.currentIndexChanged.connect(self._show_count)
        self._add.clicked.connect(self._go)

    def show_classes(self, known: Sequence[str]) -> None:
        """Offer the classes that something is known of; all of them before that is so."""
        chosen, labels = self._class.currentData(), tuple(known) or CLASSES
        if labels != tuple(self._class.itemData(at) for at in range(self._class.count())):
            self._class.clear()
            for name in labels:
                self._class.addItem(object_name(name), name)
            self._class.setCurrentIndex(max(0, self._class.findData(chosen)))

    def condition(self) -> ObjectCondition:
        """Return what is chosen."""
        name, relation = self._class.currentData(), self._relation.currentData()
        if relation == _NONE:
            return ObjectCondition(name, "=", 0)
        return ObjectCondition(name, relation, self._count.value() if relation in _NUMBERS else 1)

    @Slot()
    def _show_count(self) -> None:
        self._count.setVisible(self._relation.currentData() in _NUMBERS)

    @Slot()
    def _go(self) -> None:
        self.added.emit(self.condition())
