"""Searching the vectors of one folder and model: exact, or by the approximate index.

Never both are in memory: the index serves until something needs all scores, then the matrix
takes over. Both score a row in the same way, bit for bit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from c4t_core.devices import available_threads
from c4t_core.index.store.reads import Ids, ImageRow, Matrix, Rows, Selection, StoredVectors
from c4t_core.index.vectors import hnsw

ANN_THRESHOLD = 20_000
"""From this many vectors on an approximate index is built (see ``benchmarks/ann_threshold.py``)."""

ANN_MAX_K = 1_000  # more hits than this are found by exact search
_FEW = 5_000  # vectors that are rather read one by one than with the whole matrix
_CHUNK = 65_536  # rows scored at once by one thread
_SLOW_LOAD = 0.25  # seconds; a matrix that takes longer is not loaded again at every commit
_REST = 4.0  # and then at most a fifth of the time is spent loading


class Source(Protocol):
    """Where the vectors of one folder and model come from.

    `StoredVectors` reads them from the catalogue,
    `c4t_core.index.vectors.embeddings_file.SavedVectors` holds those of a file.
    """

    @property
    def root_id(self) -> int:
        """Number of the root that the rows are of."""

    def generation(self) -> int:
        """Return what grows with every change of the vectors."""

    def matrix(self) -> Matrix:
        """Return all vectors of one moment."""

    def embeddings(self, image_ids: Ids) -> tuple[Ids, Rows]:
        """Return (ids, unit rows) of some images, those without a vector left out, any order."""

    def rows(self, image_ids: Sequence[int] | Ids) -> dict[int, ImageRow]:
        """Return what is known of some images by id."""

    def by_path(self, name: bytes) -> ImageRow | None:
        """Return what is known of a file, named relative to the root."""

    def select(self, selection: Selection) -> Ids:
        """Return the ids that a restriction lets through, sorted."""

    def drive_names(self, below: bytes = b"") -> list[str]:
        """Return the identities of the drives in a folder."""


def cosine(rows: Rows, direction: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the cosines of unit rows (n, d) with a unit direction (d,), float32 (n,).

    Unlike a matrix product, the score of a row does not depend on where it stands, so equal
    images have equal scores and ties are real.
    """
    if len(rows) <= _CHUNK:
        single: NDArray[np.float32] = np.einsum("ij,j->i", rows, direction)
        return single
    parts = [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]
    with ThreadPoolExecutor(available_threads()) as pool:
        return np.concatenate(list(pool.map(lambda p: np.einsum("ij,j->i", p, direction), parts)))


class VectorSearch:
    """Search over one root and model; every method may be called from any thread.

    What changes with the vectors is asked for by ``generation``, which whoever searches has read
    already; None reads it.

    Args:
        source: where the vectors are.
        folder: where index files lie; None for a source that has none.
        threshold: number of vectors from which the approximate index is used.

    Attributes:
        source: where the vectors are.
    """

    def __init__(
        self, source: Source, folder: Path | None = None, threshold: int = ANN_THRESHOLD
    ) -> None:
        """Load nothing yet."""
        self.source = source
        self._indexed = source if isinstance(source, StoredVectors) and folder else None
        self._folder = folder or Path()
        self._threshold = threshold
        self._lock = threading.Lock()
        self._matrix: Matrix | None = None
        self._index: hnsw.ApproximateIndex | None = None
        self._no_index_for: int | None = None  # generation that has no usable index
        self._loaded_at = 0.0
        self._load_took = 0.0

    def search(
        self,
        direction: NDArray[np.float32],
        k: int | None,
        allowed: Ids | None = None,
        generation: int | None = None,
        *,
        exact: bool = False,
    ) -> tuple[Ids, NDArray[np.float32]]:
        """Return (image ids, scores) of the k best, best first, ties by path.

        Args:
            direction: unit vector (d,).
            k: how many; None for all.
            allowed: only these image ids, sorted; always searched exactly.
            generation: of the vectors.
            exact: do not use the approximate index.
        """
        if allowed is not None and self._matrix is None and len(allowed) <= _FEW:
            return self._best(*self.source.embeddings(allowed), direction, k)
        if allowed is None and not exact and k is not None and k <= ANN_MAX_K:
            index = self._approximate(generation)
            found = index.query(direction, k) if index is not None else None
            if found is not None:
                return self._best(*found, direction, k)
        matrix = self.matrix(generation)
        ids, rows = matrix.ids, matrix.rows
        if allowed is not None:
            inside = np.isin(ids, allowed)
            ids, rows = ids[inside], rows[inside]
        scores = cosine(rows, direction)
        order = rank(scores, np.arange(len(scores)), k)
        return ids[order], scores[order]

    def _best(
        self, ids: Ids, rows: Rows, direction: NDArray[np.float32], k: int | None
    ) -> tuple[Ids, NDArray[np.float32]]:
        """Rank some rows, ties by path; the paths are read of those only that may come in."""
        scores = cosine(rows, direction)
        if k is not None and 0 < k < len(scores):
            near = scores >= np.partition(scores, len(scores) - k)[len(scores) - k]
            ids, scores = ids[near], scores[near]
        paths = {i: row.path for i, row in self.source.rows(ids).items()}
        there = np.asarray([int(i) in paths for i in ids], dtype=bool)
        ids, scores = ids[there], scores[there]
        order = rank(scores, [paths[int(i)] for i in ids], k)
        return ids[order], scores[order]

    def rows(self, allowed: Ids | None, generation: int) -> Rows:
        """Return the vectors of all (or the allowed) images, in no order."""
        matrix = self.matrix(generation)
        return matrix.rows if allowed is None else matrix.rows[np.isin(matrix.ids, allowed)]

    def embeddings(self, image_ids: Ids) -> tuple[Ids, Rows]:
        """Return (ids, unit rows) of some images, those without a vector left out, any order."""
        matrix = self._matrix
        if matrix is None or len(image_ids) <= _FEW:
            return self.source.embeddings(image_ids)
        inside = np.isin(matrix.ids, image_ids)
        return matrix.ids[inside], matrix.rows[inside]

    def matrix(self, generation: int | None = None) -> Matrix:
        """Return the vectors of the last commit.

        Where loading takes long, those of a few seconds ago are good enough while a run goes on.
        """
        with self._lock:
            held = self._matrix
            if held is not None:
                # A scope may be older than what another question has loaded since.
                if held.generation == generation or held.generation == self.source.generation():
                    return held
                recent = time.monotonic() - self._loaded_at < _REST * self._load_took
                if self._load_took > _SLOW_LOAD and recent:
                    return held
            self._index = None
            started = time.monotonic()
            held = self.source.matrix()
            self._loaded_at = time.monotonic()
            self._load_took = self._loaded_at - started
            self._matrix = held
            return held

    def _approximate(self, generation: int | None = None) -> hnsw.ApproximateIndex | None:
        """Return the approximate index if one may serve and the matrix is not in memory."""
        source = self._indexed
        if source is None:
            return None
        with self._lock:
            if generation is None:
                generation = source.generation()
            if self._matrix is not None or self._no_index_for == generation:
                return None
            if self._index is not None and self._index.facts.generation == generation:
                return self._index
            self._index = hnsw.load(source, self._folder)
            if self._index is None:
                self._no_index_for = generation
            return self._index

    def outdated(self) -> bool:
        """Tell whether there should be an approximate index of the present vectors and is none."""
        source = self._indexed
        if source is None or not hnsw.available() or len(source.ids()) < self._threshold:
            return False
        return not hnsw.is_current(source, self._folder)

    def maintain(
        self, queries: Rows | None = None, check: Callable[[], None] = lambda: None
    ) -> hnsw.Facts | None:
        """Build or mend the approximate index if there are enough vectors and it is out of date.

        Call only while holding the writer's lock of this root and model.
        """
        source = self._indexed
        if source is None:
            return None
        if not self.outdated():
            return hnsw.facts_of(source, self._folder)
        index = hnsw.build(source, self._folder, queries, check=check)
        if index is None:
            return None
        with self._lock:
            self._no_index_for = None
            if index.facts.serves and self._matrix is None:
                self._index = index
        return index.facts

    def serving(self) -> str:
        """Return ``"hnsw"`` or ``"exact"``: what a search of few hits would use."""
        return "exact" if self._approximate() is None else "hnsw"


def rank(
    scores: NDArray[np.floating[Any]], keys: Sequence[Any] | NDArray[Any], k: int | None = None
) -> NDArray[np.int64]:
    """Return the indices of the k best scores, best first, ties in the order of ``keys``.

    Args:
        scores: (n,); NaN counts as worse than everything.
        keys: (n,), what decides between equal scores, smallest first (such as paths).
        k: how many; None or more than n gives all.
    """
    scores = np.where(np.isnan(scores), -np.inf, scores)
    n = len(scores)
    if k is not None and k <= 0:
        return np.empty(0, dtype=np.int64)
    candidates = np.arange(n, dtype=np.int64)
    if k is not None and k < n:
        kth = np.partition(scores, n - k)[n - k]
        candidates = np.flatnonzero(scores >= kth).astype(np.int64)
    order: NDArray[np.int64]
    if isinstance(keys, np.ndarray) and keys.dtype != object:
        order = candidates[np.lexsort((keys[candidates], -scores[candidates]))]
    else:
        listed = sorted(candidates.tolist(), key=lambda i: (-scores[i], keys[i]))
        order = np.asarray(listed, dtype=np.int64)
    return order[:k]
