"""Format 1 of a model folder goes on; format 2 splits the weights, and may round words."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from c4t_core.errors import ModelError
from c4t_core.models.c4t import C4TFolder, load_dual_encoder
from c4t_core.models.engine import OnnxModel, TorchModel
from c4t_core.models.folder import (
    in_8_bits,
    load_state,
    read_config,
    read_manifest,
    save_model,
    verify_manifest,
    write_manifest,
)
from c4t_core.models.graphs.export import export_onnx
from c4t_core.models.registry import model_info, register
from tests.helpers.tiny_model import TINY, tiny_tokenizer

MADE = Path(__file__).resolve().parents[2] / "made_by_0_1" / "data"
TEXTS = ["a car", "two trucks in snow at night", "xylophone", "", "rain " * 40]
WORDS = "text_encoder.bert.embeddings.word_embeddings.weight"


@pytest.fixture
def former(tmp_path: Path) -> Path:
    """A folder of format 1, as version 0.1.0 wrote it."""
    return Path(shutil.copytree(MADE / "models" / "tiny", tmp_path / "former"))


@pytest.fixture(scope="module")
def rounded(tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, its word table in 8 bits."""
    config = dataclasses.replace(TINY, text=dataclasses.replace(TINY.text, table="int8"))
    folder, state = tmp_path_factory.mktemp("formats") / "rounded", load_state(tiny_model_folder)
    return save_model(folder, config, state, tiny_tokenizer(), "", finish=export_onnx)


def test_a_model_of_format_1_keeps_its_fingerprint(former):
    with contextlib.closing(sqlite3.connect(MADE / "catalogue.sqlite")) as db:
        (then,) = db.execute("SELECT fingerprint FROM models").fetchone()
    assert C4TFolder(former, "m").fingerprint == then
    assert write_manifest(former).format_version == 1
    export_onnx(former)
    assert C4TFolder(former, "m").fingerprint == then
    assert register(former, "former") == "c4t:former"
    assert model_info("c4t:former").fingerprint == then


def test_a_model_of_format_1_runs_on_both_engines(former):
    config = json.loads((former / "config.json").read_text())
    export_onnx(former)
    assert verify_manifest(former).weights == ("model.safetensors",)
    assert json.loads((former / "config.json").read_text()) == config
    a, b = (engine(C4TFolder(former, "m")) for engine in (OnnxModel, TorchModel))
    np.testing.assert_allclose(a.encode_texts(TEXTS), b.encode_texts(TEXTS), atol=1e-5)


def test_only_the_text_encoder_is_in_its_file(tiny_model_folder, tmp_path):
    state = load_state(tiny_model_folder)
    for name in state:
        if "_head." in name:
            state[name] = state[name] + 0.5
    other = save_model(tmp_path / "other", TINY, state, tiny_tokenizer(), "another card")
    one, two = (read_manifest(folder) for folder in (tiny_model_folder, other))
    assert one.weights == two.weights == ("text.safetensors", "image.safetensors")
    assert one.files["text.safetensors"] == two.files["text.safetensors"]
    assert one.files["image.safetensors"] != two.files["image.safetensors"]
    assert one.format_version == 2


@pytest.mark.parametrize("name", ["text.safetensors", "image.safetensors"])
def test_half_of_the_weights_is_no_model(tiny_model_folder, tmp_path, name):
    folder = Path(shutil.copytree(tiny_model_folder, tmp_path / "m"))
    (folder / name).unlink()
    write = json.loads((folder / "manifest.json").read_text())
    del write["files"][name]
    (folder / "manifest.json").write_text(json.dumps(write))
    with pytest.raises(ModelError, match=f"{name} is missing"):
        verify_manifest(folder)


def test_a_graph_reads_no_weights_that_the_manifest_does_not_count(tiny_model_folder, tmp_path):
    folder = Path(shutil.copytree(tiny_model_folder, tmp_path / "m"))
    shutil.copyfile(folder / "text.safetensors", folder / "model.safetensors")  # not in it
    graph = onnx.load(folder / "text.onnx", load_external_data=False)
    for tensor in graph.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location" and entry.value == "text.safetensors":
                entry.value = "model.safetensors"
    (folder / "text.onnx").write_bytes(graph.SerializeToString())
    stray = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").unlink()
    write_manifest(folder)
    (folder / "model.safetensors").write_bytes(stray)
    with pytest.raises(ModelError, match="points to another file"):
        OnnxModel(C4TFolder(folder, "m")).encode_texts(["a car"])


def test_a_word_is_rounded_to_127_steps_of_its_own():
    table = torch.tensor([[1.0, -0.5, 0.004], [0.0, 0.0, 0.0], [100.0, 99.0, 0.3]])
    rows, scale = in_8_bits(table)
    assert (rows.dtype, scale.dtype) == (torch.int8, torch.float16)
    assert rows.tolist() == [[127, -64, 1], [0, 0, 0], [127, 126, 0]]
    back = rows * scale.float()
    assert (back - table).abs().max() <= 100 / 127 / 2 + 0.02
    again = in_8_bits(back)
    assert torch.equal(again[0], rows)
    assert torch.equal(again[1], scale)


def test_a_table_in_8_bits_is_looked_up_as_it_lies(rounded):
    graph = onnx.load(rounded / "text.onnx", load_external_data=False).graph
    (table,) = (t for t in graph.initializer if t.data_type == onnx.TensorProto.INT8)
    assert [n.op_type for n in graph.node if table.name in n.input] == ["Gather"]
    onnx.checker.check_model(str(rounded / "text.onnx"), full_check=True)
    entry = {e.key: e.value for e in table.external_data}
    assert entry["location"] == "text.safetensors"
    assert int(entry["length"]) == TINY.text.vocabulary * TINY.text.dim


def test_both_engines_agree_on_a_table_in_8_bits(rounded, tiny_model):
    a, b = (engine(C4TFolder(rounded, "m")) for engine in (OnnxModel, TorchModel))
    rows = a.encode_texts(TEXTS)
    np.testing.assert_allclose(rows, b.encode_texts(TEXTS), atol=1e-5)
    np.testing.assert_allclose(a.encode_texts(TEXTS[:1]), rows[:1], atol=1e-5)  # as it lies
    cosines = (rows * tiny_model.encode_texts(TEXTS)).sum(axis=1)
    assert 0.99 < cosines.min() < 0.9999999  # near, and another table


def test_rounding_again_changes_no_byte(rounded, tmp_path):
    state = load_dual_encoder(rounded).state_dict()
    again = save_model(tmp_path / "m", read_config(rounded), state, tiny_tokenizer(), "")
    name = "text.safetensors"
    assert (again / name).read_bytes() == (rounded / name).read_bytes()
    assert state[WORDS].dtype == torch.float32


def test_a_table_of_another_kind_is_refused(rounded, tmp_path):
    folder = Path(shutil.copytree(rounded, tmp_path / "m"))
    text = (folder / "config.json").read_text()
    assert '"table": "int8"' in text
    (folder / "config.json").write_text(text.replace('"int8"', '"int4"'))
    with pytest.raises(ModelError, match="table is 'int4'"):
        read_config(folder)
