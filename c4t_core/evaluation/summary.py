"""What an evaluation found: means, intervals, slices and comparisons of queries.

:class:`Report` is what the files, the page and the window show; ``Report.to_json`` is the
content of ``report.json``. Everywhere in it a figure is found by the name of its metric:
``"ap"``, ``"rr"``, ``"r_precision"``, ``"precision@10"``, ``"recall@10"``, ``"ndcg@10"``, ...
Means are over the queries with relevant images, each counting the same (macro averages), so
the mean of ``"ap"`` is mAP and that of ``"rr"`` is MRR.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, field
from typing import Any

from c4t_core.evaluation.collection import Collection
from c4t_core.evaluation.metrics import CUTOFFS, RESAMPLES
from c4t_core.evaluation.queries import LabelledQuery
from c4t_core.evaluation.ranking import Measured
from c4t_core.evaluation.scene_queries import ObjectFigures
from c4t_core.images.scan import Skipped
from c4t_core.records import dataclass

FORMAT = 1
"""Of report.json; additions do not raise it."""

Values = Mapping[str, float | None]
"""Metric -> value, None where it is undefined."""
Interval = tuple[float, float]
"""Low and high end of what holds the mean for other queries like these, with 95 %."""
Json = dict[str, object]

AS_MEAN = {"ap": "map", "rr": "mrr"}
"""What the mean of a metric is called in files, where that is another name."""


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
        dimension: such as ``"weather"``; ``"class"`` or one of :data:`.collection.ASKED` for a
            slice of the queries.
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
        moments: number of moments among them, see :mod:`c4t_core.evaluation.collection`.
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
