"""A small live line plot: curves that grow while training runs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from c4t_desktop.theme import Theme

Point = tuple[float, float]


def nice_step(span: float, wanted: int = 4) -> float:
    """Return a step of 1, 2 or 5 times a power of ten that cuts ``span`` in about ``wanted``.

    >>> nice_step(0.7), nice_step(170)
    (0.2, 50.0)
    """
    raw = max(span, 1e-9) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if raw <= factor * power * (1 + 1e-9))


class LinePlot(QWidget):
    """Draws one or more named curves over a common x axis.

    Attributes:
        curves: points (x, y) by name, in the order they are drawn.
    """

    def __init__(self, title: str, theme: Theme, parent: QWidget | None = None) -> None:
        """Start empty."""
        super().__init__(parent)
        self._title = title
        self._theme = theme
        self.curves: dict[str, list[Point]] = {}
        self.setAccessibleName(title)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a comfortable size."""
        return QSize(self._theme.px(300), self._theme.px(190))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the least size index which the axes can be read."""
        return QSize(self._theme.px(180), self._theme.px(130))

    def clear(self) -> None:
        """Take all curves away."""
        self.curves = {}
        self.setAccessibleDescription("")
        self.update()

    def add(self, name: str, x: float, y: float) -> None:
        """Add one point; what is not finite is left out."""
        if not (math.isfinite(x) and math.isfinite(y)):
            return
        self.curves.setdefault(name, []).append((x, y))
        self.setAccessibleDescription(
            ", ".join(f"{key} {points[-1][1]:.3g}" for key, points in self.curves.items())
        )
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw title, axes, curves and their names."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours, px = self._theme.colours, self._theme.px
        painter.setFont(self._theme.font(12, strong=True))
        painter.setPen(QColor(colours.text))
        painter.drawText(QPointF(px(4), px(14)), self._title)
        painter.setFont(self._theme.font(11))
        area = QRectF(self.rect()).adjusted(px(40), px(26), -px(8), -px(20))
        points = [point for curve in self.curves.values() for point in curve]
        if not points:
            painter.setPen(QColor(colours.muted))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, self.tr("waiting for numbers"))
            return
        frame = _Frame(area, points)
        self._draw_axes(painter, frame)
        inks = (colours.accent, colours.good, colours.warn, colours.bad)
        for index, curve in enumerate(self.curves.values()):
            ink = QColor(inks[index % len(inks)])
            painter.setPen(QPen(ink, px(2)))
            painter.drawPath(frame.path(curve))
            painter.setBrush(ink)
            painter.drawEllipse(frame.spot(curve[-1]), px(3), px(3))
            painter.setBrush(Qt.BrushStyle.NoBrush)
        self._draw_legend(painter, inks)

    def _draw_axes(self, painter: QPainter, frame: _Frame) -> None:
        colours, px = self._theme.colours, self._theme.px
        for value in frame.ticks():
            y = frame.spot((frame.x0, value)).y()
            painter.setPen(QPen(QColor(colours.border), 1))
            painter.drawLine(QPointF(frame.area.left(), y), QPointF(frame.area.right(), y))
            painter.setPen(QColor(colours.muted))
            box = QRectF(0, y - px(8), frame.area.left() - px(6), px(16))
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(box, flags, f"{value:.3g}")
        painter.setPen(QColor(colours.muted))
        below = QRectF(frame.area.left(), frame.area.bottom() + px(3), frame.area.width(), px(16))
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, f"{frame.x0:g}")
        if frame.x1 > frame.x0:
            painter.drawText(below, Qt.AlignmentFlag.AlignRight, f"{frame.x1:g}")

    def _draw_legend(self, painter: QPainter, inks: Sequence[str]) -> None:
        px = self._theme.px
        right = float(self.width() - px(8))
        metrics = painter.fontMetrics()
        for index, name in reversed(list(enumerate(self.curves))):
            width = metrics.horizontalAdvance(name)
            painter.setPen(QColor(self._theme.colours.muted))
            painter.drawText(QPointF(right - width, px(14)), name)
            painter.setPen(QPen(QColor(inks[index % len(inks)]), px(2)))
            left = right - width - px(6)
            painter.drawLine(QPointF(left - px(12), px(10)), QPointF(left, px(10)))
            right = left - px(24)


class _Frame:
    """Maps values to the plot's area."""

    def __init__(self, area: QRectF, points: Sequence[Point]) -> None:
        self.area = area
        xs, ys = [x for x, _ in points], [y for _, y in points]
        self.x0, self.x1 = min(xs), max(xs)
        low, high = min(ys), max(ys)
        if high - low < 1e-9:
            low, high = low - max(0.05, abs(low) * 0.05), high + max(0.05, abs(high) * 0.05)
        self.step = nice_step(high - low)
        self.y0 = math.floor(low / self.step) * self.step
        self.y1 = math.ceil(high / self.step) * self.step

    def ticks(self) -> list[float]:
        count = round((self.y1 - self.y0) / self.step)
        return [self.y0 + index * self.step for index in range(count + 1)]

    def spot(self, point: Point) -> QPointF:
        x = (point[0] - self.x0) / (self.x1 - self.x0) if self.x1 > self.x0 else 0.0
        y = (point[1] - self.y0) / (self.y1 - self.y0)
        return QPointF(
            self.area.left() + x * self.area.width(), self.area.bottom() - y * self.area.height()
        )

    def path(self, curve: Sequence[Point]) -> QPainterPath:
        path = QPainterPath(self.spot(curve[0]))
        for point in curve[1:]:
            path.lineTo(self.spot(point))
        return path
