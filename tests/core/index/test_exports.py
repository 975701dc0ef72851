"""Exports of hits: provenance in every row, awkward names, copies that overwrite nothing."""

from __future__ import annotations

import base64
import csv
import json
import os
import struct
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from c4t_core.errors import Cancelled, FolderError
from c4t_core.files import unguard_cell
from c4t_core.index.exports import COLUMNS, Hits, Provenance, copy_files, write_csv, write_jsonl
from c4t_core.index.objects import Seen
from c4t_core.index.query import Hit

WHERE = Provenance(
    "c4t:winter", "f" * 64, "=snow + truck - people", 0.25, {"drive": "d1"}, "2026-01-18T09:15:00Z"
)
NAMES = (
    "plain.png",
    "=HYPERLINK(1).png",
    "two\nlines.png",
    "<img src=x onerror=1>.png",
    'quote",comma;.png',
    "ümlaut 雪.png",
    os.fsdecode(b"bad\xff\xfe.png"),
)


def hits_in(root: Path, names=NAMES) -> list[Hit]:
    return [
        Hit(root / name, 0.5 - 0.1 * place, place + 1, root, name, "d1", "front", place, 1.25)
        for place, name in enumerate(names)
    ]


def test_a_table_names_model_query_and_cut_in_every_row(tmp_path):
    target = tmp_path / "hits.csv"
    write_csv(hits_in(Path("/drives"), NAMES[:1]), WHERE, target)
    with target.open(encoding="utf-8", newline="") as lines:
        (row,) = csv.DictReader(lines)
    assert tuple(row) == COLUMNS
    assert (row["rank"], row["score"], row["path"]) == ("1", "0.5", str(Path("/drives/plain.png")))
    assert (row["drive"], row["camera"], row["frame"]) == ("d1", "front", "0")
    assert row["time"] == "1970-01-01T00:00:01.250Z"
    assert (row["model"], row["fingerprint"], row["threshold"]) == ("c4t:winter", "f" * 64, "0.25")
    assert row["exported_at"] == "2026-01-18T09:15:00Z"
    assert json.loads(row["filters"]) == {"drive": "d1"}
    assert unguard_cell(row["query"]) == WHERE.query


def test_a_spreadsheet_runs_nothing_and_loses_nothing(tmp_path):
    target = tmp_path / "hits.csv"
    write_csv(hits_in(Path("/drives")), WHERE, target)
    with target.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["rank"] for row in rows] == [str(n + 1) for n in range(len(NAMES))]
    for row in rows:
        for name in ("file", "path", "query", "drive"):
            assert not row[name].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unguard_cell(rows[1]["file"]) == NAMES[1]
    assert rows[2]["file"] == NAMES[2]
    assert rows[3]["file"] == NAMES[3]
    assert rows[6]["file"] == r"bad\xff\xfe.png"
    assert float(rows[6]["score"]) < 0


def test_json_lines_keep_every_name_exactly(tmp_path):
    target = tmp_path / "hits.jsonl"
    hits = hits_in(Path("/drives"))
    write_jsonl(hits, WHERE, target)
    rows = [json.loads(line) for line in target.read_text(encoding="ascii").splitlines()]
    assert [row["path"] for row in rows] == [str(hit.path) for hit in hits]
    assert rows[0]["query"] == WHERE.query
    assert rows[0]["threshold"] == 0.25
    assert ["path_base64" in row for row in rows] == [False] * 6 + [True]
    assert base64.b64decode(rows[6]["path_base64"]) == os.fsencode(hits[6].path)


def test_tables_tell_what_is_believed_to_be_there(tmp_path):
    numbers = [0.98, 3.1, 0.2, 0.9, 0.8, 0.1, 0.2, 0.4, 0.1, 0.0, 0.0, 0.0]
    seen = Seen(("car", "person"), struct.pack(f"<{len(numbers)}e", *numbers))
    known, unknown = hits_in(Path("/drives"), NAMES[:2])
    hits = Hits([replace(known, seen=seen), unknown])
    write_csv(hits, WHERE, tmp_path / "hits.csv")
    with (tmp_path / "hits.csv").open(encoding="utf-8", newline="") as lines:
        assert [row["objects"] for row in csv.DictReader(lines)] == ["car 3 (0.98)", ""]
    write_jsonl(hits, WHERE, tmp_path / "hits.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "hits.jsonl").read_text().splitlines()]
    assert rows[0]["objects"] == [hits[0].objects[0].plain()]
    assert rows[0]["objects"][0]["places"] == ["left", "ahead"]
    assert rows[1]["objects"] is None
    pd = pytest.importorskip("pandas")
    table = hits.to_pandas()
    assert table["car"].tolist() == [3, pd.NA]
    assert "person" not in table, "nobody is believed to be in any of them"


def test_no_hits_make_a_table_with_a_header(tmp_path):
    write_csv([], WHERE, tmp_path / "hits.csv")
    assert (tmp_path / "hits.csv").read_text().strip() == ",".join(COLUMNS)
    write_jsonl([], WHERE, tmp_path / "hits.jsonl")
    assert (tmp_path / "hits.jsonl").read_text() == ""


def stop(done, total):
    raise Cancelled


@pytest.mark.parametrize("write", [write_csv, write_jsonl])
def test_a_cancelled_table_leaves_what_was_there(tmp_path, write):
    target = tmp_path / "hits"
    target.write_text("old")
    with pytest.raises(Cancelled):
        write(hits_in(Path("/drives")), WHERE, target, stop)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["hits"]


def test_a_table_without_a_place_is_one_sentence(tmp_path):
    with pytest.raises(FolderError, match="choose another folder"):
        write_csv([], WHERE, tmp_path / "none" / "hits.csv")


def make_files(folder: Path, names) -> list[Path]:
    folder.mkdir()
    for place, name in enumerate(names):
        (folder / name).write_bytes(b"x" * (place + 1))
    return [folder / name for name in names]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_copies_keep_awkward_names_and_bytes(tmp_path):
    names = [name.replace("/", "_") for name in NAMES]
    files = make_files(tmp_path / "drive", names)
    report = copy_files(files, tmp_path / "out")
    assert [copy.name for copy in report.copied] == names
    assert [copy.read_bytes() for copy in report.copied] == [file.read_bytes() for file in files]
    assert not report.failed


def test_copies_overwrite_nothing(tmp_path):
    (file,) = make_files(tmp_path / "one", ["a.png"])
    (twin,) = make_files(tmp_path / "two", ["a.png"])
    twin.write_bytes(b"twin")
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.png").write_bytes(b"precious")
    report = copy_files([file, twin], out)
    assert [copy.name for copy in report.copied] == ["a (2).png", "a (3).png"]
    assert (out / "a.png").read_bytes() == b"precious"
    assert (out / "a (3).png").read_bytes() == b"twin"


def test_files_that_are_gone_are_listed_and_the_others_go_on(tmp_path):
    (file,) = make_files(tmp_path / "one", ["b.png"])
    gone = tmp_path / "one" / "a.png"
    seen = []
    report = copy_files([gone, file], tmp_path / "out", lambda *at: seen.append(at))
    assert [(entry.path, bool(entry.reason)) for entry in report.failed] == [(gone, True)]
    assert [copy.name for copy in report.copied] == ["b.png"]
    assert seen[-1] == (2, 2)
    assert os.listdir(tmp_path / "out") == ["b.png"]


def test_nothing_is_copied_into_an_image_folder(tmp_path):
    root = tmp_path / "drive"
    files = make_files(root, ["a.png"])
    (tmp_path / "link").symlink_to(root, target_is_directory=True)
    for target in (root, root / "below", tmp_path / "link" / "below"):
        with pytest.raises(FolderError, match="choose another folder"):
            copy_files(files, target, roots=[root])
    assert list(root.rglob("*")) == files


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch):
    files = make_files(tmp_path / "drive", ["a.png"])

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("c4t_core.index.exports.shutil.copyfileobj", full)
    with pytest.raises(FolderError, match="full after 0 of 1 files; free some space"):
        copy_files(files, tmp_path / "out")
    assert os.listdir(tmp_path / "out") == []


def test_cancelled_copies_leave_whole_files(tmp_path):
    files = make_files(tmp_path / "drive", ["a.png", "b.png"])

    def second(done, total):
        if done == 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        copy_files(files, tmp_path / "out", second)
    assert os.listdir(tmp_path / "out") == ["a.png"]
