"""What the user can set: title, description, bounds and default in one place each.

Stored as an INI file in the application's data folder, so that nothing is written elsewhere.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QByteArray, QCoreApplication, QObject, QSettings, Signal

from c4t_core import paths
from c4t_core.files import why_unwritable
from c4t_core.images.thumbnails import SPACE
from c4t_core.records import dataclass
from c4t_desktop.messages import tr_noop

_CONTEXT = "Settings"
V = TypeVar("V", bound=str | int)
V_co = TypeVar("V_co", bound=str | int, covariant=True)


@dataclass(frozen=True)
class Setting(Generic[V_co]):
    """One thing the user can set.

    Attributes:
        key: its name in the file, ``group/name``.
        default: the value before anyone sets it; its type is the setting's type.
        title: what it is called in the dialog (to be translated).
        description: one sentence that says what it changes (to be translated).
        low: the least value of a number.
        high: the greatest value of a number.
        step: the step of a number.
        suffix: the unit of a number.
        choices: the values of a choice, each with its title.
    """

    key: str
    default: V_co
    title: str
    description: str
    low: int = 0
    high: int = 0
    step: int = 1
    suffix: str = ""
    choices: tuple[tuple[str, str], ...] = ()

    def say_title(self) -> str:
        """Return the title in the user's language."""
        return QCoreApplication.translate(_CONTEXT, self.title)

    def say_description(self) -> str:
        """Return the description in the user's language."""
        return QCoreApplication.translate(_CONTEXT, self.description)


COLOURS = Setting(
    "appearance/colours",
    "system",
    tr_noop("Settings", "Colours"),
    tr_noop("Settings", "Light or dark; “system” follows the desktop."),
    choices=(
        ("system", tr_noop("Settings", "System")),
        ("light", tr_noop("Settings", "Light")),
        ("dark", tr_noop("Settings", "Dark")),
    ),
)
TEXT_SCALE = Setting(
    "appearance/text_scale",
    100,
    tr_noop("Settings", "Text size"),
    tr_noop("Settings", "Size of all text and of what surrounds it."),
    low=100,
    high=300,
    step=10,
    suffix=" %",
)
LANGUAGE = Setting(
    "appearance/language",
    "system",
    tr_noop("Settings", "Language"),
    tr_noop("Settings", "Language of the window; takes effect at the next start."),
    choices=(
        ("system", tr_noop("Settings", "System")),
        ("en", "English"),
        ("de", "Deutsch"),
    ),
)
CARD_WIDTH = Setting(
    "results/card_width",
    200,
    tr_noop("Settings", "Picture size"),
    tr_noop("Settings", "Least width of a picture in the results; rows fill the width."),
    low=120,
    high=480,
    step=20,
    suffix=" px",
)
FOLD_EVENTS = Setting(
    "results/fold_events",
    False,
    tr_noop("Settings", "Fold events"),
    tr_noop(
        "Settings",
        "Show hits of one drive that follow each other as one event with its best frame.",
    ),
)
WHOLE_PICTURES = Setting(
    "results/whole_pictures",
    False,
    tr_noop("Settings", "Whole pictures"),
    tr_noop("Settings", "Show pictures whole on the cards; otherwise they fill them."),
)
DRIVE_CAPTIONS = Setting(
    "results/drive_captions",
    False,
    tr_noop("Settings", "Drive and time on the cards"),
    tr_noop("Settings", "Show when a frame was taken, and on which drive, instead of its file."),
)
HOVER_PREVIEW = Setting(
    "results/hover_preview",
    True,
    tr_noop("Settings", "Enlarge under the mouse"),
    tr_noop("Settings", "Show a larger picture when the mouse rests on a hit."),
)
SEARCH_DELAY = Setting(
    "search/delay",
    180,
    tr_noop("Settings", "Search while typing after"),
    tr_noop("Settings", "How long to wait for the next key before searching."),
    low=50,
    high=2000,
    step=10,
    suffix=" ms",
)
INDEX_AT_OPENING = Setting(
    "index/at_opening",
    True,
    tr_noop("Settings", "Index when a folder is opened"),
    tr_noop(
        "Settings", "Look for new and changed images at once; otherwise only when you ask for it."
    ),
)
WATCH = Setting(
    "index/watch",
    True,
    tr_noop("Settings", "Watch for new files"),
    tr_noop(
        "Settings",
        "Index what is added to an open folder as soon as it comes to rest; "
        "where a network drive tells nothing, F5 looks.",
    ),
)
TELL = Setting(
    "index/tell",
    True,
    tr_noop("Settings", "Tell when long work is done"),
    tr_noop(
        "Settings",
        "Indexing, training, evaluation, export: by a notification of the desktop, "
        "where the window is not in front.",
    ),
)
EXCLUDES = Setting(
    "index/excludes",
    "",
    tr_noop("Settings", "Folders to leave out"),
    tr_noop(
        "Settings",
        "Names of sub-folders, separated by commas, * for any text; "
        "label, mask, depth and lidar folders are left out anyway.",
    ),
)
THUMBNAILS_AT_INDEXING = Setting(
    "index/thumbnails",
    True,
    tr_noop("Settings", "Make thumbnails while indexing"),
    tr_noop(
        "Settings",
        "From the pictures that are read anyway, up to the space below: "
        "scrolling then reads no file again.",
    ),
)
THUMBNAIL_SPACE = Setting(
    "storage/thumbnails",
    SPACE // 1_000_000,
    tr_noop("Settings", "Space for thumbnails"),
    tr_noop("Settings", "The oldest thumbnails on disk are removed beyond this size."),
    low=50,
    high=20000,
    step=50,
    suffix=" MB",
)

GROUPS: tuple[tuple[str, tuple[Setting[str | int], ...]], ...] = (
    (tr_noop("Settings", "Appearance"), (COLOURS, TEXT_SCALE, LANGUAGE)),
    (
        tr_noop("Settings", "Results"),
        (CARD_WIDTH, WHOLE_PICTURES, DRIVE_CAPTIONS, FOLD_EVENTS, HOVER_PREVIEW),
    ),
    (tr_noop("Settings", "Search"), (SEARCH_DELAY,)),
    (
        tr_noop("Settings", "Library"),
        (INDEX_AT_OPENING, WATCH, TELL, EXCLUDES, THUMBNAILS_AT_INDEXING, THUMBNAIL_SPACE),
    ),
)
RECENT = 8  # folders remembered


class Settings(QObject):
    """Reads and writes the settings, and what the window remembers.

    Attributes:
        file: where they lie.
        unwritable: why nothing can be kept in its folder, "" if it can.

    Signals:
        changed: a setting has a new value (its key).
    """

    changed = Signal(str)

    def __init__(self, file: Path | None = None, parent: QObject | None = None) -> None:
        """Open the file; by default the one in the application's data folder."""
        super().__init__(parent)
        self.file = file or paths.data_dir() / "settings.ini"
        self.unwritable = why_unwritable(self.file.parent)
        self._store = QSettings(str(self.file), QSettings.Format.IniFormat)

    def value(self, setting: Setting[V]) -> V:
        """Return the value, of the default's type and within bounds, whatever the file says."""
        value = _read(setting, self._store.value(setting.key, setting.default))
        return value if isinstance(value, type(setting.default)) else setting.default

    def set(self, setting: Setting[V], value: V) -> None:
        """Store a value and tell who listens, if it is a new one."""
        if value != self.value(setting):
            self._store.setValue(setting.key, value)
            self.changed.emit(setting.key)

    def remember(self, key: str, value: object) -> None:
        """Remember something of the window, as JSON."""
        self._store.setValue(f"window/{key}", json.dumps(value))

    def recall(self, key: str, default: object = None) -> Any:
        """Return what was remembered, JSON of whatever shape, or the default."""
        try:
            return json.loads(str(self._store.value(f"window/{key}", json.dumps(default))))
        except ValueError:
            return default

    def remember_bytes(self, key: str, value: QByteArray) -> None:
        """Remember a window's geometry or state."""
        self._store.setValue(f"window/{key}", value)

    def recall_bytes(self, key: str) -> QByteArray:
        """Return a remembered geometry or state, empty if there is none."""
        value = self._store.value(f"window/{key}")
        return value if isinstance(value, QByteArray) else QByteArray()

    def recent(self) -> list[tuple[str, ...]]:
        """Return the sets of folders opened before, the latest first."""
        kept = self.recall("recent", [])
        good = [tuple(map(str, entry)) for entry in kept if isinstance(entry, list) and entry]
        return good[:RECENT]

    def add_recent(self, folders: tuple[str, ...]) -> None:
        """Put a set of folders at the top of those opened before."""
        self._keep_recent([folders, *self._other_recent(folders)])

    def forget_recent(self, folders: tuple[str, ...]) -> None:
        """Take a set of folders out of those opened before."""
        self._keep_recent(self._other_recent(folders))

    def _other_recent(self, folders: tuple[str, ...]) -> list[tuple[str, ...]]:
        return [entry for entry in self.recent() if set(entry) != set(folders)]

    def _keep_recent(self, entries: list[tuple[str, ...]]) -> None:
        self.remember("recent", [list(entry) for entry in entries[:RECENT]])

    def sync(self) -> None:
        """Write everything to disk now."""
        self._store.sync()


def _read(setting: Setting[str | int], raw: object) -> str | int | None:
    """Return what the file says of a setting, None where it makes no sense."""
    if setting.choices:
        return str(raw) if str(raw) in dict(setting.choices) else None
    if isinstance(setting.default, bool):
        return str(raw).lower() in {"true", "1"}
    if isinstance(setting.default, int):
        try:
            return min(max(int(str(raw)), setting.low), setting.high)
        except ValueError:
            return None
    return ", ".join(raw) if isinstance(raw, list) else str(raw or "")
