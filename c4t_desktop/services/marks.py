"""What the user makes: right and wrong marks, saved searches; kept by the core.

Everything is read and written in the ``"look"`` lane; this side keeps a copy for the GUI.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Signal, Slot

from c4t_core.errors import C4TError, DataError
from c4t_core.records import dataclass
from c4t_desktop.jobs.runner import Job, ignore
from c4t_desktop.messages import count_text, plural
from c4t_desktop.services.finder import Finder, Found
from c4t_desktop.services.library import LOOK, FilesOfSize, Library
from c4t_desktop.services.question import Question, saved_question
from c4t_desktop.services.undo import STEP, Edit, Keeper, LongEdit, UndoStack, edit_of_rows

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


class MarkBook(Keeper):
    """Marks of the query asked now, and the saved searches.

    Attributes:
        marks: "right" or "wrong" by path; others are others, these are never changed.
        saved: the saved searches, by name.

    Signals:
        changed: other marks (dict of Path to str).
        saved_changed: other saved searches (tuple of Saved).
        exported: all that the user made was written to a file (Path, counts by kind).
        imported: all that a file holds was added (Path, counts by kind of what is there now).
    """

    changed = Signal(object)
    saved_changed = Signal(object)
    exported = Signal(object, object)
    imported = Signal(object, object)

    def __init__(
        self, library: Library, finder: Finder, undo: UndoStack, parent: QObject | None = None
    ) -> None:
        """Start empty; :meth:`load` reads the saved searches."""
        super().__init__(library.runner, undo, parent)
        self._library = library
        self._finder = finder
        self._key = ""
        self.marks: dict[Path, str] = {}
        self.saved: tuple[Saved, ...] = ()
        finder.answered.connect(self._answered)
        finder.read_marks_by(self._marks_for)
        finder.cleared.connect(self._cleared)
        library.index_ended.connect(self.count_saved)
        library.opened.connect(self.count_saved)

    # marks ----------------------------------------------------------------------------------

    def mark(self, frames: Sequence[int | Path], mark: str) -> None:
        """Mark frames as "right" or "wrong" for the query asked now; "" takes marks away.

        Few are shown at once, while they are still being written; they are named by their paths.
        """
        query, workspace = self._key, self._library.workspace
        if not frames or not query or workspace is None:
            return
        chosen, paths = tuple(frames), list[Path]()
        good = {"right": True, "wrong": False, "": None}[mark]

        def keys(some: Sequence[int | Path]) -> list[ImageKey]:
            found = [_image_key(workspace, one) for one in some if isinstance(one, Path)]
            found += workspace.own.keys([one for one in some if isinstance(one, int)])
            paths.extend(key.path for key in found)
            return found

        blocks = [chosen[at : at + STEP] for at in range(0, len(chosen), STEP)]
        parts = [(len(some), _marking(query, partial(keys, some), good)) for some in blocks]
        text = self._mark_text(chosen, mark)
        if len(parts) == 1:
            shown = {one: mark for one in chosen if isinstance(one, Path)}
            self._edit_marks(text, query, parts[0][1], shown)
            return
        before = dict(self.marks)
        self._do(
            text,
            LongEdit(lambda _: parts),
            lambda _, forth: {path: mark if forth else before.get(path, "") for path in paths},
            lambda shown, _: self._show_marks(query, shown, anew=True),
        )

    def _mark_text(self, files: Sequence[object], mark: str) -> str:
        names = {"right": self.tr("mark as right"), "wrong": self.tr("mark as wrong")}
        text = names.get(mark, self.tr("unmark"))
        return text if len(files) == 1 else f"{text} ({count_text(len(files))})"

    @Slot()
    def clear_marks(self) -> None:
        """Take away all marks of the query asked now."""
        query = self._key
        if query and self.marks:

            def parts(data: UserData) -> list[tuple[int, Edit]]:
                images = [mark.image for mark in data.marks(query)]
                blocks = [images[at : at + STEP] for at in range(0, len(images), STEP)]
                return [(len(some), _marking(query, partial(list, some), None)) for some in blocks]

            gone, count = dict.fromkeys(self.marks, ""), len(self.marks)
            notice = plural(count, self.tr("{0} mark cleared."), self.tr("{0} marks cleared."))
            self._edit_marks(self.tr("clear the marks"), query, LongEdit(parts), gone, notice)

    def _edit_marks(
        self,
        text: str,
        query: str,
        edit: Edit | LongEdit,
        marks: dict[Path, str],
        notice: str = "",
    ) -> None:
        """Change marks; they are shown at once, while they are still being written."""
        before = {path: self.marks.get(path, "") for path in marks}
        self._do(
            text,
            edit,
            lambda _data, _forth: None,
            lambda _, forth: self._recount(query),
            begin=lambda forth: self._show_marks(query, marks if forth else before),
            notice=notice,
        )

    def _show_marks(self, query: str, marks: dict[Path, str], *, anew: bool = False) -> None:
        if query == self._key:
            kept = {**self.marks, **marks}
            for path, mark in marks.items():
                if not mark:
                    del kept[path]
            self.marks = kept
            self._tell_marks()
        if anew:
            self._recount(query)

    def following(self, files: Sequence[Path]) -> str:
        """Return the mark after that of the first file: none, right, wrong, none."""
        following = {"": "right", "right": "wrong", "wrong": ""}
        return following[self.marks.get(files[0], "")] if files else "right"

    def _marks_for(self, workspace: WorkspaceLike, query: str) -> dict[Path, str]:
        """Read the marks of a query that is about to be answered; runs in the job that answers."""
        return _read_marks(self._store.get(), workspace.files_of_size, query)

    def _tell_marks(self) -> None:
        self.changed.emit(self.marks)
        self._finder.set_marks(self._key, self.marks)

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
        self.changed.emit(self.marks)
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


def _marking(query: str, keys: Callable[[], list[ImageKey]], good: bool | None) -> Edit:
    """Return a change of the marks of some frames, which ``keys`` looks up on the lane's thread."""
    made: list[Edit] = []
    asked = [keys]  # until it is made: it holds a workspace, with its model's networks
    del keys

    def act(data: UserData) -> None:
        from c4t_core.index.store.user_data import marks_among

        if not made:
            found = asked[0]()
            asked.clear()
            where, values = marks_among(query, found)
            note = partial(_note, query=query, keys=found, good=good)
            made.append(edit_of_rows(note, "marks", where, values))
        made[0].act(data)

    def back(data: UserData) -> None:
        for edit in made:
            edit.back(data)

    return Edit(act, back)


def _note(data: UserData, query: str, keys: list[ImageKey], good: bool | None) -> None:
    """Mark frames; what was said about them where they lay before a move holds no more."""
    contents = {key.digest for key in keys if key.digest}
    moved = [mark.image for mark in data.marks(query, keys) if mark.image.digest in contents]
    data.mark(query, [image for image in moved if not image.path.is_file()], None)
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
