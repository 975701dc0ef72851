"""Plots of a report and sheets of hits as PNG bytes.

Matplotlib draws off screen and writes no dates, so the same report gives the same bytes.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from c4t_core.errors import ImageError
from c4t_core.evaluation import figures
from c4t_core.evaluation.ranking import BINS, Measured
from c4t_core.evaluation.summary import Report
from c4t_core.images.decode import open_image
from c4t_core.paths import resource
from c4t_core.quiet import keep_caches_inside
from c4t_core.records import dataclass

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


# The window's colours; beyond its four for models, two more.
LIGHT = Theme(
    paper="#ffffff",
    ink="#12171f",
    faint="#e2e6ec",
    models=("#1b66e5", "#9a6200", "#178a4a", "#cc2f3c", "#6741d9", "#495057"),
    right="#178a4a",
    wrong="#cc2f3c",
)
DARK = Theme(
    paper="#20252e",
    ink="#e9ecf1",
    faint="#2c333e",
    models=("#5b9bff", "#e3b04b", "#3fc77c", "#ff6b75", "#b197fc", "#adb5bd"),
    right="#3fc77c",
    wrong="#ff6b75",
)


def over_cutoffs(report: Report, theme: Theme) -> bytes:
    """Precision, recall and nDCG over the number of hits, with intervals and chance."""
    paper, axes = _paper(theme, 3, width=10.5, height=3.5)
    names: tuple[figures.AtCutoffs, ...] = ("precision", "recall", "ndcg")
    for axis, metric in zip(axes, names, strict=True):
        figure = figures.titled(figures.over_cutoffs(report, metric))
        x = [tick.x for tick in figure.ticks]
        for number, one in enumerate(figure.models):
            colour = _colour(theme, number)
            low, high = zip(*_intervals(one), strict=True)
            axis.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
            axis.plot(x, one.y, "o-", color=colour, label=_label(one.name), markersize=4)
        chance = figure.chance
        axis.plot(x, chance.y, "--", color=theme.ink, alpha=0.6, label=chance.name, linewidth=1)
        axis.set_xticks(x, [tick.text for tick in figure.ticks])
        _finish(axis, theme, figure.title, figure.x, figure.y)
        axis.set_ylim(0, 1.02)
    _legend(axes[0], theme)
    return _png(paper)


def precision_recall(report: Report, theme: Theme) -> bytes:
    """The mean interpolated precision-recall curve of each model."""
    figure = figures.titled(figures.precision_recall(report))
    paper, (axis,) = _paper(theme, 1, width=4.9, height=3.7)
    for number, one in enumerate(figure.models):
        colour = _colour(theme, number)
        axis.plot(*zip(*one.points, strict=True), color=colour, label=_label(one.name), linewidth=2)
    axis.axhline(figure.chance.y[0], alpha=0.6, **_chance(figure, theme))
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1.02)
    _finish(axis, theme, figure.title, figure.x, figure.y)
    _legend(axis, theme)
    return _png(paper)


def by_kind(report: Report, theme: Theme) -> bytes:
    """Mean average precision by kind of query, with intervals."""
    figure = figures.titled(figures.by_kind(report))
    paper, (axis,) = _paper(theme, 1, width=4.9, height=3.7)
    thick = 0.8 / len(figure.models)
    x = np.array([tick.x for tick in figure.ticks])
    for number, one in enumerate(figure.models):
        spread = [
            [y - low, high - y] for y, (low, high) in zip(one.y, _intervals(one), strict=True)
        ]
        axis.bar(
            x - 0.4 + thick * (number + 0.5),
            one.y,
            thick * 0.92,
            yerr=np.maximum(np.array(spread).T, 0),
            color=_colour(theme, number),
            ecolor=theme.ink,
            error_kw={"elinewidth": 0.8, "alpha": 0.7},
            label=_label(one.name),
        )
    axis.hlines(figure.chance.y, x - 0.4, x + 0.4, **_chance(figure, theme))
    labels = [f"{_label(tick.text, 14)}\n{tick.count}" for tick in figure.ticks]
    axis.set_xticks(x, labels, parse_math=False)
    # Headroom, so that the legend covers no bar.
    axis.set_ylim(0, 1.08 + 0.07 * len(figure.series))
    axis.set_yticks(np.linspace(0, 1, 6))
    _finish(axis, theme, figure.title, figure.x, figure.y)
    _legend(axis, theme, loc="upper right")
    return _png(paper)


def bar_pages(report: Report) -> list[list[int]]:
    """Return the indices of the queries of each page of :func:`by_query`."""
    rows = report.answered
    return [rows[i : i + BARS_PER_PAGE] for i in range(0, len(rows), BARS_PER_PAGE)]


def by_query(report: Report, rows: Sequence[int], theme: Theme) -> bytes:
    """Average precision of some queries, one bar per model."""
    figure = figures.titled(figures.by_query(report, rows))
    columns = min(4, len(figure.series))
    lines = -(-len(figure.series) // 4)  # of the legend, above the plot
    above = max(0.45, 0.1 + 0.2 * lines)
    height = 0.65 + above + 0.26 * len(rows)
    paper, (axis,) = _paper(theme, 1, width=10.5, height=height, left=3.9, above=above)
    y = np.arange(len(rows))[::-1]  # the first query on top
    thick = 0.8 / len(figure.models)
    for number, one in enumerate(figure.models):
        axis.barh(
            y + 0.4 - thick * (number + 0.5),
            one.y,
            thick * 0.92,
            color=_colour(theme, number),
            label=_label(one.name),
        )
    chance = {"color": theme.ink, "linewidth": 1.2, "label": figure.chance.name}
    axis.vlines(figure.chance.y, y - 0.4, y + 0.4, **chance)
    labels = [f"{_label(tick.text)}  ({tick.count})" for tick in figure.ticks]
    axis.set_yticks(y, labels, parse_math=False, fontsize=8)
    axis.set_ylim(-0.6, len(rows) - 0.4)
    axis.set_xlim(0, 1.0)
    _finish(axis, theme, "", figure.y, "")
    # The title stands over the labels, so that legend and title never meet.
    axis.annotate(
        figure.title,
        (0.01, 1.0),
        xycoords=("figure fraction", "axes fraction"),
        xytext=(0, 4),
        textcoords="offset points",
        va="bottom",
        fontsize=10,
        color=theme.ink,
    )
    axis.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=columns,
        fontsize=8,
        frameon=False,
        labelcolor=theme.ink,
    )
    return _png(paper)


def similarities(report: Report, query: int, theme: Theme) -> bytes:
    """One query: histogram of similarities, and similarity over rank, a row per model."""
    models = list(report.measured)
    titles = figures.titles(models)
    figure, axes = _paper(theme, 2, rows=len(models), width=10.5, height=2.5 * len(models) + 0.2)
    for number, model in enumerate(models):
        one = report.measured[model]
        left, right = axes[2 * number : 2 * number + 2]
        _histogram(left, one, query, theme, _colour(theme, number))
        _finish(left, theme, f"{_label(titles[model])}: similarities", "cosine", "images (log)")
        rank, score, relevant = one.ranked[query]
        for wanted, colour, size in ((0, theme.wrong, 7), (1, theme.right, 13)):
            some = relevant == wanted
            label = "relevant" if wanted else "other"
            right.scatter(
                rank[some], score[some], s=size, color=colour, label=label, alpha=0.75, linewidth=0
            )
        right.axhline(
            one.mean_score[query], color=theme.ink, linewidth=1, linestyle="--", label="mean"
        )
        if len(rank) and rank[-1] > 500:
            right.set_xscale("log")
        _finish(right, theme, f"{_label(titles[model])}: similarity by rank", "rank", "cosine")
        _legend(right, theme)
    return _png(figure)


def _histogram(axis: Any, one: Measured, query: int, theme: Theme, colour: str) -> None:
    every, relevant = one.histogram[query]
    width = BINS[1] - BINS[0]
    axis.stairs(every, BINS, fill=True, color=colour, alpha=0.45, label="all")
    right = theme.ink if colour == theme.right else theme.right
    axis.stairs(relevant, BINS, fill=True, color=right, label="relevant")
    axis.axvline(one.mean_score[query], color=theme.ink, linewidth=1, linestyle="--", label="mean")
    filled = np.flatnonzero(every)
    if len(filled):
        axis.set_xlim(BINS[filled[0]] - 2 * width, BINS[filled[-1] + 1] + 2 * width)
        axis.set_yscale("log")
        axis.set_ylim(0.7, max(2.0, float(every.max()) * 1.6))
    _legend(axis, theme)


def both(draw: Callable[[Theme], bytes]) -> tuple[bytes, bytes]:
    """Draw a plot for light and for dark paper, in the window's type."""
    keep_caches_inside()
    from matplotlib import font_manager, rc_context

    font_manager.fontManager.addfont(resource("fonts", "Inter-Regular.otf"))
    with rc_context({"font.family": ["Inter", "DejaVu Sans"]}):
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
    keep_caches_inside()
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


def _chance(figure: figures.Figure, theme: Theme) -> dict[str, Any]:
    return {"color": theme.ink, "linestyle": "--", "linewidth": 1, "label": figure.chance.name}


def _colour(theme: Theme, number: int) -> str:
    return theme.models[number % len(theme.models)]


def _intervals(one: figures.Series) -> list[tuple[float, float]]:
    """Return the interval of each point, of no width where there is none."""
    return [known or (y, y) for known, y in zip(one.intervals, one.y, strict=True)]


def _label(text: str, longest: int = _LONG) -> str:
    """Return a text that matplotlib can draw on one line."""
    # A leading underscore hides a line from the legend.
    return _drawable(_drawable(text).lstrip("_") or "_", longest)


def _png(figure: Any) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that the font lacks become boxes
        figure.savefig(
            out, format="png", facecolor=figure.get_facecolor(), metadata={"Software": None}
        )
    return out.getvalue()


# sheets of hits -----------------------------------------------------------------------------

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


def tiles(report: Report, query: int, model: str) -> list[HitTile]:
    """Return the best hits of one query, by its index, and model."""
    one = report.measured[model]
    relevant = set(report.queries[query].query.relevant.tolist())
    collection = report.collection
    return [
        HitTile(collection.names[i], score, i in relevant, thumbnail(collection.paths[i]))
        for i, score in zip(one.top[query][:SHOWN], one.top_scores[query][:SHOWN], strict=True)
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
    top, titles = 34, figures.titles(rows)
    for model, hits in rows.items():
        right = sum(hit.right for hit in hits)
        head = f"{_drawable(titles[model], 40)}: {right} of {len(hits)} right"
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
    return ImageFont.truetype(str(resource("fonts", "Inter-Regular.otf")), size)


def _drawable(text: str, longest: int | None = None) -> str:
    """Return a text without what is no character, cut where it is too long."""
    plain = "".join(c if c.isprintable() and not "\ud800" <= c <= "\udfff" else " " for c in text)
    if longest is None or len(plain) <= longest:
        return plain
    return f"{plain[: longest - 1]}…"
