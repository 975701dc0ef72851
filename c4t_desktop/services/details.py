"""What is known about one frame: file facts, neighbours in time, frames like it, its tags."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from c4t_core.addresses import is_remote
from c4t_core.records import dataclass
from c4t_desktop.jobs.runner import Job, ignore
from c4t_desktop.messages import moment_text, quoted
from c4t_desktop.services.finder import Finder
from c4t_desktop.services.library import DETAILS, Library
from c4t_desktop.services.marks import MarkBook
from c4t_desktop.services.undo import STEP, Edit, LongEdit

if TYPE_CHECKING:
    from c4t_core.index.objects import ObjectFact
    from c4t_core.index.store.image_key import ImageKey
    from c4t_core.index.store.tags import Renamed, TagChange
    from c4t_core.index.store.user_data import UserData
    from c4t_desktop.services.workspace import WorkspaceLike

KEPT = 5  # files known
_MOST = 300_000  # pairs read of one file


@dataclass
class _Read:
    """What a pairs file held when it was read."""

    stamp: tuple[float, int] = (0.0, -1)
    captions: dict[str, list[str]] = field(default_factory=dict)


class CaptionBook(QObject):
    """Knows which pairs files there are, and what they say of a frame.

    Attributes:
        files: pairs file and folder of its images, the latest first.

    Signals:
        changed: other files (list of two texts each).
    """

    changed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        """Know none."""
        super().__init__(parent)
        self.files: tuple[tuple[Path, Path], ...] = ()
        self._read: dict[tuple[Path, Path], _Read] = {}

    def restore(self, files: object) -> None:
        """Take the files that were known the last time; what is no such list is dropped."""
        entries = files if isinstance(files, list) else []
        good = [entry for entry in entries if isinstance(entry, list) and len(entry) == 2]
        self.files = tuple((Path(str(a)), Path(str(b))) for a, b in good)[:KEPT]

    def add(self, file: Path, images: Path | None = None) -> None:
        """Note a pairs file that was read well."""
        entry = (file.absolute(), (images or file.parent).absolute())
        if self.files[:1] != (entry,):
            rest = [other for other in self.files if other != entry]
            self.files = tuple([entry, *rest][:KEPT])
            self.changed.emit([[str(a), str(b)] for a, b in self.files])

    def of(self, image: Path) -> tuple[str, ...]:
        """Return the captions of a frame; reads files, so worker threads of one lane call it."""
        found: list[str] = []
        for entry in self.files:
            if image.is_relative_to(entry[1]):
                relative = image.relative_to(entry[1]).as_posix()
                found += self._captions(entry).get(relative, [])
        return tuple(dict.fromkeys(found))

    def _captions(self, entry: tuple[Path, Path]) -> dict[str, list[str]]:
        from c4t_core.datasets.pairs import read_pairs
        from c4t_core.errors import DataError

        try:
            info = entry[0].stat()
        except OSError:
            return {}
        stamp = (info.st_mtime, info.st_size)
        read = self._read.get(entry)
        if read is None or read.stamp != stamp:
            read = _Read(stamp)
            try:
                for pair in read_pairs(*entry, limit=_MOST).pairs:
                    read.captions.setdefault(pair.relative, []).append(pair.caption)
            except DataError:
                read.captions = {}  # it was mended or broken since; the wizard says what is wrong
            self._read = {**{k: v for k, v in self._read.items() if k in self.files}, entry: read}
        return read.captions


_AROUND = 3  # neighbours before and after
_ALIKE = 7  # similar frames


@dataclass(frozen=True)
class Facts:
    """What the details show about one file.

    Attributes:
        path: the file.
        size: bytes; -1 if the file is not there.
        changed: when it was changed, as text in local time.
        pixels: width and height, (0, 0) if unknown.
        format: "JPEG", "PNG", or "".
        neighbours: frames around it of the same drive and camera, itself included.
        similar: frames like it, itself left out.
        drive: recording, or "".
        camera: camera, or "".
        frame: number of the frame, or "".
        when: the moment it shows, as text, UTC, or "".
        captions: what the pairs files that are known say of it.
        objects: what the model believes is there, the most probable first; None if not known.
    """

    path: Path
    size: int = -1
    changed: str = ""
    pixels: tuple[int, int] = (0, 0)
    format: str = ""
    neighbours: tuple[Path, ...] = ()
    similar: tuple[Path, ...] = ()
    drive: str = ""
    camera: str = ""
    frame: str = ""
    when: str = ""
    captions: tuple[str, ...] = ()
    objects: tuple[ObjectFact, ...] | None = None


def changed_text(seconds: float) -> str:
    """Write when a file changed, local time; "" for what no calendar of this system holds."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
    except (OSError, OverflowError, ValueError):  # a broken clock; negative ones on Windows
        return ""


def _of_file(path: Path) -> Facts:
    from c4t_core.errors import ImageError
    from c4t_core.images import fetched
    from c4t_core.images.decode import read_header

    if is_remote(path):
        size, changed = fetched.state(path)
        facts = Facts(path, size, changed_text(changed / 1e9) if changed else "")
        if not fetched.is_kept(path):  # a slow storage would hold all that is looked up
            return replace(facts, format=path.suffix[1:].upper())
    else:
        try:
            info = path.stat()
        except OSError:
            return Facts(path)
        facts = Facts(path, info.st_size, changed_text(info.st_mtime))
    try:
        header = read_header(path)
        return replace(facts, pixels=header[:2], format=header.format)
    except ImageError:
        return replace(facts, format=path.suffix[1:].upper())


def _with_recording(facts: Facts, workspace: WorkspaceLike) -> Facts:
    frame = workspace.frame(facts.path)
    if frame is None:
        return facts
    around = workspace.neighbours(facts.path, before=_AROUND, after=_AROUND)
    return replace(
        facts,
        drive=frame.drive or "",
        camera=frame.camera or "",
        frame="" if frame.frame is None else f"{frame.frame}",
        when=moment_text(frame.time),
        neighbours=tuple(other.path for other in around),
        objects=None if frame.seen is None else frame.objects,
    )


class Details(QObject):
    """Looks up what the details panel shows.

    Attributes:
        captions: the pairs files that are known.

    Signals:
        known: facts about a file; sent twice, first without similar frames (Facts).
    """

    known = Signal(object)

    def __init__(self, library: Library, parent: QObject | None = None) -> None:
        """Look up in the workspace that is open."""
        super().__init__(parent)
        self._library = library
        self.captions = CaptionBook(self)

    def look_up(self, path: Path) -> None:
        """Look up one file; what is still being looked up for another one is dropped."""
        workspace, captions = self._library.workspace, self.captions

        def work(job: Job) -> Facts:
            facts = _of_file(path)
            if workspace is not None:
                facts = _with_recording(facts, workspace)
            facts = replace(facts, captions=captions.of(path))
            job.report(facts)
            job.check()
            if workspace is None:
                return facts
            alike = [hit.path for hit in workspace.similar(path, _ALIKE + 1) if hit.path != path]
            return replace(facts, similar=tuple(alike[:_ALIKE]))

        self._library.runner.submit(
            work,
            lane=DETAILS,
            key="details",
            progress=self.known.emit,
            done=self.known.emit,
            failed=ignore,  # what cannot be looked up is left out
        )


Frames = Callable[[], Sequence[int | Path]]
"""Tells, on a worker thread, which frames are meant, by their ids or files."""


@dataclass(frozen=True)
class TagsOf:
    """The tags of some frames.

    Attributes:
        frames: how many frames are meant.
        counts: how many of them have each tag, by name.
    """

    frames: int = 0
    counts: tuple[tuple[str, int], ...] = ()


class TagBook(QObject):
    """The tags of the open folders; what is changed can be taken back.

    Attributes:
        known: the tags and how many frames have each, by name.
        tagged: the tags, by name, of each frame that has any, by its id.

    Signals:
        changed: other tags, or on other frames (the known ones).
    """

    changed = Signal(object)

    def __init__(
        self, library: Library, finder: Finder, marks: MarkBook, parent: QObject | None = None
    ) -> None:
        """Know none until folders are open."""
        super().__init__(parent)
        self._library, self._finder, self._marks = library, finder, marks
        self.known: tuple[tuple[str, int], ...] = ()
        self.tagged: dict[int, tuple[str, ...]] = {}
        library.opened.connect(self.read)
        library.closed.connect(self._closed)
        library.index_ended.connect(self.read)
        marks.imported.connect(self.read)

    @Slot()
    def read(self) -> None:
        """Read the tags again, and who has them."""
        self._library.look(
            lambda workspace: (tuple(workspace.own.tags()), workspace.own.tagged()),
            key="tags",
            done=self._read,
            lane=DETAILS,
        )

    @Slot()
    def _closed(self) -> None:
        self._read(((), {}))

    def _read(self, read: tuple[tuple[tuple[str, int], ...], dict[int, tuple[str, ...]]]) -> None:
        known, self.tagged = read
        gone = {tag for tag, _ in self.known} - {tag for tag, _ in known}
        self.known = known
        filters = self._finder.question.filters
        if gone.intersection(filters.tags):  # nothing has it any more: no filter either
            left = tuple(tag for tag in filters.tags if tag not in gone)
            self._finder.set_filters(replace(filters, tags=left))
        elif filters.tags:
            self._finder.refresh()
        self.changed.emit(known)

    def look(self, frames: Frames, done: Callable[[TagsOf], None], key: str) -> None:
        """Tell which tags some frames have.

        Args:
            frames: which ones.
            done: is told.
            key: of the question; a later one with the same key takes its place.
        """

        def read(workspace: WorkspaceLike) -> TagsOf:
            meant, tagged = frames(), workspace.own.tagged()
            ids = [image for image in meant if isinstance(image, int)]
            ids += workspace.own.ids(image for image in meant if isinstance(image, Path))
            counts = Counter(tag for number in ids for tag in tagged.get(number, ()))
            return TagsOf(
                len(ids), tuple(sorted(counts.items(), key=lambda one: one[0].casefold()))
            )

        self._library.look(read, key=key, done=done, lane=DETAILS)

    def change(self, frames: Frames, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """Give tags to frames and take others away; that of many can be stopped."""
        workspace = self._library.workspace
        if workspace is None or not (add or remove):
            return
        named = ", ".join(map(quoted, (*add, *remove)))
        text = (self.tr("tag {0}") if add else self.tr("take away {0}")).format(named)
        notice = "" if add else self.tr("{0} was taken away.").format(named)
        edit = LongEdit(lambda _: _parts(workspace, frames(), add, remove))
        self._marks.edit(text, edit, lambda _: None, lambda _: self.read(), notice=notice)

    def rename(self, tag: str, new: str) -> None:
        """Give a tag another name wherever it is; a filter by it goes on under that name."""
        made: list[Renamed] = []
        forth = [True]

        def act(data: UserData) -> None:
            from c4t_core.index.store import tags

            forth[0] = True
            if made:
                tags.apply(data, made[0].change)
            else:
                made.append(tags.rename(data, tag, new))

        def back(data: UserData) -> None:
            from c4t_core.index.store import tags

            forth[0] = False
            for done in made:
                tags.apply(data, done.change.reverse())

        def shown(now: bool) -> None:
            named = made[0].tag
            old, to = (tag, named) if now else (named, tag)
            filters = self._finder.question.filters
            if old in filters.tags and (now or not made[0].joined):
                kept = (to if name == old else name for name in filters.tags)
                self._finder.set_filters(replace(filters, tags=tuple(dict.fromkeys(kept))))
            self._marks.load()
            self.read()

        known = {name.casefold() for name, _ in self.known} - {tag.casefold()}
        joined = self.tr("“{0}” and “{1}” are one tag now.").format(tag, new)
        self._marks.edit(
            self.tr("rename “{0}”").format(tag),
            Edit(act, back),
            lambda _: forth[0],
            shown,
            notice=joined if " ".join(new.split()).casefold() in known else "",
        )


def _parts(
    workspace: WorkspaceLike, meant: Sequence[int | Path], add: Sequence[str], remove: Sequence[str]
) -> list[tuple[int, Edit]]:
    """Return the parts of a change of tags; only frames that have one lose one."""
    own, frames = workspace.own, list(meant)
    if not add:
        tagged, names = own.tagged(), {tag.casefold() for tag in remove}
        ids = [image for image in frames if isinstance(image, int)]
        ids += own.ids(image for image in frames if isinstance(image, Path))
        frames = [n for n in ids if names.intersection(map(str.casefold, tagged.get(n, ())))]
    blocks = (frames[at : at + STEP] for at in range(0, len(frames), STEP))
    return [(len(some), _edit(partial(own.keys, some), add, remove)) for some in blocks]


def _edit(keys: Callable[[], list[ImageKey]], add: Sequence[str], remove: Sequence[str]) -> Edit:
    made: list[TagChange] = []
    asked = [keys]  # until it is made: it holds a workspace, with its model's networks

    def act(data: UserData) -> None:
        from c4t_core.index.store import tags

        if made:
            tags.apply(data, made[0])
        else:
            made.append(tags.change(data, asked[0](), add, remove))
            asked.clear()

    def back(data: UserData) -> None:
        from c4t_core.index.store import tags

        for change in made:
            tags.apply(data, change.reverse())

    return Edit(act, back)
