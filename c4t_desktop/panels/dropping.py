"""Folders dropped anywhere on the window: shows what a drop would do, and takes it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from c4t_desktop.gallery.results_model import local_path, shown
from c4t_desktop.messages import plural, quoted
from c4t_desktop.panels.bars.status import folder_name
from c4t_desktop.panels.parts import label, named, take_copy


class FolderDrops(QFrame):
    """Lies over the window while folders are dragged over it.

    Signals:
        opened: folders were dropped (list of Path).
        added: folders were dropped on those that are open (list of Path).
        refused: what was dropped and is no folder, as a sentence (str).
    """

    opened = Signal(object)
    added = Signal(object)
    refused = Signal(str)

    def __init__(self, window: QWidget, over: QWidget, adds: QWidget) -> None:
        """Cover ``over`` while something is dragged; what is dropped on ``adds`` is added."""
        super().__init__(window)
        self._window, self._over, self._adds = window, over, adds
        self._folders: list[Path] = []
        self._others: list[Path] = []
        named(self, "dropVeil")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._says = label(kind="title", name="dropSays", wrap=True)
        self._says.setAlignment(Qt.AlignmentFlag.AlignCenter)
        QVBoxLayout(self).addWidget(self._says)
        self.hide()
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, _: QObject, event: QEvent) -> bool:  # noqa: N802
        """Take what the window hears of dragging."""
        kind = event.type()
        if kind == QEvent.Type.DragLeave:
            self.hide()
        elif kind == QEvent.Type.Drop and isinstance(event, QDropEvent):
            self.hide()
            if take_copy(event):
                self._drop(event.position().toPoint())
        elif kind in (QEvent.Type.DragEnter, QEvent.Type.DragMove):
            assert isinstance(event, QDragMoveEvent)
            ours = kind == QEvent.Type.DragMove or self._enter(event)
            if ours and take_copy(event):
                self._show_at(event.position().toPoint())
        else:
            return False
        return True

    def _enter(self, event: QDropEvent) -> bool:
        """Look at what is dragged; False if it is none of ours."""
        event.ignore()
        if event.source() is not None:  # a card of our own, for other programs and the search bar
            return False
        paths = [path for path in map(local_path, event.mimeData().urls()) if path is not None]
        self._folders = [path for path in paths if path.is_dir()]
        self._others = [path for path in paths if path not in self._folders]
        return bool(paths)

    def _adding(self, spot: QPoint) -> bool:
        adds = self._adds
        inside = adds.rect().contains(adds.mapFrom(self._window, spot))
        return adds.isVisible() and inside

    def _show_at(self, spot: QPoint) -> None:
        corner = self._over.mapTo(self._window, QPoint(0, 0))
        self.setGeometry(corner.x(), corner.y(), self._over.width(), self._over.height())
        self._says.setText(self._would(self._adding(spot)))
        self.show()
        self.raise_()

    def _would(self, adding: bool) -> str:
        """Return what a drop would do."""
        if not self._folders:
            return self._no_folders()
        add, instead = self.tr("Drop to add {0} to what is open"), self.tr("Drop to open {0}")
        form = add if adding else instead
        one = quoted(shown(folder_name(self._folders[0])))
        count = len(self._folders)
        return form.format(one if count == 1 else plural(count, "", self.tr("{0} folders")))

    def _drop(self, spot: QPoint) -> None:
        if self._folders:
            (self.added if self._adding(spot) else self.opened).emit(self._folders)
        if self._others:
            self.refused.emit(self._no_folders())

    def _no_folders(self) -> str:
        """Return that what was dropped is no folder, and what to do with it instead."""
        one = self.tr(
            "“{0}” is no folder; drop a folder of frames, or a picture on the search bar."
        )
        many = self.tr(
            "{0} files are no folders; drop folders of frames, or a picture on the search bar."
        )
        count = len(self._others)
        return one.format(shown(self._others[0].name)) if count == 1 else plural(count, "", many)
