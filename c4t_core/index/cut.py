"""The automatic cut of a query: where the scores of what is meant part from the rest.

The scores of one query over all images are seen as a mixture of two normal distributions, the
many that do not show it and the few that do; the cut is where the two densities cross
(arXiv 2404.05309). Where the two cannot be told apart, one normal distribution is fitted and only
scores that it cannot explain count; where there are none, nothing stands out and there is no cut.

Two groups alone do not say that one of them is what was meant: summer and winter frames part for
"elephants" as well. So the best match must come nearer to what sentences about the road reach than
sentences do that no frame shows (:class:`SentenceLevels`). And the more of the images the upper
group holds, and the nearer it lies to the lower one, the more a level decides and not where they
part: what the unrelated sentences reach, a share of the best score, or part of the way from the
rest to the best, whichever is the most.
"""

from __future__ import annotations

import bisect
import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from c4t_core.files import read_json
from c4t_core.index.directions import ModelHandle, remembered
from c4t_core.index.scope import Part, Scope
from c4t_core.index.vectors.table import ROUGH, Slots, Table
from c4t_core.index.vectors.vectors import VectorSearch
from c4t_core.models.protocol import Model
from c4t_core.paths import resource
from c4t_core.records import dataclass

_READ = read_json(resource("sentences.json"))

SENTENCES: list[str] = _READ["unrelated"]
"""What no drive shows."""

ASKED: list[str] = _READ["asked"]
"""What is looked for in drives."""

EVERY = [*ASKED, *SENTENCES]
"""Both, those that are looked for first."""

SHARE = 0.75
"""Of the sentences, how many stay below the level. Some are bound to fit by accident (penguins on
the ice are snow), so that the best of all would be too strict."""

MOST = 50_000
"""Images looked at; more tell the same, and fewer do not (docs/speed.md)."""

_KEPT = 16  # levels remembered; typing asks for one again and again
_BINS = 512  # the mixture is fitted to a histogram: a million scores take no longer than 1,000
_ROUNDS = 150
_TRIED = 30  # rounds after which only the start that has come highest goes on
_LEAST_LOG = -690.0  # of a density: NumPy takes five times as long for numbers that vanish
_MIN_SCORES = 8
_MIN_SIGMA = 0.5  # of a bin; a narrower peak is an artefact of the histogram
_MIN_SPREAD = 0.1  # the same, of the deviation of all scores: two of a dozen may be nearly equal
_MIN_SEPARATION = 1.5  # distance of the means in units of their joint spread (Ashman's D / sqrt 2)
_SEPARATIONS = (1.2, 2.0)  # the same, from where two groups are none to where they surely are two
_SHARES = (0.1, 0.3)  # of all images: surely "the few that show it", and too many to be these
_ROUNDING = 1e-6  # scores that differ by less are equal
_MIN_OUTLIERS = 4  # that many scores beyond what one distribution explains are no accident
_TOWARDS_ASKED = 0.4  # of the way from unrelated sentences to those asked: a match comes so far
_OF_BEST = 0.6  # of the best score: matches score so much at the least (docs/searching.md)
_ABOVE_REST = 0.3  # of the way from the rest to the best score; matches come so far


_Both = list[tuple[float, float, float]]


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


class Levels(NamedTuple):
    """What sentences reach on some images, as cosines.

    Attributes:
        unrelated: those that no image shows.
        asked: those that are looked for, of which the images show some or none.
    """

    unrelated: float
    asked: float

    @classmethod
    def of_best(
        cls, unrelated: NDArray[np.floating[Any]], asked: NDArray[np.floating[Any]]
    ) -> Levels:
        """Return the levels of the best cosine of each sentence, (m,) and (m',)."""
        return cls(float(np.quantile(unrelated, SHARE)), float(np.median(asked)))

    @property
    def match(self) -> float:
        """What the best match must beat."""
        return self.unrelated + _TOWARDS_ASKED * max(0.0, self.asked - self.unrelated)


def automatic_threshold(
    scores: NDArray[np.floating[Any]], levels: Levels | None = None
) -> float | None:
    """Return the score above which images are taken to show what was asked for.

    Args:
        scores: cosines of all images with the query, (n,), any order.
        levels: what sentences reach; None if it is not known.

    Returns:
        the cut, or None where nothing stands out (or there are too few scores to tell).
    """
    values = _descending(scores)
    best = float(values[0]) if len(values) else 0.0
    if levels is not None and best <= levels.match + _ROUNDING:
        return None  # however they are spread
    mixture = _fitted(values)
    if mixture is None:
        return None
    if levels is None:
        two = mixture.gain > 0 and mixture.separation >= _MIN_SEPARATION
        return crossing(mixture) if two else _beyond_one(values)
    trust = _trust(mixture)
    cut = crossing(mixture) if trust else None
    level = _level(values, mixture, levels.unrelated)
    return level if cut is None else level + trust * (cut - level)


def _level(values: NDArray[np.floating[Any]], mixture: Mixture, unrelated: float) -> float:
    """Return where to cut descending values if nothing is known of the upper group.

    Above what unrelated sentences reach, a share of the best score, and part of the way from the
    rest to the best: the rest is the lower group where there surely are two, else half of all.
    """
    best, middle = float(values[0]), float(values[len(values) // 2])
    rest = middle - _apart(mixture) * max(0.0, middle - mixture.means[0])
    return max(unrelated, _OF_BEST * best if best > 0 else -1.0, rest + _ABOVE_REST * (best - rest))


def _apart(mixture: Mixture) -> float:
    """Return how surely there are two groups, 0 to 1."""
    apart = np.interp(mixture.separation, _SEPARATIONS, (0.0, 1.0))
    return float(apart) if mixture.gain > 0 else 0.0


def _trust(mixture: Mixture) -> float:
    """Return how surely the upper group is what was meant, 0 to 1.

    It is surer the further the groups lie apart, and the smaller the upper one is: half of all are
    rarely what someone looks for. In between it changes gradually: with a step there, a term that
    is weighed a little more would make ten times the hits of a query, or a tenth.
    """
    return _apart(mixture) * float(np.interp(mixture.weights[1], _SHARES, (1.0, 0.0)))


def _descending(scores: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return the finite scores, best first; those of a ranking are."""
    values = np.asarray(scores)
    if not (values[1:] <= values[:-1]).all():  # as it also is where one is no number
        values = np.sort(values[np.isfinite(values)])[::-1]
    return values


def _count(values: NDArray[np.floating[Any]], least: float) -> int:
    """Return how many of descending values are at least so high."""
    # NumPy would turn a million scores into float64 to hold them against one number
    return len(values) - bisect.bisect_left(values[::-1], least, key=float)


def _beyond_one(values: NDArray[np.floating[Any]]) -> float | None:
    """Return the cut above which one normal distribution expects half a score, if more are there.

    Half a score is Chauvenet's criterion; four or more above it happen by chance in one query
    of five hundred.
    """
    from statistics import NormalDist  # with fractions and decimals, which nobody else needs

    mean = float(values.mean(dtype=np.float64))
    square = float(np.square(values - np.asarray(mean, values.dtype)).mean(dtype=np.float64))
    cut = NormalDist(mean, math.sqrt(square)).inv_cdf(1 - 0.5 / len(values))
    return cut if _count(values, math.nextafter(cut, math.inf)) >= _MIN_OUTLIERS else None


def fit_mixture(scores: NDArray[np.floating[Any]]) -> Mixture | None:
    """Fit two normal distributions by expectation maximisation; None for too few scores."""
    return _fitted(_descending(scores))


def _fitted(values: NDArray[np.floating[Any]]) -> Mixture | None:
    """Fit to descending values; a histogram of them is all that it takes."""
    if len(values) < _MIN_SCORES or not float(values[0]) - float(values[-1]) >= 1e-9:
        return None
    edges = np.linspace(float(values[-1]), float(values[0]), _BINS + 1)
    below = np.searchsorted(values[::-1], edges[1:-1].astype(values.dtype), side="left")
    counts = np.diff(below, prepend=0, append=len(values)).astype(np.float64)
    centres = (edges[:-1] + edges[1:]) / 2
    floor = _MIN_SIGMA * float(edges[1] - edges[0])
    mean, sigma = _moments(centres, counts, floor)
    floor = max(floor, _MIN_SPREAD * sigma)
    alone = float(counts @ _log_normal(centres, mean, sigma))
    starts = []
    for quantile in (0.5, 0.9, 0.98):  # the few may be half of all, or one in fifty
        cut = float(values[int(len(values) * (1 - quantile))])
        above = _count(values, math.nextafter(cut, math.inf)) or _count(values, cut)
        starts.append(_start(centres, counts, above, floor))
    likelihood, (w, m, s) = _expectation_maximisation(centres, counts, np.array(starts), floor)
    order = np.argsort(m)
    gain = 2 * (likelihood - alone) - 3 * math.log(len(values))  # three parameters more
    return Mixture(_pair(w[order]), _pair(m[order]), _pair(s[order]), gain)


def _moments(
    centres: NDArray[np.float64], counts: NDArray[np.float64], floor: float
) -> tuple[float, float]:
    mean = float(np.average(centres, weights=counts))
    return mean, max(floor, math.sqrt(float(np.average((centres - mean) ** 2, weights=counts))))


def _start(
    centres: NDArray[np.float64], counts: NDArray[np.float64], above: int, floor: float
) -> list[list[float]]:
    """Return weights, means and sigmas of those above and those below a cut, low first."""
    high = np.diff(np.minimum(np.cumsum(counts[::-1]), above), prepend=0.0)[::-1]
    low = counts - high
    w = [max(float(part.sum()), 1e-9) / float(counts.sum()) for part in (low, high)]
    of = [_moments(centres, part if part.any() else counts, floor) for part in (low, high)]
    return [w, [mean for mean, _ in of], [sigma for _, sigma in of]]


def _pair(values: NDArray[np.float64]) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def _log_normal(x: NDArray[np.float64], mean: Any, sigma: Any) -> NDArray[np.float64]:
    result: NDArray[np.float64] = (
        -0.5 * ((x - mean) / sigma) ** 2 - np.log(sigma) - 0.5 * math.log(2 * math.pi)
    )
    return result


def _expectation_maximisation(
    centres: NDArray[np.float64],
    counts: NDArray[np.float64],
    starts: NDArray[np.float64],
    floor: float,
) -> tuple[float, NDArray[np.float64]]:
    """Return (log likelihood, [weights, means, sigmas] of both) of the start that comes highest.

    Args:
        centres: of the bars, (bins,).
        counts: scores in each.
        starts: (n, 3, 2), gone on from side by side.
        floor: the least sigma.
    """
    there = counts > 0
    middle, half = (centres[0] + centres[-1]) / 2, (centres[-1] - centres[0]) / 2
    x, counts = (centres[there] - middle) / half, counts[there]
    powers = np.stack([np.ones_like(x), x, x * x])
    constant = float(counts.sum()) * math.log(half * math.sqrt(2 * math.pi))
    going = [
        (-math.inf, [(w, (m - middle) / half, s / half) for w, m, s in zip(*start, strict=True)])
        for start in starts.tolist()
    ]
    for done in range(_ROUNDS):
        if done == _TRIED:  # the others do not catch up any more
            going = [max(going, key=_likelihood)]
        before, going = going, _bettered([both for _, both in going], powers, counts, floor / half)
        if all(
            now[0] - was[0] < 1e-6 * abs(now[0] - constant)
            for now, was in zip(going, before, strict=True)
        ):
            break
    likelihood, both = max(going, key=_likelihood)
    found = [(w, m * half + middle, s * half) for w, m, s in both]
    return likelihood - constant, np.array(found).T


def _likelihood(one: tuple[float, _Both]) -> float:
    return one[0]


def _bettered(
    all_of: list[_Both], powers: NDArray[np.float64], counts: NDArray[np.float64], floor: float
) -> list[tuple[float, _Both]]:
    """Return for pairs of distributions how likely counts are, but for a constant, and better ones.

    Args:
        all_of: weight, mean and sigma of both of each pair: plain numbers, as for six of them
            NumPy takes longer.
        powers: 1, x and the square of x for each bar, (3, bins): the logarithm of a density and
            the moments are products with these. In x from -1 to 1 nothing cancels out.
        counts: (bins,).
        floor: the least sigma.
    """
    count = len(all_of)
    terms = [
        (math.log(w / s) - 0.5 * (m / s) ** 2, m / (s * s), -0.5 / (s * s))
        for w, m, s in (*(low for low, _ in all_of), *(high for _, high in all_of))
    ]
    density = np.array(terms) @ powers  # (2 n, bins)
    np.maximum(density, _LEAST_LOG, out=density)
    np.exp(density, out=density)
    total = density[:count] + density[count:]
    share = counts / total
    density[:count] *= share
    density[count:] *= share
    moments = (density @ powers.T).tolist()
    likelihoods = (np.log(total, out=total) @ counts).tolist()
    better = [_of_moments(*pair, floor) for pair in zip(moments, moments[count:], strict=False)]
    return list(zip(likelihoods, better, strict=True))


def _of_moments(low: list[float], high: list[float], floor: float) -> _Both:
    """Return the two distributions of some sums, of sums times x and of sums times its square."""
    found, mass = [], 0.0
    for zeroth, first, second in (low, high):
        one = max(zeroth, 1e-9)
        mean = first / one
        spread = second / one - mean * mean
        found.append((one, mean, max(math.sqrt(spread) if spread > 0 else 0.0, floor)))
        mass += one
    return [(w / mass, m, s) for w, m, s in found]


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


class SentenceLevels:
    """Learns and remembers what a model's sentences reach on what is searched.

    A dual encoder scores every image for every sentence, and the best of many thousand images is
    always somewhat good. How good without any match is learned from sentences that no drive shows,
    and how good a match is from sentences that are looked for, on the very images that are
    searched: both differ between models, collections and filters.

    Args:
        model: embeds the sentences, once for each fingerprint; they are kept on disk.
    """

    def __init__(self, model: ModelHandle) -> None:
        """Compute nothing yet."""
        self._model = model
        self._lock = threading.Lock()
        self._directions: NDArray[np.float32] | None = None  # of EVERY
        self._levels: OrderedDict[tuple[object, ...], Levels] = OrderedDict()
        # of each root: its vectors, slots of which the cosines are known, and these (n, m)
        self._known: dict[VectorSearch, tuple[Table, Slots, NDArray[np.float32]]] = {}

    def of(self, scope: Scope, weights: Sequence[float] = (1.0,)) -> Levels:
        """Return the levels on the images of a scope; both are -1 where there are none.

        Args:
            scope: what is searched.
            weights: of the terms of the query. A sum of several reaches other scores than one
                sentence does, so it is held against sums of sentences, weighed alike.
        """
        ordered = _ordered(weights)
        key = (scope.filters, scope.generations, ordered.tobytes())
        with self._lock:
            if key in self._levels:
                self._levels.move_to_end(key)
                return self._levels[key]
        if self._directions is None:
            self._directions = remembered(self._model, "unrelated", EVERY, _directions)
        directions = self._directions
        kinds = (slice(len(ASKED), None), slice(len(ASKED)))  # unrelated, asked
        mixes = [_mix(ordered, len(directions[kind])) for kind in kinds]
        mixes = [
            mix / np.linalg.norm(mix @ directions[kind], axis=1, keepdims=True)
            for mix, kind in zip(mixes, kinds, strict=True)
        ]
        best = [np.full(len(mix), -1.0, np.float32) for mix in mixes]
        for part in scope.parts:
            sample, cosines = self._cosines(part, directions)
            for highest, mix, kind in zip(best, mixes, kinds, strict=True):
                rough = cosines[:, kind] @ mix.T  # (n, m)
                off = ROUGH * np.abs(mix).sum(axis=1)
                near = (rough >= rough.max(axis=0, initial=-1) - off).any(axis=1)
                reached = part.table.cosines_with(mix @ directions[kind], sample[near])
                np.maximum(highest, reached.max(axis=0, initial=-1), out=highest)
        found = Levels.of_best(*best)
        with self._lock:
            self._levels[key] = found
            while len(self._levels) > _KEPT:
                self._levels.popitem(last=False)
        return found

    def _cosines(
        self, part: Part, directions: NDArray[np.float32]
    ) -> tuple[Slots, NDArray[np.float32]]:
        """Return slots of a part, ascending, and their rough cosines with each sentence, (n, m).

        Of many images an even sample is looked at. What was looked at for another filter is known
        already, as long as the vectors are the same.
        """
        table = part.table
        slots: Slots = table.order.astype(np.int64) if part.slots is None else part.slots
        sample = np.sort(slots[:: -(-len(slots) // MOST) or 1])
        known, cosines = slots[:0], np.empty((0, len(directions)), dtype=np.float32)
        held = self._known.get(part.vectors)
        if held is not None and held[0] is table:
            _, known, cosines = held
        at = np.searchsorted(known, sample)
        there = at < len(known)
        there[there] = known[at[there]] == sample[there]
        new = sample[~there]
        more = table.cosines_with(directions, new, rough=True)
        looked = np.empty((len(sample), len(directions)), dtype=np.float32)
        looked[there], looked[~there] = cosines[at[there]], more
        if len(new):
            if len(known) + len(new) > 2 * MOST:
                known, cosines = known[:0], cosines[:0]
            known, cosines = np.concatenate([known, new]), np.concatenate([cosines, more])
            order = np.argsort(known, kind="stable")
            self._known[part.vectors] = table, known[order], cosines[order]
        return sample, looked


def _ordered(weights: Sequence[float]) -> NDArray[np.float32]:
    """Return the weights so that neither their order nor a common factor makes a difference."""
    ordered = np.sort(np.asarray(weights, dtype=np.float32))[::-1]
    return np.asarray(ordered / np.abs(ordered).max())


def _mix(weights: NDArray[np.float32], sentences: int) -> NDArray[np.float32]:
    """Return how much of each sentence is in each sum of them, float32 (m, m), a sum in a row.

    The first term is one sentence after the other, each further term the next one.
    """
    mix = np.zeros((sentences, sentences), dtype=np.float32)
    at = np.arange(sentences)
    for step, weight in enumerate(weights):
        mix[at, (at + step) % sentences] += weight
    return mix


def _directions(model: Model) -> NDArray[np.float32]:
    rows = np.asarray(model.encode_texts(EVERY), dtype=np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))
