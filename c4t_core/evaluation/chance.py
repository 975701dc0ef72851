"""What a random order would score: the level beside which every figure is read.

Each function gives the exact expectation over all orders of N images of which R are relevant,
so that no dice are thrown.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from c4t_core.evaluation.metrics import CUTOFFS, Floats, ideal_dcg


def expected_precision(relevant: int, images: int, n: int) -> float:
    """Return E[P@n] = (R / N) * min(n, N) / n; 0 without images.

    >>> expected_precision(20, 100, 10)
    0.2
    """
    return relevant / images * min(n, images) / n if images else 0.0


def expected_recall(images: int, n: int) -> float:
    """Return E[R@n] = min(n, N) / N; 0 without images.

    >>> expected_recall(100, 25)
    0.25
    """
    return min(n, images) / images if images else 0.0


def expected_average_precision(relevant: int, images: int) -> float:
    """Return E[AP] of a random order.

    A relevant image at rank k expects ``(1 + (k - 1)(R - 1)/(N - 1)) / k`` precision there, and
    each rank is relevant with probability R/N. The sum over the ranks is
    ``(H_N + (R - 1)/(N - 1) * (N - H_N)) / N`` with the harmonic number H_N.

    >>> round(expected_average_precision(1, 2), 4)
    0.75
    """
    if relevant < 1 or images < 1:
        return 0.0
    harmonic = _harmonic(images)
    others = (relevant - 1) / (images - 1) if images > 1 else 0.0
    return (harmonic + others * (images - harmonic)) / images


@lru_cache(maxsize=1024)
def _harmonic(number: int) -> float:
    return float((1.0 / np.arange(1, number + 1)).sum())


def expected_reciprocal_rank(relevant: int, images: int) -> float:
    """Return E[1 / rank of the first relevant image] of a random order.

    The first k ranks hold no relevant image with probability
    ``product over i < k of (N - R - i) / (N - i)``.

    >>> round(expected_reciprocal_rank(1, 2), 4)
    0.75
    """
    if relevant < 1 or images < 1:
        return 0.0
    ranks = np.arange(images - relevant + 1, dtype=np.float64)  # before: 0 .. N - R
    missed = np.cumprod(
        np.concatenate(([1.0], (images - relevant - ranks[:-1]) / (images - ranks[:-1])))
    )
    found = relevant / (images - ranks)
    return float((missed * found / (ranks + 1)).sum())


def expected_ndcg(grades: Floats, images: int, n: int) -> float:
    """Return E[nDCG@n]: every rank expects the mean grade of the collection."""
    ideal = ideal_dcg(grades, n)
    if ideal <= 0 or images < 1:
        return 0.0
    ranks = min(n, images)
    return float(grades.sum() / images * ideal_dcg(np.ones(ranks), ranks) / ideal)


def event_chance(
    relevant: NDArray[np.int64],
    pool: NDArray[np.int64] | None,
    moment: NDArray[np.int64],
    cutoffs: tuple[int, ...] = CUTOFFS,
) -> dict[str, float]:
    """Return the expectation of every metric over events, of events in random order.

    Args:
        relevant: int64 (r,), positions of the relevant images.
        pool: int64 (m,), positions of the images that are ranked; None for all.
        moment: int64 (n,), see :func:`c4t_core.evaluation.groups.moments`.
        cutoffs: numbers of hits.
    """
    right = np.zeros(len(moment), dtype=bool)
    right[relevant] = True
    event = moment * 2 + right  # relevant and other frames of a moment are counted apart
    number = len(np.unique(event if pool is None else event[pool]))
    found = len(np.unique(event[relevant]))
    level = chance_level(np.ones(found), number, cutoffs)
    # Grades play no part over events.
    return {name: value for name, value in level.items() if not name.startswith("ndcg")}


def chance_level(
    grades: Floats,
    images: int,
    cutoffs: tuple[int, ...] = CUTOFFS,
) -> dict[str, float]:
    """Return the expectation of every metric of one query: ``"ap"``, ``"precision@10"``, ...

    Args:
        grades: float64 (R,) grades of the relevant images.
        images: number of images N.
        cutoffs: numbers of hits.
    """
    relevant = len(grades)
    return {
        "ap": expected_average_precision(relevant, images),
        "rr": expected_reciprocal_rank(relevant, images),
        "r_precision": expected_precision(relevant, images, images),
        **{f"precision@{n}": expected_precision(relevant, images, n) for n in cutoffs},
        **{f"recall@{n}": expected_recall(images, n) for n in cutoffs},
        **{f"ndcg@{n}": expected_ndcg(grades, images, n) for n in cutoffs},
    }
