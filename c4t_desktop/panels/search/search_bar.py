"""The search bar: words, images as terms, what was asked before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QMimeData, QSize, QTimer, Signal, Slot
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QFocusEvent,
    QGuiApplication,
    QImage,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from c4t_core import paths
from c4t_core.files import short_digest
from c4t_core.index.query import Term
from c4t_desktop.gallery.results_model import local_path
from c4t_desktop.gallery.thumbnail_cache import ThumbnailCache
from c4t_desktop.messages import plain_label
from c4t_desktop.panels.search.query_field import ImageChip, QueryField
from c4t_desktop.services.finder import Finder
from c4t_desktop.services.question import Question
from c4t_desktop.settings import SEARCH_DELAY, Settings
from c4t_desktop.theme import Theme

_HISTORY = 30


class SearchBar(QFrame):
    """Asks the finder while one types.

    Signals:
        left_down: the user goes on to the results.
        save_wanted: the query is to be saved as a scenario.
    """

    left_down = Signal()
    save_wanted = Signal()

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
        self._chips: list[ImageChip] = []
        self.setObjectName("searchBar")
        self.setAcceptDrops(True)
        self.field = QueryField(theme)
        self.field.setPlaceholderText(self.tr("Describe a situation, or drop an image…"))
        self._lens = QLabel()
        self._hint = plain_label("Ctrl+F")
        self._hint.setProperty("kind", "muted")
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
        self._row.setContentsMargins(px(10), px(2), px(6), px(2))
        self._row.setSpacing(px(6))
        self._row.addWidget(self._lens)
        self._row.addWidget(self.field, 1)
        self._row.addWidget(self._save)
        self._row.addWidget(self._clear)
        self._row.addWidget(self._hint)

    def _wire(self) -> None:
        self.field.textChanged.connect(self._typed)
        self.field.entered.connect(self._enter)
        self.field.left_down.connect(self._go_down)
        self.field.backspaced.connect(self._drop_last_chip)
        self._clear.clicked.connect(self.clear)
        self._save.clicked.connect(self.save_wanted)
        self._theme.changed.connect(self._restyle)
        self.field.image_pasted.connect(self.paste_image)

    # what is asked --------------------------------------------------------------------------

    def question(self) -> Question:
        """Return the question as it stands."""
        images = tuple(Term(image=chip.image, weight=chip.weight) for chip in self._chips)
        return replace(self._finder.question, images=images, text=self.field.text())

    def show_question(self, question: Question) -> None:
        """Put a question into the bar and ask it."""
        self._timer.stop()
        self._remove_chips()
        for term in question.images:
            if term.image is not None:
                self._add_chip(term.image, term.weight)
        self.field.blockSignals(True)  # asked once, below
        self.field.setText(question.text)
        self.field.blockSignals(False)
        self._show_buttons()
        self._finder.search(question)

    def add_image(self, image: Path, weight: float = 1.0) -> None:
        """Add an image as a term."""
        self._add_chip(image, weight)
        self._ask_now()

    def like(self, image: Path) -> None:
        """Look for what is like an image, and for nothing else."""
        question = replace(self._finder.question, refine=False)
        self.show_question(replace(question, images=(Term(image=image),), text=""))

    @Slot()
    def clear(self) -> None:
        """Ask nothing."""
        self._remove_chips()
        self.field.clear()
        self._ask_now()
        self.field.setFocus()

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
    def _typed(self, _: str) -> None:
        self._show_buttons()
        self._set("wrong", value=False)
        self._timer.start(self._settings.value(SEARCH_DELAY))

    @Slot()
    def _enter(self) -> None:
        self._ask_now()
        self._remember(self.field.text().strip())

    @Slot()
    def _go_down(self) -> None:
        self._remember(self.field.text().strip())  # whoever looks at the hits may ask again
        self.left_down.emit()

    @Slot()
    def _ask_now(self) -> None:
        self._timer.stop()
        self._show_buttons()
        self._finder.search(self.question())

    def _remember(self, text: str) -> None:
        if text:
            kept = [old for old in self._settings.recall("history", []) if old != text]
            kept = [text, *kept][:_HISTORY]
            self._settings.remember("history", kept)
            self.field.set_history(kept)

    def show_wrong(self, sentence: str) -> None:
        """Show that the query cannot be understood, and why."""
        self._set("wrong", value=True)
        self.field.setToolTip(sentence)

    # chips ----------------------------------------------------------------------------------

    def _add_chip(self, image: Path, weight: float) -> None:
        chip = ImageChip(image, weight, self._cache, self._theme)
        chip.removed.connect(self._chip_removed)
        chip.changed.connect(self._ask_now)
        self._chips.append(chip)
        self._row.insertWidget(self._row.indexOf(self.field), chip)
        self._show_buttons()

    @Slot(object)
    def _chip_removed(self, chip: ImageChip) -> None:
        self._chips.remove(chip)
        chip.hide()
        chip.deleteLater()
        self.field.setFocus()
        self._ask_now()

    @Slot()
    def _drop_last_chip(self) -> None:
        if self._chips:
            self._chip_removed(self._chips[-1])

    def _remove_chips(self) -> None:
        for chip in self._chips:
            chip.hide()
            chip.deleteLater()
        self._chips.clear()

    # images from outside --------------------------------------------------------------------

    @Slot()
    def paste_image(self) -> bool:
        """Take an image from the clipboard as a term; False if there is none."""
        return self._take(QGuiApplication.clipboard().mimeData())

    def _take(self, data: QMimeData) -> bool:
        for url in data.urls():
            image = local_path(url)
            if image is not None:
                self.add_image(image)
                return True
        if data.hasImage():
            self.add_image(_keep_pasted(QImage(data.imageData())))
            return True
        return False

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802, D102
        data = event.mimeData()
        if data.hasImage() or any(url.isLocalFile() for url in data.urls()):
            self._set("active", value=True)
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802, D102
        self._set("active", value=False)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802, D102
        self._set("active", value=False)
        if self._take(event.mimeData()):
            event.acceptProposedAction()

    # looks ----------------------------------------------------------------------------------

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802, D102
        self.field.setFocus()

    def _set(self, name: str, *, value: bool) -> None:
        if self.property(name) != value:
            self.setProperty(name, value)
            self.style().unpolish(self)
            self.style().polish(self)

    def _show_buttons(self) -> None:
        asked = not self.is_empty()
        self._clear.setVisible(asked)
        self._save.setVisible(asked)
        self._hint.setVisible(not asked)
        hint = self.tr("add a term…") if self._chips else None
        self.field.setPlaceholderText(hint or self.tr("Describe a situation, or drop an image…"))

    @Slot()
    def _restyle(self) -> None:
        theme = self._theme
        self._lens.setPixmap(theme.pixmap("search", 16, theme.colours.muted))
        for button in (self._save, self._clear):
            button.setIcon(theme.icon(button.property("icon_name"), theme.colours.muted))
            button.setIconSize(QSize(theme.px(16), theme.px(16)))


def _keep_pasted(image: QImage) -> Path:
    """Write a pasted picture where the core can read it; the same picture gives one file."""
    folder = paths.cache_dir() / "pasted"
    folder.mkdir(parents=True, exist_ok=True)
    plain = image.convertToFormat(QImage.Format.Format_RGB888)
    digest = short_digest(bytes(plain.constBits()))[:16]
    file = folder / f"pasted-{digest}.png"
    if not file.exists():
        plain.save(str(file))
    return file
