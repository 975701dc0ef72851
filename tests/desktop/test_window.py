"""The window as a user drives it: keys and mouse, on a core that answers at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QColor, QDragLeaveEvent, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSlider,
    QToolButton,
    QWidget,
)

from c4t_core.errors import FolderError, ModelError, NotIndexedError
from c4t_core.models.protocol import ModelInfo
from c4t_desktop.settings import INDEX_AT_OPENING
from tests.helpers import hands
from tests.helpers.fake_core import Skipped, make_frames
from tests.helpers.window import (
    answered,
    busy,
    child,
    choose_drives,
    names,
    nothing_matches,
    search,
    side_row,
    until,
    wait_rows,
)

LEFT = Qt.MouseButton.LeftButton


def test_the_window_stands_before_the_core_is_asked(qtbot, open_window, core, frames):
    window = open_window(frames)
    assert window.isVisible()
    assert core.opened == []


def test_every_promised_name_is_there(qtbot, window):
    for kind, name in (
        (QLineEdit, "searchField"),
        (QAbstractItemView, "resultsView"),
        (QComboBox, "modelChooser"),
        (QToolButton, "folderButton"),
        (QProgressBar, "indexProgress"),
        (QToolButton, "pauseButton"),
        (QSlider, "thresholdSlider"),
    ):
        assert child(window, kind, name).accessibleName()
    for name in (
        "skippedAction",
        "settingsAction",
        "compareAction",
        "evaluateAction",
        "trainAction",
    ):
        assert window.action(name).text()


def test_nothing_open_invites(qtbot, open_window, core):
    window = open_window()
    page = child(window, QWidget, "emptyState")
    assert page.isVisible()
    assert "describing" in page.page.title
    assert page.page.drop


def test_typing_finds_frames_without_enter(qtbot, window, core):
    search(qtbot, window, "truck in snow")
    assert names(window)[0] == "20260118091500_camera_frontcenter_000000000.png"
    model = window.view.model()
    roles = {bytes(name.data()).decode(): role for role, name in model.roleNames().items()}
    first = model.index(0, 0)
    assert Path(first.data(roles["path"])).is_absolute()
    assert first.data(roles["score"]) == pytest.approx(0.5)


def test_only_the_last_of_quick_keystrokes_is_searched(qtbot, window, core):
    search(qtbot, window, "a long sentence typed quickly")
    texts = [query.terms[0].text for query in core.last.queries]
    assert len(texts) < 10
    assert texts[-1] == "a long sentence typed quickly"


def test_escape_clears_the_search_and_all_frames_can_be_browsed(qtbot, window):
    search(qtbot, window, "truck")
    assert window.details.isVisible()
    qtbot.keyClick(window.search.field, Qt.Key.Key_Escape)
    answered(qtbot, window)
    assert window.search.field.text() == ""
    assert window.results.shows_grid
    assert child(window, QLabel, "matchCount").text() == "12 frames of 1 drive"
    until(qtbot, lambda: not window.details.isVisible())
    qtbot.keyClick(window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    assert window.findChild(QDialog, "saveSearchDialog") is None


def test_frames_are_browsed_chosen_opened_and_not_marked(qtbot, window, core):
    answered(qtbot, window)
    wait_rows(qtbot, window, 12)
    view, details = window.view, window.details
    assert not view.currentIndex().isValid()
    assert not details.isVisible()
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Home)
    until(qtbot, details.isVisible)
    assert details.path == window.model.rows[0].hit.path
    assert not child(details, QWidget, "markRightButton").isVisible()  # of which query?
    qtbot.keyClick(view, Qt.Key.Key_R)
    assert "ask for something first" in child(window, QLabel, "statusText").text()
    assert not window.desktop.context.marks.marks
    QTest.mouseClick(view.viewport(), LEFT, pos=view.visualRect(window.model.index(4)).center())
    spot = view.visualRect(window.model.index(5)).center()
    QTest.mouseClick(view.viewport(), LEFT, Qt.KeyboardModifier.ControlModifier, spot)
    assert [hit.frame for hit in view.selected_hits()] == [4, 5]
    window.desktop.context.finder.refresh()  # as it does while the index grows
    until(qtbot, lambda: not busy(window))
    assert [hit.frame for hit in view.selected_hits()] == [4, 5]
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert window.results.shows_frame
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert window.results.shows_grid
    window.action("moreLikeThisAction").trigger()
    answered(qtbot, window)
    assert window.desktop.context.finder.question.images


def test_a_double_click_opens_the_frame_that_was_clicked_before_the_details_push_it_away(
    qtbot, window
):
    answered(qtbot, window)
    wait_rows(qtbot, window, 12)
    view = window.view
    last = view.columns - 1
    spot = view.visualRect(window.model.index(last)).center()
    QTest.mousePress(view.viewport(), LEFT, pos=spot)
    assert not window.details.isVisible()
    QTest.mouseRelease(view.viewport(), LEFT, pos=spot)
    QTest.mouseDClick(view.viewport(), LEFT, pos=spot)
    assert window.results.shows_frame
    assert window.details.path == window.model.rows[last].hit.path
    until(qtbot, window.details.isVisible)


def test_ctrl_f_goes_to_the_search_field(qtbot, window):
    search(qtbot, window, "truck")
    window.view.setFocus()
    qtbot.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert window.search.field.hasFocus()
    assert window.search.field.selectedText() == "truck"


def test_an_empty_query_is_no_error(qtbot, window):
    qtbot.keyClick(window.search.field, Qt.Key.Key_Return)
    qtbot.keyClicks(window.search.field, "   ")
    qtbot.wait(250)
    until(qtbot, lambda: not busy(window))
    assert window.search.property("wrong") in (None, False)


def test_a_query_that_cannot_be_read_is_explained(qtbot, window):
    qtbot.keyClicks(window.search.field, "snow +")
    page = child(window, QWidget, "emptyState")
    until(qtbot, lambda: "term" in page.page.sentence)
    qtbot.keyClicks(window.search.field, " truck")
    wait_rows(qtbot, window)


def test_enter_opens_a_frame_and_escape_closes_it(qtbot, window):
    search(qtbot, window, "truck")
    qtbot.keyClick(window.search.field, Qt.Key.Key_Down)
    assert window.view.hasFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_Right)
    qtbot.keyClick(window.view, Qt.Key.Key_Return)
    assert window.results.shows_frame
    until(qtbot, lambda: not window.viewer.view.frame_size.isEmpty())
    assert window.viewer.view.path.name.endswith("000000001.png")
    qtbot.keyClick(window.viewer.view, Qt.Key.Key_Right)
    assert window.viewer.view.path.name.endswith("000000002.png")
    qtbot.keyClick(window.viewer.view, Qt.Key.Key_Plus)
    assert window.viewer.view.zoom is not None
    qtbot.keyClick(window.viewer.view, Qt.Key.Key_0)
    assert window.viewer.view.zoom is None
    qtbot.keyClick(window.viewer.view, Qt.Key.Key_Escape)
    assert window.results.shows_grid
    assert window.view.currentIndex().row() == 2


def test_double_click_opens_a_frame(qtbot, window):
    search(qtbot, window, "truck")
    spot = window.view.visualRect(window.model.index(1, 0)).center()
    qtbot.mouseClick(window.view.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    qtbot.mouseDClick(window.view.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert window.results.shows_frame


def test_stepping_and_playing_in_time(qtbot, window):
    search(qtbot, window, "truck")
    qtbot.keyClick(window.view, Qt.Key.Key_Return)
    until(qtbot, lambda: len(window.viewer.strip.paths) > 1)
    qtbot.keyClick(window.viewer.view, Qt.Key.Key_Period)
    assert window.viewer.view.path.name.endswith("000000001.png")
    until(qtbot, lambda: not busy(window))
    qtbot.keyClick(window.viewer.view, Qt.Key.Key_P)
    assert window.viewer.playing
    until(qtbot, lambda: window.viewer.view.path.name.endswith("000000003.png"))
    qtbot.keyClick(window.viewer.view, Qt.Key.Key_P)
    assert not window.viewer.playing


def test_home_end_and_arrows_move(qtbot, window):
    search(qtbot, window, "truck")
    last = window.model.rowCount() - 1
    qtbot.keyClick(window.view, Qt.Key.Key_End)
    assert window.view.currentIndex().row() == last
    qtbot.keyClick(window.view, Qt.Key.Key_Home)
    qtbot.keyClick(window.view, Qt.Key.Key_Down)
    assert window.view.currentIndex().row() == window.view.columns


def test_cards_fill_the_width_at_every_size(qtbot, window):
    search(qtbot, window, "truck")
    for width in (900, 1123, 1400, 1777):
        window.resize(width, 800)
        qtbot.wait(20)
        cell, columns = window.view.gridSize().width(), window.view.columns
        room = window.view.viewport().width()
        assert 0 <= room - cell * columns <= columns + 1
        rows = [window.view.visualRect(window.model.index(n, 0)) for n in range(columns)]
        assert len({rect.top() for rect in rows}) == 1


def test_the_size_slider_and_ctrl_wheel_change_the_cards(qtbot, window):
    search(qtbot, window, "truck")
    before = window.view.columns
    child(window, QSlider, "sizeSlider").setValue(400)
    assert window.view.columns < before


def test_the_cut_can_be_moved_and_goes_back(qtbot, window, core):
    search(qtbot, window, "truck")
    assert len(names(window)) == 12
    slider = child(window, QSlider, "thresholdSlider")
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_End)
    wait_rows(qtbot, window, 1)
    qtbot.mouseDClick(slider, Qt.MouseButton.LeftButton)
    wait_rows(qtbot, window, 12)


def test_more_and_fewer_are_shown_by_a_step_and_the_automatic_cut_is_near(qtbot, window, core):
    core.last.cut = 0.9  # far too strict
    qtbot.keyClicks(window.search.field, "truck")
    nothing_matches(qtbot, window)
    finder, said = window.desktop.context.finder, child(window, QLabel, "matchCount")
    scores = sorted((float(score) for score in finder.found.histogram.values), reverse=True)
    automatic = child(window, QPushButton, "automaticCut")
    assert not automatic.isVisible()
    hands.click(child(window, QPushButton, "showMore"))
    wait_rows(qtbot, window, 12)
    assert said.text() == "12 matches"
    fewer = child(window, QPushButton, "showFewer")
    for left in (6, 3, 1):
        hands.click(fewer)
        wait_rows(qtbot, window, left)
        assert finder.order.cut == scores[left - 1]
        share = f"top {100 * left / 12:.2g} % of 12 frames"
        assert share in [one.text() for one in window.header.findChildren(QLabel)]
    assert not fewer.isEnabled()
    hands.click(automatic)
    nothing_matches(qtbot, window)
    assert not automatic.isVisible()


def test_nothing_matches_is_said_and_the_nearest_are_offered(qtbot, window, core):
    core.last.cut = 0.9
    qtbot.keyClicks(window.search.field, "bottom")
    nothing_matches(qtbot, window).page.offers[0].act()
    wait_rows(qtbot, window, 12)


def test_where_nothing_stands_out_the_nearest_are_shown(qtbot, window, core):
    core.last.cut = None
    search(qtbot, window, "truck")
    assert child(window, QWidget, "matchCount").text() == "The nearest 12"


def test_where_nothing_is_indexed_yet_nothing_is_counted(qtbot, window, core):
    core.last.embedded, core.last.cut = 0, None
    window.search.field.setText("truck")
    header = child(window, QWidget, "matchCount")
    finder = window.desktop.context.finder
    asked = lambda: finder.found is not None and finder.found.question.text == "truck"  # noqa: E731
    until(qtbot, lambda: asked() and not busy(window))
    assert header.text() == ""
    parts = window.header.findChildren(QLabel)
    assert not any("0" in part.text() for part in parts if part.isVisible())


def test_sorting_by_time(qtbot, window):
    search(qtbot, window, "truck")
    chooser = child(window, QComboBox, "sortChooser")
    chooser.setFocus()
    qtbot.keyClick(chooser, Qt.Key.Key_Down)
    until(qtbot, lambda: window.desktop.context.finder.order.sort == "time")


def test_events_fold_and_unfold_by_key(qtbot, window):
    search(qtbot, window, "truck")
    box = child(window, QWidget, "foldEvents")
    qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))
    wait_rows(qtbot, window, 1)
    assert window.model.rows[0].count == 12
    assert "1 event" in child(window, QWidget, "matchCount").text()
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_E)
    wait_rows(qtbot, window, 12)
    qtbot.keyClick(window.view, Qt.Key.Key_E)
    wait_rows(qtbot, window, 1)


def test_marks_by_keys_and_buttons_survive_a_new_window(qtbot, window, open_window, frames):
    search(qtbot, window, "truck")
    first = window.model.rows[0].hit.path
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_Space)
    assert window.desktop.context.marks.marks == {first: "right"}
    qtbot.keyClick(window.view, Qt.Key.Key_X)
    assert window.desktop.context.marks.marks == {first: "wrong"}
    button = child(window, QWidget, "markRightButton")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert window.desktop.context.marks.marks == {first: "right"}
    until(qtbot, lambda: not busy(window))
    window.close()
    again = open_window(frames)
    library = again.desktop.context.library
    until(qtbot, lambda: library.opened_now is not None and not library.is_indexing)
    search(qtbot, again, "truck")
    until(qtbot, lambda: again.desktop.context.marks.marks == {first: "right"})
    search(qtbot, again, "bicycle")
    until(qtbot, lambda: again.desktop.context.marks.marks == {})


def test_more_like_this_searches_by_the_image(qtbot, window, core):
    search(qtbot, window, "truck")
    third = window.model.rows[2].hit.path
    window.view.go_to(third)
    qtbot.mouseClick(child(window, QWidget, "moreLikeThisButton"), Qt.MouseButton.LeftButton)
    until(qtbot, lambda: core.last.queries[-1].terms[0].image == third)
    assert window.search.field.text() == ""
    assert child(window, QWidget, "imageChip").image == third
    qtbot.keyClick(window.search.field, Qt.Key.Key_Backspace)
    assert window.findChild(QWidget, "imageChip") is None or window.search.is_empty()


def test_an_image_can_be_dropped_into_the_search_bar(qtbot, window, core, tmp_path):
    image = make_frames(tmp_path / "else <b>where", 1)[0]
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(image))])
    assert hands.drop(window.search, data)
    until(qtbot, lambda: core.last.queries and core.last.queries[-1].terms[0].image == image)


def test_an_image_can_be_pasted(qtbot, window, core):
    picture = QImage(40, 30, QImage.Format.Format_RGB32)
    picture.fill(QColor("red"))
    QGuiApplication.clipboard().setImage(picture)
    window.search.field.setFocus()
    qtbot.keyClick(window.search.field, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    until(qtbot, lambda: core.last.queries and core.last.queries[-1].terms[0].image)
    assert core.last.queries[-1].terms[0].image.is_file()


def test_copying_paths(qtbot, window):
    search(qtbot, window, "truck")
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(window, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    expected = [str(row.hit.path) for row in window.model.rows[:2]]
    assert QGuiApplication.clipboard().text().splitlines() == expected
    urls = QGuiApplication.clipboard().mimeData().urls()
    assert [url.toLocalFile() for url in urls] == expected


def test_choosing_a_folder_by_button(qtbot, open_window, core, frames, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(frames))
    window = open_window()
    window.action("openFolderAction").trigger()
    until(qtbot, lambda: core.opened and core.last.indexed.is_set())
    assert core.last.roots == (frames,)
    assert "drive one" in child(window, QToolButton, "folderButton").text()


def test_dropping_a_folder_opens_it(qtbot, open_window, core, frames):
    window = open_window()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(frames))])
    assert hands.drop(child(window, QWidget, "emptyState"), data)
    until(qtbot, lambda: core.opened and core.last.roots == (frames,))


def test_folders_are_dropped_wherever_one_likes_and_only_copied(qtbot, window, core, tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    for folder in (a, b):
        make_frames(folder, 2)
    search(qtbot, window, "truck")
    data, veil = QMimeData(), child(window, QWidget, "dropVeil")
    says = child(veil, QLabel, "dropSays")
    data.setUrls([QUrl.fromLocalFile(str(a)), QUrl.fromLocalFile(str(b))])
    both = Qt.DropAction.MoveAction | Qt.DropAction.CopyAction
    assert not hands.drop(window.view, data, Qt.DropAction.MoveAction)
    assert not hands.drop(window.search.field, data, Qt.DropAction.MoveAction)
    for part in (window.view, window.details, window.status, window.search.field):
        assert hands.drag(part, data, both) == Qt.DropAction.CopyAction
        assert veil.isVisible()
        assert says.text() == "Drop to open 2 folders"
        QApplication.sendEvent(window.windowHandle(), QDragLeaveEvent())
        assert not veil.isVisible()
    hands.drag(window.sidebar, data)
    assert says.text() == "Drop to add 2 folders to what is open"
    opened = core.last.roots
    assert hands.drop(window.sidebar, data, both)
    assert not veil.isVisible()
    until(qtbot, lambda: core.last.roots == (*opened, a, b) and not busy(window))
    data.setUrls([QUrl.fromLocalFile(str(b)), QUrl.fromLocalFile(str(tmp_path / "notes.txt"))])
    assert hands.drop(window.view, data)
    until(qtbot, lambda: core.last.roots == (b,) and not busy(window))
    said = child(window, QLabel, "statusText")
    assert "“notes.txt” is no folder" in said.text()  # also while the folder is indexed
    hit = window.model.mimeData([window.model.index(0)])
    hit.setUrls([QUrl.fromLocalFile(str(core.last.files[0]))])
    assert hands.drop(window.view, hit)
    assert "is no folder" in said.text()
    assert core.last.roots == (b,)


def test_folder_model_and_geometry_are_remembered(qtbot, window, open_window, core, frames):
    core.models = (*core.models, ModelInfo("c4t:winter", "c4t", Path("x")))
    window.desktop.context.library.list_models()
    until(qtbot, lambda: window.chooser.findData("c4t:winter") >= 0)
    window.chooser.setCurrentIndex(window.chooser.findData("c4t:winter"))
    until(qtbot, lambda: core.last.model_name == "c4t:winter" and not busy(window))
    window.close()
    again = open_window()
    until(qtbot, lambda: len(core.opened) == 3 and not busy(again))
    assert core.last.roots == (frames,)
    assert core.last.model_name == "c4t:winter"
    assert again.chooser.currentData() == "c4t:winter"


def test_clicking_a_segment_switches_the_model_and_closes_the_old_index(qtbot, window, core):
    core.models = (core.models[0], ModelInfo("c4t:night", "c4t", Path("x")), core.models[1])
    window.desktop.context.library.list_models()
    until(qtbot, lambda: window.chooser.count() == 3)
    old = core.last
    search(qtbot, window, "truck")
    # The second of two; what opens the list stands at its right.
    spot = QPoint(window.chooser.width() - 40, window.chooser.height() // 2)
    qtbot.mouseClick(window.chooser, Qt.MouseButton.LeftButton, pos=spot)
    until(qtbot, lambda: core.last.model_name == "c4t:night" and core.last.indexed.is_set())
    until(qtbot, lambda: old.closed and not busy(window))
    assert core.last.queries[-1].terms[0].text == "truck"


def test_a_model_that_is_not_here_says_what_to_do(qtbot, window):
    chooser = child(window, QComboBox, "modelChooser")
    with qtbot.waitSignal(chooser.refused):
        chooser.setCurrentIndex(chooser.findData("clip"))
    assert chooser.currentData() == "c4t"
    for dialog in window.findChildren(QDialog):
        dialog.close()


def test_missing_folder_and_broken_model_are_told_and_the_window_lives(
    qtbot, open_window, core, frames, tmp_path
):
    window = open_window(tmp_path / "gone")
    page = child(window, QWidget, "emptyState")
    until(qtbot, lambda: "is not there" in page.page.sentence)
    core.fail_open = ModelError("The model is damaged; install it again.")
    window.folder_commands.open_folders([frames])
    until(qtbot, lambda: "damaged" in page.page.sentence)
    core.fail_open = None
    window.folder_commands.open_folders([frames])
    until(qtbot, lambda: core.opened and core.last.indexed.is_set())
    search(qtbot, window, "truck")


def test_a_folder_without_images_says_so(qtbot, open_window, tmp_path):
    (tmp_path / "empty").mkdir()
    window = open_window(tmp_path / "empty")
    page = child(window, QWidget, "emptyState")
    until(qtbot, lambda: page.page.title == "No images here")


def test_hits_while_indexing_pause_and_stop(qtbot, open_window, core, tmp_path):
    make_frames(tmp_path / "many", 60)
    core.options = {"step": 0.02}
    window = open_window(tmp_path / "many")
    library = window.desktop.context.library
    progress = child(window, QProgressBar, "indexProgress")
    until(qtbot, lambda: progress.isVisible() and progress.maximum() == 60)
    qtbot.keyClicks(window.search.field, "truck")
    wait_some = lambda: 0 < window.model.rowCount() < 60  # noqa: E731
    until(qtbot, wait_some)
    assert library.is_indexing
    pause = child(window, QToolButton, "pauseButton")
    qtbot.mouseClick(pause, Qt.MouseButton.LeftButton)
    assert library.is_paused
    assert pause.text() == "Resume"
    qtbot.wait(60)
    held = core.last.embedded
    qtbot.wait(80)
    assert core.last.embedded == held
    qtbot.mouseClick(pause, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: core.last.embedded > held)
    qtbot.mouseClick(child(window, QToolButton, "cancelButton"), Qt.MouseButton.LeftButton)
    until(qtbot, lambda: not library.is_indexing and not busy(window))
    assert not progress.isVisible()
    done = core.last.embedded
    assert done < 60
    said = child(window, QLabel, "statusText")
    until(qtbot, lambda: said.text() == f"{done} of 60 frames ready to search")
    resume = child(window, QToolButton, "indexButton")
    assert resume.text() == "Resume"
    told = []
    library.indexing.connect(told.append)
    qtbot.mouseClick(resume, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: core.last.indexed.is_set() and not busy(window))
    counted = [state for state in told if state.total]
    assert counted[0].done >= done
    assert {state.total for state in counted} == {60}
    until(qtbot, lambda: said.text() in {"60 frames ready to search", f"{60 - done} frames added."})
    assert resume.text() == "Look for new files"


def test_closing_while_indexing_ends_the_work(qtbot, open_window, core, tmp_path):
    make_frames(tmp_path / "many", 40)
    core.options = {"step": 0.05}
    window = open_window(tmp_path / "many")
    until(qtbot, lambda: core.opened and core.last.embedded > 2)
    window.close()
    assert window.desktop.ended_cleanly
    assert core.last.closed
    done = core.last.embedded
    core.options = {"embedded": done}
    window.desktop.settings.set(INDEX_AT_OPENING, False)
    window.desktop.settings.sync()
    again = open_window(tmp_path / "many")
    said = child(again, QLabel, "statusText")
    until(qtbot, lambda: said.text() == f"{done} of 40 frames ready to search")


def test_an_index_that_fails_is_one_dialog_and_the_window_lives(qtbot, open_window, core, frames):
    core.options = {"fail": RuntimeError("CUDA out of memory")}
    window = open_window(frames)
    box = []
    until(qtbot, lambda: box.extend(window.findChildren(QDialog, "problemDialog")) or box)
    assert "memory" in box[0].informativeText()
    assert box[0].textFormat() == Qt.TextFormat.PlainText
    box[0].close()
    until(qtbot, lambda: not busy(window))
    core.options = {}
    window.folder_commands.open_folders([frames])
    until(qtbot, lambda: core.last.indexed.is_set())


def test_skipped_files_are_listed_with_reasons_and_tried_again(qtbot, open_window, core, frames):
    name = "<img src=x>\n.png"
    core.options = {"skipped": [Skipped(frames / name, "the file is empty")]}
    window = open_window(frames)
    action = window.action("skippedAction")
    until(qtbot, lambda: action.isVisible() and action.text() == "1 file skipped")
    until(qtbot, lambda: not busy(window))
    action.trigger()
    until(qtbot, lambda: window.findChild(QDialog, "skippedDialog") is not None)
    dialog = window.findChild(QDialog, "skippedDialog")
    model = dialog.findChild(QAbstractItemView).model()
    assert model.index(0, 0).data() == "<img src=x>⏎.png"
    assert model.index(0, 1).data() == "the file is empty"
    assert "&lt;img" in model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
    qtbot.mouseClick(child(dialog, QWidget, "retryButton"), Qt.MouseButton.LeftButton)
    until(qtbot, lambda: not action.isVisible() and not busy(window))


def test_not_yet_indexed_is_patience_not_an_error(qtbot, window, core, monkeypatch):
    def not_yet(*_, **__):
        raise NotIndexedError("not yet")

    monkeypatch.setattr(core.last, "answer", not_yet)
    qtbot.keyClicks(window.search.field, "truck")
    answered(qtbot, window)
    assert window.results.shows_grid
    assert not window.findChildren(QDialog, "problemDialog")


def test_saved_searches_are_listed_run_and_forgotten(qtbot, window, core):
    search(qtbot, window, "truck in snow")
    qtbot.keyClick(window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    dialog = child(window, QDialog, "saveSearchDialog")
    field = child(dialog, QLineEdit, "scenarioName")
    assert field.text() == "Truck in snow"
    qtbot.keyClick(field, Qt.Key.Key_Return)
    until(qtbot, lambda: window.desktop.context.marks.saved != ())
    until(qtbot, lambda: window.desktop.context.marks.saved[0].matches == 12)
    assert window.desktop.context.marks.saved[0].fresh == 0  # they are in sight
    qtbot.keyClick(window.search.field, Qt.Key.Key_Escape)
    qtbot.mouseClick(side_row(qtbot, window, "Truck in snow"), Qt.MouseButton.LeftButton)
    wait_rows(qtbot, window, 12)
    assert window.search.field.text() == "truck in snow"
    until(qtbot, lambda: window.desktop.context.marks.saved[0].fresh == 0)
    qtbot.keyClick(side_row(qtbot, window, "Truck in snow"), Qt.Key.Key_Delete)
    until(qtbot, lambda: window.desktop.context.marks.saved == ())


def test_a_folder_restricts_the_hits(qtbot, open_window, core, tmp_path):
    make_frames(tmp_path / "a", 3)
    make_frames(tmp_path / "b", 4)
    window = open_window(tmp_path / "a", tmp_path / "b")
    library = window.desktop.context.library
    until(qtbot, lambda: library.opened_now is not None and not library.is_indexing)
    search(qtbot, window, "truck")
    wait_rows(qtbot, window, 7)
    qtbot.mouseClick(side_row(qtbot, window, "b, "), Qt.MouseButton.LeftButton)
    wait_rows(qtbot, window, 4)
    choose_drives(qtbot, window, "b")
    until(qtbot, lambda: window.desktop.context.finder.question.filters.drives == ("b",))


def test_dialogs_open_by_key_and_close_by_escape(qtbot, window):
    for key, modifier, name in (
        (Qt.Key.Key_F1, Qt.KeyboardModifier.NoModifier, "shortcutsDialog"),
        (Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier, "settingsDialog"),
    ):
        qtbot.keyClick(window, key, modifier)
        dialog = child(window, QDialog, name)
        assert dialog.isVisible()
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
        assert not dialog.isVisible()
    window.action("aboutAction").trigger()
    about = child(window, QDialog, "aboutDialog")
    assert about.isVisible()
    about.close()
    until(qtbot, lambda: not busy(window))


def test_settings_take_effect_at_once(qtbot, window):
    window.action("settingsAction").trigger()
    dialog = child(window, QDialog, "settingsDialog")
    colours = child(dialog, QComboBox, "setting_appearance_colours")
    colours.setCurrentIndex(colours.findData("dark"))
    assert window.desktop.theme.colours.dark
    child(dialog, QWidget, "setting_appearance_text_scale").setValue(200)
    assert window.font().pixelSize() == 26
    colours.setCurrentIndex(colours.findData("light"))
    assert not window.desktop.theme.colours.dark
    dialog.close()
    until(qtbot, lambda: not busy(window))


def test_text_at_three_hundred_percent_still_fits(qtbot, window):
    from c4t_desktop.settings import TEXT_SCALE

    window.desktop.settings.set(TEXT_SCALE, 300)
    search(qtbot, window, "truck")
    qtbot.wait(20)
    assert window.view.columns >= 1
    card = window.view.visualRect(window.model.index(0, 0))
    assert card.right() <= window.view.viewport().width()


def test_an_exception_in_a_slot_is_one_plain_dialog(qtbot, window):
    from c4t_desktop.messages import log_file

    for _ in range(3):
        window.desktop.caught(ValueError, ValueError("<b>oops</b>"), None)
    until(qtbot, lambda: window.findChildren(QDialog, "problemDialog"))
    boxes = window.findChildren(QDialog, "problemDialog")
    qtbot.wait(20)
    assert len(window.findChildren(QDialog, "problemDialog")) == 1
    assert str(log_file()) in boxes[0].informativeText()
    boxes[0].close()


def test_a_missing_sub_folder_error_is_plain_text():
    from c4t_desktop.messages import describe, plain_label

    problem = describe(FolderError('The folder "<b>x</b>" is not there; choose another.'))
    label = plain_label(problem.sentence)
    assert label.textFormat() == Qt.TextFormat.PlainText
    assert "<b>x</b>" in label.text()
