"""Copies with weather drawn over them: what is known of them, and that the far pales first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scripts.lite.concepts import WEATHER, concepts, fits
from scripts.lite.copies import copies, part_of_pixels, parts, weathered
from scripts.lite.data import Box, Frame
from scripts.lite.objects import known

BUS = Box("bus", 0.1, 0.2, 0.5, 0.9)
PHOTO = Frame(Path("data/highway/1.jpg"), "highway", "highway:1", "train", boxes=(BUS,))


def many(number: int = 40) -> list[Frame]:
    return [
        replace(PHOTO, path=Path(f"data/highway/{i}.jpg"), brightness=0.5) for i in range(number)
    ]


def test_a_copy_keeps_its_boxes_and_gets_a_weather() -> None:
    others = [replace(PHOTO, source=source) for source in ("dawn", "roads", "camvid", "night")]
    made = copies([*many(), *others], "weather1")
    assert len(made) == 40
    assert {frame.weather for frame in made} == set(WEATHER)
    assert {frame.brightness for frame in made} == {None}
    assert made == copies(many(), "weather1")
    assert [f.weather for f in made] != [f.weather for f in copies(many(), "weather2")]
    assert known(made[0], "bus").boxes == (BUS,)


def test_labels_know_the_weather_that_was_drawn_and_not_what_the_road_is_like() -> None:
    made = copies(many(), "weather1")
    table = fits(made)
    rows = {name: row for row, name in enumerate(concepts())}
    for name in WEATHER:
        wanted = [float(frame.weather == name) for frame in made]
        np.testing.assert_array_equal(table[rows[name]], wanted)
    for name in ("rainy road", "snowy road", "night", "day"):
        assert np.isnan(table[rows[name]]).all(), name


def test_the_same_copy_comes_out_each_time() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    (first,), (other,) = copies([PHOTO], "weather1"), copies([PHOTO], "weather2")
    made = weathered(first, pixels)
    assert made.shape == pixels.shape
    assert made.dtype == np.uint8
    np.testing.assert_array_equal(made, weathered(first, pixels))
    assert (made != weathered(other, pixels)).any()


@pytest.mark.parametrize("weather", ["fog", "sand"])
def test_what_is_far_pales_first_and_a_thing_is_as_far_as_its_foot(weather: str) -> None:
    black = np.zeros((128, 192, 3), np.uint8)
    found = [frame for frame in copies(many(), "weather1") if frame.weather == weather]
    assert len(found) > 3
    for frame in found:
        made = weathered(frame, black).astype(float).mean(axis=2)
        aside = made[:, 120:].mean(axis=1)  # beside the bus
        assert aside[30] > aside[120] + 10
        inside, beside = made[50:60, 40:70].mean(), made[50:60, 130:].mean()
        assert inside < beside - 5


def test_a_part_shows_what_enough_of_lies_in_it_and_where():
    """A grey frame with one white box: what the part's box says is white, the rest is not."""
    pixels = np.full((320, 512, 3), 60, np.uint8)
    pixels[64:288, 51:256] = 250
    frames = [replace(frame, source="dawn", weather="fog") for frame in many()]
    made = parts(frames, "crop0")
    shown = [frame for frame in made if frame.boxes]
    assert 10 < len(shown) < len(made) == 40
    for frame in shown:
        (box,) = frame.boxes
        assert 0 <= box.left < box.right <= 1
        assert 0 <= box.top < box.bottom <= 1
        grey = part_of_pixels(frame, pixels).mean(axis=2)
        rows, columns = np.mgrid[:320, :512] + 0.5
        inside = (rows / 320 > box.top) & (rows / 320 < box.bottom)
        inside &= (columns / 512 > box.left) & (columns / 512 < box.right)
        light = grey > (grey.max() + grey.min()) / 2 if not inside.all() else grey > 0
        assert (light == inside).mean() > 0.95
    assert made == parts(frames, "crop0")
    assert made != parts(frames, "crop1")
    assert {frame.weather for frame in made} == {"fog"}, "what holds for the whole frame"
