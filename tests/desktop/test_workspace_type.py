"""The core's workspace and its double take what the window gives them."""

from __future__ import annotations

import inspect

import pytest

from c4t_core.workspace import Workspace
from c4t_desktop.services.workspace import WorkspaceLike
from tests.helpers.fake_core import FakeWorkspace

METHODS = {
    name: inspect.signature(method)
    for name, method in vars(WorkspaceLike).items()
    if inspect.isfunction(method) and not name.startswith("_")
}


@pytest.mark.parametrize("kind", [Workspace, FakeWorkspace])
@pytest.mark.parametrize("name", METHODS)
def test_a_method_takes_the_arguments_that_the_window_may_give(kind, name):
    wanted = METHODS[name].parameters
    taken = inspect.signature(getattr(kind, name)).parameters
    assert {part: taken[part].kind for part in wanted} == {
        part: entry.kind for part, entry in wanted.items()
    }
    placed = [part for part, entry in wanted.items() if entry.kind is not entry.KEYWORD_ONLY]
    assert list(taken)[: len(placed)] == placed
    more = [entry for part, entry in taken.items() if part not in wanted]
    assert all(entry.default is not inspect.Parameter.empty for entry in more)


def test_the_double_takes_nothing_that_the_core_refuses():
    for name in METHODS:
        known = inspect.signature(getattr(Workspace, name)).parameters
        assert set(inspect.signature(getattr(FakeWorkspace, name)).parameters) <= set(known)
