"""Scanning again: a walk that found what is known is remembered, and never wrongly."""

from __future__ import annotations

import itertools
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from c4t_core import paths
from c4t_core.images.changes import compare
from c4t_core.images.scan import NO_RULES, ExcludeRules, Scan
from c4t_core.index.store.ledger import Ledger
from c4t_core.workspace import Workspace, open_workspace
from tests.helpers.toy_model import COLOURS, ToyModel, save_picture

Open = Callable[..., Workspace]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What walks were said to be, each held against a comparison with all that is known."""
    said: list[bool] = []
    remembers = Ledger.remembers

    def checked(ledger: Ledger, found: Scan, failed: int) -> bool:
        answer = remembers(ledger, found, failed)
        diff = compare(found, ledger.known())
        new = len(found.files) - len(diff.unchanged)
        if answer:
            assert (diff.gone, diff.offline, diff.renamed, new) == ([], [], {}, failed)
        said.append(answer)
        return answer

    monkeypatch.setattr(Ledger, "remembers", checked)
    return said


def test_files_that_failed_are_no_change(open_: Open, drive: Path, answers: list[bool]) -> None:
    (drive / "drive0" / "broken.png").write_bytes(b"no picture")
    ws = open_(drive)
    first, second, third = ws.index(), ws.index(), ws.index()
    assert (first.embedded, len(first.skipped)) == (18, 1)
    assert second == third
    assert (third.total, third.unchanged, third.offline, third.gone) == (19, 18, 0, 0)
    assert answers == [False, False, True]
    ws.retry_skipped()
    assert len(ws.index().skipped) == 1


def test_nothing_is_read_of_what_is_known(
    open_: Open, drive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws = open_(drive)
    ws.index(), ws.index()

    def known(_: Ledger) -> dict[bytes, tuple[int, int]]:
        raise AssertionError("it was read")

    monkeypatch.setattr(Ledger, "known", known)
    assert ws.index().unchanged == 18
    save_picture(drive / "drive1" / "new.png", COLOURS["red"])
    with pytest.raises(AssertionError, match="it was read"):
        ws.index()


class Life:
    """What happens to a folder of drives, and to what is known of it, by the draw."""

    def __init__(self, seed: int, base: Path) -> None:
        self.draw, self.base, self.root = random.Random(seed), base, base / "drives"
        self.models = [ToyModel("one"), ToyModel("two", dim=32)]
        self.numbers = itertools.count()

    def one(self) -> Path | None:
        files = sorted(self.root.rglob("*.png"))
        return self.draw.choice(files) if files else None

    def open(self, below: str = "") -> Workspace:
        return open_workspace(self.root / below, self.draw.choice(self.models))

    def index(self, below: str = "") -> None:
        with self.open(below) as workspace:
            workspace.index(forget_missing=self.draw.random() < 0.2)

    def adds(self) -> None:
        folder = self.root / self.draw.choice(["a", "a/b", "c", "labels"])
        colour = self.draw.choice(list(COLOURS.values()))
        save_picture(folder / f"{next(self.numbers)}.png", colour)

    def drops(self) -> None:
        if path := self.one():
            path.unlink()

    def alters(self) -> None:
        if path := self.one():
            save_picture(path, COLOURS["blue"], next(self.numbers) % 30)
            ticks = [-(2**63) - 5, next(self.numbers), 2**63 - 2]
            os.utime(path, ns=(5, self.draw.choice(ticks)))

    def renames(self) -> None:
        if path := self.one():
            path.rename(path.with_name(f"{next(self.numbers)}.png"))

    def spoils(self) -> None:
        if path := self.one():
            path.write_bytes(b"no picture")

    def is_unplugged(self) -> None:
        if (self.root / "c").exists():
            shutil.move(self.root / "c", self.base / "away")
            self.index()
            shutil.move(self.base / "away", self.root / "c")

    def is_indexed_in_part(self) -> None:
        if (self.root / "a").exists():
            self.index("a")

    def is_tried_again(self) -> None:
        with self.open() as workspace:
            workspace.retry_skipped()

    def gets_other_rules(self) -> None:
        with self.open() as workspace:
            workspace.set_exclude_rules(self.draw.choice([NO_RULES, ExcludeRules()]))

    def moves(self) -> None:
        old, self.root = self.root, self.base / f"drives {next(self.numbers)}"
        old.rename(self.root)
        with self.open() as workspace:
            workspace.relocate(old, self.root)

    def is_forgotten(self) -> None:
        with self.open() as workspace:
            workspace.forget(self.root)


@pytest.mark.parametrize("seed", range(4))
def test_it_is_right_whatever_happens_between(
    seed: int, tmp_path: Path, answers: list[bool]
) -> None:
    life = Life(seed, tmp_path)
    for _ in range(4):
        life.adds()
    life.index()
    happens = [
        *(life.adds, life.drops, life.alters, life.renames, life.spoils, life.is_unplugged),
        *(life.is_indexed_in_part, life.is_tried_again, life.gets_other_rules, life.moves),
        life.is_forgotten,
    ]
    for _ in range(40):
        life.draw.choice(happens)()
        for _ in range(life.draw.randrange(1, 4)):
            life.index()
    assert 10 < sum(answers) < len(answers)


def test_what_is_remembered_may_be_lost_or_cannot_be_written(
    open_: Open, drive: Path, answers: list[bool]
) -> None:
    ws = open_(drive)
    ws.index(), ws.index(), ws.index()
    assert answers.pop()
    (kept,) = (paths.cache_dir() / "walks").iterdir()
    kept.write_bytes(b"\xff damaged")
    assert ws.index().unchanged == 18
    shutil.rmtree(kept.parent)
    kept.parent.write_text("no folder")
    assert ws.index().unchanged == 18
    assert ws.index().unchanged == 18
    assert not any(answers)
