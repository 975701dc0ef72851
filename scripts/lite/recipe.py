"""The recipe of the shipped model: heads taught by phrases whose truth is known per image.

Both encoders stay as they are; their features are computed once and kept
(:mod:`scripts.lite.features`), so that a step costs two small heads. Instead of pairing an
image with one caption and calling every other caption of the batch wrong, each step draws
images and phrases and asks the labels how true each phrase is of each image. The targets of both
softmaxes are these truths, shared among all right answers (multi-positive InfoNCE, as in
supervised contrastive learning, Khosla et al. 2020, arXiv 2004.11362, eq. 2, with graded
positives); pairs that the labels say nothing about take no part.

Noise on the text features stands in for the words that no phrase uses. Afterwards each head alone
is taught more (:mod:`scripts.lite.images`, then :mod:`scripts.lite.texts`).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from c4t_core.errors import TrainingError
from c4t_core.progress import Progress, ignore
from scripts.lite import things
from scripts.lite.concepts import WEATHER, fits
from scripts.lite.data import Frame
from scripts.lite.words import ENDING_WRAPPERS, WRAPPERS, concepts, phrases

if TYPE_CHECKING:
    from torch import Tensor

    from c4t_core.models.network import ProjectionHead

_LEAST_KNOWN = 50  # images in which both concepts of a combination are known
_LEAST_TRUE = 5  # images in which both are true
_LEAST_SHOWN = 8  # images that show a thing as it is said, else it is not taught
_BETWEEN = ("{} and {}", "{} with {}", "{} next to {}", "{}, {}", "{} beside {}", "{} behind {}")


@dataclass(frozen=True)
class RecipeOptions:
    """Everything that changes the numbers, beside the data."""

    seed: int = 0  # of phrases, batches, noise and new heads
    steps: int = 2000
    images: int = 256  # drawn per step, by source in the proportions below
    texts: int = 448  # phrases drawn per step
    names: int = 96  # names of ImageNet's classes drawn per step, beside the phrases
    rate: float = 2e-3  # AdamW's learning rate, falling to 0 along a cosine
    warmup: int = 100  # steps in which it rises
    weight_decay: float = 1e-2
    feature_dropout: float = 0.2  # of the image features
    image_noise: float = 1.0  # standard deviations of a feature
    text_noise: float = 1.4  # length of the noise, in lengths of the text's feature vector
    image_weight: float = 0.5  # of the loss image -> text beside text -> image
    within: float = 1.0  # of the loss text -> image among the images of one source alone
    first_scale: float = 10.0  # of the cosines; learned
    last_scale: float = 60.0  # at the most
    average: float = 0.99  # decay per step of the moving average, over the second half
    combinations: int = 5000  # sentences of two concepts each
    paired: float = 0.32  # share of them among the phrases drawn
    every_word: bool = True  # also those of the queries of benchmarks/quality
    wrapped: int = 3  # sentences around each noun phrase, beside the phrase alone
    said: float = 0.1  # how often what is said of a thing is drawn, beside a concept alone
    image_aim_steps: int = 1000  # in which the image head is aimed; 0 leaves it out
    image_aim_rate: float = 1e-3  # as rate
    image_aim_noise: float = 0.5  # as image_noise
    image_aim_ridge: float = 1.0  # of the regressions, in squared lengths of a row of features
    image_aim_hold: float = 1.0  # of the loss of images that move, beside what the head holds
    aim_steps: int = 2000  # in which the text head is aimed at directions; 0 leaves it out
    aim_again: int = 1000  # steps in which it is aimed once more, from where it points then
    aim_rate: float = 1e-3  # as rate
    aim_noise: float = 0.6  # as text_noise
    aim_ridge: float = 0.3  # of the regressions, in mean variances of the embedding
    aim_centred: float = 0.9  # of the difference between sources that is left out
    aim_least: int = 4  # images of a source that fulfil, and that do not, what two concepts say
    aim_kept: float = 0.4  # of where a phrase pointed before, beside its direction
    far_weight: float = 0.1  # of the loss of sentences that no image shows
    aim_sum: float = 0.5  # of the two concepts' own directions beside that of both
    apart_steps: int = 800  # in which the text head learns SearchAD's labels; 0 leaves it out
    apart_rate: float = 1e-3  # as rate
    apart_noise: float = 1.2  # on the features of their texts, as text_noise
    apart_scale: float = 40.0  # of the cosines among them
    apart_hold: float = 100.0  # of the loss that keeps the ranking of images, beside theirs
    apart_share: float = 0.9  # of the cosines with images; the rest is room to differ in
    object_noise: float = 0.3  # standard deviations of a statistic of the object maps
    object_weight: float = 4.0  # of their part of the image head, as it is drawn
    mixture: tuple[tuple[str, float], ...] = (
        ("camvid", 0.12),
        ("idd_lite", 0.16),
        ("dawn", 0.26),
        ("roads", 0.22),
        ("highway", 0.16),
        ("vehicles", 0.06),
        ("signs", 0.06),
        ("night", 0.05),
        ("boston", 0.03),
    )  # share of each source in a batch


@dataclass(frozen=True)
class Concept:
    """What a phrase may mean: its words, and how often it is drawn."""

    name: str
    nouns: tuple[str, ...]
    endings: tuple[str, ...] = ()
    weight: float = 1.0


@dataclass(frozen=True)
class Phrase:
    """A text and the one or two concepts that it means (rows of the table of fits)."""

    text: str
    first: int
    second: int  # equal to ``first`` where there is one


def vocabulary(
    frames: Sequence[Frame], options: RecipeOptions
) -> tuple[list[Concept], NDArray[np.float32]]:
    """Return all concepts that the frames show, and how well each fits each of n frames.

    Scenes, weather and roads come from the labels of their sources
    (:mod:`scripts.lite.concepts`), things on the road from boxes (:mod:`scripts.lite.things`).
    Where both know a thing, its words are joined, and the first says what it knows.

    Returns:
        The concepts and float32 (concepts, n), NaN for unknown.
    """
    rng = random.Random(options.seed)
    boxed = things.fits(frames)
    found, table = [], []
    for name, fit in zip(concepts(), fits(frames), strict=True):
        nouns, endings = phrases(name, every=options.every_word)
        if name in boxed:
            nouns += things.phrases(name, rng, every=options.every_word)
            fit = np.where(np.isnan(fit), boxed.pop(name), fit)
        elif name in _SAME:
            fit = np.where(np.isnan(fit), boxed[_SAME[name]], fit)
        found.append(Concept(name, tuple(dict.fromkeys(nouns)), tuple(endings)))
        table.append(fit)
    for name, fit in boxed.items():
        if np.nansum(fit > 0.5) >= _LEAST_SHOWN:
            weight = options.said if ":" in name else 1.0
            nouns = things.phrases(name, rng, every=options.every_word)
            found.append(Concept(name, tuple(nouns), weight=weight))
            table.append(fit)
    return found, np.stack(table).astype(np.float32)


_SAME = {
    "many cars": "vehicle:many",
    "vehicle close": "vehicle:near",
    "people": "person:several",
    "trucks": "truck:several",
}


def phrase_bank(
    known: Sequence[Concept], table: NDArray[np.float32], options: RecipeOptions
) -> list[Phrase]:
    """Return the phrases to train on: each concept alone, then combinations of two.

    Args:
        known: the concepts.
        table: float32 (concepts, n): how well each fits each image; combinations that hardly any
            image shows are left out.
        options: seed and numbers.
    """
    rng = random.Random(options.seed)
    bank = []
    for row, concept in enumerate(known):
        wrapped = 1 if ":" in concept.name else options.wrapped
        for noun in concept.nouns:
            chosen = [WRAPPERS[0], *rng.sample(WRAPPERS[1:], wrapped)]
            bank += [Phrase(wrapper.format(noun), row, row) for wrapper in chosen]
        for ending in concept.endings:
            bank += [Phrase(wrapper.format(ending), row, row) for wrapper in ENDING_WRAPPERS]
    partners = _partners(known, table)
    kinds = [kind for kind in _kinds(known) if kind[1] and any(s in partners for s in kind[1])]
    for _ in range(options.combinations if kinds else 0):
        firsts, seconds = rng.choices([k[:2] for k in kinds], [k[2] for k in kinds])[0]
        second = rng.choice([row for row in seconds if row in partners])
        allowed = [row for row in partners[second] if row in firsts]
        if not allowed:
            continue
        first = rng.choice(allowed)
        noun, other = rng.choice(known[first].nouns), rng.choice(known[second].nouns)
        endings = known[second].endings
        text = (
            _combined(rng, noun, other, rng.choice(endings))
            if endings
            else _joined(rng, noun, other)
        )
        bank.append(Phrase(text, first, second))
    return bank


def _kinds(known: Sequence[Concept]) -> list[tuple[set[int], list[int], float]]:
    """Return what is combined with what, and how often: firsts, seconds, weight."""
    everything = set(range(len(known)))
    of_things = {
        row
        for row, concept in enumerate(known)
        if concept.name.partition(":")[0] in things.THINGS and not concept.name.endswith(":none")
    }
    ended = [row for row, concept in enumerate(known) if concept.endings]
    conditions = [row for row in ended if known[row].name in (*WEATHER, "night", "day", "dusk")]
    # what is said of things are nine in ten of them: what is asked most, two plain words, would
    # hardly be among the pairs
    plain = {row for row in of_things if ":" not in known[row].name}
    plain |= {row for row, concept in enumerate(known) if concept.name in _SAME}
    return [
        (plain, conditions, 0.3),
        (of_things, conditions, 0.15),
        (everything, ended, 0.15),
        (plain, sorted(plain), 0.25),
        (of_things, sorted(of_things), 0.15),
    ]


def _partners(known: Sequence[Concept], table: NDArray[np.float32]) -> dict[int, list[int]]:
    """Return, for each concept, those that enough images show beside it."""
    found: dict[int, list[int]] = {}
    there, right = ~np.isnan(table), np.nan_to_num(table) > 0.5
    counted = there.astype(np.float32) @ there.T.astype(np.float32)
    shown = right.astype(np.float32) @ right.T.astype(np.float32)
    for second, first in np.argwhere((counted >= _LEAST_KNOWN) & (shown >= _LEAST_TRUE)):
        if known[first].name.partition(":")[0] != known[second].name.partition(":")[0]:
            found.setdefault(int(second), []).append(int(first))
    return found


def _joined(rng: random.Random, noun: str, other: str) -> str:
    """Join two noun phrases."""
    text = rng.choice(_BETWEEN).format(noun, other)
    return rng.choice(WRAPPERS).format(text) if rng.random() < 0.4 else text


def _combined(rng: random.Random, noun: str, other: str, ending: str) -> str:
    """Join a noun phrase with another concept's ending or noun phrase."""
    form = rng.random()
    if form < 0.65:
        return rng.choice(WRAPPERS).format(f"{noun} {ending}")
    if form < 0.8:
        return f"{noun} and {other}"
    return f"{other}, {noun}" if form < 0.9 else f"{noun} with {other}"


class Batches:
    """Draws images and phrases, and tells how true each phrase is of each image."""

    def __init__(
        self,
        known: Sequence[Concept],
        table: NDArray[np.float32],
        bank: Sequence[Phrase],
        sources: Sequence[str],
        options: RecipeOptions,
    ) -> None:
        """Prepare the drawing.

        Args:
            known: the concepts; what the table holds beyond them are names.
            table: float32 (concepts or more, n), NaN for unknown.
            bank: the phrases.
            sources: source of each of the n images.
            options: sizes, proportions and seed.

        Raises:
            TrainingError: if there are no images of any source of the mixture.
        """
        self._rng = np.random.default_rng(options.seed)
        self._table = table
        self._first = np.array([phrase.first for phrase in bank])
        self._second = np.array([phrase.second for phrase in bank])
        single = self._first == self._second
        self._combinations = np.flatnonzero(~single)
        labelled = self._first < len(known)
        self._names = np.flatnonzero(~labelled)
        rows = np.unique(self._first[single & labelled])
        rows = rows[np.nansum(table[rows], axis=1) > 0]
        self._concepts = [np.flatnonzero(single & (self._first == row)) for row in rows]
        weights = np.array([known[row].weight for row in rows])
        self._weights = weights / max(weights.sum(), 1e-9)
        where = np.array(sources, dtype=np.str_)
        places = {name: np.flatnonzero(where == name) for name, _ in options.mixture}
        total = sum(share for name, share in options.mixture if len(places[name]))
        if not total or not self._concepts:
            raise TrainingError(
                "There are no labelled images to train on; leave fewer sources out."
            )
        self._places = [
            (places[name], max(1, round(options.images * share / total)))
            for name, share in options.mixture
            if len(places[name])
        ]
        self.blocks = list(np.cumsum([0, *(size for _, size in self._places)]))
        self._texts, self._paired = options.texts, options.paired
        self._names_drawn = min(options.names, len(self._names))

    def draw(self) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
        """Return images (b,), phrases (m,), and float32 (m, b): how true, or NaN."""
        images = np.concatenate(
            [
                self._rng.choice(where, size, replace=len(where) < size)
                for where, size in self._places
            ]
        )
        phrases_ = self.phrases()
        columns = self._table[:, images]
        true = np.minimum(columns[self._first[phrases_]], columns[self._second[phrases_]])
        return images, phrases_, true

    def phrases(self) -> NDArray[np.intp]:
        """Return drawn phrases, (m,)."""
        pairs = int(self._texts * self._paired) if len(self._combinations) else 0
        kinds = self._rng.choice(len(self._concepts), self._texts - pairs, p=self._weights)
        single = [int(self._rng.choice(self._concepts[kind])) for kind in kinds]
        drawn = [np.array(single, dtype=np.intp)]
        if pairs:
            drawn.append(self._rng.choice(self._combinations, pairs))
        if self._names_drawn:
            drawn.append(self._rng.choice(self._names, self._names_drawn, replace=False))
        return np.concatenate(drawn)


def train_heads(
    image_features: NDArray[np.float32],
    text_features: NDArray[np.float32],
    batches: Batches,
    projection: int,
    options: RecipeOptions,
    progress: Progress = ignore,
    *,
    objects: int = 0,
) -> tuple[ProjectionHead, ProjectionHead]:
    """Train both projection heads on kept features.

    Args:
        image_features: float32 (n, w). The last columns are statistics of object maps, from
            branches that have not seen the image: else the heads would trust them more than they
            deserve.
        text_features: float32 (phrases, d).
        batches: what to draw.
        projection: width of the shared space.
        options: rates, steps, noise.
        progress: called with (steps done, steps).
        objects: how many columns are statistics of object maps.

    Returns:
        Image head and text head, for features as they come (standardisation is folded in).
    """
    import torch
    from torch.nn import functional

    from c4t_core.models.network import ProjectionHead
    from c4t_core.training.losses import graded_loss

    torch.manual_seed(options.seed)
    mean, spread = image_features.mean(axis=0), image_features.std(axis=0) + 1e-3
    images = torch.from_numpy((image_features - mean) / spread)
    texts = torch.from_numpy(text_features)
    image_head = ProjectionHead(images.shape[1], projection, 0.1)
    text_head = ProjectionHead(texts.shape[1], projection, 0.1)
    pooled = images.shape[1] - objects
    with torch.no_grad():  # few among many: they would start unheard
        image_head.projection.weight[:, pooled:] *= options.object_weight
    scale = torch.nn.Parameter(torch.tensor(options.first_scale).log())
    weights: list[Tensor] = [*image_head.parameters(), *text_head.parameters()]
    descent = Descent(weights, options.rate, options.steps, options, free=(scale,))
    for step in range(options.steps):
        rows, chosen, true = batches.draw()
        drawn = images[rows]
        x, z = drawn[:, :pooled], drawn[:, pooled:]
        x = functional.dropout(x, options.feature_dropout)
        x = x + options.image_noise * torch.randn_like(x)
        x = torch.cat([x, z + options.object_noise * torch.randn_like(z)], dim=1)
        t = noisy(texts[chosen], options.text_noise)
        a = functional.normalize(image_head(x), dim=1)  # (b, projection)
        b = functional.normalize(text_head(t), dim=1)  # (m, projection)
        bounded = scale.exp().clamp(max=options.last_scale)
        cosines, told = b @ a.T, torch.from_numpy(true)
        loss = graded_loss(cosines, bounded, told, options.image_weight)
        if options.within:
            loss = loss + options.within * within_sources(cosines, bounded, told, batches.blocks)
        descent.step(loss)
        progress(step + 1, options.steps)
    descent.settle()
    with torch.no_grad():
        _fold(image_head, torch.from_numpy(mean), torch.from_numpy(spread))
    return image_head.eval(), text_head.eval()


def within_sources(cosines: Tensor, scale: Tensor, told: Tensor, blocks: Sequence[int]) -> Tensor:
    """Return the loss of phrases (m, b) on the images of one source at a time.

    Sources look so different that a phrase is told among all images by where they are from: "a
    car" finds streets. Only among images of its own source does a frame have to show one.

    Args:
        cosines: float (m, b), phrases by images, images of one source side by side.
        scale: float scalar.
        told: float (m, b) in 0..1, NaN where unknown.
        blocks: where each source's images begin, and b.
    """
    import torch

    from c4t_core.training.losses import graded_loss

    losses = []
    for start, end in itertools.pairwise(blocks):
        part = told[:, start:end]
        right = part.nan_to_num(0.0).amax(dim=1) > 0.5
        decided = right & (part.nan_to_num(1.0).amin(dim=1) < 0.5)
        if decided.any():
            losses.append(graded_loss(cosines[decided, start:end], scale, part[decided], 0.0))
    return torch.stack(losses).mean() if losses else cosines.new_zeros(())


def noisy(texts: Tensor, noise: float) -> Tensor:
    """Add noise to features of texts, in lengths of each; it stands in for words not taught."""
    import torch

    length = texts.norm(dim=1, keepdim=True) / texts.shape[1] ** 0.5
    return texts + noise * length * torch.randn_like(texts)


class Descent:
    """AdamW whose rate rises, then falls along a cosine; what it ends with is a moving average.

    Args:
        weights: what is trained.
        rate: the highest learning rate.
        steps: how many there will be; the average is kept over the second half.
        options: warm-up, weight decay, decay of the average.
        free: trained too, without weight decay and average.
    """

    def __init__(
        self,
        weights: Sequence[Tensor],
        rate: float,
        steps: int,
        options: RecipeOptions,
        free: Sequence[Tensor] = (),
    ) -> None:
        import torch

        def factor(step: int) -> float:
            falling = 0.5 * (1 + float(np.cos(np.pi * step / steps)))
            return falling * min(1.0, (step + 1) / options.warmup)

        groups = [{"params": list(weights), "weight_decay": options.weight_decay}]
        if free:
            groups.append({"params": list(free), "weight_decay": 0.0})
        self._weights, self._decay = list(weights), options.average
        self._optimiser = torch.optim.AdamW(groups, lr=rate)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._optimiser, factor)
        self._until_kept = steps // 2
        self._kept: list[Tensor] = []

    def step(self, loss: Tensor) -> None:
        """Go down a loss."""
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        self._schedule.step()
        if self._until_kept > 0:
            self._until_kept -= 1
            return
        if not self._kept:
            self._kept = [weight.detach().clone() for weight in self._weights]
        for average, weight in zip(self._kept, self._weights, strict=True):
            average.mul_(self._decay).add_(weight.detach(), alpha=1 - self._decay)

    def settle(self) -> None:
        """Take the average."""
        import torch

        with torch.no_grad():
            for weight, average in zip(self._weights, self._kept, strict=True):
                weight.copy_(average)


def _fold(head: ProjectionHead, mean: Tensor, spread: Tensor) -> None:
    """Make ``head(x)`` of what was ``head((x - mean) / spread)``."""
    layer = head.projection
    layer.weight.div_(spread)
    layer.bias.sub_(layer.weight @ mean)
