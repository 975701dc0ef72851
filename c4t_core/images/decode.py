"""Safe decoding of the user's images: the one door through which their pixels come in.

What a file is, is decided by its first bytes, and only that one Pillow decoder is let at it.
The same function serves embeddings, thumbnails and the details view, so all show one picture.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import logging
import os
import re
import stat
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple, TypeVar

import numpy as np

# Imported here so that Pillow never loads all its plugins to find the few that are allowed.
from PIL import (
    BmpImagePlugin,  # noqa: F401
    Image,
    JpegImagePlugin,  # noqa: F401
    MpoImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

from c4t_core.errors import ImageError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".tif", ".tiff"})
MAX_PIXELS = 89_478_485  # a quarter gigabyte as RGB; Pillow only warns beyond this
BIG_PIXELS = 16_000_000  # bigger ones are decoded one at a time, so that memory stays flat
GROUND = (128, 128, 128)  # what shows through transparent pixels: neutral, neither sky nor tar

_LIMIT = f"images of up to {MAX_PIXELS // 1_000_000} million pixels are read"
_TIFF_HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_NAMES = {b"GIF8": "GIF", b"%PDF": "PDF", b"8BPS": "Photoshop", b"\0\0\1\0": "icon", b"DDS ": "DDS"}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112
_BITS_PER_SAMPLE = 258
_BIG = threading.Lock()
_Read = TypeVar("_Read")
_QUIET = ("ignore", None, Warning, re.compile(r"PIL\."), 0)


def open_image(path: Path | str | bytes, min_side: int | None = None) -> Image.Image:
    """Decode one image file to RGB with 8 bits, upright.

    Animated and multi-page files give their first picture; transparent pixels are laid on a
    neutral grey; 16-bit grey keeps its tones.

    Args:
        path: the file; bytes for names that are not text.
        min_side: a JPEG may be decoded at a half, quarter or eighth of its size as long as
            both sides stay at least this many pixels. The rule is part of a model's
            preprocessing version: the same file always gives the same pixels.

    Raises:
        ImageError: with the reason, if the file cannot be used.
    """
    return _read(path, lambda image: _upright_rgb(image, min_side))


def open_labels(path: Path | str | bytes) -> Image.Image:
    """Decode a label image with its values as they are stored: ids, palette indices or colours.

    Raises:
        ImageError: with the reason, if the file cannot be used.
    """
    return _read(path, Image.Image.copy)


class Header(NamedTuple):
    """What the head of an image file tells: sides in pixels, as stored, and its format."""

    width: int
    height: int
    format: str


def read_header(path: Path | str | bytes) -> Header:
    """Return what an image file tells of itself before any pixel is decoded.

    Raises:
        ImageError: with the reason, if the file cannot be used.
    """
    return _read(path, lambda image: Header(*image.size, image.format or ""), decode=False)


def _read(
    path: Path | str | bytes, use: Callable[[Image.Image], _Read], *, decode: bool = True
) -> _Read:
    """Open an image of a known format, give it to ``use``, and return its answer.

    Raises:
        ImageError: with the reason, whatever is wrong with the file.
    """
    _quiet_pillow()
    try:
        with _open_regular(os.fsdecode(path)) as file:
            kind = _kind(file.read(32))
            file.seek(0)
            with Image.open(file, formats=(kind,)) as image:
                return _limited(image, use) if decode else use(image)
    except ImageError:
        raise
    except OSError as error:
        if error.errno is not None:
            raise ImageError(_plain(error)) from error
        raise ImageError(f"damaged or cut short ({_short(error)})") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"too large: {_LIMIT}") from error
    except MemoryError as error:
        raise ImageError("needs more memory than there is") from error
    except Exception as error:  # noqa: BLE001 - decoders raise nearly anything on broken files
        raise ImageError(f"damaged ({_short(error)})") from error


def _quiet_pillow() -> None:
    """Let no Pillow warning through: what they are about is in the file, and is checked here.

    ``warnings.catch_warnings`` is not safe in threads, so one filter is set and left.
    """
    if _QUIET not in warnings.filters:
        warnings.filterwarnings("ignore", module=r"PIL\.")
    log = logging.getLogger("PIL")
    if not log.handlers:  # else Python prints what nobody listens to on stderr
        log.addHandler(logging.NullHandler())


@functools.cache
def _quiet_libtiff() -> None:
    """Keep libtiff from printing a line per oddity to the terminal; Pillow reports failures."""
    from PIL import _imaging

    with contextlib.suppress(OSError, AttributeError):  # linked in statically: nothing to reach
        library = ctypes.CDLL(_imaging.__file__)
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            handler = getattr(library, name)
            handler.argtypes, handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            handler(None)


def _open_regular(name: str) -> IO[bytes]:
    mode = os.stat(name).st_mode
    if stat.S_ISDIR(mode):
        raise ImageError("a folder, not an image")
    if not stat.S_ISREG(mode):
        raise ImageError("not a regular file (a pipe, socket or device)")
    return open(name, "rb")  # noqa: SIM115 - the caller closes it


def _kind(head: bytes) -> str:
    """Tell the format by the first bytes.

    Raises:
        ImageError: if it is none of the formats that are read.
    """
    if not head:
        raise ImageError("an empty file")
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head.startswith(_TIFF_HEADS):
        _quiet_libtiff()
        return "TIFF"
    if head.startswith(b"BM"):
        return "BMP"
    other = next((name for start, name in _NAMES.items() if head.startswith(start)), None)
    if other:
        raise ImageError(f"a {other} file; PNG, JPEG, WebP, BMP and TIFF are read")
    raise ImageError("not an image, whatever its name says")


def _limited(image: Image.Image, use: Callable[[Image.Image], _Read]) -> _Read:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageError(f"too large: {width} x {height} pixels; {_LIMIT}")
    with _BIG if width * height > BIG_PIXELS else contextlib.nullcontext():
        return use(image)


def _upright_rgb(image: Image.Image, min_side: int | None) -> Image.Image:
    if min_side and image.format in {"JPEG", "MPO"}:
        image.draft(None, (min_side, min_side))
    image.load()
    turn = _TURNS.get(_orientation(image))
    rgb = _to_rgb(image)
    if turn is not None:
        return rgb.transpose(turn)
    return rgb if rgb is not image else image.copy()


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 where it is absent or unreadable (a picture is still one)."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
        return int(value)
    except Exception:  # noqa: BLE001 - broken EXIF raises anything, and must not cost the picture
        return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I;", "I", "F")):
        return _scale_grey(image).convert("RGB")
    if image.mode == "LAB":
        return _from_lab(image)
    if image.has_transparency_data:
        return _on_ground(image)
    return image.convert("RGB")


def _on_ground(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    if rgba.getchannel("A").getextrema()[0] == 255:
        return rgba.convert("RGB")
    ground = Image.new("RGBA", rgba.size, (*GROUND, 255))
    return Image.alpha_composite(ground, rgba).convert("RGB")


def _scale_grey(image: Image.Image) -> Image.Image:
    """Bring 12-, 16- and 32-bit grey to 8 bits by its range; ``convert`` would clip it white."""
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        bits = _bits(image)
        grey = np.asarray(values, dtype=np.uint16) >> (bits - 8)
        return Image.fromarray(np.minimum(grey, 255).astype(np.uint8))
    finite = np.where(np.isfinite(values), values, 0).astype(np.float64)
    low, high = float(finite.min(initial=0)), float(finite.max(initial=0))
    if low >= 0 and high <= 1 and image.mode == "F":
        grey_f = finite * 255
    elif low >= 0 and high <= 255:
        grey_f = finite
    elif low >= 0 and high <= 65535:
        grey_f = finite / 256
    else:
        grey_f = (finite - low) * (255 / max(high - low, 1e-12))
    return Image.fromarray(np.clip(grey_f, 0, 255).astype(np.uint8))


def _bits(image: Image.Image) -> int:
    tags = getattr(image, "tag_v2", None)
    if tags is None:
        return 16
    value = tags.get(_BITS_PER_SAMPLE, (16,))
    bits = int(value[0] if isinstance(value, tuple) else value)
    return bits if 8 < bits <= 16 else 16


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(*profiles, "LAB", "RGB")
    result = ImageCms.applyTransform(image, transform)
    if result is None:
        raise ImageError("its colours cannot be converted")
    return result


_PLAIN: dict[type[OSError], str] = {
    FileNotFoundError: "the file is gone",
    PermissionError: "no permission to read it",
    IsADirectoryError: "a folder, not an image",
}


def _plain(error: OSError) -> str:
    return _PLAIN.get(type(error), f"cannot be read ({error.strerror or error})")


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    if text.startswith("cannot identify"):  # Pillow goes on with the repr of our open file
        text = "its decoder does not know what is inside"
    return text if len(text) <= 120 else text[:119] + "…"
