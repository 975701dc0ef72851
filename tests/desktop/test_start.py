"""Starting where no window can be shown: a plain sentence instead of Qt's abort."""

from __future__ import annotations

import pytest

from c4t_desktop.__main__ import main, no_screen


def absent(name):
    raise OSError(name)


@pytest.mark.parametrize(
    ("environment", "platform", "load", "says"),
    [
        ({}, "linux", str, "no screen"),
        ({"DISPLAY": ":0"}, "linux", absent, "libxcb-cursor0"),
        ({"DISPLAY": ":0", "QT_QPA_PLATFORM": "xcb"}, "linux", absent, "libxcb-cursor0"),
        ({"DISPLAY": ":0"}, "linux", str, ""),
        ({"QT_QPA_PLATFORM": "offscreen"}, "linux", absent, ""),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", absent, ""),
        ({}, "darwin", absent, ""),
        ({}, "win32", absent, ""),
    ],
)
def test_what_is_missing_for_the_screen(environment, platform, load, says):
    sentence = no_screen(environment, platform, load)
    assert says in sentence
    assert bool(sentence) == bool(says)


def test_without_a_screen_it_says_so_and_ends(monkeypatch, capsys):
    for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("c4t_desktop.__main__.no_screen.__defaults__", ("linux", str))
    assert main(["c4t-desktop"]) == 1
    assert "no screen" in capsys.readouterr().err
