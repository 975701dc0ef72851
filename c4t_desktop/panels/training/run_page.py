"""Wizard page three: the run, live."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import singledispatchmethod

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from c4t_core.progress import format_duration
from c4t_core.training.events import (
    BatchHalved,
    Estimate,
    Event,
    Exporting,
    ImagesSkipped,
    Preparing,
    Started,
    StateMeasured,
    Step,
    StoppedEarly,
    Validated,
)
from c4t_desktop.messages import plain_label, plural
from c4t_desktop.panels.parts import named
from c4t_desktop.theme import Theme

Point = tuple[float, float]
_NAMED, _LISTED = 3, 30  # images that cannot be read: in the sentence, in its tooltip


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
        line = self.legend_line()
        painter.setFont(self._theme.font(11))
        area = QRectF(self.rect()).adjusted(px(40), px(26) + line, -px(8), -px(20))
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
        self._draw_legend(painter, inks, line)

    def legend_line(self) -> int:
        """Return how far below the title the names of the curves stand: 0 where they fit beside."""
        px = self._theme.px
        title = QFontMetrics(self._theme.font(12, strong=True)).horizontalAdvance(self._title)
        metrics = QFontMetrics(self._theme.font(11))
        names = sum(metrics.horizontalAdvance(name) + px(30) for name in self.curves)
        return 0 if px(12) + title + names <= self.width() else px(16)

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

    def _draw_legend(self, painter: QPainter, inks: Sequence[str], line: int) -> None:
        px = self._theme.px
        right = float(self.width() - px(8))
        metrics = painter.fontMetrics()
        for index, name in reversed(list(enumerate(self.curves))):
            width = metrics.horizontalAdvance(name)
            painter.setPen(QColor(self._theme.colours.muted))
            painter.drawText(QPointF(right - width, px(14) + line), name)
            painter.setPen(QPen(QColor(inks[index % len(inks)]), px(2)))
            left = right - width - px(6)
            y = px(10) + line
            painter.drawLine(QPointF(left - px(12), y), QPointF(left, y))
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


class RunPage(QWidget):
    """Shows what a training run reports.

    Signals:
        pause_wanted: the run is to save its state and stop for now.
        resume_wanted: it is to go on.
        cancel_wanted: it is to stop for good.
    """

    pause_wanted = Signal()
    resume_wanted = Signal()
    cancel_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Wait for a run."""
        super().__init__(parent)
        self._theme = theme
        self._paused = False
        self.headline = plain_label(kind="subtitle")
        self.state = plain_label(wrap=True, kind="muted")
        self.bar = QProgressBar()
        self.bar.setObjectName("trainingProgress")
        self.bar.setAccessibleName(self.tr("Progress of the training"))
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(theme.px(6))
        self.loss = LinePlot(self.tr("Loss"), theme)
        self.retrieval = LinePlot(self.tr("Retrieval (mAP)"), theme)
        self.note = plain_label(wrap=True, kind="muted")
        self.skipped = plain_label(wrap=True, name="trainingSkipped", kind="warn")
        self.pause = named(QPushButton(self.tr("Pause")), "trainingPauseButton")
        self.cancel = named(QPushButton(self.tr("Cancel")), "trainingCancelButton")
        self.pause.clicked.connect(self._pause_clicked)
        self.cancel.clicked.connect(self.cancel_wanted)
        self._place()

    def _place(self) -> None:
        px = self._theme.px
        plots = QHBoxLayout()
        plots.setSpacing(px(16))
        plots.addWidget(self.loss)
        plots.addWidget(self.retrieval)
        buttons = QHBoxLayout()
        buttons.addWidget(self.note, 1)
        buttons.addWidget(self.pause)
        buttons.addWidget(self.cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(12))
        column.addWidget(self.headline)
        column.addWidget(self.bar)
        column.addWidget(self.state)
        column.addWidget(self.skipped)
        column.addLayout(plots, 1)
        column.addLayout(buttons)

    def begin(self, name: str, *, resumed: bool = False) -> None:
        """Get ready for a run, or for the rest of one that was paused."""
        self.set_paused(False)
        self.headline.setText(self.tr("Training {name}").format(name=name))
        self.bar.setRange(0, 0)
        self.state.setText(self.tr("Starting; loading the training packages takes a moment…"))
        if not resumed:
            self.loss.clear()
            self.retrieval.clear()
            self.note.setText("")
            self.skipped.hide()

    def set_paused(self, paused: bool) -> None:
        """Show whether the run is held."""
        self._paused = paused
        self.pause.setText(self.tr("Resume") if paused else self.tr("Pause"))
        self.pause.setEnabled(True)
        self.cancel.setEnabled(True)
        if paused:
            self.state.setText(
                self.tr("Paused; its state is saved, also if you close the application.")
            )

    def stopping(self) -> None:
        """Show that the run saves its state."""
        self.pause.setEnabled(False)
        self.cancel.setEnabled(False)
        self.state.setText(self.tr("Saving the state…"))

    @singledispatchmethod
    def apply(self, event: Event) -> None:
        """Show one event of the run; those without a method here are passed over."""

    def _advance(self, done: int, total: int) -> None:
        self.bar.setRange(0, max(1, total))
        self.bar.setValue(done)

    def _left(self, seconds: float | None) -> str:
        if seconds is None:
            return ""
        return " · " + self.tr("{time} left").format(time=format_duration(seconds))

    @apply.register
    def _preparing(self, event: Preparing) -> None:
        self._advance(event.done, event.total)
        text = self.tr("Preparing: {done} of {total}").format(done=event.done, total=event.total)
        self.state.setText(text + self._left(event.seconds_left))

    @apply.register
    def _images_skipped(self, event: ImagesSkipped) -> None:
        text = plural(
            len(event.images),
            self.tr("{0} image cannot be read and is left out"),
            self.tr("{0} images cannot be read and are left out"),
        )
        names = ", ".join(image.path for image in event.images[:_NAMED])
        if len(event.images) > _NAMED:
            names += self.tr(" and others; the result lists them all")
        self.skipped.setText(f"{text}: {names}")
        self.skipped.setToolTip("\n".join(f"{i.path}: {i.reason}" for i in event.images[:_LISTED]))
        self.skipped.show()

    @apply.register
    def _estimate(self, event: Estimate) -> None:
        time = format_duration(event.seconds)
        text = self.tr("Training takes about {time}; measuring before and after comes on top.")
        self.note.setText(text.format(time=time))

    @apply.register
    def _started(self, event: Started) -> None:
        self._advance(event.step, event.steps)
        if event.resumed:
            self.note.setText(self.tr("Goes on where it stopped."))

    @apply.register
    def _step(self, event: Step) -> None:
        self._advance(event.step, event.steps)
        self.loss.add(self.tr("training"), event.step, event.loss)
        text = self.tr("Step {step} of {steps}, epoch {epoch}").format(
            step=event.step, steps=event.steps, epoch=event.epoch + 1
        )
        self.state.setText(text + self._left(event.seconds_left))

    @apply.register
    def _validated(self, event: Validated) -> None:
        for plot, name, x, value in (
            (self.loss, self.tr("kept apart"), event.step, event.validation_loss),
            (self.retrieval, self.tr("captions find images"), event.epoch + 1, event.text_map),
            (self.retrieval, self.tr("images find captions"), event.epoch + 1, event.image_map),
        ):
            if value is not None:
                plot.add(name, x, value)

    @apply.register
    def _stopped_early(self, event: StoppedEarly) -> None:
        self.note.setText(self.tr("Stopped early: it got no better any more."))

    @apply.register
    def _batch_halved(self, event: BatchHalved) -> None:
        text = self.tr("Memory was short; goes on with batches of {batch}.")
        self.note.setText(text.format(batch=event.batch))

    @apply.register
    def _measuring(self, event: StateMeasured) -> None:
        self.bar.setRange(0, 0)
        self.note.clear()
        self.state.setText(self.tr("Measuring before and after…"))

    @apply.register
    def _exporting(self, event: Exporting) -> None:
        self.bar.setRange(0, 0)
        self.state.setText(self.tr("Saving the new model…"))

    @Slot()
    def _pause_clicked(self) -> None:
        if self._paused:
            self.resume_wanted.emit()
        else:
            self.pause_wanted.emit()
