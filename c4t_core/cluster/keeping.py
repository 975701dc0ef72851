"""Tables are brought together, kept small and fast, and described.

Rows go from table to table as Lance has them, so their vectors stay what they are bit for bit.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.cluster.asking import (
    VECTOR_INDEX,
    Audit,
    keep_audit,
    kept_audit,
    nearest,
    vectors_of,
)
from c4t_core.cluster.doubles import drop_doubles, worse_rows
from c4t_core.cluster.rules import keep_rules, kept_rules
from c4t_core.cluster.table import Header, SharedTable, create_table, exists, open_table
from c4t_core.errors import DataError
from c4t_core.index.cut import EVERY
from c4t_core.index.directions import ModelHandle
from c4t_core.index.vectors.table import scales_of
from c4t_core.models.protocol import Model
from c4t_core.records import dataclass

INDEXES = ("ivf-rq", "ivf-pq", "hnsw")
LEAST_ROWS = 1_000
"""With fewer, an index has nothing to learn from, and comparing all takes no time."""

_ROWS = 50_000  # of one commit
_K = 50
DRAWN = 100  # stored vectors, moved a little, that an audit asks for
_STEPS = ((20, 4), (40, 10), (100, 20), (200, 40))  # (probes, breadth) until an audit is content
_TIE = 1e-5  # scores that differ by less are equal: a product of matrices rounds otherwise


@dataclass(frozen=True)
class Merged:
    """What came of bringing tables together.

    Attributes:
        rows: that the table has now.
        added: new in it.
        replaced: of its rows, those that others had later.
        both: frames that were in several tables.
    """

    rows: int
    added: int
    replaced: int
    both: int


def merge(names: Sequence[str | os.PathLike[str]], target: str | os.PathLike[str]) -> Merged:
    """Bring the rows of tables into another one, which is made where it is not there.

    Of a frame in two of them the one whose file was changed later counts, else the one that was
    first seen later; a frame always before a file that could not be used.

    Raises:
        DataError: if they hold vectors of different models, or cannot be read or written.
    """
    sources = [open_table(name) for name in names]
    there = exists(target)
    goal = open_table(target) if there else None
    tables = [*([goal] if goal is not None else ()), *sources]
    for other in tables[1:]:
        _check_alike(tables[0], other)
    if goal is None:
        header = tables[0].header
        goal = create_table(target, Header(**{**asdict(header), "classes": header.classes}))
        tables = [goal, *tables]
    worse, both = worse_rows(tables)
    known = goal.roots() if there else {}
    for source in reversed(sources):  # of two the first says it
        keep_rules(goal, {name: one for name, one in kept_rules(source).items()
                          if name not in known})  # fmt: skip
    added = 0
    for number, source in enumerate(sources, start=1):
        added += _pour(source, goal, worse.get(number, frozenset()))
    goal.pin()
    old = sorted(worse.get(0, ()))
    goal.drop(old)
    return Merged(len(goal), added - len(old), len(old), both)


def _check_alike(one: SharedTable, other: SharedTable) -> None:
    mine, its = one.header, other.header
    if (mine.fingerprint, mine.dim) != (its.fingerprint, its.dim):
        raise DataError(
            f'"{other.address}" was made with another model ("{its.model}") or another version of '
            f'it than "{one.address}" ("{mine.model}"), and their vectors cannot be compared; '
            "index its frames again with that model."
        )
    if mine.classes != its.classes:
        raise DataError(
            f'"{other.address}" tells other objects than "{one.address}"; bring it into a table '
            "of its own."
        )


def _pour(source: SharedTable, goal: SharedTable, without: frozenset[int]) -> int:
    """Add the rows of a table to another one but for some, and return how many they were."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = [name for name in goal.raw.schema.names]
    leave = pa.array(sorted(without), pa.uint64())
    added, waiting, held = 0, list[Any](), 0

    def commit() -> None:
        if waiting:
            goal.add(pa.Table.from_batches(waiting).select(names))
            waiting.clear()

    for batch in source.batches(names, numbered=True):
        kept = batch
        if len(leave):
            kept = batch.filter(pc.invert(pc.is_in(batch["_rowid"], value_set=leave)))
        waiting.append(kept)
        added, held = added + len(kept), held + len(kept)
        if held >= _ROWS:
            commit()
            held = 0
    commit()
    return added


@dataclass(frozen=True)
class Optimized:
    """What came of tidying a table up.

    Attributes:
        rows: that it has now.
        dropped: rows of frames that were there twice.
        audit: of its vector index, None without one.
    """

    rows: int
    dropped: int
    audit: Audit | None


def optimize(
    table: SharedTable,
    index: str | None = None,
    model: ModelHandle | None = None,
    say: Callable[[str], None] = lambda sentence: None,
) -> Optimized:
    """Drop what is there twice, join small files, drop versions of before 7 days, and index.

    Args:
        table: is read at its newest version afterwards.
        index: one of :data:`INDEXES`, ``"none"`` to drop it; None to keep what there is.
        model: that of the table, whose sentences the audit asks; None for stored vectors alone.
        say: is told what goes on.

    Raises:
        DataError: if there are too few rows for an index, or the table cannot be written.
    """
    table.pin()
    has = kept_index(table)
    if index not in (None, "none") and table.count("reason IS NULL") < LEAST_ROWS:
        raise DataError(
            f'The table "{table.address}" has fewer than {LEAST_ROWS:,} frames, which are compared '
            "in no time; leave --index out."
        )
    dropped = drop_doubles(table)
    table.tidy()
    if index == "none" and has is not None:
        with table.told():
            table.raw.drop_index(VECTOR_INDEX)
    elif index not in (None, "none"):
        say(f'Building the index "{index}" of {len(table):,} rows.')
        with table.told():
            build_index(table, str(index))
    kind = None if index == "none" else index or has
    audit = None
    if kind is not None:
        say("Comparing it with exact search.")
        audit = audited(table, kind, model)
    keep_audit(table, audit)
    return Optimized(len(table), dropped, audit)


def kept_index(table: SharedTable) -> str | None:
    """Return the kind of the vector index of a table, None without one."""
    kinds = {"IvfPq": "ivf-pq", "IvfRq": "ivf-rq", "IvfHnswSq": "hnsw"}
    with table.told():
        indices = list(table.raw.list_indices())
    kind = next((one.index_type for one in indices if one.name == VECTOR_INDEX), None)
    return None if kind is None else kinds.get(kind, kind.lower())


def build_index(table: SharedTable, kind: str) -> None:
    """Build the index of the vectors of a table, one of :data:`INDEXES`, and those of filters."""
    from lancedb.index import Bitmap, BTree, HnswSq, IvfPq, IvfRq

    # Of Lance's own 50 rounds the training of codes takes minutes, whatever the number of rows;
    # what fewer of them lose, ranking the best again by their vectors mends.
    config = {
        "ivf-rq": lambda: IvfRq("cosine", num_bits=4),
        "ivf-pq": lambda: IvfPq("cosine", num_sub_vectors=_codes(table), max_iterations=10),
        "hnsw": lambda: HnswSq("cosine"),
    }[kind]()
    table.raw.create_index("vector", config=config, name=VECTOR_INDEX, replace=True)
    table.raw.create_index("drive", config=Bitmap(), replace=True)  # which filters ask
    table.raw.create_index("time", config=BTree(), replace=True)


def _codes(table: SharedTable) -> int:
    """Return into how many parts a vector is cut."""
    dim = table.header.dim
    return next((dim // part for part in (8, 4, 2) if dim % part == 0), dim)


# Is what the index finds enough?


def audited(table: SharedTable, kind: str, model: ModelHandle | None = None) -> Audit:
    """Return how much of exact search the vector index finds, at the least breadth that satisfies.

    It is asked what people ask (the sentences of the model, where there is one) and what is near a
    stored vector (some of them, moved a little). Recall is the share of the exact best that are
    found; ties count as found.
    """
    sentences = _sentences(table, model)
    drawn = _drawn(table)
    asked = np.concatenate([sentences, drawn])
    asked /= np.maximum(np.linalg.norm(asked, axis=1, keepdims=True), 1e-12)
    best = _exact_best(table, asked, _K)
    what = f"{len(sentences)} sentences and " if len(sentences) else ""
    for probes, breadth in _STEPS:
        told = f"{what}{len(drawn)} frames, moved a little"
        audit = Audit(kind, len(table), best.shape[1], len(asked), told, 0, 0, probes, breadth)
        shares = [_share(table, one, row, audit) for one, row in zip(asked, best, strict=True)]
        told_recall = {"recall": float(np.mean(shares)), "worst": float(min(shares))}
        audit = Audit(**{**asdict(audit), **told_recall})
        if audit.serves:
            break
    return audit


def _sentences(table: SharedTable, model: ModelHandle | None) -> NDArray[np.float32]:
    if model is None:
        return np.empty((0, table.header.dim), dtype=np.float32)
    loaded: Model = model.maker(table.header.fingerprint).get()
    rows = loaded.encode_texts(EVERY)
    return np.asarray(rows, dtype=np.float32)


def _drawn(table: SharedTable) -> NDArray[np.float32]:
    """Return some stored vectors, moved a little, float32 (n, d)."""
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.choice(len(table), min(DRAWN, len(table)), replace=False))
    with table.told():
        rows = table.raw.take_offsets(chosen.tolist()).select(["vector"]).to_arrow()
    halves = vectors_of(rows.filter(rows["vector"].is_valid()))
    noise = rng.standard_normal(halves.shape).astype(np.float32) / np.sqrt(halves.shape[1])
    return np.asarray(halves.astype(np.float32) + 0.5 * noise, dtype=np.float32)


def _blocks(table: SharedTable) -> Iterable[NDArray[np.float32]]:
    for batch in table.batches(("vector",)):
        halves = vectors_of(batch.filter(batch["vector"].is_valid()))
        yield halves.astype(np.float32) * scales_of(halves)[:, None]


def _exact_best(table: SharedTable, asked: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """Return the k best cosines of each direction, (q, k), best first; not by Lance."""
    best = np.empty((len(asked), 0), dtype=np.float32)
    for rows in _blocks(table):
        best = np.concatenate([best, asked @ rows.T], axis=1)
        if best.shape[1] > k:
            best = np.partition(best, best.shape[1] - k, axis=1)[:, -k:]
    return -np.sort(-best, axis=1)


def _share(
    table: SharedTable, asked: NDArray[np.float32], best: NDArray[np.float32], audit: Audit
) -> float:
    count = max(audit.breadth * len(best), 100)
    rows = nearest(table, asked, count, audit=audit, columns=("vector",))
    halves = vectors_of(rows.filter(rows["vector"].is_valid()))
    scores = -np.sort(-(halves.astype(np.float32) @ asked) * scales_of(halves))[: len(best)]
    return float((scores >= best[-1] - _TIE).sum()) / len(best)


# What there is


def describe(table: SharedTable) -> dict[str, Any]:
    """Return what is to be known of a table as plain JSON data."""
    failed = table.count("reason IS NOT NULL")
    with table.told():
        size = int(table.raw.stats()["total_bytes"])
        indexes = [_described(one, table) for one in table.raw.list_indices()]
    return {
        "address": table.address,
        "model": table.header.model,
        "fingerprint": table.header.fingerprint,
        "classes": list(table.header.classes),
        "format": table.header.format,
        "written_by": table.header.written_by,
        "version": table.version,
        "versions": [asdict(one) for one in table.versions()],
        "rows": len(table),
        "frames": len(table) - failed,
        "bad_files": failed,
        "drives": len(table.values("drive").keys() - {""}),  # which is that of bad files
        "roots": table.roots(),
        "rules": {name: json.loads(one.to_json()) for name, one in kept_rules(table).items()},
        "bytes": size,
        "indexes": indexes,
    }


def _described(index: Any, table: SharedTable) -> dict[str, Any]:
    told = {
        "name": index.name,
        "column": ", ".join(index.columns),
        "kind": kept_index(table) if index.name == VECTOR_INDEX else index.index_type.lower(),
        "rows": index.num_indexed_rows,
        "not_yet": index.num_unindexed_rows,
        "bytes": index.size_bytes,
    }
    audit = kept_audit(table) if index.name == VECTOR_INDEX else None
    if index.name == VECTOR_INDEX:
        told["audit"] = None if audit is None else {**asdict(audit), "serves": audit.serves}
    return told
