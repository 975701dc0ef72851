"""SearchAD's rules: how a ranking is scored, and what predictions and submissions must hold.

For each label the whole ranking of a split's images is scored, without the images that are
ignored for that label. With R relevant images in the ranking, AP is the mean over these of the
precision at the rank of each, R-precision the precision of the first R, and P@k that of the
first ``min(k, length)``. Overall, every label counts the same.

Source: Embacher et al., CVPR 2026, arXiv 2604.08008.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from c4t_core.datasets.searchad import CATEGORIES, LABELS, category_of, source_of
from c4t_core.errors import DataError
from c4t_core.files import read_json
from c4t_core.records import dataclass

CUTOFFS = (5, 25, 100)
FIGURES = ("AP", "R-precision", *(f"P@{k}" for k in CUTOFFS))
Mode = Literal["language", "vision", "multimodal"]
Predictions = Mapping[str, Sequence[str]]
"""Label -> image paths, best first."""
Ranks = NDArray[np.int32]
"""int32 (90, n): for each of :data:`LABELS`, positions of images, best first."""


@dataclass(frozen=True, eq=False)
class Truth:
    """What the images of a split are worth to each label.

    Attributes:
        images: paths, ascending; positions count in this order.
        relevant: bool (90, n).
        ignored: bool (90, n).
    """

    images: tuple[str, ...]
    relevant: NDArray[np.bool_]
    ignored: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        images: Iterable[str],
        relevant: Mapping[str, Iterable[str]],
        ignored: Mapping[str, Iterable[str]],
    ) -> Truth:
        """Gather it for some images out of label -> relevant and ignored images."""
        names = tuple(sorted(images))
        place = {name: position for position, name in enumerate(names)}

        def table(of: Mapping[str, Iterable[str]]) -> NDArray[np.bool_]:
            out = np.zeros((len(LABELS), len(names)), dtype=bool)
            for row, label in enumerate(LABELS):
                out[row, [place[name] for name in of.get(label, ()) if name in place]] = True
            return out

        return cls(names, table(relevant), table(ignored))

    @property
    def sources(self) -> dict[str, NDArray[np.bool_]]:
        """Source -> bool (n,), which images are its own."""
        of = np.array([source_of(name) for name in self.images])
        return {str(name): of == name for name in np.unique(of)}


def score_ranking(
    order: NDArray[np.integer[Any]], relevant: NDArray[np.bool_], ignored: NDArray[np.bool_]
) -> dict[str, float | None]:
    """Return the figures of one label; 0 where nothing relevant is ranked, None without a ranking.

    Args:
        order: (m,) positions of the ranked images, best first.
        relevant: bool (n,).
        ignored: bool (n,); these are taken out first.

    >>> order, relevant = np.array([3, 1, 0, 2]), np.array([True, False, True, False])
    >>> score_ranking(order, relevant, np.array([False, True, False, False]))["AP"]
    0.5833333333333333
    """
    hits = relevant[order[~ignored[order]]]
    if not len(hits):
        return dict.fromkeys(FIGURES)
    found = int(hits.sum())
    at = {k: float(hits[:k].mean()) for k in CUTOFFS}
    precision = np.cumsum(hits)[hits] / (np.flatnonzero(hits) + 1.0)
    return {
        "AP": float(precision.sum() / found) if found else 0.0,
        "R-precision": float(hits[:found].mean()) if found else 0.0,
        **{f"P@{k}": value for k, value in at.items()},
    }


def mean_figures(rows: Iterable[Mapping[str, float | None]]) -> dict[str, float | None]:
    """Return the plain mean of each figure over the labels that have it, None where none has."""
    every = list(rows)
    out: dict[str, float | None] = {}
    for name in FIGURES:
        values = [value for row in every if (value := row[name]) is not None]
        out[name] = sum(values) / len(values) if values else None
    return out


def score(orders: Mapping[str, NDArray[np.integer[Any]]], truth: Truth) -> dict[str, Any]:
    """Return one model's part of ``scores.json``.

    Means are over the labels with a relevant image among those ranked. ``as_submitted`` is the
    mean as the benchmark's own script takes it: over every label with a ranking, those without a
    relevant image counting 0.

    Args:
        orders: label -> (m,) positions of the images, best first; labels may be missing.
        truth: of these images.
    """
    rows = {label: row for row, label in enumerate(LABELS) if label in orders}
    every = {
        label: score_ranking(orders[label], truth.relevant[row], truth.ignored[row])
        for label, row in rows.items()
    }
    labels: dict[str, dict[str, Any]] = {}
    for label, row in rows.items():
        relevant = int(truth.relevant[row].sum())
        figures = every[label] if relevant else dict.fromkeys(FIGURES)
        labels[label] = {
            **figures,
            "relevant": relevant,
            "ignored": int(truth.ignored[row].sum()),
        }
    return {
        "overall": mean_figures(labels.values()),
        "as_submitted": mean_figures(every.values()),
        "categories": {
            category: mean_figures(v for k, v in labels.items() if category_of(k) == category)
            for category in CATEGORIES
        },
        "sources": {
            source: _of_source(orders, truth, inside) for source, inside in truth.sources.items()
        },
        "labels": labels,
        "without_relevant": [label for label, found in labels.items() if not found["relevant"]],
    }


def _of_source(
    orders: Mapping[str, NDArray[np.integer[Any]]], truth: Truth, inside: NDArray[np.bool_]
) -> dict[str, Any]:
    """Return the means over the labels that a source has relevant images of, on its images."""
    rows = [
        score_ranking(orders[label][inside[orders[label]]], relevant, truth.ignored[row])
        for row, label in enumerate(LABELS)
        if label in orders and (relevant := truth.relevant[row] & inside).any()
    ]
    return {**mean_figures(rows), "labels": len(rows), "images": int(inside.sum())}


def read_predictions(
    path: Path, images: Collection[str], missing: Collection[str] = ()
) -> dict[str, list[str]]:
    """Read predictions that were made elsewhere, and check them.

    Args:
        path: a JSON file, label -> image paths, best first.
        images: every image of the split.
        missing: those that are not on this machine; rankings may lack them.

    Raises:
        DataError: if the file is no such object, or of the first thing wrong with it: a label
            that is none of the 90, or an image that is unknown, ranked twice or not at all.
    """
    data = read_json(path)
    if not isinstance(data, dict) or not data:
        raise DataError(f'"{path}" is no object of labels and their ranked images.', path)
    ranked = {source_of(name) for names in data.values() for name in _paths(names)}
    wanted = frozenset(name for name in images if source_of(name) in ranked)
    for label, names in data.items():
        check_ranking(label, names, wanted, frozenset(missing), f'"{path}"', path)
    if not wanted:
        raise DataError(f'"{path}" ranks none of the images of this split.', path)
    return data


def _paths(names: Any) -> list[str]:
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def check_ranking(
    label: str,
    names: Any,
    wanted: frozenset[Any],
    optional: frozenset[Any] = frozenset(),
    where: str = "",
    path: Path | None = None,
) -> None:
    """Make sure that a label's ranking holds each image once and no others.

    Args:
        label: what is ranked for.
        names: the ranking, as it was read.
        wanted: what it must hold.
        optional: what of this it may lack.
        where: what the ranking is in, for the sentence.
        path: of that file.

    Raises:
        DataError: with the first thing that is wrong.
    """
    if label not in LABELS:
        raise DataError(
            f'{where} has "{label}", which is none of SearchAD\'s 90 labels; rename or remove it.',
            path,
        )
    if not isinstance(names, list):
        raise DataError(f"{where}, {label}: this is no list of images; rank them anew.", path)
    seen = Counter(name for name in names if isinstance(name, str | int))
    twice = next((name for name, times in seen.items() if times > 1), None)
    unknown = next((n for n in names if not isinstance(n, str | int) or n not in wanted), None)
    lacking = len(wanted) - len(seen.keys() & wanted) if unknown is None else 0
    wrong = ""
    if unknown is not None:
        wrong = f'"{unknown}" is no image of this split'
    elif twice is not None:
        wrong = f'the image "{twice}" is ranked {seen[twice]} times'
    elif lacking and (absent := wanted - seen.keys() - optional):
        wrong = f'the image "{min(absent)}" is not ranked'
        wrong += f", nor are {len(absent) - 1:,} others" if len(absent) > 1 else ""
    if wrong:
        raise DataError(f"{where}, {label}: {wrong}; rank every image once.", path)


def submission(
    rankings: Predictions,
    ids: Mapping[str, int],
    *,
    team: str,
    model: str,
    affiliation: str,
    mode: Mode,
    trained: bool,
    default_queries: bool,
) -> dict[str, Any]:
    """Return what the test server takes, checked.

    Args:
        rankings: label -> image paths of the test split, best first.
        ids: image path -> id.
        team: name of the team.
        model: name of the model.
        affiliation: a paper, code or an affiliation.
        mode: what was searched with.
        trained: whether SearchAD's train split was used.
        default_queries: whether SearchAD's own queries were used.

    Raises:
        DataError: if a name is empty, a label is missing, or a ranking is not of every image.
    """
    metadata = {
        "Team Name": team.strip(),
        "Model Name": model.strip(),
        "Paper/Code/Affiliation": affiliation.strip(),
        "Search Mode": mode.capitalize(),
        "SearchAD Train": "Yes" if trained else "No",
        "Default Queries": "Yes" if default_queries else "No",
    }
    made = {
        "metadata": metadata,
        "predictions": {
            label: [ids.get(name, name) for name in names] for label, names in rankings.items()
        },
    }
    check_submission(made, ids)
    return made


def check_submission(made: Mapping[str, Any], ids: Mapping[str, int]) -> None:
    """Make sure that a submission is as the test server wants it.

    Raises:
        DataError: with the first thing that is wrong.
    """
    where = "The submission"
    for name, value in made["metadata"].items():
        if not value:
            raise DataError(f"{where} lacks the {name}; give one.")
    wanted = frozenset(ids.values())
    lacking = [label for label in LABELS if label not in made["predictions"]]
    if lacking:
        raise DataError(f"{where} lacks a ranking for {lacking[0]}; every label needs one.")
    for label, names in made["predictions"].items():
        check_ranking(label, names, wanted, where=where)
