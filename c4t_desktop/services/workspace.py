"""What the window uses of the core's workspace, as a type that a test's double has too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the core is imported on worker threads only
    import numpy as np
    from numpy.typing import NDArray

    from c4t_core.index.embed import OnPicture
    from c4t_core.index.indexer import IndexReport
    from c4t_core.index.query import Noted
    from c4t_core.index.store.user_data import ImageKey
    from c4t_core.progress import Progress
    from c4t_core.workspace import (
        Answer,
        Filters,
        Frame,
        Hit,
        QueryLike,
        Skipped,
        Space,
        Workspace,
        WorkspaceStatus,
    )

    def _has_it(workspace: Workspace) -> WorkspaceLike:
        return workspace


class OwnLike(Protocol):
    """What the user said of the frames of the open folders; see :class:`c4t_core.index.own.Own`."""

    def tags(self) -> list[tuple[str, int]]:
        """Return the tags and how many frames have each, by name."""

    def tagged(self) -> dict[int, tuple[str, ...]]:
        """Return the tags of each frame that has any, by its id."""

    def ids(self, images: Iterable[int | str | Path]) -> list[int]:
        """Return the ids of frames by their paths."""

    def keys(self, images: Iterable[int | str | Path]) -> list[ImageKey]:
        """Return how the user's data know frames."""


class WorkspaceLike(Protocol):
    """Some folders, one model, their index; see :class:`c4t_core.workspace.Workspace`."""

    @property
    def roots(self) -> tuple[Path, ...]:
        """The opened folders, absolute, as they were named."""

    @property
    def notices(self) -> Sequence[str]:
        """Sentences for the user, such as that the catalogue was rebuilt."""

    @property
    def model_fingerprint(self) -> str:
        """Identity of the model, for provenance."""

    @property
    def own(self) -> OwnLike:
        """What the user said of its frames."""

    def noted(self, image_ids: Sequence[int] | NDArray[np.int64], query: str = "") -> Noted:
        """Return the marks and tags of images, and which of them are one event."""

    def index(
        self,
        progress: Progress,
        *,
        on_commit: Callable[[], None] | None = None,
        reindex: bool = False,
        on_picture: OnPicture | None = None,
        newer: bool = True,
    ) -> IndexReport:
        """Embed what is new or changed, and forget what is gone; bring newer tables if wanted."""

    def answer(
        self,
        query: QueryLike,
        *,
        filters: Filters | None = None,
        k: int | None = None,
        right: Sequence[Path] = (),
        wrong: Sequence[Path] = (),
    ) -> Answer:
        """Return ranked ids and scores, with their automatic cut and how they spread."""

    def browse(self, *, filters: Filters | None = None) -> Answer:
        """Return all frames that filters let through, drive by drive, each in time order."""

    def similar(self, image: Path, k: int | None) -> list[Hit]:
        """Return the ``k`` images most like one, best first; None for all."""

    def frame(self, image: Path) -> Frame | None:
        """Return one image of the catalogue, None if it is not there."""

    def neighbours(self, image: Path, before: int, after: int) -> list[Frame]:
        """Return the frames around one, in time order, with itself."""

    def files_of_size(self, size: int) -> list[Path]:
        """Return the catalogued files of a size in bytes."""

    def drives(self) -> list[tuple[str, int]]:
        """Return the drives and their number of images, by name."""

    def groups(self, by: str, folder: Path = Path()) -> list[tuple[str, int]]:
        """Return (name, number of images) of every "camera", "day" or "folder" below one."""

    def status(self) -> WorkspaceStatus:
        """Return what is known without reading any image folder."""

    def skipped(self) -> list[Skipped]:
        """Return the files left out by the last run, with reasons."""

    def retry_skipped(self) -> int:
        """Have the next run try the skipped files again; return how many there are."""

    def space(self) -> Space:
        """Return what the catalogue and its caches take on disk."""

    def clean(self) -> int:
        """Give back disk space; return the number of bytes."""

    def relocate(self, old: Path, new: Path) -> None:
        """Note that a folder was moved, so that nothing is embedded again."""

    def rest(self) -> None:
        """Give back the memory of the model's networks until their next use."""

    def close(self) -> None:
        """Release the catalogue; closing twice is allowed."""
