"""What a training run tells while it goes on, as frozen dataclasses. Loads no torch.

A run calls ``on_event`` with these; ``c4t train --progress json`` writes each as one line
(:func:`to_line`), and the window reads it again (:func:`parse_event`). Whoever shows them
dispatches on the type. Names and entries of the lines are in docs/training.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

from c4t_core.datasets.pairs import Problem
from c4t_core.records import dataclass
from c4t_core.training.request import from_plain, to_plain

_KINDS: dict[str, type[Event]] = {}  # entry ``event`` of a line -> what it describes


@dataclass(frozen=True)
class Event:
    """Something that a run tells; ``event`` is what lines of JSON call its kind."""

    event: ClassVar[str]

    def __init_subclass__(cls, event: str = "") -> None:
        if event:
            cls.event = event
            _KINDS[event] = cls


Emit = Callable[[Event], None]


@dataclass(frozen=True)
class PairsRead(Event, event="pairs"):
    """What the pairs file holds: rows that are used, images by split, rows that are left out."""

    pairs: int
    train: int
    validation: int
    test: int
    drives: int
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]
    wrong: int = 0  # rows that are learned from and say what an image does not show


@dataclass(frozen=True)
class Preparing(Event):
    """How far the caches are."""

    of: str  # images, texts; pixels, checked
    done: int
    total: int
    seconds_left: float


@dataclass(frozen=True)
class Features(Preparing, event="features"):
    """Features of a frozen encoder are computed."""


@dataclass(frozen=True)
class Pixels(Preparing, event="prepare"):
    """Images are decoded."""


@dataclass(frozen=True)
class UnreadableImage:
    """An image that is left out."""

    path: str
    reason: str


@dataclass(frozen=True)
class ImagesSkipped(Event, event="skipped"):
    """Images that cannot be read."""

    images: tuple[UnreadableImage, ...]


@dataclass(frozen=True)
class Estimate(Event, event="estimate"):
    """How long the training will take."""

    seconds: float
    seconds_per_step: float
    steps: int
    text: str


@dataclass(frozen=True)
class Started(Event, event="start"):
    """The loop begins, or goes on after ``step``."""

    step: int
    steps: int
    epoch: int
    epochs: int
    resumed: bool
    device: str
    processes: int
    batch: int


@dataclass(frozen=True)
class Step(Event, event="step"):
    """Steps of the optimiser; only some are told."""

    step: int
    steps: int
    epoch: int  # from 0
    loss: float
    rate: float
    seconds_left: float | None


@dataclass(frozen=True, kw_only=True)
class EpochFigures:
    """One epoch: losses, and retrieval on the images held out, None without any."""

    epoch: int  # from 0
    step: int
    train_loss: float
    validation_loss: float | None = None
    images: int | None = None  # this and the following as of Retrieval
    captions: int | None = None
    text_map: float | None = None
    image_map: float | None = None
    text_recall: Mapping[str, float] | None = None
    image_recall: Mapping[str, float] | None = None
    score: float | None = None
    rate: float | None = None
    best: bool


@dataclass(frozen=True, kw_only=True)
class Validated(Event, EpochFigures, event="validation"):
    """The images held out were searched."""


@dataclass(frozen=True, kw_only=True)
class EpochDone(Event, EpochFigures, event="epoch"):
    """An epoch is over."""

    epochs: int


@dataclass(frozen=True)
class BatchHalved(Event, event="memory"):
    """Memory ran out; batches are smaller from now on."""

    batch: int
    message: str


@dataclass(frozen=True)
class StoppedEarly(Event, event="early_stop"):
    """The last epochs were no better."""

    epoch: int
    message: str


@dataclass(frozen=True)
class CheckpointSaved(Event, event="checkpoint"):
    """The run goes on from here after a crash."""

    path: str
    step: int


@dataclass(frozen=True)
class StateMeasured(Event, event="measured"):
    """States of the weights that the guards have measured."""

    done: int
    total: int


@dataclass(frozen=True)
class Retrieval:
    """Figures of one model on one set of pairs; all 0..1, means over queries.

    Attributes:
        images: number of images.
        captions: number of different captions.
        text_map: mAP of captions searching images.
        image_map: mAP of images searching captions.
        text_recall: k -> share of captions with one of their images among the first k.
        image_recall: k -> share of images with one of their captions among the first k.
        score: mean of both mAPs, what checkpoints are compared by.
    """

    images: int
    captions: int
    text_map: float
    image_map: float
    text_recall: Mapping[str, float]
    image_recall: Mapping[str, float]

    @property
    def score(self) -> float:
        """Mean of both mAPs."""
        return (self.text_map + self.image_map) / 2


@dataclass(frozen=True)
class Figures:
    """One state of the weights, measured by the guards of fine-tuning.

    Attributes:
        mix: share of the new weights, 0..1.
        held_out: retrieval on the drives kept for validation; None without any.
        general: retrieval on the general images; None without any.
        meaning: share of the triplets in the right order, 0..1.
        kept: rank correlation of sentence similarities with those of the old model, -1..1.
        kinds: kind of query -> mAP on the real frames that travel with the model; None without.
    """

    mix: float
    held_out: Retrieval | None
    general: Retrieval | None
    meaning: float
    kept: float
    kinds: Mapping[str, float] | None = None

    @property
    def held_out_score(self) -> float:
        """Mean of both mAPs on the held-out drives, 0 without any."""
        return self.held_out.score if self.held_out is not None else 0.0

    @property
    def general_score(self) -> float:
        """Mean of the order of meanings and, where there are images, their retrieval."""
        if self.general is None:
            return self.meaning
        return (self.meaning + self.general.score) / 2


@dataclass(frozen=True)
class Guarded(Event, event="guard"):
    """What the guards of fine-tuning found and chose.

    Attributes:
        before: the old model.
        after: the new weights alone.
        chosen: what is kept: the new weights, or a blend.
        tried: every mix that was measured, in order.
        warnings: sentences for the user.
        gained: 95 % interval of what the held-out score of the chosen one is above that before,
            by the same queries in pairs; None without two of them.
    """

    before: Figures
    after: Figures
    chosen: Figures
    tried: tuple[Figures, ...]
    warnings: tuple[str, ...]
    gained: tuple[float, float] | None = None

    @property
    def clear(self) -> bool:
        """Whether chance alone hardly explains what the held-out drives gained."""
        return self.gained is not None and self.gained[0] > 0


@dataclass(frozen=True)
class Exporting(Event, event="export"):
    """The finished model is written."""

    path: str


@dataclass(frozen=True)
class TrainingResult(Event, event="done"):
    """What a finished run leaves; also ``report.json`` in its folder.

    Attributes:
        output: folder of the run.
        model: folder of the finished model.
        name: ``c4t:NAME`` if it was registered.
        epochs: that were run.
        steps: of the optimiser.
        seconds: of work, over all sittings.
        best_epoch: whose weights are kept, from 0.
        best: its losses and retrieval figures.
        guard: what fine-tuning won and lost; None for a new model.
        skipped: (path, reason) of images that could not be read.
        warnings: sentences for the user.
        resumed: whether it went on from a checkpoint.
    """

    output: Path
    model: Path
    name: str | None
    epochs: int
    steps: int
    seconds: float
    best_epoch: int
    best: EpochFigures
    guard: Guarded | None
    skipped: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    resumed: bool


@dataclass(frozen=True)
class Stopped(Event, event="stopped"):
    """The run was asked to stop, and has saved its state."""

    message: str


@dataclass(frozen=True)
class Failed(Event, event="error"):
    """The run ended with something that the user can mend."""

    kind: str  # name of the exception
    message: str


def to_line(event: Event) -> str:
    """Return an event as one line of JSON."""
    return json.dumps({"event": event.event, **to_plain(event)})


def parse_event(line: str) -> Event | None:
    """Return the event in a line, None if it is something else.

    >>> parse_event('{"event": "measured", "done": 1, "total": 3}')
    StateMeasured(done=1, total=3)
    """
    try:
        plain = json.loads(line)
        return from_plain(_KINDS[plain["event"]], plain)
    except (ValueError, KeyError, TypeError):
        return None
