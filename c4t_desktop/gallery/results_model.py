"""The hits as a Qt model: ids and values only, no disk, no pictures."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

from PySide6.QtCore import (
    QAbstractListModel,
    QByteArray,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QUrl,
    Slot,
)

from c4t_core.addresses import is_remote, spelled
from c4t_core.index.query import Hit
from c4t_desktop.services.rows import PagedRows, Row, RowLoader

_USER = Qt.ItemDataRole.UserRole
PathRole = _USER + 1  # absolute path, as text
ScoreRole = _USER + 2  # cosine, float
RowRole = _USER + 3  # the Row
MarkRole = _USER + 4  # "right", "wrong" or ""
ScaleRole = _USER + 5  # the score as a share of the best, 0..1, for the bar
TagsRole = _USER + 6  # the tags, by name, as a tuple
_ROOT = QModelIndex()
_OURS = "application/x-c4t-frames"  # paths of our own frames, with NUL between
_MANY = 1000  # marks or tags up to which it is looked which of them changed
Index = QModelIndex | QPersistentModelIndex


def shown(text: str) -> str:
    """Return text that Qt can show: undecodable bytes become replacement characters.

    The path of what lies at an address becomes the address.
    """
    return spelled(text).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def plain_tip(text: str) -> str:
    """Return a tooltip that shows the text as it is; Qt would take ``<b>`` for a tag."""
    return f'<p style="white-space: pre-wrap">{html.escape(shown(text))}</p>'


class ResultsModel(QAbstractListModel):
    """A list of cards.

    Besides Qt's roles: ``path``, ``score``, ``row``, ``mark``, ``scale``, ``tags`` (see
    ``roleNames``).
    A card that is not loaded yet has none of them; to read it has its page loaded.

    Attributes:
        asks: whether that is so; a view that leaps over screens of cards waits until it lands.
    """

    def __init__(self, parent: QObject | None = None, loader: RowLoader | None = None) -> None:
        """Start empty; ``loader`` loads the cards of lists that are not loaded whole."""
        super().__init__(parent)
        self._rows: Sequence[Row] = ()
        self._loader = loader
        self.asks = True
        if loader is not None:
            loader.loaded.connect(self._loaded)
        self._marks: Mapping[Path, str] = {}
        self._tags: Mapping[int, tuple[str, ...]] = {}
        self._positions: dict[Path, int] | None = None
        self._low, self._best = 0.0, 1.0
        self._show_scores = True

    def set_rows(
        self,
        rows: Sequence[Row],
        *,
        low: float = 0.0,
        best: float = 1.0,
        show_scores: bool = True,
    ) -> None:
        """Show other cards; ``low`` and ``best`` are the scores of an empty and a full bar."""
        self.beginResetModel()
        self._rows = rows
        self._positions = None
        self._low, self._best = low, best
        self._show_scores = show_scores
        self.endResetModel()

    def set_marks(self, marks: Mapping[Path, str]) -> None:
        """Show other right and wrong marks, which nobody changes any more."""
        before, self._marks = self._marks, marks
        if len(before) + len(marks) > _MANY:
            self._touch_all([MarkRole])
            return
        for path in {*before, *marks}:
            if before.get(path, "") != marks.get(path, ""):
                self.touch(path, MarkRole)

    def set_tags(self, tags: Mapping[int, tuple[str, ...]]) -> None:
        """Show the tags of other images, by their ids; nobody changes them any more."""
        before, self._tags = self._tags, tags
        if len(before) + len(tags) > _MANY:
            self._touch_all(_TAGGED)
            return
        changed = [image for image in {*before, *tags} if before.get(image) != tags.get(image)]
        for index in self.indexes_of(changed):
            self.dataChanged.emit(index, index, _TAGGED)

    def touch(self, path: Path, role: int = Qt.ItemDataRole.DecorationRole) -> None:
        """Tell the views that one role of one file changed."""
        position = self._position(path)
        if position is not None:
            index = self.index(position)
            self.dataChanged.emit(index, index, [role])

    def _touch_all(self, roles: list[int]) -> None:
        """Tell that all cards changed: of many, only those in sight are worth the time."""
        if self.rowCount():
            self.dataChanged.emit(self.index(0), self.index(self.rowCount() - 1), roles)

    def row_at(self, index: Index) -> Row | None:
        """Return the card at an index, None for an invalid one."""
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        rows, position = self._rows, index.row()
        if not isinstance(rows, PagedRows):
            return rows[position]
        row = rows.peek(position)
        if row is None and self.asks and self._loader is not None:
            self._loader.want(rows, position)
        return row

    def index_of(self, path: Path) -> QModelIndex:
        """Return the index of a file, invalid if it is not shown, or not loaded yet."""
        position = self._position(path)
        return self.index(position) if position is not None else QModelIndex()

    def id_at(self, index: Index) -> int | None:
        """Return the id of the image at an index, loaded or not; None for an invalid index."""
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        rows, position = self._rows, index.row()
        if isinstance(rows, PagedRows):
            return int(rows.hits.ids[position])
        return rows[position].hit.image_id

    def index_of_id(self, image_id: int) -> QModelIndex:
        """Return the index of an image, loaded or not; invalid if it is not shown."""
        return next(iter(self.indexes_of([image_id])), QModelIndex())

    def indexes_of(self, image_ids: Sequence[int]) -> list[QModelIndex]:
        """Return the indexes of some images, loaded or not, as they are shown."""
        if isinstance(self._rows, PagedRows):
            positions = self._rows.hits.positions_of(image_ids)
        else:
            rows = enumerate(self._rows)
            positions = [at for at, row in rows if row.hit.image_id in image_ids]
        return [self.index(position) for position in positions]

    @property
    def rows(self) -> Sequence[Row]:
        """The cards; to read one that is not loaded loads it here and now."""
        return self._rows

    def chosen(self, ranges: Sequence[range]) -> Sequence[Hit]:
        """Return the hits of some ranges of cards; where not all are loaded, as a HitList."""
        if isinstance(self._rows, PagedRows):
            return self._rows.chosen(ranges)
        return tuple(row.hit for part in ranges for row in self._rows[part.start : part.stop])

    def _position(self, path: Path) -> int | None:
        if isinstance(self._rows, PagedRows):
            return self._rows.position_of(path)
        if self._positions is None:
            self._positions = {row.hit.path: position for position, row in enumerate(self._rows)}
        return self._positions.get(path)

    @Slot(object, object, object)
    def _loaded(self, rows: PagedRows, first: int, last: int) -> None:
        if rows is self._rows:
            self.dataChanged.emit(self.index(first), self.index(last), _LOADED)

    # Qt's interface -------------------------------------------------------------------------

    def rowCount(self, parent: Index = _ROOT) -> int:  # noqa: N802
        """Return the number of cards."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return what a role reads from a row; None for a role not known."""
        row = self.row_at(index)
        if row is None:
            return None
        reader = _READERS.get(role)
        return reader(self, row) if reader else None

    def roleNames(self) -> dict[int, QByteArray]:  # noqa: N802
        """Name the roles of the cards beside Qt's own."""
        return {
            **super().roleNames(),
            PathRole: QByteArray(b"path"),
            ScoreRole: QByteArray(b"score"),
            RowRole: QByteArray(b"row"),
            MarkRole: QByteArray(b"mark"),
            ScaleRole: QByteArray(b"scale"),
            TagsRole: QByteArray(b"tags"),
        }

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Let a card be selected and dragged."""
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        flag = Qt.ItemFlag
        return (
            flag.ItemIsEnabled
            | flag.ItemIsSelectable
            | flag.ItemIsDragEnabled
            | flag.ItemNeverHasChildren
        )

    def mimeTypes(self) -> list[str]:  # noqa: N802
        """Return what a drag offers: files as URLs and as text."""
        return ["text/uri-list", "text/plain"]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:  # noqa: N802
        """Return the files of the dragged cards."""
        rows = [row for row in map(self.row_at, indexes) if row is not None]
        return files_as_mime([row.hit.path for row in rows])

    # one small reader per role --------------------------------------------------------------

    def _name(self, row: Row) -> str:
        return shown(row.hit.path.name)

    def _tip(self, row: Row) -> str:
        return plain_tip("\n".join([str(row.hit.path), ", ".join(self._tags_of(row))]).strip())

    def _spoken(self, row: Row) -> str:
        parts = [self._name(row)]
        if self._show_scores:
            parts.append(self.tr("score {0}").format(f"{row.hit.score:.3f}"))
        if row.count > 1:
            parts.append(self.tr("event of {0} frames").format(row.count))
        mark = self._marks.get(row.hit.path, "")
        if mark:
            parts.append(self.tr("marked right") if mark == "right" else self.tr("marked wrong"))
        parts += map(shown, self._tags_of(row))
        return ", ".join(parts)

    def _tags_of(self, row: Row) -> tuple[str, ...]:
        return self._tags.get(row.hit.image_id, ())

    def _scale(self, row: Row) -> float | None:
        if not self._show_scores:
            return None
        span = self._best - self._low
        return min(1.0, max(0.0, (row.hit.score - self._low) / span)) if span > 0 else 1.0


_READERS = {
    Qt.ItemDataRole.DisplayRole: ResultsModel._name,
    Qt.ItemDataRole.ToolTipRole: ResultsModel._tip,
    Qt.ItemDataRole.AccessibleTextRole: ResultsModel._spoken,
    PathRole: lambda _, row: shown(str(row.hit.path)),
    ScoreRole: lambda _, row: float(row.hit.score),
    RowRole: lambda _, row: row,
    MarkRole: lambda model, row: model._marks.get(row.hit.path, ""),
    ScaleRole: ResultsModel._scale,
    TagsRole: ResultsModel._tags_of,
}
_TAGGED = [TagsRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole]


_LOADED = [*_READERS]  # roles of a card that has just been loaded


def files_as_mime(paths: list[Path]) -> QMimeData:
    """Return files for the clipboard or a drag: as URLs, and as one path a line."""
    data = QMimeData()
    data.setUrls([file_url(path) for path in paths])
    data.setText("\n".join(shown(str(path)) for path in paths))
    data.setData(_OURS, b"\0".join(map(os.fsencode, paths)))
    return data


def files_of(data: QMimeData) -> list[Path]:
    """Return the files that are dragged or pasted; those at an address only if they are ours."""
    if data.hasFormat(_OURS):
        return [Path(os.fsdecode(name)) for name in bytes(data.data(_OURS).data()).split(b"\0")]
    return [path for path in map(local_path, data.urls()) if path is not None]


def local_path(url: QUrl) -> Path | None:
    """Return the file that a URL names, byte for byte; None if it is elsewhere."""
    if not url.isLocalFile():
        return None
    if os.name == "nt":
        return Path(url.toLocalFile())
    encoded = bytes(url.toEncoded(QUrl.ComponentFormattingOption.FullyEncoded).data())
    return Path(os.fsdecode(unquote_to_bytes(encoded.removeprefix(b"file://"))))


def file_url(path: Path) -> QUrl:
    """Return a file's URL; made from the path's bytes, so that undecodable names survive.

    That of what lies at an address is the address.
    """
    if is_remote(path):
        encoded = quote_from_bytes(os.fsencode(spelled(path)), safe="/:")
        return QUrl.fromEncoded(QByteArray(encoded.encode("ascii")))
    return QUrl.fromEncoded(QByteArray(path.as_uri().encode("ascii")))
