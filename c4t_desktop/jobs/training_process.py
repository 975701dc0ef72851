"""Training in a process of its own, so that it can never take the window down.

The process is ``c4t train --request FILE --progress json``: one event a line on its standard
output, one plain sentence on its standard error where it fails. It saves a checkpoint when it
is asked to stop and goes on from there when it is started again with the same request.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal, Slot

from c4t_core import paths
from c4t_core.files import write_whole
from c4t_core.training.events import Failed, parse_event
from c4t_core.training.request import TrainingRequest

LOG = logging.getLogger(__name__)
_GRACE = 15_000  # ms that a run may take to save its checkpoint before it is killed
_LAST_WAIT = 3000  # ms that it may take when the application closes
_KEPT = 40  # last lines of standard error that are kept


class TrainingProcess(QObject):
    """Runs one training at a time and tells what it reports.

    Attributes:
        stopping: the user asked this run to stop; its end is then no failure.

    Signals:
        reported: one event of the run (:class:`c4t_core.training.events.Event`).
        ended: the run is over: whether it finished its work, and the sentence to show if not
            (bool, str). A run that was asked to stop gives (False, "").
    """

    reported = Signal(object)
    ended = Signal(bool, str)

    def __init__(self, program: Sequence[str] | None = None, parent: QObject | None = None) -> None:
        """Prepare to run ``program`` (by default this Python with c4t's command line)."""
        super().__init__(parent)
        self._program = list(program or (sys.executable, "-m", "c4t_core"))
        self._process: QProcess | None = None
        self._errors: list[str] = []
        self._failure = ""  # the sentence of a run that failed
        self._request: Path | None = None  # the file by which the run was handed over
        self.stopping = False
        self._grace = QTimer(self)
        self._grace.setSingleShot(True)
        self._grace.setInterval(_GRACE)
        self._grace.timeout.connect(self._kill)

    @property
    def running(self) -> bool:
        """Whether a run has been started and has not ended."""
        return self._process is not None

    def start(self, request: TrainingRequest) -> None:
        """Start a run, or go on with it."""
        if self._process is not None:
            return
        try:
            self._request = _written(request)
        except OSError as error:
            text = self.tr(
                "The training cannot be handed over ({reason}); free some space, try again."
            )
            self.ended.emit(False, text.format(reason=error.strerror or error))
            return
        self.stopping = False
        self._errors, self._failure = [], ""
        process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert("PYTHONUNBUFFERED", "1")
        environment.insert("PYTHONIOENCODING", "utf-8:surrogateescape")
        process.setProcessEnvironment(environment)
        process.readyReadStandardOutput.connect(self._read)
        process.readyReadStandardError.connect(self._read_errors)
        process.finished.connect(self._finished)
        process.errorOccurred.connect(self._failed_to_start)
        self._process = process
        head, *rest = self._program
        arguments = ["train", "--request", str(self._request), "--progress", "json"]
        process.start(head, [*rest, *arguments])

    def stop(self) -> None:
        """Ask the run to save its state and end."""
        if self._process is None:
            return
        self.stopping = True
        self._process.terminate()
        self._grace.start()

    @Slot()
    def shutdown(self) -> None:
        """End the run now; what its last checkpoint holds is kept."""
        process = self._process
        if process is None:
            return
        self.stopping = True
        process.terminate()
        if not process.waitForFinished(_LAST_WAIT):
            process.kill()
            process.waitForFinished(1000)

    @Slot()
    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    @Slot()
    def _read(self) -> None:
        process = self._process
        while process is not None and process.canReadLine():
            line = bytes(process.readLine().data()).decode("utf-8", "replace").strip()
            event = parse_event(line)
            if event is None:
                LOG.debug("training wrote: %s", line)
                continue
            if isinstance(event, Failed):
                self._failure = event.message
            self.reported.emit(event)

    @Slot()
    def _read_errors(self) -> None:
        if self._process is None:
            return
        text = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace")
        self._errors = [*self._errors, *filter(None, map(str.strip, text.splitlines()))][-_KEPT:]

    @Slot(int, QProcess.ExitStatus)
    def _finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._read()
        self._read_errors()
        good = code == 0 and status is QProcess.ExitStatus.NormalExit
        if good or self.stopping:
            sentence = ""
        else:
            LOG.error("training ended with code %s\n%s", code, "\n".join(self._errors))
            sentence = self._failure or (self._errors[-1] if self._errors else "")
            sentence = sentence or self.tr(
                "Training was ended from outside; start it again to go on from its last checkpoint."
            )
        self._put_away()
        self.ended.emit(good, sentence)

    @Slot(QProcess.ProcessError)
    def _failed_to_start(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart and self._process is not None:
            self._put_away()
            sentence = self.tr("Python cannot be started for the training; install C4T again.")
            self.ended.emit(False, sentence)

    def _put_away(self) -> None:
        self._grace.stop()
        if self._process is not None:
            self._process.deleteLater()
            self._process = None
        if self._request is not None:
            self._request.unlink(missing_ok=True)
            self._request = None


def _written(request: TrainingRequest) -> Path:
    """Write a request for the process to read; training keeps its own in the output folder."""
    path = paths.cache_dir() / f"{request.output.name}.request.json"
    write_whole(path, json.dumps(request.to_json()))
    return path
