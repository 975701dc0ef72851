"""Where the catalogue and what is cached of it lie."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from c4t_core import paths
from c4t_core.errors import CatalogueError


def catalogue_path() -> Path:
    """Return the catalogue's file.

    Raises:
        CatalogueError: if the data folder cannot be made.
    """
    try:
        return paths.data_dir() / "catalogue.sqlite"
    except OSError as error:
        raise CatalogueError(
            f"The data folder cannot be made ({error}); set C4T_DATA_DIR to a folder that may be "
            "written."
        ) from error


def index_folder() -> Path:
    """Return the folder of approximate indexes; they can be made again at any time."""
    return paths.cache_dir() / "hnsw"


def lock_path(root: str, fingerprint: str) -> Path:
    """Return the writers' lock file of a root and a model."""
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()
    return paths.data_dir() / "locks" / f"{digest[:16]}-{fingerprint[:16]}.lock"
