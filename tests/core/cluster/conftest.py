"""Folders of small pictures, indexed with a toy model, and tables made of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from c4t_core.cluster import copying
from c4t_core.cluster.opening import open_workspace
from c4t_core.index.directions import ModelHandle
from c4t_core.index.store.catalogue import Catalogue, catalogue_path
from c4t_core.workspace import Workspace
from tests.helpers.toy_model import COLOURS, ToyModel, save_picture

Open = Callable[..., Workspace]


@pytest.fixture
def model() -> ToyModel:
    return ToyModel()


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """Three short drives: 18 pictures in six colours."""
    folder = tmp_path / "drives"
    for place, (name, colour) in enumerate(COLOURS.items()):
        for number in range(3):
            file = f"{name}_20261009T1640{number:02d}_{number:06d}.png"
            save_picture(folder / f"drive{place % 3}" / file, colour, number)
    return folder


@pytest.fixture
def open_(model: ToyModel) -> Iterator[Open]:
    """Open folders and tables that are closed at the end."""
    opened: list[Workspace] = []

    def open_one(*folders: str | Path, **more: object) -> Workspace:
        opened.append(open_workspace(list(folders), model, **more))  # type: ignore[arg-type]
        return opened[-1]

    yield open_one
    for workspace in opened:
        workspace.close()


@pytest.fixture
def share(model: ToyModel) -> Callable[[Sequence[Path], Path], copying.Brought]:
    """Write what is indexed of folders into a table."""

    def share(folders: Sequence[Path], table: Path) -> copying.Brought:
        with contextlib.closing(Catalogue(catalogue_path())) as catalogue:
            return copying.from_workspace(folders, ModelHandle(model), str(table), catalogue)

    return share
