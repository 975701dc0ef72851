"""Class names of the data sets -> the nouns that people use for them.

Data sets call one thing by many names ("Column_Pole", "polegroup", "Poles"). :func:`concept`
brings each to a :class:`Noun`; names that say nothing about the scene ("void", "ego vehicle")
have none, and neither have codes ("pl80"), which are left to the keywords. Names may be paths
("object--vehicle--car"). What the table does not know is read as it is written.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

from c4t_core.paths import resource
from c4t_core.records import dataclass


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

# Labels are lower case with single spaces; see `_key`.
_NOUNS: dict[str, Noun] = {label: Noun(**row) for labels, row in WORDS["nouns"] for label in labels}
_SILENT = frozenset(WORDS["silent labels"])  # they say nothing about the scene
_GROUPS = frozenset(WORDS["groups"])  # they only sort the classes below them
_SILENT_GROUPS = frozenset(WORDS["silent groups"])  # nothing below them says anything
_SIGN_GROUPS = frozenset(WORDS["sign groups"])  # what is below them stands on a sign
_ADJECTIVES: dict[str, str] = WORDS["adjectives"]  # how they are said; "" if they are not
_CLASS_WORDS = frozenset(WORDS["class words"])  # "type pedestrian"
_NO_NOUNS = frozenset(WORDS["no nouns"]) | _CLASS_WORDS  # they do not tell what is seen
_NUMBERED = frozenset(WORDS["words before a number"])  # the number belongs to what they say

_INSTANCE = re.compile(r"[\s#_.-]*\(?\d+\)?$")
_SPEED = re.compile(r"(\d+)[\s_-]*(km[\s_-]*/?[\s_-]*h|kmph|kph|mph)(?![^\W_])", re.IGNORECASE)
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*[^\W_]*|[^\W_]+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*(?:t|m|kg|ft)?")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
_PATH = re.compile(r"--+|:+|[/\\|>]|\s-+\s|(?<=[^\W\d_])\.(?=[^\W_])|\.(?=[^\W\d_])")
_OR_MORE = re.compile(r"(?<=\w)\((e?s)\)")  # "car(s)"
_VARIANT = re.compile(r"g\d+")  # what Mapillary ends the names of its signs with
_NEVER_LAST = frozenset(WORDS["never last in a noun"])  # "keep right"
_LATIN = re.compile("[a-z\u00c0-\u024f]+")
_VOWEL = re.compile("[aeiouy\u00c0-\u024f]")


def class_of(label: str) -> str:
    """Return a label without its instance number; a number that says something stays.

    >>> class_of("Car 2"), class_of("speed limit 30"), class_of("pl80")
    ('Car', 'speed limit 30', 'pl80')
    """
    base = _INSTANCE.sub("", label)
    if not base or base == label:
        return label
    key = _key(_CAMEL.sub(" ", base))
    if not key or key.split()[-1] in _NUMBERED:
        return label
    known = {key, _key(base)} & (_NOUNS.keys() | _SILENT)
    return base if known or label[len(base)] in " #_" else label


def is_silent(label: str) -> bool:
    """Tell whether a label says nothing about the scene, such as "void" or a bare number.

    >>> is_silent("void--ground"), is_silent("pl80")
    (True, False)
    """
    parts = _parts(class_of(label))
    key = " ".join(parts)
    if not key or key.isdigit() or key in _SILENT or (len(key) == 1 and key.isascii()):
        return True
    return all(part in _SILENT for part in parts) or parts[0] in _SILENT_GROUPS


@lru_cache(maxsize=4096)
def concept(label: str) -> Noun | None:
    """Return the noun for a data set's label, or None where sentences have none for it.

    That is so for what says nothing about the scene, and for codes such as ``"pl80"``. Of a path,
    such as ``"vehicle.car"`` or ``"object--vehicle--car"``, it is the last part that has a noun.

    >>> concept("Column_Pole").many
    'poles'
    >>> concept("human.pedestrian.adult").one
    'pedestrian'
    >>> concept("30 km/h").many
    '30 km/h signs'
    """
    if is_silent(label):
        return None
    name = class_of(label)
    whole = _NOUNS.get(_key(name))
    if whole is not None:
        return whole
    parts = _parts(name)
    if len(parts) == 1:
        return _known(parts[0]) or _noun_of_words(parts[0])
    if parts[0] in _SIGN_GROUPS:
        return _sign(" ".join(parts[1:]))
    return _alternatives(name, parts) or _noun_of_path(parts)


def plain_name(label: str) -> str:
    """Return a label for people: as it is written, but of a path the noun.

    >>> plain_name("sign_symbol"), plain_name("vehicle.car"), plain_name("30 km/h")
    ('sign symbol', 'car', '30 km/h')
    """
    table = " " in label and _key(label) in _NOUNS  # "Obstacles / trash"
    noun = concept(label) if len(_parts(label)) > 1 and not table else None
    return noun.one if noun is not None else label.replace("_", " ")


def _key(text: str) -> str:
    return " ".join(_TOKEN.findall(_OR_MORE.sub(r"\1", text.lower())))


def _parts(name: str) -> list[str]:
    """Return the parts of a path in lower case, words apart; at least one, which may be empty."""
    name = _SPEED.sub(lambda found: f" {found[1]} {_unit(found[2])} ", name)
    keys = [_key(part) for part in _PATH.split(name)]
    whole = [key if key in _NOUNS or key in _SILENT else "" for key in keys]
    apart = [_key(_CAMEL.sub(" ", part)) for part in _PATH.split(name)]
    found = [known or words for known, words in zip(whole, apart, strict=True) if words]
    if len(found) > 1 and _VARIANT.fullmatch(found[-1]):
        found.pop()
    return found or [""]


def _unit(written: str) -> str:
    """Return the unit of a speed as one word, so that its slash makes no path."""
    return "mph" if written.lower() == "mph" else "kmh"


def _known(key: str) -> Noun | None:
    """Return the noun that the table has for a key, or that of a sign with a speed or a limit."""
    known = _NOUNS.get(key)
    if known is not None:
        return known
    words = key.replace("speedlimit", "speed limit").split()
    split = re.sub(r"(?<=[a-z])(?=\d)", " ", " ".join(words)).split()
    if split[:-1] and split[-2] in _NUMBERED:  # "limit80"
        words = split
    limits = any(
        (_NUMBER.fullmatch(one) and two in {"kmh", "mph", "zone", "limit"})
        or (one in _NUMBERED and _NUMBER.fullmatch(two))
        for one, two in pairwise(words)
    )
    return _sign(" ".join(words)) if limits else None


def _sign(key: str) -> Noun:
    """Return the noun of a sign by what is on it; a traffic sign where that is not known."""
    words = key.removesuffix(" signs").removesuffix(" sign").split()
    told = [word for word in words if word not in _ADJECTIVES or word in ("left", "right")]
    numbers = [word for word in words if re.search(r"\d", word)]
    legible = all(_NUMBER.fullmatch(number) for number in numbers)
    if not legible or len(told) == len(numbers) or (len(words) == 1 and len(words[0]) < 3):
        return _NOUNS["traffic sign"]
    name = " ".join(words).replace("kmh", "km/h") + " sign"
    return _NOUNS.get(name) or Noun(name, f"{name}s", height=_NOUNS["traffic sign"].height)


def _alternatives(name: str, parts: list[str]) -> Noun | None:
    """Return "car or van" for ``"car/van"``: nouns beside each other, not one below another."""
    nouns = [_NOUNS[part] for part in parts if part in _NOUNS and part not in _GROUPS]
    several = [noun for noun in nouns if noun.many]
    if not re.search(r"[/|]", name) or not len(parts) == len(several) == len({*several}):
        return None
    one = " or ".join(noun.one for noun in several)
    return replace(several[0], one=one, many=" or ".join(map(_many, several)), others=(), kind="")


def _many(noun: Noun) -> str:
    return noun.many or noun.one


def _noun_of_path(parts: list[str]) -> Noun | None:
    """Return the noun of the last part that has one, else what the last part is called."""
    below: list[str] = []  # parts that no noun is known for, the last first
    for end in range(len(parts), 0, -1):
        for start in range(max(0, end - 2), end):  # "bus bendy", then "bendy"
            known = _known(" ".join(parts[start:end]))
            if known is not None and parts[end - 1] not in _GROUPS:
                return _described(known, below[::-1])
        if parts[end - 1] not in _GROUPS and parts[end - 1] not in _SILENT:
            below.append(parts[end - 1])
    for part in below:
        noun = _noun_of_words(part)
        if noun is not None:
            return noun
    return next((_NOUNS[part] for part in reversed(parts) if part in _NOUNS), None)


def _described(noun: Noun, words: list[str]) -> Noun:
    """Put adjectives before a noun; words that are none leave it as it is."""
    said = [_ADJECTIVES.get(word, "") for phrase in words for word in phrase.split()]
    told = " ".join(word for word in said if word)
    if not told:
        return noun
    many = f"{told} {noun.many}" if noun.many else None
    return replace(noun, one=f"{told} {noun.one}", many=many, others=(), kind="")


def _noun_of_words(key: str) -> Noun | None:
    """Return the noun of a name in words that the table does not know as a whole."""
    words = key.split()
    if all(word in _ADJECTIVES for word in words):
        return None  # "red": of what?
    if words[0] == "no" or words[:2] == ["end", "of"]:
        return _sign(key)  # "no entry"; as a noun it would deny what is there
    for cut in range(1, len(words)):
        first, last = words[:cut], words[cut:]
        known = _known(" ".join(last))  # "type pedestrian", "vehicle car", "red traffic light"
        if known is not None and " ".join(first) in _CLASS_WORDS | _GROUPS:
            return known
        if known is not None and all(word in _ADJECTIVES for word in first):
            return _described(known, first)
        known = _known(" ".join(first))  # "traffic light red"
        if known is not None and all(word in _ADJECTIVES for word in last):
            return _described(known, last)
    return None if _is_code(words) else _noun_as_written(key)


def _is_code(words: list[str]) -> bool:
    """Tell whether words are a code, "pl80" or "pn", or else no English noun: for keywords only."""
    if any(re.search(r"\d", word) for word in words) or _NO_NOUNS.issuperset(words):
        return True
    if words[-1] in _NEVER_LAST or not all(_LATIN.fullmatch(word) for word in words):
        return True
    if all(len(word) == 1 for word in words) or (len(words) == 1 and len(words[0]) == 2):
        return True  # "P+R"
    longest = 4 if len(words) == 1 else 2
    return any(2 <= len(word) <= longest and not _VOWEL.search(word) for word in words)


def _noun_as_written(key: str) -> Noun:
    """Make a noun of a label that the table does not know; it is taken for an object."""
    grammar = engine()
    single = grammar.singular_noun(key)
    if single and len(single) > 2 and grammar.plural_noun(single) == key:
        return _NOUNS.get(str(single)) or Noun(str(single), key, height=1.5)
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
    """Return the phrase behind "a" or "an".

    >>> with_article("80 km/h sign")
    'an 80 km/h sign'
    """
    number = re.match(r"\d+", phrase)
    if number:  # inflect takes every number for "one"
        return f"{'an' if re.match('8|1[18]$', number[0]) else 'a'} {phrase}"
    return str(engine().a(phrase))
