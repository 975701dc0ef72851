"""Real frames that travel with a model as numbers: what fine-tuning is guarded and rehearsed by.

``examples.safetensors`` in a model folder holds what the image head is given of some hundreds of
photographs, and what their labels say of sentences. No picture can be had back from it, and no
name of one is in it. Part of the frames measure what fine-tuning forgets, kind by kind; the others
are rehearsed (mixed into its steps), so that less is forgotten. The numbers are the image
encoder's, so they stand for it only as long as it does not learn.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.evaluation import metrics
from c4t_core.files import write_whole
from c4t_core.models.folder import unreadable
from c4t_core.records import dataclass

if TYPE_CHECKING:
    from torch import Tensor

    from c4t_core.training.towers import Captions, Towers

EXAMPLES = "examples.safetensors"
FORMAT = 1
_STEPS = 255  # of a feature between the least and the greatest of its column
_PARTS, _UNKNOWN = 100, 255  # truths are kept in hundredths

IMAGES, PHRASES = 128, 192  # of a step of rehearsal
PAIRED = 0.38  # share of sentences of two concepts among the phrases
NOISE = 0.5  # on features, in standard deviations of their columns: few frames are not all frames
_TAKEN_WHOLE = 4  # drawn so many times as often as there are phrases, hardly one is left out
SCALE = 30.0  # of the cosines in the loss; fixed, since what is known shall stay as it is
IMAGE_WEIGHT = 0.5  # of the loss image -> text beside text -> image

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Query:
    """Something that is searched for among the frames of the guard.

    Attributes:
        kind: what it belongs to, such as ``weather``.
        texts: ways to ask for it.
    """

    kind: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Examples:
    """Frames of the guard and frames for rehearsal, as features of one image encoder.

    Attributes:
        features: float32 (n, width), of the guard's frames.
        queries: q of them.
        truth: float32 (q, n): 1 what a query looks for, 0 what it does not, NaN unknown.
        rehearsed: float32 (k, width), of the frames for rehearsal.
        phrases: p texts.
        concepts: int (p, 2), the two concepts that a phrase means, twice the same for one.
        fits: float32 (c, k): how true a concept is of a frame, 0..1, NaN unknown.
        weights: float32 (c,): how often a concept is drawn.
    """

    features: Matrix
    queries: tuple[Query, ...]
    truth: Matrix
    rehearsed: Matrix
    phrases: tuple[str, ...]
    concepts: NDArray[np.int32]
    fits: Matrix
    weights: Matrix

    @property
    def asked(self) -> tuple[str, ...]:
        """Every text of the queries once."""
        return tuple(dict.fromkeys(text for query in self.queries for text in query.texts))

    def by_kind(self, images: Matrix, texts: Mapping[str, Matrix]) -> dict[str, float]:
        """Return the mean average precision of the queries of each kind.

        Only frames whose labels answer a query take part in it.

        Args:
            images: float32 (n, d), unit rows, of the guard's frames.
            texts: text -> float32 (d,), unit length; at least those of the queries.
        """
        found: dict[str, list[float]] = {}
        for query, truth in zip(self.queries, self.truth, strict=True):
            known = np.flatnonzero(~np.isnan(truth))
            relevant = truth[known] > 0.5  # (m,)
            asked = np.stack([texts[text] for text in query.texts])  # (t, d)
            order = metrics.ranking(asked @ images[known].T)  # (t, m)
            counts = np.full(len(asked), relevant.sum())
            precision = metrics.average_precision(relevant[order], counts)
            found.setdefault(query.kind, []).append(float(precision.mean()))
        return {kind: float(np.mean(values)) for kind, values in found.items()}


def save_examples(folder: Path, examples: Examples) -> Path:
    """Write the file of examples into a model folder; its manifest is to be written again then.

    A feature takes 8 bits, between the least and the greatest of its column.

    Raises:
        OSError: if the disk does not take it.
    """
    from safetensors.numpy import save

    both = np.concatenate([examples.features, examples.rehearsed])
    offset = both.min(axis=0)  # (width,)
    scale = np.maximum(both.max(axis=0) - offset, 1e-12) / _STEPS
    count = len(examples.features)
    rows = np.rint((both - offset) / scale).astype(np.uint8)
    tensors = {
        "offset": offset,
        "scale": scale,
        "guard.features": rows[:count],
        "guard.truth": _hundredths(examples.truth),
        "rehearsal.features": rows[count:],
        "rehearsal.fits": _hundredths(examples.fits),
        "rehearsal.concepts": examples.concepts.astype(np.int32),
        "rehearsal.weights": examples.weights.astype(np.float32),
    }
    texts = {
        "format": str(FORMAT),
        "queries": json.dumps([[query.kind, *query.texts] for query in examples.queries]),
        "phrases": json.dumps(examples.phrases),
    }
    path = folder / EXAMPLES
    # safetensors writes memory as it lies, also that of arrays turned round
    plain = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    write_whole(path, save(plain, metadata=texts))
    return path


def load_examples(folder: Path, width: int) -> Examples | None:
    """Read a model folder's examples; None where it has none, or some of a later version.

    Args:
        folder: whose sums were checked.
        width: of the features that the image head takes.

    Raises:
        ModelError: if the file is no such file, or its features are not this model's.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / EXAMPLES
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            told: dict[str, str] = file.metadata() or {}
            if told.get("format") != str(FORMAT):
                return None
            read: dict[str, Any] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        examples = _examples(read, told)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise unreadable(path, error) from error
    if examples.features.shape[1] != width:
        raise unreadable(path, f"its features are not the {width} numbers of this model")
    return examples


def _examples(read: Mapping[str, Any], told: Mapping[str, str]) -> Examples:
    examples = Examples(
        features=read["guard.features"] * read["scale"] + read["offset"],
        queries=tuple(Query(kind, tuple(texts)) for kind, *texts in json.loads(told["queries"])),
        truth=_truths(read["guard.truth"]),
        rehearsed=read["rehearsal.features"] * read["scale"] + read["offset"],
        phrases=tuple(json.loads(told["phrases"])),
        concepts=read["rehearsal.concepts"],
        fits=_truths(read["rehearsal.fits"]),
        weights=read["rehearsal.weights"],
    )
    fitting = (
        examples.truth.shape == (len(examples.queries), len(examples.features))
        and examples.fits.shape == (len(examples.weights), len(examples.rehearsed))
        and examples.concepts.shape == (len(examples.phrases), 2)
    )
    if not fitting:
        raise ValueError("its parts do not belong together")
    return examples


def _hundredths(truths: Matrix) -> NDArray[np.uint8]:
    kept = np.where(np.isnan(truths), _UNKNOWN, np.rint(np.nan_to_num(truths) * _PARTS))
    return kept.astype(np.uint8)


def _truths(kept: NDArray[np.uint8]) -> Matrix:
    told = kept.astype(np.float32) / _PARTS
    return np.where(kept == _UNKNOWN, np.float32(np.nan), told)


class Draws:
    """What is rehearsed in which step: a function of the seed of the run and of the step.

    Args:
        examples: frames and phrases.
        seed: of the run.
    """

    def __init__(self, examples: Examples, seed: int) -> None:
        self._seed, self._fits, self._phrases = seed, examples.fits, examples.phrases
        self._frames = len(examples.rehearsed)
        self._first, self._second = examples.concepts.T  # (p,) each
        single = self._first == self._second
        self._paired = np.flatnonzero(~single)
        shown = np.nansum(examples.fits, axis=1) > 0  # (c,)
        rows = [row for row in np.unique(self._first[single]).tolist() if shown[row]]
        self._of_concept = [np.flatnonzero(single & (self._first == row)) for row in rows]
        weights = examples.weights[rows].astype(np.float64)
        self._weights = weights / weights.sum()

    def __call__(self, step: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Matrix]:
        """Return frames (b,), phrases (m,) and float32 (m, b): how true, NaN for unknown."""
        rng = np.random.default_rng((self._seed, step, len(self._phrases)))
        frames = rng.permutation(self._frames)[:IMAGES]
        pairs = int(PHRASES * PAIRED) if len(self._paired) else 0
        drawn = rng.choice(len(self._of_concept), PHRASES - pairs, p=self._weights)
        singles = [int(rng.choice(self._of_concept[concept])) for concept in drawn]
        phrases = np.concatenate([singles, rng.choice(self._paired, pairs)]).astype(np.intp)
        columns = self._fits[:, frames]  # (c, b)
        true = np.minimum(columns[self._first[phrases]], columns[self._second[phrases]])
        return frames, phrases, true

    def phrases_of(self, steps: int) -> tuple[str, ...]:
        """Return the phrases that are drawn in the first steps; a long run takes them all."""
        if steps * PHRASES > _TAKEN_WHOLE * len(self._phrases):
            return self._phrases
        drawn = {int(phrase) for step in range(steps) for phrase in self(step)[1]}
        return tuple(self._phrases[phrase] for phrase in sorted(drawn))


class Rehearsal:
    """The loss of rehearsed frames against phrases whose truth is known.

    Args:
        examples: frames and phrases.
        captions: with cached features of the phrases that are drawn.
        draws: of the run.
    """

    def __init__(self, examples: Examples, captions: Captions, draws: Draws) -> None:
        import torch

        self._captions, self._draws, self._phrases = captions, draws, examples.phrases
        self._features = torch.from_numpy(examples.rehearsed)  # (k, width)
        self._spread = self._features.std(dim=0) * NOISE  # (width,)

    def loss(self, towers: Towers, step: int) -> Tensor:
        """Return the loss () of one step, on the device of the towers."""
        import torch
        from torch.nn import functional

        from c4t_core.training.losses import graded_loss
        from c4t_core.training.towers import noisy

        device = next(towers.parameters()).device
        frames, phrases, true = self._draws(step)
        seen = self._features[frames]
        drawn = torch.Generator().manual_seed(step)  # the same noise on every process
        seen = (seen + torch.randn(seen.shape, generator=drawn) * self._spread).to(device)
        positions = [self._captions.positions[self._phrases[phrase]] for phrase in phrases]
        said = towers.text_features(self._captions.batch(positions).to(device))
        images = towers.model.image_head(towers.image_features(seen)).float()
        images = functional.normalize(images, dim=-1)  # (b, d)
        texts = towers.model.text_head(noisy(said, towers.text_noise)).float()
        texts = functional.normalize(texts, dim=-1)  # (m, d)
        scale = torch.tensor(SCALE, device=device)
        truth = torch.from_numpy(true).to(device)
        return graded_loss(texts @ images.T, scale, truth, IMAGE_WEIGHT)
