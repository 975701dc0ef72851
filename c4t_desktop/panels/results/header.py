"""Above the grid: how many match, in which order, and the scores with the cut among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QListView,
    QPushButton,
    QSizePolicy,
    QSlider,
    QWidget,
)

from c4t_core.index.query import Histogram
from c4t_desktop.messages import button_text, count_text, plural, quoted
from c4t_desktop.panels.parts import column, label, named, push_button, row
from c4t_desktop.services.finder import SORTS, Arrangement, Finder, Found
from c4t_desktop.services.library import Opened
from c4t_desktop.services.question import Order
from c4t_desktop.settings import CARD_WIDTH, FOLD_EVENTS, Settings
from c4t_desktop.theme import Theme

if TYPE_CHECKING:
    from c4t_core.index.directions import WordHint
    from c4t_core.workspace import WorkspaceStatus

_STEPS = 1000  # of the slider
_GAP = 10  # between the controls
_HEIGHT = 48  # of the histogram
_MORE, _LEAST_MORE = 2, 12  # times as many hits a step, and at least so many more
_REST = 900  # ms after which a word is finished, so that its hint does not come and go with letters


class ThresholdSlider(QSlider):
    """A slider from the lowest to the highest score; bars right of it are matches.

    Signals:
        cut_chosen: the user moved the cut (float).
        automatic_wanted: the user went back to the automatic cut (a double click).
    """

    cut_chosen = Signal(float)
    automatic_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        """Start without scores."""
        super().__init__(Qt.Orientation.Horizontal)
        self._theme = theme
        self._histogram = Histogram()
        self._peak = 1
        named(self, "thresholdSlider", self.tr("Least score shown"))
        self.setToolTip(
            self.tr(
                "How the scores of all frames spread; the coloured ones are shown. Drag the line "
                "to show more or fewer; double-click for the automatic cut."
            )
        )
        self.setRange(0, _STEPS)
        self.setSingleStep(5)
        self.setPageStep(50)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.valueChanged.connect(self._moved)
        theme.changed.connect(self.update)

    def show_scores(self, histogram: Histogram, cut: float | None) -> None:
        """Show scores and where the cut is, without choosing it."""
        self._histogram = histogram
        self._peak = max(histogram.counts, default=1) or 1
        self.setEnabled(bool(histogram.counts))
        self.show_cut(cut)

    def show_cut(self, cut: float | None) -> None:
        """Show where the cut is; None is left of everything."""
        if self.isSliderDown():
            return
        low, high = self._histogram.low, self._histogram.high
        self.blockSignals(True)
        self._set_share(0.0 if cut is None else (cut - low) / (high - low))
        self.blockSignals(False)
        self.setAccessibleDescription(self.tr("everything") if cut is None else f"{cut:.2f}")
        self.update()

    def cut(self) -> float:
        """Return the score at the slider."""
        low, high = self._histogram.low, self._histogram.high
        return low + (high - low) * self.value() / _STEPS

    @Slot(int)
    def _moved(self, _: int) -> None:
        self.update()
        self.cut_chosen.emit(self.cut())

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a comfortable size."""
        return QSize(self._theme.px(320), self._theme.px(_HEIGHT))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the least size with which a cut can be chosen."""
        return QSize(self._theme.px(120), self._theme.px(_HEIGHT))

    def _area(self) -> QRectF:
        inset = self._theme.px(6)
        return QRectF(self.rect()).adjusted(inset, inset, -inset, -2)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the histogram of scores, and the cut over it."""
        colours, px = self._theme.colours, self._theme.px
        painter = QPainter(self)
        area = self._area()
        counts = self._histogram.counts
        at = area.left() + area.width() * self.value() / _STEPS
        painter.setPen(QPen(QColor(colours.faint), 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        width = area.width() / max(1, len(counts))
        for index, count in enumerate(counts):
            if count:
                # The square root keeps the few matches visible beside thousands of others.
                height = max(2.0, (area.height() - 2) * (count / self._peak) ** 0.5)
                left = area.left() + index * width
                matches = left + width / 2 >= at
                tint = colours.accent if matches else colours.faint
                bar = QRectF(left + 0.5, area.bottom() - height, max(1.0, width - 1), height)
                painter.fillRect(bar, QColor(tint))
        if self.isEnabled():
            tint = colours.accent if self.hasFocus() else colours.text
            painter.fillRect(QRectF(at - 1, area.top(), 2, area.height() + 2), QColor(tint))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tint))
            painter.drawEllipse(QRectF(at - px(6), area.top() - px(6), px(12), px(12)))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin to drag the cut."""
        if event.button() == Qt.MouseButton.LeftButton and self.isEnabled():
            self.setSliderDown(True)
            self._go(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Drag the cut."""
        if self.isSliderDown():
            self._go(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """End dragging."""
        self.setSliderDown(False)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go back to the automatic cut."""
        self.setSliderDown(False)
        self.automatic_wanted.emit()

    def _go(self, event: QMouseEvent) -> None:
        area = self._area()
        self._set_share((event.position().x() - area.left()) / area.width())

    def _set_share(self, share: float) -> None:
        self.setValue(round(min(1.0, max(0.0, share)) * _STEPS))


class ResultsHeader(QWidget):
    """Counts, order, cut and size of the pictures.

    Attributes:
        slider: the cut.
        size_control: the slider for the size of the pictures, to be placed elsewhere.

    Signals:
        card_width: the user wants other pictures (pixels before scaling).
        update_wanted: what is in the frames is to be seen where it is not known yet.
        look_wanted: whether a disk that was away is there again is to be looked for.
        question_wanted: the question is to be asked in other words (Question).
    """

    card_width = Signal(int)
    update_wanted = Signal()
    look_wanted = Signal()
    question_wanted = Signal(object)

    def __init__(self, finder: Finder, settings: Settings, theme: Theme) -> None:
        """Show nothing yet."""
        super().__init__()
        self._finder = finder
        self._settings = settings
        self._theme = theme
        self._cuts = True  # the hits have scores to cut at
        self._nothing = False  # no frame could be searched
        self.setObjectName("resultsHeader")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._count = label(kind="subtitle", name="matchCount")
        self._of = label(kind="muted")
        self._sort = named(QComboBox(), "sortChooser", self.tr("Sort by"), kind="flat")
        self._fold = named(QCheckBox(self.tr("Fold events")), "foldEvents")
        self.slider = ThresholdSlider(theme)
        self._cut = label(kind="muted", name="cutText")
        self._more = _small(self.tr("Show more"), "showMore")
        self._fewer = _small(self.tr("Show fewer"), "showFewer")
        self._auto = _small(self.tr("Automatic"), "automaticCut")
        self._cut_line = QWidget()
        self._hint = label(kind="warn", name="wordHint", wrap=True)
        self._say = _small("", "askInstead")
        self._hints = QWidget()
        self._rest = QTimer(self)
        self._known = label(kind="warn", name="knownObjects", wrap=True)
        self._update = push_button(self.tr("Update the index…"), "updateObjects", theme=theme)
        self._unknown = QWidget()
        self._offline = label(kind="warn", name="offlineNotice", wrap=True)
        self._look = push_button(self.tr("Look again"), "lookAgain", theme=theme)
        self._away = QWidget()
        size = QSlider(Qt.Orientation.Horizontal)
        self._size = named(size, "sizeSlider", self.tr("Size of the pictures"))
        self._small, self._large = QLabel(), QLabel()
        self._place()
        self._wire()
        self._restyle()

    def _place(self) -> None:
        theme = self._theme
        for sort in SORTS:
            self._sort.addItem(self._sort_text(sort), sort)
        self._fold.setToolTip(
            self.tr("Show frames that follow each other as one event (E unfolds)")
        )
        self._fold.setChecked(self._settings.value(FOLD_EVENTS))
        self._size.setRange(CARD_WIDTH.low, CARD_WIDTH.high)
        self._size.setSingleStep(CARD_WIDTH.step)
        self._size.setValue(self._settings.value(CARD_WIDTH))
        # On the right, so that a longer count does not push them from under the mouse.
        line = row(
            theme, self._count, self._of, None, self._sort, self._fold,
            margins=(16, 10, 16, 0), gap=_GAP,
        )  # fmt: skip
        cut = QWidget()
        cut.setLayoutDirection(Qt.LayoutDirection.LeftToRight)  # more lies where scores are low
        row(
            theme, self._more, self.slider, self._fewer,
            wide=self.slider, margins=(0, 0, 0, 0), gap=_GAP, parent=cut,
        )  # fmt: skip
        row(
            theme, cut, self._cut, self._auto,
            wide=cut, margins=(16, 2, 16, 4), gap=_GAP, parent=self._cut_line,
        )  # fmt: skip
        for part, words, button, above in (
            (self._away, self._offline, self._look, 8),
            (self._unknown, self._known, self._update, 0),
            (self._hints, self._hint, self._say, 0),
        ):
            row(
                theme, words, button,
                wide=words, margins=(16, above, 16, 6), gap=_GAP, parent=part,
            )  # fmt: skip
            part.hide()
        column(
            theme, self._away, line, self._cut_line, self._hints, self._unknown,
            margins=(0, 0, 0, 0), gap=0, parent=self,
        )  # fmt: skip
        self._auto.setToolTip(self.tr("Back to the cut that the scores suggest"))
        self._cut.setToolTip(
            self.tr(
                "The automatic cut lies between where few frames part from the rest and what "
                "sentences reach that no frame shows. It is a proposal."
            )
        )
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST)
        self.size_control = QWidget()
        row(
            theme, self._small, self._size, self._large,
            margins=(8, 0, 0, 0), gap=6, parent=self.size_control,
        )  # fmt: skip

    def _sort_text(self, by: str) -> str:
        names = {
            "score": self.tr("score"), "confidence": self.tr("confidence"),
            "time": self.tr("time"), "drive": self.tr("drive"),
        }  # fmt: skip
        return self.tr("Sort: {0}").format(names[by])

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Leave out what there is no room for."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Leave out what there is no room for, the least needed first."""
        self._cut_line.setVisible(self._cuts)
        for always, others in (
            ((self._count, self._sort), (self._fold, self._of)),
            ((self._more, self._fewer, self.slider), (self._auto, self._cut)),
        ):
            self._fit_line(
                always, [part for part in others if part.property("wanted") is not False]
            )

    def _fit_line(self, always: Sequence[QWidget], others: Sequence[QWidget]) -> None:
        room, gap = self.width() - 2 * self._theme.px(16), self._theme.px(_GAP)
        used = sum(part.minimumSizeHint().width() + gap for part in always)
        for part in others:
            wide = part.sizeHint().width() + gap
            part.setVisible(used + wide <= room)
            used += wide if used + wide <= room else 0

    def _wire(self) -> None:
        finder = self._finder
        self._sort.currentIndexChanged.connect(self._sort_chosen)
        self._fold.toggled.connect(self._fold_chosen)
        self.slider.cut_chosen.connect(finder.set_cut)
        self.slider.automatic_wanted.connect(self._automatic)
        self._auto.clicked.connect(self._automatic)
        self._more.clicked.connect(self._show_more)
        self._fewer.clicked.connect(self._show_fewer)
        self._say.clicked.connect(self._ask_instead)
        self._rest.timeout.connect(self._show_hints)
        self._size.valueChanged.connect(self._size_chosen)
        self._update.clicked.connect(self.update_wanted)
        self._look.clicked.connect(self.look_wanted)
        finder.answered.connect(self._answered)
        finder.laid_out.connect(self._laid_out)
        finder.order_changed.connect(self._order_changed)
        self._theme.changed.connect(self._restyle)
        finder.set_fold(self._fold.isChecked())

    def resize_cards(self, steps: int) -> None:
        """Make the pictures larger or smaller by steps of the slider."""
        self._size.setValue(self._size.value() + steps * CARD_WIDTH.step)

    @Slot(int)
    def _sort_chosen(self, index: int) -> None:
        self._finder.set_sort(self._sort.itemData(index))

    @Slot(bool)
    def _fold_chosen(self, fold: bool) -> None:
        self._settings.set(FOLD_EVENTS, fold)
        self._finder.set_fold(fold)

    @Slot()
    def _automatic(self) -> None:
        self._finder.set_cut(None)

    @Slot()
    def _show_more(self) -> None:
        shown = self._shown
        self._finder.show_best(max(_MORE * shown, shown + _LEAST_MORE))

    @Slot()
    def _show_fewer(self) -> None:
        self._finder.show_best(max(1, self._shown // _MORE))

    @property
    def _shown(self) -> int:
        found = self._finder.found
        return 0 if found is None else found.shown(self._finder.order)

    @Slot(int)
    def _size_chosen(self, width: int) -> None:
        self._settings.set(CARD_WIDTH, width)
        self.card_width.emit(width)

    @Slot(object)
    def show_opened(self, opened: Opened) -> None:
        """Say it of folders that are just open."""
        self.show_status(opened.status)

    @Slot(object)
    def show_status(self, status: WorkspaceStatus) -> None:
        """Say that the pictures are away where the disks of all frames are."""
        self._offline.setText(
            self.tr(
                "The disk or network share of these frames is not there now. They can be browsed "
                "and searched; connect it to see the pictures."
            )
        )
        self._away.setVisible(0 < status.total <= status.offline)

    @Slot(object)
    def _answered(self, found: Found) -> None:
        question, searched = found.question, len(found.histogram.values)
        self._cuts = bool(searched) and not question.unscored
        first = "drive" if question.empty else "confidence" if question.unscored else "score"
        self._sort.setItemText(0, self._sort_text(first))
        listed = self._sort.view()
        if isinstance(listed, QListView):  # what is browsed is by drive as it is
            listed.setRowHidden(SORTS.index("drive"), question.empty)
        self.slider.show_scores(found.histogram, None)
        asked = found.known[1] if question.unscored else searched
        self._nothing = not question.empty and not asked
        self._show_known(*found.known)
        self._show_cut()
        if found.word_hints:
            self._rest.start()
        else:
            self._show_hints()

    def _show_known(self, known: int, asked: int) -> None:
        """Say of how many frames it is known what is in them, where that is not all of them."""
        form = self.tr(
            "What is in the frame is known for {0} of {1} frames; the others are left out until "
            "the index is updated."
        )
        self._known.setText(form.format(count_text(known), count_text(asked)))
        self._unknown.setVisible(known < asked)

    @Slot()
    def _show_hints(self) -> None:
        """Say what is odd about the words, and offer what was perhaps meant."""
        self._rest.stop()
        found = self._finder.found
        hints = found.word_hints if found is not None else ()
        self._hints.setVisible(bool(hints))
        if not hints or found is None:
            return
        text = _instead(found.question.text, hints)
        self._hint.setText(self._hint_text(hints))
        self._say.setText(button_text(self._offer(hints, text)))
        self._say.setVisible(text != found.question.text)

    def _hint_text(self, hints: Sequence[WordHint]) -> str:
        glued = ", ".join(quoted(hint.word) for hint in hints if hint.glued)
        unknown = [hint for hint in hints if not hint.glued]
        words = ", ".join(quoted(hint.word) for hint in unknown)
        said = []
        if glued:
            said.append(self.tr("{0} is searched for as it is.").format(glued))
        if words and any(hint.instead for hint in unknown):
            said.append(self.tr("The model may not know {0}.").format(words))
        elif words:
            form = self.tr("The model may not know {0}; it reads English. Say it in other words.")
            said.append(form.format(words))
        return " ".join(said)

    def _offer(self, hints: Sequence[WordHint], text: str) -> str:
        """Return what the button says that asks in other words."""
        if [hint.word[:1] for hint in hints] == ["-"]:
            return self.tr("Exclude “{0}”").format(hints[0].word[1:])
        return self.tr("Search for “{0}”").format(text)

    @Slot()
    def _ask_instead(self) -> None:
        found = self._finder.found
        if found is not None and found.word_hints:
            now = self._finder.question
            self.question_wanted.emit(replace(now, text=_instead(now.text, found.word_hints)))

    @Slot(object)
    def _laid_out(self, arrangement: Arrangement) -> None:
        found = self._finder.found
        if found is not None and found.limit(self._finder.order) is not None:
            self._count.setText(self.tr("The nearest {0}").format(count_text(arrangement.matches)))
            self._show_share(found, arrangement.matches)
            return
        if self._nothing:  # nothing could be searched yet; the page below says why
            self._count.setText("")
            self._of.setText("")
            self._fit()
            return
        matches = plural(arrangement.matches, self.tr("{0} match"), self.tr("{0} matches"))
        if found is not None and found.question.empty:
            frames = plural(arrangement.matches, self.tr("{0} frame"), self.tr("{0} frames"))
            drives = plural(arrangement.drives, self.tr("{0} drive"), self.tr("{0} drives"))
            matches = self.tr("{0} of {1}").format(frames, drives)
        if arrangement.events is not None:
            events = plural(arrangement.events, self.tr("{0} event"), self.tr("{0} events"))
            matches = self.tr("{0} in {1}").format(matches, events)
        self._count.setText(matches)
        if found is not None:
            self._show_share(found, arrangement.matches)

    def _show_share(self, found: Found, count: int) -> None:
        """Say how many frames the count is of, and what part of them where a cut parts them."""
        asked = len(found.histogram.values) if self._cuts else found.known[1]
        if found.question.empty:
            text = ""
        elif self._cuts and 0 < count < asked:
            share = _percent(100 * count / asked)
            text = self.tr("top {0} % of {1} frames").format(share, count_text(asked))
        else:
            text = self.tr("of {0}").format(count_text(asked))
        self._of.setText(text)
        self._more.setEnabled(count < asked)
        self._fewer.setEnabled(count > 1)
        self._fit()

    @Slot(object)
    def _order_changed(self, order: Order) -> None:
        self._sort.setCurrentIndex(self._sort.findData(order.sort))
        self._fold.setChecked(order.fold)
        self._show_cut()

    def _show_cut(self) -> None:
        found, order = self._finder.found, self._finder.order
        if found is None:
            return
        least, limit = found.least(order), found.limit(order)
        self.slider.show_cut(least if limit is None else found.histogram.least_of(limit))
        if limit is not None:
            self._cut.setText(self.tr("nothing stands out"))
        elif least is None:
            self._cut.setText(self.tr("no cut"))
        elif order.cut is None:
            self._cut.setText(self.tr("cut {0}, automatic").format(_score(least)))
        else:
            self._cut.setText(self.tr("cut {0}").format(_score(least)))
        self._auto.setProperty("wanted", order.chosen_cut is not None)
        self._auto.setVisible(order.chosen_cut is not None)
        self._fit()

    @Slot()
    def _restyle(self) -> None:
        theme = self._theme
        muted = theme.colours.muted
        self._small.setPixmap(theme.pixmap("image", 12, muted))
        self._large.setPixmap(theme.pixmap("image", 18, muted))
        self._size.setFixedWidth(theme.px(90))
        self._cut.setMinimumWidth(theme.px(140))
        self.slider.setFixedHeight(theme.px(_HEIGHT))


def _score(value: float) -> str:
    """Return a cut as the cards show scores: rounded otherwise, hits would lie below their cut."""
    return f"{value:.3f}"


def _percent(share: float) -> str:
    """Write a share as the user's language does, with two figures: 0.017, 2.9, 54."""
    return QLocale().toString(min(share, 99.0), "g", 2)


def _instead(text: str, hints: Sequence[WordHint]) -> str:
    for hint in hints:
        text = hint.replaced(text)
    return text


def _small(text: str, name: str) -> QPushButton:
    """Return a button that is less than what one looks for."""
    button = named(QPushButton(text), name, kind="chip")
    button.setAutoDefault(False)
    return button
