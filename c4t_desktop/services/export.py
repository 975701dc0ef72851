"""Exports hits in the background: tables, copies, contact sheets.

Each kind is a plain function on a frozen request; :class:`Exporter` runs one at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, Signal

from c4t_core.addresses import is_table
from c4t_desktop.jobs.runner import Job, JobRunner, OneJob
from c4t_desktop.services.finder import Finder
from c4t_desktop.services.rows import HitList

if TYPE_CHECKING:
    from c4t_core.index.exports import Provenance
    from c4t_core.index.query import Noted
    from c4t_core.workspace import Hit, Skipped
    from c4t_desktop.services.contact_sheet import Heading
    from c4t_desktop.services.workspace import WorkspaceLike

CSV, JSONL, COPY, PNG, PDF = "csv", "jsonl", "copy", "png", "pdf"
LANE = "export"


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
        from c4t_desktop.services import contact_sheet

        draw = contact_sheet.write_png if kind == PNG else contact_sheet.write_pdf
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
    from c4t_desktop.services.contact_sheet import Heading

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
        self._job = OneJob(runner, LANE, self)

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
