"""The C4T architecture: two encoders, two projection heads, one space.

Contrastive dual encoders follow CLIP (Radford et al. 2021, arXiv 2103.00020); the heads are a
residual bottleneck as described at :class:`ProjectionHead`.
"""

from __future__ import annotations

from torch import Tensor, nn

from c4t_core.config import ModelConfig
from c4t_core.models.encoders import ImageEncoder, TextEncoder


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
