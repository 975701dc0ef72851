"""Where things lie on this machine: what we write, and what came with the application.

Everything the application writes goes below :func:`data_dir` and :func:`cache_dir`;
``C4T_DATA_DIR`` puts both in one folder. Nothing is ever written into an image folder.

What is written tells where somebody drove, so nobody else may read it: folders made here are
open to this user only, and so are those of the platform, which are ours. A folder named by
``C4T_DATA_DIR`` that was there before is left as its owner set it: others may share it on purpose.

Folders are made where that is possible. Where it is not, whoever writes there says so.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

import platformdirs

_APP = "c4t-desktop"


def _made(folder: str | Path, *, ours: bool = False) -> Path:
    path = Path(folder)
    if ours and path.is_dir():
        _close_to_others(path)
    else:
        with contextlib.suppress(OSError):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def _close_to_others(path: Path) -> None:
    if os.name == "posix":
        with contextlib.suppress(OSError):
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o077:
                path.chmod(mode & 0o700)


def keep_private(path: Path) -> None:
    """Have a file (and the journals of a database) read by this user only, made if needed.

    On Windows, and where the disk knows no such rights, the folder decides.
    """
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    for ending in ("", "-wal", "-shm", "-journal"):
        _close_to_others(path.with_name(path.name + ending))


def data_dir() -> Path:
    """Return the folder of catalogues, user data and models, made if needed."""
    override = _override()
    usual = platformdirs.user_data_dir(_APP, appauthor=False)
    return _made(override or usual, ours=not override)


def cache_dir() -> Path:
    """Return the folder of what can be made again (thumbnails, index files), made if needed."""
    override = _override()
    usual = platformdirs.user_cache_dir(_APP, appauthor=False)
    return _made(Path(override, "cache") if override else Path(usual), ours=not override)


def own_folders(*, caches: bool = False) -> list[Path]:
    """Return where the application's data may lie, this run's and the platform's; none is made.

    Args:
        caches: only those of what can be made again, such as thumbnails.
    """
    override = _override()
    cache = [Path(platformdirs.user_cache_dir(_APP, appauthor=False))]
    data = [Path(platformdirs.user_data_dir(_APP, appauthor=False))]
    if override:
        cache.append(Path(override, "cache"))
        data.append(Path(override))
    return cache if caches else cache + data


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
