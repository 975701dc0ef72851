"""Features of frozen encoders, computed once and kept on disk.

An image's features are those of the image encoder after its pooling, as the projection head gets
them. Augmented copies (:func:`c4t_core.training.towers.augmented`) are drawn from a seed, so that
a second run sees the same pictures.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from c4t_core.devices import available_threads
from c4t_core.errors import ImageError
from c4t_core.files import atomic_folder
from c4t_core.models.config import prepare
from c4t_core.models.graphs.export import trace_image_encoder
from c4t_core.models.graphs.sessions import onnx_session
from c4t_core.progress import Progress, ignore

if TYPE_CHECKING:
    from c4t_core.models.network import DualEncoder

    Draw = Callable[[int, NDArray[np.uint8]], NDArray[np.uint8]]

PLAIN = "plain"
_AT_ONCE = 4  # images in one run of the network
_GREY = 63  # pixels of the square on which brightness is measured; a multiple of three


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


@dataclass(frozen=True)
class Maps:
    """What the backbone makes of n images.

    Attributes:
        pooled: float32 (n, width of the pooling).
        fine: float16 (n, c, h, w), the inner map of smaller cells, in a file.
        coarse: float16 (n, c', h', w'), likewise.
    """

    pooled: NDArray[np.float32]
    fine: NDArray[np.float16]
    coarse: NDArray[np.float16]

    def of(self, rows: NDArray[np.intp]) -> Maps:
        """Return those of some of the images."""
        return Maps(self.pooled[rows], self.fine[rows], self.coarse[rows])


def joined(parts: Sequence[Maps]) -> Maps:
    """Return the maps of several sets of images as one."""
    if len(parts) == 1:
        return parts[0]
    return Maps(
        np.concatenate([part.pooled for part in parts]),
        np.concatenate([part.fine for part in parts]),
        np.concatenate([part.coarse for part in parts]),
    )


def image_maps(
    model: DualEncoder,
    paths: Sequence[Path],
    variant: str = PLAIN,
    *,
    cache: Path,
    draw: Draw | None = None,
    progress: Progress = ignore,
) -> Maps:
    """Return pooled features and inner maps of images, from the cache if they are there.

    The network runs in ONNX Runtime, which takes a third of torch's time here.

    Args:
        model: gives encoder, input size and normalisation; nothing of it is changed.
        paths: n image files.
        variant: ``"plain"``, or any other word for an augmented copy, drawn from it and the path.
        cache: folder in which they are kept, some 260 kB an image.
        draw: makes a copy's pixels, uint8 (h, w, 3), of the number of its image and the pixels of
            that; what ``variant`` names is then drawn so.
        progress: called with (images done, n).

    Raises:
        ImageError: if an image cannot be read.
    """
    names = [f"{variant} {'/'.join(path.parts[-3:])}" for path in paths]
    folder = cache / _key(model, names)
    files = [folder / f"{part}.npy" for part in ("pooled", "fine", "coarse")]
    if not folder.is_dir():
        with atomic_folder(folder) as scratch:
            _write_maps(model, paths, scratch, progress, draw or _variation(variant, names))
    pooled, fine, coarse = (np.load(file, mmap_mode="r") for file in files)
    return Maps(np.array(pooled), fine, coarse)


def _write_maps(
    model: DualEncoder,
    paths: Sequence[Path],
    folder: Path,
    progress: Progress,
    draw: Draw | None,
) -> None:
    trace_image_encoder(model, folder / "maps.onnx", maps=True)
    session = onnx_session((folder / "maps.onnx").read_bytes(), available_threads())
    (folder / "maps.onnx").unlink()
    stores: list[NDArray[Any]] = []
    for start in range(0, len(paths), _AT_ONCE):
        rows = range(start, min(start + _AT_ONCE, len(paths)))
        pixels = [prepare(_opened(paths[i]), model.config.preprocess) for i in rows]
        if draw is not None:
            pixels = [draw(i, image) for i, image in zip(rows, pixels, strict=True)]
        made = session.run(["features", "fine", "coarse"], {"pixels": np.stack(pixels)})
        if not stores:
            stores = [
                np.lib.format.open_memmap(
                    folder / f"{part}.npy",
                    "w+",
                    np.float32 if part == "pooled" else np.float16,
                    (len(paths), *first.shape[1:]),
                )
                for part, first in zip(("pooled", "fine", "coarse"), made, strict=True)
            ]
        for store, values in zip(stores, made, strict=True):
            store[rows.start : rows.stop] = values
        progress(rows.stop, len(paths))


def _variation(variant: str, names: Sequence[str]) -> Draw | None:
    import torch

    from c4t_core.training.towers import augmented

    if variant == PLAIN:
        return None

    def draw(number: int, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        made = augmented(torch.tensor(pixels)[None], [zlib.crc32(names[number].encode())])
        return np.rint(made[0].numpy()).astype(np.uint8)

    return draw


def image_features(
    model: DualEncoder,
    paths: Sequence[Path],
    *,
    cache: Path | None = None,
    batch: int = 16,
    progress: Progress = ignore,
) -> NDArray[np.float32]:
    """Return what the image head sees of images, from the cache if it is there.

    Args:
        model: gives encoder, input size and normalisation; nothing of it is changed.
        paths: n image files.
        cache: folder in which features are kept; None keeps nothing.
        batch: images per run of the network.
        progress: called with (images done, n).

    Returns:
        float32 (n, width of the encoder).

    Raises:
        ImageError: if an image cannot be read.
    """
    import torch

    encoder = model.image_encoder.eval()
    names = ["/".join(path.parts[-3:]) for path in paths]
    kept = None if cache is None else cache / f"{_key(model, names)}.npy"
    if kept is not None and kept.is_file():
        stored: NDArray[np.float32] = np.load(kept)
        return stored
    parts = []
    with torch.inference_mode():
        for start in range(0, len(paths), batch):
            rows = range(start, min(start + batch, len(paths)))
            prepared = [prepare(_opened(paths[i]), model.config.preprocess) for i in rows]
            parts.append(encoder(torch.from_numpy(np.stack(prepared))).numpy())
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


def _key(model: DualEncoder, parts: Sequence[str]) -> str:
    """Return a name for a set of features: what they were computed from, in short."""
    how = [str(model.config.preprocess), model.config.image.pooling]
    digest = hashlib.sha256("\n".join([*how, *parts]).encode())
    for name, weight in sorted(model.image_encoder.state_dict().items()):
        if name.startswith("objects."):  # begins anew with each seed, and is not run
            continue
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
