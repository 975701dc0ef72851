"""Graphs that keep no weights of their own."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import onnx
import torch
from PIL import Image
from safetensors import safe_open

from c4t_core.models.c4t import C4TFolder, load_dual_encoder
from c4t_core.models.config import ImageEncoderConfig, ModelConfig, ObjectsConfig
from c4t_core.models.engine import OnnxModel, TorchModel
from c4t_core.models.folder import save_model, verify_manifest
from c4t_core.models.graphs.export import export_onnx, safetensors_table, weights_table
from c4t_core.models.graphs.sessions import onnx_session
from c4t_core.models.network import DualEncoder
from tests.helpers.tiny_model import TINY, tiny_tokenizer


def test_every_weight_is_in_the_safetensors_files_once(tiny_model_folder):
    table = weights_table(tiny_model_folder)
    seen = set()
    for name in ("image.onnx", "text.onnx"):
        graph = onnx.load(tiny_model_folder / name, load_external_data=False).graph
        inline = sum(len(t.raw_data) for t in graph.initializer)
        inline += sum(len(a.t.raw_data) for node in graph.node for a in node.attribute)
        assert inline < 4096
        for tensor in graph.initializer:
            entry = {e.key: e.value for e in tensor.external_data}
            if entry:
                seen.add((entry["location"], int(entry["offset"]), int(entry["length"])))
                assert tensor.data_type == onnx.TensorProto.FLOAT16
    assert seen <= {(place.file, place.offset, place.length) for place in table.values()}
    files = {name: (tiny_model_folder / name).read_bytes() for name, _, _ in seen}
    assert set(files) == {"text.safetensors", "image.safetensors"}

    def content(file: str, offset: int, length: int) -> bytes:
        return files[file][offset : offset + length]

    referred = {content(*place) for place in seen}
    for key, place in table.items():  # equal tensors may be referred to once
        found = content(place.file, place.offset, place.length)
        assert found in referred or "num_batches" in key


def test_the_table_of_offsets_reads_what_safetensors_reads(tiny_model_folder):
    path = tiny_model_folder / "image.safetensors"
    data = path.read_bytes()
    table = safetensors_table(path)
    with safe_open(path, "np") as weights:
        assert set(weights.keys()) == set(table)
        for name in ("text_head.mix.weight", "image_encoder.trunk.conv_stem.weight"):
            place = table[name]
            assert place.dtype == "F16"
            stored = data[place.offset : place.offset + place.length]
            read = np.frombuffer(stored, np.float16).reshape(place.shape)
            np.testing.assert_array_equal(read, weights.get_tensor(name))


def test_onnx_itself_accepts_the_graphs(tiny_model_folder):
    for name in ("image.onnx", "text.onnx"):
        onnx.checker.check_model(str(tiny_model_folder / name), full_check=True)
    graph = onnx.load(tiny_model_folder / "image.onnx", load_external_data=False).graph
    assert [value.name for value in graph.input] == ["pixels"]
    assert graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [value.name for value in graph.output] == ["embeddings"]
    graph = onnx.load(tiny_model_folder / "text.onnx", load_external_data=False).graph
    assert [value.name for value in graph.input] == ["input_ids", "attention_mask"]


def test_exporting_again_renews_graphs_and_sums(tiny_model_folder, tmp_path):
    folder = Path(shutil.copytree(tiny_model_folder, tmp_path / "model"))
    before = (folder / "image.onnx").read_bytes()
    (folder / "image.onnx").write_bytes(b"old")
    export_onnx(folder)
    assert (folder / "image.onnx").read_bytes() == before
    verify_manifest(folder)


def agree(config: ModelConfig, folder: Path, change: float = 1.0) -> None:
    torch.manual_seed(5)
    model = DualEncoder(config).eval()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(std=0.2)
                module.running_var.uniform_(0.5, 2.0)
        model.image_head.mix.weight *= change
    save_model(folder, config, model.state_dict(), tiny_tokenizer(), "", finish=export_onnx)
    rng = np.random.default_rng(0)
    images = [Image.fromarray(rng.integers(0, 256, (48, 80, 3), dtype=np.uint8)) for _ in range(3)]
    texts = ["a car", "two trucks in snow at night"]
    a, b = OnnxModel(C4TFolder(folder, "m"), threads=1), TorchModel(C4TFolder(folder, "m"), "cpu")
    np.testing.assert_allclose(a.encode_images(images), b.encode_images(images), atol=1e-4)
    np.testing.assert_allclose(a.encode_texts(texts), b.encode_texts(texts), atol=1e-4)


def test_asymmetric_padding_is_written_into_the_convolutions(tmp_path):
    config = dataclasses.replace(
        TINY,
        image=ImageEncoderConfig(architecture="tf_efficientnet_lite0"),
        preprocess=dataclasses.replace(TINY.preprocess, size=65),  # odd: other sides padded
        text=dataclasses.replace(TINY.text, pooling="cls"),
    )
    agree(config, tmp_path / "m")
    graph = onnx.load(tmp_path / "m" / "image.onnx", load_external_data=False).graph
    kinds = [node.op_type for node in graph.node]
    assert "Pad" not in kinds
    assert kinds.count("Conv") == 49


def test_a_resnet_of_torchvision_and_other_statistics(tmp_path, monkeypatch):
    from torchvision.models import resnet

    def small(weights: None = None) -> resnet.ResNet:
        return resnet.ResNet(resnet.BasicBlock, [1, 1, 1, 1])

    monkeypatch.setattr("torchvision.models.resnet50", small)  # the same class, fewer blocks
    config = dataclasses.replace(
        TINY,
        image=ImageEncoderConfig("torchvision:resnet50", features=512, pooling="avgmax"),
        preprocess=dataclasses.replace(
            TINY.preprocess, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
        ),
    )
    agree(config, tmp_path / "m")


def test_weights_beyond_half_precision_keep_theirs(tmp_path):
    agree(TINY, tmp_path / "m", change=1e7)
    assert weights_table(tmp_path / "m")["image_head.mix.weight"].dtype == "F32"


def test_levels_pooling(tmp_path):
    config = dataclasses.replace(TINY, image=dataclasses.replace(TINY.image, pooling="levels"))
    agree(config, tmp_path / "m")


def with_objects(levels: ImageEncoderConfig) -> ModelConfig:
    objects = ObjectsConfig(
        ("car", "person", "traffic light"), channels=16, surfaces=("sky", "road")
    )
    return dataclasses.replace(
        TINY,
        image=dataclasses.replace(levels, pooling="levels", objects=objects),
        preprocess=dataclasses.replace(TINY.preprocess, width=96),
    )


def test_a_frame_that_is_no_square_and_its_objects(tmp_path):
    config = with_objects(TINY.image)
    agree(config, tmp_path / "m")
    network = load_dual_encoder(tmp_path / "m")
    pixels = np.random.default_rng(3).integers(0, 256, (2, 64, 96, 3), dtype=np.uint8)
    session = onnx_session(tmp_path / "m" / "image.onnx", threads=1)
    assert [output.name for output in session.get_outputs()] == ["embeddings", "objects"]
    found = session.run(["objects"], {"pixels": pixels})[0]
    assert found.shape == (2, 3, 6)
    with torch.no_grad():
        _, statistics = network.image_encoder.seen(torch.from_numpy(pixels))
        want = network.image_encoder.objects.facts(statistics)
    np.testing.assert_allclose(found, want, atol=1e-4)
    alone = session.run(["objects"], {"pixels": pixels[1:]})[0]
    np.testing.assert_allclose(alone[0], found[1], atol=1e-5)
