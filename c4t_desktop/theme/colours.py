"""The colours, by what they are for; one set for light, one for dark."""

from __future__ import annotations

from PySide6.QtGui import QColor, QPalette

from c4t_core.records import dataclass


@dataclass(frozen=True)
class Colours:
    """One set of colours, each as ``#rrggbb``.

    Text on its ground has a contrast of 4.5 to 1 at least (``muted`` included).
    """

    dark: bool
    panel: str  # bars, side panels, dialogs
    canvas: str  # behind the cards
    card: str
    field: str  # inside text fields and lists
    border: str
    border_strong: str
    control: str  # outline of an empty box or choice: 3 to 1 at least, also under the mouse
    text: str
    muted: str
    faint: str  # disabled text, unselected bars
    accent: str
    accent_hover: str
    accent_soft: str  # ground of the selected row and of chips
    accent_text: str  # on accent
    hover: str
    good: str
    good_soft: str
    bad: str
    bad_soft: str
    warn: str
    track: str  # of bars and sliders
    shade: str  # badges over pictures

    @property
    def veil(self) -> str:
        """What lies over the window while something is dragged; the only one not opaque."""
        return f"#e6{self.panel[1:]}"


LIGHT = Colours(
    dark=False,
    panel="#ffffff",
    canvas="#f4f6f9",
    card="#ffffff",
    field="#ffffff",
    border="#e2e6ec",
    border_strong="#c9d0da",
    control="#7d8797",
    text="#12171f",
    muted="#5c6675",
    faint="#858e9d",
    accent="#1b66e5",
    accent_hover="#1557c7",
    accent_soft="#e6effd",
    accent_text="#ffffff",
    hover="#f0f3f7",
    good="#178a4a",
    good_soft="#e2f5ea",
    bad="#cc2f3c",
    bad_soft="#fde7e9",
    warn="#9a6200",
    track="#e2e6ec",
    shade="#14181f",
)

DARK = Colours(
    dark=True,
    panel="#1b1f27",
    canvas="#13161c",
    card="#20252e",
    field="#161a21",
    border="#2c333e",
    border_strong="#414a58",
    control="#737e8f",
    text="#e9ecf1",
    muted="#9ba5b4",
    faint="#5f6979",
    accent="#5b9bff",
    accent_hover="#7cb0ff",
    accent_soft="#1c3357",
    accent_text="#0b1220",
    hover="#262c36",
    good="#3fc77c",
    good_soft="#16382a",
    bad="#ff6b75",
    bad_soft="#43202a",
    warn="#e3b04b",
    track="#2c333e",
    shade="#0a0c10",
)


def palette(colours: Colours) -> QPalette:
    """Return Qt's palette for a set of colours."""
    made = QPalette()
    role = QPalette.ColorRole
    for where, colour in (
        (role.Window, colours.panel),
        (role.WindowText, colours.text),
        (role.Base, colours.field),
        (role.AlternateBase, colours.hover),
        (role.Text, colours.text),
        (role.PlaceholderText, colours.muted),
        (role.Button, colours.panel),
        (role.ButtonText, colours.text),
        (role.BrightText, colours.bad),
        (role.Highlight, colours.accent),
        (role.HighlightedText, colours.accent_text),
        (role.Link, colours.accent),
        (role.ToolTipBase, colours.card),
        (role.ToolTipText, colours.text),
        (role.Mid, colours.border),
        (role.Light, colours.hover),
        (role.Dark, colours.border_strong),
        (role.Shadow, colours.shade),
    ):
        made.setColor(where, QColor(colour))
    for where in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, where, QColor(colours.faint))
    made.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(colours.border_strong))
    return made
