"""What is odd about the words of a query: words that its model does not know, a sign set too close.

A dual encoder answers whatever is typed. Of a word that it never read, such as a slip of the pen or
one of another language, it makes something of the pieces, and the hits look like any others.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import lru_cache

from c4t_core.index.query import Query
from c4t_core.models.protocol import english_words
from c4t_core.paths import resource

_WORD = re.compile(r"[^\W\d_]+")
_GLUED = re.compile(r"(?:^|(?<=\s))([+-])([^\W\d_][^\s]+)")
_ALIKE = 0.82  # of two words, by difflib: "trafic" and "traffic" .92, "jamm" and "jam" .86
_SHORT = 3  # letters; what is shorter is seldom a word ("t-junction")
_PART = 4  # letters of the halves of "windscreen"
_ENDINGS = ("'s", "s", "es", "d", "ed", "r", "er", "ers", "ing", "ings", "ly", "y", "ish", "less")
_LISTS = (("words.json",), ("sentences.json",), ("evaluation", "queries.json"))


@dataclass(frozen=True)
class WordHint:
    """Something odd about a word of a query.

    Attributes:
        word: as it is typed.
        instead: what to write in its place, "" where nothing near it is known.
        glued: it begins with "+" or "-" that no space follows, so that it is no operator;
            otherwise the model does not know the word.
    """

    word: str
    instead: str = ""
    glued: bool = False

    def replaced(self, text: str) -> str:
        """Return a query with this word written as it is proposed."""
        pattern = rf"(?<!\w){re.escape(self.word)}(?!\w)"
        return re.sub(pattern, lambda _: self.instead, text) if self.instead else text


def word_hints(query: Query, model: object) -> tuple[WordHint, ...]:
    """Return what is odd about the words of a query, each once, in their order.

    Args:
        query: its terms in words are looked at.
        model: one that tells which English words it has; of the words that others know, nothing is
            said. A word counts as known if it is one of them, if captions have it, if it ends on
            a usual ending of such a word, or if it is made of two ("windscreen").
    """
    texts = [term.text for term in query.terms if term.text]
    hints = [
        WordHint(match[0], f"{match[1]} {match[2]}", glued=True)
        for text in texts
        for match in _GLUED.finditer(text)
    ]
    words = [word for text in texts for word in _WORD.findall(text) if not _is_usual(word)]
    known = english_words(model) if words else None  # a table takes longer to read than these
    if known is not None:
        hints += [WordHint(word, _near(word)) for word in words if not _is_known(word, known)]
    return tuple(dict.fromkeys(hints))


def hint_sentences(hints: tuple[WordHint, ...]) -> list[str]:
    """Return what the command line says of hints."""
    said = []
    for hint in hints:
        if hint.glued:
            do = "want less of it" if hint.word.startswith("-") else "add it"
            said.append(
                f'"{hint.word}" is searched for as it is; to {do} write "{hint.instead}", '
                "with a space."
            )
    unknown = [hint for hint in hints if not hint.glued]
    if unknown:
        words = ", ".join(f'"{hint.word}"' for hint in unknown)
        near = ", ".join(f'"{hint.instead}"' for hint in unknown if hint.instead)
        remedy = f"did you mean {near}?" if near else "it reads English; say it in other words."
        said.append(f"The model may not know {words}; {remedy}")
    return said


def _plain(word: str) -> str:
    """Return a word as the tokenizers of English models read it: small, without accents."""
    apart = unicodedata.normalize("NFD", word.lower())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def _is_latin(word: str) -> bool:
    return all("LATIN" in unicodedata.name(letter, "") for letter in word)


def _is_usual(word: str) -> bool:
    """Tell whether captions have a word, or it is too short to be looked at."""
    plain = _plain(word)
    return _is_latin(word) and (len(plain) < _SHORT or _has(plain, _usual_words()))


def _is_known(word: str, known: Mapping[str, int]) -> bool:
    """Tell whether a model knows a word that is not usual."""
    if not _is_latin(word):
        return False
    plain, usual = _plain(word), _usual_words()
    if _has(plain, known):
        return True
    for at in range(_SHORT, len(plain) - _SHORT + 1):
        halves = (plain[:at], plain[at:])
        if all((len(half) >= _PART and half in known) or half in usual for half in halves):
            return True
    return False


def _has(word: str, words: Container[str]) -> bool:
    """Tell whether a word, or one that it is an inflection of, is among some."""
    if word in words:
        return True
    for ending in _ENDINGS:
        stem = word.removesuffix(ending)
        if stem == word or len(stem) < _SHORT:
            continue
        stems = {stem, f"{stem}e", stem[:-1] if stem[-2:-1] == stem[-1] else stem}
        if stem.endswith("i"):  # lorries, muddier
            stems.add(f"{stem[:-1]}y")
        if any(one in words for one in stems):
            return True
    return False


def _near(word: str) -> str:
    """Return the word of traffic that is most like one, "" if none is."""
    from difflib import get_close_matches

    plain = _plain(word)
    usual = sorted(one for one in _usual_words() if one[0] == plain[0])
    swapped = (one for one in usual if sorted(one) == sorted(plain))  # "bycicle", "ligth"
    return next(swapped, None) or next(iter(get_close_matches(plain, usual, 1, _ALIKE)), "")


@lru_cache(maxsize=1)
def _usual_words() -> frozenset[str]:
    """Return the words that captions, and what is asked of traffic images, are made of."""
    texts = [resource(*path).read_text("utf-8").lower() for path in _LISTS]
    return frozenset(word for text in texts for word in _WORD.findall(text) if len(word) >= _SHORT)
