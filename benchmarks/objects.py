"""What a model believes is on the road, against labels: the object branch alone.

    python -m benchmarks.objects MODEL_FOLDER [--data FOLDER] [--part test] [--json FILE]

Per source and class that its images were searched for: average precision of the probability,
precision and recall at a half, and the mean error of the number that is shown; beside them the
same of a detector, whose opinions lie beside the images (``teacher.jsonl``), by its best score.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality import LEAST, options_of, precision
from c4t_core.devices import available_threads
from c4t_core.images.decode import open_image
from c4t_core.models.config import prepare
from c4t_core.models.folder import INT8_GRAPH, read_config
from c4t_core.models.graphs.sessions import onnx_session
from scripts.lite.data import BOXED, SEARCHED, Frame, read_frames

TEACHER = "nanodet-plus"
PROBABLE = 0.5  # from this probability, or score, on it counts as there
_AT_ONCE = 4


def facts_of(folder: Path, graph: str, frames: Sequence[Frame]) -> NDArray[np.float32]:
    """Return the facts of frames, float32 (n, classes, facts); see ``ObjectBranch.facts``."""
    preprocess = read_config(folder).preprocess
    session = onnx_session(folder / graph, available_threads())
    parts = []
    for start in range(0, len(frames), _AT_ONCE):
        some = frames[start : start + _AT_ONCE]
        images = [open_image(frame.path, min(preprocess.shape)) for frame in some]
        pixels = np.stack([prepare(image, preprocess) for image in images])
        parts.append(session.run(["objects"], {"pixels": pixels})[0])
    return np.concatenate(parts)


def measured(
    classes: Sequence[str], frames: Sequence[Frame], found: NDArray[np.float32]
) -> Iterator[dict[str, Any]]:
    """Yield the figures of each source and class with enough positives.

    Args:
        classes: of the model.
        frames: n frames.
        found: float32 (n, classes, facts).
    """
    for source in SEARCHED:
        rows = np.array([i for i, frame in enumerate(frames) if frame.source == source], np.intp)
        for label in (*SEARCHED[source], *BOXED.get(source, ())):
            counts = np.array([sum(b.label == label for b in frames[i].boxes) for i in rows])
            there = counts > 0
            if there.sum() < LEAST or label not in classes:
                continue
            believed = found[rows, classes.index(label)]
            shown = np.where(believed[:, 0] >= PROBABLE, np.maximum(np.rint(believed[:, 1]), 1), 0)
            guesses = [_scores(frames[i], label) for i in rows]
            best = np.array([max(scores, default=0.0) for scores in guesses], np.float32)
            boxes = np.array([sum(score >= PROBABLE for score in scores) for scores in guesses])
            yield {
                "source": source,
                "class": label,
                "positives": int(there.sum()),
                "images": len(rows),
                # where not every such object has a box, a number says nothing
                "counted": label in SEARCHED[source],
                "model": _figures(counts, believed[:, 0], shown),
                "teacher": _figures(counts, best, boxes),
            }


def _figures(
    counts: NDArray[Any], scores: NDArray[np.float32], numbers: NDArray[Any]
) -> dict[str, float | None]:
    """Return how well scores and numbers (n,) tell how many there are, (n,)."""
    there, said = counts > 0, numbers > 0
    return {
        "ap": precision(there, scores)[0],
        "precision": float(there[said].mean()) if said.any() else None,
        "recall": float(said[there].mean()),
        "count_error": float(np.abs(numbers - counts).mean()),
    }


def _scores(frame: Frame, label: str) -> list[float]:
    return [box.score for box in frame.guesses if (box.label, box.by) == (label, TEACHER)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table."""
    parser = options_of(__doc__)
    parser.add_argument("folder", type=Path, help="a model whose image tower sees objects")
    parser.add_argument("--graph", default=INT8_GRAPH, help="file name of the image graph")
    options = parser.parse_args(arguments)
    objects = read_config(options.folder).image.objects
    if objects is None:
        parser.error(f'the model "{options.folder}" sees no objects')
    frames = [
        frame
        for frame in read_frames(options.data)
        if frame.part == options.part and frame.source in SEARCHED
    ]
    rows = list(measured(objects.classes, frames, facts_of(options.folder, options.graph, frames)))
    for row in rows:
        texts = [f"{row['source']:9} {row['class']:17} {row['positives']:4} of {row['images']:4}"]
        for by, name in (("model", "AP"), ("teacher", f"{TEACHER} AP")):
            figures = {k: "-" if v is None else f"{v:.2f}" for k, v in row[by].items()}
            texts.append(
                f"{name} {figures['ap']}, precision {figures['precision']}, recall "
                f"{figures['recall']}"
                + (f", number off by {figures['count_error']}" if row["counted"] else "")
            )
        print("  ".join(texts))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
