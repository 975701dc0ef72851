"""Downloads, against a server on this machine that also misbehaves."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time

import pytest

from c4t_core.errors import Cancelled, DownloadError, ModelError
from c4t_core.models import clip, clip_folder, download
from c4t_core.models.download import ask, cached, fetch
from c4t_core.models.registry import load_model
from tests.helpers.hub import serving
from tests.helpers.tiny_model import TINY_CLIP

DATA = bytes(range(256)) * 20_000  # 5 MB


@pytest.fixture
def server():
    with serving({"weights.bin": DATA}) as about:
        yield about


def test_size_and_checksum_are_known_before(server):
    remote = ask(f"{server.url}/hub/weights.bin")
    assert remote.size == len(DATA)
    assert remote.sha256 == hashlib.sha256(DATA).hexdigest()


def test_whole(server, tmp_path):
    seen = []
    fetch(ask(f"{server.url}/hub/weights.bin"), tmp_path / "w", lambda *now: seen.append(now))
    assert (tmp_path / "w").read_bytes() == DATA
    assert [p.name for p in tmp_path.iterdir()] == ["w"]
    assert seen[0] == (0, len(DATA))
    assert seen[-1] == (len(DATA), len(DATA))
    assert seen == sorted(seen)


def test_breaks_off_and_goes_on(server, tmp_path):
    server.break_after = 2_000_000
    remote = ask(f"{server.url}/hub/weights.bin")
    for attempt in (1, 2):
        with pytest.raises(DownloadError, match="goes on where it stopped"):
            fetch(remote, tmp_path / "w")
        assert (tmp_path / "w.part").stat().st_size == attempt * 2_000_000
    server.break_after = None
    fetch(remote, tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == DATA
    assert server.ranges[1:] == [None, "bytes=2000000-", "bytes=4000000-"]


def test_cancelled_keeps_what_came(server, tmp_path):
    remote = ask(f"{server.url}/hub/weights.bin")

    def stop(done: int, total: int, /) -> None:
        if done > 2_000_000:
            raise Cancelled

    with pytest.raises(Cancelled):
        fetch(remote, tmp_path / "w", stop)
    assert not (tmp_path / "w").exists()
    assert (tmp_path / "w.part").stat().st_size > 2_000_000
    starts = []
    fetch(remote, tmp_path / "w", lambda done, total: starts.append(done))
    assert starts[0] > 2_000_000
    assert (tmp_path / "w").read_bytes() == DATA


def test_a_server_that_cannot_resume(server, tmp_path):
    server.break_after = 1_000_000
    remote = ask(f"{server.url}/hub/weights.bin")
    with pytest.raises(DownloadError):
        fetch(remote, tmp_path / "w")
    server.break_after, server.resumes = None, False
    fetch(remote, tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == DATA


def test_the_file_changed_between_two_attempts(server, tmp_path):
    server.break_after = 1_000_000
    with pytest.raises(DownloadError):
        fetch(ask(f"{server.url}/hub/weights.bin"), tmp_path / "w")
    server.break_after = None
    server.files["weights.bin"] = new = DATA[::-1]
    fetch(ask(f"{server.url}/hub/weights.bin"), tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == new


def test_a_wrong_checksum_is_thrown_away(server, tmp_path):
    server.digest = "0" * 64
    with pytest.raises(DownloadError, match="checksum"):
        fetch(ask(f"{server.url}/hub/weights.bin"), tmp_path / "w")
    assert not list(tmp_path.glob("w*")) or [p.name for p in tmp_path.iterdir()] == ["w.part.json"]


def test_starting_weights_are_fetched_once_and_checked(server, data_dir):
    url, digest = f"{server.url}/files/weights.bin", hashlib.sha256(DATA).hexdigest()
    with pytest.raises(DownloadError, match="checksum"):
        cached(url, "w.bin", "0000")
    assert cached(url, "w.bin", digest[:8]).read_bytes() == DATA
    server.files.clear()
    assert cached(url, "w.bin", digest[:8]).read_bytes() == DATA


def test_no_such_file_and_no_such_server(server):
    with pytest.raises(DownloadError, match="404"):
        ask(f"{server.url}/files/gone.bin")
    started = time.monotonic()
    with pytest.raises(DownloadError, match="cannot be reached"):
        ask("http://127.0.0.1:9/weights.bin")
    assert time.monotonic() - started < 5  # a hang, not a measurement


def test_offline_is_said_at_once(monkeypatch, data_dir):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for call in (clip.download, clip.download_size):
        with pytest.raises(DownloadError, match="HF_HUB_OFFLINE"):
            call("clip")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr(
        download,
        "require_network",
        lambda host: (_ for _ in ()).throw(DownloadError(f"{host} cannot be reached; x")),
    )
    with pytest.raises(DownloadError, match="huggingface.co cannot be reached"):
        clip.download("clip")
    assert list(clip_folder.clip_dir().iterdir()) == []


def test_open_clip_is_offline_and_our_downloads_are_not():
    pytest.importorskip("open_clip")
    code = (
        "from c4t_core.models import clip_network, download; clip_network.open_clip();"
        "from huggingface_hub import constants;"
        "print(constants.HF_HUB_OFFLINE, download.switched_off())"
    )
    env = {key: value for key, value in os.environ.items() if key != "HF_HUB_OFFLINE"}
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
    )
    assert out.stdout.split() == ["True", "False"]


def test_a_clip_model_from_hub_to_embedding(server, monkeypatch, tmp_path, data_dir):
    """The whole way, with a tiny network in the place of ViT-B-32."""
    pytest.importorskip("torch")
    from safetensors.torch import save_file

    from c4t_core.models import clip_network

    open_clip = clip_network.open_clip()
    network = open_clip.model.CLIP(**TINY_CLIP)
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, tmp_path / "w")
    server.files[clip_folder.WEIGHTS] = (tmp_path / "w").read_bytes()
    known = open_clip.get_model_config
    monkeypatch.setattr(
        open_clip,
        "get_model_config",
        lambda name: dict(TINY_CLIP) if name == "ViT-B-32" else known(name),
    )
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_ENDPOINT", f"{server.url}/hub")

    assert clip.download_size("clip") == len(server.files[clip_folder.WEIGHTS])
    assert clip.download("clip") == "clip"
    model = load_model("clip", engine="torch")
    assert model.encode_texts(["snow"]).shape == (1, 24)
    config = clip_folder.read_config(clip_folder.find("clip"))
    assert config["model_cfg"]["quick_gelu"] is True  # as OpenAI's weights were trained
    with pytest.raises(ModelError, match="already"):
        clip.download("clip")
    with pytest.raises(ModelError, match="no weights"):
        clip.download("clip:ViT-B-32@nonsense")
    with pytest.raises(ModelError, match="no weights"):
        clip.download("clip:NoSuchThing")
    assert not [p for p in clip_folder.clip_dir().iterdir() if p.name.startswith(".")]
