"""Reads what the panel shows out of a report's data: pure functions on plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QCoreApplication

from c4t_desktop.messages import plural
from c4t_desktop.panels.bars.model_chooser import title_of

Data = Mapping[str, Any]
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
        tips: what a column means, by its place.
    """

    header: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    tips: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Series:
    """One curve or one set of bars.

    Attributes:
        name: what it is called.
        points: x and y; for bars x is the place of the bar.
        spans: low and high end of the interval of each point, None where unknown.
        quiet: drawn as the level of chance is: dashed and grey.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    spans: tuple[tuple[float, float] | None, ...] = ()
    quiet: bool = False


def number(value: float | None, *, sign: bool = False) -> str:
    """Write a figure with three digits, or a dash.

    >>> number(0.5), number(None), number(0.25, sign=True)
    ('0.500', '—', '+0.250')
    """
    if value is None:
        return NONE
    return f"{value:+.3f}" if sign else f"{value:.3f}"


def cutoff(data: Data, wanted: int) -> str:
    """Return the cut-off in the report that comes closest to a wanted one."""
    return str(min(data["chance"]["precision"], key=lambda n: abs(int(n) - wanted)))


def _span(block: Data, name: str = "map") -> tuple[float, float] | None:
    edges = (block.get("intervals") or {}).get(name)
    return (edges[0], edges[1]) if edges else None


def overall(data: Data) -> Table:
    """Return the figures of each model, and the level of chance below them."""
    first, far = cutoff(data, 10), cutoff(data, 100)
    header = (
        _tr("Model"), _tr("mAP"), _tr("95 % interval"), f"P@{first}", f"R@{far}",
        f"nDCG@{first}", "MRR", _tr("mAP of events"),
    )  # fmt: skip
    blocks = [(name, data["overall"][name]) for name in data["models"]]
    columns = [
        [block["map"] for _, block in blocks],
        [block["precision"][first] for _, block in blocks],
        [block["recall"][far] for _, block in blocks],
        [block["ndcg"][first] for _, block in blocks],
        [block["mrr"] for _, block in blocks],
        [block["events"].get("map") for _, block in blocks],
    ]
    rows = []
    for place, (name, block) in enumerate(blocks):
        cells = [_best(column, place) for column in columns]
        span = _span(block)
        between = f"{span[0]:.3f} – {span[1]:.3f}" if span else NONE
        rows.append((Cell(title_of(name)), cells[0], Cell(between, tone="muted"), *cells[1:]))
    chance = data["chance"]
    values = (
        chance["map"], None, chance["precision"][first], chance["recall"][far],
        (chance.get("ndcg") or {}).get(first), chance.get("mrr"),
        (chance.get("events") or {}).get("map"),
    )  # fmt: skip
    quiet = [Cell(number(value), value, "muted") for value in values]
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


def _best(column: Sequence[float | None], place: int) -> Cell:
    value = column[place]
    known = [other for other in column if other is not None]
    best = len(column) > 1 and value is not None and value >= max(known)
    return Cell(number(value), value, "strong" if best else "")


def difference(data: Data) -> str:
    """Say how the first model compares with each other one; "" for a single model."""
    found = data["comparisons"]
    first = [one for one in found if one["a"] == found[0]["a"]]
    return "\n".join(filter(None, map(_difference, first)))


def _difference(found: Data) -> str:
    delta, span = found["difference"]["map"], _span(found)
    a, b = title_of(found["a"]), title_of(found["b"])
    if delta is None or span is None:
        return ""
    better, worse, wins = (a, b, found["better"]["a"])
    if delta < 0:
        better, worse, wins = b, a, found["better"]["b"]
        delta, span = -delta, (-span[1], -span[0])
    figures = {
        "better": better,
        "worse": worse,
        "delta": number(delta, sign=True),
        "low": number(span[0], sign=True),
        "high": number(span[1], sign=True),
        "wins": wins,
        "queries": found["queries"],
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


def scope(data: Data) -> str:
    """Say what was searched and asked."""
    return _tr("{queries} on {images} of {moments}").format(
        queries=plural(data["answered"], _tr("{0} query"), _tr("{0} queries")),
        images=plural(data["images"], _tr("{0} frame"), _tr("{0} frames")),
        moments=plural(data["moments"], _tr("{0} moment"), _tr("{0} moments")),
    )


def notes(data: Data) -> tuple[str, ...]:
    """Return what the reader must know beside the figures."""
    found = [
        _tr("{0} was not evaluated: {1}").format(title_of(entry["model"]), entry["reason"])
        for entry in data["missing"]
    ]
    if data["skipped"]:
        first = data["skipped"][0]
        text = _tr("{0} images could not be read, such as {1} ({2}).")
        found.append(text.format(len(data["skipped"]), first["path"], first["reason"]))
    if data["without_relevant"]:
        text = _tr("{0} queries have no right frame here and do not count, such as “{1}”.")
        found.append(text.format(len(data["without_relevant"]), data["without_relevant"][0]))
    return (*found, *data["problems"][:20])


def queries(data: Data) -> Table:
    """Return a row for each query, in the report's order."""
    first, models = cutoff(data, 10), data["models"]
    compared = len(models) > 1
    header = [_tr("Query"), _tr("Kind"), _tr("Right frames")]
    header += [f"AP {title_of(name)}" for name in models]
    header += [_tr("Difference")] if compared else [f"P@{first}"]
    header += [_tr("By chance")]
    rows = []
    for query in data["queries"]:
        results = [query["results"][name] for name in models]
        precisions = [result["ap"] for result in results]
        cells = [
            Cell(query["query"], query["query"]),
            Cell(kind_title(query["kind"]), query["kind"], "muted"),
            Cell(str(query["relevant"]), float(query["relevant"])),
            *(Cell(number(value), value) for value in precisions),
        ]
        if compared:
            cells.append(_delta(precisions[0], precisions[1]))
        else:
            value = results[0]["precision"][first]
            cells.append(Cell(number(value), value))
        by_chance = query["chance"].get("ap", query["chance"].get("map"))
        cells.append(Cell(number(by_chance), by_chance, "muted"))
        rows.append(tuple(cells))
    tips = (
        {len(header) - 2: _tr("AP of the first model less AP of the second.")} if compared else {}
    )
    return Table(tuple(header), tuple(rows), tips)


def _delta(first: float | None, second: float | None) -> Cell:
    if first is None or second is None:
        return Cell(NONE)
    value = first - second
    tone = "" if abs(value) < 5e-4 else "good" if value > 0 else "bad"
    return Cell(number(value, sign=True), value, tone)


def slices(data: Data) -> Table:
    """Return a row for each part of the images or queries."""
    models = data["models"]
    header = [_tr("By"), _tr("Part"), _tr("Queries"), _tr("Frames")]
    header += [f"mAP {title_of(name)}" for name in models]
    header += [_tr("By chance")]
    rows = []
    for entry in data["slices"]:
        images = entry["images"]
        rows.append(
            (
                Cell(dimension_title(entry["dimension"]), entry["dimension"], "muted"),
                Cell(str(entry["value"]), str(entry["value"])),
                Cell(str(entry["queries"]), float(entry["queries"])),
                Cell(NONE if images is None else str(images), images),
                *(
                    Cell(number(value), value)
                    for value in (entry["results"][name]["map"] for name in models)
                ),
                Cell(number(entry["chance"]["map"]), entry["chance"]["map"], "muted"),
            )
        )
    return Table(tuple(header), tuple(rows))


def kind_title(kind: str) -> str:
    """Return what a list of queries is called in the window."""
    titles = {
        "single": _tr("single"),
        "rare": _tr("rare"),
        "small": _tr("small"),
        "multi": _tr("several"),
        "condition": _tr("condition"),
        "combined": _tr("mixed"),
        "count": _tr("count"),
        "amount": _tr("amount"),
        "weather": _tr("weather"),
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
    }
    return titles.get(dimension, dimension)


def chance_title() -> str:
    """Return what the curve of a random order is called."""
    return _tr("chance")


def over_n(data: Data, figure: str) -> tuple[tuple[str, ...], tuple[Series, ...]]:
    """Return the cut-offs and, for ``"precision"`` or ``"recall"``, a curve for each model."""
    names = tuple(sorted(data["chance"]["precision"], key=int))
    made = [
        _curve(title_of(model), [data["overall"][model][figure][n] for n in names])
        for model in data["models"]
    ]
    made.append(_curve(_tr("chance"), [data["chance"][figure][n] for n in names], quiet=True))
    return names, tuple(made)


def _curve(name: str, values: Sequence[float | None], *, quiet: bool = False) -> Series:
    points = [(float(x), y) for x, y in enumerate(values) if y is not None]
    return Series(name, tuple(points), quiet=quiet)


def kinds(data: Data) -> tuple[tuple[str, ...], tuple[Series, ...]]:
    """Return the kinds of queries and, for each model, mAP with its interval in each."""
    found = [kind for kind, block in data["kinds"].items() if block["queries"]]
    made = []
    for model in data["models"]:
        blocks = [data["kinds"][kind]["overall"][model] for kind in found]
        points = tuple((float(x), block["map"]) for x, block in enumerate(blocks))
        made.append(Series(title_of(model), points, tuple(map(_span, blocks))))
    chance = tuple((float(x), data["kinds"][kind]["chance"]["map"]) for x, kind in enumerate(found))
    made.append(Series(_tr("chance"), chance, quiet=True))
    return tuple(kind_title(kind) for kind in found), tuple(made)
