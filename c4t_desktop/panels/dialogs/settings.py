"""The settings, made from the table in ``settings.py``, and what is kept on the disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from c4t_core.images.fetched import kept as kept_copies
from c4t_core.images.thumbnails import ThumbnailStore
from c4t_core.records import dataclass
from c4t_desktop.context import Context
from c4t_desktop.gallery.results_model import shown
from c4t_desktop.jobs.runner import Job
from c4t_desktop.jobs.thumbnails import Thumbnails
from c4t_desktop.messages import count_text, describe, plural, size_text
from c4t_desktop.panels.parts import (
    close_buttons,
    column,
    label,
    named,
    open_dialog,
    push_button,
    question,
    row,
)
from c4t_desktop.services.library import LOOK, WORK, Library
from c4t_desktop.services.marks import MarkBook, Saved
from c4t_desktop.services.workspace import WorkspaceLike
from c4t_desktop.settings import GROUPS, Setting
from c4t_desktop.theme import Theme
from c4t_desktop.theme.manager import number_field

if TYPE_CHECKING:
    from c4t_core.index.folders import Space

_TEXT_FILES = "JSON lines (*.jsonl *.txt)"


def _tr(text: str) -> str:
    return QCoreApplication.translate("StorageSection", text)


@dataclass(frozen=True)
class Used:
    """Bytes on disk; -1 where it cannot be told while no folder is open."""

    thumbnails: int = 0
    fetched: int = 0
    catalogue: int = -1
    indexes: int = -1


def used(workspace: WorkspaceLike | None, store: ThumbnailStore) -> Used:
    """Count; runs on a worker thread."""
    thumbnails = store.size()
    if workspace is None:
        return Used(thumbnails, sum(kept_copies().values()))
    space = workspace.space()
    return Used(thumbnails, space.fetched, space.catalogue, space.indexes + space.damaged)


def what_goes(space: Space) -> str:
    """Say what cleaning the index drops, a line each with its size."""
    lines = (
        (
            space.replaced,
            plural(
                space.frames,
                _tr("vectors of {0} frame, replaced by newer ones"),
                _tr("vectors of {0} frames, replaced by newer ones"),
            ),
        ),
        (space.free, _tr("room of frames that are gone or changed")),
        (
            space.indexes,
            plural(
                space.files,
                _tr("{0} file for searching, made again at need"),
                _tr("{0} files for searching, made again at need"),
            ),
        ),
        (
            space.fetched,
            plural(
                space.pictures,
                _tr("copy of {0} picture at an address, fetched again at need"),
                _tr("copies of {0} pictures at addresses, fetched again at need"),
            ),
        ),
        (space.damaged, _tr("damaged indexes that were set aside")),
    )
    return "\n".join(f"• {size_text(size)}: {text}" for size, text in lines if size)


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
        self.clean_thumbnails = push_button(
            self.tr("Remove thumbnails"), "cleanButton", "trash", theme=theme
        )
        self.clean_index = push_button(
            self.tr("Clean the index"), "cleanIndexButton", "trash", theme=theme
        )
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
                "fetched",
                self.tr("Fetched pictures"),
                self.tr("Copies of pictures at addresses; fetched again when they are looked at."),
                None,
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
            value = named(label("…"), f"space_{key}", title)
            grid.addLayout(_described(title, what, theme), line, 0)
            grid.addWidget(value, line, 1)
            if button is not None:
                grid.addWidget(button, line, 2)
            self._values.append(value)
        self._outcome = label(kind="muted", name="cleanResult", wrap=True)
        self._outcome.hide()
        grid.addWidget(self._outcome, len(rows), 0, 1, 3)
        self.clean_thumbnails.clicked.connect(self._clean_thumbnails)
        self.clean_index.clicked.connect(self._clean_index)
        self._count()

    def _count(self) -> None:
        workspace, store = self._library.workspace, self._store
        self._library.runner.submit(
            lambda _: used(workspace, store),
            lane=LOOK,
            key="space",
            done=self._show,
            failed=self._failed,
            owner=self,
        )

    def _show(self, space: Used) -> None:
        sizes = (space.catalogue, space.indexes, space.fetched, space.thumbnails)
        for value, size in zip(self._values, sizes, strict=True):
            value.setText(size_text(size) if size >= 0 else self.tr("no folder is open"))

    @Slot()
    def _clean_thumbnails(self) -> None:
        store = self._store
        self._clean(lambda _: store.size() - store.trim(0), LOOK)

    @Slot()
    def _clean_index(self) -> None:
        workspace = self._library.workspace
        if workspace is not None:
            self._library.runner.submit(
                lambda _: workspace.space(),
                lane=LOOK,
                key="clean",
                done=lambda space: self._ask(workspace, space),
                failed=self._failed,
                owner=self,
            )

    def _ask(self, workspace: WorkspaceLike, space: Space) -> None:
        if not space.removable:
            self._say(self.tr("There is nothing to clean: the index holds only what it needs."))
            return
        title = self.tr("Clean the index")
        text = self.tr("Clean the index? About {0} are given back.")
        text = text.format(size_text(space.removable))
        damaged = space.damaged > 0  # all else can be made again
        box = question(self, "cleanQuestion", title, text, self.tr("Clean"), loses=damaged)
        kept = self.tr("Your pictures, marks, tags and saved searches stay.")
        box.setInformativeText(f"{what_goes(space)}\n\n{kept}")
        box.accepted.connect(lambda: self._clean(lambda _: workspace.clean(), WORK))
        open_dialog(box)

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
        self._outcome.setText(sentence)
        self._outcome.show()


_COUNTED = ("marks", "tags", "searches", "test_sets")


class OwnDataSection(QWidget):
    """Lets what the user made out to a text file, and in again."""

    def __init__(self, marks: MarkBook, theme: Theme) -> None:
        """Offer both."""
        super().__init__()
        self._marks = marks
        what = _described(
            self.tr("Marks, tags, saved searches and test sets"),
            self.tr(
                "As a text file, to keep or to take to another machine. Importing adds to what "
                "is here; of two things of one name the later one is kept."
            ),
            theme,
        )
        export = push_button(self.tr("Export…"), "exportUserDataButton", "export", theme=theme)
        import_ = push_button(self.tr("Import…"), "importUserDataButton", "open", theme=theme)
        self._outcome = label(kind="muted", name="userDataResult", wrap=True)
        self._outcome.hide()
        line = row(theme, what, export, import_, wide=what, gap=16)
        pack = _described(
            self.tr("The 90 situations of SearchAD"),
            self.tr("A saved search for each; they count what the open folders hold of it."),
            theme,
        )
        self._pack = push_button("", "packButton", theme=theme)
        added = row(theme, pack, self._pack, wide=pack, gap=16)
        parts = (line, self._outcome, added)
        column(theme, *parts, margins=(0, 0, 0, 0), gap=10, parent=self)
        self._show_pack(marks.saved)
        self._pack.clicked.connect(self._change_pack)
        marks.saved_changed.connect(self._show_pack)
        export.clicked.connect(self._export)
        import_.clicked.connect(self._import)
        marks.exported.connect(self._exported)
        marks.imported.connect(self._imported)

    @Slot()
    def _export(self) -> None:
        start = str(Path.home() / "c4t-user-data.jsonl")
        name, _ = QFileDialog.getSaveFileName(self, self.tr("Export"), start, _TEXT_FILES)
        if name:
            self._marks.export_to(Path(name))

    @Slot()
    def _import(self) -> None:
        start = str(Path.home())
        name, _ = QFileDialog.getOpenFileName(self, self.tr("Import"), start, _TEXT_FILES)
        if name:
            self._marks.import_from(Path(name))

    @Slot(object)
    def _show_pack(self, saved: Sequence[Saved]) -> None:
        self._there = any(entry.pack for entry in saved)
        self._pack.setText(self.tr("Remove") if self._there else self.tr("Add"))

    @Slot()
    def _change_pack(self) -> None:
        if self._there:
            self._marks.remove_pack()
        else:
            self._marks.add_pack()

    @Slot(object, object)
    def _exported(self, file: Path, counts: Mapping[str, int]) -> None:
        text = self.tr("{0} marks, {1} tags, {2} saved searches and {3} test sets are in {4}.")
        self._say(text, counts, shown(file.name))

    @Slot(object, object)
    def _imported(self, _: Path, counts: Mapping[str, int]) -> None:
        text = self.tr("There are now {0} marks, {1} tags, {2} saved searches and {3} test sets.")
        self._say(text, counts)

    def _say(self, text: str, counts: Mapping[str, int], *more: str) -> None:
        numbers = [count_text(counts[name]) for name in _COUNTED]
        self._outcome.setText(text.format(*numbers, *more))
        self._outcome.show()


class SettingsDialog(QDialog):
    """Changes take effect at once."""

    def __init__(self, context: Context, parent: QWidget) -> None:
        """Make an editor for each setting."""
        super().__init__(parent)
        self._settings, self._theme = context.settings, context.theme
        theme = context.theme
        self.setObjectName("settingsDialog")
        self.setWindowTitle(self.tr("Settings"))
        content = named(QWidget(), "", kind="page")
        page = column(theme, margins=(24, 20, 24, 20), gap=14, parent=content)
        for title, group in GROUPS:
            page.addWidget(label(QCoreApplication.translate("Settings", title), "subtitle"))
            for setting in group:
                page.addLayout(self._line(setting))
            page.addSpacing(theme.px(8))
        page.addWidget(label(self.tr("Space on disk"), "subtitle"))
        self.storage = StorageSection(context.library, context.thumbnails, theme)
        page.addWidget(self.storage)
        page.addSpacing(theme.px(8))
        page.addWidget(label(self.tr("What you made"), "subtitle"))
        page.addWidget(OwnDataSection(context.marks, theme))
        page.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(content)
        buttons = close_buttons(self)
        buttons.setContentsMargins(theme.px(24), theme.px(4), theme.px(24), theme.px(16))
        column(theme, scroll, buttons, wide=scroll, margins=(0, 0, 0, 0), parent=self)
        self.resize(theme.px(620), min(theme.px(760), 860))

    def _line(self, setting: Setting[str | int]) -> QHBoxLayout:
        title, what = setting.say_title(), setting.say_description()
        editor = named(self._editor(setting), f"setting_{setting.key.replace('/', '_')}", title)
        editor.setAccessibleDescription(what)
        words = _described(title, what, self._theme)
        return row(self._theme, words, editor, wide=words, gap=24)

    def _editor(self, setting: Setting[str | int]) -> QWidget:
        value = self._settings.value(setting)
        width = self._theme.px(150)

        def keep(chosen: str | int) -> None:
            self._settings.set(setting, chosen)

        if setting.choices:
            chooser = QComboBox()
            for key, title in setting.choices:
                chooser.addItem(QCoreApplication.translate("Settings", title), key)
            chooser.setCurrentIndex(chooser.findData(value))
            chooser.currentIndexChanged.connect(lambda index: keep(chooser.itemData(index)))
            chooser.setFixedWidth(width)
            return chooser
        if isinstance(value, bool):
            box = QCheckBox()
            box.setChecked(value)
            box.toggled.connect(keep)
            return box
        if isinstance(value, int):
            number = number_field(self._theme, setting.low, setting.high)
            number.setSingleStep(setting.step)
            number.setSuffix(setting.suffix)
            number.setValue(value)
            number.setKeyboardTracking(False)
            number.valueChanged.connect(keep)
            number.setFixedWidth(width)
            return number
        line = QLineEdit(value)
        line.editingFinished.connect(lambda: keep(line.text()))
        line.setFixedWidth(self._theme.px(220))
        return line


def _described(title: str, what: str, theme: Theme) -> QVBoxLayout:
    """Return a title with what it means below."""
    parts = (label(title, "strong", wrap=True), label(what, "muted", wrap=True))
    return column(theme, *parts, gap=2)
