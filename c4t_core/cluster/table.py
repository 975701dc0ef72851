"""A shared table: frames, what is known of them and their vectors, as one Lance table.

Every commit makes a version; a version that somebody reads stays what it is. A row is one frame,
or one file that could not be used, with the reason and no vector. The vectors are half floats as
the catalogue keeps them, so they come and go bit for bit. What all rows have in common (the format,
the model, the classes of its facts) is in the metadata of the table.

Lance: https://lance.org/format/table/ ; everything in the product that touches it goes through
here.
"""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.addresses import ENDING, is_remote, is_table, plain, shown
from c4t_core.errors import C4TError, DataError, FolderError, MissingExtraError
from c4t_core.files import sha256
from c4t_core.records import dataclass

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 1
"""What this version writes; it reads those up to it."""

_HEADER = b"c4t"
_FACTS = 6  # numbers of a class, see c4t_core.models.protocol.Facts
_AT_ONCE = 8_192  # rows of a batch that is read


@dataclass(frozen=True)
class Header:
    """What all rows of a table have in common.

    Attributes:
        model: what the model is called.
        fingerprint: of the vectors: the model and its image graph.
        dim: width of a vector.
        classes: of objects that the facts are of, in their order.
        identity: drawn when the table was made.
        format: of the columns.
        written_by: version of the application that made it.
    """

    model: str
    fingerprint: str
    dim: int
    classes: tuple[str, ...] = ()
    identity: str = ""
    format: int = FORMAT
    written_by: str = ""


@dataclass(frozen=True)
class Row:
    """One frame, or one file that could not be used.

    Attributes:
        root: the folder or address that ``path`` lies below, see :func:`.addresses.plain`.
        path: relative, "/"-separated, as the disk has it.
        at_ns: nanoseconds from the start of a recording, None for a picture.
        size: of the file, bytes; -1 where it is to be tried again.
        mtime_ns: of the file, nanoseconds since 1970.
        drive: identity of the drive (see :func:`c4t_core.images.frame_names.recording`).
        camera: where the name tells.
        frame: number within the drive, where the name tells.
        time: seconds since 1970 UTC, where the name tells.
        first_seen: when it was first indexed, seconds since 1970.
        reason: why it could not be used; None for a frame.
        vector: float16 (d,), None where there is a reason.
        facts: float16 (c, 6), None where the model sees no objects.
    """

    root: str
    path: bytes
    size: int
    mtime_ns: int
    drive: str = ""
    camera: str | None = None
    frame: int | None = None
    time: float | None = None
    first_seen: float = 0.0
    at_ns: int | None = None
    reason: str | None = None
    vector: NDArray[Any] | None = None
    facts: NDArray[Any] | None = None

    @property
    def key(self) -> tuple[str, bytes, int]:
        """What tells a frame from all others."""
        return self.root, self.path, -1 if self.at_ns is None else self.at_ns


@dataclass(frozen=True, slots=True)
class Known:
    """Where a frame stands in a version of a table, and the state of the file it was made of."""

    number: int  # of the row, in this version
    size: int
    mtime_ns: int
    reason: str | None = None  # why the file could not be used
    first_seen: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether the file could not be used."""
        return self.reason is not None


@dataclass(frozen=True)
class Version:
    """One committed state of a table."""

    number: int
    time: float  # seconds since 1970
    rows: int


KEYS = ("root", "path", "name", "at_ns", "size", "mtime_ns", "reason")
"""Columns that tell which frames there are."""


class SharedTable:
    """A table at one version.

    Attributes:
        address: where it lies; holds no password.
        header: what all rows have in common.
    """

    def __init__(self, table: Any, address: str, header: Header) -> None:
        """Use :func:`open_table` or :func:`create_table`."""
        self._table = table
        self.address = address
        self.header = header

    # Versions

    @property
    def version(self) -> int:
        """The version that is read."""
        return int(self._table.version)

    def newest(self) -> int:
        """Return the newest version there is now; the one that is read stays."""
        with _told(self.address):
            return int(_handle(self.address).version)

    def versions(self) -> list[Version]:
        """Return the versions that are kept, the oldest first."""
        with _told(self.address):
            return [
                Version(
                    one["version"],
                    one["timestamp"].timestamp(),
                    int(one["metadata"].get("total_rows", 0)),
                )
                for one in self._table.list_versions()
            ]

    def pin(self, version: int | None = None) -> None:
        """Read a version from now on; None for the newest. Writing needs the newest.

        Raises:
            DataError: if the version is not kept any more.
        """
        try:
            with _told(self.address):
                if version is None:
                    self._table.checkout_latest()
                else:
                    self._table.checkout(version)
        except DataError as error:
            raise DataError(
                f'Version {version} of "{self.address}" is not kept any more; open the newest.'
            ) from error

    # Reading

    def __len__(self) -> int:
        """Return the number of rows, files that could not be used among them."""
        with _told(self.address):
            return int(self._table.count_rows())

    def count(self, where: str) -> int:
        """Return the number of rows for which a condition (SQL, as Lance reads it) holds."""
        with _told(self.address):
            return int(self._table.count_rows(where))

    def roots(self) -> dict[str, int]:
        """Return the folders and addresses that frames lie below, with their number of rows."""
        return self.values("root")

    def values(self, column: str) -> dict[str, int]:
        """Return the different texts of a column, sorted, with their number of rows."""
        import pyarrow.compute as pc

        found: dict[str, int] = {}
        for batch in self.batches((column,)):
            for pair in pc.value_counts(batch[column].drop_null()).to_pylist():
                found[pair["values"]] = found.get(pair["values"], 0) + pair["counts"]
        return dict(sorted(found.items()))

    def batches(
        self, columns: Sequence[str], where: str | None = None, *, numbered: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """Yield rows, some thousand at once.

        Args:
            columns: names of the wanted ones.
            where: a condition (SQL, as Lance reads it); None for all rows.
            numbered: whether a column ``_rowid`` tells where each stands in this version.
        """
        with _told(self.address):
            found = self._table.search().select(list(columns))
            if where is not None:
                found = found.where(where)
            if numbered:
                found = found.with_row_id(True)
            yield from found.to_batches(batch_size=_AT_ONCE)

    def known(self, root: str | None = None) -> dict[tuple[str, bytes, int], Known]:
        """Return which frames (of a root) there are; of a frame in two rows, the later one.

        Two machines that index one folder at a time may both have written it.
        """
        where = None if root is None else f"root = {quoted(root)}"
        known: dict[tuple[str, bytes, int], Known] = {}
        names = ("_rowid", "size", "mtime_ns", "reason", "first_seen")
        for batch in self.batches((*KEYS, "first_seen"), where, numbered=True):
            columns = [batch[name].to_pylist() for name in names]
            for key, *told in zip(keys_of(batch), *columns, strict=True):
                row, before = Known(*told), known.get(key)
                if before is None or _rank(before) <= _rank(row):
                    known[key] = row
        return known

    def rows_below(self, root: str, paths: Sequence[bytes]) -> Iterator[Row]:
        """Yield the rows of some files of a root."""
        for where in _of_files(root, paths):
            for batch in self.batches(self._table.schema.names, where):
                yield from self.rows_of(batch)

    def drop_files(self, root: str, paths: Sequence[bytes]) -> None:
        """Drop the rows of some files of a root."""
        with _told(self.address):
            for where in _of_files(root, paths):
                self._table.delete(where)

    def rows(self, numbers: Sequence[int]) -> Iterator[Row]:
        """Yield the rows of some numbers of this version, in any order."""
        for start in range(0, len(numbers), _AT_ONCE):
            with _told(self.address):
                part = self._table.take_row_ids(list(numbers[start : start + _AT_ONCE])).to_arrow()
            for batch in part.to_batches():
                yield from self.rows_of(batch)

    def rows_of(self, batch: pa.RecordBatch) -> Iterator[Row]:
        """Yield the rows of a batch that has all columns."""
        width = self.header.dim
        vectors = _halves(batch["vector"], width)
        has_vector = batch["vector"].is_valid().to_pylist()
        names = ("size", "mtime_ns", "drive", "camera", "frame", "time", "first_seen", "at_ns")
        facts = [self.facts_of(told) for told in batch["facts"].to_pylist()]
        columns = [batch[name].to_pylist() for name in (*names, "reason")]
        for place, (key, *told) in enumerate(zip(keys_of(batch), *columns, strict=True)):
            values = dict(zip((*names, "reason"), told, strict=True))
            yield Row(
                root=key[0],
                path=key[1],
                **values,
                vector=vectors[place] if has_vector[place] else None,
                facts=facts[place],
            )

    def facts_of(self, told: bytes | None) -> NDArray[np.float16] | None:
        """Return facts as the table holds them, float16 (c, 6), None where they are none."""
        classes = len(self.header.classes)
        if told is None or len(told) != 2 * _FACTS * classes or not classes:
            return None
        return np.frombuffer(told, dtype="<f2").reshape(classes, _FACTS)

    # Writing

    def commit(self, rows: Sequence[Row], replacing: Sequence[Row] | None = None) -> None:
        """Write rows as one new version.

        Args:
            rows: what is new.
            replacing: what takes the place of rows with the same root, path and time.

        Raises:
            DataError: if the table cannot be written.
        """
        with _told(self.address):
            if rows:
                self._table.add(self.as_batch(rows))
            if replacing:
                merge = self._table.merge_insert(["root", "path", "at"])
                merge = merge.when_matched_update_all().when_not_matched_insert_all()
                merge.execute(
                    self.as_batch(replacing), on_bad_vectors="null"
                )  # of files that failed

    def add(self, rows: pa.Table) -> None:
        """Write rows as another table of this format has them, as one new version."""
        with _told(self.address):
            self._table.add(rows)

    def drop(self, numbers: Sequence[int]) -> None:
        """Drop rows by their numbers in the newest version."""
        with _told(self.address):
            for start in range(0, len(numbers), _AT_ONCE):
                some = ", ".join(map(str, numbers[start : start + _AT_ONCE]))
                self._table.delete(f"_rowid IN ({some})")

    def tidy(self, keep: timedelta = timedelta(days=7)) -> None:
        """Join small files, take new rows into the indexes, and drop versions older than that."""
        with _told(self.address):
            self._table.optimize(cleanup_older_than=keep)

    def told(self) -> contextlib.AbstractContextManager[None]:
        """Turn what Lance raises in a block into one sentence, a DataError."""
        return _told(self.address)

    @property
    def raw(self) -> Any:
        """The table as lancedb has it, for its indexes and its search."""
        return self._table

    def as_batch(self, rows: Sequence[Row]) -> pa.RecordBatch:
        """Return rows as the table holds them."""
        import pyarrow as pa

        schema = _schema(self.header)
        texts = [_text(row.path) for row in rows]
        columns: dict[str, Any] = {
            name: [getattr(row, name) for row in rows]
            for name in ("root", "at_ns", "size", "mtime_ns", "drive", "camera", "frame", "time")
        }
        columns["first_seen"] = [row.first_seen for row in rows]
        columns["reason"] = [row.reason for row in rows]
        columns["path"] = texts
        columns["name"] = [
            None if text.encode() == row.path else row.path
            for text, row in zip(texts, rows, strict=True)
        ]
        columns["at"] = [-1 if row.at_ns is None else row.at_ns for row in rows]
        columns["fingerprint"] = [None if row.vector is None else self.header.fingerprint
                                  for row in rows]  # fmt: skip
        columns["vector"] = _packed([row.vector for row in rows], self.header.dim)
        columns["facts"] = [
            None if row.facts is None else row.facts.astype("<f2").tobytes() for row in rows
        ]
        arrays = [
            value if isinstance(value, pa.Array) else pa.array(value, schema.field(name).type)
            for name in schema.names
            for value in (columns[name],)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)


def open_table(name: str | os.PathLike[str], version: int | None = None) -> SharedTable:
    """Open a table at its newest version, or at another.

    Raises:
        FolderError: if there is no table.
        DataError: if it is none of ours, was written by a newer version, or cannot be read.
        MissingExtraError: if Lance is not installed.
    """
    address = _address(name)
    table = _handle(address)
    shared = SharedTable(table, address, _header(table.schema.metadata, address))
    if version is not None:
        shared.pin(version)
    return shared


def create_table(name: str | os.PathLike[str], header: Header) -> SharedTable:
    """Make a table without rows.

    Raises:
        DataError: if there is one already, or it cannot be written.
        MissingExtraError: if Lance is not installed.
    """
    from c4t_core import __version__

    address = _address(name)
    if exists(address):
        raise DataError(f'There is a table at "{address}" already; choose another name.')
    told = {**asdict(header), "identity": uuid.uuid4().hex, "written_by": __version__}
    header = Header(**{**told, "classes": tuple(told["classes"]), "format": FORMAT})
    with _told(address):
        table = _connection(address).create_table(_stem(address), schema=_schema(header))
    return SharedTable(table, address, header)


def exists(name: str | os.PathLike[str]) -> bool:
    """Tell whether there is a table."""
    try:
        _handle(_address(name))
    except FolderError:
        return False
    return True


def stamp(address: str) -> str:
    """Return what differs when a table has another version, without loading Lance.

    Returns:
        the names of its versions, summed up; "" for one that is not on a disk of this machine.
    """
    if is_remote(address):
        return ""
    try:
        return sha256("\n".join(sorted(os.listdir(f"{address}/_versions"))).encode())[:32]
    except OSError:
        return ""


def quoted(text: str) -> str:
    """Return text as a literal of a condition."""
    return "'" + text.replace("'", "''") + "'"


def keys_of(batch: pa.RecordBatch) -> list[tuple[str, bytes, int]]:
    """Return the key of each row of a batch with :data:`KEYS`, see :attr:`Row.key`."""
    texts, names = batch["path"].to_pylist(), batch["name"].to_pylist()
    times = batch["at_ns"].to_pylist()
    roots = batch["root"].to_pylist()
    return [
        (root, text.encode() if name is None else name, -1 if at is None else at)
        for root, text, name, at in zip(roots, texts, names, times, strict=True)
    ]


# As Lance has it


def _rank(row: Known) -> tuple[bool, int]:
    """Return what tells which of two rows of a frame counts: one with a vector, the later one."""
    return not row.failed, row.number


def _of_files(root: str, paths: Sequence[bytes]) -> Iterator[str]:
    for start in range(0, len(paths), _AT_ONCE):
        names = ", ".join(quoted(_text(path)) for path in paths[start : start + _AT_ONCE])
        yield f"root = {quoted(root)} AND path IN ({names})"


def _schema(header: Header) -> pa.Schema:
    import pyarrow as pa

    halves = pa.float16()
    columns = [
        ("root", pa.string()),
        ("path", pa.string()),
        ("name", pa.binary()),  # the path where it is not UTF-8
        ("at_ns", pa.int64()),
        ("at", pa.int64()),  # the same, -1 where there is none: keys hold no null
        ("size", pa.int64()),
        ("mtime_ns", pa.int64()),
        ("drive", pa.string()),
        ("camera", pa.string()),
        ("frame", pa.int64()),
        ("time", pa.float64()),
        ("first_seen", pa.float64()),
        ("reason", pa.string()),
        ("fingerprint", pa.string()),
        ("vector", pa.list_(halves, header.dim)),
        ("facts", pa.binary()),  # half floats (c, 6); no list, which Lance takes for a vector
    ]
    told = json.dumps({**asdict(header), "classes": list(header.classes)})
    return pa.schema(columns, metadata={_HEADER: told.encode()})


def _header(metadata: dict[bytes, bytes] | None, address: str) -> Header:
    try:
        told = json.loads((metadata or {})[_HEADER])
        if told["format"] > FORMAT:
            raise DataError(
                f'The table "{address}" was written by a newer version of C4T '
                f"({told['written_by']}); update C4T on this machine."
            )
        header = Header(**{**told, "classes": tuple(told["classes"])})
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(
            f'"{address}" is a table, but none of frames; choose one that C4T wrote.'
        ) from error
    return header


def _address(name: str | os.PathLike[str]) -> str:
    if not is_table(name):
        raise DataError(f'"{shown(name)}" is no name of a table; it ends in {ENDING}.')
    return plain(name)


def _connection(address: str) -> Any:
    try:
        import lancedb
    except ImportError as error:
        raise MissingExtraError("A shared table", "cluster") from error
    return lancedb.connect(address.rpartition("/")[0] or "/")


def _stem(address: str) -> str:
    return address.rpartition("/")[2][: -len(ENDING)]


def _handle(address: str) -> Any:
    if not is_remote(address) and not os.path.isdir(address):
        raise FolderError(f'There is no table at "{address}"; check the address.')
    with _told(address):
        connection = _connection(address)
        try:
            return connection.open_table(_stem(address))
        except (ValueError, FileNotFoundError) as error:
            if "not found" not in str(error).lower():
                raise
            message = f'There is no table at "{address}"; check the address.'
            raise FolderError(message) from error


@contextlib.contextmanager
def _told(address: str) -> Iterator[None]:
    """Turn what Lance raises into one sentence; its own text may hold credentials."""
    try:
        yield
    except C4TError:
        raise
    except (OSError, ValueError, RuntimeError) as error:
        text = str(error).lower()
        if "no space left" in text:
            why = "the disk is full; make room and run it again"
        elif "denied" in text or "forbidden" in text or "unauthorized" in text:
            why = "access was denied; check its permissions and your credentials"
        elif "conflict" in text:
            why = "another machine wrote it at the same time; run it again"
        else:
            why = "it is damaged, or its storage cannot be reached; check the address"
        raise DataError(f'The table "{address}" cannot be read or written: {why}.') from None


def _text(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")  # each its own: rows are found by it


def _halves(array: Any, width: int) -> NDArray[np.float16]:
    """Return the values of a column of lists, float16 (n, width), zeros where there is none."""
    flat = array.fill_null([0.0] * array.type.list_size) if array.null_count else array
    values = flat.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(values, dtype=np.float16).reshape(len(array), -1)[:, :width]


def _packed(rows: Sequence[NDArray[Any] | None], width: int) -> Any:
    import pyarrow as pa

    values = np.zeros((len(rows), width), dtype=np.float16)
    missing = np.array([row is None or row.size != width for row in rows], dtype=bool)
    for place, row in enumerate(rows):
        if not missing[place]:
            assert row is not None
            values[place] = row.reshape(-1)
    return pa.FixedSizeListArray.from_arrays(
        pa.array(values.reshape(-1)), width, mask=pa.array(missing)
    )
