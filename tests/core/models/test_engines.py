"""All engines: one answer, whatever else is in the batch; nothing heavy imported to search."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from c4t_core import devices
from c4t_core.errors import ModelError
from c4t_core.models.c4t import C4TFolder
from c4t_core.models.engine import OnnxModel, OpenVinoModel, TorchModel
from c4t_core.models.folder import IMAGE_GRAPH, write_manifest
from c4t_core.models.protocol import Model
from tests.helpers.tiny_model import TINY

TEXTS = [
    "a car",
    "truck in snow",
    "two pedestrians near a crossing at night, and a tram far ahead",
    "",
    "xylophone 12 ???",
    "rain " * 100,
    "Straße 汽车 \N{AUTOMOBILE}",
]


def images(count: int = 7) -> list[Image.Image]:
    rng = np.random.default_rng(3)
    out = []
    for i in range(count):
        shape = (20 + 17 * i, 130 - 3 * i, 3)
        base = rng.integers(0, 200, (1, 1, 3))
        out.append(Image.fromarray((base + rng.integers(0, 55, shape)).astype(np.uint8)))
    return out


@pytest.fixture(scope="module")
def torch_model(tiny_model_folder: Path) -> TorchModel:
    return TorchModel(C4TFolder(tiny_model_folder, "tiny"), "cpu")


@pytest.fixture(scope="module")
def openvino_model(tiny_model_folder: Path) -> OpenVinoModel:
    return OpenVinoModel(C4TFolder(tiny_model_folder, "tiny"), threads=2)


@pytest.fixture(params=["onnx", "openvino", "torch"])
def model(request: pytest.FixtureRequest, tiny_model, openvino_model, torch_model) -> Model:
    return {"onnx": tiny_model, "openvino": openvino_model, "torch": torch_model}[request.param]


@pytest.fixture
def folder(tiny_model_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model_folder, tmp_path / "model"))


def cosine_distance(a: np.ndarray, b: np.ndarray) -> float:
    return float((1 - (a * b).sum(axis=1)).max())


def test_it_is_the_protocol(model):
    assert isinstance(model, Model)
    assert (model.dim, model.min_side) == (TINY.projection, TINY.preprocess.size)


def test_rows_are_unit_float32(model):
    for rows, count in ((model.encode_images(images()), 7), (model.encode_texts(TEXTS), 7)):
        assert rows.shape == (count, model.dim)
        assert rows.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_none_give_no_rows(model):
    empty = np.empty((0, 64, 64, 3), np.uint8)
    for rows in (model.encode_images([]), model.encode_texts([]), model.encode_pixels(empty)):
        assert rows.shape == (0, model.dim)
        assert rows.dtype == np.float32


def test_openvino_and_onnx_runtime_agree(tiny_model, openvino_model):
    assert tiny_model.fingerprint == openvino_model.fingerprint
    a, b = tiny_model.encode_images(images()), openvino_model.encode_images(images())
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_both_engines_agree(tiny_model, torch_model):
    assert tiny_model.fingerprint == torch_model.fingerprint
    a, b = tiny_model.encode_images(images()), torch_model.encode_images(images())
    assert cosine_distance(a, b) < 1e-3
    a, b = tiny_model.encode_texts(TEXTS), torch_model.encode_texts(TEXTS)
    assert cosine_distance(a, b) < 1e-3
    assert np.abs(a @ a.T).min() < 0.9  # and not because all rows are one


def test_a_model_that_rested_gives_the_same(tiny_model, openvino_model):
    for model in (tiny_model, openvino_model):
        rows, texts = model.encode_images(images()), model.encode_texts(TEXTS)
        assert model._sessions
        model.rest()
        assert not model._sessions
        assert np.array_equal(model.encode_images(images()), rows)
        assert np.allclose(model.encode_texts(TEXTS), texts, atol=1e-6)


def test_an_image_does_not_depend_on_its_batch(model):
    pixels = np.stack([model.prepare(image) for image in images(40)])
    whole = model.encode_pixels(pixels)
    order = np.random.default_rng(1).permutation(40)
    np.testing.assert_allclose(model.encode_pixels(pixels[order]), whole[order], atol=1e-5)
    for i in (0, 17, 39):
        np.testing.assert_allclose(model.encode_pixels(pixels[i : i + 1])[0], whole[i], atol=1e-5)
    np.testing.assert_allclose(model.encode_images(images(40)), whole, atol=1e-5)


def test_a_text_does_not_depend_on_its_batch_or_padding(model):
    whole = model.encode_texts(TEXTS)
    for i, text in enumerate(TEXTS):
        np.testing.assert_allclose(model.encode_texts([text])[0], whole[i], atol=1e-5)
    order = np.random.default_rng(1).permutation(len(TEXTS))
    shuffled = model.encode_texts([TEXTS[i] for i in order])
    np.testing.assert_allclose(shuffled, whole[order], atol=1e-5)
    many = model.encode_texts([*TEXTS, *(f"car {i}" for i in range(150))])
    np.testing.assert_allclose(many[: len(TEXTS)], whole, atol=1e-5)


def test_words_decide_and_letters_case_does_not(model):
    rows = model.encode_texts(["a red car", "A Red CAR", "a blue car", "a\udcffb"])
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-6)
    assert np.abs(rows[0] - rows[2]).max() > 1e-3


def test_long_texts_are_cut(model):
    words = "snow " * TINY.text.max_length
    np.testing.assert_allclose(*model.encode_texts([words, words + "truck"]), atol=1e-5)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 64, 65, 3), np.uint8),
        np.zeros((64, 64, 3), np.uint8),
        np.zeros((1, 3, 64, 64), np.uint8),
        np.zeros((1, 64, 64, 3), np.float32),
    ],
)
def test_pixels_of_another_kind_are_refused(model, pixels):
    with pytest.raises(ValueError, match="pixels are"):
        model.encode_pixels(pixels)


def test_pixels_need_not_be_contiguous(model):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    np.testing.assert_allclose(
        model.encode_pixels(pixels[::2]), model.encode_pixels(pixels)[::2], atol=1e-5
    )


def test_threads_may_share_a_model(tiny_model_folder):
    model = OnnxModel(C4TFolder(tiny_model_folder, "tiny"), threads=1)
    results: dict[int, np.ndarray] = {}

    def work(number: int) -> None:
        results[number] = np.vstack([model.encode_texts(TEXTS), model.encode_images(images())])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(4):
        np.testing.assert_allclose(results[i], results[0], atol=1e-6)


def test_a_model_without_graphs_says_so(folder):
    (folder / "image.onnx").unlink()
    write_manifest(folder)
    model = OnnxModel(C4TFolder(folder, "m"))
    assert model.encode_texts(["a car"]).shape == (1, model.dim)
    with pytest.raises(ModelError, match=r"without image.onnx"):
        model.encode_images(images(1))


def test_a_graph_that_is_not_in_the_manifest_is_not_opened(folder):
    graph = (folder / "image.onnx").read_bytes()
    (folder / "image.onnx").unlink()
    write_manifest(folder)
    (folder / "image.onnx").write_bytes(graph)
    with pytest.raises(ModelError, match="without image.onnx"):
        OnnxModel(C4TFolder(folder, "m")).encode_images(images(1))


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x08\x07"])
def test_a_graph_that_is_no_graph_is_a_sentence(folder, content):
    (folder / "text.onnx").write_bytes(content)
    write_manifest(folder)
    with pytest.raises(ModelError, match=r"text.onnx .* copy"):
        OnnxModel(C4TFolder(folder, "m")).encode_texts(["a car"])


def test_the_graph_of_another_model_is_a_sentence(folder):
    shutil.copy(folder / "image.onnx", folder / "text.onnx")
    write_manifest(folder)
    with pytest.raises(ModelError, match=r"text.onnx .* copy"):
        OnnxModel(C4TFolder(folder, "m")).encode_texts(["a car"])


@pytest.mark.parametrize("engine", [OnnxModel, TorchModel])
def test_changed_weights_are_refused_before_anything_runs(folder, engine):
    with (folder / "image.safetensors").open("r+b") as stream:
        stream.seek(-1, os.SEEK_END)
        stream.write(b"\x7f")
    with pytest.raises(ModelError, match=r"image.safetensors .* damaged"):
        engine(C4TFolder(folder, "m"))


def test_weights_that_do_not_fit_the_configuration_are_a_sentence(folder):
    text = (folder / "config.json").read_text().replace('"projection": 32', '"projection": 16')
    (folder / "config.json").write_text(text)
    write_manifest(folder)
    with pytest.raises(ModelError, match="do not fit its config.json"):
        TorchModel(C4TFolder(folder, "m"), "cpu")
    with pytest.raises(ModelError, match=r"does not fit its config.json"):
        OnnxModel(C4TFolder(folder, "m")).encode_texts(["a car"])


@pytest.mark.parametrize("content", ["{}", "nothing", '{"model": {"type": "WordPiece"}}'])
def test_a_broken_tokenizer_is_a_sentence(folder, content):
    (folder / "tokenizer.json").write_text(content)
    write_manifest(folder)
    with pytest.raises(ModelError, match=r"tokenizer.json .* cannot be read"):
        OnnxModel(C4TFolder(folder, "m")).encode_texts(["a car"])


def test_a_tokenizer_with_more_words_than_the_model_is_refused(folder):
    tokenizer = (folder / "tokenizer.json").read_text()
    more = ", ".join(f'"word{i}": {i}' for i in range(150, 400))
    (folder / "tokenizer.json").write_text(tokenizer.replace('"vocab":{', f'"vocab":{{{more},'))
    write_manifest(folder)
    with pytest.raises(ModelError, match="tokenizer"):
        OnnxModel(C4TFolder(folder, "m")).encode_texts(["word399"])


def test_a_device_that_is_not_there_is_named(tiny_model_folder):
    with pytest.raises(ModelError, match='"tpu" is not available'):
        TorchModel(C4TFolder(tiny_model_folder, "m"), "tpu")


def test_indexing_and_searching_import_nothing_heavy(tiny_model_folder):
    code = """
import sys
import c4t_core.models.registry
heavy = {"torch", "transformers", "timm", "open_clip", "onnx", "onnxruntime", "tokenizers"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
c4t_core.models.registry.list_models()
model = c4t_core.models.registry.load_model(sys.argv[1])
assert not heavy & set(sys.modules), heavy & set(sys.modules)
from PIL import Image
model.encode_texts(["a car"]), model.encode_images([Image.new("RGB", (80, 60))])
assert heavy & set(sys.modules) == {"onnxruntime", "tokenizers"}, heavy & set(sys.modules)
"""
    subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(tiny_model_folder)],
        check=True,
        timeout=60,
    )


def test_both_engines_agree_on_the_shipped_model(shipped_model):
    onnx_model, torch_model = (
        OnnxModel(C4TFolder(shipped_model, "c4t")),
        TorchModel(C4TFolder(shipped_model, "c4t"), "cpu"),
    )
    texts = ["a truck in the snow", "night", "an empty country road with trees on both sides"]
    a, b = onnx_model.encode_texts(texts), torch_model.encode_texts(texts)
    assert cosine_distance(a, b) < 1e-3
    np.testing.assert_allclose(onnx_model.encode_texts(texts[:1])[0], a[0], atol=1e-5)
    a, b = onnx_model.encode_images(images(3)), torch_model.encode_images(images(3))
    assert cosine_distance(a, b) < 1e-3
    np.testing.assert_allclose(onnx_model.encode_images(images(3)[1:2])[0], a[1], atol=1e-5)
    np.testing.assert_allclose(torch_model.encode_images(images(3)[1:2])[0], b[1], atol=1e-5)


def test_the_shipped_model_is_small_enough(shipped_model):
    assert sum(path.stat().st_size for path in shipped_model.iterdir()) <= 64_000_000


def test_a_gpu_gets_page_locked_copies_that_nobody_waits_for(torch_model, monkeypatch):
    torch = pytest.importorskip("torch")
    calls = []
    real = torch.Tensor.to

    def locked(self):
        calls.append("locked")
        return self

    def to(self, device, **how):
        calls.append((device, how))
        return real(self, "cpu")

    pixels = np.stack([torch_model.prepare(image) for image in images(3)])
    wanted = torch_model.encode_pixels(pixels)
    monkeypatch.setattr(torch.Tensor, "pin_memory", locked)
    monkeypatch.setattr(torch.Tensor, "to", to)
    assert devices.to_device(pixels, "cpu").dtype == torch.uint8
    assert calls == [("cpu", {})]  # locking needs a GPU's driver
    calls.clear()
    moved = devices.to_device(pixels, "cuda:0")
    assert calls == ["locked", ("cuda:0", {"non_blocking": True})]
    monkeypatch.undo()
    assert np.array_equal(torch_model.encode_pixels(moved.numpy()), wanted)


def test_pixels_that_may_not_be_written_are_taken(torch_model):
    pixels = np.stack([torch_model.prepare(image) for image in images(2)])
    pixels.flags.writeable = False
    assert torch_model.encode_pixels(pixels).shape == (2, torch_model.dim)


class Request:
    """An infer request of OpenVINO that may fail."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.runs = False

    def start_async(self, inputs: object) -> None:
        self.runs = True

    def wait(self) -> None:
        self.runs = False
        if self.error is not None:
            raise self.error


def test_where_one_request_fails_none_runs_on(tiny_model_folder):
    model = OpenVinoModel(C4TFolder(tiny_model_folder, "tiny"), threads=3)
    requests = [Request(RuntimeError("no")), Request(), Request(RuntimeError("neither"))]
    model._sessions[IMAGE_GRAPH] = requests
    pixels = np.zeros((3 * model.image_batch, 64, 64, 3), np.uint8)
    with pytest.raises(ModelError, match=r"cannot be run \(no\)"):
        model.encode_pixels(pixels)
    assert [request.runs for request in requests] == [False] * 3


@pytest.mark.parametrize("text", ["std::bad_alloc", "Failed to allocate memory for 512 bytes"])
@pytest.mark.parametrize("engine", [OnnxModel, OpenVinoModel])
def test_too_little_memory_is_no_broken_graph(tiny_model_folder, engine, text):
    class Session(Request):
        def get_inputs(self) -> list[object]:
            raise RuntimeError(text)

    model = engine(C4TFolder(tiny_model_folder, "tiny"), threads=1)
    session = Session(RuntimeError(text))
    model._sessions[IMAGE_GRAPH] = session if engine is OnnxModel else [session]
    with pytest.raises(ModelError, match="not enough memory") as caught:
        model.encode_pixels(np.zeros((1, 64, 64, 3), np.uint8))
    assert devices.out_of_memory(caught.value)  # so that indexing tries fewer at a time


def test_every_stream_of_openvino_has_its_part_of_a_batch(tiny_model_folder, monkeypatch):
    model = OpenVinoModel(C4TFolder(tiny_model_folder, "tiny"), threads=3)
    model.image_batch = 16  # as a CLIP takes: one run would leave two streams idle
    model.folder.fixed_batch = 0
    run_all, sizes = OpenVinoModel._run_all, []

    def noting(self, graph, batches):
        sizes.append([len(batch) for batch in batches])
        return run_all(self, graph, batches)

    monkeypatch.setattr(OpenVinoModel, "_run_all", noting)
    pixels = np.random.default_rng(0).integers(0, 256, (14, 64, 64, 3), dtype=np.uint8)
    rows = model.encode_pixels(pixels)
    assert sizes == [[5, 5, 4]]
    np.testing.assert_allclose(rows[7:8], model.encode_pixels(pixels[7:8]), atol=1e-5)
    assert sizes[1:] == [[1]]
    assert model.encode_pixels(pixels[:0]).shape == (0, model.dim)
