"""One training run from the request to a model that can be searched with.

Light to import; torch and its friends are loaded when :func:`train` is called.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from c4t_core.errors import C4TError, Cancelled, MissingExtraError, TrainingError
from c4t_core.files import write_whole
from c4t_core.progress import Progress, ignore
from c4t_core.training.data import Data, load_data
from c4t_core.training.events import (
    Emit,
    EpochFigures,
    Event,
    Failed,
    Guarded,
    Stopped,
    TrainingResult,
)
from c4t_core.training.request import TrainingRequest, from_plain, to_plain

if TYPE_CHECKING:
    from c4t_core.training.checkpoint import Position
    from c4t_core.training.run import Run

REQUEST = "request.json"
REPORT = "report.json"
MODEL = "model"


def train(
    request: TrainingRequest,
    progress: Progress = ignore,
    on_event: Emit | None = None,
) -> TrainingResult:
    """Train or fine-tune as asked; goes on where an earlier call with this request stopped.

    Args:
        request: what to train, on what, and where the result goes.
        progress: called with optimiser steps done and in all; raise Cancelled to stop. A
            checkpoint is written then, and Cancelled is raised on.
        on_event: called with what happens (:mod:`c4t_core.training.events`), in the calling thread.

    Raises:
        Cancelled: if ``progress`` asked for it.
        C4TError: for everything the user can mend, with what to do.
    """
    first = os.environ.get("RANK", "0") == "0"  # of the processes of accelerate launch
    emit = on_event if on_event is not None and first else _ignore_event
    try:
        return _train(request, progress, emit)
    except Cancelled:
        emit(Stopped("Training stopped; run the same command again and it goes on from here."))
        raise
    except C4TError as error:
        emit(Failed(type(error).__name__, str(error)))
        raise


def _ignore_event(event: Event) -> None:
    """Take no notice."""


def _train(request: TrainingRequest, progress: Progress, emit: Emit) -> TrainingResult:
    request.validate()
    data = preview(request, emit)
    data.require(request.pairs)
    _require_packages()
    _require_weights(request)
    _claim_output(request)
    _check_name(request)
    from c4t_core.training.run import Run

    run = Run(request, data, progress, emit)
    position, resumed = run.train()
    guarded = run.guard()
    result = _finish(request, data, run, guarded, resumed, position)
    emit(result)
    return result


def _require_packages() -> None:
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


def _require_weights(request: TrainingRequest) -> None:
    """Check that CLIP is here, before the output folder becomes that of this run.

    Raises:
        ModelError: if it is not, with how to get it.
    """
    from c4t_core.models.clip_folder import find

    if request.base is not None and request.base.partition(":")[0] == "clip":
        find(request.base)


def preview(request: TrainingRequest, emit: Emit = _ignore_event) -> Data:
    """Read and split the pairs without training, and tell what was found."""
    data = load_data(request)
    emit(data.event())
    return data


def _claim_output(request: TrainingRequest) -> None:
    """Write ``request.json``, or check that the folder holds this very run.

    Raises:
        TrainingError: if it holds another one, with what differs.
    """
    path = request.output / REQUEST
    mine = {"identity": request.identity(), **request.to_json()}
    try:
        request.output.mkdir(parents=True, exist_ok=True)
        known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    except ValueError:
        known = {}
    except OSError as error:
        raise TrainingError(
            f"The output folder {request.output} cannot be used ({error.strerror}); choose "
            "another --output."
        ) from error
    if known is not None and known.get("identity") != mine["identity"]:
        raise TrainingError(
            f"{request.output} holds another training run ({_difference(known, mine)}); choose "
            "another --output, or remove that folder to train anew."
        )
    try:
        write_whole(path, json.dumps(mine, indent=1) + "\n")
    except OSError as error:
        raise TrainingError(
            f"The output folder {request.output} cannot be written ({error.strerror}); choose "
            "another --output."
        ) from error


def _difference(known: dict[str, Any], mine: dict[str, Any]) -> str:
    from c4t_core.training.checkpoint import flat

    old, new = flat(known), flat(mine)
    differing = [
        f"{name.removeprefix('options/')} was {old.get(name)}"
        for name, value in new.items()
        if name not in ("format", "identity") and old.get(name) != value
    ]
    return ", ".join(differing[:4]) or "the pairs file has changed"


def _check_name(request: TrainingRequest) -> None:
    """Refuse a name that is not allowed or taken before hours of work, not after."""
    if request.name is None:
        return
    from c4t_core.models.registry import check_name
    from c4t_core.paths import models_dir

    own = check_name(request.name)
    taken = (models_dir() / own).is_dir()
    if taken and not _is_ours(request.output / MODEL, models_dir() / own):
        raise TrainingError(
            f'There is a model "c4t:{own}" already and it stays as it is; choose another --name, '
            f'or remove it first with "c4t models remove c4t:{own}".'
        )


def _is_ours(made: Path, registered: Path) -> bool:
    """Tell whether a registered model is a copy of what this run made."""
    from c4t_core.models.folder import MANIFEST

    mine, theirs = made / MANIFEST, registered / MANIFEST
    return mine.is_file() and theirs.is_file() and mine.read_bytes() == theirs.read_bytes()


def _finish(
    request: TrainingRequest,
    data: Data,
    run: Run,
    guarded: Guarded | None,
    resumed: bool,
    position: Position,
) -> TrainingResult:
    begun = time.monotonic()
    warnings = [*data.warnings, *(guarded.warnings if guarded is not None else ())]
    row = next(row for row in position.history if row["epoch"] == position.best_epoch)
    best = from_plain(EpochFigures, row)
    name = None
    folder = request.output / MODEL
    if run.main:
        run.export(folder, best, guarded)
        name = _register(request, folder)
    run.wait()
    result = TrainingResult(
        output=request.output,
        model=folder,
        name=name,
        epochs=position.epoch,
        steps=position.total,
        seconds=position.seconds + time.monotonic() - begun,
        best_epoch=position.best_epoch,
        best=best,
        guard=guarded,
        skipped=run.skipped,
        warnings=tuple(warnings),
        resumed=resumed,
    )
    if run.main:
        write_whole(request.output / REPORT, json.dumps(to_plain(result), indent=1) + "\n")
    return result


def _register(request: TrainingRequest, folder: Path) -> str | None:
    if request.name is None:
        return None
    from c4t_core.models.registry import check_name, register
    from c4t_core.paths import models_dir

    own = check_name(request.name)
    if _is_ours(folder, models_dir() / own):
        return f"c4t:{own}"
    return register(folder, own)
