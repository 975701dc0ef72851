"""What the user did and may take back, in the order in which it was done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QMutex, QMutexLocker, QObject, Signal, Slot
from PySide6.QtGui import QUndoCommand, QUndoStack

from c4t_core.errors import Cancelled
from c4t_core.records import dataclass
from c4t_desktop.jobs.runner import Job, JobRunner
from c4t_desktop.services.library import EDITS, LOOK

if TYPE_CHECKING:
    from c4t_core.index.store.seals import Row, Value
    from c4t_core.index.store.user_data import UserData

T = TypeVar("T")
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


Tell = Callable[[int, int], None]  # (done, total); raises Cancelled where it is to stop
STEP = 500  # frames changed at once; others read and write in between


class LongEdit:
    """A change of many frames, some at a time: it tells how far it is and can be stopped.

    What was made by then stays, and is taken back like the whole.

    Attributes:
        done: frames changed by the last run, of :attr:`total`.
    """

    def __init__(self, parts: Callable[[UserData], Sequence[tuple[int, Edit]]]) -> None:
        """Make nothing yet; ``parts`` returns (frames, change), on the lane's thread, once."""
        self._make = [parts]  # until they are made: it may hold a workspace
        self._parts: Sequence[tuple[int, Edit]] | None = None
        self.done = self.total = 0

    def run(self, data: UserData, tell: Tell, *, forth: bool) -> bool:
        """Make all of it, or take it back; False if it was stopped on the way."""
        if self._parts is None:
            self._parts = self._make[0](data)
            self._make.clear()
        self.done, self.total = 0, sum(count for count, _ in self._parts)
        try:
            for count, part in self._parts:
                if len(self._parts) > 1:
                    tell(self.done, self.total)
                (part.act if forth else part.back)(data)
                self.done += count
        except Cancelled:
            return False
        return True


def edit_of_rows(
    change: Callable[[UserData], object], table: str, where: str = "", values: Sequence[Value] = ()
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


class _Store:
    """Opens the user's file when it is first needed, on the thread of a lane."""

    def __init__(self) -> None:
        self._data: UserData | None = None
        self._opening = QMutex()  # marks are read in the job that answers, too
        self.notices: list[str] = []  # of repairs, not yet shown

    def look_for_notices(self) -> None:
        if self._data is not None:
            notice = self._data.take_notice()
            if notice:
                self.notices.append(notice)

    def get(self) -> UserData:
        with QMutexLocker(self._opening):
            if self._data is None:
                from c4t_core.index.store.user_data import UserData

                self._data = UserData()
            return self._data

    def close(self) -> None:
        if self._data is not None:
            self._data.close()
            self._data = None


class Keeper(QObject):
    """Reads and changes what the user made, in jobs; changes can be taken back.

    Signals:
        failed: something could not be kept (Exception).
        repaired: the user's file was damaged; what became of it (str).
        working: a change of many frames goes on (what it is called, frames done, in all).
        worked: it has ended.
        stopped: it was stopped on the way (frames done, in all).
    """

    failed = Signal(object)
    repaired = Signal(str)
    working = Signal(str, object, object)
    worked = Signal()
    stopped = Signal(object, object)

    def __init__(self, runner: JobRunner, undo: UndoStack, parent: QObject | None = None) -> None:
        """Open nothing yet."""
        super().__init__(parent)
        self._runner, self._undo = runner, undo
        self._store = _Store()
        self._job: Job | None = None  # that tells how far it is

    def _run(
        self,
        work: Callable[[Job], T],
        done: Callable[[T], None],
        key: str | None,
        lane: str = LOOK,
        progress: Callable[[tuple[int, int]], None] = lambda _: None,
        ended: Callable[[], None] = lambda: None,
    ) -> Job:
        store = self._store

        def watched(job: Job) -> T:
            try:
                return work(job)
            finally:
                store.look_for_notices()

        def finished() -> None:
            self._tell_notices()
            ended()

        return self._runner.submit(
            watched,
            lane=lane,
            key=key,
            done=done,
            failed=self.failed.emit,
            finished=finished,
            progress=progress,
        )

    def _tell_notices(self) -> None:
        while self._store.notices:
            self.repaired.emit(self._store.notices.pop(0))

    def edit(
        self,
        text: str,
        edit: Edit | LongEdit,
        read: Callable[[UserData], T],
        done: Callable[[T], None],
        *,
        notice: str = "",
    ) -> None:
        """Change what the user made, so that it can be taken back and made again.

        Args:
            text: what the user calls the change, as in "Undo: {text}".
            edit: the change.
            read: reads, on the lane's thread, what is to be shown whenever it was made or undone.
            done: shows it.
            notice: with which undoing is offered, see :meth:`UndoStack.do`.
        """
        self._do(text, edit, lambda data, _: read(data), lambda read, _: done(read), notice=notice)

    def _do(
        self,
        text: str,
        edit: Edit | LongEdit,
        read: Callable[[UserData, bool], T],
        done: Callable[[T, bool], None],
        *,
        begin: Callable[[bool], None] = lambda _: None,
        notice: str = "",
    ) -> None:
        """Change what the user made, as :meth:`edit`; each part is told whether it is undone.

        All changes run in one lane, so that one is taken back after it was made even where both
        are still waiting.
        """

        def run(forth: bool) -> None:
            begin(forth)

            def work(job: Job) -> T:
                data = self._store.get()
                if isinstance(edit, Edit):
                    (edit.act if forth else edit.back)(data)
                else:
                    edit.run(data, job.progress, forth=forth)
                return read(data, forth)

            def told(value: tuple[int, int]) -> None:
                self._job = job
                self.working.emit(text, *value)

            def ended() -> None:
                if self._job is job:
                    self._job = None
                    self.worked.emit()
                if isinstance(edit, LongEdit) and edit.done < edit.total:
                    self.stopped.emit(edit.done, edit.total)

            job = self._run(work, lambda value: done(value, forth), None, EDITS, told, ended)

        self._undo.do(text, lambda: run(True), lambda: run(False), notice)

    @Slot()
    def stop(self) -> None:
        """Stop the long change that is being made; what is made of it stays."""
        if self._job is not None:
            self._runner.cancel(self._job)

    def close(self) -> None:
        """Close the user's file; nothing is written after that."""
        self._store.close()
