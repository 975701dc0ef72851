"""The field for words of the search bar: it colours terms, and knows what was asked before."""

from __future__ import annotations

import re
from contextlib import suppress

from PySide6.QtCore import QEvent, QKeyCombination, QRectF, QStringListModel, Qt, Signal, Slot
from PySide6.QtGui import QColor, QGuiApplication, QKeyEvent, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QCompleter, QLineEdit, QWidget

from c4t_core.errors import QueryError
from c4t_core.index.objects import parse_condition
from c4t_desktop.theme import Theme

_FOR_THE_LIST = {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape, Qt.Key.Key_Tab}
_EXPORT = QKeyCombination(Qt.KeyboardModifier.ControlModifier, Qt.Key.Key_E)
_CONDITION = re.compile(r"\S+[<>=≥≤:]\S+")
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


def _condition_spans(text: str) -> list[tuple[int, int, bool]]:
    """Return start, end and whether it must be there, for each condition on objects."""
    spans = []
    for match in _CONDITION.finditer(text):
        with suppress(QueryError):
            spans.append((*match.span(), parse_condition(match[0]).count > 0))
    return spans


class QueryField(QLineEdit):
    """A line edit that shows what is wanted and what is not.

    Signals:
        entered: Enter was pressed.
        down_pressed: Down was pressed: the results are next.
        backspaced: Backspace in the empty field.
        image_pasted: an image is pasted, not words.
    """

    entered = Signal()
    down_pressed = Signal()
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
        completer.activated.connect(self._recall)
        self.setObjectName("searchField")
        self.setAccessibleName(self.tr("Search"))
        self.setAccessibleDescription(
            self.tr("Describe what to look for, such as: truck in snow - people")
        )
        self.setFrame(False)
        self.setAcceptDrops(False)  # the search bar takes images

    @Slot(str)
    def _recall(self, query: str) -> None:
        self.setText(query)
        self.entered.emit()

    def set_history(self, queries: list[str]) -> None:
        """Offer earlier queries on Down in the empty field."""
        self._history.setStringList(queries)

    def event(self, event: QEvent) -> bool:
        """Leave the export shortcut to the window, and undoing where nothing was typed."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and self._for_the_window(event)
        ):
            event.ignore()
            return False
        return super().event(event)

    def _for_the_window(self, event: QKeyEvent) -> bool:
        if event.matches(QKeySequence.StandardKey.Undo):
            return not self.isUndoAvailable()
        if event.matches(QKeySequence.StandardKey.Redo):
            return not self.isRedoAvailable()
        return event.keyCombination() == _EXPORT  # on X11 "to the end of the line" else

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw a coloured ground behind each term, then the text."""
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
        tints = [
            (start, end, colours.accent_soft if wanted else colours.bad_soft)
            for start, end, wanted in term_spans(text)
        ]
        tints += [
            (start, end, colours.good_soft if wanted else colours.bad_soft)
            for start, end, wanted in _condition_spans(text)
        ]
        for start, end, tint in tints:
            left = origin + metrics.horizontalAdvance(text[:start])
            width = metrics.horizontalAdvance(text[:end]) - metrics.horizontalAdvance(text[:start])
            painter.setBrush(QColor(tint))
            before, after = px(4) if start == 0 else 1, px(4) if end == len(text) else 1
            ground = QRectF(left - before, top, width + before + after, height)
            painter.drawRoundedRect(ground, px(5), px(5))
        painter.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Tell of the keys that mean more here than in a line of text."""
        key, popup = event.key(), self._completer.popup()
        if key in _FOR_THE_LIST and popup is not None and popup.isVisible():
            event.ignore()  # the list of earlier queries takes it; it asks its field first
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit()
        elif key == Qt.Key.Key_Down:
            if not self.text() and self._history.rowCount():
                self._completer.complete()
            else:
                self.down_pressed.emit()
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
