"""The reference preset: its sizes, one step on random weights, weights from local files."""

from __future__ import annotations

import dataclasses

import pytest

from tests.helpers.tiny_model import count_parameters

torch = pytest.importorskip("torch")

from c4t_core.errors import C4TError  # noqa: E402
from c4t_core.models.config import REFERENCE  # noqa: E402
from c4t_core.models.network import DualEncoder  # noqa: E402
from c4t_core.training.losses import Criterion  # noqa: E402
from c4t_core.training.request import PRESET_OPTIONS, TrainingRequest  # noqa: E402
from c4t_core.training.run import build_start, new_config  # noqa: E402
from c4t_core.training.towers import TextBatch, Towers, freeze, parameter_groups  # noqa: E402


@pytest.fixture(scope="module")
def reference():
    return DualEncoder(REFERENCE)


def test_sizes(reference, tmp_path):
    assert count_parameters(reference.image_encoder) == 23_508_032
    assert count_parameters(reference.text_encoder) == 66_362_880
    assert count_parameters(reference) == 91_841_088
    narrow = new_config(TrainingRequest(tmp_path, tmp_path, preset="reference", projection=256))
    with torch.device("meta"):
        assert count_parameters(DualEncoder(narrow)) == 90_724_928


@pytest.mark.long
def test_one_step_on_random_weights(reference):
    towers = Towers(reference, Criterion("original"))
    freeze(reference, "none")
    options = PRESET_OPTIONS["reference"]
    optimizer = torch.optim.AdamW(parameter_groups(towers, options))
    pixels = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    texts = TextBatch(torch.randint(5, 1000, (2, 9)), torch.ones(2, 9, dtype=torch.int64))
    before = {name: p.detach().clone() for name, p in towers.named_parameters()}
    loss = towers(pixels, texts)
    loss.backward()
    optimizer.step()
    assert torch.isfinite(loss)
    moved = {name for name, p in towers.named_parameters() if not torch.equal(p, before[name])}
    for part in ("image_encoder", "text_encoder", "image_head", "text_head"):
        assert any(name.startswith(f"model.{part}.") for name in moved), part
    optimizer.zero_grad()


@pytest.mark.long
def test_weights_come_from_local_files(reference, tmp_path):
    image, text = tmp_path / "resnet.pth", tmp_path / "distilbert.safetensors"
    torch.save(dict(reference.image_encoder.trunk.state_dict()), image)
    from safetensors.torch import save_file

    save_file(
        {f"distilbert.{k}": v for k, v in reference.text_encoder.bert.state_dict().items()}, text
    )
    request = TrainingRequest(
        tmp_path, tmp_path, preset="reference", image_weights=image, text_weights=text
    )
    start = build_start(request)
    one = dict(start.model.named_parameters())["image_encoder.trunk.layer4.2.conv3.weight"]
    other = dict(reference.named_parameters())["image_encoder.trunk.layer4.2.conv3.weight"]
    assert torch.equal(one, other)
    assert "tokenizer.json" in start.tokenizer
    torch.save({"w": print}, image)  # anything but tensors is refused, not run
    with pytest.raises(C4TError, match="resnet"):
        build_start(dataclasses.replace(request, image_weights=image))


def test_no_network_and_no_weights_is_an_error_at_once(tmp_path):
    request = TrainingRequest(tmp_path, tmp_path, preset="reference")
    with pytest.raises(C4TError, match="--download"):
        build_start(request)
    with pytest.raises(C4TError, match="HF_HUB_OFFLINE"):
        build_start(dataclasses.replace(request, download=True))
