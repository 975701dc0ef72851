"""Draws hits on sheets: one tall PNG (or several), or the pages of a PDF.

Runs on a worker thread: images are painted on ``QImage`` and ``QPdfWriter`` only. Names are drawn
as plain text, whatever they hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QMarginsF, QRectF, QSizeF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QGuiApplication,
    QImage,
    QPageLayout,
    QPageSize,
    QPainter,
    QPdfWriter,
)

from c4t_core.errors import FolderError
from c4t_core.files import atomic_path
from c4t_core.progress import Progress

if TYPE_CHECKING:
    from c4t_core.index.query import Hit

PER_PNG = 120  # pictures on one PNG; the rest goes on further ones
_FAMILIES = ["Inter", "Segoe UI", "SF Pro Text", "Noto Sans", "DejaVu Sans"]
_ASPECT = 1.6  # width to height of a picture
_INK, _QUIET, _PAPER, _EMPTY = "#12171f", "#5c6675", "#ffffff", "#e8ebf0"


@dataclass(frozen=True)
class Heading:
    """What stands on top of a sheet, as plain text."""

    title: str
    detail: str


@dataclass(frozen=True)
class _Grid:
    """Where pictures stand; all lengths in the painter's units.

    Attributes:
        width: of the sheet.
        columns: pictures in a row.
        rows: rows on a sheet.
        unit: a pixel of text at the usual size.
    """

    width: float
    columns: int
    rows: int
    unit: float

    @property
    def margin(self) -> float:
        return 24 * self.unit

    @property
    def top(self) -> float:
        return self.margin + 52 * self.unit

    @property
    def cell(self) -> QSizeF:
        gaps = 12 * self.unit * (self.columns - 1)
        wide = (self.width - 2 * self.margin - gaps) / self.columns
        return QSizeF(wide, wide / _ASPECT + 24 * self.unit)

    @property
    def height(self) -> float:
        return self.top + self.rows * (self.cell.height() + 8 * self.unit) + self.margin

    def picture(self, position: int) -> QRectF:
        row, column = divmod(position, self.columns)
        left = self.margin + column * (self.cell.width() + 12 * self.unit)
        top = self.top + row * (self.cell.height() + 8 * self.unit)
        return QRectF(left, top, self.cell.width(), self.cell.height())


def write_png(
    hits: Sequence[Hit], heading: Heading, target: Path, progress: Progress
) -> tuple[Path, ...]:
    """Draw hits on PNG sheets; return the files, numbered from the second on.

    Raises:
        FolderError: if a file cannot be written.
        Cancelled: from ``progress``; sheets that are whole stay.
    """
    made = []
    for number, start in enumerate(range(0, max(1, len(hits)), PER_PNG), 1):
        some = hits[start : start + PER_PNG]
        columns = min(6, max(3, len(some)))
        grid = _Grid(1560, columns, -(-len(some) // columns), 1.0)
        sheet = QImage(round(grid.width), round(grid.height), QImage.Format.Format_RGB32)
        sheet.fill(QColor(_PAPER))
        painter = QPainter(sheet)
        try:
            _draw_heading(painter, grid, heading)
            _draw_hits(painter, grid, some, progress, start, len(hits))
        finally:
            painter.end()
        name = target if number == 1 else target.with_stem(f"{target.stem}-{number}")
        with _writing(name) as beside:
            # PySide's stubs want bytes here, PySide itself only takes text.
            if not sheet.save(str(beside), "PNG"):  # type: ignore[call-overload]
                raise _cannot_write(name)
        made.append(name)
    progress(len(hits), len(hits))
    return tuple(made)


def write_pdf(
    hits: Sequence[Hit], heading: Heading, target: Path, progress: Progress
) -> tuple[Path, ...]:
    """Draw hits on A4 pages, landscape; return the file.

    Raises:
        FolderError: if the file cannot be written.
        Cancelled: from ``progress``; nothing is left behind.
    """
    with _writing(target) as beside:
        if not _fill_pdf(hits, heading, beside, progress):
            raise _cannot_write(target)
    return (target,)


@contextmanager
def _writing(target: Path) -> Iterator[Path]:
    try:
        with atomic_path(target) as beside:
            yield beside
    except OSError as error:
        raise _cannot_write(target) from error


def _fill_pdf(hits: Sequence[Hit], heading: Heading, file: Path, progress: Progress) -> bool:
    writer = QPdfWriter(str(file))
    writer.setTitle(heading.title)
    writer.setCreator(QGuiApplication.applicationDisplayName())
    writer.setResolution(150)
    page = QPageSize(QPageSize.PageSizeId.A4)
    writer.setPageLayout(QPageLayout(page, QPageLayout.Orientation.Landscape, QMarginsF()))
    grid = _Grid(float(writer.width()), 4, 3, writer.width() / 1120)
    painter = QPainter()
    if not painter.begin(writer):
        return False
    try:
        per_page = grid.columns * grid.rows
        for start in range(0, max(1, len(hits)), per_page):
            if start:
                writer.newPage()
            _draw_heading(painter, grid, heading)
            _draw_hits(painter, grid, hits[start : start + per_page], progress, start, len(hits))
    finally:
        painter.end()
    progress(len(hits), len(hits))
    return True


def _cannot_write(file: Path) -> FolderError:
    text = QCoreApplication.translate(
        "Export", '"{0}" cannot be written; choose another folder or free some space.'
    )
    return FolderError(text.format(file.name), file.parent)


def _font(grid: _Grid, size: float, *, strong: bool = False) -> QFont:
    font = QFont(_FAMILIES)
    font.setPixelSize(max(1, round(size * grid.unit)))
    if strong:
        font.setWeight(QFont.Weight.DemiBold)
    return font


def _line(painter: QPainter, where: QRectF, text: str, flags: Qt.AlignmentFlag) -> None:
    """Draw one line of plain text, shortened where it is too long."""
    plain = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\n", "⏎")
    metrics = QFontMetricsF(painter.font(), painter.device())
    short = metrics.elidedText(plain, Qt.TextElideMode.ElideMiddle, where.width())
    painter.drawText(where, int(flags | Qt.AlignmentFlag.AlignVCenter), short)


def _draw_heading(painter: QPainter, grid: _Grid, heading: Heading) -> None:
    unit, wide = grid.unit, grid.width - 2 * grid.margin
    left = Qt.AlignmentFlag.AlignLeft
    painter.setRenderHints(
        QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
    )
    painter.setPen(QColor(_INK))
    painter.setFont(_font(grid, 20, strong=True))
    _line(
        painter, QRectF(grid.margin, grid.margin - 6 * unit, wide, 26 * unit), heading.title, left
    )
    painter.setPen(QColor(_QUIET))
    painter.setFont(_font(grid, 12))
    below = QRectF(grid.margin, grid.margin + 22 * unit, wide, 18 * unit)
    _line(painter, below, heading.detail, left)


def _draw_hits(
    painter: QPainter,
    grid: _Grid,
    hits: Sequence[Hit],
    progress: Progress,
    done: int,
    total: int,
) -> None:
    for number, hit in enumerate(hits):
        progress(done + number, total)
        cell = grid.picture(number)
        picture = QRectF(cell.topLeft(), QSizeF(cell.width(), cell.width() / _ASPECT))
        _draw_picture(painter, picture, hit.path)
        caption = QRectF(cell.left(), picture.bottom(), cell.width(), 22 * grid.unit)
        score = 52 * grid.unit
        painter.setPen(QColor(_QUIET))
        painter.setFont(_font(grid, 11))
        _line(painter, caption, f"{hit.score:.3f}", Qt.AlignmentFlag.AlignRight)
        painter.setPen(QColor(_INK))
        name = caption.adjusted(0, 0, -score, 0)
        _line(painter, name, f"{hit.rank}  {hit.path.name}", Qt.AlignmentFlag.AlignLeft)


def _draw_picture(painter: QPainter, where: QRectF, path: Path) -> None:
    """Draw a picture whole, on a quiet ground; only the ground where it cannot be read."""
    from c4t_core.images.thumbnails import ThumbnailStore
    from c4t_desktop.jobs.thumbnails import Request, make_picture

    painter.fillRect(where, QColor(_EMPTY))
    image = make_picture(Request(path, 512), ThumbnailStore()).image
    if image is None:
        return
    fitting = QSizeF(image.size()).scaled(where.size(), Qt.AspectRatioMode.KeepAspectRatio)
    spot = QRectF(where.topLeft(), fitting)
    spot.moveCenter(where.center())
    painter.drawImage(spot, image)
