"""Whole runs: learning by heart, resuming after a kill, guards, registration."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from c4t_core.errors import Cancelled, TrainingError  # noqa: E402
from c4t_core.models import folder  # noqa: E402  # noqa: E402
from c4t_core.models.registry import list_models, load_model  # noqa: E402
from c4t_core.training import events  # noqa: E402
from c4t_core.training.checkpoint import BEST, CHECKPOINT, load_safely  # noqa: E402
from c4t_core.training.request import TrainingOptions, TrainingRequest  # noqa: E402
from c4t_core.training.session import train  # noqa: E402

QUICK = TrainingOptions(
    loss="infonce",
    freeze="encoders",
    batch=16,
    epochs=3,
    head_rate=3e-3,
    image_rate=3e-3,
    text_rate=1e-3,
    validation_share=0.25,
)


@pytest.fixture
def request_for(shapes: Path, tiny_model_folder: Path, tmp_path: Path):
    def build(output: str = "run", **changes) -> TrainingRequest:
        known = {field.name for field in dataclasses.fields(TrainingRequest)}
        options = {key: value for key, value in changes.items() if key not in known}
        plain = {key: value for key, value in changes.items() if key in known}
        return TrainingRequest(
            **{
                "pairs": shapes / "pairs.csv",
                "output": tmp_path / output,
                "base": str(tiny_model_folder),
                "device": "cpu",
                "guard": False,
                "options": dataclasses.replace(QUICK, **options),
                **plain,
            },
        )

    return build


@pytest.fixture
def marked(shapes, tmp_path) -> dict:
    """Cars by colour in every drive, and that those of another colour are not of the first."""
    cars = [(f"drive{i}/frame_{j:03d}.png", j, f"drive{i}") for i in range(8) for j in range(8)]
    rows = [(name, f"a car of colour {j}", drive, "1") for name, j, drive in cars if j < 4]
    rows += [(name, "a car of colour 0", drive, "0") for name, j, drive in cars if j in (1, 4)]
    rows += [(name, "a lorry", drive, "0") for name, j, drive in cars if j == 6]
    pairs = tmp_path / "marked.csv"
    lines = [",".join(row) for row in [("image", "caption", "drive", "shown"), *rows]]
    pairs.write_text("\n".join(lines) + "\n")
    return {"pairs": pairs, "images": shapes}


class Events(list):
    def of(self, kind: type) -> list:
        return [event for event in self if isinstance(event, kind)]

    def __call__(self, event: events.Event) -> None:
        line = events.to_line(event)
        assert events.to_line(events.parse_event(line)) == line  # as the window reads it
        self.append(event)


def weights(result) -> dict[str, torch.Tensor]:
    return torch.load(result.output / "best.pt", weights_only=True)["state"]


def assert_same(one, other, tolerance: float = 1e-6) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.allclose(tensor.float(), other[name].float(), rtol=0, atol=tolerance), name


def test_learns_64_pairs_by_heart(request_for, shapes):
    told = Events()
    result = train(request_for(epochs=250, batch=64, validation_share=0.0), on_event=told)
    assert told.of(events.EpochDone)[-1].train_loss < told.of(events.EpochDone)[0].train_loss / 4
    model = load_model(str(result.model), engine="onnx")
    with (shapes / "pairs.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    images = model.encode_images([Image.open(shapes / row["image"]) for row in rows])
    texts = model.encode_texts([row["caption"] for row in rows])
    scores = texts @ images.T
    assert np.array_equal(scores.argmax(axis=1), np.arange(64))
    assert np.array_equal(scores.argmax(axis=0), np.arange(64))


@pytest.mark.parametrize(
    "how",
    [
        {"freeze": "encoders"},
        {"freeze": "none", "augment": "light", "ema": 0.9, "accumulate": 2, "batch": 8},
        {"freeze": "partial", "schedule": "plateau", "loss": "siglip", "captions": "all"},
    ],
    ids=["frozen", "all, marked", "partial"],
)
def test_stopped_and_resumed_ends_as_uninterrupted(request_for, marked, request, how):
    how = how | (marked if "marked" in request.node.name else {})
    whole = train(request_for("whole", **how))

    def stop(done: int, total: int) -> None:
        if done == 4:  # within the second epoch
            raise Cancelled

    told = Events()
    with pytest.raises(Cancelled):
        train(request_for("parts", **how), stop, told)
    assert told.of(events.Stopped)
    assert not (request_for("parts").output / "model").exists()
    again = Events()
    parts = train(request_for("parts", **how), on_event=again)
    assert again.of(events.Started)[0].resumed
    assert again.of(events.Started)[0].step == 4
    assert parts.resumed
    assert not whole.resumed
    assert_same(weights(whole), weights(parts))
    assert [row["train_loss"] for row in history(parts)] == pytest.approx(
        [row["train_loss"] for row in history(whole)], abs=1e-6
    )


def test_what_is_wrong_is_told_apart_and_what_no_image_shows_is_said(request_for, shapes, marked):
    told = Events()
    both = train(request_for(epochs=30, validation_share=0.0, **marked), on_event=told)
    (read,) = told.of(events.PairsRead)
    assert (read.pairs, read.train, read.wrong) == (32, 32, 16)
    assert any(warning.startswith("8 rows that say what") for warning in read.warnings)
    rows = [row for row in marked["pairs"].read_text().splitlines() if not row.endswith(",0")]
    right = marked["pairs"].with_name("right.csv")
    right.write_text("\n".join(rows) + "\n")
    alone = train(request_for("alone", pairs=right, images=shapes, epochs=30, validation_share=0.0))

    def apart(result, colour: int) -> float:
        model = load_model(str(result.model), engine="torch")
        cars = [
            Image.open(shapes / f"drive{i}/frame_{j:03d}.png")
            for j in (0, colour)
            for i in range(8)
        ]
        scores = model.encode_images(cars) @ model.encode_texts(["a car of colour 0"])[0]
        return float(scores[:8].mean() - scores[8:].mean())

    assert apart(both, 4) > apart(alone, 4) + 0.02  # only known as wrong


def history(result) -> list[dict]:
    lines = (result.output / "training.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


KILLED = """
import os, signal, sys
from pathlib import Path
from c4t_core.training.request import TrainingRequest
from c4t_core.training.session import train
def kill(done, total):
    if done == 5:
        os.kill(os.getpid(), signal.SIGKILL)
train(TrainingRequest.read(Path(sys.argv[1])), kill)
"""


def test_sigkill_costs_nothing_but_time(request_for, tmp_path):
    whole = train(request_for("whole"))
    request = request_for("parts", checkpoint_seconds=0.0)
    (tmp_path / "request.json").write_text(json.dumps(request.to_json()))
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "request.json")],
        env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    told = Events()
    result = train(request, on_event=told)
    assert 0 < told.of(events.Started)[0].step <= 5
    assert_same(weights(whole), weights(result))


def test_checkpoint_is_whole_after_a_failed_write(request_for, monkeypatch):
    request = request_for(checkpoint_seconds=0.0)
    saves = []
    real = torch.save

    def full_disk(data, out):
        saves.append(1)
        if len(saves) == 4:
            out.write(b"half")
            raise OSError(28, "No space left on device")
        real(data, out)

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(TrainingError, match="No space left on device"):
        train(request)
    monkeypatch.undo()
    assert not [path for path in request.output.iterdir() if path.name.startswith(".")]
    whole = train(request_for("whole"))
    assert_same(weights(train(request)), weights(whole))


def test_another_request_is_refused(request_for):
    train(request_for(epochs=1))
    with pytest.raises(TrainingError, match="batch was 16"):
        train(request_for(epochs=1, batch=8))
    assert train(request_for(epochs=1)).resumed  # the same one is done already


def test_changed_pairs_are_another_run(request_for, shapes, tmp_path):
    copy = tmp_path / "pairs.csv"
    copy.write_text((shapes / "pairs.csv").read_text())
    train(request_for(epochs=1, pairs=copy, images=shapes))
    copy.write_text((shapes / "pairs.csv").read_text() + "drive0/frame_000.png,another,drive0\n")
    with pytest.raises(TrainingError, match="pairs file has changed"):
        train(request_for(epochs=1, pairs=copy, images=shapes))


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path(os.environ["C4T_DATA_DIR"]) / "owned",))


def test_evil_checkpoint_is_not_unpickled(request_for, data_dir):
    request = request_for(epochs=1)
    train(request)
    torch.save({"format": 1, "evil": Evil()}, request.output / "checkpoint.pt")
    with pytest.raises(TrainingError, match="not loaded"):
        train(request)
    assert not (data_dir / "owned").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a zip", b"nonsense"])
def test_damaged_checkpoint_is_named(request_for, content):
    request = request_for(epochs=1)
    train(request)
    (request.output / "checkpoint.pt").write_bytes(content)
    with pytest.raises(TrainingError, match=r"checkpoint\.pt is damaged"):
        train(request)


@pytest.mark.parametrize("name", ["checkpoint.pt", "best.pt"])
def test_no_flipped_bit_of_a_checkpoint_goes_on_as_another_model(request_for, name):
    request = request_for(epochs=1)
    train(request)
    path = request.output / name
    sound, whole, said = path.read_bytes(), load_safely(path), []
    for bit in np.random.default_rng(0).integers(0, 8 * len(sound), 40).tolist():
        broken = bytearray(sound)
        broken[bit // 8] ^= 1 << bit % 8
        path.write_bytes(broken)
        try:
            assert_equal(load_safely(path), whole)  # a bit of the container that says nothing
        except TrainingError as error:
            said.append(str(error))
    assert len(said) > 20
    assert all(f"remove {CHECKPOINT} and {BEST}" in message for message in said)


def assert_equal(one, other) -> None:
    if isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            assert_equal(one[key], other[key])
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_equal(a, b)
    else:
        assert one == other


@pytest.mark.parametrize("how", ["flipped", "gone"])
def test_damaged_best_weights_are_said_before_training_goes_on(request_for, how):
    request = request_for()

    def stop(done: int, total: int) -> None:
        if done == 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(request, stop)
    best = request.output / "best.pt"
    if how == "gone":
        best.unlink()
    else:
        data = torch.load(best, weights_only=True)
        next(iter(data["state"].values())).view(-1)[0] += 1
        torch.save(data, best)
    told = Events()
    with pytest.raises(TrainingError, match=r"best\.pt is damaged"):
        train(request, on_event=told)
    assert not told.of(events.Step)
    (request.output / "checkpoint.pt").unlink()
    best.unlink(missing_ok=True)
    assert not train(request).resumed  # what the sentence says to do


def test_a_run_of_version_0_1_goes_on(request_for):
    request = request_for(epochs=1)
    whole = weights(train(request))
    for name in ("checkpoint.pt", "best.pt"):
        data = torch.load(request.output / name, weights_only=True)
        del data["sum"]
        torch.save({**data, "format": 1}, request.output / name)
    result = train(request)
    assert result.resumed
    assert_same(weights(result), whole)


def test_unreadable_images_are_left_out_and_named(request_for, shapes, tmp_path):
    root = tmp_path / "root"
    rows = ["image,caption,drive"]
    for number in range(12):
        (root / f"{number}.png").parent.mkdir(exist_ok=True)
        source = shapes / f"drive{number % 4}" / f"frame_{number % 8:03d}.png"
        (root / f"{number}.png").write_bytes(source.read_bytes())
        rows.append(f"{number}.png,a red car {number},d{number % 4}")
    (root / "3.png").write_bytes(b"")
    (root / "5.png").write_bytes((root / "5.png").read_bytes()[:60])
    (root / "pairs.csv").write_text("\n".join(rows))
    told = Events()
    for freeze in ("encoders", "none"):
        result = train(
            request_for(freeze, pairs=root / "pairs.csv", freeze=freeze, epochs=1, batch=4),
            on_event=told,
        )
        assert [path for path, _ in result.skipped] == ["3.png", "5.png"]
        assert all(reason for _, reason in result.skipped)


@pytest.mark.parametrize("wrong", [False, True])
def test_memory_running_out_halves_the_batch(request_for, monkeypatch, marked, wrong):
    from c4t_core.training.towers import Towers

    real = Towers.forward

    def small_memory(self, images, texts, wrong=None):
        if len(images) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, images, texts, wrong)

    monkeypatch.setattr(Towers, "forward", small_memory)
    told = Events()
    train(request_for(epochs=1, **(marked if wrong else {})), on_event=told)
    # of two pairs there are two further images at most
    assert [event.batch for event in told.of(events.BatchHalved)] == [8, 4, 2][: 2 + wrong]
    monkeypatch.setattr(
        Towers, "forward", lambda *_: (_ for _ in ()).throw(MemoryError("out of memory"))
    )
    with pytest.raises(TrainingError, match="smaller --batch"):
        train(request_for("none", epochs=1))


def test_loss_that_is_no_number_stops(request_for, monkeypatch):
    from c4t_core.training import losses

    real = losses.info_nce
    calls = []

    def broken(*tensors):
        calls.append(1)
        return real(*tensors) * (float("nan") if len(calls) > 5 else 1)

    monkeypatch.setattr(losses, "info_nce", broken)
    told = Events()
    with pytest.raises(TrainingError, match="lower the learning rates"):
        train(request_for(), on_event=told)
    assert "lower the learning rates" in told.of(events.Failed)[0].message


def test_early_stop(request_for):
    told = Events()
    result = train(request_for(epochs=50, early_stop=2, head_rate=0.0), on_event=told)
    assert result.epochs == 3
    assert told.of(events.StoppedEarly)


def test_estimate_comes_first_and_changes_nothing(request_for, monkeypatch):
    from c4t_core.training.steps import Stepper

    told = Events()
    with_it = train(request_for("one", freeze="none"), on_event=told)
    kinds = [type(event) for event in told]
    order = [events.PairsRead, events.Estimate, events.Step]
    assert sorted(order, key=kinds.index) == order
    assert told.of(events.Estimate)[0].seconds > 0
    monkeypatch.setattr(Stepper, "seconds_per_step", lambda *_: 1.0)
    without = train(request_for("two", freeze="none"))
    assert_same(weights(with_it), weights(without), tolerance=0.0)


def test_logs(request_for):
    result = train(request_for())
    with (result.output / "training.csv").open(encoding="utf-8") as lines:
        table = list(csv.DictReader(lines))
    assert [row["epoch"] for row in table] == ["0", "1", "2"]
    assert float(table[0]["text_recall/1"]) == history(result)[0]["text_recall"]["1"]
    assert list((result.output / "tensorboard").iterdir())
    assert json.loads((result.output / "report.json").read_text())["best_epoch"] >= 0


def test_registered_model_runs_in_both_engines_and_the_old_one_stays(
    request_for, tiny_model_folder
):
    before = folder.verify_manifest(tiny_model_folder)
    result = train(request_for(name="mine"))
    assert result.name == "c4t:mine"
    assert "c4t:mine" in {info.name for info in list_models()}
    texts = ["a red car", "a blue car sea"]
    onnx = load_model("c4t:mine", engine="onnx").encode_texts(texts)
    in_torch = load_model("c4t:mine", engine="torch", device="cpu").encode_texts(texts)
    assert np.allclose(onnx, in_torch, atol=1e-5)
    old = load_model(str(tiny_model_folder)).encode_texts(texts)
    assert np.abs(old - onnx).max() > 1e-3
    assert folder.verify_manifest(tiny_model_folder) == before
    assert train(request_for(name="mine")).name == "c4t:mine"  # run again: already there
    with pytest.raises(TrainingError, match="choose another --name"):
        train(request_for("other", name="mine"))
