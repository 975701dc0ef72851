"""Tables of unknown make, such as pairs: CSV, TSV, JSON lines, JSON, COCO captions.

Format, encoding, delimiter and columns are found out here and shown to the user, who may
choose other columns. Rows keep the line they came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from c4t_core.datasets.scene import Problem
from c4t_core.datasets.tables.cells import is_missing, normal, opened
from c4t_core.datasets.tables.records import Form, read_records
from c4t_core.datasets.tables.separated import read_separated
from c4t_core.errors import ColumnsError, DataError
from c4t_core.files import decode, read_bytes
from c4t_core.records import dataclass

ALIASES: dict[str, tuple[str, ...]] = {
    "image": (
        *("image", "filepath", "file_name", "filename", "camera image", "image_path"),
        *("image_file", "file path", "path", "img", "file", "image_name", "img_path", "img_name"),
        *("image_filename", "images", "photo", "picture"),
    ),
    "caption": (
        *("caption", "title", "text", "captions", "sentence", "description", "texts", "comment"),
        *("sentences", "comments", "raw", "descriptions", "alt_text", "txt"),
    ),
    "drive": ("drive", "drive_id", "sequence", "recording", "duplicate_group", "group"),
    "split": ("split", "fold", "subset"),
    "shown": ("shown",),
}
_SAMPLE = 200  # rows that tell which column holds the files
_HEAD = 1000  # bytes or characters that tell whether a file is text


@dataclass(frozen=True)
class Columns:
    """Which column is what; None where the file has none.

    Attributes:
        image: path of the image.
        caption: its caption, or in JSON a list of them.
        drive: recording or near-duplicate group.
        split: the data's own split.
        shown: 0 where the image is known not to show what the caption says.
    """

    image: str
    caption: str
    drive: str | None = None
    split: str | None = None
    shown: str | None = None


@dataclass(frozen=True)
class Purpose:
    """What a table is read for.

    Attributes:
        aliases: role -> names of columns that are known to have it, likeliest first.
        needed: the two roles without which nothing can be done: what an object maps from, and to.
        headless: which of the needed roles, without a header, the cells of image files have.
        noun: what the table holds.
        remedy: what to do on the command line where a column is not known.
    """

    aliases: Mapping[str, Sequence[str]]
    needed: tuple[str, str]
    headless: str
    noun: str
    remedy: str = ""

    @property
    def form(self) -> Form:
        """What JSON is searched for."""
        key, value = self.needed
        keys, values = (frozenset(map(normal, self.aliases[role])) for role in self.needed)
        return Form(key, value, keys, values, self.noun)


PAIRS = Purpose(
    ALIASES,
    ("image", "caption"),
    "image",
    "pairs",
    ", on the command line with --image-column and --caption-column",
)


@dataclass
class Table:
    """A file as rows.

    Attributes:
        kind: ``"csv"``, ``"jsonl"``, ``"json"`` or ``"coco"``.
        header: the names of the columns, as they are in the file.
        rows: (line or number of the record, column name -> value).
        encoding: such as ``"utf-8"``.
        delimiter: of a CSV file, else None.
        problems: what could not be read; it grows while rows are taken.
    """

    kind: str
    header: tuple[str, ...]
    rows: Iterator[tuple[int, Mapping[str, Any]]]
    encoding: str
    delimiter: str | None = None
    problems: list[Problem] = field(default_factory=list)

    def sample(self) -> list[Mapping[str, Any]]:
        """Return the first rows, which stay to be taken."""
        first = list(islice(self.rows, _SAMPLE))
        self.rows = chain(first, self.rows)
        return [row for _, row in first]


def sniff(path: Path, purpose: Purpose = PAIRS, chosen: Mapping[str, str] | None = None) -> Table:
    """Find out what a file is and open it as a table.

    Args:
        path: the file; it may be packed with gzip.
        purpose: what it is read for.
        chosen: columns that the user named, by role; they tell the header from what is before it.

    Raises:
        DataError: if it cannot be read, is empty, or holds no rows of columns.
    """
    text, encoding = _text(path)
    start = text.lstrip("\ufeff \t\r\n")[:1]
    if not start:
        first, second = purpose.needed
        raise DataError(f"{path} is empty; it needs a column of {first} and one of {second}", path)
    packed = path.suffix.lower() == ".gz"
    suffix = Path(path.stem).suffix.lower() if packed else path.suffix.lower()
    if suffix in (".json", ".jsonl", ".ndjson") or start in ("{", "["):
        found = read_records(path, text, suffix, purpose.form)
        return Table(found.kind, found.header, iter(found.rows), encoding, None, found.problems)
    known = {normal(name) for names in purpose.aliases.values() for name in names}
    known |= {normal(name) for name in (chosen or {}).values()}
    other = next(role for role in purpose.needed if role != purpose.headless)
    table = read_separated(text, known, (purpose.headless, other))
    if table is None:
        raise DataError(f"{path} holds no row that can be read; save it as UTF-8 CSV", path)
    return Table("csv", table.header, table.rows, encoding, table.delimiter, table.problems)


def _text(path: Path) -> tuple[str, str]:
    """Return (text, encoding) of a file.

    Raises:
        DataError: if it cannot be read, or is no text.
    """
    raw = read_bytes(path)
    text, encoding = decode(raw)
    if "\0" in text[:_HEAD]:  # UTF-16 without its mark has a NUL in every other place
        for first, wide in enumerate(("utf-16-be", "utf-16-le")):
            half = raw[first:_HEAD:2]
            if 2 * half.count(0) > len(half) and not raw[1 - first : _HEAD : 2].count(0):
                return raw.decode(wide, errors="replace"), wide
    head = text[:_HEAD]
    odd = sum(char < " " and char not in "\t\n\r\f\v" for char in head)
    if 20 * odd > len(head):
        raise DataError(f"{path} is no text; save it as UTF-8 CSV", path)
    return text, encoding


def choose_columns(
    table: Table,
    chosen: Mapping[str, str] | None,
    path: Path,
    purpose: Purpose = PAIRS,
    holds: Mapping[str, Callable[[Any], bool]] | None = None,
) -> dict[str, str]:
    """Return role -> column: as chosen, else by its name and by what it holds.

    Args:
        table: the rows.
        chosen: what the user named.
        path: the file, for sentences.
        purpose: which roles there are.
        holds: role -> whether a value is what the role needs, such as the name of a file.

    Raises:
        ColumnsError: if a chosen column is not there, or none is known for a needed role.
    """
    out: dict[str, str] = {}
    for role, wish in (chosen or {}).items():
        out[role] = _wished(table.header, wish, path)
    sample = table.sample() if holds else []
    for role in purpose.aliases:
        if role not in out:
            free = [name for name in table.header if name not in out.values()]
            column = _of_role(role, free, purpose, sample, (holds or {}).get(role))
            if column is not None:
                out[role] = column
    missing = [role for role in purpose.needed if role not in out]
    if missing:
        raise ColumnsError(
            f"{path} has no column that is known to hold the {' and the '.join(missing)}; choose "
            f"among {listed(table.header)}{purpose.remedy}",
            path,
            table.header,
        )
    return out


def _wished(header: Sequence[str], wish: str, path: Path) -> str:
    if wish in header:
        return wish
    alike = [name for name in header if normal(name) == normal(wish)]
    if len(alike) != 1:
        raise ColumnsError(
            f"{path} has no column {wish}; it has {listed(header)}", path, tuple(header)
        )
    return alike[0]


def _named(header: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    """Yield the columns that have a known name, likeliest first."""
    known = {normal(name): name for name in reversed(header)}
    for name in dict.fromkeys(map(normal, names)):
        if name in known:
            yield known[name]


def _of_role(
    role: str,
    free: Sequence[str],
    purpose: Purpose,
    sample: Sequence[Mapping[str, Any]],
    test: Callable[[Any], bool] | None,
) -> str | None:
    """Return the column of a role by its name and what it holds, for files by that alone.

    Where none holds what is needed, the likeliest is returned, so that its rows can be said.
    """
    likely = list(_named(free, purpose.aliases[role]))
    column = None
    if test is not None:
        column = _best(likely, sample, test)
        if column is None and role == purpose.headless:
            column = next((n for n in free if any(test(row.get(n)) for row in sample)), None)
    return column or next(iter(likely), None)


def _best(
    likely: Sequence[str], sample: Sequence[Mapping[str, Any]], test: Callable[[Any], bool]
) -> str | None:
    """Return the first column that holds what is needed about as often as any; None for never."""
    good = [sum(test(row.get(name)) for row in sample) for name in likely]
    most = max(good, default=0)
    enough = (name for name, count in zip(likely, good, strict=True) if 2 * count >= most > 0)
    return next(enough, None)


def listed(header: Sequence[str]) -> str:
    """Return columns for a sentence."""
    shown = ("".join(char if char.isprintable() else "?" for char in name) for name in header[:12])
    return ", ".join(name[:60] or '""' for name in shown) or "no columns"


def cell(row: Mapping[str, Any], column: str | None) -> Any:
    """Return what a cell holds, None where there is no such column or no value."""
    value = row.get(column) if column is not None else None
    return None if is_missing(value) else opened(value)
