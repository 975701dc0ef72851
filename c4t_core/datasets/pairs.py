"""Pairs of image and caption: reading them from any usual file, and splitting them by drive.

Whatever is wrong is said with its line before anything is trained; the rest goes on. Image
paths are relative to one root, and nothing outside it is looked at.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, field
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from c4t_core.datasets.pairs_table import Columns, Table, cell, choose_columns, listed, sniff
from c4t_core.datasets.scene import Problem, Scene
from c4t_core.datasets.tables.cells import image_name, is_missing, texts
from c4t_core.errors import ColumnsError, DataError
from c4t_core.files import FORMULA, guard_cell, unguard_cell
from c4t_core.images.frame_names import parse_frame_name
from c4t_core.images.lookup import Root, is_address
from c4t_core.records import dataclass

__all__ = ["Columns", "Pair", "PairsFile", "Problem", "read_pairs", "split_by_drive"]

# Frames whose drive is not known are kept together in so many runs of neighbouring names.
_BLOCKS = 20
_SHOWN = 5
_SAID = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Pair:
    """One caption of one image.

    Attributes:
        image: absolute path.
        relative: the same below the root, ``/``-separated.
        caption: as trained on, white space single.
        drive: recording or group of near-duplicates; None where nothing tells.
        split: the data's own split, in lower case.
        line: in the file, from 1; of JSON, the number of the record.
        shown: False where the image is known not to show what the caption says.
    """

    image: Path
    relative: str
    caption: str
    drive: str | None
    split: str | None
    line: int
    shown: bool = True


@dataclass(frozen=True)
class PairsFile:
    """A pairs file as it was understood.

    Attributes:
        path: the file.
        root: what image paths are relative to.
        kind: ``"csv"``, ``"jsonl"``, ``"json"`` or ``"coco"``.
        encoding: such as ``"utf-8"``.
        delimiter: of a CSV file, else None.
        header: all columns of the file, to choose others from.
        columns: which of them is what.
        pairs: what can be used.
        problems: what cannot, with the line.
        warnings: what is true of the whole.
        wrong: captions of images that do not show what they say.
    """

    path: Path
    root: Path
    kind: str
    encoding: str
    delimiter: str | None
    header: tuple[str, ...]
    columns: Columns
    pairs: list[Pair] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    wrong: list[Pair] = field(default_factory=list)

    @property
    def images(self) -> int:
        """Number of different images."""
        return len({pair.relative for pair in self.pairs})

    @property
    def drives(self) -> int:
        """Number of different drives that are known."""
        return len({pair.drive for pair in self.pairs} - {None})

    def describe(self) -> str:
        """Return how the file was understood, in two plain sentences."""
        names = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
        between = (
            f" parted by {names.get(self.delimiter, self.delimiter)}" if self.delimiter else ""
        )
        roles = [f'{role} from "{name}"' for role, name in asdict(self.columns).items() if name]
        problems = f"; {len(self.problems)} problems" if self.problems else ""
        return (
            f"{self.kind}{between}, {self.encoding}: {', '.join(roles)}. {len(self.pairs)} pairs "
            f"of {self.images} images in {self.drives} drives{problems}."
        )

    def require(self) -> PairsFile:
        """Return the file itself if it has pairs.

        Raises:
            ColumnsError: if it has none, with its first problems.
        """
        if self.pairs:
            return self
        first = "; ".join(f"line {p.line}: {p.message}" for p in self.problems[:_SHOWN])
        line = self.problems[0].line if self.problems else None
        others = [name for name in self.header if name != self.columns.image]
        choice = f", choose another column for the image ({listed(others)}; --image-column)"
        raise ColumnsError(
            f"{self.path} holds no usable pair ({first or 'it has no rows'}); mend these lines"
            f"{choice if len(others) > 1 else ''} or check that {self.root} is the folder of the "
            "images",
            self.path,
            self.header,
            line,
        )


def read_pairs(
    path: Path | str,
    images: Path | str | None = None,
    columns: Columns | Mapping[str, str] | None = None,
    *,
    limit: int | None = None,
) -> PairsFile:
    """Read and check a pairs file.

    Args:
        path: CSV, TSV, JSON lines, JSON, Hugging Face metadata or COCO captions, also packed
            with gzip.
        images: root of the image paths; default is the file's folder.
        columns: columns to use instead of those that were found, by role (``image``,
            ``caption``, ``drive``, ``split``, ``shown``). The image's is found by its name and by
            whether it names files.
        limit: stop after so many rows, for a preview.

    Raises:
        DataError: if the file cannot be read, or its columns are not known.
    """
    file = Path(path)
    root = Path(images) if images is not None else file.parent
    if not root.is_dir():
        raise DataError(f"{root} is not a folder; name the folder of the images", root)
    given = asdict(columns) if isinstance(columns, Columns) else columns or {}
    chosen = {role: name for role, name in given.items() if name}
    table, images_of = sniff(file, chosen=chosen), _Images(Root(root))
    holds = {"image": images_of.holds, "caption": _holds_text}
    roles = Columns(**choose_columns(table, chosen, file, holds=holds))
    rows = list(islice(_Reader(images_of, table, roles).pairs(), limit))
    return PairsFile(
        path=file,
        root=root,
        kind=table.kind,
        encoding=table.encoding,
        delimiter=table.delimiter,
        header=table.header,
        columns=roles,
        pairs=[pair for pair in rows if pair.shown],
        problems=sorted(table.problems, key=lambda problem: problem.line or 0),
        warnings=list(_warnings(table.encoding, rows)),
        wrong=[pair for pair in rows if not pair.shown],
    )


class _Images:
    """Finds the images of cells, each name once."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._known: dict[str, tuple[Path, str, str | None] | str] = {}

    def find(self, value: Any) -> tuple[Path, str, str | None]:
        """Return the file, its path below the root and the drive that this tells.

        Raises:
            ValueError: with the reason, if a cell names no image.
        """
        name = image_name(value)
        if "\ufffd" in name:
            raise ValueError("the path of the image holds bytes that are not UTF-8")
        known = self._known.get(name)
        if known is None:
            try:
                full, relative = self._root.find(name)
                known = (Path(full), relative, parse_frame_name(relative).drive)
            except ValueError as error:
                known = str(error)
            self._known[name] = known
        if isinstance(known, str):
            raise ValueError(known)  # noqa: TRY004 - bad data, not a bug
        return known

    def holds(self, value: Any) -> bool:
        """Tell whether a cell names an image that is there."""
        try:
            self.find(value)
        except ValueError:
            return False
        return True


class _Reader:
    """Turns rows into pairs."""

    def __init__(self, images: _Images, table: Table, columns: Columns) -> None:
        self._images = images
        self._table = table
        self._columns = columns
        self._seen: dict[tuple[str, str], tuple[int, bool]] = {}

    def pairs(self) -> Iterator[Pair]:
        for line, row in self._table.rows:
            try:
                image, relative, named_drive = self._images.find(row.get(self._columns.image))
                captions = list(texts(row.get(self._columns.caption)))
                shown = _is_shown(row, self._columns.shown)
            except ValueError as error:
                self._tell(line, str(error))
                continue
            drive = _text(row, self._columns.drive) or named_drive
            split = _text(row, self._columns.split)
            for text in captions:
                caption = self._checked(text, line)
                if not caption:
                    continue
                first, said = self._seen.setdefault((relative, caption), (line, shown))
                if first != line:
                    against = "" if said == shown else ", which says the opposite"
                    self._tell(line, f"the same image and caption as in line {first}{against}")
                    continue
                yield Pair(image, relative, caption, drive, split and split.lower(), line, shown)

    def _checked(self, text: str, line: int) -> str:
        """Return a caption in its usual form, "" where there is none, which is said."""
        caption = unguard_cell(" ".join(text.split()))
        if is_missing(caption):
            said = f'missing ("{caption}" stands for none)' if caption else "empty"
            self._tell(line, f"the caption is {said}")
            return ""
        if "\ufffd" in caption:
            self._tell(line, "the caption holds bytes that are not UTF-8")
            return ""
        return caption

    def _tell(self, line: int, message: str) -> None:
        self._table.problems.append(Problem(line, message))


def _is_shown(row: Mapping[str, Any], column: str | None) -> bool:
    """Tell whether the image of a row shows its caption; it does where nothing is said.

    Raises:
        ValueError: if a cell says neither yes nor no.
    """
    said = _text(row, column) or "1"
    if said.lower() not in _SAID:
        raise ValueError(f'"{said}" in the column {column} is neither 1 (shown) nor 0 (not shown)')
    return _SAID[said.lower()]


def _holds_text(value: Any) -> bool:
    """Tell whether a cell holds words: no number, as ids are, and no address."""
    try:
        return any(_is_wording(text.strip()) for text in texts(value) if not is_missing(text))
    except ValueError:
        return False


def _is_wording(text: str) -> bool:
    return not text.isdecimal() and (not is_address(text) or " " in text)


def _text(row: Mapping[str, Any], column: str | None) -> str | None:
    """Return the text of a cell, None if it is empty."""
    value = cell(row, column)
    if value is None or isinstance(value, list | dict):
        return None
    return unguard_cell(str(value).strip()) or None


def _warnings(encoding: str, pairs: Sequence[Pair]) -> Iterator[str]:
    if encoding == "cp1252":
        yield "The file is not UTF-8; it was read as Windows-1252, so look at letters with accents."
    unknown = {pair.relative for pair in pairs if pair.drive is None}
    if unknown:
        yield (
            f"The drive of {len(unknown)} images cannot be told from a column or from their "
            "names, so near-duplicates may come into training and validation; add a column drive."
        )
    splits: dict[str, set[str]] = {}
    for pair in pairs:
        if pair.drive is not None and pair.split is not None:
            splits.setdefault(pair.drive, set()).add(pair.split)
    divided = sorted(drive for drive, names in splits.items() if len(names) > 1)
    if divided:
        yield (
            f"The column split tears {len(divided)} drives apart, such as {divided[0]}: frames of "
            "one drive look alike, so figures of such a split are too good."
        )


def split_by_drive(
    pairs: Iterable[Pair], share: float = 0.2, seed: int = 42
) -> tuple[list[Pair], list[Pair], list[str]]:
    """Keep whole drives for validation, about ``share`` of the images.

    Images without a drive are put into runs of neighbours, and a single drive is cut once, at
    its end; both are said in the warnings. Frames are never drawn one by one, and what several
    cameras saw at one moment stays together. Images that are only known for what they do not show
    (``shown`` is False) do not count, and go where their drive goes.

    Args:
        pairs: to be split; their order is kept.
        share: part of the images to hold out, 0..1.
        seed: of the choice of drives.

    Returns:
        (to train on, held out, warnings).
    """
    rows = list(pairs)
    groups, warnings = _groups(rows)
    shown = {pair.relative for pair in rows if pair.shown}
    counts = {name: sum(image in shown for image in group) for name, group in groups.items()}
    counts = {name: count for name, count in counts.items() if count}
    target = share * sum(counts.values())
    if len(counts) == 1 and target > 0:
        held, more = _end_of(groups[next(iter(counts))], shown, target)
        warnings += more
    else:
        names = _chosen(counts, target, random.Random(seed))  # noqa: S311 - no secret
        held = {relative for name in names for relative in groups[name]}
    return (
        [pair for pair in rows if pair.relative not in held],
        [pair for pair in rows if pair.relative in held],
        warnings,
    )


def _groups(pairs: Sequence[Pair]) -> tuple[dict[str, list[str]], list[str]]:
    """Return drive -> its images as they were taken, and what is to be warned of."""
    drives: dict[str, str | None] = {}
    for pair in pairs:
        drives[pair.relative] = drives.get(pair.relative) or pair.drive
    groups: dict[str, list[str]] = {}
    unknown: list[str] = []
    for relative in sorted(drives, key=_taken):
        drive = drives[relative]
        if drive is None:
            unknown.append(relative)
        else:
            groups.setdefault(f"drive {drive}", []).append(relative)
    if not unknown:
        return groups, []
    size = max(1, -(-len(unknown) // _BLOCKS))
    start = 0
    while start < len(unknown):
        end = _whole_moment(unknown, start + size, 1)
        groups[f"block {start}"] = unknown[start:end]
        start = end
    return groups, [
        f"The drive of {len(unknown)} images is not known; they are split in runs of {size} "
        "neighbouring names, so validation figures may be too good. Add a column drive."
    ]


def _taken(relative: str) -> tuple[float, int, str]:
    """Return what sorts the images of a drive by time, then by number, then by name."""
    told = parse_frame_name(relative)
    return told.time or 0.0, told.frame or 0, relative


def _whole_moment(images: Sequence[str], cut: int, step: int) -> int:
    """Move a cut by steps until it parts no pictures that cameras took at one moment."""
    while 0 < cut < len(images) and _moment(images[cut - 1]) == _moment(images[cut]):
        cut += step
    return min(cut, len(images))


def _moment(relative: str) -> tuple[float | None, int | None] | str:
    told = parse_frame_name(relative)
    if told.time is None and told.frame is None:
        return relative
    return told.time, told.frame


def _chosen(counts: Mapping[str, int], target: float, rng: random.Random) -> list[str]:
    """Draw groups until the target is met as nearly as the draw allows."""
    names = sorted(counts)
    rng.shuffle(names)
    held: list[str] = []
    size = 0
    for name in names:
        more = counts[name]
        if len(held) < len(names) - 1 and abs(size + more - target) < abs(size - target):
            held.append(name)
            size += more
    if not held and target > 0 and len(names) > 1:
        held = [min(names, key=lambda name: counts[name])]
    return held


def _end_of(images: Sequence[str], shown: Set[str], target: float) -> tuple[set[str], list[str]]:
    places = [place for place, image in enumerate(images) if image in shown]
    count = min(len(places) - 1, max(1, round(target)))
    if count < 1:
        return set(), ["There is one image only, so nothing can be held out."]
    cut = places[-count]
    whole = _whole_moment(images, cut, -1)
    return set(images[whole if whole > places[0] else cut :]), [
        "All images are of one drive; its end is held out, so validation figures are better than "
        "they will be on another drive. Add pairs of a second drive."
    ]


def group_of(scene: Scene) -> str | None:
    """Return what a scene must not be torn from when pairs are split.

    Its drive, else its group of near-duplicates, else what its name tells.
    """
    if scene.drive:
        return scene.drive
    return f"group-{scene.group}" if scene.group else parse_frame_name(scene.image).drive


class PairsWriter:
    """Writes ``image,caption,drive`` rows, and ``split`` if the first row has one.

    Args:
        out: an open text file; closing it is the caller's.
        shown: whether there is a last column that says whether the image shows its caption.

    Attributes:
        rows: how many pairs were written.
        without_drive: how many of them have no drive.
    """

    def __init__(self, out: TextIO, *, shown: bool = False) -> None:
        self._with_shown = shown
        self._writer = csv.writer(out, lineterminator="\n")
        self._with_split: bool | None = None
        self.rows = 0
        self.without_drive = 0

    def write(
        self, image: str, caption: str, drive: str | None, split: str | None, *, shown: bool = True
    ) -> None:
        """Write one pair; an image path that starts like a formula gets ``./`` before it."""
        if self._with_split is None:
            self._with_split = split is not None
            columns = ["image", "caption", "drive", *(["split"] if self._with_split else [])]
            self._writer.writerow([*columns, "shown"] if self._with_shown else columns)
        path = f"./{image}" if image.startswith(FORMULA) else image
        cells = [path, guard_cell(caption), guard_cell(drive or "")]
        if self._with_split:
            cells.append(guard_cell(split or ""))
        if self._with_shown:
            cells.append(str(int(shown)))
        self._writer.writerow(cells)
        self.rows += 1
        self.without_drive += not drive
