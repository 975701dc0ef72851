"""One frame, large: fits the space, or zooms to its pixels."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from c4t_desktop.gallery.thumbnail_cache import ThumbnailCache
from c4t_desktop.jobs.thumbnails import FULL, Picture, Request, Thumbnails
from c4t_desktop.theme import Theme

_MOST = 16.0  # screen pixels per image pixel


class FrameView(QWidget):
    """Shows one file; wheel and + - zoom, dragging moves, 0 fits, 1 shows pixels.

    Attributes:
        path: the file shown, None for none.
        zoom: device pixels per image pixel; None while the frame fits the space.

    Signals:
        zoomed: the zoom changed.
        loaded: the whole frame is there, or cannot be decoded (Picture).
        double_clicked: the user double-clicked.
    """

    zoomed = Signal()
    loaded = Signal(object)
    double_clicked = Signal()

    def __init__(
        self,
        source: Thumbnails,
        cache: ThumbnailCache,
        theme: Theme,
        *,
        zoomable: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        """Start empty."""
        super().__init__(parent)
        self._source = source
        self._cache = cache
        self._theme = theme
        self._zoomable = zoomable
        self.path: Path | None = None
        self.zoom: float | None = None
        self._whole: QPixmap | None = None
        self._reason = ""
        self._centre = QPointF(0.5, 0.5)  # of the space, as a share of the frame
        self._grabbed: QPointF | None = None
        self.setAccessibleName(self.tr("Frame"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        if zoomable:
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        source.ready.connect(self._take)
        cache.arrived.connect(self._thumbnail_arrived)
        theme.changed.connect(self.update)

    def show_frame(self, path: Path | None) -> None:
        """Show a file: its thumbnail at once, the whole frame as soon as it is decoded."""
        if path == self.path and (self._whole is not None or path is None):
            return
        if self.path is not None and self._whole is None and not self._reason:
            self._source.withdraw(Request(self.path, FULL))
        self.path = path
        self._whole = None
        self._reason = ""
        if path is not None:
            self._source.request(Request(path, FULL))
        self.update()

    def fit(self) -> None:
        """Fit the frame into the space."""
        self.zoom = None
        self._centre = QPointF(0.5, 0.5)
        self.zoomed.emit()
        self.update()

    def zoom_to(self, zoom: float, at: QPointF | None = None) -> None:
        """Zoom to so many device pixels per image pixel, keeping the spot ``at`` in place."""
        if self._picture() is None:
            return
        zoom = min(max(zoom, self._fitting()), _MOST)
        if zoom <= self._fitting() * 1.001:
            self.fit()
            return
        spot = at if at is not None else QPointF(self.rect().center())
        before = self._share_at(spot)
        self.zoom = zoom
        after = self._share_at(spot)
        self._centre += before - after
        self._clamp()
        self.zoomed.emit()
        self.update()

    @property
    def shown_zoom(self) -> float:
        """Device pixels per image pixel on screen now."""
        return self.zoom if self.zoom is not None else self._fitting()

    @property
    def frame_size(self) -> QSize:
        """Width and height of the whole frame; empty until it is decoded."""
        return self._whole.size() if self._whole is not None else QSize()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Ask for a small landscape; layouts give it more."""
        return QSize(self._theme.px(320), self._theme.px(200))

    def _picture(self) -> QPixmap | None:
        if self._whole is not None or self.path is None:
            return self._whole
        return self._cache.get(self.path, 512)

    def _fitting(self) -> float:
        picture = self._whole
        if picture is None or picture.isNull():
            return 1.0
        ratio = self.devicePixelRatioF()
        return min(self.width() * ratio / picture.width(), self.height() * ratio / picture.height())

    def _target(self, picture: QPixmap) -> QRectF:
        """Return where the frame lies in the widget."""
        ratio = self.devicePixelRatioF()
        if self.zoom is None or self._whole is None:
            scale = min(self.width() / picture.width(), self.height() / picture.height())
        else:
            scale = self.zoom / ratio
        width, height = picture.width() * scale, picture.height() * scale
        left = self.width() / 2 - self._centre.x() * width
        top = self.height() / 2 - self._centre.y() * height
        if self.zoom is None:
            left, top = (self.width() - width) / 2, (self.height() - height) / 2
        return QRectF(left, top, width, height)

    def _share_at(self, spot: QPointF) -> QPointF:
        picture = self._picture()
        if picture is None:
            return QPointF(0.5, 0.5)
        target = self._target(picture)
        return QPointF(
            (spot.x() - target.left()) / target.width(), (spot.y() - target.top()) / target.height()
        )

    def _clamp(self) -> None:
        x = min(max(self._centre.x(), 0.0), 1.0)
        y = min(max(self._centre.y(), 0.0), 1.0)
        self._centre = QPointF(x, y)

    # Qt's events ----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the frame where it lies, or say why it is not there."""
        painter = QPainter(self)
        colours = self._theme.colours
        painter.fillRect(self.rect(), QColor(colours.canvas))
        picture = self._picture()
        if picture is not None:
            smooth = self.zoom is None or self.zoom < 2
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
            painter.drawPixmap(self._target(picture), picture, QRectF(picture.rect()))
        elif self.path is not None:
            painter.setPen(QColor(colours.muted))
            text = self._reason or self._cache.reason(self.path) or self.tr("Loading…")
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(16, 16, -16, -16), flags, text)
        painter.end()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Zoom at the mouse, if this view may."""
        if not self._zoomable:
            event.ignore()
            return
        factor = 1.25 if event.angleDelta().y() > 0 else 0.8
        self.zoom_to(self.shown_zoom * factor, event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Grab a zoomed frame."""
        if self.zoom is not None and event.button() == Qt.MouseButton.LeftButton:
            self._grabbed = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Move the grabbed frame with the mouse."""
        picture = self._picture()
        if self._grabbed is None or picture is None:
            return
        target = self._target(picture)
        moved = event.position() - self._grabbed
        self._grabbed = event.position()
        self._centre -= QPointF(moved.x() / target.width(), moved.y() / target.height())
        self._clamp()
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Let the frame go."""
        self._grabbed = None
        self.unsetCursor()
        super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Zoom in at the mouse or back to the whole frame, and tell of it."""
        if self._zoomable:
            if self.zoom is None:
                self.zoom_to(max(1.0, self._fitting() * 2), event.position())
            else:
                self.fit()
        self.double_clicked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Zoom by + and -, fit by 0, show pixel for pixel by 1, if this view may."""
        key = event.key()
        if not self._zoomable:
            super().keyPressEvent(event)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_to(self.shown_zoom * 1.25)
        elif key == Qt.Key.Key_Minus:
            self.zoom_to(self.shown_zoom * 0.8)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key == Qt.Key.Key_1:
            self.zoom_to(1.0)
        else:
            super().keyPressEvent(event)

    @Slot(object)
    def _take(self, picture: Picture) -> None:
        if self.path is None or picture.request != Request(self.path, FULL):
            return
        if picture.image is None:
            self._reason = picture.reason
        else:
            self._whole = QPixmap.fromImage(picture.image)
        self.loaded.emit(picture)
        self.update()

    @Slot(object)
    def _thumbnail_arrived(self, path: Path) -> None:
        if path == self.path and self._whole is None:
            self.update()
