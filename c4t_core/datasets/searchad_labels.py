"""The 90 labels of SearchAD in words: what to ask with, and what users may say instead.

``searchad_labels.json`` beside this module has for each label one sentence to ask with, and
paraphrases of two kinds: ``taught`` ones may be used to train a text side, ``held`` ones never, so
that one can ask how many of them find their own label (``python -m benchmarks.searchad_words``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

PACK = "SearchAD: "
"""What the names of the saved searches begin with that ask for the labels."""


@dataclass(frozen=True)
class Label:
    """What a label is called in sentences.

    Attributes:
        name: of the label, such as "Vehicle-Duty-Fire".
        ask: the sentence to search with.
        taught: paraphrases that a training may use.
        held: paraphrases that no training may use.
    """

    name: str
    ask: str
    taught: tuple[str, ...]
    held: tuple[str, ...]

    @property
    def category(self) -> str:
        """First part of the name: one of nine."""
        return self.name.partition("-")[0]


@lru_cache(maxsize=1)
def labels() -> dict[str, Label]:
    """Return all 90 labels by name, in the benchmark's order."""
    text = Path(__file__).with_name("searchad_labels.json").read_text("utf-8")
    return {
        name: Label(name, said["ask"], tuple(said["taught"]), tuple(said["held"]))
        for name, said in json.loads(text).items()
    }


def sentences() -> dict[str, str]:
    """Return the sentence to ask with of each of the 90 labels."""
    return {name: label.ask for name, label in labels().items()}
