"""A user who does something at random every now and then, with real keys and mouse moves."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

QUERIES = (
    "truck in snow", "snow + truck - people", "cyclist on a rainy street", "night", "2:red car",
    "pedestrian crossing at night", "road", "traffic sign - trees", "snow +", "zzzz", "ein Lkw",
)  # fmt: skip
PANELS = ("compareAction", "evaluateAction")
DIALOGS = (
    "settingsAction", "shortcutsAction", "aboutAction", "modelsAction", "exportAction",
    "trainAction", "saveSearchAction", "skippedAction",
)  # fmt: skip


class Monkey:
    """Does something at random every now and then.

    Attributes:
        done: how often each action was done.
    """

    def __init__(self, window: Any, folder: Path, seed: int) -> None:
        """Drive a window that has this folder open."""
        from PySide6.QtTest import QTest

        self.test = QTest
        self.window = window
        self.folder = folder
        self.random = random.Random(seed)
        self.done: Counter[str] = Counter()
        self._copies: list[Path] = []
        self._seen_all = False
        self._originals = sorted(folder.rglob("camera/**/*.jpg"))
        self._acts: tuple[tuple[Callable[[], None], int], ...] = (
            (self.type, 8), (self.scroll, 14), (self.keys, 14), (self.marks, 4),
            (self.order, 4), (self.cut, 3), (self.frame, 5), (self.switch_model, 2),
            (self.files, 3), (self.panel, 2), (self.dialog, 4), (self.looks, 2),
            (self.like, 3), (self.hover, 4), (self.filters, 2), (self.scenario, 1),
            (self.browse, 2), (self.tag, 2), (self.undo, 2),
        )  # fmt: skip

    def act(self) -> None:
        """Do one thing."""
        act = self.random.choices([a for a, _ in self._acts], [w for _, w in self._acts])[0]
        self.done[act.__name__] += 1
        act()

    def look_at_all(self) -> bool:
        """Scroll one screen on, until every frame has been seen once; False after that."""
        if self._seen_all:
            return False
        context, view = self.window.desktop.context, self.window.view
        bar, finder = view.verticalScrollBar(), context.finder
        if context.library.is_indexing or context.library.opened_now is None:
            return True
        if finder.found is None or not finder.question.text:
            self._search("road")
        elif finder.order.fold:
            self.window.header._fold.click()
        elif not finder.order.show_all:
            finder.show_all()
        elif not context.thumbnails.waiting:
            shown = self.window.model.rowCount() >= len(self._originals)
            self._seen_all = shown and bar.value() >= bar.maximum()
            bar.setValue(bar.value() + view.viewport().height())
        return True

    def _search(self, text: str) -> None:
        from PySide6.QtCore import Qt

        field = self.window.search.field
        field.setFocus()
        field.selectAll()
        self.test.keyClicks(field, text)
        self._key(field, Qt.Key.Key_Return)

    def close_dialogs(self) -> None:
        """Close what is open, as Esc does."""
        from PySide6.QtWidgets import QApplication, QDialog

        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, QDialog) and widget.isVisible():
                widget.close()

    def _key(self, widget: Any, key: Any, modifier: Any = None) -> None:
        from PySide6.QtCore import Qt

        self.test.keyClick(widget, key, modifier or Qt.KeyboardModifier.NoModifier)

    def type(self) -> None:
        """Type a query, or a part of one."""
        from PySide6.QtCore import Qt

        field = self.window.search.field
        text = self.random.choice(QUERIES)
        field.setFocus()
        field.selectAll()
        self.test.keyClicks(field, text[: self.random.randint(2, len(text))])
        if self.random.random() < 0.6:
            self._key(field, self.random.choice([Qt.Key.Key_Return, Qt.Key.Key_Down]))
        elif self.random.random() < 0.1:
            self._key(field, Qt.Key.Key_Escape)

    def scroll(self) -> None:
        """Scroll by some way."""
        bar = self.window.view.verticalScrollBar()
        bar.setValue(bar.value() + self.random.randint(-900, 1200))

    def keys(self) -> None:
        """Move among the hits."""
        from PySide6.QtCore import Qt

        k = Qt.Key
        keys = [k.Key_Left, k.Key_Right, k.Key_Up, k.Key_Down, k.Key_End, k.Key_Home,
                k.Key_PageDown, k.Key_E]  # fmt: skip
        self._key(self.window.view, self.random.choice(keys))

    def marks(self) -> None:
        """Mark the current hit."""
        from PySide6.QtCore import Qt

        keys = [Qt.Key.Key_Space, Qt.Key.Key_R, Qt.Key.Key_X]
        self._key(self.window.view, self.random.choice(keys))
        if self.random.random() < 0.2:
            self.window.action("refineAction").trigger()

    def order(self) -> None:
        """Sort or fold."""
        header = self.window.header
        if self.random.random() < 0.5:
            header._fold.click()
        else:
            header._sort.setCurrentIndex(self.random.randrange(header._sort.count()))

    def cut(self) -> None:
        """Move the cut, or give it back."""
        from PySide6.QtCore import Qt

        slider = self.window.header.slider
        keys = [Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_PageUp, Qt.Key.Key_Home]
        if self.random.random() < 0.4:
            slider.automatic_wanted.emit()
        else:
            self._key(slider, self.random.choice(keys))

    def frame(self) -> None:
        """Look at a frame, step, play, zoom, go back."""
        from PySide6.QtCore import Qt

        if not self.window.results.shows_frame:
            self._key(self.window.view, Qt.Key.Key_Return)
        else:
            k = Qt.Key
            keys = [k.Key_Right, k.Key_Period, k.Key_P, k.Key_Plus, k.Key_1, k.Key_Escape]
            self._key(self.window.viewer.view, self.random.choice(keys))

    def switch_model(self) -> None:
        """Choose another model."""
        chooser = self.window.chooser
        names = [chooser.itemData(place) for place in range(chooser.count())]
        usable = [place for place, name in enumerate(names) if name.startswith("c4t")]
        chooser.setCurrentIndex(self.random.choice(usable))

    def files(self) -> None:
        """Let files come and go, and look for them."""
        if self._copies and self.random.random() < 0.5:
            self._copies.pop(self.random.randrange(len(self._copies))).unlink()
        else:
            source = self.random.choice(self._originals)
            copy = source.with_name(f"{source.stem[:-4]}9{self.random.randrange(999):03d}.jpg")
            if copy not in self._originals and not copy.exists():
                shutil.copy(source, copy)
                self._copies.append(copy)
        self.window.action("indexAction").trigger()

    def panel(self) -> None:
        """Open a panel in the place of the grid, or leave it."""
        if self.random.random() < 0.5:
            self.window.action(self.random.choice(PANELS)).trigger()
        else:
            self.window.results.leave_panel()

    def dialog(self) -> None:
        """Open a dialog; it is closed before the next action."""
        self.window.action(self.random.choice(DIALOGS)).trigger()

    def looks(self) -> None:
        """Change colours, size, side panels."""
        from c4t_desktop.settings import COLOURS

        what = self.random.randrange(3)
        if what == 0:
            self.window.desktop.settings.set(COLOURS, self.random.choice(["light", "dark"]))
        elif what == 1:
            self.window.resize(self.random.randint(800, 1700), self.random.randint(500, 1000))
        else:
            actions = ["sidebarAction", "detailsAction", "wholeAction", "datedAction"]
            self.window.action(self.random.choice(actions)).trigger()

    def like(self) -> None:
        """More like this."""
        if self.window.model.rowCount() and not self.window.results.shows_frame:
            self.window.selection.more_like_this()

    def hover(self) -> None:
        """Move the mouse over the cards."""
        from PySide6.QtCore import QPoint

        port = self.window.view.viewport()
        spot = QPoint(
            self.random.randrange(max(1, port.width())),
            self.random.randrange(max(1, port.height())),
        )
        self.test.mouseMove(port, spot)

    def filters(self) -> None:
        """Choose several drives, a folder, a first day, or any."""
        section = self.window.sidebar._filters
        what = self.random.randrange(4)
        if what == 0:
            section.clear()
        elif what == 1:
            drives = [value for value, _, _ in section._drives._offered]
            count = min(len(drives), self.random.randint(1, 3))
            section._drives.chosen.emit(tuple(self.random.sample(drives, count)))
        elif what == 2:
            section._tree.showPopup()
            section._tree.hidePopup()
        else:
            section._choosers["marked"].setCurrentIndex(self.random.randrange(4))
            section._choosers["marked"].activated.emit(0)

    def browse(self) -> None:
        """Ask for nothing: all frames, drive by drive."""
        self.window.search.clear()

    def tag(self) -> None:
        """Tag the current frame, or take it back."""
        from PySide6.QtCore import Qt
        from PySide6.QtWidgets import QApplication

        from c4t_desktop.panels.tagging import TagDialog

        self.window.action("tagAction").trigger()
        for dialog in QApplication.topLevelWidgets():
            if isinstance(dialog, TagDialog) and dialog.isVisible():
                self.test.keyClicks(dialog.field, f"tag {self.random.randrange(9)}")
                self._key(dialog.field, Qt.Key.Key_Return)

    def undo(self) -> None:
        """Take something back, or do it again."""
        name = "undoAction" if self.random.random() < 0.6 else "redoAction"
        self.window.action(name).trigger()

    def scenario(self) -> None:
        """Keep a search, or forget one."""
        marks = self.window.desktop.context.marks
        if len(marks.saved) > 4:
            marks.forget(marks.saved[0])
        elif not self.window.search.is_empty():
            name, question = f"scenario {self.random.randrange(6)}", self.window.search.question()
            marks.save(name, question, self.window.desktop.context.finder.order.chosen_cut)
