"""What right and wrong marks teach: a user marks hits of some queries, heads learn from them.

``python -m benchmarks.marks [--data FOLDER] [--part test] [--seeds N] [--threads N] [--json FILE]``

The drives and duplicate groups of a part that the shipped model never learned from are parted in
two. In one half each query of :data:`MARKED` is asked by its keyword, and the first of the frames
that its labels answer are marked right or wrong as they say. The heads learn from the right marks
alone and from both, with the options of fine-tuning, its guard and its blend as they are. In the
other half the average precision of the same queries is measured, by the keyword that was marked and
by sentences that nobody taught, and that of all other queries, which shall not be forgotten; then
the halves change places. ``new`` are the new weights alone, ``kept`` those that the guard kept.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.quality import QUERIES, Asked, asked, measure, options_of
from c4t_core.datasets.pairs import PairsWriter
from c4t_core.devices import available_threads
from c4t_core.images.decode import open_image
from c4t_core.models.c4t import tokens_of
from c4t_core.models.folder import TOKENIZER
from c4t_core.models.network import DualEncoder
from c4t_core.progress import ignore
from c4t_core.training.data import load_data
from c4t_core.training.losses import Criterion
from c4t_core.training.request import FINE_TUNE_OPTIONS, TrainingRequest
from c4t_core.training.run import Run, build_start
from c4t_core.training.sources import FrozenImages
from c4t_core.training.towers import Captions, Towers
from scripts.lite.data import Frame, read_frames

HITS = 40  # of a query that are marked
MARKED = (
    *("fog", "rain", "gravel", "highway", "rainy"),
    *("unpaved", "bus photo", "two trucks", "person any", "traffic any"),
)
"""Names of queries in quality_queries.json: weather, roads, scenes, objects."""

_BATCH = 64

Rows = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Half:
    """One half of the frames: what is marked in it, or what is measured on it.

    Attributes:
        frames: n of them.
        features: float32 (n, width), what the image head is given of each.
        queries: about these frames.
    """

    frames: Sequence[Frame]
    features: Tensor
    queries: Sequence[Asked]


def half_of(group: str) -> int:
    """Return 0 or 1 for a drive or duplicate group, the same on every machine."""
    return hashlib.sha256(f"marks:{group}".encode()).digest()[0] % 2


def _features(model: DualEncoder, frames: Sequence[Frame]) -> Tensor:
    encoder = FrozenImages(model, torch.device("cpu"), len(frames))
    found = []
    for start in range(0, len(frames), _BATCH):
        part = frames[start : start + _BATCH]
        pixels = [encoder.prepare(open_image(frame.path, encoder.min_side)) for frame in part]
        found.append(encoder.encode_pixels(np.stack(pixels)))
    return torch.from_numpy(np.concatenate(found))


def _captions(towers: Towers, tokenizer: bytes, texts: Sequence[str]) -> Captions:
    captions = Captions(texts, tokens_of(towers.model.config, tokenizer))
    with torch.no_grad():
        captions.features = torch.cat(
            [
                towers.text_features(captions.tokens(range(start, min(start + _BATCH, len(texts)))))
                for start in range(0, len(texts), _BATCH)
            ]
        )
    return captions


def embedded(towers: Towers, half: Half, captions: Captions) -> tuple[Rows, dict[str, Rows]]:
    """Return float32 (n, d), unit rows, of the images, and text -> float32 (d,)."""
    towers.eval()
    texts = list(captions.positions)
    with torch.no_grad():
        images = towers.model.image_head(towers.image_features(half.features))
        said = towers.model.text_head(captions.batch(range(len(texts))).data)
    vectors: Rows = F.normalize(said.float(), dim=-1).numpy()
    return F.normalize(images.float(), dim=-1).numpy(), dict(zip(texts, vectors, strict=True))


def figures(towers: Towers, half: Half, captions: Captions) -> dict[str, float]:
    """Return mean average precisions: of the marked queries, and of all others."""
    rows = measure(half.queries, *embedded(towers, half, captions))
    marked = [row["ap_by_text"] for row in rows if row["name"] in MARKED]
    return {
        "keyword": float(np.mean([by_text[0] for by_text in marked])),
        "sentence": float(np.mean([np.mean(by_text[1:]) for by_text in marked])),
        "other": float(np.mean([row["ap"] for row in rows if row["name"] not in MARKED])),
    }


def write_marks(
    path: Path, root: Path, half: Half, found: tuple[Rows, Mapping[str, Rows]], *, wrong: bool
) -> dict[str, int]:
    """Write what a user would mark as pairs, with the wrong marks or without; count the marks."""
    images, texts = found
    counts = {"right": 0, "wrong": 0}
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = PairsWriter(out, shown=True)
        for query in (query for query in half.queries if query.name in MARKED):
            caption = query.texts[0]
            ranking = np.argsort(-(images[query.rows] @ texts[caption]), kind="stable")
            for place in ranking[:HITS].tolist():
                good, frame = bool(query.relevant[place]), half.frames[query.rows[place]]
                counts["right" if good else "wrong"] += 1
                if good or wrong:
                    name = frame.path.relative_to(root).as_posix()
                    writer.write(name, caption, frame.group, None, shown=good)
    return counts


def taught(pairs: Path, root: Path, seed: int, half: Half, captions: Captions) -> dict[str, Any]:
    """Train heads of the shipped model and measure them on a half that they know nothing of."""
    options = dataclasses.replace(FINE_TUNE_OPTIONS, seed=seed)
    output = pairs.with_suffix("")
    request = TrainingRequest(pairs, output, root, base="c4t", device="cpu", options=options)
    data = load_data(request)
    run = Run(request, data, ignore, lambda event: None)
    run.train()
    new = figures(run.towers, half, captions)
    guarded = run.guard()
    share = guarded.chosen.mix if guarded is not None else 1.0
    kept = figures(run.towers, half, captions)
    return {"wrong_used": data.wrong, "share": share, "new": new, "kept": kept}


def run(root: Path, part: str, seeds: int) -> list[dict[str, Any]]:
    """Return a row for each half that is marked, seed, and kind of marks; print them on the way."""
    start = build_start(TrainingRequest(root, root, base="c4t"))
    towers = Towers(start.model, Criterion(FINE_TUNE_OPTIONS.loss)).eval()
    queries = json.loads(QUERIES.read_text(encoding="utf-8"))["queries"]
    frames = [frame for frame in read_frames(root) if frame.part == part]
    parts = [[frame for frame in frames if half_of(frame.group) == side] for side in (0, 1)]
    halves = [Half(own, _features(start.model, own), asked(own, queries)) for own in parts]
    texts = dict.fromkeys(text for half in halves for query in half.queries for text in query.texts)
    captions = _captions(towers, start.tokenizer[TOKENIZER], list(texts))
    rows = []
    for side, seed in ((side, seed) for seed in range(42, 42 + seeds) for side in (0, 1)):
        marked, other = halves[side], halves[1 - side]
        before = figures(towers, other, captions)
        found = embedded(towers, marked, captions)
        for wrong in (False, True):
            with tempfile.TemporaryDirectory() as scratch:
                pairs = Path(scratch) / "marks.csv"
                counts = write_marks(pairs, root, marked, found, wrong=wrong)
                after = taught(pairs, root, seed, other, captions)
            rows.append({"half": side, "seed": seed, **counts, "before": before, **after})
            print(json.dumps(rows[-1]), flush=True)
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line of JSON a run, then what the wrong marks added in the mean of all."""
    parser = options_of(__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=available_threads())
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    rows = run(options.data, options.part, options.seeds)
    for weights in ("new", "kept"):
        for name in rows[0]["new"]:
            means = [
                [row["before"][name], right[weights][name], row[weights][name]]
                for right, row in zip(rows[::2], rows[1::2], strict=True)
            ]
            gains = [both - alone for _, alone, both in means]
            before, alone, both = np.mean(means, axis=0)
            print(
                f"{weights:4} {name:8} before {before:.3f}  right marks {alone:.3f}  both "
                f"{both:.3f}  ({min(gains):+.3f} to {max(gains):+.3f} by run)"
            )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
