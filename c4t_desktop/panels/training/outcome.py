"""Reads what a finished run reported into what the result page shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from c4t_desktop.panels.training.result_page import Outcome
from c4t_desktop.panels.training.run_page import Event

_N = cast("Callable[[str, str], str]", QT_TRANSLATE_NOOP)  # Qt returns the text as it is
_ROWS = (
    ("held_out", "text_map", _N("Outcome", "Drives kept apart: captions find images (mAP)")),
    ("held_out", "image_map", _N("Outcome", "Drives kept apart: images find captions (mAP)")),
    ("general", "text_map", _N("Outcome", "General images: captions find images (mAP)")),
    ("general", "image_map", _N("Outcome", "General images: images find captions (mAP)")),
    ("", "meaning", _N("Outcome", "General sentences in the right order of meaning")),
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
