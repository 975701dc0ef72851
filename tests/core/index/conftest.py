"""Folders of small pictures, a toy model, and ways to open them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from c4t_core.workspace import Workspace, open_workspace
from tests.helpers.toy_model import COLOURS, ToyModel, save_picture


@pytest.fixture
def model() -> ToyModel:
    return ToyModel()


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """Three short drives: 18 pictures in six colours, with labels beside them."""
    folder = tmp_path / "drives"
    for place, (name, colour) in enumerate(COLOURS.items()):
        for number in range(3):
            save_picture(folder / f"drive{place % 3}" / f"{name}_{number:06d}.png", colour, number)
            save_picture(folder / "labels" / f"{name}_{number:06d}.png", colour, number)
    return folder


@pytest.fixture
def open_(model: ToyModel) -> Iterator[Callable[..., Workspace]]:
    """Open workspaces that are closed at the end."""
    opened: list[Workspace] = []

    def open_one(*folders: str | Path, with_model: ToyModel | None = None, **more) -> Workspace:
        opened.append(open_workspace(list(folders), with_model or model, **more))
        return opened[-1]

    yield open_one
    for workspace in opened:
        workspace.close()
