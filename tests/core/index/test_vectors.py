"""Approximate search is built, audited and distrusted as it should be (2, 4-6, 9-12)."""

from __future__ import annotations

import builtins
import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from c4t_core.errors import Cancelled
from c4t_core.images.scan import ExcludeRules, FileState
from c4t_core.index.store.catalogue import Catalogue
from c4t_core.index.store.ledger import Failure, Ledger, Stored
from c4t_core.index.store.reads import StoredVectors
from c4t_core.index.vectors import hnsw
from c4t_core.index.vectors.hnsw import digest, group
from c4t_core.index.vectors.vectors import VectorSearch

DIM = 32
hnswlib = pytest.importorskip("hnswlib")


def near_duplicates(count: int, seed: int = 0) -> np.ndarray:
    """Frames in time order: a slow walk, so that neighbours are nearly equal."""
    rng = np.random.default_rng(seed)
    steps = rng.standard_normal((count, DIM)).astype(np.float32)
    steps[rng.random(count) > 0.02] *= 0.05  # most frames hardly differ, some cut to a new scene
    rows = np.cumsum(steps, axis=0)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Asked(VectorSearch):
    """A search of a process that has loaded its index, asked of its present table."""

    def find(
        self, direction: np.ndarray, k: int | None, slots: np.ndarray | None = None, **how: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        return self.ranking(self.table(), direction, k, slots, **how)

    def loaded(self) -> str:
        self.load_index(self.table())
        return self.serving()


class Fixture:
    def __init__(self, folder: Path, rows: np.ndarray) -> None:
        self.catalogue = Catalogue(folder / "catalogue.sqlite")
        self.root = self.catalogue.add_root("/frames", ExcludeRules())
        self.model_id = self.catalogue.add_model("f" * 64, "toy", DIM)
        self.ledger = Ledger(self.catalogue, self.root, self.model_id)
        self.cache = folder / "cache"
        self.folder = self.cache / "hnsw"
        self.add(rows)

    def add(self, rows: np.ndarray, start: int = 0) -> None:
        self.ledger.store(
            [Stored(b"%06d.jpg" % (start + i), FileState(1, 1), row) for i, row in enumerate(rows)],
            [],
        )

    def source(self, fingerprint: str = "f" * 64) -> StoredVectors:
        return StoredVectors(
            self.catalogue,
            self.root.id,
            model_id=self.model_id,
            fingerprint=fingerprint,
            dim=DIM,
        )

    def search(self, threshold: int = 100, fingerprint: str = "f" * 64) -> Asked:
        return Asked(self.source(fingerprint), folder=self.cache, threshold=threshold)


@pytest.fixture
def frames(tmp_path: Path):  # type: ignore[no-untyped-def]
    fixture = Fixture(tmp_path, near_duplicates(2000))
    yield fixture
    fixture.catalogue.close()


def unit(seed: int) -> np.ndarray:
    row = np.random.default_rng(seed).standard_normal(DIM).astype(np.float32)
    return row / np.linalg.norm(row)


def test_index_is_built_used_and_finds_what_exact_search_finds(frames: Fixture) -> None:
    facts = frames.search().maintain(sentences(40, seed=1))
    assert facts is not None
    assert facts.serves
    assert facts.count == 2000
    approximate, exact = frames.search(), frames.search()
    assert approximate.loaded() == "hnsw"
    same = 0
    for seed in range(20):
        ids, scores = approximate.find(unit(seed), 50)
        true_ids, true_scores = exact.find(unit(seed), 50, exact=True)
        assert len(ids) == 50
        assert np.all(np.diff(scores) <= 0)
        same += len(set(ids) & set(true_ids))
        common = dict(zip(true_ids.tolist(), true_scores.tolist(), strict=True))
        for image_id, score in zip(ids.tolist(), scores.tolist(), strict=True):
            assert common.get(image_id, score) == score  # the same score, bit for bit
    assert same >= 0.98 * 20 * 50


def test_below_the_threshold_none_is_built(frames: Fixture) -> None:
    search = frames.search(threshold=2001)
    assert not search.outdated()
    assert search.maintain() is None
    assert search.loaded() == "exact"
    assert not frames.folder.exists()


def test_any_k_and_nothing_there(frames: Fixture, tmp_path: Path) -> None:
    search = frames.search()
    search.maintain()
    for k in (1, 999, 1000, 1001, 5000, None):
        ids, _ = search.find(unit(1), k)
        assert len(ids) == min(k or 2000, 2000)
        assert len(set(ids.tolist())) == len(ids)
    assert len(search.find(unit(1), 0)[0]) == 0
    (tmp_path / "other").mkdir()
    empty = Fixture(tmp_path / "other", np.empty((0, DIM), np.float32))
    assert len(empty.search().find(unit(1), 10)[0]) == 0
    assert empty.search(threshold=0).maintain() is None
    empty.catalogue.close()


@pytest.mark.parametrize(
    "harm", ["flip", "cut", "longer", "absent", "groups", "no groups", "facts", "format"]
)
def test_damaged_index_file_is_never_loaded(
    frames: Fixture, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames.search().maintain()
    (path,) = frames.folder.glob("*.hnsw")
    content = bytearray(path.read_bytes())
    if harm == "flip":
        content[len(content) // 2] ^= 4
        path.write_bytes(content)
    elif harm == "cut":
        path.write_bytes(content[:-1000])
    elif harm == "longer":
        path.write_bytes(content + b"x")
    elif harm == "absent":
        path.unlink()
    elif harm == "groups":
        np.save(path.with_suffix(".groups.npy"), np.zeros((2, 2000), dtype=np.int64))
    elif harm == "no groups":
        path.with_suffix(".groups.npy").unlink()
    elif harm == "facts":
        path.with_suffix(".json").write_text("{}")
    else:
        facts = json.loads(path.with_suffix(".json").read_text())
        path.with_suffix(".json").write_text(json.dumps({**facts, "format": 1}))
    loaded: list[str] = []
    real = hnswlib.Index.load_index
    monkeypatch.setattr(
        hnswlib.Index,
        "load_index",
        lambda self, *a, **k: (loaded.append("x"), real(self, *a, **k))[1],
        raising=False,
    )
    search = frames.search()
    assert search.loaded() == "exact"
    assert not loaded
    assert len(search.find(unit(3), 10)[0]) == 10
    if harm in {"facts", "format"}:
        assert frames.search().outdated()


def test_failed_save_keeps_the_old_file(frames: Fixture, monkeypatch: pytest.MonkeyPatch) -> None:
    frames.search().maintain()
    (path,) = frames.folder.glob("*.hnsw")
    before = path.read_bytes()
    frames.add(near_duplicates(50, seed=5), start=2000)
    real = hnswlib.Index.save_index

    class FullDisk(hnswlib.Index):
        def save_index(self, target: str) -> None:  # as hnswlib does: no error, half a file
            real(self, target)
            os.truncate(target, 1000)

    monkeypatch.setattr(hnswlib, "Index", FullDisk)
    facts = frames.search().maintain()
    assert facts is not None
    assert path.read_bytes() == before
    assert not list(frames.folder.glob(".*"))
    monkeypatch.undo()
    assert frames.search().loaded() == "exact"  # the old file is of older vectors
    assert len(frames.search().find(unit(1), None)[0]) == 2050


def test_index_follows_new_changed_and_dropped_files(frames: Fixture) -> None:
    frames.search().maintain()
    frames.add(near_duplicates(60, seed=7), start=2000)
    frames.ledger.remove([b"%06d.jpg" % i for i in range(0, 100, 2)])
    frames.ledger.store([Stored(b"000001.jpg", FileState(2, 2), unit(77))], [])
    search = frames.search()
    assert search.outdated()
    assert search.loaded() == "exact"
    facts = search.maintain()
    assert facts is not None
    assert facts.count == 2010
    again = frames.search()
    assert again.loaded() == "hnsw"
    ids, scores = again.find(unit(77), 1)
    assert frames.source().rows(ids)[int(ids[0])].path == b"000001.jpg"
    assert scores[0] > 0.999
    everything = set(frames.search().table().in_order.tolist())
    for seed in range(10):
        assert set(again.find(unit(seed), 100)[0].tolist()) <= everything


def test_index_that_fails_its_audit_does_not_serve(
    frames: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = hnsw._shares
    monkeypatch.setattr(hnsw, "_shares", lambda *a: real(*a) * (np.arange(len(a[2].best)) > 0))
    facts = frames.search().maintain()
    assert facts is not None
    assert facts.recall >= hnsw.LEAST_RECALL  # one query of many finds nothing: the mean hides it
    assert facts.worst == 0
    assert not facts.serves
    search = frames.search()
    assert search.loaded() == "exact"
    assert not search.outdated()  # and is not built again and again


def test_audit_sees_a_bad_index(frames: Fixture, monkeypatch: pytest.MonkeyPatch) -> None:
    table = frames.search().table()
    ids = table.in_order
    index = hnswlib.Index(space="ip", dim=DIM)
    index.init_index(len(ids), ef_construction=5, M=2)
    for block_ids, rows in hnsw._blocks(table, ids):  # in time order, and hardly linked
        index.add_items(rows, block_ids)
    monkeypatch.setattr(hnsw, "EF_STEPS", (50,))
    groups = group(hnsw._blocks(table, ids), ids, lambda: None)
    facts = hnsw.Facts("", 1, "", DIM, 1, count=2000, distinct=2000)
    exam = hnsw._exam(table, groups, None, np.random.default_rng(0))
    assert not hnsw._audited(index, groups, facts, exam).serves
    monkeypatch.undo()
    good = hnsw._built(table, ids, np.random.default_rng(0), lambda: None)
    assert hnsw._audited(good, groups, facts, exam).serves


def sentences(count: int, seed: int) -> np.ndarray:
    """Directions that no image has, as those of texts are."""
    rows = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def stills(scenes: int, times: int, noise: float = 0.0) -> np.ndarray:
    """A car that stands: every scene many times."""
    rng = np.random.default_rng(4)
    rows = np.repeat(rng.standard_normal((scenes, DIM)), times, axis=0)
    rows += noise * rng.standard_normal(rows.shape)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def shuffled(folder: Path, rows: np.ndarray) -> Fixture:
    """Keep rows under names in another order, so that ties by path are not ties by number."""
    fixture = Fixture(folder, np.empty((0, DIM), np.float32))
    fixture.add(rows[np.random.default_rng(6).permutation(len(rows))])
    return fixture


def test_stills_enter_the_index_once_and_are_all_found(tmp_path: Path) -> None:
    fixture = shuffled(tmp_path, stills(40, 100))
    facts = fixture.search().maintain(sentences(24, seed=1))
    assert facts is not None
    assert facts.serves
    assert (facts.count, facts.distinct) == (4000, 40)
    quick, exact = fixture.search(), fixture.search()
    served = quick.loaded()
    for direction in sentences(20, seed=2):
        for k in (1, 20, 250):
            found, right = quick.find(direction, k), exact.find(direction, k, exact=True)
            np.testing.assert_array_equal(found[0], right[0])
            np.testing.assert_array_equal(found[1], right[1])
    assert served == quick.serving() == "hnsw"
    fixture.catalogue.close()


@pytest.mark.parametrize("noise", [1e-3, 0.05])
def test_nearly_equal_stills_hide_nothing(tmp_path: Path, noise: float) -> None:
    fixture = shuffled(tmp_path, stills(30, 100, noise))
    facts = fixture.search().maintain(sentences(24, seed=1))
    assert facts is not None
    quick, exact = fixture.search(), fixture.search()
    quick.loaded()
    for direction in sentences(40, seed=2):
        scores = quick.find(direction, 20)[1]
        least = exact.find(direction, 20, exact=True)[1][-1]
        assert (scores >= least - 1e-5).sum() >= 18  # by whichever search serves
    fixture.catalogue.close()


def test_index_grows_by_copies_and_outlives_the_one_that_stood_for_them(tmp_path: Path) -> None:
    rows = stills(300, 2)
    fixture = Fixture(tmp_path, rows)
    fixture.search().maintain()
    fixture.add(rows[:100], start=600)  # known vectors: nothing new in the index
    facts = fixture.search().maintain()
    assert facts is not None
    assert (facts.count, facts.distinct) == (700, 300)
    fixture.ledger.remove([b"%06d.jpg" % i for i in range(0, 60, 2)])  # each the first of its kind
    facts = fixture.search().maintain()
    assert facts is not None
    assert (facts.count, facts.distinct) == (670, 300)
    quick, exact = fixture.search(), fixture.search()
    served = quick.loaded()
    assert served == "hnsw"
    for row in rows[::20]:
        found, right = quick.find(row, 3), exact.find(row, 3, exact=True)
        np.testing.assert_array_equal(found[0], right[0])
    fixture.catalogue.close()


def test_rows_are_told_apart_by_every_bit() -> None:
    rows = np.random.default_rng(0).standard_normal((50, DIM)).astype(np.float32)
    flipped = rows[:1].repeat(DIM, axis=0)
    flipped[np.arange(DIM), np.arange(DIM)] *= -1
    swapped = rows[:, ::-1]
    every = np.concatenate([rows, flipped, swapped, np.zeros((1, DIM), np.float32)])
    assert len(set(digest(every).tolist())) == len(every)
    np.testing.assert_array_equal(digest(every[7:90]), digest(every)[7:90])


def test_index_of_another_model_or_catalogue_is_not_used(frames: Fixture, tmp_path: Path) -> None:
    frames.search().maintain()
    other = frames.search(fingerprint="e" * 64)
    assert other.loaded() == "exact"
    (tmp_path / "new").mkdir()
    rebuilt = Fixture(tmp_path / "new", near_duplicates(2000, seed=3))
    assert Asked(rebuilt.source(), folder=frames.cache, threshold=100).loaded() == "exact"
    rebuilt.catalogue.close()


def test_without_hnswlib_exact_search_serves(
    frames: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *more, **named):  # type: ignore[no-untyped-def]
        if name == "hnswlib":
            raise ImportError(name)
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    assert not hnsw.available()
    search = frames.search()
    assert not search.outdated()
    assert search.maintain() is None
    assert len(search.find(unit(1), 10)[0]) == 10


def test_a_process_that_asks_once_loads_no_index_and_none_waits_for_it(
    frames: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames.search().maintain()
    frame = near_duplicates(2000)[70]
    search, go = frames.search(), threading.Event()
    real = hnsw.load
    monkeypatch.setattr(hnsw, "load", lambda *args: go.wait() and real(*args))
    first = search.find(frame, 10)
    assert search._loading is None
    second = search.find(frame, 10)
    assert search._loading is not None
    third = search.find(frame, 10)  # while it is loaded
    assert search.serving() == "exact"
    go.set()
    search.close()
    assert search.serving() == "hnsw"
    for found in (second, third, search.find(frame, 10)):
        np.testing.assert_array_equal(found[0], first[0])
        np.testing.assert_array_equal(found[1], first[1])


def test_an_index_that_would_fill_the_memory_is_not_built_nor_loaded(
    frames: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames.search().maintain()
    monkeypatch.setattr(hnsw, "_MEMORY", 1e-9)
    search = frames.search()
    assert search.too_large()
    assert search.loaded() == "exact"
    frames.add(near_duplicates(10, seed=8), start=2000)
    assert not search.outdated()
    assert not frames.search(threshold=10_000).too_large()


def test_what_is_stopped_while_it_is_built_leaves_no_file(frames: Fixture) -> None:
    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        frames.search().maintain(check=stop)
    assert not list(frames.folder.glob("*"))


def test_ties_go_by_path_wherever_rows_stand(tmp_path: Path) -> None:
    rows = np.repeat(near_duplicates(7), 300, axis=0)
    names = np.random.default_rng(1).permutation(len(rows))
    fixture = Fixture(tmp_path, np.empty((0, DIM), np.float32))
    fixture.ledger.store(
        [
            Stored(b"%06d.jpg" % name, FileState(1, 1), row)
            for name, row in zip(names, rows, strict=True)
        ],
        [],
    )
    search = fixture.search(threshold=10)
    search.maintain()
    every = np.arange(len(rows))
    for how in ({}, {"exact": True}, {"slots": every}):
        ids, scores = search.find(unit(5), 450, **how)
        found = fixture.source().rows(ids)
        paths = [found[int(i)].path for i in ids]
        plain = sorted(zip(-scores, paths, strict=True))
        assert [path for _, path in plain] == paths
        assert len(set(scores.tolist())) == 2
    fixture.catalogue.close()


def test_restricted_search_is_exact_over_what_is_left(frames: Fixture) -> None:
    frames.search().maintain()
    search = frames.search()
    assert search.loaded() == "hnsw"
    slots = np.arange(0, 2000, 7)
    one = search.find(unit(4), 20, slots)
    everything = search.find(unit(4), None, exact=True)
    keep = np.isin(everything[0], search.table().ids[slots])
    np.testing.assert_array_equal(one[0], everything[0][keep][:20])
    np.testing.assert_array_equal(one[1], everything[1][keep][:20])


def test_a_cosine_does_not_depend_on_the_place(frames: Fixture) -> None:
    table = frames.search().table()
    whole = table.cosines(unit(2), np.arange(2000))
    for slots in (np.arange(1, 2000), np.arange(17, 19), np.arange(0, 2000, 3)):
        np.testing.assert_array_equal(table.cosines(unit(2), slots), whole[slots])


def test_searching_sees_the_last_commit(frames: Fixture) -> None:
    search = frames.search(threshold=10**9)
    held = search.table()
    frames.add(near_duplicates(5, seed=9), start=2000)
    assert len(search.table()) == 2005
    assert len(held) == 2000  # a search that runs keeps its moment
    frames.ledger.store([], [Failure(b"bad.jpg", FileState(1, 1), "why")])
    assert search.table().moment == frames.source().moment()
