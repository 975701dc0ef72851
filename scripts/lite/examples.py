"""Write the real frames that travel with a model as numbers: ``python -m scripts.lite.examples``.

Frames of the validation part guard fine-tuning, frames of the training part are rehearsed
(:mod:`c4t_core.training.examples`); the test part stays apart. Frames are chosen in turn for
everything that a label says, so that rare things are not drowned. What queries look for comes from
labels alone; for rehearsal the detectors' opinion counts too, as in the recipe.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import os
import random
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from c4t_core.models.folder import verify_manifest, write_manifest
from c4t_core.progress import Progress, ignore
from c4t_core.training.examples import Examples, Query, load_examples, save_examples
from scripts.lite import concepts, things
from scripts.lite.data import SEARCHED, SOURCES, Frame, read_frames
from scripts.lite.recipe import Concept, Phrase, RecipeOptions, phrase_bank, vocabulary
from scripts.lite.words import ENDING_WRAPPERS

LEAST = 5  # frames that a query must have of each sort, as in benchmarks.quality
_SURE = 0.3  # truths between this and one minus it are left out of queries
_AT_ONCE = 4  # images in one run of the network
# Nights by a camera behind the windscreen are of one drive: it guards, and is not rehearsed.
_GUARDS = ("night:block_2", "night:block_5")

KINDS: dict[str, tuple[str, ...]] = {
    "weather": concepts.WEATHER,
    "road": ("dirt", "forest", "gravel", "highway", "rainy road", "snowy road"),
    "object": (
        *("truck", "trucks", "bus", "person", "people", "motorcycle", "bicycle", "car"),
        *("many cars", "vehicle close", "sign", "pole", "fence", "roadside objects"),
    ),
    "scene": (
        *("trees", "buildings", "sky", "unpaved ground", "pavement", "wide road", "city"),
        *("countryside", "india"),
    ),
    "night": ("night",),
    "vehicles": (
        *("car", "truck", "bus", "motorcycle", "person", "heavy vehicle", "ambulance"),
        *("truck:two", "motorcycle:two", "car:several", "person:several"),
    ),
    "signs": ("traffic light", "stop sign", "crosswalk sign", "speed limit sign"),
}
_BOXED = {"vehicles": ("highway", "vehicles"), "signs": ("signs",)}  # kinds of things -> sources
_COMBINED = ("truck", "bus", "person", "many cars")  # in each weather


@dataclass(frozen=True)
class ExampleOptions:
    """How many frames, and of how many phrases."""

    guard: int = 450
    rehearsal: int = 550
    combinations: int = 800  # phrases of two concepts
    phrases: int = 16  # at most, of a concept
    said: int = 4  # at most, of something that is said of a thing
    wrapped: int = 1  # sentences around each noun phrase, beside the phrase alone
    seed: int = 0  # of the recipe and of the choice


def labelled_fits(
    frames: Sequence[Frame],
) -> tuple[dict[str, NDArray[np.float32]], dict[str, dict[str, NDArray[np.float32]]]]:
    """Return how well concepts fit frames by labels alone, float32 (n,), NaN for unknown.

    Returns:
        Those of :mod:`scripts.lite.concepts` by name; and those of :mod:`scripts.lite.things` by
        kind and name, known only where every image of a source was searched for the classes.
    """
    rules = dict(zip(concepts.concepts(), concepts.fits(frames), strict=True))
    boxed = things.fits([dataclasses.replace(frame, guesses=()) for frame in frames])
    by_kind = {}
    for kind, sources in _BOXED.items():
        by_kind[kind] = {}
        for name in KINDS[kind]:
            classes = set(things.THINGS[name.partition(":")[0]].classes)
            known = [
                frame.source in sources and classes <= set(SEARCHED.get(frame.source, ()))
                for frame in frames
            ]
            by_kind[kind][name] = np.where(known, boxed[name], np.float32(np.nan))
    return rules, by_kind


def guard_queries(
    frames: Sequence[Frame], known: Sequence[Concept]
) -> tuple[list[Query], NDArray[np.float32]]:
    """Return what is asked of the guard's frames, and float32 (q, n): 1, 0 or NaN.

    Args:
        frames: n of them.
        known: the recipe's concepts; their words ask.
    """
    words = {concept.name: concept for concept in known}
    rules, by_kind = labelled_fits(frames)
    queries, table = [], []

    def add(kind: str, texts: Sequence[str], fit: NDArray[np.float32]) -> None:
        sure = np.where((fit > _SURE) & (fit < 1 - _SURE), np.float32(np.nan), np.rint(fit))
        if (sure == 1).sum() >= LEAST and (sure == 0).sum() >= LEAST:
            queries.append(Query(kind, tuple(texts)))
            table.append(sure.astype(np.float32))

    for kind, names in KINDS.items():
        fits = by_kind.get(kind, rules)
        for name in names:
            if name in words:
                add(kind, spread_over(words[name].nouns), fits[name])
    endings = spread_over(words["night"].endings) if "night" in words else []
    add("night", [ENDING_WRAPPERS[i % 2].format(e) for i, e in enumerate(endings)], rules["night"])
    for weather in concepts.WEATHER:
        for name in _COMBINED:
            if weather in words and name in words:
                pairs = zip(
                    spread_over(words[name].nouns), spread_over(words[weather].endings), strict=True
                )
                both = np.minimum(rules[weather], rules[name])
                add("combined", [f"{noun} {ending}" for noun, ending in pairs], both)
    return queries, np.stack(table) if table else np.empty((0, len(frames)), np.float32)


def spread_over(texts: Sequence[str]) -> list[str]:
    """Return three texts: the first, one of the middle, one of the end."""
    return [texts[0], texts[len(texts) // 2], texts[-1]]


def balanced(
    turns: Sequence[Sequence[NDArray[np.bool_]]], groups: Sequence[str], number: int, seed: int
) -> NDArray[np.intp]:
    """Choose frames in turn, so that each turn gets as many as there are.

    Args:
        turns: each of them sets of frames, bool (n,), of which the next one gives a frame: one of
            the group of which fewest are taken.
        groups: drive or duplicate group of each of the n frames.
        number: how many are chosen, at most n.
        seed: of the order among equals.

    Returns:
        int (number,), ascending.
    """
    order = np.random.default_rng(seed).permutation(len(groups))
    every = np.ones(len(groups), dtype=bool)  # where all others have run out
    queues = [itertools.cycle(turn) for turn in (*turns, [every])]
    longest = max(map(len, turns), default=1)
    taken: Counter[str] = Counter()
    free = every.copy()
    chosen: list[int] = []
    while len(chosen) < min(number, len(groups)):
        for queue in queues:
            sets = itertools.islice(queue, longest)
            left = next((found for s in sets if len(found := order[(s & free)[order]])), order[:0])
            if len(left) and len(chosen) < number:
                best = min(left.tolist(), key=lambda i: taken[groups[i]])
                chosen.append(best)
                free[best] = False
                taken[groups[best]] += 1
    return np.sort(np.array(chosen, dtype=np.intp))


def features_of(
    folder: Path, frames: Sequence[Frame], progress: Progress = ignore
) -> NDArray[np.float32]:
    """Return what the image head of a model folder is given of frames, float32 (n, width)."""
    import torch

    from c4t_core.images.decode import open_image
    from c4t_core.models.c4t import load_dual_encoder
    from c4t_core.training.sources import FrozenImages

    model = FrozenImages(load_dual_encoder(folder), torch.device("cpu"), len(frames))
    parts = [np.empty((0, model.width), np.float32)]
    for start in range(0, len(frames), _AT_ONCE):
        images = [open_image(f.path, model.min_side) for f in frames[start : start + _AT_ONCE]]
        parts.append(model.encode_pixels(np.stack([model.prepare(image) for image in images])))
        progress(min(start + _AT_ONCE, len(frames)), len(frames))
    return np.concatenate(parts)


def fewer(
    bank: Sequence[Phrase],
    known: Sequence[Concept],
    without: Container[str],
    options: ExampleOptions,
) -> list[Phrase]:
    """Return some phrases of each concept, and all combinations; each is embedded by who rehearses.

    Args:
        bank: all of them.
        known: the concepts.
        without: texts to leave out.
        options: how many, and the seed of the choice.
    """
    left = [options.said if ":" in concept.name else options.phrases for concept in known]
    kept = []
    for phrase in random.Random(options.seed).sample(list(bank), len(bank)):
        if phrase.text in without:
            continue
        if phrase.first == phrase.second:
            left[phrase.first] -= 1
            if left[phrase.first] < 0:
                continue
        kept.append(phrase)
    return kept


def write_examples(
    folder: Path,
    frames: Sequence[Frame],
    options: ExampleOptions | None = None,
    progress: Progress = ignore,
) -> Examples:
    """Write a model folder's examples and renew its manifest.

    Args:
        folder: a model folder with configuration and weights.
        frames: labelled, of all parts, their brightness measured; those of the test part are not
            looked at.
        options: how many.
        progress: called with (images done, images).

    Returns:
        What was written, as it is read again.
    """
    options = options or ExampleOptions()
    recipe = RecipeOptions(
        seed=options.seed,
        combinations=options.combinations,
        wrapped=options.wrapped,
        every_word=False,  # what benchmarks.quality asks with is not rehearsed
    )
    guards = [f for f in frames if f.part == "validation" or f.group in _GUARDS]
    taught = [f for f in frames if f.part == "train" and f.group not in _GUARDS]
    known, table = vocabulary(taught, recipe)
    asked, shown = guard_queries(guards, known)
    kinds = [
        [row == 1 for query, row in zip(asked, shown, strict=True) if query.kind == kind]
        for kind in dict.fromkeys(query.kind for query in asked)
    ]
    turns = [*kinds, _sources(guards)]
    kept = balanced(turns, [frame.group for frame in guards], options.guard, options.seed)
    guards = [guards[i] for i in kept]
    queries, truth = guard_queries(guards, known)
    bare = [
        np.nan_to_num(row) > 0.5
        for concept, row in zip(known, table, strict=True)
        if ":" not in concept.name
    ]
    turns = [[row] for row in (*bare, *_sources(taught))]
    rows = balanced(turns, [frame.group for frame in taught], options.rehearsal, options.seed)
    kept_apart = {text for query in queries for text in query.texts}
    bank = fewer(phrase_bank(known, table, recipe), known, kept_apart, options)
    features = features_of(folder, [*guards, *(taught[i] for i in rows)], progress)
    save_examples(
        folder,
        Examples(
            features=features[: len(guards)],
            queries=tuple(queries),
            truth=truth,
            rehearsed=features[len(guards) :],
            phrases=tuple(phrase.text for phrase in bank),
            concepts=np.array([(phrase.first, phrase.second) for phrase in bank], np.int32),
            fits=table[:, rows],
            weights=np.array([concept.weight for concept in known], np.float32),
        ),
    )
    write_manifest(folder)
    written = load_examples(folder, features.shape[1])
    assert written is not None
    return written


def _sources(frames: Sequence[Frame]) -> list[NDArray[np.bool_]]:
    names = np.array([frame.source for frame in frames], dtype=np.str_)
    return [names == name for name in sorted(set(names.tolist()))]


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    from scripts.lite.train import ROOT

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="MODEL_FOLDER")
    default = Path(os.environ.get("C4T_DRIVE_DATA", ROOT.parent / "shared" / "drive_data"))
    parser.add_argument("--data", type=Path, default=default, help="folder with the sources")
    parser.add_argument(
        "--without", action="append", default=[], choices=SOURCES, help="leave a source out"
    )
    parser.add_argument("--guard", type=int, default=ExampleOptions.guard, help="frames")
    parser.add_argument("--rehearsal", type=int, default=ExampleOptions.rehearsal, help="frames")
    parser.add_argument("--seed", type=int, default=ExampleOptions.seed)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the examples of the model folder that the command line names."""
    from scripts.lite.train import with_brightness

    given = _parse(arguments)
    verify_manifest(given.folder)
    labelled = read_frames(given.data, given.without)
    frames = [with_brightness(frame) for frame in labelled if frame.part != "test"]
    options = ExampleOptions(given.guard, given.rehearsal, seed=given.seed)
    made = write_examples(given.folder, frames, options)
    asked = dict(Counter(query.kind for query in made.queries))
    print(f"{len(made.features)} frames guard, asked {asked}; {len(made.rehearsed)} are rehearsed")
    print(f"with {len(made.phrases)} phrases of {len(made.weights)} concepts")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
