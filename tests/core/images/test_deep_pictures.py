"""More than 8 bits: real tones in any container, TIFF in planes, floats, bands (faults 17, 39)."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from c4t_core.errors import ImageError
from c4t_core.images.decode import open_image, open_labels, read_header
from c4t_core.images.tones import to_tones

NONE, DEFLATE, LERC = 1, 8, 34887
GREY, RGB = 1, 2


def scene() -> np.ndarray[Any, Any]:
    """48 x 64 with three different bands that use all of 0..255."""
    y, x = np.mgrid[:48, :64]
    red = x * 255 // 63
    green = y * 255 // 47
    return np.dstack([red, green, (x * 7 + y * 13) % 256]).astype(np.uint8)


def tiff(
    numbers: np.ndarray[Any, Any],
    order: str = "<",
    planes: bool = False,
    compression: int = NONE,
    predictor: int = 1,
    **tags: tuple[int, ...],
) -> bytes:
    """Write a TIFF by hand; ``numbers`` is height x width (x bands)."""
    numbers = numbers if numbers.ndim == 3 else numbers[..., None]
    height, width, bands = numbers.shape
    kind, size = numbers.dtype.kind, numbers.dtype.itemsize
    parts = [numbers[..., band : band + 1] for band in range(bands)] if planes else [numbers]
    strips = []
    for part in parts:
        if predictor == 2:
            part = np.diff(part, axis=1, prepend=np.zeros((height, 1, part.shape[2]), part.dtype))
        data = part.astype(part.dtype.newbyteorder(order)).tobytes()
        if predictor == 3:
            big = part.astype(part.dtype.newbyteorder(">"))
            rows = big.view(np.uint8).reshape(height, width * part.shape[2], size)
            shuffled = rows.swapaxes(1, 2).reshape(height, -1, part.shape[2])
            zero = np.zeros((height, 1, part.shape[2]), np.uint8)
            data = np.diff(shuffled, axis=1, prepend=zero).tobytes()
        strips.append(zlib.compress(data) if compression == DEFLATE else data)
    out = bytearray(struct.pack(f"{order}2sHL", b"II" if order == "<" else b"MM", 42, 0))
    starts = []
    for strip in strips:
        starts.append(len(out))
        out += strip
    fields: dict[int, tuple[int, ...]] = {
        256: (width,),
        257: (height,),
        258: (size * 8,) * bands,
        259: (compression,),
        262: (RGB if bands >= 3 else GREY,),
        273: tuple(starts),
        277: (bands,),
        278: (height,),
        279: tuple(len(strip) for strip in strips),
        284: (2 if planes else 1,),
        317: (predictor,),
        339: ({"u": 1, "i": 2, "f": 3}[kind],) * bands,
    }
    fields |= {int(tag.removeprefix("t")): value for tag, value in tags.items()}
    entries = b""
    for tag, values in sorted(fields.items()):
        data = struct.pack(f"{order}{len(values)}L", *values)
        if len(values) > 1:
            data, where = struct.pack(f"{order}L", len(out)), data
            out += where
        entries += struct.pack(f"{order}HHL", tag, 4, len(values)) + data
    struct.pack_into(f"{order}L", out, 4, len(out))
    return bytes(out + struct.pack(f"{order}H", len(fields)) + entries + bytes(4))


def png(numbers: np.ndarray[Any, Any]) -> bytes:
    """Write a PNG of 16 bits with 1 to 4 bands."""
    height, width = numbers.shape[:2]
    bands = 1 if numbers.ndim == 2 else numbers.shape[2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in numbers)

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">L", zlib.crc32(kind + data))
        return struct.pack(">L", len(data)) + kind + data + check

    head = struct.pack(">LLBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[bands], 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def pnm(numbers: np.ndarray[Any, Any], top: int) -> bytes:
    magic = b"P5" if numbers.ndim == 2 else b"P6"
    size = b"%d %d" % (numbers.shape[1], numbers.shape[0])
    return magic + b"\n" + size + b"\n%d\n" % top + numbers.astype(">u2").tobytes()


def shown(path: Path, content: bytes) -> np.ndarray[Any, Any]:
    path.write_bytes(content)
    return np.asarray(open_image(path)).astype(int)


def differs(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> int:
    other = other if other.ndim == 3 else other[..., None]
    return int(np.abs(one - other.astype(int)).max())


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_fewer_bits_than_the_container_keep_their_tones(tmp_path: Path, bits: int) -> None:
    colour = scene()
    grey = colour[..., 0]
    for eight in (grey, colour):
        deep = eight.astype(np.uint16) << (bits - 8)
        for content in (
            png(deep),
            tiff(deep),
            tiff(deep, ">"),
            tiff(deep, ">", compression=DEFLATE),
            tiff(deep, t281=(2**bits - 1,)),
            pnm(deep, 65535),
            pnm(deep, 2**bits - 1),
        ):
            assert differs(shown(tmp_path / "deep", content), eight) == 0
    opaque = np.full(grey.shape, 2**bits - 1)
    for bands in ((grey,), tuple(np.moveaxis(colour, 2, 0))):
        deep = np.dstack([band.astype(np.uint16) << (bits - 8) for band in bands] + [opaque])
        assert differs(shown(tmp_path / "deep", png(deep)), np.dstack(bands)) == 0


def middle(grey: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return 0..255 as what a narrow band is spread over: photographs seldom use all tones."""
    return (32 + grey * (191 / 255)).astype(int)


@pytest.mark.parametrize(("low", "span"), [(21_000, 2_040), (7_000, 2_000), (8_000, 4_000)])
def test_a_narrow_band_is_stretched(tmp_path: Path, low: int, span: int) -> None:
    grey = scene()[..., 0]
    deep = (low + grey.astype(int) * span // 255).astype(np.uint16)
    contents = [png(deep), tiff(deep), tiff(deep, ">"), pnm(deep, 65535)]
    contents.append(tiff((deep / 100).astype(np.float32)))
    for content in contents:
        assert differs(shown(tmp_path / "thermal", content), middle(grey)) <= 2


def test_a_few_pixels_beside_a_narrow_band_keep_a_tone_of_their_own(tmp_path: Path) -> None:
    deep = (21_000 + scene()[..., 0].astype(np.uint16).repeat(8, axis=0) * 4).astype(np.uint16)
    deep[5, 5] = deep.max() + 100
    grey = shown(tmp_path / "warm.png", png(deep))[..., 0].astype(int)
    assert 10 < grey[5, 5] - np.delete(grey.ravel(), 5 * grey.shape[1] + 5).max() < 32


def test_a_hot_pixel_does_not_make_the_rest_black(tmp_path: Path) -> None:
    deep = scene()[..., 0].astype(np.uint16).repeat(8, axis=0) << 4
    deep[5, 5] = 65535
    grey = shown(tmp_path / "hot.png", png(deep))
    assert differs(grey, np.minimum(deep >> 4, 255)) == 0


def test_what_uses_its_range_is_shifted_as_ever(tmp_path: Path) -> None:
    colour = scene().astype(np.uint16) * 257
    for deep in (colour, colour[..., 0], colour[..., 0] // 2, colour // 3):
        for content in (png(deep), tiff(deep)):
            assert differs(shown(tmp_path / "full", content), deep >> 8) == 0
    night = scene()[..., 0].astype(np.uint16) // 8
    for spread in (night * 257, night << 8):  # 8 bits brought to 16: dark means dark
        assert differs(shown(tmp_path / "night", png(spread)), night) == 0
    flat = np.full((8, 8), 30_000, np.uint16)
    assert differs(shown(tmp_path / "flat", png(flat)), flat >> 8) == 0


def test_noise_is_not_blown_up() -> None:
    noise = np.random.default_rng(0).integers(30_000, 30_006, (64, 64)).astype(np.uint16)
    assert np.ptp(to_tones(noise)) <= 6


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize("compression", [NONE, DEFLATE])
def test_tiff_of_16_bits_in_planes(
    tmp_path: Path, order: str, planes: bool, compression: int
) -> None:
    deep = scene().astype(np.uint16) * 257
    alpha = np.dstack([deep, np.full(deep.shape[:2], 65535, np.uint16)])
    predictors = (1, 2) if compression == DEFLATE else (1,)
    for predictor in predictors:
        content = tiff(deep, order, planes, compression, predictor)
        assert differs(shown(tmp_path / "planes.tif", content), scene()) == 0
        content = tiff(alpha, order, planes, compression, predictor, t338=(2,))
        assert differs(shown(tmp_path / "planes.tif", content), scene()) == 0


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
def test_tiff_of_floats(tmp_path: Path, order: str, kind: str) -> None:
    colour = scene()
    for eight in (colour, colour[..., 0]):
        numbers = (eight / 255).astype(kind)
        for compression, predictor in ((NONE, 1), (DEFLATE, 1), (DEFLATE, 3)):
            for planes in {False, eight.ndim == 3}:
                content = tiff(numbers, order, planes, compression, predictor)
                assert differs(shown(tmp_path / "float.tif", content), eight) <= 1
    assert read_header(tmp_path / "float.tif") == (64, 48, "TIFF")
    numbers = (280 + colour[..., 0] / 255 * 20).astype(kind)
    numbers[:4] = np.nan
    numbers[4] = np.inf
    there = shown(tmp_path / "holes.tif", tiff(numbers, order))[5:]
    assert differs(there, middle(colour[5:, :, 0])) <= 4


def test_nodata_of_a_geotiff_is_no_number(tmp_path: Path) -> None:
    grey = scene()[..., 0]
    numbers = (280 + grey / 255 * 20).astype(np.float32)
    numbers[:10] = -9999
    plain = bytearray(tiff(numbers, t42113=(0, 0)))
    text = struct.pack("<HHL", 42113, 2, 6)  # the same place, as six letters
    at = plain.index(struct.pack("<HHL", 42113, 4, 2))
    plain[at : at + 8] = text
    (where,) = struct.unpack_from("<L", plain, at + 8)
    plain[where : where + 6] = b"-9999\0"
    assert differs(shown(tmp_path / "geo.tif", bytes(plain))[10:], middle(grey[10:])) <= 4


def test_odd_depths_and_white_as_zero(tmp_path: Path) -> None:
    grey = scene()[..., 0]
    two = (grey.astype(np.uint16) << 4).astype(">u2").view(np.uint8)
    bits = np.unpackbits(two.reshape(48, 64, 2), axis=2)
    packed = np.packbits(bits[..., 4:].reshape(48, -1), axis=1)  # 12 of 16
    for order in "<>":
        content = tiff(packed, order, t256=(64,), t258=(12,))
        assert differs(shown(tmp_path / "twelve.tif", content), grey) == 0
        deep = (255 - grey).astype(np.uint16) * 257
        assert differs(shown(tmp_path / "white.tif", tiff(deep, order, t262=(0,))), grey) == 0


def test_more_bands_than_colours(tmp_path: Path) -> None:
    deep = scene().astype(np.uint16) * 257
    five = np.dstack([deep, deep[..., :2]])
    assert differs(shown(tmp_path / "rgb.tif", tiff(five, t338=(0, 0))), scene()) == 0
    assert differs(shown(tmp_path / "three.tif", tiff(deep, t262=(GREY,))), scene()) == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (tiff(np.zeros((4, 4, 5), np.uint16), t262=(GREY,)), "5 bands of 16 bits.*convert"),
        (tiff(np.zeros((4, 4), np.float32), compression=LERC), "LERC compression.*convert"),
        (tiff(np.zeros((4, 4), np.uint16), t262=(32803,)), "raw sensor mosaic.*convert"),
        (tiff(np.zeros((4, 4, 3), np.uint32), t258=(32, 16, 8)), "8 and 16 and 32 bits.*convert"),
    ],
)
def test_sound_tiff_that_is_not_read_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "sound.tif").write_bytes(content)
    for opened in (open_image, open_labels):
        with pytest.raises(ImageError, match=reason) as caught:
            opened(tmp_path / "sound.tif")
        assert "damaged" not in str(caught.value)


def test_deep_tiff_that_is_damaged_or_huge(tmp_path: Path) -> None:
    whole = tiff(np.zeros((40, 40, 3), np.float32))
    end = tiff(np.zeros((40, 40, 3), np.float32), t279=(40 * 40 * 12 + 9_000_000,))
    for content, reason in (
        (whole[:3_000], "damaged"),
        (end, "damaged or cut short"),
        (tiff(np.zeros((4, 4, 3), np.float32), t256=(60_000,), t257=(60_000,)), "too large"),
        (tiff(np.zeros((4, 4, 3), np.float32), t256=(9_000,), t257=(9_000,)), "too large"),
        (tiff(np.zeros((4, 4, 3), np.float32), t279=(2**32 - 1,)), "damaged"),
    ):
        (tmp_path / "bad.tif").write_bytes(content)
        with pytest.raises(ImageError, match=reason):
            open_image(tmp_path / "bad.tif")


def test_labels_in_pgm_keep_their_ids(tmp_path: Path) -> None:
    ids = np.arange(12, dtype=np.uint16).reshape(3, 4)
    (tmp_path / "small.pgm").write_bytes(b"P5 4 3 20\n" + ids.astype(np.uint8).tobytes())
    (tmp_path / "large.pgm").write_bytes(pnm(ids * 50, 1000))
    (tmp_path / "text.pgm").write_text("P2 4 3 20\n" + " ".join(str(i) for i in ids.flat) + "\n")
    assert np.array_equal(np.asarray(open_labels(tmp_path / "small.pgm")), ids)
    assert np.array_equal(np.asarray(open_labels(tmp_path / "large.pgm")), ids * 50)
    assert np.array_equal(np.asarray(open_labels(tmp_path / "text.pgm")), ids)
    assert np.asarray(open_image(tmp_path / "small.pgm"))[2, 3, 0] == 11 * 255 // 20


def test_orientation_of_a_deep_tiff_is_undone(tmp_path: Path) -> None:
    turned = tiff(np.rot90(scene() / np.float32(255)), t274=(6,))
    (tmp_path / "turned.tif").write_bytes(turned)
    assert differs(np.asarray(open_image(tmp_path / "turned.tif")).astype(int), scene()) <= 1


@pytest.mark.parametrize("premultiplied", [False, True])
@pytest.mark.parametrize("alpha", [0, 1])
def test_alpha_of_a_deep_tiff(tmp_path: Path, premultiplied: bool, alpha: int) -> None:
    whole = np.dstack([scene(), np.full((48, 64), alpha, np.uint8)])
    deep = whole.astype(np.uint16)
    deep[..., :3] *= 257
    extra = (1,) if premultiplied else (2,)
    for numbers in (deep, whole):
        for planes in (False, True):
            content = tiff(numbers, planes=planes, t338=extra)
            assert differs(shown(tmp_path / "never.tif", content), scene()) == 0


def test_one_picture_never_depends_on_another(tmp_path: Path) -> None:
    deep = scene()[..., 0].astype(np.uint16) << 4
    (tmp_path / "a.png").write_bytes(png(deep))
    (tmp_path / "b.png").write_bytes(png(deep // 8))
    alone = open_image(tmp_path / "a.png").tobytes()
    open_image(tmp_path / "b.png")
    assert open_image(tmp_path / "a.png").tobytes() == alone
    with Image.open(tmp_path / "a.png") as stored:
        assert np.array_equal(np.asarray(open_labels(tmp_path / "a.png")), np.asarray(stored))
