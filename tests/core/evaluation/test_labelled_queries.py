"""Queries from captions and from the user's own file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c4t_core.datasets.facts import surroundings_of
from c4t_core.datasets.scene import Scene
from c4t_core.errors import DataError
from c4t_core.evaluation import queries
from c4t_core.evaluation.collection import Collection, from_pairs
from tests.helpers.colour_model import coloured


def collection(*captions: str | tuple[str, ...]) -> Collection:
    rows = tuple((c,) if isinstance(c, str) else c for c in captions)
    names = tuple(f"{place:03d}.png" for place in range(len(rows)))
    return Collection(names, tuple(map(Path, names)), rows, (None,) * len(rows))


def found(some: list[queries.LabelledQuery], text: str, kind: str | None = None) -> list[int]:
    (one,) = [q for q in some if q.text == text and kind in (None, q.kind)]
    return one.relevant.tolist()


def test_the_original_lists():
    some = queries.a2d2_queries(collection("Car"))
    assert [sum(q.kind == kind for q in some) for kind in ("single", "small", "multi")] == [
        22,
        11,
        19,
    ]


def test_all_classes_must_be_there_in_any_caption_of_the_image():
    some = queries.a2d2_queries(
        collection(
            ("Car 1, Truck, RD normal street", "Car 1, Truck"),
            "Car 1, Nature object",
            "truck, sky",
            ("Nature object", "Driving instructions, Traffic guide object"),
        )
    )
    assert found(some, "Car, Truck") == [0]
    assert found(some, "Car", "single") == [0, 1]
    assert found(some, "Truck", "single") == [0, 2]  # in any case
    assert found(some, "Car, Bicycle") == []  # kept, so that it can be reported
    # shortened in captions, written out in the list
    assert found(some, "Painted driv. instr.", "small") == [3]
    assert found(some, "Traffic guide obj.", "small") == [3]


def test_a2d2_captions_are_known_by_their_names():
    some = queries.from_captions(collection("Car 1, RD normal street", "Nature object, Sky"))
    assert {q.kind for q in some} == {"single", "small", "multi"}


def test_tju_queries_are_the_commonest_clean_captions():
    basic = "one pedestrian, zero cyclist, two car, zero truck, zero van"
    rows = [(basic, "There is one pedestrian, two car")] * 3
    rows += [(basic, "There is two car")] * 2
    rows += [("zero car, five van", "There is five van")]
    some = queries.from_captions(collection(*rows))
    assert [(q.kind, q.text) for q in some] == [
        ("caption", "one pedestrian, two car"),
        ("caption", "two car"),
    ]
    assert found(some, "two car") == [0, 1, 2, 3, 4]  # a part of the caption is enough
    assert found(some, "one pedestrian, two car") == [0, 1, 2]


def test_tju_queries_are_clean_captions_only():
    """Sentences of the other style may begin with "There is" too, and numbers end alike."""
    rows = [("There is one car", "There is a car.")] * 3
    rows += [("There is twenty-one car", "There is a car and a van.")] * 2
    rows += [("There is one hundred and two van", "There are vans.")] * 2
    some = queries.from_captions(collection(*rows))
    assert {q.text for q in some} == {"one car", "twenty-one car", "one hundred and two van"}
    assert found(some, "one car") == [0, 1, 2]
    assert found(some, "twenty-one car") == [3, 4]
    assert queries.tju_queries(collection("There is a car", "There is a car")) == []


def test_words_are_whole_and_not_denied():
    some = queries.from_words(
        collection(
            "two cars and a bus in the fog",
            "no cars, but a carriage",
            "a car park without buses",
            "zero car, one lorry",
            "people on foot in the rain",
            "nothing",
        )
    )
    assert found(some, "cars") == [0, 2]
    assert found(some, "buses") == [0]
    assert found(some, "trucks") == [3]  # by its synonym
    assert found(some, "pedestrians") == [4]
    assert found(some, "fog") == [0]
    kinds = {query.text: query.kind for query in some}
    assert (kinds["fog"], kinds["rain"], kinds["parking lot"]) == ("weather", "weather", "place")
    assert found(some, "parking lot") == [2]


@pytest.mark.parametrize(
    ("scene", "condition"),
    [
        ({"weather": "fog"}, "fog"),
        ({"weather": "rain"}, "rain"),
        ({"weather": "snow"}, "snow"),
        ({"weather": "sand"}, "sandstorm"),
        ({"weather": "sunny"}, "sunshine"),
        ({"weather": "overcast"}, "overcast sky"),
        ({"time_of_day": "dusk"}, "dusk"),
        ({"time_of_day": "dawn"}, "dawn"),
        ({"time_of_day": "night"}, "night"),
        ({"road": "dirt"}, "dirt road"),
        ({"road": "gravel"}, "gravel road"),
        ({"road": "forest"}, "forest road"),
        ({"road": "highway"}, "highway"),
        ({"road": "rainy"}, "wet road"),
        ({"place": "parking lot"}, "parking lot"),
        ({"place": "country road"}, "country road"),
        ({"place": "residential"}, "residential street"),
    ],
)
def test_whatever_our_captions_call_a_condition_is_known(scene, condition):
    """A phrase that the queries did not know would make a right hit a wrong one."""
    found_of = surroundings_of(Scene(image="a.png", **scene))
    said = [*found_of.weather, *found_of.time, *found_of.where]
    assert said
    texts = [f"A car {phrase}." for phrase in said]
    some = queries.from_words(collection(*texts, "A car."))
    assert found(some, condition) == list(range(len(texts)))


def test_combinations_are_asked_where_they_tell_more_than_their_parts():
    rows = (
        ["a car in the fog"] * 4 + ["a bus in the fog"] * 2 + ["a car"] * 3 + ["a bus, a car"] * 3
    )
    some = queries.from_words(collection(*rows, "a tree", "a tree", "a tree"))
    assert found(some, "cars, fog") == [0, 1, 2, 3]
    assert not [q for q in some if q.text == "buses, fog"]  # two images are too few
    assert found(some, "cars and buses") == [9, 10, 11]


def test_one_class_data_asks_nothing():
    assert queries.from_captions(collection(*["a car"] * 9)) == []


def test_rare_and_single():
    rows = ["a car, a tree"] * 30 + ["a tram"]
    some = queries.from_words(collection(*rows))
    assert {q.text: q.kind for q in some if len(q.classes) == 1} == {
        "cars": "single",
        "trees": "single",
        "trams": "rare",
    }


def test_own_queries(tmp_path):
    file = tmp_path / "own.jsonl"
    lines = [
        {"query": " a cyclist at dusk ", "relevant": ["002.png", "000.png"]},
        {"query": "graded", "relevant": {"001.png": 3, "000.png": 1}, "kind": "mine"},
        {"query": "some are gone", "relevant": ["001.png", "gone.png"]},
        {"query": "", "relevant": []},
        {"query": "bad", "relevant": {"001.png": 0}},
        {"relevant": ["001.png"]},
        ["no object"],
        {"query": "none", "relevant": []},
        {"query": "snow + ", "relevant": ["000.png"]},
    ]
    text = "\n".join(json.dumps(line) for line in lines) + "\nnot json\n\n"
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    some, problems = queries.read_queries(file, collection("a", "b", "c"))
    assert [(q.text, q.kind) for q in some] == [
        ("a cyclist at dusk", "own"),
        ("graded", "mine"),
        ("some are gone", "own"),
        ("none", "own"),
    ]
    assert some[0].relevant.tolist() == [0, 2]
    assert some[1].grades.tolist() == [1, 3]
    assert some[3].relevant.tolist() == []
    assert [int(p.split("line ")[1].split(":")[0]) for p in problems] == [3, 4, 5, 6, 7, 9, 10]
    assert "gone.png" in problems[0]


@pytest.mark.parametrize("content", [b"", b"[]\n", b"\xff\xfe\x00"])
def test_own_queries_that_cannot_be_used(tmp_path, content):
    file = tmp_path / "own.jsonl"
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"JSON object"):
        queries.read_queries(file, collection("a"))
    with pytest.raises(DataError, match="cannot be read"):
        queries.read_queries(tmp_path / "gone.jsonl", collection("a"))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=6))
def test_no_caption_breaks_anything(captions):
    some = collection(*captions)
    for query in [*queries.from_captions(some), *queries.a2d2_queries(some)]:
        assert query.relevant.tolist() == sorted(set(query.relevant.tolist()))
        assert all(0 <= place < len(some) for place in query.relevant)


def test_pairs_become_images(tmp_path):
    from c4t_core.datasets.pairs import Pair

    pairs = [
        Pair(tmp_path / "b.png", "b.png", "one", None, None, 1),
        Pair(tmp_path / "a.png", "a.png", "two", "d", None, 2),
        Pair(tmp_path / "b.png", "b.png", "three", "e", None, 3),
        Pair(tmp_path / "b.png", "b.png", "one", None, None, 4),
    ]
    images = from_pairs(pairs)
    assert images.names == ("a.png", "b.png")
    assert images.captions == (("two",), ("one", "three"))
    assert images.drives == ("d", "e")
    assert coloured(tmp_path, 3).subset([2, 0]).names == coloured(tmp_path, 3).names[::2]
