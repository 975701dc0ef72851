"""Paints one card: picture, score bar, name and score, mark and event badges.

The compare view and the evaluation show how a frame fared beside it.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from PySide6.QtCore import (
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    QSize,
    QSizeF,
    Qt,
    Slot,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPainterPath, QPen, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from c4t_core.index.query import Hit
from c4t_desktop.gallery.results_model import MarkRole, RowRole, ScaleRole, TagsRole, shown
from c4t_desktop.gallery.thumbnail_cache import ThumbnailCache
from c4t_desktop.messages import moment_text
from c4t_desktop.services.comparison import ComparedRow
from c4t_desktop.services.rows import Row
from c4t_desktop.theme import Theme, icons

ASPECT = 1.55  # width to height of a picture in the grid
GAP = 12  # between cards
CAPTION = 34  # height below the picture
_EDGE = 4  # around a card that is kept: what is below the best frame of an event shows there
_GROUNDS = 16  # empty cards kept: sizes and kinds
_LIMIT = 64 * 1024 * 1024  # bytes of cards kept; about 250 at the usual size
# Joined once: joining Qt's flags in Python takes as long as drawing a line of text.
_SMOOTH = QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
_KEEP = Qt.AspectRatioMode.KeepAspectRatio
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_LEFT_LINE = _LEFT | Qt.TextFlag.TextSingleLine
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
Index = QModelIndex | QPersistentModelIndex


def read(index: Index, role: int) -> object:
    """Return what a model says, asking it in Python.

    ``index.data`` goes through C++ and back, and lets another thread have Python's lock twice;
    with some hundred reads a frame the thumbnail threads would hold up scrolling.
    """
    return index.model().data(index, role)


def picture_height(width: int) -> int:
    """Return the height of the picture on a card of this width."""
    return round(width / ASPECT)


def cover(picture: QPixmap, where: QRect) -> QRectF:
    """Return the part of a picture that fills a rectangle without distortion."""
    width, height = picture.width(), picture.height()
    if width * where.height() > height * where.width():
        part = height * where.width() / where.height()
        return QRectF((width - part) / 2, 0, part, height)
    part = width * where.height() / where.width()
    return QRectF(0, (height - part) / 2, width, part)


def contained(picture: QPixmap, where: QRect) -> QRectF:
    """Return where a whole picture lies in the middle of a rectangle without distortion."""
    whole = QRectF(QPointF(0, 0), QSizeF(picture.size()).scaled(QSizeF(where.size()), _KEEP))
    whole.moveCenter(QRectF(where).center())
    return whole


def paint_picture(
    painter: QPainter,
    where: QRect,
    cache: ThumbnailCache,
    path: Path,
    theme: Theme,
    *,
    ask: bool = True,
    whole: bool = False,
) -> None:
    """Paint a file's picture, a quiet ground while it is on its way, or why there is none.

    The picture fills the rectangle, its edges cut off, unless the ``whole`` of it is wanted.
    """
    colours = theme.colours
    ratio = painter.device().devicePixelRatioF()
    picture = cache.get(path, round(max(where.width(), where.height()) * ratio), ask=ask)
    if picture is not None and whole:
        painter.fillRect(where, QColor(colours.hover))
        painter.drawPixmap(contained(picture, where), picture, QRectF(picture.rect()))
        return
    if picture is not None:
        painter.drawPixmap(QRectF(where), picture, cover(picture, where))
        return
    reason = cache.reason(path)
    if not reason:
        paint_blank(painter, where, theme)
        return
    painter.fillRect(where, QColor(colours.hover))
    spot = _middle(where, theme)
    if where.height() > theme.px(80):
        spot.translate(0, -theme.px(12))
        painter.setPen(QColor(colours.muted))
        painter.setFont(theme.font(11))
        below = where.adjusted(theme.px(8), 0, -theme.px(8), 0)
        below.setTop(round(spot.bottom()) + theme.px(6))
        flags = Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(below, flags, reason)
    icons.draw(painter, "warning", spot, colours.faint)


def paint_blank(painter: QPainter, where: QRect, theme: Theme) -> None:
    """Paint what stands for a picture that is on its way."""
    painter.fillRect(where, QColor(theme.colours.hover))
    icons.draw(painter, "image", _middle(where, theme), theme.colours.faint)


def _middle(where: QRect, theme: Theme) -> QRectF:
    side = min(theme.px(24), where.height() // 2)
    spot = QRectF(0, 0, side, side)
    spot.moveCenter(QRectF(where).center())
    return spot


def _painter(picture: QPixmap) -> QPainter:
    """Return a painter for a card, smooth."""
    painter = QPainter(picture)
    painter.setRenderHints(_SMOOTH)
    # File names read from left to right; elsewhere ".jpg" would wander to the front.
    painter.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
    return painter


class CardDelegate(QStyledItemDelegate):
    """Paints the cards of the grid.

    A card is painted once and kept until what it shows changes: while one scrolls, most cards of
    a frame are those of the frame before, and copying one is ten times quicker than painting it.

    Attributes:
        card: width and height of a card; the view sets it when its width changes.
        flying: the view leaps over screens of cards; no pictures are asked for meanwhile.
        whole: pictures are shown whole instead of filling the card.
        dated: drive and time stand on the card instead of the name of the file.
    """

    def __init__(self, cache: ThumbnailCache, theme: Theme, parent: QObject | None = None) -> None:
        """Paint with pictures from a cache and colours from the theme."""
        super().__init__(parent)
        self._cache = cache
        self._theme = theme
        self.card = QSize(200, 160)
        self.flying = self.whole = self.dated = False
        self._kept: OrderedDict[Path, tuple[tuple[object, ...], QPixmap, bool]] = OrderedDict()
        self._bytes = 0
        self._grounds: dict[tuple[object, ...], QPixmap] = {}
        theme.changed.connect(self.forget)
        cache.arrived.connect(self._arrived)

    @Slot()
    def forget(self) -> None:
        """Paint every card anew."""
        self._kept.clear()
        self._grounds.clear()
        self._bytes = 0

    @Slot(object)
    def _arrived(self, path: Path) -> None:
        old = self._kept.pop(path, None)
        if old is not None:
            self._bytes -= _weight(old[1])

    def _key(self, index: Index, row: Row) -> tuple[object, ...]:
        """Return what a card shows besides its picture."""
        scale = read(index, ScaleRole)
        shown_scale = round(scale, 3) if isinstance(scale, float) else None
        score, mark = f"{row.hit.score:.3f}", read(index, MarkRole)
        return (score, shown_scale, mark, bool(read(index, TagsRole)), row.count, row.member)

    def card_size(self, width: int) -> QSize:
        """Return the size of a card of this width."""
        return QSize(width, picture_height(width) + self._theme.px(CAPTION))

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        """Return the size of a card with the gap around it."""
        gap = self._theme.px(GAP)
        return QSize(self.card.width() + gap, self.card.height() + gap)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw the card of a row; an empty one where it is not loaded yet."""
        row = read(index, RowRole)
        half = self._theme.px(GAP) // 2
        card = QRect(option.rect.topLeft() + QPoint(half, half), self.card)
        painter.save()
        if not isinstance(row, Row):
            self._paint_empty(painter, card, option.state)
            painter.restore()
            return
        self._paint_card(painter, card, option.state, index, row)
        painter.restore()

    def _paint_card(
        self, painter: QPainter, card: QRect, state: QStyle.StateFlag, index: Index, row: Row
    ) -> None:
        edge = self._theme.px(_EDGE)
        still = self._still(card.size(), painter.device().devicePixelRatioF(), index, row)
        painter.drawPixmap(card.topLeft() - QPoint(edge, edge), still)
        self._paint_state(painter, card, state)

    def _paint_empty(self, painter: QPainter, card: QRect, state: QStyle.StateFlag) -> None:
        edge, ratio = self._theme.px(_EDGE), painter.device().devicePixelRatioF()
        ground = self._ground(card.size(), ratio, None, bare=True)
        painter.drawPixmap(card.topLeft() - QPoint(edge, edge), ground)
        self._paint_state(painter, card, state)

    def _still(self, card: QSize, ratio: float, index: Index, row: Row) -> QPixmap:
        """Return the painted card, from what is kept if it shows the same."""
        path, key = row.hit.path, (*self._key(index, row), card.width(), ratio)
        kept = self._kept.get(path)
        if kept is not None and kept[0] == key:
            self._kept.move_to_end(path)
            if not (kept[2] or self.flying):
                self._cache.want(path, round(card.width() * ratio))
            return kept[1]
        made = self._paint_still(card, ratio, index, row)
        self._arrived(path)  # what was kept showed something else
        complete = self._cache.has(path, round(card.width() * ratio))
        self._kept[path] = (key, made, complete)
        self._bytes += _weight(made)
        while self._bytes > _LIMIT:
            self._bytes -= _weight(self._kept.popitem(last=False)[1][1])
        return made

    def _paint_still(self, card: QSize, ratio: float, index: Index, row: Row) -> QPixmap:
        """Paint a card anew, on top of the empty card where there is no picture yet."""
        path, asks = row.hit.path, not self.flying
        picture = self._cache.get(path, round(card.width() * ratio), ask=asks)
        bare = picture is None and not self._cache.reason(path)
        made = QPixmap(self._ground(card, ratio, row, bare=bare))
        where = QRect(QPoint(self._theme.px(_EDGE), self._theme.px(_EDGE)), card)
        upper = QRect(where.topLeft(), QSize(card.width(), picture_height(card.width())))
        painter = _painter(made)
        if not bare:
            outline = self._outline(where)
            painter.setClipPath(outline)
            look = {"ask": asks, "whole": self.whole}
            paint_picture(painter, upper, self._cache, path, self._theme, **look)
            painter.setClipping(False)
            self._paint_border(painter, outline, member=row.member)
        self._paint_bar(painter, upper, index)
        self._paint_caption(painter, where, upper, index, row)
        self._paint_badges(painter, upper, index, row)
        painter.end()
        return made

    def _ground(self, card: QSize, ratio: float, row: Row | None, *, bare: bool) -> QPixmap:
        """Return the card without its texts; where ``bare``, with border and sign of a picture."""
        piled, member = (row.count > 1, row.member) if row is not None else (False, False)
        key = (card.width(), card.height(), ratio, piled, member, bare)
        kept = self._grounds.get(key)
        if kept is not None:
            return kept
        edge = self._theme.px(_EDGE)
        made = QPixmap((card + QSize(2 * edge, 2 * edge)) * ratio)
        made.setDevicePixelRatio(ratio)
        # Opaque, in the colour of the grid: without blending a card is copied three times faster.
        made.fill(QColor(self._theme.colours.canvas))
        where = QRect(QPoint(edge, edge), card)
        outline, painter = self._outline(where), _painter(made)
        if piled:
            self._paint_pile(painter, where, self._theme.px(8))
        painter.fillPath(outline, QColor(self._theme.colours.card))
        if bare:
            painter.setClipPath(outline)
            upper = QRect(where.topLeft(), QSize(card.width(), picture_height(card.width())))
            paint_blank(painter, upper, self._theme)
            painter.setClipping(False)
            self._paint_border(painter, outline, member=member)
        painter.end()
        if len(self._grounds) >= _GROUNDS:  # the size slider goes through many sizes
            self._grounds.clear()
        self._grounds[key] = made
        return made

    def _paint_border(self, painter: QPainter, outline: QPainterPath, *, member: bool) -> None:
        colours = self._theme.colours
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(colours.border), 1))
        if member:
            painter.setPen(QPen(QColor(colours.accent), 1, Qt.PenStyle.DashLine))
        painter.drawPath(outline)

    def _outline(self, card: QRect) -> QPainterPath:
        outline, radius = QPainterPath(), self._theme.px(8)
        outline.addRoundedRect(QRectF(card).adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
        return outline

    def _paint_state(self, painter: QPainter, card: QRect, state: QStyle.StateFlag) -> None:
        """Frame the card that is selected, under the mouse, or where the keyboard is."""
        colours, flag = self._theme.colours, QStyle.StateFlag
        if state & flag.State_Selected:
            pen = QPen(QColor(colours.accent), self._theme.px(2.5))
        elif state & flag.State_HasFocus:
            pen = QPen(QColor(colours.accent), 1, Qt.PenStyle.DotLine)
        elif state & flag.State_MouseOver:
            pen = QPen(QColor(colours.border_strong), 1)
        else:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(self._outline(card))

    def _paint_pile(self, painter: QPainter, card: QRect, radius: int) -> None:
        """Hint at the frames below the best one of an event."""
        colours = self._theme.colours
        painter.setPen(QPen(QColor(colours.border_strong), 1))
        painter.setBrush(QColor(colours.hover))
        step = self._theme.px(3)
        below = QRectF(card).adjusted(step * 2, step * 2, -step * 2, step)
        painter.drawRoundedRect(below, radius, radius)

    def _paint_bar(self, painter: QPainter, picture: QRect, index: Index) -> None:
        scale = read(index, ScaleRole)
        if not isinstance(scale, float):
            return
        height = self._theme.px(3)
        bar = QRect(picture.left(), picture.bottom() - height + 1, picture.width(), height)
        painter.fillRect(bar, QColor(self._theme.colours.track))
        bar.setWidth(round(bar.width() * scale))
        painter.fillRect(bar, QColor(self._theme.colours.accent))

    def _paint_caption(
        self, painter: QPainter, card: QRect, picture: QRect, index: Index, row: Row
    ) -> None:
        colours, px = self._theme.colours, self._theme.px
        line = QRect(
            card.left() + px(10),
            picture.bottom() + 1,
            card.width() - px(20),
            card.bottom() - picture.bottom(),
        )
        if read(index, ScaleRole) is not None:
            font = self._theme.font(12)
            score = f"{row.hit.score:.3f}"
            painter.setFont(font)
            painter.setPen(QColor(colours.muted))
            painter.drawText(line, _RIGHT, score)
            line.setRight(line.right() - QFontMetrics(font).horizontalAdvance(score) - px(8))
        font = self._theme.font(12, strong=True)
        painter.setFont(font)
        painter.setPen(QColor(colours.text))
        name, when = str(read(index, Qt.ItemDataRole.DisplayRole)), ""
        if self.dated:
            name, when = _drive_and_time(row.hit)
        metrics, room = QFontMetrics(font), line.width()
        if when:  # which stays whole, the name of the drive is cut
            when = f" · {when}"
            room -= metrics.horizontalAdvance(when)
        name = name.replace("\n", "⏎")
        text = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, max(0, room))
        painter.drawText(line, _LEFT_LINE, text + when)

    def _paint_badges(self, painter: QPainter, picture: QRect, index: Index, row: Row) -> None:
        colours, px = self._theme.colours, self._theme.px
        mark, signs = read(index, MarkRole), []
        if mark:
            right = mark == "right"
            signs.append(("check" if right else "close", colours.good if right else colours.bad))
        if read(index, TagsRole):
            signs.append(("bookmark", colours.shade))
        for number, (icon, ground) in enumerate(signs):
            side, left = px(20), picture.left() + px(8) + number * px(24)
            disc = QRectF(left, picture.top() + px(8), side, side)
            painter.setPen(QPen(QColor("#ffffff"), 1))
            painter.setBrush(QColor(ground))
            painter.drawEllipse(disc)
            inner = disc.adjusted(px(4), px(4), -px(4), -px(4))
            icons.draw(painter, icon, inner, "#ffffff")
        if row.count > 1:
            text = self.tr("{0} frames").format(row.count)
            self._paint_badge(painter, picture, text, self._theme.font(11))

    def _paint_badge(self, painter: QPainter, picture: QRect, text: str, font: QFont) -> None:
        px = self._theme.px
        width = QFontMetrics(font).horizontalAdvance(text) + px(30)
        height = px(20)
        right, bottom = picture.right() - px(8), picture.bottom() - px(10)
        badge = QRectF(right - width, bottom - height, width, height)
        ground = QColor(self._theme.colours.shade)
        ground.setAlpha(205)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(badge, px(5), px(5))
        spot = QRectF(badge.left() + px(6), badge.top() + px(4), px(12), px(12))
        icons.draw(painter, "stack", spot, "#ffffff")
        painter.setPen(QColor("#ffffff"))
        painter.setFont(font)
        where = badge.adjusted(px(22), 0, 0, 0)
        painter.drawText(where, _LEFT, text)


def _drive_and_time(hit: Hit) -> tuple[str, str]:
    """Return a frame's drive, and its clock or number; its file where no drive is known."""
    if not hit.drive:
        return shown(hit.path.name), ""
    clock = moment_text(hit.time).rpartition(" ")[2]
    return shown(hit.drive), clock or ("" if hit.frame is None else str(hit.frame))


def _weight(picture: QPixmap) -> int:
    return picture.width() * picture.height() * 4


class CompareDelegate(CardDelegate):
    """Paints a badge: only here, the same rank, or by how many ranks a frame moved."""

    def verdict(self, row: ComparedRow) -> tuple[str, str]:
        """Return what the badge says, and its colour by the theme's name."""
        if row.other is None:
            return self.tr("only here"), "accent"
        moved = row.other - row.rank
        if moved == 0:
            return self.tr("same rank"), "muted"
        arrow = "▲" if moved > 0 else "▼"
        return f"{arrow} {abs(moved)}", "good" if moved > 0 else "bad"

    def _key(self, index: Index, row: Row) -> tuple[object, ...]:
        compared = index.data(RowRole)
        badge = self.verdict(compared) if isinstance(compared, ComparedRow) else None
        return (*super()._key(index, row), badge)

    def _paint_badges(self, painter: QPainter, picture: QRect, index: Index, row: Row) -> None:
        super()._paint_badges(painter, picture, index, row)
        compared = index.data(RowRole)
        if not isinstance(compared, ComparedRow):
            return
        text, colour = self.verdict(compared)
        px, colours = self._theme.px, self._theme.colours
        font = self._theme.font(11, strong=True)
        width = QFontMetrics(font).horizontalAdvance(text) + px(14)
        right, top = picture.right() - px(8), picture.top() + px(8)
        badge = QRectF(right - width, top, width, px(20))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.card))
        painter.drawRoundedRect(badge, px(5), px(5))
        painter.setPen(QColor(getattr(colours, colour)))
        painter.setFont(font)
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, text)


class VerdictDelegate(CardDelegate):
    """Paints the usual card with a green or red border, and the rank."""

    def _paint_card(
        self, painter: QPainter, card: QRect, state: QStyle.StateFlag, index: Index, row: Row
    ) -> None:
        super()._paint_card(painter, card, state, index, row)
        mark = index.data(MarkRole)
        if not mark:
            return
        px, colours = self._theme.px, self._theme.colours
        thick = px(3.5) if state & QStyle.StateFlag.State_Selected else px(2)
        outline = QPainterPath()
        half = thick / 2
        outline.addRoundedRect(QRectF(card).adjusted(half, half, -half, -half), px(8), px(8))
        painter.setPen(QPen(QColor(colours.good if mark == "right" else colours.bad), thick))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(outline)
