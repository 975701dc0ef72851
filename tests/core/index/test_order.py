"""The order of hits that are not loaded, and their events, against those that are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c4t_core.index.events import facts_of
from c4t_core.index.query import Hit
from c4t_core.index.scope import sorted_by
from c4t_core.workspace import Workspace
from tests.helpers import references
from tests.helpers.toy_model import save_picture

KEYS = {"time": references.time_key, "drive": references.drive_key}
NAMES = (
    "b/20260118091500_camera_frontcenter_000000007.png",
    "b/20260118091500_camera_frontcenter_000000003.png",
    "b/20260118091500_camera_sideleft_000000003.png",
    "a/cam1_000003.png",
    "a/cam0_000003.png",
    "a/cam0_000004.png",
    "a/plain.png",
    "c/1532402927612460000.png",
    "c/1532402927712460000.png",
    "week 10/cam10_000001.png",
    "week 9/cam2_000001.png",
)

a_hit = st.tuples(
    st.sampled_from([None, "a", "b 10", "b 9", "\U0001f697"]),
    st.sampled_from([None, "left", "right"]),
    st.sampled_from([None, 0, 1, 2, 2**40, 10**18]),
    st.sampled_from([None, 0.0, 0.5, 1.8e9, 1.8e9 + 1e-6]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(a_hit, max_size=20), st.sampled_from(["time", "drive"]))
def test_hits_are_sorted_as_by_their_keys(told, by: str) -> None:
    hits = [
        Hit(Path("x"), 0.0, rank, Path("/"), "x", drive, camera, frame, time)
        for rank, (drive, camera, frame, time) in enumerate(told, 1)
    ]
    order = facts_of(hits).order(by)
    assert [hits[at].rank for at in order] == [hit.rank for hit in sorted(hits, key=KEYS[by])]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(*[st.integers(-(2**62), 2**62), st.integers(0, 3)] * 2), max_size=30))
def test_columns_that_do_not_fit_one_number_are_sorted_too(rows) -> None:
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    assert sorted_by(*columns).tolist() == sorted(range(len(rows)), key=rows.__getitem__)


@pytest.fixture
def named(open_: Callable[..., Workspace], tmp_path: Path) -> Workspace:
    """Frames of several drives and cameras, with times and without."""
    folder = tmp_path / "named"
    for number, name in enumerate(NAMES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        save_picture(folder / name, (200, 20 + number, 30), number)
    workspace = open_(folder)
    workspace.index()
    return workspace


@pytest.fixture
def ws(open_: Callable[..., Workspace], drive: Path) -> Workspace:
    workspace = open_(drive)
    workspace.index()
    return workspace


def test_an_answer_is_sorted_as_its_hits_are(named: Workspace) -> None:
    for _ in range(2):
        answer = named.answer("red")
        hits = answer.hits()
        assert len(hits) == len(NAMES)
        for by, key in KEYS.items():
            order = answer.scope.order(answer.image_ids, by).tolist()
            assert [hits[at].rank for at in order] == [h.rank for h in sorted(hits, key=key)]
        assert answer.scope.order(answer.image_ids, "score").tolist() == [*range(len(hits))]
        named.index()  # the columns now come from the cache


def test_an_answer_is_folded_as_its_hits_are(named: Workspace, ws: Workspace) -> None:
    for workspace in (named, ws):
        answer = workspace.answer("red")
        hits, folded = answer.hits(), answer.fold(answer.scope, answer.image_ids)
        events = workspace.events(hits)
        assert [[*event.hits] for event in events] == [
            [hits[at] for at in folded.of(event).tolist()] for event in range(len(folded))
        ]
        assert [event.best for event in events] == [hits[at] for at in folded.best.tolist()]
        assert folded.counts.tolist() == [len(event.hits) for event in events]


def test_cosines_are_those_of_the_vectors(ws: Workspace) -> None:
    answer = ws.answer("red")
    ids = np.concatenate([answer.image_ids, [10**9]])
    some, others = np.array([0, 3, 5, 1]), np.array([2, 3, 4, len(ids) - 1])
    vectors = ws.vectors(answer.image_ids.tolist())
    found = answer.scope.cosines(ids)(some, others)
    pairs = zip(ids[some[:3]].tolist(), ids[others[:3]].tolist(), strict=True)
    expected = [float(vectors[one] @ vectors[other]) for one, other in pairs]
    assert found[:3] == pytest.approx(expected, abs=1e-5)
    assert np.isnan(found[3])


def test_new_frames_are_counted_alike_few_or_many(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = ws.answer("red")
    seen = sorted(hit.first_seen for hit in answer.hits())
    ids = answer.image_ids[:9]
    for since in (0.0, seen[0], seen[len(seen) // 2], seen[-1]):
        expected = sum(hit.first_seen > since for hit in answer.hits(9))
        assert answer.scope.newer(ids, since) == expected
        with monkeypatch.context() as few:
            few.setattr("c4t_core.index.store.reads.MANY", 3)
            assert answer.scope.newer(ids, since) == expected
