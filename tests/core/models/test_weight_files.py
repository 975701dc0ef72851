"""Weight files from elsewhere are never run."""

from __future__ import annotations

import pickle
import socket
import time
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from c4t_core.errors import DownloadError, ModelError
from c4t_core.models import download
from c4t_core.models.download import require_network
from c4t_core.models.pretrained import read_state

SOURCE = "model.safetensors of example.org"


class Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("save", ["torch", "pickle", "legacy"])
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, save):
    mark, path = tmp_path / "ran", tmp_path / "weights.pth"
    data = {"w": torch.ones(1), "evil": Evil(mark)}
    if save == "pickle":
        path.write_bytes(pickle.dumps(data))
    else:
        torch.save(data, path, _use_new_zipfile_serialization=save == "torch")
    with pytest.raises(ModelError, match=SOURCE):
        read_state(path, SOURCE)
    assert not mark.exists()


@pytest.mark.parametrize("names", [["m/constants.pkl", "m/data.pkl"], ["m/code/x.py"]])
def test_torchscript_is_refused_with_the_source(tmp_path, names):
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    with pytest.raises(ModelError, match=rf"TorchScript.*{SOURCE}"):
        read_state(path, SOURCE)


def test_plain_files_of_both_kinds_are_read_whatever_they_are_called(tmp_path):
    state = {"a.weight": torch.randn(2, 3), "b": torch.ones(1)}
    torch.save(state, tmp_path / "x.safetensors")
    save_file(state, tmp_path / "x.pth")
    torch.save(
        {"state_dict": {f"module.{k}": v for k, v in state.items()}, "epoch": 3},
        tmp_path / "wrapped.pt",
    )
    for name in ("x.safetensors", "x.pth", "wrapped.pt"):
        read = read_state(tmp_path / name, SOURCE)
        assert set(read) == set(state)
        assert all(torch.equal(read[k], state[k]) for k in state)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"x", b"PK\x03\x04broken", bytes(8) + b"{", b"12345678{}"),
        *(b"junk\n", b"GIF89a", b"RIFF" + bytes(40), b"\xff\xd8\xff\xe0" + bytes(range(200))),
        b"\x80\x02X\x01\x00\x00\x00aq\x00.",
    ],
)
def test_rubbish_is_a_sentence(tmp_path, content):
    path = tmp_path / "weights.bin"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="weights.bin"):
        read_state(path, SOURCE)


@pytest.mark.parametrize("data", [[1, 2], {"epoch": 3}, torch.ones(2), {}])
def test_a_file_without_weights_is_a_sentence(tmp_path, data):
    torch.save(data, tmp_path / "weights.pth")
    with pytest.raises(ModelError, match=rf"no weights.*{SOURCE}"):
        read_state(tmp_path / "weights.pth", SOURCE)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match="no weight file"):
        read_state(tmp_path / "nothing.pth", SOURCE)


def test_an_old_torch_is_not_trusted_with_pickles(tmp_path, monkeypatch):
    torch.save({"w": torch.ones(1)}, tmp_path / "weights.pth")
    monkeypatch.setattr(torch, "__version__", "2.9.1+cpu")
    with pytest.raises(ModelError, match=r"torch 2\.10 or newer"):
        read_state(tmp_path / "weights.pth", SOURCE)


def test_offline_is_said_at_once(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(socket, "create_connection", lambda *a, **k: pytest.fail("asked"))
    with pytest.raises(DownloadError, match="HF_HUB_OFFLINE"):
        require_network("example.org")


@pytest.mark.parametrize("trouble", ["refused", "slow"])
def test_no_network_is_said_within_its_time(monkeypatch, trouble):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(download.urllib.request, "getproxies", dict)

    def connect(*args: object, **kwargs: object) -> None:
        if trouble == "slow":
            time.sleep(0.4)
        raise OSError("no route")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(DownloadError, match=r"example\.org cannot be reached"):
        require_network("example.org", seconds=0.1)
