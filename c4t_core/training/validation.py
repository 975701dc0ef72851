"""Retrieval on the pairs that were kept apart: captions find images, images find captions.

Captions made from labels repeat, so a caption may belong to many images and an image has
several captions: relevance is a matrix, not a diagonal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from c4t_core.evaluation import metrics

Matrix = NDArray[np.float32]
RECALLS = (1, 5, 10)


@dataclass(frozen=True)
class Retrieval:
    """Figures of one model on one set of pairs; all 0..1, means over queries.

    Attributes:
        images: number of images.
        captions: number of different captions.
        text_map: mAP of captions searching images.
        image_map: mAP of images searching captions.
        text_recall: k -> share of captions with one of their images among the first k.
        image_recall: k -> share of images with one of their captions among the first k.
        score: mean of both mAPs, what checkpoints are compared by.
    """

    images: int
    captions: int
    text_map: float
    image_map: float
    text_recall: dict[str, float]
    image_recall: dict[str, float]

    @property
    def score(self) -> float:
        """Mean of both mAPs."""
        return (self.text_map + self.image_map) / 2

    def to_dict(self) -> dict[str, object]:
        """Return plain data, the score included."""
        return {**asdict(self), "score": self.score}


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
    places: dict[str, int] = {}
    for texts in captions:
        for text in texts:
            places.setdefault(text, len(places))
    matrix = np.zeros((len(places), len(captions)), dtype=np.bool_)
    for image, texts in enumerate(captions):
        matrix[[places[text] for text in texts], image] = True
    return list(places), matrix


def retrieval(images: Matrix, texts: Matrix, relevant: NDArray[np.bool_]) -> Retrieval:
    """Measure both directions.

    Args:
        images: float32 (n, d), unit rows.
        texts: float32 (m, d), unit rows, one per different caption.
        relevant: bool (m, n).

    Returns:
        The figures; 0 where there is nothing to search.
    """
    scores = texts @ images.T  # (m, d) (d, n) -> (m, n)
    text_map, text_recall = _one_way(scores, relevant)
    image_map, image_recall = _one_way(scores.T, relevant.T)
    return Retrieval(
        len(images), len(texts), text_map, image_map, dict(text_recall), dict(image_recall)
    )


def _one_way(scores: Matrix, relevant: NDArray[np.bool_]) -> tuple[float, dict[str, float]]:
    counts = relevant.sum(axis=1)  # (q,)
    asked = counts > 0
    if not asked.any():
        return 0.0, {str(k): 0.0 for k in RECALLS}
    gains = np.take_along_axis(relevant[asked], metrics.ranking(scores[asked]), axis=1)
    precision = float(np.mean(metrics.average_precision(gains, counts[asked])))
    recall = {str(k): float(np.mean(gains[:, :k].any(axis=1))) for k in RECALLS}
    return precision, recall
