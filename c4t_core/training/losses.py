"""Contrastive losses over one batch of matching images and captions.

Shapes, everywhere in this module: ``n`` pairs in the batch, ``e`` further images that go with
none of the texts, ``d`` the width of the shared space, ``m`` the width of whatever space the soft
targets are read from. Row ``i`` of ``texts`` belongs to row ``i`` of ``images``.

**What is known to be wrong**: ``wrong``, bool (n + e, n), is True where an image is known not to
show what a text says, such as a hit that was marked as wrong. It is then no target, however alike
texts are, and the further images stand in the softmax of those texts beside the others of the
batch: equation 2 of Karpukhin et al., whose hard negatives are likewise what a search ranked high
and what does not answer. What a further image shows of the other texts is not known and takes no
part. Image -> text stays as it was, since a further image has no right text.

Which one when: captions made from labels repeat, also inside a batch. Hard targets then call
a right answer wrong; :func:`soft_text_targets` does not. :func:`original_loss` is what the
first CLIP4Traffic trained with and what the preset ``reference`` uses.

References:
    Radford et al., "Learning Transferable Visual Models From Natural Language Supervision",
    arXiv 2103.00020, section 2.3 and figure 3 (InfoNCE, learned scale, its bound of 100).
    Khosla et al., "Supervised Contrastive Learning", arXiv 2004.11362, equation 2 (several
    positives; here they are graded, and what is unknown takes no part).
    Karpukhin et al., "Dense Passage Retrieval for Open-Domain Question Answering", arXiv
    2004.04906, section 3.2 and equation 2 (hard negatives beside those of the batch).
    Zhai et al., "Sigmoid Loss for Language Image Pre-Training", arXiv 2303.15343, section 3.2
    and algorithm 1 (sigmoid loss, start values t' = log 10 and b = -10).
"""

from __future__ import annotations

import math
from typing import get_args

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from c4t_core.training.request import Loss

LOSSES: tuple[str, ...] = get_args(Loss)

MAX_LOG_SCALE = math.log(100.0)
"""CLIP clips its scale at 100 "to prevent training instability" (arXiv 2103.00020, 2.5)."""

_START = {"infonce": math.log(1 / 0.07), "soft-text": math.log(1 / 0.07), "siglip": math.log(10.0)}
_SIGLIP_BIAS = -10.0


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy against rows of weights: ``mean_i -sum_j targets_ij log softmax(logits_i)_j``.

    Args:
        logits: float (n, m).
        targets: float (n, m), not negative; rows need not sum to one.

    Returns:
        Float scalar (), nats.
    """
    log_probability = F.log_softmax(logits, dim=-1)  # (n, m)
    return -(targets * log_probability).sum(dim=-1).mean()  # (n, m) -> (n,) -> ()


def _never(logits: Tensor, where: Tensor | None) -> Tensor:
    """Return logits whose softmax is 0 where ``where`` is True; finite, so 0 times its log is 0."""
    return logits if where is None else logits.masked_fill(where, torch.finfo(logits.dtype).min)


def _of_texts(logits: Tensor, wrong: Tensor | None) -> Tensor:
    """Let a further image count for the texts that it is known not to show, for no other.

    Args:
        logits: float (n, n + e), rows: texts, columns: images.
        wrong: bool (n + e, n).
    """
    if wrong is None:
        return logits
    count = len(logits)
    other = torch.cat([torch.zeros_like(wrong[:count]), ~wrong[count:]])  # (n + e, n)
    return _never(logits, other.T)


def _padded(targets: Tensor, columns: int) -> Tensor:
    """Return targets with a 0 for each further image, (n, n) -> (n, columns)."""
    return F.pad(targets, (0, columns - targets.shape[1]))


def original_loss(
    images: Tensor, texts: Tensor, temperature: float = 1.0, wrong: Tensor | None = None
) -> Tensor:
    """Soft targets from both similarities, on embeddings that are *not* normalised.

    With ``I`` the images, ``T`` the texts and ``tau`` the temperature::

        L = T I^t / tau                                rows: texts, columns: images
        P = softmax_rows((I I^t + T T^t) / 2 * tau)
        loss = (CE(L, P) + CE(L^t, P^t)) / 2

    The targets are part of the graph, as they were in the original: the gradient flows
    through them too. ``P^t`` has rows that need not sum to one.

    Args:
        images: float (n + e, d), unnormalised.
        texts: float (n, d), unnormalised.
        temperature: tau, greater than 0.
        wrong: bool (n + e, n); the original knew of none.

    Returns:
        Float scalar (), nats.

    Example:
        >>> zero = torch.zeros(2, 3)
        >>> round(float(original_loss(zero, zero)), 4)  # all alike: log 2
        0.6931
    """
    count = len(texts)
    own = images[:count]
    logits = texts @ images.T / temperature  # (n, d) (d, n + e) -> (n, n + e)
    alike = (own @ own.T + texts @ texts.T) / 2 * temperature  # (n, n), symmetric
    never = None if wrong is None else wrong[:count].T
    targets = _never(alike, never).softmax(dim=-1)  # (n, n), rows sum to one
    of_texts = soft_cross_entropy(_of_texts(logits, wrong), _padded(targets, len(images)))
    of_images = soft_cross_entropy(logits[:, :count].T, targets.T)
    return (of_texts + of_images) / 2


def scaled_cosines(images: Tensor, texts: Tensor, log_scale: Tensor) -> Tensor:
    """Return ``min(exp(log_scale), 100) * cosine(image_i, text_j)``, float (n + e, n).

    Args:
        images: float (n + e, d).
        texts: float (n, d).
        log_scale: float scalar (); learned in log space so that the scale stays positive.
    """
    scale = log_scale.clamp(max=MAX_LOG_SCALE).exp()  # ()
    unit_images = F.normalize(images, dim=-1)  # (n + e, d)
    unit_texts = F.normalize(texts, dim=-1)  # (n, d)
    return scale * unit_images @ unit_texts.T  # (n + e, n): rows images, columns texts


def info_nce(
    images: Tensor, texts: Tensor, log_scale: Tensor, wrong: Tensor | None = None
) -> Tensor:
    """CLIP's symmetric cross-entropy with a learned scale (arXiv 2103.00020, figure 3).

    Args:
        images: float (n + e, d); normalised here.
        texts: float (n, d); normalised here.
        log_scale: float scalar ().
        wrong: bool (n + e, n).

    Returns:
        Float scalar (), nats.
    """
    logits = scaled_cosines(images, texts, log_scale)  # (n + e, n)
    right = torch.arange(len(texts), device=logits.device)  # (n,)
    of_images = F.cross_entropy(logits[: len(texts)], right)
    return (of_images + F.cross_entropy(_of_texts(logits.T, wrong), right)) / 2


def soft_text_targets(
    images: Tensor,
    texts: Tensor,
    log_scale: Tensor,
    meaning: Tensor,
    temperature: float = 0.05,
    wrong: Tensor | None = None,
) -> Tensor:
    """InfoNCE whose targets are shared among captions that mean the same.

    ``P = softmax_rows(U U^t / temperature)`` with ``U`` the normalised rows of ``meaning``;
    then ``(CE(S, P) + CE(S^t, P)) / 2`` with ``S`` of :func:`scaled_cosines`. ``U U^t`` is
    symmetric, so both directions share ``P``. Identical captions share the target evenly; as
    the temperature goes to 0 and captions differ, this becomes :func:`info_nce`. What is known to
    be wrong is left out of the softmax, each way.

    Args:
        images: float (n + e, d).
        texts: float (n, d).
        log_scale: float scalar ().
        meaning: float (n, m), features of the captions in a space that is trusted (the text
            encoder before the head); no gradient flows into it.
        temperature: how alike two captions must be to share, in cosine units.
        wrong: bool (n + e, n).

    Returns:
        Float scalar (), nats.
    """
    count = len(texts)
    unit = F.normalize(meaning.detach().float(), dim=-1)  # (n, m)
    alike = unit @ unit.T / temperature  # (n, n), symmetric
    logits = scaled_cosines(images, texts, log_scale)  # (n + e, n)
    ours = None if wrong is None else wrong[:count]
    targets = _never(alike, ours).softmax(dim=-1)  # (n, n), rows sum to one
    of_images = soft_cross_entropy(logits[:count], targets)
    if ours is not None:
        targets = _padded(_never(alike, ours.T).softmax(dim=-1), len(images))  # (n, n + e)
    return (of_images + soft_cross_entropy(_of_texts(logits.T, wrong), targets)) / 2


def siglip(
    images: Tensor,
    texts: Tensor,
    log_scale: Tensor,
    bias: Tensor,
    wrong: Tensor | None = None,
) -> Tensor:
    """Pairwise sigmoid loss (arXiv 2303.15343, equation in section 3.2, algorithm 1).

    ``-1/n sum_ij log sigmoid(z_ij (t x_i . y_j + b))`` with ``z_ij`` 1 for a pair and -1
    elsewhere, ``t = exp(log_scale)``. A further image adds what it is known not to show.

    Args:
        images: float (n + e, d); normalised here.
        texts: float (n, d); normalised here.
        log_scale: float scalar (), t'.
        bias: float scalar (), b.
        wrong: bool (n + e, n).

    Returns:
        Float scalar (), nats per pair.
    """
    count = len(texts)
    logits = scaled_cosines(images, texts, log_scale) + bias  # (n + e, n)
    signs = 2 * torch.eye(count, device=logits.device, dtype=logits.dtype) - 1  # (n, n)
    loss = -F.logsigmoid(signs * logits[:count]).sum(dim=-1).mean()  # (n, n) -> (n,) -> ()
    if wrong is None:
        return loss
    against = F.logsigmoid(-logits[count:]) * wrong[count:]  # (e, n)
    return loss - against.sum() / count


def graded_loss(cosines: Tensor, scale: Tensor, true: Tensor, image_weight: float) -> Tensor:
    """Return the mean divergence between softmaxes and truths, both ways.

    With ``p = true / sum(true)`` over the known images of a phrase: ``KL(p || softmax(scale *
    cosines))``; likewise over the phrases of an image. Rows without anything true do not count.

    Args:
        cosines: float (m, b), phrases by images.
        scale: float scalar.
        true: float (m, b) in 0..1, NaN where unknown.
        image_weight: weight of the direction image -> text.
    """
    known = ~true.isnan()
    truth = true.nan_to_num(0.0)
    logits = (cosines * scale).masked_fill(~known, -1e4)
    return _direction(logits, truth) + image_weight * _direction(logits.T, truth.T)


def _direction(logits: Tensor, truth: Tensor) -> Tensor:
    total = truth.sum(dim=1)
    target = truth / total.clamp(min=1e-6).unsqueeze(1)
    entropy = (target * target.clamp(min=1e-9).log()).sum(dim=1)
    divergence = entropy - (target * logits.log_softmax(dim=1)).sum(dim=1)
    counted = (total > 0.3).to(divergence.dtype)
    return (divergence * counted).sum() / counted.sum().clamp(min=1.0)


class Criterion(nn.Module):
    """One of the losses, with the scale and the bias it learns.

    Args:
        name: one of :data:`LOSSES`.
        temperature: tau of ``original``.
        target_temperature: of ``soft-text``'s targets.

    Attributes:
        log_scale: learned scalar (), absent for ``original``.
        bias: learned scalar (), for ``siglip`` only.
    """

    def __init__(
        self, name: str, temperature: float = 1.0, target_temperature: float = 0.05
    ) -> None:
        super().__init__()
        if name not in LOSSES:
            raise ValueError(f"unknown loss {name!r}; known: {', '.join(LOSSES)}")
        self.name = name
        self.temperature = temperature
        self.target_temperature = target_temperature
        # Only what the loss uses: distributed training waits for a gradient of every parameter.
        if name in _START:
            self.log_scale = nn.Parameter(torch.tensor(_START[name]))
        if name == "siglip":
            self.bias = nn.Parameter(torch.tensor(_SIGLIP_BIAS))

    def start_from(self, scale: float, bias: float | None) -> None:
        """Begin with the scale, and the bias if there is one, that a model was trained with.

        Args:
            scale: natural logarithm; held at CLIP's bound of 100, above which nothing is learnt.
            bias: of a sigmoid loss.
        """
        with torch.no_grad():
            if hasattr(self, "log_scale"):
                self.log_scale.fill_(min(scale, MAX_LOG_SCALE))
            if hasattr(self, "bias") and bias is not None:
                self.bias.fill_(bias)

    def forward(
        self, images: Tensor, texts: Tensor, meaning: Tensor, wrong: Tensor | None = None
    ) -> Tensor:
        """Return the loss of one batch.

        Args:
            images: float (n + e, d), unnormalised embeddings.
            texts: float (n, d), unnormalised embeddings.
            meaning: float (n, m), text features before the head; used by ``soft-text`` only.
            wrong: bool (n + e, n), where an image is known not to show a text; None for nowhere.

        Returns:
            Float scalar (), computed in float32 whatever the precision of the encoders.
        """
        images, texts = images.float(), texts.float()
        if self.name == "original":
            return original_loss(images, texts, self.temperature, wrong)
        if self.name == "infonce":
            return info_nce(images, texts, self.log_scale, wrong)
        if self.name == "siglip":
            return siglip(images, texts, self.log_scale, self.bias, wrong)
        tau = self.target_temperature
        return soft_text_targets(images, texts, self.log_scale, meaning, tau, wrong)
