"""Guards of fine-tuning: what was won on new drives, what was lost elsewhere, and a blend.

Fine-tuning on little data often costs what the model knew. Weights between the old and the
new ones, ``theta = (1 - a) theta_old + a theta_new``, often keep both (Wortsman et al.,
"Robust fine-tuning of zero-shot models", WiSE-FT, arXiv 2109.01903, section 3). The mixing
weight ``a`` is chosen on the validation drives, among those that keep the general set: frames of
the drives that ship, or the user's own pairs, and sentences whose order of meaning must stay; and
those that keep what searches find among the real frames that travel with the model, kind by kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from numpy.typing import NDArray
from torch import Tensor

from c4t_core.datasets.captions import captions
from c4t_core.datasets.scenes import read_scenes
from c4t_core.evaluation.metrics import mean_intervals
from c4t_core.paths import resource
from c4t_core.training.checkpoint import load_learning_state
from c4t_core.training.data import Sample
from c4t_core.training.events import Figures, Guarded, Retrieval
from c4t_core.training.examples import Examples
from c4t_core.training.request import TrainingOptions
from c4t_core.training.steps import Material
from c4t_core.training.towers import Captions, Towers
from c4t_core.training.validation import measure

TOLERANCE = 0.02
"""How much of the general score may go before a model counts as one that forgot."""

SLACK = 0.01
"""By how much the held-out figure may fall short of the best for the sake of what was known, and
what a kind of query may lose on the real frames."""

HALF = 0.5
"""The mix without any evidence for another one (WiSE-FT's own advice, section 4)."""

MIXES = tuple(step / 10 for step in range(11))
"""The mixing weights that are tried."""

Floats = NDArray[np.float32]

SAMPLE_CAPTIONS = 2  # sentences per drawn frame


@cache
def triplets() -> list[list[str]]:
    """Return the triplets: a sentence, the same in other words, something else."""
    lines = resource("training", "triplets.tsv").read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines if line[0] != "#"]


def sentences() -> list[str]:
    """Return every sentence of the triplets once, in order."""
    return list(dict.fromkeys(sentence for triplet in triplets() for sentence in triplet))


def sample_drive() -> list[Sample]:
    """Return the frames that ship with the application with captions from their labels.

    Empty where this installation came without them.
    """
    try:
        root: Path = resource("sample", "drives")
    except FileNotFoundError:
        return []
    found = []
    for scene in read_scenes("a2d2", root):
        texts = captions(scene, "sentence", seed=0, per_image=SAMPLE_CAPTIONS)
        if texts:
            found.append(Sample(root / scene.image, scene.image, tuple(texts), scene.drive))
    return found


def mixed(old: Mapping[str, Tensor], new: Mapping[str, Tensor], mix: float) -> dict[str, Tensor]:
    """Return ``(1 - mix) old + mix new``, tensor by tensor; counters are the new ones.

    Args:
        old: name -> tensor.
        new: the same names and shapes.
        mix: 0..1; 0 and 1 give the old and the new values exactly.
    """
    if mix in (0.0, 1.0):
        return dict(old if mix == 0.0 else new)
    return {
        name: torch.lerp(old[name], tensor, mix) if tensor.is_floating_point() else tensor
        for name, tensor in new.items()
    }


def order_of_meanings(embeddings: Floats) -> float:
    """Return the share of triplets whose first two sentences lie closer than first and third.

    Args:
        embeddings: float32 (s, d), unit rows, one for each of :func:`sentences`.
    """
    row_of = {sentence: row for row, sentence in enumerate(sentences())}
    rows = np.array([[row_of[text] for text in triplet] for triplet in triplets()])  # (t, 3)
    first, same, other = (embeddings[rows[:, column]] for column in range(3))  # (t, d) each
    right = (first * same).sum(axis=1) > (first * other).sum(axis=1)  # (t,)
    return float(right.mean())


def rank_correlation(a: Floats, b: Floats) -> float:
    """Return Spearman's correlation of the pairwise similarities of two sets of embeddings.

    Args:
        a: float32 (s, d), unit rows.
        b: float32 (s, e), unit rows for the same sentences.
    """
    above = np.triu_indices(len(a), k=1)
    ranks = [np.argsort(np.argsort((rows @ rows.T)[above])) for rows in (a, b)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


class Guard:
    """Measures weights on the held-out drives and on the general set.

    Args:
        towers: model and loss; its weights are replaced by each state that is measured.
        material: of the run; its validation samples are the held-out drives.
        general: images with captions that must not be forgotten; None for none.
        probe: the general sentences.
        options: of the run.
        known: real frames that travel with the model, and their texts; None without any.
    """

    def __init__(
        self,
        towers: Towers,
        material: Material,
        general: Material | None,
        probe: Captions,
        options: TrainingOptions,
        known: tuple[Examples, Captions] | None = None,
    ) -> None:
        self._towers, self._material, self._general = towers, material, general
        self._probe, self._options, self._known = probe, options, known
        self._old_sentences: Floats | None = None
        self._held_out: dict[float, NDArray[np.float64]] = {}  # mix -> by query

    def figures(self, state: Mapping[str, Tensor], mix: float) -> Figures:
        """Measure one state of the weights; the first call must be that of the old ones."""
        load_learning_state(self._towers, state)
        self._towers.eval()
        embedded = self._texts(self._probe, range(len(self._probe.positions)))
        if self._old_sentences is None:
            self._old_sentences = embedded
        return Figures(
            mix=mix,
            held_out=self._retrieval(self._material, self._material.validation, mix),
            general=self._retrieval(self._general),
            meaning=order_of_meanings(embedded),
            kept=rank_correlation(self._old_sentences, embedded),
            kinds=self._by_kind(),
        )

    def _retrieval(
        self, material: Material | None, numbers: range | None = None, mix: float | None = None
    ) -> Retrieval | None:
        if material is None:
            return None
        chosen = range(len(material.samples)) if numbers is None else numbers
        if not len(chosen):
            return None
        found = measure(self._towers, material, chosen, self._options)
        if mix is not None:
            self._held_out[mix] = found.by_query
        return found.retrieval

    def _gained(self, chosen: Figures) -> tuple[float, float] | None:
        """Return the interval of what the held-out score gained, by the queries in pairs."""
        if not self._held_out:
            return None
        return interval(self._held_out[chosen.mix] - self._held_out[0.0])

    def _by_kind(self) -> dict[str, float] | None:
        if self._known is None:
            return None
        examples, captions = self._known
        asked = examples.asked
        texts = self._texts(captions, [captions.positions[text] for text in asked])  # (t, d)
        device = next(self._towers.parameters()).device
        with torch.no_grad():
            seen = self._towers.image_features(torch.from_numpy(examples.features).to(device))
            embedded = self._towers.model.image_head(seen).float()
            images: Floats = F.normalize(embedded, dim=-1).cpu().numpy()  # (n, d)
        return examples.by_kind(images, dict(zip(asked, texts, strict=True)))

    def _texts(self, captions: Captions, positions: Sequence[int]) -> Floats:
        device = next(self._towers.parameters()).device
        with torch.no_grad():
            batch = captions.batch(positions).to(device)
            features = self._towers.text_features(batch)  # (s, width)
            unit = F.normalize(self._towers.model.text_head(features).float(), dim=-1)
        rows: Floats = unit.cpu().numpy()
        return rows

    def decide(
        self,
        old: Mapping[str, Tensor],
        new: Mapping[str, Tensor],
        blend: float | None,
        progress: Callable[[int, int], None],
    ) -> Guarded:
        """Measure before and after, blend where that is better, and load what is kept.

        Args:
            old: learning state before training.
            new: after.
            blend: a mixing weight that the user chose; None: half of each where that is as good
                or nothing is held out, all mixes where the model forgot or gained nothing, and
                where real frames tell them apart.
            progress: called with states measured and in all; may raise Cancelled.
        """
        before = self.figures(old, 0.0)
        progress(1, len(MIXES))
        after = self.figures(new, 1.0)
        tried = [before, after]
        worse = forgotten(before, after) or not helped(before, after)
        mixes = MIXES if worse or before.kinds else (HALF,)
        if blend is not None:
            mixes = (blend,)
        for mix in mixes:
            if mix not in (0.0, 1.0):
                progress(len(tried), len(MIXES))
                tried.append(self.figures(mixed(old, new, mix), mix))
        tried.sort(key=lambda figures: figures.mix)
        chosen = (
            next(figures for figures in tried if figures.mix == blend)
            if blend is not None
            else choose(before, tried)
        )
        load_learning_state(self._towers, mixed(old, new, chosen.mix))
        return Guarded(
            before=before,
            after=after,
            chosen=chosen,
            tried=tuple(tried),
            warnings=_warnings(before, after, chosen),
            gained=self._gained(chosen),
        )


def interval(differences: NDArray[np.float64]) -> tuple[float, float] | None:
    """Return the 95 % interval of a mean difference, None for fewer than two queries.

    Args:
        differences: float64 (q,), after less before, of each query.
    """
    if len(differences) < 2:
        return None
    low, high = mean_intervals(differences[:, None])[0].tolist()
    return low, high


def forgotten(before: Figures, after: Figures) -> bool:
    """Tell whether more of the general score went than may."""
    return after.general_score < before.general_score - TOLERANCE


def fallen(before: Figures, after: Figures, by: float = SLACK) -> dict[str, tuple[float, float]]:
    """Return the kinds of queries that lost more than they may on real frames: before, after."""
    was, now = before.kinds or {}, after.kinds or {}
    # small differences of decimals shall not decide: .57 - .56 is a little more than .01
    return {kind: (was[kind], now[kind]) for kind in was if was[kind] - now[kind] > by + 1e-9}


def helped(before: Figures, after: Figures) -> bool:
    """Tell whether the held-out drives gained; True where none are held out."""
    return before.held_out is None or after.held_out_score > before.held_out_score


def choose(before: Figures, tried: Sequence[Figures]) -> Figures:
    """Return the most cautious of those that did not forget and are as good as the best of them.

    As good is: better than the old weights, and at most :data:`SLACK` below the best held-out
    figure. What no general set of ours shows, photographs of other places above all, is kept best
    by the smallest share of new weights. Without held-out drives it is half of each. Where every
    share of new weights costs some kind of query :data:`SLACK`, up to :data:`TOLERANCE` may go.
    """
    for may_fall in (SLACK, TOLERANCE):
        kept = [
            figures
            for figures in tried
            if not (forgotten(before, figures) or fallen(before, figures, may_fall))
        ]
        if any(figures.mix for figures in kept):
            break
    if before.held_out is None:
        return min(kept, key=lambda figures: abs(figures.mix - HALF))
    best = max(kept, key=lambda figures: (figures.held_out_score, -figures.mix))
    good = [
        figures
        for figures in kept
        if figures.held_out_score >= best.held_out_score - SLACK and helped(before, figures)
    ]
    return min(good, key=lambda figures: figures.mix, default=best)


def _warnings(before: Figures, after: Figures, chosen: Figures) -> tuple[str, ...]:
    warnings = []
    lost = _listed(fallen(before, after))
    if forgotten(before, after):
        warnings.append(
            f"The new weights alone forgot: the general score falls from "
            f"{before.general_score:.3f} to {after.general_score:.3f}. "
            f"{_kept(chosen)}, which scores {chosen.general_score:.3f}."
        )
    elif lost and chosen.mix != 1.0:
        warnings.append(f"The new weights alone forgot: {lost}. {_kept(chosen)}.")
    elif not helped(before, after) and helped(before, chosen):
        warnings.append(
            f"The new weights alone did not help on the held-out drives: "
            f"{before.held_out_score:.3f} before, {after.held_out_score:.3f} after. "
            f"{_kept(chosen)}, which scores {chosen.held_out_score:.3f}."
        )
    still = _listed(fallen(before, chosen))
    if still:
        warnings.append(
            f"What is kept finds less among real photographs than before: {still}. Leave the old "
            "model to such searches, or give the new weights a smaller share with --blend."
        )
    if not helped(before, chosen):
        warnings.append(
            f"Fine-tuning did not help on the held-out drives: {before.held_out_score:.3f} "
            f"before, {chosen.held_out_score:.3f} after. The old model is the one to use."
        )
    if before.held_out is None:
        warnings.append(
            "No drives were held out, so nobody knows whether this helped; add pairs of another "
            "drive or a split column."
        )
    return tuple(warnings)


def _kept(chosen: Figures) -> str:
    if chosen.mix == 0.0:
        return "Every blend forgot too, so the old weights are kept"
    if chosen.mix == 1.0:
        return "They are kept as asked"
    return f"A blend with {chosen.mix:.0%} of the new weights is kept"


def _listed(kinds: Mapping[str, tuple[float, float]]) -> str:
    """Name what fell.

    >>> _listed({"night": (0.57, 0.415)})
    'night fell from 0.57 to 0.41'
    """
    return ", ".join(
        f"{kind} fell from {was:.2f} to {now:.2f}" for kind, (was, now) in kinds.items()
    )
