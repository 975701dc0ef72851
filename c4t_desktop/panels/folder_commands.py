"""What can be done with one open folder: show it, note that it moved, forget its index."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from c4t_desktop.gallery.results_model import file_url, shown
from c4t_desktop.jobs.library import WORK, Library
from c4t_desktop.jobs.workspace import WorkspaceLike
from c4t_desktop.panels.commands import Commands
from c4t_desktop.panels.sidebar import Sidebar
from c4t_desktop.panels.status import folder_name


class FolderCommands(QObject):
    """Carries out what the menu of a folder in the side panel offers."""

    def __init__(
        self, library: Library, commands: Commands, sidebar: Sidebar, window: QWidget
    ) -> None:
        """Listen to the side panel."""
        super().__init__(window)
        self._library = library
        self._commands = commands
        self._window = window
        self._forgotten = Path()
        sidebar.add_folder.connect(commands.add_folder)
        sidebar.folder_removed.connect(commands.remove_folder)
        sidebar.folder_reveal.connect(self.reveal)
        sidebar.folder_moved.connect(self.moved)
        sidebar.folder_forgotten.connect(self.forget)

    @Slot(object)
    def reveal(self, folder: Path) -> None:
        """Show a folder in the file manager."""
        QDesktopServices.openUrl(file_url(folder))

    @Slot(object)
    def moved(self, folder: Path) -> None:
        """Ask where a folder lies now; its vectors and what the user made go along."""
        title = self.tr("Where is “{0}” now?").format(shown(folder_name(folder)))
        chosen = QFileDialog.getExistingDirectory(self._window, title, str(Path.home()))
        if not chosen:
            return
        new, opened = Path(chosen), self._library.opened_now
        if opened is None:
            return
        self._library.stop_index()

        def work(_: object) -> None:
            _relocate(opened.workspace, folder, new)

        others = [new if other == folder else other for other in opened.folders]
        self._library.runner.submit(
            work,
            lane=WORK,
            key="relocate",
            done=lambda _: self._commands.open_folders(others),
            failed=self._commands.tell,
        )

    @Slot(object)
    def forget(self, folder: Path) -> None:
        """Ask, then drop a folder's index; its images and the user's marks stay."""
        name = shown(folder_name(folder))
        box = QMessageBox(self._window)
        box.setObjectName("forgetFolderDialog")
        box.setIcon(QMessageBox.Icon.Question)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setWindowTitle(self.tr("Forget an index"))
        box.setText(self.tr("Forget the index of “{0}”?").format(name))
        box.setInformativeText(
            self.tr(
                "Its images stay as they are, and so do your marks. "
                "Opening it again means indexing it again."
            )
        )
        yes = box.addButton(self.tr("Forget it"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        yes.clicked.connect(self._forget_now)
        self._forgotten = folder
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    @Slot()
    def _forget_now(self) -> None:
        folder, opened = self._forgotten, self._library.opened_now
        if opened is None:
            return
        self._library.stop_index()
        self._library.runner.submit(
            lambda _: opened.workspace.forget(folder),
            lane=WORK,
            key="forget",
            done=lambda _: self._commands.remove_folder(folder),
            failed=self._commands.tell,
        )


def _relocate(workspace: WorkspaceLike, old: Path, new: Path) -> None:
    """Move a folder in the catalogue and in the user's data; runs on a worker thread."""
    from c4t_core.index.store.user_data import UserData

    workspace.relocate(old, new)
    data = UserData()
    try:
        data.move_root(old, new)
    finally:
        data.close()
