"""Files: written whole or not at all, hashed, read as text, and kept from acting as formulas."""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from c4t_core.errors import DataError


@contextlib.contextmanager
def atomic_text(path: Path) -> Iterator[TextIO]:
    """Open a UTF-8 file that takes its name only when the block ends well.

    Names with undecodable bytes (as Python holds them) are written as those bytes.

    Raises:
        OSError: if the folder cannot be written; nothing of the new file is left then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", errors="surrogateescape", newline="") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        DataError: if it cannot be read or is not JSON, with the line.
    """
    raw = read_bytes(path)
    try:
        return json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}:{line} is not UTF-8 text; save it as UTF-8 JSON", path, line
        ) from error
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}:{error.lineno} is not valid JSON ({error.msg.lower()}); mend or remove it",
            path,
            error.lineno,
        ) from error
    except RecursionError as error:
        raise DataError(f"{path} is nested too deeply; it is no label file", path, 1) from error


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        DataError: if it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}); check the path and its permissions", path
        ) from error


def decode(raw: bytes) -> tuple[str, str]:
    """Return (text, encoding): UTF-8 or UTF-16 by its mark, else UTF-8, else Windows' Latin.

    A file that is UTF-8 but for a few bytes stays UTF-8: those become U+FFFD, so that their
    lines can be named and the others keep their letters.
    """
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", errors="replace"), "utf-16"
    if raw.startswith(codecs.BOM_UTF8):
        return raw.decode("utf-8-sig", errors="replace"), "utf-8-sig"
    text = raw.decode("utf-8", errors="replace")
    bad = text.count("\ufffd")
    letters = sum(char > "\x7f" for char in text) if bad else 0
    if bad and letters == bad:  # not one letter beyond ASCII reads as UTF-8
        return raw.decode("cp1252", errors="replace"), "cp1252"
    return text, "utf-8"


def read_text(path: Path) -> tuple[str, str]:
    """Return (text, encoding) of a file.

    Raises:
        DataError: if it cannot be read.
    """
    return decode(read_bytes(path))


def digest(parts: Iterable[str | bytes]) -> str:
    """Return the SHA-256 of parts, as hex; their borders count."""
    whole = hashlib.sha256()
    for part in parts:
        raw = part if isinstance(part, bytes) else part.encode("utf-8", "surrogateescape")
        whole.update(len(raw).to_bytes(8, "big"))
        whole.update(raw)
    return whole.hexdigest()


def file_key(path: Path) -> str:
    """Return path, size and time of change of a file, as one string."""
    try:
        info = path.stat()
    except OSError:
        return f"{path}|gone"
    return f"{path}|{info.st_size}|{info.st_mtime_ns}"


# A spreadsheet takes a cell that starts so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def guard_cell(value: str) -> str:
    """Return a cell's text with an apostrophe before what a spreadsheet would run.

    >>> guard_cell("=1+1")
    "'=1+1"
    """
    return f"'{value}" if value.startswith(FORMULA) else value


def unguard_cell(value: str) -> str:
    """Undo :func:`guard_cell`."""
    return value[1:] if value[:1] == "'" and value[1:].startswith(FORMULA) else value
