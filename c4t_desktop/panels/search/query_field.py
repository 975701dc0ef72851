"""The line one types a query into; each term gets a ground of its own while typing."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import (
    QEvent,
    QKeyCombination,
    QRect,
    QRectF,
    QSize,
    QStringListModel,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import (
    QColor,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
)
from PySide6.QtWidgets import QCompleter, QLineEdit, QSizePolicy, QWidget

from c4t_desktop.gallery.delegate import paint_picture
from c4t_desktop.gallery.results_model import plain_tip, shown
from c4t_desktop.gallery.thumbnail_cache import ThumbnailCache
from c4t_desktop.theme import Theme, icons

_FOR_THE_LIST = {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape, Qt.Key.Key_Tab}
_EXPORT = QKeyCombination(Qt.KeyboardModifier.ControlModifier, Qt.Key.Key_E)
_OPERATOR = re.compile(r"(?:^|(?<=\s))[+-](?=\s|$)")


def term_spans(text: str) -> list[tuple[int, int, bool]]:
    """Return start, end and whether it is wanted, for each term of a query.

    >>> term_spans("snow - people")
    [(0, 4, True), (5, 13, False)]
    """
    starts = [0, *(match.start() for match in _OPERATOR.finditer(text))]
    spans = []
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        piece = text[start:end]
        if piece.strip(" +-"):
            left = start + len(piece) - len(piece.lstrip())
            spans.append((left, start + len(piece.rstrip()), not piece.lstrip().startswith("-")))
    return spans


class QueryField(QLineEdit):
    """A line edit that shows what is wanted and what is not.

    Signals:
        entered: Enter was pressed.
        left_down: Down was pressed: the results are next.
        backspaced: Backspace in the empty field.
        image_pasted: an image is pasted, not words.
    """

    entered = Signal()
    left_down = Signal()
    backspaced = Signal()
    image_pasted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Start empty."""
        super().__init__(parent)
        self._theme = theme
        self._history = QStringListModel(self)
        completer = QCompleter(self._history, self)
        completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        self._completer = completer
        completer.setWidget(self)
        completer.activated.connect(self.setText)
        self.setObjectName("searchField")
        self.setAccessibleName(self.tr("Search"))
        self.setAccessibleDescription(
            self.tr("Describe what to look for, such as: truck in snow - people")
        )
        self.setFrame(False)
        self.setAcceptDrops(False)  # the search bar takes images

    def set_history(self, queries: list[str]) -> None:
        """Offer earlier queries on Down in the empty field."""
        self._history.setStringList(queries)

    def event(self, event: QEvent) -> bool:  # noqa: D102
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and event.keyCombination() == _EXPORT
        ):
            event.ignore()  # on X11 a line edit takes it for "to the end of the line"
            return False
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102
        text = self.text()
        if text and self.layoutDirection() == Qt.LayoutDirection.LeftToRight:
            self._paint_terms(text)
        super().paintEvent(event)

    def _paint_terms(self, text: str) -> None:
        metrics = self.fontMetrics()
        cursor = self.cursorRect()
        origin = cursor.center().x() - metrics.horizontalAdvance(text[: self.cursorPosition()])
        colours, px = self._theme.colours, self._theme.px
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        height = metrics.height() + px(4)
        top = (self.height() - height) / 2
        for start, end, wanted in term_spans(text):
            left = origin + metrics.horizontalAdvance(text[:start])
            width = metrics.horizontalAdvance(text[:end]) - metrics.horizontalAdvance(text[:start])
            painter.setBrush(QColor(colours.accent_soft if wanted else colours.bad_soft))
            before, after = px(4) if start == 0 else 1, px(4) if end == len(text) else 1
            ground = QRectF(left - before, top, width + before + after, height)
            painter.drawRoundedRect(ground, px(5), px(5))
        painter.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802, D102
        key, popup = event.key(), self._completer.popup()
        if key in _FOR_THE_LIST and popup is not None and popup.isVisible():
            event.ignore()  # the list of earlier queries takes it; it asks its field first
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit()
        elif key == Qt.Key.Key_Down:
            if not self.text() and self._history.rowCount():
                self._completer.complete()
            else:
                self.left_down.emit()
        elif key == Qt.Key.Key_Backspace and not self.text():
            self.backspaced.emit()
        elif event.matches(QKeySequence.StandardKey.Paste) and _holds_image():
            self.image_pasted.emit()
        elif key == Qt.Key.Key_Escape:
            event.ignore()  # the window decides what Esc clears
        else:
            super().keyPressEvent(event)


def _holds_image() -> bool:
    """Whether the clipboard holds a picture or a file rather than words."""
    data = QGuiApplication.clipboard().mimeData()
    return data.hasImage() or any(url.isLocalFile() for url in data.urls())


class ImageChip(QWidget):
    """One image term; a click changes its sign, Delete or the cross removes it.

    Attributes:
        image: the file.
        weight: negative for "not like this".

    Signals:
        removed: the user removed it (ImageChip).
        changed: its weight changed.
    """

    removed = Signal(object)
    changed = Signal()

    def __init__(self, image: Path, weight: float, cache: ThumbnailCache, theme: Theme) -> None:
        """Show a file as a term."""
        super().__init__()
        self.image = image
        self.weight = weight
        self._cache = cache
        self._theme = theme
        self.setObjectName("imageChip")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._name()
        cache.arrived.connect(self._arrived)

    def sizeHint(self) -> QSize:  # noqa: N802, D102
        return QSize(self._theme.px(82), self._theme.px(26))

    def _name(self) -> None:
        name = shown(self.image.name)
        like = self.tr("like {0}") if self.weight > 0 else self.tr("not like {0}")
        self.setAccessibleName(like.format(name))
        tip = self.tr("Click to turn into “not like this”; Delete removes it.")
        self.setToolTip(plain_tip(f"{like.format(name)}\n{tip}"))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102
        theme, px = self._theme, self._theme.px
        colours = theme.colours
        painter = QPainter(self)
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        ground = QPainterPath()
        ground.addRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), px(6), px(6))
        painter.fillPath(
            ground, QColor(colours.accent_soft if self.weight > 0 else colours.bad_soft)
        )
        if self.hasFocus():
            painter.setPen(QColor(colours.accent))
            painter.drawPath(ground)
        tint = colours.accent if self.weight > 0 else colours.bad
        painter.setPen(QColor(tint))
        painter.setFont(theme.font(13, strong=True))
        sign = QRect(px(4), 0, px(12), self.height())
        painter.drawText(sign, Qt.AlignmentFlag.AlignCenter, "≈" if self.weight > 0 else "−")
        picture = QRect(px(19), px(3), px(38), self.height() - px(6))
        clip = QPainterPath()
        clip.addRoundedRect(QRectF(picture), px(3), px(3))
        painter.save()
        painter.setClipPath(clip)
        paint_picture(painter, picture, self._cache, self.image, theme)
        painter.restore()
        icons.draw(painter, "close", QRectF(self._cross()), tint)
        painter.end()

    def _cross(self) -> QRect:
        side = self._theme.px(14)
        left = self.width() - side - self._theme.px(5)
        return QRect(left, (self.height() - side) // 2, side, side)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102
        if self._cross().adjusted(-4, -6, 4, 6).contains(event.position().toPoint()):
            self.removed.emit(self)
        else:
            self._flip()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802, D102
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removed.emit(self)
        elif event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Minus, Qt.Key.Key_Plus):
            self._flip()
        else:
            super().keyPressEvent(event)

    def _flip(self) -> None:
        self.weight = -self.weight
        self._name()
        self.update()
        self.changed.emit()

    @Slot(object)
    def _arrived(self, path: Path) -> None:
        if path == self.image:
            self.update()
