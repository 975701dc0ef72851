"""Pairs as other programs write them: marks, lines before the header, forms of JSON, names."""

from __future__ import annotations

import gzip
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from c4t_core.datasets.pairs import PairsFile, read_pairs
from c4t_core.errors import ColumnsError, DataError
from c4t_core.images.lookup import Names, Root

ZURICH = unicodedata.normalize("NFD", "Zürich_Fußweg_0001.jpg")
NAMES = ("a.jpg", "b.jpg", "c.jpg", "run/x y.jpg", f"run/{ZURICH}", "1000.jpg")

Reader = Callable[..., PairsFile]


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    def reader(content: str | bytes, name: str = "pairs.csv", **options: object) -> PairsFile:
        raw = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(raw)
        return read_pairs(tmp_path / name, **options)  # type: ignore[arg-type]

    return reader


def captions(found: PairsFile) -> list[str]:
    return [pair.caption for pair in found.pairs]


MARKS = {
    "unquoted, first word": (
        "t",
        'a.jpg|"STOP" on it\nb.jpg|"A" and "B"',
        ['"STOP" on it', '"A" and "B"'],
    ),
    "unquoted, whole": ("t", 'a.jpg|"STOP"\nb.jpg|"A" and "B"', ['"STOP"', '"A" and "B"']),
    "unquoted, inside": (
        "t",
        'a.jpg|a "STOP" sign\nb.jpg|says "go"',
        ['a "STOP" sign', 'says "go"'],
    ),
    "unquoted, open": ("t", 'a.jpg|"STOP\nb.jpg|a car\nc.jpg|go"', ['"STOP', "a car", 'go"']),
    "quoted, doubled": ("t", 'a.jpg|"""STOP"" on it"\nb.jpg|"2\tcars"', ['"STOP" on it', "2 cars"]),
    "commas": ("c", 'a.jpg|"STOP" on it\nb.jpg|a car', ['"STOP" on it', "a car"]),
    "commas, some quoted": (
        "c",
        'a.jpg|"STOP" on it\nb.jpg|"a car, red"',
        ['"STOP" on it', "a car, red"],
    ),
    "commas, space before": ("c", 'a.jpg| "a car, red"\nb.jpg| x', ["a car, red", "x"]),
    "commas, two lines": ("c", 'a.jpg|"one\ntwo"\nb.jpg|x', ["one two", "x"]),
    "backslashes": ("c", 'a.jpg|"a \\"STOP\\" sign, red"\nb.jpg|x', ['a "STOP" sign, red', "x"]),
}


@pytest.mark.parametrize("kind", MARKS)
def test_quotation_marks_are_those_of_cells_or_of_the_caption(read: Reader, kind: str) -> None:
    by, rows, wanted = MARKS[kind]
    text = f"image|caption\n{rows}\n".replace("|", "\t" if by == "t" else ",")
    found = read(text)
    assert (captions(found), found.problems) == (wanted, [])


def test_a_mark_that_is_not_closed_costs_its_own_row(read: Reader) -> None:
    found = read('image,caption\na.jpg,"open\nb.jpg,a car\nc.jpg,"x, y"\n')
    assert captions(found) == ["a car", "x, y"]
    assert [(p.line, p.message) for p in found.problems] == [
        (2, "a quotation mark opens here and is not closed")
    ]


@pytest.mark.parametrize(
    "before",
    [
        "sep=;\r\n",
        '"sep=;"\r\n',
        "SEP=;;\n",
        "My captions, of May\n",
        "My captions;;\n;;\n",
        "\n\n",
        "# made by me; on Monday\n",
        "\ufeffsep=;\n",
    ],
)
def test_lines_before_the_header_are_no_header(read: Reader, before: str) -> None:
    found = read(f"{before}image;caption;n\na.jpg;a road, wet;1\n# a remark\nb.jpg;a car;2\n")
    assert captions(found) == ["a road, wet", "a car"]
    assert (found.delimiter, found.header[:2], found.problems) == (";", ("image", "caption"), [])
    lines = len(before.lstrip("\ufeff").replace("\r", "").split("\n"))
    assert [pair.line for pair in found.pairs] == [lines + 1, lines + 3]


def test_other_headers_and_ends_of_lines(read: Reader) -> None:
    assert captions(read("# image\tcaption\na.jpg\tx\n")) == ["x"]
    assert captions(read("image,caption\ra.jpg,x\rb.jpg,y\r")) == ["x", "y"]
    assert captions(read("image,caption\na.jpg,x\nimage,caption\nb.jpg,y\n")) == ["x", "y"]
    assert captions(read("sep=^\nimage^caption\na.jpg^x\n")) == ["x"]
    assert captions(read("1000.jpg#0\tA child, pink .\n1000.jpg#1\tA girl .\n")) == [
        "A child, pink .",
        "A girl .",
    ]
    excel = 'Image\tCaption\r\na.jpg\t"ein ""Schild"""\r\nb.jpg\tü, ö\r\n'
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        assert captions(read(excel.encode(encoding))) == ['ein "Schild"', "ü, ö"]


TWO = ["x", "y"]
_A, _B = {"image": "a.jpg", "caption": "x"}, {"image": "b.jpg", "caption": "y"}
FORMS: dict[str, object] = {
    "objects of images": [
        {"image": {"bytes": None, "path": n}, "text": c}
        for n, c in (("a.jpg", "x"), ("b.jpg", "y"))
    ],
    "lists of one": [
        {"images": ["a.jpg"], "captions": ["x"]},
        {"images": ["b.jpg"], "captions": ["y"]},
    ],
    "nested": [{"filename": "a.jpg", "sentences": [{"raw": "x"}, {"raw": "y"}]}],
    "splits of Karpathy": {
        "dataset": "f",
        "images": [
            {"filename": "x y.jpg", "filepath": "run", "sentences": [{"raw": "x"}, {"raw": "y"}]}
        ],
    },
    "columns": {"image": ["a.jpg", "b.jpg"], "caption": ["x", "y"]},
    "numbered columns": {"image": {"0": "a.jpg", "1": "b.jpg"}, "caption": {"0": "x", "1": "y"}},
    "numbered records": {"0": _A, "1": _B},
    "a table": {"columns": ["image", "caption"], "data": [["a.jpg", "x"], ["b.jpg", "y"]]},
    "names and texts": {"a.jpg": "x", "b.jpg": ["y"]},
    "names and objects": {"a.jpg": {"caption": "x"}, "b.jpg": {"caption": "y"}},
    "wrapped": {"version": 1, "data": [_A, _B]},
    "by split": {"train": [_A], "val": [_B]},
    "lists of two": [["a.jpg", "x"], ["b.jpg", "y"]],
    "one record": {"image": "a.jpg", "caption": ["x", "y"]},
    "COCO, ids of two types": {
        "images": [{"id": 1.0, "file_name": "a.jpg", "coco_url": "http://h/a.jpg"}],
        "annotations": [{"image_id": 1, "caption": "x"}, {"image_id": 1, "caption": "y"}],
    },
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("packed", [False, True])
def test_usual_forms_of_json(read: Reader, form: str, packed: bool) -> None:
    data = json.dumps(FORMS[form])
    found = read(gzip.compress(data.encode()), "p.json.gz") if packed else read(data, "p.json")
    assert (captions(found), found.problems) == (TWO, [])


def test_splits_of_json_are_kept(read: Reader) -> None:
    found = read(json.dumps(FORMS["by split"]), "p.json")
    assert [pair.split for pair in found.pairs] == ["train", "val"]


@pytest.mark.parametrize(
    "text",
    [
        f"{json.dumps(_A)}\n{json.dumps(_B)}",
        f"# mine\n{json.dumps(_A)},\r\n// too\r\n{json.dumps(_B)},",
        json.dumps([_A, _B]),
        json.dumps([_A, _B], indent=1),
        f"{json.dumps(_A, indent=1)}\n{json.dumps(_B, indent=1)}\n",
        '["a.jpg", "x"]\n["b.jpg", "y"]',
        '{"a.jpg": "x"}\n{"b.jpg": "y"}',
        f"{json.dumps(_A)}\r{json.dumps(_B)}\r",
    ],
)
def test_lines_of_json(read: Reader, text: str) -> None:
    for raw in (text.encode(), text.encode("utf-16"), gzip.compress(text.encode())):
        found = read(raw, "metadata.jsonl")
        assert (captions(found), found.problems) == (TWO, [])


def test_an_image_that_is_no_name_is_said(read: Reader) -> None:
    found = read(
        '{"image": {"bytes": "aa", "path": null}, "caption": "x"}\n'
        '{"image": ["a.jpg", "b.jpg"], "caption": "x"}\n{"image": "nan", "caption": "x"}\n',
        "p.jsonl",
    )
    said = [p.message for p in found.problems]
    assert said[0] == "the image is an object (bytes, path) without the name of a file"
    assert said[1] == "the image is a list of 2 and not the name of one file"
    assert said[2] == "there is no image"


MISSING = ("None", "NULL", "NaN", "nan", "N/A", "<NA>", "NA", "#N/A", "\\N", "-", "", "  ")


@pytest.mark.parametrize("value", MISSING)
def test_a_missing_value_is_no_caption_and_no_drive(read: Reader, value: str) -> None:
    found = read(f"image,caption,drive,split\na.jpg,{value},1,val\nb.jpg,a road,{value},{value}\n")
    assert [(p.caption, p.drive, p.split) for p in found.pairs] == [("a road", None, None)]
    assert [p.line for p in found.problems] == [2]
    assert "the caption is" in found.problems[0].message


def test_missing_values_of_json_leave_the_other_captions(read: Reader) -> None:
    found = read(
        '{"image": "a.jpg", "caption": NaN}\n{"image": "b.jpg", "caption": ["x", null, "None"]}\n'
        '{"image": "c.jpg"}\n',
        "p.jsonl",
    )
    assert captions(found) == ["x"]
    assert [p.line for p in found.problems] == [1, 2, 2, 3]


def test_tables_of_flickr(read: Reader) -> None:
    found = read("image_name| comment_number| comment\na.jpg| 0| One, two .\nb.jpg| 4  broken\n")
    assert captions(found) == ["One, two ."]
    assert [p.line for p in found.problems] == [3]
    raw = 'raw,sentids,split,filename\n"[""one"", ""two, three""]","[0, 1]",train,a.jpg\n'
    assert captions(read(raw)) == ["one", "two, three"]
    assert captions(read('filename,raw\na.jpg,"[\'one\', ""it\'s two""]"\n')) == [
        "one",
        "it's two",
    ]
    assert captions(read("image,caption\na.jpg,[a sign]\nb.jpg,[3]\n")) == ["[a sign]", "[3]"]


@pytest.mark.parametrize(
    ("header", "row", "column"),
    [
        ("image,filename,caption", "https://h.example/1?size=l,a.jpg,x", "filename"),
        ("image,local_copy,caption", "http://h.example/a.jpg,a.jpg,x", "local_copy"),
        ("url,image_url,file_name,caption", "http://h/a.jpg,http://h/a.jpg,a.jpg,x", "file_name"),
        ("path,filename,caption", "/home/somebody/a.jpg,a.jpg,x", "filename"),
        ("mask,image,caption", "a.jpg,b.jpg,x", "image"),
    ],
)
def test_the_column_of_images_is_the_one_that_names_files(
    read: Reader, header: str, row: str, column: str
) -> None:
    found = read(f"{header}\n{row}\n")
    assert (found.columns.image, captions(found)) == (column, ["x"])


def test_where_no_column_names_files_they_are_listed(read: Reader) -> None:
    found = read("image,caption,id\nhttps://h.example/1.jpg,x,7\n")
    assert "is an address in the web" in found.problems[0].message
    with pytest.raises(DataError, match=r"another column for the image \(caption, id; --image-col"):
        found.require()
    with pytest.raises(ColumnsError, match="--image-column") as failed:
        read("url,caption,id\nhttps://h.example/1.jpg,x,7\n")
    assert failed.value.header == ("url", "caption", "id")
    assert captions(read("Title\nfoo,bar\na.jpg,x\n", columns={"caption": " Bar"})) == ["x"]


def test_names_of_another_machine_find_the_files(read: Reader, tmp_path: Path) -> None:
    composed = unicodedata.normalize("NFC", ZURICH)
    names = (
        *(f"run/{composed}", f"RUN\\{composed.upper()}", "run/x%20y.jpg", "./A.JPG"),
        *(f"file://{tmp_path}/run/x%20y.jpg", f"file:{tmp_path}/b.jpg", "file://run/x y.jpg"),
    )
    rows = "".join(f"{name},{number}\n" for number, name in enumerate(names))
    found = read(f"image,caption\n{rows}")
    # casefold() has "ß" and "SS" alike, as a disk of Windows or of a Mac has them
    assert [pair.relative for pair in found.pairs] == [
        *(f"run/{ZURICH}", f"run/{ZURICH}", "run/x y.jpg", "a.jpg"),
        *("run/x y.jpg", "b.jpg", "run/x y.jpg"),
    ]
    assert all(pair.image.is_file() for pair in found.pairs)


def test_the_name_itself_comes_first_and_two_that_fit_are_none(tmp_path: Path) -> None:
    for name in ("a.jpg", "A.jpg", "b%20c.jpg", "b c.jpg"):
        (tmp_path / name).touch()
    root = Root(tmp_path)
    assert root.find("A.jpg")[1] == "A.jpg"
    assert root.find("b%20c.jpg")[1] == "b%20c.jpg"
    if len(list(tmp_path.iterdir())) == 4:  # not where the disk knows no case
        with pytest.raises(ValueError, match=r"the image a\.JPG is missing"):
            root.find("a.JPG")
    names = Names(["run/a.jpg", "run/A.jpg", "run/b.jpg"], tmp_path)
    assert names.find(f"{tmp_path}/run/B.JPG") == "run/b.jpg"
    assert names.find("run\\a.jpg") == "run/a.jpg"
    assert names.find("run/a.JPG") is None


@pytest.mark.parametrize(
    "raw",
    [b"PAR1" + bytes(60), b"\x89PNG\r\n\x1a\n" + bytes(range(256)), b"\xd0\xcf\x11" + bytes(99)],
)
def test_what_is_no_text_is_not_taken_for_columns(read: Reader, raw: bytes) -> None:
    with pytest.raises(DataError, match="is no text; save it as UTF-8 CSV"):
        read(raw)


def test_labels_are_not_taken_for_captions(read: Reader) -> None:
    data = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "annotations": [{"image_id": 1, "bbox": []}],
    }
    with pytest.raises(DataError, match="holds labels and no captions"):
        read(json.dumps(data), "p.json")


def test_a_file_is_described_as_it_was_understood(read: Reader) -> None:
    assert read("Image;Caption\na.jpg;x\ngone.jpg;y\n").describe() == (
        'csv parted by semicolons, utf-8: image from "Image", caption from "Caption". '
        "1 pairs of 1 images in 0 drives; 1 problems."
    )


@pytest.mark.parametrize(
    "word",
    ["?", "—", "...", "''", "n.a.", "N\\A", "(null)", "undefined", "#REF!", "[nan]", "None."],
)
def test_marks_alone_and_the_errors_of_spreadsheets_are_no_captions(read, word):
    found = read(f"image\tcaption\na.jpg\t{word}\nb.jpg\ta 🚗\nc.jpg\t🚗\n", "p.tsv")
    assert captions(found) == ["a 🚗", "🚗"]
    assert "stands for none" in found.problems[0].message


def test_the_array_that_numpy_shows_is_several_captions(read):
    shown = "['a car'\n \"driver's car\" 'a van']"
    found = read('image,caption\na.jpg,"' + shown.replace('"', '""') + '"\nb.jpg,[a sign]\n')
    assert captions(found) == ["a car", "driver's car", "a van", "[a sign]"]


@pytest.mark.parametrize("cells", [("https://h.example/1", "https://h.example/2"), ("17", "18")])
def test_addresses_and_numbers_are_no_captions_where_another_column_has_words(read, cells):
    found = read(f"image,caption,text\na.jpg,{cells[0]},a car\nb.jpg,{cells[1]},a bus\n")
    assert captions(found) == ["a car", "a bus"]
    alone = read(f"image,caption\na.jpg,{cells[0]}\nb.jpg,{cells[1]}\n")
    assert captions(alone) == list(cells)


OBJECTS = [
    {"image": {"url": "a.jpg"}, "text": "a car"},
    {"image": {"uri": "b.jpg"}, "text": "a bus"},
]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.jsonl", "\n".join(map(json.dumps, OBJECTS))),
        ("p.json", "\n".join(json.dumps(row, indent=1) for row in OBJECTS)),
        (
            "p.json",
            json.dumps({"rows": [{"row_idx": i, "row": row} for i, row in enumerate(OBJECTS)]}),
        ),
    ],
)
def test_objects_with_addresses_one_after_another_and_the_rows_of_a_viewer(read, name, content):
    assert captions(read(content, name)) == ["a car", "a bus"]


@pytest.mark.parametrize("name", ["p.csv", "p.csv.gz"])
def test_utf_32_is_read_by_its_mark(read, name):
    raw = "image,caption\na.jpg,Straße\n".encode("utf-32")
    found = read(gzip.compress(raw) if name.endswith(".gz") else raw, name)
    assert (captions(found), found.encoding) == (["Straße"], "utf-32")


@pytest.mark.parametrize(
    ("start", "kind"), [(b"\x04\x22\x4d\x18", "LZ4"), (b"\x1f\x9d\x90", "compress")]
)
def test_lz4_and_compress_are_named(read, start, kind):
    with pytest.raises(DataError, match=rf"compressed or an archive \({kind}\)"):
        read(start + b"abcdefgh" * 40, "p.csv")


def test_a_line_within_a_quoted_caption_may_begin_with_a_mark(read):
    found = read('image,caption\na.jpg,"a sign\n""STOP"" on it"\nb.jpg,a bus\n')
    assert (captions(found), found.problems) == (['a sign "STOP" on it', "a bus"], [])
