"""Narrowing, previewing and looking after what is found, as a user does it."""

from __future__ import annotations

import calendar
import csv
import shutil
import time

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer, QUrl
from PySide6.QtGui import QContextMenuEvent, QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QCompleter,
    QDateEdit,
    QDialog,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMenu,
    QMessageBox,
    QPushButton,
    QTreeView,
    QWidget,
)

from c4t_core.images.scan import ExcludeRules
from c4t_desktop.panels.bars.choosers import Chooser
from c4t_desktop.panels.chips import FilterChip
from c4t_desktop.services import watching
from c4t_desktop.settings import EXCLUDES, HOVER_PREVIEW, WATCH
from tests.helpers.fake_core import make_frames
from tests.helpers.window import (
    answered,
    busy,
    child,
    choose_drives,
    names,
    ready,
    search,
    side_row,
    until,
    wait_rows,
)

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def rest_on(window, row):
    """Move the mouse onto a card and leave it there."""
    port = window.view.viewport()
    spot = window.view.visualRect(window.model.index(row)).center()
    QTest.mouseMove(port, spot + QPoint(3, 3))
    QTest.mouseMove(port, spot)
    return spot


def choose(qtbot, chooser, value):
    """Choose an entry of a combo box with the keys."""
    chooser.setFocus()
    place = chooser.findData(value)
    assert place >= 0
    while chooser.currentIndex() != place:
        down = chooser.currentIndex() < place
        qtbot.keyClick(chooser, Qt.Key.Key_Down if down else Qt.Key.Key_Up)


# preview ------------------------------------------------------------------------------------


def test_a_resting_mouse_enlarges_a_hit_and_leaving_ends_that(qtbot, window):
    search(qtbot, window, "truck")
    rest_on(window, 1)
    until(qtbot, window.preview.isVisible)
    assert window.preview.path == window.model.rows[1].hit.path
    card = window.view.visualRect(window.model.index(1))
    assert window.preview.width() > card.width()
    assert window.rect().contains(window.preview.geometry())
    QApplication.sendEvent(window.view.viewport(), QEvent(QEvent.Type.Leave))
    assert not window.preview.isVisible()


def test_the_preview_goes_with_a_key_and_stays_away_when_it_is_not_wanted(qtbot, window):
    search(qtbot, window, "truck")
    rest_on(window, 0)
    until(qtbot, window.preview.isVisible)
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_Right)
    assert not window.preview.isVisible()
    window.desktop.settings.set(HOVER_PREVIEW, False)
    rest_on(window, 2)
    assert not any(timer.isActive() for timer in window.preview.findChildren(QTimer))


# narrowing ----------------------------------------------------------------------------------


def test_searching_within_the_hits_of_a_query_and_in_all_again(qtbot, window):
    search(qtbot, window, "truck")
    slider = window.header.slider
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_End)
    wait_rows(qtbot, window, 1)
    only = names(window)
    qtbot.keyClick(window, Qt.Key.Key_F, CTRL | SHIFT)
    assert window.search.field.hasFocus()
    row = child(window, QWidget, "amongFilter")
    assert row.isVisible()
    assert "truck" in row.accessibleName()
    qtbot.keyClicks(window.search.field, "bicycle")
    until(qtbot, lambda: window.desktop.context.finder.found.question.text == "bicycle")
    qtbot.waitUntil(lambda: not busy(window))
    assert names(window) == only
    qtbot.mouseClick(row, Qt.MouseButton.LeftButton)
    wait_rows(qtbot, window, 12)
    assert not row.isVisible()


def test_a_date_restricts_the_hits_and_filters_can_be_cleared(qtbot, open_window, core, tmp_path):
    core.options = {"seconds": 43_200.0}  # two frames a day
    frames = tmp_path / "week"
    make_frames(frames, 6)
    window = open_window(frames)
    ready(qtbot, window, core)
    search(qtbot, window, "truck")
    wait_rows(qtbot, window, 6)
    since, until_ = (child(window, QDateEdit, f"{key}Filter") for key in ("since", "until"))
    until(qtbot, since.isVisible)
    first, last = since.minimumDate().addDays(1), since.maximumDate()
    second = first.addDays(1)
    since.setFocus()
    since.setDate(second)  # as the calendar does
    answered(qtbot, window)
    start = float(calendar.timegm(time.strptime(second.toString("yyyy-MM-dd"), "%Y-%m-%d")))
    times = [row.hit.time for row in window.model.rows]
    assert times
    assert all(start <= moment for moment in times)
    until_.setDate(first)  # before the first day of the span, which follows
    answered(qtbot, window)
    assert since.date() == first
    left = window.model.rowCount()
    assert left == sum(start - 86_400 <= row.hit.time < start for row in window.model.rows) > 0
    chip = child(window, QWidget, "filterChip")
    assert chip.accessibleName() == first.toString("yyyy-MM-dd")
    qtbot.mouseClick(child(window, QPushButton, "clearFilters"), Qt.MouseButton.LeftButton)
    wait_rows(qtbot, window, 6)
    assert since.text() == until_.text() == "any"
    assert last > first


def test_several_drives_are_found_by_typing_and_stand_as_chips(qtbot, open_window, core, tmp_path):
    for number in range(12):
        make_frames(tmp_path / "all" / f"drive {number:02d}", 2)
    window = open_window(tmp_path / "all")
    ready(qtbot, window, core)
    answered(qtbot, window)
    count = child(window, QLabel, "matchCount")
    until(qtbot, lambda: count.text() == "24 frames of 12 drives")
    choose_drives(qtbot, window, "drive 03", "11")
    answered(qtbot, window)
    until(qtbot, lambda: count.text() == "4 frames of 2 drives")
    assert {row.hit.drive for row in window.model.rows} == {"drive 03", "drive 11"}

    def chips():
        found = window.findChildren(FilterChip)
        return [chip for chip in found if chip.isVisible()]

    assert [chip.accessibleName() for chip in chips()] == ["drive 03", "drive 11"]
    chips()[0].setFocus()
    qtbot.keyClick(chips()[0], Qt.Key.Key_Delete)
    until(qtbot, lambda: count.text() == "2 frames of 1 drive")
    assert isinstance(QApplication.focusWidget(), FilterChip)
    chooser = child(window, Chooser, "driveFilter")
    assert chooser.currentText() == "drive 11"
    qtbot.mouseClick(chooser, Qt.MouseButton.LeftButton)
    view = child(chooser.popup, QTreeView, "driveFilterList")
    spot = view.visualRect(view.model().index(5, 0)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    until(qtbot, lambda: chooser.currentText() == "2 chosen")
    qtbot.keyClicks(child(chooser.popup, QLineEdit, "driveFilterText"), "0")
    qtbot.mouseClick(child(chooser.popup, QPushButton, "driveFilterAll"), Qt.MouseButton.LeftButton)
    until(qtbot, lambda: count.text() == "24 frames of 12 drives" or chooser.currentText())
    answered(qtbot, window)
    assert len(window.desktop.context.finder.question.filters.drives) == 12  # 00 to 10, and 11
    assert [chip.accessibleName() for chip in chips()][-1] == "and 4 more"
    none = child(chooser.popup, QPushButton, "driveFilterNone")
    qtbot.mouseClick(none, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: not chips())
    chooser.hidePopup()


def test_the_folder_tree_restricts_to_what_is_below(qtbot, open_window, core, tmp_path):
    for name, frames in (("north/a", 2), ("north/b", 3), ("south/c", 4)):
        make_frames(tmp_path / "tree" / name, frames)
    window = open_window(tmp_path / "tree")
    ready(qtbot, window, core)
    chooser = child(window, Chooser, "folderFilter")
    until(qtbot, chooser.isVisible)
    chooser.setFocus()
    qtbot.keyClick(chooser, Qt.Key.Key_Return)
    view = child(chooser.popup, QTreeView, "folderFilterList")
    model = view.model()
    until(qtbot, lambda: model.rowCount() == 2)
    assert [model.index(row, 0).data() for row in range(2)] == ["north  (5)", "south  (4)"]
    view.setCurrentIndex(model.index(0, 0))
    qtbot.keyClick(view, Qt.Key.Key_Right)
    until(qtbot, lambda: model.rowCount(model.index(0, 0)) == 2)
    qtbot.keyClick(view, Qt.Key.Key_Space)
    count = child(window, QLabel, "matchCount")
    until(qtbot, lambda: count.text() == "5 frames of 2 drives")
    view.setCurrentIndex(model.index(1, 0, model.index(0, 0)))
    qtbot.keyClick(view, Qt.Key.Key_Return)  # a part of it instead of the whole
    until(qtbot, lambda: count.text() == "3 frames of 1 drive")
    assert chooser.currentText() == "b"
    assert child(window, FilterChip, "filterChip").accessibleName() == "in b"
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert not chooser.popup.isVisible()


def test_filters_outlive_a_switch_of_the_model_but_not_of_the_folder(
    qtbot, open_window, core, tmp_path
):
    for name in ("a", "b"):
        make_frames(tmp_path / "both" / name, 3)
    make_frames(tmp_path / "other", 3)
    window = open_window(tmp_path / "both")
    ready(qtbot, window, core)
    choose_drives(qtbot, window, "a")
    library, finder = window.desktop.context.library, window.desktop.context.finder
    library.use_model("clip")
    until(qtbot, lambda: core.last.model_name == "clip" and core.last.indexed.is_set())
    until(qtbot, lambda: not busy(window))
    assert finder.question.filters.drives == ("a",)
    assert child(window, QComboBox, "driveFilter").currentText() == "a"
    window.folder_commands.open_folders([tmp_path / "other"])
    until(qtbot, lambda: not finder.question.filters.drives)


def test_right_and_wrong_marks_refine_the_query_and_can_be_shown_alone(
    qtbot, window, core, monkeypatch
):
    refined = []

    answer = core.last.answer

    def spied(query, *, right, wrong, **more):
        if right or wrong:
            refined.append(([path.stem[-1] for path in right], [path.stem[-1] for path in wrong]))
        return answer(query, right=right, wrong=wrong, **more)

    monkeypatch.setattr(core.last, "answer", spied)
    search(qtbot, window, "truck")
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_R)
    qtbot.keyClick(window.view, Qt.Key.Key_Right)
    qtbot.keyClick(window.view, Qt.Key.Key_X)
    qtbot.keyClick(window, Qt.Key.Key_M, CTRL)
    until(qtbot, lambda: refined)
    assert refined[-1] == (["0"], ["1"])
    until(qtbot, lambda: not busy(window))
    choose(qtbot, child(window, QComboBox, "markedFilter"), "wrong")
    wait_rows(qtbot, window, 1)
    assert names(window)[0].endswith("000000001.png")


def test_sorting_by_drive(qtbot, open_window, core, tmp_path):
    make_frames(tmp_path / "1" / "z", 2)  # scores fall with the path, so these come first
    make_frames(tmp_path / "2" / "a", 2)
    window = open_window(tmp_path)
    ready(qtbot, window, core)
    search(qtbot, window, "truck")
    assert [row.hit.drive for row in window.model.rows] == ["z", "z", "a", "a"]
    choose(qtbot, child(window, QComboBox, "sortChooser"), "drive")
    until(qtbot, lambda: [row.hit.drive for row in window.model.rows] == ["a", "a", "z", "z"])


def test_a_saved_search_counts_within_its_filters(qtbot, open_window, core, tmp_path):
    for name in ("a", "b"):
        make_frames(tmp_path / "both" / name, 3)
    window = open_window(tmp_path / "both")
    ready(qtbot, window, core)
    search(qtbot, window, "truck")
    choose_drives(qtbot, window, "a")
    wait_rows(qtbot, window, 3)
    qtbot.keyClick(window, Qt.Key.Key_S, CTRL)
    dialog = child(window, QDialog, "saveSearchDialog")
    qtbot.keyClick(child(dialog, QLineEdit, "scenarioName"), Qt.Key.Key_Return)
    marks = window.desktop.context.marks
    until(qtbot, lambda: marks.saved and marks.saved[0].matches == 3)
    assert marks.saved[0].fresh == 0


def save_a_search_then_add_a_frame(qtbot, window, core, frames):
    search(qtbot, window, "truck")
    qtbot.keyClick(window, Qt.Key.Key_S, CTRL)
    dialog = child(window, QDialog, "saveSearchDialog")
    qtbot.keyClick(child(dialog, QLineEdit, "scenarioName"), Qt.Key.Key_Return)
    marks = window.desktop.context.marks
    until(qtbot, lambda: marks.saved and marks.saved[0].matches == 12 and not busy(window))
    last = sorted(frames.iterdir())[-1]
    shutil.copy(last, last.with_name("20260118091500_camera_frontcenter_000000099.png"))
    core.last.files = sorted(frames.iterdir())
    return marks


def test_new_frames_of_a_saved_search_are_counted_as_news(qtbot, window, core, frames):
    marks = save_a_search_then_add_a_frame(qtbot, window, core, frames)
    qtbot.keyClick(window, Qt.Key.Key_F5)
    until(qtbot, lambda: marks.saved[0].fresh == 1)
    row = side_row(qtbot, window, "Truck")
    assert "+1" in row.accessibleName()
    qtbot.mouseClick(row, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: marks.saved[0].fresh == 0 and marks.saved[0].matches == 13)


def test_a_saved_search_keeps_its_cut_until_it_is_saved_again(qtbot, window, core, frames):
    marks = save_a_search_then_add_a_frame(qtbot, window, core, frames)
    core.last.cut = 0.45  # what would be found now
    qtbot.keyClick(window, Qt.Key.Key_F5)
    until(qtbot, lambda: marks.saved[0].matches == 13 and not busy(window))
    qtbot.mouseClick(side_row(qtbot, window, "Truck"), Qt.MouseButton.LeftButton)
    wait_rows(qtbot, window, 13)
    assert window.desktop.context.finder.order.cut == 0.35


def test_a_saved_search_that_matches_nothing_counts_nothing(qtbot, window, core, frames):
    core.last.cut = None
    search(qtbot, window, "truck")
    qtbot.keyClick(window, Qt.Key.Key_S, CTRL)
    dialog = child(window, QDialog, "saveSearchDialog")
    qtbot.keyClick(child(dialog, QLineEdit, "scenarioName"), Qt.Key.Key_Return)
    marks = window.desktop.context.marks
    until(qtbot, lambda: marks.saved and marks.saved[0].matches is not None)
    assert (marks.saved[0].matches, marks.saved[0].fresh) == (0, 0)


def test_a_cut_found_with_another_model_is_said_and_makes_no_news(qtbot, window, core, frames):
    marks = save_a_search_then_add_a_frame(qtbot, window, core, frames)
    core.last.model_fingerprint = "another"
    qtbot.keyClick(window, Qt.Key.Key_F5)
    until(qtbot, lambda: not marks.saved[0].same_model)
    assert marks.saved[0].fresh == 0
    row = side_row(qtbot, window, "Truck")
    assert "another model" in row.toolTip()
    qtbot.mouseClick(row, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: not busy(window))
    assert window.desktop.context.finder.order.cut is None


# details ------------------------------------------------------------------------------------


def test_captions_show_where_a_pairs_file_knows_the_frame(qtbot, window, frames, open_window):
    captions = child(window, QLabel, "captionsText")
    search(qtbot, window, "truck")
    until(qtbot, lambda: not busy(window))
    assert not captions.isVisible()
    file = frames / "pairs.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        rows = csv.writer(out)
        rows.writerow(["image", "caption"])
        rows.writerow([names(window)[0], "Two trucks <b>ahead</b>"])
    window.desktop.context.details.captions.add(file)
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_Right)
    until(qtbot, lambda: not busy(window))
    assert not captions.isVisible()
    qtbot.keyClick(window.view, Qt.Key.Key_Left)
    until(qtbot, captions.isVisible)
    assert captions.text() == "Two trucks <b>ahead</b>"
    assert captions.textFormat() == Qt.TextFormat.PlainText
    window.close()
    again = open_window(frames)
    assert again.desktop.context.details.captions.files == ((file, frames),)


# the library --------------------------------------------------------------------------------


def test_a_file_that_comes_is_indexed_without_asking(qtbot, open_window, core, frames, monkeypatch):
    monkeypatch.setattr(watching, "SETTLE", 50)
    window = open_window(frames)
    watch = window.desktop.watch
    until(qtbot, lambda: watch.watched == 1)
    ready(qtbot, window, core)
    runs = core.last.runs
    first = sorted(frames.iterdir())[0]
    shutil.copy(first, frames / "new.png")
    until(qtbot, lambda: core.last.runs > runs and not busy(window))
    before = core.last.runs
    window.desktop.settings.set(WATCH, False)
    assert watch.watched == 0
    shutil.copy(first, frames / "newer.png")
    qtbot.wait(200)
    assert core.last.runs == before


def test_folders_below_are_watched_too_but_not_without_end(qtbot, window, tmp_path):
    for number in range(5):
        (tmp_path / "deep" / str(number) / "cam").mkdir(parents=True)
    job = window.desktop.runner.submit(lambda job: None, lane="x")
    found = watching.folders_below([tmp_path / "deep"], job)
    assert len(found) == 11
    assert found[0] == str(tmp_path / "deep")
    assert len(watching.folders_below([tmp_path / "deep"], job, most=4)) == 4
    until(qtbot, lambda: not busy(window))


def folder_menu(qtbot, window, folder):
    row = side_row(qtbot, window, folder.name)
    spot = row.rect().center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, spot, row.mapToGlobal(spot))
    QApplication.sendEvent(row, event)
    menu = child(window, QMenu, "folderRowMenu")
    return {action.text(): action for action in menu.actions()}


def click(action):
    """Press an entry of a menu that is open."""
    menu = action.parent()
    QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())


def test_a_folder_can_be_shown_in_the_file_manager(qtbot, window, frames, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url) or True)
    click(folder_menu(qtbot, window, frames)["Show in the file manager"])
    assert opened == [QUrl.fromLocalFile(str(frames))]


def test_a_folder_that_moved_keeps_its_index(qtbot, window, core, frames, tmp_path, monkeypatch):
    new = tmp_path / "moved"
    frames.rename(new)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(new))
    old = core.last
    click(folder_menu(qtbot, window, frames)["It has moved…"])
    until(qtbot, lambda: core.last.roots == (new,) and core.last.indexed.is_set())
    assert old.relocated == (frames, new)
    until(qtbot, lambda: not busy(window))


def test_forgetting_an_index_can_be_undone_until_the_folder_is_opened_again(
    qtbot, window, core, frames, open_window
):
    library, undo = window.desktop.context.library, window.desktop.context.undo
    click(folder_menu(qtbot, window, frames)["Forget its index"])
    assert not library.folders
    notice = child(window, QLabel, "undoNotice")
    assert notice.isVisible()
    assert frames.name in notice.text()
    undo.undo()
    until(qtbot, lambda: library.opened_now is not None and not busy(window))
    assert (library.folders, core.forgotten) == ((frames,), [])
    undo.redo()
    assert not library.folders
    (frames / "below").mkdir()
    window.folder_commands.open_folders([frames / "below"])  # part of it
    until(qtbot, lambda: core.forgotten == [frames] and not busy(window))
    undo.undo()  # too late, and said
    assert library.folders == (frames / "below",)
    window.folder_commands.open_folders([frames])
    until(qtbot, lambda: library.opened_now is not None and not busy(window))
    click(folder_menu(qtbot, window, frames)["Forget its index"])
    assert core.forgotten == [frames]
    window.close()
    again = open_window()
    until(qtbot, lambda: core.forgotten == [frames, frames] and not busy(again))
    assert not again.desktop.settings.recall("forgotten", [])


def test_cleaning_the_index_says_first_what_goes(qtbot, window, core):
    window.action("settingsAction").trigger()
    dialog = child(window, QDialog, "settingsDialog")
    size = child(dialog, QLabel, "space_catalogue")
    clean = child(dialog, QPushButton, "cleanIndexButton")
    said = child(dialog, QLabel, "cleanResult")
    until(qtbot, lambda: size.text() == "2.0 MB")
    assert child(dialog, QLabel, "space_fetched").text() == "700 kB"

    def asked():
        boxes = [box for box in dialog.findChildren(QMessageBox) if box.isVisible()]
        return boxes[0] if boxes else None

    def answer(button):
        qtbot.mouseClick(clean, Qt.MouseButton.LeftButton)
        until(qtbot, asked)
        box = asked()
        qtbot.mouseClick(box.button(button), Qt.MouseButton.LeftButton)
        return box.text(), box.informativeText().splitlines()

    text, lines = answer(QMessageBox.StandardButton.Cancel)
    assert "1.9 MB" in text  # vectors, room, files and copies together
    sizes = [line.partition(": ")[0] for line in lines[:4]]
    assert sizes == ["• 900 kB", "• 50.0 kB", "• 300 kB", "• 700 kB"]
    assert "480 frames" in lines[0]
    assert "3 files" in lines[2]
    assert "12 pictures at addresses" in lines[3]
    assert (core.last.cleaned, said.text()) == (False, "")
    answer(QMessageBox.StandardButton.Ok)
    until(qtbot, lambda: said.text() == "1.3 MB given back." and size.text() == "1.0 MB")
    assert core.last.cleaned
    qtbot.mouseClick(clean, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: said.text().startswith("There is nothing to clean"))
    assert asked() is None
    dialog.close()
    until(qtbot, lambda: not busy(window))


def test_other_excludes_take_effect_at_once(qtbot, window, core, frames):
    usual = ExcludeRules().folders
    window.desktop.settings.set(EXCLUDES, "rear*, test")
    until(qtbot, lambda: core.excludes == [None, (*usual, "rear*", "test")] and not busy(window))
    window.desktop.settings.set(EXCLUDES, "")
    until(qtbot, lambda: core.excludes[-1] == usual and not busy(window))
    window.folder_commands.open_folders([frames])
    until(qtbot, lambda: core.excludes[-1] is None and not busy(window))


def test_a_leap_of_the_scroll_bar_asks_for_pictures_only_where_it_lands(
    qtbot, open_window, core, tmp_path, monkeypatch
):
    make_frames(tmp_path / "long", 300, size=(16, 10))
    core.options = {"cut": -9.0}
    window = open_window(tmp_path / "long")
    ready(qtbot, window, core)
    search(qtbot, window, "truck")
    wait_rows(qtbot, window, 300)
    asked = []
    thumbnails = window.desktop.context.thumbnails
    request = thumbnails.request
    monkeypatch.setattr(thumbnails, "request", lambda r: asked.append(r.path) or request(r))
    bar = window.view.verticalScrollBar()
    bar.setValue(bar.maximum() // 2)
    window.view.viewport().repaint()
    bar.setValue(bar.maximum())
    window.view.viewport().repaint()
    seen = {row.hit.path for row in window.model.rows[-4:]}
    until(qtbot, lambda: seen <= set(asked))
    middle = {row.hit.path for row in window.model.rows[145:155]}
    assert not middle & set(asked)


# out ----------------------------------------------------------------------------------------


def test_hits_can_be_dragged_to_other_programs(qtbot, window):
    search(qtbot, window, "truck")
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_Right, SHIFT)
    assert window.view.dragEnabled()
    data = window.model.mimeData(window.view.selectionModel().selectedIndexes())
    expected = [str(row.hit.path) for row in window.model.rows[:2]]
    assert [url.toLocalFile() for url in data.urls()] == expected
    assert data.text().splitlines() == expected


def test_a_hit_is_shown_in_the_file_manager_and_opened_by_keys(qtbot, window, frames, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url) or True)
    search(qtbot, window, "truck")
    window.view.setFocus()
    qtbot.keyClick(window, Qt.Key.Key_R, CTRL)
    qtbot.keyClick(window, Qt.Key.Key_Return, CTRL)
    first = window.model.rows[0].hit.path
    assert [url.toLocalFile() for url in opened] == [str(frames), str(first)]


def test_earlier_queries_are_offered_in_the_empty_field(qtbot, window):
    search(qtbot, window, "truck in snow")
    qtbot.keyClick(window.search.field, Qt.Key.Key_Return)
    qtbot.keyClick(window.search.field, Qt.Key.Key_Escape)
    qtbot.keyClick(window.search.field, Qt.Key.Key_Down)
    popup = window.search.field.findChild(QCompleter).popup()
    until(qtbot, popup.isVisible)
    assert popup.model().index(0, 0).data() == "truck in snow"
    qtbot.keyClick(popup, Qt.Key.Key_Down)
    qtbot.keyClick(popup, Qt.Key.Key_Return)
    assert window.search.field.text() == "truck in snow"
    wait_rows(qtbot, window, 12)


def test_side_panels_come_and_go_by_key(qtbot, window):
    assert window.sidebar.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_F9)
    assert not window.sidebar.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_F9)
    qtbot.keyClick(window, Qt.Key.Key_F10)
    assert window.sidebar.isVisible()
    assert not window.details.isVisible()


def test_everything_with_the_focus_has_a_name(qtbot, window):
    search(qtbot, window, "truck")
    nameless = [
        (type(widget).__name__, widget.objectName())
        for widget in window.findChildren(QWidget)
        if widget.isVisible()
        and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not (widget.accessibleName() or getattr(widget, "text", str)())
        and widget.focusProxy() is None
        and type(widget).__name__ not in ("QWidget", "QScrollArea")
    ]
    assert nameless == []
