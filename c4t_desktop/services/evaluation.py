"""Evaluations in the background: from files or the user's own marks to a report.

The running evaluation and its report outlive the panel that shows them, so that one can go back
to searching meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Signal, Slot

from c4t_core.records import dataclass
from c4t_desktop.jobs.runner import Job, OneJob, ignore
from c4t_desktop.services.library import EVALUATE, LOOK, FilesOfSize, Library
from c4t_desktop.services.pairs import MadePairs, pairs_from_labels
from c4t_desktop.services.rows import Row

if TYPE_CHECKING:
    from c4t_core.datasets.searchad import Split
    from c4t_core.evaluation.searchad.benchmark import Benchmark
    from c4t_core.evaluation.searchad.contents import Queries
    from c4t_core.evaluation.searchad.rules import Mode
    from c4t_core.evaluation.summary import Report
    from c4t_core.index.store.user_data import UserData

T = TypeVar("T")
SHOWN = 50  # hits shown of a query


@dataclass(frozen=True)
class SearchADPlan:
    """The public benchmark on a folder of it.

    Attributes:
        folder: that SearchAD lies in.
        split: which part is asked, ``"val"`` or ``"train"``.
        mode: what is asked with.
        queries: whose queries; None for SearchAD's where it has texts.
    """

    folder: Path
    split: Split = "val"
    mode: Mode = "language"
    queries: Queries | None = None


@dataclass(frozen=True)
class Plan:
    """What is to be evaluated.

    Attributes:
        models: names.
        pairs: file of images and captions; None where the user's own marks or SearchAD are asked.
        images: root of the image paths; None for the folder of the pairs.
        scenes: ground truth as JSON lines, None without.
        test_set: a test set of the user's; "" for all marks. Only where ``pairs`` is None.
        columns: role -> column of the pairs, None to have them found.
        searchad: the public benchmark, in place of pairs and marks.
    """

    models: tuple[str, ...]
    pairs: Path | None = None
    images: Path | None = None
    scenes: Path | None = None
    test_set: str = ""
    columns: Mapping[str, str] | None = None
    searchad: SearchADPlan | None = None

    @property
    def stem(self) -> str:
        """What a report's folder is named after."""
        if self.searchad is not None:
            return f"searchad-{self.searchad.split}"
        return "marks" if self.pairs is None else self.pairs.stem


@dataclass(frozen=True)
class Form:
    """What is asked for so far, in the words of the form; nothing of it need be right yet.

    Attributes:
        source: what is evaluated on: ``"file"``, ``"marks"`` or ``"searchad"``.
        texts: the fields of pairs, images and ground truth as they are typed.
        header: the columns that are offered, none where the core is to find them.
        columns: role -> column chosen, "" where none is.
        test_set: the test set of the user's; "" for all marks.
        searchad: part, mode and queries of the public benchmark.
        models: names of those that are checked.
    """

    source: str = "file"
    texts: tuple[str, str, str] = ("", "", "")
    header: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    test_set: str = ""
    searchad: tuple[str | None, ...] = ()
    models: tuple[str, ...] = ()


@dataclass(frozen=True)
class Marked:
    """What the user has marked so far.

    Attributes:
        queries: questions with at least one right mark.
        frames: marked frames in all.
        test_sets: name and number of marks of each test set.
    """

    queries: int = 0
    frames: int = 0
    test_sets: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class QueryHits:
    """The best hits of one query with one model.

    Attributes:
        rows: the cards.
        marks: "right" or "wrong" by file.
        right: how many of the cards are right.
        relevant: how many right answers there are in all.
    """

    rows: tuple[Row, ...] = ()
    marks: dict[Path, str] | None = None
    right: int = 0
    relevant: int = 0


def evaluate(plan: Plan, job: Job, files_of_size: FilesOfSize) -> Report:
    """Evaluate and return the core's Report; runs on a worker thread.

    Args:
        plan: what is to be evaluated.
        job: is told how far it is.
        files_of_size: finds marked frames of a folder that was moved (``Library.files_of_size``).

    Raises:
        DataError: if the files or marks cannot be used.
        ModelError: if none of the models can be used.
        Cancelled: if the job was cancelled.
    """
    if plan.pairs is None:
        return _evaluate_marks(plan, job, files_of_size)
    from c4t_core.evaluation.request import EvaluationRequest, run_evaluation

    pairs, images, scenes = plan.pairs, plan.images, plan.scenes
    if scenes is None and holds_scenes(pairs):
        made = pairs_from_labels("scenes", pairs, images, scenes=True, progress=job.progress)
        pairs, images, scenes = made.path, made.images, made.scenes
    request = EvaluationRequest(pairs, images, plan.models, scenes, columns=plan.columns)
    return run_evaluation(request, job.progress, job.report)


def measure_on_searchad(plan: Plan, job: Job) -> Benchmark:
    """Measure models on SearchAD; runs on a worker thread.

    Raises:
        DataError: if the folder's files cannot be used, or no image is there.
        ModelError: if none of the models can be used.
        BusyError: if the folder is being indexed with a model.
        Cancelled: if the job was cancelled.
    """
    from c4t_core.evaluation.searchad.benchmark import Request, run_benchmark
    from c4t_core.workspace import open_workspace

    asked = plan.searchad
    assert asked is not None  # else there is no benchmark to run
    request = Request(asked.folder, asked.split, plan.models, asked.queries, asked.mode)
    return run_benchmark(request, open_workspace, job.progress, job.report)


def searchad_among(folders: Sequence[Path]) -> Path | None:
    """Return the first folder that SearchAD lies in; looks at the disk."""
    from c4t_core.datasets.searchad import is_searchad

    return next((folder for folder in folders if is_searchad(folder)), None)


def holds_scenes(file: Path) -> bool:
    """Tell whether a file of JSON lines holds ground truth rather than captions."""
    import json

    if file.suffix.lower() != ".jsonl":
        return False
    try:
        with file.open(encoding="utf-8-sig") as lines:
            first = json.loads(lines.readline(1 << 20))
    except (OSError, ValueError):
        return False  # what is wrong with it is said by whoever reads it
    about = {"things", "shares", "counts", "weather", "time_of_day", "road"}
    return isinstance(first, dict) and "caption" not in first and bool(about & first.keys())


def _evaluate_marks(plan: Plan, job: Job, files_of_size: FilesOfSize) -> Report:
    """Rank, for each query, the frames that the user has judged for it.

    Frames without a mark are in no ranking: nobody has said whether they are right.
    """
    import numpy as np

    from c4t_core.errors import DataError
    from c4t_core.evaluation.collection import Collection
    from c4t_core.evaluation.evaluate import evaluate as evaluate_queries
    from c4t_core.evaluation.queries import make_query
    from c4t_core.images.frame_names import recording, shown_drives

    job.report("reading the marks")
    judged = _judged(plan.test_set, files_of_size)
    names = sorted({name for frames in judged.values() for name in frames})
    if not names:
        raise DataError(
            "No frame is marked as right yet; mark hits with R and X in the results, then "
            "evaluate again."
        )
    drives = [recording(Path(name).as_posix()) for name in names]
    shown = shown_drives(drives)
    collection = Collection(
        names=tuple(names),
        paths=tuple(Path(name) for name in names),
        captions=((),) * len(names),
        drives=tuple(shown[drive] for drive in drives),
    )
    queries = []
    for text, frames in judged.items():
        pool = np.array(sorted(collection.positions[name] for name in frames), dtype=np.int64)
        right = [collection.positions[name] for name, good in frames.items() if good]
        queries.append(make_query(text, "own", right, pool=pool))
    return evaluate_queries(
        collection, queries, plan.models, progress=job.progress, stage=job.report
    )


def _judged(test_set: str, files_of_size: FilesOfSize) -> dict[str, dict[str, bool]]:
    """Return, for each query with a right mark, its marked files, where they are now."""
    from c4t_core.index.store.user_data import locate

    with _user_data() as data:
        marks = data.test_set(test_set) if test_set else data.marks()
    judged: dict[str, dict[str, bool]] = {}
    for mark in marks:
        path = locate(mark.image, files_of_size)
        if path is not None:
            judged.setdefault(mark.query, {})[str(path)] = mark.good
    return {text: frames for text, frames in judged.items() if any(frames.values())}


def _user_data() -> closing[UserData]:
    from c4t_core.index.store.user_data import UserData

    return closing(UserData())


def marked() -> Marked:
    """Return what the user has marked; runs on a worker thread."""
    with _user_data() as data:
        marks, test_sets = data.marks(), data.test_sets()
    right = {mark.query for mark in marks if mark.good}
    frames = {mark.image for mark in marks if mark.query in right}
    return Marked(len(right), len(frames), tuple(test_sets))


def hits_of(report: Report, index: int, model: str) -> QueryHits:
    """Return the hits of one query of a report with one model."""
    from c4t_core.images.frame_names import parse_frame_name
    from c4t_core.index.query import Hit

    query, measured, names = report.queries[index].query, report.measured[model], report.collection
    right = set(query.relevant.tolist())
    rows, marks = [], {}
    best = zip(measured.top[index][:SHOWN], measured.top_scores[index], strict=False)
    for rank, (image, score) in enumerate(best, 1):
        path, relative = names.paths[image], names.names[image]
        known = parse_frame_name(relative)
        drive = names.drives[image] or known.drive
        hit = Hit(path, score, rank, path.parent, relative, drive=drive, camera=known.camera)
        rows.append(Row(hit))
        marks[path] = "right" if image in right else "wrong"
    count = sum(mark == "right" for mark in marks.values())
    return QueryHits(tuple(rows), marks, count, len(right))


class Evaluation(QObject):
    """Runs one evaluation at a time and keeps its report.

    Attributes:
        plan: what was asked last, None before the first.
        report: the core's Report, None until one is there.
        stage: what is being done now, in the core's words.
        counts: done and total of that.
        form: what was filled in when the form was left, None where nothing waits for its use.

    Signals:
        advanced: stage or counts have changed.
        done: :attr:`report` is there.
        failed: there is none (Exception).
        stopped: the user stopped it.
        written: the report's files lie in a folder (Path).
        write_failed: they cannot be written (Exception).
        marks_counted: what the user has marked (Marked).
        labels_made: pairs were made from labels (MadePairs).
        searchad_found: the open folder that SearchAD lies in (Path, or None).
    """

    advanced = Signal()
    done = Signal()
    failed = Signal(object)
    stopped = Signal()
    written = Signal(object)
    write_failed = Signal(object)
    marks_counted = Signal(object)
    labels_made = Signal(object)
    searchad_found = Signal(object)

    def __init__(self, library: Library, parent: QObject | None = None) -> None:
        """Evaluate nothing yet; marked frames that were moved are found through the library."""
        super().__init__(parent)
        self._library = library
        self._job = OneJob(library.runner, EVALUATE, self)
        self.plan: Plan | None = None
        self.report: Report | None = None
        self._benchmark: Benchmark | None = None
        self.stage = ""
        self.counts = (0, 0)
        self.form: Form | None = None

    @property
    def running(self) -> bool:
        """Whether something goes on."""
        return self._job.running

    def start(self, plan: Plan) -> None:
        """Evaluate; the report of an earlier evaluation is dropped."""
        self.forget()
        self.plan = plan
        if plan.searchad is not None:
            self._run(
                lambda job: measure_on_searchad(plan, job), self._benchmarked, self.failed.emit
            )
            return
        files_of_size = self._library.files_of_size()
        self._run(lambda job: evaluate(plan, job, files_of_size), self._evaluated, self.failed.emit)

    def make_from_labels(self, kind: str, source: Path) -> None:
        """Make pairs from labels."""
        self._run(
            lambda job: pairs_from_labels(kind, source, scenes=True, progress=job.progress),
            self._labels_made,
            self.failed.emit,
        )

    def write(self, folder: Path) -> None:
        """Write the report's files into a folder."""
        report, benchmark = self.report, self._benchmark
        if report is None:
            return

        def work(job: Job) -> Path:
            from c4t_core.evaluation.report import write_report

            job.report("drawing the report")
            if benchmark is None:
                write_report(report, folder, progress=job.progress)
            else:
                from c4t_core.evaluation.searchad.benchmark import write_benchmark

                write_benchmark(benchmark, folder, progress=job.progress)
            return folder

        self._run(work, self.written.emit, self.write_failed.emit)

    def keep_form(self, form: Form | None) -> None:
        """Keep what is filled in while the form is away; None once it was used."""
        self.form = form

    def forget(self) -> None:
        """Drop the report."""
        self.report = self._benchmark = None

    def cancel(self) -> None:
        """Stop what goes on."""
        self._job.cancel()

    @Slot()
    def look_for_searchad(self) -> None:
        """Ask whether SearchAD lies in one of the open folders."""
        folders = self._library.folders
        self._library.runner.submit(
            lambda _: searchad_among(folders),
            lane=LOOK,
            key="searchad",
            done=self.searchad_found.emit,
            failed=ignore,
            owner=self,
        )

    @Slot()
    def count_marks(self) -> None:
        """Ask what the user has marked."""
        self._with_marks(None)

    @Slot(str)
    def keep_marks(self, name: str) -> None:
        """Keep all marks as a test set, then count again."""
        self._with_marks(lambda data: data.save_test_set(name, data.marks()))

    @Slot(str)
    def drop_test_set(self, name: str) -> None:
        """Remove a test set, then count again; the marks stay."""
        self._with_marks(lambda data: data.delete_test_set(name))

    def _with_marks(self, change: Callable[[UserData], None] | None) -> None:
        def work(_: Job) -> Marked:
            if change is not None:
                with _user_data() as data:
                    change(data)
            return marked()

        self._library.runner.submit(
            work,
            lane=LOOK,
            key=None if change else "evaluation-marks",  # a count must not cancel a change
            done=self.marks_counted.emit,
            failed=self.failed.emit if change else ignore,
            owner=self,
        )

    def _run(
        self,
        work: Callable[[Job], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> None:
        if self._job.running:
            return
        self.stage, self.counts = "", (0, 0)
        self._job.start(
            work,
            done=done,
            failed=failed,
            stopped=self.stopped.emit,
            progress=self._progressed,
        )
        self.advanced.emit()

    def _progressed(self, value: tuple[int, int] | str) -> None:
        if isinstance(value, str):
            self.stage, self.counts = value, (0, 0)
        else:
            self.counts = value
        self.advanced.emit()

    def _labels_made(self, made: MadePairs) -> None:
        texts = (str(made.path), str(made.images), str(made.scenes))
        left = self.form or Form()  # who went back to the hits finds them there
        self.form = replace(left, source="file", texts=texts, header=(), columns={})
        self.labels_made.emit(made)

    def _evaluated(self, report: Report) -> None:
        self.report = report
        self.done.emit()

    def _benchmarked(self, benchmark: Benchmark) -> None:
        self._benchmark, self.report = benchmark, benchmark.report
        self.done.emit()
