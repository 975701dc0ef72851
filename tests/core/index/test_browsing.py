"""Looking without a query: which frames are left by drives, dates and folders, and their order."""

from __future__ import annotations

import calendar
import math
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from c4t_core.errors import DataError, NotIndexedError, QueryError
from c4t_core.index.query import (
    Filters,
    Hit,
    ImageIds,
    plain_filters,
    saved_filters,
    time_bounds,
)
from c4t_core.workspace import Workspace, open_workspace
from tests.helpers.toy_model import COLOURS, ToyModel, save_picture

_DAY = 86_400.0


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three drives over four days, one whose names tell no time, one of a clock without a date."""
    folder = tmp_path_factory.mktemp("week")
    for place, drive in enumerate(("north/one", "north/two", "south/three")):
        for number in range(6):
            stamp = time.gmtime(1_791_936_000 + place * _DAY + number * _DAY / 3)
            name = time.strftime("%Y-%m-%dT%H-%M-%S", stamp) + "_front.png"
            save_picture(folder / drive / name, COLOURS["red"], number)
    for number in range(2):
        save_picture(folder / "south/plain" / f"frame_{number:06d}.png", COLOURS["blue"], number)
        save_picture(folder / "clock" / f"{12.5 + number:.6f}.png", COLOURS["blue"], number)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def ws(week: Path, data: Path) -> Workspace:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("C4T_DATA_DIR", str(data))
        with open_workspace(week, ToyModel()) as workspace:
            workspace.index()
            yield workspace


def by_hand(week: Path, keep: Callable[[Path, float | None], bool]) -> set[Path]:
    """Return the files to be left, by what their names say to a reader who knows no catalogue."""
    left = set()
    for path in week.rglob("*.png"):
        seconds = None
        if path.name.startswith("2026"):
            stamp = time.strptime(path.name.split("_")[0], "%Y-%m-%dT%H-%M-%S")
            seconds = float(calendar.timegm(stamp))
        if keep(path, seconds):
            left.add(path)
    return left


def test_several_drives_and_a_span_of_days_leave_what_a_count_of_the_names_leaves(
    ws: Workspace, week: Path
) -> None:
    assert [count for _, count in ws.drives()] == [2, 6, 2, 6, 6]
    since, until = time_bounds("2026-10-15", "2026-10-16")
    assert since is not None
    assert until == since + 2 * _DAY
    two = Filters(drives=("one", "three"))
    cases: list[tuple[Filters, set[Path]]] = [
        (two, by_hand(week, lambda path, _: path.parent.name in ("one", "three"))),
        (Filters(since=since), by_hand(week, lambda _, at: at is not None and at >= since)),
        (Filters(until=until), by_hand(week, lambda _, at: at is not None and at < until)),
        (
            Filters(("north",), ("one", "two"), since=since, until=until),
            by_hand(
                week,
                lambda path, at: "north" in path.parts and at is not None and since <= at < until,
            ),
        ),
    ]
    for filters, expected in cases:
        assert expected
        assert {hit.path for hit in ws.search("red", None, filters=filters)} == expected


@pytest.mark.parametrize(
    ("filters", "plain"),
    [
        (Filters(), {}),
        (Filters(drives=("a",), cameras=("front",)), {"drive": "a", "camera": "front"}),
        (Filters(drives=("a", "b")), {"drives": ["a", "b"]}),
        (Filters(cameras=("l", "r")), {"cameras": ["l", "r"]}),
        (Filters(since=_DAY, until=2 * _DAY), {"day": "1970-01-02"}),
        (Filters(since=_DAY, until=4 * _DAY), {"since": "1970-01-02", "until": "1970-01-04"}),
        (Filters(since=_DAY + 60), {"since": "1970-01-02T00:01:00"}),
        (Filters(until=60.25), {"until": "1970-01-01T00:01:00.250000"}),
        (Filters(("/d",), since=60, until=60), {"within": ["/d"], "since": "1970-01-01T00:01:00"}),
    ],
)
def test_filters_are_kept_as_plain_data_that_older_versions_read_where_they_can(
    filters: Filters, plain: dict[str, object]
) -> None:
    kept = plain_filters(filters)
    assert plain.items() <= {name: value for name, value in kept.items() if value}.items()
    assert {*kept} - {*plain} <= {"within", "drive", "camera", "day", "until"}
    assert saved_filters({"filters": kept})[0] == filters


def test_moments_are_days_or_have_a_time_and_everything_else_is_refused() -> None:
    assert time_bounds(None, "") == (None, None)
    assert time_bounds("1970-01-02", "1970-01-02") == (_DAY, 2 * _DAY)
    assert time_bounds("1970-01-01 02:00+02:00", "1970-01-01T00:00") == (0.0, 0.0)
    for text in ("yesterday", "2026-13-01", "9999-12-31"):
        with pytest.raises(DataError, match=rf'"{text}" is no date such as .*; choose another\.$'):
            time_bounds(None, text)


def test_browsing_shows_every_frame_once_drive_by_drive_in_time_order(
    ws: Workspace, week: Path
) -> None:
    everything = ws.browse()
    hits = everything.hits()
    assert {hit.path for hit in hits} == {*week.rglob("*.png")}
    assert len(hits) == len(everything.image_ids) == sum(count for _, count in ws.drives())
    assert [hit.rank for hit in hits] == [*range(1, len(hits) + 1)]

    def course(hit: Hit) -> tuple[str, float, int]:
        return hit.drive or "", math.inf if hit.time is None else hit.time, hit.frame or -1

    assert [course(hit) for hit in hits] == sorted(course(hit) for hit in hits)
    assert everything.cut is None
    for by in ("time", "drive"):
        assert len(everything.scope.order(everything.image_ids, by)) == len(hits)


def test_browsing_is_restricted_as_a_query_is(ws: Workspace, week: Path) -> None:
    since, until = time_bounds("2026-10-14", "2026-10-15")
    some = tuple(ws.browse().image_ids[3:9].tolist())
    for filters in (
        Filters(drives=("two", "plain")),
        Filters(("south",), since=since, until=until),
        Filters(only=ImageIds(some)),
        Filters(without=frozenset(some)),
        Filters(cameras=("front",), drives=("one",)),
    ):
        asked = ws.answer("red", filters=filters)
        browsed = ws.browse(filters=filters)
        assert sorted(browsed.image_ids.tolist()) == sorted(asked.image_ids.tolist())
    with pytest.raises(QueryError, match="There is no drive"):
        ws.browse(filters=Filters(drives=("nine",)))


def test_browsing_goes_on_over_several_folders_of_one_root(
    ws: Workspace, week: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("C4T_DATA_DIR", str(data))
    with open_workspace([week / "south", week / "clock"], ToyModel()) as some:
        assert {hit.path for hit in some.browse().hits()} == {
            path for path in week.rglob("*.png") if "north" not in path.parts
        }
        assert some.groups("folder", week / "south") == [("plain", 2), ("three", 6)]


def test_browsing_what_was_never_indexed_is_refused(tmp_path: Path) -> None:
    save_picture(tmp_path / "new" / "a.png", COLOURS["red"])
    with (
        open_workspace(tmp_path / "new", ToyModel()) as some,
        pytest.raises(NotIndexedError, match="c4t index"),
    ):
        some.browse()


def test_the_folder_tree_counts_what_lies_in_and_below_each_folder(
    ws: Workspace, week: Path, tmp_path: Path
) -> None:
    folders = [week]
    while folders:
        folder = folders.pop()
        below = sorted(path for path in folder.iterdir() if path.is_dir())
        expected = [(path.name, len([*path.rglob("*.png")])) for path in below]
        assert ws.groups("folder", folder) == expected
        for name, count in expected:
            assert len(ws.browse(filters=Filters((folder / name,))).image_ids) == count
        folders += below
    assert ws.groups("folder", tmp_path) == []
