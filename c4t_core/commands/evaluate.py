"""``c4t evaluate``: how well models find what is asked for, as a report."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from c4t_core.commands.console import (
    MODEL_HELP,
    Watcher,
    add_column_options,
    columns_of,
    plural,
    positive,
    print_json,
    printable,
    say,
    stopping_cleanly,
)

if TYPE_CHECKING:
    from c4t_core.evaluation.summary import Interval, Report, Values


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = (
        "Search the images of PAIRS for what their captions, or ground truth, say they show, and "
        "report precision, recall, mAP, MRR and nDCG of one or more models on the same queries, "
        "with intervals and the level of chance, as JSON, CSV, PNG and HTML."
    )
    add = parser.add_argument
    # fmt: off
    add("pairs", metavar="PAIRS", type=Path, help="file of images and captions")
    add("--images", metavar="ROOT", type=Path, help="folder that image paths are relative to")
    add_column_options(parser)
    add("--model", action="append", metavar="NAME",
        help=f"a model to evaluate, may be repeated: {MODEL_HELP}, or the path of a model folder")
    add("-o", "--output", metavar="REPORT_DIR", type=Path, required=True, help="folder to write")
    add("--scenes", metavar="F", type=Path,
        help="ground truth as JSON lines, see c4t caption --scenes: better queries, and slices")
    add("--queries", metavar="F", type=Path,
        help='your own queries, a line each: {"query": "a cyclist at dusk", "relevant": ["a.jpg"]}'
        ", or a table with the columns query and relevant")
    add("--lists", choices=("auto", "captions", "scenes", "own"), default="auto",
        help="where queries come from (default: scenes if given, else captions; your own are "
        "always added)")
    add("--split", metavar="NAME", help="only pairs of this split, such as val")
    add("--at", metavar="N", type=positive, nargs="+",
        help="numbers of hits to give precision, recall and nDCG at (default: 10 25 50 100 250)")
    add("--seed", metavar="N", type=int, default=0, help="of the intervals")
    add("--figures", metavar="N", type=int,
        help="queries to show in full, with their best hits (default: 12)")
    add("--json", action="store_true", help="print the overall figures as JSON")
    # fmt: on


def run(args: argparse.Namespace) -> int:
    """Evaluate and write the report."""
    from c4t_core.evaluation.metrics import CUTOFFS
    from c4t_core.evaluation.report import FIGURES, report_folder, write_report
    from c4t_core.evaluation.request import EvaluationRequest, run_evaluation
    from c4t_core.evaluation.summary import Options

    request = EvaluationRequest(
        pairs=args.pairs,
        images=args.images,
        models=tuple(args.model or ["c4t"]),
        scenes=args.scenes,
        queries=args.queries,
        lists=args.lists,
        split=args.split,
        columns=columns_of(args),
        options=Options(cutoffs=tuple(sorted(set(args.at or CUTOFFS))), seed=max(0, args.seed)),
    )
    watcher = Watcher("image", quiet=args.json)
    with report_folder(args.output), stopping_cleanly(watcher):
        stages = Stages(watcher, quiet=args.json)
        report = run_evaluation(request, stages, stages.begin)
        stages.begin("drawing the report")
        figures = FIGURES if args.figures is None else max(0, args.figures)
        write_report(report, args.output, figures, stages)
    _tell(report, args)
    return 0


class Stages:
    """Says what is being done, and shows progress while images are embedded.

    Args:
        watcher: shows the progress, and stops the work.
        quiet: say nothing.
    """

    def __init__(self, watcher: Watcher, *, quiet: bool) -> None:
        """Say nothing yet."""
        self._watcher = watcher
        self._quiet = quiet
        self._shown = False

    def begin(self, text: str) -> None:
        """Say what is being done now."""
        self._watcher.close()
        self._shown = text.startswith("embedding")
        if not self._quiet:
            say(f"{text[:1].upper()}{text[1:]} ...")

    def __call__(self, done: int, total: int, /) -> None:
        """Take note of the state of the work."""
        if self._shown and done < total:
            self._watcher(done, total)
        else:
            self._watcher(0, 0)  # shows nothing, but stops when asked to


def _tell(report: Report, args: argparse.Namespace) -> None:
    for item in report.missing:
        say(f"{item.model} is missing: {item.reason}")
    for text in report.problems[:10]:
        say(printable(text))
    if len(report.problems) > 10:
        say(f"... and {len(report.problems) - 10} more, in report.json.")
    if report.skipped:
        say(f"{plural(len(report.skipped), 'image')} left out, listed in the report.")
    lacking, asked = len(report.without_relevant), len(report.queries)
    if lacking:
        say(f"{lacking} of {asked} queries have no relevant image and do not count.")
    page = args.output / "report.html"
    if args.json:
        keys = (
            "models",
            "images",
            "answered",
            "overall",
            "chance",
            "comparisons",
            "objects",
            "missing",
        )
        data = report.to_json()
        print_json({**{key: data[key] for key in keys}, "report": str(page.resolve())})
        return
    images = plural(len(report.collection), "image")
    print(f"{images}, {report.overall.queries} queries with relevant images")
    for line in _table(report):
        print(line)
    for name, found in report.objects.items():
        print(f"Objects that {printable(name)} sees: precision, recall, error of the number")
        for one in found:
            figures = (one.precision, one.recall, one.count_error)
            shown = "".join("     –" if n is None else f"{n:6.2f}" for n in figures)
            print(f"  {one.label:18}{shown}   {one.positives:,} of {plural(one.images, 'image')}")
    print(f"Report: {printable(str(page))}")


def _table(report: Report) -> list[str]:
    first, last = f"precision@{report.cutoffs[0]}", f"recall@{report.cutoffs[-1]}"
    wide = max(len(name) for name in [*report.models, "chance"]) + 2
    head = ["mAP", "95 % interval", "MRR", f"P@{report.cutoffs[0]}", f"R@{report.cutoffs[-1]}"]
    lines = [f"{'':{wide}}{head[0]:>6}  {head[1]:^16}{head[2]:>7}{head[3]:>8}{head[4]:>8}"]
    rows: list[tuple[str, Values, Interval | None]] = [
        (name, means.frames.values, means.frames.intervals["ap"])
        for name, means in report.overall.models.items()
    ]
    rows.append(("chance", report.overall.chance.frames, None))
    for name, values, edges in rows:
        between = f"[{edges[0]:.3f}, {edges[1]:.3f}]" if edges else ""
        lines.append(
            f"{printable(name):{wide}}{values['ap']:6.3f}  {between:^16}{values['rr']:7.3f}"
            f"{values[first]:8.3f}{values[last]:8.3f}"
        )
    return lines
