"""What the image head is told of several things at once: which, and how it is fitted.

Each unit (:class:`c4t_core.models.object_branch.Together`) multiplies the probabilities of its
conditions, each a logistic regression. The heads learn from what those of the other half of the
frames say: else they would trust them more than they deserve.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scripts.lite.concepts import WEATHER
from scripts.lite.objects import CLASSES, Targets

if TYPE_CHECKING:
    from torch import Tensor

    from c4t_core.models.object_branch import Together

_ROAD = ("person", "bicycle", "motorcycle", "car", "bus", "truck")
_NUMBERS = (1, 2, 3, 6)
_IN_WEATHER = (
    *(f"{name}>=1" for name in _ROAD if name != "car"),
    "car>=6",
    "truck>=2",
    "person>=2",
)
# how loud features are: the pooled ones, all statistics, a class's own; nought leaves them out
_LOUD = {"weather": (1.0, 0.0, 0.0), "one": (0.0, 0.0, 1.0), "more": (0.2, 3.0, 0.0)}
_RIDGE = 2e-3  # of the squared weights


def units() -> tuple[str, ...]:
    """Return the units that the shipped model has."""
    numbers = [f"{name}>={number}" for name in _ROAD for number in _NUMBERS]
    others = [f"{name.replace(' ', '_')}>=1" for name in CLASSES if name not in _ROAD]
    pairs = [f"{one}>=1 {other}>=1" for one, other in combinations(_ROAD, 2)]
    in_weather = [f"{weather} {thing}" for weather in WEATHER for thing in _IN_WEATHER]
    return (*numbers, *others, *pairs, *WEATHER, *in_weather)


def fit(
    together: Together,
    features: NDArray[np.float32],
    taught: Targets,
    weather: NDArray[np.float32],
    rows: NDArray[np.intp],
) -> None:
    """Fit the conditions of units by logistic regressions.

    That there is one is read off the statistics of the class's own map, how many off everything.

    Args:
        together: gets the fitted weights.
        features: float32 (n, w), pooled features, then statistics of branches that did not learn
            from the frame.
        taught: presence, numbers and weights of the same frames.
        weather: float32 (kinds of weather, n), 0..1, NaN where it is unknown.
        rows: which of the frames to learn from.
    """
    import torch

    from c4t_core.models.object_branch import STATISTICS

    statistics = STATISTICS * len(CLASSES)
    pooled = features.shape[1] - statistics
    mean, spread = features[rows].mean(axis=0), features[rows].std(axis=0) + 1e-3
    scaled = torch.from_numpy((features[rows] - mean) / spread)
    with torch.no_grad():
        together.likely.weight.zero_()
    for kind, chosen in _by_features(together.conditions).items():
        right, weights = zip(*(_truth(part, taught, weather) for part in chosen), strict=True)
        loud = np.zeros(features.shape[1], np.float32)
        loud[:pooled], loud[pooled:] = _LOUD[kind[0]][:2]
        if kind[1]:
            first = pooled + CLASSES.index(kind[1]) * STATISTICS
            loud[first : first + STATISTICS] = _LOUD[kind[0]][2]
        used = np.flatnonzero(loud)
        scale = torch.from_numpy(loud[used])
        slope, offset = _regression(
            scaled[:, used] * scale, np.stack(right, 1)[rows], np.stack(weights, 1)[rows]
        )
        slope = slope * scale / torch.from_numpy(spread[used])
        with torch.no_grad():
            for place, part in enumerate(chosen):
                row = together.conditions.index(part)
                together.likely.weight[row, used] = slope[place]
                at_mean = slope[place] @ torch.from_numpy(mean[used])
                together.likely.bias[row] = offset[place] - at_mean


def _by_features(conditions: Sequence[str]) -> dict[tuple[str, str], list[str]]:
    """Return conditions by what they are read off: a kind, and the class whose own map it is."""
    found: dict[tuple[str, str], list[str]] = {}
    for part in conditions:
        name, sign, number = part.partition(">=")
        label = name.replace("_", " ")
        kind = ("weather", "") if not sign else ("one", label) if number == "1" else ("more", "")
        found.setdefault(kind, []).append(part)
    return found


def _truth(
    part: str, taught: Targets, weather: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return whether a condition holds in n frames, and how much that counts, float32 (n,) each."""
    name, sign, number = part.partition(">=")
    if not sign:
        right = weather[WEATHER.index(name)]
        weights = np.ones(right.shape, np.float32)
    else:
        column = CLASSES.index(name.replace("_", " "))
        counts, right = taught.counts[:, column], taught.present[:, column]
        if number != "1":
            right = np.where(np.isnan(counts), np.nan, counts >= int(number))
        weights = taught.weights[:, column]
    known = ~np.isnan(right)
    return np.where(known, right, 0.0).astype(np.float32), np.where(known, weights, 0.0)


def _regression(
    values: Tensor, right: NDArray[np.float32], weights: NDArray[np.float32]
) -> tuple[Tensor, Tensor]:
    """Return slopes (k, w) and offsets (k,) of logistic regressions of (n, k) on (n, w)."""
    import torch
    from torch.nn import functional

    wanted, counted = torch.from_numpy(right), torch.from_numpy(weights.astype(np.float32))
    counted = counted / counted.sum(dim=0).clamp(min=1.0)
    slope = torch.zeros(wanted.shape[1], values.shape[1], requires_grad=True)
    offset = torch.full((wanted.shape[1],), -2.0, requires_grad=True)
    optimiser = torch.optim.LBFGS([slope, offset], max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        entropy = functional.binary_cross_entropy_with_logits(
            values @ slope.T + offset, wanted, reduction="none"
        )
        loss = (entropy * counted).sum() + _RIDGE * slope.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return slope.detach(), offset.detach()


def held_out(
    features: NDArray[np.float32],
    make: Callable[[], Together],
    taught: Targets,
    weather: NDArray[np.float32],
    folds: NDArray[np.intp],
    photographs: int | None = None,
) -> tuple[Together, NDArray[np.float32]]:
    """Fit units on photographs, and tell each frame's by those fitted on the other half.

    Args:
        features: as of :func:`fit`.
        make: gives new units.
        taught: as of :func:`fit`.
        weather: as of :func:`fit`.
        folds: (n,) which half a frame is in.
        photographs: how many of the frames, the first, are that; None for all.

    Returns:
        Those fitted on all photographs, and the values, float32 (n, units).
    """
    import torch

    whole = make()
    real = folds[:photographs]
    fit(whole, features, taught, weather, np.arange(len(real)))
    values = np.empty((len(folds), whole.held.shape[1]), np.float32)
    for fold in (0, 1):
        here, half = np.flatnonzero(folds == fold), make()
        fit(half, features, taught, weather, np.flatnonzero(real != fold))
        with torch.inference_mode():
            values[here] = half(torch.from_numpy(features[here])).numpy()
    return whole, values
