"""CLIP's image graph with products of bfloat16 numbers: another kind of vector, where it pays."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")
pytest.importorskip("open_clip")
pytest.importorskip("openvino")

from c4t_core import devices, open_workspace  # noqa: E402
from c4t_core.errors import ModelError  # noqa: E402
from c4t_core.models import clip, clip_folder, folder  # noqa: E402
from c4t_core.models.registry import clip_model, load_model, model_info  # noqa: E402
from tests.helpers.tiny_model import make_tiny_clip  # noqa: E402


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """What the processor can do and whether a GPU is there; change it at will."""
    has = {"bfloat16": True, "gpu": False}
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda: has["bfloat16"])
    monkeypatch.setattr(devices, "may_have_gpu", lambda: has["gpu"])
    return has


@pytest.fixture
def added(checkpoint: Path, processor: dict[str, bool], data_dir: Path) -> str:
    return clip.add_checkpoint(checkpoint, "tiny")


def draw(into: Path, numbers: range) -> list[Path]:
    into.mkdir(exist_ok=True)
    paths = [into / f"{number:06d}.png" for number in numbers]
    for number, path in zip(numbers, paths, strict=True):
        low = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(low).resize((96, 72), Image.Resampling.BICUBIC).save(path)
    return paths


def graphs(name: str) -> list[str]:
    return [graph for graph, _ in model_info(name).graphs]


def test_it_comes_first_where_it_pays(added, processor, data_dir):
    assert graphs(added) == ["bf16", "plain"]
    exact = dict(model_info(added).graphs)["plain"]
    model = load_model(added)
    assert (model.graph, model.fingerprint) == ("bf16", model_info(added).fingerprint)
    assert model.fingerprint != exact
    assert load_model(added, graph="plain").fingerprint == exact
    for other in ("onnx", "torch"):  # they compute in float32 only
        assert load_model(added, engine=other, device="cpu").fingerprint == exact
    processor["gpu"] = True
    assert graphs(added) == ["plain", "bf16"]
    processor |= {"gpu": False, "bfloat16": False}
    assert graphs(added) == ["plain", "bf16"]
    assert load_model(added).fingerprint == exact == model_info(added).fingerprint
    processor["bfloat16"] = True
    shutil.rmtree(clip_folder.cached(exact))  # whether it can be exported is not known now
    assert graphs(added) == ["plain", "bf16"]
    with pytest.raises(ModelError, match='no image graph "int8"'):
        load_model(added, graph="int8")


def test_the_precision_is_asked_of_openvino_for_this_graph_only(added, tmp_path, monkeypatch):
    import openvino

    asked, really = [], openvino.Core.compile_model

    def compile_model(core: object, path: str, device: str, settings: dict[str, object]) -> object:
        asked.append(settings["INFERENCE_PRECISION_HINT"])
        return really(core, path, device, settings)

    monkeypatch.setattr(openvino.Core, "compile_model", compile_model)
    images = [Image.open(path).convert("RGB") for path in draw(tmp_path / "drives", range(5))]
    model = load_model(added)
    rows, exact = (one.encode_images(images) for one in (model, model.with_graph("plain")))
    assert asked == ["bf16", "f32"]
    assert np.abs(np.linalg.norm(rows, axis=1) - 1).max() < 1e-5
    assert (rows * exact).sum(axis=1).min() > 0.999
    alone = np.concatenate([model.encode_images([image]) for image in images])
    np.testing.assert_array_equal(alone, rows)
    np.testing.assert_array_equal(
        model.encode_texts(["snow"]), load_model(added, graph="plain").encode_texts(["snow"])
    )


def test_an_index_goes_on_as_it_was_made(added, processor, tmp_path):
    draw(tmp_path / "old", range(3))
    processor["bfloat16"] = False
    with open_workspace(tmp_path / "old", added) as workspace:
        workspace.index()
    processor["bfloat16"] = True
    draw(tmp_path / "old", range(3, 5))
    draw(tmp_path / "new", range(2))
    with open_workspace([tmp_path / "old", tmp_path / "new"], added) as workspace:
        assert workspace.index().embedded == 4
        made = {f.folder.name: (f.graph, f.best_graph) for f in workspace.status().folders}
    assert made == {"old": ("plain", "bf16"), "new": ("bf16", "bf16")}
    processor["bfloat16"] = False  # as on another machine
    with open_workspace(tmp_path / "new", added) as workspace:
        draw(tmp_path / "new", range(2, 4))
        assert workspace.index().embedded == 2
        assert workspace.status().folders[0].graph == "bf16"
        assert len(workspace.search("snow")) == 4


def test_what_is_the_fastest_may_change_before_a_model_is_loaded(added, processor, tmp_path):
    draw(tmp_path / "drives", range(2))
    processor["bfloat16"] = False
    with open_workspace(tmp_path / "drives", added) as workspace:
        processor["bfloat16"] = True
        workspace.index()
        assert workspace.status().folders[0].graph == "plain"


def test_a_model_on_clip_has_it_too(added, processor, tmp_path):
    from c4t_core.models.graphs.export import export_onnx

    source = clip_model(added)
    network = source.with_heads()
    saved = folder.save_model(
        tmp_path / "mine",
        network.config,
        network.state_dict(),
        {folder.TOKENIZER: source.tokenizer_content()},
        "",
        finish=export_onnx,
    )
    assert graphs(str(saved)) == ["bf16", "plain"]
    model = load_model(str(saved))
    assert (model.graph, model.fingerprint) == ("bf16", model_info(str(saved)).fingerprint)
    assert load_model(str(saved), engine="onnx").graph == "plain"
    images = [Image.open(path).convert("RGB") for path in draw(tmp_path / "drives", range(3))]
    exact = load_model(str(saved), graph="plain").encode_images(images)
    assert (model.encode_images(images) * exact).sum(axis=1).min() > 0.999
    processor["bfloat16"] = False
    assert graphs(str(saved)) == ["plain", "bf16"]
