"""Writing of pairs files, in a form that spreadsheets open without running anything."""

from __future__ import annotations

import csv
from typing import TextIO

from c4t_core.datasets.drives import parse_frame_name
from c4t_core.datasets.scene import Scene

# A spreadsheet takes a cell that starts so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def guard_cell(value: str) -> str:
    """Return a cell's text with an apostrophe before what a spreadsheet would run.

    >>> guard_cell("=1+1")
    "'=1+1"
    """
    return f"'{value}" if value.startswith(FORMULA) else value


def unguard_cell(value: str) -> str:
    """Undo :func:`guard_cell`."""
    return value[1:] if value[:1] == "'" and value[1:].startswith(FORMULA) else value


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
