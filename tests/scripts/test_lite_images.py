"""What the image head is taught alone: to hold what its features tell of labels."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from c4t_core.models.network import ProjectionHead  # noqa: E402
from scripts.lite.images import Moments, aim_images, regressions, told_of  # noqa: E402
from scripts.lite.recipe import Concept, Phrase, RecipeOptions  # noqa: E402
from scripts.lite.texts import directions, places_of  # noqa: E402

SOURCES = ["dawn"] * 150 + ["roads"] * 100 + ["drawn"] * 50
BANK = [Phrase("a", 0, 0), Phrase("b", 1, 1), Phrase("a and b", 0, 1), Phrase("name", 2, 2)]
KNOWN = [Concept("a", ("a",)), Concept("b:near", ("b",))]


def features_and_table() -> tuple[np.ndarray, np.ndarray]:
    """Features of which the first tell the source loudly, the last two hardly what is shown."""
    rng = np.random.default_rng(0)
    names = np.array(SOURCES)
    shows = (rng.random((3, 300)) < 0.5).astype(np.float32)
    features = rng.normal(size=(300, 12))
    features[:, :3] += 6 * (names[:, None] == ["dawn", "roads", "drawn"])
    features[:, 10:] = shows[:2].T + 0.3 * rng.normal(size=(300, 2))
    shows[0, :20] = np.nan
    shows[1, names == "roads"] = np.nan
    return features.astype(np.float32), shows


def test_moments_of_a_choice_are_those_of_its_rows():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(300, 5)).astype(np.float32)
    fits = rng.normal(size=(300, 2)).astype(np.float32)
    places = places_of(SOURCES)
    for share in (0.1, 0.9):  # most are left out, or most are in
        known = rng.random(300) < share
        known[places[0]] = True
        known[places[2]] = False
        spread, right = Moments(rows, places, 0.9).of(known, fits)
        x, y = rows.copy(), fits.copy()
        for place in places:
            here = place[known[place]]
            if len(here):
                x[here] -= 0.9 * x[here].mean(axis=0)
                y[here] -= 0.9 * y[here].mean(axis=0)
        np.testing.assert_allclose(spread, x[known].T @ x[known], atol=2e-3)
        np.testing.assert_allclose(right, x[known].T @ y[known], atol=2e-3)


def test_regressions_tell_what_directions_tell():
    features, table = features_and_table()
    options = RecipeOptions()
    chosen, weights = regressions(features, table, SOURCES, options, [4, 4, 999])
    assert chosen.tolist() == [0, 1], "the third is shown by too few"
    ridge = options.image_aim_ridge * features.shape[1]  # there it is in mean variances of a row
    wanted = directions(
        features, table, [(0, 0), (1, 1)], SOURCES, centred=options.aim_centred, least=4,
        ridge=ridge / 300,
    )  # fmt: skip
    for one, other in zip(weights, wanted, strict=False):
        assert one @ other / np.linalg.norm(one) > 0.9


def test_all_pairs_count_as_much_as_all_concepts_and_names_do_not():
    features, table = features_and_table()
    told = told_of(features, table, BANK, KNOWN, SOURCES, RecipeOptions())
    assert told.counted.tolist() == [1.0, 2.0, 0.5]  # a, both of them, what is said of b
    assert told.sources.T.tolist() == [[True] * 3, [True, True, False], [True, True, False]]


def test_the_head_holds_what_it_had_let_go_of_and_images_stay_near():
    torch.manual_seed(0)
    features, table = features_and_table()
    head = ProjectionHead(12, 8, 0.1).eval()
    with torch.no_grad():  # it hardly sees the last two
        head.projection.weight[:, 10:] *= 0.02
    weights = {name: value.clone() for name, value in head.state_dict().items()}
    options = RecipeOptions(
        image_aim_steps=150, image_aim_rate=5e-3, image_aim_noise=0.1, image_aim_hold=0.3,
        warmup=5, mixture=(("dawn", 0.5), ("roads", 0.5)),
    )  # fmt: skip
    aimed = aim_images(head, features, (table, BANK, KNOWN), SOURCES, options, objects=2)
    assert all(torch.equal(weights[k], v) for k, v in head.state_dict().items())

    def unit(of: ProjectionHead) -> np.ndarray:
        with torch.inference_mode():
            return torch.nn.functional.normalize(of(torch.from_numpy(features)), dim=1).numpy()

    def told(rows: np.ndarray) -> float:
        """Correlation inside one source of what two directions tell with what is shown."""
        found = directions(rows, table, [(0, 0), (1, 1)], SOURCES, ridge=0.1, centred=0.9)
        here = np.arange(20, 150)
        return min(np.corrcoef(rows[here] @ found[i], table[i, here])[0, 1] for i in (0, 1))

    before, after = unit(head), unit(aimed)
    assert told(before) < 0.5
    assert told(after) > 0.8
    assert (before * after).sum(axis=1).mean() > 0.5
