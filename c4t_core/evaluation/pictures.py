"""Plots of a report as PNG bytes; matplotlib draws off screen and writes no dates."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from c4t_core.errors import ImageError
from c4t_core.evaluation.evaluate import Report
from c4t_core.evaluation.ranking import BINS, LEVELS
from c4t_core.images.decode import open_image

BARS_PER_PAGE = 40
"""Queries in one bar plot; more make another page."""

_DPI = 110
_LONG = 44  # characters of a label


@dataclass(frozen=True)
class Theme:
    """Colours of the plots, for light and dark paper."""

    paper: str
    ink: str
    faint: str
    models: tuple[str, ...]
    right: str
    wrong: str


LIGHT = Theme(
    paper="#ffffff",
    ink="#1f2933",
    faint="#d5dbe1",
    models=("#0b7285", "#d9730d", "#6741d9", "#2b8a3e", "#c2255c", "#495057"),
    right="#2b8a3e",
    wrong="#c92a2a",
)
DARK = Theme(
    paper="#1a2129",
    ink="#dbe2ea",
    faint="#3a4652",
    models=("#3bc9db", "#ffa94d", "#b197fc", "#69db7c", "#faa2c1", "#adb5bd"),
    right="#69db7c",
    wrong="#ff8787",
)


def over_n(report: Report, theme: Theme = LIGHT) -> bytes:
    """Precision, recall and nDCG over the number of hits, with intervals and chance."""
    figure, axes = _paper(theme, 3, width=10.5, height=3.5)
    names = (("precision", "Precision"), ("recall", "Recall"), ("ndcg", "nDCG"))
    for axis, (key, title) in zip(axes, names, strict=True):
        cutoffs = list(report.data["chance"][key])
        places = np.arange(len(cutoffs))
        for number, model in enumerate(report.data["models"]):
            overall = report.data["overall"][model]
            values = [overall[key][n] for n in cutoffs]
            colour = _colour(theme, number)
            low, high = _edges(overall["intervals"][key], cutoffs, values)
            axis.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)
            axis.plot(places, values, "o-", color=colour, label=_label(model), markersize=4)
        level = [report.data["chance"][key][n] for n in cutoffs]
        axis.plot(places, level, "--", color=theme.ink, alpha=0.6, label="chance", linewidth=1)
        axis.set_xticks(places, cutoffs)
        _finish(axis, theme, f"{title} at n", "hits n", "")
        axis.set_ylim(0, 1.02)
    _legend(axes[0], theme)
    return _png(figure)


def precision_recall(report: Report, theme: Theme = LIGHT) -> bytes:
    """The mean interpolated precision-recall curve of each model."""
    figure, (axis,) = _paper(theme, 1, width=4.9, height=3.7)
    rows = _answered(report)
    for number, (model, one) in enumerate(report.measured.items()):
        curve = np.mean([one.curve[i] for i in rows], axis=0)
        axis.plot(LEVELS, curve, color=_colour(theme, number), label=_label(model), linewidth=2)
    level = report.data["chance"]["r_precision"]
    axis.axhline(level, linestyle="--", color=theme.ink, alpha=0.6, linewidth=1, label="chance")
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1.02)
    _finish(axis, theme, "Precision over recall, mean of all queries", "recall", "precision")
    _legend(axis, theme)
    return _png(figure)


def kinds(report: Report, theme: Theme = LIGHT) -> bytes:
    """Mean average precision by kind of query, with intervals."""
    names = list(report.data["kinds"])
    figure, (axis,) = _paper(theme, 1, width=4.9, height=3.7)
    models = report.data["models"]
    thick = 0.8 / max(1, len(models))
    places = np.arange(len(names))
    for number, model in enumerate(models):
        blocks = [report.data["kinds"][name]["overall"][model] for name in names]
        values = [block["map"] or 0.0 for block in blocks]
        edges = [
            block["intervals"]["map"] or (value, value)
            for block, value in zip(blocks, values, strict=True)
        ]
        spread = np.array(
            [[v - low, high - v] for v, (low, high) in zip(values, edges, strict=True)]
        )
        axis.bar(
            places - 0.4 + thick * (number + 0.5),
            values,
            thick * 0.92,
            yerr=np.maximum(spread.T, 0),
            color=_colour(theme, number),
            ecolor=theme.ink,
            error_kw={"elinewidth": 0.8, "alpha": 0.7},
            label=_label(model),
        )
    chance = [report.data["kinds"][name]["chance"].get("map", 0.0) for name in names]
    level = {"color": theme.ink, "linestyle": "--", "linewidth": 1, "label": "chance"}
    axis.hlines(chance, places - 0.4, places + 0.4, **level)
    counts = [report.data["kinds"][name]["queries"] for name in names]
    labels = [f"{_label(name, 14)}\n{count}" for name, count in zip(names, counts, strict=True)]
    axis.set_xticks(places, labels, parse_math=False)
    # Headroom, so that the legend covers no bar.
    axis.set_ylim(0, 1.08 + 0.07 * (len(models) + 1))
    axis.set_yticks(np.linspace(0, 1, 6))
    _finish(axis, theme, "mAP by kind of query (number of queries)", "", "mAP")
    _legend(axis, theme, loc="upper right")
    return _png(figure)


def bar_pages(report: Report) -> list[list[int]]:
    """Return the places of the queries of each page of :func:`query_bars`."""
    rows = _answered(report)
    return [rows[i : i + BARS_PER_PAGE] for i in range(0, len(rows), BARS_PER_PAGE)]


def query_bars(report: Report, rows: Sequence[int], theme: Theme = LIGHT) -> bytes:
    """Average precision of some queries, one bar per model."""
    models = list(report.measured)
    lines = -(-(len(models) + 1) // 4)  # of the legend, above the plot
    above = max(0.45, 0.1 + 0.2 * lines)
    height = 0.65 + above + 0.26 * len(rows)
    figure, (axis,) = _paper(theme, 1, width=10.5, height=height, left=3.9, above=above)
    places = np.arange(len(rows))[::-1]
    thick = 0.8 / len(models)
    for number, model in enumerate(models):
        values = report.measured[model].figures["ap"][list(rows)]
        axis.barh(
            places + 0.4 - thick * (number + 0.5),
            values,
            thick * 0.92,
            color=_colour(theme, number),
            label=_label(model),
        )
    queries = report.data["queries"]
    chance = [queries[i]["chance"]["ap"] for i in rows]
    axis.vlines(chance, places - 0.4, places + 0.4, color=theme.ink, linewidth=1.2, label="chance")
    labels = [f"{_label(queries[i]['query'])}  ({queries[i]['relevant']})" for i in rows]
    axis.set_yticks(places, labels, parse_math=False, fontsize=8)
    axis.set_ylim(-0.6, len(rows) - 0.4)
    axis.set_xlim(0, 1.0)
    _finish(axis, theme, "", "AP", "")
    # The title stands over the labels, so that legend and title never meet.
    title = "Average precision by query\n(number of relevant images)"
    axis.annotate(
        title,
        (0.01, 1.0),
        xycoords=("figure fraction", "axes fraction"),
        xytext=(0, 4),
        textcoords="offset points",
        va="bottom",
        fontsize=10,
        color=theme.ink,
    )
    columns = min(4, len(models) + 1)
    axis.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=columns,
        fontsize=8,
        frameon=False,
        labelcolor=theme.ink,
    )
    return _png(figure)


def similarities(report: Report, place: int, theme: Theme = LIGHT) -> bytes:
    """One query: histogram of similarities, and similarity over rank, a row per model."""
    models = list(report.measured)
    figure, axes = _paper(theme, 2, rows=len(models), width=10.5, height=2.5 * len(models) + 0.2)
    for number, model in enumerate(models):
        one = report.measured[model]
        left, right = axes[2 * number : 2 * number + 2]
        _histogram(left, one, place, theme, _colour(theme, number))
        _finish(left, theme, f"{_label(model)}: similarities", "cosine", "images (log)")
        rank, score, relevant = one.ranked[place]
        for wanted, colour, size in ((0, theme.wrong, 7), (1, theme.right, 13)):
            some = relevant == wanted
            label = "relevant" if wanted else "other"
            right.scatter(
                rank[some], score[some], s=size, color=colour, label=label, alpha=0.75, linewidth=0
            )
        right.axhline(
            one.mean_score[place], color=theme.ink, linewidth=1, linestyle="--", label="mean"
        )
        if len(rank) and rank[-1] > 500:
            right.set_xscale("log")
        _finish(right, theme, f"{_label(model)}: similarity by rank", "rank", "cosine")
        _legend(right, theme)
    return _png(figure)


def _histogram(axis: Any, one: Any, place: int, theme: Theme, colour: str) -> None:
    every, relevant = one.histogram[place]
    width = BINS[1] - BINS[0]
    axis.stairs(every, BINS, fill=True, color=colour, alpha=0.45, label="all")
    axis.stairs(relevant, BINS, fill=True, color=theme.right, label="relevant")
    axis.axvline(one.mean_score[place], color=theme.ink, linewidth=1, linestyle="--", label="mean")
    filled = np.flatnonzero(every)
    if len(filled):
        axis.set_xlim(BINS[filled[0]] - 2 * width, BINS[filled[-1] + 1] + 2 * width)
        axis.set_yscale("log")
        axis.set_ylim(0.7, max(2.0, float(every.max()) * 1.6))
    _legend(axis, theme)


def both(draw: Callable[[Theme], bytes]) -> tuple[bytes, bytes]:
    """Draw a plot for light and for dark paper."""
    return draw(LIGHT), draw(DARK)


def _paper(
    theme: Theme,
    columns: int,
    rows: int = 1,
    width: float = 6.0,
    height: float = 4.0,
    left: float = 0.6,
    above: float = 0.35,
) -> tuple[Any, list[Any]]:
    """Return a figure without pyplot's global state, and its axes in reading order.

    Margins are fixed, in inches: letting matplotlib find them doubles the time of a plot.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor=theme.paper)
    FigureCanvasAgg(figure)
    inner = (width - left - 0.15) / columns
    figure.subplots_adjust(
        left=left / width,
        right=1 - 0.15 / width,
        bottom=0.55 / height,
        top=1 - above / height,
        wspace=0.6 / (inner - 0.6) if columns > 1 else 0,
        hspace=0.9 / (height / rows - 0.9),
    )
    grid = figure.subplots(rows, columns, squeeze=False)
    for axis in grid.flat:
        axis.set_facecolor(theme.paper)
    return figure, list(grid.flat)


def _finish(axis: Any, theme: Theme, title: str, x: str, y: str) -> None:
    axis.set_title(title, fontsize=10, color=theme.ink, loc="left", parse_math=False)
    axis.set_xlabel(x, fontsize=9, color=theme.ink)
    axis.set_ylabel(y, fontsize=9, color=theme.ink)
    axis.minorticks_off()
    axis.tick_params(colors=theme.ink, labelsize=8, length=0)
    axis.grid(visible=True, color=theme.faint, linewidth=0.6)
    axis.set_axisbelow(True)
    for name, spine in axis.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(theme.faint)


def _legend(axis: Any, theme: Theme, loc: str = "best") -> None:
    axis.legend(
        loc=loc,
        fontsize=8,
        labelcolor=theme.ink,
        facecolor=theme.paper,
        edgecolor=theme.faint,
        framealpha=0.8,
    )


def _colour(theme: Theme, number: int) -> str:
    return theme.models[number % len(theme.models)]


def _edges(
    intervals: dict[str, Any], cutoffs: Sequence[str], values: Sequence[float]
) -> tuple[list[float], list[float]]:
    pairs = [intervals[n] or (value, value) for n, value in zip(cutoffs, values, strict=True)]
    return [low for low, _ in pairs], [high for _, high in pairs]


def _answered(report: Report) -> list[int]:
    return [place for place, query in enumerate(report.queries) if len(query.relevant)]


def _label(text: str, longest: int = _LONG) -> str:
    """Return a text that matplotlib can draw on one line."""
    plain = "".join(c if c.isprintable() and not "\ud800" <= c <= "\udfff" else " " for c in text)
    plain = plain.lstrip("_") or "_"  # a leading underscore hides a line from the legend
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"


def _png(figure: Any) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that the font lacks become boxes
        figure.savefig(
            out, format="png", facecolor=figure.get_facecolor(), metadata={"Software": None}
        )
    return out.getvalue()


SHOWN = 9
"""Hits on a sheet, as the original drew them."""
TILE = (208, 132)
"""Pixels of a thumbnail; frames are fitted into it whole."""

_EDGE = 5
_TEXT = 18


@dataclass(frozen=True)
class HitTile:
    """One hit of a sheet.

    Attributes:
        name: path of the image relative to the root.
        score: its similarity.
        right: True if it is relevant.
        picture: thumbnail of exactly :data:`TILE`, or None if it cannot be read any more.
    """

    name: str
    score: float
    right: bool
    picture: Image.Image | None


def tiles(report: Report, place: int, model: str) -> list[HitTile]:
    """Return the best hits of one query and model."""
    one = report.measured[model]
    relevant = set(report.queries[place].relevant.tolist())
    collection = report.collection
    return [
        HitTile(collection.names[i], score, i in relevant, thumbnail(collection.paths[i]))
        for i, score in zip(one.top[place][:SHOWN], one.top_scores[place][:SHOWN], strict=True)
    ]


@lru_cache(maxsize=512)
def thumbnail(path: Path) -> Image.Image | None:
    """Return an image fitted into :data:`TILE`, None if it cannot be read."""
    try:
        image = open_image(path, min(TILE))
    except ImageError:
        return None
    return ImageOps.pad(image, TILE, Image.Resampling.LANCZOS, color="#20262c")


def jpeg(picture: Image.Image) -> bytes:
    """Return a thumbnail as JPEG bytes, for the page."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=82)
    return out.getvalue()


def sheet(rows: dict[str, list[HitTile]], title: str) -> bytes:
    """Draw the best hits of every model, one row each, as PNG bytes.

    Args:
        rows: model name -> its hits.
        title: the query.
    """
    wide = TILE[0] + 2 * _EDGE + 6
    high = TILE[1] + 2 * _EDGE + _TEXT + 6
    columns = max((len(row) for row in rows.values()), default=1) or 1
    page = Image.new("RGB", (columns * wide + 12, 34 + len(rows) * (high + _TEXT + 6)), LIGHT.paper)
    draw = ImageDraw.Draw(page)
    draw.text((10, 8), _drawable(title, 90), LIGHT.ink, font=_font(15))
    top = 34
    for model, hits in rows.items():
        right = sum(hit.right for hit in hits)
        head = f"{_drawable(model, 40)}: {right} of {len(hits)} right"
        draw.text((10, top), head, LIGHT.ink, font=_font(12))
        top += _TEXT + 2
        for number, hit in enumerate(hits):
            left = 8 + number * wide
            colour = LIGHT.right if hit.right else LIGHT.wrong
            box = (left, top, left + TILE[0] + 2 * _EDGE, top + TILE[1] + 2 * _EDGE)
            draw.rectangle(box, fill=colour)
            if hit.picture is not None:
                page.paste(hit.picture, (left + _EDGE, top + _EDGE))
            # A sign beside the colour: one man in twelve does not tell red from green.
            mark = "right" if hit.right else "wrong"
            text = f"{number + 1}. {mark}  {hit.score:.3f}"
            draw.text((left + 2, box[3] + 3), text, colour, font=_font(11))
        top += high + 4
    out = io.BytesIO()
    page.quantize(128, dither=Image.Dither.NONE).save(out, "PNG", optimize=False)
    return out.getvalue()


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont:
    from matplotlib import get_data_path

    return ImageFont.truetype(str(Path(get_data_path()) / "fonts/ttf/DejaVuSans.ttf"), size)


def _drawable(text: str, longest: int) -> str:
    plain = "".join(c if c.isprintable() and not "\ud800" <= c <= "\udfff" else " " for c in text)
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"
