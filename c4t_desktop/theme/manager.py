"""Applies the look to the application and hands out what painted widgets need."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QFont, QFontDatabase, QIcon, QPixmap
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QSpinBox,
)
from shiboken6 import isValid

from c4t_core import paths
from c4t_desktop.theme import icons
from c4t_desktop.theme.colours import DARK, LIGHT, Colours, palette
from c4t_desktop.theme.style import style_sheet

_FAMILIES = ["Inter", "Segoe UI", "SF Pro Text", "Noto Sans", "Cantarell", "DejaVu Sans"]
_TEXT_PIXELS = 13


class Theme(QObject):
    """The look of the application.

    Attributes:
        colours: the colours in use.

    Signals:
        changed: the colours or the scale are other ones; painted widgets repaint.
    """

    changed = Signal()

    def __init__(self, app: QApplication) -> None:
        """Load the font and follow the system; :meth:`apply`, or :meth:`choose`, begins."""
        super().__init__(app)
        self._app = app
        self._wanted = "system"
        self._scale = 1.0
        self.colours: Colours = LIGHT
        self._dressed: WeakKeyDictionary[QAbstractButton, tuple[str, str]] = WeakKeyDictionary()
        self._icons: dict[tuple[str, str, str, str], QIcon] = {}
        self._kept = icons.kept()
        app.setStyle("Fusion")
        for name in ("Inter-Regular.otf", "Inter-SemiBold.otf"):
            QFontDatabase.addApplicationFont(str(paths.resource("fonts", name)))
        app.styleHints().colorSchemeChanged.connect(self._system_changed)

    def apply(self, wanted: str, scale_percent: int) -> None:
        """Use a set of colours (``"system"``, ``"light"``, ``"dark"``) and a text scale."""
        self.choose(wanted, scale_percent)
        self.style()
        for button, (name, colour) in list(self._dressed.items()):
            if isValid(button):
                self.dress(button, name, colour)
            else:
                del self._dressed[button]
        self.changed.emit()

    def choose(self, wanted: str, scale_percent: int) -> None:
        """Choose colours and a text scale, for widgets that are made then; see :meth:`style`."""
        self._wanted = wanted
        self._scale = scale_percent / 100
        system_dark = self._app.styleHints().colorScheme() == Qt.ColorScheme.Dark
        dark = wanted == "dark" or (wanted == "system" and system_dark)
        self.colours = DARK if dark else LIGHT
        self._app.setFont(self.font())
        self._app.setPalette(palette(self.colours))

    def style(self) -> None:
        """Give all widgets the style sheet of the colours and scale that were chosen.

        Qt styles a widget again each time it gets another parent, so this comes last.
        """
        sheet = style_sheet(self.colours, self.px)
        ways = ("chevron-left", "chevron-right")
        before, after = ways[:: -1 if self._app.isRightToLeft() else 1]
        for name, icon, colour in (
            ("before", before, self.colours.text),
            ("after", after, self.colours.text),
            ("chevron", "chevron-down", self.colours.muted),
            ("chevron-up", "chevron-up", self.colours.muted),
            ("check", "check", self.colours.accent_text),
            ("asks", "info", self.colours.accent),
            ("warns", "warning", self.colours.warn),
            ("fails", "warning", self.colours.bad),
        ):
            path = icons.file(icon, colour, self._kept)
            url = 'url("{' + name + '}")'
            sheet = sheet.replace(url, f'url("{path.as_posix()}")' if path else "none")
        self._app.setStyleSheet(sheet)

    @Slot()
    def _system_changed(self) -> None:
        if self._wanted == "system":
            self.apply("system", round(self._scale * 100))

    def px(self, pixels: float) -> int:
        """Scale a length with the text."""
        return max(1, round(pixels * self._scale))

    def font(self, pixels: float = _TEXT_PIXELS, *, strong: bool = False) -> QFont:
        """Return the font at a size in pixels before scaling."""
        font = QFont(_FAMILIES)
        font.setPixelSize(self.px(pixels))
        if strong:
            font.setWeight(QFont.Weight.DemiBold)
        return font

    def icon(self, name: str, colour: str = "") -> QIcon:
        """Return one of our icons in the text colour, or another one."""
        c = self.colours
        key = (name, colour or c.text, c.faint, colour or c.accent)
        if key not in self._icons:  # making one looks for files, too slow for what changes often
            self._icons[key] = icons.icon(*key, folder=self._kept)
        return self._icons[key]

    def dress(self, button: QAbstractButton, name: str, colour: str = "") -> None:
        """Give a button one of our icons, and its counterpart whenever the colours change.

        Args:
            button: kept as long as somebody else keeps it.
            name: of the icon.
            colour: name of one of :class:`Colours`, by default the text's.
        """
        self._dressed[button] = (name, colour)
        button.setIcon(self.icon(name, getattr(self.colours, colour) if colour else ""))

    def pixmap(self, name: str, side: float, colour: str = "", ratio: float = 2.0) -> QPixmap:
        """Return an icon as a picture of ``side`` pixels before scaling."""
        return icons.pixmap(name, colour or self.colours.text, self.px(side), ratio)


def number_field(theme: Theme, low: int, high: int) -> QSpinBox:
    """Return a field for a whole number; its text stands off the edge as in other fields."""
    field = QSpinBox()
    field.setRange(low, high)
    # A spin box in a style sheet ignores the padding of its line.
    field.lineEdit().setTextMargins(theme.px(7), 0, 0, 0)
    return field
