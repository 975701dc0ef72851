"""How many paraphrases of SearchAD's 90 labels find their own label, in texts alone.

``python -m benchmarks.searchad_words [--model NAME|FOLDER]... [--worst 12] [--json FILE]``

Each label has a sentence to ask with, and paraphrases that no training may use
(``c4t_core/datasets/searchad_labels.json``). A paraphrase finds its label if, of the 90
sentences, its own is the nearest (cosine). It says whether a model keeps the labels apart in
words, not whether it finds them in images. The model's sentence encoder without its head says
what there was to keep; the paraphrases that a training may use stand apart. Needs the extra
``train`` for the sentence encoder.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.datasets.searchad import Label, labels
from c4t_core.models.registry import load_model, model_info

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
NEAR = 3


def order(said: NDArray[np.float32], asked: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return what each paraphrase finds, nearest first.

    Args:
        said: float32 (n, d), paraphrases, of any length.
        asked: float32 (k, d), one for each label.

    Returns:
        Integers (n, k): rows of ``asked``, best first.
    """
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (said, asked)]
    found: NDArray[np.intp] = np.argsort(-(unit[0] @ unit[1].T), axis=1, kind="stable")
    return found


def measure(
    encode: Encode, of: dict[str, Label], paraphrases: Callable[[Label], Sequence[str]]
) -> dict[str, Any]:
    """Ask with some paraphrases of all labels; see the module.

    Args:
        encode: n texts to float32 (n, d).
        of: the labels by name.
        paraphrases: those of a label to ask with.

    Returns:
        "n", and the shares "first" and "near" (among the best three); "categories" with the same
        of each; "confused": (own label, label that was found instead, times), most often first.
    """
    names = list(of)
    said = [(row, text) for row, name in enumerate(names) for text in paraphrases(of[name])]
    found = order(encode([text for _, text in said]), encode([label.ask for label in of.values()]))
    own = np.array([row for row, _ in said])
    ranks = np.argmax(found == own[:, None], axis=1)
    groups: dict[str, list[int]] = defaultdict(list)
    for row, rank in zip(own, ranks, strict=True):
        groups[of[names[row]].category].append(int(rank))
    wrong = Counter(
        (names[row], names[best]) for row, best in zip(own, found[:, 0], strict=True) if row != best
    )
    return {
        **_shares(ranks),
        "categories": {name: _shares(np.array(group)) for name, group in groups.items()},
        "confused": [(*pair, times) for pair, times in wrong.most_common()],
    }


def _shares(ranks: NDArray[np.intp]) -> dict[str, Any]:
    near = float((ranks < NEAR).mean())
    return {"n": len(ranks), "first": float((ranks == 0).mean()), "near": near}


def tower(name: str) -> Encode | None:
    """Return a model's sentence encoder without its head; None where there is no such thing."""
    from c4t_core.models.c4t import load_dual_encoder
    from scripts.lite.features import text_features

    info = model_info(name)
    if info.kind != "c4t" or info.path is None:
        return None
    network = load_dual_encoder(info.path)
    return lambda texts: text_features(network, texts)


def run(name: str) -> dict[str, Any]:
    """Measure one model, and its sentence encoder."""
    found = {}
    for space, encode in (("model", load_model(name).encode_texts), ("encoder", tower(name))):
        if encode is not None:
            found[space] = {
                "held": measure(encode, labels(), lambda label: label.held),
                "taught": measure(encode, labels(), lambda label: label.taught),
            }
    return found


def show(name: str, found: dict[str, Any], worst: int) -> None:
    """Print the figures of one model."""
    count = len(labels())
    print(f"{name}: chance {1 / count:.1%} first, {NEAR / count:.1%} among the first {NEAR}")
    for space, parts in found.items():
        for part, figures in parts.items():
            print(
                f"  {space:8} {part:7} {figures['n']} paraphrases: own label first "
                f"{figures['first']:.1%}, among the first {NEAR} {figures['near']:.1%}"
            )
    for category in found["model"]["held"]["categories"]:
        shares = [
            f"{space} {parts['held']['categories'][category]['first']:.0%}"
            for space, parts in found.items()
        ]
        print(f"    {category:9} held, own first: {', '.join(shares)}")
    for own, other, times in found["model"]["held"]["confused"][:worst]:
        print(f"    {own} is taken for {other}: {times}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print, for each model, how many paraphrases find their label, and which do not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", action="append", help="name or folder (default: c4t)")
    parser.add_argument("--worst", type=int, default=12, help="how many confusions to list")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    options = parser.parse_args(arguments)
    every = {name: run(name) for name in options.model or ["c4t"]}
    for name, found in every.items():
        show(name, found, options.worst)
    if options.json:
        options.json.write_text(json.dumps(every, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
