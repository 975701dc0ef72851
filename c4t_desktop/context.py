"""What panels are given, and what one is that takes the place of the grid."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from c4t_core.records import dataclass
from c4t_desktop.gallery.thumbnail_cache import ThumbnailCache
from c4t_desktop.jobs.runner import JobRunner
from c4t_desktop.jobs.thumbnails import Thumbnails
from c4t_desktop.services.details import Details, TagBook
from c4t_desktop.services.finder import Finder
from c4t_desktop.services.library import Library
from c4t_desktop.services.marks import MarkBook
from c4t_desktop.services.undo import UndoStack
from c4t_desktop.services.watching import EndOfWork
from c4t_desktop.settings import Settings
from c4t_desktop.theme import Theme


@dataclass(frozen=True)
class Context:
    """What a panel may use; made once in ``app.py``.

    Attributes:
        runner: runs core work off the GUI thread.
        library: the open folders, the model, the index.
        finder: the question asked and its answer.
        details: facts about single frames.
        thumbnails: makes pictures.
        cache: keeps them.
        settings: what the user set.
        theme: colours, type, icons.
        marks: right and wrong marks, saved searches.
        undo: what can be taken back.
        tags: of the frames of the open folders.
        ends: tells of the end of long work.
    """

    runner: JobRunner
    library: Library
    finder: Finder
    details: Details
    thumbnails: Thumbnails
    cache: ThumbnailCache
    settings: Settings
    theme: Theme
    marks: MarkBook
    undo: UndoStack
    tags: TagBook
    ends: EndOfWork


class InPlaceOfGrid(QWidget):
    """A panel that takes the place of the grid until it is closed, or another one takes it.

    Attributes:
        follows_search: whether it answers what is asked meanwhile; else asking goes to the grid.

    Signals:
        closed: back to the grid.
    """

    closed = Signal()
    follows_search = False

    def release(self) -> None:
        """Give back what it holds, since it is about to go; most hold nothing."""
