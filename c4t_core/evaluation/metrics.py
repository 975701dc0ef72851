"""Retrieval metrics as pure functions on ranked gains.

Every function looks at many queries at once. Its input ``gains`` is (q, n): one row per query,
one column per rank, best hit first, and each cell the worth of the image at that rank: 0 for
an image that is not relevant, 1 for one that is, or a grade above 0. The ranked list may be
shorter than the collection, so the true number of relevant images is given separately.

A query without relevant images has no recall, no average precision and no nDCG. Such rows
are ``nan`` here, never a division by zero; :mod:`c4t_core.evaluation.evaluate` reports these
queries and leaves them out of the means.

:func:`mean_intervals` says by bootstrap how far a mean over queries can be trusted, and
:func:`chance_level` what a random order would score, beside which every figure is read: the exact
expectation over all orders of N images of which R are relevant, so that no dice are thrown.

Rank positions are counted from 1. Ties are the caller's affair: :func:`ranking` breaks them by
the order of the ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

CUTOFFS = (10, 25, 50, 100, 250)
"""The numbers of hits at which precision, recall and nDCG are given."""

SCORE_DECIMALS = 6
"""Similarities that agree to this many decimals are ties: a matrix product gives equal rows
scores that differ in the last bits, by where the rows happen to lie."""
RESAMPLES = 2000
"""Draws of the bootstrap."""
LEVEL = 0.95
"""Part of the drawn means that lies inside an interval."""

Floats = NDArray[np.float64]
Gains = NDArray[Any]


def ranking(scores: ArrayLike) -> NDArray[np.int64]:
    """Return the columns of ``scores`` from best to worst, ties by column.

    The columns should stand in the order of the images' ids, so that ties fall by id.

    Args:
        scores: (q, n) similarities, finite.

    Returns:
        int64 (q, n), the order of each row.

    >>> ranking([[0.2, 0.9, 0.2]]).tolist()
    [[1, 0, 2]]
    """
    steps = np.rint(-np.asarray(scores) * 10.0**SCORE_DECIMALS)
    columns = steps.shape[-1]
    if not steps.size or np.abs(steps).max() * columns >= 2.0**62:
        return np.argsort(steps, axis=-1, kind="stable").astype(np.int64, copy=False)
    # each score and its column as one number: plain sorting is four times as fast as stable
    keys: NDArray[np.int64] = steps.astype(np.int64) * columns + np.arange(columns)
    keys.sort(axis=-1)
    keys %= columns
    return keys


def precision_at(gains: Gains, n: int) -> Floats:
    """Return the share of relevant images among the first ``n`` hits.

    ``P@n = |relevant in the first n| / n``. A list shorter than ``n`` still counts as ``n``
    hits, as trec_eval does: an empty place helps nobody.

    Source: Manning, Raghavan, Schuetze, *Introduction to Information Retrieval* (2008), 8.4.

    Args:
        gains: (q, ranks) worth of each hit.
        n: number of hits looked at, from 1.

    Returns:
        float64 (q,), each 0..1.

    >>> precision_at(np.array([[1, 0, 1, 0]]), 2).tolist()
    [0.5]
    """
    _check_cutoff(n)
    return _hits(gains, n) / float(n)


def recall_at(gains: Gains, relevant: ArrayLike, n: int) -> Floats:
    """Return the share of all relevant images that is among the first ``n`` hits.

    ``R@n = |relevant in the first n| / |relevant|``, with the number of images that are truly
    relevant to the whole query.

    Source: Manning, Raghavan, Schuetze (2008), 8.3.

    Args:
        gains: (q, ranks) worth of each hit.
        relevant: (q,) number of relevant images in the collection.
        n: number of hits looked at, from 1.

    Returns:
        float64 (q,), each 0..1; nan where nothing is relevant.

    >>> recall_at(np.array([[1, 0, 1, 0]]), [4], 3).tolist()
    [0.5]
    """
    _check_cutoff(n)
    return _divide(_hits(gains, n), relevant)


def average_precision(gains: Gains, relevant: ArrayLike) -> Floats:
    """Return the mean, over all relevant images, of the precision at the rank of each.

    ``AP = 1/|relevant| * sum over ranks k with a relevant hit of P@k``; a relevant image that
    is not in the list adds 0. The mean over queries is mAP.

    Source: Manning, Raghavan, Schuetze (2008), equation 8.8.

    Args:
        gains: (q, ranks) worth of each hit.
        relevant: (q,) number of relevant images in the collection.

    Returns:
        float64 (q,), each 0..1; nan where nothing is relevant.

    >>> average_precision(np.array([[1, 0, 1, 0]]), [2]).round(4).tolist()
    [0.8333]
    """
    found = np.asarray(gains) > 0
    ranks = np.arange(1, found.shape[-1] + 1, dtype=np.float64)
    seen = np.cumsum(found, axis=-1, dtype=np.int64)
    total = np.where(found, seen / ranks, 0.0).sum(axis=-1)
    return _divide(total, relevant)


def reciprocal_rank(gains: Gains) -> Floats:
    """Return one over the rank of the first relevant hit, 0 if there is none.

    The mean over queries is MRR.

    Source: Voorhees, *The TREC-8 Question Answering Track Report* (1999).

    Args:
        gains: (q, ranks) worth of each hit.

    Returns:
        float64 (q,), each 0..1.

    >>> reciprocal_rank(np.array([[0, 0, 1], [0, 0, 0]])).round(4).tolist()
    [0.3333, 0.0]
    """
    found = np.asarray(gains) > 0
    if found.shape[-1] == 0:
        return np.zeros(found.shape[0])
    first = found.argmax(axis=-1) + 1.0
    return np.asarray(np.where(found.any(axis=-1), 1.0 / first, 0.0))


def ndcg_at(gains: Gains, ideal: ArrayLike, n: int) -> Floats:
    """Return the discounted gain of the first ``n`` hits as a share of the best possible.

    ``DCG@n = sum over k <= n of gain_k / log2(k + 1)`` and ``nDCG@n = DCG@n / IDCG@n``, where
    IDCG is the DCG of the best order (:func:`ideal_dcg`). The gain is the grade itself.

    Source: Jaervelin and Kekaelaeinen, *Cumulated Gain-Based Evaluation of IR Techniques*
    (2002), with the discount of trec_eval.

    Args:
        gains: (q, ranks) grade of each hit, 0 for none.
        ideal: (q,) IDCG@n.
        n: number of hits looked at, from 1.

    Returns:
        float64 (q,), each 0..1; nan where nothing is relevant.

    >>> ndcg_at(np.array([[1.0, 2.0]]), [ideal_dcg([1.0, 2.0], 2)], 2).round(4).tolist()
    [0.8597]
    """
    _check_cutoff(n)
    top = np.asarray(gains)[..., :n].astype(np.float64)
    return _divide(top @ _discounts(top.shape[-1]), ideal)


def ideal_dcg(grades: ArrayLike, n: int) -> float:
    """Return the DCG@n of the best order of a query's grades.

    Args:
        grades: (m,) grades of the relevant images, in any order.
        n: number of hits looked at, from 1.

    >>> round(ideal_dcg([1, 3], 2), 4)
    3.6309
    """
    _check_cutoff(n)
    best = np.sort(np.asarray(grades, dtype=np.float64))[::-1][:n]
    return float(best @ _discounts(best.shape[0]))


def r_precision(gains: Gains, relevant: ArrayLike) -> Floats:
    """Return the precision after as many hits as there are relevant images.

    Source: Manning, Raghavan, Schuetze (2008), 8.4.

    Args:
        gains: (q, ranks) worth of each hit.
        relevant: (q,) number of relevant images in the collection.

    Returns:
        float64 (q,), each 0..1; nan where nothing is relevant.

    >>> r_precision(np.array([[1, 0, 1, 0]]), [2]).tolist()
    [0.5]
    """
    found = np.asarray(gains) > 0
    number = np.asarray(relevant, dtype=np.int64)
    inside = np.arange(found.shape[-1]) < number[..., None]
    return _divide((found & inside).sum(axis=-1), number)


def precision_recall(gains: Gains, relevant: ArrayLike, levels: Sequence[float]) -> Floats:
    """Return the interpolated precision at each level of recall.

    The interpolated precision at recall r is the best precision at any recall of at least r.

    Source: Manning, Raghavan, Schuetze (2008), equation 8.7.

    Args:
        gains: (q, ranks) worth of each hit.
        relevant: (q,) number of relevant images in the collection.
        levels: recalls, each 0..1.

    Returns:
        float64 (q, len(levels)); nan where nothing is relevant; 0 at a recall that the list
        does not reach.

    >>> precision_recall(np.array([[0, 1, 1, 0]]), [2], [0.0, 0.5, 1.0]).round(4).tolist()
    [[0.6667, 0.6667, 0.6667]]
    """
    found = np.asarray(gains) > 0
    number = np.asarray(relevant, dtype=np.int64)
    ranks = np.arange(1, found.shape[-1] + 1, dtype=np.float64)
    out = np.full((found.shape[0], len(levels)), np.nan)
    for row in np.flatnonzero(number > 0):
        seen = np.cumsum(found[row])
        precision = np.append(seen / ranks, 0.0)
        best = np.maximum.accumulate(precision[::-1])[::-1]
        # The first rank whose recall reaches the level; counts, as recalls do not round well.
        needed = np.ceil(np.asarray(levels) * number[row] - 1e-9)
        out[row] = best[np.searchsorted(seen, needed, side="left")]
    return out


def _hits(gains: Gains, n: int) -> NDArray[np.int64]:
    return np.asarray((np.asarray(gains)[..., :n] > 0).sum(axis=-1), dtype=np.int64)


def _divide(value: ArrayLike, by: ArrayLike) -> Floats:
    """Return ``value / by`` in float64, nan where ``by`` is not positive."""
    top, bottom = np.broadcast_arrays(
        np.asarray(value, dtype=np.float64), np.asarray(by, dtype=np.float64)
    )
    out = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=out, where=bottom > 0)
    return out


def _discounts(n: int) -> Floats:
    return np.asarray(1.0 / np.log2(np.arange(2, n + 2, dtype=np.float64)))


def _check_cutoff(n: int) -> None:
    if n < 1:
        raise ValueError(f"a cutoff counts hits from 1, not {n}")


def mean_intervals(
    values: Floats, seed: int = 0, resamples: int = RESAMPLES, level: float = LEVEL
) -> Floats:
    """Return the interval of the mean of each column.

    The same queries are drawn for every column, and for every call with as many rows and the
    same seed. Give the differences of two models to compare them in pairs.

    Args:
        values: float64 (q, figures), one row per query, finite.
        seed: of the draw.
        resamples: number of draws.
        level: part of the means inside the interval.

    Returns:
        float64 (figures, 2), low and high; nan for fewer than two queries.
    """
    count, figures = values.shape
    if count < 2:
        return np.full((figures, 2), np.nan)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=resamples)  # (resamples, q)
    means = drawn @ values / count  # (resamples, figures)
    edges = [(1 - level) / 2, (1 + level) / 2]
    return np.asarray(np.quantile(means, edges, axis=0).T, dtype=np.float64)


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
        moment: int64 (n,), see :func:`c4t_core.evaluation.collection.moments`.
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
