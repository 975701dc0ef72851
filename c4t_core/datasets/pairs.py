"""Pairs of image and caption: reading them from any usual file, and splitting them by drive.

Whatever is wrong is said with its line before anything is trained; the rest goes on. Image
paths are relative to one root, and nothing outside it is looked at: not through ``..``, not
through absolute paths, not through symbolic links.
"""

from __future__ import annotations

import csv
import os
import random
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from c4t_core.datasets.pairs_table import Columns, Table, choose_columns, sniff
from c4t_core.datasets.scene import Problem, Scene
from c4t_core.errors import DataError
from c4t_core.files import FORMULA, guard_cell, unguard_cell
from c4t_core.images.frame_names import parse_frame_name

__all__ = ["Columns", "Pair", "PairsFile", "Problem", "read_pairs", "split_by_drive"]

_DRIVE_LETTER = re.compile(r"^[A-Za-z]:")
# Frames whose drive is not known are kept together in so many runs of neighbouring names.
_BLOCKS = 20
_SHOWN = 5


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
    """

    image: Path
    relative: str
    caption: str
    drive: str | None
    split: str | None
    line: int


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

    @property
    def images(self) -> int:
        """Number of different images."""
        return len({pair.relative for pair in self.pairs})

    @property
    def drives(self) -> int:
        """Number of different drives that are known."""
        return len({pair.drive for pair in self.pairs} - {None})

    def require(self) -> PairsFile:
        """Return the file itself if it has pairs.

        Raises:
            DataError: if it has none, with its first problems.
        """
        if self.pairs:
            return self
        first = "; ".join(f"line {p.line}: {p.message}" for p in self.problems[:_SHOWN])
        line = self.problems[0].line if self.problems else None
        raise DataError(
            f"{self.path} holds no usable pair ({first or 'it has no rows'}); mend these lines or "
            f"check that {self.root} is the folder of the images",
            self.path,
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
        path: CSV, TSV, JSON lines, JSON, Hugging Face metadata or COCO captions.
        images: root of the image paths; default is the file's folder.
        columns: columns to use instead of those that were found, by role (``image``,
            ``caption``, ``drive``, ``split``).
        limit: stop after so many pairs, for a preview.

    Raises:
        DataError: if the file cannot be read, or its columns are not known.
    """
    file = Path(path)
    root = Path(images) if images is not None else file.parent
    if not root.is_dir():
        raise DataError(f"{root} is not a folder; name the folder of the images", root)
    table = sniff(file)
    chosen = asdict(columns) if isinstance(columns, Columns) else columns
    roles = choose_columns(table, {k: v for k, v in (chosen or {}).items() if v}, file)
    pairs = list(islice(_Reader(Root(root), table, roles).pairs(), limit))
    return PairsFile(
        path=file,
        root=root,
        kind=table.kind,
        encoding=table.encoding,
        delimiter=table.delimiter,
        header=table.header,
        columns=roles,
        pairs=pairs,
        problems=sorted(table.problems, key=lambda problem: problem.line or 0),
        warnings=list(_warnings(table.encoding, pairs)),
    )


class Root:
    """Decides whether a name is a file below the root; folders are resolved once each."""

    def __init__(self, root: Path) -> None:
        self._root = os.path.abspath(root)
        self._real = os.path.realpath(root)
        self._folders: dict[str, bool] = {}

    def find(self, name: str) -> tuple[str, str]:
        """Return (absolute path, path below the root).

        Raises:
            ValueError: with the reason, if there is no such file or it is not below the root.
        """
        inside = self._below(name)
        full = os.path.join(self._root, inside)
        if not self._folder_is_inside(os.path.dirname(full)):
            raise ValueError(f"the path {name} leaves the images' folder")
        try:
            mode = os.lstat(full).st_mode
            if stat.S_ISLNK(mode):
                if not self._contains(os.path.realpath(full)):
                    raise ValueError(f"{name} is a link that leaves the images' folder")
                mode = os.stat(full).st_mode
        except OSError as error:
            raise ValueError(f"the image {name} is missing") from error
        if not stat.S_ISREG(mode):
            raise ValueError(f"{name} is not a file")
        return full, inside.replace(os.sep, "/")

    def _below(self, name: str) -> str:
        """Return the normal form of a name relative to the root, without touching the disk."""
        if "\0" in name:
            raise ValueError("the path of the image holds a NUL byte")
        if _DRIVE_LETTER.match(name) or name.startswith("\\\\"):
            raise ValueError(f"the path {name} leaves the images' folder")
        path = os.path.normpath(name if os.sep == "\\" else name.replace("\\", "/"))
        if os.path.isabs(path):
            path = os.path.relpath(path, self._root)
        if path == ".." or path.startswith(".." + os.sep):
            raise ValueError(f"the path {name} leaves the images' folder")
        return path

    def _folder_is_inside(self, folder: str) -> bool:
        known = self._folders.get(folder)
        if known is None:
            known = self._folders[folder] = self._contains(os.path.realpath(folder))
        return known

    def _contains(self, real: str) -> bool:
        return real == self._real or real.startswith(self._real.rstrip(os.sep) + os.sep)


class _Reader:
    """Turns rows into pairs, each image looked up once."""

    def __init__(self, root: Root, table: Table, columns: Columns) -> None:
        self._root = root
        self._table = table
        self._columns = columns
        self._images: dict[str, tuple[Path, str, str | None] | str] = {}
        self._seen: dict[tuple[str, str], int] = {}

    def pairs(self) -> Iterator[Pair]:
        for line, row in self._table.rows:
            try:
                image, relative, named_drive = self._image(row)
                captions = list(self._captions(row))
            except ValueError as error:
                self._table.problems.append(Problem(line, str(error)))
                continue
            drive = _cell(row, self._columns.drive) or named_drive
            split = _cell(row, self._columns.split)
            for caption in captions:
                first = self._seen.setdefault((relative, caption), line)
                if first != line:
                    self._table.problems.append(
                        Problem(line, f"the same image and caption as in line {first}")
                    )
                    continue
                yield Pair(image, relative, caption, drive, split and split.lower(), line)

    def _image(self, row: Mapping[str, Any]) -> tuple[Path, str, str | None]:
        value = row.get(self._columns.image)
        name = value.strip() if isinstance(value, str) else ""
        if not name:
            raise ValueError("there is no image")
        if "\ufffd" in name:
            raise ValueError("the path of the image holds bytes that are not UTF-8")
        known = self._images.get(name)
        if known is None:
            try:
                full, relative = self._root.find(name)
                known = (Path(full), relative, parse_frame_name(relative).drive)
            except ValueError as error:
                known = str(error)
            self._images[name] = known
        if isinstance(known, str):
            raise ValueError(known)  # noqa: TRY004 - bad data, not a bug
        return known

    def _captions(self, row: Mapping[str, Any]) -> Iterator[str]:
        value = row.get(self._columns.caption)
        listed = value if isinstance(value, list) else [value]
        if not listed:
            raise ValueError("the caption is empty")
        for item in listed:
            if item is not None and not isinstance(item, str):
                raise ValueError("the caption is not a text")
            caption = unguard_cell(" ".join((item or "").split()))
            if not caption:
                raise ValueError("the caption is empty")
            if "\ufffd" in caption:
                raise ValueError("the caption holds bytes that are not UTF-8")
            yield caption


def _cell(row: Mapping[str, Any], column: str | None) -> str | None:
    """Return the text of a cell, None if it is empty."""
    value = row.get(column) if column is not None else None
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
    cameras saw at one moment stays together.

    Args:
        pairs: to be split; their order is kept.
        share: part of the images to hold out, 0..1.
        seed: of the choice of drives.

    Returns:
        (to train on, held out, warnings).
    """
    rows = list(pairs)
    groups, warnings = _groups(rows)
    total = sum(map(len, groups.values()))
    target = share * total
    if len(groups) == 1 and target > 0:
        held, more = _end_of(next(iter(groups.values())), target)
        warnings += more
    else:
        held = _chosen(groups, target, random.Random(seed))  # noqa: S311 - no secret
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


def _chosen(groups: Mapping[str, list[str]], target: float, rng: random.Random) -> set[str]:
    """Draw groups until the target is met as nearly as the draw allows."""
    names = sorted(groups)
    rng.shuffle(names)
    held: list[str] = []
    size = 0
    for name in names:
        more = len(groups[name])
        if len(held) < len(names) - 1 and abs(size + more - target) < abs(size - target):
            held.append(name)
            size += more
    if not held and target > 0 and len(names) > 1:
        held = [min(names, key=lambda name: len(groups[name]))]
    return {relative for name in held for relative in groups[name]}


def _end_of(images: Sequence[str], target: float) -> tuple[set[str], list[str]]:
    count = min(len(images) - 1, max(1, round(target)))
    if count < 1:
        return set(), ["There is one image only, so nothing can be held out."]
    cut = len(images) - count
    return set(images[_whole_moment(images, cut, -1) or cut :]), [
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

    Attributes:
        rows: how many pairs were written.
        without_drive: how many of them have no drive.
    """

    def __init__(self, out: TextIO) -> None:
        self._writer = csv.writer(out, lineterminator="\n")
        self._with_split: bool | None = None
        self.rows = 0
        self.without_drive = 0

    def write(self, image: str, caption: str, drive: str | None, split: str | None) -> None:
        """Write one pair; an image path that starts like a formula gets ``./`` before it."""
        if self._with_split is None:
            self._with_split = split is not None
            columns = ["image", "caption", "drive", *(["split"] if self._with_split else [])]
            self._writer.writerow(columns)
        path = f"./{image}" if image.startswith(FORMULA) else image
        cells = [path, guard_cell(caption), guard_cell(drive or "")]
        if self._with_split:
            cells.append(guard_cell(split or ""))
        self._writer.writerow(cells)
        self.rows += 1
        self.without_drive += not drive
