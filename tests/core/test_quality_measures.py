"""The benchmark of quality measures what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import quality
from benchmarks.clip import __main__ as against
from scripts.lite.data import Frame


def _frame(source: str, **known: object) -> Frame:
    return Frame(Path("x.jpg"), source, source, "test", **known)  # type: ignore[arg-type]


def test_precision_by_hand() -> None:
    relevant = np.array([True, False, True, False])
    scores = np.array([0.9, 0.8, 0.7, 0.1], np.float32)
    ap, p10 = quality.precision(relevant, scores)
    assert ap == pytest.approx((1 + 2 / 3) / 2)
    assert p10 == 0.5


def test_only_images_whose_labels_answer_take_part() -> None:
    frames = [
        *[_frame("dawn", weather="fog", counts={"truck": 1})] * 5,
        _frame("dawn", weather="fog", counts={}),
        _frame("dawn", weather="snow", counts={"truck": 2}),
        _frame("roads", road="dirt"),
        _frame("camvid", shares={"car": 0.2}),
    ]
    query = {
        "kind": "combined",
        "name": "fog+truck",
        "keyword": "truck in fog",
        "sentences": [],
        "relevant": {"dawn": {"weather": "fog", "count": {"classes": ["truck"], "min": 1}}},
    }
    rare = {
        **query,
        "name": "rare",
        "relevant": {"camvid": {"share": {"class": "car", "min": 0.1}}},
    }
    (found,) = quality.asked(frames, [query, rare])
    assert found.name == "fog+truck"
    np.testing.assert_array_equal(found.rows, range(7))
    np.testing.assert_array_equal(found.relevant, [True] * 5 + [False] * 2)


def test_figures_are_means_over_queries_and_texts() -> None:
    query = quality.Asked(
        "road",
        "dirt",
        ("dirt", "soil"),
        np.array([1, 2]),
        np.array([True, False]),
    )
    images = np.eye(3, dtype=np.float32)
    texts = {"dirt": images[1], "soil": images[2]}
    (row,) = quality.measure([query], images, texts)
    assert row["ap_by_text"] == [1.0, 0.5]
    assert (row["ap"], row["p10"], row["chance"], row["positives"]) == (0.75, 0.5, 0.5, 1)
    total = quality.summary([row])
    assert (total["map"], total["keyword"], total["sentence"]) == (0.75, 1.0, 0.5)
    assert np.isnan(total["weather"])


class Fixed:
    """A model whose vectors are given; it finds the first half of the images, or misses it."""

    min_side = 8

    def __init__(self, name: str, right: float) -> None:
        self.name = name
        self.images = np.array([[right, 1 - right]] * 5 + [[1 - right, right]] * 5, np.float32)

    def encode_images(self, images: list[Image.Image]) -> np.ndarray:
        return self.images[: len(images)]


def test_two_models_are_compared_on_the_same_queries(tmp_path, monkeypatch) -> None:
    Image.new("RGB", (16, 16)).save(tmp_path / "x.png")
    frames = [Frame(tmp_path / "x.png", "dawn", "dawn", "test")] * 10
    relevant = np.arange(10) < 5
    queries = [
        quality.Asked("weather", f"q{i}", (f"q{i}",) * 2, np.arange(10), relevant) for i in range(4)
    ]
    texts = {query.name: np.array([1, 0], np.float32) for query in queries}
    models = {"c4t": Fixed("c4t", 1.0), "clip": Fixed("clip", 0.0)}
    monkeypatch.setattr("c4t_core.load_model", models.get)
    monkeypatch.setattr(
        against,
        "embedded",
        lambda model, _data, _part: quality.Embedded(frames, queries, model.images, texts),
    )
    result = against.compare(["c4t", "clip"], tmp_path, "test")
    missed = float(np.mean([(i + 1) / (i + 6) for i in range(5)]))
    assert result["models"]["clip"]["summary"]["map"] == pytest.approx(missed)
    gained = result["difference"]["ap"]
    assert gained["mean"] == gained["low"] == gained["high"] == pytest.approx(1 - missed)
    lines = against.table(result).splitlines()
    assert lines[0] == "4 queries, 10 images of the test part"
    assert lines[4].startswith("| c4t | 1.000 | 0.500 | 0.500 |")
    assert lines[6].startswith(f"| c4t less clip (95 %, paired) | {1 - missed:+.3f} (")
