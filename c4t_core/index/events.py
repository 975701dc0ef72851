"""Hits that are one event: one drive and camera, close in time, and alike.

How alike two frames of one situation are differs between models: of some, all pictures have a
cosine above .9, of others neighbours in time have .8. So a model is shown the drives that ship
with the application (:class:`AlikeLevel`).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.images.frame_names import natural_key
from c4t_core.index.directions import ModelHandle, remembered
from c4t_core.index.query import Hit
from c4t_core.index.scope import FrameFacts, sorted_by
from c4t_core.models.protocol import Embeddings, Model
from c4t_core.paths import resource
from c4t_core.records import dataclass

_MOST_SECONDS = 5.0  # between neighbouring hits of one event
_MOST_STEPS = 10  # frames between neighbouring hits, in usual steps of the drive

_RULE = 1  # of the level; a level kept by another rule is found again
_SAME = 0.1  # quantile of the cosines of neighbours in time, most of which are above it
_OTHER = 0.95  # quantile of the cosines of different drives, most of which are below it
_EQUAL = 1e-5  # 1 - cosine of equal vectors, at most: they are rounded
_BATCH = 16


@dataclass(frozen=True)
class Event:
    """One situation, seen in one or more hits.

    Attributes:
        best: the hit with the best score.
        hits: all of them, in time order.
    """

    best: Hit
    hits: tuple[Hit, ...]


@dataclass(frozen=True, eq=False)
class Folded:
    """Hits in events, by their positions in a ranking; events in the order of their best hits.

    Attributes:
        members: int64 (n,), positions of all hits, event by event, in time order in each.
        starts: int64 (m + 1,), where the members of each event begin, and where the last end.
        best: int64 (m,), position of the best hit of each event.
    """

    members: NDArray[np.int64]
    starts: NDArray[np.int64]
    best: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.best)

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many hits each event has, int64 (m,)."""
        return np.diff(self.starts)

    def of(self, event: int) -> NDArray[np.int64]:
        """Return the positions of the hits of an event, in time order."""
        return self.members[self.starts[event] : self.starts[event + 1]]


Cosines = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]
"""Tells the cosines (m,) of hits at some positions (m,) with those at others (m,), NaN for hits
without a vector."""


def fold_frames(
    facts: FrameFacts, cosines: Cosines, alike: float, step: Callable[[int], float]
) -> Folded:
    """Fold hits into events.

    Neighbours in time belong together if they are of one drive and camera, at most 5 seconds (or,
    without times, 10 usual steps between frame numbers) apart, and alike. A hit whose name tells
    neither time nor frame, and one without a vector, is an event of its own.

    Args:
        facts: of the hits, best first.
        cosines: of two of them; only these tell that frames of one drive look alike.
        alike: cosine of neighbours that are alike, at least; see :class:`AlikeLevel`.
        step: tells the usual step between the frame numbers of the drive and camera of the hit at
            a position, see :func:`usual_step`; asked for each of them where frame numbers decide.
    """
    seconds = np.where(np.isnan(facts.times), facts.moments, facts.times)
    placed = (facts.drives >= 0) & ~(np.isnan(seconds) & (facts.frames < 0))
    order = sorted_by(
        (~placed).astype(np.int64),
        facts.drives,
        facts.cameras,
        np.nan_to_num(seconds),
        np.maximum(facts.frames, 0),
        facts.places,
    )
    earlier, later = order[:-1], order[1:]
    joined = placed[later] & (facts.drives[earlier] == facts.drives[later])
    joined &= facts.cameras[earlier] == facts.cameras[later]
    joined &= _close(order, joined, seconds, facts.frames, step)
    pairs = np.flatnonzero(joined)
    joined[pairs] = cosines(earlier[pairs], later[pairs]) >= alike  # False for NaN
    starts = np.flatnonzero(np.concatenate([[True], ~joined])) if len(order) else order
    return _by_best(order, starts)


def _by_best(order: NDArray[np.int64], starts: NDArray[np.int64]) -> Folded:
    """Return runs of hits, which begin somewhere in an order, by the best of each."""
    if not len(order):
        return Folded(order, np.zeros(1, dtype=np.int64), order)
    best = np.minimum.reduceat(order, starts)
    events = np.argsort(best)
    counts = np.diff(starts, append=len(order))[events]
    ends = np.cumsum(counts)
    within = np.arange(len(order)) - np.repeat(ends - counts, counts)
    members = order[np.repeat(starts[events], counts) + within]
    return Folded(members, np.concatenate([[0], ends]), best[events])


def _close(
    order: NDArray[np.int64],
    one_lane: NDArray[np.bool_],
    seconds: NDArray[np.float64],
    frames: NDArray[np.int64],
    step: Callable[[int], float],
) -> NDArray[np.bool_]:
    """Tell which neighbours in an order (n,) of one lane are near in time, bool (n - 1,)."""
    start, end = seconds[order[:-1]], seconds[order[1:]]
    known = ~(np.isnan(start) | np.isnan(end))
    close = known & (end - start <= _MOST_SECONDS)
    first, last = frames[order[:-1]], frames[order[1:]]
    numbered = one_lane & ~(known & (start != end)) & (first >= 0) & (last >= 0)
    if numbered.any():
        begins = np.flatnonzero(np.concatenate([[True], ~one_lane]))
        pairs = np.flatnonzero(numbered)
        lanes, of = np.unique(np.searchsorted(begins, pairs, side="right") - 1, return_inverse=True)
        steps = np.array([step(int(order[begins[lane]])) for lane in lanes.tolist()])
        close[pairs] = last[pairs] - first[pairs] <= _MOST_STEPS * steps[of]
    return close


def fold_events(
    hits: Iterable[Hit],
    vectors: Mapping[int, NDArray[np.float32]],
    alike: float,
    step: Callable[[Hit], float],
) -> list[Event]:
    """Fold a few hits, in any order, as :func:`fold_frames` does; in the order of their best hits.

    Args:
        hits: any order.
        vectors: unit embeddings (d,) by image id.
        alike: as there.
        step: tells the usual step of a hit's drive and camera.
    """
    ranked = sorted(hits, key=lambda hit: hit.rank)

    def cosines(some: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.float32]:
        found = np.full(len(some), np.nan, dtype=np.float32)
        for pair, positions in enumerate(zip(some.tolist(), others.tolist(), strict=True)):
            one, other = (vectors.get(ranked[position].image_id) for position in positions)
            if one is not None and other is not None:
                found[pair] = one @ other
        return found

    folded = fold_frames(facts_of(ranked), cosines, alike, lambda position: step(ranked[position]))
    events = (folded.of(event).tolist() for event in range(len(folded)))
    return [
        Event(ranked[best], tuple(ranked[position] for position in members))
        for best, members in zip(folded.best.tolist(), events, strict=True)
    ]


def facts_of(hits: Sequence[Hit]) -> FrameFacts:
    """Return what hits are sorted and folded by."""
    seconds = [[np.nan if t is None else t for t in (hit.time, hit.at)] for hit in hits]
    times, moments = np.array(seconds, dtype=np.float64).reshape(-1, 2).T
    frames = [-1 if hit.frame is None else hit.frame for hit in hits]
    return FrameFacts(
        drives=_numbers([hit.drive for hit in hits], natural_key),
        cameras=_numbers([hit.camera for hit in hits], natural_key),
        times=times,
        moments=moments,
        frames=np.array(frames, dtype=np.int64),
        places=_numbers([hit.relative for hit in hits], str),
    )


def _numbers(names: Sequence[str | None], key: Callable[[str], Any]) -> NDArray[np.int64]:
    """Return numbers that sort as names do by a key, -1 for None."""
    every = sorted({name for name in names if name is not None}, key=key)
    known = {name: number for number, name in enumerate(every)}
    return np.array([-1 if name is None else known[name] for name in names], dtype=np.int64)


def usual_step(numbers: Iterable[int | None]) -> float:
    """Return the usual step between the frame numbers of a drive, 1 where it is not known.

    It is the median, and no more than three times the smallest: a drive of which every hundredth
    frame was taken out has few small steps, one with gaps has many.
    """
    known = sorted({number for number in numbers if number is not None})
    gaps = [later - earlier for earlier, later in pairwise(known)]
    return min(float(np.median(gaps)), float(min(gaps) * 3)) if gaps else 1.0


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
                self._level = self._model.alike
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
