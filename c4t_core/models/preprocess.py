"""From a decoded image to a model's input: one fixed way per preprocessing version.

What this module does to pixels is part of every embedding in every index. A change here needs a
new :data:`c4t_core.models.config.PREPROCESSING_VERSION`, and the old way kept for models that name
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from c4t_core.errors import ModelError
from c4t_core.models.config import PreprocessConfig
from c4t_core.models.protocol import Pixels

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


_MODES = ("shortest", "longest", "squash")
_OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)
_OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class ClipPreprocess:
    """``preprocess_cfg`` of open_clip, for square inputs.

    Attributes:
        size: pixels of the square input.
        mean: of pixel / 255, per channel.
        std: of pixel / 255, per channel.
        interpolation: ``"bicubic"`` or ``"bilinear"``.
        resize_mode: ``"shortest"`` (then the middle is cut out), ``"longest"`` (then padded) or
            ``"squash"``.
        fill_color: grey of the padding, 0..255.
    """

    size: int = 224
    mean: tuple[float, ...] = _OPENAI_MEAN
    std: tuple[float, ...] = _OPENAI_STD
    interpolation: str = "bicubic"
    resize_mode: str = "shortest"
    fill_color: int = 0

    @classmethod
    def from_config(cls, config: Mapping[str, Any], size: Any) -> ClipPreprocess:
        """Build from ``preprocess_cfg``; the size is the network's own.

        Raises:
            ModelError: if the input is not square or is prepared in a way not known here.
        """
        sides = {int(side) for side in (size if isinstance(size, list | tuple) else (size,))}
        out = cls(
            size=sides.pop(),
            mean=tuple(config.get("mean", _OPENAI_MEAN)),
            std=tuple(config.get("std", _OPENAI_STD)),
            interpolation=config.get("interpolation", "bicubic"),
            resize_mode=config.get("resize_mode", "shortest"),
            fill_color=int(config.get("fill_color", 0)),
        )
        if sides or out.interpolation not in _FILTERS or out.resize_mode not in _MODES:
            raise ModelError(
                "This CLIP model prepares its images in a way that is not supported; choose "
                'another, such as "clip" (ViT-B-32).'
            )
        return out

    def prepare(self, image: Image.Image) -> Pixels:
        """Return the image as uint8 (size, size, 3); pure and thread-safe.

        The sizes are rounded as torchvision rounds them, so that the pixels are the same.
        """
        rgb = image if image.mode == "RGB" else image.convert("RGB")
        resized = rgb.resize(self._resized(*rgb.size), _FILTERS[self.interpolation])
        left = _half(resized.width - self.size)
        top = _half(resized.height - self.size)
        if self.resize_mode != "longest":
            box = (left, top, left + self.size, top + self.size)
            return np.asarray(resized.crop(box), dtype=np.uint8)
        square = Image.new("RGB", (self.size, self.size), (self.fill_color,) * 3)
        square.paste(resized, ((self.size - resized.width) // 2, (self.size - resized.height) // 2))
        return np.asarray(square, dtype=np.uint8)

    def _resized(self, width: int, height: int) -> tuple[int, int]:
        if self.resize_mode == "squash":
            return self.size, self.size
        if self.resize_mode == "longest":
            ratio = max(width, height) / self.size
            return max(1, round(width / ratio)), max(1, round(height / ratio))
        short, long = min(width, height), max(width, height)
        longer = int(self.size * long / short)
        return (self.size, longer) if width <= height else (longer, self.size)


def _half(rest: int) -> int:
    return round(rest / 2.0)
