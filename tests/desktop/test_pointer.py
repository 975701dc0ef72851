"""The mouse in the grid and on what is around it: rest, drag, drop, wheel, click."""

from __future__ import annotations

from PySide6.QtCore import QMimeData, QPoint, QRect, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QApplication, QComboBox, QSlider, QWidget

from c4t_desktop.gallery.results_model import ResultsModel
from c4t_desktop.settings import CARD_WIDTH
from tests.helpers import hands
from tests.helpers.fake_core import make_frames
from tests.helpers.window import busy, child, ready, search, until, wait_rows

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def port_and_card(window, row):
    return window.view.viewport(), hands.card(window.view, row)


def paths(window, *rows):
    return [window.model.rows[row].hit.path for row in rows]


# resting ------------------------------------------------------------------------------------


def test_the_preview_follows_the_mouse_over_the_cards_and_goes_with_it(qtbot, window):
    search(qtbot, window, "truck")
    hands.move(window.search.field)
    hands.move(*port_and_card(window, 1))
    until(qtbot, window.preview.isVisible)
    assert window.preview.path == window.model.rows[1].hit.path
    hands.move(*port_and_card(window, 2))
    assert not window.preview.isVisible()
    until(qtbot, window.preview.isVisible)
    assert window.preview.path == window.model.rows[2].hit.path
    hands.move(window.search.field)
    assert not window.preview.isVisible()


def test_the_preview_covers_neither_the_card_nor_its_neighbours(qtbot, window):
    search(qtbot, window, "truck")
    until(qtbot, window.details.isVisible)

    def rest_on(row):
        hands.move(window.search.field)
        hands.move(*port_and_card(window, row))
        until(qtbot, window.preview.isVisible)
        return window.preview.geometry()

    def seen(part):
        return QRect(part.mapTo(window, QPoint(0, 0)), part.size())

    assert seen(window.details).contains(rest_on(1))
    hands.move(window.search.field)
    window.action("detailsAction").trigger()
    assert not window.details.isVisible()
    origin = window.view.viewport().mapTo(window, QPoint(0, 0))

    def first_row():
        every = (window.view.visualRect(window.model.index(row)) for row in range(12))
        boxes = [box.translated(origin) for box in every]
        return [box for box in boxes if box.top() == boxes[0].top()]

    until(qtbot, lambda: len(first_row()) > 3)
    boxes = first_row()
    columns = len(boxes)
    for row in (0, columns // 2, columns - 1):
        spot = rest_on(row)
        assert spot.width() > 1.5 * boxes[row].width(), "it would show no more than the card"
        assert window.rect().contains(spot)
        near = range(max(0, row - 1), min(columns, row + 2))
        assert not any(spot.intersects(boxes[other]) for other in near)
    hands.move(window.search.field)


def test_the_preview_goes_beside_the_last_card(qtbot, window):
    search(qtbot, window, "truck")
    slider = child(window, QSlider, "thresholdSlider")
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_End)
    wait_rows(qtbot, window, 1)
    hands.move(*port_and_card(window, 0))
    until(qtbot, window.preview.isVisible)
    port = window.view.viewport()
    beside = QPoint(port.width() // 2, port.height() // 2)
    assert not window.view.indexAt(beside).isValid()
    hands.move(port, beside)
    assert not window.preview.isVisible()


def test_the_preview_goes_by_the_wheel(qtbot, window):
    search(qtbot, window, "truck")
    hands.move(*port_and_card(window, 0))
    until(qtbot, window.preview.isVisible)
    hands.turn_wheel(window.view.viewport(), -1)
    assert not window.preview.isVisible()


# dragging -----------------------------------------------------------------------------------


def drag_out(window, row, monkeypatch):
    """Press on a card and move off; return what was handed to the drag (files, text)."""
    taken = []
    made = ResultsModel.mimeData

    def note(model, indexes):
        data = made(model, indexes)
        taken.append(([url.toLocalFile() for url in data.urls()], data.text()))
        return data

    monkeypatch.setattr(ResultsModel, "mimeData", note)
    port, spot = port_and_card(window, row)
    hands.move(port, spot)
    hands.press(port, spot)
    for step in (2, QApplication.startDragDistance() + 2, 40):
        hands.move(port, spot + QPoint(step, 0))
    hands.release(port, spot + QPoint(40, 0))
    return taken


def test_one_card_is_dragged_out_as_its_file(qtbot, window, monkeypatch):
    search(qtbot, window, "truck")
    (path,) = paths(window, 2)
    assert drag_out(window, 2, monkeypatch) == [([str(path)], str(path))]


def test_a_selection_is_dragged_out_whole(qtbot, window, monkeypatch):
    search(qtbot, window, "truck")
    hands.click(*port_and_card(window, 1))
    hands.click(*port_and_card(window, 3), SHIFT)
    expected = [str(path) for path in paths(window, 1, 2, 3)]
    (taken,) = drag_out(window, 2, monkeypatch)
    assert sorted(taken[0]) == expected
    assert sorted(taken[1].splitlines()) == expected


def test_a_press_that_hardly_moves_is_no_drag(qtbot, window, monkeypatch):
    search(qtbot, window, "truck")
    monkeypatch.setattr(ResultsModel, "mimeData", lambda *_: 1 / 0)
    port, spot = port_and_card(window, 0)
    hands.press(port, spot)
    hands.move(port, spot + QPoint(1, 1))
    hands.release(port, spot + QPoint(1, 1))
    assert window.view.selected_paths() == paths(window, 0)


# dropping -----------------------------------------------------------------------------------


def test_an_image_dropped_on_the_search_field_becomes_a_term(qtbot, window, core, tmp_path):
    image = make_frames(tmp_path / "elsewhere", 1)[0]
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(image))])
    assert hands.drop(window.search.field, data)
    until(qtbot, lambda: core.last.queries and core.last.queries[-1].terms[0].image == image)
    assert window.search.field.text() == ""  # not the file's name as words
    wait_rows(qtbot, window)


def test_words_dropped_on_the_search_field_are_refused(window):
    data = QMimeData()
    data.setText("https://example.org")
    assert not hands.drop(window.search.field, data)


def test_a_hit_from_the_grid_is_dropped_beside_words(qtbot, window, core):
    search(qtbot, window, "snow")
    (path,) = paths(window, 3)
    data = window.model.mimeData([window.model.index(3)])
    assert hands.drop(window.search.field, data)
    wanted = [("snow", None), (None, path)]
    until(
        qtbot,
        lambda: (
            sorted([(t.text, t.image) for t in core.last.queries[-1].terms], key=str)
            == sorted(wanted, key=str)
        ),
    )


# selecting ----------------------------------------------------------------------------------


def test_ctrl_and_shift_select_several(qtbot, window):
    search(qtbot, window, "truck")
    hands.click(*port_and_card(window, 1))
    hands.click(*port_and_card(window, 3), CTRL)
    assert window.view.selected_paths() == paths(window, 1, 3)
    hands.click(*port_and_card(window, 1), CTRL)
    assert window.view.selected_paths() == paths(window, 3)
    hands.click(*port_and_card(window, 3))
    hands.click(*port_and_card(window, 0), SHIFT)
    assert window.view.selected_paths() == paths(window, 0, 1, 2, 3)
    qtbot.keyClick(window.view, Qt.Key.Key_A, CTRL)
    assert len(window.view.selected_paths()) == window.model.rowCount()


def test_several_cards_are_marked_at_once(qtbot, window):
    search(qtbot, window, "truck")
    hands.click(*port_and_card(window, 0))
    hands.click(*port_and_card(window, 2), SHIFT)
    qtbot.keyClick(window.view, Qt.Key.Key_R)
    marks = window.desktop.context.marks
    assert marks.marks == dict.fromkeys(paths(window, 0, 1, 2), "right")
    until(qtbot, lambda: not busy(window))


# the menu of a hit --------------------------------------------------------------------------


def test_everything_in_the_menu_of_a_hit_acts_on_it(qtbot, window, core, frames, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url) or True)
    search(qtbot, window, "truck")
    (path,) = paths(window, 2)
    marks = window.desktop.context.marks

    def choose(text):
        port, spot = port_and_card(window, 2)
        hands.click(port, spot)
        entries = hands.menu_of(port, spot)
        hands.choose(entries[text])

    choose("Mark as right (R)")
    assert marks.marks == {path: "right"}
    choose("Mark as wrong (X)")
    assert marks.marks == {path: "wrong"}
    choose("Copy paths")
    assert QGuiApplication.clipboard().text() == str(path)
    choose("Show in the file manager")
    choose("Open with another program")
    assert [url.toLocalFile() for url in opened] == [str(frames), str(path)]
    choose("Search within these results")
    until(qtbot, lambda: child(window, QWidget, "amongFilter").isVisible())
    until(qtbot, lambda: not busy(window))
    choose("More like this")
    until(qtbot, lambda: core.last.queries[-1].terms[0].image == path)
    until(qtbot, lambda: not busy(window))


# size ---------------------------------------------------------------------------------------


def test_nothing_stays_lit_after_a_menu(qtbot, window):
    search(qtbot, window, "truck")
    port, spot = port_and_card(window, 1)
    hands.move(port, spot)
    lit = port.grab().toImage()
    menu = next(iter(hands.menu_of(port, spot).values()))[0]
    qtbot.keyClick(menu, Qt.Key.Key_Escape)
    assert port.grab().toImage() != lit
    assert not port.underMouse()


def test_ctrl_and_the_wheel_change_the_size_and_the_wheel_alone_scrolls(qtbot, window):
    search(qtbot, window, "truck")
    slider, port = child(window, QSlider, "sizeSlider"), window.view.viewport()
    before, width = slider.value(), window.view.gridSize().width()
    hands.turn_wheel(port, 1, CTRL)
    assert slider.value() == before + CARD_WIDTH.step
    for _ in range(6):
        hands.turn_wheel(port, 1, CTRL)
    assert window.view.gridSize().width() > width
    assert window.view.verticalScrollBar().value() == 0
    hands.turn_wheel(port, -1)
    assert window.view.verticalScrollBar().value() > 0
    assert slider.value() == before + 7 * CARD_WIDTH.step
    for _ in range(7):
        hands.turn_wheel(port, -1, CTRL)
    assert slider.value() == before
    assert window.desktop.settings.value(CARD_WIDTH) == before


def test_the_size_slider_by_keys(qtbot, window):
    search(qtbot, window, "truck")
    slider = child(window, QSlider, "sizeSlider")
    columns = window.view.columns
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_End)
    assert slider.value() == CARD_WIDTH.high
    assert window.view.columns < columns
    qtbot.keyClick(slider, Qt.Key.Key_Left)
    assert slider.value() == CARD_WIDTH.high - CARD_WIDTH.step
    qtbot.keyClick(slider, Qt.Key.Key_Home)
    assert slider.value() == CARD_WIDTH.low
    assert window.view.columns > columns


# the cut ------------------------------------------------------------------------------------


def test_the_cut_is_dragged_on_the_histogram(qtbot, window):
    search(qtbot, window, "truck")
    wait_rows(qtbot, window, 12)
    slider = child(window, QSlider, "thresholdSlider")
    middle = slider.rect().center()
    hands.press(slider, QPoint(6, middle.y()))
    for part in (0.3, 0.6, 0.8):
        hands.move(slider, QPoint(round(slider.width() * part), middle.y()))
    hands.release(slider, QPoint(round(slider.width() * 0.8), middle.y()))
    until(qtbot, lambda: not busy(window))
    assert 0 < window.model.rowCount() < 6
    assert min(row.hit.score for row in window.model.rows) >= slider.cut()
    assert child(window, QWidget, "matchCount").text().startswith(f"{window.model.rowCount()} ")


# order --------------------------------------------------------------------------------------


def test_the_order_is_chosen_from_the_list_by_keys_and_by_mouse(qtbot, open_window, core, tmp_path):
    make_frames(tmp_path / "1" / "z", 2)  # scores fall with the path, so these come first
    make_frames(tmp_path / "2" / "a", 2)
    window = open_window(tmp_path)
    ready(qtbot, window, core)
    search(qtbot, window, "truck")
    chooser = child(window, QComboBox, "sortChooser")
    drives = lambda: [row.hit.drive for row in window.model.rows]  # noqa: E731
    assert drives() == ["z", "z", "a", "a"]
    hands.pick(chooser, "drive")
    until(qtbot, lambda: drives() == ["a", "a", "z", "z"])
    hands.pick_by_mouse(qtbot, chooser, "score")
    until(qtbot, lambda: drives() == ["z", "z", "a", "a"])
