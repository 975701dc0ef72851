"""Where training pairs come from: a file, a data set's labels, the user's own marks.

Plain functions that the runner calls off the GUI thread; each returns a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from c4t_core import paths
from c4t_core.progress import Progress, ignore
from c4t_core.records import dataclass
from c4t_desktop.services.library import FilesOfSize

PREVIEW = 50  # rows shown
PROBLEMS = 200  # problems shown
LEAST_MARKED = 30  # frames; of fewer, the drives kept apart hold a handful


@dataclass(frozen=True)
class CheckedPairs:
    """A pairs file as the wizard shows it.

    Attributes:
        path: the file.
        images: root of its image paths.
        rows: the first pairs: image below the root, caption, drive.
        pairs: number of usable pairs.
        pictures: number of different images.
        drives: number of different drives.
        problems: the first problems: line (None for the whole) and what is wrong.
        problem_count: number of problems in all.
        warnings: what is true of the whole file.
        wrong: number of rows that say what an image does not show and can be learned from, as
            another says what shows it.
        header: columns of the file.
        image_column: the column that was taken for the image.
        caption_column: the column that was taken for the caption.
        form: such as ``"CSV, UTF-8"``; what parts the cells where that is no comma.
    """

    path: Path
    images: Path
    rows: tuple[tuple[str, str, str], ...]
    pairs: int
    pictures: int
    drives: int
    problems: tuple[tuple[int | None, str], ...]
    problem_count: int
    warnings: tuple[str, ...]
    wrong: int
    header: tuple[str, ...]
    image_column: str
    caption_column: str
    form: str


def check_pairs(
    path: Path, images: Path | None, columns: Mapping[str, str] | None = None
) -> CheckedPairs:
    """Read a pairs file and tell what is in it.

    Raises:
        DataError: if it cannot be read at all.
    """
    from c4t_core.datasets.pairs import read_pairs

    file = read_pairs(path, images, columns)
    captions = {pair.caption for pair in file.pairs}
    form = [file.kind.upper(), file.encoding.upper()]
    if file.delimiter not in (None, ","):
        form.append("tab" if file.delimiter == "\t" else str(file.delimiter))
    return CheckedPairs(
        path=file.path,
        images=file.root,
        rows=tuple((p.relative, p.caption, p.drive or "") for p in file.pairs[:PREVIEW]),
        pairs=len(file.pairs),
        pictures=file.images,
        drives=file.drives,
        problems=tuple((p.line, p.message) for p in file.problems[:PROBLEMS]),
        problem_count=len(file.problems),
        warnings=tuple(file.warnings),
        wrong=sum(pair.caption in captions for pair in file.wrong),
        header=file.header,
        image_column=file.columns.image,
        caption_column=file.columns.caption,
        form=", ".join(form),
    )


@dataclass(frozen=True)
class MadePairs:
    """A pairs file that was written for the user.

    Attributes:
        path: the file.
        images: root of its image paths.
        problems: what was left out and why.
        scenes: the ground truth beside it, as JSON lines; None where it was not asked for.
    """

    path: Path
    images: Path
    problems: tuple[str, ...] = ()
    scenes: Path | None = None


def pairs_from_labels(
    kind: str,
    source: Path,
    images: Path | None = None,
    *,
    scenes: bool = False,
    progress: Progress = ignore,
) -> MadePairs:
    """Make captions from a data set's labels, in the application's own folder.

    Args:
        kind: of the labels, as of ``c4t caption``.
        source: file or folder of the labels.
        images: root of the images; None for where the labels lie.
        scenes: whether to write the ground truth as well.
        progress: told how many images are done.

    Raises:
        DataError: if no image gets a caption.
        Cancelled: from ``progress``.
    """
    from c4t_core.datasets.make_pairs import PairsRequest, make_pairs

    stem = f"{kind}-{source.stem or 'labels'}"
    beside = _folder() / f"{stem}.scenes.jsonl" if scenes else None
    request = PairsRequest(kind, source, _folder() / f"{stem}.csv", images, scenes=beside)
    made = make_pairs(request, progress)
    return MadePairs(request.output, request.root, tuple(map(str, made.problems)), beside)


DriveOf = Callable[[Path], str | None]
"""Tells which drive an indexed frame belongs to, None for what belongs to none."""


def pairs_from_my_marks(
    files_of_size: FilesOfSize, drive_of: DriveOf = lambda _: None
) -> MadePairs:
    """Write what the user marked while searching; runs on a worker thread.

    Args:
        files_of_size: finds marked frames of a folder that was moved (``Library.files_of_size``).
        drive_of: what the index knows of the drives of frames.

    Raises:
        DataError: if no frame that is there is marked as right for a query in plain words.
    """
    from c4t_core.index.own import pairs_of_marks
    from c4t_core.index.store.user_data import UserData

    target = _folder() / "my-marks.csv"
    with closing(UserData()) as data:
        marks = data.marks()
    made = pairs_of_marks(target, marks, files_of_size, drive_of)
    problems = made.problems()
    if made.images < LEAST_MARKED:
        problems.append(
            f"Only {made.images} frames are marked as right; mark {LEAST_MARKED} or more, in two "
            "drives at least, or nobody can tell whether the model got better"
        )
    return MadePairs(target, made.root, tuple(problems))


def _folder() -> Path:
    folder = paths.data_dir() / "pairs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
