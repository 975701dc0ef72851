"""Every setting with its title and what it changes; made from the table in settings.py."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from c4t_desktop.jobs.library import Library
from c4t_desktop.jobs.thumbnails import Thumbnails
from c4t_desktop.messages import plain_label
from c4t_desktop.panels.storage import StorageSection
from c4t_desktop.settings import GROUPS, Setting, Settings
from c4t_desktop.theme import Theme
from c4t_desktop.theme.fields import number_field


class SettingsDialog(QDialog):
    """Changes take effect at once."""

    def __init__(
        self,
        settings: Settings,
        theme: Theme,
        library: Library,
        thumbnails: Thumbnails,
        parent: QWidget | None = None,
    ) -> None:
        """Make an editor for each setting."""
        super().__init__(parent)
        self._settings = settings
        self._theme = theme
        self._editors: dict[str, QWidget] = {}
        self.setObjectName("settingsDialog")
        self.setWindowTitle(self.tr("Settings"))
        px = theme.px
        content = QWidget()
        content.setProperty("kind", "page")
        column = QVBoxLayout(content)
        column.setContentsMargins(px(24), px(20), px(24), px(20))
        column.setSpacing(px(14))
        for title, group in GROUPS:
            heading = plain_label(QCoreApplication.translate("Settings", title))
            heading.setProperty("kind", "subtitle")
            column.addWidget(heading)
            for setting in group:
                column.addLayout(self._line(setting))
            column.addSpacing(px(8))
        heading = plain_label(self.tr("Space on disk"))
        heading.setProperty("kind", "subtitle")
        column.addWidget(heading)
        self.storage = StorageSection(library, thumbnails, theme)
        column.addWidget(self.storage)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(content)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        for button in buttons.findChildren(QPushButton):
            button.setAutoDefault(False)
        buttons.rejected.connect(self.reject)
        buttons.setContentsMargins(px(24), px(4), px(24), px(16))
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll, 1)
        whole.addWidget(buttons)
        self.resize(px(620), min(px(760), 860))

    def _line(self, setting: Setting[str | int]) -> QHBoxLayout:
        px = self._theme.px
        name: QLabel = plain_label(setting.say_title())
        name.setProperty("kind", "strong")
        what = plain_label(setting.say_description(), wrap=True)
        what.setProperty("kind", "muted")
        words = QVBoxLayout()
        words.setSpacing(px(2))
        words.addWidget(name)
        words.addWidget(what)
        editor = self._editor(setting)
        editor.setAccessibleName(setting.say_title())
        editor.setAccessibleDescription(setting.say_description())
        editor.setObjectName(f"setting_{setting.key.replace('/', '_')}")
        editor.setProperty("setting", setting.key)
        self._editors[setting.key] = editor
        line = QHBoxLayout()
        line.setSpacing(px(24))
        line.addLayout(words, 1)
        line.addWidget(editor)
        return line

    def _editor(self, setting: Setting[str | int]) -> QWidget:
        value = self._settings.value(setting)
        width = self._theme.px(150)
        if setting.choices:
            chooser = QComboBox()
            for key, title in setting.choices:
                chooser.addItem(QCoreApplication.translate("Settings", title), key)
            chooser.setCurrentIndex(chooser.findData(value))
            chooser.currentIndexChanged.connect(self._chosen)
            chooser.setFixedWidth(width)
            return chooser
        if isinstance(value, bool):
            box = QCheckBox()
            box.setChecked(value)
            box.toggled.connect(self._toggled)
            return box
        if isinstance(value, int):
            number = number_field(self._theme, setting.low, setting.high)
            number.setSingleStep(setting.step)
            number.setSuffix(setting.suffix)
            number.setValue(value)
            number.setKeyboardTracking(False)
            number.valueChanged.connect(self._counted)
            number.setFixedWidth(width)
            return number
        line = QLineEdit(value)
        line.editingFinished.connect(self._typed)
        line.setFixedWidth(self._theme.px(220))
        return line

    def _store_value(self, value: str | int) -> None:
        editor = self.sender()
        key = editor.property("setting")
        setting = next(entry for _, group in GROUPS for entry in group if entry.key == key)
        self._settings.set(setting, value)

    @Slot(int)
    def _chosen(self, index: int) -> None:
        chooser = self.sender()
        assert isinstance(chooser, QComboBox)  # only choosers are connected
        self._store_value(chooser.itemData(index))

    @Slot(bool)
    def _toggled(self, on: bool) -> None:
        self._store_value(on)

    @Slot(int)
    def _counted(self, value: int) -> None:
        self._store_value(value)

    @Slot()
    def _typed(self) -> None:
        line = self.sender()
        assert isinstance(line, QLineEdit)  # only lines are connected
        self._store_value(line.text())
