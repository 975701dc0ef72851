"""Keeping the catalogue in order: moving and forgetting folders, space used, cleaning."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from c4t_core.errors import FolderError
from c4t_core.index.catalogue import Catalogue
from c4t_core.index.targets import check_folder, resolve


@dataclass(frozen=True)
class Space:
    """Bytes on disk."""

    catalogue: int  # rows and vectors
    indexes: int  # approximate indexes; made again at need
    damaged: int  # damaged catalogues that were set aside


def forget(catalogue: Catalogue, folder: Path) -> None:
    """Drop a root with its rows and vectors.

    Raises:
        FolderError: if the folder is not a root of the catalogue.
    """
    catalogue.forget_root(_root_id(catalogue, folder))


def relocate(catalogue: Catalogue, old: Path, new: Path) -> None:
    """Note that a root lies elsewhere now; rows and vectors are kept.

    Raises:
        FolderError: if the old folder is not a root, or the new one is missing or in use.
    """
    root_id = _root_id(catalogue, old)
    check_folder(new)
    real = os.path.realpath(new)
    if any(root.path == real for root in catalogue.roots()):
        raise FolderError(
            f'"{new}" is in the catalogue already; forget it there first, or index it.', new
        )
    catalogue.move_root(root_id, real)


def _root_id(catalogue: Catalogue, folder: Path) -> int:
    target = resolve(catalogue, folder)
    if target.root is None or target.below:
        raise FolderError(
            f'"{folder}" is not a folder of the catalogue; name one as it was opened.', folder
        )
    return target.root.id


def space(catalogue: Catalogue, indexes: Path) -> Space:
    """Return what is used on disk."""
    base = catalogue.path
    return Space(
        sum(_size(base.with_name(base.name + ending)) for ending in ("", "-wal", "-shm")),
        sum(_size(path) for path in indexes.glob("*")),
        sum(_size(path) for path in _damaged(base)),
    )


def clean(catalogue: Catalogue, indexes: Path, keep_models: Sequence[str] | None) -> int:
    """Drop what is not needed and give the space back; return the number of bytes.

    Dropped are vectors of models other than ``keep_models`` (None keeps all), index files that
    can be made again, and damaged catalogues that were set aside.
    """
    before = space(catalogue, indexes)
    if keep_models is not None:
        for fingerprint in catalogue.fingerprints():
            if fingerprint not in keep_models:
                catalogue.forget_model(fingerprint)
    for path in [*indexes.glob("*"), *_damaged(catalogue.path)]:
        with contextlib.suppress(OSError):
            path.unlink()
    catalogue.compact()
    after = space(catalogue, indexes)
    return max(0, _sum(before) - _sum(after))


def _sum(used: Space) -> int:
    return used.catalogue + used.indexes + used.damaged


def _damaged(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.damaged-*"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
