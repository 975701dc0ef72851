"""From a pairs file to what is trained on: images with their captions, kept apart by drive.

Loads no torch, so that a window can preview the data of a run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from c4t_core.datasets.pairs import Pair, Problem, read_pairs, split_by_drive
from c4t_core.errors import C4TError, ImageError, TrainingError
from c4t_core.images.decode import open_image
from c4t_core.models.config import PRESETS, PreprocessConfig, prepare
from c4t_core.models.protocol import cut_texts
from c4t_core.records import dataclass
from c4t_core.training.events import PairsRead
from c4t_core.training.request import Captions, TrainingOptions, TrainingRequest

if TYPE_CHECKING:
    from c4t_core.models.engine import TextTokens

Pixels = NDArray[np.uint8]
"""uint8 (n, h, w, 3), RGB, prepared for one model."""

Batch = TypeVar("Batch")

_TRAIN = frozenset({"train", "training"})
_SHOWN_LINES = 5
_VALIDATION = frozenset({"val", "valid", "validation", "dev"})


@dataclass(frozen=True)
class Sample:
    """One image and all its captions."""

    image: Path  # absolute
    relative: str  # to the root, '/'-separated: how it is named to the user
    captions: tuple[str, ...]  # different ones, in the order of the file
    drive: str | None  # what it must not be separated from
    wrong: tuple[str, ...] = ()  # captions of others that it is known not to show


@dataclass(frozen=True)
class Data:
    """All that a run knows about its pairs before it begins."""

    train: tuple[Sample, ...]
    validation: tuple[Sample, ...]
    problems: tuple[Problem, ...]  # rows that are left out, with their lines
    warnings: tuple[str, ...]  # sentences about the file and the split
    pairs: int  # rows that are used
    test: int  # images of the file's own test split, never looked at
    further: tuple[Sample, ...] = ()  # to train on, without captions: known by ``wrong`` alone

    @property
    def wrong(self) -> int:
        """Number of rows that are learned from and say what an image does not show."""
        return sum(len(sample.wrong) for sample in (*self.train, *self.further))

    def event(self) -> PairsRead:
        """Return what a run tells of it."""
        return PairsRead(
            pairs=self.pairs,
            train=len(self.train),
            validation=len(self.validation),
            test=self.test,
            drives=len({sample.drive for sample in (*self.train, *self.validation)} - {None}),
            problems=tuple(Problem(problem.line, problem.message) for problem in self.problems),
            warnings=self.warnings,
            wrong=self.wrong,
        )

    def require(self, path: Path) -> None:
        """Check that there is enough to train on.

        Raises:
            TrainingError: if there are fewer than two images.
        """
        if len(self.train) < 2:
            first = "; ".join(f"line {p.line}: {p.message}" for p in self.problems[:5])
            raise TrainingError(
                f"{path} leaves {len(self.train)} images to train on, and two are the least"
                f"{f' ({first})' if first else ''}; mend or add pairs."
            )


def gather(pairs: Sequence[Pair]) -> list[Sample]:
    """Put the captions of each image together; images in order of appearance."""
    captions: dict[tuple[Path, bool], dict[str, None]] = {}
    first: dict[Path, Pair] = {}
    for pair in pairs:
        first.setdefault(pair.image, pair)
        captions.setdefault((pair.image, pair.shown), {})[pair.caption] = None
    return [
        Sample(
            image,
            pair.relative,
            tuple(captions.get((image, True), ())),
            pair.drive,
            tuple(captions.get((image, False), ())),
        )
        for image, pair in first.items()
    ]


def _against(train: Sequence[Pair]) -> tuple[list[Pair], list[str]]:
    """Return the pairs that can be learned from, and what is to be said of the others.

    What an image does not show is told apart from what shows it: a caption that no image to
    train on shows teaches nothing.
    """
    known = {pair.caption for pair in train if pair.shown}
    kept = [pair for pair in train if pair.caption in known]
    idle = len(train) - len(kept)
    if not idle:
        return kept, []
    return kept, [
        f"{idle:,} rows that say what an image does not show are not learned from: no image to "
        "train on shows their caption. Add pairs that do."
    ]


def load_data(request: TrainingRequest) -> Data:
    """Read the pairs of a run and split them.

    A ``split`` column is followed (``train``; ``val``, ``valid``, ``validation`` or ``dev``;
    everything else is left alone as test). Without one, whole drives are kept for validation.
    What an image does not show is learned from where its drive is trained on, and not measured on.

    Raises:
        DataError: if the file cannot be read.
    """
    found = read_pairs(request.pairs, request.images, request.columns)
    share, seed = request.options.validation_share, request.options.seed
    warnings = list(found.warnings)
    test: list[Pair] = []
    rows = [*found.pairs, *found.wrong]
    if any(pair.split for pair in rows):
        train = [pair for pair in rows if _split(pair) in _TRAIN]
        validation = [pair for pair in rows if _split(pair) in _VALIDATION]
        test = [pair for pair in rows if _split(pair) not in _TRAIN | _VALIDATION]
        train, validation, notes = _kept_apart(train, validation, test)
        warnings.extend(notes)
        if not validation:
            warnings.append("The split column marks no images for validation.")
    elif share > 0:
        train, validation, notes = split_by_drive(rows, share=share, seed=seed)
        warnings.extend(notes)
    else:
        train, validation = rows, []
    train, notes = _against(train)
    warnings.extend(notes)
    validation = [pair for pair in validation if pair.shown]
    shown = [*(pair for pair in train if pair.shown), *validation]
    warnings.extend(_long_captions(request, shown))
    learned = gather(train)
    return Data(
        train=tuple(sample for sample in learned if sample.captions),
        validation=tuple(gather(validation)),
        problems=tuple(found.problems),
        warnings=tuple(warnings),
        pairs=len(shown),
        test=len({pair.image for pair in test}),
        further=tuple(sample for sample in learned if not sample.captions),
    )


def _long_captions(request: TrainingRequest, pairs: Sequence[Pair]) -> list[str]:
    """Say which captions are longer than the model reads; what is cut off is not learned."""
    tokens = _tokens_of(request)
    if tokens is None:
        return []
    captions = list(dict.fromkeys(pair.caption for pair in pairs))
    read = {cut.text: cut for cut in cut_texts(tokens, captions)}
    rows = sorted((pair for pair in pairs if pair.caption in read), key=lambda pair: pair.line)
    if not rows:
        return []
    shown = [str(pair.line) for pair in rows[:_SHOWN_LINES]]
    more = f" and {len(rows) - _SHOWN_LINES:,} more" if len(rows) > _SHOWN_LINES else ""
    times = Counter(cut.read for cut in read.values())
    alike = sum(count for count in times.values() if count > 1)
    same = f" {alike:,} of them differ only there and look the same to it." if alike else ""
    return [
        f"{len(rows):,} of {len(pairs):,} captions {'is' if len(rows) == 1 else 'are'} longer than "
        f"the model reads ({tokens.max_length} tokens), and what is beyond is not learned "
        f"({'line' if len(rows) == 1 else 'lines'} {', '.join(shown)}{more}): line "
        f'{rows[0].line} is read up to "{read[rows[0].caption].end}".{same} Put what matters '
        "first, or split a caption into several."
    ]


def _tokens_of(request: TrainingRequest) -> TextTokens | None:
    """Return the tokenizer of the model to be trained; None where there is none, as a run says."""
    from c4t_core.models.c4t import tokens_of
    from c4t_core.models.folder import TOKENIZER, read_config, read_tokenizer
    from c4t_core.models.pretrained import tokenizer_files
    from c4t_core.models.registry import clip_model, model_info

    try:
        if request.base is None:
            return tokens_of(PRESETS[request.preset], tokenizer_files()[TOKENIZER])
        clip = clip_model(request.base)
        if clip is not None:
            return clip.tokens()
        folder = model_info(request.base).path
        if folder is None:
            return None
        return tokens_of(read_config(folder), read_tokenizer(folder)[TOKENIZER])
    except (C4TError, KeyError, OSError, ValueError):
        return None


def _kept_apart(
    train: list[Pair], validation: list[Pair], test: list[Pair]
) -> tuple[list[Pair], list[Pair], list[str]]:
    """Take images that the file marks for several parts out of those that learn from them.

    A caption of an image in training would answer for the same image in validation, and
    whatever is marked as test is never looked at.
    """
    untouched = {pair.image for pair in test}
    held = untouched | {pair.image for pair in validation}
    shared = {pair.image for pair in train} & held | {pair.image for pair in validation} & untouched
    if not shared:
        return train, validation, []
    return (
        [pair for pair in train if pair.image not in held],
        [pair for pair in validation if pair.image not in untouched],
        [
            f"The column split marks {len(shared)} images for more than one part; they are kept "
            "out of training, so that nothing is measured on what was learned."
        ],
    )


def _split(pair: Pair) -> str:
    return (pair.split or "").strip().lower()


def load_pairs(path: Path, images: Path | None, limit: int, seed: int) -> list[Sample]:
    """Read a pairs file as a set to measure on; at most ``limit`` images, drawn by seed."""
    return limited(gather(read_pairs(path, images).pairs), limit, seed)


def limited(samples: Sequence[Sample], limit: int, seed: int) -> list[Sample]:
    """Return at most ``limit`` samples, drawn by seed, in their order."""
    if len(samples) <= limit:
        return list(samples)
    kept = np.random.default_rng(seed).choice(len(samples), limit, replace=False)
    return [samples[index] for index in sorted(kept)]


def epoch_rows(
    samples: Sequence[Sample], captions: Captions, seed: int, epoch: int
) -> NDArray[np.int64]:
    """Return the order of one epoch, a pure function of seed and epoch.

    That makes resuming exact: the position in this order is all that has to be kept.

    Args:
        samples: n images.
        captions: ``"one"``: each image once with one of its captions; ``"all"``: each caption
            as a row of its own.
        seed: of the run.
        epoch: counted from 0.

    Returns:
        int64 (m, 2): sample and caption of it, shuffled; m = n for ``"one"``.
    """
    generator = np.random.default_rng((seed, epoch))
    counts = np.array([len(sample.captions) for sample in samples], dtype=np.int64)  # (n,)
    if captions == "all":
        owners = np.repeat(np.arange(len(samples)), counts)  # (m,)
        starts = np.repeat(np.cumsum(counts) - counts, counts)  # (m,)
        which = np.arange(len(owners)) - starts  # (m,)
    else:
        owners = np.arange(len(samples))  # (n,)
        which = np.floor(generator.random(len(samples)) * counts).astype(np.int64)  # (n,)
    rows = np.stack([owners, which], axis=1)  # (m, 2)
    return rows[generator.permutation(len(rows))]


def steps_per_epoch(samples: Sequence[Sample], options: TrainingOptions) -> int:
    """Return the number of optimiser steps in an epoch; a last lone pair is left out."""
    rows = (
        sum(len(sample.captions) for sample in samples)
        if options.captions == "all"
        else len(samples)
    )
    whole, rest = divmod(rows, options.batch * options.accumulate)
    return whole + (rest >= 2)


class PixelReader:
    """Decodes and prepares images with a few threads.

    Args:
        config: of the model that will see them.
        threads: that decode beside each other.
    """

    def __init__(self, config: PreprocessConfig, threads: int) -> None:
        self._config = config
        self._pool = ThreadPoolExecutor(max_workers=max(1, threads))

    def __call__(self, paths: Sequence[Path]) -> tuple[Pixels, dict[int, str]]:
        """Read images.

        Returns:
            uint8 (n, h, w, 3), black where an image cannot be read, and why by its index.
        """
        pixels = np.zeros((len(paths), *self._config.shape, 3), dtype=np.uint8)
        reasons: dict[int, str] = {}
        for index, image in enumerate(self._pool.map(self._one, paths)):
            if isinstance(image, str):
                reasons[index] = image
            else:
                pixels[index] = image
        return pixels, reasons

    def _one(self, path: Path) -> Pixels | str:
        try:
            return prepare(open_image(path, min(self._config.shape)), self._config)
        except ImageError as error:
            return str(error)
        except FileNotFoundError:
            return "the file is gone"

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(cancel_futures=True)


def prefetched(load: Callable[[int], Batch], first: int, end: int) -> Iterator[Batch]:
    """Yield ``load(first)`` to ``load(end - 1)``, each computed while the one before is used."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        ahead = pool.submit(load, first) if first < end else None
        number = first
        while ahead is not None:
            ready = ahead.result()
            number += 1
            ahead = pool.submit(load, number) if number < end else None
            yield ready
