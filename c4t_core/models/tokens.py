"""Words to token ids, without transformers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from c4t_core.errors import ModelError
from c4t_core.models.checkpoints import TOKENIZER

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
