"""Hits that are one event: one drive and camera, close in time, and alike.

How alike two frames of one situation are differs between models: of some, all pictures have a
cosine above .9, of others neighbours in time have .8. So a model is shown the drives that ship
with the application (:class:`AlikeLevel`).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from c4t_core.index.directions import ModelHandle, remembered
from c4t_core.index.query import Hit
from c4t_core.models.protocol import Embeddings, Model
from c4t_core.paths import resource

_MOST_SECONDS = 5.0  # between neighbouring hits of one event
_MOST_STEPS = 10  # frames between neighbouring hits, in usual steps of the drive

_RULE = 1  # of the level; a level kept by another rule is found again
_SAME = 0.1  # quantile of the cosines of neighbours in time, most of which are above it
_OTHER = 0.95  # quantile of the cosines of different drives, most of which are below it
_EQUAL = 1e-5  # 1 - cosine of equal vectors, at most: they are rounded
_BATCH = 16

Lane = tuple[str | None, str | None]
"""Drive and camera: frames of two lanes are never one event."""


@dataclass(frozen=True)
class Event:
    """One situation, seen in one or more hits.

    Attributes:
        best: the hit with the best score.
        hits: all of them, in time order.
    """

    best: Hit
    hits: tuple[Hit, ...]


def fold_events(
    hits: Iterable[Hit],
    vectors: Mapping[int, NDArray[np.float32]],
    alike: float,
    step: Callable[[Hit], float],
) -> list[Event]:
    """Fold hits into events, in the order of their best hits.

    Neighbours in time belong together if they are of one drive and camera, at most 5 seconds (or,
    without times, 10 usual steps between frame numbers) apart, and alike. A hit whose name tells
    neither time nor frame, and one without a vector, is an event of its own.

    Args:
        hits: any order.
        vectors: unit embeddings (d,) by image id; frames of one drive may be anything, and only
            these tell that two of them look alike.
        alike: cosine of neighbours that are alike, at least; see :class:`AlikeLevel`.
        step: tells the usual step between the frame numbers of a hit's drive and camera, see
            :func:`usual_step`; asked once for each of them where there are no times.
    """
    lanes: dict[Lane, list[Hit]] = {}
    events: list[Event] = []
    for hit in hits:
        if hit.drive is None or (_seconds(hit) is None and hit.frame is None):
            events.append(Event(hit, (hit,)))
        else:
            lanes.setdefault(lane_of(hit), []).append(hit)
    for lane in lanes.values():
        lane.sort(key=lambda hit: (_seconds(hit) or 0.0, hit.frame or 0, hit.relative))
        frames = _MOST_STEPS * step(lane[0]) if _by_frames(lane) else 0.0
        run = [lane[0]]
        for earlier, later in pairwise(lane):
            if not (_close(earlier, later, frames) and _alike(earlier, later, vectors, alike)):
                events.append(_event(run))
                run = []
            run.append(later)
        events.append(_event(run))
    return sorted(events, key=lambda event: event.best.rank)


def lane_of(hit: Hit) -> Lane:
    """Return what two hits of one event have in common."""
    return hit.drive, hit.camera


def usual_step(numbers: Iterable[int | None]) -> float:
    """Return the usual step between the frame numbers of a drive, 1 where it is not known.

    It is the median, and no more than three times the smallest: a drive of which every hundredth
    frame was taken out has few small steps, one with gaps has many.
    """
    known = sorted({number for number in numbers if number is not None})
    gaps = [later - earlier for earlier, later in pairwise(known)]
    return min(float(np.median(gaps)), float(min(gaps) * 3)) if gaps else 1.0


def _seconds(hit: Hit) -> float | None:
    return hit.time if hit.time is not None else hit.at


def _by_frames(lane: Sequence[Hit]) -> bool:
    """Tell whether some neighbours can only be told apart by their numbers."""
    times = [_seconds(hit) for hit in lane]
    return any(None in (one, other) or one == other for one, other in pairwise(times))


def _close(earlier: Hit, later: Hit, frames: float) -> bool:
    start, end = _seconds(earlier), _seconds(later)
    if start is not None and end is not None and start != end:
        return end - start <= _MOST_SECONDS
    if earlier.frame is not None and later.frame is not None:
        return later.frame - earlier.frame <= frames
    return start is not None and start == end


def _alike(
    earlier: Hit, later: Hit, vectors: Mapping[int, NDArray[np.float32]], least: float
) -> bool:
    one, other = vectors.get(earlier.image_id), vectors.get(later.image_id)
    return one is not None and other is not None and float(one @ other) >= least


def _event(run: Sequence[Hit]) -> Event:
    return Event(min(run, key=lambda hit: hit.rank), tuple(run))


class AlikeLevel:
    """Learns and remembers from which cosine on a model's frames show one situation.

    Args:
        model: embeds a few pictures, once for each fingerprint; the level is kept on disk.
    """

    def __init__(self, model: ModelHandle) -> None:
        """Compute nothing yet."""
        self._model = model
        self._lock = threading.Lock()
        self._level: float | None = None

    def get(self) -> float:
        """Return the level.

        Raises:
            ModelError, MissingExtraError: if it is not known yet and the model cannot be loaded.
        """
        with self._lock:
            if self._level is None:
                self._level = float(remembered(self._model, "alike", _RULE, _level_of)[0])
            return self._level


def alike_level(drives: Sequence[Embeddings]) -> float:
    """Return the cosine that parts neighbours in time from pictures of different drives.

    It lies between the lowest cosines of neighbours and the highest of others, half-way on a
    logarithmic scale of 1 - cosine: where a model's embeddings all lie in one narrow cone,
    distances shrink by a factor, and so does the level's.

    Args:
        drives: unit rows (n, d) of each drive, in time order; two drives of two frames at least.
    """
    same = [np.einsum("ij,ij->i", rows[:-1], rows[1:]) for rows in drives]
    others = [(one @ other.T).ravel() for one, other in combinations(drives, 2)]
    near = max(1 - float(np.quantile(np.concatenate(same), _SAME)), _EQUAL)
    far = max(1 - float(np.quantile(np.concatenate(others), _OTHER)), _EQUAL)
    return 1 - math.sqrt(near * far)


def _level_of(model: Model) -> NDArray[np.float32]:
    return np.array([alike_level(_shown_drives(model))], dtype=np.float32)


def _shown_drives(model: Model) -> list[Embeddings]:
    """Embed the frames of each drive that ships with the application."""
    from c4t_core.images.decode import open_image  # Pillow, once for a model

    folders = sorted(resource("sample", "drives").glob("*/camera/*"))
    files = [sorted(folder.glob("*.jpg")) for folder in folders]
    every = [file for some in files for file in some]
    rows = np.concatenate(
        [
            model.encode_images([open_image(file) for file in every[start : start + _BATCH]])
            for start in range(0, len(every), _BATCH)
        ]
    )
    return np.split(rows, np.cumsum([len(some) for some in files])[:-1])
