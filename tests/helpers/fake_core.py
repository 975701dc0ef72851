"""A workspace without model and disk, as quick as the tests need it: scores come from names."""

from __future__ import annotations

import dataclasses
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from c4t_core.errors import FolderError, NotIndexedError
from c4t_core.images.frame_names import natural_key
from c4t_core.images.scan import ExcludeRules
from c4t_core.index.embed import OnPicture
from c4t_core.index.events import Folded, fold_events, fold_frames
from c4t_core.index.exports import Hits
from c4t_core.index.indexer import IndexReport
from c4t_core.index.objects import VALUES, ObjectCondition, ObjectFact, Seen
from c4t_core.index.query import NO_FILTERS, Hit, Noted, Query, Term, parse_query
from c4t_core.index.scope import FrameFacts, Scope
from c4t_core.index.store import tags
from c4t_core.index.store.user_data import ImageKey, UserData
from c4t_core.models.protocol import ModelInfo
from c4t_core.progress import Progress, ignore
from c4t_core.workspace import (
    Answer,
    Event,
    Filters,
    FolderStatus,
    Frame,
    QueryLike,
    Skipped,
    Space,
    WorkspaceStatus,
)

if TYPE_CHECKING:
    from c4t_desktop.services.workspace import WorkspaceLike

    def _has_what_the_window_uses(workspace: FakeWorkspace) -> WorkspaceLike:
        return workspace


def make_frames(folder: Path, count: int = 12, *, size: tuple[int, int] = (96, 60)) -> list[Path]:
    """Write small pictures with names like those of a drive."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(count):
        path = folder / f"20260118091500_camera_frontcenter_{number:09d}.png"
        colour = (40 + 15 * number % 200, 90, 200 - 12 * number % 180)
        Image.new("RGB", size, colour).save(path)
        made.append(path)
    return made


def _changed(path: Path) -> float:
    return path.stat().st_mtime if path.is_file() else 0.0


def _packed(facts: Sequence[ObjectFact] | None) -> Seen | None:
    if facts is None:
        return None
    numbers = [number for fact in facts for number in dataclasses.astuple(fact)[1:]]
    return Seen(tuple(fact.label for fact in facts), struct.pack(f"<{len(numbers)}e", *numbers))


_LIKE = Query((Term(text="similar"),))


class _FakeScope(Scope):
    """Loads hits from the double."""

    _load: Callable[[Sequence[int], Sequence[float], int], Hits]
    _files: list[Path]
    _workspace: FakeWorkspace
    _known: tuple[int, int]

    def __init__(self, workspace: FakeWorkspace, known: tuple[int, int]) -> None:
        super().__init__(())
        object.__setattr__(self, "_known", known)
        object.__setattr__(self, "_load", workspace.hits)
        object.__setattr__(self, "_files", workspace.files)
        object.__setattr__(self, "_workspace", workspace)

    @property
    def known(self) -> tuple[int, int]:
        return self._known

    def hits(self, image_ids: Sequence[int], scores: Sequence[float], first: int = 1) -> Hits:
        return self._load(image_ids, scores, first)

    def facts(self, image_ids: NDArray[np.int64]) -> FrameFacts:
        numbers = image_ids.tolist()
        frames = [self._workspace.frame_at(number) for number in numbers]
        drives = sorted({frame.drive or "" for frame in frames}, key=natural_key)
        return FrameFacts(
            drives=np.array([drives.index(frame.drive or "") for frame in frames], dtype=np.int64),
            cameras=np.zeros(len(frames), dtype=np.int64),
            times=np.array([frame.time for frame in frames], dtype=np.float64),
            moments=np.full(len(frames), np.nan),
            frames=np.array([frame.frame for frame in frames], dtype=np.int64),
            places=image_ids,
        )

    def newer(self, image_ids: NDArray[np.int64], since: float) -> int:
        return sum(
            hit.first_seen > since
            for hit in self._load(image_ids.tolist(), [0.0] * len(image_ids), 1)
        )

    def find(self, paths: Iterable[Path]) -> dict[Path, int]:
        return {path: self._files.index(path) for path in paths if path in self._files}


class FakeOwn:
    """Tags as the user's file has them, of the frames of a double."""

    def __init__(self, workspace: FakeWorkspace) -> None:
        self._workspace = workspace

    def tagged(self) -> dict[int, tuple[str, ...]]:
        found: dict[int, list[str]] = {}
        files = {path: number for number, path in enumerate(self._workspace.files)}
        with closing(UserData()) as data:
            for one in tags.tagged(data):
                if one.image.path in files:
                    found.setdefault(files[one.image.path], []).append(one.tag)
        return {number: tuple(sorted(names)) for number, names in found.items()}

    def tags(self) -> list[tuple[str, int]]:
        return sorted(Counter(tag for names in self.tagged().values() for tag in names).items())

    def ids(self, images: Iterable[int | str | Path]) -> list[int]:
        files = self._workspace.files
        return [i if isinstance(i, int) else files.index(Path(i)) for i in images]

    def keys(self, images: Iterable[int | str | Path]) -> list[ImageKey]:
        frames = [self._workspace.frame_at(number) for number in self.ids(images)]
        return [ImageKey.of(frame.root, frame.relative) for frame in frames]


class FakeWorkspace:
    """Answers like the core's: the score of a frame falls with its number."""

    model_fingerprint = "fake"
    tables = ()

    def __init__(
        self,
        folders: Sequence[str | Path],
        model: str,
        *,
        step: float = 0.0,
        fail: Exception | None = None,
        cut: float = 0.35,
        skipped: Sequence[Skipped] = (),
        omitted: Mapping[str, Any] = MappingProxyType({}),
        seconds: float = 0.5,
        embedded: int = 0,
        seen: Callable[[int], Sequence[ObjectFact] | None] = lambda _: None,
    ) -> None:
        self.roots = tuple(Path(folder) for folder in folders)
        for root in self.roots:
            if not root.is_dir():
                raise FolderError(f'The folder "{root}" is not there; choose another one.', root)
        self.model_name = model
        self.notices: list[str] = []
        self.own = FakeOwn(self)
        self.step, self.fail, self.cut, self.seconds = step, fail, cut, seconds
        self.seen = seen  # what is believed to be in a frame, by its number
        self.closed = self.cleaned = False
        self.rested = 0
        self.relocated: tuple[Path, Path] | None = None
        self.queries: list[Query] = []
        self.asked_objects: tuple[ObjectCondition, ...] = ()  # with the last of them
        self.indexed = threading.Event()
        self._skipped = list(skipped)
        self._omitted = dict(omitted)
        self.files = sorted(
            path
            for root in self.roots
            for path in root.rglob("*")
            if path.suffix in (".png", ".jpg")
        )
        self.embedded, self.runs = embedded, 0
        self.on_picture: OnPicture | None = None  # what the last run was given

    def index(
        self,
        progress: Progress = ignore,
        *,
        on_commit: Callable[[], None] | None = None,
        reindex: bool = False,
        on_picture: OnPicture | None = None,
        newer: bool = True,
    ) -> IndexReport:
        self.on_picture = on_picture
        self.reindexed = reindex
        self.runs += 1
        before = 0 if reindex else self.embedded
        total = len(self.files) - before
        progress(0, total)
        for done in range(1, total + 1):
            if self.step:
                time.sleep(self.step)
            if self.fail is not None and done == 3:
                raise self.fail
            self.embedded = max(self.embedded, before + done)
            if on_commit is not None and done % 5 == 0:
                on_commit()
            progress(done, total)
        self.indexed.set()
        skipped = list(self._skipped)
        return IndexReport(len(self.files), total, before, 0, 0, skipped, **self._omitted)

    def frame_at(self, number: int) -> Frame:
        path = self.files[number]
        root = next(root for root in self.roots if path.is_relative_to(root))
        return Frame(
            path, root, path.relative_to(root).as_posix(), path.parent.name, "front", number,
            1_768_727_700.0 + number * self.seconds, number, 1, 0.0,
            seen=_packed(self.seen(number)),
        )  # fmt: skip

    def score(self, number: int, query: Query) -> float:
        text = " ".join(term.text or "" for term in query.terms)
        shift = 0.3 if "bottom" in text else 0.0
        return float(0.5 - 0.01 * number - shift)

    def _query(self, query: QueryLike) -> Query:
        if isinstance(query, str):
            return parse_query(query)
        return query if isinstance(query, Query) else _LIKE

    def answer(
        self,
        query: QueryLike,
        *,
        filters: Filters | None = None,
        k: int | None = None,
        right: Sequence[Path] = (),
        wrong: Sequence[Path] = (),
    ) -> Answer:
        query = self._query(query)
        if query != _LIKE:
            self.queries.append(query)
            self.asked_objects = (filters or NO_FILTERS).asking(query.objects).objects
        filters = (filters or NO_FILTERS).asking(query.objects)
        tagged = self.own.tagged() if filters.tags else {}
        numbers = [
            n
            for n in range(self.embedded)
            if self._passes(self.frame_at(n), filters) and {*filters.tags} <= {*tagged.get(n, ())}
        ]
        known = [n for n in numbers if self.seen(n) is not None]
        sure = {n: self._confidence(n, filters.objects) for n in known}
        about = (len(known), len(numbers)) if filters.objects else (0, 0)
        if filters.objects:
            if numbers and not known:
                raise NotIndexedError("Nothing is known of these objects.")
            numbers = [n for n in known if sure[n][0]]
        scores = np.array(
            [self.score(n, query) if query.terms else sure[n][1] for n in numbers],
            dtype=np.float32,
        )
        best = np.argsort(-scores, kind="stable")[:k]
        ids = np.array(numbers, dtype=np.int64)[best]
        direction = np.zeros(1, dtype=np.float32)
        answer = Answer(_FakeScope(self, about), direction, ids, scores[best], fold=self._fold)
        vars(answer)["cut"] = self.cut  # what a cached property has computed
        return answer

    def browse(self, *, filters: Filters | None = None) -> Answer:
        kept = self.answer(_LIKE, filters=filters)
        if not self.embedded:
            raise NotIndexedError("Nothing is indexed yet.")
        ids = np.sort(kept.image_ids)
        ids = ids[kept.scope.facts(ids).order("drive")]
        nothing = np.zeros(len(ids), dtype=np.float32)
        return Answer(kept.scope, nothing[:0], ids, nothing, fold=self._fold, browsed=True)

    def events(self, hits: Sequence[Hit]) -> list[Event]:
        alike = np.ones(1, dtype=np.float32)
        return fold_events(hits, {hit.image_id: alike for hit in hits}, 0.5, lambda _: 1.0)

    def _fold(self, scope: Scope, image_ids: NDArray[np.int64]) -> Folded:
        def alike(some: NDArray[np.int64], _: NDArray[np.int64]) -> NDArray[np.float32]:
            return np.ones(len(some), dtype=np.float32)

        return fold_frames(scope.facts(image_ids), alike, 0.5, lambda _: 1.0)

    def noted(self, image_ids: Sequence[int] | NDArray[np.int64], query: str = "") -> Noted:
        ids = [int(number) for number in image_ids]
        folded = self._fold(_FakeScope(self, (0, 0)), np.array(ids, dtype=np.int64))
        events = {ids[at]: n + 1 for n in range(len(folded)) for at in folded.of(n).tolist()}
        return Noted(tags=self.own.tagged(), events=events)

    @staticmethod
    def _passes(frame: Frame, filters: Filters) -> bool:
        moment = frame.time or 0.0
        inside = any(frame.path.is_relative_to(Path(folder)) for folder in filters.within)
        return (
            (not filters.within or inside)
            and (not filters.drives or frame.drive in filters.drives)
            and (not filters.cameras or frame.camera in filters.cameras)
            and (filters.since is None or filters.since <= moment)
            and (filters.until is None or moment < filters.until)
            and (filters.only is None or frame.image_id in filters.only)
        )

    def hits(self, image_ids: Sequence[int], scores: Sequence[float], first: int = 1) -> Hits:
        made = Hits()
        for place, (number, score) in enumerate(zip(image_ids, scores, strict=True)):
            f = self.frame_at(number)
            made.append(
                Hit(f.path, score, first + place, f.root, f.relative, f.drive, f.camera,
                    f.frame, f.time, f.image_id, first_seen=_changed(f.path))
            )  # fmt: skip
        return made

    def similar(self, image: str | Path, k: int | None = 50) -> list[Hit]:
        return self.answer(_LIKE, k=k).hits()

    def _confidence(self, number: int, objects: Sequence[ObjectCondition]) -> tuple[bool, float]:
        """Return whether conditions hold for a frame, and how sure that is."""
        rows = {fact.label: dataclasses.astuple(fact)[1:] for fact in self.seen(number) or ()}
        weighed = [
            condition.weigh(np.array([rows.get(condition.label, (0.0,) * VALUES)]))
            for condition in objects
        ]
        holds = all(bool(holds[0]) for holds, _ in weighed)
        return holds, min((float(sure[0]) for _, sure in weighed), default=0.0)

    def frame(self, image: str | Path) -> Frame | None:
        path = Path(image)
        return self.frame_at(self.files.index(path)) if path in self.files else None

    def neighbours(self, image: str | Path, before: int = 3, after: int = 3) -> list[Frame]:
        place = self.files.index(Path(image))
        last = min(len(self.files), place + after + 1)
        return [self.frame_at(number) for number in range(max(0, place - before), last)]

    def files_of_size(self, size: int) -> list[Path]:
        return [path for path in self.files if path.is_file() and path.stat().st_size == size]

    def status(self) -> WorkspaceStatus:
        folders = tuple(
            FolderStatus(
                root,
                sum(path.is_relative_to(root) for path in self.files),
                self.embedded,
                len(self._skipped),
                0,  # offline
                None,  # busy
                "exact",
            )
            for root in self.roots
        )
        return WorkspaceStatus(len(self.files), self.embedded, 0, len(self._skipped), folders)

    def skipped(self) -> list[Skipped]:
        return list(self._skipped)

    def retry_skipped(self) -> int:
        count, self._skipped = len(self._skipped), []
        return count

    def drives(self) -> list[tuple[str, int]]:
        names = [path.parent.name for path in self.files]
        return [(name, names.count(name)) for name in sorted(set(names), key=natural_key)]

    def groups(self, by: str, folder: str | Path = "") -> list[tuple[str, int]]:
        if by == "folder":
            below = [path.relative_to(folder) for path in self.files if path.is_relative_to(folder)]
            names = [path.parts[0] for path in below if len(path.parts) > 1]
        else:
            frames = [self.frame_at(number) for number in range(len(self.files))]
            days = [time.strftime("%Y-%m-%d", time.gmtime(frame.time)) for frame in frames]
            names = days if by == "day" else [frame.camera or "" for frame in frames]
        return [(name, names.count(name)) for name in sorted(set(names), key=natural_key)]

    def space(self) -> Space:
        if self.cleaned:
            return Space(1_000_000, 0, 0)
        return Space(2_000_000, 300_000, 0, 3, 480, 900_000, 50_000, 12, 700_000)

    def clean(self, keep_models: Sequence[str] | None = None) -> int:
        self.cleaned = True
        return 1_300_000

    def relocate(self, old: str | Path, new: str | Path) -> None:
        self.relocated = (Path(old), Path(new))

    def rest(self) -> None:
        self.rested += 1

    def close(self) -> None:
        self.closed = True


def fake_models(*extra: ModelInfo) -> tuple[ModelInfo, ...]:
    """Return the shipped model, CLIP that is not there yet, and others."""
    return (
        ModelInfo("c4t", "c4t", Path("lite"), True, "", 55_000_000, "a" * 8, "ships", 512),
        *extra,
        ModelInfo(
            "clip", "clip", None, False, "Download it with: c4t models add clip", 605_000_000
        ),
    )


class FakeCore:
    """Stands for the core: what the window opens, and what it was asked.

    Attributes:
        workspace: what is opened, called like :class:`FakeWorkspace` and with ``options``.
        opened: what was opened, the last one last.
        excludes: the folders that each of them was told to leave out; None if not told.
        models: what is known of models.
        fail_open: raised instead of opening.
        forgotten: the folders whose index was dropped.
    """

    def __init__(self) -> None:
        self.workspace: Callable[..., FakeWorkspace] = FakeWorkspace
        self.options: dict[str, Any] = {}
        self.opened: list[FakeWorkspace] = []
        self.excludes: list[tuple[str, ...] | None] = []
        self.models = fake_models()
        self.fail_open: Exception | None = None
        self.forgotten: list[Path] = []

    def open_workspace(
        self,
        folders: Sequence[str | Path],
        model: str,
        *,
        exclude: ExcludeRules | None = None,
        tables: object = None,
    ) -> FakeWorkspace:
        self.excludes.append(exclude.folders if exclude is not None else None)
        if self.fail_open is not None:
            raise self.fail_open
        self.opened.append(self.workspace(folders, model, **self.options))
        return self.opened[-1]

    def forget_folders(self, folders: Sequence[Path]) -> None:
        self.forgotten += folders

    def list_models(self) -> tuple[ModelInfo, ...]:
        return self.models

    def count_indexed(
        self, folders: Sequence[Path], models: Sequence[ModelInfo]
    ) -> dict[str, tuple[int, int]]:
        files = len(self.last.files)
        return {info.name: (files * (info.name == self.last.model_name), files) for info in models}

    @property
    def last(self) -> FakeWorkspace:
        return self.opened[-1]
