"""CLIP through open_clip, on a tiny network in a local checkpoint; its numbers mean nothing."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("open_clip")

from c4t_core.errors import MissingExtraError, ModelError  # noqa: E402
from c4t_core.models import clip, clip_folder, clip_network, registry  # noqa: E402
from c4t_core.models.clip import guess_architecture  # noqa: E402
from c4t_core.models.clip_folder import clip_infos  # noqa: E402
from c4t_core.models.config import prepare  # noqa: E402
from c4t_core.models.protocol import Model, cut_texts  # noqa: E402
from c4t_core.models.registry import load_model  # noqa: E402
from tests.helpers.tiny_model import TINY_CLIP  # noqa: E402

TEXTS = ["a truck in the snow", "", "three pedestrians" * 60, "ein Straßenschild"]


def pictures() -> list[Image.Image]:
    rng = np.random.default_rng(5)
    sizes = [(64, 64), (97, 41), (41, 97), (33, 200), (20, 31)]
    return [Image.fromarray(rng.integers(0, 256, (h, w, 3), dtype=np.uint8)) for w, h in sizes]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    """A folder with a checkpoint and its configuration, as open_clip publishes them."""
    open_clip = clip_network.open_clip()
    folder = tmp_path_factory.mktemp("tiny")
    config = {"model_cfg": TINY_CLIP, "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    torch.manual_seed(1)
    network = open_clip.model.CLIP(**json.loads(json.dumps(TINY_CLIP)))
    torch.save({"state_dict": network.state_dict()}, folder / "tiny.pt")
    return folder


@pytest.fixture
def added(tiny, data_dir) -> str:
    return clip.add_checkpoint(tiny / "tiny.pt", "tiny")


def test_what_clip_does_not_read_is_told(added):
    model = load_model(added, engine="torch", threads=1)
    long = f"snow on a road, {'three pedestrians ' * 60}and a truck"
    cut = cut_texts(model, ["a truck in the snow", long, "", "car " * 75, "car " * 76, "🚗" * 99])
    assert [one.index for one in cut] == [1, 4]
    assert cut[1].read.split() == ["car"] * 75
    rows = model.encode_texts([long, cut[0].read, cut[0].read.rsplit(" ", 1)[0]])
    assert np.allclose(rows[0], rows[1], atol=1e-6)
    assert not np.allclose(rows[0], rows[2], atol=1e-6)


@pytest.mark.parametrize("engine", ["torch", "onnx"])
def test_equal_to_open_clip_itself(added, tiny, engine):
    model = load_model(added, engine=engine, threads=1)
    assert isinstance(model, Model)
    assert (model.name, model.dim) == ("clip:tiny", 24)
    open_clip = clip_network.open_clip()
    theirs, preprocess = open_clip.create_model_from_pretrained(
        f"local-dir:{clip_folder.find(added)}"
    )
    theirs.eval()
    tokens = open_clip.get_tokenizer(f"local-dir:{clip_folder.find(added)}")
    with torch.inference_mode():
        images = theirs.encode_image(
            torch.stack([preprocess(i) for i in pictures()]), normalize=True
        )
        texts = theirs.encode_text(tokens(TEXTS), normalize=True)
    ours = model.encode_images(pictures())
    assert ours.dtype == np.float32
    assert np.abs(ours - images.numpy()).max() < 1e-5
    assert np.abs(model.encode_texts(TEXTS) - texts.numpy()).max() < 1e-5


def test_engines_agree_and_batches_do_not_matter(added):
    pixels = np.stack([load_model(added, engine="torch").prepare(i) for i in pictures()])
    engines = ("torch", "onnx", "openvino")
    models = {engine: load_model(added, engine=engine, graph="plain") for engine in engines}
    rows = {e: model.encode_pixels(pixels) for e, model in models.items()}
    assert np.abs(rows["torch"] - rows["onnx"]).max() < 1e-5
    assert np.abs(rows["torch"] - rows["openvino"]).max() < 1e-5
    assert len({model.fingerprint for model in models.values()}) == 1  # an index goes on with all
    model = load_model(added, engine="onnx")
    alone = np.concatenate([model.encode_pixels(pixels[i : i + 1]) for i in range(len(pixels))])
    assert np.abs(alone - rows["onnx"]).max() < 1e-5
    assert model.encode_texts([]).shape == model.encode_images([]).shape == (0, 24)
    assert np.allclose(np.linalg.norm(rows["torch"], axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_pixels_are_those_of_open_clip(mode, interpolation):
    open_clip = clip_network.open_clip()
    if mode == "longest" and interpolation == "bilinear":
        pytest.skip("no published model does")
    settings = {"resize_mode": mode, "interpolation": interpolation, "fill_color": 7}
    theirs = open_clip.transform.image_transform_v2(
        open_clip.transform.PreprocessCfg(size=32, mean=(0, 0, 0), std=(1, 1, 1), **settings),
        is_train=False,
    )
    config = {"preprocess_cfg": settings, "model_cfg": {"vision_cfg": {"image_size": 32}}}
    ours = clip_folder.preprocessing(config)
    for image in pictures():
        wanted = (theirs(image).permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
        assert np.array_equal(prepare(image, ours), wanted), image.size


def test_what_was_added_runs_without_torch(added, tmp_path):
    """As where neither torch nor open_clip is installed any more."""
    expected = load_model(added, engine="torch")
    np.savez(
        tmp_path / "known.npz",
        texts=np.array(TEXTS),
        of_texts=expected.encode_texts(TEXTS),
        of_images=expected.encode_images(pictures()),
        **{f"image{i}": np.asarray(image) for i, image in enumerate(pictures())},
    )
    code = """
import sys
for name in ("torch", "torchvision", "open_clip"):
    sys.modules[name] = None
import numpy as np
from PIL import Image
from c4t_core.models.registry import load_model
model = load_model(sys.argv[1], graph="plain")
known = np.load(sys.argv[2])
images = [Image.fromarray(known[f"image{i}"]) for i in range(5)]
print(np.abs(model.encode_texts(list(known["texts"])) - known["of_texts"]).max() < 1e-5)
print(np.abs(model.encode_images(images) - known["of_images"]).max() < 1e-5)
"""
    words = [sys.executable, "-c", code, added, str(tmp_path / "known.npz")]
    out = subprocess.run(words, capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["True", "True"]


def test_a_search_without_a_gpu_loads_no_torch(added):
    code = """
import sys
from c4t_core import devices
from c4t_core.models.registry import load_model
devices._SIGNS = {sys.platform: (sys.argv[2],)}
model = load_model(sys.argv[1])
print(model.encode_texts(["snow"]).shape, "torch" in sys.modules, devices.may_have_gpu())
devices._SIGNS = {sys.platform: (sys.executable,)}
print(devices.may_have_gpu())
"""
    words = [sys.executable, "-c", code, added, os.devnull + "-of-no-driver"]
    out = subprocess.run(words, capture_output=True, text=True, check=True)
    assert out.stdout.split("\n")[:2] == ["(1, 24) False False", "True"]


def test_tokens_are_those_of_open_clip(added):
    texts = [
        *TEXTS,
        "&lt;b&gt; Ã¤ ﬁne “quotes”",
        "NO ENTRY: 50 km/h; we'll see...!",
        "<start_of_text> x_y <end_of_text>",
        "İstanbul",
        "A\tB",
        "９月",
        "…",
    ]
    folder = load_model(added, engine="onnx").folder
    own = folder.tokens()
    assert folder.cached.with_suffix(".tokenizer.json").is_file()
    theirs = clip_network.open_clip().get_tokenizer(f"local-dir:{clip_folder.find(added)}")
    assert own.ids(texts) == theirs(texts).tolist()


def test_an_image_is_what_its_class_token_makes_of_it(added):
    """The last block computes one row only; the vectors stay."""
    network = clip_network.build(clip_folder.find(added))
    pixels = torch.rand((3, 3, 32, 32))
    with torch.inference_mode():
        whole = network.encode_image(pixels)
        clip_network.last_block_for_one(network)
        rows = []
        network.visual.transformer.resblocks[-1].register_forward_hook(
            lambda _module, _inputs, out: rows.append(out.shape[1])
        )
        torch.testing.assert_close(network.encode_image(pixels), whole, atol=1e-6, rtol=0)
    assert rows == [1]


def test_onnx_is_exported_once(added, monkeypatch):
    first = load_model(added, engine="auto", device="cpu").encode_images(pictures())
    monkeypatch.setattr(clip_network, "build", lambda folder: pytest.fail("built again"))
    again = load_model(added, engine="auto", device="cpu").encode_images(pictures())
    assert np.array_equal(first, again)


def test_a_broken_graph_in_the_cache_is_named(added):
    model = load_model(added, engine="onnx")
    graph = model.folder.graph("image.onnx")
    graph.write_bytes(graph.read_bytes()[:1000])
    with pytest.raises(ModelError, match="delete .* and try again"):
        model.encode_images(pictures())
    assert model.encode_texts(["snow"]).shape == (1, 24)


def test_never_random_weights(data_dir):
    with pytest.raises(ModelError, match="c4t models add clip"):
        load_model("clip")
    with pytest.raises(ModelError, match="clip:ViT-L-14"):
        load_model("clip:ViT-L-14")
    assert not list(data_dir.rglob("*.safetensors"))


@pytest.mark.parametrize(
    "name", ["clip:../evil", "clip:", "clip:a/b", "clip:..", "clip:x" + "y" * 200]
)
def test_names_stay_in_their_folder(name, data_dir):
    with pytest.raises(ModelError, match="cannot be the name"):
        load_model(name)
    with pytest.raises(ModelError, match="cannot be the name"):
        registry.remove(name)


def test_infos(tiny, data_dir):
    (only,) = clip_infos()
    assert (only.name, only.available) == ("clip", False)
    assert "c4t models add clip" in only.reason
    clip.add_checkpoint(tiny / "tiny.pt")
    yardstick, info = clip_infos()
    assert (yardstick.name, info.name, info.available, info.dim) == ("clip", "clip:tiny", True, 24)
    assert dict(info.graphs)["plain"] == load_model("clip:tiny", engine="torch").fingerprint
    assert info.fingerprint == load_model("clip:tiny", device="cpu").fingerprint
    registry.remove("clip:tiny")
    assert [info.name for info in clip_infos()] == ["clip"]
    with pytest.raises(ModelError, match="models list"):
        registry.remove("clip:tiny")


def test_listing_loads_no_torch(added, data_dir):
    code = (
        "import sys; from c4t_core.models.clip_folder import clip_infos; print(len(clip_infos()));"
        "print([m for m in ('torch', 'open_clip', 'onnxruntime') if m in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert out.stdout.split() == ["2", "[]"]


def test_fingerprint_tells_weights_and_preprocessing_apart(added, tiny, tmp_path):
    first = load_model(added, engine="torch").fingerprint
    state = torch.load(tiny / "tiny.pt", weights_only=True)["state_dict"]
    state["visual.proj"] = state["visual.proj"] + 1e-3
    torch.save(state, tmp_path / "other.pt")
    config = {"model_cfg": TINY_CLIP, "preprocess_cfg": {}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    second = load_model(clip.add_checkpoint(tmp_path / "other.pt"), engine="torch").fingerprint
    config["preprocess_cfg"] = {"resize_mode": "squash"}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    third = clip.add_checkpoint(tmp_path / "other.pt", "squashed")
    assert len({first, second, load_model(third, engine="torch").fingerprint}) == 3


def test_damaged_weights_are_refused(added):
    weights = clip_folder.find(added) / clip_folder.WEIGHTS
    data = bytearray(weights.read_bytes())
    data[-5] ^= 1
    weights.write_bytes(bytes(data))
    with pytest.raises(ModelError, match="damaged or were changed"):
        load_model(added)
    (clip_folder.find(added) / clip_folder.ABOUT).write_text("{")
    info = next(info for info in clip_infos() if info.name == added)
    assert not info.available
    assert "models remove" in info.reason


class Evil:
    def __reduce__(self):
        return (os.system, ("touch /tmp/c4t-was-here",))


def test_what_can_carry_code_is_refused(tmp_path, data_dir):
    evil = tmp_path / "evil.pt"
    evil.write_bytes(pickle.dumps({"state_dict": Evil()}, protocol=2))
    zipped = tmp_path / "zipped.pt"
    torch.save({"state_dict": Evil()}, zipped)
    script = tmp_path / "script.pt"
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(script))
    for file in (evil, zipped, script):
        with pytest.raises(ModelError, match="refused.*safetensors"):
            clip.add_checkpoint(file, "evil", "ViT-B-32")
    assert not Path("/tmp/c4t-was-here").exists()
    assert [info.name for info in clip_infos()] == ["clip"]


def test_tensors_that_are_not_plain_are_refused(tiny, tmp_path, data_dir):
    state = torch.load(tiny / "tiny.pt", weights_only=True)["state_dict"]
    torch.save({**state, "logit_scale": torch.eye(2).to_sparse()}, tmp_path / "odd.pt")
    with pytest.raises(ModelError, match="no plain tensors"):
        clip.add_checkpoint(tmp_path / "odd.pt", "odd", str(tiny / "open_clip_config.json"))
    torch.save(state, tmp_path / "ViT-B-32.pt")  # nothing of what its name says
    with pytest.raises(ModelError, match=r'ViT-B-32\.pt" do not fit their architecture'):
        clip.add_checkpoint(tmp_path / "ViT-B-32.pt", "odd")
    assert [info.name for info in clip_infos()] == ["clip"]


def test_a_checkpoint_that_does_not_fit_is_refused_whole(tiny, tmp_path, data_dir):
    wrong = {**TINY_CLIP, "embed_dim": 16}
    (tmp_path / "wrong.json").write_text(json.dumps(wrong))
    with pytest.raises(ModelError, match=r'tiny\.pt" do not fit their architecture'):
        clip.add_checkpoint(tiny / "tiny.pt", "wrong", str(tmp_path / "wrong.json"))
    with pytest.raises(ModelError, match="no architecture"):
        clip.add_checkpoint(tiny / "tiny.pt", "wrong", "ViT-Z-99")
    with pytest.raises(ModelError, match="no weight file"):
        clip.add_checkpoint(tiny / "gone.pt", "wrong")
    assert [info.name for info in clip_infos()] == ["clip"]
    assert list(clip_folder.clip_dir().iterdir()) == []


def test_the_same_name_twice_is_refused(added, tiny):
    with pytest.raises(ModelError, match="already"):
        clip.add_checkpoint(tiny / "tiny.pt", "tiny")


def test_a_bare_architecture_finds_its_one_model(tiny, data_dir):
    clip.add_checkpoint(tiny / "tiny.pt", "ViT-T@mine")
    assert load_model("clip:ViT-T", engine="torch").name == "clip:ViT-T@mine"
    clip.add_checkpoint(tiny / "tiny.pt", "ViT-B-32@openai")
    assert load_model("clip", engine="torch").name == "clip"


def shapes_of(config: dict) -> dict[str, torch.Tensor]:
    vision, text = config["vision_cfg"], config["text_cfg"]
    size = (vision["image_size"] // vision["patch_size"]) ** 2 + 1
    state = {
        "visual.conv1.weight": (vision["width"], 3, vision["patch_size"], vision["patch_size"]),
        "visual.positional_embedding": (size, vision["width"]),
        "token_embedding.weight": (text["vocab_size"], text["width"]),
        "positional_embedding": (text["context_length"], text["width"]),
        "text_projection": (text["width"], config["embed_dim"]),
    }
    out = {name: torch.empty(shape, device="meta") for name, shape in state.items()}
    for prefix, count in (("visual.", vision["layers"]), ("", text["layers"])):
        for layer in range(count):
            out[f"{prefix}transformer.resblocks.{layer}.x"] = torch.empty(1, device="meta")
    return out


def test_architectures_are_told_by_shape_or_asked_for():
    open_clip = clip_network.open_clip()
    assert guess_architecture(shapes_of(open_clip.get_model_config("ViT-M-32"))) == "ViT-M-32"
    with pytest.raises(ModelError, match=r"ViT-B-32.*ViT-B-32-quickgelu.*--architecture"):
        guess_architecture(shapes_of(open_clip.get_model_config("ViT-B-32")))
    with pytest.raises(ModelError, match='"odd".*--architecture'):
        guess_architecture({"weight": torch.zeros(2)}, "odd")


def test_of_several_clips_one_is_to_be_named(data_dir):
    for name in ("one", "two"):
        folder = clip_folder.clip_dir() / name
        folder.mkdir(parents=True)
        (folder / clip_folder.ABOUT).write_text("{}")
        infos = {info.name: info for info in clip_folder.clip_infos()}
        stands_in = 'Until then "clip" means clip:one.' in infos["clip"].reason
        assert stands_in == (name == "one")
    with pytest.raises(ModelError, match="clip:one, clip:two; name the one"):
        clip_folder.find("clip")


def test_without_the_packages_these_come_first(monkeypatch, data_dir):
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(MissingExtraError, match=r"pip install .c4t-desktop\[clip\]"):
        load_model("clip")
