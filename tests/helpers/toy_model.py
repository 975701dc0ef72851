"""A small deterministic model: colours of a coarse grid, and words that name colours."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 16
COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 200, 30),
    "blue": (30, 30, 220),
    "white": (240, 240, 240),
    "black": (15, 15, 15),
    "yellow": (230, 220, 40),
}


class ToyModel:
    def __init__(self, name: str = "toy", dim: int = 48) -> None:
        self.name = name
        self.dim = dim
        self.fingerprint = hashlib.sha256(f"{name}/{dim}".encode()).hexdigest()
        self.min_side = SIDE
        self.calls: list[int] = []
        rng = np.random.default_rng(dim)
        self._mix = rng.standard_normal((SIDE * SIDE * 3, dim)).astype(np.float64)
        self._mix[: 3 * SIDE * SIDE] += np.tile(
            rng.standard_normal((3, dim)), (SIDE * SIDE, 1)
        )  # colour matters wherever it is

    def prepare(self, image: Image.Image) -> np.ndarray:
        return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR), dtype=np.uint8)

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        self.calls.append(len(pixels))
        flat = pixels.reshape(len(pixels), -1).astype(np.float64) / 255 - 0.5
        rows = np.einsum("ij,jk->ik", flat, self._mix)  # independent of the batch
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        unit: np.ndarray = (rows / np.maximum(norms, 1e-12)).astype(np.float32)
        return unit

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        if not images:
            return np.empty((0, self.dim), np.float32)
        return self.encode_pixels(np.stack([self.prepare(image) for image in images]))

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        return self.encode_images([Image.new("RGB", (SIDE, SIDE), colour(text)) for text in texts])


def colour(text: str) -> tuple[int, int, int]:
    for word in text.split():
        if word in COLOURS:
            return COLOURS[word]
    digest = hashlib.sha256(text.encode()).digest()
    return digest[0], digest[1], digest[2]


def save_picture(path: Path, colour: tuple[int, int, int], mark: int = 0) -> Path:
    """Save a plain picture with a stripe, so that each is a little different."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (32, 24), colour)
    image.paste(tuple(255 - c for c in colour), (mark % 30, 0, mark % 30 + 2, 2 + mark // 30))
    image.save(path)
    return path
