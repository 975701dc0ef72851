"""``c4t tag FOLDER [PATH...]``: words of your own for frames."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from c4t_core.commands.console import add_model_option, plural, print_json, printable, say

if TYPE_CHECKING:
    from c4t_core.workspace import Workspace

_EPILOG = """\
  c4t tag drives/                                   the tags there, and how many frames have each
  c4t tag drives/ drives/a.png drives/b.png --add rain --add "to label"
  c4t tag drives/ a.png --remove rain               a path in FOLDER will do
  c4t tag drives/ a.png                             the tags of these frames
  c4t tag --rename rain wet                         everywhere, in saved searches too
Tags are kept with your marks and follow frames that are moved or renamed. Find them again with
c4t search drives/ QUERY --tag rain.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = "Give tags to frames, take them away, or list them."
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    # fmt: off
    add("folder", nargs="?", metavar="FOLDER",
        help="a folder that was indexed before; not needed by --rename")
    add("paths", nargs="*", metavar="PATH",
        help="frames of it; clip.mp4#t=12.500 is a moment of a recording")
    add("--add", action="append", default=[], metavar="T",
        help="give them this tag; may be given several times")
    add("--remove", action="append", default=[], metavar="T", help="take this tag away")
    add("--rename", nargs=2, metavar=("OLD", "NEW"), help=
        "give a tag another name, on all frames of all folders and in saved searches; where there "
        "is a tag NEW, the two become one")
    add_model_option(parser)
    add("--json", action="store_true", help="print JSON: a list of tag and frames; of path and "
        "tags where PATHs are given; or how many were added and removed; or what was renamed")
    # fmt: on
    parser.set_defaults(usage_error=parser.error)


def run(args: argparse.Namespace) -> int:
    """List tags, or change those of some frames.

    Raises:
        DataError: if a frame is not indexed, a word is no tag, or one to be removed is nowhere.
    """
    from c4t_core.workspace import open_workspace

    if args.rename:
        if args.paths or args.add or args.remove:
            args.usage_error("--rename is for all frames: give no PATHs, no --add and no --remove")
        return _rename(*args.rename, as_json=args.json)
    if args.folder is None:
        args.usage_error("name the FOLDER whose tags are meant")
    if not args.paths and (args.add or args.remove):
        args.usage_error("--add and --remove need the PATHs of the frames")
    with open_workspace(args.folder, model=args.model) as workspace:
        for notice in workspace.notices:
            say(notice)
        try:
            if args.add or args.remove:
                _change(args, workspace)
            elif args.paths:
                _list_of(args, workspace)
            else:
                _list(args, workspace)
        finally:
            if repaired := workspace.own.take_notice():
                say(repaired)
    return 0


def _list(args: argparse.Namespace, workspace: Workspace) -> None:
    tags = workspace.own.tags()
    if args.json:
        print_json([{"tag": tag, "frames": count} for tag, count in tags])
        return
    for tag, count in tags:
        print(f"{printable(tag)}: {plural(count, 'frame')}")
    if not tags:
        say("No frame has a tag yet; give one with: c4t tag FOLDER PATH --add TAG")


def _list_of(args: argparse.Namespace, workspace: Workspace) -> None:
    ids = workspace.own.ids([_named(path, workspace) for path in args.paths])
    tagged = workspace.own.tagged()
    rows = [(path, tagged.get(number, ())) for path, number in zip(args.paths, ids, strict=True)]
    if args.json:
        print_json([{"path": path, "tags": list(tags)} for path, tags in rows])
        return
    for path, tags in rows:
        print(f"{printable(path)}: {printable(', '.join(tags)) or 'no tag'}")


def _change(args: argparse.Namespace, workspace: Workspace) -> None:
    images = [_named(path, workspace) for path in args.paths]
    change = workspace.own.tag(images, args.add, args.remove)
    added, removed = len(change.added), len(change.removed)
    if args.json:
        print_json({"added": added, "removed": removed})
        return
    print(f"{plural(added, 'tag')} given, {plural(removed, 'tag')} taken away.")


def _rename(old: str, new: str, *, as_json: bool) -> int:
    from c4t_core.index.store import tags
    from c4t_core.index.store.user_data import UserData

    with contextlib.closing(UserData()) as data:
        if repaired := data.take_notice():
            say(repaired)
        done = tags.rename(data, old, new)
    searches = len(done.change.scenarios)
    if as_json:
        counts = {"frames": done.frames, "joined": done.joined, "scenarios": searches}
        print_json({"tag": done.tag, **counts})
        return 0
    frames = plural(done.frames, "frame")
    kept = f", and in {plural(searches, 'saved search')}" if searches == 1 else ""
    kept = f", and in {searches:,} saved searches" if searches > 1 else kept
    print(f'"{printable(old)}" is "{printable(done.tag)}" now, on {frames}{kept}.')
    if done.joined:
        had = plural(done.joined, "frame")
        say(f'{had} had "{printable(done.tag)}" before; the two tags are one now.')
    return 0


def _named(path: str, workspace: Workspace) -> Path:
    """Return a path as it was meant: from where we are, else in the folder."""
    here = Path(path)
    return here if workspace.frame(here) is not None else workspace.roots[0] / path
