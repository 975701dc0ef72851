"""Files of embeddings: what is written is found again, what is broken is named."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re

import numpy as np
import pytest
from PIL import Image

from c4t_core.cli import main
from c4t_core.index.vectors import embeddings_file
from c4t_core.models import registry


class ColourModel:
    """Finds frames by their mean colour; a text's direction comes from the colour it names."""

    name, dim, fingerprint, min_side = "colour", 3, "f00d", 8

    def encode_images(self, images):
        return self.encode_pixels(np.stack([self.prepare(image) for image in images]))

    def prepare(self, image):
        return np.asarray(image.convert("RGB").resize((8, 8)))

    def encode_pixels(self, pixels):
        means = pixels.reshape(len(pixels), -1, 3).mean(axis=1) + 1.0
        return (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)

    def encode_texts(self, texts):
        rows = [[float(c in t) + 0.01 for c in ("red", "green", "blue")] for t in texts]
        rows = np.array(rows or np.zeros((0, 3)))
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(autouse=True)
def model(monkeypatch):
    one = ColourModel()
    monkeypatch.setattr(registry, "load_model", lambda name="c4t", **_: one)
    return one


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "images"
    for place, colour in (
        ("day/cam/red.png", "red"),
        ("day/cam/blue.png", "blue"),
        ("night/green 🚲.png", "#00ff00"),
        ("label/mask.png", "red"),
    ):
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (12, 10), colour).save(path)
    (root / "broken.jpg").write_bytes(b"not an image")
    return root


@pytest.fixture
def saved(folder, tmp_path, capsys):
    out = tmp_path / "out.npz"
    assert main(["embed", "images", str(folder), "-o", str(out)]) == 0
    capsys.readouterr()
    return out


def found(capsys, *words):
    assert main(["search", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_images_are_written_as_named(folder, tmp_path, capsys):
    out = tmp_path / "out.npz"
    assert main(["embed", "images", str(folder), "-o", str(out)]) == 0
    captured = capsys.readouterr()
    assert "3 images" in captured.out
    assert "broken.jpg" in captured.err
    with np.load(out) as data:
        names, rows = data["names"].tolist(), data["embeddings"]
    assert names == ["day/cam/blue.png", "day/cam/red.png", "night/green 🚲.png"]
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-6)
    assert rows.argmax(axis=1).tolist() == [2, 0, 1]


def test_nothing_is_written_into_the_image_folder(folder, saved):
    assert not [path for path in folder.rglob("*") if path.suffix in (".npz", ".part")]
    assert not list(saved.parent.glob(".*.part"))


def test_texts_are_written_line_by_line(tmp_path, capsys):
    source = tmp_path / "texts.txt"
    source.write_bytes("\ufeffa red car\r\n\r\nein grünes Haus, blue\u2028sky\n".encode())
    out = tmp_path / "texts.npz"
    assert main(["embed", "texts", str(source), "-o", str(out)]) == 0
    assert "1 empty line" in capsys.readouterr().err
    with np.load(out) as data:
        assert data["texts"].tolist() == ["a red car", "ein grünes Haus, blue\u2028sky"]
        assert data["embeddings"].shape == (2, 3)


def test_a_saved_file_is_searched_by_cosine(saved, folder, capsys):
    hits = found(capsys, folder, "red", "--embeddings", saved)
    assert [os.path.relpath(hit["path"], folder) for hit in hits][0] == "day/cam/red.png"
    assert [hit["rank"] for hit in hits] == [1, 2, 3]
    with np.load(saved) as data:
        row = data["embeddings"][data["names"].tolist().index("day/cam/red.png")]
    direction = np.array([1.01, 0.01, 0.01]) / np.linalg.norm([1.01, 0.01, 0.01])
    assert hits[0]["score"] == pytest.approx(float(row @ direction), abs=1e-6)


@pytest.mark.parametrize(
    "words",
    [("-red",), ("- red",), ("- red + green",), ("-red + green",), ("-kangaroo",), ("-hello",)],
)
def test_a_query_may_start_with_a_line(saved, folder, capsys, words):
    assert len(found(capsys, folder, *words, "--embeddings", saved, "-k2")) == 2
    assert len(found(capsys, "-k", "2", "--embeddings", saved, folder, *words)) == 2


def test_what_is_taken_for_a_word_is_said(saved, folder, capsys):
    assert main(["search", str(folder), "-red", "--embeddings", str(saved)]) == 0
    assert '"-red" is searched for as it is; to want less of it' in capsys.readouterr().err
    assert main(["search", str(folder), "- red", "--embeddings", str(saved)]) == 0
    assert capsys.readouterr().err == ""
    least = found(capsys, folder, "- red", "--embeddings", saved)
    assert os.path.relpath(least[-1]["path"], folder) == "day/cam/red.png"


@pytest.mark.parametrize("word", ["--bogus", "-x", "--people"])
def test_options_that_are_not_there_are_errors(saved, folder, capsys, word):
    with pytest.raises(SystemExit) as stopped:
        main(["search", str(folder), "red", word, "--embeddings", str(saved)])
    assert stopped.value.code == 2
    assert f"unrecognized arguments: {word}" in capsys.readouterr().err


def test_a_search_is_restricted_to_sub_folders_and_drives(saved, folder, capsys):
    where = ("--embeddings", saved)
    assert len(found(capsys, folder, "red", *where, "--in", "day")) == 2
    assert len(found(capsys, folder, "red", *where, "--in", "day", "--in", folder / "night")) == 3
    assert len(found(capsys, folder, "red", *where, "--drive", "night")) == 1
    assert len(found(capsys, folder, "red", *where, "-k", "1")) == 1


def fails(capsys, *words) -> str:
    assert main([str(word) for word in words]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert re.search(r"[.\"]$", lines[0])
    return lines[0]


@pytest.mark.parametrize("name", ["../other", "da"])
def test_a_sub_folder_that_is_not_there_is_refused_as_in_an_index(saved, folder, name, capsys):
    line = fails(capsys, "search", folder, "red", "--embeddings", saved, "--in", name)
    assert "There is no folder" in line


def test_another_model_is_refused(saved, folder, model, capsys):
    model.fingerprint = "beef"
    line = fails(capsys, "search", folder, "red", "--embeddings", saved)
    assert '"colour"' in line
    assert "c4t embed images" in line


def of_another_zip() -> bytes:
    """A sound file but for one bit: the archive's version is none that Python knows."""
    out = io.BytesIO()
    np.savez(out, names=np.array(["a"]), embeddings=np.zeros((1, 3), np.float32))
    raw = bytearray(out.getvalue())
    raw[raw.index(b"PK\1\2") + 6] ^= 64
    return bytes(raw)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no zip",
        of_another_zip(),
        b"PK\x03\x04 torn",
        {"embeddings": np.zeros((2, 3), np.float32)},
        {"names": np.array(["a"]), "embeddings": np.zeros((2, 3), np.float32)},
        {"names": np.array(["a"]), "embeddings": np.zeros(3, np.float32)},
        {"names": np.array(["a"], dtype=object), "embeddings": np.zeros((1, 3), np.float32)},
        {"names": np.array(["a"]), "embeddings": np.array([["x", "y", "z"]])},
    ],
)
def test_a_file_that_is_something_else_is_named(content, tmp_path, folder, capsys):
    path = tmp_path / "odd.npz"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.savez(path, **content)
    line = fails(capsys, "search", folder, "red", "--embeddings", path)
    assert "not a file of image embeddings" in line


def test_values_that_are_not_finite_are_refused(tmp_path, folder, capsys):
    path = tmp_path / "nan.npz"
    rows = np.array([[np.nan, 0, 1]], np.float32)
    np.savez(path, names=np.array(["a"]), embeddings=rows)
    assert "not finite" in fails(capsys, "search", folder, "red", "--embeddings", path)


def test_bad_sources_and_outputs_are_named(tmp_path, folder, capsys):
    out = tmp_path / "out.npz"
    (tmp_path / "latin.txt").write_bytes(b"one\ngr\xfcn\n")
    (tmp_path / "empty.txt").write_bytes(b"\n \n")
    table = {
        ("embed", "images", tmp_path / "nowhere", "-o", out): "does not exist",
        ("embed", "images", tmp_path / "latin.txt", "-o", out): "is a file",
        ("embed", "texts", tmp_path / "nowhere.txt", "-o", out): "cannot be read",
        ("embed", "texts", tmp_path / "latin.txt", "-o", out): "line 2, is not UTF-8",
        ("embed", "texts", tmp_path / "empty.txt", "-o", out): "holds no text",
        ("embed", "images", folder, "-o", tmp_path): "is a folder",
        ("embed", "images", folder, "-o", tmp_path / "no" / "x.npz"): "There is no folder",
        ("search", folder, "red", "--embeddings", tmp_path / "no.npz"): "There is no file",
        ("search", folder, " ", "--embeddings", tmp_path / "no.npz"): "query is empty",
    }
    for words, part in table.items():
        assert part in fails(capsys, *words)
    assert not out.exists()


def test_a_failed_write_leaves_the_old_file(saved, folder, monkeypatch, capsys):
    before = hashlib.sha256(saved.read_bytes()).digest()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(embeddings_file.np, "savez", full)
    (folder / "broken.jpg").unlink()
    assert "No space left" in fails(capsys, "embed", "images", folder, "-o", saved)
    assert hashlib.sha256(saved.read_bytes()).digest() == before
    assert not list(saved.parent.glob(".*.part"))


def test_a_folder_without_images_gives_an_empty_file(tmp_path):
    (tmp_path / "empty").mkdir()
    out = tmp_path / "out.npz"
    assert main(["embed", "images", str(tmp_path / "empty"), "-o", str(out)]) == 0
    with np.load(out) as data:
        assert data["names"].shape == (0,)
        assert data["embeddings"].shape == (0, 3)
