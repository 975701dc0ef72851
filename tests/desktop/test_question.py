"""A question, its answer and its events, with the real workspace."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from c4t_core.errors import DataError
from c4t_core.index.directions import ModelHandle
from c4t_core.index.events import AlikeLevel
from c4t_core.index.objects import ObjectCondition
from c4t_core.index.query import Filters, Term, time_bounds
from c4t_core.workspace import open_workspace
from c4t_desktop.services.finder import ask, lay_out
from c4t_desktop.services.question import Order, Question, saved_question

COLOURS = ((200, 30, 30), (30, 200, 30), (30, 30, 200), (240, 240, 20), (20, 240, 240), (0, 0, 0))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Numbered files of one folder, no two of them alike; then one of them twice more."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, colour in enumerate((*COLOURS, COLOURS[-1], COLOURS[-1])):
        Image.new("RGB", (64, 48), colour).save(folder / f"photo_{number:06d}.png")
    return folder


def test_unlike_pictures_with_numbers_are_no_event(photos, tiny_model):
    with open_workspace(photos, tiny_model) as workspace:
        workspace.index()
        vectors = workspace.vectors([hit.image_id for hit in workspace.search("road", None)])
        order = Order(fold=True, show_all=True)
        found = ask(workspace, Question(text="road"), {})
        events = lay_out(found, order).events
        assert events == len(workspace.events(list(found.hits)))
        rows = [vectors[hit.image_id] for hit in sorted(found.hits, key=lambda hit: hit.path)]
    least = AlikeLevel(ModelHandle(tiny_model)).get()
    apart = sum(float(one @ other) < least for one, other in zip(rows, rows[1:], strict=False))
    assert apart
    assert events == apart + 1


def test_a_letter_is_answered_in_one_job_and_scored_once(photos, tiny_model, monkeypatch):
    from c4t_core.index.vectors.table import Table

    passes = []
    ranking = Table.ranking
    monkeypatch.setattr(
        Table, "ranking", lambda table, *how: passes.append(len(table)) or ranking(table, *how)
    )
    with open_workspace(photos, tiny_model) as workspace:
        workspace.index()
        found = ask(workspace, Question(text="road"), {})
    assert passes == [8]
    assert len(found.histogram.values) == len(found.hits) == 8


def test_marks_move_the_query_and_may_restrict_it(photos, tiny_model):
    first, last = photos / "photo_000000.png", photos / "photo_000007.png"
    alike = photos / "photo_000006.png"
    marks = {first: "right", alike: "wrong"}
    with open_workspace(photos, tiny_model) as workspace:
        workspace.index()
        plain = ask(workspace, Question(text="road"), marks)
        moved = ask(workspace, Question(text="road", refine=True), marks)
        only = ask(workspace, Question(text="road", marked="right"), marks)
        bad = ask(workspace, Question(text="road", marked="wrong", refine=True), marks)
        before, after = ({hit.path: hit.score for hit in found.hits} for found in (plain, moved))
        assert [hit.path for hit in only.hits] == [first]
        assert [hit.path for hit in bad.hits] == [alike]
    assert before.keys() - after.keys() == {alike}
    assert len(moved.histogram.values) == len(moved.hits) == len(plain.hits) - 1
    assert after[first] - after[last] > before[first] - before[last]


def test_a_saved_question_comes_back_as_it_was():
    since, until = time_bounds("2026-10-14", "2026-10-14")
    filters = Filters(within=("/d/a",), drives=("a",), cameras=("front",), since=since, until=until)
    asked = Question((), "snow", filters, marked="right", refine=True)
    settings = {"filters": asked.restrictions(), "refine": True}
    assert saved_question("snow", settings) == asked
    assert saved_question("snow", {}) == Question(text="snow")


def test_conditions_are_filters_and_name_a_question_of_nothing_else():
    people = ObjectCondition("person", ">=", 3)
    alone = Question(filters=Filters(objects=(people,)))
    assert alone.unscored
    assert not alone.empty
    assert alone.key() == "person>=3"
    images = (Term(image=Path("/d/a.png")),)
    assert replace(alone, text="snow ", images=images).title() == "snow at least 3 people a.png"
    settings = {"filters": alone.restrictions()}
    assert saved_question(alone.key(), settings) == alone
    assert saved_question("snow person>=3", {}) == Question(text="snow", filters=alone.filters)
    with pytest.raises(DataError, match="dragon"):
        saved_question("dragon:near", {})


def test_the_key_names_the_terms():
    images = (Term(image=Path("/d/a.png"), weight=-1.0),)
    assert Question(images, "snow").key() == 'snow - @"/d/a.png"'
    assert Question((Term(image=Path("/d/a.png")),)).key() == '@"/d/a.png"'
