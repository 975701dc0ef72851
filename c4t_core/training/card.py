"""The card of a model that the user trained: what it is, from what, how good."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from c4t_core.training.config import TrainingRequest
from c4t_core.training.data import Data

if TYPE_CHECKING:
    from c4t_core.training.finetune import Guarded


def model_card(
    request: TrainingRequest,
    data: Data,
    start: str,
    best: dict[str, Any],
    guarded: Guarded | None,
) -> str:
    """Return ``model_card.md``; its first sentence is what a list of models shows."""
    made = f"Fine-tuned from {start}" if request.base is not None else f"A new {start} model"
    name = (request.name or request.output.name).removeprefix("c4t:")
    lines = [
        f"# {name}",
        "",
        f"{made} on {len(data.train)} images of {request.pairs.name}.",
        "",
        "Trained on this machine by its user. Whoever passes it on should say what its images "
        "are and whether their terms allow it.",
        "",
        "| | |",
        "|---|---|",
        f"| training images | {len(data.train)} |",
        f"| images held out | {len(data.validation)} |",
    ]
    if "score" in best:
        lines.append(f"| captions find held-out images, mAP | {best['text_map']:.3f} |")
        lines.append(f"| held-out images find captions, mAP | {best['image_map']:.3f} |")
    if guarded is not None:
        before, chosen = guarded.before, guarded.chosen
        lines += [
            f"| share of new weights | {chosen.mix:.1f} |",
            f"| held-out drives, before and after | {before.held_out_score:.3f}, "
            f"{chosen.held_out_score:.3f} |",
            f"| general set, before and after | {before.general_score:.3f}, "
            f"{chosen.general_score:.3f} |",
        ]
    lines += [
        f"| {key.replace('_', ' ')} | {value} |"
        for key, value in dataclasses.asdict(request.options).items()
    ]
    return "\n".join([*lines, ""])
