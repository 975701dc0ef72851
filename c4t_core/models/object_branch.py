"""What the image tower sees of single objects, and what of that the projection head is told."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from c4t_core.models.config import ObjectsConfig

STATISTICS = 8  # numbers per class that say what the object maps hold
FACTS = 6  # numbers per class that are told about a frame
LEAST = 0.03  # probability below which units do not tell images apart
HIGHEST = 8  # cells that a mean of the highest is taken of
SIDES = (0.36, 0.64)  # shares of the width where the left ends and the right begins
AMOUNTS = 3  # numbers per surface that say how much of the frame it covers
NOTHING = 3e-3  # share of the frame below which surfaces do not tell images apart
SURFACE_CHANNELS = 64  # of the maps of surfaces


class Separable(nn.Module):
    """A depthwise and a pointwise convolution beside the input (Howard et al. 2017, 1704.04861)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.depthwise_norm = nn.BatchNorm2d(channels)
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.pointwise_norm = nn.BatchNorm2d(channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Map (n, c, h, w) to (n, c, h, w)."""
        spread = nn.functional.relu(self.depthwise_norm(self.depthwise(maps)))
        mixed: Tensor = nn.functional.relu(self.pointwise_norm(self.pointwise(spread)))
        return maps + mixed


def _joined(part: Surfaces | ObjectBranch, fine: Tensor, coarse: Tensor) -> Tensor:
    """Bring both inner maps to the same channels and add them, the coarse one enlarged."""
    enlarged = nn.functional.interpolate(part.coarse(coarse), size=fine.shape[-2:])
    return nn.functional.relu(part.norm(part.fine(fine) + enlarged))


class Surfaces(nn.Module):
    """How much of the frame is sky, road, building, and what else covers it.

    Boxes say what stands on the road, and nothing of the road: which share of the frame is sky or
    wall is asked of a map of its own, in which each cell tells which share of it is what. Its
    mean over the cells is the share of the frame; pooled features only hint at it.

    Args:
        names: of the surfaces.
        inner: channels of the fine and of the coarse inner map.

    Attributes:
        width: length of what it tells.
    """

    def __init__(self, names: Sequence[str], inner: Sequence[int]) -> None:
        super().__init__()
        fine, coarse = inner
        self.fine = nn.Conv2d(fine, SURFACE_CHANNELS, 1, bias=False)
        self.coarse = nn.Conv2d(coarse, SURFACE_CHANNELS, 1, bias=False)
        self.norm = nn.BatchNorm2d(SURFACE_CHANNELS)
        self.block = Separable(SURFACE_CHANNELS)
        self.out = nn.Conv2d(SURFACE_CHANNELS, len(names), 1)
        assert self.out.bias is not None
        nn.init.constant_(self.out.bias, -3.0)  # most surfaces cover little
        self.width = AMOUNTS * len(names)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """Return a logit per cell and surface, float (n, surfaces, h, w).

        Args:
            fine: the inner map of smaller cells, (n, c, h, w).
            coarse: the other one, (n, c', h', w').
        """
        out: Tensor = self.out(self.block(_joined(self, fine, coarse)))
        return out

    @staticmethod
    def amounts(maps: Tensor) -> Tensor:
        """Return how much of the frame each covers, float (n, surfaces, :data:`AMOUNTS`).

        Per surface: the share of the frame, its logarithm, and the mean of the eight highest
        logits, which see what is small.
        """
        cells = maps.flatten(2)  # (n, s, h * w)
        share = cells.sigmoid().mean(dim=2)
        highest = cells.topk(min(HIGHEST, cells.shape[2]), dim=2).values
        return torch.stack([share, (share + NOTHING).log(), highest.mean(dim=2)], dim=2)


class Together(nn.Module):
    """How likely several things are true of a frame at once, a number for each such unit.

    A cosine adds up what a vector holds, so "a truck and a car" finds frames that are full of
    trucks. A product is high only where all its factors are: with one number for each pair, a
    single direction of the shared space says the pair.

    Args:
        config: its units; each names conditions that all hold, as ``truck>=2`` or ``fog car>=1``:
            so many of a class at the least, or else a kind of weather.
        pooled: length of the pooled features, with what surfaces tell.

    Attributes:
        conditions: in the order in which ``likely`` tells them.
    """

    held: Tensor

    def __init__(self, config: ObjectsConfig, pooled: int) -> None:
        super().__init__()
        parts = dict.fromkeys(part for unit in config.units for part in unit.split())
        self.conditions = list(parts)
        width = pooled + STATISTICS * len(config.classes)
        self.likely = nn.Linear(width, len(self.conditions))
        held = torch.zeros(len(self.conditions), len(config.units))
        for column, unit in enumerate(config.units):
            for part in unit.split():
                held[self.conditions.index(part), column] = 1.0
        self.register_buffer("held", held, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Return the logarithm of each unit's probability, float (n, units), bounded below.

        Args:
            features: the pooled features, then the statistics, float (n, width of both).
        """
        # of all conditions of a unit together, (n, units)
        surprise = nn.functional.softplus(-self.likely(features)) @ self.held
        return ((-surprise).exp() + LEAST).log()


class ObjectBranch(nn.Module):
    """Where in the frame which object is, and what of that the projection head is told.

    Both inner maps are brought to the same channels and added, the coarse one enlarged (as in
    feature pyramids, Lin et al. 2017, arXiv 1612.03144, section 3). One output map per class says
    whether a cell lies in the middle of such an object; one says how high the object there is.
    A mean over all cells drowns what is small in the frame; the statistics here do not.

    Args:
        config: classes and sizes.
        inner: channels of the fine and of the coarse inner map.
        pooled: length of the pooled features, from which the weather is told for units.

    Attributes:
        surfaces: the maps of what covers the frame, if there are any.
        width: length of the statistics, and of what is told of surfaces and of several things
            together.
    """

    def __init__(self, config: ObjectsConfig, inner: Sequence[int], pooled: int = 0) -> None:
        super().__init__()
        fine, coarse = inner
        self.fine = nn.Conv2d(fine, config.channels, 1, bias=False)
        self.coarse = nn.Conv2d(coarse, config.channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(config.channels)
        self.blocks = nn.Sequential(*(Separable(config.channels) for _ in range(config.blocks)))
        self.out = nn.Conv2d(config.channels, len(config.classes) + 1, 1)
        assert self.out.bias is not None
        nn.init.constant_(self.out.bias, -4.0)  # most cells hold nothing
        # what the facts are read off the statistics with, a row per class
        self.calibration = nn.Parameter(torch.tensor([[1.0, 0.0]]).repeat(len(config.classes), 1))
        self.counting = nn.Parameter(torch.zeros(len(config.classes), STATISTICS + 1))
        self.surfaces = Surfaces(config.surfaces, inner) if config.surfaces else None
        covered = self.surfaces.width if self.surfaces is not None else 0
        self.together = Together(config, pooled + covered) if config.units else None
        self.width = covered + STATISTICS * len(config.classes) + len(config.units)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """Return a logit per cell and class, and the logarithm of the height in frame heights.

        Args:
            fine: the inner map of smaller cells, (n, c, h, w).
            coarse: the other one, (n, c', h', w').

        Returns:
            float (n, classes + 1, h, w), the heights last.
        """
        out: Tensor = self.out(self.blocks(_joined(self, fine, coarse)))
        return out

    @staticmethod
    def statistics(maps: Tensor) -> Tensor:
        """Return what the maps say about the frame, float (n, classes, :data:`STATISTICS`).

        Per class: the highest logit, the mean of the eight highest, the logarithm of the summed
        probabilities; the highest logit on the left, in the middle, on the right; the mean
        logarithm of the height where such objects are, and the logarithm of the highest product
        of probability and height.
        """
        logits = maps[:, :-1]  # (n, c, h, w)
        heights = maps[:, -1:].clamp(-4.0, 0.2)  # (n, 1, h, w)
        shares = logits.sigmoid()
        cells = logits.flatten(2)  # (n, c, h * w)
        highest = cells.topk(min(HIGHEST, cells.shape[2]), dim=2).values
        width = int(logits.shape[3])
        left, right = round(SIDES[0] * width), round(SIDES[1] * width)
        thirds = (logits[..., :left], logits[..., left:right], logits[..., right:])
        weights = shares.square() + 1e-6
        return torch.stack(
            [
                highest[..., 0],
                highest.mean(dim=2),
                (shares.sum(dim=(2, 3)) + 1e-2).log(),
                *(third.amax(dim=(2, 3)) for third in thirds),
                (weights * heights).sum(dim=(2, 3)) / weights.sum(dim=(2, 3)),
                ((shares * heights.exp()).amax(dim=(2, 3)) + 1e-2).log(),
            ],
            dim=2,
        )

    def facts(self, statistics: Tensor) -> Tensor:
        """Return what is believed to be there, float (n, classes, :data:`FACTS`).

        Args:
            statistics: of :meth:`statistics`.

        Returns:
            Per class: the probability that there is one, how many, the height of the nearest in
            heights of the frame, and the probabilities that there is one on the left, in the
            middle, on the right.
        """
        slope, offset = self.calibration[:, :1], self.calibration[:, 1:]  # (c, 1) each
        seen = statistics[..., [0, 3, 4, 5]]  # (n, c, 4): anywhere, left, middle, right
        probable = (seen * slope + offset).sigmoid()
        # the offset goes with a one: where the weights were sliced, OpenVINO gave other numbers
        # than ONNX Runtime and torch for all classes but the first
        ones = torch.ones_like(statistics[..., :1])
        count = (torch.cat([statistics, ones], dim=2) * self.counting).sum(dim=2)  # (n, c)
        height = (statistics[..., -1].exp() - 1e-2).clamp(0.0, 1.0)
        return torch.cat(
            [
                probable[..., :1],
                nn.functional.softplus(count)[..., None],
                height[..., None],
                probable[..., 1:],
            ],
            dim=2,
        )
