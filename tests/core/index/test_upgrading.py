"""What an earlier model indexed can be searched until all of it is indexed anew."""

from __future__ import annotations

import gc
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from c4t_core import open_workspace
from c4t_core.cli import main
from c4t_core.cluster import opening
from c4t_core.cluster.writing import Writing
from c4t_core.errors import Cancelled, DataError, ModelError, QueryError
from c4t_core.index.store.catalogue import Catalogue, catalogue_path
from c4t_core.models.c4t import C4TFolder
from c4t_core.models.engine import OnnxModel
from c4t_core.models.folder import (
    load_state,
    read_config,
    read_manifest,
    read_tokenizer,
    save_model,
    write_manifest,
)
from c4t_core.models.graphs.export import export_onnx
from c4t_core.models.graphs.quantize import add_int8_graph
from c4t_core.models.registry import load_model, model_info, register
from c4t_core.workspace import Workspace
from scripts.earlier import add_earlier_text
from tests.helpers.tiny_model import with_other_heads

ASKED = ["a red car", "snow at night", "two people cross the road", "fog"]
QUERIES = ["a red car", "snow + 2:truck - people"]


def draw(folder: Path, numbers: range) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:06d}.png" for number in numbers]
    for number, path in zip(numbers, paths, strict=True):
        low = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(low).resize((96, 72), Image.Resampling.BICUBIC).save(path)
    return paths


@pytest.fixture(scope="module")
def models(tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The model of an earlier version with both image graphs, and the one of this version."""
    base = tmp_path_factory.mktemp("upgrading")
    old = Path(shutil.copytree(tiny_model_folder, base / "old"))
    add_int8_graph(old, draw(base / "frames", range(100, 140)))
    new = with_other_heads(old, base / "new", "int8")
    add_int8_graph(new, sorted((base / "frames").iterdir()))
    assert add_earlier_text(new, old) > 0.999
    return old, new


@pytest.fixture
def drives(tmp_path: Path) -> Path:
    draw(tmp_path / "drives" / "one", range(8))
    draw(tmp_path / "drives" / "two", range(8, 12))
    return tmp_path / "drives"


@pytest.fixture
def name(models: tuple[Path, Path], tmp_path: Path) -> str:
    """The model as it is named, before the upgrade."""
    return str(shutil.copytree(models[0], tmp_path / "model"))


@pytest.fixture
def upgrade(models: tuple[Path, Path], name: str):
    def replace() -> None:
        shutil.rmtree(name)
        shutil.copytree(models[1], name)

    return replace


def found(workspace: Workspace, query: str = QUERIES[0]) -> list[tuple[str, float]]:
    return [(hit.relative, hit.score) for hit in workspace.search(query, None)]


def assert_near(now: list[tuple[str, float]], then: list[tuple[str, float]]) -> None:
    assert sorted(n for n, _ in now) == sorted(n for n, _ in then)
    scores = dict(then)
    for path, score in now:
        assert score == pytest.approx(scores[path], abs=0.02)  # words are rounded to 8 bits now


def stop_after(count: int):
    def progress(done: int, total: int | None) -> None:
        if done >= count:
            raise Cancelled

    return progress


def test_a_table_of_the_earlier_model_is_searched_and_not_added_to(name, drives, upgrade, tmp_path):
    pytest.importorskip("lancedb")
    table = str(tmp_path / "team.lance")
    assert main(["index", str(drives), "--to", table, "--model", name]) == 0
    with opening.open_workspace(table, name) as workspace:
        then = found(workspace)
    upgrade()
    with opening.open_workspace(table, name) as workspace:
        assert_near(found(workspace), then)
        assert workspace.search("a car", None).notes == (
            f'The earlier model made "{table}", and answers while that is open; c4t index FOLDER '
            "--to NEW.lance writes a table with this one.",
        )
    with opening.open_workspace([table, draw(tmp_path / "own", range(2))[0].parent], name) as both:
        both.index()
        (note,) = both.search("a car", None).notes
        assert note.startswith("The earlier model made"), "the folder has nothing to update"
    with pytest.raises(DataError, match="of an earlier C4T, which embeds no more"):
        Writing([drives], table, name)()


def test_a_workspace_that_is_left_keeps_no_network_until_rings_are_looked_for(models, drives):
    def networks() -> int:
        return sum(issubclass(type(thing), OnnxModel) for thing in gc.get_objects())

    name = str(models[1])  # it knows of an earlier model
    gc.collect()
    gc.disable()
    before = networks()
    try:
        with open_workspace(drives, name) as workspace:
            workspace.index()
            assert found(workspace)
            assert networks() > before
        del workspace
        assert networks() == before
    finally:
        gc.enable()


@pytest.mark.parametrize("graph", ["int8", "plain"])
def test_searched_before_during_and_after_the_update(name, drives, upgrade, graph):
    with open_workspace(drives, load_model(name, graph=graph)) as workspace:
        workspace.index()
        then = {query: found(workspace, query) for query in QUERIES}
        cuts = {query: workspace.answer(query).cut for query in QUERIES}
        events = [len(event.hits) for event in workspace.events(workspace.search("a car", None))]
        former = workspace.model_fingerprint
        like = [hit.path for hit in workspace.similar(drives / "one" / "000003.png", 5)]
    upgrade()
    with open_workspace(drives, name) as workspace:
        for query in QUERIES:
            assert_near(found(workspace, query), then[query])
            assert workspace.answer(query).cut == pytest.approx(cuts[query], abs=0.02)
        hits = workspace.search("a car", None)
        assert hits.notes == (
            f'This index was made by the earlier model; c4t index "{drives}" --model {name} '
            "updates it (0 of 12).",
        )
        now = [len(event.hits) for event in workspace.events(hits)]
        assert sorted(now) == sorted(events)
        assert workspace.model_fingerprint == former
        status = workspace.status()
        assert (status.total, status.embedded, status.updated) == (12, 12, 0)
        assert {f.graph == f.best_graph for f in status.folders} == {True}
        picture = drives / "one" / "000003.png"
        best = workspace.search(f"@{picture}", 1)[0]  # what is indexed is known
        assert (best.path, best.score) == (picture, pytest.approx(1, abs=1e-3))
        mixed = workspace.search(f"@{picture} + a car", 1)[0]
        assert mixed.path == picture
        again = workspace.similar(drives / "one" / "000003.png", 5)
        assert [hit.path for hit in again] == like

        with pytest.raises(Cancelled):
            workspace.index(stop_after(4), batch_size=4)
        assert workspace.status().updated == 4
        assert_near(found(workspace), then[QUERIES[0]])
        assert "(4 of 12)" in workspace.search("a car").notes[0]
    with open_workspace(drives, name) as workspace:
        assert workspace.status().updated == 4
        assert workspace.index().embedded == 8  # it goes on
        assert workspace.status().updated is None
        assert workspace.search("a car").notes == ()
        assert workspace.model_fingerprint == model_info(name).graphs[-1][1] != former
        hits = workspace.search("a red car", None)
        rows = workspace.vectors([hit.image_id for hit in hits])
        opened = [Image.open(hit.path).convert("RGB") for hit in hits]
        want = load_model(name).encode_images(opened)
        np.testing.assert_allclose(want, [rows[h.image_id] for h in hits], atol=1e-3)
        best = workspace.search(f"@{hits[0].path}", 1)[0]
        assert best.score == pytest.approx(1, abs=1e-5)
        assert workspace.index().embedded == 0


@pytest.mark.parametrize("keep", [True, False])
def test_the_old_index_goes_when_it_is_replaced_and_not_before(name, drives, upgrade, keep):
    def clean(workspace: Workspace) -> None:
        workspace.clean([workspace.model_fingerprint] if keep else None)

    with open_workspace(drives, name) as workspace:
        workspace.index()
    upgrade()
    with open_workspace(drives, name) as workspace:
        clean(workspace)
        assert len(workspace.search("a car", None)) == 12
        with pytest.raises(Cancelled):
            workspace.index(stop_after(4), batch_size=4)
        clean(workspace)
        assert workspace.space().frames == 0  # the old vectors still answer
        assert workspace.index().embedded == 8
        told = workspace.space()  # what goes is said before it goes
        with Catalogue(catalogue_path()).reading() as db:
            sizes = db.execute("SELECT SUM(LENGTH(vector)) FROM vectors GROUP BY model_id")
            assert told.replaced in [size for (size,) in sizes]
        assert told.frames == 12
        clean(workspace)
        after = workspace.space()
        assert (after.frames, after.replaced, after.free, after.files, after.removable) == (0,) * 5
        assert len(workspace.search("a car", None)) == 12
    with Catalogue(catalogue_path()).reading() as db:
        kept = [digest for (digest,) in db.execute("SELECT fingerprint FROM models")]
    assert kept == [model_info(name).fingerprint]


def test_a_picture_from_outside_needs_the_update(name, drives, upgrade, tmp_path):
    (outside,) = draw(tmp_path / "outside", range(50, 51))
    with open_workspace(drives, name) as workspace:
        workspace.index()
    upgrade()
    with open_workspace(drives, name) as workspace:
        for ask in (lambda: workspace.search(f"@{outside}"), lambda: workspace.similar(outside)):
            with pytest.raises(QueryError, match=r"earlier model.*index the folder again"):
                ask()
        workspace.index()
        assert len(workspace.similar(outside, 3)) == 3


def test_a_part_that_is_indexed_anew_does_not_stand_for_the_whole(name, drives, upgrade):
    with open_workspace(drives, name) as workspace:
        workspace.index()
    upgrade()
    with open_workspace(drives / "two", name) as workspace:
        assert workspace.index().embedded == 4
        assert len(workspace.search("a car", None)) == 4
        assert f'c4t index "{drives}" ' in workspace.search("a car").notes[0]
    with open_workspace(drives, name) as workspace:
        assert len(workspace.search("a car", None)) == 12
        assert workspace.index().embedded == 8
        assert len(workspace.search("a car", None)) == 12
        assert workspace.search("a car").notes == ()


def test_a_folder_indexed_since_waits_for_the_others(name, drives, upgrade, tmp_path):
    with open_workspace(drives, name) as workspace:
        workspace.index()
    upgrade()
    draw(tmp_path / "since", range(60, 63))
    with open_workspace(tmp_path / "since", name) as workspace:
        workspace.index()
        assert len(workspace.search("a car", None)) == 3
    with open_workspace([drives, tmp_path / "since"], name) as workspace:
        assert len(workspace.search("a car", None)) == 12  # an answer is by one model
        assert (workspace.status().updated, workspace.status().total) == (3, 15)
        workspace.index()
        assert len(workspace.search("a car", None)) == 15


def test_new_gone_and_changed_files_meanwhile(name, drives, upgrade):
    with open_workspace(drives, name) as workspace:
        workspace.index()
    upgrade()
    (drives / "one" / "000000.png").unlink()
    draw(drives / "three", range(70, 72))
    with open_workspace(drives, name) as workspace:
        with pytest.raises(Cancelled):
            workspace.index(stop_after(1), batch_size=1)
        assert len(workspace.search("a car", None)) == 11
        report = workspace.index()
        assert (report.total, report.embedded) == (13, 12)
        assert len(workspace.search("a car", None)) == 13


def test_the_command_line_answers_and_says_so(name, drives, upgrade, capsys):
    assert main(["index", str(drives), "--model", name]) == 0
    words = ["search", str(drives), "a red car", "--model", name, "--json"]
    capsys.readouterr()
    assert main(words) == 0
    then = capsys.readouterr()
    assert "earlier" not in then.err
    upgrade()
    assert main(words) == 0
    now = capsys.readouterr()
    assert now.out.count('"path"') == then.out.count('"path"') == 12
    assert now.err.splitlines() == [
        f'This index was made by the earlier model; c4t index "{drives}" --model {name} updates '
        "it (0 of 12)."
    ]
    (outside,) = draw(drives.parent / "outside", range(50, 51))
    assert main(["search", str(drives), f"@{outside}", "--model", name]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert main(["index", str(drives), "--model", name, "--json"]) == 0
    assert '"embedded": 12' in capsys.readouterr().out
    assert main(words) == 0
    assert "earlier" not in capsys.readouterr().err


def test_the_new_model_is_one_all_the_same(models, tmp_path):
    old, new = models
    assert not set(dict(model_info(str(new)).graphs).values()) & set(
        dict(model_info(str(old)).graphs).values()
    )
    manifest = read_manifest(new)
    (kept,) = manifest.earlier
    assert kept.graphs == model_info(str(old)).graphs
    written = json.loads((new / "manifest.json").read_text())["earlier"]
    assert written["dim"] == kept.dim  # one is no list, as versions expect that know of one only
    folder = Path(shutil.copytree(new, tmp_path / "m"))
    assert write_manifest(folder) == manifest  # what it knows of the earlier one stays
    bare = Path(shutil.copytree(new, tmp_path / "bare"))
    (bare / "text.earlier.onnx").unlink()
    (bare / "earlier.safetensors").unlink()
    assert write_manifest(bare).earlier == ()
    one, other = (C4TFolder(path, "m").fingerprint for path in (new, bare))
    assert one == other  # what it makes is the same
    assert register(new, "new") == "c4t:new"
    assert model_info("c4t:new").earlier == manifest.earlier
    extra = sum((new / n).stat().st_size for n in ("text.earlier.onnx", "earlier.safetensors"))
    assert extra < 200_000


def test_the_earlier_graph_reads_the_encoder_and_its_own_head_only(models, tmp_path):
    folder = Path(shutil.copytree(models[1], tmp_path / "m"))
    shutil.copyfile(folder / "text.onnx", folder / "text.earlier.onnx")  # reads the new head
    write_manifest(folder)
    with pytest.raises(ModelError, match="points to another file"):
        OnnxModel(C4TFolder(folder, "m").with_graph("earlier")).encode_texts(["a car"])


def test_another_text_encoder_is_refused(models, tmp_path):
    state = load_state(models[0])
    for key in state:
        if key.startswith("text_encoder.") and "LayerNorm.bias" in key:
            state[key] = state[key] + torch.randn(state[key].shape)
    config, tokenizer = read_config(models[0]), read_tokenizer(models[0])
    folder = save_model(tmp_path / "m", config, state, tokenizer, "", finish=export_onnx)
    with pytest.raises(ModelError, match="encoders need be the same"):
        add_earlier_text(folder, models[0])


@pytest.mark.parametrize("change", [{"graphs": []}, {"dim": "x"}, {"alike": None}, 3])
def test_a_manifest_that_names_no_earlier_model_is_a_sentence(models, tmp_path, change):
    folder = Path(shutil.copytree(models[1], tmp_path / "m"))
    data = json.loads((folder / "manifest.json").read_text())
    data["earlier"] = {**data["earlier"], **change} if isinstance(change, dict) else change
    (folder / "manifest.json").write_text(json.dumps(data))
    with pytest.raises(ModelError, match="names no earlier model"):
        read_manifest(folder)


@pytest.fixture(scope="module")
def chain(models: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three models, the oldest first; each took the place of the one before."""
    newest = with_other_heads(models[1], tmp_path_factory.mktemp("chain") / "newest", "int8")
    assert add_earlier_text(newest, models[1]) > 0.999
    return [*models, newest]


@pytest.fixture
def use(chain: list[Path], name: str):
    """Put the model of a number in the chain in the place of the one that is named."""

    def replace(number: int) -> None:
        shutil.rmtree(name)
        shutil.copytree(chain[number], name)

    return replace


def indexed(folder: Path, name: str) -> list[tuple[str, float]]:
    with open_workspace(folder, name) as workspace:
        workspace.index()
        return found(workspace)


def test_a_new_model_keeps_the_texts_of_all_before_it(chain):
    oldest, middle, newest = chain
    kept = read_manifest(newest).earlier
    assert [one.graphs for one in kept] == [model_info(str(f)).graphs for f in (middle, oldest)]
    model = load_model(str(newest))
    rows = [model.encode_texts(ASKED)]
    for graph, folder in (("earlier", middle), ("earlier.2", oldest)):
        rows.append(model.with_graph(graph).encode_texts(ASKED))
        want = load_model(str(folder)).encode_texts(ASKED)
        assert (rows[-1] * want).sum(axis=1).min() > 0.999
    for one, other in ((0, 1), (0, 2), (1, 2)):  # three spaces
        assert (rows[one] * rows[other]).sum(axis=1).max() < 0.9
    with pytest.raises(ModelError):
        model.with_graph("earlier.3")
    own, one = (newest / f"text{name}.onnx" for name in ("", ".earlier"))
    assert one.stat().st_size < 0.4 * own.stat().st_size, "a head is all that it adds"


def test_the_texts_that_a_folder_kept_go_with_those_of_another_old_model(chain, tmp_path):
    folder = Path(shutil.copytree(chain[2], tmp_path / "m"))
    add_earlier_text(folder, chain[0])
    assert [one.graphs for one in read_manifest(folder).earlier] == [
        model_info(str(chain[0])).graphs
    ]
    assert not list(folder.glob("*earlier.2*"))
    back = Path(shutil.copytree(chain[0], tmp_path / "back"))  # its own texts need not be kept
    add_earlier_text(back, chain[1])
    assert [one.graphs for one in read_manifest(back).earlier] == [model_info(str(chain[1])).graphs]


@pytest.mark.parametrize("gone", ["text.earlier.onnx", "earlier.2.safetensors"])
def test_earlier_models_are_known_up_to_the_first_without_its_files(chain, tmp_path, gone):
    folder = Path(shutil.copytree(chain[2], tmp_path / "m"))
    before = write_manifest(folder)
    assert before == read_manifest(chain[2])
    (folder / gone).unlink()
    assert write_manifest(folder).earlier == before.earlier[: "2" in gone]


@pytest.mark.parametrize("number", [0, 1])
def test_the_index_of_either_earlier_model_is_searched_and_updated(
    chain, name, drives, use, number, capsys
):
    use(number)
    then = indexed(drives, name)
    use(2)
    with open_workspace(drives, name) as workspace:
        assert_near(found(workspace), then)
        assert workspace.model_fingerprint == model_info(str(chain[number])).graphs[-1][1]
        assert workspace.search("a car").notes == (
            f'This index was made by the earlier model; c4t index "{drives}" --model {name} '
            "updates it (0 of 12).",
        )
        assert workspace.status().updated == 0
        workspace.clean()
        assert_near(found(workspace), then)
    assert main(["index", str(drives), "--model", name]) == 0
    capsys.readouterr()
    with open_workspace(drives, name) as workspace:
        assert workspace.model_fingerprint == model_info(name).graphs[-1][1]
        assert len(found(workspace)) == 12
        assert workspace.search("a car").notes == ()
        workspace.clean()
    assert kept_vectors() == [model_info(name).fingerprint]


def kept_vectors() -> list[str]:
    with Catalogue(catalogue_path()).reading() as db:
        return [digest for (digest,) in db.execute("SELECT fingerprint FROM models")]


def test_of_folders_of_two_earlier_models_none_vanishes(name, tmp_path, use):
    older, newer = tmp_path / "b older", tmp_path / "a newer"
    draw(older, range(5))
    draw(newer, range(5, 8))
    was_older = indexed(older, name)
    use(1)
    was_newer = indexed(newer, name)
    use(2)
    with open_workspace(older, name) as workspace:
        assert_near(found(workspace), was_older)
    with open_workspace([older, newer], name) as workspace:
        assert_near(found(workspace), was_newer)  # an answer is by one model
        assert workspace.search("a car").notes == (
            f'This index was made by the earlier model; c4t index "{newer}" "{older}" --model '
            f"{name} updates it (0 of 8). Until then, what a still older model indexed is not "
            f'searched: "{older}".',
        )
        status = workspace.status()
        assert (status.total, status.embedded, status.updated) == (8, 3, 0)
        assert [f.updated for f in status.folders] == [0, 0]
        workspace.clean()
        with pytest.raises(Cancelled):
            workspace.index(stop_after(2), batch_size=2)  # of the newer one's, which come first
        assert workspace.status().updated == 2
        assert_near(found(workspace), was_newer)
        with pytest.raises(Cancelled):
            workspace.index(stop_after(4), batch_size=3)  # the last of them, and three more
        assert workspace.status().updated == 6
        assert_near(found(workspace), was_older)  # now the older one's turn, until it is done
        assert workspace.search("a car").notes[0].endswith("updates it (6 of 8).")
        workspace.index()
        assert len(found(workspace)) == 8
        assert workspace.search("a car").notes == ()
        workspace.clean()
    assert kept_vectors() == [model_info(name).fingerprint]


@pytest.mark.parametrize("whole", [True, False])
def test_what_both_earlier_models_indexed_is_the_newer_ones_if_it_is_whole(
    chain, name, drives, use, whole
):
    then = indexed(drives, name)
    use(1)
    with open_workspace(drives, name) as workspace:
        if whole:
            workspace.index()
            then = found(workspace)
        else:
            with pytest.raises(Cancelled):
                workspace.index(stop_after(4), batch_size=4)
    use(2)
    with open_workspace(drives, name) as workspace:
        (best, _), (plain, _) = (g[::-1] for g in model_info(str(chain[1 if whole else 0])).graphs)
        for _ in range(2):
            assert workspace.model_fingerprint == plain
            assert_near(found(workspace), then)
            assert workspace.search("a car").notes[0].endswith("updates it (0 of 12).")
            workspace.clean()
            assert kept_vectors() == [best]
        workspace.index()
        assert len(found(workspace)) == 12
