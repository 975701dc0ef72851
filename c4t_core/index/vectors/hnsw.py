"""The approximate index (hnswlib), built from the catalogue, audited, and never trusted blindly.

hnswlib crashes on damaged files, never reports a failed save, and finds too little where
near-duplicates are inserted in time order. So: vectors go in shuffled, the result is compared
with exact search before it may serve, it is saved beside and swapped in, and a file is loaded
only after its SHA-256 was found right.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.devices import available_threads
from c4t_core.files import atomic_path, require_size, sha256, write_whole
from c4t_core.index.store.reads import Ids, Rows, StoredVectors

FORMAT = 1
LINKS = 16  # M of the paper (arXiv 1603.09320): links per node and layer
EF_CONSTRUCTION = 200
EF_STEPS = (200, 400, 800)  # breadth of the search; raised until the audit is content
AUDIT_K = 50
AUDIT_QUERIES = 200
LEAST_RECALL = 0.98
_SMALL_CHANGE = 0.2  # share of new or dead vectors up to which an index is mended, not rebuilt


@dataclass(frozen=True)
class Facts:
    """What is known of a saved index; lies beside it as JSON."""

    catalogue: str  # identity of the catalogue it was built from
    root_id: int
    fingerprint: str  # of the model
    dim: int
    generation: int
    count: int  # vectors that can be found
    ef: int
    recall: float  # recall@50 against exact search, at this ef
    size: int = 0  # of the file, bytes
    sha256: str = ""
    format: int = FORMAT

    @property
    def serves(self) -> bool:
        """Whether the audit lets it answer queries."""
        return self.recall >= LEAST_RECALL


class ApproximateIndex:
    """An index in memory that is only read; safe to query from several threads.

    Attributes:
        facts: what it was built from and how well it does.
    """

    def __init__(self, index: Any, facts: Facts) -> None:
        """Keep a finished hnswlib index."""
        self._index = index
        self.facts = facts

    def query(self, direction: NDArray[np.float32], k: int) -> tuple[Ids, Rows]:
        """Return (image ids, their unit rows (m, d)) of about the k nearest, in no order."""
        k = min(k, self.facts.count)
        if k <= 0:
            return np.empty(0, dtype=np.int64), np.empty((0, self.facts.dim), dtype=np.float32)
        self._index.set_ef(max(self.facts.ef, 2 * k))
        labels, _ = self._index.knn_query(direction[None, :], k=k, num_threads=1)
        ids = labels[0].astype(np.int64)
        rows = np.asarray(self._index.get_items(ids), dtype=np.float32)
        return ids, rows


def available() -> bool:
    """Tell whether hnswlib is installed (it needs a compiler where there is no wheel)."""
    return _hnswlib() is not None


def _hnswlib() -> Any:
    try:
        import hnswlib
    except ImportError:
        return None
    return hnswlib


def build(
    source: StoredVectors,
    folder: Path,
    queries: Rows | None = None,
    check: Callable[[], None] = lambda: None,
) -> ApproximateIndex | None:
    """Make (or mend) the index of the present vectors, audit it, save it.

    Must run while nobody writes to this root and model.

    Args:
        source: the vectors.
        folder: where index files lie.
        queries: directions that are asked for in real life, (n, d), such as those of sentences;
            the audit uses them beside image vectors.
        check: called now and then; may raise to stop.

    Returns:
        the index, None without hnswlib or vectors. It may fail its audit: see ``facts.serves``.
    """
    ids = source.ids()
    generation = source.generation()
    if _hnswlib() is None or not len(ids):
        return None
    rng = np.random.default_rng(0)
    index = _mended(source, folder, ids, rng) or _built(source, ids, rng, check)
    ef, recall = _audit(index, source, ids, queries, rng)
    if recall < LEAST_RECALL and index.get_current_count() > len(ids):
        index = _built(source, ids, rng, check)  # mending may have worn it out
        ef, recall = _audit(index, source, ids, queries, rng)
    facts = Facts(
        catalogue=source.catalogue,
        root_id=source.root_id,
        fingerprint=source.fingerprint,
        dim=source.dim,
        generation=generation,
        count=len(ids),
        ef=ef,
        recall=recall,
    )
    return ApproximateIndex(index, _save(index, facts, _path(source, folder)))


def _built(
    source: StoredVectors, ids: Ids, rng: np.random.Generator, check: Callable[[], None]
) -> Any:
    index = _hnswlib().Index(space="ip", dim=source.dim)
    index.init_index(len(ids), ef_construction=EF_CONSTRUCTION, M=LINKS, random_seed=100)
    index.set_num_threads(available_threads())
    for block_ids, rows in source.blocks(rng.permutation(ids)):
        check()
        index.add_items(rows, block_ids)
    return index


def _mended(source: StoredVectors, folder: Path, ids: Ids, rng: np.random.Generator) -> Any:
    """Bring the saved index up to date if little changed; None if it must be built anew."""
    path, facts = _path(source, folder), facts_of(source, folder)
    if facts is None or not _intact(path, facts):
        return None
    index = _hnswlib().Index(space="ip", dim=source.dim)
    try:
        index.load_index(str(path), max_elements=facts.count + len(ids))
        have = np.asarray(index.get_ids_list(), dtype=np.int64)
    except (RuntimeError, MemoryError):
        return None
    new, dead = np.setdiff1d(ids, have), np.setdiff1d(have, ids)
    if len(new) + len(dead) > _SMALL_CHANGE * len(ids):
        return None
    index.set_num_threads(available_threads())
    for image_id in dead:
        with contextlib.suppress(RuntimeError):  # marked by an earlier mending
            index.mark_deleted(int(image_id))
    for block_ids, rows in source.blocks(rng.permutation(new)):
        index.add_items(rows, block_ids)
    return index


def _audit(
    index: Any, source: StoredVectors, ids: Ids, queries: Rows | None, rng: np.random.Generator
) -> tuple[int, float]:
    """Return (ef, recall@50): the smallest breadth that satisfies, or the best there is.

    The queries are those given and image vectors moved a little, so that none is its own
    answer; recall is the share of the exact 50 best that are found (ties count as found).
    """
    sample = rng.choice(ids, size=min(AUDIT_QUERIES, len(ids)), replace=False)
    _, directions = source.embeddings(sample)
    noise = rng.standard_normal(directions.shape).astype(np.float32) / np.sqrt(source.dim)
    directions = directions + 0.5 * noise
    if queries is not None and len(queries):
        directions = np.concatenate([directions, queries.astype(np.float32)])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    k = min(AUDIT_K, len(ids))
    kth = _exact_kth(source, ids, directions, k)
    recall, ef = 0.0, EF_STEPS[-1]
    for ef in EF_STEPS:
        index.set_ef(max(ef, k))
        _, distances = index.knn_query(directions, k=k)
        recall = float(((1 - distances) >= kth[:, None] - 1e-5).sum(axis=1).mean() / k)
        if recall >= LEAST_RECALL:
            break
    return ef, recall


def _exact_kth(source: StoredVectors, ids: Ids, directions: Rows, k: int) -> NDArray[np.float32]:
    """Return the k-th best cosine of each query, (q,), without holding all vectors."""
    best = np.empty((len(directions), 0), dtype=np.float32)
    for _, rows in source.blocks(ids):
        best = np.concatenate([best, directions @ rows.T], axis=1)
        if best.shape[1] > k:
            best = np.partition(best, best.shape[1] - k, axis=1)[:, -k:]
    kth: NDArray[np.float32] = best.min(axis=1)
    return kth


def load(source: StoredVectors, folder: Path) -> ApproximateIndex | None:
    """Return the saved index if it is whole, up to date and allowed to serve, else None."""
    path = _path(source, folder)
    facts = facts_of(source, folder)
    if _hnswlib() is None or facts is None or not facts.serves:
        return None
    if facts.generation != source.generation() or not _intact(path, facts):
        return None
    index = _hnswlib().Index(space="ip", dim=facts.dim)
    try:
        index.load_index(str(path))
    except (RuntimeError, MemoryError):
        return None
    return ApproximateIndex(index, facts)


def is_current(source: StoredVectors, folder: Path) -> bool:
    """Tell whether the saved index, good or not, is of the present vectors."""
    facts = facts_of(source, folder)
    return facts is not None and facts.generation == source.generation()


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


def _intact(path: Path, facts: Facts) -> bool:
    try:
        return path.stat().st_size == facts.size and sha256(path) == facts.sha256
    except OSError:
        return False


def _save(index: Any, facts: Facts, path: Path) -> Facts:
    """Write index and facts so that a kill or a full disk leaves the old ones or a rebuild."""
    try:
        with atomic_path(path) as beside:
            index.save_index(str(beside))
            size = index.index_file_size()
            require_size(beside, size)  # of a full disk hnswlib says nothing
            saved = replace(facts, size=size, sha256=sha256(beside))
        write_whole(path.with_suffix(".json"), json.dumps(asdict(saved), indent=1))
    except (OSError, RuntimeError):
        return facts  # it serves this session from memory, and is built again next time
    return saved
