"""Heads on CLIP's towers, with a small CLIP that was briefly taught; its numbers mean nothing."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("open_clip")

from c4t_core.cli import main  # noqa: E402
from c4t_core.errors import Cancelled, ModelError, TrainingError  # noqa: E402
from c4t_core.models import clip, folder  # noqa: E402
from c4t_core.models.engine import TorchModel  # noqa: E402
from c4t_core.models.registry import clip_model, list_models, load_model, on_clip  # noqa: E402
from c4t_core.training import events, sources  # noqa: E402
from c4t_core.training.request import (  # noqa: E402
    CLIP_OPTIONS,
    FINE_TUNE_OPTIONS,
    TrainingRequest,
    default_options,
)
from c4t_core.training.session import train  # noqa: E402
from tests.helpers.tiny_model import make_tiny_clip  # noqa: E402

QUICK = dataclasses.replace(CLIP_OPTIONS, batch=16, epochs=3, head_rate=3e-3, validation_share=0.25)
TEXTS = ["a red car", "a blue car sea", "a truck in the snow " * 30, ""]


@pytest.fixture(scope="session")
def taught(shapes, tmp_path_factory) -> Path:
    """A checkpoint of a small CLIP that has seen the colours of the shapes, and not the places."""
    from c4t_core.models.clip_network import untaught
    from c4t_core.models.network import Normalise
    from tests.helpers.tiny_model import TINY_CLIP

    file = make_tiny_clip(tmp_path_factory.mktemp("clip"))
    network = untaught(TINY_CLIP)
    network.load_state_dict(torch.load(file, weights_only=True)["state_dict"])
    from c4t_core.models.clip_folder import preprocessing
    from c4t_core.models.clip_network import open_clip
    from c4t_core.models.config import prepare

    how = preprocessing({"model_cfg": TINY_CLIP, "preprocess_cfg": {}})
    rows = pairs_of(shapes)
    pixels = np.stack([prepare(Image.open(shapes / image), how) for image, _ in rows])
    planes = Normalise(how)(torch.from_numpy(pixels))
    said = [f"something {caption.split()[1]}" for _, caption in rows]
    ids = open_clip().get_tokenizer("ViT-B-32")(said)
    colours = sorted(set(said))
    right = torch.tensor([colours.index(text) for text in said])
    first = torch.tensor([said.index(text) for text in colours])
    learning = torch.optim.AdamW(network.parameters(), lr=1e-3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for _ in range(60):
            images = network.encode_image(planes, normalize=True)
            texts = network.encode_text(ids[first], normalize=True)
            loss = torch.nn.functional.cross_entropy(20 * images @ texts.T, right)
            learning.zero_grad()
            loss.backward()
            learning.step()
    torch.save({"state_dict": network.state_dict()}, file)
    return file


@pytest.fixture
def added(taught, data_dir) -> str:
    return clip.add_checkpoint(taught, "tiny")


@pytest.fixture
def request_for(added, shapes, tmp_path):
    def build(output: str = "run", **changes) -> TrainingRequest:
        known = {field.name for field in dataclasses.fields(TrainingRequest)}
        options = {key: value for key, value in changes.items() if key not in known}
        plain = {key: value for key, value in changes.items() if key in known}
        return TrainingRequest(
            **{
                "pairs": shapes / "pairs.csv",
                "output": tmp_path / output,
                "base": added,
                "device": "cpu",
                "guard": False,
                "options": dataclasses.replace(QUICK, **options),
                **plain,
            },
        )

    return build


def pairs_of(shapes: Path) -> list[tuple[str, str]]:
    with (shapes / "pairs.csv").open(encoding="utf-8") as lines:
        return [(row["image"], row["caption"]) for row in csv.DictReader(lines)]


def pictures(shapes: Path) -> list[Image.Image]:
    return [Image.open(shapes / image) for image, _ in pairs_of(shapes)[::5]]


def weights(result) -> dict[str, torch.Tensor]:
    return torch.load(result.output / "best.pt", weights_only=True)["state"]


def test_heads_change_nothing_before_they_learn(added, shapes):
    theirs = load_model(added, engine="torch", device="cpu")
    model = clip_model(added).with_heads().eval()
    pixels = np.stack([theirs.prepare(picture) for picture in pictures(shapes)])
    ids = torch.from_numpy(theirs.tokens.pad(theirs.tokens.ids(TEXTS))[0])
    with torch.no_grad():
        images = model.encode_image(torch.from_numpy(pixels))
        texts = model.encode_text(ids)
    for ours, known in (
        (images, theirs.encode_pixels(pixels)),
        (texts, theirs.encode_texts(TEXTS)),
    ):
        unit = torch.nn.functional.normalize(ours, dim=1).numpy()
        assert np.abs(unit - known).max() < 1e-6


@pytest.mark.long
def test_a_run_is_guarded_registered_and_the_same_in_every_engine(request_for, shapes, added):
    result = train(request_for(name="mine", guard=True, epochs=40))
    guard = result.guard
    assert (guard.before.mix, guard.after.mix) == (0.0, 1.0)
    assert guard.before.held_out is not None
    assert guard.before.general is not None  # the drawn drives and the sentences
    assert guard.after.held_out_score > guard.before.held_out_score
    assert 0.0 < guard.chosen.mix <= 1.0
    assert guard.before.kept == pytest.approx(1.0)

    info = next(info for info in list_models() if info.name == result.name == "c4t:mine")
    assert (info.kind, info.available, info.dim) == ("c4t", True, 24)
    assert "its towers are CLIP's" in info.description
    assert on_clip("c4t:mine")
    card = (info.path / folder.CARD).read_text(encoding="utf-8")
    assert "weights from tiny.pt" in card
    assert "terms that they came with" in card
    assert f"| held-out drives, before and after | {guard.before.held_out_score:.3f}" in card

    engines = ("torch", "onnx", "openvino", "auto")
    models = [load_model("c4t:mine", engine=e, graph="plain") for e in engines]
    assert isinstance(models[0], TorchModel)
    for encode in (lambda m: m.encode_images(pictures(shapes)), lambda m: m.encode_texts(TEXTS)):
        rows = [encode(model) for model in models]
        assert all(np.abs(rows[0] - other).max() < 1e-4 for other in rows[1:])
        theirs = encode(load_model(added))
        assert np.abs(rows[0] - theirs).max() > 1e-2  # something was learnt
    assert models[0].read_parts(TEXTS).keys() == {2}
    assert models[0].min_side == load_model(added).min_side


def test_nothing_of_the_new_weights_is_clip(request_for, shapes, added):
    result = train(request_for(name="none", guard=True, blend=0.0))
    model, theirs = (load_model(name, graph="plain") for name in (result.name, added))
    assert (
        np.abs(model.encode_images(pictures(shapes)) - theirs.encode_images(pictures(shapes))).max()
        < 1e-3
    )
    assert np.abs(model.encode_texts(TEXTS) - theirs.encode_texts(TEXTS)).max() < 1e-3


def test_the_loss_begins_with_the_scale_of_clip(request_for):
    result = train(request_for(epochs=1, head_rate=1e-5))
    state = weights(result)
    assert float(state["criterion.log_scale"].exp()) == pytest.approx(50, abs=1)
    heads = {name.split(".")[1] for name in state if name.startswith("model.")}
    assert heads == {"image_head", "text_head"}  # CLIP is not in the checkpoint


def test_features_come_from_the_traced_tower(request_for, monkeypatch):
    plain = train(request_for("plain", epochs=1))
    monkeypatch.setattr(sources, "GRAPH_FROM", 1)
    really, traces = sources.trace_image_encoder, []
    monkeypatch.setattr(
        sources, "trace_image_encoder", lambda *args: traces.append(args) or really(*args)
    )
    traced = train(request_for("traced", epochs=1))
    assert len(traces) == 1
    for name, tensor in weights(plain).items():
        assert torch.allclose(tensor, weights(traced)[name], atol=2e-3), name
    (rows,) = (traced.output / "cache").glob("images-*.rows")
    (known,) = (plain.output / "cache").glob("images-*.rows")
    features = [np.fromfile(path, np.float32) for path in (rows, known)]
    assert np.abs(features[0] - features[1]).max() < 1e-5


def test_stopped_and_resumed_ends_as_uninterrupted(request_for):
    whole = train(request_for("whole"))

    def stop(done: int, total: int) -> None:
        if done == 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(request_for("parts"), stop)
    parts = train(request_for("parts"))
    assert parts.resumed
    assert_same(weights(whole), weights(parts))
    assert_same(folder.load_state(whole.model), folder.load_state(parts.model))


KILLED = """
import os, signal, sys
from pathlib import Path
from c4t_core.training.request import TrainingRequest
from c4t_core.training.session import train
def kill(done, total):
    if done == 5:
        os.kill(os.getpid(), signal.SIGKILL)
train(TrainingRequest.read(Path(sys.argv[1])), kill)
"""


@pytest.mark.long
def test_killed_and_resumed_ends_as_uninterrupted(request_for, tmp_path):
    whole = train(request_for("whole", guard=True))
    request = request_for("parts", guard=True, checkpoint_seconds=0.0)
    (tmp_path / "request.json").write_text(json.dumps(request.to_json()))
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "request.json")],
        env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    result = train(request)
    assert result.resumed
    assert_same(weights(whole), weights(result))
    assert_same(folder.load_state(whole.model), folder.load_state(result.model))
    assert result.guard.chosen.mix == whole.guard.chosen.mix


def assert_same(one, other) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.allclose(tensor, other[name], rtol=0, atol=1e-6), name


@pytest.mark.long
def test_what_was_taught_can_be_taught_more(request_for):
    first = train(request_for(name="first", epochs=10))
    before = folder.verify_manifest(first.model)
    second = train(request_for("second", name="second", base="c4t:first", epochs=1, head_rate=0.0))
    assert folder.verify_manifest(first.model) == before
    rows = [load_model(name).encode_texts(TEXTS) for name in (first.name, second.name)]
    assert np.abs(rows[0] - rows[1]).max() < 1e-6
    assert folder.read_config(second.model).clip == folder.read_config(first.model).clip


@pytest.mark.long
def test_it_runs_where_neither_torch_nor_open_clip_is(request_for):
    name = train(request_for(name="mine", epochs=1)).name
    code = """
import sys
for module in ("torch", "torchvision", "open_clip", "timm", "transformers"):
    sys.modules[module] = None
from c4t_core.models.registry import load_model
import numpy as np
model = load_model(sys.argv[1])
pixels = np.zeros((2, 32, 32, 3), dtype=np.uint8)
print(model.encode_texts(["snow"]).shape, model.encode_pixels(pixels).shape)
"""
    out = subprocess.run(
        [sys.executable, "-c", code, name], capture_output=True, text=True, check=False
    )
    assert out.stdout.strip() == "(1, 24) (2, 24)", out.stderr


def test_an_architecture_that_onnx_cannot_write_runs_in_torch(request_for, monkeypatch):
    def fail(folder: Path) -> None:
        raise RuntimeError("Unsupported: ONNX export of operator x")

    monkeypatch.setattr("c4t_core.training.run.export_onnx", fail)
    name = train(request_for(name="mine", epochs=1)).name
    assert isinstance(load_model(name, device="cpu"), TorchModel)
    assert load_model(name).encode_texts(TEXTS).shape == (4, 24)


def test_an_older_version_says_to_update(request_for, monkeypatch):
    result = train(request_for(name="mine", epochs=1))
    plain = json.loads((result.model / folder.CONFIG).read_text())
    assert plain["format_version"] == 2
    assert not {"image", "text"} & set(plain)
    monkeypatch.setattr(folder, "FORMAT_VERSION", 1)
    with pytest.raises(ModelError, match="made by a newer C4T .*update the application"):
        load_model("c4t:mine")
    info = next(info for info in list_models() if info.name == "c4t:mine")
    assert (info.available, "update the application" in info.reason) == (False, True)


def test_a_changed_file_is_refused(request_for):
    result = train(request_for(name="mine", epochs=1))
    model = next(info for info in list_models() if info.name == "c4t:mine").path
    for name in (folder.IMAGE_WEIGHTS, folder.TEXT_WEIGHTS, folder.TOKENIZER, folder.CONFIG):
        sound = (model / name).read_bytes()
        (model / name).write_bytes(sound[:-9] + b"?" + sound[-8:])
        with pytest.raises(ModelError, match=f"{name} .*(damaged|cannot be read)"):
            load_model(result.name)
        (model / name).write_bytes(sound)
    load_model(result.name)


def test_options_are_clips_own(added, request_for):
    assert default_options("lite", "clip") == default_options("lite", added) == CLIP_OPTIONS
    assert (
        default_options("lite", "c4t") == default_options("lite", "c4t:gone") == FINE_TUNE_OPTIONS
    )
    train(request_for(name="mine", epochs=1))
    assert default_options("lite", "c4t:mine") == CLIP_OPTIONS


@pytest.mark.parametrize("base", ["clip:tiny", "c4t:mine"])
def test_towers_stay_as_they_are(request_for, base):
    train(request_for(name="mine", epochs=1))
    with pytest.raises(TrainingError, match="stay as they are"):
        train(request_for("other", base=base, freeze="partial"))
    assert not request_for("other").output.exists()  # the same folder can be used with heads only


def test_without_the_weights_there_is_a_sentence_with_a_remedy(data_dir, shapes, tmp_path, capsys):
    for name, remedy in (("clip", "c4t models add clip"), ("clip:own", "add FILE --name own")):
        pairs, run = str(shapes / "pairs.csv"), str(tmp_path / "run")
        assert main(["train", pairs, "--from", name, "--output", run, "--freeze", "encoders"]) == 1
        said = capsys.readouterr().err
        assert remedy in said
        assert "Traceback" not in said


def test_captions_that_clip_cuts_are_named(request_for, tmp_path, shapes):
    rows = [(shapes / image, caption, image[:6]) for image, caption in pairs_of(shapes)]
    rows[0] = (rows[0][0], "a red car " * 40 + "and a bus", rows[0][2])
    with (tmp_path / "long.csv").open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([("image", "caption", "drive"), *rows])
    told = []
    train(
        request_for(pairs=tmp_path / "long.csv", images=Path("/"), epochs=1), on_event=told.append
    )
    (read,) = (event for event in told if isinstance(event, events.PairsRead))
    assert any("longer than the model reads (77 tokens)" in text for text in read.warnings)
