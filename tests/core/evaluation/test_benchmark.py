"""Whole evaluations with a model whose answers are plain to see."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from c4t_core.datasets.scene import Scene
from c4t_core.errors import Cancelled, DataError, ModelError
from c4t_core.evaluation import collection, metrics
from c4t_core.evaluation import evaluate as evaluating
from c4t_core.evaluation.collection import Collection
from c4t_core.evaluation.evaluate import evaluate
from c4t_core.evaluation.queries import make_query
from c4t_core.evaluation.ranking import figures_of, measure
from c4t_core.evaluation.report import write_report
from c4t_core.evaluation.scene_queries import object_figures
from c4t_core.evaluation.summary import Options
from tests.helpers import references
from tests.helpers.colour_model import ColourModel, coloured, unit


@pytest.fixture
def frames(tmp_path):
    return coloured(tmp_path / "frames")


def asked(frames):
    out = []
    for colour in ("red", "green", "blue"):
        places = [i for i, c in enumerate(frames.captions) if colour in c[0]]
        out.append(make_query(colour, "single", places, classes=(colour,)))
    places = [i for i, c in enumerate(frames.captions) if c[0] == "red, car"]
    out.append(make_query("red, car", "multi", places, classes=("red", "car")))
    out.append(make_query("purple", "single", [], classes=("purple",)))
    return out


def test_a_perfect_model_and_its_chance(frames):
    data = evaluate(frames, asked(frames)[:3], [ColourModel()]).to_json()
    assert data["models"] == ["colours"]
    overall = data["overall"]["colours"]
    assert overall["map"] == overall["mrr"] == overall["r_precision"] == 1
    assert overall["precision"]["10"] == 1
    assert overall["recall"]["25"] == 1
    assert overall["ndcg"]["10"] == 1
    assert overall["intervals"]["map"] == [1, 1]
    assert data["chance"]["precision"]["10"] == pytest.approx(1 / 3)
    assert data["chance"]["recall"]["10"] == pytest.approx(1 / 3)
    assert 1 / 3 < data["chance"]["map"] < 0.5
    assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_the_same_figures_as_the_slow_references(frames):
    model = ColourModel("worse", blur=0.5)
    queries = asked(frames)[:4]
    data = evaluate(frames, queries, [model]).to_json()
    images = model.encode_images([__import__("PIL.Image").Image.open(p) for p in frames.paths])
    for query, entry in zip(queries, data["queries"], strict=True):
        scores = images @ model.encode_texts([query.text])[0]
        ranked = references.rank(dict(zip(frames.names, scores.tolist(), strict=True)))
        grades = {frames.names[i]: 1.0 for i in query.relevant}
        result = entry["results"]["worse"]
        assert result["top"] == ranked[:50]
        assert result["ap"] == pytest.approx(references.average_precision(ranked, grades))
        assert result["rr"] == references.reciprocal_rank(ranked, grades)
        for n in (10, 25):
            assert result["precision"][str(n)] == references.precision(ranked, grades, n)
            assert result["recall"][str(n)] == pytest.approx(references.recall(ranked, grades, n))
    means = [entry["results"]["worse"]["ap"] for entry in data["queries"]]
    assert data["overall"]["worse"]["map"] == pytest.approx(np.mean(means))


def test_a_query_without_relevant_images_is_reported_and_does_not_count(frames):
    with_it = evaluate(frames, asked(frames), [ColourModel()]).to_json()
    without = evaluate(frames, asked(frames)[:4], [ColourModel()]).to_json()
    assert with_it["without_relevant"] == ["purple"]
    assert with_it["answered"] == 4
    assert with_it["overall"] == without["overall"]
    result = with_it["queries"][4]["results"]["colours"]
    assert with_it["queries"][4]["relevant"] == 0
    assert result["ap"] is None
    assert result["recall"]["10"] is None
    assert len(result["top"]) == len(frames)


def test_nothing_to_ask_and_nothing_relevant(frames):
    with pytest.raises(DataError, match="--queries"):
        evaluate(frames, [], [ColourModel()])
    with pytest.raises(DataError, match="The only query has no relevant image among these 30"):
        evaluate(frames, asked(frames)[4:], [ColourModel()])
    with pytest.raises(DataError, match="no images"):
        evaluate(frames.subset([]), asked(frames), [ColourModel()])


def test_two_models_are_compared_query_by_query(frames):
    good, bad = ColourModel("good"), ColourModel("bad", blur=2.0)
    data = evaluate(frames, asked(frames)[:3], [good, bad]).to_json()
    (item,) = data["comparisons"]
    assert (item["a"], item["b"], item["queries"]) == ("good", "bad", 3)
    overall = data["overall"]
    assert item["difference"]["map"] == pytest.approx(
        overall["good"]["map"] - overall["bad"]["map"]
    )
    low, high = item["intervals"]["map"]
    assert 0 < low <= item["difference"]["map"] <= high
    assert item["better"] == {"a": 3, "b": 0, "equal": 0}


def test_a_model_that_is_missing_stops_nothing(frames, monkeypatch):
    def load(name):
        if name == "colours":
            return ColourModel()
        raise ModelError(f'There is no "{name}"; get it with "c4t models add".')

    monkeypatch.setattr("c4t_core.models.registry.load_model", load)
    data = evaluate(frames, asked(frames)[:3], ["clip", "colours", "colours"]).to_json()
    assert data["models"] == ["colours"]
    (item,) = data["missing"]
    assert item["model"] == "clip"
    assert "c4t models add" in item["reason"]
    with pytest.raises(ModelError, match="c4t models add"):
        evaluate(frames, asked(frames)[:3], ["clip"])


def test_unreadable_images_are_left_out_for_all(frames, tmp_path):
    frames.paths[4].write_bytes(b"not an image")
    frames.paths[7].unlink()
    report = evaluate(frames, asked(frames), [ColourModel(), ColourModel("b", 0.1)])
    gone = [frames.names[4], frames.names[7]]
    assert [item["path"] for item in report.to_json()["skipped"]] == sorted(gone)
    assert len(report.collection) == 28
    for query in (found.query for found in report.queries):
        wanted = {
            n for n, c in zip(frames.names, frames.captions, strict=True) if query.text in c[0]
        }
        names = {report.collection.names[i] for i in query.relevant}
        assert names == wanted - set(gone)
    everything = frames.subset([4, 7])
    with pytest.raises(DataError, match="None of the 2 images can be read"):
        evaluate(everything, [make_query("red", "single", [0])], [ColourModel()])


def test_embedding_happens_once_and_by_content(frames):
    model = ColourModel()
    first = evaluate(frames, asked(frames), [model]).to_json()
    assert model.embedded == 30
    again = ColourModel()
    assert evaluate(frames, asked(frames), [again]).to_json() == first
    assert again.embedded == 0
    frames.paths[3].write_bytes(frames.paths[4].read_bytes())  # known content under another name
    evaluate(frames, asked(frames), [again])
    assert again.embedded == 0
    frames.paths[3].write_bytes(b"")
    changed = evaluate(frames, asked(frames), [again]).to_json()
    assert [item["path"] for item in changed["skipped"]] == [frames.names[3]]
    other = ColourModel("other")
    evaluate(frames, asked(frames), [other])
    assert other.embedded == 29


def test_broken_caches_are_made_again(frames):
    model = ColourModel()
    first = evaluate(frames, asked(frames), [model]).to_json()
    for file in collection.cache_folder().iterdir():
        file.write_bytes(b"\0broken")
    again = ColourModel()
    assert evaluate(frames, asked(frames), [again]).to_json() == first
    assert again.embedded == 30


def test_a_flipped_bit_of_a_cache_changes_no_figure(frames):
    first = evaluate(frames, asked(frames), [ColourModel()]).to_json()
    (cache,) = collection.cache_folder().glob("*.npz")
    sound = cache.read_bytes()
    for bit in np.random.default_rng(0).integers(0, 8 * len(sound), 60).tolist():
        broken = bytearray(sound)
        broken[bit // 8] ^= 1 << bit % 8
        cache.write_bytes(broken)
        assert evaluate(frames, asked(frames), [ColourModel()]).to_json() == first


def test_cancelled_goes_on_where_it_stopped(frames, monkeypatch):
    monkeypatch.setattr(collection, "_PORTION", 10)

    def stop(done: int, total: int, /) -> None:
        if done >= 21:
            raise Cancelled

    model = ColourModel()
    with pytest.raises(Cancelled):
        evaluate(frames, asked(frames), [model], progress=stop)
    again = ColourModel()
    evaluate(frames, asked(frames), [again])
    assert again.embedded == 10


def test_events_and_slices(frames):
    scenes = {
        name: Scene(image=name, weather="fog" if place < 20 else "snow", source="t")
        for place, name in enumerate(frames.names)
    }
    frames = dataclasses.replace(frames, drives=(None,) * 30)
    data = evaluate(frames, asked(frames)[:3], [ColourModel()], scenes=scenes).to_json()
    assert data["moments"] == 2  # two drives, all frames within a moment
    result = data["queries"][0]["results"]["colours"]
    assert result["events"]["relevant"] == 2
    assert result["events"]["precision"]["10"] == pytest.approx(0.2)
    slices = {(item["dimension"], item["value"]): item for item in data["slices"]}
    assert slices["weather", "fog"]["images"] == 20
    assert ("weather", "snow") not in slices  # ten images are too few
    assert slices["weather", "fog"]["results"]["colours"]["map"] == 1
    assert slices["class", "red"]["queries"] == 1
    assert 0 < slices["weather", "fog"]["chance"]["map"] < 1


class SeeingModel(ColourModel):
    """Sees a bus in what is red, two cars in what is blue, and animals everywhere."""

    classes = ("bus", "car", "animal")

    def encode_pixels_with_objects(self, pixels):
        rows = self.encode_pixels(pixels)
        facts = np.zeros((len(rows), 3, 6), dtype=np.float32)
        facts[:, 0, 0], facts[:, 1, 0], facts[:, 2, 0] = rows[:, 0], rows[:, 2], 0.9
        facts[:, :, 1] = (1.2, 2.3, 1.0)
        return rows, facts


def test_facts_on_objects_are_measured_where_objects_are_labelled(frames, tmp_path):
    counts = {"red": {"bus": 1}, "green": {"bus": 1, "truck": 1}, "blue": {"car": 4}}
    colours = [caption[0].partition(",")[0] for caption in frames.captions]
    scenes = {
        name: Scene(image=name, counts=counts[colour], source="boxes")
        for name, colour in zip(frames.names[:21], colours, strict=False)
    }
    model = SeeingModel("seeing")
    report = evaluate(frames, asked(frames)[:3], [ColourModel(), model], scenes=scenes)
    told = Counter(colours[:21])
    buses = told["red"] + told["green"]
    assert report.to_json()["objects"] == {
        "seeing": [
            {
                "label": "car",
                "images": 21,
                "positives": told["blue"],
                "precision": 1.0,
                "recall": 1.0,
                "count_error": pytest.approx(2 * told["blue"] / 21),
            },
            {
                "label": "bus",
                "images": 21,
                "positives": buses,
                "precision": 1.0,
                "recall": pytest.approx(told["red"] / buses),
                "count_error": pytest.approx(told["green"] / 21),
            },
        ]
    }
    embedded = model.embedded
    again = evaluate(frames, asked(frames)[:3], [model], scenes=scenes)  # kept with the rows
    assert model.embedded == embedded
    assert again.objects == report.objects
    assert not evaluate(frames, asked(frames)[:3], [model]).objects
    write_report(report, tmp_path / "report", figures=0)
    page = (tmp_path / "report" / "report.html").read_text("utf-8")
    assert "Objects as facts" in page
    assert f"<td>bus</td><td>21</td><td>{buses}</td><td>1.000</td>" in page


def test_riders_count_as_persons_on_what_they_ride():
    names = tuple(f"{place}.png" for place in range(3))
    rows = [{"cyclist": 2, "pedestrian": 1}, {"bicycle": 1}, {"person": 1}]
    scenes = {n: Scene(n, counts=row, source="s") for n, row in zip(names, rows, strict=True)}
    frames = Collection(names, tuple(map(Path, names)), ((),) * 3, (None,) * 3)
    facts = np.zeros((3, 2, 6), dtype=np.float32)
    facts[0, :] = (0.9, 3.1, 0, 0, 0, 0)
    person, bicycle = object_figures(("person", "bicycle"), facts, frames, scenes)
    assert (person.label, person.positives, person.recall) == ("person", 2, 0.5)
    assert person.count_error == pytest.approx((0 + 0 + 1) / 3)
    assert (bicycle.label, bicycle.positives, bicycle.recall) == ("bicycle", 2, 0.5)
    assert bicycle.count_error == pytest.approx((1 + 1 + 0) / 3)


def test_a_pool_keeps_other_images_out_of_the_ranking(frames):
    red = [i for i, c in enumerate(frames.captions) if "red" in c[0]]
    pool = np.array(sorted(red[:2] + [i for i in range(30) if i not in red][:4]))
    query = make_query("red", "single", red[:2], pool=pool)
    data = evaluate(frames, [query, *asked(frames)[:2]], [ColourModel()]).to_json()
    entry = data["queries"][0]
    assert entry["images"] == 6
    assert entry["results"]["colours"]["ap"] == 1
    assert set(entry["results"]["colours"]["top"]) == {frames.names[i] for i in pool}
    assert entry["chance"]["precision"]["10"] == pytest.approx(2 / 6 * 6 / 10)


def test_chunks_do_not_matter(monkeypatch):
    rng = np.random.default_rng(0)
    images, texts = unit(rng.normal(size=(50, 8))), unit(rng.normal(size=(9, 8)))
    some = [make_query(str(i), "k", rng.choice(50, i, replace=False)) for i in range(9)]
    moment = np.arange(50) // 3
    inside = {0: np.arange(50) < 30}
    whole = measure(images, texts, some, moment, inside)
    monkeypatch.setattr("c4t_core.evaluation.ranking.CHUNK", 2)
    parts = measure(images, texts, some, moment, inside)
    for name, values in whole.figures.items():
        assert np.allclose(values, parts.figures[name], 0, 1e-12, equal_nan=True)
        sliced = (whole.slices[0][name], parts.slices[0][name])
        assert np.allclose(*sliced, 0, 1e-12, equal_nan=True)
    assert whole.top == parts.top
    assert math.isnan(whole.figures["ap"][0])
    assert figures_of(np.zeros((0, 0)), [])["ap"].shape == (0,)


def test_the_level_of_chance_over_events_is_that_of_events_in_random_order(frames):
    drives = tuple(str(place // 3) for place in range(30))  # ten drives of three frames
    frames = dataclasses.replace(frames, drives=drives)
    # All of drive 0, one frame of drive 1: two relevant events, and nine others.
    query = make_query("red", "single", [0, 1, 2, 3])
    data = evaluate(frames, [query], [ColourModel()]).to_json()
    assert data["queries"][0]["results"]["colours"]["events"]["relevant"] == 2
    level = data["chance"]["events"]
    rng = np.random.default_rng(0)
    orders = rng.permuted(np.tile([1.0] * 2 + [0.0] * 9, (20_000, 1)), axis=1)
    drawn = figures_of(orders, [np.ones(2)] * 20_000)
    assert level["map"] == pytest.approx(drawn["ap"].mean(), abs=0.01)
    assert level["mrr"] == pytest.approx(drawn["rr"].mean(), abs=0.01)
    assert level["precision"]["10"] == pytest.approx(drawn["precision@10"].mean(), abs=0.003)
    assert level["recall"]["10"] == pytest.approx(drawn["recall@10"].mean(), abs=0.01)
    assert data["queries"][0]["chance"]["events"]["ap"] == level["map"]


def test_chance_over_events_knows_the_pool():
    moment = np.array([0, 0, 1, 1, 2, 3])
    level = metrics.event_chance(np.array([0, 1]), np.array([0, 1, 2, 4]), moment, (1,))
    assert level["precision@1"] == pytest.approx(1 / 3)  # one event of three in the pool


def test_a_missing_model_is_known_before_the_first_image_is_read(frames, monkeypatch):
    def load(name):
        raise ModelError(f'There is no "{name}".')

    monkeypatch.setattr("c4t_core.models.registry.load_model", load)
    told = []
    evaluate(frames, asked(frames)[:3], [ColourModel(), "clip"], stage=told.append)
    assert told[0] == "leaving out clip"
    monkeypatch.setattr(evaluating, "content_hashes", lambda _: pytest.fail("images were read"))
    with pytest.raises(ModelError, match="clip"):
        evaluate(frames, asked(frames)[:3], ["clip"])


def test_few_images_are_said_to_be_few(frames):
    (sentence,) = evaluate(frames, asked(frames)[:3], [ColourModel()]).to_json()["problems"]
    assert "only 30 images" in sentence
    assert "up to 250" in sentence
    enough = Options(cutoffs=(10, 30))
    data = evaluate(frames, asked(frames)[:3], [ColourModel()], options=enough).to_json()
    assert data["problems"] == []


def test_every_figure_of_a_slice_has_its_chance(frames):
    for item in evaluate(frames, asked(frames)[:4], [ColourModel()]).to_json()["slices"]:
        result = {k: v for k, v in item["results"]["colours"].items() if k != "intervals"}
        assert item["chance"].keys() == result.keys()
        for name, value in result.items():
            if isinstance(value, dict):
                assert item["chance"][name].keys() == value.keys()


def test_the_scatter_shows_every_relevant_image():
    scores = np.linspace(1, -1, 5000, dtype=np.float32)[:, None]
    images = np.concatenate([scores, np.sqrt(1 - scores**2)], axis=1)
    query = make_query("red", "k", [1234, 4321])
    text = np.array([[1, 0]], dtype=np.float32)
    ranked = measure(images, text, [query], np.arange(5000)).ranked[0]
    assert ranked[0][ranked[2] == 1].tolist() == [1235, 4322]
    assert ranked[0][:50].tolist() == list(range(1, 51))
    assert ranked.shape[1] < 1000


def test_own_queries_may_hold_operators_under_any_kind(frames):
    model = ColourModel()
    some = [
        make_query("red - green", "night drive", [0], own=True),
        make_query("red - green", "single", [0]),
        make_query("2:red", "own", [0]),
        make_query("red", "own", [0]),
    ]
    rows = evaluating._embed_texts(some, model)
    assert rows[0] @ rows[3] < 0.9  # an operator
    assert not np.allclose(rows[0], rows[1])  # not the user's: a text with a dash in it
    assert np.allclose(rows[2], rows[3], atol=1e-6)  # a weight alone changes no direction


def test_own_queries_may_hold_operators(frames):
    query = make_query("red - green", "own", [0])
    model = ColourModel()
    rows = evaluating._embed_texts([query, make_query("red", "own", [0])], model)
    assert rows[0] @ rows[1] < 0.9
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


def test_provenance(frames):
    options = Options(cutoffs=(5,), seed=4, resamples=50)
    data = evaluate(
        frames, asked(frames), [ColourModel()], sources={"pairs": "ab"}, options=options
    ).to_json()
    found = data["provenance"]
    assert found["models"]["colours"]["fingerprint"] == ColourModel().fingerprint
    assert (found["seed"], found["resamples"], found["cutoffs"]) == (4, 50, [5])
    assert found["sources"] == {"pairs": "ab"}
    assert found["images"]["number"] == 30
    assert list(data["overall"]["colours"]["precision"]) == ["5"]
    frames.paths[0].write_bytes(frames.paths[1].read_bytes())
    other = evaluate(frames, asked(frames), [ColourModel()]).to_json()
    assert other["provenance"]["images"]["sha256"] != found["images"]["sha256"]
