"""C4T against CLIP on the same images and queries, for whoever has CLIP's weights.

``python -m benchmarks.clip --weights FILE|NAME [--data FOLDER] [--part test] [--json FILE]``

FILE is an open_clip checkpoint (added to a folder that is deleted afterwards), NAME a model that
is here, such as ``clip`` or ``clip:pe-core-s``. Images, queries and figures are those of
``benchmarks.quality``; the interval is of the mean difference, the same queries drawn for both.
Time is what the CPU spends on an image, batches of the two models taken in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality import Embedded, embedded, measure, options_of, summary
from c4t_core.errors import C4TError
from c4t_core.evaluation.metrics import mean_intervals
from c4t_core.images.decode import open_image

FIGURES = ("ap", "p10")
BATCH, ROUNDS = 8, 5


@contextmanager
def named(weights: str, architecture: str | None) -> Iterator[str]:
    """Give the name of a model; a checkpoint file becomes one for as long as it is needed."""
    if not Path(weights).is_file():
        yield weights
        return
    from c4t_core.models.clip import add_checkpoint

    before = os.environ.get("C4T_DATA_DIR")
    with tempfile.TemporaryDirectory(prefix="c4t-clip-") as folder:
        os.environ["C4T_DATA_DIR"] = folder
        try:
            yield add_checkpoint(Path(weights), architecture=architecture)
        finally:
            del os.environ["C4T_DATA_DIR"]
            if before is not None:
                os.environ["C4T_DATA_DIR"] = before


def seconds(models: Sequence[Any], found: Embedded) -> list[float]:
    """Return the CPU seconds of an image for each model: the median over batches in turn."""
    spent: list[list[float]] = [[] for _ in models]
    for start in range(0, ROUNDS * BATCH, BATCH):
        frames = [found.frames[i % len(found.frames)] for i in range(start, start + BATCH)]
        for model, times in zip(models, spent, strict=True):
            images = [open_image(frame.path, model.min_side) for frame in frames]
            began = time.process_time()
            model.encode_images(images)
            times.append((time.process_time() - began) / BATCH)
    return [float(np.median(times)) for times in spent]


def compare(names: Sequence[str], data: Path, part: str) -> dict[str, Any]:
    """Measure two models on one part of the data: figures of each, and their difference."""
    import c4t_core

    models = [c4t_core.load_model(name) for name in names]
    both = [embedded(model, data, part) for model in models]
    rows = [measure(found.queries, found.images, found.texts) for found in both]
    ours, theirs = (np.array([[row[f] for f in FIGURES] for row in table]) for table in rows)
    gained = ours - theirs
    return {
        "part": part,
        "images": len(both[0].frames),
        "queries": len(gained),
        "models": {
            model.name: {"summary": summary(table), "seconds": cost, "queries": table}
            for model, table, cost in zip(models, rows, seconds(models, both[0]), strict=True)
        },
        "difference": {
            figure: {"mean": float(mean), "low": float(low), "high": float(high)}
            for figure, mean, (low, high) in zip(
                FIGURES, gained.mean(axis=0), mean_intervals(gained), strict=True
            )
        },
    }


def table(result: dict[str, Any]) -> str:
    """Return a comparison as a table in Markdown."""
    lines = [
        f"{result['queries']} queries, {result['images']} images of the {result['part']} part",
        "",
        "| model | mAP | P@10 | chance | keywords | sentences | CPU time per image |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, about in result["models"].items():
        figures = [about["summary"][key] for key in ("map", "p10", "chance", "keyword", "sentence")]
        cells = [f"{figure:.3f}" for figure in figures]
        lines.append(f"| {name} | {' | '.join(cells)} | {about['seconds'] * 1000:.0f} ms |")
    first, second = result["models"]
    of = result["difference"]
    ap, p10 = (
        f"{of[f]['mean']:+.3f} ({of[f]['low']:+.3f} to {of[f]['high']:+.3f})" for f in FIGURES
    )
    lines.append(f"| {first} less {second} (95 %, paired) | {ap} | {p10} | | | | |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser: argparse.ArgumentParser = options_of(__doc__)
    parser.add_argument("--weights", default="clip", help="checkpoint file or model name (clip)")
    parser.add_argument("--architecture", help="open_clip architecture of a checkpoint file")
    parser.add_argument("--model", default="c4t", help="what is compared with it (c4t)")
    options = parser.parse_args(arguments)
    try:
        with named(options.weights, options.architecture) as name:
            result = compare([options.model, name], options.data, options.part)
    except C4TError as error:
        raise SystemExit(str(error)) from error
    print(table(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
