"""Where frames lie: drives, folders inside folders, what is offline, moved or forgotten."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from c4t_core.errors import FolderError, QueryError
from c4t_core.index.exports import Provenance, write_jsonl
from c4t_core.index.folders import drives_in
from c4t_core.index.query import frame_name
from c4t_core.index.store.catalogue import Catalogue, catalogue_path
from c4t_core.index.store.reads import Lookup
from c4t_core.workspace import Filters, Workspace
from tests.helpers.toy_model import COLOURS, ToyModel, save_picture

Open = Callable[..., Workspace]
DRIVES = ("main/roads/snowy", "main/roads/dry", "weather/roads/foggy", "weather/roads/snowy")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two parents, each with two drives of four frames; two of them are called snowy."""
    for index, name in enumerate(DRIVES):
        for number in range(4):
            colour = list(COLOURS.values())[index]
            picture = tmp_path / "all" / name / "cam_front" / f"{number:06d}.png"
            save_picture(picture, colour, number)
    return tmp_path / "all"


def drive_of_each(ws: Workspace) -> dict[str, str | None]:
    return {str(hit.path): hit.drive for hit in ws.search("red", None)}


def identities(ws: Workspace) -> set[str]:
    """Return the drives of everything in the catalogue, by their full names."""
    with Catalogue(catalogue_path()).reading() as db:
        return {bytes(path).decode() for (path,) in db.execute("SELECT DISTINCT drive FROM images")}


@pytest.mark.parametrize(
    "order",
    [
        ("all",),
        ("all/main", "all/weather", "all"),
        ("all/weather/roads/snowy", "all", "all/main"),
        ("all/main/roads/dry/cam_front", "all/weather/roads", "all"),
    ],
)
def test_a_drive_does_not_depend_on_which_folder_was_opened_first(
    open_: Open, tree: Path, order: tuple[str, ...]
) -> None:
    for name in order:
        open_(tree.parent / name).index()
    ws = open_(tree)
    ws.index()
    assert identities(ws) == {str(tree / name) for name in DRIVES}
    assert ws.drives() == [
        ("dry", 4),
        ("foggy", 4),
        ("main/roads/snowy", 4),
        ("weather/roads/snowy", 4),
    ]


def test_drives_folders_and_cameras_are_listed_as_people_count(open_: Open, tmp_path: Path) -> None:
    folder, names = tmp_path / "weeks", ["week 2", "Week 9", "week 10", "week 10/b"]
    for number, name in enumerate(reversed(names)):
        for camera in (10, 9):
            save_picture(folder / name / f"cam{camera}_000001.png", COLOURS["red"], number)
    for _ in range(2):  # without its vectors at hand, and with them
        ws = open_(folder)
        ws.index()
        assert [name for name, _ in ws.drives()] == ["b", *names[:3]]
        assert [name for name, _ in ws.groups("folder", folder)] == names[:3]
        assert [name for name, _ in ws.groups("camera")] == ["cam9", "cam10"]
        for answer in (ws.browse(), ws.answer("red")):
            order = answer.scope.order(answer.image_ids, "drive")
            drives = [answer.hits()[at].drive for at in order]
            assert list(dict.fromkeys(drives)) == ["b", *names[:3]]
    with closing(Catalogue(catalogue_path())) as catalogue:
        assert [drive.name for drive in drives_in(catalogue, folder)] == ["b", *names[:3]]
    with pytest.raises(QueryError, match="b, week 2, Week 9, week 10"):
        ws.browse(filters=Filters(drives=("nowhere",)))


def test_a_drive_is_shown_by_as_little_as_tells_it_apart(open_: Open, tree: Path) -> None:
    ws = open_(tree)
    ws.index()
    assert open_(tree / "weather").drives() == [("foggy", 4), ("snowy", 4)]
    assert {hit.drive for hit in open_(tree / "main").search("red", None)} == {"snowy", "dry"}
    both = {hit.drive for hit in ws.search("red", None)}
    assert both == {"dry", "foggy", "main/roads/snowy", "weather/roads/snowy"}


@pytest.mark.parametrize(
    ("requested", "found"),
    [
        ("snowy", {"main/roads/snowy", "weather/roads/snowy"}),
        ("weather/roads/snowy", {"weather/roads/snowy"}),
        ("roads/*", {"main/roads/snowy", "weather/roads/snowy", "dry", "foggy"}),
        ("*ggy", {"foggy"}),
        ("dr?", {"dry"}),
    ],
)
def test_a_drive_is_asked_for_by_its_end_or_a_pattern(
    open_: Open, tree: Path, requested: str, found: set[str]
) -> None:
    ws = open_(tree)
    ws.index()
    assert {hit.drive for hit in ws.search("red", None, drive=requested)} == found


def test_an_unknown_drive_is_said_with_those_there_are(open_: Open, tree: Path) -> None:
    ws = open_(tree / "weather")
    ws.index()
    with pytest.raises(QueryError, match=r'no drive "dry" here; there are: foggy, snowy\.'):
        ws.search("red", drive="dry")
    with pytest.raises(QueryError, match="no drive"):
        ws.search("red", filters=Filters(drives=("foggy", "dr*")))


def test_moving_one_child_leaves_its_siblings_alone(
    open_: Open, tree: Path, model: ToyModel
) -> None:
    for folder in (tree / "main", tree / "weather", tree):
        open_(folder).index()
    model.calls.clear()
    (tree / "weather").rename(tree / "storms")
    main = open_(tree / "main")
    main.index()
    assert main.status().offline == 0
    gone = open_(tree / "weather")  # known, though not there any more
    report = gone.index()
    assert (report.offline, report.gone) == (8, 0)
    assert (gone.status().offline, main.status().offline) == (8, 0)
    assert open_(tree).status().offline == 8
    gone.relocate(tree / "weather", tree / "storms")
    again = open_(tree)
    report = again.index()
    assert (report.embedded, report.unchanged, report.offline) == (0, 16, 0)
    assert sum(model.calls) == 0
    assert ("storms/roads/snowy", 4) in again.drives()
    assert open_(tree / "storms").drives() == [("foggy", 4), ("snowy", 4)]


def test_folders_move_at_any_level(
    open_: Open, tree: Path, tmp_path: Path, model: ToyModel
) -> None:
    ws = open_(tree)
    ws.index()
    before = vectors_by_name(tree)
    model.calls.clear()
    elsewhere = tmp_path / "disk2" / "snowy"
    elsewhere.parent.mkdir()
    shutil.move(tree / "main/roads/snowy", elsewhere)
    ws.relocate(tree / "main/roads/snowy", elsewhere)  # out of its root
    outside = open_(elsewhere)
    assert outside.index().unchanged == 4
    assert outside.drives() == [("snowy", 4)]
    assert ws.index().unchanged == 12
    shutil.move(elsewhere, tree / "weather/roads/more")
    ws.relocate(elsewhere, tree / "weather/roads/more")  # a root, into another root
    assert ws.index().unchanged == 16
    tree.rename(tmp_path / "renamed")
    ws.relocate(tree, tmp_path / "renamed")
    assert open_(tmp_path / "renamed").index().unchanged == 16
    assert sum(model.calls) == 0
    after = vectors_by_name(tmp_path / "renamed")
    moved = {
        name.replace("main/roads/snowy", "weather/roads/more"): row for name, row in before.items()
    }
    assert after.keys() == moved.keys()
    assert all(np.array_equal(after[name], moved[name]) for name in after)


def test_a_parent_of_roots_moves_with_all_of_them(
    open_: Open, tree: Path, tmp_path: Path, model: ToyModel
) -> None:
    for name in ("main", "weather"):
        open_(tree / name).index()
    model.calls.clear()
    new = tmp_path / "usb"
    tree.rename(new)
    open_(new).relocate(tree, new)
    report = open_(new / "main", new / "weather").index()
    assert (report.unchanged, report.embedded, sum(model.calls)) == (16, 0, 0)


def test_moving_onto_what_was_indexed_there_keeps_the_older_rows(
    open_: Open, tree: Path, tmp_path: Path
) -> None:
    ws = open_(tree)
    ws.index()
    old = {str(hit.relative): hit.image_id for hit in ws.search("red", None)}
    new = tmp_path / "copy"
    shutil.copytree(tree, new)
    copied = open_(new)
    copied.index()
    shutil.rmtree(tree)
    copied.relocate(tree, new)
    assert copied.index().total == 16
    assert {str(hit.relative): hit.image_id for hit in copied.search("red", None)} == old


def test_what_cannot_be_moved_is_one_sentence(open_: Open, tree: Path, tmp_path: Path) -> None:
    ws = open_(tree)
    ws.index()
    with pytest.raises(FolderError, match="knows no folder"):
        ws.relocate(tmp_path / "absent", tree)
    with pytest.raises(FolderError, match="does not exist"):
        ws.relocate(tree, tmp_path / "absent")
    with pytest.raises(FolderError, match="same folder"):
        ws.relocate(tree, tree)


# What is not there


def unplug(folder: Path, how: str) -> None:
    """Take a drive away as disks go: the folder vanishes, is empty, or holds a stray file."""
    shutil.rmtree(folder)
    if how != "gone":
        folder.mkdir(parents=True)
    if how == "stray":
        save_picture(folder / "stray.png", COLOURS["yellow"])


@pytest.mark.parametrize("how", ["gone", "empty", "stray"])
def test_one_of_several_drives_is_offline_not_gone(
    open_: Open, tree: Path, model: ToyModel, how: str
) -> None:
    ws = open_(tree)
    ws.index()
    kept = tree.parent / "kept"
    shutil.copytree(tree / "main/roads/dry", kept, copy_function=shutil.copy2)
    unplug(tree / "main/roads/dry", how)
    report = ws.index()
    stray = int(how == "stray")
    assert (report.gone, report.offline, report.embedded) == (0, 4, stray)
    assert ws.status().offline == 4
    assert open_(tree / "main").status().offline == 4
    assert open_(tree / "weather").status().offline == 0
    assert len(ws.search("green", None, drive="dry")) == 4 + stray
    shutil.rmtree(tree / "main/roads/dry", ignore_errors=True)
    shutil.copytree(kept, tree / "main/roads/dry", copy_function=shutil.copy2)
    model.calls.clear()
    report = ws.index()
    assert (report.offline, report.unchanged, sum(model.calls)) == (0, 16, 0)
    assert ws.status().offline == 0


def test_missing_folders_are_forgotten_when_the_user_says_so(open_: Open, tree: Path) -> None:
    ws = open_(tree)
    ws.index()
    shutil.rmtree(tree / "main/roads/dry")
    assert ws.index().offline == 4
    report = ws.index(forget_missing=True)
    assert (report.gone, report.offline, report.total) == (4, 0, 12)
    assert ws.status().total == 12
    shutil.rmtree(tree)  # but never the opened folder itself
    report = ws.index(forget_missing=True)
    assert (report.gone, report.offline) == (0, 12)


def test_single_files_and_replaced_drives_are_gone(open_: Open, tree: Path) -> None:
    ws = open_(tree)
    ws.index()
    (tree / "main/roads/dry/cam_front/000001.png").unlink()
    for number in range(4):  # a new recording in the place of an old one
        (tree / f"main/roads/snowy/cam_front/{number:06d}.png").unlink()
        save_picture(tree / f"main/roads/snowy/cam_front/1{number:05d}.png", COLOURS["blue"], 9)
    report = ws.index()
    assert (report.gone, report.offline, report.embedded) == (5, 0, 4)


def test_a_file_that_moved_keeps_its_vector_and_is_no_news(
    open_: Open, tree: Path, model: ToyModel
) -> None:
    ws = open_(tree)
    ws.index()
    seen = first_seen()
    model.calls.clear()
    (tree / "weather/roads/foggy").rename(tree / "weather/roads/misty")
    report = ws.index()
    assert (report.embedded, report.gone, report.offline, report.unchanged) == (0, 0, 0, 16)
    assert sum(model.calls) == 0
    assert ("misty", 4) in ws.drives()
    assert first_seen() == seen


def test_a_folder_inside_one_can_be_forgotten(open_: Open, tree: Path) -> None:
    ws = open_(tree)
    ws.index()
    ws.forget(tree / "main")
    assert ws.status().total == 8
    assert {hit.drive for hit in ws.search("red", None)} == {"foggy", "snowy"}
    with pytest.raises(FolderError, match="knows no folder"):
        ws.forget(tree / "main")
    assert (tree / "main/roads/dry/cam_front/000000.png").exists()


# First seen


def first_seen() -> dict[int, float]:
    with Catalogue(catalogue_path()).reading() as db:
        return dict(db.execute("SELECT id, first_seen FROM frames"))


def vectors_by_name(root: Path) -> dict[str, np.ndarray]:
    with Catalogue(catalogue_path()).reading() as db:
        rows = db.execute(
            "SELECT r.path, i.path, v.vector FROM vectors v JOIN images i ON i.id = v.frame_id"
            " JOIN roots r ON r.id = i.root_id"
        ).fetchall()
    full = {f"{base.decode()}/{name.decode()}": vector for base, name, vector in rows}
    return {
        name.removeprefix(f"{root}/"): np.frombuffer(vector, "<f2") for name, vector in full.items()
    }


def test_embedding_again_touching_or_another_model_make_nothing_new(
    open_: Open, tree: Path
) -> None:
    ws = open_(tree)
    ws.index()
    picture = tree / "main/roads/dry/cam_front/000000.png"
    frame = ws.frame(picture)
    assert frame is not None
    assert frame.first_seen > 1.7e9
    save_picture(picture, COLOURS["white"], 7)  # another content, another id
    assert ws.index().embedded == 1
    again = ws.frame(picture)
    assert again is not None
    assert again.image_id != frame.image_id
    assert again.first_seen == frame.first_seen
    other = open_(tree, with_model=ToyModel("other"))
    other.index()
    found = other.frame(picture)
    assert found is not None
    assert found.first_seen == frame.first_seen


def test_a_catalogue_built_again_after_damage_makes_nothing_new(
    open_: Open, tree: Path, tmp_path: Path
) -> None:
    ws = open_(tree)
    ws.index()
    ws.close()
    file = catalogue_path()
    file.write_bytes(b"no database at all" * 1000)
    again = open_(tree)
    assert "damaged" in again.notices[0]
    again.index()
    assert set(first_seen().values()) == {0.0}
    save_picture(tree / "main/roads/late/000000.png", COLOURS["red"])
    again.index()
    assert sum(seen > 0 for seen in first_seen().values()) == 1


# What else the tables hold


def test_columns_hold_what_else_is_known_of_frames(open_: Open, tree: Path) -> None:
    ws = open_(tree)
    ws.index()
    ids = [hit.image_id for hit in ws.search("red", 3)]
    catalogue = Catalogue(catalogue_path())
    catalogue.put_cells("speed", {ids[0]: 13.5, ids[1]: "fast", ids[2]: 3})
    catalogue.put_cells("speed", {ids[2]: None})
    lookup = Lookup(catalogue, catalogue.roots()[0].id)
    assert lookup.cells("speed", ids) == {ids[0]: 13.5, ids[1]: "fast"}
    assert lookup.cells("height", ids) == {}
    ws.forget(tree)
    assert lookup.cells("speed", ids) == {}


def test_a_vector_damaged_on_the_disk_is_dropped_and_embedded_again(
    open_: Open, tree: Path
) -> None:
    ws = open_(tree)
    ws.index()
    ws.close()
    with sqlite3.connect(catalogue_path()) as db:
        frame, vector = db.execute("SELECT frame_id, vector FROM vectors LIMIT 1").fetchone()
        broken = bytearray(vector)
        broken[1] ^= 0x40  # the exponent of a half float
        db.execute("UPDATE vectors SET vector = ? WHERE frame_id = ?", (bytes(broken), frame))
    again = open_(tree)
    assert frame in {hit.image_id for hit in again.search("red", None)}  # the cache has it whole
    again.clean()
    again = open_(tree)
    assert frame not in {hit.image_id for hit in again.search("red", None)}
    assert again.index().embedded == 1
    assert len(again.search("red", None)) == 16


def test_a_frame_of_a_recording_is_known_by_its_file_and_time(
    open_: Open, tree: Path, tmp_path: Path
) -> None:
    """The tables and names are ready for recordings, though nothing fills them yet."""
    ws = open_(tree)
    ws.index()
    with sqlite3.connect(catalogue_path()) as db:
        clip = db.execute(
            "INSERT INTO sources (root_id, path, size, mtime_ns, kind)"
            " VALUES (1, ?, 9, 9, 'recording')",
            (b"main/clip.mp4",),
        ).lastrowid
        vector = db.execute("SELECT model_id, vector FROM vectors LIMIT 1").fetchone()
        for at in (0, 12_500_600_000):
            frame = db.execute(
                "INSERT INTO frames (source_id, at_ns, drive_id, first_seen) VALUES (?, ?, 1, 0)",
                (clip, at),
            ).lastrowid
            row = (vector[0], frame, vector[1])
            db.execute("INSERT INTO vectors (model_id, frame_id, vector) VALUES (?, ?, ?)", row)
        db.execute("UPDATE runs SET generation = generation + 1")
    hits = [hit for hit in ws.search("red", None) if hit.path.suffix == ".mp4"]
    assert [hit.at for hit in hits] == [0.0, 12.5006]
    assert all(hit.at is None for hit in ws.search("red", None) if hit not in hits)
    name = f"{tree / 'main/clip.mp4'}#t=12.501"
    frame = ws.frame(name)
    assert frame is not None
    assert (frame.image_id, frame.at) == (hits[1].image_id, 12.5006)
    assert ws.frame(tree / "main/clip.mp4") is None
    assert frame_name(frame.relative, frame.at) == "main/clip.mp4#t=12.501"
    target = tmp_path / "hits.jsonl"
    provenance = Provenance("toy", ws.model_fingerprint, "red")
    write_jsonl(hits, provenance, target)
    assert json.loads(target.read_text("utf-8").splitlines()[1])["path"] == name


def test_a_drive_above_the_opened_folder_is_shown_by_its_end(open_: Open, tmp_path: Path) -> None:
    for name in ("run1_0001.png", "run1_0002.png", "run2_0001.png"):
        save_picture(tmp_path / "set" / "images" / name, COLOURS["red"])
    ws = open_(tmp_path / "set" / "images")
    ws.index()
    assert ws.drives() == [("run1", 2), ("run2", 1)]
    assert {hit.drive for hit in ws.search("red", None, drive="run1")} == {"run1"}


def test_a_lost_identity_is_drawn_again(open_: Open, tree: Path) -> None:
    ws = open_(tree)
    ws.index()
    ws.close()
    with sqlite3.connect(catalogue_path()) as db:
        db.execute("DELETE FROM meta")
    again = open_(tree)
    assert again.index().unchanged == 16
    assert len(again.search("red", None)) == 16
