"""What a run starts from: a new model with pretrained encoders, or one that is there."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from c4t_core.config import PRESETS, ModelConfig
from c4t_core.devices import seed_everything
from c4t_core.errors import MissingExtraError, TrainingError
from c4t_core.models import checkpoints
from c4t_core.models.pretrained import load_pretrained, tokenizer_files
from c4t_core.models.registry import model_info
from c4t_core.training.config import TrainingRequest

if TYPE_CHECKING:
    from c4t_core.models.dual_encoder import DualEncoder


@dataclass(frozen=True)
class Start:
    """A model before training.

    Attributes:
        model: with its weights.
        tokenizer: name -> content of the tokenizer's files.
        name: what it is called: a model's name, or a preset's.
        folder: of the model that is fine-tuned; None for a new one.
    """

    model: DualEncoder
    tokenizer: Mapping[str, bytes]
    name: str
    folder: Path | None


def require_packages() -> None:
    """Check that what training needs is installed.

    Raises:
        MissingExtraError: if not, with the command that installs it.
    """
    try:
        import accelerate  # noqa: F401
        import timm  # noqa: F401
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("Training", "train") from error


def base_folder(request: TrainingRequest) -> Path | None:
    """Return the folder of the model to fine-tune, None for a new one.

    Raises:
        ModelError, TrainingError: if it is unknown, broken, or no C4T model.
    """
    if request.base is None:
        return None
    info = model_info(request.base)
    if info.kind != "c4t":
        raise TrainingError(
            f'"{request.base}" is not a C4T model and cannot be fine-tuned; use "c4t" or one of '
            "your own."
        )
    if not info.available or info.path is None:
        raise TrainingError(f'The model "{request.base}" cannot be used: {info.reason}')
    return info.path


def build_start(request: TrainingRequest) -> Start:
    """Build the model that training starts from.

    Heads of a new model are random, by the seed of the run.

    Raises:
        ModelError: if weights are missing, damaged, or do not fit.
        DownloadError: if a download was asked for and failed.
        TrainingError: if the request contradicts itself.
    """
    from c4t_core.models.dual_encoder import DualEncoder

    seed_everything(request.options.seed)
    folder = base_folder(request)
    if folder is not None:
        checkpoints.verify_manifest(folder)
        config = checkpoints.read_config(folder)
        if request.projection not in (None, config.projection):
            raise TrainingError(
                f"The model to fine-tune is {config.projection} wide; leave --projection out."
            )
        model = DualEncoder(config)
        model.load_state_dict(checkpoints.load_state(folder), strict=True)
        return Start(model, checkpoints.read_tokenizer(folder), str(request.base), folder)
    model = DualEncoder(new_config(request))
    if not request.random_weights:
        load_pretrained(
            model,
            image_weights=request.image_weights,
            text_weights=request.text_weights,
            download=request.download,
        )
    return Start(model, tokenizer_files(), request.preset, None)


def new_config(request: TrainingRequest) -> ModelConfig:
    """Return the configuration of a new model: the preset's, as wide as asked for."""
    config = PRESETS[request.preset]
    if request.projection is not None:
        config = dataclasses.replace(config, projection=request.projection)
    return config
