"""Thumbnails on disk: how they are named, made, kept and bounded.

The window makes one when it first shows a picture; indexing can leave them behind, from the
picture that it decodes anyway, so that scrolling a new folder reads no file a second time.
Nothing here loads Pillow before a thumbnail is made.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import os
import shutil
import threading
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from c4t_core import paths
from c4t_core.addresses import is_remote
from c4t_core.files import short_digest, trim_folder, write_whole
from c4t_core.images import fetched

if TYPE_CHECKING:
    from PIL import Image

    from c4t_core.images.scan import FileState

LOG = logging.getLogger(__name__)
SIDES = (256, 512)  # longer side of a thumbnail on disk, pixels
DECODING = 2  # one more whenever ``images.decode`` shows a file otherwise, or reads it at last
SPACE = 2_000_000_000  # bytes; about 200,000 thumbnails of the smaller size
_QUALITY = 85
_FREE = 2_000_000_000  # bytes of the disk that indexing leaves free: the index needs room first
_FAILED = ".failed"
_FOLDERS = 4096  # whose links are resolved and remembered


def bucket(side: int) -> int:
    """Return the size kept on disk that serves a wanted size best."""
    return next((kept for kept in SIDES if kept >= side), SIDES[-1])


def shrunk(image: Image.Image, side: int) -> Image.Image:
    """Return a picture whose longer side is at most ``side`` pixels; the picture itself stays."""
    from PIL import Image

    if max(image.size) <= side:
        return image
    scale = side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=1.0)  # twice as fast


def as_jpeg(image: Image.Image) -> bytes:
    """Return a small RGB picture as it is kept."""
    out = BytesIO()
    image.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


@functools.lru_cache(_FOLDERS)
def _real_folder(folder: bytes) -> bytes:
    """Return a folder with links resolved: the window names it as it was opened, a root is real."""
    return os.path.realpath(folder)


class ThumbnailStore:
    """Thumbnails on disk, as JPEG, below the application's cache folder."""

    def __init__(self, folder: Path | None = None) -> None:
        """Use a folder; by default the application's own."""
        self.folder = folder or paths.cache_dir() / "thumbnails"
        self._used: int | None = None  # bytes; None while not counted
        self._counting = threading.Lock()

    def key(self, path: Path | str | bytes, side: int, state: FileState | None = None) -> str:
        """Return a name that changes with the file: path, size and time of change.

        Args:
            path: the file, absolute.
            side: longer side in pixels, one of :data:`SIDES`.
            state: the file as it was read; None to look, at an address in what its table says.

        Raises:
            OSError: if the file is not there.
        """
        remote = is_remote(os.fsdecode(path))
        if state is None and remote:
            size, mtime_ns = fetched.state(path)
        elif state is None:
            found = os.stat(path)
            size, mtime_ns = found.st_size, found.st_mtime_ns
        else:
            size, mtime_ns = state.size, state.mtime_ns
        folder, name = os.path.split(os.fsencode(path))
        text = os.path.join(folder if remote else _real_folder(folder), name)
        return f"{short_digest(text + f'|{mtime_ns}|{size}|{DECODING}'.encode())}-{side}"

    def load(self, key: str) -> tuple[bytes | None, str]:
        """Return the kept JPEG, or why there cannot be one; (None, "") if nothing is kept."""
        file = self._file(key)
        try:
            return file.read_bytes(), ""
        except OSError:
            pass
        try:
            return None, file.with_suffix(_FAILED).read_text("utf-8", "replace")
        except OSError:
            return None, ""

    def has(self, key: str) -> bool:
        """Tell whether a thumbnail is kept."""
        return self._file(key).is_file()

    def has_room(self) -> bool:
        """Tell whether its disk is far from full.

        Raises:
            OSError: if the folder cannot be made.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(self.folder).free > _FREE

    def keep(self, key: str, data: bytes) -> None:
        """Write beside, then rename: a reader sees a whole file or none."""
        self._write(self._file(key), data)

    def keep_failure(self, key: str, reason: str) -> None:
        """Remember that this version of the file cannot be decoded."""
        self._write(self._file(key).with_suffix(_FAILED), reason.encode("utf-8", "replace"))

    def size(self) -> int:
        """Return the bytes in use on disk."""
        return self.trim(math.inf)

    @property
    def used(self) -> int:
        """The bytes in use on disk: counted once, and carried on with what is kept."""
        with self._counting:
            known = self._used
        return self.size() if known is None else known

    def trim(self, limit: float) -> int:
        """Remove the oldest thumbnails beyond ``limit`` bytes; return the bytes in use."""
        used = trim_folder(self.folder, limit)
        with self._counting:
            self._used = used
        return used

    def _file(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.jpg"

    def _write(self, file: Path, data: bytes) -> None:
        try:
            write_whole(file, data, sync=False)  # it can be made again
        except OSError as error:  # a full disk costs time, not pictures
            LOG.info("cannot keep a thumbnail: %s", error)
            return
        with self._counting:
            if self._used is not None:
                self._used += len(data)


class ThumbnailsOfIndexing:
    """Keeps thumbnails of the pictures that an index run decodes, up to a limit on disk.

    Called from decoding threads. What is full stays as it is: to put out older thumbnails for
    newer ones would cost a run of a million frames time, and gain nothing.
    """

    def __init__(self, store: ThumbnailStore, side: int = SIDES[0], limit: int = SPACE) -> None:
        """Keep pictures of ``side`` pixels while the store takes less than ``limit`` bytes."""
        self._store = store
        self._side = side
        self._limit = limit

    def __call__(self, path: Path | str | bytes, state: FileState, image: Image.Image) -> None:
        """Keep one picture's thumbnail, unless it is kept already.

        Smaller pictures are left out: they may be such because the decoder shrank them early,
        and those that really are cost little to decode again.

        Args:
            path: the file, absolute.
            state: the file as it was read.
            image: RGB, upright; left as it is.
        """
        if max(image.size) < self._side or self._store.used >= self._limit:
            return
        with contextlib.suppress(OSError):
            if not self._store.has_room():
                return
            key = self._store.key(path, self._side, state)
            if not self._store.has(key):
                self._store.keep(key, as_jpeg(shrunk(image, self._side)))
