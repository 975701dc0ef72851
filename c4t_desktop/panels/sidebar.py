"""On the left: folders with their counts, scenarios, filters, folders opened before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from c4t_desktop.gallery.results_model import plain_tip, shown
from c4t_desktop.jobs.finder import Filters, Finder
from c4t_desktop.jobs.library import Library, Opened
from c4t_desktop.jobs.marks import Saved
from c4t_desktop.messages import count_text, plain_label
from c4t_desktop.panels.status import folder_name, folders_title
from c4t_desktop.theme import Theme


class SideRow(QPushButton):
    """One line: a name on the left, a count or a word on the right.

    Signals:
        chosen: it was pressed; carries what it stands for.
        removed: Delete was pressed on it; carries what it stands for.
    """

    chosen = Signal(object)
    removed = Signal(object)

    def __init__(self, name: str, value: str, stands_for: object, theme: Theme) -> None:
        """Show a name and a value."""
        super().__init__()
        self._theme = theme
        self.stands_for = stands_for
        self._whole = shown(name).replace("\n", "⏎")
        self.setCheckable(True)
        self.setProperty("kind", "side")
        self.setAccessibleName(f"{self._whole}, {value}" if value else self._whole)
        self._name = plain_label()
        self._value = plain_label(value)
        self._value.setProperty("kind", "muted")
        for label in (self._name, self._value):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        # The name takes what is left; it must not ask for its whole width.
        self._name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.px(8), 0, theme.px(8), 0)
        row.addWidget(self._name, 1)
        row.addWidget(self._value)
        self.setMinimumHeight(theme.px(30))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.clicked.connect(self._go)
        self.toggled.connect(self._show_chosen)

    @Slot(bool)
    def _show_chosen(self, chosen: bool) -> None:
        for label, otherwise in ((self._name, "plain"), (self._value, "muted")):
            label.setProperty("kind", "chosen" if chosen else otherwise)
            label.style().unpolish(label)
            label.style().polish(label)

    def set_value(self, value: str) -> None:
        """Show another value."""
        self._value.setText(value)
        self.setAccessibleName(f"{self._whole}, {value}" if value else self._whole)

    def resizeEvent(self, event: Any) -> None:  # noqa: N802, D102
        super().resizeEvent(event)
        room = self.width() - self._value.sizeHint().width() - self._theme.px(26)
        mode = Qt.TextElideMode.ElideMiddle
        self._name.setText(self._name.fontMetrics().elidedText(self._whole, mode, max(20, room)))

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802, D102
        if event.key() == Qt.Key.Key_Delete:
            self.removed.emit(self.stands_for)
        else:
            super().keyPressEvent(event)

    @Slot()
    def _go(self) -> None:
        self.chosen.emit(self.stands_for)


class Section(QWidget):
    """A titled list of rows, hidden while it is empty."""

    def __init__(self, title: str, theme: Theme) -> None:
        """Start without rows."""
        super().__init__()
        self._theme = theme
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, theme.px(12))
        self._column.setSpacing(theme.px(2))
        heading = plain_label(title)
        heading.setProperty("kind", "section")
        heading.setContentsMargins(theme.px(8), 0, 0, theme.px(4))
        self._column.addWidget(heading)
        self.rows: list[QWidget] = []
        self.hide()

    def show_rows(self, rows: Sequence[QWidget]) -> None:
        """Show other rows."""
        for old in self.rows:
            old.hide()
            self._column.removeWidget(old)
            old.deleteLater()
        self.rows = list(rows)
        for row in rows:
            self._column.addWidget(row)
        self.setVisible(bool(rows))


class Sidebar(QScrollArea):
    """Folders, scenarios, filters.

    Signals:
        recent_chosen: a set of folders opened before (tuple of str).
        scenario_chosen: a saved search is to be run again (Saved).
        scenario_removed: a saved search is to be forgotten (Saved).
        add_folder: another folder is wanted beside the open ones.
        folder_removed: a folder is to be closed (Path).
    """

    recent_chosen = Signal(object)
    scenario_chosen = Signal(object)
    scenario_removed = Signal(object)
    add_folder = Signal()
    folder_removed = Signal(object)

    def __init__(
        self, library: Library, finder: Finder, theme: Theme, parent: QWidget | None = None
    ) -> None:
        """Show nothing yet."""
        super().__init__(parent)
        self._library = library
        self._finder = finder
        self._theme = theme
        self._all: SideRow | None = None
        self.setObjectName("sidePanel")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(theme.px(190))
        self._folders = Section(self.tr("FOLDERS"), theme)
        self._scenarios = Section(self.tr("SCENARIOS"), theme)
        self._filters = Section(self.tr("FILTER"), theme)
        self._recent = Section(self.tr("OPENED BEFORE"), theme)
        self._choosers: dict[str, QComboBox] = {}
        self._build_filters()
        content = QWidget()
        content.setProperty("kind", "page")
        column = QVBoxLayout(content)
        column.setContentsMargins(theme.px(12), theme.px(16), theme.px(12), theme.px(12))
        column.setSpacing(0)
        for part in (self._folders, self._scenarios, self._filters, self._recent):
            column.addWidget(part)
        column.addStretch(1)
        self.setWidget(content)
        library.opened.connect(self._opened)
        library.status_changed.connect(self._status)
        library.closed.connect(self._closed)
        library.open_failed.connect(self._closed)

    # folders --------------------------------------------------------------------------------

    @Slot(object)
    def _opened(self, opened: Opened) -> None:
        self._status(opened.status)
        self._finder.set_filters(Filters())

    @Slot()
    def _closed(self) -> None:
        self._folders.show_rows([])
        self._filters.hide()

    @Slot(object)
    def _status(self, status: Any) -> None:
        rows: list[QWidget] = []
        folders = status.folders
        chosen = self._finder.ask.filters.within
        if len(folders) != 1:
            rows.append(self._folder_row(self.tr("All frames"), count_text(status.total), None))
            rows[0].setChecked(not chosen)
        for entry in folders:
            value = self.tr("offline") if entry.offline else count_text(entry.total)
            path = Path(entry.folder)
            row = self._folder_row(folder_name(path), value, path)
            row.setToolTip(plain_tip(str(path)))
            row.setChecked(str(path) in chosen or len(folders) == 1)
            row.removed.connect(self.folder_removed)
            rows.append(row)
        more = QPushButton(self.tr("Add a folder…"))
        more.setObjectName("addFolderButton")
        more.setProperty("kind", "row")
        more.setIcon(self._theme.icon("plus", self._theme.colours.muted))
        more.clicked.connect(self.add_folder)
        rows.append(more)
        self._folders.show_rows(rows)
        self._library.look(_facets, key="facets", done=self._show_facets)

    def _folder_row(self, name: str, value: str, path: Path | None) -> SideRow:
        row = SideRow(name, value, path, self._theme)
        row.chosen.connect(self._folder_chosen)
        return row

    @Slot(object)
    def _folder_chosen(self, path: Path | None) -> None:
        within = () if path is None or len(self._library.folders) == 1 else (str(path),)
        self._finder.set_filters(replace(self._finder.ask.filters, within=within))
        for row in self._folders.rows:
            if isinstance(row, SideRow):
                wanted = row.stands_for == path
                row.setChecked(wanted)

    # filters --------------------------------------------------------------------------------

    def _build_filters(self) -> None:
        names = {
            "drive": self.tr("Drive"),
            "camera": self.tr("Camera"),
            "marked": self.tr("Marked"),
        }
        rows = []
        for key, title in names.items():
            chooser = QComboBox()
            chooser.setObjectName(f"{key}Filter")
            chooser.setAccessibleName(title)
            chooser.setProperty("kind", "flat")
            chooser.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            chooser.setMinimumContentsLength(6)
            chooser.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            chooser.addItem(self.tr("any"), None)
            chooser.activated.connect(self._filter_chosen)
            self._choosers[key] = chooser
            rows.append(_titled(title, chooser, self._theme))
        marked = self._choosers["marked"]
        for text, value in (
            (self.tr("right"), "right"),
            (self.tr("wrong"), "wrong"),
            (self.tr("right or wrong"), "any"),
        ):
            marked.addItem(text, value)
        self._filters.show_rows(rows)
        self._filters.hide()

    def _show_facets(self, facets: dict[str, list[tuple[str, int]]]) -> None:
        self._filters.show()
        for key, values in facets.items():
            chooser = self._choosers[key]
            kept = chooser.currentData()
            chooser.clear()
            chooser.addItem(self.tr("any"), None)
            for name, count in values:
                chooser.addItem(f"{shown(name)}  ({count_text(count)})", name)
            chooser.setCurrentIndex(max(0, chooser.findData(kept)))
            chooser.parentWidget().setVisible(len(values) > 1)

    @Slot()
    def _filter_chosen(self) -> None:
        chosen = {key: chooser.currentData() for key, chooser in self._choosers.items()}
        self._finder.set_filters(
            replace(
                self._finder.ask.filters,
                drive=chosen["drive"],
                camera=chosen["camera"],
                marked=chosen["marked"] or "",
            )
        )

    # lists made by others -------------------------------------------------------------------

    def show_recent(self, recent: Sequence[tuple[str, ...]], current: Sequence[Path]) -> None:
        """List folders opened before, the open ones left out."""
        open_now = tuple(str(path) for path in current)
        rows: list[QWidget] = []
        for entry in recent:
            if entry != open_now:
                row = SideRow(folders_title([Path(part) for part in entry]), "", entry, self._theme)
                row.setCheckable(False)
                row.setToolTip(plain_tip("\n".join(entry)))
                row.chosen.connect(self.recent_chosen)
                rows.append(row)
        self._recent.show_rows(rows[:5])

    @Slot(object)
    def show_saved(self, saved: Sequence[Saved]) -> None:
        """List saved searches with how many frames match, or how many are new."""
        rows: list[QWidget] = []
        for entry in saved:
            value = "" if entry.matches is None else count_text(entry.matches)
            if entry.fresh:
                value = self.tr("+{0} new").format(count_text(entry.fresh))
            row = SideRow(entry.name, value, entry, self._theme)
            row.setCheckable(False)
            row.setToolTip(self.tr("Run this search again; Delete forgets it"))
            row.chosen.connect(self.scenario_chosen)
            row.removed.connect(self.scenario_removed)
            rows.append(row)
        self._scenarios.show_rows(rows)


def _facets(workspace: Any) -> dict[str, list[tuple[str, int]]]:
    """Read what can be filtered by; runs on a worker thread."""
    return {"drive": list(workspace.drives()), "camera": list(workspace.cameras())}


def _titled(title: str, chooser: QComboBox, theme: Theme) -> QWidget:
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(theme.px(8), 0, 0, 0)
    name: QLabel = plain_label(title)
    name.setMinimumWidth(theme.px(56))
    row.addWidget(name)
    row.addWidget(chooser, 1)
    return holder
