"""The search bar: a field for words behind its chips, and what was asked before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import (
    QMimeData,
    QSize,
    QTimer,
    Signal,
    Slot,
)
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QFocusEvent,
    QGuiApplication,
    QImage,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QWidget,
)

from c4t_core.errors import QueryError
from c4t_core.index.objects import ObjectCondition, take_conditions
from c4t_core.index.query import Term
from c4t_desktop.gallery.results_model import files_of, plain_tip
from c4t_desktop.gallery.thumbnail_cache import ThumbnailCache
from c4t_desktop.messages import plain_label
from c4t_desktop.panels.chips import (
    Chip,
    ImageChip,
    ObjectChip,
    RefineChip,
    TextChip,
    keep_pasted,
    share_out,
)
from c4t_desktop.panels.parts import discard, restyle, take_copy
from c4t_desktop.panels.query_field import QueryField
from c4t_desktop.services.finder import Finder, Found
from c4t_desktop.services.question import Question
from c4t_desktop.settings import SEARCH_DELAY, Settings
from c4t_desktop.theme import Theme

C = TypeVar("C", bound=Chip)
_HISTORY = 30
_HALF_TYPED = 1500  # ms after which what looks unfinished is asked, so that it is said why not
_CHIPS = 0.6  # share of the bar that chips may take
_LAST = re.compile(r"[<>=≥≤]+\s+$|\S+$")


def _half_typed(text: str) -> bool:
    """Whether a query cannot be read only because its end is not typed yet."""
    try:
        take_conditions(text)
    except QueryError:
        with suppress(QueryError):
            take_conditions(_LAST.sub("", text))
            return True
    return False


class SearchBar(QFrame):
    """Asks the finder while one types.

    Signals:
        results_wanted: the user goes on to the results.
        save_wanted: the query is to be saved as a scenario.
        cleared: the user asks nothing any more; what was asked (Question).
    """

    results_wanted = Signal()
    save_wanted = Signal()
    cleared = Signal(object)

    def __init__(
        self,
        finder: Finder,
        cache: ThumbnailCache,
        settings: Settings,
        theme: Theme,
        parent: QWidget | None = None,
    ) -> None:
        """Ask nothing yet."""
        super().__init__(parent)
        self._finder = finder
        self._cache = cache
        self._settings = settings
        self._theme = theme
        self._chips: list[Chip] = []
        self.setObjectName("searchBar")
        self.setAcceptDrops(True)
        self.field = QueryField(theme)
        self.field.setPlaceholderText(self.tr("Describe a situation, or drop an image…"))
        self._lens = QLabel()
        self._hint = plain_label("Ctrl+F")
        self._hint.setProperty("kind", "muted")
        self._rest = plain_label(kind="muted", name="moreChips")
        self._too_long = plain_label(self.tr("Too long: its end is left out"))
        self._too_long.setObjectName("tooLong")
        self._too_long.setProperty("kind", "muted")
        self._too_long.hide()
        self._save = self._button("bookmark", self.tr("Save this search as a scenario (Ctrl+S)"))
        self._clear = self._button("close", self.tr("Clear the search (Esc)"))
        self._row = QHBoxLayout(self)
        self._place()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._ask_now)
        self._wire()
        self.field.set_history(self._settings.recall("history", []))
        self._restyle()
        self._show_buttons()

    def _button(self, icon: str, name: str) -> QToolButton:
        button = QToolButton()
        button.setProperty("icon_name", icon)
        button.setToolTip(name)
        button.setAccessibleName(name)
        return button

    def _place(self) -> None:
        px = self._theme.px
        self._row.setContentsMargins(px(10), px(1), px(6), px(1))  # nothing grows with a query
        self._row.setSpacing(px(6))
        self._row.addWidget(self._lens)
        self._row.addWidget(self._rest)
        self._row.addWidget(self.field, 1)
        self._row.addWidget(self._too_long)
        self._row.addWidget(self._save)
        self._row.addWidget(self._clear)
        self._row.addWidget(self._hint)

    def _wire(self) -> None:
        self.field.textChanged.connect(self._typed)
        self.field.entered.connect(self._enter)
        self.field.editingFinished.connect(self._left)
        self.field.down_pressed.connect(self._go_down)
        self.field.backspaced.connect(self._drop_last_chip)
        self._clear.clicked.connect(self.clear)
        self._save.clicked.connect(self.save_wanted)
        self._theme.changed.connect(self._restyle)
        self.field.image_pasted.connect(self.paste_image)
        self._finder.answered.connect(self._show_cut)
        self._finder.filters_changed.connect(self._filters_changed)

    # what is asked --------------------------------------------------------------------------

    def question(self) -> Question:
        """Return the question as it stands; marks refine it as long as its terms stay."""
        now, images = self._finder.question, self._chips_of(ImageChip)
        objects = tuple(chip.condition for chip in self._chips_of(ObjectChip))
        try:
            text, typed = take_conditions(self.field.text())
        except QueryError:  # whoever answers says so
            text, typed = self.field.text(), ()
        asked = replace(
            now,
            images=tuple(Term(image=chip.image, weight=chip.weight) for chip in images),
            text=text,
            filters=replace(now.filters, objects=objects).asking(typed),
        )
        return replace(asked, refine=now.refine and asked.key() == now.key())

    def show_question(self, question: Question) -> None:
        """Put a question into the bar and ask it."""
        self._timer.stop()
        self._remove_chips(self._chips)
        for term in question.images:
            if term.image is not None:
                self._add_image_chip(term.image, term.weight)
        self._show_conditions(question.filters.objects)
        self._show_refined(question.refine)
        self._show_text(question.text)
        self._finder.search(question)

    def _show_text(self, text: str, cursor: int | None = None) -> None:
        """Put words into the field without asking them."""
        self.field.blockSignals(True)
        self.field.setText(text)
        self.field.setCursorPosition(len(text) if cursor is None else cursor)
        self.field.blockSignals(False)
        self._show_buttons()

    def add_image(self, image: Path, weight: float = 1.0) -> None:
        """Add an image as a term."""
        self._add_image_chip(image, weight)
        self._ask_now()

    def like(self, image: Path) -> None:
        """Look for what is like an image, and for nothing else."""
        now = self._finder.question
        filters = replace(now.filters, objects=())
        self.show_question(
            replace(now, images=(Term(image=image),), text="", filters=filters, refine=False)
        )

    @Slot()
    def clear(self) -> None:
        """Ask nothing."""
        before = self.question()
        self._remove_chips(self._chips)
        self._show_text("")
        self._ask_now()
        self.field.setFocus()
        if not before.empty:
            self.cleared.emit(before)

    @Slot()
    def search_within(self) -> None:
        """Restrict the next query to the hits shown now, and begin to type it."""
        if self._finder.search_within():
            self.focus_all()

    def is_empty(self) -> bool:
        """Whether nothing is asked."""
        return self.question().empty

    def focus_all(self) -> None:
        """Begin to type a new query."""
        self.field.setFocus()
        self.field.selectAll()

    @Slot(str)
    def _typed(self, text: str) -> None:
        cursor = self.field.cursorPosition()
        if text[:cursor].endswith(" "):  # what stands before it is finished
            self._take_conditions(cursor)
        self._show_buttons()
        self._timer.start(_HALF_TYPED if _half_typed(text) else self._settings.value(SEARCH_DELAY))

    @Slot()
    def _enter(self) -> None:
        self._remember()
        self._take_conditions(len(self.field.text()))
        self._ask_now()

    @Slot()
    def _left(self) -> None:
        self._take_conditions(len(self.field.text()))

    @Slot()
    def _go_down(self) -> None:
        self._remember()  # whoever looks at the hits may ask again
        self.results_wanted.emit()

    @Slot()
    def _ask_now(self) -> None:
        self._timer.stop()
        self._show_buttons()
        self._finder.search(self.question())

    def _remember(self) -> None:
        conditions = [str(chip.condition) for chip in self._chips_of(ObjectChip)]
        text = " ".join([*conditions, self.field.text().strip()]).strip()
        if text:
            kept = [old for old in self._settings.recall("history", []) if old != text]
            kept = [text, *kept][:_HISTORY]
            self._settings.remember("history", kept)
            self.field.set_history(kept)

    # chips ----------------------------------------------------------------------------------

    def _chips_of(self, kind: type[C]) -> list[C]:
        return [chip for chip in self._chips if isinstance(chip, kind)]

    def _add_image_chip(self, image: Path, weight: float) -> None:
        chip = ImageChip(image, weight, self._cache, self._theme)
        chip.changed.connect(self._ask_now)
        self._add_chip(chip)

    def _add_chip(self, chip: Chip) -> None:
        chip.removed.connect(self._chip_removed)
        self._chips.append(chip)
        self._row.insertWidget(self._row.indexOf(self._rest), chip)
        self._show_buttons()
        self._fit_chips()

    @Slot(object)
    def _chip_removed(self, chip: Chip) -> None:
        self.field.setFocus()
        if isinstance(chip, RefineChip):
            self._finder.set_refine(False)  # which takes the chip away
            return
        self._remove_chips([chip])
        self._ask_now()

    def _show_refined(self, refined: bool) -> None:
        """Have a chip while marks move the query."""
        if refined == bool(self._chips_of(RefineChip)):
            return
        if refined:
            self._add_chip(RefineChip(self._theme))
        else:
            self._remove_chips(self._chips_of(RefineChip))

    @Slot()
    def _drop_last_chip(self) -> None:
        if self._chips:
            self._chip_removed(self._chips[-1])

    def _remove_chips(self, chips: Sequence[Chip]) -> None:
        for chip in tuple(chips):
            self._chips.remove(chip)
            discard(self._row, chip)
        self._fit_chips()

    def _take_conditions(self, end: int) -> None:
        """Make chips of the conditions on objects that are typed up to a position."""
        whole = self.field.text()
        try:
            words, found = take_conditions(whole[:end])
        except QueryError:
            return  # it is said when it is asked
        if found:
            chosen = (chip.condition for chip in self._chips_of(ObjectChip))
            self._show_conditions(tuple(dict.fromkeys((*chosen, *found))))
            left = f"{words} " if words and whole[:end].endswith(" ") else words
            self._show_text(left + whole[end:].lstrip(), len(left))

    def _show_conditions(self, conditions: Sequence[ObjectCondition]) -> None:
        """Have a chip for each condition and no other; those that stay keep their place."""
        shown = self._chips_of(ObjectChip)
        self._remove_chips([chip for chip in shown if chip.condition not in conditions])
        there = {chip.condition for chip in shown}
        for condition in conditions:
            if condition not in there:
                chip = ObjectChip(condition, self._theme)
                chip.edited.connect(self._edit_condition)
                self._add_chip(chip)

    @Slot(object)
    def _edit_condition(self, chip: ObjectChip) -> None:
        """Put a condition back into the field as text; the hits stay until it is another one."""
        self._remove_chips([chip])
        self._show_text(f"{self.field.text().strip()} {chip.condition}".lstrip())
        self.field.setFocus()

    @Slot(object)
    def _filters_changed(self, question: Question) -> None:
        """Show what others added or took away."""
        self._show_refined(question.refine)
        wanted = question.filters.objects
        if set(wanted) != set(self.question().filters.objects):
            self._show_conditions(wanted)
            with suppress(QueryError):
                if not self._timer.isActive():  # else what is typed is newer
                    self._show_text(take_conditions(self.field.text())[0])
        self._show_buttons()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Share the new width out."""
        super().resizeEvent(event)
        self._fit_chips()

    def _fit_chips(self) -> None:
        """Shorten conditions where they would leave no room for words."""
        chips, px = self._chips_of(TextChip), self._theme.px
        room = round(self.width() * _CHIPS)
        room -= sum(chip.sizeHint().width() + px(6) for chip in self._chips_of(ImageChip))
        share_out(chips, room, self._rest, self._theme)

    # images from outside --------------------------------------------------------------------

    @Slot()
    def paste_image(self) -> bool:
        """Take an image from the clipboard as a term; False if there is none."""
        return self._take(QGuiApplication.clipboard().mimeData())

    def _take(self, data: QMimeData) -> bool:
        for image in files_of(data):
            if not image.is_dir():
                self.add_image(image)
                return True
        if data.hasImage():
            self.add_image(keep_pasted(QImage(data.imageData())))
            return True
        return False

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Light up for a picture or a local file, and accept it; folders are for the window."""
        data = event.mimeData()
        paths_ = files_of(data)
        picture = any(not path.is_dir() for path in paths_) or (data.hasImage() and not paths_)
        if picture and take_copy(event):
            self._show_active(True)
        else:
            event.ignore()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802
        """Go dark again."""
        self._show_active(False)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Add the dropped image to the query."""
        self._show_active(False)
        if take_copy(event) and not self._take(event.mimeData()):
            event.ignore()

    # looks ----------------------------------------------------------------------------------

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Hand the focus to the field."""
        self.field.setFocus()

    def _show_active(self, active: bool) -> None:
        """Show whether what is dragged over the bar would be taken."""
        if self.property("active") != active:
            self.setProperty("active", active)
            restyle(self)

    def _show_buttons(self) -> None:
        asked = not self.is_empty()
        self._clear.setVisible(asked)
        self._save.setVisible(asked or self._finder.question.lasting)
        self._hint.setVisible(not asked)
        if not asked:
            self._too_long.hide()
        hint = self.tr("add a term…") if self._chips else None
        self.field.setPlaceholderText(hint or self.tr("Describe a situation, or drop an image…"))

    @Slot(object)
    def _show_cut(self, found: Found) -> None:
        """Tell of a term that is longer than the model reads, and by which marks it moved."""
        for chip in self._chips_of(RefineChip):
            chip.show_marks(found.marks)
        self._fit_chips()
        self._too_long.setVisible(bool(found.cut_terms) and not self.is_empty())
        for term in found.cut_terms[:1]:
            tip = self.tr(
                "The model reads up to “{0}” and no further. Put what matters first, or join "
                "shorter terms with +."
            )
            self._too_long.setToolTip(plain_tip(tip.format(term.end)))

    @Slot()
    def _restyle(self) -> None:
        theme = self._theme
        self._fit_chips()
        self._lens.setPixmap(theme.pixmap("search", 16, theme.colours.muted))
        for button in (self._save, self._clear):
            button.setIcon(theme.icon(button.property("icon_name"), theme.colours.muted))
            button.setIconSize(QSize(theme.px(16), theme.px(16)))
