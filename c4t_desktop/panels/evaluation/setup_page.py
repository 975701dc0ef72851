"""What is evaluated, and on what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QInputDialog,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from c4t_desktop.gallery.results_model import shown
from c4t_desktop.messages import about_model, button_text, count_text, plain_label
from c4t_desktop.panels.bars.top_bar import title_of
from c4t_desktop.panels.parts import named, set_kind, text_field
from c4t_desktop.panels.training.pairs_parts import ColumnsRow
from c4t_desktop.services.evaluation import Form, Marked, Plan, SearchADPlan
from c4t_desktop.services.pairs import MadePairs
from c4t_desktop.theme import Theme

if TYPE_CHECKING:
    from c4t_core.models.protocol import ModelInfo
    from c4t_desktop.context import Context


class MarksRow(QWidget):
    """Chooses all marks or a test set; keeps the marks of today as one, or drops one.

    Marks go on changing while one searches. A test set stays as it was kept, so that models can be
    compared on it next month.

    Signals:
        keep_wanted: all marks are to be kept as a test set of this name.
        drop_wanted: the test set of this name is to be removed; the marks stay.
    """

    keep_wanted = Signal(str)
    drop_wanted = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Offer nothing yet."""
        super().__init__(parent)
        px = theme.px
        self.test_set = QComboBox()
        self.test_set.setObjectName("evaluationTestSet")
        self.test_set.setAccessibleName(self.tr("Marks to evaluate on"))
        # Names come later: the width at the first show would cut them off.
        self.test_set.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.test_set.currentIndexChanged.connect(self._enable)
        self.keep = named(QPushButton(self.tr("Keep as a test set…")), "keepTestSetButton")
        self.keep.setToolTip(self.tr("Later marks do not change it; models stay comparable"))
        self.keep.clicked.connect(self._ask_name)
        self.drop = named(QPushButton(self.tr("Remove")), "dropTestSetButton")
        self.drop.setToolTip(self.tr("Remove this test set; the marks stay"))
        self.drop.clicked.connect(self._drop)
        hint = plain_label(
            self.tr("Each query ranks the frames that you marked for it, right and wrong."),
            wrap=True,
            kind="muted",
        )
        row = QHBoxLayout()
        row.setSpacing(px(8))
        for part in (self.test_set, self.keep, self.drop):
            row.addWidget(part)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(24), 0, 0, 0)
        column.setSpacing(px(8))
        column.addLayout(row)
        column.addWidget(hint)
        self._marked = Marked()
        self._wish = ""
        self.show_marked(self._marked)

    def show_marked(self, marked: Marked) -> None:
        """Offer what there is; what was chosen, or has just been kept, stays chosen."""
        self._marked = marked
        wish = self._wish or self.chosen
        self.test_set.clear()
        self.test_set.addItem(self.tr("All marks"), "")
        for name, count in marked.test_sets:
            self.test_set.addItem(f"{shown(name)} ({count_text(count)})", name)
        index = self.test_set.findData(wish)
        if index >= 0:
            self._wish = ""
        self.test_set.setCurrentIndex(max(0, index))
        self._enable()

    @property
    def chosen(self) -> str:
        """The test set chosen, "" for all marks."""
        return str(self.test_set.currentData() or "")

    def choose(self, name: str) -> None:
        """Choose a test set, as soon as it is offered."""
        self._wish = name
        self.show_marked(self._marked)

    @Slot()
    def _enable(self) -> None:
        self.keep.setEnabled(bool(self._marked.queries) and not self.chosen)
        self.drop.setEnabled(bool(self.chosen))

    @Slot()
    def _ask_name(self) -> None:
        dialog = QInputDialog(self)
        dialog.setObjectName("testSetNameDialog")
        dialog.setWindowTitle(self.tr("Keep as a test set"))
        dialog.setLabelText(self.tr("Name of the test set; one of the same name is replaced:"))
        dialog.textValueSelected.connect(self._named)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(str)
    def _named(self, name: str) -> None:
        name = name.strip()
        if name:
            self._wish = name
            self.keep_wanted.emit(name)

    @Slot()
    def _drop(self) -> None:
        if self.chosen:
            self.drop_wanted.emit(self.chosen)


class SearchADRow(QWidget):
    """Chooses what of the public benchmark is asked, and with what.

    Attributes:
        folder: that SearchAD lies in, None where none is open.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Offer nothing yet."""
        super().__init__(parent)
        px = theme.px
        self.folder: Path | None = None
        self.split = self._choice(
            "searchadSplit",
            self.tr("Part of SearchAD"),
            ((self.tr("Validation part"), "val"), (self.tr("Training part"), "train")),
        )
        self.mode = self._choice(
            "searchadMode",
            self.tr("What is asked with"),
            (
                (self.tr("Asked in words"), "language"),
                (self.tr("Asked with image crops"), "vision"),
                (self.tr("Asked with both"), "multimodal"),
            ),
        )
        self.queries = self._choice(
            "searchadQueries",
            self.tr("Whose words are asked"),
            (
                (self.tr("SearchAD's words, where it has any"), None),
                (self.tr("C4T's own sentences"), "own"),
            ),
        )
        self.mode.currentIndexChanged.connect(self._enable)
        hint = plain_label(
            self.tr(
                "90 labels of rare things, scored by the benchmark's rules. Frames of the chosen "
                "part that are not indexed yet are indexed first. The exported report holds "
                "scores and predictions too."
            ),
            wrap=True,
            kind="muted",
        )
        grid = QGridLayout(self)
        grid.setContentsMargins(px(24), 0, 0, 0)
        grid.setSpacing(px(8))
        grid.addWidget(self.split, 0, 0)
        grid.addWidget(self.mode, 0, 1)
        grid.addWidget(self.queries, 1, 0, 1, 2)  # three in a row are wider than the panel
        grid.addWidget(hint, 2, 0, 1, 3)
        grid.setColumnStretch(2, 1)

    def _choice(self, name: str, title: str, items: Sequence[tuple[str, str | None]]) -> QComboBox:
        box = QComboBox()
        box.setObjectName(name)
        box.setAccessibleName(title)
        box.setToolTip(title)
        for text, value in items:
            box.addItem(text, value)
        return box

    @Slot()
    def _enable(self) -> None:
        self.queries.setEnabled(self.mode.currentData() != "vision")

    def use(self, folder: Path | None) -> None:
        """Ask in this folder; None where no open one is of SearchAD."""
        self.folder = folder

    @property
    def chosen(self) -> tuple[str | None, ...]:
        """Part, mode and queries."""
        return tuple(box.currentData() for box in (self.split, self.mode, self.queries))

    def choose(self, values: Sequence[str | None]) -> None:
        """Choose part, mode and queries."""
        for box, value in zip((self.split, self.mode, self.queries), values, strict=False):
            box.setCurrentIndex(box.findData(value))

    def plan(self) -> SearchADPlan:
        """Return what is chosen; there is a folder."""
        assert self.folder is not None
        mode = self.mode.currentData()
        queries = None if mode == "vision" else self.queries.currentData()
        return SearchADPlan(self.folder, self.split.currentData(), mode, queries)


class SetupPage(QScrollArea):
    """Asks for a test set and models.

    Signals:
        wanted: evaluate this (Plan).
        labels_wanted: make pairs from labels: kind (str) and source (Path).
    """

    wanted = Signal(object)
    labels_wanted = Signal(str, object)

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        """Offer what is known of models; marks come later."""
        super().__init__(parent)
        self._theme, self._settings = context.theme, context.settings
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.from_file = QRadioButton(self.tr("Pairs of images and captions, or labels"))
        self.from_file.setObjectName("evaluationFromFile")
        self.from_marks = QRadioButton()
        self.from_marks.setObjectName("evaluationFromMarks")
        self.from_searchad = QRadioButton()
        self.from_searchad.setObjectName("evaluationFromSearchAD")
        group = QButtonGroup(self)
        group.buttonClicked.connect(self._source_clicked)
        for button in (self.from_file, self.from_marks, self.from_searchad):
            group.addButton(button)
        self.pairs = text_field(
            "evaluationPairsField",
            self.tr("Pairs file"),
            self.tr("A CSV, TSV or JSON file with images and captions"),
        )
        self.images = text_field(
            "evaluationImagesField",
            self.tr("Folder of the images"),
            self.tr("The folder of the pairs file"),
        )
        self.scenes = text_field(
            "evaluationScenesField",
            self.tr("Ground truth"),
            self.tr("Optional: JSON lines; gives better queries, and results by weather, time, …"),
        )
        self.columns = ColumnsRow(context.theme)
        self.marks = MarksRow(context.theme)
        self.searchad = SearchADRow(context.theme)
        self.models: dict[str, QCheckBox] = {}
        self._model_rows = QVBoxLayout()
        self.message = plain_label(wrap=True, name="evaluationMessage")
        self.start = named(QPushButton(self.tr("Evaluate")), "evaluateStartButton", kind="primary")
        # What the form stood at when it was left, until that is known to be there.
        self._source = ""
        self._failure = ""  # why the last evaluation did not work, until something is changed
        self._place()
        self._wire()
        self._recall()
        self.show_marked(Marked())
        self.show_searchad(None)
        self.show_models(context.library.models, context.library.model)

    # layout ---------------------------------------------------------------------------------

    def _place(self) -> None:
        px = self._theme.px
        page = QWidget()
        page.setProperty("kind", "page")
        outer = QHBoxLayout(page)
        outer.setContentsMargins(px(16), px(8), px(16), px(24))
        holder = QWidget()
        holder.setMaximumWidth(px(760))
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(12))
        hint = plain_label(
            self.tr(
                "How well do models find what is asked for? Measured on frames of which it is "
                "known what they show: the same queries for every model, on this machine."
            ),
            wrap=True,
            kind="muted",
        )
        column.addWidget(hint)
        column.addWidget(plain_label(self.tr("TEST SET"), kind="section"))
        column.addWidget(self._card(self._test_set_rows()))
        column.addWidget(plain_label(self.tr("MODELS"), kind="section"))
        self._model_rows.setSpacing(px(4))
        column.addWidget(self._card(self._model_rows))
        footer = QHBoxLayout()
        footer.setSpacing(px(12))
        footer.addWidget(self.message, 1)
        footer.addWidget(self.start)
        column.addLayout(footer)
        column.addStretch(1)
        outer.addStretch(1)
        outer.addWidget(holder, 20)
        outer.addStretch(1)
        self.setWidget(page)

    def _card(self, content: QVBoxLayout) -> QFrame:
        card = QFrame()
        card.setObjectName("evaluationCard")
        px = self._theme.px
        content.setContentsMargins(px(16), px(14), px(16), px(14))
        card.setLayout(content)
        return card

    def _test_set_rows(self) -> QVBoxLayout:
        px = self._theme.px
        rows = QVBoxLayout()
        rows.setSpacing(px(8))
        self._files = QWidget()
        grid = QGridLayout(self._files)
        grid.setContentsMargins(px(24), 0, 0, px(8))
        grid.setHorizontalSpacing(px(8))
        grid.setVerticalSpacing(px(8))
        self._browse: list[QPushButton] = []
        for row, (title, field) in enumerate(
            (
                (self.tr("Pairs"), self.pairs),
                (self.tr("Images"), self.images),
                (self.tr("Ground truth"), self.scenes),
            )
        ):
            label = plain_label(title)
            label.setBuddy(field)
            browse = QPushButton(self.tr("Choose…"))
            browse.setAccessibleName(self.tr("Choose: {0}").format(title))
            self._browse.append(browse)
            grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignRight)
            grid.addWidget(field, row, 1)
            grid.addWidget(browse, row, 2)
        self.labels = named(QPushButton(self.tr("Make from labels…")), "evaluationLabelsButton")
        self.labels.setToolTip(self.tr("A2D2, BDD100K, Cityscapes, COCO, KITTI, masks and others"))
        grid.addWidget(self.columns, 3, 1, Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(self.labels, 4, 1, Qt.AlignmentFlag.AlignLeft)
        for part in (self.from_file, self._files, self.from_marks, self.marks):
            rows.addWidget(part)
        rows.addWidget(self.from_searchad)
        rows.addWidget(self.searchad)
        return rows

    def _wire(self) -> None:
        self.from_file.toggled.connect(self._update)
        self.from_searchad.toggled.connect(self._update)
        for field in (self.pairs, self.images, self.scenes):
            field.textChanged.connect(self._update)
            field.returnPressed.connect(self._start)
        self.pairs.textChanged.connect(self.columns.clear)
        self.columns.changed.connect(self._update)
        choose = (self._choose_pairs, self._choose_images, self._choose_scenes)
        for button, act in zip(self._browse, choose, strict=True):
            button.clicked.connect(act)
        self.labels.clicked.connect(self._choose_labels)
        self.start.clicked.connect(self._start)

    def _recall(self) -> None:
        self.from_file.setChecked(True)
        kept = self._settings.recall("evaluated", [])
        for field, text in zip((self.pairs, self.images, self.scenes), kept, strict=False):
            field.setText(str(text))

    def form(self) -> Form:
        """Return what is filled in."""
        source = "searchad" if self.from_searchad.isChecked() else "file"
        return Form(
            self._source or ("marks" if self.from_marks.isChecked() else source),
            (self.pairs.text(), self.images.text(), self.scenes.text()),
            self.columns.header,
            self.columns.chosen,
            self.marks.chosen,
            self.searchad.chosen,
            tuple(name for name, box in self.models.items() if box.isChecked()),
        )

    def fill(self, form: Form) -> None:
        """Fill in what was filled in before; marks and benchmark once they are told of."""
        self._source = form.source if form.source != "file" else ""
        for field, text in zip((self.pairs, self.images, self.scenes), form.texts, strict=True):
            field.setText(text)
        if form.header:
            self.columns.offer(form.header, None, None)
            image, caption = (form.columns.get(role) or None for role in ("image", "caption"))
            self.columns.offer(form.header, image, caption)
        self.marks.choose(form.test_set)
        self.searchad.choose(form.searchad)
        for name, box in self.models.items():
            box.setChecked(box.isEnabled() and name in form.models)
        self._refresh()

    def _back_to(self, source: str, button: QRadioButton) -> None:
        if self._source == source:
            self._source = ""
            button.setChecked(True)

    @Slot()
    def _source_clicked(self) -> None:
        self._source = ""

    # what is known --------------------------------------------------------------------------

    @Slot(object)
    def show_models(self, infos: Sequence[ModelInfo], current: str) -> None:
        """Offer models; those that cannot be used say why."""
        checked = {name for name, box in self.models.items() if box.isChecked()}
        while (item := self._model_rows.takeAt(0)) is not None:
            old = item.widget()
            if old is not None:
                old.hide()
                old.deleteLater()
        self.models = {}
        for info in infos:
            box = QCheckBox(button_text(title_of(info.name)))
            box.setObjectName(f"evaluateModel_{info.name}")
            box.setEnabled(info.available)
            wish = info.name in checked if checked else info.name in (current, "c4t", "clip")
            box.setChecked(bool(info.available and wish))
            box.toggled.connect(self._update)
            self._model_rows.addWidget(box)
            self.models[info.name] = box
            text = about_model(info)
            if text:
                hint = plain_label(shown(text), wrap=True, kind="muted")
                hint.setContentsMargins(self._theme.px(22), 0, 0, self._theme.px(4))
                box.setAccessibleDescription(shown(text))
                self._model_rows.addWidget(hint)
        self._refresh()

    @Slot(object)
    def show_marked(self, marked: Marked) -> None:
        """Offer the user's own marks."""
        text = self.tr("My right and wrong marks (queries: {queries}, frames: {frames})")
        if not marked.queries:
            text = self.tr("My right and wrong marks (none yet: R and X mark hits)")
        self.from_marks.setText(
            text.format(queries=count_text(marked.queries), frames=count_text(marked.frames))
        )
        self.from_marks.setEnabled(bool(marked.queries or marked.test_sets))
        self.marks.show_marked(marked)
        if self.from_marks.isEnabled():
            self._back_to("marks", self.from_marks)
        self._refresh()

    @Slot(object)
    def show_searchad(self, folder: Path | None) -> None:
        """Offer the public benchmark where an open folder is one of it."""
        self.searchad.use(folder)
        self.from_searchad.setVisible(folder is not None)
        if folder is not None:
            text = self.tr("The public benchmark SearchAD, in {0}")
            self.from_searchad.setText(button_text(text.format(shown(folder.name))))
            self._back_to("searchad", self.from_searchad)
        elif self.from_searchad.isChecked():
            self.from_file.setChecked(True)
        self._refresh()

    @Slot(object)
    def labels_made(self, made: MadePairs) -> None:
        """Show pairs and ground truth that were made from labels."""
        self.from_file.setChecked(True)
        self.pairs.setText(str(made.path))
        self.images.setText(str(made.images))
        self.scenes.setText(str(made.scenes))

    # asking ---------------------------------------------------------------------------------

    def _choose(self, field: QLineEdit, title: str, kinds: str) -> None:
        start = field.text() or str(self._settings.recall("last_place", str(Path.home())))
        if kinds:
            name, _ = QFileDialog.getOpenFileName(self, title, start, kinds)
        else:
            name = QFileDialog.getExistingDirectory(self, title, start)
        if name:
            field.setText(name)

    @Slot()
    def _choose_pairs(self) -> None:
        kinds = self.tr("Pairs (*.csv *.tsv *.txt *.jsonl *.json *.gz);;All files (*)")
        self._choose(self.pairs, self.tr("Pairs"), kinds)

    @Slot()
    def _choose_images(self) -> None:
        self._choose(self.images, self.tr("Folder of the images"), "")

    @Slot()
    def _choose_scenes(self) -> None:
        kinds = self.tr("Ground truth (*.jsonl);;All files (*)")
        self._choose(self.scenes, self.tr("Ground truth"), kinds)

    @Slot()
    def _choose_labels(self) -> None:
        from c4t_desktop.panels.training.pairs_parts import LabelsDialog

        dialog = LabelsDialog(self._theme, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.chosen.connect(self.labels_wanted)
        dialog.open()

    def problem(self) -> str:
        """Return what is missing before anything can be evaluated, or ""."""
        if self.from_file.isChecked() and not self.pairs.text().strip():
            return self.tr("Choose a pairs file, or make one from labels.")
        if not any(box.isChecked() for box in self.models.values()):
            return self.tr("Choose at least one model.")
        return ""

    def say(self, sentence: str, header: Sequence[str] = ()) -> None:
        """Show why an evaluation did not work; where it was the columns, let them be chosen."""
        self._failure = sentence
        if header:
            self.columns.offer(header, None, None)
        self._refresh()

    def _write(self, text: str, kind: str) -> None:
        self.message.setText(text)
        set_kind(self.message, kind)

    @Slot()
    def _update(self) -> None:
        """The user has changed something: what was wrong before may be right now."""
        self._failure = ""
        self._refresh()

    def _refresh(self) -> None:
        self._files.setVisible(self.from_file.isChecked())
        self.marks.setVisible(self.from_marks.isChecked())
        self.searchad.setVisible(self.from_searchad.isChecked())
        problem = self.problem()
        self._write(self._failure or problem, "bad" if self._failure else "muted")
        self.start.setEnabled(not problem)

    @Slot()
    def _start(self) -> None:
        if self.problem():
            return
        names = tuple(name for name, box in self.models.items() if box.isChecked())
        if self.from_searchad.isChecked():
            self.wanted.emit(Plan(names, searchad=self.searchad.plan()))
            return
        if self.from_marks.isChecked():
            self.wanted.emit(Plan(names, test_set=self.marks.chosen))
            return
        texts = [field.text().strip() for field in (self.pairs, self.images, self.scenes)]
        self._settings.remember("evaluated", texts)
        pairs, images, scenes = (Path(text).expanduser() if text else None for text in texts)
        columns = {role: name for role, name in self.columns.chosen.items() if name}
        self.wanted.emit(Plan(names, pairs, images, scenes, columns=columns or None))
