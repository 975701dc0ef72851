"""Evaluate models on one collection of images: the same queries, the same images, every figure.

:func:`evaluate` embeds each image once per model, ranks all images for every query, and gathers
a :class:`~c4t_core.evaluation.summary.Report`. A model that cannot be loaded is no reason to stop:
what can be evaluated is, and the report says what is missing and how to get it.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import c4t_core
from c4t_core.datasets.scene import Scene
from c4t_core.errors import C4TError, DataError, ModelError
from c4t_core.evaluation.collection import (
    ASKED,
    Collection,
    Slice,
    content_hashes,
    embed_collection,
    image_slices,
    moments,
)
from c4t_core.evaluation.metrics import (
    Floats,
    chance_level,
    event_chance,
    expected_average_precision,
    expected_precision,
    expected_recall,
    mean_intervals,
)
from c4t_core.evaluation.queries import LabelledQuery
from c4t_core.evaluation.ranking import Measured, measure
from c4t_core.evaluation.scene_queries import object_figures
from c4t_core.evaluation.summary import (
    Chance,
    Comparison,
    Group,
    Means,
    Missing,
    ModelMeans,
    Options,
    Provenance,
    QueryFigures,
    QueryResult,
    Report,
    SliceMeans,
)
from c4t_core.files import sha256
from c4t_core.images.scan import Skipped
from c4t_core.index.directions import embed_query
from c4t_core.index.query import Query, Term, parse_query
from c4t_core.models.protocol import Embeddings, Facts, Model, classes_of, cut_texts
from c4t_core.progress import Progress, ignore
from c4t_core.records import dataclass

_SLICED = ("ap", "precision@10", "precision@25", "recall@100")

Stage = Callable[[str], None]
"""Told in a few words what is being done now."""


@dataclass
class _Embedded:
    """One model's embeddings of everything."""

    name: str
    fingerprint: str
    images: Embeddings
    there: NDArray[np.bool_]
    texts: Embeddings
    cut: list[str]  # a sentence, if it does not read all queries whole
    classes: tuple[str, ...]  # of objects that it sees
    facts: Facts


def evaluate(
    collection: Collection,
    queries: Sequence[LabelledQuery],
    models: Sequence[Model | str],
    *,
    scenes: Mapping[str, Scene] | None = None,
    problems: Sequence[str] = (),
    sources: Mapping[str, str] | None = None,
    options: Options | None = None,
    progress: Progress = ignore,
    stage: Stage = lambda _text: None,
) -> Report:
    """Measure how well each model finds what the queries ask for.

    Args:
        collection: the images that are searched.
        queries: what is asked, see :mod:`c4t_core.evaluation.queries`.
        models: loaded models, or names that :func:`c4t_core.models.registry.load_model` knows.
        scenes: ground truth by image id, for slices and near-duplicates.
        problems: sentences about the input that the report should repeat.
        sources: name -> SHA-256 of the files that the pairs, scenes and queries came from.
        options: cutoffs, seed.
        progress: told about images while they are embedded, then about queries.
        stage: told what is being done.

    Raises:
        DataError: if no query has a relevant image, or no image can be read.
        ModelError: if none of the models can be used.
        Cancelled: from ``progress``; embeddings made so far are kept.
    """
    options = options or Options()
    _check(collection, queries)
    loaded, missing = load_all(models, stage)  # what is missing is said before the long work
    stage(f"reading {len(collection)} images")
    contents = content_hashes(collection.paths)
    embedded, skipped = _embed_all(collection, contents, queries, loaded, progress, stage)
    there = np.logical_and.reduce([one.there for one in embedded])
    kept = np.flatnonzero(there)
    if not len(kept):
        raise DataError(
            f"None of the {len(collection)} images can be read, the first because: "
            f"{skipped[0].reason if skipped else 'it is gone'}; check the images' folder."
        )
    smaller = collection.subset(kept.tolist())
    asked = [_renumbered(query, there) for query in queries]
    _check(smaller, asked)
    groups = {n: f"{s.source}/{s.group}" for n, s in (scenes or {}).items() if s.group is not None}
    moment = moments(smaller, groups)
    slices = image_slices(smaller, scenes or {})
    masks = {number: part.inside for number, part in enumerate(slices)}
    measured = {}
    for one in embedded:
        stage(f"ranking for {one.name}")
        rows = one.images if len(kept) == len(one.images) else one.images[kept]
        measured[one.name] = measure(
            rows, one.texts, asked, moment, masks, options.cutoffs, progress
        )
        one.images = np.zeros((0, rows.shape[1]), dtype=np.float32)  # the largest thing in memory
        del rows
    stage("comparing")
    provenance = provenance_of(
        {one.name: one.fingerprint for one in embedded},
        smaller,
        [contents[i] for i in kept],
        sources or {},
        options,
    )
    problems = (*problems, *_few_images(len(smaller), options))
    problems += tuple(sentence for one in embedded for sentence in one.cut)
    report = summarise(
        smaller, asked, measured, slices, moment, provenance, missing, skipped, problems
    )
    objects = {
        one.name: object_figures(one.classes, one.facts[kept], smaller, scenes or {})
        for one in embedded
        if one.classes
    }
    return replace(report, objects={name: found for name, found in objects.items() if found})


def _check(collection: Collection, queries: Sequence[LabelledQuery]) -> None:
    if not len(collection):
        raise DataError("There are no images to evaluate on; check the pairs and --images.")
    if not queries:
        raise DataError(
            "The captions name no class that some images have and others lack, so there is "
            "nothing to search for; give --scenes or --queries, or pairs with more variety."
        )
    if not any(len(query.relevant) for query in queries):
        none = "The only query has no" if len(queries) == 1 else f"None of the {len(queries)} "
        none += "" if len(queries) == 1 else "queries has a"
        raise DataError(
            f"{none} relevant image among these {len(collection)}; give queries that ask for "
            "something the images show."
        )


def load_all(models: Sequence[Model | str], stage: Stage) -> tuple[list[Model], list[Missing]]:
    """Load every model once; return them, and what is missing with the reason.

    Raises:
        ModelError: if none of the models can be used.
    """
    loaded: list[Model] = []
    missing: list[Missing] = []
    for wanted in dict.fromkeys(models):
        try:
            model = _load(wanted)
        except C4TError as error:
            missing.append(Missing(str(wanted), str(error)))
            continue
        if all((model.name, model.fingerprint) != (m.name, m.fingerprint) for m in loaded):
            loaded.append(model)
    if not loaded:
        reasons = " ".join(item.reason for item in missing)
        raise ModelError(reasons or "There is no model to evaluate; name one with --model.")
    for item in missing:
        stage(f"leaving out {item.model}")
    return loaded, missing


def _embed_all(
    collection: Collection,
    contents: Sequence[bytes | None],
    queries: Sequence[LabelledQuery],
    models: list[Model],
    progress: Progress,
    stage: Stage,
) -> tuple[list[_Embedded], list[Skipped]]:
    """Embed with each model, which is then let go: ``models`` is empty afterwards."""
    out: list[_Embedded] = []
    unreadable: dict[Path, Skipped] = {}
    while models:
        model = models.pop(0)
        stage(f"embedding for {model.name}")
        texts = _embed_texts(queries, model)  # first: what a query lacks is found soon
        rows, facts, there, skipped = embed_collection(collection, contents, model, progress)
        unreadable.update((item.path, item) for item in skipped)
        taken = sum(one.name == model.name for one in out)
        name = f"{model.name} ({taken + 1})" if taken else model.name
        cut = _cut_queries(name, queries, model)
        seen = classes_of(model)
        out.append(_Embedded(name, model.fingerprint, rows, there, texts, cut, seen, facts))
    return out, [unreadable[path] for path in sorted(unreadable, key=str)]


def _few_images(images: int, options: Options) -> list[str]:
    largest = max(options.cutoffs, default=0)
    if images >= largest:
        return []
    return [
        f"There are only {images} images: precision at more hits, up to {largest}, counts the "
        "empty places as wrong, and recall there is 1 for every model."
    ]


def _cut_queries(name: str, queries: Sequence[LabelledQuery], model: Model) -> list[str]:
    """Say which queries the model does not read whole: it answers only their beginnings."""
    asked = [
        (query.text, term.text or "")
        for query in queries
        for term in (parse_query(query.text) if query.own else Query((Term(query.text),))).terms
    ]
    cut = cut_texts(model, [term for _, term in asked])
    if not cut:
        return []
    number = len({asked[one.index][0] for one in cut})
    are = "is" if number == 1 else "are"
    return [
        f'{number:,} of {len(queries):,} queries {are} longer than "{name}" reads, and it answers '
        f'their beginnings, one up to "{cut[0].end}"; put what matters first, or shorten them.'
    ]


def _load(wanted: Model | str) -> Model:
    if not isinstance(wanted, str):
        return wanted
    from c4t_core.models.registry import load_model

    return load_model(wanted)


def _embed_texts(queries: Sequence[LabelledQuery], model: Model) -> Embeddings:
    """Embed what is asked; the user's own sentences may hold operators, as in the search field."""
    rows = model.encode_texts([query.text for query in queries])
    for row, query in enumerate(queries):
        if query.own:
            terms = parse_query(query.text)
            if len(terms.terms) > 1 or terms.terms[0].text != query.text:
                rows[row] = embed_query(terms, model)
    return rows


def _renumbered(query: LabelledQuery, there: NDArray[np.bool_]) -> LabelledQuery:
    """Return the query for the images that are there, by their new positions."""
    if there.all():
        return query
    new = np.cumsum(there) - 1
    kept = there[query.relevant]
    pool = None if query.pool is None else new[query.pool[there[query.pool]]]
    relevant, grades = new[query.relevant[kept]], query.grades[kept]
    return replace(query, relevant=relevant, grades=grades, pool=pool)


_PACKAGES = ("numpy", "pillow", "onnxruntime", "tokenizers", "torch", "open_clip_torch")


def provenance_of(
    models: Mapping[str, str],
    collection: Collection,
    contents: Sequence[bytes | None],
    sources: Mapping[str, str],
    options: Options,
) -> Provenance:
    """Return what figures come from.

    Args:
        models: name -> fingerprint.
        collection: the images.
        contents: SHA-256 of each, None where it is not known.
        sources: name -> SHA-256 of the files read.
        options: what the evaluation was told.
    """
    listed = b"".join(
        name.encode("utf-8", "surrogateescape") + b"\0" + (digest or b"") + b"\n"
        for name, digest in zip(collection.names, contents, strict=True)
    )
    versions = {name: _version(name) for name in _PACKAGES}
    return Provenance(
        c4t=c4t_core.__version__,
        python=platform.python_version(),
        packages={name: number for name, number in versions.items() if number},
        models=models,
        images=len(collection),
        sha256=sha256(listed),
        sources=sources,
        options=options,
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


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
        moment: int64 (n,), see :func:`c4t_core.evaluation.collection.moments`.
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
