"""How the window looks: colours, type, spacing, icons; light and dark."""

from c4t_desktop.theme.manager import Theme

__all__ = ["Theme"]
