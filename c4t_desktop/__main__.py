"""``c4t-desktop [FOLDER...]`` and ``python -m c4t_desktop``."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Mapping

_USAGE = """usage: c4t-desktop [FOLDER...]

Find driving situations in folders of camera frames by describing them.
Without FOLDER the folders that were open last are opened again."""
_QT_PARTS = (
    "libgl1 libegl1 libglib2.0-0 libxkbcommon0 libfontconfig1 libdbus-1-3 libxcb-cursor0 "
    "libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libxcb-xkb1 libxkbcommon-x11-0"
)


def _say(text: str) -> None:
    """Print, where there is a terminal (there is none for a Windows GUI script)."""
    if sys.stderr is not None:
        sys.stderr.write(text + "\n")


def no_screen(
    environment: Mapping[str, str],
    platform: str = sys.platform,
    load: Callable[[str], object] = ctypes.CDLL,
) -> str:
    """Return why no window can be shown on this machine, with the remedy; "" if it can.

    Qt would abort with a message of its own, which names neither package nor remedy.
    """
    chosen = environment.get("QT_QPA_PLATFORM", "")
    if not platform.startswith("linux") or chosen not in ("", "xcb"):
        return ""
    if environment.get("WAYLAND_DISPLAY") and not chosen:
        return ""
    if not environment.get("DISPLAY"):
        return (
            "The window cannot start: there is no screen (DISPLAY is not set). Start it on a "
            'desktop, or search without a window: c4t search FOLDER "truck in snow"'
        )
    try:
        load("libxcb-cursor.so.0")
    except OSError:
        return (
            "The window cannot start: a part that Qt needs for the screen is missing. On Debian "
            f"or Ubuntu: sudo apt-get install {_QT_PARTS}"
        )
    return ""


def main(argv: list[str] | None = None) -> int:
    """Open the window; return the exit status."""
    words = list(sys.argv if argv is None else argv)
    if any(word in ("-h", "--help") for word in words[1:]):
        _say(_USAGE)
        return 0
    unknown = [word for word in words[1:] if word.startswith("-")]
    if unknown:
        _say(f"{_USAGE}\n\nc4t-desktop: unknown option {unknown[0]}")
        return 2
    problem = no_screen(os.environ)
    if problem:
        _say(problem)
        return 1
    try:
        from c4t_desktop.app import run
    except ImportError as error:
        if os.environ.get("C4T_DEBUG") == "1":
            raise
        _say(
            f"The window cannot start: {error}. On Debian or Ubuntu install what Qt needs: "
            f"sudo apt-get install {_QT_PARTS}"
        )
        return 1
    return run(words)


if __name__ == "__main__":
    status = main()
    # Work that did not end in time sits in daemon threads; leave without waiting for them.
    sys.stdout.flush() if sys.stdout is not None else None
    os._exit(status)
