"""``c4t search FOLDER QUERY...``: find frames by describing them."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from c4t_core.commands.console import (
    add_model_option,
    plural,
    positive,
    print_json,
    printable,
    say,
)
from c4t_core.errors import C4TError
from c4t_core.index.objects import CLASSES

if TYPE_CHECKING:
    from c4t_core.index.events import Folded
    from c4t_core.index.query import Filters, Hit, Query
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
    *("--in", "--drive", "--since", "--until", "--like"),
    *("--model", "--embeddings", "-k", "--limit", "--cut"),
)
_BLOCK = 1000  # hits loaded at once, where they are many
_DAY = 86_400  # seconds
_FIRST_DATE = 366 * _DAY  # what is before is the time of a clock that knows no date


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
        help="what to look for, see below; not needed with --like")
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
        "print a JSON list of path, score, drive and rank, of objects where they are known, and "
        "of the count of an event")
    form.add_argument("--ndjson", action="store_true", help="the same, one object a line")
    add("--in", dest="within", action="append", default=[], metavar="SUBFOLDER",
        help="only frames below this sub-folder; may be given several times")
    add("--drive", action="append", default=[], metavar="ID",
        help="only frames of this drive (see c4t drives); may be given several times")
    add("--since", type=since, metavar="DATE",
        help="only frames from this day or time on, such as 2026-10-14 or 2026-10-14T08:30 (UTC)")
    add("--until", type=until, metavar="DATE",
        help="only frames before this time, or up to the end of this day")
    add("--exact", action="store_true", help="compare with every frame, using no index")
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


def since(text: str) -> float:
    """Read when a day begins, or a time, in seconds since 1970; for argparse."""
    return _read_time(text)[0]


def until(text: str) -> float:
    """Read when a day ends, or a time, in seconds since 1970; for argparse."""
    return sum(_read_time(text))


def _read_time(text: str) -> tuple[float, int]:
    """Return (seconds since 1970, of UTC unless a zone is written; how long it lasts)."""
    from datetime import UTC, date, datetime  # a search without a date does without

    lasting = 0
    with contextlib.suppress(ValueError):
        date.fromisoformat(text)
        lasting = _DAY
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f'"{text}" is no day or time such as 2026-10-14 or 2026-10-14T08:30'
        ) from error
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp(), lasting


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
    for word in query.split():
        if _LIKE_AN_OPTION.match(word):
            say(
                f'"{printable(word)}" is searched for as it is; to want less of it write '
                f'"{printable(word[:1])} {printable(word[1:])}", with a space.'
            )
    if not args.query and not args.like:
        args.wrong("say what to look for, in words or by --like FILE")
    if args.since is not None and args.until is not None and args.until <= args.since:
        args.wrong("--until is before --since; swap them")
    cutting = args.fold or "cut" in args
    least = getattr(args, "cut", None)
    whole = args.limit if not cutting else None
    with (_of_index if args.embeddings is None else _of_file)(args, query, whole) as found:
        for note in (*found.notes, *_undated(found, args)):
            say(printable(note))
        count = found.matches(least) if cutting else len(found.scores)
        if cutting and least is None and not found.by_objects and count and found.cut is None:
            say("Nothing stands out; these are the nearest.")
        rows = Rows(found, count, fold=args.fold)
        _print(rows, args)
    return 0


def _undated(found: Answer, args: argparse.Namespace) -> Iterator[str]:
    """Yield that no date can find anything, where the names of the frames tell none."""
    asked = args.since is not None or args.until is not None
    tables = (part.table for part in found.scope.parts)
    if asked and not any((table.times > _FIRST_DATE).any() for table in tables):
        yield "No frame here has a date in its name, so none is found by one."


class Rows:
    """What is listed: the best hits of an answer, or one row for each event of them.

    Args:
        found: the answer.
        count: how many are hits, the best.
        fold: whether they are folded.

    Raises:
        C4TError: if what was searched tells no events.
    """

    def __init__(self, found: Answer, count: int, *, fold: bool = False) -> None:
        """Fold, and load nothing."""
        self._scope = found.scope
        self._ids, self._scores = found.image_ids[:count], found.scores[:count]
        self.hits = count
        self._folded: Folded | None = None
        if fold and found.fold is None:
            raise C4TError(
                "Saved embeddings tell no events; search the folder itself with --fold, once it is "
                "indexed."
            )
        if fold and found.fold is not None and count:
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


def _print(rows: Rows, args: argparse.Namespace) -> None:
    if args.json:
        print_json([as_json(hit, count) for hit, count in rows.load(args.limit)])
    for hit, count in () if args.json else rows.load(args.limit):
        if args.ndjson:
            print_json(as_json(hit, count))
        else:
            frames = "" if count is None else f"  ({plural(count, 'frame')})"
            print(f"{hit.score:.4f}  {printable(_shown(hit))}{frames}")
    if not len(rows) and not (args.json or args.ndjson):
        say("Nothing was found; try other words, or fewer restrictions.")
    if args.limit is not None and len(rows) > args.limit and (args.fold or "cut" in args):
        what = f"events of {plural(rows.hits, 'hit')}" if args.fold else "hits"
        say(f"{args.limit:,} of {len(rows):,} {what}; --limit 0 lists all.")


def _filters(args: argparse.Namespace) -> Filters:
    from c4t_core.index.query import Filters

    since = args.since
    if args.until is not None and since is None:
        since = _FIRST_DATE  # a clock without a date is no time before
    return Filters(tuple(args.within), tuple(args.drive), since=since, until=args.until)


def _query(args: argparse.Namespace, query: str) -> Query:
    from c4t_core.index.query import Query, Term, parse_query

    typed = parse_query(query) if args.query else Query(())
    return Query(
        (*(Term(image=path.expanduser()) for path in args.like), *typed.terms), typed.objects
    )


@contextlib.contextmanager
def _of_index(args: argparse.Namespace, query: str, k: int | None) -> Iterator[Answer]:
    from c4t_core.workspace import open_workspace

    with open_workspace(args.folder, model=args.model) as workspace:
        for notice in workspace.notices:  # before what may fail
            say(notice)
        filters = _filters(args)
        yield workspace.answer(_query(args, query), filters=filters, k=k, exact=args.exact)


@contextlib.contextmanager
def _of_file(args: argparse.Namespace, query: str, k: int | None) -> Iterator[Answer]:
    from c4t_core.index.cut import UnrelatedLevel
    from c4t_core.index.directions import ModelHandle
    from c4t_core.index.scope import saved_scope
    from c4t_core.index.search import answer
    from c4t_core.models.registry import load_model

    terms, model = _query(args, query), ModelHandle(load_model(args.model))
    filters = _filters(args).asking(terms.objects)
    scope = saved_scope(args.embeddings, args.folder, model, filters)
    yield answer(scope, terms, model, k=k, level=UnrelatedLevel(model))


def as_json(hit: Hit, count: int | None = None) -> dict[str, Any]:
    """Return a hit as plain values, with those objects that are probable.

    ``count`` is how many frames the event has that it stands for, None where it is of none.
    """
    from c4t_core.index.query import frame_name

    line = {
        "path": frame_name(os.path.abspath(hit.path), hit.at),
        "score": hit.score,
        "drive": hit.drive,
        "rank": hit.rank,
    }
    if count is not None:
        line["count"] = count
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
