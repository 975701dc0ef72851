"""Captions of frames, where the user has named a pairs file that knows them.

The files are those that were read in the training wizard or the evaluation. They are read again
when a frame below their folder is looked at, and kept as long as the file does not change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QObject, Signal

KEPT = 5  # files known
_MOST = 300_000  # pairs read of one file


@dataclass
class _Read:
    """What a pairs file held when it was read."""

    stamp: tuple[float, int] = (0.0, -1)
    captions: dict[str, list[str]] = field(default_factory=dict)


class CaptionBook(QObject):
    """Knows which pairs files there are, and what they say of a frame.

    Attributes:
        files: pairs file and folder of its images, the latest first.

    Signals:
        changed: other files (list of two texts each).
    """

    changed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        """Know none."""
        super().__init__(parent)
        self.files: tuple[tuple[Path, Path], ...] = ()
        self._read: dict[tuple[Path, Path], _Read] = {}

    def restore(self, files: object) -> None:
        """Take the files that were known the last time; what is no such list is dropped."""
        entries = files if isinstance(files, list) else []
        good = [entry for entry in entries if isinstance(entry, list) and len(entry) == 2]
        self.files = tuple((Path(str(a)), Path(str(b))) for a, b in good)[:KEPT]

    def add(self, file: Path, images: Path | None = None) -> None:
        """Note a pairs file that was read well."""
        entry = (file.absolute(), (images or file.parent).absolute())
        if self.files[:1] != (entry,):
            rest = [other for other in self.files if other != entry]
            self.files = tuple([entry, *rest][:KEPT])
            self.changed.emit([[str(a), str(b)] for a, b in self.files])

    def of(self, image: Path) -> tuple[str, ...]:
        """Return the captions of a frame; reads files, so worker threads of one lane call it."""
        found: list[str] = []
        for entry in self.files:
            if image.is_relative_to(entry[1]):
                relative = image.relative_to(entry[1]).as_posix()
                found += self._captions(entry).get(relative, [])
        return tuple(dict.fromkeys(found))

    def _captions(self, entry: tuple[Path, Path]) -> dict[str, list[str]]:
        from c4t_core.datasets.pairs import read_pairs
        from c4t_core.errors import DataError

        try:
            info = entry[0].stat()
        except OSError:
            return {}
        stamp = (info.st_mtime, info.st_size)
        read = self._read.get(entry)
        if read is None or read.stamp != stamp:
            read = _Read(stamp)
            try:
                for pair in read_pairs(*entry, limit=_MOST).pairs:
                    read.captions.setdefault(pair.relative, []).append(pair.caption)
            except DataError:
                read.captions = {}  # it was mended or broken since; the wizard says what is wrong
            self._read = {**{k: v for k, v in self._read.items() if k in self.files}, entry: read}
        return read.captions
