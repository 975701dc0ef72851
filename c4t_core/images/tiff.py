"""TIFF beyond what Pillow decodes: floats, odd depths, planes of 16 bits, bands.

The layout is read here. The strips or tiles, disguised as a grey picture of 8 bits that is as wide
as their bytes, go through Pillow, so that its decoders undo any compression; the numbers are put
together from the bytes.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import IO, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from c4t_core.errors import ImageError
from c4t_core.images.tones import Numbers, plain_tones, to_tones

OpenTiff: TypeAlias = Callable[[IO[bytes]], Image.Image]
Tags: TypeAlias = dict[int, tuple[Any, ...]]

_MAX_BYTES = 178_000_000  # of a plane; Pillow takes for a bomb what is bigger
_MAX_TAGS = 5_000
_ROWS_AT_ONCE = 4_000_000  # numbers of odd depth put together at once

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_STRIPS, _ORIENTATION, _BANDS, _STRIP_ROWS, _STRIP_SIZES, _TOP = 273, 274, 277, 278, 279, 281
_PLANAR, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_SIZES = 284, 317, 322, 323, 324, 325
_EXTRAS, _FORMAT, _NODATA = 338, 339, 42113
_TYPES = {1: "B", 2: "c", 3: "H", 4: "L", 6: "b", 8: "h", 9: "l", 11: "f", 12: "d", 13: "L"} | {
    16: "Q",
    17: "q",
    18: "Q",
}
_STREAMS = {1: "no", 5: "LZW", 8: "deflate", 32773: "PackBits", 32946: "deflate"} | {
    34925: "LZMA",
    50000: "Zstandard",
}
_OTHER_STREAMS = {6: "old JPEG", 7: "JPEG", 33003: "JPEG 2000", 33005: "JPEG 2000"} | {
    34712: "JPEG 2000",
    34887: "LERC",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
_COLOURS = {3: "a palette", 6: "YCbCr", 8: "CIELab", 32803: "a raw sensor mosaic"} | {
    32844: "LogL",
    32845: "LogLuv",
    34892: "raw sensor values",
}
_LETTERS = {1: "u", 2: "i", 3: "f", 4: "u"}
_WORDS = {"u": "", "i": "signed ", "f": "floating-point "}
_DEPTHS = {"u": {*range(1, 17), 32, 64}, "i": {8, 16, 32, 64}, "f": {16, 32, 64}}
_TURNED_TWICE = {"F;32BF", "I;32BS", "I;16BS"}
_GREY, _RGB, _CMYK = 1, 2, 5
_INVERTED = 0  # grey where 0 is white


class Stated(NamedTuple):
    """What a grey TIFF tells of its numbers.

    Attributes:
        top: the largest they can be; None where it tells no more than its container's depth.
        nodata: the number that stands for "nothing measured".
        inverted: whether 0 is white.
    """

    top: int | None
    nodata: float | None
    inverted: bool


class _Layout(NamedTuple):
    """What the directory of a TIFF tells; see the specification for the tags."""

    order: str
    width: int
    height: int
    bits: tuple[int, ...]
    letter: str
    bands: int
    planes: bool
    compression: int
    photometric: int
    predictor: int
    fill_order: int
    orientation: int
    extras: tuple[int, ...]
    block: tuple[int, int]
    tiled: bool
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    stated: Stated


def size(file: IO[bytes]) -> tuple[int, int]:
    """Return width and height, as stored.

    Raises:
        ImageError: if the file has no sound directory.
    """
    layout = _layout(file)
    return layout.width, layout.height


def misread(tags: Any, rawmode: str) -> bool:
    """Tell whether Pillow, for all that it opens the file, would get its numbers wrong.

    It takes planes of 16 bits for 8, knows no planes multiplied by alpha, and turns round the bytes
    of compressed big-endian numbers twice.

    Args:
        tags: of the first picture, as Pillow gives them.
        rawmode: how it takes the pixels to be stored.
    """
    if rawmode in _TURNED_TWICE:
        return bool(tags.get(_COMPRESSION, 1) != 1)
    if tags.get(_PLANAR, 1) != 2 or tags.get(_BANDS, 1) < 2:
        return False
    bits = tags.get(_BITS, (1,))
    deep = max(bits if isinstance(bits, tuple) else (bits,)) > 8
    return deep or 1 in tags.get(_EXTRAS, ())


def stated(tags: Any) -> Stated:
    """Return what the tags of a grey TIFF tell of its numbers.

    Args:
        tags: of the first picture, by their numbers; empty for other formats.
    """
    bits, top = _first(tags.get(_BITS), 16), _first(tags.get(_TOP), 0)
    if not 8 < bits < 16:  # else a statement of more tells little: many write what is in use
        bits = top.bit_length() if isinstance(top, int) and 255 < top < 2**14 else 0
    nodata = tags.get(_NODATA, "")
    text = nodata if isinstance(nodata, str) else b"".join(nodata).decode("ascii", "replace")
    try:
        nothing = float(text.strip("\0 ")) if text else None
    except ValueError:
        nothing = None
    inverted = _first(tags.get(_PHOTOMETRIC), _GREY) == _INVERTED
    return Stated(2**bits - 1 if bits else None, nothing, inverted)


def name(file: IO[bytes]) -> str:
    """Name a TIFF by its bands and depths, as in "a TIFF with 5 bands of 16 bits".

    Raises:
        ImageError: if it is damaged, or none that is read.
    """
    layout = _layout(file)
    _checked(layout)
    return _what(layout)


def read(file: IO[bytes], open_tiff: OpenTiff) -> Image.Image:
    """Read the first picture of a TIFF with 8 bits a band.

    Args:
        file: at its start.
        open_tiff: opens what is a plain grey TIFF of 8 bits.

    Returns:
        L, LA, RGB, RGBA or CMYK, as stored; the orientation is in its EXIF.

    Raises:
        ImageError: it is damaged, or sound but none that is read; the reason says which.
        OSError: its decoder fails.
    """
    layout = _layout(file)
    colours = _checked(layout)
    image = _picture(_numbers(file, layout, open_tiff), layout, colours)
    image.getexif()[_ORIENTATION] = layout.orientation
    return image


def _first(value: Any, default: int) -> Any:
    if isinstance(value, tuple):
        value = value[0] if value else None
    return default if value is None else value


def _layout(file: IO[bytes]) -> _Layout:
    try:
        order, tags = _directory(file)
        return _from_tags(order, tags)
    except (struct.error, ValueError, OverflowError, IndexError) as error:
        raise ImageError("damaged or cut short (its directory cannot be read)") from error


def _directory(file: IO[bytes]) -> tuple[str, Tags]:
    """Return the byte order and the first directory of a TIFF or BigTIFF."""
    end = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(16)
    order = "<" if head[:2] == b"II" else ">"
    big = 43 in head[2:4]
    pointer = f"{order}Q" if big else f"{order}L"
    _seek(file, struct.unpack(pointer, head[8:] if big else head[4:8])[0], end)
    counter, entry = (f"{order}Q", f"{order}HHQ8s") if big else (f"{order}H", f"{order}HHL4s")
    (number,) = struct.unpack(counter, file.read(struct.calcsize(counter)))
    entries = file.read(min(number, _MAX_TAGS) * struct.calcsize(entry))
    tags: Tags = {}
    for tag, kind, count, inline in struct.iter_unpack(entry, entries):
        pattern = f"{order}{min(count, end)}{_TYPES.get(kind, 'B')}"
        length = struct.calcsize(pattern)
        if tag in tags or kind not in _TYPES or length > end:
            continue
        data = inline
        if length > len(inline):
            _seek(file, struct.unpack(pointer, inline)[0], end)
            data = file.read(length)
        tags[tag] = struct.unpack(pattern, data[:length])
    return order, tags


def _seek(file: IO[bytes], place: int, end: int) -> None:
    if place >= end:
        raise ValueError("beyond the end")
    file.seek(place)


def _from_tags(order: str, tags: Tags) -> _Layout:
    def one(tag: int, default: int) -> int:
        return int(tags.get(tag, (default,))[0])

    width, height, bands = one(_WIDTH, 0), one(_HEIGHT, 0), one(_BANDS, 1)
    tiled = _TILES in tags
    block = one(_TILE_WIDTH, 0), one(_TILE_HEIGHT, 0)
    if not tiled:
        block = width, min(one(_STRIP_ROWS, height), height)
    if min(width, height, bands, *block) <= 0:
        raise ValueError("no size")
    bits = tuple(tags.get(_BITS, (1,)))
    formats = set(tags.get(_FORMAT, (1,)))
    return _Layout(
        order=order,
        width=width,
        height=height,
        bits=bits * bands if len(bits) == 1 and bands < _MAX_TAGS else bits[:bands],
        letter=_LETTERS.get(formats.pop(), "") if len(formats) == 1 else "",
        bands=bands,
        planes=one(_PLANAR, 1) == 2 and bands > 1,
        compression=one(_COMPRESSION, 1),
        photometric=one(_PHOTOMETRIC, _INVERTED),
        predictor=one(_PREDICTOR, 1),
        fill_order=one(_FILL_ORDER, 1),
        orientation=one(_ORIENTATION, 1),
        extras=tags.get(_EXTRAS, ()),
        block=block,
        tiled=tiled,
        offsets=tags.get(_TILES if tiled else _STRIPS, ()),
        sizes=tags.get(_TILE_SIZES if tiled else _STRIP_SIZES, ()),
        stated=stated(tags),
    )


def _checked(layout: _Layout) -> int:
    """Return how many bands are colours.

    Raises:
        ImageError: if it is a kind that is not read.
    """
    stream = layout.compression
    if stream not in _STREAMS:
        name = _OTHER_STREAMS.get(stream, f"unknown ({stream})")
        raise _refused(f"{_what(layout)} and {name} compression")
    bits = layout.bits
    if len(bits) != layout.bands:
        raise ImageError("damaged (it tells the depth of some bands only)")
    if len(set(bits)) > 1 or bits[0] not in _DEPTHS.get(layout.letter, ()):
        raise _refused(_what(layout))
    if layout.predictor not in {1, 2, 3} or (layout.predictor > 1 and bits[0] % 8):
        raise _refused(f"{_what(layout)} and predictor {layout.predictor}")
    colours = _colours(layout)
    if not colours:
        space = _COLOURS.get(layout.photometric)
        raise _refused(_what(layout) + (f" in {space}" if space else ""))
    return colours


def _colours(layout: _Layout) -> int:
    bands, photometric = layout.bands, layout.photometric
    if photometric == _RGB:
        return 3 if bands >= 3 else 0
    if photometric == _CMYK:
        return 4 if bands >= 4 and layout.letter == "u" and layout.bits[0] <= 16 else 0
    if photometric not in {_INVERTED, _GREY}:
        return 0
    if bands <= 2:
        return 1
    alpha = bands == 4 and layout.extras[-1:] in {(1,), (2,)}
    return 3 if bands == 3 or alpha else 0  # more bands say nothing of which are red, green, blue


def _what(layout: _Layout) -> str:
    bands = "1 band" if layout.bands == 1 else f"{layout.bands} bands"
    depths = sorted(set(layout.bits))
    bits = f"{depths[0]}" if len(depths) == 1 else " and ".join(str(depth) for depth in depths[:4])
    return f"a TIFF with {bands} of {bits} {_WORDS.get(layout.letter, 'unusual ')}bits"


def _refused(what: str) -> ImageError:
    return ImageError(f"{what}, which is not read; convert it to 8-bit grey or RGB")


def _numbers(file: IO[bytes], layout: _Layout, open_tiff: OpenTiff) -> Numbers:
    """Return height x width x bands."""
    if not layout.planes:
        return _plane(file, layout, slice(None), layout.bands, open_tiff)
    each = len(layout.offsets) // layout.bands
    parts = (slice(at * each, (at + 1) * each) for at in range(min(layout.bands, 5)))
    return np.concatenate([_plane(file, layout, part, 1, open_tiff) for part in parts], axis=2)


def _plane(
    file: IO[bytes], layout: _Layout, part: slice, bands: int, open_tiff: OpenTiff
) -> Numbers:
    bits, wide = layout.bits[0], layout.block[0]
    row = -(-wide * bands * bits // 8)  # bytes of a block's row
    across = -(-layout.width // wide)
    if row * across * layout.height > _MAX_BYTES:
        raise ImageError(f"too large: {_what(layout)}, {layout.width} x {layout.height} pixels")
    with open_tiff(_disguised(file, layout, part, row, across)) as grey:
        raw = np.asarray(grey).reshape(layout.height, across, row)
    numbers = _unpacked(raw, layout, wide, bands)
    return numbers.reshape(layout.height, across * wide, bands)[:, : layout.width]


def _disguised(file: IO[bytes], layout: _Layout, part: slice, row: int, across: int) -> IO[bytes]:
    """Return a TIFF of the same strips or tiles, said to be grey with 8 bits."""
    offsets, sizes = layout.offsets[part], layout.sizes[part]
    guessed = not sizes and layout.compression == 1
    if guessed:
        sizes = (row * layout.block[1],) * len(offsets)
    if len(sizes) != len(offsets) or not offsets:
        raise ImageError("damaged (it does not tell where its pixels are)")
    if sum(sizes) > 2 * _MAX_BYTES:
        raise ImageError("damaged (it tells of more data than its pixels need)")
    out = bytearray(b"II*\0\0\0\0\0")
    starts = []
    end = file.seek(0, io.SEEK_END)
    for offset, length in zip(offsets, sizes, strict=True):
        file.seek(min(offset, end))
        data = file.read(length)
        starts.append(len(out))
        out += data
        if len(data) < length and not guessed:
            raise ImageError("damaged or cut short (its pixels end early)")
    fields = {
        _WIDTH: [row * across],
        _HEIGHT: [layout.height],
        _BITS: [8],
        _COMPRESSION: [layout.compression],
        _PHOTOMETRIC: [_GREY],
        _FILL_ORDER: [layout.fill_order],
        _BANDS: [1],
    }
    if layout.tiled:
        fields |= {_TILE_WIDTH: [row], _TILE_HEIGHT: [layout.block[1]]}
        fields |= {_TILES: starts, _TILE_SIZES: list(sizes)}
    else:
        fields |= {_STRIPS: starts, _STRIP_ROWS: [layout.block[1]], _STRIP_SIZES: list(sizes)}
    return _with_directory(out, fields)


def _with_directory(out: bytearray, fields: dict[int, list[int]]) -> IO[bytes]:
    entries = b""
    for tag, values in sorted(fields.items()):
        data = struct.pack(f"<{len(values)}L", *values)
        if len(values) > 1:
            data, where = struct.pack("<L", len(out)), data
            out += where
        entries += struct.pack("<HHL", tag, 4, len(values)) + data
    struct.pack_into("<L", out, 4, len(out))
    out += struct.pack("<H", len(fields)) + entries + bytes(4)
    return io.BytesIO(out)


def _unpacked(raw: NDArray[np.uint8], layout: _Layout, wide: int, bands: int) -> Numbers:
    """Return height x blocks x (pixels * bands), with the predictor undone."""
    bits = layout.bits[0]
    if bits % 8:
        return _odd(raw, wide * bands, bits)
    height, across, row = raw.shape
    count = bits // 8
    if layout.predictor == 3:
        steps = raw.reshape(height, across, row // bands, bands)
        bytes_ = np.cumsum(steps, axis=2, dtype=np.uint8).reshape(height, across, count, -1)
        raw = np.ascontiguousarray(bytes_.swapaxes(2, 3)).reshape(height, across, row)
        return raw.view(f">{layout.letter}{count}").astype(f"{layout.letter}{count}")
    if layout.predictor == 2:
        whole = np.ascontiguousarray(raw).view(f"{layout.order}u{count}")
        steps = whole.reshape(height, across, wide, bands)
        summed = np.cumsum(steps, axis=2, dtype=f"u{count}")
        return summed.reshape(height, across, -1).view(f"{layout.letter}{count}")
    numbers = np.ascontiguousarray(raw).view(f"{layout.order}{layout.letter}{count}")
    return numbers.astype(f"{layout.letter}{count}")


def _odd(raw: NDArray[np.uint8], count: int, bits: int) -> Numbers:
    """Take numbers of any depth below 16 out of their row of bits."""
    at = np.arange(count, dtype=np.int64) * bits
    byte, shift = at >> 3, (24 - bits - (at & 7)).astype(np.uint32)
    out = np.empty((*raw.shape[:2], count), np.uint16)
    step = max(1, _ROWS_AT_ONCE // (raw.shape[1] * count))
    for start in range(0, raw.shape[0], step):
        rows = np.pad(raw[start : start + step], ((0, 0), (0, 0), (0, 2))).astype(np.uint32)
        three = rows[..., byte] << 16 | rows[..., byte + 1] << 8 | rows[..., byte + 2]
        out[start : start + step] = three >> shift & (2**bits - 1)
    return out


def _picture(numbers: Numbers, layout: _Layout, colours: int) -> Image.Image:
    top = layout.stated.top if layout.letter == "u" and layout.bits[0] <= 16 else None
    if layout.letter == "u" and layout.bits[0] <= 8:
        top = 2 ** layout.bits[0] - 1
    shown = numbers[..., 0] if colours == 1 else numbers[..., :colours]
    if layout.photometric == _CMYK:
        inks = plain_tones(shown, top or 65535)
        return Image.frombytes("CMYK", (layout.width, layout.height), inks.tobytes())
    tones = to_tones(shown, top, layout.stated.nodata)
    if layout.stated.inverted and colours == 1:
        tones = 255 - tones
    image = Image.fromarray(tones)
    alpha = _alpha(numbers, layout, colours)
    if alpha is None:
        return image
    image.putalpha(Image.fromarray(plain_tones(alpha, None)))
    if layout.extras[:1] == (1,):  # colours are multiplied by alpha
        image = Image.frombytes("RGBa", image.size, image.convert("RGBA").tobytes()).convert("RGBA")
    return image


def _alpha(numbers: Numbers, layout: _Layout, colours: int) -> Numbers | None:
    """Return the alpha band; None where there is none or nothing would be seen through it."""
    stated = layout.extras[-1:] if colours == 3 and layout.photometric != _RGB else layout.extras
    missing = not layout.extras and layout.photometric == _RGB and layout.bands == 4
    if layout.bands <= colours or not (missing or stated[:1] in {(1,), (2,)}):
        return None
    alpha = numbers[..., colours]
    whole = alpha.dtype.kind != "f"
    return alpha if float(alpha.max(initial=0)) > (1 if whole else 0) else None
