"""On the left: folders with their counts, scenarios, filters, folders opened before."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Signal, SignalInstance, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QFrame, QMenu, QPushButton, QScrollArea, QWidget

from c4t_core.addresses import as_path
from c4t_core.images.frame_names import natural_key
from c4t_core.index.objects import ObjectCondition
from c4t_core.index.query import NO_FILTERS
from c4t_desktop.gallery.results_model import plain_tip, shown
from c4t_desktop.messages import count_text
from c4t_desktop.panels.bars.choosers import Chooser, DateRange
from c4t_desktop.panels.bars.scenarios import ScenarioSection
from c4t_desktop.panels.bars.status import folder_name, folders_title
from c4t_desktop.panels.bars.widgets import ObjectRow, Section, SideRow, flat_chooser, titled
from c4t_desktop.panels.parts import column, named, popup
from c4t_desktop.panels.tagging import TagSection
from c4t_desktop.services.details import TagBook
from c4t_desktop.services.finder import Finder
from c4t_desktop.services.library import COUNT_SHARE, Library, Opened
from c4t_desktop.services.question import Question
from c4t_desktop.services.workspace import WorkspaceLike
from c4t_desktop.theme import Theme

if TYPE_CHECKING:
    from c4t_core.workspace import FolderStatus, WorkspaceStatus


class FilterSection(Section):
    """Choosers for what there is to choose from; the rest stays out of sight.

    Signals:
        cleared: the user took all filters away.
    """

    cleared = Signal()

    def __init__(self, title: str, library: Library, finder: Finder, theme: Theme) -> None:
        """Show nothing until folders are open."""
        super().__init__(title, theme)
        self._library = library
        self._finder = finder
        self._shown: dict[str, list[tuple[str, int]]] = {}
        self._looked = self._look_took = 0.0
        self._counts: Sequence[tuple[Path, int]] = ()
        self._drives = Chooser("driveFilter", self.tr("Drive"), theme)
        self._tree = Chooser("folderFilter", self.tr("Folder"), theme, tree=True)
        self._days = DateRange(theme)
        self._choosers = {
            "camera": self._chooser("camera", self.tr("Camera")),
            "marked": self._chooser("marked", self.tr("Marked")),
        }
        parts = (self._drives, self._tree, *self._choosers.values())
        rows: list[QWidget] = [titled(part.accessibleName(), part, theme) for part in parts]
        rows.insert(2, self._days)
        self._drives.chosen.connect(self._drives_chosen)
        self._tree.chosen.connect(self._folders_chosen)
        self._tree.opened.connect(self._offer_folders)
        self._tree.below_wanted.connect(self._look_below)
        self._days.chosen.connect(self._days_chosen)
        for text, value in (
            (self.tr("right"), "right"),
            (self.tr("wrong"), "wrong"),
            (self.tr("right or wrong"), "any"),
        ):
            self._choosers["marked"].addItem(text, value)
        self._among = SideRow("", "×", None, theme)
        self._among.setObjectName("amongFilter")
        self._among.setToolTip(self.tr("Search in all frames again"))
        self._among.chosen.connect(self._leave_among)
        self._among.removed.connect(self._leave_among)
        self._clear = SideRow(self.tr("Clear filters"), "", None, theme)
        self._clear.setObjectName("clearFilters")
        self._clear.setCheckable(False)
        self._clear.chosen.connect(self.clear)
        self._objects = ObjectRow(theme)
        self._objects.added.connect(self._add_condition)
        self.show_rows([self._among, *rows, self._objects, self._clear])
        self.hide()
        finder.filters_changed.connect(self._show)
        self._show(finder.question)

    def _chooser(self, key: str, name: str) -> QComboBox:
        chooser = flat_chooser(f"{key}Filter", name)
        chooser.addItem(self.tr("any"), None)
        chooser.activated.connect(self._chosen)
        return chooser

    def look(self) -> None:
        """Ask what there is to choose from; while the index grows, not more often than is cheap."""
        soon = time.monotonic() - self._looked < COUNT_SHARE * self._look_took
        if not (soon and self._library.is_indexing):
            self._looked = time.monotonic()
            self._library.look(_facets, key="facets", done=self._show_facets)

    def _show_facets(self, found: tuple[dict[str, list[tuple[str, int]]], float]) -> None:
        facets, self._look_took = found
        self.show()
        drives, days = facets["drive"], [day for day, _ in facets["day"]]
        self._drives.offer([(name, name, count) for name, count in drives])
        for part in (self._drives, self._tree):
            _line_of(part).setVisible(len(drives) > 1)
        if days:
            self._days.offer(days)
        self._days.setVisible(len(days) > 1)
        chooser, cameras = self._choosers["camera"], facets["camera"]
        if not chooser.view().isVisible() and self._shown.get("camera") != cameras:
            self._shown["camera"] = cameras  # while the user is choosing, the next count does it
            chooser.clear()
            chooser.addItem(self.tr("any"), None)
            for name, count in cameras:
                chooser.addItem(f"{shown(name)}  ({count_text(count)})", name)
            _line_of(chooser).setVisible(len(cameras) > 1)
        self._show(self._finder.question)

    @Slot()
    def _chosen(self) -> None:
        camera, marked = (chooser.currentData() for chooser in self._choosers.values())
        now = self._finder.question.filters
        several = now.cameras if len(now.cameras) > 1 else ()  # of a saved search: not shown here
        cameras = (str(camera),) if camera else several
        self._finder.set_filters(replace(now, cameras=cameras), marked or "")

    @Slot(object)
    def _drives_chosen(self, drives: tuple[str, ...]) -> None:
        self._finder.set_filters(replace(self._finder.question.filters, drives=drives))

    @Slot(object)
    def _folders_chosen(self, folders: tuple[str, ...]) -> None:
        self._finder.set_filters(replace(self._finder.question.filters, within=folders))

    @Slot(object, object)
    def _days_chosen(self, since: float | None, until: float | None) -> None:
        filters = replace(self._finder.question.filters, since=since, until=until)
        self._finder.set_filters(filters)

    @Slot()
    def _offer_folders(self) -> None:
        """List the opened folders, or what is in the only one."""
        folders = self._library.folders
        if len(folders) == 1:
            self._look_below(str(folders[0]))
        elif self._counts:
            named = [(str(path), folder_name(path), count) for path, count in self._counts]
            self._tree.offer(named)

    @Slot(str)
    def _look_below(self, folder: str) -> None:
        """List the folders in one, with what lies in and below each."""

        def done(found: list[tuple[str, int]]) -> None:
            values = [(str(Path(folder) / name), name, count) for name, count in found]
            if [folder] == [str(path) for path in self._library.folders]:
                self._tree.offer(values)
            else:
                self._tree.offer_below(folder, values)

        self._library.look(
            lambda workspace: workspace.groups("folder", Path(folder)),
            key=f"below {folder}",
            done=done,
        )

    def show_counts(self, counts: Sequence[tuple[Path, int]]) -> None:
        """Note how many frames the opened folders have."""
        self._counts = counts

    def show_classes(self, known: Sequence[str]) -> None:
        """Offer the classes of objects that something is known of."""
        self._objects.show_classes(known)

    @Slot(object)
    def _add_condition(self, condition: ObjectCondition) -> None:
        self._finder.set_filters(self._finder.question.filters.asking([condition]))

    @Slot(object)
    def _show(self, question: Question) -> None:
        """Show what is restricted, whoever restricted it."""
        filters = question.filters
        self._drives.show_chosen(filters.drives)
        self._tree.show_chosen([str(folder) for folder in filters.within])
        self._days.show_filters(filters)
        wanted = {
            "camera": next(iter(filters.cameras), None) if len(filters.cameras) == 1 else None,
            "marked": question.marked or None,
        }
        for key, value in wanted.items():
            chooser = self._choosers[key]
            chooser.setCurrentIndex(max(0, chooser.findData(value)))
        self._among.setVisible(filters.only is not None)
        self._among.setChecked(filters.only is not None)
        if filters.only is not None:
            self._among.set_name(self.tr("within “{0}”").format(question.hits_of))
            count = count_text(len(filters.only))
            tip = self.tr("Searches {0} hits of an earlier query only; press to search all again.")
            self._among.setToolTip(plain_tip(tip.format(count)))
        self._clear.setVisible(question.restricted)

    @Slot()
    def _leave_among(self) -> None:
        self._finder.set_filters(replace(self._finder.question.filters, only=None))

    @Slot()
    def clear(self) -> None:
        """Restrict nothing."""
        self._finder.clear_filters()
        self.cleared.emit()


def _line_of(chooser: QWidget) -> QWidget:
    holder = chooser.parentWidget()
    assert holder is not None  # titled gave it one
    return holder


def _facets(workspace: WorkspaceLike) -> tuple[dict[str, list[tuple[str, int]]], float]:
    """Read what can be filtered by, and how many seconds that took; runs on a worker thread."""
    begun = time.monotonic()
    facets = {
        "drive": list(workspace.drives()),
        "camera": list(workspace.groups("camera")),
        "day": list(workspace.groups("day")),
    }
    return facets, time.monotonic() - begun


class Sidebar(QScrollArea):
    """Folders, scenarios, filters.

    Attributes:
        scenarios: the list of saved searches.

    Signals:
        recent_chosen: a set of folders opened before (tuple of str).
        recent_removed: it is to be forgotten that they were (tuple of str).
        add_folder: another folder is wanted beside the open ones.
        folder_removed: a folder is to be closed (Path).
        folder_reveal: a folder is to be shown in the file manager (Path).
        folder_moved: a folder lies elsewhere now (Path).
        folder_forgotten: the index of a folder is to be dropped (Path).
    """

    recent_chosen = Signal(object)
    recent_removed = Signal(object)
    add_folder = Signal()
    folder_removed = Signal(object)
    folder_reveal = Signal(object)
    folder_moved = Signal(object)
    folder_forgotten = Signal(object)

    def __init__(self, library: Library, finder: Finder, tags: TagBook, theme: Theme) -> None:
        """Show nothing yet."""
        super().__init__()
        self._library = library
        self._finder = finder
        self._theme = theme
        self._filtered: tuple[Path, ...] = ()
        self._listed: list[Path] = []
        self._tables: dict[Path, Path] = {}  # folders of tables, and the table of each
        named(self, "sidePanel", self.tr("Folders and filters"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._fit()
        self._folders = Section(self.tr("FOLDERS"), theme)
        self.scenarios = ScenarioSection(self.tr("SCENARIOS"), theme)
        self._filters = FilterSection(self.tr("FILTER"), library, finder, theme)
        self._tags = TagSection(self.tr("TAGS"), tags, finder, theme)
        self._recent = Section(self.tr("OPENED BEFORE"), theme)
        content = named(QWidget(), "", kind="page")
        column(
            theme, self._folders, self.scenarios, self._filters, self._tags, self._recent, None,
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
        self.setMinimumWidth(self._theme.px(204))

    # folders --------------------------------------------------------------------------------

    @Slot(object)
    def _opened(self, opened: Opened) -> None:
        self._status(opened.status)
        if self._filtered != opened.folders:  # another model searches with the same filters
            self._filtered = opened.folders
            objects = self._finder.question.filters.objects  # asked as the words are
            self._finder.set_filters(replace(NO_FILTERS, objects=objects), marked="")

    @Slot()
    def _closed(self) -> None:
        self._listed = []
        self._folders.show_rows([])
        self._filters.hide()

    @Slot(object)
    def _status(self, status: WorkspaceStatus) -> None:
        folders = sorted(status.folders, key=lambda entry: natural_key(str(entry.folder)))
        self._filters.show_classes(status.objects)
        self._filters.show_counts([(Path(entry.folder), entry.total) for entry in folders])
        if self._listed == [entry.folder for entry in folders]:
            self._recount(status)
            return
        self._listed = [entry.folder for entry in folders]
        self._tables = {Path(f.folder): as_path(f.shared) for f in folders if f.shared}
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
            row.removed.connect(self._removed)
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
        return self.tr("offline") if 0 < entry.total <= entry.offline else count_text(entry.total)

    def _folder_row(self, name: str, value: str, path: Path | None) -> SideRow:
        row = SideRow(name, value, path, self._theme)
        row.chosen.connect(self._folder_chosen)
        return row

    @Slot(object)
    def _folder_chosen(self, path: Path | None) -> None:
        within = () if path is None or len(self._listed) == 1 else (str(path),)
        self._finder.set_filters(replace(self._finder.question.filters, within=within))
        self._filters_changed(self._finder.question)  # a click on the chosen row unchecks it

    @Slot(object)
    def _filters_changed(self, question: Question) -> None:
        """Show which folder the hits are restricted to, whoever restricted them."""
        for row in self._folders.rows:
            if isinstance(row, SideRow):
                alone = len(self._listed) == 1
                chosen = not question.filters.within if row.stands_for is None else alone
                row.setChecked(chosen or str(row.stands_for) in question.filters.within)

    @Slot(object)
    def _removed(self, folder: Path) -> None:
        """Have a folder closed; one of a table goes with the table."""
        self.folder_removed.emit(self._tables.get(folder, folder))

    @Slot(object, object)
    def _folder_menu(self, where: QPoint, folder: Path | None) -> None:
        """Offer what can be done with a folder."""
        if folder is None:
            return
        table = self._tables.get(folder)
        if table is not None:
            self._row_menu(
                where,
                table,
                (
                    (self.tr("Close this table"), self.folder_removed),
                    (self.tr("Forget what was read of it"), self.folder_forgotten),
                ),
            )
            return
        self._row_menu(
            where,
            folder,
            (
                (self.tr("Show in the file manager"), self.folder_reveal),
                (self.tr("It has moved…"), self.folder_moved),
                (self.tr("Close this folder"), self.folder_removed),
                (self.tr("Forget its index"), self.folder_forgotten),
            ),
        )

    @Slot(object, object)
    def _recent_menu(self, where: QPoint, entry: tuple[str, ...]) -> None:
        """Offer what can be done with folders that were opened before."""
        take_off = (self.tr("Take off this list"), self.recent_removed)
        self._row_menu(where, entry, ((self.tr("Open"), self.recent_chosen), take_off))

    def _row_menu(
        self, where: QPoint, about: object, offers: Sequence[tuple[str, SignalInstance]]
    ) -> None:
        """Open a menu of what can be done with what a row stands for."""
        menu = QMenu(self)
        menu.setObjectName("folderRowMenu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for text, signal in offers:
            menu.addAction(text).setData((signal, about))
        menu.triggered.connect(self._row_act)
        row = self.sender()
        popup(menu, where, row if isinstance(row, QWidget) else self)

    @Slot(object)
    def _row_act(self, action: QAction) -> None:
        signal, about = action.data()
        signal.emit(about)

    # lists made by others -------------------------------------------------------------------

    def show_recent(self, recent: Sequence[tuple[str, ...]], current: Sequence[Path]) -> None:
        """List folders opened before, without what is open."""
        open_now = {str(path) for path in current}
        rows: list[QWidget] = []
        for entry in recent:
            if not open_now.issuperset(entry):
                row = SideRow(folders_title([Path(part) for part in entry]), "", entry, self._theme)
                row.setCheckable(False)
                paths = "\n".join(entry)
                row.setToolTip(plain_tip(f"{paths}\n{self.tr('Delete takes it off the list.')}"))
                row.chosen.connect(self.recent_chosen)
                row.removed.connect(self.recent_removed)
                row.menu_wanted.connect(self._recent_menu)
                rows.append(row)
        self._recent.show_rows(rows[:5])
