"""What a file is, told by its first bytes; what is not read is named, with a remedy."""

from __future__ import annotations

import re
import struct

from c4t_core.errors import ImageError

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".tif", ".tiff"}
    | {".avif", ".gif", ".jp2", ".pbm", ".pgm", ".pnm", ".ppm"}
)
HEAD = 512  # bytes of a file's beginning that tell what it is

_READ = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG2000",
    b"\xff\x4f\xff\x51": "JPEG2000",
}
_TGA = struct.Struct("<xBBHHBHHHHBB")
_JPEG_LS = b"\xff\xd8\xff\xf7"
_PNM = re.compile(rb"P(?:[1-6]|f)[\s#]")

_CONVERT = "convert it to PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF or PPM"
_FRAMES = "take single frames out of it"
_UNPACK = "unpack it"
_OTHERS: dict[bytes, tuple[str, str]] = {
    _JPEG_LS: ("a JPEG-LS picture", _CONVERT),
    b"\xff\x0a": ("a JPEG XL picture", _CONVERT),
    b"\0\0\0\x0cJXL \r\n\x87\n": ("a JPEG XL picture", _CONVERT),
    b"II\xbc\x01": ("a JPEG XR picture", _CONVERT),
    b"P7\n": ("a PAM picture", _CONVERT),
    b"PF\n": ("a PFM picture in colour", _CONVERT),
    b"8BPS": ("a Photoshop file", _CONVERT),
    b"gimp xcf": ("a GIMP file", _CONVERT),
    b"\0\0\1\0": ("an icon", _CONVERT),
    b"DDS ": ("a DDS texture", _CONVERT),
    b"qoif": ("a QOI picture", _CONVERT),
    b"v/1\x01": ("an OpenEXR picture", _CONVERT),
    b"#?R": ("a Radiance HDR picture", _CONVERT),
    b"SDPX": ("a DPX picture", _CONVERT),
    b"XPDS": ("a DPX picture", _CONVERT),
    b"BPG\xfb": ("a BPG picture", _CONVERT),
    b"\x8aMNG": ("an MNG animation", _CONVERT),
    b"SIMPLE  =": ("a FITS picture", _CONVERT),
    b"\x59\xa6\x6a\x95": ("a Sun raster picture", _CONVERT),
    b"\x01\xda\0\1": ("an SGI picture", _CONVERT),
    b"\x01\xda\1\1": ("an SGI picture", _CONVERT),
    b"\x01\xda\1\2": ("an SGI picture", _CONVERT),
    b"\x0a\5\1": ("a PCX picture", _CONVERT),
    b"FLIF": ("a FLIF picture", _CONVERT),
    b"icns": ("an icon", _CONVERT),
    b"#define ": ("an XBM picture or source text", _CONVERT),
    b"/* XPM */": ("an XPM picture", _CONVERT),
    b"FUJIFILMCCD-RAW": ("a camera's raw picture", _CONVERT),
    b"IIU\0": ("a camera's raw picture", _CONVERT),
    b"IIRO": ("a camera's raw picture", _CONVERT),
    b"%PDF": ("a PDF", _CONVERT),
    b"%!PS": ("a PostScript file", _CONVERT),
    b"\x1aE\xdf\xa3": ("a Matroska video", _FRAMES),
    b"\0\0\1\xba": ("an MPEG video", _FRAMES),
    b"FLV\1": ("a Flash video", _FRAMES),
    b"0&\xb2u\x8ef\xcf\x11": ("a Windows Media video", _FRAMES),
    b"OggS": ("an Ogg video or sound", _FRAMES),
    b"\0\0\1\xb3": ("an MPEG video", _FRAMES),
    b"\0\0\0\1": ("a bare H.264 or H.265 video", _FRAMES),
    b"YUV4MPEG2": ("a Y4M video", _FRAMES),
    b"#ROSBAG": ("a ROS recording", _FRAMES),
    b"\x89MCAP0\r\n": ("a ROS recording", _FRAMES),
    b"SQLite format 3\0": ("a database, maybe a ROS recording", _FRAMES),
    b"\x93NUMPY": ("a NumPy array", _CONVERT),
    b"\x89HDF": ("an HDF5 file", _CONVERT),
    b"PK\x03\x04": ("a ZIP archive", _UNPACK),
    b"\x1f\x8b": ("a gzip file", _UNPACK),
    b"7z\xbc\xaf": ("a 7z archive", _UNPACK),
    b"BZh": ("a bzip2 file", _UNPACK),
    b"\xfd7zXZ": ("an xz file", _UNPACK),
    b"Rar!\x1a\7": ("a RAR archive", _UNPACK),
    b"\x28\xb5\x2f\xfd": ("a Zstandard file", _UNPACK),
}
_NO_PICTURES = {
    rb"version https://git-lfs": "a Git LFS pointer, not an image; fetch it with git lfs pull",
    rb"\0\x05\x16\x07": "macOS's notes about a file, not an image; it can be left out",
    rb"<!doctype html|<html": "a web page, not an image; download the picture again",
    rb"<svg[\s>]|<.*?<svg[\s>]": f"an SVG drawing, not an image of pixels; {_CONVERT}",
    rb"<\?xml": "an XML file, not an image; it can be left out",
    rb"\0+$": "not an image: it begins with nothing but zeros, as files do that were never "
    "written to their end; copy it again",
}
_QUICKTIME = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip"})  # old ones begin with no ftyp
_AVIF = frozenset({b"avif", b"avis"})
_HEIF = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})


def kind_of(head: bytes) -> str:
    """Return the name of the Pillow decoder for a file that begins so.

    Args:
        head: the first :data:`HEAD` bytes, or all there are.

    Raises:
        ImageError: if it is none of the formats that are read; it names what it is.
    """
    if not head:
        raise ImageError("an empty file")
    found = next((kind for start, kind in _READ.items() if head.startswith(start)), None)
    if found and not head.startswith(_JPEG_LS):
        return found
    other = next((told for start, told in _OTHERS.items() if head.startswith(start)), None)
    if other:
        raise _not_read(*other)
    if head[4:8] in _QUICKTIME:
        raise _not_read("a video (MP4 or QuickTime)", _FRAMES)
    if head[4:8] == b"ftyp":
        return _boxed(head)
    if head.startswith(b"RIFF"):
        return _riff(head[8:12])
    if _PNM.match(head):
        return "PPM"
    if _is_tga(head):
        raise _not_read("a TGA picture", _CONVERT)
    if len(head) > 376 and head[0] == head[188] == head[376] == ord("G"):
        raise _not_read("an MPEG transport stream", _FRAMES)
    raise _no_picture(head)


def _not_read(name: str, remedy: str) -> ImageError:
    return ImageError(f"{name}, which is not read; {remedy}")


def _boxed(head: bytes) -> str:
    end = int.from_bytes(head[:4], "big")
    major = head[8:12]
    brands = {head[at : at + 4] for at in range(16, min(end, len(head)), 4)}
    if major in _AVIF or (major in _HEIF and brands & _AVIF):
        return "AVIF"
    if major in _HEIF:
        raise _not_read("a HEIC picture", _CONVERT)
    if major == b"jxl ":
        raise _not_read("a JPEG XL picture", _CONVERT)
    if major == b"crx ":
        raise _not_read("a camera's raw picture", _CONVERT)
    raise _not_read("a video (MP4 or QuickTime)", _FRAMES)


def _riff(form: bytes) -> str:
    if form == b"WEBP":
        return "WEBP"
    if form == b"AVI ":
        raise _not_read("an AVI video", _FRAMES)
    raise ImageError("a RIFF file without a picture, not an image; it can be left out")


def _is_tga(head: bytes) -> bool:
    """Tell a TGA picture, which has no signature, by a header that fits together."""
    if len(head) < 18:
        return False
    palette, kind, first, colours, entry, *_, width, height, depth, flags = _TGA.unpack(head[:18])
    depths = {1: {8, 16}, 2: {15, 16, 24, 32}, 3: {8, 16}}.get(kind & ~8, set())
    indexed = kind & ~8 == 1
    if indexed != (palette == 1) or depth not in depths or not (width and height) or flags & 0xC0:
        return False
    return entry in {15, 16, 24, 32} and colours > 0 if indexed else not (first or colours)


def _no_picture(head: bytes) -> ImageError:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for start, told in _NO_PICTURES.items():
        if re.match(start, text, re.IGNORECASE | re.DOTALL):
            return ImageError(told)
    return ImageError("not an image, whatever its name says; it can be left out")
