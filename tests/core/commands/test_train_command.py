"""``c4t train`` from the outside: report before training, JSON lines, signals, missing extras."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from c4t_core.cli import main
from c4t_core.datasets.searchad import labels as labels_of_searchad
from c4t_core.errors import Cancelled, MissingExtraError
from tests.helpers.searchad import draw_searchad

QUICK = ("--device", "cpu", "--batch", "8", "--loss", "infonce", "--freeze", "encoders")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """16 small pictures in 4 drives."""
    rows = []
    for number in range(16):
        name = f"d{number // 4}/{number}.png"
        (tmp_path / f"d{number // 4}").mkdir(exist_ok=True)
        Image.new("RGB", (48, 32), (16 * number, 255 - 16 * number, 99)).save(tmp_path / name)
        rows.append((name, f"a car {number}", f"d{number // 4}"))
    return written(tmp_path / "pairs.csv", rows)


def written(path: Path, rows, delimiter: str = ",", encoding: str = "utf-8") -> Path:
    with path.open("w", newline="", encoding=encoding) as out:
        writer = csv.writer(out, delimiter=delimiter)
        writer.writerow(("image", "caption", "drive"))
        writer.writerows(rows)
    return path


def command(pairs: Path, model: Path, *more: str) -> list[str]:
    output = str(pairs.parent / "out")
    return ["train", str(pairs), "--output", output, "--from", str(model), *QUICK, *more]


def test_bad_rows_are_reported_with_lines_and_the_rest_is_used(pairs, tiny_model_folder, capsys):
    good = [tuple(row.split(",")) for row in pairs.read_text().splitlines()[1:]]
    secret = pairs.parent.parent / "secret.png"
    Image.new("RGB", (8, 8)).save(secret)
    bad = written(
        pairs.with_name("bad.csv"),
        [
            good[0],
            ("missing.png", "a lost car", "d0"),
            ("../secret.png", "not ours", "d0"),
            (good[1][0], "   ", "d0"),
            good[0],
            *good[1:],
        ],
        delimiter=";",
        encoding="utf-8-sig",
    )
    code = main(command(bad, tiny_model_folder, "--check"))
    out = capsys.readouterr().out
    assert code == 0
    assert "16 pairs" in out
    assert "4 rows are left out" in out
    for line in (3, 4, 5, 6):
        assert f"line {line}: " in out
    assert not (pairs.parent / "out").exists()


def test_what_images_do_not_show_is_counted(pairs, tiny_model_folder, capsys):
    rows = [tuple(row.split(",")) for row in pairs.read_text().splitlines()[1:]]
    caption = rows[0][1]
    told = [(*row, "1") for row in rows]
    told += [(image, caption, drive, "0") for image, text, drive in rows if text != caption]
    file = written(pairs.with_name("marks.csv"), told)
    lines = file.read_text().splitlines()
    file.write_text("\n".join([f"{lines[0]},shown", *lines[1:]]))
    assert main(command(file, tiny_model_folder, "--check", "--validation-share", "0")) == 0
    out = capsys.readouterr().out
    count = len(told) - len(rows)
    assert f"{len(rows)} pairs: " in out
    assert f"; {count} times told what an image does not show" in out


def test_nothing_usable_is_one_sentence(pairs, tiny_model_folder, capsys):
    bad = written(pairs.with_name("bad.csv"), [("gone.png", "a car", "d0")])
    assert main(command(bad, tiny_model_folder)) == 1
    err = capsys.readouterr().err.strip()
    assert "line 2: the image gone.png is missing" in err
    assert len(err.splitlines()) == 1


def test_json_lines_tell_the_whole_run(pairs, tiny_model_folder, capsys):
    pytest.importorskip("torch")
    arguments = ("--epochs", "2", "--no-guard", "--progress", "json", "--name", "mine")
    assert main(command(pairs, tiny_model_folder, *arguments)) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    names = [event["event"] for event in events]
    for earlier, later in zip(
        ("pairs", "features", "estimate", "start", "validation", "epoch", "export"),
        ("features", "estimate", "start", "validation", "epoch", "export", "done"),
        strict=True,
    ):
        assert names.index(earlier) < names.index(later)
    assert events[-1]["event"] == "done"
    assert events[-1]["name"] == "c4t:mine"
    assert main(["models", "list"]) == 0
    assert "c4t:mine" in capsys.readouterr().out


def test_a_request_stands_for_all_options_and_goes_on(pairs, tiny_model_folder, capsys):
    pytest.importorskip("torch")
    words = command(pairs, tiny_model_folder, "--epochs", "1", "--no-guard")
    assert main(words) == 0
    kept = pairs.parent / "out" / "request.json"
    before = kept.read_bytes()
    plain = json.loads(before)
    assert plain["format"] == 1
    assert plain["options"]["epochs"] == 1
    capsys.readouterr()
    assert main(["train", "--request", str(kept), "--progress", "json"]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["event"] == "done"
    assert last["resumed"]
    assert kept.read_bytes() == before
    del plain["format"]  # as an earlier version wrote it
    kept.write_text(json.dumps(plain))
    assert main(words) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read"),
        ("[]", "holds no request"),
        ('{"pairs": 1, "output": "x"}', "holds no request"),
        ('{"format": 2}', "another version"),
        ('{"pairs": "a.csv", "output": "x", "preset": "huge"}', 'no preset "huge"'),
    ],
)
def test_a_request_that_is_none_is_one_sentence(tmp_path, capsys, text, said):
    path = tmp_path / "request.json"
    if text is not None:
        path.write_text(text)
    assert main(["train", "--request", str(path)]) == 1
    err = capsys.readouterr().err.strip()
    assert said in err
    assert len(err.splitlines()) == 1


def test_without_a_request_pairs_and_output_are_required(capsys):
    with pytest.raises(SystemExit):
        main(["train"])
    assert "required: PAIRS, --output" in capsys.readouterr().err


def test_text_report(pairs, tiny_model_folder, capsys):
    pytest.importorskip("torch")
    assert main(command(pairs, tiny_model_folder, "--epochs", "1", "--no-guard")) == 0
    out = capsys.readouterr().out
    assert "12 images to train on, 4 held out, 4 drives" in out
    assert "Training takes about" in out
    assert "epoch 1 of 1" in out
    assert "Done in" in out


def test_ctrl_c_asks_once_and_insists_the_second_time():
    from c4t_core.commands.console import handling_signals
    from c4t_core.commands.train import Stop

    stop, before = Stop(), signal.getsignal(signal.SIGINT)  # a shell's background job ignores it
    with handling_signals(stop.ask, signal.SIGINT, signal.SIGTERM):
        stop.progress(1, 2)
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Cancelled):
            stop.progress(1, 2)
        assert stop.code == 130
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.long
def test_a_signal_saves_and_says_so(pairs, tiny_model_folder):
    pytest.importorskip("torch")
    number = signal.SIGTERM
    words = command(
        pairs, tiny_model_folder, "--epochs", "100000", "--progress", "json", "--no-guard"
    )
    with subprocess.Popen(
        [sys.executable, "-m", "c4t_core", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["event"] == "epoch":
                process.send_signal(number)
                break
        rest, err = process.communicate(timeout=120)
    assert process.returncode == 128 + number, err
    last = [json.loads(line) for line in rest.splitlines()]
    assert any(event["event"] == "checkpoint" for event in last)
    assert last[-1]["event"] == "stopped"
    assert "same command again" in last[-1]["message"]
    assert (pairs.parent / "out" / "checkpoint.pt").is_file()


def test_without_the_extra_the_remedy_is_named(pairs, tiny_model_folder):
    # In a process of its own: nothing that needs torch may have been imported before.
    code = (
        "import sys\n"
        "for name in ('torch', 'accelerate', 'timm', 'transformers'): sys.modules[name] = None\n"
        "from c4t_core.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    words = [sys.executable, "-c", code, *command(pairs, tiny_model_folder)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1
    assert MissingExtraError("Training", "train").command in done.stderr


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--blend", "2"), "from 0 to 1"),
        (("--resume",), "no checkpoint"),
        (("--name", "../evil"), "cannot be the name"),
        (("--epochs", "0"), "epochs is 0"),
        (("--column", "image=nothing"), "no column nothing"),
        (("--image-column", "nothing"), "no column nothing"),
        (("--caption-column", "nothing"), "no column nothing"),
    ],
)
def test_wrong_wishes_are_one_sentence(pairs, tiny_model_folder, capsys, more, said):
    assert main(command(pairs, tiny_model_folder, *more)) == 1
    err = capsys.readouterr().err.strip()
    assert said in err
    assert len(err.splitlines()) == 1


def test_new_models_never_start_from_random_weights_by_chance(pairs, capsys):
    pytest.importorskip("torch")
    words = ["train", str(pairs), "--output", str(pairs.parent / "o"), "--preset", "reference"]
    assert main([*words, "--projection", "16"]) == 1
    assert "--image-weights" in capsys.readouterr().err


def test_help_shows_every_option(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["train", "--help"])
    assert stopped.value.code == 0
    out = capsys.readouterr().out
    for option in ("--images", "--from", "--name", "--download", "--general", "--loss", "--freeze"):
        assert option in out


def test_a_searchad_folder_is_trained_on(tiny_model_folder, tmp_path, capsys):
    folder = draw_searchad(tmp_path / "ad", val=18, train=66, test=11)
    out = tmp_path / "out"
    train = ["train", "--searchad", str(folder), "--output", str(out), "--epochs", "1"]
    train += ["--from", str(tiny_model_folder), "--no-guard", *QUICK, "--progress", "json"]
    assert main(train) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = {event["event"]: event for event in events}
    with (out / "searchad.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    marked = json.loads((folder / "searchad_annotations_train.json").read_text())
    shown = {image: labels for image, boxes in marked.items() if (labels := _counted(boxes))}
    assert {row["image"] for row in rows} == set(shown)
    known = labels_of_searchad()
    for row in rows:
        said = {
            name for name in known
            for text in (known[name].ask, *known[name].taught) if text in row["caption"]
        }  # fmt: skip
        assert shown[row["image"]] & said, row
        assert not any(text in row["caption"] for label in known.values() for text in label.held)
    pairs_read = found["pairs"]
    assert pairs_read["pairs"] == len(rows)
    assert pairs_read["validation"] > 0
    assert pairs_read["problems"] == []
    assert (out / "model" / "config.json").is_file()
    before = (out / "searchad.csv").read_bytes()
    assert main(train) == 0  # it is done already
    assert (out / "searchad.csv").read_bytes() == before


def test_missing_sources_of_searchad_are_named_and_the_rest_is_used(tmp_path, capsys):
    folder = draw_searchad(tmp_path / "ad", val=9, train=66, test=11)
    shutil.rmtree(folder / "kitti")
    check = ["train", "--searchad", str(folder), "--output", str(tmp_path / "out"), "--check"]
    assert main(check) == 0
    said = capsys.readouterr()
    assert "Note: kitti: none of its " in said.err
    assert "kitti/" not in (tmp_path / "out" / "searchad.csv").read_text()
    assert "rows are left out" not in said.out
    assert main([*check, "--images", str(tmp_path)]) == 1
    assert "leave out PAIRS and --images" in capsys.readouterr().err
    for source in folder.iterdir():
        if source.is_dir():
            shutil.rmtree(source)
    assert main(check) == 1
    assert "no labelled image of the train split" in capsys.readouterr().err
    assert main([*check[:2], str(tmp_path / "none"), *check[3:]]) == 1
    assert "searchad_annotations_train.json" in capsys.readouterr().err


def _counted(boxes) -> set[str]:
    """The labels of boxes that count, by the rule as it is written."""
    return {
        box["label"]
        for box in boxes
        for x0, y0, x1, y1 in [box["bbox"]]
        if (x1 - x0) * (y1 - y0) >= 50 and box["label"] in labels_of_searchad()
    }
