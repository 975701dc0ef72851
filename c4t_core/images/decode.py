"""Safe decoding of the user's images: the one door through which their pixels come in.

What a file is, is decided by its first bytes, and only that one Pillow decoder is let at it.
The same function serves embeddings, thumbnails and the details view, so all show one picture.
Stored vectors depend on these pixels: what decodes rightly must decode the same for ever.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib
import io
import logging
import os
import re
import stat
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar, cast

import numpy as np

# Imported here so that Pillow never loads all its plugins to find the few that are allowed.
from PIL import (
    BmpImagePlugin,  # noqa: F401
    Image,
    JpegImagePlugin,  # noqa: F401
    MpoImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
    features,
)

from c4t_core.errors import C4TError, ImageError
from c4t_core.images import endings, fetched, png, tiff
from c4t_core.images.kinds import HEAD, kind_of
from c4t_core.images.tones import Numbers, plain_tones, to_tones

MAX_PIXELS = 89_478_485  # a quarter gigabyte as RGB; Pillow only warns beyond this
MAX_BYTES = 4 * MAX_PIXELS  # of a file that must be read whole before its size is known
BIG_PIXELS = 16_000_000  # bigger ones are decoded one at a time, so that memory stays flat
GROUND = (128, 128, 128)  # what shows through transparent pixels: neutral, neither sky nor tar

_LIMIT = f"images of up to {MAX_PIXELS // 1_000_000} million pixels are read"
_RARE = {  # decoders that are loaded when the first such file comes
    "AVIF": "AvifImagePlugin",
    "GIF": "GifImagePlugin",
    "JPEG2000": "Jpeg2KImagePlugin",
    "PPM": "PpmImagePlugin",
}
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
_TAIL = 16  # bytes at a file's end that no picture has as zeros
_FEW = 64  # tones: a 16-bit picture that uses fewer is looked at closely
_BIG = threading.Lock()
_Read = TypeVar("_Read")
_QUIET = ("ignore", None, Warning, re.compile(r"PIL\."), 0)


def open_image(path: Path | str | bytes, min_side: int | None = None) -> Image.Image:
    """Decode one image file to RGB with 8 bits, upright.

    Animated and multi-page files give their first picture; transparent pixels are laid on a
    neutral grey, unless all of them are: then the alpha channel was never written. More than 8
    bits keep their tones (see :mod:`c4t_core.images.tones`).

    Args:
        path: the file, or an address below an opened one (see :mod:`c4t_core.images.fetched`);
            bytes for names that are not text.
        min_side: a JPEG may be decoded at a half, quarter or eighth of its size as long as
            both sides stay at least this many pixels. The rule is part of a model's
            preprocessing version: the same file always gives the same pixels.

    Raises:
        ImageError: with the reason, if the file cannot be used.
        MissingExtraError: if it lies at an address and what fetches is not installed.
    """
    return _read(path, lambda opened: _upright_rgb(opened, min_side), _deep_tiff)


def open_labels(path: Path | str | bytes) -> Image.Image:
    """Decode a label image with its values as they are stored: ids, palette indices or colours.

    Raises:
        ImageError: with the reason, if the file cannot be used.
    """
    return _read(path, _as_stored)


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
    return _read(
        path,
        lambda opened: Header(*opened.image.size, opened.image.format or ""),
        lambda file: Header(*tiff.size(file), "TIFF"),
        decode=False,
    )


class _Opened(NamedTuple):
    """A picture whose head was read, and its file, for what Pillow does not give."""

    image: Image.Image
    file: IO[bytes]
    kind: str


def _read(
    path: Path | str | bytes,
    use: Callable[[_Opened], _Read],
    use_tiff: Callable[[IO[bytes]], _Read] | None = None,
    *,
    decode: bool = True,
) -> _Read:
    """Open an image of a known format, give it to ``use``, and return its answer.

    Args:
        path: the file.
        use: is given what Pillow knows.
        use_tiff: is given the file of a TIFF that Pillow does not know.
        decode: whether pixels will be decoded.

    Raises:
        ImageError: with the reason, whatever is wrong with the file.
    """
    _quiet_pillow()
    try:
        with _open_regular(fetched.local(path, MAX_BYTES)) as file:
            return _tried(file, _kind(file), use, use_tiff, decode)
    except C4TError:
        raise
    except OSError as error:
        if error.errno is not None:
            raise ImageError(_plain(error)) from error
        raise ImageError(_broken(error)) from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"too large: {_LIMIT}") from error
    except MemoryError as error:
        raise ImageError("needs more memory than there is") from error
    except Exception as error:  # noqa: BLE001 - decoders raise nearly anything on broken files
        raise ImageError(f"damaged ({_short(error)})") from error


def _tried(
    file: IO[bytes],
    kind: str,
    use: Callable[[_Opened], _Read],
    use_tiff: Callable[[IO[bytes]], _Read] | None,
    decode: bool,
) -> _Read:
    try:
        return _use(_whole(file, kind) if decode else file, kind, use, decode=decode)
    except UnidentifiedImageError as error:
        if kind == "TIFF" and use_tiff:
            return use_tiff(file)
        raise _unknown(file, kind) from error
    except OSError as error:
        if error.errno is not None or not decode:
            raise
        return _use(_ended(file, kind, error), kind, use)


def _use(
    file: IO[bytes], kind: str, use: Callable[[_Opened], _Read], *, decode: bool = True
) -> _Read:
    with _opened(file, kind) as image:
        if not decode:
            return use(_Opened(image, file, kind))
        with _room(*image.size):
            return use(_Opened(image, file, kind))


def _opened(file: IO[bytes], kind: str) -> Image.Image:
    file.seek(0)
    return Image.open(file, formats=(kind,))


def _open_grey_tiff(file: IO[bytes]) -> Image.Image:
    return _opened(file, "TIFF")


def _deep_tiff(file: IO[bytes]) -> Image.Image:
    with _room(*tiff.size(file)):
        return _whole_tiff(file)


def _whole(file: IO[bytes], kind: str) -> IO[bytes]:
    """Return the file, given its end if room for more stands in its place.

    Recorders take room in advance; what was not written is zeros, which decode to anything.

    Raises:
        OSError: if pixels are missing.
    """
    if kind not in {"JPEG", "PNG"}:
        return file
    with contextlib.suppress(OSError):  # it is shorter than that
        file.seek(-_TAIL, io.SEEK_END)
    if file.read(_TAIL).strip(b"\0"):
        return file
    file.seek(0)
    if endings.has_end(file.read(MAX_BYTES), kind):
        return file
    return _ended(file, kind, OSError("the rest of it is zeros"))


def _ended(file: IO[bytes], kind: str, error: OSError) -> IO[bytes]:
    """Return a file that failed with the end it lacks, if it lacks nothing else.

    Raises:
        ImageError: if it is of a kind that is not read.
        OSError: the error, if pixels are missing.
    """
    whole = None
    if kind in {"JPEG", "PNG"} and file.seek(0, io.SEEK_END) <= MAX_BYTES:
        file.seek(0)
        data = file.read()
        if kind == "PNG":
            whole = endings.ended_png(data, MAX_BYTES)
        else:
            _refuse_unread_jpeg(data)
            whole = endings.ended_jpeg(data, _jpeg_pixels)
    if whole is None:
        raise error
    return io.BytesIO(whole)


def _jpeg_pixels(data: bytes) -> Numbers:
    with _opened(io.BytesIO(data), "JPEG") as image, _room(*image.size):
        return np.asarray(image)


def _unknown(file: IO[bytes], kind: str) -> ImageError:
    """Return the reason for a file whose signature is right, but whose decoder knows it not."""
    if kind == "TIFF":
        name = tiff.name(file)
        return ImageError(f"{name}, which no labels are read from; convert it to 8-bit grey")
    if kind == "JPEG":
        file.seek(0)
        _refuse_unread_jpeg(file.read(MAX_BYTES))
    return ImageError(
        f"damaged or cut short, or a {kind} of a rare kind (its decoder does not know what is "
        "inside); convert it to PNG"
    )


def _refuse_unread_jpeg(data: bytes) -> None:
    name = endings.unread_jpeg(data)
    if name:
        raise ImageError(f"{name}, which is not read; convert it to PNG or JPEG with 8 bits")


def _broken(error: OSError) -> str:
    text = _short(error)
    if text.lower().startswith("unsupported"):
        return f"of a kind that is not read ({text}); convert it to PNG or JPEG"
    return f"damaged or cut short ({text})"


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


def _kind(file: IO[bytes]) -> str:
    """Tell the format by the first bytes, and make its decoder ready.

    Raises:
        ImageError: if it is none of the formats that are read.
    """
    kind = kind_of(file.read(HEAD))
    if kind in {"AVIF", "WEBP"} and os.fstat(file.fileno()).st_size > MAX_BYTES:
        raise ImageError(f"too large a file; {_LIMIT}")  # they are read whole when opened
    if kind == "TIFF":
        _quiet_libtiff()
    elif kind in _RARE:
        with contextlib.suppress(ImportError):  # an older Pillow
            importlib.import_module(f"PIL.{_RARE[kind]}")
        if kind not in Image.OPEN or (kind == "AVIF" and not features.check("avif")):
            raise ImageError(f"a picture in {kind}, which this Pillow cannot read; update Pillow")
    return kind


def _room(width: int, height: int) -> contextlib.AbstractContextManager[object]:
    """Keep memory flat: refuse what is too large, and let only one big picture in at a time.

    Raises:
        ImageError: if it is too large.
    """
    if width * height > MAX_PIXELS:
        raise ImageError(f"too large: {width} x {height} pixels; {_LIMIT}")
    return _BIG if width * height > BIG_PIXELS else contextlib.nullcontext()


def _as_stored(opened: _Opened) -> Image.Image:
    _unscaled(opened.image)
    return opened.image.copy()


def _upright_rgb(opened: _Opened, min_side: int | None) -> Image.Image:
    image = opened.image
    if min_side and image.format in {"JPEG", "MPO"}:
        image.draft(None, (min_side, min_side))
    top = _unscaled(image)
    rawmode = _rawmode(image)
    if image.format == "TIFF" and tiff.misread(_tags(image), rawmode):
        return _whole_tiff(opened.file)
    image = _quick_png(opened) or image
    image.load()
    orientation = _orientation(image)
    if _look_closer(image, rawmode, top):
        image, top = _closer(opened, image, rawmode, top), None
        orientation = _orientation(image) if opened.kind == "TIFF" else orientation
    rgb = _turned(_to_rgb(image, top), orientation)
    return rgb if rgb is not opened.image else _without_file(rgb)


def _quick_png(opened: _Opened) -> Image.Image | None:
    """Return a common PNG by the faster way, with what Pillow read of it; None for all others."""
    image, file = opened.image, opened.file
    if opened.kind != "PNG" or image.width * image.height > BIG_PIXELS:
        return None
    if file.seek(0, io.SEEK_END) > 2 * png.MAX_SAMPLES:
        return None
    file.seek(0)
    samples = png.read(file.read())
    quick = None if samples is None else Image.fromarray(samples)
    if quick is None or (quick.mode, quick.size) != (image.mode, image.size):
        return None
    quick.info = dict(image.info)
    return quick


def _without_file(image: Image.Image) -> Image.Image:
    """Return the pixels as a plain picture, without copying them as ``copy`` would."""
    plain = Image.Image()._new(image.im)
    plain.info = dict(image.info)
    return plain


def _whole_tiff(file: IO[bytes]) -> Image.Image:
    image = tiff.read(file, _open_grey_tiff)
    return _turned(_to_rgb(image), _orientation(image))


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 where it is absent or unreadable (a picture is still one)."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
        return int(value)
    except Exception:  # noqa: BLE001 - broken EXIF raises anything, and must not cost the picture
        return 1


def _unscaled(image: Any) -> int | None:
    """Let a PGM or PPM give its numbers as they are stored, and return the largest it allows for.

    Pillow would bring them to its own range, number by number; ids of labels would be lost.
    """
    if image.format != "PPM" or image.mode not in {"L", "I", "RGB"}:
        return None
    decoder, extents, offset, args = image.tile[0]
    if decoder == "raw":
        return None
    rawmode, top = args
    if decoder == "ppm_plain":
        if top > 255 and image.mode == "RGB":
            return None
        args = rawmode, 65535 if top > 255 else 255
    elif top > 255:
        decoder, args = "raw", "RGB;16B" if image.mode == "RGB" else "I;16B"
    else:
        decoder, args = "raw", image.mode
    image.tile = [(decoder, extents, offset, args)]
    return int(top)


def _rawmode(image: Any) -> str:
    """Return how the pixels are stored, in Pillow's words, before they are loaded."""
    args = image.tile[0][3] if getattr(image, "tile", None) else ""
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _tags(image: Any) -> Any:
    return getattr(image, "tag_v2", {})


def _look_closer(image: Image.Image, rawmode: str, top: int | None) -> bool:
    """Tell whether the 8 bits that Pillow gives may hide what is in the file."""
    if rawmode.startswith(("RGBa", "La")):
        return _never_written(image.getchannel(image.getbands()[-1]))
    if ";16" not in rawmode or image.mode not in {"RGB", "RGBA"}:
        return False
    if top not in {None, 65535}:
        return True
    tones = np.sum(np.reshape(image.histogram()[:768], (3, 256)), axis=0)
    below = np.cumsum(tones) / max(1, tones.sum())
    bottom, peak = np.searchsorted(below, (0.0005, 0.9995))
    return bool(tones[_FEW:].sum() == 0 or peak <= _FEW // 3 or peak - bottom <= _FEW * 2 // 3)


def _closer(opened: _Opened, image: Image.Image, rawmode: str, top: int | None) -> Image.Image:
    """Read a picture again with all of its bits, and bring them to tones."""
    if opened.kind == "TIFF":
        try:
            return tiff.read(opened.file, _open_grey_tiff)
        except ImageError:
            return image  # in a compression that only Pillow undoes
    if rawmode == "LA;16B":
        pairs = _again(opened, "RGBA").astype(np.uint16)
        deep = pairs[..., ::2] << 8 | pairs[..., 1::2]
    else:
        low = _again(opened, f"{rawmode[:-1]}L")
        deep = np.asarray(image).astype(np.uint16) << 8 | low
    colours = deep[..., 0] if rawmode == "LA;16B" else deep[..., :3]
    shown = Image.fromarray(to_tones(colours, top)).convert("RGB")
    if image.mode == "RGBA":
        shown.putalpha(Image.fromarray(plain_tones(deep[..., -1], None)))
    elif image.has_transparency_data:
        shown.putalpha(image.convert("RGBA").getchannel("A"))
    return shown


def _again(opened: _Opened, rawmode: str) -> Numbers:
    """Decode the file once more, its pixels taken for ``rawmode``: other bytes of each number."""
    with _opened(opened.file, opened.kind) as again:
        twin: Any = again
        decoder, extents, offset, _ = twin.tile[0]
        if opened.kind == "PPM":
            decoder = "raw"
        twin.tile = [(decoder, extents, offset, rawmode)]
        return np.asarray(again)


def _to_rgb(image: Image.Image, top: int | None = None) -> Image.Image:
    if top is not None and top < 255:
        image = Image.fromarray(to_tones(np.asarray(image), top))
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I;", "I", "F")):
        return _scale_grey(image, top).convert("RGB")
    if image.mode == "LAB":
        return _from_lab(image)
    if image.has_transparency_data:
        return _on_ground(image)
    return image.convert("RGB")


def _on_ground(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    alpha = rgba.getchannel("A")
    if alpha.getextrema()[0] == 255 or _never_written(alpha):
        return rgba.convert("RGB")
    ground = Image.new("RGBA", rgba.size, (*GROUND, 255))
    return Image.alpha_composite(ground, rgba).convert("RGB")


def _never_written(alpha: Image.Image) -> bool:
    """Tell whether nothing would be seen: many programs leave 0, some take 1 for opaque."""
    return bool(cast("tuple[int, int]", alpha.getextrema())[1] <= 1)


def _scale_grey(image: Image.Image, top: int | None) -> Image.Image:
    """Bring 12-, 16- and 32-bit grey to 8 bits by its range; ``convert`` would clip it white."""
    values = np.asarray(image)
    if top is not None or image.mode.startswith("I;16"):
        values = values.astype(np.uint16)
    stated = tiff.stated(_tags(image))
    tones = to_tones(values, top or stated.top, stated.nodata)
    return Image.fromarray(255 - tones if stated.inverted else tones)


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
