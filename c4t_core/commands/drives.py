"""``c4t drives FOLDER``: which drives there are, how long and of when."""

from __future__ import annotations

import argparse
import contextlib
from typing import TYPE_CHECKING, Any

from c4t_core.commands.console import plural, print_json, printable, say

if TYPE_CHECKING:
    from c4t_core.index.folders import Drive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = (
        "List the drives of an indexed folder by name, with their number of frames and the first "
        "and last time in the names of these (UTC)."
    )
    parser.epilog = "What is listed is what --drive of the other commands takes."
    parser.add_argument("folder", metavar="FOLDER", help="a folder that was indexed before")
    parser.add_argument("--json", action="store_true", help=
        "print a JSON list of drive, frames, first and last")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Print the drives."""
    from c4t_core.index.folders import drives_in, opened
    from c4t_core.index.store.catalogue import Catalogue, catalogue_path

    with contextlib.closing(Catalogue(catalogue_path())) as catalogue:
        if catalogue.notice:
            say(catalogue.notice)
        drives = drives_in(catalogue, opened(args.folder)[0])
    if args.json:
        print_json([_as_json(drive) for drive in drives])
        return 0
    width = max((len(printable(drive.name)) for drive in drives), default=0)
    for drive in drives:
        first, last = _when(drive.first), _when(drive.last)
        span = f"  {first[:19]}Z to {last[:19]}Z" if first and last else ""
        print(f"{printable(drive.name):{width}}  {plural(drive.frames, 'frame'):>14}{span}")
    if not drives:
        say("There is no frame here.")
    return 0


def _as_json(drive: Drive) -> dict[str, Any]:
    first, last = _when(drive.first), _when(drive.last)
    return {"drive": drive.name, "frames": drive.frames, "first": first, "last": last}


def _when(seconds: float | None) -> str | None:
    from c4t_core.index.exports import iso_time

    return None if seconds is None else iso_time(seconds)
