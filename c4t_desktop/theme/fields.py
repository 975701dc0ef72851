"""Fields that a style sheet alone cannot make look right."""

from __future__ import annotations

from PySide6.QtWidgets import QSpinBox

from c4t_desktop.theme.manager import Theme


def number_field(theme: Theme, low: int, high: int) -> QSpinBox:
    """Return a field for a whole number; its text stands off the edge as in other fields."""
    field = QSpinBox()
    field.setRange(low, high)
    # A spin box in a style sheet ignores the padding of its line.
    field.lineEdit().setTextMargins(theme.px(7), 0, 0, 0)
    return field
