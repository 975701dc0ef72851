"""``c4t train``: a new model, or one that is there taught more."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from dataclasses import fields
from functools import singledispatchmethod
from pathlib import Path
from typing import Any, get_args

from c4t_core.commands.console import add_column_options, columns_of, handling_signals
from c4t_core.errors import Cancelled, TrainingError
from c4t_core.progress import format_duration
from c4t_core.training.events import (
    BatchHalved,
    Emit,
    EpochDone,
    Estimate,
    Event,
    Guarded,
    ImagesSkipped,
    PairsRead,
    Preparing,
    Started,
    Step,
    StoppedEarly,
    TrainingResult,
    to_line,
)
from c4t_core.training.request import (
    PRESET_OPTIONS,
    Augment,
    Captions,
    Freeze,
    Loss,
    Monitor,
    Precision,
    Schedule,
    TrainingOptions,
    TrainingRequest,
    default_options,
    with_changes,
)

_SHOWN = 20  # problems and skipped images that are listed one by one

_DESCRIPTION = """\
Train a model on pairs of image and caption, or fine-tune one with --from.

A run lives in its output folder: checkpoint, logs, caches, and at the end the model. The same
command again goes on where the last one stopped, after Ctrl+C or a crash too. Rows of the pairs
that cannot be used are listed with their line first; the rest is trained on. Validation holds
out whole drives. To use several GPUs: accelerate launch -m c4t_core train ...
"""

_CHOICES = (
    ("--loss", Loss, "original: soft targets of the first C4T; soft-text, infonce, siglip"),
    ("--freeze", Freeze, "what does not learn; partial: text and two thirds of the image"),
    ("--schedule", Schedule, "of the learning rates"),
    ("--precision", Precision, "of the arithmetic"),
    ("--captions", Captions, "per image and epoch: one, drawn by seed, or all"),
    ("--augment", Augment, "light: random crop, brightness, contrast"),
    ("--monitor", Monitor, "what the best checkpoint is chosen by"),
)
_NUMBERS = (
    ("--epochs", int, "passes over the images"),
    ("--batch", int, "pairs at a time, over all processes"),
    ("--accumulate", int, "batches per step of the optimiser"),
    ("--seed", int, "of split, order, captions and new weights"),
    ("--image-rate", float, "learning rate of the image encoder"),
    ("--text-rate", float, "learning rate of the text encoder"),
    ("--head-rate", float, "learning rate of the projection heads"),
    ("--weight-decay", float, "of the projection heads"),
    ("--warmup", float, "share of the steps in which the rates rise"),
    ("--text-noise", float, "noise on text features, stands in for words that are not used"),
    ("--clip-norm", float, "bound of the gradient, 0 for none"),
    ("--ema", float, "decay of a moving average of the weights, 0 for none"),
    ("--rehearse", float, "share of each step for frames that came with the model, 0 for none"),
    ("--early-stop", int, "epochs without a better checkpoint, 0 for never"),
    ("--validation-share", float, "of the images to hold out, whole drives"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = _DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    # fmt: off
    pairs = add("pairs", metavar="PAIRS", type=Path, help="CSV, TSV, JSON lines or COCO captions")
    add("--images", metavar="ROOT", type=Path, help="folder that image paths are relative to")
    output = add("--output", metavar="DIR", type=Path, required=True, help="folder of this run")
    add("--request", metavar="F", type=Path, action=_FromFile, instead_of=(pairs, output),
        help="run what a request.json says, such as that of an output folder; it stands for PAIRS "
        "and all that says what and how to train")
    add("--searchad", metavar="DIR", type=Path, action=_FromFile, instead_of=(pairs,),
        help="make the pairs from the train split of this SearchAD folder; it stands for PAIRS")
    add("--preset", choices=tuple(PRESET_OPTIONS), default="lite",
        help="of a new model")
    add("--from", dest="base", metavar="NAME", help='model to fine-tune, such as "c4t"; of "clip" '
        "only heads learn, on its towers as they are")
    add("--name", metavar="NAME", help="register the result as c4t:NAME")
    add("--image-weights", metavar="F", type=Path, help="local weights of the image encoder")
    add("--text-weights", metavar="F", type=Path, help="local weights of the text encoder")
    add("--download", action="store_true", help="fetch the weights that are not given")
    add("--random-weights", action="store_true", help="start from random encoders, to experiment")
    add("--projection", metavar="N", type=int, help="width of the shared space of a new model")
    add_column_options(parser)
    add("--general", metavar="PAIRS", type=Path, help="pairs that fine-tuning must not forget")
    add("--general-images", metavar="ROOT", type=Path, help="folder of their images")
    add("--blend", metavar="X", type=float, help="share of the new weights, 0 to 1 (default: "
        "the smallest that is as good on the held-out drives; half without any)")
    add("--no-guard", action="store_true", help="do not measure what fine-tuning cost")
    add("--device", metavar="NAME", help="cpu, cuda or mps (default: the fastest)")
    add("--resume", action="store_true", help="only go on with a run that is there")
    add("--check", action="store_true", help="report on the pairs and stop")
    add("--progress", choices=("text", "json"), default="text", help="json: a line per event")
    how = parser.add_argument_group("how to train (default: as the preset says)")
    for name, kind, text in _CHOICES:
        how.add_argument(name, choices=get_args(kind), help=text)
    for name, number, text in _NUMBERS:
        how.add_argument(name, metavar="N", type=number, help=text)
    # fmt: on


class _FromFile(argparse.Action):
    """Takes from elsewhere what is required otherwise."""

    def __init__(self, *, instead_of: Sequence[argparse.Action], **how: Any) -> None:
        super().__init__(**how)
        self._instead_of = instead_of

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Keep the path; what it stands for is not required any more."""
        setattr(namespace, self.dest, values)
        for action in self._instead_of:
            action.required = False


def request_of(args: argparse.Namespace) -> TrainingRequest:
    """Return the request that the arguments make.

    Raises:
        TrainingError: if they name a file of a request that cannot be used.
        DataError: if they name a SearchAD folder that cannot be used.
    """
    if args.request is not None:
        return TrainingRequest.read(args.request)
    given = vars(args)
    if args.searchad is not None:
        given = {**given, "pairs": _searchad_pairs(args), "images": args.searchad}
    options = with_changes(
        default_options(args.preset, args.base),
        {item.name: given.get(item.name) for item in fields(TrainingOptions)},
    )
    named = {item.name: given[item.name] for item in fields(TrainingRequest) if item.name in given}
    return TrainingRequest(
        **named, columns=columns_of(args), guard=not args.no_guard, options=options
    )


def _searchad_pairs(args: argparse.Namespace) -> Path:
    """Write the pairs of a SearchAD folder into the folder of the run, the same ones each time."""
    from c4t_core.datasets.make_pairs import make_searchad_pairs

    if args.pairs is not None or args.images is not None:
        raise TrainingError("--searchad makes the pairs itself; leave out PAIRS and --images.")
    pairs: Path = args.output / "searchad.csv"
    for note in make_searchad_pairs(args.searchad, pairs, seed=args.seed or 0):
        print(f"Note: {note}", file=sys.stderr)
    return pairs


def run(args: argparse.Namespace) -> int:
    """Train as asked."""
    from c4t_core.training.session import preview, train

    request = request_of(args)
    tell: Emit = _as_json if args.progress == "json" else Teller().tell
    if args.resume and not (request.output / "checkpoint.pt").is_file():
        raise TrainingError(
            f"There is no checkpoint in {request.output} to go on from; leave out --resume."
        )
    if args.check:
        request.validate()
        preview(request, tell).require(request.pairs)
        return 0
    stop = Stop()
    with handling_signals(stop.ask, signal.SIGINT, signal.SIGTERM):
        try:
            train(request, stop.progress, tell)
        except Cancelled:
            if args.progress == "text":
                print(
                    "Training stopped; run the same command again and it goes on from here.",
                    file=sys.stderr,
                )
            return stop.code
    return 0


class Stop:
    """Whether somebody asked the run to stop.

    Attributes:
        code: exit status of a run that was stopped by a signal.
    """

    def __init__(self) -> None:
        self.code = 130
        self._asked = False

    def ask(self, number: int, frame: object) -> None:
        """Take a signal; a second one is not waited for."""
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        self.code = 128 + number

    def progress(self, done: int, total: int, /) -> None:
        """Stop the run if that was asked for."""
        if self._asked:
            raise Cancelled


def _as_json(event: Event) -> None:
    print(to_line(event), flush=True)


class Teller:
    """Tells people what a run does."""

    def __init__(self) -> None:
        self._open = False  # whether the last line is one that is written over
        self._live = sys.stdout.isatty()

    def _say(self, text: str) -> None:
        print(f"\n{text}" if self._open else text, flush=True)
        self._open = False

    def _over(self, text: str) -> None:
        if self._live:
            print(f"\r\x1b[K{text}", end="", flush=True)
            self._open = True

    def _listed(self, rows: list[str], of: str) -> None:
        for row in rows[:_SHOWN]:
            self._say(f"  {row}")
        if len(rows) > _SHOWN:
            self._say(f"  and {len(rows) - _SHOWN} more {of}")

    def _verdict(self, event: Guarded) -> None:
        gain = event.chosen.held_out_score - event.before.held_out_score
        if event.gained is None or event.chosen.held_out is None or gain <= 0:
            return  # a warning says so
        span = f"{gain:+.3f}, 95 % interval {event.gained[0]:+.3f} to {event.gained[1]:+.3f}"
        said = "It got better" if event.clear else "No clear difference"
        self._say(f"{said} on the held-out drives: {span}.")

    @singledispatchmethod
    def tell(self, event: Event) -> None:
        """Show one event; those without a method here are passed over."""

    @tell.register
    def _pairs(self, event: PairsRead) -> None:
        self._say(
            f"{event.pairs} pairs: {event.train} images to train on, {event.validation} held out"
            + (f", {event.drives} drives" if event.drives else "")
            + (f", {event.test} of a test split left alone" if event.test else "")
            + (f"; {event.wrong} times told what an image does not show" if event.wrong else "")
        )
        if event.problems:
            self._say(f"{len(event.problems)} rows are left out:")
            self._listed([f"line {row.line}: {row.message}" for row in event.problems], "rows")
        for warning in event.warnings:
            self._say(f"Note: {warning}")

    @tell.register
    def _skipped(self, event: ImagesSkipped) -> None:
        self._say(f"{len(event.images)} images cannot be read and are left out:")
        rows = [f"{ascii_line(image.path)}: {image.reason}" for image in event.images]
        self._listed(rows, "images")

    @tell.register
    def _preparing(self, event: Preparing) -> None:
        what = "captions" if event.of == "texts" else "images"
        verb = {"images": "looking at", "texts": "reading"}.get(event.of, "decoding")
        left = format_duration(event.seconds_left)
        self._over(f"{verb} {what}: {event.done} of {event.total}, {left} left")

    @tell.register
    def _estimate(self, event: Estimate) -> None:
        self._say(f"Training takes {event.text}.")

    @tell.register
    def _started(self, event: Started) -> None:
        if event.resumed:
            self._say(f"Going on after step {event.step} of {event.steps}.")

    @tell.register
    def _step(self, event: Step) -> None:
        left = event.seconds_left
        self._over(
            f"step {event.step} of {event.steps}, loss {event.loss:.4f}"
            + (f", {format_duration(left)} left" if left is not None else "")
        )

    @tell.register
    def _epoch(self, event: EpochDone) -> None:
        figures = [f"loss {event.train_loss:.4f}"]
        if event.score is not None:
            figures.append(f"held out: loss {event.validation_loss:.4f}")
            figures.append(f"captions find images, mAP {event.text_map:.3f}")
            figures.append(f"images find captions, mAP {event.image_map:.3f}")
        best = " (best so far)" if event.best else ""
        self._say(f"epoch {event.epoch + 1} of {event.epochs}: {', '.join(figures)}{best}")

    @tell.register
    def _memory(self, event: BatchHalved) -> None:
        self._say(f"Memory ran out; going on with batches of {event.batch}.")

    @tell.register
    def _early_stop(self, event: StoppedEarly) -> None:
        self._say(f"Stopped early: {event.message}.")

    @tell.register
    def _guard(self, event: Guarded) -> None:
        states = {"before": event.before, "after": event.after, "chosen": event.chosen}
        for name, figures in states.items():
            self._say(
                f"{name:>7}: held-out drives {figures.held_out_score:.3f}, general set "
                f"{figures.general_score:.3f}, share of new weights {figures.mix:.1f}"
            )
        if event.before.kinds:
            self._say("Real frames that came with the model, mAP:")
        for name, figures in states.items():
            if figures.kinds:
                shown = ", ".join(f"{kind} {value:.3f}" for kind, value in figures.kinds.items())
                self._say(f"{name:>7}: {shown}")
        self._verdict(event)
        for warning in event.warnings:
            self._say(f"Warning: {warning}")

    @tell.register
    def _done(self, event: TrainingResult) -> None:
        self._say(f"Done in {format_duration(event.seconds)}: {event.name or event.model}")
        if event.name:
            self._say(f'Search with it: c4t index FOLDER --model "{event.name}"')


def ascii_line(text: str) -> str:
    """Return a file name on one line, whatever bytes it has."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\n", "\\n")
