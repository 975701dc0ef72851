"""What the model believes is on the road: how it is asked for, kept, and searched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from c4t_core.errors import DataError, QueryError
from c4t_core.index.objects import (
    CLASSES,
    PLACES,
    ObjectCondition,
    ObjectFact,
    facts_of,
    parse_condition,
    take_conditions,
)
from c4t_core.index.query import Filters, parse_query, plain_filters, saved_filters

conditions = st.builds(
    lambda label, number, place: ObjectCondition(label, *(place or number)),
    st.sampled_from(CLASSES),
    st.tuples(st.sampled_from([">=", "=", "<="]), st.integers(1, 99)) | st.just(("=", 0)),
    st.none() | st.sampled_from(PLACES).map(lambda place: (place, 1)),
)  # fmt: skip


def taken(text: str) -> tuple[str, list[str]]:
    left, found = take_conditions(text)
    return left, [str(condition) for condition in found]


@pytest.mark.parametrize(
    ("text", "left", "found"),
    [
        ("person>=3 in the rain", "in the rain", ["person>=3"]),
        ("in the rain person:3+", "in the rain", ["person>=3"]),
        ("person > 2 at night", "at night", ["person>=3"]),
        ("person<3", "", ["person<=2"]),
        ("person:3", "", ["person=3"]),
        ("car=0 snow", "snow", ["no:car"]),
        ("person<1", "", ["no:person"]),
        ("Truck:NEAR fog", "fog", ["truck:near"]),
        ("a red traffic light>=2 at night", "a red at night", ["traffic-light>=2"]),
        ("traffic_light:left", "", ["traffic-light:left"]),
        ('"stop sign":far rain', "rain", ["stop-sign:far"]),
        ('no:"traffic light" rain', "rain", ["no:traffic-light"]),
        ("no:traffic lights rain", "rain", ["no:traffic-light"]),
        ("crossing sign:1+", "", ["crosswalk-sign>=1"]),
        ("pedestrians>=2 lorries:ahead", "", ["person>=2", "truck:ahead"]),
        ("automobile>=1 coach:near", "", ["car>=1", "bus:near"]),
        ("motorbikes>=1 no:bikes", "", ["motorcycle>=1", "no:bicycle"]),
        ("cyclists>=2", "", ["bicycle>=2"]),
        ("snow + person>=3 + truck", "snow + truck", ["person>=3"]),
        ("person>=3 - people", "- people", ["person>=3"]),
        ("snow + person>=3 truck:near + fog", "snow + fog", ["person>=3", "truck:near"]),
        ("person>=3, truck:near, and rain", "rain", ["person>=3", "truck:near"]),
        ("rain and person>=3", "rain", ["person>=3"]),
        ("a road with person>=3.", "a road .", ["person>=3"]),
        ("person>=3 person>=3", "", ["person>=3"]),
        ("@a:left.png + no:car", "@a:left.png", ["no:car"]),
        ('@"bus:near.png" snow', '@"bus:near.png" snow', []),
    ],
)
def test_conditions_are_taken_out_of_the_text(text: str, left: str, found: list[str]) -> None:
    assert taken(text) == (left, found)


@pytest.mark.parametrize(
    "text",
    ["2:truck + snow", "2:person", "at 10:30", "no: car", "left: a car", "t-junction", "as 3:2"],
)  # fmt: skip
def test_ordinary_words_stay_as_they_are(text: str) -> None:
    assert take_conditions(text) == (text, ())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("elephant>=3", '"elephant".*person, bicycle.*speed limit sign'),
        ("no:van", '"van".*person, bicycle'),
        ("train:near", '"train"'),
        ("person>=three", "whole number"),
        ("person>=2.5", "whole number"),
        ("person:nera", "near, far, left"),
        ("person>=99999", "whole number"),
        ("person>=0", "all frames or for none"),
        ("person<0", "all frames or for none"),
        ("2:truck:near", "no weight"),
        ("snow - person>=3", "no:car"),
        ("snow -person>=3", "no:car"),
    ],
)
def test_what_cannot_be_asked_is_refused_plainly(text: str, says: str) -> None:
    with pytest.raises(QueryError, match=rf"{says}.*\.$"):
        parse_query(text)


@given(st.lists(conditions, max_size=4, unique=True), st.sampled_from(["", "in the rain", "- fog"]))
def test_what_is_written_is_read_again(asked: list[ObjectCondition], words: str) -> None:
    text = " ".join([words, *map(str, asked)])
    assert take_conditions(text) == (words if asked else text, tuple(asked))
    assert all(parse_condition(str(condition)) == condition for condition in asked)


def test_a_query_has_conditions_beside_its_terms() -> None:
    query = parse_query("2:snow person>=3 - night")
    assert [(term.text, term.weight) for term in query.terms] == [("snow", 2), ("night", -1)]
    assert query.objects == (ObjectCondition("person", ">=", 3),)
    alone = parse_query("no:car truck:near")
    assert (alone.terms, len(alone.objects)) == ((), 2)
    with pytest.raises(QueryError, match="no words"):
        parse_query("snow + + person>=3")


def test_filters_with_conditions_are_saved_and_read_again() -> None:
    filters = Filters(objects=(parse_condition("person>=3"), parse_condition("no:traffic-light")))
    plain = plain_filters(filters)
    assert plain["objects"] == ["person>=3", "no:traffic-light"]
    assert saved_filters({"filters": plain})[0] == filters
    assert "objects" not in plain_filters(Filters())  # which earlier versions would refuse
    with pytest.raises(DataError, match="save the search again"):
        saved_filters({"filters": {"objects": ["dragon>=3"]}})
    assert filters.asking(filters.objects) == filters


# probability, count, height, left, ahead, right
ROWS = np.array(
    [
        [0.9, 3.4, 0.50, 0.8, 0.6, 0.1],
        [0.5, 0.2, 0.30, 0.1, 0.5, 0.2],
        [0.4, 2.0, 0.10, 0.4, 0.1, 0.4],
        [0.7, 2.5, 0.10, 0.2, 0.3, 0.6],
    ],
    dtype=np.float16,
)


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        ("truck>=1", [1, 1, 0, 1]),
        ("truck>=3", [1, 0, 0, 1]),
        ("truck=1", [0, 1, 0, 0]),
        ("truck<=1", [0, 1, 1, 0]),
        ("no:truck", [0, 0, 1, 0]),
        ("truck:near", [1, 0, 0, 0]),
        ("truck:far", [0, 0, 0, 1]),
        ("truck:left", [1, 0, 0, 0]),
        ("truck:ahead", [1, 1, 0, 0]),
        ("truck:right", [0, 0, 0, 1]),
    ],
)
def test_a_condition_holds_where_it_is_probable(asked: str, holds: list[int]) -> None:
    condition = parse_condition(asked)
    found, confidence = condition.weigh(ROWS)
    assert found.astype(int).tolist() == holds
    assert (confidence[found] >= 0.5).all()
    for row, there in zip(ROWS, holds, strict=True):  # what is shown says the same
        (fact,) = facts_of(["truck"], [row])
        if condition.relation in PLACES:
            assert (condition.relation in fact.places) == bool(there)
        else:
            compared = {">=": fact.number >= condition.count, "=": fact.number == condition.count}
            assert compared.get(condition.relation, fact.number <= condition.count) == bool(there)


def test_facts_come_most_probable_first_without_classes_that_are_not_offered() -> None:
    facts = facts_of(["truck", "animal", "person"], ROWS[[2, 0, 1]].tolist())
    assert [fact.label for fact in facts] == ["person", "truck"]
    assert facts[1] == ObjectFact("truck", *map(float, ROWS[2]))
    assert (facts[1].number, facts[1].places) == (0, ())
