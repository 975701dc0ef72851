"""A model whose answers are plain to see, and a few coloured frames."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from c4t_core.evaluation.collection import Collection

COLOURS = {"red": (230, 20, 20), "green": (20, 230, 20), "blue": (20, 20, 230)}


class ColourModel:
    """Embeds an image as its mean colour, a text as the colours it names.

    ``blur`` mixes noise into the images, which makes a worse model of it.
    """

    min_side = 8
    dim = 3

    def __init__(self, name: str = "colours", blur: float = 0.0) -> None:
        self.name = name
        self.blur = blur
        self.fingerprint = hashlib.sha256(f"{name} {blur}".encode()).hexdigest()
        self.embedded = 0

    def prepare(self, image: Image.Image) -> np.ndarray:
        return np.asarray(image.convert("RGB").resize((8, 8)), dtype=np.uint8)

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        return self.encode_pixels(np.stack([self.prepare(image) for image in images]))

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        self.embedded += len(pixels)
        rows = pixels.reshape(len(pixels), -1, 3).mean(axis=1) / 255
        if self.blur:
            seeds = [int(row.sum() * 1e6) % 2**32 for row in rows]
            noise = [np.random.default_rng(seed).standard_normal(3) for seed in seeds]
            rows = rows + self.blur * np.stack(noise)
        return unit(rows)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        rows = [[0.01 + (name in text) for name in COLOURS] for text in texts]
        return unit(np.array(rows).reshape(-1, 3))


def unit(rows: np.ndarray) -> np.ndarray:
    scaled: np.ndarray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def coloured(folder: Path, number: int = 30) -> Collection:
    """Write frames of two drives in turning colours and return them with captions."""
    names, captions, drives = [], [], []
    for place in range(number):
        colour = list(COLOURS)[place % 3]
        name = f"drive{place % 2}/frame_{place:06d}.png"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shade = [min(255, channel + place) for channel in COLOURS[colour]]
        Image.new("RGB", (24, 16), tuple(shade)).save(folder / name)
        names.append(name)
        captions.append((f"{colour}, car" if place % 2 else colour,))
        drives.append(f"drive{place % 2}")
    order = sorted(range(number), key=names.__getitem__)
    return Collection(
        tuple(names[i] for i in order),
        tuple(folder / names[i] for i in order),
        tuple(captions[i] for i in order),
        tuple(drives[i] for i in order),
    )
