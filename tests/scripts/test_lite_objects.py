"""What the object branch and the words of things on the road are taught."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scripts.lite import things
from scripts.lite.data import Box, Frame, part_of, read_frames
from scripts.lite.objects import CLASSES, BranchOptions, fold_of, known, targets

CAR, PERSON, TRUCK = (CLASSES.index(name) for name in ("car", "person", "truck"))


def _frame(source: str, **what: object) -> Frame:
    return Frame(Path("x.jpg"), source, f"{source}:1", "train", **what)  # type: ignore[arg-type]


SIDES = (0.4, 0.4, 0.6, 0.9)


def _guess(label: str, score: float, *sides: float, by: str = "one") -> Box:
    return Box(label, *sides, score=score, by=by)


# --- data ------------------------------------------------------------------------------------


def test_boxes_are_shares_of_the_image_and_guesses_stand_beside(tmp_path: Path) -> None:
    folder = tmp_path / "highway"
    folder.mkdir()
    Image.new("RGB", (200, 100)).save(folder / "a.png")
    row = {"file": "a.png", "duplicate_group": 1, "boxes": [["car", 20, 10, 120, 60]]}
    seen = {"file": "a.png", "boxes": [["dog", 0.4, 0, 0, 50, 50, "one"], ["clock", 0.9] * 3]}
    (folder / "manifest.jsonl").write_text(json.dumps(row), encoding="utf-8")
    (folder / "teacher.jsonl").write_text(json.dumps(seen), encoding="utf-8")
    others = [s for s in ("camvid", "idd_lite", "dawn", "roads", "vehicles", "signs")]
    (frame,) = read_frames(tmp_path, [*others, "night", "boston"])
    assert frame.boxes == (Box("car", 0.1, 0.1, 0.6, 0.6),)
    assert frame.guesses == (Box("animal", 0.0, 0.0, 0.25, 0.5, 0.4, "one"),)
    assert frame.boxes[0].area == pytest.approx(0.25)
    assert frame.boxes[0].middle == pytest.approx(0.35)


def test_blocks_of_one_drive_are_dealt_out_by_hand() -> None:
    assert {part_of("night", f"block_{n}") for n in (2, 5, 6)} == {"train"}
    assert {part_of("night", f"block_{n}") for n in (3, 4)} == {"test"}
    assert part_of("boston", "boston") == "validation"


@pytest.mark.long
def test_boxes_that_lie_on_other_moments_are_not_read(drive_data: Path) -> None:
    frames = read_frames(drive_data)
    boston = [frame for frame in frames if frame.source == "boston"]
    assert boston
    assert not any(frame.boxes for frame in boston)
    assert any(frame.guesses for frame in boston)
    assert all(frame.boxes for frame in frames if frame.source == "signs")


# --- what is known -----------------------------------------------------------------------------


def test_labels_come_before_guesses() -> None:
    box = Box("car", 0.1, 0.1, 0.3, 0.3)
    bus = _guess("bus", 0.9, 0.5, 0.1, 0.9, 0.5)
    frame = _frame("highway", boxes=(box,), guesses=(bus,))
    assert known(frame, "car").boxes == (box,)
    assert known(frame, "bus").present == 0.0  # searched for, and not found
    assert known(frame, "traffic light").present == 0.0  # no guess either
    frame = _frame("vehicles", guesses=(bus,))
    assert known(frame, "bus").boxes == (bus,)  # not every bus has a box there
    assert known(frame, "bus").weight < 1
    assert np.isnan(known(_frame("night"), "ambulance").present)


def test_two_guesses_of_one_object_count_once_and_weak_ones_tell_nothing() -> None:
    one = _guess("car", 0.8, 0.1, 0.1, 0.3, 0.3)
    same = _guess("car", 0.6, 0.11, 0.1, 0.3, 0.31, by="two")
    beside = _guess("car", 0.4, 0.6, 0.1, 0.8, 0.3)
    weak = _guess("person", 0.3, 0.1, 0.1, 0.2, 0.4)
    frame = _frame("roads", guesses=(one, same, beside, weak))
    assert known(frame, "car").boxes == (one, beside)
    assert np.isnan(known(frame, "person").present)
    assert known(frame, "person").open == (weak,)


def test_targets_are_the_middles_of_boxes() -> None:
    box = Box("car", 0.25, 0.0, 0.75, 1.0)
    weak = _guess("person", 0.3, 0.0, 0.0, 0.5, 0.5)
    made = targets([_frame("dawn", boxes=(box,)), _frame("roads", guesses=(weak,))], 4, 8)
    cells = made.cells[0, CAR]
    assert (cells[1:3, 3:5] == 1).all()
    assert (cells == 1).sum() == 4
    assert (cells[:, :2] == 0).all()
    assert (cells[0, 2:6] == -1).all()  # of the box, but not of its middle
    np.testing.assert_allclose(made.heights[0][1:3, 3:5], 0.0)
    assert np.isnan(made.heights[0][0]).all()
    assert made.present[0, CAR] == made.counts[0, CAR] == 1
    assert made.counts[0, TRUCK] == 0
    assert (made.cells[1, PERSON][:2, :4] == -1).all()
    assert (made.cells[1, PERSON] == 1).sum() == 0
    assert np.isnan(made.present[1, PERSON])


def test_a_box_smaller_than_a_cell_has_one() -> None:
    tiny = Box("car", 0.51, 0.51, 0.52, 0.52)
    made = targets([_frame("dawn", boxes=(tiny,))], 4, 8)
    assert np.argwhere(made.cells[0, CAR] == 1).tolist() == [[2, 4]]


def test_halves_are_of_groups() -> None:
    folds = [fold_of(f"dawn:{n}") for n in range(1000)]
    assert folds == [fold_of(f"dawn:{n}") for n in range(1000)]
    assert 0.4 < np.mean(folds) < 0.6


def test_the_branch_learns_where_things_are_and_how_many() -> None:
    pytest.importorskip("torch")
    import torch

    from scripts.lite.objects import calibrate, statistics_of, train_branch

    rng = np.random.default_rng(0)
    frames, fine = [], rng.normal(size=(192, 6, 8, 12)).astype(np.float16)
    coarse = rng.normal(size=(192, 5, 4, 6)).astype(np.float16)
    for maps in fine:  # a car is where channel 2 is high, three cells wide
        boxes = []
        for _ in range(rng.integers(0, 3)):
            y, x = int(rng.integers(1, 7)), int(rng.integers(1, 11))
            maps[2, y - 1 : y + 2, x - 1 : x + 2] += 5
            boxes.append(Box("car", (x - 1) / 12, (y - 1) / 8, (x + 2) / 12, (y + 2) / 8))
        frames.append(_frame("highway", boxes=tuple(boxes)))
    taught = targets(frames, 8, 12)
    learnt, apart = np.arange(128), np.arange(128, 192)
    options = BranchOptions(epochs=12, dropout=0.0)
    branch = train_branch(fine, coarse, taught, learnt, options)
    seen = statistics_of(branch, fine, coarse)
    calibrate(branch, seen, taught)
    with torch.no_grad():
        facts = branch.facts(torch.from_numpy(seen[apart])).numpy()[:, CAR]
    there = taught.counts[apart, CAR] > 0
    assert ((facts[:, 0] > 0.5) == there).mean() > 0.95
    assert np.abs(facts[:, 1] - taught.counts[apart, CAR]).mean() < 0.5
    assert np.corrcoef(facts[:, 1], taught.counts[apart, CAR])[0, 1] > 0.8


# --- words and truths ----------------------------------------------------------------------------


def test_every_concept_has_phrases() -> None:
    for name in things.THINGS:
        for concept in (name, *(f"{name}:{said}" for said in things.SAID)):
            made = things.phrases(concept, random.Random(1))
            assert made == things.phrases(concept, random.Random(1))
            assert made
            assert len(set(made)) == len(made)
            assert not any("{" in text or text != text.strip() for text in made)
    assert set(things.phrases("truck:two", random.Random(0))) <= {
        form.format(more=word)
        for form in things.SAID["two"]
        for word in things.THINGS["truck"].more
    }


def test_truths_of_numbers_and_places() -> None:
    two = (Box("truck", 0.0, 0.2, 0.2, 0.9), Box("truck", 0.8, 0.5, 0.9, 0.6))
    frames = [_frame("highway", boxes=two), _frame("highway"), _frame("night"), _frame("signs")]
    table = things.fits(frames)
    np.testing.assert_array_equal(table["truck"], [1, 0, 0, 0])
    np.testing.assert_array_equal(table["truck:none"], [0, 1, 1, 1])
    assert table["truck:two"][0] == 1
    assert table["truck:single"][0] == 0
    assert table["truck:near"][0] == 1
    assert table["truck:far"][0] == 0
    assert [table[f"truck:{side}"][0] for side in ("left", "ahead", "right")] == [1, 0, 1]
    assert table["heavy vehicle:two"][0] == 1
    assert np.isnan(table["ambulance"][2])  # nobody looked for one there
    assert np.isnan(table["sign"][2])


def test_masks_tell_of_people_where_there_are_masks() -> None:
    frames = [_frame("camvid", shares={"pedestrian": 0.5}), _frame("camvid")]
    table = things.fits(frames)
    np.testing.assert_array_equal(table["person"], [1, 0])
    assert np.isnan(table["person:two"]).all()


def test_a_cyclist_is_a_bicycle_with_somebody_on_it() -> None:
    bicycle, rider = Box("bicycle", 0.4, 0.4, 0.6, 0.9), Box("person", 0.42, 0.2, 0.58, 0.8)
    away = Box("person", 0.8, 0.2, 0.9, 0.8)
    frames = [
        _frame("dawn", boxes=(bicycle, rider)),
        _frame("dawn", boxes=(bicycle, away)),
        _frame("dawn", boxes=(rider,)),
        _frame("camvid", shares={"bicyclist": 0.03}),
        _frame("vehicles", guesses=(_guess("bicycle", 0.9, *SIDES), _guess("person", 0.4, *SIDES))),
    ]
    found = things.fits(frames)
    np.testing.assert_array_equal(found["cyclist"], [1, 0, 0, 1, np.nan])
    np.testing.assert_array_equal(found["bicycle"], [1, 1, 0, 1, 1])
    np.testing.assert_array_equal(found["cyclist:single"][:3], [1, 0, 0])
