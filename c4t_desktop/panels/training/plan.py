"""What becomes of a run: the name of the new model, where it lies, and what it reached."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import QCoreApplication

from c4t_core import paths
from c4t_core.training.events import EpochFigures, Figures, Guarded, Retrieval, TrainingResult
from c4t_desktop.messages import said
from c4t_desktop.panels.training.result_page import Outcome

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def output_of(name: str) -> Path:
    """Return the folder of a run: one per name, so that starting again goes on."""
    return paths.data_dir() / "training" / name


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


def _tr(text: str) -> str:
    return QCoreApplication.translate("Outcome", text)


def read_outcome(done: TrainingResult) -> Outcome:
    """Return what to show of a finished run."""
    name, warnings = done.name or "", " ".join(map(said, done.warnings))
    titles = (
        _tr("Drives kept apart: captions find images (mAP)"),
        _tr("Drives kept apart: images find captions (mAP)"),
        _tr("General images: captions find images (mAP)"),
        _tr("General images: images find captions (mAP)"),
        _tr("General sentences in the right order of meaning"),
    )
    guard = done.guard
    if guard is not None:
        pairs = zip(titles, _measured(guard.before), _measured(guard.chosen), strict=True)
        rows = [row for row in pairs if row[1] is not None or row[2] is not None]
        rows += _by_kind(guard.before, guard.chosen)
        verdict = warnings if guard.warnings else f"{_verdict(guard)} {warnings}".strip()
        clear = guard.clear or bool(guard.warnings)
        return Outcome(name, rows, verdict, bool(guard.warnings), done.skipped, clear)
    new = [
        (titles[i], None, value) for i, value in enumerate(_both(done.best)) if value is not None
    ]
    verdict = warnings or _tr("A new model has no before.")
    return Outcome(name, new, verdict, False, done.skipped)


def _verdict(guard: Guarded) -> str:
    gain = guard.chosen.held_out_score - guard.before.held_out_score
    if gain <= 0:
        return _tr("It kept what it knew, but did not get better on drives kept apart.")
    low, high = guard.gained or (-1.0, 1.0)
    if guard.clear:
        sentence = _tr(
            "It got better on drives kept apart, and kept what it knew: mAP {delta}, 95 % interval "
            "{low} to {high}."
        )
    elif guard.gained is None:
        sentence = _tr("No clear difference: too few images are kept apart to tell.")
    else:
        sentence = _tr(
            "No clear difference on drives kept apart: mAP {delta}, and the 95 % interval, {low} "
            "to {high}, holds zero. It kept what it knew; more pairs of other drives would tell."
        )
    return sentence.format(delta=f"{gain:+.3f}", low=f"{low:+.3f}", high=f"{high:+.3f}")


def _measured(state: Figures) -> tuple[float | None, ...]:
    return (*_both(state.held_out), *_both(state.general), state.meaning)


def _by_kind(before: Figures, chosen: Figures) -> list[tuple[str, float | None, float | None]]:
    """Return the rows of the real photographs that came with the model."""
    names = {
        "weather": _tr("weather"),
        "road": _tr("kinds of road"),
        "object": _tr("objects"),
        "scene": _tr("places"),
        "night": _tr("night"),
        "vehicles": _tr("vehicles"),
        "signs": _tr("signs"),
        "combined": _tr("objects in weather"),
    }
    title, after = _tr("Photographs that came with the model: {kind} (mAP)"), chosen.kinds or {}
    return [
        (title.format(kind=names.get(kind, kind)), value, after.get(kind))
        for kind, value in (before.kinds or {}).items()
    ]


def _both(found: Retrieval | EpochFigures | None) -> tuple[float | None, float | None]:
    return (None, None) if found is None else (found.text_map, found.image_map)
