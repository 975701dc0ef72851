"""The recipe of the shipped model: its words, truths, batches, loss and heads."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import quality
from c4t_core.datasets.searchad import labels
from c4t_core.errors import DataError, TrainingError
from scripts.lite import things
from scripts.lite.concepts import RULES, fits, ramp
from scripts.lite.data import SOURCES, Box, Frame, part_of, read_frames
from scripts.lite.recipe import (
    Batches,
    Concept,
    Phrase,
    RecipeOptions,
    phrase_bank,
    vocabulary,
)
from scripts.lite.words import ENDING_WRAPPERS, WRAPPERS, concepts, phrases, situations

# words without content of their own, which both sides may use
COMMON = re.findall(
    "[a-z]+",
    "a an the of in on at with and or for to by from amid all over place after through without "
    "what someone somebody plenty",
)


def _frame(source: str, **known: object) -> Frame:
    return Frame(Path("x.jpg"), source, f"{source}:1", "train", **known)  # type: ignore[arg-type]


def _stem(word: str) -> str:
    for ending, instead in (("ies", "y"), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) > 4:
            return word[: -len(ending)] + instead
    return word


def _words(text: str) -> set[str]:
    return set(re.findall("[a-z]+", text.lower()))


# --- words -----------------------------------------------------------------------------------


def test_every_concept_has_words_and_a_rule() -> None:
    assert set(RULES) == set(concepts())
    for name in concepts():
        nouns, endings = phrases(name)
        assert nouns
        assert len(set(nouns)) == len(nouns)
        assert all(text.strip() == text and text for text in [*nouns, *endings])


def test_query_sentences_use_no_word_of_the_captions() -> None:
    taught = set()
    for name in concepts():
        for group in phrases(name):
            taught |= {_stem(word) for text in group for word in _words(text)}
    taught |= {_stem(word) for text in WRAPPERS + ENDING_WRAPPERS for word in _words(text)}
    for name in things.THINGS:
        for concept in (name, *(f"{name}:{said}" for said in things.SAID)):
            texts = things.phrases(concept, random.Random(0))
            taught |= {_stem(word) for text in texts for word in _words(text)}
    queries = json.loads(quality.QUERIES.read_text(encoding="utf-8"))["queries"]
    known = {
        (query["name"], word)
        for query in queries
        for text in query["sentences"]
        for word in _words(text).difference(COMMON)
        if _stem(word) in taught
    }
    assert known == set()


def test_class_names_that_the_queries_use_are_not_taught() -> None:
    pytest.importorskip("timm")
    from scripts.lite.elsewhere import class_names, usable

    queries = json.loads(quality.QUERIES.read_text(encoding="utf-8"))["queries"]
    asked = {_stem(w) for query in queries for text in query["sentences"] for w in _words(text)}
    names = class_names()
    assert len(names) == 1000
    assert {"viaduct", "steel arch bridge", "castle"} <= {name for name in names if usable(name)}
    taught = {_stem(word) for name in names if usable(name) for word in _words(name)}
    assert taught & asked - set(COMMON) == set()


def test_words_that_the_queries_use_are_taught_only_when_asked_for() -> None:
    for name in concepts():
        taught, every = phrases(name), phrases(name, every=True)
        assert all(set(more) >= set(less) for less, more in zip(taught, every, strict=True))
    assert "a blizzard" in phrases("snow", every=True)[0]
    assert "a blizzard" not in phrases("snow")[0]
    rng = random.Random(0)
    assert {"a lorry", "lorries"} <= set(things.phrases("truck", rng, every=True))
    assert not {"a lorry", "lorries"} & set(things.phrases("truck", rng))


# --- truths ----------------------------------------------------------------------------------


def test_labels_become_truths_and_unknown_stays_unknown() -> None:
    frames = [
        _frame("dawn", weather="fog", counts={"truck": 1, "car": 3}),
        _frame("roads", road="snowy"),
        _frame("camvid", shares={"car": 0.5}, time_of_day="dusk"),
        _frame("idd_lite", shares={"vehicles": 0.08}),
    ]
    table = dict(zip(concepts(), fits(frames), strict=True))
    np.testing.assert_array_equal(table["fog"], [1, 0, 0, 0])
    np.testing.assert_array_equal(table["snow"], [0, 1, 0, 0])
    np.testing.assert_array_equal(table["truck"], [1, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(table["dusk"], [np.nan, np.nan, 1, np.nan])
    np.testing.assert_allclose(table["many cars"], [1.5 / 5.5, np.nan, 1, 0.5], rtol=1e-6)
    np.testing.assert_array_equal(table["india"], [np.nan, 0, 0, 1])


def test_ramp_is_straight_between_its_ends() -> None:
    assert [ramp(v, 1.0, 3.0) for v in (0.0, 1.0, 2.0, 3.0, 9.0)] == [0.0, 0.0, 0.5, 1.0, 1.0]


# --- data ------------------------------------------------------------------------------------


def test_split_is_by_group_and_fixed() -> None:
    # written down, so that a change of the rule cannot move test images into training unseen
    assert [part_of("dawn", str(n)) for n in range(6)] == [
        part_of("dawn", str(n)) for n in range(6)
    ]
    assert part_of("camvid", "0006R0") == "test"
    assert part_of("camvid", "0001TP") == "validation"
    parts = [part_of("roads", str(n)) for n in range(4000)]
    assert 0.25 < parts.count("test") / 4000 < 0.31
    assert 0.11 < parts.count("validation") / 4000 < 0.17


def _manifest(folder: Path, source: str, lines: str) -> None:
    (folder / source).mkdir(parents=True)
    (folder / source / "manifest.jsonl").write_text(lines, encoding="utf-8")


def test_broken_and_missing_sources_are_named(tmp_path: Path) -> None:
    _manifest(tmp_path, "roads", '{"file": "a.jpg", "road": "dirt", "duplicate_group": 3}\n{"x"')
    others = [source for source in SOURCES if source != "roads"]
    with pytest.raises(DataError, match=r"Line 2 of .*manifest.jsonl"):
        read_frames(tmp_path, others)
    with pytest.raises(DataError, match="--without camvid"):
        read_frames(tmp_path)
    with pytest.raises(DataError, match='no source "moon"'):
        read_frames(tmp_path, ["moon"])


def test_real_parts_share_no_group(drive_data: Path) -> None:
    frames = read_frames(drive_data)
    groups = {part: {f.group for f in frames if f.part == part} for part in quality.PARTS}
    assert not groups["train"] & groups["test"]
    assert not groups["validation"] & groups["test"]
    assert not groups["train"] & groups["validation"]
    assert all(groups.values())
    queries = json.loads(quality.QUERIES.read_text(encoding="utf-8"))["queries"]
    tested = quality.asked([f for f in frames if f.part == "test"], queries)
    assert len(tested) >= 50
    assert {query.kind for query in tested} == set(quality.KINDS)


# --- batches and loss ------------------------------------------------------------------------


KNOWN = [
    Concept("snow", ("snow", "a snowy road"), ("in the snow",)),
    Concept("truck", ("a truck", "a big rig")),
    Concept("truck:near", ("a truck close ahead",), weight=0.5),
    Concept("car", ("a car",)),
]


def _table() -> np.ndarray:
    table = np.random.default_rng(0).random((len(KNOWN), 200), dtype=np.float32)
    table[3, :180] = np.nan  # too few images in which more is known
    return table


def test_bank_is_the_same_for_a_seed_and_names_what_it_says() -> None:
    options = RecipeOptions(combinations=50)
    bank = phrase_bank(KNOWN, _table(), options)
    assert bank == phrase_bank(KNOWN, _table(), options)
    assert bank != phrase_bank(KNOWN, _table(), RecipeOptions(combinations=50, seed=1))
    assert {phrase.text for phrase in bank} >= {"snow", "a truck", "driving in the snow"}
    pairs = [phrase for phrase in bank if phrase.first != phrase.second]
    assert pairs
    for phrase in pairs:
        assert any(noun in phrase.text for noun in KNOWN[phrase.first].nouns)
        assert 3 not in (phrase.first, phrase.second)
        assert {phrase.first, phrase.second} != {1, 2}  # a truck and a truck close ahead


def test_truth_of_a_combination_is_the_lesser_of_both_and_unknown_if_either_is() -> None:
    table = np.array([[1, 0.25, np.nan, 1]] * 2, dtype=np.float32)
    table[1] = [0.5, 1, 1, 0]
    bank = [Phrase("one", 0, 0), Phrase("both", 0, 1)]
    options = RecipeOptions(images=4, texts=9, mixture=(("dawn", 1.0),))
    images, chosen, true = Batches(KNOWN[:2], table, bank, ["dawn"] * 4, options).draw()
    assert sorted(images) == [0, 1, 2, 3]
    assert true.shape == (9, 4)
    expected = np.array([[1, 0.25, np.nan, 1], [0.5, 0.25, np.nan, 0]])
    np.testing.assert_array_equal(true, expected[chosen][:, images])


def test_names_are_drawn_beside_the_phrases_and_concepts_by_their_weight() -> None:
    table = np.ones((len(KNOWN) + 5, 40), dtype=np.float32)
    first = len(KNOWN)
    bank = [Phrase("rig", 1, 1), Phrase("near", 2, 2)]
    bank += [Phrase(f"name {n}", first + n, first + n) for n in range(5)]
    options = RecipeOptions(images=8, texts=600, names=4, mixture=(("dawn", 1.0),))
    _, chosen, true = Batches(KNOWN, table, bank, ["dawn"] * 40, options).draw()
    assert true.shape == (604, 8)
    rows = [bank[row].first for row in chosen]
    assert sum(row >= first for row in rows) == 4
    assert 1.5 < rows.count(1) / rows.count(2) < 2.7  # weights 1 and .5


def test_what_labels_and_boxes_say_is_joined() -> None:
    box = Box("truck", 0.1, 0.1, 0.5, 0.9)
    frames = [
        _frame("dawn", weather="snow", counts={"truck": 1}, boxes=(box,)),
        *[_frame("highway", boxes=(box,))] * 8,
        _frame("camvid", shares={"car": 0.5}),
    ]
    known, table = vocabulary(frames, RecipeOptions())
    rows = {concept.name: row for row, concept in enumerate(known)}
    assert len(rows) == len(known) == len(table)
    np.testing.assert_array_equal(table[rows["truck"]], [*[1] * 9, 0])
    np.testing.assert_array_equal(table[rows["truck:near"]], [*[1] * 9, 0])
    np.testing.assert_array_equal(table[rows["rain"]], [0, *[np.nan] * 8, 0])
    assert "a big truck on the road" in known[rows["truck"]].nouns  # of words.py
    assert "a semi" in known[rows["truck"]].nouns  # of things.py
    assert "truck:five" not in rows  # nothing shows it
    assert known[rows["truck:near"]].weight < known[rows["truck"]].weight


def test_no_images_is_said() -> None:
    with pytest.raises(TrainingError, match="leave fewer sources out"):
        Batches(KNOWN, _table(), [Phrase("a", 0, 0)], ["moon"] * 200, RecipeOptions())


def test_loss_equals_a_slow_reference_and_leaves_the_unknown_out() -> None:
    torch = pytest.importorskip("torch")
    from c4t_core.training.losses import graded_loss

    rng = np.random.default_rng(1)
    cosines, true = rng.uniform(-1, 1, (5, 7)), rng.uniform(0, 1, (5, 7))
    true[rng.random((5, 7)) < 0.3] = np.nan
    true[2] = 0.0

    def reference(logits: np.ndarray, truth: np.ndarray) -> float:
        parts = []
        for row, wanted in zip(logits, truth, strict=True):
            known = ~np.isnan(wanted)
            total = wanted[known].sum()
            if total <= 0.3:
                continue
            p = wanted[known] / total
            q = np.exp(row[known]) / np.exp(row[known]).sum()
            parts.append(sum(a * np.log(a / b) for a, b in zip(p, q, strict=True) if a > 0))
        return float(np.mean(parts))

    expected = reference(3 * cosines, true) + 0.5 * reference(3 * cosines.T, true.T)
    got = graded_loss(torch.tensor(cosines), torch.tensor(3.0), torch.tensor(true), 0.5)
    assert got.item() == pytest.approx(expected, abs=1e-6)


def test_heads_learn_concepts_from_features_that_hold_them() -> None:
    pytest.importorskip("torch")
    import torch

    from scripts.lite.recipe import train_heads

    rng = np.random.default_rng(0)
    table = (rng.random((3, 120)) < 0.3).astype(np.float32)
    images = (table.T @ rng.normal(size=(3, 40)) + 100 * rng.random(40)).astype(np.float32)
    texts = rng.normal(size=(3, 16)).astype(np.float32)
    bank = [Phrase(str(row), row, row) for row in range(3)]
    options = RecipeOptions(
        steps=80, images=60, texts=12, warmup=5, text_noise=0.1, mixture=(("dawn", 1.0),)
    )
    batches = Batches(KNOWN[:3], table, bank, ["dawn"] * 120, options)
    image_head, text_head = train_heads(images, texts, batches, 8, options, objects=5)
    with torch.no_grad():
        a = torch.nn.functional.normalize(image_head(torch.from_numpy(images)), dim=1)
        b = torch.nn.functional.normalize(text_head(torch.from_numpy(texts)), dim=1)
    scores = (b @ a.T).numpy()
    for row in range(3):
        assert quality.precision(table[row] > 0, scores[row])[0] > 0.95


# --- SearchAD's labels, in words alone ---------------------------------------------------------


def test_the_situations_teach_nothing_that_is_held_out() -> None:
    assert len(situations()) == len(labels()) == 90
    taught = {text for group in situations(every=True) for text in group}
    assert taught == {text for label in labels().values() for text in (label.ask, *label.taught)}
    assert not taught & {text for label in labels().values() for text in label.held}
    assert set(map(len, situations(every=True))) == {4}


def test_without_every_word_the_situations_use_no_word_of_the_queries() -> None:
    queries = json.loads(quality.QUERIES.read_text(encoding="utf-8"))["queries"]
    asked = {_stem(w) for query in queries for text in query["sentences"] for w in _words(text)}
    said = {_stem(word) for group in situations() for text in group for word in _words(text)}
    assert asked & said - set(COMMON) == set()


def test_what_no_image_shows_is_kept_apart_and_images_are_ranked_as_before() -> None:
    """Two meanings whose texts hardly differ, along an axis that no image says anything about."""
    pytest.importorskip("torch")
    import torch

    from scripts.lite.recipe import train_heads
    from scripts.lite.texts import keep_apart

    rng = np.random.default_rng(0)
    table = (rng.random((3, 120)) < 0.3).astype(np.float32)
    images = (table.T @ rng.normal(size=(3, 40))).astype(np.float32)
    texts = rng.normal(size=(3, 16)).astype(np.float32)
    axis = np.zeros(16, np.float32)
    axis[0] = 1.0
    meant = [0, 0, 0, 1, 1, 1]
    near = np.stack([texts[0] + (1.5 if side else -1.5) * axis for side in meant])
    near += rng.normal(size=near.shape).astype(np.float32) * 0.05
    bank = [Phrase(str(row), row, row) for row in range(3)]
    options = RecipeOptions(
        steps=150, images=60, texts=12, warmup=5, text_noise=0.1, apart_steps=120, apart_rate=5e-3,
        apart_noise=0.1, apart_hold=20.0, mixture=(("dawn", 1.0),),
    )  # fmt: skip
    batches = Batches(KNOWN[:3], table, bank, ["dawn"] * 120, options)
    image_head, before = train_heads(images, texts, batches, 16, options)
    weights = {name: value.clone() for name, value in before.state_dict().items()}
    far = rng.normal(size=(4, 16)).astype(np.float32)
    situations = (near, meant)
    after = keep_apart((image_head, before), images, texts, batches, situations, far, options)

    def rows(head: torch.nn.Module, features: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.no_grad():
            found = torch.nn.functional.normalize(head(torch.from_numpy(features)), dim=1)
        return np.asarray(found.numpy())

    def confused(head: torch.nn.Module) -> float:
        found = rows(head, near)
        return float((found @ found.T)[:3, 3:].mean())

    assert confused(before) > 0.85
    assert confused(after) < confused(before) - 0.1
    a = rows(image_head, images)
    ranked = [rows(head, texts) @ a.T for head in (before, after)]
    for row in range(3):
        assert np.corrcoef(ranked[0][row], ranked[1][row])[0, 1] > 0.99
    assert all(torch.equal(value, weights[name]) for name, value in before.state_dict().items())


def test_a_phrase_is_told_among_images_of_its_own_source():
    torch = pytest.importorskip("torch")
    from scripts.lite.recipe import within_sources

    told = torch.tensor([[1.0, 0.0, 0.0, 0.0, float("nan")]])  # two of one source, three of another
    scale = torch.tensor(10.0)
    by_source = within_sources(torch.tensor([[0.5, 0.5, -0.5, -0.5, 0.5]]), scale, told, [0, 2, 5])
    by_what_it_shows = within_sources(
        torch.tensor([[0.5, -0.5, 0.5, 0.5, 0.5]]), scale, told, [0, 2, 5]
    )
    assert float(by_source) == pytest.approx(np.log(2))
    assert float(by_what_it_shows) < 0.01
    nothing = within_sources(torch.zeros(1, 5), scale, torch.ones(1, 5), [0, 2, 5])
    assert float(nothing) == 0.0
