"""The model while it is trained: two towers and the loss, whole or from cached features."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from c4t_core.models.engine import TextTokens
from c4t_core.models.network import DualEncoder
from c4t_core.records import dataclass
from c4t_core.training.losses import Criterion
from c4t_core.training.request import TrainingOptions

_LEAST_SPREAD = 0.1  # of a feature, in medians of all: one that hardly varies may elsewhere


@dataclass(frozen=True)
class TextBatch:
    """Captions, as tokens or as cached features (then there is no ``mask``)."""

    data: Tensor  # int64 (n, t) token ids, or float32 (n, width) features
    mask: Tensor | None = None  # int64 (n, t), 1 where there is a token

    def to(self, device: torch.device) -> TextBatch:
        """Return the batch on a device."""
        return TextBatch(self.data.to(device), None if self.mask is None else self.mask.to(device))


class Towers(nn.Module):
    """Images and captions of one batch to the loss; what several processes wrap.

    Args:
        model: the dual encoder.
        criterion: the loss.
        text_noise: length of the noise on text features while training, in lengths of theirs.
    """

    def __init__(self, model: DualEncoder, criterion: Criterion, text_noise: float = 0.0) -> None:
        super().__init__()
        self.model = model
        self.criterion = criterion
        self.text_noise = text_noise
        self._usual: tuple[Tensor, Tensor] | None = None

    def image_features(self, images: Tensor) -> Tensor:
        """Return what the image head sees, float (n, width).

        Args:
            images: pixels (n, h, w, 3), uint8 or float 0..255, or cached features (n, width).
        """
        features: Tensor = images if images.dim() == 2 else self.model.image_encoder(images)
        if self._usual is None:
            return features
        mean, spread = (known.to(features.device) for known in self._usual)
        return (features - mean) / spread

    def standardise(self, known: Tensor) -> None:
        """Let the image head see features by how they usually are; its answers stay the same.

        Some features are a thousand times as large as others and hardly any lies around 0, so that
        steps of one size would change much of what nobody taught. To be called once, before what
        learns is looked at; :meth:`restore` is its end.

        Args:
            known: float (k, width), features of usual frames, two at least.
        """
        deviation = known.std(dim=0)  # (width,)
        spread = deviation + _LEAST_SPREAD * deviation.median().clamp(min=1e-3)
        self._usual = known.mean(dim=0), spread
        layer = self.model.image_head.projection
        mean, spread = (part.to(layer.weight.device) for part in self._usual)
        with torch.no_grad():
            layer.bias.add_(layer.weight @ mean)
            layer.weight.mul_(spread)

    def restore(self) -> None:
        """Let the image head see features as they are again, with what it has learnt."""
        if self._usual is None:
            return
        layer = self.model.image_head.projection
        mean, spread = (part.to(layer.weight.device) for part in self._usual)
        self._usual = None
        with torch.no_grad():
            layer.weight.div_(spread)
            layer.bias.sub_(layer.weight @ mean)

    def text_features(self, texts: TextBatch) -> Tensor:
        """Return what the text head sees, float (n, width)."""
        if texts.data.is_floating_point():
            return texts.data
        features: Tensor = self.model.text_encoder(texts.data, texts.mask)
        return features

    def embed(self, images: Tensor, texts: TextBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Return image and text embeddings (n, d), unnormalised, and text features (n, width)."""
        meaning = self.text_features(texts)  # (n, text width)
        varied = noisy(meaning, self.text_noise) if self.model.training else meaning
        return (
            self.model.image_head(self.image_features(images)),  # (n, d)
            self.model.text_head(varied),  # (n, d)
            meaning,
        )

    def forward(self, images: Tensor, texts: TextBatch, wrong: Tensor | None = None) -> Tensor:
        """Return the loss () over the rows of all processes.

        Every process computes the same loss over all rows; the gradient flows back through
        its own rows only, so that summed over processes it is that of one large batch.

        Args:
            images: this process's images, as of :meth:`image_features`; behind them those that
                only are what captions do not mean, the same on every process.
            texts: captions of the first of them.
            wrong: as of :meth:`c4t_core.training.losses.Criterion.forward`, of all processes.
        """
        images_out, texts_out, meaning = self.embed(images, texts)
        own = len(texts.data)
        rows = gather_rows(images_out[:own])
        loss: Tensor = self.criterion(
            torch.cat([rows, images_out[own:]]) if len(images_out) > own else rows,
            gather_rows(texts_out),
            gather_rows(meaning),
            wrong,
        )
        return loss


def noisy(rows: Tensor, amount: float) -> Tensor:
    """Add noise of about ``amount`` times each row's length: (n, w) -> (n, w).

    Captions made from labels use few words; around each of their features lie the features of
    other words for the same thing, and the head learns to treat these alike.
    """
    if not amount:
        return rows
    lengths = rows.norm(dim=-1, keepdim=True)  # (n, 1)
    scale: Tensor = lengths * (amount / math.sqrt(rows.shape[-1]))  # (n, 1)
    return rows + torch.randn_like(rows) * scale


def gather_rows(rows: Tensor) -> Tensor:
    """Join the rows of all processes: (n, d) -> (n * processes, d); the same n everywhere.

    Gradients of parameters are averaged over processes afterwards, but this one is a sum of
    each process's share, hence the factor.
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return rows
    processes = dist.get_world_size()
    parts = [torch.zeros_like(rows) for _ in range(processes)]
    dist.all_gather(parts, rows.detach().contiguous())
    parts[dist.get_rank()] = rows
    if rows.requires_grad:
        hook: Any = rows.register_hook
        hook(lambda gradient: gradient * processes)
    return torch.cat(parts)


def freeze(model: DualEncoder, how: str) -> None:
    """Switch gradients off as ``TrainingOptions.freeze`` says; heads always learn.

    The maps of objects never do: captions do not say where in the frame a thing is, and what is
    read off the maps as facts would lose its meaning.
    """
    still_text = how in ("text", "encoders", "partial")
    for parameter in model.text_encoder.parameters():
        parameter.requires_grad_(not still_text)
    for parameter in model.image_encoder.parameters():
        parameter.requires_grad_(how not in ("image", "encoders"))
    if model.image_encoder.objects is not None:
        model.image_encoder.objects.requires_grad_(False)
    if how == "partial":
        units = list(_units(model.image_encoder.trunk))
        for unit in units[: 2 * len(units) // 3]:
            for parameter in unit.parameters():
                parameter.requires_grad_(False)


def _units(trunk: nn.Module) -> Iterator[nn.Module]:
    """Yield the blocks of a network from the pixels up."""
    for child in trunk.children():
        if isinstance(child, nn.Sequential):
            yield from child.children()
        else:
            yield child


def is_frozen(module: nn.Module) -> bool:
    """Tell whether nothing in a module learns."""
    return not any(parameter.requires_grad for parameter in module.parameters())


def set_training(model: DualEncoder, frozen_norm: bool) -> None:
    """Switch to training, but leave what is frozen in the state it is used in."""
    model.train()
    for module in model.modules():
        has_own = next(module.parameters(recurse=False), None) is not None
        still = has_own and is_frozen(module)
        if still or (frozen_norm and isinstance(module, nn.modules.batchnorm._BatchNorm)):
            module.eval()
    for encoder in (model.image_encoder, model.text_encoder):
        if is_frozen(encoder):
            encoder.eval()  # its dropout too


def parameter_groups(towers: Towers, options: TrainingOptions) -> list[dict[str, Any]]:
    """Return AdamW's groups: a rate per encoder, heads and loss with weight decay.

    The scale and bias of the loss learn at the rate of the heads, without decay.
    """
    model = towers.model
    heads = [*model.image_head.parameters(), *model.text_head.parameters()]
    groups: list[tuple[list[nn.Parameter], float, float]] = [
        (list(model.image_encoder.parameters()), options.image_rate, 0.0),
        (list(model.text_encoder.parameters()), options.text_rate, 0.0),
        (heads, options.head_rate, options.weight_decay),
        (list(towers.criterion.parameters()), options.head_rate, 0.0),
    ]
    return [
        {"params": learning, "lr": rate, "weight_decay": decay}
        for parameters, rate, decay in groups
        if (learning := [parameter for parameter in parameters if parameter.requires_grad])
    ]


class Captions:
    """Tokenised captions, and their features where the text encoder is frozen.

    Args:
        texts: the m different captions.
        tokens: the tokenizer.
    """

    def __init__(self, texts: Sequence[str], tokens: TextTokens) -> None:
        self._tokens = tokens
        self._ids = tokens.ids(texts)
        self.positions = {text: index for index, text in enumerate(texts)}
        self.features: Tensor | None = None  # float32 (m, width), set when cached

    def tokens(self, positions: Sequence[int]) -> TextBatch:
        """Return captions as ids (n, t) and mask (n, t), t that of the longest; CLIP's without."""
        ids, *mask = self._tokens.pad([self._ids[index] for index in positions])
        return TextBatch(torch.from_numpy(ids), *map(torch.from_numpy, mask))

    def batch(self, positions: Sequence[int]) -> TextBatch:
        """Return captions the fastest way: cached features (n, width), else tokens."""
        if self.features is None:
            return self.tokens(positions)
        return TextBatch(self.features[list(positions)])


def augmented(pixels: Tensor, seeds: Sequence[int]) -> Tensor:
    """Crop, brighten and change the contrast of each image, as its seed says.

    The one variation of pixels, for ``--augment light`` and the shipped model alike. It never
    mirrors: that would contradict a caption that says left or right, move the traffic to the other
    side of the road (which tells countries apart), and leave signs that nobody can read.

    Args:
        pixels: uint8 (n, h, w, 3).
        seeds: one per image; the same seed gives the same picture.

    Returns:
        Float32 (n, h, w, 3), 0..255: at least 85 % of each side, 0.8 to 1.2 times as bright,
        0.8 to 1.2 times the contrast.
    """
    draws = torch.stack(
        [torch.rand(5, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    )  # (n, 5)
    scale = 0.85 + 0.15 * draws[:, 0]  # (n,)
    shift = (2 * draws[:, 1:3] - 1) * (1 - scale)[:, None]  # (n, 2), in -1..1 of the image
    theta = torch.zeros(len(seeds), 2, 3)  # (n, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = scale
    theta[:, :, 2] = shift
    planes = pixels.permute(0, 3, 1, 2).float()  # (n, 3, S, S)
    grid = F.affine_grid(theta, list(planes.shape), align_corners=False)  # (n, S, S, 2)
    cropped = F.grid_sample(planes, grid, padding_mode="border", align_corners=False)
    brightness = (0.8 + 0.4 * draws[:, 3])[:, None, None, None]
    contrast = (0.8 + 0.4 * draws[:, 4])[:, None, None, None]
    middle = cropped.mean(dim=(1, 2, 3), keepdim=True)  # (n, 1, 1, 1)
    changed = ((cropped - middle) * contrast + middle) * brightness
    # channels last, as decoded pixels are: networks are up to a third faster on it
    return changed.clamp(0, 255).permute(0, 2, 3, 1).contiguous()
