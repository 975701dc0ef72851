"""Where things lie on this machine: what we write, and what came with the application.

Everything the application writes goes below :func:`data_dir` and :func:`cache_dir`;
``C4T_DATA_DIR`` puts both in one folder. Nothing is ever written into an image folder.

Folders are made where that is possible. Where it is not, whoever writes there says so.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import platformdirs

_APP = "c4t-desktop"


def _made(folder: str | Path) -> Path:
    with contextlib.suppress(OSError):
        Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder)


def data_dir() -> Path:
    """Return the folder of catalogues, user data and models, made if needed."""
    return _made(_override() or platformdirs.user_data_dir(_APP, appauthor=False))


def cache_dir() -> Path:
    """Return the folder of what can be made again (thumbnails, index files), made if needed."""
    override = _override()
    usual = platformdirs.user_cache_dir(_APP, appauthor=False)
    return _made(Path(override, "cache") if override else usual)


def _override() -> str:
    return os.environ.get("C4T_DATA_DIR", "")


def log_dir() -> Path:
    """Return the folder of log files, made if needed."""
    return _made(data_dir() / "logs")


def models_dir() -> Path:
    """Return the folder of the user's own models, one folder each, made if needed."""
    return _made(data_dir() / "models")


def resource(*parts: str) -> Path:
    """Return the path of a file or folder that ships with the application.

    In a wheel the resources lie inside the package as ``_resources``; in a checkout they are
    the top-level folder ``resources``.

    Raises:
        FileNotFoundError: if it is in neither place.
    """
    package = Path(__file__).resolve().parent
    for base in (package / "_resources", package.parent / "resources"):
        candidate = base.joinpath(*parts)
        if candidate.exists():
            return candidate
    raise FileNotFoundError(f"resource {'/'.join(parts)} is not part of this installation")
