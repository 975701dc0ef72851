"""The C4T architecture: two encoders, two projection heads, one space.

Contrastive dual encoders follow CLIP (Radford et al. 2021, arXiv 2103.00020); the heads are a
residual bottleneck as described at :class:`ProjectionHead`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from c4t_core.errors import MissingExtraError, ModelError
from c4t_core.models.config import (
    ImageEncoderConfig,
    ModelConfig,
    PreprocessConfig,
    TextEncoderConfig,
)


class AveragePool(nn.Module):
    """Mean over all positions: (n, c, h, w) -> (n, c)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.width = features

    def forward(self, maps: Tensor) -> Tensor:
        """Pool float maps (n, c, h, w) to (n, c)."""
        return maps.mean(dim=(2, 3))


class AverageMaxPool(nn.Module):
    """Mean and maximum over all positions, joined: (n, c, h, w) -> (n, 2c).

    The maximum keeps what is small in the frame, which the mean washes out.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.width = 2 * features

    def forward(self, maps: Tensor) -> Tensor:
        """Pool float maps (n, c, h, w) to (n, 2c), the means first."""
        return torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)


class LevelsPool(nn.Module):
    """Statistics of the last map and of inner ones, joined.

    The last map gives means and maxima; each inner map means, maxima, minima and standard
    deviations. Inner maps see texture, haze and small things that the last one has dropped, and
    cost next to nothing, since the network computes them anyway.

    Attributes:
        levels: which inner maps, by timm's number of the resolution (0: half the input's).
    """

    levels = (3, 4)

    def __init__(self, features: int, inner: Sequence[int] = ()) -> None:
        super().__init__()
        self.width = 2 * features + 4 * sum(inner)

    def forward(self, maps: Tensor, inner: Sequence[Tensor] = ()) -> Tensor:
        """Pool maps (n, c, h, w) and inner maps (n, c_i, h_i, w_i) to (n, 2c + 4 sum(c_i))."""
        parts = [maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))]
        for level in inner:
            mean = level.mean(dim=(2, 3))  # (n, c_i)
            variance = (level - mean[:, :, None, None]).square().mean(dim=(2, 3))
            deviation = (variance + 1e-8).sqrt()  # no infinite gradient where a map is flat
            parts += [mean, level.amax(dim=(2, 3)), level.amin(dim=(2, 3)), deviation]
        return torch.cat(parts, dim=1)


IMAGE_POOLINGS: dict[str, Callable[[int], nn.Module]] = {
    "avg": AveragePool,
    "avgmax": AverageMaxPool,
    "levels": LevelsPool,
}
"""Name in the configuration -> factory from the number of features; modules have ``.width``."""


def pool_cls(states: Tensor, mask: Tensor) -> Tensor:
    """Take the first position: float (n, t, d), int64 (n, t) -> (n, d)."""
    return states[:, 0]


def pool_mean(states: Tensor, mask: Tensor) -> Tensor:
    """Average the positions that hold words: float (n, t, d), int64 (n, t) -> (n, d)."""
    weights = mask.unsqueeze(-1).to(states.dtype)  # (n, t, 1)
    return (states * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1.0)


TEXT_POOLINGS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"cls": pool_cls, "mean": pool_mean}
"""Name in the configuration -> function of last states and mask."""


def named(kind: str, table: dict[str, Any], name: str) -> Any:
    """Look ``name`` up, or say which names there are.

    Raises:
        ModelError: if the name is unknown.
    """
    if name not in table:
        raise ModelError(f'There is no {kind} "{name}"; use one of: {", ".join(sorted(table))}.')
    return table[name]


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
    """Return the channels of the inner maps that :class:`LevelsPool` takes.

    Raises:
        ModelError: if the network does not give its inner maps.
    """
    info: Any = getattr(trunk, "feature_info", None)
    if not hasattr(trunk, "forward_intermediates") or not isinstance(info, list):
        raise ModelError(f'{architecture} gives no inner maps; use the pooling "avgmax" for it.')
    if len(info) <= max(LevelsPool.levels):
        raise ModelError(f'{architecture} has too few levels; use the pooling "avgmax" for it.')
    return [int(info[level]["num_chs"]) for level in LevelsPool.levels]


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
        pooling = named("image pooling", IMAGE_POOLINGS, config.pooling)
        if pooling is LevelsPool:
            inner = _inner_widths(self.trunk, config.architecture)
            self.pool: Any = LevelsPool(config.features, inner)
        else:
            self.pool = pooling(config.features)
        self.width: int = int(self.pool.width)
        # (1, 3, 1, 1); not saved: they are in the configuration
        scale = torch.tensor(preprocess.std).view(1, 3, 1, 1) * 255.0
        offset = torch.tensor(preprocess.mean).view(1, 3, 1, 1) * 255.0
        self.register_buffer("pixel_scale", scale, persistent=False)
        self.register_buffer("pixel_offset", offset, persistent=False)

    def normalise(self, pixels: Tensor) -> Tensor:
        """Turn uint8 (or float 0..255) pixels (n, h, w, 3) into float (n, 3, h, w), normalised."""
        planes = pixels.permute(0, 3, 1, 2).to(self.get_buffer("pixel_scale").dtype)
        return (planes - self.get_buffer("pixel_offset")) / self.get_buffer("pixel_scale")

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
        planes = self.normalise(pixels)
        if isinstance(self.pool, LevelsPool):
            trunk: Any = self.trunk
            maps, inner = trunk.forward_intermediates(planes, indices=list(LevelsPool.levels))
            joined: Tensor = self.pool(maps, inner)
            return joined
        pooled: Tensor = self.pool(self.maps(planes))
        return pooled


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
        self.pool = named("text pooling", TEXT_POOLINGS, config.pooling)
        self.width = config.dim

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Encode int64 ids and mask (n, t), 1 where there is a token, to float (n, width)."""
        attention = mask
        if torch.onnx.is_in_onnx_export():
            # the additive form, float (n, 1, 1, t): the library's own way there is 60 nodes long
            lowest = torch.finfo(torch.float32).min
            attention = (1.0 - mask[:, None, None, :].to(torch.float32)) * lowest
        states: Tensor = self.bert(input_ids=ids, attention_mask=attention).last_hidden_state
        pooled: Tensor = self.pool(states, mask)
        return pooled


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


class DualEncoder(nn.Module):
    """Image and text encoder with a projection head each.

    Its state dictionary is what ``model.safetensors`` holds; the names of the tensors start with
    ``image_encoder.``, ``text_encoder.``, ``image_head.`` and ``text_head.``.

    Attributes:
        config: what it was built from.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.image_encoder = ImageEncoder(config.image, config.preprocess)
        self.text_encoder = TextEncoder(config.text)
        self.image_head = ProjectionHead(
            self.image_encoder.width, config.projection, config.dropout
        )
        self.text_head = ProjectionHead(self.text_encoder.width, config.projection, config.dropout)

    def encode_image(self, pixels: Tensor) -> Tensor:
        """Embed uint8 (or float 0..255) pixels (n, S, S, 3) as float (n, d), not normalised."""
        out: Tensor = self.image_head(self.image_encoder(pixels))
        return out

    def encode_text(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Embed int64 token ids and mask (n, t) as float (n, d), not normalised."""
        out: Tensor = self.text_head(self.text_encoder(ids, mask))
        return out

    def forward(self, pixels: Tensor, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Embed images and texts: two float tensors (n, d), not normalised.

        One call for both, because wrappers for several GPUs synchronise in ``forward``.
        """
        return self.encode_image(pixels), self.encode_text(ids, mask)


def count_parameters(module: nn.Module) -> int:
    """Return the number of parameters, trainable or not."""
    return sum(parameter.numel() for parameter in module.parameters())
