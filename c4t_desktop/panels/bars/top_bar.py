"""Above everything: the folder, the search bar, the model, the tools."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from c4t_desktop.panels.actions import Actions
from c4t_desktop.panels.bars.model_chooser import ModelChooser
from c4t_desktop.panels.search.search_bar import SearchBar
from c4t_desktop.theme import Theme

_QUERY = 300  # least width of the search bar, before scaling
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
        parent: QWidget | None = None,
    ) -> None:
        """Put the parts in a row."""
        super().__init__(parent)
        self._theme = theme
        self._tools: list[QToolButton] = []
        self.setObjectName("topBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.folder = QToolButton()
        self.folder.setObjectName("folderButton")
        self.folder.setProperty("kind", "button")
        self.folder.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.folder.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.folder.setMenu(folder_menu)
        self.folder.setToolTip(self.tr("Choose a folder (Ctrl+O)"))
        self.show_folder("")
        self._more = QToolButton()
        self._more.setObjectName("menuButton")
        self._more.setAccessibleName(self.tr("Menu"))
        self._more.setToolTip(self.tr("Menu"))
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._more.setMenu(main_menu)
        px = theme.px
        row = QHBoxLayout(self)
        row.setContentsMargins(px(16), px(10), px(12), px(10))
        row.setSpacing(px(12))
        row.addWidget(self.folder)
        row.addWidget(search, 1)
        row.addWidget(models)
        for name in _TOOLS:
            button = self._tool(actions, name)
            row.addWidget(button)
        self._gear = QToolButton()
        self._gear.setDefaultAction(actions["settingsAction"])
        self._gear.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        row.addWidget(self._gear)
        row.addWidget(self._more)
        self._beside: tuple[QWidget, ...] = (self.folder, models, self._gear, self._more)
        theme.changed.connect(self._restyle)
        self._restyle()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Leave the panels to the menu and the keys where the query would have no room."""
        row = self.layout()
        assert row is not None  # made with the bar
        gap = row.spacing()
        used = sum(part.sizeHint().width() + gap for part in self._beside)
        tools = [part for part in self._tools if part.defaultAction().isVisible()]
        wanted = used + sum(part.sizeHint().width() + gap for part in tools)
        for part in tools:
            part.setVisible(self.width() - wanted >= self._theme.px(_QUERY))

    def _tool(self, actions: Actions, name: str) -> QToolButton:
        button = QToolButton()
        button.setProperty("kind", "button")
        button.setDefaultAction(actions[name])
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        button.setVisible(actions[name].isVisible())
        self._tools.append(button)
        return button

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
        self.folder.setIcon(self._theme.icon("folder", self._theme.colours.muted))
        self._more.setIcon(self._theme.icon("more"))
        for button in (self._gear, self._more, self.folder):
            button.setIconSize(QSize(side, side))
        self._fit()
