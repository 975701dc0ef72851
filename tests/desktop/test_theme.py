"""The look follows the colours chosen, wherever a button is."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QPushButton,
    QRadioButton,
    QSpinBox,
    QStyle,
    QStyleOptionButton,
    QVBoxLayout,
    QWidget,
)

from c4t_desktop.panels.training.result_page import Outcome, ResultPage
from c4t_desktop.theme import Theme
from c4t_desktop.theme.colours import DARK, LIGHT
from c4t_desktop.theme.manager import number_field


@pytest.mark.parametrize("percent", [80, 100, 125, 150, 175, 200])
def test_a_choice_is_round_at_every_size_of_text(qtbot, theme, percent):
    theme.apply("light", percent)
    button = QRadioButton("one of several")
    qtbot.addWidget(button)
    button.show()
    option = QStyleOptionButton()
    button.initStyleOption(option)
    part = QStyle.SubElement.SE_RadioButtonIndicator
    spot = button.style().subElementRect(part, option, button)
    picture = button.grab().toImage()
    corner = picture.pixelColor(spot.left(), spot.top())
    assert corner == picture.pixelColor(spot.left() - 1 if spot.left() else 0, 0)
    assert picture.pixelColor(spot.center().x(), spot.top()) != corner


def test_changes_of_a_training_take_the_ink_of_the_colours(qtbot, theme):
    page = ResultPage(theme)
    qtbot.addWidget(page)
    page.show_outcome(Outcome("c4t:a", [("mAP", 0.1, 0.2)], "It got better."))
    assert page.table.item(0, 3).foreground().color() == QColor(LIGHT.good)
    theme.apply("dark", 100)
    assert page.table.item(0, 3).foreground().color() == QColor(DARK.good)


@pytest.fixture
def theme(qapp):
    made = Theme(qapp)
    made.apply("light", 100)
    return made


def ink(button) -> QColor:
    """Return the colour of the darkest or brightest full pixel of a button's icon."""
    picture = button.icon().pixmap(32, 32).toImage()
    pixels = [picture.pixelColor(x, y) for x in range(32) for y in range(32)]
    return max(pixels, key=lambda colour: colour.alpha())


def near(colour: QColor, wanted: str) -> bool:
    pairs = zip(colour.getRgb()[:3], QColor(wanted).getRgb()[:3], strict=True)
    return all(abs(a - b) < 12 for a, b in pairs)


def test_an_open_dialog_gets_other_icons_with_other_colours(qtbot, theme):
    button, muted = QPushButton(), QPushButton()
    for widget in (button, muted):
        qtbot.addWidget(widget)
    theme.dress(button, "close")
    theme.dress(muted, "plus", "muted")
    assert near(ink(button), LIGHT.text)
    theme.apply("dark", 100)
    assert near(ink(button), DARK.text)
    assert near(ink(muted), DARK.muted)


def test_a_button_that_is_gone_does_no_harm(qtbot, theme):
    window = QWidget()
    column = QVBoxLayout(window)
    button = QPushButton()
    theme.dress(button, "close")
    column.addWidget(button)
    del button
    assert len(theme._dressed) == 1  # its window keeps it
    theme.apply("dark", 100)
    with qtbot.waitSignal(window.destroyed):
        window.deleteLater()
    theme.apply("light", 100)
    assert len(theme._dressed) == 0


def test_the_text_of_a_number_stands_off_the_edge(qtbot, theme):
    field = number_field(theme, 1, 9)
    qtbot.addWidget(field)
    assert isinstance(field, QSpinBox)
    assert (field.minimum(), field.maximum()) == (1, 9)
    assert field.lineEdit().textMargins().left() >= 6
