"""From a decoded image to a model's input: one fixed way per preprocessing version.

What this module does to pixels is part of every embedding in every index. A change here needs a
new :data:`c4t_core.models.config.PREPROCESSING_VERSION`, and the old way kept for models that name
it.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from c4t_core.models.config import PreprocessConfig
from c4t_core.models.protocol import Pixels

_LARGE = 3  # times the target's width and height: below, means of boxes first are no faster
_LEFT = 1.5  # times the target, at least: what is left to the filter
_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def prepare(image: Image.Image, config: PreprocessConfig) -> Pixels:
    """Resize an image to the shape that a model takes; pure and thread-safe.

    Pillow's filters widen with the scale (they are antialiased). ``squash`` brings the whole
    frame to that shape; ``crop`` takes the largest square from its middle. The other two are
    open_clip's, with sizes rounded as torchvision rounds them, so that the pixels are the same:
    ``shortest`` brings the shorter side to the size and then cuts the middle out, ``longest``
    the longer one and then pads.

    Version 1 puts the filter to all pixels. Version 2 takes means of boxes first where an image
    is at least three times as wide and as high as the target, which is faster and looks the same
    to a model (cosines of .999 on frames of 1920 x 1208); others keep version 1's pixels.

    Args:
        image: any mode; decoded upright RGB is what callers hand in.
        config: size, filter and how to resize.

    Returns:
        uint8 (height, width, 3), RGB.
    """
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    width, height = rgb.size
    short = min(width, height)
    side = target = config.shape[::-1]
    box = None
    if config.resize == "crop":
        left, top = (width - short) / 2, (height - short) / 2
        box = (left, top, left + short, top + short)
    elif config.resize == "shortest":
        longer = int(config.size * max(width, height) / short)
        target = (config.size, longer) if width <= height else (longer, config.size)
    elif config.resize == "longest":
        ratio = max(width, height) / config.size
        target = (max(1, round(width / ratio)), max(1, round(height / ratio)))
    if rgb.size != target:
        rgb = rgb.resize(
            target,
            _FILTERS[config.interpolation],
            box=box,
            reducing_gap=_LEFT if config.version >= 2 and _is_large(rgb, box, target) else None,
        )
    if target != side:
        rgb = _padded(rgb, config) if config.resize == "longest" else _middle(rgb, config.size)
    return np.asarray(rgb, dtype=np.uint8)


def _is_large(
    image: Image.Image, box: tuple[float, float, float, float] | None, target: tuple[int, int]
) -> bool:
    left, top, right, bottom = box or (0, 0, *image.size)
    return right - left >= _LARGE * target[0] and bottom - top >= _LARGE * target[1]


def _middle(image: Image.Image, size: int) -> Image.Image:
    left, top = round((image.width - size) / 2.0), round((image.height - size) / 2.0)
    return image.crop((left, top, left + size, top + size))


def _padded(image: Image.Image, config: PreprocessConfig) -> Image.Image:
    square = Image.new("RGB", (config.size, config.size), (config.fill,) * 3)
    square.paste(image, ((config.size - image.width) // 2, (config.size - image.height) // 2))
    return square
