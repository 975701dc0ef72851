"""What the wizard collects: one training run, as a value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QCoreApplication

from c4t_core import paths
from c4t_desktop.messages import tr_noop
from c4t_desktop.panels.training.result_page import Outcome
from c4t_desktop.panels.training.run_page import Event

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class TrainingPlan:
    """One run of ``c4t train``.

    Attributes:
        pairs: the pairs file.
        images: root of its image paths; None for the file's own folder.
        base: model to fine-tune; None for a new model.
        preset: architecture of a new model.
        name: what the result is registered as, without ``c4t:``.
        epochs: passes over the images; None for the preset's.
        freeze: what stays as it is (``c4t train --freeze``); None for the preset's.
        download: whether missing pretrained weights may be fetched.
        image_weights: a local file with pretrained weights of a new model's image encoder.
        text_weights: the same for its text encoder.
        columns: image and caption column of the pairs file; None: recognised.
    """

    pairs: Path
    images: Path | None = None
    base: str | None = "c4t"
    preset: str = "lite"
    name: str = ""
    epochs: int | None = None
    freeze: str | None = None
    download: bool = False
    image_weights: Path | None = None
    text_weights: Path | None = None
    columns: tuple[str, str] | None = None

    @property
    def output(self) -> Path:
        """Folder of the run: one per name, so that starting again goes on."""
        return paths.data_dir() / "training" / self.name

    def arguments(self) -> list[str]:
        """Return the arguments of ``c4t train``."""
        arguments = [str(self.pairs), "--images", str(self.images or self.pairs.parent)]
        arguments += ["--output", str(self.output), "--name", self.name]
        arguments += ["--from", self.base] if self.base else ["--preset", self.preset]
        for option, value in (
            ("--epochs", self.epochs),
            ("--freeze", self.freeze),
            ("--image-weights", self.image_weights),
            ("--text-weights", self.text_weights),
        ):
            if value is not None:
                arguments += [option, str(value)]
        for role, column in zip(("image", "caption"), self.columns or (), strict=False):
            arguments += ["--column", f"{role}={column}"]
        return [*arguments, "--download"] if self.download else arguments


def good_name(name: str) -> bool:
    """Return whether a model may be called so: letters, digits, dots, dashes, underscores.

    >>> good_name("night-drives"), good_name("../x"), good_name("")
    (True, False, False)
    """
    return _NAME.fullmatch(name) is not None


def suggest_name(pairs: Path, taken: set[str]) -> str:
    """Return a free name made from the pairs file's."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", pairs.stem).strip("-._") or "model"
    name, number = stem[:50], 2
    while name in taken:
        name, number = f"{stem[:50]}-{number}", number + 1
    return name


_ROWS = (
    ("held_out", "text_map", tr_noop("Outcome", "Drives kept apart: captions find images (mAP)")),
    ("held_out", "image_map", tr_noop("Outcome", "Drives kept apart: images find captions (mAP)")),
    ("general", "text_map", tr_noop("Outcome", "General images: captions find images (mAP)")),
    ("general", "image_map", tr_noop("Outcome", "General images: images find captions (mAP)")),
    ("", "meaning", tr_noop("Outcome", "General sentences in the right order of meaning")),
)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Outcome", text)


def read_outcome(done: Event) -> Outcome:
    """Return what to show of the event ``done`` of ``c4t train``."""
    name = str(done.get("name") or "")
    warnings = [str(warning) for warning in done.get("warnings") or ()]
    guard = done.get("guard")
    if guard:
        before, chosen = guard["before"], guard["chosen"]
        rows = [
            (_tr(title), _figure(before, part, key), _figure(chosen, part, key))
            for part, key, title in _ROWS
        ]
        rows = [row for row in rows if row[1] is not None or row[2] is not None]
        warned = bool(guard.get("warnings"))
        verdict = " ".join(warnings) if warnings else _verdict(before, chosen)
        return Outcome(name, rows, verdict, warned)
    best = done.get("best") or {}
    rows = [
        (_tr(title), None, float(best[key]))
        for part, key, title in _ROWS
        if part == "held_out" and key in best
    ]
    return Outcome(name, rows, " ".join(warnings) or _tr("A new model has no before."), False)


def _verdict(before: Event, chosen: Event) -> str:
    better = chosen["held_out_score"] > before["held_out_score"]
    if better:
        return _tr("It got better on drives kept apart, and kept what it knew.")
    return _tr("It kept what it knew, but did not get better on drives kept apart.")


def _figure(state: Event, part: str, key: str) -> float | None:
    holder = state.get(part) if part else state
    return float(holder[key]) if holder else None
