"""How well a model finds labelled driving images it has not seen: the figures anyone can repeat.

``python -m benchmarks.quality [--data FOLDER] [--model c4t]... [--part test] [--json FILE]``
(``--graph plain`` or ``int8`` for one of a model's image graphs)

The queries are in ``quality_queries.json``: weather, road, object, scene, and combinations of
weather and object, each asked as a keyword and in two sentences whose words the captions of the
training never used. Only images whose labels answer a query take part in it; positives and chance
(the share of positives) stand beside each figure. The split is by drive or duplicate group, the
same that training uses (``scripts.lite.data``).
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.lite.data import PARTS, Frame, read_frames

QUERIES = Path(__file__).with_name("quality_queries.json")
KINDS = ("weather", "road", "object", "scene", "combined", "vehicles", "signs", "night")
LEAST = 5  # positives below which a query is left out
NEAR = 10


@dataclass(frozen=True)
class Asked:
    """One query on one set of images.

    Attributes:
        kind: one of :data:`KINDS`.
        name: short name of what is looked for.
        texts: the keyword, then sentences.
        rows: int (k,): the images whose labels answer the query.
        relevant: bool (k,): the answers.
    """

    kind: str
    name: str
    texts: tuple[str, ...]
    rows: NDArray[np.intp]
    relevant: NDArray[np.bool_]


def answer(conditions: dict[str, Any], frame: Frame) -> bool:
    """Tell whether an image fulfils all conditions that a query has for its source."""
    if "all" in conditions:
        return bool(conditions["all"])
    holds = True
    if "weather" in conditions:
        holds &= frame.weather == conditions["weather"]
    if "road" in conditions:
        holds &= frame.road in conditions["road"]
    if "time_of_day" in conditions:
        holds &= frame.time_of_day in conditions["time_of_day"]
    for wanted in [conditions["count"]] if "count" in conditions else conditions.get("counts", ()):
        holds &= sum(frame.counts.get(name, 0) for name in wanted["classes"]) >= wanted["min"]
    if "share" in conditions:
        wanted = conditions["share"]
        holds &= frame.shares.get(wanted["class"], 0.0) >= wanted["min"]
    return bool(holds)


def asked(frames: Sequence[Frame], queries: Sequence[dict[str, Any]]) -> list[Asked]:
    """Return the queries with at least :data:`LEAST` positives among these images."""
    found = []
    for query in queries:
        rules = query["relevant"]
        rows = [i for i, frame in enumerate(frames) if frame.source in rules]
        relevant = np.array([answer(rules[frames[i].source], frames[i]) for i in rows], dtype=bool)
        if relevant.sum() >= LEAST:
            texts = (query["keyword"], *query["sentences"])
            found.append(Asked(query["kind"], query["name"], texts, np.array(rows), relevant))
    return found


def precision(relevant: NDArray[np.bool_], scores: NDArray[np.float32]) -> tuple[float, float]:
    """Return average precision and precision at 10; equal scores keep the images' order."""
    ranked = relevant[np.argsort(-scores, kind="stable")]
    at = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return float(at[ranked].mean()), float(ranked[:NEAR].mean())


def measure(
    queries: Sequence[Asked], images: NDArray[np.float32], texts: dict[str, NDArray[np.float32]]
) -> list[dict[str, Any]]:
    """Return one row per query: positives, chance, and figures per text and on average.

    Args:
        queries: what is asked.
        images: float32 (n, d), unit rows.
        texts: text -> float32 (d,), unit length.
    """
    rows = []
    for query in queries:
        found = [
            precision(query.relevant, images[query.rows] @ texts[text]) for text in query.texts
        ]
        rows.append(
            {
                "kind": query.kind,
                "name": query.name,
                "positives": int(query.relevant.sum()),
                "images": len(query.rows),
                "chance": float(query.relevant.mean()),
                "texts": list(query.texts),
                "ap_by_text": [ap for ap, _ in found],
                "ap": float(np.mean([ap for ap, _ in found])),
                "p10": float(np.mean([p10 for _, p10 in found])),
            }
        )
    return rows


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return the means over queries: all, per kind, and of keywords and sentences alone."""
    out = {
        "map": float(np.mean([row["ap"] for row in rows])),
        "p10": float(np.mean([row["p10"] for row in rows])),
        "chance": float(np.mean([row["chance"] for row in rows])),
        "keyword": float(np.mean([row["ap_by_text"][0] for row in rows])),
        "sentence": float(np.mean([np.mean(row["ap_by_text"][1:]) for row in rows])),
    }
    for kind in KINDS:
        of_kind = [row["ap"] for row in rows if row["kind"] == kind]
        out[kind] = float(np.mean(of_kind)) if of_kind else float("nan")
    return out


def embed(model: Any, frames: Sequence[Frame], batch: int = 16) -> NDArray[np.float32]:
    """Embed images the way indexing does."""
    from c4t_core.images.decode import open_image

    parts = []
    for start in range(0, len(frames), batch):
        images = [open_image(f.path, model.min_side) for f in frames[start : start + batch]]
        parts.append(model.encode_images(images))
    return np.concatenate(parts)


@dataclass(frozen=True)
class Embedded:
    """One part of the data and its queries, embedded by one model.

    Attributes:
        frames: n images.
        queries: those that enough of them answer.
        images: float32 (n, d), unit rows.
        texts: text of a query -> float32 (d,), unit length.
    """

    frames: Sequence[Frame]
    queries: Sequence[Asked]
    images: NDArray[np.float32]
    texts: dict[str, NDArray[np.float32]]


def embedded(model: Any, data: Path, part: str) -> Embedded:
    """Embed one part of the data and the queries about it."""
    frames = [frame for frame in read_frames(data) if frame.part == part]
    queries = asked(frames, json.loads(QUERIES.read_text(encoding="utf-8"))["queries"])
    texts = list(dict.fromkeys(text for query in queries for text in query.texts))
    vectors = dict(zip(texts, model.encode_texts(texts), strict=True))
    return Embedded(frames, queries, embed(model, frames), vectors)


def run(data: Path, name: str, part: str, graph: str | None = None) -> list[dict[str, Any]]:
    """Measure one model by name on one part of the data; ``graph`` as of ``load_model``."""
    import c4t_core

    found = embedded(c4t_core.load_model(name, graph=graph), data, part)
    return measure(found.queries, found.images, found.texts)


def options_of(description: str | None) -> argparse.ArgumentParser:
    """Return the options that benchmarks on this data share."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    beside = Path(__file__).resolve().parents[2] / "shared" / "drive_data"
    default = Path(os.environ.get("C4T_DRIVE_DATA", beside))
    parser.add_argument("--data", type=Path, default=default, help="folder with the sources")
    parser.add_argument("--part", choices=PARTS, default="test")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    return parser


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = options_of(__doc__)
    parser.add_argument("--model", action="append", help="a model's name; may be repeated")
    parser.add_argument("--graph", choices=("plain", "int8"), help="image graph (the fastest)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table per model."""
    options = _parse(arguments)
    results = {}
    for name in options.model or ["c4t"]:
        rows = run(options.data, name, options.part, options.graph)
        results[name] = {"summary": summary(rows), "queries": rows}
        print(f"{name}, {options.part} part, {len(rows)} queries")
        for row in rows:
            by_text = " ".join(f"{ap:.2f}" for ap in row["ap_by_text"])
            print(
                f"  {row['kind']:9} {row['name']:18} positives {row['positives']:4} of "
                f"{row['images']:5}  chance {row['chance']:.2f}  AP {row['ap']:.2f} ({by_text})  "
                f"P@10 {row['p10']:.2f}"
            )
        print("  " + "  ".join(f"{key} {value:.3f}" for key, value in summary(rows).items()))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
