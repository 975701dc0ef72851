"""Thumbnails: a small pool that decodes the newest request first; see also the core's.

User images are decoded by :func:`c4t_core.images.decode.open_image` alone, never by Qt. A
request beyond the bound pushes the oldest one out; whoever still needs it asks again when it
paints.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, Qt, Signal, Slot
from PySide6.QtGui import QImage

from c4t_core.addresses import is_remote
from c4t_core.images.thumbnails import ThumbnailStore, as_jpeg, shrunk
from c4t_core.records import dataclass

if TYPE_CHECKING:
    from PIL import Image

LOG = logging.getLogger(__name__)
FULL = 0  # the whole picture: not kept on disk
_FETCHING = 4  # threads where pictures lie at an address: they wait more than they work
_BOUND = 240  # requests waiting; about eight screens of cards


@dataclass(frozen=True)
class Request:
    """A picture that somebody wants: its file and the longer side in pixels."""

    path: Path
    side: int


@dataclass(frozen=True)
class Picture:
    """The answer to a request.

    Attributes:
        request: what was asked for.
        image: the picture, or None if the file cannot be decoded.
        reason: why there is none.
        size: width and height of the original where known, else (0, 0).
    """

    request: Request
    image: QImage | None
    reason: str = ""
    size: tuple[int, int] = (0, 0)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Thumbnails", text)


def make_picture(request: Request, store: ThumbnailStore) -> Picture:
    """Decode one picture, from the store where it is kept; runs on a worker thread."""
    from c4t_core.errors import ImageError

    try:
        if request.side == FULL:
            whole = _open(request.path)
            return Picture(request, _to_qimage(whole), size=whole.size)
        key = store.key(request.path, request.side)
        kept, reason = store.load(key)
        image = None if kept is None else _read_own(kept)
        if image is not None:
            return Picture(request, _to_qimage(image))
        if reason:
            return Picture(request, None, reason)
        try:
            made = shrunk(_open(request.path, request.side), request.side)
        except ImageError as error:
            if getattr(error.__cause__, "errno", None) is None:  # else another try may go well
                store.keep_failure(key, str(error) or type(error).__name__)
            return Picture(request, None, str(error))
        store.keep(key, as_jpeg(made))
        return Picture(request, _to_qimage(made))
    except ImageError as error:
        return Picture(request, None, str(error))
    except FileNotFoundError:  # gone, or its disk is away
        return Picture(request, None, _tr("not there now"))
    except OSError as error:
        return Picture(request, None, error.strerror or str(error))
    except Exception as error:  # noqa: BLE001 - one bad file must not end the pool
        LOG.warning("decoding failed", exc_info=error)
        return Picture(request, None, str(error) or type(error).__name__)


def _open(path: Path, side: int | None = None) -> Image.Image:
    from c4t_core.images.decode import open_image  # numpy, which kept thumbnails do without

    return open_image(path, side)


def _read_own(data: bytes) -> Image.Image | None:
    """Return a kept thumbnail, None if it is emptied or damaged: then it is made again."""
    from PIL import Image

    try:
        return Image.open(BytesIO(data), formats=("JPEG",)).convert("RGB")
    except (OSError, ValueError, SyntaxError):
        return None


def _to_qimage(image: Image.Image) -> QImage:
    data = image.tobytes()
    width, height = image.size
    # copy(): the picture must own its pixels once `data` is gone.
    return QImage(data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


class Thumbnails(QObject):
    """Makes pictures off the GUI thread.

    Signals:
        ready: a picture is there, or it is known that there will be none (Picture).
    """

    ready = Signal(object)
    _made = Signal(object)

    def __init__(
        self,
        store: ThumbnailStore | None = None,
        workers: int = 2,
        parent: QObject | None = None,
    ) -> None:
        """Start without threads; they come with the first request."""
        super().__init__(parent)
        self.store = store or ThumbnailStore()
        self._workers = workers
        self._threads: list[threading.Thread] = []
        self._waiting: OrderedDict[Request, int] = OrderedDict()  # how often it was asked for
        self._running: set[Request] = set()
        self._changed = threading.Condition()
        self._closed = False
        self._made.connect(self._announce, Qt.ConnectionType.QueuedConnection)

    def request(self, request: Request) -> None:
        """Ask for a picture; asked again, it moves to the front."""
        with self._changed:
            if self._closed or request in self._running:
                return
            self._waiting[request] = self._waiting.get(request, 0) + 1
            self._waiting.move_to_end(request)
            while len(self._waiting) > _BOUND:
                self._waiting.popitem(last=False)
            self._changed.notify()
        self._start(_FETCHING if is_remote(request.path) else self._workers)

    def withdraw(self, request: Request) -> None:
        """Drop one request if it still waits and nobody else asked for the same."""
        with self._changed:
            asked = self._waiting.get(request, 0)
            if asked > 1:
                self._waiting[request] = asked - 1
            elif asked:
                del self._waiting[request]

    def forget_waiting(self) -> None:
        """Drop what waits: another list of results is shown now."""
        with self._changed:
            self._waiting.clear()

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        with self._changed:
            return len(self._waiting)

    def shutdown(self, timeout: float = 2.0) -> bool:
        """End the threads; return whether all have ended."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout / max(1, len(self._threads)))
        return not any(thread.is_alive() for thread in self._threads)

    def _start(self, most: int) -> None:
        if len(self._threads) < most:
            name = f"c4t-thumbnails-{len(self._threads)}"
            thread = threading.Thread(target=self._run, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                request, _ = self._waiting.popitem(last=True)
                self._running.add(request)
            picture = make_picture(request, self.store)
            try:
                self._made.emit(picture)
            except RuntimeError:  # our QObject is gone: the application has ended
                return
            finally:
                with self._changed:
                    self._running.discard(request)
            del picture

    @Slot(object)
    def _announce(self, picture: Picture) -> None:
        self.ready.emit(picture)
