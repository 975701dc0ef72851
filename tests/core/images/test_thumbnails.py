"""Thumbnails: named by the file and its state, and left behind by indexing up to a limit."""

from __future__ import annotations

import io
import os
import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from c4t_core.images.decode import open_image
from c4t_core.images.scan import FileState
from c4t_core.images.thumbnails import (
    SIDES,
    ThumbnailsOfIndexing,
    ThumbnailStore,
    as_jpeg,
    bucket,
    shrunk,
)
from c4t_core.index.embed import embed_images, embed_stream
from tests.helpers.colour_model import ColourModel


def frame(path: Path, size: tuple[int, int] = (700, 400), red: int = 200) -> Path:
    ramp = np.zeros((size[1], size[0], 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = red, np.linspace(0, 255, size[0])
    Image.fromarray(ramp).save(path)
    return path


def state(path: Path) -> FileState:
    return FileState.of(path.stat())


@pytest.fixture
def store(tmp_path: Path) -> ThumbnailStore:
    return ThumbnailStore(tmp_path / "kept")


@pytest.mark.parametrize(("wanted", "kept"), [(1, 256), (256, 256), (257, 512), (4000, 512)])
def test_the_size_that_serves_best(wanted: int, kept: int) -> None:
    assert bucket(wanted) == kept


@pytest.mark.parametrize(
    ("size", "small"), [((700, 400), (256, 146)), ((9, 3000), (1, 256)), ((200, 100), (200, 100))]
)
def test_shrinking_keeps_shape_and_picture(size: tuple[int, int], small: tuple[int, int]) -> None:
    image = Image.new("RGB", size, (1, 2, 3))
    assert shrunk(image, 256).size == small
    assert image.size == size
    assert shrunk(image, 256).getpixel((0, 0)) == (1, 2, 3)


def test_a_name_changes_with_the_file_and_not_with_the_way_to_it(
    tmp_path: Path, store: ThumbnailStore
) -> None:
    folder = tmp_path / "drive"
    folder.mkdir()
    path = frame(folder / "a.png")
    key = store.key(path, 256)
    assert key == store.key(os.fsencode(path), 256, state(path)) == store.key(str(path), 256)
    assert key != store.key(path, 512)
    (tmp_path / "link").symlink_to(folder)
    assert store.key(tmp_path / "link" / "a.png", 256) == key  # as it was opened
    os.utime(path, ns=(1, 1))
    assert store.key(path, 256) != key
    with pytest.raises(OSError, match="gone"):
        store.key(folder / "gone", 256)


def test_indexing_leaves_what_the_window_looks_for(tmp_path: Path, store: ThumbnailStore) -> None:
    paths = [frame(tmp_path / f"{number}.png", red=40 * number) for number in range(4)]
    (tmp_path / "bad.png").write_bytes(b"no picture")
    keeper = ThumbnailsOfIndexing(store)
    list(embed_stream([*paths, tmp_path / "bad.png"], ColourModel(), on_picture=keeper))
    for path in paths:
        data, reason = store.load(store.key(path, 256))
        assert data == as_jpeg(shrunk(open_image(path, 8), 256))
        assert not reason
        assert Image.open(io.BytesIO(data or b"")).size == (256, 146)
    assert len(list(store.folder.rglob("*.jpg"))) == 4


def test_pictures_are_handed_on_with_their_state_and_vectors_stay(tmp_path: Path) -> None:
    paths = [frame(tmp_path / f"{number}.png", red=40 * number) for number in range(3)]
    seen: list[tuple[object, FileState, tuple[int, int]]] = []
    batches = list(
        embed_stream(
            paths,
            ColourModel(),
            threads=1,
            on_picture=lambda path, found, image: seen.append((path, found, image.size)),
        )
    )
    assert seen == [(path, state(path), (700, 400)) for path in paths]
    alone = embed_images(paths, ColourModel())[0]
    assert np.array_equal(np.stack([item.vector for item in batches[0].good]), alone)


def test_small_pictures_are_left_to_the_window(tmp_path: Path, store: ThumbnailStore) -> None:
    path = frame(tmp_path / "a.png", (300, 200))
    ThumbnailsOfIndexing(store, 512)(path, state(path), open_image(path))
    assert store.size() == 0


def test_a_thumbnail_that_is_there_is_not_written_again(
    tmp_path: Path, store: ThumbnailStore
) -> None:
    path = frame(tmp_path / "a.png")
    key = store.key(path, SIDES[0])
    store.keep(key, b"kept")
    ThumbnailsOfIndexing(store)(path, state(path), open_image(path))
    assert store.load(key)[0] == b"kept"


def test_indexing_stops_at_the_limit_and_removes_nothing(
    tmp_path: Path, store: ThumbnailStore
) -> None:
    paths = [frame(tmp_path / f"{number:02}.png", red=9 * number) for number in range(20)]
    one = len(as_jpeg(shrunk(open_image(paths[0]), 256)))
    store.keep("older", b"x" * one)
    keeper = ThumbnailsOfIndexing(store, limit=5 * one)
    list(embed_stream(paths, ColourModel(), on_picture=keeper, threads=1))
    assert 4 * one < store.size() <= 6 * one
    assert store.used == store.size()
    assert store.load("older")[0]
    store.trim(0)
    assert store.used == 0
    keeper(paths[19], state(paths[19]), open_image(paths[19]))
    assert store.used == store.size() > 0


def test_indexing_leaves_a_nearly_full_disk_alone(
    tmp_path: Path, store: ThumbnailStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = frame(tmp_path / "a.png")
    usage = namedtuple("usage", "total used free")
    for free, kept in ((10**9, 0), (10**10, 1)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: usage(10**12, 0, free))
        ThumbnailsOfIndexing(store)(path, state(path), open_image(path))
        assert len(list(store.folder.rglob("*.jpg"))) == kept


def test_an_unwritable_cache_costs_no_vector(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"a file where the folder should be")
    paths = [frame(tmp_path / "a.png")]
    keeper = ThumbnailsOfIndexing(ThumbnailStore(tmp_path / "kept"))
    (batch,) = embed_stream(paths, ColourModel(), on_picture=keeper)
    assert len(batch.good) == 1
