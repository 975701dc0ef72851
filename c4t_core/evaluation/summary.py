"""What an evaluation found: means, intervals, slices and comparisons out of figures by query.

:class:`Report` is what the files, the page and the window show; ``Report.to_json`` is the
content of ``report.json``. Everywhere in it a figure is found by the name of its metric:
``"ap"``, ``"rr"``, ``"r_precision"``, ``"precision@10"``, ``"recall@10"``, ``"ndcg@10"``, ...
Means are over the queries with relevant images, each counting the same (macro averages), so
the mean of ``"ap"`` is mAP and that of ``"rr"`` is MRR.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.evaluation.chance import (
    chance_level,
    event_chance,
    expected_average_precision,
    expected_precision,
    expected_recall,
)
from c4t_core.evaluation.collection import Collection
from c4t_core.evaluation.groups import ASKED, Slice
from c4t_core.evaluation.metrics import CUTOFFS, RESAMPLES, Floats, mean_intervals
from c4t_core.evaluation.queries import LabelledQuery
from c4t_core.evaluation.ranking import Measured
from c4t_core.evaluation.scene_queries import ObjectFigures
from c4t_core.images.scan import Skipped

FORMAT = 1
"""Of report.json; additions do not raise it."""

Values = Mapping[str, float | None]
"""Metric -> value, None where it is undefined."""
Interval = tuple[float, float]
"""Low and high end of what holds the mean for other queries like these, with 95 %."""
Json = dict[str, object]

AS_MEAN = {"ap": "map", "rr": "mrr"}
"""What the mean of a metric is called in files, where that is another name."""

_SLICED = ("ap", "precision@10", "precision@25", "recall@100")


@dataclass(frozen=True)
class Options:
    """What an evaluation can be told.

    Attributes:
        cutoffs: numbers of hits at which precision, recall and nDCG are given, at least one.
        seed: of the bootstrap.
        resamples: draws of the bootstrap.
    """

    cutoffs: tuple[int, ...] = CUTOFFS
    seed: int = 0
    resamples: int = RESAMPLES


@dataclass(frozen=True)
class Means:
    """Means over queries.

    Attributes:
        values: by metric; None without queries.
        intervals: of each, by metric; None for fewer than two queries.
    """

    values: Values
    intervals: Mapping[str, Interval | None]

    def to_json(self) -> Json:
        """Return plain values."""
        return {**_nested(self.values, mean=True), "intervals": _nested(self.intervals, mean=True)}


@dataclass(frozen=True)
class ModelMeans:
    """One model's means, over frames and over events (near-identical frames counted once)."""

    frames: Means
    events: Means

    def to_json(self) -> Json:
        """Return plain values."""
        return {**self.frames.to_json(), "events": self.events.to_json()}


@dataclass(frozen=True)
class Chance:
    """What a random order of frames, and of events, is expected to score, by metric."""

    frames: Mapping[str, float]
    events: Mapping[str, float]

    def to_json(self, *, mean: bool = False) -> Json:
        """Return plain values, empty without any."""
        if not self.frames:
            return {}
        return {**_nested(self.frames, mean=mean), "events": _nested(self.events, mean=mean)}


@dataclass(frozen=True)
class Group:
    """Queries that are looked at together: all, or those of one kind.

    Attributes:
        queries: how many have relevant images.
        models: name -> means over these.
        chance: mean of what a random order scores; empty without such queries.
    """

    queries: int
    models: Mapping[str, ModelMeans]
    chance: Chance

    def to_json(self) -> Json:
        """Return plain values."""
        return {
            "queries": self.queries,
            "overall": {name: means.to_json() for name, means in self.models.items()},
            "chance": self.chance.to_json(mean=True),
        }


@dataclass(frozen=True)
class SliceMeans:
    """All queries on a slice of the images, or the queries that ask for a class on all images.

    Attributes:
        dimension: such as ``"weather"``; ``"class"`` or one of :data:`.groups.ASKED` for a slice
            of the queries.
        value: such as ``"fog"``.
        images: in the slice; None for a slice of the queries.
        queries: that have relevant images there.
        models: name -> means.
        chance: mean of what a random order scores, by metric.
    """

    dimension: str
    value: str
    images: int | None
    queries: int
    models: Mapping[str, Means]
    chance: Mapping[str, float]

    def to_json(self) -> Json:
        """Return plain values."""
        return {
            "dimension": self.dimension,
            "value": self.value,
            "queries": self.queries,
            "results": {name: means.to_json() for name, means in self.models.items()},
            "chance": _nested(self.chance, mean=True),
            "images": self.images,
        }


@dataclass(frozen=True)
class Comparison:
    """Two models compared query by query.

    Attributes:
        a: name of the one.
        b: name of the other.
        queries: that both answered.
        difference: mean of the figures of ``a`` less those of ``b``.
        better_a: queries on which ``a`` has the higher average precision.
        better_b: those on which ``b`` has.
    """

    a: str
    b: str
    queries: int
    difference: Means
    better_a: int
    better_b: int

    @property
    def equal(self) -> int:
        """Number of queries with the same average precision."""
        return self.queries - self.better_a - self.better_b

    def to_json(self) -> Json:
        """Return plain values."""
        return {
            "a": self.a,
            "b": self.b,
            "queries": self.queries,
            "difference": _nested(self.difference.values, mean=True),
            "intervals": _nested(self.difference.intervals, mean=True),
            "better": {"a": self.better_a, "b": self.better_b, "equal": self.equal},
        }


@dataclass(frozen=True)
class QueryResult:
    """What one model found for one query.

    Attributes:
        values: by metric.
        events: the same over events.
        relevant_events: how many events are relevant.
        top: ids of the best hits.
        scores: their similarities.
        mean_score: mean similarity of all images that were ranked.
    """

    values: Values
    events: Values
    relevant_events: int
    top: tuple[str, ...]
    scores: tuple[float, ...]
    mean_score: float

    def to_json(self) -> Json:
        """Return plain values."""
        return {
            **_nested(self.values),
            "events": {"relevant": self.relevant_events, **_nested(self.events)},
            "top": list(self.top),
            "scores": list(self.scores),
            "mean_score": self.mean_score,
        }


@dataclass(frozen=True)
class QueryFigures:
    """One query with what each model found.

    Attributes:
        query: what was asked.
        images: how many were ranked.
        chance: what a random order scores.
        results: model name -> what it found.
    """

    query: LabelledQuery
    images: int
    chance: Chance
    results: Mapping[str, QueryResult]

    def to_json(self) -> Json:
        """Return plain values."""
        return {
            "query": self.query.text,
            "kind": self.query.kind,
            "classes": list(self.query.classes),
            "relevant": len(self.query.relevant),
            "images": self.images,
            "chance": self.chance.to_json(),
            "results": {name: result.to_json() for name, result in self.results.items()},
        }


@dataclass(frozen=True)
class Missing:
    """A model that could not be evaluated, and why."""

    model: str
    reason: str


@dataclass(frozen=True)
class Provenance:
    """What another needs to get the same figures.

    Attributes:
        c4t: version of C4T.
        python: version of Python.
        packages: name -> version.
        models: name -> fingerprint.
        images: number of images.
        sha256: of names and contents of all images, hex; of SearchAD's, which its annotations
            name, of the names alone.
        sources: name -> SHA-256 of the files read.
        options: what the evaluation was told.
    """

    c4t: str
    python: str
    packages: Mapping[str, str]
    models: Mapping[str, str]
    images: int
    sha256: str
    sources: Mapping[str, str]
    options: Options

    def to_json(self) -> Json:
        """Return plain values."""
        return {
            "c4t": self.c4t,
            "python": self.python,
            "packages": dict(self.packages),
            "models": {name: {"fingerprint": print_} for name, print_ in self.models.items()},
            "images": {"number": self.images, "sha256": self.sha256},
            "sources": dict(self.sources),
            "seed": self.options.seed,
            "resamples": self.options.resamples,
            "cutoffs": list(self.options.cutoffs),
        }


@dataclass(frozen=True)
class Report:
    """What came out of an evaluation.

    Attributes:
        collection: the images that were searched.
        moments: number of moments among them, see :mod:`c4t_core.evaluation.groups`.
        measured: model name -> figures and best hits by query, as arrays.
        overall: all queries.
        kinds: kind of query -> its queries.
        slices: parts of the images, then of the queries by class.
        comparisons: each model with each later one.
        queries: what was asked and found.
        missing: models that could not be evaluated.
        skipped: images that could not be read, by their ids.
        problems: sentences about the input.
        provenance: what the figures come from.
        objects: model name -> how right its facts on objects are, of models that see any.
    """

    collection: Collection
    moments: int
    measured: Mapping[str, Measured]
    overall: Group
    kinds: Mapping[str, Group]
    slices: tuple[SliceMeans, ...]
    comparisons: tuple[Comparison, ...]
    queries: tuple[QueryFigures, ...]
    missing: tuple[Missing, ...]
    skipped: tuple[Skipped, ...]
    problems: tuple[str, ...]
    provenance: Provenance
    objects: Mapping[str, tuple[ObjectFigures, ...]] = field(default_factory=dict)

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, in the order in which they were asked for."""
        return tuple(self.overall.models)

    @property
    def cutoffs(self) -> tuple[int, ...]:
        """Numbers of hits to show figures at: fewer than there are images, one at least."""
        every = self.provenance.options.cutoffs
        return tuple(n for n in every if n < len(self.collection)) or every[:1]

    @property
    def answered(self) -> list[int]:
        """Indices of the queries that have relevant images: those that count."""
        return [i for i, found in enumerate(self.queries) if len(found.query.relevant)]

    @property
    def without_relevant(self) -> list[str]:
        """The other queries."""
        return [found.query.text for found in self.queries if not len(found.query.relevant)]

    def to_json(self) -> Json:
        """Return the content of ``report.json`` as plain values; what is undefined is None."""
        overall = self.overall.to_json()
        return {
            "format": FORMAT,
            "models": list(self.models),
            "images": len(self.collection),
            "moments": self.moments,
            "answered": self.overall.queries,
            "overall": overall["overall"],
            "chance": overall["chance"],
            "kinds": {kind: group.to_json() for kind, group in self.kinds.items()},
            "slices": [part.to_json() for part in self.slices],
            "comparisons": [pair.to_json() for pair in self.comparisons],
            "queries": [found.to_json() for found in self.queries],
            "without_relevant": self.without_relevant,
            "missing": [asdict(item) for item in self.missing],
            "skipped": [
                {"path": item.path.as_posix(), "reason": item.reason} for item in self.skipped
            ],
            "problems": list(self.problems),
            "objects": {name: [asdict(f) for f in found] for name, found in self.objects.items()},
            "provenance": self.provenance.to_json(),
        }


def _nested(values: Mapping[str, float | Interval | None], *, mean: bool = False) -> Json:
    """Turn ``{"ap": x, "precision@10": y}`` into ``{"map": x, "precision": {"10": y}}``."""
    out: dict[str, Any] = {}
    for name, value in values.items():
        metric, _, cutoff = name.partition("@")
        plain = list(value) if isinstance(value, tuple) else value
        if cutoff:
            out.setdefault(metric, {})[cutoff] = plain
        else:
            out[AS_MEAN.get(metric, metric) if mean else metric] = plain
    return out


# from figures by query to the report -------------------------------------------------------

_Rows = NDArray[np.bool_]
_Intervals = Callable[[Floats], Floats]


def summarise(
    collection: Collection,
    queries: Sequence[LabelledQuery],
    measured: Mapping[str, Measured],
    slices: Sequence[Slice],
    moment: NDArray[np.int64],
    provenance: Provenance,
    missing: Iterable[Missing] = (),
    skipped: Iterable[Skipped] = (),
    problems: Iterable[str] = (),
) -> Report:
    """Summarise what was measured.

    Args:
        collection: the images.
        queries: what was asked.
        measured: model name -> its figures.
        slices: of the images; ``Measured.slices`` is numbered in this order.
        moment: int64 (n,), see :func:`c4t_core.evaluation.groups.moments`.
        provenance: what the figures come from; its options hold.
        missing: models that could not be evaluated.
        skipped: images that could not be read.
        problems: sentences about the input.
    """
    options = provenance.options
    intervals = partial(mean_intervals, seed=options.seed, resamples=options.resamples)
    answered = np.array([len(query.relevant) > 0 for query in queries], dtype=bool)
    by_query = tuple(
        _one_query(index, query, collection, measured, moment, options.cutoffs)
        for index, query in enumerate(queries)
    )

    def group(rows: _Rows) -> Group:
        levels = [by_query[i].chance for i in np.flatnonzero(rows).tolist()]
        return Group(
            int(rows.sum()),
            {name: _model_means(one, rows, intervals) for name, one in measured.items()},
            Chance(
                _mean_chance([level.frames for level in levels]),
                _mean_chance([level.events for level in levels]),
            ),
        )

    kinds = [query.kind for query in queries]
    return Report(
        collection=collection,
        moments=int(moment.max(initial=-1)) + 1,
        measured=measured,
        overall=group(answered),
        kinds={kind: group(answered & (np.array(kinds) == kind)) for kind in dict.fromkeys(kinds)},
        slices=tuple(_slices(queries, measured, slices, answered, len(collection), intervals)),
        comparisons=tuple(
            _compare(a, b, measured, answered, intervals) for a, b in combinations(measured, 2)
        ),
        queries=by_query,
        missing=tuple(missing),
        skipped=tuple(skipped),
        problems=tuple(problems),
        provenance=provenance,
    )


def _model_means(one: Measured, rows: _Rows, intervals: _Intervals) -> ModelMeans:
    events = {name: values for name, values in one.events.items() if name != "relevant"}
    return ModelMeans(_means(one.figures, rows, intervals), _means(events, rows, intervals))


def _means(figures: Mapping[str, Floats], rows: _Rows, intervals: _Intervals) -> Means:
    edges = intervals(np.stack([values[rows] for values in figures.values()], axis=1))
    return Means(
        {
            name: _defined(values[rows].mean()) if rows.any() else None
            for name, values in figures.items()
        },
        {
            name: None if math.isnan(low) else (float(low), float(high))
            for name, (low, high) in zip(figures, edges, strict=True)
        },
    )


def _mean_chance(levels: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = levels[0] if levels else {}
    return {name: float(np.mean([level[name] for level in levels])) for name in names}


def _slices(
    queries: Sequence[LabelledQuery],
    measured: Mapping[str, Measured],
    slices: Sequence[Slice],
    answered: _Rows,
    images: int,
    intervals: _Intervals,
) -> Iterator[SliceMeans]:
    """Yield the slices for which a query has a relevant image: of the images, then by class."""
    for number, part in enumerate(slices):
        figures = {name: one.slices[number] for name, one in measured.items()}
        rows = ~np.isnan(next(iter(figures.values()))["ap"])
        if rows.any():
            yield _slice(part, int(part.inside.sum()), figures, queries, rows, intervals)
    figures = {name: one.figures for name, one in measured.items()}
    asked = {q.classes[0]: ASKED[q.kind] for q in queries if q.kind in ASKED and q.classes}
    for value in sorted({name for query in queries for name in query.classes}):
        rows = answered & np.array([value in query.classes for query in queries])
        if rows.any():
            every = Slice(asked.get(value, "class"), value, np.ones(images, dtype=bool))
            yield _slice(every, None, figures, queries, rows, intervals)


def _slice(
    part: Slice,
    images: int | None,
    figures: Mapping[str, Mapping[str, Floats]],
    queries: Sequence[LabelledQuery],
    rows: _Rows,
    intervals: _Intervals,
) -> SliceMeans:
    """Return the means over ``rows``, the queries that count, on the images of the slice."""
    shown = [metric for metric in _SLICED if metric in next(iter(figures.values()))]
    levels = []
    for query in (queries[i] for i in np.flatnonzero(rows).tolist()):
        relevant = int(part.inside[query.relevant].sum())
        ranked = int((part.inside if query.pool is None else part.inside[query.pool]).sum())
        level = {
            "ap": expected_average_precision(relevant, ranked),
            "precision@10": expected_precision(relevant, ranked, 10),
            "precision@25": expected_precision(relevant, ranked, 25),
            "recall@100": expected_recall(ranked, 100),
        }
        levels.append({metric: level[metric] for metric in shown})
    return SliceMeans(
        dimension=part.dimension,
        value=part.value,
        images=images,
        queries=int(rows.sum()),
        models={
            name: _means({metric: table[metric] for metric in shown}, rows, intervals)
            for name, table in figures.items()
        },
        chance=_mean_chance(levels),
    )


def _compare(
    a: str, b: str, measured: Mapping[str, Measured], rows: _Rows, intervals: _Intervals
) -> Comparison:
    first, second = measured[a].figures, measured[b].figures
    difference = {name: first[name] - second[name] for name in first}
    ap = difference["ap"][rows]
    means = _means(difference, rows, intervals)
    return Comparison(
        a=a,
        b=b,
        queries=int(rows.sum()),
        difference=means,
        better_a=int((ap > 1e-12).sum()),
        better_b=int((ap < -1e-12).sum()),
    )


def _one_query(
    index: int,
    query: LabelledQuery,
    collection: Collection,
    measured: Mapping[str, Measured],
    moment: NDArray[np.int64],
    cutoffs: tuple[int, ...],
) -> QueryFigures:
    results = {}
    for name, one in measured.items():
        events = {metric: _defined(values[index]) for metric, values in one.events.items()}
        results[name] = QueryResult(
            values={metric: _defined(values[index]) for metric, values in one.figures.items()},
            relevant_events=int(events.pop("relevant") or 0),
            events=events,
            top=tuple(collection.names[i] for i in one.top[index]),
            scores=tuple(one.top_scores[index]),
            mean_score=one.mean_score[index],
        )
    images = len(collection) if query.pool is None else len(query.pool)
    chance = Chance(
        chance_level(query.grades, images, cutoffs),
        event_chance(query.relevant, query.pool, moment, cutoffs),
    )
    return QueryFigures(query, images, chance, results)


def _defined(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
