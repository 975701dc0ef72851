"""Captions: the original's forms to the letter, and sentences that keep to the truth."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c4t_core.datasets.captions import a2d2_captions, captions, tju_captions
from c4t_core.datasets.facts import class_counts, depth_of, facts_of, side_of
from c4t_core.datasets.labels.cityscapes import NAMES as CITYSCAPES
from c4t_core.datasets.scene import Scene, Thing
from c4t_core.datasets.words import class_of, concept, engine, in_words

A2D2 = """Car 1,Car 2,Bicycle 1,Pedestrian 1,Pedestrian 2,Truck 1,Small vehicles 1,Traffic signal 1,
Traffic sign 1,Traffic sign 2,Utility vehicle 1,Sidebars,Speed bumper,Curbstone,Solid line,
Irrelevant signs,Road blocks,Tractor,Non-drivable street,Zebra crossing,Obstacles / trash,Poles,
RD restricted area,Animals,Grid structure,Signal corpus,Drivable cobblestone,Electronic traffic,
Slow drive area,Nature object,Parking area,Sidewalk,Ego car,Painted driv. instr.,
Traffic guide obj.,Dashed line,RD normal street,Sky,Buildings,Blurred area,Rain dirt"""
A2D2_NAMES = [name.strip() for name in A2D2.split(",")]
CAMVID = ["sky", "building", "pole", "road", "pavement", "tree", "sign_symbol", "fence", "car"]
IDD = ["drivable", "non_drivable", "living_things", "vehicles", "roadside_objects", "far_objects"]
BOXED = ["car", "truck", "person", "bus", "motorcycle", "bicycle", "rider", "traffic light", "Van"]
BOXED += ["Pedestrian", "Cyclist", "Tram", "dog", "bench", "sheep", "hair drier", "6", "DontCare"]
CLASSES = sorted({*A2D2_NAMES, *CITYSCAPES, *CAMVID, *IDD, *BOXED, "traffic_cone", "Ampel", "??"})

_unit = st.floats(0, 1, allow_nan=False)
_fact = st.sampled_from


@st.composite
def _boxed(draw: st.DrawFn) -> Thing:
    x0, y0 = draw(st.floats(0, 0.9)), draw(st.floats(0, 0.9))
    width, height = draw(st.floats(0.01, 0.1)), draw(st.floats(0.01, 0.1))
    distance = draw(st.none() | st.floats(1, 100))
    label = draw(st.sampled_from(BOXED))
    return Thing(label, (x0, y0, min(1, x0 + width), min(1, y0 + height)), distance)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    things = draw(st.lists(_boxed(), max_size=12))
    shares = draw(st.dictionaries(st.sampled_from(CLASSES), _unit, max_size=12))
    total = sum(shares.values()) or 1.0
    counts: dict[str, int] = {}
    for thing in things:
        counts[thing.label] = counts.get(thing.label, 0) + 1
    weather = ["fog", "rain", "snow", "sand", "clear", "overcast", "partly cloudy", "foggy", "odd"]
    return Scene(
        image=draw(st.text(min_size=1, max_size=5)),
        things=tuple(things),
        shares={name: part / total for name, part in shares.items()},
        counts=counts,
        weather=draw(st.none() | _fact([*weather, "undefined"])),
        time_of_day=draw(st.none() | _fact(["day", "night", "dusk", "dawn/dusk", "daytime"])),
        road=draw(st.none() | _fact(["dirt", "forest", "gravel", "highway", "rainy", "snowy"])),
        place=draw(st.none() | _fact(["city street", "tunnel", "gas stations", "highway"])),
        source=draw(_fact(["", "a2d2", "coco", "tju-dhd"])),
    )


def _says_something(scene: Scene) -> bool:
    silent = {None, "undefined"}
    facts = {scene.weather, scene.time_of_day, scene.road, scene.place} - silent
    return bool(facts or facts_of(scene))


@given(scenes(), st.integers(0, 5))
@settings(max_examples=80, deadline=None)
def test_sentences_are_well_formed(scene: Scene, seed: int) -> None:
    found = captions(scene, "sentence", seed, per_image=4)
    assert bool(found) == _says_something(scene)
    assert len(found) == len(set(found)) <= 4
    assert found == captions(scene, "sentence", seed, per_image=4)
    for sentence in found:
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert sentence.count(".") == 1
        assert not re.search(r"\s\s|\s[.,]|,,|^\s|\(\)|\( ", sentence)
        words = re.findall(r"[^\W\d_]+", sentence.lower())
        assert all(one != next_one for one, next_one in pairwise(words))
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", sentence.lower().replace("a u", ""))


_GRAMMAR = {"a", "an", "the", "of", "on", "in", "at", "to", "by", "with", "and", "or", "from"}
_GRAMMAR |= {"there", "is", "are", "them", "it", "while", "some", "few", "many", "several"}
_NUMBERS = {in_words(n) for n in range(20)}


@given(scenes(), st.integers(0, 3))
@settings(max_examples=80, deadline=None)
def test_no_content_word_comes_twice(scene: Scene, seed: int) -> None:
    for sentence in captions(scene, "sentence", seed):
        words = re.findall(r"[^\W\d_]+", sentence.lower())
        content = [w for w in words if w not in _GRAMMAR and w not in _NUMBERS]
        assert len(content) == len(set(content)), sentence


def _nouns(label: str) -> set[str]:
    noun = concept(label)
    if noun is None:
        return set()
    pairs = ((noun.one, noun.many), *noun.others)
    return {name for pair in pairs for name in pair if name}


ALL_NOUNS = {name for label in CLASSES for name in _nouns(label)}


@given(scenes(), st.integers(0, 3))
@settings(max_examples=80, deadline=None)
def test_only_classes_of_the_image_are_mentioned(scene: Scene, seed: int) -> None:
    present = {
        *(name for name, part in scene.shares.items() if part > 0),
        *(name for name, number in scene.counts.items() if number > 0),
    }
    allowed = {noun for label in present for noun in _nouns(label)}
    # what weather and places are called by, whether or not a mask shows it
    around = {"sky", "road", "tunnel", "street"}
    if "far_objects" in present:  # "trees or buildings" is all that is known of them
        around |= {"trees", "buildings"}
    for sentence in captions(scene, "sentence", seed):
        text = " " + re.sub(r"[^\w -]", "", sentence.lower()) + " "
        for noun in allowed:
            text = text.replace(f" {noun} ", "  ")
        for noun in ALL_NOUNS - allowed - around:
            assert f" {noun} " not in text, (noun, sentence)


@given(scenes(), st.integers(0, 3))
@settings(max_examples=80, deadline=None)
def test_numbers_are_those_of_the_image(scene: Scene, seed: int) -> None:
    totals: dict[str, int] = {}
    for label, number in class_counts(scene).items():
        noun = concept(label)
        if noun is not None:
            totals[noun.key] = totals.get(noun.key, 0) + number
    for sentence in captions(scene, "sentence", seed):
        for fact in facts_of(scene):
            for one, many in ((fact.noun.one, fact.noun.many), *fact.noun.others):
                said = re.search(rf"\b([\w-]+) {re.escape(many or one)}\b", sentence.lower())
                if said and said[1] in {in_words(n): n for n in range(2, 30)}:
                    assert said[1] == in_words(totals[fact.noun.key]), sentence
            part = re.search(rf"{re.escape(fact.noun.many or '-')} \((\w+) of them", sentence)
            if part:
                assert part[1] in {in_words(n) for n in range(1, totals[fact.noun.key])}


def test_what_is_counted_is_there_though_it_has_no_pixels() -> None:
    scene = Scene("a.png", shares={"person": 0.0}, counts={"person": 1, "pedestrian": 2})
    assert all("three" in sentence.lower() for sentence in captions(scene, "sentence", 0))


def test_seeds_vary_and_images_vary() -> None:
    scene = Scene("a.png", counts={"car": 3, "truck": 1, "person": 5}, weather="rain")
    assert len({tuple(captions(scene, "sentence", seed)) for seed in range(10)}) > 5
    other = Scene("b.png", counts=scene.counts, weather="rain")
    assert captions(other, "sentence", 0) != captions(scene, "sentence", 0)


def test_instances_are_merged_and_counted_as_one_kind() -> None:
    scene = Scene("a.png", shares={"Car 1": 0.1, "Car 2": 0.05}, source="a2d2")
    (fact,) = facts_of(scene)
    assert (fact.noun.one, fact.plural, fact.count) == ("car", True, None)
    assert fact.share == pytest.approx(0.15)
    for sentence in captions(scene, "sentence"):
        assert "cars" in sentence.lower()
        assert "1" not in sentence
    single = Scene("a.png", shares={"Car 1": 0.1}, source="a2d2")
    assert all("cars" not in s.lower() for s in captions(single, "sentence"))


@pytest.mark.parametrize(
    ("box", "side"),
    [
        ((0.0, 0.4, 0.2, 0.6), "left"),
        ((0.4, 0.4, 0.6, 0.6), "ahead"),
        ((0.8, 0.4, 1.0, 0.6), "right"),
        ((0.1, 0.4, 0.9, 0.6), None),
    ],
)
def test_sides(box: tuple[float, float, float, float], side: str | None) -> None:
    assert side_of(box) == side
    scene = Scene("a.png", things=(Thing("car", box),), counts={"car": 1})
    words = {"left": "left", "right": "right", "ahead": "ahead|front", None: "nothing at all"}
    said = " ".join(s for n in range(40) for s in captions(scene, "sentence", n))
    assert bool(re.search(words[side], said)) == (side is not None)
    for other in {"left", "right", "ahead"} - {side}:
        assert not re.search(rf"\b({words[other]})\b", said)


def test_near_and_far_by_metres_and_by_height() -> None:
    assert depth_of(Thing("Car", (0, 0, 0.01, 0.01), distance=5.0), 1.5) == "near"
    assert depth_of(Thing("Car", (0, 0, 1, 1), distance=60.0), 1.5) == "far"
    assert depth_of(Thing("car", (0.4, 0.3, 0.7, 0.7)), 1.5) == "near"
    assert depth_of(Thing("car", (0.4, 0.4, 0.43, 0.43)), 1.5) == "far"
    assert depth_of(Thing("car"), 1.5) is None
    far = Scene("a.png", things=(Thing("Car", (0.4, 0.4, 0.5, 0.5), 80.0),), counts={"Car": 1})
    said = " ".join(s for n in range(40) for s in captions(far, "sentence", n))
    assert re.search("distance|far away|far off", said)
    assert not re.search("nearby|up close|near the", said)


def test_weather_light_road_and_place_are_said() -> None:
    scene = Scene("a.png", weather="rainy", time_of_day="night", road="dirt", place="city street")
    said = " ".join(s for n in range(20) for s in captions(scene, "sentence", n)).lower()
    for pattern in ("rain", "night|dark", "dirt", "city"):
        assert re.search(pattern, said), pattern
    assert " day" not in said


def test_nothing_is_said_of_nothing() -> None:
    assert captions(Scene("a.png")) == []
    assert captions(Scene("a.png", shares={"void": 0.7, "Ego car": 0.3}), "sentence") == []
    assert captions(Scene("a.png", counts={"car": 0}), "sentence") == []
    with pytest.raises(ValueError, match="style"):
        captions(Scene("a.png"), "poem")  # type: ignore[arg-type]


def test_a2d2_keywords_are_the_originals() -> None:
    shares = {
        **{"RD normal street": 0.3, "Sky": 0.2, "Nature object": 0.1, "Buildings": 0.09},
        **{"Car 1": 0.08, "Car 2": 0.07, "Irrelevant signs": 0.06, "Painted driv. instr.": 0.05},
        **{"Obstacles / trash": 0.02, "Traffic guide obj.": 0.015, "Poles": 0.01},
        **{"Truck 1": 0.005},
    }
    first, second = captions(Scene("a.png", shares=shares, source="a2d2"), "keywords")
    assert first == (
        "RD normal street, Sky, Nature object, Buildings, Car 1, Car 2, Driving instructions, "
        "Obstacles, Traffic guide object, Poles"
    )
    assert second == ("Car 1, Car 2, Driving instructions, Obstacles, Traffic guide object, Poles")
    assert a2d2_captions(shares, min_share=0.08) == (
        "RD normal street, Sky, Nature object, Buildings, Car 1",
        "Car 1",
    )


def test_a2d2_ties_go_by_name_and_empty_captions_are_left_out() -> None:
    shares = {"Sidewalk": 0.25, "Poles": 0.25, "Car 2": 0.25, "Car 1": 0.25}
    assert a2d2_captions(shares)[0] == "Car 1, Car 2, Poles, Sidewalk"
    only_sky = Scene("a.png", shares={"Sky": 1.0}, source="a2d2")
    assert captions(only_sky, "keywords") == ["Sky"]


def test_tju_keywords_are_the_originals() -> None:
    boxes = [(0, 0, 0.4, 0.5), (0, 0, 0.1, 0.1), (0, 0, 0.1, 0.1)]
    things = [Thing("car", box) for box in boxes]  # areas .2 .01 .01, mean .0733: one close
    things += [Thing("pedestrian", (0, 0, 0.1, 0.2))]
    scene = Scene("a.png", things=tuple(things), counts={"car": 3, "pedestrian": 1})
    assert tju_captions(scene) == [
        "one pedestrian, zero cyclist, three car, zero truck, zero van",
        "one pedestrian, zero cyclist, three car with one close and two far off, zero truck, "
        "zero van",
        "There is one pedestrian, three car",
    ]


def test_tju_boxes_of_one_size_are_all_close() -> None:
    things = tuple(Thing("van", (n / 10, 0.1, n / 10 + 0.1, 0.3)) for n in range(3))
    scene = Scene("a.png", things=things, counts={"van": 3}, source="tju-dhd")
    assert "three van with three close and zero far off" in captions(scene, "keywords")[1]


def test_tju_image_without_boxes_has_no_clean_caption() -> None:
    basic = "zero pedestrian, zero cyclist, zero car, zero truck, zero van"
    assert captions(Scene("a.png", source="tju-dhd"), "keywords") == [basic, basic]


def test_other_keywords_name_classes_then_conditions() -> None:
    scene = Scene("a.png", shares={"sign_symbol": 0.1, "sky": 0.6}, weather="fog", road="dirt")
    assert captions(scene, "keywords") == ["sky, sign symbol, fog, dirt"]
    boxed = Scene("b.png", counts={"car": 1, "truck": 4, "bus": 0, "6": 2, "DontCare": 9})
    assert captions(boxed, "keywords") == ["truck, car"]


def test_a_least_share_silences_small_classes() -> None:
    scene = Scene("a.png", shares={"tree": 0.2, "car": 0.01})
    for seed in range(10):
        assert not any("car" in s for s in captions(scene, "both", seed, min_share=0.05))


def test_every_label_of_the_sources_has_a_sound_noun() -> None:
    for label in CLASSES:
        noun = concept(label)
        if noun is not None and noun.many is not None and noun.one != "person":
            grammar = engine()
            known = {str(grammar.plural_noun(noun.one)), noun.many}
            assert noun.many in known
            assert not noun.one.endswith("ss s")
    assert class_of("Car 12") == "Car"
    assert concept("void") is concept("6") is None
    assert concept("Column_Pole") == concept("polegroup")


def test_a_side_is_said_only_if_all_of_it_is_there() -> None:
    wide, small = (0.05, 0.5, 0.7, 0.9), (0.9, 0.5, 0.95, 0.6)
    things = tuple(
        Thing("Car", box, share=0.1, instance=f"Car {n}") for n, box in enumerate((wide, small), 1)
    )
    shares = {"Car 1": 0.1, "Car 2": 0.1}
    (fact,) = facts_of(Scene("a.png", things=things, shares=shares, source="a2d2"))
    assert fact.side is None
    (right,) = facts_of(Scene("a.png", things=things[1:], shares={"Car 2": 0.1}))
    assert right.side == "right"
