"""The images that are searched, in one fixed order, and their embeddings, kept by content.

Which of them belong together, too: slices (weather, hour, drive, ...), and moments of a drive.
Near-identical frames of one moment are one event; figures are given over events too.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from c4t_core.datasets.facts import class_counts
from c4t_core.datasets.pairs import Pair
from c4t_core.datasets.scene import Scene
from c4t_core.files import atomic_file, sha256, write_whole
from c4t_core.images.frame_names import parse_frame_name
from c4t_core.images.lookup import Names
from c4t_core.images.scan import Skipped
from c4t_core.index.embed import embed_with_objects
from c4t_core.index.objects import VALUES
from c4t_core.models.protocol import Embeddings, Facts, Model, classes_of
from c4t_core.paths import cache_dir
from c4t_core.progress import Progress, ignore
from c4t_core.records import dataclass

_HASH = 32  # bytes of a SHA-256
_PORTION = 256  # images embedded at once: a cancelled evaluation loses no more than these
_SAVE_EVERY = 60.0  # seconds; each time the whole file is written


@dataclass(frozen=True)
class Collection:
    """Images by ascending id; queries speak of them by position in this order.

    Attributes:
        names: the ids, ``/``-separated paths relative to the root, ascending.
        paths: the files, in the same order.
        captions: every caption of each image.
        drives: the recording of each image, None where it is not known.
    """

    names: tuple[str, ...]
    paths: tuple[Path, ...]
    captions: tuple[tuple[str, ...], ...]
    drives: tuple[str | None, ...]
    positions: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "positions", {name: index for index, name in enumerate(self.names)}
        )

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def _spelled(self) -> Names:
        first = (str(self.paths[0]), self.names[0]) if self.names else ("", "")
        root = first[0].removesuffix(first[1].replace("/", os.sep))
        return Names(self.names, root or None)

    def find(self, name: str) -> int | None:
        """Return the position of the image that a name means, in whatever spelling.

        None where no image fits, or several.
        """
        index = self.positions.get(name)
        if index is not None:
            return index
        found = self._spelled.find(name)
        return None if found is None else self.positions[found]

    def knows(self, name: str) -> bool:
        """Tell whether a name means one of the images."""
        return self.find(name) is not None

    def subset(self, indices: Sequence[int]) -> Collection:
        """Return only the images at these positions, in ascending order."""
        kept = sorted(indices)
        return Collection(
            names=tuple(self.names[i] for i in kept),
            paths=tuple(self.paths[i] for i in kept),
            captions=tuple(self.captions[i] for i in kept),
            drives=tuple(self.drives[i] for i in kept),
        )


def from_pairs(pairs: Iterable[Pair]) -> Collection:
    """Gather pairs, of which an image may have several, into images.

    Captions keep the order of the pairs; a caption that an image has twice counts once.
    """
    found: dict[str, tuple[Path, dict[str, None], str | None]] = {}
    for pair in pairs:
        path, captions, drive = found.setdefault(pair.relative, (pair.image, {}, pair.drive))
        captions[pair.caption] = None
        if drive is None and pair.drive is not None:
            found[pair.relative] = (path, captions, pair.drive)
    names = sorted(found)
    return Collection(
        names=tuple(names),
        paths=tuple(found[name][0] for name in names),
        captions=tuple(tuple(found[name][1]) for name in names),
        drives=tuple(found[name][2] for name in names),
    )


def cache_folder() -> Path:
    """Return the folder of both caches, made if needed."""
    folder = cache_dir() / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def content_hashes(paths: Sequence[Path]) -> list[bytes | None]:
    """Return the SHA-256 of each file, None where it cannot be read.

    Files whose size and time of change are as they were are not read again.
    """
    memo_file = cache_folder() / "contents.json"
    memo = _read_memo(memo_file)
    fresh: dict[str, tuple[int, int, str]] = {}
    out: list[bytes | None] = []
    for path in paths:
        key = os.path.abspath(path)
        try:
            facts = path.stat()
            size, changed = facts.st_size, facts.st_mtime_ns
            known = memo.get(key)
            if known is not None and tuple(known[:2]) == (size, changed):
                digest = known[2]
            else:
                digest = sha256(path)
                fresh[key] = (size, changed, digest)
        except OSError:
            out.append(None)
            continue
        out.append(bytes.fromhex(digest))
    if fresh:
        write_whole(memo_file, json.dumps({**memo, **fresh}))
    return out


def embed_collection(
    collection: Collection,
    contents: Sequence[bytes | None],
    model: Model,
    progress: Progress = ignore,
) -> tuple[Embeddings, Facts, NDArray[np.bool_], list[Skipped]]:
    """Embed every image of the collection that is not in the cache.

    What is embedded is kept also when ``progress`` raises :class:`Cancelled` later on, in
    portions; so a cancelled evaluation goes on where it stopped.

    Args:
        collection: the images.
        contents: their SHA-256 as of :func:`content_hashes`.
        model: the encoder.
        progress: told how many of the images are done.

    Returns:
        float32 (n, d) unit rows, zero where there is no embedding; facts on objects, float32
        (n, c, 6), below zero where the model gives no usable ones; bool (n,), True where there
        is an embedding; and what was left out, by its id.
    """
    seen = (len(classes_of(model)), VALUES)
    width = model.dim + seen[0] * seen[1]  # facts are kept behind the row of their image
    store = _Store(cache_folder() / f"{model.fingerprint[:40]}.npz", width)
    rows = np.zeros((len(collection), width), dtype=np.float32)
    there = store.fill(contents, rows)
    missing = [index for index in range(len(collection)) if not there[index]]
    unreadable: list[Skipped] = []
    done = len(collection) - len(missing)
    progress(done, len(collection))
    try:
        for start in range(0, len(missing), _PORTION):
            indices = missing[start : start + _PORTION]
            before = done + start

            def tell(now: int, _total: int, /, before: int = before) -> None:
                progress(before + now, len(collection))

            embedded, facts, kept, skipped = embed_with_objects(
                [collection.paths[i] for i in indices], model, progress=tell
            )
            behind = np.nan_to_num(facts, nan=-1.0).reshape(len(facts), width - model.dim)
            good = np.concatenate([embedded, behind], axis=1)
            where = [indices[i] for i in kept]
            rows[where] = good
            there[where] = True
            ids = {collection.paths[i]: Path(collection.names[i]) for i in indices}
            unreadable += [Skipped(ids[file.path], file.reason) for file in skipped]
            store.add([contents[i] for i in where], good)
    finally:
        store.save()
    facts = rows[:, model.dim :].reshape(len(rows), *seen)
    return rows[:, : model.dim], facts, there, unreadable


class _Store:
    """Embeddings of one model by content, in one file that is replaced as a whole."""

    def __init__(self, file: Path, dim: int) -> None:
        self._file = file
        self._saved = time.monotonic()
        self._new: list[tuple[NDArray[np.uint8], Embeddings]] = []
        self._hashes = np.zeros((0, _HASH), dtype=np.uint8)
        self._rows = np.zeros((0, dim), dtype=np.float32)
        try:
            with file.open("rb") as stream, np.load(stream, allow_pickle=False) as data:
                hashes, rows = data["hashes"], data["embeddings"]
        except Exception:  # noqa: BLE001 - what a damaged archive raises shares no other base
            return  # none yet, or broken: it is made again
        fits = hashes.shape == (len(rows), _HASH) and rows.shape[1:] == (dim,)
        if fits and rows.dtype == np.float32 and bool(np.isfinite(rows).all()):
            self._hashes, self._rows = hashes, rows

    def fill(self, contents: Sequence[bytes | None], out: Embeddings) -> NDArray[np.bool_]:
        row_of = {digest.tobytes(): index for index, digest in enumerate(self._hashes)}
        found = [-1 if key is None else row_of.get(key, -1) for key in contents]
        indices = np.array(found, dtype=np.int64)
        there = indices >= 0
        out[there] = self._rows[indices[there]]
        return np.asarray(there)

    def add(self, contents: Sequence[bytes | None], rows: Embeddings) -> None:
        """Take in rows; they are saved now and then, and by :meth:`save`."""
        kept = [index for index, key in enumerate(contents) if key is not None]
        if not kept:
            return
        keys = b"".join(contents[index] or b"" for index in kept)
        hashes = np.frombuffer(keys, dtype=np.uint8).reshape(-1, _HASH)
        self._new.append((hashes, rows[kept]))
        if time.monotonic() - self._saved >= _SAVE_EVERY:
            self.save()

    def save(self) -> None:
        """Write what was added since the last time."""
        if not self._new:
            return
        self._hashes = np.concatenate([self._hashes, *(hashes for hashes, _ in self._new)])
        self._rows = np.concatenate([self._rows, *(rows for _, rows in self._new)])
        self._new.clear()
        with atomic_file(self._file) as out:
            np.savez(out, hashes=self._hashes, embeddings=self._rows)
        self._saved = time.monotonic()


def _read_memo(file: Path) -> dict[str, tuple[int, int, str]]:
    try:
        data = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(data, dict):
        return {}
    return {key: tuple(value) for key, value in data.items() if _is_memo(value)}


def _is_memo(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and isinstance(value[2], str)
        and len(value[2]) == 2 * _HASH
    )


ASKED = {
    "weather": "weather asked for",
    "time": "time of day asked for",
    "road": "road asked for",
    "place": "place asked for",
}
"""Kinds of queries that ask for no class -> the dimension of slices of such queries."""
LEAST_IMAGES = 20
"""A slice with fewer images says nothing."""
MOST_VALUES = 12
"""Of each dimension the largest slices are taken; a data set may have hundreds of drives."""
EVENT_SECONDS = 5.0
"""An event spans at most this long, where the names tell the time."""
EVENT_FRAMES = 50
"""... or this many frame numbers where they do not: 5 s at 10 Hz, under 2 s at 30 Hz."""


@dataclass(frozen=True, eq=False)
class Slice:
    """Images that have one thing in common.

    Attributes:
        dimension: such as ``"weather"``.
        value: such as ``"fog"``.
        inside: bool (n,), its images.
    """

    dimension: str
    value: str
    inside: NDArray[np.bool_]


def image_slices(collection: Collection, scenes: Mapping[str, Scene]) -> list[Slice]:
    """Return the slices by weather, time of day, road, place, number of objects and drive.

    A dimension with only one value, or a slice of all images, tells nothing and is left out.
    """
    readers: dict[str, Callable[[Scene], str | None]] = {
        "weather": lambda scene: scene.weather,
        "time of day": lambda scene: scene.time_of_day,
        "road": lambda scene: scene.road,
        "place": lambda scene: scene.place,
        "objects": _object_count,
    }
    found: dict[str, dict[str, list[int]]] = {name: defaultdict(list) for name in readers}
    found["drive"] = defaultdict(list)
    for index, name in enumerate(collection.names):
        scene = scenes.get(name)
        drive = collection.drives[index] or (scene.drive if scene else None)
        if drive:
            found["drive"][drive].append(index)
        if scene is None:
            continue
        for dimension, read in readers.items():
            value = read(scene)
            if value:
                found[dimension][value].append(index)
    out = []
    for dimension, values in found.items():
        large = {v: indices for v, indices in values.items() if len(indices) >= LEAST_IMAGES}
        if len(values) < 2:
            continue
        chosen = sorted(large, key=lambda v: (-len(large[v]), v))[:MOST_VALUES]
        for value in sorted(chosen):
            inside = np.zeros(len(collection), dtype=bool)
            inside[large[value]] = True
            out.append(Slice(dimension, value, inside))
    return out


def _object_count(scene: Scene) -> str | None:
    counts = class_counts(scene)
    if not counts:
        return None
    total = sum(counts.values())
    for most, name in ((0, "none"), (3, "1 to 3"), (8, "4 to 8"), (15, "9 to 15")):
        if total <= most:
            return name
    return "16 and more"


def moments(collection: Collection, groups: Mapping[str, str] | None = None) -> NDArray[np.int64]:
    """Return which moment each image belongs to, int64 (n,), numbered from 0.

    These are not the events that hits are folded into (:mod:`c4t_core.index.events`): those ask
    the model which frames are alike, and models are compared here, which needs one unit for all.
    Without vectors a chain of close frames would be a whole drive, so a moment has a fixed span.

    Args:
        collection: the images.
        groups: image id -> the data set's own group of duplicates, where it has them.
    """
    groups = groups or {}
    keys: list[object] = list(range(len(collection)))
    drives: dict[tuple[str, str], list[tuple[float, int]]] = defaultdict(list)
    spans: dict[tuple[str, str], float] = {}
    for index, name in enumerate(collection.names):
        if name in groups:
            keys[index] = ("group", groups[name])
            continue
        frame = parse_frame_name(name)
        drive = collection.drives[index] or frame.drive
        instant = frame.time if frame.time is not None else frame.frame
        if drive is None or instant is None:
            continue
        timed = frame.time is not None
        lane = (f"{drive}|{timed}", frame.camera or "")
        drives[lane].append((float(instant), index))
        spans[lane] = EVENT_SECONDS if timed else EVENT_FRAMES
    for lane, frames in drives.items():
        start = None
        for instant, index in sorted(frames):
            if start is None or instant - start > spans[lane]:
                start = instant
            keys[index] = (lane, start)
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def fold(
    order: NDArray[np.int64], gains: NDArray[np.float64], moment: NDArray[np.int64]
) -> tuple[NDArray[np.float64], int]:
    """Keep the first hit of each event of one ranked list.

    Args:
        order: int64 (n,), all images from best to worst.
        gains: float64 (n,), worth of each hit, in that order.
        moment: int64 (n,), moment of each image, by position in the collection.

    Returns:
        the gains of the events in order of their first hits, float64 (events,), and how many
        of the events are relevant.
    """
    event = moment[order] * 2 + (gains > 0)
    ranks = np.arange(len(order))
    first = np.zeros(2 * (int(moment.max(initial=0)) + 1), dtype=np.int64)
    first[event[::-1]] = ranks[::-1]  # of equal targets the last written stays: the best rank
    folded = gains[first[event] == ranks]
    return folded, int((folded > 0).sum())
