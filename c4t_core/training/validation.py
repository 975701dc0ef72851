"""Retrieval on the pairs that were kept apart: captions find images, images find captions.

Captions made from labels repeat, so a caption may belong to many images and an image has
several captions: relevance is a matrix, not a diagonal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from numpy.typing import NDArray

from c4t_core.evaluation import metrics
from c4t_core.records import dataclass
from c4t_core.training.events import Retrieval
from c4t_core.training.request import TrainingOptions
from c4t_core.training.steps import Material
from c4t_core.training.towers import Towers

Matrix = NDArray[np.float32]
RECALLS = (1, 5, 10)
_BLOCK = 64  # rows per pass: fixed, so that a figure does not depend on the training batch


def relevance(captions: Sequence[Sequence[str]]) -> tuple[list[str], NDArray[np.bool_]]:
    """Tell which caption belongs to which image.

    Args:
        captions: the captions of each image, n of them.

    Returns:
        The m different captions in order of appearance, and bool (m, n).

    >>> names, matrix = relevance([["a", "b"], ["a"]])
    >>> names, matrix.tolist()
    (['a', 'b'], [[True, True], [True, False]])
    """
    positions: dict[str, int] = {}
    for texts in captions:
        for text in texts:
            positions.setdefault(text, len(positions))
    matrix = np.zeros((len(positions), len(captions)), dtype=np.bool_)
    for image, texts in enumerate(captions):
        matrix[[positions[text] for text in texts], image] = True
    return list(positions), matrix


def retrieval(images: Matrix, texts: Matrix, relevant: NDArray[np.bool_]) -> Retrieval:
    """Measure both directions.

    Args:
        images: float32 (n, d), unit rows.
        texts: float32 (m, d), unit rows, one per different caption.
        relevant: bool (m, n).

    Returns:
        The figures; 0 where there is nothing to search.
    """
    return _both_ways(images, texts, relevant)[0]


def _both_ways(
    images: Matrix, texts: Matrix, relevant: NDArray[np.bool_]
) -> tuple[Retrieval, metrics.Floats]:
    """Return the figures, and what each query adds to the score, float64 (q,)."""
    scores = texts @ images.T  # (m, d) (d, n) -> (m, n)
    text_precision, text_recall = _one_way(scores, relevant)
    image_precision, image_recall = _one_way(scores.T, relevant.T)
    found = Retrieval(
        images=len(images),
        captions=len(texts),
        text_map=_mean(text_precision),
        image_map=_mean(image_precision),
        text_recall=text_recall,
        image_recall=image_recall,
    )
    # weighed so that their mean is the score, the mean of both means
    ways = [way for way in (text_precision, image_precision) if len(way)]
    queries = sum(map(len, ways))
    return found, np.concatenate([[], *(way * (queries / 2 / len(way)) for way in ways)])


def _mean(values: metrics.Floats) -> float:
    return float(np.mean(values)) if len(values) else 0.0


def _one_way(
    scores: Matrix, relevant: NDArray[np.bool_]
) -> tuple[metrics.Floats, dict[str, float]]:
    counts = relevant.sum(axis=1)  # (q,)
    asked = counts > 0
    if not asked.any():
        return np.empty(0), {str(k): 0.0 for k in RECALLS}
    gains = np.take_along_axis(relevant[asked], metrics.ranking(scores[asked]), axis=1)
    recall = {str(k): float(np.mean(gains[:, :k].any(axis=1))) for k in RECALLS}
    return metrics.average_precision(gains, counts[asked]), recall


@dataclass(frozen=True)
class Measured:
    """Loss and retrieval of one state of the weights, and what each query adds to its score."""

    loss: float  # mean over batches of the training size, of one caption per image
    retrieval: Retrieval
    by_query: metrics.Floats  # float64 (q,), their mean is the score


def measure(
    towers: Towers, material: Material, numbers: Sequence[int], options: TrainingOptions
) -> Measured:
    """Measure on some of the samples, at most ``options.validation_limit`` of them.

    Leaves the towers in evaluation mode.

    Args:
        towers: model and loss.
        material: samples, and where their rows come from.
        numbers: which of the samples.
        options: batch size of the loss, limit, seed of the choice.
    """
    chosen = list(numbers)
    if len(chosen) > options.validation_limit:
        drawn = np.random.default_rng(options.seed).choice(
            len(chosen), options.validation_limit, replace=False
        )
        chosen = [chosen[index] for index in sorted(drawn)]
    device = next(towers.parameters()).device
    towers.eval()
    names, relevant = relevance([material.samples[number].captions for number in chosen])
    positions = [material.captions.positions[name] for name in names]  # (m,)
    with torch.no_grad():
        pictures = torch.cat(
            [
                towers.model.image_head(
                    towers.image_features(material.images.batch(part).to(device))
                )
                for part in _blocks(chosen)
            ]
        ).float()  # (n, d)
        features = torch.cat(
            [
                towers.text_features(material.captions.batch(part).to(device))
                for part in _blocks(positions)
            ]
        )  # (m, width)
        texts = towers.model.text_head(features).float()  # (m, d)
        loss = _loss(towers, pictures, texts, features.float(), relevant, options)
    return Measured(loss, *_both_ways(_unit(pictures), _unit(texts), relevant))


def _loss(
    towers: Towers,
    pictures: torch.Tensor,
    texts: torch.Tensor,
    features: torch.Tensor,
    relevant: Any,
    options: TrainingOptions,
) -> float:
    """Return the mean loss; image i goes with its caption number i modulo how many it has."""
    columns = [np.flatnonzero(relevant[:, image]) for image in range(len(pictures))]
    which = torch.tensor([int(own[image % len(own)]) for image, own in enumerate(columns)])
    order = np.random.default_rng(options.seed).permutation(len(pictures))  # drives apart
    total = rows = 0.0
    for start in range(0, len(order), options.batch):
        part = order[start : start + options.batch].tolist()
        if len(part) < 2 and rows:
            continue
        loss = towers.criterion(pictures[part], texts[which[part]], features[which[part]])
        total += float(loss) * len(part)
        rows += len(part)
    return total / max(rows, 1)


def _blocks(numbers: Sequence[int]) -> list[list[int]]:
    return [list(numbers[start : start + _BLOCK]) for start in range(0, len(numbers), _BLOCK)]


def _unit(rows: torch.Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
    unit: np.ndarray[Any, np.dtype[np.float32]] = F.normalize(rows, dim=-1).cpu().numpy()
    return unit
