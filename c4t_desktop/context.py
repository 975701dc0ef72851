"""Where further panels plug in: each in a module of its own, imported when it is asked for.

A module ``c4t_desktop.panels.NAME`` that offers ``create(context, parent) -> QWidget`` is
opened by the action of that name. A dialog is shown over the window; any other widget takes
the place of the grid until it emits ``closed``, or another panel takes its place; a method
``release()``, where it has one, is called before it goes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from PySide6.QtCore import SignalInstance
from PySide6.QtWidgets import QWidget

from c4t_desktop.gallery.thumbnail_cache import ThumbnailCache
from c4t_desktop.jobs.runner import JobRunner
from c4t_desktop.jobs.thumbnails import Thumbnails
from c4t_desktop.services.details import Details
from c4t_desktop.services.finder import Finder
from c4t_desktop.services.library import Library
from c4t_desktop.services.marks import MarkBook
from c4t_desktop.settings import Settings
from c4t_desktop.theme import Theme

if TYPE_CHECKING:
    from c4t_desktop.panels.commands import Commands
    from c4t_desktop.panels.details import DetailsPanel

MODULES = {
    "compare": "compare",
    "evaluate": "evaluation",
    "train": "training",
    "export": "dialogs.export",
    "models": "dialogs.models",
}


@dataclass(frozen=True)
class Context:
    """What a panel may use; made once in ``app.py``.

    Attributes:
        runner: runs core work off the GUI thread.
        library: the open folders, the model, the index.
        finder: the question asked and its answer.
        details: facts about single frames.
        thumbnails: makes pictures.
        cache: keeps them.
        settings: what the user set.
        theme: colours, type, icons.
        marks: right and wrong marks, saved searches.
    """

    runner: JobRunner
    library: Library
    finder: Finder
    details: Details
    thumbnails: Thumbnails
    cache: ThumbnailCache
    settings: Settings
    theme: Theme
    marks: MarkBook


@runtime_checkable
class Window(Protocol):
    """What panels use of the window that they are made for."""

    closing: SignalInstance
    commands: Commands
    details: DetailsPanel


@runtime_checkable
class InPlaceOfGrid(Protocol):
    """A panel that takes the place of the grid."""

    closed: SignalInstance


Factory = Callable[[Context, QWidget], QWidget]


def module_of(name: str) -> str:
    """Return the module that offers an extension."""
    return f"c4t_desktop.panels.{MODULES[name]}"


def available(name: str) -> bool:
    """Whether an extension is part of this installation."""
    return find_spec(module_of(name)) is not None


def factory(name: str) -> Factory:
    """Import an extension and return what makes its panel."""
    made: Factory = import_module(module_of(name)).create
    return made
