"""``c4t search FOLDER QUERY...``: find frames by describing them."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from c4t_core.commands.console import add_model_option, positive, print_json, printable, say
from c4t_core.index.objects import CLASSES

if TYPE_CHECKING:
    from c4t_core.index.hits import Hits
    from c4t_core.index.query import Hit

_EPILOG = """\
A query is a sentence, or terms joined by + and - that stand between spaces:
  c4t search drives/ "truck in snow"
  c4t search drives/ snow + 2:truck - people      weights stand before a colon
  c4t search drives/ "@frame.png + rain"          an image as a term
  c4t search drives/ "- people"                   what shows people least
The score is the cosine between a frame and the normalised, weighted sum of the terms.

Conditions on what a model believes is on the road restrict the hits; they may stand anywhere:
  c4t search drives/ "person>=3 in the rain"      also > = < <=; the quotes keep > from the shell
  c4t search drives/ person:3+ in the rain        the same without quotes; person:3 is exactly 3
  c4t search drives/ truck:near no:car at night   near, far, left, ahead, right; none at all
  c4t search drives/ traffic-light:left           alone: all for which it holds, the surest first
Classes: {classes}.
"""

# A line and at least two signs: not "-k", "-k5" or "--json".
_LIKE_AN_OPTION = re.compile(r"-(?!-|k=?\d)..", re.DOTALL)
_WITH_VALUE = ("--in", "--drive", "--model", "--embeddings", "-k")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = "List the frames of an indexed folder that answer a query, best first."
    parser.epilog = _EPILOG.format(classes=fill(", ".join(CLASSES), 88, subsequent_indent="  "))
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    # fmt: off
    add("folder", metavar="FOLDER", help="a folder that was indexed before")
    add("query", nargs="+", metavar="QUERY", help="what to look for; see below")
    add_model_option(parser)
    add("-k", type=positive, default=20, metavar="N", help="how many hits at most (default: 20)")
    add("--json", action="store_true", help=
        "print a JSON list of path, score, drive and rank, and of objects where they are known")
    add("--in", dest="within", action="append", default=[], metavar="SUBFOLDER",
        help="only frames below this sub-folder; may be given several times")
    add("--drive", metavar="ID", help="only frames of this drive")
    add("--exact", action="store_true", help="compare with every frame, using no index")
    add("--embeddings", metavar="X.npz", type=Path,
        help='search what "c4t embed images" wrote; FOLDER is then the folder its names are in')
    # fmt: on


def arrange(words: Sequence[str]) -> list[str]:
    """Return the words of a command line with those that only look like an option kept apart.

    ``-people`` is a query: a space before it keeps it from being read as options of one letter
    each. What starts with two lines is an option, known or not, and so are ``-k`` with its number
    and any single letter.

    >>> arrange(["search", "drives", "-people", "-k5", "--json"])
    ['search', 'drives', ' -people', '-k5', '--json']
    """
    out: list[str] = []
    for word in words:
        if word == "--":
            return [*out, *words[len(out) :]]
        value = bool(out) and out[-1] in _WITH_VALUE
        out.append(f" {word}" if not value and _LIKE_AN_OPTION.match(word) else word)
    return out


def run(args: argparse.Namespace) -> int:
    """Print the hits, best first."""
    query = " ".join(args.query).strip()
    find = _search_index if args.embeddings is None else _search_file
    hits = find(args, query)
    for note in hits.notes:
        say(printable(note))
    if args.json:
        print_json([as_json(hit) for hit in hits])
        return 0
    for hit in hits:
        print(f"{hit.score:.4f}  {printable(_shown(hit))}")
    if not hits:
        say("Nothing was found; try other words, or fewer restrictions.")
    return 0


def _search_index(args: argparse.Namespace, query: str) -> Hits:
    from c4t_core.workspace import open_workspace

    with open_workspace(args.folder, model=args.model) as workspace:
        for notice in workspace.notices:  # before what may fail
            say(notice)
        return workspace.search(
            query, args.k, exact=args.exact, within=args.within, drive=args.drive
        )


def _search_file(args: argparse.Namespace, query: str) -> Hits:
    from c4t_core.index.directions import ModelHandle
    from c4t_core.index.query import NO_FILTERS, parse_query
    from c4t_core.index.scope import saved_scope
    from c4t_core.index.search import answer
    from c4t_core.models.registry import load_model

    terms, model = parse_query(query), ModelHandle(load_model(args.model))
    filters = NO_FILTERS.narrowed(args.within, args.drive).asking(terms.objects)
    scope = saved_scope(args.embeddings, args.folder, model, filters)
    return answer(scope, terms, model, k=args.k).hits()


def as_json(hit: Hit) -> dict[str, Any]:
    """Return a hit as interface.md names its parts, with those objects that are probable."""
    from c4t_core.index.query import frame_name

    line = {
        "path": frame_name(os.path.abspath(hit.path), hit.at),
        "score": hit.score,
        "drive": hit.drive,
        "rank": hit.rank,
    }
    if hit.believed is not None:
        line["objects"] = hit.believed
    return line


def _shown(hit: Hit) -> str:
    """Return the path as a person at this prompt would write it."""
    from c4t_core.index.query import frame_name

    path = frame_name(os.path.abspath(hit.path), hit.at)
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another disk, on Windows
        return path
    return path if relative.startswith("..") else relative
