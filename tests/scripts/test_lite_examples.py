"""Real frames that travel with a model: which are chosen, what is known of them, no pictures."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import quality
from scripts.lite.data import Box, Frame
from scripts.lite.examples import balanced, labelled_fits

WEATHER = ("fog", "rain", "snow", "sand")
_COMMON = ("place", "after", "through", "without", "someone", "somebody", "plenty")  # of both sides


def test_frames_are_taken_in_turn_and_from_many_groups() -> None:
    rare, common = np.zeros(40, dtype=bool), np.ones(40, dtype=bool)
    rare[[3, 4, 5]] = True
    groups = ["a"] * 20 + [f"b{n}" for n in range(20)]
    chosen = balanced([[rare], [common]], groups, 12, seed=0)
    assert len(set(chosen.tolist())) == 12
    assert {3, 4, 5} <= set(chosen.tolist())
    assert sum(groups[i] == "a" for i in chosen) <= 5  # the rare ones, and hardly any other
    assert balanced([[rare]], groups, 40, seed=0).tolist() == list(range(40))
    np.testing.assert_array_equal(chosen, balanced([[rare], [common]], groups, 12, seed=0))


def test_what_nobody_searched_for_is_unknown_to_the_guard() -> None:
    box = Box("truck", 0, 0, 1, 1)
    guess = Box("stop sign", 0, 0, 1, 1, 0.9, "detector")
    frames = [
        Frame(Path("a"), "highway", "g1", "validation", boxes=(box,), counts={"truck": 1}),
        Frame(Path("b"), "highway", "g2", "validation"),
        Frame(Path("c"), "vehicles", "g3", "validation"),
        Frame(Path("d"), "boston", "g4", "validation", guesses=(guess,)),
        Frame(Path("e"), "signs", "g5", "validation"),
    ]
    _, fits = labelled_fits(frames)
    nan = np.nan
    np.testing.assert_array_equal(fits["vehicles"]["truck"], [1, 0, nan, nan, nan])
    np.testing.assert_array_equal(fits["vehicles"]["ambulance"], [nan, nan, 0, nan, nan])
    np.testing.assert_array_equal(fits["signs"]["stop sign"], [nan, nan, nan, nan, 0])


def _drawn(folder: Path, part: str, seed: int) -> list[Frame]:
    rng = np.random.default_rng(seed)
    folder.mkdir()
    frames = []
    for number in range(32):
        path = folder / f"secret_{part}_{number}.png"
        Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(path)
        boxes = (Box("truck", 0.1, 0.1, 0.6, 0.6),) if number % 2 else ()
        frames.append(
            Frame(
                path,
                "dawn",
                f"dawn:{part}{number}",
                part,
                counts={"truck": len(boxes)},
                boxes=boxes,
                weather=WEATHER[number // 2 % 4],
                brightness=0.5,
            )
        )
    return frames


def test_a_model_folder_gets_its_examples(tiny_model_folder: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from c4t_core.models.c4t import load_dual_encoder
    from c4t_core.models.folder import verify_manifest
    from c4t_core.training.examples import EXAMPLES
    from scripts.lite.examples import ExampleOptions, features_of, write_examples

    folder = tmp_path / "model"
    shutil.copytree(tiny_model_folder, folder)
    guards = _drawn(tmp_path / "validation", "validation", 1)
    taught = _drawn(tmp_path / "train", "train", 2)
    apart = [Frame(tmp_path / "not_there.png", "dawn", "dawn:t", "test", weather="fog")]
    options = ExampleOptions(guard=32, rehearsal=20, combinations=50)
    made = write_examples(folder, [*guards, *apart, *taught], options)

    assert EXAMPLES in verify_manifest(folder).files
    assert (len(made.features), len(made.rehearsed)) == (32, 20)
    assert {"weather", "object"} <= {query.kind for query in made.queries}
    fog = next(n for n, query in enumerate(made.queries) if "fog" in query.texts)
    np.testing.assert_array_equal(made.truth[fog] == 1, [f.weather == "fog" for f in guards])
    # 8 bits change hardly anything of what the head makes of a frame
    head = load_dual_encoder(folder).image_head
    with torch.no_grad():
        rows = [
            torch.nn.functional.normalize(head(torch.from_numpy(features)), dim=1)
            for features in (features_of(folder, guards), made.features)
        ]
    assert float((rows[0] * rows[1]).sum(dim=1).min()) > 0.999
    first, second = made.concepts.T
    assert np.bincount(first[first == second]).max() == options.phrases  # each is embedded, so few
    # what asks is not what is rehearsed, and neither has a word of the benchmark's sentences
    asked = {text for query in made.queries for text in query.texts}
    assert not asked & set(made.phrases)
    sentences = json.loads(quality.QUERIES.read_text(encoding="utf-8"))["queries"]
    of_benchmark = {word for query in sentences for s in query["sentences"] for word in _long(s)}
    used = {word for text in (*asked, *made.phrases) for word in _long(text)}
    assert used
    assert not used & of_benchmark
    # no name of a picture is in it
    content = (folder / EXAMPLES).read_bytes()
    assert b"secret" not in content
    assert b".png" not in content
    assert str(tmp_path).encode() not in content


def _long(text: str) -> set[str]:
    """Return the words that say something."""
    return set(re.findall("[a-z]{5,}", text.lower())).difference(_COMMON)
