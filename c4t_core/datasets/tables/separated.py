"""Rows out of CSV and its relatives, whoever wrote them.

Python's own reader takes every quotation mark for one of its own: in a file that quotes nothing
it eats the marks of a caption, and one that is not closed swallows all rows behind it. So cells are
cut here, and a mark counts only where it opens and closes a whole cell.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field
from itertools import islice
from pathlib import PurePosixPath

from c4t_core.datasets.scene import Problem
from c4t_core.datasets.tables.cells import normal
from c4t_core.images.kinds import SUFFIXES
from c4t_core.records import dataclass

DELIMITERS = (",", ";", "\t", "|")
_LOOKED_AT = 20  # rows among which the header is looked for
_WITH_QUOTES = 5000  # rows with quotation marks that tell whether they are marks of cells
# A cell over more lines than this is a quotation mark that was never closed.
_MOST_LINES = 30
_SEPARATOR = re.compile(r'^[\s\ufeff]*"?sep=(\\t|.)"?[\s",;|]*$', re.IGNORECASE)
_NUMBERED = re.compile(r"#\d{1,2}$")

Row = tuple[int, list[str]]  # first line, cells


@dataclass
class Separated:
    """What a text of separated values holds.

    Attributes:
        header: names of the columns; made up where the file has none.
        rows: (first line, column -> cell) of each row.
        delimiter: between cells.
        problems: what could not be read; it grows while rows are taken.
    """

    header: tuple[str, ...]
    rows: Iterator[tuple[int, Mapping[str, str]]]
    delimiter: str
    problems: list[Problem] = field(default_factory=list)


def read_separated(
    text: str, known: Collection[str], headless: tuple[str, str]
) -> Separated | None:
    """Find out delimiter, quoting and header of a text.

    Args:
        text: of the file.
        known: names of columns, as of :func:`~c4t_core.datasets.tables.cells.normal`.
        headless: the columns of a file without header: that of the file of an image, and the other.

    Returns:
        the table, or None where there is no row.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    start = next((n for n, line in enumerate(lines) if line.strip()), len(lines))
    told = _SEPARATOR.match(lines[start]) if start < len(lines) else None
    if told is not None:
        lines[start] = ""  # Excel's own line: it names the delimiter and is no row
    delimiter = _delimiter(lines, known) if told is None else told[1].replace("\\t", "\t")
    splitter = _Splitter(lines, delimiter)
    rows = (row for row in splitter.rows([]) if not _is_comment(row[1], known))
    first = list(islice(rows, _LOOKED_AT))
    if not first:
        return None
    place = _header_place(first, known)
    line, cells = first[place]
    guessed = _without_header(cells, headless)
    header = guessed or _names(cells)
    problems: list[Problem] = []
    after = line - 1 if guessed else line
    repeated = [] if guessed else cells  # where files were joined, the header comes again
    rows = (
        row
        for row in splitter.rows(problems)
        if row[0] > after and row[1] != repeated and not _is_comment(row[1], known)
    )
    return Separated(header, _dicts(rows, header, problems), delimiter, problems)


def is_image_file(cell: str) -> bool:
    """Tell whether a cell looks like the name of an image file."""
    name = _NUMBERED.sub("", cell.strip(' "'))
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def _delimiter(lines: Sequence[str], known: Collection[str]) -> str:
    """Return what parts the first lines: into known names, image files, as many cells in each."""
    looked = list(islice((line for line in lines if line.strip()), _LOOKED_AT))

    def fit(delimiter: str) -> tuple[int, int, int]:
        best = 0
        counts = []
        for line in looked:
            cells = [cell.strip(' "') for cell in line.split(delimiter)]
            names = sum(normal(cell) in known or is_image_file(cell) for cell in cells)
            best = max(best, names if len(cells) > 1 else 0)
            counts.append("".join(line.split('"')[::2]).count(delimiter))
        alike = max(Counter(count for count in counts if count).values(), default=0)
        return best, alike, counts[0] if counts else 0

    return max(DELIMITERS, key=fit)


def _header_place(rows: Sequence[Row], known: Collection[str]) -> int:
    """Return which of the first rows is the header, or the first row of data where there is none.

    Titles and remarks may stand before it: they fill one cell, or none is known.
    """
    wide = None
    for place, (_, cells) in enumerate(rows):
        filled = [cell for cell in cells if cell.strip()]
        if len(filled) < 2:
            continue
        if any(map(is_image_file, filled)):
            return place if wide is None else wide
        if any(normal(cell) in known for cell in filled):
            return place
        wide = place if wide is None else wide
    return wide or 0


def _is_comment(cells: Sequence[str], known: Collection[str]) -> bool:
    """Tell whether a row is a remark: it starts with # and is neither header nor data."""
    if not cells[0].lstrip().startswith("#") or any(map(is_image_file, cells)):
        return False
    return len(cells) < 2 or not all(normal(cell) in known for cell in cells[:2])


def _names(cells: Sequence[str]) -> tuple[str, ...]:
    """Return the header; of columns of one name the later ones are numbered."""
    seen: Counter[str] = Counter()
    out = []
    for cell in cells:
        name = cell.strip().lstrip("#\ufeff ") or cell.strip()
        seen[name] += 1
        out.append(f"{name} {seen[name]}" if seen[name] > 1 and name else name)
    return tuple(out)


def _without_header(cells: Sequence[str], headless: tuple[str, str]) -> tuple[str, ...] | None:
    """Return made-up column names if the first row is data: an image file and a text."""
    images = [is_image_file(cell) for cell in cells]
    if not any(images) or len(cells) < 2:
        return None
    image = images.index(True)
    other = max((n for n in range(len(cells)) if n != image), key=lambda n: len(cells[n]))
    names = {image: headless[0], other: headless[1]}
    return tuple(names.get(n, f"column {n + 1}") for n in range(len(cells)))


def _dicts(
    rows: Iterator[Row], header: Sequence[str], problems: list[Problem]
) -> Iterator[tuple[int, Mapping[str, str]]]:
    width = len(header)
    for line, cells in rows:
        if len(cells) > width and any(cell.strip() for cell in cells[width:]):
            problems.append(
                Problem(line, f"this row has {len(cells)} cells, but there are {width} columns")
            )
        else:
            yield line, dict(zip(header, cells, strict=False))


@dataclass
class _Cut:
    """The cells of a text, and what its quotation marks are."""

    cells: list[str] = field(default_factory=list)
    quoted: int = 0  # cells with marks around them
    needy: int = 0  # of these, cells that cannot do without
    odd: int = 0  # cells that begin with a mark that does not end them
    closed: bool = True  # whether the last cell's mark is closed


class _Splitter:
    """Cuts lines into cells."""

    def __init__(self, lines: Sequence[str], delimiter: str) -> None:
        self._lines = lines
        self._delimiter = delimiter
        end = rf" *(?:{re.escape(delimiter)}|\Z)"
        self._whole = re.compile(rf' *"([^"]*(?:""[^"]*)*)"(?={end})')
        # As databases write it: a mark within a cell stands behind a backslash.
        self._escaped = re.compile(rf' *"((?:[^"\\]|\\.)*\\"(?:[^"\\]|\\.)*)"(?={end})', re.DOTALL)
        self._open = re.compile(r' *"[^"]*(?:""[^"]*)*\Z')
        self._quotes = True  # while it is found out
        self._quotes = self._are_quoted()

    def rows(self, problems: list[Problem]) -> Iterator[Row]:
        """Yield (first line from 1, cells) of each row that is not blank."""
        at = 0
        while at < len(self._lines):
            cells, size = self._row(at)
            if cells is None:
                problems.append(Problem(at + 1, "a quotation mark opens here and is not closed"))
            elif any(cells):
                yield at + 1, cells
            at += size

    def _row(self, at: int) -> tuple[list[str] | None, int]:
        """Return the cells of the row at a line, None where a mark is not closed, and its lines."""
        line = self._lines[at]
        if not self._quotes or '"' not in line:
            return line.split(self._delimiter), 1
        cut = self._cut(line)
        odd, size = cut.odd, 1
        while not cut.closed and size <= _MOST_LINES and at + size < len(self._lines):
            more = self._lines[at + size]
            cells = more.split(self._delimiter)
            if len(cells) > 1 and any(map(is_image_file, cells)):
                break  # a row of its own, so the mark before it is not closed
            line += "\n" + more
            size += 1
            cut = self._cut(line)
        return (cut.cells, size) if cut.closed and cut.odd == odd else (None, 1)

    def _cut(self, text: str) -> _Cut:
        cut = _Cut()
        at = 0
        while True:
            match = self._whole.match(text, at) or self._escaped.match(text, at)
            end = text.find(self._delimiter, at if match is None else match.end())
            if match is not None:
                cell = _unmarked(match[1], escaped=match.re is self._escaped)
                cut.needy += self._delimiter in cell or '"' in cell
                cut.quoted += 1
            elif self._open.match(text, at):
                cut.closed = False
                return cut
            else:
                cell = text[at : len(text) if end < 0 else end]
                cut.odd += cell.lstrip(" ").startswith('"')
            cut.cells.append(cell)
            if end < 0:
                return cut
            at = end + len(self._delimiter)

    def _are_quoted(self) -> bool:
        """Tell whether quotation marks in the file are those of cells.

        Not so where cells begin with a mark that does not end them, and no cell has marks around it
        because it needs them. In a table by tabs one such cell is enough: commas need none there.
        """
        tabs = self._delimiter == "\t"
        quoted = odd = 0
        first = next((line for line in self._lines if line.strip()), "")
        for at, line in islice(self._marked(skip=not tabs), _WITH_QUOTES):
            cut = self._cut(line)
            if cut.needy or (line is first and cut.quoted == len(cut.cells)):
                return True
            quoted += cut.quoted + (not cut.closed and not tabs and self._row(at)[1] > 1)
            odd += cut.odd + (tabs and not cut.closed)
        return not odd or (quoted >= odd and not tabs)

    def _marked(self, *, skip: bool) -> Iterator[tuple[int, str]]:
        """Yield the lines with marks; with ``skip`` not those within a cell of several lines."""
        at = 0
        while at < len(self._lines):
            line, size = self._lines[at], 1
            if '"' in line:
                yield at, line
                size = self._row(at)[1] if skip else 1
            at += size


def _unmarked(cell: str, *, escaped: bool) -> str:
    """Return what stands between the marks of a cell."""
    return re.sub(r"\\(.)", r"\1", cell, flags=re.DOTALL) if escaped else cell.replace('""', '"')
