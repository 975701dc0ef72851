"""Above everything: the folder, the search bar, the model, the tools."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from c4t_desktop.panels.actions import Actions
from c4t_desktop.panels.bars.model_chooser import ModelChooser
from c4t_desktop.panels.parts import named, row
from c4t_desktop.panels.search.search_bar import SearchBar
from c4t_desktop.theme import Theme

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
        self._beside: tuple[QWidget, ...] = (self.folder, models, self._gear, self._more)
        theme.changed.connect(self._restyle)
        self._restyle()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Hide the tools that there is no room for."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Leave the panels to the menu and the keys where the query would have no room."""
        gap = self._theme.px(_GAP)
        used = sum(part.sizeHint().width() + gap for part in self._beside)
        tools = [part for part in self._tools if part.defaultAction().isVisible()]
        wanted = used + sum(part.sizeHint().width() + gap for part in tools)
        for part in tools:
            part.setVisible(self.width() - wanted >= self._theme.px(_QUERY))

    def show_folder(self, title: str) -> None:
        """Show which folder is open."""
        text = title or self.tr("Choose a folder")
        metrics = self.folder.fontMetrics()
        room = self._theme.px(200)
        self.folder.setText(metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, room))
        self.folder.setAccessibleName(self.tr("Folder: {0}").format(text))

    @Slot()
    def _restyle(self) -> None:
        side = self._theme.px(18)
        for button in (self._gear, self._more, self.folder):
            button.setIconSize(QSize(side, side))
        self._fit()


def _tool(action: QAction) -> QToolButton:
    button = named(QToolButton(), "", kind="button")
    button.setDefaultAction(action)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
    return button
