"""What the hits are restricted to: drive, camera, date, marks, the hits of an earlier question."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QWidget

from c4t_desktop.gallery.results_model import plain_tip, shown
from c4t_desktop.messages import count_text, plain_label
from c4t_desktop.panels.bars.widgets import Section, SideRow
from c4t_desktop.services.finder import Finder
from c4t_desktop.services.library import Library
from c4t_desktop.services.question import Question, day_bounds, day_of
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
        self._show(finder.question)

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
        self._show(self._finder.question)

    @Slot()
    def _chosen(self) -> None:
        chosen = {key: chooser.currentData() for key, chooser in self._choosers.items()}
        since, until = day_bounds(chosen["day"])
        filters = replace(
            self._finder.question.filters,
            drives=_one_or_none(chosen["drive"]),
            cameras=_one_or_none(chosen["camera"]),
            since=since,
            until=until,
        )
        self._finder.set_filters(filters, chosen["marked"] or "")

    @Slot(object)
    def _show(self, question: Question) -> None:
        """Show what is restricted, whoever restricted it."""
        filters = question.filters
        wanted = {
            "drive": next(iter(filters.drives), None),
            "camera": next(iter(filters.cameras), None),
            "day": day_of(filters),
            "marked": question.marked or None,
        }
        for key, value in wanted.items():
            chooser = self._choosers[key]
            chooser.setCurrentIndex(max(0, chooser.findData(value)))
        self._among.setVisible(filters.only is not None)
        self._among.setChecked(filters.only is not None)
        if filters.only is not None:
            self._among.set_name(self.tr("within “{0}”").format(question.hits_of))
            count = count_text(len(filters.only))
            tip = self.tr("Searches {0} hits of an earlier query only; press to search all again.")
            self._among.setToolTip(plain_tip(tip.format(count)))
        self._clear.setVisible(question.restricted)

    @Slot()
    def _leave_among(self) -> None:
        self._finder.set_filters(replace(self._finder.question.filters, only=None))

    @Slot()
    def clear(self) -> None:
        """Restrict nothing."""
        self._finder.clear_filters()
        self.cleared.emit()


def _one_or_none(name: str | None) -> tuple[str, ...]:
    return (name,) if name else ()


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
