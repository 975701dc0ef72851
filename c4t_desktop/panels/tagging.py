"""Tags of frames: shown as chips, given and taken away; filtered by in the side panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QPoint, QStringListModel, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCompleter,
    QDialog,
    QDialogButtonBox,
    QMenu,
    QPushButton,
    QWidget,
)

from c4t_core.errors import DataError
from c4t_desktop.gallery.results_model import plain_tip
from c4t_desktop.messages import count_text, plural
from c4t_desktop.panels.bars.widgets import Section, SideRow
from c4t_desktop.panels.chips import Chip, TagChip, WrappingChips
from c4t_desktop.panels.dialogs.naming import NameDialog
from c4t_desktop.panels.parts import (
    column,
    label,
    named,
    open_dialog,
    popup,
    text_field,
)
from c4t_desktop.services.details import Frames, TagBook, TagsOf
from c4t_desktop.services.finder import Finder
from c4t_desktop.services.question import Question
from c4t_desktop.theme import Theme

_LISTED = 12  # tags in the side panel before the rest is asked for


class _LastTag(QCompleter):
    """Completes the last of several tags with commas between them."""

    def splitPath(self, path: str) -> list[str]:  # noqa: N802
        """Return what is to be completed."""
        return [path.rpartition(",")[2].strip()]

    def pathFromIndex(self, index: object) -> str:  # noqa: N802
        """Return the whole text with a tag completed."""
        field = self.widget()
        before = field.text().rpartition(",")[0] if field is not None else ""  # type: ignore[attr-defined]
        tag = super().pathFromIndex(index)  # type: ignore[arg-type]
        return f"{before}, {tag}" if before else tag


class TagChips(WrappingChips):
    """The tags of some frames as chips.

    Signals:
        chosen: all frames with a tag are to be shown (tag).
        removed: a tag is to be taken away (tag).
    """

    chosen = Signal(str)
    removed = Signal(str)

    def __init__(self, tip: str, theme: Theme, *more: QWidget) -> None:
        """Show none, and what stands behind them; ``tip`` says what can be done with a chip."""
        super().__init__(240, theme, *more)
        self._tip, self._theme = tip, theme

    def show_tags(self, tags: TagsOf) -> None:
        """Show the tags of some frames; where not all of them have one, how many do."""
        chips = []
        for tag, count in tags.counts:
            note = "" if count == tags.frames else count_text(count)
            chip = TagChip(tag, note, self._tip, self._theme)
            chip.chosen.connect(self.chosen)
            chip.removed.connect(self._remove)
            chips.append(chip)
        self.show_chips(chips)

    @Slot(object)
    def _remove(self, chip: Chip) -> None:
        if isinstance(chip, TagChip):
            self.removed.emit(chip.tag)


class TagDialog(QDialog):
    """Asks for tags of the frames selected, and shows those that they have.

    Args:
        frames: which ones.
        tags: the tags of the open folders.
        theme: how it looks.
        parent: the window.
    """

    def __init__(self, frames: Frames, tags: TagBook, theme: Theme, parent: QWidget) -> None:
        """Ask which tags the frames have."""
        super().__init__(parent)
        self._frames, self._tags = frames, tags
        self.setObjectName("tagDialog")
        self.setWindowTitle(self.tr("Tags"))
        self._title = label(self.tr("Tag the selected frames"), "subtitle")
        self.field = text_field(
            "tagField", self.tr("Tags"), self.tr("such as rain, to label; a comma parts two")
        )
        self.field.setMaxLength(400)
        self._wrong = label(kind="bad", name="tagProblem", wrap=True)
        self._wrong.hide()
        self._there = label(self.tr("ON THESE FRAMES"), "section")
        self._chips = TagChips(self.tr("The cross or Delete takes it away from these."), theme)
        self._chips.removed.connect(self._take)
        self._known = QStringListModel([tag for tag, _ in tags.known], self)
        completer = _LastTag(self._known, self)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self.field.setCompleter(completer)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._give = named(QPushButton(self.tr("Tag")), "giveTagsButton")
        self._give.setDefault(True)
        self._give.setEnabled(False)
        buttons.addButton(self._give, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.field.textChanged.connect(self._typed)
        self._parts = column(
            theme, self._title, self.field, self._wrong, self._there, self._chips, buttons,
            margins=(24, 24, 24, 16), gap=12, parent=self,
        )  # fmt: skip
        self.resize(theme.px(440), self.sizeHint().height())
        self._show(TagsOf())
        tags.changed.connect(self._look)
        self._look()
        self.field.setFocus()

    @Slot()
    def _look(self) -> None:
        self._known.setStringList([tag for tag, _ in self._tags.known])
        self._tags.look(self._frames, self._show, "tags of the selected")

    def _show(self, tags: TagsOf) -> None:
        if tags.frames:
            text = plural(tags.frames, self.tr("Tag {0} frame"), self.tr("Tag {0} frames"))
            self._title.setText(text)
        self._chips.show_tags(tags)
        for part in (self._there, self._chips):
            part.setVisible(bool(tags.counts))
        self._grow()

    def _grow(self) -> None:
        """Have room for all of it."""
        width = self.width()
        self.resize(width, max(self.height(), self._parts.totalHeightForWidth(width)))

    @Slot()
    def _typed(self) -> None:
        self._give.setEnabled(bool(self.field.text().strip(" ,")))
        self._wrong.hide()

    @Slot(str)
    def _take(self, tag: str) -> None:
        self._tags.change(self._frames, remove=[tag])

    @Slot()
    def accept(self) -> None:
        """Give the tags and close; stay where one cannot be one."""
        from c4t_core.index.store.tags import read_tag

        words = [part for part in self.field.text().split(",") if part.strip()]
        try:
            add = [read_tag(word) for word in words]
        except DataError as error:
            self._wrong.setText(str(error))
            self._wrong.show()
            self._grow()
            return
        self._tags.change(self._frames, add=add)
        super().accept()


class FrameTags(QWidget):
    """The tags of one frame in the details.

    Signals:
        wanted: tags are to be given to it.
    """

    wanted = Signal()

    def __init__(self, tags: TagBook, finder: Finder, theme: Theme) -> None:
        """Show none."""
        super().__init__()
        self._tags, self._finder = tags, finder
        self._path: Path | None = None
        named(self, "frameTags", self.tr("Tags"))
        self._add = named(QPushButton(self.tr("Tag…")), "addTagButton", kind="row")
        self._add.setToolTip(self.tr("Give the frame a tag (T)"))
        theme.dress(self._add, "plus", "muted")
        tip = self.tr("Click to see all frames with this tag; Delete takes it away.")
        self._chips = TagChips(tip, theme, self._add)
        column(theme, self._chips, margins=(0, 0, 0, 0), gap=0, parent=self)
        self._add.clicked.connect(self.wanted)
        self._chips.removed.connect(self._take)
        self._chips.chosen.connect(self._filter)
        tags.changed.connect(self._look)

    def show_frame(self, path: Path | None) -> None:
        """Show the tags of a frame."""
        if path != self._path:
            self._path = path
            self._chips.show_tags(TagsOf())
            self._look()

    @Slot()
    def _look(self) -> None:
        if self._path is not None:
            path = self._path
            self._tags.look(lambda: [path], partial(self._known, path), "tags of the frame")

    def _known(self, path: Path, tags: TagsOf) -> None:
        if path == self._path:
            self._chips.show_tags(tags)

    @Slot(str)
    def _take(self, tag: str) -> None:
        path = self._path
        if path is not None:
            self._tags.change(lambda: [path], remove=[tag])

    @Slot(str)
    def _filter(self, tag: str) -> None:
        self._finder.set_filters(replace(self._finder.question.filters, tags=(tag,)))


class TagSection(Section):
    """The tags of the open folders with their frames; a click shows only frames with them."""

    def __init__(self, title: str, tags: TagBook, finder: Finder, theme: Theme) -> None:
        """Show nothing while there are none."""
        super().__init__(title, theme)
        self._tags, self._finder = tags, finder
        self._all = False
        self._shown: Sequence[tuple[str, int]] = ()
        tags.changed.connect(self._list)
        finder.filters_changed.connect(self._filters_changed)

    @Slot(object)
    def _list(self, known: Sequence[tuple[str, int]]) -> None:
        chosen = set(self._finder.question.filters.tags)
        most = sorted(known, key=lambda one: -one[1])[:_LISTED]
        some = [one for one in known if self._all or one in most or one[0] in chosen]
        rows: list[QWidget] = [self._row(tag, count) for tag, count in some]
        if len(some) < len(known) or self._all:
            text = self.tr("show fewer") if self._all else self.tr("show all {0}")
            more = SideRow(text.format(count_text(len(known))), "", None, self._theme)
            more.setObjectName("moreTags")
            more.setCheckable(False)
            more.chosen.connect(self._toggle_all)
            rows.append(more)
        focused = next((row.stands_for for row in self._tag_rows() if row.hasFocus()), None)
        self.show_rows(rows)
        for row in self._tag_rows():
            row.setChecked(row.stands_for in chosen)
            if focused is not None and row.stands_for == focused:
                row.setFocus()

    def _row(self, tag: str, count: int) -> SideRow:
        row = SideRow(tag, count_text(count), tag, self._theme)
        row.setObjectName("tagRow")
        row.setToolTip(
            plain_tip(
                self.tr("Only frames with this tag; of several, with all of them; F2 renames it")
            )
        )
        row.chosen.connect(self._toggle)
        row.renamed.connect(self._rename)
        row.menu_wanted.connect(self._menu)
        return row

    @Slot(object, object)
    def _menu(self, where: QPoint, tag: str) -> None:
        """Offer what can be done with a tag."""
        menu = QMenu(self)
        menu.setObjectName("tagMenu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Rename…")).triggered.connect(partial(self._rename, tag))
        row = self.sender()
        popup(menu, where, row if isinstance(row, QWidget) else self)

    def _rename(self, tag: str, *_: object) -> None:
        """Ask for another name of a tag, and say where it becomes one with another."""
        joins = self.tr("There is a tag of this name; the two become one.")
        known = {other.casefold() for other, _ in self._tags.known if other != tag}

        def judge(name: str) -> tuple[str, bool]:
            from c4t_core.index.store.tags import read_tag

            try:
                return (joins if read_tag(name).casefold() in known else ""), True
            except DataError as error:
                return str(error), False

        dialog = NameDialog(
            self.tr("Rename the tag"),
            self.tr(
                "On all frames that have it, in folders that are closed too, and in scenarios."
            ),
            tag,
            self._theme,
            self,
            judge,
        )
        dialog.setObjectName("renameTagDialog")
        dialog.named.connect(partial(self._tags.rename, tag))
        open_dialog(dialog)

    def _tag_rows(self) -> list[SideRow]:
        return [row for row in self.rows if isinstance(row, SideRow)]

    @Slot(object)
    def _toggle(self, tag: str) -> None:
        filters = self._finder.question.filters
        left = tuple(other for other in filters.tags if other != tag)
        tags = left if tag in filters.tags else (*left, tag)
        self._finder.set_filters(replace(filters, tags=tags))

    @Slot(object)
    def _toggle_all(self, _: object) -> None:
        self._all = not self._all
        self._list(self._tags.known)

    @Slot(object)
    def _filters_changed(self, question: Question) -> None:
        self._list(self._tags.known)
