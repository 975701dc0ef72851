"""``python -m c4t_core`` is the ``c4t`` command."""

from __future__ import annotations

import sys

from c4t_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
