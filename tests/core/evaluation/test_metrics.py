"""Metrics against worked numbers, slow references, every order, and an independent library."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c4t_core.evaluation import metrics
from tests.helpers import references

# Five hits, relevant at ranks 1, 3 and 5; four relevant in all.
HITS = np.array([[1, 0, 1, 0, 1]])
FOUR = np.array([4])


def test_worked_by_hand():
    assert metrics.precision_at(HITS, 1)[0] == 1
    assert metrics.precision_at(HITS, 2)[0] == 1 / 2
    assert metrics.precision_at(HITS, 5)[0] == 3 / 5
    assert metrics.precision_at(HITS, 10)[0] == 3 / 10  # five empty places
    assert metrics.recall_at(HITS, FOUR, 3)[0] == 2 / 4
    assert metrics.average_precision(HITS, FOUR)[0] == pytest.approx((1 + 2 / 3 + 3 / 5) / 4)
    assert metrics.reciprocal_rank(np.array([[0, 0, 0, 1]]))[0] == 1 / 4
    assert metrics.r_precision(HITS, FOUR)[0] == 2 / 4


def test_textbook_ndcg():
    """The worked example of graded relevance 3, 2, 3, 0, 1, 2 with an ideal of 3, 3, 2, 2, 1."""
    gains = np.array([[3, 2, 3, 0, 1, 2]])
    dcg = 3 + 2 / math.log2(3) + 3 / 2 + 1 / math.log2(6) + 2 / math.log2(7)
    best = 3 + 3 / math.log2(3) + 2 / 2 + 2 / math.log2(5) + 1 / math.log2(6)
    ideal = metrics.ideal_dcg([2, 3, 1, 3, 2], 6)
    assert ideal == pytest.approx(best)
    assert metrics.ndcg_at(gains, [ideal], 6)[0] == pytest.approx(dcg / best)
    assert dcg / best == pytest.approx(0.961, abs=5e-4)


def test_nothing_relevant_is_nan_and_silent():
    none = np.zeros((1, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert math.isnan(metrics.recall_at(none, [0], 2)[0])
        assert math.isnan(metrics.average_precision(none, [0])[0])
        assert math.isnan(metrics.ndcg_at(none, [0.0], 2)[0])
        assert math.isnan(metrics.r_precision(none, [0])[0])
        assert np.isnan(metrics.precision_recall(none, [0], [0.0, 1.0])).all()
        assert metrics.precision_at(none, 2)[0] == 0
        assert metrics.reciprocal_rank(none)[0] == 0


def test_no_images_at_all():
    empty = np.zeros((2, 0))
    assert metrics.precision_at(empty, 10).tolist() == [0, 0]
    assert metrics.reciprocal_rank(empty).tolist() == [0, 0]
    assert metrics.average_precision(empty, [3, 3]).tolist() == [0, 0]
    assert metrics.precision_recall(empty, [3, 3], [0.5]).tolist() == [[0], [0]]


@pytest.mark.parametrize("cutoff", [0, -1])
def test_a_cutoff_counts_from_one(cutoff):
    with pytest.raises(ValueError, match="from 1"):
        metrics.precision_at(HITS, cutoff)


def test_ties_fall_by_id_even_with_noise_in_the_last_bits():
    scores = np.array([[0.5, 0.5000000001, 0.7, 0.4999999999]], np.float64)
    assert metrics.ranking(scores).tolist() == [[2, 0, 1, 3]]


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4, 1e15])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_ranking_is_the_stable_order_whatever_the_scale(scale, dtype):
    scores = (np.random.default_rng(0).standard_normal((20, 50)) * scale).astype(dtype)
    scores[:, ::7], scores[:, 3], scores[:, 4] = scores[:, :1], -0.0, 0.0
    rounded = np.round(scores, metrics.SCORE_DECIMALS)
    wanted = np.argsort(-rounded, axis=1, kind="stable")
    assert np.array_equal(metrics.ranking(scores), wanted)
    assert metrics.ranking(scores[:, :0]).shape == (20, 0)


collections = st.integers(1, 25).flatmap(
    lambda size: st.tuples(
        st.lists(st.sampled_from([0.1, 0.2, 0.25, -0.4, 0.9]), min_size=size, max_size=size),
        st.lists(st.sampled_from([0.0, 0.0, 1.0, 2.0, 3.5]), min_size=size, max_size=size),
    )
)


@settings(max_examples=150, deadline=None)
@given(st.lists(collections, min_size=1, max_size=4), st.integers(1, 30))
def test_equal_to_the_slow_references(queries, n):
    for scores, grades in queries:
        names = [f"{number:03d}" for number in range(len(scores))]
        wanted = {name: grade for name, grade in zip(names, grades, strict=True) if grade > 0}
        ranked = references.rank(dict(zip(names, scores, strict=True)))
        order = metrics.ranking(np.array([scores]))
        assert [names[column] for column in order[0]] == ranked
        gains = np.array(grades)[order]
        number = np.array([len(wanted)])
        assert metrics.precision_at(gains, n)[0] == pytest.approx(
            references.precision(ranked, wanted, n), abs=1e-12
        )
        assert metrics.reciprocal_rank(gains)[0] == references.reciprocal_rank(ranked, wanted)
        if not wanted:
            continue
        ideal = metrics.ideal_dcg(list(wanted.values()), n)
        pairs = [
            (metrics.recall_at(gains, number, n), references.recall(ranked, wanted, n)),
            (
                metrics.average_precision(gains, number),
                references.average_precision(ranked, wanted),
            ),
            (metrics.ndcg_at(gains, [ideal], n), references.ndcg(ranked, wanted, n)),
            (metrics.r_precision(gains, number), references.r_precision(ranked, wanted)),
        ]
        for level in (0.0, 0.3, 0.5, 1.0):
            pairs.append(
                (
                    metrics.precision_recall(gains, number, [level])[0],
                    references.interpolated_precision(ranked, wanted, level),
                )
            )
        for ours, slow in pairs:
            assert ours[0] == pytest.approx(slow, abs=1e-12)


def test_many_queries_at_once_equal_one_by_one():
    rng = np.random.default_rng(3)
    gains = (rng.random((7, 40)) < 0.2) * rng.integers(1, 4, (7, 40))
    number = (gains > 0).sum(axis=1) + 2
    together = metrics.average_precision(gains, number)
    alone = [metrics.average_precision(gains[i : i + 1], number[i : i + 1])[0] for i in range(7)]
    assert together.tolist() == alone


@pytest.mark.parametrize(("images", "relevant"), [(1, 1), (4, 1), (5, 2), (6, 3), (6, 6)])
def test_chance_is_the_mean_over_every_order(images, relevant):
    def every(figure):
        return references.mean_over_orders(figure, images, relevant)

    assert metrics.expected_average_precision(relevant, images) == pytest.approx(
        every(references.average_precision)
    )
    assert metrics.expected_reciprocal_rank(relevant, images) == pytest.approx(
        every(references.reciprocal_rank)
    )
    for n in (1, 3, 10):
        assert metrics.expected_precision(relevant, images, n) == pytest.approx(
            every(lambda order, grades, n=n: references.precision(order, grades, n))
        )
        assert metrics.expected_recall(images, n) == pytest.approx(
            every(lambda order, grades, n=n: references.recall(order, grades, n))
        )
        assert metrics.expected_ndcg(np.ones(relevant), images, n) == pytest.approx(
            every(lambda order, grades, n=n: references.ndcg(order, grades, n))
        )


def test_chance_of_nothing_is_zero():
    level = metrics.chance_level(np.zeros(0), 0)
    assert level["ap"] == level["rr"] == 0
    assert level["precision@10"] == level["recall@10"] == level["ndcg@10"] == 0


ASK_RANX = """
import json, sys
import ranx
asked = json.load(sys.stdin)
out = ranx.evaluate(
    ranx.Qrels(asked["qrels"]), ranx.Run(asked["run"]), asked["figures"], return_mean=False
)
json.dump({figure: list(map(float, out[figure])) for figure in asked["figures"]}, sys.stdout)
"""


def test_equal_to_an_independent_library():
    # In a process of its own and without its compiler: numba takes a minute to warm up, and warns.
    if importlib.util.find_spec("ranx") is None:
        pytest.skip("ranx is not installed; it comes with the dev extra")
    rng = np.random.default_rng(11)
    images, count = 300, 12
    names = [f"img{number:04d}" for number in range(images)]
    scores = rng.permuted(np.tile(np.linspace(-1, 1, images), (count, 1)), axis=1)  # no ties
    grades = (rng.random((count, images)) < 0.15) * rng.integers(1, 4, (count, images))
    queries = [f"q{row:02d}" for row in range(count)]
    wanted = ["map", "mrr", "r-precision"] + [
        f"{figure}@{n}" for figure in ("precision", "recall", "ndcg") for n in metrics.CUTOFFS
    ]
    asked = {
        "figures": wanted,
        "qrels": {
            query: {names[i]: int(row[i]) for i in np.flatnonzero(row)}
            for query, row in zip(queries, grades, strict=True)
        },
        "run": {
            query: dict(zip(names, row.tolist(), strict=True))
            for query, row in zip(queries, scores, strict=True)
        },
    }
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK_RANX],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
    )
    theirs = json.loads(answer.stdout)
    gains = np.take_along_axis(grades, metrics.ranking(scores), axis=1)
    number = (grades > 0).sum(axis=1)
    ours = {
        "map": metrics.average_precision(gains, number),
        "mrr": metrics.reciprocal_rank(gains),
        "r-precision": metrics.r_precision(gains, number),
    }
    for n in metrics.CUTOFFS:
        ideal = [metrics.ideal_dcg(row[row > 0], n) for row in grades]
        ours[f"precision@{n}"] = metrics.precision_at(gains, n)
        ours[f"recall@{n}"] = metrics.recall_at(gains, number, n)
        ours[f"ndcg@{n}"] = metrics.ndcg_at(gains, ideal, n)
    for figure in wanted:
        assert np.abs(ours[figure] - np.asarray(theirs[figure])).max() < 1e-9, figure
