"""Near-identical frames counted once, and how far a mean can be trusted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c4t_core.evaluation.collection import EVENT_FRAMES, Collection, fold, moments
from c4t_core.evaluation.metrics import mean_intervals
from tests.helpers import references


def frames(*names: str, drives: tuple[str | None, ...] | None = None) -> Collection:
    kept = tuple(sorted(names))
    return Collection(
        kept, tuple(map(Path, kept)), ((),) * len(kept), drives or (None,) * len(kept)
    )


def test_frames_of_a_drive_within_seconds_are_one_moment():
    kitti = [f"2011_09_26_drive_0001/data/{n:010d}.png" for n in (0, 1, EVENT_FRAMES, 51, 200)]
    other = "2011_09_26_drive_0002/data/0000000001.png"
    moment = moments(frames(*kitti, other))
    assert moment.tolist() == [0, 0, 0, 1, 2, 3]


def test_an_event_does_not_grow_without_end():
    names = [f"drive/{n:06d}.jpg" for n in range(0, 500, 10)]
    assert moments(frames(*names)).max() + 1 == -(-500 // (EVENT_FRAMES + 10))


def test_duplicates_of_the_data_set_go_together():
    images = frames("x/holiday.jpg", "y/sunset.jpg", "z/else.jpg")
    assert moments(images).tolist() == [0, 1, 2]
    assert moments(images, {"x/holiday.jpg": "7", "y/sunset.jpg": "7"}).tolist() == [0, 0, 1]


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 20), st.integers(0, 2**31))
def test_fold_keeps_the_first_hit_of_every_event(size, seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(size)
    worth = rng.integers(0, 2, size) * 1.0
    moment = rng.integers(0, 6, size)
    gains = worth[order]
    folded, relevant = fold(order, gains, moment)
    names = [str(i) for i in range(size)]
    event_of = {names[i]: (int(moment[i]), bool(worth[i])) for i in range(size)}
    kept = references.first_of_each([names[i] for i in order], event_of)
    assert folded.tolist() == [worth[int(name)] for name in kept]
    assert relevant == len({event for event in event_of.values() if event[1]})


def test_ten_near_identical_frames_are_one_find():
    names = [f"drive/{n:06d}.jpg" for n in range(10)] + [f"far{n}/{n:06d}.jpg" for n in range(10)]
    images = frames(*names)
    order = np.arange(20)
    gains = np.array([1.0] * 10 + [0.0] * 10)
    folded, relevant = fold(order, gains, moments(images))
    assert relevant == 1
    assert folded.tolist() == [1] + [0] * 10


def test_interval_of_a_mean():
    rng = np.random.default_rng(0)
    values = np.stack([rng.normal(0.5, 0.1, 400), np.full(400, 0.3)], axis=1)
    (low, high), (same_low, same_high) = mean_intervals(values, seed=1)
    mean, error = values[:, 0].mean(), values[:, 0].std() / 20
    assert low == pytest.approx(mean - 1.96 * error, abs=error / 3)
    assert high == pytest.approx(mean + 1.96 * error, abs=error / 3)
    assert (same_low, same_high) == (pytest.approx(0.3), pytest.approx(0.3))


def test_intervals_are_seeded_and_need_two_queries():
    values = np.random.default_rng(0).random((9, 1))
    assert np.array_equal(mean_intervals(values, 3), mean_intervals(values, 3))
    assert not np.array_equal(mean_intervals(values, 3), mean_intervals(values, 4))
    assert np.isnan(mean_intervals(values[:1], 3)).all()
    assert np.isnan(mean_intervals(values[:0], 3)).all()


def test_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(7)
    inside = 0
    for seed in range(200):
        low, high = mean_intervals(rng.normal(0.0, 1.0, (60, 1)), seed, resamples=400)[0]
        inside += low <= 0 <= high
    assert 180 <= inside <= 199
