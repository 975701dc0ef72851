"""Icons: our own SVG files, drawn in one colour and tinted by the theme."""

from __future__ import annotations

import atexit
from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF, QSize
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from c4t_core import paths
from c4t_core.files import write_whole

_SIDES = (16, 20, 24, 32, 48, 64, 96)  # pixels


@lru_cache(maxsize=1)
def _drawings() -> Path:
    return paths.resource("icons")


@lru_cache(maxsize=256)
def _tinted(name: str, colour: str) -> bytes:
    source = (_drawings() / f"{name}.svg").read_bytes()
    return source.replace(b"currentColor", colour.encode())


@lru_cache(maxsize=256)
def _renderer(name: str, colour: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(_tinted(name, colour)))


# Qt's objects must be gone before Qt itself is, which ends after Python's modules.
atexit.register(_renderer.cache_clear)


def draw(painter: QPainter, name: str, where: QRectF, colour: str) -> None:
    """Draw an icon in a colour."""
    _renderer(name, colour).render(painter, where)


def file(name: str, colour: str, folder: Path | None = None) -> Path | None:
    """Return a tinted icon as a file, for style sheets and Qt's own icon engine.

    A file that is emptied or damaged is made again; None where none can be kept.

    Args:
        name: of the file in ``resources/icons``.
        colour: ``#rrggbb``.
        folder: of :func:`kept`; None looks it up.
    """
    path = (folder or kept()) / f"{name}-{colour[1:]}.svg"
    drawing = _tinted(name, colour)
    try:
        if _read(path) != drawing:
            write_whole(path, drawing, sync=False)
    except OSError:
        return None
    return path


def kept() -> Path:
    """Return the folder of tinted icons. Who makes many asks once: each time it is looked at."""
    return paths.cache_dir() / "icons"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def icon(name: str, colour: str, disabled: str = "", active: str = "", *, folder: Path) -> QIcon:
    """Return an icon that is sharp at every size; where no file can be kept, at the usual ones.

    Args:
        name: of the file in ``resources/icons``.
        colour: its colour, ``#rrggbb``.
        disabled: its colour when disabled; by default the same.
        active: its colour when checked; by default the same.
        folder: of :func:`kept`.
    """
    made, mode, state = QIcon(), QIcon.Mode, QIcon.State
    for tint, where, when in (
        (colour, mode.Normal, state.Off),
        (disabled or colour, mode.Disabled, state.Off),
        (active or colour, mode.Normal, state.On),
    ):
        path = file(name, tint, folder)
        if path is not None:
            made.addFile(str(path), QSize(), where, when)
            continue
        for side in _SIDES:
            made.addPixmap(pixmap(name, tint, side, 1.0), where, when)
    return made


def pixmap(name: str, colour: str, side: int, ratio: float) -> QPixmap:
    """Return an icon as a picture of ``side`` logical pixels."""
    made = QPixmap(QSize(round(side * ratio), round(side * ratio)))
    made.fill(QColor(0, 0, 0, 0))
    painter = QPainter(made)
    draw(painter, name, QRectF(0, 0, made.width(), made.height()), colour)
    painter.end()
    made.setDevicePixelRatio(ratio)
    return made
