"""What the middle shows when there is no grid: invitations, hints, what went wrong, as pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QVBoxLayout, QWidget

from c4t_core.records import dataclass
from c4t_desktop.gallery.results_model import shown
from c4t_desktop.messages import Problem, button_text, condition_text, count_text, plural
from c4t_desktop.panels.bars.status import folders_title
from c4t_desktop.panels.parts import FlowLayout, Part, column, discard, label, named, row
from c4t_desktop.theme import Theme

if TYPE_CHECKING:
    from c4t_core.index.objects import ObjectCondition
    from c4t_core.workspace import WorkspaceStatus


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
        drop: whether a dashed frame shows that folders may be dropped.
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
    """Shows one page in the middle of the space."""

    def __init__(self, theme: Theme) -> None:
        """Start with nothing to show."""
        super().__init__()
        self._theme = theme
        self._page = Page("")
        self.setObjectName("emptyState")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
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
            discard(self._outer, self._frame)
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


def _centred(text: str, kind: str, name: str = "", *, wrap: bool = True) -> QLabel:
    made = label(text, kind, name, wrap=wrap)
    made.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    return made


class _Button(QPushButton):
    """A button that calls a function from a method of its own, on the GUI thread."""

    def __init__(self, text: str, act: Callable[[], object]) -> None:
        super().__init__(button_text(text))
        self._act = act
        self.clicked.connect(self._go)

    @Slot()
    def _go(self) -> None:
        self._act()


def _tr(text: str) -> str:
    return QCoreApplication.translate("Pages", text)


@dataclass(frozen=True)
class Offers:
    """What the buttons of the pages do.

    Attributes:
        choose_folder: let the user choose a folder.
        open_sample: open the sample drive; None where it is not installed.
        open_recent: open folders that were open before.
        index: look for new images.
        update_objects: have what is in the frames seen where it is not known.
        show_skipped: list the files that were skipped.
        use_shipped_model: go back to the model that ships.
        copy: put a text on the clipboard.
    """

    choose_folder: Callable[[], object]
    open_sample: Callable[[], object] | None
    open_recent: Callable[[Sequence[str]], object]
    index: Callable[[], object]
    update_objects: Callable[[], object]
    show_skipped: Callable[[], object]
    use_shipped_model: Callable[[], object]
    copy: Callable[[str], object]


@dataclass(frozen=True)
class LastRun:
    """How the last index run over what is open went.

    Attributes:
        ended: whether one came to its end since this was opened.
        waiting: how many images it left when it was stopped.
        omitted: how many files were left out.
    """

    ended: bool = False
    waiting: int = 0
    omitted: int = 0


def examples() -> tuple[str, ...]:
    """Return queries to begin with."""
    return (
        _tr("truck in snow"),
        _tr("cyclist on a rainy street"),
        _tr("pedestrian crossing at night"),
        _tr("traffic jam on a motorway"),
        _tr("road through trees - cars"),
    )


def welcome(offers: Offers, recent: Sequence[tuple[str, ...]]) -> Page:
    """Invite someone who has nothing open."""
    buttons = [Offer(_tr("Choose a folder…"), offers.choose_folder, True, "folder")]
    footnote = _tr("Nothing leaves this machine, and nothing is written into your folders.")
    if offers.open_sample is not None:
        buttons.append(Offer(_tr("Try the sample drive"), offers.open_sample, icon="play"))
        footnote += "\n" + _tr("The sample's pictures are drawn, not photographed.")
    titles: dict[str, tuple[str, ...]] = {}
    for entry in recent[:5]:
        titles.setdefault(folders_title([Path(part) for part in entry]), entry)
    return Page(
        title=_tr("Find driving situations by describing them"),
        sentence=_tr(
            "Drop a folder of camera frames here, or choose one. "
            "It is indexed at once, and you can search while that runs."
        ),
        icon="drop",
        offers=tuple(buttons),
        chips=tuple(titles),
        chips_title=_tr("OPENED BEFORE"),
        chip_chosen=_Recent(offers, titles),
        footnote=footnote,
        drop=True,
    )


@dataclass(frozen=True)
class _Recent:
    """Opens what a chip names; compares equal, so that the page is not built anew."""

    offers: Offers
    titles: dict[str, tuple[str, ...]]

    def __call__(self, title: str) -> None:
        self.offers.open_recent(self.titles[title])


def opening(folders: Sequence[Path]) -> Page:
    """Say that folders are being opened."""
    return Page(
        title=_tr("Opening {0}…").format(folders_title(folders)),
        sentence=_tr("The model is being loaded; this takes a second or two."),
        icon="folder",
    )


def waiting(
    offers: Offers,
    folders: Sequence[Path],
    status: WorkspaceStatus | None,
    *,
    indexing: bool,
    run: LastRun,
    chosen: Callable[[str], object],
) -> Page:
    """Say why there are no frames to browse yet."""
    name = folders_title(folders)
    found = status.embedded if status is not None else 0
    total = status.total if status is not None else 0
    if status is not None and total and status.offline >= total and not found:
        return Page(
            title=_tr("{0} is offline").format(name),
            sentence=_tr(
                "Its disk or network share is not there now, and nothing of it was indexed; "
                "connect it and look again."
            ),
            icon="offline",
            offers=(Offer(_tr("Look again"), offers.index, True, "refresh"),),
            tone="warn",
        )
    if not found and not indexing:
        return nothing_indexed(offers, indexing=False, filtered=False, status=status, run=run)
    if not found:
        return Page(
            title=_tr("Getting {0} ready").format(name),
            sentence=_tr("The first frames can be searched in a moment."),
            icon="search",
            chips=examples(),
            chips_title=_tr("FOR EXAMPLE"),
            chip_chosen=chosen,
        )
    return opening(folders)


def nothing_indexed(
    offers: Offers,
    *,
    indexing: bool,
    filtered: bool,
    status: WorkspaceStatus | None,
    run: LastRun,
) -> Page:
    """Say why there is nothing to search yet."""
    if filtered:
        return Page(
            title=_tr("Nothing left after filtering"),
            sentence=_tr("No frame passes the filters on the left; loosen or clear them."),
            icon="filter",
        )
    if indexing:
        return Page(
            title=_tr("The first frames are on their way"),
            sentence=_tr("Hits appear here as soon as the first hundred frames are indexed."),
            icon="clock",
        )
    if status is not None and status.folders and all(f.shared for f in status.folders):
        return Page(
            title=_tr("No frames of this model"),
            sentence=_tr(
                "This table was made with another model, or holds no frames yet. "
                "Choose the model that it was made with, or look again later."
            ),
            icon="clock",
            offers=(Offer(_tr("Look again"), offers.index, True, "refresh"),),
        )
    waiting = run.waiting or (status.total - status.embedded if status is not None else 0)
    if waiting or not run.ended:
        wait = _tr("{0} images wait to be indexed for this model.").format(count_text(waiting))
        return Page(
            title=_tr("Not indexed yet"),
            sentence=wait if waiting else _tr("This folder has not been looked through yet."),
            icon="clock",
            offers=(Offer(_tr("Index now"), offers.index, True, "refresh"),),
        )
    buttons = [Offer(_tr("Choose another folder…"), offers.choose_folder, True, "folder")]
    if run.omitted:
        buttons.append(Offer(_tr("Show what was left out"), offers.show_skipped, icon="list"))
    elif status is not None and status.skipped:
        buttons.append(Offer(_tr("Show skipped files"), offers.show_skipped, icon="list"))
    buttons.append(Offer(_tr("Look again"), offers.index, icon="refresh"))
    nothing = _tr(
        "No picture that can be read was found in this folder or below it. "
        "Label, mask, depth and lidar folders are left out."
    )
    left_out = plural(
        run.omitted,
        _tr("{0} file in this folder or below it was left out, by rules or for its format."),
        _tr("{0} files in this folder or below it were left out, by rules or for their format."),
    )
    return Page(
        title=_tr("No images here"),
        sentence=left_out if run.omitted else nothing,
        icon="image",
        offers=tuple(buttons),
        drop=True,
    )


def no_match(total: int, show_all: Callable[[], object]) -> Page:
    """Say plainly that nothing matches."""
    return Page(
        title=_tr("Nothing matches"),
        sentence=_tr(
            "None of the {0} frames stands out for this query. "
            "Try other words, or look at the nearest frames anyway."
        ).format(count_text(total)),
        icon="search",
        offers=(Offer(_tr("Show the nearest anyway"), show_all, icon="image"),),
    )


def nothing_holds(conditions: Sequence[ObjectCondition], known: int) -> Page:
    """Say that what is asked of the objects holds for none of the frames that are known."""
    return Page(
        title=_tr("No frame fulfils this"),
        sentence=_tr(
            "{0}: the model saw this in none of {1} frames. "
            "Click a condition to change it, or take it away with its cross."
        ).format(_listed(conditions), count_text(known)),
        icon="filter",
    )


def nothing_known(conditions: Sequence[ObjectCondition], offers: Offers) -> Page:
    """Say that no model has looked for the objects that are asked for."""
    return Page(
        title=_tr("Not known yet"),
        sentence=_tr(
            "{0}: no model that sees this has looked at these frames. "
            "Update the index to see what is in them."
        ).format(_listed(conditions)),
        icon="clock",
        offers=(Offer(_tr("Update the index…"), offers.update_objects, True, "refresh"),),
    )


def _listed(conditions: Sequence[ObjectCondition]) -> str:
    text = ", ".join(map(condition_text, conditions))
    return text[:1].upper() + text[1:]


def not_understood(problem: Problem) -> Page:
    """Say why a query cannot be answered."""
    return Page(title=problem.title, sentence=problem.sentence, icon="warning", tone="warn")


def failed(problem: Problem, offers: Offers) -> Page:
    """Say what went wrong with the folder or the model, with the remedy."""
    buttons = []
    if problem.command:
        command = problem.command
        buttons.append(Offer(_tr("Copy the command"), lambda: offers.copy(command), True, "copy"))
        buttons.append(Offer(_tr("Use the C4T model"), offers.use_shipped_model))
    else:
        buttons.append(Offer(_tr("Choose another folder…"), offers.choose_folder, True, "folder"))
    return Page(
        title=problem.title,
        sentence=problem.sentence,
        icon="warning",
        offers=tuple(buttons),
        tone="warn",
        drop=True,
    )
