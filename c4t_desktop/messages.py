"""Saying things to the user: plain text only, one sentence, one button.

File names and error texts may hold anything, ``<img src=...>`` included; every label and
dialog made here shows them as text.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import re
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, Qt, QTranslator
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QMessageBox, QWidget

from c4t_core import paths
from c4t_core.errors import C4TError, MissingExtraError
from c4t_core.images.frame_names import FIRST_DATE
from c4t_core.records import dataclass

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

    A :class:`C4TError` is shown as it is (see :func:`said`), after its notes; memory that ran out
    has a remedy; anything else is a fault of ours and names the log file.
    """
    details = "".join(traceback.format_exception(error))
    if isinstance(error, MissingExtraError):
        return Problem(_tr("More packages are needed"), said(str(error)), command=error.command)
    if isinstance(error, C4TError):
        notices = getattr(error, "__notes__", ())
        sentence = "\n\n".join([*notices, said(str(error))])
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


def quoted(text: str) -> str:
    """Return what the user called something, in the quotation marks of the window's language."""
    return QLocale("de" if _translators else "en").quoteString(text)


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
    form = "%Y-%m-%d %H:%M:%S" if seconds > FIRST_DATE else "%H:%M:%S"
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


def about_model(info: ModelInfo) -> str:
    """Return what a model is, or why it cannot be used."""
    return said(info.description) if info.available else why_unusable(info)


def why_unusable(info: ModelInfo) -> str:
    """Return why a model cannot be used, and what to do about it in this window."""
    absent = info.kind == "clip" and info.path is None
    if not absent or importlib.util.find_spec("open_clip") is None:
        return said(info.reason)
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


_SAID = (  # by the core, of evaluations, pairs, pictures and models; the first that fits is taken
    tr_noop("Core", "There is no model to evaluate; name one with --model."),
    tr_noop("Core", '"{0}" has no pairs of the split "{1}"; the splits there are: {2}.'),
    tr_noop("Core", "The scenes tell no images apart, so the captions are asked instead."),
    tr_noop(
        "Core",
        'None of the images of "{0}" are among the pairs (it has "{1}", the pairs '
        'have "{2}"); both must be relative to the images\' folder.',
    ),
    tr_noop(
        "Core",
        "{0} knows nothing of {1} of the {2} images; they are in no ranking of its queries.",
    ),
    tr_noop(
        "Core",
        "There are only {0} images: precision at more hits, up to {1}, counts the "
        "empty places as wrong, and recall there is 1 for every model.",
    ),
    tr_noop(
        "Core",
        '{0} of {1} queries are longer than "{2}" reads, and it answers their '
        'beginnings, one up to "{3}"; put what matters first, or shorten them.',
    ),
    tr_noop(
        "Core",
        '{0} of {1} queries is longer than "{2}" reads, and it answers their '
        'beginnings, one up to "{3}"; put what matters first, or shorten them.',
    ),
    tr_noop(
        "Core",
        "None of the {0} images can be read, the first because: {1}; check the images' folder.",
    ),
    tr_noop("Core", "There are no images to evaluate on; check the pairs and --images."),
    tr_noop(
        "Core",
        "The captions name no class that some images have and others lack, so there "
        "is nothing to search for; give --scenes or --queries, or pairs with more "
        "variety.",
    ),
    tr_noop(
        "Core",
        "The only query has no relevant image among these {0}; give queries that ask "
        "for something the images show.",
    ),
    tr_noop(
        "Core",
        "None of the {0} queries has a relevant image among these {1}; give queries "
        "that ask for something the images show.",
    ),
    tr_noop(
        "Core",
        "SearchAD, split {0}: {1} of {2} images of {3} sources, asked with {4} in {5} mode.",
    ),
    tr_noop("Core", "SearchAD's default queries"),
    tr_noop("Core", "C4T's own sentences"),
    tr_noop(
        "Core",
        "What is ignored for a label is in no ranking of it; equal similarities rank by path.",
    ),
    tr_noop("Core", "Left out: {0}."),
    tr_noop("Core", "{0}: {1}; {2} has them ({3}) at {4}"),
    tr_noop("Core", "none of its {0} images is there"),
    tr_noop("Core", "{0} of its {1} images are missing, such as {2}"),
    tr_noop(
        "Core",
        "None of the {0} images of the split {1} is there: {2}, and so on; unpack the"
        " sources into the folder.",
    ),
    tr_noop(
        "Core",
        "None of the images that are there shows any of the 90 labels, so there is "
        "nothing to score; add a source.",
    ),
    tr_noop("Core", 'The query is empty; describe what to look for, such as "truck in snow".'),
    tr_noop("Core", "A weight must be above zero, such as 2:truck or 0.5:rain."),
    tr_noop("Core", 'A term of the query has no words; write one after each "+" and "-".'),
    tr_noop("Core", '"@" must be followed by the path of an image, such as @frame.jpg.'),
    tr_noop("Core", 'A condition cannot be taken away; write "no:car", or "person<3".'),
    tr_noop("Core", 'No objects "{0}" are known ("{1}"); known are: {2}.'),
    tr_noop(
        "Core",
        '"{0}" cannot be read; write a whole number, such as {1}>=2, or a place: {2}.',
    ),
    tr_noop("Core", '"{0}" restricts the hits and takes no weight; leave it out.'),
    tr_noop("Core", '"{0}" holds for all frames or for none; write another number.'),
    tr_noop("Core", "Its filters cannot be read; save the search again, or remove it."),
    tr_noop(
        "Core",
        'It is restricted by "{0}", which this version does not know; update this program to '
        "run the search.",
    ),
    tr_noop(
        "Core",
        "This index was made by the earlier model, which can no longer look for a picture; index "
        "the folder again to update it, or describe it in words.",
    ),
    tr_noop("Core", "left out by the folder's rules, so it was not indexed"),
    tr_noop(
        "Core",
        "None of the {0} images can be read, the first because: {1}; check the sources' folders.",
    ),
    tr_noop(
        "Core",
        "Images are missing, so these figures cannot be set beside others of this split.",
    ),
    tr_noop("Core", "{0} images have no embedding and are ranked last."),
    tr_noop(
        "Core",
        "There are fewer than {0} images: P@n of this page counts empty places as "
        "wrong; scores.json follows SearchAD and counts up to the last image.",
    ),
    tr_noop("Core", "{0} boxes of labels beside the 90 are left out."),
    tr_noop(
        "Core",
        'The index of "{0}" was made by the earlier model; run c4t index "{1}", then '
        "measure again.",
    ),
    tr_noop("Core", "There is no {0} folder, so C4T's own sentences are asked."),
    tr_noop("Core", 'In {0}, "{1}" is not understood and left out (of {2}).'),
    tr_noop("Core", '"{0}" is not a folder; name the one that SearchAD lies in.'),
    tr_noop(
        "Core",
        "{0} has no text that is understood for {1}; ask with C4T's own sentences (--queries own).",
    ),
    tr_noop("Core", "{0} image queries are left out, as their images are not there."),
    tr_noop(
        "Core",
        'The box {0} {1} {2} {3} of the image query "{4}" lies outside of its {5} x '
        "{6} pixels; get the image again.",
    ),
    tr_noop("Core", "{0} has no text for {1}, so C4T's own sentences are asked for all labels."),
    tr_noop("Core", "{0} has no image query whose image is there; {1}. Ask with --mode language."),
    tr_noop("Core", "{0} has no image query whose image is there. Ask with --mode language."),
    tr_noop("Core", '"{0}" reads only the beginning of {1} of {2} texts, of one up to "{3}".'),
    tr_noop("Core", 'The image query "{0}" cannot be read: {1}.'),
    tr_noop("Core", "{0} is not a folder; name the folder of the images"),
    tr_noop("Core", "the path of the image holds bytes that are not UTF-8"),
    tr_noop("Core", "the caption is empty"),
    tr_noop("Core", 'the caption is missing ("{0}" stands for none)'),
    tr_noop("Core", "the caption holds bytes that are not UTF-8"),
    tr_noop("Core", "the same image and caption as in line {0}"),
    tr_noop("Core", "{0} is empty; it needs a column of {1} and one of {2}"),
    tr_noop("Core", "{0} holds no row that can be read; save it as UTF-8 CSV"),
    tr_noop("Core", "{0} is no text; save it as UTF-8 CSV"),
    tr_noop("Core", "{0} has no column {1}; it has {2}"),
    tr_noop("Core", "the image is a list of {0} and not the name of one file"),
    tr_noop("Core", "there is no image"),
    tr_noop("Core", "the image is an object ({0}) without the name of a file"),
    tr_noop("Core", "the caption is not a text"),
    tr_noop("Core", "{0} holds no {1}; save them as CSV or JSON lines"),
    tr_noop("Core", "{0} holds labels and no captions; make pairs of it with c4t caption coco"),
    tr_noop("Core", "this annotation belongs to no image of the file"),
    tr_noop("Core", "{0}:{1} is not valid JSON; mend it or save the {2} as CSV"),
    tr_noop("Core", "this line is not JSON"),
    tr_noop("Core", "this line is not an object"),
    tr_noop("Core", "this record is not an object"),
    tr_noop("Core", "this row has {0} cells, but there are {1} columns"),
    tr_noop("Core", "a quotation mark opens here and is not closed"),
    tr_noop("Core", "the path {0} leaves the images' folder"),
    tr_noop("Core", "the path of the image holds a NUL byte"),
    tr_noop("Core", "{0} is an address in the web, not the name of a file"),
    tr_noop("Core", "{0} is not a file"),
    tr_noop("Core", "{0} is a link that leaves the images' folder"),
    tr_noop("Core", "the image {0} is missing"),
    tr_noop("Core", "images of up to {0} million pixels are read"),
    tr_noop(
        "Core",
        "damaged or cut short, or a {0} of a rare kind (its decoder does not know "
        "what is inside); convert it to PNG",
    ),
    tr_noop("Core", "damaged or cut short ({0})"),
    tr_noop("Core", "damaged ({0})"),
    tr_noop("Core", "the rest of it is zeros"),
    tr_noop("Core", "its decoder does not know what is inside"),
    tr_noop("Core", "the file is gone"),
    tr_noop("Core", "there is nothing at its address any more"),
    tr_noop("Core", "access to its address was denied; check your credentials"),
    tr_noop("Core", "it cannot be kept, as the disk is full; make room"),
    tr_noop("Core", "its address took too long to answer; try again later"),
    tr_noop("Core", "its address cannot be reached; check the connection"),
    tr_noop("Core", "its server sends on to another address, so it is not fetched"),
    tr_noop("Core", "not fetched, as you have not agreed to it yet"),
    tr_noop("Core", "not below an address that was opened, so it is not fetched"),
    tr_noop("Core", "too large to be fetched; up to {0} MB are"),
    tr_noop("Core", "a link that leads out of the folder of its table, so it is not read"),
    tr_noop(
        "Core",
        'The address "{0}" carries a user, a password or a signature; leave them out and give '
        "them as the environment variables of the storage, such as AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY.",
    ),
    tr_noop("Core", "no permission to read it"),
    tr_noop("Core", "a folder, not an image"),
    tr_noop("Core", "not a regular file (a pipe, socket or device)"),
    tr_noop("Core", "of a kind that is not read ({0}); convert it to PNG or JPEG"),
    tr_noop("Core", "cannot be read ({0})"),
    tr_noop("Core", "too large a file; {0}"),
    tr_noop("Core", "too large: {0} x {1} pixels; {2}"),
    tr_noop("Core", "too large: {0}"),
    tr_noop("Core", "its colours cannot be converted"),
    tr_noop("Core", "needs more memory than there is"),
    tr_noop("Core", "a picture in {0}, which this Pillow cannot read; update Pillow"),
    tr_noop("Core", "an empty file"),
    tr_noop("Core", "not an image, whatever its name says; it can be left out"),
    tr_noop(
        "Core",
        "The model that comes with C4T: small, made for traffic scenes, runs on any CPU.",
    ),
    tr_noop("Core", "A C4T model ({0})."),
    tr_noop("Core", "CLIP ViT-B-32 with OpenAI's weights, the yardstick of evaluations."),
    tr_noop("Core", "CLIP {0}, weights from {1}."),
    tr_noop("Core", 'There is no model folder "{0}"; check the path.'),
    tr_noop(
        "Core",
        "The model that comes with the application is missing from this installation;"
        " install the application again.",
    ),
    tr_noop("Core", "{0} needs more packages ({1}); install them with: {2}"),
    tr_noop(
        "Core",
        "{0} has no column that is known to hold the {1}; choose among {2}, on the "
        "command line with --image-column and --caption-column",
    ),
    tr_noop(
        "Core",
        "{0} holds no usable pair ({1}); mend these lines, choose another column for "
        "the image ({2}; --image-column) or check that {3} is the folder of the "
        "images",
    ),
    tr_noop(
        "Core",
        "{0} holds no usable pair ({1}); mend these lines or check that {2} is the "
        "folder of the images",
    ),
    tr_noop("Core", "it has no rows"),
    tr_noop(
        "Core",
        "No frame is marked as right yet; mark hits with R and X in the results, then "
        "evaluate again.",
    ),
    tr_noop(
        "Core",
        "The image encoder itself learned, and the real frames that came with the model are kept "
        "as what the old one saw in them: what was forgotten of weather, roads, night and the "
        "like, was not measured and not rehearsed. Give photographs of your own with --general, "
        "or keep the encoders with --freeze encoders.",
    ),
    tr_noop(
        "Core",
        "No drives were held out, so nobody knows whether this helped; add pairs of another drive "
        "or a split column.",
    ),
    tr_noop(
        "Core",
        "Fine-tuning did not help on the held-out drives: {0} before, {1} after. The old model is "
        "the one to use.",
    ),
    tr_noop(
        "Core",
        "The new weights alone did not help on the held-out drives: {0} before, {1} after. {2}, "
        "which scores {3}.",
    ),
    tr_noop("Core", "The new weights alone forgot: {0}. {1}."),
    tr_noop("Core", "Every blend forgot too, so the old weights are kept"),
    tr_noop("Core", "A blend with {0} of the new weights is kept"),
    tr_noop("Core", "{0}, line {1}: {2}"),
    tr_noop("Core", "line {0}: {1}; {2}"),
    tr_noop("Core", "line {0}: {1}"),
)


def said(sentence: str) -> str:
    """Return a sentence of the core in the language of the window; one not known here as it is.

    The core speaks English, to the command line and in reports. What it fills in, such as a reason,
    may be a sentence too.
    """
    for form in _SAID if _translators else ():
        translated = QCoreApplication.translate("Core", form)
        found = None if translated == form else _pattern(form).fullmatch(sentence)
        if found is not None:
            return translated.format(*map(said, found.groups()))
    return sentence


@functools.cache
def _pattern(form: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\d\\\}", "(.+?)", re.escape(form)), re.DOTALL)
