"""The text network is optimised once, kept, and the same for whoever asks when."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from c4t_core.errors import ModelError
from c4t_core.models.c4t import C4TFolder
from c4t_core.models.engine import OnnxModel, OpenVinoModel
from c4t_core.models.folder import TEXT_GRAPH, write_manifest
from c4t_core.models.graphs import sessions
from c4t_core.models.registry import load_model, open_ahead
from c4t_core.paths import cache_dir

TEXTS = ["a car", "two trucks in the snow at night, seen from far away", ""]


@pytest.fixture(autouse=True)
def none_kept(data_dir: Path) -> None:
    """Begin without what other tests keep."""
    (data_dir / "cache" / "networks").unlink(missing_ok=True)


def rows(folder: Path) -> np.ndarray:
    model = OnnxModel(C4TFolder(folder, "m"))
    return np.concatenate([model.encode_texts([text]) for text in TEXTS])


def kept() -> list[Path]:
    folder = cache_dir() / "networks"
    return sorted(folder.iterdir()) if folder.is_dir() else []


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """What ONNX Runtime opened, as the names of its files."""
    names: list[str] = []
    whole = onnxruntime.InferenceSession

    def noting(graph: str, *args: object, **more: object) -> object:
        names.append(Path(graph).name)
        return whole(graph, *args, **more)

    monkeypatch.setattr(onnxruntime, "InferenceSession", noting)
    return names


def test_the_first_answer_keeps_the_network_and_all_others_run_it(tiny_model_folder, opened):
    first = rows(tiny_model_folder)
    (place,) = kept()
    assert opened == ["text.onnx", "network.onnx"]
    np.testing.assert_array_equal(rows(tiny_model_folder), first)
    assert opened[2:] == ["network.onnx"]
    assert kept() == [place]


def test_numbers_are_those_of_the_file(tiny_model_folder):
    model = C4TFolder(tiny_model_folder, "m")
    session = sessions.onnx_session(model.graph(TEXT_GRAPH), 1, optimise=False)
    tokens = model.tokens()
    names = [node.name for node in session.get_inputs()]
    for text, row in zip(TEXTS, rows(tiny_model_folder), strict=True):
        inputs = dict(zip(names, tokens.pad(tokens.ids([text])), strict=True))
        np.testing.assert_allclose(session.run(["embeddings"], inputs)[0][0], row, atol=1e-6)


@pytest.mark.parametrize("file", ["network.onnx", "network.bin", "sums"])
@pytest.mark.parametrize("how", ["changed", "cut", "gone"])
def test_a_spoilt_one_is_made_anew(tiny_model_folder, opened, file, how):
    first = rows(tiny_model_folder)
    path = kept()[0] / file
    content = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        half = len(content) // 2
        path.write_bytes(content[:half] if how == "cut" else content[:half] + b"?" * 64)
    opened.clear()
    np.testing.assert_array_equal(rows(tiny_model_folder), first)
    assert opened == ["text.onnx", "network.onnx"]
    assert path.read_bytes() == content


def test_without_a_place_to_keep_it_the_answer_is_the_same(tiny_model_folder, opened):
    (cache_dir() / "networks").write_bytes(b"no folder")
    found = rows(tiny_model_folder)
    assert opened[-1] == "text.onnx"
    (cache_dir() / "networks").unlink()
    np.testing.assert_allclose(rows(tiny_model_folder), found, atol=1e-6)


def test_another_model_and_another_version_have_their_own(tiny_model_folder, tmp_path, monkeypatch):
    rows(tiny_model_folder)
    folder = Path(shutil.copytree(tiny_model_folder, tmp_path / "other"))
    rows(folder)
    assert len(kept()) == 1, "the same weights"
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(config + "\n")
    write_manifest(folder)
    rows(folder)
    assert len(kept()) == 1, "what no text hangs on"
    monkeypatch.setattr(onnxruntime, "__version__", "99.0")
    rows(folder)
    assert len(kept()) == 2


def test_of_many_the_oldest_go(tiny_model_folder, monkeypatch):
    rows(tiny_model_folder)
    size = sum(path.stat().st_size for path in kept()[0].iterdir())
    monkeypatch.setattr(sessions, "MOST", 6 * size + 1)
    for number in range(9):
        before = kept()
        monkeypatch.setattr(onnxruntime, "__version__", str(number))
        rows(tiny_model_folder)
        (newest,) = set(kept()) - set(before)
        os.utime(newest, (number, number))
    times = [int(path.stat().st_mtime) for path in kept()]
    assert sorted(times)[:-1] == list(range(4, 9)), "the very first is the newest by its time"
    monkeypatch.setattr(sessions, "MOST", 1)
    monkeypatch.setattr(onnxruntime, "__version__", "the last")
    rows(tiny_model_folder)
    assert len(kept()) == 1, "what is in use stays, whatever its size"


def test_it_may_be_opened_ahead(tiny_model_folder, opened):
    first = rows(tiny_model_folder)
    opened.clear()
    open_ahead(str(tiny_model_folder))
    open_ahead(str(tiny_model_folder))  # once is enough
    model = load_model(str(tiny_model_folder))
    np.testing.assert_array_equal(model.encode_texts(TEXTS[:1])[0], first[0])
    assert opened == ["network.onnx"]
    np.testing.assert_array_equal(rows(tiny_model_folder), first)
    assert opened == ["network.onnx"] * 2, "each model has its own"


def test_nothing_is_opened_ahead_of_what_is_not_there(tiny_model_folder, opened):
    open_ahead(str(tiny_model_folder))  # not kept yet
    open_ahead("c4t:nobody")
    assert opened == []


def test_a_spoilt_one_that_was_opened_ahead_is_made_anew(tiny_model_folder):
    first = rows(tiny_model_folder)
    (kept()[0] / "network.bin").write_bytes(b"nothing")
    open_ahead(str(tiny_model_folder))
    np.testing.assert_array_equal(rows(tiny_model_folder), first)


@pytest.fixture
def compiled(monkeypatch) -> list[str]:
    """What OpenVINO did: "compile" or "import"."""
    openvino = pytest.importorskip("openvino")
    done: list[str] = []
    for name in ("compile_model", "import_model"):
        whole = getattr(openvino.Core, name)

        def noting(core: object, *args: object, of: str = name, do: object = whole) -> object:
            done.append(of.partition("_")[0])
            return do(core, *args)

        monkeypatch.setattr(openvino.Core, name, noting)
    return done


def seen(folder: Path, count: int = 5) -> tuple[np.ndarray, np.ndarray]:
    pixels = np.random.default_rng(3).integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)
    return OpenVinoModel(C4TFolder(folder, "m", None), 2).encode_pixels_with_objects(pixels)


def test_the_image_network_is_compiled_once(tiny_model_folder, compiled):
    first = seen(tiny_model_folder)
    again = seen(tiny_model_folder)
    assert compiled == ["compile", "import"]
    np.testing.assert_array_equal(again[0], first[0])
    np.testing.assert_array_equal(again[1], first[1])
    (place,) = kept()
    blob = place / "network.blob"
    content = blob.read_bytes()
    blob.write_bytes(content[: len(content) // 2] + b"?" * (len(content) - len(content) // 2))
    np.testing.assert_array_equal(seen(tiny_model_folder)[0], first[0])
    assert compiled == ["compile", "import", "compile"]
    np.testing.assert_array_equal(seen(tiny_model_folder)[0], first[0])
    assert compiled[3:] == ["import"]


def test_an_image_has_the_same_numbers_in_a_batch_of_any_size(tiny_model_folder):
    rows, facts = seen(tiny_model_folder, 9)
    for count in range(9):
        some, some_facts = seen(tiny_model_folder, count)
        np.testing.assert_array_equal(some, rows[:count])
        np.testing.assert_array_equal(some_facts, facts[:count])


def test_a_refused_image_network_says_why(tiny_model_folder, tmp_path):
    folder = Path(shutil.copytree(tiny_model_folder, tmp_path / "bad"))
    (folder / "image.onnx").write_bytes(b"no graph")
    write_manifest(folder)
    with pytest.raises(ModelError, match=r"image\.onnx"):
        OpenVinoModel(C4TFolder(folder, "m")).encode_pixels(np.zeros((1, 64, 64, 3), np.uint8))


def test_two_processes_that_keep_it_at_once_both_answer(tiny_model_folder):
    code = (
        "import sys; from c4t_core.models.registry import load_model\n"
        "print(load_model(sys.argv[1]).encode_texts(['a car']).tobytes().hex())"
    )
    words = [sys.executable, "-c", code, str(tiny_model_folder)]
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate(timeout=120)[0] for process in both]
    found = [np.frombuffer(bytes.fromhex(answer), np.float32) for answer in answers]
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)
    assert len(kept()) == 1
    assert not [p for p in (cache_dir() / "networks").iterdir() if p.name.startswith(".")]
