"""The heavy half of a run: start, sources, loop, guards, export and card of the model.

It runs on one set of processes, of which one writes files and speaks.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.distributed

from c4t_core.devices import available_threads, choose_device, seed_everything
from c4t_core.errors import ModelError, TrainingError
from c4t_core.files import digest, sha256
from c4t_core.models import folder as model_folder
from c4t_core.models.config import PRESETS, ClipConfig, ModelConfig
from c4t_core.models.folder import TOKENIZER, save_model
from c4t_core.models.graphs.export import export_onnx
from c4t_core.models.graphs.quantize import add_int8_graph
from c4t_core.models.network import ClipTextEncoder
from c4t_core.models.pretrained import load_pretrained, tokenizer_files
from c4t_core.models.registry import clip_model, model_info
from c4t_core.progress import Progress
from c4t_core.records import dataclass
from c4t_core.training import finetune
from c4t_core.training.checkpoint import Position, learning_state, state_digest
from c4t_core.training.data import Data, Sample, load_pairs, steps_per_epoch
from c4t_core.training.events import (
    Emit,
    EpochFigures,
    Event,
    Exporting,
    Guarded,
    ImagesSkipped,
    StateMeasured,
    UnreadableImage,
)
from c4t_core.training.examples import EXAMPLES, Draws, Examples, Rehearsal, load_examples
from c4t_core.training.finetune import Guard
from c4t_core.training.losses import Criterion
from c4t_core.training.request import Precision, TrainingRequest
from c4t_core.training.sources import SourceSetup, caption_source, image_source
from c4t_core.training.steps import Material
from c4t_core.training.towers import Captions, Towers, freeze, is_frozen
from c4t_core.training.trainer import Trainer

if TYPE_CHECKING:
    from c4t_core.models.network import DualEncoder
GENERAL_LIMIT = 300  # images of a general set that are looked at, at most

UNSEEN = (
    "The image encoder itself learned, and the real frames that came with the model are kept as "
    "what the old one saw in them: what was forgotten of weather, roads, night and the like, was "
    "not measured and not rehearsed. Give photographs of your own with --general, or keep the "
    "encoders with --freeze encoders."
)


_OF_CLIP = (
    "Only heads were taught. The towers below them are those of CLIP, {}, unchanged and rounded to "
    "half precision; this folder holds a copy of these weights and is half as large as they are. "
    "Whoever passes it on passes CLIP's weights on, under the terms that they came with."
)


def model_card(
    request: TrainingRequest,
    data: Data,
    start: str,
    best: EpochFigures,
    guarded: Guarded | None,
    clip: ClipConfig | None = None,
) -> str:
    """Return ``model_card.md``; its first sentence is what a list of models shows.

    Args:
        request: what was asked for.
        data: what was trained on.
        start: what it was made from.
        best: what the best epoch reached.
        guarded: what the guards found.
        clip: whose towers it has, if they are CLIP's.
    """
    made = f"Fine-tuned from {start}" if request.base is not None else f"A new {start} model"
    name = (request.name or request.output.name).removeprefix("c4t:")
    towers = "" if clip is None else "; its towers are CLIP's"
    lines = [
        f"# {name}",
        "",
        f"{made} on {len(data.train)} images of {request.pairs.name}{towers}.",
        "",
        *([] if clip is None else [_OF_CLIP.format(clip.source), ""]),
        "Trained on this machine by its user. Whoever passes it on should say what its images "
        "are and whether their terms allow it.",
        "",
        "| | |",
        "|---|---|",
        f"| training images | {len(data.train)} |",
        f"| images held out | {len(data.validation)} |",
        *([f"| times told what an image does not show | {data.wrong} |"] if data.wrong else []),
    ]
    if best.text_map is not None:
        lines.append(f"| captions find held-out images, mAP | {best.text_map:.3f} |")
        lines.append(f"| held-out images find captions, mAP | {best.image_map:.3f} |")
    if guarded is not None:
        before, chosen = guarded.before, guarded.chosen
        lines += [
            f"| share of new weights | {chosen.mix:.1f} |",
            f"| held-out drives, before and after | {before.held_out_score:.3f}, "
            f"{chosen.held_out_score:.3f} |",
            f"| general set, before and after | {before.general_score:.3f}, "
            f"{chosen.general_score:.3f} |",
        ]
        kinds = chosen.kinds or {}
        lines += [
            f"| real frames, {kind}, before and after | {value:.3f}, {kinds[kind]:.3f} |"
            for kind, value in (before.kinds or {}).items()
        ]
    lines += [
        f"| {key.replace('_', ' ')} | {value} |"
        for key, value in dataclasses.asdict(request.options).items()
    ]
    return "\n".join([*lines, ""])


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


def base_folder(request: TrainingRequest) -> Path | None:
    """Return the folder of the model to fine-tune, None for a new one.

    Raises:
        ModelError, TrainingError: if it is unknown or broken.
    """
    if request.base is None:
        return None
    info = model_info(request.base)
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
    from c4t_core.models.network import DualEncoder

    seed_everything(request.options.seed)
    clip = clip_model(request.base) if request.base is not None else None
    if clip is not None:
        _check_width(request, clip.dim)
        model, tokenizer = clip.with_heads(), {TOKENIZER: clip.tokenizer_content()}
        return Start(model, tokenizer, clip.name, clip.path)
    folder = base_folder(request)
    if folder is not None:
        model_folder.verify_manifest(folder)
        config = model_folder.read_config(folder)
        _check_width(request, config.projection)
        model = DualEncoder(config)
        model.load_state_dict(model_folder.load_state(folder), strict=True)
        return Start(model, model_folder.read_tokenizer(folder), str(request.base), folder)
    model = DualEncoder(new_config(request))
    if not request.random_weights:
        load_pretrained(
            model,
            image_weights=request.image_weights,
            text_weights=request.text_weights,
            download=request.download,
        )
    return Start(model, tokenizer_files(), request.preset, None)


def _check_width(request: TrainingRequest, width: int) -> None:
    if request.projection not in (None, width):
        raise TrainingError(f"The model to fine-tune is {width} wide; leave --projection out.")


def new_config(request: TrainingRequest) -> ModelConfig:
    """Return the configuration of a new model: the preset's, as wide as asked for."""
    config = PRESETS[request.preset]
    if request.projection is not None:
        config = dataclasses.replace(config, projection=request.projection)
    return config


class Run:
    """A run whose request and data were checked.

    Args:
        request: what to do.
        data: its pairs.
        progress: as of :func:`c4t_core.training.session.train`.
        emit: takes events; only the main process has a voice.

    Attributes:
        main: whether this process writes files and speaks.
        skipped: (path, reason) of images that cannot be read.
        towers: the model and its loss, as far as they have learned.
    """

    def __init__(
        self, request: TrainingRequest, data: Data, progress: Progress, emit: Emit
    ) -> None:
        self._request, self._data, self._progress = request, data, progress
        self._acc = make_accelerator(request.device, request.options.precision)
        self.main = bool(self._acc.is_main_process)
        self._emit = emit if self.main else _silent
        self.skipped: tuple[tuple[str, str], ...] = ()
        self._start = build_start(request)
        options = request.options
        criterion = Criterion(options.loss, options.temperature, options.target_temperature)
        encoder = self._start.model.text_encoder
        if isinstance(encoder, ClipTextEncoder):
            criterion.start_from(encoder.scale, encoder.bias)
        self.towers = Towers(self._start.model, criterion, options.text_noise).to(self._acc.device)
        freeze(self.towers.model, options.freeze)
        self._examples = self._read_examples()
        parts = [request.identity(), state_digest(self.towers)]
        if self._examples is not None and self._start.folder is not None:
            parts.append(sha256(self._start.folder / EXAMPLES))
            usual = np.concatenate([self._examples.features, self._examples.rehearsed])
            self.towers.standardise(torch.from_numpy(usual))
        self._identity = digest(parts)
        self._old = learning_state(self.towers)
        self._material = self._prepare()
        self._known = self._prepare_examples()

    def wait(self) -> None:
        """Return when all processes are here."""
        self._acc.wait_for_everyone()

    def _source_setup(self, folder: str) -> SourceSetup:
        return SourceSetup(
            folder=self._request.output / folder,
            device=self._acc.device,
            threads=available_threads(),
            main=self.main,
            wait=self.wait,
            emit=self._emit,
            progress=lambda done, total: self._progress(0, max(1, total)),
        )

    def _prepare(self) -> Material:
        samples = [*self._data.train, *self._data.validation, *self._data.further]
        further = len(self._data.further)
        material, skipped = self._sources(samples, len(self._data.train), "cache", further)
        self.skipped = tuple(skipped)
        if skipped:
            images = tuple(UnreadableImage(path, reason) for path, reason in skipped)
            self._emit(ImagesSkipped(images))
        kept = dataclasses.replace(self._data, train=tuple(material.samples[: material.train]))
        kept.require(self._request.pairs)
        return material

    def _read_examples(self) -> Examples | None:
        """Return the real frames that came with the model, as long as its features are theirs."""
        folder, encoder = self._start.folder, self._start.model.image_encoder
        if folder is None or not is_frozen(encoder):
            return None
        return load_examples(folder, encoder.width)

    def _prepare_examples(self) -> tuple[Examples, Captions] | None:
        """Read the texts of the examples, and add those to the material that are rehearsed."""
        options, examples = self._request.options, self._examples
        if examples is None:
            return None
        still = is_frozen(self.towers.model.text_encoder)
        draws = None
        if options.rehearse and still and len(examples.rehearsed):
            draws = Draws(examples, options.seed)
        train = self._material.samples[: self._material.train]
        steps = steps_per_epoch(train, options) * options.epochs
        phrases = () if draws is None else draws.phrases_of(steps)
        texts = self._texts([*examples.asked, *phrases], "cache/examples")
        if draws is not None:
            rehearsal = Rehearsal(examples, texts, draws)
            self._material = dataclasses.replace(self._material, rehearsal=rehearsal)
        return examples, texts

    def _texts(self, texts: Sequence[str], folder: str) -> Captions:
        """Prepare texts that belong to no image of the run, but came with the application."""
        samples = [Sample(Path(), "", tuple(texts), None)]
        tokenizer, setup = self._start.tokenizer[TOKENIZER], self._source_setup(folder)
        return caption_source(samples, self.towers, tokenizer, setup, keep=True)

    def _sources(
        self, samples: Sequence[Sample], train: int, folder: str, further: int = 0
    ) -> tuple[Material, list[tuple[str, str]]]:
        """Prepare samples, the last of them without captions; leave out what cannot be read."""
        setup = self._source_setup(folder)
        images = image_source(samples, self.towers, self._request.options, setup)
        skipped = [
            (samples[number].relative, why) for number, why in sorted(images.skipped.items())
        ]
        kept = [number for number in range(len(samples)) if number not in images.skipped]
        images.renumber(kept)
        good = [samples[number] for number in kept]
        captions = caption_source(good, self.towers, self._start.tokenizer[TOKENIZER], setup)
        known = sum(number < train for number in kept)
        last = sum(number >= len(samples) - further for number in kept)
        return Material(good, known, images, captions, further=last), skipped

    def train(self) -> tuple[Position, bool]:
        """Train to the end; the best weights are loaded then.

        Returns:
            Where the run ended, and whether it had been resumed.
        """
        trainer = Trainer(
            self._acc,
            self.towers,
            self._request.options,
            self._material,
            folder=self._request.output,
            identity=self._identity,
            emit=self._emit,
            progress=self._progress,
            checkpoint_seconds=self._request.checkpoint_seconds,
        )
        position = trainer.run()
        self.wait()
        trainer.load_best()
        return position, trainer.resumed

    def guard(self) -> Guarded | None:
        """Measure what fine-tuning won and lost, and blend where it forgot; None if new."""
        if self._request.base is None or not self._request.guard:
            return None
        material = self._general()
        probe = self._texts(finetune.sentences(), "cache/sentences")
        options, known = self._request.options, self._known
        guard = Guard(self.towers, self._material, material, probe, options, known)
        new = learning_state(self.towers)

        def measured(done: int, total: int) -> None:
            self._emit(StateMeasured(done, total))
            self._progress(0, 1)

        guarded = guard.decide(self._old, new, self._request.blend, measured)
        if self._examples is None and self._came_with_examples():
            guarded = dataclasses.replace(guarded, warnings=(*guarded.warnings, UNSEEN))
        self._emit(guarded)
        return guarded

    def _came_with_examples(self) -> bool:
        return self._start.folder is not None and (self._start.folder / EXAMPLES).is_file()

    def _general(self) -> Material | None:
        options = self._request.options
        if self._request.general is not None:
            samples = load_pairs(
                self._request.general, self._request.general_images, GENERAL_LIMIT, options.seed
            )
        else:
            samples = finetune.sample_drive()
        if not samples:
            return None
        material, _ = self._sources(samples, 0, "cache/general")
        return material if material.samples else None

    def export(self, folder: Path, best: EpochFigures, guarded: Guarded | None) -> None:
        """Write the finished model for all engines, whole or not at all."""
        self._emit(Exporting(str(folder)))
        self.towers.restore()
        model = self.towers.model.cpu().eval()
        config = model.config
        if self._request.name is not None:
            config = dataclasses.replace(config, name=self._request.name.removeprefix("c4t:"))
        if not is_frozen(model.text_encoder):  # what was learnt is not rounded to 8 bits
            text = dataclasses.replace(config.text, table="half")
            config = dataclasses.replace(config, text=text)
        clip = config.clip
        card = model_card(self._request, self._data, self._start.name, best, guarded, clip)

        def finish(beside: Path) -> None:
            if self._examples is not None and self._start.folder is not None:
                # the image encoder is the same, so they are the new model's as well
                shutil.copyfile(self._start.folder / EXAMPLES, beside / EXAMPLES)
            if clip is not None:  # few of its operators have a form in 8 bits
                with contextlib.suppress(RuntimeError, ValueError, TypeError):
                    export_onnx(beside)  # an architecture that cannot be written runs in torch
                return
            export_onnx(beside)
            # one whose vectors 8 bits would change too much stays with its plain graph
            with contextlib.suppress(ModelError):
                add_int8_graph(beside, [sample.image for sample in self._data.train])

        save_model(folder, config, model.state_dict(), self._start.tokenizer, card, finish=finish)


def make_accelerator(device: str | None, precision: Precision) -> Any:
    """Return accelerate's Accelerator for a device.

    Args:
        device: cpu, cuda, mps; None for the fastest there is.
        precision: as of :class:`c4t_core.training.request.TrainingOptions`.
    """
    from accelerate import Accelerator, InitProcessGroupKwargs
    from accelerate.state import AcceleratorState

    kind = choose_device(device)
    if precision == "auto":
        able = kind == "cuda" and torch.cuda.is_bf16_supported()
        precision = "bf16" if able else "no"
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        # accelerate keeps device and precision for the whole process; a second run may differ
        AcceleratorState._reset_state(reset_partial_state=True)
    return Accelerator(
        mixed_precision=precision,
        cpu=kind == "cpu",
        # processes wait for the first one to fill the caches, which may take hours
        kwargs_handlers=[InitProcessGroupKwargs(timeout=timedelta(hours=24))],
    )


def _silent(event: Event) -> None:
    """Say nothing: another process does."""
