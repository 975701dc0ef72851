"""What the user can set: title, description, bounds and default in one place each.

Stored as an INI file in the application's data folder, so that nothing is written elsewhere.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QT_TRANSLATE_NOOP,
    QByteArray,
    QCoreApplication,
    QObject,
    QSettings,
    Signal,
)

from c4t_core import paths

_CONTEXT = "Settings"


@dataclass(frozen=True)
class Setting:
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
    default: Any
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
    QT_TRANSLATE_NOOP("Settings", "Colours"),
    QT_TRANSLATE_NOOP("Settings", "Light or dark; “system” follows the desktop."),
    choices=(
        ("system", QT_TRANSLATE_NOOP("Settings", "System")),
        ("light", QT_TRANSLATE_NOOP("Settings", "Light")),
        ("dark", QT_TRANSLATE_NOOP("Settings", "Dark")),
    ),
)
TEXT_SCALE = Setting(
    "appearance/text_scale",
    100,
    QT_TRANSLATE_NOOP("Settings", "Text size"),
    QT_TRANSLATE_NOOP("Settings", "Size of all text and of what surrounds it."),
    low=100,
    high=300,
    step=10,
    suffix=" %",
)
LANGUAGE = Setting(
    "appearance/language",
    "system",
    QT_TRANSLATE_NOOP("Settings", "Language"),
    QT_TRANSLATE_NOOP("Settings", "Language of the window; takes effect at the next start."),
    choices=(
        ("system", QT_TRANSLATE_NOOP("Settings", "System")),
        ("en", "English"),
        ("de", "Deutsch"),
    ),
)
CARD_WIDTH = Setting(
    "results/card_width",
    200,
    QT_TRANSLATE_NOOP("Settings", "Picture size"),
    QT_TRANSLATE_NOOP("Settings", "Least width of a picture in the results; rows fill the width."),
    low=120,
    high=480,
    step=20,
    suffix=" px",
)
FOLD_EVENTS = Setting(
    "results/fold_events",
    False,
    QT_TRANSLATE_NOOP("Settings", "Fold events"),
    QT_TRANSLATE_NOOP(
        "Settings",
        "Show hits of one drive that follow each other as one event with its best frame.",
    ),
)
HOVER_PREVIEW = Setting(
    "results/hover_preview",
    True,
    QT_TRANSLATE_NOOP("Settings", "Enlarge under the mouse"),
    QT_TRANSLATE_NOOP("Settings", "Show a larger picture when the mouse rests on a hit."),
)
SEARCH_DELAY = Setting(
    "search/delay",
    180,
    QT_TRANSLATE_NOOP("Settings", "Search while typing after"),
    QT_TRANSLATE_NOOP("Settings", "How long to wait for the next key before searching."),
    low=50,
    high=2000,
    step=10,
    suffix=" ms",
)
INDEX_AT_OPENING = Setting(
    "index/at_opening",
    True,
    QT_TRANSLATE_NOOP("Settings", "Index when a folder is opened"),
    QT_TRANSLATE_NOOP(
        "Settings", "Look for new and changed images at once; otherwise only when you ask for it."
    ),
)
WATCH = Setting(
    "index/watch",
    True,
    QT_TRANSLATE_NOOP("Settings", "Watch for new files"),
    QT_TRANSLATE_NOOP(
        "Settings",
        "Index what is added to an open folder as soon as it comes to rest; "
        "where a network drive tells nothing, F5 looks.",
    ),
)
EXCLUDES = Setting(
    "index/excludes",
    "",
    QT_TRANSLATE_NOOP("Settings", "Folders to leave out"),
    QT_TRANSLATE_NOOP(
        "Settings",
        "Names of sub-folders, separated by commas, * for any text; "
        "label, mask, depth and lidar folders are left out anyway.",
    ),
)
THUMBNAIL_SPACE = Setting(
    "storage/thumbnails",
    500,
    QT_TRANSLATE_NOOP("Settings", "Space for thumbnails"),
    QT_TRANSLATE_NOOP("Settings", "The oldest thumbnails on disk are removed beyond this size."),
    low=50,
    high=20000,
    step=50,
    suffix=" MB",
)

GROUPS: tuple[tuple[str, tuple[Setting, ...]], ...] = (
    (QT_TRANSLATE_NOOP("Settings", "Appearance"), (COLOURS, TEXT_SCALE, LANGUAGE)),
    (QT_TRANSLATE_NOOP("Settings", "Results"), (CARD_WIDTH, FOLD_EVENTS, HOVER_PREVIEW)),
    (QT_TRANSLATE_NOOP("Settings", "Search"), (SEARCH_DELAY,)),
    (
        QT_TRANSLATE_NOOP("Settings", "Library"),
        (INDEX_AT_OPENING, WATCH, EXCLUDES, THUMBNAIL_SPACE),
    ),
)
RECENT = 8  # folders remembered


class Settings(QObject):
    """Reads and writes the settings, and what the window remembers.

    Signals:
        changed: a setting has a new value (its key).
    """

    changed = Signal(str)

    def __init__(self, file: Path | None = None, parent: QObject | None = None) -> None:
        """Open the file; by default the one in the application's data folder."""
        super().__init__(parent)
        self.file = file or paths.data_dir() / "settings.ini"
        self._store = QSettings(str(self.file), QSettings.Format.IniFormat)

    def value(self, setting: Setting) -> Any:
        """Return the value, of the default's type and within bounds, whatever the file says."""
        raw = self._store.value(setting.key, setting.default)
        if setting.choices:
            text = str(raw)
            return text if text in dict(setting.choices) else setting.default
        if isinstance(setting.default, bool):
            return str(raw).lower() in {"true", "1"}
        if isinstance(setting.default, int):
            try:
                return min(max(int(raw), setting.low), setting.high)
            except (TypeError, ValueError):
                return setting.default
        return ", ".join(raw) if isinstance(raw, list) else str(raw or "")

    def set(self, setting: Setting, value: Any) -> None:
        """Store a value and tell who listens, if it is a new one."""
        if value != self.value(setting):
            self._store.setValue(setting.key, value)
            self.changed.emit(setting.key)

    def remember(self, key: str, value: Any) -> None:
        """Remember something of the window, as JSON."""
        self._store.setValue(f"window/{key}", json.dumps(value))

    def recall(self, key: str, default: Any = None) -> Any:
        """Return what was remembered, or the default."""
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
        rest = [entry for entry in self.recent() if entry != folders]
        self.remember("recent", [list(entry) for entry in [folders, *rest][:RECENT]])

    def forget_recent(self) -> None:
        """Forget the folders opened before."""
        self.remember("recent", [])

    def sync(self) -> None:
        """Write everything to disk now."""
        self._store.sync()
