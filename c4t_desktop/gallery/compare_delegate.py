"""Cards of the compare view: the usual card, and how the frame fared with the other model."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QStyle

from c4t_desktop.gallery.delegate import CardDelegate, Index
from c4t_desktop.gallery.results_model import MarkRole, RowRole
from c4t_desktop.services.comparison import ComparedRow
from c4t_desktop.services.rows import Row


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
