"""Evaluate models on one collection of images: the same queries, the same images, every figure.

:func:`evaluate` embeds each image once per model, ranks all images for every query, and gathers
a :class:`~c4t_core.evaluation.summary.Report`. A model that cannot be loaded is no reason to stop:
what can be evaluated is, and the report says what is missing and how to get it.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import c4t_core
from c4t_core.datasets.scene import Scene
from c4t_core.errors import C4TError, DataError, ModelError
from c4t_core.evaluation.collection import Collection, content_hashes, embed_collection
from c4t_core.evaluation.groups import image_slices, moments
from c4t_core.evaluation.queries import LabelledQuery
from c4t_core.evaluation.ranking import measure
from c4t_core.evaluation.scene_queries import object_figures
from c4t_core.evaluation.summary import Missing, Options, Provenance, Report, summarise
from c4t_core.files import sha256
from c4t_core.images.scan import Skipped
from c4t_core.index.directions import embed_query
from c4t_core.index.query import Query, Term, parse_query
from c4t_core.models.protocol import Embeddings, Facts, Model, classes_of, cut_texts
from c4t_core.progress import Progress, ignore

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
