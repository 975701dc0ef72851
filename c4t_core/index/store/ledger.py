"""What an index run writes into the catalogue: rows with their vectors, failures, what is gone."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from c4t_core import paths
from c4t_core.files import short_digest, write_whole
from c4t_core.images.scan import FileState, Scan
from c4t_core.index.objects import LARGEST
from c4t_core.index.store.catalogue import Catalogue, Root, bump, note_drops
from c4t_core.index.store.naming import Drives, Told, below_range, told_by_name
from c4t_core.records import dataclass


@dataclass(frozen=True)
class Stored:
    """One image to be stored with its vector."""

    path: bytes
    state: FileState
    vector: NDArray[np.float32]
    facts: NDArray[np.float32] | None = None  # (c, 6), see c4t_core.models.protocol.Facts
    first_seen: float | None = None  # seconds since 1970, where that was noted elsewhere before
    told: Told | None = None  # by its name, where that was read elsewhere before


@dataclass(frozen=True)
class Failure:
    """One file that could not be embedded; ``state`` is None where it is to be tried again."""

    path: bytes
    state: FileState | None
    reason: str


class Ledger:
    """The writer's view of one root and one model.

    Args:
        catalogue: an open catalogue.
        root: the root that is indexed.
        model_id: number of the model.
        below: only this sub-folder, relative to the root.
    """

    def __init__(self, catalogue: Catalogue, root: Root, model_id: int, below: bytes = b"") -> None:
        """Keep what all reads and writes have in common."""
        self._catalogue = catalogue
        self.root = root
        self.model_id = model_id
        self.below = below
        self._where, self._values = below_range(below)
        name = f"{catalogue.identity[:8]}-{root.id}-{short_digest(below)[:8]}"
        self._memory = paths.cache_dir() / "walks" / name
        self._asked = b""

    def remembers(self, found: Scan, failed: int) -> bool:
        """Tell whether an earlier walk found the same: what is known, and ``failed`` others.

        Reading and comparing all that is known takes as long as the walk. Every change of a root's
        files raises a generation of it, so what was noted of a walk holds while those stay.
        """
        with self._catalogue.reading() as db:
            runs = db.execute(
                "SELECT model_id, generation, drops FROM runs WHERE root_id = ? ORDER BY model_id",
                (self.root.id,),
            ).fetchall()
            count = db.execute(
                f"SELECT COUNT(*) FROM sources WHERE root_id = ?{self._where}",
                (self.root.id, *self._values),
            ).fetchone()[0]
        catalogue = f"{self._catalogue.identity} {self._catalogue.VERSION}"
        self._asked = f"{catalogue} {runs} {found.digest}".encode()
        with contextlib.suppress(OSError):
            return count + failed == found.count and self._memory.read_bytes() == self._asked
        return False

    def remember(self) -> None:
        """Note that it is so of what :meth:`remembers` was last asked."""
        with contextlib.suppress(OSError):  # the next run compares again, then
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._memory, self._asked, sync=False)

    def known(self) -> dict[bytes, tuple[int, int]]:
        """Return size and time of a root's files (or those of a sub-folder), in their order."""
        with self._catalogue.reading() as db:
            rows = db.execute(
                f"SELECT path, size, mtime_ns FROM sources WHERE root_id = ?{self._where}"
                " ORDER BY path",
                (self.root.id, *self._values),
            )
            return {path: (size, mtime) for path, size, mtime in rows.fetchall()}

    def without_vector(self) -> set[bytes]:
        """Return the files that have no vector of this model: mostly few, all are a lot to read."""
        with self._catalogue.reading() as db:
            row = db.execute(
                "SELECT (SELECT COUNT(*) FROM frames)"
                " = (SELECT COUNT(*) FROM vectors WHERE model_id = ?)",
                (self.model_id,),
            ).fetchone()
            if row[0]:  # every frame of the catalogue has one, which is soon told
                return set()
            rows = db.execute(
                f"SELECT path FROM sources s WHERE root_id = ?{self._where} AND NOT EXISTS"
                " (SELECT 1 FROM frames f JOIN vectors v ON v.model_id = ? AND v.frame_id = f.id"
                " WHERE f.source_id = s.id)",
                (self.root.id, *self._values, self.model_id),
            )
            return {path for (path,) in rows.fetchall()}

    def failures(self) -> dict[bytes, Failure]:
        """Return the files that failed, as they were then."""
        with self._catalogue.reading() as db:
            rows = db.execute(
                "SELECT path, size, mtime_ns, reason FROM failures"
                f" WHERE model_id = ? AND root_id = ?{self._where} ORDER BY path",
                (self.model_id, self.root.id, *self._values),
            )
            return {
                path: Failure(path, FileState(size, mtime) if size >= 0 else None, reason)
                for path, size, mtime, reason in rows
            }

    def store(self, good: Sequence[Stored], bad: Sequence[Failure]) -> None:
        """Write one batch, rows and vectors together.

        A file that changed loses its vectors of all models: they show what is no longer there.
        """
        if not good and not bad:
            return
        with self._catalogue.writing() as db:
            drives = Drives(db)
            now, replaced = time.time(), 0
            known_until = _known_until(db, self.root.id)
            of_model = (self.root.id, self.model_id)
            failed = db.execute(
                "SELECT 1 FROM failures WHERE root_id = ? AND model_id = ? LIMIT 1", of_model
            ).fetchone()
            for item in good:
                first_seen = 0.0 if item.state.mtime_ns < known_until else now
                frame_id, is_new = _put_picture(db, drives, self.root, item, first_seen)
                if not is_new:
                    replaced += db.execute(
                        "DELETE FROM vectors WHERE model_id = ? AND frame_id = ?",
                        (self.model_id, frame_id),
                    ).rowcount
                db.execute(
                    "INSERT INTO vectors (model_id, frame_id, vector) VALUES (?, ?, ?)",
                    (self.model_id, frame_id, item.vector.astype("<f2").tobytes()),
                )
                if item.facts is not None:
                    facts = np.clip(item.facts, 0, LARGEST).astype("<f2").tobytes()
                    db.execute(
                        "INSERT OR REPLACE INTO objects (frame_id, model_id, facts)"
                        " VALUES (?, ?, ?)",
                        (frame_id, self.model_id, facts),
                    )
                if failed:
                    db.execute(
                        "DELETE FROM failures WHERE root_id = ? AND model_id = ? AND path = ?",
                        (*of_model, item.path),
                    )
            dropped = _store_failures(db, self.root.id, self.model_id, bad)
            bump(db, self.root.id, self.model_id, step=1 if good else 0)
            if dropped or replaced:
                note_drops(db, self.root.id)

    def note_classes(self, classes: Sequence[str]) -> None:
        """Note which classes of objects the facts of the model are of, in their order."""
        if classes:
            with self._catalogue.writing() as db:
                line = (self.model_id, "\n".join(classes))
                db.execute("INSERT OR IGNORE INTO object_classes VALUES (?, ?)", line)

    def remove(self, paths: Iterable[bytes]) -> None:
        """Drop rows (and failures) of files that are gone."""
        names = [(self.root.id, path) for path in paths]
        if not names:
            return
        with self._catalogue.writing() as db:
            done = db.executemany("DELETE FROM sources WHERE root_id = ? AND path = ?", names)
            if done.rowcount:
                note_drops(db, self.root.id)
            db.executemany("DELETE FROM failures WHERE root_id = ? AND path = ?", names)

    def set_offline(self, names: Collection[bytes] | None) -> None:
        """Note which files cannot be reached now, and that the others can; None for all."""
        where, values = f"root_id = ?{self._where}", (self.root.id, *self._values)
        with self._catalogue.reading() as db:
            noted = db.execute(f"SELECT path FROM sources WHERE {where} AND offline", values)
            if names is not None and {path for (path,) in noted} == {*names}:
                return
        with self._catalogue.writing() as db:
            if names is None:
                db.execute(f"UPDATE sources SET offline = 1 WHERE {where} AND NOT offline", values)
                return
            db.execute(f"UPDATE sources SET offline = 0 WHERE {where} AND offline", values)
            db.executemany(
                "UPDATE sources SET offline = 1 WHERE root_id = ? AND path = ?",
                [(self.root.id, name) for name in names],
            )

    def follow(self, renamed: Mapping[bytes, bytes]) -> None:
        """Note that files lie elsewhere in the root now; their vectors are kept."""
        if not renamed:
            return
        with self._catalogue.writing() as db:
            drives = Drives(db)
            for old, new in renamed.items():
                row = db.execute(
                    "UPDATE sources SET path = ? WHERE root_id = ? AND path = ? RETURNING id",
                    (new, self.root.id, old),
                ).fetchone()
                if row is not None:
                    _name(db, drives, self.root.place, row[0], new)
            note_drops(db, self.root.id)

    def clear_failures(self) -> int:
        """Forget why files failed; return how many there were."""
        with self._catalogue.writing() as db:
            done = db.execute(
                f"DELETE FROM failures WHERE root_id = ? AND model_id = ?{self._where}",
                (self.root.id, self.model_id, *self._values),
            )
            return done.rowcount


def _store_failures(
    db: sqlite3.Connection, root_id: int, model_id: int, bad: Iterable[Failure]
) -> int:
    """Write failures; return how many rows were dropped because their picture is no more."""
    dropped = 0
    for item in bad:
        state = item.state or FileState(-1, -1)
        db.execute(
            "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?, ?)",
            (root_id, model_id, item.path, state.size, state.mtime_ns, item.reason),
        )
        if item.state is not None:
            dropped += db.execute(
                "DELETE FROM sources WHERE root_id = ? AND path = ?"
                " AND NOT (size = ? AND mtime_ns = ?)",
                (root_id, item.path, state.size, state.mtime_ns),
            ).rowcount
    return dropped


def _known_until(db: sqlite3.Connection, root_id: int) -> float:
    """Return the time (ns) of a rebuilt catalogue, while a root is found again; else -inf.

    Files that are older than that were known before the damage, and are no news.
    """
    row = db.execute(
        "SELECT rebuilt FROM meta WHERE rebuilt > 0 AND NOT EXISTS"
        " (SELECT 1 FROM runs WHERE root_id = ? AND finished IS NOT NULL)",
        (root_id,),
    ).fetchone()
    return float("-inf") if row is None else float(row[0]) * 1e9


def _put_picture(
    db: sqlite3.Connection, drives: Drives, root: Root, item: Stored, first_seen: float
) -> tuple[int, bool]:
    """Return the id of a picture's frame, and whether it is new; a changed file gets a new one.

    Caches know frames by id: an id must never come to mean another picture. What was there
    before, under whatever content, is no news.
    """
    path, state = item.path, item.state
    row = db.execute(
        "SELECT f.id, s.size, s.mtime_ns, f.first_seen, s.id FROM sources s"
        " JOIN frames f ON f.source_id = s.id WHERE s.root_id = ? AND s.path = ?",
        (root.id, path),
    ).fetchone()
    if row is not None:
        if (row[1], row[2]) == (state.size, state.mtime_ns):
            return int(row[0]), False
        first_seen = row[3]
        db.execute("DELETE FROM sources WHERE id = ?", (row[4],))
        note_drops(db, root.id)
    source = db.execute(
        "INSERT INTO sources (root_id, path, size, mtime_ns) VALUES (?, ?, ?, ?)",
        (root.id, path, state.size, state.mtime_ns),
    ).lastrowid
    drive, *others = item.told or told_by_name(root.place, path)
    frame = db.execute(
        "INSERT INTO frames (source_id, drive_id, camera, frame, time, first_seen)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            *(source, drives.number(drive), *others),
            first_seen if item.first_seen is None else item.first_seen,
        ),
    )
    return int(frame.lastrowid or 0), True


def _name(db: sqlite3.Connection, drives: Drives, root: str, source: int, name: bytes) -> None:
    """Read the name of a file again, which lies elsewhere now."""
    drive, *others = told_by_name(root, name)
    db.execute(
        "UPDATE frames SET drive_id = ?, camera = ?, frame = ?, time = ? WHERE source_id = ?",
        (drives.number(drive), *others, source),
    )
