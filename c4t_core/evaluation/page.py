"""report.html: one file that opens offline, in light and dark, without any script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from c4t_core.evaluation.benchmark import Report
from c4t_core.evaluation.markup import (
    base64_of,
    bracketed,
    decimals,
    html_note,
    html_picture,
    html_table,
    safe,
    with_interval,
)
from c4t_core.evaluation.page_style import STYLE
from c4t_core.evaluation.sheets import HitTile, jpeg

Details = Mapping[int, Mapping[str, Sequence[HitTile]]]
Pictures = Mapping[str, tuple[bytes, bytes]]

_RECALL = (
    "Recall is the share of <em>all</em> images that are relevant to the whole query: for several "
    "classes, those that hold every one of them. (The original prototype's recall went wrong "
    "there: it scored each class by itself and looked for the total in another way. Its figures "
    "for multi-class queries cannot be set beside these.)"
)


def page(report: Report, details: Details, pictures: Pictures) -> bytes:
    """Return the whole page.

    Args:
        report: what was measured.
        details: place of a query -> model -> its best hits, for the queries shown in full, in
            the order of their plots.
        pictures: name of a plot, as of its file -> PNG for light and for dark paper.
    """
    data = report.data
    parts = [
        _head(report),
        _notices(data),
        "<section><h2>Overall</h2>",
        _cards(data),
        html_note(
            "Means over all queries with relevant images, each counting the same. In brackets the "
            "95&nbsp;% interval over queries; <em>chance</em> is what a random order would score."
        ),
        html_note(_RECALL),
        _overall_table(data, data["answered"]),
        "</section>",
        '<section class="plots">',
        html_picture(pictures["over-n"], "Precision, recall and nDCG over the number of hits"),
        html_picture(pictures["precision-recall"], "Precision over recall"),
        html_picture(pictures["kinds"], "Mean average precision by kind of query"),
        "</section>",
        _events(data),
        _comparisons(data),
        _kinds(data),
        _slices(data),
        _queries(data, pictures),
        _details(data, details, pictures),
        _left_out(data),
        _provenance(data),
    ]
    body = "\n".join(parts)
    text = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        # Nothing is loaded, run or sent, whatever an image's name may hold.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "img-src data:; style-src 'unsafe-inline'\">\n"
        f"<title>C4T evaluation: {safe(', '.join(data['models']))}</title>\n"
        f"<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )
    return text.encode("utf-8", "replace")


def _head(report: Report) -> str:
    data = report.data
    asked = len(data["queries"])
    facts = [
        f"{data['images']:,} images",
        f"{data['moments']:,} events",
        f"{data['answered']:,} of {asked:,} queries have relevant images",
    ]
    return (
        f'<header><p class="kicker">CLIP4Traffic evaluation</p>'
        f"<h1>{' <span>against</span> '.join(safe(name) for name in data['models'])}</h1>"
        f'<p class="facts">{" · ".join(facts)}</p></header>'
    )


def _notices(data: Mapping[str, Any]) -> str:
    lines = [
        f"<strong>{safe(item['model'])} is missing.</strong> {safe(item['reason'])}"
        for item in data["missing"]
    ]
    lines += [safe(text) for text in data["problems"][:20]]
    if len(data["problems"]) > 20:
        lines.append(f"{len(data['problems']) - 20} more are in report.json.")
    if data["without_relevant"]:
        lacking = list(dict.fromkeys(data["without_relevant"]))  # one may be in two lists
        names = ", ".join(f"“{safe(text)}”" for text in lacking[:30])
        number = len(data["without_relevant"])
        lines.append(
            f"{number} {'query has' if number == 1 else 'queries have'} no relevant image here "
            f"and {'is' if number == 1 else 'are'} left out of all means: {names}."
        )
    if data["skipped"]:
        lines.append(f"{len(data['skipped'])} images could not be read; they are listed below.")
    return "".join(f'<p class="notice">{line}</p>' for line in lines)


def _cards(data: Mapping[str, Any]) -> str:
    cards = []
    for number, model in enumerate(data["models"]):
        block = data["overall"][model]
        first = next(iter(block["precision"]), None)
        rest = f"P@{first} {decimals(block['precision'][first])} · " if first else ""
        cards.append(
            f'<div class="card m{number % 6}"><h3>{safe(model)}</h3>'
            f'<p class="big">{decimals(block["map"])}</p>'
            f"<p>mAP {bracketed(block['intervals']['map'])}</p>"
            f"<p>{rest}MRR {decimals(block['mrr'])}</p></div>"
        )
    chance = data["chance"]
    cards.append(
        f'<div class="card chance"><h3>chance</h3><p class="big">{decimals(chance["map"])}</p>'
        f"<p>mAP of a random order</p><p>MRR {decimals(chance['mrr'])}</p></div>"
    )
    return f'<div class="cards">{"".join(cards)}</div>'


def _overall_table(data: Mapping[str, Any], queries: int) -> str:
    chance = data["chance"]
    cutoffs = list(chance["precision"])
    head = ["", *data["models"], "chance"]
    rows = []
    singles = (("mAP", "map"), ("MRR", "mrr"), ("R-precision", "r_precision"))
    for title, key in singles:
        cells = [with_interval(data["overall"][m], key) for m in data["models"]]
        rows.append([title, *cells, decimals(chance[key])])
    for title, key in (("P", "precision"), ("R", "recall"), ("nDCG", "ndcg")):
        for n in cutoffs:
            cells = [with_interval(data["overall"][m], key, n) for m in data["models"]]
            rows.append([f"{title}@{n}", *cells, decimals(chance[key][n])])
    return html_table(head, rows, caption=f"{queries} queries")


def _events(data: Mapping[str, Any]) -> str:
    chance = data["chance"]
    rows = []
    for title, key, n in _event_figures(list(chance["precision"])):
        cells: list[str] = []
        for model in data["models"]:
            frames, events = data["overall"][model], data["overall"][model]["events"]
            pair = (frames[key], events[key]) if n is None else (frames[key][n], events[key][n])
            cells += [decimals(pair[0]), decimals(pair[1])]
        level, over = chance[key], chance["events"][key]
        cells += [
            decimals(level if n is None else level[n]),
            decimals(over if n is None else over[n]),
        ]
        rows.append([title, *cells])
    head = [""]
    for name in [*data["models"], "chance"]:
        head += [f"{name}: frames", "events"]
    return (
        "<section><h2>Frames and events</h2>"
        + html_note(
            "Near-identical frames of one drive inflate the figures. Here each moment of a drive "
            "(a few seconds) counts once, beside the count by frames. Chance over events is a "
            "random order of events."
        )
        + html_table(head, rows)
        + "</section>"
    )


def _event_figures(cutoffs: Sequence[str]) -> list[tuple[str, str, str | None]]:
    out: list[tuple[str, str, str | None]] = [("mAP", "map", None), ("MRR", "mrr", None)]
    out += [(f"P@{n}", "precision", n) for n in cutoffs[:3]]
    return out + [(f"R@{n}", "recall", n) for n in cutoffs[-2:]]


def _comparisons(data: Mapping[str, Any]) -> str:
    if not data["comparisons"]:
        return ""
    rows = []
    for item in data["comparisons"]:
        better, first = item["better"], next(iter(item["difference"]["precision"]), None)
        cells = [_difference(item, "map"), _difference(item, "mrr")]
        cells.append(_difference(item, "precision", first) if first else "")
        counts = f"{better['a']} : {better['b']} ({better['equal']} equal)"
        rows.append([f"{safe(item['a'])} − {safe(item['b'])}", *cells, counts])
    first = next(iter(data["chance"]["precision"]), "n")
    head = ["", "mAP", "MRR", f"P@{first}", "better on queries"]
    return (
        "<section><h2>Compared query by query</h2>"
        + html_note(
            "The mean difference on the same queries with its 95&nbsp;% interval; an interval that "
            "does not hold 0 is marked."
        )
        + html_table(head, rows, escaped=True)
        + "</section>"
    )


def _difference(item: Mapping[str, Any], key: str, n: str | None = None) -> str:
    value = item["difference"][key] if n is None else item["difference"][key][n]
    edges = item["intervals"][key] if n is None else item["intervals"][key][n]
    if value is None:
        return "–"
    sure = edges is not None and (edges[0] > 0 or edges[1] < 0)
    text = f"{value:+.3f} {bracketed(edges, signed=True)}"
    return f"<mark>{text}</mark>" if sure else text


def _kinds(data: Mapping[str, Any]) -> str:
    rows = []
    for kind, block in data["kinds"].items():
        cells = [with_interval(block["overall"][m], "map") for m in data["models"]]
        rows.append([kind, str(block["queries"]), *cells, decimals(block["chance"].get("map"))])
    head = ["kind", "queries", *(f"{m} mAP" for m in data["models"]), "chance"]
    return f"<section><h2>By kind of query</h2>{html_table(head, rows)}</section>"


def _slices(data: Mapping[str, Any]) -> str:
    if not data["slices"]:
        return ""
    head = ["", "images", "queries", *(f"{m} mAP" for m in data["models"]), "chance"]
    groups: dict[str, list[list[str]]] = {}
    for item in data["slices"]:
        cells = [with_interval(item["results"][m], "map") for m in data["models"]]
        images = "" if item["images"] is None else f"{item['images']:,}"
        row = [item["value"], images, str(item["queries"]), *cells, decimals(item["chance"]["map"])]
        groups.setdefault(item["dimension"], []).append(row)
    tables = [
        f"<details{' open' if number < 2 else ''}><summary>{safe(name)}</summary>"
        f"{html_table(head, rows)}</details>"
        for number, (name, rows) in enumerate(groups.items())
    ]
    return (
        "<section><h2>By slice</h2>"
        + html_note(
            "All queries, with only the images of the slice; <em>class</em>: all images, with only "
            "the queries that ask for it."
        )
        + "".join(tables)
        + "</section>"
    )


def _queries(data: Mapping[str, Any], pictures: Pictures) -> str:
    n = next(iter(data["chance"]["precision"]), None)
    head = ["query", "kind", "relevant"]
    head += [
        f"{m} {figure}" for m in data["models"] for figure in ("AP", *([f"P@{n}"] if n else []))
    ]
    head.append("chance AP")
    rows = []
    for entry in data["queries"]:
        cells: list[str] = []
        for model in data["models"]:
            result = entry["results"][model]
            cells.append(decimals(result["ap"]))
            cells += [decimals(result["precision"][n])] if n else []
        row = [entry["query"], entry["kind"], f"{entry['relevant']:,}"]
        rows.append([*row, *cells, decimals(entry["chance"]["ap"]) if entry["relevant"] else "–"])
    drawn = "".join(
        html_picture(both, "Average precision by query")
        for name, both in pictures.items()
        if name.startswith("queries-")
    )
    return (
        f'<section><h2>Every query</h2><div class="plots">{drawn}</div>'
        f"<details><summary>as a table</summary>{html_table(head, rows)}</details></section>"
    )


def _details(data: Mapping[str, Any], details: Details, pictures: Pictures) -> str:
    if not details:
        return ""
    parts = []
    for number, (place, rows) in enumerate(details.items(), 1):
        entry = data["queries"][place]
        hits = "".join(
            f"<h4>{safe(model)} <small>AP {decimals(entry['results'][model]['ap'])}, "
            f"{sum(hit.right for hit in some)} of the first {len(some)} right</small></h4>"
            f'<div class="hits">{"".join(map(_tile, range(1, len(some) + 1), some))}</div>'
            for model, some in rows.items()
        )
        text = f"Similarities of {entry['query']}"
        picture = html_picture(pictures[f"query-{number:02d}"], text)
        parts.append(
            f"<article><h3>“{safe(entry['query'])}” <small>{safe(entry['kind'])}, "
            f"{entry['relevant']:,} relevant of {entry['images']:,}</small></h3>{hits}{picture}"
            "</article>"
        )
    return f"<section><h2>Some queries in full</h2>{''.join(parts)}</section>"


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


def _left_out(data: Mapping[str, Any]) -> str:
    if not data["skipped"]:
        return ""
    rows = [[item["path"], item["reason"]] for item in data["skipped"][:200]]
    return (
        f"<section><h2>Images that could not be read ({len(data['skipped']):,})</h2>"
        f"{html_table(['image', 'reason'], rows)}</section>"
    )


def _provenance(data: Mapping[str, Any]) -> str:
    found = data["provenance"]
    rows = [[f"model {name}", item["fingerprint"]] for name, item in found["models"].items()]
    rows.append(["images", f"{found['images']['number']:,}, SHA-256 {found['images']['sha256']}"])
    rows += [[name, f"SHA-256 {digest}"] for name, digest in found["sources"].items()]
    packages = ", ".join(f"{name} {number}" for name, number in found["packages"].items())
    rows.append(["software", f"c4t {found['c4t']}, Python {found['python']}, {packages}"])
    rows.append(["bootstrap", f"seed {found['seed']}, {found['resamples']:,} resamples"])
    return (
        "<section><h2>Where the figures come from</h2>"
        + html_note("The same inputs give the same report, byte for byte.")
        + html_table(["", ""], rows, classes="plain")
        + "</section>"
    )
