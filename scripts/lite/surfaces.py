"""What the maps of surfaces are taught: which share of each cell is sky, road, wall.

Masks tell it, of the two sources that have some; of the others nothing is known. As for objects
the backbone stays as it is and its inner maps are kept. The loss is the cross-entropy of each
cell with its shares, and beside it how far the logarithm of the whole frame's share is off, which
counts what covers little as much as what covers much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from c4t_core.errors import TrainingError
from c4t_core.progress import Progress, ignore
from scripts.lite.data import Frame
from scripts.lite.objects import CycleOptions, fold_of, one_cycle

if TYPE_CHECKING:
    from torch import Tensor

    from c4t_core.models.object_branch import Surfaces
    from scripts.lite.features import Maps

SURFACES = (
    "sky",
    "road",
    "vehicle",
    "people",
    "pedestrian",
    "cyclist",
    "building",
    "pole",
    "pavement",
    "tree",
    "sign",
    "fence",
    "verge",
    "roadside",
    "far",
)
# ids of a mask that are such a surface; what a source does not tell apart is not in it
_IDS: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "camvid": {
        "sky": (0,),
        "road": (3,),
        "vehicle": (8,),
        "people": (9, 10),
        "pedestrian": (9,),
        "cyclist": (10,),
        "building": (1,),
        "pole": (2,),
        "pavement": (4,),
        "tree": (5,),
        "sign": (6,),
        "fence": (7,),
    },
    "idd_lite": {
        "sky": (6,),
        "road": (0,),
        "vehicle": (3,),
        "people": (2,),
        "verge": (1,),
        "roadside": (4,),
        "far": (5,),
    },
}
_UNLABELLED = {"camvid": 11, "idd_lite": 255}
_LEAST_LABELLED = 0.02  # of a cell; below, nothing of it is known
_BATCH = 32
_LITTLE = 5e-3  # share of the frame below which one is as wrong as another


@dataclass(frozen=True)
class SurfaceOptions(CycleOptions):
    """Everything that changes the maps' numbers, beside the data."""

    epochs: int = 30
    share: float = 0.15  # of the loss of the frame's shares beside that of the cells


def shares(frame: Frame, height: int, width: int) -> NDArray[np.float32]:
    """Return which share of each cell a mask calls what, float32 (surfaces, height, width).

    NaN where the mask's source does not tell such a surface, or has no masks.
    """
    found = np.full((len(SURFACES), height, width), np.nan, np.float32)
    if frame.mask is None:
        return found
    with Image.open(frame.mask) as opened:
        mask = np.asarray(opened)

    def of_cells(pixels: NDArray[np.bool_]) -> NDArray[np.float32]:
        image = Image.fromarray(pixels.astype(np.float32))
        return np.asarray(image.resize((width, height), Image.Resampling.BOX))

    labelled = of_cells(mask != _UNLABELLED[frame.source])
    for name, ids in _IDS[frame.source].items():
        covered = of_cells(np.isin(mask, ids)) / np.maximum(labelled, _LEAST_LABELLED)
        known = np.where(labelled > _LEAST_LABELLED, covered.clip(0.0, 1.0), np.nan)
        found[SURFACES.index(name)] = known
    return found


def halves(frames: Sequence[Frame]) -> NDArray[np.intp]:
    """Return which half each frame is in, (n,) of 0 and 1: by drive or duplicate group.

    CamVid's one drive to learn from is cut in the middle, else one half had no pavement.
    """
    drive = sorted({frame.path.name for frame in frames if frame.source == "camvid"})
    later = set(drive[len(drive) // 2 :])
    found = [
        int(frame.path.name in later) if frame.source == "camvid" else fold_of(frame.group)
        for frame in frames
    ]
    return np.array(found, dtype=np.intp)


def train_surfaces(
    maps: Sequence[Maps],
    taught: NDArray[np.float32],
    rows: NDArray[np.intp],
    options: SurfaceOptions,
    progress: Progress = ignore,
) -> Surfaces:
    """Train the maps of surfaces on kept maps of the backbone.

    Args:
        maps: of n frames, plain and augmented copies; each batch is of one of them.
        taught: of :func:`shares`, float32 (n, surfaces, h, w).
        rows: which of the frames to learn from.
        options: seed, epochs, rates.
        progress: called with (batches done, batches).

    Returns:
        The maps, in eval mode.
    """
    import torch
    from torch.nn import functional

    from c4t_core.models.object_branch import Surfaces

    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    network = Surfaces(SURFACES, (maps[0].fine.shape[1], maps[0].coarse.shape[1]))

    def loss_of(chosen: NDArray[np.intp]) -> Tensor:
        drawn = maps[int(rng.integers(len(maps)))]
        fine, coarse, wanted = (
            torch.from_numpy(kept[chosen]).float() for kept in (drawn.fine, drawn.coarse, taught)
        )
        if rng.random() < 0.5:  # no surface knows left from right
            fine, coarse, wanted = fine.flip(3), coarse.flip(3), wanted.flip(3)
        planes = [m.contiguous(memory_format=torch.channels_last) for m in (fine, coarse)]
        out = network(*(functional.dropout2d(m, options.dropout) for m in planes))
        return _loss(out, wanted, options.share)

    one_cycle(network, rows, options, rng, loss_of, progress)
    return network


def _loss(out: Tensor, wanted: Tensor, weight: float) -> Tensor:
    """Return the loss of logits (n, s, h, w) against shares of cells, NaN where unknown; ()."""
    from torch.nn import functional

    known = (~wanted.isnan()).float()
    right = wanted.nan_to_num(0.0)
    entropy = functional.binary_cross_entropy_with_logits(out, right, reduction="none")
    cells = (entropy * known).sum() / known.sum().clamp(min=1.0)
    counted = known.sum(dim=(2, 3))  # (n, s)
    told = counted > 0
    if not told.any():
        return cells
    found, meant = (
        (((part * known).sum(dim=(2, 3)) / counted.clamp(min=1.0)) + _LITTLE).log()[told]
        for part in (out.sigmoid(), right)
    )
    return cells + weight * functional.smooth_l1_loss(found, meant, beta=0.3)


def amounts_of(network: Surfaces, maps: Maps) -> NDArray[np.float32]:
    """Return what surfaces tell of kept maps, float32 (n, width)."""
    import torch

    parts = []
    with torch.inference_mode():
        for start in range(0, len(maps.fine), _BATCH):
            rows = slice(start, start + _BATCH)
            kept = (torch.from_numpy(m[rows]).float() for m in (maps.fine, maps.coarse))
            parts.append(network.amounts(network(*kept)).flatten(1).numpy())
    return np.concatenate(parts)


def surfaces_of(
    maps: Maps,
    frames: Sequence[Frame],
    options: SurfaceOptions,
    more: Sequence[Maps] = (),
    progress: Progress = ignore,
) -> tuple[Surfaces, NDArray[np.float32]]:
    """Train the maps of surfaces, and two on one half of the frames each.

    Args:
        maps: of n frames.
        frames: their labels.
        options: of each training.
        more: augmented copies of the frames that have masks alone, in their order, to learn from.
        progress: called with (batches done, batches) of each training.

    Returns:
        Those that learnt from all frames, and what surfaces tell, float32 (n, width), by those
        that did not learn from the frame's half.

    Raises:
        TrainingError: if no frame has a mask.
    """
    from c4t_core.models.object_branch import AMOUNTS

    masked = np.array([i for i, frame in enumerate(frames) if frame.mask is not None], np.intp)
    if not len(masked):
        raise TrainingError(
            f"Surfaces are learnt from masks, which {' and '.join(_IDS)} have; leave one of "
            "them in."
        )
    height, width = maps.fine.shape[2:]
    taught = np.stack([shares(frames[i], height, width) for i in masked])
    own = maps.of(masked)
    half = halves(frames)
    told = np.empty((len(frames), AMOUNTS * len(SURFACES)), np.float32)
    for fold in (0, 1):
        learnt = np.flatnonzero(half[masked] != fold)
        network = train_surfaces([own, *more], taught, learnt, options, progress)
        rows = np.flatnonzero(half == fold)
        told[rows] = amounts_of(network, maps.of(rows))
    everything = np.arange(len(masked))
    return train_surfaces([own, *more], taught, everything, options, progress), told
