"""From an image to a model's input."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from c4t_core.models.config import PreprocessConfig, prepare


def noise(width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(7)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (64, 64), (200, 31)])
@pytest.mark.parametrize("resize", ["squash", "crop"])
def test_any_size_becomes_the_square(size, resize):
    out = prepare(noise(*size), PreprocessConfig(size=64, resize=resize))
    assert out.shape == (64, 64, 3)
    assert out.dtype == np.uint8


def test_an_image_of_the_right_size_is_untouched():
    image = noise(64, 64)
    assert np.array_equal(prepare(image, PreprocessConfig(size=64)), np.asarray(image))


def test_squash_keeps_the_edges_of_the_frame_and_crop_its_middle():
    image = Image.new("RGB", (400, 100), "black")
    image.paste("red", (0, 0, 100, 100))
    image.paste("lime", (150, 0, 250, 100))
    squashed = prepare(image, PreprocessConfig(size=40))
    assert squashed[20, 2].tolist() == [255, 0, 0]
    assert squashed[20, 20].tolist() == [0, 255, 0]
    cropped = prepare(image, PreprocessConfig(size=40, resize="crop"))
    assert cropped[20, 20].tolist() == [0, 255, 0]
    assert cropped[:, :, 0].max() == 0


def test_shrinking_is_antialiased():
    stripes = np.zeros((100, 800, 3), np.uint8)
    stripes[:, ::2] = 255
    out = prepare(Image.fromarray(stripes), PreprocessConfig(size=50))
    assert abs(out[:, 5:-5].astype(int) - 127).max() <= 8


def test_interpolation_is_what_the_configuration_says():
    image = noise(90, 90)
    bicubic = prepare(image, PreprocessConfig(size=64, interpolation="bicubic"))
    expected = np.asarray(image.resize((64, 64), Image.Resampling.BICUBIC))
    assert np.array_equal(bicubic, expected)
    assert not np.array_equal(bicubic, prepare(image, PreprocessConfig(size=64)))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK"])
def test_other_modes_become_rgb(mode):
    assert prepare(noise(20, 30).convert(mode), PreprocessConfig(size=16)).shape == (16, 16, 3)


def test_the_image_itself_is_left_alone():
    image = noise(20, 30)
    before = image.tobytes()
    prepare(image, PreprocessConfig(size=16))
    assert image.tobytes() == before


def test_version_1_is_pinned():
    """A change of these numbers changes every stored embedding: it needs a new version."""
    y, x, c = np.mgrid[0:60, 0:100, 0:3]
    ramp = np.where(x < 40, 2 * x + y + 30 * c, (3 * x * y // 50 + 90 * c) % 256)
    out = prepare(Image.fromarray(ramp.astype(np.uint8)), PreprocessConfig(size=8))
    assert (out.astype(int).sum(), out[0, 0].tolist(), out[7, 3].tolist()) == PINNED


PINNED = (21957, [18, 48, 78], [144, 191, 102])


def one_channel_means(image: Image.Image, across: int, down: int) -> np.ndarray:
    """Means of boxes by numpy, for sizes that they divide."""
    values = np.asarray(image, dtype=float)
    height, width, bands = values.shape
    return values.reshape(height // down, down, width // across, across, bands).mean((1, 3))


def test_version_2_takes_means_of_boxes_first_from_large_images():
    image = noise(384, 256)  # 6 and 4 times the target: boxes of 4 and 2, then 1.5 and 2
    boxes = np.rint(one_channel_means(image, 4, 2)).astype(np.uint8)
    expected = Image.fromarray(boxes).resize((64, 64), Image.Resampling.BILINEAR)
    out = prepare(image, PreprocessConfig(size=64, version=2))
    assert np.abs(out.astype(int) - np.asarray(expected)).max() <= 1
    assert not np.array_equal(out, prepare(image, PreprocessConfig(size=64)))


@pytest.mark.parametrize("size", [(64, 64), (191, 150), (30, 40), (191, 900), (900, 191)])
@pytest.mark.parametrize("resize", ["squash", "crop", "shortest"])
def test_version_2_leaves_smaller_images_as_version_1_has_them(size, resize):
    new, old = (PreprocessConfig(size=64, resize=resize, version=v) for v in (2, 1))
    assert np.array_equal(prepare(noise(*size), new), prepare(noise(*size), old))


def test_a_configuration_is_of_version_1_unless_it_says_otherwise():
    assert PreprocessConfig().version == 1


def test_a_frame_may_stay_wider_than_high():
    config = PreprocessConfig(size=40, width=64)
    image = Image.linear_gradient("L").convert("RGB").resize((640, 400))
    assert prepare(image, config).shape == (40, 64, 3)
    np.testing.assert_array_equal(
        prepare(image, config),
        np.asarray(image.resize((64, 40), Image.Resampling.BILINEAR), dtype=np.uint8),
    )
