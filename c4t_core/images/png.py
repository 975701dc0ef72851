"""PNG samples by a faster way than Pillow's; the same ones, for PNG loses nothing.

Nearly all of Pillow's time with a camera's PNG goes into zlib, and into filters that are undone
one byte at a time. Here libdeflate unpacks the picture, and libpng, whose filters use the
processor's vector units, is given it again unpacked. What is not plainly whole and of a common
kind is left to Pillow, whose word on damaged files stands; without imagecodecs, all is.
"""

from __future__ import annotations

import importlib
import struct
import threading
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.uint8]

MAX_SAMPLES = 100_000_000  # bytes of a picture; bigger ones are Pillow's, one at a time
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_END = 33  # of the signature and the first chunk, which is the header
_BANDS = {0: 1, 2: 3, 4: 2, 6: 4}  # by colour type; palettes are left to Pillow
_END = b"\0\0\0\0IEND\xaeB`\x82"
_STORED = 65535  # bytes of a block that is not packed
_BLOCK = struct.Struct("<BHH")
_KEPT = 16_000_000  # bytes of each buffer that a thread keeps; bigger ones are given back
_ANIMATED = frozenset({b"acTL", b"fcTL", b"fdAT"})


class _Head(NamedTuple):
    width: int
    height: int
    depth: int
    colour: int
    packing: int
    filtering: int
    interlaced: int


class _Buffers(threading.local):
    """Memory that a decoding thread uses again: getting it fresh costs a third of the time."""

    def __init__(self) -> None:
        self._kept: dict[str, bytearray] = {}

    def take(self, name: str, size: int) -> memoryview:
        """Return ``size`` bytes that hold anything; they are lent until the next picture."""
        kept = self._kept.get(name)
        if kept is None or len(kept) < size:
            kept = bytearray(size)
            if size <= _KEPT:
                self._kept[name] = kept
        return memoryview(kept)[:size]


_BUFFERS = _Buffers()


def read(data: bytes) -> Samples | None:
    """Return the samples of a PNG with 8 bits as they are stored; None where Pillow should look.

    Args:
        data: the whole file.

    Returns:
        uint8 (height, width) or (height, width, bands), valid until the same thread reads the
        next picture.
    """
    head = _head(data)
    packed = _packed(data) if head else None
    if head is None or packed is None:
        return None
    try:
        codecs = importlib.import_module("imagecodecs")
        return _read(codecs, data[:_HEADER_END], head, packed)
    except Exception:  # noqa: BLE001 - no such package, or a damaged file: Pillow says which
        return None


def _head(data: bytes) -> _Head | None:
    """Return what the header tells, None if it is not of the common kind."""
    if data[:8] != _SIGNATURE or data[8:16] != b"\0\0\0\rIHDR" or len(data) < _HEADER_END:
        return None
    head = _Head(*struct.unpack(">IIBBBBB", data[16:29]))
    bands = _BANDS.get(head.colour)
    if bands is None or head[2:3] + head[4:] != (8, 0, 0, 0) or not head.width * head.height:
        return None
    return head if head.width * head.height * bands <= MAX_SAMPLES else None


def _packed(data: bytes) -> bytes | None:
    """Return the packed picture, None if anything in the file calls for a closer look."""
    view = memoryview(data)
    parts: list[memoryview] = []
    at, last = _HEADER_END, b""
    while at + 12 <= len(data):
        kind, start = data[at + 4 : at + 8], at + 8
        end = start + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            return None
        if kind == b"IEND":
            return b"".join(parts) or None
        if kind == b"IDAT":
            if parts and last != kind:
                return None
            parts.append(view[start:end])
        elif not (_harmless_behind(kind, data[start:end]) if parts else _harmless(kind)):
            return None
        at, last = end + 4, kind
    return None


def _harmless(kind: bytes) -> bool:
    """Tell whether a chunk before the picture changes none of its samples."""
    return kind not in _ANIMATED and (kind == b"PLTE" or bool(kind[:1].islower()))


def _harmless_behind(kind: bytes, content: bytes) -> bool:
    """Tell whether a chunk behind the picture says nothing about it, such as how it is turned."""
    return kind == b"tIME" or (
        kind == b"tEXt" and not content.startswith((b"Raw profile", b"XML:", b"xmp"))
    )


def _read(codecs: Any, header: bytes, head: _Head, packed: bytes) -> Samples:
    bands = _BANDS[head.colour]
    rows = _BUFFERS.take("rows", head.height * (1 + head.width * bands))
    if len(codecs.deflate_decode(packed, out=rows)) != len(rows):
        raise ValueError("it holds fewer rows than its header says")
    unpacked = _unpacked(codecs, header, rows)
    shape = (head.height, head.width, bands)[: 3 if bands > 1 else 2]
    out = np.frombuffer(rows[: head.height * head.width * bands], np.uint8)  # not needed any more
    samples: Samples = codecs.png_decode(unpacked, out=out.reshape(shape))
    return samples


def _unpacked(codecs: Any, header: bytes, rows: memoryview) -> memoryview:
    """Return a PNG of these rows whose picture is not packed."""
    blocks = range(0, len(rows), _STORED)
    size = 2 + _BLOCK.size * len(blocks) + len(rows) + 4
    out = _BUFFERS.take("unpacked", _HEADER_END + 8 + size + 4 + len(_END))
    out[:_HEADER_END] = header
    struct.pack_into(">L4sH", out, _HEADER_END, size, b"IDAT", 0x7801)
    at = _HEADER_END + 10
    for start in blocks:
        block = rows[start : start + _STORED]
        length = len(block)
        last = start + length == len(rows)
        _BLOCK.pack_into(out, at, last, length, length ^ _STORED)
        at += _BLOCK.size
        out[at : at + length] = block
        at += length
    struct.pack_into(">L", out, at, codecs.deflate_adler32(rows))
    check = codecs.deflate_crc32(out[_HEADER_END + 4 : at + 4])
    struct.pack_into(">L", out, at + 4, check)
    out[at + 8 :] = _END
    return out
