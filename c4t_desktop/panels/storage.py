"""What the application takes on disk, and how to give some of it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from c4t_desktop.jobs.library import LOOK, WORK, Library
from c4t_desktop.jobs.runner import Job
from c4t_desktop.jobs.thumbnails import Thumbnails, ThumbnailStore
from c4t_desktop.jobs.workspace import WorkspaceLike
from c4t_desktop.messages import describe, plain_label, size_text
from c4t_desktop.theme import Theme


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
        self._values: dict[str, QLabel] = {}
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
            self._values[key] = value
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
        for key, value in self._values.items():
            size = getattr(space, key)
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
