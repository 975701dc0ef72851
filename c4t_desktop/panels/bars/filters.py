"""What the hits are restricted to: drive, camera, date, marks, the hits of an earlier question."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QWidget

from c4t_desktop.gallery.results_model import plain_tip, shown
from c4t_desktop.messages import count_text, plain_label
from c4t_desktop.panels.bars.widgets import Section, SideRow
from c4t_desktop.services.finder import Filters, Finder
from c4t_desktop.services.library import Library
from c4t_desktop.services.workspace import WorkspaceLike
from c4t_desktop.theme import Theme


class FilterSection(Section):
    """Choosers for what there is to choose from; the rest stays out of sight.

    Signals:
        cleared: the user took all filters away.
    """

    cleared = Signal()

    def __init__(self, title: str, library: Library, finder: Finder, theme: Theme) -> None:
        """Show nothing until folders are open."""
        super().__init__(title, theme)
        self._library = library
        self._finder = finder
        self._choosers: dict[str, QComboBox] = {}
        names = {
            "drive": self.tr("Drive"),
            "camera": self.tr("Camera"),
            "day": self.tr("Date"),
            "marked": self.tr("Marked"),
        }
        rows: list[QWidget] = []
        for key, name in names.items():
            self._choosers[key] = chooser = self._chooser(key, name)
            rows.append(_titled(name, chooser, theme))
        for text, value in (
            (self.tr("right"), "right"),
            (self.tr("wrong"), "wrong"),
            (self.tr("right or wrong"), "any"),
        ):
            self._choosers["marked"].addItem(text, value)
        self._among = SideRow("", "×", None, theme)
        self._among.setObjectName("amongFilter")
        self._among.setToolTip(self.tr("Search in all frames again"))
        self._among.chosen.connect(self._leave_among)
        self._among.removed.connect(self._leave_among)
        self._clear = SideRow(self.tr("Clear filters"), "", None, theme)
        self._clear.setObjectName("clearFilters")
        self._clear.setCheckable(False)
        self._clear.chosen.connect(self.clear)
        self.show_rows([self._among, *rows, self._clear])
        self.hide()
        finder.filters_changed.connect(self._show)
        self._show(finder.ask.filters)

    def _chooser(self, key: str, name: str) -> QComboBox:
        chooser = QComboBox()
        chooser.setObjectName(f"{key}Filter")
        chooser.setAccessibleName(name)
        chooser.setProperty("kind", "flat")
        chooser.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        chooser.setMinimumContentsLength(6)
        chooser.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        chooser.addItem(self.tr("any"), None)
        chooser.activated.connect(self._chosen)
        return chooser

    def look(self) -> None:
        """Ask what there is to choose from."""
        self._library.look(_facets, key="facets", done=self._show_facets)

    def _show_facets(self, facets: dict[str, list[tuple[str, int]]]) -> None:
        self.show()
        for key, values in facets.items():
            chooser = self._choosers[key]
            if chooser.view().isVisible():
                continue  # the user is choosing just now; the next count comes soon
            chooser.clear()
            chooser.addItem(self.tr("any"), None)
            for name, count in values:
                chooser.addItem(f"{shown(name)}  ({count_text(count)})", name)
            holder = chooser.parentWidget()
            assert holder is not None  # _titled gave it one
            holder.setVisible(len(values) > 1)
        self._show(self._finder.ask.filters)

    @Slot()
    def _chosen(self) -> None:
        chosen = {key: chooser.currentData() for key, chooser in self._choosers.items()}
        self._finder.set_filters(
            replace(
                self._finder.ask.filters,
                drive=chosen["drive"],
                camera=chosen["camera"],
                day=chosen["day"],
                marked=chosen["marked"] or "",
            )
        )

    @Slot(object)
    def _show(self, filters: Filters) -> None:
        """Show what is restricted, whoever restricted it."""
        wanted = {
            "drive": filters.drive,
            "camera": filters.camera,
            "day": filters.day,
            "marked": filters.marked or None,
        }
        for key, value in wanted.items():
            chooser = self._choosers[key]
            chooser.setCurrentIndex(max(0, chooser.findData(value)))
        self._among.setVisible(filters.among is not None)
        self._among.setChecked(filters.among is not None)
        if filters.among is not None:
            self._among.set_name(self.tr("within “{0}”").format(filters.among_name))
            count = count_text(len(filters.among))
            tip = self.tr("Searches {0} hits of an earlier query only; press to search all again.")
            self._among.setToolTip(plain_tip(tip.format(count)))
        self._clear.setVisible(filters.active)

    @Slot()
    def _leave_among(self) -> None:
        self._finder.set_filters(replace(self._finder.ask.filters, among=None, among_name=""))

    @Slot()
    def clear(self) -> None:
        """Restrict nothing."""
        self._finder.set_filters(Filters())
        self.cleared.emit()


def _facets(workspace: WorkspaceLike) -> dict[str, list[tuple[str, int]]]:
    """Read what can be filtered by; runs on a worker thread."""
    return {
        "drive": list(workspace.drives()),
        "camera": list(workspace.cameras()),
        "day": list(workspace.days()),
    }


def _titled(title: str, chooser: QComboBox, theme: Theme) -> QWidget:
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(theme.px(8), 0, 0, 0)
    name: QLabel = plain_label(title)
    name.setMinimumWidth(theme.px(56))
    row.addWidget(name)
    row.addWidget(chooser, 1)
    return holder
