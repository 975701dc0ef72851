"""What the actions do: one short method each."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QDialog, QFileDialog, QWidget

from c4t_core import paths
from c4t_core.errors import FolderError, MissingExtraError
from c4t_desktop import context
from c4t_desktop.context import Context
from c4t_desktop.gallery.results_model import file_url, files_as_mime
from c4t_desktop.jobs.file_manager import reveal
from c4t_desktop.messages import Problem, describe, plural, show_problem
from c4t_desktop.panels.dialogs.help import AboutDialog, ShortcutsDialog
from c4t_desktop.panels.dialogs.save_search import SaveSearchDialog
from c4t_desktop.panels.dialogs.settings import SettingsDialog
from c4t_desktop.panels.dialogs.skipped import SkippedDialog
from c4t_desktop.panels.results import pages
from c4t_desktop.services.library import Opened
from c4t_desktop.services.marks import Saved
from c4t_desktop.settings import EXCLUDES, INDEX_AT_OPENING

if TYPE_CHECKING:
    from c4t_core.models.protocol import ModelInfo
    from c4t_core.workspace import Skipped

from PySide6.QtWidgets import QMessageBox

from c4t_desktop.gallery.results_model import shown
from c4t_desktop.panels.bars.sidebar import Sidebar
from c4t_desktop.panels.bars.status import folder_name
from c4t_desktop.services.library import WORK, Library
from c4t_desktop.services.workspace import WorkspaceLike


class Commands(QObject):
    """Carries out what the user asks for.

    Signals:
        said: a sentence for the status area (str).
        folder_opened: folders were opened (tuple of Path).
        panel_made: an extension's panel that takes the place of the grid (QWidget).
        question_wanted: a question is to be put into the search bar (Question).
        trouble: a dialog about a problem was opened (Problem).
    """

    said = Signal(str)
    folder_opened = Signal(object)
    panel_made = Signal(object)
    question_wanted = Signal(object)
    trouble = Signal(object)

    def __init__(self, context: Context, window: QWidget) -> None:
        """Act for a window."""
        super().__init__(window)
        self._context = context
        self._window = window
        context.library.index_failed.connect(self.tell)
        context.library.opened.connect(self._opened)
        context.runner.crashed.connect(self.tell)
        context.settings.changed.connect(self._setting_changed)

    def offers(self) -> pages.Offers:
        """Return what the buttons of the pages do."""
        return pages.Offers(
            choose_folder=self.choose_folder,
            open_sample=self.open_sample if self.sample_folder() is not None else None,
            open_recent=self.open_recent,
            index=self.index,
            show_skipped=self.show_skipped,
            use_shipped_model=self.use_shipped_model,
            copy=self.copy_text,
        )

    # folders --------------------------------------------------------------------------------

    @Slot()
    def choose_folder(self) -> None:
        """Let the user choose a folder and open it."""
        folder = self._ask_folder(self.tr("Choose a folder of camera frames"))
        if folder is not None:
            self.open_folders([folder])

    @Slot()
    def add_folder(self) -> None:
        """Let the user choose one more folder."""
        folder = self._ask_folder(self.tr("Choose one more folder"))
        if folder is not None:
            self.open_folders([*self._context.library.folders, folder])

    def _ask_folder(self, title: str) -> Path | None:
        start = self._context.settings.recall("last_place", str(Path.home()))
        chosen = QFileDialog.getExistingDirectory(self._window, title, start)
        if not chosen:
            return None
        self._context.settings.remember("last_place", str(Path(chosen).parent))
        return Path(chosen)

    @Slot(object)
    def open_dropped(self, dropped: Sequence[Path]) -> None:
        """Open folders that were dropped; a dropped file stands for its folder."""
        self.open_folders([path if path.is_dir() else path.parent for path in dropped])

    def open_folders(self, folders: Sequence[Path | str]) -> None:
        """Open folders and index them in the background."""
        wanted = tuple(dict.fromkeys(Path(os.path.abspath(folder)) for folder in folders))
        if not wanted:
            return
        settings = self._context.settings
        self._context.library.leave_out(self._excludes() or None)
        self._context.library.open(wanted)
        settings.remember("folders", [str(path) for path in wanted])
        self.folder_opened.emit(wanted)

    def _excludes(self) -> tuple[str, ...]:
        parts = self._context.settings.value(EXCLUDES).split(",")
        return tuple(part.strip() for part in parts if part.strip())

    @Slot(str)
    def _setting_changed(self, key: str) -> None:
        library = self._context.library
        if key == EXCLUDES.key and library.folders:
            library.leave_out(self._excludes())  # none at all is a wish, too
            library.open(library.folders)

    @Slot(object)
    def open_recent(self, folders: Sequence[str]) -> None:
        """Open folders that were open before."""
        self.open_folders(folders)

    @Slot(object)
    def remove_folder(self, folder: Path) -> None:
        """Close one of several folders."""
        rest = [other for other in self._context.library.folders if other != folder]
        if rest:
            self.open_folders(rest)
        else:
            self.close_folders()

    @Slot()
    def close_folders(self) -> None:
        """Close what is open."""
        self._context.library.close()
        self._context.settings.remember("folders", [])
        self.folder_opened.emit(())

    @staticmethod
    def sample_folder() -> Path | None:
        """Return the sample drive, None where it is not installed."""
        try:
            folder = paths.resource("sample", "drives")
        except FileNotFoundError:
            return None
        return folder if any(folder.iterdir()) else None

    @Slot()
    def open_sample(self) -> None:
        """Open the drive that comes with the application."""
        folder = self.sample_folder()
        if folder is not None:
            self.open_folders([folder])
            self.said.emit(self.tr("The sample's pictures are drawn, not photographed."))

    @Slot(object)
    def _opened(self, opened: Opened) -> None:
        folders = tuple(str(path) for path in opened.folders)
        self._context.settings.add_recent(folders)
        for notice in opened.workspace.notices:
            self.said.emit(notice)
        if self._context.settings.value(INDEX_AT_OPENING):
            self._context.library.index()

    @Slot()
    def index(self) -> None:
        """Look for new and changed files."""
        library = self._context.library
        self._context.cache.forget()
        if library.opened_now is None and library.folders:
            library.open(library.folders)
        else:
            library.index()

    # saved searches -------------------------------------------------------------------------

    @Slot()
    def save_search(self) -> None:
        """Ask for a name and keep the search under it."""
        question = self._context.finder.question
        if not question.empty:
            dialog = SaveSearchDialog(question, self._context.theme, self._window)
            dialog.named.connect(self._context.marks.save)
            self._open(dialog)

    @Slot(object)
    def run_saved(self, saved: Saved) -> None:
        """Ask a saved question again; its news are seen by that."""
        self.question_wanted.emit(saved.question)
        self._context.marks.seen(saved)

    @Slot(object)
    def forget_saved(self, saved: Saved) -> None:
        """Drop a saved search."""
        self._context.marks.forget(saved.name)

    # files ----------------------------------------------------------------------------------

    def copy_text(self, text: str) -> None:
        """Put a text on the clipboard."""
        QGuiApplication.clipboard().setText(text)
        self.said.emit(self.tr("Copied."))

    def copy_paths(self, files: Sequence[Path]) -> None:
        """Put files on the clipboard, as files and as text."""
        if files:
            QGuiApplication.clipboard().setMimeData(files_as_mime(list(files)))
            self.said.emit(
                plural(len(files), self.tr("{0} path copied."), self.tr("{0} paths copied."))
            )

    def open_file(self, file: Path) -> None:
        """Open a file with the system's program for it."""
        if not file.exists():
            self.tell(
                FolderError(self.tr('"{0}" is not there now; connect its disk.').format(file.name))
            )
            return
        QDesktopServices.openUrl(file_url(file))

    def reveal(self, file: Path) -> None:
        """Show a file in the file manager."""
        if not reveal(file):
            QDesktopServices.openUrl(file_url(file.parent))

    # dialogs --------------------------------------------------------------------------------

    @Slot()
    def show_skipped(self) -> None:
        """List the files that were skipped."""
        self._context.library.look(
            lambda workspace: workspace.skipped(), key="skipped", done=self._show_skipped
        )

    def _show_skipped(self, skipped: Sequence[Skipped]) -> None:
        dialog = SkippedDialog(skipped, self._context.theme, self._window)
        dialog.retry_wanted.connect(self._retry_skipped)
        self._open(dialog)

    @Slot()
    def _retry_skipped(self) -> None:
        self._context.library.look(
            lambda workspace: workspace.retry_skipped(),
            key="retry",
            done=lambda _: self.index(),
        )

    @Slot()
    def show_settings(self) -> None:
        """Open the settings."""
        context = self._context
        self._open(
            SettingsDialog(
                context.settings, context.theme, context.library, context.thumbnails, self._window
            )
        )

    @Slot()
    def show_shortcuts(self) -> None:
        """List the keys."""
        self._open(ShortcutsDialog(self._context.theme, self._window))

    @Slot()
    def show_about(self) -> None:
        """Say what this is, which version, under which terms."""
        self._open(AboutDialog(self._context.theme, self._window))

    def _open(self, dialog: QDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    # problems -------------------------------------------------------------------------------

    @Slot(object)
    def tell(self, error: BaseException) -> None:
        """Tell the user about an error in one plain dialog."""
        self.tell_problem(describe(error))

    def tell_problem(self, problem: Problem) -> None:
        """Open one plain dialog."""
        show_problem(self._window, problem)
        self.trouble.emit(problem)

    @Slot(object)
    def refuse_model(self, info: ModelInfo) -> None:
        """Say what to do so that a model can be used."""
        if context.available("models") and info.path is None:
            self.run_extension("models")
            return
        error: Exception | None = None
        if info.kind == "clip" and importlib.util.find_spec("open_clip") is None:
            error = MissingExtraError("CLIP", "clip")
        if error is not None:
            self.tell(error)
        else:
            self.tell_problem(Problem(self.tr("This model is not here yet"), info.reason))

    @Slot()
    def use_shipped_model(self) -> None:
        """Go back to the model that ships."""
        self._context.library.use_model("c4t")

    # further panels -------------------------------------------------------------------------

    @Slot()
    def compare(self) -> None:
        """Show two models side by side."""
        self.run_extension("compare")

    @Slot()
    def evaluate(self) -> None:
        """Measure models."""
        self.run_extension("evaluate")

    @Slot()
    def train(self) -> None:
        """Open the training wizard, or say what it needs."""
        if importlib.util.find_spec("torch") is None:
            self.tell(MissingExtraError(self.tr("Training"), "train"))
            return
        self.run_extension("train")

    @Slot()
    def export(self) -> None:
        """Export the hits."""
        self.run_extension("export")

    @Slot()
    def manage_models(self) -> None:
        """Add, download and remove models."""
        self.run_extension("models")

    def run_extension(self, name: str) -> None:
        """Open a further panel."""
        panel = context.factory(name)(self._context, self._window)
        if isinstance(panel, QDialog):
            self._open(panel)
        else:
            self.panel_made.emit(panel)


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
