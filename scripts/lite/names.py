"""Words outside the labels: the image encoder's own classifier as a second, weak teacher.

The image encoder was trained to tell ImageNet's 1000 classes apart (traffic light, ambulance,
viaduct, dogs). Its classifier is not part of the model, but it says in which direction of the
features each class lies. Images that lie far out in that direction are taught to fit the name of
the class: most are no such thing, but what they have of it is what a word like it should find.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from scripts.lite.recipe import Phrase
from scripts.lite.things import THINGS
from scripts.lite.words import WRAPPERS

# Words that the queries of benchmarks/quality ask with: classes named so are left out.
HELD_OUT = frozenset(
    re.findall(
        "[a-z]+",
        "barrier bush cloud column congestion crowd desert double decker dust fence foliage "
        "freight frost haze iron mist moped passenger pillar powder scooter sedan shrub "
        "skyscraper soil trail transport",
    )
)
_THINGS = frozenset(text.split()[-1] for thing in THINGS.values() for text in thing.one)
_LOW, _HIGH = 1.5, 4.0  # standard deviations of a class's score, between not at all and fully


def class_names() -> list[str]:
    """Return one short English name for each of ImageNet's 1000 classes."""
    from timm.data import ImageNetInfo

    info = ImageNetInfo()
    return [info.index_to_description(i).split(",")[0].lower() for i in range(1000)]


def usable(name: str) -> bool:
    """Tell whether a class may be taught: no held-out word, and no thing that boxes tell of."""
    words = re.findall("[a-z]+", name)
    return words[-1] not in _THINGS and not HELD_OUT.intersection(words)


def name_fits(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how well each class fits each image, by the classifier's scores.

    Args:
        features: float32 (n, 1280), means of the last feature map.

    Returns:
        float32 (1000, n) in 0..1: 0 up to 1.5 standard deviations above a class's mean score
        over these images, 1 from 4 on.
    """
    from c4t_core.models.pretrained import efficientnet_lite0_state

    state = efficientnet_lite0_state(classifier=True)
    weight, bias = state["classifier.weight"].numpy(), state["classifier.bias"].numpy()
    scores = features @ weight.T + bias  # (n, 1000)
    apart = (scores - scores.mean(axis=0)) / (scores.std(axis=0) + 1e-6)
    fits: NDArray[np.float32] = np.clip((apart - _LOW) / (_HIGH - _LOW), 0, 1).T
    return np.ascontiguousarray(fits, dtype=np.float32)


def name_phrases(first_row: int) -> list[Phrase]:
    """Return two phrases per usable class, for rows of the table from ``first_row`` on."""
    bank = []
    for number, name in enumerate(class_names()):
        row = first_row + number
        if usable(name):
            wrapper = WRAPPERS[1 + number % (len(WRAPPERS) - 1)]
            bank += [Phrase(name, row, row), Phrase(wrapper.format(f"a {name}"), row, row)]
    return bank
