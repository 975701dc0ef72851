"""The composition root: builds everything, joins it, and ends it."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler
from types import TracebackType
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QIcon
from PySide6.QtNetwork import QLocalServer, QLocalSocket
from PySide6.QtWidgets import QApplication

from c4t_core import __version__, paths
from c4t_core.addresses import absolute
from c4t_core.files import short_digest
from c4t_core.images.fetched import ask_first
from c4t_core.images.thumbnails import ThumbnailsOfIndexing, bucket
from c4t_core.quiet import keep_caches_inside
from c4t_desktop.context import Context
from c4t_desktop.gallery.thumbnail_cache import ThumbnailCache
from c4t_desktop.jobs.runner import JobRunner
from c4t_desktop.jobs.thumbnails import Thumbnails
from c4t_desktop.main_window import MainWindow
from c4t_desktop.messages import Problem, count_text, describe, log_file, show_problem, use_language
from c4t_desktop.panels.bars.status import folders_title
from c4t_desktop.services.details import Details, TagBook
from c4t_desktop.services.finder import Finder
from c4t_desktop.services.library import LOOK, Library
from c4t_desktop.services.marks import MarkBook
from c4t_desktop.services.undo import UndoStack
from c4t_desktop.services.watching import EndOfWork, FolderWatch, MemoryKeeper
from c4t_desktop.settings import (
    CARD_WIDTH,
    COLOURS,
    LANGUAGE,
    TELL,
    TEXT_SCALE,
    THUMBNAIL_SPACE,
    THUMBNAILS_AT_INDEXING,
    WATCH,
    Settings,
)
from c4t_desktop.theme import Theme

if TYPE_CHECKING:
    from c4t_core.index.indexer import IndexReport

LOG = logging.getLogger(__name__)
# Seconds for which a thread may keep Python's lock while the GUI thread waits for it. With the
# usual 5 ms a frame painted beside the thumbnail threads takes three times as long.
_SWITCH = 0.001
# Python looks through all objects a fifth as often as usual: that halts every thread, for a
# twentieth of a second and more, and came seventeen times while 12,000 frames were marked.
_COLLECT = (700, 10, 50)
_FILLED = 1.1  # cards are a little wider than the user set, so that rows fill the width
_UNSEEN = 500  # milliseconds after which a window that nobody sees begins as well
_SHUTDOWN = 4.0  # seconds for work to end; the window is gone within five


class Desktop(QObject):
    """Holds what lives as long as the application, and starts and ends it.

    Attributes:
        window: the main window.
        context: what panels use.
    """

    _uncaught = Signal(object)

    def __init__(self, app: QApplication) -> None:
        """Build the parts; nothing runs yet and nothing heavy is imported."""
        super().__init__(app)
        self._app = app
        self._told = False
        self._begun = self._ended = False
        self.settings = Settings(parent=self)
        use_language(self.settings.value(LANGUAGE))
        self.theme = Theme(app)
        self.theme.choose(*self._looks())
        self.runner = JobRunner(self)
        model = str(self.settings.recall("model", "c4t"))
        library = Library(
            self.runner,
            model=model,
            thumbnails=self._thumbnails_of_indexing,
            settings=self.settings,
            parent=self,
        )
        self.memory = MemoryKeeper(self.runner, self, library)
        finder = Finder(library, self)
        thumbnails = Thumbnails(parent=self)
        cache = ThumbnailCache(thumbnails, parent=self)
        details = Details(library, self)
        details.captions.restore(self.settings.recall("pairs", []))
        details.captions.changed.connect(self._remember_pairs)
        undo = UndoStack(self)
        marks = MarkBook(library, finder, undo, self)
        self.watch = FolderWatch(library, allowed=self.settings.value(WATCH), parent=self)
        self.context = Context(
            self.runner,
            library,
            finder,
            details,
            thumbnails,
            cache,
            self.settings,
            self.theme,
            marks,
            undo,
            TagBook(library, finder, marks, self),
            EndOfWork(self.runner, lambda: self.settings.value(TELL), self),
        )
        ends = (
            (library.index_ended, self._indexed),
            (library.index_failed, lambda error: describe(error).sentence),
        )
        self.context.ends.watch("index", library.indexing, ends)
        self.window = MainWindow(self.context, self)
        self.theme.style()
        self.window.closing.connect(self.shutdown)
        self.settings.changed.connect(self._setting_changed)
        self._uncaught.connect(self._tell, Qt.ConnectionType.QueuedConnection)
        self._server: QLocalServer | None = None

    def _indexed(self, report: IndexReport | None) -> str:
        """Return what is told of the end of an index run; nothing of one that was stopped."""
        if report is None:
            return ""
        one, many = self.tr("{0} frame was added to {1}."), self.tr("{0} frames were added to {1}.")
        added = one if report.embedded == 1 else many
        folders = folders_title(self.context.library.folders)
        return added.format(count_text(report.embedded), folders)

    def start(self, folders: Sequence[str]) -> None:
        """Show the window; open folders once it stands."""
        self._folders = list(folders) or self.settings.recall("folders", [])
        self.context.library.opening.connect(self._remember_model)
        self.window.installEventFilter(self)
        self.window.show()
        QTimer.singleShot(_UNSEEN, self._begin)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Begin once the window has been painted: threads would keep the first paint waiting."""
        if event.type() == QEvent.Type.Paint:
            watched.removeEventFilter(self)
            QTimer.singleShot(0, self._begin)
        return super().eventFilter(watched, event)

    @Slot()
    def _begin(self) -> None:
        if self._ended or self._begun:
            return
        self._begun = True
        self._say_unwritable()
        ask_first(self.window.folder_commands.has_agreed)
        self.context.library.list_models()
        self.context.marks.load()
        self.window.folder_commands.drop_forgotten()
        store, limit = self.context.thumbnails.store, self.settings.value(THUMBNAIL_SPACE)
        self.runner.submit(
            lambda _: store.trim(limit * 1_000_000), lane=LOOK, key="trim", failed=_log
        )
        if self._folders:
            self.window.folder_commands.open_folders(self._folders)
        else:
            self.window.sidebar.show_recent(self.settings.recent(), ())

    def _thumbnails_of_indexing(self) -> ThumbnailsOfIndexing | None:
        """Return what keeps thumbnails of the pictures that a run decodes, in the cards' size."""
        if not self.settings.value(THUMBNAILS_AT_INDEXING):
            return None
        width = self.settings.value(CARD_WIDTH) * self.window.devicePixelRatioF()
        limit = self.settings.value(THUMBNAIL_SPACE) * 1_000_000
        store = self.context.thumbnails.store
        return ThumbnailsOfIndexing(store, bucket(round(width * _FILLED)), limit)

    def _say_unwritable(self) -> None:
        if self.settings.unwritable:
            sentence = self.tr(
                'Nothing can be kept in "{folder}" ({reason}): make the folder writable, free some '
                "space on its disk, or set C4T_DATA_DIR to another folder; until then marks, "
                "searches and settings are lost at the end."
            ).format(folder=self.settings.file.parent, reason=self.settings.unwritable)
            show_problem(self.window, Problem(self.tr("Nothing can be kept"), sentence))

    @Slot(object, str)
    def _remember_model(self, _: object, model: str) -> None:
        self.settings.remember("model", model)

    @Slot(object)
    def _remember_pairs(self, files: object) -> None:
        self.settings.remember("pairs", files)

    # looks ----------------------------------------------------------------------------------

    def _restyle(self) -> None:
        self.theme.apply(*self._looks())

    def _looks(self) -> tuple[str, int]:
        return self.settings.value(COLOURS), self.settings.value(TEXT_SCALE)

    @Slot(str)
    def _setting_changed(self, key: str) -> None:
        if key in (COLOURS.key, TEXT_SCALE.key):
            self._restyle()
        elif key == WATCH.key:
            self.watch.allow(self.settings.value(WATCH))

    # one window per data folder -------------------------------------------------------------

    def listen(self) -> None:
        """Let a second start bring this window to the front."""
        server = QLocalServer(self)
        name = server_name()
        if not server.listen(name):
            QLocalServer.removeServer(name)  # left behind by a process that was killed
            if not server.listen(name):
                LOG.info("no second start will find this one: %s", server.errorString())
                return
        server.newConnection.connect(self._visited)
        self._server = server

    @Slot()
    def _visited(self) -> None:
        if self._server is None:
            return
        visitor = self._server.nextPendingConnection()
        if visitor is not None:
            visitor.readyRead.connect(self._heard)
            visitor.disconnected.connect(visitor.deleteLater)
            if visitor.bytesAvailable():
                self._hear(visitor)

    @Slot()
    def _heard(self) -> None:
        visitor = self.sender()
        if isinstance(visitor, QLocalSocket):
            self._hear(visitor)

    def _hear(self, visitor: QLocalSocket) -> None:
        text = bytes(visitor.readAll().data()).decode("utf-8", "surrogateescape")
        visitor.write(b"here")
        visitor.flush()
        window = self.window
        window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
        window.show()
        window.raise_()
        window.activateWindow()
        folders = [line for line in text.split("\0") if line and line != "front"]
        if folders:
            window.folder_commands.open_folders(folders)

    # faults and the end ---------------------------------------------------------------------

    def caught(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Be ``sys.excepthook``: one plain dialog and a line in the log, from any thread."""
        if issubclass(kind, KeyboardInterrupt):
            self._app.quit()
            return
        LOG.error("uncaught", exc_info=(kind, error, trace))
        self._uncaught.emit(error)

    @Slot(object)
    def _tell(self, error: BaseException) -> None:
        if not self._told and not self._ended:
            self._told = True  # one dialog, however often a slot fails
            box = show_problem(self.window, describe(error))
            box.finished.connect(self._told_once)

    @Slot()
    def _told_once(self) -> None:
        self._told = False

    @Slot()
    def shutdown(self) -> None:
        """End all work; what is done so far is kept."""
        if self._ended:
            return
        self._ended = True
        ask_first(None)
        self.context.undo.clear()  # while there is somebody to be told
        if self._server is not None:
            self._server.close()
        self.watch.stop()
        self.context.library.stop_index()
        done = self.runner.shutdown(_SHUTDOWN)
        done = self.context.thumbnails.shutdown(0.5) and done
        if done:  # nobody uses them any more
            self.context.marks.close()
            self.context.library.release()
        self.settings.sync()
        self.ended_cleanly = done


def _log(error: Exception) -> None:
    LOG.info("a chore failed", exc_info=error)


def server_name() -> str:
    """Return the name under which the window of this data folder can be reached."""
    where = str(paths.data_dir().resolve()).encode("utf-8", "surrogateescape")
    return f"c4t-desktop-{short_digest(where)[:16]}"


def call_first_window(folders: Sequence[str]) -> bool:
    """Bring a window that runs on the same data to the front; False if there is none."""
    socket = QLocalSocket()
    socket.connectToServer(server_name())
    if not socket.waitForConnected(300):
        return False
    words = "\0".join(["front", *folders])
    socket.write(words.encode("utf-8", "surrogateescape"))
    socket.flush()
    heard = socket.waitForReadyRead(3000)
    socket.disconnectFromServer()
    return heard


def start_log() -> None:
    """Write the log of this window to a file; at most three of one megabyte."""
    try:
        handler = RotatingFileHandler(log_file(), maxBytes=1_000_000, backupCount=2, delay=True)
    except OSError:
        return
    logging.raiseExceptions = False  # a log that cannot be written is no reason to print traces
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger("c4t_desktop")
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    logging.getLogger("c4t_core").addHandler(handler)


def create_application(argv: Sequence[str]) -> tuple[QApplication, MainWindow]:
    """Build the application and show its window; the event loop is not run yet.

    Args:
        argv: as ``sys.argv``: the program's name, then folders to open.

    Returns:
        The application and its main window. Closing the window ends all work.
    """
    sys.setswitchinterval(_SWITCH)
    gc.set_threshold(*_COLLECT)
    keep_caches_inside()
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication(list(argv[:1]) or ["c4t-desktop"])
    app.setApplicationName("c4t-desktop")
    app.setApplicationDisplayName("CLIP4Traffic")
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("c4t-desktop")
    app.setWindowIcon(QIcon(str(paths.resource("icons", "app.svg"))))
    desktop = Desktop(app)
    desktop.start([folder for folder in argv[1:] if not folder.startswith("-")])
    return app, desktop.window


def run(argv: Sequence[str]) -> int:
    """Run the application until its window is closed; return the exit status."""
    folders = [absolute(part) for part in argv[1:] if not part.startswith("-")]
    if call_first_window(folders):
        return 0
    start_log()
    app, window = create_application([*argv[:1], *folders])
    desktop = window.desktop
    assert isinstance(desktop, Desktop), "create_application gives every window its desktop"
    desktop.listen()
    sys.excepthook = desktop.caught
    status = app.exec()
    desktop.shutdown()
    return status
