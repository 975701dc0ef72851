"""The open folders, their model and their index: what is there and what runs.

All core work goes through the runner; this object lives in the GUI thread and only keeps what
the jobs brought back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from PySide6.QtCore import QObject, Signal

from c4t_core.addresses import is_table
from c4t_core.progress import RateMeter
from c4t_core.progress import ignore as unheard
from c4t_core.records import dataclass
from c4t_desktop.jobs.runner import Job, JobRunner, OneJob, ignore, owner_of

if TYPE_CHECKING:
    from c4t_core.index.embed import OnPicture
    from c4t_core.index.indexer import IndexReport
    from c4t_core.models.protocol import ModelInfo
    from c4t_core.progress import Progress
    from c4t_core.workspace import Workspace, WorkspaceStatus
    from c4t_desktop.services.workspace import WorkspaceLike
    from c4t_desktop.settings import Settings

T = TypeVar("T")
FilesOfSize = Callable[[int], Sequence[Path]]
WORK, SEARCH, LOOK = "work", "search", "look"
EDITS = "edits"  # changes of many frames take long, and reads do not wait for them
ROWS = "rows"  # cards of the grid
DETAILS = "details"  # of its own: counting what saved searches find may take long
EXPORT, EVALUATE = "export", "evaluate"
_NEED_IT = {WORK, SEARCH, LOOK, EDITS, ROWS, DETAILS, EXPORT, EVALUATE}  # the open workspace
NEWER = "newer"  # a lane of its own: the address of a table may answer late
_STOPPED, _STOPPED_KEPT = "stopped", 20  # runs of which it is kept how far they came
COUNT_EVERY = 2.0  # seconds between two counts while the index grows, and at least
COUNT_SHARE = 20  # times what the last one took: counting a million frames takes a second


@dataclass(frozen=True)
class Opened:
    """What is open.

    Attributes:
        folders: as the user chose them.
        model: name of the model.
        workspace: the core's :class:`~c4t_core.workspace.Workspace`; for jobs only.
        status: its status when it was opened.
    """

    folders: tuple[Path, ...]
    model: str
    workspace: WorkspaceLike
    status: WorkspaceStatus


@dataclass(frozen=True)
class Indexing:
    """How far the index is.

    Attributes:
        done: images done, with those of a stopped run that this one goes on from.
        total: images in all, counted likewise; 0 while the folders are still being looked through.
        rate: images per second.
        seconds_left: estimated; None while unknown.
        paused: held by the user.
    """

    done: int
    total: int
    rate: float
    seconds_left: float | None
    paused: bool


Open = Callable[[Sequence[Path], str, Sequence[str] | None, "Progress"], "WorkspaceLike"]
"""Opens folders and tables: with a model, without sub-folders of these names; tells how far it
has read tables."""


def open_folders(
    folders: Sequence[Path],
    model: str,
    excludes: Sequence[str] | None = None,
    progress: Progress = unheard,
) -> WorkspaceLike:
    """Open a workspace; the core is imported here, on the worker thread, and not before."""
    from dataclasses import replace

    from c4t_core.cluster.opening import open_workspace
    from c4t_core.images.scan import ExcludeRules

    rules = None
    if excludes is not None:
        rules = replace(ExcludeRules(), folders=(*ExcludeRules().folders, *excludes))
    return open_workspace(list(folders), model, exclude=rules, progress=progress)


def _key(opened: Opened) -> str:
    """Return what the settings call some folders with a model."""
    return "|".join((opened.model, *map(str, opened.folders)))


def _forget_folders(folders: Sequence[Path]) -> None:
    from c4t_core.workspace import forget_folders

    forget_folders(folders)


def _list_models() -> tuple[ModelInfo, ...]:
    from c4t_core.models.registry import list_models

    return tuple(list_models())


class Library(QObject):
    """Opens folders, switches the model, runs the index.

    Attributes:
        folders: what the user wants open.
        opened_now: what is open of it, None while that is being opened.
        model: name of the model in use.
        models: what the core knows about models (tuple of ModelInfo).
        report: what the last run over the open folders found, None before its end.

    Signals:
        opening: folders are about to be opened (tuple of Path, model name).
        reading: how many rows of a table were read, and of how many (two ints), before that.
        opened: they are open (Opened).
        newer: the tables of which there is a newer version (tuple of str).
        open_failed: they cannot be opened (Exception).
        closed: nothing is open any more.
        indexing: progress of the index (Indexing).
        index_ended: the index is up to date, or stopped (IndexReport or None), or failed.
        index_failed: the index could not be made (Exception).
        committed: frames were added that can be found now.
        status_changed: counts changed (WorkspaceStatus).
        models_listed: the list of models is known (tuple of ModelInfo).
    """

    opening = Signal(object, str)
    reading = Signal(object)
    opened = Signal(object)
    newer = Signal(object)
    open_failed = Signal(object)
    closed = Signal()
    indexing = Signal(object)
    index_ended = Signal(object)
    index_failed = Signal(object)
    committed = Signal()
    status_changed = Signal(object)
    models_listed = Signal(object)

    def __init__(
        self,
        runner: JobRunner,
        *,
        model: str = "c4t",
        open_workspace: Open | None = None,
        list_models: Callable[[], tuple[ModelInfo, ...]] | None = None,
        thumbnails: Callable[[], OnPicture | None] | None = None,
        settings: Settings | None = None,
        parent: QObject | None = None,
    ) -> None:
        """Start with nothing open.

        ``thumbnails`` gives, as an index run starts, what keeps thumbnails of what it decodes;
        ``settings`` keep how far runs came that were stopped.
        """
        super().__init__(parent)
        self.runner = runner
        self._open_workspace = open_workspace or open_folders
        self._list_models = list_models or _list_models
        self._opened_now: Opened | None = None
        self._left: Opened | None = None  # other folders: closed when their last query has ended
        self.folders: tuple[Path, ...] = ()
        self.model = model
        self.models: tuple[ModelInfo, ...] = ()
        self._excludes: tuple[str, ...] | None = None
        self.report: IndexReport | None = None
        self._thumbnails = thumbnails or (lambda: None)
        self._meter = RateMeter()
        self._index = OneJob(runner, WORK)
        self._last = (0, 0)
        self._settings = settings
        self._stopped: dict[str, list[int]] = settings.recall(_STOPPED, {}) if settings else {}
        self._reached: tuple[str, list[int]] = ("", [])  # by the run that goes on, and its key
        self._counted, self._count_every = 0.0, COUNT_EVERY

    @property
    def opened_now(self) -> Opened | None:
        """What is open."""
        return self._opened_now

    @property
    def workspace(self) -> WorkspaceLike | None:
        """What is open, for jobs; None while nothing is."""
        return self._opened_now.workspace if self._opened_now is not None else None

    def files_of_size(self) -> FilesOfSize:
        """Return what finds known files by their size.

        With it, what the user said about a file is found again where the file lies now
        (:func:`c4t_core.index.store.user_data.locate`).
        """
        return self.workspace.files_of_size if self.workspace is not None else lambda _: ()

    # models ---------------------------------------------------------------------------------

    def list_models(self) -> None:
        """Ask what models there are."""
        self.runner.submit(
            lambda _: self._list_models(), lane=LOOK, key="models", done=self._models_known
        )

    def _models_known(self, models: tuple[ModelInfo, ...]) -> None:
        self.models = models
        self.models_listed.emit(self.models)

    def use_model(self, name: str) -> None:
        """Search with another model; its index is made in the background."""
        if name == self.model and self._opened_now is not None:
            return
        self.model = name
        if self.folders:
            self.open(self.folders, name)

    # folders --------------------------------------------------------------------------------

    def leave_out(self, excludes: tuple[str, ...] | None) -> None:
        """Leave out folders from the next opening on.

        Args:
            excludes: patterns of names besides the usual ones; None for the rules that a folder
                has, such as those given on the command line.
        """
        self._excludes = excludes

    def open(self, folders: Sequence[Path], model: str | None = None) -> None:
        """Open folders with a model; what runs for the old ones is stopped."""
        self.stop_index()
        self.runner.cancel_key("search")
        self.folders = tuple(folders)
        self.report = None
        self.model = model or self.model
        wanted, name, excludes = self.folders, self.model, self._excludes
        if self._opened_now is not None and self._opened_now.folders != wanted:
            self._left, self._opened_now = self._opened_now, None

        made: list[WorkspaceLike] = []

        def work(job: Job) -> Opened:
            made.append(self._open_workspace(wanted, name, excludes, job.progress))
            return Opened(wanted, name, made[0], made[0].status())

        self.opening.emit(wanted, name)
        self.runner.submit(
            work,
            lane=WORK,
            key="open",
            done=self._opened,
            progress=self.reading.emit,
            failed=self._open_failed,
            finished=lambda: self.put_away(made),
        )

    def _opened(self, opened: Opened) -> None:
        self._leave()
        self._opened_now = opened
        self.opened.emit(opened)

    def _open_failed(self, error: Exception) -> None:
        self._leave()
        self.open_failed.emit(error)

    def _held(self) -> list[WorkspaceLike]:
        return [opened.workspace for opened in (self._left, self._opened_now) if opened]

    def _leave(self) -> None:
        """Close what was open; its index has ended before."""
        workspaces = self._held()
        self._left = self._opened_now = None
        self.put_away(workspaces)

    def put_away(self, workspaces: Iterable[WorkspaceLike]) -> None:
        """Close workspaces once no job needs them any more; those held here stay.

        Whatever was asked of them before goes on: queries, what the user marks and tags, details,
        an export. An index that goes on is not waited for, as it is that of what stays open.
        """
        unused = [workspace for workspace in workspaces if workspace not in self._held()]

        def rest(_: Job) -> None:
            for workspace in unused:
                workspace.rest()  # whatever still names it holds no networks

        def close(job: Job) -> None:
            rest(job)  # they may have been opened again meanwhile
            for workspace in unused:
                workspace.close()

        def unneeded() -> None:
            self.runner.submit(close, lane=LOOK, failed=ignore)

        def needs_it(job: Job) -> bool:
            return job.lane in _NEED_IT and not self._index.goes_on_as(job)

        if unused:
            self.runner.after(needs_it, unneeded)
            self.runner.submit(rest, lane=SEARCH, failed=ignore)  # at once: a job may take long

    def close(self) -> None:
        """Close what is open."""
        self.stop_index()
        self.runner.cancel_key("open")
        self.runner.cancel_key("search")
        self._leave()
        self.folders = ()
        self.report = None
        self.closed.emit()

    def forget(self, folders: Sequence[Path], failed: Callable[[Exception], None]) -> None:
        """Drop the index of folders that are not open, before anything else is opened."""
        self.runner.submit(lambda _: _forget_folders(folders), lane=WORK, failed=failed)

    def release(self) -> None:
        """Close what is open, here and now: for when no job runs any more."""
        if self.is_indexing:
            self._note_reached()  # nobody hears of its end any more
        for workspace in self._held():
            workspace.close()

    # index ----------------------------------------------------------------------------------

    def index(
        self,
        *,
        reindex: bool = False,
        newer: bool | None = None,
        after: Callable[[Job], bool] | None = None,
    ) -> None:
        """Bring the index up to date, in the background.

        Args:
            reindex: make it anew with the model's fastest image graph; the old one serves until
                that is done.
            newer: switch to the newest versions of tables; None to do so where nothing else is
                open, as there is nothing else to be asked for.
            after: as of :meth:`JobRunner.submit`; the index counts as going on meanwhile.
        """
        opened = self._opened_now
        if opened is None or opened.model != self.model:
            return

        keeper = self._thumbnails()
        switches = self.only_tables if newer is None else newer
        before = 0 if reindex else (self.unfinished or (0, 0))[0]
        reached: list[int] = []

        def work(job: Job) -> IndexReport:
            def progress(done: int, total: int, /) -> None:
                if total:
                    reached[:] = before + done, before + total
                job.progress(*(reached or (0, 0)))

            return opened.workspace.index(
                progress,
                on_commit=lambda: job.report("committed"),
                reindex=reindex,
                on_picture=keeper,
                newer=switches,
            )

        def done(report: IndexReport) -> None:
            self.report = report
            if switches:
                self.newer.emit(())
            self.index_ended.emit(report)

        if self._index.start(
            work,
            done=done,
            failed=self.index_failed.emit,
            stopped=lambda: self.index_ended.emit(None),
            progress=self._index_progress,
            ended=self._index_over,
            after=after,
        ):
            # While all is embedded anew, the old index is whole.
            self._reached = (_key(opened), [] if reindex else reached)
            self._meter = RateMeter()
            self._last = (0, 0)
            self._counted = 0.0
            self._tell_progress()

    def _index_over(self) -> None:
        self._note_reached()
        self.refresh_status()

    def _note_reached(self) -> None:
        """Keep how far a run came, unless it came to its end."""
        key, reached = self._reached
        if not reached:
            return
        self._stopped.pop(key, None)
        done, total = reached
        if done < total:
            self._stopped[key] = [done, total]
        for old in list(self._stopped)[:-_STOPPED_KEPT]:
            del self._stopped[old]
        if self._settings is not None:
            self._settings.remember(_STOPPED, self._stopped)

    @property
    def unfinished(self) -> tuple[int, int] | None:
        """How many images the last run over what is open did, and of how many; None if all."""
        kept = self._stopped.get(_key(self._opened_now)) if self._opened_now else None
        return (kept[0], kept[1]) if kept and not self.is_indexing else None

    @property
    def is_indexing(self) -> bool:
        """Whether the index is being made."""
        return self._index.running

    @property
    def is_paused(self) -> bool:
        """Whether the user holds the index."""
        return self._index.paused

    def pause(self, paused: bool) -> None:
        """Hold the index, or let it go on."""
        if self.is_indexing:
            self._index.pause(paused)
            self._meter = RateMeter()  # the pause is no part of the rate
            self._tell_progress()

    def stop_index(self) -> None:
        """Stop the index; what is done is kept."""
        self._index.cancel()

    def _index_progress(self, value: tuple[int, int] | str) -> None:
        if isinstance(value, str):  # "committed"
            self.committed.emit()
            if time.monotonic() - self._counted >= self._count_every:
                self._counted = time.monotonic()
                self.refresh_status()
            return
        self._last = value
        self._meter.update(*value)
        self._tell_progress()

    def _tell_progress(self) -> None:
        done, total = self._last
        meter = self._meter
        state = Indexing(done, total, meter.rate, meter.seconds_left, self.is_paused)
        self.indexing.emit(state)

    # small reads ----------------------------------------------------------------------------

    @property
    def only_tables(self) -> bool:
        """Whether all that is wanted open are shared tables, which are only read."""
        return bool(self.folders) and all(map(is_table, self.folders))

    def look_for_newer(self) -> None:
        """Ask whether there is a newer version of a table than the one that is read."""
        if not any(map(is_table, self.folders)):
            return

        def read(workspace: WorkspaceLike) -> tuple[str, ...]:
            from c4t_core.cluster.opening import newer_tables

            return newer_tables(cast("Workspace", workspace))

        self.look(read, key=NEWER, done=self.newer.emit, lane=NEWER)

    def refresh_status(self) -> None:
        """Ask for fresh counts."""

        def read(workspace: WorkspaceLike) -> tuple[WorkspaceStatus, float]:
            begun = time.monotonic()
            return workspace.status(), time.monotonic() - begun

        def done(found: tuple[WorkspaceStatus, float]) -> None:
            self._count_every = max(COUNT_EVERY, COUNT_SHARE * found[1])
            self.status_changed.emit(found[0])

        self.look(read, key="status", done=done)

    def look(
        self,
        read: Callable[[WorkspaceLike], T],
        *,
        key: str,
        done: Callable[[T], None],
        lane: str = LOOK,
    ) -> None:
        """Read something from the open workspace.

        What is read is dropped if another one is open by then, or whoever asked is deleted.
        """
        opened = self._opened_now
        if opened is None:
            return

        def apply(value: T) -> None:
            if self._opened_now is opened:
                done(value)

        self.runner.submit(
            lambda _: read(opened.workspace),
            lane=lane,
            key=key,
            done=apply,
            failed=ignore,
            owner=owner_of(done),
        )
