"""Choosers of the side panel for long lists: several drives or folders at once, a span of days."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QDate,
    QEvent,
    QModelIndex,
    QObject,
    QPoint,
    QSortFilterProxyModel,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import (
    QKeyEvent,
    QMouseEvent,
    QStandardItem,
    QStandardItemModel,
    QTextCharFormat,
)
from PySide6.QtWidgets import (
    QComboBox,
    QDateEdit,
    QSizePolicy,
    QTreeView,
    QWidget,
)

from c4t_core.index.query import time_bounds, time_text
from c4t_desktop.gallery.results_model import plain_tip, shown
from c4t_desktop.messages import count_text
from c4t_desktop.panels.bars.widgets import titled
from c4t_desktop.panels.parts import column, named, push_button, row, text_field
from c4t_desktop.theme import Theme

if TYPE_CHECKING:
    from c4t_core.index.query import Filters

_VALUE = Qt.ItemDataRole.UserRole
_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
_ON, _OFF = Qt.CheckState.Checked, Qt.CheckState.Unchecked
Named = tuple[str, str, int]
"""One of a list: what it stands for, what it is called, and how many frames it has."""


class Chooser(QComboBox):
    """Says what is chosen of a long list; opened, several can be checked, found by typing.

    Attributes:
        popup: the list.

    Signals:
        chosen: others are checked now (tuple of str).
        opened: the list is about to be shown.
        below_wanted: what is below one of a tree is to be listed (str).
    """

    chosen = Signal(object)
    opened = Signal()
    below_wanted = Signal(str)

    def __init__(self, name: str, says: str, theme: Theme, *, tree: bool = False) -> None:
        """Offer nothing yet; of a ``tree`` what is below each is asked for when it is opened."""
        super().__init__()
        self._theme, self._tree = theme, tree
        self._offered: list[Named] = []
        self._chosen: tuple[str, ...] = ()
        named(self, name, says, kind="flat")
        fixed = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.setSizeAdjustPolicy(fixed)
        self.setMinimumContentsLength(6)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._items = QStandardItemModel(self)
        self._filtered = QSortFilterProxyModel(self)
        self._filtered.setSourceModel(self._items)
        self._filtered.setFilterRole(_VALUE)
        self._filtered.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.popup = named(QWidget(self, Qt.WindowType.Popup), f"{name}Popup", says, kind="popup")
        # Qt styles no frame in a combo box, which it takes for its own list.
        self.popup.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._field = text_field(f"{name}Text", says, self.tr("Type to find…"))
        self._list = named(QTreeView(), f"{name}List", says)
        self._all = push_button(self.tr("Choose all"), f"{name}All", theme=theme)
        self._none = push_button(self.tr("Choose none"), f"{name}None", theme=theme)
        self._say()
        self._place()

    def _place(self) -> None:
        view = self._list
        view.setModel(self._filtered)
        view.setHeaderHidden(True)
        view.setRootIsDecorated(self._tree)
        view.setUniformRowHeights(True)
        view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        view.setEditTriggers(QTreeView.EditTrigger.NoEditTriggers)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.clicked.connect(self._toggle)
        view.expanded.connect(self._expanded)
        self._field.textChanged.connect(self._filter)
        for part in (view, self._field, self.popup):
            part.installEventFilter(self)
        buttons = row(self._theme, self._all, self._none, None, gap=8)
        self._all.clicked.connect(self._choose_all)
        self._none.clicked.connect(self._choose_none)
        self._field.setVisible(not self._tree)
        self._all.setVisible(not self._tree)
        column(self._theme, self._field, view, buttons, margins=(8, 8, 8, 8), parent=self.popup)

    # what there is --------------------------------------------------------------------------

    @property
    def offered(self) -> list[Named]:
        """What can be chosen, without what lies below."""
        return self._offered

    def offer(self, values: Sequence[Named]) -> None:
        """Offer other values; those of a list stay while the user is choosing among them."""
        choosing = self.popup.isVisible() and self._offered and not self._tree
        if choosing or self._offered == list(values):
            return
        self._offered = list(values)
        self._items.clear()
        # Rows of the model, not of its invisible root: PySide keeps those alive after clear().
        self._add(self._items, values)
        self._say()

    def offer_below(self, value: str, values: Sequence[Named]) -> None:
        """List what is below one of a tree."""
        for item in self._every():
            if item.data(_VALUE) == value:
                item.removeRows(0, item.rowCount())
                self._add(item, values)

    def _add(self, parent: QStandardItem | QStandardItemModel, values: Sequence[Named]) -> None:
        for value, name, count in values:
            item = QStandardItem(f"{shown(name)}  ({count_text(count)})")
            item.setData(value, _VALUE)
            item.setToolTip(plain_tip(value))
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            item.setCheckState(_ON if value in self._chosen else _OFF)
            if self._tree:
                item.appendRow(QStandardItem("…"))
            parent.appendRow(item)

    def _every(self, parent: QStandardItem | None = None) -> Iterator[QStandardItem]:
        rows = self._items.rowCount() if parent is None else parent.rowCount()
        for number in range(rows):
            item = self._items.item(number) if parent is None else parent.child(number)
            if item.data(_VALUE) is not None:
                yield item
                yield from self._every(item)

    @Slot(QModelIndex)
    def _expanded(self, index: QModelIndex) -> None:
        if index.data(_VALUE) and index.model().index(0, 0, index).data(_VALUE) is None:
            self.below_wanted.emit(index.data(_VALUE))

    @Slot(str)
    def _filter(self, text: str) -> None:
        self._filtered.setFilterFixedString(text)
        self._list.setCurrentIndex(self._filtered.index(0, 0))

    # what is chosen -------------------------------------------------------------------------

    def show_chosen(self, values: Sequence[str]) -> None:
        """Show what is chosen, without choosing it."""
        self._chosen = tuple(values)
        for item in self._every():
            item.setCheckState(_ON if item.data(_VALUE) in self._chosen else _OFF)
        self._say()

    def _say(self) -> None:
        names = {value: name for value, name, _ in self._offered}
        texts = [shown(names.get(v, Path(v).name if self._tree else v)) for v in self._chosen]
        several = self.tr("{0} chosen").format(count_text(len(texts)))
        text = several if len(texts) > 1 else next(iter(texts), self.tr("any"))
        self.clear()
        self.addItem(text.replace("\n", "⏎"))
        self.setToolTip(plain_tip("\n".join(texts[:20])) if texts else "")

    @Slot(QModelIndex)
    def _toggle(self, index: QModelIndex) -> None:
        value = index.data(_VALUE)
        if value is None:
            return
        kept = [other for other in self._chosen if other != value]
        if len(kept) == len(self._chosen):
            if self._tree:  # a folder stands for all below it
                kept = [o for o in kept if not (_below(o, value) or _below(value, o))]
            kept.append(value)
        self._choose(kept)

    @Slot()
    def _choose_all(self) -> None:
        rows = (self._filtered.index(at, 0) for at in range(self._filtered.rowCount()))
        self._choose(list(dict.fromkeys([*self._chosen, *(row.data(_VALUE) for row in rows)])))

    @Slot()
    def _choose_none(self) -> None:
        self._choose([])

    def _choose(self, values: list[str]) -> None:
        self.show_chosen(values)
        self.chosen.emit(self._chosen)

    # the list -------------------------------------------------------------------------------

    def showPopup(self) -> None:  # noqa: N802
        """Open the list below, where it fits on the screen."""
        self.opened.emit()
        px, screen = self._theme.px, self.screen().availableGeometry()
        wide = min(screen.width(), max(self.width(), px(340)))
        high = min(screen.height(), px(400))
        spot = self.mapToGlobal(QPoint(0, self.height()))
        if self.isRightToLeft():
            spot.setX(spot.x() + self.width() - wide)
        left = max(screen.left(), min(spot.x(), screen.right() - wide))
        top = max(screen.top(), min(spot.y(), screen.bottom() - high))
        self.popup.setGeometry(left, top, wide, high)
        self._field.clear()
        self.popup.show()
        first = self._list if self._tree else self._field
        first.setFocus()
        if not self._list.currentIndex().isValid():
            self._list.setCurrentIndex(self._filtered.index(0, 0))

    def hidePopup(self) -> None:  # noqa: N802
        """Close the list."""
        self.popup.hide()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Open the list by Enter, Space and Down too."""
        if event.key() in (*_KEYS, Qt.Key.Key_Down):
            self.showPopup()
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Check what the keyboard is at; go from the field to the list, and back to the window."""
        if watched is self.popup:
            if event.type() == QEvent.Type.Hide:
                self.activateWindow()  # not every system does that by itself
                self.setFocus()
            return False
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._takes(event.key(), typing=watched is self._field)
        return super().eventFilter(watched, event)

    def _takes(self, key: int, *, typing: bool) -> bool:
        if key in _KEYS and not (typing and key == Qt.Key.Key_Space):
            self._toggle(self._list.currentIndex())
        elif typing and key == Qt.Key.Key_Down:
            self._list.setFocus()
        elif key == Qt.Key.Key_Escape:
            self.hidePopup()
        else:
            return False
        return True


def _below(path: str, folder: str) -> bool:
    return path.startswith(os.path.join(folder, ""))


class _Day(QDateEdit):
    """A day, whose calendar has room for six weeks and for the names of its days.

    Where any day is let through its calendar opens at the first month there is, or the last one.
    """

    def __init__(self, theme: Theme, *, last: bool) -> None:
        super().__init__()
        self._theme, self._last = theme, last
        self._dressed = False

    def _dress(self) -> None:
        """Dress the calendar before it may be opened: at the start it would cost 10 ms."""
        if self._dressed:
            return
        self._dressed = True
        calendar = self.calendarWidget()
        calendar.setMinimumSize(self._theme.px(300), self._theme.px(270))
        calendar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        calendar.setContentsMargins(1, 1, 1, 1)  # its border
        for day in (Qt.DayOfWeek.Saturday, Qt.DayOfWeek.Sunday):
            calendar.setWeekdayTextFormat(day, QTextCharFormat())

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._dress()
        super().mousePressEvent(event)
        self._turn()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        self._dress()
        super().keyPressEvent(event)
        self._turn()

    def _turn(self) -> None:
        if self.calendarWidget().isVisible() and self.date() == self.minimumDate():
            day = self.maximumDate() if self._last else self.minimumDate().addDays(1)
            self.calendarWidget().setCurrentPage(day.year(), day.month())


class DateRange(QWidget):
    """Chooses the first and the last day that is let through.

    Signals:
        chosen: another span is chosen (since and until, seconds since 1970, None for no bound).
    """

    chosen = Signal(object, object)

    def __init__(self, theme: Theme) -> None:
        """Offer no days yet."""
        super().__init__()
        self._any = QDate()
        names = {"since": self.tr("From"), "until": self.tr("Until")}
        self._days: dict[str, QDateEdit] = {}
        lines: list[QWidget] = []
        for key, name in names.items():
            edit = named(_Day(theme, last=key == "until"), f"{key}Filter", name, kind="flat")
            edit.setCalendarPopup(True)
            edit.setDisplayFormat("yyyy-MM-dd")
            edit.setSpecialValueText(self.tr("any"))
            edit.setKeyboardTracking(False)
            edit.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            edit.dateChanged.connect(self._changed)
            self._days[key] = edit
            lines.append(titled(name, edit, theme))
        column(theme, *lines, margins=(0, 0, 0, 0), gap=2, parent=self)

    def offer(self, days: Sequence[str]) -> None:
        """Offer the days from the first to the last of some, ascending."""
        first, last = (QDate.fromString(days[at], Qt.DateFormat.ISODate) for at in (0, -1))
        held = [edit.date() if edit.date() != self._any else None for edit in self._days.values()]
        self._any = first.addDays(-1)
        for edit, day in zip(self._days.values(), held, strict=True):
            edit.blockSignals(True)
            edit.setDateRange(self._any, last)
            edit.setDate(self._any if day is None else day)
            edit.blockSignals(False)

    def show_filters(self, filters: Filters) -> None:
        """Show the days of filters, without choosing them."""
        bounds = (time_text(filters.since), time_text(filters.until, end=True))
        for edit, text in zip(self._days.values(), bounds, strict=True):
            edit.blockSignals(True)
            day = QDate.fromString((text or "")[:10], Qt.DateFormat.ISODate)
            edit.setDate(day if day.isValid() else self._any)
            edit.blockSignals(False)

    @Slot()
    def _changed(self) -> None:
        since, until = self._days["since"], self._days["until"]
        if self._any not in (since.date(), until.date()) and since.date() > until.date():
            other = until if self.sender() is since else since
            other.blockSignals(True)
            other.setDate(since.date() if other is until else until.date())
            other.blockSignals(False)
        self.chosen.emit(*time_bounds(*map(self._day, (since, until))))

    def _day(self, edit: QDateEdit) -> str:
        day = edit.date()
        return "" if day == self._any else str(day.toString(Qt.DateFormat.ISODate))
