"""Beside the grid: the frame, its neighbours in time, facts, marks, similar frames."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, SignalInstance, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QWidget,
)

from c4t_core.addresses import is_remote
from c4t_core.index.objects import CLASSES, SIDES, ObjectFact
from c4t_desktop.context import Context
from c4t_desktop.gallery.delegate import ASPECT
from c4t_desktop.gallery.filmstrip import Filmstrip
from c4t_desktop.gallery.frame_view import FrameView
from c4t_desktop.gallery.results_model import shown
from c4t_desktop.messages import count_text, object_name, place_name, size_text
from c4t_desktop.panels.bars.top_bar import title_of
from c4t_desktop.panels.parts import (
    ElidedLabel,
    FlowLayout,
    MarkButtons,
    column,
    label,
    named,
)
from c4t_desktop.panels.tagging import FrameTags
from c4t_desktop.services.details import Facts
from c4t_desktop.theme import Theme

if TYPE_CHECKING:
    from c4t_core.workspace import Hit

_CAPTIONS = 4  # shown of one frame
_ROWS = ("score", "drive", "frame", "file", "changed", "folder")


class ObjectsList(QWidget):
    """What the model believes is in a frame, a line for each class: how many, where, how sure."""

    def __init__(self, theme: Theme) -> None:
        """Show nothing yet."""
        super().__init__()
        named(self, "objectsList", self.tr("What the model sees in the frame"))
        self._nothing = label(self.tr("Nothing of what it knows."), "muted", "noObjects", wrap=True)
        self._grid = grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.px(8))
        grid.setVerticalSpacing(theme.px(4))
        self._lines: list[tuple[ElidedLabel, ElidedLabel, QLabel]] = []
        for number in range(len(CLASSES)):
            line = (
                named(ElidedLabel(), "objectName"),
                named(ElidedLabel(), "", kind="muted"),
                label(kind="muted", name="objectConfidence"),
            )
            line[-1].setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            for place, part in enumerate(line):
                grid.addWidget(part, number, place)
            self._lines.append(line)
        column(theme, self._nothing, grid, margins=(0, 0, 0, 0), gap=0, parent=self)

    def show_facts(self, facts: Sequence[ObjectFact]) -> None:
        """Show what is believed to be there; what is not probable is left out."""
        there = [fact for fact in facts if fact.number]
        self._nothing.setVisible(not there)
        for number, line in enumerate(self._lines):
            if number < len(there):
                self._show_fact(there[number], *line)
            for part in line:
                part.setVisible(number < len(there))
        for place, widest in enumerate(self._widest(len(there))):
            self._grid.setColumnStretch(place, widest)

    def _widest(self, lines: int) -> tuple[int, int]:
        """Return what names and places need: each gets its share, so that none is cut for air."""
        shown = self._lines[:lines]
        names = max((name.whole_width for name, _, _ in shown), default=1)
        return names, max((places.whole_width for _, places, _ in shown), default=1)

    def _show_fact(
        self, fact: ObjectFact, name: ElidedLabel, places: ElidedLabel, sure: QLabel
    ) -> None:
        name.show_text(f"{count_text(fact.number)} {object_name(fact.label, fact.number)}")
        where = list(map(place_name, fact.places))
        if fact.places[-len(SIDES) :] == SIDES:
            where[-len(SIDES) :] = [self.tr("everywhere")]
        places.show_text(", ".join(where))
        sure.setText(f"{round(100 * fact.confidence)} %")
        sure.setToolTip(self.tr("How sure the model is"))


class DetailsPanel(QScrollArea):
    """Everything about the current frame.

    Signals:
        frame_wanted: another frame is to be shown (Path).
        opened: the frame is to be shown large (Path).
        marked: the frame is right or wrong, or "" to take the mark away (str).
        like_wanted: look for frames like this one (Path).
        copy_wanted, reveal_wanted, open_wanted: what the buttons below say (Path).
        filled: a frame is shown, or none any more (bool).
    """

    filled = Signal(bool)
    frame_wanted = Signal(object)
    opened = Signal(object)
    marked = Signal(str)
    like_wanted = Signal(object)
    copy_wanted = Signal(object)
    reveal_wanted = Signal(object)
    open_wanted = Signal(object)

    def __init__(self, context: Context) -> None:
        """Show nothing yet."""
        super().__init__()
        self._details, self._theme = context.details, context.theme
        thumbnails, cache, theme = context.thumbnails, context.cache, context.theme
        self._path: Path | None = None
        self._large = False  # the frame is shown large beside this
        self._labels: dict[str, ElidedLabel] = {}
        self._names: dict[str, QLabel] = {}
        named(self, "detailsPanel", self.tr("Details"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view = FrameView(thumbnails, cache, theme, zoomable=False)
        self.view.setToolTip(self.tr("Double-click or press Enter in the results to enlarge"))
        self._name = named(ElidedLabel(), "detailsName", kind="subtitle")
        self.neighbours = Filmstrip(cache, theme, self.tr("Neighbours in time"), columns=4)
        self.neighbours.setObjectName("neighbourStrip")
        self.similar = Filmstrip(cache, theme, self.tr("Similar frames"), columns=4)
        self.similar.setObjectName("similarStrip")
        self._near_title = label(self.tr("NEIGHBOURS IN TIME"), "section")
        self._similar_title = label(self.tr("SIMILAR FRAMES"), "section")
        self._objects_title = label(self.tr("WHAT THE MODEL SEES"), "section")
        self.objects = ObjectsList(theme)
        self._captions_title = label(self.tr("CAPTIONS"), "section")
        self.captions = label(name="captionsText", wrap=True)
        self.captions.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._marks = MarkButtons(theme, "markRightButton", "markWrongButton")
        self._like = self._button(self.tr("More like this"), "similar", "moreLikeThisButton")
        self._copy = self._button(self.tr("Copy path"), "copy", "copyPathButton")
        self._reveal = self._button(self.tr("Show"), "reveal", "revealButton")
        self._open = self._button(self.tr("Open"), "open", "openButton")
        self._reveal.setToolTip(self.tr("Show in the file manager (Ctrl+R)"))
        self._open.setToolTip(self.tr("Open with another program (Ctrl+Return)"))
        self.tags = FrameTags(context.tags, context.finder, theme)
        self._content = named(QWidget(), "", kind="page")
        self._nothing = label(self.tr("Select a frame to see its details."), "muted", wrap=True)
        self._place()
        self._wire()
        self._restyle()
        self.clear()

    def _button(self, text: str, icon: str, name: str) -> QPushButton:
        button = named(QPushButton(text), name)
        self._theme.dress(button, icon)
        return button

    def _place(self) -> None:
        gap, theme = self._theme.px(8), self._theme
        column(
            theme,
            self.view,
            self._name,
            _buttons(gap, self._marks, self._like),
            self.tags,
            self._facts_grid(),
            4,
            self._objects_title,
            self.objects,
            self._captions_title,
            self.captions,
            self._near_title,
            self.neighbours,
            self._similar_title,
            self.similar,
            4,
            _buttons(gap, self._copy, self._reveal, self._open),
            None,
            margins=(14, 14, 14, 14),
            gap=10,
            parent=self._content,
        )
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        holder = named(QWidget(), "", kind="page")
        column(theme, self._content, self._nothing, margins=(0, 0, 0, 0), parent=holder)
        self.setWidget(holder)

    def _facts_grid(self) -> QGridLayout:
        titles = {
            "score": self.tr("Score"),
            "drive": self.tr("Drive"),
            "frame": self.tr("Frame"),
            "file": self.tr("File"),
            "changed": self.tr("Changed"),
            "folder": self.tr("Folder"),
        }
        grid = QGridLayout()
        grid.setHorizontalSpacing(self._theme.px(12))
        grid.setVerticalSpacing(self._theme.px(4))
        grid.setColumnStretch(1, 1)
        for line, key in enumerate(_ROWS):
            name, value = label(titles[key], "muted"), ElidedLabel()
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._names[key], self._labels[key] = name, value
            grid.addWidget(name, line, 0)
            grid.addWidget(value, line, 1)
        return grid

    def _wire(self) -> None:
        self._details.known.connect(self._known)
        self._marks.marked.connect(self.marked)
        for button, wanted in (
            (self._like, self.like_wanted),
            (self._copy, self.copy_wanted),
            (self._reveal, self.reveal_wanted),
            (self._open, self.open_wanted),
        ):
            button.clicked.connect(partial(self._want, wanted))
        self.neighbours.chosen.connect(self.frame_wanted)
        self.similar.chosen.connect(self.frame_wanted)
        self.view.double_clicked.connect(partial(self._want, self.opened))
        self._theme.changed.connect(self._restyle)

    # what is shown --------------------------------------------------------------------------

    @property
    def path(self) -> Path | None:
        """The frame shown."""
        return self._path

    def show_hit(self, path: Path, hit: Hit | None = None, model: str = "") -> None:
        """Show a frame.

        Args:
            path: the file.
            hit: what the grid knows about it.
            model: the model that its score is of; "" for how sure a condition on objects is.
        """
        self._path = path
        for button in (self._reveal, self._open):  # no program of this machine finds an address
            button.setVisible(not is_remote(path))
        self._content.show()
        self._nothing.hide()
        self._show_picture()
        self._name.show_text(shown(path.name))
        score = ""
        if hit is not None and hit.rank:
            value = f"{hit.score:.3f} {title_of(model)}".strip()
            score = self.tr("{0} · rank {1}").format(value, hit.rank)
            self._names["score"].setText(self.tr("Score") if model else self.tr("Confidence"))
        self._set("score", score)
        self._set("folder", shown(str(path.parent)))
        if path not in self.neighbours.paths:
            self.neighbours.show_frames([])
        self.similar.show_frames([])
        self._show_objects(None)
        self._show_captions(())
        self.tags.show_frame(path)
        self._details.look_up(path)
        self.filled.emit(True)

    def clear(self) -> None:
        """Show nothing."""
        self._path = None
        self._show_picture()
        self.tags.show_frame(None)
        self._content.hide()
        self._nothing.show()
        self.filled.emit(False)

    def show_mark(self, mark: str | None) -> None:
        """Show the mark of the frame; None where no query is asked that it could belong to."""
        self._marks.show_mark(None if self._large else mark)

    def leave_out_picture(self, large: bool) -> None:
        """Leave out the picture, and the marks that belong to it, while it is shown large."""
        self._large = large
        self.view.setVisible(not large)
        self._show_picture()

    def _show_picture(self) -> None:
        self.view.show_frame(None if self._large else self._path)

    def _set(self, key: str, text: str) -> None:
        self._labels[key].show_text(text)
        self._labels[key].setVisible(bool(text))
        self._names[key].setVisible(bool(text))

    @Slot(object)
    def _known(self, facts: Facts) -> None:
        if facts.path != self._path:
            return
        self._set("drive", _joined(facts.drive, facts.camera))
        self._set("frame", _joined(facts.frame, facts.when))
        width, height = facts.pixels
        pixels = f"{width} × {height}" if width else ""
        size = size_text(facts.size) if facts.size >= 0 else self.tr("not there now")
        self._set("file", _joined(f"{pixels} {facts.format}".strip(), size))
        self._set("changed", facts.changed)
        self._show_objects(facts.objects)
        self._show_captions(facts.captions)
        self.neighbours.show_frames(facts.neighbours, facts.path)
        self.similar.show_frames(facts.similar)
        self._near_title.setVisible(len(facts.neighbours) > 1)
        self.neighbours.setVisible(len(facts.neighbours) > 1)
        self._similar_title.setVisible(bool(facts.similar))
        self.similar.setVisible(bool(facts.similar))

    def _show_objects(self, objects: Sequence[ObjectFact] | None) -> None:
        self.objects.show_facts(objects or ())
        for part in (self._objects_title, self.objects):
            part.setVisible(objects is not None)

    def _show_captions(self, captions: tuple[str, ...]) -> None:
        mark = "• " if len(captions) > 1 else ""  # wrapped lines run into each other
        lines = [mark + caption for caption in captions[:_CAPTIONS]]
        if len(captions) > _CAPTIONS:
            lines.append(self.tr("and {0} more").format(len(captions) - _CAPTIONS))
        self.captions.setText("\n".join(lines))
        for part in (self._captions_title, self.captions):
            part.setVisible(bool(lines))

    def _want(self, wanted: SignalInstance, *_: object) -> None:
        wanted.emit(self._path)

    # looks ----------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Keep the shape of the picture."""
        super().resizeEvent(event)
        width = self.viewport().width() - 2 * self._theme.px(14)
        self.view.setFixedHeight(max(80, round(width / ASPECT)))

    @Slot()
    def _restyle(self) -> None:
        self.setMinimumWidth(self._theme.px(300))


def _buttons(gap: int, *parts: QWidget) -> QWidget:
    holder = QWidget()
    flow = FlowLayout(holder, gap, centred=False)
    for part in parts:
        flow.addWidget(part)
    return holder


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)
