"""The facts on objects of one model as arrays, and which frames fulfil conditions on them.

They are kept in a file made for opening, one block a class, so that a condition reads only its
own. What the file lacks is read from the catalogue, and it is made again from there at need.
"""

from __future__ import annotations

import contextlib
import json
import threading
import zlib
from collections.abc import Sequence
from dataclasses import field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from c4t_core.files import write_whole
from c4t_core.index.objects import VALUES, ObjectCondition
from c4t_core.index.store.reads import Facts, Ids, Lookup, SeenBy
from c4t_core.index.vectors.table import Slots, Table
from c4t_core.records import dataclass

FORMAT = 1
TAIL = 4_096  # rows, or an eighth of all, after which the file is written again
_REMEMBERED = 8  # answers to recent conditions


@dataclass(frozen=True)
class Believed:
    """What is believed of the frames of a table; arrays by slot, of one length.

    Attributes:
        known: bool, whether something is known of all classes that were asked for.
        holds: bool, whether all conditions hold.
        confidences: float32, the lowest probability among them where they hold.
    """

    known: NDArray[np.bool_]
    holds: NDArray[np.bool_]
    confidences: NDArray[np.float32]

    @classmethod
    def nothing(cls, count: int) -> Believed:
        """Return what is believed of frames of which nothing is known."""
        known, holds = np.zeros((2, count), dtype=bool)
        return cls(known, holds, np.zeros(count, dtype=np.float32))


@dataclass(frozen=True, eq=False)
class ObjectTable:
    """All facts of one model, in the order they were written.

    Attributes:
        classes: c names.
        last: the number of the last row of the catalogue that was looked at.
        ids: int64 (n,), frames; of one that occurs twice, the later facts hold.
        blocks: float16 (c, m, 6), of the first m frames, mapped from the file where there is one.
        tail: float16 (n - m, c, 6), of the others.
        sums: CRC-32 of each block, where they are mapped.
    """

    classes: tuple[str, ...]
    last: int
    ids: Ids
    blocks: NDArray[np.float16]
    tail: Facts
    sums: tuple[int, ...] = ()
    _columns: dict[str, NDArray[np.float16]] = field(default_factory=dict, repr=False)

    @classmethod
    def empty(cls, classes: tuple[str, ...]) -> ObjectTable:
        """Return a table without facts."""
        blocks = np.empty((len(classes), 0, VALUES), dtype=np.float16)
        return cls(classes, 0, np.empty(0, np.int64), blocks, blocks.transpose(1, 0, 2))

    def with_more(self, ids: Ids, facts: Facts, last: int) -> ObjectTable:
        """Return a table with more rows of the catalogue."""
        if not len(ids):
            return replace(self, last=last)
        return ObjectTable(
            self.classes,
            last,
            np.concatenate([self.ids, ids]),
            self.blocks,
            np.concatenate([self.tail, facts]),
            self.sums,
        )

    def column(self, label: str) -> NDArray[np.float16]:
        """Return the facts of one of the classes, float16 (n, 6).

        Raises:
            ValueError: if the file was damaged.
        """
        if label not in self._columns:
            at = self.classes.index(label)
            if self.sums and zlib.crc32(self.blocks[at].tobytes()) != self.sums[at]:
                raise ValueError(f"the block of {label} is damaged")
            self._columns[label] = np.concatenate([self.blocks[at], self.tail[:, at]])
        return self._columns[label]


def weighed(
    facts: ObjectTable, slots: Slots, count: int, conditions: Sequence[ObjectCondition]
) -> Believed:
    """Return what is believed of the frames of a table.

    Args:
        facts: of n frames.
        slots: int64 (n,), where the frames stand in the table, -1 for those that do not.
        count: how many slots it has.
        conditions: what is asked.

    Raises:
        ValueError: if the file of the facts was damaged.
    """
    found = Believed.nothing(count)
    if all(condition.label in facts.classes for condition in conditions):
        there, confidence = np.ones(len(facts.ids), dtype=bool), np.ones(len(facts.ids), np.float32)
        for condition in conditions:
            one, probable = condition.weigh(facts.column(condition.label))
            there &= one
            confidence = np.minimum(confidence, probable)
        rows = np.flatnonzero(slots >= 0)
        where = slots[rows]
        found.known[where], found.holds[where] = True, there[rows]
        found.confidences[where] = confidence[rows]
    return found


class ObjectSearch:
    """Which frames of one root fulfil conditions; every method may be called from any thread.

    Args:
        source: reads the catalogue.
        seen: whose facts are asked.
        folder: where files lie; None for none.
    """

    def __init__(self, source: Lookup, seen: SeenBy, folder: Path | None) -> None:
        """Read nothing yet."""
        self._source = source
        self.seen = seen
        self._path = None
        if folder is not None:
            name = f"{source.catalogue[:8]}-{seen.fingerprint[:32]}.objects"
            self._path = folder / name
        self._lock = threading.Lock()
        self._damaged = False
        self._facts: ObjectTable | None = None
        self._slots: tuple[Table, ObjectTable, Slots] | None = None
        self._answers: dict[tuple[ObjectCondition, ...], Believed] = {}

    def believed(self, table: Table, conditions: Sequence[ObjectCondition]) -> Believed:
        """Return what is believed of the frames of a table.

        Raises:
            CatalogueError: if the catalogue cannot be read.
        """
        asked = tuple(conditions)
        with self._lock:
            try:
                return self._believed(table, asked)
            except ValueError:  # a damaged file: it is made again
                self._facts, self._damaged = None, True
                return self._believed(table, asked)

    def _believed(self, table: Table, asked: tuple[ObjectCondition, ...]) -> Believed:
        facts = self._facts = self._newest()
        slots = self._slots_in(table, facts)
        if asked not in self._answers:
            if len(self._answers) >= _REMEMBERED:
                self._answers.clear()
            self._answers[asked] = weighed(facts, slots, len(table.ids), asked)
        return self._answers[asked]

    def _slots_in(self, table: Table, facts: ObjectTable) -> Slots:
        held = self._slots
        if held is None or held[0] is not table or held[1] is not facts:
            held = self._slots = (table, facts, table.find(facts.ids))
            self._answers.clear()
        return held[2]

    def _newest(self) -> ObjectTable:
        held = self._facts or self._load() or ObjectTable.empty(self.seen.classes)
        ids, more, last = self._source.facts_after(self.seen, held.last)
        if last < held.last:  # an older catalogue was put back
            held = ObjectTable.empty(self.seen.classes)
            ids, more, last = self._source.facts_after(self.seen, 0)
        if last == held.last:
            return held
        table = held.with_more(ids, more, last)
        if self._path is not None and len(table.tail) >= max(TAIL, len(table.ids) // 8):
            self._write(table)
            table = self._load() or table
        return table

    def _write(self, table: ObjectTable) -> None:
        """Write all of a table; it stays in memory where that fails, such as on a full disk."""
        assert self._path is not None
        columns = [
            np.ascontiguousarray(table.column(name), "<f2").tobytes() for name in table.classes
        ]
        parts = [np.ascontiguousarray(table.ids, "<i8").tobytes(), *columns]
        head = {
            "format": FORMAT,
            "classes": table.classes,
            "last": table.last,
            "frames": len(table.ids),
            "sums": [zlib.crc32(part) for part in parts],
        }
        line = json.dumps(head).encode()
        line += b" " * (-(len(line) + 1) % 16) + b"\n"
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._path, b"".join([line, *parts]), sync=False)
            self._damaged = False

    def _load(self) -> ObjectTable | None:
        """Return the table of the file, None if there is none that is whole."""
        if self._path is None or self._damaged:
            return None
        try:
            with self._path.open("rb") as file:
                line = file.readline()
                head = json.loads(line)
                count, classes = head["frames"], tuple(head["classes"])
                raw = file.read(8 * count)
            if (head["format"], classes) != (FORMAT, self.seen.classes):
                return None
            if zlib.crc32(raw) != head["sums"][0]:
                return None
            start, shape = len(line) + len(raw), (len(classes), count, VALUES)
            blocks = np.memmap(self._path, dtype="<f2", mode="r", offset=start, shape=shape)
            sums = tuple(head["sums"][1:])
            ids = np.frombuffer(raw, dtype="<i8")
            tail = np.empty((0, len(classes), VALUES), dtype=np.float16)
            return ObjectTable(classes, head["last"], ids, np.asarray(blocks), tail, sums)
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            return None
