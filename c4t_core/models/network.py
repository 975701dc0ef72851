"""The C4T architecture: two encoders, two projection heads, one space.

Contrastive dual encoders follow CLIP (Radford et al. 2021, arXiv 2103.00020); the heads are a
residual bottleneck as described at :class:`ProjectionHead`. The encoders may be CLIP's own, with
heads that begin as nothing (:class:`ClipHead`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from c4t_core.errors import MissingExtraError, ModelError
from c4t_core.models.clip_network import last_block_for_one, untaught
from c4t_core.models.config import (
    ImageEncoderConfig,
    ModelConfig,
    PreprocessConfig,
    TextEncoderConfig,
)
from c4t_core.models.object_branch import ObjectBranch

LEVELS = (3, 4)  # the inner maps that "levels" takes: timm's number of the resolution, 0: half


class ImagePool(nn.Module):
    """Statistics of feature maps over all positions, joined to one vector.

    ``avg`` takes the mean of the last map; ``avgmax`` adds its maximum, which keeps what is small
    in the frame and the mean washes out; ``levels`` adds mean, maximum, minimum and standard
    deviation of the inner maps :data:`LEVELS`, which see texture, haze and small things that the
    last one has dropped, and cost next to nothing, since the network computes them anyway.

    Args:
        kind: one of :data:`c4t_core.models.config.IMAGE_POOLINGS`.
        features: channels of the last map.
        inner: channels of the inner maps.

    Attributes:
        width: length of the vector.
    """

    def __init__(self, kind: str, features: int, inner: Sequence[int] = ()) -> None:
        super().__init__()
        self.with_maximum = kind != "avg"
        self.width = (2 if self.with_maximum else 1) * features + 4 * sum(inner)

    def forward(self, maps: Tensor, inner: Sequence[Tensor] = ()) -> Tensor:
        """Pool maps (n, c, h, w) and inner maps (n, c_i, h_i, w_i) to (n, width)."""
        parts = [maps.mean(dim=(2, 3))]
        if self.with_maximum:
            parts.append(maps.amax(dim=(2, 3)))
        for level in inner:
            mean = level.mean(dim=(2, 3))  # (n, c_i)
            variance = (level - mean[:, :, None, None]).square().mean(dim=(2, 3))
            deviation = (variance + 1e-8).sqrt()  # no infinite gradient where a map is flat
            parts += [mean, level.amax(dim=(2, 3)), level.amin(dim=(2, 3)), deviation]
        return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]


def pool_text(kind: str, states: Tensor, mask: Tensor) -> Tensor:
    """Pool states float (n, t, d) with mask int64 (n, t) to (n, d), see ``TEXT_POOLINGS``.

    ``cls`` takes the first position, ``mean`` averages the positions that hold words.
    """
    if kind == "cls":
        return states[:, 0]
    weights = mask.unsqueeze(-1).to(states.dtype)  # (n, t, 1)
    return (states * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1.0)


class Normalise(nn.Module):
    """Pixels as a network takes them; the statistics are in the configuration, so not saved."""

    scale: Tensor  # (1, 3, 1, 1)
    offset: Tensor  # (1, 3, 1, 1)

    def __init__(self, preprocess: PreprocessConfig) -> None:
        super().__init__()
        for name, values in (("scale", preprocess.std), ("offset", preprocess.mean)):
            statistics = torch.tensor(values).view(1, 3, 1, 1) * 255.0
            self.register_buffer(name, statistics, persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Turn uint8 (or float 0..255) pixels (n, h, w, 3) into float (n, 3, h, w), normalised."""
        return (pixels.permute(0, 3, 1, 2).to(self.scale.dtype) - self.offset) / self.scale


def _torchvision_resnet50() -> nn.Module:
    try:
        from torchvision.models import resnet50
    except ImportError as error:
        raise MissingExtraError("The reference image encoder", "train") from error
    network: nn.Module = resnet50(weights=None)
    network.avgpool = nn.Identity()
    network.fc = nn.Identity()
    return network


def build_trunk(architecture: str) -> nn.Module:
    """Build an image network with random weights that ends in its last feature map.

    Args:
        architecture: a timm name, or ``torchvision:resnet50``.

    Raises:
        ModelError: if there is no such network.
        MissingExtraError: if the packages of the extra ``train`` are not installed.
    """
    if architecture == "torchvision:resnet50":
        return _torchvision_resnet50()
    if architecture.startswith("torchvision:"):
        raise ModelError(
            f'Of torchvision only "torchvision:resnet50" is known, not "{architecture}"; '
            "use a timm name for other networks."
        )
    try:
        import timm
    except ImportError as error:
        raise MissingExtraError("This image encoder", "train") from error
    if "/" in architecture or ":" in architecture or not timm.is_model(architecture):
        raise ModelError(f'timm knows no network "{architecture}"; check the name of the encoder.')
    network: nn.Module = timm.create_model(
        architecture, pretrained=False, num_classes=0, global_pool=""
    )
    return network


def _inner_widths(trunk: nn.Module, architecture: str) -> list[int]:
    """Return the channels of the inner maps that the pooling ``levels`` takes.

    Raises:
        ModelError: if the network does not give its inner maps.
    """
    info: Any = getattr(trunk, "feature_info", None)
    if not hasattr(trunk, "forward_intermediates") or not isinstance(info, list):
        raise ModelError(f'{architecture} gives no inner maps; use the pooling "avgmax" for it.')
    if len(info) <= max(LEVELS):
        raise ModelError(f'{architecture} has too few levels; use the pooling "avgmax" for it.')
    return [int(info[level]["num_chs"]) for level in LEVELS]


class ImageEncoder(nn.Module):
    """Pixels to one feature vector.

    Attributes:
        width: length of that vector.
        pool: the pooling; cached features are stored before or after it as training likes.
    """

    def __init__(self, config: ImageEncoderConfig, preprocess: PreprocessConfig) -> None:
        super().__init__()
        self.features = config.features
        self.trunk = build_trunk(config.architecture)
        self.levels = config.pooling == "levels"
        inner = _inner_widths(self.trunk, config.architecture) if self.levels else []
        self.pool = ImagePool(config.pooling, config.features, inner)
        self.objects = (
            ObjectBranch(config.objects, inner, self.pool.width) if config.objects else None
        )
        self.width = self.pool.width + (self.objects.width if self.objects else 0)
        self.normalise = Normalise(preprocess)

    def maps(self, planes: Tensor) -> Tensor:
        """Run the network: normalised (n, 3, h, w) -> feature map (n, features, h', w')."""
        out: Tensor = self.trunk(planes)
        if out.dim() == 2:
            # torchvision flattens after its (removed) pooling: (n, c * h' * w'); the map of a
            # square input is square
            side = round((int(out.shape[1]) / self.features) ** 0.5)
            out = out.reshape(out.shape[0], self.features, side, side)
        return out

    def forward(self, pixels: Tensor) -> Tensor:
        """Encode uint8 or float 0..255 pixels (n, h, w, 3) to float (n, width)."""
        features, statistics = self.seen(pixels)
        return features if statistics is None else self.joined(features, statistics)

    def seen(self, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the pooled features and the statistics of the object maps, if it has any.

        Args:
            pixels: uint8 or float 0..255, (n, h, w, 3).

        Returns:
            Float (n, width of the pooling and of what surfaces tell) and
            (n, classes, :data:`STATISTICS`).
        """
        pooled, inner = self.pooled(pixels)
        if self.objects is None:
            return pooled, None
        if self.objects.surfaces is not None:
            amounts = self.objects.surfaces.amounts(self.objects.surfaces(*inner))
            pooled = torch.cat([pooled, amounts.flatten(1)], dim=1)
        return pooled, self.objects.statistics(self.objects(*inner))

    def pooled(self, pixels: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the pooled features, float (n, w), and the inner maps that the pooling takes.

        Args:
            pixels: uint8 or float 0..255, (n, h, w, 3).
        """
        planes = self.normalise(pixels)
        if not self.levels:
            return self.pool(self.maps(planes)), []
        trunk: Any = self.trunk
        last, inner = trunk.forward_intermediates(planes, indices=list(LEVELS))
        return self.pool(last, inner), inner

    def joined(self, pooled: Tensor, statistics: Tensor) -> Tensor:
        """Return what the projection head takes, float (n, width)."""
        features = torch.cat([pooled, statistics.flatten(1)], dim=1)
        if self.objects is None or self.objects.together is None:
            return features
        return torch.cat([features, self.objects.together(features)], dim=1)


class TextEncoder(nn.Module):
    """Token ids to one feature vector through a DistilBERT (Sanh et al. 2019, arXiv 1910.01108).

    Attributes:
        width: length of that vector.
    """

    def __init__(self, config: TextEncoderConfig) -> None:
        super().__init__()
        try:
            from transformers import DistilBertConfig, DistilBertModel
        except ImportError as error:
            raise MissingExtraError("The text encoder", "train") from error
        self.bert = DistilBertModel(
            DistilBertConfig(
                vocab_size=config.vocabulary,
                max_position_embeddings=config.positions,
                dim=config.dim,
                n_layers=config.layers,
                n_heads=config.heads,
                hidden_dim=config.hidden,
            )
        )
        self.pooling = config.pooling
        self.width = config.dim

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Encode int64 ids and mask (n, t), 1 where there is a token, to float (n, width)."""
        attention = mask
        if torch.onnx.is_in_onnx_export():
            # the additive form, float (n, 1, 1, t): the library's own way there is 60 nodes long
            lowest = torch.finfo(torch.float32).min
            attention = (1.0 - mask[:, None, None, :].to(torch.float32)) * lowest
        states: Tensor = self.bert(input_ids=ids, attention_mask=attention).last_hidden_state
        return pool_text(self.pooling, states, mask)


class ProjectionHead(nn.Module):
    """``p = W1 x``, then ``LayerNorm(p + Dropout(W2 GELU(p)))``: (n, width) -> (n, projection)."""

    def __init__(self, width: int, projection: int, dropout: float) -> None:
        super().__init__()
        self.projection = nn.Linear(width, projection)
        self.activation = nn.GELU()
        self.mix = nn.Linear(projection, projection)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(projection)

    def forward(self, features: Tensor) -> Tensor:
        """Project float features (n, width) to (n, projection), not normalised to unit length."""
        projected = self.projection(features)
        mixed = self.dropout(self.mix(self.activation(projected)))
        out: Tensor = self.norm(projected + mixed)
        return out


class ClipImageEncoder(ImageEncoder):
    """Pixels to CLIP's embedding of them, a unit row."""

    def __init__(self, clip: Any, preprocess: PreprocessConfig, width: int) -> None:
        """Take the image tower of a network of open_clip."""
        nn.Module.__init__(self)
        last_block_for_one(clip)
        self.features = self.width = width
        self.trunk = clip.visual
        self.levels, self.objects = False, None
        self.normalise = Normalise(preprocess)

    def pooled(self, pixels: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return unit rows, float (n, width), and no maps; pixels as of :class:`ImageEncoder`."""
        return nn.functional.normalize(self.trunk(self.normalise(pixels)), dim=1), []


class ClipTextEncoder(TextEncoder):
    """Token ids to CLIP's embedding of them, a unit row.

    Attributes:
        clip: open_clip's network without its image tower; the scale of its loss is in it.
        readable: whether it reads left to right up to the end of a text, so that what pads the
            shorter ones can be left out: a caption is a fifth as long as what CLIP takes at most.
    """

    def __init__(self, clip: Any, width: int) -> None:
        """Take what is left of a network of open_clip when its image tower is taken away."""
        nn.Module.__init__(self)
        del clip.visual
        self.clip = clip
        self.width = width
        causal = getattr(clip, "attn_mask", None) is not None
        self.readable = causal and getattr(clip, "text_pool_type", "") == "argmax"

    @property
    def scale(self) -> float:
        """Natural logarithm of what the cosines were multiplied by in CLIP's own training."""
        return float(self.clip.logit_scale.detach())

    @property
    def bias(self) -> float | None:
        """What was added to them, in a sigmoid loss."""
        bias = getattr(self.clip, "logit_bias", None)
        return None if bias is None else float(bias.detach())

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Encode int64 ids (n, context) to float (n, width); there is no mask to heed."""
        rows: Tensor
        if not self.readable or torch.onnx.is_in_onnx_export():
            rows = self.clip.encode_text(ids, normalize=True)
            return rows
        longest = int(ids.argmax(dim=1).max()) + 1
        shorter = {
            "positional_embedding": self.clip.positional_embedding[:longest],
            "attn_mask": self.clip.attn_mask[:longest, :longest],
        }
        inputs = {"image": None, "text": ids[:, :longest]}
        _, rows, *_ = torch.func.functional_call(self.clip, shorter, kwargs=inputs)
        return rows


class ClipHead(ProjectionHead):
    """``x + W2 Dropout(GELU(W1 x))`` with ``W2 = 0`` at first: nothing changes until it learns.

    ``x`` is a unit row times the root of its width, so that its numbers are about 1, as the
    first layer expects (Gao et al., "CLIP-Adapter", arXiv 2110.04544, section 3.2; there the
    share of the residual is set by hand, here it is learnt and then blended).
    """

    def __init__(self, width: int, dropout: float) -> None:
        """Begin as the identity."""
        nn.Module.__init__(self)
        self.projection = nn.Linear(width, width)
        self.activation = nn.GELU()
        self.mix = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.mix.weight)
        nn.init.zeros_(self.mix.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Change unit rows, float (n, width), to float (n, width), not of unit length."""
        rows = features * float(features.shape[1]) ** 0.5
        changed: Tensor = rows + self.mix(self.dropout(self.activation(self.projection(rows))))
        return changed


class DualEncoder(nn.Module):
    """Image and text encoder with a projection head each.

    Its state dictionary is what a model folder stores; the names of the tensors start with
    ``image_encoder.``, ``text_encoder.``, ``image_head.`` and ``text_head.``.

    Args:
        config: what to build.
        clip: open_clip's network, where the encoders are CLIP's; None for one without its
            weights. It is taken apart.

    Attributes:
        config: what it was built from.
    """

    def __init__(self, config: ModelConfig, clip: Any = None) -> None:
        super().__init__()
        self.config = config
        width, dropout = config.projection, config.dropout
        self.image_encoder: ImageEncoder
        self.text_encoder: TextEncoder
        self.image_head: ProjectionHead
        self.text_head: ProjectionHead
        if config.clip is not None:
            clip = untaught(config.clip.model) if clip is None else clip
            self.image_encoder = ClipImageEncoder(clip, config.preprocess, width)
            self.text_encoder = ClipTextEncoder(clip, width)
            self.image_head, self.text_head = ClipHead(width, dropout), ClipHead(width, dropout)
            return
        self.image_encoder = ImageEncoder(config.image, config.preprocess)
        self.text_encoder = TextEncoder(config.text)
        self.image_head = ProjectionHead(self.image_encoder.width, width, dropout)
        self.text_head = ProjectionHead(self.text_encoder.width, width, dropout)

    def encode_image(self, pixels: Tensor) -> Tensor:
        """Embed uint8 (or float 0..255) pixels (n, S, S, 3) as float (n, d), not normalised."""
        out: Tensor = self.image_head(self.image_encoder(pixels))
        return out

    def encode_text(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Embed int64 token ids and mask (n, t) as float (n, d), not normalised.

        CLIP's texts have no mask.
        """
        out: Tensor = self.text_head(self.text_encoder(ids, mask))
        return out

    def forward(self, pixels: Tensor, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Embed images and texts: two float tensors (n, d), not normalised.

        One call for both, because wrappers for several GPUs synchronise in ``forward``.
        """
        return self.encode_image(pixels), self.encode_text(ids, mask)


class UnitRows(nn.Module):
    """One half of a dual encoder, to be exported: its inputs to unit rows, float (n, d)."""

    def __init__(self, model: nn.Module, encode: str) -> None:
        super().__init__()
        self.model = model
        self.encode = encode

    def forward(self, *inputs: Tensor) -> Tensor:
        """Run ``encode_image`` or ``encode_text`` of the model and normalise its rows."""
        return nn.functional.normalize(getattr(self.model, self.encode)(*inputs), dim=1)


class ImageOutputs(nn.Module):
    """The image half of a dual encoder with objects, to be exported."""

    def __init__(self, model: DualEncoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Turn uint8 pixels (n, h, w, 3) into unit rows, float (n, d), and facts.

        The facts are float (n, classes, :data:`FACTS`), see :meth:`ObjectBranch.facts`.
        """
        encoder = self.model.image_encoder
        pooled, statistics = encoder.seen(pixels)
        assert encoder.objects is not None
        assert statistics is not None
        rows = self.model.image_head(encoder.joined(pooled, statistics))
        return nn.functional.normalize(rows, dim=1), encoder.objects.facts(statistics)


class ImageFeatures(nn.Module):
    """The image encoder of a dual encoder without its head, to be exported."""

    def __init__(self, model: DualEncoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        """Encode uint8 pixels (n, S, S, 3) to what the head sees, float (n, width)."""
        features: Tensor = self.model.image_encoder(pixels)
        return features


class ImageMaps(ImageFeatures):
    """The image encoder of a dual encoder up to its inner maps, to be exported."""

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        """Encode uint8 pixels (n, h, w, 3) to pooled features and inner maps (n, c, h', w')."""
        pooled, inner = self.model.image_encoder.pooled(pixels)
        return pooled, *inner
