"""The user's queries in the forms that pairs may have, and captions that are asked as they are."""

from __future__ import annotations

import gzip
import json
import unicodedata
from pathlib import Path

import pytest

from c4t_core.errors import DataError
from c4t_core.evaluation import queries
from c4t_core.evaluation.collection import Collection

NAMES = ("a b.jpg", "run/1.png", "run/2.png", "x.JPG", unicodedata.normalize("NFC", "zü.png"))


def collection(root: Path, *captions: str) -> Collection:
    names = NAMES if not captions else tuple(f"{n:04d}.png" for n in range(len(captions)))
    texts = tuple((text,) for text in captions) or (("x",),) * len(names)
    return Collection(names, tuple(root / name for name in names), texts, (None,) * len(names))


def read(
    root: Path, content: str | bytes, name: str = "q.csv"
) -> tuple[list[tuple[str, dict[int, float]]], list[str]]:
    raw = content if isinstance(content, bytes) else content.encode()
    (root / name).write_bytes(raw)
    some, problems = queries.read_queries(root / name, collection(root))
    assert all(query.own for query in some)
    grades = [dict(zip(q.relevant.tolist(), q.grades.tolist(), strict=True)) for q in some]
    return list(zip((q.text for q in some), grades, strict=True)), problems


def test_relevant_names_count_in_any_spelling(tmp_path):
    spelled = [
        *("./run/1.png", "run\\1.png", "RUN/2.PNG", f"file://{tmp_path}/a%20b.jpg", "a%20b.jpg"),
        *(str(tmp_path / "run" / "2.png"), unicodedata.normalize("NFD", "zü.png"), "X.jpg"),
    ]
    some, problems = read(tmp_path, json.dumps({"query": "a", "relevant": spelled}), "q.jsonl")
    assert (some, problems) == ([("a", dict.fromkeys(range(5), 1.0))], [])
    graded = {"run\\1.png": 1, "run/1.png": 3}
    some, _ = read(tmp_path, json.dumps({"query": "a", "relevant": graded}), "q.jsonl")
    assert some == [("a", {1: 3.0})]


def test_relevant_names_of_another_machine_are_found_below_their_root(tmp_path):
    elsewhere = ["/home/b/run/1.png", "D:\\d\\run\\2.png", f"{tmp_path.name}/x.JPG"]
    some, problems = read(tmp_path, json.dumps({"query": "a", "relevant": elsewhere}), "q.jsonl")
    assert (some, problems) == ([("a", {1: 1.0, 2: 1.0, 3: 1.0})], [])
    others = ["/home/b/1.png", "other/run/1.png", "https://h.example/run/1.png", "/run/"]
    some, problems = read(tmp_path, json.dumps({"query": "a", "relevant": others}), "q.jsonl")
    assert some == [("a", {})]
    assert "4 marked images" in problems[0]


def test_a_column_relevant_beside_the_images_says_whether_each_is_one(tmp_path):
    for yes, no in (("1", "0"), ("True", "False"), ("yes", "no")):
        table = f"query,image,relevant\na,run/1.png,{yes}\na,run/2.png,{no}\n"
        assert read(tmp_path, table) == ([("a", {1: 1.0})], [])


def test_who_must_choose_a_column_is_told_how(tmp_path):
    with pytest.raises(DataError, match="choose among frage, relevant, and name it so in the file"):
        read(tmp_path, "frage,relevant\na,run/1.png\n")


TRUCK = [("a truck", {1: 1.0, 2: 1.0}), ("snow", {3: 1.0})]
BOTH = ["run/1.png", "run/2.png"]
ROWS = [{"text": "a truck", "images": BOTH}, {"text": "snow", "images": ["x.JPG"]}]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("q.csv", "query,image\na truck,run/1.png\nsnow,x.JPG\na truck,run\\2.png\n"),
        ("q.csv", "a truck,run/1.png\na truck,run/2.png\nsnow,x.JPG\n"),
        ("q.csv", "\ufeffsep=;\nQuery;Relevant\na truck;run/1.png|run/2.png\nsnow;x.JPG\n"),
        ("q.csv", 'My own\n# of May\nquery,relevant\na truck,"run/1.png, run/2.png"\nsnow,x.JPG\n'),
        ("q.tsv", 'query\trelevant\na truck\t["run/1.png", "run/2.png"]\nsnow\tx.JPG\n'),
        ("q.json", json.dumps({"a truck": ["run/1.png", "run/2.png"], "snow": "x.JPG"})),
        ("q.json", json.dumps({"a truck": {"run/1.png": 1, "run/2.png": 1}, "snow": ["x.JPG"]})),
        ("q.jsonl", json.dumps(ROWS)),
        ("q.jsonl", '# mine\n["a truck", ["run/1.png", "run/2.png"]]\n["snow", "x.JPG"]\n'),
    ],
)
def test_queries_have_the_forms_of_pairs(tmp_path, name, text):
    for raw in (text.encode(), text.encode("utf-16"), gzip.compress(text.encode())):
        if not (text.startswith("\ufeff") and raw[:2] == b"\xff\xfe"):
            assert read(tmp_path, raw, name) == (TRUCK, [])


def test_grades_kinds_and_operators_of_a_table(tmp_path):
    rows = "q,run/1.png,3,mine\nq,run/2.png,0,mine\n'- people + snow,x.JPG,,\n"
    text = f"query,relevant,grade,kind\n{rows}"
    some, problems = read(tmp_path, text)
    assert (some, problems) == ([("q", {1: 3.0}), ("- people + snow", {3: 1.0})], [])
    assert queries.read_queries(tmp_path / "q.csv", collection(tmp_path))[0][0].kind == "mine"


def test_what_is_wrong_with_queries_is_said_with_its_line(tmp_path):
    text = "query,relevant,grade\n,x.JPG,\nq,gone.png,\nq,x.JPG,much\nsnow +,x.JPG,\nq,x.JPG,1\n"
    some, problems = read(tmp_path, text)
    assert some == [("q", {3: 1.0})]
    assert [said.split(":")[0] for said in problems] == [f"q.csv, line {n}" for n in (2, 3, 4, 5)]
    assert '"gone.png"' in problems[1]
    assert 'the grade "much" is not a number; the line is left out.' in problems[2]
    with pytest.raises(DataError, match="known to hold the query and the relevant; choose among a"):
        read(tmp_path, "a truck\na car\n", "q.txt")


def asked(root: Path, *captions: str) -> list[tuple[str, str, list[int]]]:
    some = queries.from_captions(collection(root, *captions))
    return [(query.text, query.kind, query.relevant.tolist()) for query in some]


def test_captions_that_name_nothing_known_are_asked_as_they_are(tmp_path):
    assert asked(tmp_path, "Ein Lama.", "zwei Zebras", "ein  lama") == [
        ("Ein Lama.", "caption", [0, 2]),
        ("zwei Zebras", "caption", [1]),
    ]
    assert asked(tmp_path, "a red car", "a blue car") == [
        ("a red car", "caption", [0]),
        ("a blue car", "caption", [1]),
    ]
    assert asked(tmp_path, *["ein Lama"] * 3) == []


def test_words_are_asked_first_and_captions_where_they_leave_most_images_out(tmp_path):
    assert asked(tmp_path, "a car", "a llama", "a car") == [("cars", "single", [0, 2])]
    assert asked(tmp_path, "a car", "a llama", "a zebra") == [
        ("cars", "single", [0]),
        ("a llama", "caption", [1]),
        ("a zebra", "caption", [2]),
    ]


def test_not_more_captions_are_asked_than_a_report_can_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(queries, "CAPTION_LIMIT", 4)
    texts = [text for text, _, _ in asked(tmp_path, *(f"lama {n}" for n in range(10)))]
    assert texts == ["lama 0", "lama 2", "lama 5", "lama 7"]
