"""What you made yourself: ``c4t tag``, words for frames; ``c4t userdata``, as text and as pairs."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from c4t_core.commands.console import add_model_option, plural, print_json, printable, say
from c4t_core.files import read_bytes, write_whole
from c4t_core.index.store import exchange
from c4t_core.index.store.user_data import UserData

if TYPE_CHECKING:
    from c4t_core.workspace import Workspace

_EPILOG = """\
One line of JSON for each mark, tag, saved search, earlier query and test set, in a fixed order, so
that two files can be compared. A damaged file is repaired from its backups when it is opened.
"""

_TAG_EPILOG = """\
  c4t tag drives/                                   the tags there, and how many frames have each
  c4t tag drives/ drives/a.png drives/b.png --add rain --add "to label"
  c4t tag drives/ a.png --remove rain               a path in FOLDER will do
  c4t tag drives/ a.png                             the tags of these frames
Tags are kept with your marks and follow frames that are moved or renamed. Find them again with
c4t search drives/ QUERY --tag rain.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its actions."""
    parser.description = (
        "Write your marks, tags, saved searches, earlier queries and test sets to a text file, or "
        "read them from one; or write your marks as pairs that a model can learn from."
    )
    parser.epilog = _EPILOG
    # fmt: off
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    out = actions.add_parser("export", help="write everything to a text file")
    out.add_argument("file", metavar="FILE", help="the file to write; - for the standard output")
    back = actions.add_parser("import", help="read everything from such a file", description=
        "Without --merge, the file takes the place of all that is there, which is backed up "
        "first. Nothing is imported unless every line can be read.")
    back.add_argument("file", metavar="FILE", help="the file to read; - for the standard input")
    back.add_argument("--merge", action="store_true",
        help="add to what is there; of two things of one name, or marks of one image for one "
        "query, the one made later is kept")
    pairs = actions.add_parser("pairs", help="write your marks as pairs to train on", description=
        "Each frame that you marked as right goes with its query as the caption. One marked as "
        "wrong gets a 0 in the column shown: it is told apart from the right ones.")
    pairs.add_argument("file", metavar="FILE", help="the CSV file to write")
    pairs.add_argument("--json", action="store_true",
        help="end with one line of JSON: file, root, right, images, wrong, idle, no_caption, "
        "missing")
    for action in (out, back):
        action.add_argument("--json", action="store_true",
            help="end with one line of JSON: file, marks, searches, asked, test_sets, "
            "test_marks, tags" + (", backup" if action is back else "; none where FILE is -"))
    # fmt: on


def run(args: argparse.Namespace) -> int:
    """Do what the action says; 0 unless an error is raised.

    Raises:
        DataError: if a line of the file cannot be read, or no mark makes a pair.
        CatalogueError: if the user's data cannot be opened or written.
    """
    read = None
    if args.action == "import":  # whatever is wrong with it, nothing is opened yet
        standard = args.file == "-"
        source = Path("standard input" if standard else args.file)
        content = sys.stdin.buffer.read() if standard else read_bytes(source)
        read = exchange.from_text(content, source)
    with closing(UserData()) as data:
        try:
            if args.action == "pairs":
                _pairs(args, data)
            else:
                _export(args, data) if read is None else _import(args, data, read)
        finally:
            notice = data.take_notice()
            if notice:
                say(notice)
    return 0


def _export(args: argparse.Namespace, data: UserData) -> None:
    tables = data.everything()
    content = exchange.as_text(tables)
    if args.file == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    write_whole(Path(args.file), content)
    _report(args, f"Wrote {{}} to {printable(args.file)}.", exchange.counted(tables))


def _pairs(args: argparse.Namespace, data: UserData) -> None:
    from c4t_core.index.own import pairs_of_marks

    made = pairs_of_marks(Path(args.file), data.marks())
    for problem in made.problems():
        say(f"{problem}.")
    if args.json:
        plain = {"file": os.path.abspath(args.file), **vars(made), "root": str(made.root)}
        print_json(plain)
        return
    print(
        f"Wrote {made.right} pairs of {made.images} images, and {made.wrong} rows that say what an "
        f'image does not show, to {printable(args.file)}; their images are below "{made.root}".'
    )


def _import(args: argparse.Namespace, data: UserData, tables: exchange.Tables) -> None:
    kept = None
    if args.merge:
        exchange.join(data, tables)
    else:
        kept = exchange.replace_all(data, tables)
        if kept is not None:
            say(f'What was there before was replaced; it is kept as "{kept}".')
    backup = {} if args.merge else {"backup": None if kept is None else str(kept)}
    counts = exchange.counted(data.everything())
    _report(args, "There are now {}.", counts, backup)


def _report(
    args: argparse.Namespace,
    sentence: str,
    counts: dict[str, int],
    more: dict[str, Any] | None = None,
) -> None:
    if args.json:
        print_json({"file": os.path.abspath(args.file), **counts, **(more or {})})
    else:
        print(sentence.format(exchange.in_words(counts)))


def _tag_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Give tags to frames, take them away, or list them."
    parser.epilog = _TAG_EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    # fmt: off
    add("folder", metavar="FOLDER", help="a folder that was indexed before")
    add("paths", nargs="*", metavar="PATH",
        help="frames of it; clip.mp4#t=12.500 is a moment of a recording")
    add("--add", action="append", default=[], metavar="T",
        help="give them this tag; may be given several times")
    add("--remove", action="append", default=[], metavar="T", help="take this tag away")
    add_model_option(parser)
    add("--json", action="store_true", help="print JSON: a list of tag and frames; of path and "
        "tags where PATHs are given; or how many were added and removed")
    # fmt: on
    parser.set_defaults(usage_error=parser.error)


def _run_tag(args: argparse.Namespace) -> int:
    from c4t_core.cluster.opening import open_workspace

    if not args.paths and (args.add or args.remove):
        args.usage_error("--add and --remove need the PATHs of the frames")
    with open_workspace(args.folder, model=args.model) as workspace:
        for notice in workspace.notices:
            say(notice)
        try:
            if args.add or args.remove:
                _change_tags(args, workspace)
            elif args.paths:
                _list_tags_of(args, workspace)
            else:
                _list_tags(args, workspace)
        finally:
            if repaired := workspace.own.take_notice():
                say(repaired)
    return 0


def _list_tags(args: argparse.Namespace, workspace: Workspace) -> None:
    tags = workspace.own.tags()
    if args.json:
        print_json([{"tag": tag, "frames": count} for tag, count in tags])
        return
    for tag, count in tags:
        print(f"{printable(tag)}: {plural(count, 'frame')}")
    if not tags:
        say("No frame has a tag yet; give one with: c4t tag FOLDER PATH --add TAG")


def _list_tags_of(args: argparse.Namespace, workspace: Workspace) -> None:
    ids = workspace.own.ids([_named(path, workspace) for path in args.paths])
    tagged = workspace.own.tagged()
    rows = [(path, tagged.get(number, ())) for path, number in zip(args.paths, ids, strict=True)]
    if args.json:
        print_json([{"path": path, "tags": list(tags)} for path, tags in rows])
        return
    for path, tags in rows:
        print(f"{printable(path)}: {printable(', '.join(tags)) or 'no tag'}")


def _change_tags(args: argparse.Namespace, workspace: Workspace) -> None:
    images = [_named(path, workspace) for path in args.paths]
    change = workspace.own.tag(images, args.add, args.remove)
    added, removed = len(change.added), len(change.removed)
    if args.json:
        print_json({"added": added, "removed": removed})
        return
    print(f"{plural(added, 'tag')} given, {plural(removed, 'tag')} taken away.")


def _named(path: str, workspace: Workspace) -> Path:
    """Return a path as it was meant: from where we are, else in the folder."""
    here = Path(path)
    return here if workspace.frame(here) is not None else workspace.roots[0] / path


tag = SimpleNamespace(add_arguments=_tag_arguments, run=_run_tag)
