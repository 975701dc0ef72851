"""Between shared tables and this machine's catalogue: vectors go either way bit for bit.

A table that is opened is copied: its rows stand in the catalogue beside those that were indexed
here, so that all that searches, filters, folds and counts is one code with one speed. Only what is
new since the version that was copied last is read, and a copy that was stopped goes on. Nothing but
the user's own data folder is written to.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from c4t_core.addresses import as_path, is_below, is_remote, plain
from c4t_core.cluster.rules import keep_rules, kept_rules
from c4t_core.cluster.table import (
    Header,
    Known,
    Row,
    SharedTable,
    create_table,
    exists,
    open_table,
    stamp,
)
from c4t_core.errors import DataError, FolderError, NotIndexedError
from c4t_core.images.scan import NO_RULES, ExcludeRules, FileState, Skipped
from c4t_core.index import folders as opened_folders
from c4t_core.index.directions import ModelHandle
from c4t_core.index.indexer import IndexReport
from c4t_core.index.store.catalogue import Catalogue, Copy, Run
from c4t_core.index.store.ledger import Failure, Ledger, Stored
from c4t_core.index.store.reads import Columns, ImageRow, Lookup, StoredVectors
from c4t_core.index.store.user_data import UserData
from c4t_core.index.vectors import locks
from c4t_core.progress import Progress, ignore
from c4t_core.records import dataclass

AT_ONCE = 4_096  # rows of one commit, here and there


@dataclass
class Brought:
    """What one copy of a table found and did; counts are of frames."""

    there: int = 0
    new: int = 0
    gone: int = 0
    refused: int = 0  # rows that name files outside the folders of the table
    failed: dict[str, dict[bytes, str]] = field(default_factory=dict)  # by root

    @property
    def report(self) -> IndexReport:
        """The same as a run of indexing tells it."""
        skipped = [
            Skipped(as_path(root) / os.fsdecode(name), reason)
            for root, names in sorted(self.failed.items())
            for name, reason in sorted(names.items())
        ]
        return IndexReport(
            total=self.there + len(skipped),
            embedded=self.new,
            unchanged=self.there - self.new,
            gone=self.gone,
            offline=0,
            skipped=skipped,
        )

    @property
    def notice(self) -> str:
        """What is to be said of rows that were left out, "" for nothing."""
        if not self.refused:
            return ""
        return (
            f"{self.refused:,} rows of the table name files outside its folders, and were left "
            "out; whoever wrote it can tell why."
        )


def bring(catalogue: Catalogue, address: str, progress: Progress = ignore) -> Brought:
    """Copy what a table has and the catalogue has not, and drop what it has no more.

    Args:
        catalogue: a connection for writing.
        address: of the table, see :func:`c4t_core.addresses.plain`.
        progress: called with the rows done and to do; raise Cancelled from it to stop.

    Raises:
        FolderError, DataError: the table is not there, or cannot be read.
        BusyError: another process is copying it.
        Cancelled: from ``progress``; what is done is kept.
    """
    with contextlib.ExitStack() as stack:
        progress(0, 0)
        now = stamp(address)  # before it is read: what comes meanwhile is found next time
        shared = open_table(address)
        lock = opened_folders.Target(as_path(address), address).lock_path(shared.header.fingerprint)
        stack.enter_context(locks.writer_lock(lock, f'"{address}"'))
        copied = catalogue.copied(address)
        if copied is None or copied.identity != shared.header.identity:
            _forget(catalogue, address)  # another table of that name
            catalogue.note_copied(address, Copy(shared.header.identity, 0))
        header = shared.header
        model = catalogue.add_model(header.fingerprint, header.model, header.dim)

        def ledger_of(root: str) -> tuple[Ledger, bytes]:
            made = catalogue.add_root(root, NO_RULES, address)
            return Ledger(catalogue, made, model), b""

        before = [root.name for root in catalogue.roots() if root.shared == address]
        copy = _Copy(shared, ledger_of, progress)
        brought = copy.run(before)
        copy.finish(catalogue)
        catalogue.note_copied(address, Copy(header.identity, shared.version, now))
        return brought


def place(catalogue: Catalogue, address: str, root: str, there: str) -> None:
    """Note where the files of a folder of a table lie on this machine; the table stays as it is.

    What the user said of its frames follows, unless something else lies where they were.

    Args:
        catalogue: a connection for writing.
        address: of a table that was copied.
        root: the folder or address as the table names it.
        there: the folder or address on this machine.

    Raises:
        FolderError: if the table has no such folder, or it is not there.
        DataError: if it is an address with a password.
    """
    own = {one.name: one for one in catalogue.roots() if one.shared == address}
    named = next((own[name] for name in (root, plain(root)) if name in own), None)
    if named is None:
        listed = ", ".join(f'"{name}"' for name in own) or "none, as it was never opened here"
        raise FolderError(f'"{address}" has no folder "{root}"; it has: {listed}.')
    if not is_remote(there):
        opened_folders.check_folder(Path(there))
    catalogue.set_place(named, plain(there))
    if all(one.place != named.place for one in catalogue.roots()):
        with contextlib.closing(UserData()) as data:
            data.move_root(as_path(named.place), as_path(plain(there)))


def _forget(catalogue: Catalogue, address: str) -> None:
    for root in catalogue.roots():
        if root.shared == address:
            catalogue.forget(root.id)


LedgerOf = Callable[[str], tuple[Ledger, bytes] | None]
"""Gives where rows of a root of a table go, and what their names begin with there."""


class _Copy:
    """One copy of a table into the catalogue.

    Args:
        shared: the table.
        ledger_of: is asked once for each root.
        progress: is told of rows.
    """

    def __init__(self, shared: SharedTable, ledger_of: LedgerOf, progress: Progress) -> None:
        self._shared = shared
        self._ledger_of = ledger_of
        self._progress = progress
        self._ledgers: dict[str, tuple[Ledger, bytes] | None] = {}
        self._brought = Brought()

    def run(self, known_roots: Iterable[str]) -> Brought:
        """Do it; ``known_roots`` are those that rows were copied of before."""
        for root in known_roots:
            self._ledger(root)
        ledgers = self._own()
        if any(ledger.known() or ledger.failures() for _, ledger in ledgers):
            self._follow(ledgers)
        else:
            batches = self._shared.batches(self._shared.raw.schema.names)
            rows = (row for batch in batches for row in self._shared.rows_of(batch))
            self._store(rows, len(self._shared))
        return self._brought

    def finish(self, catalogue: Catalogue) -> None:
        """Note that all was copied."""
        for _, ledger in self._own():
            catalogue.finish_run(ledger.root.id, ledger.model_id)

    def _own(self) -> list[tuple[str, Ledger]]:
        return [(root, found[0]) for root, found in self._ledgers.items() if found is not None]

    def _ledger(self, root: str) -> tuple[Ledger, bytes] | None:
        if root not in self._ledgers:
            found = self._ledger_of(root) if _is_place(root) else None
            if found is not None:
                found[0].note_classes(self._shared.header.classes)
            self._ledgers[root] = found
        return self._ledgers[root]

    def _follow(self, ledgers: Sequence[tuple[str, Ledger]]) -> None:
        """Copy what is new or changed, and drop what is gone."""
        here, failed = dict[tuple[str, bytes], FileState](), dict[tuple[str, bytes], Failure]()
        missing = set[tuple[str, bytes]]()
        for root, ledger in ledgers:
            here.update(((root, p), FileState(*state)) for p, state in ledger.known().items())
            failed.update(((root, p), failure) for p, failure in ledger.failures().items())
            missing.update((root, p) for p in ledger.without_vector())
        wanted, good, bad = list[int](), set[tuple[str, bytes]](), set[tuple[str, bytes]]()
        for (root, path, _), there in self._shared.known().items():
            place, state = (root, path), FileState(there.size, there.mtime_ns)
            (bad if there.failed else good).add(place)
            if there.failed:
                before = failed.get(place)
                if before is None or (before.state or state) != state:
                    wanted.append(there.number)
                else:
                    self._brought.failed.setdefault(root, {})[path] = before.reason
            elif here.get(place) != state or place in missing:
                wanted.append(there.number)
        for root, ledger in ledgers:
            gone = [path for at, path in here.keys() - good if at == root]
            healed = [path for at, path in failed.keys() - bad - good if at == root]
            self._brought.gone += len(gone)
            ledger.remove([*gone, *healed])
        self._store(self._shared.rows(sorted(wanted)), len(wanted))
        self._brought.there = len(good) - self._brought.refused

    def _store(self, rows: Iterable[Row], count: int) -> None:
        """Write rows, some thousand a commit."""
        done, left = 0, iter(rows)
        self._progress(0, count)
        while part := list(islice(left, AT_ONCE)):
            by_root: dict[str, list[Row]] = {}
            for row in part:
                by_root.setdefault(row.root, []).append(row)
            for root, some in by_root.items():
                self._store_in(root, some)
            done += len(part)
            self._progress(min(done, count), count)

    def _store_in(self, root: str, rows: Sequence[Row]) -> None:
        found = self._ledger(root)
        sound = [row for row in rows if is_below(row.path) and row.at_ns is None]
        if found is None:
            sound = []
        self._brought.refused += len(rows) - len(sound)
        if found is None or not sound:
            return
        ledger, before = found
        moved = ledger.root.place != root
        good = [_stored(row, before, moved) for row in sound if row.vector is not None]
        bad = [_failure(row, before) for row in sound if row.vector is None]
        ledger.store(good, bad)
        self._brought.new += len(good)
        self._brought.there += len(good)
        if bad:
            self._brought.failed.setdefault(root, {}).update((b.path, b.reason) for b in bad)


def _is_place(root: str) -> bool:
    """Tell whether a root of a table is a folder or address that files may be read from."""
    try:
        return plain(root) == root and root != "/"
    except DataError:
        return False


def _stored(row: Row, before: bytes, moved: bool) -> Stored:
    """Return a row as the catalogue takes it; its name is read again where it lies elsewhere."""
    assert row.vector is not None
    facts = None if row.facts is None else row.facts.astype(np.float32)
    state = FileState(row.size, row.mtime_ns)
    told = None
    if not moved and row.drive.startswith(row.root):
        told = (row.drive, row.camera, row.frame, row.time)
    return Stored(before + row.path, state, row.vector, facts, row.first_seen, told)


def _failure(row: Row, before: bytes) -> Failure:
    state = FileState(row.size, row.mtime_ns) if row.size >= 0 else None
    return Failure(before + row.path, state, row.reason or "no reason was noted")


# Between a table and what was indexed here


def to_workspace(address: str, catalogue: Catalogue, progress: Progress = ignore) -> Brought:
    """Take the rows of a table into the index of the folders that they lie in on this machine.

    What is indexed there stays, unless the table has it otherwise.

    Raises:
        FolderError, DataError: the table cannot be read, or its frames lie at an address.
        BusyError: another process writes to one of the folders.
        Cancelled: from ``progress``; what is done is kept.
    """
    shared = open_table(address)
    remote = [root for root in shared.roots() if is_remote(root)]
    if remote:
        raise DataError(
            f'The frames of this table lie at "{remote[0]}", not in folders of this machine; open '
            "the table itself."
        )
    model = catalogue.add_model(shared.header.fingerprint, shared.header.model, shared.header.dim)
    kept = kept_rules(shared)
    with contextlib.ExitStack() as stack:

        def ledger_of(root: str) -> tuple[Ledger, bytes]:
            target = opened_folders.resolve(catalogue.roots(), Path(root))
            if target.root is None:
                rules = kept.get(root, ExcludeRules())
                target = replace(target, root=catalogue.add_root(target.real, rules))
            assert target.root is not None
            lock = target.lock_path(shared.header.fingerprint)
            stack.enter_context(locks.writer_lock(lock, f'"{root}"'))
            ledger = Ledger(catalogue, target.root, model, target.below)
            return ledger, target.below + b"/" if target.below else b""

        copy = _Copy(shared, ledger_of, progress)
        brought = copy.run(())
        copy.finish(catalogue)
    return brought


def from_workspace(
    folders: Sequence[Path],
    model: ModelHandle,
    address: str,
    catalogue: Catalogue,
    progress: Progress = ignore,
) -> Brought:
    """Write what is indexed of some folders into a table, made if it is not there.

    Rows of the table that lie in other folders stay; of these folders it has afterwards what the
    index has.

    Raises:
        NotIndexedError: a folder was not indexed with the model.
        DataError: the table is of another model, or cannot be written.
        Cancelled: from ``progress``; what is committed is kept.
    """
    runs = catalogue.runs(model.fingerprints)
    chosen: list[tuple[opened_folders.Target, Run]] = []
    for folder in folders:
        for target in opened_folders.targets_of(catalogue.roots(), folder):
            run = None if target.root is None else runs.get(target.root.id)
            if run is None:
                raise NotIndexedError(
                    f'"{folder}" is not indexed with the model "{model.name}"; index it first.'
                )
            chosen.append((target, run))
    kinds = {run.fingerprint for _, run in chosen}
    if len(kinds) > 1:
        raise DataError(
            "These folders were indexed with two networks of the model, whose vectors do not mix; "
            "run c4t index --reindex over the older ones first."
        )
    lock = opened_folders.Target(as_path(address), address).lock_path(*kinds)
    with locks.writer_lock(lock, f'"{address}"'):
        shared = _open_or_make(address, chosen, catalogue, model)
        brought = Brought()
        for target, run in chosen:
            _write(shared, target, run, catalogue, brought, progress)
        return brought


def _open_or_make(
    address: str,
    chosen: Sequence[tuple[opened_folders.Target, Run]],
    catalogue: Catalogue,
    model: ModelHandle,
) -> SharedTable:
    fingerprint = chosen[0][1].fingerprint
    if exists(address):
        shared = open_table(address)
        if shared.header.fingerprint != fingerprint:
            raise DataError(
                f'The table "{address}" holds vectors of "{shared.header.model}" that do not mix '
                "with those of this index; name another table."
            )
        return shared
    classes: tuple[str, ...] = ()
    for target, run in chosen:
        seen = None if target.root is None else Lookup(catalogue, target.root.id).seen_by()
        if seen is not None and seen.fingerprint == run.fingerprint:
            classes = seen.classes
    return create_table(address, Header(model.name, fingerprint, model.dim, classes))


def _write(
    shared: SharedTable,
    target: opened_folders.Target,
    run: Run,
    catalogue: Catalogue,
    brought: Brought,
    progress: Progress,
) -> None:
    """Write one folder into a table."""
    assert target.root is not None
    # The table names the folder itself, not what holds it here.
    place = target.root.place if target.is_shared else target.real
    if not target.is_shared:
        keep_rules(shared, {place: target.root.rules})
    source = StoredVectors(
        catalogue,
        target.root.id,
        model_id=run.model_id,
        fingerprint=run.fingerprint,
        dim=shared.header.dim,
    )
    known = shared.known(place)
    ledger = Ledger(catalogue, target.root, run.model_id, target.below)
    skip = len(target.below) + 1 if target.below else 0
    failures = ledger.failures().values()
    there = {(place, name[skip:], -1) for name in ledger.known()}
    there |= {(place, failure.path[skip:], -1) for failure in failures}
    columns = source.columns()
    order = np.argsort(columns.vectors, kind="stable")
    done, count = 0, len(order)
    progress(0, count)
    for vectors, ids in _blocks(source, columns.some(order)):
        rows = source.rows(ids)
        found = [
            _row_of(place, skip, rows[number], vector, shared.header.classes)
            for number, vector in zip(ids, vectors, strict=True)
            if number in rows and target.holds(rows[number].path)
        ]
        _commit(shared, found, known, brought)
        done += len(ids)
        progress(done, count)
    bad = [
        Row(place, one.path[skip:], *(one.state or FileState(-1, 0)), reason=one.reason)
        for one in failures
    ]
    brought.failed[place] = {row.path: row.reason or "" for row in bad}
    _commit(shared, bad, known, brought)
    gone = [one for key, one in known.items() if key not in there]
    shared.pin()
    now = shared.known(place) if gone else {}
    shared.drop([now[key].number for key in known.keys() - there if key in now])
    brought.gone += len(gone)


def _blocks(
    source: StoredVectors, columns: Columns
) -> Iterator[tuple[NDArray[np.float16], list[int]]]:
    start = 0
    for block in source.stored(columns):
        yield block, columns.ids[start : start + len(block)].tolist()
        start += len(block)


def _row_of(
    place: str, skip: int, row: ImageRow, vector: NDArray[np.float16], classes: tuple[str, ...]
) -> Row:
    seen = row.seen
    facts = None
    if seen is not None and seen.classes == classes:
        facts = np.frombuffer(seen.packed, dtype="<f2").reshape(len(classes), -1)
    return Row(
        place,
        row.path[skip:],
        row.size,
        row.mtime_ns,
        drive=os.fsencode(row.drive).decode("utf-8", "backslashreplace"),
        camera=row.camera,
        frame=row.frame,
        time=row.time,
        first_seen=row.first_seen,
        at_ns=row.at_ns,
        vector=vector,
        facts=facts,
    )


def _commit(
    shared: SharedTable,
    rows: Sequence[Row],
    known: Mapping[tuple[str, bytes, int], Known],
    brought: Brought,
) -> None:
    """Write rows that the table does not have as they are."""
    new, changed = [], []
    for row in rows:
        before = known.get(row.key)
        if before is None:
            new.append(row)
        elif (before.size, before.mtime_ns, before.failed) != (
            row.size, row.mtime_ns, row.reason is not None
        ):  # fmt: skip
            changed.append(row)
    good = [row for row in rows if row.reason is None]
    brought.there += len(good)
    brought.new += sum(row.reason is None for row in (*new, *changed))
    shared.commit(new, changed)
