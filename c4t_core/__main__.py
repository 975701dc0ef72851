"""``python -m c4t_core`` is the ``c4t`` command."""

from __future__ import annotations

from c4t_core.cli import program

if __name__ == "__main__":
    program()
