"""The automatic cut: a pure function."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from c4t_core.index.cut import Levels, Mixture, automatic_threshold, crossing, fit_mixture


def scores(*parts: tuple[int, float, float], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(mean, sigma, n) for n, mean, sigma in parts]).astype("f4")


@pytest.mark.parametrize("share", [0.005, 0.05, 0.3, 0.5])
@pytest.mark.parametrize("count", [500, 5000])
def test_two_groups_are_parted(share: float, count: int) -> None:
    few = max(8, int(count * share))
    values = scores((count - few, 0.15, 0.03), (few, 0.45, 0.04))
    cut = automatic_threshold(values)
    assert cut is not None
    assert 0.22 < cut < 0.4
    wrong = (values[:-few] > cut).sum() + (values[-few:] <= cut).sum()
    assert wrong <= 0.01 * count


@pytest.mark.parametrize("seed", range(8))
def test_one_group_has_no_cut(seed: int) -> None:
    assert automatic_threshold(scores((3000, 0.2, 0.05), seed=seed)) is None


@pytest.mark.parametrize(
    "values",
    [
        [],
        [0.5],
        [0.1, 0.9],
        [0.3] * 1000,
        [float("nan")] * 20,
        [0.1] * 7,
    ],
)
def test_too_little_to_tell(values: list[float]) -> None:
    assert automatic_threshold(np.array(values, dtype=np.float32)) is None


@given(st.lists(st.floats(-1, 1, width=32), max_size=60))
def test_a_cut_lies_within_the_scores(values: list[float]) -> None:
    array = np.array(values, dtype=np.float32)
    cut = automatic_threshold(array)
    if cut is not None:
        mixture = fit_mixture(array)
        assert mixture is not None
        assert abs(sum(mixture.weights) - 1) < 1e-6
        assert array.min() < cut < array.max()


def test_a_tail_without_a_second_group_is_cut_at_what_stands_out() -> None:
    tail = np.linspace(0.42, 0.6, 9, dtype=np.float32)
    broad = np.concatenate([scores((5000, -0.1, 0.1)), tail])
    cut = automatic_threshold(broad)
    assert cut is not None
    assert 5 <= (broad > cut).sum() <= 12


def test_two_groups_below_what_unrelated_sentences_reach_are_no_match() -> None:
    summer_and_winter = scores((2000, -0.1, 0.05), (2000, 0.1, 0.05))
    assert automatic_threshold(summer_and_winter) is not None
    assert automatic_threshold(summer_and_winter, Levels(0.35, 0.35)) is None


def test_a_majority_that_stands_out_is_cut_at_the_level_of_unrelated_sentences() -> None:
    everywhere = scores((600, 0.1, 0.05), (2400, 0.4, 0.03))
    assert automatic_threshold(everywhere, Levels(0.33, 0.33)) == pytest.approx(0.33)


def test_of_one_group_that_stands_out_the_better_part_is_shown() -> None:
    """Where a folder is all alike to a query, not all of it is what was looked for."""
    one_group = scores((3000, 0.4, 0.03))
    assert automatic_threshold(one_group) is None
    for unrelated in (0.3, -0.3):
        cut = automatic_threshold(one_group, Levels(unrelated, 0.4))
        assert cut is not None
        assert 0.02 < (one_group >= cut).mean() < 0.5


def test_what_beats_a_low_level_by_far_is_cut_below_the_best() -> None:
    """Where unrelated sentences are nowhere near the images, their level says nothing of where."""
    everywhere = scores((600, 0.1, 0.05), (2400, 0.4, 0.04))
    best = float(everywhere.max())
    for low in (-0.4, 0.0):
        assert automatic_threshold(everywhere, Levels(low, 0.4)) == pytest.approx(0.6 * best)


@pytest.mark.parametrize("count", [500, 5000])
def test_a_best_score_that_no_asked_sentence_would_have_is_no_match(count: int) -> None:
    values = scores((count, 0.0, 0.01), (count // 20, 0.1, 0.01))
    assert automatic_threshold(values, Levels(-0.1, 0.2)) is not None
    assert automatic_threshold(values, Levels(0.0, 0.5)) is None


def test_a_best_score_below_zero_is_cut_at_the_level() -> None:
    values = scores((3000, -0.3, 0.02))
    assert automatic_threshold(values, Levels(-0.28, -0.28)) == pytest.approx(-0.28)


def test_a_few_that_score_more_are_cut_where_they_part() -> None:
    values = scores((4000, 0.1, 0.03), (200, 0.4, 0.05))
    cut = automatic_threshold(values)
    assert automatic_threshold(values, Levels(0.3, 0.3)) == pytest.approx(cut)


def test_no_step_lies_where_a_few_become_many() -> None:
    """A term that is weighed a little more must not make ten times the hits, nor a tenth."""
    before = None
    for share in np.arange(0.05, 0.8, 0.01):
        upper = int(4000 * share)
        values = scores((4000 - upper, 0.05, 0.06), (upper, 0.3, 0.08))
        cut = automatic_threshold(values, Levels(0.4, 0.4))
        assert cut is not None
        count = int((values >= cut).sum())
        assert before is None or 0.5 < count / before < 2
        before = count


@pytest.mark.parametrize("count", [60, 6000])
def test_two_groups_below_the_levels_are_no_match_in_few_images_or_many(count: int) -> None:
    values = scores((count * 4 // 5, -0.25, 0.04), (count // 5, 0.08, 0.03))
    cut = automatic_threshold(values, Levels(-0.2, 0.1))
    assert cut is not None
    assert (values > cut).sum() == pytest.approx(count // 5, rel=0.05)
    assert automatic_threshold(values, Levels(0.26, 0.26)) is None


def test_two_nearly_equal_scores_of_a_dozen_are_no_group_of_their_own() -> None:
    shown = [0.3037, 0.3032, 0.2807, 0.2283]
    values = np.array([*shown, 0.095, 0.086, 0.05, 0.03, 0.01, -0.02, -0.04, -0.05], np.float32)
    cut = automatic_threshold(values, Levels(-0.16, 0.26))
    assert cut is not None
    assert (values >= cut).sum() == len(shown)


def test_order_and_size_do_not_matter() -> None:
    values = scores((4000, 0.1, 0.03), (200, 0.4, 0.05))
    cut = automatic_threshold(values)
    assert automatic_threshold(np.sort(values)) == pytest.approx(cut)
    assert automatic_threshold(values.astype(np.float64)) == pytest.approx(cut, abs=1e-3)


def test_crossing_is_where_the_densities_are_equal() -> None:
    mixture = Mixture((0.9, 0.1), (0.1, 0.5), (0.05, 0.1), 1.0)
    x = crossing(mixture)
    assert x is not None
    density = [
        w / s * np.exp(-0.5 * ((x - m) / s) ** 2)
        for w, m, s in zip(mixture.weights, mixture.means, mixture.sigmas, strict=True)
    ]
    assert density[0] == pytest.approx(density[1])
    same = Mixture((0.5, 0.5), (0.0, 1.0), (0.1, 0.1), 1.0)
    assert crossing(same) == pytest.approx(0.5)
