"""Words and cells of a report, as the panel shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from c4t_core.records import dataclass
from c4t_desktop.messages import plural, said
from c4t_desktop.panels.bars.top_bar import title_of

if TYPE_CHECKING:
    from c4t_core.evaluation.figures import Figure
    from c4t_core.evaluation.summary import Comparison, Report, Values

NONE = "—"


def _tr(text: str) -> str:
    return QCoreApplication.translate("Figures", text)


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: what is shown.
        value: what is sorted by; None sorts last.
        tone: "", "strong", "muted", "good" or "bad".
    """

    text: str
    value: float | str | None = None
    tone: str = ""


@dataclass(frozen=True)
class Table:
    """What a table shows.

    Attributes:
        header: column titles.
        rows: cells, each row as long as the header.
        tips: what a column means, by its index.
    """

    header: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    tips: Mapping[int, str] = field(default_factory=dict)


def number(value: float | None, *, sign: bool = False) -> str:
    """Write a figure with three digits, or a dash.

    >>> number(0.5), number(None), number(0.25, sign=True)
    ('0.500', '—', '+0.250')
    """
    if value is None:
        return NONE
    return f"{value:+.3f}" if sign else f"{value:.3f}"


def nearest_cutoff(report: Report, wanted: int) -> int:
    """Return the cut-off in the report that comes closest to a wanted one."""
    return min(report.cutoffs, key=lambda n: abs(n - wanted))


def overall(report: Report) -> Table:
    """Return the figures of each model, and the level of chance below them."""
    first, far = nearest_cutoff(report, 10), nearest_cutoff(report, 100)
    header = (
        _tr("Model"), _tr("mAP"), _tr("95 % interval"), f"P@{first}", f"R@{far}",
        f"nDCG@{first}", "MRR", _tr("mAP of events"),
    )  # fmt: skip

    def values(frames: Values, events: Values) -> list[float | None]:
        metrics = ("ap", f"precision@{first}", f"recall@{far}", f"ndcg@{first}", "rr")
        return [*(frames[metric] for metric in metrics), events["ap"]]

    models = report.overall.models
    table = [values(means.frames.values, means.events.values) for means in models.values()]
    best = [
        max((v for v in column if v is not None), default=None)
        for column in zip(*table, strict=True)
    ]
    rows = []
    for (name, means), found in zip(models.items(), table, strict=True):
        cells = [
            _figure(v, "strong" if v is not None and v == most and len(table) > 1 else "")
            for v, most in zip(found, best, strict=True)
        ]
        span = means.frames.intervals["ap"]
        between = f"{span[0]:.3f} – {span[1]:.3f}" if span else NONE
        rows.append((Cell(title_of(name)), cells[0], Cell(between, tone="muted"), *cells[1:]))
    chance = values(report.overall.chance.frames, report.overall.chance.events)
    quiet = [_figure(value, "muted") for value in (chance[0], None, *chance[1:])]
    rows.append((Cell(_tr("Chance"), tone="muted"), *quiet))
    tips = {
        1: _tr("Mean average precision: 1 if all right frames come first."),
        2: _tr("Where the mean would lie for other queries like these."),
        3: _tr("Share of right frames among the first {0} hits.").format(first),
        4: _tr("Share of all right frames found among the first {0} hits.").format(far),
        5: _tr("Like P, but early hits and better matches count more."),
        6: _tr("One over the rank of the first right frame."),
        7: _tr("Frames of the same moment counted once."),
    }
    return Table(header, tuple(rows), tips)


def difference(comparisons: Sequence[Comparison]) -> str:
    """Say how the first model compares with each other one; "" for a single model."""
    first = [one for one in comparisons if one.a == comparisons[0].a]
    return "\n".join(filter(None, map(_difference, first)))


def _difference(found: Comparison) -> str:
    delta, span = found.difference.values["ap"], found.difference.intervals["ap"]
    if delta is None or span is None:
        return ""
    better, worse, wins = title_of(found.a), title_of(found.b), found.better_a
    if delta < 0:
        better, worse, wins = worse, better, found.better_b
        delta, span = -delta, (-span[1], -span[0])
    figures = {
        "better": better,
        "worse": worse,
        "delta": number(delta, sign=True),
        "low": number(span[0], sign=True),
        "high": number(span[1], sign=True),
        "wins": wins,
        "queries": found.queries,
    }
    clear = _tr(
        "{better} finds more than {worse}: mAP {delta} (95 % interval {low} to {high}), better on "
        "{wins} of {queries} queries."
    )
    unclear = _tr(
        "No clear difference between {better} and {worse}: mAP {delta}, and the 95 % interval "
        "({low} to {high}) holds 0; more queries would tell."
    )
    return (clear if span[0] > 0 else unclear).format(**figures)


def scope(queries: int, images: int, moments: int) -> str:
    """Say what was searched and asked."""
    return _tr("{queries} on {images} of {moments}").format(
        queries=plural(queries, _tr("{0} query"), _tr("{0} queries")),
        images=plural(images, _tr("{0} frame"), _tr("{0} frames")),
        moments=plural(moments, _tr("{0} moment"), _tr("{0} moments")),
    )


def notes(report: Report) -> tuple[str, ...]:
    """Return what the reader must know beside the figures."""
    found = [
        _tr("{0} was not evaluated: {1}").format(title_of(item.model), said(item.reason))
        for item in report.missing
    ]
    if report.skipped:
        first = report.skipped[0]
        text = _tr("{0} images could not be read, such as {1} ({2}).")
        found.append(text.format(len(report.skipped), first.path, said(first.reason)))
    lacking = report.without_relevant
    if lacking:
        text = _tr("{0} queries have no right frame here and do not count, such as “{1}”.")
        found.append(text.format(len(lacking), lacking[0]))
    return (*found, *map(said, report.problems[:20]))


def queries(report: Report) -> Table:
    """Return a row for each query, in the report's order."""
    first, compared = nearest_cutoff(report, 10), len(report.models) > 1
    header = [_tr("Query"), _tr("Kind"), _tr("Right frames")]
    header += [f"AP {title_of(name)}" for name in report.models]
    header += [_tr("Difference")] if compared else [f"P@{first}"]
    header += [_tr("By chance")]
    rows = []
    for found in report.queries:
        query, results = found.query, list(found.results.values())
        precisions = [result.values["ap"] for result in results]
        relevant = len(query.relevant)
        last = (
            _delta(precisions[0], precisions[1])
            if compared
            else _figure(results[0].values[f"precision@{first}"])
        )
        rows.append(
            (
                Cell(query.text, query.text),
                Cell(kind_title(query.kind), query.kind, "muted"),
                Cell(str(relevant), float(relevant)),
                *map(_figure, precisions),
                last,
                _figure(found.chance.frames["ap"], "muted"),
            )
        )
    tips = (
        {len(header) - 2: _tr("AP of the first model less AP of the second.")} if compared else {}
    )
    return Table(tuple(header), tuple(rows), tips)


def _figure(value: float | None, tone: str = "") -> Cell:
    return Cell(number(value), value, tone)


def _delta(first: float | None, second: float | None) -> Cell:
    if first is None or second is None:
        return Cell(NONE)
    value = first - second
    tone = "" if abs(value) < 5e-4 else "good" if value > 0 else "bad"
    return Cell(number(value, sign=True), value, tone)


def slices(report: Report) -> Table:
    """Return a row for each part of the images or queries."""
    header = [_tr("By"), _tr("Part"), _tr("Queries"), _tr("Frames")]
    header += [f"mAP {title_of(name)}" for name in report.models]
    header += [_tr("By chance")]
    rows = [
        (
            Cell(dimension_title(part.dimension), part.dimension, "muted"),
            Cell(part.value, part.value),
            Cell(str(part.queries), float(part.queries)),
            Cell(NONE if part.images is None else str(part.images), part.images),
            *(_figure(means.values["ap"]) for means in part.models.values()),
            _figure(part.chance["ap"], "muted"),
        )
        for part in report.slices
    ]
    return Table(tuple(header), tuple(rows))


def kind_title(kind: str) -> str:
    """Return what a list of queries is called in the window."""
    titles = {
        "single": _tr("single"),
        "rare": _tr("rare"),
        "small": _tr("small"),
        "multi": _tr("several"),
        "combined": _tr("mixed"),
        "count": _tr("count"),
        "amount": _tr("amount"),
        "weather": _tr("weather"),
        "time": _tr("time of day"),
        "road": _tr("road"),
        "place": _tr("place"),
        "caption": _tr("caption"),
        "own": _tr("own"),
    }
    return titles.get(kind, kind)


def dimension_title(dimension: str) -> str:
    """Return what the slices are cut by."""
    titles = {
        "weather": _tr("weather"),
        "time of day": _tr("time of day"),
        "class": _tr("class"),
        "objects": _tr("objects"),
        "drive": _tr("drive"),
        "road": _tr("road"),
        "place": _tr("place"),
        "source": _tr("data set"),
        "weather asked for": _tr("weather asked for"),
        "time of day asked for": _tr("time of day asked for"),
        "road asked for": _tr("road asked for"),
        "place asked for": _tr("place asked for"),
    }
    return titles.get(dimension, dimension)


def titled(figure: Figure) -> Figure:
    """Return a figure with the names that the window has for models and kinds."""
    return replace(
        figure,
        series=tuple(
            replace(one, name=_tr("chance") if one.chance else title_of(one.name))
            for one in figure.series
        ),
        ticks=tuple(replace(tick, text=kind_title(tick.text)) for tick in figure.ticks),
    )
