"""Pictures that are whole but for their end: recorders that are switched off leave such files.

What is given back has all of its pixels in the file; where any is missing, nothing is.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from c4t_core.errors import ImageError

Pixels = NDArray[np.uint8]

_END = b"\xff\xd9"
_PNG_END = b"IEND\xae\x42\x60\x82"
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_READ_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA}  # Huffman, progressive, lossless, arithmetic
_PROGRESSIVE = {0xC2, 0xCA}
_SCAN = 0xDA
_RESTARTS = 0xDD  # tells how many units there are between two restart markers
_ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a length
_NEXT = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_FEW_ZEROS = 3  # fewer may well be the picture's own
_NOISE = tuple(bytes([first, 0xC9, 0x96, 0x6B]) * 16 for first in (0x15, 0x35, 0x6A, 0xB5, 0xDA))
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2))
_LAST_PASS = (0, 1, 1, 2)  # left, upper, steps to the right and down


class Segment(NamedTuple):
    """One part of a JPEG: its marker's second byte, what stands in it, and where that ends."""

    marker: int
    content: bytes
    end: int


def segments(data: bytes) -> Iterator[Segment]:
    """Walk a JPEG's segments; the picture's own data after a scan's head is passed over."""
    at = 2
    while (found := re.compile(rb"\xff+[^\x00\xff]").match(data, at)) is not None:
        marker, at = data[found.end() - 1], found.end()
        if marker == _END[1] or at + 2 > len(data):
            yield Segment(marker, b"", at)
            return
        if marker in _ALONE:
            continue
        (length,) = struct.unpack_from(">H", data, at)
        yield Segment(marker, data[at + 2 : at + length], at + length)
        at += length
        if marker == _SCAN:
            following = _NEXT.search(data, at)
            if following is None:
                return
            at = following.start()


def has_end(data: bytes, kind: str) -> bool:
    """Tell whether a JPEG or PNG has its end marker, whatever comes behind it."""
    stem = data.rstrip(b"\0")
    if kind == "PNG":
        return stem.endswith(_PNG_END) or any(part.kind == b"IEND" for part in _chunks(stem))
    return stem.endswith(_END) or any(part.marker == _END[1] for part in segments(stem))


def unread_jpeg(data: bytes) -> str | None:
    """Name the kind of a sound JPEG that is not read; None if it is one that is."""
    for marker, content, _ in segments(data):
        if marker in _FRAMES and len(content) >= 6:
            bits, height, _, layers = struct.unpack_from(">BHHB", content)
            if marker not in _READ_FRAMES:
                return f"a JPEG of an unusual process (SOF{marker - 0xC0})"
            if bits != 8:
                return f"a JPEG with {bits} bits"
            if layers not in {1, 3, 4}:
                return f"a JPEG with {layers} bands"
            return None if height else "a JPEG that tells its height at its end only"
    return None


def ended_jpeg(data: bytes, pixels: Callable[[bytes], Pixels]) -> bytes | None:
    """Return a JPEG with its end marker, if that is all it lacks.

    Noise behind the data shows whether any pixel is missing: it is taken for the missing ones, and
    changes nothing where there are none.

    Args:
        data: the file.
        pixels: decodes a JPEG.
    """
    stem = data.rstrip(b"\0")  # room that a recorder took in advance
    zeros = len(data) - len(stem)
    if stem.endswith(b"\xff"):  # a 0 behind 255 is part of the picture, 255 alone half a marker
        stem = stem + b"\0" if zeros else stem[:-1]
    found = _ended_at(stem, pixels)
    return _ended_at(data, pixels) if found is None and 0 < zeros < _FEW_ZEROS else found


def _ended_at(stem: bytes, pixels: Callable[[bytes], Pixels]) -> bytes | None:
    if not _last_part(stem):
        return None
    try:
        shown = pixels(stem + _END)
        for noise in _NOISE:
            if not np.array_equal(shown, pixels(stem + noise + _END)):
                return None
    except (OSError, ImageError):
        return None
    return stem + _END


class _Frame(NamedTuple):
    """The head of a JPEG's picture; components by their ids, with both sampling factors."""

    progressive: bool
    width: int
    height: int
    components: dict[int, tuple[int, int]]


def _last_part(data: bytes) -> bool:
    """Tell whether a JPEG without end has begun the last part of its last scan."""
    frame: _Frame | None = None
    missing: dict[int, list[int]] = {}
    interval, parts = 0, 1
    start = 2
    for marker, content, start in segments(data):  # noqa: B007 - the last one is used below
        if marker == _END[1]:
            return False
        if marker in _FRAMES and len(content) >= 6:
            frame = _frame(marker, content)
            missing = {part: [1] * 64 for part in frame.components}
        elif marker == _RESTARTS and len(content) == 2:
            interval = int.from_bytes(content, "big")
        elif marker == _SCAN and frame and len(content) >= 4:
            scanned = _note_scan(frame, content, missing)
            parts = -(-_units(frame, scanned) // interval) if interval else 1
    whole = bool(missing) and not any(any(places) for places in missing.values())
    return whole and len(_RESTART.findall(data, start)) == parts - 1


def _frame(marker: int, content: bytes) -> _Frame:
    height, width = struct.unpack_from(">HH", content, 1)
    factors = {part[0]: (part[1] >> 4 or 1, part[1] & 15 or 1) for part in _threes(content[6:])}
    return _Frame(marker in _PROGRESSIVE, width, height, factors)


def _threes(content: bytes) -> list[bytes]:
    return [content[at : at + 3] for at in range(0, len(content) - 2, 3)]


def _note_scan(frame: _Frame, content: bytes, missing: dict[int, list[int]]) -> list[int]:
    """Note which numbers of which components a scan brings in full; return the components."""
    number = content[0]
    scanned = [part for part in content[1 : 1 + 2 * number : 2] if part in missing]
    first, last, place = 0, 63, 0
    if frame.progressive and len(content) >= 4 + 2 * number:
        first, last, place = content[1 + 2 * number :][:3]
    for part in scanned:
        missing[part][first : last + 1] = [place & 15] * (last + 1 - first)
    return scanned


def _units(frame: _Frame, scanned: list[int]) -> int:
    """Return how many units (MCUs) a scan has; restarts are counted in them."""
    wide = max(across for across, _ in frame.components.values())
    high = max(down for _, down in frame.components.values())
    if len(scanned) != 1:
        return -(-frame.width // (8 * wide)) * -(-frame.height // (8 * high))
    across, down = frame.components[scanned[0]]  # alone, its own blocks are the units
    width, height = -(-frame.width * across // wide), -(-frame.height * down // high)
    return -(-width // 8) * -(-height // 8)


def ended_png(data: bytes, limit: int) -> bytes | None:
    """Return a PNG with its end, if all of its rows are there.

    Args:
        data: the file.
        limit: bytes of rows, unpacked, beyond which nothing is tried.
    """
    data = data.rstrip(b"\0")  # room that a recorder took in advance
    chunks = list(_chunks(data))
    parts = [chunk for chunk in chunks if chunk.kind == b"IDAT"]
    header = chunks[0].content if chunks else b""
    wanted = _row_bytes(*struct.unpack(">LLBBBBB", header)) if len(header) == 13 else 0
    if not parts or not 0 < wanted <= limit:
        return None
    rows = _rows(b"".join(part.content for part in parts), wanted)
    if rows is None:
        return None
    before = data[: parts[0].start]
    return before + _packed(b"IDAT", zlib.compress(rows, 1)) + _packed(b"IEND", b"")


class _Chunk(NamedTuple):
    """One part of a PNG, and where it begins."""

    kind: bytes
    content: bytes
    start: int


def _chunks(data: bytes) -> Iterator[_Chunk]:
    at = 8
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">L4s", data, at)
        yield _Chunk(kind, data[at + 8 : at + 8 + length], at)
        at += 12 + length


def _rows(packed: bytes, wanted: int) -> bytes | None:
    """Unpack all rows of a PNG; their checksum, where it is there, must be right."""
    unpacker = zlib.decompressobj()
    try:
        rows = unpacker.decompress(packed, wanted)
    except zlib.error:
        return None
    return rows if len(rows) == wanted else None


def _row_bytes(
    width: int, height: int, bits: int, colour: int, _pack: int, _filter: int, interlace: int
) -> int:
    """Return how many bytes the rows of a PNG have, their filter bytes among them."""
    depth = bits * _CHANNELS.get(colour, 0)
    passes = (*_PASSES, _LAST_PASS) if interlace else ((0, 0, 1, 1),)
    total = 0
    for left, upper, right, down in passes:
        wide, high = -((left - width) // right), -((upper - height) // down)
        if wide > 0 and high > 0:
            total += high * (1 + -(-wide * depth // 8))
    return total


def _packed(kind: bytes, content: bytes) -> bytes:
    check = struct.pack(">L", zlib.crc32(kind + content))
    return struct.pack(">L", len(content)) + kind + content + check
