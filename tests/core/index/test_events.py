"""Hits folded into events, and from which cosine on a model's frames are alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from c4t_core.index.directions import ModelHandle
from c4t_core.index.events import AlikeLevel, alike_level, fold_events, usual_step
from c4t_core.index.query import Hit
from c4t_core.paths import cache_dir
from c4t_core.workspace import Workspace
from tests.helpers import references
from tests.helpers.toy_model import COLOURS, ToyModel, save_picture

Open = Callable[..., Workspace]
EAST, NORTH = np.array([1, 0], "f4"), np.array([0, 1], "f4")
ALL_EAST = dict.fromkeys(range(100), EAST)


def hit(rank: int, drive: str | None, frame: int | None, time: float | None = None, **more) -> Hit:
    name = f"{drive}/{frame}.png"
    named = {"root": Path("/r"), "relative": name, "camera": None, "image_id": rank, **more}
    return Hit(Path("/r", name), 1 - rank / 100, rank, drive=drive, frame=frame, time=time, **named)


def folded(hits: Sequence[Hit], vectors=ALL_EAST, step: float = 1.0) -> list[list[int]]:
    events = fold_events(hits, vectors, 0.8, lambda _: step)
    return [[member.rank for member in event.hits] for event in events]


def test_neighbours_in_frames_are_one_event() -> None:
    hits = [hit(1, "a", 12), hit(2, "b", 13), hit(3, "a", 10), hit(4, "a", 500), hit(5, "a", 11)]
    assert folded(hits) == [[3, 5, 1], [2], [4]]
    assert fold_events(hits, ALL_EAST, 0.8, lambda _: 1.0)[0].best.rank == 1


def test_usual_step_of_the_drive_scales_the_gap() -> None:
    every_thirtieth = [hit(i + 1, "a", 6690 + 30 * i) for i in range(6)]
    assert len(folded(every_thirtieth, step=30)) == 1
    assert len(folded(every_thirtieth, step=1)) == 6
    two = [hit(1, "a", 0), hit(2, "a", 500)]  # two hits do not tell how the drive was taken
    assert folded(two) == [[1], [2]]
    assert folded([hit(1, "a", 0), hit(2, "a", 10)]) == [[1, 2]]
    assert folded([hit(1, "a", 0), hit(2, "a", 11)]) == [[1], [2]]


def test_usual_step() -> None:
    assert usual_step([6750, 6690, None, 6720, 6720]) == 30
    assert usual_step([0, 1, 2, 500, 501]) == 1
    assert usual_step([0, 1, 100, 200, 300]) == 3
    assert usual_step([7]) == usual_step([None]) == usual_step([]) == 1


def test_times_decide_where_they_are_known() -> None:
    hits = [hit(1, "a", 1, 100.0), hit(2, "a", 2, 105.0), hit(3, "a", 3, 120.0)]
    assert folded(hits) == [[1, 2], [3]]
    one_stamp = [hit(1, "a", 1, 100.0), hit(2, "a", 900, 100.0), hit(3, "a", 2, 100.0)]
    assert folded(one_stamp) == [[1, 3], [2]]


def test_unlike_neighbours_are_two_events() -> None:
    hits = [hit(1, "a", 1), hit(2, "a", 2), hit(3, "a", 3)]
    assert folded(hits, {1: EAST, 2: EAST, 3: NORTH}) == [[1, 2], [3]]


def test_a_hit_without_a_vector_is_an_event_of_its_own() -> None:
    hits = [hit(1, "a", 1), hit(2, "a", 2), hit(3, "a", 3)]
    assert folded(hits, {}) == [[1], [2], [3]]
    assert folded(hits, {1: EAST, 3: EAST}) == [[1], [2], [3]]


def test_cameras_and_nameless_frames_stay_apart_but_not_opened_folders() -> None:
    hits = [hit(1, None, None), hit(2, None, 5), hit(3, "a", None), hit(4, "a", None)]
    assert folded(hits) == [[1], [2], [3], [4]]
    other = [hit(1, "a", 1), hit(2, "a", 2, camera="left"), hit(3, "a", 2, root=Path("/s"))]
    assert folded(other) == [[1, 3], [2]]
    assert folded([]) == []


a_hit = st.tuples(
    st.sampled_from([None, "a", "b"]),
    st.sampled_from([None, "left"]),
    st.sampled_from([None, 0, 1, 10, 20, 21, 30, 60]),
    st.sampled_from([None, None, 0.0, 2.5, 5.0, 7.5, 12.5, 12.75]),
    st.sampled_from([None, 0, 20, 40, 60, 80]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(a_hit, max_size=14), st.sampled_from([1.0, 2.0]), st.sampled_from([0.5, 0.8]))
def test_events_are_what_the_definition_says(told, step: float, alike: float) -> None:
    hits, vectors = [], {}
    for rank, (drive, camera, frame, time, angle) in enumerate(told, 1):
        hits.append(hit(rank, drive, frame, time, camera=camera, relative=f"{rank:03d}.png"))
        if angle is not None:
            vectors[rank] = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))], "f4")
    events = fold_events(hits, vectors, alike, lambda _: step)
    expected = references.events_by_definition(hits, vectors, alike, step)
    assert sorted(sorted(h.rank for h in event.hits) for event in events) == sorted(
        map(sorted, expected)
    )
    assert [event.best.rank for event in events] == sorted(map(min, expected))


class Cone(ToyModel):
    """The toy, with all its embeddings in a narrow cone, as those of CLIP are."""

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        rows = super().encode_pixels(pixels)
        rows[:, 0] += 4
        unit: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit


class Same(ToyModel):
    """Gives every picture one embedding."""

    def encode_pixels(self, pixels: np.ndarray) -> np.ndarray:
        return super().encode_pixels(np.zeros_like(pixels))


class Asleep(ToyModel):
    """Embeds nothing."""

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        raise AssertionError("was asked")


def test_the_level_follows_the_model() -> None:
    wide = AlikeLevel(ModelHandle(ToyModel("wide"))).get()
    narrow = AlikeLevel(ModelHandle(Cone("narrow"))).get()
    assert 0.5 < wide < 0.99
    assert 0.99 < narrow < 1


def test_the_level_scales_as_distances_do() -> None:
    rng = np.random.default_rng(0)
    scenes = rng.standard_normal((4, 1, 30)) + 0.3 * rng.standard_normal((4, 8, 30))
    drives = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in scenes]
    level = alike_level(drives)
    lengths = np.sqrt(1 + 9)  # a component of 3 that all share
    cone = [np.column_stack([rows, np.full(len(rows), 3.0)]) / lengths for rows in drives]
    assert 1 - alike_level(cone) == pytest.approx((1 - level) / 10, rel=1e-4)


def test_equal_vectors_are_alike_for_any_model() -> None:
    assert AlikeLevel(ModelHandle(Same("same"))).get() <= 1 - 1e-6


def test_the_level_is_found_once_for_a_fingerprint() -> None:
    level = AlikeLevel(ModelHandle(ToyModel())).get()
    assert AlikeLevel(ModelHandle(Asleep())).get() == level  # of one fingerprint
    (kept,) = (cache_dir() / "alike").glob("*.json")
    for damage in ("{", "[]", '{"rule": 1}', kept.read_text().replace(str(level), "7")):
        kept.write_text(damage)
        assert AlikeLevel(ModelHandle(ToyModel())).get() == level
    assert AlikeLevel(ModelHandle(ToyModel("other", dim=24))).get() != level


def test_a_level_that_cannot_be_kept_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    (cache_dir() / "alike").write_text("a file where a folder should be")
    assert 0 < AlikeLevel(ModelHandle(ToyModel())).get() < 1


def frames(folder: Path, colours: Sequence[str], step: int = 1) -> None:
    for number, colour in enumerate(colours):
        save_picture(folder / "drive" / f"{number * step:06d}.png", COLOURS[colour], number % 3)


@pytest.mark.parametrize("kind", [ToyModel, Cone])
def test_a_cut_within_a_drive_is_seen_by_any_model(
    tmp_path: Path, open_: Open, kind: type[ToyModel]
) -> None:
    frames(tmp_path / "f", ["red"] * 5 + ["blue"] * 4 + ["red"] * 3)
    workspace = open_(tmp_path / "f", with_model=kind(kind.__name__))
    workspace.index()
    events = workspace.events(workspace.search("red", None))
    assert sorted(len(event.hits) for event in events) == [3, 4, 5]


def test_few_hits_do_not_stretch_the_step_of_their_drive(tmp_path: Path, open_: Open) -> None:
    frames(tmp_path / "f", ["red"] * 60, step=30)
    workspace = open_(tmp_path / "f")
    workspace.index()
    hits = sorted(workspace.search("red", None), key=lambda hit: hit.frame or 0)
    assert len(workspace.events(hits)) == 1
    assert len(workspace.events(hits[::10])) == 1
    assert len(workspace.events(hits[::11])) == 6
    assert len(workspace.events([hits[0], hits[50]])) == 2
