"""The sample drive: drawn the same every time, labelled, small enough to ship."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from c4t_core.paths import resource
from scripts.draw_sample import draw_frame
from scripts.sample_drives import FRAMES, drives


@pytest.fixture(scope="module")
def frames():
    return sorted(resource("sample", "drives").glob("*/camera/cam_front_center/*.jpg"))


def test_sixty_frames_of_five_drives_in_four_megabytes(frames):
    root = resource("sample", "drives")
    assert len(frames) == 60
    assert {path.relative_to(root).parts[0] for path in frames} == {d.name for d in drives()}
    assert sum(p.stat().st_size for p in root.rglob("*") if p.is_file()) < 4_000_000


def test_every_frame_has_a_label_of_listed_colours(frames):
    root = resource("sample", "drives")
    known = {int(name[1:], 16) for name in json.loads((root / "class_list.json").read_text())}
    seen: set[int] = set()
    for path in frames:
        partner = path.parents[2] / "label" / "cam_front_center"
        label = partner / path.name.replace("_camera_", "_label_").replace(".jpg", ".png")
        with Image.open(label) as image, Image.open(path) as frame:
            assert image.size == frame.size == (640, 400)
            pixels = np.asarray(image.convert("RGB")).astype(np.uint32)
        codes = pixels[..., 0] << 16 | pixels[..., 1] << 8 | pixels[..., 2]
        found = {int(code) for code in np.unique(codes)}
        assert found <= known, label.name
        seen |= found
    names = json.loads((root / "class_list.json").read_text())
    missing = {names[f"#{code:06x}"] for code in known - seen}
    assert not missing, f"never drawn: {missing}"


def test_the_same_frame_comes_out_twice():
    drive = drives()[4]
    one, labels = draw_frame(drive, FRAMES - 1)
    two, again = draw_frame(drive, FRAMES - 1)
    assert np.array_equal(np.asarray(one), np.asarray(two))
    assert np.array_equal(np.asarray(labels), np.asarray(again))


def test_the_drives_differ_in_light(frames):
    means = {}
    for path in frames:
        with Image.open(path) as image:
            means.setdefault(path.parts[-4], []).append(float(np.asarray(image).mean()))
    assert max(means["20261120_214500"]) < 70  # night
    assert min(means["20260118_091500"]) > 150  # snow


def test_the_sample_says_that_it_is_drawn():
    text = resource("sample", "drives", "README.txt").read_text()
    assert "drawn by a script" in text
    assert "never a measure of quality" in text
