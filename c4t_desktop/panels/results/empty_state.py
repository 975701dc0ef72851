"""What the middle shows when there is no grid: an invitation, a hint, or what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QVBoxLayout, QWidget

from c4t_desktop.gallery.results_model import local_path, shown
from c4t_desktop.panels.parts import FlowLayout, Part, column, label, named, restyle, row
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

    def __init__(self, theme: Theme) -> None:
        """Start with nothing to show."""
        super().__init__()
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
        frame = named(QFrame(), "dropTarget" if self._page.drop else "messageCard")
        frame.setFixedWidth(self._frame_width())
        column(self._theme, *self._parts(), margins=(40, 36, 40, 36), gap=12, parent=frame)
        self._outer.addWidget(frame, 0, Qt.AlignmentFlag.AlignCenter)
        self._frame = frame
        self.setAccessibleName(self._page.title)
        self.setAccessibleDescription(self._page.sentence)

    def _frame_width(self) -> int:
        return max(160, min(self._theme.px(620), self.width() - 2 * self._theme.px(16)))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Fit the page into the new width."""
        super().resizeEvent(event)
        if self._frame is not None:
            self._frame.setFixedWidth(self._frame_width())

    def _parts(self) -> Iterator[Part]:
        page, colours = self._page, self._theme.colours
        picture = QLabel()
        tint = colours.warn if page.tone == "warn" else colours.accent
        picture.setPixmap(self._theme.pixmap(page.icon, 44, tint))
        picture.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        yield picture
        yield _centred(page.title, "title", "pageTitle")
        if page.sentence:
            yield _centred(page.sentence, "muted", "pageSentence")
        if page.offers:
            yield 8
            yield row(self._theme, None, *map(self._button, page.offers), None, gap=8)
        if page.chips:
            yield 12
            if page.chips_title:
                yield _centred(page.chips_title, "section", wrap=False)
            yield self._chips()
        if page.footnote:
            yield 4
            yield _centred(page.footnote, "muted")

    def _button(self, offer: Offer) -> QPushButton:
        button = _Button(offer.text, offer.act)
        if offer.icon:
            colour = self._theme.colours.accent_text if offer.primary else ""
            button.setIcon(self._theme.icon(offer.icon, colour))
        return named(button, "", kind="primary" if offer.primary else "plain")

    def _chips(self) -> QWidget:
        chosen = self._page.chip_chosen
        assert chosen is not None  # a page with chips says what they do
        holder = QWidget()
        flow = FlowLayout(holder, self._theme.px(8))
        for text in self._page.chips:
            flow.addWidget(named(_Button(shown(text), partial(chosen, text)), "", kind="chip"))
        return holder

    # dropping -------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Accept files and folders."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            self._highlight(on=True)
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802
        """Take the highlight away."""
        self._highlight(on=False)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Emit what was dropped."""
        self._highlight(on=False)
        found = [path for path in map(local_path, event.mimeData().urls()) if path is not None]
        if found:
            event.acceptProposedAction()
            self.dropped.emit(found)

    def _highlight(self, *, on: bool) -> None:
        if self._frame is not None:
            self._frame.setProperty("active", on)
            restyle(self._frame)


def _centred(text: str, kind: str, name: str = "", *, wrap: bool = True) -> QLabel:
    made = label(text, kind, name, wrap=wrap)
    made.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    return made


class _Button(QPushButton):
    """A button that calls a function from a method of its own, on the GUI thread."""

    def __init__(self, text: str, act: Callable[[], object]) -> None:
        super().__init__(text)
        self._act = act
        self.clicked.connect(self._go)

    @Slot()
    def _go(self) -> None:
        self._act()
