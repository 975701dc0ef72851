"""Icons: our own SVG files, drawn in one colour and tinted by the theme."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from c4t_core import paths


@lru_cache(maxsize=128)
def _source(name: str) -> bytes:
    return paths.resource("icons", f"{name}.svg").read_bytes()


@lru_cache(maxsize=256)
def _renderer(name: str, colour: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(_source(name).replace(b"currentColor", colour.encode())))


def draw(painter: QPainter, name: str, where: QRectF, colour: str) -> None:
    """Draw an icon in a colour."""
    _renderer(name, colour).render(painter, where)


class _Engine(QIconEngine):
    """Draws the SVG at whatever size and resolution is asked for."""

    def __init__(self, name: str, colour: str, disabled: str, active: str) -> None:
        super().__init__()
        self._what = (name, colour, disabled, active)

    def clone(self) -> QIconEngine:  # noqa: D102 - Qt's
        return _Engine(*self._what)

    def paint(self, painter, rect, mode, state) -> None:  # type: ignore[no-untyped-def]  # noqa: D102
        name, colour, disabled, active = self._what
        tint = disabled if mode == QIcon.Mode.Disabled else colour
        if state == QIcon.State.On:
            tint = active
        side = min(rect.width(), rect.height())
        square = QRectF(0, 0, side, side)
        square.moveCenter(QRectF(rect).center())
        draw(painter, name, square, tint)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:  # noqa: D102
        made = QPixmap(size)
        made.fill(Qt.GlobalColor.transparent)
        painter = QPainter(made)
        self.paint(painter, made.rect(), mode, state)
        painter.end()
        return made


def icon(name: str, colour: str, disabled: str = "", active: str = "") -> QIcon:
    """Return an icon.

    Args:
        name: of the file in ``resources/icons``.
        colour: its colour, ``#rrggbb``.
        disabled: its colour when disabled; by default the same.
        active: its colour when checked; by default the same.
    """
    return QIcon(_Engine(name, colour, disabled or colour, active or colour))


def pixmap(name: str, colour: str, side: int, ratio: float) -> QPixmap:
    """Return an icon as a picture of ``side`` logical pixels."""
    made = QPixmap(QSize(round(side * ratio), round(side * ratio)))
    made.fill(QColor(0, 0, 0, 0))
    painter = QPainter(made)
    draw(painter, name, QRectF(0, 0, made.width(), made.height()), colour)
    painter.end()
    made.setDevicePixelRatio(ratio)
    return made
