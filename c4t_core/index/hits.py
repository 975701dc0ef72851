"""Hits as a list that shows itself: thumbnails in a notebook, a table for pandas."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from c4t_core.errors import C4TError, ImageError
from c4t_core.index.objects import CLASSES
from c4t_core.index.query import Hit, Noted, frame_name

if TYPE_CHECKING:
    import pandas

_SHOWN = 24  # hits drawn in a notebook; the rest is counted
_SIDE = 160  # pixels of a thumbnail's longer side
_COLUMNS = ("rank", "score", "path", "drive", "camera", "frame", "time")


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
        rows = [{name: getattr(hit, name) for name in _COLUMNS} for hit in self]
        table = pd.DataFrame(rows, columns=list(_COLUMNS))
        table["path"] = table["path"].map(str)
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
        rows = "".join(_row(hit) for hit in self[:_SHOWN])
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


def _row(hit: Hit) -> str:
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
