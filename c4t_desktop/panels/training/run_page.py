"""Wizard page three: the run, live."""

from __future__ import annotations

from functools import singledispatchmethod

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from c4t_core.progress import format_duration
from c4t_core.training.events import (
    BatchHalved,
    Estimate,
    Event,
    Exporting,
    Preparing,
    Started,
    StateMeasured,
    Step,
    StoppedEarly,
    Validated,
)
from c4t_desktop.messages import plain_label
from c4t_desktop.panels.training.line_plot import LinePlot
from c4t_desktop.theme import Theme
from c4t_desktop.theme.manager import push_button


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
        self.pause = push_button(self.tr("Pause"), "trainingPauseButton")
        self.cancel = push_button(self.tr("Cancel"), "trainingCancelButton")
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

    def set_paused(self, paused: bool) -> None:
        """Show whether the run is held."""
        self._paused = paused
        self.pause.setText(self.tr("Go on") if paused else self.tr("Pause"))
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
