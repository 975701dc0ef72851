"""``c4t models``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from c4t_core.cli import main


def test_add_list_info_remove(tiny_model_folder, capsys):
    assert main(["models", "add", str(tiny_model_folder), "--name", "winter"]) == 0
    assert capsys.readouterr().out == "Added c4t:winter.\n"
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("c4t:winter ") and "Random weights" in line for line in lines)
    assert any("not available" in line and "models add clip" in line for line in lines)
    assert main(["models", "info", "c4t:winter"]) == 0
    assert "32 numbers" in capsys.readouterr().out
    assert main(["models", "remove", "c4t:winter"]) == 0
    assert main(["models", "info", "c4t:winter"]) == 1
    assert "no model" in capsys.readouterr().err


def test_json_is_complete(tiny_model_folder, capsys):
    main(["models", "add", str(tiny_model_folder)])
    capsys.readouterr()
    assert main(["models", "list", "--json"]) == 0
    infos = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert infos["c4t:tiny"]["dim"] == 32
    assert infos["clip"]["available"] is False
    assert main(["models", "info", "c4t:tiny", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["config"]["image"]["architecture"] == "test_efficientnet"
    assert Path(data["card"]).is_file()
    assert len(data["manifest"]["files"]["text.safetensors"]) == 64


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["add", "nowhere"], "no model folder or checkpoint"),
        (["add", "clip"], "HF_HUB_OFFLINE"),
        (["info", "nothing"], "known models"),
        (["remove", "c4t"], "stays"),
        (["remove", "c4t:nothing"], "no model"),
        (["remove", "clip"], "clip"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments, sentence, capsys):
    assert main(["models", *arguments]) == 1
    error = capsys.readouterr().err
    assert sentence in error
    assert "Traceback" not in error
    assert len(error.splitlines()) == 1


def test_a_folder_that_is_no_model_is_refused(tmp_path, capsys):
    assert main(["models", "add", str(tmp_path)]) == 1
    assert "manifest.json is missing" in capsys.readouterr().err


def test_a_damaged_model_is_listed_and_told(tiny_model_folder, data_dir, capsys):
    shutil.copytree(tiny_model_folder, data_dir / "models" / "torn")
    (data_dir / "models" / "torn" / "text.onnx").unlink()
    assert main(["models", "list"]) == 0
    assert "text.onnx is missing" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["bring"], ["info"], ["add"]])
def test_wrong_usage_is_2(arguments):
    with pytest.raises(SystemExit) as exit_info:
        main(["models", *arguments])
    assert exit_info.value.code == 2
