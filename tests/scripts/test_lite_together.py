"""Units of the image head: what they are, and that they are fitted on other frames."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from c4t_core.models.config import ObjectsConfig  # noqa: E402
from c4t_core.models.object_branch import STATISTICS, Together  # noqa: E402
from scripts.lite.objects import CLASSES, Targets  # noqa: E402
from scripts.lite.together import fit, held_out, units  # noqa: E402

POOLED = 3
UNITS = ("car>=1", "car>=2 fog", "traffic_light>=1")


def frames(number: int):
    """Features, targets and weather: a car's map is high where there are cars, fog is pooled[0]."""
    rng = np.random.default_rng(0)
    cars, fog = rng.integers(0, 4, number), rng.integers(0, 2, number)
    features = rng.normal(size=(number, POOLED + STATISTICS * len(CLASSES))).astype(np.float32)
    first = POOLED + CLASSES.index("car") * STATISTICS
    features[:, first] = 4.0 * (cars > 0) + 0.1 * features[:, first]
    features[:, first + 2] = cars + 0.1 * features[:, first + 2]
    features[:, 0] = 5.0 * fog
    unknown = np.full((number, len(CLASSES)), np.nan, np.float32)
    counts, present = unknown.copy(), unknown.copy()
    counts[:, CLASSES.index("car")] = cars
    present[:, CLASSES.index("car")] = cars > 0
    cells = np.zeros((number, len(CLASSES), 1, 1), np.int8)
    heights = np.full((number, 1, 1), np.nan, np.float32)
    taught = Targets(cells, heights, present, np.ones_like(present), counts)
    weather = np.full((4, number), np.nan, np.float32)
    weather[0] = fog
    return features, taught, weather, cars, fog


def make() -> Together:
    return Together(ObjectsConfig(CLASSES, units=UNITS), POOLED)


def test_units_name_known_classes_once():
    named = units()
    assert len(set(named)) == len(named)
    assert {"truck>=1", "truck>=1 car>=1", "fog truck>=1", "traffic_light>=1"} & set(named)
    ObjectsConfig(CLASSES, units=named)  # refuses what is no class


def test_conditions_are_fitted_to_what_is_known():
    features, taught, weather, cars, fog = frames(400)
    together = make()
    fit(together, features, taught, weather, np.arange(400))
    with torch.no_grad():
        found = together(torch.from_numpy(features)).exp().numpy()
    assert found[cars > 0, 0].min() > 0.8
    assert found[cars == 0, 0].max() < 0.2
    both = (cars >= 2) & (fog == 1)
    assert found[both, 1].min() > found[~both, 1].max()
    assert np.ptp(found[:, 2]) < 1e-3  # nothing is known of traffic lights


def test_a_frames_units_are_told_by_the_other_half():
    features, taught, weather, _, _ = frames(200)
    folds = np.arange(200) % 2
    whole, told = held_out(features, make, taught, weather, folds)
    half = make()
    fit(half, features, taught, weather, np.flatnonzero(folds == 1))
    with torch.no_grad():
        want = half(torch.from_numpy(features[folds == 0])).numpy()
    np.testing.assert_allclose(told[folds == 0], want, atol=1e-4)
    assert told.shape == (200, len(UNITS))
    assert whole.conditions == ["car>=1", "car>=2", "fog", "traffic_light>=1"]


def test_copies_are_told_of_and_not_learnt_from():
    features, taught, weather, _, _ = frames(200)
    folds = np.arange(200) % 2
    taught.present[150:] = 1 - taught.present[150:]  # as nobody may learn
    weather[:, 150:] = 1 - weather[:, 150:]
    whole, told = held_out(features, make, taught, weather, folds, 150)
    few = [part[:150] for part in (taught.cells, taught.heights, taught.present)]
    real = Targets(*few, taught.weights[:150], taught.counts[:150])
    other, want = held_out(features[:150], make, real, weather[:, :150], folds[:150])
    np.testing.assert_allclose(told[:150], want, atol=1e-5)
    assert told.shape == (200, len(UNITS))
    for name, value in whole.state_dict().items():
        np.testing.assert_allclose(value, other.state_dict()[name], atol=1e-5)
