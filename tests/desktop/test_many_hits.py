"""Many thousand hits: what is loaded of them, and what is not."""

from __future__ import annotations

import csv
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QToolButton, QTreeView

from c4t_core.errors import Cancelled
from c4t_core.index.query import Hit
from c4t_core.index.scope import Scope
from c4t_core.index.store import tags
from c4t_core.index.store.user_data import UserData
from c4t_core.workspace import Answer
from c4t_desktop.gallery.results_model import PathRole, RowRole
from c4t_desktop.messages import count_text
from c4t_desktop.panels.bars.choosers import Chooser
from c4t_desktop.panels.bars.sidebar import FilterSection
from c4t_desktop.services import rows
from c4t_desktop.services.export import CSV, export, wanted_of
from c4t_desktop.services.finder import Arrangement, Found, ask, lay_out
from c4t_desktop.services.library import LOOK
from c4t_desktop.services.question import Order, Question
from c4t_desktop.services.rows import HitList, PagedRows
from tests.helpers.fake_core import FakeWorkspace
from tests.helpers.window import answered, busy, child, until

COUNT = 3000  # frames of three drives; thirty pages
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


class ManyFrames(FakeWorkspace):
    """Knows frames without files, best first by their number, and how many were loaded."""

    def __init__(self, folders, model, **options):
        super().__init__(folders, model, **options)
        root = self.roots[0]
        self.files = [root / f"drive {n % 3}" / f"{n:06d}.png" for n in range(COUNT)]
        self.embedded = COUNT
        self.loaded = []

    def index(self, progress=None, *, on_commit=None, reindex=False, on_picture=None, newer=True):
        self.embedded = 0  # none of them is taken for new
        report = super().index(lambda *_: None)
        self.embedded = COUNT
        return report

    def score(self, number, query):
        return 0.9 - 0.0001 * number

    def hits(self, image_ids, scores, first=1):
        self.loaded += image_ids
        return super().hits(image_ids, scores, first)

    def frame(self, image):
        number = int(Path(image).stem) if Path(image).stem.isdigit() else -1
        return self.frame_at(number) if 0 <= number < COUNT else None

    def neighbours(self, image, before=3, after=3):
        number = int(Path(image).stem)
        return [self.frame_at(n) for n in range(max(0, number - before), number + after + 1)]


@pytest.fixture
def many(qtbot, core, open_window, tmp_path):
    """A window that shows all of the frames."""
    core.workspace = ManyFrames
    folder = tmp_path / "drives"
    folder.mkdir()
    window = open_window(folder)
    until(qtbot, lambda: core.opened and core.last.indexed.is_set() and not busy(window))
    window.search.field.setText("road")
    answered(qtbot, window)
    until(qtbot, lambda: window.model.rowCount() > 0 and not busy(window))
    window.desktop.context.finder.show_all()
    until(qtbot, lambda: window.model.rowCount() == COUNT and not busy(window))
    return window


def core_file(window, position):
    return window.model.rows.hits[position].path


def at_rest(qtbot, window):
    until(qtbot, lambda: not busy(window))


def test_only_what_is_looked_at_is_loaded(qtbot, many, core):
    core.last.loaded.clear()
    many.search.field.setText("road at night")
    finder = many.desktop.context.finder
    until(qtbot, lambda: finder.found.question.text == "road at night")
    finder.show_all()
    until(qtbot, lambda: many.model.rowCount() == COUNT)
    at_rest(qtbot, many)
    assert 0 < len(core.last.loaded) < 900
    assert max(core.last.loaded) < 600


def test_a_card_far_below_is_empty_until_it_is_loaded(qtbot, many, core):
    changed = []
    many.model.dataChanged.connect(lambda a, b, roles: changed.append((a.row(), b.row(), roles)))
    index = many.model.index(2500)
    assert index.data() is None
    assert index.data(RowRole) is None
    at_rest(qtbot, many)
    assert index.data() == "002500.png"
    first, last, roles = changed[0]
    assert first == 2500
    assert last == 2599
    assert RowRole in roles
    assert PathRole in roles
    assert index.data(RowRole).hit.rank == 2501


def test_the_end_key_shows_the_last_frame_with_its_details(qtbot, many):
    many.view.setFocus()
    qtbot.keyClick(many.view, Qt.Key.Key_End)
    assert many.view.currentIndex().row() == COUNT - 1
    until(qtbot, lambda: many.details.path is not None and many.details.path.stem == "002999")


def test_the_pages_kept_are_bounded(many, monkeypatch):
    monkeypatch.setattr(rows, "KEPT", 3)
    shown = PagedRows(many.model.rows.hits)
    for page in range(10):
        first = page * rows.PAGE
        shown.keep(page, shown.hits.block(first, first + rows.PAGE))
    assert [shown.peek(page * rows.PAGE) is not None for page in range(10)] == [False] * 7 + [
        True
    ] * 3
    paths = [core_file(many, position) for position in (0, 699, 700, 999)]
    assert [shown.position_of(path) for path in paths] == [None, None, 700, 999]


def test_scrolling_far_asks_for_the_last_pages_only(many, core):
    loader, shown = many.desktop.context.finder.rows, many.model.rows
    for position in range(500, COUNT, rows.PAGE):
        loader.want(shown, position)
    assert len(loader.waiting) <= rows.WAITING
    assert loader.waiting[-1] == COUNT // rows.PAGE - 1


def test_cards_of_an_earlier_answer_are_dropped(qtbot, many):
    loader, old = many.desktop.context.finder.rows, many.model.rows
    told = []
    loader.loaded.connect(lambda shown, *_: told.append(shown))
    loader.want(old, 2500)
    new = PagedRows(old.hits)
    many.model.set_rows(new)
    loader.want(new, 1500)
    at_rest(qtbot, many)
    assert set(told) == {new}


def test_a_frame_that_has_gone_is_an_empty_card(qtbot, many):
    hits = many.model.rows.hits

    def load(ids, scores):
        return [hit for hit in hits.load(ids, scores) if hit.image_id != 7]

    there = HitList(hits.ids, hits.scores, load)
    shown = PagedRows(there, there.block(0, 100))
    assert shown.peek(7) is None
    assert shown.has_page(0)
    assert shown.peek(8).hit.rank == 9
    assert len([*there[:20]]) == 19


def test_all_are_selected_at_once_and_the_first_of_them_are_copied(qtbot, many, core, monkeypatch):
    monkeypatch.setattr("c4t_desktop.panels.selection.MOST_AT_ONCE", 250)
    said = []
    many.selection.message.connect(said.append)
    many.view.setFocus()
    qtbot.keyClick(many.view, Qt.Key.Key_A, CTRL)
    assert many.view.selected_ranges() == [range(COUNT)]
    core.last.loaded.clear()
    qtbot.keyClick(many, Qt.Key.Key_C, CTRL)
    until(qtbot, lambda: said)
    assert len(QGuiApplication.clipboard().text().splitlines()) == 250
    assert "250" in said[0]
    assert count_text(COUNT) in said[0]
    assert len(core.last.loaded) < 900


def test_what_is_selected_but_not_loaded_is_marked(qtbot, many):
    many.view.setFocus()
    many.view.setCurrentIndex(many.model.index(1290))
    many.view.clearSelection()  # whatever key another test left held
    at_rest(qtbot, many)
    for _ in range(4):
        qtbot.keyClick(many.view, Qt.Key.Key_PageDown, SHIFT)
    count = sum(map(len, many.view.selected_ranges()))
    assert count > 20
    qtbot.keyClick(many.view, Qt.Key.Key_R)
    marks = many.desktop.context.marks
    until(qtbot, lambda: len(marks.marks) == count)
    assert sorted(int(path.stem) for path in marks.marks) == [*range(1290, 1290 + count)]
    at_rest(qtbot, many)


def held(query):
    """Read the marks of a query, and who has a tag, past the window."""
    with closing(UserData()) as data:
        marked = {mark.image.path.name for mark in data.marks(query) if mark.good}
        return marked, {(one.tag, one.image.path.name) for one in tags.tagged(data)}


def test_all_hits_are_marked_in_parts_with_progress_and_taken_back(qtbot, many):
    context, said = many.desktop.context, []
    context.marks.working.connect(lambda *told: said.append(told))
    many.view.setFocus()
    many.view.selectAll()
    everything = {f"{number:06d}.png" for number in range(COUNT)}
    qtbot.keyClick(many.view, Qt.Key.Key_R)
    until(qtbot, lambda: len(context.marks.marks) == COUNT)
    at_rest(qtbot, many)
    assert held("road") == (everything, set())
    assert said[0] == (f"mark as right ({count_text(COUNT)})", 0, COUNT)
    assert not child(many, QLabel, "editProgress").isVisible()
    context.undo.undo()
    at_rest(qtbot, many)
    assert held("road") == (set(), set())
    assert not context.marks.marks
    context.undo.redo()
    at_rest(qtbot, many)
    assert held("road") == (everything, set())
    context.marks.clear_marks()
    at_rest(qtbot, many)
    assert held("road") == (set(), set())


def test_tagging_all_hits_can_be_stopped_and_goes_on_when_done_again(qtbot, many, core):
    context, entered, gate = many.desktop.context, threading.Event(), threading.Event()
    keys = core.last.own.keys

    def slow(images):  # the second part waits until the test has looked
        if 500 in images:
            entered.set()
            gate.wait(20)
        return keys(images)

    core.last.own.keys = slow
    ids = range(COUNT)
    context.tags.change(lambda: ids, add=["rain"])
    progress = child(many, QLabel, "editProgress")
    until(qtbot, lambda: entered.is_set() and progress.isVisible())
    assert len(held("road")[1]) == 500  # others read meanwhile
    qtbot.mouseClick(child(many, QToolButton, "stopEditButton"), Qt.MouseButton.LeftButton)
    gate.set()
    at_rest(qtbot, many)
    told = f"Stopped after {count_text(1000)} of {count_text(COUNT)}"
    assert child(many, QLabel, "statusText").text().startswith(told)
    assert not progress.isVisible()
    first = {("rain", f"{number:06d}.png") for number in range(1000)}
    assert held("road")[1] == first
    context.undo.undo()
    at_rest(qtbot, many)
    assert held("road")[1] == set()
    context.undo.redo()  # all of it, now that nobody stops it
    at_rest(qtbot, many)
    assert held("road")[1] == {("rain", f"{number:06d}.png") for number in ids}
    context.tags.change(lambda: ids, remove=["RAIN"])
    at_rest(qtbot, many)
    assert held("road")[1] == set()


class Unread(dict):
    """Marks or tags that nobody looks through one by one."""

    def get(self, *_):
        raise AssertionError

    __iter__ = items = get


def test_of_many_marks_and_tags_only_those_in_sight_are_looked_at(qtbot, many, core):
    model, told = many.model, []
    model.dataChanged.connect(lambda first, last, roles: told.append((first.row(), last.row())))
    for show, one in ((model.set_marks, "right"), (model.set_tags, ("rain",))):
        paths = core.last.files if show == model.set_marks else range(COUNT)
        show(Unread(dict.fromkeys(paths, one)))
        show(Unread(dict.fromkeys(paths[1:], one)))
        show({})
        assert told == [(0, COUNT - 1)] * 3
        told.clear()


def test_marks_of_an_earlier_query_are_dropped(qtbot, many):
    many.view.setFocus()
    many.view.selectAll()
    finder, marks = many.desktop.context.finder, many.desktop.context.marks
    qtbot.keyClick(many.view, Qt.Key.Key_R)
    finder.found = replace(finder.found, question=Question(text="something else"))
    at_rest(qtbot, many)
    assert not marks.marks


def test_two_things_done_with_what_is_not_loaded_are_both_done(qtbot, many, monkeypatch):
    monkeypatch.setattr("c4t_desktop.gallery.view.DRAGGED", 0)  # nothing is loaded ahead
    many.view.setFocus()
    marks = many.desktop.context.marks
    for row, mark in ((1500, Qt.Key.Key_R), (2500, Qt.Key.Key_X)):
        many.view.setSelection(
            many.view.visualRect(many.model.index(row)),
            QItemSelectionModel.SelectionFlag.ClearAndSelect,
        )
        qtbot.keyClick(many.view, mark)
    until(qtbot, lambda: len(marks.marks) == 2)
    assert {path.stem: mark for path, mark in marks.marks.items()} == {
        "001500": "right",
        "002500": "wrong",
    }
    at_rest(qtbot, many)


def test_more_than_a_program_takes_is_not_dragged(many):
    said = []
    many.view.refused.connect(said.append)
    many.view.selectAll()
    many.view.startDrag(Qt.DropAction.CopyAction)
    assert "500" in said[0]


def test_all_hits_are_exported_with_their_ranks(qtbot, many, tmp_path):
    finder, library = many.desktop.context.finder, many.desktop.context.library
    wanted = replace(wanted_of(finder, "road", library.workspace), hits=finder.shown()[5:])
    target, done = tmp_path / "hits.csv", []
    many.desktop.runner.submit(
        lambda job: export(wanted, CSV, target, job), lane="export", done=done.append
    )
    until(qtbot, lambda: done)
    with target.open(newline="") as file:
        lines = [*csv.DictReader(file)]
    assert len(lines) == COUNT - 5
    assert [int(line["rank"]) for line in lines] == [*range(6, COUNT + 1)]
    assert Path(lines[-1]["path"]).stem == "002999"


def test_sorting_loads_what_is_looked_at(qtbot, many, core):
    finder, loaded = many.desktop.context.finder, core.last.loaded
    loaded.clear()
    finder.set_sort("drive")
    until(qtbot, lambda: many.model.id_at(many.model.index(1)) == 3)
    at_rest(qtbot, many)
    assert many.model.rowCount() == COUNT
    assert 0 < len(loaded) < 900
    ids = [many.model.id_at(many.model.index(at)) for at in range(COUNT)]
    assert ids == sorted(range(COUNT), key=lambda number: (number % 3, number))
    assert core_file(many, COUNT - 1).stem == "002999"
    finder.set_sort("score")
    until(qtbot, lambda: many.model.id_at(many.model.index(1)) == 1)
    at_rest(qtbot, many)


def test_folding_loads_what_is_looked_at(qtbot, many, core):
    finder, workspace = many.desktop.context.finder, many.desktop.context.library.workspace
    finder.set_cut(0.8)
    at_rest(qtbot, many)
    hits = [*finder.shown()]
    whole = workspace.events(hits)
    core.last.seconds = 6.0  # further apart than frames of one event
    finder.set_fold(True)
    until(qtbot, lambda: many.model.rowCount() == len(hits))
    finder.set_fold(False)
    core.last.seconds = 0.5
    core.last.loaded.clear()
    finder.set_fold(True)
    until(qtbot, lambda: many.model.rowCount() == len(whole))
    at_rest(qtbot, many)
    assert len(core.last.loaded) < 900
    assert [(row.event, row.count) for row in many.model.rows] == [
        (event.best.image_id, len(event.hits)) for event in whole
    ]
    chosen = whole[1]
    finder.toggle_event(chosen.best.image_id)
    until(qtbot, lambda: many.model.rowCount() == len(whole) + len(chosen.hits) - 1)
    at_rest(qtbot, many)
    shown = many.model.rows[1 : len(chosen.hits) + 1]
    assert [row.member for row in shown] == [False] + [True] * (len(chosen.hits) - 1)
    assert {row.event for row in shown} == {chosen.best.image_id}
    assert [row.hit.rank for row in shown[1:]] == [
        hit.rank for hit in chosen.hits if hit is not chosen.best
    ]
    assert many.model.rows[len(chosen.hits) + 1].event == whole[2].best.image_id


def test_a_layout_that_is_not_wanted_any_more_ends_between_its_parts(many):
    found = many.desktop.context.finder.found

    def stop():
        raise Cancelled

    with pytest.raises(Cancelled):
        lay_out(found, Order(sort="time", show_all=True), stop)


def test_marks_restrict_without_loading_all(many, core):
    workspace, file = many.desktop.context.library.workspace, core.last.files[1234]
    core.last.loaded.clear()
    found = ask(workspace, Question(text="road", marked="right"), {file: "right"})
    assert [hit.path for hit in found.hits] == [file]
    assert core.last.loaded == [1234]


def test_searching_within_very_many(qtbot, many, monkeypatch):
    monkeypatch.setattr("c4t_desktop.services.finder.MOST_AT_ONCE", 100)
    finder = many.desktop.context.finder
    finder.set_cut(0.8)
    at_rest(qtbot, many)
    count = len(finder.shown())
    assert 100 < count < COUNT
    qtbot.keyClick(many, Qt.Key.Key_F, CTRL | SHIFT)
    until(qtbot, lambda: finder.question.filters.only is not None)
    assert len(finder.question.filters.only) == count
    at_rest(qtbot, many)


def test_a_neighbour_that_is_not_loaded_is_found_in_the_grid(qtbot, many, core):
    many.details.frame_wanted.emit(core.last.files[2345])
    until(qtbot, lambda: many.view.currentIndex().row() == 2345)
    until(qtbot, lambda: many.details.path == core.last.files[2345])
    many.details.frame_wanted.emit(Path("/elsewhere/x.png"))
    until(qtbot, lambda: many.details.path == Path("/elsewhere/x.png"))
    at_rest(qtbot, many)


def test_the_large_frame_steps_over_the_end_of_a_page(qtbot, many):
    many.view.setFocus()
    shown = PagedRows(many.model.rows.hits)
    shown.keep(9, shown.hits.block(900, 1000))
    many.model.asks = False
    many.model.set_rows(shown)
    many.view.setCurrentIndex(many.model.index(999))
    many.results.open_frame(many.view.current_path())
    many.model.asks = True
    assert shown.peek(1000) is None
    qtbot.keyClick(many.viewer.view, Qt.Key.Key_Right)
    until(qtbot, lambda: many.viewer.view.path.stem == "001000")
    at_rest(qtbot, many)


def test_the_current_card_stays_when_the_cut_moves(qtbot, many):
    many.view.setCurrentIndex(many.model.index(700))
    at_rest(qtbot, many)
    many.desktop.context.finder.set_cut(0.8)
    until(qtbot, lambda: many.model.rowCount() < COUNT)
    assert many.view.currentIndex().row() == 700
    at_rest(qtbot, many)


def test_refining_shows_the_best_first_and_so_does_its_end(qtbot, many):
    refine, bar = many.action("refineAction"), many.view.verticalScrollBar()
    finder, view = many.desktop.context.finder, many.view
    for on in (True, False):
        view.setCurrentIndex(many.model.index(1500))
        view.select_ids([1500, 1501, 1502])
        at_rest(qtbot, many)
        assert bar.value()
        refine.trigger()
        until(qtbot, lambda on=on: finder.found.question.refine == on)
        at_rest(qtbot, many)
        assert (bar.value(), view.currentIndex().row(), view.selected_ranges()) == (
            0,
            0,
            [range(1)],
        )
    view.setCurrentIndex(many.model.index(1500))
    at_rest(qtbot, many)
    before = bar.value()
    refine.trigger()
    until(qtbot, lambda: finder.found.question.refine)
    view.setCurrentIndex(many.model.index(1500))
    at_rest(qtbot, many)
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_R)  # asks anew, but one goes on marking here
    until(qtbot, lambda: finder.found.marks)
    at_rest(qtbot, many)
    assert (bar.value(), view.currentIndex().row()) == (before, 1500)


def test_a_view_that_leaps_asks_for_nothing_until_it_lands(qtbot, many, core):
    bar = many.view.verticalScrollBar()
    at_rest(qtbot, many)
    bar.setValue(bar.maximum() // 2)  # a single leap may ask at once
    bar.setValue(bar.maximum())  # a second one within the flight waits
    many.view.viewport().repaint()
    many.view.viewport().repaint()
    last_rows = COUNT - 300
    assert not [row for row in core.last.loaded if row >= last_rows]
    until(qtbot, lambda: [row for row in core.last.loaded if row >= last_rows])
    at_rest(qtbot, many)


def hit(number: int) -> Hit:
    return Hit(Path(f"/d/{number}.png"), 0.5, number + 1, Path("/d"), f"{number}.png")


def test_shown_counts_as_the_histogram_does():
    scores = np.array([0.9, 0.5, 0.5, 0.1], dtype=np.float32)
    answer = Answer(Scope(()), np.zeros(1, np.float32), np.arange(4), scores)
    found = Found(Question(text="a"), hits=HitList(answer.image_ids, scores), automatic=None)
    found = Found(found.question, hits=found.hits, histogram=answer.histogram)
    assert found.shown(Order(cut=0.5)) == 3
    assert found.shown(Order(show_all=True)) == 4
    assert found.shown(Order(cut=0.95)) == 0
    assert found.shown(Order()) == 4  # nothing stands out: the nearest few
    assert Arrangement() == lay_out(found, Order(cut=0.95))


def test_details_do_not_wait_for_what_is_counted(qtbot, many):
    runner, go_on = many.desktop.runner, threading.Event()
    try:
        runner.submit(lambda _: go_on.wait(30), lane=LOOK)
        many.view.setCurrentIndex(many.model.index(3))
        until(qtbot, lambda: "000006" in [path.stem for path in many.details.neighbours.paths])
        assert many.details.path.stem == "000003"
    finally:
        go_on.set()
    at_rest(qtbot, many)


def test_choosers_are_filled_anew_only_with_something_else(qtbot, many, core):
    chooser, offered = child(many, Chooser, "driveFilter"), []
    model = child(chooser.popup, QTreeView, "driveFilterList").model()
    model.modelReset.connect(lambda: offered.append(len(chooser.offered)))
    section = many.sidebar.findChild(FilterSection)
    section.look()
    at_rest(qtbot, many)
    assert not offered
    core.last.files.append(core.last.files[0].with_name("x.png"))
    section.look()
    at_rest(qtbot, many)
    assert offered == [3]
    assert sorted(count for _, _, count in chooser.offered) == [1000, 1000, 1001]


def test_what_takes_long_to_count_is_counted_rarely_while_the_index_grows(many, monkeypatch):
    section, library = many.sidebar.findChild(FilterSection), many.desktop.context.library
    asked = []
    monkeypatch.setattr(library, "look", lambda *_, **named: asked.append(named["key"]))
    monkeypatch.setattr("c4t_desktop.panels.bars.sidebar.COUNT_SHARE", 1e12)
    monkeypatch.setattr(type(library), "is_indexing", property(lambda _: True))
    section.look()
    assert not asked
    monkeypatch.setattr(type(library), "is_indexing", property(lambda _: False))
    section.look()
    assert asked == ["facets"]
