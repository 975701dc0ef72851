"""Starts the system's file manager."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QProcess

_PROGRAMS = {"win32": ("explorer", "/select,"), "darwin": ("open", "-R")}


def reveal(file: Path) -> bool:
    """Show a file in the file manager; False where no program is known that does that."""
    program = _PROGRAMS.get(sys.platform)
    if program is not None:
        QProcess.startDetached(program[0], [program[1], str(file)])
    return program is not None
