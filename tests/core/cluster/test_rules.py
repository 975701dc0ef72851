"""A table remembers what is left out of each of its folders, as the catalogue does."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from c4t_core import cli
from c4t_core.cluster import copying
from c4t_core.cluster.keeping import describe, merge, optimize
from c4t_core.cluster.planning import estimate
from c4t_core.cluster.rules import kept_rules
from c4t_core.cluster.table import open_table
from c4t_core.cluster.writing import Writing
from c4t_core.images.scan import ExcludeRules
from c4t_core.index.store.catalogue import Catalogue, catalogue_path
from c4t_core.workspace import Workspace
from tests.helpers.toy_model import ToyModel

pytest.importorskip("lancedb")
Open = Callable[..., Workspace]
Share = Callable[[Sequence[Path], Path], copying.Brought]
RULES = ExcludeRules(folders=(*ExcludeRules().folders, "drive1"))


def frames(table: Path) -> set[str]:
    """Return the drives that a table has frames of."""
    return {path.decode().partition("/")[0] for _, path, _ in open_table(table).known()}


@pytest.fixture
def table(drive: Path, tmp_path: Path, model: ToyModel) -> Path:
    """A table of which rules leave out a drive."""
    Writing([drive], tmp_path / "team.lance", model, rules=RULES)()
    return tmp_path / "team.lance"


def test_rules_are_remembered_until_others_are_told(
    drive: Path, table: Path, model: ToyModel
) -> None:
    assert kept_rules(open_table(table)) == {str(drive): RULES}
    version = open_table(table).version
    for folder in (drive, drive / "drive0"):
        report = Writing([folder], table, model)()
        assert (report.embedded, report.gone) == (0, 0)
    assert estimate([drive], table, model).frames == 0
    assert Writing([drive], table, model, rules=RULES)().gone == 0
    assert open_table(table).version == version  # the same again writes nothing
    assert frames(table) == {"drive0", "drive2"}
    assert Writing([drive], table, model, rules=ExcludeRules())().embedded == 6
    assert Writing([drive], table, model)().gone == 0
    assert kept_rules(open_table(table)) == {str(drive): ExcludeRules()}


def test_rules_told_for_a_folder_inside_hold_for_that_run(
    drive: Path, table: Path, model: ToyModel
) -> None:
    (drive / "drive0" / "night").mkdir()
    for file in sorted((drive / "drive0").glob("*.png"))[:2]:
        file.rename(drive / "drive0" / "night" / file.name)
    night = ExcludeRules(folders=("night",))
    assert Writing([drive / "drive0"], table, model, rules=night)().gone == 2
    assert kept_rules(open_table(table)) == {str(drive): RULES}
    assert Writing([drive], table, model)().embedded == 2


def test_a_table_that_was_never_told_any_goes_by_the_usual_ones(
    drive: Path, tmp_path: Path, model: ToyModel
) -> None:
    (drive / "labels").mkdir()
    next(drive.rglob("red*.png")).rename(drive / "labels" / "1.png")
    before = tmp_path / "before.lance"
    Writing([drive], before, model)()
    assert kept_rules(open_table(before)) == {}
    assert frames(before) == {"drive0", "drive1", "drive2"}
    optimize(open_table(before))
    assert Writing([drive], before, model)().gone == 0
    assert Writing([drive], before, model, rules=RULES)().gone > 0
    assert Writing([drive], before, model)().embedded == 0
    assert open_table(before).header.format == 1


def test_rules_go_along_from_table_to_table_and_to_this_machine_and_back(
    drive: Path, table: Path, model: ToyModel, tmp_path: Path, open_: Open, share: Share
) -> None:
    merge([table], tmp_path / "merged.lance")
    optimize(open_table(tmp_path / "merged.lance"))
    told = describe(open_table(tmp_path / "merged.lance"))["rules"]
    assert told == {str(drive): json.loads(RULES.to_json())}
    with contextlib.closing(Catalogue(catalogue_path())) as catalogue:
        copying.to_workspace(str(tmp_path / "merged.lance"), catalogue)
    here = open_(drive)
    assert here.exclude_rules() == RULES
    assert here.index().gone == 0
    share([drive], tmp_path / "back.lance")
    assert kept_rules(open_table(tmp_path / "back.lance")) == {str(drive): RULES}


def test_the_command_adds_to_what_is_remembered(drive: Path, tmp_path: Path) -> None:
    table = tmp_path / "team.lance"
    for more in (["--exclude", "drive1"], ["--exclude", "drive2"], []):
        assert cli.main(["index", str(drive), "--to", str(table), *more]) == 0
    assert frames(table) == {"drive0"}
    assert cli.main(["index", str(drive), "--to", str(table), "--exclude-default"]) == 0
    assert frames(table) == {"drive0", "drive1", "drive2"}
