"""Where the limit is with a GPU: the decoder, the copies, or the network.

``python -m benchmarks.gpu [--images FOLDER] [--model c4t] [--count 512] [--json FILE]``

Each stage alone, in images a second: decoding and resizing in all threads; the copies to the
device; the network on pixels that lie there; both from the host (``encode_pixels``); and the whole
stream that indexing runs. The slowest stage is the limit; ``of_limit`` is how much of it the stream
reaches. ``busy`` is the share of the time of ``encode_pixels`` in which the network runs, from the
device's own events. Batches are tried from 16 up, as memory allows. Without CUDA it says so and
measures the CPU. Without ``--images``, frames of 1280 x 720 are drawn and written as JPEG.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from c4t_core.devices import available_threads, to_device
from c4t_core.index.embed import Prepared, embed_stream, prepared_stream
from c4t_core.models.engine import TorchModel
from c4t_core.models.registry import load_model

BATCHES = (16, 32, 64, 128, 256, 512)
ENDINGS = (".jpg", ".jpeg", ".png")
DRAWN = (720, 1280, 3)  # height, width, channels


def drawn_images(folder: Path, count: int) -> list[Path]:
    """Write frames with some structure and return their paths."""
    rng = np.random.default_rng(0)
    rows = np.linspace(0, 255, DRAWN[0], dtype=np.float32)[:, None, None]
    paths = []
    for number in range(count):
        noise = rng.normal(0, 12, DRAWN) + rng.integers(-60, 60, (1, 1, 3))
        path = folder / f"{number:05d}.jpg"
        Image.fromarray((rows + noise).clip(0, 255).astype(np.uint8)).save(path, quality=90)
        paths.append(path)
    return paths


def decoded(paths: list[Path], model: TorchModel) -> tuple[np.ndarray[Any, Any], float]:
    """Return the pixels, uint8 (n, S, S, 3), and the images a second of decoding alone."""
    begun = time.perf_counter()
    with closing(prepared_stream(paths, model, ahead=64)) as stream:
        pixels = [item.pixels for item in stream if isinstance(item, Prepared)]
    return np.stack(pixels), len(paths) / (time.perf_counter() - begun)


def rate(run: Callable[[], object], images: int, device: str) -> float:
    """Return images a second of the best of three runs, waiting for the device."""
    seconds = []
    for _ in range(4):  # the first one warms up
        begun = time.perf_counter()
        run()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begun)
    return images / min(seconds[1:])


def stages(model: TorchModel, pixels: np.ndarray[Any, Any]) -> dict[str, float]:
    """Return images a second of copies, network and both, and how busy the device is."""
    device, count = model.device, len(pixels)
    on_device = to_device(pixels, device)
    network: Any = model.network

    def compute() -> None:
        with torch.inference_mode():
            network.encode_image(on_device)

    found = {
        "copy": rate(lambda: to_device(pixels, device), count, device),
        "network": rate(compute, count, device),
        "encode_pixels": rate(lambda: model.encode_pixels(pixels), count, device),
    }
    if device == "cuda":
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        first.record()
        compute()
        last.record()
        torch.cuda.synchronize()
        seconds = first.elapsed_time(last) / 1000  # it gives milliseconds
        found["busy"] = seconds * found["encode_pixels"] / count
    return found


def best_batch(model: TorchModel, pixels: np.ndarray[Any, Any]) -> dict[int, dict[str, float]]:
    """Return the stages of each batch that fits into memory."""
    found = {}
    for size in BATCHES if model.device == "cuda" else BATCHES[:1]:
        if size > len(pixels):
            break
        model.image_batch = size
        try:
            found[size] = {
                name: round(value, 2) for name, value in stages(model, pixels[:size]).items()
            }
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            break
    return found


def measure(model: TorchModel, paths: list[Path]) -> dict[str, Any]:
    """Return every stage, the limit and how much of it the stream reaches."""
    pixels, decoding = decoded(paths, model)
    by_batch = best_batch(model, pixels)
    size = max(by_batch, key=lambda size: by_batch[size]["encode_pixels"])
    model.image_batch = size
    begun = time.perf_counter()
    for _ in embed_stream(paths, model, batch_size=size):
        pass
    stream = len(paths) / (time.perf_counter() - begun)
    rates = {"decoding": decoding, "model": by_batch[size]["encode_pixels"]}
    limit = min(rates, key=lambda name: rates[name])
    return {
        "threads": available_threads(),
        "batches": by_batch,
        "best_batch": size,
        "decoding": round(decoding, 1),
        "stream": round(stream, 1),
        "limit": limit,
        "of_limit": round(stream / rates[limit], 3),
    }


def main() -> None:
    """Measure and print one object of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--model", default="c4t")
    parser.add_argument("--count", type=int, default=512)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        print("There is no CUDA device here; this measures the CPU.", flush=True)
    model = load_model(given.model, engine="torch", device=device)
    if not isinstance(model, TorchModel):
        raise SystemExit(f"{given.model} is not run by torch; choose a C4T or CLIP model.")
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    with tempfile.TemporaryDirectory() as scratch:
        if given.images is None:
            paths = drawn_images(Path(scratch), given.count)
        else:
            every = sorted(given.images.rglob("*"))
            paths = [p for p in every if p.suffix.lower() in ENDINGS][: given.count]
        result = {"device": name, "images": len(paths), **measure(model, paths)}
    print(json.dumps(result, indent=1))
    if given.json is not None:
        given.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
