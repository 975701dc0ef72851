"""The middle of the window: the grid, a frame in its place, or a page that says what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Signal, Slot
from PySide6.QtWidgets import QApplication, QStackedWidget, QVBoxLayout, QWidget

from c4t_desktop.context import Context, InPlaceOfGrid
from c4t_desktop.gallery.results_model import ResultsModel, RowRole
from c4t_desktop.gallery.view import ResultsView
from c4t_desktop.messages import describe
from c4t_desktop.panels.chips import FilterChips
from c4t_desktop.panels.results import empty_state
from c4t_desktop.panels.results.empty_state import EmptyState, Page
from c4t_desktop.panels.results.header import ResultsHeader
from c4t_desktop.panels.results.viewer import Viewer
from c4t_desktop.services.finder import Arrangement, Found
from c4t_desktop.services.library import Indexing, Opened
from c4t_desktop.settings import CARD_WIDTH

if TYPE_CHECKING:
    from c4t_core.index.indexer import IndexReport
    from c4t_core.workspace import WorkspaceStatus


class ResultsPanel(QStackedWidget):
    """Shows what fits: an invitation, the hits, one of them large, or what went wrong.

    Signals:
        current_changed: another frame is the current one (Path or None, Hit or None).
        example_chosen: an example query was pressed (str).
    """

    current_changed = Signal(object, object)
    example_chosen = Signal(str)

    def __init__(
        self,
        context: Context,
        header: ResultsHeader,
        view: ResultsView,
        viewer: Viewer,
        offers: empty_state.Offers,
    ) -> None:
        """Put the parts on pages; ``offers`` are what the buttons of the empty ones do."""
        super().__init__()
        self._library, self._finder = context.library, context.finder
        self._settings, self._offers = context.settings, offers
        self._header, self._view, self._viewer = header, view, viewer
        model = view.model()
        assert isinstance(model, ResultsModel)  # a ResultsView is made with one
        self._model = model
        self._empty = EmptyState(context.theme)  # in the whole space
        self._hint = EmptyState(context.theme)  # where the hits would be, below the header
        self._grid = QWidget()
        self._grid.setObjectName("canvas")
        self._problem: Callable[[], Page] | None = None
        self._panel: InPlaceOfGrid | None = None
        self._asked_before = self._finder.question  # when the panel came
        self._terms: object = None
        self._stepping = False  # to a card that is being loaded
        self._status_now: WorkspaceStatus | None = None
        column = QVBoxLayout(self._grid)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(header)
        chips = FilterChips(context.theme)
        self._finder.filters_changed.connect(chips.show_question)
        chips.wanted.connect(self._finder.set_filters)
        column.addWidget(chips)
        self._under_header = QStackedWidget()
        self._under_header.addWidget(view)
        self._under_header.addWidget(self._hint)
        column.addWidget(self._under_header, 1)
        for part in (self._empty, self._grid, viewer):
            self.addWidget(part)
        view.set_card_width(context.settings.value(CARD_WIDTH))
        self._wire()
        self.show_resting()

    def _wire(self) -> None:
        library, finder = self._library, self._finder
        library.opening.connect(self._opening)
        library.opened.connect(self._opened)
        library.open_failed.connect(self._open_failed)
        library.closed.connect(self.show_resting)
        library.indexing.connect(self._indexing)
        library.index_ended.connect(self._index_ended)
        library.index_failed.connect(self._index_failed)
        library.status_changed.connect(self._status)
        finder.answered.connect(self._answered)
        finder.laid_out.connect(self._laid_out)
        finder.failed.connect(self._search_failed)
        finder.cleared.connect(self._cleared)
        self._header.card_width.connect(self._view.set_card_width)
        self._view.resized_by_wheel.connect(self._header.resize_cards)
        self._view.opened.connect(self.open_frame)
        self._view.unfold.connect(self.unfold_current)
        self._view.selectionModel().currentChanged.connect(self._current)
        self._model.dataChanged.connect(self._loaded)
        self._viewer.closed.connect(self.close_frame)
        self._viewer.step_wanted.connect(self._step)
        self._viewer.frame_shown.connect(self._frame_shown)

    # which page -----------------------------------------------------------------------------

    @Slot()
    def show_resting(self) -> None:
        """Show the page for when nothing is asked."""
        if self._problem is not None:
            page = self._problem()
        elif not self._library.folders:
            page = empty_state.welcome(self._offers, self._settings.recent())
        elif self._library.opened_now is None:
            page = empty_state.opening(self._library.folders)
        else:
            page = empty_state.waiting(
                self._offers,
                self._library.folders,
                self._status_now,
                indexing=self._library.is_indexing,
                run=self._last_run,
                chosen=self.example_chosen.emit,
            )
        self._show_empty(page)

    def _show_empty(self, page: empty_state.Page) -> None:
        self._empty.show_page(page)
        if self._panel is None:
            self.setCurrentWidget(self._empty)

    @property
    def shows_grid(self) -> bool:
        """Whether the grid is in sight."""
        return self.currentWidget() is self._grid

    @property
    def shows_frame(self) -> bool:
        """Whether a frame is shown large."""
        return self.currentWidget() is self._viewer

    @property
    def shows_panel(self) -> bool:
        """Whether a further panel is in the place of the grid."""
        return self._panel is not None

    def _show_resting_if_idle(self) -> None:
        browses = self._model.rowCount() or self.shows_grid
        if self._problem is not None or (self._finder.question.empty and not browses):
            self.show_resting()

    @Slot(object, str)
    def _opening(self, folders: Sequence[Path], model: str) -> None:
        self._problem = None
        self._status_now = None
        if self._finder.question.empty and self._library.opened_now is None:
            self._model.set_rows(())  # those of other folders
            self.current_changed.emit(None, None)
            self.show_resting()

    @Slot(object)
    def _opened(self, opened: Opened) -> None:
        self._problem = None
        self._status_now = opened.status
        self._show_resting_if_idle()

    @Slot(object)
    def _status(self, status: WorkspaceStatus) -> None:
        self._status_now = status
        self._show_resting_if_idle()

    @Slot(object)
    def _open_failed(self, error: Exception) -> None:
        self._problem = lambda: empty_state.failed(describe(error), self._offers)
        self.show_resting()

    @Slot(object)
    def _indexing(self, _: Indexing) -> None:
        if self.currentWidget() is self._empty and self._finder.question.empty:
            self.show_resting()

    @Slot(object)
    def _index_ended(self, _: IndexReport | None) -> None:
        self._show_resting_if_idle()

    @Slot(object)
    def _index_failed(self, error: Exception) -> None:
        if self._status_now is None or not self._status_now.embedded:
            self._problem = lambda: empty_state.failed(describe(error), self._offers)
            self.show_resting()

    @Slot(object)
    def _search_failed(self, error: Exception) -> None:
        problem = describe(error)
        self._model.set_rows(())
        self.current_changed.emit(None, None)
        self._make_way()
        self._show_empty(empty_state.not_understood(problem))

    @Slot()
    def _cleared(self) -> None:
        self._model.set_rows(())
        self._viewer.stop()
        self.current_changed.emit(None, None)
        self.show_resting()

    # hits -----------------------------------------------------------------------------------

    @Slot(object)
    def _answered(self, _: Found) -> None:
        self._problem = None
        self._make_way()

    def _make_way(self) -> None:
        panel, typing = self._panel, QApplication.focusWidget()
        if panel is None or panel.follows_search or self._finder.question == self._asked_before:
            return
        self.leave_panel()  # whoever asks wants to see hits
        if typing is not None and not panel.isAncestorOf(typing):
            typing.setFocus()

    @Slot(object)
    def _laid_out(self, arrangement: Arrangement) -> None:
        found = self._finder.found
        if found is None:
            return
        same, browsed = self._same_question(found), found.question.empty
        if not arrangement.rows:
            self._model.set_rows(())
            self._no_match(found)
            return
        here = self._model.id_at(self._view.currentIndex()) if same else None
        top, bar = self._view.top_card(), self._view.verticalScrollBar()
        selected = self._view.selected_ids() if same else []
        value, best, least = bar.value(), arrangement.best, arrangement.least
        # Bars from a third to full: the differences among what is shown are what matters.
        low = least - (best - least) / 2
        self._model.set_rows(arrangement.rows, low=low, best=best, show_scores=not browsed)
        self._view.show_sections(arrangement.sections)
        self._under_header.setCurrentWidget(self._view)
        self._show_grid()
        now = QModelIndex() if here is None else self._model.index_of_id(here)
        if now.isValid():
            self._view.setCurrentIndex(now)
        elif browsed:
            self.current_changed.emit(None, None)  # nothing is chosen until the user does
        else:
            self._view.setCurrentIndex(self._model.index(0))
        if len(selected) > 1:
            self._view.select_ids(selected)  # the index may grow while the user selects
        if browsed and same and top is not None and self._view.put_at_top(*top):
            return  # frames may have come before it
        bar.setValue(value if now.isValid() else 0)

    def _same_question(self, found: Found) -> bool:
        """Whether the hits shown answer the same query as before; then the view does not move.

        Switching refining on or off orders them anew, which is another query; marks that are set
        while it is on are not, as one goes on marking where one is.
        """
        terms = (found.question.terms, found.question.refine)
        same, self._terms = terms == self._terms, terms
        return same

    def _no_match(self, found: Found) -> None:
        total, objects = len(found.histogram.values), found.question.filters.objects
        indexed = self._status_now is not None and self._status_now.embedded
        if found.question.empty and not (indexed and found.question.restricted):
            self.current_changed.emit(None, None)
            self.show_resting()
            return
        if not total and objects and found.known[0]:
            page = empty_state.nothing_holds(objects, found.known[0])
        elif not total and objects and indexed and found.answer is None:
            page = empty_state.nothing_known(objects, self._offers)
        elif total:
            page = empty_state.no_match(total, self._finder.show_all)
        else:
            page = empty_state.nothing_indexed(
                self._offers,
                indexing=self._library.is_indexing,
                filtered=found.question.restricted,
                status=self._status_now,
                run=self._last_run,
            )
        self._hint.show_page(page)
        self._under_header.setCurrentWidget(self._hint)
        self._show_grid()
        self.current_changed.emit(None, None)

    @property
    def _last_run(self) -> empty_state.LastRun:
        report, unfinished = self._library.report, self._library.unfinished
        if self._status_now is not None and self._status_now.updated is not None:
            unfinished = None  # the earlier model's index is whole
        done, total = unfinished or (0, 0)
        omitted = 0 if report is None else report.omitted
        return empty_state.LastRun(report is not None, total - done, omitted)

    def _show_grid(self) -> None:
        if not self.shows_frame and self._panel is None:
            self.setCurrentWidget(self._grid)

    @Slot()
    def _current(self) -> None:
        row = self._model.row_at(self._view.currentIndex())
        if row is not None and self._panel is None:
            self.current_changed.emit(row.hit.path, row.hit)

    @Slot(QModelIndex, QModelIndex, list)
    def _loaded(self, first: QModelIndex, last: QModelIndex, roles: list[int]) -> None:
        """Show the current card now that it is loaded."""
        if RowRole in roles and first.row() <= self._view.currentIndex().row() <= last.row():
            self._current()
            if self._stepping:
                self._show_current()

    @Slot()
    def unfold_current(self) -> None:
        """Show all frames of the current event, or its best only."""
        row = self._model.row_at(self._view.currentIndex())
        if row is not None and row.event >= 0 and (row.count > 1 or row.member):
            self._finder.toggle_event(row.event)

    # further panels -------------------------------------------------------------------------

    @Slot(object)
    def show_panel(self, panel: InPlaceOfGrid) -> None:
        """Put a panel in the place of the grid until it is closed; details of a hit go with it."""
        self.leave_panel()
        self._panel, self._asked_before = panel, self._finder.question
        self.current_changed.emit(None, None)
        self.addWidget(panel)
        self.setCurrentWidget(panel)
        panel.closed.connect(self.leave_panel)
        panel.setFocus()

    @Slot()
    def leave_panel(self) -> None:
        """Go back from a further panel to the grid."""
        panel, self._panel = self._panel, None
        if panel is not None:
            panel.release()
            self.removeWidget(panel)
            panel.deleteLater()
            self._leave_frame()
            self.current_changed.emit(None, None)  # what was chosen in the panel
            self._current()

    # one frame ------------------------------------------------------------------------------

    @Slot(object)
    def open_frame(self, path: Path) -> None:
        """Show a frame large."""
        self._viewer.show_frame(path)
        self._viewer.view.fit()
        self.setCurrentWidget(self._viewer)
        self._viewer.view.setFocus()

    @Slot()
    def close_frame(self) -> None:
        """Go back to the grid, to the card of the frame that was large."""
        path = self._viewer.view.path if self.shows_frame else None
        self._leave_frame()
        if path is not None and self.shows_grid:
            self._return_to(path)

    def _leave_frame(self) -> None:
        self._stepping = False
        self._viewer.stop()
        if self._panel is not None:
            self.setCurrentWidget(self._panel)
            self._panel.setFocus()
        elif self._model.rowCount():
            self.setCurrentWidget(self._grid)
            self._view.setFocus()
        else:
            self.show_resting()

    def _return_to(self, path: Path) -> None:
        """Have grid and details at one frame: at this one, or where it is no hit at the card."""
        found = self._view.go_to(path)
        self._current()
        here = self._view.currentIndex()

        def done(image_id: int | None) -> None:
            if image_id is not None and self.shows_grid and self._view.currentIndex() == here:
                self._view.go_to_index(self._model.index_of_id(image_id))

        if not found:  # its card is perhaps not loaded
            self._view.go_to_index(here)
            self._finder.locate(path, done)

    @Slot(int)
    def _step(self, by: int) -> None:
        if self._view.step(by):
            self._show_current()

    def _show_current(self) -> None:
        """Show the current card large, once it is loaded."""
        path = self._view.current_path()
        self._stepping = path is None
        if path is not None:
            self._viewer.show_frame(path)

    @Slot(object)
    def _frame_shown(self, path: Path) -> None:
        row = self._model.row_at(self._model.index_of(path))
        self.current_changed.emit(path, row.hit if row is not None else None)
