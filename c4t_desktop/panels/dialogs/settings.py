"""Every setting with its title and what it changes; made from the table in settings.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from c4t_desktop.jobs.runner import Job
from c4t_desktop.jobs.thumbnails import Thumbnails, ThumbnailStore
from c4t_desktop.messages import describe, plain_label, size_text
from c4t_desktop.services.library import LOOK, WORK, Library
from c4t_desktop.services.workspace import WorkspaceLike
from c4t_desktop.settings import GROUPS, Setting, Settings
from c4t_desktop.theme import Theme
from c4t_desktop.theme.manager import number_field


@dataclass(frozen=True)
class Used:
    """Bytes on disk; -1 where it cannot be told while no folder is open."""

    thumbnails: int = 0
    catalogue: int = -1
    indexes: int = -1


def used(workspace: WorkspaceLike | None, store: ThumbnailStore) -> Used:
    """Count; runs on a worker thread."""
    thumbnails = store.size()
    if workspace is None:
        return Used(thumbnails)
    space = workspace.space()
    return Used(thumbnails, space.catalogue, space.indexes + space.damaged)


class StorageSection(QWidget):
    """Lists what is kept, each with what it is for, and cleans it.

    Images are never touched, and neither is what the user made.
    """

    def __init__(self, library: Library, thumbnails: Thumbnails, theme: Theme) -> None:
        """Begin to count."""
        super().__init__()
        self._library = library
        self._store = thumbnails.store
        self._values: list[QLabel] = []
        self.clean_thumbnails = QPushButton(self.tr("Remove thumbnails"))
        self.clean_thumbnails.setObjectName("cleanButton")
        self.clean_index = QPushButton(self.tr("Clean the index"))
        for cleaner in (self.clean_thumbnails, self.clean_index):
            theme.dress(cleaner, "trash")
        self.clean_index.setObjectName("cleanIndexButton")
        self.clean_index.setEnabled(library.opened_now is not None)
        rows = (
            (
                "catalogue",
                self.tr("Index"),
                self.tr("What is known of each frame, and its vector for each model."),
                None,
            ),
            (
                "indexes",
                self.tr("Search structures"),
                self.tr("Made again from the index when they are needed."),
                self.clean_index,
            ),
            (
                "thumbnails",
                self.tr("Thumbnails"),
                self.tr("Made again when a picture is shown."),
                self.clean_thumbnails,
            ),
        )
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.px(16))
        grid.setVerticalSpacing(theme.px(10))
        grid.setColumnStretch(0, 1)
        for line, (key, title, what, button) in enumerate(rows):
            name, text, value = plain_label(title), plain_label(what, wrap=True), plain_label("…")
            name.setProperty("kind", "strong")
            text.setProperty("kind", "muted")
            value.setObjectName(f"space_{key}")
            value.setAccessibleName(title)
            words = QVBoxLayout()
            words.setSpacing(theme.px(2))
            words.addWidget(name)
            words.addWidget(text)
            grid.addLayout(words, line, 0)
            grid.addWidget(value, line, 1)
            if button is not None:
                button.setAutoDefault(False)
                grid.addWidget(button, line, 2)
            self._values.append(value)
        self._said = plain_label(wrap=True)
        self._said.setProperty("kind", "muted")
        self._said.setObjectName("cleanResult")
        self._said.hide()
        grid.addWidget(self._said, len(rows), 0, 1, 3)
        self.clean_thumbnails.clicked.connect(self._clean_thumbnails)
        self.clean_index.clicked.connect(self._clean_index)
        self._count()

    def _workspace(self) -> WorkspaceLike | None:
        opened = self._library.opened_now
        return opened.workspace if opened is not None else None

    def _count(self) -> None:
        workspace, store = self._workspace(), self._store
        self._library.runner.submit(
            lambda _: used(workspace, store),
            lane=LOOK,
            key="space",
            done=self._show,
            failed=self._failed,
            owner=self,
        )

    def _show(self, space: Used) -> None:
        sizes = (space.catalogue, space.indexes, space.thumbnails)
        for value, size in zip(self._values, sizes, strict=True):
            value.setText(size_text(size) if size >= 0 else self.tr("no folder is open"))

    @Slot()
    def _clean_thumbnails(self) -> None:
        store = self._store
        self._clean(lambda _: store.size() - store.trim(0), LOOK)

    @Slot()
    def _clean_index(self) -> None:
        workspace = self._workspace()
        if workspace is not None:
            self._clean(lambda _: workspace.clean(), WORK)

    def _clean(self, work: Callable[[Job], int], lane: str) -> None:
        self._library.runner.submit(
            work, lane=lane, key="clean", done=self._cleaned, failed=self._failed, owner=self
        )

    def _cleaned(self, freed: int) -> None:
        self._say(self.tr("{0} given back.").format(size_text(max(0, freed))))
        self._count()

    def _failed(self, error: Exception) -> None:
        self._say(describe(error).sentence)

    def _say(self, sentence: str) -> None:
        self._said.setText(sentence)
        self._said.show()


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
