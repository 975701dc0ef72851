"""How far a mean over queries can be trusted: bootstrap intervals, also of differences.

Source: Efron, *Bootstrap Methods: Another Look at the Jackknife* (1979); for retrieval, Smucker,
Allan, Carterette, *A Comparison of Statistical Significance Tests for Information Retrieval
Evaluation* (2007). Queries are drawn with replacement; the interval holds the middle 95 % of
the means. It speaks about other queries of the same kind on the same images, not about other
images.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
LEVEL = 0.95

Floats = NDArray[np.float64]


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
