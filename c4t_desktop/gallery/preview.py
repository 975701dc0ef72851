"""A larger picture of the card under the mouse, where it covers none of its neighbours."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPoint, QRect, QRectF, Qt, QTimer, Slot
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from c4t_desktop.gallery.results_model import RowRole, shown
from c4t_desktop.gallery.thumbnail_cache import ThumbnailCache
from c4t_desktop.gallery.view import ResultsView
from c4t_desktop.services.rows import Row
from c4t_desktop.settings import HOVER_PREVIEW, Settings
from c4t_desktop.theme import Theme

_REST = 450  # ms that the mouse rests before the picture comes
_WIDTH = 460  # pixels before scaling
_CAPTION = 46
_EDGE = 8
_ENDS = {
    QEvent.Type.Leave,
    QEvent.Type.Wheel,
    QEvent.Type.MouseButtonPress,
    QEvent.Type.Hide,
    QEvent.Type.DragEnter,
}


class HoverPreview(QWidget):
    """Comes when the mouse rests on a card, and goes when it leaves, scrolls or presses.

    It lies over the window and lets the mouse through, so it takes neither clicks nor focus: over
    the details, or where they are hidden at the side of the window that is farther from the card.

    Attributes:
        path: the file shown, None while nothing is.
    """

    def __init__(
        self,
        view: ResultsView,
        details: QWidget,
        cache: ThumbnailCache,
        settings: Settings,
        theme: Theme,
    ) -> None:
        """Watch a view that may have details beside it."""
        super().__init__(view.window())
        self._view = view
        self._details = details
        self._cache = cache
        self._settings = settings
        self._theme = theme
        self._index = QModelIndex()
        self._row: Row | None = None
        self.setObjectName("hoverPreview")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST)
        self._rest.timeout.connect(self._come)
        view.entered.connect(self._entered)
        view.viewportEntered.connect(self.leave)
        view.viewport().installEventFilter(self)
        view.installEventFilter(self)
        view.model().modelReset.connect(self.leave)
        view.verticalScrollBar().valueChanged.connect(self.leave)
        cache.arrived.connect(self._arrived)

    @property
    def path(self) -> Path | None:
        """The file shown."""
        return self._row.hit.path if self._row is not None else None

    @Slot(QModelIndex)
    def _entered(self, index: QModelIndex) -> None:
        self.leave()
        if self._settings.value(HOVER_PREVIEW):
            self._index = index
            self._rest.start()

    @Slot()
    def leave(self) -> None:
        """Go away."""
        self._rest.stop()
        self._row = None
        self.hide()

    @Slot()
    def _come(self) -> None:
        row: Row | None = self._view.model().data(self._index, RowRole)
        if row is None or not self._view.isVisible():
            return
        self._row = row
        if self.parentWidget() is not self._view.window():
            self.setParent(self._view.window())
        self._place()
        self.show()
        self.raise_()

    def _place(self) -> None:
        px, window = self._theme.px, self._view.window()
        card = self._view.visualRect(self._index)
        card.moveTopLeft(self._view.viewport().mapTo(window, card.topLeft()))
        left, width = self._room(card)
        height = self._picture_height(width) + px(_CAPTION)
        middle = card.center().y() - height // 2
        top = self._view.viewport().mapTo(window, QPoint(0, 0)).y()  # the search stays in sight
        y = max(min(middle, window.height() - height - px(_EDGE)), top)
        self.setGeometry(left, y, width, height)

    def _room(self, card: QRect) -> tuple[int, int]:
        """Return where it begins and how wide it is, in pixels of the window like ``card``."""
        px, window, details = self._theme.px, self._view.window(), self._details
        edge, most = px(_EDGE), px(_WIDTH)
        if details.isVisible():
            width = min(most, details.width() - 2 * edge)
            left = details.mapTo(window, QPoint(0, 0)).x()
            return left + (details.width() - width) // 2, width
        before, after = card.left() - edge, window.width() - edge - card.right()
        room = max(before, after)
        # Beyond the next card, unless what is left is hardly larger than the card itself.
        width = min(most, room, max(room - card.width() - 2 * edge, round(1.4 * card.width())))
        return (edge if before > after else window.width() - edge - width), width

    def _picture_height(self, width: int) -> int:
        picture = self._cache.get(self._row.hit.path, 512) if self._row is not None else None
        if picture is None or picture.isNull():
            return round(width * 0.625)
        return min(round(width * picture.height() / picture.width()), self._theme.px(_WIDTH))

    @Slot(object)
    def _arrived(self, path: Path) -> None:
        if path == self.path:
            self._place()
            self.update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Leave when the grid is used, and keep its tool tips away."""
        kind = event.type()
        if kind in _ENDS or kind == QEvent.Type.KeyPress:
            self.leave()
        # The path as a tool tip would lie over the picture, which names the file anyway.
        return kind == QEvent.Type.ToolTip and bool(self._settings.value(HOVER_PREVIEW))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the picture and the words below it on a rounded card."""
        row = self._row
        if row is None:
            return
        px, colours = self._theme.px, self._theme.colours
        painter = QPainter(self)
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        outline = QPainterPath()
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        outline.addRoundedRect(frame, px(10), px(10))
        painter.setLayoutDirection(Qt.LayoutDirection.LeftToRight)  # names of files
        painter.fillPath(outline, QColor(colours.card))
        where = QRect(0, 0, self.width(), self.height() - px(_CAPTION))
        painter.save()
        painter.setClipPath(outline)
        self._paint_picture(painter, where, row.hit.path)
        painter.restore()
        self._paint_words(painter, where, row)
        painter.setPen(QPen(QColor(colours.border_strong), 1))
        painter.drawPath(outline)
        painter.end()

    def _paint_picture(self, painter: QPainter, where: QRect, path: Path) -> None:
        picture = self._cache.get(path, 512)
        painter.fillRect(where, QColor(self._theme.colours.hover))
        if picture is None or picture.isNull():
            painter.setPen(QColor(self._theme.colours.muted))
            text = self._cache.reason(path) or self.tr("Loading…")
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(where.adjusted(12, 12, -12, -12), flags, text)
            return
        size = picture.size().scaled(where.size(), Qt.AspectRatioMode.KeepAspectRatio)
        spot = QRectF(0, 0, size.width(), size.height())
        spot.moveCenter(QRectF(where).center())
        painter.drawPixmap(spot, picture, QRectF(picture.rect()))

    def _paint_words(self, painter: QPainter, picture: QRect, row: Row) -> None:
        theme, px = self._theme, self._theme.px
        hit = row.hit
        facts = " · ".join(shown(part) for part in (hit.drive, hit.camera) if part)
        start = Qt.AlignmentFlag.AlignLeading | Qt.AlignmentFlag.AlignVCenter
        line = QRect(px(12), picture.bottom() + px(6), self.width() - px(24), px(18))
        for text, font, colour in (
            (shown(hit.path.name), theme.font(12, strong=True), theme.colours.text),
            (facts or shown(hit.path.parent.name), theme.font(11), theme.colours.muted),
        ):
            painter.setFont(font)
            painter.setPen(QColor(colour))
            mode = Qt.TextElideMode.ElideMiddle
            part = QFontMetrics(font).elidedText(text.replace("\n", "⏎"), mode, line.width())
            painter.drawText(line, start | Qt.TextFlag.TextSingleLine, part)
            line.translate(0, px(17))
