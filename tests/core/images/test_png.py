"""PNG by the faster way: Pillow's pixels, and Pillow's word on whatever is not plainly whole."""

from __future__ import annotations

import io
import random
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from c4t_core.errors import ImageError
from c4t_core.images import png
from c4t_core.images.decode import GROUND, open_image


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def scene(width: int = 93, height: int = 61, bands: int = 3) -> np.ndarray[Any, Any]:
    """Smooth with some noise, so that libpng and Pillow choose all filters."""
    rng = np.random.default_rng(3)
    y, x, c = np.mgrid[0:height, 0:width, 0:bands]
    smooth = 2 * x + y + 40 * c + rng.integers(0, 8, (height, width, bands))
    return (smooth % 256).astype(np.uint8).squeeze()


def written(image: Image.Image, **how: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", **how)
    return file.getvalue()


def filtered(rows: np.ndarray[Any, Any]) -> bytes:
    """A PNG whose rows have the five filters in turn, by the standard's own words."""
    height, width, bands = rows.shape
    lines = rows.reshape(height, width * bands).astype(int)
    left = np.pad(lines, ((0, 0), (bands, 0)))[:, :-bands]
    up = np.pad(lines, ((1, 0), (0, 0)))[:-1]
    corner = np.pad(lines, ((1, 0), (bands, 0)))[:-1, :-bands]
    guess = left + up - corner
    near = [abs(guess - one) for one in (left, up, corner)]
    paeth = np.where(
        (near[0] <= near[1]) & (near[0] <= near[2]), left, np.where(near[1] <= near[2], up, corner)
    )
    ways = [np.zeros_like(lines), left, up, (left + up) // 2, paeth]
    raw = b"".join(
        bytes([y % 5]) + ((lines[y] - ways[y % 5][y]) % 256).astype(np.uint8).tobytes()
        for y in range(height)
    )
    head = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 2: 4, 3: 2, 4: 6}[bands], 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.fixture
def by_pillow(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Open a file as without the package."""

    def opened(path: Path) -> Image.Image:
        with monkeypatch.context() as alone:
            alone.setattr(png, "read", lambda data: None)
            return open_image(path)

    return opened


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (93, 61), (1, 700), (700, 1), (500, 300)])
def test_all_filters_give_the_samples_that_were_stored(bands: int, size: tuple[int, int]) -> None:
    rows = scene(*size, bands).reshape(size[1], size[0], bands)
    samples = png.read(filtered(rows))
    assert samples is not None
    assert np.array_equal(samples.reshape(rows.shape), rows)


def test_one_picture_after_another_and_beside_another(tmp_path: Path) -> None:
    """The buffers of a thread are lent to one picture at a time, whatever its size."""
    paths = []
    for number, side in enumerate((90, 300, 20, 300, 300, 300, 300)):
        paths.append(tmp_path / f"{number}.png")
        image = Image.fromarray(scene(side, side // 2) + np.uint8(number))
        image.convert("L" if number > 4 else "RGB").save(paths[-1])
    shown = [open_image(path) for path in paths]
    with ThreadPoolExecutor(3) as pool:
        beside = list(pool.map(open_image, paths * 3))
    for number, path in enumerate(paths):
        whole = np.asarray(Image.open(path).convert("RGB"))
        for image in (shown[number], *beside[number :: len(paths)]):
            assert np.array_equal(np.asarray(image), whole), number


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_common_kinds_are_read_so(mode: str) -> None:
    assert png.read(written(Image.fromarray(scene()).convert(mode))) is not None


def test_other_kinds_are_left_to_pillow() -> None:
    image = Image.fromarray(scene())
    moving = written(image, save_all=True, append_images=[image.rotate(90)])
    deep = written(Image.fromarray(scene(bands=1).astype(np.uint16) * 257))
    others = [written(image.convert(mode)) for mode in ("P", "1")]
    interlaced = bytearray(written(image))
    interlaced[28] = 1
    still = written(image)
    still = still[:33] + chunk(b"acTL", struct.pack(">II", 1, 0)) + still[33:]
    for data in (
        moving,
        still,
        deep,
        *others,
        bytes(interlaced),
        b"",
        b"\x89PNG",
        written(image)[:40],
    ):
        assert png.read(data) is None


@pytest.mark.parametrize("rows", [0, 1, 60, 62])
def test_another_number_of_rows_than_the_header_says(rows: int) -> None:
    raw = np.pad(scene(93, 62).reshape(62, 279), ((0, 0), (1, 0)))[:rows].tobytes()
    assert png.read(written(Image.fromarray(scene()))) is not None  # fills the buffers
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 93, 61, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    assert png.read(b"\x89PNG\r\n\x1a\n" + head + body) is None


@pytest.mark.parametrize(
    "behind",
    [
        [chunk(b"IDAT", b"more")],
        [chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0")],
        [chunk(b"tEXt", b'XML:com.adobe.xmp\0tiff:Orientation="6"')],
    ],
)
def test_what_stands_behind_the_picture_and_is_about_it(
    tmp_path: Path, behind: list[bytes], by_pillow: Any
) -> None:
    data = written(Image.fromarray(scene()))
    with_more = data[:-12] + chunk(b"tIME", bytes(7)) + b"".join(behind) + data[-12:]
    (tmp_path / "a.png").write_bytes(with_more)
    assert png.read(with_more) is None
    assert open_image(tmp_path / "a.png").tobytes() == by_pillow(tmp_path / "a.png").tobytes()
    plain = data[:-12] + chunk(b"tIME", bytes(7)) + chunk(b"tEXt", b"date\0now") + data[-12:]
    assert png.read(plain) is not None


def test_turns_and_transparency_are_kept(tmp_path: Path, by_pillow: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(scene()).save(tmp_path / "turned.png", exif=exif)
    key = PngImagePlugin.PngInfo()
    clear = Image.new("RGB", (9, 9), (7, 8, 9))
    clear.putpixel((4, 4), (200, 0, 0))
    clear.save(tmp_path / "key.png", transparency=(7, 8, 9), pnginfo=key)
    Image.fromarray(scene(bands=4)).save(tmp_path / "alpha.png")
    for name in ("turned", "key", "alpha"):
        path = tmp_path / f"{name}.png"
        assert png.read(path.read_bytes()) is not None
        assert open_image(path).tobytes() == by_pillow(path).tobytes()
    assert open_image(tmp_path / "turned.png").size == (61, 93)
    assert open_image(tmp_path / "key.png").getpixel((0, 0)) == GROUND


def test_without_the_package_pillow_reads_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(scene()).save(tmp_path / "a.png")
    quick = open_image(tmp_path / "a.png").tobytes()

    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(png.importlib, "import_module", absent)
    assert png.read((tmp_path / "a.png").read_bytes()) is None
    assert open_image(tmp_path / "a.png").tobytes() == quick


def harmed(data: bytes, chance: random.Random) -> bytes:
    """Cut a file, flip some of its bits, or both."""
    out = bytearray(data)
    if chance.random() < 0.4:
        del out[chance.randrange(len(out)) :]
    for _ in range(chance.choice((0, 1, 1, 2, 8)) if out else 0):
        out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    return bytes(out)


def test_damaged_files_are_usable_or_not_as_with_pillow(tmp_path: Path, by_pillow: Any) -> None:
    chance = random.Random(11)
    path = tmp_path / "a.png"
    whole = [filtered(scene(70, 40, bands).reshape(40, 70, bands)) for bands in (1, 2, 3, 4)]
    whole.append(written(Image.fromarray(scene(200, 150)), pnginfo=PngImagePlugin.PngInfo()))
    usable = 0
    for number in range(400):
        path.write_bytes(harmed(whole[number % len(whole)], chance))
        outcomes = []
        for opened in (open_image, by_pillow):
            try:
                outcomes.append(opened(path).tobytes())
            except ImageError as error:
                outcomes.append(str(error))
        assert outcomes[0] == outcomes[1], number
        usable += isinstance(outcomes[0], bytes)
    assert 20 < usable < 380


def test_odd_files_are_shown_as_pillow_shows_them(odd_images: Path, by_pillow: Any) -> None:
    quick = 0
    for path in sorted(odd_images.rglob("*.png")):
        quick += png.read(path.read_bytes()) is not None
        outcomes = []
        for opened in (open_image, by_pillow):
            try:
                outcomes.append(opened(path).tobytes())
            except ImageError as error:
                outcomes.append(str(error))
        assert outcomes[0] == outcomes[1], path
    assert quick > 40
