"""Class names of the data sets -> the nouns that people use for them.

Data sets call one thing by many names ("Column_Pole", "polegroup", "Poles"). :func:`concept`
brings each to a :class:`Noun`; names that say nothing about the scene ("void", "ego vehicle")
have none. What the table does not know is read as it is written.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from c4t_core.paths import resource


@dataclass(frozen=True)
class Noun:
    """How sentences speak of one class.

    Attributes:
        one: the noun in the singular; for a mass noun, the noun.
        many: its plural; None for what has no plural here ("sky", "greenery").
        others: exact synonyms, as (singular, plural) pairs.
        amounts: shares of the pixels below which there is little and above which there is much.
        height: metres, of what stands on the road; decides near and far. 0: not an object.
        kind: nouns of one kind are one thing by two names ("person", "pedestrian").
    """

    one: str
    many: str | None
    others: tuple[tuple[str, str | None], ...] = ()
    amounts: tuple[float, float] = (0.004, 0.05)
    height: float = 0.0
    kind: str = ""

    @property
    def key(self) -> str:
        """What facts are merged by."""
        return self.kind or self.one

    @property
    def is_object(self) -> bool:
        """True for what can be counted on the road, false for its surroundings."""
        return self.height > 0


def _read_words() -> dict[str, Any]:
    """Read the word lists of the captions, lists as tuples."""

    def frozen(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: frozen(item) for key, item in value.items()}
        return tuple(map(frozen, value)) if isinstance(value, list) else value

    words: dict[str, Any] = frozen(json.loads(resource("words.json").read_text("utf-8")))
    return words


WORDS = _read_words()
"""What ``resources/words.json`` holds: nouns by label, and the phrases of sentences."""

# Labels are lower case with single spaces; see `concept`.
_NOUNS: dict[str, Noun] = {label: Noun(**row) for labels, row in WORDS["nouns"] for label in labels}
_SILENT = frozenset(WORDS["silent labels"])  # they say nothing about the scene
_INSTANCE = re.compile(r"\s*[#_ ]\d+$")
_NOT_WORDS = re.compile(r"[\W\d_]+")


def class_of(label: str) -> str:
    """Return a label without its instance number.

    >>> class_of("Car 2")
    'Car'
    """
    return _INSTANCE.sub("", label) or label


@lru_cache(maxsize=4096)
def concept(label: str) -> Noun | None:
    """Return the noun for a data set's label, or None where it says nothing about the scene.

    >>> concept("Column_Pole").many
    'poles'
    """
    key = _NOT_WORDS.sub(" ", class_of(label).lower()).strip()
    if not key or (len(key) == 1 and key.isascii()) or key in _SILENT:
        return None
    return _NOUNS.get(key) or _noun_as_written(key)


def _noun_as_written(key: str) -> Noun:
    """Make a noun of a label that the table does not know; it is taken for an object."""
    grammar = engine()
    single = grammar.singular_noun(key)
    if single and len(single) > 2 and grammar.plural_noun(single) == key:
        return Noun(str(single), key, height=1.5)
    return Noun(key, str(grammar.plural_noun(key)), height=1.5)


@lru_cache(maxsize=1)
def engine() -> Any:
    """Return inflect's engine; importing it takes seconds, so it comes at first need."""
    import inflect

    return inflect.engine()


@lru_cache(maxsize=1024)
def in_words(number: int) -> str:
    """Return a number in words.

    >>> in_words(23)
    'twenty-three'
    """
    return str(engine().number_to_words(number))


@lru_cache(maxsize=4096)
def with_article(phrase: str) -> str:
    """Return the phrase behind "a" or "an"."""
    return str(engine().a(phrase))
