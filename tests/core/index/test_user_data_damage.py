"""No bit of what the user made changes unnoticed: every damage is repaired, refused, or harmless.

``C4T_FLIPS=1000`` flips that many bits in each of the three states of the backups.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from c4t_core.errors import CatalogueError
from c4t_core.index.store.user_data import ImageKey, Scenario, UserData

FLIPS = int(os.environ.get("C4T_FLIPS", "40"))
ALL_BACK = "all of it was restored"


def key(name: str, at: float | None = None) -> ImageKey:
    return ImageKey(Path("/drives/2026 winter"), name, "abc", 3, at)


def fill(data: UserData, start: int = 0) -> None:
    """Make something of every kind."""
    for number in range(start, start + 4):
        query = f"truck in snow {number}"
        images = [key(f"cam/{number}-{i}.png") for i in range(12)]
        data.mark(query, [*images, key("clip.mp4", 12.5 + number)], number % 2 == 0)
        data.save_scenario(
            Scenario(f"Winter {number}", query, {"filters": {"day": None}}, model="c4t", cut=0.25)
        )
        data.mark_seen(f"Winter {number}", images[:6])
        data.remember(query)
        marks = data.marks(query)
        data.save_test_set(f"set {number}", marks)


@pytest.fixture(params=["backup of now", "backup of before", "no backup"])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with a filled file, and with a backup that has all of it, some of it, or none."""
    folder = tmp_path / "filled"
    folder.mkdir()
    path = folder / "user.sqlite"
    with closing(UserData(path)) as data:
        fill(data)
    if request.param != "backup of now":
        backups = {file: file.read_bytes() for file in folder.glob("*.daily-*")}
        with closing(UserData(path)) as data:
            fill(data, 3)
            data.mark("truck in snow 1", [key("cam/1-1.png")], None)
            data.delete_scenario("Winter 0")
        for file in folder.glob("*.daily-*"):
            file.unlink()
        for file, content in backups.items() if request.param == "backup of before" else ():
            file.write_bytes(content)
    return folder


def rows_of(path: Path) -> set[tuple[object, ...]]:
    with closing(UserData(path)) as data:
        return flat(data)


def flat(data: UserData) -> set[tuple[object, ...]]:
    tables = data.everything()
    return {(table, *row.values()) for table, rows in tables.items() for row in rows}


def test_no_flipped_bit_alters_anything_silently(filled: Path, tmp_path: Path) -> None:
    made = rows_of(filled / "user.sqlite")
    ever = set(made)
    for backup in filled.glob("*.daily-*"):
        shutil.copy(backup, tmp_path / "older.sqlite")
        ever |= rows_of(tmp_path / "older.sqlite")
    content = (filled / "user.sqlite").read_bytes()
    assert not list(filled.glob("user.sqlite-*"))  # no log whose flips drop what was written last
    draw = random.Random(1)
    outcomes: Counter[str] = Counter()
    for _ in range(FLIPS):
        bit = draw.randrange(8 * len(content))
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        folder = shutil.copytree(filled, tmp_path / "flipped")
        (folder / "user.sqlite").write_bytes(flipped)
        outcomes[outcome(folder / "user.sqlite", made, ever, bit)] += 1
        shutil.rmtree(folder)
    print(dict(outcomes))
    assert outcomes["silent"] == 0


def outcome(
    path: Path, made: set[tuple[object, ...]], ever: set[tuple[object, ...]], bit: int
) -> str:
    try:
        data = UserData(path)
    except CatalogueError as error:
        assert str(error).endswith(".")
        return "refused"
    with closing(data):
        now, notice = flat(data), data.notice
        data.mark("still", [key("works.png")], True)
    assert now - ever - {row for row in now if row[0] == "test_sets"} == set(), bit
    if notice is None:
        return "harmless" if now == made else "silent"
    if ALL_BACK in notice:
        return "repaired" if now == made else "silent"
    return "repaired but for what the notice names"
