"""Small charts in the window's own colours: curves over cut-offs, and bars with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from c4t_desktop.theme import Theme

if TYPE_CHECKING:
    from c4t_core.evaluation.figures import Figure, Series, Tick
    from c4t_core.evaluation.summary import Interval

_TICKS = 4


class Chart(QWidget):
    """A card with a title, a y axis from 0 and named series; the bare one draws curves.

    Attributes:
        series: what is drawn.
        ticks: what stands below the x axis.
    """

    def __init__(self, title: str, theme: Theme, parent: QWidget | None = None) -> None:
        """Start empty."""
        super().__init__(parent)
        self._title, self._theme = title, theme
        self.series: tuple[Series, ...] = ()
        self.ticks: tuple[Tick, ...] = ()
        self.setAccessibleName(title)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self.update)

    def show_figure(self, figure: Figure) -> None:
        """Draw a figure, under this chart's own title."""
        self.series, self.ticks = figure.series, figure.ticks
        spoken = [f"{one.name}: " + ", ".join(f"{y:.3f}" for y in one.y) for one in self.series]
        self.setAccessibleDescription("; ".join(spoken))
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size at which title, legend and ticks read well."""
        return QSize(self._theme.px(340), self._theme.px(210))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the least at which there is still something to see."""
        return QSize(self._theme.px(220), self._theme.px(150))

    def colour(self, index: int) -> str:
        """Return the colour of a series."""
        colours = self._theme.colours
        if self.series[index].chance:
            return colours.muted
        inks = (colours.accent, colours.warn, colours.good, colours.bad)
        return inks[index % len(inks)]

    # drawing --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw card, title and legend; axes and series where there are points and room."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours, px = self._theme.colours, self._theme.px
        painter.setPen(QPen(QColor(colours.border), 1))
        painter.setBrush(QColor(colours.card))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), px(8), px(8))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setFont(self._theme.font(12, strong=True))
        painter.setPen(QColor(colours.text))
        painter.drawText(QPointF(px(14), px(24)), self._title)
        painter.setFont(self._theme.font(11))
        self._draw_legend(painter)
        area = QRectF(self.rect()).adjusted(px(44), px(62), -px(18), -px(30))
        if not any(one.points for one in self.series) or area.height() < px(20):
            return
        self._draw_axes(painter, area)
        self._draw_series(painter, area)

    def _top(self) -> float:
        """Return the end of the y axis: a round number just above everything."""
        values = [y for one in self.series for y in one.y]
        values += [span[1] for one in self.series for span in one.intervals if span]
        most = max(values, default=1.0)
        return next((end for end in (0.1, 0.2, 0.4, 0.6, 0.8) if most <= end), 1.0)

    def _span_x(self) -> tuple[float, float]:
        xs = [x for one in self.series for x, _ in one.points]
        return min(xs), max(xs)

    def _spot(self, area: QRectF, x: float, y: float) -> QPointF:
        low, high = self._span_x()
        share = (x - low) / (high - low) if high > low else 0.5
        return QPointF(
            area.left() + share * area.width(), area.bottom() - y / self._top() * area.height()
        )

    def _draw_axes(self, painter: QPainter, area: QRectF) -> None:
        colours, px = self._theme.colours, self._theme.px
        top = self._top()
        for number in range(_TICKS + 1):
            value = top * number / _TICKS
            y = area.bottom() - number / _TICKS * area.height()
            painter.setPen(QPen(QColor(colours.border), 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(QColor(colours.muted))
            box = QRectF(0, y - px(8), area.left() - px(8), px(16))
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(box, flags, f"{value:.3g}")
        metrics = QFontMetrics(painter.font())
        room = area.width() / max(1, len(self.ticks)) if len(self.ticks) > 1 else area.width()
        for tick in self.ticks:
            spot = self._tick_x(area, tick.x)
            box = QRectF(spot - room / 2, area.bottom() + px(6), room, px(16))
            short = metrics.elidedText(tick.text, Qt.TextElideMode.ElideRight, int(room) - 2)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, short)

    def _tick_x(self, area: QRectF, x: float) -> float:
        return self._spot(area, x, 0.0).x()

    def _draw_series(self, painter: QPainter, area: QRectF) -> None:
        px = self._theme.px
        for index, one in enumerate(self.series):
            if not one.points:
                continue
            spots = [self._spot(area, x, y) for x, y in one.points]
            path = QPainterPath(spots[0])
            for spot in spots[1:]:
                path.lineTo(spot)
            ink = QColor(self.colour(index))
            style = Qt.PenStyle.DashLine if one.chance else Qt.PenStyle.SolidLine
            painter.setPen(QPen(ink, px(1.5) if one.chance else px(2), style))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(path)
            if not one.chance and len(spots) <= 8:
                painter.setBrush(ink)
                for spot in spots:
                    painter.drawEllipse(spot, px(3), px(3))

    def _draw_legend(self, painter: QPainter) -> None:
        px, metrics = self._theme.px, QFontMetrics(painter.font())
        left = float(px(14))
        for index, one in enumerate(self.series):
            ink = QColor(self.colour(index))
            style = Qt.PenStyle.DashLine if one.chance else Qt.PenStyle.SolidLine
            painter.setPen(QPen(ink, px(2), style))
            painter.drawLine(QPointF(left, px(42)), QPointF(left + px(16), px(42)))
            painter.setPen(QColor(self._theme.colours.muted))
            room = self.width() - left - px(36)
            name = metrics.elidedText(one.name, Qt.TextElideMode.ElideRight, int(room))
            painter.drawText(QPointF(left + px(22), px(46)), name)
            left += px(40) + metrics.horizontalAdvance(name)


class BarChart(Chart):
    """Groups of bars, one group for each tick, with the interval of each bar."""

    def _bars(self) -> list[int]:
        return [index for index, one in enumerate(self.series) if not one.chance]

    def _group(self, area: QRectF) -> float:
        return area.width() / max(1, len(self.ticks))

    def _tick_x(self, area: QRectF, x: float) -> float:
        return area.left() + (x + 0.5) * self._group(area)

    def _draw_series(self, painter: QPainter, area: QRectF) -> None:
        px, bars = self._theme.px, self._bars()
        group = self._group(area)
        wide = min(px(34), group * 0.72 / max(1, len(bars)))
        for number, index in enumerate(bars):
            one, ink = self.series[index], QColor(self.colour(index))
            for index, (x, y) in enumerate(one.points):
                middle = self._tick_x(area, x) + (number - (len(bars) - 1) / 2) * wide
                self._draw_bar(painter, area, middle, wide * 0.86, y, ink)
                span = one.intervals[index]
                if span is not None:
                    self._draw_span(painter, area, middle, span)
        painter.setPen(QPen(QColor(self._theme.colours.muted), px(1.5), Qt.PenStyle.DashLine))
        for x, y in (point for one in self.series if one.chance for point in one.points):
            height, middle = self._height(area, y), self._tick_x(area, x)
            left, right = middle - group * 0.42, middle + group * 0.42
            painter.drawLine(QPointF(left, height), QPointF(right, height))

    def _height(self, area: QRectF, y: float) -> float:
        return area.bottom() - min(1.0, y / self._top()) * area.height()

    def _draw_bar(
        self, painter: QPainter, area: QRectF, middle: float, wide: float, y: float, ink: QColor
    ) -> None:
        height = self._height(area, y)
        bar = QRectF(middle - wide / 2, height, wide, area.bottom() - height)
        painter.fillRect(bar, ink)

    def _draw_span(self, painter: QPainter, area: QRectF, middle: float, span: Interval) -> None:
        low, high = self._height(area, span[0]), self._height(area, span[1])
        painter.setPen(QPen(QColor(self._theme.colours.text), 1))
        painter.drawLine(QPointF(middle, low), QPointF(middle, high))
        for y in (low, high):
            end = self._theme.px(3)
            painter.drawLine(QPointF(middle - end, y), QPointF(middle + end, y))
