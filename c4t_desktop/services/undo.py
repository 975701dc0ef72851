"""What the user did and may take back, in the order in which it was done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QUndoCommand, QUndoStack

if TYPE_CHECKING:
    from c4t_core.index.store.seals import Row, Value
    from c4t_core.index.store.user_data import UserData

_KEPT = 200  # changes that can be taken back


class Change(QUndoCommand):
    """Something the user did: how it is done, at first and again, and how it is taken back."""

    def __init__(self, text: str, act: Callable[[], None], back: Callable[[], None]) -> None:
        """Do nothing yet: the stack that it is pushed onto does it."""
        super().__init__(text)
        self._act, self._back = act, back

    def redo(self) -> None:
        """Do it."""
        self._act()

    def undo(self) -> None:
        """Take it back."""
        self._back()


class UndoStack(QUndoStack):
    """Does what the user asks for, and takes it back in the opposite order.

    What is done runs in jobs of one lane, so that a change is taken back after it was made even
    where both are still waiting.

    Signals:
        offered: something is gone that can be brought back (what to say of it, str).
        withdrawn: that can be brought back by other means only, or not any more.
    """

    offered = Signal(str)
    withdrawn = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        """Start with nothing done."""
        super().__init__(parent)
        self.setUndoLimit(_KEPT)
        self.indexChanged.connect(self._withdraw)

    def do(
        self, text: str, act: Callable[[], None], back: Callable[[], None], notice: str = ""
    ) -> None:
        """Do something that can be taken back.

        Args:
            text: what the user calls it, as in "Undo: {text}".
            act: does it, at once and whenever it is done again.
            back: takes it back.
            notice: a sentence with which undoing is offered; "" where nothing is removed.
        """
        self.push(Change(text, act, back))
        if notice:
            self.offered.emit(notice)

    @Slot()
    def _withdraw(self) -> None:
        self.withdrawn.emit()


@dataclass(frozen=True)
class Edit:
    """A change of what the user made; both halves run on the lane's thread.

    Attributes:
        act: makes it, at first and again.
        back: takes it back.
    """

    act: Callable[[UserData], None]
    back: Callable[[UserData], None]


def edit_of_rows(
    change: Callable[[UserData], object], table: str, where: str = "", values: Sequence[str] = ()
) -> Edit:
    """Return a change that is taken back row by row: what it made goes, what it replaced returns.

    Args:
        change: makes it for the first time.
        table: the one that it changes.
        where: the end of the statement that reads the rows it may change, which should be few.
        values: what stands for its question marks.
    """
    made: list[tuple[list[Row], list[Row]]] = []  # rows that went, rows that came
    asked = [change]  # until it is made: it may hold a workspace, with its model's networks

    def read(data: UserData) -> dict[tuple[Value, ...], Row]:
        return {tuple(row.values()): row for row in data.rows(table, where, tuple(values))}

    def act(data: UserData) -> None:
        if made:
            data.swap(table, *made[0])
            return
        before = read(data)
        asked[0](data)
        asked.clear()
        after = read(data)
        gone = [row for values, row in before.items() if values not in after]
        made.append((gone, [row for values, row in after.items() if values not in before]))

    def back(data: UserData) -> None:
        for gone, come in made:
            data.swap(table, come, gone)

    return Edit(act, back)
