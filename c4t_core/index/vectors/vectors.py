"""Searching the vectors of one folder and model: exact, or by the approximate index.

Exact search scans the table, mapped from the vector cache; it answers at once in a new process, and
whenever all scores are needed. The approximate index is loaded beside it by a thread once a
process asks for few hits again, and both score a row in the same way, bit for bit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from c4t_core.index.store.reads import Ids, ImageRow, Rows, Selection, StoredVectors
from c4t_core.index.vectors import hnsw
from c4t_core.index.vectors.cache import VectorCache
from c4t_core.index.vectors.table import Scores, Slots, Table

ANN_THRESHOLD = 2_000_000
"""From this many vectors on an approximate index is built.

``benchmarks/scale`` measured why not sooner: one of 300,000 takes 36 minutes of CPU, and fails its
audit on near-duplicates, while exact search answers in 44 ms there.
"""

ANN_MAX_K = 1_000  # more hits than this are found by exact search
_LARGE = 50_000  # vectors; fewer are always those of the last commit
_SLOW_LOAD = 0.25  # seconds; a table that takes longer is not read again at every commit
_REST = 4.0  # and then at most a fifth of the time is spent reading


class Source(Protocol):
    """What is known of the images of one folder.

    `StoredVectors` reads it from the catalogue,
    `c4t_core.index.vectors.embeddings_file.SavedVectors` holds what a file tells.
    """

    @property
    def root_id(self) -> int:
        """Number of the root that the images are of."""

    def rows(self, image_ids: Sequence[int] | Ids) -> dict[int, ImageRow]:
        """Return what is known of some images by id."""

    def newer(self, image_ids: Sequence[int] | Ids, since: float) -> int:
        """Return how many of some images were first indexed after a time."""

    def by_path(self, name: bytes) -> ImageRow | None:
        """Return what is known of a file, named relative to the root."""

    def place_of(self, image_id: int) -> tuple[bytes, int] | None:
        """Return (path, time in a recording in ns or -1) of an image."""

    def drive_numbers(self) -> dict[str, int]:
        """Return the numbers of drives by identity."""


class Tables(Protocol):
    """What gives the vectors: a `VectorCache`, or a file of embeddings."""

    def is_near(self) -> bool:
        """Tell whether the newest takes no long reading."""

    def newest(self, held: Table | None = None, *, keep: bool = False) -> Table:
        """Return the vectors of the present."""


class VectorSearch:
    """Search over one root and model; every method may be called from any thread.

    Args:
        source: what is known of the images.
        tables: where the vectors are; None for the catalogue and its cache.
        folder: where caches and index files lie; None for none.
        threshold: number of vectors from which the approximate index is built.

    Attributes:
        source: what is known of the images.
    """

    def __init__(
        self,
        source: Source,
        tables: Tables | None = None,
        folder: Path | None = None,
        threshold: int = ANN_THRESHOLD,
    ) -> None:
        """Load nothing yet."""
        self.source = source
        stored = source if isinstance(source, StoredVectors) else None
        if tables is None:
            assert stored is not None
            tables = VectorCache(stored, folder / "vectors" if folder else None)
        self._tables = tables
        self._indexed = stored if folder else None
        self._folder = (folder or Path()) / "hnsw"
        self._threshold = threshold
        self._lock = threading.Lock()
        self._table: Table | None = None
        self._loaded_at = 0.0
        self._load_took = 0.0
        self._index_lock = threading.Lock()
        self._index: hnsw.ApproximateIndex | None = None
        self._loading: threading.Thread | None = None
        self._no_index_for: Table | None = None
        self._asked_for_few = 0

    def table(self, generation: int | None = None) -> Table:
        """Return the vectors of the last commit.

        Where reading takes long, those of a few seconds ago are good enough while a run goes on;
        and so they are while another thread reads.

        Args:
            generation: of the vectors, which whoever searches has read already.
        """
        held = self._table
        if held is not None and held.moment.generation == generation:
            return held
        patience = -1 if held is None or len(held) < _LARGE else _SLOW_LOAD
        if not self._lock.acquire(timeout=patience) and held is not None:
            return held
        try:
            held = self._table
            recent = time.monotonic() - self._loaded_at < _REST * self._load_took
            slow = self._load_took > _SLOW_LOAD
            if held is not None and len(held) >= _LARGE and slow and recent:
                return held
            return self._newest(held)
        finally:
            self._lock.release()

    def _newest(self, held: Table | None, *, keep: bool = False) -> Table:
        started = time.monotonic()
        self._table = self._tables.newest(held, keep=keep)
        self._loaded_at = time.monotonic()
        self._load_took = self._loaded_at - started
        return self._table

    def at_hand(self) -> Table | None:
        """Return the vectors of the last commit, None if they would have to be read first."""
        return self.table() if self._table is not None or self._tables.is_near() else None

    def keep(self) -> Table:
        """Have the cache on disk hold all vectors of the present; return them."""
        with self._lock:
            return self._newest(self._table, keep=True)

    def ranking(
        self,
        table: Table,
        direction: NDArray[np.float32],
        k: int | None,
        slots: Slots | None = None,
        *,
        exact: bool = False,
    ) -> tuple[Ids, Scores]:
        """Return (image ids, scores) of the k best, best first, ties by path.

        Args:
            table: the vectors.
            direction: unit vector (d,).
            k: how many; None for all.
            slots: only these, ascending; always searched exactly.
            exact: do not use the approximate index.
        """
        if slots is None and not exact and k is not None and 0 < k <= ANN_MAX_K:
            index = self._index_of(table)
            found = index.query(direction, k) if index is not None else None
            if found is not None:
                return table.ranking(direction, k, table.slots_of(found))
        return table.ranking(direction, k, slots)

    def select(self, table: Table, selection: Selection) -> Slots:
        """Return the slots that a restriction lets through, ascending."""
        drives = None
        if selection.drives:
            numbers = self.source.drive_numbers()
            drives = [numbers[drive] for drive in selection.drives if drive in numbers]
        below = None
        if selection.below:
            below = [table.stretch(folder, self.source.place_of) for folder in selection.below]
        return table.select(
            drives=drives,
            cameras=selection.cameras,
            since=selection.since,
            until=selection.until,
            stretches=below,
        )

    # The approximate index

    def _index_of(self, table: Table) -> hnsw.ApproximateIndex | None:
        """Return the approximate index of a table if it is in memory.

        A process that asks once is answered before the index would be loaded; for one that asks
        again, a thread loads it.
        """
        with self._index_lock:
            if self._index is not None and self._index.facts.is_of(table):
                return self._index
            self._asked_for_few += 1
            busy = self._loading is not None and self._loading.is_alive()
            if self._asked_for_few > 1 and not busy and self._no_index_for is not table:
                self._loading = threading.Thread(
                    target=self.load_index, args=(table,), name="c4t-load-index"
                )
                self._loading.start()
        return None

    def load_index(self, table: Table) -> bool:
        """Load the approximate index of a table; tell whether there is one that may serve."""
        source = self._indexed
        index = None if source is None else hnsw.load(source, table, self._folder)
        with self._index_lock:
            self._index = index
            self._no_index_for = table if index is None else None
        return index is not None

    def close(self) -> None:
        """Wait for a thread that loads the index."""
        loading = self._loading
        if loading is not None:
            loading.join()

    def outdated(self) -> bool:
        """Tell whether there should be an approximate index of the present vectors and is none."""
        source = self._indexed
        if source is None or not hnsw.available():
            return False
        table = self.keep()
        if len(table) < self._threshold or self.too_large():
            return False
        facts = hnsw.facts_of(source, self._folder)
        return facts is None or not facts.is_of(table)

    def too_large(self) -> bool:
        """Tell whether an approximate index would take an undue share of the memory."""
        table = self.table()
        return len(table) >= self._threshold and not hnsw.fits(len(table), table.dim)

    def maintain(
        self, queries: Rows | None = None, check: Callable[[], None] = lambda: None
    ) -> hnsw.Facts | None:
        """Build or mend the approximate index if there are enough vectors and it is out of date.

        Call only while holding the writer's lock of this root and model. Searching goes on.
        """
        source = self._indexed
        if source is None:
            return None
        if not self.outdated():
            return hnsw.facts_of(source, self._folder)
        index = hnsw.build(source, self.keep(), self._folder, queries, check=check)
        if index is None:
            return None
        with self._index_lock:
            self._no_index_for = None
            self._index = index if index.facts.serves else None
        return index.facts

    def serving(self) -> str:
        """Return ``"hnsw"`` or ``"exact"``: what a search of few hits uses now."""
        table = self.table()
        index = self._index
        return "hnsw" if index is not None and index.facts.is_of(table) else "exact"
