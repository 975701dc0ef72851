"""Exports hits in the background: tables, copies, contact sheets.

Each kind is a plain function on a frozen request; :class:`Exporter` runs one at a time. Sheets (one
tall PNG or several, or the pages of a PDF) are drawn on a worker thread, so on ``QImage`` and
``QPdfWriter`` only, and names as plain text, whatever they hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QMarginsF, QObject, QRectF, QSizeF, Qt, Signal
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

from c4t_core.addresses import is_table
from c4t_core.errors import FolderError
from c4t_core.files import atomic_path
from c4t_core.progress import Progress
from c4t_core.records import dataclass
from c4t_desktop.jobs.runner import Job, JobRunner, OneJob
from c4t_desktop.services.finder import Finder
from c4t_desktop.services.library import EXPORT
from c4t_desktop.services.rows import HitList

if TYPE_CHECKING:
    from c4t_core.index.exports import Provenance
    from c4t_core.index.query import Hit, Noted
    from c4t_core.workspace import Skipped
    from c4t_desktop.services.workspace import WorkspaceLike

CSV, JSONL, COPY, PNG, PDF = "csv", "jsonl", "copy", "png", "pdf"
PER_PNG = 120  # pictures on one PNG; the rest goes on further ones
_FAMILIES = ["Inter", "Segoe UI", "SF Pro Text", "Noto Sans", "DejaVu Sans"]
_ASPECT = 1.6  # width to height of a picture
_INK, _QUIET, _PAPER, _EMPTY = "#12171f", "#5c6675", "#ffffff", "#e8ebf0"


def _tr(text: str) -> str:
    return QCoreApplication.translate("Export", text)


@dataclass(frozen=True)
class Wanted:
    """What is to be exported, as it was when the user asked.

    Attributes:
        hits: best first; loaded while they are written.
        query: as text.
        threshold: the least score shown, None without a cut.
        filters: what the hits were restricted to.
        model: what the user calls the model.
        workspace: knows the model's fingerprint; for jobs only.
        marks: "right" or "wrong" by file, as the window shows them.
    """

    hits: Sequence[Hit] = ()
    query: str = ""
    threshold: float | None = None
    filters: dict[str, object] = field(default_factory=dict)
    model: str = ""
    workspace: WorkspaceLike | None = None
    marks: Mapping[Path, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        kind: of the export.
        target: the file, or the folder of many.
        count: hits written.
        failed: what could not be, with reasons (Skipped).
    """

    kind: str
    target: Path
    count: int
    failed: tuple[Skipped, ...] = ()


def wanted_of(finder: Finder, query: str, workspace: WorkspaceLike | None) -> Wanted:
    """Return everything about the answer shown but its hits."""
    found = finder.found
    if found is None:
        return Wanted()
    question = found.question
    filters = {name: value for name, value in question.restrictions().items() if value}
    if question.hits_of:
        filters["among_name"] = question.hits_of
    if question.refine:
        filters["refined_by_marks"] = True
    return Wanted(
        (), query, found.least(finder.order), filters, found.model, workspace, finder.marks
    )


def _provenance(wanted: Wanted) -> Provenance:
    from c4t_core.index.exports import Provenance

    fingerprint = wanted.workspace.model_fingerprint if wanted.workspace is not None else ""
    return Provenance(wanted.model, fingerprint, wanted.query, wanted.threshold, wanted.filters)


def export(wanted: Wanted, kind: str, target: Path, job: Job) -> Exported:
    """Write an export; runs on a worker thread.

    Raises:
        FolderError: if it cannot be written.
        Cancelled: if the job was cancelled.
    """
    from c4t_core.index import exports

    hits = wanted.hits
    if kind == COPY:
        roots = wanted.workspace.roots if wanted.workspace is not None else ()
        if any(map(is_table, roots)) and wanted.workspace is not None:
            roots += tuple(folder.folder for folder in wanted.workspace.status().folders)
        files = [hit.path for hit in hits]
        report = exports.copy_files(files, target, job.progress, roots=roots)
        return Exported(kind, target, len(report.copied), report.failed)
    if kind in (PNG, PDF):
        draw = write_png if kind == PNG else write_pdf
        made = draw(hits, _heading(wanted), target, job.progress)
        return Exported(kind, made[0], len(hits))
    write = exports.write_csv if kind == CSV else exports.write_jsonl
    write(hits, _provenance(wanted), target, job.progress, _noted(wanted))
    return Exported(kind, target, len(hits))


def _noted(wanted: Wanted) -> Noted:
    """Return what the tables say of frames beside what the catalogue knows."""
    from c4t_core.index.query import NOTHING_NOTED

    hits, workspace = wanted.hits, wanted.workspace
    if workspace is None or not hits:
        return NOTHING_NOTED
    ids = hits.ids if isinstance(hits, HitList) else [hit.image_id for hit in hits]
    frames = {path: workspace.frame(path) for path in wanted.marks}
    marks = {frame.image_id: wanted.marks[path] for path, frame in frames.items() if frame}
    return replace(workspace.noted(ids), marks=marks)


def _heading(wanted: Wanted) -> Heading:
    made = _provenance(wanted)
    parts = [_tr("{0} hits").format(len(wanted.hits)), f"{made.model} {made.fingerprint[:12]}"]
    if made.threshold is not None:
        parts.append(_tr("cut {0}").format(f"{made.threshold:.3f}"))
    parts.append(made.exported_at)
    objects = wanted.filters.get("objects")
    conditions = " ".join(map(str, objects)) if isinstance(objects, list) else ""
    asked = wanted.query if wanted.query == conditions else f"{wanted.query} {conditions}".strip()
    return Heading(asked, " · ".join(part.strip() for part in parts))


class Exporter(QObject):
    """Runs one export at a time.

    Signals:
        progressed: hits done and in all.
        done: it is written (Exported).
        failed: it could not be (Exception).
        stopped: the user stopped it.
        ended: nothing runs any more, however it ended; comes before ``done`` and ``failed``.
    """

    progressed = Signal(object, object)
    done = Signal(object)
    failed = Signal(object)
    stopped = Signal()
    ended = Signal()

    def __init__(self, runner: JobRunner, parent: QObject | None = None) -> None:
        """Run nothing yet."""
        super().__init__(parent)
        self._job = OneJob(runner, EXPORT, self)

    @property
    def running(self) -> bool:
        """Whether an export goes on."""
        return self._job.running

    def start(self, wanted: Wanted, kind: str, target: Path) -> None:
        """Begin an export; nothing happens while another one runs."""
        self._job.start(
            lambda job: export(wanted, kind, target, job),
            done=self.done.emit,
            failed=self.failed.emit,
            stopped=self.stopped.emit,
            progress=lambda value: self.progressed.emit(*value),
            ended=self.ended.emit,
        )

    def cancel(self) -> None:
        """Stop; what is written as a whole stays."""
        self._job.cancel()


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
