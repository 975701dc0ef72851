"""Write a report's files. The same inputs give the same bytes: no clock, no chance, sorted."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from c4t_core.errors import DataError
from c4t_core.evaluation.benchmark import Report


def write_json(report: Report, path: Path) -> None:
    """Write ``report.json``: unrounded floats, null for what is undefined."""
    text = json.dumps(report.data, ensure_ascii=False, indent=1, allow_nan=False)
    write_bytes(path, text.encode("utf-8", "surrogateescape") + b"\n")


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file as a whole or not at all.

    Raises:
        DataError: if it cannot be written.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as out:
            out.write(data)
        os.chmod(out.name, 0o644)
        os.replace(out.name, path)
    except OSError as error:
        raise DataError(
            f'The report cannot be written to "{path.parent}" ({error.strerror}); choose another '
            "folder with -o.",
            path,
        ) from error
