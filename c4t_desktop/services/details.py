"""What is known about one frame: file facts, neighbours in time, frames like it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from c4t_desktop.jobs.runner import Job, ignore
from c4t_desktop.messages import moment_text
from c4t_desktop.services.library import Library

if TYPE_CHECKING:
    from c4t_core.index.objects import ObjectFact
    from c4t_desktop.services.workspace import WorkspaceLike

LANE = "details"  # of its own: counting what saved searches find may take long
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


_AROUND = 3  # neighbours before and after
_ALIKE = 7  # similar frames


@dataclass(frozen=True)
class Facts:
    """What the details show about one file.

    Attributes:
        path: the file.
        size: bytes; -1 if the file is not there.
        changed: when it was changed, as text in local time.
        pixels: width and height, (0, 0) if unknown.
        format: "JPEG", "PNG", or "".
        neighbours: frames around it of the same drive and camera, itself included.
        similar: frames like it, itself left out.
        drive: recording, or "".
        camera: camera, or "".
        frame: number of the frame, or "".
        when: the moment it shows, as text, UTC, or "".
        captions: what the pairs files that are known say of it.
        objects: what the model believes is there, the most probable first; None if not known.
    """

    path: Path
    size: int = -1
    changed: str = ""
    pixels: tuple[int, int] = (0, 0)
    format: str = ""
    neighbours: tuple[Path, ...] = ()
    similar: tuple[Path, ...] = ()
    drive: str = ""
    camera: str = ""
    frame: str = ""
    when: str = ""
    captions: tuple[str, ...] = ()
    objects: tuple[ObjectFact, ...] | None = None


def changed_text(seconds: float) -> str:
    """Write when a file changed, local time; "" for what no calendar of this system holds."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
    except (OSError, OverflowError, ValueError):  # a broken clock; negative ones on Windows
        return ""


def _of_file(path: Path) -> Facts:
    from c4t_core.errors import ImageError
    from c4t_core.images.decode import read_header

    try:
        info = path.stat()
    except OSError:
        return Facts(path)
    facts = Facts(path, info.st_size, changed_text(info.st_mtime))
    try:
        header = read_header(path)
        return replace(facts, pixels=header[:2], format=header.format)
    except ImageError:
        return replace(facts, format=path.suffix[1:].upper())


def _with_recording(facts: Facts, workspace: WorkspaceLike) -> Facts:
    frame = workspace.frame(facts.path)
    if frame is None:
        return facts
    around = workspace.neighbours(facts.path, before=_AROUND, after=_AROUND)
    return replace(
        facts,
        drive=frame.drive or "",
        camera=frame.camera or "",
        frame="" if frame.frame is None else f"{frame.frame}",
        when=moment_text(frame.time),
        neighbours=tuple(other.path for other in around),
        objects=None if frame.seen is None else frame.objects,
    )


class Details(QObject):
    """Looks up what the details panel shows.

    Attributes:
        captions: the pairs files that are known.

    Signals:
        known: facts about a file; sent twice, first without similar frames (Facts).
    """

    known = Signal(object)

    def __init__(self, library: Library, parent: QObject | None = None) -> None:
        """Look up in the workspace that is open."""
        super().__init__(parent)
        self._library = library
        self.captions = CaptionBook(self)

    def look_up(self, path: Path) -> None:
        """Look up one file; what is still being looked up for another one is dropped."""
        workspace, captions = self._library.workspace, self.captions

        def work(job: Job) -> Facts:
            facts = _of_file(path)
            if workspace is not None:
                facts = _with_recording(facts, workspace)
            facts = replace(facts, captions=captions.of(path))
            job.report(facts)
            job.check()
            if workspace is None:
                return facts
            alike = [hit.path for hit in workspace.similar(path, _ALIKE + 1) if hit.path != path]
            return replace(facts, similar=tuple(alike[:_ALIKE]))

        self._library.runner.submit(
            work,
            lane=LANE,
            key="details",
            progress=self.known.emit,
            done=self.known.emit,
            failed=ignore,  # what cannot be looked up is left out
        )
