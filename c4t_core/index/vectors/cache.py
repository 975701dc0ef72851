"""The vector cache: all vectors of one root and model in two files made for opening.

``NAME-xxxxxxxx.rows`` holds the half floats of all slots and is mapped, not read; more rows are
written behind those that are there, which never change. ``NAME.table`` holds the columns, the
order and what the rows must be, and is written whole, last: a kill leaves the table of before. It
is ours if it names the catalogue, the root and the model, and whole if its sum is right; rows are
trusted while the file has the size and time that the table notes (but for a look at a few of
them), else by their sums. Whatever is not right is made again from the catalogue.

How far it is behind tell two numbers of the run: the same ``generation`` and there is nothing to
do, the same ``drops`` and all that is missing are rows with higher numbers. Else the columns are
read again, but no vector that is here.
"""

from __future__ import annotations

import contextlib
import json
import math
import random
import uuid
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.devices import available_threads
from c4t_core.files import atomic_file, overwrite, write_whole
from c4t_core.index.store.reads import BLOCK, Halves, Moment, StoredVectors
from c4t_core.index.vectors.locks import free_lock
from c4t_core.index.vectors.table import Slots, Table, scales_of
from c4t_core.records import dataclass

FORMAT = 2
_MANY = 20_000  # missing rows up to which each one's place is searched for
_TAIL = 1_024  # rows held in memory at least before they are written
_SHARE = 0.01  # of all rows, likewise
_ANEW = 0.25  # share of new or dead rows from which on the file is written anew
_LOOKED_AT = 2  # blocks of an unchanged file that are looked at, drawn by chance
_DTYPES = {
    "ids": "<i8",
    "times": "<f8",
    "moments": "<f8",
    "frames": "<i8",
    "scales": "<f4",
    "drives": "<i4",
    "cameras": "<i2",
    "order": "<i4",
}
_NOTHING = {"times": math.nan, "moments": math.nan, "frames": -1}  # a column of these is not kept


@dataclass(frozen=True)
class _Head:
    """The first line of a table file; ``slots`` and ``images`` are lengths of its columns."""

    catalogue: str
    root_id: int
    fingerprint: str
    dim: int
    generation: int
    drops: int
    last: int
    slots: int
    images: int
    names: list[str | None]
    without: list[str]  # columns that tell nothing of any frame
    rows: str  # name of the file
    state: list[int]  # its size and time of change (ns)
    sums: list[int]  # CRC-32 of each block of it
    format: int = FORMAT

    @property
    def moment(self) -> Moment:
        """The state of the catalogue."""
        return Moment(self.generation, self.drops)


class VectorCache:
    """Keeps the table of one root and model, on disk where that is possible.

    Args:
        source: the vectors.
        folder: where the files lie; None for memory only.
    """

    def __init__(self, source: StoredVectors, folder: Path | None) -> None:
        """Read nothing yet."""
        self._source = source
        self._folder = folder
        stem = f"{source.catalogue[:8]}-{source.root_id}-{source.fingerprint[:16]}"
        self._stem = stem
        self._path = None if folder is None else folder / f"{stem}.table"

    def newest(self, held: Table | None = None, *, keep: bool = False) -> Table:
        """Return the table of the present, reading as little as possible.

        Args:
            held: one from before.
            keep: have the files hold all of it; else the last few rows may be in memory only.

        Raises:
            CatalogueError: if the catalogue cannot be read.
        """
        now = self._source.moment()
        base = self._base(held, now)
        table = base
        if base.moment != now:
            more = self._with_more(base, now)
            table = self._reread(base) if more is None else more
        rows = sum(len(block) for block in table.blocks[1:])
        if rows >= max(_TAIL, _SHARE * len(table.ids)) or (rows and keep):
            table = self._kept(table)
        return table

    def is_near(self) -> bool:
        """Tell whether the files lack at most a few rows, by the looks of their first line."""
        head, now = self._head(), self._source.moment()
        return head is not None and _is_near(head.moment, head.last, now)

    def _base(self, held: Table | None, now: Moment) -> Table:
        """Return the best table there is, in memory or on disk."""
        if held is not None and _is_near(held.moment, held.last, now):
            return held
        on_disk = self._load()
        tables = [table for table in (held, on_disk) if table is not None]
        tables = [table for table in tables if now.may_follow(table.moment)]
        if not tables:  # none, or of a catalogue that was put back, or of other runs
            return Table.empty(self._source.dim)
        return max(tables, key=lambda t: (t.moment.drops == now.drops, t.moment.generation))

    # Bringing a table up to date

    def _with_more(self, base: Table, now: Moment) -> Table | None:
        """Return a table with the rows that came since; None if that is not all, or are many."""
        if not len(base) or not _is_near(base.moment, base.last, now):
            return None
        with self._source.snapshot() as now:
            if base.moment.drops != now.drops:
                return None
            columns, places, halves = self._source.added(base.last)
            table = base.with_more(now, columns, places, halves, self._source.place_of)
        self._drop_damaged(table, len(base.ids))
        return table

    def _reread(self, base: Table) -> Table:
        """Return a table with all columns as they are now, and of the vectors only what is new."""
        with self._locked() as ours:
            if ours:
                try:
                    return self._renewed(base, ours=True)
                except OSError:  # a full disk, for one: then in memory
                    pass
            return self._renewed(base, ours=False)

    def _renewed(self, base: Table, *, ours: bool) -> Table:
        with self._source.snapshot() as now:
            columns = self._source.columns()
        slots = base.find(columns.ids)
        known = (slots >= 0) & (columns.vectors <= base.last)
        known[known] = base.scales[slots[known]] > 0
        new = np.flatnonzero(~known)
        new = new[np.argsort(columns.vectors[new], kind="stable")]
        kept = np.sort(slots[known])
        changed = len(new) + len(base.ids) - len(kept)
        anew = ours and (changed > _ANEW * len(base.ids) or not self._holds(base))
        scales: list[NDArray[np.float32]] = []
        more = _measured(self._source.stored(columns.some(new)), scales)
        if anew:
            slots = np.searchsorted(kept, slots)
            blocks, file, sums = self._written(chain(_pieces(base, kept), more))
            base = base.some(kept)
        elif ours:
            blocks, file, sums = self._appended(base, chain(base.blocks[1:], more))
        else:
            tail = np.concatenate([*base.blocks[1:], base.blocks[0][:0], *more])
            blocks, file, sums = (base.blocks[0], tail), base.file, []
        before = len(base.ids)
        slots[new] = before + np.arange(len(new))
        table = base.extended(columns.some(new), np.concatenate([*scales, base.scales[:0]]))
        table = table.renamed(columns, slots)
        order = slots[table.scales[slots] > 0].astype(np.int32)
        last = int(columns.vectors.max(initial=0))  # numbers of rows that went are given again
        table = replace(table, moment=now, last=last, order=order, blocks=blocks, file=file)
        if ours:
            self._note(table, sums)
        self._drop_damaged(table, before)
        return table

    def _drop_damaged(self, table: Table, start: int) -> None:
        """Have those from a slot on that were damaged on the disk embedded again."""
        damaged = np.flatnonzero(table.scales[start:] == 0) + start
        if len(damaged):
            self._source.drop(table.ids[damaged])

    # Files

    @contextlib.contextmanager
    def _locked(self) -> Iterator[bool]:
        """Tell whether the files may be written; nobody else does while the block runs then."""
        if self._path is None:
            yield False
            return
        with free_lock(self._path.with_suffix(".lock")) as ours:
            yield ours

    def _kept(self, table: Table) -> Table:
        """Write what is in memory only; return the table with all its rows mapped."""
        with self._locked() as ours:
            if not ours:
                return table
            if not self._holds(table):  # another process was here
                on_disk = self._load()
                if on_disk is not None and on_disk.moment.drops == table.moment.drops:
                    return self._with_more(on_disk, self._source.moment()) or table
            try:
                if self._holds(table):
                    blocks, file, sums = self._appended(table, table.blocks[1:])
                else:
                    every = np.arange(len(table.ids))
                    blocks, file, sums = self._written(_pieces(table, every))
                table = replace(table, blocks=blocks, file=file)
                self._note(table, sums)
            except OSError:
                pass  # it stays in memory
        return table

    def _holds(self, table: Table) -> bool:
        """Tell whether the file of a table is the present one, and ends where its map does."""
        head = self._head()
        return (
            bool(table.file)
            and head is not None
            and ((head.rows, head.slots) == (table.file, len(table.blocks[0])))
        )

    def _written(self, blocks: Iterable[NDArray[Any]]) -> tuple[tuple[Halves, ...], str, list[int]]:
        """Write rows into a new file; return it mapped, its name, and its sums."""
        assert self._folder is not None
        name = f"{self._stem}-{uuid.uuid4().hex[:8]}.rows"
        sums = _Sums(2 * self._source.dim)
        with atomic_file(self._folder / name) as out:
            for block in blocks:
                content = np.ascontiguousarray(block, dtype="<f2").tobytes()
                sums.add(content)
                out.write(content)
        return (self._mapped(name, sums.rows),), name, sums.sums

    def _appended(
        self, table: Table, blocks: Iterable[NDArray[Any]]
    ) -> tuple[tuple[Halves, ...], str, list[int]]:
        """Write rows behind those of a file; return all as :meth:`_written` does."""
        assert self._folder is not None
        head = self._head()
        assert head is not None
        sums = _Sums(2 * self._source.dim, head.sums, head.slots)
        start = sums.size
        content = b"".join(np.ascontiguousarray(block, dtype="<f2").tobytes() for block in blocks)
        sums.add(content)
        if content:
            overwrite(self._folder / table.file, start, content)
        return (self._mapped(table.file, sums.rows),), table.file, sums.sums

    def _mapped(self, name: str, rows: int) -> Halves:
        assert self._folder is not None
        if not rows:
            return np.empty((0, self._source.dim), dtype=np.float16)
        shape = (rows, self._source.dim)
        return np.asarray(np.memmap(self._folder / name, dtype="<f2", mode="r", shape=shape))

    def _note(self, table: Table, sums: list[int]) -> None:
        """Write the table file; drop the rows of earlier ones, and what is of lost catalogues."""
        assert self._folder is not None
        assert self._path is not None
        without = [name for name, value in _NOTHING.items() if _is_all(getattr(table, name), value)]
        head = _Head(
            catalogue=self._source.catalogue,
            root_id=self._source.root_id,
            fingerprint=self._source.fingerprint,
            dim=self._source.dim,
            generation=table.moment.generation,
            drops=table.moment.drops,
            last=table.last,
            slots=len(table.ids),
            images=len(table.order),
            names=list(table.names),
            without=without,
            rows=table.file,
            state=_state(self._folder / table.file),
            sums=sums,
        )
        kept = ((name, dtype) for name, dtype in _DTYPES.items() if name not in without)
        columns = (np.asarray(getattr(table, name), dtype) for name, dtype in kept)
        content = json.dumps(asdict(head)).encode() + b"\n" + b"".join(c.tobytes() for c in columns)
        write_whole(self._path, content + zlib.crc32(content).to_bytes(4, "little"))
        for old in self._folder.glob("*"):
            mine = old.name.startswith(f"{self._stem}-") and old.name != table.file
            if mine or not old.name.startswith((f"{self._source.catalogue[:8]}-", ".")):
                with contextlib.suppress(OSError):  # somebody has it mapped, on Windows
                    old.unlink()

    def _head(self, line: bytes | None = None) -> _Head | None:
        """Return the first line of the table file, None if there is none of ours."""
        try:
            if line is None:
                assert self._path is not None
                with self._path.open("rb") as file:
                    line = file.readline()
            head = _Head(**json.loads(line))
        except (OSError, ValueError, TypeError):
            return None
        source = self._source
        ours = (source.catalogue, source.root_id, source.fingerprint, source.dim, FORMAT)
        of = (head.catalogue, head.root_id, head.fingerprint, head.dim, head.format)
        return head if of == ours else None

    def _load(self) -> Table | None:
        """Return the table on disk if it is whole, rows and all."""
        if self._path is None:
            return None
        try:
            content = self._path.read_bytes()
            if zlib.crc32(content[:-4]).to_bytes(4, "little") != content[-4:]:
                return None
            start = content.index(b"\n") + 1
            head = self._head(content[:start])
            if head is None or not self._rows_are_whole(head):
                return None
            columns = {}
            for name, dtype in _DTYPES.items():
                count = head.images if name == "order" else head.slots
                if name in head.without:
                    columns[name] = np.broadcast_to(np.array(_NOTHING[name], dtype), count)
                    continue
                columns[name] = np.frombuffer(content, dtype, count, start)
                start += columns[name].nbytes
            rows = self._mapped(head.rows, head.slots)
        except (OSError, ValueError):
            return None
        return Table(
            moment=head.moment,
            last=head.last,
            names=tuple(head.names),
            blocks=(rows,),
            file=head.rows,
            **columns,
        )

    def _rows_are_whole(self, head: _Head) -> bool:
        """Tell whether the file of rows is what was written; one that was touched is read."""
        assert self._folder is not None
        path = self._folder / head.rows
        size = head.slots * 2 * head.dim
        blocks = list(range(len(head.sums)))
        if _state(path)[0] < size:
            return False
        if _state(path) == head.state:
            blocks = random.sample(blocks, min(_LOOKED_AT, len(blocks)))
        step = BLOCK * 2 * head.dim

        def is_whole(block: int) -> bool:
            with path.open("rb") as file:
                file.seek(block * step)
                content = file.read(min(step, size - block * step))
            return zlib.crc32(content) == head.sums[block]

        if len(blocks) <= _LOOKED_AT:
            return all(map(is_whole, blocks))
        from concurrent.futures import ThreadPoolExecutor  # which brings logging

        with ThreadPoolExecutor(available_threads()) as pool:
            return all(pool.map(is_whole, blocks))


def _is_near(moment: Moment, last: int, now: Moment) -> bool:
    """Tell whether all that came since a moment is more rows, and few."""
    if moment == now:
        return True
    later = moment.drops == now.drops and moment.generation < now.generation
    return later and now.newest - last <= _MANY


class _Sums:
    """CRC-32 of each block of rows, as they are written."""

    def __init__(self, width: int, sums: Iterable[int] = (), rows: int = 0) -> None:
        self._width = width
        self.sums = list(sums)
        self.size = rows * width

    @property
    def rows(self) -> int:
        return self.size // self._width

    def add(self, content: bytes) -> None:
        """Go on with more bytes."""
        step, start = BLOCK * self._width, 0
        while start < len(content):
            inside = self.size % step
            part = content[start : start + step - inside]
            if inside:
                self.sums[-1] = zlib.crc32(part, self.sums[-1])
            else:
                self.sums.append(zlib.crc32(part))
            start += len(part)
            self.size += len(part)


def _is_all(column: NDArray[Any], value: float) -> bool:
    """Tell whether a column tells nothing of any frame."""
    return bool((np.isnan(column) if math.isnan(value) else column == value).all())


def _state(path: Path) -> list[int]:
    try:
        found = path.stat()
    except OSError:
        return [-1, -1]
    return [found.st_size, found.st_mtime_ns]


def _pieces(table: Table, slots: Slots) -> Iterator[NDArray[Any]]:
    """Yield the vectors of ascending slots as they are kept."""
    for start in range(0, len(slots), BLOCK):
        yield table.gathered(slots[start : start + BLOCK])


def _measured(blocks: Iterable[Halves], scales: list[NDArray[np.float32]]) -> Iterator[Halves]:
    """Yield blocks, and note their scales."""
    for block in blocks:
        scales.append(scales_of(block))
        yield block
