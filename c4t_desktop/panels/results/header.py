"""Above the grid: how many match, in which order, and the scores with the cut among them."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QListView,
    QSizePolicy,
    QSlider,
    QWidget,
)

from c4t_core.index.query import Histogram
from c4t_desktop.messages import count_text, plural
from c4t_desktop.panels.parts import column, label, named, push_button, row
from c4t_desktop.services.finder import SORTS, Arrangement, Finder, Found
from c4t_desktop.services.question import Order
from c4t_desktop.settings import CARD_WIDTH, FOLD_EVENTS, Settings
from c4t_desktop.theme import Theme

_STEPS = 1000  # of the slider
_GAP = 10  # between the controls


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
        self.setToolTip(self.tr("Drag to show more or fewer; double-click for the automatic cut."))
        self.setRange(0, _STEPS)
        self.setSingleStep(5)
        self.setPageStep(50)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
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
        return QSize(self._theme.px(220), self._theme.px(36))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the least size with which a cut can be chosen."""
        return QSize(self._theme.px(120), self._theme.px(36))

    def _area(self) -> QRectF:
        inset = self._theme.px(4)
        return QRectF(self.rect()).adjusted(inset, 2, -inset, -2)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the histogram of scores, and the cut over it."""
        colours, px = self._theme.colours, self._theme.px
        painter = QPainter(self)
        area = self._area()
        counts = self._histogram.counts
        at = area.left() + area.width() * self.value() / _STEPS
        painter.setPen(QPen(QColor(colours.border_strong), 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        width = area.width() / max(1, len(counts))
        for index, count in enumerate(counts):
            if count:
                # The square root keeps the few matches visible beside thousands of others.
                height = max(2.0, (area.height() - 2) * (count / self._peak) ** 0.5)
                left = area.left() + index * width
                matches = left + width / 2 >= at
                tint = colours.accent if matches else colours.border_strong
                bar = QRectF(left + 0.5, area.bottom() - height, max(1.0, width - 1), height)
                painter.fillRect(bar, QColor(tint))
        if self.isEnabled():
            tint = colours.accent if self.hasFocus() else colours.text
            painter.fillRect(QRectF(at - 1, area.top() - 2, 2, area.height() + 4), QColor(tint))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tint))
            painter.drawEllipse(QRectF(at - px(4), area.top() - 2, px(8), px(8)))
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
    """

    card_width = Signal(int)
    update_wanted = Signal()

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
        self._cut = label(kind="muted")
        self._known = label(kind="warn", name="knownObjects", wrap=True)
        self._update = push_button(self.tr("Update the index…"), "updateObjects", theme=theme)
        self._unknown = QWidget()
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
        controls = (self._sort, self._fold, self.slider)
        line = row(
            theme, self._count, self._of, None, *controls, self._cut,
            margins=(16, 10, 16, 4), gap=_GAP,
        )  # fmt: skip
        row(
            theme, self._known, self._update,
            wide=self._known, margins=(16, 0, 16, 6), gap=_GAP, parent=self._unknown,
        )  # fmt: skip
        self._unknown.hide()
        column(theme, line, self._unknown, margins=(0, 0, 0, 0), gap=0, parent=self)
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
        room, gap = self.width() - 2 * self._theme.px(16), self._theme.px(_GAP)
        always = (self._count, self._sort, *((self.slider,) if self._cuts else ()))
        used = sum(part.sizeHint().width() + gap for part in always)
        for part in (self.slider, self._cut):
            part.setVisible(self._cuts)
        for part in (self._fold, *((self._cut,) if self._cuts else ()), self._of):
            wide = part.sizeHint().width() + gap
            part.setVisible(used + wide <= room)
            used += wide if used + wide <= room else 0

    def _wire(self) -> None:
        finder = self._finder
        self._sort.currentIndexChanged.connect(self._sort_chosen)
        self._fold.toggled.connect(self._fold_chosen)
        self.slider.cut_chosen.connect(finder.set_cut)
        self.slider.automatic_wanted.connect(self._automatic)
        self._size.valueChanged.connect(self._size_chosen)
        self._update.clicked.connect(self.update_wanted)
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

    @Slot(int)
    def _size_chosen(self, width: int) -> None:
        self._settings.set(CARD_WIDTH, width)
        self.card_width.emit(width)

    @Slot(object)
    def _answered(self, found: Found) -> None:
        question, searched = found.question, len(found.histogram.values)
        self._cuts = bool(searched) and not question.unscored
        first = "drive" if question.empty else "confidence" if question.unscored else "score"
        self._sort.setItemText(0, self._sort_text(first))
        listed = self._sort.view()
        if isinstance(listed, QListView):  # what is browsed is by drive as it is
            listed.setRowHidden(SORTS.index("drive"), question.empty)
        self.slider.show_scores(found.histogram, found.least(self._finder.order))
        asked = found.known[1] if question.unscored else searched
        self._nothing = not question.empty and not asked
        of = self.tr("of {0}").format(count_text(asked))
        self._of.setText("" if question.empty or self._nothing else of)
        self._show_known(*found.known)
        self._show_cut()

    def _show_known(self, known: int, asked: int) -> None:
        """Say of how many frames it is known what is in them, where that is not all of them."""
        form = self.tr(
            "What is in the frame is known for {0} of {1} frames; the others are left out until "
            "the index is updated."
        )
        self._known.setText(form.format(count_text(known), count_text(asked)))
        self._unknown.setVisible(known < asked)

    @Slot(object)
    def _laid_out(self, arrangement: Arrangement) -> None:
        found = self._finder.found
        if found is not None and found.limit(self._finder.order) is not None:
            self._count.setText(self.tr("The nearest {0}").format(arrangement.matches))
            self._fit()
            return
        if self._nothing:  # nothing could be searched yet; the page below says why
            self._count.setText("")
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
        least = found.least(order)
        self.slider.show_cut(least)
        if found.limit(order) is not None:
            self._cut.setText(self.tr("nothing stands out"))
        elif least is None:
            self._cut.setText(self.tr("no cut"))
        elif order.cut is None:
            self._cut.setText(self.tr("cut {0}, automatic").format(_score(least)))
        else:
            self._cut.setText(self.tr("cut {0}").format(_score(least)))

    @Slot()
    def _restyle(self) -> None:
        theme = self._theme
        muted = theme.colours.muted
        self._small.setPixmap(theme.pixmap("image", 12, muted))
        self._large.setPixmap(theme.pixmap("image", 18, muted))
        self._size.setFixedWidth(theme.px(90))
        self._cut.setMinimumWidth(theme.px(104))
        self._count.setMinimumHeight(theme.px(36))  # as high without the slider
        self.slider.setFixedSize(QSize(theme.px(200), theme.px(36)))


def _score(value: float) -> str:
    """Return a cut as the cards show scores: rounded otherwise, hits would lie below their cut."""
    return f"{value:.3f}"
