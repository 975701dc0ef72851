"""Say before a long run how long it will take, from a sample that is embedded on this machine."""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from c4t_core.addresses import plain
from c4t_core.cluster.rules import kept_rules
from c4t_core.cluster.table import Header, SharedTable, create_table, exists, open_table
from c4t_core.cluster.writing import Books, Job, check_there, here, planned, targets
from c4t_core.images.scan import ExcludeRules, Scan
from c4t_core.index.directions import ModelHandle
from c4t_core.index.indexer import Plan, take
from c4t_core.index.store.catalogue import Root
from c4t_core.index.store.ledger import Failure, Stored
from c4t_core.models.protocol import classes_of
from c4t_core.progress import Progress, ignore
from c4t_core.records import dataclass

if TYPE_CHECKING:
    from c4t_core.models.protocol import Model

SAMPLE = 300  # files


@dataclass(frozen=True)
class Estimate:
    """What a run would do.

    Attributes:
        frames: files to be embedded,
        bytes: that they have.
        unchanged: files that the table has as they are.
        sample: files that were embedded to measure,
        rate: of them in a second, on this machine.
        hours: for all frames, by number of machines.
        bytes_per_row: of the table, measured on the sample,
        table_bytes: and for all frames.
    """

    frames: int
    bytes: int
    unchanged: int
    sample: int
    rate: float
    hours: dict[int, float]
    bytes_per_row: float
    table_bytes: int


class _Unwritten(Books):
    """Books that only tell what is to be done."""

    def __init__(self, table: SharedTable | None, root: Root, below: bytes) -> None:
        if table is not None:
            super().__init__(table, root, below)
        else:
            self.root, self.below, self._rows = root, below, {}

    def store(self, good: Sequence[Stored], bad: Sequence[Failure]) -> None:
        """Write nothing."""

    def remove(self, paths: Iterable[bytes]) -> None:
        """Write nothing."""

    def follow(self, renamed: Mapping[bytes, bytes]) -> None:
        """Write nothing."""


def estimate(
    folders: Sequence[str | os.PathLike[str]],
    table: str | os.PathLike[str] | None,
    model: str | Model,
    *,
    rules: ExcludeRules | None = None,
    machines: Collection[int] = (1, 10),
    sample: int = SAMPLE,
    progress: Progress = ignore,
) -> Estimate:
    """Look through folders and embed a sample of what is new; the table stays as it is.

    Args:
        folders: folders or addresses.
        table: the one that would be written; None for a new one.
        model: would embed.
        rules: what is left out; None for what the table remembers, else the default.
        machines: numbers of machines like this one.
        sample: files to embed, drawn at random.
        progress: told of the sample.

    Raises:
        FolderError: if a folder is not there.
        Cancelled: from ``progress``.
    """
    shared = open_table(table) if table is not None and exists(table) else None
    roots = shared.roots() if shared is not None else {}
    named = targets(folders, roots)
    check_there(named, roots)
    handle = ModelHandle(model)
    fingerprint = shared.header.fingerprint if shared is not None else handle.fingerprint
    kept = kept_rules(shared) if shared is not None else {}
    found: list[tuple[Plan, Scan]] = []
    for target in named:
        left_out = rules or kept.get(target.root, ExcludeRules())
        books = _Unwritten(shared, Root(0, target.root, left_out), target.below)
        found.append(planned(books, lambda count: progress(0, 0)))
    todo = [(place, name) for place, (plan, _) in enumerate(found) for name in plan.todo]
    drawn = random.Random(0).sample(todo, min(sample, len(todo)))  # noqa: S311 - no secret
    jobs = [
        Job(plan.ledger.root.path, names, scan.files, handle, fingerprint)
        for place, (plan, scan) in enumerate(found)
        if (names := sorted(name for at, name in drawn if at == place))
    ]
    seconds, weight = _measured(jobs, progress) if jobs else (0.0, 0)
    rate = len(drawn) / seconds if seconds else 0.0
    each = weight / len(drawn) if drawn else 0.0
    return Estimate(
        frames=len(todo),
        bytes=sum(scan.files[name][0] for plan, scan in found for name in plan.todo),
        unchanged=sum(plan.unchanged for plan, _ in found),
        sample=len(drawn),
        rate=rate,
        hours={count: len(todo) / rate / count / 3600 if rate else 0.0 for count in machines},
        bytes_per_row=each,
        table_bytes=round(each * len(todo)),
    )


def _measured(jobs: Sequence[Job], progress: Progress) -> tuple[float, int]:
    """Return how many seconds some files take, and how many bytes their rows."""
    total, done = sum(len(job.files) for job in jobs), 0
    model = jobs[0].model.of(jobs[0].fingerprint)  # loaded before the time is taken
    with tempfile.TemporaryDirectory(prefix="c4t-") as folder:
        told = Header(model.name, jobs[0].fingerprint, model.dim, classes_of(model))
        table = create_table(plain(Path(folder) / "sample.lance"), told)
        seconds = 0.0
        for job in jobs:
            books = Books(table, Root(0, job.root, ExcludeRules()))
            plan = Plan(books, list(job.files), {}, job.fingerprint)
            since = time.perf_counter()
            with contextlib.closing(here(job)) as batches:
                for count in take(plan, batches, lambda: True):
                    done += count
                    progress(done, total)
            seconds += time.perf_counter() - since
            books.flush()
        data = Path(folder) / "sample.lance" / "data"
        return seconds, sum(file.stat().st_size for file in data.iterdir())
