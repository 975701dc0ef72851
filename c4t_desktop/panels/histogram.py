"""The scores of all frames as a histogram, with the cut as a slider on it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QSlider, QWidget

from c4t_desktop.jobs.arrange import Histogram
from c4t_desktop.theme import Theme

STEPS = 1000


class ThresholdSlider(QSlider):
    """A slider from the lowest to the highest score; bars right of it are matches.

    Signals:
        cut_chosen: the user moved the cut (float).
        automatic_wanted: the user went back to the automatic cut (a double click).
    """

    cut_chosen = Signal(float)
    automatic_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Start without scores."""
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._theme = theme
        self._histogram = Histogram()
        self._peak = 1
        self.setObjectName("thresholdSlider")
        self.setAccessibleName(self.tr("Least score shown"))
        self.setToolTip(self.tr("Drag to show more or fewer; double-click for the automatic cut."))
        self.setRange(0, STEPS)
        self.setSingleStep(5)
        self.setPageStep(50)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.valueChanged.connect(self._moved)
        theme.changed.connect(self.update)

    def show_scores(self, histogram: Histogram, cut: float | None) -> None:
        """Show scores and where the cut is, without choosing it."""
        self._histogram = histogram
        self._peak = max(histogram.counts, default=1) or 1
        self.setEnabled(bool(histogram.counts))
        self.show_cut(cut)

    def show_cut(self, cut: float | None) -> None:
        """Show where the cut is; None is left of everything."""
        if self.isSliderDown():
            return
        low, high = self._histogram.low, self._histogram.high
        share = 0.0 if cut is None else (cut - low) / (high - low)
        self.blockSignals(True)
        self.setValue(round(min(1.0, max(0.0, share)) * STEPS))
        self.blockSignals(False)
        said = self.tr("everything") if cut is None else f"{cut:.2f}"
        self.setAccessibleDescription(said)
        self.update()

    def cut(self) -> float:
        """Return the score at the slider."""
        low, high = self._histogram.low, self._histogram.high
        return low + (high - low) * self.value() / STEPS

    @Slot(int)
    def _moved(self, _: int) -> None:
        self.update()
        self.cut_chosen.emit(self.cut())

    def sizeHint(self) -> QSize:  # noqa: N802, D102
        return QSize(self._theme.px(220), self._theme.px(36))

    def minimumSizeHint(self) -> QSize:  # noqa: N802, D102
        return QSize(self._theme.px(120), self._theme.px(36))

    def _area(self) -> QRectF:
        inset = self._theme.px(4)
        return QRectF(self.rect()).adjusted(inset, 2, -inset, -2)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102
        colours, px = self._theme.colours, self._theme.px
        painter = QPainter(self)
        area = self._area()
        counts = self._histogram.counts
        at = area.left() + area.width() * self.value() / STEPS
        painter.setPen(QPen(QColor(colours.border_strong), 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        width = area.width() / max(1, len(counts))
        for place, count in enumerate(counts):
            if count:
                # The square root keeps the few matches visible beside thousands of others.
                height = max(2.0, (area.height() - 2) * (count / self._peak) ** 0.5)
                left = area.left() + place * width
                matches = left + width / 2 >= at
                tint = colours.accent if matches else colours.border_strong
                bar = QRectF(left + 0.5, area.bottom() - height, max(1.0, width - 1), height)
                painter.fillRect(bar, QColor(tint))
        if self.isEnabled():
            tint = colours.accent if self.hasFocus() else colours.text
            painter.fillRect(QRectF(at - 1, area.top() - 2, 2, area.height() + 4), QColor(tint))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tint))
            painter.drawEllipse(QRectF(at - px(4), area.top() - 2, px(8), px(8)))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102
        if event.button() == Qt.MouseButton.LeftButton and self.isEnabled():
            self.setSliderDown(True)
            self._go(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102
        if self.isSliderDown():
            self._go(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102
        self.setSliderDown(False)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102
        self.setSliderDown(False)
        self.automatic_wanted.emit()

    def _go(self, event: QMouseEvent) -> None:
        area = self._area()
        share = (event.position().x() - area.left()) / area.width()
        self.setValue(round(min(1.0, max(0.0, share)) * STEPS))
