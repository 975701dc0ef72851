"""Places panels and menus, and joins their signals; decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QObject, QPoint, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QCloseEvent, QIcon, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QMenu, QSplitter, QVBoxLayout, QWidget

from c4t_core import paths
from c4t_desktop.context import Context
from c4t_desktop.gallery.preview import HoverPreview
from c4t_desktop.gallery.results_model import ResultsModel
from c4t_desktop.gallery.view import ResultsView
from c4t_desktop.panels.actions import FOLDER_MENU, HIT_MENU, MAIN_MENU, Actions
from c4t_desktop.panels.bars.sidebar import Sidebar
from c4t_desktop.panels.bars.status import StatusArea, folders_title
from c4t_desktop.panels.bars.top_bar import ModelChooser, TopBar
from c4t_desktop.panels.commands import FolderCommands, HelpCommands, HitCommands
from c4t_desktop.panels.details import DetailsPanel
from c4t_desktop.panels.dropping import FolderDrops
from c4t_desktop.panels.further import FurtherPanels
from c4t_desktop.panels.parts import fit_screen, popup
from c4t_desktop.panels.results import empty_state
from c4t_desktop.panels.results.header import ResultsHeader
from c4t_desktop.panels.results.panel import ResultsPanel
from c4t_desktop.panels.results.viewer import Viewer
from c4t_desktop.panels.search_bar import SearchBar
from c4t_desktop.panels.selection import Selection
from c4t_desktop.services.question import Question
from c4t_desktop.settings import DRIVE_CAPTIONS, WHOLE_PICTURES

if TYPE_CHECKING:
    from c4t_core.models.protocol import ModelInfo


_LOOKS = {"wholeAction": WHOLE_PICTURES, "datedAction": DRIVE_CAPTIONS}  # of the cards


class MainWindow(QMainWindow):
    """The window.

    Attributes:
        desktop: who built it, and ends what runs.

    Signals:
        closing: it is about to close; what must end, ends now.
    """

    closing = Signal()

    def __init__(self, context: Context, desktop: QObject) -> None:
        """Make the panels from what ``app.py`` built."""
        super().__init__()
        self.desktop = desktop
        self.setWindowTitle("CLIP4Traffic")
        self.setWindowIcon(QIcon(str(paths.resource("icons", "app.svg"))))
        self.setObjectName("mainWindow")
        self.setMinimumSize(640, 420)
        fit_screen(self, QSize(1440, 860))
        self._context = context
        theme, library, finder = context.theme, context.library, context.finder
        self.actions_by_name = Actions(self, theme)
        self.model = ResultsModel(self, finder.rows)
        self.view = ResultsView(self.model, context.cache, theme)
        self.folder_commands = FolderCommands(context, self)
        self.hit_commands = HitCommands(context, self)
        self.help_commands = HelpCommands(context, self)
        self.further = FurtherPanels(context, self.view, self)
        self.search = SearchBar(finder, context.cache, context.settings, theme)
        self.chooser = ModelChooser(theme)
        self.header = ResultsHeader(finder, context.settings, theme)
        self.viewer = Viewer(context)
        self.results = ResultsPanel(context, self.header, self.view, self.viewer, self._offers())
        self.details = DetailsPanel(context)
        self.sidebar = Sidebar(library, finder, context.tags, theme)
        self.status = StatusArea(library, self.actions_by_name["skippedAction"], theme)
        self.selection = Selection(self.view, self.results, context, self)
        self._folder_menu, self._main_menu = QMenu(self), QMenu(self)
        self._hit_menu = QMenu(self)
        self._fill(self._main_menu, MAIN_MENU)
        self._fill(self._hit_menu, HIT_MENU)
        self._fill(self._folder_menu, FOLDER_MENU)
        self.actions_by_name["skippedAction"].setVisible(False)
        sample = self.folder_commands.sample_folder()
        self.actions_by_name["openSampleAction"].setVisible(sample is not None)
        self.bar = TopBar(
            self.search, self.chooser, self.actions_by_name, self._folder_menu, self._main_menu,
            theme,
        )  # fmt: skip
        self._unfold = QTimer(self)
        self._unfold.setSingleShot(True)
        self._unfold.timeout.connect(self._show_details)
        self._place()
        self.drops = FolderDrops(self, self.splitter, self.sidebar)
        self.preview = HoverPreview(self.view, self.details, context.cache, context.settings, theme)
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
        settings.changed.connect(self._show_look)
        self._show_look()
        for name in _LOOKS:
            self.actions_by_name[name].triggered.connect(self._look_chosen)

    @Slot()
    def _show_look(self) -> None:
        """Have the cards look as the settings say."""
        whole, dated = map(self._context.settings.value, _LOOKS.values())
        for name, chosen in zip(_LOOKS, (whole, dated), strict=True):
            self.actions_by_name[name].setChecked(chosen)
        self.view.set_look(whole=whole, dated=dated)

    @Slot()
    def _look_chosen(self) -> None:
        for name, setting in _LOOKS.items():
            self._context.settings.set(setting, self.actions_by_name[name].isChecked())

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
        if self.details.path is None:
            self.details.hide()

    @Slot(bool)
    def _details_filled(self, filled: bool) -> None:
        """Let the details come with the first frame that is chosen, and go with the last.

        After a click they come once it cannot be half of a double click any more: the cards move.
        """
        if filled and QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            self._unfold.start(QApplication.doubleClickInterval())
        else:
            self._show_details()

    @Slot()
    def _show_details(self) -> None:
        self._unfold.stop()
        self._fit_panels()
        self.view.keep_in_sight()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Hide side panels that there is no room for."""
        super().resizeEvent(event)
        self._fit_panels()

    def _fill(self, menu: QMenu, names: Sequence[str]) -> None:
        for name in names:
            if name:
                menu.addAction(self.actions_by_name[name])
            else:
                menu.addSeparator()

    def _offers(self) -> empty_state.Offers:
        folders, library = self.folder_commands, self._context.library
        return empty_state.Offers(
            choose_folder=folders.choose_folder,
            open_sample=folders.open_sample if folders.sample_folder() is not None else None,
            open_recent=folders.open_folders,
            index=folders.index,
            update_objects=folders.update_objects,
            show_skipped=folders.show_skipped,
            use_shipped_model=lambda: library.use_model("c4t"),
            copy=self.hit_commands.copy_text,
        )

    def _join_actions(self) -> None:
        folders, hits, help_ = self.folder_commands, self.hit_commands, self.help_commands
        folders.offer_faster(self.actions_by_name["reindexAction"])
        folders.name_index(self.actions_by_name["indexAction"])
        further, selection, search = self.further, self.selection, self.search
        acts = {
            "openFolder": folders.choose_folder, "openAddress": folders.open_address,
            "addFolder": folders.add_folder,
            "openSample": folders.open_sample, "closeFolder": folders.close_folders,
            "index": folders.index, "reindex": folders.reindex,
            "skipped": folders.show_skipped,
            "export": further.export, "quit": self.close,
            "find": search.focus_all, "pasteImage": search.paste_image,
            "searchWithin": search.search_within, "saveSearch": hits.save_search,
            "copyPaths": selection.copy_paths,
            "openFile": selection.open_file, "reveal": selection.reveal,
            "clearMarks": self._context.marks.clear_marks,
            "undo": hits.undo, "redo": hits.redo,
            "moreLikeThis": selection.more_like_this, "markRight": selection.mark_right,
            "markWrong": selection.mark_wrong, "tag": selection.tag,
            "unfold": self.results.unfold_current,
            "compare": further.compare, "evaluate": further.evaluate,
            "train": further.train, "models": further.manage_models,
            "settings": help_.show_settings, "shortcuts": help_.show_shortcuts,
            "about": help_.show_about,
        }  # fmt: skip
        for name, act in acts.items():
            self.actions_by_name[f"{name}Action"].triggered.connect(act)

    def _join_panels(self) -> None:
        library, marks, selection = self._context.library, self._context.marks, self.selection
        self.chooser.chosen.connect(library.use_model)
        self.chooser.refused.connect(self.further.explain_model)
        library.models_listed.connect(self._models_listed)
        library.opening.connect(self._opening)
        told = (self.folder_commands, self.hit_commands, self.help_commands, self.further)
        for commands in told:
            commands.message.connect(self.status.say)
        self.further.panel_made.connect(self.results.show_panel)
        self.further.hit_chosen.connect(selection.show_hit)
        self.closing.connect(self.further.end)
        self.results.example_chosen.connect(self._ask_example)
        self.search.results_wanted.connect(self.view.setFocus)
        self.results.current_changed.connect(selection.show_details_in(self.details, self.viewer))
        self.details.filled.connect(self._details_filled)
        self.view.customContextMenuRequested.connect(self._hit_menu_at)
        marks.saved_changed.connect(self.sidebar.scenarios.show_saved)
        marks.failed.connect(self.help_commands.tell)
        marks.repaired.connect(self.help_commands.tell_repair)
        self._context.runner.crashed.connect(self.help_commands.tell)
        self.actions_by_name["refineAction"].toggled.connect(self._context.finder.set_refine)
        self._context.finder.filters_changed.connect(self._show_refined)
        self._context.theme.changed.connect(self.actions_by_name.restyle)
        self._join_undo()
        self._join_folders()
        self._join_hits()

    def _join_undo(self) -> None:
        undo, status, hits = self._context.undo, self.status, self.hit_commands
        hits.offer_undo(self.actions_by_name["undoAction"], self.actions_by_name["redoAction"])
        undo.offered.connect(status.offer_undo)
        undo.withdrawn.connect(status.withdraw)
        status.undo_wanted.connect(hits.undo)
        self.search.cleared.connect(hits.note_cleared)
        marks = self._context.marks
        marks.working.connect(status.show_edit)
        marks.worked.connect(status.end_edit)
        marks.stopped.connect(status.tell_stopped)
        status.stop_wanted.connect(marks.stop)

    def _join_folders(self) -> None:
        folders, sidebar = self.folder_commands, self.sidebar
        folders.folder_opened.connect(self._folder_opened)
        self.status.index_wanted.connect(folders.index)
        self.status.switch_wanted.connect(folders.switch)
        self.header.update_wanted.connect(folders.update_objects)
        self.header.look_wanted.connect(folders.index)
        library = self._context.library
        library.status_changed.connect(self.header.show_status)
        library.opened.connect(self.header.show_opened)
        self.drops.opened.connect(folders.open_folders)
        self.drops.added.connect(folders.open_beside)
        self.drops.refused.connect(self.status.say)
        sidebar.recent_chosen.connect(folders.open_folders)
        sidebar.recent_removed.connect(self._forget_recent)
        sidebar.add_folder.connect(folders.add_folder)
        sidebar.folder_removed.connect(folders.remove_folder)
        sidebar.folder_reveal.connect(folders.reveal)
        sidebar.folder_moved.connect(folders.relocate)
        sidebar.folder_forgotten.connect(folders.forget)

    def _join_hits(self) -> None:
        hits, selection, search = self.hit_commands, self.selection, self.search
        selection.message.connect(self.status.say)
        self.view.refused.connect(self.status.say)
        selection.copy_wanted.connect(hits.copy_paths)
        selection.open_wanted.connect(hits.open_file)
        selection.reveal_wanted.connect(hits.reveal)
        selection.like_wanted.connect(search.like)
        search.save_wanted.connect(hits.save_search)
        scenarios, marks = self.sidebar.scenarios, self._context.marks
        scenarios.chosen.connect(hits.run_saved)
        scenarios.renamed.connect(hits.rename_saved)
        scenarios.moved.connect(marks.move)
        scenarios.copied.connect(hits.copy_text)
        scenarios.removed.connect(marks.forget)
        scenarios.pack_removed.connect(marks.remove_pack)
        hits.question_wanted.connect(search.show_question)
        self.header.question_wanted.connect(search.show_question)

    # joints ---------------------------------------------------------------------------------

    @Slot(object)
    def _models_listed(self, infos: Sequence[ModelInfo]) -> None:
        self.chooser.show_models(infos, self._context.library.model)

    @Slot(object)
    def _show_refined(self, question: Question) -> None:
        self.actions_by_name["refineAction"].setChecked(question.refine)

    @Slot(object, str)
    def _opening(self, folders: tuple[Path, ...], model: str) -> None:
        self.chooser.set_current(model)
        self._folder_opened(folders)

    @Slot(object)
    def _folder_opened(self, folders: Sequence[Path]) -> None:
        self.bar.show_folder(folders_title(folders))
        self._fit_panels()
        self.sidebar.show_recent(self._context.settings.recent(), folders)

    @Slot(object)
    def _forget_recent(self, folders: tuple[str, ...]) -> None:
        self._context.settings.forget_recent(folders)
        self.sidebar.show_recent(self._context.settings.recent(), self._context.library.folders)

    @Slot(str)
    def _ask_example(self, text: str) -> None:
        self.search.field.setText(text)
        self.search.field.setFocus()

    @Slot(object)
    def _hit_menu_at(self, spot: QPoint) -> None:
        if self.view.indexAt(spot).isValid():
            port = self.view.viewport()
            popup(self._hit_menu, port.mapToGlobal(spot), port)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Leave the large frame, a panel or the search by Escape; T tags the large frame too."""
        if event.key() == Qt.Key.Key_T and not event.modifiers():
            self.selection.tag()
        elif event.key() == Qt.Key.Key_Escape:
            self._leave()
        else:
            super().keyPressEvent(event)

    def _leave(self) -> None:
        if self.results.shows_frame:
            self.results.close_frame()
        elif self.results.shows_panel:
            self.results.leave_panel()
        else:
            self.search.clear()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Remember how the window looks, and end what runs."""
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
