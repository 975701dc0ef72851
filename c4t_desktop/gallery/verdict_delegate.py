"""Cards of an evaluation: a border says at a glance whether a hit is right or wrong."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QStyle

from c4t_desktop.gallery.delegate import CardDelegate, Index
from c4t_desktop.gallery.results_model import MarkRole
from c4t_desktop.jobs.arrange import Row


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
