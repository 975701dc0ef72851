"""Frames that show one moment, counted once.

A camera takes thirty frames a second, and nearly the same frame ten times among the first ten
hits is one find, not ten. Near-identical frames inflate precision, so every figure is also
given over *events*: frames of one drive and camera that lie within a few seconds, or that the
data set itself marks as duplicates. Events do not depend on any model, so that models can be
compared by them. Within an event, relevant and other frames are counted apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from c4t_core.datasets.drives import parse_frame_name
from c4t_core.evaluation.collection import Collection

EVENT_SECONDS = 5.0
"""An event spans at most this long, where the names tell the time."""
EVENT_FRAMES = 50
"""... or this many frame numbers where they do not: 5 s at 10 Hz, under 2 s at 30 Hz."""


def moments(collection: Collection, groups: Mapping[str, str] | None = None) -> NDArray[np.int64]:
    """Return which moment each image belongs to, int64 (n,), numbered from 0.

    Args:
        collection: the images.
        groups: image id -> the data set's own group of duplicates, where it has them.
    """
    groups = groups or {}
    keys: list[object] = list(range(len(collection)))
    drives: dict[tuple[str, str], list[tuple[float, int]]] = defaultdict(list)
    spans: dict[tuple[str, str], float] = {}
    for place, name in enumerate(collection.names):
        if name in groups:
            keys[place] = ("group", groups[name])
            continue
        frame = parse_frame_name(name)
        drive = collection.drives[place] or frame.drive
        at = frame.time if frame.time is not None else frame.frame
        if drive is None or at is None:
            continue
        timed = frame.time is not None
        lane = (f"{drive}|{timed}", frame.camera or "")
        drives[lane].append((float(at), place))
        spans[lane] = EVENT_SECONDS if timed else EVENT_FRAMES
    for lane, frames in drives.items():
        start = None
        for at, place in sorted(frames):
            if start is None or at - start > spans[lane]:
                start = at
            keys[place] = (lane, start)
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
