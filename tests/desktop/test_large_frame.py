"""A frame large and its details, with wheel, buttons, strips and a held mouse button."""

from __future__ import annotations

import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from tests.helpers import hands
from tests.helpers.window import busy, child, search, tool_button, until


@pytest.fixture
def viewer(qtbot, window):
    """The first hit, large and decoded."""
    search(qtbot, window, "truck")
    qtbot.keyClick(window.view, Qt.Key.Key_Return)
    assert window.results.shows_frame
    made = window.viewer
    until(qtbot, lambda: not made.view.frame_size.isEmpty())
    until(qtbot, lambda: len(made.strip.paths) > 3 and not busy(window))
    return made


def press(widget, start):
    """Click the button whose name begins so."""
    hands.click(tool_button(widget, start))


def reach(qtbot, area, part):
    """Scroll to a part, once all around it is laid out."""
    spots = [QPoint()]

    def rests():
        area.ensureWidgetVisible(part)
        spots.append(part.mapTo(area.viewport(), part.rect().center()))
        return area.viewport().rect().contains(spots[-1]) and spots[-1] == spots[-2]

    until(qtbot, rests)


def texts(widget):
    return [label.text() for label in widget.findChildren(QLabel)]


def number(path):
    return int(path.stem[-9:])


# zoom ---------------------------------------------------------------------------------------


def test_plus_and_minus_zoom_and_the_percentage_says_how_far(qtbot, viewer):
    fitting = viewer.view.shown_zoom
    assert fitting > 1
    qtbot.keyClick(viewer.view, Qt.Key.Key_Plus)
    assert viewer.view.shown_zoom == pytest.approx(fitting * 1.25)
    assert f"{fitting * 125:.0f} %" in texts(viewer)
    qtbot.keyClick(viewer.view, Qt.Key.Key_Minus)
    assert viewer.view.zoom is None


def test_a_frame_larger_than_the_space_is_shown_pixel_by_pixel(qtbot, window):
    search(qtbot, window, "truck")
    path = window.model.rows[0].hit.path
    Image.new("RGB", (4000, 2500), (10, 90, 200)).save(path)
    qtbot.keyClick(window.view, Qt.Key.Key_Return)
    view = window.viewer.view
    until(qtbot, lambda: view.frame_size.width() == 4000)
    assert view.shown_zoom < 1
    qtbot.keyClick(view, Qt.Key.Key_1)
    assert view.zoom == 1.0
    assert "100 %" in texts(window.viewer)
    press(window.viewer, "Fit the space")
    assert view.zoom is None
    press(window.viewer, "Show every pixel")
    assert view.zoom == 1.0


def test_the_wheel_zooms_at_the_mouse_and_a_held_button_moves_the_frame(viewer):
    view = viewer.view
    before = view.shown_zoom
    hands.turn_wheel(view, 1)
    hands.turn_wheel(view, 1)
    assert view.zoom == pytest.approx(before * 1.25**2)
    middle = view.rect().center()
    centre = view._share_at(middle)
    hands.press(view, middle)
    hands.move(view, middle + QPoint(-30, -20))
    hands.release(view, middle + QPoint(-30, -20))
    moved = view._share_at(middle)
    assert moved.x() > centre.x()
    assert moved.y() > centre.y()
    hands.move(view, middle)
    assert view._share_at(middle) == moved  # no button is held
    hands.turn_wheel(view, -1)
    hands.turn_wheel(view, -1)
    assert view.zoom is None


def test_a_double_click_zooms_in_and_fits_again(qtbot, viewer):
    view = viewer.view
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton)
    assert view.zoom is not None
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton)
    assert view.zoom is None


# time ---------------------------------------------------------------------------------------


def test_buttons_step_in_time_and_play(qtbot, window, viewer):
    press(viewer, "Later in time")
    assert number(viewer.view.path) == 1
    until(qtbot, lambda: not busy(window))
    press(viewer, "Earlier in time")
    assert number(viewer.view.path) == 0
    until(qtbot, lambda: not busy(window))
    press(viewer, "Play the drive")
    until(qtbot, lambda: number(viewer.view.path) >= 2)
    press(viewer, "Play the drive")
    assert not viewer.playing
    press(viewer, "Back to the results")
    assert window.results.shows_grid
    until(qtbot, lambda: not busy(window))


def test_playing_ends_with_the_drive(qtbot, window, viewer):
    qtbot.keyClick(viewer.view, Qt.Key.Key_Escape)
    qtbot.keyClick(window.view, Qt.Key.Key_End)
    qtbot.keyClick(window.view, Qt.Key.Key_Return)
    assert number(viewer.view.path) == 11
    until(qtbot, lambda: viewer.strip.paths and not busy(window))
    qtbot.keyClick(viewer.view, Qt.Key.Key_P)
    until(qtbot, lambda: not viewer.playing)
    assert number(viewer.view.path) == 11


def test_a_frame_of_the_strip_is_chosen_by_click_and_by_keys(qtbot, window, viewer):
    strip = viewer.strip
    hands.click(strip, strip.cell(2).center())
    assert number(viewer.view.path) == 2
    until(qtbot, lambda: not busy(window))
    strip.setFocus()
    at = strip.paths.index(viewer.view.path)
    qtbot.keyClick(strip, Qt.Key.Key_Right)
    qtbot.keyClick(strip, Qt.Key.Key_Return)
    assert viewer.view.path == strip.paths[at + 1]
    until(qtbot, lambda: not busy(window))


# details ------------------------------------------------------------------------------------


def test_neighbours_and_similar_frames_in_the_details_are_gone_to(qtbot, window):
    search(qtbot, window, "truck")
    until(qtbot, lambda: window.details.similar.paths and not busy(window))
    strip = child(window, QWidget, "neighbourStrip")
    wanted = strip.paths[2]
    hands.click(strip, strip.cell(2).center())
    until(qtbot, lambda: window.details.path == wanted)
    assert window.view.current_path() == wanted
    until(qtbot, lambda: window.details.similar.paths and not busy(window))
    similar = child(window, QWidget, "similarStrip")
    alike = similar.paths[1]
    similar.setFocus()
    qtbot.keyClick(similar, Qt.Key.Key_Right)
    qtbot.keyClick(similar, Qt.Key.Key_Return)
    until(qtbot, lambda: window.details.path == alike)
    until(qtbot, lambda: not busy(window))


def test_the_buttons_of_the_details_act_on_their_frame(qtbot, window, frames, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url) or True)
    search(qtbot, window, "truck")
    hands.click(window.view.viewport(), hands.card(window.view, 1))
    path = window.model.rows[1].hit.path
    until(qtbot, lambda: window.details.path == path and window.details.similar.paths)
    until(qtbot, lambda: not busy(window))
    for name in ("copyPathButton", "revealButton", "openButton"):
        button = child(window, QPushButton, name)
        reach(qtbot, window.details, button)
        hands.click(button)
    assert QGuiApplication.clipboard().text() == str(path)
    assert opened == [QUrl.fromLocalFile(str(frames)), QUrl.fromLocalFile(str(path))]
    wrong = child(window, QPushButton, "markWrongButton")
    reach(qtbot, window.details, wrong)
    hands.click(wrong)
    marks = window.desktop.context.marks
    assert marks.marks == {path: "wrong"}
    wrong.setFocus()
    qtbot.keyClick(wrong, Qt.Key.Key_Space)
    assert marks.marks == {}
    qtbot.mouseDClick(window.details.view, Qt.MouseButton.LeftButton)
    assert window.results.shows_frame
    assert window.viewer.view.path == path
    until(qtbot, lambda: not busy(window))


def test_large_the_frame_is_shown_once_with_its_marks_beside_it(qtbot, window, viewer):
    details, marks = window.details, window.desktop.context.marks
    path = viewer.view.path
    beside = [child(details, QPushButton, f"mark{which}Button") for which in ("Right", "Wrong")]
    right, wrong = (
        child(viewer, QPushButton, f"viewer{which}Button") for which in ("Right", "Wrong")
    )
    assert details.isVisible()
    assert not any(part.isVisible() for part in (details.view, *beside))
    assert details.view.path is None  # it is not decoded twice
    hands.click(wrong)
    assert marks.marks == {path: "wrong"}
    assert wrong.isChecked()
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_R)  # the frame has kept the keys
    assert marks.marks == {path: "right"}
    assert (right.isChecked(), wrong.isChecked()) == (True, False)
    qtbot.keyClick(viewer.view, Qt.Key.Key_Right)
    assert not right.isChecked()
    hands.click(right)
    assert marks.marks == {path: "right", viewer.view.path: "right"}
    hands.click(right)
    assert marks.marks == {path: "right"}
    until(qtbot, lambda: not busy(window))
    qtbot.keyClick(viewer.view, Qt.Key.Key_Escape)
    assert all(part.isVisible() for part in (details.view, *beside))
    assert details.view.path == details.path
    until(qtbot, lambda: not busy(window))


def test_leaving_the_viewer_the_grid_and_the_details_are_at_its_frame(qtbot, window, viewer):
    def agree():
        card = window.view.currentIndex()
        path = window.view.current_path()
        port, rect = window.view.viewport().rect(), window.view.visualRect(card)
        return path == window.details.path and port.contains(rect.center()) and path

    window.header.resize_cards(20)  # a few cards in sight
    qtbot.keyClick(viewer.view, Qt.Key.Key_Period)
    for _ in range(8):
        qtbot.keyClick(viewer.view, Qt.Key.Key_Period)  # later in time; the grid stays
        until(qtbot, lambda: not busy(window))
    assert number(viewer.view.path) == 9
    qtbot.keyClick(viewer.view, Qt.Key.Key_Escape)
    assert number(agree()) == 9
    qtbot.keyClick(window.view, Qt.Key.Key_Return)
    qtbot.keyClick(viewer.view, Qt.Key.Key_Right)
    qtbot.keyClick(viewer.view, Qt.Key.Key_Right)
    qtbot.keyClick(viewer.view, Qt.Key.Key_Escape)
    assert number(agree()) == 11
    window.desktop.context.finder.set_cut(0.47)
    until(qtbot, lambda: window.model.rowCount() == 4 and not busy(window))
    window.view.setCurrentIndex(window.model.index(3))
    qtbot.keyClick(window.view, Qt.Key.Key_Return)
    until(qtbot, lambda: viewer.view.path in viewer.strip.paths)
    qtbot.keyClick(viewer.view, Qt.Key.Key_Period)  # to one that is no hit
    assert number(viewer.view.path) == 4
    qtbot.keyClick(viewer.view, Qt.Key.Key_Escape)
    assert number(agree()) == 3
