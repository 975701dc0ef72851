"""Write a shared table: what is new or changed in some folders is embedded and committed to it.

What is to be done is told by :mod:`c4t_core.index.indexer`, as for a catalogue; where a folder is
an address such as ``s3://bucket/drives``, it is listed rather than walked over, and each file is
fetched while it is read. Who embeds (this process, or a cluster) is passed in.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from c4t_core.addresses import as_path, is_remote, plain
from c4t_core.cluster.doubles import drop_doubles
from c4t_core.cluster.listing import Fetching, look_at
from c4t_core.cluster.rules import keep_rules, kept_rules
from c4t_core.cluster.table import (
    Header,
    Known,
    Row,
    SharedTable,
    create_table,
    exists,
    open_table,
)
from c4t_core.errors import DataError, FolderError
from c4t_core.images.scan import ExcludeRules, FileState, Scan
from c4t_core.index.directions import ModelHandle
from c4t_core.index.embed import BATCH_SIZE, Batch, embed_stream
from c4t_core.index.folders import check_folder, opened
from c4t_core.index.indexer import IndexReport, Plan, make_plan, report, take
from c4t_core.index.objects import LARGEST
from c4t_core.index.store.catalogue import Root, lock_path
from c4t_core.index.store.ledger import Failure, Stored
from c4t_core.index.store.naming import told_by_name
from c4t_core.index.vectors.locks import writer_lock
from c4t_core.models.protocol import classes_of
from c4t_core.progress import Progress, ignore
from c4t_core.records import dataclass

if TYPE_CHECKING:
    from c4t_core.models.protocol import Model

ROWS = 4_096  # of a commit,
SECONDS = 30.0  # or what came in that time: a kill loses no more
_TIDY = 64  # commits after which small files are joined
_FETCHING = 16  # files at once: what is far away comes late rather than slowly


class Books:
    """What a table knows of one root, as :class:`c4t_core.index.indexer.Books`.

    What is stored is committed some thousand rows at a time, and at :meth:`flush`.

    Attributes:
        commits: how many versions were written.
    """

    def __init__(self, table: SharedTable, root: Root, below: bytes = b"") -> None:
        """Read which frames there are."""
        self.root, self.below, self.commits = root, below, 0
        self._table = table
        start = below + b"/" if below else b""
        self._rows: dict[bytes, Known] = {
            path: row
            for (_, path, at), row in table.known(root.path).items()
            if at < 0 and path.startswith(start)
        }
        self._new: list[Row] = []
        self._replacing: list[Row] = []
        self._since = time.monotonic()

    def remembers(self, found: Scan, failed: int) -> bool:
        """Tell that no earlier walk is known: the rows are read already."""
        return False

    def remember(self) -> None:
        """Note nothing."""

    def known(self) -> dict[bytes, tuple[int, int]]:
        """Return size and time of the files that have a frame."""
        rows = sorted(self._rows.items())
        return {path: (row.size, row.mtime_ns) for path, row in rows if not row.failed}

    def without_vector(self) -> set[bytes]:
        """Return nothing: a frame has its vector."""
        return set()

    def failures(self) -> dict[bytes, Failure]:
        """Return the files that could not be used."""
        return {
            path: Failure(path, FileState(row.size, row.mtime_ns) if row.size >= 0 else None, why)
            for path, row in self._rows.items()
            if (why := row.reason) is not None
        }

    def store(self, good: Sequence[Stored], bad: Sequence[Failure]) -> None:
        """Take in a batch; commit if it is time to."""
        for one in good:
            self._put(self._row(one.path, one.state, vector=one.vector, facts=_kept(one.facts)))
        for other in bad:
            before = self._rows.get(other.path)
            state = other.state or FileState(-1, -1)
            if before is not None and not before.failed and other.state is None:
                continue  # the frame stays, and is tried again
            told = (state.size, state.mtime_ns, other.reason)
            if other.path and (
                before is None or (before.size, before.mtime_ns, before.reason) != told
            ):
                self._put(self._row(other.path, state, reason=other.reason))
        late = time.monotonic() - self._since > SECONDS
        if late or len(self._new) + len(self._replacing) >= ROWS:
            self.flush()

    def remove(self, paths: Iterable[bytes]) -> None:
        """Drop the rows of files that are gone."""
        gone = [path for path in paths if path in self._rows]
        if gone:
            self._table.drop_files(self.root.path, gone)
            self.commits += 1
            for path in gone:
                del self._rows[path]

    def follow(self, renamed: Mapping[bytes, bytes]) -> None:
        """Write rows under their new names; what they hold is kept."""
        names = list(renamed)
        for start in range(0, len(names), ROWS):
            old = names[start : start + ROWS]
            rows = list(self._table.rows_below(self.root.path, old))
            for row in rows:
                new = renamed[row.path]
                self._put(replace(row, path=new, **_named(self.root.path, new)))
                self._rows[new] = self._rows[row.path]
            self.flush()
            self.remove(old)

    def set_offline(self, names: Collection[bytes] | None) -> None:
        """Note nothing: another machine may reach what this one does not."""

    def note_classes(self, classes: Sequence[str]) -> None:
        """Note nothing: the header of the table has them."""

    def flush(self) -> None:
        """Commit what was stored."""
        self._since = time.monotonic()
        if not self._new and not self._replacing:
            return
        self._table.commit(self._new, self._replacing)
        self.commits += 1
        self._new, self._replacing = [], []
        if self.commits % _TIDY == 0:
            self.tidy()

    def tidy(self) -> None:
        """Join small files, unless another machine writes just now."""
        with contextlib.suppress(DataError):
            self._table.tidy()

    def _put(self, row: Row) -> None:
        (self._replacing if row.path in self._rows else self._new).append(row)

    def _row(self, path: bytes, state: FileState, **more: Any) -> Row:
        before = self._rows.get(path)
        old = before is not None and not before.failed  # what was there before is no news
        seen = before.first_seen if before is not None and old else time.time()
        told = _named(self.root.path, path)
        return Row(self.root.path, path, state.size, state.mtime_ns, first_seen=seen,
                   **told, **more)  # fmt: skip


def _named(root: str, path: bytes) -> dict[str, Any]:
    drive, camera, frame, seconds = told_by_name(root, path)
    drive = os.fsencode(drive).decode("utf-8", "backslashreplace")
    return {"drive": drive, "camera": camera, "frame": frame, "time": seconds}


def _kept(facts: Any) -> Any:
    return None if facts is None else np.clip(facts, 0, LARGEST).astype("<f2")


@dataclass(frozen=True)
class Job:
    """Files of one root to be embedded.

    Attributes:
        root: the folder or address.
        files: relative names.
        states: size and time of each file that was found.
        model: embeds them,
        fingerprint: with the graph that this stands for.
    """

    root: str
    files: Sequence[bytes]
    states: Mapping[bytes, tuple[int, int]]
    model: ModelHandle
    fingerprint: str

    def paths(self) -> list[str]:
        """Return the absolute names of the files, or their addresses."""
        return [f"{self.root}/{os.fsdecode(name)}" for name in self.files]


Embed = Callable[[Job], Generator[Batch, None, None]]
"""Embeds the files of a job; positions in its batches are those in ``files``, in any order."""


def here(job: Job) -> Generator[Batch, None, None]:
    """Embed in this process, as ``c4t index`` does."""
    model, paths = job.model.of(job.fingerprint), job.paths()
    yield from embedded(model, job.root, paths, [job.states[name] for name in job.files])


def embedded(
    model: Model,
    root: str,
    paths: Sequence[str],
    states: Sequence[tuple[int, int]],
    threads: int | None = None,
) -> Generator[Batch, None, None]:
    """Embed files of one root, wherever it lies.

    Args:
        model: embeds them.
        root: the folder or address.
        paths: absolute names, or addresses.
        states: their size and time as they were found.
        threads: to decode with; None for all that this process may use.
    """
    size = BATCH_SIZE if threads is None else max(16, 8 * threads)
    size = max(size, getattr(model, "image_batch", 0))  # a GPU takes many
    if not is_remote(root):
        yield from embed_stream(paths, model, batch_size=size, threads=threads)
        return
    told = {path: FileState(*state) for path, state in zip(paths, states, strict=True)}
    fetch = Fetching(root, told)
    yield from embed_stream(paths, model, batch_size=size, threads=_FETCHING, fetch=fetch)


@dataclass
class Target:
    """A folder or address that was named, and the root of the table that holds it."""

    folder: Path
    root: str
    below: bytes = b""


def targets(folders: Sequence[str | os.PathLike[str]], roots: Collection[str] = ()) -> list[Target]:
    """Find the roots of some folders.

    Args:
        folders: folders or addresses, as the user named them.
        roots: those that the table has.

    Raises:
        FolderError: if a folder holds one that the table has, which would be in it twice.
        DataError: if an address carries a password.
    """
    local = [os.fspath(name) for name in folders if not is_remote(name)]
    named = [
        Target(path, plain(os.path.realpath(path))) for path in (opened(local) if local else ())
    ]
    named += [Target(as_path(name), name) for name in map(plain, filter(is_remote, folders))]
    found: list[Target] = []
    for one in sorted(named, key=lambda target: len(target.root)):
        outer = [root for root in (*roots, *(f.root for f in found)) if _within(one.root, root)]
        root = max(outer, key=len, default=one.root)
        inner = next((other for other in roots if other != root and _within(other, root)), None)
        if inner is not None and not outer:
            raise FolderError(
                f'The table has "{inner}" as a folder of its own; name that one, or write '
                f'"{one.root}" to another table.'
            )
        below = os.fsencode(one.root[len(root) :].lstrip("/"))
        if not any(other.root == root and _holds(other.below, below) for other in found):
            found.append(Target(one.folder, root, below))
    return found


def _within(path: str, base: str) -> bool:
    return path == base or path.startswith(base.rstrip("/") + "/")


def _holds(outer: bytes, inner: bytes) -> bool:
    return not outer or inner == outer or inner.startswith(outer + b"/")


def check_there(named: Iterable[Target], roots: Collection[str]) -> None:
    """Make sure that what a table has nothing of is there: a typing error makes no table.

    Raises:
        FolderError: if it is not.
    """
    for target in named:
        if target.root in roots:
            continue
        if not is_remote(target.root):
            check_folder(target.folder)
        elif not Fetching(target.root, {}).there():
            raise FolderError(
                f'Nothing is found at "{target.root}"; check the address and your credentials.'
            )


class Writing:
    """One run over some folders, into a table.

    Args:
        folders: folders or addresses.
        table: its address.
        model: what embeds a new table; one that is there goes on with its own graph.
        rules: what is left out; of a folder of the table it is remembered there, of one inside it
            it is not. None for what the table remembers, else the default.
        forget_missing: as of :func:`~c4t_core.index.indexer.make_plan`.
        graph: the image graph of a new table; None for the model's best.

    Attributes:
        skipped: files that could not be used so far.
        rules: what is left out of the first of the folders, once it was looked at.
    """

    def __init__(
        self,
        folders: Sequence[str | os.PathLike[str]],
        table: str | os.PathLike[str],
        model: str | Model,
        *,
        rules: ExcludeRules | None = None,
        forget_missing: bool = False,
        graph: str | None = None,
    ) -> None:
        """Look nothing up yet."""
        self.skipped = 0
        self._folders, self._address = folders, plain(table)
        self._model = ModelHandle(model)
        self._rules, self._forget = rules, forget_missing
        self.rules = rules or ExcludeRules()
        self._graph = graph

    def __call__(self, embed: Embed = here, progress: Progress = ignore) -> IndexReport:
        """Do it.

        Raises:
            FolderError: if a folder is not there, and the table has nothing of it.
            DataError: if the table is of another model, or cannot be written.
            BusyError: if another process of this machine writes to it.
            Cancelled: from ``progress``; what was embedded by then is committed.
        """
        told = f'"{self._address}"'
        with writer_lock(lock_path(self._address, "table"), told):
            if not exists(self._address):
                check_there(targets(self._folders), ())
            table = open_writing(self._address, self._model, self._graph)
            roots = table.roots()
            named = targets(self._folders, roots)
            check_there(named, roots)
            progress(0, 0)
            if self._rules is not None:
                keep_rules(table, {one.root: self._rules for one in named if not one.below})
            kept = kept_rules(table)
            self.rules = self._rules or kept.get(named[0].root, ExcludeRules())
            work = [self._plan(table, kept, target, progress) for target in named]
            self._embed(work, table, embed, progress)
            return report(
                [(plan, target.folder) for (plan, _), target in zip(work, named, strict=True)]
            )

    def _plan(
        self,
        table: SharedTable,
        kept: Mapping[str, ExcludeRules],
        target: Target,
        progress: Progress,
    ) -> tuple[Plan, Scan]:
        rules = self._rules or kept.get(target.root, ExcludeRules())
        books = Books(table, Root(0, target.root, rules), target.below)
        plan, found = planned(books, lambda count: progress(0, 0), self._forget)
        plan.fingerprint = table.header.fingerprint
        return plan, found

    def _embed(
        self,
        work: Sequence[tuple[Plan, Scan]],
        table: SharedTable,
        embed: Embed,
        progress: Progress,
    ) -> None:
        total = sum(len(plan.todo) for plan, _ in work)
        done = 0
        progress(0, total)
        for plan, found in work:
            books = plan.ledger
            assert isinstance(books, Books)
            job = Job(books.root.path, plan.todo, found.files, self._model, plan.fingerprint)
            try:
                with contextlib.closing(self._run(plan, job, embed)) as batches:
                    for count in batches:
                        done += count
                        self.skipped = sum(len(plan.failed) for plan, _ in work)
                        progress(done, total)
            finally:
                books.flush()
            if books.commits:
                drop_doubles(table, books.root.path)
            if books.commits > 2:
                books.tidy()
        self.skipped = sum(len(plan.failed) for plan, _ in work)

    def _run(self, plan: Plan, job: Job, embed: Embed) -> Generator[int, None, None]:
        if not job.files:
            return
        fetching = Fetching(job.root, {})
        there = fetching.there if is_remote(job.root) else lambda: os.path.isdir(job.root)
        with contextlib.closing(embed(job)) as batches:
            yield from take(plan, batches, there)


def planned(
    books: Any, check: Callable[[int], None], forget_missing: bool = False
) -> tuple[Plan, Scan]:
    """Return what is to be done in a root, and what was found in it."""
    seen: list[Scan] = []

    def look(*asked: Any) -> Scan:
        seen.append(look_at(*asked))
        return seen[-1]

    plan = make_plan(books, check, forget_missing=forget_missing, look=look)
    return plan, seen[-1]


def open_writing(address: str, model: ModelHandle, graph: str | None = None) -> SharedTable:
    """Open the newest version of a table, made where there is none.

    Raises:
        DataError: if it is of another model, or of an earlier version of this one.
    """
    if exists(address):
        table = open_table(address)
        made = table.header.fingerprint
        if any(made in earlier.fingerprints for earlier in model.earlier):
            raise DataError(
                f'The table "{address}" was made with the "{model.name}" of an earlier C4T, which '
                "embeds no more pictures; write another table."
            )
        if made not in model.fingerprints:
            raise DataError(
                f'The table "{address}" was made with another model ("{table.header.model}") than '
                f'"{model.name}"; name that one with --model, or write another table.'
            )
        return table
    fingerprint = next(
        (one for one in model.fingerprints if model.graph(one) == graph), model.fingerprint
    )
    classes = classes_of(model.of(fingerprint))
    return create_table(address, Header(model.name, fingerprint, model.dim, classes))
