"""Search of a shared table where it lies, for tables that are too large to be copied.

Lance ranks and filters; what comes back is the best few, whose cosines are computed here, in
float32 and of the vectors themselves, as the ordinary search does. Conditions on objects are
weighed by the same code, on the facts of the best. There is no ranking of all frames, so no cut,
no histogram and no events.

A vector index answers only where it was compared with exact search (:class:`Audit`) and found
enough; else, and with ``exact``, every vector is compared.
"""

from __future__ import annotations

import json
import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.addresses import as_path, is_below, is_remote
from c4t_core.cluster.table import SharedTable, keys_of, quoted
from c4t_core.errors import DataError, FolderError, ModelError, NotIndexedError, QueryError
from c4t_core.images.frame_names import FIRST_DATE, shown_drives
from c4t_core.index.directions import ModelHandle
from c4t_core.index.exports import Hits
from c4t_core.index.objects import ObjectCondition, Seen
from c4t_core.index.query import NO_FILTERS, Filters, Hit, Query, parse_query
from c4t_core.index.scope import chosen_drives
from c4t_core.index.search import reading_notes
from c4t_core.index.vectors.hnsw import LEAST_RECALL, LEAST_WORST
from c4t_core.index.vectors.objects import ObjectTable, weighed
from c4t_core.index.vectors.table import scales_of
from c4t_core.records import dataclass

if TYPE_CHECKING:
    import pyarrow as pa

VECTOR_INDEX = "vector_idx"
"""What Lance calls the index of the vectors."""

_AUDIT = "c4t-audit"  # in the metadata of the column of vectors
_NAMES = ("root", "path", "name", "at_ns", "drive", "camera", "frame", "time", "first_seen")
_COLUMNS = (*_NAMES, "facts", "vector")
_ROUNDING = 1e-4  # Lance rounds the direction to half floats: at most some 1e-5 of a cosine
_MOST = 16_384  # rows that are ranked by Lance; beyond them all are gone through
_GROWN = 0.2  # share of new rows from which on an audit says nothing any more
FEW = 20_000  # frames that filters let through, which are compared one by one


@dataclass(frozen=True)
class Audit:
    """How much of what exact search finds the vector index of a table finds.

    Attributes:
        index: its kind, ``"ivf-pq"``, ``"ivf-rq"`` or ``"hnsw"``.
        rows: of the table when it was made.
        k: at how many hits it was taken.
        queries: how many were asked.
        asked: what they were, for people.
        recall: of the mean query, 0 to 1.
        worst: of the worst one.
        probes: parts of the index that a search looks into, at least.
        breadth: rows that it ranks for each hit that is wanted.
    """

    index: str
    rows: int
    k: int
    queries: int
    asked: str
    recall: float
    worst: float
    probes: int
    breadth: int

    @property
    def serves(self) -> bool:
        """Whether the index may answer; by the same measure as a local one."""
        return self.recall >= LEAST_RECALL and self.worst >= LEAST_WORST

    def __str__(self) -> str:
        """Return it as a person reads it.

        >>> str(Audit("hnsw", 9, 50, 200, "sentences", 0.987, 0.94, 20, 4))
        'finds 98.7 % of the 50 best (worst query 94 %)'
        """
        return (
            f"finds {self.recall:.1%} of the {self.k} best (worst query {self.worst:.0%})".replace(
                "%", " %"
            )
        )


def kept_audit(table: SharedTable) -> Audit | None:
    """Return what is known of the vector index of a table, None where it was not looked at."""
    told = (table.raw.schema.field("vector").metadata or {}).get(_AUDIT.encode())
    with suppress(ValueError, TypeError):
        return Audit(**json.loads(told)) if told else None
    return None


def keep_audit(table: SharedTable, audit: Audit | None) -> None:
    """Write what is known of the vector index into the table; None for nothing."""
    told = "" if audit is None else json.dumps(asdict(audit))
    if told or kept_audit(table) is not None:
        with table.told():
            table.raw.update_field_metadata({"path": "vector", "metadata": {_AUDIT: told}})


def ask(
    table: SharedTable,
    query: str | Query,
    model: str | ModelHandle = "c4t",
    *,
    k: int = 20,
    filters: Filters = NO_FILTERS,
    exact: bool = False,
) -> Hits:
    """Return the k best frames of a table, see :meth:`InPlace.ask`."""
    return InPlace(table, model).ask(query, k=k, filters=filters, exact=exact)


class InPlace:
    """A table that is searched where it lies.

    Args:
        table: at the version that is to be searched.
        model: that of the table, or its name.

    Raises:
        ModelError: if the table holds vectors of another model.
    """

    def __init__(self, table: SharedTable, model: str | ModelHandle = "c4t") -> None:
        """Read nothing yet."""
        handle = ModelHandle(model) if isinstance(model, str) else model
        self._table = table
        self._model = handle.maker(table.header.fingerprint)
        if table.header.fingerprint not in self._model.fingerprints:
            raise ModelError(
                f'The table "{table.address}" was made with the model "{table.header.model}", '
                f'which is not "{handle.name}" as it is here; choose that model with --model, or '
                "index the frames into a new table."
            )

    @cached_property
    def drives(self) -> Mapping[str, str]:
        """How the drives of the table are shown, by their identity."""
        return shown_drives(self._table.values("drive"))

    @cached_property
    def audit(self) -> Audit | None:
        """What is known of the vector index, None where there is none that may answer."""
        audit = kept_audit(self._table)
        if audit is None or not audit.serves:
            return None
        has = any(one.name == VECTOR_INDEX for one in self._table.raw.list_indices())
        return audit if has and len(self._table) <= (1 + _GROWN) * audit.rows else None

    def ask(
        self,
        query: str | Query,
        *,
        k: int = 20,
        filters: Filters = NO_FILTERS,
        exact: bool = False,
    ) -> Hits:
        """Return the k best frames, best first, ties by path.

        Args:
            query: what to look for; it has terms.
            k: how many hits at most.
            filters: folders, drives, cameras, times and objects; nothing else.
            exact: compare with every vector, using no index.

        Raises:
            QueryError: if the query has no terms or a drive or filter is unknown here.
            FolderError: if a folder of the filters holds no frame of the table.
            NotIndexedError: if there is no frame, or nothing is known of the objects asked for.
            DataError: if the table cannot be read.
        """
        asked = parse_query(query) if isinstance(query, str) else query
        if not asked.terms:
            raise QueryError(
                "Conditions on objects alone rank all frames, which a table in place does not; add "
                "words to the query, or search it without --in-place."
            )
        _check(filters)
        objects = filters.asking(asked.objects).objects
        where = self.where(filters)
        frames = self._table.count(_and("reason IS NULL", *where))
        if not frames and not where:
            raise NotIndexedError(
                f'The table "{self._table.address}" holds no frame yet; fill it with '
                f'c4t index FOLDER --to "{self._table.address}".'
            )
        notes = self._notes_on_objects(objects, where, frames) if objects else []
        direction = self._model.direction(asked, self._table.header.fingerprint)
        audit = None if exact or frames <= FEW else self.audit
        search = Search(self._table, direction, _and(*where), objects, audit)
        hits = Hits(
            self._hit(found, rank) for rank, found in enumerate(search.best(k, frames), start=1)
        )
        read = reading_notes(self._model.word_hints(asked), self._model.cut_terms(asked))
        told = [] if audit is None else [f"The index of this table {audit}; --exact finds all."]
        hits.notes = (*read, *notes, *told)
        return hits

    def where(self, filters: Filters) -> list[str]:
        """Return filters as conditions (SQL, as Lance reads it) that all must hold.

        Raises:
            FolderError, QueryError: as of :meth:`ask`.
        """
        found = []
        if filters.within:
            found.append(_or(self._within(folder) for folder in filters.within))
        if filters.drives:
            names = chosen_drives(filters.drives, self.drives)
            found.append(f"drive IN ({', '.join(map(quoted, names))})")
        if filters.cameras:
            found.append(f"camera IN ({', '.join(map(quoted, filters.cameras))})")
        if filters.since is not None:
            found.append(f"`time` >= {float(filters.since)!r}")
        if filters.until is not None:
            found.append(f"`time` < {float(filters.until)!r}")
            if filters.until > FIRST_DATE:  # times of a clock alone do not pass either
                found.append(f"`time` > {float(FIRST_DATE)!r}")
        return found

    def _within(self, folder: str | Path) -> str:
        """Return the condition on frames below a folder, relative to a root or whole."""
        conditions = []
        for root in self._table.roots():
            below = next((b for b in _below(root, folder) if self._holds(root, b)), None)
            if below is not None:
                conditions.append(_under(root, below))
        if not conditions:
            raise FolderError(
                f'No frame of the table "{self._table.address}" lies in a folder "{folder}"; name '
                "one inside its roots, see c4t table info.",
                Path(folder),
            )
        return _or(conditions)

    def _holds(self, root: str, below: str) -> bool:
        return self._table.count(_under(root, below)) > 0

    def _notes_on_objects(
        self, objects: Sequence[ObjectCondition], where: Sequence[str], frames: int
    ) -> list[str]:
        labels = " and ".join(dict.fromkeys(f'"{one.label}"' for one in objects))
        told = all(one.label in self._table.header.classes for one in objects)
        known = self._table.count(_and("facts IS NOT NULL", *where)) if told else 0
        if frames and not known:
            raise NotIndexedError(
                f"Nothing is known of {labels} in these {frames:,} frames of the table, whose "
                "model does not tell it; leave the condition out."
            )
        return [_known(known, frames)] if known < frames else []

    def _hit(self, found: _Found, rank: int) -> Hit:
        root, relative, at_ns = found.key
        told, name = found.told, os.fsdecode(relative)
        if not is_below(relative):
            raise DataError(
                f'The table "{self._table.address}" names a frame outside its roots; do not use it.'
            )
        folder = as_path(root)
        facts = told["facts"]
        return Hit(
            path=folder / name,
            score=found.score,
            rank=rank,
            root=folder,
            relative=name,
            drive=self.drives.get(told["drive"], told["drive"]),
            camera=told["camera"],
            frame=told["frame"],
            time=told["time"],
            at=None if at_ns < 0 else at_ns / 1e9,
            first_seen=told["first_seen"] or 0.0,
            seen=None if facts is None else Seen(self._table.header.classes, facts),
        )


def _known(known: int, frames: int) -> str:
    return (
        f"What objects there are is known for {known:,} of {frames:,} frames; the others were "
        "embedded before, or by a model that sees none."
    )


def _check(filters: Filters) -> None:
    if filters.tags or filters.marked or filters.only is not None or filters.without:
        raise QueryError(
            "Tags, marks and earlier hits belong to the catalogue of this machine; search the "
            "table without --in-place to restrict it by them."
        )


# Conditions


def _and(*conditions: str) -> str:
    return " AND ".join(f"({one})" for one in conditions)


def _or(conditions: Iterator[str] | Sequence[str]) -> str:
    return " OR ".join(f"({one})" for one in conditions)


def _under(root: str, below: str) -> str:
    own = f"root = {quoted(root)}"
    if not below:
        return own
    return f"{own} AND (path = {quoted(below)} OR starts_with(path, {quoted(below + '/')}))"


def _below(root: str, folder: str | Path) -> Iterator[str]:
    """Yield what a folder may be below a root, as its rows have it; "" for the root itself."""
    text = os.fspath(folder)
    whole = [f"{root}/{text}"] if not (is_remote(text) or os.path.isabs(text)) else []
    if is_remote(text):
        whole.append(text)
    elif not is_remote(root):
        near = os.path.abspath(os.path.expanduser(text))
        whole += [near, os.path.realpath(near)]
    for name in whole:
        scheme, sign, rest = name.replace(os.sep, "/").partition("://")
        path = f"{scheme}{sign}{posixpath.normpath(rest)}" if sign else posixpath.normpath(scheme)
        start = root.rstrip("/") + "/"
        if path == root or path.startswith(start):
            yield (
                path[len(start) :]
                .encode(errors="surrogateescape")
                .decode("utf-8", "backslashreplace")
            )


# The best


@dataclass(frozen=True)
class _Found:
    key: tuple[str, bytes, int]
    score: float
    number: int  # of the row; of two rows of one frame the later one counts
    told: dict[str, Any]

    @property
    def order(self) -> tuple[float, tuple[str, bytes, int]]:
        return -self.score, self.key


class Search:
    """One question to a table.

    Args:
        table: what is asked.
        direction: float32 (d,), unit length.
        where: a condition on its rows, "" for none.
        objects: what must be believed of a frame besides.
        audit: of the index to use; None for exact search.
    """

    def __init__(
        self,
        table: SharedTable,
        direction: NDArray[np.float32],
        where: str,
        objects: Sequence[ObjectCondition],
        audit: Audit | None,
    ) -> None:
        self._table, self._direction, self._where = table, direction, where
        self._objects, self._audit = objects, audit

    def best(self, k: int, frames: int) -> list[_Found]:
        """Return the k best of so many frames, best first."""
        count = 2 * k + 50 if self._audit is None else max(self._audit.breadth * k, 100)
        while True:
            rows = nearest(self._table, self._direction, count, self._where, self._audit, _COLUMNS)
            best = self._sorted(self._scored(rows, len(rows)))[:k]
            if len(rows) < count or (len(best) == k and self._surely(best, rows)):
                return best
            count *= 4
            if count > min(_MOST, 4 * frames):
                return self._all(k)

    def _surely(self, best: list[_Found], rows: pa.Table) -> bool:
        """Tell whether what Lance left out is no better than the last of the best."""
        if self._audit is not None:
            return True
        last = 1 - float(rows["_distance"][-1].as_py())
        return last + _ROUNDING < best[-1].score

    def _all(self, k: int) -> list[_Found]:
        """Go through all rows; nothing but the best so far is kept."""
        best: list[_Found] = []
        for batch in self._table.batches(_COLUMNS, self._where or None, numbered=True):
            best = self._sorted([*best, *self._scored(batch, k)])[:k]
        return best

    @staticmethod
    def _sorted(found: list[_Found]) -> list[_Found]:
        latest: dict[tuple[str, bytes, int], _Found] = {}
        for one in sorted(found, key=lambda one: one.number):
            latest[one.key] = one
        return sorted(latest.values(), key=lambda one: one.order)

    def _scored(self, rows: pa.Table | pa.RecordBatch, most: int) -> list[_Found]:
        """Return the best of some rows that may be hits, at most so many, in no order."""
        there = rows.column("vector").is_valid().to_numpy(zero_copy_only=False)
        held = there & self._believed(rows) if self._objects else there
        places = np.flatnonzero(held)
        if not len(places):
            return []
        kept = rows.take(places)
        halves = vectors_of(kept)
        scores = (halves.astype(np.float32) @ self._direction) * scales_of(halves)
        if most < len(scores):
            chosen = np.argpartition(-scores, most - 1)[:most]
            kept, scores = kept.take(chosen), scores[chosen]
        told = kept.select([*_NAMES, "facts", "_rowid"]).to_pylist()
        return [
            _Found(key, float(score), one["_rowid"], one)
            for key, score, one in zip(keys_of(kept), scores, told, strict=True)
        ]

    def _believed(self, rows: pa.Table | pa.RecordBatch) -> NDArray[np.bool_]:
        facts = [self._table.facts_of(told) for told in rows.column("facts").to_pylist()]
        places = np.array([n for n, one in enumerate(facts) if one is not None], dtype=np.int64)
        if not len(places):
            return np.zeros(len(facts), dtype=bool)
        tail = np.stack([one for one in facts if one is not None])
        known = ObjectTable.empty(self._table.header.classes).with_more(places, tail, 0)
        return weighed(known, places, len(facts), self._objects).holds


def nearest(
    table: SharedTable,
    direction: NDArray[np.float32],
    count: int,
    where: str = "",
    audit: Audit | None = None,
    columns: Sequence[str] = (),
) -> pa.Table:
    """Return the rows that Lance has for the nearest ones, with ``_distance`` and ``_rowid``.

    Args:
        table: what is asked.
        direction: float32 (d,).
        count: how many.
        where: a condition on its rows, pushed down; "" for none.
        audit: how broadly the index is searched; None to use none.
        columns: names of the wanted ones.
    """
    with table.told():
        found = table.raw.search(direction, vector_column_name="vector").distance_type("cosine")
        found = found.select([*columns, "_distance"]).with_row_id(True).limit(count)
        if where:
            found = found.where(where, prefilter=True)
        if audit is None:
            return found.bypass_vector_index().to_arrow()
        found = found.minimum_nprobes(audit.probes).maximum_nprobes(0)
        return (found.ef(max(count, 200)) if audit.index == "hnsw" else found).to_arrow()


def vectors_of(rows: pa.Table | pa.RecordBatch) -> NDArray[np.float16]:
    """Return the vectors of rows that all have one, float16 (n, d)."""
    column = rows.column("vector")
    column = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    values = column.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(values, dtype=np.float16).reshape(len(rows), column.type.list_size)
