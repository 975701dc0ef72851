"""Pictures that lack only their end marker are read, those that lack a pixel are not (fault 15)."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from c4t_core.errors import ImageError
from c4t_core.images.decode import open_image

ROOM = bytes(700)  # what a recorder took in advance


def scene() -> Image.Image:
    noise = np.random.default_rng(1).normal(0, 12, (96, 160, 3))
    y, x = np.mgrid[:96, :160]
    ground = np.dstack([x, y * 2, 255 - x])
    return Image.fromarray(np.clip(ground + noise, 0, 255).astype(np.uint8))


def saved(kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    scene().convert(options.pop("mode", "RGB")).save(file, kind, **options)
    return file.getvalue()


JPEGS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "coarse": {"quality": 20},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_rows": 1},
    "many restarts": {"restart_marker_blocks": 3},
    "progressive, restarts": {"progressive": True, "restart_marker_rows": 1},
    "grey": {"mode": "L"},
    "inks": {"mode": "CMYK"},
}


def pixels(path: Path, content: bytes, min_side: int | None = None) -> np.ndarray[Any, Any]:
    path.write_bytes(content)
    return np.asarray(open_image(path, min_side))


@pytest.mark.parametrize("name", JPEGS)
def test_jpeg_without_its_end_marker(tmp_path: Path, name: str) -> None:
    content = saved("JPEG", **JPEGS[name])
    path = tmp_path / "frame.jpg"
    for min_side in (None, 24):
        whole = pixels(path, content, min_side)
        for cut in (content[:-1], content[:-2], content[:-2] + ROOM, content + ROOM):
            assert np.array_equal(pixels(path, cut, min_side), whole)


def boundaries(content: bytes) -> list[int]:
    """Where a JPEG can be cut without any block being cut: before and after its markers."""
    places = [
        at for at in range(len(content) - 1) if content[at] == 0xFF and content[at + 1] >= 0xC0
    ]
    first = content.index(b"\xff\xda")
    return [at + step for at in places if first < at < len(content) - 2 for step in (0, 2)]


@pytest.mark.parametrize("name", JPEGS)
@pytest.mark.parametrize("filled", [False, True])
def test_jpeg_that_lacks_pixels(tmp_path: Path, name: str, filled: bool) -> None:
    content = saved("JPEG", **JPEGS[name])
    path = tmp_path / "frame.jpg"
    whole = pixels(path, content)
    first = content.index(b"\xff\xda")
    cuts = [*range(first + 20, len(content) - 8, len(content) // 40), *boundaries(content)[-30:]]
    refused = 0
    for cut in cuts:
        try:
            shown = pixels(path, content[:cut] + (ROOM if filled else b""))
        except ImageError as error:
            assert "cut short" in str(error)  # noqa: PT017 - either outcome is right
            refused += 1
        else:
            assert np.array_equal(shown, whole)  # nothing but the end is lacking
    assert refused >= len(cuts) - 3


@pytest.mark.parametrize("options", [{}, {"mode": "P"}, {"mode": "1"}, {"mode": "L"}])
def test_png_without_its_end(tmp_path: Path, options: dict[str, Any]) -> None:
    content = saved("PNG", **options)
    path = tmp_path / "frame.png"
    whole = pixels(path, content)
    for lacking in (1, 4, 12, 16, 20):  # the end chunk, then the checksums before it
        for room in (b"", ROOM):
            assert np.array_equal(pixels(path, content[:-lacking] + room), whole)
    for lacking in (40, 200, len(content) // 2):
        for room in (b"", ROOM):
            with pytest.raises(ImageError, match="damaged or cut short"):
                pixels(path, content[:-lacking] + room)


def test_a_wrong_checksum_is_no_lacking_end(tmp_path: Path) -> None:
    content = bytearray(saved("PNG"))
    end = content.index(b"IEND") - 8  # the last bytes of the pixels' checksum
    content[end - 1] ^= 0xFF
    with pytest.raises(ImageError, match="damaged"):
        pixels(tmp_path / "flipped.png", bytes(content))
