"""Pairs files of every make, what may be wrong in them, and splits that keep drives whole."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c4t_core.datasets.pairs import (
    Columns,
    Pair,
    PairsFile,
    PairsWriter,
    group_of,
    read_pairs,
    split_by_drive,
)
from c4t_core.datasets.scene import Scene
from c4t_core.errors import DataError
from c4t_core.files import guard_cell, unguard_cell
from c4t_core.images.frame_names import parse_frame_name

NAMES = ("a/1.jpg", "a/2.jpg", "b/1.jpg")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.fixture
def read(root: Path, tmp_path: Path) -> Callable[..., PairsFile]:
    def reader(content: str | bytes, name: str = "pairs.csv", **options: object) -> PairsFile:
        raw = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(raw)
        return read_pairs(tmp_path / name, root, **options)  # type: ignore[arg-type]

    return reader


def _said(found: PairsFile) -> list[tuple[int | None, str]]:
    return [(p.line, p.message) for p in found.problems]


TWO = [("a/1.jpg", "a car"), ("b/1.jpg", "two cars, far away")]


@pytest.mark.parametrize(
    ("name", "content", "delimiter"),
    [
        ("c.csv", 'image,caption\na/1.jpg,a car\nb/1.jpg,"two cars, far away"\n', ","),
        ("bom.csv", "\ufeffimage;caption\r\na/1.jpg;a car\r\nb/1.jpg;two cars, far away", ";"),
        ("t.tsv", "filepath\ttitle\na/1.jpg\ta car\nb/1.jpg\ttwo cars, far away\n", "\t"),
        ("hf.csv", 'file_name,text\na/1.jpg,a car\nb/1.jpg,"two cars, far away"\n', ","),
        ("seed.csv", ',camera image,caption\n0,a/1.jpg,a car\n1,b/1.jpg,"two cars, far away"', ","),
        ("none.csv", 'a/1.jpg,a car\nb/1.jpg,"two cars, far away"\n', ","),
        ("pipe.txt", "Caption | Image \na car|a/1.jpg\ntwo cars, far away|b/1.jpg\n", "|"),
    ],
)
def test_tables_of_any_make(read, name: str, content: str, delimiter: str) -> None:
    found = read(content, name)
    assert [(p.relative, p.caption) for p in found.pairs] == TWO
    assert (found.delimiter, found.problems, found.kind) == (delimiter, [], "csv")


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        (
            "p.jsonl",
            '{"image": "a/1.jpg", "caption": "a car"}\n\n'
            '{"image": "b/1.jpg", "caption": ["two cars, far away"]}',
            "jsonl",
        ),
        (
            "metadata.jsonl",
            '{"file_name": "a/1.jpg", "text": "a car"}\n'
            '{"file_name": "b/1.jpg", "text": "two cars, far away"}\n',
            "jsonl",
        ),
        (
            "list.json",
            '[{"image": "a/1.jpg", "caption": "a car"},'
            ' {"image": "b/1.jpg", "caption": "two cars, far away"}]',
            "json",
        ),
        (
            "captions_train.json",
            json.dumps(
                {
                    "images": [
                        {"id": 5, "file_name": "a/1.jpg"},
                        {"id": 6, "file_name": "b/1.jpg"},
                    ],
                    "annotations": [
                        {"image_id": 5, "caption": "a car"},
                        {"image_id": 6, "caption": "two cars, far away"},
                    ],
                }
            ),
            "coco",
        ),
    ],
)
def test_json_of_any_make(read, name: str, content: str, kind: str) -> None:
    found = read(content, name)
    assert [(p.relative, p.caption) for p in found.pairs] == TWO
    assert (found.kind, found.problems, found.delimiter) == (kind, [], None)


def test_encodings(read) -> None:
    for encoding, named in (("utf-8", "utf-8"), ("utf-16", "utf-16"), ("cp1252", "cp1252")):
        found = read("image,caption\na/1.jpg,Fußgänger\n".encode(encoding))
        assert (found.pairs[0].caption, found.encoding) == ("Fußgänger", named)
        assert any("Windows" in w for w in found.warnings) == (encoding == "cp1252")
    broken = "image,caption\na/1.jpg,Fußgänger\na/2.jpg,".encode() + b"\xff\n"
    found = read(broken)
    assert [p.caption for p in found.pairs] == ["Fußgänger"]
    assert _said(found) == [(3, "the caption holds bytes that are not UTF-8")]


def test_several_captions_of_an_image_and_columns_of_ones_own(read) -> None:
    found = read(
        "image,caption,title\na/1.jpg,one,x\na/1.jpg,two,y\n", columns={"caption": "title"}
    )
    assert [p.caption for p in found.pairs] == ["x", "y"]
    assert (found.images, found.header) == (1, ("image", "caption", "title"))
    assert found.columns == Columns("image", "title")
    assert [p.line for p in found.pairs[:1]] == [2]
    again = read("image,caption,title\na/1.jpg,one,x\n", columns=Columns("image", "title"))
    assert again.pairs[0].caption == "x"
    with pytest.raises(DataError, match=r"no column titel; it has image, caption"):
        read("image,caption\n", columns={"caption": "titel"})
    limited = read("image,caption\na/1.jpg,one\na/1.jpg,two\n", limit=1)
    assert len(limited.pairs) == 1


def test_everything_wrong_is_named_with_its_line(read, root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").touch()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.jpg").touch()
    (root / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (root / "inner.jpg").symlink_to(root / "a" / "1.jpg")
    (root / "folder").symlink_to(tmp_path / "outside")
    content = f"""image,caption
a/1.jpg,fine
gone.jpg,missing
../secret.jpg,out
a/../../secret.jpg,out
{tmp_path}/secret.jpg,out
C:\\secret.jpg,out
\\\\server\\secret.jpg,out
link.jpg,out
folder/x.jpg,out
a/1.jpg,
a/1.jpg,"  "
,no image
a/1.jpg,fine
a,a folder
a/2.jpg,too,many
a/2.jpg,"two
lines"
{root}/b/1.jpg,below the root
inner.jpg,a link within
a\\2.jpg,backslashes
"""
    found = read(content)
    assert [(p.line, p.relative, p.caption) for p in found.pairs] == [
        (2, "a/1.jpg", "fine"),
        (17, "a/2.jpg", "two lines"),
        (19, "b/1.jpg", "below the root"),
        (20, "inner.jpg", "a link within"),
        (21, "a/2.jpg", "backslashes"),
    ]
    words = dict(_said(found))
    assert sorted(words) == list(range(3, 17))
    assert "missing" in words[3]
    for line in range(4, 11):
        assert "leaves the images' folder" in words[line], line
    assert words[11] == words[12] == "the caption is empty"
    assert words[13] == "there is no image"
    assert words[14] == "the same image and caption as in line 2"
    assert "not a file" in words[15]
    assert "3 cells" in words[16]


def test_nothing_outside_the_root_is_touched(
    read, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched: list[str] = []
    from c4t_core.images import lookup

    for call in ("lstat", "listdir"):
        real = getattr(lookup.os, call)

        def watched(path: str, real: Callable[[str], object] = real) -> object:
            touched.append(str(path))
            return real(path)

        monkeypatch.setattr(lookup.os, call, watched)
    read(
        "image,caption\n../../../etc/passwd,a\n/etc/passwd,b\na/1.jpg,c\nfile:///etc/passwd,d\n"
        "%2e%2e/%2e%2e/etc/passwd,e\n../ETC/passwd,f\n"
    )
    outside = [path for path in touched if not path.startswith(str(root))]
    assert not any("passwd" in path or "etc" in path.lower() for path in outside)
    assert any(path.endswith("a/1.jpg") for path in touched)


def test_odd_cells_do_no_harm(read) -> None:
    found = read(b'image,caption\na/1.jpg,"open\n' + b"x\n" * 40 + b"a/2.jpg,y\n")
    assert [p.line for p in found.pairs] == [43]  # the rows behind it are not swallowed
    assert found.problems[0].line == 2
    assert "not closed" in found.problems[0].message
    assert _said(read(b"image,caption\na\x00.jpg,x\na/1.jpg,y\n"))[0][0] == 2
    found = read('{"image": "a/1.jpg", "caption": 7}\nnot json\n[]\n{"image": 3}\n', "p.jsonl")
    assert [line for line, _ in _said(found)] == [1, 2, 3, 4]
    found = read('[{"image": "a/1.jpg", "caption": []}, 4]', "p.json")
    assert [line for line, _ in _said(found)] == [1, 2]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("p.csv", "", "is empty"),
        ("p.csv", "\ufeff\n\n", "is empty"),
        ("p.csv", "x,y\n1,2\n", "image and the caption; choose among x, y"),
        ("p.csv", "image,y\n1,2\n", "hold the caption"),
        ("p.json", '{"a": [\n,', r"p\.json:2 is not valid JSON"),
        ("p.json", "3", "holds no pairs"),
        ("p.json", "[]", "it has no columns|no columns"),
    ],
)
def test_files_that_hold_no_pairs(read, name: str, content: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read(content, name)


def test_require_names_the_first_problems(read, root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no usable pair \(line 2: the image x\.jpg is missing"):
        read("image,caption\nx.jpg,a\n").require()
    good = read("image,caption\na/1.jpg,a\n")
    assert good.require() is good
    with pytest.raises(DataError, match="is not a folder"):
        read_pairs(tmp_path / "pairs.csv", tmp_path / "nowhere")
    with pytest.raises(DataError, match="cannot be read"):
        read_pairs(tmp_path / "nothing.csv", root)


def test_drive_and_split_columns(read) -> None:
    found = read("image,caption,drive,split\na/1.jpg,x,7,Train\nb/1.jpg,y,7,val\na/2.jpg,z,,\n")
    assert [(p.drive, p.split) for p in found.pairs] == [("7", "train"), ("7", "val"), ("a", None)]
    assert any("tears 1 drives apart, such as 7" in w for w in found.warnings)
    grouped = read('{"image": "a/1.jpg", "caption": "x", "duplicate_group": 0}', "g.jsonl")
    assert grouped.pairs[0].drive == "0"


def test_without_a_drive_there_is_a_warning(read, root: Path) -> None:
    (root / "holiday.jpg").touch()
    found = read("image,caption\nholiday.jpg,x\n")
    if found.pairs[0].drive is None:
        assert "drive of 1 images cannot be told" in found.warnings[0]


def test_what_an_image_does_not_show_is_told_by_a_column(read):
    found = read(
        "image,caption,shown\n"
        "a/1.jpg,a truck,1\na/2.jpg,a truck,0\na/1.jpg,a bus,No\na/2.jpg,a bus,\n"
        "a/1.jpg,a truck,0\na/2.jpg,fog,perhaps\n"
    )
    assert found.columns.shown == "shown"
    assert [(p.relative, p.caption) for p in found.pairs] == [
        ("a/1.jpg", "a truck"), ("a/2.jpg", "a bus"),
    ]  # fmt: skip
    assert [(p.relative, p.caption, p.line) for p in found.wrong] == [
        ("a/2.jpg", "a truck", 3), ("a/1.jpg", "a bus", 4),
    ]  # fmt: skip
    assert [(p.line, p.message) for p in found.problems] == [
        (6, "the same image and caption as in line 2, which says the opposite"),
        (7, '"perhaps" in the column shown is neither 1 (shown) nor 0 (not shown)'),
    ]
    lines = '{"image": "a/1.jpg", "caption": "fog", "shown": %s}\n'
    assert read(lines % "true", "p.jsonl").pairs
    assert read(lines % "false", "p.jsonl").wrong
    assert read(lines % "0", "p.jsonl").wrong


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.booleans()), min_size=1), st.integers(0, 9))
@settings(max_examples=100, deadline=None)
def test_what_is_not_shown_goes_where_its_drive_goes(
    images: list[tuple[str, bool]], seed: int
) -> None:
    rows = [
        Pair(Path(f"/r/{d}/{n}.jpg"), f"{d}/{n:04d}.jpg", "fog", d, None, 2, shown)
        for n, (d, shown) in enumerate(images)
    ]
    shown = [row for row in rows if row.shown]
    train, held, warnings = split_by_drive(rows, 0.3, seed)
    assert sorted([*train, *held], key=rows.index) == rows
    if len({row.drive for row in shown}) > 1:  # else one drive is cut
        assert not {row.drive for row in train} & {row.drive for row in held}
    else:
        first = min((row.relative for row in held), default="z")
        drive = {row.drive for row in shown}
        assert all(row.relative < first for row in train if row.drive in drive)
    alone, apart, said = split_by_drive(shown, 0.3, seed)
    assert [row for row in train if row.shown] == alone
    assert [row for row in held if row.shown] == apart
    assert warnings == said


def _pairs(drives: dict[str | None, int]) -> list[Pair]:
    return [
        Pair(Path(f"/r/{d}/{n}.jpg"), f"{d}/{n:04d}.jpg", f"caption {c}", d, None, 2)
        for d, count in drives.items()
        for n in range(count)
        for c in range(2)
    ]


@given(
    st.dictionaries(st.sampled_from("abcdefghij"), st.integers(1, 30), min_size=2),
    st.floats(0.05, 0.5),
    st.integers(0, 99),
)
@settings(max_examples=100, deadline=None)
def test_drives_stay_whole(drives: dict[str, int], share: float, seed: int) -> None:
    pairs = _pairs(dict(drives))
    train, held, warnings = split_by_drive(pairs, share, seed)
    assert sorted(map(id, [*train, *held])) == sorted(map(id, pairs))
    assert not {p.drive for p in train} & {p.drive for p in held}
    assert train
    assert held
    assert warnings == []
    assert split_by_drive(pairs, share, seed) == (train, held, warnings)


def test_the_share_is_met_where_drives_allow() -> None:
    pairs = _pairs({f"d{n}": 10 for n in range(50)})
    _, held, _ = split_by_drive(pairs, 0.2, seed=1)
    assert len(held) == 0.2 * len(pairs)
    _, other, _ = split_by_drive(pairs, 0.2, seed=2)
    assert held != other
    _, camvid, _ = split_by_drive(_pairs({"a": 305, "b": 124, "c": 101}))
    assert {p.drive for p in camvid} < {"b", "c"}


def test_a_drive_told_by_any_row_of_an_image_counts() -> None:
    pairs = _pairs({"a": 4, "b": 4})
    pairs = [replace(p, drive=None) if p.caption == "caption 0" else p for p in pairs]
    train, held, warnings = split_by_drive(pairs, 0.5)
    assert warnings == []
    assert not {p.relative[0] for p in train} & {p.relative[0] for p in held}


def test_unknown_drives_are_split_in_runs_and_said() -> None:
    pairs = _pairs({None: 100})
    train, held, warnings = split_by_drive(pairs, 0.2)
    names = sorted({p.relative for p in pairs})
    kept = {p.relative for p in held}
    borders = sum((a in kept) != (b in kept) for a, b in zip(names, names[1:], strict=False))
    assert borders <= 2 * 4
    assert len(kept) == 20
    assert len(train) == 160
    assert "drive of 100 images is not known" in warnings[0]


def test_one_drive_is_cut_once() -> None:
    train, held, warnings = split_by_drive(_pairs({"a": 10}), 0.2)
    assert {p.relative for p in held} == {"a/0008.jpg", "a/0009.jpg"}
    assert len(train) == 16
    assert "one drive" in warnings[0]
    assert split_by_drive(_pairs({"a": 1}))[1] == []
    assert split_by_drive([]) == ([], [], [])


def _of_cameras(names: list[str]) -> list[Pair]:
    return [
        Pair(Path("/r", name), name, "a car", parse_frame_name(name).drive, None, 2)
        for name in names
    ]


def test_cameras_of_a_recording_are_held_out_together() -> None:
    pairs = _of_cameras(
        [
            f"{folder}/cam{camera}_{frame:04d}.jpg"
            for folder in ("day", "night", "rain")
            for camera in (0, 1)
            for frame in range(10)
        ]
    )
    train, held, warnings = split_by_drive(pairs, 0.3)
    assert {p.drive for p in pairs} == {"day", "night", "rain"}
    assert not {p.relative.split("/")[0] for p in train} & {p.relative.split("/")[0] for p in held}
    assert warnings == []


def test_recordings_of_the_same_prefix_in_two_folders_are_two() -> None:
    names = [f"{folder}/run1_{frame:04d}.jpg" for folder in "ab" for frame in range(10)]
    train, held, _ = split_by_drive(_of_cameras(names), 0.5)
    assert ({p.relative[0] for p in train}, {p.relative[0] for p in held}) in (
        ({"a"}, {"b"}),
        ({"b"}, {"a"}),
    )


@pytest.mark.parametrize("folder", ["", "trip/"])
def test_what_cameras_saw_at_one_moment_stays_together(folder: str) -> None:
    """In a flat folder, whose drive nothing tells, as in the only drive there is."""
    names = [f"{folder}cam{camera}_{frame}.jpg" for camera in range(4) for frame in range(33)]
    train, held, warnings = split_by_drive(_of_cameras(names), 0.2)
    moments = [{p.relative.rpartition("_")[2] for p in side} for side in (train, held)]
    assert not moments[0] & moments[1]
    assert 18 <= len(held) <= 36
    assert warnings


def test_the_end_of_a_drive_is_that_of_its_numbers() -> None:
    _, held, _ = split_by_drive(_of_cameras([f"trip/frame{n}_rgb.jpg" for n in range(1, 13)]), 0.2)
    assert {p.relative for p in held} == {"trip/frame11_rgb.jpg", "trip/frame12_rgb.jpg"}


def test_formulas_are_guarded_and_come_back(read, root: Path) -> None:
    (root / "=1.jpg").touch()
    rows = [("=1.jpg", "=1+1"), ("a/1.jpg", "-2 cars"), ("a/2.jpg", "@home"), ("b/1.jpg", "'tis")]
    out = io.StringIO()
    writer = PairsWriter(out)
    for image, caption in rows:
        writer.write(image, caption, "+7", None)
    cells = [cell for line in out.getvalue().splitlines()[1:] for cell in line.split(",")]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    found = read(out.getvalue())
    assert [(p.relative, p.caption) for p in found.pairs] == rows
    assert {p.drive for p in found.pairs} == {"+7"}
    assert (writer.rows, writer.without_drive) == (4, 0)


@given(st.text())
def test_guarding_is_undone(text: str) -> None:
    assert not guard_cell(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    if not (text.startswith("'") and guard_cell(text[1:]) != text[1:]):
        assert unguard_cell(guard_cell(text)) == text


def test_what_holds_a_scene_together() -> None:
    assert group_of(Scene("a.jpg", drive="7", group="3")) == "7"
    assert group_of(Scene("a.jpg", group="3")) == "group-3"
    name = "20180807145028_camera_frontcenter_000006882.png"
    assert group_of(Scene(f"images/{name}")) == "20180807145028"
