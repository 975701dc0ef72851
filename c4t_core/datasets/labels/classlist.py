"""Class lists: which colour or id of a label image means what.

Read are JSON (``{"#ff0000": "Car 1"}``, ``{"0": "sky"}``, ``{"sky": 0}``, ``{"sky": [r, g, b]}``,
or a list of objects with ``name`` and ``id`` or ``color``) and lines of text or CSV
(``id name``, ``r g b name``, ``name id``, ``name r g b``, ``#rrggbb name``), separated by
blanks, tabs, commas or semicolons, with or without a line of headings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from c4t_core.datasets.scene import Problem
from c4t_core.errors import DataError
from c4t_core.files import read_json, read_text_any

Key = tuple[int, int, int] | int
NAMES: tuple[str, ...] = (
    *("class_list.json", "classes.json", "class_dict.csv", "classes.csv"),
    *("label_colors.txt", "classes.txt"),
)
_HEX = re.compile(r"^#([0-9a-fA-F]{6})$")
_FIELDS = re.compile(r"[,;\t]|\s+")


def find_class_list(folder: Path) -> Path | None:
    """Return the class list that lies in a folder under one of the usual names."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def read_class_list(path: Path, problems: list[Problem]) -> dict[Key, str]:
    """Return colour or id -> class name.

    Args:
        path: the list.
        problems: entries that cannot be used are added here.

    Raises:
        DataError: if the file cannot be read or no entry can be used.
    """
    if path.suffix.lower() == ".json":
        entries = _json_entries(read_json(path), path)
    else:
        entries = _text_entries(read_text_any(path).splitlines())
    out: dict[Key, str] = {}
    for line, entry in entries:
        try:
            key, name = _entry(entry)
        except ValueError as error:
            problems.append(Problem(line, str(error), path))
            continue
        if out and isinstance(key, tuple) is not isinstance(next(iter(out)), tuple):
            problems.append(Problem(line, f"{name} mixes colours with ids", path))
        elif key in out and out[key] != name:
            problems.append(Problem(line, f"{name} has the colour or id of {out[key]}", path))
        else:
            out[key] = name
    if not out:
        raise DataError(
            f"{path} names no class; it needs lines such as '0 sky' or '128 64 128 road'", path
        )
    return out


def _json_entries(data: Any, path: Path) -> Iterable[tuple[int | None, tuple[Any, Any]]]:
    """Yield (line, (one thing, the other)); which is the name is found out later."""
    if isinstance(data, dict) and isinstance(data.get("labels", data.get("classes")), list):
        data = data.get("labels", data.get("classes"))
    if isinstance(data, dict):
        return [(None, pair) for pair in data.items()]
    if isinstance(data, list):
        return [(None, _object_entry(item)) for item in data]
    raise DataError(f"{path} is no class list; it needs an object or a list", path)


def _object_entry(item: Any) -> tuple[Any, Any]:
    if not isinstance(item, dict):
        return None, None
    lower = {str(key).lower(): value for key, value in item.items()}
    name = lower.get("name", lower.get("label", lower.get("readable")))
    for key in ("color", "colour", "id", "trainid"):
        if key in lower:
            return name, lower[key]
    return name, None


def _text_entries(lines: list[str]) -> Iterable[tuple[int, tuple[Any, Any]]]:
    for line, raw in enumerate(lines, start=1):
        text = raw.strip()
        if not text or (text[0] == "#" and not _HEX.match(_FIELDS.split(text)[0])):
            continue
        entry = _line_entry(text)
        if entry is None and line == 1:
            continue  # headings
        yield line, entry or (None, None)


def _line_entry(text: str) -> tuple[Any, Any] | None:
    """Split a line into its numbers, at one end, and its name, at the other."""
    separator = next((s for s in ("\t", ";", ",") if s in text), None)
    fields = [f.strip().strip('"') for f in (text.split(separator) if separator else text.split())]
    fields = [f for part in fields for f in _numbers_apart(part)]
    if _HEX.match(fields[0]) and len(fields) > 1:
        return fields[0], " ".join(fields[1:])
    for width in (3, 1):
        if len(fields) > width:
            if all(f.isdigit() for f in fields[:width]):
                name = " ".join(fields[width:])
                return _number_key(fields[:width]), name
            if all(f.isdigit() for f in fields[-width:]):
                return _number_key(fields[-width:]), " ".join(fields[:-width])
    return None


def _numbers_apart(part: str) -> list[str]:
    """Split "64 128 64" inside one tab-separated field; a name with blanks stays whole."""
    pieces = part.split()
    return pieces if pieces and all(piece.isdigit() for piece in pieces) else [part]


def _number_key(fields: list[str]) -> Any:
    values = [int(f) for f in fields]
    return values if len(values) == 3 else values[0]


def _entry(entry: tuple[Any, Any]) -> tuple[Key, str]:
    """Return the key and the name, whichever way round they come.

    Raises:
        ValueError: if one of them is missing or out of range.
    """
    for raw, name in (entry, entry[::-1]):
        key = _key(raw)
        if key is not None and isinstance(name, str) and name.strip() and _key(name) is None:
            return key, name.strip()
    raise ValueError("this is no class: it needs a name and an id, a colour or #rrggbb")


def _key(raw: Any) -> Key | None:
    if isinstance(raw, str):
        match = _HEX.match(raw)
        if match:
            value = int(match[1], 16)
            return value >> 16, value >> 8 & 255, value & 255
        raw = int(raw) if raw.isdigit() else None
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int):
        return raw if 0 <= raw < 1 << 16 else None
    if isinstance(raw, list) and len(raw) == 3:
        red, green, blue = raw
        if all(isinstance(c, int) and 0 <= c < 256 for c in raw):
            return red, green, blue
    return None
