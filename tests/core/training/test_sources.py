"""Where batches come from: one engine a run, the same numbers as torch, decoded in order."""

from __future__ import annotations

import threading
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from c4t_core.errors import Cancelled  # noqa: E402
from c4t_core.models.graphs.export import trace_image_encoder  # noqa: E402
from c4t_core.models.network import DualEncoder  # noqa: E402
from c4t_core.training import sources  # noqa: E402
from c4t_core.training.data import Sample  # noqa: E402
from c4t_core.training.events import Features, Pixels  # noqa: E402
from c4t_core.training.losses import Criterion  # noqa: E402
from c4t_core.training.request import TrainingOptions  # noqa: E402
from c4t_core.training.sources import SourceSetup, image_source  # noqa: E402
from c4t_core.training.towers import Towers, freeze  # noqa: E402
from tests.helpers.tiny_model import TINY  # noqa: E402

CPU = torch.device("cpu")
FROZEN = TrainingOptions(freeze="encoders")


@pytest.fixture
def towers() -> Towers:
    torch.manual_seed(3)
    model = DualEncoder(TINY)
    with torch.no_grad():
        for name, value in model.image_encoder.named_buffers():
            if name.endswith("running_var"):
                value.uniform_(0.5, 2.0)
    freeze(model, "encoders")
    return Towers(model, Criterion("infonce"))


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    """150 pictures, three of which cannot be read."""
    rng = np.random.default_rng(5)
    found = []
    for number in range(150):
        path = tmp_path / "images" / f"{number:03d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (40, 50, 3), np.uint8)).save(path)
        if number in (0, 63, 149):
            path.write_bytes(path.read_bytes()[:60])
        found.append(Sample(path, path.name, ("a car",), None))
    return found


def setup(folder: Path, told: list | None = None, progress=lambda done, total: None) -> SourceSetup:
    emit = (lambda event: None) if told is None else told.append
    return SourceSetup(folder, CPU, 3, True, lambda: None, emit, progress)


def test_the_traced_encoder_gives_the_features_of_torch(towers, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 64, 64, 3), np.uint8)
    made = []

    def trace(model, path):
        made.append(path)
        trace_image_encoder(model, path)

    monkeypatch.setattr(sources, "trace_image_encoder", trace)
    plain = sources.FrozenImages(towers.model, CPU, 1)
    assert not made  # too few to be worth it
    traced = sources.FrozenImages(towers.model, CPU, sources.GRAPH_FROM)
    assert made
    wanted = plain.encode_pixels(pixels)
    found = traced.encode_pixels(pixels[:, ::-1][:, ::-1])  # and need not lie in one piece
    assert found.shape == (20, towers.model.image_encoder.width)
    assert found.dtype == wanted.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())
    assert np.ptp(wanted, axis=0).max() > 1e-3  # and not because all rows are one


def test_tracing_leaves_the_model_as_it_was(towers):
    pixels = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    towers.train()
    before = {name: value.clone() for name, value in towers.state_dict().items()}
    sources.FrozenImages(towers.model, CPU, sources.GRAPH_FROM)
    assert towers.model.training
    assert all("forward" not in vars(module) for module in towers.modules())
    assert all(torch.equal(before[name], value) for name, value in towers.state_dict().items())
    towers.model.encode_image(pixels).sum().backward()


def test_rows_stand_by_their_images_and_bad_ones_are_named(towers, samples, tmp_path):
    told: list = []
    source = image_source(samples, towers, FROZEN, setup(tmp_path / "cache", told))
    assert sorted(source.skipped) == [0, 63, 149]
    assert [event.done for event in told] == [64, 128, 150]
    assert {type(event) for event in told} == {Features}
    for number in (1, 62, 64, 148):
        alone = sources.FrozenImages(towers.model, CPU, 1)
        wanted = alone.encode_pixels(alone.prepare(Image.open(samples[number].image))[None])
        found = source.batch([number]).numpy()
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("how", ["encoders", "none"])
def test_stopped_and_gone_on_gives_the_same_rows_to_the_bit(towers, samples, tmp_path, how):
    freeze(towers.model, how)
    options = TrainingOptions(freeze=how)
    told: list = []
    whole = image_source(samples, towers, options, setup(tmp_path / "whole", told))
    assert {type(event) for event in told} == {Features if how == "encoders" else Pixels}

    def stop(done: int, total: int) -> None:
        if done == 128:
            raise Cancelled

    threads = set(threading.enumerate())
    with pytest.raises(Cancelled):
        image_source(samples, towers, options, setup(tmp_path / "parts", None, stop))
    assert set(threading.enumerate()) <= threads  # what decodes has ended
    parts = image_source(samples, towers, options, setup(tmp_path / "parts"))
    numbers = list(range(150))
    assert torch.equal(whole.batch(numbers), parts.batch(numbers))
    assert whole.skipped == parts.skipped


def test_nothing_is_decoded_or_traced_where_all_is_there(towers, samples, tmp_path, monkeypatch):
    image_source(samples, towers, FROZEN, setup(tmp_path / "cache"))

    def never(*_):
        raise AssertionError("computed again")

    monkeypatch.setattr(sources, "FrozenImages", never)
    image_source(samples, towers, FROZEN, setup(tmp_path / "cache"))


def test_without_onnx_it_is_torch(towers, monkeypatch):
    from c4t_core.errors import MissingExtraError

    def missing(*_):
        raise MissingExtraError("Writing models for ONNX Runtime", "train")

    monkeypatch.setattr(sources, "trace_image_encoder", missing)
    pixels = np.zeros((2, 64, 64, 3), np.uint8)
    found = sources.FrozenImages(towers.model, CPU, 1000).encode_pixels(pixels)
    assert found.shape == (2, towers.model.image_encoder.width)


def test_images_that_are_not_kept_are_only_checked(towers, samples, tmp_path, monkeypatch):
    freeze(towers.model, "none")
    free = iter([1 << 20, 1 << 40])  # too little for pixels, enough for their states
    usage = namedtuple("Usage", "free")
    monkeypatch.setattr(sources.shutil, "disk_usage", lambda _: usage(next(free)))
    options = TrainingOptions(freeze="none")
    source = image_source(samples, towers, options, setup(tmp_path / "cache"))
    assert sorted(source.skipped) == [0, 63, 149]
    assert list((tmp_path / "cache").glob("checked-*"))
    assert source.batch([1, 2]).shape == (2, 64, 64, 3)


# --- texts that come with the application ------------------------------------------------------


@pytest.fixture
def asked(towers, tiny_model_folder, monkeypatch):
    """Give a function: texts -> their features by a fresh run, and how many were computed."""
    tokenizer = (tiny_model_folder / "tokenizer.json").read_bytes()
    seen = []
    encode = towers.text_features
    monkeypatch.setattr(
        towers, "text_features", lambda batch: seen.append(len(batch.data)) or encode(batch)
    )

    def ask(folder: Path, texts: tuple[str, ...], keep: bool = True) -> tuple[dict, int]:
        seen.clear()
        sample = Sample(Path(), "", texts, None)
        captions = sources.caption_source([sample], towers, tokenizer, setup(folder), keep=keep)
        rows = {text: captions.features[captions.positions[text]].numpy() for text in texts}
        return rows, sum(seen)

    return ask


def test_features_of_fixed_texts_are_computed_once(asked, data_dir, tmp_path, towers):
    road = ("a wet road at night", "a car")
    first, computed = asked(tmp_path / "1", road)
    assert computed == 2
    more, computed = asked(tmp_path / "2", (*road, "snow"))
    assert computed == 1  # the new one
    assert all(np.array_equal(first[text], more[text]) for text in road)
    again, computed = asked(tmp_path / "3", ("snow", "a car"))
    assert computed == 0
    assert np.array_equal(again["snow"], more["snow"])
    plain, computed = asked(tmp_path / "4", (*road, "snow"), keep=False)
    assert computed == 3
    assert all(np.allclose(plain[text], more[text], atol=1e-6) for text in plain)

    with torch.no_grad():  # another encoder has features of its own
        next(towers.model.text_encoder.parameters()).normal_()
    other, computed = asked(tmp_path / "5", road)
    assert computed == 2
    assert not np.allclose(other["a car"], first["a car"], atol=1e-3)
    assert len(list((data_dir / "cache" / "texts").iterdir())) == 2


def test_texts_of_the_user_are_kept_nowhere_else(asked, data_dir, tmp_path):
    asked(tmp_path / "run", ("in front of my house",), keep=False)
    assert not (data_dir / "cache" / "texts").exists()


@pytest.mark.parametrize("harm", ["cut", "bit", "foreign", "folder"])
def test_damaged_features_of_texts_are_computed_again(asked, data_dir, tmp_path, harm):
    wanted, _ = asked(tmp_path / "1", ("a car", "snow"))
    (path,) = (data_dir / "cache" / "texts").iterdir()
    raw = bytearray(path.read_bytes())
    if harm == "cut":
        path.write_bytes(raw[:-20])
    elif harm == "bit":
        raw[-3] ^= 64
        path.write_bytes(raw)
    elif harm == "foreign":
        path.write_bytes(b"no such file")
    else:  # and what cannot be written costs time only
        path.unlink()
        path.mkdir()
    found, computed = asked(tmp_path / "2", ("a car", "snow"))
    assert computed == 2
    assert all(np.array_equal(found[text], wanted[text]) for text in wanted)
    if harm != "folder":
        assert asked(tmp_path / "3", ("a car", "snow"))[1] == 0


def test_the_features_of_few_encoders_are_kept(asked, data_dir, tmp_path, towers, monkeypatch):
    monkeypatch.setattr(sources, "KEPT_ENCODERS", 2)
    for run in range(4):
        with torch.no_grad():
            next(towers.model.text_encoder.parameters()).normal_()
        asked(tmp_path / str(run), ("a car",))
    assert len(list((data_dir / "cache" / "texts").iterdir())) == 2
    assert asked(tmp_path / "last", ("a car",))[1] == 0
