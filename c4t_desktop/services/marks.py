"""What the user makes: right and wrong marks, saved searches; kept by the core.

Everything is read and written in the ``"look"`` lane; this side keeps a copy for the GUI.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QMutex, QMutexLocker, QObject, Signal, Slot

from c4t_core.errors import C4TError, DataError
from c4t_desktop.jobs.runner import Job, ignore
from c4t_desktop.messages import count_text, plural
from c4t_desktop.services.finder import Finder, Found
from c4t_desktop.services.library import LOOK, FilesOfSize, Library
from c4t_desktop.services.question import Question, saved_question
from c4t_desktop.services.undo import Edit, UndoStack, edit_of_rows

if TYPE_CHECKING:
    from c4t_core.index.store.user_data import ImageKey, Scenario, UserData
    from c4t_desktop.services.workspace import WorkspaceLike

T = TypeVar("T")


@dataclass(frozen=True)
class Saved:
    """A saved search as the window shows it.

    Attributes:
        name: unique.
        question: what is asked.
        matches: how many frames match now, None while unknown.
        fresh: how many of them were first indexed after it was last looked at.
        same_model: whether its cut was found with the model in use; else nothing counts as new.
        problem: why it cannot be run, "" if it can.
        scenario: as the core keeps it.
        pack: what its name begins with if it came with many others, "" if not.
    """

    name: str
    question: Question
    matches: int | None = None
    fresh: int = 0
    same_model: bool = True
    problem: str = ""
    scenario: Scenario | None = None
    pack: str = ""

    @property
    def cut(self) -> float | None:
        """The least score of a match, None while none holds for the model in use."""
        return self.scenario.cut if self.scenario is not None and self.same_model else None


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


class MarkBook(QObject):
    """Marks of the query asked now, and the saved searches.

    Attributes:
        marks: "right" or "wrong" by path.
        saved: the saved searches, by name.

    Signals:
        changed: other marks (dict of Path to str).
        saved_changed: other saved searches (tuple of Saved).
        failed: something could not be kept (Exception).
        repaired: the user's file was damaged; what became of it (str).
        exported: all that the user made was written to a file (Path, counts by kind).
        imported: all that a file holds was added (Path, counts by kind of what is there now).
    """

    changed = Signal(object)
    saved_changed = Signal(object)
    failed = Signal(object)
    repaired = Signal(str)
    exported = Signal(object, object)
    imported = Signal(object, object)

    def __init__(
        self, library: Library, finder: Finder, undo: UndoStack, parent: QObject | None = None
    ) -> None:
        """Start empty; :meth:`load` reads the saved searches."""
        super().__init__(parent)
        self._library = library
        self._finder = finder
        self._undo = undo
        self._store = _Store()
        self._key = ""
        self.marks: dict[Path, str] = {}
        self.saved: tuple[Saved, ...] = ()
        finder.answered.connect(self._answered)
        finder.read_marks_by(self._marks_for)
        finder.cleared.connect(self._cleared)
        library.index_ended.connect(self.count_saved)
        library.opened.connect(self.count_saved)

    def _run(self, work: Callable[[Job], T], done: Callable[[T], None], key: str | None) -> None:
        store = self._store

        def watched(job: Job) -> T:
            try:
                return work(job)
            finally:
                store.look_for_notices()

        self._library.runner.submit(
            watched,
            lane=LOOK,
            key=key,
            done=done,
            failed=self.failed.emit,
            finished=self._tell_notices,
        )

    def _tell_notices(self) -> None:
        while self._store.notices:
            self.repaired.emit(self._store.notices.pop(0))

    def edit(
        self,
        text: str,
        edit: Edit,
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

        def run(change: Callable[[UserData], None]) -> None:
            def work(_: Job) -> T:
                change(self._store.get())
                return read(self._store.get())

            self._run(work, done, None)

        self._undo.do(text, lambda: run(edit.act), lambda: run(edit.back), notice)

    def close(self) -> None:
        """Close the user's file; nothing is written after that."""
        self._store.close()

    # marks ----------------------------------------------------------------------------------

    def mark(self, files: Sequence[Path], mark: str) -> None:
        """Mark files as "right" or "wrong" for the query asked now; "" takes marks away."""
        query, workspace = self._key, self._library.workspace
        if not files or not query or workspace is None:
            return
        chosen = tuple(files)
        good = {"right": True, "wrong": False, "": None}[mark]
        edit = edit_of_rows(
            lambda data: _note(data, query, [_image_key(workspace, path) for path in chosen], good),
            "marks",
            "WHERE query = ?",
            (query,),
        )
        self._edit_marks(self._mark_text(chosen, mark), query, edit, dict.fromkeys(chosen, mark))

    def _mark_text(self, files: Sequence[Path], mark: str) -> str:
        names = {"right": self.tr("mark as right"), "wrong": self.tr("mark as wrong")}
        text = names.get(mark, self.tr("unmark"))
        return text if len(files) == 1 else f"{text} ({count_text(len(files))})"

    @Slot()
    def clear_marks(self) -> None:
        """Take away all marks of the query asked now."""
        query = self._key
        if query and self.marks:
            edit = edit_of_rows(
                lambda data: data.mark(query, [mark.image for mark in data.marks(query)], None),
                "marks",
                "WHERE query = ?",
                (query,),
            )
            gone, count = dict.fromkeys(self.marks, ""), len(self.marks)
            notice = plural(count, self.tr("{0} mark cleared."), self.tr("{0} marks cleared."))
            self._edit_marks(self.tr("clear the marks"), query, edit, gone, notice)

    def _edit_marks(
        self, text: str, query: str, edit: Edit, marks: dict[Path, str], notice: str = ""
    ) -> None:
        """Change marks; they are shown at once, while they are still being written."""
        before = {path: self.marks.get(path, "") for path in marks}

        def showing(
            change: Callable[[UserData], None], shown: dict[Path, str]
        ) -> Callable[[], None]:
            def run() -> None:
                self._show_marks(query, shown)
                self._run(lambda _: change(self._store.get()), lambda _: self._recount(query), None)

            return run

        self._undo.do(text, showing(edit.act, marks), showing(edit.back, before), notice)

    def _show_marks(self, query: str, marks: dict[Path, str]) -> None:
        if query == self._key:
            kept = {**self.marks, **marks}
            self.marks = {path: mark for path, mark in kept.items() if mark}
            self._tell_marks()

    def toggle(self, files: Sequence[Path]) -> None:
        """Go on from no mark to right, to wrong, to none."""
        if files:
            following = {"": "right", "right": "wrong", "wrong": ""}
            self.mark(files, following[self.marks.get(files[0], "")])

    def _marks_for(self, workspace: WorkspaceLike, query: str) -> dict[Path, str]:
        """Read the marks of a query that is about to be answered; runs in the job that answers."""
        return _read_marks(self._store.get(), workspace.files_of_size, query)

    def _tell_marks(self) -> None:
        self.changed.emit(dict(self.marks))
        self._finder.set_marks(self._key, dict(self.marks))

    @Slot(object)
    def _answered(self, found: Found) -> None:
        query = found.question.key()
        if query == self._key:
            return
        self._key = query
        self._read_marks(found.marks)

    def _read_marks(self, asked: Mapping[Path, str] = MappingProxyType({})) -> None:
        query, store, files_of_size = self._key, self._store, self._library.files_of_size()

        def work(_: Job) -> dict[Path, str]:
            return _read_marks(store.get(), files_of_size, query)

        self.marks = dict(asked)
        self.changed.emit(dict(self.marks))
        self._run(work, self._marks_read, "marks")

    def _marks_read(self, marks: dict[Path, str]) -> None:
        self.marks = {**marks, **self.marks}
        self._tell_marks()

    @Slot()
    def _cleared(self) -> None:
        self._key = ""
        self.marks = {}
        self._tell_marks()

    # out and in -----------------------------------------------------------------------------

    def export_to(self, file: Path) -> None:
        """Write all that the user made to a text file."""
        store = self._store

        def work(_: Job) -> dict[str, int]:
            from c4t_core.files import write_whole
            from c4t_core.index.store import exchange

            tables = store.get().everything()
            write_whole(file, exchange.as_text(tables))
            return exchange.counted(tables)

        self._run(work, lambda counts: self.exported.emit(file, counts), None)

    def import_from(self, file: Path) -> None:
        """Add what such a file holds; of two things of one name the later one is kept."""
        store = self._store

        def work(_: Job) -> dict[str, int]:
            from c4t_core.files import read_bytes
            from c4t_core.index.store import exchange

            exchange.join(store.get(), exchange.from_text(read_bytes(file), file))
            return exchange.counted(store.get().everything())

        def done(counts: dict[str, int]) -> None:
            self.load()
            if self._key:
                self._read_marks()
            self.imported.emit(file, counts)

        self._run(work, done, None)

    # saved searches -------------------------------------------------------------------------

    def load(self) -> None:
        """Read the saved searches."""
        store = self._store
        self._run(lambda _: _read_saved(store.get()), self._saved_read, "saved")

    def save(self, name: str, question: Question, cut: float | None) -> None:
        """Keep a question under a name with a cut (None finds one); what matches is no news."""
        library = self._library
        workspace, files_of_size = library.workspace, library.files_of_size()
        model = library.model

        def change(data: UserData) -> None:
            from c4t_core.index import scenarios
            from c4t_core.index.store.user_data import Scenario

            settings = {"filters": question.restrictions(), "refine": question.refine}
            scenario = Scenario(name, question.key(), settings)
            with contextlib.suppress(C4TError):  # not indexed yet: a cut is found when it is run
                if workspace is not None:
                    marks = scenarios.located(data, scenario.query, files_of_size)
                    scenario = scenarios.with_cut(workspace, scenario, marks, model, cut)
            data.save_scenario(scenario)

        there = any(entry.name == name for entry in self.saved)
        notice = self.tr("“{0}” was saved anew.").format(name) if there else ""
        self._edit_saved(self.tr("save “{0}”").format(name), change, [name], notice)

    def _edit_saved(
        self, text: str, change: Callable[[UserData], object], names: Sequence[str], notice: str
    ) -> None:
        among = f"WHERE name IN ({', '.join('?' * len(names))})"
        edit = edit_of_rows(change, "scenarios", among, names)
        self.edit(text, edit, _read_saved, self._saved_read, notice=notice)

    @Slot(object)
    def forget(self, saved: Saved) -> None:
        """Drop a saved search."""
        name = saved.name
        self._edit_saved(
            self.tr("delete “{0}”").format(name),
            lambda data: data.delete_scenario(name),
            [name],
            self.tr("“{0}” was deleted.").format(name),
        )

    def rename(self, name: str, new: str) -> None:
        """Give a saved search another name."""
        if new != name:
            edit = Edit(
                lambda data: data.rename_scenario(name, new),
                lambda data: data.rename_scenario(new, name),
            )
            text = self.tr("rename “{0}”").format(name)
            self.edit(text, edit, _read_saved, self._saved_read)

    @Slot(object, int)
    def move(self, saved: Saved, by: int) -> None:
        """Move a saved search down the list, or up; those of a pack have no places."""
        listed = [entry for entry in self.saved if not entry.pack]
        names = [entry.name for entry in listed]
        if saved.name not in names:
            return
        to = names.index(saved.name) + by
        if not 0 <= to < len(names):
            return
        before = {entry.name: entry.scenario.place for entry in listed if entry.scenario}
        names.remove(saved.name)
        names.insert(to, saved.name)
        places = {name: place for place, name in enumerate(names, 1)}
        edit = Edit(
            lambda data: data.place_scenarios(places), lambda data: data.place_scenarios(before)
        )
        text = self.tr("move “{0}”").format(saved.name)
        self.edit(text, edit, _read_saved, self._saved_read)

    def add_pack(self) -> None:
        """Save a search for each of SearchAD's labels; those that are there stay as they are."""
        self._change_pack(self.tr("add the situations of SearchAD"), add=True)

    @Slot()
    def remove_pack(self) -> None:
        """Drop what :meth:`add_pack` saved."""
        text = self.tr("delete the situations of SearchAD")
        notice = self.tr("The situations of SearchAD were deleted.")
        self._change_pack(text, notice, add=False)

    def _change_pack(self, text: str, notice: str = "", *, add: bool) -> None:
        def change(data: UserData) -> None:
            from c4t_core.index import scenarios

            (scenarios.add_pack if add else scenarios.remove_pack)(data)

        edit = edit_of_rows(change, "scenarios")
        self.edit(text, edit, _read_saved, self._saved_read, notice=notice)

    def seen(self, saved: Saved) -> None:
        """Note that the matches of a saved search are being looked at."""
        store, workspace = self._store, self._library.workspace
        if workspace is None or saved.problem:
            return

        when, files_of_size = time.time(), self._library.files_of_size()

        def work(_: Job) -> tuple[Saved, ...]:
            from c4t_core.index import scenarios

            if saved.scenario is not None:
                data = store.get()
                marks = scenarios.located(data, saved.scenario.query, files_of_size)
                counted = scenarios.count(workspace, saved.scenario, marks, fold=False)
                scenarios.look(data, workspace, saved.scenario, counted, when)
            return _read_saved(store.get())

        self._run(work, self._saved_read, None)

    def _recount(self, query: str) -> None:
        """Count again where marks of a query move or choose what a saved search finds."""
        asked = (entry.question for entry in self.saved)
        if any(question.key() == query and question.by_marks for question in asked):
            self.count_saved()

    @Slot()
    def count_saved(self) -> None:
        """Count what matches each saved search now, and what is new since last time."""
        store, workspace, saved = self._store, self._library.workspace, self.saved
        if workspace is None or not saved:
            return
        files_of_size = self._library.files_of_size()

        def work(job: Job) -> tuple[Saved, ...]:
            found = []
            for entry in saved:
                job.check()
                found.append(_counted(store.get(), workspace, files_of_size, entry))
            return tuple(found)

        self._library.runner.submit(
            work, lane=LOOK, key="count", done=self._saved_counted, failed=ignore
        )

    def _saved_read(self, saved: tuple[Saved, ...]) -> None:
        known = {entry.name: entry for entry in self.saved}
        self.saved = tuple(
            dataclasses.replace(entry, matches=known[entry.name].matches)
            if entry.name in known and known[entry.name].question == entry.question
            else entry
            for entry in saved
        )
        self.saved_changed.emit(self.saved)
        self.count_saved()

    def _saved_counted(self, saved: tuple[Saved, ...]) -> None:
        self.saved = saved
        self.saved_changed.emit(saved)


def _image_key(workspace: WorkspaceLike, path: Path) -> ImageKey:
    """Return how the user's data know a frame; its content is hashed so that it is found again."""
    from c4t_core.index.store.user_data import ImageKey

    frame = workspace.frame(path)
    if frame is None:
        return ImageKey.of(path.parent, path.name)
    return ImageKey.of(frame.root, frame.relative, frame.at)


def _note(data: UserData, query: str, keys: list[ImageKey], good: bool | None) -> None:
    """Mark frames; what was said about them where they lay before a move holds no more."""
    contents = {key.digest for key in keys if key.digest}
    gone = [
        mark.image
        for mark in data.marks(query)
        if mark.image.digest in contents and not mark.image.path.is_file()
    ]
    data.mark(query, gone, None)
    data.mark(query, keys, good)


def _read_marks(data: UserData, files_of_size: FilesOfSize, query: str) -> dict[Path, str]:
    """Return the marks of a query by where the files are now."""
    from c4t_core.index.scenarios import located

    found = located(data, query, files_of_size)
    return {path: "right" if good else "wrong" for path, good in found.items()}


def _read_saved(data: UserData) -> tuple[Saved, ...]:
    return tuple(map(_saved, data.scenarios()))


def _saved(scenario: Scenario) -> Saved:
    """Return a saved search; one that cannot be read is listed with the others all the same."""
    from c4t_core.datasets.searchad import PACK, sentences

    question, problem = Question(text=scenario.query), scenario.problem
    try:
        question = saved_question(scenario.query, scenario.settings)
    except DataError as error:
        problem = problem or str(error)
    begin, pack, label = scenario.name.partition(PACK)
    pack = pack if not begin and label in sentences() else ""
    return Saved(scenario.name, question, problem=problem, scenario=scenario, pack=pack)


def _counted(
    data: UserData, workspace: WorkspaceLike, files_of_size: FilesOfSize, saved: Saved
) -> Saved:
    from c4t_core.index import scenarios

    if saved.problem or saved.scenario is None:
        return saved
    try:
        marks = scenarios.located(data, saved.scenario.query, files_of_size)
        counted = scenarios.count(workspace, saved.scenario, marks, fold=False)
    except C4TError:  # not indexed yet, or a drive, folder or image of the query is not open
        return dataclasses.replace(saved, matches=None, fresh=0)
    return dataclasses.replace(
        saved, matches=counted.matches, fresh=counted.new, same_model=counted.same_model
    )
