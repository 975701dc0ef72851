"""Two models side by side on the user's own question."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QPushButton,
    QSplitter,
    QToolButton,
    QWidget,
)

from c4t_desktop.context import Context, InPlaceOfGrid
from c4t_desktop.gallery.delegate import CompareDelegate
from c4t_desktop.gallery.results_model import ResultsModel
from c4t_desktop.gallery.view import ResultsView
from c4t_desktop.messages import describe
from c4t_desktop.panels.bars.top_bar import title_of
from c4t_desktop.panels.parts import column, label, named, open_dialog, row
from c4t_desktop.panels.tagging import TagDialog
from c4t_desktop.services.comparison import Compared, Comparison, IndexNeeded
from c4t_desktop.settings import DRIVE_CAPTIONS, WHOLE_PICTURES

if TYPE_CHECKING:
    from c4t_core.models.protocol import ModelInfo


class Side(QWidget):
    """One model: a chooser, its hits, and what is missing.

    Signals:
        chosen: another model was chosen.
        index_wanted: the missing index is to be made.
    """

    chosen = Signal()
    index_wanted = Signal()

    def __init__(self, context: Context, name: str) -> None:
        """Show nothing yet."""
        super().__init__()
        self.chooser = named(QComboBox(), f"{name}ModelChooser", self.tr("Model"))
        self.note = label(kind="muted", wrap=True)
        self.make_index = named(QPushButton(self.tr("Index now")), f"{name}IndexButton")
        self.make_index.hide()
        self.model = ResultsModel(self)
        self.view = ResultsView(self.model, context.cache, context.theme)
        self.view.setObjectName(f"{name}ResultsView")
        self.delegate = CompareDelegate(context.cache, context.theme, self.view)
        self.view.use_delegate(self.delegate)
        self.view.set_card_width(180)
        theme = context.theme
        top = row(
            theme, self.chooser, self.note, self.make_index, wide=self.note, margins=(16, 0, 16, 0)
        )
        column(theme, top, self.view, wide=self.view, margins=(0, 0, 0, 0), parent=self)
        self.chooser.activated.connect(self.chosen)
        self.make_index.clicked.connect(self.index_wanted)

    @property
    def model_name(self) -> str:
        """The model chosen."""
        return str(self.chooser.currentData())

    def offer(self, infos: Sequence[ModelInfo], current: str) -> None:
        """List the models that can be used."""
        self.chooser.clear()
        for info in infos:
            if info.available:
                self.chooser.addItem(title_of(info.name), info.name)
        if self.chooser.findData(current) < 0:
            self.chooser.addItem(title_of(current), current)
        self.chooser.setCurrentIndex(self.chooser.findData(current))

    def need(self, needed: IndexNeeded | None) -> None:
        """Offer to make what is missing of the index; None if nothing is."""
        self.make_index.setVisible(needed is not None)
        self.make_index.setEnabled(True)
        text = self.tr("{count} frames are not indexed with this model.")
        self.note.setText(text.format(count=needed.missing) if needed else "")


class ComparePanel(InPlaceOfGrid):
    """The question on two models: shared hits, hits of one only, moved ranks.

    Signals:
        hit_chosen: a hit (Path, Hit) and the model that found it (str); None where what was chosen
            is no hit any more.
    """

    hit_chosen = Signal(object, object, str)
    follows_search = True

    def __init__(self, context: Context) -> None:
        """Compare the model in use with the next one there is."""
        super().__init__()
        self.setObjectName("comparePanel")
        self._context = context
        self._comparison = Comparison(context.library, parent=self)
        self._chosen_frame: tuple[int, Path] | None = None  # on which side, and which
        self.sides = (Side(context, "left"), Side(context, "right"))
        self.summary = label(kind="subtitle", name="compareSummary", wrap=True)
        self._place()
        self._wire()
        self._offer()

    def _place(self) -> None:
        theme = self._context.theme
        back = named(QToolButton(), "compareCloseButton", self.tr("Back to one model (Esc)"))
        theme.dress(back, "close")
        back.setIconSize(QSize(theme.px(16), theme.px(16)))
        back.setToolTip(back.accessibleName())
        back.clicked.connect(self.closed)
        top = row(theme, self.summary, back, wide=self.summary, margins=(16, 12, 12, 0))
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(1)
        for side in self.sides:
            split.addWidget(side)
        column(theme, top, split, wide=split, margins=(0, 0, 0, 0), gap=8, parent=self)

    def _wire(self) -> None:
        comparison, finder = self._comparison, self._context.finder
        for number, side in enumerate(self.sides):
            side.chosen.connect(self._chosen)
            side.index_wanted.connect(partial(self._index, number))
            side.view.marked.connect(partial(self._mark, number))
            side.view.tag_wanted.connect(partial(self._tag, number))
            side.view.selectionModel().currentChanged.connect(partial(self._follow, number))
        comparison.answered.connect(self._answered)
        comparison.index_needed.connect(self._index_needed)
        comparison.indexing.connect(self._indexing)
        comparison.failed.connect(self._failed)
        finder.answered.connect(self._asked)
        finder.cleared.connect(self._asked)
        self._context.marks.changed.connect(self._show_marks)
        self._context.settings.changed.connect(self._show_look)
        self._show_look()

    def _offer(self) -> None:
        library = self._context.library
        for side, name in zip(self.sides, self._comparison.models, strict=True):
            side.offer(library.models, name)
        self._show_marks(self._context.marks.marks)
        self._asked()

    @Slot()
    def _asked(self) -> None:
        if not self._context.finder.question.empty:
            self.summary.setText(self.tr("Searching with both models…"))
        self._comparison.ask(self._context.finder.question)

    @Slot()
    def _chosen(self) -> None:
        self._comparison.choose(*(side.model_name for side in self.sides))

    def _index(self, number: int) -> None:
        self.sides[number].make_index.setEnabled(False)
        self._comparison.index(self.sides[number].model_name)

    @Slot(object)
    def _answered(self, compared: Compared) -> None:
        for number, side in enumerate(self.sides):
            rows = compared.rows[number]
            side.model.set_rows(rows, low=compared.low[number], best=compared.best[number])
            if rows:
                side.need(None)
        self._show_chosen_again()
        only = [len(rows) - compared.shared for rows in compared.rows]
        names = [title_of(side.model_name) for side in self.sides]
        if self._context.finder.question.empty:
            self.summary.setText(self.tr("Type a question to compare two models on it."))
        elif all(side.chooser.count() < 2 for side in self.sides):
            text = self.tr("There is no other model here: add or download one in “Models”.")
            self.summary.setText(text)
        elif names[0] == names[1]:
            self.summary.setText(self.tr("Choose another model on one side to compare them."))
        elif any(compared.unknown):
            text = self.tr("{0} has not seen these frames yet; index them to compare.")
            self.summary.setText(text.format(names[compared.unknown.index(True)]))
        else:
            text = self.tr(
                "Of the first {depth} hits: {shared} shared · {left} only {a} · {right} only {b}"
            )
            depth = max(map(len, compared.rows))
            a, b = names
            self.summary.setText(
                text.format(
                    depth=depth, shared=compared.shared, left=only[0], a=a, right=only[1], b=b
                )
            )

    @Slot(object)
    def _index_needed(self, needed: IndexNeeded) -> None:
        for side in self.sides:
            if side.model_name == needed.model:
                side.need(needed)

    @Slot(int, int)
    def _indexing(self, done: int, total: int) -> None:
        text = self.tr("Indexing: {done} of {total}").format(done=done, total=total)
        for side in self.sides:
            if not side.make_index.isHidden():
                side.note.setText(text)

    @Slot(object)
    def _failed(self, error: Exception) -> None:
        self.summary.setText(describe(error).sentence)

    def _follow(self, number: int, *_: object) -> None:
        """Show the frame chosen on one side on the other, if it is there."""
        path = self.sides[number].view.current_path()
        other = self.sides[1 - number].view
        if path is not None and self.sides[number].view.hasFocus():
            other.go_to(path)
            self._chosen_frame = number, path
            self._tell_chosen()

    def _tell_chosen(self) -> None:
        if self._chosen_frame is None:
            return
        number, path = self._chosen_frame
        side, unscored = self.sides[number], self._context.finder.question.unscored
        row = side.model.row_at(side.model.index_of(path))
        if row is not None:
            self.hit_chosen.emit(path, row.hit, "" if unscored else side.model_name)
        else:
            self._chosen_frame = None
            self.hit_chosen.emit(None, None, "")

    def _show_chosen_again(self) -> None:
        """Have the frame chosen be so among other hits too, if it is one of them."""
        if self._chosen_frame is not None:
            for side in self.sides:
                side.view.go_to(self._chosen_frame[1])
            self._tell_chosen()

    def _mark(self, number: int, mark: str) -> None:
        chosen = self.sides[number].view.selected_paths()
        marks = self._context.marks
        marks.mark(chosen, marks.following(chosen) if mark == "toggle" else mark)

    def _tag(self, number: int) -> None:
        chosen = self.sides[number].view.selected_paths()
        if chosen:
            context = self._context
            open_dialog(TagDialog(lambda: chosen, context.tags, context.theme, self))

    @Slot()
    def _show_look(self) -> None:
        """Have the cards look as those of the grid."""
        value = self._context.settings.value
        for side in self.sides:
            side.view.set_look(whole=value(WHOLE_PICTURES), dated=value(DRIVE_CAPTIONS))

    @Slot(object)
    def _show_marks(self, marks: dict[Path, str]) -> None:
        for side in self.sides:
            side.model.set_marks(marks)

    def release(self) -> None:
        """Close the models that were opened here; the panel is about to go."""
        self._comparison.close()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Go back to the grid by Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)
