"""Where the processor's time goes while a folder is indexed.

    python -m benchmarks.profile_index FOLDER [--model c4t] [--limit 400]

CPU time, not wall time, so that other programs do not blur it: decoding threads, the model (its
own threads included), the catalogue, and all the rest (Python glue, scanning, hashing).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from c4t_core.images.scan import ExcludeRules, scan
from c4t_core.index import embed
from c4t_core.index.store.ledger import Ledger
from c4t_core.models.registry import load_model

SPENT: dict[str, float] = {}
_LOCK = threading.Lock()


def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*args: Any, **named: Any) -> Any:
        started = time.thread_time()
        try:
            return function(*args, **named)
        finally:
            with _LOCK:
                SPENT[name] = SPENT.get(name, 0.0) + time.thread_time() - started

    return wrapper


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="c4t")
    parser.add_argument("--limit", type=int, default=400, help="images at most")
    options = parser.parse_args()
    found = scan(str(options.folder), ExcludeRules())
    names = sorted(found.files)
    names = names[:: max(1, len(names) // options.limit)][: options.limit]
    model = load_model(options.model)
    with tempfile.TemporaryDirectory() as folder:
        links = Path(folder) / "images"
        for number, name in enumerate(names):
            target = links / f"{number % 5}" / f"{number:06d}{Path(os.fsdecode(name)).suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(options.folder.resolve() / os.fsdecode(name))
        os.environ["C4T_DATA_DIR"] = str(Path(folder) / "data")
        from c4t_core.workspace import open_workspace

        model.encode_images([])
        first = embed.open_image(next((links / "0").iterdir()))
        model.encode_pixels(model.prepare(first)[None])  # opens the network
        embed._prepare = timed("decode and resize", embed._prepare)
        # facts come with the vectors, or none do: both ways lead through one of these
        embed._encoded = timed("model, this thread", embed._encoded)
        Ledger.store = timed("catalogue", Ledger.store)  # type: ignore[method-assign]
        wall, cpu, main_cpu = time.perf_counter(), time.process_time(), time.thread_time()
        with open_workspace(links, model) as workspace:
            report = workspace.index()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        main_cpu = time.thread_time() - main_cpu
    decode, store = SPENT["decode and resize"], SPENT["catalogue"]
    own = SPENT["model, this thread"]
    rest = main_cpu - own - store
    shares = {
        "decode and resize": decode,
        "model": cpu - decode - store - rest,
        "catalogue": store,
        "the rest": rest,
    }
    print(f"{report.embedded} images, {wall:.1f} s wall, {cpu:.1f} s CPU")
    for name, seconds in shares.items():
        print(f"{name:18} {seconds:7.2f} s  {100 * seconds / cpu:5.1f} %")


if __name__ == "__main__":
    main()
