"""The models on this machine: what there is, adding, downloading, removing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFrame,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from c4t_core.progress import RateMeter, format_duration
from c4t_desktop.gallery.results_model import plain_tip, shown
from c4t_desktop.messages import count_text, describe, said, size_text, why_unusable
from c4t_desktop.panels.bars.top_bar import title_of
from c4t_desktop.panels.dialogs.add_model import AddModelDialog, DownloadDialog
from c4t_desktop.panels.parts import (
    column,
    label,
    named,
    open_dialog,
    push_button,
    question,
    row,
    set_kind,
    thin_bar,
)
from c4t_desktop.services.models import MissingExtra, ModelStore, missing_extras

if TYPE_CHECKING:
    from c4t_core.models.protocol import ModelInfo
    from c4t_desktop.context import Context


_NAME, _WHAT, _SIZE, _INDEX, _STATE = range(5)
_MOST_ROWS = 8  # in sight at once


class ModelsDialog(QDialog):
    """Lists models and changes what there is; what runs goes on when it is closed."""

    def __init__(self, context: Context, store: ModelStore, parent: QWidget | None = None) -> None:
        """Show what the library knows, and ask again."""
        super().__init__(parent)
        self.setObjectName("modelsDialog")
        self.setWindowTitle(self.tr("Models"))
        self._library, self._theme, self._store = context.library, context.theme, store
        self._meter = RateMeter()
        self._infos: dict[str, ModelInfo] = {}
        self._indexed: dict[str, tuple[int, int]] = {}
        self._removing = ""
        self._wanted = ""
        self.list = named(QTreeWidget(), "modelsList", self.tr("Models"))
        self.name = label(kind="subtitle")
        self.about = label(name="modelAbout", wrap=True)
        self.when = label(name="modelWhen", wrap=True)
        self.facts = label(kind="muted", name="modelFacts", wrap=True)
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.state = label(name="modelsState", wrap=True)
        self.bar = thin_bar("modelsProgress", self.tr("Progress"), context.theme)
        self.add = self._button("addModelButton", self.tr("Add…"), "plus")
        self.download = self._button("downloadModelButton", self.tr("Download…"), "download")
        self.remove = self._button("removeModelButton", self.tr("Remove…"), "trash")
        self.use = self._button("useModelButton", self.tr("Search with it"), "search")
        self.cancel = self._button("modelsCancelButton", self.tr("Cancel"), "")
        self.close_button = self._button("modelsCloseButton", self.tr("Close"), "")
        self._place()
        self._wire()
        self.show_models(self._library.models)
        self._library.list_models()
        self._begun(store.doing) if store.doing else self._ended()
        self.resize(context.theme.px(800), 0)
        self._grow()

    def _button(self, name: str, text: str, icon: str) -> QPushButton:
        return push_button(text, name, icon, theme=self._theme)

    # layout ---------------------------------------------------------------------------------

    def _place(self) -> None:
        theme = self._theme
        heads = (
            self.tr("Model"),
            self.tr("What it is"),
            self.tr("Size"),
            self.tr("Indexed"),
            self.tr("State"),
        )
        self.list.setColumnCount(len(heads))
        self.list.setHeaderLabels(heads)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setAllColumnsShowFocus(True)
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(_WHAT, QHeaderView.ResizeMode.Stretch)
        for narrow in (_NAME, _SIZE, _INDEX, _STATE):
            header.setSectionResizeMode(narrow, QHeaderView.ResizeMode.ResizeToContents)
        header.setMaximumSectionSize(theme.px(280))  # names are up to 64 letters long
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        card = named(QFrame(), "modelCard")
        about = (self.name, self.about, self.when, self.facts)
        column(theme, *about, margins=(0, 8, 0, 0), gap=6, parent=card)
        self._lines = column(
            theme,
            *map(self._extra_row, missing_extras()),
            self.list,
            card,
            None,
            self.state,
            row(theme, self.bar, self.cancel, wide=self.bar, gap=12),
            row(
                theme,
                self.add,
                self.download,
                self.remove,
                None,
                self.use,
                self.close_button,
                gap=8,
            ),
            margins=(24, 20, 24, 20),
            gap=12,
            parent=self,
        )

    def _extra_row(self, extra: MissingExtra) -> QWidget:
        """Say what is not installed, and offer the command."""
        text = {
            "train": self.tr("Training needs more packages ({0}); install them with: {1}"),
            "clip": self.tr("CLIP needs more packages ({0}); install them with: {1}"),
        }[extra.extra]
        banner = named(QFrame(), "banner")
        what = label(text.format(extra.size, extra.command), wrap=True)
        copy = self._button(f"copyExtra_{extra.extra}", self.tr("Copy"), "copy")
        copy.clicked.connect(partial(self._copy, extra.command))
        row(self._theme, what, copy, wide=what, margins=(12, 8, 8, 8), parent=banner)
        return banner

    @staticmethod
    def _copy(text: str, *_: object) -> None:
        QGuiApplication.clipboard().setText(text)

    def _wire(self) -> None:
        store = self._store
        self.list.currentItemChanged.connect(self._show_current)
        self.add.clicked.connect(self._add)
        self.download.clicked.connect(self._ask_download)
        self.remove.clicked.connect(self._ask_remove)
        self.use.clicked.connect(self._use)
        self.cancel.clicked.connect(store.cancel)
        self.close_button.clicked.connect(self.reject)
        self._library.models_listed.connect(self.show_models)
        self._library.index_ended.connect(self._count)
        store.counted.connect(self._show_indexed)
        store.begun.connect(self._begun)
        store.progressed.connect(self._progressed)
        store.size_known.connect(self._offer_download)
        store.changed.connect(self._changed)
        store.failed.connect(self._failed)
        store.ended.connect(self._ended)

    # the list -------------------------------------------------------------------------------

    @Slot(object)
    def show_models(self, infos: Sequence[ModelInfo]) -> None:
        """List models."""
        kept = self._wanted or self.current or self._library.model
        self._infos = {info.name: info for info in infos}
        self.list.clear()
        for info in infos:
            item = QTreeWidgetItem([shown(title_of(info.name)), self._what(info)])
            item.setText(_SIZE, size_text(info.size_bytes))
            item.setData(_NAME, Qt.ItemDataRole.UserRole, info.name)
            for place in range(self.list.columnCount()):
                item.setToolTip(place, self._identity(info))
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            item.setTextAlignment(_SIZE, right)
            if info.name == self._library.model and info.available:
                item.setText(_STATE, self.tr("in use"))
                item.setForeground(_STATE, QColor(self._theme.colours.accent))
            else:
                item.setText(_STATE, self.tr("ready") if info.available else self._why_not(info))
            if not info.available:
                item.setForeground(_STATE, QColor(self._theme.colours.warn))
            self.list.addTopLevelItem(item)
            if info.name == kept:
                self.list.setCurrentItem(item)
                self._wanted = ""
        first = self.list.topLevelItem(0)
        if self.list.currentItem() is None and first is not None:
            self.list.setCurrentItem(first)
        self._fit_list()
        self._show_indexed(self._indexed)
        self._count()

    def _fit_list(self) -> None:
        """Give the list the height of its rows: what is left would be a void."""
        rows = min(max(self.list.topLevelItemCount(), 2), _MOST_ROWS)
        height = self.list.header().sizeHint().height() + 2 * self.list.frameWidth()
        self.list.setFixedHeight(height + rows * max(self.list.sizeHintForRow(0), 1))

    def _what(self, info: ModelInfo) -> str:
        if info.kind == "clip":
            return self.tr("CLIP: general, not made for traffic")
        shipped = info.name == "c4t"
        return self.tr("comes with C4T") if shipped else self.tr("your own C4T model")

    def _identity(self, info: ModelInfo) -> str:
        """Return what only commands and files know a model by."""
        lines = [self.tr("On the command line: {0}").format(info.name)]
        if info.fingerprint:
            lines.append(self.tr("Fingerprint: {0}").format(info.fingerprint))
        return plain_tip("\n".join(lines))

    @Slot()
    def _count(self) -> None:
        if self._library.folders and self._infos:
            self._store.count_indexed(self._library.folders, list(self._infos.values()))

    @Slot(object)
    def _show_indexed(self, indexed: dict[str, tuple[int, int]]) -> None:
        """Show how far each model's index of the open folders is."""
        self._indexed = indexed
        for place in range(self.list.topLevelItemCount()):
            item = self.list.topLevelItem(place)
            name = str(item.data(_NAME, Qt.ItemDataRole.UserRole)) if item is not None else ""
            if item is not None and name in indexed:
                item.setText(_INDEX, self._index_text(*indexed[name]))
        self._show_current()

    def _index_text(self, done: int, total: int) -> str:
        if not done:
            return self.tr("none yet")
        if done == total:
            return self.tr("all {0} frames").format(count_text(total))
        return self.tr("{0} of {1} frames").format(count_text(done), count_text(total))

    def _why_not(self, info: ModelInfo) -> str:
        return self.tr("not downloaded") if info.path is None else self.tr("cannot be used")

    @property
    def current(self) -> str:
        """Name of the model chosen in the list, "" for none."""
        item = self.list.currentItem()
        return str(item.data(0, Qt.ItemDataRole.UserRole)) if item is not None else ""

    @Slot()
    def _show_current(self) -> None:
        info = self._infos.get(self.current)
        if info is None:
            return
        self.name.setText(shown(title_of(info.name)))
        about = (said(info.description), "" if info.available else why_unusable(info))
        self.about.setText(shown(" ".join(part for part in about if part)))
        self.when.setText(self._when(info))
        self.when.setVisible(bool(self.when.text()))
        lines = [self.tr("{0} numbers per frame").format(info.dim)] if info.dim else []
        if info.path is not None:
            lines.append(shown(str(info.path)))
        self.facts.setText("\n".join(lines))
        self.facts.setToolTip(self._identity(info))
        self._enable()
        self._grow()

    def _when(self, info: ModelInfo) -> str:
        """Return when a model is used."""
        if not info.available:
            return ""
        if info.name == self._library.model:
            return self.tr("It answers every search.")
        done, total = self._indexed.get(info.name, (0, 0))
        if done < total:
            text = self.tr("It answers once it is chosen, and indexes the {0} frames it lacks.")
            return text.format(count_text(total - done))
        return self.tr("It answers once it is chosen, and where models are compared or evaluated.")

    def _grow(self) -> None:
        """Leave room for all that is said."""
        needed = self._lines.totalHeightForWidth(self.width())
        if needed > self.height():
            self.resize(self.width(), needed)

    def _enable(self) -> None:
        info, idle = self._infos.get(self.current), not self._store.doing
        absent = info is not None and info.kind == "clip" and info.path is None
        self.add.setEnabled(idle)
        self.download.setEnabled(idle)
        set_kind(self.download, "primary" if absent else "")
        own = info is not None and info.name != "c4t" and info.path is not None
        self.remove.setEnabled(bool(idle and own))
        usable = info is not None and info.available and info.name != self._library.model
        self.use.setEnabled(bool(usable))

    # changing -------------------------------------------------------------------------------

    @Slot()
    def _add(self) -> None:
        open_dialog(AddModelDialog(self._theme, self._store, self))

    @Slot()
    def _ask_download(self) -> None:
        info = self._infos.get(self.current)
        if info is not None and info.kind == "clip" and info.path is None:
            self._store.ask_size(info.name)
        else:
            open_dialog(DownloadDialog(self._theme, self._store, self))

    @Slot(str, object)
    def _offer_download(self, name: str, size: int) -> None:
        text = self.tr("Download {0}? It takes {1} and comes from Hugging Face.")
        self._wanted = name
        text = text.format(title_of(name), size_text(size))
        self._ask("downloadQuestion", text, self.tr("Download"), self._download)

    @Slot()
    def _download(self) -> None:
        self._store.download(self._wanted)

    @Slot()
    def _ask_remove(self) -> None:
        self._removing = self.current
        text = self.tr(
            "Remove {0} from this machine? Its index becomes useless; your images and marks stay."
        )
        text = text.format(shown(title_of(self._removing)))
        self._ask("removeQuestion", text, self.tr("Remove"), self._remove)

    @Slot()
    def _remove(self) -> None:
        if self._removing == self._library.model:
            self._library.use_model("c4t")
        self._store.remove(self._removing)

    def _ask(self, name: str, text: str, yes: str, act: Callable[[], None]) -> None:
        box = question(self, name, self.windowTitle(), text, yes, loses=act == self._remove)
        box.accepted.connect(act)
        open_dialog(box)

    @Slot()
    def _use(self) -> None:
        self._library.use_model(self.current)
        self.accept()

    # what the store tells -------------------------------------------------------------------

    @Slot(str)
    def _begun(self, doing: str) -> None:
        texts = {
            "add": self.tr("Checking and copying the model…"),
            "ask": self.tr("Asking how large it is…"),
            "download": self.tr("Downloading…"),
            "remove": self.tr("Removing…"),
        }
        self._say(texts.get(doing, ""), "muted")
        self._meter = RateMeter()
        self.bar.setRange(0, 0)
        self.bar.show()
        self.cancel.setVisible(doing == "download")
        self._enable()

    @Slot(object, object)
    def _progressed(self, done: int, total: int) -> None:
        self._meter.update(done, total)
        self.bar.setRange(0, 1000)
        self.bar.setValue(round(1000 * done / max(1, total)))
        text = self.tr("{0} of {1}").format(size_text(done), size_text(total))
        left = self._meter.seconds_left
        if left is not None:
            rate, time = size_text(self._meter.rate), format_duration(left)
            text += self.tr(" · {0}/s · {1} left").format(rate, time)
        self._say(text, "muted")

    @Slot(str, str)
    def _changed(self, doing: str, name: str) -> None:
        text = self.tr("{0} is removed.") if doing == "remove" else self.tr("{0} is here now.")
        self._say(text.format(shown(title_of(name))), "strong")
        self._wanted = "" if doing == "remove" else name
        self._library.list_models()

    @Slot(object)
    def _failed(self, error: Exception) -> None:
        self._say(describe(error).sentence, "bad")

    @Slot()
    def _ended(self) -> None:
        stopped = not self.cancel.isHidden() and self.isVisible()
        self.bar.hide()
        self.cancel.hide()
        text = self.tr("Stopped; the download goes on from here next time.") if stopped else ""
        self._say(text, "muted")
        self._enable()

    def _say(self, text: str, kind: str) -> None:
        self.state.setText(text)
        self.state.setVisible(bool(text))
        set_kind(self.state, kind)
