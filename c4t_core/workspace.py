"""The one facade of the core: some folders, one model, their index.

API in place, bodies follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from c4t_core.index.search import Hit, Query
from c4t_core.models.protocol import Model
from c4t_core.progress import Progress, ignore


@dataclass(frozen=True)
class Skipped:
    """A file (or folder) that was left out, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class IndexReport:
    """What one run of indexing found and did.

    ``total`` = ``embedded`` + ``unchanged`` + ``offline`` + the skipped image files.
    """

    total: int
    embedded: int
    unchanged: int
    gone: int
    offline: int
    skipped: list[Skipped]


@dataclass(frozen=True)
class FolderStatus:
    """One opened folder: what is known of it without touching the disk it lies on."""

    folder: Path
    total: int  # images in the catalogue
    embedded: int  # of them, with a vector of this model
    skipped: int
    offline: bool
    scanned: float | None  # when a run for this model last finished, seconds since 1970
    busy: str | None  # who is indexing it now, in words


@dataclass(frozen=True)
class WorkspaceStatus:
    """All opened folders together."""

    total: int
    embedded: int
    offline: int
    skipped: int
    folders: tuple[FolderStatus, ...]
    size_bytes: int  # of the whole catalogue
    search: str  # "exact", "hnsw" or "hnsw missing"


@dataclass(frozen=True)
class Frame:
    """One image of the catalogue, without a score (see :class:`Hit` for the fields)."""

    path: Path
    root: Path
    relative: str
    drive: str | None
    camera: str | None
    frame: int | None
    time: float | None
    image_id: int
    size: int
    mtime: float


@dataclass(frozen=True)
class Ranking:
    """Hits as numbers only, best first: for views that load rows when they are shown."""

    image_ids: NDArray[np.int64]  # (n,)
    scores: NDArray[np.float32]  # (n,)


@dataclass(frozen=True)
class Filters:
    """What a search is restricted to; empty fields restrict nothing."""

    within: tuple[str | Path, ...] = ()  # sub-folders, relative to an opened folder or absolute
    drives: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    since: float | None = None  # seconds since 1970 UTC, inclusive
    until: float | None = None  # exclusive
    only: frozenset[int] | None = None  # image ids, such as the hits of an earlier search
    without: frozenset[int] = frozenset()


class Workspace:
    """Folders, a model, their index. Every method may be called from any thread."""

    roots: tuple[Path, ...]
    model_name: str
    notices: list[str]  # sentences for the user, such as "the catalogue was damaged and ..."

    def index(
        self, progress: Progress = ignore, *, on_commit: Callable[[], None] | None = None
    ) -> IndexReport:
        """Embed what is new or changed; progress gets (0, 0) while the folders are scanned."""
        raise NotImplementedError

    def search(
        self,
        query: str | Query,
        k: int | None = 50,
        *,
        exact: bool = False,
        within: Sequence[str | Path] = (),
        drive: str | None = None,
        filters: Filters | None = None,
        above: float | None = None,
    ) -> list[Hit]:
        """Return the best hits, best first, ties by path."""
        raise NotImplementedError

    def ranking(
        self, query: str | Query, *, filters: Filters | None = None, k: int | None = None
    ) -> Ranking:
        """Return ids and scores of all hits, best first; see :meth:`hits`."""
        raise NotImplementedError

    def hits(self, image_ids: Sequence[int], scores: Sequence[float], first: int = 1) -> list[Hit]:
        """Load some rows of a ranking."""
        raise NotImplementedError

    def scores(self, query: str | Query, *, filters: Filters | None = None) -> NDArray[np.float32]:
        """Return all cosine scores, (n,), in no particular order."""
        raise NotImplementedError

    def threshold(self, query: str | Query, *, filters: Filters | None = None) -> float | None:
        """Return the automatic cut of a query, None when nothing stands out."""
        raise NotImplementedError

    def refine(
        self, query: str | Query, right: Sequence[int], wrong: Sequence[int]
    ) -> NDArray[np.float32]:
        """Return a query direction moved towards right and away from wrong images."""
        raise NotImplementedError

    def similar(self, image: int | str | Path, k: int | None = 50) -> list[Hit]:
        """Return the images most like one of the catalogue, or like any image file."""
        raise NotImplementedError

    def neighbours(self, image: int | str | Path, before: int = 3, after: int = 3) -> list[Frame]:
        """Return frames around one of the same drive and camera, in time order, with itself."""
        raise NotImplementedError

    def frame(self, image: int | str | Path) -> Frame | None:
        """Return one image of the catalogue, None if it is not there."""
        raise NotImplementedError

    def status(self) -> WorkspaceStatus:
        """Return what is known without reading any image folder."""
        raise NotImplementedError

    def skipped(self) -> list[Skipped]:
        """Return the files left out by the last run, with reasons."""
        raise NotImplementedError

    def retry_skipped(self) -> int:
        """Forget why files failed, so that the next run tries them again; return how many."""
        raise NotImplementedError

    def drives(self) -> list[tuple[str, int]]:
        """Return the drives and their number of images."""
        raise NotImplementedError

    def cameras(self) -> list[tuple[str, int]]:
        """Return the cameras and their number of images."""
        raise NotImplementedError

    def close(self) -> None:
        """Release the catalogue."""

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_workspace(
    folders: str | Path | Sequence[str | Path], model: str | Model = "c4t"
) -> Workspace:
    """Open folders for searching and indexing; nothing is read from them yet."""
    raise NotImplementedError
