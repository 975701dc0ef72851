"""``c4t evaluate`` from outside."""

from __future__ import annotations

import csv
import json

import pytest

from c4t_core import cli
from c4t_core.errors import ModelError
from tests.helpers.colour_model import ColourModel, coloured


@pytest.fixture
def models(monkeypatch):
    """The names ``c4t`` and ``c4t:worse``; CLIP is not there."""

    def load(name, **_options):
        if name == "c4t":
            return ColourModel("c4t")
        if name == "c4t:worse":
            return ColourModel("c4t:worse", 1.0)
        raise ModelError(f'The weights of "{name}" are missing; use "c4t models add {name}".')

    monkeypatch.setattr("c4t_core.models.registry.load_model", load)


@pytest.fixture
def pairs(tmp_path):
    frames = coloured(tmp_path / "frames", 24)
    with (tmp_path / "pairs.csv").open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["image", "caption", "split"])
        for place, (name, captions) in enumerate(zip(frames.names, frames.captions, strict=True)):
            text = captions[0].replace("red", "fog").replace("blue", "rain")
            writer.writerow([name, text, "val" if place % 2 else "train"])
    return tmp_path / "pairs.csv"


def run(pairs, tmp_path, *more):
    common = ["--images", str(tmp_path / "frames"), "-o", str(tmp_path / "out"), "--figures", "1"]
    return cli.main(["evaluate", str(pairs), *common, *map(str, more)])


def test_two_models_and_one_that_is_missing(models, pairs, tmp_path, capsys):
    status = run(pairs, tmp_path, "--model", "c4t", "--model", "c4t:worse", "--model", "clip")
    out, err = capsys.readouterr()
    assert status == 0, err
    assert "clip is missing" in err
    assert "c4t models add clip" in err
    assert "Traceback" not in err
    assert "mAP" in out
    assert "chance" in out
    data = json.loads((tmp_path / "out" / "report.json").read_text())
    assert data["models"] == ["c4t", "c4t:worse"]
    assert {query["query"] for query in data["queries"]} >= {"fog", "rain", "cars"}
    assert data["provenance"]["sources"].keys() == {"pairs"}
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000


def test_json_scenes_own_queries_and_split(models, pairs, tmp_path, capsys):
    frames = coloured(tmp_path / "frames", 24)
    weather = {"red": "fog", "green": "clear", "blue": "rain"}
    with (tmp_path / "scenes.jsonl").open("w") as out:
        for name, captions in zip(frames.names, frames.captions, strict=True):
            value = weather[captions[0].split(",")[0]]
            out.write(json.dumps({"image": name, "weather": value, "source": "t"}) + "\n")
    own = {"query": "red", "relevant": [frames.names[1], "gone.png"]}
    (tmp_path / "own.jsonl").write_text(json.dumps(own))
    files = ("--scenes", tmp_path / "scenes.jsonl", "--queries", tmp_path / "own.jsonl")
    assert run(pairs, tmp_path, *files, "--split", "VAL", "--at", 3, 5, "--json") == 0
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert said["models"] == ["c4t"]
    assert said["images"] == 12
    assert list(said["overall"]["c4t"]["precision"]) == ["3", "5"]
    assert "gone.png" in err
    data = json.loads((tmp_path / "out" / "report.json").read_text())
    assert {query["kind"] for query in data["queries"]} == {"own", "weather"}
    assert data["provenance"]["sources"].keys() == {"pairs", "scenes", "queries"}


def test_the_same_bytes_twice(models, pairs, tmp_path):
    assert run(pairs, tmp_path) == 0
    first = {p.name: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert run(pairs, tmp_path) == 0
    assert first == {p.name: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--model", "clip"], "c4t models add clip"),
        (["--split", "test"], "train, val"),
        (["--lists", "own"], "--queries"),
        (["--lists", "scenes"], "--scenes"),
        (["--queries", "gone.jsonl"], "cannot be read"),
    ],
)
def test_what_cannot_be_is_one_sentence(models, pairs, tmp_path, capsys, options, sentence):
    assert run(pairs, tmp_path, *options) == 1
    err = capsys.readouterr().err.strip().splitlines()
    assert sentence in err[-1]
    assert not [line for line in err if "Traceback" in line]


def test_pairs_that_cannot_be_used(models, pairs, tmp_path, capsys):
    pairs.write_text("image,caption\ngone.png,a car\n../out.png,a bus\n")
    assert run(pairs, tmp_path) == 1
    assert "no usable pair" in capsys.readouterr().err
    frames = coloured(tmp_path / "frames", 24)
    pairs.write_text("image,caption\n" + "".join(f"{name},a car\n" for name in frames.names))
    assert run(pairs, tmp_path) == 1
    assert "no class that some images have and others lack" in capsys.readouterr().err


def test_columns_are_chosen(models, pairs, tmp_path, capsys):
    text = pairs.read_text().replace("image,caption,split", "bild,bildtext,teil")
    pairs.write_text(text)
    assert run(pairs, tmp_path) == 1
    err = capsys.readouterr().err
    assert "hold the caption; choose among bild, bildtext, teil" in err
    assert "--caption-column" in err
    assert run(pairs, tmp_path, "--caption-column", "Bildtext", "--column", "split=teil") == 0
    assert run(pairs, tmp_path, "--image-column", "bild", "--column", "caption=bildtext") == 0
    assert run(pairs, tmp_path, "--image-column", "foto") == 1
    assert "no column foto; it has bild, bildtext, teil" in capsys.readouterr().err


def test_captions_of_another_language_are_asked(models, pairs, tmp_path, capsys):
    frames = coloured(tmp_path / "frames", 24)
    rows = (f"{name},Bild {place // 2}\n" for place, name in enumerate(frames.names))
    pairs.write_text("image,caption\n" + "".join(rows))
    assert run(pairs, tmp_path) == 0
    data = json.loads((tmp_path / "out" / "report.json").read_text())
    assert len(data["queries"]) == 12
    assert {(query["kind"], query["relevant"]) for query in data["queries"]} == {("caption", 2)}


def test_scenes_are_found_by_names_of_another_spelling(models, pairs, tmp_path):
    frames = coloured(tmp_path / "frames", 24)
    rows = (
        {"image": f".\\{name}", "weather": "fog" if place % 2 else "rain", "source": "t"}
        for place, name in enumerate(frames.names)
    )
    (tmp_path / "scenes.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert run(pairs, tmp_path, "--scenes", tmp_path / "scenes.jsonl") == 0
    data = json.loads((tmp_path / "out" / "report.json").read_text())
    assert {query["kind"] for query in data["queries"]} == {"weather"}


def test_scenes_of_other_images(models, pairs, tmp_path, capsys):
    (tmp_path / "scenes.jsonl").write_text('{"image": "other.png", "weather": "fog"}\n')
    assert run(pairs, tmp_path, "--scenes", tmp_path / "scenes.jsonl") == 1
    assert "relative to the images' folder" in capsys.readouterr().err


def test_usage(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["evaluate"])
    assert stopped.value.code == 2


def test_a_single_encoder_goes_straight_into_scikit_learn(tmp_path, models):
    pytest.importorskip("sklearn")
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    frames = coloured(tmp_path / "frames", 24)
    command = ["embed", "images", str(tmp_path / "frames"), "-o", str(tmp_path / "x.npz")]
    assert cli.main(command) == 0
    with np.load(tmp_path / "x.npz") as data:
        names, rows = data["names"].tolist(), data["embeddings"]
    labels = [frames.captions[frames.positions[name]][0].split(",")[0] for name in names]
    fitted = LogisticRegression().fit(rows[::2], labels[::2])
    assert fitted.score(rows[1::2], labels[1::2]) > 0.9
