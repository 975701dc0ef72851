"""The grid: a list view whose cards fill the width, driven by keyboard and mouse."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
    Slot,
)
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QHideEvent,
    QKeyEvent,
    QPainter,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QFrame, QWidget

from c4t_core.index.query import Hit
from c4t_desktop.gallery.delegate import GAP, CardDelegate
from c4t_desktop.gallery.grid import GridView
from c4t_desktop.gallery.results_model import ResultsModel, shown
from c4t_desktop.gallery.thumbnail_cache import ThumbnailCache
from c4t_desktop.messages import moment_text, plural
from c4t_desktop.services.finder import Section
from c4t_desktop.services.rows import MOST_AT_ONCE, HitList
from c4t_desktop.theme import Theme

_KEY = Qt.Key
_SELECT = QItemSelectionModel.SelectionFlag.Select
DRAGGED = 500  # files dragged at once, at most; they are loaded when they are selected
_BEYOND = 20  # cards before and after those in sight that are loaded ahead
HEADING = 40  # height above the cards of a drive
_LANDED = 90  # ms without a move, after which a long leap of the scroll bar is over


class ResultsView(GridView):
    """The grid of results.

    Signals:
        opened: Enter or a double click on a card (Path).
        marked: a mark is wanted for the selected cards ("right", "wrong", "toggle" or "").
        tag_wanted: tags are wanted for the selected cards.
        unfold: the event of the current card is to be unfolded or folded.
        resized_by_wheel: Ctrl and the wheel ask for another card width (steps).
        refused: why nothing is done, for the status area (str).
    """

    opened = Signal(object)
    marked = Signal(str)
    tag_wanted = Signal()
    unfold = Signal()
    resized_by_wheel = Signal(int)
    refused = Signal(str)

    def __init__(
        self,
        model: ResultsModel,
        cache: ThumbnailCache,
        theme: Theme,
        parent: QWidget | None = None,
    ) -> None:
        """Show a model with pictures from a cache."""
        super().__init__(parent)
        self._model = model
        self._theme = theme
        self._wanted = 200
        self._shown_sections: Sequence[Section] = ()
        self._delegate = CardDelegate(cache, theme, self)
        self.setObjectName("resultsView")
        self.setAccessibleName(self.tr("Results"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setMouseTracking(True)
        self.setItemDelegate(self._delegate)
        self.setModel(model)
        self.doubleClicked.connect(self._open_index)
        self._refill = QTimer(self)
        self._refill.setSingleShot(True)
        self._refill.setInterval(0)
        self._refill.timeout.connect(self._refilled)
        self._scrolled_to = 0
        self._held = False
        self._flight = QTimer(self)
        self._flight.setSingleShot(True)
        self._flight.setInterval(_LANDED)
        self._flight.timeout.connect(self._land)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        cache.arrived.connect(self._picture_arrived)
        theme.changed.connect(self._theme_changed)

    def use_delegate(self, delegate: CardDelegate) -> None:
        """Paint the cards with another delegate."""
        self._delegate = delegate
        self.setItemDelegate(delegate)
        self._fill_width()

    def set_card_width(self, width: int) -> None:
        """Set the least width of a card, in pixels before scaling."""
        self._wanted = width
        self._fill_width()

    def set_look(self, *, whole: bool, dated: bool) -> None:
        """Show pictures whole or filling the cards, drives and times or names of files."""
        self._delegate.whole, self._delegate.dated = whole, dated
        self._delegate.forget()
        self.viewport().update()

    @property
    def _fitting(self) -> int:
        """Cards that fit into a row."""
        gap = self._theme.px(GAP)
        return max(1, self.room // (self._theme.px(self._wanted) + gap))

    def show_sections(self, sections: Sequence[Section]) -> None:
        """Put the name of each drive above its cards; none for cards without headings."""
        self._shown_sections = sections
        self.set_sections([s.start for s in sections], self._theme.px(HEADING))

    def paint_heading(self, painter: QPainter, where: QRect, section: int) -> None:
        """Write the name of a drive, when it begins and how many frames it has."""
        if section >= len(self._shown_sections):
            return
        part, px = self._shown_sections[section], self._theme.px
        colours, metrics = self._theme.colours, QFontMetrics(self._theme.font(13, strong=True))
        line = where.adjusted(px(GAP) // 2 + px(2), px(6), -px(GAP), 0)
        count = plural(part.frames, self.tr("{0} frame"), self.tr("{0} frames"))
        more = "  ·  ".join(text for text in (moment_text(part.time), count) if text)
        name = shown(part.drive) if part.drive else self.tr("Drive not known")
        beside = QFontMetrics(self._theme.font(12)).horizontalAdvance(more) + px(12)
        room = max(px(60), line.width() - beside)
        name = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, room)
        aside = metrics.horizontalAdvance(name) + px(12)
        rest = line.adjusted(aside, 0, 0, 0)
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        if self.isRightToLeft():
            flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            rest = line.adjusted(0, 0, -aside, 0)
        painter.setLayoutDirection(Qt.LayoutDirection.LeftToRight)  # as names and times read
        painter.setPen(QColor(colours.text))
        painter.setFont(self._theme.font(13, strong=True))
        painter.drawText(line, flags | Qt.AlignmentFlag.AlignAbsolute, name)
        painter.setPen(QColor(colours.muted))
        painter.setFont(self._theme.font(12))
        painter.drawText(rest, flags | Qt.AlignmentFlag.AlignAbsolute, more)

    def top_card(self) -> tuple[int, int] | None:
        """Return the image whose card is the first in sight, and how far below the top it is."""
        index = self._model.index(self.rows_in_sight().start)
        image_id = self._model.id_at(index) if self.verticalOffset() else None
        return None if image_id is None else (image_id, self.visualRect(index).top())

    def put_at_top(self, image_id: int, below: int) -> bool:
        """Scroll so that an image is where :meth:`top_card` said; False if it is not shown."""
        index, bar = self._model.index_of_id(image_id), self.verticalScrollBar()
        if index.isValid():
            bar.setValue(bar.value() + self.visualRect(index).top() - below)
        return index.isValid()

    def selected_hits(self) -> Sequence[Hit]:
        """Return the hits selected, in the order shown; where not all are loaded, as a HitList."""
        return self._model.chosen(self.selected_ranges())

    def selected_ids(self) -> list[int]:
        """Return the images selected, unless they are so many that they are not kept."""
        ranges = self.selected_ranges()
        if sum(map(len, ranges)) > MOST_AT_ONCE:
            return []
        ids = (self._model.id_at(self._model.index(at)) for part in ranges for at in part)
        return [number for number in ids if number is not None]

    def select_ids(self, image_ids: Sequence[int]) -> None:
        """Select some images beside what is selected."""
        rows = [index.row() for index in self._model.indexes_of(image_ids)]
        chosen = QItemSelection()
        for _, pairs in groupby(enumerate(rows), key=lambda pair: pair[1] - pair[0]):
            run = [row for _, row in pairs]  # rows that follow each other
            chosen.select(self._model.index(run[0]), self._model.index(run[-1]))
        self.selectionModel().select(chosen, _SELECT)

    def selected_paths(self) -> list[Path]:
        """Return the files selected, in the order shown, of those that are loaded."""
        hits = self.selected_hits()
        return [] if isinstance(hits, HitList) else [hit.path for hit in hits]

    def current_path(self) -> Path | None:
        """Return the file the keyboard is at."""
        row = self._model.row_at(self.currentIndex())
        return row.hit.path if row else None

    def go_to(self, path: Path) -> bool:
        """Select a file and bring it into sight; False if it is not shown."""
        return self.go_to_index(self._model.index_of(path))

    def go_to_index(self, index: QModelIndex) -> bool:
        """Select a card and bring it into sight; False if there is none."""
        if index.isValid():
            self.setCurrentIndex(index)
            self.scrollTo(index)
        return index.isValid()

    @property
    def at_rest(self) -> bool:
        """Whether the cards fit the width, so that they stay where they are."""
        return not self._refill.isActive()

    def keep_in_sight(self) -> None:
        """See that the current card stays in sight when the width changes next."""
        self._held = True
        self._refill.start()

    def step(self, by: int) -> bool:
        """Make the next (or an earlier) card the current one; False at the end."""
        row = self.currentIndex().row() + by
        if not 0 <= row < self._model.rowCount():
            return False
        self.setCurrentIndex(self._model.index(row))
        self._look_around(range(row, row + 1))
        return True

    @Slot()
    def _refilled(self) -> None:
        self._fill_width()
        if self._held:
            self._held = False
            self.scrollTo(self.currentIndex())

    @Slot()
    def _fill_width(self) -> None:
        gap = self._theme.px(GAP)
        cell = self.room // self._fitting
        card = self._delegate.card_size(max(40, cell - gap))
        if card == self._delegate.card and self.gridSize().width() == cell:
            return
        self._delegate.card = card
        self.setGridSize(QSize(cell, card.height() + gap))
        self.verticalScrollBar().setSingleStep(max(20, card.height() // 3))

    @Slot()
    def _theme_changed(self) -> None:
        half = self._theme.px(GAP) // 2
        self.setViewportMargins(half, 0, 0, 0)
        self._fill_width()
        self.show_sections(self._shown_sections)

    @Slot(int)
    def _scrolled(self, value: int) -> None:
        """Leave the pictures out while the scroll bar is dragged over screens of cards."""
        far, self._scrolled_to = abs(value - self._scrolled_to), value
        leaping = self._flight.isActive()
        if far > self.viewport().height() or leaping:
            self._delegate.flying = True
            self._model.asks = not leaping  # a single leap, such as by the End key, does not wait
            self._flight.start()
        else:
            self._look_around(self.rows_in_sight())

    def _look_around(self, seen: range) -> None:
        """Have the cards loaded that come into sight next."""
        beyond = max(len(seen), _BEYOND)
        for row in (seen.start - beyond, seen.stop + beyond):
            self._model.row_at(self._model.index(min(max(0, row), self._model.rowCount() - 1)))

    @Slot()
    def _land(self) -> None:
        self._delegate.flying = False
        self._model.asks = True
        self.viewport().update()

    @Slot(object)
    def _picture_arrived(self, path: Path) -> None:
        for number in self.rows_in_sight():  # nothing else is painted
            index = self._model.index(number)
            row = self._model.row_at(index)
            if row is not None and row.hit.path == path:
                self.update(index)

    @Slot(QModelIndex)
    def _open_index(self, index: QModelIndex) -> None:
        row = self._model.row_at(index)
        if row is not None:
            self.opened.emit(row.hit.path)

    def selectionChanged(  # noqa: N802
        self, selected: QItemSelection, deselected: QItemSelection
    ) -> None:
        """Have the cards loaded that are about to be dragged or marked."""
        super().selectionChanged(selected, deselected)
        ranges = self.selected_ranges()
        if sum(map(len, ranges)) <= DRAGGED:
            for position in (position for part in ranges for position in part):
                self._model.row_at(self._model.index(position))

    def startDrag(self, actions: Qt.DropAction) -> None:  # noqa: N802
        """Drag the selected files, unless they are more than another program would take."""
        if sum(map(len, self.selected_ranges())) <= DRAGGED:
            super().startDrag(actions)
        else:
            text = self.tr("Drag at most {0} frames at once; copy their paths, or export them.")
            self.refused.emit(text.format(DRAGGED))

    # Qt's events ----------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Fit the cards to the new width, once for all resizes of a turn."""
        super().resizeEvent(event)
        self._refill.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Have the delegate forget the cards it keeps painted."""
        super().hideEvent(event)
        self._delegate.forget()  # each grid may keep its cards; one that is not seen need not

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Ask for larger or smaller cards with Ctrl held; scroll otherwise."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.resized_by_wheel.emit(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
            return
        super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Open, mark, unfold or move by the grid's own keys; leave the others to Qt."""
        if not self._own_key(event):
            super().keyPressEvent(event)

    def _own_key(self, event: QKeyEvent) -> bool:
        key = event.key()
        if key in (_KEY.Key_Return, _KEY.Key_Enter):
            self._open_index(self.currentIndex())
        elif key == _KEY.Key_Space:
            self.marked.emit("toggle")
        elif key in (_KEY.Key_R, _KEY.Key_X) and not event.modifiers():
            self.marked.emit("right" if key == _KEY.Key_R else "wrong")
        elif key in (_KEY.Key_E, _KEY.Key_T) and not event.modifiers():
            (self.unfold if key == _KEY.Key_E else self.tag_wanted).emit()
        elif key in (_KEY.Key_Home, _KEY.Key_End) and self._model.rowCount():
            last = self._model.rowCount() - 1
            self._move_to(0 if key == _KEY.Key_Home else last, event)
        else:
            return False
        event.accept()
        return True

    def _move_to(self, row: int, event: QKeyEvent) -> None:
        index = self._model.index(row)
        command = self.selectionCommand(index, event)
        self.selectionModel().setCurrentIndex(index, command)
        self.scrollTo(index)

    def keyboardSearch(self, search: str) -> None:  # noqa: N802
        """Letters are commands here, not the start of a file name."""
