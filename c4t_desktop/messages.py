"""Saying things to the user: plain text only, one sentence, one button.

File names and error texts may hold anything, ``<img src=...>`` included; every label and
dialog made here shows them as text.
"""

from __future__ import annotations

import importlib.util
import logging
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, Qt, QTranslator
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QMessageBox, QWidget

from c4t_core import paths
from c4t_core.errors import C4TError, MissingExtraError

if TYPE_CHECKING:
    from c4t_core.index.objects import ObjectCondition
    from c4t_core.models.protocol import ModelInfo

LOG = logging.getLogger(__name__)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Messages", text)


def tr_noop(context: str, text: str) -> str:
    """Mark a text for ``scripts/translate.py``; it is translated where it is shown.

    Qt's own marker of that name is typed as if it returned any object.
    """
    return text


_translators: list[QTranslator] = []  # those in use; Qt does not keep them


def use_language(wanted: str) -> None:
    """Let the window speak a language from now on.

    Args:
        wanted: ``"en"``, ``"de"``, or ``"system"`` for the one of the desktop.
    """
    while _translators:
        QCoreApplication.removeTranslator(_translators.pop())
    locale = QLocale.system() if wanted == "system" else QLocale(wanted)
    if wanted != "system":
        QLocale.setDefault(locale)
    if locale.language() != QLocale.Language.German:
        return
    ours = str(paths.resource("translations"))
    for folder, name in (
        (QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath), "qtbase_de"),
        (ours, "c4t_de"),
    ):
        translator = QTranslator()
        if translator.load(name, folder):
            QCoreApplication.installTranslator(translator)
            _translators.append(translator)


@dataclass(frozen=True)
class Problem:
    """Something that went wrong, as the user is told.

    Attributes:
        title: a few words.
        sentence: one plain sentence with the remedy.
        ours: True for a fault of the application, not of the user's disk, file or machine.
        command: what to copy and run as the remedy, or "".
        details: for the log file.
    """

    title: str
    sentence: str
    ours: bool = False
    command: str = ""
    details: str = ""


def describe(error: BaseException) -> Problem:
    """Turn an exception into words.

    A :class:`C4TError` is shown as it is, after its notes; memory that ran out has a remedy;
    anything else is a fault of ours and names the log file.
    """
    details = "".join(traceback.format_exception(error))
    if isinstance(error, MissingExtraError):
        return Problem(_tr("More packages are needed"), str(error), command=error.command)
    if isinstance(error, C4TError):
        notices = getattr(error, "__notes__", ())
        sentence = "\n\n".join([*notices, str(error)])
        return Problem(_tr("That did not work"), sentence, details=details)
    text = str(error).lower()
    if isinstance(error, MemoryError) or "out of memory" in text or "cuda error" in text:
        sentence = _tr(
            "The memory of this machine or its GPU ran out; close other programs and try again."
        )
        return Problem(_tr("Out of memory"), sentence, details=details)
    if isinstance(error, OSError):
        sentence = _tr("The system says: {reason}. Check the disk and try again.").format(
            reason=error.strerror or str(error)
        )
        return Problem(_tr("That did not work"), sentence, details=details)
    sentence = _tr(
        "Something went wrong inside the application ({kind}); your data are safe. "
        "Details are in {log}."
    ).format(kind=type(error).__name__, log=log_file())
    return Problem(_tr("A fault in the application"), sentence, ours=True, details=details)


def log_file() -> Path:
    """Return the log file of the window."""
    return paths.log_dir() / "desktop.log"


def plain_label(
    text: str = "",
    parent: QWidget | None = None,
    *,
    wrap: bool = False,
    name: str = "",
    kind: str = "",
) -> QLabel:
    """Return a label that never takes its text for HTML; ``kind`` is one of the style sheet's."""
    label = QLabel(parent)
    label.setObjectName(name)
    if kind:
        label.setProperty("kind", kind)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(wrap)
    label.setText(text)
    return label


def button_text(text: str) -> str:
    """Return what a button, check box, tab or menu shows as ``text``: Qt takes ``&`` for a key.

    Whatever comes from the user goes through it: names of folders, drives, models and searches.

    >>> button_text("Night & fog")
    'Night && fog'
    """
    return text.replace("&", "&&")


def show_problem(parent: QWidget | None, problem: Problem) -> QMessageBox:
    """Open one plain dialog about a problem, without blocking, and return it."""
    if problem.details:
        LOG.error("%s\n%s", problem.sentence, problem.details)
    box = QMessageBox(parent)
    box.setOption(QMessageBox.Option.DontUseNativeDialog)  # it would not look like the window
    box.setObjectName("problemDialog")
    box.setTextFormat(Qt.TextFormat.PlainText)
    icon = QMessageBox.Icon.Critical if problem.ours else QMessageBox.Icon.Warning
    box.setIcon(icon)
    box.setWindowTitle(problem.title)
    box.setText(problem.title)
    box.setInformativeText(problem.sentence)
    box.setStandardButtons(QMessageBox.StandardButton.Ok)
    if problem.command:
        copy = box.addButton(_tr("Copy the command"), QMessageBox.ButtonRole.ActionRole)
        copy.clicked.disconnect()  # it copies, it does not close
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(problem.command))
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
    return box


def count_text(count: int) -> str:
    """Write a count with the thousands separated as the user's language does."""
    return QLocale().toString(count)


def moment_text(seconds: float | None) -> str:
    """Write a moment as ``2026-10-14 08:41:07``, UTC; a time near 1970 is only a clock."""
    if seconds is None:
        return ""
    form = "%Y-%m-%d %H:%M:%S" if seconds > 86_400 * 366 else "%H:%M:%S"
    return time.strftime(form, time.gmtime(seconds))


def plural(count: int, one: str, many: str) -> str:
    """Return the form that fits a count, with the count put in at ``{0}``.

    >>> plural(1, "{0} match", "{0} matches")
    '1 match'
    """
    return (one if count == 1 else many).format(count_text(count))


def only_first(most: int, count: int) -> str:
    """Return that of what was selected only the first ones were taken, and what to do."""
    text = _tr("Only the first {0} of {1} were taken; choose fewer, or export them as a table.")
    return text.format(count_text(most), count_text(count))


def why_unusable(info: ModelInfo) -> str:
    """Return why a model cannot be used, and what to do about it in this window."""
    absent = info.kind == "clip" and info.path is None
    if not absent or importlib.util.find_spec("open_clip") is None:
        return info.reason
    text = _tr(
        "Its weights are not on this machine; the list of models can download them ({0}), or add "
        "them from a file."
    )
    return text.format(size_text(info.size_bytes))


def size_text(size: float) -> str:
    """Write a number of bytes the way file managers do.

    >>> size_text(3_400_000)
    '3.4 MB'
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            digits = 0 if unit == "B" or size >= 100 else 1
            return f"{size:.{digits}f} {unit}"
        size /= 1000
    return ""


_OBJECTS = {  # what is on the road: one of them, several of them
    "person": (tr_noop("Messages", "person"), tr_noop("Messages", "people")),
    "bicycle": (tr_noop("Messages", "bicycle"), tr_noop("Messages", "bicycles")),
    "motorcycle": (tr_noop("Messages", "motorcycle"), tr_noop("Messages", "motorcycles")),
    "car": (tr_noop("Messages", "car"), tr_noop("Messages", "cars")),
    "truck": (tr_noop("Messages", "truck"), tr_noop("Messages", "trucks")),
    "bus": (tr_noop("Messages", "bus"), tr_noop("Messages", "buses")),
    "ambulance": (tr_noop("Messages", "ambulance"), tr_noop("Messages", "ambulances")),
    "traffic light": (tr_noop("Messages", "traffic light"), tr_noop("Messages", "traffic lights")),
    "stop sign": (tr_noop("Messages", "stop sign"), tr_noop("Messages", "stop signs")),
    "crosswalk sign": (
        tr_noop("Messages", "crosswalk sign"),
        tr_noop("Messages", "crosswalk signs"),
    ),
    "speed limit sign": (
        tr_noop("Messages", "speed limit sign"),
        tr_noop("Messages", "speed limit signs"),
    ),
}
_PLACES = {  # where the nearest one is
    "near": tr_noop("Messages", "near"),
    "far": tr_noop("Messages", "far"),
    "left": tr_noop("Messages", "left"),
    "ahead": tr_noop("Messages", "ahead"),
    "right": tr_noop("Messages", "right"),
}


def object_name(label: str, count: int = 1) -> str:
    """Return what a class of objects is called; a class without a word here keeps its own."""
    return _tr(_OBJECTS.get(label, (label, label))[count != 1])


def place_name(place: str) -> str:
    """Return what a place in the frame is called."""
    return _tr(_PLACES[place])


def condition_text(condition: ObjectCondition, *, short: bool = False) -> str:
    """Return what is asked of a class, such as "at least 3 people"; short, "≥ 3 people"."""
    label, relation, count = condition.label, condition.relation, condition.count
    if relation in _PLACES:
        return _tr("{0} {1}").format(object_name(label), place_name(relation))
    if (relation, count) == ("=", 0):
        return _tr("no {0}").format(object_name(label))
    sign = {">=": "≥", "<=": "≤"}.get(relation, "=")
    words = {
        ">=": _tr("at least {0} {1}"),
        "<=": _tr("at most {0} {1}"),
        "=": _tr("exactly {0} {1}"),
    }
    form = f"{sign} {{0}} {{1}}" if short else words[relation]
    return form.format(count_text(count), object_name(label, count))
