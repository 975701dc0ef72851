"""The report's figures as CSV: unrounded, one header line, cells that no spreadsheet executes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from c4t_core.datasets.pairs_writing import guard_cell
from c4t_core.evaluation.benchmark import Report

_SINGLE = ("map", "mrr", "ap", "rr", "r_precision")
_AT = ("precision", "recall", "ndcg")


def overall_csv(report: Report) -> bytes:
    """One row per kind of query (and ``all``) and model, chance among the models."""
    blocks = {"all": report.data, **report.data["kinds"]}
    rows = []
    for kind, block in blocks.items():
        number = block["answered"] if kind == "all" else block["queries"]
        for model, means in [*block["overall"].items(), ("chance", block["chance"])]:
            rows.append({"kind": kind, "queries": number, "model": model, **_flat(means)})
    return _csv(rows)


def queries_csv(report: Report) -> bytes:
    """One row per query and model."""
    rows = []
    for entry in report.data["queries"]:
        head = {key: entry[key] for key in ("query", "kind", "relevant", "images")}
        for model, result in [*entry["results"].items(), ("chance", entry["chance"])]:
            rows.append({**head, "model": model, **_flat(result)})
    return _csv(rows)


def slices_csv(report: Report) -> bytes:
    """One row per slice and model."""
    rows = []
    for entry in report.data["slices"]:
        head = {key: entry[key] for key in ("dimension", "value", "images", "queries")}
        for model, result in [*entry["results"].items(), ("chance", entry["chance"])]:
            rows.append({**head, "model": model, **_flat(result)})
    return _csv(rows)


def hits_csv(report: Report) -> bytes:
    """One row per query, model and hit."""
    rows: list[dict[str, Any]] = []
    names = report.collection.names
    for place, query in enumerate(report.queries):
        relevant = set(query.relevant.tolist())
        for model, one in report.measured.items():
            found = zip(one.top[place], one.top_scores[place], strict=True)
            for rank, (image, score) in enumerate(found, 1):
                rows.append(
                    {
                        "query": query.text,
                        "model": model,
                        "rank": rank,
                        "path": names[image],
                        "score": score,
                        "relevant": int(image in relevant),
                    }
                )
    return _csv(rows)


def _flat(block: Mapping[str, Any]) -> dict[str, Any]:
    out = {name: block[name] for name in _SINGLE if name in block}
    for figure in _AT:
        out.update({f"{figure}@{n}": value for n, value in block.get(figure, {}).items()})
    return out


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    out = io.StringIO()
    fields: Iterable[str] = dict.fromkeys(name for row in rows for name in row)
    writer = csv.DictWriter(out, list(fields), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return out.getvalue().encode("utf-8", "surrogateescape")


def _cell(value: Any) -> Any:
    return guard_cell(value) if isinstance(value, str) else "" if value is None else value
