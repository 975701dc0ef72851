"""Nothing is sent, nothing is written outside: every program, watched below Python.

Allowed are the data folder, what the command line names, and the folder for temporary files, in
which nothing may be left. So are devices, this process's own entries of ``/proc`` (names of
threads), shared memory, and Python's bytecode beside the modules, which Python itself keeps.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.trace import Trace, trace, why_not

ROOT = Path(__file__).parents[2]
WHY_NOT = why_not()
ALLOWED = ("/dev", "/proc/self", "pipe:", "/memfd:")
# Some libraries report nothing where they believe to be tested; here they must not know.
KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SYSTEMROOT", "OMP_NUM_THREADS")

WINDOW = """
import sys, time
from c4t_desktop.app import create_application
from PySide6.QtWidgets import QWidget
app, window = create_application(["c4t-desktop", *sys.argv[1:]])
window.resize(1200, 800)
library, finder = window.desktop.context.library, window.desktop.context.finder
def until(what):
    while not what():
        app.processEvents()
        time.sleep(0.01)
until(lambda: library.opened_now is not None and library.opened_now.workspace.status().embedded)
until(lambda: not library.is_indexing)
window.findChild(QWidget, "searchField").setText("a car")
until(lambda: finder.found is not None and finder.found.question.text == "a car")
until(lambda: window.view.model().rowCount() > 0)
until(lambda: window.desktop.context.cache.bytes_used)
window.close()
window.desktop.shutdown()
print("seen")
"""
LIBRARY = """
import sys
from pathlib import Path
import c4t_core
pictures, pairs, model, out = map(Path, sys.argv[1:])
with c4t_core.open_workspace(pictures, str(model)) as workspace:
    workspace.index()
    print(len(workspace.search("a car")))
report = c4t_core.evaluate(c4t_core.EvaluationRequest(pairs, pictures, models=(str(model),)))
from c4t_core.evaluation.report import write_report
write_report(report, out)
"""
NOT_QUIET = """
import ctypes, pathlib, socket, struct, threading
libc = ctypes.CDLL(None)
def call():
    handle = libc.socket(2, 2, 0)
    address = struct.pack("<H2s4s8x", 2, b"\\0\\t", bytes([127, 0, 0, 1]))
    libc.connect(handle, address, 16)
thread = threading.Thread(target=call)
thread.start()
thread.join()
pathlib.Path.home().joinpath("note").write_text("here")
"""


def draw(folder: Path) -> None:
    """Four drives of four pictures with A2D2's labels."""
    for place in ("images", "labels"):
        (folder / place).mkdir(parents=True)
    for number in range(16):
        label = np.zeros((40, 60, 3), dtype=np.uint8)
        label[:20], label[20:] = (135, 206, 255), (255, 0, 255)
        label[24:30, number : number + 8] = (255, 0, 0)
        stamp = f"201808{7 + number // 4:02}145028"
        name = f"{stamp}_{{}}_frontcenter_{number:09}.png"
        Image.fromarray(label).save(folder / "labels" / name.format("label"))
        picture = Image.new("RGB", (60, 40), (15 * number, 200, 50))
        picture.save(folder / "images" / name.format("camera"))
    classes = {"#ff0000": "Car 1", "#87ceff": "Sky", "#ff00ff": "RD normal street"}
    (folder / "class_list.json").write_text(json.dumps(classes), encoding="utf-8")


class World:
    """A home, a data folder and inputs that nothing else uses."""

    def __init__(self, base: Path, model: Path) -> None:
        self.base, self.model = base, model
        self.source, self.out = base / "source", base / "out"
        for name in ("home", "data", "temporary", "out"):
            (base / name).mkdir()
        draw(self.source)
        self.pairs = base / "pairs.csv"
        with self.pairs.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(("image", "caption", "drive"))
            for path in sorted((self.source / "images").iterdir()):
                what = ("a car", "a truck in snow", "a person and a bus")[int(path.name[-5]) % 3]
                rows.writerow((f"images/{path.name}", what, path.name[:14]))
        for name, text in (("window", WINDOW), ("library", LIBRARY), ("texts", "a car\n")):
            (base / f"{name}.py").write_text(text, encoding="utf-8")

    def environment(self) -> dict[str, str]:
        return {
            **{name: os.environ[name] for name in KEPT if name in os.environ},
            "HOME": str(self.base / "home"),
            "TMPDIR": str(self.base / "temporary"),
            "C4T_DATA_DIR": str(self.base / "data"),
            "PYTHONPATH": str(ROOT),
            "QT_QPA_PLATFORM": "offscreen",
        }

    def words(self, step: str) -> list[str | Path]:
        program = ("-m", "c4t_core")
        model, images = ("--model", self.model), self.source / "images"
        quick = ("--device", "cpu", "--batch", "4", "--epochs", "1", "--freeze", "encoders")
        return {
            "index": [*program, "index", images, *model],
            "search": [*program, "search", images, "a car", *model],
            "embed images": [
                *(*program, "embed", "images", images, "-o", self.out / "images.npz", *model)
            ],
            "embed texts": [
                *(*program, "embed", "texts", self.base / "texts.py"),
                *("-o", self.out / "texts.npz", *model),
            ],
            "caption": [*program, "caption", "a2d2", self.source, "-o", self.out / "made.csv"],
            "evaluate": [
                *(*program, "evaluate", self.pairs, "--images", self.source, *model),
                *("-o", self.out / "report"),
            ],
            "train": [
                *(*program, "train", self.pairs, "--images", self.source, "--from", self.model),
                *("--output", self.out / "training", "--loss", "infonce", *quick),
            ],
            "models": [*program, "models", "list"],
            "doctor": [*program, "doctor"],
            "window": [self.base / "window.py", images],
            "library": [
                *(self.base / "library.py", self.source, self.pairs),
                *(self.model, self.out / "by library"),
            ],
        }[step]

    def run(self, step: str) -> Trace:
        words = [sys.executable, *map(str, self.words(step))]
        return trace(words, self.base, self.environment())

    def faults(self, done: Trace) -> list[str]:
        outside = done.outside(self.base / "data", self.out, self.base / "temporary")
        left = [str(path) for path in (self.base / "temporary").iterdir()]
        return [
            *done.network,
            *sorted(
                path
                for path in outside
                if not path.startswith(ALLOWED) and "/__pycache__" not in path
            ),
            *left,
        ]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, tiny_model_folder: Path) -> World:
    if WHY_NOT:
        assert not os.environ.get("C4T_MUST_TRACE"), WHY_NOT
        pytest.skip(WHY_NOT)
    made = World(tmp_path_factory.mktemp("world"), tiny_model_folder)
    if shutil.which("fc-cache"):  # the first to ask for fonts renews a cache older than they are
        subprocess.run(["fc-cache"], env=made.environment(), check=True, capture_output=True)
    return made


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "step",
    [
        *("index", "search", "embed images", "embed texts", "caption", "evaluate"),
        *("models", "window"),
        *(pytest.param(step, marks=pytest.mark.long) for step in ("train", "doctor", "library")),
    ],
)
def test_nothing_is_sent_or_written_elsewhere(world: World, step: str) -> None:
    if step == "search":  # whichever test runs first
        world.run("index")
    done = world.run(step)
    assert done.code == 0, done.output
    assert world.faults(done) == []


def test_what_native_code_does_is_seen(world: World) -> None:
    done = trace([sys.executable, "-c", NOT_QUIET], world.base, world.environment())
    assert done.code == 0, done.output
    assert any("connect(" in call and "127.0.0.1" in call for call in done.network)
    assert done.outside(world.base / "data") == {str(world.base / "home" / "note")}


def test_importing_the_core_switches_reports_off() -> None:
    code = (
        "import os, sys, c4t_core\n"
        "from c4t_core.quiet import REPORTING\n"
        "print(*(f'{name}={os.environ[name]}' for name in REPORTING))\n"
        "assert 'onnxruntime' not in sys.modules\n"
    )
    plain = {name: value for name, value in os.environ.items() if "TELEMETRY" not in name}
    plain = {**plain, "HF_HUB_DISABLE_TELEMETRY": "0"}  # the user's word stands
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=plain, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    said = dict(word.split("=") for word in done.stdout.split())
    assert said["ORT_DISABLE_TELEMETRY"] == "1"
    assert said["HF_HUB_DISABLE_TELEMETRY"] == "0"
