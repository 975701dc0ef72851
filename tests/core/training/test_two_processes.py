"""``accelerate launch`` with two CPU processes trains what one process trains."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from c4t_core.training.request import TrainingOptions, TrainingRequest  # noqa: E402
from c4t_core.training.session import train  # noqa: E402

RUN = """
import json, sys
from pathlib import Path
from c4t_core.training.events import to_line
from c4t_core.training.request import TrainingOptions, TrainingRequest
from c4t_core.training.session import train
plain = json.loads(sys.argv[1])
options = TrainingOptions(**plain.pop("options"))
for key in ("pairs", "images", "output"):
    plain[key] = Path(plain[key])
train(TrainingRequest(options=options, **plain), on_event=lambda e: print(to_line(e)))
"""


@pytest.fixture
def still_model(tmp_path: Path, tiny_model_folder: Path) -> Path:
    """The tiny model without dropout, whose draws differ between processes; frames to rehearse."""
    import dataclasses

    from c4t_core.models import folder
    from c4t_core.training.examples import Examples, save_examples

    rng = np.random.default_rng(0)
    examples = Examples(
        features=rng.normal(size=(6, 512)).astype(np.float32),
        queries=(),
        truth=np.empty((0, 6), np.float32),
        rehearsed=rng.normal(size=(40, 512)).astype(np.float32),
        phrases=("a red car", "fog"),
        concepts=np.array([[0, 0], [1, 1]], np.int32),
        fits=rng.integers(0, 2, (2, 40)).astype(np.float32),
        weights=np.ones(2, np.float32),
    )

    config = dataclasses.replace(folder.read_config(tiny_model_folder), dropout=0.0)
    return folder.save_model(
        tmp_path / "still",
        config,
        folder.load_state(tiny_model_folder),
        folder.read_tokenizer(tiny_model_folder),
        "# Still\n",
        finish=lambda beside: [save_examples(beside, examples), folder.write_manifest(beside)],
    )


@pytest.mark.timeout(600)  # two processes import torch beside each other
@pytest.mark.skipif(sys.platform == "win32", reason="gloo over a file is not tried there")
@pytest.mark.long
def test_two_processes_train_what_one_trains(shapes, still_model, tmp_path):
    script = tmp_path / "run.py"
    script.write_text(RUN)
    header, *rows = (shapes / "pairs.csv").read_text().splitlines()
    wrong = [
        f"{row.split(',')[0]},{rows[0].split(',')[1]},{row.split(',')[2]},0" for row in rows[1:]
    ]
    lines = [f"{header},shown", *(f"{row},1" for row in rows), *wrong]
    (tmp_path / "marked.csv").write_text("\n".join(lines))

    def plain(output: str) -> dict:
        return {
            "pairs": str(tmp_path / "marked.csv"),
            "images": str(shapes),
            "output": str(tmp_path / output),
            "base": str(still_model),
            "device": "cpu",
            "guard": False,
            "options": {
                "loss": "siglip",  # scale and bias are learned: a gradient of their own
                "freeze": "encoders",
                "batch": 16,
                "epochs": 2,
                "head_rate": 1e-3,
                "validation_share": 0.25,
                "rehearse": 0.5,
            },
        }

    launch = (
        *("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"),
        *("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"),
        *("--num_cpu_threads_per_process", "1", "--main_process_port", "0"),
    )
    done = subprocess.run(
        [sys.executable, *launch, str(script), json.dumps(plain("two"))],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    starts = [event for event in events if event["event"] == "start"]
    assert [event["processes"] for event in starts] == [2]  # one of them speaks
    alone = plain("one")
    options = TrainingOptions(**alone.pop("options"))
    pairs, images, output = (Path(alone.pop(key)) for key in ("pairs", "images", "output"))
    train(TrainingRequest(pairs, output, images, options=options, **alone))
    one, two = (
        torch.load(tmp_path / output / "best.pt", weights_only=True)["state"]
        for output in ("one", "two")
    )
    assert one.keys() == two.keys()
    for name, tensor in one.items():
        assert torch.allclose(tensor.float(), two[name].float(), atol=1e-5), name
