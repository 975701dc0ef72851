"""Hits, and how they leave the application: as a table with provenance, or as copies of files.

A list of hits shows itself: as thumbnails in a notebook, as a data frame in pandas.

Every row of a table says which model, query and cut-off it came from, so that a row that was
cut out of its file still tells. Spreadsheets run nothing of what a file name holds.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import errno
import io
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex, TextIO, overload

import c4t_core
from c4t_core.addresses import spelled
from c4t_core.errors import C4TError, FolderError, ImageError
from c4t_core.files import atomic_text, guard_cell
from c4t_core.images import fetched
from c4t_core.images.scan import Skipped
from c4t_core.index.objects import CLASSES
from c4t_core.index.query import NOTHING_NOTED, Hit, Noted, frame_name
from c4t_core.progress import Progress, ignore
from c4t_core.records import dataclass

if TYPE_CHECKING:
    import pandas

COLUMNS = (
    "rank", "file", "path", "score", "drive", "camera", "frame", "time", "objects",
    "mark", "tags", "event",
    "query", "threshold", "filters", "model", "fingerprint", "exported_at", "c4t_version",
)  # fmt: skip
_TRIES = 10_000  # numbered names tried before a file counts as failed
_REPORT_EVERY = 256  # rows between two reports of progress
_SHOWN = 24  # hits drawn in a notebook; the rest is counted
_SIDE = 160  # pixels of a thumbnail's longer side
_IN_FRAME = ("rank", "score", "path", "drive", "camera", "frame", "time")  # of a data frame


class Hits(list[Hit]):
    """The hits of a search, best first; a list like any other.

    Attributes:
        notes: sentences on how the query was read, such as that the model cuts it short.
        note: tells the marks for the query, tags and events of frames by their ids, best first, as
            long as the workspace is open; None where nobody knows.
    """

    notes: tuple[str, ...] = ()
    note: Callable[[Sequence[int]], Noted | None] | None = None

    @overload
    def __getitem__(self, index: SupportsIndex) -> Hit: ...
    @overload
    def __getitem__(self, index: slice) -> Hits: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Hit | Hits:
        """Return one hit, or some of them as hits again."""
        if isinstance(index, slice):
            some = Hits(super().__getitem__(index))
            some.note = self.note
            return some
        return super().__getitem__(index)

    def __getstate__(self) -> dict[str, object]:
        """Return what is pickled: nothing of the workspace."""
        return {**vars(self), "note": None}

    def to_pandas(self) -> pandas.DataFrame:
        """Return a data frame with a row a hit.

        Its columns are rank, score, path, drive, camera, frame, time, mark, tags and event.
        ``path`` is text, ``time`` is a UTC timestamp, NaT where the name tells none. ``mark`` is
        "right", "wrong" or "" for this query, ``tags`` names them with commas between, ``event``
        numbers what is one event of these hits; they are NA once the workspace is closed.
        Where it is known what is in the frames, each class that is believed to be there is a column
        more: how many, 0 for none, NA in frames of which it is not known.

        Raises:
            C4TError: if pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise C4TError("pandas is not installed; run: pip install pandas") from error
        rows = [{name: getattr(hit, name) for name in _IN_FRAME} for hit in self]
        table = pd.DataFrame(rows, columns=list(_IN_FRAME))
        table["path"] = table["path"].map(spelled)
        table["time"] = pd.to_datetime(table["time"].astype("float64"), unit="s", utc=True)
        noted = self.note([hit.image_id for hit in self]) if self.note is not None else None
        for name, values in _noted_columns(self, noted).items():
            table[name] = pd.array(values, dtype="Int64" if name == "event" else "string")
        counted = [
            None if hit.seen is None else {fact.label: fact.number for fact in hit.objects}
            for hit in self
        ]
        for label in CLASSES:
            numbers = [None if known is None else known.get(label, 0) for known in counted]
            if any(numbers):
                table[label] = pd.array(numbers, dtype="Int64")
        return table

    def _repr_html_(self) -> str:
        """Return a table with thumbnails, for notebooks."""
        rows = "".join(_in_page(hit) for hit in self[:_SHOWN])
        more = len(self) - _SHOWN
        note = f"<p>and {more} more</p>" if more > 0 else ""
        head = "".join(f"<th>{name}</th>" for name in ("", "rank", "score", "frame", "drive"))
        notes = "".join(f"<p>{_escaped(text)}</p>" for text in self.notes)
        return f"{notes}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{note}"


def _noted_columns(hits: Sequence[Hit], noted: Noted | None) -> dict[str, list[Any]]:
    if noted is None:
        return {name: [None] * len(hits) for name in ("mark", "tags", "event")}
    ids = [hit.image_id for hit in hits]
    return {
        "mark": [noted.marks.get(number, "") for number in ids],
        "tags": [", ".join(noted.tags.get(number, ())) for number in ids],
        "event": [noted.events.get(number) for number in ids],
    }


def _in_page(hit: Hit) -> str:
    cells: tuple[Any, ...] = (
        hit.rank,
        f"{hit.score:.3f}",
        frame_name(hit.relative, hit.at),
        hit.drive or "",
    )
    texts = "".join(f"<td>{_escaped(str(cell))}</td>" for cell in cells)
    return f"<tr><td>{_thumbnail(hit.path)}</td>{texts}</tr>"


def _escaped(text: str) -> str:
    """Return text that a page shows as it is; undecodable bytes of a name become ``?``."""
    import html  # by notebooks alone

    return html.escape(text.encode("utf-8", "replace").decode())


def _thumbnail(path: Path) -> str:
    from c4t_core.images.decode import open_image  # Pillow, likewise

    try:
        image = open_image(path, _SIDE)
    except (ImageError, OSError) as error:
        return _escaped(str(error))
    image.thumbnail((_SIDE, _SIDE))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    data = base64.b64encode(out.getvalue()).decode("ascii")
    return f'<img src="data:image/jpeg;base64,{data}" alt="{_escaped(path.name)}">'


@dataclass(frozen=True)
class Provenance:
    """Where exported hits come from.

    Attributes:
        model: what the user calls the model.
        fingerprint: its identity.
        query: as typed.
        threshold: the least score that was shown, None if there was no cut.
        filters: what the hits were restricted to, plain JSON data.
        exported_at: UTC, ISO 8601; by default now.
    """

    model: str
    fingerprint: str
    query: str
    threshold: float | None = None
    filters: Mapping[str, Any] = field(default_factory=dict)
    exported_at: str = field(
        default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    )


@dataclass(frozen=True)
class CopyReport:
    """What became of copied files.

    Attributes:
        copied: where each copy lies, in the order asked for.
        failed: what could not be copied, with reasons.
    """

    copied: tuple[Path, ...]
    failed: tuple[Skipped, ...]


def shown_path(text: str) -> str:
    r"""Return a path that any UTF-8 file can hold: undecodable bytes as ``\xNN``.

    >>> shown_path("a\udcff.png")
    'a\\xff.png'
    """
    return os.fsencode(text).decode("utf-8", "backslashreplace")


def row_of(hit: Hit, provenance: Provenance, noted: Noted = NOTHING_NOTED) -> dict[str, Any]:
    """Return one hit as plain values, in the order of :data:`COLUMNS`.

    ``time`` is UTC, ISO 8601 with milliseconds, ``objects`` what the model believes is there, the
    most probable first, ``mark`` "right" or "wrong"; what is not known is None.
    """
    return {
        "rank": hit.rank,
        "file": frame_name(hit.path.name, hit.at),
        "path": frame_name(spelled(hit.path), hit.at),
        "score": float(hit.score),
        "drive": hit.drive,
        "camera": hit.camera,
        "frame": hit.frame,
        "time": None if hit.time is None else iso_time(hit.time),
        "objects": hit.believed,
        "mark": noted.marks.get(hit.image_id),
        "tags": list(noted.tags.get(hit.image_id, ())),
        "event": noted.events.get(hit.image_id),
        "query": provenance.query,
        "threshold": provenance.threshold,
        "filters": dict(provenance.filters),
        "model": provenance.model,
        "fingerprint": provenance.fingerprint,
        "exported_at": provenance.exported_at,
        "c4t_version": c4t_core.__version__,
    }


def iso_time(seconds: float) -> str:
    """Return a moment in UTC, to the millisecond.

    >>> iso_time(1.25)
    '1970-01-01T00:00:01.250Z'
    """
    whole, rest = divmod(round(seconds * 1000), 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{rest:03d}Z"


def write_csv(
    hits: Sequence[Hit],
    provenance: Provenance,
    target: Path,
    progress: Progress = ignore,
    noted: Noted = NOTHING_NOTED,
) -> None:
    r"""Write hits as CSV, UTF-8, with a header line.

    A cell that a spreadsheet would run gets an apostrophe before it; a byte of a name that is
    no text is written as ``\xNN`` (JSON lines keep such names exactly).

    Raises:
        FolderError: if the file cannot be written.
        Cancelled: from ``progress``; nothing is left behind.
    """
    with _whole_file(target) as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        for hit in _watched(hits, progress):
            writer.writerow([_cell(value) for value in row_of(hit, provenance, noted).values()])


def write_jsonl(
    hits: Sequence[Hit],
    provenance: Provenance,
    target: Path,
    progress: Progress = ignore,
    noted: Noted = NOTHING_NOTED,
) -> None:
    """Write hits as JSON lines, ASCII.

    Bytes of a name that are no text become lone surrogates, which Python reads back as they
    were; such rows also have ``path_base64``, the bytes of the path, for everyone else.

    Raises:
        FolderError: if the file cannot be written.
        Cancelled: from ``progress``; nothing is left behind.
    """
    with _whole_file(target) as out:
        for hit in _watched(hits, progress):
            row = row_of(hit, provenance, noted)
            raw = os.fsencode(frame_name(spelled(hit.path), hit.at))
            if shown_path(row["path"]).encode("utf-8") != raw:
                row["path_base64"] = base64.b64encode(raw).decode("ascii")
            out.write(json.dumps(row, allow_nan=False) + "\n")


def _watched(hits: Sequence[Hit], progress: Progress) -> Iterable[Hit]:
    for done, hit in enumerate(hits):
        if done % _REPORT_EVERY == 0:
            progress(done, len(hits))
        yield hit
    progress(len(hits), len(hits))


def _cell(value: Any) -> str:
    if value is None or value == {}:
        return ""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, list):
        value = ", ".join(one if isinstance(one, str) else _object(one) for one in value)
    if isinstance(value, Mapping):
        value = json.dumps(value, sort_keys=True)
    return guard_cell(shown_path(value)) if isinstance(value, str) else str(value)


def _object(believed: Mapping[str, Any]) -> str:
    """Return what is believed to be there in short; JSON lines tell more."""
    return f"{believed['label']} {believed['count']} ({believed['confidence']})"


@contextlib.contextmanager
def _whole_file(target: Path) -> Iterator[TextIO]:
    try:
        target.parent.stat()  # a mistyped folder is said, not made
        with atomic_text(target) as out:
            yield out
    except OSError as error:
        raise FolderError(
            f'"{target.name}" cannot be written ({error.strerror or error}); choose another folder '
            "or free some space.",
            target.parent,
        ) from error


def copy_files(
    files: Sequence[Path], folder: Path, progress: Progress = ignore, *, roots: Sequence[Path] = ()
) -> CopyReport:
    """Copy files into a folder; nothing that is there is ever overwritten.

    A name that is taken gets a number: ``a.png``, ``a (2).png``. A file that cannot be copied is
    listed, and the others go on.

    Args:
        files: what to copy.
        folder: where to; made if needed.
        progress: told how many files are done.
        roots: the user's image folders, which are never written into.

    Raises:
        FolderError: if the folder cannot be used or its disk is full.
        Cancelled: from ``progress``; what is copied stays, the file at hand is whole.
    """
    _check_target(folder, roots)
    copied: list[Path] = []
    failed: list[Skipped] = []
    for done, file in enumerate(files):
        progress(done, len(files))
        try:
            copied.append(_copy_one(file, folder))
        except ImageError as error:  # it lies at an address
            failed.append(Skipped(file, str(error)))
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise FolderError(
                    f'The disk of "{folder}" is full after {done} of {len(files)} files; free some '
                    "space and copy the rest.",
                    folder,
                ) from error
            failed.append(Skipped(file, error.strerror or str(error)))
    progress(len(files), len(files))
    return CopyReport(tuple(copied), tuple(failed))


def _check_target(folder: Path, roots: Sequence[Path]) -> None:
    try:
        real = folder.resolve()
        for root in roots:
            if real.is_relative_to(root.resolve()):
                raise FolderError(
                    f'"{folder}" lies in the image folder "{root}", into which nothing is written; '
                    "choose another folder.",
                    folder,
                )
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FolderError(
            f'"{folder}" cannot be used ({error.strerror or error}); choose another folder.', folder
        ) from error


def _copy_one(file: Path, folder: Path) -> Path:
    from c4t_core.images.decode import MAX_BYTES  # Pillow, as above

    there = fetched.local(file, MAX_BYTES)
    with open(there, "rb") as source:
        target, out = _open_new(folder, file)
        try:
            with out:
                shutil.copyfileobj(source, out, 1 << 20)
            shutil.copystat(there, target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    return target


def _open_new(folder: Path, file: Path) -> tuple[Path, Any]:
    """Open a file that was not there before, under the name or the first free number."""
    for number in range(1, _TRIES):
        name = file.name if number == 1 else f"{file.stem} ({number}){file.suffix}"
        target = folder / name
        try:
            return target, open(target, "xb")
        except FileExistsError:
            continue
    raise OSError(errno.EEXIST, "too many files of this name")
