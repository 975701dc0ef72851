"""``c4t search FOLDER QUERY...``: find frames by describing them."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from c4t_core.addresses import absolute, is_remote
from c4t_core.commands.console import (
    add_filters,
    add_model_option,
    filters_of,
    plural,
    positive,
    print_json,
    printable,
    say,
    tell_undated,
)
from c4t_core.errors import C4TError, QueryError
from c4t_core.index.objects import CLASSES
from c4t_core.index.query import (
    NO_FILTERS,
    NOTHING_NOTED,
    Filters,
    Noted,
    frame_name,
    parse_query,
)

if TYPE_CHECKING:
    from c4t_core.index.events import Folded
    from c4t_core.index.query import Hit
    from c4t_core.index.search import Answer

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

What the window would show, whole, and as it comes:
  c4t search drives/ truck in snow --cut auto --limit 0 --ndjson
  c4t search drives/ --like frame.png --fold --since 2026-10-14
"""

# A line and at least two signs: not "-k", "-k5" or "--json".
_LIKE_AN_OPTION = re.compile(r"-(?!-|k=?\d)..", re.DOTALL)
_WITH_VALUE = (
    *("--in", "--drive", "--since", "--until", "--like", "--tag", "--marked"),
    *("--model", "--embeddings", "-k", "--limit", "--cut"),
)
_BLOCK = 1000  # hits loaded at once, where they are many


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = "List the frames of an indexed folder that answer a query, best first."
    parser.epilog = _EPILOG.format(classes=fill(", ".join(CLASSES), 88, subsequent_indent="  "))
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.set_defaults(wrong=parser.error)
    add = parser.add_argument
    # fmt: off
    add("folder", metavar="FOLDER", help="a folder that was indexed before")
    add("query", nargs="*", metavar="QUERY",
        help="what to look for, see below; without it, nor --like, the frames that --in, --drive, "
        "--since and --until leave are listed drive by drive, in time order")
    add("--like", action="append", default=[], type=Path, metavar="FILE",
        help="frames like this image; may be given several times, and beside words")
    add_model_option(parser)
    add("--cut", type=cut, metavar="X", default=argparse.SUPPRESS,
        help='only scores of at least X; "auto": what stands out, as in the window')
    add("-k", dest="limit", type=positive, default=20, metavar="N",
        help="how many rows at most (default: 20)")
    add("--limit", dest="limit", type=_limit, metavar="N", help="the same; 0 for all")
    add("--fold", action="store_true", help=
        "one row per event, its best frame, with its number of frames; --cut is auto then")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help=
        "print a JSON list of path, score, drive and rank, of objects, mark and tags where they "
        "are known, and of the count of an event")
    form.add_argument("--ndjson", action="store_true", help="the same, one object a line")
    add_filters(parser)
    add("--marked", choices=("right", "wrong", "any"), default="",
        help="only frames that you marked for this very query; without one, for any")
    add("--exact", action="store_true", help="compare with every frame, using no index")
    add("--in-place", action="store_true", help=
        "search a shared table (X.lance) where it lies, without copying it; finds the best, tells "
        "no cut and no events")
    add("--embeddings", metavar="X.npz", type=Path,
        help='search what "c4t embed images" wrote; FOLDER is then the folder its names are in')
    # fmt: on


def cut(text: str) -> float | None:
    """Read the least score of a hit, None for "auto"; for argparse."""
    if text == "auto":
        return None
    with contextlib.suppress(ValueError):
        if -2 < float(text) < 2:  # which "nan" is not
            return float(text)
    raise argparse.ArgumentTypeError(f'"{text}" is neither "auto" nor a score such as 0.25')


def _limit(text: str) -> int | None:
    return None if text == "0" else positive(text)


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
    text = _text(args)
    if text is None and _filters(args) == NO_FILTERS:
        args.wrong("say what to look for, in words or by --like FILE, or which frames to list")
    if text is None and "cut" in args:
        args.wrong("--cut needs something to look for, in words or by --like FILE")
    cutting = args.fold or "cut" in args
    least = getattr(args, "cut", None)
    if args.in_place:
        return _in_place(args, text)
    whole = args.limit if not cutting else None
    asked = (_of_index if args.embeddings is None else _of_file)(args, text, whole)
    with asked as (found, noted):
        for note in found.notes:
            say(printable(note))
        tell_undated(args, dated=any(part.table.dated for part in found.scope.parts))
        rows = Rows(found, found.matches(least) if cutting else None, fold=args.fold)
        ranked = not (found.by_objects or found.browsed)
        if cutting and least is None and ranked and rows.hits and found.cut is None:
            say("Nothing stands out; these are the nearest.")
        _print(rows.load(args.limit), noted, args, scored=rows.scored)
        if args.limit is not None and len(rows) > args.limit:
            of = f"events of {plural(rows.hits, 'frame')}" if args.fold else "frames"
            say(f"{args.limit:,} of {len(rows):,} {of}; --limit 0 lists all.")
    return 0


class Rows:
    """What is listed: the best hits of an answer, or one row for each event of them.

    Args:
        found: the answer.
        count: how many are hits, the best; None for all.
        fold: whether they are folded.

    Raises:
        C4TError: if what was searched tells no events.
    """

    def __init__(self, found: Answer, count: int | None, *, fold: bool = False) -> None:
        """Fold, and load nothing."""
        self._scope = found.scope
        self._ids, self._scores = found.image_ids[:count], found.scores[:count]
        self.hits = len(self._ids)
        self.scored = not found.browsed
        self._folded: Folded | None = None
        if fold and found.fold is None:
            raise C4TError(
                "Saved embeddings tell no events; search the folder itself with --fold, once it is "
                "indexed."
            )
        if fold and found.fold is not None and self.hits:
            self._folded = found.fold(found.scope, self._ids)
            best = self._folded.best
            self._ids, self._scores = self._ids[best], self._scores[best]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._ids)

    def load(self, limit: int | None) -> Iterator[tuple[Hit, int | None]]:
        """Yield so many hits (None: all), block by block, with the frames of their event."""
        end = len(self) if limit is None else min(limit, len(self))
        for first in range(0, end, _BLOCK):
            block = slice(first, min(first + _BLOCK, end))
            ids, scores = self._ids[block].tolist(), self._scores[block].tolist()
            for hit in self._scope.hits(ids, scores, first + 1):
                if self._folded is None:
                    yield hit, None
                else:  # it keeps its rank among all hits
                    row = hit.rank - 1
                    ranked = replace(hit, rank=int(self._folded.best[row]) + 1)
                    yield ranked, int(self._folded.counts[row])


def _in_place(args: argparse.Namespace, text: str | None) -> int:
    """Print the best of a shared table, which ranks no others."""
    refused = {
        "--cut": "cut" in args,
        "--fold": args.fold,
        "--limit 0": args.limit is None,
        "--tag": args.tags,
        "--marked": args.marked,
        "--embeddings": args.embeddings is not None,
    }
    for option in (name for name, given in refused.items() if given):
        args.wrong(f"{option} needs all frames, and --in-place ranks only the best; leave one out")
    if text is None:
        args.wrong("--in-place needs something to look for, in words or by --like FILE")
    from c4t_core.cluster.asking import ask
    from c4t_core.cluster.table import open_table

    table, filters = open_table(args.folder), _filters(args)
    hits = ask(table, str(text), args.model, k=args.limit, filters=filters, exact=args.exact)
    for note in hits.notes:
        say(printable(note))
    _print(((hit, None) for hit in hits), NOTHING_NOTED, args)
    return 0


def _print(
    loaded: Iterable[tuple[Hit, int | None]],
    noted: Noted,
    args: argparse.Namespace,
    *,
    scored: bool = True,
) -> None:
    lines = (as_json(hit, count, noted, scored=scored) for hit, count in loaded)
    if args.json:
        print_json(list(lines))
    elif args.ndjson:
        for line in lines:
            print_json(line)
    else:
        empty = True
        for hit, count in loaded:
            empty = False
            score = f"{hit.score:.4f}  " if scored else ""
            frames = "" if count is None else f"  ({plural(count, 'frame')})"
            print(f"{score}{printable(_shown(hit))}{frames}")
        if empty:
            say("Nothing was found; try other words, or fewer restrictions.")


def _filters(args: argparse.Namespace) -> Filters:
    return replace(filters_of(args), marked=args.marked)


def _text(args: argparse.Namespace) -> str | None:
    """Return the query as the window would name it, None where nothing is looked for.

    Raises:
        QueryError: if the name of an image cannot be written in one.
    """
    terms = [" ".join(args.query).strip()] if args.query else []
    for path in args.like:
        name = absolute(path.expanduser())
        quote = "'" if '"' in name else '"'
        if quote in name:
            raise QueryError(f"The name of {name} has both kinds of quotes; copy or rename it.")
        terms.append(f"{'+ ' if terms else ''}@{quote}{name}{quote}")
    return " ".join(terms) if terms else None


Found = tuple["Answer", Noted]


@contextlib.contextmanager
def _of_index(args: argparse.Namespace, text: str | None, k: int | None) -> Iterator[Found]:
    if text is not None and any(term.image is None for term in parse_query(text).terms):
        from c4t_core.models.registry import open_ahead

        open_ahead(args.model)
    from c4t_core.cluster.opening import open_workspace

    with open_workspace(args.folder, model=args.model) as workspace:
        args.opened.append(workspace)
        for notice in workspace.notices:  # before what may fail
            say(notice)
        filters, noted = _filters(args), NOTHING_NOTED
        if text is None:
            found = workspace.browse(filters=filters)
        else:
            found = workspace.answer(text, filters=filters, k=k, exact=args.exact)
        if args.json or args.ndjson:
            noted = Noted(workspace.own.marks(text), workspace.own.tagged())
        if repaired := workspace.own.take_notice():
            say(repaired)
        yield found, noted


@contextlib.contextmanager
def _of_file(args: argparse.Namespace, text: str | None, k: int | None) -> Iterator[Found]:
    from c4t_core.index.cut import SentenceLevels
    from c4t_core.index.directions import ModelHandle
    from c4t_core.index.scope import saved_scope
    from c4t_core.index.search import answer, browse
    from c4t_core.models.registry import load_model

    if args.tags or args.marked:
        raise QueryError("Tags and marks belong to indexed frames; search without --embeddings.")
    terms, filters = None if text is None else parse_query(text), _filters(args)
    model = ModelHandle(load_model(args.model))
    filters = filters if terms is None else filters.asking(terms.objects)
    scope = saved_scope(args.embeddings, args.folder, model, filters)
    if terms is None:
        yield browse(scope), NOTHING_NOTED
    else:
        reached = SentenceLevels(model)
        yield answer(scope, terms, model, k=k, reached=reached), NOTHING_NOTED


def as_json(
    hit: Hit, count: int | None = None, noted: Noted = NOTHING_NOTED, *, scored: bool = True
) -> dict[str, Any]:
    """Return a hit as plain values, with probable objects, its mark and tags.

    ``count`` is how many frames the event has that it stands for, None where it is of none. The
    score is None where nothing was looked for.
    """
    line: dict[str, Any] = {
        "path": frame_name(absolute(hit.path), hit.at),
        "score": hit.score if scored else None,
        "drive": hit.drive,
        "rank": hit.rank,
    }
    if count is not None:
        line["count"] = count
    if hit.believed is not None:
        line["objects"] = hit.believed
    if hit.image_id in noted.marks:
        line["mark"] = noted.marks[hit.image_id]
    if hit.image_id in noted.tags:
        line["tags"] = list(noted.tags[hit.image_id])
    return line


def _shown(hit: Hit) -> str:
    """Return the path as a person at this prompt would write it."""
    path = frame_name(absolute(hit.path), hit.at)
    if is_remote(path):
        return path
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another disk, on Windows
        return path
    return path if relative.startswith("..") else relative
