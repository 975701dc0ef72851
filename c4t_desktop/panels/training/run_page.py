"""Wizard page three: the run, live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from c4t_core.progress import format_duration
from c4t_desktop.messages import plain_label
from c4t_desktop.panels.training.line_plot import LinePlot
from c4t_desktop.theme import Theme

Event = Mapping[str, Any]  # what ``c4t train --progress json`` reports, or a part


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
        self.headline = plain_label()
        self.headline.setProperty("kind", "subtitle")
        self.state = plain_label(wrap=True)
        self.state.setProperty("kind", "muted")
        self.bar = QProgressBar()
        self.bar.setObjectName("trainingProgress")
        self.bar.setAccessibleName(self.tr("Progress of the training"))
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(theme.px(6))
        self.loss = LinePlot(self.tr("Loss"), theme)
        self.retrieval = LinePlot(self.tr("Retrieval (mAP)"), theme)
        self.note = plain_label(wrap=True)
        self.note.setProperty("kind", "muted")
        self.pause = QPushButton(self.tr("Pause"))
        self.pause.setObjectName("trainingPauseButton")
        self.cancel = QPushButton(self.tr("Cancel"))
        self.cancel.setObjectName("trainingCancelButton")
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

    def apply(self, event: Event) -> None:
        """Show one event of the run."""
        handler = {
            "features": self._preparing,
            "prepare": self._preparing,
            "estimate": self._estimate,
            "start": self._started,
            "step": self._step,
            "validation": self._validation,
            "early_stop": self._early_stop,
            "memory": self._memory,
            "measured": self._measuring,
            "export": self._exporting,
        }.get(event["event"])
        if handler is not None:
            handler(event)

    def _advance(self, done: int, total: int) -> None:
        self.bar.setRange(0, max(1, total))
        self.bar.setValue(done)

    def _left(self, event: Event) -> str:
        left = event.get("seconds_left")
        if left is None:
            return ""
        return " · " + self.tr("{time} left").format(time=format_duration(float(left)))

    def _preparing(self, event: Event) -> None:
        done, total = int(event.get("done", 0)), int(event.get("total", 0))
        self._advance(done, total)
        text = self.tr("Preparing: {done} of {total}").format(done=done, total=total)
        self.state.setText(text + self._left(event))

    def _estimate(self, event: Event) -> None:
        time = format_duration(float(event.get("seconds", 0)))
        text = self.tr("Training takes about {time}; measuring before and after comes on top.")
        self.note.setText(text.format(time=time))

    def _started(self, event: Event) -> None:
        self._advance(int(event.get("step", 0)), int(event.get("steps", 0)))
        if event.get("resumed"):
            self.note.setText(self.tr("Goes on where it stopped."))

    def _step(self, event: Event) -> None:
        step, steps = int(event.get("step", 0)), int(event.get("steps", 0))
        self._advance(step, steps)
        self.loss.add(self.tr("training"), step, float(event.get("loss", "nan")))
        text = self.tr("Step {step} of {steps}, epoch {epoch}").format(
            step=step, steps=steps, epoch=int(event.get("epoch", 0)) + 1
        )
        self.state.setText(text + self._left(event))

    def _validation(self, event: Event) -> None:
        step = float(event.get("step", 0))
        self.loss.add(self.tr("kept apart"), step, float(event.get("validation_loss", "nan")))
        for key, name in (
            ("text_map", self.tr("captions find images")),
            ("image_map", self.tr("images find captions")),
        ):
            self.retrieval.add(name, float(event.get("epoch", 0)) + 1, float(event.get(key, "nan")))

    def _early_stop(self, _: Event) -> None:
        self.note.setText(self.tr("Stopped early: it got no better any more."))

    def _memory(self, event: Event) -> None:
        text = self.tr("Memory was short; goes on with batches of {batch}.")
        self.note.setText(text.format(batch=event.get("batch", "?")))

    def _measuring(self, _: Event) -> None:
        self.bar.setRange(0, 0)
        self.note.clear()
        self.state.setText(self.tr("Measuring before and after…"))

    def _exporting(self, _: Event) -> None:
        self.bar.setRange(0, 0)
        self.state.setText(self.tr("Saving the new model…"))

    @Slot()
    def _pause_clicked(self) -> None:
        if self._paused:
            self.resume_wanted.emit()
        else:
            self.pause_wanted.emit()
