"""From labels to a pairs file: what ``c4t caption`` and the window both run.

Beside it, how often each class occurs in a data set: a table, and the bar plot of it.
"""

from __future__ import annotations

import contextlib
import json
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from c4t_core.datasets.captions import Style, captions
from c4t_core.datasets.facts import class_counts
from c4t_core.datasets.labels.layout import default_root
from c4t_core.datasets.pairs import PairsWriter, group_of
from c4t_core.datasets.scene import Problem, Scene, scene_to_dict, uncounted
from c4t_core.datasets.scenes import read_scenes
from c4t_core.datasets.searchad import labels, missing_images, read_annotations
from c4t_core.datasets.words import concept, is_silent
from c4t_core.errors import DataError
from c4t_core.files import atomic_text
from c4t_core.progress import Progress, ignore
from c4t_core.quiet import keep_caches_inside
from c4t_core.records import dataclass

_MOST_BARS = 60


@dataclass(frozen=True)
class PairsRequest:
    """Which labels become which captions.

    Attributes:
        kind: of the labels, see ``c4t_core.datasets.scenes.KINDS``, or ``"scenes"``.
        source: file or folder of the labels.
        output: the pairs file to write.
        images: root of the image paths; None: the folder of the labels.
        classes: class list, where the labels need one.
        style: ``"keywords"``, ``"sentence"`` or ``"both"``.
        scenes: also write what was read, as JSON lines; None: not.
        min_share: leave out classes with a smaller part of the pixels, 0..1.
        seed: of the choice of words in sentences.
        per_image: sentences per image at most.
    """

    kind: str
    source: Path
    output: Path
    images: Path | None = None
    classes: Path | None = None
    style: Style = "both"
    scenes: Path | None = None
    min_share: float = 0.0
    seed: int = 0
    per_image: int = 3

    @property
    def root(self) -> Path:
        """What the image paths of the pairs are relative to."""
        if self.images is not None:
            return self.images
        if self.kind == "scenes":
            return self.source if self.source.is_dir() else self.source.parent
        return default_root(self.source)


@dataclass(frozen=True)
class MadePairs:
    """What was written.

    Attributes:
        rows: number of pairs.
        without_caption: images that hold nothing that can be said.
        without_drive: pairs whose drive is not known.
        problems: what could not be read, with file and line.
        classes: in how many images each class occurs.
        unspoken: names of classes that sentences do not speak of: codes, and no English nouns.
    """

    rows: int
    without_caption: int
    without_drive: int
    problems: list[Problem]
    classes: FrequencyCounter
    unspoken: list[str]


def make_pairs(
    request: PairsRequest, progress: Progress = ignore, problems: list[Problem] | None = None
) -> MadePairs:
    """Read labels, write captions.

    Args:
        request: what to do.
        progress: called with (images read, 0): how many there are is not known before.
        problems: takes what could not be read, also where nothing is left to write.

    Raises:
        DataError: if nothing can be read or written, or no image gets a caption.
        Cancelled: from ``progress``; nothing is left behind then.
    """
    problems = [] if problems is None else problems
    classes = FrequencyCounter()
    scenes = read_scenes(
        request.kind,
        request.source,
        images=request.images,
        classes=request.classes,
        problems=problems,
    )
    with contextlib.ExitStack() as stack:
        try:
            pairs = PairsWriter(stack.enter_context(atomic_text(request.output)))
            ground = stack.enter_context(atomic_text(request.scenes)) if request.scenes else None
            silent = _write(request, scenes, progress, pairs, ground, classes)
        except OSError as error:
            raise DataError(
                f"{error.filename or request.output} cannot be written ({error.strerror}); "
                "choose another place for the pairs",
                request.output,
            ) from error
        unspoken = _unspoken(request, classes)
        if not pairs.rows:
            raise DataError(
                f"no image of {request.source} got a caption; {_remedy(classes, unspoken)}",
                request.source,
            )
    return MadePairs(
        rows=pairs.rows,
        without_caption=silent,
        without_drive=pairs.without_drive,
        problems=problems,
        classes=classes,
        unspoken=unspoken,
    )


def _unspoken(request: PairsRequest, classes: FrequencyCounter) -> list[str]:
    if request.style == "keywords":
        return []
    names = (row.name for row in classes.table())
    return [name for name in names if concept(name) is None and not is_silent(name)]


def _remedy(classes: FrequencyCounter, unspoken: list[str]) -> str:
    """Say what to do where nothing was written."""
    names = [row.name for row in classes.table()]
    if names and all(name.isdigit() for name in names):
        return f"its classes are numbers ({', '.join(names[:5])}): name them in the labels"
    codes = f', or take "--style keywords" for codes such as {" ".join(unspoken[:1])}'
    return f"check the path, the kind and the class list{codes if unspoken else ''}"


def _write(
    request: PairsRequest,
    scenes: Iterable[Scene],
    progress: Progress,
    pairs: PairsWriter,
    ground: TextIO | None,
    classes: FrequencyCounter,
) -> int:
    """Write every scene's captions; return how many scenes got none."""
    silent = 0
    for number, scene in enumerate(scenes, start=1):
        progress(number, 0)
        classes.add(scene)
        if ground is not None:
            ground.write(json.dumps(scene_to_dict(scene), ensure_ascii=False) + "\n")
        texts = captions(
            scene,
            request.style,
            request.seed,
            per_image=request.per_image,
            min_share=request.min_share,
        )
        silent += not texts
        for caption in texts:
            pairs.write(scene.image, caption, group_of(scene), scene.split)
    return silent


_MOST_LABELS = 4  # in one caption


def make_searchad_pairs(
    folder: Path, output: Path, *, seed: int = 0, per_image: int = 3
) -> list[str]:
    """Write captions for the images of SearchAD's train split that show any of its labels.

    A caption says all labels of an image, four at most: the first in the sentences that they are
    asked with, others in paraphrases drawn by seed and path; held-out ones are never said. Boxes
    too small to count are not spoken of.

    Args:
        folder: a SearchAD folder.
        output: the pairs file; its image paths are relative to that folder.
        seed: of the choice of words.
        per_image: captions per image at most.

    Returns:
        For each source with images that are not there, what is missing and who has it.

    Raises:
        DataError: if the folder or its annotations cannot be used, or no labelled image is there.
    """
    frames = read_annotations(folder, "train").frames
    shown = {frame.image: [k for k, v in frame.relevance().items() if v] for frame in frames}
    said = {image: names for image, names in shown.items() if names}
    sources = missing_images(folder, said)
    lacking = {image for source in sources for image in source.missing}
    notes = [str(source) for source in sources if source.missing]
    if len(lacking) == len(said):
        raise DataError(
            f"no labelled image of the train split is in {folder}; "
            f"{'; '.join(notes) or 'get its annotations again'}",
            folder,
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    with atomic_text(output) as out:
        pairs = PairsWriter(out)
        for image, names in said.items():
            if image not in lacking:
                for caption in _searchad_captions(image, names, seed, per_image):
                    pairs.write(image, caption, group_of(Scene(image)), None)
    return notes


def _searchad_captions(image: str, names: list[str], seed: int, count: int) -> list[str]:
    rng = random.Random(f"{seed} {image}")  # noqa: S311 - no secret
    known = labels()
    found = []
    for turn in range(count):
        chosen = rng.sample(names, min(len(names), _MOST_LABELS)) if turn else names[:_MOST_LABELS]
        words = [rng.choice(known[name].taught) if turn else known[name].ask for name in chosen]
        found.append(" and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words))
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class ClassFrequency:
    """One class over all images.

    Attributes:
        name: as the data set writes it; instances are separate.
        images: in how many images it occurs.
        objects: how many objects were counted; 0 where there are only pixels.
        mean_share: mean part of the pixels over all images, 0..1; None without masks.
    """

    name: str
    images: int
    objects: int
    mean_share: float | None


class FrequencyCounter:
    """Counts classes scene by scene, so that scenes need not be kept."""

    def __init__(self) -> None:
        self.scenes = 0
        self._images: Counter[str] = Counter()
        self._objects: Counter[str] = Counter()
        self._shares: dict[str, float] = {}

    def add(self, scene: Scene) -> None:
        """Count the classes of one scene."""
        self.scenes += 1
        counts = {name: n for name, n in class_counts(scene).items() if n > 0}
        shares = {name: part for name, part in scene.shares.items() if part > 0}
        self._images.update({*counts, *shares, *uncounted(scene)})
        self._objects.update(counts)
        for name, part in shares.items():
            self._shares[name] = self._shares.get(name, 0.0) + part

    def table(self) -> list[ClassFrequency]:
        """Return the classes, those in the most images first."""
        return [
            ClassFrequency(
                name,
                images,
                self._objects[name],
                self._shares[name] / self.scenes if name in self._shares else None,
            )
            for name, images in sorted(self._images.items(), key=lambda item: (-item[1], item[0]))
        ]


def format_table(table: Iterable[ClassFrequency]) -> str:
    """Return the table as aligned text."""
    rows = [("class", "images", "objects", "pixels")]
    rows += [
        (
            row.name,
            str(row.images),
            str(row.objects) if row.objects else "-",
            "-" if row.mean_share is None else f"{100 * row.mean_share:.2f} %",
        )
        for row in table
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        row[0].ljust(widths[0]) + "".join(f"  {row[c].rjust(widths[c])}" for c in (1, 2, 3))
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def plot_frequencies(table: list[ClassFrequency], path: Path | str, title: str = "") -> None:
    """Draw in how many images each class occurs, the commonest first.

    Raises:
        DataError: if the picture cannot be written.
    """
    keep_caches_inside()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = table[:_MOST_BARS]
    figure = Figure(figsize=(8, 1.2 + 0.24 * max(len(shown), 4)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.barh(range(len(shown)), [row.images for row in shown], color="#2f6f9f")
    axes.set_yticks(range(len(shown)), [row.name.replace("$", r"\$") for row in shown])
    axes.invert_yaxis()
    axes.set_xlabel("images")
    axes.set_title(title)
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(target, dpi=150)
    except (OSError, ValueError) as error:
        raise DataError(
            f"the plot {target} cannot be written; choose a .png in a folder you may write to",
            target,
        ) from error
