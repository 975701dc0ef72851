"""The curves and bars of a report, described once: the page and the window both draw these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from c4t_core.evaluation.ranking import LEVELS
from c4t_core.evaluation.summary import Interval, Means, Report
from c4t_core.records import dataclass

CHANCE = "chance"

AtCutoffs = Literal["precision", "recall", "ndcg"]
_TITLES: dict[AtCutoffs, str] = {
    "precision": "Precision",
    "recall": "Recall",
    "ndcg": "nDCG",
}


@dataclass(frozen=True)
class Series:
    """One curve or one set of bars.

    Attributes:
        name: of the model, or :data:`CHANCE`.
        points: x and y; for bars x counts the ticks from 0.
        intervals: of each point, None where it has none; empty where no point has one.
        chance: whether this is the level of a random order, drawn dashed or as a mark.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    intervals: tuple[Interval | None, ...] = ()
    chance: bool = False

    @property
    def y(self) -> list[float]:
        """The values alone."""
        return [y for _, y in self.points]


@dataclass(frozen=True)
class Tick:
    """What stands at one place of the axis of queries or cutoffs.

    Attributes:
        x: where.
        text: what; words of the core, such as the kind ``"multi"``.
        count: how many queries, or relevant images, it stands for; None where that says nothing.
    """

    x: float
    text: str
    count: int | None = None


@dataclass(frozen=True)
class Figure:
    """One plot.

    Attributes:
        title: in English, as the page has it.
        x: what runs along the axis of the ticks.
        y: what is measured; 0..1 for every figure here.
        series: one of each model, then that of chance.
        ticks: of the axis of ``x``.
    """

    title: str
    x: str
    y: str
    series: tuple[Series, ...]
    ticks: tuple[Tick, ...]

    @property
    def models(self) -> tuple[Series, ...]:
        """The series without that of chance."""
        return tuple(one for one in self.series if not one.chance)

    @property
    def chance(self) -> Series:
        """The series of a random order."""
        return next(one for one in self.series if one.chance)


def titles(models: Iterable[str]) -> dict[str, str]:
    """Return what models are called in the window, by name; alike ones keep their names.

    >>> titles(["c4t", "c4t:winter", "clip:ViT-L-14"])
    {'c4t': 'C4T', 'c4t:winter': 'winter', 'clip:ViT-L-14': 'ViT-L-14'}
    >>> titles(["c4t:a", "clip:a", "/models/mine"])
    {'c4t:a': 'c4t:a', 'clip:a': 'clip:a', '/models/mine': '/models/mine'}
    """
    made = {name: _title(name) for name in models}
    named = list(made.values())
    return {name: title if named.count(title) == 1 else name for name, title in made.items()}


def _title(name: str) -> str:
    family, colon, own = name.partition(":")
    if family not in ("c4t", "clip"):
        return name
    return own if colon else name.upper()


def titled(figure: Figure) -> Figure:
    """Return a figure with the models as the window calls them."""
    called = titles(one.name for one in figure.models)
    series = (replace(one, name=called.get(one.name, one.name)) for one in figure.series)
    return replace(figure, series=tuple(series))


def over_cutoffs(report: Report, metric: AtCutoffs) -> Figure:
    """Return a metric over the number of hits, with the interval of each mean."""
    names = [f"{metric}@{n}" for n in report.cutoffs]
    models = [
        _of_means(model, [means.frames for _ in names], names)
        for model, means in report.overall.models.items()
    ]
    chance = _chance(report.overall.chance.frames[name] for name in names)
    ticks = tuple(Tick(float(x), str(n)) for x, n in enumerate(report.cutoffs))
    return Figure(
        f"{_TITLES[metric]} at n", x="hits n", y="", series=(*models, chance), ticks=ticks
    )


def precision_recall(report: Report) -> Figure:
    """Return the interpolated precision at each recall, the mean of the queries that count."""
    models = []
    for model, one in report.measured.items():
        curve = np.mean([one.curve[i] for i in report.answered], axis=0)
        models.append(Series(model, tuple(zip(LEVELS, curve.tolist(), strict=True))))
    level = report.overall.chance.frames["r_precision"]  # a random order's, at every recall
    chance = Series(CHANCE, ((0.0, level), (1.0, level)), chance=True)
    ticks = tuple(Tick(x / 4, f"{x / 4:g}") for x in range(5))
    title = "Precision over recall, mean of all queries"
    return Figure(title, x="recall", y="precision", series=(*models, chance), ticks=ticks)


def by_kind(report: Report) -> Figure:
    """Return mAP by kind of query, with intervals; kinds without a relevant image are left out."""
    groups = {kind: group for kind, group in report.kinds.items() if group.queries}
    models = [
        _of_means(
            model,
            [group.models[model].frames for group in groups.values()],
            ["ap"] * len(groups),
        )
        for model in report.models
    ]
    chance = _chance(group.chance.frames["ap"] for group in groups.values())
    ticks = tuple(
        Tick(float(x), kind, group.queries) for x, (kind, group) in enumerate(groups.items())
    )
    title = "mAP by kind of query (number of queries)"
    return Figure(title, x="", y="mAP", series=(*models, chance), ticks=ticks)


def by_query(report: Report, chosen: Sequence[int]) -> Figure:
    """Return the average precision of some queries that have relevant images, by their index."""
    found = [report.queries[i] for i in chosen]
    models = [
        Series(
            model,
            tuple(_numbered(one.results[model].values["ap"] or 0.0 for one in found)),
        )
        for model in report.models
    ]
    chance = _chance(one.chance.frames["ap"] for one in found)
    ticks = tuple(
        Tick(float(x), one.query.text, len(one.query.relevant)) for x, one in enumerate(found)
    )
    title = "Average precision by query\n(number of relevant images)"
    return Figure(title, x="", y="AP", series=(*models, chance), ticks=ticks)


def _of_means(model: str, means: Sequence[Means], metrics: Sequence[str]) -> Series:
    pairs = list(zip(means, metrics, strict=True))
    values = _numbered(one.values[metric] or 0.0 for one, metric in pairs)
    return Series(model, tuple(values), tuple(one.intervals[metric] for one, metric in pairs))


def _chance(values: Iterable[float]) -> Series:
    return Series(CHANCE, tuple(_numbered(values)), chance=True)


def _numbered(values: Iterable[float]) -> Iterator[tuple[float, float]]:
    return ((float(x), value) for x, value in enumerate(values))
