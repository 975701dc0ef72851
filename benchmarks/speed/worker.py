"""One measurement in a process of its own: prints one line of JSON.

python -m benchmarks.speed.worker c4t|clip|pure|network|window|bare|make-clip FOLDER [MORE]
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import idle_seconds, peak_megabytes

SUFFIXES = (".jpg", ".jpeg", ".png")
OWN_CLIP = "clip:bench"  # random weights, which cost as much as others
ARCHITECTURE = "ViT-B-32"
_PURE = 48  # images of which decoding and encoding are timed apart
_ROUNDS = 5  # of each network, in turns


def pictures(folder: Path) -> list[Path]:
    """Return the images of a folder."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)


def measure_c4t(folder: Path, name: str) -> dict[str, Any]:
    """Time what ``c4t index`` does, from the scan to the last commit, on a fresh catalogue."""
    from PIL import Image

    from c4t_core import load_model, open_workspace

    model = load_model(name)
    model.encode_images([Image.new("RGB", (64, 64))])  # the network is loaded
    with tempfile.TemporaryDirectory() as data:
        os.environ["C4T_DATA_DIR"] = data
        with open_workspace(folder, model=model) as workspace, clocks() as spent:
            report = workspace.index()
    return {"images": report.embedded, **spent, "peak_mb": peak_megabytes()}


@contextmanager
def clocks() -> Iterator[dict[str, float]]:
    """Tell, at the end, the seconds that passed, CPU seconds used, and those that nobody used."""
    spent: dict[str, float] = {}
    idle, started, cpu = idle_seconds(), time.perf_counter(), time.process_time()
    yield spent
    spent["seconds"] = time.perf_counter() - started
    spent["cpu_s"] = time.process_time() - cpu
    spent["idle_s"] = idle_seconds() - idle


def measure_pure(folder: Path, name: str) -> dict[str, Any]:
    """Time decoding and encoding by themselves: CPU seconds an image, least of a few rounds."""
    from c4t_core import load_model
    from c4t_core.images.decode import open_image
    from c4t_core.index.embed import BATCH_SIZE

    model = load_model(name)
    paths = pictures(folder)[:_PURE]

    def decode() -> list[np.ndarray]:
        return [model.prepare(open_image(path, model.min_side)) for path in paths]

    pixels = np.stack(decode())
    model.encode_pixels(pixels[:BATCH_SIZE])

    def encode() -> None:
        for start in range(0, len(pixels), BATCH_SIZE):
            model.encode_pixels(pixels[start : start + BATCH_SIZE])

    return {"decode_s": cpu(decode, 3) / len(paths), "encode_s": cpu(encode, 3) / len(paths)}


def cpu(call: Callable[[], Any], rounds: int = 1) -> float:
    """Return the CPU seconds that a call takes, all threads together; the mean of some rounds."""
    started = time.process_time()
    for _ in range(rounds):
        call()
    return (time.process_time() - started) / rounds


def measure_network(folder: Path) -> dict[str, Any]:
    """Time the shipped image network, and its plain fp32 graph in ONNX Runtime, in turns."""
    import onnxruntime

    from c4t_core import load_model
    from c4t_core.devices import available_threads
    from c4t_core.images.decode import open_image
    from c4t_core.index.embed import BATCH_SIZE
    from c4t_core.models.registry import shipped_folder

    model = load_model("c4t")
    paths = pictures(folder)[:BATCH_SIZE]
    pixels = np.stack([model.prepare(open_image(path, model.min_side)) for path in paths])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = available_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    plain = onnxruntime.InferenceSession(
        str(shipped_folder() / "image.onnx"), options, providers=["CPUExecutionProvider"]
    )
    entry = plain.get_inputs()[0].name
    fp32 = plain.run(None, {entry: pixels})[0]
    cosines = np.einsum("ij,ij->i", fp32, model.encode_pixels(pixels))
    ours, others = [], []
    for _ in range(_ROUNDS):
        others.append(cpu(lambda: plain.run(None, {entry: pixels})))
        ours.append(cpu(lambda: model.encode_pixels(pixels)))
    return {
        "network_ms": 1000 * min(ours) / len(pixels),
        "fp32_ms": 1000 * min(others) / len(pixels),
        "share": min(ours) / min(others),
        "cosine_mean": float(cosines.mean()),
        "cosine_worst": float(cosines.min()),
    }


def make_clip(folder: Path) -> dict[str, Any]:
    """Bring a CLIP of random weights into this data folder, as a user adds a checkpoint."""
    import open_clip
    from safetensors.torch import save_file

    from c4t_core import load_model
    from c4t_core.models.clip import add_checkpoint

    network = open_clip.create_model(ARCHITECTURE, pretrained=None)
    file = folder / "random.safetensors"
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, file)
    name = add_checkpoint(file, OWN_CLIP, ARCHITECTURE)
    file.unlink()
    load_model(name)  # makes its graphs
    return {"name": name}


def measure_clip(folder: Path) -> dict[str, Any]:
    """Time the loop that most people write around open_clip; random weights cost the same."""
    import open_clip
    import torch
    from PIL import Image

    model, _, preprocess = open_clip.create_model_and_transforms("ViT-B-32", pretrained=None)
    model.eval()
    paths = pictures(folder)
    with torch.no_grad():
        model.encode_image(torch.zeros(8, 3, 224, 224))  # warm
        with clocks() as spent:
            rows = []
            for start in range(0, len(paths), 8):
                batch = [preprocess(Image.open(p).convert("RGB")) for p in paths[start : start + 8]]
                rows.append(model.encode_image(torch.stack(batch)))
            torch.nn.functional.normalize(torch.cat(rows), dim=1).numpy()
    return {"images": len(paths), **spent, "peak_mb": peak_megabytes()}


def measure_window(folder: Path | None, query: str | None) -> dict[str, Any]:
    """Open the window, note when it is painted, type a query, note when hits are shown.

    Times are seconds since this process was started, as the operating system says.
    """
    from PySide6.QtCore import QEventLoop, QTimer
    from PySide6.QtWidgets import QAbstractItemView, QLineEdit

    from c4t_desktop.app import create_application

    words = ["c4t-desktop", *([str(folder)] if folder else [])]
    application, window = create_application(words)
    application.processEvents()
    result: dict[str, Any] = {"window_s": since_start()}
    if query is not None:
        window.findChild(QLineEdit, "searchField").setText(query)
        view = window.findChild(QAbstractItemView, "resultsView")
        # The loop sleeps as that of the application does; one that asks without end would keep
        # Python's lock from the threads that find the hits.
        loop = QEventLoop()
        view.model().modelReset.connect(lambda: view.model().rowCount() and loop.quit())
        QTimer.singleShot(60_000, loop.quit)
        loop.exec()
        shown = view.model().rowCount()
        result |= {"hits_s": since_start() if shown else None, "hits": shown}
    result["peak_mb"] = peak_megabytes()
    window.close()
    application.processEvents()
    return result


def measure_bare() -> dict[str, Any]:
    """Open a window of Qt's own, with a list and a field, and note when it is painted."""
    from PySide6.QtWidgets import QApplication, QLineEdit, QListView, QMainWindow

    application = QApplication(sys.argv[:1])
    window = QMainWindow()
    window.setCentralWidget(QListView())
    window.setMenuWidget(QLineEdit())
    window.resize(1440, 860)
    window.show()
    application.processEvents()
    return {"window_s": since_start(), "peak_mb": peak_megabytes()}


def since_start() -> float:
    """Return the seconds since the parent started this process."""
    return time.time() - float(os.environ["C4T_BENCH_STARTED"])


def main() -> None:
    """Measure one thing."""
    what, *rest = sys.argv[1:]
    folder = Path(rest[0]) if rest else Path()
    more = rest[1] if len(rest) > 1 else None
    calls: dict[str, Callable[[], dict[str, Any]]] = {
        "c4t": lambda: measure_c4t(folder, more or "c4t"),
        "pure": lambda: measure_pure(folder, more or "c4t"),
        "clip": lambda: measure_clip(folder),
        "network": lambda: measure_network(folder),
        "make-clip": lambda: make_clip(folder),
        "window": lambda: measure_window(folder if rest else None, more),
        "bare": measure_bare,
    }
    print(json.dumps(calls[what]()), flush=True)
    sys.stdout.flush()
    os._exit(0)  # the measurement is over; tearing down is not part of it


if __name__ == "__main__":
    main()
