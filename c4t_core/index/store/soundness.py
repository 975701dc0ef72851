"""Whether a database file is still what was left there, and what becomes of a damaged one.

Beside each file lies a note, ``NAME.checked``: size, time and checksum of the file as it was
closed after a check, or that an error showed while it was used. The next opening compares the
whole content, so that rot is found which changes neither size nor time; of a large file that seems
unchanged some pieces, each opening the next ones. Whoever writes empties the note first; only a
check fills it again.
"""

from __future__ import annotations

import contextlib
import enum
import json
import os
import sqlite3
import threading
import time
import weakref
import zlib
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path
from typing import Any

from c4t_core.errors import CatalogueError
from c4t_core.records import dataclass

_BLOCK = 1 << 20  # bytes
_PIECE = 1 << 24  # bytes that have a checksum of their own
_LARGE = 1 << 27  # bytes; a larger file that seems unchanged is read by pieces
_PIECES = 4  # so many at each opening
_CORRUPT = {11, 26}  # SQLITE_CORRUPT, SQLITE_NOTADB: the low byte of the code
# A flipped bit in the schema or in a text is an ordinary error to SQLite. Our statements are
# fixed, so these can have no other cause.
_AS_DAMAGED = ("no such table", "no such column", "malformed", "Could not decode")


class Verdict(enum.Enum):
    """What is known of a file before it is opened."""

    SOUND = "sound"  # every byte is as it was when it was last checked
    UNKNOWN = "unknown"  # written since then: its structure has to be checked
    DAMAGED = "damaged"  # changed by nobody who writes it, or an error showed


@dataclass(frozen=True)
class Content:
    """A file (and its write-ahead log) at one moment.

    Attributes:
        state: size in bytes and time of change in ns of each part that is not empty.
        checksum: CRC-32 over all of it.
        pieces: CRC-32 of each piece of the file itself.
    """

    state: list[list[int]]
    checksum: int
    pieces: list[int] = field(default_factory=list)


@dataclass(eq=False)
class Use:
    """What this process has open of one file.

    A file that is open here is never read past SQLite: on POSIX systems, closing it again would
    drop all locks that SQLite holds on it.

    Attributes:
        lock: held while the file is opened or closed.
        users: the open databases.
    """

    lock: threading.RLock = field(default_factory=threading.RLock)
    users: weakref.WeakSet[Any] = field(default_factory=weakref.WeakSet)


_USES: dict[str, Use] = {}


def use_of(path: Path) -> Use:
    """Return what this process has open of a file."""
    return _USES.setdefault(os.path.realpath(path), Use())


def judge(path: Path) -> tuple[Verdict, Content | None]:
    """Compare a file that this process has not open with its note.

    Returns:
        The verdict, and the content that was read (None if none was, or it changed meanwhile).
    """
    note = _note(path)
    if not path.exists():  # taken away on purpose
        with contextlib.suppress(OSError):
            note.unlink()
        return Verdict.UNKNOWN, None
    noted = _read(note)
    if is_noted_damaged(path) or (note.exists() and _size(path) == 0):
        return Verdict.DAMAGED, None
    if _pieces_match(path, noted):
        return Verdict.SOUND, None
    content = _content(path)
    if content is None or "checksum" not in noted:
        return Verdict.UNKNOWN, content
    if content.checksum == noted["checksum"]:
        if content.pieces and "pieces" not in noted:
            note_sound(path, content)
        return Verdict.SOUND, content
    same = content.state == noted.get("state")
    return (Verdict.DAMAGED if same else Verdict.UNKNOWN), content


def is_noted(path: Path) -> bool:
    """Tell, without reading the file, whether it is the one that was last noted."""
    return bool(state := _state(path)) and _read(_note(path)).get("state") == state


def is_noted_damaged(path: Path) -> bool:
    """Tell whether an error showed while the file was used."""
    return "damaged" in _read(_note(path))


def passes_check(connection: sqlite3.Connection) -> bool:
    """Tell whether the structure of an open file is whole.

    Raises:
        sqlite3.OperationalError: if it is in use or cannot be read now.
    """
    try:
        answer = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        return False
    return answer is not None and answer[0] == "ok"


def note_sound(path: Path, content: Content | None) -> None:
    """Note a file that is known to be whole, unless it changed since, or an error showed."""
    if content is not None and content.state == _state(path) and not is_noted_damaged(path):
        _write(path, json.dumps(vars(content)))


def note_checked(path: Path) -> None:
    """Check a file that this process has not open, and note it if it is whole.

    An open connection would be shown what it keeps in memory, not what is on the disk.
    """
    content = _content(path)
    with contextlib.suppress(sqlite3.Error):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            sound = passes_check(connection)
        if sound:
            note_sound(path, content)


def note_damaged(path: Path, reason: str) -> None:
    """Have the next opening set the file aside."""
    _write(path, json.dumps({"damaged": reason}))


def note_changing(path: Path) -> None:
    """Note that the file is being written; that an error showed in it stays noted."""
    note = _note(path)
    with contextlib.suppress(OSError):
        if note.stat().st_size and not is_noted_damaged(path):
            _write(path, "")


def shows_damage(error: sqlite3.Error) -> bool:
    """Tell whether an error of a statement means that the file is damaged."""
    if (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in _CORRUPT:
        return True
    if isinstance(error, sqlite3.OperationalError):
        return any(text in str(error) for text in _AS_DAMAGED)
    return type(error) is sqlite3.DatabaseError


def is_busy(error: sqlite3.Error) -> bool:
    """Tell whether another process holds the file."""
    return "locked" in str(error) or "busy" in str(error)


def move_aside(path: Path) -> Path:
    """Give a damaged file (and its journals) another name, and return it.

    Raises:
        CatalogueError: if it cannot be moved.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S")
    target = path.with_name(f"{path.name}.damaged-{stamp}")
    number = 1
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
    try:
        os.replace(path, target)
        for ending in ("-wal", "-shm", "-journal"):
            with contextlib.suppress(FileNotFoundError):
                os.replace(
                    path.with_name(path.name + ending), target.with_name(target.name + ending)
                )
        with contextlib.suppress(FileNotFoundError):
            _note(path).unlink()
    except OSError as error:
        raise CatalogueError(
            f'"{path}" is damaged and cannot be set aside ({error.strerror}); close what uses it '
            "and make its folder writable, or set C4T_DATA_DIR to another folder."
        ) from error
    return target


def _note(path: Path) -> Path:
    return path.with_name(path.name + ".checked")


def _read(note: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        noted = json.loads(note.read_text("utf-8"))
        return noted if isinstance(noted, dict) else {}
    return {}


def _write(path: Path, text: str) -> None:
    with contextlib.suppress(OSError):  # a note that cannot be written only costs a check
        _note(path).write_text(text, "utf-8")


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return -1


def _parts(path: Path) -> Iterator[Path]:
    yield path
    yield path.with_name(path.name + "-wal")


def _state(path: Path) -> list[list[int]]:
    states = []
    for part in _parts(path):
        with contextlib.suppress(OSError):
            state = os.stat(part)
            if state.st_size:
                states.append([state.st_size, state.st_mtime_ns])
    return states


def _pieces_match(path: Path, noted: dict[str, Any]) -> bool:
    """Tell whether the next pieces of a large file that seems unchanged are as noted."""
    state, pieces = noted.get("state"), noted.get("pieces")
    if not pieces or len(state or ()) != 1 or state != _state(path) or state[0][0] <= _LARGE:
        return False
    begin = int(noted.get("next", 0)) % len(pieces)
    chosen = {0, *((begin + i) % len(pieces) for i in range(_PIECES))}  # in the first, the tables
    with contextlib.suppress(OSError), path.open("rb") as file:
        for number in chosen:
            file.seek(number * _PIECE)
            checksum = 0
            for _ in range(_PIECE // _BLOCK):
                checksum = zlib.crc32(file.read(_BLOCK), checksum)
            if checksum != pieces[number]:
                return False
        if _read(_note(path)) == noted:
            _write(path, json.dumps({**noted, "next": begin + _PIECES}))
        return True
    return False


def _content(path: Path) -> Content | None:
    """Read a file, None if it is being changed or cannot be read."""
    before = _state(path)
    checksum, pieces = 0, list[int]()
    by_pieces = bool(before) and before[0][0] > _LARGE
    try:
        for part in _parts(path):
            with contextlib.suppress(FileNotFoundError), part.open("rb") as file:
                read = 0
                while block := file.read(_BLOCK):
                    checksum = zlib.crc32(block, checksum)
                    if by_pieces:
                        if read % _PIECE == 0:
                            pieces.append(0)
                        pieces[-1] = zlib.crc32(block, pieces[-1])
                    read += len(block)
    except OSError:
        return None
    whole = Content(before, checksum, pieces)
    return whole if before and before == _state(path) else None
