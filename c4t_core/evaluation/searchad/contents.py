"""What a SearchAD folder holds of a split, and what is asked for each label.

Asked is with texts (SearchAD's default ones, or C4T's own sentences), with the crops of the
default queries, or with both. Several texts, or crops, of a label count as the mean of their
unit embeddings; texts and crops together as the mean of those two means, each at unit length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from c4t_core.datasets import searchad
from c4t_core.datasets.scene import Box
from c4t_core.datasets.searchad import LABELS, DefaultQuery, SourceImages, Split
from c4t_core.errors import DataError, ImageError
from c4t_core.evaluation.searchad.rules import Mode
from c4t_core.images.decode import open_image
from c4t_core.index.directions import unit
from c4t_core.models.protocol import Embeddings, Model, cut_texts
from c4t_core.records import dataclass

if TYPE_CHECKING:
    from PIL import Image

Queries = Literal["default", "own"]
_CROPS_AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class Contents:
    """What a SearchAD folder holds of a split.

    Attributes:
        split: which.
        relevant: label -> relevant images; empty for the test split.
        ignored: label -> ignored images.
        images: all images of the split.
        ids: image -> id, of the test split.
        sources: what of each source is there.
        left_out: number of boxes of labels that are none of the 90.
    """

    split: Split
    relevant: Mapping[str, Sequence[str]]
    ignored: Mapping[str, Sequence[str]]
    images: tuple[str, ...]
    ids: Mapping[str, int]
    sources: tuple[SourceImages, ...]
    left_out: int = 0

    @property
    def missing(self) -> frozenset[str]:
        """The images that are not there."""
        return frozenset(name for source in self.sources for name in source.missing)

    @property
    def lacking(self) -> list[str]:
        """A sentence for each source of which something is missing."""
        return [str(source) for source in self.sources if source.missing]


@dataclass(frozen=True, eq=False)
class Asked:
    """What is asked for the labels.

    Attributes:
        queries: whose the texts (or, in ``"vision"``, the crops) are.
        mode: what is asked with.
        texts: label -> its texts; empty in ``"vision"``.
        crops: label -> (image, box in pixels); empty in ``"language"``.
        notes: sentences on what was not understood or is not there.
    """

    queries: Queries
    mode: Mode
    texts: Mapping[str, tuple[str, ...]]
    crops: Mapping[str, tuple[tuple[str, Box], ...]]
    notes: tuple[str, ...] = ()


def read_contents(folder: Path, split: Split) -> Contents:
    """Read what is labelled in a split, and look which images are there.

    Raises:
        DataError: if the folder is not there, or a file of SearchAD is missing or odd.
    """
    if not folder.is_dir():
        raise DataError(f'"{folder}" is not a folder; name the one that SearchAD lies in.', folder)
    if split == "test":
        ids = searchad.read_test_images(folder)
        sources = tuple(searchad.missing_images(folder, ids))
        return Contents(split, {}, {}, tuple(ids), ids, sources)
    found = searchad.read_annotations(folder, split)
    relevant, ignored = found.relevance()
    images = tuple(frame.image for frame in found.frames)
    sources = tuple(searchad.missing_images(folder, images))
    return Contents(split, relevant, ignored, images, {}, sources, sum(found.left_out.values()))


def read_queries(folder: Path, queries: Queries | None, mode: Mode) -> Asked:
    """Settle what is asked for each label.

    Raises:
        DataError: if what is wanted of the default queries is not there; says what to do.
    """
    if mode == "vision" and queries == "own":
        raise DataError(
            "In vision mode the images of SearchAD's default queries are asked, and there are no "
            "others; leave --queries own out."
        )
    own = {label: (text,) for label, text in searchad.sentences().items()}
    if mode == "language" and queries == "own":
        return Asked("own", mode, own, {})
    if mode == "language" and queries is None and not (folder / searchad.QUERIES).is_dir():
        note = f"There is no {searchad.QUERIES} folder, so C4T's own sentences are asked."
        return Asked("own", mode, own, {}, (note,))
    found = {label: searchad.read_default_query(folder, label) for label in LABELS}
    notes = _not_understood(found)
    crops = {} if mode == "language" else _crops(folder, found, notes)
    if mode == "vision":
        return Asked("default", mode, {}, crops, tuple(notes))
    mute = [label for label, query in found.items() if not query.texts]
    if queries == "own" or (queries is None and mute):
        if queries is None:
            notes.append(
                f"{searchad.QUERIES} has no text for {_some(mute)}, so C4T's own sentences are "
                "asked for all labels."
            )
        return Asked("own", mode, own, crops, tuple(notes))
    if mute:
        raise DataError(
            f"{searchad.QUERIES} has no text that is understood for {_some(mute)}; ask with C4T's "
            "own sentences (--queries own)."
        )
    texts = {label: query.texts for label, query in found.items()}
    return Asked("default", mode, texts, crops, tuple(notes))


def _some(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"


def _not_understood(found: Mapping[str, DefaultQuery]) -> list[str]:
    keys: dict[str, list[str]] = {}
    for label, query in found.items():
        for key in query.not_understood:
            keys.setdefault(key, []).append(label)
    return [
        f'In {searchad.QUERIES}, "{key}" is not understood and left out (of {_some(labels)}).'
        for key, labels in keys.items()
    ]


def _crops(
    folder: Path, found: Mapping[str, DefaultQuery], notes: list[str]
) -> dict[str, tuple[tuple[str, Box], ...]]:
    """Return the crops whose images are there; note how many are not.

    Raises:
        DataError: if a label has none.
    """
    every = dict.fromkeys(image for query in found.values() for image, _ in query.crops)
    sources = searchad.missing_images(folder, every)
    gone = {name for source in sources for name in source.missing}
    kept = {
        label: tuple(crop for crop in query.crops if crop[0] not in gone)
        for label, query in found.items()
    }
    for label, crops in kept.items():
        if not crops:
            where = [str(one) for one in sources if one.missing]
            why = f"; {where[0]}" if found[label].crops and where else ""
            raise DataError(
                f"{label} has no image query whose image is there{why}. Ask with --mode language."
            )
    lost = sum(len(query.crops) - len(kept[label]) for label, query in found.items())
    if lost:
        notes.append(f"{lost} image queries are left out, as their images are not there.")
    return kept


def directions(folder: Path, asked: Asked, model: Model) -> tuple[Embeddings, list[str]]:
    """Return what each label is asked with, float32 (90, d), unit rows; and what is to be said.

    Args:
        folder: of SearchAD.
        asked: for the labels.
        model: embeds texts, and crops with the graph that the images are embedded with.

    Raises:
        DataError: if the image of a crop cannot be read, or the crop lies outside of it.
    """
    total = np.zeros((len(LABELS), model.dim))
    notes = []
    if asked.texts:
        every = [text for label in LABELS for text in asked.texts[label]]
        total += _means(model.encode_texts(every), [len(asked.texts[name]) for name in LABELS])
        if cut := cut_texts(model, every):
            notes.append(
                f'"{model.name}" reads only the beginning of {len(cut)} of {len(every)} texts, of '
                f'one up to "{cut[0].end}".'
            )
    if asked.crops:
        crops = [crop for label in LABELS for crop in asked.crops[label]]
        rows = _embed_crops(folder, crops, model)
        total += _means(rows, [len(asked.crops[label]) for label in LABELS])
    return np.stack([unit(row) for row in total]).astype(np.float32), notes


def _means(rows: Embeddings, counts: Sequence[int]) -> NDArray[np.float64]:
    """Return the mean of each run of so many rows (m, d), at unit length; float64 (n, d)."""
    ends = np.cumsum(counts)
    return np.stack(
        [
            unit(np.mean([unit(row) for row in rows[end - count : end]], axis=0))
            for end, count in zip(ends, counts, strict=True)
        ]
    )


def _embed_crops(folder: Path, crops: Sequence[tuple[str, Box]], model: Model) -> Embeddings:
    """Embed the boxes of image queries, float32 (n, d).

    Raises:
        DataError: if one cannot be cut out of its image.
    """
    parts = []
    for start in range(0, len(crops), _CROPS_AT_ONCE):
        some = crops[start : start + _CROPS_AT_ONCE]
        parts.append(model.encode_images([_cut_out(folder, image, box) for image, box in some]))
    return np.concatenate(parts)


def _cut_out(folder: Path, image: str, box: Box) -> Image.Image:
    path = folder / image
    try:
        picture = open_image(path)
    except ImageError as error:
        raise DataError(f'The image query "{path}" cannot be read: {error}.', path) from error
    x0, y0, x1, y1 = box
    width, height = picture.size
    left, top = max(0, int(x0)), max(0, int(y0))
    right, bottom = min(width, int(np.ceil(x1))), min(height, int(np.ceil(y1)))
    if right <= left or bottom <= top:
        raise DataError(
            f'The box {x0:g} {y0:g} {x1:g} {y1:g} of the image query "{path}" lies outside of its '
            f"{width} x {height} pixels; get the image again.",
            path,
        )
    return picture.crop((left, top, right, bottom))
