"""One model on many queries: rank, score, and keep what the report shows.

Works in chunks of queries, so that 100,000 images and 200 queries stay below 2 GB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from c4t_core.evaluation import metrics
from c4t_core.evaluation.collection import fold
from c4t_core.evaluation.metrics import CUTOFFS, Floats
from c4t_core.evaluation.queries import LabelledQuery
from c4t_core.models.protocol import Embeddings
from c4t_core.progress import Progress, ignore
from c4t_core.records import dataclass

TOP = 50
"""Best hits kept for each query."""
LEVELS = tuple(level / 20 for level in range(21))
"""Recalls at which the P-R curve is drawn."""
BINS = np.linspace(-1.0, 1.0, 401)
"""Edges of the similarity histogram: steps of 0.005."""
CURVE_POINTS = 400
"""Points of the ranked-similarity scatter that are spread evenly over the ranks."""

CHUNK = 16  # queries ranked at once: 16 x 100,000 x (4 + 8 + 8) bytes
_OUTSIDE = -2.0  # below every cosine: what is not in a query's pool comes last


@dataclass
class Measured:
    """One model's figures and pictures, by query.

    Attributes:
        figures: name (``"ap"``, ``"precision@10"``, ...) -> float64 (q,), nan where undefined.
        events: the same over events instead of frames.
        slices: slice number -> figures over that slice's images.
        top: per query, positions of its best hits.
        top_scores: per query, their similarities, rounded as they were ranked.
        curve: float64 (q, levels), interpolated precision at each recall.
        histogram: per query, counts of similarities in :data:`BINS`, (2, bins): all in its
            pool, and the relevant ones.
        ranked: per query, float64 (3, points): rank, similarity, 1 if relevant.
        mean_score: float64 (q,), mean similarity over the pool.
    """

    figures: dict[str, Floats]
    events: dict[str, Floats]
    slices: dict[int, dict[str, Floats]]
    top: list[list[int]] = field(default_factory=list)
    top_scores: list[list[float]] = field(default_factory=list)
    curve: list[Floats] = field(default_factory=list)
    histogram: list[NDArray[np.int64]] = field(default_factory=list)
    ranked: list[Floats] = field(default_factory=list)
    mean_score: list[float] = field(default_factory=list)


def figures_of(
    gains: Floats, grades: Sequence[Floats], cutoffs: Sequence[int] = CUTOFFS
) -> dict[str, Floats]:
    """Return every figure of some queries.

    Args:
        gains: float64 (q, n) ranked worths.
        grades: per query, grades of all its relevant images.
        cutoffs: numbers of hits.
    """
    number = np.array([len(some) for some in grades], dtype=np.int64)
    out = {
        "ap": metrics.average_precision(gains, number),
        "rr": np.where(number > 0, metrics.reciprocal_rank(gains), np.nan),
        "r_precision": metrics.r_precision(gains, number),
    }
    for n in cutoffs:
        ideal = [metrics.ideal_dcg(some, n) for some in grades]
        out[f"precision@{n}"] = np.where(number > 0, metrics.precision_at(gains, n), np.nan)
        out[f"recall@{n}"] = metrics.recall_at(gains, number, n)
        out[f"ndcg@{n}"] = metrics.ndcg_at(gains, ideal, n)
    return out


def measure(
    images: Embeddings,
    texts: Embeddings,
    queries: Sequence[LabelledQuery],
    moment: NDArray[np.int64],
    slices: Mapping[int, NDArray[np.bool_]] | None = None,
    cutoffs: Sequence[int] = CUTOFFS,
    progress: Progress = ignore,
) -> Measured:
    """Rank all images for every query and score the ranking.

    Args:
        images: float32 (n, d) unit rows, in the order of the collection.
        texts: float32 (q, d) unit rows, one per query.
        queries: what is asked and what is relevant.
        moment: int64 (n,), see :func:`c4t_core.evaluation.collection.moments`.
        slices: slice number -> bool (n,), its images.
        cutoffs: numbers of hits.
        progress: told how many of the queries are done.
    """
    out = Measured({}, {}, {})
    chunks = []
    for start in range(0, len(queries), CHUNK):
        progress(start, len(queries))
        some = queries[start : start + CHUNK]
        scores = texts[start : start + CHUNK] @ images.T  # (chunk, n)
        chunks.append(_measure_chunk(out, scores, some, moment, slices or {}, cutoffs))
    progress(len(queries), len(queries))
    out.figures = _joined([figures for figures, _, _ in chunks], cutoffs)
    out.events = _joined([events for _, events, _ in chunks], cutoffs)
    for number in slices or {}:
        out.slices[number] = _joined([inside[number] for _, _, inside in chunks], cutoffs)
    return out


_Table = dict[str, Floats]  # name of a figure -> float64 (q,)


def _measure_chunk(
    out: Measured,
    scores: NDArray[np.float32],
    queries: Sequence[LabelledQuery],
    moment: NDArray[np.int64],
    slices: Mapping[int, NDArray[np.bool_]],
    cutoffs: Sequence[int],
) -> tuple[_Table, _Table, dict[int, _Table]]:
    """Return figures by query over frames, events and slices; keep what is drawn in ``out``."""
    worth = np.zeros(scores.shape)
    for row, query in enumerate(queries):
        worth[row, query.relevant] = query.grades
        if query.pool is not None:
            outside = np.ones(scores.shape[1], dtype=bool)
            outside[query.pool] = False
            scores[row, outside] = _OUTSIDE
    order = metrics.ranking(scores)
    gains = np.take_along_axis(worth, order, axis=1)
    grades = [query.grades for query in queries]
    by_slice = {}
    for number, inside in slices.items():
        kept = inside[order]
        part = gains[kept].reshape(len(queries), -1)
        there = [row[row > 0] for row in part]
        by_slice[number] = figures_of(part, there, cutoffs)
    relevant = [len(some) for some in grades]
    out.curve.extend(metrics.precision_recall(gains, relevant, LEVELS))
    for row, query in enumerate(queries):
        size = scores.shape[1] if query.pool is None else len(query.pool)
        _keep_pictures(out, scores[row], order[row, :size], gains[row, :size])
    events = _over_events(order, gains, moment, cutoffs)
    return figures_of(gains, grades, cutoffs), events, by_slice


def _keep_pictures(
    out: Measured, scores: NDArray[np.float32], order: NDArray[np.int64], gains: Floats
) -> None:
    """Keep one query's best hits, histogram and ranked similarities; ``order`` is its pool's."""
    values = np.round(scores[order].astype(np.float64), metrics.SCORE_DECIMALS)
    out.top.append(order[:TOP].tolist())
    out.top_scores.append([round(value, metrics.SCORE_DECIMALS) for value in values[:TOP].tolist()])
    inside = np.clip(values, -1.0, 1.0)
    both = (inside, inside[gains > 0])
    out.histogram.append(np.stack([np.histogram(some, BINS)[0] for some in both]))
    points = _shown_ranks(gains)
    out.ranked.append(np.stack([points + 1.0, values[points], (gains[points] > 0) * 1.0]))
    out.mean_score.append(float(values.mean()) if len(values) else 0.0)


def _shown_ranks(gains: Floats) -> NDArray[np.int64]:
    """Return which ranks, from 0, the scatter shows: evenly spread ones, the first, the relevant.

    Of few relevant images among many, an even spread would show none.
    """
    ranks = len(gains)
    if not ranks:
        return np.zeros(0, dtype=np.int64)
    found = np.flatnonzero(gains > 0)
    if len(found) > CURVE_POINTS:
        found = found[np.linspace(0, len(found) - 1, CURVE_POINTS).astype(np.int64)]
    spread = np.linspace(0, ranks - 1, CURVE_POINTS).astype(np.int64)
    return np.unique(np.concatenate([spread, np.arange(min(TOP, ranks)), found]))


def _over_events(
    order: NDArray[np.int64], gains: Floats, moment: NDArray[np.int64], cutoffs: Sequence[int]
) -> _Table:
    """Return the figures of the folded lists; grades play no part, so there is no nDCG."""
    rows = []
    for ranked, worth in zip(order, gains, strict=True):
        folded, number = fold(ranked, worth, moment)
        found = figures_of((folded > 0)[None].astype(np.float64), [np.ones(number)], cutoffs)
        rows.append({name: value for name, value in found.items() if not name.startswith("ndcg")})
        rows[-1]["relevant"] = np.array([float(number)])
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def _joined(tables: Sequence[_Table], cutoffs: Sequence[int]) -> _Table:
    names = tables[0] if tables else figures_of(np.zeros((0, 0)), [], cutoffs)
    return {name: np.concatenate([t[name] for t in tables] or [np.zeros(0)]) for name in names}
