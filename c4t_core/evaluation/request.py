"""One evaluation from files to report: what ``c4t evaluate`` and the window both run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Literal

from c4t_core.datasets.pairs import Pair, PairsFile, read_pairs
from c4t_core.datasets.scenes import Problem, Scene, load_scenes
from c4t_core.errors import DataError
from c4t_core.evaluation.collection import Collection, from_pairs
from c4t_core.evaluation.evaluate import Stage, evaluate
from c4t_core.evaluation.queries import LabelledQuery, from_captions, read_queries
from c4t_core.evaluation.scene_queries import from_scenes
from c4t_core.evaluation.summary import Options, Report
from c4t_core.files import sha256
from c4t_core.models.protocol import Model
from c4t_core.progress import Progress, ignore
from c4t_core.records import dataclass

Lists = Literal["auto", "captions", "scenes", "own"]


@dataclass(frozen=True)
class EvaluationRequest:
    """What to evaluate, on what.

    Attributes:
        pairs: file of images and captions.
        images: root that image paths are relative to; None for the folder of the pairs.
        models: names, or loaded models; each is evaluated on the same queries.
        scenes: ground truth as JSON lines, for queries, slices and near-duplicates.
        queries: the user's own sentences with marked hits, as JSON lines or a table.
        lists: where queries come from: ``"auto"`` is scenes if there are any, else captions;
            the user's own are always added; ``"own"`` is nothing else.
        split: only pairs of this split, such as ``"val"``; None for all.
        columns: columns of the pairs to use instead of those that are found, by role.
        options: cutoffs, seed.
    """

    pairs: Path
    images: Path | None = None
    models: Sequence[str | Model] = ("c4t",)
    scenes: Path | None = None
    queries: Path | None = None
    lists: Lists = "auto"
    split: str | None = None
    columns: Mapping[str, str] | None = None
    options: Options = field(default_factory=Options)


def run_evaluation(
    request: EvaluationRequest,
    progress: Progress = ignore,
    stage: Stage = lambda _text: None,
) -> Report:
    """Read the files, make the queries, evaluate the models.

    Args:
        request: what to evaluate.
        progress: told about images while they are embedded, then about queries.
        stage: told what is being done.

    Raises:
        DataError: if the files cannot be used, or there is nothing to ask.
        ModelError: if none of the models can be used.
        Cancelled: from ``progress``.
    """
    if not request.models:
        raise DataError("There is no model to evaluate; name one with --model.")
    stage("reading the pairs")
    found = read_pairs(request.pairs, request.images, request.columns).require()
    collection = from_pairs(_of_split(found, request.split))
    problems = [f"{found.path.name}, {problem}" for problem in found.problems]
    scenes = _read_scenes(request, found, collection, problems)
    queries: list[LabelledQuery] = []
    if request.queries is not None:
        queries, complaints = read_queries(request.queries, collection)
        problems += complaints
    elif request.lists == "own":
        raise DataError("To evaluate only your own queries, give their file with --queries.")
    queries = queries + _derived(request, collection, scenes, problems)
    files = (("pairs", request.pairs), ("scenes", request.scenes), ("queries", request.queries))
    sources = {name: sha256(path) for name, path in files if path is not None and path.is_file()}
    return evaluate(
        collection,
        queries,
        request.models,
        scenes=scenes,
        problems=problems,
        sources=sources,
        options=request.options,
        progress=progress,
        stage=stage,
    )


def _of_split(found: PairsFile, split: str | None) -> list[Pair]:
    if split is None:
        return list(found.pairs)
    chosen = [pair for pair in found.pairs if pair.split == split.lower()]
    if not chosen:
        names = sorted({pair.split for pair in found.pairs if pair.split})
        known = ", ".join(names) if names else "none"
        raise DataError(
            f'"{found.path}" has no pairs of the split "{split}"; the splits there are: {known}.',
            found.path,
        )
    return list(chosen)


def _derived(
    request: EvaluationRequest,
    collection: Collection,
    scenes: dict[str, Scene],
    problems: list[str],
) -> list[LabelledQuery]:
    """Return the queries made from ground truth or captions."""
    if request.lists == "own":
        return []
    if request.lists == "scenes" and not scenes:
        raise DataError("To make queries from scenes, give their file with --scenes.")
    if request.lists in ("auto", "scenes") and scenes:
        found = from_scenes(collection, scenes)
        if found or request.lists == "scenes":
            return found
        problems.append("The scenes tell no images apart, so the captions are asked instead.")
    return from_captions(collection)


def _read_scenes(
    request: EvaluationRequest, found: PairsFile, collection: Collection, problems: list[str]
) -> dict[str, Scene]:
    if request.scenes is None:
        return {}
    complaints: list[Problem] = []
    every = {scene.image: scene for scene in load_scenes(request.scenes, complaints, found.root)}
    problems += [f"{request.scenes.name}, {problem}" for problem in complaints]
    scenes = {
        collection.names[index]: scene
        for name, scene in every.items()
        if (index := collection.find(name)) is not None
    }
    if not scenes:
        first = next(iter(every), "nothing")
        raise DataError(
            f'None of the images of "{request.scenes}" are among the pairs (it has "{first}", the '
            f'pairs have "{collection.names[0]}"); both must be relative to the images\' folder.',
            request.scenes,
        )
    without = len(collection) - len(scenes)
    if without:
        problems.append(
            f"{request.scenes.name} knows nothing of {without} of the {len(collection)} images; "
            "they are in no ranking of its queries."
        )
    return scenes
