"""``c4t index FOLDER...``: embed what is new or changed."""

from __future__ import annotations

import argparse
import dataclasses
import time
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
    from c4t_core.workspace import IndexReport, LeftOut, Skipped

_LISTED = 20  # skipped files named without --json
_NAMED = 5  # rules named without it


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
    add("--json", action="store_true",
        help="end with one line of JSON: total, embedded, unchanged, gone, offline, skipped, "
        "left_out, unread, recordings")
    # fmt: on


def run(args: argparse.Namespace) -> int:
    """Index the folders; 0 even where single files had to be skipped."""
    from c4t_core.workspace import open_workspace

    started = time.monotonic()
    with open_workspace(list(args.folders), model=args.model) as workspace:
        rules = _rules(args, workspace.exclude_rules())
        if rules is not None:
            workspace.set_exclude_rules(rules)
        watcher = Watcher(quiet=args.json, skipped=lambda: workspace.skipped_so_far)
        with stopping_cleanly(watcher):
            report = workspace.index(watcher)
        remedy = _remedy(report, workspace.exclude_rules())
        for notice in workspace.notices:
            say(notice)
    if args.json:
        print_json(as_json(report))
    else:
        _print_report(report, time.monotonic() - started)
        _print_omitted(report, remedy if report.total else "")
    if not report.total:
        folders = ", ".join(printable(folder) for folder in args.folders)
        say(_nothing_there(report, folders, remedy))
    return 0


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
        rules = ", ".join(_quoted(left) for left in report.left_out[:_NAMED])
        remedy = remedy or "Choose another folder."
        number = _pictures(report.left_out)
        return f"No images in {folders} but {number} left out by {rules}. {remedy}"
    if report.unread:
        return (
            f"No images that can be read in {folders}, only {_by_ending(report.unread)}; convert "
            "them to PNG or JPEG."
        )
    return f"No images in {folders}; choose a folder with PNG, JPEG, WebP, BMP or TIFF images."


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
        parts.append(f"{_pictures(report.left_out, noun='')} left out")
    print(f"{plural(report.total, 'image')}: {', '.join(parts)}, in {format_duration(seconds)}.")
    _print_skipped(report.skipped)


def _print_skipped(skipped: list[Skipped]) -> None:
    for entry in skipped[:_LISTED]:
        say(f"  skipped {printable(str(entry.path))}: {printable(entry.reason)}")
    if len(skipped) > _LISTED:
        say(f"  and {len(skipped) - _LISTED:,} more; --json lists all of them.")


def _print_omitted(report: IndexReport, remedy: str) -> None:
    """Say what is not indexed and no failure, so that nobody searches a part unknowingly."""
    for left in report.left_out[:_NAMED]:
        where = f" in {plural(left.folders, 'folder')}" if left.folders else ""
        named = ", ".join(printable(str(path)) for path in left.examples[:2])
        say(f"  left out by {_quoted(left)}: {_pictures([left])}{where}, such as {named}")
    rest = report.left_out[_NAMED:]
    if rest:
        say(f"  left out by {plural(len(rest), 'more rule')}: {_pictures(rest)}")
    if remedy:
        say(f"  {remedy}")
    if report.unread:
        say(f"  of formats that are not read: {_by_ending(report.unread)}")
    if report.recordings:
        say(f"  recordings, which are not read yet: {_by_ending(report.recordings)}")


def _quoted(left: LeftOut) -> str:
    return f'"{printable(left.rule)}"'


def _pictures(left_out: list[LeftOut], noun: str = "image") -> str:
    """Return a number of pictures, "more than" it where not all were counted."""
    number = sum(left.files for left in left_out)
    more = "more than " if any(left.more for left in left_out) else ""
    return more + (plural(number, noun) if noun else f"{number:,}")


def _by_ending(counts: dict[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    files = plural(sum(counts.values()), "file")
    return f"{files} ({', '.join(f'{printable(name)} {number:,}' for name, number in ordered)})"
