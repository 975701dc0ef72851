"""The image graph in 8 bits: near the plain one on every engine, and never mistaken for it."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image

from c4t_core.cli import main
from c4t_core.devices import available_threads
from c4t_core.errors import ModelError
from c4t_core.models.c4t import C4TFolder
from c4t_core.models.config import ObjectsConfig
from c4t_core.models.engine import OnnxModel, OpenVinoModel
from c4t_core.models.folder import read_manifest, save_model, verify_manifest, write_manifest
from c4t_core.models.graphs import sessions
from c4t_core.models.graphs.export import export_onnx
from c4t_core.models.graphs.quantize import _added, add_int8_graph, weight_scale
from c4t_core.models.graphs.sessions import onnx_session
from c4t_core.models.network import DualEncoder
from c4t_core.models.protocol import SeveralGraphs
from c4t_core.models.registry import load_model, model_info, register
from tests.helpers.tiny_model import TINY, tiny_tokenizer

MOST = 32767 / 255  # sum of two weights whose products still fit into 16 bits


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("frames")
    rng = np.random.default_rng(4)
    paths = []
    for number in range(24):
        low = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        path = folder / f"{number:03d}.png"
        Image.fromarray(low).resize((160, 120), Image.Resampling.BICUBIC).save(path)
        paths.append(path)
    return paths


@pytest.fixture(scope="module")
def both(
    tiny_model_folder: Path, frames: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The tiny model with both image graphs; never write into it."""
    folder = Path(shutil.copytree(tiny_model_folder, tmp_path_factory.mktemp("int8") / "tiny"))
    add_int8_graph(folder, frames)
    return folder


def opened(paths: list[Path]) -> list[Image.Image]:
    return [Image.open(path).convert("RGB") for path in paths]


@pytest.mark.parametrize("engine", ["onnx", "openvino"])
def test_it_is_near_the_plain_graph(both, frames, engine):
    plain = load_model(str(both), engine=engine, graph="plain").encode_images(opened(frames))
    int8 = load_model(str(both), engine=engine, graph="int8").encode_images(opened(frames))
    cosines = (plain * int8).sum(axis=1)
    assert cosines.min() > 0.97
    assert cosines.max() < 1 - 1e-7  # it is another graph indeed
    others = (plain @ plain.T)[~np.eye(len(plain), dtype=bool)]
    assert others.mean() < cosines.min()  # and frames stay apart


def test_both_engines_give_the_same(both, frames):
    images = opened(frames)
    rows = [load_model(str(both), engine=e).encode_images(images) for e in ("onnx", "openvino")]
    assert (rows[0] * rows[1]).sum(axis=1).min() > 0.99


@pytest.mark.parametrize("graph", ["plain", "int8"])
@pytest.mark.parametrize("engine", ["onnx", "openvino"])
def test_a_vector_does_not_depend_on_its_batch(both, frames, engine, graph):
    model = load_model(str(both), engine=engine, graph=graph, threads=2)
    pixels = np.stack([model.prepare(image) for image in opened(frames)])
    whole = model.encode_pixels(pixels)
    order = np.random.default_rng(1).permutation(len(pixels))
    np.testing.assert_allclose(model.encode_pixels(pixels[order]), whole[order], atol=1e-5)
    np.testing.assert_allclose(model.encode_pixels(pixels[3:4])[0], whole[3], atol=1e-5)


def test_its_vectors_are_of_another_kind(tiny_model_folder, both):
    before = model_info(str(tiny_model_folder))
    after = model_info(str(both))
    assert [name for name, _ in before.graphs] == ["plain"]
    assert [name for name, _ in after.graphs] == ["int8", "plain"]
    assert dict(after.graphs)["plain"] == before.fingerprint  # old indexes go on
    assert after.fingerprint == dict(after.graphs)["int8"] != before.fingerprint
    for name, digest in after.graphs:
        assert load_model(str(both), graph=name).fingerprint == digest


def test_the_fastest_graph_is_the_usual_one_but_torch_has_the_plain_one(both):
    model = load_model(str(both))
    assert isinstance(model, OpenVinoModel)
    assert model.graph == "int8"
    assert load_model(str(both), engine="torch", device="cpu").graph == "plain"
    with pytest.raises(ModelError, match="another engine"):
        load_model(str(both), engine="torch", device="cpu", graph="int8")


def test_a_model_gives_itself_with_another_graph(both, frames):
    model = load_model(str(both))
    assert isinstance(model, SeveralGraphs)
    plain = model.with_graph("plain")
    images = opened(frames[:3])
    want = load_model(str(both), graph="plain")
    assert plain.fingerprint == want.fingerprint == dict(model.graphs)["plain"]
    np.testing.assert_array_equal(plain.encode_images(images), want.encode_images(images))
    assert model.with_graph("int8") is model
    torch = load_model(str(both), engine="torch", device="cpu")
    assert [name for name, _ in torch.graphs] == ["plain", "int8"]  # what it runs comes first
    assert torch.with_graph("int8").fingerprint == model.fingerprint
    np.testing.assert_array_equal(plain.encode_texts(["a car"]), model.encode_texts(["a car"]))


def test_without_openvino_onnx_runtime_serves(both, monkeypatch):
    monkeypatch.setattr("c4t_core.models.engine.find_spec", lambda name: None)
    model = load_model(str(both))
    assert type(model) is OnnxModel
    assert model.graph == "int8"


def test_openvino_that_is_missing_is_a_sentence(both, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setattr(sessions, "_openvino", sessions._openvino.__wrapped__)
    model = load_model(str(both), engine="openvino")
    with pytest.raises(ModelError, match="pip install openvino"):
        model.encode_images([Image.new("RGB", (64, 64))])


def test_a_model_without_it_says_how_to_get_it(tiny_model_folder):
    with pytest.raises(ModelError, match="c4t models quantize tiny"):
        C4TFolder(tiny_model_folder, "tiny", "int8")


def test_the_folder_says_what_it_holds(both, tiny_model_folder, tmp_path):
    manifest = verify_manifest(both)
    assert manifest.format_version == 2
    folder = Path(shutil.copytree(both, tmp_path / "model"))
    assert write_manifest(folder) == manifest  # what is known of it is kept
    path = folder / "manifest.json"
    data = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**data, "int8_preprocessing_version": 99}), "utf-8")
    with pytest.raises(ModelError, match="newer"):
        C4TFolder(folder, "model")
    del data["int8_preprocessing_version"]  # how its pixels are made is not known then
    path.write_text(json.dumps(data), "utf-8")
    assert read_manifest(folder).graphs == ("plain",)


def test_a_changed_graph_is_refused(both, tmp_path):
    folder = Path(shutil.copytree(both, tmp_path / "model"))
    with (folder / "image.int8.onnx").open("ab") as out:
        out.write(b"\0")
    with pytest.raises(ModelError, match=r"image\.int8\.onnx .* damaged"):
        load_model(str(folder))


def test_weights_in_floats_are_in_the_folder_once(both):
    graph = onnx.load(both / "image.int8.onnx", load_external_data=False).graph
    floats = [t for t in graph.initializer if t.data_type == onnx.TensorProto.FLOAT16]
    assert floats
    assert {e.value for t in floats for e in t.external_data if e.key == "location"} == {
        "image.safetensors"
    }
    onnx.checker.check_model(str(both / "image.int8.onnx"))


def test_no_two_products_leave_16_bits():
    rng = np.random.default_rng(2)
    weights = rng.standard_t(3, (40, 31, 3, 3))
    steps = np.round(weights / weight_scale(weights, 1).reshape(-1, 1, 1, 1))
    assert np.abs(steps).max() <= 127
    assert np.abs(steps[:, 0:30:2] + steps[:, 1:30:2]).max() <= MOST
    alone = weights[:, :1]
    steps = np.round(alone / weight_scale(alone, 40).reshape(-1, 1, 1, 1))
    assert np.abs(steps).reshape(40, -1).max(axis=1) == pytest.approx(np.full(40, 127))


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_what_an_error_adds_on_average(groups):
    import torch

    rng = np.random.default_rng(5)
    error = rng.standard_normal((12, 6 // groups, 3, 3))
    means = rng.standard_normal(6)
    maps = torch.from_numpy(np.broadcast_to(means[:, None, None], (6, 5, 5)).copy())[None]
    want = torch.nn.functional.conv2d(maps, torch.from_numpy(error), groups=groups)
    np.testing.assert_allclose(_added(error, means, groups), want[0, :, 0, 0].numpy())


def test_a_model_of_ones_own_becomes_faster(tiny_model_folder, frames, data_dir, capsys):
    register(tiny_model_folder, "mine")
    assert main(["models", "quantize", "c4t:mine", "--images", str(frames[0].parent)]) == 0
    assert "new indexes use it" in capsys.readouterr().out
    assert model_info("c4t:mine").graphs[0][0] == "int8"
    assert main(["models", "quantize", "c4t"]) == 1
    assert "not one of your own" in capsys.readouterr().err


def test_a_graph_that_changes_too_much_is_not_kept(
    tiny_model_folder, frames, tmp_path, monkeypatch
):
    folder = Path(shutil.copytree(tiny_model_folder, tmp_path / "model"))
    monkeypatch.setattr("c4t_core.models.graphs.quantize.LEAST_MEAN", 0.9999999)
    with pytest.raises(ModelError, match="too much"):
        add_int8_graph(folder, frames)
    assert read_manifest(folder).graphs == ("plain",)
    assert not (folder / "image.int8.onnx").exists()


def test_images_that_cannot_be_read_are_a_sentence(tiny_model_folder, tmp_path):
    folder = Path(shutil.copytree(tiny_model_folder, tmp_path / "model"))
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff")
    with pytest.raises(ModelError, match="None of the images"):
        add_int8_graph(folder, [broken])
    assert read_manifest(folder).graphs == ("plain",)


def test_its_sessions_are_opened_as_all_others(tiny_model_folder, frames, tmp_path, monkeypatch):
    options = []

    class Session(onnxruntime.InferenceSession):
        def __init__(self, graph, given=None, **more):
            options.append(given)
            super().__init__(graph, given, **more)

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    monkeypatch.setattr(  # which opens sessions of its own
        "c4t_core.models.graphs.quantize._quantize",
        lambda plain, int8, *_: shutil.copy(plain, int8),
    )
    folder = Path(shutil.copytree(tiny_model_folder, tmp_path / "model"))
    add_int8_graph(folder, frames)
    assert {given.intra_op_num_threads for given in options} == {available_threads()}
    spinning = "session.intra_op.allow_spinning"
    assert [given.get_session_config_entry(spinning) for given in options] == ["0"] * 4


def test_openvino_reports_nothing():
    """It would, when it is imported, through a package of its own."""
    code = (
        "import c4t_core, sys, openvino\n"
        "print([n for n, m in sys.modules.items() if n.startswith('openvino_telemetry') and m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_signal_is_taken_after_models_have_come_and_gone(tiny_model_folder):
    """OpenVINO moves the stack of signals; ended twice in another order, it was left nowhere."""
    code = """
import gc, os, signal, sys
from PIL import Image
from c4t_core.models.registry import load_model
def opened():
    model = load_model(sys.argv[1], engine="openvino", threads=1)
    model.encode_images([Image.new("RGB", (64, 64))])
    return model
first = opened()
second = opened()
del first
gc.collect()
del second
gc.collect()
signal.signal(signal.SIGINT, lambda *_: print("taken"))
os.kill(os.getpid(), signal.SIGINT)
"""
    words = [sys.executable, "-X", "faulthandler", "-c", code, str(tiny_model_folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "taken"), done.stderr[-500:]


def test_maps_that_say_where_objects_are_stay_exact(frames, tmp_path):
    objects = ObjectsConfig(("car", "bus"), channels=16, surfaces=("sky", "road"))
    image = dataclasses.replace(TINY.image, pooling="levels", objects=objects)
    wide = dataclasses.replace(TINY.preprocess, width=96)
    config = dataclasses.replace(TINY, image=image, preprocess=wide)
    torch.manual_seed(5)
    network = DualEncoder(config)
    state = network.state_dict()
    folder = save_model(tmp_path / "m", config, state, tiny_tokenizer(), "", finish=export_onnx)
    add_int8_graph(folder, frames)
    graph = onnx.load(folder / "image.int8.onnx", load_external_data=False).graph
    stored = {o for node in graph.node if node.op_type == "DequantizeLinear" for o in node.output}
    plain = [n.name for n in graph.node if n.op_type == "Conv" and n.input[1] not in stored]
    outs = {name.rpartition("/")[0] for name in plain[1:]}
    assert outs == {"/objects/out", "/surfaces/out"}
    behind = {o for n in graph.node if n.name in plain[1:] for o in n.output}
    for node in graph.node:  # logarithms of small sums follow
        if behind.intersection(node.input):
            assert node.op_type != "QuantizeLinear"
            behind.update(node.output)
    pixels = np.stack([load_model(str(folder)).prepare(image) for image in opened(frames)])
    facts = [
        onnx_session(folder / name, 1).run(["objects"], {"pixels": pixels})[0]
        for name in ("image.onnx", "image.int8.onnx")
    ]
    np.testing.assert_allclose(*facts, atol=0.1)
    rows = [load_model(str(folder), graph=g).encode_pixels(pixels) for g in ("plain", "int8")]
    assert (rows[0] * rows[1]).sum(axis=1).min() > 0.97
