"""The same question put to two models: whose hits are whose, and how the ranks moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from c4t_core.records import dataclass
from c4t_desktop.jobs.runner import Job
from c4t_desktop.services.library import SEARCH, WORK, Library, open_folders
from c4t_desktop.services.question import Question
from c4t_desktop.services.rows import Row

if TYPE_CHECKING:
    from c4t_core.workspace import Hit
    from c4t_desktop.services.workspace import WorkspaceLike

DEPTH = 100  # hits of each model that are compared
LEFT, RIGHT = 0, 1


@dataclass(frozen=True)
class ComparedRow(Row):
    """A card of one model.

    Attributes:
        rank: its rank here, from 1.
        other: its rank with the other model; None if it is not among the other's first hits.
    """

    rank: int = 0
    other: int | None = None


@dataclass(frozen=True)
class Compared:
    """Two rankings side by side.

    Attributes:
        rows: the cards of the left and of the right model; where there is nothing to compare
            with, plain rows without ranks.
        shared: how many frames are among the first hits of both.
        low: least score shown of each.
        best: greatest score of each.
        unknown: which models have seen no frame yet (left, right).
    """

    rows: tuple[tuple[Row, ...], tuple[Row, ...]] = ((), ())
    shared: int = 0
    low: tuple[float, float] = (0.0, 0.0)
    best: tuple[float, float] = (1.0, 1.0)
    unknown: tuple[bool, bool] = (False, False)


def compare_hits(
    left: Sequence[Hit] | None, right: Sequence[Hit] | None, *, ranks: bool = True
) -> Compared:
    """Join two rankings by file.

    Args:
        left: hits (Hit), best first; None where the model has no index.
        right: those of the other model.
        ranks: whether the ranks are worth showing; not so for the same model twice.
    """
    found = (left or (), right or ())
    unknown = (left is None, right is None)
    ranks_by_file = [{hit.path: at for at, hit in enumerate(hits, 1)} for hits in found]
    rows: list[tuple[Row, ...]] = []
    for side, hits in enumerate(found):
        if ranks and not any(unknown):
            other = ranks_by_file[1 - side]
            rows.append(
                tuple(
                    ComparedRow(h, rank=at, other=other.get(h.path)) for at, h in enumerate(hits, 1)
                )
            )
        else:
            rows.append(tuple(Row(hit) for hit in hits))
    scores = [[hit.score for hit in hits] or [0.0] for hits in found]
    return Compared(
        (rows[LEFT], rows[RIGHT]),
        len(ranks_by_file[LEFT].keys() & ranks_by_file[RIGHT].keys()),
        (min(scores[LEFT]), min(scores[RIGHT])),
        (max(scores[LEFT]), max(scores[RIGHT])),
        unknown,
    )


@dataclass(frozen=True)
class IndexNeeded:
    """Frames that a model has not seen yet.

    Attributes:
        model: its name.
        missing: how many.
    """

    model: str
    missing: int


class Comparison(QObject):
    """Keeps a workspace per model on the open folders and asks both the same.

    Attributes:
        models: names of the left and the right model.

    Signals:
        answered: both have answered (Compared).
        index_needed: a model has not seen all frames; :meth:`index` mends that (IndexNeeded).
        indexing: progress of the missing index (done, total).
        failed: something went wrong (Exception).
    """

    answered = Signal(object)
    index_needed = Signal(object)
    indexing = Signal(int, int)
    failed = Signal(object)

    def __init__(
        self,
        library: Library,
        *,
        open_workspace: Callable[[Sequence[Path], str], WorkspaceLike] | None = None,
        parent: QObject | None = None,
    ) -> None:
        """Compare the model in use with the next one there is; nothing is asked yet."""
        super().__init__(parent)
        self._library = library
        self._open = open_workspace or open_folders
        self._workspaces: dict[tuple[tuple[Path, ...], str], WorkspaceLike] = {}
        self._question = Question()
        self._closed = False
        usable = [info.name for info in library.models if info.available]
        other = next((name for name in usable if name != library.model), library.model)
        self.models = (library.model, other)

    def choose(self, left: str, right: str) -> None:
        """Compare these two models."""
        self.models = (left, right)
        self.refresh()

    def ask(self, question: Question) -> None:
        """Put a question to both."""
        self._question = question
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Ask the same again."""
        if self._closed:  # an index that was stopped by closing asks once more
            return
        folders, models, question = self._library.folders, self.models, self._question
        workspace_of = self._workspaces_of(folders)
        if question.empty or not folders:
            self.answered.emit(Compared())
            return

        def work(job: Job) -> Compared:
            hits: list[list[Hit] | None] = []
            for model in models:
                job.check()
                workspace = workspace_of(model)
                status = workspace.status()
                missing = status.total - status.embedded - status.skipped
                if missing > 0:
                    job.report(IndexNeeded(model, missing))
                    if not status.embedded:
                        hits.append(None)
                        continue
                query, filters = question.query(), question.filters
                hits.append(workspace.answer(query, filters=filters, k=DEPTH).hits())
            return compare_hits(hits[LEFT], hits[RIGHT], ranks=models[LEFT] != models[RIGHT])

        self._library.runner.submit(
            work,
            lane=SEARCH,
            key="compare",
            progress=self.index_needed.emit,
            done=self.answered.emit,
            failed=self.failed.emit,
            owner=self,
        )

    def index(self, model: str) -> None:
        """Make a model's index, in the background, then ask again."""
        workspace_of = self._workspaces_of(self._library.folders)

        def work(job: Job) -> None:
            workspace_of(model).index(job.progress, newer=False)

        self._library.runner.submit(
            work,
            lane=WORK,
            key="compare-index",
            progress=self._progress,
            failed=self.failed.emit,
            finished=self.refresh,
            owner=self,
        )

    def _progress(self, value: tuple[int, int]) -> None:
        self.indexing.emit(*value)

    def _workspaces_of(self, folders: tuple[Path, ...]) -> Callable[[str], WorkspaceLike]:
        """Return what gives the workspace of a model, on worker threads.

        The library's own is open and warm; it is not kept, as the library closes it.
        """
        opened = self._library.opened_now

        def of(model: str) -> WorkspaceLike:
            if opened is not None and (opened.folders, opened.model) == (folders, model):
                return opened.workspace
            key = (folders, model)
            if key not in self._workspaces:
                self._workspaces[key] = self._open(folders, model)
            return self._workspaces[key]

        return of

    def close(self) -> None:
        """Stop and close what was opened."""
        self._closed = True
        self._library.runner.cancel_key("compare")
        self._library.runner.cancel_key("compare-index")
        workspaces, self._workspaces = self._workspaces, {}
        self._library.put_away(workspaces.values())
