"""Copies of labelled frames: with weather drawn over clear ones, and parts cut out of small ones.

**Weather.** Only one source shows bad weather, and few trucks, buses or people in it, while
thousands of boxes lie in photographs of clear days. A copy of such a photograph is veiled by air,
thicker where the road is farther away (Koschmieder's law: ``c t + a (1 - t)`` with
``t = exp(-beta depth)``, as in He et al. 2009, "Single image haze removal using dark channel
prior", eq. 1 and 2), then loses detail as small pictures from the web have lost it. Depth is
guessed: the road rises to a horizon, and what has a box stands where its foot is.

**Parts.** The frames with boxes are few, and those in bad weather four hundred: maps learn them by
heart. Parts of them, stretched and in other colours, show the same things elsewhere and at other
sizes (Szegedy et al. 2015, arXiv 1409.4842, section 6), and their boxes are known.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from scripts.lite.concepts import WEATHER
from scripts.lite.data import Box, Frame

Picture = NDArray[np.float32]  # (h, w, 3), 0..1

CLEAR = ("highway", "vehicles")  # sources whose boxes lie in clear photographs
_SURE = 0.5  # score from which on a detector's box tells where something stands
_AIR = {  # the air's colour lies between these
    "fog": ((0.62, 0.64, 0.67), (0.93, 0.93, 0.94)),
    "rain": ((0.40, 0.44, 0.46), (0.72, 0.76, 0.78)),
    "snow": ((0.72, 0.74, 0.78), (0.97, 0.97, 0.99)),
    "sand": ((0.55, 0.42, 0.16), (0.93, 0.76, 0.48)),
}
# beta in the law above, between two; depth is 1 at the foot of the picture's nearer half
_THICKNESS = {"fog": (0.5, 2.2), "rain": (0.1, 0.9), "snow": (0.2, 1.2), "sand": (0.4, 1.8)}

# source -> how many parts are cut out of each of its frames
PARTS = {"dawn": 6}
_SIDES = (0.55, 1.0)  # of a part, in sides of the frame
_STRETCH = 0.2  # at the most: logarithm of how much wider a part is than high, or higher than wide
_SHOWN = 0.4  # share of a box that a part must have, else it does not show what is in the box


def copies(frames: Sequence[Frame], variant: str) -> list[Frame]:
    """Return those of some frames that weather is drawn over, with what is known of the copies.

    Args:
        frames: labelled ones.
        variant: name of the set of copies; each frame's weather is drawn from it and the path.
    """
    return [
        replace(frame, weather=_drawn(frame.path, variant)[0], drawn=variant, brightness=None)
        for frame in frames
        if frame.source in CLEAR
    ]


def weathered(frame: Frame, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the pixels of a copy.

    Args:
        frame: of :func:`copies`.
        pixels: uint8 (h, w, 3), of the clear photograph.

    Returns:
        Another picture, uint8 (h, w, 3).
    """
    weather, rng = _drawn(frame.path, frame.drawn)
    boxes = [*frame.boxes, *(box for box in frame.guesses if box.score > _SURE)]
    return _worn(_veiled(np.divide(pixels, 255, dtype=np.float32), boxes, weather, rng), rng)


def parts(frames: Sequence[Frame], variant: str) -> list[Frame]:
    """Return parts of some frames, with what is known of them.

    Args:
        frames: labelled ones.
        variant: name of the set of copies; each part is drawn from it and the path.
    """
    made = []
    for frame in frames:
        sides = _sides(_rng(frame.path, variant))
        boxes, guesses = (_moved(boxes, sides) for boxes in (frame.boxes, frame.guesses))
        made.append(replace(frame, boxes=boxes, guesses=guesses, counts={}, drawn=variant))
    return made


def part_of_pixels(frame: Frame, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the pixels of a part.

    Args:
        frame: of :func:`parts`.
        pixels: uint8 (h, w, 3), of the whole frame.

    Returns:
        Another picture, uint8 (h, w, 3).
    """
    rng = _rng(frame.path, frame.drawn)
    left, top, width, height = _sides(rng)
    high, wide = pixels.shape[:2]
    box = (left * wide, top * high, (left + width) * wide, (top + height) * high)
    image = Image.fromarray(pixels).resize((wide, high), Image.Resampling.BICUBIC, box=box)
    image = ImageEnhance.Color(image).enhance(rng.uniform(0.6, 1.3))
    image = ImageEnhance.Contrast(image).enhance(rng.uniform(0.75, 1.25))
    image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.8, 1.2))
    if rng.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.5)))
    return np.asarray(image)


def _sides(rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Draw a part: its left and upper side, width and height, in shares of the frame."""
    side, stretch = rng.uniform(*_SIDES), np.exp(rng.uniform(-_STRETCH, _STRETCH))
    width, height = min(1.0, side * stretch), min(1.0, side / stretch)
    return rng.uniform(0, 1 - width), rng.uniform(0, 1 - height), width, height


def _moved(boxes: Sequence[Box], sides: tuple[float, float, float, float]) -> tuple[Box, ...]:
    """Return the boxes that a part shows enough of, in shares of the part."""
    left, top, width, height = sides
    kept = []
    for box in boxes:
        across = [(side - left) / width for side in (box.left, box.right)]
        down = [(side - top) / height for side in (box.top, box.bottom)]
        (first, last), (upper, lower) = (
            np.clip(pair, 0.0, 1.0).tolist() for pair in (across, down)
        )
        whole = (across[1] - across[0]) * (down[1] - down[0])
        if (last - first) * (lower - upper) > _SHOWN * max(whole, 1e-9):
            kept.append(replace(box, left=first, top=upper, right=last, bottom=lower))
    return tuple(kept)


def _drawn(path: Path, variant: str) -> tuple[str, np.random.Generator]:
    """Return a copy's weather, and what draws the rest of it."""
    rng = _rng(path, variant)
    return str(rng.choice(WEATHER)), rng


def _rng(path: Path, variant: str) -> np.random.Generator:
    """Return what draws a copy of a frame, the same on every machine."""
    name = f"{variant} {'/'.join(path.parts[-3:])}"
    return np.random.default_rng(zlib.crc32(name.encode()))


def _veiled(
    picture: Picture, boxes: Sequence[Box], weather: str, rng: np.random.Generator
) -> Picture:
    height, width = picture.shape[:2]
    rows = np.linspace(0, 1, height, dtype=np.float32)
    horizon = rng.uniform(0.25, 0.5)
    through = np.exp(-rng.uniform(*_THICKNESS[weather]) * _depth(rows, width, horizon, boxes))
    low, high = (np.array(colour, np.float32) for colour in _AIR[weather])
    air = (low + (high - low) * rng.random(dtype=np.float32)) * rng.uniform(0.75, 1.05)
    made = picture
    if weather == "rain":
        made = made ** rng.uniform(1.0, 1.6) * rng.uniform(0.55, 0.95)
    elif weather == "snow":
        lying = np.clip((rows[:, None] - horizon) * 3, 0, 1) * rng.uniform(0.0, 0.7)
        lying = (lying * (1 - 0.8 * _covered(height, width, boxes)))[..., None]
        grey = _grey(made)
        made = (made * 0.6 + grey * 0.4) * (1 - lying) + lying * (0.75 + 0.25 * grey)
    fade = rng.uniform(0.2, 0.8)
    made = made * (1 - fade) + _grey(made) * fade
    if weather == "sand":
        made = made * (0.4 + 0.6 * air / air.max())
    made = made * through[..., None] + air * (1 - through[..., None])
    if weather in ("rain", "snow") and rng.random() < 0.7:
        made = _falling(made, weather, rng)
    return np.clip(made, 0, 1).astype(np.float32)


def _depth(
    rows: NDArray[np.float32], width: int, horizon: float, boxes: Sequence[Box]
) -> NDArray[np.float32]:
    """Return how far away each pixel is, float32 (h, width), in no unit."""
    height = len(rows)
    far = np.clip(0.22 / np.clip(rows - horizon + 0.1, 0.05, 1.0), 0.2, 2.5)
    depth = np.repeat(far[:, None], width, axis=1).astype(np.float32)
    for box in sorted(boxes, key=lambda box: box.bottom):  # nearer ones hide others
        foot = min(int(box.bottom * height), height - 1)
        depth[int(box.top * height) : foot + 1, _columns(box, width)] = far[foot]
    return _blurred(depth, 5)


def _covered(height: int, width: int, boxes: Sequence[Box]) -> NDArray[np.float32]:
    """Return where boxes are, float32 (height, width), soft at their sides."""
    inside = np.zeros((height, width), np.float32)
    for box in boxes:
        inside[int(box.top * height) : int(box.bottom * height), _columns(box, width)] = 1.0
    return _blurred(inside, 4)


def _columns(box: Box, width: int) -> slice:
    return slice(int(box.left * width), int(box.right * width) + 1)


def _grey(picture: Picture) -> Picture:
    return picture.mean(axis=2, keepdims=True)


def _falling(picture: Picture, weather: str, rng: np.random.Generator) -> Picture:
    """Draw streaks of rain or flakes of snow."""
    height, width = picture.shape[:2]
    dots = (rng.random((height, width)) < rng.uniform(0.002, 0.02)).astype(np.float32)
    if weather == "snow":
        drops = np.clip(_blurred(dots, rng.uniform(0.6, 1.6)) * 6, 0, 1)
    else:
        slant, length = rng.uniform(-0.4, 0.4), int(rng.integers(6, 18))
        drops = np.zeros_like(dots)
        for step in range(length):
            drops += np.roll(dots, (step, round(step * slant)), (0, 1))
        drops = np.clip(drops, 0, 1) * rng.uniform(0.15, 0.5)
    return picture * (1 - drops[..., None]) + drops[..., None] * rng.uniform(0.8, 1.0)


def _worn(picture: Picture, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Lose detail as small pictures from the web do: size, blur, noise, JPEG."""
    height, width = picture.shape[:2]
    gain, gamma = rng.uniform(0.8, 1.15), rng.uniform(0.8, 1.3)
    values = np.clip(picture * gain, 0, 1) ** gamma
    values = values + rng.uniform(0, 0.02) * rng.standard_normal(values.shape, np.float32)
    image = Image.fromarray(np.uint8(np.clip(values, 0, 1) * 255))
    if rng.random() < 0.75:
        side = int(rng.uniform(180, 330))
        image = image.resize((side, side), Image.Resampling.BICUBIC)
    if rng.random() < 0.4:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2)))
    if rng.random() < 0.7:
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=int(rng.integers(25, 85)))
        image = Image.open(stream)
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))


def _blurred(values: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
    lowest = values.min()
    reach = max(float(values.max() - lowest), 1e-6)
    image = Image.fromarray(np.uint8((values - lowest) / reach * 255))
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float32)
    return (soft / 255 * reach + lowest).astype(np.float32)
