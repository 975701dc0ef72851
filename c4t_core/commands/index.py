"""``c4t index FOLDER...``: embed what is new or changed."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from c4t_core.commands.console import (
    NAMED,
    Watcher,
    add_model_option,
    by_ending,
    pictures,
    plural,
    positive,
    print_json,
    printable,
    quoted,
    say,
    say_omitted,
    stopping_cleanly,
)
from c4t_core.progress import format_duration

if TYPE_CHECKING:
    from c4t_core.images.scan import ExcludeRules
    from c4t_core.images.thumbnails import ThumbnailsOfIndexing
    from c4t_core.index.indexer import IndexReport
    from c4t_core.workspace import Skipped

_LISTED = 20  # skipped files named without --json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    from c4t_core.images.scan import ExcludeRules

    usual = ExcludeRules()
    parser.description = (
        "Embed the images of folders that are new or changed since the last time. "
        "It may be interrupted at any time; the same command goes on from there."
    )
    parser.epilog = (
        "Left out at first, below FOLDER: folders whose every word speaks of labels, masks, depth "
        "or lidar, and what lies beside a frame as its label; folders "
        f"{', '.join((*usual.folders, '.*'))}; files {', '.join(usual.files)}. What was left out "
        "is counted in the report."
    )
    add = parser.add_argument
    # fmt: off
    add("folders", nargs="+", metavar="FOLDER",
        help="a folder of images; with --to also an address such as s3://bucket/drives")
    add_model_option(parser)
    add("--exclude", action="append", metavar="PATTERN",
        help="leave out folders and files of this name too, * and ? allowed; may be given several "
        "times, and is remembered for the folder, in a table too")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--exclude-nothing", action="store_true",
        help="forget what is left out, the usual names below included")
    start.add_argument("--exclude-default", action="store_true",
        help="leave out the usual names below again, and nothing else")
    add("--moved-from", metavar="OLD",
        help="FOLDER was OLD before: take over its index, marks and saved searches")
    add("--forget-missing", action="store_true",
        help="forget sub-folders that are not there any more, rather than keep them as offline")
    add("--reindex", action="store_true",
        help="embed everything anew with the model's fastest network; until that has finished, "
        "the index that is there serves")
    add("--thumbnails", action="store_true",
        help="leave thumbnails behind for the window, up to its space for them, so that it need "
        "not read the files again")
    add("--json", action="store_true",
        help="end with one line of JSON: total, embedded, unchanged, gone, offline, skipped, "
        "left_out, unread, recordings")
    shared = parser.add_argument_group("shared tables",
        "an index that many machines write and search (see docs/cluster.md)").add_argument
    shared("--to", metavar="X.lance",
        help="write to this table, a path or an address, rather than to the index of this machine")
    shared("--runner", choices=("local", "ray"), default="local",
        help="who embeds: this process (the default), or workers of Ray")
    shared("--address", metavar="ADDR",
        help="of a Ray cluster that runs; without it --runner ray starts workers here")
    shared("--workers", type=positive, metavar="N",
        help="how many workers of Ray, each with a model of its own; with --plan machines")
    shared("--plan", action="store_true",
        help="embed a sample only, and say how long all will take and what the table will weigh")
    # fmt: on


def run(args: argparse.Namespace) -> int:
    """Index the folders; 0 even where single files had to be skipped."""
    from c4t_core.cluster.opening import open_workspace

    _check_options(args)
    started = time.monotonic()
    if args.to is not None or args.plan:
        return _to_table(args)
    if args.moved_from is not None:
        _follow(args)
    with open_workspace(list(args.folders), model=args.model) as workspace:
        told = len(workspace.notices)
        for notice in workspace.notices:  # before what may fail
            say(notice)
        rules = _rules(args, workspace.exclude_rules())
        if rules is not None:
            workspace.set_exclude_rules(rules)
        watcher = Watcher(
            quiet=args.json, skipped=lambda: now.skipped if (now := workspace.last_run) else 0
        )
        with stopping_cleanly(watcher):
            report = workspace.index(
                watcher,
                forget_missing=args.forget_missing,
                reindex=args.reindex,
                on_picture=_thumbnails(args),
            )
        remedy = _remedy(report, workspace.exclude_rules())
        for notice in workspace.notices[told:]:
            say(notice)
    return _tell(args, report, time.monotonic() - started, remedy)


def _tell(args: argparse.Namespace, report: IndexReport, seconds: float, remedy: str) -> int:
    if args.json:
        print_json(as_json(report))
    else:
        _print_report(report, seconds)
        say_omitted(report.left_out, report.unread, report.recordings)
        if remedy and report.total:
            say(f"  {remedy}")
    if not report.total:
        folders = ", ".join(printable(folder) for folder in args.folders)
        say(_nothing_there(report, folders, remedy))
    return 0


def _check_options(args: argparse.Namespace) -> None:
    """Refuse options that say nothing together.

    Raises:
        QueryError: with the reason.
    """
    from c4t_core.errors import QueryError

    table = args.to is not None or args.plan
    where = {
        "--runner ray": args.runner == "ray",
        "--workers": args.workers is not None,
        "--address": args.address is not None,
    }
    own = {
        "--moved-from": args.moved_from is not None,
        "--reindex": args.reindex,
        "--thumbnails": args.thumbnails,
    }
    for name, given in own.items() if table else where.items():
        if given:
            other = "goes without" if table else "goes with"
            raise QueryError(f"{name} {other} --to; change one of them.")
    if args.runner != "ray" and (args.address or (args.workers and not args.plan)):
        raise QueryError("--address and --workers go with --runner ray; add it, or leave them out.")


def _to_table(args: argparse.Namespace) -> int:
    """Write a shared table, or plan to."""
    from c4t_core.cluster.rules import rules_of
    from c4t_core.cluster.writing import Embed, Writing, here
    from c4t_core.images.scan import ExcludeRules

    started = time.monotonic()
    known = rules_of(args.to, args.folders[0]) if args.exclude and args.to else ExcludeRules()
    rules = _rules(args, known)
    if args.plan:
        return _estimate(args, rules)
    more = {"rules": rules, "forget_missing": args.forget_missing}
    with contextlib.ExitStack() as stack:
        embed: Embed = here
        graph = None
        if args.runner == "ray":
            from c4t_core.cluster.ray_runner import cluster

            embed = workers = stack.enter_context(cluster(args.address, args.workers))
            graph = workers.graph
        run = Writing(args.folders, args.to, args.model, graph=graph, **more)
        watcher = Watcher(quiet=args.json, skipped=lambda: run.skipped)
        with stopping_cleanly(watcher):
            report = run(embed, watcher)
    return _tell(args, report, time.monotonic() - started, _remedy(report, run.rules))


def _estimate(args: argparse.Namespace, rules: ExcludeRules | None) -> int:
    from c4t_core.cluster.planning import estimate
    from c4t_core.commands.doctor import size_in_words

    watcher = Watcher(quiet=args.json)
    machines = sorted({1, args.workers or 10})
    with stopping_cleanly(watcher):
        told = estimate(
            args.folders, args.to, args.model, rules=rules, machines=machines, progress=watcher
        )
    if args.json:
        print_json(vars(told))
        return 0
    print(f"{plural(told.frames, 'frame')} to index, {size_in_words(told.bytes)}; "
          f"{told.unchanged:,} unchanged.")  # fmt: skip
    if told.frames:
        times = (
            f"{format_duration(hours * 3600)} on {plural(number, 'machine')}"
            for number, hours in told.hours.items()
        )
        print(f"That takes {', '.join(times)} like this one, which embedded {told.rate:.1f} a "
              f"second of {plural(told.sample, 'file')}.")  # fmt: skip
        weight = size_in_words(told.table_bytes)
        print(f"Their rows will weigh {weight}, {told.bytes_per_row:,.0f} bytes each.")
    return 0


def _thumbnails(args: argparse.Namespace) -> ThumbnailsOfIndexing | None:
    from c4t_core.images.thumbnails import ThumbnailsOfIndexing, ThumbnailStore

    return ThumbnailsOfIndexing(ThumbnailStore()) if args.thumbnails else None


def _follow(args: argparse.Namespace) -> None:
    """Have the catalogue and the user's own data follow a folder that was moved."""
    from c4t_core.cluster.opening import open_workspace
    from c4t_core.errors import FolderError
    from c4t_core.index.store.user_data import UserData

    if len(args.folders) != 1:
        raise FolderError("--moved-from goes with one folder; name the one that was moved.")
    new = args.folders[0]
    with open_workspace(new, model=args.model) as workspace:
        workspace.relocate(args.moved_from, new)
    with contextlib.closing(UserData()) as data:
        old_path, new_path = (Path(os.path.abspath(name)) for name in (args.moved_from, new))
        data.move_root(old_path, new_path)


def _remedy(report: IndexReport, rules: ExcludeRules) -> str:
    """Say how to have in the index what is left out; "" where that cannot be wanted."""
    from c4t_core.images.exclude import OWN, ExcludeRules

    if all(left.rule == OWN for left in report.left_out):
        return ""
    if rules == ExcludeRules():
        return "Index with --exclude-nothing to leave out nothing."
    return (
        "Index with --exclude-default to leave out the usual names only, or with "
        "--exclude-nothing to leave out nothing."
    )


def _nothing_there(report: IndexReport, folders: str, remedy: str) -> str:
    """Say why there is nothing to search, and what to do."""
    if report.left_out:
        rules = ", ".join(quoted(left) for left in report.left_out[:NAMED])
        remedy = remedy or "Choose another folder."
        number = pictures(report.left_out)
        return f"No images in {folders} but {number} left out by {rules}. {remedy}"
    if report.unread:
        return (
            f"No images that can be read in {folders}, only {by_ending(report.unread)}; convert "
            "them to PNG or JPEG."
        )
    return f"No images in {folders}; choose a folder with pictures, such as PNG, JPEG or TIFF."


def _rules(args: argparse.Namespace, now: ExcludeRules) -> ExcludeRules | None:
    """Return the rules that the options ask for, None if they ask for no change."""
    from c4t_core.images.scan import NO_RULES, ExcludeRules

    if not (args.exclude or args.exclude_nothing or args.exclude_default):
        return None
    rules = now
    if args.exclude_nothing or args.exclude_default:
        rules = NO_RULES if args.exclude_nothing else ExcludeRules()
    more = tuple(args.exclude or ())
    return dataclasses.replace(
        rules,
        folders=tuple(dict.fromkeys(rules.folders + more)),
        files=tuple(dict.fromkeys(rules.files + more)),
    )


def as_json(report: IndexReport) -> dict[str, Any]:
    """Return the report as interface.md names its parts."""
    skipped = [{"path": str(item.path), "reason": item.reason} for item in report.skipped]
    left_out = [
        {**vars(left), "examples": [str(path) for path in left.examples]}
        for left in report.left_out
    ]
    return {**vars(report), "skipped": skipped, "left_out": left_out}


def _print_report(report: IndexReport, seconds: float) -> None:
    parts = [f"{report.embedded:,} embedded", f"{report.unchanged:,} unchanged"]
    for name, number in (("gone", report.gone), ("offline", report.offline)):
        if number:
            parts.append(f"{number:,} {name}")
    if report.skipped:
        parts.append(f"{len(report.skipped):,} skipped")
    if report.left_out:
        parts.append(f"{pictures(report.left_out, noun='')} left out")
    print(f"{plural(report.total, 'image')}: {', '.join(parts)}, in {format_duration(seconds)}.")
    _print_skipped(report.skipped)


def _print_skipped(skipped: list[Skipped]) -> None:
    for entry in skipped[:_LISTED]:
        say(f"  skipped {printable(str(entry.path))}: {printable(entry.reason)}")
    if len(skipped) > _LISTED:
        say(f"  and {len(skipped) - _LISTED:,} more; --json lists all of them.")
