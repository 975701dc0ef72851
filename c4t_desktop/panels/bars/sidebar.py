"""On the left: folders with their counts, scenarios, filters, folders opened before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QMenu, QPushButton, QScrollArea, QWidget

from c4t_desktop.gallery.results_model import plain_tip
from c4t_desktop.messages import count_text
from c4t_desktop.panels.bars.filters import FilterSection
from c4t_desktop.panels.bars.status import folder_name, folders_title
from c4t_desktop.panels.bars.widgets import Section, SideRow
from c4t_desktop.panels.parts import column, named
from c4t_desktop.services.finder import Finder
from c4t_desktop.services.library import Library, Opened
from c4t_desktop.services.marks import Saved
from c4t_desktop.services.question import Question
from c4t_desktop.theme import Theme

if TYPE_CHECKING:
    from c4t_core.workspace import FolderStatus, WorkspaceStatus


class Sidebar(QScrollArea):
    """Folders, scenarios, filters.

    Signals:
        recent_chosen: a set of folders opened before (tuple of str).
        scenario_chosen: a saved search is to be run again (Saved).
        scenario_removed: a saved search is to be forgotten (Saved).
        add_folder: another folder is wanted beside the open ones.
        folder_removed: a folder is to be closed (Path).
        folder_reveal: a folder is to be shown in the file manager (Path).
        folder_moved: a folder lies elsewhere now (Path).
        folder_forgotten: the index of a folder is to be dropped (Path).
    """

    recent_chosen = Signal(object)
    scenario_chosen = Signal(object)
    scenario_removed = Signal(object)
    add_folder = Signal()
    folder_removed = Signal(object)
    folder_reveal = Signal(object)
    folder_moved = Signal(object)
    folder_forgotten = Signal(object)

    def __init__(self, library: Library, finder: Finder, theme: Theme) -> None:
        """Show nothing yet."""
        super().__init__()
        self._library = library
        self._finder = finder
        self._theme = theme
        self._filtered: tuple[Path, ...] = ()
        self._listed: list[Path] = []
        named(self, "sidePanel", self.tr("Folders and filters"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._fit()
        self._folders = Section(self.tr("FOLDERS"), theme)
        self._scenarios = Section(self.tr("SCENARIOS"), theme)
        self._filters = FilterSection(self.tr("FILTER"), library, finder, theme)
        self._recent = Section(self.tr("OPENED BEFORE"), theme)
        content = named(QWidget(), "", kind="page")
        column(
            theme, self._folders, self._scenarios, self._filters, self._recent, None,
            margins=(12, 16, 12, 12), gap=0, parent=content,
        )  # fmt: skip
        self.setWidget(content)
        library.opened.connect(self._opened)
        library.status_changed.connect(self._status)
        library.closed.connect(self._closed)
        library.open_failed.connect(self._closed)
        finder.filters_changed.connect(self._filters_changed)
        theme.changed.connect(self._fit)

    @Slot()
    def _fit(self) -> None:
        """Keep room for the rows at this size of text."""
        self.setMinimumWidth(self._theme.px(190))

    # folders --------------------------------------------------------------------------------

    @Slot(object)
    def _opened(self, opened: Opened) -> None:
        self._status(opened.status)
        if self._filtered != opened.folders:  # another model searches with the same filters
            self._filtered = opened.folders
            self._finder.clear_filters()

    @Slot()
    def _closed(self) -> None:
        self._listed = []
        self._folders.show_rows([])
        self._filters.hide()

    @Slot(object)
    def _status(self, status: WorkspaceStatus) -> None:
        folders = status.folders
        if self._listed == [entry.folder for entry in folders]:
            self._recount(status)
            return
        self._listed = [entry.folder for entry in folders]
        rows: list[QWidget] = []
        chosen = self._finder.question.filters.within
        if len(folders) != 1:
            every = self._folder_row(self.tr("All frames"), count_text(status.total), None)
            every.setChecked(not chosen)
            rows.append(every)
        for entry in folders:
            path = Path(entry.folder)
            row = self._folder_row(folder_name(path), self._value(entry), path)
            row.setToolTip(plain_tip(str(path)))
            row.setChecked(str(path) in chosen or len(folders) == 1)
            row.removed.connect(self.folder_removed)
            row.menu_wanted.connect(self._folder_menu)
            rows.append(row)
        more = named(QPushButton(self.tr("Add a folder…")), "addFolderButton", kind="row")
        self._theme.dress(more, "plus", "muted")
        more.clicked.connect(self.add_folder)
        rows.append(more)
        self._folders.show_rows(rows)
        self._filters.look()

    def _recount(self, status: WorkspaceStatus) -> None:
        """Show other counts in the rows that are there: one of them may have the focus."""
        values: dict[object, str] = {None: count_text(status.total)}
        values |= {Path(entry.folder): self._value(entry) for entry in status.folders}
        for row in self._folders.rows:
            if isinstance(row, SideRow):
                row.set_value(values[row.stands_for])
        self._filters.look()

    def _value(self, entry: FolderStatus) -> str:
        return self.tr("offline") if entry.offline else count_text(entry.total)

    def _folder_row(self, name: str, value: str, path: Path | None) -> SideRow:
        row = SideRow(name, value, path, self._theme)
        row.chosen.connect(self._folder_chosen)
        return row

    @Slot(object)
    def _folder_chosen(self, path: Path | None) -> None:
        within = () if path is None or len(self._library.folders) == 1 else (str(path),)
        self._finder.set_filters(replace(self._finder.question.filters, within=within))
        self._filters_changed(self._finder.question)  # a click on the chosen row unchecks it

    @Slot(object)
    def _filters_changed(self, question: Question) -> None:
        """Show which folder the hits are restricted to, whoever restricted them."""
        for row in self._folders.rows:
            if isinstance(row, SideRow):
                alone = len(self._library.folders) == 1
                chosen = not question.filters.within if row.stands_for is None else alone
                row.setChecked(chosen or str(row.stands_for) in question.filters.within)

    @Slot(object, object)
    def _folder_menu(self, where: QPoint, folder: Path | None) -> None:
        """Offer what can be done with a folder."""
        if folder is None:
            return
        menu = QMenu(self)
        menu.setObjectName("folderRowMenu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for text, signal in (
            (self.tr("Show in the file manager"), self.folder_reveal),
            (self.tr("It has moved…"), self.folder_moved),
            (self.tr("Close this folder"), self.folder_removed),
            (self.tr("Forget its index…"), self.folder_forgotten),
        ):
            action = menu.addAction(text)
            action.setData((signal, folder))
        menu.triggered.connect(self._folder_act)
        menu.popup(where)

    @Slot(object)
    def _folder_act(self, action: QAction) -> None:
        signal, folder = action.data()
        signal.emit(folder)

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
