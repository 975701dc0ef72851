"""Every action of the window: its name, text, icon and keys, in one table."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from c4t_core.records import dataclass
from c4t_desktop.messages import tr_noop
from c4t_desktop.theme import Theme


@dataclass(frozen=True)
class Spec:
    """How an action looks.

    Attributes:
        name: its object name.
        text: what it says (to be translated).
        icon: name of an icon, or "".
        keys: key sequences.
        tip: what it does, if the text does not say so.
        checkable: whether it is on or off; without an icon, in whose place a menu has its box.
    """

    name: str
    text: str
    icon: str = ""
    keys: tuple[str, ...] = ()
    tip: str = ""
    checkable: bool = False


SPECS: tuple[Spec, ...] = (
    Spec("openFolderAction", tr_noop("Actions", "Open a folder…"), "folder", ("Ctrl+O",)),
    Spec("openAddressAction", tr_noop("Actions", "Open an address…"), "download", ("Ctrl+Alt+O",)),
    Spec("addFolderAction", tr_noop("Actions", "Add a folder…"), "folder-add", ("Ctrl+Shift+O",)),
    Spec("openSampleAction", tr_noop("Actions", "Open the sample drive (drawn)"), "play"),
    Spec("closeFolderAction", tr_noop("Actions", "Close the folder"), "close", ("Ctrl+W",)),
    Spec("indexAction", tr_noop("Actions", "Look for new files"), "refresh", ("F5",)),
    Spec(
        "reindexAction",
        tr_noop("Actions", "Index again, faster…"),
        "refresh",
        tip=tr_noop("Actions", "Make the index anew with the faster network of the model"),
    ),
    Spec("skippedAction", tr_noop("Actions", "Skipped files…"), "list"),
    Spec("exportAction", tr_noop("Actions", "Export…"), "export", ("Ctrl+E",)),
    Spec("quitAction", tr_noop("Actions", "Quit"), "", ("Ctrl+Q",)),
    Spec("undoAction", tr_noop("Actions", "Undo"), "", ("Ctrl+Z",)),
    Spec("redoAction", tr_noop("Actions", "Redo"), "", ("Ctrl+Shift+Z", "Ctrl+Y")),
    Spec("findAction", tr_noop("Actions", "Search"), "search", ("Ctrl+F", "/")),
    Spec(
        "pasteImageAction",
        tr_noop("Actions", "Search by the image in the clipboard"),
        "image",
        ("Ctrl+Shift+V",),
    ),
    Spec("saveSearchAction", tr_noop("Actions", "Save this search…"), "bookmark", ("Ctrl+S",)),
    Spec(
        "searchWithinAction",
        tr_noop("Actions", "Search within these results"),
        "filter",
        ("Ctrl+Shift+F",),
    ),
    Spec("copyPathsAction", tr_noop("Actions", "Copy paths"), "copy", ("Ctrl+C",)),
    Spec(
        "openFileAction", tr_noop("Actions", "Open with another program"), "open", ("Ctrl+Return",)
    ),
    Spec("revealAction", tr_noop("Actions", "Show in the file manager"), "reveal", ("Ctrl+R",)),
    Spec("moreLikeThisAction", tr_noop("Actions", "More like this"), "similar", ("Ctrl+L",)),
    Spec("markRightAction", tr_noop("Actions", "Mark as right (R)"), "check"),
    Spec("markWrongAction", tr_noop("Actions", "Mark as wrong (X)"), "close"),
    Spec("tagAction", tr_noop("Actions", "Tag… (T)"), "bookmark"),
    Spec("unfoldAction", tr_noop("Actions", "Unfold or fold the event (E)"), "stack"),
    Spec(
        "refineAction",
        tr_noop("Actions", "Refine by right and wrong marks"),
        "",
        ("Ctrl+M",),
        checkable=True,
    ),
    Spec("clearMarksAction", tr_noop("Actions", "Clear the marks of this query")),
    Spec("sidebarAction", tr_noop("Actions", "Folders and filters"), "", ("F9",), checkable=True),
    Spec("detailsAction", tr_noop("Actions", "Details"), "", ("F10",), checkable=True),
    Spec("wholeAction", tr_noop("Actions", "Whole pictures"), "", ("F7",), checkable=True),
    Spec(
        "datedAction",
        tr_noop("Actions", "Drive and time on the cards"),
        "",
        ("F8",),
        checkable=True,
    ),  # fmt: skip
    Spec(
        "compareAction",
        tr_noop("Actions", "Compare"),
        "compare",
        ("Ctrl+D",),
        tr_noop("Actions", "Show two models side by side on this query"),
    ),
    Spec(
        "evaluateAction",
        tr_noop("Actions", "Evaluate"),
        "chart",
        ("Ctrl+Shift+E",),
        tr_noop("Actions", "Measure models on labelled queries"),
    ),
    Spec(
        "trainAction",
        tr_noop("Actions", "Train…"),
        "train",
        ("Ctrl+T",),
        tr_noop("Actions", "Fit a model to your own images"),
    ),
    Spec("modelsAction", tr_noop("Actions", "Models…"), "download"),
    Spec("settingsAction", tr_noop("Actions", "Settings…"), "gear", ("Ctrl+,",)),
    Spec("shortcutsAction", tr_noop("Actions", "Keyboard shortcuts"), "keyboard", ("F1",)),
    Spec("aboutAction", tr_noop("Actions", "About"), "info"),
)

_SEPARATOR = ""
MAIN_MENU = (
    "indexAction", "reindexAction", "skippedAction", "exportAction", _SEPARATOR,
    "undoAction", "redoAction", _SEPARATOR,
    "saveSearchAction", "searchWithinAction", "pasteImageAction", "refineAction",
    "clearMarksAction", _SEPARATOR,
    "compareAction", "evaluateAction", "trainAction", "modelsAction", _SEPARATOR,
    "sidebarAction", "detailsAction", "wholeAction", "datedAction", "settingsAction", _SEPARATOR,
    "shortcutsAction", "aboutAction", "quitAction",
)  # fmt: skip
HIT_MENU = (
    "moreLikeThisAction", "searchWithinAction", "unfoldAction", _SEPARATOR,
    "markRightAction", "markWrongAction", "tagAction", _SEPARATOR,
    "copyPathsAction", "openFileAction", "revealAction", "exportAction",
)  # fmt: skip
FOLDER_MENU = (
    "openFolderAction", "addFolderAction", "openAddressAction", "openSampleAction", _SEPARATOR,
    "closeFolderAction",
)  # fmt: skip


class Actions:
    """The actions, as attributes by their object names without ``Action``.

    ``actions["compareAction"]`` returns one; :meth:`restyle` tints their icons.
    """

    def __init__(self, window: QWidget, theme: Theme) -> None:
        """Make all actions for a window."""
        self._theme = theme
        self._made: dict[str, QAction] = {}
        for spec in SPECS:
            action = QAction(window)
            action.setObjectName(spec.name)
            text = QCoreApplication.translate("Actions", spec.text)
            action.setText(text)
            keys = [QKeySequence(key) for key in spec.keys]
            action.setShortcuts(keys)
            tip = QCoreApplication.translate("Actions", spec.tip or spec.text)
            if keys:
                tip += f" ({keys[0].toString(QKeySequence.SequenceFormat.NativeText)})"
            action.setToolTip(tip)
            action.setCheckable(spec.checkable)
            window.addAction(action)
            self._made[spec.name] = action
        self.restyle()

    def __getitem__(self, name: str) -> QAction:
        """Return the action with an object name."""
        return self._made[name]

    def restyle(self) -> None:
        """Tint the icons in the theme's colours."""
        for spec in SPECS:
            if spec.icon:
                self._made[spec.name].setIcon(self._theme.icon(spec.icon))

    def all(self) -> list[QAction]:
        """Return all actions, in the order of the table."""
        return list(self._made.values())
