"""Write a report's files. The same inputs give the same bytes: no clock, no chance, sorted.

``report.json`` holds everything, unrounded; ``report.html`` shows it; the CSV files, ``plots/``
and ``sheets/`` are for other documents.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from c4t_core.errors import DataError
from c4t_core.evaluation import pictures as report_pictures
from c4t_core.evaluation.evaluate import Report
from c4t_core.evaluation.html import page
from c4t_core.evaluation.pictures import sheet, thumbnail, tiles
from c4t_core.files import guard_cell, write_whole
from c4t_core.progress import Progress, ignore

FIGURES = 12
"""Queries that are shown in full, with their best hits and similarities."""


def write_report(
    report: Report, folder: Path, figures: int = FIGURES, progress: Progress = ignore
) -> None:
    """Write every file of a report into a folder, made if needed.

    Args:
        report: what was measured.
        folder: where to; files of an earlier report are replaced.
        figures: number of queries shown in full; the user's own come first, then some of each
            kind.
        progress: told how many steps are done.

    Raises:
        DataError: if the folder cannot be written to.
    """
    _make_ready(folder)
    chosen = shown_in_full(report, figures)
    steps = len(chosen) + 3
    write_json(report, folder / "report.json")
    for name, make in (
        ("overall.csv", overall_csv),
        ("queries.csv", queries_csv),
        ("slices.csv", slices_csv),
        ("hits.csv", hits_csv),
    ):
        write_bytes(folder / name, make(report))
    progress(1, steps)
    pictures = {
        "over-n": report_pictures.both(partial(report_pictures.over_n, report)),
        "precision-recall": report_pictures.both(partial(report_pictures.precision_recall, report)),
        "kinds": report_pictures.both(partial(report_pictures.kinds, report)),
    }
    for number, rows in enumerate(report_pictures.bar_pages(report), 1):
        pictures[f"queries-{number:02d}"] = report_pictures.both(
            partial(report_pictures.query_bars, report, rows)
        )
    progress(2, steps)
    details = {}
    for number, place in enumerate(chosen, 1):
        hits = {model: tiles(report, place, model) for model in report.measured}
        details[place] = hits
        drawn = sheet(hits, report.queries[place].text)
        write_bytes(folder / "sheets" / f"query-{number:02d}.png", drawn)
        draw = partial(report_pictures.similarities, report, place)
        pictures[f"query-{number:02d}"] = report_pictures.both(draw)
        progress(2 + number, steps)
    for name, (light, _dark) in pictures.items():
        write_bytes(folder / "plots" / f"{name}.png", light)
    write_bytes(folder / "report.html", page(report, details, pictures))
    thumbnail.cache_clear()
    progress(steps, steps)


def shown_in_full(report: Report, figures: int) -> list[int]:
    """Return the places of the queries to show: the user's own, then some of each kind in turn."""
    kinds: dict[str, list[int]] = {}
    for place, query in enumerate(report.queries):
        if len(query.relevant):
            kinds.setdefault(query.kind, []).append(place)
    chosen = kinds.pop("own", [])[:figures]
    lists = list(kinds.values())
    for turn in range(max(map(len, lists), default=0)):
        for places in lists:
            if turn < len(places) and len(chosen) < figures:
                chosen.append(places[turn])
    return sorted(chosen)


@contextmanager
def report_folder(folder: Path) -> Iterator[None]:
    """Make sure that a report can be written to a folder, before the work that it takes.

    Nothing of an earlier report is touched. A folder made here goes again if the work fails.

    Raises:
        DataError: if it cannot be made or written to.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _cannot_write(folder, error) from error
    try:
        yield
    except BaseException:
        with suppress(OSError):  # something is in it: it stays
            for path in missing:
                path.rmdir()
        raise


def _make_ready(folder: Path) -> None:
    """Make the folders of the pictures, and drop numbered ones of an earlier report."""
    try:
        for name in ("plots", "sheets"):
            (folder / name).mkdir(parents=True, exist_ok=True)
            for old in (folder / name).glob("quer*-[0-9][0-9].png"):
                old.unlink()
    except OSError as error:
        raise _cannot_write(folder, error) from error


def write_json(report: Report, path: Path) -> None:
    """Write ``report.json``: unrounded floats, null for what is undefined."""
    text = json.dumps(report.data, ensure_ascii=True, indent=1, allow_nan=False)
    write_bytes(path, text.encode("ascii") + b"\n")


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file as a whole or not at all.

    Raises:
        DataError: if it cannot be written.
    """
    try:
        write_whole(path, data)
    except OSError as error:
        raise _cannot_write(path.parent, error) from error


def _cannot_write(folder: Path, error: OSError) -> DataError:
    return DataError(
        f'The report cannot be written to "{folder}" ({error.strerror or error}); choose another '
        "folder with -o.",
        folder,
    )


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
