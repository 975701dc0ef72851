"""Any file is decoded rightly or refused with a reason (faults 15, 16, 17, 18, 19, 20)."""

from __future__ import annotations

import io
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from c4t_core.errors import ImageError
from c4t_core.images import decode
from c4t_core.images.decode import open_image, open_labels, read_header
from c4t_core.images.kinds import SUFFIXES


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def corner(image: Image.Image) -> tuple[int, ...]:
    return image.getpixel((0, 0))


def four_corners(size: tuple[int, int] = (40, 20)) -> Image.Image:
    """Red, green, blue, white corners: every turn and flip is told apart."""
    image = Image.new("RGB", size)
    w, h = size[0] // 2, size[1] // 2
    image.paste((255, 0, 0), (0, 0, w, h))
    image.paste((0, 255, 0), (w, 0, size[0], h))
    image.paste((0, 0, 255), (0, h, w, size[1]))
    image.paste((255, 255, 255), (w, h, size[0], size[1]))
    return image


INVERSE = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_exif_orientation_is_undone(tmp_path: Path, orientation: int, suffix: str) -> None:
    upright = four_corners()
    turn = INVERSE[orientation]
    stored = upright.transpose(turn) if turn is not None else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned{suffix}"
    stored.save(path, exif=exif, quality=95)
    for min_side in (None, 8):
        shown = open_image(path, min_side)
        assert shown.mode == "RGB"
        assert (shown.width > shown.height) == (upright.width > upright.height)
        small = np.asarray(shown.resize((2, 2), Image.Resampling.BOX), dtype=int)
        wanted = np.asarray(upright.resize((2, 2), Image.Resampling.BOX), dtype=int)
        assert np.abs(small - wanted).max() < 40


def test_sixteen_bit_grey_keeps_its_tones(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None, :].repeat(4, axis=0)
    for name in ("grey.png", "grey.tif"):
        Image.fromarray(ramp).save(tmp_path / name)
        grey = np.asarray(open_image(tmp_path / name))[0, :, 0].astype(int)
        assert np.abs(grey - np.arange(256)).max() <= 1
        assert (grey == 255).mean() < 0.05  # convert("RGB") makes 99.6 % of it white


def test_float_and_32_bit_grey_are_scaled(tmp_path: Path) -> None:
    ramp = np.linspace(0, 1, 64, dtype=np.float32)[None, :].repeat(4, axis=0)
    Image.fromarray(ramp).save(tmp_path / "float.tif")
    shown = np.asarray(open_image(tmp_path / "float.tif"))[0, :, 0].astype(int)
    assert shown[0] == 0
    assert shown[-1] == 255
    assert np.all(np.diff(shown) >= 0)
    Image.fromarray((ramp * 1e6).astype(np.int32)).save(tmp_path / "int.tif")
    assert 100 < np.asarray(open_image(tmp_path / "int.tif"))[0, 32, 0] < 155


def test_cmyk_palette_alpha_and_one_bit(tmp_path: Path) -> None:
    Image.new("CMYK", (4, 4), (0, 255, 255, 0)).save(tmp_path / "cmyk.tif")
    red = corner(open_image(tmp_path / "cmyk.tif"))
    assert red[0] > 200
    assert max(red[1:]) < 60
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    clear.putpixel((1, 1), (0, 0, 255, 255))
    clear.save(tmp_path / "clear.png")
    shown = open_image(tmp_path / "clear.png")
    assert corner(shown) == decode.GROUND
    assert shown.getpixel((1, 1)) == (0, 0, 255)
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([9, 9, 9, 10, 200, 30])
    palette.save(tmp_path / "palette.png", transparency=0)
    assert corner(open_image(tmp_path / "palette.png")) == (10, 200, 30)
    palette.putpixel((1, 1), 0)
    palette.save(tmp_path / "see_through.png", transparency=1)
    assert corner(open_image(tmp_path / "see_through.png")) == decode.GROUND
    Image.new("1", (4, 4), 1).save(tmp_path / "bit.bmp")
    assert corner(open_image(tmp_path / "bit.bmp")) == (255, 255, 255)


def test_animated_and_many_pages_give_the_first(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), c) for c in ((255, 0, 0), (0, 255, 0))]
    for name in ("moving.webp", "moving.png", "pages.tif"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        red = corner(open_image(tmp_path / name))
        assert red[0] > 240
        assert red[1] < 15


def jpeg(size: tuple[int, int] = (64, 64)) -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.jpg", b"", "empty"),
        ("text.jpg", b"hello, this is no picture", "not an image"),
        ("cut.jpg", jpeg()[:900], "cut short"),
        ("drawing.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
        ("moving.png", b"GIF89a" + bytes(40), "GIF"),
        ("paper.jpg", b"%PDF-1.4", "PDF"),
        ("noise.tif", b"II*\0" + bytes(range(200)), "damaged"),
        ("noise.webp", b"RIFF\xff\xff\xff\xffWEBPVP8 junk", "damaged"),
        ("zeros.png", bytes(1000), "not an image"),
    ],
)
def test_broken_files_are_refused_with_a_reason(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageError, match=reason) as caught:
        open_image(tmp_path / name)
    assert len(str(caught.value)) < 200


def test_png_text_bomb(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("bomb", "x" * (PngImagePlugin.MAX_TEXT_CHUNK + 10), zip=True)
    Image.new("RGB", (4, 4)).save(tmp_path / "bomb.png", pnginfo=info)
    with pytest.raises(ImageError, match="damaged"):
        open_image(tmp_path / "bomb.png")


@pytest.mark.parametrize("size", [(50_000, 50_000), (13_400, 6_700), (9_500, 9_500)])
def test_huge_headers_are_refused_before_any_pixel(tmp_path: Path, size: tuple[int, int]) -> None:
    header = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    body = (
        png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(b""))
        + png_chunk(b"IEND", b"")
    )
    (tmp_path / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    for opened in (open_image, open_labels):
        with pytest.raises(ImageError, match="too large"):
            opened(tmp_path / "huge.png")


def test_labels_keep_their_values(tmp_path: Path) -> None:
    paletted = Image.new("P", (4, 4), 2)
    paletted.putpalette([0, 0, 0, 1, 1, 1, 200, 0, 0])
    wide = Image.fromarray(np.full((4, 4), 300, dtype=np.uint16))
    for name, image in (
        ("p.png", paletted),
        ("wide.png", wide),
        ("l.bmp", Image.new("L", (4, 4), 7)),
    ):
        image.save(tmp_path / name)
        stored = open_labels(tmp_path / name)
        assert stored.mode == image.mode or name == "wide.png"
        assert np.array_equal(np.asarray(stored), np.asarray(image))
    with pytest.raises(ImageError, match="gone"):
        open_labels(tmp_path / "absent.png")


def test_a_header_tells_size_and_format_without_a_pixel(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20)).save(tmp_path / "turned.jpg", exif=exif)
    assert read_header(tmp_path / "turned.jpg") == (30, 20, "JPEG")  # as stored
    Image.new("RGB", (300, 200)).save(tmp_path / "cut.png")
    whole = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    assert read_header(tmp_path / "cut.png")[:2] == (300, 200)
    (tmp_path / "empty.png").touch()
    with pytest.raises(ImageError, match="empty"):
        read_header(tmp_path / "empty.png")


def test_no_warning_escapes(tmp_path: Path) -> None:
    noisy = Image.new("P", (4, 4))
    noisy.save(tmp_path / "p.png", transparency=bytes([1, 2, 3]))  # Pillow warns when converting
    (tmp_path / "x.tif").write_bytes(b"II*\0\x08\0\0\0\x01\0\xff\xff\0\0" + bytes(20))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_image(tmp_path / "p.png")
        with pytest.raises(ImageError):
            open_image(tmp_path / "x.tif")


def test_names_that_are_no_text(tmp_path: Path) -> None:
    for name in (b"a\nb.png", "\N{SNOWMAN}.png".encode(), b"\xff\xfe.png", b"-rf.png"):
        path = os.path.join(os.fsencode(tmp_path), name)
        with open(path, "wb") as file:
            Image.new("RGB", (3, 3), (1, 2, 3)).save(file, "PNG")
        assert corner(open_image(path)) == (1, 2, 3)
        assert corner(open_image(Path(os.fsdecode(path)))) == (1, 2, 3)


def test_pipes_folders_and_absent_files_do_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    for name, reason in (("pipe", "regular"), ("folder", "folder"), ("absent", "gone")):
        with pytest.raises(ImageError, match=reason):
            open_image(tmp_path / f"{name}.png")


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    Image.new("RGB", (5, 5), (7, 8, 9)).save(tmp_path / "really.png")
    (tmp_path / "really.png").rename(tmp_path / "called.jpg")
    assert corner(open_image(tmp_path / "called.jpg")) == (7, 8, 9)


def test_early_shrinking_keeps_both_sides(tmp_path: Path) -> None:
    (tmp_path / "big.jpg").write_bytes(jpeg((900, 1600)))
    assert open_image(tmp_path / "big.jpg").size == (1600, 900)
    small = open_image(tmp_path / "big.jpg", 224)
    assert min(small.size) >= 224
    assert small.width < 1600
    assert small.size == open_image(tmp_path / "big.jpg", 224).size


def test_every_odd_file_is_decoded_or_refused(odd_images: Path) -> None:
    good = 0
    reasons: list[str] = []
    for path in sorted(odd_images.rglob("*")):
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        try:
            image = open_image(path, 224)
        except ImageError as error:
            reasons.append(str(error))
            continue
        assert image.mode == "RGB"
        good += 1
    assert good > 200
    assert all(0 < len(reason) < 300 for reason in reasons)


def test_real_orientations_all_look_alike(odd_images: Path) -> None:
    for kind in ("Landscape", "Portrait"):
        shown = []
        for number in range(1, 9):
            image = open_image(odd_images / "exif_orientation" / f"{kind}_{number}.jpg", 60)
            shown.append(np.asarray(image.resize((16, 16)), dtype=int))
        assert all(np.abs(one - shown[0]).mean() < 12 for one in shown[1:])
