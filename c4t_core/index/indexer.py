"""One run of indexing: scan, compare, embed what is new or changed, batch by batch."""

from __future__ import annotations

import contextlib
import functools
import os
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from c4t_core.errors import FolderError
from c4t_core.images.changes import Diff, compare
from c4t_core.images.scan import ExcludeRules, LeftOut, Omitted, Scan, Skipped, scan
from c4t_core.index import folders as opened_folders
from c4t_core.index.cut import EVERY
from c4t_core.index.directions import ModelHandle, outdated
from c4t_core.index.scope import name_in
from c4t_core.index.search import Searcher
from c4t_core.index.store.catalogue import Catalogue, Root
from c4t_core.index.store.ledger import Failure, Ledger, Stored
from c4t_core.index.vectors import locks
from c4t_core.index.vectors.vectors import VectorSearch
from c4t_core.models.protocol import classes_of
from c4t_core.progress import Progress
from c4t_core.records import dataclass

if TYPE_CHECKING:
    from c4t_core.index.embed import Batch, OnPicture

_KEPT = 4_096  # frames after which the vector cache is written again, or a hundredth of a run


@dataclass(frozen=True)
class IndexReport:
    """What one run of indexing found and did.

    Attributes:
        total: image files that are asked for: ``embedded`` + ``unchanged`` + ``offline`` + the
            skipped ones.
        embedded: new or changed files that have their vector now.
        unchanged: files that had their vector before.
        gone: files that were in the catalogue and are not in the folder any more.
        offline: files of a folder that is not there (unplugged, unmounted); kept.
        skipped: files that cannot be used and folders that cannot be read.
        left_out: what the rules left out, by rule; no part of ``total``, nor are the next two.
        unread: number of pictures of formats that are not read, by ending.
        recordings: number of videos and bags, by ending; they are not read yet.
    """

    total: int
    embedded: int
    unchanged: int
    gone: int
    offline: int
    skipped: list[Skipped]
    left_out: list[LeftOut] = field(default_factory=list)
    unread: dict[str, int] = field(default_factory=dict)
    recordings: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: IndexReport) -> IndexReport:
        """Return both together."""
        unread = Counter(self.unread) + Counter(other.unread)
        recordings = Counter(self.recordings) + Counter(other.recordings)
        return IndexReport(
            self.total + other.total,
            self.embedded + other.embedded,
            self.unchanged + other.unchanged,
            self.gone + other.gone,
            self.offline + other.offline,
            self.skipped + other.skipped,
            self.left_out + other.left_out,
            dict(unread),
            dict(recordings),
        )

    @property
    def omitted(self) -> int:
        """Number of files that are not indexed and no failure; big folders count as at least."""
        counts = (*self.unread.values(), *self.recordings.values())
        return sum(left.files for left in self.left_out) + sum(counts)


class Books(Protocol):
    """What is known of one root, or a sub-folder of it, is kept here: a :class:`Ledger` is one."""

    root: Root
    below: bytes

    def remembers(self, found: Scan, failed: int) -> bool:
        """Tell whether an earlier walk found the same: what is known, and ``failed`` others."""

    def remember(self) -> None:
        """Note that it is so of what :meth:`remembers` was last asked."""

    def known(self) -> dict[bytes, tuple[int, int]]:
        """Return size and time of the files that are known."""

    def without_vector(self) -> set[bytes]:
        """Return those of them that have no vector."""

    def failures(self) -> dict[bytes, Failure]:
        """Return the files that failed."""

    def store(self, good: Sequence[Stored], bad: Sequence[Failure]) -> None:
        """Take in what came out of a batch."""

    def remove(self, paths: Iterable[bytes]) -> None:
        """Drop files that are gone."""

    def follow(self, renamed: Mapping[bytes, bytes]) -> None:
        """Note that files lie elsewhere in the root."""

    def set_offline(self, names: Collection[bytes] | None) -> None:
        """Note which files cannot be reached; None for all."""

    def note_classes(self, classes: Sequence[str]) -> None:
        """Note which classes of objects the model's facts are of."""


@dataclass
class Plan:
    """What is to be done in one root (or a sub-folder of it).

    Attributes:
        todo: relative names of files to embed, sorted.
        failed: failures, old and new, by relative name.
        left: number of files that have no vector and are not asked for.
        omitted: what is not indexed and no failure.
    """

    ledger: Books
    todo: list[bytes]
    failed: dict[bytes, str]
    fingerprint: str = ""  # of the vectors that are made
    embedded: int = 0
    unchanged: int = 0
    gone: int = 0
    offline: int = 0
    processed: int = 0
    left: int = 0
    missing: bool = False  # whether the folder itself is not there
    folders: set[bytes] = field(default_factory=set)  # of the failed ones, those that are folders
    omitted: Omitted = field(default_factory=Omitted)


Look = Callable[[str, ExcludeRules, bytes, Callable[[int], None]], Scan]
"""Walks a root by its rules, perhaps a sub-folder only; is told now and then what was found."""


def make_plan(
    ledger: Books,
    check: Callable[[int], None],
    *,
    forget_missing: bool = False,
    only: Collection[bytes] | None = None,
    look: Look = scan,
) -> Plan:
    """Scan a root, bring the catalogue up to date about what is gone, and list the work.

    Args:
        ledger: the root, the model, and perhaps a sub-folder.
        check: called now and then with the number of files found; may raise to stop.
        forget_missing: whether folders that are not there any more are gone rather than offline;
            not the scanned folder itself, and none that cannot be read.
        only: relative names of the files that are to be embedded; None for all.
        look: walks the root, as :func:`~c4t_core.images.scan.scan` does.

    Raises:
        CatalogueError: if the catalogue cannot be written.
    """
    found = look(ledger.root.path, ledger.root.rules, ledger.below, check)
    if found.missing:
        ledger.set_offline(None)
        return Plan(ledger, [], {}, offline=len(ledger.known()), missing=True)
    old = ledger.failures()
    kept = _still_failed(found, old)
    diff = _changes(ledger, found, kept)
    if forget_missing:
        diff = _forgotten(diff, found)
    ledger.set_offline(diff.offline)
    ledger.follow(diff.renamed)
    ledger.remove([*diff.gone, *_cleared(found, diff, old)])
    trouble = {**found.odd, **found.unreadable}
    ledger.store([], [Failure(name, None, reason) for name, reason in trouble.items()])
    due = _due(found, diff, ledger.without_vector()) | kept.keys()
    todo = due - kept.keys()
    wanted = todo if only is None else todo.intersection(only)
    return Plan(
        ledger,
        sorted(wanted),
        {**kept, **trouble},
        left=len(todo) - len(wanted),
        unchanged=found.count - len(due),
        gone=len(diff.gone),
        offline=len(diff.offline),
        folders=set(found.unreadable),
        omitted=found.omitted,
    )


def _changes(ledger: Books, found: Scan, failed: Collection[bytes]) -> Diff:
    """Compare a scan with what is known, unless that was done before of the same scan."""
    if ledger.remembers(found, len(failed)):
        return Diff(same=True)
    diff = compare(found, ledger.known())
    others = diff.gone or diff.offline or diff.renamed
    if not others and found.files.keys() - {*diff.unchanged} == {*failed}:
        ledger.remember()
    return diff


def _due(found: Scan, diff: Diff, without_vector: set[bytes]) -> set[bytes]:
    """Return the files that have no vector, or that of another content."""
    due = {name for name in without_vector if name in found.files}
    if not diff.same:
        due |= found.files.keys() - {*diff.unchanged, *diff.renamed.values()}
    return due


def _forgotten(diff: Diff, found: Scan) -> Diff:
    """Return a comparison in which what lies in missing folders is gone."""
    unread = tuple(folder + b"/" if folder else b"" for folder in found.unreadable)
    kept = [name for name in diff.offline if name.startswith(unread)]
    gone = sorted({*diff.gone, *diff.offline} - set(kept))
    return replace(diff, gone=gone, offline=kept)


def _still_failed(found: Scan, old: dict[bytes, Failure]) -> dict[bytes, str]:
    """Return the failed files that are as they were then: trying again would change nothing."""
    return {
        name: failure.reason
        for name, failure in old.items()
        if failure.state is not None and found.files.get(name) == failure.state
    }


def _cleared(found: Scan, diff: Diff, old: dict[bytes, Failure]) -> list[bytes]:
    """Return the failures that are no more: files gone, folders readable again."""
    if not old:
        return []
    dark = tuple(folder + b"/" if folder else b"" for folder in found.unreadable)
    kept = {*diff.offline, *found.files}
    return [name for name in old if name not in kept and not name.startswith(dark)]


def run_plan(
    plan: Plan, model: ModelHandle, batch_size: int | None, on_picture: OnPicture | None = None
) -> Generator[int, None, None]:
    """Do the work of a plan; yield the number of files done after each committed batch.

    If the folder goes away meanwhile, the rest is counted as offline and the run ends.

    Raises:
        CatalogueError: if a batch cannot be written; the batches before are kept.
    """
    base = os.fsencode(plan.ledger.root.path)
    paths = [os.path.join(base, name) for name in plan.todo]
    if not paths:
        return  # and neither the model nor what decodes need be loaded
    from c4t_core.index.embed import BATCH_SIZE, embed_stream

    encoder = model.of(plan.fingerprint)
    plan.ledger.note_classes(classes_of(encoder))
    size = batch_size or max(BATCH_SIZE, getattr(encoder, "image_batch", 0))  # a GPU takes many
    stream = embed_stream(paths, encoder, batch_size=size, on_picture=on_picture)
    yield from take(plan, stream, lambda: os.path.isdir(base))


def take(
    plan: Plan, batches: Iterable[Batch], there: Callable[[], bool]
) -> Generator[int, None, None]:
    """Note what came out of a plan's files, in any order; yield their number batch by batch.

    Args:
        plan: whose ``todo`` the positions in the batches are of.
        batches: come from whoever embeds.
        there: tells whether the root is there, where one of its files is not.
    """
    for batch in batches:
        if any(item.vanished for item in batch.bad) and not there():
            plan.offline += len(plan.todo) - plan.processed
            plan.ledger.set_offline(None)
            plan.missing = True
            return
        _commit(plan, batch)
        yield len(batch)


def _commit(plan: Plan, batch: Batch) -> None:
    names = plan.todo
    vanished = [names[item.index] for item in batch.bad if item.vanished]
    bad = [
        Failure(names[item.index], item.state, item.reason)
        for item in batch.bad
        if not item.vanished
    ]
    good = [Stored(names[item.index], item.state, item.vector, item.facts) for item in batch.good]
    plan.ledger.store(good, bad)
    plan.ledger.remove(vanished)
    plan.processed += len(batch)
    plan.embedded += len(good)
    plan.gone += len(vanished)
    plan.failed.update((failure.path, failure.reason) for failure in bad)


def report(plans: list[tuple[Plan, Path]]) -> IndexReport:
    """Sum up what was done; each plan with the folder as the user named it."""
    skipped: list[Skipped] = []
    files = 0
    for plan, folder in plans:
        files += len(plan.failed.keys() - plan.folders)
        skipped += [
            Skipped(shown_path(folder, name, plan.ledger.below), reason)
            for name, reason in sorted(plan.failed.items())
        ]
    embedded = sum(plan.embedded for plan, _ in plans)
    unchanged = sum(plan.unchanged for plan, _ in plans)
    offline = sum(plan.offline for plan, _ in plans)
    return IndexReport(
        total=embedded + unchanged + offline + files,
        embedded=embedded,
        unchanged=unchanged,
        gone=sum(plan.gone for plan, _ in plans),
        offline=offline,
        skipped=skipped,
        **_omitted(plans),
    )


def _omitted(plans: list[tuple[Plan, Path]]) -> dict[str, Any]:
    """Return what was not indexed in all plans, as :class:`IndexReport` names its parts."""
    rules: dict[str, LeftOut] = {}
    unread: Counter[str] = Counter()
    recordings: Counter[str] = Counter()
    for plan, folder in plans:
        unread.update(plan.omitted.unread)
        recordings.update(plan.omitted.recordings)
        for found in plan.omitted.rules.values():
            shown = [
                shown_path(folder, os.fsencode(name), plan.ledger.below) for name in found.examples
            ]
            rules.setdefault(found.rule, LeftOut(found.rule)).add(replace(found, examples=shown))
    by_number = sorted(rules.values(), key=lambda left: (-left.files, left.rule))
    return {"left_out": by_number, "unread": dict(unread), "recordings": dict(recordings)}


def shown_path(folder: Path, name: bytes, below: bytes = b"") -> Path:
    """Return a file's absolute path under the folder as the user named it.

    Args:
        folder: the opened folder.
        name: the file, relative to the root.
        below: the opened folder, relative to the root.
    """
    inner = name[len(below) + 1 :] if below else name
    return folder / os.fsdecode(inner) if inner else folder


class Run:
    """One run over some folders, under their writers' locks.

    Attributes:
        skipped: files left out so far.
        notices: sentences for the user.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        searcher: Searcher,
        model: ModelHandle,
        exclude: ExcludeRules | None,
        *,
        forget_missing: bool = False,
        reindex: bool = False,
        on_picture: OnPicture | None = None,
        only: Collection[Path] | None = None,
    ) -> None:
        """Keep what the run works with; ``catalogue`` is its own connection, for writing."""
        self._only = only
        self._forget_missing = forget_missing
        self._reindex = reindex
        self._on_picture = on_picture
        self.skipped = 0
        self.notices: list[str] = []
        self._catalogue = catalogue
        self._searcher = searcher
        self._model = model
        self._exclude = exclude

    def __call__(
        self, progress: Progress, on_commit: Callable[[], None] | None, batch_size: int | None
    ) -> IndexReport:
        """Do it; see :meth:`c4t_core.workspace.Workspace.index`."""
        model = self._model
        with contextlib.ExitStack() as stack:
            held: set[Path] = set()  # two opened folders may lie in one root
            targets = [one for one in self._searcher.targets() if not one.is_shared]
            for target in targets:
                lock = target.lock_path(model.identity)
                if lock not in held:
                    stack.enter_context(locks.writer_lock(lock, f'"{target.folder}"'))
                    held.add(lock)
            progress(0, 0)
            plans = [(self._plan(target, progress), target.folder) for target in targets]
            self._embed([plan for plan, _ in plans], progress, on_commit, batch_size)
            return report(plans)

    def _plan(self, target: opened_folders.Target, progress: Progress) -> Plan:
        target = opened_folders.claim(self._catalogue, target, self._exclude)
        assert target.root is not None
        model, fingerprint = self._model, self._fingerprint(target.root)
        if self._reindex and target.below:
            raise FolderError(
                f'"{target.folder}" is part of "{target.root.path}", which is indexed as one; '
                "index that folder again.",
                target.folder,
            )
        model_id = self._catalogue.add_model(fingerprint, model.name, model.dim)
        ledger = Ledger(self._catalogue, target.root, model_id, target.below)
        plan = make_plan(
            ledger,
            lambda found: progress(0, 0),
            forget_missing=self._forget_missing,
            only=self._wanted(target),
        )
        plan.fingerprint = fingerprint
        return plan

    def _wanted(self, target: opened_folders.Target) -> set[bytes] | None:
        """Return which files of a folder are asked for, relative to its root; None for all."""
        if self._only is None:
            return None
        names = (name_in(target, path) for path in self._only)
        return {name for name in names if name is not None}

    def _fingerprint(self, root: Root) -> str:
        """Return what a root's vectors are: what they were, or the model's best."""
        run = self._catalogue.runs(self._model.fingerprints).get(root.id)
        return self._model.fingerprint if self._reindex or run is None else run.fingerprint

    def _finish(self, plan: Plan) -> None:
        """Note that the run came to its end, unless the folder was not there.

        A part of a root that an earlier model indexed does not take the place of that index, and
        neither does a run over some files only.
        """
        ledger = plan.ledger
        assert isinstance(ledger, Ledger)
        root, some = ledger.root.id, ledger.below or plan.left
        part = some and root in outdated(self._catalogue, self._model)
        if not plan.missing and not part:
            self._catalogue.finish_run(root, ledger.model_id)

    def _search(self, plan: Plan) -> VectorSearch:
        ledger = plan.ledger
        assert isinstance(ledger, Ledger)
        return self._searcher.vectors(ledger.root, ledger.model_id, plan.fingerprint)

    def _embed(
        self,
        plans: Sequence[Plan],
        progress: Progress,
        on_commit: Callable[[], None] | None,
        batch_size: int | None,
    ) -> None:
        total = sum(len(plan.todo) for plan in plans)
        done = 0
        progress(0, total)
        for plan in plans:
            search, kept = self._search(plan), done
            work = run_plan(plan, self._model, batch_size, self._on_picture)
            with contextlib.closing(work) as batches:
                for count in batches:
                    done += count
                    if done - kept >= max(_KEPT, len(plan.todo) // 100):
                        search.keep()
                        kept = done
                    self.skipped = sum(len(plan.failed) for plan in plans)
                    if on_commit is not None:
                        on_commit()
                    progress(done, total)
            self._finish(plan)
            self._maintain(plan, functools.partial(progress, done, total))
        self.skipped = sum(len(plan.failed) for plan in plans)

    def _maintain(self, plan: Plan, check: Callable[[], None]) -> None:
        """Bring the approximate index up to date, if there are enough vectors for one."""
        search = self._search(plan)
        search.keep()
        if search.too_large():
            self.notices.append(
                "There are too many frames for an approximate index in this machine's memory, so "
                "exact search answers."
            )
        if not search.outdated():
            return
        queries = self._model.get().encode_texts(EVERY)
        facts = search.maintain(queries, check)
        if facts is not None and not facts.serves:
            self.notices.append(
                f"The approximate index finds {facts.recall:.1%} of the best hits here, and for "
                f"some queries only {facts.worst:.0%}, so exact search answers."
            )
