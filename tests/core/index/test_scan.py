"""The walk finds every image, survives every oddity, and tells gone from offline (13, 18, 19)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from c4t_core.images.changes import compare
from c4t_core.images.scan import NO_RULES, ExcludeRules, FileState, Scan, scan


def touch(path: Path, content: bytes = b"x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def names(found: Scan) -> set[str]:
    return {os.fsdecode(name) for name in found.files}


def test_suffixes_and_folders(tmp_path: Path) -> None:
    for name in ("a.png", "b.JPG", "c/d.jpeg", "c/e.webp", "f.bmp", "g.tif", "h.TIFF"):
        touch(tmp_path / name)
    for name in ("i.txt", "j.psd", "png", "k.png.txt", "l.xcf"):
        touch(tmp_path / name)
    found = scan(str(tmp_path), NO_RULES)
    assert names(found) == {"a.png", "b.JPG", "c/d.jpeg", "c/e.webp", "f.bmp", "g.tif", "h.TIFF"}
    state = os.stat(tmp_path / "a.png")
    assert found.files[b"a.png"] == FileState(1, state.st_mtime_ns)


@pytest.mark.parametrize(
    "name",
    [
        "labels/a.png",
        "Label/a.png",
        "x/label_cam/a.png",
        "masks/a.png",
        "x/depth/a.png",
        "lidar/a.png",
        ".thumbs/a.png",
        "20180807145028_label_frontcenter_000006882.png",
        "x/aachen_000000_000019_gtFine_color.png",
        "aachen_000000_000019_gtFine_labelIds.png",
        "._photo.jpg",
    ],
)
def test_default_rules_leave_out_labels(tmp_path: Path, name: str) -> None:
    touch(tmp_path / name)
    touch(tmp_path / "20180807145028_camera_frontcenter_000006882.png")
    found = scan(str(tmp_path), ExcludeRules())
    assert names(found) == {"20180807145028_camera_frontcenter_000006882.png"}
    assert found.left_out == 1
    assert len(scan(str(tmp_path), NO_RULES).files) == 2


@pytest.mark.parametrize("name", ["unmasked/a.png", "labelled.png", "lid/a.png", "a_label.png"])
def test_rules_leave_in_what_merely_sounds_alike(tmp_path: Path, name: str) -> None:
    touch(tmp_path / name)
    assert names(scan(str(tmp_path), ExcludeRules())) == {name}


def test_rules_never_hold_for_the_root(tmp_path: Path) -> None:
    touch(tmp_path / "labels" / "a.png")
    assert names(scan(str(tmp_path / "labels"), ExcludeRules())) == {"a.png"}


def test_rules_can_be_changed_and_kept(tmp_path: Path) -> None:
    rules = ExcludeRules(("rear*",), ("*_blur.*",), hidden=False, labels=False)
    assert ExcludeRules.from_json(rules.to_json()) == rules
    for name in ("rear_left/a.png", "b_blur.png", ".c/d.png", "labels/e.png"):
        touch(tmp_path / name)
    assert names(scan(str(tmp_path), rules)) == {".c/d.png", "labels/e.png"}


def test_links_loops_pipes_and_folders_called_images(tmp_path: Path) -> None:
    touch(tmp_path / "z" / "a.png")
    (tmp_path / "z" / "up").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path / "z")
    (tmp_path / "one.png").symlink_to(tmp_path / "z" / "a.png")
    (tmp_path / "nothing.png").symlink_to(tmp_path / "absent")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.png").mkdir()
    touch(tmp_path / "folder.png" / "in.png")
    found = scan(str(tmp_path), ExcludeRules())
    assert names(found) == {"z/a.png", "one.png", "folder.png/in.png"}
    assert set(found.odd) == {b"nothing.png", b"pipe.jpg"}
    assert "link" in found.odd[b"nothing.png"]


def test_names_of_any_bytes(tmp_path: Path) -> None:
    odd = [b"a\nb.png", b"\xff\xfe\x80.jpg", "\N{SNOWMAN}\N{PILE OF POO}.png".encode(), b"-r.png"]
    odd.append(b"<img src='x'>.png")
    for name in odd:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:
            file.write(b"x")
    assert set(scan(str(tmp_path), ExcludeRules()).files) == set(odd)
    assert set(scan(os.fsencode(tmp_path), ExcludeRules()).files) == set(odd)


def test_unreadable_folder_is_counted_and_its_rows_are_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "open" / "a.png")
    touch(tmp_path / "shut" / "b.png")
    known = dict(scan(str(tmp_path), NO_RULES).files)
    real = os.open

    def guarded(path: bytes, *rest: int) -> int:
        if path.endswith(b"shut"):
            raise PermissionError(13, "Permission denied")
        return real(path, *rest)

    monkeypatch.setattr(os, "open", guarded)
    found = scan(str(tmp_path), NO_RULES)
    assert names(found) == {"open/a.png"}
    assert "Permission denied" in found.unreadable[b"shut"]
    diff = compare(found, known)
    assert (diff.gone, diff.offline) == ([], [b"shut/b.png"])


def test_what_is_unchanged_and_what_is_gone(tmp_path: Path) -> None:
    for name in ("same.png", "grown.png", "touched.png", "gone.png"):
        touch(tmp_path / name)
    known = dict(scan(str(tmp_path), NO_RULES).files)
    touch(tmp_path / "grown.png", b"longer")
    os.utime(tmp_path / "touched.png", ns=(1, 1))
    (tmp_path / "gone.png").unlink()
    touch(tmp_path / "new.png")
    diff = compare(scan(str(tmp_path), NO_RULES), known)
    assert diff.unchanged == [b"same.png"]
    assert diff.gone == [b"gone.png"]
    assert diff.offline == []


def test_missing_or_suddenly_empty_root_is_offline(tmp_path: Path) -> None:
    root = tmp_path / "disk"
    touch(root / "a.png")
    known = dict(scan(str(root), NO_RULES).files)
    shutil.rmtree(root)
    assert compare(scan(str(root), NO_RULES), known).offline == [b"a.png"]
    root.mkdir()  # the mount point of an unplugged disk
    diff = compare(scan(str(root), NO_RULES), known)
    assert (diff.offline, diff.gone) == ([b"a.png"], [])


def test_a_rule_that_leaves_out_everything_does_not_look_like_an_unplugged_disk(
    tmp_path: Path,
) -> None:
    touch(tmp_path / "drive" / "a.png")
    known = dict(scan(str(tmp_path), NO_RULES).files)
    diff = compare(scan(str(tmp_path), ExcludeRules(folders=("drive",))), known)
    assert diff.gone == [b"drive/a.png"]


def test_scanning_can_be_stopped(tmp_path: Path) -> None:
    for number in range(5):
        touch(tmp_path / str(number) / "a.png")

    def stop(found: int) -> None:
        if found >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(str(tmp_path), NO_RULES, check=stop)


def test_only_a_sub_folder(tmp_path: Path) -> None:
    touch(tmp_path / "one" / "a.png")
    touch(tmp_path / "two" / "b.png")
    assert names(scan(str(tmp_path), NO_RULES, below=b"two")) == {"two/b.png"}
