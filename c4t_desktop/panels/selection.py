"""What the user does with the selected hits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QObject, Signal, SignalInstance, Slot
from PySide6.QtWidgets import QWidget

from c4t_desktop.context import Context
from c4t_desktop.gallery.results_model import ResultsModel
from c4t_desktop.gallery.view import ResultsView
from c4t_desktop.messages import only_first
from c4t_desktop.panels.details import DetailsPanel
from c4t_desktop.panels.parts import open_dialog
from c4t_desktop.panels.results.panel import ResultsPanel
from c4t_desktop.panels.results.viewer import Viewer
from c4t_desktop.panels.tagging import TagDialog
from c4t_desktop.services.details import Frames
from c4t_desktop.services.finder import members
from c4t_desktop.services.question import Question
from c4t_desktop.services.rows import MOST_AT_ONCE, HitList
from c4t_desktop.services.undo import STEP

if TYPE_CHECKING:
    from c4t_core.workspace import Hit


class Selection(QObject):
    """Acts on the selected hits, or on the frame that is shown large.

    Signals:
        copy_wanted: put these files on the clipboard (list of Path).
        open_wanted, reveal_wanted, like_wanted: one file (Path).
        message: a sentence for the status area (str).
    """

    message = Signal(str)

    copy_wanted = Signal(object)
    open_wanted = Signal(object)
    reveal_wanted = Signal(object)
    like_wanted = Signal(object)

    def __init__(
        self,
        view: ResultsView,
        results: ResultsPanel,
        context: Context,
        window: QWidget,
    ) -> None:
        """Act on the selection of a view; dialogs open over the window."""
        super().__init__(window)
        self._view = view
        model = view.model()
        assert isinstance(model, ResultsModel)  # a ResultsView is made with one
        self._model = model
        self._results = results
        self._context, self._window = context, window
        self._finder, self._marks = context.finder, context.marks
        self._details: DetailsPanel | None = None
        self._viewer: Viewer | None = None
        view.marked.connect(self._mark_by_key)
        view.tag_wanted.connect(self.tag)
        self._marks.changed.connect(self._marks_changed)
        context.tags.changed.connect(self._tags_changed)

    def show_details_in(
        self, details: DetailsPanel, viewer: Viewer
    ) -> Callable[[Path | None, Hit | None], None]:
        """Join the details panel and the large frame; return the slot that shows a frame in it."""
        self._details, self._viewer = details, viewer
        viewer.marks.marked.connect(self._mark_shown)
        viewer.mark_key.connect(self._mark_by_key)
        self._results.currentChanged.connect(self._large_or_not)
        details.marked.connect(self._mark_shown)
        details.tags.wanted.connect(self._tag_shown)
        details.like_wanted.connect(self.like_wanted)
        details.copy_wanted.connect(self._copy_one)
        details.open_wanted.connect(self.open_wanted)
        details.reveal_wanted.connect(self.reveal_wanted)
        details.opened.connect(self._results.open_frame)
        details.frame_wanted.connect(self._show_frame)
        return self._show_details

    def _act(self, act: Callable[[list[Path]], None]) -> None:
        """Do something with the files selected, or with the one shown, once they are loaded."""
        hits = () if self._results.shows_frame else self._view.selected_hits()
        if not hits:
            act([] if self._shown is None else [self._shown])
            return
        some = hits[:MOST_AT_ONCE]

        def done(loaded: Sequence[Hit]) -> None:
            act([hit.path for hit in loaded])
            if len(some) < len(hits):
                self.message.emit(only_first(len(some), len(hits)))

        self._finder.rows.fetch(some, done)

    @Slot(object, object)
    def _show_details(self, path: Path | None, hit: Hit | None) -> None:
        if path is None:
            self.show_hit(None, None, "")
            return
        found = self._finder.found
        question = found.question if found is not None else Question()
        scored = hit if not question.empty else None
        self.show_hit(path, scored, "" if found is None or question.unscored else found.model)

    @Slot(object, object, str)
    def show_hit(self, path: Path | None, hit: Hit | None, model: str) -> None:
        """Show a hit of a model in the details, with the mark that it has for the query asked."""
        if self._details is None:
            return
        if path is None:
            self._details.clear()
        else:
            self._details.show_hit(path, hit, model)
            self._show_mark()

    @property
    def _shown(self) -> Path | None:
        """The frame that is shown large, or in the details; after a mark they may differ."""
        if self._viewer is not None and self._results.shows_frame:
            return self._viewer.view.path
        return self._details.path if self._details is not None else None

    def _show_mark(self) -> None:
        if self._details is None or self._viewer is None or self._shown is None:
            return
        mark = self._marks.marks.get(self._shown, "") if self._query() else None
        self._details.show_mark(mark)
        self._viewer.marks.show_mark(mark)

    @Slot()
    def _large_or_not(self) -> None:
        """Have the picture and its marks in one place: large, or in the details."""
        if self._details is not None:
            self._details.leave_out_picture(self._results.shows_frame)
            self._show_mark()

    @Slot(object)
    def _show_frame(self, path: Path) -> None:
        """Show a neighbour or a similar frame; in the grid if it is among the hits."""
        if self._results.shows_frame:
            self._results.open_frame(path)
        elif self._results.shows_panel:
            self._show_details(path, None)
        elif not self._view.go_to(path):
            self._finder.locate(path, partial(self._go_to, path))

    def _go_to(self, path: Path, image_id: int | None) -> None:
        """Show a frame whose card is perhaps not loaded yet."""
        index = QModelIndex() if image_id is None else self._model.index_of_id(image_id)
        if not self._view.go_to_index(index):
            self._show_details(path, None)

    # files ----------------------------------------------------------------------------------

    @Slot()
    def copy_paths(self) -> None:
        """Copy the selected paths."""
        self._act(self.copy_wanted.emit)

    @Slot(object)
    def _copy_one(self, path: Path) -> None:
        self.copy_wanted.emit([path])

    @Slot()
    def open_file(self) -> None:
        """Open the first selected file with another program."""
        self._first(self.open_wanted)

    @Slot()
    def reveal(self) -> None:
        """Show the first selected file in the file manager."""
        self._first(self.reveal_wanted)

    @Slot()
    def more_like_this(self) -> None:
        """Look for frames like the first selected one."""
        self._first(self.like_wanted)

    def _first(self, wanted: SignalInstance) -> None:
        self._act(lambda chosen: wanted.emit(chosen[0]) if chosen else None)

    # marks ----------------------------------------------------------------------------------

    @Slot()
    def mark_right(self) -> None:
        """Mark the selected hits as right."""
        self._mark_by_key("right")

    @Slot()
    def mark_wrong(self) -> None:
        """Mark the selected hits as wrong."""
        self._mark_by_key("wrong")

    @Slot(str)
    def _mark_by_key(self, mark: str) -> None:
        query = self._query()
        if not query:
            text = self.tr("Right and wrong marks belong to a query; ask for something first.")
            self.message.emit(text)
            return

        hits = () if self._results.shows_frame else self._view.selected_hits()
        many = hits.image_ids() if isinstance(hits, HitList) and len(hits) > STEP else None

        def act(chosen: list[Path]) -> None:
            if self._query() != query:
                return  # something else is asked by the time they are loaded
            meant = self._marks.following(chosen[:1]) if mark == "toggle" else mark
            self._marks.mark(chosen if many is None else many, meant)

        if many is None:
            self._act(act)
        else:
            self._finder.rows.fetch(hits[:1], lambda first: act([hit.path for hit in first]))

    def _query(self) -> str:
        found = self._finder.found
        return "" if found is None else found.question.key()

    @Slot(str)
    def _mark_shown(self, mark: str) -> None:
        if self._shown is not None:
            self._marks.mark([self._shown], mark)

    @Slot(object)
    def _marks_changed(self, marks: dict[Path, str]) -> None:
        self._model.set_marks(marks)
        self._show_mark()

    # tags -----------------------------------------------------------------------------------

    @Slot()
    def _tags_changed(self) -> None:
        self._model.set_tags(self._context.tags.tagged)

    @Slot()
    def tag(self) -> None:
        """Ask for tags of the selected hits; a card that stands for an event means all of it."""
        hits = () if self._results.shows_frame else self._view.selected_hits()
        found = self._finder.found
        if not hits or found is None:
            self._tag_shown()
            return
        ids = hits.ids if isinstance(hits, HitList) else [hit.image_id for hit in hits]
        self._ask_tags(partial(members, found, self._finder.order, ids))

    @Slot()
    def _tag_shown(self) -> None:
        path = self._shown
        if path is not None:
            self._ask_tags(lambda: [path])

    def _ask_tags(self, frames: Frames) -> None:
        context = self._context
        open_dialog(TagDialog(frames, context.tags, context.theme, self._window))
