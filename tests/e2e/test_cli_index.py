"""The command line as a user meets it, with the shipped model: index, interrupt, search."""

from __future__ import annotations

import functools
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from c4t_core.cli import main
from c4t_core.index.events import AlikeLevel
from c4t_core.models import registry
from c4t_core.paths import resource

FRAMES = 3  # of each drive


class Output(NamedTuple):
    out: str
    err: str


@pytest.fixture(scope="module")
def drives(tmp_path_factory):
    """A few frames of each drive of the sample, with their labels beside them."""
    root = tmp_path_factory.mktemp("images") / "drives"
    sample = resource("sample", "drives")
    for drive in sorted(path for path in sample.iterdir() if path.is_dir()):
        for frame in sorted(drive.glob("camera/*/*.jpg"))[:: 12 // FRAMES]:
            label = Path(str(frame).replace("camera", "label")).with_suffix(".png")
            for source in (frame, label):
                target = root / source.relative_to(sample)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
    return root


@pytest.fixture(scope="module")
def template(drives, tmp_path_factory):
    """A data folder in which the drives are indexed."""
    folder = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("C4T_DATA_DIR", str(folder))
        assert main(["index", str(drives), "--json"]) == 0
    return folder


@pytest.fixture
def indexed(drives, template, data_dir):
    own = shutil.ignore_patterns("networks", "sums")  # which all tests share
    shutil.copytree(template, data_dir, dirs_exist_ok=True, ignore=own)
    return drives


@pytest.fixture(scope="module", autouse=True)
def loaded_once():
    """Loading takes half a second; the tests in processes of their own do it for real."""
    once = functools.cache(registry.load_model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "load_model", once)
        yield


@pytest.fixture
def run(capfdbinary):
    """Run the command in this process; its output comes back as text, odd bytes kept."""

    def call(*words, code=0):
        capfdbinary.readouterr()
        assert main([str(word) for word in words]) == code
        return Output(*(os.fsdecode(stream) for stream in capfdbinary.readouterr()))

    return call


@pytest.fixture
def run_json(run):
    def call(*words):
        captured = run(*words, "--json")
        assert captured.err == ""
        return json.loads(captured.out.splitlines()[-1])

    return call


def picture(path: Path, colour="grey") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 40), colour).save(path)
    return path


def test_only_what_is_new_or_changed_is_embedded(run_json, drives, tmp_path):
    folder = shutil.copytree(drives, tmp_path / "drives")
    count = 5 * FRAMES
    first = run_json("index", folder)
    (left,) = first.pop("left_out")  # the drives' label pictures
    assert (left["rule"], left["files"], left["more"]) == ("label pictures", count, False)
    assert first == {
        "total": count,
        "embedded": count,
        "unchanged": 0,
        "gone": 0,
        "offline": 0,
        "skipped": [],
        "unread": {},
        "recordings": {},
    }
    again = run_json("index", folder)
    assert (again["embedded"], again["unchanged"]) == (0, count)
    frames = sorted(folder.glob("*/camera/*/*.jpg"))
    frames[0].unlink()
    shutil.copyfile(frames[1], frames[2])
    os.utime(frames[2], ns=(1, 1))
    picture(folder / "new.png")
    third = run_json("index", folder)
    assert third["total"] == count
    assert (third["embedded"], third["unchanged"], third["gone"]) == (2, count - 2, 1)


def test_searching_lists_absolute_paths_best_first(run_json, indexed):
    hits = run_json("search", indexed, "a", "snowy", "road", "-k", "100")
    assert len(hits) == 5 * FRAMES  # k larger than what is there
    assert [hit["rank"] for hit in hits] == list(range(1, len(hits) + 1))
    assert [hit["score"] for hit in hits] == sorted((h["score"] for h in hits), reverse=True)
    for hit in hits:
        assert set(hit) == {"path", "score", "drive", "rank", "objects"}
        assert os.path.isabs(hit["path"])
        assert os.path.isfile(hit["path"])
        assert "/camera/" in hit["path"]
        assert hit["drive"] == hit["path"].split("/")[-4]
    assert "20260118_091500" in hits[0]["path"]  # the snowy drive


def test_words_and_one_string_are_the_same_query(run_json, indexed):
    one = run_json("search", indexed, "snow + 2:truck - people")
    assert run_json("search", indexed, "snow", "+", "2:truck", "-", "people") == one
    assert run_json("search", indexed, "snow") != one


def test_the_first_and_all_later_ones_read_the_same_scores(indexed):
    words = [sys.executable, "-m", "c4t_core", "search", str(indexed), "a snowy road", "--json"]
    answers = []
    for _ in range(3):  # the first makes the network that all others open
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
        answers.append(json.loads(done.stdout))
    assert answers[0] == answers[1] == answers[2]
    assert len(answers[0]) == 5 * FRAMES


def test_restrictions(run_json, indexed):
    only = "20260118_091500"
    for words in (
        ("--in", only),
        ("--in", indexed / only),
        ("--drive", only),
        ("--drive", only.replace("_", "")),
    ):
        hits = run_json("search", indexed, "truck", *words)
        assert len(hits) == FRAMES
        assert all(only in hit["path"] for hit in hits)
    two = run_json("search", indexed, "truck", "--in", only, "--in", "20261120_214500")
    assert len(two) == 2 * FRAMES


def test_a_sub_folder_of_an_indexed_folder_can_be_searched(run_json, indexed):
    assert len(run_json("search", indexed / "20260118_091500", "truck")) == FRAMES


def test_an_image_as_a_term_finds_itself(run_json, indexed):
    frame = sorted(indexed.glob("*/camera/*/*.jpg"))[4]
    hits = run_json("search", indexed, f"@{frame}")
    assert hits[0]["path"] == str(frame)
    assert hits[0]["score"] == pytest.approx(1, abs=1e-4)


def test_exact_search_agrees(run_json, indexed):
    words = ("search", indexed, "a cyclist", "-k", "7")
    assert run_json(*words, "--exact") == run_json(*words)


def test_plain_output_is_one_line_a_hit(run, indexed):
    captured = run("search", indexed, "truck", "-k", "4")
    lines = captured.out.splitlines()
    assert len(lines) == 4
    assert all(float(line.split()[0]) <= 1 and line.endswith(".jpg") for line in lines)


def test_saved_embeddings_give_the_same_hits(run, run_json, indexed, tmp_path):
    saved = tmp_path / "x.npz"
    run("embed", "images", indexed, "-o", saved)
    usual = run_json("search", indexed, "truck in snow")
    other = run_json("search", indexed, "truck in snow", "--embeddings", saved)
    assert [hit["path"] for hit in other] == [hit["path"] for hit in usual]
    assert [h["drive"] for h in other] == [h["drive"] for h in usual]
    # the catalogue keeps half precision
    np.testing.assert_allclose([h["score"] for h in other], [h["score"] for h in usual], atol=2e-3)


def test_texts_meet_images_in_one_space(run, run_json, indexed, tmp_path):
    saved, words = tmp_path / "x.npz", tmp_path / "t.txt"
    words.write_text("truck in snow\nrain\n")
    run("embed", "images", indexed, "-o", saved)
    run("embed", "texts", words, "-o", tmp_path / "t.npz")
    with np.load(saved) as images, np.load(tmp_path / "t.npz") as texts:
        assert texts["texts"].tolist() == ["truck in snow", "rain"]
        scores = images["embeddings"] @ texts["embeddings"][0]
        best = str(images["names"][scores.argmax()])
    hits = run_json("search", indexed, "truck in snow", "--embeddings", saved)
    assert hits[0]["path"] == str(indexed / best)
    assert hits[0]["score"] == pytest.approx(float(scores.max()), abs=1e-5)


ODD_NAMES = [
    b"line\nbreak.png",
    "\N{BICYCLE} emoji.png".encode(),
    b"\xff\xfe bytes.png",
    b"-rf.png",
    b"<img src=x>.png",
    b"space  two.PNG",
]


def test_odd_names_come_out_as_they_are(run, run_json, tmp_path):
    folder = tmp_path / "odd"
    folder.mkdir()
    for number, name in enumerate(ODD_NAMES):
        path = os.path.join(os.fsencode(folder), name)
        try:
            with open(path, "wb") as out:
                Image.new("RGB", (40, 30), (40 * number, 90, 10)).save(out, "PNG")
        except OSError:
            pytest.skip("this disk refuses such names")
    report = run_json("index", folder)
    assert (report["embedded"], report["skipped"]) == (len(ODD_NAMES), [])
    hits = run_json("search", folder, "road")
    assert {os.path.basename(os.fsencode(hit["path"])) for hit in hits} == set(ODD_NAMES)
    assert len(run("search", folder, "road").out.splitlines()) == len(ODD_NAMES)


def test_bad_files_are_listed_and_shift_nobody(run, run_json, drives, tmp_path):
    folder = shutil.copytree(drives, tmp_path / "drives")
    (folder / "empty.jpg").touch()
    (folder / "text.png").write_text("no picture")
    frame = next(folder.glob("*/camera/*/*.jpg"))
    (folder / "torn.jpg").write_bytes(frame.read_bytes()[:900])
    (folder / "folder.png").mkdir()
    os.mkfifo(folder / "pipe.png")
    os.symlink(folder / "nothing.png", folder / "link.png")
    report = run_json("index", folder)
    names = {os.path.basename(entry["path"]) for entry in report["skipped"]}
    assert names == {"empty.jpg", "text.png", "torn.jpg", "pipe.png", "link.png"}
    assert all(entry["reason"] for entry in report["skipped"])
    assert report["embedded"] == 5 * FRAMES
    captured = run("index", folder)
    assert captured.err.count("skipped") == 5
    assert "5 skipped" in captured.out
    usual = run_json("search", folder, f"@{frame}", "-k", "1")
    assert usual[0]["path"] == str(frame)


def test_what_is_left_out_can_be_changed(run_json, drives, tmp_path):
    folder = shutil.copytree(drives, tmp_path / "drives")
    assert run_json("index", folder)["total"] == 5 * FRAMES
    everything = run_json("index", folder, "--exclude-nothing")
    assert everything["total"] == 10 * FRAMES
    assert run_json("index", folder)["total"] == 10 * FRAMES  # remembered
    fewer = run_json("index", folder, "--exclude", "label", "--exclude", "*_000000000.jpg")
    assert fewer["total"] == 5 * FRAMES - 5
    left = {entry["rule"]: entry["files"] for entry in fewer["left_out"]}
    assert left == {"label": 5 * FRAMES, "*_000000000.jpg": 5}
    usual = run_json("index", folder, "--exclude-default")
    assert usual["total"] == 5 * FRAMES
    assert [entry["rule"] for entry in usual["left_out"]] == ["label pictures"]


def test_the_report_says_what_is_not_indexed(run, run_json, tmp_path):
    for name in ("a.png", "masks/b.png", "masks/c.png", "night_1/d.png", "night_1/x/e.png"):
        picture(tmp_path / name)
    for name in ("f.exr", "g.exr", "h.nef", "i.mp4"):
        (tmp_path / name).write_bytes(b"x")
    captured = run("index", tmp_path, "--exclude", "night*")
    assert "1 image: 1 embedded" in captured.out
    assert "4 left out" in captured.out
    assert f'"night*": 2 images in 1 folder, such as {tmp_path / "night_1"}' in captured.err
    assert '"label pictures": 2 images in 1 folder' in captured.err
    assert "--exclude-default" in captured.err
    assert "not read: 3 files (.exr 2, .nef 1)" in captured.err
    assert "recordings, which are not read yet: 1 file (.mp4 1)" in captured.err
    report = run_json("index", tmp_path)
    assert {entry["rule"]: entry["examples"] for entry in report["left_out"]} == {
        "night*": [str(tmp_path / "night_1")],
        "label pictures": [str(tmp_path / "masks")],
    }
    assert report["unread"] == {".exr": 2, ".nef": 1}
    assert report["recordings"] == {".mp4": 1}
    alone = run("embed", "images", tmp_path, "-o", tmp_path / "out.npz")
    assert '"label pictures": 2 images in 1 folder' in alone.err
    assert "not read: 3 files" in alone.err


def test_where_everything_was_left_out_the_rule_is_named(run, tmp_path):
    picture(tmp_path / "left" / "a.png")
    captured = run("index", tmp_path / "left", "--exclude", "*.png")
    assert "1 left out" in captured.out
    assert 'but 1 image left out by "*.png". Index with --exclude-default' in captured.err
    captured = run("index", tmp_path / "left", "--exclude-default")
    assert "1 embedded" in captured.out
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.nef").write_bytes(b"x")
    captured = run("index", tmp_path / "raw")
    assert "only 1 file (.nef 1); convert them to PNG or JPEG." in captured.err


def test_a_clock_of_the_year_2400_stops_no_folder(run_json, tmp_path):
    for name, seconds in (("a.png", 13_569_465_600), ("b.png", -2_208_988_800), ("c.png", 1)):
        os.utime(picture(tmp_path / name), (seconds, seconds))
    assert run_json("index", tmp_path)["embedded"] == 3
    assert run_json("index", tmp_path)["unchanged"] == 3


def test_a_folder_without_images_is_no_failure(run, tmp_path):
    (tmp_path / "notes.txt").write_text("nothing to see")
    captured = run("index", tmp_path, "--json")
    assert json.loads(captured.out)["total"] == 0
    assert captured.err.startswith("No images in ")
    captured = run("search", tmp_path, "truck")
    assert captured.out == ""
    assert "Nothing was found" in captured.err


@pytest.fixture
def broken_model(tmp_path):
    """The shipped model with one bit of its weights turned."""
    folder = shutil.copytree(resource("models", "lite"), tmp_path / "broken model")
    largest = max(folder.glob("*.safetensors"), key=lambda path: path.stat().st_size)
    with largest.open("r+b") as weights:
        weights.seek(1_000_000)
        byte = weights.read(1)[0]
        weights.seek(1_000_000)
        weights.write(bytes([byte ^ 1]))
    return folder


def test_bad_input_is_one_plain_sentence(run, indexed, broken_model, tmp_path):
    (tmp_path / "new").mkdir()
    picture(tmp_path / "new" / "a.png")
    (tmp_path / "hollow").mkdir()
    missing, file = tmp_path / "missing", indexed / "20260118_091500" / "x"
    table = [
        (("index", missing), str(missing)),
        (("search", missing, "truck"), str(missing)),
        (("index", picture(tmp_path / "file.png")), "file.png"),
        (("search", tmp_path / "new", "truck"), "c4t index"),
        (("search", indexed, ""), "query is empty"),
        (("search", indexed, "  "), "query is empty"),
        (("search", indexed, "snow +"), "no words"),
        (("search", indexed, f"@{file}"), "cannot be used"),
        (("search", indexed, "truck", "--in", tmp_path / "new"), "new"),
        (("index", indexed, "--model", "c4t:nobody"), "nobody"),
        (("search", indexed, "truck", "--model", "gpt"), "gpt"),
        (("index", tmp_path / "new", "--model", broken_model), "broken model"),
        (("search", indexed, "truck", "--model", broken_model), "broken model"),
        (("index", indexed, "--model", tmp_path / "hollow"), "model"),
        (("embed", "images", indexed, "-o", tmp_path / "o.npz", "--model", "x"), '"x"'),
    ]
    for words, part in table:
        captured = run(*words, code=1)
        assert captured.out == "", words
        lines = captured.err.splitlines()
        assert len(lines) == 1, (words, lines)
        assert lines[0].startswith("c4t: ")
        assert part in lines[0], (words, lines)
        assert lines[0].rstrip().endswith((".", '"', ")")), lines[0]
        assert "Traceback" not in lines[0]
        assert "inside C4T" not in lines[0], lines[0]
    # nothing is lost by any of it
    assert run("search", indexed, "truck", "-k", "3").out.count("\n") == 3


def test_no_torch_on_the_way(drives):
    """Where torch and the like are installed they are still not imported."""
    code = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "torchvision", "transformers", "timm", "open_clip"}:
            raise AssertionError("imports " + name)
sys.meta_path.insert(0, Refuse())
from c4t_core.cli import main
assert main(["index", sys.argv[1], "--json"]) == 0
assert main(["search", sys.argv[1], "truck in snow", "--json"]) == 0
assert main(["models", "list"]) == 0
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(drives)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


# A line after every batch instead of every ten seconds, so that a test can tell when to strike.
TALKATIVE = """
import sys
from c4t_core.commands import console
console.PLAIN_EVERY = 0.0
from c4t_core.cli import main
sys.exit(main(["index", sys.argv[1]]))
"""


@pytest.fixture
def many(drives, tmp_path):
    """So many frames that indexing takes a few seconds."""
    folder = tmp_path / "many"
    folder.mkdir()
    frames = sorted(drives.glob("*/camera/*/*.jpg"))
    for number in range(112):
        with Image.open(frames[number % len(frames)]) as image:
            image.rotate(number // len(frames)).save(folder / f"f_{number:04d}.jpg", quality=80)
    return folder


def strike(folder, number):
    """Start indexing, send a signal after some batches; return exit code and stderr."""
    process = subprocess.Popen(
        [sys.executable, "-c", TALKATIVE, str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines = []
    for line in process.stderr:
        lines.append(line)
        if len(lines) == 2:
            process.send_signal(number)
    code = process.wait(60)
    process.stderr.close()
    return code, "".join(lines)


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_interrupted_or_killed_it_goes_on_where_it_was(many, run_json, data_dir, monkeypatch):
    code, err = strike(many, signal.SIGINT)
    assert code == 130, err
    assert err.splitlines()[-1].startswith("c4t: Stopped.")
    code, err = strike(many, signal.SIGKILL)
    assert code == -signal.SIGKILL, err
    last = run_json("index", many)
    assert last["embedded"] + last["unchanged"] == 112
    assert last["unchanged"] > 16  # both runs before left something behind
    hits = run_json("search", many, "truck in snow", "-k", "112")
    undisturbed = data_dir / "another"
    monkeypatch.setenv("C4T_DATA_DIR", str(undisturbed))
    assert run_json("index", many)["embedded"] == 112
    assert run_json("search", many, "truck in snow", "-k", "112") == hits


def test_the_commands_of_the_tutorials_run(run, indexed, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "tutorials.md").read_text("utf-8")
    for file in resource("sample", "drives").glob("*.json"):  # the names of its colours
        shutil.copy(file, indexed)
    monkeypatch.chdir(indexed.parent)
    monkeypatch.setattr(AlikeLevel, "get", lambda self: 0.9)  # else it embeds the whole sample
    ran = 0
    for words in map(shlex.split, re.findall(r"^c4t (.+)$", page, re.MULTILINE)):
        if words[0] in ("train", "evaluate"):  # minutes; test_docs.py reads them
            continue
        if ">" in words:
            words = words[: words.index(">")]
        output = run(*words)
        assert output.out or words[0] in ("index", "caption"), words
        ran += 1
    assert ran >= 12
    assert (indexed.parent / "pairs.csv").stat().st_size > 0
