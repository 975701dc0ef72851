"""What version 0.1.0 left on a disk opens as it was: catalogue, user data, a trained model.

The files in ``tests/made_by_0_1`` are that version's own (``make.py`` there tells how they were
made); their folder of images has moved since, as a checkout lies somewhere else.
"""

from __future__ import annotations

import contextlib
import csv
import importlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import c4t_core
from c4t_core.cli import main
from c4t_core.index import scenarios

MADE = Path(__file__).resolve().parents[1] / "made_by_0_1"
THEN = json.loads((MADE / "expected.json").read_text(encoding="utf-8"))
OLD = Path(THEN["root"])


def user_module():
    """Import what keeps the user's own data, wherever it lives by now."""
    for name in ("c4t_core.index.store.user_data", "c4t_core.index.user_data"):
        with contextlib.suppress(ModuleNotFoundError):
            return importlib.import_module(name)
    raise AssertionError("where is the user's data?")


@pytest.fixture
def drives(data_dir, tmp_path):
    """The images where they lie now, the old data in the data folder."""
    shutil.copytree(MADE / "data", data_dir, dirs_exist_ok=True)
    folder = shutil.copytree(MADE / "drives", tmp_path / "moved" / "drives")
    for path in folder.rglob("*.png"):
        os.utime(path, (THEN["mtime"], THEN["mtime"]))
    return folder


@pytest.fixture
def workspace(drives):
    with c4t_core.open_workspace(drives, model="c4t:tiny") as opened:
        opened.relocate(OLD, drives)
        yield opened


def assert_same(hits, then):
    assert [hit.relative for hit in hits] == [name for name, _ in then]
    assert [hit.score for hit in hits] == pytest.approx([score for _, score in then], abs=1e-6)


def assert_also_cut(workspace, query):
    """Of a single sentence; where the cut lies is found otherwise since."""
    if " + " not in query and " - " not in query:
        assert (workspace.answer(query).cut is None) == (THEN["cuts"][query] is None)


def test_the_catalogue_gives_the_same_hits_and_nothing_is_embedded_again(workspace, drives):
    for query, then in THEN["hits"].items():
        assert_same(workspace.search(query, None), then)
        assert_also_cut(workspace, query)
    report = workspace.index()
    assert (report.embedded, report.unchanged, report.gone) == (0, THEN["report"][1], 0)
    assert report.total == THEN["report"][0]
    for query, then in THEN["hits"].items():
        hits = workspace.search(query, None, exact=True)
        assert_same(hits, then)
        assert all(hit.path == drives / hit.relative and hit.path.is_file() for hit in hits)
    image, then = THEN["similar"]
    assert_same(workspace.similar(drives / image, 5), then)
    # A drive is shown by its folder now; then the stamp of its frames was.
    then = [(drive, count) for drive, count in THEN["drives"]]
    assert [(name.replace("_", ""), count) for name, count in workspace.drives()] == then
    # What could not be read then is tried again, and the reason says more now.
    (skip,), ((name, reason),) = workspace.skipped(), THEN["skipped"]
    assert skip.path.relative_to(drives).as_posix() == name
    assert skip.reason.startswith(reason)
    assert not workspace.notices


def test_the_command_line_finds_the_same(workspace, drives, capsys):
    for query, then in THEN["hits"].items():
        words = [str(drives), query, "--model", "c4t:tiny", "--json", "-k", "100"]
        assert main(["search", *words]) == 0
        hits = json.loads(capsys.readouterr().out)
        assert [hit["path"] for hit in hits] == [str(drives / name) for name, _ in then]


def test_marks_scenario_and_test_set_are_the_same_and_follow_the_move(workspace, drives, data_dir):
    user = user_module()
    with contextlib.closing(user.UserData()) as data:
        marks = data.marks()
        assert [
            [mark.query, mark.image.relative, mark.good, mark.image.digest] for mark in marks
        ] == THEN["marks"]
        for mark in marks:  # the folder moved without a word: the content tells
            found = user.locate(mark.image, workspace.files_of_size)
            assert found == drives / mark.image.relative
        assert data.test_sets() == [tuple(pair) for pair in THEN["test_sets"]]
        kept = data.test_set("first")
        assert [[mark.query, mark.image.relative, mark.good] for mark in kept] == THEN["test_set"]
        (scenario,) = data.scenarios()
        assert [scenario.name, scenario.query, dict(scenario.settings)] == THEN["scenario"]
        assert data.history() == THEN["history"]
        data.move_root(OLD, drives)
        drive = scenario.settings["filters"]["drive"]
        assert workspace.search(scenario.query, drive=drive)
        counted = scenarios.count(workspace, scenario, {})
        assert (counted.name, counted.new, counted.same_model) == (scenario.name, 0, True)
    assert not list(data_dir.glob("*.damaged-*"))


def test_it_is_searched_and_survives_another_model_of_the_same_name(workspace, drives, data_dir):
    pytest.importorskip("torch", reason="making models needs an extra")
    from scripts.earlier import add_earlier_text
    from tests.helpers.tiny_model import with_other_heads

    mine = data_dir / "models" / "tiny"
    new = with_other_heads(mine, data_dir / "new")
    add_earlier_text(new, mine)
    shutil.rmtree(mine)
    new.rename(mine)
    with contextlib.closing(user_module().UserData()) as data:
        data.move_root(OLD, drives)
        then = data.marks(), data.scenarios(), data.test_sets(), data.history()
        (scenario,) = data.scenarios()
    with c4t_core.open_workspace(drives, model="c4t:tiny") as opened:
        assert opened.model_fingerprint == THEN["model"]["fingerprint"]
        for query, hits in THEN["hits"].items():
            assert_same(opened.search(query, None), hits)
            assert_also_cut(opened, query)
        before = scenarios.count(opened, scenario, {})
        assert opened.index().embedded == len(THEN["hits"]["snow"])
        assert opened.model_fingerprint != THEN["model"]["fingerprint"]
        assert len(opened.search("snow", None)) == len(THEN["hits"]["snow"])
        after = scenarios.count(opened, scenario, {})
        assert (before.name, before.new) == (after.name, after.new) == (scenario.name, 0)
    with contextlib.closing(user_module().UserData()) as data:
        assert then == (data.marks(), data.scenarios(), data.test_sets(), data.history())
    assert then[0]


def assert_embeds(model, drives):
    then = THEN["model"]
    assert (model.dim, model.fingerprint) == (then["dim"], then["fingerprint"])
    texts, vectors = then["texts"]
    np.testing.assert_allclose(model.encode_texts(texts), vectors, rtol=0, atol=1e-5)
    names, vectors = then["images"]
    images = [Image.open(drives / name) for name in names]
    np.testing.assert_allclose(model.encode_images(images), vectors, rtol=0, atol=1e-5)


def test_the_trained_model_is_listed_and_embeds_the_same(drives, capsys):
    assert main(["models", "list", "--json"]) == 0
    listed = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert listed["c4t:tiny"]["available"] is True
    assert_embeds(c4t_core.load_model("c4t:tiny"), drives)


def test_the_trained_model_can_be_taught_more(drives, tmp_path):
    pytest.importorskip("torch", reason="training needs an extra")
    assert_embeds(c4t_core.load_model("c4t:tiny", engine="torch", device="cpu"), drives)
    with (tmp_path / "pairs.csv").open("w", newline="", encoding="utf-8") as out:
        rows = [(name, "a car in the snow") for name, _ in THEN["hits"]["snow"][:4]]
        csv.writer(out).writerows([("image", "caption"), *rows])
    words = ["train", str(tmp_path / "pairs.csv"), "--images", str(drives), "--from", "c4t:tiny"]
    how = "--epochs 1 --batch 4 --device cpu --validation-share 0 --no-guard --name more"
    assert main([*words, *how.split(), "--output", str(tmp_path / "run")]) == 0
    taught = c4t_core.load_model("c4t:more")
    assert taught.fingerprint != THEN["model"]["fingerprint"]
    assert taught.encode_texts(["snow"]).shape == (1, THEN["model"]["dim"])
