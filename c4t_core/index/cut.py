"""The automatic cut of a query: where the scores of what is meant part from the rest.

The scores of one query over all images are seen as a mixture of two normal distributions, the
many that do not show it and the few that do; the cut is where the two densities cross
(arXiv 2404.05309). Where the two cannot be told apart, one normal distribution is fitted and only
scores that it cannot explain count; where there are none, nothing stands out and there is no cut.

Two groups alone do not say that one of them is what was meant: summer and winter frames part for
"elephants" as well. So a match must also score more than sentences do that no frame shows
(:class:`UnrelatedLevel`), unless there are few images.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.files import read_json
from c4t_core.index.directions import ModelHandle
from c4t_core.index.query import Filters
from c4t_core.index.scope import Scope
from c4t_core.paths import resource

SENTENCES: list[str] = read_json(resource("sentences.json"))["unrelated"]
"""What no drive shows."""

SHARE = 0.75
"""Of the sentences, how many stay below the level. Some are bound to fit by accident (penguins on
the ice are snow), so that the best of all would be too strict."""

_KEPT = 16  # levels remembered; typing asks for one again and again
_MOST = 50_000  # images looked at; more tell the same
_BINS = 512  # the mixture is fitted to a histogram: a million scores take no longer than 1,000
_ROUNDS = 150
_MIN_SCORES = 8
_MIN_SIGMA = 0.5  # of a bin; a narrower peak is an artefact of the histogram
_MIN_SEPARATION = 1.5  # distance of the means in units of their joint spread (Ashman's D / sqrt 2)
_MAJORITY = 0.55  # a share of the images that is no longer "the few that show it"
_SMALL = 150  # images; in fewer, too little is known of what unrelated sentences reach
_MIN_OUTLIERS = 4  # that many scores beyond what one distribution explains are no accident


@dataclass(frozen=True)
class Mixture:
    """Two normal distributions, the lower mean first.

    Attributes:
        weights, means, sigmas: of both; the weights sum to 1.
        gain: how much better it explains the scores than one normal distribution does, as a
            difference of the Bayesian information criterion; above 0 favours two.
    """

    weights: tuple[float, float]
    means: tuple[float, float]
    sigmas: tuple[float, float]
    gain: float

    @property
    def separation(self) -> float:
        """Distance of the means over the root of the summed variances."""
        return (self.means[1] - self.means[0]) / math.hypot(*self.sigmas)


def automatic_threshold(
    scores: NDArray[np.floating[Any]], unrelated: float | None = None
) -> float | None:
    """Return the score above which images are taken to show what was asked for.

    Args:
        scores: cosines of all images with the query, (n,), any order.
        unrelated: what sentences reach that no image shows; None if it is not known.

    Returns:
        the cut, or None where nothing stands out (or there are too few scores to tell).
    """
    mixture = fit_mixture(scores)
    if mixture is None:
        return None
    two = mixture.gain > 0 and mixture.separation >= _MIN_SEPARATION
    if unrelated is None:
        return crossing(mixture) if two else _beyond_one(scores)
    few = two and mixture.weights[1] <= _MAJORITY
    if float(np.nanmax(scores)) <= unrelated:
        return crossing(mixture) if few and len(scores) < _SMALL else None
    cut = crossing(mixture) if few else None if two else _beyond_one(scores)
    return unrelated if cut is None else cut


def _beyond_one(scores: NDArray[np.floating[Any]]) -> float | None:
    """Return the cut above which one normal distribution expects half a score, if more are there.

    Half a score is Chauvenet's criterion; four or more above it happen by chance in one query
    of five hundred.
    """
    values = np.asarray(scores, dtype=np.float64)
    values = values[np.isfinite(values)]
    cut = NormalDist(values.mean(), values.std()).inv_cdf(1 - 0.5 / len(values))
    return cut if int((values > cut).sum()) >= _MIN_OUTLIERS else None


def fit_mixture(scores: NDArray[np.floating[Any]]) -> Mixture | None:
    """Fit two normal distributions by expectation maximisation; None for too few scores."""
    values = np.asarray(scores, dtype=np.float64)
    values = values[np.isfinite(values)]
    if len(values) < _MIN_SCORES or np.ptp(values) < 1e-9:
        return None
    counts, edges = np.histogram(values, bins=_BINS)
    centres = (edges[:-1] + edges[1:]) / 2
    floor = _MIN_SIGMA * float(edges[1] - edges[0])
    mean = float(np.average(centres, weights=counts))
    sigma = max(floor, math.sqrt(float(np.average((centres - mean) ** 2, weights=counts))))
    alone = float(counts @ _log_normal(centres, mean, sigma))
    best: tuple[float, NDArray[np.float64]] | None = None
    for quantile in (0.5, 0.9, 0.98):  # the few may be half of all, or one in fifty
        fitted = _expectation_maximisation(centres, counts, values, quantile, floor)
        if best is None or fitted[0] > best[0]:
            best = fitted
    assert best is not None
    likelihood, (w, m, s) = best
    order = np.argsort(m)
    gain = 2 * (likelihood - alone) - 3 * math.log(len(values))  # three parameters more
    return Mixture(_pair(w[order]), _pair(m[order]), _pair(s[order]), gain)


def _pair(values: NDArray[np.float64]) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def _log_normal(x: NDArray[np.float64], mean: float, sigma: float) -> NDArray[np.float64]:
    result: NDArray[np.float64] = (
        -0.5 * ((x - mean) / sigma) ** 2 - math.log(sigma) - 0.5 * math.log(2 * math.pi)
    )
    return result


def _expectation_maximisation(
    centres: NDArray[np.float64],
    counts: NDArray[Any],
    values: NDArray[np.float64],
    quantile: float,
    floor: float,
) -> tuple[float, NDArray[np.float64]]:
    """Return (log likelihood, [weights, means, sigmas] of both), from a first cut at a quantile."""
    cut = np.quantile(values, quantile)
    low, high = values[values <= cut], values[values > cut]
    if not len(high):
        high = values[values >= cut]
    w = np.array([len(low), len(high)], dtype=np.float64) / (len(low) + len(high))
    m = np.array([low.mean(), high.mean()])
    s = np.maximum([low.std(), high.std()], floor)
    likelihood = -math.inf
    for _ in range(_ROUNDS):
        logs = np.stack([_log_normal(centres, m[i], s[i]) + math.log(w[i]) for i in (0, 1)])
        total = np.logaddexp(logs[0], logs[1])
        share = np.exp(logs - total) * counts  # (2, bins)
        mass = np.maximum(share.sum(axis=1), 1e-9)
        previous, likelihood = likelihood, float(counts @ total)
        w = mass / mass.sum()
        m = share @ centres / mass
        spread = (share * (centres - m[:, None]) ** 2).sum(axis=1) / mass
        s = np.maximum(np.sqrt(spread), floor)
        if likelihood - previous < 1e-6 * abs(likelihood):
            break
    return likelihood, np.stack([w, m, s])


def crossing(mixture: Mixture) -> float | None:
    """Return where the weighted densities cross between the means, None if they do not."""
    (w0, w1), (m0, m1), (s0, s1) = mixture.weights, mixture.means, mixture.sigmas
    a = 1 / (2 * s1**2) - 1 / (2 * s0**2)
    b = m0 / s0**2 - m1 / s1**2
    c = m1**2 / (2 * s1**2) - m0**2 / (2 * s0**2) - math.log((w1 * s0) / (w0 * s1))
    if abs(a) < 1e-12:
        roots = [-c / b] if b else []
    else:
        inside = b * b - 4 * a * c
        if inside < 0:
            return None
        roots = [(-b + sign * math.sqrt(inside)) / (2 * a) for sign in (1, -1)]
    between = [root for root in roots if m0 < root < m1]
    return between[0] if between else None


class UnrelatedLevel:
    """Learns and remembers the level of a model on what is searched.

    A dual encoder scores every image for every sentence, and the best of many thousand images is
    always somewhat good. How good without any match is learned from sentences that no drive shows,
    on the very images that are searched: it differs between models, collections and filters.

    Args:
        model: embeds the sentences once.
    """

    def __init__(self, model: ModelHandle) -> None:
        """Compute nothing yet."""
        self._model = model
        self._lock = threading.Lock()
        self._directions: NDArray[np.float32] | None = None
        self._levels: OrderedDict[tuple[Filters, tuple[int, ...]], float] = OrderedDict()

    def of(self, scope: Scope) -> float:
        """Return the level on the images of a scope."""
        key = (scope.filters, scope.generations)
        with self._lock:
            if key in self._levels:
                self._levels.move_to_end(key)
                return self._levels[key]
        if self._directions is None:
            rows = np.asarray(self._model.get().encode_texts(SENTENCES), dtype=np.float32)
            self._directions = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        level = float(np.quantile(scope.best(self._directions, _MOST), SHARE))
        with self._lock:
            self._levels[key] = level
            while len(self._levels) > _KEPT:
                self._levels.popitem(last=False)
        return level
