"""The measure of which paraphrase finds its own label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import searchad_words
from c4t_core.datasets.searchad import Label

_LABELS = {
    "Animal-Cat": Label("Animal-Cat", "cat", (), ("kitten", "tom")),
    "Animal-Dog": Label("Animal-Dog", "dog", (), ("hound",)),
    "Sign-Stop": Label("Sign-Stop", "stop", (), ("halt",)),
    "Sign-Train": Label("Sign-Train", "train", (), ("rails",)),
}
_AXES = ("cat", "dog", "stop", "train")
_MEANT = {
    "kitten": [3, 1, 0, 0],  # its own
    "tom": [1, 3, 0, 0],  # the dog, then its own
    "hound": [3, 1, 2, 2.5],  # own is last
    "halt": [0, 0, 1, 0],
    "rails": [0, 0, 0, 9],  # length says nothing
}


def _encode(texts: Sequence[str]) -> NDArray[np.float32]:
    rows = [
        _MEANT.get(text, np.eye(4)[_AXES.index(text)] if text in _AXES else 0) for text in texts
    ]
    return np.array(rows, np.float32)


def test_own_label_first_and_among_the_first_three() -> None:
    found = searchad_words.measure(_encode, _LABELS, lambda label: label.held)
    assert (found["n"], found["first"], found["near"]) == (5, pytest.approx(3 / 5), 4 / 5)
    assert found["categories"]["Animal"] == {"n": 3, "first": pytest.approx(1 / 3), "near": 2 / 3}
    assert found["categories"]["Sign"]["first"] == 1.0
    assert sorted(found["confused"]) == [
        ("Animal-Cat", "Animal-Dog", 1),
        ("Animal-Dog", "Animal-Cat", 1),
    ]


def test_the_command_prints_chance_and_both_spaces(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    part = searchad_words.measure(_encode, _LABELS, lambda label: label.held)
    monkeypatch.setattr(
        searchad_words, "run", lambda name: {"model": {"held": part}, "encoder": {"held": part}}
    )
    assert searchad_words.main(["--model", "c4t:mine", "--worst", "1"]) == 0
    printed = capsys.readouterr().out
    assert "c4t:mine: chance 1.1% first, 3.3% among the first 3" in printed
    assert "held    5 paraphrases: own label first 60.0%, among the first 3 80.0%" in printed
    assert printed.count("is taken for") == 1
