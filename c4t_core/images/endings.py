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
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_READ_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA}  # Huffman, progressive, lossless, arithmetic
_PROGRESSIVE = {0xC2, 0xCA}
_SCAN = 0xDA
_ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a length
_NEXT = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
_NOISE = (bytes([0x35, 0xC9, 0x96, 0x6B]) * 16, bytes([0xB5, 0x4A, 0xE2, 0x1D]) * 16)
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)) + (
    (0, 1, 1, 2),
)


class Segment(NamedTuple):
    """One part of a JPEG: its marker's second byte, and what stands in it."""

    marker: int
    content: bytes


def segments(data: bytes) -> Iterator[Segment]:
    """Walk a JPEG's segments; the picture's own data after a scan's head is passed over."""
    at = 2
    while (found := re.compile(rb"\xff+[^\x00\xff]").match(data, at)) is not None:
        marker, at = data[found.end() - 1], found.end()
        if marker == _END[1] or at + 2 > len(data):
            yield Segment(marker, b"")
            return
        if marker in _ALONE:
            continue
        (length,) = struct.unpack_from(">H", data, at)
        yield Segment(marker, data[at + 2 : at + length])
        at += length
        if marker == _SCAN:
            following = _NEXT.search(data, at)
            if following is None:
                return
            at = following.start()


def unread_jpeg(data: bytes) -> str | None:
    """Name the kind of a sound JPEG that is not read; None if it is one that is."""
    for marker, content in segments(data):
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
    if not _all_scans(data):
        return None
    stem = data.rstrip(b"\xff")
    try:
        shown = pixels(stem + _END)
        for noise in _NOISE:
            restarts = b"".join(bytes([0xFF, 0xD0 + number]) + noise for number in range(8))
            if not np.array_equal(shown, pixels(stem + noise + 2 * restarts + _END)):
                return None
    except (OSError, ImageError):
        return None
    return stem + _END


def _all_scans(data: bytes) -> bool:
    """Tell whether a JPEG without end has begun the last of its scans."""
    missing: dict[int, list[int]] = {}
    progressive = False
    for marker, content in segments(data):
        if marker == _END[1]:
            return False
        if marker in _FRAMES and len(content) >= 6:
            progressive = marker in _PROGRESSIVE
            missing = {part: [1] * 64 for part in content[6::3]}
        if marker == _SCAN and len(content) >= 4:
            number = content[0]
            first, last, place = content[1 + 2 * number :][:3] or (0, 63, 0)
            if not progressive:
                first, last, place = 0, 63, 0
            for part in content[1 : 1 + 2 * number : 2]:
                if part in missing:
                    missing[part][first : last + 1] = [place & 15] * (last + 1 - first)
    return bool(missing) and not any(any(places) for places in missing.values())


def ended_png(data: bytes, limit: int) -> bytes | None:
    """Return a PNG with its end, if all of its rows are there.

    Args:
        data: the file.
        limit: bytes of rows, unpacked, beyond which nothing is tried.
    """
    header: tuple[int, ...] = ()
    parts: list[bytes] = []
    before = at = 8
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">L4s", data, at)
        if kind == b"IHDR":
            header = struct.unpack_from(">LLBBBBB", data, at + 8)
        if kind == b"IDAT":
            before = before if parts else at
            parts.append(data[at + 8 : at + 8 + length])
        elif parts:
            return None  # the pixels' data ended where they should
        at += 12 + length
    packed = b"".join(parts)
    wanted = _row_bytes(*header) if header else 0
    if not packed or not 0 < wanted <= limit:
        return None
    try:
        rows = zlib.decompressobj().decompress(packed, wanted)
    except zlib.error:
        return None
    if len(rows) < wanted:
        return None
    return data[:before] + _chunk(b"IDAT", zlib.compress(rows, 1)) + _chunk(b"IEND", b"")


def _row_bytes(
    width: int, height: int, bits: int, colour: int, _pack: int, _filter: int, interlace: int
) -> int:
    """Return how many bytes the rows of a PNG have, their filter bytes among them."""
    depth = bits * _CHANNELS.get(colour, 0)
    passes = _PASSES if interlace else ((0, 0, 1, 1),)
    total = 0
    for left, upper, right, down in passes:
        wide, high = -((left - width) // right), -((upper - height) // down)
        if wide > 0 and high > 0:
            total += high * (1 + -(-wide * depth // 8))
    return total


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = struct.pack(">L", zlib.crc32(kind + content))
    return struct.pack(">L", len(content)) + kind + content + check
