"""What the text head alone is taught, once both heads are trained: the images stay where they are.

First it is aimed (:func:`aim`). A softmax over images of all sources rewards a text for pointing at
the source in which such images are many, and what tells its own images apart there comes second.
Which direction of the shared space does that best, the labels say outright: a regression for each
concept, and each two of them, inside each source. The head learns to send phrases there, and
sentences about what no drive shows away from all images (:mod:`scripts.lite.elsewhere`).

Then it learns to tell situations apart that no image was labelled with (:func:`keep_apart`): it
has directions left in which the images do not differ, and is held to rank the images as before.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from c4t_core.progress import Progress, ignore
from scripts.lite.concepts import WEATHER
from scripts.lite.recipe import Batches, Concept, Descent, Phrase, RecipeOptions, noisy

if TYPE_CHECKING:
    from torch import Tensor

    from c4t_core.models.network import ProjectionHead

_LEAST_SHOWN = 3  # images that fulfil a concept, else it has no direction
_SHORT = 1e-3  # length below which a direction is none
_FAR_TEXTS, _FAR_IMAGES = 64, 512  # drawn for each step of :class:`Away`
_HIGHEST = 8  # cosines of a sentence that count there

DRAWN = "drawn"  # stands for the source of copies that weather is drawn over

Pair = tuple[int, int]  # rows of the table of fits; equal where there is one concept


def places_of(sources: Sequence[str]) -> list[NDArray[np.intp]]:
    """Return the rows of each source, by its name."""
    names = np.array(sources, dtype=np.str_)
    return [np.flatnonzero(names == name) for name in np.unique(names)]


def directions(
    images: NDArray[np.float32],
    table: NDArray[np.float32],
    pairs: Sequence[Pair],
    sources: Sequence[str],
    *,
    ridge: float,
    centred: float,
    least: int = 0,
) -> NDArray[np.float32]:
    """Return the direction in which the images differ that show what is meant.

    Ridge regression (Hoerl and Kennard 1970) of how true it is on the embeddings, both less
    ``centred`` of the mean of their source: what only tells sources apart gains little.

    Args:
        images: float32 (n, d), unit rows.
        table: float32 (concepts, n): how well each fits each image, NaN for unknown. What two
            concepts say together fits as well as the worse of both.
        pairs: p of them.
        sources: of the n images.
        ridge: of the squared weights, in mean variances of the embedding.
        centred: share of the sources' means that is taken away, 0..1.
        least: a source counts if so many of its images fulfil it, and so many do not; 0 for all.

    Returns:
        float32 (p, d), unit rows, or zeros where too few images show it.
    """
    names, places = np.array(sources, dtype=np.str_), places_of(sources)
    fits = (decided(np.minimum(table[one], table[other]), places, least) for one, other in pairs)
    found = np.zeros((len(pairs), images.shape[1]), np.float32)
    for known, members in known_alike(fits, itertools.repeat(_LEAST_SHOWN)):
        right = np.stack([fit[known] for _, fit in members], axis=1)
        weights = _regression(images[known], right, names[known], ridge, centred)
        for (place, _), weight in zip(members, weights, strict=True):
            found[place] = _unit(weight)
    return found


def known_alike(
    fits: Iterable[NDArray[np.float32]], least: Iterable[int]
) -> Iterator[tuple[NDArray[np.bool_], list[tuple[int, NDArray[np.float32]]]]]:
    """Put together what is known of the same images: one matrix serves all of it.

    Args:
        fits: float32 (n,) each, NaN for unknown.
        least: how many images must show each, else it is left out.

    Yields:
        The images, bool (n,), and the places and fits of those that are known of just these.
    """
    alike: dict[bytes, list[tuple[int, NDArray[np.float32]]]] = {}
    for place, (fit, needed) in enumerate(zip(fits, least, strict=False)):
        if (fit > 0.5).sum() >= needed:
            alike.setdefault(np.isnan(fit).tobytes(), []).append((place, fit))
    for unknown, members in alike.items():
        yield ~np.frombuffer(unknown, dtype=bool), members


def decided(
    fit: NDArray[np.float32], places: Sequence[NDArray[np.intp]], least: int
) -> NDArray[np.float32]:
    """Return how well something fits where a source has so many of either kind, else NaN."""
    kept = fit.copy()
    for rows in places if least else ():
        part = fit[rows]
        if min((part > 0.5).sum(), (part < 0.5).sum()) < least:
            kept[rows] = np.nan
    return kept


def _regression(
    images: NDArray[np.float32],
    fits: NDArray[np.float32],
    names: NDArray[np.str_],
    ridge: float,
    centred: float,
) -> NDArray[np.float32]:
    """Return the weights (k, d) of regressions of (n, k) on (n, d) inside each source."""
    rows, right = images.astype(np.float64), fits.astype(np.float64)
    for name in np.unique(names):
        here = names == name
        rows[here] -= centred * rows[here].mean(axis=0)
        right[here] -= centred * right[here].mean(axis=0)
    spread = rows.T @ rows
    spread += ridge * np.trace(spread) / len(spread) * np.eye(len(spread))
    return np.linalg.solve(spread, rows.T @ right).T.astype(np.float32)


def meanings(bank: Sequence[Phrase], known: Sequence[Concept]) -> list[Pair]:
    """Return what phrases mean, in order; names beyond the known concepts mean nothing here."""
    return sorted({(p.first, p.second) for p in bank if p.first < len(known)})


def fits_of(
    pairs: Sequence[Pair],
    table: NDArray[np.float32],
    sources: Sequence[str],
    known: Sequence[Concept],
) -> NDArray[np.float32]:
    """Return how well what pairs of concepts mean fits each of n images, float32 (p, n).

    Of a weather alone the copies that it is drawn over tell nothing: what is drawn looks like what
    is drawn. Beside a thing it is the best there is.
    """
    found = np.stack([np.minimum(table[first], table[second]) for first, second in pairs])
    drawn = np.array(sources) == DRAWN
    for row, (first, second) in enumerate(pairs):
        if first == second and known[first].name in WEATHER:
            found[row, drawn] = np.nan
    return found


def goals(
    images: NDArray[np.float32],
    table: NDArray[np.float32],
    bank: Sequence[Phrase],
    sources: Sequence[str],
    options: RecipeOptions,
    known: Sequence[Concept],
) -> tuple[Mapping[Pair, int], NDArray[np.float32]]:
    """Return where phrases are to point: the place of each meaning, and float32 (meanings, d).

    Two concepts point where images differ that show both, in the sources that have some, and
    somewhat to where each of them points alone; unit rows, or zeros where nothing is known. Of
    the names beyond the ``known`` concepts no label tells, so that they point nowhere.
    """
    pairs = meanings(bank, known)
    fits, itself = fits_of(pairs, table, sources, known), [(i, i) for i in range(len(pairs))]
    place = {pair: number for number, pair in enumerate(pairs)}
    found, both = (
        directions(
            images, fits, itself, sources,
            ridge=options.aim_ridge, centred=options.aim_centred, least=least,
        )
        for least in (0, options.aim_least)
    )  # fmt: skip
    alone = found.copy()
    for (first, second), number in place.items():
        own = [place.get((part, part)) for part in (first, second)]
        if first == second or any(at is None or not alone[at].any() for at in own):
            continue
        summed = _unit(alone[[at for at in own if at is not None]].sum(axis=0))
        if both[number].any():
            summed = _unit(both[number] + options.aim_sum * summed)
        found[number] = summed
    return place, found


def _unit(row: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(row)
    return row / length if length > _SHORT else np.zeros_like(row)


class Away:
    """The loss of sentences about what no image shows that come near to some images.

    Per sentence the mean of its highest cosines, of images drawn anew at each call, as far as it
    is above zero. Noise on the features stands in for sentences that are not among them.

    Args:
        texts: float32 (s, d), features of the sentences.
        images: float32 (n, d'), unit rows.
        options: weight, numbers drawn, noise, seed.
    """

    def __init__(
        self, texts: NDArray[np.float32], images: NDArray[np.float32], options: RecipeOptions
    ) -> None:
        import torch

        self._texts, self._images = torch.from_numpy(texts), torch.from_numpy(images)
        self._options = options
        self._drawn = torch.Generator().manual_seed(options.seed)

    def __call__(self, text_head: ProjectionHead) -> Tensor:
        """Return the loss, ()."""
        import torch
        from torch.nn import functional

        texts, images = (
            rows[torch.randint(len(rows), (number,), generator=self._drawn)]
            for rows, number in ((self._texts, _FAR_TEXTS), (self._images, _FAR_IMAGES))
        )
        rows = functional.normalize(text_head(noisy(texts, self._options.aim_noise)), dim=1)
        highest = (rows @ images.T).topk(_HIGHEST, dim=1).values.mean(dim=1)
        return self._options.far_weight * highest.relu().mean()


def aim(
    text_head: ProjectionHead,
    text_features: NDArray[np.float32],
    batches: Batches,
    bank: Sequence[Phrase],
    wanted: tuple[Mapping[Pair, int], NDArray[np.float32]],
    away: tuple[NDArray[np.float32], NDArray[np.float32]],
    options: RecipeOptions,
    progress: Progress = ignore,
) -> ProjectionHead:
    """Teach the text head to point where images differ that show what a phrase means.

    The loss is one minus the cosine of a phrase, with noise on its features, and its direction
    with some of where it pointed before. A direction alone ranks as well, but its cosines with
    images that show the phrase are no higher than those of sentences that no image shows, which
    the automatic cut goes by.

    Args:
        text_head: one that was trained with images; it is not changed.
        text_features: float32 (phrases, d).
        batches: draws phrases.
        bank: the phrases.
        wanted: of :func:`goals`.
        away: features of sentences about what no image shows, float32 (s, d), and the images,
            unit rows, float32 (n, d'): see :class:`Away`.
        options: rates, steps, noise.
        progress: called with (steps done, steps).

    Returns:
        Another text head.
    """
    import torch
    from torch.nn import functional

    torch.manual_seed(options.seed)
    kept_off = Away(*away, options)
    aimed = copy.deepcopy(text_head).train()
    place, found = wanted
    found = np.concatenate([found, np.zeros((1, found.shape[1]), np.float32)])
    nowhere = len(found) - 1
    meant = np.array([place.get((phrase.first, phrase.second), nowhere) for phrase in bank])
    told = found.any(axis=1)[meant]
    texts = torch.from_numpy(text_features)
    with torch.no_grad():
        before = functional.normalize(text_head.eval()(texts), dim=1)
        meant_rows = torch.from_numpy(found)[torch.from_numpy(meant)] + options.aim_kept * before
        meant_rows = functional.normalize(meant_rows, dim=1)  # (phrases, d)
    descent = Descent(list(aimed.parameters()), options.aim_rate, options.aim_steps, options)
    for step in range(options.aim_steps):
        drawn = batches.phrases()
        drawn = drawn[told[drawn]]
        rows = functional.normalize(aimed(noisy(texts[drawn], options.aim_noise)), dim=1)
        descent.step(1 - (rows * meant_rows[drawn]).sum(dim=1).mean() + kept_off(aimed))
        progress(step + 1, options.aim_steps)
    descent.settle()
    return aimed.eval()


def keep_apart(
    heads: tuple[ProjectionHead, ProjectionHead],
    image_features: NDArray[np.float32],
    text_features: NDArray[np.float32],
    batches: Batches,
    situations: tuple[NDArray[np.float32], Sequence[int]],
    elsewhere: NDArray[np.float32],
    options: RecipeOptions,
    progress: Progress = ignore,
) -> ProjectionHead:
    """Teach the text head to tell texts apart, so that it ranks the images as it did before.

    Each text of ``situations`` is to find those of its own meaning among all others (supervised
    contrastive learning, as above, but text to text: no image is asked). Beside it the cosines of
    phrases with the images of a batch are held to be what they were, up to a factor and an offset
    for each phrase: 1 - Pearson's correlation is the loss, and a tenth of the squared change
    holds the factor. Joining the term to :func:`train_heads` instead costs image retrieval, and
    so does a factor of 1: unit rows need room for directions in which images do not differ.

    Args:
        heads: image head and text head that were trained; neither is changed.
        image_features: as of :func:`train_heads`.
        text_features: as of :func:`train_heads`.
        batches: as of :func:`train_heads`.
        situations: float32 (s, d), features of the texts, and for each the number of its meaning.
        elsewhere: float32 (s', d), features of sentences about what no image shows.
        options: rates, steps, noise.
        progress: called with (steps done, steps).

    Returns:
        Another text head.
    """
    import torch
    from torch.nn import functional

    from c4t_core.training.losses import graded_loss

    torch.manual_seed(options.seed)
    image_head, before = heads
    text_head = copy.deepcopy(before).train()
    before.eval()
    with torch.no_grad():
        seen = image_head.eval()(torch.from_numpy(image_features))
        images = functional.normalize(seen, dim=1)
    texts, alone = torch.from_numpy(text_features), torch.from_numpy(situations[0])
    meant = torch.tensor(situations[1])
    alike = (meant[:, None] == meant).float().fill_diagonal_(float("nan"))  # itself: not asked
    scale = torch.tensor(options.apart_scale)
    kept_off = Away(elsewhere, images.numpy(), options)
    weights = list(text_head.parameters())
    descent = Descent(weights, options.apart_rate, options.apart_steps, options)
    for step in range(options.apart_steps):
        rows, chosen, _ = batches.draw()
        drawn = images[rows]
        drawn = drawn - drawn.mean(dim=0)
        t = noisy(texts[chosen], options.text_noise * float(torch.rand(())))
        now = functional.normalize(text_head(t), dim=1) @ drawn.T  # (m, b)
        with torch.no_grad():
            then = functional.normalize(before(t), dim=1) @ drawn.T
        held = (1 - functional.cosine_similarity(now, then, dim=1)).mean()
        moved = (now - options.apart_share * then).square().mean() / then.square().mean()
        held = held + 0.1 * moved
        found = functional.normalize(text_head(noisy(alone, options.apart_noise)), dim=1)
        loss = options.apart_hold * held + graded_loss(found @ found.T, scale, alike, 0.0)
        loss = loss + options.apart_hold * kept_off(text_head)
        descent.step(loss)
        progress(step + 1, options.apart_steps)
    descent.settle()
    return text_head.eval()
