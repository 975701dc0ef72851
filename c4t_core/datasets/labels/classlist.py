"""Class lists: which colour or id of a label image means what.

Read are JSON (``{"#ff0000": "Car 1"}``, ``{"0": "sky"}``, ``{"sky": 0}``, ``{"sky": [r, g, b]}``, a
list of names, of pairs, or of objects with a name and an id, a colour or both, as CVAT, Mapillary,
Datumaro, Supervisely, MMSegmentation and Transformers write them), YAML's ``names:`` and the like
with a list or a map, CSV with headings, lines of text (``id name``, ``id: name``, ``r g b name``,
``name id``, ``name r g b``, ``id name r g b``, ``#rrggbb name``), separated by blanks, tabs, commas
or semicolons, CVAT's ``labelmap.txt`` (``name:r,g,b:parts:actions``), TensorFlow's ``.pbtxt``, and
names alone, one a line from id 0 (Labelme).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from c4t_core.datasets.scene import Problem
from c4t_core.errors import DataError
from c4t_core.files import read_json, read_text_any

Key = tuple[int, int, int] | int
NAMES: tuple[str, ...] = (
    *("class_list.json", "classes.json", "class_dict.csv", "classes.csv"),
    *("label_colors.txt", "classes.txt", "labelmap.txt", "label_map.txt", "class_dict_seg.csv"),
    *("class_names.txt", "dataset_meta.json", "obj_class_to_machine_color.json", "label_map.pbtxt"),
    *("config_v1.2.json", "config_v2.0.json", "config.json", "meta.json", "labels.json"),
    *("labels.csv", "labels.txt"),
)
# Other things have these names too: such a file counts if it names classes.
_PERHAPS = frozenset(NAMES[NAMES.index("dataset_meta.json") :])
_HEX = re.compile(r"^#([0-9a-fA-F]{6})(?:[0-9a-fA-F]{2})?$")
_THREE = re.compile(r"^\D*(\d{1,3})[\s,;]+(\d{1,3})[\s,;]+(\d{1,3})\W*$")
_FIELDS = re.compile(r"[,;\t]|\s+")
_CVAT = re.compile(
    r"^(?P<name>.+?)\s*:\s*"
    r"(?:(?P<colour>\d+\s*,\s*\d+\s*,\s*\d+|#[0-9a-fA-F]{6})(?:\s*,\s*\d+)?\s*(?::[^:]*){0,2}"
    r"|:[^:]*:[^:]*)$"
)
_ROUNDED = re.compile(r"[(\[]\s*(\d+)[,;\s]+(\d+)[,;\s]+(\d+)\s*[)\]]")  # (128, 64, 128)
_ID_FIRST = re.compile(r"""^["']?(\d+)["']?\s*[:=]\s*(?=\S)""")  # 0: road
_ID_LAST = re.compile(r"""(?<=\S)\s*[:=]\s*["']?(\d+)["']?,?$""")  # road = 0
_YAML = re.compile(r"^(?P<in>\s*)(?P<key>\w+)\s*:\s*(?P<rest>.*)$")
_PBTXT = re.compile(r"item\s*\{([^}]*)\}")
# Headings, the surest first.
_NAME_HEADINGS = (
    *("name", "class_name", "label_name", "readable", "title", "class", "label", "category"),
)
_ID_HEADINGS = (
    *("id", "class_id", "label_id", "labelid", "index", "idx", "pixel", "value", "pixel_value"),
    *("trainid", "train_id", "class", "label"),
)
_COLOUR_HEADINGS = ("color", "colour", "hex", "rgb", "color_rgb", "hex_color", "color_hex")
_RGB_HEADINGS = (("r", "g", "b"), ("red", "green", "blue"))
_LISTS = ("labels", "classes", "categories", "names", "label_map", "id2label", "label2id")
_IGNORED = "__ignore__"  # Labelme's name of id -1


class _Entry(NamedTuple):
    """One class as it is written: where, its name, and what may be its id or colour."""

    line: int | None
    name: Any
    keys: tuple[Any, ...]


def find_class_list(folder: Path) -> Path | None:
    """Return the class list that lies in a folder under one of the usual names."""
    try:
        there = {path.name.lower(): path for path in folder.iterdir() if path.is_file()}
    except OSError:
        return None
    usual = (name for name in NAMES if name in there)
    fitting = (there[n] for n in usual if n not in _PERHAPS or _names_classes(there[n]))
    return next(fitting, None)


def _names_classes(path: Path) -> bool:
    try:
        return bool(read_class_list(path, []))
    except DataError:
        return False


def read_class_list(path: Path, problems: list[Problem]) -> dict[Key, str]:
    """Return colour or id -> class name; both, where the list has both for each class.

    Args:
        path: the list.
        problems: entries that cannot be used are added here.

    Raises:
        DataError: if the file cannot be read or no entry can be used.
    """
    if ".json" in path.suffixes:
        entries = _json_entries(read_json(path), path)
    elif path.suffix.lower() in (".yaml", ".yml"):
        entries = _yaml_entries(read_text_any(path))
    else:
        entries = _text_entries(read_text_any(path))
    out: dict[Key, str] = {}
    kinds: set[bool] = set()
    for entry in entries:
        try:
            name, keys = _settled(entry)
        except ValueError as error:
            problems.append(Problem(entry.line, str(error), path))
            continue
        mixed = kinds and kinds != {isinstance(key, tuple) for key in keys}
        taken = next((out[key] for key in keys if out.get(key, name) != name), None)
        if mixed:
            problems.append(Problem(entry.line, f"{name} mixes colours with ids", path))
        elif taken is not None:
            problems.append(Problem(entry.line, f"{name} has the colour or id of {taken}", path))
        else:
            kinds = {isinstance(key, tuple) for key in keys}
            out.update(dict.fromkeys(keys, name))
    if not out:
        raise DataError(
            f"{path} names no class; it needs lines such as '0 sky' or '128 64 128 road'", path
        )
    return out


def _json_entries(data: Any, path: Path) -> Iterable[_Entry]:
    if isinstance(data, dict):
        listed = next((data[k] for k in _LISTS if isinstance(data.get(k), list | dict)), None)
        colours = data.get("segmentation_colors", data.get("palette"))
        if isinstance(listed, list) and isinstance(colours, list):  # MMSegmentation
            listed = {str(index): name for index, name in enumerate(listed)}
        if isinstance(listed, dict) and isinstance(colours, list):  # Datumaro
            return _with_colours(listed, colours)
        data = data if listed is None else listed
    if isinstance(data, dict):
        return [_pair_entry(key, value) for key, value in data.items()]
    if isinstance(data, list) and all(isinstance(item, str) for item in data):
        return [_Entry(None, name, (index,)) for index, name in enumerate(data)]
    if isinstance(data, list):
        return [_object_entry(item) for item in data]
    raise DataError(f"{path} is no class list; it needs an object or a list", path)


def _with_colours(listed: dict[str, Any], colours: list[Any]) -> Iterator[_Entry]:
    for (key, value), colour in zip(listed.items(), colours, strict=False):
        entry = _pair_entry(key, value)
        yield _Entry(None, entry.name, (*entry.keys, colour))


def _pair_entry(key: str, value: Any) -> _Entry:
    """Return the entry of ``key: value``; which of them is the name is to be seen."""
    if isinstance(value, dict):
        entry = _object_entry(value)
        if entry.name is None:
            return _Entry(None, key, entry.keys)
        return _Entry(None, entry.name, entry.keys or (key,))
    if _key(key) is not None and isinstance(value, str) and _key(value) is None:
        return _Entry(None, value, (key,))
    return _Entry(None, key if _key(key) is None else None, (value,))


def _object_entry(item: Any) -> _Entry:
    if isinstance(item, list) and len(item) == 2:  # a name and its id or colour
        first, second = item if isinstance(item[0], str) else reversed(item)
        return _pair_entry(str(first), second)
    if not isinstance(item, dict):
        return _Entry(None, None, ())
    return _named_entry(None, {str(key).lower(): value for key, value in item.items()})


def _named_entry(line: int | None, fields: dict[str, Any]) -> _Entry:
    """Return the entry of fields with headings."""
    title = next((h for h in _NAME_HEADINGS if fields.get(h) not in (None, "")), "")
    name = fields.get(title)
    if isinstance(name, str) and "--" in name and isinstance(fields.get("readable"), str):
        name = fields["readable"]  # Mapillary's "animal--bird" is "Bird"
    number = next((h for h in _ID_HEADINGS if h != title and fields.get(h) not in (None, "")), "")
    colours = [fields[h] for h in _COLOUR_HEADINGS if fields.get(h) not in (None, "")]
    for sides in _RGB_HEADINGS:
        if all(side in fields for side in sides):
            colours.append([fields[side] for side in sides])
    found = [key for raw in colours if isinstance(key := _key(raw), tuple)][:1]
    return _Entry(line, name, (*found, *([fields[number]] if number else [])))


def _text_entries(text: str) -> Iterable[_Entry]:
    if items := _PBTXT.findall(text):
        return [_item_entry(item) for item in items]
    lines = [
        (line, stripped)
        for line, raw in enumerate(text.splitlines(), start=1)
        if (stripped := raw.strip()) and not _is_comment(stripped)
    ]
    if lines and all(_CVAT.match(row) for _, row in lines):
        matches = ((line, _CVAT.match(row)) for line, row in lines)
        return [_Entry(line, m["name"], (m["colour"],)) for line, m in matches if m]
    if lines and (headings := _headings(lines[0][1])):
        return _rows(lines, headings)
    entries = [_line_entry(line, row) for line, row in lines]
    if all(entry is None for entry in entries):
        return _bare_names(lines)
    if lines and lines[0][0] == 1 and entries[0] is None:
        entries = entries[1:]  # headings in words of their own
        lines = lines[1:]
    return [
        entry or _Entry(line, None, ()) for (line, _), entry in zip(lines, entries, strict=True)
    ]


def _yaml_entries(text: str) -> Iterator[_Entry]:
    """Yield the classes below ``names:`` and the like; of YAML, only lists and maps are read."""
    below: str | None = None  # how far the heading is indented
    names = 0
    for line, raw in enumerate(text.splitlines(), start=1):
        row = re.sub(r"(^|\s)#.*$", "", raw).rstrip()
        match = _YAML.match(row)
        if match and match["key"].lower() in _LISTS and match["in"] == (below or match["in"]):
            below = match["in"]
            row, names = match["rest"].strip("[]{} "), 0
            items = row.split(",") if row else []
        elif below is None or not row.strip():
            continue
        elif row.lstrip()[0] != "-" and len(row) - len(row.lstrip()) <= len(below):
            below = None
            continue
        else:
            items = [row.strip(" ,[]")]
        for item in items:
            yield _yaml_entry(line, item.strip().removeprefix("- "), names)
            names += 1


def _yaml_entry(line: int, item: str, number: int) -> _Entry:
    """Return the class of ``0: road``, ``road: 0``, ``road: [128, 64, 128]`` or ``road``."""
    key, colon, value = (part.strip(" \"'") for part in item.partition(":"))
    if not colon:
        return _Entry(line, key, (number,))
    return _pair_entry(key, value)._replace(line=line)


def _is_comment(row: str) -> bool:
    return row[0] == "#" and not _HEX.match(_FIELDS.split(row)[0])


def _item_entry(item: str) -> _Entry:
    fields = dict(re.findall(r"""(\w+)\s*:\s*["']?([^"'\n]+)""", item))
    return _Entry(None, fields.get("display_name", fields.get("name")), (fields.get("id"),))


def _headings(row: str) -> list[str] | None:
    """Return the headings of a table, lower case, if there are a name's and an id's or colour's."""
    cells = [re.sub(r"\s+", "_", cell.strip().lower()) for cell in _cells(row)]
    known = {*_ID_HEADINGS, *_COLOUR_HEADINGS, "r", "red"}
    return cells if set(cells) & set(_NAME_HEADINGS) and len(known.intersection(cells)) else None


def _cells(row: str) -> list[str]:
    """Split a row at the separator it has, which is not one inside quotation marks."""
    bare = "".join(row.split('"')[::2])
    separator = next((s for s in ("\t", ";", ",") if s in bare), None)
    if separator is None:
        return row.split()
    return [cell.strip() for cell in next(csv.reader([row], delimiter=separator), [])]


def _rows(lines: Sequence[tuple[int, str]], headings: list[str]) -> Iterator[_Entry]:
    for line, row in lines[1:]:
        yield _named_entry(line, dict(zip(headings, _cells(row), strict=False)))


def _bare_names(lines: Sequence[tuple[int, str]]) -> Iterator[_Entry]:
    """Yield the names with their ids, which begin at 0 and leave out what Labelme ignores."""
    names = [(line, row) for line, row in lines if row != _IGNORED]
    for index, (line, row) in enumerate(names):
        yield _Entry(line, row, (index,))


def _line_entry(line: int, row: str) -> _Entry | None:
    """Split a line into its numbers, at its ends, and its name, between or beside them."""
    row = _ROUNDED.sub(r"\1 \2 \3", row)
    row = _ID_LAST.sub(r" \1", _ID_FIRST.sub(r"\1 ", row))
    fields = [f for part in _cells(row) for f in _numbers_apart(part)]
    for first, last in ((0, 1), (1, 0)):
        hexes = fields[:first] or fields[len(fields) - last :]
        if len(fields) > 1 and _HEX.match(hexes[0]):
            return _Entry(line, " ".join(fields[first : len(fields) - last]), (hexes[0],))
    for first, last in ((1, 3), (3, 0), (0, 3), (1, 0), (0, 1)):
        middle = fields[first : len(fields) - last]
        numbers = (fields[:first], fields[len(fields) - last :] if last else [])
        if middle and all(f.isdigit() for part in numbers for f in part):
            return _Entry(line, " ".join(middle), tuple(_numbers(part) for part in numbers if part))
    return None


def _numbers(fields: list[str]) -> Any:
    return fields if len(fields) == 3 else fields[0]


def _numbers_apart(part: str) -> list[str]:
    """Split "64 128 64" inside one tab-separated field; a name with blanks stays whole."""
    pieces = part.split()
    return pieces if pieces and all(piece.isdigit() for piece in pieces) else [part]


def _settled(entry: _Entry) -> tuple[str, list[Key]]:
    """Return the name and its keys.

    Raises:
        ValueError: if one of them is missing or out of range.
    """
    name = entry.name
    if isinstance(name, int | float) and not isinstance(name, bool):
        name = str(name)
    keys = [_key(raw) for raw in entry.keys]
    if not isinstance(name, str) or not name.strip() or not keys or None in keys:
        raise ValueError("this is no class: it needs a name and an id, a colour or #rrggbb")
    return name.strip(), [key for key in keys if key is not None]


def _key(raw: Any) -> Key | None:
    if isinstance(raw, str):
        return _written_key(raw.strip())
    if isinstance(raw, bool):
        return None
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    if isinstance(raw, int):
        return raw if 0 <= raw < 1 << 16 else None
    if isinstance(raw, list | tuple) and len(raw) in (3, 4):  # the fourth is how opaque it is
        red, green, blue = (_key(side) for side in raw[:3])
        if isinstance(red, int) and isinstance(green, int) and isinstance(blue, int):
            return (red, green, blue) if max(red, green, blue) < 256 else None
    return None


def _written_key(raw: str) -> Key | None:
    if match := _HEX.match(raw):
        value = int(match[1], 16)
        return value >> 16, value >> 8 & 255, value & 255
    if match := _THREE.match(raw):
        return _key([int(side) for side in match.groups()])
    whole = raw.removesuffix(".0")
    return _key(int(whole)) if whole.isdecimal() else None
