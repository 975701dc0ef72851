"""Right and wrong marks on hits; kept by the core in ``user.sqlite``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from c4t_desktop.jobs.library import Library


class MarkBook(QObject):
    """The marks of the query that is asked now.

    Attributes:
        marks: "right" or "wrong" by path.

    Signals:
        changed: other marks (dict of Path to str).
    """

    changed = Signal(object)

    def __init__(self, library: Library, parent: QObject | None = None) -> None:
        """Start without marks."""
        super().__init__(parent)
        self._library = library
        self.marks: dict[Path, str] = {}
        library.closed.connect(self._forget)

    def mark(self, paths: Sequence[Path], mark: str) -> None:
        """Mark files as "right" or "wrong", or take the mark away with ""."""
        for path in paths:
            if mark:
                self.marks[path] = mark
            else:
                self.marks.pop(path, None)
        self.changed.emit(dict(self.marks))

    def toggle(self, paths: Sequence[Path]) -> None:
        """Go on from no mark to right, to wrong, to none."""
        if paths:
            following = {"": "right", "right": "wrong", "wrong": ""}
            self.mark(paths, following[self.marks.get(paths[0], "")])

    @Slot()
    def _forget(self) -> None:
        self.marks = {}
        self.changed.emit({})
