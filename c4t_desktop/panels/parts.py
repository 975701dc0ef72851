"""What panels are put together from: labels, buttons, rows and columns, each in one call."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QDropEvent, QHoverEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QBoxLayout,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLayoutItem,
    QLineEdit,
    QMenu,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from c4t_desktop.gallery.results_model import plain_tip
from c4t_desktop.messages import plain_label
from c4t_desktop.theme import Theme

W = TypeVar("W", bound=QWidget)
B = TypeVar("B", bound=QBoxLayout)
Part = QWidget | QLayout | int | None  # a number is a gap before scaling, None takes what is left
_FRAME = 16  # pixels that a window's frame takes on each side; its title takes twice that
Margins = tuple[int, int, int, int]  # left, top, right, bottom; before scaling


def named(widget: W, name: str, says: str = "", *, kind: str = "") -> W:
    """Give a widget its object name, accessible name and kind in the style sheet; return it."""
    if name:
        widget.setObjectName(name)
    if says:
        widget.setAccessibleName(says)
    if kind:
        widget.setProperty("kind", kind)
    return widget


def set_kind(widget: QWidget, kind: str) -> None:
    """Change a widget's kind in the style sheet while it is shown."""
    widget.setProperty("kind", kind)
    restyle(widget)


def restyle(widget: QWidget) -> None:
    """Let the style sheet look at a widget's properties again."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def label(text: str = "", kind: str = "", name: str = "", *, wrap: bool = False) -> QLabel:
    """Return a label that shows plain text only."""
    return named(plain_label(text, wrap=wrap), name, kind=kind)


def push_button(text: str, name: str = "", icon: str = "", *, theme: Theme) -> QPushButton:
    """Return a button that Enter does not press from elsewhere in its dialog."""
    button = named(QPushButton(text), name)
    button.setAutoDefault(False)
    if icon:
        theme.dress(button, icon)
    return button


class MarkButtons(QWidget):
    """Right and Wrong, for one frame.

    Signals:
        marked: the frame is right or wrong, or "" to take the mark away (str).
    """

    marked = Signal(str)

    def __init__(self, theme: Theme, right: str, wrong: str) -> None:
        """Mark nothing yet; ``right`` and ``wrong`` are the object names of the buttons."""
        super().__init__()
        self._right = named(QPushButton(self.tr("Right")), right, kind="good")
        self._wrong = named(QPushButton(self.tr("Wrong")), wrong, kind="bad")
        self._right.setToolTip(self.tr("Mark as right (R)"))
        self._wrong.setToolTip(self.tr("Mark as wrong (X)"))
        for button, icon, ink in ((self._right, "check", "good"), (self._wrong, "close", "bad")):
            button.setCheckable(True)
            theme.dress(button, icon, ink)
        self._right.clicked.connect(self._mark_right)
        self._wrong.clicked.connect(self._mark_wrong)
        row(theme, self._right, self._wrong, margins=(0, 0, 0, 0), gap=8, parent=self)

    @Slot()
    def _mark_right(self) -> None:
        self.marked.emit("right" if self._right.isChecked() else "")

    @Slot()
    def _mark_wrong(self) -> None:
        self.marked.emit("wrong" if self._wrong.isChecked() else "")

    def keep_focus_away(self) -> None:
        """Leave the keys to what has them when a button is clicked."""
        for button in (self._right, self._wrong):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def show_mark(self, mark: str | None) -> None:
        """Show the mark of the frame; None where no query is asked that it could belong to."""
        self.setVisible(mark is not None)
        self._right.setChecked(mark == "right")
        self._wrong.setChecked(mark == "wrong")


def text_field(name: str, says: str, placeholder: str = "") -> QLineEdit:
    """Return a field for one line, with a hint while it is empty."""
    field = named(QLineEdit(), name, says)
    field.setPlaceholderText(placeholder)
    return field


def thin_bar(name: str, says: str, theme: Theme) -> QProgressBar:
    """Return a progress bar without text."""
    bar = named(QProgressBar(), name, says)
    bar.setTextVisible(False)
    bar.setFixedHeight(theme.px(6))
    return bar


def _fill(
    box: B, theme: Theme, parts: tuple[Part, ...], wide: Part, margins: Margins | None, gap: int
) -> B:
    if margins is not None:  # px of nothing would be one pixel
        box.setContentsMargins(*(theme.px(side) if side else 0 for side in margins))
    if gap >= 0:
        box.setSpacing(theme.px(gap) if gap else 0)
    for part in parts:
        if part is None:
            box.addStretch(1)
        elif isinstance(part, int):
            box.addSpacing(theme.px(part))
        elif isinstance(part, QWidget):
            box.addWidget(part, int(part is wide))
        else:
            box.addLayout(part, int(part is wide))
    return box


def row(
    theme: Theme,
    *parts: Part,
    wide: Part = None,
    margins: Margins | None = None,
    gap: int = -1,
    parent: QWidget | None = None,
) -> QHBoxLayout:
    """Put parts side by side.

    Args:
        theme: scales lengths with the text.
        parts: widgets, layouts, gaps, and None for what takes the room that is left.
        wide: the part among them that takes it instead.
        margins: around them; None leaves them as Qt has them.
        gap: between them; -1 leaves it as Qt has it.
        parent: the widget to lay out, None for a row within another layout.
    """
    box = QHBoxLayout(parent) if parent is not None else QHBoxLayout()
    return _fill(box, theme, parts, wide, margins, gap)


def column(
    theme: Theme,
    *parts: Part,
    wide: Part = None,
    margins: Margins | None = None,
    gap: int = -1,
    parent: QWidget | None = None,
) -> QVBoxLayout:
    """Put parts one below the other; see :func:`row`."""
    box = QVBoxLayout(parent) if parent is not None else QVBoxLayout()
    return _fill(box, theme, parts, wide, margins, gap)


def close_buttons(dialog: QDialog, *more: QPushButton) -> QDialogButtonBox:
    """Return a dialog's button that closes it, and more beside it."""
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    for button in more:
        buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
    for button in buttons.findChildren(QPushButton):
        button.setAutoDefault(False)
    buttons.rejected.connect(dialog.reject)
    return buttons


def open_dialog(dialog: QDialog) -> None:
    """Show a dialog over its window; it goes when it is closed."""
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    sized = dialog.testAttribute(Qt.WidgetAttribute.WA_Resized)
    fit_screen(dialog, dialog.size() if sized else dialog.sizeHint())
    dialog.open()


def fit_screen(window: QWidget, size: QSize) -> None:
    """Give a window a size, or as much of it as the screen has room for, with its frame."""
    screen = window.screen().availableGeometry().size() - QSize(_FRAME, 2 * _FRAME)
    least = window.minimumSize()
    window.setMinimumSize(least.boundedTo(screen))
    window.resize(size.boundedTo(screen))


def question(
    parent: QWidget, name: str, title: str, text: str, yes: str, *, loses: bool = False
) -> QMessageBox:
    """Return a box that asks something in plain text; it is accepted by ``yes``.

    Where something is lost by it (``loses``), Enter cancels.
    """
    box = QMessageBox(parent)
    box.setOption(QMessageBox.Option.DontUseNativeDialog)  # it would not look like the window
    box.setObjectName(name)
    box.setIcon(QMessageBox.Icon.Question)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setWindowTitle(title)
    box.setText(text)
    box.setStandardButtons(QMessageBox.StandardButton.Ok | QMessageBox.StandardButton.Cancel)
    button = named(box.button(QMessageBox.StandardButton.Ok), "", kind="danger" if loses else "")
    button.setText(yes)
    if loses:
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
    return box


def popup(menu: QMenu, where: QPoint, over: QWidget) -> None:
    """Open the menu of what lies under the mouse; once it is closed, the mouse has left that.

    Qt tells a widget neither that the mouse went into a menu over it nor where it was when the
    menu closed, so that the widget would stay lit.
    """

    def leave() -> None:
        if isValid(over):
            for kind in (QEvent.Type.Leave, QEvent.Type.HoverLeave):
                nowhere = QPointF(-1, -1)
                left = kind == QEvent.Type.Leave
                event = QEvent(kind) if left else QHoverEvent(kind, nowhere, nowhere, nowhere)
                QApplication.sendEvent(over, event)
            over.setAttribute(Qt.WidgetAttribute.WA_UnderMouse, False)
            over.update()

    menu.aboutToHide.connect(leave, Qt.ConnectionType.SingleShotConnection)
    menu.popup(where)


def take_copy(event: QDropEvent) -> bool:
    """Accept a drop as a copy; False where its source would only move or link.

    What accepts a move lets the source delete what was dropped.
    """
    if not event.possibleActions() & Qt.DropAction.CopyAction:
        event.ignore()
        return False
    event.setDropAction(Qt.DropAction.CopyAction)
    event.accept()
    return True


class ElidedLabel(QLabel):
    """A plain label that elides its text in the middle and shows all of it as a tooltip."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self._whole = ""
        if self.layoutDirection() == Qt.LayoutDirection.RightToLeft:
            # Names of files and folders read from left to right, whatever the window does.
            self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
            self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setMinimumWidth(20)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def show_text(self, text: str) -> None:
        """Show a text."""
        self._whole = text.replace("\n", "⏎")
        self.setToolTip(plain_tip(text))
        self._elide()

    @property
    def whole_width(self) -> int:
        """How wide all of the text is, in pixels."""
        return self.fontMetrics().horizontalAdvance(self._whole)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Shorten the text to the new width."""
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        metrics, mode = self.fontMetrics(), Qt.TextElideMode.ElideMiddle
        self.setText(metrics.elidedText(self._whole, mode, max(10, self.width())))


def discard(layout: QLayout, part: QWidget) -> None:
    """Take a widget out of a layout and destroy it; it is hidden until it is."""
    layout.removeWidget(part)
    part.hide()
    part.deleteLater()


class FlowLayout(QLayout):
    """Puts widgets side by side and begins a new line where the width ends."""

    def __init__(self, parent: QWidget, gap: int, *, centred: bool = True) -> None:
        """Lay out the children of a widget with a gap between them."""
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self._gap = gap
        self._centred = centred
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, item: QLayoutItem) -> None:  # noqa: N802
        """Add an item behind the last."""
        self._items.append(item)

    def count(self) -> int:
        """Return how many items there are."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:  # noqa: N802
        """Return an item, None where there is none."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:  # noqa: N802
        """Remove and return an item, None where there is none."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:  # noqa: N802
        """Ask for no more room than needed."""
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        """Say that a narrow layout is higher."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        """Return the height of all lines at a width in pixels."""
        lines = self._lines(width)
        heights = [max(item.sizeHint().height() for item in line) for line in lines]
        return sum(heights) + self._gap * max(0, len(heights) - 1)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size of all items in one line."""
        there = [item for item in self._items if not item.isEmpty()]
        width = sum(item.sizeHint().width() + self._gap for item in there)
        return QSize(width, self.heightForWidth(width))

    def minimumSize(self) -> QSize:  # noqa: N802
        """Return the width of the widest item."""
        widest = max((item.minimumSize().width() for item in self._items), default=0)
        return QSize(widest, 0)

    def setGeometry(self, rect: QRect) -> None:  # noqa: N802
        """Place the items, line by line."""
        super().setGeometry(rect)
        top = rect.top()
        for line in self._lines(rect.width()):
            width = sum(item.sizeHint().width() for item in line) + self._gap * (len(line) - 1)
            left = rect.left()
            if self._centred:
                left += max(0, (rect.width() - width) // 2)
            height = max(item.sizeHint().height() for item in line)
            for item in line:
                item.setGeometry(QRect(QPoint(left, top), item.sizeHint()))
                left += item.sizeHint().width() + self._gap
            top += height + self._gap

    def _lines(self, width: int) -> list[list[QLayoutItem]]:
        lines: list[list[QLayoutItem]] = []
        used = 0
        for item in self._items:
            if item.isEmpty():  # of a hidden widget: no gap either
                continue
            need = item.sizeHint().width()
            if not lines or used + self._gap + need > width:
                lines.append([item])
                used = need
            else:
                lines[-1].append(item)
                used += self._gap + need
        return lines
