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
    add("folders", nargs="+", metavar="FOLDER", help="a folder of images")
    add_model_option(parser)
    add("--exclude", action="append", metavar="PATTERN",
        help="leave out folders and files of this name too, * and ? allowed; may be given several "
        "times, and is remembered for the folder")
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
    # fmt: on


def run(args: argparse.Namespace) -> int:
    """Index the folders; 0 even where single files had to be skipped."""
    from c4t_core.cluster.opening import open_workspace

    started = time.monotonic()
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
    if args.json:
        print_json(as_json(report))
    else:
        _print_report(report, time.monotonic() - started)
        say_omitted(report.left_out, report.unread, report.recordings)
        if remedy and report.total:
            say(f"  {remedy}")
    if not report.total:
        folders = ", ".join(printable(folder) for folder in args.folders)
        say(_nothing_there(report, folders, remedy))
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
