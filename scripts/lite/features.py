"""Features of frozen encoders, computed once and kept on disk.

An image's features are those of the image encoder after its pooling, as the projection head gets
them. Augmented copies are drawn from a seed, so that a second run sees the same pictures.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

from c4t_core.errors import ImageError
from c4t_core.progress import Progress, ignore

if TYPE_CHECKING:
    from torch import nn

    from c4t_core.models.network import DualEncoder

PLAIN = "plain"
_GREY = 63  # pixels of the square on which brightness is measured; a multiple of three
_CHANGES = (
    (ImageEnhance.Brightness, 0.75, 1.3),
    (ImageEnhance.Contrast, 0.75, 1.3),
    (ImageEnhance.Color, 0.6, 1.4),
)


def squashed(image: Image.Image, side: int) -> Image.Image:
    """Return an RGB image squashed to ``side`` x ``side``, as the product prepares it."""
    return image.resize((side, side), Image.Resampling.BILINEAR)


def augmented(image: Image.Image, side: int, seed: str) -> Image.Image:
    """Return a random crop of at least about three quarters of the frame, changed in colour.

    Args:
        image: RGB.
        side: pixels of the square result.
        seed: decides crop, mirroring, brightness, contrast and colour.
    """
    rng = random.Random(seed)
    width, height = image.size
    size = rng.uniform(0.8, 1.0)
    tall = min(1.0, size * rng.uniform(0.92, 1.08))
    wide = min(1.0, size * rng.uniform(0.95, 1.05))
    left, top = rng.uniform(0, 1 - wide) * width, rng.uniform(0, 1 - tall) * height
    box = (left, top, left + wide * width, top + tall * height)
    image = image.resize((side, side), Image.Resampling.BILINEAR, box=box)
    if rng.random() < 0.5:
        image = ImageOps.mirror(image)
    for change, low, high in _CHANGES:
        image = change(image).enhance(rng.uniform(low, high))
    return image


def brightness(path: Path) -> float:
    """Return how bright a frame is, 0 (black) to 1 (white).

    The mean grey of the frame or of its upper third, whichever is brighter: a shaded street under
    a bright sky is no night.

    Raises:
        ImageError: if the image cannot be read.
    """
    grey = _opened(path).convert("L").resize((_GREY, _GREY), Image.Resampling.BILINEAR)
    values = np.asarray(grey, dtype=np.float32) / 255
    return float(max(values.mean(), values[: _GREY // 3].mean()))


def image_features(
    model: DualEncoder,
    paths: Sequence[Path],
    variant: str = PLAIN,
    numbers: Sequence[int] | None = None,
    *,
    cache: Path | None = None,
    batch: int = 16,
    progress: Progress = ignore,
) -> NDArray[np.float32]:
    """Return the pooled features of images, from the cache if they are there.

    Args:
        model: gives encoder, input size and normalisation; nothing of it is changed.
        paths: n image files.
        variant: ``"plain"``, or any other word for an augmented copy drawn from it.
        numbers: one per image, from which its augmented copy is drawn as well; None counts them.
        cache: folder in which features are kept; None keeps nothing.
        batch: images per run of the network.
        progress: called with (images done, n).

    Returns:
        float32 (n, width of the encoder).

    Raises:
        ImageError: if an image cannot be read.
    """
    import torch

    side = model.config.preprocess.size
    encoder = model.image_encoder.eval()
    seeds = [f"{variant}{number}" for number in (numbers or range(len(paths)))]
    key = _key(encoder, [f"{s} {_short(p)}" for s, p in zip(seeds, paths, strict=True)], side)
    kept = None if cache is None else cache / f"{key}.npy"
    if kept is not None and kept.is_file():
        stored: NDArray[np.float32] = np.load(kept)
        return stored
    parts = []
    with torch.inference_mode():
        for start in range(0, len(paths), batch):
            rows = range(start, min(start + batch, len(paths)))
            changed = variant != PLAIN
            pixels = [_pixels(paths[i], side, seeds[i] if changed else None) for i in rows]
            parts.append(encoder(torch.from_numpy(np.stack(pixels))).numpy())
            progress(rows.stop, len(paths))
    features = np.concatenate(parts) if parts else np.zeros((0, encoder.width), np.float32)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.save(kept, features)
    return features


def _opened(path: Path) -> Image.Image:
    try:
        with Image.open(path) as opened:
            return opened.convert("RGB")
    except (OSError, ValueError) as error:
        raise ImageError(f'"{path}" cannot be read ({error}); mend it or take it out.') from error


def _pixels(path: Path, side: int, seed: str | None) -> NDArray[np.uint8]:
    image = _opened(path)
    image = squashed(image, side) if seed is None else augmented(image, side, seed)
    return np.asarray(image, dtype=np.uint8)


def _short(path: Path) -> str:
    return "/".join(path.parts[-3:])


def _key(encoder: nn.Module, parts: Sequence[str], side: int) -> str:
    """Return a name for a set of features: what they were computed from, in short."""
    digest = hashlib.sha256("\n".join([str(side), *parts]).encode())
    for name, weight in sorted(encoder.state_dict().items()):
        digest.update(name.encode() + weight.cpu().numpy().tobytes())
    return f"images-{digest.hexdigest()[:16]}"


def text_features(
    model: DualEncoder, texts: Sequence[str], *, batch: int = 256, progress: Progress = ignore
) -> NDArray[np.float32]:
    """Return the pooled features of texts, float32 (n, width of the encoder).

    Args:
        model: gives the encoder and the greatest length.
        texts: n texts.
        batch: texts per run of the network; texts of like length run together.
        progress: called with (texts done, n).
    """
    import torch
    from tokenizers import Tokenizer

    from c4t_core.models.pretrained import tokenizer_files

    tokenizer = Tokenizer.from_str(tokenizer_files()["tokenizer.json"].decode())
    tokenizer.enable_truncation(model.config.text.max_length)
    tokenizer.no_padding()
    encoder = model.text_encoder.eval()
    features = np.zeros((len(texts), encoder.width), np.float32)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    with torch.inference_mode():
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            encoded = [entry.ids for entry in tokenizer.encode_batch([texts[i] for i in rows])]
            longest = max(map(len, encoded))
            ids = torch.zeros((len(rows), longest), dtype=torch.int64)
            mask = torch.zeros_like(ids)
            for row, numbers in enumerate(encoded):
                ids[row, : len(numbers)] = torch.tensor(numbers)
                mask[row, : len(numbers)] = 1
            features[rows] = encoder(ids, mask).numpy()
            progress(start + len(rows), len(texts))
    return features
