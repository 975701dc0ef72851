"""What a training run is asked for, and the presets, as frozen dataclasses.

Light to import (no torch): the command line and the window build a :class:`TrainingRequest`
before anything heavy is loaded. It is saved as ``request.json`` in the output folder.
"""

from __future__ import annotations

import json
import math
import types
from collections.abc import Mapping
from dataclasses import field, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from c4t_core.errors import TrainingError
from c4t_core.files import sha256
from c4t_core.records import dataclass

FORMAT = 1
"""Of request.json; only what an older version would get wrong raises it."""

Loss = Literal["original", "infonce", "soft-text", "siglip"]
Freeze = Literal["none", "image", "text", "encoders", "partial"]
Schedule = Literal["plateau", "cosine", "constant"]
Precision = Literal["auto", "no", "bf16", "fp16"]
Captions = Literal["one", "all"]
Augment = Literal["none", "light"]
Monitor = Literal["retrieval", "loss"]


@dataclass(frozen=True)
class TrainingOptions:
    """How to train: everything that changes the numbers."""

    loss: Loss = "soft-text"  # see c4t_core.training.losses
    temperature: float = 1.0  # tau of the original loss
    target_temperature: float = 0.05  # of soft-text: how alike captions share a target, cosine
    image_rate: float = 1e-4  # learning rate of the image encoder
    text_rate: float = 1e-5  # learning rate of the text encoder
    head_rate: float = 1e-3  # learning rate of the projection heads and of the loss's scale
    weight_decay: float = 1e-3  # AdamW's, on the heads only
    schedule: Schedule = "cosine"  # plateau: on the validation loss; cosine: per step, to 0
    patience: int = 1  # plateau: epochs without a better loss before the rates fall
    factor: float = 0.5  # plateau: what the rates are multiplied by
    warmup: float = 0.05  # cosine: share of all steps in which the rates rise from 0
    batch: int = 64  # pairs per optimiser step and accumulation part, over all processes
    accumulate: int = 1  # parts per optimiser step; negatives come from within one part
    epochs: int = 6  # passes over the training images
    freeze: Freeze = "none"  # partial: text encoder and the first two thirds of the image encoder
    frozen_norm: bool = False  # keep the running statistics of batch normalisation as they are
    captions: Captions = "one"  # one caption per image and epoch (drawn by seed), or all as rows
    augment: Augment = "none"  # light: random crop of at least 85 %, brightness and contrast
    text_noise: float = 0.0  # on text features, in their lengths: stands in for unused words
    clip_norm: float = 0.0  # bound of the gradient's length; 0: none
    ema: float = 0.0  # decay per step of the moving average of weights that is kept; 0: off
    rehearse: float | None = None  # share of a step for frames that came with the model; None: 0
    precision: Precision = "auto"  # auto: bf16 on GPUs that have it, else full
    validation_share: float = 0.2  # of the images, whole drives, where the pairs hold no split
    validation_limit: int = 2000  # images that validation looks at, at most
    monitor: Monitor = "retrieval"  # what the best checkpoint is chosen by
    early_stop: int = 0  # stop after this many epochs without a better checkpoint; 0: never
    seed: int = 42  # of split, order, captions, dropout, augmentation and new heads

    def validate(self) -> None:
        """Check every field.

        Raises:
            TrainingError: names the first field that is out of bounds and what it may be.
        """
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise TrainingError(
                    f'"{value}" is no {name} that training knows; use one of {", ".join(choices)}.'
                )
        for name, (low, high) in _BOUNDS.items():
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and low <= value <= high):
                raise TrainingError(
                    f"{name} is {value}, but must lie between {low:g} and {high:g}; change it."
                )


_CHOICES: dict[str, tuple[str, ...]] = {
    name: get_args(hint)
    for name, hint in get_type_hints(TrainingOptions).items()
    if get_origin(hint) is Literal
}
_BOUNDS: dict[str, tuple[float, float]] = {
    "temperature": (1e-4, 1e4),
    "target_temperature": (1e-4, 1e4),
    "image_rate": (0, 10),
    "text_rate": (0, 10),
    "head_rate": (0, 10),
    "weight_decay": (0, 10),
    "patience": (0, 1000),
    "factor": (0.01, 0.99),
    "warmup": (0, 1),
    "batch": (2, 65536),
    "accumulate": (1, 4096),
    "epochs": (1, 100_000),
    "text_noise": (0, 100),
    "clip_norm": (0, 1e6),
    "ema": (0, 0.99999),
    "rehearse": (0, 0.95),
    "validation_share": (0, 0.9),
    "validation_limit": (2, 100_000),
    "early_stop": (0, 100_000),
    "seed": (0, 2**31 - 1),
}

REFERENCE_OPTIONS = TrainingOptions(
    loss="original",
    schedule="plateau",
    batch=16,
    epochs=6,
    captions="all",
)
"""The original's training: its loss, rates, schedule, batch and epochs.

Two things differ on purpose: the split is by drive, not by image, and the best checkpoint is
chosen by retrieval, with the validation loss (what the original used) to break ties."""

LITE_OPTIONS = TrainingOptions(
    loss="soft-text",
    freeze="encoders",
    batch=128,
    epochs=30,
    image_rate=5e-5,
    early_stop=8,
    frozen_norm=True,
)
"""Small encoders kept as they are, heads trained on cached features."""

FINE_TUNE_OPTIONS = TrainingOptions(
    loss="soft-text",
    freeze="encoders",
    batch=64,
    epochs=20,
    image_rate=2e-5,
    head_rate=2e-4,
    text_noise=1.0,
    clip_norm=1.0,
    ema=0.95,
    rehearse=0.5,
    frozen_norm=True,
)
"""Gentle rates and still encoders: little data must not cost what the model knows, and a laptop
is done in minutes. ``freeze="partial"`` reaches deeper and takes hours without a GPU.

No early stop, and averaged weights: retrieval among frames of one drive is a noisy measure, which
stopped runs in their first epochs, before the rates had fallen (docs/training.md has figures)."""

CLIP_OPTIONS = replace(FINE_TUNE_OPTIONS, target_temperature=0.01, text_noise=0.0, rehearse=0.0)
"""Heads on CLIP's towers. Its captions of one road differ by little, and its own temperature is
.01: at .05 all of a batch would share the targets. Nothing here was measured with CLIP itself."""

PRESET_OPTIONS: dict[str, TrainingOptions] = {
    "lite": LITE_OPTIONS,
    "reference": REFERENCE_OPTIONS,
}


@dataclass(frozen=True)
class TrainingRequest:
    """One run of ``c4t train``: what to train, on what, and where the result goes."""

    pairs: Path  # the pairs file
    output: Path  # folder of this run: checkpoint, logs, caches, the finished model
    images: Path | None = None  # root of the relative image paths; None: the pairs' own folder
    preset: str = "lite"  # architecture of a new model; see c4t_core.models.config.PRESETS
    base: str | None = None  # model to fine-tune, by name or folder; None: a new model
    name: str | None = None  # register the result as c4t:NAME
    image_weights: Path | None = None  # local file with pretrained image encoder weights
    text_weights: Path | None = None  # local file or folder with pretrained text encoder weights
    download: bool = False  # fetch pretrained weights that are not given
    random_weights: bool = False  # new model from random encoders: for experiments and tests
    projection: int | None = None  # width of the shared space; None: the preset's
    columns: Mapping[str, str] | None = None  # role (image, caption, drive, split) -> column
    general: Path | None = None  # pairs that the model must not forget; None: what ships
    general_images: Path | None = None  # root of their images
    blend: float | None = None  # share of the new weights, 0..1; None: chosen on validation
    guard: bool = True  # measure before and after, and blend where it forgot
    device: str | None = None  # cpu, cuda, mps; None: the fastest there is
    checkpoint_seconds: float = 60.0  # between checkpoints inside an epoch
    options: TrainingOptions = field(default_factory=TrainingOptions)

    def validate(self) -> None:
        """Check what can be checked without reading data.

        Raises:
            TrainingError: with what to change.
        """
        self.options.validate()
        if self.base is None and self.preset not in PRESET_OPTIONS:
            raise TrainingError(
                f'There is no preset "{self.preset}"; use one of {", ".join(PRESET_OPTIONS)}.'
            )
        if self.projection is not None and not 8 <= self.projection <= 8192:
            raise TrainingError("The projection must be between 8 and 8192 wide; change it.")
        if self.base is not None and self.options.freeze != "encoders" and _on_clip(self.base):
            raise TrainingError(
                f'"{self.base}" has CLIP\'s towers, which stay as they are: only heads on them '
                "learn; leave --freeze out."
            )
        if self.blend is not None and not 0 <= self.blend <= 1:
            raise TrainingError("The blend is a share of the new weights; give one from 0 to 1.")

    def identity(self) -> str:
        """Return a hex digest of all that decides the trained weights.

        Left out: where it runs, how often it saves, and what happens to the finished weights
        (name, guards, blend), so that those may differ when a run is resumed.

        Raises:
            TrainingError: if the pairs cannot be read.
        """
        plain = self.to_json()
        for key in _NOT_IDENTITY:
            del plain[key]
        try:
            plain["pairs"] = sha256(self.pairs)
        except OSError as error:
            raise TrainingError(
                f"The pairs file {self.pairs} cannot be read ({error.strerror}); check its path."
            ) from error
        return sha256(json.dumps(plain, sort_keys=True))

    def to_json(self) -> dict[str, Any]:
        """Return plain data, as ``request.json`` holds it; paths become absolute."""
        plain: dict[str, Any] = {"format": FORMAT}
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Path):
                value = value.expanduser().absolute()
            plain[item.name] = to_plain(value)
        return plain

    @classmethod
    def from_json(cls, plain: object) -> TrainingRequest:
        """Return the request that :meth:`to_json` gave, also before it told its format.

        Raises:
            ValueError: if it is none, or one of a later version.
        """
        if isinstance(plain, dict) and plain.get("format", FORMAT) != FORMAT:
            raise ValueError("another version of C4T wrote it")
        return from_plain(cls, plain)

    @classmethod
    def read(cls, path: Path) -> TrainingRequest:
        """Read a ``request.json``.

        Raises:
            TrainingError: if it cannot be read or is none.
        """
        try:
            return cls.from_json(json.loads(path.read_bytes()))
        except OSError as error:
            raise TrainingError(
                f"The request {path} cannot be read ({error.strerror}); check its path."
            ) from error
        except ValueError as error:
            raise TrainingError(
                f"{path} holds no request for a training ({error}); start the run with PAIRS and "
                "options instead."
            ) from error


_NOT_IDENTITY = (
    "format",
    "output",
    "name",
    "download",
    "general",
    "general_images",
    "blend",
    "guard",
    "device",
    "checkpoint_seconds",
)


def default_options(preset: str, base: str | None) -> TrainingOptions:
    """Return the options of a preset, or of fine-tuning where a base is given."""
    if base is None:
        return PRESET_OPTIONS.get(preset, LITE_OPTIONS)
    return CLIP_OPTIONS if _on_clip(base) else FINE_TUNE_OPTIONS


def _on_clip(base: str) -> bool:
    from c4t_core.models.registry import on_clip  # loads numpy, which the window starts without

    return on_clip(base)


def with_changes(options: TrainingOptions, changes: Mapping[str, Any]) -> TrainingOptions:
    """Return options with those entries of ``changes`` that are not None."""
    given = {key: value for key, value in changes.items() if value is not None}
    return replace(options, **given)


# frozen dataclasses as plain data and back, for JSON files and lines ---------------------------

T = TypeVar("T")


def to_plain(value: object) -> Any:
    """Return what JSON can hold.

    A dataclass gives its fields and then its properties; a field whose default is None is left
    out where it is None.
    """
    if is_dataclass(value) and not isinstance(value, type):
        held = {item.name: getattr(value, item.name) for item in fields(value)}
        known = {item.name for item in fields(value) if item.default is not None}
        read = [name for name, member in vars(type(value)).items() if isinstance(member, property)]
        held |= {name: getattr(value, name) for name in read}
        return {k: to_plain(v) for k, v in held.items() if v is not None or k in known}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def from_plain(kind: type[T], plain: object) -> T:
    """Return the dataclass that plain data describes; what it has no field for is passed over.

    Raises:
        ValueError: if a field is missing or of another type.
    """
    if not isinstance(plain, Mapping):
        raise ValueError(f"{kind.__name__} is no {plain!r}")  # noqa: TRY004 - one kind for all
    whole: Any = kind
    values = {
        name: _typed(hint, plain[name]) for name, hint in _fields(whole).items() if name in plain
    }
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(str(error)) from error


@cache
def _fields(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {item.name: hints[item.name] for item in fields(kind)}


def _typed(hint: Any, value: object) -> Any:
    """Return a value as the type that a field has."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):  # something, or None
        (some,) = (one for one in inner if one is not type(None))
        return None if value is None else _typed(some, value)
    if is_dataclass(hint):
        kind: Any = hint
        return from_plain(kind, value)
    if origin is tuple and isinstance(value, (list, tuple)):
        kinds = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(map(_typed, kinds, value))
    if hint is Path and isinstance(value, str):
        return Path(value)
    if hint is float and type(value) is int:
        return float(value)
    expected = {Literal: str, None: hint}.get(origin, origin)
    if not isinstance(value, expected) or (hint is int and isinstance(value, bool)):
        raise ValueError(f"{value!r} is no {getattr(hint, '__name__', hint)}")
    return value
