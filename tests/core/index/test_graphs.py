"""An index goes on with the image graph that it was made with, until somebody says otherwise."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from c4t_core import open_workspace
from c4t_core.cli import main
from c4t_core.errors import Cancelled, FolderError
from c4t_core.index.store.catalogue import Catalogue, catalogue_path
from c4t_core.index.vectors.embeddings_file import save_embeddings
from c4t_core.models.graphs.quantize import add_int8_graph
from c4t_core.models.registry import load_model, model_info
from c4t_core.workspace import Workspace


def draw(folder: Path, numbers: range) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in numbers:
        low = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        path = folder / f"{number:06d}.png"
        Image.fromarray(low).resize((96, 72), Image.Resampling.BICUBIC).save(path)
        paths.append(path)
    return paths


@pytest.fixture
def drives(tmp_path: Path) -> Path:
    draw(tmp_path / "drives", range(12))
    return tmp_path / "drives"


@pytest.fixture
def model(tiny_model_folder: Path, tmp_path: Path) -> str:
    """The tiny model in a folder of its own, as an earlier version saved it: one graph."""
    return str(shutil.copytree(tiny_model_folder, tmp_path / "model"))


@pytest.fixture
def grown(model: str, drives: Path) -> str:
    """The same model after an index was made with it and an 8-bit graph came to it."""
    with open_workspace(drives, model) as workspace:
        workspace.index()
    add_int8_graph(Path(model), sorted(drives.glob("*.png")))
    return model


def graph_of(workspace: Workspace) -> tuple[str, str]:
    status = workspace.status().folders[0]
    return status.graph, status.best_graph


def vectors(workspace: Workspace) -> dict[Path, np.ndarray]:
    hits = workspace.search("a car", None)
    rows = workspace.vectors([hit.image_id for hit in hits])
    return {hit.path: rows[hit.image_id] for hit in hits}


def made_by(model: str, graph: str, found: dict[Path, np.ndarray]) -> bool:
    images = [Image.open(path).convert("RGB") for path in found]
    want = load_model(model, graph=graph).encode_images(images)
    return bool(np.abs(want - np.stack(list(found.values()))).max() < 1e-3)


def test_an_old_index_goes_on_with_its_graph(grown, drives):
    with open_workspace(drives, grown) as workspace:
        assert graph_of(workspace) == ("plain", "int8")
        before = vectors(workspace)
        draw(drives, range(12, 16))
        report = workspace.index()
        assert (report.embedded, report.unchanged) == (4, 12)
        after = vectors(workspace)
        assert len(after) == 16
        assert made_by(grown, "plain", after)
        assert not made_by(grown, "int8", after)
        for path, row in before.items():
            np.testing.assert_array_equal(after[path], row)


def test_a_new_index_takes_the_fastest(grown, tmp_path):
    draw(tmp_path / "others", range(30, 36))
    with open_workspace(tmp_path / "others", grown) as workspace:
        assert graph_of(workspace) == ("int8", "int8")
        workspace.index()
        assert made_by(grown, "int8", vectors(workspace))


def test_a_model_that_is_handed_in_goes_on_as_well(grown, drives):
    with open_workspace(drives, load_model(grown)) as workspace:
        assert graph_of(workspace) == ("plain", "int8")
        assert workspace.index().embedded == 0


def test_a_model_for_torch_reads_what_the_others_made(grown, tmp_path):
    draw(tmp_path / "others", range(30, 36))
    with open_workspace(tmp_path / "others", grown) as workspace:
        workspace.index()
    on_torch = load_model(grown, engine="torch", device="cpu")
    with open_workspace(tmp_path / "others", on_torch) as workspace:
        assert graph_of(workspace) == ("int8", "plain")
        assert workspace.index().embedded == 0
        assert len(workspace.search("a car")) == 6


def test_both_kinds_are_searched_together(grown, drives, tmp_path):
    draw(tmp_path / "others", range(30, 36))
    with open_workspace([drives, tmp_path / "others"], grown) as workspace:
        workspace.index()
        assert [f.graph for f in workspace.status().folders] == ["plain", "int8"]
        assert len(workspace.search("a car", None)) == 18


@pytest.mark.parametrize("graph", ["plain", "int8"])
def test_a_picture_is_looked_for_by_the_graph_of_the_index(grown, drives, graph):
    with open_workspace(drives, grown) as workspace:
        if graph == "int8":
            workspace.index(reindex=True)
        path = sorted(drives.glob("*.png"))[3]
        best = workspace.search(f"@{path}", 1)[0]
        assert best.path == path
        assert best.score == pytest.approx(1, abs=1e-6)


def test_indexing_again_replaces_it_once_it_is_done(grown, drives):
    with open_workspace(drives, grown) as workspace:
        before = vectors(workspace)

        def stop(done: int, total: int | None) -> None:
            if done >= 4:
                raise Cancelled

        with pytest.raises(Cancelled):
            workspace.index(stop, batch_size=4, reindex=True)
        assert graph_of(workspace) == ("plain", "int8")  # what is whole serves
        now = vectors(workspace)
        assert all(np.array_equal(now[path], row) for path, row in before.items())
        assert workspace.index(reindex=True).embedded == 8  # it goes on
        assert graph_of(workspace) == ("int8", "int8")
        assert made_by(grown, "int8", vectors(workspace))
        assert workspace.index().embedded == 0


def test_cleaning_drops_what_was_replaced_and_nothing_else(grown, drives, tmp_path):
    others = tmp_path / "others"
    draw(others, range(30, 36))
    with open_workspace(others, load_model(grown, graph="plain")) as workspace:
        workspace.index()
    with open_workspace(drives, grown) as workspace:
        workspace.index(reindex=True)
        workspace.clean([workspace.model_fingerprint])
    with open_workspace([drives, others], grown) as workspace:
        assert [f.graph for f in workspace.status().folders] == ["int8", "plain"]
        assert workspace.index().embedded == 0
        workspace.index(reindex=True)
        workspace.clean([workspace.model_fingerprint])
        with Catalogue(catalogue_path()).reading() as db:
            kept = [digest for (digest,) in db.execute("SELECT fingerprint FROM models")]
        assert kept == [model_info(grown).fingerprint]


def test_giving_space_back_drops_what_was_replaced_and_nothing_half_made(grown, drives):
    def kept() -> set[str]:
        with Catalogue(catalogue_path()).reading() as db:
            return {digest for (digest,) in db.execute("SELECT fingerprint FROM models")}

    def stop(done: int, total: int | None) -> None:
        if done >= 4:
            raise Cancelled

    best, plain = (digest for _, digest in model_info(grown).graphs)
    with open_workspace(drives, grown) as workspace:
        with pytest.raises(Cancelled):
            workspace.index(stop, batch_size=4, reindex=True)
        workspace.clean()
        assert kept() == {best, plain}
        assert workspace.index(reindex=True).embedded == 8
        workspace.clean()
        assert kept() == {best}
        assert len(workspace.search("a car", None)) == 12


def test_a_part_of_an_index_is_not_replaced_alone(grown, drives):
    draw(drives / "inner", range(40, 43))
    with (
        open_workspace(drives / "inner", grown) as workspace,
        pytest.raises(FolderError, match="indexed as one"),
    ):
        workspace.index(reindex=True)


def test_the_command_line_indexes_again(grown, drives, capsys):
    assert main(["index", str(drives), "--model", grown, "--json"]) == 0
    assert '"embedded": 0' in capsys.readouterr().out
    assert main(["index", str(drives), "--model", grown, "--reindex", "--json"]) == 0
    assert '"embedded": 12' in capsys.readouterr().out
    with open_workspace(drives, grown) as workspace:
        assert graph_of(workspace) == ("int8", "int8")


def test_saved_embeddings_of_either_graph_answer(grown, drives, tmp_path, capsys):
    for graph in ("plain", "int8"):
        file = tmp_path / f"{graph}.npz"
        paths = sorted(drives.glob("*.png"))
        one = load_model(grown, graph=graph)
        rows = one.encode_images([Image.open(path).convert("RGB") for path in paths])
        save_embeddings(file, "names", [path.name for path in paths], rows, one)
        words = ["search", str(drives), "a car", "--embeddings", str(file), "--model", grown]
        assert main([*words, "--json"]) == 0, capsys.readouterr().err
