"""What the shipped model makes of words that no label of its training images names.

``python -m benchmarks.outside [--data FOLDER] [--model FOLDER] [--detector FILE] [--json FILE]``

Two things are measured for traffic light, ambulance, bridge, tunnel, roundabout, dog and others.

*Images.* There are no labels for these words, so the answers of another network on the test
images stand in for them: of the ImageNet classifier (the encoder's own, from the starting
weights) those with a probability of 0.3 or more; with ``--detector`` also those in which
FastestDet (trained on COCO, an ONNX file) scores 0.6 or more. Both references are weak: a
network's confident answer is often wrong and mostly missing, and the classifier is the one whose
scores taught the names of its classes on *other* images. A low figure may therefore be the
reference's fault, and a high one says that the model kept what the classifier knew, not that the
classifier was right (on the project's test images it mostly was not: see ``docs/model-runs.md``).

*Texts.* Each word has a paraphrase without it. Whether the paraphrase is still the nearest of all
paraphrases is asked in the sentence encoder's own space and in the model's.

Needs the extra ``train`` and the starting weights, as ``scripts/lite/train.py`` does.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality import precision
from c4t_core.models.registry import shipped_folder
from scripts.lite.data import read_frames

PROBABILITY = 0.3  # of ImageNet's softmax, summed over a word's classes
DETECTED = 0.6  # of the detector's score; false hits become common below 0.5
LEAST = 3  # images that a reference must name
DETECTOR_SIDE = 352  # pixels of FastestDet's square input
_DOGS = range(151, 269)  # ImageNet's breeds


@dataclass(frozen=True)
class Word:
    """A word, a paraphrase, and the numbers of what means it in ImageNet and in COCO."""

    text: str
    paraphrase: str
    imagenet: tuple[int, ...] = ()
    coco: int | None = None


WORDS = (
    Word("traffic light", "red, amber and green signals at a crossing", (920,), 9),
    Word("stop sign", "a red octagon telling drivers to halt", (), 11),
    Word("street sign", "a board with the name of a street", (919,)),
    Word("ambulance", "an emergency vehicle taking the sick to hospital", (407,)),
    Word("fire engine", "a vehicle of the fire brigade", (555,)),
    Word("police car", "officers on patrol in their vehicle", (734,)),
    Word("bridge", "a span over a river", (821, 839, 888)),
    Word("tunnel", "a passage under a mountain"),
    Word("roundabout", "a circular junction with an island in the middle"),
    Word("railway", "tracks and a locomotive", (466, 547, 565, 820), 6),
    Word("dog", "a puppy on a leash", tuple(_DOGS), 16),
    Word("cow", "cattle standing around", (345,), 19),
    Word("horse", "a pony being ridden", (339, 603), 17),
    Word("boat", "a vessel on the water", (), 8),
    Word("lake", "still water with a shore", (975,)),
    Word("mountain", "high peaks and a steep slope", (970, 972, 979)),
    Word("snowplough", "a machine clearing the road in winter", (803,)),
    Word("tractor", "a farmer's machine for ploughing", (866,)),
    Word("parking meter", "a machine that takes coins for a parking space", (704,), 12),
)
"""COCO's numbers run from 0 in the order of its 80 classes, ImageNet's from 0 to 999."""


def imagenet_fits(averages: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the classifier's probabilities: float32 (n, 1280) means -> (n, 1000)."""
    from c4t_core.models.pretrained import efficientnet_lite0_state

    state = efficientnet_lite0_state(classifier=True)
    logits = averages @ state["classifier.weight"].numpy().T + state["classifier.bias"].numpy()
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    fits: NDArray[np.float32] = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return fits


def detected(detector: Path, paths: Sequence[Path]) -> NDArray[np.float32]:
    """Return the best score of each COCO class in each image: float32 (n, 80)."""
    import onnxruntime
    from PIL import Image

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        str(detector), options, providers=["CPUExecutionProvider"]
    )
    entry = session.get_inputs()[0].name
    best = np.zeros((len(paths), 80), np.float32)
    for row, path in enumerate(paths):
        with Image.open(path) as opened:
            image = opened.convert("RGB").resize((DETECTOR_SIDE, DETECTOR_SIDE))
        planes = np.asarray(image, np.float32)[:, :, ::-1].transpose(2, 0, 1) / 255.0  # BGR
        found = session.run(None, {entry: np.ascontiguousarray(planes)[None]})[0][0]
        # FastestDet's own rule: objectness, 4 numbers of the box, 80 classes per cell
        scores = found[:1] ** 0.6 * found[5:] ** 0.4  # (80, 22, 22)
        best[row] = scores.max(axis=(1, 2))
    return best


def against(
    name: str,
    relevant: NDArray[np.bool_],
    images: NDArray[np.float32],
    word: Word,
    texts: dict[str, NDArray[np.float32]],
) -> dict[str, Any]:
    """Return the figures of a word and its paraphrase against one reference."""
    figures = [precision(relevant, images @ texts[text]) for text in (word.text, word.paraphrase)]
    return {
        "word": word.text,
        "reference": name,
        "positives": int(relevant.sum()),
        "chance": float(relevant.mean()),
        "ap": figures[0][0],
        "p10": figures[0][1],
        "ap_paraphrase": figures[1][0],
        "p10_paraphrase": figures[1][1],
    }


def neighbours(words: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the rank (0: nearest) of each word's own paraphrase among all of them.

    Args:
        words: float32 (k, d).
        others: float32 (k, d), the paraphrases in the same order.
    """
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (words, others)]
    cosines = unit[0] @ unit[1].T
    ranks: NDArray[np.intp] = (cosines > np.diag(cosines)[:, None]).sum(axis=1)
    return ranks


def run(data: Path, folder: Path, detector: Path | None, cache: Path) -> dict[str, Any]:
    """Measure one model folder on the test part."""
    import torch

    from c4t_core.models.folder import load_state, read_config
    from c4t_core.models.network import DualEncoder
    from c4t_core.models.pretrained import load_pretrained
    from scripts.lite.features import image_features, text_features

    model = DualEncoder(read_config(folder))
    model.load_state_dict(load_state(folder))
    paths = [frame.path for frame in read_frames(data) if frame.part == "test"]
    features = image_features(model, paths, cache=cache)
    asked = [word.text for word in WORDS] + [word.paraphrase for word in WORDS]
    kept = text_features(model, asked)
    with torch.inference_mode():
        unit = torch.nn.functional.normalize
        images = unit(model.image_head.eval()(torch.from_numpy(features)), dim=1).numpy()
        shared = unit(model.text_head.eval()(torch.from_numpy(kept)), dim=1).numpy()
    texts = dict(zip(asked, shared, strict=True))
    load_pretrained(model)
    plain = text_features(model, asked)
    ranks = {
        "sentence encoder": neighbours(plain[: len(WORDS)], plain[len(WORDS) :]),
        "model": neighbours(shared[: len(WORDS)], shared[len(WORDS) :]),
    }
    fits = imagenet_fits(features[:, : model.config.image.features])
    boxes = None if detector is None else detected(detector, paths)
    rows, left_out = [], []
    for word in WORDS:
        references = {}
        if word.imagenet:
            references["classifier"] = fits[:, list(word.imagenet)].sum(axis=1) >= PROBABILITY
        if word.coco is not None and boxes is not None:
            references["detector"] = boxes[:, word.coco] >= DETECTED
        for name, relevant in references.items():
            if relevant.sum() >= LEAST:
                rows.append(against(name, relevant, images, word, texts))
            else:
                left_out.append(f"{word.text} ({name}: {int(relevant.sum())})")
        if not references:
            left_out.append(f"{word.text} (no reference)")
    named = {space: [int(rank) for rank in found] for space, found in ranks.items()}
    return {"images": len(paths), "words": rows, "left_out": left_out, "neighbours": named}


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    beside = Path(__file__).resolve().parents[2] / "shared" / "drive_data"
    default = Path(os.environ.get("C4T_DRIVE_DATA", beside))
    parser.add_argument("--data", type=Path, default=default, help="folder with the sources")
    parser.add_argument("--model", type=Path, default=shipped_folder(), help="a model folder")
    parser.add_argument("--detector", type=Path, help="FastestDet.onnx, a second reference")
    cache = Path(tempfile.gettempdir()) / "c4t-train-lite"
    parser.add_argument("--cache", type=Path, default=cache, help="where features are kept")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line per word and reference, then what became of the paraphrases."""
    options = _parse(arguments)
    found = run(options.data, options.model, options.detector, options.cache)
    print(f"{found['images']} images of the test part; references are another network's answers")
    for row in found["words"]:
        print(
            f"  {row['word']:14} {row['reference']:10} positives {row['positives']:4}  chance "
            f"{row['chance']:.3f}  AP {row['ap']:.2f}  P@10 {row['p10']:.1f}  paraphrase: AP "
            f"{row['ap_paraphrase']:.2f}  P@10 {row['p10_paraphrase']:.1f}"
        )
    print(f"  too few images, or no reference: {', '.join(found['left_out'])}")
    for space, ranks in found["neighbours"].items():
        first = sum(rank == 0 for rank in ranks)
        lost = ", ".join(
            f"{word.text} {rank + 1}" for word, rank in zip(WORDS, ranks, strict=True) if rank
        )
        print(f"  {space}: own paraphrase nearest for {first} of {len(ranks)}; others: {lost}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
