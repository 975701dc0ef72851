"""Files are what their first bytes say; alpha that was never written hides nothing (fault 39)."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, features

from c4t_core.errors import ImageError
from c4t_core.images import decode
from c4t_core.images.decode import open_image, open_labels, read_header
from c4t_core.images.kinds import kind_of


def scene() -> Image.Image:
    y, x = np.mgrid[:48, :64]
    return Image.fromarray(np.dstack([x * 4, y * 5, 255 - x * 4]).astype(np.uint8))


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def same(path: Path, wanted: Image.Image, most: int = 0) -> bool:
    one, other = np.asarray(open_image(path), int), np.asarray(wanted.convert("RGB"), int)
    return one.shape == other.shape and int(np.abs(one - other).max()) <= most


@pytest.mark.parametrize("kind", ["AVIF", "GIF", "PPM", "JPEG2000", "TIFF", "WEBP", "BMP"])
@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif"])
def test_any_format_under_any_ending(tmp_path: Path, kind: str, ending: str) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    options = {"lossless": True} if kind == "WEBP" else {}
    if kind == "AVIF":
        options = {"quality": 100, "subsampling": "4:4:4"}
    picture = scene().quantize(64) if kind == "GIF" else scene()
    (tmp_path / f"called{ending}").write_bytes(saved(picture, kind, **options))
    assert same(tmp_path / f"called{ending}", picture, 8 if kind == "AVIF" else 0)
    assert read_header(tmp_path / f"called{ending}") == (64, 48, kind)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
@pytest.mark.parametrize("packed", [None, "tga_rle"])
def test_a_tga_picture_is_named_though_it_has_no_signature(mode: str, packed: str | None) -> None:
    with pytest.raises(ImageError, match="TGA picture"):
        kind_of(saved(scene().convert(mode), "TGA", compression=packed)[:512])


HEIF = b"\0\0\0\x18ftyp"


@pytest.mark.parametrize(
    ("content", "name", "remedy"),
    [
        (b"\xff\x0a\x38\x06", "JPEG XL", "convert"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL", "convert"),
        (b"\xff\xd8\xff\xf7\0\x0b\x08", "JPEG-LS", "convert"),
        (HEIF + b"heic\0\0\0\0mif1heic", "HEIC", "convert"),
        (HEIF + b"mif1\0\0\0\0mif1heic", "HEIC", "convert"),
        (HEIF + b"isom\0\0\0\0isomavc1", "video", "frames"),
        (HEIF + b"crx \0\0\0\x01crx isom", "raw picture", "convert"),
        (b"RIFF\x10\0\0\0AVI LIST", "AVI", "frames"),
        (b"P7\nWIDTH 4\n", "PAM", "convert"),
        (b"PF\n4 4\n-1\n", "PFM", "convert"),
        (b"8BPS\0\1", "Photoshop", "convert"),
        (b"%PDF-1.4", "PDF", "convert"),
        (b"PK\x03\x04rest", "ZIP", "unpack"),
        (b"\x1f\x8b\x08rest", "gzip", "unpack"),
        (b"\x93NUMPY\1\0", "NumPy", "convert"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS", "git lfs pull"),
        (b"\0\x05\x16\x07\0\2\0\0Mac OS X", "macOS", "left out"),
        (b"<!DOCTYPE html>\n<html>not found</html>", "web page", "download"),
        (b"<?xml version='1.0'?>\n<svg xmlns='x'/>", "SVG", "convert"),
        (b"<?xml version='1.0'?><annotation/>", "XML", "left out"),
        (bytes(2000), "nothing but zeros", "copy"),
        (b"hello", "not an image", "left out"),
        (b"\x59\xa6\x6a\x95" + bytes(28), "Sun raster", "convert"),
        (b"\x01\xda\0\1\0\3\0\4\0\4", "SGI", "convert"),
        (b"\x0a\5\1\x08", "PCX", "convert"),
        (b"FLIF31", "FLIF", "convert"),
        (HEIF + b"jxl \0\0\0\0jxl ", "JPEG XL", "convert"),
        (b"\0\0\0\x08wide\0\0\1\0mdat", "QuickTime", "frames"),
        (b"FLV\1\5\0\0\0\x09", "Flash", "frames"),
        (b"0&\xb2u\x8ef\xcf\x11\xa6", "Windows Media", "frames"),
        (b"\0\0\0\1\x67\x64", "H.264", "frames"),
        ((b"G\x40\0\x10" + b"\xff" * 184) * 3, "transport stream", "frames"),
        (b"\x89MCAP0\r\n\1", "ROS recording", "frames"),
        (b"SQLite format 3\0", "database", "frames"),
        (b"Rar!\x1a\7\1\0", "RAR", "unpack"),
        (b"\x28\xb5\x2f\xfd\0", "Zstandard", "unpack"),
    ],
)
def test_what_is_not_read_is_named_with_a_remedy(
    tmp_path: Path, content: bytes, name: str, remedy: str
) -> None:
    (tmp_path / "called.png").write_bytes(content)
    for opened in (open_image, open_labels, read_header):
        with pytest.raises(ImageError) as caught:
            opened(tmp_path / "called.png")
        assert name in str(caught.value)
        assert remedy in str(caught.value)
        assert "damaged" not in str(caught.value)


def test_avif_in_a_general_container() -> None:
    assert kind_of(HEIF + b"mif1\0\0\0\0mif1avif") == "AVIF"


def test_a_decoder_that_is_not_installed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.avif").write_bytes(HEIF + b"avif\0\0\0\0avifmif1")
    monkeypatch.setattr(decode.features, "check", lambda name: False)
    with pytest.raises(ImageError, match="AVIF.*update Pillow"):
        open_image(tmp_path / "a.avif")


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({4: 12}, "JPEG with 12 bits"),
        ({9: 2}, "JPEG with 2 bands"),
        ({1: 0xC7}, "unusual process"),
        ({5: 0, 6: 0}, "tells its height at its end"),
    ],
)
def test_jpeg_that_is_not_read_is_named(tmp_path: Path, changes: dict[int, int], name: str) -> None:
    content = bytearray(saved(scene(), "JPEG"))
    frame = content.index(b"\xff\xc0")
    for at, value in changes.items():
        content[frame + at] = value
    (tmp_path / "odd.jpg").write_bytes(content)
    with pytest.raises(ImageError, match=f"{name}.*convert") as caught:
        open_image(tmp_path / "odd.jpg")
    assert "damaged" not in str(caught.value)


def test_bmp_that_is_not_read_is_not_called_damaged(tmp_path: Path) -> None:
    content = bytearray(saved(scene(), "BMP"))
    content[30] = 4  # a JPEG inside
    (tmp_path / "odd.bmp").write_bytes(content)
    with pytest.raises(ImageError, match="of a kind that is not read.*convert") as caught:
        open_image(tmp_path / "odd.bmp")
    assert "damaged" not in str(caught.value)


def bmp_with_alpha(rgba: np.ndarray[Any, Any]) -> bytes:
    height, width = rgba.shape[:2]
    head = struct.pack("<LllHHLLllLL", 108, width, -height, 1, 32, 3, 0, 0, 0, 0, 0)
    head += struct.pack("<LLLL4s48x", 0xFF0000, 0xFF00, 0xFF, 0xFF000000, b"BGRs")
    body = rgba[..., [2, 1, 0, 3]].tobytes()
    return struct.pack("<2sLHHL", b"BM", 122 + len(body), 0, 0, 122) + head + body


@pytest.mark.parametrize("alpha", [0, 1])
def test_alpha_that_was_never_written_hides_nothing(tmp_path: Path, alpha: int) -> None:
    picture = scene()
    rgba = picture.copy()
    rgba.putalpha(alpha)
    grey = Image.merge("LA", [picture.convert("L"), Image.new("L", picture.size, alpha)])
    palette = picture.quantize(64)
    contents = {
        "a.bmp": (bmp_with_alpha(np.asarray(rgba)), picture),
        "a.png": (saved(rgba, "PNG"), picture),
        "a.tif": (saved(rgba, "TIFF"), picture),
        "b.tif": (saved(rgba, "TIFF", compression="tiff_lzw"), picture),
        "a.webp": (saved(rgba, "WEBP", lossless=True, exact=True), picture),
        "a.jp2": (saved(rgba, "JPEG2000"), picture),
        "la.png": (saved(grey, "PNG"), grey.getchannel("L")),
        "p.png": (saved(palette, "PNG", transparency=bytes([alpha] * 256)), palette),
    }
    for name, (content, wanted) in contents.items():
        (tmp_path / name).write_bytes(content)
        assert same(tmp_path / name, wanted), name
    rgba.putpixel((0, 0), (1, 2, 3, 255))  # now it was written
    rgba.save(tmp_path / "a.png")
    shown = open_image(tmp_path / "a.png")
    assert shown.getpixel((0, 0)) == (1, 2, 3)
    near = np.abs(np.asarray(shown.crop((9, 9, 50, 40)), int) - decode.GROUND[0])
    assert near.max() <= 1
