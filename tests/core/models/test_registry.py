"""Names of models."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from c4t_core.errors import ModelError
from c4t_core.models import registry
from c4t_core.models.engine import OnnxModel, TorchModel
from c4t_core.models.registry import list_models, load_model, model_info, register, remove
from c4t_core.paths import models_dir


def test_the_shipped_model_and_clip_are_always_listed():
    infos = {info.name: info for info in list_models()}
    assert list(infos)[0] == "c4t"
    assert not infos["clip"].available
    assert "c4t models add clip" in infos["clip"].reason


def test_an_installation_without_its_model_says_so(monkeypatch, tmp_path):
    def missing(*parts: str) -> Path:
        raise FileNotFoundError("/".join(parts))

    monkeypatch.setattr(registry, "resource", missing)
    assert "install the application again" in model_info("c4t").reason
    with pytest.raises(ModelError, match="install the application again"):
        load_model("c4t")


def test_a_registered_model_is_listed_described_loaded_and_removed(tiny_model_folder):
    assert register(tiny_model_folder, "my-model.v2") == "c4t:my-model.v2"
    assert [info.name for info in list_models()][:2] == ["c4t", "c4t:my-model.v2"]
    info = model_info("c4t:my-model.v2")
    assert info.available
    assert (info.kind, info.dim) == ("c4t", 32)
    assert info.description.startswith("Random weights")
    assert info.size_bytes > 100_000
    model = load_model("c4t:my-model.v2")
    assert isinstance(model, OnnxModel)
    assert (model.name, model.fingerprint) == ("c4t:my-model.v2", info.fingerprint)
    remove("c4t:my-model.v2")
    assert [info.name for info in list_models()] == ["c4t", "clip"]
    assert tiny_model_folder.is_dir()
    with pytest.raises(ModelError, match="no model"):
        load_model("c4t:my-model.v2")


def test_a_path_is_a_model_too(tiny_model_folder, monkeypatch):
    assert load_model(str(tiny_model_folder)).dim == 32
    monkeypatch.chdir(tiny_model_folder.parent)
    assert load_model(tiny_model_folder.name).dim == 32
    assert model_info(f"./{tiny_model_folder.name}").available
    with pytest.raises(ModelError, match="no model folder"):
        load_model("./nothing/here")


def test_the_engine_can_be_chosen(tiny_model_folder):
    name = str(tiny_model_folder)
    assert isinstance(load_model(name, engine="torch", device="cpu"), TorchModel)
    assert isinstance(load_model(name, device="cpu"), OnnxModel)
    assert load_model(name, engine="onnx", threads=3).threads == 3
    with pytest.raises(
        ModelError, match='no engine "tensorrt"; use one of: auto, openvino, onnx, torch'
    ):
        load_model(name, engine="tensorrt")


def test_unknown_names_name_the_known_ones_and_the_nearest(tiny_model_folder):
    register(tiny_model_folder, "winter")
    with pytest.raises(ModelError, match=r'"c4t:wintre".*did you mean "c4t:winter"'):
        load_model("c4t:wintre")
    with pytest.raises(ModelError, match=r"known models: c4t, c4t:winter, clip"):
        model_info("gpt")
    with pytest.raises(ModelError, match="no model"):
        model_info("clip:nothing")


@pytest.mark.parametrize("name", ["", "c4t:", "c4t:..", "c4t:.hidden", "c4t:a b", "lite", "C4T:x"])
def test_odd_names_are_unknown_and_open_no_folder(name):
    with pytest.raises(ModelError, match="no model"):
        load_model(name)


@pytest.mark.parametrize("name", ["c4t:../x", "c4t:/etc", "c4t:a/b"])
def test_names_do_not_lead_out_of_the_models_folder(name):
    (models_dir().parent / "x").mkdir()
    with pytest.raises(ModelError):
        load_model(name)
    with pytest.raises(ModelError):
        remove(name)
    assert (models_dir().parent / "x").is_dir()


@pytest.mark.parametrize(
    "name", ["", "a b", "ä", "../x", "a/b", "-x", ".x", "x.", "NUL", "com1.old", "clip", "x" * 65]
)
def test_names_that_are_not_allowed_say_what_is(tiny_model_folder, name):
    with pytest.raises(ModelError, match="letters, digits"):
        register(tiny_model_folder, name)
    assert [p.name for p in models_dir().iterdir() if p.name != "clip"] == []


def test_a_name_is_taken_once_whatever_its_case(tiny_model_folder):
    register(tiny_model_folder, "Winter")
    with pytest.raises(ModelError, match=r"already.*remove"):
        register(tiny_model_folder, "winter")


def test_a_damaged_model_is_not_registered(tiny_model_folder, tmp_path):
    folder = Path(shutil.copytree(tiny_model_folder, tmp_path / "m"))
    (folder / "text.safetensors").write_bytes(b"x")
    with pytest.raises(ModelError, match="damaged"):
        register(folder, "m")
    assert [info.name for info in list_models()] == ["c4t", "clip"]


def test_only_the_files_of_the_manifest_are_copied(tiny_model_folder, tmp_path):
    folder = Path(shutil.copytree(tiny_model_folder, tmp_path / "m"))
    (folder / "private.txt").write_text("not part of the model")
    register(folder, "m")
    copied = {path.name for path in (models_dir() / "m").iterdir()}
    assert copied == {path.name for path in tiny_model_folder.iterdir()}


def test_broken_folders_are_listed_with_their_reason(tiny_model_folder):
    register(tiny_model_folder, "whole")
    (models_dir() / "empty").mkdir()
    (models_dir() / ".hidden").mkdir()
    (models_dir() / "a file").write_text("x")
    shutil.copytree(tiny_model_folder, models_dir() / "torn")
    (models_dir() / "torn" / "config.json").write_text("{")
    infos = {info.name: info for info in list_models()}
    assert set(infos) == {"c4t", "clip", "c4t:whole", "c4t:empty", "c4t:torn"}
    assert not infos["c4t:empty"].available
    assert "manifest.json is missing" in infos["c4t:empty"].reason
    assert "config.json" in infos["c4t:torn"].reason
    assert infos["c4t:whole"].available
    with pytest.raises(ModelError, match="manifest.json is missing"):
        load_model("c4t:empty")


@pytest.mark.parametrize("name", ["c4t", "./x", "/tmp", "whatever"])
def test_what_is_not_the_users_own_stays(name):
    with pytest.raises(ModelError, match="stays"):
        remove(name)
