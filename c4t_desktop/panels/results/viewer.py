"""A frame in place of the grid: zoom to pixels, step through hits or time, play."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QToolButton, QWidget

from c4t_desktop.context import Context
from c4t_desktop.gallery.filmstrip import Filmstrip
from c4t_desktop.gallery.frame_view import FrameView
from c4t_desktop.gallery.results_model import shown
from c4t_desktop.panels.parts import ElidedLabel, MarkButtons, column, label, named, row
from c4t_desktop.services.details import Facts

_PLAY = 250  # ms per frame
_MARK_KEYS: dict[int, str] = {Qt.Key.Key_R: "right", Qt.Key.Key_X: "wrong"}


class Viewer(QWidget):
    """One frame, large.

    Signals:
        closed: back to the grid.
        step_wanted: the next (1) or the previous (-1) hit.
        frame_shown: another frame than the grid's is shown (Path).
        mark_key: the key of a mark was pressed ("right" or "wrong").
    """

    closed = Signal()
    step_wanted = Signal(int)
    frame_shown = Signal(object)
    mark_key = Signal(str)

    def __init__(self, context: Context) -> None:
        """Show nothing yet."""
        super().__init__()
        self._details, self._theme = context.details, context.theme
        thumbnails, cache, theme = context.thumbnails, context.cache, context.theme
        self.setObjectName("frameView")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.view = FrameView(thumbnails, cache, theme)
        self.setFocusProxy(self.view)
        self._name = named(ElidedLabel(), "", kind="subtitle")
        self._zoom = label(kind="muted")
        self.marks = MarkButtons(theme, "viewerRightButton", "viewerWrongButton")
        self.marks.keep_focus_away()
        self.strip = Filmstrip(cache, theme, self.tr("Neighbours in time"))
        back = "chevron-right" if self.isRightToLeft() else "chevron-left"
        self._back = self._button(back, self.tr("Back to the results (Esc)"))
        self._earlier = self._button("chevron-left", self.tr("Earlier in time (,)"))
        self._play = self._button("play", self.tr("Play the drive from here (P)"))
        self._later = self._button("chevron-right", self.tr("Later in time (.)"))
        self._pixels = self._button("zoom-in", self.tr("Show every pixel (1)"))
        self._fit = self._button("zoom-fit", self.tr("Fit the space (0)"))
        self._timer = QTimer(self)
        self._timer.setInterval(_PLAY)
        self._place()
        self._wire()
        self._restyle()

    def _button(self, icon: str, name: str) -> QToolButton:
        button = named(QToolButton(), "", name)
        self._theme.dress(button, icon)
        button.setToolTip(name)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _place(self) -> None:
        theme = self._theme
        top = row(
            theme,
            self._back,
            self._name,
            self.marks,
            self._zoom,
            self._fit,
            self._pixels,
            wide=self._name,
            gap=8,
        )
        below, time = QWidget(), (self._earlier, self._play, self._later, 8, self.strip)
        below.setLayoutDirection(Qt.LayoutDirection.LeftToRight)  # as time runs in the strip
        row(theme, *time, wide=self.strip, margins=(0, 0, 0, 0), gap=4, parent=below)
        column(
            theme,
            top,
            self.view,
            below,
            wide=self.view,
            margins=(16, 10, 16, 10),
            gap=10,
            parent=self,
        )

    def _wire(self) -> None:
        self._back.clicked.connect(self.closed)
        self._earlier.clicked.connect(self._go_earlier)
        self._later.clicked.connect(self._go_later)
        self._play.clicked.connect(self.toggle_play)
        self._pixels.clicked.connect(self._show_pixels)
        self._fit.clicked.connect(self.view.fit)
        self.view.zoomed.connect(self._show_zoom)
        self.view.loaded.connect(self._show_zoom)
        self.strip.chosen.connect(self.show_frame)
        self._details.known.connect(self._known)
        self._timer.timeout.connect(self._go_later)
        self._theme.changed.connect(self._restyle)

    def show_frame(self, path: Path) -> None:
        """Show a frame and tell."""
        self.view.show_frame(path)
        self._name.show_text(shown(path.name))
        self._show_zoom()
        self.frame_shown.emit(path)

    def stop(self) -> None:
        """Stop playing."""
        self._timer.stop()
        self._restyle()

    @property
    def playing(self) -> bool:
        """Whether the drive is being played."""
        return self._timer.isActive()

    @Slot()
    def toggle_play(self) -> None:
        """Play the drive from here, or stop."""
        if self._timer.isActive():
            self._timer.stop()
        else:
            self._timer.start()
        self._restyle()

    @Slot(object)
    def _known(self, facts: Facts) -> None:
        if facts.path == self.view.path:
            self.strip.show_frames(facts.neighbours, facts.path)
            timed = len(facts.neighbours) > 1
            for part in (self.strip, self._earlier, self._play, self._later):
                part.setEnabled(timed)

    @Slot()
    def _go_earlier(self) -> None:
        self._go(-1)

    @Slot()
    def _go_later(self) -> None:
        if not self._go(1) and self._timer.isActive():
            self.toggle_play()

    def _go(self, by: int) -> bool:
        paths: Sequence[Path] = self.strip.paths
        if self.view.path not in paths:
            return bool(paths) or self._timer.isActive()
        index = paths.index(self.view.path) + by
        if not 0 <= index < len(paths):
            return False
        self.show_frame(paths[index])
        return True

    @Slot()
    def _show_pixels(self) -> None:
        self.view.zoom_to(1.0)

    @Slot()
    def _show_zoom(self) -> None:
        known = not self.view.frame_size.isEmpty()
        self._zoom.setText(f"{self.view.shown_zoom * 100:.0f} %" if known else "")

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Step through hits or time, play, or go back."""
        steps: dict[int, int] = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Down: 1,
        }
        key = event.key()
        if key in steps:
            self.step_wanted.emit(steps[key])
        elif key in (Qt.Key.Key_Comma, Qt.Key.Key_Period):
            self._go(-1 if key == Qt.Key.Key_Comma else 1)
        elif key in _MARK_KEYS and not event.modifiers():
            self.mark_key.emit(_MARK_KEYS[key])
        elif key == Qt.Key.Key_P:
            self.toggle_play()
        elif key in (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.closed.emit()
        else:
            super().keyPressEvent(event)

    @Slot()
    def _restyle(self) -> None:
        theme = self._theme
        for button in (self._back, self._earlier, self._later, self._pixels, self._fit):
            button.setIconSize(QSize(theme.px(18), theme.px(18)))
        theme.dress(self._play, "pause" if self._timer.isActive() else "play")
        self.strip.setFixedHeight(theme.px(72))
