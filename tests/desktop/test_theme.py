"""The look follows the colours chosen, wherever a button is."""

from __future__ import annotations

import gc
from itertools import product

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QStandardItem
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDateEdit,
    QDialog,
    QMenu,
    QMessageBox,
    QPushButton,
    QRadioButton,
    QSpinBox,
    QStyle,
    QStyleOptionButton,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from c4t_desktop.messages import Problem, show_problem
from c4t_desktop.panels.actions import MAIN_MENU, Actions
from c4t_desktop.panels.bars.choosers import Chooser, DateRange
from c4t_desktop.panels.parts import question
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


def brightness(colour: QColor) -> float:
    """Return the relative luminance, as WCAG has it."""
    parts = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in
             (colour.redF(), colour.greenF(), colour.blueF()))  # fmt: skip
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def contrast(one: QColor, other: QColor) -> float:
    low, high = sorted((brightness(one), brightness(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("kind", [QCheckBox, QRadioButton])
def test_an_empty_box_stands_out_from_what_is_around_it_and_in_it(qtbot, theme, colours, kind):
    theme.apply(colours, 200)  # the outline of a choice is round: no pixel of it is full at 100 %
    holder = QDialog()
    button = kind("one of several", holder)
    qtbot.addWidget(holder)
    button.move(20, 20)
    holder.resize(400, 90)
    holder.show()
    option = QStyleOptionButton()
    button.initStyleOption(option)
    parts = QStyle.SubElement
    box, choice = parts.SE_CheckBoxIndicator, parts.SE_RadioButtonIndicator
    part = box if kind is QCheckBox else choice
    spot = button.style().subElementRect(part, option, button).translated(button.pos())
    picture = holder.grab().toImage()
    middle, line = spot.center().y(), range(spot.left() - 3, spot.center().x())
    outline = [picture.pixelColor(x, middle) for x in line]
    for ground in (picture.pixelColor(spot.left() - 8, middle), picture.pixelColor(spot.center())):
        assert max(contrast(colour, ground) for colour in outline) >= 3


def test_message_boxes_look_like_the_window(qtbot, theme):
    parent = QWidget()
    qtbot.addWidget(parent)
    asked = question(parent, "asks", "Title", "Forget it?", "Forget it", loses=True)
    told = show_problem(parent, Problem("A title", "One sentence."))
    for box, colour in ((asked, LIGHT.accent), (told, LIGHT.warn)):
        box.show()
        picture = box.iconPixmap().toImage()
        places = product(range(picture.width()), range(picture.height()))
        pixels = [picture.pixelColor(x, y) for x, y in places]
        assert near(max(pixels, key=lambda pixel: pixel.alpha()), colour)
        assert box.testOption(QMessageBox.Option.DontUseNativeDialog)
    assert asked.defaultButton().text() == "Cancel"  # Enter loses nothing
    asked.close()
    told.close()


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_what_is_on_in_the_menu_looks_alike_and_so_does_what_is_off(qtbot, theme, colours):
    theme.apply(colours, 100)
    holder = QWidget()
    qtbot.addWidget(holder)
    actions = Actions(holder, theme)
    menu = QMenu(holder)
    either = [actions[name] for name in MAIN_MENU if name and actions[name].isCheckable()]
    assert len(either) == 5
    menu.addActions([actions["exportAction"], *either, actions["quitAction"]])

    def box(action, on):
        action.setChecked(on)
        where = menu.actionGeometry(action)
        where.setWidth(theme.px(30))  # before the words
        return menu.grab(where).toImage()

    menu.ensurePolished()
    menu.resize(menu.sizeHint())
    on, off = ([box(action, checked) for action in either] for checked in (True, False))
    assert all(picture == on[0] for picture in on)
    assert all(picture == off[0] for picture in off)
    assert on[0] != off[0]
    plain = menu.actionGeometry(actions["quitAction"])  # has neither box nor icon
    plain.setWidth(theme.px(30))
    assert menu.grab(plain).toImage() != off[0]  # one sees that it could be on


@pytest.mark.parametrize("percent", [100, 200])
def test_a_calendar_shows_six_weeks_and_names_their_days(qtbot, theme, percent):
    theme.apply("light", percent)
    span = DateRange(theme)
    qtbot.addWidget(span)
    span.offer(["2026-01-01", "2026-12-31"])
    span.show()
    day = span.findChild(QDateEdit, "untilFilter")
    qtbot.mouseClick(day, Qt.MouseButton.LeftButton, pos=QPoint(day.width() - 8, 8))
    weeks = day.calendarWidget().findChild(QTableView)
    assert weeks.isVisible()
    assert day.calendarWidget().monthShown() == 12, "who says until begins at the end"
    for column, week in product(range(7), range(7)):  # the first week is the names of the days
        option = QStyleOptionViewItem()
        index = weeks.model().index(week, column)
        option.rect, option.text = weeks.visualRect(index), str(index.data())
        option.features = QStyleOptionViewItem.ViewItemFeature.HasDisplay
        part = QStyle.SubElement.SE_ItemViewItemText
        room = weeks.style().subElementRect(part, option, weeks) & weeks.viewport().rect()
        needed = weeks.fontMetrics().size(0, str(index.data()))
        assert needed.boundedTo(room.size()) == needed, (str(index.data()), room)
    day.calendarWidget().window().close()


@pytest.mark.parametrize("tree", [False, True])
def test_a_chooser_filled_again_and_again_keeps_only_what_it_offers(qtbot, theme, tree):
    chooser = Chooser("drives", "Drives", theme, tree=tree)
    qtbot.addWidget(chooser)
    counts = []
    for turn in range(4):
        chooser.offer([(f"/drives/{turn}-{n}", f"{turn}-{n}", n) for n in range(20)])
        chooser.offer_below(f"/drives/{turn}-3", [(f"/drives/{turn}-3/a", "a", 1)])
        chooser.show_chosen([f"/drives/{turn}-1"])
        gc.collect()
        counts.append(sum(type(thing) is QStandardItem for thing in gc.get_objects()))
    assert counts[-1] == counts[0]


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_what_opens_below_a_chooser_has_an_edge_of_the_colours(qtbot, theme, colours):
    theme.apply("dark" if colours is DARK else "light", 100)
    several, one = Chooser("drives", "Drives", theme), QComboBox()
    one.addItems(["person", "car"])
    for chooser in (several, one):
        qtbot.addWidget(chooser)
        chooser.show()
    one.setCurrentIndex(1)
    one.showPopup()
    several.showPopup()
    for opened in (several.popup, one.view().window()):
        picture = opened.grab().toImage()
        edge, middle = picture.rect().bottomRight(), picture.rect().center()
        for x, y in ((0, 0), (0, middle.y()), (edge.x(), middle.y()), (middle.x(), edge.y())):
            assert picture.pixelColor(x, y) == QColor(colours.border_strong)
    opened = one.view().window()
    assert opened.y() >= one.mapToGlobal(one.rect().bottomLeft()).y(), "what is chosen is covered"
    one.hidePopup()
    several.hidePopup()
