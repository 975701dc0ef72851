"""Above everything: the folder, the search bar, the model and its chooser, the tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QAction,
    QColor,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QComboBox, QMenu, QSizePolicy, QToolButton, QWidget

from c4t_desktop.gallery.results_model import plain_tip
from c4t_desktop.messages import button_text, said, size_text, why_unusable
from c4t_desktop.panels.actions import Actions
from c4t_desktop.panels.parts import named, row
from c4t_desktop.panels.search_bar import SearchBar
from c4t_desktop.theme import Theme, icons

if TYPE_CHECKING:
    from c4t_core.models.protocol import ModelInfo


_SEGMENTS = 2  # models always in sight; the current one is always a third if it is another


def title_of(name: str) -> str:
    """Return what a model is called in the window.

    >>> title_of("c4t"), title_of("c4t:winter"), title_of("clip:ViT-L-14")
    ('C4T', 'winter', 'ViT-L-14')
    """
    return name.split(":", 1)[1] if ":" in name else name.upper()


class ModelChooser(QComboBox):
    """Chooses a model.

    Signals:
        chosen: a model that can be used (name).
        refused: a model that cannot be used yet (ModelInfo).
    """

    chosen = Signal(str)
    refused = Signal(object)

    def __init__(self, theme: Theme) -> None:
        """Start empty; the list comes from the library."""
        super().__init__()
        self._theme = theme
        self._infos: dict[str, ModelInfo] = {}
        self._name = ""
        self._brief = False
        named(self, "modelChooser", self.tr("Model"))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.currentIndexChanged.connect(self._index_changed)
        theme.changed.connect(self._restyle)

    def show_models(self, infos: Sequence[ModelInfo], current: str) -> None:
        """List models; keeps the current one even if it is unknown."""
        self.blockSignals(True)
        self.clear()
        self._infos = {info.name: info for info in infos}
        for name in dict.fromkeys([*self._infos, *([current] if not infos else [])]):
            self.addItem(title_of(name), name)
            info = self._infos.get(name)
            if info is not None:
                self.setItemData(self.count() - 1, _tip(info), Qt.ItemDataRole.ToolTipRole)
                if not info.available:
                    grey = QColor(self._theme.colours.muted)
                    self.setItemData(self.count() - 1, grey, Qt.ItemDataRole.ForegroundRole)
                    text = self.tr("{0}  (not installed)").format(title_of(name))
                    self.setItemText(self.count() - 1, text)
        self.blockSignals(False)
        self.set_current(current)
        self._restyle()

    def set_current(self, name: str) -> None:
        """Show which model is in use, without choosing it."""
        self._name = name
        self.blockSignals(True)
        self.setCurrentIndex(self.findData(name))
        self.blockSignals(False)
        self.setAccessibleDescription(title_of(name))
        self.setFixedWidth(self.sizeHint().width())
        self.update()

    @Slot(int)
    def _index_changed(self, index: int) -> None:
        name = self.itemData(index)
        if name is None or name == self._name:
            return
        info = self._infos.get(name)
        if info is not None and not info.available:
            self.set_current(self._name)
            self.refused.emit(info)
            return
        self.set_current(name)
        self.chosen.emit(name)

    def be_brief(self, brief: bool) -> None:
        """Have the model in use alone in sight, where there is no room for others."""
        if brief != self._brief:
            self._brief = brief
            self.setFixedWidth(self.sizeHint().width())
            self.update()

    # segments -------------------------------------------------------------------------------

    def _segments(self) -> list[tuple[str, QRect]]:
        """Return the models in sight and where they are; the last, "", opens the list."""
        names = [self.itemData(index) for index in range(min(_SEGMENTS, self.count()))]
        if "clip" in names and not self._infos["clip"].available:  # one from a file takes its place
            here = (name for name, info in self._infos.items() if info.available)
            added = next((name for name in here if name.startswith("clip:")), "clip")
            names[names.index("clip")] = added
        if self._name and self._name not in names:
            names.append(self._name)
        if self._brief and self._name:
            names = [self._name]
        metrics, px = self.fontMetrics(), self._theme.px
        left, made = 0, []
        for name in names:
            width = min(px(140), metrics.horizontalAdvance(title_of(name)) + px(28))
            made.append((name, QRect(left, 0, width, self.height())))
            left += width
        made.append(("", QRect(left, 0, px(26), self.height())))
        return made

    def sizeHint(self) -> QSize:  # noqa: N802
        """Leave room for all segments."""
        return QSize(self._segments()[-1][1].right() + 1, self._theme.px(34))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the size for all segments: none is cut off."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the segments, the model in use filled."""
        colours, px = self._theme.colours, self._theme.px
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        outline = QPainterPath()
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        outline.addRoundedRect(box, px(8), px(8))
        painter.fillPath(outline, QColor(colours.card))
        painter.save()
        painter.setClipPath(outline)
        painter.setFont(self._theme.font(13, strong=True))
        for name, where in self._segments():
            self._paint_segment(painter, name, where)
        painter.restore()
        edge = colours.accent if self.hasFocus() else colours.border_strong
        painter.setPen(QPen(QColor(edge), 1))
        painter.drawPath(outline)
        painter.end()

    def _paint_segment(self, painter: QPainter, name: str, where: QRect) -> None:
        colours, px = self._theme.colours, self._theme.px
        if not name:
            side = px(14)
            spot = QRectF(0, 0, side, side)
            spot.moveCenter(QRectF(where).center())
            painter.setPen(QColor(colours.border))
            painter.drawLine(where.topLeft(), where.bottomLeft())
            icons.draw(painter, "chevron-down", spot, colours.muted)
            return
        info = self._infos.get(name)
        tint = colours.muted if info is None or info.available else colours.faint
        if name == self._name:
            painter.fillRect(where, QColor(colours.accent))
            tint = colours.accent_text
        painter.setPen(QColor(tint))
        title = painter.fontMetrics().elidedText(
            title_of(name), Qt.TextElideMode.ElideMiddle, where.width() - px(12)
        )
        painter.drawText(where, Qt.AlignmentFlag.AlignCenter, title)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Choose the model of a segment, or open the list."""
        for name, where in self._segments():
            if where.contains(event.position().toPoint()):
                if name:
                    self.setFocus()
                    self.setCurrentIndex(self.findData(name))
                else:  # Qt's own way: it knows that the release of this click chooses nothing
                    super().mousePressEvent(event)
                return

    @Slot()
    def _restyle(self) -> None:
        self.setFont(self._theme.font(13, strong=True))
        self.view().setMinimumWidth(self._theme.px(220))
        self.setFixedWidth(self.sizeHint().width())
        self.update()


def _tip(info: ModelInfo) -> str:
    lines = [said(info.description), "" if info.available else why_unusable(info)]
    if info.size_bytes:
        lines.append(size_text(info.size_bytes))
    return plain_tip("\n".join(line for line in lines if line))


_QUERY = 300  # least width of the search bar, before scaling
_GAP = 12  # between the parts
_TOOLS = ("compareAction", "evaluateAction", "trainAction")


class TopBar(QWidget):
    """Lays out what one always needs."""

    def __init__(
        self,
        search: SearchBar,
        models: ModelChooser,
        actions: Actions,
        folder_menu: QMenu,
        main_menu: QMenu,
        theme: Theme,
    ) -> None:
        """Put the parts in a row."""
        super().__init__()
        self._theme = theme
        self.setObjectName("topBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.folder = named(QToolButton(), "folderButton", kind="button")
        self.folder.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.folder.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.folder.setMenu(folder_menu)
        self.folder.setToolTip(self.tr("Choose a folder (Ctrl+O)"))
        self.show_folder("")
        self._more = named(QToolButton(), "menuButton", self.tr("Menu"))
        self._more.setToolTip(self.tr("Menu"))
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._more.setMenu(main_menu)
        self._tools = [_tool(actions[name]) for name in _TOOLS]
        self._gear = QToolButton()
        self._gear.setDefaultAction(actions["settingsAction"])
        self._gear.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        row(
            theme, self.folder, search, models, *self._tools, self._gear, self._more,
            wide=search, margins=(16, 10, 12, 10), gap=_GAP, parent=self,
        )  # fmt: skip
        theme.dress(self.folder, "folder", "muted")
        theme.dress(self._more, "more")
        self._models = models
        theme.changed.connect(self._restyle)
        self._restyle()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Hide the tools that there is no room for."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Leave to the menu, the keys and the lists what would take the room of the query."""
        gap, room = self._theme.px(_GAP), self.width() - self._theme.px(_QUERY)
        self._models.be_brief(False)
        self.folder.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        tools = [part for part in self._tools if part.defaultAction().isVisible()]
        always: list[QWidget] = [self.folder, self._models, self._more]

        def fits(*parts: QWidget) -> bool:
            return sum(part.sizeHint().width() + gap for part in parts) <= room

        for part in tools:
            part.setVisible(fits(*always, self._gear, *tools))
        if not fits(*always, self._gear):
            self._models.be_brief(True)
        self._gear.setVisible(fits(*always, self._gear))
        if not fits(*always):
            self.folder.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)

    def show_folder(self, title: str) -> None:
        """Show which folder is open."""
        text = title or self.tr("Choose a folder")
        metrics = self.folder.fontMetrics()
        room = self._theme.px(200)
        shortened = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, room)
        self.folder.setText(button_text(shortened))
        self.folder.setAccessibleName(self.tr("Folder: {0}").format(text))

    @Slot()
    def _restyle(self) -> None:
        side = self._theme.px(18)
        for button in (self._gear, self._more, self.folder):
            button.setIconSize(QSize(side, side))
        self._fit()


def _tool(action: QAction) -> QToolButton:
    button = named(QToolButton(), "", kind="tool")  # the search is what this window is for
    button.setDefaultAction(action)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
    return button
