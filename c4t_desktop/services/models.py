"""Adds, downloads and removes models in the background, one change at a time."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Signal

from c4t_core.records import dataclass
from c4t_desktop.jobs.runner import Job, JobRunner, OneJob

if TYPE_CHECKING:
    from c4t_core.models.protocol import ModelInfo

T = TypeVar("T")
LANE = "models"
ARCHITECTURES = (
    "ViT-B-32", "ViT-B-32-quickgelu", "ViT-B-16", "ViT-B-16-quickgelu", "ViT-L-14",
    "ViT-L-14-quickgelu", "ViT-L-14-336", "ViT-H-14", "RN50", "RN101",
)  # fmt: skip
"""Offered for checkpoint files; any other name of open_clip's can be typed."""
EXTRAS = (("train", "torch"), ("clip", "open_clip"))


@dataclass(frozen=True)
class MissingExtra:
    """Packages that are not installed.

    Attributes:
        extra: name of the extra.
        size: how large it is, in words.
        command: what installs it.
    """

    extra: str
    size: str
    command: str


def missing_extras() -> tuple[MissingExtra, ...]:
    """Return the extras whose packages are not installed; imports none of them."""
    from c4t_core.errors import MissingExtraError

    found = []
    for extra, package in EXTRAS:
        if importlib.util.find_spec(package) is None:
            error = MissingExtraError("", extra)
            found.append(MissingExtra(extra, error.SIZES[extra], error.command))
    return tuple(found)


class ModelStore(QObject):
    """Changes what models there are.

    Attributes:
        doing: what goes on: ``"add"``, ``"ask"``, ``"download"``, ``"remove"`` or "".

    Signals:
        begun: something goes on now (what).
        progressed: bytes done and in all, of a download.
        size_known: name and bytes of a download that was asked about.
        changed: a model was added or removed: what and its name.
        failed: it did not work (Exception).
        ended: nothing goes on any more.
        counted: how far the indexes are (dict: name to frames that it has, and all there are).
    """

    begun = Signal(str)
    progressed = Signal(object, object)
    size_known = Signal(str, object)
    changed = Signal(str, str)
    failed = Signal(object)
    ended = Signal()
    counted = Signal(object)

    def __init__(self, runner: JobRunner, parent: QObject | None = None) -> None:
        """Change nothing yet."""
        super().__init__(parent)
        self._runner = runner
        self._job = OneJob(runner, LANE, self)
        self._doing = ""

    @property
    def doing(self) -> str:
        """What goes on."""
        return self._doing if self._job.running else ""

    def add_folder(self, folder: Path, name: str) -> None:
        """Copy a C4T model folder, or one with a checkpoint of open_clip, to the user's models."""

        def work(_: Job) -> str:
            from c4t_core.models import clip_folder
            from c4t_core.models.registry import register

            if (folder / clip_folder.CONFIG).is_file():
                from c4t_core.models.clip import add_checkpoint

                return add_checkpoint(clip_folder.weights_in(folder), name)
            return register(folder, name)

        self._change("add", work)

    def add_checkpoint(self, file: Path, name: str, architecture: str) -> None:
        """Copy a CLIP checkpoint to the user's models."""

        def work(_: Job) -> str:
            from c4t_core.models.clip import add_checkpoint

            return add_checkpoint(file, name or None, architecture or None)

        self._change("add", work)

    def ask_size(self, name: str) -> None:
        """Ask how large a download is."""

        def work(_: Job) -> int:
            from c4t_core.models.clip import download_size

            return download_size(name)

        self._run("ask", work, lambda size: self.size_known.emit(name, size))

    def download(self, name: str) -> None:
        """Download a CLIP model; an attempt that broke off goes on."""

        def work(job: Job) -> str:
            from c4t_core.models.clip import download

            return download(name, job.progress)

        self._change("download", work)

    def remove(self, name: str) -> None:
        """Delete a model."""

        def work(_: Job) -> str:
            from c4t_core.models.registry import remove

            remove(name)
            return name

        self._change("remove", work)

    def count_indexed(self, folders: Sequence[Path], infos: Sequence[ModelInfo]) -> None:
        """Count how many frames of some folders each model has indexed."""

        def work(_: Job) -> dict[str, tuple[int, int]]:
            from c4t_core.workspace import count_indexed

            return count_indexed(folders, infos)

        self._runner.submit(
            work, lane=LANE, key=LANE, done=self.counted.emit, failed=self.failed.emit, owner=self
        )

    def cancel(self) -> None:
        """Stop what goes on, at the next report of progress."""
        self._job.cancel()

    def _change(self, doing: str, work: Callable[[Job], str]) -> None:
        self._run(doing, work, lambda name: self.changed.emit(doing, name))

    def _run(self, doing: str, work: Callable[[Job], T], done: Callable[[T], None]) -> None:
        if self._job.start(
            work,
            done=done,
            failed=self.failed.emit,
            progress=lambda value: self.progressed.emit(*value),
            ended=self.ended.emit,
        ):
            self._doing = doing
            self.begun.emit(doing)
