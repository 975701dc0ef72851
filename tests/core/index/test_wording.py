"""What is said of the words of a query: that the model does not know them, a sign set too close."""

from __future__ import annotations

import json

import pytest

from c4t_core.index.directions import WordHint, hint_sentences, word_hints
from c4t_core.index.query import parse_query
from c4t_core.models.c4t import Tokens
from c4t_core.paths import resource

SHIPPED = Tokens(resource("models", "lite", "tokenizer.json").read_bytes(), 64)


def hints(query: str, model: object = SHIPPED) -> dict[str, str]:
    return {hint.word: hint.instead for hint in word_hints(parse_query(query), model)}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("Schnee", {"Schnee": ""}),
        ("Lastwagen im Schnee + 2:Nebel", {"Lastwagen": "", "Schnee": "", "Nebel": ""}),
        ("雪", {"雪": ""}),
        ("грузовик", {"грузовик": ""}),
        ("trafic jamm", {"trafic": "traffic", "jamm": "jam"}),
        ("pedestrain - bycicle", {"pedestrain": "pedestrian", "bycicle": "bicycle"}),
        ("truck -people", {"-people": "- people"}),
        ("-people +snow", {"-people": "- people", "+snow": "+ snow"}),
    ],
)
def test_odd_words_are_told_with_what_to_write(query: str, said: dict[str, str]) -> None:
    assert hints(query) == said


@pytest.mark.parametrize(
    "query",
    [
        "truck in snow - people",
        "a t-junction with potholes, kerbs and bollards beside the carriageway",
        "motorcyclists overtaking lorries; windscreen wipers, guardrails, roadworks",
        "Décor of a café at 50 km/h, A2D2 pl80",
        "person>=3 in the rain",
        'dusk + @"/d/Schnee.png"',
    ],
)
def test_of_english_nothing_is_said(query: str) -> None:
    assert not hints(query)


def test_of_the_words_that_drives_are_asked_for_all_are_known() -> None:
    asked = json.loads(resource("sentences.json").read_text("utf-8"))
    for text in (*asked["asked"], *asked["unrelated"]):
        assert not hints(text), text


def test_of_a_model_that_reads_other_languages_or_tells_nothing_no_word_is_said() -> None:
    def tokens(kind: str, entries: dict[str, int]) -> Tokens:
        unknown = {"unk_token": "[UNK]", "type": kind, "vocab": entries}
        made = {
            "WordPiece": {**unknown, "continuing_subword_prefix": "##"},
            "WordLevel": unknown,
        }
        content = {"version": "1.0", "added_tokens": [], "model": made[kind]}
        if kind == "WordPiece":
            content["model"]["max_input_chars_per_word"] = 100
        return Tokens(json.dumps(content).encode(), 64)

    english = {"[UNK]": 0, "road": 1, "snow": 2}
    assert hints("Schnee", tokens("WordPiece", english)) == {"Schnee": ""}
    for other in (
        tokens("WordPiece", {**english, "улица": 3, "雪": 4}),
        tokens("WordLevel", english),
        object(),
    ):
        assert not hints("Schnee", other)
        assert hints("truck -people", other) == {"-people": "- people"}


def test_a_word_is_replaced_where_it_stands_alone() -> None:
    assert WordHint("jamm", "jam").replaced("a jamm in jammy + jamm") == "a jam in jammy + jam"
    assert WordHint("-people", "- people", glued=True).replaced("truck -people") == "truck - people"
    assert WordHint("Schnee").replaced("Schnee") == "Schnee"


def test_the_sentences_say_what_to_do() -> None:
    said = hint_sentences(word_hints(parse_query("trafic jamm -people Schnee"), SHIPPED))
    assert said == [
        '"-people" is searched for as it is; to want less of it write "- people", with a space.',
        'The model may not know "trafic", "jamm", "Schnee"; did you mean "traffic", "jam"?',
    ]


def test_the_table_of_words_is_read_only_where_a_word_is_not_usual() -> None:
    class Counting:
        reads = 0

        def english_words(self) -> dict[str, int]:
            self.reads += 1
            return {"zebra": 1}

    model = Counting()
    assert hints("trucks in heavy rain - people", model) == {}
    assert model.reads == 0
    assert list(hints("a zebra beside qwxyz", model)) == ["qwxyz"]
    assert model.reads == 1
