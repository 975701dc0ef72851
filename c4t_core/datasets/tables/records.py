"""Rows out of JSON in any usual form: lines, lists, columns, COCO, names with their texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from c4t_core.datasets.scene import Problem
from c4t_core.datasets.tables.cells import normal
from c4t_core.errors import DataError
from c4t_core.records import dataclass

_LINES = (".jsonl", ".ndjson")
_SPLITS = frozenset({"train", "training", "val", "valid", "validation", "dev", "test", "testing"})
_LOOKED_AT = 1000  # rows that tell which columns there are

Record = tuple[int, Mapping[str, Any]]  # line or number of the record, column -> value


@dataclass(frozen=True)
class Form:
    """What is looked for in JSON that does not name its columns.

    Attributes:
        key: column of what an object maps from, such as ``"image"``.
        value: column of what it maps to, such as ``"caption"``.
        keys: names under which the first is known, as of
            :func:`~c4t_core.datasets.tables.cells.normal`.
        values: the same of the second.
        noun: what the file should hold, such as ``"pairs"``.
    """

    key: str
    value: str
    keys: frozenset[str]
    values: frozenset[str]
    noun: str


@dataclass
class Records:
    """What a JSON file holds.

    Attributes:
        kind: ``"jsonl"``, ``"json"`` or ``"coco"``.
        header: the keys of the first records, in the order they come.
        rows: the records.
        problems: what could not be read.
    """

    kind: str
    header: tuple[str, ...]
    rows: list[Record]
    problems: list[Problem] = field(default_factory=list)


def read_records(path: Path, text: str, suffix: str, form: Form) -> Records:
    """Read JSON or JSON lines.

    Args:
        path: the file, for sentences.
        text: what it holds.
        suffix: of its name, such as ``".jsonl"``.
        form: what is looked for.

    Raises:
        DataError: if it is no JSON, or holds no records.
    """
    problems: list[Problem] = []
    if suffix not in _LINES or text.lstrip().startswith("["):
        try:
            data = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            if suffix == ".json" and not _looks_like_lines(text) and _stream(text) is None:
                line = getattr(error, "lineno", 1)
                raise DataError(
                    f"{path}:{line} is not valid JSON; mend it or save the {form.noun} as CSV",
                    path,
                    line,
                ) from error
        else:
            return _whole(path, data, form, problems)
    rows = list(_told(_lines(text, problems), form, problems, "line"))
    return Records("jsonl", _header(rows), rows, problems)


def _looks_like_lines(text: str) -> bool:
    """True if the first line is an object of its own: JSON lines under another name."""
    try:
        return isinstance(json.loads(text.lstrip().split("\n", 1)[0]), dict)
    except (json.JSONDecodeError, RecursionError):
        return False


def _lines(text: str, problems: list[Problem]) -> Iterator[tuple[int, Any]]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not _looks_like_lines(text):
        stream = _stream("\n".join(lines))
        if stream is not None:
            yield from stream
            return
    for line, raw in enumerate(lines, start=1):
        bare = raw.strip().lstrip("\ufeff").removesuffix(",")
        if not bare or bare.startswith(("#", "//")):
            continue
        try:
            yield line, json.loads(bare)
        except (json.JSONDecodeError, RecursionError):
            problems.append(Problem(line, "this line is not JSON"))


def _stream(text: str) -> list[tuple[int, Any]] | None:
    """Return (line, value) of values that are written one after another over several lines."""
    decoder = json.JSONDecoder()
    found: list[tuple[int, Any]] = []
    at, line = 0, 1
    while True:
        start = len(text) - len(text[at:].lstrip())
        line += text.count("\n", at, start)
        if start == len(text):
            return found
        try:
            value, end = decoder.raw_decode(text, start)
        except (json.JSONDecodeError, RecursionError):
            return None
        found.append((line, value))
        line += text.count("\n", start, end)
        at = end


def _told(
    items: Iterable[tuple[int, Any]], form: Form, problems: list[Problem], what: str
) -> Iterator[Record]:
    """Yield the items that are records; a list of two, or a name and its value, is one too."""
    for number, item in items:
        if isinstance(item, dict) and len(item) == 1 and not _knows(item, form.keys | form.values):
            ((key, value),) = item.items()
            yield number, {form.key: key, form.value: value}
        elif isinstance(item, dict):
            yield number, item
        elif isinstance(item, list) and len(item) == 2 and isinstance(item[0], str):
            yield number, {form.key: item[0], form.value: item[1]}
        else:
            problems.append(Problem(number, f"this {what} is not an object"))


def _whole(path: Path, data: Any, form: Form, problems: list[Problem]) -> Records:
    if isinstance(data, dict) and isinstance(data.get("annotations"), list) and "images" in data:
        rows = list(_coco(path, data, form, problems))
        return Records("coco", (form.key, form.value), rows, problems)
    items = _items(data, form)
    if items is None:
        raise DataError(f"{path} holds no {form.noun}; save them as CSV or JSON lines", path)
    rows = list(_told(enumerate(items, start=1), form, problems, "record"))
    return Records("json", _header(rows), rows, problems)


def _items(data: Any, form: Form) -> Iterable[Any] | None:
    """Return the records of a whole JSON file, in whatever way they are laid."""
    if isinstance(data, list):
        return data
    if not isinstance(data, dict):
        return None
    for read in (_columns, _table, _lists, _one, _named):
        items = read(data, form)
        if items is not None:
            return items
    return None


def _columns(data: Mapping[str, Any], form: Form) -> list[dict[str, Any]] | None:
    """Read an object of columns, each a list, or numbered from "0" as pandas writes it."""
    columns = {
        key: list(value.values()) if isinstance(value, dict) else value
        for key, value in data.items()
    }
    lists = {key: value for key, value in columns.items() if isinstance(value, list)}
    if len(set(map(len, lists.values()))) != 1 or not _knows(lists, form.keys):
        return None
    if not _knows(lists, form.values):
        return None
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _one(data: Mapping[str, Any], form: Form) -> list[Mapping[str, Any]] | None:
    """Read a single record."""
    return [data] if _knows(data, form.keys | form.values) else None


def _table(data: Mapping[str, Any], form: Form) -> list[dict[str, Any]] | None:
    """Read ``{"columns": [...], "data": [[...], ...]}``."""
    names, rows = data.get("columns"), data.get("data")
    if not isinstance(names, list) or not isinstance(rows, list):
        return None
    return [dict(zip(map(str, names), row, strict=False)) for row in rows if isinstance(row, list)]


def _lists(data: Mapping[str, Any], form: Form) -> Iterable[Any] | None:
    """Read an object that holds lists of records: all of them if they are splits, else the longest.

    That is also the form of Karpathy's splits of COCO and Flickr: images with their sentences.
    """
    lists = {
        key: value
        for key, value in data.items()
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value)
    }
    if not lists:
        return None
    if all(key.casefold() in _SPLITS for key in lists):
        return [{"split": key, **item} for key, items in lists.items() for item in items]
    items = max(lists.values(), key=len)
    if all(isinstance(item.get("row"), dict) for item in items):  # as the Hugging Face viewer
        return [item["row"] for item in items]
    return [_placed(item) for item in items]


def _placed(item: dict[str, Any]) -> dict[str, Any]:
    """Return an image of Karpathy's splits with its folder and name joined."""
    folder, name = item.get("filepath", ""), item.get("filename")
    if "sentences" in item and isinstance(folder, str) and isinstance(name, str):
        return {**item, "image": f"{folder}/{name}" if folder else name}
    return item


def _named(data: Mapping[str, Any], form: Form) -> Iterable[Any] | None:
    """Read an object from names to texts, or to records."""
    if not data:
        return []
    if not all(isinstance(value, str | list | dict) or value is None for value in data.values()):
        return None
    return map(_record(form), data.items())


def _record(form: Form) -> Callable[[tuple[str, Any]], dict[str, Any]]:
    def of(item: tuple[str, Any]) -> dict[str, Any]:
        key, value = item
        if isinstance(value, dict) and _knows(value, form.keys | form.values):
            return {form.key: key, **value} if not _knows(value, form.keys) else value
        return {form.key: key, form.value: value}

    return of


def _knows(item: Mapping[str, Any], names: Collection[str]) -> bool:
    return any(normal(str(key)) in names for key in item)


def _coco(
    path: Path, data: Mapping[str, Any], form: Form, problems: list[Problem]
) -> Iterator[Record]:
    """Yield the captions of a COCO captions file; the number is that of the annotation.

    Raises:
        DataError: if there are annotations, but not one with a caption.
    """
    annotations = data["annotations"]
    texts = [item for item in annotations if isinstance(item, dict) and "caption" in item]
    if annotations and not texts:
        raise DataError(
            f"{path} holds labels and no captions; make pairs of it with c4t caption coco", path
        )
    images = data.get("images")
    names = {
        _id(item.get("id")): item.get("file_name")
        for item in (images if isinstance(images, list) else ())
        if isinstance(item, dict)
    }
    for number, item in enumerate(annotations, start=1):
        name = names.get(_id(item.get("image_id"))) if isinstance(item, dict) else None
        if name is None:
            problems.append(Problem(number, "this annotation belongs to no image of the file"))
        else:
            yield number, {form.key: name, form.value: item.get("caption")}


def _id(value: Any) -> str:
    """Return an id as text; 5 and 5.0 are one."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value)


def _header(rows: Iterable[Record]) -> tuple[str, ...]:
    """Return the keys of the first rows, in the order they come."""
    keys = chain.from_iterable(row for _, row in islice(rows, _LOOKED_AT))
    return tuple(dict.fromkeys(map(str, keys)))
