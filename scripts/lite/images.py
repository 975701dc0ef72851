"""What the image head alone is taught, once both heads are trained: to let go of less.

A head that learns from phrases lets go of what hardly any of them in a batch asks, and what tells
the images of one source apart comes second to what tells sources apart. What the features hold of
each concept, and each two of them, a regression inside each source tells; the head learns to hold
that (:func:`aim_images`). Where texts are to point then is asked anew (:mod:`scripts.lite.texts`).
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from c4t_core.progress import Progress, ignore
from scripts.lite.recipe import Concept, Descent, Phrase, RecipeOptions
from scripts.lite.texts import DRAWN, decided, fits_of, known_alike, meanings, places_of

if TYPE_CHECKING:
    from torch import Tensor

    from c4t_core.models.network import ProjectionHead

_BATCH = 384  # images of a step in which the image head is aimed
_OF_A_SOURCE = 8  # of them at the least, of each source
_DRAWN_SHARE = 0.15  # of those that weather is drawn over, beside the recipe's proportions
_RARE = 0.03  # share of a source that these do not name
_MAIN = 1500  # directions of the features, the main ones, that regressions are fitted in
_SHOWN_BY = (4, 8)  # images that show a concept, and two at once, else nothing is regressed on them


@dataclass(frozen=True)
class Told:
    """What regressions on the features tell of images.

    Attributes:
        weights: float32 (r, w), of standardised features.
        counted: float32 (r,), how much each counts.
        sources: bool (sources, r): in which of the sources, by name, labels tell something of it.
    """

    weights: NDArray[np.float32]
    counted: NDArray[np.float32]
    sources: NDArray[np.bool_]


class Moments:
    """Second moments of rows less a share of their source's mean, of any choice of the rows.

    Nearly every concept is known of another choice of images, and their products anew for each
    would take an hour: those of all rows of a source are kept, and what is not known taken off.
    """

    def __init__(
        self, rows: NDArray[np.float32], places: Sequence[NDArray[np.intp]], centred: float
    ) -> None:
        self._rows, self._places, self._centred = rows, places, centred
        self._whole = [rows[place].T @ rows[place] for place in places]

    def of(
        self, known: NDArray[np.bool_], fits: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the moments (w, w) of the known rows, and with their fits (n, k), (w, k)."""
        rows, width = self._rows, self._rows.shape[1]
        spread = np.zeros((width, width), np.float32)
        right = np.zeros((width, fits.shape[1]), np.float32)
        less = self._centred * (2 - self._centred)  # of n times the product of the means
        for place, whole in zip(self._places, self._whole, strict=True):
            here, others = place[known[place]], place[~known[place]]
            if not len(here):
                continue
            few = others if len(others) < len(here) else here
            part = rows[few].T @ rows[few] if len(few) else np.zeros_like(whole)
            spread += part if few is here else whole - part
            mean, level = rows[here].mean(axis=0), fits[here].mean(axis=0)
            spread -= less * len(here) * np.outer(mean, mean)
            right += rows[here].T @ fits[here] - less * len(here) * np.outer(mean, level)
        return spread, right


def regressions(
    features: NDArray[np.float32],
    fits: NDArray[np.float32],
    sources: Sequence[str],
    options: RecipeOptions,
    least: Sequence[int],
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return what ridge regressions on features tell of concepts and two of them at once.

    As :func:`scripts.lite.texts.directions`, on the features that the image head sees.

    Args:
        features: float32 (n, w), standardised, and the louder the more they are to be heard.
        fits: float32 (p, n), how well each meaning fits an image, NaN for unknown.
        sources: of the n images.
        options: the ridge, in squared lengths of a row of features, and the centring.
        least: of each of the p: how many images must show it.

    Returns:
        Which of the p enough images show, (r,), and the weights, float32 (r, w).
    """
    rows = features - features.mean(axis=0)
    axes = np.linalg.eigh(rows.T @ rows)[1][:, : -_MAIN - 1 : -1]  # (w, main)
    moments = Moments(rows @ axes, places_of(sources), options.aim_centred)
    found: dict[int, NDArray[np.float32]] = {}
    for known, members in known_alike(fits, least):
        told = np.nan_to_num(np.stack([fit for _, fit in members], axis=1))
        spread, right = moments.of(known, told)
        ridge = options.image_aim_ridge * np.trace(spread) / known.sum()
        spread[np.diag_indices(len(spread))] += ridge
        weights = axes @ np.linalg.solve(spread, right)
        found |= {number: row for (number, _), row in zip(members, weights.T, strict=True)}
    chosen = sorted(found)
    return np.array(chosen, np.intp), np.stack([found[number] for number in chosen])


def told_of(
    features: NDArray[np.float32],
    table: NDArray[np.float32],
    bank: Sequence[Phrase],
    known: Sequence[Concept],
    sources: Sequence[str],
    options: RecipeOptions,
) -> Told:
    """Return what regressions tell of what phrases mean, and how much each of them counts.

    All concepts alone count as much as all pairs, and what is said of a thing half as much as it.

    Args:
        features: float32 (n, w), standardised and as loud as they are to be heard.
        table: float32 (concepts or more, n), NaN for unknown.
        bank: the phrases.
        known: the concepts; of the names beyond no label tells.
        sources: of the n images.
        options: of the regressions.
    """
    pairs, places = meanings(bank, known), places_of(sources)
    fits = np.stack(
        [decided(fit, places, options.aim_least) for fit in fits_of(pairs, table, sources, known)]
    )
    least = [_SHOWN_BY[first != second] for first, second in pairs]
    chosen, weights = regressions(features, fits, sources, options, least)
    meant = [pairs[number] for number in chosen]
    alone = np.array([first == second for first, second in meant])
    said = np.array([first == second and ":" in known[first].name for first, second in meant])
    counted = np.where(said, 0.5, 1.0).astype(np.float32)
    counted[~alone] *= alone.sum() / max(1, (~alone).sum())
    told = ~np.isnan(fits[chosen])
    return Told(weights, counted, np.stack([told[:, rows].any(axis=1) for rows in places]))


def aim_images(
    image_head: ProjectionHead,
    features: NDArray[np.float32],
    meanings: tuple[NDArray[np.float32], Sequence[Phrase], Sequence[Concept]],
    sources: Sequence[str],
    options: RecipeOptions,
    progress: Progress = ignore,
    *,
    objects: int = 0,
) -> ProjectionHead:
    """Teach an image head to hold what regressions on its features tell.

    Each regression gets a direction of the shared space, learnt beside the head. Per source
    1 - Pearson's correlation of the cosines with it and what the regression tells is the loss;
    noise on the features is in both. The directions are then left, for
    :func:`scripts.lite.texts.goals` finds them anew.

    Args:
        image_head: one that was trained with texts; it is not changed. Its images stay near to
            where they were (``image_aim_hold`` times 1 - cosine is added).
        features: as of :func:`scripts.lite.recipe.train_heads`, with those of copies.
        meanings: of the table of fits, float32 (concepts or more, n), the phrases, and the
            concepts.
        sources: of the n images, ``DRAWN`` of copies that weather is drawn over.
        options: rates, steps, noise.
        progress: called with (steps done, steps).
        objects: how many columns, the last, are statistics of object maps.

    Returns:
        Another image head.
    """
    import torch
    from torch.nn import functional

    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    table, bank, known = meanings
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    scaled = (features - mean) / spread
    pooled = features.shape[1] - objects
    loud = np.ones(features.shape[1], np.float32)
    loud[pooled:] = options.object_weight
    told = told_of(scaled * loud, table, bank, known, sources, options)
    weights = torch.from_numpy(told.weights * loud)
    noise = torch.full((features.shape[1],), options.image_aim_noise)
    noise[pooled:] = options.object_noise
    images = torch.from_numpy(scaled)
    aimed = copy.deepcopy(image_head).eval()
    with torch.no_grad():
        before = functional.normalize(aimed(torch.from_numpy(features)), dim=1)
        ways = torch.nn.Parameter(_fitted(before, images @ weights.T))
    of_sources = _OfSources(sources, options, rng)
    descent = Descent(
        [*aimed.train().parameters(), ways],
        options.image_aim_rate, options.image_aim_steps, options,
    )  # fmt: skip
    for step in range(options.image_aim_steps):
        rows, blocks = of_sources.draw()
        x = images[rows] + noise * torch.randn(len(rows), len(noise))
        x[:, :pooled] = functional.dropout(x[:, :pooled], options.feature_dropout / 2)
        seen = functional.normalize(
            aimed(x * torch.from_numpy(spread) + torch.from_numpy(mean)), dim=1
        )
        cosines = seen @ functional.normalize(ways, dim=1).T
        missed = _missed(cosines, x @ weights.T, blocks, told)
        held = 1 - (seen * before[rows]).sum(dim=1).mean()
        descent.step(missed + options.image_aim_hold * held)
        progress(step + 1, options.image_aim_steps)
    descent.settle()
    return aimed.eval()


class _OfSources:
    """Draws images of every source: of each its share of the recipe's mixture."""

    def __init__(
        self, sources: Sequence[str], options: RecipeOptions, rng: np.random.Generator
    ) -> None:
        names = np.unique(np.array(sources, dtype=np.str_)).tolist()
        shares = {DRAWN: _DRAWN_SHARE, **dict(options.mixture)}
        total = sum(shares.get(name, 0.0) for name in names)
        self._rng = rng
        self._places = [
            (rows, min(len(rows), max(_OF_A_SOURCE, round(_BATCH * share / total))))
            for rows, share in zip(
                places_of(sources), (shares.get(name, _RARE) for name in names), strict=True
            )
        ]
        self._ends = np.cumsum([0, *(size for _, size in self._places)])

    def draw(self) -> tuple[NDArray[np.intp], list[slice]]:
        """Return images (b,), those of a source side by side, and where each source's are."""
        rows = [self._rng.choice(rows, size, replace=False) for rows, size in self._places]
        return np.concatenate(rows), list(itertools.starmap(slice, itertools.pairwise(self._ends)))


def _fitted(rows: Tensor, told: Tensor) -> Tensor:
    """Return the unit directions of rows (n, d) that tell most of (n, r), float (r, d)."""
    import torch
    from torch.nn import functional

    rows, told = rows - rows.mean(dim=0), (told - told.mean(dim=0)) / (told.std(dim=0) + 1e-6)
    spread = rows.T @ rows
    spread = spread + 0.1 * spread.trace() / len(spread) * torch.eye(len(spread))
    return functional.normalize(torch.linalg.solve(spread, rows.T @ told).T, dim=1)


def _missed(cosines: Tensor, wanted: Tensor, blocks: Sequence[slice], told: Told) -> Tensor:
    """Return how far cosines (b, r) are from telling what is wanted (b, r), ()."""
    import torch

    counted, there = torch.from_numpy(told.counted), torch.from_numpy(told.sources)
    parts = [
        (1 - _correlation(cosines[block][:, here], wanted[block][:, here])) * counted[here]
        for block, here in zip(blocks, there, strict=True)
    ]
    lost: Tensor = torch.cat(parts).sum() / (there * counted).sum()
    return lost


def _correlation(one: Tensor, other: Tensor) -> Tensor:
    """Return Pearson's correlation of the columns of (b, r), (r,)."""
    one, other = (values - values.mean(dim=0) for values in (one, other))
    lengths = one.norm(dim=0) * other.norm(dim=0)
    return (one * other).sum(dim=0) / (lengths + 1e-6)
