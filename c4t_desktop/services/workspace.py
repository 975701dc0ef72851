# ruff: noqa: D102 - the core's class says what each does
"""What the window uses of the core's workspace, as a type that a test's double has too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the core is imported on worker threads only
    import numpy as np
    from numpy.typing import NDArray

    from c4t_core.progress import Progress
    from c4t_core.workspace import (
        Filters,
        Frame,
        Hit,
        IndexReport,
        QueryLike,
        Ranking,
        Skipped,
        Space,
        Workspace,
        WorkspaceStatus,
    )

    def _has_it(workspace: Workspace) -> WorkspaceLike:
        return workspace


class WorkspaceLike(Protocol):
    """Some folders, one model, their index; see :class:`c4t_core.workspace.Workspace`."""

    @property
    def roots(self) -> tuple[Path, ...]: ...

    @property
    def notices(self) -> Sequence[str]: ...

    @property
    def model_fingerprint(self) -> str: ...

    def index(
        self, progress: Progress, *, on_commit: Callable[[], None] | None = None
    ) -> IndexReport: ...

    def ranking(
        self, query: QueryLike, *, filters: Filters | None = None, k: int | None = None
    ) -> Ranking: ...

    def threshold(self, query: QueryLike, *, filters: Filters | None = None) -> float | None: ...

    def hits(self, image_ids: Sequence[int], scores: Sequence[float]) -> list[Hit]: ...

    def refine(
        self, query: QueryLike, right: Sequence[int], wrong: Sequence[int]
    ) -> NDArray[np.float32]: ...

    def similar(self, image: Path, k: int | None) -> list[Hit]: ...

    def frame(self, image: Path) -> Frame | None: ...

    def neighbours(self, image: Path, before: int, after: int) -> list[Frame]: ...

    def files_of_size(self, size: int) -> list[Path]: ...

    def drives(self) -> list[tuple[str, int]]: ...

    def cameras(self) -> list[tuple[str, int]]: ...

    def days(self) -> list[tuple[str, int]]: ...

    def status(self) -> WorkspaceStatus: ...

    def skipped(self) -> list[Skipped]: ...

    def retry_skipped(self) -> int: ...

    def space(self) -> Space: ...

    def clean(self) -> int: ...

    def relocate(self, old: Path, new: Path) -> None: ...

    def forget(self, folder: Path) -> None: ...

    def close(self) -> None: ...
