"""What the middle shows when there is no grid: an invitation, a hint, or what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from c4t_desktop.gallery.results_model import local_path, shown
from c4t_desktop.messages import plain_label
from c4t_desktop.panels.parts import FlowLayout
from c4t_desktop.theme import Theme


@dataclass(frozen=True)
class Offer:
    """A button: what it says, what it does, and whether it is the one to press."""

    text: str
    act: Callable[[], object]
    primary: bool = False
    icon: str = ""


@dataclass(frozen=True)
class Page:
    """What to show.

    Attributes:
        title: a few words.
        sentence: one or two plain sentences.
        icon: name of an icon.
        offers: buttons.
        chips: small buttons below, such as example queries.
        chips_title: what stands above them.
        chip_chosen: called with the text of the one that was pressed.
        footnote: a quiet line below everything.
        drop: whether folders may be dropped here, which a dashed frame shows.
        tone: "" or "warn".
    """

    title: str
    sentence: str = ""
    icon: str = "road"
    offers: Sequence[Offer] = ()
    chips: Sequence[str] = ()
    chips_title: str = ""
    chip_chosen: Callable[[str], object] | None = None
    footnote: str = ""
    drop: bool = False
    tone: str = ""


class EmptyState(QWidget):
    """Shows one page in the middle of the space.

    Signals:
        dropped: folders or files were dropped (list of Path).
    """

    dropped = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Start with nothing to show."""
        super().__init__(parent)
        self._theme = theme
        self._page = Page("")
        self.setObjectName("emptyState")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAcceptDrops(True)
        self._outer = QVBoxLayout(self)
        self._frame: QFrame | None = None
        theme.changed.connect(self._rebuild)

    @property
    def page(self) -> Page:
        """What is shown."""
        return self._page

    def show_page(self, page: Page) -> None:
        """Show a page."""
        if page != self._page or self._frame is None:
            self._page = page
            self._rebuild()

    @Slot()
    def _rebuild(self) -> None:
        if self._frame is not None:
            self._frame.hide()
            self._outer.removeWidget(self._frame)
            self._frame.deleteLater()
        px = self._theme.px
        frame = QFrame()
        frame.setObjectName("dropTarget" if self._page.drop else "messageCard")
        frame.setFixedWidth(self._frame_width())
        column = QVBoxLayout(frame)
        column.setContentsMargins(px(40), px(36), px(40), px(36))
        column.setSpacing(px(12))
        self._fill(column)
        self._outer.addWidget(frame, 0, Qt.AlignmentFlag.AlignCenter)
        self._frame = frame
        self.setAccessibleName(self._page.title)
        self.setAccessibleDescription(self._page.sentence)

    def _frame_width(self) -> int:
        return max(160, min(self._theme.px(620), self.width() - 2 * self._theme.px(16)))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102
        super().resizeEvent(event)
        if self._frame is not None:
            self._frame.setFixedWidth(self._frame_width())

    def _fill(self, column: QVBoxLayout) -> None:
        page, px, colours = self._page, self._theme.px, self._theme.colours
        centre = Qt.AlignmentFlag.AlignHCenter
        picture = QLabel()
        tint = colours.warn if page.tone == "warn" else colours.accent
        picture.setPixmap(self._theme.pixmap(page.icon, 44, tint))
        column.addWidget(picture, 0, centre)
        title = plain_label(page.title, wrap=True)
        title.setProperty("kind", "title")
        title.setObjectName("pageTitle")
        title.setAlignment(centre)
        column.addWidget(title)
        if page.sentence:
            sentence = plain_label(page.sentence, wrap=True)
            sentence.setObjectName("pageSentence")
            sentence.setProperty("kind", "muted")
            sentence.setAlignment(centre)
            column.addWidget(sentence)
        if page.offers:
            column.addSpacing(px(8))
            column.addLayout(self._buttons())
        if page.chips:
            column.addSpacing(px(12))
            self._add_chips(column)
        if page.footnote:
            column.addSpacing(px(4))
            foot = plain_label(page.footnote, wrap=True)
            foot.setProperty("kind", "muted")
            foot.setAlignment(centre)
            column.addWidget(foot)

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(self._theme.px(8))
        row.addStretch(1)
        for offer in self._page.offers:
            button = _Button(offer.text, offer.act)
            if offer.icon:
                colour = self._theme.colours.accent_text if offer.primary else ""
                button.setIcon(self._theme.icon(offer.icon, colour))
            button.setProperty("kind", "primary" if offer.primary else "plain")
            row.addWidget(button)
        row.addStretch(1)
        return row

    def _add_chips(self, column: QVBoxLayout) -> None:
        page, chosen = self._page, self._page.chip_chosen
        assert chosen is not None  # a page with chips says what they do
        if page.chips_title:
            heading = plain_label(page.chips_title)
            heading.setProperty("kind", "section")
            heading.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            column.addWidget(heading)
        holder = QWidget()
        flow = FlowLayout(holder, self._theme.px(8))
        for text in page.chips:
            button = _Button(shown(text), partial(chosen, text))
            button.setProperty("kind", "chip")
            flow.addWidget(button)
        column.addWidget(holder)

    # dropping -------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802, D102
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            self._highlight(on=True)
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802, D102
        self._highlight(on=False)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802, D102
        self._highlight(on=False)
        found: list[Path] = [
            path for path in map(local_path, event.mimeData().urls()) if path is not None
        ]
        if found:
            event.acceptProposedAction()
            self.dropped.emit(found)

    def _highlight(self, *, on: bool) -> None:
        if self._frame is not None:
            self._frame.setProperty("active", on)
            self._frame.style().unpolish(self._frame)
            self._frame.style().polish(self._frame)


class _Button(QPushButton):
    """A button that calls a function from a method of its own, on the GUI thread."""

    def __init__(self, text: str, act: Callable[[], object]) -> None:
        super().__init__(text)
        self._act = act
        self.clicked.connect(self._go)

    @Slot()
    def _go(self) -> None:
        self._act()
