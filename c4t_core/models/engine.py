"""What both engines share: a checked model folder, preparation, and batching."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from c4t_core.errors import ModelError
from c4t_core.models.config import ModelConfig
from c4t_core.models.folder import TOKENIZER, fingerprint, read_config, verify_manifest
from c4t_core.models.preprocess import prepare
from c4t_core.models.protocol import Embeddings, Pixels

_FEW = 16  # below this many texts the tokenizer's own thread pool is not worth starting


class Tokens:
    """The tokenizer of a model folder.

    Args:
        path: ``tokenizer.json``.
        max_length: tokens a text is cut to, the special ones included.

    Raises:
        ModelError: if the file is missing or broken.
    """

    def __init__(self, path: Path, max_length: int) -> None:
        from tokenizers import Tokenizer

        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # noqa: BLE001 - the library raises plain Exception
            raise ModelError(
                f'{TOKENIZER} of the model "{path.parent}" cannot be read ({error}); '
                "copy the model folder again from where it came."
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length)
        self.pad_id = self._tokenizer.token_to_id("[PAD]") or 0
        self.vocabulary: int = self._tokenizer.get_vocab_size()

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, unpadded, at most ``max_length``."""
        # a lone surrogate (an undecodable file name pasted as a query) is no text to the library
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        if len(clean) < _FEW:
            return [self._tokenizer.encode(text).ids for text in clean]
        return [encoding.ids for encoding in self._tokenizer.encode_batch(clean)]

    def pad(self, ids: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pad to the longest: token ids and mask, int64 (n, t), mask 1 where there is a token."""
        longest = max((len(row) for row in ids), default=0)
        padded = np.full((len(ids), longest), self.pad_id, dtype=np.int64)
        mask = np.zeros_like(padded)
        for row, tokens in enumerate(ids):
            padded[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        return padded, mask

    def encode(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return padded token ids and mask of texts, int64 (n, t)."""
        return self.pad(self.ids(texts))


TEXT_BATCH = 64  # texts at a time


class FolderModel:
    """A C4T model from a model folder; engines add how to run its two networks.

    Attributes:
        image_batch: images run at a time; the results do not depend on it.
        name: what the user calls it.
        folder: where it lies.
        config: its configuration.
        dim: width of an embedding.
        fingerprint: hex digest over weights, tokenizer, configuration, preprocessing version.
        min_side: images may be shrunk early to this many pixels per side, and no further.

    Raises:
        ModelError: if the folder is broken, a checksum is wrong, or it is of a newer version.
    """

    image_batch = 16

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.folder = folder
        self.manifest = verify_manifest(folder)
        self.config: ModelConfig = read_config(folder)
        self.dim = self.config.projection
        self.fingerprint = fingerprint(self.manifest)
        self.min_side = self.config.preprocess.size
        self._lock = Lock()
        self._tokens: Tokens | None = None

    @property
    def tokens(self) -> Tokens:
        """The tokenizer, read at the first use."""
        with self._lock:
            if self._tokens is None:
                tokens = Tokens(self.folder / TOKENIZER, self.config.text.max_length)
                if tokens.vocabulary > self.config.text.vocabulary:
                    raise ModelError(
                        f'The tokenizer of the model "{self.folder}" does not fit its weights; '
                        "copy the model folder again from where it came."
                    )
                self._tokens = tokens
            return self._tokens

    def prepare(self, image: Image.Image) -> Pixels:
        """Return one image as uint8 (size, size, 3); thread-safe."""
        return prepare(image, self.config.preprocess)

    def encode_images(self, images: Sequence[Image.Image]) -> Embeddings:
        """Return one unit row per image, float32 (n, d); (0, d) for none."""
        rows = []
        for start in range(0, len(images), self.image_batch):
            batch = [self.prepare(image) for image in images[start : start + self.image_batch]]
            rows.append(self._run_image(np.stack(batch)))
        return self._joined(rows)

    def encode_pixels(self, pixels: Pixels) -> Embeddings:
        """Return one unit row per prepared image, uint8 (n, size, size, 3) -> float32 (n, d).

        Raises:
            ValueError: if shape or type of the pixels are others.
        """
        side = self.config.preprocess.size
        if pixels.dtype != np.uint8 or pixels.shape[1:] != (side, side, 3):
            raise ValueError(
                f"pixels are {pixels.dtype} {pixels.shape}, not uint8 (n, {side}, {side}, 3)"
            )
        size = self.image_batch
        starts = range(0, len(pixels), size)
        return self._joined([self._run_image(pixels[i : i + size]) for i in starts])

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Return one unit row per text, float32 (n, d); (0, d) for none."""
        ids = self.tokens.ids(texts)
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))  # little padding per batch
        rows = np.empty((len(ids), self.dim), dtype=np.float32)
        for start in range(0, len(order), TEXT_BATCH):
            batch = order[start : start + TEXT_BATCH]
            rows[batch] = self._run_text(*self.tokens.pad([ids[i] for i in batch]))
        return rows

    def _joined(self, rows: list[Embeddings]) -> Embeddings:
        return np.concatenate(rows) if rows else np.empty((0, self.dim), dtype=np.float32)

    def _run_image(self, pixels: Pixels) -> Embeddings:
        """Embed a batch of pixels as unit rows."""
        raise NotImplementedError

    def _run_text(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Embeddings:
        """Embed a batch of token ids and mask (n, t) as unit rows."""
        raise NotImplementedError
