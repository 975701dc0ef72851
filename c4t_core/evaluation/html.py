"""report.html: one file that opens offline, in light and dark, without any script.

Every text that comes from outside goes through :func:`safe`; and whatever an image's name may hold,
the page around it (``resources/evaluation/report.html``) forbids to load, run or send anything.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from string import Template

from c4t_core.evaluation.figures import titles
from c4t_core.evaluation.pictures import HitTile, jpeg
from c4t_core.evaluation.summary import Comparison, Interval, Means, Provenance, Report
from c4t_core.paths import resource


def html_picture(both: tuple[bytes, bytes], text: str) -> str:
    """Return a plot for light and for dark paper, with a text that says what it shows."""
    light, dark = map(base64_of, both)
    return (
        '<picture><source media="(prefers-color-scheme: dark)" '
        f'srcset="data:image/png;base64,{dark}">'
        f'<img alt="{safe(text)}" src="data:image/png;base64,{light}"></picture>'
    )


def html_table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    caption: str = "",
    classes: str = "",
    escaped: bool = False,
) -> str:
    """Return a table; cells are escaped unless they are ``escaped`` already."""
    keep = (lambda text: text) if escaped else safe
    top = "".join(f"<th>{safe(text)}</th>" for text in head) if any(head) else ""
    lines = "".join(
        "<tr>" + "".join(f"<td>{keep(text)}</td>" for text in row) + "</tr>" for row in rows
    )
    label = f"<caption>{safe(caption)}</caption>" if caption else ""
    return (
        f'<div class="scroll"><table class="{classes}">{label}<thead><tr>{top}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def html_note(text: str) -> str:
    """Return a remark; the text is HTML already."""
    return f'<p class="note">{text}</p>'


def html_section(title: str, *parts: str) -> str:
    """Return a section; title and parts are HTML already."""
    return f"<section><h2>{title}</h2>{''.join(parts)}</section>"


def with_interval(means: Means, metric: str) -> str:
    """Return a mean with its interval, as text."""
    return f"{decimals(means.values[metric])} {bracketed(means.intervals[metric])}".strip()


def bracketed(edges: Interval | None, *, signed: bool = False) -> str:
    """Return an interval as text, nothing where there is none."""
    if edges is None:
        return ""
    return "[{:+.3f}, {:+.3f}]".format(*edges) if signed else "[{:.3f}, {:.3f}]".format(*edges)


def decimals(value: float | None) -> str:
    """Return a figure as text, a dash where it is undefined."""
    return "–" if value is None else f"{value:.3f}"


def safe(text: str) -> str:
    """Escape a text; what is no character becomes a visible escape."""
    shown = "".join(
        c if c.isprintable() and not "\ud800" <= c <= "\udfff" else repr(c)[1:-1] for c in text
    )
    return escape(shown)


def base64_of(data: bytes) -> str:
    """Return bytes as base64 text."""
    return base64.b64encode(data).decode("ascii")


Hits = Mapping[int, Mapping[str, Sequence[HitTile]]]
Plots = Mapping[str, tuple[bytes, bytes]]

_RECALL = (
    "Recall is the share of <em>all</em> images that are relevant to the whole query: for several "
    "classes, those that hold every one of them. (The original prototype's recall went wrong "
    "there: it scored each class by itself and looked for the total in another way. Its figures "
    "for multi-class queries cannot be set beside these.)"
)


def page(report: Report, hits: Hits, plots: Plots) -> bytes:
    """Return the whole page.

    Args:
        report: what was measured.
        hits: index of a query -> model -> its best hits, for the queries shown in full, in the
            order of their plots.
        plots: name of a plot, as of its file -> PNG for light and for dark paper.
    """
    parts = [
        _head(report),
        _notices(report),
        "<section><h2>Overall</h2>",
        _cards(report),
        html_note(
            "Means over all queries with relevant images, each counting the same. In brackets the "
            "95&nbsp;% interval over queries; <em>chance</em> is what a random order would score."
            + _too_far(report)
        ),
        html_note(_RECALL),
        _overall_table(report),
        "</section>",
        '<section class="plots">',
        html_picture(plots["over-n"], "Precision, recall and nDCG over the number of hits"),
        html_picture(plots["precision-recall"], "Precision over recall"),
        html_picture(plots["kinds"], "Mean average precision by kind of query"),
        "</section>",
        _events(report),
        _comparisons(report),
        _kinds(report),
        _slices(report),
        _objects(report),
        _queries(report, plots),
        _in_full(report, hits, plots),
        _skipped(report),
        _provenance(report.provenance),
    ]
    body = "\n".join(parts)
    title = safe(", ".join(titles(report.models).values()))
    frame = Template(resource("evaluation", "report.html").read_text("utf-8"))
    regular, semibold = (
        base64_of(resource("fonts", f"Inter-{weight}.otf").read_bytes())
        for weight in ("Regular", "SemiBold")
    )
    whole = frame.substitute(title=title, body=body, regular=regular, semibold=semibold)
    return whole.encode("utf-8", "replace")


def _too_far(report: Report) -> str:
    """Return which numbers of hits are left out, and why."""
    left = [str(n) for n in report.provenance.options.cutoffs if n not in report.cutoffs]
    if not left:
        return ""
    return (
        f" The first {' and '.join(left)} hits are no rows here: there are only "
        f"{len(report.collection):,} images, which any order would list."
    )


def _objects(report: Report) -> str:
    """Return how right facts on objects are, nothing where no model gives any."""
    if not report.objects:
        return ""
    head = ("", "images", "with it", "precision", "recall", "error of the number")
    tables = [
        html_table(
            head,
            [
                (
                    one.label,
                    f"{one.images:,}",
                    f"{one.positives:,}",
                    *map(decimals, (one.precision, one.recall, one.count_error)),
                )
                for one in found
            ],
            caption=titles(report.models).get(name, name),
        )
        for name, found in report.objects.items()
    ]
    note = html_note(
        "What a model believes to be there, from a probability of one half on, against the labels. "
        "The error is the mean difference between the numbers shown and labelled."
    )
    return html_section("Objects as facts", note, *tables)


def _head(report: Report) -> str:
    facts = [
        f"{len(report.collection):,} images",
        f"{report.moments:,} events",
        f"{report.overall.queries:,} of {len(report.queries):,} queries have relevant images",
    ]
    return (
        f'<header><p class="kicker">CLIP4Traffic evaluation</p>'
        f"<h1>{' <span>against</span> '.join(map(safe, titles(report.models).values()))}</h1>"
        f'<p class="facts">{" · ".join(facts)}</p></header>'
    )


def _notices(report: Report) -> str:
    lines = [
        f"<strong>{safe(item.model)} is missing.</strong> {safe(item.reason)}"
        for item in report.missing
    ]
    lines += [safe(text) for text in report.problems[:20]]
    if len(report.problems) > 20:
        lines.append(f"{len(report.problems) - 20} more are in report.json.")
    lacking = report.without_relevant
    if lacking:
        names = list(dict.fromkeys(lacking))[:30]  # one may be in two lists
        number = len(lacking)
        lines.append(
            f"{number} {'query has' if number == 1 else 'queries have'} no relevant image here "
            f"and {'is' if number == 1 else 'are'} left out of all means: "
            f"{', '.join(f'“{safe(text)}”' for text in names)}."
        )
    if report.skipped:
        lines.append(f"{len(report.skipped)} images could not be read; they are listed below.")
    return "".join(f'<p class="notice">{line}</p>' for line in lines)


def _cards(report: Report) -> str:
    first, called = report.cutoffs[0], titles(report.models)
    cards = []
    for number, (model, means) in enumerate(report.overall.models.items()):
        values = means.frames.values
        cards.append(
            f'<div class="card m{number % 6}"><h3>{safe(called[model])}</h3>'
            f'<p class="big">{decimals(values["ap"])}</p>'
            f"<p>mAP {bracketed(means.frames.intervals['ap'])}</p>"
            f"<p>P@{first} {decimals(values[f'precision@{first}'])} · "
            f"MRR {decimals(values['rr'])}</p></div>"
        )
    chance = report.overall.chance.frames
    cards.append(
        f'<div class="card chance"><h3>chance</h3><p class="big">{decimals(chance["ap"])}</p>'
        f"<p>mAP of a random order</p><p>MRR {decimals(chance['rr'])}</p></div>"
    )
    return f'<div class="cards">{"".join(cards)}</div>'


_SINGLE = {"mAP": "ap", "MRR": "rr"}
_AT = {"P": "precision", "R": "recall", "nDCG": "ndcg"}


def _overall_table(report: Report) -> str:
    metrics = {**_SINGLE, "R-precision": "r_precision"}
    metrics |= {f"{t}@{n}": f"{name}@{n}" for t, name in _AT.items() for n in report.cutoffs}
    rows = []
    for title, metric in metrics.items():
        cells = [with_interval(one.frames, metric) for one in report.overall.models.values()]
        rows.append([title, *cells, decimals(report.overall.chance.frames[metric])])
    head = ["", *titles(report.models).values(), "chance"]
    return html_table(head, rows, caption=f"{report.overall.queries} queries")


def _events(report: Report) -> str:
    metrics = {**_SINGLE, **{f"P@{n}": f"precision@{n}" for n in report.cutoffs[:3]}}
    metrics |= {f"R@{n}": f"recall@{n}" for n in report.cutoffs[-2:]}
    pairs = [(one.frames.values, one.events.values) for one in report.overall.models.values()]
    pairs.append((report.overall.chance.frames, report.overall.chance.events))
    rows = [
        [title, *(decimals(values[metric]) for pair in pairs for values in pair)]
        for title, metric in metrics.items()
    ]
    head = [""]
    for name in [*titles(report.models).values(), "chance"]:
        head += [f"{name}: frames", "events"]
    note = (
        "Near-identical frames of one drive inflate the figures. Here each moment of a drive (a "
        "few seconds) counts once, beside the count by frames. Chance over events is a random "
        "order of events."
    )
    return html_section("Frames and events", html_note(note), html_table(head, rows))


def _comparisons(report: Report) -> str:
    if not report.comparisons:
        return ""
    first, called = f"precision@{report.cutoffs[0]}", titles(report.models)
    rows = [
        [
            f"{safe(called[item.a])} − {safe(called[item.b])}",
            *(_difference(item, metric) for metric in ("ap", "rr", first)),
            f"{item.better_a} : {item.better_b} ({item.equal} equal)",
        ]
        for item in report.comparisons
    ]
    head = ["", "mAP", "MRR", f"P@{report.cutoffs[0]}", "better on queries"]
    note = (
        "The mean difference on the same queries with its 95&nbsp;% interval; an interval that "
        "does not hold 0 is marked."
    )
    table = html_table(head, rows, escaped=True)
    return html_section("Compared query by query", html_note(note), table)


def _difference(item: Comparison, metric: str) -> str:
    value, edges = item.difference.values[metric], item.difference.intervals[metric]
    if value is None:
        return "–"
    sure = edges is not None and (edges[0] > 0 or edges[1] < 0)
    text = f"{value:+.3f} {bracketed(edges, signed=True)}"
    return f"<mark>{text}</mark>" if sure else text


def _kinds(report: Report) -> str:
    rows = []
    for kind, group in report.kinds.items():
        cells = [with_interval(one.frames, "ap") for one in group.models.values()]
        rows.append([kind, str(group.queries), *cells, decimals(group.chance.frames.get("ap"))])
    head = ["kind", "queries", *(f"{m} mAP" for m in titles(report.models).values()), "chance"]
    return html_section("By kind of query", html_table(head, rows))


def _slices(report: Report) -> str:
    if not report.slices:
        return ""
    head = [
        "",
        "images",
        "queries",
        *(f"{m} mAP" for m in titles(report.models).values()),
        "chance",
    ]
    groups: dict[str, list[list[str]]] = {}
    for part in report.slices:
        cells = [with_interval(means, "ap") for means in part.models.values()]
        images = "" if part.images is None else f"{part.images:,}"
        row = [part.value, images, str(part.queries), *cells, decimals(part.chance["ap"])]
        groups.setdefault(part.dimension, []).append(row)
    tables = [
        f"<details{' open' if number < 2 else ''}><summary>{safe(name)}</summary>"
        f"{html_table(head, rows)}</details>"
        for number, (name, rows) in enumerate(groups.items())
    ]
    note = (
        "All queries, with only the images of the slice; <em>class</em> and what is <em>asked "
        "for</em>: all images, with only the queries that ask for it."
    )
    return html_section("By slice", html_note(note), *tables)


def _queries(report: Report, plots: Plots) -> str:
    first = report.cutoffs[0]
    metrics = {"AP": "ap", f"P@{first}": f"precision@{first}"}
    head = [
        "query",
        "kind",
        "relevant",
        *(f"{m} {title}" for m in titles(report.models).values() for title in metrics),
    ]
    rows = []
    for found in report.queries:
        relevant = len(found.query.relevant)
        cells = [
            decimals(result.values[metric])
            for result in found.results.values()
            for metric in metrics.values()
        ]
        chance = decimals(found.chance.frames["ap"] if relevant else None)
        rows.append([found.query.text, found.query.kind, f"{relevant:,}", *cells, chance])
    drawn = "".join(
        html_picture(both, "Average precision by query")
        for name, both in plots.items()
        if name.startswith("queries-")
    )
    table = html_table([*head, "chance AP"], rows)
    folded = f"<details><summary>as a table</summary>{table}</details>"
    return html_section("Every query", f'<div class="plots">{drawn}</div>', folded)


def _in_full(report: Report, hits: Hits, plots: Plots) -> str:
    if not hits:
        return ""
    parts, called = [], titles(report.models)
    for number, (index, rows) in enumerate(hits.items(), 1):
        found = report.queries[index]
        tiles = "".join(
            f"<h4>{safe(called[model])} <small>AP {decimals(found.results[model].values['ap'])}, "
            f"{sum(hit.right for hit in some)} of the first {len(some)} right</small></h4>"
            f'<div class="hits">{"".join(map(_tile, range(1, len(some) + 1), some))}</div>'
            for model, some in rows.items()
        )
        text = found.query.text
        picture = html_picture(plots[f"query-{number:02d}"], f"Similarities of {text}")
        parts.append(
            f"<article><h3>“{safe(text)}” <small>{safe(found.query.kind)}, "
            f"{len(found.query.relevant):,} relevant of {found.images:,}</small></h3>"
            f"{tiles}{picture}</article>"
        )
    return html_section("Some queries in full", *parts)


def _tile(rank: int, hit: HitTile) -> str:
    state, sign = ("right", "✓") if hit.right else ("wrong", "✗")
    image = '<div class="gone">cannot be read</div>'
    if hit.picture is not None:
        image = f'<img alt="" src="data:image/jpeg;base64,{base64_of(jpeg(hit.picture))}">'
    return (
        f'<figure class="{state}" title="{safe(hit.name)}">{image}<figcaption>'
        f'<span class="sign" role="img" aria-label="{state}">{sign}</span> {rank}'
        f'<span class="score">{hit.score:.3f}</span></figcaption></figure>'
    )


def _skipped(report: Report) -> str:
    if not report.skipped:
        return ""
    rows = [[item.path.as_posix(), item.reason] for item in report.skipped[:200]]
    title = f"Images that could not be read ({len(report.skipped):,})"
    return html_section(title, html_table(["image", "reason"], rows))


def _provenance(found: Provenance) -> str:
    rows = [[f"model {name}", fingerprint] for name, fingerprint in found.models.items()]
    rows.append(["images", f"{found.images:,}, SHA-256 {found.sha256}"])
    rows += [[name, f"SHA-256 {digest}"] for name, digest in found.sources.items()]
    packages = ", ".join(f"{name} {number}" for name, number in found.packages.items())
    rows.append(["software", f"c4t {found.c4t}, Python {found.python}, {packages}"])
    options = found.options
    rows.append(["bootstrap", f"seed {options.seed}, {options.resamples:,} resamples"])
    note = html_note("The same inputs give the same report, byte for byte.")
    table = html_table(["", ""], rows, classes="plain")
    return html_section("Where the figures come from", note, table)
