"""Pictures in memory, bounded by bytes; asks for what is missing."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QPixmap

from c4t_core.images.thumbnails import SIDES, bucket
from c4t_desktop.jobs.thumbnails import Picture, Request, Thumbnails

_LIMIT = 160 * 1024 * 1024  # bytes of pixels; about 900 cards at 256 pixels


class ThumbnailCache(QObject):
    """Keeps the pictures used last.

    Signals:
        arrived: a picture can be painted now, or is known to be unreadable (Path).
    """

    arrived = Signal(object)

    def __init__(
        self, source: Thumbnails, limit: int = _LIMIT, parent: QObject | None = None
    ) -> None:
        """Keep at most ``limit`` bytes of what ``source`` makes."""
        super().__init__(parent)
        self._source = source
        self._limit = limit
        self._kept: OrderedDict[Request, QPixmap] = OrderedDict()
        self._failed: OrderedDict[Path, str] = OrderedDict()
        self._bytes = 0
        source.ready.connect(self._take)

    def get(self, path: Path, side: int, *, ask: bool = True) -> QPixmap | None:
        """Return a picture whose longer side is about ``side`` pixels, or None for now.

        Without ``ask`` nothing is done to get it.
        """
        request = Request(path, bucket(side))
        kept = self._kept.get(request)
        if kept is not None:
            self._kept.move_to_end(request)
            return kept
        if path not in self._failed and ask:
            self._source.request(request)
        return self._other_size(path)

    def has(self, path: Path, side: int) -> bool:
        """Whether the picture that serves this size best is there; asks for nothing."""
        return Request(path, bucket(side)) in self._kept

    def want(self, path: Path, side: int) -> None:
        """Ask for a picture unless it is there; asked again, it comes sooner."""
        request = Request(path, bucket(side))
        if request not in self._kept and path not in self._failed:
            self._source.request(request)

    def reason(self, path: Path) -> str:
        """Return why there is no picture, or "" if there may be one."""
        return self._failed.get(path, "")

    def forget(self) -> None:
        """Forget failures, so that mended files are tried again."""
        self._failed.clear()

    @property
    def bytes_used(self) -> int:
        """Bytes of pixels kept."""
        return self._bytes

    def _other_size(self, path: Path) -> QPixmap | None:
        """Show a picture of another size until the right one is there."""
        for side in SIDES:
            kept = self._kept.get(Request(path, side))
            if kept is not None:
                return kept
        return None

    @Slot(object)
    def _take(self, picture: Picture) -> None:
        request = picture.request
        if request.side == 0:
            return
        if picture.image is None:
            self._failed[request.path] = picture.reason
            while len(self._failed) > 10_000:
                self._failed.popitem(last=False)
        else:
            self._drop(request)
            pixmap = QPixmap.fromImage(picture.image)
            self._kept[request] = pixmap
            self._bytes += _weight(pixmap)
            while self._bytes > self._limit and len(self._kept) > 1:
                self._drop(next(iter(self._kept)))
        self.arrived.emit(request.path)

    def _drop(self, request: Request) -> None:
        old = self._kept.pop(request, None)
        if old is not None:
            self._bytes -= _weight(old)


def _weight(pixmap: QPixmap) -> int:
    return pixmap.width() * pixmap.height() * 4
