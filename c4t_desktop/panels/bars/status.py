"""Below everything: what runs, how far it is, what was skipped, which model searches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QPushButton, QToolButton, QWidget

from c4t_core.progress import format_duration
from c4t_desktop.gallery.results_model import shown
from c4t_desktop.messages import count_text, plural
from c4t_desktop.panels.bars.top_bar import title_of
from c4t_desktop.panels.parts import label, named, row, thin_bar
from c4t_desktop.services.library import Indexing, Library, Opened
from c4t_desktop.theme import Theme

if TYPE_CHECKING:
    from c4t_core.index.indexer import IndexReport
    from c4t_core.workspace import WorkspaceStatus

_MESSAGE_TIME = 6000  # ms that a sentence stays
_OFFER_TIME = 15_000  # ms that undoing is offered; the keys undo later, too
_GENERAL = {"images", "image", "imgs", "img", "frames", "camera", "data", "png", "jpg", "raw"}


def folder_name(folder: Path) -> str:
    """Return a folder's name; with its parent's where the name says nothing.

    >>> folder_name(Path("/d/winter/images"))
    'winter/images'
    """
    if folder.name.lower() in _GENERAL and folder.parent.name:
        return f"{folder.parent.name}/{folder.name}"
    return folder.name or str(folder)


def folders_title(folders: Sequence[Path]) -> str:
    """Return what a set of folders is called in the window."""
    if not folders:
        return ""
    name = shown(folder_name(folders[0]))
    return name if len(folders) == 1 else f"{name} +{len(folders) - 1}"


class StatusArea(QWidget):
    """Progress with rate, time left, pause and cancel; sentences; skipped files; the model.

    Signals:
        index_wanted: the user wants to look for new files.
        switch_wanted: the user wants the newer version of a table.
        undo_wanted: the user wants back what is gone.
        stop_wanted: the change of many frames that goes on is to stop.
    """

    index_wanted = Signal()
    switch_wanted = Signal()
    undo_wanted = Signal()
    stop_wanted = Signal()

    def __init__(self, library: Library, skipped: QAction, theme: Theme) -> None:
        """Show nothing yet; ``skipped`` opens the list of skipped files."""
        super().__init__()
        self._library = library
        self._skipped = skipped
        self._theme = theme
        self.setObjectName("statusArea")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._text = label(kind="muted", name="statusText")
        self._bar = thin_bar("indexProgress", self.tr("Indexing"), theme)
        self._progress = label(kind="muted", name="indexRate")
        self._pause = _button("pauseButton", self.tr("Pause"))
        self._cancel = _button("cancelButton", self.tr("Stop"))
        self._index_button = _button("indexButton", self.tr("Look for new files"))
        self._model = label(kind="muted")
        self._skip_button = QToolButton()
        self._edit = label(kind="muted", name="editProgress")
        self._stop = _button("stopEditButton", self.tr("Stop"))
        self._idle_text = ""
        self._status_now: WorkspaceStatus | None = None
        self._is_newer = False  # there is a newer version of a table
        self._gone = label(name="undoNotice")
        self._undo = named(QPushButton(self.tr("Undo")), "undoButton", kind="chip")
        self._offer_timer = QTimer(self)
        self._offer_timer.setSingleShot(True)
        self._offer_timer.setInterval(_OFFER_TIME)
        self._message_timer = QTimer(self)
        self._message_timer.setSingleShot(True)
        self._message_timer.setInterval(_MESSAGE_TIME)
        self._place()
        self._wire()
        self._show_running(running=False)
        self.withdraw()
        self.end_edit()
        self._restyle()

    def _place(self) -> None:
        self._cancel.setToolTip(self.tr("Stop indexing; what is done is kept"))
        self._theme.dress(self._cancel, "close")
        self._stop.setToolTip(self.tr("Stop; undo takes back what is changed by then"))
        self._theme.dress(self._stop, "close")
        self._theme.dress(self._index_button, "refresh")
        self._skip_button.setDefaultAction(self._skipped)
        self._skip_button.hide()
        self._skip_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._row = row(
            self._theme, self._gone, self._undo, self._text, self._bar, self._progress,
            self._pause, self._cancel, self._index_button, self._edit, self._stop, None,
            self._skip_button, self._model,
            margins=(16, 4, 16, 4), gap=12, parent=self,
        )  # fmt: skip

    def _wire(self) -> None:
        library = self._library
        library.opening.connect(self._opening)
        library.reading.connect(self._reading)
        library.newer.connect(self._newer)
        library.opened.connect(self._opened)
        library.open_failed.connect(self._open_failed)
        library.closed.connect(self._closed)
        library.indexing.connect(self._indexing)
        library.index_ended.connect(self._ended)
        library.index_failed.connect(self._failed)
        library.status_changed.connect(self._status)
        self._pause.clicked.connect(self._pause_clicked)
        self._cancel.clicked.connect(library.stop_index)
        self._index_button.clicked.connect(self._index_clicked)
        self._message_timer.timeout.connect(self._end_message)
        self._offer_timer.timeout.connect(self.withdraw)
        self._undo.clicked.connect(self.undo_wanted)
        self._stop.clicked.connect(self.stop_wanted)
        self._theme.changed.connect(self._restyle)

    def add_control(self, control: QWidget) -> None:
        """Put a control at the right end."""
        self._row.addWidget(control)

    def say(self, sentence: str) -> None:
        """Say something for a few seconds."""
        self._text.setText(sentence)
        self._message_timer.start()

    @Slot(str, object, object)
    def show_edit(self, text: str, done: int, total: int) -> None:
        """Say how far a change of many frames is, beside a button that stops it."""
        far = self.tr("{0} of {1}").format(count_text(done), count_text(total))
        self._edit.setText(f"{shown(text)}: {far}")
        for part in (self._edit, self._stop):
            part.show()

    @Slot()
    def end_edit(self) -> None:
        """Say no more of it."""
        for part in (self._edit, self._stop):
            part.hide()

    @Slot(object, object)
    def tell_stopped(self, done: int, total: int) -> None:
        """Say what a change that was stopped has changed."""
        text = self.tr("Stopped after {0} of {1} frames; undo takes them back.")
        self.say(text.format(count_text(done), count_text(total)))

    def _show(self, text: str) -> None:
        """Show what lasts, unless something is being said."""
        if not self._message_timer.isActive():
            self._text.setText(text)

    @Slot(str)
    def offer_undo(self, sentence: str) -> None:
        """Say that something is gone, beside a button that brings it back, for a while."""
        wide = max(self._theme.px(160), self.width() // 2)
        text = self._gone.fontMetrics().elidedText(
            sentence.replace("\n", "⏎"), Qt.TextElideMode.ElideMiddle, wide
        )
        self._gone.setText(text)
        self._show_offer(offered=True)
        self._offer_timer.start()

    @Slot()
    def withdraw(self) -> None:
        """Offer to bring back nothing."""
        self._offer_timer.stop()
        self._show_offer(offered=False)

    def _show_offer(self, *, offered: bool) -> None:
        for part in (self._gone, self._undo):
            part.setVisible(offered)
        self._text.setVisible(not offered)

    @Slot()
    def _end_message(self) -> None:
        if not self._library.is_indexing:
            self._show(self._idle_text)

    @Slot(object, str)
    def _opening(self, folders: tuple[Path, ...], model: str) -> None:
        self._status_now, self._is_newer = None, False
        self._message_timer.stop()
        self._show_running(running=False)
        self._index_button.hide()
        self._text.setText(self.tr("Opening {0}…").format(folders_title(folders)))
        self._model.setText(title_of(model))

    @Slot(object)
    def _reading(self, progress: tuple[int, int]) -> None:
        done, total = progress
        self._text.setText(self.tr("Reading the table"))
        self._bar.setRange(0, total)
        self._bar.setValue(done)
        self._progress.setText(
            self.tr("{0} of {1}").format(count_text(done), count_text(total)) if total else ""
        )
        self._bar.show()
        self._progress.show()

    @Slot(object)
    def _newer(self, tables: tuple[str, ...]) -> None:
        self._is_newer = bool(tables)
        if self._status_now is not None:
            self._status(self._status_now)

    @Slot(object)
    def _opened(self, opened: Opened) -> None:
        self._show_running(running=False)
        self._status(opened.status)
        self._index_button.show()

    @Slot(object)
    def _open_failed(self, _: Exception) -> None:
        self._idle_text = ""
        self._text.setText("")
        self._show_running(running=False)
        self._index_button.hide()

    @Slot()
    def _closed(self) -> None:
        self._idle_text = ""
        self._text.setText("")
        self._show_running(running=False)
        self._index_button.hide()
        self._skipped.setVisible(False)
        self._skip_button.hide()

    @Slot(object)
    def _status(self, status: WorkspaceStatus) -> None:
        self._status_now = status
        unfinished = self._library.unfinished if status.updated is None else None
        text = self._ready_text(status, unfinished)
        if status.offline:
            text += (" · " if text else "") + self.tr("{0} offline").format(
                count_text(status.offline)
            )
        again = self.tr("Look for new files") if unfinished is None else self.tr("Resume")
        if status.updated is not None:
            text += " · " + self.tr("indexed by the earlier model")
            again = self.tr("Update the index: {0} of {1}").format(
                count_text(status.updated), count_text(status.total)
            )
        if self._is_newer:
            text += " · " + self.tr("a newer version of the table is there")
            again = self.tr("Switch to it")
        elif self._library.only_tables:
            again = self.tr("Look for a newer version")
        self._index_button.setText(again)
        self._index_button.setToolTip(self._what_it_does())
        self._theme.dress(self._index_button, "refresh" if unfinished is None else "play")
        self._idle_text = text
        if not self._library.is_indexing:
            self._show(text)
        parts = []
        if status.skipped:
            parts.append(
                plural(status.skipped, self.tr("{0} file skipped"), self.tr("{0} files skipped"))
            )
        report = self._library.report
        if report is not None and report.omitted:
            parts.append(self.tr("{0} left out").format(count_text(report.omitted)))
        self._skipped.setVisible(bool(parts))
        self._skip_button.setVisible(bool(parts))
        if parts:
            self._skipped.setText(" · ".join(parts))

    def _what_it_does(self) -> str:
        if self._library.only_tables:
            return self.tr("Read what is new in the table (F5)")
        if self._is_newer:
            return self.tr("Read what is new in the table")
        return self.tr("Index what is new or changed (F5)")

    def _ready_text(self, status: WorkspaceStatus, unfinished: tuple[int, int] | None) -> str:
        if unfinished is None:
            frames = plural(status.embedded, self.tr("{0} frame"), self.tr("{0} frames"))
            return self.tr("{0} ready to search").format(frames) if status.embedded else ""
        whole = status.embedded + unfinished[1] - unfinished[0]
        return self.tr("{0} of {1} frames ready to search").format(
            count_text(status.embedded), count_text(whole)
        )

    @Slot(object)
    def _indexing(self, state: Indexing) -> None:
        self._show_running(running=True)
        name = folders_title(self._library.folders)
        if state.total <= 0:
            self._show(self.tr("Looking through {0}…").format(name))
            self._bar.setRange(0, 0)
            self._progress.setText("")
        else:
            reads = self._library.only_tables
            form = self.tr("Reading {0}") if reads else self.tr("Indexing {0}")
            self._show(form.format(name))
            self._bar.setRange(0, state.total)
            self._bar.setValue(state.done)
            self._progress.setText(self._progress_text(state))
        text = self.tr("Resume") if state.paused else self.tr("Pause")
        self._pause.setText(text)
        self._pause.setAccessibleName(text)
        self._pause.setIcon(self._theme.icon("play" if state.paused else "pause"))

    def _progress_text(self, state: Indexing) -> str:
        parts = [self.tr("{0} of {1}").format(count_text(state.done), count_text(state.total))]
        if state.paused:
            parts.append(self.tr("paused"))
        else:
            if state.rate > 0:
                rate = f"{state.rate:.0f}" if state.rate >= 10 else f"{state.rate:.1f}"
                parts.append(self.tr("{0} img/s").format(rate))
            if state.seconds_left is not None and state.done < state.total:
                parts.append(self.tr("{0} left").format(format_duration(state.seconds_left)))
        return " · ".join(parts)

    @Slot(object)
    def _ended(self, report: IndexReport | None) -> None:
        self._show_running(running=False)
        if report is None:
            self._stopped()
        elif report.embedded:  # until the new counts come
            one, many = self.tr("{0} frame added."), self.tr("{0} frames added.")
            self._show(plural(report.embedded, one, many))
        else:
            self._end_message()

    @Slot(object)
    def _failed(self, _: Exception) -> None:
        self._show_running(running=False)
        self._stopped()

    def _stopped(self) -> None:
        """Say at once how far it came; the count that is under way makes it exact."""
        if self._status_now is not None:
            self._status(self._status_now)
        self._end_message()

    @Slot()
    def _index_clicked(self) -> None:
        (self.switch_wanted if self._is_newer else self.index_wanted).emit()

    @Slot()
    def _pause_clicked(self) -> None:
        self._library.pause(not self._library.is_paused)

    def _show_running(self, *, running: bool) -> None:
        for part in (self._bar, self._progress, self._pause, self._cancel):
            part.setVisible(running)
        self._index_button.setVisible(not running and self._library.opened_now is not None)

    @Slot()
    def _restyle(self) -> None:
        theme = self._theme
        self._bar.setFixedSize(theme.px(260), theme.px(6))
        self._pause.setIcon(theme.icon("play" if self._library.is_paused else "pause"))
        for button in (
            self._pause, self._cancel, self._index_button, self._skip_button, self._stop,
        ):  # fmt: skip
            button.setIconSize(QSize(theme.px(16), theme.px(16)))
        self.setMinimumHeight(theme.px(36))


def _button(name: str, text: str) -> QToolButton:
    button = named(QToolButton(), name, text)
    button.setText(text)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    return button
