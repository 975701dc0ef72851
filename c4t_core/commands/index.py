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
    Watcher,
    add_model_option,
    plural,
    print_json,
    printable,
    say,
    stopping_cleanly,
)
from c4t_core.progress import format_duration

if TYPE_CHECKING:
    from c4t_core.images.scan import ExcludeRules
    from c4t_core.workspace import IndexReport, Skipped

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
        f"Left out at first, below FOLDER: folders {', '.join((*usual.folders, '.*'))}; files "
        f"{', '.join(usual.files)}."
    )
    add = parser.add_argument
    # fmt: off
    add("folders", nargs="+", metavar="FOLDER", help="a folder of images")
    add_model_option(parser)
    add("--exclude", action="append", metavar="PATTERN",
        help="leave out folders and files of this name too, * and ? allowed; may be given several "
        "times, and is remembered for the folder")
    add("--exclude-nothing", action="store_true",
        help="forget what is left out, the usual names below included")
    add("--moved-from", metavar="OLD",
        help="FOLDER was OLD before: take over its index, marks and saved searches")
    add("--forget-missing", action="store_true",
        help="forget sub-folders that are not there any more, rather than keep them as offline")
    add("--json", action="store_true",
        help="end with one line of JSON: total, embedded, unchanged, gone, offline, skipped")
    # fmt: on


def run(args: argparse.Namespace) -> int:
    """Index the folders; 0 even where single files had to be skipped."""
    from c4t_core.workspace import open_workspace

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
        watcher = Watcher(quiet=args.json, skipped=lambda: workspace.skipped_so_far)
        with stopping_cleanly(watcher):
            report = workspace.index(watcher, forget_missing=args.forget_missing)
        for notice in workspace.notices[told:]:
            say(notice)
    if args.json:
        print_json(as_json(report))
    else:
        _print_report(report, time.monotonic() - started)
    if not report.total:
        folders = ", ".join(printable(folder) for folder in args.folders)
        say(f"No images in {folders}; choose a folder with PNG, JPEG, WebP, BMP or TIFF images.")
    return 0


def _follow(args: argparse.Namespace) -> None:
    """Have the catalogue and the user's own data follow a folder that was moved."""
    from c4t_core.errors import FolderError
    from c4t_core.index.store.user_data import UserData
    from c4t_core.workspace import open_workspace

    if len(args.folders) != 1:
        raise FolderError("--moved-from goes with one folder; name the one that was moved.")
    new = args.folders[0]
    with open_workspace(new, model=args.model) as workspace:
        workspace.relocate(args.moved_from, new)
    with contextlib.closing(UserData()) as data:
        old_path, new_path = (Path(os.path.abspath(name)) for name in (args.moved_from, new))
        data.move_root(old_path, new_path)


def _rules(args: argparse.Namespace, now: ExcludeRules) -> ExcludeRules | None:
    """Return the rules that the options ask for, None if they ask for no change."""
    from c4t_core.images.scan import NO_RULES

    if not args.exclude and not args.exclude_nothing:
        return None
    rules = NO_RULES if args.exclude_nothing else now
    more = tuple(args.exclude or ())
    return dataclasses.replace(
        rules,
        folders=tuple(dict.fromkeys(rules.folders + more)),
        files=tuple(dict.fromkeys(rules.files + more)),
    )


def as_json(report: IndexReport) -> dict[str, Any]:
    """Return the report as interface.md names its parts."""
    skipped = [{"path": str(item.path), "reason": item.reason} for item in report.skipped]
    return {**vars(report), "skipped": skipped}


def _print_report(report: IndexReport, seconds: float) -> None:
    parts = [f"{report.embedded:,} embedded", f"{report.unchanged:,} unchanged"]
    for name, number in (("gone", report.gone), ("offline", report.offline)):
        if number:
            parts.append(f"{number:,} {name}")
    if report.skipped:
        parts.append(f"{len(report.skipped):,} skipped")
    print(f"{plural(report.total, 'image')}: {', '.join(parts)}, in {format_duration(seconds)}.")
    _print_skipped(report.skipped)


def _print_skipped(skipped: list[Skipped]) -> None:
    for entry in skipped[:_LISTED]:
        say(f"  skipped {printable(str(entry.path))}: {printable(entry.reason)}")
    if len(skipped) > _LISTED:
        say(f"  and {len(skipped) - _LISTED:,} more; --json lists all of them.")
