"""Copies of the user's file, and putting a damaged one together again.

A copy carries the head of its own SHA-256 in its name, so that it proves itself. It is written
beside, read back and compared before any older one goes.
"""

from __future__ import annotations

import contextlib
import errno
import re
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from c4t_core import paths
from c4t_core.errors import BusyError, CatalogueError
from c4t_core.files import atomic_path, sha256
from c4t_core.index.store import seals
from c4t_core.index.store.seals import TABLES, DamagedError, Found, Row, Value
from c4t_core.index.store.soundness import move_aside
from c4t_core.index.vectors.locks import writer_lock
from c4t_core.records import dataclass

DAILY, KEPT = "daily", "backup"  # made by itself, or before something that changes everything
_COUNTS = {DAILY: 7, KEPT: 5}
_DAY = 86_400.0
_PATIENCE = 30.0  # seconds to wait while another program repairs the file
_STAMP = "%Y%m%d-%H%M%S"

Rows = Mapping[str, list[Row]]


@dataclass(frozen=True)
class Backup:
    """A copy of the file.

    Attributes:
        path: where it lies.
        kind: :data:`DAILY` or :data:`KEPT`.
        version: of its tables.
        stamp: when it was made, local time, as ``20261009-164000``.
        proof: how its SHA-256 begins, "" where its name does not say.
    """

    path: Path
    kind: str
    version: int
    stamp: str
    proof: str

    @property
    def made(self) -> float:
        """When it was made, seconds since 1970; 0 if its name says nonsense."""
        try:
            return time.mktime(time.strptime(self.stamp, _STAMP))
        except (ValueError, OverflowError):
            return 0.0

    @property
    def said(self) -> str:
        """When it was made, for a sentence."""
        stamp = self.stamp
        return f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]} {stamp[9:11]}:{stamp[11:13]}"

    def tables(self) -> Rows | None:
        """Return all rows by table; None if it is not what was once written."""
        try:
            if self.proof and not sha256(self.path).startswith(self.proof):
                return None
            with contextlib.closing(seals.connect(self.path)) as db:
                seals.check(db, self.version)
                left = seals.salvage(db)
        except (OSError, sqlite3.Error, DamagedError):
            return None
        return {table: list(found.rows.values()) for table, found in left.items()}


def backups_of(path: Path) -> list[Backup]:
    """Return the copies of a file, the newest first."""
    pattern = re.compile(
        re.escape(path.name) + rf"\.({DAILY}|{KEPT})-(\d+)-(\d{{8}}-\d{{6}})(?:-([0-9a-f]{{16}}))?"
    )
    found = []
    with contextlib.suppress(OSError):
        for file in path.parent.iterdir():
            match = pattern.fullmatch(file.name)
            if match:
                kind, version, stamp, proof = match.groups()
                found.append(Backup(file, kind, int(version), stamp, proof or ""))
    return sorted(found, key=lambda backup: (backup.stamp, backup.path.name), reverse=True)


def is_due(path: Path, version: int) -> bool:
    """Whether no copy was made within a day."""
    now = time.time()
    return not any(
        abs(now - backup.made) < _DAY for backup in backups_of(path) if backup.version == version
    )


def back_up(db: sqlite3.Connection, path: Path, version: int, kind: str) -> Path:
    """Copy a file, check the copy whole and read it back, then drop what is older than old.

    Args:
        db: the open file.
        path: where it lies; the copy lies beside it.
        version: of its tables.
        kind: :data:`DAILY` (one for each of the last seven days is kept) or :data:`KEPT` (the
            last five).

    Raises:
        CatalogueError: if the copy cannot be made, or the file is damaged; everything older is
            still there then.
        sqlite3.Error: if the file cannot be read.
    """
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".backup-") as scratch:
            draft = Path(scratch, "copy")
            with contextlib.closing(sqlite3.connect(draft)) as copy:
                db.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
            with contextlib.closing(seals.connect(draft)) as copy:
                seals.check(copy, version)
            content = draft.read_bytes()
        proof = sha256(content)
        name = f"{path.name}.{kind}-{version}-{time.strftime(_STAMP)}-{proof[:16]}"
        target = path.with_name(name)
        with atomic_path(target) as part:
            part.write_bytes(content)
            paths.keep_private(part)
            _compare(part, proof)
    except (OSError, DamagedError) as error:
        raise CatalogueError(
            f'No backup of "{path}" can be written ({getattr(error, "strerror", None) or error}); '
            "free some space on its disk and make its folder writable, then start again."
        ) from error
    _rotate(path)
    return target


def _compare(path: Path, proof: str) -> None:
    if sha256(path) != proof:
        raise OSError(errno.EIO, "what is read is not what was written", str(path))


def _rotate(path: Path) -> None:
    """Drop copies: all but the last of a day, and days long gone; those of old versions stay."""
    held: dict[tuple[str, int], set[str]] = {}
    for backup in backups_of(path):
        kept = held.setdefault((backup.kind, backup.version), set())
        what = backup.stamp[:8] if backup.kind == DAILY else backup.path.name
        if what in kept or len(kept) >= _COUNTS[backup.kind]:
            with contextlib.suppress(OSError):
                backup.path.unlink()
        kept.add(what)


def repair(path: Path, write: Callable[[Path, Rows], None]) -> str:
    """Put a file together from what is sound in it and its newest good backup.

    A row that fits its sum is what the user made, and a table that fits its seal is complete.
    What a table lacks comes from the backup; if it then fits its seal, nothing is lost.

    Args:
        path: the file, damaged, empty or gone; what is there is set aside.
        write: makes a new file at a path, with these rows.

    Returns:
        What was done, in a sentence for the user.

    Raises:
        OSError: if the file cannot be moved or written.
        sqlite3.Error: if it cannot be read for another reason than damage.
    """
    left, expected = _left_in(path)
    backup, rows = _newest_good(path)
    settled = {table: _settle(table, left.get(table), rows.get(table, [])) for table in TABLES}
    complete = all(certain for _, certain in settled.values())
    merged = {table: found for table, (found, _) in settled.items()}
    _mend_references(merged)
    happened = _happened(path, left)
    with atomic_path(path) as part:
        write(part, {table: list(found.values()) for table, found in merged.items()})
        aside = move_aside(path) if path.exists() else None
    if complete:
        done = "all of it was restored"
    else:
        done = _done(backup, left, sum(map(len, merged.values())), expected)
    beyond = f'To begin anew, delete its backups, "{path.name}.*-*".'
    if aside is not None:
        beyond = f'The damaged file is kept as "{aside}".'
    return f"The file of your marks and saved searches {happened}; {done}. {beyond}"


def _left_in(path: Path) -> tuple[dict[str, Found], int | None]:
    """Return what is left in a damaged file, and how many rows there should be if it says so."""
    if not path.exists() or path.stat().st_size == 0:
        return {}, None
    try:
        with contextlib.closing(seals.connect(path)) as db:
            left = seals.salvage(db)
    except sqlite3.Error as error:
        if not seals.is_the_files_fault(error):
            raise
        return {}, None
    counts = [found.seal[0] for found in left.values() if found.seal is not None]
    return left, sum(counts) if len(counts) == len(TABLES) else None


def _newest_good(path: Path) -> tuple[Backup | None, Rows]:
    for backup in backups_of(path):
        rows = backup.tables()
        if rows is not None:
            return backup, rows
    return None, {}


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other programs from repairing the same file at the same time."""
    with contextlib.ExitStack() as stack:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                stack.enter_context(writer_lock(path.with_name(f"{path.name}.lock"), path.name))
                break
            except BusyError as error:
                if time.monotonic() > deadline:
                    raise BusyError(
                        f'"{path}" is being repaired by another program; wait for it to finish '
                        "and try again."
                    ) from error
                time.sleep(0.1)
        yield


Keyed = dict[tuple[Value, ...], Row]


def _settle(table: str, found: Found | None, backup: list[Row]) -> tuple[Keyed, bool]:
    """Return the rows of a table, and whether it is certain that they are all, and no others."""
    spec = TABLES[table]
    saved = {spec.key_of(row): row for row in backup}
    if found is None:
        return saved, False
    if not found.sealed:  # of version 0.1.0: rows cannot prove themselves, a backup's can
        return {**found.rows, **saved}, False
    own = found.rows
    doubtful = [{**own, spec.key_of(row): row} for row in found.doubtful]
    for rows in (own, *doubtful, {**saved, **own}):
        sealed = seals.seal_of(table, rows.values(), found.columns)
        if found.seal is not None and sealed == found.seal:
            return rows, True
    if found.seal is None and found.whole:  # the seal is what was damaged
        return own, True
    return {**saved, **own}, False


def _mend_references(merged: dict[str, Keyed]) -> None:
    """Have every test set that marks are left of."""
    for row in list(merged["test_items"].values()):
        name = row["test_set"]
        merged["test_sets"].setdefault((name,), {"name": name, "made": 0.0})


def _happened(path: Path, left: Mapping[str, Found]) -> str:
    if not path.exists():
        return "was gone"
    if path.stat().st_size == 0:
        return "was empty"
    return "was damaged" if left else "was damaged, and nothing in it could be read"


def _done(
    backup: Backup | None, left: Mapping[str, Found], count: int, expected: int | None
) -> str:
    """Say what came back, and from when, where it may not be all."""
    if backup is not None and left:
        return (
            f"it was restored from the backup of {backup.said} and from what is sound in it: what "
            "you changed since then may be missing, and what you removed may be back"
        )
    if backup is not None:
        return (
            f"it was restored from the backup of {backup.said}: what you changed since then is "
            "missing"
        )
    if left:
        number = f"{count:,}" if expected is None else f"{count:,} of {expected:,}"
        return f"there is no backup; {number} entries could be read and are kept"
    return "there is no backup, and a new one was begun"
