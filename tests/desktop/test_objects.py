"""Objects as facts in the window: conditions as chips, what is known of a frame."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QDialog,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QSpinBox,
    QWidget,
)

from c4t_core.index.objects import ObjectCondition, ObjectFact, take_conditions
from c4t_core.models.protocol import ModelInfo
from c4t_desktop.messages import condition_text
from c4t_desktop.panels.chips import ObjectChip
from c4t_desktop.panels.details import ObjectsList
from c4t_desktop.panels.results import empty_state
from c4t_desktop.panels.results.empty_state import EmptyState
from c4t_desktop.services.export import PNG, Wanted, export
from tests.helpers import hands
from tests.helpers.fake_core import fake_models, make_frames
from tests.helpers.window import answered, busy, child, side_row, until, wait_rows

PEOPLE, TRUCK, NO_CAR = (
    ObjectCondition("person", ">=", 2),
    ObjectCondition("truck", "near"),
    ObjectCondition("car", "=", 0),
)


def seen(number):
    """As many people as the rest by four, surer from frame to frame; a truck in every third."""
    people = number % 4
    return [
        ObjectFact("person", 0.6 + 0.03 * number if people else 0.1, people, 0.2, 0.9, 0.1, 0.1),
        ObjectFact("truck", 0.8 if number % 3 == 0 else 0.2, 1, 0.5, 0.1, 0.8, 0.1),
        ObjectFact("car", 0.9 if number % 2 == 0 else 0.3, 1, 0.2, 0.1, 0.8, 0.1),
    ]


@pytest.fixture
def core(core):
    core.options["seen"] = seen
    return core


def numbers(window):
    """Return the numbers of the frames shown, in order."""
    model = window.model
    return [int(model.index(row, 0).data()[-6:-4]) for row in range(model.rowCount())]


def type_in(qtbot, window, text):
    """Type at the end of the field, and wait for the answer."""
    QTest.mouseClick(window.search.field, Qt.MouseButton.LeftButton)
    QTest.keyClicks(window.search.field, text)
    typed = take_conditions(window.search.field.text())[0]
    until(qtbot, lambda: window.desktop.context.finder.question.text == typed)
    until(qtbot, lambda: not busy(window))


def chips(window):
    found = [chip for chip in window.search.findChildren(ObjectChip) if not chip.isHidden()]
    return [chip.condition for chip in sorted(found, key=lambda chip: chip.x())]


def chip_of(window, condition):
    chips = window.search.findChildren(ObjectChip)
    return next(chip for chip in chips if chip.condition == condition and not chip.isHidden())


def test_a_typed_condition_becomes_a_chip_and_restricts_the_hits(qtbot, window, core):
    type_in(qtbot, window, "person>=2 ")
    wait_rows(qtbot, window, 6)
    assert chips(window) == [PEOPLE]
    assert window.search.field.text() == ""
    assert "at least 2 people" in chip_of(window, PEOPLE).accessibleName()
    assert numbers(window) == [11, 10, 7, 6, 3, 2]  # the surest first
    type_in(qtbot, window, "truck:near and no:car ")
    wait_rows(qtbot, window, 1)
    assert chips(window) == [PEOPLE, TRUCK, NO_CAR]
    assert numbers(window) == [3]


def test_words_rank_what_the_conditions_leave(qtbot, window, core):
    type_in(qtbot, window, "snow person>=2 + fog")
    wait_rows(qtbot, window, 6)
    assert [term.text for term in core.last.queries[-1].terms] == ["snow", "fog"]
    assert core.last.asked_objects == (PEOPLE,)
    assert window.search.field.text() == "snow + fog"
    assert numbers(window) == [2, 3, 6, 7, 10, 11]  # as the sentence ranks them


def test_a_chip_is_removed_by_its_cross_and_by_the_keys(qtbot, window, core):
    type_in(qtbot, window, "person>=2 truck:near no:car ")
    chip = chip_of(window, PEOPLE)
    hands.click(chip, QPoint(chip.width() - 10, chip.height() // 2))
    until(qtbot, lambda: core.last.asked_objects == (TRUCK, NO_CAR) and not busy(window))
    QTest.keyClick(chip_of(window, NO_CAR), Qt.Key.Key_Delete)
    wait_rows(qtbot, window, 4)
    window.search.field.setFocus()
    QTest.keyClick(window.search.field, Qt.Key.Key_Backspace)  # the last one, from the field
    until(qtbot, lambda: not chips(window) and not busy(window))
    assert window.search.is_empty()


def test_a_chip_is_edited_as_text(qtbot, window, core):
    type_in(qtbot, window, "person>=2 ")
    wait_rows(qtbot, window, 6)
    hands.click(chip_of(window, PEOPLE), QPoint(10, 10))
    assert window.search.field.text() == "person>=2"
    assert numbers(window) == [11, 10, 7, 6, 3, 2]
    QTest.keyClick(window.search.field, Qt.Key.Key_Backspace)
    type_in(qtbot, window, "3")
    wait_rows(qtbot, window, 3)
    QTest.keyClick(window.search.field, Qt.Key.Key_Return)
    until(qtbot, lambda: chips(window) == [ObjectCondition("person", ">=", 3)])


def test_what_is_half_typed_is_not_asked_and_what_is_unknown_is_said(qtbot, window, core):
    type_in(qtbot, window, "snow ")
    wait_rows(qtbot, window)
    asked = len(core.last.queries)
    QTest.keyClicks(window.search.field, "person>")
    qtbot.wait(400)
    assert len(core.last.queries) == asked
    assert window.results.shows_grid
    type_in(qtbot, window, "=2")
    wait_rows(qtbot, window, 6)
    window.search.clear()
    QTest.keyClicks(window.search.field, "dragon:near ")
    page = child(window, QWidget, "emptyState")
    assert isinstance(page, EmptyState)
    until(qtbot, lambda: page.isVisible() and "dragon" in page.page.sentence)
    assert "person, bicycle" in page.page.sentence


def test_leaving_the_field_makes_chips_of_what_is_typed(qtbot, window, core):
    type_in(qtbot, window, "no:car")
    wait_rows(qtbot, window, 6)
    assert not chips(window)
    window.view.setFocus()
    until(qtbot, lambda: chips(window) == [NO_CAR])


def test_the_filter_row_adds_conditions_and_clearing_takes_them_away(qtbot, window, core):
    row = child(window, QWidget, "addObjectCondition")
    until(qtbot, row.isVisible)
    hands.pick(child(window, QComboBox, "objectClass"), "person")
    child(window, QSpinBox, "objectCount").setValue(2)
    hands.click(row)
    wait_rows(qtbot, window, 6)
    assert chips(window) == [PEOPLE]
    hands.pick(child(window, QComboBox, "objectClass"), "truck")
    hands.pick(child(window, QComboBox, "objectRelation"), "near")
    assert not child(window, QSpinBox, "objectCount").isVisible()
    hands.click(row)
    until(qtbot, lambda: chips(window) == [PEOPLE, TRUCK] and not busy(window))
    assert numbers(window) == [6, 3]
    hands.click(side_row(qtbot, window, "Clear filters"))
    until(qtbot, lambda: not chips(window) and not busy(window))
    assert window.search.is_empty()
    answered(qtbot, window)
    assert window.model.rowCount() == len(core.last.files)  # all are browsed again


def test_facts_alone_have_no_cut(qtbot, window, core):
    type_in(qtbot, window, "no:car ")
    wait_rows(qtbot, window, 6)
    header = window.header
    assert not header.slider.isVisible()
    assert "confidence" in child(header, QComboBox, "sortChooser").itemText(0)
    assert child(header, QLabel, "matchCount").text() == "6 matches"
    type_in(qtbot, window, "snow")
    until(qtbot, header.slider.isVisible)
    assert "score" in child(header, QComboBox, "sortChooser").itemText(0)


def hint(window):
    """Return the page that stands in the place of the hits, if there is one."""
    pages = [page for page in window.results.findChildren(EmptyState) if page.isVisible()]
    return pages[0].page if pages else empty_state.Page("")


def test_frames_that_nothing_is_known_of_are_counted_and_can_be_seen_into(qtbot, window, core):
    core.last.seen = lambda number: seen(number) if number < 8 else None
    type_in(qtbot, window, "person>=2 ")
    wait_rows(qtbot, window, 4)
    told = child(window.header, QLabel, "knownObjects")
    until(qtbot, told.isVisible)
    assert "8 of 12 frames" in told.text()
    hands.click(child(window.header, QPushButton, "updateObjects"))
    until(qtbot, lambda: window.findChild(QMessageBox, "reindexDialog"))
    dialog = child(window, QMessageBox, "reindexDialog")
    assert "12 frames will be embedded again" in dialog.informativeText()
    core.last.seen = seen
    (yes,) = [b for b in dialog.buttons() if b.text() == "Index again"]
    hands.click(yes)
    wait_rows(qtbot, window, 6)
    assert core.last.reindexed
    until(qtbot, lambda: not told.isVisible())


def test_what_no_model_has_looked_for_is_said_with_the_remedy(qtbot, window, core):
    core.last.seen = lambda _: None
    type_in(qtbot, window, "no:car ")
    until(qtbot, lambda: hint(window).title == "Not known yet")
    assert hint(window).sentence.startswith("No car: ")
    assert [offer.text for offer in hint(window).offers] == ["Update the index…"]


@pytest.mark.parametrize("model", ["clip", "c4t:heads"])
def test_a_model_that_sees_nothing_hands_over_to_one_that_does(qtbot, window, core, model):
    core.models = fake_models(ModelInfo("c4t:heads", "c4t", Path("heads"), on_clip=True))
    core.last.seen = lambda _: None
    library = window.desktop.context.library
    library.list_models()
    library.use_model(model)
    until(qtbot, lambda: library.model == model and not busy(window))
    window.folder_commands.update_objects()
    until(qtbot, lambda: library.model == "c4t" and not busy(window))


def test_conditions_that_hold_for_no_frame_are_named(qtbot, window, core):
    type_in(qtbot, window, "person>=4 truck:far ")
    until(qtbot, lambda: hint(window).title == "No frame fulfils this")
    assert hint(window).sentence.startswith(
        "At least 4 people, truck far: the model saw this in none of 12 frames."
    )


def test_the_details_list_what_the_model_sees(qtbot, window, core):
    type_in(qtbot, window, "person>=2 ")
    wait_rows(qtbot, window, 6)
    listed = window.details.objects
    until(qtbot, listed.isVisible)  # frame 11 with three people

    def lines():
        names = [name for name in listed.findChildren(QLabel, "objectName") if name.isVisible()]
        return [name.text() for name in names]

    until(qtbot, lambda: lines() == ["3 people"])
    shown = [label.text() for label in listed.findChildren(QLabel) if label.isVisible()]
    assert shown == ["3 people", "left", "93 %"]
    core.last.seen = lambda _: None
    window.details.show_hit(window.details.path)
    until(qtbot, lambda: not listed.isVisible() and not busy(window))


def test_no_place_is_cut_while_there_is_room(qtbot, window):
    listed = ObjectsList(window.desktop.context.theme)
    qtbot.addWidget(listed)
    facts = [
        ObjectFact("car", 1.0, 4, 0.3, 0.9, 0.9, 0.9),
        ObjectFact("traffic light", 0.95, 1, 0.5, 0.1, 0.9, 0.9),
    ]
    listed.show_facts(facts)
    listed.show()
    for width in (1000, 250):
        listed.resize(width, 60)
        until(qtbot, lambda: "near, ahead, right" in _texts(listed))
        assert "1 traffic light" in _texts(listed), width
    listed.resize(150, 60)
    until(qtbot, lambda: "near, ahead, right" not in _texts(listed))


def _texts(listed):
    return [label.text() for label in listed.findChildren(QLabel) if label.isVisible()]


def test_a_scenario_keeps_its_conditions(qtbot, window, core):
    context = window.desktop.context
    type_in(qtbot, window, "snow no:car ")
    wait_rows(qtbot, window, 6)
    context.marks.save("Empty road", context.finder.question, None)
    until(qtbot, lambda: context.marks.saved and not busy(window))
    window.search.clear()
    hands.click(side_row(qtbot, window, "Empty road"))
    until(qtbot, lambda: chips(window) == [NO_CAR] and not busy(window))
    assert window.search.field.text() == "snow"
    assert core.last.asked_objects == (NO_CAR,)


def test_conditions_are_asked_again_from_the_history(qtbot, window, core):
    type_in(qtbot, window, "snow no:car")
    QTest.keyClick(window.search.field, Qt.Key.Key_Return)
    until(qtbot, lambda: chips(window) == [NO_CAR] and not busy(window))
    window.search.clear()
    QTest.keyClick(window.search.field, Qt.Key.Key_Down)
    popup = child(window.search.field, QCompleter, "").popup()
    QTest.keyClick(popup, Qt.Key.Key_Down)
    QTest.keyClick(popup, Qt.Key.Key_Return)
    until(qtbot, lambda: chips(window) == [NO_CAR] and not busy(window))
    assert window.search.field.text() == "snow"


def test_what_the_hits_of_conditions_are_called(qtbot, window, core):
    type_in(qtbot, window, "no:car ")
    wait_rows(qtbot, window, 6)
    window.search.search_within()
    side_row(qtbot, window, "within “no car”")
    window.action("saveSearchAction").trigger()
    dialog = child(window, QDialog, "saveSearchDialog")
    assert child(dialog, QLineEdit, "scenarioName").text() == "No car"


def test_other_folders_are_asked_the_same_conditions(qtbot, window, core, frames):
    type_in(qtbot, window, "person>=2 ")
    wait_rows(qtbot, window, 6)
    other = frames.parent / "drive two"
    make_frames(other, 4)
    window.folder_commands.open_folders([other])
    wait_rows(qtbot, window, 2)
    assert chips(window) == [PEOPLE]


@pytest.mark.parametrize(
    ("query", "objects", "title"),
    [
        ("snow", ["no:car"], "snow no:car"),
        ("no:car truck:near", ["no:car", "truck:near"], "no:car truck:near"),
        ("snow", None, "snow"),
    ],
)
def test_a_contact_sheet_names_the_conditions(monkeypatch, tmp_path, query, objects, title):
    told = []

    def draw(hits, heading, target, progress):
        told.append(heading.title)
        return [target]

    monkeypatch.setattr("c4t_desktop.services.export.write_png", draw)
    filters = {} if objects is None else {"objects": objects}
    export(
        Wanted(query=query, filters=filters),
        PNG,
        tmp_path / "a.png",
        SimpleNamespace(progress=None),
    )
    assert told == [title]


@pytest.mark.parametrize(
    ("typed", "long", "short"),
    [
        (("person", ">=", 3), "at least 3 people", "≥ 3 people"),
        (("bus", "<=", 1), "at most 1 bus", "≤ 1 bus"),
        (("car", "=", 2), "exactly 2 cars", "= 2 cars"),
        (("car", "=", 0), "no car", "no car"),
        (("truck", "near"), "truck near", "truck near"),
    ],
)
def test_a_condition_in_words(typed, long, short):
    condition = ObjectCondition(*typed)
    assert condition_text(condition) == long
    assert condition_text(condition, short=True) == short
