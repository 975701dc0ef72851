"""Model folders: whole or not at all, and checked before use."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from c4t_core.errors import ModelError
from c4t_core.models.config import FORMAT_VERSION
from c4t_core.models.folder import (
    fingerprint,
    load_state,
    read_config,
    read_manifest,
    read_tokenizer,
    save_model,
    verify_manifest,
    write_manifest,
)
from tests.helpers.tiny_model import TINY, make_tiny_model, tiny_tokenizer


@pytest.fixture
def folder(tiny_model_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model_folder, tmp_path / "model"))


def edit(path: Path, **changes: object) -> None:
    data = json.loads(path.read_text())
    data.update(changes)
    path.write_text(json.dumps(data))


def test_a_folder_holds_what_the_interface_says(tiny_model_folder):
    names = {path.name for path in tiny_model_folder.iterdir()}
    assert names == {
        "config.json", "image.safetensors", "text.safetensors", "tokenizer.json",
        "tokenizer_config.json",
        "image.onnx", "text.onnx", "model_card.md", "manifest.json",
    }  # fmt: skip
    manifest = verify_manifest(tiny_model_folder)
    assert set(manifest.files) == names - {"manifest.json"}
    assert read_config(tiny_model_folder) == TINY


def test_weights_come_back_to_half_precision(tmp_path):
    state = {
        "w": torch.randn(30, 7),
        "huge": torch.tensor([1e6, -3.0]),  # beyond float16
        "count": torch.tensor(1234567),
    }
    folder = save_model(tmp_path / "m", TINY, state, tiny_tokenizer(), "card")
    again = load_state(folder)
    assert again["w"].dtype == torch.float32
    torch.testing.assert_close(again["w"], state["w"], rtol=1e-3, atol=1e-6)
    assert torch.equal(again["huge"], state["huge"])
    assert torch.equal(again["count"], state["count"])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_not_saved(tmp_path, value):
    with pytest.raises(ModelError, match=r"not a number \(w\).*lower learning rate"):
        save_model(tmp_path / "m", TINY, {"w": torch.tensor([value])}, tiny_tokenizer(), "")
    assert not list(tmp_path.iterdir())


def test_a_failure_while_saving_leaves_the_old_model_and_no_rubbish(folder):
    before = verify_manifest(folder)

    def fail(beside: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(ModelError, match="No space left"):
        save_model(folder, TINY, {"w": torch.ones(2)}, tiny_tokenizer(), "", finish=fail)
    assert verify_manifest(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_saving_again_replaces_the_model_whole(folder):
    save_model(folder, TINY, {"w": torch.ones(2)}, tiny_tokenizer(), "new card")
    assert set(load_state(folder)) == {"w"}
    assert not (folder / "image.onnx").exists()
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


@pytest.mark.parametrize(
    "name", ["config.json", "text.safetensors", "tokenizer.json", "text.onnx", "model_card.md"]
)
def test_one_changed_bit_is_refused_by_file_name(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(ModelError, match=rf"{name} .*damaged.*copy"):
        verify_manifest(folder)


@pytest.mark.parametrize("name", ["config.json", "text.safetensors", "image.onnx", "manifest.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelError, match=rf"{name} is missing"):
        verify_manifest(folder)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ModelError, match="no model folder"):
        read_manifest(tmp_path / "nothing")


@pytest.mark.parametrize("what", ["format_version", "preprocessing_version"])
def test_a_newer_version_is_refused_with_the_remedy(folder, what):
    edit(folder / "manifest.json", **{what: 99})
    with pytest.raises(ModelError, match="newer C4T.*update the application"):
        verify_manifest(folder)


def test_a_newer_configuration_is_refused_before_its_fields_are_read(folder):
    edit(folder / "config.json", format_version=FORMAT_VERSION + 1, something="new")
    with pytest.raises(ModelError, match="newer C4T"):
        read_config(folder)


@pytest.mark.parametrize("version", [None, "1", 0, -1, True, 1.5])
def test_versions_that_are_no_numbers_are_refused(folder, version):
    edit(folder / "manifest.json", format_version=version)
    with pytest.raises(ModelError, match="format version"):
        read_manifest(folder)


@pytest.mark.parametrize(
    "files",
    [
        [],
        {"../x": "0" * 64},
        {"/etc/passwd": "0" * 64},
        {"..": "0" * 64},
        {"a\\b": "0" * 64},
        {"C:x": "0" * 64},
        {"config.json": 5},
        {"config.json": "abc"},
    ],
)
def test_a_manifest_names_files_of_its_folder_only(folder, files):
    edit(folder / "manifest.json", files=files)
    with pytest.raises(ModelError, match="lists no valid files"):
        read_manifest(folder)


def test_the_needed_files_must_be_in_the_manifest(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"]["text.safetensors"]
    edit(folder / "manifest.json", files=manifest["files"])
    with pytest.raises(ModelError, match="text.safetensors is missing"):
        verify_manifest(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
@pytest.mark.parametrize("name", ["manifest.json", "config.json"])
def test_broken_json_is_a_sentence(folder, name, content):
    (folder / name).write_bytes(content)
    read = read_manifest if name == "manifest.json" else read_config
    with pytest.raises(ModelError, match=name):
        read(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"projection": "many"},
        {"image": {"architecture": "x", "unknown": 1}},
        {"preprocess": None},
        {"preprocess": {"mean": 3, "std": [1, 1, 1]}},
        {"text": []},
        {"surprise": 1},
    ],
)
def test_a_configuration_that_makes_no_sense_is_a_sentence(folder, changes):
    edit(folder / "config.json", **changes)
    with pytest.raises(ModelError, match="not understood"):
        read_config(folder)


def test_the_fingerprint_follows_what_decides_an_embedding(folder, tmp_path):
    first = fingerprint(read_manifest(folder))
    assert len(first) == 64
    (folder / "model_card.md").write_text("another card")
    assert fingerprint(write_manifest(folder)) == first
    edit(folder / "config.json", projection=16)
    changed = fingerprint(write_manifest(folder))
    other = make_tiny_model(tmp_path / "other", seed=1, graphs=False)
    assert len({first, changed, fingerprint(read_manifest(other))}) == 3


def test_a_tokenizer_is_passed_on(tiny_model_folder):
    assert read_tokenizer(tiny_model_folder) == tiny_tokenizer()


def test_weights_that_are_no_safetensors_are_a_sentence(folder):
    (folder / "text.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match="cannot be read"):
        load_state(folder)
