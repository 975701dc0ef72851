"""Queries and slices from ground truth."""

from __future__ import annotations

from pathlib import Path

from c4t_core.datasets.scene import Scene, Thing
from c4t_core.evaluation.collection import Collection, image_slices
from c4t_core.evaluation.scene_queries import from_scenes


def scenes_of(*rows: dict) -> tuple[Collection, dict[str, Scene]]:
    names = tuple(f"{place:03d}.png" for place in range(len(rows)))
    scenes = {n: Scene(image=n, **row) for n, row in zip(names, rows, strict=True)}
    empty = ((),) * len(rows)
    return Collection(names, tuple(map(Path, names)), empty, (None,) * len(rows)), scenes


def counted(**counts: int) -> dict:
    return {"counts": counts, "source": "boxes"}


def by_text(collection: Collection, scenes: dict[str, Scene]) -> dict:
    return {query.text: query for query in from_scenes(collection, scenes)}


def test_classes_are_graded_by_their_number():
    rows = [counted(truck=1), counted(truck=3), counted(truck=5), *[counted(car=1)] * 9]
    query = by_text(*scenes_of(*rows))["trucks"]
    assert (query.kind, query.relevant.tolist()) == ("single", [0, 1, 2])
    assert query.grades.tolist() == [1, 2, 3]
    assert query.pool.tolist() == list(range(12))


def test_a_class_nearly_everywhere_is_asked_by_its_amount():
    rows = [{"shares": {"car": share}, "source": "m"} for share in (0.2, 0.3, *[0.002] * 6)]
    query = by_text(*scenes_of(*rows, {"shares": {"sky": 1.0}, "source": "m"}))["many cars"]
    assert (query.kind, query.relevant.tolist()) == ("amount", [0, 1])


def test_counts_and_rare_classes():
    rows = [counted(bus=2)] * 3 + [counted(bus=1)] * 4 + [counted(car=1)] * 60
    some = by_text(*scenes_of(*rows, counted(tram=1)))
    assert some["two buses"].relevant.tolist() == [0, 1, 2]
    assert some["one bus"].relevant.tolist() == [3, 4, 5, 6]
    assert some["trams"].kind == "rare"
    assert "three buses" not in some


def test_images_that_were_not_labelled_for_it_are_in_no_ranking():
    rows = [
        *[{"weather": "fog", "source": "w", "counts": {"truck": 1}}] * 3,
        *[{"weather": "fog", "source": "w", "counts": {"car": 1}}] * 2,
        *[{"weather": "snow", "source": "w", "counts": {"truck": 1}}] * 2,
        *[{"weather": "snow", "source": "w", "counts": {"car": 2}}] * 3,
        *[{"shares": {"sky": 0.4}, "source": "masks"}] * 5,
        *[{"road": "gravel", "source": "r"}, {"road": "dirt", "source": "r"}],
    ]
    some = by_text(*scenes_of(*rows))
    fog = some["driving in the fog"]
    assert (fog.kind, fog.relevant.tolist()) == ("weather", [0, 1, 2, 3, 4])
    assert fog.pool.tolist() == list(range(10))
    assert some["a gravel road"].pool.tolist() == [15, 16]
    both = some["trucks in the fog"]
    assert (both.kind, both.relevant.tolist()) == ("combined", [0, 1, 2])
    assert both.pool.tolist() == list(range(10))
    assert both.classes == ("truck", "fog")


def test_an_image_without_objects_belongs_to_the_counted_ones():
    rows = [*[counted(car=1)] * 3, {"source": "boxes"}, {"source": "boxes"}, {"source": ""}]
    rows += [counted(bus=1)] * 3
    query = by_text(*scenes_of(*rows))["cars"]
    assert query.pool.tolist() == [0, 1, 2, 3, 4, 6, 7, 8]


def test_a_crowd_is_an_answer_to_its_class_and_to_no_number():
    crowd = {"things": (Thing("bus"),), "source": "boxes"}
    rows = [counted(bus=2)] * 3 + [crowd, {**crowd, "counts": {"car": 1}}]
    rows += [counted(car=1)] * 3 + [counted(van=1)] * 6
    some = by_text(*scenes_of(*rows))
    assert some["buses"].relevant.tolist() == [0, 1, 2, 3, 4]
    assert some["two buses"].relevant.tolist() == [0, 1, 2]
    assert some["two buses"].pool.tolist() == [0, 1, 2, *range(5, 14)]
    assert some["one car"].pool.tolist() == list(range(14))


def test_multi_class():
    rows = [counted(bus=4, truck=1)] * 3 + [counted(bus=1)] * 2 + [counted(truck=1)] * 2
    query = by_text(*scenes_of(*rows, *[counted(car=1)] * 12))["buses and trucks"]
    assert (query.kind, query.relevant.tolist()) == ("multi", [0, 1, 2])
    assert query.grades.tolist() == [1, 1, 1]  # the lesser of both


def test_one_value_asks_nothing():
    collection, scenes = scenes_of(*[{"weather": "fog", "source": "w", "counts": {"car": 1}}] * 9)
    assert from_scenes(collection, scenes) == []
    assert from_scenes(collection, {}) == []


def test_slices():
    rows = [
        {"weather": w, "drive": d, "counts": {"car": n}}
        for w, d, n in [("fog", "a", 1)] * 25 + [("snow", "b", 9)] * 30 + [("hail", "b", 1)] * 2
    ]
    collection, scenes = scenes_of(*rows)
    found = {(s.dimension, s.value): int(s.inside.sum()) for s in image_slices(collection, scenes)}
    assert found == {
        ("weather", "fog"): 25,
        ("weather", "snow"): 30,
        ("objects", "1 to 3"): 27,
        ("objects", "9 to 15"): 30,
        ("drive", "a"): 25,
        ("drive", "b"): 32,
    }  # two images of hail say nothing
    assert image_slices(collection, {}) == []
