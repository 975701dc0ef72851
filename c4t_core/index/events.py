"""Hits that are one event: one drive, close in time, and alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from c4t_core.index.query import Hit

_MOST_SECONDS = 5.0  # between neighbouring hits of one event
_MOST_STEPS = 10  # frames between neighbouring hits, in usual steps of the drive
_ALIKE = 0.8  # cosine of neighbouring hits' embeddings, at least


@dataclass(frozen=True)
class Event:
    """One situation, seen in one or more hits.

    Attributes:
        best: the hit with the best score.
        hits: all of them, in time order.
    """

    best: Hit
    hits: tuple[Hit, ...]


def fold_events(hits: Iterable[Hit], vectors: Mapping[int, NDArray[np.float32]]) -> list[Event]:
    """Fold hits into events, in the order of their best hits.

    Neighbours in time belong together if they are of one drive and camera, at most 5 seconds (or,
    without times, 10 usual steps between frame numbers) apart, and, where ``vectors`` holds both,
    have a cosine of at least 0.8. A hit whose name tells neither time nor frame is an event of
    its own.

    Args:
        hits: any order.
        vectors: unit embeddings (d,) by image id; frames of one drive may be anything, and only
            these tell that two of them look alike.
    """
    lanes: dict[tuple[object, ...], list[Hit]] = {}
    events: list[Event] = []
    for hit in hits:
        if hit.drive is None or (hit.time is None and hit.frame is None):
            events.append(Event(hit, (hit,)))
        else:
            lanes.setdefault((hit.root, hit.drive, hit.camera), []).append(hit)
    for lane in lanes.values():
        lane.sort(key=lambda hit: (hit.time or 0.0, hit.frame or 0, hit.relative))
        frames = _MOST_STEPS * _usual_step(lane)
        run = [lane[0]]
        for earlier, later in pairwise(lane):
            if not (_close(earlier, later, frames) and _alike(earlier, later, vectors)):
                events.append(_event(run))
                run = []
            run.append(later)
        events.append(_event(run))
    return sorted(events, key=lambda event: event.best.rank)


def _usual_step(lane: Iterable[Hit]) -> float:
    gaps = [
        later.frame - earlier.frame
        for earlier, later in pairwise(lane)
        if earlier.frame is not None and later.frame is not None and later.frame > earlier.frame
    ]
    return min(float(median(gaps)), float(min(gaps) * 3)) if gaps else 1.0


def _close(earlier: Hit, later: Hit, frames: float) -> bool:
    if earlier.time is not None and later.time is not None and later.time != earlier.time:
        return later.time - earlier.time <= _MOST_SECONDS
    if earlier.frame is not None and later.frame is not None:
        return later.frame - earlier.frame <= frames
    return earlier.time is not None and earlier.time == later.time


def _alike(earlier: Hit, later: Hit, vectors: Mapping[int, NDArray[np.float32]]) -> bool:
    one, other = vectors.get(earlier.image_id), vectors.get(later.image_id)
    return one is None or other is None or float(one @ other) >= _ALIKE


def _event(run: Sequence[Hit]) -> Event:
    return Event(min(run, key=lambda hit: hit.rank), tuple(run))
