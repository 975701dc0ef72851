"""Small parts with a cross: images and conditions of the search bar, tags of frames, filters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
)
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from c4t_core import paths
from c4t_core.files import short_digest
from c4t_core.index.objects import ObjectCondition
from c4t_core.index.query import Filters, time_text
from c4t_desktop.gallery.delegate import paint_picture
from c4t_desktop.gallery.results_model import plain_tip, shown
from c4t_desktop.gallery.thumbnail_cache import ThumbnailCache
from c4t_desktop.messages import condition_text, count_text
from c4t_desktop.panels.parts import FlowLayout, column, discard
from c4t_desktop.services.question import Question
from c4t_desktop.theme import Theme, icons


class Chip(QWidget):
    """One part of what is asked; a click does something to it, Delete or the cross removes it.

    Signals:
        removed: the user removed it (Chip).
    """

    removed = Signal(object)

    def __init__(self, theme: Theme) -> None:
        """Show nothing yet; the kinds of chips paint themselves."""
        super().__init__()
        self._theme = theme
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self._resize)

    def _name(self, name: str, tip: str) -> None:
        """Say what it is, and what can be done with it."""
        self.setAccessibleName(name)
        self.setToolTip(plain_tip(f"{name}\n{tip}"))

    def _ground(self, painter: QPainter, ground: str, tint: str) -> None:
        """Paint what all chips have: the ground, the focus and the cross."""
        px = self._theme.px
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        outline = QPainterPath()
        outline.addRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), px(6), px(6))
        painter.fillPath(outline, QColor(ground))
        if self.hasFocus():
            painter.setPen(QColor(self._theme.colours.accent))
            painter.drawPath(outline)
        icons.draw(painter, "close", QRectF(self._cross()), tint)
        painter.setPen(QColor(tint))
        painter.setFont(self._theme.font(13, strong=True))

    def _cross(self) -> QRect:
        side = self._theme.px(14)
        left = self.width() - side - self._theme.px(5)
        return QRect(left, (self.height() - side) // 2, side, side)

    def _act(self) -> None:
        """Do what a click on it does."""

    @Slot()
    def _resize(self) -> None:
        """Grow or shrink with the text."""
        self.updateGeometry()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Remove the chip by its cross; a click elsewhere is for its kind."""
        if self._cross().adjusted(-4, -6, 4, 6).contains(event.position().toPoint()):
            self.removed.emit(self)
        else:
            self._act()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Remove by Delete or Backspace; the space bar does what a click does."""
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removed.emit(self)
        elif event.key() == Qt.Key.Key_Space:
            self._act()
        else:
            super().keyPressEvent(event)


class ImageChip(Chip):
    """One image term; a click changes its sign.

    Attributes:
        image: the file.
        weight: negative for "not like this".

    Signals:
        changed: its weight changed.
    """

    changed = Signal()

    def __init__(self, image: Path, weight: float, cache: ThumbnailCache, theme: Theme) -> None:
        """Show a file as a term."""
        super().__init__(theme)
        self.image = image
        self.weight = weight
        self._cache = cache
        self.setObjectName("imageChip")
        self._say()
        cache.arrived.connect(self._arrived)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size for sign, picture and cross."""
        return QSize(self._theme.px(82), self._theme.px(26))

    def _say(self) -> None:
        like = self.tr("like {0}") if self.weight > 0 else self.tr("not like {0}")
        tip = self.tr("Click to turn into “not like this”; Delete removes it.")
        self._name(like.format(shown(self.image.name)), tip)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the sign, the picture and the cross on the colour of the sign."""
        theme, px = self._theme, self._theme.px
        colours, wanted = theme.colours, self.weight > 0
        painter = QPainter(self)
        self._ground(
            painter,
            colours.accent_soft if wanted else colours.bad_soft,
            colours.accent if wanted else colours.bad,
        )
        sign = QRect(px(4), 0, px(12), self.height())
        painter.drawText(sign, Qt.AlignmentFlag.AlignCenter, "≈" if wanted else "−")
        picture = QRect(px(19), px(3), px(38), self.height() - px(6))
        clip = QPainterPath()
        clip.addRoundedRect(QRectF(picture), px(3), px(3))
        painter.setClipPath(clip)
        paint_picture(painter, picture, self._cache, self.image, theme)
        painter.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Turn the sign by + or - too."""
        if event.key() in (Qt.Key.Key_Minus, Qt.Key.Key_Plus):
            self._act()
        else:
            super().keyPressEvent(event)

    def _act(self) -> None:
        """Turn the sign."""
        self.weight = -self.weight
        self._say()
        self.update()
        self.changed.emit()

    @Slot(object)
    def _arrived(self, path: Path) -> None:
        if path == self.image:
            self.update()


_SPACE = 6  # between two chips


class TextChip(Chip):
    """A chip of words, shortened where there is little room."""

    def __init__(self, text: str, theme: Theme) -> None:
        """Show a text."""
        super().__init__(theme)
        self._text = text
        self._room = 0

    def fit(self, room: int) -> None:
        """Shorten the text where there is less room than it takes, in pixels; 0 for enough."""
        if room != self._room:
            self._room = room
            self.updateGeometry()

    def wanted(self) -> int:
        """Return the width that shows all of it, in pixels."""
        text = QFontMetrics(self._theme.font(13, strong=True)).horizontalAdvance(self._text)
        return text + self._theme.px(8 + 8 + 14 + 5)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size for text and cross."""
        wide = self.wanted()
        return QSize(min(wide, self._room) if self._room else wide, self._theme.px(26))

    def _colours(self) -> tuple[str, str]:
        """Return the colours of its ground and of its text."""
        colours = self._theme.colours
        return colours.accent_soft, colours.accent

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Write the text on the colour of its kind."""
        px = self._theme.px
        painter = QPainter(self)
        painter.setLayoutDirection(Qt.LayoutDirection.LeftToRight)  # as names and days read
        self._ground(painter, *self._colours())
        where = QRect(px(8), 0, self._cross().left() - px(8 + 4), self.height())
        text = painter.fontMetrics().elidedText(
            self._text, Qt.TextElideMode.ElideRight, where.width()
        )
        painter.drawText(where, Qt.AlignmentFlag.AlignVCenter, text)
        painter.end()


class RefineChip(TextChip):
    """Says that right and wrong marks move the query, and how many do."""

    def __init__(self, theme: Theme) -> None:
        """Show no marks yet."""
        super().__init__("", theme)
        self.setObjectName("refineChip")
        self.show_marks({})

    def show_marks(self, marks: Mapping[Path, str]) -> None:
        """Say by how many marks the query is moved: "right" or "wrong" by path."""
        right, wrong = (sum(mark == side for mark in marks.values()) for side in ("right", "wrong"))
        name = self.tr("refined by {0} right, {1} wrong").format(
            count_text(right), count_text(wrong)
        )
        if not marks:
            name = self.tr("refined by marks: none yet")
        self._text = name
        how = self.tr(
            "Marks move this query, and what is marked as wrong is left out. Mark frames with R "
            "and X. Click, Delete or Ctrl+M asks without the marks."
        )
        self._name(name, how)
        self.updateGeometry()
        self.update()

    def _act(self) -> None:
        """Ask without the marks."""
        self.removed.emit(self)


class ObjectChip(TextChip):
    """What must be in the frame, or not; a click puts it back into the field, to be edited.

    Attributes:
        condition: what is asked.

    Signals:
        edited: the user wants to edit it (ObjectChip).
    """

    edited = Signal(object)

    def __init__(self, condition: ObjectCondition, theme: Theme) -> None:
        """Show a condition."""
        super().__init__(condition_text(condition, short=True), theme)
        self.condition = condition
        self.setObjectName("objectChip")
        tip = self.tr("What the model saw when the frame was indexed. {0}")
        do = self.tr("Click to edit “{0}”; Delete removes it.").format(condition)
        self._name(condition_text(condition), tip.format(do))

    def _colours(self) -> tuple[str, str]:
        """Return those of what is not wanted for what must not be there."""
        colours = self._theme.colours
        if self.condition.count:
            return colours.good_soft, colours.good
        return colours.bad_soft, colours.bad

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Edit it by Enter and F2 too."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F2):
            self._act()
        else:
            super().keyPressEvent(event)

    def _act(self) -> None:
        """Ask to be edited."""
        self.edited.emit(self)


class TagChip(TextChip):
    """A tag of some frames; a click shows all that have it, the cross takes it away from these.

    Attributes:
        tag: the tag.

    Signals:
        chosen: all frames with it are to be shown (tag).
    """

    chosen = Signal(str)

    def __init__(self, tag: str, note: str, tip: str, theme: Theme) -> None:
        """Show a tag, with a note on how many of the frames have it or "", and what can be done."""
        super().__init__(f"{tag}  {note}".strip(), theme)
        self.tag = tag
        self.setObjectName("tagChip")
        self._name(tag, tip)

    def _act(self) -> None:
        self.chosen.emit(self.tag)


def keep_pasted(image: QImage) -> Path:
    """Write a pasted picture where the core can read it; the same picture gives one file."""
    folder = paths.cache_dir() / "pasted"
    folder.mkdir(parents=True, exist_ok=True)
    plain = image.convertToFormat(QImage.Format.Format_RGB888)
    digest = short_digest(bytes(plain.constBits()))[:16]
    file = folder / f"pasted-{digest}.png"
    if not file.exists():
        plain.save(str(file))
    return file


class WrappingChips(QWidget):
    """Chips that begin a new line where the width ends; the focus stays among them.

    Args:
        widest: width of a chip at most, before scaling.
        theme: scales it.
        more: what stands behind the chips.
    """

    def __init__(self, widest: int, theme: Theme, *more: QWidget) -> None:
        """Show no chip."""
        super().__init__()
        self._widest, self._scale, self._more = widest, theme.px, more
        self._chips: Sequence[TextChip] = ()
        self._flow = FlowLayout(self, theme.px(_SPACE), centred=False)
        for part in more:
            self._flow.addWidget(part)

    def show_chips(self, chips: Sequence[TextChip]) -> None:
        """Show other chips."""
        had_focus = any(chip.hasFocus() for chip in self._chips)
        for part in self._more:
            self._flow.removeWidget(part)
        for chip in self._chips:
            discard(self._flow, chip)
        self._chips = chips
        for chip in chips:
            chip.fit(self._scale(self._widest))
        for part in (*chips, *self._more):
            self._flow.addWidget(part)
            part.show()
        if had_focus:
            next(iter((*chips, *self._more, self))).setFocus()
        self.updateGeometry()


_SHOWN = 8  # chips of one kind; one more stands for the rest


class FilterChip(TextChip):
    """What the frames are restricted to; its cross, or Delete, takes that away.

    Attributes:
        left: the filters that are left then.
    """

    def __init__(self, text: str, left: Filters, theme: Theme) -> None:
        """Show a restriction."""
        super().__init__(text, theme)
        self.left = left
        self.setObjectName("filterChip")
        self._name(text, self.tr("Frames are restricted to this; Delete takes it away."))

    def _colours(self) -> tuple[str, str]:
        """Return the quiet ones: the question is what stands out."""
        colours = self._theme.colours
        return colours.track, colours.text


class FilterChips(QWidget):
    """What the frames are restricted to by drives, folders, cameras, tags, days: chips that wrap.

    Signals:
        wanted: other filters are wanted (Filters).
    """

    wanted = Signal(object)

    def __init__(self, theme: Theme) -> None:
        """Show none."""
        super().__init__()
        self._theme = theme
        self.setObjectName("filterChips")
        self._chips = WrappingChips(260, theme)
        column(theme, self._chips, margins=(16, 2, 16, 6), gap=0, parent=self)
        self.hide()

    @Slot(object)
    def show_question(self, question: Question) -> None:
        """Show what a question restricts."""
        chips = [FilterChip(*part, self._theme) for part in self._parts(question.filters)]
        for chip in chips:
            chip.removed.connect(self._remove)
        self._chips.show_chips(chips)
        self.setVisible(bool(chips))

    def _parts(self, filters: Filters) -> Iterator[tuple[str, Filters]]:
        """Yield what each chip says, and the filters without it."""
        folders = [self.tr("in {0}").format(shown(Path(path).name)) for path in filters.within]
        drives, cameras = list(map(shown, filters.drives)), list(map(shown, filters.cameras))
        kinds: list[tuple[tuple[Any, ...], list[str], Callable[[tuple[Any, ...]], Filters]]] = [
            (filters.within, folders, lambda kept: replace(filters, within=kept)),
            (filters.drives, drives, lambda kept: replace(filters, drives=kept)),
            (filters.cameras, cameras, lambda kept: replace(filters, cameras=kept)),
            (filters.tags, [*filters.tags], lambda kept: replace(filters, tags=kept)),
        ]
        for values, texts, left in kinds:
            for at, text in enumerate(texts[:_SHOWN]):
                yield text, left((*values[:at], *values[at + 1 :]))
            if len(texts) > _SHOWN:
                more = self.tr("and {0} more").format(count_text(len(texts) - _SHOWN))
                yield more, left(values[:_SHOWN])
        span = self._span(time_text(filters.since), time_text(filters.until, end=True))
        if span:
            yield span, replace(filters, since=None, until=None)

    def _span(self, since: str | None, until: str | None) -> str:
        since, until = (text and text.replace("T", " ") for text in (since, until))
        if since and until:
            return since if since == until else f"{since} – {until}"
        if since:
            return self.tr("from {0}").format(since)
        return self.tr("until {0}").format(until) if until else ""

    @Slot(object)
    def _remove(self, chip: FilterChip) -> None:
        self.wanted.emit(chip.left)


_LEAST = 64  # width of a chip before scaling; a narrower one would show its cross alone


def share_out(chips: Sequence[TextChip], room: int, rest: QLabel, theme: Theme) -> None:
    """Shorten chips to the room there is; those that find none are counted.

    Args:
        chips: in the order shown.
        room: pixels for all of them.
        rest: says how many are not in sight, and which, in its tool tip.
        theme: scales lengths with the text.
    """
    gap = theme.px(_SPACE)
    enough = sum(chip.wanted() + gap for chip in chips) <= room
    most = max(1, room // (theme.px(_LEAST) + gap))
    seen = len(chips) if enough or len(chips) <= most else max(1, most - 1)
    for number, chip in enumerate(chips):
        chip.fit(0 if enough else max(theme.px(_LEAST), room // max(1, min(seen + 1, most)) - gap))
        chip.setVisible(number < seen)
    hidden = [chip.accessibleName() for chip in chips[seen:]]
    rest.setText(f"+{len(hidden)}")
    rest.setToolTip(plain_tip("\n".join(hidden)))
    rest.setVisible(bool(hidden))
