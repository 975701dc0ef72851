"""Files are the old one or the whole new one at any moment, and nothing is left behind."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from c4t_core import files
from c4t_core.errors import DataError
from c4t_core.files import atomic_folder, atomic_path, atomic_text, sha256, write_whole


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_text_and_bytes_are_written_whole(tmp_path: Path) -> None:
    write_whole(tmp_path / "new" / "a.txt", "größer\n")
    write_whole(tmp_path / "new" / "a.txt", b"\x00\n", sync=False)
    assert (tmp_path / "new" / "a.txt").read_bytes() == b"\x00\n"
    with atomic_text(tmp_path / "b.csv") as out:
        out.write("caf\udce9.png\n")
    assert (tmp_path / "b.csv").read_bytes() == b"caf\xe9.png\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.csv", "new"]


def test_a_new_file_has_the_rights_that_the_user_gives_files(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write_whole(tmp_path / "whole", "")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_crash_between_two_writes_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "manifest.json"
    path.write_bytes(b"old")
    monkeypatch.setattr(files.os if step == "fsync" else Path, step, _full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["manifest.json"]


def test_half_a_file_is_not_left(tmp_path: Path) -> None:
    def write() -> None:
        with atomic_text(tmp_path / "a") as out:
            out.write("half")
            _full()

    with pytest.raises(OSError, match="No space"):
        write()
    assert not list(tmp_path.iterdir())


def test_errors_name_the_file_and_not_its_stand_in(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, atomic_path(tmp_path / "a"):
        pass  # nothing was written
    assert caught.value.filename == str(tmp_path / "a")


def test_the_longest_name_of_a_disk_is_written(tmp_path: Path) -> None:
    write_whole(tmp_path / ("a" * 255), "x")


def test_a_folder_takes_its_place_whole(tmp_path: Path) -> None:
    target = tmp_path / "models" / "m"
    with atomic_folder(target) as folder:
        assert folder.name == "m"
        (folder / "a").write_text("1")
        assert not target.exists()
    with pytest.raises(OSError), atomic_folder(target) as folder:  # noqa: PT011 - by system
        (folder / "a").write_text("2")
    assert (target / "a").read_text() == "1"
    with atomic_folder(target, replace=True) as folder:
        (folder / "b").write_text("3")
    assert os.listdir(target) == ["b"]
    with pytest.raises(ValueError, match="no"), atomic_folder(target, replace=True) as folder:
        raise ValueError("no")
    assert os.listdir(target) == ["b"]
    assert os.listdir(target.parent) == ["m"]


def test_a_folder_that_cannot_be_moved_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a").touch()
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if self.parent.name.startswith(".writing-") and self.name == "m":
            _full()
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OSError, match="No space"), atomic_folder(tmp_path / "m", replace=True):
        pass
    assert os.listdir(tmp_path / "m") == ["a"]
    assert os.listdir(tmp_path) == ["m"]


def test_one_sum_of_files_text_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("größer".encode())
    whole = hashlib.sha256("größer".encode()).hexdigest()
    assert {sha256(tmp_path / "a"), sha256("größer"), sha256("größer".encode())} == {whole}


def test_what_gzip_packed_is_read_whatever_its_name(tmp_path: Path) -> None:
    for name in ("a.json.gz", "b.json"):
        (tmp_path / name).write_bytes(gzip.compress('{"größer": 1}'.encode()))
        assert files.read_json(tmp_path / name) == {"größer": 1}
        assert files.read_text_any(tmp_path / name) == '{"größer": 1}'
        with files.open_bytes(tmp_path / name) as lines:
            assert list(lines) == ['{"größer": 1}'.encode()]
    (tmp_path / "plain.gz").write_bytes(b"a,b\n")
    assert files.read_bytes(tmp_path / "plain.gz") == b"a,b\n"


def test_a_gzip_file_that_is_cut_short_or_a_bomb_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv.gz"
    whole = gzip.compress(os.urandom(5000))
    for raw in (whole[:40], whole[:1000] + b"x" * 500 + whole[1500:], whole[:3]):
        path.write_bytes(raw)
        with pytest.raises(DataError, match=r"compressed \(gzip\) and damaged; get it again"):
            files.read_bytes(path)
    monkeypatch.setattr(files, "MOST_UNPACKED", 1 << 20)
    path.write_bytes(gzip.compress(b"0" * (1 << 20)))
    assert len(files.read_bytes(path)) == 1 << 20
    path.write_bytes(gzip.compress(b"0" * ((1 << 20) + 1)))
    with pytest.raises(DataError, match="more than 1 MB; unpack it first"):
        files.read_text_any(path)


def test_archives_are_named_for_what_they_are(tmp_path: Path) -> None:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("a.json"))
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("a.json", "{}")
    for kind, raw in {
        "zip": zipped.getvalue(),
        "tar": gzip.compress(held.getvalue()),
        "bzip2": bz2.compress(b"{}"),
        "xz": lzma.compress(b"{}"),
    }.items():
        (tmp_path / "a.json").write_bytes(raw)
        with pytest.raises(DataError, match=rf"\({kind}.*; unpack it first"):
            files.read_json(tmp_path / "a.json")


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files that were hashed."""
    names: list[str] = []
    whole = files.sha256

    def noting(content: Path) -> str:
        names.append(content.name)
        return whole(content)

    monkeypatch.setattr(files, "sha256", noting)
    return names


def test_a_file_that_is_as_it_was_is_not_hashed_again(
    tmp_path: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = files.time.time()
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"two")
    sums = {name: sha256(tmp_path / name) for name in "ab"}
    assert files.known_sums(tmp_path, "ab") == sums
    assert files.known_sums(tmp_path, "ab") == sums
    assert hashed == ["a", "b"] * 2, "they were written just now"
    monkeypatch.setattr(files.time, "time", lambda: now + 10)
    files.known_sums(tmp_path, "ab")
    hashed.clear()
    assert files.known_sums(tmp_path, "ab") == sums
    assert files.known_sums(tmp_path, "b") == {"b": sums["b"]}
    assert hashed == []
    monkeypatch.setattr(files.time, "time", lambda: now + 8 * 86_400)
    assert files.known_sums(tmp_path, "ab") == sums
    assert hashed == ["a", "b"], "after a week"
    monkeypatch.setattr(files.time, "time", lambda: now)
    assert files.known_sums(tmp_path, "a") == {"a": sums["a"]}
    assert hashed == ["a", "b", "a"], "the clock was set back"


@pytest.mark.parametrize("how", ["written", "replaced", "times kept"])
def test_a_file_that_was_changed_is_hashed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    now, path = files.time.time(), tmp_path / "a"
    path.write_bytes(b"one")
    before = path.stat()
    monkeypatch.setattr(files.time, "time", lambda: now + 10)
    assert files.known_sums(tmp_path, "a") == {"a": sha256("one")}
    if how == "replaced":
        (tmp_path / "b").write_bytes(b"two")
        os.utime(tmp_path / "b", ns=(before.st_atime_ns, before.st_mtime_ns))
        (tmp_path / "b").replace(path)
    else:
        path.write_bytes(b"two")
        if how == "times kept":
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert files.known_sums(tmp_path, "a") == {"a": sha256("two")}


@pytest.mark.parametrize("memory", [b"", b"[]", b'{"a": 1}', b'{"a": ["x", "y", null]}', b"\xff"])
def test_a_spoilt_memory_of_sums_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: bytes
) -> None:
    now = files.time.time()
    (tmp_path / "a").write_bytes(b"one")
    monkeypatch.setattr(files.time, "time", lambda: now + 10)
    for _ in range(2):
        assert files.known_sums(tmp_path, "a") == {"a": sha256("one")}
        (kept,) = (files.paths.cache_dir() / "sums").iterdir()
        kept.write_bytes(memory)


def test_sums_are_told_where_none_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    (files.paths.cache_dir() / "sums").write_bytes(b"no folder")
    assert files.known_sums(tmp_path, "a") == {"a": sha256("one")}
    with pytest.raises(OSError, match="gone") as caught:
        files.known_sums(tmp_path, ["a", "gone"])
    assert Path(caught.value.filename).name == "gone"
