"""The vector cache: what it gives equals the catalogue, whatever happened to either."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from c4t_core.images.scan import ExcludeRules, FileState
from c4t_core.index.folders import clean, space
from c4t_core.index.store.catalogue import Catalogue
from c4t_core.index.store.ledger import Ledger, Stored
from c4t_core.index.store.reads import Selection, StoredVectors
from c4t_core.index.vectors import cache as cache_module
from c4t_core.index.vectors import table as table_module
from c4t_core.index.vectors.cache import VectorCache
from c4t_core.index.vectors.locks import free_lock
from c4t_core.index.vectors.table import Table
from c4t_core.index.vectors.vectors import VectorSearch

DIM = 40
ROOT = Path(__file__).parents[3]
Scored = list[tuple[float, bytes]]


class Collection:
    """A catalogue that is changed, and asked in the slow way."""

    def __init__(self, folder: Path) -> None:
        self.catalogue = Catalogue(folder / "catalogue.sqlite")
        self.root = self.catalogue.add_root("/frames", ExcludeRules())
        self.model_id = self.catalogue.add_model("f" * 64, "toy", DIM)
        self.ledger = Ledger(self.catalogue, self.root, self.model_id)
        self.cache = folder / "cache"
        self.rng = np.random.default_rng(0)
        self.searching = self.search()

    def names(self, folder: str, count: int, start: int = 0) -> list[bytes]:
        day = f"2026-0{1 + len(folder) % 8}-11"
        return [
            f"{folder}/cam{i % 2}_{day}-00-{i // 60 % 60:02}-{i % 60:02}_{i:06}.jpg".encode()
            for i in range(start, start + count)
        ]

    def add(self, names: list[bytes], size: int = 1) -> None:
        """Store frames, a third of which are equal."""
        rows = self.rng.standard_normal((len(names), DIM)).astype(np.float32)
        rows[::3] = rows[:1]
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        order = self.rng.permutation(len(names))
        self.ledger.store([Stored(names[i], FileState(size, 1), rows[i]) for i in order], [])

    def source(self) -> StoredVectors:
        return StoredVectors(
            self.catalogue, self.root.id, model_id=self.model_id, fingerprint="f" * 64, dim=DIM
        )

    def search(self) -> VectorSearch:
        return VectorSearch(self.source(), folder=self.cache, threshold=10**9)

    def expected(self, direction: np.ndarray, chosen: Selection) -> Scored:
        """Return (-cosine, path), best first, by plain arithmetic on what the catalogue says."""
        with self.catalogue.reading() as db:
            rows = db.execute(
                "SELECT i.path, i.drive, i.camera, i.time, v.vector FROM images i"
                " JOIN vectors v ON v.frame_id = i.id WHERE i.root_id = ? AND v.model_id = ?",
                (self.root.id, self.model_id),
            ).fetchall()
        found = []
        for path, drive, camera, seconds, blob in rows:
            inside = any(path.startswith(folder + b"/") for folder in chosen.below)
            if (
                (inside or not chosen.below)
                and (os.fsdecode(drive) in chosen.drives or not chosen.drives)
                and (camera in chosen.cameras or not chosen.cameras)
                and (chosen.since is None or (seconds is not None and seconds >= chosen.since))
                and (chosen.until is None or (seconds is not None and seconds < chosen.until))
            ):
                row = np.frombuffer(blob, "<f2").astype(np.float64)
                found.append((-float(row @ direction) / float(np.linalg.norm(row)), path))
        return sorted(found)

    def check(
        self,
        search: VectorSearch | None = None,
        chosen: Selection = Selection(),  # noqa: B008
        k: int | None = None,
    ) -> Table:
        """Compare a ranking with the expected one; return the table it came from."""
        search = search or self.searching
        direction = self.rng.standard_normal(DIM).astype(np.float32)
        direction /= np.linalg.norm(direction)
        table = search.table()
        slots = None if chosen.everything else search.select(table, chosen)
        ids, scores = search.ranking(table, direction, k, slots)
        known = search.source.rows(ids)
        paths = [known[int(i)].path for i in ids]
        got = list(zip((-scores).tolist(), paths, strict=True))
        expected = self.expected(direction, chosen)[:k]
        assert len(got) == len(expected)
        assert got == sorted(got)  # ties by path
        np.testing.assert_allclose([s for s, _ in got], [s for s, _ in expected], atol=5e-7)
        last = expected[-1][0] if expected else 0.0
        surely = {path for score, path in expected if score < last - 1e-6}
        assert surely <= set(paths)
        return table


@pytest.fixture
def frames(tmp_path: Path) -> Iterator[Collection]:
    made = Collection(tmp_path)
    made.add(made.names("b", 500))
    yield made
    made.catalogue.close()


def fresh(frames: Collection) -> Table:
    """Check what a new process finds."""
    return frames.check(frames.search())


def test_whatever_happens_to_the_catalogue_the_hits_are_its_own(
    frames: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "_TAIL", 64)
    names = frames.names
    into = frames.catalogue.add_root("/other", ExcludeRules())
    steps: list[Callable[[], object]] = [
        lambda: frames.add(names("a", 30)),  # before all others
        lambda: frames.add(names("c/d", 200)),  # after them
        lambda: frames.add(names("b", 20, start=490)),  # among them, some a second time
        lambda: frames.add(names("b", 3), size=2),  # changed files
        lambda: frames.ledger.remove(names("b", 40, start=100)),
        lambda: frames.ledger.follow(dict(zip(names("a", 9), names("zz", 9), strict=True))),
        lambda: frames.catalogue.rename_root(frames.root.id, "/elsewhere"),
        lambda: frames.catalogue.forget(frames.root.id, b"c"),
        lambda: frames.add(names("c", 40)),
        lambda: frames.catalogue.move(frames.root, b"c", frames.root, b"e/f"),
        lambda: frames.catalogue.move(frames.root, b"e", into, b""),
        lambda: frames.add(names("b", 2)),  # embedded again as they are
        lambda: frames.add(names("y", 20)),
        lambda: frames.ledger.remove(names("y", 20)),
        lambda: frames.add(names("x", 5)),  # their rows have the numbers of those that went
        lambda: frames.ledger.remove(names("b", 400)),
    ]
    for step in steps:
        step()
        for search in (frames.searching, frames.search()):
            frames.check(search)
            frames.check(search, k=7)
            frames.check(search, k=100)
        table = frames.search().table()
        assert table.moment == frames.source().moment()


def test_filters_choose_what_the_catalogue_says(frames: Collection) -> None:
    frames.add(frames.names("a/x", 120))
    frames.add([b"a/plain.jpg", b"a-b/000001.jpg", b"a/x.jpg"])
    drives = tuple(sorted(frames.source().drive_numbers()))
    times = frames.search().table().times
    middle = float(np.nanmedian(times))
    for chosen in (
        Selection(below=(b"a",)),
        Selection(below=(b"a/x", b"b")),
        Selection(below=(b"absent",)),
        Selection(drives=drives[:1]),
        Selection(drives=("/nowhere",)),
        Selection(cameras=("cam1",)),
        Selection(cameras=("cam1", "cam0")),
        Selection(since=middle),
        Selection(until=middle),
        Selection(below=(b"a",), drives=drives, cameras=("cam0",), since=0.0, until=middle + 9),
    ):
        for k in (None, 5):
            frames.check(chosen=chosen, k=k)
    assert len(frames.searching.select(frames.searching.table(), Selection(cameras=("cam1",))))


def test_cosines_of_half_floats_are_those_of_float32(frames: Collection) -> None:
    frames.add(frames.names("d", 600))
    table = frames.search().table()
    slots = np.arange(len(table.ids))
    rows = table.rows(slots).astype(np.float64)
    for direction in frames.rng.standard_normal((4, DIM)).astype(np.float32):
        direction /= np.linalg.norm(direction)
        ids, scores = table.ranking(direction)
        np.testing.assert_allclose(scores, (rows @ direction)[table.find(ids)], atol=3e-7)
        whole = table.cosines(direction, slots)
        np.testing.assert_array_equal(scores, whole[table.find(ids)])


def test_threads_share_a_ranking_and_change_nothing(
    frames: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames.add(frames.names("d", 1000))
    table = frames.search().table()
    direction = frames.rng.standard_normal(DIM).astype(np.float32)
    direction /= np.linalg.norm(direction)
    alone = table.ranking(direction)
    for name in ("_MANY", "_CHUNK", "_UNPACKED"):
        monkeypatch.setattr(table_module, name, 128)
    for threads in (1, 2, 3, 7):
        monkeypatch.setattr(table_module, "available_threads", lambda n=threads: n)
        for k in (None, 300, 1):
            for shared, whole in zip(table.ranking(direction, k), alone, strict=True):
                np.testing.assert_array_equal(shared, whole[:k])


def test_a_new_process_reads_no_vector_and_more_rows_only_are_read(
    frames: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh(frames)
    read: list[str] = []
    for name in ("columns", "added", "stored"):
        real = getattr(StoredVectors, name)
        monkeypatch.setattr(
            StoredVectors,
            name,
            lambda *a, real=real, name=name: (read.append(name), real(*a))[1],
        )
    fresh(frames)
    assert read == []
    frames.add(frames.names("c", 10))
    fresh(frames)
    assert read == ["added"]
    read.clear()
    frames.searching.keep()
    fresh(frames)
    assert read in (["added"], ["columns", "added"], [])
    frames.ledger.remove(frames.names("b", 10))
    read.clear()
    stored, wanted = StoredVectors.stored, []
    monkeypatch.setattr(
        StoredVectors, "stored", lambda self, new: (wanted.extend(new.ids), stored(self, new))[1]
    )
    frames.search().table()
    assert read[0] == "columns"
    assert wanted == []


def test_rows_are_added_to_the_file_and_it_is_renewed_when_much_is_dead(
    frames: Collection,
) -> None:
    def files() -> list[str]:
        return sorted(path.name for path in (frames.cache / "vectors").glob("*.rows"))

    fresh(frames)
    first = files()
    frames.add(frames.names("c", 50))
    assert len(frames.searching.keep().blocks) == 1
    frames.ledger.remove(frames.names("b", 50))
    table = fresh(frames)
    assert files() == first
    assert (len(table.ids), len(table)) == (550, 500)
    frames.ledger.remove(frames.names("b", 300))
    table = fresh(frames)
    assert (len(table.ids), len(table)) == (250, 250)
    assert len(files()) == 1
    assert files() != first
    assert (frames.cache / "vectors" / files()[0]).stat().st_size == 250 * DIM * 2


def flip(path: Path, at: float, bit: int = 4) -> None:
    content = bytearray(path.read_bytes())
    content[int(at * (len(content) - 1))] ^= bit
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def of_another(part: str, value: object) -> Callable[[Path, Path], None]:
    def harm(table: Path, rows: Path) -> None:
        head, _, rest = table.read_bytes().partition(b"\n")
        content = json.dumps({**json.loads(head), part: value}).encode() + b"\n" + rest[:-4]
        table.write_bytes(content + cache_module.zlib.crc32(content).to_bytes(4, "little"))

    return harm


HARMS: dict[str, Callable[[Path, Path], None]] = {
    "a bit of the head": lambda table, rows: flip(table, 0.002),
    "a bit of the columns": lambda table, rows: flip(table, 0.6),
    "a bit of the sum": lambda table, rows: flip(table, 1.0),
    "a bit of a row": lambda table, rows: flip(rows, 0.5),
    "a short table": lambda table, rows: cut(table),
    "an empty table": lambda table, rows: table.write_bytes(b""),
    "no table": lambda table, rows: table.unlink(),
    "short rows": lambda table, rows: cut(rows),
    "no rows": lambda table, rows: rows.unlink(),
    "noise": lambda table, rows: table.write_bytes(random.Random(0).randbytes(5000)),
    "another catalogue": of_another("catalogue", "x" * 32),
    "another root": of_another("root_id", 77),
    "another model": of_another("fingerprint", "e" * 64),
    "another format": of_another("format", 99),
    "a folder instead": lambda table, rows: (table.unlink(), table.mkdir())[1],
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_damaged_or_foreign_cache_is_made_again(frames: Collection, harm: str) -> None:
    fresh(frames)
    (table,) = (frames.cache / "vectors").glob("*.table")
    (rows,) = (frames.cache / "vectors").glob("*.rows")
    before = rows.read_bytes()
    HARMS[harm](table, rows)
    fresh(frames)
    fresh(frames)
    if not table.is_dir():
        (rows,) = (frames.cache / "vectors").glob("*.rows")
        assert sorted(before) == sorted(rows.read_bytes())


def test_rows_that_rot_in_their_place_are_met_sooner_or_later(
    frames: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "BLOCK", 64)
    fresh(frames)
    (rows,) = (frames.cache / "vectors").glob("*.rows")
    before = rows.stat()
    flip(rows, 0.5)
    os.utime(rows, ns=(before.st_atime_ns, before.st_mtime_ns))
    for _ in range(200):
        frames.search().table()
        if not rows.exists():
            break
    assert not rows.exists()
    fresh(frames)


def test_touched_rows_are_read_once_and_trusted(frames: Collection) -> None:
    fresh(frames)
    (rows,) = (frames.cache / "vectors").glob("*.rows")
    os.utime(rows, ns=(1, 1))
    fresh(frames)
    assert rows.exists()


def test_a_damaged_vector_is_dropped_and_the_others_stay(frames: Collection) -> None:
    with frames.catalogue.writing() as db:
        frame, blob = db.execute("SELECT frame_id, vector FROM vectors LIMIT 1").fetchone()
        db.execute("UPDATE vectors SET vector = ? WHERE frame_id = ?", (blob[:-2], frame))
    table = frames.searching.table()
    assert frame not in table.in_order
    assert len(table) == 499
    assert len(fresh(frames)) == 499


@pytest.mark.parametrize("where", ["lock held", "disk full", "read only"])
def test_without_a_file_the_vectors_are_held_in_memory(
    frames: Collection, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    if where == "disk full":
        monkeypatch.setattr(cache_module, "atomic_file", full)
        monkeypatch.setattr(cache_module, "overwrite", full)
    elif where == "read only":
        frames.cache.write_text("a file where a folder should be")
    stem = frames.catalogue.identity[:8] + f"-{frames.root.id}-{'f' * 16}"
    held = free_lock(frames.cache / "vectors" / f"{stem}.lock")
    with held if where == "lock held" else free_lock(frames.cache.with_name("x")):
        assert fresh(frames).file == ""
        frames.add(frames.names("c", 10))
        frames.check()
        assert frames.searching.keep().file == ""
        frames.ledger.remove(frames.names("b", 10))
        frames.check()
    if where == "lock held":
        assert frames.searching.keep().file
        fresh(frames)


def test_two_that_hold_the_cache_follow_each_other(frames: Collection) -> None:
    one, other = frames.search(), frames.search()
    for number in range(6):
        frames.add(frames.names(f"{number}", 20))
        first, second = (one, other) if number % 2 else (other, one)
        first.keep()
        frames.check(second)
        second.keep()
        frames.check(first)
        frames.check(second)
    assert len(fresh(frames)) == 620


def test_a_catalogue_that_was_put_back_is_not_answered_from_the_later_cache(
    frames: Collection, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.sqlite"
    with frames.catalogue.reading() as db, sqlite3.connect(copy) as target:
        db.backup(target)
    frames.add(frames.names("c", 30))
    frames.searching.keep()
    with frames.catalogue.reading() as db, sqlite3.connect(copy) as older:
        older.backup(db)
    assert len(fresh(frames)) == 500


def test_a_root_or_model_of_the_same_number_has_a_cache_of_its_own(frames: Collection) -> None:
    fresh(frames)
    frames.catalogue.forget(frames.root.id)
    frames.root = frames.catalogue.add_root("/frames", ExcludeRules())
    frames.ledger = Ledger(frames.catalogue, frames.root, frames.model_id)
    frames.add(frames.names("b", 500))
    fresh(frames)
    frames.catalogue.drop_models([], others=True)
    frames.model_id = frames.catalogue.add_model("f" * 64, "toy", DIM)
    frames.ledger = Ledger(frames.catalogue, frames.root, frames.model_id)
    frames.add(frames.names("b", 500))
    fresh(frames)


def test_cleaning_gives_back_what_was_said(frames: Collection) -> None:
    frames.searching.keep()
    caches = [frames.cache / "vectors"]
    frames.add(frames.names("gone", 2_000))
    frames.catalogue.forget(frames.root.id, b"gone")
    told = space(frames.catalogue, caches, ["f" * 64])
    assert (told.frames, told.replaced) == (500, 500 * DIM * 2)
    assert told.free > 2_000 * DIM * 2
    assert told.files == sum(path.stat().st_size > 0 for path in caches[0].iterdir()) > 0
    assert clean(frames.catalogue, caches, None, ["f" * 64]) >= told.removable
    after = space(frames.catalogue, caches, ["f" * 64])
    assert (after.frames, after.files, after.removable) == (0, 0, 0)


APPENDER = """
import sys
from pathlib import Path
import numpy as np
from c4t_core.images.scan import FileState
from c4t_core.index.folders import clean, space
from c4t_core.index.store.catalogue import Catalogue
from c4t_core.index.store.ledger import Ledger, Stored
from c4t_core.index.store.reads import StoredVectors
from c4t_core.index.vectors.vectors import VectorSearch
catalogue = Catalogue(Path(sys.argv[1], "catalogue.sqlite"))
model_id = catalogue.add_model("f" * 64, "toy", 40)
root = catalogue.roots()[0]
ledger = Ledger(catalogue, root, model_id)
source = StoredVectors(catalogue, root.id, model_id=model_id, fingerprint="f" * 64, dim=40)
search = VectorSearch(source, folder=Path(sys.argv[1], "cache"), threshold=10**9)
rows = np.eye(40, dtype=np.float32)
print("go", flush=True)
for number in range(100_000):
    name = b"%s/%06d.jpg" % (sys.argv[2].encode(), number)
    ledger.store([Stored(name, FileState(1, 1), rows[number % 40])], [])
    search.keep()
"""


def appending(frames: Collection, folder: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", APPENDER, str(frames.cache.parent), folder],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "go\n"
    return process


def test_a_kill_while_rows_are_added_leaves_a_cache_that_is_right(frames: Collection) -> None:
    rng = random.Random(2)
    for round_ in range(6):
        process = appending(frames, f"k{round_}")
        time.sleep(rng.random() * 0.3)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        fresh(frames)


def test_reading_while_another_process_adds(frames: Collection) -> None:
    process = appending(frames, "k")
    try:
        sizes = []
        for _ in range(30):
            table = frames.searching.table()
            assert len(np.unique(table.ids)) == len(table.ids) == len(table)
            assert (table.scales > 0.99).all()
            sizes.append(len(table))
        assert sizes == sorted(sizes)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    frames.check()
    fresh(frames)


def test_caches_of_lost_catalogues_are_taken_away(frames: Collection) -> None:
    folder = frames.cache / "vectors"
    folder.mkdir(parents=True)
    for ending in (".table", "-0.rows", ".lock"):
        (folder / f"01234567-1-{'f' * 16}{ending}").write_bytes(b"x")
    other = folder / f"{frames.catalogue.identity[:8]}-9-{'f' * 16}.table"
    other.write_bytes(b"x")
    fresh(frames)
    assert not list(folder.glob("01234567*"))
    assert other.exists()
    assert VectorCache(frames.source(), None).newest().file == ""
