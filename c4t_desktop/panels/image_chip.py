"""An image as a term of the query: small picture, sign, a button that removes it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from c4t_desktop.gallery.delegate import paint_picture
from c4t_desktop.gallery.results_model import plain_tip, shown
from c4t_desktop.gallery.thumbnail_cache import ThumbnailCache
from c4t_desktop.theme import Theme, icons


class ImageChip(QWidget):
    """One image term; a click changes its sign, Delete or the cross removes it.

    Attributes:
        image: the file.
        weight: negative for "not like this".

    Signals:
        removed: the user removed it (ImageChip).
        changed: its weight changed.
    """

    removed = Signal(object)
    changed = Signal()

    def __init__(self, image: Path, weight: float, cache: ThumbnailCache, theme: Theme) -> None:
        """Show a file as a term."""
        super().__init__()
        self.image = image
        self.weight = weight
        self._cache = cache
        self._theme = theme
        self.setObjectName("imageChip")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._name()
        cache.arrived.connect(self._arrived)

    def sizeHint(self) -> QSize:  # noqa: N802, D102
        return QSize(self._theme.px(82), self._theme.px(26))

    def _name(self) -> None:
        name = shown(self.image.name)
        like = self.tr("like {0}") if self.weight > 0 else self.tr("not like {0}")
        self.setAccessibleName(like.format(name))
        tip = self.tr("Click to turn into “not like this”; Delete removes it.")
        self.setToolTip(plain_tip(f"{like.format(name)}\n{tip}"))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102
        theme, px = self._theme, self._theme.px
        colours = theme.colours
        painter = QPainter(self)
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        ground = QPainterPath()
        ground.addRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), px(6), px(6))
        painter.fillPath(
            ground, QColor(colours.accent_soft if self.weight > 0 else colours.bad_soft)
        )
        if self.hasFocus():
            painter.setPen(QColor(colours.accent))
            painter.drawPath(ground)
        tint = colours.accent if self.weight > 0 else colours.bad
        painter.setPen(QColor(tint))
        painter.setFont(theme.font(13, strong=True))
        sign = QRect(px(4), 0, px(12), self.height())
        painter.drawText(sign, Qt.AlignmentFlag.AlignCenter, "≈" if self.weight > 0 else "−")
        picture = QRect(px(19), px(3), px(38), self.height() - px(6))
        clip = QPainterPath()
        clip.addRoundedRect(QRectF(picture), px(3), px(3))
        painter.save()
        painter.setClipPath(clip)
        paint_picture(painter, picture, self._cache, self.image, theme)
        painter.restore()
        icons.draw(painter, "close", QRectF(self._cross()), tint)
        painter.end()

    def _cross(self) -> QRect:
        side = self._theme.px(14)
        left = self.width() - side - self._theme.px(5)
        return QRect(left, (self.height() - side) // 2, side, side)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102
        if self._cross().adjusted(-4, -6, 4, 6).contains(event.position().toPoint()):
            self.removed.emit(self)
        else:
            self._flip()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802, D102
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removed.emit(self)
        elif event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Minus, Qt.Key.Key_Plus):
            self._flip()
        else:
            super().keyPressEvent(event)

    def _flip(self) -> None:
        self.weight = -self.weight
        self._name()
        self.update()
        self.changed.emit()

    @Slot(object)
    def _arrived(self, path: Path) -> None:
        if path == self.image:
            self.update()
