"""From figures by query to means, intervals, slices and comparisons: what report.json holds."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

import c4t_core
from c4t_core.evaluation.chance import (
    expected_average_precision,
    expected_precision,
    expected_recall,
)
from c4t_core.evaluation.collection import Collection
from c4t_core.evaluation.groups import Slice
from c4t_core.evaluation.metrics import mean_intervals
from c4t_core.evaluation.queries import LabelledQuery
from c4t_core.evaluation.ranking import Measured
from c4t_core.files import sha256

FORMAT = 1
"""Of report.json; additions do not raise it."""

_SLICED = ("ap", "precision@10", "precision@25", "recall@100")

Floats = NDArray[np.float64]
_Names = Mapping[str, str]


def summarise(
    collection: Collection,
    queries: Sequence[LabelledQuery],
    measured: Mapping[str, Measured],
    parts: Sequence[Slice],
    chance: Sequence[Mapping[str, Any]],
    events: int,
    seed: int,
    resamples: int,
) -> dict[str, Any]:
    """Return the content of report.json as plain values; what is undefined is None.

    Means are over the queries with relevant images, each counting the same (macro averages).

    Args:
        collection: the images.
        queries: what was asked.
        measured: model name -> its figures.
        parts: the slices; ``Measured.slices`` is numbered in this order.
        chance: per query, what a random order would score.
        events: number of moments in the collection.
        seed: of the bootstrap.
        resamples: draws of the bootstrap.
    """
    answered = np.array([len(query.relevant) > 0 for query in queries], dtype=bool)

    def intervals(values: Floats) -> Floats:
        return mean_intervals(values, seed, resamples)

    def block(rows: NDArray[np.bool_]) -> dict[str, Any]:
        return {
            "queries": int(rows.sum()),
            "overall": {name: _means(one, rows, intervals) for name, one in measured.items()},
            "chance": _mean_chance([chance[i] for i in np.flatnonzero(rows).tolist()]),
        }

    kinds = list(dict.fromkeys(query.kind for query in queries))
    whole = block(answered)
    data: dict[str, Any] = {
        "format": FORMAT,
        "models": list(measured),
        "images": len(collection),
        "moments": events,
        "answered": int(answered.sum()),
        "overall": whole["overall"],
        "chance": whole["chance"],
        "kinds": {
            kind: block(answered & np.array([query.kind == kind for query in queries]))
            for kind in kinds
        },
        "slices": _slices(queries, measured, parts, answered, intervals),
        "comparisons": [
            _compare(a, b, measured[a], measured[b], answered, intervals)
            for a, b in combinations(measured, 2)
        ],
        "queries": [
            _one_query(place, query, collection, measured, chance[place])
            for place, query in enumerate(queries)
        ],
        "without_relevant": [query.text for query in queries if not len(query.relevant)],
    }
    return data


def _means(
    one: Measured, rows: NDArray[np.bool_], intervals: Callable[[Floats], Floats]
) -> dict[str, Any]:
    out = _nested(_mean_of(one.figures, rows), _OVERALL)
    out["intervals"] = _nested(_intervals_of(one.figures, rows, intervals), _OVERALL)
    over_events = {name: v for name, v in one.events.items() if name != "relevant"}
    out["events"] = _nested(_mean_of(over_events, rows), _OVERALL)
    out["events"]["intervals"] = _nested(_intervals_of(over_events, rows, intervals), _OVERALL)
    return out


_OVERALL: _Names = {"ap": "map", "rr": "mrr"}
_QUERY: _Names = {}


def _mean_of(figures: Mapping[str, Floats], rows: NDArray[np.bool_]) -> dict[str, Any]:
    return {
        name: _plain(values[rows].mean()) if rows.any() else None
        for name, values in figures.items()
    }


def _intervals_of(
    figures: Mapping[str, Floats],
    rows: NDArray[np.bool_],
    intervals: Callable[[Floats], Floats],
) -> dict[str, Any]:
    table = np.stack([values[rows] for values in figures.values()], axis=1)
    edges = intervals(table)
    return {
        name: None if math.isnan(low) else [float(low), float(high)]
        for name, (low, high) in zip(figures, edges, strict=True)
    }


def _nested(flat: Mapping[str, Any], names: _Names) -> dict[str, Any]:
    """Turn ``{"ap": x, "precision@10": y}`` into ``{"map": x, "precision": {"10": y}}``."""
    out: dict[str, Any] = {}
    for name, value in flat.items():
        figure, _, cutoff = name.partition("@")
        if cutoff:
            out.setdefault(figure, {})[cutoff] = value
        else:
            out[names.get(figure, figure)] = value
    return out


def _mean_chance(levels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if not levels:
        return {}
    out: dict[str, Any] = {}
    for name, value in levels[0].items():
        if isinstance(value, Mapping):
            out[name] = _mean_chance([level[name] for level in levels])
        else:
            out[_OVERALL.get(name, name)] = float(np.mean([level[name] for level in levels]))
    return out


def _slices(
    queries: Sequence[LabelledQuery],
    measured: Mapping[str, Measured],
    parts: Sequence[Slice],
    answered: NDArray[np.bool_],
    intervals: Callable[[Floats], Floats],
) -> list[dict[str, Any]]:
    """Return the slices of images, then those of queries by class."""
    out = []
    for number, part in enumerate(parts):
        some = {name: one.slices[number] for name, one in measured.items()}
        rows = ~np.isnan(next(iter(some.values()))["ap"])
        levels = [_part_chance(queries[i], part.inside) for i in np.flatnonzero(rows).tolist()]
        entry = _slice_entry(part.dimension, part.value, some, rows, levels, intervals)
        if entry:
            out.append({**entry, "images": int(part.inside.sum())})
    classes = dict.fromkeys(name for query in queries for name in query.classes)
    for name in sorted(classes):
        rows = answered & np.array([name in query.classes for query in queries])
        everything = {model: one.figures for model, one in measured.items()}
        levels = [
            _part_chance(queries[i], None, _size(measured)) for i in np.flatnonzero(rows).tolist()
        ]
        entry = _slice_entry("class", name, everything, rows, levels, intervals)
        if entry:
            out.append({**entry, "images": None})
    return out


def _size(measured: Mapping[str, Measured]) -> int:
    histograms = next(iter(measured.values())).histogram
    return max((int(both[0].sum()) for both in histograms), default=0)


def _part_chance(
    query: LabelledQuery, inside: NDArray[np.bool_] | None, images: int = 0
) -> dict[str, float]:
    """Return the expectation of each figure of :data:`_SLICED` for one query within a slice."""
    if inside is None:
        relevant = len(query.relevant)
        size = images if query.pool is None else len(query.pool)
    else:
        relevant = int(inside[query.relevant].sum())
        size = int(inside.sum()) if query.pool is None else int(inside[query.pool].sum())
    return {
        "ap": expected_average_precision(relevant, size),
        "precision@10": expected_precision(relevant, size, 10),
        "precision@25": expected_precision(relevant, size, 25),
        "recall@100": expected_recall(size, 100),
    }


def _slice_entry(
    dimension: str,
    value: str,
    figures: Mapping[str, Mapping[str, Floats]],
    rows: NDArray[np.bool_],
    levels: Sequence[Mapping[str, float]],
    intervals: Callable[[Floats], Floats],
) -> dict[str, Any] | None:
    if not rows.any():
        return None
    results = {}
    for name, table in figures.items():
        some = {figure: table[figure] for figure in _SLICED if figure in table}
        results[name] = _nested(_mean_of(some, rows), _OVERALL)
        results[name]["intervals"] = _nested(_intervals_of(some, rows, intervals), _OVERALL)
    shown = [figure for figure in _SLICED if figure in next(iter(figures.values()))]
    chance = {figure: float(np.mean([level[figure] for level in levels])) for figure in shown}
    return {
        "dimension": dimension,
        "value": value,
        "queries": int(rows.sum()),
        "results": results,
        "chance": _nested(chance, _OVERALL),
    }


def _compare(
    a: str,
    b: str,
    first: Measured,
    second: Measured,
    rows: NDArray[np.bool_],
    intervals: Callable[[Floats], Floats],
) -> dict[str, Any]:
    """Compare two models query by query; a difference above 0 speaks for ``a``."""
    difference = {name: first.figures[name] - second.figures[name] for name in first.figures}
    ap = difference["ap"][rows]
    return {
        "a": a,
        "b": b,
        "queries": int(rows.sum()),
        "difference": _nested(_mean_of(difference, rows), _OVERALL),
        "intervals": _nested(_intervals_of(difference, rows, intervals), _OVERALL),
        "better": {
            "a": int((ap > 1e-12).sum()),
            "b": int((ap < -1e-12).sum()),
            "equal": int((np.abs(ap) <= 1e-12).sum()),
        },
    }


def _one_query(
    place: int,
    query: LabelledQuery,
    collection: Collection,
    measured: Mapping[str, Measured],
    chance: Mapping[str, Any],
) -> dict[str, Any]:
    results = {}
    for name, one in measured.items():
        flat = {figure: _plain(values[place]) for figure, values in one.figures.items()}
        events = {figure: _plain(values[place]) for figure, values in one.events.items()}
        relevant_events = events.pop("relevant")
        results[name] = {
            **_nested(flat, _QUERY),
            "events": {"relevant": int(relevant_events or 0), **_nested(events, _QUERY)},
            "top": [collection.names[i] for i in one.top[place]],
            "scores": one.top_scores[place],
            "mean_score": one.mean_score[place],
        }
    return {
        "query": query.text,
        "kind": query.kind,
        "classes": list(query.classes),
        "relevant": len(query.relevant),
        "images": len(collection) if query.pool is None else len(query.pool),
        "chance": dict(chance),
        "results": results,
    }


def _plain(value: float | np.floating[Any]) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


_PACKAGES = ("numpy", "pillow", "onnxruntime", "tokenizers", "torch", "open_clip_torch")


def provenance_of(
    models: Mapping[str, str],
    collection: Collection,
    contents: Sequence[bytes | None],
    sources: Mapping[str, str],
    seed: int,
    resamples: int,
    cutoffs: Sequence[int],
) -> dict[str, Any]:
    """Return what another needs to get the same figures, as plain values.

    Args:
        models: name -> fingerprint.
        collection: the images that were searched.
        contents: SHA-256 of each.
        sources: name -> SHA-256 of the files read.
        seed: of the bootstrap.
        resamples: draws of the bootstrap.
        cutoffs: numbers of hits.
    """
    listed = b"".join(
        name.encode("utf-8", "surrogateescape") + b"\0" + (digest or b"") + b"\n"
        for name, digest in zip(collection.names, contents, strict=True)
    )
    return {
        "c4t": c4t_core.__version__,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES if _version(name)},
        "models": {name: {"fingerprint": print_} for name, print_ in models.items()},
        "images": {"number": len(collection), "sha256": sha256(listed)},
        "sources": dict(sources),
        "seed": seed,
        "resamples": resamples,
        "cutoffs": list(cutoffs),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
