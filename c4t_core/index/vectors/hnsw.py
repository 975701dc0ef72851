"""The approximate index (hnswlib), built from a table, audited, and never trusted blindly.

hnswlib crashes on damaged files, never reports a failed save, and finds too little where
near-duplicates are inserted in time order or many vectors are equal. So: equal vectors go in once
and the rest shuffled, the result is compared with exact search before it may serve, it is saved
beside and swapped in, and a file is loaded only after its SHA-256 was found right.

Equal vectors are the stills of a car that stands, copies, black frames. Two hundred of them are
each other's nearest, so that none has a link to anything else and what lies behind is not found.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.devices import available_threads
from c4t_core.files import atomic_file, atomic_path, require_size, sha256, write_whole
from c4t_core.index.store.reads import Ids, Rows, StoredVectors
from c4t_core.index.vectors.table import Table
from c4t_core.records import dataclass

FORMAT = 2  # 1 held equal vectors as often as there were images of them
LINKS = (16, 32)  # M of the paper (arXiv 1603.09320): links per node and layer; at first, at most
EF_CONSTRUCTION = (200, 400)
EF_STEPS = (200, 400, 800)  # breadth of the search; raised until the audit is content
AUDIT_KS = (20, 50, 500)
AUDIT_QUERIES = 100  # of each kind
LEAST_RECALL = 0.98  # of the mean query
LEAST_WORST = 0.95  # and of the worst: a mean hides the sentences that find nothing
_SMALL_CHANGE = 0.2  # share of new or dead vectors up to which an index is mended, not rebuilt
_TIE = 1e-5  # scores that differ by less are equal: a product of matrices rounds otherwise
_BLOCK = 1_024  # vectors added at once; whoever stops waits for no more than these
_OVERHEAD = 200  # bytes of an entry beside its vector: links, label, lock
_MEMORY = 0.25  # share of the machine's memory that an index may take
_UNKNOWN_MEMORY = 16 << 30  # bytes, where the system does not say

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio, as of splitmix64
_SECOND = np.uint64(0xBF58476D1CE4E5B9)
_HALF = np.uint64(32)


@dataclass(frozen=True)
class Facts:
    """What is known of a saved index; lies beside it as JSON."""

    catalogue: str  # identity of the catalogue it was built from
    root_id: int
    fingerprint: str  # of the model
    dim: int
    generation: int
    count: int  # images that can be found
    distinct: int  # vectors that are different, which it holds
    ef: int = 0
    recall: float = 0.0  # mean over queries of what exact search finds, at this ef
    worst: float = 0.0  # of any query
    size: int = 0  # of the file, bytes
    sha256: str = ""
    groups_sha256: str = ""  # of the file that tells which images are equal
    format: int = FORMAT
    drops: int = 0  # with the generation, the state of the catalogue

    @property
    def serves(self) -> bool:
        """Whether the audit lets it answer queries."""
        return self.recall >= LEAST_RECALL and self.worst >= LEAST_WORST

    def is_of(self, table: Table) -> bool:
        """Whether it was built from this state of the catalogue."""
        return (self.generation, self.drops) == (table.moment.generation, table.moment.drops)


class ApproximateIndex:
    """An index in memory that is only read; safe to query from several threads.

    Attributes:
        facts: what it was built from and how well it does.
    """

    def __init__(self, index: Any, groups: Groups, facts: Facts) -> None:
        """Keep a finished hnswlib index of the vectors that stand for the groups."""
        self._index = index
        self._groups = groups
        self.facts = facts

    def query(self, direction: NDArray[np.float32], k: int) -> Ids | None:
        """Return image ids among which the k best are, in no order.

        Of equal images, the first k by path; None where the index reaches too few.
        """
        count = min(k, self.facts.distinct)
        if count <= 0:
            return np.empty(0, dtype=np.int64)
        self._index.set_ef(_breadth(self.facts.ef, k))
        try:
            labels, _ = self._index.knn_query(direction[None, :], k=count, num_threads=1)
        except RuntimeError:
            return None
        found = labels[0].astype(np.int64)
        rows = np.asarray(self._index.get_items(found), dtype=np.float32)
        scores = np.einsum("ij,j->i", rows, direction)
        best = np.argsort(-scores, kind="stable")
        reached = np.cumsum(self._groups.count(found[best]))
        last = best[min(int(np.searchsorted(reached, k)), count - 1)]
        near = found[scores >= scores[last] - _TIE]
        return np.concatenate([self._groups.first(int(label), k) for label in near])


def available() -> bool:
    """Tell whether hnswlib is installed (it needs a compiler where there is no wheel)."""
    return _hnswlib() is not None


def _hnswlib() -> Any:
    try:
        import hnswlib
    except ImportError:
        return None
    return hnswlib


def fits(count: int, dim: int) -> bool:
    """Tell whether an index of so many vectors takes no undue share of this machine's memory."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        memory = _UNKNOWN_MEMORY
    return count * (4 * dim + _OVERHEAD) <= _MEMORY * memory


def build(
    source: StoredVectors,
    table: Table,
    folder: Path,
    queries: Rows | None = None,
    check: Callable[[], None] = lambda: None,
) -> ApproximateIndex | None:
    """Make (or mend) the index of the vectors of a table, audit it, save it.

    Args:
        source: where the vectors come from.
        table: all of them.
        folder: where index files lie.
        queries: directions that are asked for in real life, (n, d), such as those of sentences;
            the audit uses them beside image vectors.
        check: called now and then; may raise to stop.

    Returns:
        the index, None without hnswlib or vectors. It may fail its audit: see ``facts.serves``.
    """
    if _hnswlib() is None or not len(table):
        return None
    rng = np.random.default_rng(0)
    saved = _saved(source, folder, room=len(table))
    have = np.asarray([] if saved is None else saved.get_ids_list(), dtype=np.int64)
    groups = group(_blocks(table, table.in_order), have, check)
    facts = Facts(
        catalogue=source.catalogue,
        root_id=source.root_id,
        fingerprint=source.fingerprint,
        dim=source.dim,
        generation=table.moment.generation,
        drops=table.moment.drops,
        count=len(groups.members),
        distinct=len(groups.labels),
    )
    exam = _exam(table, groups, queries, rng)
    index = _mended(saved, have, table, groups.labels, rng)
    index = index or _built(table, groups.labels, rng, check)
    audited = _audited(index, groups, facts, exam)
    worn = index.get_current_count() > len(groups.labels)  # by what was marked as deleted
    if not audited.serves and (worn or LINKS[1] > index.M):
        index = _built(table, groups.labels, rng, check, effort=1)
        audited = _audited(index, groups, facts, exam)
    saved_facts = _save(index, groups, audited, _path(source, folder))
    return ApproximateIndex(index, groups, saved_facts)


def _blocks(table: Table, ids: Ids) -> Iterator[tuple[Ids, Rows]]:
    """Yield (ids, unit rows) of images in the given order, little at once."""
    for start in range(0, len(ids), _BLOCK):
        part = ids[start : start + _BLOCK]
        slots = table.find(part)
        order = np.argsort(slots, kind="stable")
        rows = np.empty((len(part), table.dim), dtype=np.float32)
        rows[order] = table.rows(slots[order])
        yield part, rows


def _built(
    table: Table,
    labels: Ids,
    rng: np.random.Generator,
    check: Callable[[], None],
    effort: int = 0,
) -> Any:
    index = _hnswlib().Index(space="ip", dim=table.dim)
    index.init_index(
        len(labels), ef_construction=EF_CONSTRUCTION[effort], M=LINKS[effort], random_seed=100
    )
    index.set_num_threads(available_threads())
    for block_ids, rows in _blocks(table, rng.permutation(labels)):
        check()
        index.add_items(rows, block_ids)
    return index


def _saved(source: StoredVectors, folder: Path, room: int) -> Any:
    """Return the saved index, good or not, with room for more vectors; None if there is none."""
    path, facts = _path(source, folder), facts_of(source, folder)
    if facts is None or not _intact(path, facts):
        return None
    index = _hnswlib().Index(space="ip", dim=source.dim)
    try:
        index.load_index(str(path), max_elements=facts.distinct + room)
    except (RuntimeError, MemoryError):
        return None
    return index


def _mended(index: Any, have: Ids, table: Table, labels: Ids, rng: np.random.Generator) -> Any:
    """Bring the saved index up to date if little changed; None if it must be built anew."""
    new, dead = np.setdiff1d(labels, have), np.setdiff1d(have, labels)
    if index is None or len(new) + len(dead) > _SMALL_CHANGE * len(labels):
        return None
    index.set_num_threads(available_threads())
    for label in dead:
        with contextlib.suppress(RuntimeError):  # marked by an earlier mending
            index.mark_deleted(int(label))
    for block_ids, rows in _blocks(table, rng.permutation(new)):
        index.add_items(rows, block_ids)
    return index


@dataclass(frozen=True)
class _Exam:
    """Directions float32 (q, d), and the best scores that exact search finds, (q, k), sorted."""

    directions: Rows
    best: NDArray[np.float32]

    @property
    def cutoffs(self) -> list[int]:
        """The numbers of hits at which recall is taken."""
        return sorted({min(k, self.best.shape[1]) for k in AUDIT_KS})


def _exam(table: Table, groups: Groups, queries: Rows | None, rng: np.random.Generator) -> _Exam:
    """Choose what the index is asked, and find the right answers.

    Image vectors of the collection, as "more like this" asks; image vectors moved a little, and
    of them some that are there many times; what is given, its sums and its differences.
    """

    def drawn(ids: Ids) -> Rows:
        count = min(AUDIT_QUERIES, len(ids))
        return table.rows(table.slots_of(rng.choice(ids, size=count, replace=False)))

    def moved(rows: Rows) -> Rows:
        noise = rng.standard_normal(rows.shape).astype(np.float32) / np.sqrt(table.dim)
        return np.asarray(rows + 0.5 * noise, dtype=np.float32)

    directions = [drawn(groups.members), moved(drawn(groups.members))]
    many = groups.labels[groups.sizes > 1]
    if len(many):
        directions.append(moved(drawn(many)))
    if queries is not None and len(queries):
        given = queries.astype(np.float32)
        one, other = rng.integers(len(given), size=(2, AUDIT_QUERIES))
        directions += [given, given[one] + given[other], given[one] - 0.5 * given[other]]
    asked = np.concatenate(directions)
    asked /= np.maximum(np.linalg.norm(asked, axis=1, keepdims=True), 1e-12)
    k = min(AUDIT_KS[-1], len(groups.members))
    return _Exam(asked, _exact_best(table, groups.members, asked, k))


def _exact_best(table: Table, ids: Ids, directions: Rows, k: int) -> NDArray[np.float32]:
    """Return the k best cosines of each query, (q, k), best first, holding few vectors at once."""
    best = np.empty((len(directions), 0), dtype=np.float32)
    for _, rows in _blocks(table, ids):
        best = np.concatenate([best, directions @ rows.T], axis=1)
        if best.shape[1] > k:
            best = np.partition(best, best.shape[1] - k, axis=1)[:, -k:]
    return -np.sort(-best, axis=1)


def _audited(index: Any, groups: Groups, facts: Facts, exam: _Exam) -> Facts:
    """Return the facts with the smallest breadth that satisfies, or the most, and its recall.

    Recall is the share of the exact best that are found (ties count as found), taken at the
    number of hits where it is least.
    """
    for ef in EF_STEPS:
        shares = np.stack([_shares(index, groups, exam, k, ef) for k in exam.cutoffs])
        recall, worst = float(shares.mean(axis=1).min()), float(shares.min())
        facts = replace(facts, ef=ef, recall=recall, worst=worst)
        if facts.serves:
            break
    return facts


def _shares(index: Any, groups: Groups, exam: _Exam, k: int, ef: int) -> NDArray[np.float64]:
    """Return which share of its k best each query finds, (q,), asked as a search asks it."""
    index.set_ef(_breadth(ef, k))
    try:
        labels, distances = index.knn_query(exam.directions, k=min(k, len(groups.labels)))
    except RuntimeError:  # of some query it reaches too few
        return np.zeros(len(exam.directions))
    good = 1 - distances >= exam.best[:, k - 1 : k] - _TIE
    found = (groups.count(labels.astype(np.int64)) * good).sum(axis=1)
    shares: NDArray[np.float64] = np.minimum(found, k) / k
    return shares


def _breadth(ef: int, k: int) -> int:
    return max(ef, 2 * k)


def load(source: StoredVectors, table: Table, folder: Path) -> ApproximateIndex | None:
    """Return the saved index if it is whole, of this table and allowed to serve, else None."""
    path = _path(source, folder)
    facts = facts_of(source, folder)
    if _hnswlib() is None or facts is None or not (facts.serves and facts.is_of(table)):
        return None
    if not (fits(facts.distinct, facts.dim) and _intact(path, facts)):
        return None
    index = _hnswlib().Index(space="ip", dim=facts.dim)
    try:
        index.load_index(str(path))
        of, members = np.load(_groups_path(path))
    except (OSError, ValueError, RuntimeError, MemoryError):
        return None
    return ApproximateIndex(index, Groups(of, members), facts)


def facts_of(source: StoredVectors, folder: Path) -> Facts | None:
    """Return what is known of the saved index of a root and model, None if there is none."""
    try:
        text = _path(source, folder).with_suffix(".json").read_text("utf-8")
        facts = Facts(**json.loads(text))
    except (OSError, ValueError, TypeError):
        return None
    ours = (source.catalogue, source.root_id, source.fingerprint, source.dim, FORMAT)
    of = (facts.catalogue, facts.root_id, facts.fingerprint, facts.dim, facts.format)
    return facts if of == ours else None


def _path(source: StoredVectors, folder: Path) -> Path:
    name = f"{source.catalogue[:8]}-{source.root_id}-{source.fingerprint[:16]}.hnsw"
    return folder / name


def _groups_path(path: Path) -> Path:
    return path.with_suffix(".groups.npy")


def _intact(path: Path, facts: Facts) -> bool:
    try:
        return (
            path.stat().st_size == facts.size
            and sha256(path) == facts.sha256
            and sha256(_groups_path(path)) == facts.groups_sha256
        )
    except OSError:
        return False


def _save(index: Any, groups: Groups, facts: Facts, path: Path) -> Facts:
    """Write index and facts so that a kill or a full disk leaves the old ones or a rebuild."""
    try:
        with atomic_path(path) as beside:
            index.save_index(str(beside))
            size = index.index_file_size()
            require_size(beside, size)  # of a full disk hnswlib says nothing
            saved = replace(facts, size=size, sha256=sha256(beside))
        with atomic_file(_groups_path(path)) as out:
            np.save(out, np.stack([groups.of, groups.members]))
        saved = replace(saved, groups_sha256=sha256(_groups_path(path)))
        write_whole(path.with_suffix(".json"), json.dumps(asdict(saved), indent=1))
    except (OSError, RuntimeError):
        return facts  # it serves this session from memory, and is built again next time
    return saved


@dataclass(frozen=True)
class Groups:
    """Images by equal vector.

    Attributes:
        of: int64 (n,), ascending: the image that stands for the group of each member.
        members: int64 (n,), all images, those of one group in the order of their paths.
    """

    of: Ids
    members: Ids

    @cached_property
    def labels(self) -> Ids:
        """The images that stand for a group, int64 (g,), ascending."""
        return self.of[self._starts]

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        return np.flatnonzero(np.diff(self.of, prepend=self.of[:1] - 1))

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """The number of images of each group, int64 (g,), in the order of ``labels``."""
        return np.diff(self._starts, append=len(self.of))

    def count(self, labels: Ids) -> NDArray[np.int64]:
        """Return how many images each of some groups has, int64 (m,)."""
        return self.sizes[np.searchsorted(self.labels, labels)]

    def first(self, label: int, most: int) -> Ids:
        """Return the first images of a group by path, at most so many."""
        start = int(np.searchsorted(self.of, label))
        end = int(np.searchsorted(self.of, label, side="right"))
        return self.members[start : min(end, start + most)]


def group(blocks: Iterable[tuple[Ids, Rows]], preferred: Ids, check: Callable[[], None]) -> Groups:
    """Find out which vectors are equal; only a number of each row is kept in memory.

    Args:
        blocks: (image ids, rows float32 (m, d)), in the order of the paths.
        preferred: images that stand for their group if they are there, such as those that an
            older index knows.
        check: called with each block; may raise to stop.
    """
    ids, digests = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.uint64)]
    for block_ids, rows in blocks:
        check()
        ids.append(block_ids)
        digests.append(digest(rows))
    every, numbers = np.concatenate(ids), np.concatenate(digests)
    if not len(every):
        return Groups(every, every)
    order = np.argsort(numbers, kind="stable")
    members, numbers = every[order], numbers[order]
    new = np.concatenate([[True], numbers[1:] != numbers[:-1]])
    starts = np.flatnonzero(new)
    place = np.arange(len(members))
    wanted = np.where(np.isin(members, preferred), place, len(members))
    best = np.minimum.reduceat(wanted, starts)
    labels = members[np.where(best < len(members), best, starts)]
    of = labels[np.cumsum(new) - 1]
    order = np.argsort(of, kind="stable")
    return Groups(of[order], members[order])


def digest(rows: Rows) -> NDArray[np.uint64]:
    """Return a number for each row (n, d) by its bits, uint64 (n,).

    Two of a million different rows share one by chance in one of 30 million collections.
    """
    bits = np.ascontiguousarray(rows, dtype=np.float32).view(np.uint32).astype(np.uint64)
    bits += np.arange(1, bits.shape[1] + 1, dtype=np.uint64) * _MULTIPLIER
    for multiplier in (_SECOND, _MULTIPLIER):
        bits ^= bits >> _HALF
        bits *= multiplier
    bits ^= bits >> _HALF
    total: NDArray[np.uint64] = bits.sum(axis=1, dtype=np.uint64)
    return total
