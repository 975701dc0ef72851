"""What all tests share: a data folder of their own, and where real images may lie."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Before any Qt import: the tests need no screen.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Before torch and numpy: the networks of the tests are so small that threads only wait for each
# other, and on a busy machine for minutes.
os.environ.setdefault("OMP_NUM_THREADS", "1")

_BESIDE = Path(__file__).resolve().parents[2] / "shared"


# Left to make test-long too: what CI has no time for on a slow machine.
_LONG = (
    "core/training/", "desktop/training/", "scripts/", "core/cluster/test_ray.py",
    "e2e/test_what_the_user_made.py", "e2e/test_on_clip_in_the_window.py",
    "e2e/test_wizard_story.py", "core/models/test_clip", "desktop/test_many_hits.py",
)  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is long, and begin with the longest: last, one would keep a process busy alone."""
    for item in items:
        if item.path.relative_to(Path(__file__).parent).as_posix().startswith(_LONG):
            item.add_marker("long")
    items.sort(key=lambda item: not {"e2e", "training"}.intersection(item.path.parts))


@pytest.fixture
def qtbot(qtbot: Any) -> Any:
    """Wait four times as long as pytest-qt does: two busy cores have been that slow."""
    for wait in ("waitUntil", "waitSignal", "waitSignals"):
        setattr(qtbot, wait, functools.partial(getattr(qtbot, wait), timeout=20_000))
    return qtbot


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Networks that were made fast, 70 MB of the shipped model, for all tests."""
    return tmp_path_factory.mktemp("networks")


@pytest.fixture(autouse=True)
def data_dir(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, networks: Path
) -> Path:
    """Every test writes into a data folder of its own."""
    folder = tmp_path_factory.mktemp("c4t-data")
    if os.name == "posix":  # elsewhere a link may need rights, and each test makes its own
        (folder / "cache").mkdir(mode=0o700)
        (folder / "cache" / "networks").symlink_to(networks)
    monkeypatch.setenv("C4T_DATA_DIR", str(folder))
    return folder


def _real(variable: str, name: str) -> Path:
    folder = Path(os.environ.get(variable, _BESIDE / name))
    if not folder.is_dir():
        pytest.skip(f"no real images: set {variable} to the folder {name}")
    return folder


@pytest.fixture(scope="session")
def drive_data() -> Path:
    """Real driving images with ground truth, where this machine has them."""
    return _real("C4T_DRIVE_DATA", "drive_data")


@pytest.fixture(scope="session")
def odd_images() -> Path:
    """Awkward image files, where this machine has them."""
    return _real("C4T_ODD_IMAGES", "odd_images")


@pytest.fixture(scope="session")
def shipped_model() -> Path:
    """The folder of the model that ships, where this checkout has it."""
    from c4t_core import paths

    try:
        folder = paths.resource("models", "lite")
    except FileNotFoundError:
        pytest.skip("the shipped model is not there")
    if not (folder / "manifest.json").is_file():
        pytest.skip("the shipped model is not there")
    return folder


@pytest.fixture(scope="session")
def tiny_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole C4T model folder with random weights, both engines; never write into it."""
    from tests.helpers.tiny_model import make_tiny_model

    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tiny_model(tiny_model_folder: Path) -> Any:
    """That model, loaded for ONNX Runtime (a ``c4t_core.models.protocol.Model``)."""
    from c4t_core.models.c4t import C4TFolder
    from c4t_core.models.engine import OnnxModel

    return OnnxModel(C4TFolder(tiny_model_folder, "tiny"), threads=1)


@pytest.fixture(scope="session", autouse=True)
def clipboard_emptied_at_the_end() -> Iterator[None]:
    """Leave nothing on the clipboard: Qt lets go of it after Python has ended, and crashes.

    Only the offscreen platform keeps it that long; real ones give it up with the application.
    """
    yield
    if "PySide6.QtWidgets" in sys.modules:
        from PySide6.QtGui import QGuiApplication

        if QGuiApplication.instance() is not None:
            QGuiApplication.clipboard().clear()
