"""The object branch: what its maps are taught, and how.

The backbone stays as it is, so its inner maps are computed once and kept. Per class a cell is
right where it lies in the middle half of a box, and wrong where no box is; what lies between,
and what only one of the detectors' weak guesses names, takes no part. Labels come first: guesses
stand in where a source's labels are silent about a class, at half the weight.

The loss is the focal loss (Lin et al. 2017, arXiv 1708.02002, eq. 5), summed over the cells, and
the cross-entropy of the highest cell against presence in the frame.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from c4t_core.models.config import ObjectsConfig
from c4t_core.progress import Progress, ignore
from scripts.lite.data import BOXED, SEARCHED, Box, Frame

if TYPE_CHECKING:
    from torch import Tensor, nn

    from c4t_core.models.object_branch import ObjectBranch

CLASSES = (
    "person",
    "bicycle",
    "motorcycle",
    "car",
    "bus",
    "truck",
    "ambulance",
    "traffic light",
    "stop sign",
    "crosswalk sign",
    "speed limit sign",
    "train",
    "animal",
)
SURE, HINT = 0.5, 0.35  # scores of a detector: it is there; it may be counted beside a sure one
SAME = 0.4  # overlap from which on two guesses mean one object
# Classes that no detector here knows. Sources that were not searched for them hardly show any,
# which counts a little: else their maps would answer to anything in a frame of another source.
UNSEEN = ("ambulance", "crosswalk sign", "speed limit sign")
_BATCH = 32
_GUESS_WEIGHT, _UNSEEN_WEIGHT = 0.5, 0.2
_CELLS = 20.0  # the sum over cells is divided by


@dataclass(frozen=True)
class CycleOptions:
    """Everything that changes what maps learn, beside the data and their losses."""

    seed: int = 0
    epochs: int = 12
    rate: float = 3e-3  # the highest of one cycle (Smith and Topin 2017, arXiv 1708.07120)
    weight_decay: float = 1e-2
    dropout: float = 0.1  # of whole channels


@dataclass(frozen=True)
class BranchOptions(CycleOptions):
    """Everything that changes the branch's numbers, beside the data."""

    gamma: float = 2.0  # of the focal loss
    alpha: float = 0.75


@dataclass(frozen=True)
class Known:
    """What is known of one class in one frame.

    Attributes:
        boxes: where such objects are.
        present: 1 or 0, or NaN where nothing is known.
        counted: whether there are no others.
        weight: of what is taught from it.
        open: boxes that may hold others.
    """

    boxes: tuple[Box, ...] = ()
    present: float = float("nan")
    counted: bool = False
    weight: float = 1.0
    open: tuple[Box, ...] = ()


def known(frame: Frame, label: str) -> Known:
    """Return what labels, or else the detectors, say of a class in a frame."""
    boxes = tuple(box for box in frame.boxes if box.label == label)
    guesses = [box for box in frame.guesses if box.label == label]
    if label in SEARCHED.get(frame.source, ()):
        return Known(boxes, float(bool(boxes)), counted=True)
    if boxes and label in BOXED.get(frame.source, ()):
        return Known(boxes, 1.0, open=tuple(guesses))
    if label in UNSEEN:
        elsewhere = frame.source not in ("night", "boston", "signs", "vehicles")
        return Known(present=0.0, weight=_UNSEEN_WEIGHT) if elsewhere else Known(weight=0.0)
    sure = [box for box in guesses if box.score >= SURE]
    weak = tuple(box for box in guesses if box.score < SURE)
    if not sure:
        present = float("nan") if weak else 0.0
        return Known(present=present, counted=not weak, weight=_GUESS_WEIGHT, open=weak)
    kept: list[Box] = []
    for box in sorted(guesses, key=lambda box: -box.score):
        if box.score >= HINT and all(box.overlap(other) < SAME for other in kept):
            kept.append(box)
    return Known(tuple(kept), 1.0, counted=True, weight=_GUESS_WEIGHT, open=weak)


@dataclass(frozen=True)
class Targets:
    """What the maps of n frames are taught; c classes, cells h x w.

    Attributes:
        cells: int8 (n, c, h, w): 1 right, 0 wrong, -1 open.
        heights: float32 (n, h, w): logarithm of the box's height in frame heights, else NaN.
        present: float32 (n, c): 1, 0 or NaN.
        weights: float32 (n, c).
        counts: float32 (n, c): how many, NaN where that is not known.
    """

    cells: NDArray[np.int8]
    heights: NDArray[np.float32]
    present: NDArray[np.float32]
    weights: NDArray[np.float32]
    counts: NDArray[np.float32]


def targets(frames: Sequence[Frame], height: int, width: int) -> Targets:
    """Return what the maps of frames are taught, for maps of so many cells."""
    shape = (len(frames), len(CLASSES))
    made = Targets(
        np.zeros((*shape, height, width), np.int8),
        np.full((len(frames), height, width), np.nan, np.float32),
        np.full(shape, np.nan, np.float32),
        np.ones(shape, np.float32),
        np.full(shape, np.nan, np.float32),
    )
    for n, frame in enumerate(frames):
        for c, label in enumerate(CLASSES):
            what = known(frame, label)
            made.present[n, c], made.weights[n, c] = what.present, what.weight
            if what.counted:
                made.counts[n, c] = len(what.boxes)
            cells = made.cells[n, c]
            for box in (*what.open, *what.boxes):
                cells[_within(box, height, width, 1.0)] = -1
            for box in what.boxes:
                middle = _within(box, height, width, 0.5)
                cells[middle] = 1
                made.heights[n][middle] = np.log(max(box.height, 0.01))
    return made


def _within(box: Box, height: int, width: int, share: float) -> tuple[slice, slice]:
    """Return the cells of the middle of a box, one at least."""
    return (
        _span(box.top * height, box.bottom * height, height, share),
        _span(box.left * width, box.right * width, width, share),
    )


def _span(low: float, high: float, cells: int, share: float) -> slice:
    middle, half = (low + high) / 2, (high - low) / 2 * share
    first, last = int(np.floor(middle - half + 0.5)), int(np.ceil(middle + half - 0.5))
    if last <= first:
        first = int(np.clip(middle, 0, cells - 1))
        last = first + 1
    return slice(max(first, 0), min(last, cells))


def fold_of(group: str) -> int:
    """Return 0 or 1 for a drive or duplicate group: which half it is in."""
    return hashlib.sha256(f"fold:{group}".encode()).digest()[0] % 2


def train_branch(
    fine: NDArray[np.float16],
    coarse: NDArray[np.float16],
    taught: Targets,
    rows: NDArray[np.intp],
    options: BranchOptions,
    progress: Progress = ignore,
) -> ObjectBranch:
    """Train the branch on kept maps of the backbone.

    Args:
        fine: (n, c, h, w), the inner map of smaller cells.
        coarse: (n, c', h', w').
        taught: for maps of h x w cells.
        rows: which of the n frames to learn from.
        options: seed, epochs, rates.
        progress: called with (batches done, batches).

    Returns:
        The branch, in eval mode; its facts are not calibrated (:func:`calibrate`).
    """
    import torch
    from torch.nn import functional

    from c4t_core.models.object_branch import ObjectBranch

    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    branch = ObjectBranch(ObjectsConfig(CLASSES), (fine.shape[1], coarse.shape[1]))

    def loss_of(chosen: NDArray[np.intp]) -> Tensor:
        maps = [torch.from_numpy(kept[chosen]).float() for kept in (fine, coarse)]
        cells, heights = (torch.from_numpy(kept[chosen]) for kept in (taught.cells, taught.heights))
        if rng.random() < 0.5:  # nothing that the maps are taught knows left from right
            maps, cells, heights = [m.flip(3) for m in maps], cells.flip(3), heights.flip(2)
        maps = [m.contiguous(memory_format=torch.channels_last) for m in maps]
        out = branch(*(functional.dropout2d(m, options.dropout) for m in maps))
        return _loss(
            out,
            cells,
            heights,
            torch.from_numpy(taught.present[chosen]),
            torch.from_numpy(taught.weights[chosen]),
            options,
        )

    one_cycle(branch, rows, options, rng, loss_of, progress)
    return branch


def one_cycle(
    network: nn.Module,
    rows: NDArray[np.intp],
    options: CycleOptions,
    rng: np.random.Generator,
    loss_of: Callable[[NDArray[np.intp]], Tensor],
    progress: Progress = ignore,
) -> None:
    """Train a network with AdamW and one cycle of its rate; it is left in eval mode.

    Args:
        network: on the CPU.
        rows: which to learn from; some that fill no batch are left out of each epoch.
        options: how long, and how fast.
        rng: draws the order of the rows.
        loss_of: the loss () of some rows, ascending.
        progress: called with (batches done, batches).
    """
    import torch

    # a quarter faster on CPUs, where depthwise convolutions take most of the time
    network.train().to(memory_format=torch.channels_last)
    batches = max(1, len(rows) // _BATCH)
    steps = options.epochs * batches
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=options.rate, weight_decay=options.weight_decay
    )
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.rate, total_steps=steps + 1)
    for step in range(steps):
        if step % batches == 0:
            order = rng.permutation(rows)
        loss = loss_of(np.sort(order[step % batches * _BATCH :][:_BATCH]))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        cycle.step()
        progress(step + 1, steps)
    network.eval()


def _loss(
    out: Tensor,
    cells: Tensor,
    heights: Tensor,
    present: Tensor,
    weights: Tensor,
    options: BranchOptions,
) -> Tensor:
    """Return the loss of maps (n, c + 1, h, w) against their targets, ()."""
    from torch.nn import functional

    logits, size = out[:, :-1], out[:, -1]
    right = (cells == 1).to(logits.dtype)
    entropy = functional.binary_cross_entropy_with_logits(logits, right, reduction="none")
    missed = (logits.sigmoid() - right).abs()  # one minus the probability of what is right
    balance = options.alpha * right + (1 - options.alpha) * (1 - right)
    counted = (cells >= 0) * weights[:, :, None, None]
    focal = (balance * missed**options.gamma * entropy * counted).sum() / _CELLS
    told = ~present.isnan()
    highest = functional.binary_cross_entropy_with_logits(
        logits.amax(dim=(2, 3)), present.nan_to_num(0.0), reduction="none"
    )
    total = (focal + (highest * weights * told).sum()) / len(out)
    sized = ~heights.isnan()
    if sized.any():
        total = total + functional.smooth_l1_loss(size[sized], heights[sized], beta=0.2)
    return total


def statistics_of(
    branch: ObjectBranch, fine: NDArray[np.float16], coarse: NDArray[np.float16]
) -> NDArray[np.float32]:
    """Return the statistics of kept maps, float32 (n, c, statistics)."""
    import torch

    parts = []
    with torch.inference_mode():
        for start in range(0, len(fine), _BATCH):
            maps = (torch.from_numpy(k[start : start + _BATCH]).float() for k in (fine, coarse))
            parts.append(branch.statistics(branch(*maps)).numpy())
    return np.concatenate(parts)


def calibrate(branch: ObjectBranch, statistics: NDArray[np.float32], taught: Targets) -> None:
    """Fit what the facts are read off the statistics with.

    Probabilities by Platt's scaling (1999), numbers by a Poisson regression; both on frames that
    the branch has not seen.

    Args:
        branch: gets the fitted weights.
        statistics: float32 (n, c, statistics), of branches that did not learn from the frame.
        taught: of the same frames.
    """
    import torch
    from torch.nn import functional

    values = torch.from_numpy(statistics)
    mean, spread = values.mean(dim=0), values.std(dim=0) + 1e-3  # (c, statistics)
    present, counts = torch.from_numpy(taught.present), torch.from_numpy(taught.counts)
    weights = torch.from_numpy(taught.weights)
    slope = torch.ones(len(CLASSES), requires_grad=True)
    offset = torch.zeros(len(CLASSES), requires_grad=True)
    numbers = torch.zeros_like(mean, requires_grad=True)
    base = torch.zeros(len(CLASSES), requires_grad=True)
    fitted = [slope, offset, numbers, base]
    optimiser = torch.optim.LBFGS(fitted, max_iter=300, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        told, counted = ~present.isnan() * weights, ~counts.isnan() * weights
        chance = functional.binary_cross_entropy_with_logits(
            values[..., 0] * slope + offset, present.nan_to_num(0.0), reduction="none"
        )
        rate = functional.softplus((((values - mean) / spread) * numbers).sum(dim=2) + base)
        poisson = functional.poisson_nll_loss(
            rate, counts.nan_to_num(0.0), log_input=False, reduction="none"
        )
        loss = (chance * told).sum() / told.sum() + (poisson * counted).sum() / counted.sum()
        loss = loss + 1e-3 * numbers.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        branch.calibration.copy_(torch.stack([slope, offset], dim=1))
        branch.counting[:, :-1].copy_(numbers / spread)
        branch.counting[:, -1].copy_(base - (numbers * mean / spread).sum(dim=1))
