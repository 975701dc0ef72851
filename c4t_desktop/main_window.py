"""Places panels and menus, and joins their signals; decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QObject, QPoint, Qt, Signal, Slot
from PySide6.QtGui import QAction, QCloseEvent, QIcon, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QMainWindow, QMenu, QSplitter, QVBoxLayout, QWidget

from c4t_core import paths
from c4t_desktop import context
from c4t_desktop.context import Context
from c4t_desktop.gallery.preview import HoverPreview
from c4t_desktop.gallery.results_model import ResultsModel
from c4t_desktop.gallery.view import ResultsView
from c4t_desktop.panels.actions import FOLDER_MENU, HIT_MENU, MAIN_MENU, Actions
from c4t_desktop.panels.bars.model_chooser import ModelChooser
from c4t_desktop.panels.bars.sidebar import Sidebar
from c4t_desktop.panels.bars.status import StatusArea, folders_title
from c4t_desktop.panels.bars.top_bar import TopBar
from c4t_desktop.panels.commands import Commands, FolderCommands
from c4t_desktop.panels.details import DetailsPanel
from c4t_desktop.panels.results.empty_state import EmptyState
from c4t_desktop.panels.results.header import ResultsHeader
from c4t_desktop.panels.results.panel import ResultsPanel
from c4t_desktop.panels.results.viewer import Viewer
from c4t_desktop.panels.search.search_bar import SearchBar
from c4t_desktop.panels.selection import Selection

if TYPE_CHECKING:
    from c4t_core.models.protocol import ModelInfo


class MainWindow(QMainWindow):
    """The window.

    Attributes:
        desktop: who built it, and ends what runs; set once that is done.

    Signals:
        closing: it is about to close; what must end, ends now.
    """

    desktop: QObject
    closing = Signal()

    def __init__(self, context: Context) -> None:
        """Make the panels from what ``app.py`` built."""
        super().__init__()
        self.setWindowTitle("CLIP4Traffic")
        self.setWindowIcon(QIcon(str(paths.resource("icons", "app.svg"))))
        self.setObjectName("mainWindow")
        self.resize(1440, 860)
        self.setMinimumSize(640, 420)
        self._context = context
        theme, library, finder = context.theme, context.library, context.finder
        self.actions_by_name = Actions(self, theme)
        self.model = ResultsModel(self)
        self.view = ResultsView(self.model, context.cache, theme)
        self.commands = Commands(context, self)
        self.search = SearchBar(finder, context.cache, context.settings, theme)
        self.chooser = ModelChooser(theme)
        self.header = ResultsHeader(finder, context.settings, theme)
        self.viewer = Viewer(context.details, context.thumbnails, context.cache, theme)
        self.results = ResultsPanel(
            library, finder, self.header, self.view, self.viewer, EmptyState(theme),
            EmptyState(theme), context.settings, self.commands.offers(),
        )  # fmt: skip
        self.details = DetailsPanel(context.details, context.thumbnails, context.cache, theme)
        self.sidebar = Sidebar(library, finder, theme)
        self.status = StatusArea(library, self.actions_by_name["skippedAction"], theme)
        self.selection = Selection(self.view, self.results, finder, context.marks, self)
        self._folder_menu, self._main_menu = QMenu(self), QMenu(self)
        self._hit_menu = QMenu(self)
        self._fill(self._main_menu, MAIN_MENU)
        self._fill(self._hit_menu, HIT_MENU)
        self._fill(self._folder_menu, FOLDER_MENU)
        self._hide_what_is_missing()
        self.bar = TopBar(
            self.search, self.chooser, self.actions_by_name, self._folder_menu, self._main_menu,
            theme,
        )  # fmt: skip
        self._place()
        self.preview = HoverPreview(self.view, context.cache, context.settings, theme)
        self.folder_commands = FolderCommands(library, self.commands, self.sidebar, self)
        self._join_actions()
        self._join_panels()
        self.chooser.show_models((), library.model)
        self.search.field.setFocus()

    def _place(self) -> None:
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setChildrenCollapsible(False)
        for part in (self.sidebar, self.results, self.details):
            self.splitter.addWidget(part)
        px = self._context.theme.px
        self.splitter.setSizes([px(232), 10_000, px(344)])
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setHandleWidth(1)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addWidget(self.splitter, 1)
        column.addWidget(self.status)
        self.status.add_control(self.header.size_control)
        self.setCentralWidget(whole)
        settings = self._context.settings
        self.restoreGeometry(settings.recall_bytes("geometry"))
        self.splitter.restoreState(settings.recall_bytes("splitter"))
        for name in ("sidebarAction", "detailsAction"):
            action = self.actions_by_name[name]
            action.setChecked(settings.recall(name, default=True))
            action.toggled.connect(self._fit_panels)

    @Slot()
    def _fit_panels(self) -> None:
        """Show the side panels that are wanted and that there is room for."""
        px, open_now = self._context.theme.px, bool(self._context.library.folders)
        for name, panel, room in (
            ("sidebarAction", self.sidebar, 840),
            ("detailsAction", self.details, 1100),
        ):
            wanted = self.actions_by_name[name].isChecked()
            panel.setVisible(open_now and wanted and self.width() >= px(room))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102
        super().resizeEvent(event)
        self._fit_panels()

    def _fill(self, menu: QMenu, names: Sequence[str]) -> None:
        for name in names:
            if name:
                menu.addAction(self.actions_by_name[name])
            else:
                menu.addSeparator()

    def _hide_what_is_missing(self) -> None:
        for name in context.MODULES:
            self.actions_by_name[f"{name}Action"].setVisible(context.available(name))
        self.actions_by_name["skippedAction"].setVisible(False)
        self.actions_by_name["openSampleAction"].setVisible(
            self.commands.sample_folder() is not None
        )

    def _join_actions(self) -> None:
        commands, selection, search = self.commands, self.selection, self.search
        acts = {
            "openFolder": commands.choose_folder, "addFolder": commands.add_folder,
            "openSample": commands.open_sample, "closeFolder": commands.close_folders,
            "index": commands.index, "skipped": commands.show_skipped,
            "export": commands.export, "quit": self.close,
            "find": search.focus_all, "pasteImage": search.paste_image,
            "searchWithin": search.search_within, "saveSearch": commands.save_search,
            "copyPaths": selection.copy_paths,
            "openFile": selection.open_file, "reveal": selection.reveal,
            "moreLikeThis": selection.more_like_this, "markRight": selection.mark_right,
            "markWrong": selection.mark_wrong, "unfold": self.results.unfold_current,
            "compare": commands.compare, "evaluate": commands.evaluate,
            "train": commands.train, "models": commands.manage_models,
            "settings": commands.show_settings, "shortcuts": commands.show_shortcuts,
            "about": commands.show_about,
        }  # fmt: skip
        for name, act in acts.items():
            self.actions_by_name[f"{name}Action"].triggered.connect(act)

    def _join_panels(self) -> None:
        commands, library, selection = self.commands, self._context.library, self.selection
        self.chooser.chosen.connect(library.use_model)
        self.chooser.refused.connect(commands.refuse_model)
        library.models_listed.connect(self._models_listed)
        library.opening.connect(self._opening)
        commands.folder_opened.connect(self._folder_opened)
        commands.said.connect(self.status.say)
        commands.panel_made.connect(self.results.show_panel)
        self.status.index_wanted.connect(commands.index)
        self.sidebar.recent_chosen.connect(commands.open_recent)
        self.results.example_chosen.connect(self._ask_example)
        self.results.dropped.connect(commands.open_dropped)
        self.search.left_down.connect(self.view.setFocus)
        self.results.current_changed.connect(selection.show_details_in(self.details))
        self.view.customContextMenuRequested.connect(self._hit_menu_at)
        selection.copy_wanted.connect(commands.copy_paths)
        selection.open_wanted.connect(commands.open_file)
        selection.reveal_wanted.connect(commands.reveal)
        selection.like_wanted.connect(self.search.like)
        self.search.save_wanted.connect(commands.save_search)
        self.sidebar.scenario_chosen.connect(commands.run_saved)
        self.sidebar.scenario_removed.connect(commands.forget_saved)
        commands.question_wanted.connect(self.search.show_question)
        self._context.marks.saved_changed.connect(self.sidebar.show_saved)
        self._context.marks.failed.connect(commands.tell)
        self.actions_by_name["refineAction"].toggled.connect(self._context.finder.set_refine)
        self._context.theme.changed.connect(self.actions_by_name.restyle)

    # joints ---------------------------------------------------------------------------------

    @Slot(object)
    def _models_listed(self, infos: Sequence[ModelInfo]) -> None:
        self.chooser.show_models(infos, self._context.library.model)

    @Slot(object, str)
    def _opening(self, folders: tuple[Path, ...], model: str) -> None:
        self.chooser.set_current(model)
        self._folder_opened(folders)

    @Slot(object)
    def _folder_opened(self, folders: Sequence[Path]) -> None:
        self.bar.show_folder(folders_title(folders))
        self._fit_panels()
        self.sidebar.show_recent(self._context.settings.recent(), folders)

    @Slot(str)
    def _ask_example(self, text: str) -> None:
        self.search.field.setText(text)
        self.search.field.setFocus()

    @Slot(object)
    def _hit_menu_at(self, spot: QPoint) -> None:
        if self.view.indexAt(spot).isValid():
            self._hit_menu.popup(self.view.viewport().mapToGlobal(spot))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802, D102
        if event.key() == Qt.Key.Key_Escape:
            self.results.close_frame() if self.results.shows_frame else self.search.clear()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802, D102
        settings = self._context.settings
        settings.remember_bytes("geometry", self.saveGeometry())
        settings.remember_bytes("splitter", QByteArray(self.splitter.saveState()))
        for name in ("sidebarAction", "detailsAction"):
            settings.remember(name, self.actions_by_name[name].isChecked())
        self.closing.emit()
        event.accept()

    def action(self, name: str) -> QAction:
        """Return an action by its object name."""
        return self.actions_by_name[name]
