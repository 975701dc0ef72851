"""Where texts point: what tells the images of one source apart, and not the sources."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from benchmarks.cut import NONSENSE  # noqa: E402
from c4t_core.index.cut import SENTENCES  # noqa: E402
from scripts.lite.elsewhere import ELSEWHERE  # noqa: E402
from scripts.lite.recipe import Batches, Concept, Phrase, RecipeOptions, train_heads  # noqa: E402
from scripts.lite.texts import aim, directions, fits_of, goals, keep_apart  # noqa: E402

SOURCES = ["dawn"] * 100 + ["roads"] * 100
KNOWN = [Concept("a", ("a",)), Concept("b", ("b",))]
OF_SOURCE, THING, OTHER = np.eye(3, 8, dtype=np.float32)


def images_and_table() -> tuple[np.ndarray, np.ndarray]:
    """Unit rows whose first number tells the source, the second and third what they show."""
    rng = np.random.default_rng(0)
    roads = np.array(SOURCES) == "roads"
    shows = rng.random((2, 200)) < np.where(roads, 0.7, 0.3)  # one source has more of both
    rows = rng.normal(size=(200, 8)) * 0.1 + np.outer(np.where(roads, 2, -2), OF_SOURCE)
    rows += np.outer(shows[0], THING) + np.outer(shows[1], OTHER)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32), shows.astype(np.float32)


def test_a_direction_tells_the_images_of_a_source_apart():
    images, table = images_and_table()
    found = directions(images, table, [(0, 0), (1, 1)], SOURCES, ridge=0.1, centred=1.0)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, rtol=1e-5)
    assert found[0] @ THING > 0.95
    assert found[1] @ OTHER > 0.95
    assert abs(found[0] @ OF_SOURCE) < 0.2


def test_what_is_unknown_or_hardly_shown_has_no_direction():
    images, table = images_and_table()
    table = np.concatenate([table, np.zeros((1, 200), np.float32)])
    table[2, :2] = 1.0  # two images are too few
    table[0, 100:] = np.nan
    found = directions(images, table, [(0, 0), (2, 2)], SOURCES, ridge=0.1, centred=1.0)
    assert found[0] @ THING > 0.9  # learnt from the half of which it is known
    assert not found[1].any()
    table[1, :100] = 0.0  # in one source none shows it
    every = directions(images, table, [(1, 1)], SOURCES, ridge=0.1, centred=1.0, least=4)
    of_one = directions(images[100:], table[:, 100:], [(1, 1)], SOURCES[100:], ridge=0.1, centred=1)
    np.testing.assert_allclose(every, of_one, atol=1e-5)


def test_of_a_weather_alone_copies_tell_nothing_but_beside_a_thing_they_do():
    table = np.array([[1, 0, 1, 0], [1, 1, 0, np.nan]], np.float32)
    sources = ["dawn", "dawn", "drawn", "drawn"]
    known = [Concept("fog", ("fog",)), Concept("truck", ("a truck",))]
    found = fits_of([(0, 0), (0, 1), (1, 1)], table, sources, known)
    nan = np.nan
    wanted = [[1, 0, nan, nan], [1, 0, 0, nan], [1, 1, 0, nan]]
    np.testing.assert_array_equal(found, np.array(wanted, np.float32))


def test_two_concepts_point_to_what_shows_both():
    images, table = images_and_table()
    bank = [Phrase("a", 0, 0), Phrase("b", 1, 1), Phrase("a and b", 0, 1)]
    place, found = goals(images, table, bank, SOURCES, RecipeOptions(), KNOWN)
    both = found[place[0, 1]]
    assert min(both @ THING, both @ OTHER) > 0.5
    assert both @ found[place[0, 0]] > 0.5


def test_the_text_head_is_aimed_and_the_one_before_stays():
    rng = np.random.default_rng(1)
    images, table = images_and_table()
    texts = rng.normal(size=(3, 16)).astype(np.float32)
    away = (np.zeros((2, 16), np.float32), images)
    bank = [Phrase("a", 0, 0), Phrase("b", 1, 1), Phrase("a and b", 0, 1)]
    options = RecipeOptions(
        steps=20, images=60, texts=12, warmup=5, text_noise=0.1, aim_steps=150, aim_rate=5e-3,
        aim_noise=0.1, aim_kept=0.0, mixture=(("dawn", 0.5), ("roads", 0.5)),
    )  # fmt: skip
    batches = Batches(KNOWN, table, bank, SOURCES, options)
    _, before = train_heads(images, texts, batches, 8, options)
    weights = {name: value.clone() for name, value in before.state_dict().items()}
    place, found = goals(images, table, bank, SOURCES, options, KNOWN)
    after = aim(before, texts, batches, bank, (place, found), away, options)
    with torch.no_grad():
        rows = torch.nn.functional.normalize(after(torch.from_numpy(texts)), dim=1).numpy()
    wanted = found[[place[phrase.first, phrase.second] for phrase in bank]]
    assert (rows * wanted).sum(axis=1).min() > 0.95
    kept = dataclasses.replace(options, aim_kept=1.0)
    between = aim(before, texts, batches, bank, (place, found), away, kept)
    with torch.no_grad():
        mixed, old = (
            torch.nn.functional.normalize(head(torch.from_numpy(texts)), dim=1).numpy()
            for head in (between, before)
        )
    assert ((mixed * old).sum(axis=1) > (rows * old).sum(axis=1)).all()
    assert (mixed * (old + wanted)).sum(axis=1).min() > 0.95
    assert all(torch.equal(value, weights[name]) for name, value in before.state_dict().items())


def test_sentences_that_no_image_shows_are_kept_away_from_all():
    rng = np.random.default_rng(1)
    images, table = images_and_table()
    texts = rng.normal(size=(2, 16)).astype(np.float32)
    strange = rng.normal(size=(40, 16)).astype(np.float32)
    bank = [Phrase("a", 0, 0), Phrase("b", 1, 1)]
    options = RecipeOptions(
        steps=20, images=60, texts=12, warmup=5, text_noise=0.1, aim_steps=150, aim_rate=5e-3,
        aim_noise=0.1, aim_kept=0.0, far_weight=1.0, apart_steps=50,
        mixture=(("dawn", 0.5), ("roads", 0.5)),
    )  # fmt: skip
    batches = Batches(KNOWN, table, bank, SOURCES, options)
    image_head, before = train_heads(images, texts, batches, 8, options)
    with torch.no_grad():
        rows = torch.nn.functional.normalize(image_head(torch.from_numpy(images)), dim=1)
    wanted = goals(rows.numpy(), table, bank, SOURCES, options, KNOWN)

    def highest(head: torch.nn.Module, features: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            there = torch.nn.functional.normalize(head(torch.from_numpy(features)), dim=1)
        return (there @ rows.T).amax(dim=1).numpy()

    after = aim(before, texts, batches, bank, wanted, (strange[:30], rows.numpy()), options)
    situations = (rng.normal(size=(4, 16)).astype(np.float32), [0, 0, 1, 1])
    last = keep_apart(
        (image_head, after), images, texts, batches, situations, strange[:30], options
    )
    for head in (after, last):
        assert np.median(highest(head, strange[30:])) < np.median(highest(before, strange[30:]))
        assert highest(head, texts).min() > np.median(highest(head, strange[:30])) + 0.3


def test_what_the_cut_learns_from_and_is_measured_with_is_not_taught():
    assert len(set(ELSEWHERE)) == len(ELSEWHERE)
    assert not {*ELSEWHERE} & {*SENTENCES, *NONSENSE}
