"""Slow, plain metrics to hold the fast ones against: one query, loops, no numpy.

``ranked`` is a list of ids, best first; ``grades`` maps each relevant id to its grade.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from c4t_core.index.query import Hit

Vectors = Mapping[int, NDArray[np.float32]]


def rank(scores: Mapping[str, float]) -> list[str]:
    return sorted(scores, key=lambda name: (-round(scores[name], 6), name))


def precision(ranked: Sequence[str], grades: Mapping[str, float], n: int) -> float:
    return sum(1 for name in ranked[:n] if name in grades) / n


def recall(ranked: Sequence[str], grades: Mapping[str, float], n: int) -> float:
    return sum(1 for name in ranked[:n] if name in grades) / len(grades)


def average_precision(ranked: Sequence[str], grades: Mapping[str, float]) -> float:
    total = 0.0
    for position, name in enumerate(ranked, 1):
        if name in grades:
            total += precision(ranked, grades, position)
    return total / len(grades)


def reciprocal_rank(ranked: Sequence[str], grades: Mapping[str, float]) -> float:
    for position, name in enumerate(ranked, 1):
        if name in grades:
            return 1 / position
    return 0.0


def dcg(values: Sequence[float]) -> float:
    return sum(value / math.log2(position + 1) for position, value in enumerate(values, 1))


def ndcg(ranked: Sequence[str], grades: Mapping[str, float], n: int) -> float:
    best = sorted(grades.values(), reverse=True)[:n]
    return dcg([grades.get(name, 0) for name in ranked[:n]]) / dcg(best)


def r_precision(ranked: Sequence[str], grades: Mapping[str, float]) -> float:
    return precision(ranked, grades, len(grades))


def interpolated_precision(
    ranked: Sequence[str], grades: Mapping[str, float], level: float
) -> float:
    best = 0.0
    for position in range(1, len(ranked) + 1):
        if recall(ranked, grades, position) >= level - 1e-12:
            best = max(best, precision(ranked, grades, position))
    return best


def mean_over_orders(
    figure: Callable[[Sequence[str], Mapping[str, float]], float], images: int, relevant: int
) -> float:
    """The mean of ``figure(ranked, grades)`` over every order: chance by brute force."""
    names = [f"i{number}" for number in range(images)]
    grades = dict.fromkeys(names[:relevant], 1.0)
    values = [Fraction(figure(order, grades)) for order in itertools.permutations(names)]
    return float(sum(values) / len(values))


def first_of_each(ranked: Sequence[str], event_of: Mapping[str, object]) -> list[str]:
    """The list with only the first hit of every event."""
    seen: set[object] = set()
    out = []
    for name in ranked:
        if event_of[name] not in seen:
            seen.add(event_of[name])
            out.append(name)
    return out


def counted(name: str | None) -> list[tuple[bool, int, str]]:
    """Sort a name as people count: its numbers by what they are worth."""
    return [
        (not piece.isdigit(), int(piece) if piece.isdigit() else 0, piece.casefold())
        for piece in re.findall("[0-9]+|[^0-9]", name or "")
    ]


def time_key(hit: Hit) -> tuple[object, ...]:
    """Sort by time; hits without one last."""
    known = hit.time is not None
    frame = -1 if hit.frame is None else hit.frame
    return not known, hit.time if known else 0.0, counted(hit.drive), frame, hit.rank


def drive_key(hit: Hit) -> tuple[object, ...]:
    """Sort by drive, time and frame number; hits of no drive, and those without a time, last."""
    frame = -1 if hit.frame is None else hit.frame
    known = hit.time is not None
    return (
        hit.drive is None,
        counted(hit.drive),
        not known,
        hit.time if known else 0.0,
        frame,
        hit.rank,
    )


def events_by_definition(
    hits: Sequence[Hit], vectors: Vectors, alike: float, step: float
) -> list[set[int]]:
    """Sets of ranks: hits that follow each other in a drive and camera, near in time and alike.

    ``step`` is the usual step of every drive.
    """
    events = [{hit.rank} for hit in hits]
    for one in hits:
        later = [
            other
            for other in hits
            if (other.drive, other.camera) == (one.drive, one.camera)
            and _moment(other) > _moment(one)
            and not _nameless(other)
        ]
        if later and not _nameless(one):
            follower = min(later, key=_moment)
            if _near(one, follower, step) and _look_alike(one, follower, vectors, alike):
                (first,) = [event for event in events if one.rank in event]
                (second,) = [event for event in events if follower.rank in event]
                if first is not second:
                    events.remove(second)
                    first |= second
    return events


def _nameless(hit: Hit) -> bool:
    return hit.drive is None or (hit.time is None and hit.frame is None)


def _moment(hit: Hit) -> tuple[float, int, str]:
    return (
        0.0 if hit.time is None else hit.time,
        0 if hit.frame is None else hit.frame,
        hit.relative,
    )


def _near(one: Hit, follower: Hit, step: float) -> bool:
    if one.time is not None and follower.time is not None and one.time != follower.time:
        return abs(follower.time - one.time) <= 5
    if one.frame is not None and follower.frame is not None:
        return follower.frame - one.frame <= 10 * step
    return one.time is not None and one.time == follower.time


def _look_alike(one: Hit, follower: Hit, vectors: Vectors, alike: float) -> bool:
    if one.image_id not in vectors or follower.image_id not in vectors:
        return False
    return float(vectors[one.image_id] @ vectors[follower.image_id]) >= alike
