"""The shared table: rows come back as they went in, versions stay, and nothing secret is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from c4t_core import addresses
from c4t_core.cluster import table
from c4t_core.cluster.table import Header, Row, SharedTable, create_table, open_table
from c4t_core.errors import DataError, FolderError

pytest.importorskip("lancedb")
HEADER = Header("c4t", "print-of-a-model", 8, ("car", "bus"))


def row(name: bytes, **other: object) -> Row:
    rng = np.random.default_rng(sum(name))
    vector, facts = rng.normal(size=8).astype("f2"), rng.random((2, 6)).astype("f2")
    told: dict[str, object] = {"vector": vector, "facts": facts, "drive": "/data/d"}
    return Row("/data", name, 10, 20, **{**told, **other})  # type: ignore[arg-type]


@pytest.fixture
def shared(tmp_path: Path) -> SharedTable:
    return create_table(tmp_path / "team.lance", HEADER)


def test_rows_come_back_bit_for_bit(shared: SharedTable) -> None:
    rows = [
        row(b"d/1.png", camera="front", frame=1, time=1.5, first_seen=2.5),
        row(b"d/\xff.png"),  # no UTF-8
        row(b"d/2.png", facts=None),
        Row("/data", b"d/bad.png", 3, 4, reason="not an image"),
    ]
    shared.commit(rows)
    opened = open_table(shared.address)
    known = opened.known()
    assert set(known) == {one.key for one in rows}
    assert known[rows[3].key].failed
    assert not known[rows[0].key].failed
    found = {one.key: one for one in opened.rows([k.number for k in known.values()])}
    for one in rows:
        back = found[one.key]
        for name in ("vector", "facts"):
            before, after = getattr(one, name), getattr(back, name)
            assert (before is None) == (after is None)
            if before is not None:
                assert before.tobytes() == after.tobytes()
        for name in ("camera", "frame", "time", "first_seen", "drive", "reason", "size"):
            assert getattr(back, name) == getattr(one, name)


def test_a_version_stays_while_others_write(shared: SharedTable) -> None:
    shared.commit([row(b"1.png")])
    looking = open_table(shared.address)
    shared.commit([row(b"2.png")])
    assert len(looking) == 1
    assert looking.newest() > looking.version
    looking.pin()
    assert len(looking) == 2
    looking.pin(looking.versions()[-2].number)
    assert len(looking) == 1


def test_a_changed_frame_takes_the_place_of_the_old_one(shared: SharedTable) -> None:
    shared.commit([row(b"1.png"), row(b"2.png")])
    changed = Row("/data", b"1.png", 99, 21, vector=np.ones(8, "f2"))
    shared.commit([], replacing=[changed])
    known = shared.known("/data")
    assert len(known) == len(shared) == 2
    assert known[changed.key].size == 99


def test_of_two_rows_of_one_frame_the_later_counts(shared: SharedTable) -> None:
    shared.commit([row(b"1.png")])
    shared.commit([Row("/data", b"1.png", 99, 21, vector=np.ones(8, "f2"))])
    assert {k: v.size for k, v in shared.known().items()} == {("/data", b"1.png", -1): 99}


def test_a_newer_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "FORMAT", 2)
    create_table(tmp_path / "newer.lance", HEADER)
    monkeypatch.undo()
    with pytest.raises(DataError, match="newer version"):
        open_table(tmp_path / "newer.lance")


def test_tables_of_others_are_refused(tmp_path: Path) -> None:
    import lancedb
    import pyarrow as pa

    lancedb.connect(tmp_path).create_table("fruit", pa.table({"name": ["apple"]}))
    with pytest.raises(DataError, match="none of frames"):
        open_table(tmp_path / "fruit.lance")
    with pytest.raises(FolderError, match="no table"):
        open_table(tmp_path / "none.lance")
    with pytest.raises(DataError, match="ends in"):
        open_table(tmp_path / "folder")


def test_an_address_with_a_password_is_refused_and_never_told(tmp_path: Path) -> None:
    with pytest.raises(DataError) as told:
        open_table("s3://me:secret@bucket/team.lance")
    assert "secret" not in str(told.value)
    assert addresses.shown("https://a:secret@host/x?sig=secret") == "https://host/x"


@pytest.mark.parametrize(
    "name", ["../x.png", "a/../x.png", "/etc/passwd", "a//b", "", "a/./b", "a\0b"]
)
def test_names_that_leave_their_root_are_told(name: str) -> None:
    assert not addresses.is_below(name)


def test_an_address_survives_as_a_path() -> None:
    for address in ("s3://bucket/drives", "gs://b/c", "/data/drives"):
        path = addresses.as_path(address) / "a" / "1.png"
        assert addresses.plain(path) == f"{address}/a/1.png"
    assert json.dumps(addresses.plain("s3://bucket/")) == '"s3://bucket"'
