"""Frames that are there twice, in one table that several machines wrote, or in several tables.

Of one table the later row counts, as :meth:`.table.SharedTable.known` has it; of several that of
the file that was changed later. A frame always counts before a file that could not be used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from c4t_core.cluster.table import SharedTable, quoted

_KEYS = ("root", "path", "name", "at")
_STATE = ("reason", "mtime_ns", "first_seen")


def drop_doubles(table: SharedTable, root: str | None = None) -> int:
    """Drop the rows of a root, or of all, that do not count; return their number.

    The newest version is read from then on.

    Raises:
        DataError: if the table cannot be written.
    """
    table.pin()
    worse = sorted(worse_rows([table], root)[0].get(0, ()))
    table.drop(worse)
    return len(worse)


def worse_rows(
    tables: Sequence[SharedTable], root: str | None = None
) -> tuple[dict[int, frozenset[int]], int]:
    """Return, by table, the numbers of rows that others stand for; and how many frames have some.

    Only what occurs twice is looked at one by one.

    Args:
        tables: by their places in it the rows are returned; the first come first where all is
            equal.
        root: whose rows are meant; None for all.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    where = None if root is None else f"root = {quoted(root)}"
    parts = []
    for number, table in enumerate(tables):
        for batch in table.batches((*_KEYS, *_STATE), where, numbered=True):
            part = pa.Table.from_batches([batch]).replace_schema_metadata(None)
            parts.append(part.append_column("table", pa.array([number] * len(part), pa.int32())))
    if not parts:
        return {}, 0
    rows = pa.concat_tables(parts)
    counts = rows.group_by(list(_KEYS)).aggregate([("at", "count")])
    twice = {_key(one) for one in counts.filter(pc.greater(counts["at_count"], 1)).to_pylist()}
    if not twice:
        return {}, 0
    paths = pa.array(sorted({path for _, path, _, _ in twice}))
    worse: dict[int, set[int]] = {}

    def settle(best: dict[Any, Any], key: Any, one: dict[str, Any], rank: tuple[Any, ...]) -> None:
        other = best.get(key)
        best[key] = (rank, one) if other is None else max((rank, one), other, key=lambda it: it[0])
        if other is not None:
            lost = other[1] if best[key][1] is one else one
            worse.setdefault(lost["table"], set()).add(lost["_rowid"])

    within: dict[Any, Any] = {}  # of one table the later row counts, as everywhere
    for one in rows.filter(pc.is_in(rows["path"], value_set=paths)).to_pylist():
        if (key := _key(one)) in twice:
            settle(within, (key, one["table"]), one, (one["reason"] is None, one["_rowid"]))
    best: dict[Any, Any] = {}
    for (key, number), (_, one) in within.items():
        rank = one["reason"] is None, one["mtime_ns"], one["first_seen"] or 0.0, -number
        settle(best, key, one, rank)
    return {number: frozenset(lost) for number, lost in worse.items()}, len(twice)


def _key(told: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(told[name] for name in _KEYS)
