"""How well the automatic cut parts what was asked for from the rest.

``python -m benchmarks.cut [--data FOLDER] [--model NAME] [--part test] [--json FILE]``

The labelled queries of ``benchmarks/quality_queries.json`` are asked on the images that know their
answer, and sentences that no traffic image shows on each source alone. For the cut by the scores
alone and for the one that also knows what other sentences reach
(:mod:`c4t_core.index.cut`): precision, recall and F1 of what lies above the cut, how often
"nothing matches" is said although something does, and how often a sentence about nothing here finds
something. None of these sentences is among those that the levels are learned from. Beside both
stands the best cut of each query, which needs its labels: what is left to gain.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality import embedded, options_of
from c4t_core.index.cut import ASKED, SENTENCES, Levels, automatic_threshold

NONSENSE = (
    "elephants bathing", "asdf qwer", "a hospital bed", "sushi on a plate", "a violin",
    "a hotel lobby", "a knitted sweater", "the stock market", "a coral reef", "a haircut",
    "quantum physics", "a plate of pasta", "a space station", "a wedding dress", "a boxing ring",
    "a jar of honey", "the opera house from inside", "a spider in its web", "a bar of soap",
    "a passport photo", "a scoop of ice cream", "an X-ray of a hand", "a bunch of tulips",
    "a vinyl record",
)  # fmt: skip


def judged(relevant: NDArray[np.bool_], scores: NDArray[np.float32], cut: float | None) -> Any:
    """Return precision, recall, F1 and whether nothing was found."""
    shown = np.zeros(len(scores), bool) if cut is None else scores >= cut
    right = int((shown & relevant).sum())
    precision = right / shown.sum() if shown.any() else 0.0
    recall = right / relevant.sum()
    f1 = 2 * right / (shown.sum() + relevant.sum())
    return precision, recall, f1, not shown.any()


def best_cut(relevant: NDArray[np.bool_], scores: NDArray[np.float32]) -> float:
    """Return the score of the hit at which F1 is highest if the cut lies there."""
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(relevant[order])
    f1 = 2 * right / (np.arange(1, len(right) + 1) + relevant.sum())
    return float(scores[order[int(f1.argmax())]])


def run(data: Path, name: str, part: str) -> dict[str, dict[str, float]]:
    """Measure both cuts, and the best there could be."""
    import c4t_core

    model = c4t_core.load_model(name)
    found = embedded(model, data, part)
    unrelated, asked, nonsense = (model.encode_texts(t) for t in (SENTENCES, ASKED, list(NONSENSE)))

    def cuts(rows: NDArray[np.float32], scores: NDArray[np.float32]) -> tuple[float | None, ...]:
        levels = Levels.of_best(*((rows @ texts.T).max(axis=0) for texts in (unrelated, asked)))
        return automatic_threshold(scores), automatic_threshold(scores, levels)

    judgements: tuple[list[Any], list[Any]] = ([], [])
    best: list[Any] = []
    for query in found.queries:
        rows = found.images[query.rows]
        for text in query.texts:
            scores = rows @ found.texts[text]
            for kept, cut in zip(judgements, cuts(rows, scores), strict=True):
                kept.append(judged(query.relevant, scores, cut))
            best.append(judged(query.relevant, scores, best_cut(query.relevant, scores)))
    accidents: tuple[list[bool], list[bool]] = ([], [])
    for source in sorted({frame.source for frame in found.frames}):  # not all have each part
        places = [at for at, frame in enumerate(found.frames) if frame.source == source]
        rows = found.images[places]
        for sentence in nonsense:
            scores = rows @ sentence
            for marks, cut in zip(accidents, cuts(rows, scores), strict=True):
                marks.append(cut is not None)
    names = ("precision", "recall", "f1", "nothing")
    found_out = {
        title: {
            **dict(zip(names, np.mean(kept, axis=0).tolist(), strict=True)),
            "nonsense": float(np.mean(marks)),
        }
        for title, kept, marks in zip(
            ("scores alone", "with levels"), judgements, accidents, strict=True
        )
    }
    means = np.mean(best, axis=0).tolist()
    return {**found_out, "best of each": dict(zip(names, means, strict=True))}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line per cut."""
    parser = options_of(__doc__)
    parser.add_argument("--model", default="c4t", help="a model's name")
    options = parser.parse_args(arguments)
    found = run(options.data, options.model, options.part)
    for title, figures in found.items():
        print(f"{title:13}" + "  ".join(f"{name} {value:.3f}" for name, value in figures.items()))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
