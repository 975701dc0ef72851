"""The list of saved searches in the side panel, and what can be done with one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from c4t_desktop.gallery.results_model import plain_tip
from c4t_desktop.messages import count_text, said
from c4t_desktop.panels.bars.widgets import Section, SideRow
from c4t_desktop.panels.parts import named, popup
from c4t_desktop.services.marks import Saved
from c4t_desktop.theme import Theme

_STEPS = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}


class ScenarioRow(SideRow):
    """One saved search.

    Signals:
        renamed: another name is wanted (Saved).
        moved: another place is wanted (Saved, steps down the list).
        dragged: the mouse drags it, at this height of the list; None is nowhere (int or None).
        dropped: the mouse lets it go there.
    """

    renamed = Signal(object)
    moved = Signal(object, int)
    dragged = Signal(object)
    dropped = Signal()
    _pressed: QPoint | None = None
    _drags = False

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Note where a drag may begin; those of a pack have no places."""
        movable = isinstance(self.stands_for, Saved) and not self.stands_for.pack
        if movable and event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.position().toPoint()
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Drag it, once it is clear that this is no click."""
        spot = event.position().toPoint()
        if self._pressed is None:
            super().mouseMoveEvent(event)
            return
        way = (spot - self._pressed).manhattanLength()
        if self._drags or way >= QApplication.startDragDistance():
            self._drags = True
            self.setDown(False)
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.dragged.emit(self.mapToParent(spot).y())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Let it go where it was dragged to, or choose it."""
        super().mouseReleaseEvent(event)
        if self._drags:
            self.dropped.emit()
        self._end_drag()

    def _end_drag(self) -> None:
        self._pressed, self._drags = None, False
        self.unsetCursor()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Rename by F2, move by Alt and an arrow, give up dragging by Escape."""
        step = _STEPS.get(Qt.Key(event.key()))
        if event.key() == Qt.Key.Key_Escape and self._drags:
            self._end_drag()
            self.dragged.emit(None)
        elif event.key() == Qt.Key.Key_F2:
            self.renamed.emit(self.stands_for)
        elif step and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self.moved.emit(self.stands_for, step)
        else:
            super().keyPressEvent(event)


class ScenarioSection(Section):
    """Saved searches, with how many frames match, or how many are new.

    Signals:
        chosen: one is to be run again (Saved).
        renamed: one is to get another name (Saved).
        moved: one is to be moved (Saved, steps down the list).
        copied: the query of one is to be put on the clipboard (str).
        removed: one is to be deleted (Saved).
        pack_removed: the searches of SearchAD's labels are to be deleted.
    """

    chosen = Signal(object)
    renamed = Signal(object)
    moved = Signal(object, int)
    copied = Signal(str)
    removed = Signal(object)
    pack_removed = Signal()

    def __init__(self, title: str, theme: Theme) -> None:
        """List nothing yet."""
        super().__init__(title, theme)
        self._saved: Sequence[Saved] = ()
        self._unfolded = False
        self._goes_to = 0  # of the row that is dragged
        self._line = named(QWidget(self), "dropLine")
        self._line.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._line.hide()

    @Slot(object)
    def show_saved(self, saved: Sequence[Saved]) -> None:
        """List saved searches; the keys stay at the one where they are.

        While one is dragged the list stays as it is: its row would be gone from under the mouse.
        """
        if not self._line.isHidden():
            self._saved = saved
            return
        at = next((_name_of(row) for row in self.rows if row.hasFocus()), None)
        self._saved = saved
        packed = [entry for entry in saved if entry.pack]
        rows: list[QWidget] = [self._row(entry) for entry in saved if not entry.pack]
        if packed:  # ninety would hide the others
            rows.append(self._pack_row(packed))
        if self._unfolded:
            rows += [self._row(entry) for entry in packed]
        self.show_rows(rows)
        for row in rows:
            if at is not None and _name_of(row) == at:
                row.setFocus()

    def _pack_row(self, packed: Sequence[Saved]) -> SideRow:
        """Return the row that the searches of SearchAD's labels fold behind."""
        fresh = sum(entry.fresh for entry in packed)
        value = self.tr("+{0} new").format(count_text(fresh)) if fresh else count_text(len(packed))
        arrow = "▾" if self._unfolded else "▸"
        row = SideRow(f"{arrow} {packed[0].pack.strip(' :')}", value, None, self._theme)
        row.setObjectName("packRow")
        row.setCheckable(False)
        row.setToolTip(self.tr("Show or hide the situations of SearchAD; Delete removes them all"))
        row.chosen.connect(self._fold_pack)
        row.removed.connect(self.pack_removed)
        return row

    @Slot()
    def _fold_pack(self) -> None:
        self._unfolded = not self._unfolded
        self.show_saved(self._saved)

    def _row(self, entry: Saved) -> SideRow:
        """Return the row of a saved search."""
        value = "" if entry.matches is None else count_text(entry.matches)
        if entry.problem:
            value = self.tr("unreadable")
        elif entry.fresh:
            value = self.tr("+{0} new").format(count_text(entry.fresh))
        row = ScenarioRow(entry.name.removeprefix(entry.pack), value, entry, self._theme)
        row.setCheckable(False)
        row.setToolTip(
            self.tr(
                "Run this search again; drag it to another place; F2 renames it, Delete removes it"
            )
        )
        if entry.problem:
            row.setToolTip(plain_tip(said(entry.problem)))
        elif not entry.same_model:
            row.setToolTip(
                self.tr(
                    "Its cut was found with another model, so nothing counts as new; save the "
                    "search again to find its cut for this one"
                )
            )
        row.chosen.connect(self.chosen)
        row.removed.connect(self.removed)
        row.renamed.connect(self.renamed)
        row.moved.connect(self.moved)
        row.menu_wanted.connect(self._menu)
        row.dragged.connect(self._dragged)
        row.dropped.connect(self._dropped)
        return row

    def _movable(self) -> list[ScenarioRow]:
        rows = (row for row in self.rows if isinstance(row, ScenarioRow))
        return [
            row for row in rows if isinstance(row.stands_for, Saved) and not row.stands_for.pack
        ]

    @Slot(object)
    def _dragged(self, height: int | None) -> None:
        """Show with a line where the row would go."""
        others = [row.geometry() for row in self._movable() if row is not self.sender()]
        if height is None or not others:
            self._line.hide()
            self.show_saved(self._saved)
            return
        self._goes_to = sum(spot.center().y() < height for spot in others)
        before = others[self._goes_to :]
        edge = before[0].top() - 2 if before else others[-1].bottom() + 1
        self._line.setGeometry(others[0].left(), edge, others[0].width(), 2)
        self._line.raise_()
        self._line.show()

    @Slot()
    def _dropped(self) -> None:
        rows, row = self._movable(), self.sender()
        if self._line.isHidden() or not isinstance(row, ScenarioRow):
            return
        self._line.hide()
        saved, by = row.stands_for, self._goes_to - rows.index(row)
        self.show_saved(self._saved)
        if by:
            self.moved.emit(saved, by)

    @Slot(object, object)
    def _menu(self, where: QPoint, entry: Saved) -> None:
        """Offer what can be done with a saved search."""
        menu = QMenu(self)
        menu.setObjectName("scenarioMenu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        movable = [] if entry.pack else [saved.name for saved in self._saved if not saved.pack]
        place = movable.index(entry.name) if entry.name in movable else 0
        offers: tuple[tuple[str, str, bool], ...] = (
            (self.tr("Run"), "run", not entry.problem),
            (self.tr("Copy the query"), "copy", True),
            ("", "", True),
            (self.tr("Rename…"), "rename", True),
            (self.tr("Move up"), "up", place > 0),
            (self.tr("Move down"), "down", place < len(movable) - 1),
            ("", "", True),
            (self.tr("Delete"), "delete", True),
        )
        for text, name, possible in offers:
            action = menu.addAction(text) if text else menu.addSeparator()
            action.setData((name, entry))
            action.setEnabled(possible)
        menu.triggered.connect(self._act)
        row = self.sender()
        popup(menu, where, row if isinstance(row, QWidget) else self)

    @Slot(object)
    def _act(self, action: QAction) -> None:
        name, entry = action.data()
        if name in ("up", "down"):
            self.moved.emit(entry, -1 if name == "up" else 1)
        elif name == "copy":
            self.copied.emit(entry.question.key())
        else:
            wanted = {"run": self.chosen, "rename": self.renamed, "delete": self.removed}
            wanted[name].emit(entry)


def _name_of(row: QWidget) -> str:
    """Return what tells a row from the others, in another list as well."""
    if isinstance(row, SideRow) and isinstance(row.stands_for, Saved):
        return row.stands_for.name
    return f"/{row.objectName()}"
