"""One measurement in a process of its own: prints one line of JSON.

python -m benchmarks.speed.worker c4t|clip|window|window-search FOLDER [QUERY]
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import peak_megabytes

SUFFIXES = (".jpg", ".jpeg", ".png")


def measure_c4t(folder: Path) -> dict[str, Any]:
    """Time what ``c4t index`` does, from the scan to the last commit, on a fresh catalogue."""
    from c4t_core import load_model, open_workspace

    model = load_model("c4t")
    with tempfile.TemporaryDirectory() as data:
        os.environ["C4T_DATA_DIR"] = data
        from PIL import Image

        model.encode_images([Image.new("RGB", (64, 64))])  # the network is loaded
        with open_workspace(folder, model=model) as workspace:
            started = time.perf_counter()
            report = workspace.index()
            seconds = time.perf_counter() - started
    return {"images": report.embedded, "seconds": seconds, "peak_mb": peak_megabytes()}


def measure_clip(folder: Path) -> dict[str, Any]:
    """Time the loop that most people write around open_clip; random weights cost the same."""
    import open_clip
    import torch
    from PIL import Image

    model, _, preprocess = open_clip.create_model_and_transforms("ViT-B-32", pretrained=None)
    model.eval()
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    with torch.no_grad():
        model.encode_image(torch.zeros(8, 3, 224, 224))  # warm
        started = time.perf_counter()
        rows = []
        for start in range(0, len(paths), 8):
            batch = [preprocess(Image.open(p).convert("RGB")) for p in paths[start : start + 8]]
            rows.append(model.encode_image(torch.stack(batch)))
        torch.nn.functional.normalize(torch.cat(rows), dim=1).numpy()
        seconds = time.perf_counter() - started
    return {"images": len(paths), "seconds": seconds, "peak_mb": peak_megabytes()}


def measure_window(folder: Path | None, query: str | None) -> dict[str, Any]:
    """Open the window, note when it is painted, type a query, note when hits are shown.

    Times are seconds since this process was started, as the operating system says.
    """
    from PySide6.QtCore import QEventLoop
    from PySide6.QtWidgets import QAbstractItemView, QLineEdit

    from c4t_desktop.app import create_application

    words = ["c4t-desktop", *([str(folder)] if folder else [])]
    application, window = create_application(words)
    application.processEvents()
    result: dict[str, Any] = {"window_s": since_start()}
    if query is not None:
        field = window.findChild(QLineEdit, "searchField")
        field.setText(query)
        deadline = time.monotonic() + 60
        shown = 0
        while time.monotonic() < deadline and shown == 0:
            application.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            view = window.findChild(QAbstractItemView, "resultsView")
            shown = view.model().rowCount() if view is not None else 0
        result |= {"hits_s": since_start() if shown else None, "hits": shown}
    result["peak_mb"] = peak_megabytes()
    window.close()
    application.processEvents()
    return result


def since_start() -> float:
    """Return the seconds since the parent started this process."""
    return time.time() - float(os.environ["C4T_BENCH_STARTED"])


def main() -> None:
    """Measure one thing."""
    what, *rest = sys.argv[1:]
    folder = Path(rest[0]) if rest else None
    if what in ("c4t", "clip"):
        if folder is None:
            sys.exit("a folder is needed")
        result = measure_c4t(folder) if what == "c4t" else measure_clip(folder)
    else:
        result = measure_window(folder, rest[1] if len(rest) > 1 else None)
    print(json.dumps(result), flush=True)
    sys.stdout.flush()
    os._exit(0)  # the measurement is over; tearing down is not part of it


if __name__ == "__main__":
    main()
