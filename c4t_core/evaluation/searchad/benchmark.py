"""Models measured on SearchAD: the split is indexed, asked for 90 labels, ranked and scored.

The images are embedded once, by the ordinary index of the SearchAD folder, which is handed in
from above; only those of the split are, so that the rest of a source costs nothing.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from c4t_core.datasets import searchad
from c4t_core.datasets.searchad import LABELS, Split, category_of
from c4t_core.errors import DataError, ModelError
from c4t_core.evaluation import metrics
from c4t_core.evaluation.collection import Collection, Slice, moments
from c4t_core.evaluation.evaluate import Stage, load_all, provenance_of, summarise
from c4t_core.evaluation.queries import make_query
from c4t_core.evaluation.ranking import CHUNK, measure
from c4t_core.evaluation.report import FIGURES, write_bytes, write_report
from c4t_core.evaluation.searchad import rules
from c4t_core.evaluation.searchad.contents import (
    Asked,
    Contents,
    Queries,
    directions,
    read_contents,
    read_queries,
)
from c4t_core.evaluation.searchad.rules import CUTOFFS, Mode, Ranks, Truth
from c4t_core.evaluation.summary import Missing, Options, Report
from c4t_core.files import atomic_text, sha256
from c4t_core.images.scan import Skipped
from c4t_core.models.protocol import Embeddings, Model, SeveralGraphs
from c4t_core.progress import Progress, ignore
from c4t_core.records import dataclass

if TYPE_CHECKING:
    from c4t_core.index.folders import WorkspaceStatus
    from c4t_core.index.indexer import IndexReport

_UNREADABLE = -1.5  # below every cosine: what cannot be read comes last


class Index(Protocol):
    """What is used of a :class:`c4t_core.workspace.Workspace`."""

    def index(self, progress: Progress = ..., *, only: Sequence[Path] | None = ...) -> IndexReport:
        """Embed some files that have no vector yet."""

    def vectors(self, images: Sequence[Path]) -> dict[Path, NDArray[np.float32]]:
        """Return the embeddings of images that have one."""

    def status(self) -> WorkspaceStatus:
        """Return whose vectors answer."""

    def close(self) -> None:
        """Let go of it."""


OpenIndex = Callable[[Path, Model], Index]
"""Opens a folder's index for a model; such as ``c4t_core.workspace.open_workspace``."""


@dataclass(frozen=True)
class Request:
    """What to measure.

    Attributes:
        folder: of SearchAD.
        split: ``"test"`` has no labels: it is ranked for a submission, and not scored.
        models: names, or loaded models.
        queries: SearchAD's default texts or C4T's own sentences; None for the default ones where
            the folder has them, else our own.
        mode: ``"language"`` asks with texts, ``"vision"`` with the mean of the default queries'
            crops, ``"multimodal"`` with the mean of both.
        options: seed of the intervals; its cutoffs are not used.
    """

    folder: Path
    split: Split = "val"
    models: Sequence[str | Model] = ("c4t",)
    queries: Queries | None = None
    mode: Mode = "language"
    options: Options = field(default_factory=Options)


@dataclass(frozen=True, eq=False)
class Benchmark:
    """What came out.

    Attributes:
        contents: of the folder.
        asked: what was asked.
        images: that were ranked, ascending.
        orders: model name -> what each label's ranking is, as positions of ``images``.
        report: for the page and the window; None for the test split, which has no labels.
        truth: of ``images``.
        notes: sentences on what was measured, and how.
    """

    contents: Contents
    asked: Asked
    images: tuple[str, ...]
    orders: Mapping[str, Ranks]
    truth: Truth
    notes: tuple[str, ...]
    report: Report | None = None

    def predictions(self, model: str) -> Iterator[tuple[str, list[str]]]:
        """Yield each label with all images, best first."""
        for label, order in zip(LABELS, self.orders[model], strict=True):
            yield label, [self.images[position] for position in order]

    def scores(self) -> dict[str, Any]:
        """Return the content of ``scores.json``.

        Raises:
            DataError: of the test split, whose labels only its server knows.
        """
        if self.report is None:
            raise DataError("The test split has no labels here; write a submission instead.")
        known = self.report.overall.chance.frames
        chance = {"AP": known["ap"], "R-precision": known["r_precision"]}
        chance |= {f"P@{k}": known[f"precision@{k}"] for k in CUTOFFS}
        return {
            "benchmark": "SearchAD",
            "split": self.contents.split,
            "mode": self.asked.mode,
            "queries": self.asked.queries,
            "images": len(self.images),
            "whole_split": not self.contents.missing,
            "missing": {
                one.source: {"missing": len(one.missing), "of": one.wanted}
                for one in self.contents.sources
                if one.missing
            },
            "notes": list(self.notes),
            "chance": chance,
            "models": {
                name: rules.score(dict(zip(LABELS, orders, strict=True)), self.truth)
                for name, orders in self.orders.items()
            },
            "comparisons": [pair.to_json() for pair in self.report.comparisons],
            "asked": {label: list(texts) for label, texts in self.asked.texts.items()},
        }


def run_benchmark(
    request: Request,
    open_index: OpenIndex,
    progress: Progress = ignore,
    stage: Stage = lambda _text: None,
) -> Benchmark:
    """Embed what has no vector yet, ask for every label, rank all images, and score.

    Images that are not there are left out, and said so; what is there and cannot be read is
    ranked last. Equal similarities (to six decimals) rank by path.

    Args:
        request: what to measure.
        open_index: opens the folder's index for a model.
        progress: told about images while they are embedded, then about queries.
        stage: told what is being done.

    Raises:
        DataError: if SearchAD's files cannot be used or none of the images is there; of the test
            split, if any is missing.
        ModelError: if none of the models can be used, or an earlier one's index answers.
        Cancelled: from ``progress``; what is embedded is kept.
    """
    stage("reading SearchAD")
    contents = read_contents(request.folder, request.split)
    asked = read_queries(request.folder, request.queries, request.mode)
    images = tuple(sorted(set(contents.images) - contents.missing))
    _check(contents, images)
    for source in contents.sources:  # said before the long work
        if len(source.missing) == source.wanted:
            stage(f"leaving out {source.source}")
    models, missing = load_all(request.models, stage)
    truth = Truth.of(images, contents.relevant, contents.ignored)
    folder = Path(os.path.abspath(request.folder))  # as the index names it
    paths = [folder / name for name in images]
    run = _Run(request, contents, asked, truth, paths, progress, stage)
    with_labels = request.split != "test"
    while models:  # each is let go when it is done with
        run.add(models.pop(0), open_index)
    report = run.report(missing) if with_labels else None
    return Benchmark(contents, asked, images, run.orders, truth, tuple(run.notes()), report)


def _check(contents: Contents, images: Sequence[str]) -> None:
    if not images:
        first = contents.lacking[0] if contents.lacking else ""
        raise DataError(
            f"None of the {len(contents.images):,} images of the split {contents.split} is there: "
            f"{first}, and so on; unpack the sources into the folder."
        )
    if contents.split == "test" and contents.lacking:
        raise DataError(
            f"A submission ranks every test image, and some are missing: {contents.lacking[0]}"
            f"{'' if len(contents.lacking) == 1 else ', and others'}."
        )
    if contents.split != "test" and not any(
        not contents.missing.issuperset(names) for names in contents.relevant.values() if names
    ):
        raise DataError(
            "None of the images that are there shows any of the 90 labels, so there is nothing "
            "to score; add a source."
        )


class _Run:
    """One benchmark in the making: models are added one after the other.

    Attributes:
        orders: model name -> its rankings.
    """

    def __init__(
        self,
        request: Request,
        contents: Contents,
        asked: Asked,
        truth: Truth,
        paths: Sequence[Path],
        progress: Progress,
        stage: Stage,
    ) -> None:
        self.orders: dict[str, Ranks] = {}
        self._request, self._contents, self._asked = request, contents, asked
        self._truth, self._paths = truth, paths
        self._progress, self._stage = progress, stage
        names = truth.images
        self._collection = Collection(names, tuple(paths), ((),) * len(names), (None,) * len(names))
        self._skipped: dict[str, Skipped] = {}
        self._fingerprints: dict[str, str] = {}
        self._measured: dict[str, Any] = {}
        self._cut: list[str] = []
        self._moment = moments(self._collection)
        everything = truth.sources if len(truth.sources) > 1 else {}
        self._slices = [Slice("source", name, inside) for name, inside in everything.items()]
        self._queries = [
            make_query(
                label,
                category_of(label),
                np.flatnonzero(truth.relevant[row]).tolist(),
                pool=np.flatnonzero(~truth.ignored[row]) if truth.ignored[row].any() else None,
            )
            for row, label in enumerate(LABELS)
        ]

    def add(self, model: Model, open_index: OpenIndex) -> None:
        """Index, ask and rank with one model."""
        name = self._name(model)
        self._stage(f"embedding for {name}")
        with closing(open_index(self._request.folder, model)) as index:
            if index.status().folders[0].updated is not None:  # known before the long work
                raise ModelError(
                    f'The index of "{self._request.folder}" was made by the earlier model; run c4t '
                    f'index "{self._request.folder}", then measure again.'
                )
            report = index.index(self._progress, only=self._paths)
            rows = index.vectors(self._paths)
            graph = index.status().folders[0].graph
        images = self._rows(rows, model.dim, {s.path: s.reason for s in report.skipped})
        asker, fingerprint = model, model.fingerprint
        if isinstance(model, SeveralGraphs) and model.graphs[0][0] != graph:
            asker = model.with_graph(graph)  # crops are embedded as the images were
            fingerprint = dict(model.graphs)[graph]
        asked, notes = directions(self._request.folder, self._asked, asker)
        self._cut += notes
        texts = np.hstack([asked, np.ones((len(asked), 1), dtype=np.float32)])
        self._stage(f"ranking for {name}")
        self._fingerprints[name] = fingerprint
        self.orders[name] = _ranked(texts, images)
        if self._request.split != "test":
            masks = {number: part.inside for number, part in enumerate(self._slices)}
            self._measured[name] = measure(
                images, texts, self._queries, self._moment, masks, CUTOFFS, self._progress
            )

    def _name(self, model: Model) -> str:
        taken = sum(name.partition(" (")[0] == model.name for name in self.orders)
        return f"{model.name} ({taken + 1})" if taken else model.name

    def _rows(
        self,
        rows: Mapping[Path, NDArray[np.float32]],
        dim: int,
        reasons: Mapping[Path, str],
    ) -> Embeddings:
        """Return float32 (n, d + 1): a last column that puts what has no vector at the end."""
        out = np.zeros((len(self._paths), dim + 1), dtype=np.float32)
        for position, path in enumerate(self._paths):
            row = rows.get(path)
            if row is not None:
                out[position, :dim] = row
                continue
            out[position, dim] = _UNREADABLE
            name = self._truth.images[position]
            reason = reasons.get(path, "left out by the folder's rules, so it was not indexed")
            self._skipped[name] = Skipped(Path(name), reason)
        if len(self._skipped) == len(self._paths):
            first = next(iter(self._skipped.values()))
            raise DataError(
                f"None of the {len(self._paths):,} images can be read, the first because: "
                f"{first.reason}; check the sources' folders."
            )
        return out

    def report(self, missing: Sequence[Missing]) -> Report:
        """Return what was measured."""
        self._stage("comparing")
        file = self._request.folder / searchad.ANNOTATIONS.format(split=self._request.split)
        provenance = provenance_of(
            self._fingerprints,
            self._collection,
            [None] * len(self._collection),
            {"annotations": sha256(file)},
            Options(CUTOFFS, self._request.options.seed, self._request.options.resamples),
        )
        return summarise(
            self._collection,
            self._queries,
            self._measured,
            self._slices,
            self._moment,
            provenance,
            missing,
            [self._skipped[name] for name in sorted(self._skipped)],
            self.notes(),
        )

    def notes(self) -> list[str]:
        """Say what was measured, and what is not as the whole benchmark has it."""
        contents, asked, images = self._contents, self._asked, self._truth.images
        whose = {"default": "SearchAD's default queries", "own": "C4T's own sentences"}
        what = [
            f"SearchAD, split {contents.split}: {len(images):,} of {len(contents.images):,} images "
            f"of {len(self._truth.sources)} sources, asked with {whose[asked.queries]} in "
            f"{asked.mode} mode.",
            "What is ignored for a label is in no ranking of it; equal similarities rank by path.",
        ]
        if contents.lacking:
            what += [f"Left out: {sentence}." for sentence in contents.lacking]
            what.append(
                "Images are missing, so these figures cannot be set beside others of this split."
            )
        if self._skipped:
            what.append(f"{len(self._skipped):,} images have no embedding and are ranked last.")
        if contents.split != "test" and len(images) < max(CUTOFFS):
            what.append(
                f"There are fewer than {max(CUTOFFS)} images: P@n of this page counts empty places "
                "as wrong; scores.json follows SearchAD and counts up to the last image."
            )
        if contents.left_out:
            what.append(f"{contents.left_out:,} boxes of labels beside the 90 are left out.")
        return [*what, *asked.notes, *self._cut]


def _ranked(texts: Embeddings, images: Embeddings) -> Ranks:
    """Return every label's ranking, int32 (90, n); in the same portions as :func:`measure`."""
    parts = [
        metrics.ranking(texts[start : start + CHUNK] @ images.T).astype(np.int32)
        for start in range(0, len(texts), CHUNK)
    ]
    return np.concatenate(parts)


def write_benchmark(
    benchmark: Benchmark, folder: Path, figures: int = FIGURES, progress: Progress = ignore
) -> None:
    """Write ``scores.json``, ``predictions-MODEL.json`` and the report into a folder.

    Args:
        benchmark: of a split with labels.
        folder: where to; files of an earlier report are replaced.
        figures: number of labels that the page shows in full.
        progress: told how far the page is.

    Raises:
        DataError: if the folder cannot be written to.
    """
    scores = benchmark.scores()
    assert benchmark.report is not None  # else there are no scores
    write_report(benchmark.report, folder, figures, progress)
    text = json.dumps(scores, ensure_ascii=True, indent=1, allow_nan=False)
    write_bytes(folder / "scores.json", text.encode("ascii") + b"\n")
    for model, name in predictions_files(list(benchmark.orders)).items():
        with atomic_text(folder / name) as out:
            for number, (label, images) in enumerate(benchmark.predictions(model)):
                before = ",\n" if number else "{\n"
                out.write(f"{before}{json.dumps(label)}: {json.dumps(images)}")
            out.write("\n}\n")


def predictions_files(models: Sequence[str]) -> dict[str, str]:
    """Return model name -> name of its predictions' file; no two are alike.

    >>> predictions_files(["c4t", "clip:ViT-B-32"])["clip:ViT-B-32"]
    'predictions-clip-ViT-B-32.json'
    """
    out: dict[str, str] = {}
    for model in models:
        plain = stem = re.sub(r"[^\w.-]+", "-", model).strip("-.") or "model"
        number = 1
        while f"predictions-{plain}.json" in out.values():
            number += 1
            plain = f"{stem}-{number}"
        out[model] = f"predictions-{plain}.json"
    return out


def write_submission(
    benchmark: Benchmark, path: Path, *, team: str, model: str, affiliation: str, trained: bool
) -> None:
    """Write what the test server takes, checked, whole or not at all.

    Args:
        benchmark: of the test split, with one model.
        path: the file.
        team: name of the team.
        model: name of the model, as the leaderboard shows it.
        affiliation: a paper, code or an affiliation.
        trained: whether SearchAD's train split was used to train the model.

    Raises:
        DataError: if it is not as the rules want it.
        OSError: if it cannot be written.
    """
    (name,) = benchmark.orders
    made = rules.submission(
        dict(benchmark.predictions(name)),
        benchmark.contents.ids,
        team=team,
        model=model,
        affiliation=affiliation,
        mode=benchmark.asked.mode,
        trained=trained,
        default_queries=benchmark.asked.queries == "default",
    )
    with atomic_text(path) as out:
        json.dump(made, out)


def score_predictions(folder: Path, split: Split, path: Path) -> dict[str, Any]:
    """Score predictions that were made elsewhere; return the content of a ``scores.json``.

    Images need not be there. Sources that no label ranks are left out, and said so; of a source
    of which some images are missing here, rankings may lack those.

    Raises:
        DataError: if the folder's files or the predictions cannot be used; names what is wrong.
    """
    contents = read_contents(folder, split)
    if split == "test":
        raise DataError("The test split has no labels here, so nothing can be scored.")
    partly = [one for one in contents.sources if 0 < len(one.missing) < one.wanted]
    optional = {name for one in partly for name in one.missing}
    found = rules.read_predictions(path, contents.images, optional)
    ranked = sorted({name for names in found.values() for name in names})
    truth = Truth.of(ranked, contents.relevant, contents.ignored)
    place = {name: position for position, name in enumerate(truth.images)}
    orders = {
        label: np.array([place[name] for name in names], dtype=np.int32)
        for label, names in found.items()
    }
    here = truth.sources
    lacking = [one.source for one in contents.sources if one.source not in here]
    return {
        "benchmark": "SearchAD",
        "split": split,
        "images": len(ranked),
        "whole_split": len(ranked) == len(contents.images),
        "without_predictions": {
            "sources": lacking,
            "labels": [label for label in LABELS if label not in orders],
        },
        "models": {path.stem: rules.score(orders, truth)},
    }
