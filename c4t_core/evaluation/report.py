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
from itertools import zip_longest
from pathlib import Path

from c4t_core.errors import DataError
from c4t_core.evaluation import pictures
from c4t_core.evaluation.html import page
from c4t_core.evaluation.summary import AS_MEAN, Report, Values
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
    plots = {
        "over-n": pictures.both(partial(pictures.over_cutoffs, report)),
        "precision-recall": pictures.both(partial(pictures.precision_recall, report)),
        "kinds": pictures.both(partial(pictures.by_kind, report)),
    }
    for number, rows in enumerate(pictures.bar_pages(report), 1):
        plots[f"queries-{number:02d}"] = pictures.both(partial(pictures.by_query, report, rows))
    progress(2, steps)
    hits = {}
    for number, query in enumerate(chosen, 1):
        hits[query] = {model: pictures.tiles(report, query, model) for model in report.models}
        drawn = pictures.sheet(hits[query], report.queries[query].query.text)
        write_bytes(folder / "sheets" / f"query-{number:02d}.png", drawn)
        draw = partial(pictures.similarities, report, query)
        plots[f"query-{number:02d}"] = pictures.both(draw)
        progress(2 + number, steps)
    for name, (light, _dark) in plots.items():
        write_bytes(folder / "plots" / f"{name}.png", light)
    write_bytes(folder / "report.html", page(report, hits, plots))
    pictures.thumbnail.cache_clear()
    progress(steps, steps)


def shown_in_full(report: Report, figures: int) -> list[int]:
    """Return the indices of the queries to show: the user's own, then of each kind in turn."""
    kinds: dict[str, list[int]] = {}
    for index in report.answered:
        kinds.setdefault(report.queries[index].query.kind, []).append(index)
    chosen = kinds.pop("own", [])
    for turn in zip_longest(*kinds.values()):
        chosen += [index for index in turn if index is not None]
    return sorted(chosen[:figures])


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
    text = json.dumps(report.to_json(), ensure_ascii=True, indent=1, allow_nan=False)
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


_Cell = str | int | float | None
_Row = dict[str, _Cell]


def overall_csv(report: Report) -> bytes:
    """One row per kind of query (and ``all``) and model, chance among the models."""
    rows: list[_Row] = []
    for kind, group in {"all": report.overall, **report.kinds}.items():
        values = {name: one.frames.values for name, one in group.models.items()}
        head: _Row = {"kind": kind, "queries": group.queries}
        rows += _by_model(head, values, group.chance.frames, mean=True)
    return _csv(rows)


def queries_csv(report: Report) -> bytes:
    """One row per query and model."""
    rows: list[_Row] = []
    for found in report.queries:
        head: _Row = {
            "query": found.query.text,
            "kind": found.query.kind,
            "relevant": len(found.query.relevant),
            "images": found.images,
        }
        values = {name: result.values for name, result in found.results.items()}
        rows += _by_model(head, values, found.chance.frames)
    return _csv(rows)


def slices_csv(report: Report) -> bytes:
    """One row per slice and model."""
    rows: list[_Row] = []
    for part in report.slices:
        head: _Row = {
            "dimension": part.dimension,
            "value": part.value,
            "images": part.images,
            "queries": part.queries,
        }
        values = {name: one.values for name, one in part.models.items()}
        rows += _by_model(head, values, part.chance, mean=True)
    return _csv(rows)


def hits_csv(report: Report) -> bytes:
    """One row per query, model and hit."""
    rows: list[_Row] = []
    for found in report.queries:
        relevant = {report.collection.names[i] for i in found.query.relevant.tolist()}
        for model, result in found.results.items():
            for rank, (path, score) in enumerate(zip(result.top, result.scores, strict=True), 1):
                rows.append(
                    {
                        "query": found.query.text,
                        "model": model,
                        "rank": rank,
                        "path": path,
                        "score": score,
                        "relevant": int(path in relevant),
                    }
                )
    return _csv(rows)


def _by_model(
    head: _Row, values: Mapping[str, Values], chance: Values, *, mean: bool = False
) -> Iterator[_Row]:
    """Yield the row of each model and of chance, all figures of one metric side by side."""
    for model, figures in [*values.items(), ("chance", chance)]:
        metrics = list(dict.fromkeys(name.partition("@")[0] for name in figures))
        ordered = sorted(figures, key=lambda name: metrics.index(name.partition("@")[0]))
        named = {(AS_MEAN.get(name, name) if mean else name): figures[name] for name in ordered}
        yield {**head, "model": model, **named}


def _csv(rows: Sequence[_Row]) -> bytes:
    out = io.StringIO()
    fields: Iterable[str] = dict.fromkeys(name for row in rows for name in row)
    writer = csv.DictWriter(out, list(fields), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return out.getvalue().encode("utf-8", "surrogateescape")


def _cell(value: _Cell) -> _Cell:
    return guard_cell(value) if isinstance(value, str) else "" if value is None else value
