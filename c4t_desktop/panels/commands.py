"""What the actions do: one short method each, by what they are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QAction, QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from c4t_core import paths
from c4t_core.addresses import absolute, as_path, is_remote, spelled
from c4t_core.errors import CatalogueError, FolderError
from c4t_desktop.context import Context
from c4t_desktop.gallery.results_model import file_url, files_as_mime, shown
from c4t_desktop.jobs.desktop import reveal
from c4t_desktop.messages import Problem, button_text, describe, plural, said, show_problem
from c4t_desktop.panels.bars.status import folder_name
from c4t_desktop.panels.dialogs.naming import AddressDialog, Judge, NameDialog
from c4t_desktop.panels.parts import open_dialog, question
from c4t_desktop.services.library import SEARCH, WORK, Opened
from c4t_desktop.services.marks import Saved
from c4t_desktop.services.question import Question
from c4t_desktop.services.workspace import WorkspaceLike
from c4t_desktop.settings import EXCLUDES, INDEX_AT_OPENING

if TYPE_CHECKING:
    from c4t_core.workspace import FolderStatus, Skipped, WorkspaceStatus

_FORGOTTEN = "forgotten"  # folders, in the settings
_AGREED = "addresses"  # below which pictures may be fetched, in the settings


class Commands(QObject):
    """Carries out what the user asks for; each kind of thing has commands of its own.

    Signals:
        message: a sentence for the status area (str).
    """

    message = Signal(str)

    def __init__(self, context: Context, window: QWidget) -> None:
        """Act for a window, over which dialogs open."""
        super().__init__(window)
        self._context = context
        self._window = window

    @Slot(object)
    def tell(self, error: BaseException) -> None:
        """Tell the user about an error in one plain dialog.

        Where nothing can be kept, the start has said so; what fails for it is a passing remark.
        """
        problem = describe(error)
        if self._context.settings.unwritable and isinstance(error, (CatalogueError, OSError)):
            self.message.emit(problem.sentence)
        else:
            show_problem(self._window, problem)


class FolderCommands(Commands):
    """Opens folders, closes them, and brings their index up to date.

    Signals:
        folder_opened: folders were opened (tuple of Path).
    """

    folder_opened = Signal(object)

    def __init__(self, context: Context, window: QWidget) -> None:
        """Listen to the library."""
        super().__init__(context, window)
        self._library = context.library
        self._slower: list[FolderStatus] = []
        self._agreed = frozenset(map(str, context.settings.recall(_AGREED, [])))
        context.library.index_failed.connect(self.tell)
        context.library.opened.connect(self._opened)
        context.settings.changed.connect(self._setting_changed)

    @Slot()
    def choose_folder(self) -> None:
        """Let the user choose a folder and open it."""
        folder = self._ask_folder(self.tr("Choose a folder of camera frames"))
        if folder is not None:
            self.open_folders([folder])

    @Slot()
    def open_address(self) -> None:
        """Ask for the address of a shared table and open it."""
        dialog = AddressDialog(self._context.theme, self._window)
        dialog.wanted.connect(lambda address: self.open_folders([address]))
        open_dialog(dialog)

    def has_agreed(self, address: str) -> bool:
        """Tell whether pictures may be fetched from below an address; from any thread."""
        return address in self._agreed

    def _ask_for_pictures(self, status: WorkspaceStatus) -> None:
        """Say once where the pictures of an opened table lie, and ask whether to fetch them."""
        places = {spelled(folder.folder) for folder in status.folders if is_remote(folder.folder)}
        places -= self._agreed
        if not places:
            return
        title = self.tr("Fetch the pictures?")
        box = question(self._window, "fetchDialog", title, title, self.tr("Fetch"))
        form = self.tr(
            "The pictures of this table lie at {0}. Those that you look at are fetched from there "
            "over the network, and nothing else is sent. Searching works without them."
        )
        box.setInformativeText(form.format(", ".join(sorted(places))))
        box.accepted.connect(lambda: self._agree(places))
        open_dialog(box)

    def _agree(self, places: set[str]) -> None:
        self._agreed |= places
        self._context.settings.remember(_AGREED, sorted(self._agreed))
        self._context.cache.forget()
        self._context.finder.refresh()

    @Slot()
    def add_folder(self) -> None:
        """Let the user choose one more folder."""
        folder = self._ask_folder(self.tr("Choose one more folder"))
        if folder is not None:
            self.open_beside([folder])

    def _ask_folder(self, title: str) -> Path | None:
        start = self._context.settings.recall("last_place", str(Path.home()))
        chosen = QFileDialog.getExistingDirectory(self._window, title, start)
        if not chosen:
            return None
        self._context.settings.remember("last_place", str(Path(chosen).parent))
        return Path(chosen)

    @Slot(object)
    def open_beside(self, folders: Sequence[Path]) -> None:
        """Open folders beside those that are open."""
        self.open_folders([*self._library.folders, *folders])

    @Slot(object)
    def open_folders(self, folders: Sequence[Path | str]) -> None:
        """Open folders and index them in the background."""
        wanted = tuple(dict.fromkeys(as_path(absolute(folder)) for folder in folders))
        if not wanted:
            return
        settings = self._context.settings
        self.drop_forgotten(wanted)
        self._library.leave_out(self._excludes() or None)
        self._library.open(wanted)
        settings.remember("folders", [str(path) for path in wanted])
        self.folder_opened.emit(wanted)

    def _excludes(self) -> tuple[str, ...]:
        parts = self._context.settings.value(EXCLUDES).split(",")
        return tuple(part.strip() for part in parts if part.strip())

    @Slot(str)
    def _setting_changed(self, key: str) -> None:
        if key == EXCLUDES.key and self._library.folders:
            self._library.leave_out(self._excludes())  # none at all is a wish, too
            self._library.open(self._library.folders)

    @Slot(object)
    def remove_folder(self, folder: Path) -> None:
        """Close one of several folders."""
        rest = [other for other in self._library.folders if other != folder]
        if rest:
            self.open_folders(rest)
        else:
            self.close_folders()

    @Slot()
    def close_folders(self) -> None:
        """Close what is open."""
        self._library.close()
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
            self.message.emit(self.tr("The sample's pictures are drawn, not photographed."))

    @Slot(object)
    def _opened(self, opened: Opened) -> None:
        folders = tuple(str(path) for path in opened.folders)
        self._context.settings.add_recent(folders)
        notices = "\n\n".join(opened.workspace.notices)
        if notices:  # a sentence of the status area would be gone as soon as the index runs
            show_problem(self._window, Problem(self.tr("Please note"), notices))
        self._ask_for_pictures(opened.status)
        if self._context.settings.value(INDEX_AT_OPENING) and not self._library.only_tables:
            # Both would share Python's lock, and the first answer take twice as long.
            self._library.index(after=lambda job: job.lane == SEARCH)

    @Slot()
    def index(self) -> None:
        """Look for new and changed files; beside folders a table's newer version is only told."""
        self._context.cache.forget()
        if self._library.opened_now is None and self._library.folders:
            self._library.open(self._library.folders)
        else:
            self._library.index()
            if not self._library.only_tables:
                self._library.look_for_newer()

    @Slot()
    def switch(self) -> None:
        """Read the newest versions of tables."""
        self._context.cache.forget()
        self._library.index(newer=True)

    def name_index(self, action: QAction) -> None:
        """Have an action that indexes say what it does to what is open."""
        self._index_action, self._look_for_files = action, action.text()
        self._library.opening.connect(self._name_index)
        self._library.closed.connect(self._name_index)

    def _name_index(self, *_: object) -> None:
        newer = self.tr("Look for a newer version")
        self._index_action.setText(newer if self._library.only_tables else self._look_for_files)

    def offer_faster(self, action: QAction) -> None:
        """Show an action while an open index could be made anew with a faster network."""
        self._faster = action
        action.setVisible(False)
        self._library.status_changed.connect(self._look_for_faster)

    @Slot(object)
    def _look_for_faster(self, status: WorkspaceStatus) -> None:
        own = (f for f in status.folders if f.embedded and not f.shared)
        self._slower = [f for f in own if f.graph != f.best_graph]
        self._faster.setVisible(bool(self._slower))

    @Slot()
    def reindex(self) -> None:
        """Ask, then make the index anew with the model's fastest network."""
        self._ask_reindex(
            sum(folder.embedded for folder in self._slower),
            self.tr("Index again, faster?"),
            self.tr("New frames are then indexed faster too. Scores change a little."),
        )

    @Slot()
    def update_objects(self) -> None:
        """Have it seen what is in the frames, by a model that sees objects."""
        name, known = self._library.model, self._library.models
        if name.split(":")[0] == "clip" or any(i.on_clip for i in known if i.name == name):
            self._library.use_model("c4t")  # with an index of its own, which is made now
        else:
            self._library.look(lambda w: w.status(), key="objects", done=self._update_objects)

    def _update_objects(self, status: WorkspaceStatus) -> None:
        if status.updated is not None or status.embedded + status.skipped < status.total:
            self.index()
        else:
            self._ask_reindex(
                status.embedded,
                self.tr("Update the index?"),
                self.tr("The model then notes what it sees in each of them."),
            )

    def _ask_reindex(self, count: int, title: str, why: str) -> None:
        box = question(self._window, "reindexDialog", title, title, self.tr("Index again"))
        number = plural(
            count,
            self.tr("{0} frame will be embedded again."),
            self.tr("{0} frames will be embedded again."),
        )
        meanwhile = self.tr("Until it is done, the index that is there answers.")
        box.setInformativeText(" ".join((number, why, meanwhile)))
        box.accepted.connect(self._reindex_now)
        open_dialog(box)

    @Slot()
    def _reindex_now(self) -> None:
        self._context.cache.forget()
        self._library.index(reindex=True)

    @Slot()
    def show_skipped(self) -> None:
        """List the files that were skipped."""
        self._library.look(
            lambda workspace: workspace.skipped(), key="skipped", done=self._show_skipped
        )

    def _show_skipped(self, skipped: Sequence[Skipped]) -> None:
        from c4t_desktop.panels.dialogs.skipped import SkippedDialog

        dialog = SkippedDialog(skipped, self._library.report, self._context.theme, self._window)
        dialog.retry_wanted.connect(self._retry_skipped)
        open_dialog(dialog)

    @Slot()
    def _retry_skipped(self) -> None:
        self._library.look(
            lambda workspace: workspace.retry_skipped(),
            key="retry",
            done=lambda _: self.index(),
        )

    # a folder of the side panel -------------------------------------------------------------

    @Slot(object)
    def reveal(self, folder: Path) -> None:
        """Show a folder in the file manager."""
        QDesktopServices.openUrl(file_url(folder))

    @Slot(object)
    def relocate(self, folder: Path) -> None:
        """Ask where a folder lies now; its vectors and what the user made go along."""
        title = self.tr("Where is “{0}” now?").format(shown(folder_name(folder)))
        chosen = QFileDialog.getExistingDirectory(self._window, title, str(Path.home()))
        if not chosen:
            return
        new, opened = Path(chosen), self._library.opened_now
        if opened is None:
            return
        self._library.stop_index()

        others = [new if other == folder else other for other in opened.folders]
        self._library.runner.submit(
            lambda _: _relocate(opened.workspace, folder, new),
            lane=WORK,
            key="relocate",
            done=lambda _: self.open_folders(others),
            failed=self.tell,
        )

    @Slot(object)
    def forget(self, folder: Path) -> None:
        """Close a folder and drop its index, which can be undone; images and marks stay.

        The index is dropped for good when the folder is opened again, which makes it anew, or
        when the window is opened the next time.
        """
        before = self._library.folders
        rest = tuple(other for other in before if other != folder)

        def act() -> None:
            self._note_forgotten([*self._forgotten(), folder])
            self.remove_folder(folder)

        def back() -> None:
            kept = [other for other in self._forgotten() if other != folder]
            if len(kept) == len(self._forgotten()):
                self.message.emit(self.tr("It was opened again, and is indexed anew."))
                return
            self._note_forgotten(kept)
            if self._library.folders == rest:
                self.open_folders(before)

        name = shown(folder_name(folder))
        notice = self.tr("The index of “{0}” is forgotten; opening it again makes it anew.")
        self._context.undo.do(self.tr("forget “{0}”").format(name), act, back, notice.format(name))

    def _forgotten(self) -> list[Path]:
        """Return the folders whose index is to be dropped as soon as that cannot be undone."""
        return [Path(folder) for folder in self._context.settings.recall(_FORGOTTEN, [])]

    def _note_forgotten(self, folders: Sequence[Path]) -> None:
        self._context.settings.remember(_FORGOTTEN, [str(folder) for folder in folders])

    def drop_forgotten(self, about: Sequence[Path] | None = None) -> None:
        """Drop the index of forgotten folders for good.

        Args:
            about: only of those that these lie in, or that lie in these; None for all.
        """
        there = self._forgotten()
        gone = [
            folder
            for folder in there
            if about is None
            or any(folder.is_relative_to(one) or one.is_relative_to(folder) for one in about)
        ]
        if gone:
            self._note_forgotten([folder for folder in there if folder not in gone])
            self._library.forget(gone, lambda _: self._note_forgotten([*self._forgotten(), *gone]))


class HitCommands(Commands):
    """Copies, opens and shows the files of hits; keeps searches.

    Signals:
        question_wanted: a question is to be put into the search bar (Question).
    """

    question_wanted = Signal(object)

    def copy_text(self, text: str) -> None:
        """Put a text on the clipboard."""
        QGuiApplication.clipboard().setText(text)
        self.message.emit(self.tr("Copied."))

    def copy_paths(self, files: Sequence[Path]) -> None:
        """Put files on the clipboard, as files and as text."""
        if files:
            QGuiApplication.clipboard().setMimeData(files_as_mime(list(files)))
            self.message.emit(
                plural(len(files), self.tr("{0} path copied."), self.tr("{0} paths copied."))
            )

    def open_file(self, file: Path) -> None:
        """Open a file with the system's program for it."""
        if self._is_elsewhere(file):
            return
        if not file.exists():
            self.tell(
                FolderError(self.tr('"{0}" is not there now; connect its disk.').format(file.name))
            )
            return
        QDesktopServices.openUrl(file_url(file))

    def reveal(self, file: Path) -> None:
        """Show a file in the file manager."""
        if not self._is_elsewhere(file) and not reveal(file):
            QDesktopServices.openUrl(file_url(file.parent))

    def _is_elsewhere(self, file: Path) -> bool:
        """Whether a file lies at an address, where no program of this machine finds it; says so."""
        if is_remote(file):
            text = self.tr("It lies at an address; export it to have a copy on this machine.")
            self.message.emit(text)
        return is_remote(file)

    @Slot()
    def save_search(self) -> None:
        """Ask for a name and keep the search under it."""
        question = self._context.finder.question
        if not question.lasting:
            return
        proposal = shown(question.title())
        dialog = NameDialog(
            self.tr("Save this search as a scenario"),
            self.tr(
                "It is listed on the left and run again whenever frames are added: "
                "what is new since you last looked is counted."
            ),
            proposal[:1].upper() + proposal[1:],
            self._context.theme,
            self._window,
            self._judged(self.tr("It takes the place of the scenario of this name."), able=True),
        )
        marks, order = self._context.marks, self._context.finder.order
        dialog.setObjectName("saveSearchDialog")
        dialog.named.connect(lambda name: marks.save(name, question, order.chosen_cut))
        open_dialog(dialog)

    def _judged(self, sentence: str, *, but: str = "", able: bool = False) -> Judge:
        """Return what says of a name whether another scenario has it, and whether it can be."""
        names = {entry.name for entry in self._context.marks.saved} - {but}
        return lambda name: (sentence, able) if name in names else ("", True)

    @Slot(object)
    def rename_saved(self, saved: Saved) -> None:
        """Ask for another name of a saved search."""
        marks = self._context.marks
        dialog = NameDialog(
            self.tr("Rename the scenario"),
            self.tr("Its query, its cut and what is new in it stay as they are."),
            shown(saved.name),
            self._context.theme,
            self._window,
            self._judged(
                self.tr("There is a scenario of this name; choose another name."), but=saved.name
            ),
        )
        dialog.setObjectName("renameDialog")
        dialog.named.connect(lambda name: marks.rename(saved.name, name))
        open_dialog(dialog)

    @Slot(object)
    def run_saved(self, saved: Saved) -> None:
        """Ask a saved question again; its news are seen by that."""
        if saved.problem:
            title = self.tr("This search cannot be run")
            show_problem(self._window, Problem(title, f"{saved.name}: {said(saved.problem)}"))
            return
        self.question_wanted.emit(saved.question)
        self._context.finder.set_cut(saved.cut)
        if not saved.same_model:
            self.message.emit(
                self.tr(
                    "The cut of “{0}” was found with another model; save the search again to find "
                    "it for this one."
                ).format(shown(saved.name))
            )
        self._context.marks.seen(saved)

    # taking back ----------------------------------------------------------------------------

    def offer_undo(self, undo: QAction, redo: QAction) -> None:
        """Have two actions say what they would take back, or do again."""
        self._undo, self._redo = undo, redo
        self._context.undo.indexChanged.connect(self._show_undo)
        self._show_undo()

    @Slot()
    def _show_undo(self) -> None:
        stack = self._context.undo
        for action, text, bare, form in (
            (self._undo, stack.undoText(), self.tr("Undo"), self.tr("Undo: {0}")),
            (self._redo, stack.redoText(), self.tr("Redo"), self.tr("Redo: {0}")),
        ):
            action.setEnabled(bool(text))
            action.setText(button_text(form.format(shown(text))) if text else bare)

    @Slot()
    def undo(self) -> None:
        """Take back what was done last."""
        text = self._context.undo.undoText()
        self._context.undo.undo()
        self.message.emit(self.tr("Undone: {0}").format(shown(text)))

    @Slot()
    def redo(self) -> None:
        """Do again what was taken back last."""
        text = self._context.undo.redoText()
        self._context.undo.redo()
        self.message.emit(self.tr("Done again: {0}").format(shown(text)))

    @Slot(object)
    def note_cleared(self, before: Question) -> None:
        """Be able to ask again what the user has just cleared."""
        filters = replace(before.filters, objects=())
        nothing = replace(before, images=(), text="", filters=filters, refine=False)
        self._context.undo.do(
            self.tr("clear the search"),
            lambda: self.question_wanted.emit(nothing),
            lambda: self.question_wanted.emit(before),
        )


class HelpCommands(Commands):
    """Opens the settings and what explains the window."""

    @Slot(str)
    def tell_repair(self, sentence: str) -> None:
        """Say what became of the damaged file of what the user made."""
        show_problem(self._window, Problem(self.tr("Your marks and saved searches"), sentence))

    @Slot()
    def show_settings(self) -> None:
        """Open the settings."""
        from c4t_desktop.panels.dialogs.settings import SettingsDialog

        open_dialog(SettingsDialog(self._context, self._window))

    @Slot()
    def show_shortcuts(self) -> None:
        """List the keys."""
        from c4t_desktop.panels.dialogs.help import ShortcutsDialog

        open_dialog(ShortcutsDialog(self._context.theme, self._window))

    @Slot()
    def show_about(self) -> None:
        """Say what this is, which version, under which terms."""
        from c4t_desktop.panels.dialogs.help import AboutDialog

        open_dialog(AboutDialog(self._context.theme, self._window))


def _relocate(workspace: WorkspaceLike, old: Path, new: Path) -> None:
    """Move a folder in the catalogue and in the user's data; runs on a worker thread."""
    from c4t_core.index.store.user_data import UserData

    workspace.relocate(old, new)
    data = UserData()
    try:
        data.move_root(old, new)
    finally:
        data.close()
