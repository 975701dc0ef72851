# ruff: noqa: D102 - the core's class says what each does
"""What the window uses of the core's workspace, as a type that a test's double has too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the core is imported on worker threads only
    from c4t_core.progress import Progress
    from c4t_core.workspace import (
        Answer,
        Event,
        Filters,
        Frame,
        Hit,
        IndexReport,
        QueryLike,
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

    def answer(
        self,
        query: QueryLike,
        *,
        filters: Filters | None = None,
        k: int | None = None,
        right: Sequence[Path] = (),
        wrong: Sequence[Path] = (),
    ) -> Answer: ...

    def events(self, hits: Sequence[Hit]) -> list[Event]: ...

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
