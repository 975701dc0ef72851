"""What the user does with the selected hits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, SignalInstance, Slot

from c4t_desktop.gallery.results_model import ResultsModel
from c4t_desktop.gallery.view import ResultsView
from c4t_desktop.panels.details import DetailsPanel
from c4t_desktop.panels.results.panel import ResultsPanel
from c4t_desktop.services.finder import Finder
from c4t_desktop.services.marks import MarkBook

if TYPE_CHECKING:
    from c4t_core.workspace import Hit


class Selection(QObject):
    """Acts on the selected hits, or on the frame that is shown large.

    Signals:
        copy_wanted: put these files on the clipboard (list of Path).
        open_wanted, reveal_wanted, like_wanted: one file (Path).
    """

    copy_wanted = Signal(object)
    open_wanted = Signal(object)
    reveal_wanted = Signal(object)
    like_wanted = Signal(object)

    def __init__(
        self,
        view: ResultsView,
        results: ResultsPanel,
        finder: Finder,
        marks: MarkBook,
        parent: QObject,
    ) -> None:
        """Act on the selection of a view."""
        super().__init__(parent)
        self._view = view
        self._results = results
        self._finder = finder
        self._marks = marks
        self._details: DetailsPanel | None = None
        view.marked.connect(self._mark_by_key)
        marks.changed.connect(self._marks_changed)

    def show_details_in(self, details: DetailsPanel) -> Callable[[Path | None, Hit | None], None]:
        """Join the details panel; return the slot that shows a frame in it."""
        self._details = details
        details.marked.connect(self._mark_shown)
        details.like_wanted.connect(self.like_wanted)
        details.copy_wanted.connect(self._copy_one)
        details.open_wanted.connect(self.open_wanted)
        details.reveal_wanted.connect(self.reveal_wanted)
        details.opened.connect(self._results.open_frame)
        details.frame_wanted.connect(self._show_frame)
        return self._show_details

    def paths(self) -> list[Path]:
        """Return the files selected, or the one shown."""
        selected = [] if self._results.shows_frame else self._view.selected_paths()
        if selected or self._details is None or self._details.path is None:
            return selected
        return [self._details.path]

    @Slot(object, object)
    def _show_details(self, path: Path | None, hit: Hit | None) -> None:
        if self._details is None:
            return
        if path is None:
            self._details.clear()
            return
        found = self._finder.found
        self._details.show_hit(path, hit, found.model if found is not None else "")
        self._details.show_mark(self._marks.marks.get(path, ""))

    @Slot(object)
    def _show_frame(self, path: Path) -> None:
        """Show a neighbour or a similar frame; in the grid if it is among the hits."""
        if self._results.shows_frame:
            self._results.open_frame(path)
        elif not self._view.go_to(path):
            self._show_details(path, None)

    # files ----------------------------------------------------------------------------------

    @Slot()
    def copy_paths(self) -> None:
        """Copy the selected paths."""
        self.copy_wanted.emit(self.paths())

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
        chosen = self.paths()
        if chosen:
            wanted.emit(chosen[0])

    # marks ----------------------------------------------------------------------------------

    @Slot()
    def mark_right(self) -> None:
        """Mark the selected hits as right."""
        self._marks.mark(self.paths(), "right")

    @Slot()
    def mark_wrong(self) -> None:
        """Mark the selected hits as wrong."""
        self._marks.mark(self.paths(), "wrong")

    @Slot(str)
    def _mark_by_key(self, mark: str) -> None:
        if mark == "toggle":
            self._marks.toggle(self.paths())
        else:
            self._marks.mark(self.paths(), mark)

    @Slot(str)
    def _mark_shown(self, mark: str) -> None:
        if self._details is not None and self._details.path is not None:
            self._marks.mark([self._details.path], mark)

    @Slot(object)
    def _marks_changed(self, marks: dict[Path, str]) -> None:
        model = self._view.model()
        assert isinstance(model, ResultsModel)  # a ResultsView is made with one
        model.set_marks(marks)
        if self._details is not None and self._details.path is not None:
            self._details.show_mark(marks.get(self._details.path, ""))
