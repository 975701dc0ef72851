"""Reading and writing of the text files that labels and pairs come in."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from c4t_core.errors import DataError


@contextlib.contextmanager
def atomic_text(path: Path) -> Iterator[TextIO]:
    """Open a UTF-8 file that takes its name only when the block ends well.

    Names with undecodable bytes (as Python holds them) are written as those bytes.

    Raises:
        OSError: if the folder cannot be written; nothing of the new file is left then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", errors="surrogateescape", newline="") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        DataError: if it cannot be read or is not JSON, with the line.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}); check the path and its permissions", path
        ) from error
    try:
        return json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}:{line} is not UTF-8 text; save it as UTF-8 JSON", path, line
        ) from error
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}:{error.lineno} is not valid JSON ({error.msg.lower()}); mend or remove it",
            path,
            error.lineno,
        ) from error
    except RecursionError as error:
        raise DataError(f"{path} is nested too deeply; it is no label file", path, 1) from error
