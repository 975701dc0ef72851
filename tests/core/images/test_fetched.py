"""Pictures at an address: fetched once, kept within bounds, and only from what was opened."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from c4t_core.addresses import as_path
from c4t_core.errors import ImageError, MissingExtraError
from c4t_core.images import fetched
from c4t_core.images.decode import open_image, read_header
from c4t_core.images.fetched import Fetcher
from c4t_core.images.thumbnails import ThumbnailStore
from c4t_core.index.exports import Provenance, copy_files, row_of
from c4t_core.index.query import Hit
from c4t_core.workspace import open_workspace
from tests.helpers.served import Served, served
from tests.helpers.toy_model import ToyModel

pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")
MOST = 1_000_000


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder of its own."""
    monkeypatch.setenv("C4T_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Some pictures, one with a name that means something in an address."""
    folder = tmp_path / "there"
    (folder / "a").mkdir(parents=True)
    for number, name in enumerate(("1.png", "2.png", "3.png", "odd #1%20?.png")):
        Image.new("RGB", (40, 30), (60 * number, 0, 0)).save(folder / "a" / name)
    return folder


@pytest.fixture
def server(pictures: Path) -> Iterator[Served]:
    with served(pictures) as state:
        yield state


def at(server: Served, name: str) -> Path:
    return as_path(server.address) / "a" / name


@pytest.mark.parametrize("name", ["1.png", "odd #1%20?.png"])
def test_a_picture_at_an_address_is_decoded_and_fetched_once(server, pictures, name):
    fetched.allow(server.address)
    path = at(server, name)
    assert open_image(path).tobytes() == open_image(pictures / "a" / name).tobytes()
    assert read_header(os.fsencode(path))[:2] == (40, 30)
    assert server.asked == [f"a/{name}"]


def test_two_that_want_one_picture_fetch_it_once(server):
    fetched.allow(server.address)
    server.go.clear()
    sizes: list[tuple[int, int]] = []
    threads = [
        threading.Thread(target=lambda: sizes.append(open_image(at(server, "1.png")).size))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    while not server.asked:
        threading.Event().wait(0.01)
    server.go.set()
    for thread in threads:
        thread.join(30)
    assert sizes == [(40, 30)] * 4
    assert server.asked == ["a/1.png"]


def test_only_below_what_was_opened_and_while_it_is(server):
    path = at(server, "1.png")
    with pytest.raises(ImageError, match="not below an address that was opened") as told:
        open_image(path)
    assert getattr(told.value.__cause__, "errno", None)  # it passes: nothing notes it for good
    fetched.allow(server.address + "/b")
    with pytest.raises(ImageError, match="not below"):
        open_image(path)
    with pytest.raises(ImageError, match="not below"):
        open_image(as_path(server.address) / "b" / ".." / "a" / "1.png")
    fetched.allow(server.address)
    fetched.allow(server.address)
    fetched.withdraw(server.address)
    assert open_image(path).size == (40, 30)
    fetched.withdraw(server.address)
    with pytest.raises(ImageError, match="not below"):
        open_image(path)
    assert server.asked == ["a/1.png"]


@pytest.mark.parametrize("scheme", ["file", "local", "memory", "reference", "github"])
def test_addresses_that_lead_to_this_machine_or_further_are_refused(tmp_path, scheme):
    Image.new("RGB", (4, 4)).save(tmp_path / "x.png")
    fetched.allow(f"{scheme}:/{tmp_path}")
    with pytest.raises(ImageError, match=f'begins with "{scheme}:"'):
        open_image(Path(f"{scheme}:/{tmp_path}/x.png".replace("//", "/")))


def test_nothing_is_fetched_before_that_is_agreed_to(server):
    agreed: set[str] = set()
    fetched.allow(server.address)
    fetched.ask_first(agreed.__contains__)
    try:
        with pytest.raises(ImageError, match="not agreed"):
            open_image(at(server, "1.png"))
        assert server.asked == []
        agreed.add(server.address)
        assert open_image(at(server, "1.png")).size == (40, 30)
    finally:
        fetched.ask_first(None)


def test_a_name_cannot_lead_to_another_storage(server, tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "x.png")
    fetched.allow(server.address)
    with pytest.raises(ImageError, match="nothing at its address"):
        open_image(Path(f"{as_path(server.address)}/y::file:{tmp_path}/x.png"))
    assert server.asked == [f"y::file:{tmp_path}/x.png"]


def test_a_server_cannot_send_elsewhere(server, tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "x.png")
    fetched.allow(server.address)
    with served(tmp_path) as other:
        server.moved = f"{other.address}/x.png"
        with pytest.raises(ImageError, match="sends on to another address"):
            open_image(at(server, "1.png"))
        assert other.asked == []


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "denied"), (404, "nothing at its address"), (500, "cannot be reached")],
)
def test_what_fails_is_one_sentence_and_is_tried_again(server, status, words):
    fetched.allow(server.address)
    server.status = status
    with pytest.raises(ImageError, match=words) as told:
        open_image(at(server, "1.png"))
    assert isinstance(told.value.__cause__, OSError)
    assert told.value.__cause__.errno
    assert "127.0.0.1" not in f"{told.value} {told.value.__cause__!r}"
    server.status = 0
    assert open_image(at(server, "1.png")).size == (40, 30)


def test_a_file_that_is_too_large_is_not_kept(server, pictures, tmp_path):
    (pictures / "a" / "big.png").write_bytes(bytes(3_000_000))
    fetched.allow(server.address)
    with pytest.raises(ImageError, match="too large"):
        fetched.local(at(server, "big.png"), MOST)
    assert not [file for file in (tmp_path / "data").rglob("*") if file.is_file()]


def test_those_used_last_stay(server, tmp_path):
    folder, size = tmp_path / "kept", 10_000
    there = tmp_path / "there"
    for name in "abcd":
        (there / "a" / name).write_bytes(name.encode() * size)
    fetched.allow(server.address)
    fetcher = Fetcher(folder, int(3.5 * size))

    def copy(name: str) -> Path:
        found = Path(fetcher.copy(f"{server.address}/a/{name}", MOST))
        assert found.read_bytes() == name.encode() * size
        return found

    first, second, _ = (copy(name) for name in "abc")
    os.utime(second, (1, 1))  # the clock of a disk may be coarse
    copy("d")
    assert not second.exists()
    assert first.exists()
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) <= 3.5 * size


def test_a_changed_file_is_fetched_anew(server, pictures):
    states = {"a/1.png": (10, 1)}
    fetched.allow(server.address, states.get)
    path = at(server, "1.png")
    before = open_image(path).getpixel((0, 0))
    key = ThumbnailStore().key(path, 256)
    assert key == ThumbnailStore().key(path, 256)
    Image.new("RGB", (40, 30), "white").save(pictures / "a" / "1.png")
    assert open_image(path).getpixel((0, 0)) == before
    states["a/1.png"] = (10, 2)
    assert open_image(path).getpixel((0, 0)) == (255, 255, 255)
    assert ThumbnailStore().key(path, 256) != key


def test_of_two_who_opened_a_root_the_one_that_stays_tells_of_its_files(server):
    first, second = {"1.png": (10, 1)}, {"1.png": (10, 2), "2.png": (10, 3)}
    picture, other = f"{server.address}/1.png", f"{server.address}/2.png"
    fetched.allow(server.address, first.get)
    fetched.allow(server.address, second.get)
    assert fetched.state(picture) == (10, 2)
    fetched.withdraw(server.address, second.get)
    assert (fetched.state(picture), fetched.state(other)) == ((10, 1), (-1, 0))
    fetched.allow(server.address, second.get)
    fetched.withdraw(server.address, first.get)
    assert (fetched.state(picture), fetched.state(other)) == ((10, 2), (10, 3))
    fetched.withdraw(server.address, second.get)
    assert fetched.state(picture) == (-1, 0)


def test_cleaning_gives_the_room_of_copies_back(server, tmp_path):
    fetched.allow(server.address)
    for name in ("1.png", "2.png"):
        open_image(at(server, name))
    pictures = [file for file in (tmp_path / "data").rglob("cache/fetched/*/*")]
    size = sum(file.stat().st_size for file in pictures)
    left = pictures[0].with_name(".left.part")  # by a process that was killed
    left.write_bytes(bytes(100))
    os.utime(left, (1, 1))
    running = left.with_name(".running.part")
    running.write_bytes(bytes(100))
    (tmp_path / "pictures").mkdir()
    with open_workspace(tmp_path / "pictures", ToyModel()) as workspace:
        told = workspace.space()
        assert (told.pictures, told.fetched) == (3, size + 100)
        assert told.removable >= told.fetched
        assert workspace.clean() >= told.fetched
        assert workspace.space().fetched == 0
    assert [file.name for file in (tmp_path / "data").rglob("*.part")] == [running.name]
    assert open_image(at(server, "1.png")).size == (40, 30)
    assert server.asked == ["a/1.png", "a/2.png", "a/1.png"]


def test_hits_at_an_address_are_copied_and_named_by_it(server, pictures, tmp_path):
    fetched.allow(server.address)
    good, gone = at(server, "1.png"), at(server, "none.png")
    report = copy_files([good, gone], tmp_path / "out", roots=[as_path(server.address)])
    assert [file.name for file in report.copied] == ["1.png"]
    assert report.copied[0].read_bytes() == (pictures / "a" / "1.png").read_bytes()
    assert [(one.path, "nothing at" in one.reason) for one in report.failed] == [(gone, True)]
    hit = Hit(good, 0.5, 1, as_path(server.address), "a/1.png")
    assert row_of(hit, Provenance("c4t", "", "car"))["path"] == f"{server.address}/a/1.png"


def test_what_is_missing_is_said(server, monkeypatch):
    fetched.allow(server.address)
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match="cluster"):
        open_image(at(server, "1.png"))


def test_a_link_out_of_a_tables_folder_is_refused(pictures, tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "private.png")
    inside, outside = pictures / "a" / "link.png", pictures / "a" / "out.png"
    inside.symlink_to("1.png")
    outside.symlink_to(tmp_path / "private.png")
    assert open_image(outside).size == (4, 4)  # a folder that the user opened, as ever
    fetched.allow(str(pictures))
    assert open_image(inside).size == (40, 30)
    for name in (outside, pictures / ".." / "private.png"):
        with pytest.raises(ImageError, match="leads out of the folder"):
            open_image(name)
    assert open_image(tmp_path / "private.png").size == (4, 4)
    fetched.withdraw(str(pictures))
    assert open_image(outside).size == (4, 4)


@pytest.mark.long
def test_a_storage_like_s3(pictures, monkeypatch):
    server = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    import s3fs

    for name, value in (("ACCESS_KEY_ID", "me"), ("SECRET_ACCESS_KEY", "secret-word")):
        monkeypatch.setenv(f"AWS_{name}", value)
    store = server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    store.start()
    try:
        host, port = store.get_host_and_port()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        disk = s3fs.S3FileSystem(skip_instance_cache=True)
        disk.mkdir("team")
        for name in ("1.png", "odd #1%20?.png"):
            disk.put_file(str(pictures / "a" / name), f"team/drives/{name}")
        fetched.allow("s3://team/drives")
        for name in ("1.png", "odd #1%20?.png"):
            mine = open_image(Path("s3:/team/drives") / name)
            assert mine.tobytes() == open_image(pictures / "a" / name).tobytes()
        with pytest.raises(ImageError, match="nothing at its address"):
            open_image(Path("s3:/team/drives/none.png"))
    finally:
        store.stop()
    with pytest.raises(ImageError, match="cannot be reached") as told:
        open_image(Path("s3:/team/drives/2.png"))
    assert "secret-word" not in repr(told.value.__cause__)
