"""Damaged databases are found by their content and made again; disks without shared memory serve.

The damage is done so that size and time of the file are as they were, as rot does it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from c4t_core.cli import main
from c4t_core.errors import CatalogueError, FolderError
from c4t_core.index.store.user_data import ImageKey, UserData
from c4t_core.workspace import Workspace
from tests.helpers.denied import why_not

Open = Callable[..., Workspace]
ROOT = Path(__file__).parents[3]
WHY_NOT = why_not()


def rot(path: Path, harm: Callable[[bytearray], None]) -> None:
    """Change a file's content, not its size or time."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    harm(content)
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def flip(position: Callable[[bytes], int], bit: int = 2) -> Callable[[bytearray], None]:
    def harm(content: bytearray) -> None:
        content[position(bytes(content))] ^= bit

    return harm


def zero_middle(content: bytearray) -> None:
    page = int.from_bytes(content[16:18], "big")
    content[page : page + 40] = bytes(40)  # how a page of the tree begins


def vector(content: bytes) -> int:
    """Return where a byte of a stored vector is."""
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(content[:18] + b"\1\1" + content[20:])
        (stored,) = db.execute("SELECT vector FROM vectors LIMIT 1").fetchone()
    return content.index(stored) + 5


HARMS = {
    "structure": zero_middle,
    "path": flip(lambda content: content.index(b"red_000001.png") + 2),
    "vector": flip(vector),
    "schema": flip(lambda content: content.index(b"TABLE sources") + 7),
    "version": flip(lambda content: 63, 4),
}


@pytest.mark.parametrize("harm", HARMS)
def test_rot_is_found_by_content_and_built_again(
    open_: Open, drive: Path, data_dir: Path, harm: str
) -> None:
    with open_(drive) as ws:
        ws.index()
        fresh = [(hit.relative, hit.score) for hit in ws.search("red", None)]
    rot(data_dir / "catalogue.sqlite", HARMS[harm])
    again = open_(drive)
    assert "set aside" in "".join(again.notices)
    assert again.index().embedded == 18
    assert [(hit.relative, hit.score) for hit in again.search("red", None)] == fresh
    again.close()
    assert open_(drive).notices == []


@pytest.mark.parametrize("command", ["index", "search", "search elsewhere"])
def test_the_first_command_says_it(
    command: str, drive: Path, data_dir: Path, tiny_model_folder: Path, capsys: Any
) -> None:
    model = ["--model", str(tiny_model_folder)]
    assert main(["index", str(drive), *model]) == 0
    rot(data_dir / "catalogue.sqlite", zero_middle)
    capsys.readouterr()
    words = {
        "index": ["index", str(drive), *model],
        "search": ["search", str(drive), "snow", *model],
        "search elsewhere": ["search", str(drive / "absent"), "snow", *model],
    }[command]
    assert main(words) == (0 if command == "index" else 1)
    said = capsys.readouterr().err
    assert said.count("was damaged") == 1
    if command == "search":
        assert said.index("was damaged") < said.index("c4t: ")
        assert "index" in said[said.index("c4t: ") :]
    assert main(["index", str(drive), *model]) == 0
    assert "damaged" not in capsys.readouterr().err


def test_a_large_catalogue_is_looked_at_piece_by_piece(
    open_: Open, drive: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in (("_LARGE", 65536), ("_PIECE", 16384), ("_BLOCK", 8192), ("_PIECES", 1)):
        monkeypatch.setattr(f"c4t_core.index.store.soundness.{name}", size)
    with open_(drive) as ws:
        ws.index()
    path = data_dir / "catalogue.sqlite"
    pieces = -(-path.stat().st_size // 16384)
    assert pieces > 6

    def flip_a_late_bit(content: bytearray) -> None:
        content[5 * 16384 + 99] ^= 2

    rot(path, flip_a_late_bit)
    noticed = 0
    for _ in range(pieces):
        with open_(drive) as ws:
            noticed = bool(ws.notices)
            if not noticed:
                ws.index()  # which finds nothing new, and so vouches for nothing
        if noticed:
            break
    assert noticed
    assert open_(drive).index().embedded == 18


def test_notes_of_an_error_are_the_notices(open_: Open, drive: Path, data_dir: Path) -> None:
    open_(drive).close()
    rot(data_dir / "catalogue.sqlite", zero_middle)
    with pytest.raises(FolderError) as caught:
        open_(drive / "absent")
    assert "damaged" in "".join(caught.value.__notes__)


def failing(monkeypatch: pytest.MonkeyPatch, start: str, error: sqlite3.Error) -> None:
    """Have statements that begin so fail."""

    class Failing(sqlite3.Connection):
        def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:
            if sql.startswith(start):
                raise error
            return super().execute(sql, *more)

    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: real(*a, **{"factory": Failing, **k}))


def test_damage_that_shows_in_use_is_set_right_at_the_next_opening(
    open_: Open, drive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_(drive) as ws:
        ws.index()
    with monkeypatch.context() as patch:
        failing(
            patch, "SELECT id, root_id", sqlite3.DatabaseError("database disk image is malformed")
        )
        broken = open_(drive)
        for _ in range(2):
            with pytest.raises(CatalogueError, match="start again, and it is set right"):
                broken.search("red")
    again = open_(drive)  # while the other is open still
    assert "set aside" in "".join(again.notices)
    assert again.index().embedded == 18
    with pytest.raises(CatalogueError, match="start again"):
        broken.search("red")
    broken.close()
    again.close()
    assert open_(drive).notices == []


def test_a_lost_column_is_damage(open_: Open, drive: Path, data_dir: Path) -> None:
    with open_(drive) as ws:
        ws.index()
    path = data_dir / "catalogue.sqlite"
    rot(path, flip(lambda content: content.index(b"reason TEXT")))
    (data_dir / "catalogue.sqlite.checked").unlink()  # as if the last run had been killed
    with open_(drive) as ws, pytest.raises(CatalogueError, match="set right"):
        ws.skipped()
    again = open_(drive)
    assert "set aside" in "".join(again.notices)
    assert again.index().embedded == 18


@pytest.mark.parametrize(
    "error",
    [sqlite3.OperationalError("disk I/O error"), sqlite3.DatabaseError("malformed")],
    ids=["disk", "damage"],
)
def test_closing_vouches_for_nothing_after_an_error(
    open_: Open, drive: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch, error: sqlite3.Error
) -> None:
    note = data_dir / "catalogue.sqlite.checked"
    with open_(drive) as ws:
        ws.index()
    assert '"checksum"' in note.read_text("utf-8")
    with monkeypatch.context() as patch:
        failing(patch, "SELECT id, root_id", error)
        with open_(drive) as ws, pytest.raises(CatalogueError):
            ws.search("red")
    assert '"checksum"' not in note.read_text("utf-8")


def test_closing_vouches_for_nothing_it_did_not_check(
    open_: Open, drive: Path, data_dir: Path
) -> None:
    path = data_dir / "catalogue.sqlite"
    with open_(drive) as ws:
        ws.index()
    with open_(drive):  # nothing is written: what rots meanwhile is not noted as good
        rot(path, HARMS["path"])
    again = open_(drive)
    assert again.notices
    again.index()
    again.retry_skipped()
    again.close()
    with open_(drive) as ws:
        ws.retry_skipped()
        rot(path, zero_middle)  # written, and of a structure that is not whole
    assert open_(drive).notices


def test_what_is_asked_of_a_closed_catalogue_is_no_damage(
    open_: Open, drive: Path, data_dir: Path
) -> None:
    with open_(drive) as workspace:
        workspace.index()
    with pytest.raises(CatalogueError, match="closed meanwhile"):
        workspace.drives()
    with open_(drive) as again:  # it was set aside before, with all it knew
        assert not again.notices
        assert again.status().embedded
    assert not list(data_dir.glob("*.damaged-*"))


def test_an_emptied_catalogue_is_said(open_: Open, drive: Path, data_dir: Path) -> None:
    with open_(drive) as ws:
        ws.index()
    (data_dir / "catalogue.sqlite").write_bytes(b"")
    assert "damaged" in "".join(open_(drive).notices)


def test_a_copied_or_removed_catalogue_is_no_damage(
    open_: Open, drive: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with open_(drive) as ws:
        ws.index()
    copy = tmp_path / "copy"
    shutil.copytree(data_dir, copy, copy_function=shutil.copyfile)
    monkeypatch.setenv("C4T_DATA_DIR", str(copy))
    with open_(drive) as ws:
        assert not ws.notices
        assert len(ws.search("red", None)) == 18
    rot(copy / "catalogue.sqlite", HARMS["path"])
    with open_(drive) as ws:
        assert ws.notices
    (copy / "catalogue.sqlite").unlink()
    assert open_(drive).notices == []


def test_what_the_user_made_is_checked_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "user.sqlite"
    with contextlib.closing(UserData(path)) as data:
        data.mark("snow on the road", [ImageKey(tmp_path, "a.png")], True)
    rot(path, flip(lambda content: content.index(b"snow on the road")))
    with contextlib.closing(UserData(path)) as data:
        assert data.notice


# Disks without shared memory, and disks that may not be written


def run(*words: str | Path, without: str = "") -> subprocess.CompletedProcess[str]:
    module = ["tests.helpers.denied", without] if without else []
    return subprocess.run(
        [sys.executable, "-B", "-m", *module, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def journal_of(path: Path) -> str:
    header = path.read_bytes()[18:20]
    return {b"\2\2": "wal", b"\1\1": "delete"}[header]


@pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
@pytest.mark.parametrize("before", ["new", "wal"])
def test_a_disk_without_shared_memory(
    before: str, drive: Path, data_dir: Path, tiny_model_folder: Path, tmp_path: Path
) -> None:
    model = ["--model", tiny_model_folder]
    catalogue, user = data_dir / "catalogue.sqlite", data_dir / "user.sqlite"
    mark = tmp_path / "mark.py"
    mark.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from c4t_core.index.store.user_data import ImageKey, UserData\n"
        "data = UserData()\n"
        "data.mark(sys.argv[1], [ImageKey(Path('/d'), 'a.png')], True)\n"
        "print(sorted(mark.query for mark in data.marks()))\n"
        "data.close()\n",
        encoding="utf-8",
    )
    (tmp_path / "as_module.py").write_text(mark.read_text("utf-8"), encoding="utf-8")
    code = [sys.executable, "-B", str(mark)]
    here = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}
    if before == "wal":
        assert run("c4t_core", "index", drive, *model).returncode == 0
        subprocess.run([*code, "one"], env=here, check=True, capture_output=True)
        assert (journal_of(catalogue), journal_of(user)) == ("wal", "delete")
    done = run("c4t_core", "index", drive, *model, without="shared_memory")
    assert done.returncode == 0, done.stderr
    assert "18 images" in done.stdout
    denied = [sys.executable, "-B", "-m", "tests.helpers.denied", "shared_memory", "as_module"]
    done = subprocess.run(
        [*denied, "two"], env=here, cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.stdout.strip() == str(["one", "two"] if before == "wal" else ["two"]), done.stderr
    assert (journal_of(catalogue), journal_of(user)) == ("delete", "delete")
    done = run("c4t_core", "search", drive, "red", *model, without="shared_memory")
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, 18, "")
    left = {path.name for path in data_dir.iterdir() if not path.name.endswith(".sqlite-shm")}
    left = {name for name in left if not name.startswith("user.sqlite.")}  # backups
    names = {"catalogue.sqlite", "catalogue.sqlite.checked", "user.sqlite"}
    assert left - {"cache", "locks"} == names  # nothing of the probe
    assert run("c4t_core", "search", drive, "red", *model).returncode == 0
    assert journal_of(catalogue) == "wal"  # back on a good disk


@pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
def test_marks_of_version_0_1_on_a_disk_without_shared_memory(data_dir: Path) -> None:
    user = data_dir / "user.sqlite"
    shutil.copyfile(ROOT / "tests" / "made_by_0_1" / "data" / "user.sqlite", user)
    assert journal_of(user) == "wal"
    (data_dir / "count_marks.py").write_text(
        "from c4t_core.index.store.user_data import UserData\n"
        "data = UserData()\n"
        "print(len(data.marks()), data.notice)\n"
        "data.close()\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-B", "-m", "tests.helpers.denied", "shared_memory", "count_marks"],
        cwd=data_dir,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(data_dir)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "6 None\n", done.stderr
    assert journal_of(user) == "delete"


@pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
def test_searching_needs_no_writing(
    drive: Path, data_dir: Path, tiny_model_folder: Path, tmp_path: Path
) -> None:
    model = ["--model", tiny_model_folder]
    assert run("c4t_core", "index", drive, *model).returncode == 0
    shutil.rmtree(data_dir / "cache")
    before = {path: path.stat().st_mtime_ns for path in data_dir.rglob("*")}
    done = run("c4t_core", "search", drive, "red", *model, without="writing")
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, 18, "")
    assert {path: path.stat().st_mtime_ns for path in data_dir.rglob("*")} == before
    done = run("c4t_core", "index", drive, *model, without="writing")
    assert done.returncode == 1
    assert "C4T_DATA_DIR" in done.stderr
    assert done.stderr.count("\n") == 1
