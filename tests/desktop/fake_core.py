"""A workspace without model and disk, as quick as the tests need it: scores come from names."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

from c4t_core.errors import Cancelled, FolderError
from c4t_core.index.search import Hit, Query, Term, parse_query
from c4t_core.models.info import ModelInfo
from c4t_core.workspace import (
    FolderStatus,
    Frame,
    IndexReport,
    Ranking,
    Skipped,
    Space,
    WorkspaceStatus,
)

_SUFFIXES = (".png", ".jpg")


def make_frames(folder: Path, count: int = 12, *, size=(96, 60)) -> list[Path]:
    """Write small pictures with names like those of a drive."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(count):
        path = folder / f"20260118091500_camera_frontcenter_{number:09d}.png"
        colour = (40 + 15 * number % 200, 90, 200 - 12 * number % 180)
        Image.new("RGB", size, colour).save(path)
        made.append(path)
    return made


_LIKE = Query((Term(text="similar"),))


class FakeWorkspace:
    """Answers like the core's: the score of a frame falls with its number."""

    def __init__(self, folders, model, *, step=0.0, fail=None, cut=0.35, skipped=(), seconds=0.5):
        self.roots = tuple(Path(folder) for folder in folders)
        for root in self.roots:
            if not root.is_dir():
                raise FolderError(f'The folder "{root}" is not there; choose another one.', root)
        self.model_name = model
        self.notices: list[str] = []
        self.step, self.fail, self.cut, self.seconds = step, fail, cut, seconds
        self.closed = self.cleaned = False
        self.relocated = self.forgotten = None
        self.rules = None
        self.queries: list[Query] = []
        self.indexed = threading.Event()
        self._skipped = list(skipped)
        self._files = sorted(
            path
            for root in self.roots
            for path in root.rglob("*")
            if path.suffix in (".png", ".jpg")
        )
        self.embedded = 0

    def index(self, progress=lambda done, total: None, *, on_commit=None):
        total = len(self._files)
        progress(0, total)
        for done in range(1, total + 1):
            if self.step:
                time.sleep(self.step)
            if self.fail is not None and done == 3:
                raise self.fail
            self.embedded = max(self.embedded, done)
            if on_commit is not None and done % 5 == 0:
                on_commit()
            progress(done, total)
        self.indexed.set()
        return IndexReport(total, total, 0, 0, 0, list(self._skipped))

    def _frame(self, number: int) -> Frame:
        path = self._files[number]
        root = next(root for root in self.roots if path.is_relative_to(root))
        return Frame(
            path, root, path.relative_to(root).as_posix(), path.parent.name, "front", number,
            1_768_727_700.0 + number * self.seconds, number, 1, 0.0,
        )  # fmt: skip

    def _score(self, number: int, query: Query) -> float:
        text = " ".join(term.text or "" for term in query.terms)
        shift = 0.3 if "bottom" in text else 0.0
        return float(0.5 - 0.01 * number - shift)

    def _query(self, query) -> Query:
        return parse_query(query) if isinstance(query, str) else query

    def ranking(self, query, *, filters=None, k=None):
        query = self._query(query)
        if query != _LIKE:
            self.queries.append(query)
        numbers = [
            number
            for number in range(self.embedded)
            if filters is None or self._passes(self._frame(number), filters)
        ]
        scores = np.array([self._score(number, query) for number in numbers], dtype=np.float32)
        best = np.argsort(-scores, kind="stable")
        return Ranking(np.array(numbers, dtype=np.int64)[best], scores[best])

    @staticmethod
    def _passes(frame, filters) -> bool:
        inside = any(frame.path.is_relative_to(Path(folder)) for folder in filters.within)
        return (
            (not filters.within or inside)
            and (not filters.drives or frame.drive in filters.drives)
            and (not filters.cameras or frame.camera in filters.cameras)
            and (filters.since is None or filters.since <= frame.time < filters.until)
            and (filters.only is None or frame.image_id in filters.only)
        )

    def threshold(self, query, *, filters=None):
        return self.cut

    def hits(self, image_ids, scores, first=1):
        made = []
        for place, (number, score) in enumerate(zip(image_ids, scores, strict=True)):
            f = self._frame(int(number))
            made.append(
                Hit(f.path, float(score), first + place, f.root, f.relative, f.drive, f.camera,
                    f.frame, f.time, f.image_id)
            )  # fmt: skip
        return made

    def similar(self, image, k=50):
        ranking = self.ranking(_LIKE)
        return self.hits(ranking.image_ids[:k], ranking.scores[:k])

    def frame(self, image):
        path = Path(image)
        return self._frame(self._files.index(path)) if path in self._files else None

    def neighbours(self, image, before=3, after=3):
        place = self._files.index(Path(image))
        last = min(len(self._files), place + after + 1)
        return [self._frame(number) for number in range(max(0, place - before), last)]

    def files_of_size(self, size):
        return [path for path in self._files if path.is_file() and path.stat().st_size == size]

    def status(self):
        folders = tuple(
            FolderStatus(
                root,
                sum(path.is_relative_to(root) for path in self._files),
                self.embedded,
                len(self._skipped),
                False,  # offline
                None,  # scanned
                None,  # busy
                "exact",
            )
            for root in self.roots
        )
        return WorkspaceStatus(len(self._files), self.embedded, 0, len(self._skipped), folders)

    def skipped(self):
        return list(self._skipped)

    def retry_skipped(self):
        count, self._skipped = len(self._skipped), []
        return count

    def drives(self):
        names = [path.parent.name for path in self._files]
        return [(name, names.count(name)) for name in sorted(set(names))]

    def cameras(self):
        return [("front", len(self._files))]

    def days(self):
        times = [self._frame(number).time for number in range(len(self._files))]
        days = [time.strftime("%Y-%m-%d", time.gmtime(moment)) for moment in times]
        return [(day, days.count(day)) for day in sorted(set(days))]

    def space(self):
        return Space(2_000_000, 300_000 if not self.cleaned else 0, 0)

    def clean(self, keep_models=None):
        self.cleaned = True
        return 300_000

    def relocate(self, old, new):
        self.relocated = (Path(old), Path(new))

    def forget(self, folder):
        self.forgotten = Path(folder)

    def close(self):
        self.closed = True


def fake_models(*extra: ModelInfo):
    """Return the shipped model, CLIP that is not there yet, and others."""
    return (
        ModelInfo("c4t", "c4t", Path("lite"), True, "", 55_000_000, "a" * 8, "ships", 512),
        *extra,
        ModelInfo(
            "clip", "clip", None, False, "Download it with: c4t models add clip", 605_000_000
        ),
    )


__all__ = ["Cancelled", "FakeWorkspace", "Skipped", "fake_models", "make_frames"]
