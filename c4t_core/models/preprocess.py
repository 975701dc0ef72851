"""From a decoded image to a model's input: one fixed way per preprocessing version.

What this module does to pixels is part of every embedding in every index. A change here needs a
new :data:`c4t_core.config.PREPROCESSING_VERSION`, and the old way kept for models that name it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from c4t_core.config import PreprocessConfig

_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def prepare(image: Image.Image, config: PreprocessConfig) -> NDArray[np.uint8]:
    """Resize an image to the square that a model takes; pure and thread-safe.

    Pillow's filters widen with the scale (they are antialiased). ``squash`` brings the whole
    frame to the square; ``crop`` takes the largest square from its middle.

    Args:
        image: any mode; decoded upright RGB is what callers hand in.
        config: size and filter.

    Returns:
        uint8 (size, size, 3), RGB.
    """
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    side = (config.size, config.size)
    box = None
    if config.resize == "crop":
        width, height = rgb.size
        short = min(width, height)
        left, top = (width - short) / 2, (height - short) / 2
        box = (left, top, left + short, top + short)
    if rgb.size != side:
        rgb = rgb.resize(side, _FILTERS[config.interpolation], box=box)
    return np.asarray(rgb, dtype=np.uint8)
