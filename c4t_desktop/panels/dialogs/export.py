"""Exports hits: a table with provenance, copies of the files, a contact sheet, their paths."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Signal, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QFileDialog,
    QListWidget,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from c4t_desktop.gallery.results_model import file_url, files_as_mime, shown
from c4t_desktop.messages import count_text, describe, only_first, plural, tr_noop
from c4t_desktop.panels.bars.top_bar import title_of
from c4t_desktop.panels.parts import column, label, named, push_button, row, set_kind, thin_bar
from c4t_desktop.services.export import (
    COPY,
    CSV,
    JSONL,
    PDF,
    PNG,
    Exported,
    Exporter,
    Wanted,
)
from c4t_desktop.services.rows import MOST_AT_ONCE

if TYPE_CHECKING:
    from c4t_core.workspace import Hit
    from c4t_desktop.context import Context

KINDS = (
    (
        CSV,
        tr_noop("Export", "Table (CSV)"),
        tr_noop(
            "Export", "A row for each hit: score, drive, camera, time, and model, query and cut."
        ),
    ),
    (
        JSONL,
        tr_noop("Export", "Table (JSON lines)"),
        tr_noop("Export", "The same for programs; keeps every file name exactly."),
    ),
    (
        COPY,
        tr_noop("Export", "Copies of the files"),
        tr_noop("Export", "Into a folder of your choice; nothing there is overwritten."),
    ),
    (
        PNG,
        tr_noop("Export", "Contact sheet (PNG)"),
        tr_noop("Export", "Pictures with names and scores, to paste into a document."),
    ),
    (
        PDF,
        tr_noop("Export", "Contact sheet (PDF)"),
        tr_noop("Export", "The same on A4 pages, to print or to send."),
    ),
)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Export", text)


def file_stem(query: str) -> str:
    """Return a file name for a query, without an ending.

    >>> file_stem("truck in snow - people / 2")
    'truck-in-snow-people-2'
    """
    return re.sub(r"[^\w]+", "-", query, flags=re.UNICODE).strip("-_")[:60] or "hits"


class ExportDialog(QDialog):
    """Asks which hits go where, and shows how far the export is.

    Signals:
        message: a sentence for the status area (str).
    """

    message = Signal(str)

    def __init__(
        self, wanted: Wanted, selected: Sequence[Hit], context: Context, parent: QWidget
    ) -> None:
        """Offer all hits (those of ``wanted``) or the selected ones."""
        super().__init__(parent)
        self.setObjectName("exportDialog")
        self.setWindowTitle(self.tr("Export hits"))
        self._wanted, self._selected = wanted, selected
        self._settings, self._theme = context.settings, context.theme
        self._exporter = Exporter(context.runner, self)
        self._loader, self._watch = context.finder.rows, context.ends.watch
        self._closing = False
        self._made: Path | None = None
        self.everything = named(QRadioButton(), "exportAllChoice")
        self.chosen = named(QRadioButton(), "exportSelectedChoice")
        self._which = QButtonGroup(self)
        self._kinds = QButtonGroup(self)
        theme = context.theme
        self.state = label(name="exportState", wrap=True)
        self.bar = thin_bar("exportProgress", self.tr("Progress of the export"), theme)
        unreadable = self.tr("Files that could not be copied")
        self.failures = named(QListWidget(), "exportFailures", unreadable)
        self.copy_paths = push_button(
            self.tr("Copy paths"), "exportCopyPathsButton", "copy", theme=theme
        )
        self.reveal = push_button(self.tr("Show it"), "exportShowButton", "reveal", theme=theme)
        self.cancel = push_button(self.tr("Close"), "exportCancelButton", theme=theme)
        self.go = named(QPushButton(self.tr("Export…")), "exportButton", kind="primary")
        self._place()
        self._wire()
        self._show_counts()

    # layout ---------------------------------------------------------------------------------

    def _place(self) -> None:
        theme = self._theme
        browsed = self.tr("All frames") if self._wanted.hits else self.tr("Nothing to export")
        title = shown(self._wanted.query) or browsed
        for choice in (self.everything, self.chosen):
            self._which.addButton(choice)
        footer = row(theme, self.copy_paths, self.reveal, None, self.cancel, self.go, gap=8)
        column(
            theme,
            label(title, "subtitle", wrap=True),
            label(self._about(), "muted", wrap=True),
            8,
            label(self.tr("WHICH HITS"), "section"),
            self.everything,
            self.chosen,
            8,
            label(self.tr("AS WHAT"), "section"),
            self._kind_rows(),
            8,
            self.bar,
            self.state,
            self.failures,
            None,
            footer,
            margins=(24, 20, 24, 20),
            gap=8,
            parent=self,
        )
        for hidden in (self.bar, self.failures, self.reveal):
            hidden.hide()
        self.failures.setMaximumHeight(theme.px(120))
        self.go.setDefault(True)
        self.setMinimumWidth(theme.px(520))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Grow so far that no line is cut off."""
        super().showEvent(event)
        # The size hint takes wrapped lines for shorter than they are with large text.
        layout = self.layout()
        assert layout is not None  # _place made it
        self.resize(self.width(), max(self.height(), layout.totalHeightForWidth(self.width())))

    def _kind_rows(self) -> QVBoxLayout:
        px = self._theme.px
        rows = QVBoxLayout()
        rows.setSpacing(px(2))
        kept = str(self._settings.recall("export_kind", CSV))
        for number, (kind, title, text) in enumerate(KINDS):
            button = named(QRadioButton(_tr(title)), f"exportKind_{kind}")
            button.setAccessibleDescription(_tr(text))
            button.setChecked(kind == kept or (not number and kept not in [k for k, *_ in KINDS]))
            self._kinds.addButton(button, number)
            hint = label(_tr(text), "muted", wrap=True)
            hint.setContentsMargins(px(22), 0, 0, px(6))
            hint.setBuddy(button)
            rows.addWidget(button)
            rows.addWidget(hint)
        return rows

    def _about(self) -> str:
        wanted = self._wanted
        if not wanted.query:
            return self.tr("Search for something first; its hits can then be exported.")
        cut = self.tr("no cut")
        if wanted.threshold is not None:
            cut = self.tr("cut {0}").format(f"{wanted.threshold:.3f}")
        return " · ".join((title_of(wanted.model), cut))

    def _show_counts(self) -> None:
        count, some = len(self._wanted.hits), len(self._selected)
        self.everything.setText(
            plural(count, self.tr("The one hit shown"), self.tr("All {0} hits shown"))
        )
        self.chosen.setText(
            plural(some, self.tr("The one selected"), self.tr("The {0} selected"))
            if some
            else self.tr("The selected ones (none is selected)")
        )
        self.chosen.setEnabled(bool(some))
        self.everything.setEnabled(bool(count))
        (self.chosen if some > 1 else self.everything).setChecked(True)
        self.go.setEnabled(bool(count))
        self.copy_paths.setEnabled(bool(count))

    def _wire(self) -> None:
        self.go.clicked.connect(self._start)
        self.cancel.clicked.connect(self._stop)
        self.copy_paths.clicked.connect(self._copy_paths)
        self.reveal.clicked.connect(self._reveal)
        self._exporter.progressed.connect(self._progressed)
        self._exporter.done.connect(self._done)
        self._exporter.failed.connect(self._failed)
        self._exporter.ended.connect(self._ended)
        ends = (
            (self._exporter.done, lambda _: self.state.text()),
            (self._exporter.failed, lambda error: describe(error).sentence),
            (self._exporter.stopped, lambda: ""),
        )
        self._watch("export", self._exporter.progressed, ends)

    # acting ---------------------------------------------------------------------------------

    @property
    def kind(self) -> str:
        """What is to be written."""
        return KINDS[max(0, self._kinds.checkedId())][0]

    def _hits(self) -> Sequence[Hit]:
        return self._selected if self.chosen.isChecked() else self._wanted.hits

    @Slot()
    def _start(self) -> None:
        kind = self.kind
        target = self._ask_target(kind)
        if target is None:
            return
        self._settings.remember("export_kind", kind)
        self._settings.remember("export_place", str(target if kind == COPY else target.parent))
        self._say("", "muted")
        self.failures.clear()
        self.failures.hide()
        self.reveal.hide()
        self.bar.setRange(0, 0)
        self.bar.show()
        self.go.setEnabled(False)
        self.cancel.setText(self.tr("Cancel"))
        self._exporter.start(replace(self._wanted, hits=self._hits()), kind, target)

    def _ask_target(self, kind: str) -> Path | None:
        start = str(self._settings.recall("export_place", str(Path.home())))
        if kind == COPY:
            title = self.tr("Choose the folder for the copies")
            name = QFileDialog.getExistingDirectory(self, title, start)
            return Path(name) if name else None
        suggested = Path(start) / f"{file_stem(self._wanted.query)}.{kind}"
        name, _ = QFileDialog.getSaveFileName(
            self, self.tr("Export to"), str(suggested), f"*.{kind}"
        )
        if not name:
            return None
        target = Path(name)
        return target if target.suffix else target.with_suffix(f".{kind}")

    @Slot()
    def _stop(self) -> None:
        if self._exporter.running:
            self.cancel.setEnabled(False)
            self._exporter.cancel()
        else:
            self.reject()

    @Slot()
    def _copy_paths(self) -> None:
        self._loader.fetch(self._hits()[:MOST_AT_ONCE], self._copied)

    def _copied(self, hits: Sequence[Hit]) -> None:
        QGuiApplication.clipboard().setMimeData(files_as_mime([hit.path for hit in hits]))
        text = plural(len(hits), self.tr("{0} path copied."), self.tr("{0} paths copied."))
        if len(hits) < len(self._hits()):
            text = only_first(len(hits), len(self._hits()))
        self._say(text, "muted")

    @Slot()
    def _reveal(self) -> None:
        made = self._made
        if made is not None:
            QDesktopServices.openUrl(file_url(made if made.is_dir() else made.parent))

    # what the export tells ------------------------------------------------------------------

    @Slot(object, object)
    def _progressed(self, done: int, total: int) -> None:
        self.bar.setRange(0, max(1, total))
        self.bar.setValue(done)
        text = self.tr("{0} of {1}").format(count_text(done), count_text(total))
        self._say(text, "muted")

    @Slot(object)
    def _done(self, exported: Exported) -> None:
        self._made = exported.target
        name = shown(exported.target.name)
        if exported.kind == COPY:
            one, many = self.tr("{0} file copied to “{1}”."), self.tr("{0} files copied to “{1}”.")
        else:
            one, many = self.tr("{0} hit written to “{1}”."), self.tr("{0} hits written to “{1}”.")
        chosen = one if exported.count == 1 else many
        text = chosen.format(count_text(exported.count), name)
        if exported.failed:
            bad = len(exported.failed)
            text += " " + plural(
                bad, self.tr("{0} could not be read:"), self.tr("{0} could not be read:")
            )
            for entry in exported.failed:
                self.failures.addItem(f"{shown(str(entry.path))}: {entry.reason}")
            self.failures.show()
        self._say(text, "warn" if exported.failed else "strong")
        self.reveal.show()
        self.message.emit(text)

    @Slot(object)
    def _failed(self, error: Exception) -> None:
        self._say(describe(error).sentence, "bad")

    @Slot()
    def _ended(self) -> None:
        self.bar.hide()
        self.go.setEnabled(True)
        self.cancel.setText(self.tr("Close"))
        if not self.cancel.isEnabled():
            self.cancel.setEnabled(True)
            self._say(self.tr("Stopped; what was written as a whole is kept."), "muted")
        if self._closing:
            super().reject()

    def _say(self, text: str, kind: str) -> None:
        self.state.setText(text)
        set_kind(self.state, kind)

    def reject(self) -> None:
        """Close; what runs is stopped first."""
        if self._exporter.running:
            self._closing = True
            self._exporter.cancel()
        else:
            super().reject()
