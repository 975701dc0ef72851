r"""What the user made as plain text, to be kept, compared and taken to another machine.

JSON lines in UTF-8. The first says what the file is and how much it holds::

    {"c4t": "user data", "format": 1, "marks": 2, "searches": 1, ...}

Each other line is one thing, with its ``kind`` first, then always the same fields in the same
order; lines are sorted by kind and key, so that two files can be compared line by line.

- ``mark``: query, root, image, at_ns, digest, size, good (0 or 1), made
- ``search``: name, query, settings, made, checked, model, fingerprint, cut, place (from 1; left
  out of those that were never put into an order)
- ``asked``: query, used, times
- ``test set``: name, made
- ``test mark``: test_set, and the fields of a mark without made
- ``tag``: tag, root, image, at_ns, digest, size, made

``root`` is the folder; of frames of a shared table what the table calls it, wherever it lies on
this machine. ``image`` is the path below ``root``, "/"-separated, as ``clip.mp4#t=12.500`` for a
frame of a recording; ``at_ns`` has its time exactly and is null for a picture. Bytes of a path that
are no text are escapes such as ``\udcff``. Settings that are no JSON object are kept as text in
``settings_text``. Times are seconds since 1970.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from c4t_core.addresses import as_path
from c4t_core.errors import DataError
from c4t_core.index.query import frame_name, split_frame_name
from c4t_core.index.store import backups, seals
from c4t_core.index.store.catalogue import known_roots
from c4t_core.index.store.image_key import moved_to
from c4t_core.index.store.seals import TABLES, Row, Value
from c4t_core.index.store.tags import known_spellings
from c4t_core.index.store.user_data import UserData, prune_history

Tables = Mapping[str, list[Row]]

_KINDS = {
    "mark": "marks",
    "search": "scenarios",
    "asked": "history",
    "test set": "test_sets",
    "test mark": "test_items",
    "tag": "tags",
}
_COUNTED = {
    "marks": "marks",
    "scenarios": "searches",
    "history": "asked",
    "test_sets": "test_sets",
    "test_items": "test_marks",
    "tags": "tags",
}
_OF_IMAGES = ("marks", "test_items", "tags")
_HEAD = {"c4t": "user data", "format": 1}
_RENAMED = {"path": "image"}  # columns that others call otherwise
_NOUNS = (
    ("marks", "mark"), ("tags", "tag"), ("searches", "saved search"), ("test_sets", "test set"),
    ("asked", "earlier query"),
)  # fmt: skip


def counted(tables: Tables) -> dict[str, int]:
    """Return how much there is of each kind: marks, searches, asked, test_sets, ..."""
    return {name: len(tables.get(table, ())) for table, name in _COUNTED.items()}


def in_words(counts: Mapping[str, int]) -> str:
    """Say how much there is.

    >>> in_words({"marks": 2, "tags": 1, "searches": 1, "test_sets": 0, "asked": 0})
    '2 marks, 1 tag, 1 saved search, 0 test sets, 0 earlier queries'
    """
    parts = []
    for name, noun in _NOUNS:
        ending = "" if counts[name] == 1 else "es" if noun.endswith("search") else "s"
        word = "earlier queries" if noun == "earlier query" and ending else noun + ending
        parts.append(f"{counts[name]:,} {word}")
    return ", ".join(parts)


def as_text(tables: Tables) -> bytes:
    """Write all rows of all tables (:meth:`UserData.everything`) as described above."""
    tables = _elsewhere(tables, {here: name for name, here in _placed()})
    lines = [{**_HEAD, **counted(tables)}]
    for kind, table in _KINDS.items():
        spec = TABLES[table]
        for row in sorted(tables[table], key=spec.key_of):
            lines.append({"kind": kind, **_to_line(row)})
    text = "".join(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n" for line in lines)
    # A lone surrogate, a byte of a path, becomes the very escape that JSON has for it.
    return text.encode("utf-8", "backslashreplace")


def _to_line(row: Row) -> dict[str, Any]:
    line: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, bytes):
            value = os.fsdecode(value)
        if name == "path" and cast(int, row.get("at_ns", -1)) >= 0:
            value = frame_name(str(value), cast(int, row["at_ns"]) / 1e9)
        elif name == "at_ns" and value == -1:
            value = None
        elif name == "settings":
            line.update(_settings_line(str(value)))
            continue
        elif name == "place" and not value:
            continue  # earlier versions know no order
        line[_RENAMED.get(name, name)] = value
    return line


def _settings_line(text: str) -> dict[str, Any]:
    try:
        settings = json.loads(text)
        if isinstance(settings, dict) and json.dumps(settings, sort_keys=True) == text:
            json.dumps(settings, allow_nan=False)
            return {"settings": settings}
    except (ValueError, RecursionError):
        pass
    return {"settings_text": text}


def _placed() -> list[tuple[Path, Path]]:
    """Return the folders that shared tables call otherwise: as they do, and where each lies here.

    Where something lies under the table's name as well, that name is as good.
    """
    roots = known_roots()
    there = {root.place for root in roots if root.place == root.name}
    return [(as_path(root.name), as_path(root.place)) for root in roots if root.name not in there]


def _elsewhere(tables: Tables, folders: Mapping[Path, Path]) -> dict[str, list[Row]]:
    """Return rows with images of some folders in others; of two of one key the newer."""
    found = {table: list(rows) for table, rows in tables.items()}
    inner_first = sorted(folders, key=lambda folder: len(folder.parts), reverse=True)
    for table in _OF_IMAGES if folders else ():
        rows: dict[tuple[Value, ...], Row] = {}
        for row in found.get(table, ()):
            old = cast(bytes, row["root"]), cast(bytes, row["path"])
            moves = (moved_to(*old, folder, folders[folder]) for folder in inner_first)
            root, path = next(filter(None, moves), old)
            row = {**row, "root": root, "path": path}
            key = TABLES[table].key_of(row)
            rows[key] = seals.newer(rows[key], row) if key in rows else row
        found[table] = list(rows.values())
    return found


def from_text(content: bytes, source: Path) -> dict[str, list[Row]]:
    """Read what :func:`as_text` wrote; frames of shared tables lie where they do on this machine.

    Args:
        content: the file.
        source: its name, for the sentences.

    Raises:
        DataError: if a line cannot be read, with its number, or lines are missing.
    """
    tables: dict[str, list[Row]] = {table: [] for table in TABLES}
    head: dict[str, Any] | None = None
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not raw.strip():
            continue
        line, wrong = _parsed(raw), "it is not one JSON object"
        if line is not None and "c4t" in line and head is None:
            head, wrong = line, _wrong_head(line)
        elif line is not None:
            wrong = _take(line, tables)
        if wrong:
            raise DataError(
                f"{source}:{number} cannot be read ({wrong}); mend or remove the line; nothing "
                "was imported",
                source,
                number,
            )
    _see_whole(tables, head, source)
    return _elsewhere(tables, dict(_placed()))


def _parsed(raw: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(raw.decode())
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) else None


def _wrong_head(head: Mapping[str, Any]) -> str:
    if head.get("c4t") != _HEAD["c4t"]:
        return "it holds no user data"
    if head.get("format") != _HEAD["format"]:
        return "it was written by a newer version of this program; update it"
    return ""


def _see_whole(tables: Tables, head: Mapping[str, Any] | None, source: Path) -> None:
    """See that nothing is missing, and that what refers to others finds them.

    Raises:
        DataError: if something is.
    """
    counts = counted(tables)
    if head is None and not any(counts.values()):
        raise DataError(f"{source} holds no user data; choose what was exported", source)
    for name, count in counts.items():
        expected = (head or {}).get(name, count)
        if expected != count:
            raise DataError(
                f"{source} should hold {expected} {name.replace('_', ' ')} and holds {count}; "
                "export it again, or correct its first line if you changed it; nothing was "
                "imported",
                source,
            )
    lost = {row["test_set"] for row in tables["test_items"]}
    lost -= {row["name"] for row in tables["test_sets"]}
    if lost:
        raise DataError(
            f'{source} has no line of its own for "{min(map(str, lost))}", which others name; '
            "export it again; nothing was imported",
            source,
        )


def _take(line: dict[str, Any], tables: dict[str, list[Row]]) -> str:
    """Add the row of a line to its table; return what is wrong with it, "" if nothing is."""
    kind = line.pop("kind", None)
    table = _KINDS.get(kind) if isinstance(kind, str) else None
    if table is None:
        return f'its kind is "{kind}"'
    spec = TABLES[table]
    row: dict[str, Any] = {}
    timed = "at_ns" in spec.columns
    for name, kinds in spec.columns.items():
        read = _bytes if name == "path" and not timed else _READ.get(name, _as_is)
        try:
            row[name] = read(line, _RENAMED.get(name, name))
        except (KeyError, TypeError, ValueError, RecursionError):
            return f'"{_RENAMED.get(name, name)}" is missing or no value for it'
        if float in kinds and type(row[name]) is int:
            row[name] = float(row[name])
    wrong = spec.trouble(row)
    if wrong:
        return f'"{_RENAMED.get(wrong, wrong)}" is no value for it'
    if line:
        return f'"{min(line)}" is not known; it may be of a newer version'
    tables[table].append(row)
    return ""


def _as_is(line: dict[str, Any], name: str) -> Any:
    return line.pop(name)


def _bytes(line: dict[str, Any], name: str) -> bytes:
    return os.fsencode(line.pop(name))


def _image(line: dict[str, Any], name: str) -> bytes:
    """Read the path; its time stays behind under ``at_ns``, which is exact where it is given."""
    text = line.pop(name)
    relative, at = split_frame_name(text)
    if "at_ns" not in line:
        line["at_ns"] = None if at is None else round(at * 1e9)
    return os.fsencode(text if line["at_ns"] is None else relative)


def _time(line: dict[str, Any], name: str) -> int:
    value = line.pop(name)
    if value is not None and (type(value) is not int or value < 0):
        raise ValueError(name)
    return -1 if value is None else value


def _settings(line: dict[str, Any], name: str) -> str:
    if "settings_text" in line:
        return cast(str, line.pop("settings_text"))
    settings = line.pop(name)
    if not isinstance(settings, dict):
        raise TypeError(name)
    return json.dumps(settings, sort_keys=True, allow_nan=False)


_READ: dict[str, Callable[[dict[str, Any], str], Any]] = {
    "root": _bytes,
    "path": _image,
    "at_ns": _time,
    "settings": _settings,
    "place": lambda line, name: line.pop(name, 0),
}


def replace_all(data: UserData, tables: Tables) -> Path | None:
    """Put other data in the place of all that is there; what was there is backed up first.

    Args:
        data: the user's data.
        tables: valid rows (:func:`from_text`).

    Returns:
        The backup of what was there, None if nothing was.

    Raises:
        CatalogueError: if it cannot be backed up or written; nothing is changed then.
    """
    kept = None
    if any(data.counts().values()):
        with data.reading() as db:
            kept = backups.back_up(db, data.path, data.VERSION, backups.KEPT)
    with data.writing() as db:
        for table in reversed(TABLES):
            db.execute(f"DELETE FROM {table}")
        for table in TABLES:
            for row in tables.get(table, ()):
                seals.insert(db, table, row)
        prune_history(db)
    return kept


def join(data: UserData, tables: Tables) -> None:
    """Add other data; where both have the same key, what was made later is kept.

    Doing it twice changes nothing more. Of two test sets of one name one is kept, whole.

    Args:
        data: the user's data.
        tables: valid rows (:func:`from_text`).

    Raises:
        CatalogueError: if it cannot be written; nothing is changed then.
    """
    with data.writing() as db:
        for table in ("marks", "scenarios", "history"):
            for row in tables.get(table, ()):
                seals.put_newer(db, table, row)
        spelling = known_spellings(db)
        for row in tables.get("tags", ()):
            tag = str(row["tag"])
            tag = spelling.setdefault(tag.casefold(), tag)
            seals.put_newer(db, "tags", {**row, "tag": tag})
        _join_test_sets(db, tables)
        prune_history(db)


def _join_test_sets(db: sqlite3.Connection, tables: Tables) -> None:
    there = {row["name"]: cast(float, row["made"]) for row in seals.rows_of(db, "test_sets")}
    taken = set()
    for row in tables.get("test_sets", ()):
        name = row["name"]
        if name not in there or cast(float, row["made"]) > there[name]:
            db.execute("DELETE FROM test_sets WHERE name = ?", (name,))
            seals.insert(db, "test_sets", row)
            taken.add(name)
    for row in tables.get("test_items", ()):
        if row["test_set"] in taken:
            seals.insert(db, "test_items", row)
