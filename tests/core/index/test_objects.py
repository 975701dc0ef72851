"""What the model believes is on the road: how it is asked for, kept, and searched."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from c4t_core.cli import main
from c4t_core.errors import DataError, NotIndexedError, QueryError
from c4t_core.images.decode import open_image
from c4t_core.index.objects import (
    CLASSES,
    LARGEST,
    PLACES,
    ObjectCondition,
    ObjectFact,
    Seen,
    parse_condition,
    take_conditions,
)
from c4t_core.index.query import Filters, parse_query, plain_filters, saved_filters
from c4t_core.index.scenarios import count
from c4t_core.index.store.catalogue import catalogue_path
from c4t_core.index.store.reads import Facts, Ids, Lookup, SeenBy
from c4t_core.index.store.user_data import Scenario
from c4t_core.index.vectors import objects
from c4t_core.models import registry
from c4t_core.models.protocol import Model, ModelInfo, SeesObjects, classes_of
from c4t_core.models.registry import load_model
from c4t_core.paths import cache_dir
from c4t_core.workspace import Workspace, open_workspace
from tests.helpers.toy_model import ToyModel, save_picture

Open = Callable[..., Workspace]

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
        (fact,) = Seen(("truck",), row.tobytes()).facts()
        if condition.relation in PLACES:
            assert (condition.relation in fact.places) == bool(there)
        else:
            compared = {">=": fact.number >= condition.count, "=": fact.number == condition.count}
            assert compared.get(condition.relation, fact.number <= condition.count) == bool(there)


def test_facts_come_most_probable_first_without_classes_that_are_not_offered() -> None:
    facts = Seen(("truck", "animal", "person"), ROWS[[2, 0, 1]].tobytes()).facts()
    assert [fact.label for fact in facts] == ["person", "truck"]
    assert facts[1] == ObjectFact("truck", *map(float, ROWS[2]))
    assert (facts[1].number, facts[1].places) == (0, ())


# From pixels to hits, with a model that sees objects


@pytest.fixture(scope="session")
def seeing_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("timm")
    from tests.helpers.tiny_model import SEEING, make_tiny_model

    return make_tiny_model(tmp_path_factory.mktemp("models") / "seeing", config=SEEING)


@pytest.fixture
def seeing(seeing_folder: Path) -> Model:
    return load_model(str(seeing_folder))


@pytest.fixture
def frames(tmp_path: Path) -> list[Path]:
    """Two drives of 12 frames, each of another colour and grain."""
    rng = np.random.default_rng(12)
    paths = []
    for number in range(24):
        colour = rng.integers(0, 200, 3)
        pixels = (colour + rng.integers(0, 56, (60, 90, 3))).astype(np.uint8)
        paths.append(tmp_path / "drives" / f"drive{number % 2}" / f"cam_{number:06d}.png")
        paths[-1].parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(paths[-1])
    return sorted(paths)


def seen_by(model: Model, frames: list[Path]) -> np.ndarray:
    """The facts as the engine gives them, rounded as they are kept: float16 (n, c, 6)."""
    assert isinstance(model, SeesObjects)
    pixels = np.stack([model.prepare(open_image(path, model.min_side)) for path in frames])
    return model.encode_pixels_with_objects(pixels)[1].astype(np.float16)


def test_all_engines_see_the_same_in_the_pass_that_embeds(
    seeing_folder: Path, frames: list[Path], tiny_model_folder: Path
) -> None:
    models = [load_model(str(seeing_folder), engine=name) for name in ("onnx", "openvino", "torch")]
    assert {model.classes for model in models} == {("car", "person", "traffic light", "animal")}
    pixels = np.stack([models[0].prepare(open_image(path, 64)) for path in frames])
    rows, facts = zip(*(model.encode_pixels_with_objects(pixels) for model in models), strict=True)
    assert facts[0].shape == (24, 4, 6)
    assert 0.1 < (facts[0][..., 0] > 0.5).mean() < 0.9  # of some frames this, of others that
    for model, row, fact in zip(models, rows, facts, strict=True):
        np.testing.assert_allclose(fact, facts[0], atol=1e-3)
        np.testing.assert_array_equal(row, model.encode_pixels(pixels))
        assert model.encode_pixels_with_objects(pixels[:0])[1].shape == (0, 4, 6)
    blind = load_model(str(tiny_model_folder))
    assert classes_of(blind) == ()
    assert blind.encode_pixels_with_objects(pixels[:3, :, :64])[1].shape == (3, 0, 6)
    assert classes_of(ToyModel()) == ()


def test_what_a_run_saw_is_kept_and_shown_with_each_hit(
    frames: list[Path], open_: Open, seeing: Model
) -> None:
    workspace = open_(frames[0].parents[1], with_model=seeing)
    assert workspace.status().objects == ()
    workspace.index()
    assert workspace.status().objects == ("person", "car", "traffic light")
    facts = seen_by(seeing, frames)
    for hit in workspace.search("a car", k=None):
        want = facts[frames.index(hit.path)]
        found = {fact.label: fact for fact in hit.objects}
        assert set(found) == {"person", "car", "traffic light"}  # animals are not offered
        for label, row in zip(("car", "person", "traffic light"), want, strict=False):
            assert found[label] == ObjectFact(label, *map(float, row))
        assert workspace.frame(hit.path).objects == hit.objects
    with sqlite3.connect(catalogue_path()) as db:
        assert db.execute("SELECT COUNT(*), MAX(length(facts)) FROM objects").fetchone() == (24, 48)


@pytest.mark.parametrize(
    "asked", ["person>=1", "person>=2 no:car", "traffic-light:left", "car:far"]
)
def test_conditions_restrict_and_the_cosine_ranks(
    frames: list[Path], open_: Open, seeing: Model, asked: str
) -> None:
    workspace = open_(frames[0].parents[1], with_model=seeing)
    workspace.index()
    facts = seen_by(seeing, frames)
    conditions = take_conditions(asked)[1]
    weighed = [c.weigh(facts[:, seeing.classes.index(c.label)]) for c in conditions]
    holds = np.all([one for one, _ in weighed], axis=0)
    confidences = np.min([probable for _, probable in weighed], axis=0)
    assert 0 < holds.sum() < len(frames)
    wanted = {path for path, there in zip(frames, holds, strict=True) if there}

    every = [hit for hit in workspace.search("a red road", k=None) if hit.path in wanted]
    found = workspace.search(f"a red road {asked}", k=None)
    assert [(hit.path, hit.score) for hit in found] == [(hit.path, hit.score) for hit in every]
    by_filter = workspace.search("a red road", k=None, filters=Filters(objects=conditions))
    assert by_filter == found
    assert not found.notes

    answer = workspace.answer(asked)
    assert answer.by_objects
    assert answer.cut is None
    order = sorted(np.flatnonzero(holds), key=lambda i: (-confidences[i], frames[i]))
    assert [hit.path for hit in answer.hits()] == [frames[i] for i in order]
    np.testing.assert_allclose(answer.scores, confidences[order])
    assert [hit.path for hit in workspace.search(asked, k=1)] == [frames[order[0]]]
    within = workspace.search(asked, k=None, within=["drive1"])
    assert {hit.path for hit in within} == {path for path in wanted if path.parent.name == "drive1"}


def test_any_model_of_the_folder_can_be_asked_with_what_one_saw(
    frames: list[Path], open_: Open, seeing: Model
) -> None:
    folder = frames[0].parents[1]
    toy = open_(folder)
    toy.index()
    with pytest.raises(NotIndexedError, match='"person" in these 24 frames.*c4t index'):
        toy.search("white person>=1")
    open_(folder, with_model=seeing).index()
    expected = open_(folder, with_model=seeing).search("person>=1", k=None)
    assert [hit.path for hit in toy.search("person>=1", k=None)] == [hit.path for hit in expected]
    with pytest.raises(NotIndexedError, match='"bus"'):
        toy.search("bus>=1")

    save_picture(folder / "drive0" / "new.png", (1, 2, 3))
    toy.index()
    hits = toy.search("person>=1", k=None)
    assert "known for 24 of 25 frames" in hits.notes[0]
    assert toy.answer("white person>=1").scope.known == (24, 25)
    frames[0].unlink()
    toy.index()
    assert toy.answer("white person>=1").scope.known == (23, 24)


def test_a_picture_that_changed_is_seen_anew(
    frames: list[Path], open_: Open, seeing: Model
) -> None:
    workspace = open_(frames[0].parents[1], with_model=seeing)
    workspace.index()
    before = {hit.path: hit.objects for hit in workspace.search("a car", k=None)}
    frames[3].write_bytes(frames[4].read_bytes())
    os.utime(frames[3], ns=(1, 10**18))
    workspace.index()
    after = {hit.path: hit.objects for hit in workspace.search("a car", k=None)}
    assert after[frames[3]] == before[frames[4]] != before[frames[3]]
    holds = {hit.path for hit in workspace.search("person>=1", k=None)}
    assert holds == {path for path, facts in after.items() if shown(facts, "person")}


def shown(facts: tuple[ObjectFact, ...], label: str) -> int:
    return next(fact.number for fact in facts if fact.label == label)


def test_saved_searches_with_conditions_count_all_that_holds(
    frames: list[Path], open_: Open, seeing: Model
) -> None:
    workspace = open_(frames[0].parents[1], with_model=seeing)
    workspace.index()
    holding = len(workspace.search("person>=1", k=None))
    scenario = Scenario("people", "person>=1")
    counted = count(workspace, scenario, {})
    assert counted.matches == holding
    settings = {"filters": plain_filters(Filters(objects=take_conditions("person>=1")[1]))}
    saved = replace(scenario, query="a red road", settings=settings, cut=-1.0)
    assert count(workspace, saved, {}).matches == holding


def holding(workspace: Workspace, asked: str) -> list[Path]:
    return [hit.path for hit in workspace.search(asked, k=None)]


def test_the_file_of_facts_is_read_instead_of_the_catalogue_and_made_again_if_damaged(
    frames: list[Path], open_: Open, seeing: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "TAIL", 4)
    folder = frames[0].parents[1]
    workspace = open_(folder, with_model=seeing)
    workspace.index()
    asked = ("person>=1", "car:far no:traffic-light")
    expected = [holding(workspace, text) for text in asked]
    assert all(expected)
    (file,) = (cache_dir() / "vectors").glob("*.objects")

    read: list[int] = []
    facts_after = Lookup.facts_after

    def counted(self: Lookup, seen: SeenBy, after: int) -> tuple[Ids, Facts, int]:
        found = facts_after(self, seen, after)
        read.append(len(found[0]))
        return found

    monkeypatch.setattr(Lookup, "facts_after", counted)
    assert [holding(open_(folder, with_model=seeing), text) for text in asked] == expected
    assert read == [0, 0]

    content = bytearray(file.read_bytes())
    content[-5] ^= 0x40  # of the last class
    content[content.index(b"\n") + 1 + 8 * 24 + 12 * 3] ^= 0x40  # and of the first
    file.write_bytes(content)
    assert [holding(open_(folder, with_model=seeing), text) for text in asked] == expected
    assert max(read) == 24
    file.write_bytes(b"{}\n")
    assert [holding(open_(folder, with_model=seeing), text) for text in asked] == expected

    save_picture(folder / "drive0" / "more.png", (200, 10, 10))
    workspace.index()
    now = {hit.path for hit in workspace.search("a car", k=None) if shown(hit.objects, "person")}
    assert set(holding(workspace, "person>=1")) == now


def test_the_file_of_a_later_catalogue_is_not_used(
    frames: list[Path], open_: Open, seeing: Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(objects, "TAIL", 4)
    folder = frames[0].parents[1]
    hidden = tmp_path / "hidden"
    frames[0].parent.rename(hidden)
    with open_workspace(folder, seeing) as half:
        half.index()
    older = shutil.copyfile(catalogue_path(), tmp_path / "older.sqlite")
    hidden.rename(frames[0].parent)
    later = open_(folder, with_model=seeing)
    later.index()
    holding(later, "person>=1")
    later.close()
    for name in frames[:6]:  # other pictures under the numbers that are given again
        os.utime(name, ns=(1, 10**18))
        name.write_bytes(frames[-1].read_bytes())
    for path in catalogue_path().parent.glob("catalogue.sqlite*"):
        path.unlink()
    shutil.copyfile(older, catalogue_path())
    with open_workspace(folder, seeing) as first:
        assert len(holding(first, "person<=999")) == 12
        first.index()
        facts = seen_by(seeing, frames)[:, 1]
        there = ObjectCondition("person").weigh(facts)[0]
        expected = {path for path, one in zip(frames, there, strict=True) if one}
        assert set(holding(first, "person>=1")) == expected


@pytest.fixture
def by_name(seeing: Model, monkeypatch: pytest.MonkeyPatch) -> Model:
    """That model under a name of the command line."""
    monkeypatch.setattr(registry, "load_model", lambda *_, **__: seeing)
    info = ModelInfo("c4t", "c4t", fingerprint=seeing.fingerprint, dim=seeing.dim)
    monkeypatch.setattr(registry, "model_info", lambda _: info)
    return seeing


def test_the_command_line_asks_for_objects(
    frames: list[Path], by_name: Model, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = str(frames[0].parents[1])
    facts = seen_by(by_name, frames)
    assert main(["index", folder]) == 0
    capsys.readouterr()
    assert main(["search", folder, "person>=1", "in the rain", "-k", "99", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    people = facts[:, 1, 0] >= 0.5
    assert {Path(hit["path"]) for hit in found} == {
        path for path, there in zip(frames, people, strict=True) if there
    }
    for hit in found:
        listed = {one["label"]: one for one in hit["objects"]}
        row = facts[frames.index(Path(hit["path"]))]
        assert set(listed) == {
            label for label, p in zip(("car", "person", "traffic light"), row[:, 0], strict=False)
            if p >= 0.5
        }  # fmt: skip
        assert listed["person"]["count"] == max(1, int(row[1, 1] + 0.5))
        assert listed["person"]["confidence"] == pytest.approx(row[1, 0], abs=1e-3)
    assert main(["search", folder, "dragon>=1"]) == 1
    assert "person, bicycle, motorcycle, car" in capsys.readouterr().err
    assert main(["search", folder, "bus:near"]) == 1
    assert 'Nothing is known of "bus"' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["search", "--help"])
    told = capsys.readouterr().out
    assert "person:3+" in told
    assert "the quotes keep > from the shell" in told

    out = tmp_path / "out.npz"
    assert main(["embed", "images", folder, "-o", str(out), "--objects"]) == 0
    with np.load(out) as saved:
        assert saved["classes"].tolist() == list(by_name.classes)
        order = [frames.index(Path(folder) / name) for name in saved["names"]]
        np.testing.assert_array_equal(saved["facts"].astype(np.float16), facts[order])
    capsys.readouterr()
    assert (
        main(["search", folder, "person>=1", "-k", "99", "--json", "--embeddings", str(out)]) == 0
    )
    by_file = json.loads(capsys.readouterr().out)
    assert main(["search", folder, "person>=1", "-k", "99", "--json"]) == 0
    by_index = json.loads(capsys.readouterr().out)
    assert [hit["path"] for hit in by_file] == [hit["path"] for hit in by_index]
    assert main(["embed", "images", folder, "-o", str(out)]) == 0
    assert main(["search", folder, "person>=1", "--embeddings", str(out)]) == 1
    assert "--objects" in capsys.readouterr().err


def test_a_model_that_sees_no_objects_writes_none(
    frames: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(registry, "load_model", lambda *_, **__: ToyModel())
    out = tmp_path / "out.npz"
    assert main(["embed", "images", str(frames[0].parent), "-o", str(out), "--objects"]) == 1
    assert 'The model "toy" sees no objects' in capsys.readouterr().err
    assert not out.exists()


class HalfBlind(ToyModel):
    """Sees a car everywhere, but gives no usable numbers for what is black."""

    classes = ("car",)

    def encode_pixels_with_objects(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        facts = np.full((len(pixels), 1, 6), 0.9, dtype=np.float32)
        facts[pixels.mean(axis=(1, 2, 3)) < 40] = np.nan
        facts[..., 1] *= 1e9
        return self.encode_pixels(pixels), facts


def test_facts_that_are_no_numbers_are_left_out_and_too_large_ones_cut(
    drive: Path, open_: Open
) -> None:
    workspace = open_(drive, with_model=HalfBlind("half blind"))
    assert workspace.index().embedded == 18
    hits = workspace.search("car>=1", k=None)
    assert workspace.answer("car>=1").scope.known == (15, 18)
    assert len(hits) == 15
    assert not any("black" in hit.relative for hit in hits)
    assert {hit.objects[0].number for hit in hits} == {LARGEST}
