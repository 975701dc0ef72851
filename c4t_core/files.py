"""Files: written whole or not at all, hashed, read as text, and kept from acting as formulas."""

from __future__ import annotations

import codecs
import contextlib
import errno
import gzip
import hashlib
import io
import json
import os
import tempfile
import time
import uuid
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, TextIO

from c4t_core import paths
from c4t_core.errors import DataError

MOST_UNPACKED = 1 << 30
"""Bytes that a file packed with gzip may hold: a few kilobytes can be made to unpack to millions
of millions, and no label file of the large data sets comes near a gigabyte."""
_STILL = 2.0  # seconds: within them a file may change again and keep its times
_AGAIN = 7 * 86_400.0  # seconds: then a disk that spoils what it keeps is found out
_GZIP = b"\x1f\x8b"
_ARCHIVES = {
    b"PK\3\4": "zip or an Excel workbook",
    b"BZh91AY&SY": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\7": "rar",
    b"\x04\x22\x4d\x18": "LZ4",
    b"\x1f\x9d": "compress",
}


@contextlib.contextmanager
def atomic_path(path: Path, *, sync: bool = True) -> Iterator[Path]:
    """Give a name beside ``path`` to write to; the file takes its own when the block ends well.

    ``path`` is the old file or the whole new one at any moment, and nothing of the new one is
    left if the block raises. A writer that hides a full disk needs :func:`require_size` inside.

    Args:
        path: the file; its folder is made at need.
        sync: have it on the disk before it is renamed; False for what can be made again.

    Raises:
        OSError: if the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{uuid.uuid4().hex}.part")  # a longer name may not fit the disk
    try:
        yield part
        if sync:
            _sync(part)
        part.replace(path)
    except OSError as error:
        if error.filename == str(part):  # the name that whoever reads the sentence knows
            error.filename = str(path)
        raise
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_file(path: Path, *, sync: bool = True) -> Iterator[IO[bytes]]:
    """Open a file to write bytes, see :func:`atomic_path`."""
    with atomic_path(path, sync=sync) as part, part.open("wb") as out:
        yield out


@contextlib.contextmanager
def atomic_text(path: Path) -> Iterator[TextIO]:
    """Open a UTF-8 file to write text, see :func:`atomic_path`.

    Names with undecodable bytes (as Python holds them) are written as those bytes.
    """
    with (
        atomic_path(path) as part,
        part.open("w", encoding="utf-8", errors="surrogateescape", newline="") as out,
    ):
        yield out


def write_whole(path: Path, content: str | bytes, *, sync: bool = True) -> None:
    """Write text (as UTF-8) or bytes, see :func:`atomic_path`."""
    data = content.encode() if isinstance(content, str) else content
    with atomic_file(path, sync=sync) as out:
        out.write(data)


def overwrite(path: Path, start: int, content: bytes) -> None:
    """Write bytes into a file that is there, from byte ``start`` on; they are on the disk then.

    Not whole or not at all: whoever reads them needs a sum.

    Raises:
        OSError: if the disk does not take them.
    """
    with path.open("r+b") as out:
        out.seek(start)
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


@contextlib.contextmanager
def atomic_folder(target: Path, *, replace: bool = False, sync: bool = True) -> Iterator[Path]:
    """Give an empty folder of the same name to fill; it takes its place when the block ends well.

    Args:
        target: where it belongs; the folder above is made at need.
        replace: what is there gives way, removed at the very end; else its being there fails.
        sync: have its files on the disk before it is moved; False for what can be made again.

    Raises:
        OSError: if it cannot be written or moved there.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=target.parent, prefix=".writing-", ignore_cleanup_errors=True
    ) as scratch:
        folder = Path(scratch, target.name)
        folder.mkdir()
        yield folder
        for file in folder.rglob("*"):
            if sync and file.is_file():
                _sync(file)
        old = Path(scratch, f"{target.name}.old")
        if replace and target.exists():
            target.rename(old)
        try:
            folder.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise


def why_unwritable(folder: Path, size: int = 1 << 20) -> str:
    """Return why a file of ``size`` bytes cannot be kept in a folder, "" if it can."""
    scratch = folder / f".{uuid.uuid4().hex}.part"
    try:
        try:
            scratch.write_bytes(bytes(size))
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def require_size(path: Path, size: int) -> None:
    """Take a file that is shorter or longer than what was written for a full disk.

    Raises:
        OSError: if it does not have ``size`` bytes.
    """
    if path.stat().st_size != size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def trim_folder(folder: Path, limit: float) -> int:
    """Remove the files that were changed longest ago beyond ``limit`` bytes; return those left.

    What cannot be removed is left.
    """
    entries = []
    for inner, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                info = os.stat(full := os.path.join(inner, name))
                entries.append((info.st_mtime_ns, info.st_size, full))
    total = sum(size for _, size, _ in entries)
    for _, size, full in sorted(entries):
        if total <= limit:
            break
        with contextlib.suppress(OSError):
            os.unlink(full)
            total -= size
    return total


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
    """Return the bytes of a file; one that is packed with gzip is unpacked, see :func:`open_bytes`.

    Raises:
        DataError: if it cannot be read, is damaged, or is an archive.
    """
    with open_bytes(path) as file:
        try:
            return file.read()
        except OSError as error:
            raise _unreadable(path, error) from error


def open_bytes(path: Path) -> BinaryIO:
    """Open a file to read bytes, whatever its name: packed with gzip it is unpacked first.

    Raises:
        DataError: if it cannot be read, is damaged, unpacks to more than ``MOST_UNPACKED`` bytes,
            or is an archive.
    """
    try:
        with contextlib.ExitStack() as closing:
            file = closing.enter_context(path.open("rb"))
            head = file.peek(512)
            if not head.startswith(_GZIP):
                _refuse_archive(path, head)
                closing.pop_all()  # stays open: it is the caller's now
                return file
            raw = gzip.GzipFile(fileobj=file).read(MOST_UNPACKED + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is compressed (gzip) and damaged; get it again", path) from error
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(raw) > MOST_UNPACKED:
        raise DataError(
            f"{path} is compressed (gzip) and unpacks to more than {MOST_UNPACKED >> 20} MB; "
            "unpack it first if you trust it",
            path,
        )
    _refuse_archive(path, raw[:512])
    return io.BytesIO(raw)


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(
        f"{path} cannot be read ({error.strerror}); check the path and its permissions", path
    )


def _refuse_archive(path: Path, head: bytes) -> None:
    kind = next((kind for start, kind in _ARCHIVES.items() if head.startswith(start)), None)
    if head[257:262] == b"ustar":
        kind = "tar"
    if kind:
        raise DataError(f"{path} is compressed or an archive ({kind}); unpack it first", path)


def decode(raw: bytes) -> tuple[str, str]:
    """Return (text, encoding): UTF-8, -16 or -32 by its mark, else UTF-8, else Windows' Latin.

    A file that is UTF-8 but for a few bytes stays UTF-8: those become U+FFFD, so that their
    lines can be named and the others keep their letters.
    """
    if raw.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):  # begins as UTF-16 does
        return raw.decode("utf-32", errors="replace"), "utf-32"
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


def read_text_any(path: Path) -> str:
    """Return the text of a file in any usual encoding, see :func:`decode`, packed with gzip or not.

    Raises:
        DataError: if it cannot be read, is damaged, or is an archive.
    """
    return decode(read_bytes(path))[0]


def sha256(content: Path | str | bytes) -> str:
    """Return the SHA-256 of a file, or of a text (as UTF-8) or bytes, as lower-case hex.

    Raises:
        OSError: if the file cannot be read.
    """
    if isinstance(content, Path):
        with content.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def known_sums(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of files of a folder, from memory of those that are as they were.

    To hash the files of a model takes as long as to open the network that is in them. A file is
    as it was while its place on the disk, size and times of change stay; after a week it is
    hashed again.

    Raises:
        OSError: if a file cannot be read; ``filename`` says which.
    """
    memory = paths.cache_dir() / "sums" / f"{short_digest(os.fsencode(folder.absolute()))}.json"
    known = _remembered(memory)
    now, found = time.time(), {}
    for name in names:
        state = _state(folder / name)
        was, digest, when = known.get(name, ("", "", 0.0))
        if was != state or not now - _AGAIN < when <= now:
            digest, when = sha256(folder / name), now
        found[name] = (state, digest, when)
    kept = {n: f for n, f in found.items() if f[2] < now or _still(folder / n, f[0], now)}
    if kept != {name: known.get(name) for name in kept}:
        with contextlib.suppress(OSError):  # they are hashed again, then
            write_whole(memory, json.dumps({**known, **kept}), sync=False)
    return {name: digest for name, (_, digest, _) in found.items()}


def _remembered(memory: Path) -> dict[str, tuple[str, str, float]]:
    try:
        entries = json.loads(memory.read_bytes())
        return {
            str(name): (str(state), str(digest), float(when))
            for name, (state, digest, when) in entries.items()
        }
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _state(path: Path) -> str:
    info = path.stat()
    return f"{info.st_dev} {info.st_ino} {info.st_size} {info.st_mtime_ns} {info.st_ctime_ns}"


def _still(path: Path, state: str, now: float) -> bool:
    """Tell whether a file has its state still, and had it for long enough to tell a change."""
    with contextlib.suppress(OSError):
        info = path.stat()
        return _state(path) == state and max(info.st_mtime, info.st_ctime) < now - _STILL
    return False


class Digest:
    """The SHA-256 of parts, as they come; their borders count."""

    def __init__(self) -> None:
        """Begin with none."""
        self._whole = hashlib.sha256()

    def add(self, *parts: str | bytes) -> None:
        """Take in more."""
        for part in parts:
            raw = part if isinstance(part, bytes) else part.encode("utf-8", "surrogateescape")
            self._whole.update(len(raw).to_bytes(8, "big"))
            self._whole.update(raw)

    def __str__(self) -> str:
        """Return it as lower-case hex."""
        return self._whole.hexdigest()


def digest(parts: Iterable[str | bytes]) -> str:
    """Return the SHA-256 of parts, as hex; their borders count."""
    whole = Digest()
    for part in parts:
        whole.add(part)
    return str(whole)


def content_digest(path: Path) -> tuple[str, int]:
    """Return (BLAKE2b-128 hex digest, size) of a file, ("", -1) if it cannot be read."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
            return found.hexdigest(), os.fstat(file.fileno()).st_size
    except OSError:
        return "", -1


def short_digest(data: bytes) -> str:
    """Return 40 hex digits to name what is kept by its content; no proof of anything."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


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
