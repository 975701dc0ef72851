"""What is known of opened folders without touching the disks they lie on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from c4t_core.index import locks
from c4t_core.index.catalogue import Catalogue
from c4t_core.index.model_handle import ModelHandle
from c4t_core.index.searcher import Searcher
from c4t_core.index.targets import Target


@dataclass(frozen=True)
class FolderStatus:
    """One opened folder: what is known of it without touching the disk it lies on."""

    folder: Path
    total: int  # images in the catalogue
    embedded: int  # of them, with a vector of this model
    skipped: int
    offline: bool  # not there at the last run
    scanned: float | None  # when a run for this model last finished, seconds since 1970
    busy: str | None  # who is indexing it now, in words
    search: str  # what answers: "exact" or "hnsw"


@dataclass(frozen=True)
class WorkspaceStatus:
    """All opened folders together."""

    total: int
    embedded: int
    offline: int  # images in folders that are not there
    skipped: int
    folders: tuple[FolderStatus, ...]


def of(searcher: Searcher, catalogue: Catalogue, model: ModelHandle) -> WorkspaceStatus:
    """Return the status of all folders of a searcher."""
    model_id = catalogue.model_id(model.fingerprint)
    folders = tuple(
        _folder(searcher, catalogue, target, model, model_id) for target in searcher.targets()
    )
    return WorkspaceStatus(
        sum(folder.total for folder in folders),
        sum(folder.embedded for folder in folders),
        sum(folder.total for folder in folders if folder.offline),
        sum(folder.skipped for folder in folders),
        folders,
    )


def _folder(
    searcher: Searcher,
    catalogue: Catalogue,
    target: Target,
    model: ModelHandle,
    model_id: int | None,
) -> FolderStatus:
    busy = locks.holder(target.lock_path(model.fingerprint))
    root, lookup = target.root, searcher.lookup(target)
    if root is None or lookup is None:
        return FolderStatus(target.folder, 0, 0, 0, False, None, busy, "exact")
    total, embedded, failed = lookup.counts(model_id, target.below)
    run = None if model_id is None else catalogue.run(root.id, model_id)
    serving = "exact"
    if run is not None and model_id is not None:
        serving = searcher.vectors(root, model_id).serving()
    scanned = run[0] if run else None
    return FolderStatus(
        target.folder, total, embedded, failed, root.offline, scanned, busy, serving
    )
