"""Queries whose right answers are known: from captions, and the user's own.

The rule is the original's: a query asks for one or more classes, and an image is relevant when
its caption holds *all* of them. (The original's recall for several classes was not sound: each
class was scored by itself and the whole string searched for the total. Here the number of
relevant images is the number that holds all classes, for precision and recall alike.)
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.datasets.captions import TJU_CLASSES
from c4t_core.datasets.pairs_table import ALIASES, Purpose, choose_columns, sniff
from c4t_core.datasets.scene import Problem
from c4t_core.datasets.tables.cells import image_name, is_missing, opened
from c4t_core.datasets.words import concept
from c4t_core.errors import DataError, QueryError
from c4t_core.evaluation.collection import Collection
from c4t_core.files import unguard_cell
from c4t_core.index.query import parse_query
from c4t_core.paths import resource
from c4t_core.records import dataclass

A2D2_SHORTENED: Mapping[str, str] = {
    "Traffic guide obj.": "Traffic guide object",
    "Painted driv. instr.": "Driving instructions",
}
"""How captions write two of the names: they were shortened there, the query lists were not, so
as a bare substring these two never matched. Here either spelling counts."""

A2D2_MARKS: tuple[str, ...] = ("RD normal street", "Nature object", "Drivable cobblestone")
"""Names that only A2D2's captions hold; they tell its pairs from others."""


@cache
def known_lists() -> dict[str, Any]:
    """Return ``resources/evaluation/queries.json``.

    ``single``, ``small`` and ``multi`` are the original's lists of A2D2's classes. ``labels`` are
    class names to look for, in any number and by any synonym, in captions of unknown origin, and
    ``conditions`` words for weather, hour and road, any of which makes an image relevant.
    """
    lists: dict[str, Any] = json.loads(resource("evaluation", "queries.json").read_text("utf-8"))
    return lists


RARE_SHARE = 0.05
"""A class that at most this part of the images holds is a rare one."""
MULTI_LIMIT = 40
"""Most combinations that are made up for one data set."""
LEAST_RELEVANT = 3
"""Combinations with fewer relevant images than this are not made up."""
TJU_QUERIES = 15
CAPTION_LIMIT = 1000
"""Most captions that are asked as they are, where their words name nothing known."""

OWN = Purpose(
    {
        "query": ("query", "sentence", "text", "question", "search", "caption", "prompt", "q"),
        "relevant": ("relevant", "hits", "positives", "files", "paths", *ALIASES["image"]),
        # A table that has a column of images too may say with "relevant" whether each is one.
        "grade": ("grade", "relevance", "gain", "rating", "score", "relevant", "is_relevant"),
        "kind": ("kind", "list", "type"),
    },
    ("query", "relevant"),
    "relevant",
    "queries",
    ", and name it so in the file",
)
"""A table of the user's own queries."""

_TRUTH = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}
_CLEAN = re.compile(r"there is (?P<things>.+)", re.IGNORECASE)
_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety "
    "hundred thousand and"
)
_NUMBERS = frozenset(_NUMBER_WORDS.split())
_NOT = r"(?<!\bno )(?<!\bzero )(?<!\bwithout )(?<!\bwithout a )(?<!\bwithout any )"


@dataclass(frozen=True, eq=False)
class LabelledQuery:
    """A query and its right answers.

    Attributes:
        text: what is searched for.
        kind: the list it belongs to, such as ``"single"``.
        relevant: int64 (r,), ascending positions of the relevant images in the collection.
        grades: float64 (r,), the worth of each, above 0.
        classes: the classes or conditions asked for, for slices.
        pool: int64 (m,), ascending positions of the images whose labels can answer this query,
            or None for all; others are left out of its ranking.
        own: True for the user's own words, in which operators count as in the search field.
    """

    text: str
    kind: str
    relevant: NDArray[np.int64]
    grades: NDArray[np.float64]
    classes: tuple[str, ...] = ()
    pool: NDArray[np.int64] | None = None
    own: bool = False


def make_query(
    text: str,
    kind: str,
    relevant: Iterable[int],
    *,
    classes: Sequence[str] = (),
    grades: Sequence[float] | None = None,
    pool: NDArray[np.int64] | None = None,
    own: bool | None = None,
) -> LabelledQuery:
    """Build a query; ``grades`` belong to ``relevant`` in the order given, default 1 each.

    By default the queries of kind ``"own"`` are the user's own words.
    """
    indices = np.fromiter(relevant, dtype=np.int64)
    worth = np.ones(len(indices)) if grades is None else np.asarray(grades, dtype=np.float64)
    order = np.argsort(indices, kind="stable")
    by_user = kind == "own" if own is None else own
    return LabelledQuery(
        text, kind, indices[order], worth[order], classes=tuple(classes), pool=pool, own=by_user
    )


def from_captions(collection: Collection) -> list[LabelledQuery]:
    """Return the queries that the captions lend themselves to.

    A2D2's captions get the original's three lists, TJU-DHD's its 15 commonest captions, all
    others :func:`from_words`, and :func:`from_sentences` where words are of no use.
    """
    joined = [_joined(captions) for captions in collection.captions]
    marked = sum(any(mark.casefold() in text for mark in A2D2_MARKS) for text in joined)
    if marked * 2 > len(joined):
        return a2d2_queries(collection)
    clean = sum(any(map(_clean, captions)) for captions in collection.captions)
    if clean * 2 > len(collection):
        frequent = tju_queries(collection)
        if frequent:
            return frequent
    things, conditions = _named(joined)
    queries = _from_words(things, conditions, len(collection))
    if not queries:
        return from_sentences(collection, range(len(collection)))
    named = set().union(*things.values(), *conditions.values())
    unnamed = [index for index in range(len(collection)) if index not in named]
    if 2 * len(unnamed) > len(collection):
        queries += from_sentences(collection, unnamed)
    return queries


def from_sentences(collection: Collection, indices: Iterable[int]) -> list[LabelledQuery]:
    """Return the captions of some images as they are, each to be answered by the images it has.

    For captions of another language, or of things that are not known: at most
    :data:`CAPTION_LIMIT` of them, evenly over the images. What all images have asks for nothing.
    """
    having: dict[str, set[int]] = {}
    for index, captions in enumerate(collection.captions):
        for caption in captions:
            having.setdefault(_alike(caption), set()).add(index)
    texts: dict[str, str] = {}
    for index in indices:
        for caption in collection.captions[index]:
            if 0 < len(having[_alike(caption)]) < len(collection) and caption.strip():
                texts.setdefault(_alike(caption), caption)
    step = max(1.0, len(texts) / CAPTION_LIMIT)
    listed = list(texts.items())
    chosen = [listed[int(place * step)] for place in range(min(len(listed), CAPTION_LIMIT))]
    return [make_query(text, "caption", sorted(having[key])) for key, text in chosen]


def _alike(caption: str) -> str:
    return " ".join(caption.casefold().split()).rstrip(" .")


def a2d2_queries(collection: Collection) -> list[LabelledQuery]:
    """Return the original's 22 single, 11 small and 19 multi queries.

    Every query is returned, also one without relevant images, so that it can be reported.
    """
    joined = [_joined(captions) for captions in collection.captions]
    lists = known_lists()
    asked = [(kind, [name]) for kind in ("single", "small") for name in lists[kind]]
    asked += [("multi", names) for names in lists["multi"]]
    out = []
    for kind, names in asked:
        spelled = [[name, A2D2_SHORTENED.get(name, name)] for name in names]
        hits = (
            index
            for index, text in enumerate(joined)
            if all(any(word.casefold() in text for word in words) for words in spelled)
        )
        out.append(make_query(", ".join(names), kind, hits, classes=names))
    return out


def tju_queries(collection: Collection) -> list[LabelledQuery]:
    """Return the commonest clean captions as queries, without their "There is".

    An image is relevant where the query is a part of one of its captions, in any case, as in the
    original; but "one car" is no part of "twenty-one car". Captions that only one image has make
    no query, nor do sentences of another form that begin with "There is".
    """
    clean = [text for captions in collection.captions for text in map(_clean, captions) if text]
    counts = Counter(clean)
    common = sorted(counts, key=lambda text: (-counts[text], text))
    chosen = [text for text in common if text and counts[text] > 1][:TJU_QUERIES]
    joined = [_joined(captions) for captions in collection.captions]
    return [make_query(text, "caption", _parts(joined, text), classes=(text,)) for text in chosen]


def _clean(caption: str) -> str:
    """Return what a clean caption lists ("one car, two van"), "" for any other caption."""
    match = _CLEAN.match(caption)
    things = match["things"].strip(" .") if match else ""
    for thing in things.split(", "):
        *number, name = re.split(r"[ -]", thing.casefold())
        if name not in TJU_CLASSES or not number or not _NUMBERS.issuperset(number):
            return ""
    return things


def _parts(joined: Sequence[str], text: str) -> list[int]:
    """Return where a text stands whole: not as the end or the beginning of other words."""
    pattern = re.compile(rf"(?<![\w-]){re.escape(text.casefold())}(?![\w-])")
    return [index for index, whole in enumerate(joined) if pattern.search(whole)]


def from_words(collection: Collection) -> list[LabelledQuery]:
    """Return single, rare, condition and multi queries for captions of any origin.

    Words are matched whole, in singular, plural and synonyms, but not behind "no" or "zero".
    """
    things, conditions = _named([_joined(captions) for captions in collection.captions])
    return _from_words(things, conditions, len(collection))


def _named(joined: Sequence[str]) -> tuple[dict[str, set[int]], dict[str, set[int]]]:
    """Return the known things and conditions, each with the images whose captions name it."""
    things: dict[str, set[int]] = {}
    for label in known_lists()["labels"]:
        noun = concept(label)
        if noun is None:
            continue
        words = [w for pair in ((noun.one, noun.many), *noun.others) for w in pair if w]
        things.setdefault(noun.many or noun.one, _containing(joined, words))
    conditions = {
        name: _containing(joined, words)
        for named in known_lists()["conditions"].values()
        for name, words in named.items()
    }
    return things, conditions


def _from_words(
    things: dict[str, set[int]], conditions: dict[str, set[int]], everywhere: int
) -> list[LabelledQuery]:
    out = []
    for name, indices in things.items():
        if 0 < len(indices) < everywhere:
            kind = "rare" if len(indices) <= RARE_SHARE * everywhere else "single"
            out.append(make_query(name, kind, sorted(indices), classes=(name,)))
    kinds = {name: kind for kind, named in known_lists()["conditions"].items() for name in named}
    for name, indices in conditions.items():
        if 0 < len(indices) < everywhere:
            out.append(make_query(name, kinds[name], sorted(indices), classes=(name,)))
    return out + _combined(things, conditions, everywhere)


def _combined(
    things: dict[str, set[int]], conditions: dict[str, set[int]], everywhere: int
) -> list[LabelledQuery]:
    """Return pairs of things, and things under conditions, that meet often enough to ask for."""
    found = []
    names = [name for name, indices in things.items() if len(indices) < 0.8 * everywhere]
    for index, first in enumerate(names):
        for second in names[index + 1 :]:
            found.append((f"{first} and {second}", "multi", (first, second)))
        for second in conditions:
            found.append((f"{first}, {second}", "combined", (first, second)))
    known = {**things, **conditions}
    queries = []
    for text, kind, (first, second) in found:
        both = known[first] & known[second]
        if LEAST_RELEVANT <= len(both) < min(len(known[first]), len(known[second])):
            queries.append(make_query(text, kind, sorted(both), classes=(first, second)))
    return [query for kind in ("multi", "combined") for query in most_asked(queries, kind)]


def most_asked(queries: Sequence[LabelledQuery], kind: str) -> list[LabelledQuery]:
    """Return at most :data:`MULTI_LIMIT` of a kind, those with most relevant images, by text."""
    chosen = sorted(
        (query for query in queries if query.kind == kind),
        key=lambda query: (-len(query.relevant), query.text),
    )[:MULTI_LIMIT]
    return sorted(chosen, key=lambda query: query.text)


def read_queries(path: Path | str, collection: Collection) -> tuple[list[LabelledQuery], list[str]]:
    """Read the user's own sentences with their marked hits, by the rules that pairs are read by.

    One JSON object a line: ``{"query": "a cyclist at dusk", "relevant": ["a.jpg", ...]}``;
    ``relevant`` may also map each path to a grade above 0, and ``kind`` names a list (default
    ``"own"``). A table may have several paths in a cell, or a row for each with a ``grade``.
    Paths are relative to the images' root, in any spelling that fits one image.

    Returns:
        the queries, and one sentence for each thing that was left out.

    Raises:
        DataError: if the file cannot be read or holds no query that can be used.
    """
    source = Path(path)
    example = '{"query": "a cyclist at dusk", "relevant": ["a.jpg"]}'
    try:
        table = sniff(source, OWN)
        holds = {"relevant": lambda value: _names_any(value, collection)}
        columns = choose_columns(table, None, source, OWN, holds)
    except DataError as error:
        raise DataError(
            f'The queries "{source}" cannot be used ({str(error).rstrip(".")}); write one JSON '
            f"object a line, such as {example}, or a table with the columns query and relevant.",
            source,
        ) from error
    found: dict[tuple[str, ...], _Own] = {}
    for line, row in table.rows:
        named = {role: row.get(column) for role, column in columns.items()}
        try:
            query = _own_query(named, line, collection)
        except (ValueError, QueryError) as error:
            table.problems.append(Problem(line, str(error).rstrip(".")))
            continue
        # Rows of one image each make one query; lists are queries of their own.
        key = (query.text, query.kind, "" if query.single else str(line))
        found.setdefault(key, query).take(query)
    problems = {p.line or 0: f"{p.message}; the line is left out." for p in table.problems}
    for query in found.values():
        if query.unknown:
            problems[query.line] = (
                f"{len(query.unknown)} marked images are not among the pairs, the first is "
                f'"{query.unknown[0]}"; add them to the pairs or drop the marks.'
            )
    if not found:
        raise DataError(
            f'The file "{source}" holds no query that can be used; write one JSON object a line, '
            f"such as {example}.",
            source,
        )
    said = [f"{source.name}, line {line}: {problems[line]}" for line in sorted(problems)]
    return [query.labelled() for query in found.values()], said


@dataclass
class _Own:
    """A query of the user's as it is read."""

    text: str
    kind: str
    line: int
    single: bool
    grades: dict[int, float]
    unknown: list[str] = field(default_factory=list)

    def take(self, other: _Own) -> None:
        """Take the marks of another row of the same query."""
        if other is not self:
            for index, grade in other.grades.items():
                self.grades[index] = max(grade, self.grades.get(index, 0.0))
            self.unknown += other.unknown

    def labelled(self) -> LabelledQuery:
        relevant, grades = list(self.grades), list(self.grades.values())
        return make_query(self.text, self.kind, relevant, grades=grades, own=True)


def _own_query(row: Mapping[str, Any], line: int, collection: Collection) -> _Own:
    if not isinstance(row["query"], str):
        raise ValueError('there is no "query"')  # noqa: TRY004 - bad data, not a bug
    text = unguard_cell(row["query"].strip())
    if not text:
        raise ValueError("the query is empty")
    objects = parse_query(text).objects  # and an operator without its term is found now
    if objects:
        raise ValueError(f'"{objects[0]}" is a condition on objects, which no ranking answers')
    grades, unknown = _marks(row["relevant"], _worth(row.get("grade")), collection)
    kind = row.get("kind")
    name = "own" if is_missing(kind) else str(kind)
    return _Own(text, name, line, isinstance(row["relevant"], str), grades, unknown)


def _marks(value: Any, grade: float, collection: Collection) -> tuple[dict[int, float], list[str]]:
    """Return position -> grade of the images that a cell names, and names that are not known.

    Raises:
        ValueError: if it names no images.
    """
    marked = _listed(opened(value), grade, collection)
    if not all(map(_is_grade, marked.values())):
        raise ValueError('"relevant" is neither a list of paths nor an object of grades above 0')
    grades: dict[int, float] = {}
    unknown = []
    for name, worth in marked.items():
        index = collection.find(name)
        if index is None:
            unknown.append(name)
        else:
            grades[index] = max(float(worth), grades.get(index, 0.0))
    return grades, unknown


def _names_any(value: Any, collection: Collection) -> bool:
    try:
        return bool(_marks(value, 1.0, collection)[0])
    except ValueError:
        return False


def _worth(grade: Any) -> float:
    """Return the grade of a cell, 1 where there is none."""
    try:
        told = _TRUTH.get(grade.strip().casefold()) if isinstance(grade, str) else None
        return (1.0 if is_missing(grade) else float(grade)) if told is None else told
    except (TypeError, ValueError):
        raise ValueError(f'the grade "{grade}" is not a number') from None


def _listed(value: Any, grade: float, collection: Collection) -> dict[str, Any]:
    """Return the names in a cell with their grades, of whatever form the cell is."""
    if isinstance(value, str):
        whole = value.strip()
        if is_missing(whole) or grade == 0:  # a row of grade 0 marks an image as wrong
            return {}
        parts = [part for part in re.split(r"\s*[;|,\n]\s*", whole) if part]
        several = collection.find(whole) is None and any(map(collection.knows, parts))
        return dict.fromkeys(parts if several else [whole], grade)
    if isinstance(value, dict):
        return value
    if not isinstance(value, list):
        raise ValueError('"relevant" is neither a list of paths nor an object of grades above 0')  # noqa: TRY004 - bad data, not a bug
    out: dict[str, Any] = {}
    for item in value:
        known = item.get("grade", grade) if isinstance(item, dict) else grade
        out[image_name(item)] = known
    return out


def _is_grade(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e6


def _joined(captions: Sequence[str]) -> str:
    return "\n".join(captions).casefold()


def _containing(joined: Sequence[str], words: Sequence[str]) -> set[int]:
    """Return where any of the words stands, whole and not denied."""
    either = "|".join(re.escape(word.casefold()) for word in sorted(words, key=len, reverse=True))
    pattern = re.compile(rf"{_NOT}(?<![\w-])(?:{either})(?![\w-])")
    return {index for index, text in enumerate(joined) if pattern.search(text)}
