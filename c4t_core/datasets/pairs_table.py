"""Reading rows out of pairs files of unknown make: CSV, TSV, JSON lines, JSON, COCO captions.

Format, encoding, delimiter and columns are found out here and shown to the user, who may
choose other columns. Rows keep the line they came from.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from c4t_core.datasets.scene import Problem
from c4t_core.errors import DataError
from c4t_core.files import decode, read_bytes
from c4t_core.images.decode import SUFFIXES

DELIMITERS = (",", ";", "\t", "|")
ALIASES: dict[str, tuple[str, ...]] = {
    "image": (
        *("image", "filepath", "file_name", "filename", "camera image", "image_path", "imagepath"),
        *("image_file", "file path", "path", "img", "file", "camera_image", "image path"),
    ),
    "caption": ("caption", "title", "text", "captions", "sentence", "description", "texts"),
    "drive": ("drive", "drive_id", "sequence", "recording", "duplicate_group", "group"),
    "split": ("split", "fold", "subset"),
}
_NEEDED = ("image", "caption")
_LONGEST_CELL = 1 << 20
# A cell over more lines than this is a quotation mark that was never closed.
_MOST_LINES = 30


@dataclass(frozen=True)
class Columns:
    """Which column is what; None where the file has none.

    Attributes:
        image: path of the image.
        caption: its caption, or in JSON a list of them.
        drive: recording or near-duplicate group.
        split: the data's own split.
    """

    image: str
    caption: str
    drive: str | None = None
    split: str | None = None


@dataclass
class Table:
    """A pairs file as rows.

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


def sniff(path: Path) -> Table:
    """Find out what a file is and open it as a table.

    Raises:
        DataError: if it cannot be read, is empty, or holds no rows of columns.
    """
    raw = read_bytes(path)
    if not raw.strip(b"\xef\xbb\xbf \t\r\n"):
        raise DataError(f"{path} is empty; it needs a column of images and one of captions", path)
    text, encoding = decode(raw)
    start = text.lstrip()[:1]
    if path.suffix.lower() in (".json", ".jsonl", ".ndjson") or start in ("{", "["):
        return _json(path, text, encoding)
    return _csv(path, text, encoding)


def choose_columns(table: Table, chosen: Mapping[str, str] | None, path: Path) -> Columns:
    """Return which column is what: as chosen, else by its name.

    Raises:
        DataError: if a chosen column is not there, or none is known for images or captions.
    """
    out: dict[str, str] = {}
    lower = {name.strip().lower(): name for name in reversed(table.header)}
    for role, names in ALIASES.items():
        requested = (chosen or {}).get(role)
        if requested is not None:
            if requested not in table.header:
                raise DataError(
                    f"{path} has no column {requested}; it has {_listed(table.header)}", path
                )
            out[role] = requested
        else:
            column = next((lower[name] for name in names if name in lower), None)
            if column is not None and column not in out.values():
                out[role] = column
    missing = [role for role in _NEEDED if role not in out]
    if missing:
        raise DataError(
            f"{path} has no column that is known to hold the {' and the '.join(missing)}; choose "
            f"among {_listed(table.header)}",
            path,
            1,
        )
    return Columns(**out)


def _listed(header: Sequence[str]) -> str:
    return ", ".join(header[:12]) or "no columns"


def _csv(path: Path, text: str, encoding: str) -> Table:
    csv.field_size_limit(_LONGEST_CELL)
    delimiter = _delimiter(text)
    first = next(iter(_records(text, delimiter, [])), None)
    if first is None:
        raise DataError(f"{path} holds no row that can be read; save it as UTF-8 CSV", path)
    cells = first[1]
    guessed = _without_header(cells)
    header = guessed or tuple(cells)
    problems: list[Problem] = []
    records = _records(text, delimiter, problems)
    rows = _dicts(records if guessed else islice(records, 1, None), header, problems)
    return Table("csv", header, rows, encoding, delimiter=delimiter, problems=problems)


def _delimiter(text: str) -> str:
    """Return what parts the first line, counted outside quotation marks."""
    line = text.lstrip("\r\n").split("\n", 1)[0].strip("\r")
    bare = "".join(line.split('"')[::2])
    known = {name for names in ALIASES.values() for name in names}

    def fit(delimiter: str) -> tuple[int, int]:
        cells = [cell.strip(' "').lower() for cell in line.split(delimiter)]
        return sum(cell in known for cell in cells), bare.count(delimiter)

    return max(DELIMITERS, key=fit)


def _without_header(cells: Sequence[str]) -> tuple[str, ...] | None:
    """Return made-up column names if the first row is data: an image file and a text."""
    images = [PurePosixPath(cell.strip()).suffix.lower() in SUFFIXES for cell in cells]
    if not any(images) or len(cells) < 2:
        return None
    image = images.index(True)
    caption = max((n for n in range(len(cells)) if n != image), key=lambda n: len(cells[n]))
    names = {image: "image", caption: "caption"}
    return tuple(names.get(n, f"column {n + 1}") for n in range(len(cells)))


def _records(text: str, delimiter: str, problems: list[Problem]) -> Iterator[tuple[int, list[str]]]:
    """Yield (first line, cells) of each row that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problems.append(Problem(line, f"this row cannot be read ({error})"))
            continue
        if reader.line_num - line > _MOST_LINES:
            problems.append(Problem(line, "a quotation mark opens here and is not closed"))
        elif any(cells):
            yield line, cells


def _dicts(
    records: Iterator[tuple[int, list[str]]], header: Sequence[str], problems: list[Problem]
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    width = len(header)
    for line, cells in records:
        if len(cells) > width and any(cells[width:]):
            problems.append(
                Problem(line, f"this row has {len(cells)} cells, but there are {width} columns")
            )
        else:
            yield line, dict(zip(header, cells, strict=False))


def _json(path: Path, text: str, encoding: str) -> Table:
    problems: list[Problem] = []
    if path.suffix.lower() not in (".jsonl", ".ndjson"):
        try:
            data = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            if path.suffix.lower() == ".json" and not _looks_like_lines(text):
                line = getattr(error, "lineno", 1)
                raise DataError(
                    f"{path}:{line} is not valid JSON; mend it or save the pairs as CSV", path, line
                ) from error
        else:
            return _whole_json(path, data, encoding, problems)
    rows = list(_lines(text, problems))
    header = _keys(row for _, row in rows)
    return Table("jsonl", header, iter(rows), encoding, problems=problems)


def _looks_like_lines(text: str) -> bool:
    """True if the first line is an object of its own: JSON lines under another name."""
    try:
        return isinstance(json.loads(text.lstrip().split("\n", 1)[0]), dict)
    except (json.JSONDecodeError, RecursionError):
        return False


def _lines(text: str, problems: list[Problem]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for line, raw in enumerate(text.split("\n"), start=1):
        if not raw.strip():
            continue
        try:
            row = json.loads(raw)
        except (json.JSONDecodeError, RecursionError):
            problems.append(Problem(line, "this line is not JSON"))
            continue
        if isinstance(row, dict):
            yield line, row
        else:
            problems.append(Problem(line, "this line is not an object"))


def _whole_json(path: Path, data: Any, encoding: str, problems: list[Problem]) -> Table:
    if isinstance(data, dict) and isinstance(data.get("annotations"), list):
        rows = list(_coco(data, problems))
        return Table("coco", ("image", "caption"), iter(rows), encoding, problems=problems)
    listed = [data] if isinstance(data, dict) else data
    if not isinstance(listed, list):
        raise DataError(f"{path} holds no pairs; save them as CSV or JSON lines", path)
    rows = []
    for number, row in enumerate(listed, start=1):
        if isinstance(row, dict):
            rows.append((number, row))
        else:
            problems.append(Problem(number, "this record is not an object"))
    return Table("json", _keys(row for _, row in rows), iter(rows), encoding, problems=problems)


def _coco(
    data: Mapping[str, Any], problems: list[Problem]
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the captions of a COCO captions file; the number is that of the annotation."""
    images = data.get("images")
    names = {
        str(item.get("id")): item.get("file_name")
        for item in (images if isinstance(images, list) else ())
        if isinstance(item, dict)
    }
    for number, item in enumerate(data["annotations"], start=1):
        name = names.get(str(item.get("image_id"))) if isinstance(item, dict) else None
        if name is None:
            problems.append(Problem(number, "this annotation belongs to no image of the file"))
        else:
            yield number, {"image": name, "caption": item.get("caption")}


def _keys(rows: Iterator[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the keys of the first rows, in the order they come."""
    return tuple(dict.fromkeys(key for row in islice(rows, 1000) for key in row))
