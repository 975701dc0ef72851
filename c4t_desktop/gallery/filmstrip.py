"""A row of small pictures: neighbours in time, similar frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from c4t_desktop.gallery.delegate import ASPECT, paint_picture
from c4t_desktop.gallery.results_model import plain_tip, shown
from c4t_desktop.gallery.thumbnail_cache import ThumbnailCache
from c4t_desktop.theme import Theme

_GAP = 4
_LINE = 52  # height of a line of frames


class Filmstrip(QWidget):
    """Frames side by side; arrows move, Enter or a click chooses.

    Signals:
        chosen: a frame (Path).
    """

    chosen = Signal(object)

    def __init__(
        self,
        cache: ThumbnailCache,
        theme: Theme,
        name: str,
        parent: QWidget | None = None,
        *,
        columns: int = 7,
    ) -> None:
        """Start empty; ``name`` is what screen readers say, ``columns`` are frames in a line."""
        super().__init__(parent)
        self._cache = cache
        self._theme = theme
        self._paths: tuple[Path, ...] = ()
        self._current: Path | None = None
        self._cursor = 0
        self._columns = columns
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        cache.arrived.connect(self._arrived)
        theme.changed.connect(self.updateGeometry)

    def show_frames(self, paths: Sequence[Path], current: Path | None = None) -> None:
        """Show frames, one of them framed."""
        self._paths = tuple(paths)
        self._current = current
        self._cursor = self._paths.index(current) if current in self._paths else 0
        names = ", ".join(shown(path.name) for path in self._paths)
        self.setAccessibleDescription(names)
        self.updateGeometry()
        self.update()

    @property
    def paths(self) -> tuple[Path, ...]:
        """The frames shown."""
        return self._paths

    def cell(self, position: int) -> QRect:
        """Return where a frame is painted."""
        gap, lines = self._theme.px(_GAP), self._lines
        line, column = divmod(position, self._columns)
        width = (self.width() - gap * (self._columns - 1)) / self._columns
        room = (self.height() - gap * (lines - 1)) / lines
        height = min(round(room) - 4, round(width / ASPECT))
        left, top = round(column * (width + gap)), round(line * (room + gap))
        return QRect(left + 1, top + (round(room) - height) // 2, round(width) - 2, height)

    @property
    def _lines(self) -> int:
        return max(1, -(-len(self._paths) // self._columns))

    def sizeHint(self) -> QSize:  # noqa: N802
        """Ask for lines of small frames, large enough to be judged."""
        return QSize(self._theme.px(280), self._theme.px(_LINE * self._lines))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the narrowest that still shows something, at full height."""
        return QSize(self._theme.px(120), self._theme.px(_LINE * self._lines))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the frames, the current one outlined, the keyboard's place dotted."""
        painter = QPainter(self)
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        colours = self._theme.colours
        for position, path in enumerate(self._paths):
            where = self.cell(position)
            outline = QPainterPath()
            radius = self._theme.px(4)
            outline.addRoundedRect(QRectF(where), radius, radius)
            painter.save()
            painter.setClipPath(outline)
            paint_picture(painter, where, self._cache, path, self._theme)
            painter.restore()
            if path == self._current:
                painter.setPen(QPen(QColor(colours.accent), self._theme.px(2)))
                painter.drawPath(outline)
            elif self.hasFocus() and position == self._cursor:
                painter.setPen(QPen(QColor(colours.text), 1, Qt.PenStyle.DotLine))
                painter.drawPath(outline)
        painter.end()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Choose the frame that was clicked."""
        position = self._position_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and position is not None:
            self._cursor = position
            self.chosen.emit(self._paths[position])

    def event(self, event: QEvent) -> bool:
        """Show the path of the frame under the mouse as its tool tip."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            position = self._position_at(event.pos())
            if position is not None:
                QToolTip.showText(event.globalPos(), plain_tip(str(self._paths[position])), self)
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Move by the left and right arrows; choose by Enter or the space bar."""
        key = event.key()
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and self._paths:
            step = 1 if key == Qt.Key.Key_Right else -1
            self._cursor = min(max(self._cursor + step, 0), len(self._paths) - 1)
            self.update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._paths:
            self.chosen.emit(self._paths[self._cursor])
        else:
            super().keyPressEvent(event)

    def _position_at(self, spot: QPoint) -> int | None:
        for position in range(len(self._paths)):
            if self.cell(position).contains(spot):
                return position
        return None

    @Slot(object)
    def _arrived(self, path: Path) -> None:
        if path in self._paths:
            self.update()
