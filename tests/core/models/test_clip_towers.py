"""Towers that are no plain CLIP, small ones of the same kinds: as open_clip itself has them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("open_clip")

from safetensors.torch import save_file  # noqa: E402

from c4t_core.cli import main  # noqa: E402
from c4t_core.errors import Cancelled, DownloadError, ModelError  # noqa: E402
from c4t_core.models import clip, clip_folder, clip_network  # noqa: E402
from c4t_core.models.registry import load_model  # noqa: E402
from tests.helpers.hub import serving  # noqa: E402
from tests.helpers.tiny_model import TINY_CLIP  # noqa: E402

# a rotary ViT with attention pooling, squashed bilinear pictures, CLIP's own tokenizer, 32 words
PE = {
    "embed_dim": 24,
    "vision_cfg": {
        "image_size": 384,
        "timm_model_name": "vit_pe_core_tiny_patch16_384",
        "timm_model_pretrained": False,
        "timm_pool": "map",
        "timm_proj": None,
    },
    "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
    "custom_text": True,
}
# timm's tower, a sigmoid's bias, no causal mask, a tokenizer of its own without punctuation
SIGLIP2 = {
    "embed_dim": 64,
    "init_logit_bias": -10,
    "custom_text": True,
    "vision_cfg": {
        "image_size": 160,
        "timm_model_name": "test_vit",
        "timm_model_pretrained": False,
        "timm_pool": "map",
        "timm_proj": "none",
    },
    "text_cfg": {
        "context_length": 64,
        "vocab_size": 200,
        "hf_tokenizer_name": "timm/ViT-B-32-SigLIP2-256",
        "tokenizer_kwargs": {"clean": "canonicalize"},
        "width": 64,
        "heads": 2,
        "layers": 2,
        "no_causal_mask": True,
        "proj_bias": True,
        "pool_type": "last",
        "norm_kwargs": {"eps": 1e-6},
        "act_kwargs": {"approximate": "tanh"},
    },
}
KINDS = {
    "pe-core-s": ("PE-Core-S-16-384", PE, "squash", "bilinear"),
    "siglip2-b32": ("ViT-B-32-SigLIP2-256", SIGLIP2, "squash", "bicubic"),
    "datacomp-b32": ("ViT-B-32-256", TINY_CLIP, "shortest", "bicubic"),
}
TEXTS = [
    "a truck in the snow",
    "",
    "It's WET: three_lanes!",
    "pedestrians " * 90,
    "ein Straßenschild",
]


def pictures() -> list[Image.Image]:
    rng = np.random.default_rng(5)
    sizes = [(64, 64), (120, 70), (41, 97), (20, 31)]
    return [Image.fromarray(rng.integers(0, 256, (h, w, 3), dtype=np.uint8)) for w, h in sizes]


def weights(config: dict, file: Path) -> Path:
    """Write random weights of a configuration."""
    open_clip = clip_network.open_clip()
    torch.manual_seed(3)
    plain = json.loads(json.dumps(config))
    kind = open_clip.CustomTextCLIP if plain.pop("custom_text", False) else open_clip.CLIP
    state = kind(**plain).state_dict()
    save_file({key: value.clone().contiguous() for key, value in state.items()}, file)
    return file


def gemma(folder: Path) -> list[Path]:
    """Write a stand-in for Gemma's tokenizer: its class and its marks, a few pieces."""
    from tokenizers import Tokenizer, decoders, models, normalizers

    marks = ["<pad>", "<eos>", "<bos>", "<unk>"]
    letters = ["▁", *"abcdefghijklmnopqrstuvwxyz0123456789ß"]
    merges = [("t", "r"), ("tr", "u"), ("c", "k"), ("tru", "ck"), ("▁", "truck"), ("▁", "a")]
    vocabulary = dict.fromkeys([*marks, *letters, *("".join(pair) for pair in merges)])
    vocabulary = {word: number for number, word in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Replace("▁", " ")
    tokenizer.add_special_tokens(marks)
    config = {
        "tokenizer_class": "GemmaTokenizer",
        "add_bos_token": False,
        "add_eos_token": True,
        "padding_side": "right",
        "model_max_length": 64,
        **{f"{mark}_token": f"<{mark}>" for mark in ("pad", "eos", "bos", "unk")},
    }
    files = [folder / "tokenizer.json", folder / "tokenizer_config.json"]
    files[0].write_text(tokenizer.to_str(), encoding="utf-8")
    files[1].write_text(json.dumps(config), encoding="utf-8")
    return files


@pytest.fixture
def server():
    with serving({}) as about:
        yield about


@pytest.fixture
def hub(server, monkeypatch, tmp_path, data_dir):
    """A hub with small models in the places of those that have short names."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_ENDPOINT", f"{server.url}/hub")
    open_clip = clip_network.open_clip()
    known = open_clip.get_model_config

    def put(name: str) -> None:
        architecture, config, *_ = KINDS[name]
        file = weights(config, tmp_path / clip_folder.WEIGHTS)
        files = [file, *(gemma(tmp_path) if name == "siglip2-b32" else [])]
        server.files.update({each.name: each.read_bytes() for each in files})
        monkeypatch.setattr(
            open_clip,
            "get_model_config",
            lambda asked: json.loads(json.dumps(config)) if asked == architecture else known(asked),
        )

    server.put = put
    return server


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.long] * (name == "pe-core-s")) for name in KINDS],
)
def test_equal_to_open_clip_itself(name, hub, monkeypatch, capsys):
    if name == "siglip2-b32":
        pytest.importorskip("transformers")
    hub.put(name)
    assert main(["models", "add", name]) == 0
    out, told = capsys.readouterr()
    architecture, _, resize, interpolation = KINDS[name]
    assert out == f"Added clip:{name} ({architecture}).\n"
    offer = next(offer for offer in clip_folder.OFFERS if offer.name == name)
    assert "MB to download" in told
    assert f"licence {offer.licence}" in told

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    hub.files.clear()
    folder = clip_folder.find(f"clip:{name}")
    open_clip = clip_network.open_clip()
    theirs, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    resized = next(step for step in preprocess.transforms if "Resize" in type(step).__name__)
    assert resized.interpolation.value == interpolation
    assert (resize == "squash") == isinstance(resized.size, tuple | list)
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")(TEXTS)
    with torch.inference_mode():
        images = theirs.eval().encode_image(
            torch.stack([preprocess(image) for image in pictures()]), normalize=True
        )
        texts = theirs.encode_text(tokens, normalize=True)
    for engine in ("torch", "onnx", "openvino"):
        model = load_model(f"clip:{name}", engine=engine, threads=1, graph="plain")
        assert model.name == f"clip:{name}"
        assert np.abs(model.encode_images(pictures()) - images.numpy()).max() < 1e-3
        assert np.abs(model.encode_texts(TEXTS) - texts.numpy()).max() < 1e-3
    rounded = load_model(f"clip:{name}", engine="openvino", graph="bf16").encode_images(pictures())
    assert (rounded * images.numpy()).sum(axis=1).min() > 0.99  # of random weights
    own = load_model(f"clip:{name}", engine="onnx").folder.tokens()
    assert own.ids(TEXTS) == tokens.tolist()
    code = (
        "import sys\n"
        "for name in ('torch', 'open_clip', 'transformers'): sys.modules[name] = None\n"
        "from c4t_core.models.registry import load_model\n"
        "print(load_model(sys.argv[1]).encode_texts(['snow']).shape)"
    )
    words = [sys.executable, "-c", code, f"clip:{name}"]
    run = subprocess.run(words, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == str((1, model.dim))


def test_cancelled_and_taken_up_again_with_its_tokenizer(hub):
    pytest.importorskip("transformers")
    hub.put("siglip2-b32")
    size, told = clip.download_size("clip:siglip2-b32"), []
    assert size == sum(len(hub.files[file.name]) for file in hub_files(hub))

    def stop(done: int, total: int) -> None:
        told.append((done, total))
        if done > 0.9 * size:
            raise Cancelled

    with pytest.raises(Cancelled):
        clip.download("clip:siglip2-b32", stop)
    assert {total for _, total in told} == {size}
    assert clip_folder.folders() == []
    tokenizers = [path for path in clip_folder.clip_dir().iterdir() if "tokenizer" in path.name]
    assert len(tokenizers) == 2
    again = []
    assert clip.download("clip:siglip2-b32", lambda *now: again.append(now)) == "clip:siglip2-b32"
    assert again[-1] == (size, size)
    assert again[0][0] > 0  # nothing that was here is fetched anew
    assert not [path for path in clip_folder.clip_dir().iterdir() if path.name.startswith(".")]


def hub_files(hub) -> list[Path]:
    names = (clip_folder.WEIGHTS, *clip_folder.TOKENIZER_FILES)
    return [Path(name) for name in names if name in hub.files]


def test_weights_that_are_pickled_only_are_read_safely(hub, tmp_path):
    hub.put("datacomp-b32")
    from safetensors.torch import load

    torch.save(load(hub.files.pop(clip_folder.WEIGHTS)), tmp_path / "w.bin")
    hub.files["open_clip_pytorch_model.bin"] = (tmp_path / "w.bin").read_bytes()
    assert main(["models", "add", "ViT-B-32-256/datacomp_s34b_b86k"]) == 0
    assert load_model("clip:datacomp-b32", engine="torch").dim == 24
    kept = {path.name for path in clip_folder.find("clip:datacomp-b32").iterdir()}
    assert kept == {clip_folder.WEIGHTS, clip_folder.CONFIG, clip_folder.ABOUT}


def test_offline_is_said_before_anything_is_loaded(data_dir, capsys):
    code = (
        "import sys, time; from c4t_core.models import clip, download\n"
        "def none(*_, **__): raise OSError\n"
        "download.socket.create_connection = none\n"
        "download.urllib.request.getproxies = dict\n"
        "try: clip.download_size('clip:pe-core-s')\n"
        "except download.DownloadError as error: print(error, 'torch' in sys.modules)"
    )
    words = [sys.executable, "-c", code]
    run = subprocess.run(
        words, capture_output=True, text=True, check=True, env={"PATH": "", "PYTHONPATH": "."}
    )
    assert "cannot be reached" in run.stdout
    assert run.stdout.strip().endswith("False")


def test_a_text_network_from_elsewhere_is_refused_before_it_is_fetched(hub):
    with pytest.raises(ModelError, match="not supported"):
        clip.download_size("clip:roberta-ViT-B-32")
    with pytest.raises(DownloadError, match="404"):
        clip.download_size("clip:ViT-B-16@laion2b_s34b_b88k")


def test_what_can_be_had_is_listed(capsys):
    assert main(["models", "available", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["pe-core-s"]["licence"] == rows["siglip2-b32"]["licence"] == "Apache-2.0"
    assert rows["mobileclip2-s0"]["licence"] == "research-only"
    assert clip_folder.licence_of("MobileCLIP2-B@dfndr2b") == "research-only"
    assert clip_folder.licence_of("ViT-B-16@laion2b_s34b_b88k") == "unknown"
    open_clip = clip_network.open_clip()
    for offer in clip_folder.OFFERS:
        architecture, tag = offer.model.split("@")
        assert open_clip.get_pretrained_cfg(architecture, tag)["hf_hub"]
        if offer.name != "siglip2-b32":  # takes long to build
            shapes = clip._shapes_of(open_clip, architecture)
            numbers = sum(int(np.prod(shape)) for shape in shapes.values())
            assert 4 * numbers == pytest.approx(offer.size_bytes, rel=0.02)
    assert main(["models", "available"]) == 0
    assert "ARCHITECTURE/PRETRAINED" in "".join(capsys.readouterr())


def test_names_that_are_meant_for_a_download():
    assert clip.wanted("clip") == "clip"
    assert clip.wanted("pe-core-s") == clip.wanted("clip:pe-core-s") == "clip:pe-core-s"
    assert (
        clip.wanted("ViT-B-16/openai") == clip.wanted("ViT-B-16@openai") == "clip:ViT-B-16@openai"
    )
    assert clip.wanted("ViT-B-16") == "clip:ViT-B-16"
    assert clip.wanted("some/folder") is clip.wanted("no-such-thing") is clip.wanted("x") is None


@pytest.fixture
def small(monkeypatch):
    """Small networks in the places of ViT-B-32 and ViT-B-16, each with both activations."""
    open_clip = clip_network.open_clip()
    sixteen = {**TINY_CLIP, "vision_cfg": {**TINY_CLIP["vision_cfg"], "patch_size": 8}}
    of = {"ViT-B-32": TINY_CLIP, "ViT-B-16": sixteen}
    of |= {f"{name}-quickgelu": {**config, "quick_gelu": True} for name, config in of.items()}
    of["PE-Core-S-16-384"] = PE
    monkeypatch.setattr(open_clip, "list_models", lambda: list(of))
    monkeypatch.setattr(
        open_clip, "get_model_config", lambda name: json.loads(json.dumps(of.get(name)))
    )
    monkeypatch.setattr(
        clip,
        "_shapes_of",
        lambda _module, name: {
            key: tuple(value.shape)
            for key, value in open_clip.CustomTextCLIP(
                **{key: value for key, value in of[name].items() if key != "custom_text"}
            )
            .state_dict()
            .items()
        },
    )
    return of


@pytest.mark.parametrize(
    ("file", "of", "taken"),
    [
        ("ViT-B-32.pt", "ViT-B-32", "ViT-B-32"),
        ("ViT-B-16-laion2b.pt", "ViT-B-16", "ViT-B-16"),
        ("vit_b_32 laion400m.safetensors", "ViT-B-32", "ViT-B-32-quickgelu"),
        ("ViT-B-16-openai.bin", "ViT-B-16", "ViT-B-16-quickgelu"),
        ("my ViT-B-16-quickgelu.pt", "ViT-B-16", "ViT-B-16-quickgelu"),
        ("mine.pt", "PE-Core-S-16-384", "PE-Core-S-16-384"),
        ("ViT-B-32.pt", "PE-Core-S-16-384", "PE-Core-S-16-384"),
    ],
)
@pytest.mark.long
def test_a_file_says_its_architecture_by_name_or_shapes(
    file, of, taken, small, tmp_path, data_dir, capsys
):
    from safetensors.torch import load_file

    config = {key: value for key, value in small[of].items() if key != "quick_gelu"}
    written = weights(config, tmp_path / "w.safetensors")
    place = tmp_path / file
    if place.suffix == ".safetensors":
        written.rename(place)
    else:
        torch.save(load_file(written), place)
    assert main(["models", "add", str(place)]) == 0
    name = f"clip:{clip_folder.name_for(place)}"
    assert capsys.readouterr().out == f"Added {name} ({taken}).\n"
    assert load_model(name, engine="torch").name == name
    assert load_model("clip", engine="torch").name == name  # the toggle's, while it is the only one


@pytest.mark.parametrize("folder", ["clip", pytest.param("pe-core-s", marks=pytest.mark.long)])
def test_a_folder_of_a_short_name_is_not_taken_for_its_weights(folder):
    place = Path(folder) / "open_clip_pytorch_model.bin"
    assert clip_folder.name_for(place) == f"my-{folder}"


def test_openais_own_weights_are_the_yardstick(small, tmp_path, data_dir, capsys):
    from safetensors.torch import load_file

    written = weights(TINY_CLIP, tmp_path / "w.safetensors")
    half = {key: value.half().float() for key, value in load_file(written).items()}
    save_file(half, tmp_path / "ViT-B-32.safetensors")
    assert main(["models", "add", str(tmp_path / "ViT-B-32.safetensors")]) == 0
    assert capsys.readouterr().out == "Added clip (ViT-B-32-quickgelu).\n"
    save_file(load_file(written), tmp_path / "mine.safetensors")
    assert main(["models", "add", str(tmp_path / "mine.safetensors")]) == 1
    assert "several architectures (ViT-B-32, ViT-B-32-quickgelu)" in capsys.readouterr().err


def test_a_folder_as_open_clip_publishes_it(tmp_path, data_dir, capsys):
    pytest.importorskip("transformers")
    folder = tmp_path / "SigLIP 2 of mine"
    folder.mkdir()
    weights(SIGLIP2, folder / clip_folder.WEIGHTS)
    config = {"model_cfg": SIGLIP2, "preprocess_cfg": {"resize_mode": "squash"}}
    (folder / clip_folder.CONFIG).write_text(json.dumps(config))
    assert main(["models", "add", str(folder)]) == 1
    assert "tokenizer.json" in capsys.readouterr().err
    gemma(folder)
    assert main(["models", "add", str(folder)]) == 0
    assert capsys.readouterr().out.startswith("Added clip:SigLIP-2-of-mine (")
    assert load_model("clip:SigLIP-2-of-mine").encode_texts(["snow"]).shape == (1, 64)


@pytest.mark.parametrize("content", [None, "{}"], ids=["missing", "broken"])
def test_a_tokenizer_that_cannot_be_read_is_refused(content, tmp_path, data_dir, capsys):
    pytest.importorskip("transformers")
    folder = tmp_path / "published"
    folder.mkdir()
    weights(SIGLIP2, folder / clip_folder.WEIGHTS)
    config = {"model_cfg": SIGLIP2, "preprocess_cfg": {"resize_mode": "squash"}}
    (folder / clip_folder.CONFIG).write_text(json.dumps(config))
    gemma(folder)[0].unlink()
    if content is not None:
        (folder / "tokenizer.json").write_text(content)
    assert main(["models", "add", str(folder)]) == 1
    assert "tokenizer.json" in capsys.readouterr().err
