"""The sentences of SearchAD's labels: all there, each said once, none of the held ones taught."""

from __future__ import annotations

import re
from collections import Counter

from c4t_core.datasets.searchad import labels, sentences

CATEGORIES = {
    "Animal": 13,
    "Human": 7,
    "Marking": 5,
    "Object": 15,
    "Rideable": 11,
    "Scene": 8,
    "Sign": 5,
    "Trailer": 7,
    "Vehicle": 19,
}


def test_there_are_ninety_labels_in_nine_categories() -> None:
    assert Counter(label.category for label in labels().values()) == CATEGORIES
    assert list(sentences()) == list(labels())
    assert sentences()["Vehicle-Duty-Fire"] == "a fire engine"


def test_every_sentence_is_said_once_and_half_of_the_paraphrases_are_held_out() -> None:
    said = Counter(
        " ".join(re.findall("[a-z]+", sentence.lower()))
        for label in labels().values()
        for sentence in (label.ask, *label.taught, *label.held)
    )
    assert not [sentence for sentence, times in said.items() if times > 1]
    for label in labels().values():
        assert len(label.taught) == len(label.held) == 3, label.name
