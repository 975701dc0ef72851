"""``c4t benchmark searchad``: models on the public benchmark of rare frames, by its rules."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from c4t_core.commands.console import (
    MODEL_HELP,
    Watcher,
    plural,
    print_json,
    printable,
    say,
    stopping_cleanly,
)
from c4t_core.commands.evaluate import Stages
from c4t_core.errors import DataError

if TYPE_CHECKING:
    from c4t_core.datasets.searchad import Split
    from c4t_core.evaluation.searchad.benchmark import Benchmark, Request
    from c4t_core.evaluation.searchad.contents import Contents

_PLACES = 3  # decimals of a figure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its one benchmark."""
    parser.description = "Measure models on a public benchmark."
    kinds = parser.add_subparsers(dest="what", metavar="searchad", required=True)
    searchad = kinds.add_parser(
        "searchad",
        help="rare frames of eleven data sets under 90 labels (arXiv 2604.08008)",
        description="Without -o, --submission and --predictions: look what of SearchAD is in DIR, "
        "and name who has the rest. With -o: index the split's images, search them for the 90 "
        "labels, score by SearchAD's rules, and write a report, scores.json and "
        "predictions-MODEL.json. Sources that are not there are left out, and said so.",
    )
    add = searchad.add_argument
    # fmt: off
    add("folder", metavar="DIR", type=Path, help="folder with SearchAD's files and its sources")
    add("--split", choices=("val", "train"), default="val", help="what is scored (default: val)")
    add("--model", action="append", metavar="NAME",
        help=f"a model to measure, may be repeated: {MODEL_HELP}, or the path of a model folder")
    add("--queries", choices=("default", "own"),
        help="ask with SearchAD's default queries or with C4T's own sentences (default: the "
        "default ones where the folder has their texts)")
    add("--mode", choices=("language", "vision", "multimodal"), default="language",
        help="ask with texts, with the crops of the default queries, or with the mean of both")
    add("-o", "--output", metavar="REPORT", type=Path, help="folder to write")
    add("--seed", metavar="N", type=int, default=0, help="of the intervals")
    add("--figures", metavar="N", type=int,
        help="labels to show in full, with their best hits (default: 12)")
    add("--predictions", metavar="FILE", type=Path,
        help="score a predictions file that was made elsewhere; with -o also into scores.json")
    add("--json", action="store_true", help="print the figures as JSON")
    sent = searchad.add_argument_group("a submission to the test server")
    sent.add_argument("--submission", metavar="FILE", type=Path,
        help="rank the test split with one model, and write the file that the server takes")
    sent.add_argument("--team", metavar="NAME", help="name of your team")
    sent.add_argument("--model-name", metavar="NAME", help="default: the name of the model")
    sent.add_argument("--affiliation", metavar="TEXT", help="a paper, code, or an affiliation")
    sent.add_argument("--searchad-train", choices=("yes", "no"),
        help="whether SearchAD's train split was used to train the model")
    # fmt: on


def run(args: argparse.Namespace) -> int:
    """Check the folder, measure, score predictions or write a submission."""
    if args.submission is not None:
        _check_submission(args)
    if args.predictions is not None:
        _score(args)
    elif args.output is not None:
        _measure(args)
    elif args.submission is None:
        _look(args)
    if args.submission is not None:
        _submit(args)
    return 0


def _request(args: argparse.Namespace, split: Split) -> Request:
    from c4t_core.evaluation.searchad.benchmark import Request
    from c4t_core.evaluation.summary import Options

    return Request(
        folder=args.folder,
        split=split,
        models=tuple(args.model or ["c4t"]),
        queries=args.queries,
        mode=args.mode,
        options=Options(seed=max(0, args.seed)),
    )


def _run(args: argparse.Namespace, request: Request, stages: Stages) -> Benchmark:
    from c4t_core.cluster.opening import open_workspace
    from c4t_core.evaluation.searchad.benchmark import run_benchmark

    return run_benchmark(request, open_workspace, stages, stages.begin)


def _look(args: argparse.Namespace) -> None:
    """Say what of each split is there, and who has what is not."""
    from c4t_core.datasets.searchad import SPLITS
    from c4t_core.evaluation.searchad.contents import read_contents

    found: dict[Split, Contents | str] = {}
    for split in SPLITS:
        try:
            found[split] = read_contents(args.folder, split)
        except DataError as error:
            found[split] = str(error)
    if all(isinstance(one, str) for one in found.values()):
        raise DataError(str(found["val"]))
    if args.json:
        print_json({split: _facts(one) for split, one in found.items()})
        return
    complete = True
    for split, one in found.items():
        if isinstance(one, str):
            print(f"{split}: {printable(one)}")
            complete = False
            continue
        complete = complete and not one.missing
        there = len(one.images) - len(one.missing)
        print(f"{split}: {there:,} of {plural(len(one.images), 'image')} are there")
        for source in one.sources:
            if source.missing:
                print(f"  {printable(str(source))}")
    if complete:
        print("Nothing is missing.")


def _facts(one: Contents | str) -> dict[str, Any]:
    if isinstance(one, str):
        return {"problem": one}
    sources = {s.source: {"images": s.wanted, "missing": len(s.missing)} for s in one.sources}
    return {"images": len(one.images), "missing": len(one.missing), "sources": sources}


def _measure(args: argparse.Namespace) -> None:
    from c4t_core.evaluation.report import FIGURES, report_folder
    from c4t_core.evaluation.searchad.benchmark import write_benchmark

    watcher = Watcher("image", quiet=args.json)
    with report_folder(args.output), stopping_cleanly(watcher):
        stages = Stages(watcher, quiet=args.json)
        benchmark = _run(args, _request(args, args.split), stages)
        stages.begin("drawing the report")
        figures = FIGURES if args.figures is None else max(0, args.figures)
        write_benchmark(benchmark, args.output, figures, stages)
    report = benchmark.report
    assert report is not None  # val and train have labels
    for item in report.missing:
        say(f"{item.model} is missing: {item.reason}")
    for text in report.problems:
        say(printable(text))
    page = args.output / "report.html"
    scores = benchmark.scores()
    if args.json:
        print_json({**scores, "report": str(page.resolve())})
        return
    _table({**scores["models"], "chance": {"overall": scores["chance"]}})
    _no_relevant(scores)
    print(f"Report: {printable(str(page))}")


def _score(args: argparse.Namespace) -> None:
    import json

    from c4t_core.evaluation.report import write_bytes
    from c4t_core.evaluation.searchad.benchmark import score_predictions

    scores = score_predictions(args.folder, args.split, args.predictions)
    if args.output is not None:
        text = json.dumps(scores, ensure_ascii=True, indent=1, allow_nan=False)
        write_bytes(args.output / "scores.json", text.encode("ascii") + b"\n")
    without = scores["without_predictions"]
    for what, names in without.items():
        if names:
            say(f"{what} that the predictions know nothing of, left out: {', '.join(names)}")
    if args.json:
        print_json(scores)
        return
    _table(scores["models"])
    _no_relevant(scores)


def _table(models: dict[str, Any]) -> None:
    from c4t_core.evaluation.searchad.rules import FIGURES

    wide = max(map(len, models)) + 2
    print(f"{'':{wide}}" + "".join(f"{name:>13}" for name in FIGURES))
    for name, found in models.items():
        values = (found["overall"][figure] for figure in FIGURES)
        cells = "".join("            –" if v is None else f"{v:13.{_PLACES}f}" for v in values)
        print(f"{printable(name):{wide}}{cells}")


def _no_relevant(scores: dict[str, Any]) -> None:
    """Say which labels do not count, and what the means are where they do."""
    for name, found in scores["models"].items():
        without = found["without_relevant"]
        if without:
            value = found["as_submitted"]["AP"]
            say(
                f"{printable(name)}: {plural(len(without), 'label')} without a relevant image left "
                f"out of the means; SearchAD's own script counts them 0 (AP {value:.{_PLACES}f}): "
                f"{', '.join(without[:5])}{' ...' if len(without) > 5 else ''}"
            )


def _check_submission(args: argparse.Namespace) -> None:
    """Ask for what a submission needs before the long work."""
    wanted = ("team", "affiliation", "searchad_train")
    lacking = [name.replace("_", "-") for name in wanted if not getattr(args, name)]
    if lacking:
        raise DataError(f"A submission needs --{' and --'.join(lacking)}.")
    if len(args.model or ["c4t"]) > 1:
        raise DataError("A submission is of one model; name one with --model.")


def _submit(args: argparse.Namespace) -> None:
    from c4t_core.evaluation.report import report_folder
    from c4t_core.evaluation.searchad.benchmark import write_submission

    watcher = Watcher("image", quiet=args.json)
    with report_folder(args.submission.absolute().parent), stopping_cleanly(watcher):
        benchmark = _run(args, _request(args, "test"), Stages(watcher, quiet=args.json))
        (name,) = benchmark.orders
        write_submission(
            benchmark,
            args.submission,
            team=args.team,
            model=args.model_name or name,
            affiliation=args.affiliation,
            trained=args.searchad_train == "yes",
        )
    for note in benchmark.notes:
        say(printable(note))
    asked = "SearchAD's default queries" if benchmark.asked.queries == "default" else "our own"
    say(
        f"Submission: {printable(str(args.submission))}, {plural(len(benchmark.images), 'image')} "
        f"ranked for 90 labels, asked with {asked}. It was checked against the rules; only the "
        "test server can score it."
    )
